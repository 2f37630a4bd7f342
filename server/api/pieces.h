/* pieces.h - an answer that is sent while it is still being read from PostgreSQL: as fast as the
 * client takes it, in memory that does not grow with it. */
#ifndef API_PIECES_H
#define API_PIECES_H

#include "api/call.h"

/* Send the head (its headers are copied, their texts are not), c->out and then what c->pieces
 * gives. Takes c, which goes with done, [thread: loop]. [thread: any] */
void mr_pieces_send(struct mr_call *c, const struct mr_http_response *head,
                    void (*done)(void *call));

#endif
