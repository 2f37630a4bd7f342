/* queue.h - between the consumer and the persister: a few batches, in order, and questions about
 * offsets among them. A question that stands behind a batch is answered after that batch is stored,
 * so its answer is never out of date. The batches themselves go round: done ones come back. */
#ifndef EVENTLOGGER_QUEUE_H
#define EVENTLOGGER_QUEUE_H

#include "batch.h"

#include <pthread.h>
#include <stdatomic.h>

#define EL_QUEUE_MAX   1
#define EL_BATCHES_MAX (EL_QUEUE_MAX + 2) /* one being filled, one being stored */

/* What the consumer wants to know, or to have done, about a partition's row in consumer_offsets. */
enum el_ask_what {
    EL_ASK_READ,
    EL_ASK_CREATE, /* there was none: make one that stands at `from`, then read */
    EL_ASK_RESET,  /* the topic is another: move from `expected` to `from`, then read */
};
struct el_ask_item {
    char topic[EL_TOPIC_MAX];
    int32_t partition;
    enum el_ask_what what;
    int64_t from, expected;
    struct el_stand stand; /* the answer */
    bool failed;           /* there is none: the logger stops */
};
struct el_ask {
    struct el_ask_item *items; /* owned */
    size_t n;
    atomic_bool answered; /* set last, by the persister: then it is the consumer's again */
};

struct el_item { /* one of the two; both NULL: the end */
    struct el_batch *batch;
    struct el_ask *ask;
};

struct el_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct el_item items[EL_QUEUE_MAX + 1]; /* {lock} a ring; the end always has room */
    size_t head, n;                         /* {lock} */
    bool busy;                              /* {lock} the persister works on something */
    struct el_batch *spare;                 /* {lock} free list */
    size_t batches;                         /* {lock} made so far */
};

void el_queue_init(struct el_queue *q);
/* Frees the batches in it; a question stays its asker's. */
void el_queue_deinit(struct el_queue *q);

/* An empty batch for cap records; NULL when all are in use, or out of memory. [thread: consumer] */
struct el_batch *el_queue_spare(struct el_queue *q, size_t cap);
/* Hand over. False: full, the item stays the caller's. [thread: consumer] */
bool el_queue_put(struct el_queue *q, struct el_item item);
/* Nothing more will come; always succeeds. [thread: consumer] */
void el_queue_end(struct el_queue *q);
/* Wait until it is not full, at most ms. [thread: consumer] */
void el_queue_wait_room(struct el_queue *q, int ms);
/* Wait until all is done, at most ms; true when it is. [thread: consumer] */
bool el_queue_wait_idle(struct el_queue *q, int ms);
bool el_queue_idle(struct el_queue *q); /* [thread: any] */

/* The next item, waiting at most ms: false when there is none. The persister is busy from then
 * until el_queue_done. [thread: persister] */
bool el_queue_take(struct el_queue *q, struct el_item *out, int ms);
/* Done with the item; a batch becomes spare. [thread: persister] */
void el_queue_done(struct el_queue *q, struct el_batch *b);

/* A condition variable on the monotonic clock, and a wait on it. */
void el_cond_init(pthread_cond_t *c);
void el_cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *m, int ms);

#endif
