/* http.h - a request of mr_on_http from its head to its reply. [thread: loop], but for reading the
 * request and staging a reply. */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include "io/conn.h"
#include "io/http_parse.h"
#include "io/http_router.h"

struct mr_http_req {
    struct mr_mail mail; /* its place in the mailbox, reserved with the request itself */
    struct mr_net *net;
    struct mr_conn *conn; /* NULL: the client has gone away */
    char method[33];
    struct mr_span path, query;
    struct mr_buf body;
    char addr[48];
    int status; /* staged by mr_http_post_reply */
    struct mr_buf headers, copy;
    struct mr_span reply;
    void (*body_free)(void *ctx);
    void *body_ctx;
    bool handed; /* the application has it */
    /* a body in pieces */
    bool body_paused, body_over;
    uint64_t body_got;
    uint64_t paused_ms; /* since when */
    mr_http_body_fn body_fn;
    void *body_fn_ctx;
    /* a reply in pieces */
    bool begun, out_chunked, congested, discard;
    int64_t out_left; /* of a known length; -1: not known */
    mr_http_fn drain_fn, close_fn;
    void *drain_ctx, *close_ctx;
    const struct mr_route *route; /* NULL: for mr_on_http */
    struct mr_span *params;       /* the values of its names; then the text that they borrow from */
    size_t n_fields;
    struct mr_http_field fields[]; /* then the text that they and the path borrow from */
};

/* Copies the head. NULL: out of memory. */
struct mr_http_req *mr__http_req_new(struct mr_conn *c, struct mr_span text,
                                     const struct mr_http_head *head);
/* Keep what its path matched. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr__http_req_routed(struct mr_http_req *req, const struct mr_route_match *m);
/* Answer with an error, in the application's form if it has one. more: n more headers. Takes req.
 */
void mr__http_req_fail(struct mr_http_req *req, int status, const char *why,
                       const struct mr_http_header *more, size_t n);
void mr__http_req_free(struct mr_http_req *req);

/* Append "Name: value" lines; fields that break HTTP, or that are the library's, are left out. */
void mr__http_add_headers(struct mr_buf *b, const struct mr_http_header *headers, size_t n);
const char *mr__http_reason(int status);

#endif
