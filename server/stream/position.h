/* position.h - where a subscriber stands in the log, and what that means. Pure. [thread: any]
 *
 *        log     ... 5   6   7   8   9  10 | 11 ..
 *                    ^at=5   [--ring----]  ^delivered = 10
 *
 *   at          everything <= at was queued for it, or does not concern it
 *   delivered   everything <= delivered has gone to the live subscribers
 *   ring_first  the lowest seq that is still in memory; delivered + 1 when nothing is
 *
 * It may be ahead of delivered: a page of the log can be newer than what the loop has seen.
 */
#ifndef STREAM_POSITION_H
#define STREAM_POSITION_H

#include <stdbool.h>
#include <stdint.h>

enum mr_position_step {
    MR_STEP_LIVE, /* level: the next live event is exactly its next one */
    MR_STEP_RING, /* what it lacks is in memory */
    MR_STEP_READ, /* what it lacks must be read from the log */
    MR_STEP_WAIT, /* its socket is congested: wait for the drain */
};

static inline enum mr_position_step mr_position_next(int64_t at, int64_t delivered,
                                                     int64_t ring_first, bool congested)
{
    if (at >= delivered)
        return MR_STEP_LIVE; /* even when congested: nothing is due before the next event */
    if (congested)
        return MR_STEP_WAIT;
    return at + 1 >= ring_first ? MR_STEP_RING : MR_STEP_READ;
}

/* The part of the log that a reader at `at` can no longer get: true with [*from, *to] when the
 * oldest row kept lies beyond its next one. oldest 0: the log holds nothing up to head. */
static inline bool mr_position_gap(int64_t at, int64_t oldest, int64_t head, int64_t *from,
                                   int64_t *to)
{
    *from = at + 1;
    *to = oldest > 0 ? oldest - 1 : head;
    return *to >= *from;
}

/* What a batch covering [first, last] is to a log delivered up to `delivered`. */
enum mr_batch_place { MR_BATCH_OLD, MR_BATCH_NEXT, MR_BATCH_EARLY };

static inline enum mr_batch_place mr_batch_placed(int64_t delivered, int64_t first, int64_t last)
{
    if (last <= delivered)
        return MR_BATCH_OLD;
    return first <= delivered + 1 ? MR_BATCH_NEXT : MR_BATCH_EARLY;
}

#endif
