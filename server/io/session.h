/* session.h - an Engine.IO session: one client, whatever carries it.
 *
 *            handshake GET                      handshake over WebSocket
 *                 |                                        |
 *                 v        2probe on a WebSocket           v
 *    +-------> POLLING ---------------------> PROBING   WEBSOCKET
 *    |            |   <-- probe lost or late --  |   5      ^
 *    |            |                              +----------+
 *    |            |                              |          |
 *    |            v                              v          v
 *    |         CLOSING (polling: what is left waits for one more GET)
 *    |            |
 *    |            v
 *    +--------- CLOSED: out of the table; freed at the end of the turn
 *
 * Invariants: packets leave in the order in which they were queued, over whichever transport;
 * at most one GET and one POST wait; to the layer above (engine.h) a session in CLOSING or CLOSED
 * has ended.
 * [thread: loop]
 */
#ifndef IO_SESSION_H
#define IO_SESSION_H

#include "io/core.h"
#include "io/engine.h"
#include "io/exchange.h"
#include "io/handshake.h"
#include "proto/eio.h"

struct mr_engine_client;
struct mr_peer;
struct mr_socket;
struct mr_nsp;

enum mr_session_state {
    MR_S_POLLING,
    MR_S_PROBING,
    MR_S_WEBSOCKET,
    MR_S_CLOSING,
    MR_S_CLOSED,
};

struct mr_session {
    struct mr_server *srv;
    struct mr_engine *engine;
    struct mr_node node; /* in srv->sessions by sid */
    char sid[MR_SID_LEN + 1];
    enum mr_session_state state;
    bool awaiting_pong, congested;
    struct mr_handshake *hs;
    struct mr_peer *peer;
    struct mr_outq q; /* POLLING and PROBING; with a WebSocket its port's queue takes over */
    struct mr_exchange *get, *post;
    struct mr_ws_port *ws, *probe;
    struct mr_timer beat;  /* next ping, or the end of waiting for a pong */
    struct mr_timer guard; /* first CONNECT; in CLOSING the last GET */
    struct mr_timer upgrade;
    struct mr_link dirty, fate, drain; /* fate: srv->doomed, then srv->reaped */
    const char *doom_reason;
    uint64_t packets_at, bytes_at;     /* see mr__rate_take */
    bool too_fast;                     /* it closes for that: 1008, or 429 */
    union {                            /* the layer above: whose ops engine has */
        struct {                       /* Socket.IO: namespace.c */
            struct mr_socket *sockets; /* at most one a namespace */
            unsigned n_sockets, n_left;
            struct mr_nsp **left; /* namespaces that the server threw it out of */
            void *parsing;        /* the parser's: a packet whose pieces are coming in */
        };
        struct mr_engine_client *client; /* bare: engine_client.c */
    };
};

enum mr_close_how {
    MR_CLOSE_FLUSH, /* the client shall get what is queued, over polling with its next GET */
    MR_CLOSE_NOW,   /* it shall know at once: the sid is unknown from here on */
    MR_CLOSE_KILL,  /* it is gone, or does not read */
};

/* A new session of ex's engine, in the table, its heartbeat running. ex: where its headers are
 * read. NULL: out of memory, or sessions_max (counted as refused). */
struct mr_session *mr__session_new(struct mr_server *srv, const struct mr_exchange *ex,
                                   enum mr_session_state state);
struct mr_session *mr__session_find(struct mr_server *srv, struct mr_span sid);
/* The handshake is answered: tell the layer above. */
void mr__session_opened(struct mr_session *s);
/* Append the OPEN packet. */
void mr__session_open_packet(const struct mr_session *s, bool can_upgrade, struct mr_buf *out);
/* One packet from the client. binary packets from a polling body are base64 still. */
void mr__session_packet(struct mr_session *s, const struct mr_eio_packet *p);
/* One binary message (raw bytes). */
void mr__session_binary(struct mr_session *s, struct mr_span bytes);
/* Queue a frame and have it flushed at the end of the turn. MR_OK; MR_E_CLOSED; MR_E_NOMEM; over
 * queue_bytes_max the session is doomed as a slow consumer: MR_E_CLOSED. */
MR_MUSTCHECK int mr__session_send(struct mr_session *s, struct mr_frame *f);
/* Would a frame queued now leave with the end of the turn, as far as one can tell? Nothing waits
 * before it and, over polling, a GET waits for it. */
bool mr__session_writable(struct mr_session *s);
/* The queue that packets go to now. */
struct mr_outq *mr__session_q(struct mr_session *s);
/* The queue has shrunk: count it, and see whether the session is no longer congested. */
void mr__session_sent(struct mr_session *s, uint32_t packets, size_t bytes);
/* Disconnect its sockets (reason as socket.io spells it) and close it. Callbacks run inside. */
void mr__session_close(struct mr_session *s, const char *reason, enum mr_close_how how);
/* The same with MR_CLOSE_KILL, at the end of the turn. reason: static. */
void mr__session_doom(struct mr_session *s, const char *reason);
/* The client broke the protocol: counted, closed as "parse error". */
void mr__session_bad(struct mr_session *s, const char *what);
/* The same above Engine.IO, for another reason. */
void mr__session_broke(struct mr_session *s, const char *what, const char *reason);
bool mr__session_is_open(const struct mr_session *s);
/* The network lost a request that was waiting, or a WebSocket (reason: "transport close", or
 * "transport error" when the peer broke the framing). */
void mr__exchange_gone(struct mr_exchange *ex);
void mr__ws_gone(struct mr_ws_port *port, const char *reason);

/* Used by core.c */
void mr__session_flush(struct mr_session *s);
void mr__session_drained(struct mr_session *s);
void mr__session_free(struct mr_session *s);
/* Used by polling.c: a session in CLOSING has delivered its last packet. */
void mr__session_closed(struct mr_session *s);

/* heartbeat.c */
void mr__heartbeat_start(struct mr_session *s);
void mr__heartbeat_pong(struct mr_session *s);

#endif
