/* engine.h - Engine.IO by itself: messages, text or binary, over long-polling and WebSocket,
 * without namespaces, events and acks. Part of millrace.h, whose words it uses: include that.
 *
 * An engine has a path of its own on the server's port, beside that of Socket.IO. The ceilings on
 * queues, and CORS, are the server's (mr_options). Every call is [thread: loop].
 */
#ifndef MILLRACE_ENGINE_H
#define MILLRACE_ENGINE_H

#include "millrace/millrace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MR_ENGINE_PROTOCOL 4 /* the version that a handshake must ask for (EIO=4) */

struct mr_engine;          /* opaque; lives as long as its server */
struct mr_pending_request; /* opaque; a handshake that is not decided yet */
struct mr_engine_client;   /* opaque; valid from its open callback until its close callback returns,
                              longer with a ref: calls then do nothing */

struct mr_engine_options {       /* zero means the default named here */
    const char *path;            /* "/engine.io/"; must begin with "/" */
    uint32_t ping_interval_ms;   /* 25000 */
    uint32_t ping_timeout_ms;    /* 20000 */
    uint32_t upgrade_timeout_ms; /* 10000 */
    uint32_t body_bytes_max;     /* 1000000: one message; told to clients as maxPayload */
    uint32_t poll_packets_max;   /* 16 packets in one answer to a GET: some clients refuse more */
    unsigned transports;         /* MR_TRANSPORT_POLLING | MR_TRANSPORT_WEBSOCKET */
    bool no_upgrades;            /* a polling session stays one */
    struct mr_cookie cookie;
    struct mr_span initial_packet; /* a message that every client gets first; empty: none. UTF-8 */
};

/* What happens to clients; each may be NULL. A callback may do anything, closing the client that it
 * is called for included. */
struct mr_engine_handlers {
    void (*open)(struct mr_engine_client *c, void *ctx);
    /* data borrows until the return. Text is valid UTF-8. */
    void (*message)(struct mr_engine_client *c, struct mr_span data, bool binary, void *ctx);
    /* The last callback for c. reason: "transport close", "transport error", "ping timeout", "parse
     * error", "forced close", "slow consumer", "server shutting down". */
    void (*close)(struct mr_engine_client *c, const char *reason, void *ctx);
    /* It was congested and has drained under the low-water mark. */
    void (*drain)(struct mr_engine_client *c, void *ctx);
    /* A request on the engine's path was refused: code and message as the client gets them. */
    void (*error)(struct mr_engine *e, int code, const char *message, const char *addr, void *ctx);
};

/* Serve Engine.IO on a path. Copies opt (NULL: all defaults) and handlers. MR_OK; MR_E_CONFLICT:
 * the path is taken; MR_E_INVAL: an option that means nothing (path, transports, cookie);
 * MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_engine_new_sized(struct mr_engine **out, struct mr_server *srv,
                                               const struct mr_engine_options *opt, size_t opt_size,
                                               const struct mr_engine_handlers *handlers,
                                               size_t handlers_size, void *ctx);
MR_MUSTCHECK static inline int mr_engine_new(struct mr_engine **out, struct mr_server *srv,
                                             const struct mr_engine_options *opt,
                                             const struct mr_engine_handlers *handlers, void *ctx)
{
    return mr_engine_new_sized(out, srv, opt, sizeof(*opt), handlers, sizeof(*handlers), ctx);
}

/* The engine that carries Socket.IO. */
MR_EXPORT struct mr_engine *mr_server_engine(struct mr_server *srv);

struct mr_request; /* opaque; a request on the engine's path, valid until the callback returns */
/* MR_OK lets it in. Any error refuses it, with *message (what it is set to borrows until the
 * return). Must not close anything. */
typedef int (*mr_request_fn)(const struct mr_request *req, const char **message, void *ctx);
/* May this handshake become a session? Refused: code 4 with *message ("Forbidden" at first), status
 * 403 over polling and 400 over WebSocket. MR_E_AGAIN, after mr_request_keep: the answer comes
 * later. fn NULL: all are let in, as at first. */
