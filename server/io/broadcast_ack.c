/* broadcast_ack.c - one broadcast, many acks, one callback.
 *
 * Complete is: every server has said how many clients it asked, and each of those has answered or
 * is gone. Answers are copied as they come, up to a ceiling for all of them together: what is over
 * it counts as not answered.
 */
#include "io/namespace.h"

#include "proto/alloc.h"
#include "proto/sio.h"

struct gather {
    struct mr_collector collector;
    struct mr_link link; /* in srv->gathers */
    struct mr_timer timer;
    struct mr_adapter *adapter;
    struct mr_answer *list; /* args and attachments are one block each, owned */
    size_t n, cap, bytes;
    size_t asked, gone, servers, servers_asked;
    mr_answers_fn fn;
    void *ctx;
    bool starting; /* inside the adapter's function: the end waits for its return */
};

static void free_gather(struct gather *g)
{
    for (size_t i = 0; i < g->n; i++)
        mr_free((void *)(uintptr_t)g->list[i].attachments);
    mr_free(g->list);
    mr_free(g);
}

static void finish(struct gather *g, int err)
{
    struct mr_server *srv = g->adapter->nsp->srv;
    const struct mr_answers answers = {g->n, g->list, g->asked, g->servers, g->servers_asked};

    mr__link_off(&g->link);
    mr__timer_stop(&srv->timers, &g->timer);
    mr__timers_release(&srv->timers, 1);
    g->adapter->ops->broadcast_forget(g->adapter, &g->collector);
    g->fn(err, &answers, g->ctx);
    free_gather(g);
}

static void finish_if_complete(struct gather *g)
{
    if (!g->starting && g->servers >= g->servers_asked && g->n + g->gone >= g->asked)
        finish(g, g->gone > 0 ? MR_E_CLOSED : MR_OK);
}

static void expect(struct mr_collector *c, size_t clients)
{
    struct gather *g = MR_CONTAINER(c, struct gather, collector);

    g->servers++;
    g->asked += clients;
    finish_if_complete(g);
}

static void gone(struct mr_collector *c)
{
    struct gather *g = MR_CONTAINER(c, struct gather, collector);

    g->gone++;
    finish_if_complete(g);
}

/* The spans and then their bytes, in one block that begins with the attachments' spans. */
static int copy_answer(struct mr_answer *to, const struct mr_answer *from, size_t bytes)
{
    struct mr_span *spans = mr_alloc(from->n_attachments * sizeof(*spans) + bytes + 1);
    char *at;

    if (spans == NULL)
        return MR_E_NOMEM;
    at = (char *)(spans + from->n_attachments);
    *to = (struct mr_answer){mr_span_of(at, from->args.len), spans, from->n_attachments};
    if (from->args.len > 0)
        memcpy(at, from->args.ptr, from->args.len);
    at += from->args.len;
    for (size_t i = 0; i < from->n_attachments; i++) {
        size_t len = from->attachments[i].len;

        spans[i] = mr_span_of(at, len);
        if (len > 0)
            memcpy(at, from->attachments[i].ptr, len);
        at += len;
    }
    return MR_OK;
}

static int keep(struct gather *g, const struct mr_answer *answer)
{
    size_t bytes = answer->args.len;

    for (size_t i = 0; i < answer->n_attachments; i++)
        bytes += answer->attachments[i].len;
    if (bytes > MR_ANSWERS_BYTES_MAX - g->bytes)
        return MR_E_TOOBIG;
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        void *list = mr_realloc(g->list, cap * sizeof(struct mr_answer));

        if (list == NULL)
            return MR_E_NOMEM;
        g->list = list;
        g->cap = cap;
    }
    if (copy_answer(&g->list[g->n], answer, bytes) != MR_OK)
        return MR_E_NOMEM;
    g->n++;
    g->bytes += bytes;
    return MR_OK;
}

static void answer(struct mr_collector *c, const struct mr_answer *a)
{
    struct gather *g = MR_CONTAINER(c, struct gather, collector);

    if (keep(g, a) != MR_OK) {
        g->adapter->nsp->srv->stats.refused++;
        g->gone++;
    }
    finish_if_complete(g);
}

static void too_late(struct mr_timer *t)
{
    finish(MR_CONTAINER(t, struct gather, timer), MR_E_TIMEOUT);
}

void mr__gathers_end(struct mr_adapter *a)
{
    struct mr_link *list = &a->nsp->srv->gathers, *l = list->next;

    while (l != list) {
        struct gather *g = MR_CONTAINER(l, struct gather, link);

        l = l->next;
        if (g->adapter != a)
            continue;
        finish(g, MR_E_CLOSED);
        l = list->next; /* its callback may have changed the list */
    }
}

static struct gather *gather_new(struct mr_adapter *a, mr_answers_fn fn, void *ctx)
{
    struct gather *g = mr_zalloc(1, sizeof(*g));

    if (g == NULL || mr__timers_reserve(&a->nsp->srv->timers, 1) != MR_OK) {
        mr_free(g);
        return NULL;
    }
    g->collector = (struct mr_collector){expect, answer, gone};
    g->adapter = a;
    g->servers_asked = a->ops->server_count(a);
    g->fn = fn;
    g->ctx = ctx;
    return g;
}

int mr_emit_ack_to(struct mr_server *srv, const struct mr_target *to, const char *event,
                   struct mr_span args, mr_answers_fn fn, void *ctx)
{
    return mr_emit_ack_binary_to(srv, to, event, args, NULL, 0, fn, ctx);
}

int mr_emit_ack_binary_to(struct mr_server *srv, const struct mr_target *to, const char *event,
                          struct mr_span args, const struct mr_span *attachments, size_t n,
                          mr_answers_fn fn, void *ctx)
{
    const struct mr_answers nothing = {0};
    struct mr_nsp *nsp = mr__nsp_of(srv, to);
    struct mr_packet p = {
        .event = event, .args = args, .attachments = attachments, .n_attachments = n, .ack_id = -1};
    struct gather *g;
    int rc;

    MR_ASSERT_LOOP(srv);
    if (mr_sio_reserved(mr_span_str(event)))
        return MR_E_INVAL;
    if (n > MR_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    if (nsp != NULL && nsp->family != NULL)
        return MR_E_INVAL;
    if (nsp == NULL) {
        fn(MR_OK, &nothing, ctx);
        return 0;
    }
    g = gather_new(nsp->adapter, fn, ctx);
    if (g == NULL)
        return MR_E_NOMEM;
    if (to->flags & MR_LOCAL)
        g->servers_asked = 1;
    p.no_compress = to->flags & MR_NO_COMPRESS;
    g->starting = true;
    rc = nsp->adapter->ops->broadcast_with_ack(nsp->adapter, &p, to, &g->collector);
    g->starting = false;
    mr_packet_clear(&p);
    if (rc < 0) {
        nsp->adapter->ops->broadcast_forget(nsp->adapter, &g->collector);
        mr__timers_release(&srv->timers, 1);
        free_gather(g);
        return rc;
    }
    mr__list_add(&srv->gathers, &g->link);
    if (to->timeout_ms > 0)
        mr__timer_set(&srv->timers, &g->timer, mr__now(srv) + to->timeout_ms, too_late);
    finish_if_complete(g);
    return rc;
}
