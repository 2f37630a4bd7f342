/* ws_conn.h - a WebSocket on a connection: an mr_ws_port over a socket. [thread: loop] */
#ifndef IO_WS_CONN_H
#define IO_WS_CONN_H

#include "io/conn.h"
#include "io/upgrade.h"

struct mr_ws_conn {
    struct mr_ws_port port;
    struct mr_conn *conn;
    struct mr_ws_rx rx;
    struct mr_ws *app; /* a plain WebSocket's user; NULL: Engine.IO's */
    bool closing;      /* a close frame is queued or sent: nothing may follow it */
};

/* The connection becomes a WebSocket; handshake: the 101 to send first. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr__ws_start(struct mr_conn *c, struct mr_span handshake);
/* Send what is queued, then a close frame (1005: an empty one; reason at most 123 bytes), then
 * close. */
void mr__ws_conn_close(struct mr_ws_conn *w, int status, struct mr_span reason);
void mr__ws_read(struct mr_conn *c, unsigned char *bytes, size_t n);
void mr__ws_writable(struct mr_conn *c);
void mr__ws_conn_gone(struct mr_conn *c);
void mr__ws_conn_free(struct mr_conn *c);

#endif
