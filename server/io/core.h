/* core.h - the server as its parts see it: tables, clock, timers, and what is to be done at the end
 * of a turn of the loop. It knows neither sockets nor uv, so that tests drive all of it by hand.
 *
 * A turn: events come in (packets, posted functions, timers) and callbacks run; frames only gather
 * in the sessions' queues. mr__turn_end then does, until nothing is left:
 *
 *   doomed   sessions that failed where they could not be closed (a write error inside a broadcast,
 *            a slow consumer) are closed
 *   dirty    sessions with new frames are flushed: one write a socket, however many frames. When
 *            they are very many they go to the backlog, which is written slice by slice; between
 *            slices the loop goes round (other sockets are read, timers run), and the few that have
 *            something new then are flushed first. Each session has all its frames in its own
 *            queue, so none overtakes another
 *   drained  drain callbacks of sessions that fell under the low-water mark
 *   reaped   closed sessions are freed: until here their memory is valid
 */
#ifndef IO_CORE_H
#define IO_CORE_H

#include "io/frame.h"
#include "io/limits.h"
#include "io/list.h"
#include "io/sid.h"
#include "io/table.h"
#include "io/timers.h"

#include <assert.h>
#include <pthread.h>

struct mr_net; /* the half with sockets, net.h; NULL in tests */
struct mr_engine;
struct mr_session;
struct mr_cors;
struct mr_deflater;
struct mr_route_node;
struct mr_ws_endpoint;
struct mr_ws_codec;
struct mr_route;
struct mr_mount;
struct mr_draining;
struct mr_reporting;
struct mr_proxies;
struct mr_parser_ops;

struct mr_server {
    struct mr_options opt;     /* its texts are our copies */
    struct mr_engine *engines; /* by path, that of Socket.IO first */
    struct mr_cors *cors;      /* NULL: no origin but our own */
    char **kept_headers;       /* of handshakes, beside those that are always kept */
    size_t n_kept_headers;
    uint64_t (*clock_ms)(void *ctx);
    void *clock_ctx;
    struct mr_timers timers;
    struct mr_sid_pool sids;
    struct mr_table sessions, nsps, peers;
    struct mr_link peers_idle; /* peers.c */
    size_t n_peers_idle;
    struct mr_proxies *proxies; /* NULL: none is trusted */
    mr_limit_fn limit_fn;
    void *limit_ctx;
    struct mr_draining *draining; /* NULL: it does not. drain.c */
    struct mr_reporting *reporting;
    struct mr_link families;     /* in the order of registration: families.c */
    struct mr_link ghosts;       /* removed ones that sockets still refer to */
    struct mr_link emptied;      /* namespaces of families that may have to go */
    struct mr_link nsp_requests; /* CONNECTs that wait for a family's answer */
    size_t n_children, n_nsp_requests;
    mr_nsp_event_fn on_nsp;
    void *on_nsp_ctx;
    struct mr_link dirty, backlog, doomed, drained, reaped;
    struct mr_link gathers;                   /* broadcasts that wait for acks: broadcast_ack.c */
    const struct mr_adapter_ops *adapter_ops; /* for every namespace; NULL: the one in memory */
    void *adapter_arg;
    const struct mr_parser_ops *parser;
    void *parser_arg;
    struct mr_recovery_options *recovery; /* ours, every default filled in; NULL: off */
    uint32_t mark;                        /* number of the last walk over sockets */
    struct mr_frame *ping, *noop, *close; /* packets without content, made once */
    struct mr_stats stats;
    size_t n_sessions; /* those in the table and those waiting to be reaped */
    uint64_t shed_ms;  /* no look at all queues together before then */
    bool closing;
    size_t deflated_bytes;           /* in this turn */
    struct mr_deflater *deflater;    /* of reply bodies; NULL until one needs it */
    struct mr_route_node *routes;    /* NULL: none */
    struct mr_route_node *ws_routes; /* of plain WebSockets */
    struct mr_ws_endpoint *ws_endpoints;
    struct mr_ws_codec *ws_codec; /* permessage-deflate; NULL until a client wants it */
    struct mr_route *routes_replaced;
    struct mr_mount *mounts; /* directories served as files */
    mr_http_fn http_fn;
    void *http_ctx;
    mr_http_error_fn error_fn;
    void *error_ctx;
    struct mr_net *net;
    pthread_t loop_thread;
};

/* Guards every function that is [thread: loop] at the library's surface; gone in release builds. */
#define MR_ASSERT_LOOP(srv) assert(pthread_equal((srv)->loop_thread, pthread_self()))

/* Everything but sockets. MR_OK; MR_E_NOMEM, MR_E_INVAL: nothing to clean up. */
MR_MUSTCHECK int mr__core_init(struct mr_server *srv, const struct mr_options *opt);
void mr__core_deinit(struct mr_server *srv);
static inline uint64_t mr__now(const struct mr_server *srv)
{
    return srv->clock_ms(srv->clock_ctx);
}
/* Do what the turn has gathered; true when it is all done (else: call again soon). */
bool mr__turn_end(struct mr_server *srv);

#endif
