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

#include "proto/err.h"
#include "proto/span.h"
#include <uv.h>

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
    /* 1 GiB unsent to all sessions together, a frame counted for each that waits for it. Over it
     * those with the longest queues are closed as "slow consumer" until it is three quarters. What
     * has only just been queued, and not been tried yet, does not count. */
    uint64_t queue_total_bytes_max;
    uint32_t poll_packets_max; /* 16 packets in one answer to a GET: some clients refuse more */
};

/* Create a server on a loop of the caller's. Borrows loop; copies opt (NULL: all defaults). Raises
 * the process's soft limit on descriptors towards the hard one, to have room for sessions_max. The
 * thread that runs the loop is the loop thread. MR_OK; MR_E_NOMEM; MR_E_IO; MR_E_INVAL: an option
 * that means nothing (an expression in cors_origins). */
MR_EXPORT MR_MUSTCHECK int mr_server_new(struct mr_server **out, uv_loop_t *loop,
                                         const struct mr_options *opt);
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

/* ---- connections -------------------------------------------------------------------------- */

/* Decide on a CONNECT. auth borrows the client's JSON object ("{}" when it sent none). MR_OK
 * admits. Any error refuses: CONNECT_ERROR {"message": mr_socket_refuse's text or "unauthorized"}.
 * MR_E_AGAIN: the answer comes later by mr_connect_admit or mr_connect_refuse (keep a ref). */
typedef int (*mr_connect_fn)(struct mr_socket *s, struct mr_span auth, void *ctx);
/* The socket is gone for good; reason as socket.io spells it ("transport close", "ping timeout",
 * "client namespace disconnect", ...). The last callback for s. */
typedef void (*mr_disconnect_fn)(struct mr_socket *s, const char *reason, void *ctx);
/* args borrows the raw arguments after the event name. ack_id >= 0: the client waits for mr_ack,
 * now or later (at most once). */
typedef void (*mr_event_fn)(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx);
/* args borrows the raw arguments of the client's ack; err MR_OK, MR_E_TIMEOUT or MR_E_CLOSED. */
typedef void (*mr_ack_fn)(int err, struct mr_socket *s, struct mr_span args, void *ctx);
/* The socket was congested and has drained under the low-water mark. */
typedef void (*mr_drain_fn)(struct mr_socket *s, void *ctx);

