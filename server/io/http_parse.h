/* http_parse.h - HTTP/1.1 requests: the head, and chunked bodies. Pure: bytes in, spans out.
 *
 * Strict where leniency is how requests get smuggled: lines end in CRLF, a field name is a token
 * with the colon right behind it, no folded lines, one Content-Length or chunked but never both.
 * [thread: any]
 */
#ifndef IO_HTTP_PARSE_H
#define IO_HTTP_PARSE_H

#include "io/limits.h"
#include "proto/buf.h"

struct mr_http_field {
    struct mr_span name, value; /* name as sent; value without white space around it */
};

struct mr_http_head {
    struct mr_span method, path, query; /* path percent-encoded as sent; query without "?" */
    struct mr_http_field fields[MR_HEADERS_MAX];
    size_t n_fields;
    uint64_t length; /* Content-Length; 0 when none was sent */
    bool has_length, chunked;
    bool keep_alive; /* by version and Connection */
    bool http10;
    bool expects_continue;
    bool wants_websocket; /* Upgrade: websocket, and Connection: upgrade */
};

/* Where the head ends: just past the empty line. 0 while it is not there yet. from: where an
 * earlier call left off (what it was given before, less 3). */
size_t mr__http_head_end(struct mr_span bytes, size_t from);
/* Parse a whole head, empty line included. Leading empty lines are skipped. out borrows from bytes.
 * Returns 0, or the HTTP status to refuse it with (400, 414, 431, 501, 505), *why a reason. */
int mr__http_head_parse(struct mr_span bytes, struct mr_http_head *out, const char **why);
/* Can these bytes still become a request? Looks at the request line alone, so that garbage is
 * refused at once and not when its time is up. 0 or a status. */
int mr__http_head_peek(struct mr_span bytes, const char **why);
/* The value of a field, by lower-case name; several are not joined: the first counts. Empty when
 * absent. */
struct mr_span mr__http_field(const struct mr_http_head *head, const char *name);
/* Case-insensitive comparison with a lower-case text. */
bool mr__http_same(struct mr_span a, const char *lower);

/* ---- chunked bodies ------------------------------------------------------------------------ */

struct mr_chunked {
    uint64_t left;   /* bytes of the present chunk still to come */
    uint32_t line;   /* bytes of the present line, or of the trailers */
    uint32_t extras; /* bytes of all extensions so far */
    uint8_t state;
    bool digits;
};

/* Take what belongs to the body off *in and append the content to out. MR_E_END: the body is
 * complete, *in is what follows it; MR_OK: all taken, more must come; MR_E_PROTO; or out's error.
 */
MR_MUSTCHECK int mr__chunked_feed(struct mr_chunked *c, struct mr_span *in, struct mr_buf *out);

#endif
