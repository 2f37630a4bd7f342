/* simulate.h - bursts of made-up messages, for demonstrations: one after the other, through the
 * same queue as any. */
#ifndef INGEST_SIMULATE_H
#define INGEST_SIMULATE_H

#include "ingest/queue.h"

#define MR_SIMULATE_QUEUED 20

struct mr_simulator;

struct mr_burst {
    int64_t count, duration_ms; /* 0: at once */
    char content[256]; /* {i}: its number, {n}: how many, {time}: when; "": the usual one */
    char by[256];
};

MR_MUSTCHECK int mr_simulator_new(struct mr_simulator **out, struct mr_queue *queue);
void mr_simulator_free(struct mr_simulator *s);
/* MR_OK: it runs now, or after those before it. MR_E_AGAIN: too many wait. [thread: any] */
MR_MUSTCHECK int mr_simulator_add(struct mr_simulator *s, const struct mr_burst *burst);

#endif
