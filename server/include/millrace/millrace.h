/* millrace.h - a Socket.IO v5 / Engine.IO v4 server on one libuv loop, with HTTP on the same port.
 * The only header an application needs; it knows nothing of SQL, Kafka or pipelines.
 *
 *   loop thread   owns the server, its sockets, rooms and requests. Every call here is
 *                 [thread: loop] unless it says [thread: any].
 *   other threads reach it through mr_post (a function to run on the loop), mr_post_emit and
 *                 mr_http_post_reply. Nothing else is safe there.
 *
 * Owner words: borrows (until return), copies, takes (callee frees, on failure too).
 * JSON is passed as text: `args` is always the raw elements of a JSON array without its brackets,
 * as in  1,"two",{"three":3}  (empty: no arguments). The caller vouches that it is valid JSON.
 */
#ifndef MILLRACE_MILLRACE_H
#define MILLRACE_MILLRACE_H

#include "millrace/limits.h"
#include "proto/err.h"
#include "proto/span.h"
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mr_server;   /* opaque; alive from mr_server_new until its closed callback */
struct mr_socket;   /* opaque; one client in one namespace. See mr_socket_ref for its lifetime */
struct mr_frame;    /* opaque; an encoded packet that many sockets share, reference counted */
struct mr_http_req; /* opaque; one HTTP request, alive until it is answered */

/* ---- server ------------------------------------------------------------------------------- */

#define MR_TRANSPORT_POLLING   1u
#define MR_TRANSPORT_WEBSOCKET 2u

/* A cookie with the session's id, on the first reply over polling: for balancers that keep a client
 * on a server by it. */
struct mr_cookie {
    const char *name;      /* NULL: no cookie */
    const char *path;      /* "/" */
    const char *same_site; /* "Lax"; or "Strict", "None" (which needs secure) */
    bool secure;           /* over TLS only */
    bool script_readable;  /* without HttpOnly */
    uint32_t max_age_s;    /* 0: until the browser is closed */
};

