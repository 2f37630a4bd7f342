/* queue.h - the way of accepted messages into Redis. One thread pushes what all requests have
 * brought meanwhile with one command and one reply: a message counts as accepted when Redis has it
 * in its append-only file (appendfsync everysec: a killed Redis loses nothing, a machine that loses
 * power up to the last second or two). */
#ifndef INGEST_QUEUE_H
#define INGEST_QUEUE_H

#include "base/config.h"
#include "proto/buf.h"

struct mr_queue;

#define MR_QUEUE_KEY 256

/* What became of an item. */
struct mr_pushed {
    int rc;           /* MR_OK; MR_E_UNAVAIL; MR_E_CONFLICT: the key is of another kind */
    int64_t length;   /* of the list after it */
    char last_id[48]; /* of a stream: that of the last message */
    const char *why;
};

/* Messages of one request. Allocated by mr_queue_item, freed by the queue after done. */
struct mr_queue_item {
    struct mr_buf text; /* the messages, one after the other */
    size_t n, cap;
    size_t *ends; /* where each ends in text */
    /* A stream that they are added to, as the field data; empty: they go into the list. */
    char stream[MR_QUEUE_KEY], type[65]; /* type: a field, too, unless it is empty */
    void (*done)(void *ctx, const struct mr_pushed *what); /* once, on the queue's thread */
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
