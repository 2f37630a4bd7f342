/* engine.c - which engine serves which path. */
#include "io/engine.h"

#include "proto/alloc.h"
#include "proto/utf8.h"

/* Is path the engine's, or below it? With or without the slash at its end. */
static bool covers(const struct mr_engine *e, struct mr_span path)
{
    struct mr_span ours = mr_span_str(e->opt.path);

    if (mr_span_starts(path, ours))
        return true;
    return ours.len > 1 && ours.ptr[ours.len - 1] == '/' &&
           mr_span_eq(path, mr_span_of(ours.ptr, ours.len - 1));
}

struct mr_engine *mr__engine_at(struct mr_server *srv, struct mr_span path)
{
    struct mr_engine *best = NULL;

    for (struct mr_engine *e = srv->engines; e != NULL; e = e->next) {
        if (covers(e, path) && (best == NULL || strlen(e->opt.path) > strlen(best->opt.path)))
            best = e;
    }
    return best;
}

static void engine_free(struct mr_engine *e)
{
    mr_free((void *)(uintptr_t)e->opt.path);
    mr_free((void *)(uintptr_t)e->opt.initial_packet.ptr);
    mr_free(e);
}

/* MR_OK; MR_E_CONFLICT: another engine has this very path. */
static int check(const struct mr_server *srv, const struct mr_engine_options *opt)
{
    const unsigned all = MR_TRANSPORT_POLLING | MR_TRANSPORT_WEBSOCKET;

    if (opt->path[0] != '/' || (opt->transports & ~all) != 0 ||
        mr_utf8_valid_len(opt->initial_packet) != opt->initial_packet.len)
        return MR_E_INVAL;
    for (const struct mr_engine *e = srv->engines; e != NULL; e = e->next) {
        if (strcmp(e->opt.path, opt->path) == 0)
            return MR_E_CONFLICT;
    }
    return MR_OK;
}

struct mr_engine *mr__engine_add(struct mr_server *srv, const struct mr_engine_options *opt,
                                 const struct mr_engine_ops *ops, int *rc)
{
    struct mr_engine *e = mr_zalloc(1, sizeof(*e));
    struct mr_engine **at = &srv->engines;
    struct mr_span initial;

    *rc = MR_E_NOMEM;
    if (e == NULL)
        return NULL;
    if (opt != NULL)
        e->opt = *opt;
    mr__engine_options_fill(&e->opt);
    *rc = check(srv, &e->opt);
    if (*rc != MR_OK) {
        mr_free(e);
        return NULL;
    }
    initial = e->opt.initial_packet;
    e->opt.initial_packet = MR_SPAN_NONE;
    e->opt.path = mr_strdup(e->opt.path);
    if (initial.len > 0)
        e->opt.initial_packet = mr_span_of(mr_memdup0(initial.ptr, initial.len), initial.len);
    if (e->opt.path == NULL || (initial.len > 0 && e->opt.initial_packet.ptr == NULL)) {
        engine_free(e);
        *rc = MR_E_NOMEM;
        return NULL;
    }
    e->srv = srv;
    e->ops = ops;
    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
    return e;
}

void mr__engines_free(struct mr_server *srv)
{
    for (struct mr_engine *e = srv->engines, *next; e != NULL; e = next) {
        next = e->next;
        engine_free(e);
    }
    srv->engines = NULL;
}

void mr__engine_refused(struct mr_engine *e, const struct mr_exchange *ex, int code,
                        const char *message)
{
    if (e->on.error != NULL)
        e->on.error(e, code, message, ex->ops->addr(ex), e->ctx);
}
