/* server.c - the server on its loop: made, turned, posted to, closed.
 *
 * Two hooks end a turn: check, right after the loop has polled and its callbacks have run, and
 * prepare, before it polls again, for what timers and other handles have done in between. Nothing
 * therefore waits in a queue while the loop sleeps.
 */
#include "io/conn.h"

#include "io/drain.h"
#include "io/http_stream.h"
#include "io/session.h"
#include "io/sized.h"
#include "io/tls.h"
#include "io/ws_app.h"
#include "proto/alloc.h"

#include <malloc.h>
#include <sys/resource.h>

#define TIMERS 3 /* accept_timer, close_timer, trim_timer */

static void try_teardown(struct mr_net *net);

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

void mr__net_event(struct mr_net *net)
{
    if (net->turn_began_us == 0)
        net->turn_began_us = now_us();
}

/* ---- the turn ------------------------------------------------------------------------------ */

static void timer_due(uv_timer_t *timer)
{
    struct mr_net *net = timer->data;

    mr__net_event(net);
    net->timer_at_ms = UINT64_MAX;
    mr__timers_run(&net->srv->timers, mr__now(net->srv));
}

/* A timer that was put off leaves the loop's as it is: that fires early, once, and is set anew. */
static void set_timer(struct mr_net *net)
{
    uint64_t at = mr__timers_next(&net->srv->timers);
    uint64_t now;

    if (at >= net->timer_at_ms)
        return;
    now = mr__now(net->srv);
    uv_update_time(net->loop); /* uv counts from when it last looked at the clock */
    (void)uv_timer_start(&net->timer, timer_due, at > now ? at - now : 0, 0);
    net->timer_at_ms = at;
}

/* The allocator keeps what is freed. After a crowd has left it is given back to the system: not
 * while they are still leaving, for it takes some milliseconds where there is much. */
