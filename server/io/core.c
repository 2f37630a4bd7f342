/* core.c - the server without its sockets: made, turned, unmade. */
#include "io/core.h"

#include "io/cors.h"
#include "io/drain.h"
#include "io/engine.h"
#include "io/http_coding.h"
#include "io/http_file.h"
#include "io/http_router.h"
#include "io/namespace.h"
#include "io/peers.h"
#include "io/proxies.h"
#include "io/sized.h"
#include "io/ws_app.h"
#include "io/ws_deflate.h"
#include "proto/alloc.h"

#include <time.h>

#define ROUNDS_MAX 16 /* handlers that feed each other for ever must let the loop go on */

static uint64_t real_clock_ms(void *ctx)
{
    struct timespec t;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Options are ours: what they point to may go when mr_server_new returns. */
static int copy_texts(struct mr_options *opt)
{
    const char **texts[] = {&opt->path, &opt->cors_origins, &opt->cors_methods, &opt->cors_headers,
                            &opt->cors_exposed};
    int rc = MR_OK;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (*texts[i] == NULL)
            continue;
        *texts[i] = mr_strdup(*texts[i]);
        if (*texts[i] == NULL)
            rc = MR_E_NOMEM;
    }
    return rc;
}

static void free_texts(struct mr_options *opt)
{
    mr_free((void *)(uintptr_t)opt->path);
    mr_free((void *)(uintptr_t)opt->cors_origins);
    mr_free((void *)(uintptr_t)opt->cors_methods);
    mr_free((void *)(uintptr_t)opt->cors_headers);
    mr_free((void *)(uintptr_t)opt->cors_exposed);
}

/* The first engine is Socket.IO's, and has its options from the server's. */
static int add_socketio(struct mr_server *srv)
{
    const struct mr_options *opt = &srv->opt;
    struct mr_engine_options own = {.path = opt->path,
                                    .ping_interval_ms = opt->ping_interval_ms,
                                    .ping_timeout_ms = opt->ping_timeout_ms,
                                    .upgrade_timeout_ms = opt->upgrade_timeout_ms,
                                    .body_bytes_max = opt->body_bytes_max,
                                    .poll_packets_max = opt->poll_packets_max,
                                    .transports = opt->transports,
                                    .no_upgrades = opt->no_upgrades,
                                    .cookie = opt->cookie};
    int rc;

    srv->opt.cookie = (struct mr_cookie){0}; /* its texts are the caller's; the engine has copies */
    return mr__engine_add(srv, &own, &mr__nsp_engine_ops, &rc) != NULL ? MR_OK : rc;
}

int mr__core_init(struct mr_server *srv, const struct mr_options *opt)
{
    int rc;

    *srv = (struct mr_server){
        .clock_ms = real_clock_ms, .loop_thread = pthread_self(), .parser = mr_parser_json()};
    if (opt != NULL)
        srv->opt = *opt;
    mr__options_fill(&srv->opt);
    if (srv->opt.clock_ms != NULL) {
        srv->clock_ms = srv->opt.clock_ms;
        srv->clock_ctx = srv->opt.clock_ctx;
    }
    mr__table_init(&srv->sessions);
    mr__table_init(&srv->nsps);
    mr__table_init(&srv->peers);
    mr__list_init(&srv->dirty);
    mr__list_init(&srv->backlog);
    mr__list_init(&srv->doomed);
    mr__list_init(&srv->drained);
    mr__list_init(&srv->reaped);
    mr__list_init(&srv->gathers);
    mr__list_init(&srv->peers_idle);
    mr__list_init(&srv->families);
    mr__list_init(&srv->emptied);
    mr__list_init(&srv->ghosts);
    mr__list_init(&srv->nsp_requests);
    rc = copy_texts(&srv->opt);
    if (rc == MR_OK)
        rc = mr__cors_new(&srv->cors, &srv->opt);
    if (rc == MR_OK)
        rc = mr__handshake_keep(srv, opt ? opt->handshake_headers : NULL);
    if (rc == MR_OK)
        rc = mr__proxies_new(&srv->proxies, opt ? opt->trusted_proxies : NULL);
    srv->opt.handshake_headers = srv->opt.trusted_proxies = NULL; /* the caller's */
    if (rc == MR_OK)
        rc = add_socketio(srv);
    srv->ping = mr__frame_make(MR_WS_TEXT, MR_SPAN("2"));
    srv->noop = mr__frame_make(MR_WS_TEXT, MR_SPAN("6"));
    srv->close = mr__frame_make(MR_WS_TEXT, MR_SPAN("1"));
    if (rc == MR_OK && (srv->ping == NULL || srv->noop == NULL || srv->close == NULL ||
                        mr__nsp_get(srv, MR_SPAN("/"), true) == NULL))
        rc = MR_E_NOMEM;
    if (rc != MR_OK)
        mr__core_deinit(srv);
    return rc;
}

