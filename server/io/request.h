/* request.h - what the application says to a request on an engine's path. [thread: loop] */
#ifndef IO_REQUEST_H
#define IO_REQUEST_H

#include "io/polling.h"

/* Ask those of mr_engine_use. False: refused, ex->refusal may say why. */
bool mr__request_passes(const struct mr_engine *e, struct mr_exchange *ex);
/* May this handshake become a session? MR_EIO_OK; MR_EIO_FORBIDDEN, ex->refusal says why;
 * MR_EIO_LATER: the answer comes by ops->again. */
enum mr_eio_error mr__request_allowed(const struct mr_engine *e, struct mr_exchange *ex);
/* Whoever sent it has gone: the answer will find nobody. */
void mr__request_gone(struct mr_exchange *ex);

#endif
