/* polling.h - the HTTP long-polling transport: handshake, the held GET, POSTs. No sockets.
 * [thread: loop] */
#ifndef IO_POLLING_H
#define IO_POLLING_H

#include "io/session.h"

struct mr_eio_query {
    struct mr_span eio, transport, sid;
    bool has_sid;
};

/* Engine.IO's own errors; the value is the code on the wire. MR_EIO_FULL is ours: no more sessions.
 */
enum mr_eio_error {
    MR_EIO_OK = -1,
    MR_EIO_UNKNOWN_TRANSPORT = 0,
    MR_EIO_UNKNOWN_SID = 1,
    MR_EIO_BAD_METHOD = 2,
    MR_EIO_BAD_REQUEST = 3,
    MR_EIO_FORBIDDEN = 4,
    MR_EIO_BAD_VERSION = 5,
    MR_EIO_FULL = 6,
    MR_EIO_TOO_FAST = 8,
    MR_EIO_LATER = 7, /* nothing to answer yet: the application decides later */
};

void mr__eio_query_parse(struct mr_span query, struct mr_eio_query *out);
/* The HTTP status over polling, and the code in the body. */
int mr__eio_status(enum mr_eio_error error);
int mr__eio_code(enum mr_eio_error error);
const char *mr__eio_error_text(enum mr_eio_error error);
/* The same, or the application's words where it refused this handshake. Borrows. */
const char *mr__eio_refusal(const struct mr_exchange *ex, enum mr_eio_error error);
/* The checks in the order in which the reference server makes them. websocket: the request asks for
 * an upgrade. *s: the session, when the query names one that exists. */
enum mr_eio_error mr__eio_verify(struct mr_server *srv, struct mr_exchange *ex, const char *method,
                                 const struct mr_eio_query *q, bool websocket,
                                 struct mr_session **s);

/* A request on the path, its body not read yet. True: give mr__polling_body the body when it is
 * there; false: it is answered, or held. */
bool mr__polling_request(struct mr_server *srv, struct mr_exchange *ex, const char *method,
                         struct mr_span query);
/* The whole body of a POST. Decodes it, then answers. */
void mr__polling_body(struct mr_server *srv, struct mr_exchange *ex, struct mr_span body);
/* The body of this POST will not be read: the exchange is answered elsewhere (413, 408). */
void mr__polling_body_refused(struct mr_exchange *ex);

/* Answer the held GET with what is queued: at most poll_packets_max packets and about
 * body_bytes_max; in CLOSING with a close packet behind the last one. */
void mr__polling_answer(struct mr_session *s);
/* The client said that it closes: its held GET gets a noop instead of a close packet. */
void mr__polling_client_closes(struct mr_session *s);
/* Answer the held GET with a noop if one is held and nothing else is there to say. */
void mr__polling_release(struct mr_session *s);

#endif