struct mr_options {               /* zero means the default named here */
    const char *path;             /* "/socket.io/" */
    uint32_t ping_interval_ms;    /* 25000 */
    uint32_t ping_timeout_ms;     /* 20000 */
    uint32_t connect_timeout_ms;  /* 45000: from handshake to the first CONNECT */
    uint32_t upgrade_timeout_ms;  /* 10000 */
    uint32_t body_bytes_max;      /* 1000000: one message; told to clients as maxPayload */
    uint32_t queue_bytes_max;     /* 4 MiB unsent per session, then it closes as "slow consumer" */
    uint32_t high_water_bytes;    /* 1 MiB: mr_socket_congested turns true */
    uint32_t low_water_bytes;     /* 256 KiB: the drain callback fires on the way down */
    uint32_t sessions_max;        /* 50000 Engine.IO sessions in all, then 503 */
    uint32_t http_body_bytes_max; /* 1 MiB: request body of mr_on_http routes, then 413 */
    uint32_t http_header_timeout_ms; /* 10000: to receive a request's head */
    uint32_t http_body_timeout_ms;   /* 10000: a body must move within it, and after twice as long
                                        have come at 1 KiB a second or more */
    uint32_t http_idle_timeout_ms;   /* 75000: a connection between requests */
    uint32_t http_idle_max;          /* sessions_max such connections; then the one that has been
                                        idle longest is closed */
    uint32_t http_requests_max;      /* 4096 requests waiting for their reply, then 503. Replies of
                                        unknown length that have begun do not count */
    /* 1024: replies of the polling transport from this size on are sent as gzip or deflate to
     * clients that accept it. UINT32_MAX: never. */
    uint32_t http_compress_bytes_min;
    /* 0: if the library was built with it, the JavaScript client is served at <path>socket.io.js,
     * .min.js, .esm.min.js and .msgpack.min.js. -1: it is not. */
    int serve_client;
    bool http_compress_routes; /* so are whole replies of the application, when they are text, and
                                  have neither ETag nor Content-Encoding */
    /* Origins that pages may come from, comma-separated; NULL: none but the server's own. Each is
     * an origin ("https://app.example"), "re:" and a POSIX extended regular expression that the
     * whole origin must match (its commas stand inside brackets; no back-references), or "*". */
    const char *cors_origins;
    int cors_credentials;     /* 0: for all but "*". 1: for "*" too, which lets every site act as
                                 its visitor. -1: never */
    const char *cors_methods; /* "GET,HEAD,PUT,PATCH,POST,DELETE" */
    const char *cors_headers; /* request headers allowed; NULL: those that the browser asks for */
    const char *cors_exposed; /* reply headers that pages may read; NULL: none */
    uint32_t cors_max_age_s;  /* 600: how long a browser keeps the answer to a preflight */
    bool cors_routes;         /* the same for requests outside the Socket.IO path */
    /* permessage-deflate for clients that offer it: 144 KiB for the whole server, and what it saves
     * on the wire costs time on the loop. Messages from websocket_deflate_bytes_min (1024) up to
     * 128 KiB are compressed, each once for all who get it, in a window of 1 <<
     * websocket_window_bits (12; 9 to 15) bytes. */
    bool websocket_deflate;
    uint32_t websocket_deflate_bytes_min;
    uint32_t websocket_window_bits;
    bool websocket_same_origin; /* refuse (403) WebSockets from pages that are neither the server's
                                   own nor in cors_origins. CORS itself does not cover them */
    unsigned transports;        /* MR_TRANSPORT_POLLING | MR_TRANSPORT_WEBSOCKET: that clients may
                                   begin with */
    bool no_upgrades;           /* a polling session stays one */
    struct mr_cookie cookie;
    uint32_t sessions_per_addr_max; /* 10000 sessions from one address, then 503. Loopback is */
    bool limit_loopback;            /* exempt unless this is set: a proxy there speaks for all */
    /* 1 GiB unsent to all sessions together, a frame counted for each that waits for it. Over it
     * those with the longest queues are closed as "slow consumer" until it is three quarters. What
     * has only just been queued, and not been tried yet, does not count. */
    uint64_t queue_total_bytes_max;
    uint32_t poll_packets_max; /* 16 packets in one answer to a GET: some clients refuse more */
    /* Headers of the handshake to keep for mr_socket_header beside those that always are:
     * lower-case names, comma-separated, at most 32. NULL: none. */
    const char *handshake_headers;
    uint32_t family_namespaces_max; /* 10000 namespaces of families (mr_nsp_family) in all; a
                                       CONNECT to one more is refused */
    /* Rates, each with what may come at once; UINT32_MAX: no limit. A handshake too many gets 429.
     * Who sends too much is closed as "rate limit": 1008 over WebSocket, 429 over polling. */
    uint32_t handshakes_per_s; /* 200 from one address; loopback as in limit_loopback */
    uint32_t handshakes_burst; /* 2000 */
    uint32_t packets_in_per_s; /* 100000 on one connection: events, attachments, pongs ... */
    uint32_t packets_in_burst; /* 1000000 */
    uint32_t bytes_in_per_s;   /* 512 MiB on one connection */
    uint32_t bytes_in_burst;   /* 1 GiB, and never less than body_bytes_max */
    uint32_t connections_max;  /* TCP connections in all; as many as there are descriptors */
    uint32_t connections_per_addr_max;   /* 20000; then 503. Loopback as in limit_loopback */
    uint32_t namespaces_per_session_max; /* 64 that one connection may be in; at most 1024 */
    uint32_t rooms_per_socket_max;       /* 65536 */
    uint32_t attachments_max;            /* 10 of one packet from a client; at most 10 */
    uint32_t acks_asked_max;             /* 16384 acks that a socket's client may be waiting for */
    uint32_t acks_pending_max;           /* 1024 that we may be waiting for from one socket */
    /* Proxies whose X-Forwarded-For is believed: addresses and networks ("10.0.0.0/8", "fd00::/8"),
     * and "loopback", comma-separated. What counts as the client's address, for limits, too, is
     * then the last of the list that is not itself such a proxy. NULL: none. */
    const char *trusted_proxies;
    /* Milliseconds that only grow, for tests (see mr_server_tick). NULL: the system's clock. */
    uint64_t (*clock_ms)(void *ctx);
    void *clock_ctx;
    bool cleanup_empty_namespaces; /* those are removed when their last client has left; not with
                                      recovery, for a client may come back */
};

/* Structs that the caller fills in grow at their ends from version to version. A program says how
 * large it knows them: what it does not know is zero; what the library does not know must be, or
 * the call is MR_E_INVAL. The inline functions say it for the program: see docs/abi.md. */

/* Create a server on a loop of the caller's. Borrows loop; copies opt (NULL: all defaults). Raises
 * the process's soft limit on descriptors towards the hard one, to have room for sessions_max. The
 * thread that runs the loop is the loop thread. MR_OK; MR_E_NOMEM; MR_E_IO; MR_E_INVAL: an option
 * that means nothing (an expression in cors_origins). */
MR_EXPORT MR_MUSTCHECK int mr_server_new_sized(struct mr_server **out, uv_loop_t *loop,
                                               const struct mr_options *opt, size_t opt_size);