void mr__core_deinit(struct mr_server *srv)
{
    struct mr_node *node, *next;

    mr__drain_end(srv);
    mr__reporting_end(srv);
    for (node = mr__table_next(&srv->sessions, NULL); node; node = next) {
        next = mr__table_next(&srv->sessions, node);
        mr__session_close(MR_CONTAINER(node, struct mr_session, node), "server shutting down",
                          MR_CLOSE_NOW);
    }
    while (!mr__turn_end(srv))
        ;
    for (node = mr__table_next(&srv->nsps, NULL); node; node = mr__table_next(&srv->nsps, node))
        mr__gathers_end(MR_CONTAINER(node, struct mr_nsp, node)->adapter);
    for (node = mr__table_next(&srv->nsps, NULL); node; node = next) {
        next = mr__table_next(&srv->nsps, node);
        mr__nsp_close(MR_CONTAINER(node, struct mr_nsp, node));
        mr__nsp_unref(MR_CONTAINER(node, struct mr_nsp, node));
    }
    mr__families_fini(srv);
    mr_free(srv->recovery);
    mr__table_deinit(&srv->sessions);
    mr__table_deinit(&srv->nsps);
    mr__peers_fini(srv);
    mr__table_deinit(&srv->peers);
    mr__proxies_free(srv->proxies);
    mr__timers_deinit(&srv->timers);
    mr_frame_unref(srv->ping);
    mr_frame_unref(srv->noop);
    mr_frame_unref(srv->close);
    mr__engines_free(srv);
    mr__coding_fini(srv);
    mr__routes_free(srv);
    mr__ws_endpoints_free(srv);
    mr__ws_codec_free(srv);
    mr__mounts_free(srv);
    mr__cors_free(srv->cors);
    mr__handshake_keep_none(srv);
    free_texts(&srv->opt);
}

static void flush_some(struct mr_link *list, int n)
{
    struct mr_link *l;

    while (n-- > 0 && (l = mr__list_pop(list)) != NULL)
        mr__session_flush(MR_CONTAINER(l, struct mr_session, dirty));
}

/* A few are flushed at once. A crowd waits in line: who has just been served, and has more by now,
 * gets that in one write with what comes until it is served again. */
static void flush_dirty(struct mr_server *srv)
{
    const struct mr_link *l = srv->dirty.next;
    int n = 0;

    while (l != &srv->dirty && n <= MR_FLUSH_FIRST) {
        l = l->next;
        n++;
    }
    if (n <= MR_FLUSH_FIRST)
        flush_some(&srv->dirty, n);
    else
        mr__list_move(&srv->backlog, &srv->dirty);
}

/* Bytes that a session could not get rid of: what is still to be flushed is not its fault. */
static size_t stuck_bytes(struct mr_session *s)
{
    if (!mr__session_is_open(s) || s->doom_reason != NULL || mr__link_on(&s->dirty))
        return 0;
    return mr__session_q(s)->bytes;
}

/* All queues together are over their ceiling: doom the longest, half of the longest at a time. */
static void shed(struct mr_server *srv)
{
    uint64_t total = 0, enough = srv->opt.queue_total_bytes_max / 4 * 3;
    size_t longest = 0;

    if (srv->stats.queued_bytes <= srv->opt.queue_total_bytes_max || mr__now(srv) < srv->shed_ms)
        return;
    srv->shed_ms = mr__now(srv) + MR_SHED_PAUSE_MS;
    for (struct mr_node *n = mr__table_next(&srv->sessions, NULL); n != NULL;
         n = mr__table_next(&srv->sessions, n)) {
        size_t bytes = stuck_bytes(MR_CONTAINER(n, struct mr_session, node));

        total += bytes;
        longest = bytes > longest ? bytes : longest;
    }
    if (total <= srv->opt.queue_total_bytes_max)
        return;
    while (total > enough && longest > 0) {
        longest /= 2;
        for (struct mr_node *n = mr__table_next(&srv->sessions, NULL); n != NULL && total > enough;
             n = mr__table_next(&srv->sessions, n)) {
            struct mr_session *s = MR_CONTAINER(n, struct mr_session, node);
            size_t bytes = stuck_bytes(s);

            if (bytes <= longest)
                continue;
            total -= bytes;
            mr__limit_hit(srv, MR_LIMIT_QUEUE_TOTAL, s->hs->addr, srv->opt.queue_total_bytes_max);
            srv->stats.shed++;
            srv->stats.slow_consumers++;
            mr__session_doom(s, "slow consumer");
        }
    }
}

bool mr__turn_end(struct mr_server *srv)
{
    struct mr_link *l;
    int rounds = 0;

    while (rounds++ < ROUNDS_MAX && !(mr__list_empty(&srv->doomed) && mr__list_empty(&srv->dirty) &&
                                      mr__list_empty(&srv->drained))) {
        while ((l = mr__list_pop(&srv->doomed)) != NULL) {
            struct mr_session *s = MR_CONTAINER(l, struct mr_session, fate);

            mr__session_close(s, s->doom_reason, MR_CLOSE_KILL);
        }
        flush_dirty(srv);
        while ((l = mr__list_pop(&srv->drained)) != NULL)
            mr__session_drained(MR_CONTAINER(l, struct mr_session, drain));
    }
    flush_some(&srv->backlog, MR_FLUSH_SESSIONS);
    shed(srv);
    mr__families_reap(srv);
    while ((l = mr__list_pop(&srv->reaped)) != NULL)
        mr__session_free(MR_CONTAINER(l, struct mr_session, fate));
    return rounds <= ROUNDS_MAX && mr__list_empty(&srv->backlog) && mr__list_empty(&srv->doomed) &&
           mr__list_empty(&srv->drained);
}

void mr_server_stats_sized(struct mr_server *srv, struct mr_stats *out, size_t out_size)
{
    MR_ASSERT_LOOP(srv);
    mr__sized_out(out, out_size, &srv->stats, sizeof(srv->stats));
    srv->stats.loop_lag_us_max = 0;
}
