/* drain.c - clients are sent away, a few at a time; and figures are told in intervals. */
#include "io/drain.h"

#include "io/namespace.h"
#include "io/net.h"
#include "proto/alloc.h"

#define TICK_MS 50

struct mr_draining {
    struct mr_timer timer;
    struct mr_server *srv;
    uint64_t from_ms, duration_ms;
    uint64_t fetch_by_ms; /* who polls may fetch what is left for it until then; 0: not that far */
    size_t all;
    uint32_t random; /* of the jitter: nobody gains by guessing it */
    void (*done)(void *ctx);
    void *ctx;
};

struct mr_reporting {
    struct mr_timer timer;
    struct mr_server *srv;
    uint32_t interval_ms;
    mr_metrics_fn fn;
    void *ctx;
};

/* ---- drain ---------------------------------------------------------------------------------- */

static size_t open_sessions(const struct mr_server *srv)
{
    return srv->stats.polling_sessions + srv->stats.websocket_sessions;
}

/* Sessions are in the table by their random ids: its order is no order. A callback may close the
 * next one, too: its memory is valid until the end of the turn, and whom that leaves out comes next
 * time. */
static void close_down_to(struct mr_server *srv, size_t stay)
{
    struct mr_node *node = mr__table_next(&srv->sessions, NULL), *next;

    for (; node != NULL && open_sessions(srv) > stay; node = next) {
        next = mr__table_next(&srv->sessions, node);
        mr__session_close(MR_CONTAINER(node, struct mr_session, node), "server shutting down",
                          MR_CLOSE_FLUSH);
    }
}

static void drain_tick(struct mr_timer *t)
{
    struct mr_draining *d = MR_CONTAINER(t, struct mr_draining, timer);
    struct mr_server *srv = d->srv;
    uint64_t past = mr__now(srv) - d->from_ms;

    if (past >= d->duration_ms)
        close_down_to(srv, 0);
    else
        close_down_to(srv, d->all - (size_t)((uint64_t)d->all * past / d->duration_ms));
    if (open_sessions(srv) == 0 && d->fetch_by_ms == 0)
        d->fetch_by_ms = mr__now(srv) + MR_DRAIN_FETCH_MS;
    if (d->fetch_by_ms != 0 && (srv->n_sessions == 0 || mr__now(srv) >= d->fetch_by_ms)) {
        void (*done)(void *ctx) = d->done;
        void *ctx = d->ctx;

        d->done = NULL; /* it goes on refusing handshakes */
        if (done != NULL)
            done(ctx);
        return;
    }
    d->random = d->random * 1664525u + 1013904223u;
    mr__timer_set(&srv->timers, t, mr__now(srv) + TICK_MS / 2 + (d->random >> 16) % TICK_MS,
                  drain_tick);
}

static int tell_all(struct mr_server *srv, const struct mr_drain *opt)
{
    struct mr_node *node;

    for (node = mr__table_next(&srv->nsps, NULL); node; node = mr__table_next(&srv->nsps, node)) {
        const struct mr_nsp *nsp = MR_CONTAINER(node, struct mr_nsp, node);
        const struct mr_target to = {.nsp = nsp->name, .flags = MR_LOCAL};
        int rc = nsp->family == NULL ? mr_emit_to(srv, &to, opt->event, opt->args) : 0;

        if (rc < 0)
            return rc;
    }
    return MR_OK;
}

int mr_server_drain(struct mr_server *srv, const struct mr_drain *opt, void (*done)(void *ctx),
                    void *ctx)
{
    struct mr_draining *d;
    int rc = MR_OK;

    MR_ASSERT_LOOP(srv);
    if (srv->draining != NULL || srv->closing)
        return MR_E_CONFLICT;
    d = mr_zalloc(1, sizeof(*d));
    if (d == NULL || mr__timers_reserve(&srv->timers, 1) != MR_OK) {
        mr_free(d);
        return MR_E_NOMEM;
    }
    d->srv = srv;
    d->from_ms = mr__now(srv);
    d->duration_ms = opt != NULL ? opt->duration_ms : 0;
    d->all = open_sessions(srv);
    d->random = (uint32_t)(uintptr_t)d ^ (uint32_t)d->from_ms;
    d->done = done;
    d->ctx = ctx;
    if (opt != NULL && opt->event != NULL)
        rc = tell_all(srv, opt);
    if (rc != MR_OK) {
        mr__timers_release(&srv->timers, 1);
        mr_free(d);
        return rc;
    }
    srv->draining = d;
    if (srv->net != NULL)
        mr__listen_stop(srv->net);
    /* The first ones go when what was just said has left; done never comes from inside. */
    mr__timer_set(&srv->timers, &d->timer, d->from_ms + 1, drain_tick);
    return MR_OK;
}

size_t mr_server_draining(const struct mr_server *srv)
{
    return srv->draining != NULL ? open_sessions(srv) : SIZE_MAX;
}

void mr__drain_end(struct mr_server *srv)
{
    if (srv->draining == NULL)
        return;
    mr__timer_stop(&srv->timers, &srv->draining->timer);
    mr__timers_release(&srv->timers, 1);
    mr_free(srv->draining);
    srv->draining = NULL;
}

/* ---- figures -------------------------------------------------------------------------------- */

static void report(struct mr_timer *t)
{
    struct mr_reporting *r = MR_CONTAINER(t, struct mr_reporting, timer);
    struct mr_server *srv = r->srv;
    struct mr_stats stats;

    mr__timer_set(&srv->timers, t, mr__now(srv) + r->interval_ms, report);
    mr_server_stats(srv, &stats);
    r->fn(&stats, r->ctx); /* the last: it may end the reporting */
}

int mr_on_metrics(struct mr_server *srv, uint32_t interval_ms, mr_metrics_fn fn, void *ctx)
{
    struct mr_reporting *r;

    MR_ASSERT_LOOP(srv);
    mr__reporting_end(srv);
    if (fn == NULL)
        return MR_OK;
    r = mr_zalloc(1, sizeof(*r));
    if (r == NULL || mr__timers_reserve(&srv->timers, 1) != MR_OK) {
        mr_free(r);
        return MR_E_NOMEM;
    }
    r->srv = srv;
    r->interval_ms = interval_ms > 0 ? interval_ms : 10000;
    r->fn = fn;
    r->ctx = ctx;
    srv->reporting = r;
    mr__timer_set(&srv->timers, &r->timer, mr__now(srv) + r->interval_ms, report);
    return MR_OK;
}

void mr__reporting_end(struct mr_server *srv)
{
    if (srv->reporting == NULL)
        return;
    mr__timer_stop(&srv->timers, &srv->reporting->timer);
    mr__timers_release(&srv->timers, 1);
    mr_free(srv->reporting);
    srv->reporting = NULL;
}
