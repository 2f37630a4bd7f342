/* timers.h - deadlines in a binary heap, exact to the millisecond, over one clock that is passed
 * in.
 *
 * libwebsockets keeps its timeouts in sorted lists, so that connecting gets slower with every
 * socket that is already there; ours cost O(log n) to set and nothing to carry. Room for a timer is
 * reserved when its owner is made: setting one can then never fail. [thread: loop]
 */
#ifndef IO_TIMERS_H
#define IO_TIMERS_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_timer;
typedef void (*mr_timer_fn)(struct mr_timer *t);

struct mr_timer {
    uint64_t at_ms; /* due time; kept while fn runs, so that fn can count from it */
    mr_timer_fn fn;
    size_t place; /* 1-based index in the heap; 0: not set */
};

struct mr_timers {
    struct mr_timer **heap;
    size_t n, cap, reserved;
};

/* Make room for n more timers. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr__timers_reserve(struct mr_timers *ts, size_t n);
void mr__timers_release(struct mr_timers *ts, size_t n);
void mr__timers_deinit(struct mr_timers *ts);
/* Set, or set anew. */
void mr__timer_set(struct mr_timers *ts, struct mr_timer *t, uint64_t at_ms, mr_timer_fn fn);
void mr__timer_stop(struct mr_timers *ts, struct mr_timer *t);
static inline bool mr__timer_is_set(const struct mr_timer *t)
{
    return t->place != 0;
}
/* Run everything due at now_ms, earliest first; a timer set to "now" by another runs too. */
void mr__timers_run(struct mr_timers *ts, uint64_t now_ms);
/* Due time of the earliest, or UINT64_MAX. */
uint64_t mr__timers_next(const struct mr_timers *ts);

#endif
