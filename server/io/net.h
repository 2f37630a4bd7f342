/* net.h - the half of the server that touches sockets: the loop's handles, connections, requests.
 *
 *   listen.c     our listening sockets; accepted descriptors are handed to libwebsockets
 *   lws_sock.c   the only file that calls libwebsockets: adoption, readiness, closing
 *   conn.c       a connection: it speaks HTTP, then perhaps WebSocket, then lingers and is gone
 *   tls.c        between the two, for listeners with TLS
 *   mailbox.c    the door for other threads
 *   server.c     made, listening, closed; the hooks at the end of a turn
 *
 * libwebsockets carries the connections as raw sockets: it gives the event loop; its HTTP parser
 * cannot say 400, 413 or 431, knows no chunked bodies and rewrites paths, so HTTP and WebSocket
 * framing are ours (http_parse.c, ws_frame.c). [thread: loop]
 */
#ifndef IO_NET_H
#define IO_NET_H

#include "io/core.h"
#include "io/mailbox.h"

#define MR_LISTENERS_MAX 8

struct mr_net;
struct lws_context;
struct lws_vhost;
struct ssl_ctx_st;
struct bio_method_st;

struct mr_listener {
    uv_poll_t poll;
    struct mr_net *net;
    int fd;
    bool open, tls;
};

struct mr_net {
    struct mr_server *srv;
    uv_loop_t *loop;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    uv_idle_t idle; /* runs while lws takes itself apart */
    unsigned idle_turns, n_handles;
    uint64_t timer_at_ms;   /* what the timer is set to; UINT64_MAX: nothing */
    uint64_t turn_began_us; /* first event of this turn; 0: none yet */
    struct mr_mailbox mailbox;
    struct mr_listener listeners[MR_LISTENERS_MAX];
    unsigned n_listeners, n_listeners_open;
    struct ssl_ctx_st *tls;        /* for new connections of listeners with TLS; or NULL */
    struct bio_method_st *tls_bio; /* tls.c */
    char tls_error[256];
    bool paused; /* accepting, for want of descriptors */
    struct mr_timer accept_timer;
    struct mr_timer trim_timer; /* give memory back after many have left */
    size_t conns_peak;          /* since that was done */
    uint64_t trim_by_ms;        /* however many are still leaving; 0: it is not due */
    size_t conns_was;           /* at the last turn */
    int port;
    struct mr_link conns;      /* open ones */
    size_t n_conns, conns_max; /* of them; the rest of the descriptors is for others */
    struct mr_link doomed;     /* to be killed at the end of the turn */
    struct mr_link dead;       /* to be freed at the end of the turn */
    struct mr_link ws_dirty;   /* plain WebSockets with something new to send */
    struct mr_link idle_conns; /* between requests, longest first */
    size_t n_idle;
    size_t n_requests; /* handed to the application and not answered */
    size_t n_streams;  /* of those, replies under way that have no end of their own */
    bool turning, torn, shutting;
    struct mr_timer close_timer; /* after it, whoever is still there is cut off */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* An event has reached us: the turn has begun, if it had not. */
void mr__net_event(struct mr_net *net);

/* http_conn.c: close the n connections that have been idle longest. */
void mr__http_close_idle(struct mr_net *net, size_t n);

/* listen.c */
void mr__listen_stop(struct mr_net *net);
/* lws_sock.c */
MR_MUSTCHECK int mr__lws_init(struct mr_net *net);
/* Begin to take libwebsockets apart; mr__lws_fini after the loop has closed its handles. */
void mr__lws_destroy(struct mr_net *net);
void mr__lws_fini(struct mr_net *net);

#endif
