/* parser.h - packets to frames and onto a session, by the server's parser. [thread: loop] */
#ifndef IO_PARSER_H
#define IO_PARSER_H

#include "io/session.h"
#include "millrace/parser.h"

#define MR_MESSAGE_FRAMES_MAX 11 /* a text and ten attachments */

/* One reference each in frames, n of them. MR_OK; MR_E_NOMEM; or what the parser said: no frames.
 */
MR_MUSTCHECK int mr__encode(const struct mr_server *srv, const struct mr_message *m,
                            struct mr_frame *frames[MR_MESSAGE_FRAMES_MAX], size_t *n);
void mr__frames_unref(struct mr_frame *const *frames, size_t n);
/* Queue the frames of one packet: all of them, or the session is doomed. As mr__session_send. */
MR_MUSTCHECK int mr__session_send_all(struct mr_session *s, struct mr_frame *const *frames,
                                      size_t n);
/* Both. */
MR_MUSTCHECK int mr__session_send_message(struct mr_session *s, const struct mr_message *m);
/* An Engine.IO message has come; take is called for each packet that is whole. */
MR_MUSTCHECK int mr__decode(struct mr_session *s, bool binary, struct mr_span bytes,
                            mr_parser_in_fn take);
/* The session is freed. */
void mr__decode_end(struct mr_session *s);

#endif
