/* conn.h - one TCP connection and what is spoken on it.
 *
 *   HTTP  --101-->  WEBSOCKET
 *     \               /
 *      v             v
 *       LINGER: our last byte is sent and our side shut; what still comes is dropped, until the
 * peer |     closes or MR_LINGER_MS pass (closing at once would reset the connection and could v
 * take our last words with it) gone: closed by libwebsockets; freed at the end of the turn
 *
 * [thread: loop]
 */
#ifndef IO_CONN_H
#define IO_CONN_H

#include "io/net.h"

struct lws;
struct mr_http_conn;
struct mr_ws_conn;
struct mr_tls_conn;
struct mr_peer;

enum mr_conn_phase { MR_CONN_HTTP, MR_CONN_WEBSOCKET, MR_CONN_LINGER, MR_CONN_GONE };

struct mr_conn {
    struct mr_net *net;
    struct mr_server *srv;
    struct lws *wsi; /* NULL once closed */
    int fd;
    enum mr_conn_phase phase;
    bool paused, want_write, doomed;
    struct mr_link link; /* net->conns, then net->dead */
    struct mr_link fate; /* net->doomed */
    struct mr_timer timer;
    struct mr_http_conn *http; /* while phase is HTTP */
    struct mr_ws_conn *ws;     /* from the 101 on */
    struct mr_tls_conn *tls;   /* NULL: plain TCP */
    size_t discarded;          /* bytes read over in LINGER */
    uint64_t linger_until_ms;
    struct mr_peer *peer; /* whose connections it counts with */
    char addr[48];
};

/* Adopt an accepted descriptor (takes it, and the peer's count). */
void mr__conn_new(struct mr_net *net, int fd, struct mr_peer *peer, const char *addr, bool tls);
/* Kill it at the end of the turn. */
void mr__conn_doom(struct mr_conn *c);
/* Everything is sent: shut our side, wait for theirs. */
void mr__conn_linger(struct mr_conn *c);
void mr__conn_set_timer(struct mr_conn *c, uint32_t ms, mr_timer_fn fn);
void mr__conn_stop_timer(struct mr_conn *c);
/* Write; returns bytes taken (0: the kernel is full), or -1: broken, doomed. Asks for writability
 * when not all was taken. */
ssize_t mr__conn_write(struct mr_conn *c, struct iovec *iov, int n);
/* Free what was closed, kill what was doomed. */
void mr__conns_reap(struct mr_net *net);

/* Bytes for whoever speaks here: as they came, or decrypted. */
void mr__conn_deliver(struct mr_conn *c, unsigned char *bytes, size_t n);

/* Called by lws_sock.c */
void mr__conn_readable(struct mr_conn *c, unsigned char *bytes, size_t n);
void mr__conn_writable(struct mr_conn *c);
void mr__conn_closed(struct mr_conn *c);

/* lws_sock.c: hand the descriptor to libwebsockets. MR_OK; MR_E_IO: the descriptor is closed. */
MR_MUSTCHECK int mr__sock_adopt(struct mr_conn *c);
void mr__sock_want_write(struct mr_conn *c);
void mr__sock_pause(struct mr_conn *c, bool pause); /* reading */
void mr__sock_kill(struct mr_conn *c);              /* closes now: not from its own callbacks */
void mr__sha1(const void *bytes, size_t n, unsigned char out[20]);

#endif
