/* exchange.h - what the session layer needs of the network: two small interfaces.
 *
 *   mr_exchange   one HTTP request that waits for its reply (a GET that is held, a POST)
 *   mr_ws_port    one WebSocket
 *
 * http_conn.c and ws_conn.c implement them over sockets; the transcript tests implement them over
 * an array of strings. [thread: loop]
 */
#ifndef IO_EXCHANGE_H
#define IO_EXCHANGE_H

#include "io/outq.h"

struct mr_engine;
struct mr_pending_request;
struct mr_session;
struct mr_exchange;
struct mr_ws_port;

struct mr_reply {
    int status;
    const char *content_type; /* NULL: no body */
    struct mr_span body;      /* borrowed */
    const char *extra;        /* more header lines, each with its CRLF; or NULL. Borrowed */
};

struct mr_exchange_ops {
    /* Answer; the exchange must not be touched afterwards. */
    void (*reply)(struct mr_exchange *ex, const struct mr_reply *reply);
    struct mr_span (*header)(const struct mr_exchange *ex, const char *name); /* lower-case name */
    const char *(*addr)(const struct mr_exchange *ex);
    /* The rest may be NULL. Did it come over TLS? */
    bool (*secure)(const struct mr_exchange *ex);
    /* Put header lines, each with its CRLF, into its reply. MR_OK; MR_E_NOMEM; MR_E_TOOBIG. */
    int (*add_line)(struct mr_exchange *ex, struct mr_span lines);
    /* Keep the request as it came. MR_OK; MR_E_NOMEM. */
    int (*keep)(struct mr_exchange *ex);
    /* The verdict is there: route what was kept. */
    void (*again)(struct mr_exchange *ex);
};

/* What the application has said to a handshake, if it said it later. */
enum mr_verdict { MR_VERDICT_NONE, MR_VERDICT_YES, MR_VERDICT_NO };

struct mr_exchange {
    const struct mr_exchange_ops *ops;
    struct mr_session *session;         /* whose GET or POST this is, while it waits; else NULL */
    struct mr_engine *engine;           /* whose path it came to; NULL: the server's first */
    const char *refusal;                /* the application's words for MR_EIO_FORBIDDEN, or NULL */
    struct mr_pending_request *pending; /* its answer comes later; or NULL */
    enum mr_verdict verdict;
    const char *words;    /* of MR_VERDICT_NO; borrowed while it is routed */
    struct mr_span query; /* set and read while a handshake is verified and answered */
};

struct mr_ws_port_ops {
    /* Write what the queue holds as far as the kernel takes it. May fail: then mr__ws_gone or
     * mr__session_doom follows later, never from inside. */
    void (*flush)(struct mr_ws_port *port);
    /* Send what is queued, then a close frame, then close. */
    void (*close)(struct mr_ws_port *port, int status);
    /* Close now, whatever is queued. */
    void (*kill)(struct mr_ws_port *port);
};

struct mr_ws_port {
    const struct mr_ws_port_ops *ops;
    struct mr_session *session; /* whose transport or probe this is; NULL once it is nobody's */
    bool deflates;              /* permessage-deflate was agreed on */
    struct mr_outq q;
};

#endif
