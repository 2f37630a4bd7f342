/* engine.h - an Engine.IO server on a path, and the seam to what runs on it.
 *
 *   path -> mr_engine -> sessions -> ops: Socket.IO (namespace.c), or messages as they are
 *                                         (engine.c, the public engine.h)
 *
 * A session knows its engine and nothing of what its messages mean. A server has one engine for
 * Socket.IO, made with it, and any number of others on paths of their own, on the same port.
 * [thread: loop]
 */
#ifndef IO_ENGINE_H
#define IO_ENGINE_H

#include "io/core.h"
#include "io/exchange.h"

struct mr_session;

/* What a session tells the layer above. A callback may close the session. */
struct mr_engine_ops {
    /* The handshake is answered. MR_OK; else the session is given up as a transport error. May be
     * NULL. */
    int (*open)(struct mr_session *s);
    /* A message; it borrows until the return. text is valid UTF-8. */
    void (*text)(struct mr_session *s, struct mr_span text);
    void (*binary)(struct mr_session *s, struct mr_span bytes);
    /* It closes for this reason: let go of everything. May come twice, and before open. */
    void (*leave_all)(struct mr_session *s, const char *reason);
    /* It was congested and is no longer. */
    void (*drained)(struct mr_session *s);
    /* Does anybody use it? Asked once, connect_timeout_ms after the handshake; if not it closes.
     * NULL: do not ask. */
    bool (*any)(const struct mr_session *s);
    /* Its memory goes: free what is kept in it. */
    void (*forget)(struct mr_session *s);
};

struct mr_engine_use { /* of mr_engine_use */
    mr_request_fn fn;
    void *ctx;
};

struct mr_engine {
    struct mr_engine *next; /* in srv->engines, the Socket.IO one first */
    struct mr_server *srv;
    struct mr_engine_options opt; /* every default filled in; its texts are our copies */
    const struct mr_engine_ops *ops;
    bool bare; /* its sessions have a client: engine_client.c */
    struct mr_engine_use *uses;
    unsigned n_uses;
    mr_request_fn allow;
    void *allow_ctx;
    struct mr_engine_handlers on;
    void *ctx;
};

/* Put an engine on a path; copies opt. NULL: out of memory, or the path is taken (*rc). */
struct mr_engine *mr__engine_add(struct mr_server *srv, const struct mr_engine_options *opt,
                                 const struct mr_engine_ops *ops, int *rc);
void mr__engines_free(struct mr_server *srv);
/* The engine that a request path belongs to, with or without the slash at its end: of several the
 * one with the longest path. NULL: none. */
struct mr_engine *mr__engine_at(struct mr_server *srv, struct mr_span path);
/* The engine that a request came to. */
static inline struct mr_engine *mr__engine_of(struct mr_server *srv, const struct mr_exchange *ex)
{
    return ex->engine != NULL ? ex->engine : srv->engines;
}
/* Append the Set-Cookie line of a new session, if it is to have one. */
void mr__engine_add_cookie(const struct mr_engine *e, const char *sid, struct mr_buf *lines);
/* A request on its path was refused: tell the application. */
void mr__engine_refused(struct mr_engine *e, const struct mr_exchange *ex, int code,
                        const char *message);
/* Does it take new sessions, or upgrades, over this transport? */
static inline bool mr__engine_takes(const struct mr_engine *e, unsigned transport)
{
    return (e->opt.transports & transport) != 0;
}
static inline bool mr__engine_upgrades(const struct mr_engine *e)
{
    return !e->opt.no_upgrades && mr__engine_takes(e, MR_TRANSPORT_WEBSOCKET);
}

#endif