MR_EXPORT void mr_engine_allow_request(struct mr_engine *e, mr_request_fn fn, void *ctx);
/* Look at each request on the path, handshake or not, before anything else does, in the order of
 * registration; browsers' preflights do not come here. Refused: code 3 with *message ("Bad request"
 * at first), status 400. MR_OK; MR_E_TOOBIG: 16 of them are there; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_engine_use(struct mr_engine *e, mr_request_fn fn, void *ctx);

/* In mr_engine_allow_request's function, which then returns MR_E_AGAIN: keep the request, to answer
 * it by exactly one of the two below, which free it (workers get there by mr_post). NULL: out of
 * memory. Who has no answer within connect_timeout_ms is cut off, and the answer then does nothing;
 * it must come before mr_server_close's callback all the same. */
MR_EXPORT struct mr_pending_request *mr_request_keep(const struct mr_request *req);
MR_EXPORT void mr_request_allow(struct mr_pending_request *p);
MR_EXPORT void mr_request_refuse(struct mr_pending_request *p, const char *message);

/* Add a header to the reply, whichever it will be; several of one name may be. MR_OK; MR_E_INVAL:
 * no name, or a value with control characters; MR_E_TOOBIG: more than 8 KiB in all; MR_E_NOMEM. */
MR_EXPORT int mr_request_add_header(const struct mr_request *req, const char *name,
                                    const char *value);
/* The client of a bare engine whose session the request names; NULL for a handshake, and when there
 * is none of that id. */
MR_EXPORT struct mr_engine_client *mr_request_client(const struct mr_request *req);
/* A header by its lower-case name, empty when there is none; the query without "?". */
MR_EXPORT struct mr_span mr_request_header(const struct mr_request *req, const char *name);
MR_EXPORT struct mr_span mr_request_query(const struct mr_request *req);
MR_EXPORT const char *mr_request_addr(const struct mr_request *req);

/* Send a message. Copies. MR_OK: queued; MR_E_CLOSED; MR_E_NOMEM; MR_E_INVAL: text that is not
 * UTF-8. */
MR_EXPORT int mr_engine_send(struct mr_engine_client *c, struct mr_span text);
MR_EXPORT int mr_engine_send_binary(struct mr_engine_client *c, struct mr_span bytes);
/* Close the connection once what is queued has left ("forced close"). The close callback runs
 * inside. */
MR_EXPORT void mr_engine_close(struct mr_engine_client *c);

MR_EXPORT struct mr_engine_client *mr_engine_client_ref(struct mr_engine_client *c);
MR_EXPORT void mr_engine_client_unref(struct mr_engine_client *c);
MR_EXPORT bool mr_engine_client_open(const struct mr_engine_client *c);
/* The session's id, a secret between the two; borrows c. */
MR_EXPORT const char *mr_engine_client_id(const struct mr_engine_client *c);
MR_EXPORT const char *mr_engine_client_addr(const struct mr_engine_client *c);
/* "polling", "websocket"; "" once it is closed. */
MR_EXPORT const char *mr_engine_client_transport(const struct mr_engine_client *c);
/* A header of the handshake request, as mr_socket_header; its query without "?". They borrow c. */
MR_EXPORT struct mr_span mr_engine_client_header(const struct mr_engine_client *c,
                                                 const char *name);
MR_EXPORT struct mr_span mr_engine_client_query(const struct mr_engine_client *c);
/* Bytes queued that the kernel has not taken yet; true from the high-water mark until drain. */
MR_EXPORT size_t mr_engine_client_buffered(const struct mr_engine_client *c);
MR_EXPORT bool mr_engine_client_congested(const struct mr_engine_client *c);
/* The application's own pointer, NULL at first. */
MR_EXPORT void mr_engine_client_set_data(struct mr_engine_client *c, void *data);
MR_EXPORT void *mr_engine_client_data(const struct mr_engine_client *c);

#ifdef __cplusplus
}
#endif

#endif
