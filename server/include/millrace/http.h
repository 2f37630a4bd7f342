/* http.h - HTTP on the port of the Socket.IO server: requests and replies. Part of millrace.h,
 * whose words it uses: include that. Every call is [thread: loop] unless it says [thread: any].
 */
#ifndef MILLRACE_HTTP_H
#define MILLRACE_HTTP_H

#include "millrace/millrace.h"

#ifdef __cplusplus
extern "C" {
#endif

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
/* The first header of that lower-case name, without white space around it; empty when there is
 * none. */
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

/* ---- in pieces ---- */

/* A route whose fn is called before the body has come, for bodies too large to keep. fn sets
 * mr_http_on_body (or the body is read over) and answers when it likes, also before the body is
 * complete: the connection then ends with the reply. body_bytes_max: then the body fails. */
MR_EXPORT MR_MUSTCHECK int mr_http_route_stream(struct mr_server *srv, const char *method,
                                                const char *pattern, uint64_t body_bytes_max,
                                                mr_http_fn fn, void *ctx);
/* status MR_OK: bytes is the next piece, at most 64 KiB, borrowed. MR_E_END: that was all. Else the
 * body has failed, and req is still to be answered or aborted: MR_E_TOOBIG (too long), MR_E_PROTO
 * (malformed chunks), MR_E_TIMEOUT (too slow), MR_E_CLOSED (the client has gone). The last call is
 * the one that is not MR_OK; none comes after the answer. */
typedef void (*mr_http_body_fn)(struct mr_http_req *req, struct mr_span bytes, int status,
                                void *ctx);
MR_EXPORT void mr_http_on_body(struct mr_http_req *req, mr_http_body_fn fn, void *ctx);
/* Read no more of the body until resumed: the client is held up by TCP. At most one piece is kept.
 * Both may be called at any time before the answer, and inside the callback. */
MR_EXPORT void mr_http_pause(struct mr_http_req *req);
MR_EXPORT void mr_http_resume(struct mr_http_req *req);

/* Answer in pieces: the head of res now (its body is not looked at), then mr_http_write as often as
 * wanted, then mr_http_end or mr_http_abort, exactly one of them. length: of the whole body, or -1
 * when it is not known: then it is chunked, or for HTTP/1.0 ends with the connection; and then a
 * client that shuts its sending side counts as gone. What is not yet here of the request's body is
 * not read any more. All of these are [thread: loop]; other threads come by mr_post, and keep req
 * apart until its end. MR_OK; MR_E_CLOSED: the client has gone; MR_E_NOMEM. In any case end or
 * abort. */
MR_EXPORT int mr_http_begin(struct mr_http_req *req, const struct mr_http_response *res,
                            int64_t length);
/* Copies. Returns how many bytes are queued that the kernel has not taken: over 256 KiB it is time
 * to wait for the drain callback, which comes when less than 64 KiB are left. MR_E_AGAIN: nothing
 * was taken, for queue_bytes_max would be passed; MR_E_TOOBIG: more than the length; MR_E_CLOSED:
 * the client has gone; MR_E_NOMEM. To HEAD, 204 and 304 nothing is sent. A reader that takes
 * nothing for a minute is cut off. */
MR_EXPORT MR_MUSTCHECK int64_t mr_http_write(struct mr_http_req *req, struct mr_span bytes);
/* fn is called from the loop, never from inside a call of the application's. */
MR_EXPORT void mr_http_on_drain(struct mr_http_req *req, mr_http_fn fn, void *ctx);
/* The client has gone (or the server closes) before the end: writes fail from now on. req stays
 * until mr_http_end or mr_http_abort, which fn may call. */
MR_EXPORT void mr_http_on_close(struct mr_http_req *req, mr_http_fn fn, void *ctx);
/* The reply is complete. Takes req. Fewer bytes than the length: as mr_http_abort. */
MR_EXPORT void mr_http_end(struct mr_http_req *req);
/* Cut the connection, so that the client cannot take what it has for the whole; at any time, begun
 * or not. Takes req. */
MR_EXPORT void mr_http_abort(struct mr_http_req *req);

/* ---- files ---- */

struct mr_http_files {         /* zero means the default named here; NULL for all defaults */
    const char *cache_control; /* "public, max-age=0" */
    /* Paths that begin so ("assets/"), and names with a hash of eight hexadecimal digits or more
     * ("app.3f2a9c1b.js"), never change: "public, max-age=31536000, immutable". */
    const char *immutable;
    bool dotfiles; /* also names that begin with a dot (".well-known" always) */
};
/* Serve the files below a directory at "<prefix>...", for GET and HEAD: with ETag, Last-Modified,
 * conditional requests, single ranges, index.html for directories, and in place of a file "x" its
 * compressed variant "x.br" or "x.gz" beside it for clients that accept it. Nothing outside of dir
 * is served, not by links either. Files are opened and read on uv's threads. Copies the texts. dir
 * need not exist yet. MR_OK; MR_E_INVAL: prefix is no path; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_http_mount(struct mr_server *srv, const char *prefix, const char *dir,
                                         const struct mr_http_files *opt);
/* Answer a request with one file: path, relative to dir, in the same way and with the same checks.
 * Takes req. Copies the texts. */
MR_EXPORT void mr_http_send_file(struct mr_http_req *req, const char *dir, const char *path,
                                 const struct mr_http_files *opt);

/* What the library itself answers to bad requests (400, 413, 431, 503 ...): the application may
 * give the body, so that errors look alike everywhere. fn appends headers/body by filling res
 * (borrowed until the next call). Without it: {"code":..,"message":..} for the Socket.IO path,
 * plain text else. */
typedef void (*mr_http_error_fn)(int status, const char *detail, struct mr_span path,
                                 struct mr_http_response *res, void *ctx);
MR_EXPORT void mr_on_http_error(struct mr_server *srv, mr_http_error_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
