/* idempotency.h - a POST that may be sent twice: with an Idempotency-Key the first one's answer is
 * kept for a day, and a repetition gets that answer instead of doing it again
 * (draft-ietf-httpapi-idempotency-key-header).
 *
 * Key, answer and what the request did are one transaction: whoever repeats a request because the
 * server was killed finds either all of it or nothing. A repetition that comes while the first one
 * still runs waits for it. [thread: worker] */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include "api/call.h"

#define MR_IDEMPOTENCY_KEY_MAX 255

/* Does this call carry a key, and is it one that heeds it (a POST of somebody who signed in)?
 * [thread: any] */
bool mr_idempotency_asked(const struct mr_call *c);
/* Run the call's handler under its key, or answer from what is kept. Errors as of a handler; 422
 * when the key was used for another request. */
MR_MUSTCHECK int mr_idempotency_run(struct mr_call *c);

#endif