/* Handlers of a namespace; registering makes the namespace exist ("/" always does). Copies names.
 * One handler an event and namespace: a second registration replaces the first.
 * MR_OK; MR_E_INVAL (reserved event name); MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_on_connect(struct mr_server *srv, const char *nsp, mr_connect_fn fn,
                                         void *ctx);
/* Called when the client's CONNECT was answered: from here on mr_emit reaches it. */
MR_EXPORT MR_MUSTCHECK int mr_on_connected(struct mr_server *srv, const char *nsp,
                                           void (*fn)(struct mr_socket *s, void *ctx), void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on_disconnect(struct mr_server *srv, const char *nsp,
                                            mr_disconnect_fn fn, void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on_drain(struct mr_server *srv, const char *nsp, mr_drain_fn fn,
                                       void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on(struct mr_server *srv, const char *nsp, const char *event,
                                 mr_event_fn fn, void *ctx);
/* Later answer to a CONNECT whose hook returned MR_E_AGAIN; nothing happens if the client left. */
MR_EXPORT void mr_connect_admit(struct mr_socket *s);
/* Refuse, now (from the hook, before it returns an error) or later. Copies. data: raw JSON for the
 * error's "data" member, or empty. */
MR_EXPORT void mr_connect_refuse(struct mr_socket *s, const char *message, struct mr_span data);

/* Reading arguments, without copying: the i-th of args; a member of a JSON object, by name; the
 * content of a string without its quotes, escapes kept. Each is empty when there is no such thing.
 * They borrow from what they are given. [thread: any] */
MR_EXPORT struct mr_span mr_arg(struct mr_span args, size_t i);
MR_EXPORT struct mr_span mr_member(struct mr_span object, const char *name);
MR_EXPORT struct mr_span mr_string(struct mr_span value);

/* ---- a socket ----------------------------------------------------------------------------- */

/* A socket is valid inside callbacks. To keep it longer take a ref: the memory then stays, but
 * calls on a disconnected socket do nothing (emits return MR_E_CLOSED). */
MR_EXPORT struct mr_socket *mr_socket_ref(struct mr_socket *s);
MR_EXPORT void mr_socket_unref(struct mr_socket *s);
MR_EXPORT bool mr_socket_connected(const struct mr_socket *s);
MR_EXPORT const char *mr_socket_id(const struct mr_socket *s);   /* the public id; borrows s */
MR_EXPORT const char *mr_socket_nsp(const struct mr_socket *s);  /* borrows s */
MR_EXPORT const char *mr_socket_addr(const struct mr_socket *s); /* peer address, "127.0.0.1" */
MR_EXPORT const char *mr_socket_transport(const struct mr_socket *s); /* "polling", "websocket" */
/* A header of the handshake request, lower-case name; only those kept: authorization, cookie,
 * origin, user-agent, x-forwarded-for, x-request-id. Empty span when absent. Borrows s. */
MR_EXPORT struct mr_span mr_socket_header(const struct mr_socket *s, const char *name);
/* The application's own pointer, NULL at first. */
MR_EXPORT void mr_socket_set_data(struct mr_socket *s, void *data);
MR_EXPORT void *mr_socket_data(const struct mr_socket *s);
MR_EXPORT struct mr_server *mr_socket_server(const struct mr_socket *s);

/* Send an event to one socket. Copies. MR_OK: queued; MR_E_CLOSED; MR_E_NOMEM. */
MR_EXPORT int mr_socket_emit(struct mr_socket *s, const char *event, struct mr_span args);
/* The same and wait for the client's ack: fn is called exactly once. timeout_ms 0: no limit but the
 * connection's end. MR_E_AGAIN: too many acks pending on this socket (fn is not called). */
MR_EXPORT MR_MUSTCHECK int mr_socket_emit_ack(struct mr_socket *s, const char *event,
                                              struct mr_span args, uint32_t timeout_ms,
                                              mr_ack_fn fn, void *ctx);
/* Answer an event's ack. Copies. Answering twice, or when none was asked (ack_id < 0), does
 * nothing. */
MR_EXPORT int mr_ack(struct mr_socket *s, int64_t ack_id, struct mr_span args);
/* Binary: in the args of a BINARY_EVENT each attachment stands as {"_placeholder":true,"num":i}.
 * Its bytes are here while the event's handler (or the mr_ack_fn) runs; they borrow until it
 * returns. */
MR_EXPORT size_t mr_event_attachments(const struct mr_socket *s);
MR_EXPORT struct mr_span mr_event_attachment(const struct mr_socket *s, size_t i);
/* mr_socket_emit and mr_ack with n attachments (at most 10) for the placeholders in args. Copies.
 * MR_E_TOOBIG: too many. */
MR_EXPORT int mr_socket_emit_binary(struct mr_socket *s, const char *event, struct mr_span args,
                                    const struct mr_span *attachments, size_t n);
MR_EXPORT int mr_ack_binary(struct mr_socket *s, int64_t ack_id, struct mr_span args,
                            const struct mr_span *attachments, size_t n);
/* Disconnect from the namespace; close_transport also closes the connection under it. */
MR_EXPORT void mr_socket_disconnect(struct mr_socket *s, bool close_transport);
/* Close the connection under the socket without that good-bye, once what is queued has left. A
 * client takes a good-bye as final ("io server disconnect"), but comes back by itself from a
 * connection that ended ("transport close"): so this is how to send it to a server that is not
 * stopping. */
MR_EXPORT void mr_socket_drop(struct mr_socket *s);
/* Bytes queued for this socket's session that the kernel has not taken yet. */
MR_EXPORT size_t mr_socket_buffered(const struct mr_socket *s);
/* True from the high-water mark until the drain callback. */
MR_EXPORT bool mr_socket_congested(const struct mr_socket *s);

/* ---- rooms and broadcast: broadcast.h; clusters: adapter.h --------------------------------- */

/* [thread: any] mr_emit, later, on the loop. MR_E_AGAIN: the mailbox is full; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_post_emit(struct mr_server *srv, const char *nsp, const char *room,
                                        const char *event, struct mr_span args);

/* An encoded event, to send the same bytes to sockets of the caller's own choice. Reference counted
 * (not atomically: [thread: loop]); nsp is part of the bytes. NULL when out of memory. Copies. */
MR_EXPORT struct mr_frame *mr_frame_new(const char *nsp, const char *event, struct mr_span args);
MR_EXPORT struct mr_frame *mr_frame_ref(struct mr_frame *f);
MR_EXPORT void mr_frame_unref(struct mr_frame *f);
MR_EXPORT size_t mr_frame_bytes(const struct mr_frame *f);
/* Queue a frame to one socket (it takes its own ref). MR_OK; MR_E_CLOSED; MR_E_NOMEM. */
MR_EXPORT int mr_socket_send(struct mr_socket *s, struct mr_frame *f);

/* ---- figures ------------------------------------------------------------------------------ */

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
};
MR_EXPORT void mr_server_stats(struct mr_server *srv, struct mr_stats *out);

#include "millrace/adapter.h"
#include "millrace/broadcast.h"
#include "millrace/engine.h"
#include "millrace/http.h"
#include "millrace/recovery.h"
#include "millrace/tls.h"
#include "millrace/websocket.h"

#endif
