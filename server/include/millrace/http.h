/* http.h - HTTP on the port of the Socket.IO server: requests and replies. Part of millrace.h,
 * whose words it uses: include that. Every call is [thread: loop] unless it says [thread: any].
 */
#ifndef MILLRACE_HTTP_H
#define MILLRACE_HTTP_H

#include "millrace/millrace.h"

/* Every request outside the Socket.IO path for which there is no route, with its whole body
 * (bounded). Answer with
 * mr_http_reply now, or later from any thread with mr_http_post_reply: exactly one of them, exactly
 * once. A client that goes away meanwhile is the library's affair. */
typedef void (*mr_http_fn)(struct mr_http_req *req, void *ctx);
MR_EXPORT void mr_on_http(struct mr_server *srv, mr_http_fn fn, void *ctx);

/* Requests of a method whose path fits a pattern: "/users/me", "/users/:id/files" (any one segment,
 * not empty), "/files/" and "*path" (all the rest, empty too). Names come before parameters, and
 * parameters before the rest. GET answers HEAD too; OPTIONS and other methods on a path that has
 * routes are answered by the library (204, 405) unless there is a route for them. The same method
 * and pattern again replaces fn. A path with a malformed escape, or an escaped NUL, fits nothing.
 * Copies the texts. MR_OK; MR_E_INVAL: no method or pattern; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_http_route(struct mr_server *srv, const char *method,
                                         const char *pattern, mr_http_fn fn, void *ctx);
/* A parameter of the route's pattern by its name, percent-decoded: it may contain "/" (from "%2F")
 * and "..". Empty when there is none. Borrows req. [thread: any, until it is answered] */
MR_EXPORT struct mr_span mr_http_param(const struct mr_http_req *req, const char *name);

/* Parts of the request; they borrow req, never change until it is answered, and may be read on any
 * thread until then. path: as sent, percent-encoded and with whatever "..", "//" or "%2e" is in it:
 * who maps it to files must normalise it first. query: without "?". */
MR_EXPORT const char *mr_http_method(const struct mr_http_req *req); /* "GET", upper case */
MR_EXPORT struct mr_span mr_http_path(const struct mr_http_req *req);
MR_EXPORT struct mr_span mr_http_query(const struct mr_http_req *req);
/* Lower-case name; kept are: host, authorization, accept, accept-encoding, content-type, content-
 * length, cookie, origin, referer, user-agent, if-none-match, if-match, range, x-request-id,
 * x-api-key, x-forwarded-for, idempotency-key, access-control-request-method,
 * access-control-request-headers. */
MR_EXPORT struct mr_span mr_http_header(const struct mr_http_req *req, const char *name);
MR_EXPORT struct mr_span mr_http_body(const struct mr_http_req *req);
MR_EXPORT const char *mr_http_addr(const struct mr_http_req *req); /* peer address */

struct mr_http_header {
    const char *name, *value; /* both borrowed for the call; a pair with CR or LF is left out, and
                                 so are Content-Length, Connection, Transfer-Encoding and Date */
};
struct mr_http_response {
    int status;
    const struct mr_http_header *headers; /* n_headers of them; content-length is added */
    size_t n_headers;
    struct mr_span body;
    void (*body_free)(void *body_ctx); /* NULL: body is copied. Else body is borrowed until the   */
    void *body_ctx;                    /* call of body_free(body_ctx), on the loop thread, once.  */
};
/* Answer. A HEAD request gets the head alone. Takes req. [thread: loop] */
MR_EXPORT void mr_http_reply(struct mr_http_req *req, const struct mr_http_response *res);
/* [thread: any] Copies headers and (without body_free) body; the reply leaves from the loop. Takes
 * req. It cannot fail for want of mailbox room: a slot was reserved when the request was handed
 * out. */
MR_EXPORT void mr_http_post_reply(struct mr_http_req *req, const struct mr_http_response *res);

/* What the library itself answers to bad requests (400, 413, 431, 503 ...): the application may
 * give the body, so that errors look alike everywhere. fn appends headers/body by filling res
 * (borrowed until the next call). Without it: {"code":..,"message":..} for the Socket.IO path,
 * plain text else. */
typedef void (*mr_http_error_fn)(int status, const char *detail, struct mr_span path,
                                 struct mr_http_response *res, void *ctx);
MR_EXPORT void mr_on_http_error(struct mr_server *srv, mr_http_error_fn fn, void *ctx);

#endif