static void trim(struct mr_timer *t)
{
    struct mr_net *net = MR_CONTAINER(t, struct mr_net, trim_timer);

    net->conns_peak = net->n_conns;
    net->trim_by_ms = 0;
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

static void look_at_crowd(struct mr_net *net)
{
    if (net->n_conns > net->conns_peak)
        net->conns_peak = net->n_conns;
    if (net->n_conns + MR_TRIM_CONNS < net->conns_peak && net->n_conns < net->conns_was) {
        uint64_t at = mr__now(net->srv) + MR_TRIM_AFTER_MS;

        if (net->trim_by_ms == 0)
            net->trim_by_ms = at + MR_TRIM_LATE_MS;
        mr__timer_set(&net->srv->timers, &net->trim_timer,
                      at < net->trim_by_ms ? at : net->trim_by_ms, trim);
    }
    net->conns_was = net->n_conns;
}

static void turn(struct mr_net *net)
{
    bool done = true;

    if (net->turning || net->torn)
        return;
    net->turning = true;
    net->srv->deflated_bytes = 0;
    for (int i = 0; i < 4; i++) {
        done = mr__turn_end(net->srv);
        mr__ws_app_flush(net);
        mr__conns_reap(net);
        if (mr__list_empty(&net->srv->dirty) && mr__list_empty(&net->srv->reaped) &&
            mr__list_empty(&net->doomed) && mr__list_empty(&net->dead) &&
            mr__list_empty(&net->ws_dirty) && (done || !mr__list_empty(&net->srv->backlog)))
            break; /* a backlog is for the next time round, after others had theirs */
        done = false;
    }
    if (!done)
        (void)uv_async_send(&net->mailbox.async);
    look_at_crowd(net);
    set_timer(net);
    if (net->turn_began_us != 0) {
        uint64_t took = now_us() - net->turn_began_us;

        if (took > net->srv->stats.loop_lag_us_max)
            net->srv->stats.loop_lag_us_max = took;
        net->srv->stats.loop_turns++;
        net->srv->stats.loop_busy_us += took;
        net->turn_began_us = 0;
    }
    net->srv->stats.mailbox_full = atomic_load(&net->mailbox.full);
    net->turning = false;
    if (net->srv->closing)
        try_teardown(net);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct mr_net *net = handle->data;

    net->srv->loop_thread = pthread_self(); /* it may have been made on another one */
    turn(net);
}

static void on_check(uv_check_t *handle)
{
    turn(handle->data);
}

static void on_mail(uv_async_t *handle)
{
    struct mr_net *net = MR_CONTAINER(handle->data, struct mr_net, mailbox);

    mr__net_event(net);
    mr__mailbox_drain(&net->mailbox);
}

void mr_server_tick(struct mr_server *srv)
{
    MR_ASSERT_LOOP(srv);
    mr__timers_run(&srv->timers, mr__now(srv));
    turn(srv->net);
}

/* ---- making -------------------------------------------------------------------------------- */

/* Every socket is a descriptor: take as many as the system gives us. libwebsockets sizes its tables
 * by the limit, and does not believe in more than ten million. Returns how many are for us. */
static size_t raise_descriptor_limit(const struct mr_options *opt)
{
    rlim_t want = (rlim_t)opt->sessions_max * 2 + 4096;
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
        return 1024 - MR_DESCRIPTORS_KEPT;
    if (rl.rlim_max != RLIM_INFINITY && want > rl.rlim_max)
        want = rl.rlim_max;
    if (rl.rlim_cur < want || rl.rlim_cur > 10000000) {
        rl.rlim_cur = want;
        if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
            (void)getrlimit(RLIMIT_NOFILE, &rl);
    }
    return rl.rlim_cur > 2 * MR_DESCRIPTORS_KEPT ? (size_t)rl.rlim_cur - MR_DESCRIPTORS_KEPT
                                                 : (size_t)rl.rlim_cur / 2;
}

static int init_handles(struct mr_net *net)
{
    /* On a loop that works none of these fails. */
    if (mr__mailbox_init(&net->mailbox, net->loop, on_mail) != MR_OK)
        return MR_E_IO;
    (void)uv_prepare_init(net->loop, &net->prepare);
    (void)uv_check_init(net->loop, &net->check);
    (void)uv_timer_init(net->loop, &net->timer);
    (void)uv_idle_init(net->loop, &net->idle);
    net->prepare.data = net->check.data = net->timer.data = net->idle.data = net;
    net->n_handles = 5;
    (void)uv_prepare_start(&net->prepare, on_prepare);
    (void)uv_check_start(&net->check, on_check);
    return MR_OK;
}

int mr_server_new_sized(struct mr_server **out, uv_loop_t *loop, const struct mr_options *given,
                        size_t opt_size)
{
    struct mr_options known, *opt = NULL;
    struct mr_server *srv = mr_zalloc(1, sizeof(*srv));
    struct mr_net *net = mr_zalloc(1, sizeof(*net));
    int rc = MR_E_NOMEM;

    if (srv == NULL || net == NULL)
        goto fail;
    if (given != NULL) {
        rc = mr__sized_in(&known, sizeof(known), given, opt_size);
        if (rc != MR_OK)
            goto fail;
        opt = &known;
    }
    rc = mr__core_init(srv, opt);
    if (rc != MR_OK)
        goto fail;
    srv->net = net;
    net->srv = srv;
    net->loop = loop;
    net->timer_at_ms = UINT64_MAX;
    mr__list_init(&net->conns);
    mr__list_init(&net->doomed);
    mr__list_init(&net->dead);
    mr__list_init(&net->ws_dirty);
    mr__list_init(&net->idle_conns);
    net->conns_max = raise_descriptor_limit(&srv->opt);
    if (net->conns_max > srv->opt.connections_max)
        net->conns_max = srv->opt.connections_max;
    rc = mr__timers_reserve(&srv->timers, TIMERS);
    if (rc == MR_OK)
        rc = mr__lws_init(net);
    if (rc == MR_OK)
        rc = init_handles(net);
    if (rc != MR_OK) {
        mr__core_deinit(srv);
        goto fail;
    }
    *out = srv;
    return MR_OK;
fail:
    mr_free(net);
    mr_free(srv);
    return rc;
}

/* ---- posting ------------------------------------------------------------------------------- */

struct call {
    struct mr_mail mail;
    struct mr_mailbox *box;
    void (*fn)(void *arg);
    void *arg;
};

static void run_call(struct mr_mail *m)
{
    struct call call = *MR_CONTAINER(m, struct call, mail);

    mr_free(MR_CONTAINER(m, struct call, mail));
    mr__mailbox_ran(call.box);
    call.fn(call.arg);
}

int mr_post(struct mr_server *srv, void (*fn)(void *arg), void *arg)
{
    struct call *call = mr_alloc(sizeof(*call));
    int rc;

    if (call == NULL)
        return MR_E_AGAIN;
    *call = (struct call){{.fn = run_call}, &srv->net->mailbox, fn, arg};
    rc = mr__mailbox_post(&srv->net->mailbox, &call->mail);
    if (rc != MR_OK)
        mr_free(call);
    return rc;
}

struct posted_emit {
    struct mr_mail mail;
    struct mr_server *srv;
    const char *nsp, *room, *event;
    struct mr_span args;
    char text[];
};

static void run_emit(struct mr_mail *m)
{
    struct posted_emit *e = MR_CONTAINER(m, struct posted_emit, mail);

    mr__mailbox_ran(&e->srv->net->mailbox);
    (void)mr_emit(e->srv, e->nsp, e->room, e->event, e->args);
    mr_free(e);
}

static const char *put_text(char **at, const char *s)
{
    size_t len = strlen(s) + 1;
    char *here = *at;

    memcpy(here, s, len);
    *at += len;
    return here;
}

int mr_post_emit(struct mr_server *srv, const char *nsp, const char *room, const char *event,
                 struct mr_span args)
{
    size_t bytes = strlen(nsp) + strlen(event) + args.len + (room ? strlen(room) : 0) + 3;
    struct posted_emit *e = mr_alloc(sizeof(*e) + bytes);
    char *at;
    int rc;

    if (e == NULL)
        return MR_E_NOMEM;
    at = e->text;
    e->mail.fn = run_emit;
    e->srv = srv;
    e->nsp = put_text(&at, nsp);
    e->event = put_text(&at, event);
    e->room = room ? put_text(&at, room) : NULL;
    e->args = mr_span_of(at, args.len);
    if (args.len > 0)
        memcpy(at, args.ptr, args.len);
    rc = mr__mailbox_post(&srv->net->mailbox, &e->mail);
    if (rc != MR_OK)
        mr_free(e);
    return rc;
}

/* ---- closing ------------------------------------------------------------------------------- */

static void cut_off(struct mr_timer *t)
{
    struct mr_net *net = MR_CONTAINER(t, struct mr_net, close_timer);

    for (struct mr_link *l = net->conns.next; l != &net->conns; l = l->next)
        mr__conn_doom(MR_CONTAINER(l, struct mr_conn, link));
}

/* Sessions say good-bye, idle connections go; requests in hand are still answered. */
static void begin_shutdown(struct mr_net *net)
{
    struct mr_server *srv = net->srv;

    net->shutting = true;
    mr__listen_stop(net);
    for (struct mr_node *node = mr__table_next(&srv->sessions, NULL), *next; node; node = next) {
        next = mr__table_next(&srv->sessions, node);
        mr__session_close(MR_CONTAINER(node, struct mr_session, node), "server shutting down",
                          MR_CLOSE_NOW);
    }
    for (struct mr_link *l = net->conns.next; l != &net->conns; l = l->next) {
        struct mr_conn *c = MR_CONTAINER(l, struct mr_conn, link);

        if (c->phase == MR_CONN_HTTP &&
            (c->http->state <= MR_HTTP_BODY || mr__stream_is_open(c->http)))
            mr__conn_doom(c);
        else if (c->phase == MR_CONN_WEBSOCKET)
            mr__ws_app_shutdown(c);
    }
    mr__timer_set(&srv->timers, &net->close_timer, mr__now(srv) + MR_SHUTDOWN_MS, cut_off);
}

void mr_server_stop_listening(struct mr_server *srv)
{
    MR_ASSERT_LOOP(srv);
    mr__listen_stop(srv->net);
}

void mr_server_close(struct mr_server *srv, void (*closed)(void *ctx), void *ctx)
{
    MR_ASSERT_LOOP(srv);
    if (srv->closing)
        return;
    mr__drain_end(srv);
    srv->closing = true;
    srv->net->closed = closed;
    srv->net->closed_ctx = ctx;
    mr__mailbox_close(&srv->net->mailbox);
    (void)uv_async_send(&srv->net->mailbox.async); /* so that a turn comes */
}

static void handle_closed(uv_handle_t *handle)
{
    struct mr_net *net = handle->data;
    struct mr_server *srv = net->srv;
    void (*closed)(void *ctx) = net->closed;
    void *ctx = net->closed_ctx;

    if (--net->n_handles > 0)
        return;
    mr__core_deinit(srv);
    mr_free(net);
    mr_free(srv);
    if (closed != NULL)
        closed(ctx);
}

/* libwebsockets closes its handles over the next turns of the loop; only then may it be freed. */
static void on_idle(uv_idle_t *idle)
{
    struct mr_net *net = idle->data;

    if (++net->idle_turns < 4)
        return;
    mr__lws_fini(net);
    mr__tls_fini(net);
    mr__mailbox_drain(&net->mailbox); /* what was posted before the door closed */
    net->mailbox.async.data = net;
    uv_close((uv_handle_t *)&net->mailbox.async, handle_closed);
    uv_close((uv_handle_t *)&net->prepare, handle_closed);
    uv_close((uv_handle_t *)&net->check, handle_closed);
    uv_close((uv_handle_t *)&net->timer, handle_closed);
    uv_close((uv_handle_t *)&net->idle, handle_closed);
}

static void try_teardown(struct mr_net *net)
{
    if (!net->shutting) {
        begin_shutdown(net);
        (void)uv_async_send(&net->mailbox.async); /* another turn does the work just made */
        return;
    }
    if (net->n_requests > 0 || !mr__list_empty(&net->conns) || net->n_handles > 5 ||
        net->srv->n_sessions > 0)
        return;
    mr__timer_stop(&net->srv->timers, &net->close_timer);
    mr__timer_stop(&net->srv->timers, &net->trim_timer);
    net->torn = true;
    mr__lws_destroy(net);
    (void)uv_idle_start(&net->idle, on_idle);
}
