/* config_reload.c - what a reload may change, changed in place under running threads. Only numbers
 * can be reloadable: one is replaced by one atomic store, where a string would have to outlive its
 * last reader. */
#include "base/config.h"

static void name(struct mr_buf *list, const char *env)
{
    if (list->len > 0)
        mr_buf_add_char(list, ',');
    mr_buf_add_str(list, env);
}

#define NUMBER(field, env, reload)                                                                 \
    do {                                                                                           \
        if (mr_setting(&live->field) != fresh->field && (reload))                                  \
            __atomic_store_n(&live->field, fresh->field, __ATOMIC_RELAXED), name(changed, env);    \
        else if (live->field != fresh->field)                                                      \
            name(restart, env);                                                                    \
    } while (0)
#define TEXT(field, env, reload)                                                                   \
    do {                                                                                           \
        _Static_assert(!(reload), env " is text: it cannot be reloadable");                        \
        if (strcmp(live->field, fresh->field) != 0)                                                \
            name(restart, env);                                                                    \
    } while (0)
#define RELOAD_STR     TEXT
#define RELOAD_SECRET  TEXT
#define RELOAD_INT     NUMBER
#define RELOAD_MS      NUMBER
#define RELOAD_SECONDS NUMBER
#define RELOAD_BYTES   NUMBER
#define RELOAD_BOOL    NUMBER
#define RELOAD_LEVEL   NUMBER

void mr_config_reload(struct mr_config *live, const struct mr_config *fresh, struct mr_buf *changed,
                      struct mr_buf *restart)
{
#define X(field, env, type, def, min, max, unit, reload, help) RELOAD_##type(field, env, reload);
    MR_SETTINGS(X)
#undef X
}
