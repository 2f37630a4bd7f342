/* cors.h - which pages of other origins may use the server, and how a browser is told.
 *
 * The list is read once, at start: regular expressions are compiled then and match whole origins of
 * bounded length in time linear in it. [thread: loop]
 */
#ifndef IO_CORS_H
#define IO_CORS_H

#include "io/core.h"
#include "io/http_parse.h"
#include "proto/buf.h"

struct mr_cors;

/* Read opt->cors_origins; *out is NULL when it is empty. MR_OK; MR_E_INVAL: an expression that does
 * not compile, or has back-references; MR_E_NOMEM. */
MR_MUSTCHECK int mr__cors_new(struct mr_cors **out, const struct mr_options *opt);
void mr__cors_free(struct mr_cors *cors);

/* Is this Origin header value in the list? */
bool mr__cors_allows(const struct mr_server *srv, struct mr_span origin);
/* May a page that sends this head open a WebSocket? Always, unless websocket_same_origin is set. */
bool mr__cors_websocket(const struct mr_server *srv, const struct mr_http_head *head);
/* The header lines that every reply to such a request carries; NULL: none (or out of memory, which
 * is the same to a browser: not allowed). The caller frees. */
char *mr__cors_lines(const struct mr_server *srv, const struct mr_http_head *head);
/* Is it a question before the real request? */
bool mr__cors_is_preflight(const struct mr_http_head *head);
/* What the answer to a preflight says beyond those lines. */
void mr__cors_preflight(const struct mr_server *srv, const struct mr_http_head *head,
                        struct mr_buf *lines);

#endif
