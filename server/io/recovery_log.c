/* recovery_log.c - rings of entries: one for all, one for each key. */
#include "io/recovery_log.h"

#include "io/namespace.h"
#include "proto/alloc.h"

#define CAP_MIN 4

/* ---- rings ---------------------------------------------------------------------------------- */

static int push(struct mr_log_entry ***ring, uint32_t *head, uint32_t *n, uint32_t *cap,
                struct mr_log_entry *e)
{
    if (*n == *cap) {
        uint32_t wide = *cap ? *cap * 2 : CAP_MIN;
        struct mr_log_entry **fresh = mr_alloc(wide * sizeof(struct mr_log_entry *));

        if (fresh == NULL)
            return MR_E_NOMEM;
        for (uint32_t i = 0; i < *n; i++)
            fresh[i] = (*ring)[(*head + i) & (*cap - 1)];
        mr_free(*ring);
        *ring = fresh;
        *head = 0;
        *cap = wide;
    }
    (*ring)[(*head + (*n)++) & (*cap - 1)] = e;
    return MR_OK;
}

static void pop(struct mr_log_entry ***ring, uint32_t *head, uint32_t *n, uint32_t *cap)
{
    *head = (*head + 1) & (*cap - 1);
    if (--*n == 0) {
        mr_free(*ring);
        *ring = NULL;
        *head = *cap = 0;
    }
}

#define RING(x) &(x)->ring, &(x)->head, &(x)->n, &(x)->cap

/* ---- keys ----------------------------------------------------------------------------------- */

static struct mr_log_key *find_key(const struct mr_log *log, const char *name)
{
    struct mr_node *node = mr__table_find(&log->keys, mr_span_str(name));

    return node ? MR_CONTAINER(node, struct mr_log_key, node) : NULL;
}

static void free_if_unused(struct mr_log *log, struct mr_log_key *key)
{
    if (key->sessions > 0 || key->entries > 0)
        return;
    mr__table_del(&log->keys, &key->node);
    mr_free(key->ring);
    mr_free(key);
}

struct mr_log_key *mr__log_key_ref(struct mr_log *log, const char *name)
{
    struct mr_log_key *key = find_key(log, name);
    size_t len = strlen(name);

    if (key == NULL) {
        key = mr_zalloc(1, sizeof(*key) + len + 1);
        if (key == NULL)
            return NULL;
        memcpy(key->name, name, len + 1);
        key->node.name = mr_span_of(key->name, len);
        if (mr__table_put(&log->keys, &key->node) != MR_OK) {
            mr_free(key);
            return NULL;
        }
    }
    key->sessions++;
    return key;
}

void mr__log_key_unref(struct mr_log *log, struct mr_log_key *key)
{
    key->sessions--;
    free_if_unused(log, key);
}

/* ---- entries -------------------------------------------------------------------------------- */

int mr__log_init(struct mr_log *log)
{
    *log = (struct mr_log){0};
    mr__table_init(&log->keys);
    log->everybody = mr_zalloc(1, sizeof(*log->everybody) + 1);
    if (log->everybody != NULL)
        log->everybody->sessions = 1; /* not in the table, and never unused */
    return log->everybody != NULL ? MR_OK : MR_E_NOMEM;
}

void mr__log_deinit(struct mr_log *log)
{
    while (log->n > 0)
        mr__log_drop(log);
    mr_free(log->everybody);
    mr__table_deinit(&log->keys);
}

bool mr__log_wanted(const struct mr_log *log, const struct mr_target *to)
{
    if (to->n_rooms == 0)
        return log->keys.n > 0; /* any session has a room, its own */
    for (size_t i = 0; i < to->n_rooms; i++) {
        const struct mr_log_key *key = find_key(log, to->rooms[i]);

        if (key != NULL && key->sessions > 0)
            return true;
    }
    return false;
}

/* Rooms that no session names cannot matter to anybody: they are left out. One that is named twice
 * is there twice. */
static uint32_t take_keys(const struct mr_log *log, const char *const *names, size_t n,
                          struct mr_log_key **keys)
{
    uint32_t out = 0;

    for (size_t i = 0; i < n; i++) {
        struct mr_log_key *key = find_key(log, names[i]);

        if (key != NULL)
            keys[out++] = key;
    }
    return out;
}

static struct mr_log_entry *entry_new(const struct mr_log *log, const struct mr_packet *p,
                                      const struct mr_target *to)
{
    size_t names = to->n_rooms + to->n_except + 2;
    size_t bytes = sizeof(struct mr_log_entry) + p->n_frames * sizeof(struct mr_frame *) +
                   names * sizeof(struct mr_log_key *);
    struct mr_log_entry *e = mr_alloc(bytes);

    if (e == NULL)
        return NULL;
    *e = (struct mr_log_entry){.seq = log->seq, .n_frames = (uint32_t)p->n_frames};
    for (uint32_t i = 0; i < e->n_frames; i++) {
        e->frames[i] = p->frames[i];
        bytes += sizeof(struct mr_frame) + MR_FRAME_HEADROOM + p->frames[i]->len;
    }
    e->keys = (struct mr_log_key **)(void *)&e->frames[e->n_frames];
    if (to->n_rooms == 0)
        e->keys[e->n_to++] = log->everybody;
    else
        e->n_to = take_keys(log, to->rooms, to->n_rooms, e->keys);
    e->n_except = take_keys(log, to->except, to->n_except, e->keys + e->n_to);
    if (to->from != NULL) {
        const char *own = mr_socket_id(to->from);

        e->n_except += take_keys(log, &own, 1, e->keys + e->n_to + e->n_except);
    }
    e->bytes = bytes + e->n_to * sizeof(struct mr_log_entry *) * 2;
    return e;
}

int mr__log_add(struct mr_log *log, const struct mr_packet *p, const struct mr_target *to,
                uint64_t now_ms)
{
    struct mr_log_entry *e = entry_new(log, p, to);
    uint32_t on = 0;

    if (e == NULL)
        goto lost;
    e->at_ms = now_ms;
    while (on < e->n_to && push(RING(e->keys[on]), e) == MR_OK)
        on++;
    if (on < e->n_to || push(RING(log), e) != MR_OK) {
        while (on-- > 0)
            e->keys[on]->n--; /* it is the last one there */
        mr_free(e);
        goto lost;
    }
    for (uint32_t i = 0; i < e->n_frames; i++)
        (void)mr_frame_ref(e->frames[i]);
    for (uint32_t i = 0; i < e->n_to + e->n_except; i++)
        e->keys[i]->entries++;
    log->bytes += e->bytes;
    return MR_OK;
lost:
    log->lost = log->seq;
    return MR_E_NOMEM;
}

void mr__log_drop(struct mr_log *log)
{
    struct mr_log_entry *e = log->n > 0 ? log->ring[log->head] : NULL;

    if (e == NULL)
        return;
    pop(RING(log));
    for (uint32_t i = 0; i < e->n_to + e->n_except; i++) {
        struct mr_log_key *key = e->keys[i];

        if (i < e->n_to) {
            pop(RING(key)); /* the oldest of all is the oldest there */
            key->dropped = e->seq;
        }
        key->entries--;
        free_if_unused(log, key);
    }
    for (uint32_t i = 0; i < e->n_frames; i++)
        mr_frame_unref(e->frames[i]);
    log->bytes -= e->bytes;
    mr_free(e);
}

uint32_t mr__log_after(const struct mr_log_key *key, uint64_t seq)
{
    uint32_t low = 0, high = key->n;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (mr__log_at(key, mid)->seq <= seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
