/* ws_app.h - plain WebSockets: the application's own endpoints beside Engine.IO's.
 *
 *   request --accept--> open ... message, drain ... --> close, once; then only the caller's refs
 *      \--mr_http_reply--> refused                      keep the handle
 *
 * [thread: loop]
 */
#ifndef IO_WS_APP_H
#define IO_WS_APP_H

#include "io/http_conn.h"

struct mr_ws_conn;

struct mr_ws_endpoint {
    struct mr_ws_endpoint *next; /* of all that the server ever had: sockets point to theirs */
    struct mr_ws_handlers on;    /* every limit filled in */
    void *ctx;
};

struct mr_ws {
    uint32_t refs;
    bool congested;
    struct mr_ws_conn *w; /* NULL from its close callback on */
    struct mr_server *srv;
    const struct mr_ws_endpoint *ep;
    struct mr_link dirty;
    uint64_t heard_ms;   /* when anything came last, */
    uint64_t message_ms; /* and when a message went, either way */
    const char *fate;    /* why we cut it off; NULL: we did not */
    void *data;
    char addr[48];
};

/* A handshake outside the Socket.IO path: to its endpoint, or refused. */
void mr__ws_app_route(struct mr_http_conn *h, struct mr_span text, const struct mr_http_head *head);
/* Write what the turn has queued. */
void mr__ws_app_flush(struct mr_net *net);
/* The server closes: so does this connection's plain WebSocket, if it is one. */
void mr__ws_app_shutdown(struct mr_conn *c);
void mr__ws_endpoints_free(struct mr_server *srv);

/* Called by ws_conn.c. Callbacks run inside. */
void mr__ws_app_message(struct mr_ws *ws, enum mr_ws_opcode op, struct mr_span data);
void mr__ws_app_heard(struct mr_ws *ws);
void mr__ws_app_sent(struct mr_ws *ws, uint32_t frames, size_t bytes);
/* Its queue has become shorter. */
void mr__ws_app_drained(struct mr_ws *ws);
/* It is over. */
void mr__ws_app_gone(struct mr_ws *ws, int code, struct mr_span reason);

#endif