MR_MUSTCHECK static inline int mr_server_new(struct mr_server **out, uv_loop_t *loop,
                                             const struct mr_options *opt)
{
    return mr_server_new_sized(out, loop, opt, sizeof(*opt));
}
/* Begin to accept. port 0: any free one, see mr_server_port. MR_OK; MR_E_IO: cannot bind. */
MR_EXPORT MR_MUSTCHECK int mr_server_listen(struct mr_server *srv, const char *host, int port);
MR_EXPORT int mr_server_port(const struct mr_server *srv);
/* Accept no more connections; those that are here stay, and are served. For a paced shutdown:
 * mr_socket_drop one after the other, then mr_server_close. */
MR_EXPORT void mr_server_stop_listening(struct mr_server *srv);
/* Stop accepting, disconnect every socket ("server shutting down"), close; closed(ctx) comes after
 * the last use of srv, and after every request handed out has been answered. The loop may be closed
 * after it. Connections that are still busy after 4 seconds are cut off. */
MR_EXPORT void mr_server_close(struct mr_server *srv, void (*closed)(void *ctx), void *ctx);
/* [thread: any] Run fn(arg) on the loop thread, in order of posting. MR_OK; MR_E_AGAIN: the mailbox
 * is full (bounded; fn was not and will not be called); MR_E_CLOSED: the server is closing. */
MR_EXPORT MR_MUSTCHECK int mr_post(struct mr_server *srv, void (*fn)(void *arg), void *arg);

/* ---- rooms and broadcast: broadcast.h; clusters: adapter.h --------------------------------- */

/* [thread: any] mr_emit, later, on the loop. MR_E_AGAIN: the mailbox is full; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_post_emit(struct mr_server *srv, const char *nsp, const char *room,
                                        const char *event, struct mr_span args);

/* An encoded event, to send the same bytes to sockets of the caller's own choice. Reference counted
 * (not atomically: [thread: loop]); nsp is part of the bytes. NULL when out of memory, when there
 * is no such namespace, or when the parser needs more than one message for it. Copies. */
MR_EXPORT struct mr_frame *mr_frame_new(struct mr_server *srv, const char *nsp, const char *event,
                                        struct mr_span args);
MR_EXPORT struct mr_frame *mr_frame_ref(struct mr_frame *f);
MR_EXPORT void mr_frame_unref(struct mr_frame *f);
MR_EXPORT size_t mr_frame_bytes(const struct mr_frame *f);
/* Queue a frame to one socket (it takes its own ref). MR_OK; MR_E_CLOSED; MR_E_NOMEM. */
MR_EXPORT int mr_socket_send(struct mr_socket *s, struct mr_frame *f);

/* ---- figures; limits: limits.h -------------------------------------------------------------- */

struct mr_traffic {
    uint64_t packets_in, packets_out, bytes_in, bytes_out;
};
struct mr_stats {
    uint64_t sessions, sockets, rooms, polling_sessions, websocket_sessions; /* now */
    uint64_t queued_bytes, queued_packets;                                   /* now, all sessions */
    uint64_t sessions_total, packets_in, packets_out, bytes_in, bytes_out;   /* since start */
    uint64_t upgrades, upgrade_failures, ping_timeouts, parse_errors, slow_consumers, refused;
    uint64_t http_requests, http_bad_requests, http_compressed, http_idle_closed, mailbox_full;
    uint64_t websocket_deflated;            /* messages that were compressed, each counted once */
    uint64_t tls_handshakes, tls_failures;  /* done; and those that were not */
    uint64_t websockets;                    /* plain ones (mr_on_websocket), now */
    uint64_t recoveries, recoveries_failed; /* clients that came back as who they were, or not */
    uint64_t shed;            /* of slow_consumers, those closed for queue_total_bytes_max */
    uint64_t loop_lag_us_max; /* worst lag of the loop since the last call of mr_server_stats */
    uint64_t limit_hits[MR_LIMITS_ROOM];  /* by enum mr_limit */
    struct mr_traffic polling, websocket; /* of sessions, by transport; without framing */
    uint64_t volatile_dropped; /* packets left out because a client could not take them at once */
    uint64_t latest_replaced;  /* queued packets that made way for a newer one of their key */
    uint64_t loop_turns, loop_busy_us; /* since start: how often the loop did something, how long */
};
MR_EXPORT void mr_server_stats_sized(struct mr_server *srv, struct mr_stats *out, size_t out_size);
static inline void mr_server_stats(struct mr_server *srv, struct mr_stats *out)
{
    mr_server_stats_sized(srv, out, sizeof(*out));
}

#ifdef __cplusplus
}
#endif

#include "millrace/adapter.h"
#include "millrace/broadcast.h"
#include "millrace/engine.h"
#include "millrace/http.h"
#include "millrace/lifecycle.h"
#include "millrace/namespace.h"
#include "millrace/parser.h"
#include "millrace/query.h"
#include "millrace/recovery.h"
#include "millrace/socket.h"
#include "millrace/tls.h"
#include "millrace/version.h"
#include "millrace/websocket.h"

#endif
