/* ring.h - the newest batches of the log, kept for a moment so that a replay can close up with the
 * live events without asking PostgreSQL again. Bounded in bytes and batches. [thread: loop]
 *
 * An event's frame is made when the first subscriber needs it and shared by all that follow.
 */
#ifndef STREAM_RING_H
#define STREAM_RING_H

#include "millrace/millrace.h"
#include "store/runs.h"

#define MR_RING_BATCHES   512
#define MR_RING_BYTES_MAX (4U << 20)

struct mr_ring_entry {
    struct mr_run_batch *batch;  /* owned reference */
    struct mr_frame **frames;    /* owned; batch->n of them, NULL until asked for */
    int64_t first_seq, last_seq; /* the part that it was delivered for */
    size_t bytes;
};

struct mr_ring {
    struct mr_ring_entry entries[MR_RING_BATCHES];
    size_t head, n; /* the oldest is entries[head] */
    size_t bytes;
};

/* Append a batch that follows the last one; takes its own reference. The entry is valid until the
 * next push. NULL when out of memory (then the ring is emptied: it must have no holes). */
struct mr_ring_entry *mr_ring_push(struct mr_ring *r, struct mr_run_batch *b, int64_t first_seq);
void mr_ring_clear(struct mr_ring *r);
/* The lowest seq kept; `none` when empty. */
int64_t mr_ring_first(const struct mr_ring *r, int64_t none);
/* The ith entry from the oldest. */
struct mr_ring_entry *mr_ring_at(struct mr_ring *r, size_t i);
/* The frame of event i of an entry, borrowed; NULL when out of memory. */
struct mr_frame *mr_ring_frame(struct mr_server *srv, struct mr_ring_entry *e, size_t i);

#endif
