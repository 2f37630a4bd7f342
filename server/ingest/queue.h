/* queue.h - the way of accepted messages into Redis. One thread pushes what all requests have
 * brought meanwhile with one command and one reply: a message counts as accepted when Redis has it
 * in its append-only file (appendfsync everysec: a killed Redis loses nothing, a machine that loses
 * power up to the last second or two). */
#ifndef INGEST_QUEUE_H
#define INGEST_QUEUE_H

#include "base/config.h"
#include "proto/buf.h"

struct mr_queue;

/* Messages of one request. Allocated by mr_queue_item, freed by the queue after done. */
struct mr_queue_item {
    struct mr_buf text; /* the messages, one after the other */
    size_t n, cap;
    size_t *ends; /* where each ends in text */
    /* Called once, on the queue's thread. rc: MR_OK, length: of the queue after it; MR_E_UNAVAIL,
     * MR_E_CLOSED: why. */
    void (*done)(void *ctx, int rc, int64_t length, const char *why);
    void *ctx;
    struct mr_queue_item *next;
};

MR_MUSTCHECK int mr_queue_new(struct mr_queue **out, const struct mr_config *cfg);
/* What waits is answered first. Blocks; not on the loop. */
void mr_queue_free(struct mr_queue *q);

struct mr_queue_item *mr_queue_item(void);
void mr_queue_item_free(struct mr_queue_item *item);
/* One message is complete in item->text. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr_queue_item_end(struct mr_queue_item *item);

/* Hand it over. MR_OK: done will be called; MR_E_AGAIN: too much waits already, and item is still
 * the caller's. [thread: any] */
MR_MUSTCHECK int mr_queue_push(struct mr_queue *q, struct mr_queue_item *item);
/* Did Redis answer when it was last asked? [thread: any] */
bool mr_queue_well(struct mr_queue *q);

#endif
