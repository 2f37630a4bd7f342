/* throttle.h - failed sign-ins per user and address: five are free, then each one doubles the wait.
 * A bounded table: when it is full the entry that has been quiet longest makes room. Time is passed
 * in. [thread: any] */
#ifndef API_THROTTLE_H
#define API_THROTTLE_H

#include "proto/err.h"
#include "proto/span.h"

#define MR_THROTTLE_ENTRIES   4096
#define MR_THROTTLE_FREE      5
#define MR_THROTTLE_MAX_MS    300000
#define MR_THROTTLE_FORGET_MS 900000 /* without a failure */

struct mr_throttle;

MR_MUSTCHECK int mr_throttle_new(struct mr_throttle **out);
void mr_throttle_free(struct mr_throttle *t);
/* Milliseconds to wait before this pair may try again; 0: now. */
uint64_t mr_throttle_wait(struct mr_throttle *t, struct mr_span user, struct mr_span addr,
                          uint64_t now_ms);
void mr_throttle_failed(struct mr_throttle *t, struct mr_span user, struct mr_span addr,
                        uint64_t now_ms);
void mr_throttle_succeeded(struct mr_throttle *t, struct mr_span user, struct mr_span addr);

#endif
