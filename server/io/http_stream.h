/* http_stream.h - bodies in pieces, both ways: the application has the request while its body still
 * comes in, or while its reply still goes out.
 *
 *   BODY    request handed out, pieces go to body_fn as they come. Paused: the socket is not read
 *   REPLY   with a request: more may be written. Its end takes the request away, and the
 *           connection goes on as after any reply
 *
 * A client that goes away leaves the request to the application, which must still end it.
 * [thread: loop]
 */
#ifndef IO_HTTP_STREAM_H
#define IO_HTTP_STREAM_H

#include "io/http_conn.h"

/* Is the application being given the body of its request? */
static inline bool mr__stream_is_body(const struct mr_http_conn *h)
{
    return h->state == MR_HTTP_BODY && h->req != NULL && h->req->handed;
}

/* Is a reply of unknown length under way? Such a connection is read, to notice its end. */
static inline bool mr__stream_is_open(const struct mr_http_conn *h)
{
    return h->state == MR_HTTP_REPLY && h->req != NULL && h->req->begun && h->req->out_left < 0;
}

/* There is none: tell who waits for its end. */
void mr__stream_no_body(struct mr_http_conn *h);
/* Pass on what there is of the body. */
void mr__stream_read(struct mr_http_conn *h, struct mr_span *data);
/* The body has ended, well (MR_E_END) or not. */
void mr__stream_body_end(struct mr_http_conn *h, int status);
/* Everything written is with the kernel. */
void mr__stream_sent(struct mr_http_conn *h);
/* The kernel has taken some. */
void mr__stream_writable(struct mr_http_conn *h);
/* The connection of a request that the application has is gone; state: what it was in. */
void mr__stream_gone(struct mr_http_req *req, enum mr_http_state state);

#endif
