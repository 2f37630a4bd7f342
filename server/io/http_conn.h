/* http_conn.h - HTTP/1.1 on a connection, one request at a time.
 *
 *   HEAD --whole head--> BODY --whole body--> BUSY --reply--> REPLY --last byte--> HEAD ...
 *     \--- no body ----------------------------^                  \---> linger
 *
 *   HEAD   gathering a head, or idle between requests
 *   BODY   of a POST of the polling transport, or of a request for the application
 *   BUSY   a GET that is held, or a request that the application has. Pipelined requests wait in
 *          `in`, up to one head's size; while the application has a request nothing is read at all,
 *          so that a client which has shut its sending side still gets its reply
 *   REPLY  the kernel did not take all of it
 *
 * [thread: loop]
 */
#ifndef IO_HTTP_CONN_H
#define IO_HTTP_CONN_H

#include "io/exchange.h"
#include "io/http.h"

enum mr_http_state { MR_HTTP_HEAD, MR_HTTP_BODY, MR_HTTP_BUSY, MR_HTTP_REPLY };

struct mr_http_conn {
    struct mr_exchange ex; /* the request, as the polling transport sees it */
    struct mr_conn *conn;
    struct mr_link idle_link; /* net->idle_conns, while idle */
    enum mr_http_state state;
    bool running; /* inside mr__http_read: a reply does not start the next request itself */
    bool keep_alive, http10, head_only, is_chunked, idle;
    bool counted;     /* in net->n_requests: from handing it out to the last byte of its reply */
    struct mr_buf in; /* bytes that could not be used yet */
    size_t scanned;   /* of them, searched for the end of the head */
    const struct mr_http_head *head; /* only while its request is being routed */
    struct mr_span head_text;        /* the same, as it came */
    struct mr_http_req *req;         /* the application's request: in BODY and BUSY */
    struct mr_buf body;              /* of a polling POST */
    struct mr_chunked chunked;
    uint64_t left;        /* body bytes still to come, when not chunked */
    uint64_t whole_by_ms; /* a body that is kept */
    uint64_t until_ms;    /* when the body must be whole, or the reply be gone */
    uint8_t coding;       /* enum mr_coding: what the client likes best of ours */
    bool may_code;        /* its reply may be compressed */
    char *extra;          /* header lines for the reply, whoever gives it; or NULL */
    char client[48];      /* its address, where a trusted proxy has named it; else empty */
    struct mr_buf added;  /* and those of mr_request_add_header, for a 101, too */
    struct mr_buf kept;   /* the head of a request that is to be routed again */
    struct mr_buf out;
    struct mr_span out_body;
    size_t sent; /* of out and out_body */
    void (*body_free)(void *ctx);
    void *body_ctx;
};

MR_MUSTCHECK int mr__http_start(struct mr_conn *c);
void mr__http_read(struct mr_conn *c, unsigned char *bytes, size_t n);
void mr__http_writable(struct mr_conn *c);
void mr__http_conn_gone(struct mr_conn *c);
void mr__http_conn_free(struct mr_conn *c);

/* Answer and go on. lines: header lines with their CRLFs. body is borrowed until body_free(ctx) is
 * called; without body_free it is copied. */
void mr__http_respond(struct mr_http_conn *h, int status, struct mr_span lines, struct mr_span body,
                      void (*body_free)(void *ctx), void *body_ctx);
/* The application has answered: takes req. */
void mr__http_req_answered(struct mr_http_req *req);

/* It is a WebSocket from now on: data is what came behind the request. */
void mr__http_upgraded(struct mr_conn *c, struct mr_span data);

/* Between requests from now on, or no longer. */
void mr__http_set_idle(struct mr_http_conn *h, bool idle);
/* Set the timer: what has not happened by then is late. */
void mr__http_wait(struct mr_http_conn *h, uint32_t ms);
/* It has moved: there is idle_ms again, but never more than until_ms leaves. */
void mr__http_moves(struct mr_http_conn *h, uint32_t idle_ms);
/* http_reply.c: give back what a reply held; its request is no longer in hand. */
void mr__http_drop_reply(struct mr_http_conn *h);
void mr__http_uncount(struct mr_http_conn *h);

/* http_app.c */
void mr__http_to_application(struct mr_http_conn *h, struct mr_span text,
                             const struct mr_http_head *head);
/* The body is complete. */
void mr__http_body_done(struct mr_http_conn *h);

/* Begin a reply: its head, with lines and framing. */
void mr__http_add_head(struct mr_http_conn *h, int status, struct mr_span lines,
                       const char *framing);
/* Write what there is of it. */
void mr__http_send(struct mr_http_conn *h);
static inline bool mr__http_bodiless(int status)
{
    return status == 204 || status == 304;
}

/* http_route.c */
/* Send a whole head where it belongs; text is the head itself. */
void mr__http_route(struct mr_http_conn *h, struct mr_span text, const struct mr_http_head *head);
/* Refuse the request; the connection ends with it. why: one sentence. */
void mr__http_refuse(struct mr_http_conn *h, int status, const char *why);
/* 413, for a body of more than max bytes; of a session it is told. */
void mr__http_too_large(struct mr_http_conn *h, size_t max);
/* The same for a request that is in order: the connection goes on, unless a body is to come. lines:
 * more header lines. */
void mr__http_decline(struct mr_http_conn *h, int status, const char *why, const char *lines);
extern const struct mr_exchange_ops mr__http_exchange_ops;

/* Begin to read a body of head's length, at most max bytes. False: refused. */
bool mr__http_expect_body(struct mr_http_conn *h, const struct mr_http_head *head, size_t max);

/* Tell a client that waits for it to send that body, if it is still wanted. */
void mr__http_continue(struct mr_http_conn *h, const struct mr_http_head *head);

#endif
