/* queue.c - one lock, one condition: whatever changes wakes whoever waits. */
#include "queue.h"

#include "proto/alloc.h"

#include <time.h>

void el_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

static struct timespec in_ms(int ms)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

void el_cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *m, int ms)
{
    struct timespec until = in_ms(ms);

    (void)pthread_cond_timedwait(c, m, &until);
}

void el_queue_init(struct el_queue *q)
{
    memset(q, 0, sizeof(*q));
    pthread_mutex_init(&q->lock, NULL);
    el_cond_init(&q->changed);
}

void el_queue_deinit(struct el_queue *q)
{
    for (; q->n > 0; q->n--) {
        el_batch_free(q->items[q->head].batch);
        q->head = (q->head + 1) % (EL_QUEUE_MAX + 1);
    }
    while (q->spare != NULL) {
        struct el_batch *b = q->spare;

        q->spare = b->next;
        el_batch_free(b);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}

struct el_batch *el_queue_spare(struct el_queue *q, size_t cap)
{
    struct el_batch *b;
    bool make;

    pthread_mutex_lock(&q->lock);
    b = q->spare;
    if (b != NULL)
        q->spare = b->next;
    make = b == NULL && q->batches < EL_BATCHES_MAX;
    if (make)
        q->batches++;
    pthread_mutex_unlock(&q->lock);
    if (make) {
        b = el_batch_new(cap);
        if (b == NULL) {
            pthread_mutex_lock(&q->lock);
            q->batches--;
            pthread_mutex_unlock(&q->lock);
        }
    }
    return b;
}

static void append(struct el_queue *q, struct el_item item)
{
    q->items[(q->head + q->n) % (EL_QUEUE_MAX + 1)] = item;
    q->n++;
    pthread_cond_broadcast(&q->changed);
}

bool el_queue_put(struct el_queue *q, struct el_item item)
{
    bool room;

    pthread_mutex_lock(&q->lock);
    room = q->n < EL_QUEUE_MAX;
    if (room)
        append(q, item);
    pthread_mutex_unlock(&q->lock);
    return room;
}

void el_queue_end(struct el_queue *q)
{
    pthread_mutex_lock(&q->lock);
    append(q, (struct el_item){NULL, NULL});
    pthread_mutex_unlock(&q->lock);
}

void el_queue_wait_room(struct el_queue *q, int ms)
{
    pthread_mutex_lock(&q->lock);
    if (q->n >= EL_QUEUE_MAX)
        el_cond_wait_ms(&q->changed, &q->lock, ms);
    pthread_mutex_unlock(&q->lock);
}

bool el_queue_wait_idle(struct el_queue *q, int ms)
{
    struct timespec until = in_ms(ms);
    bool idle;
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    while ((q->n > 0 || q->busy) && rc == 0)
        rc = pthread_cond_timedwait(&q->changed, &q->lock, &until);
    idle = q->n == 0 && !q->busy;
    pthread_mutex_unlock(&q->lock);
    return idle;
}

bool el_queue_idle(struct el_queue *q)
{
    bool idle;

    pthread_mutex_lock(&q->lock);
    idle = q->n == 0 && !q->busy;
    pthread_mutex_unlock(&q->lock);
    return idle;
}

bool el_queue_take(struct el_queue *q, struct el_item *out, int ms)
{
    bool any;

    pthread_mutex_lock(&q->lock);
    if (q->n == 0)
        el_cond_wait_ms(&q->changed, &q->lock, ms);
    any = q->n > 0;
    if (any) {
        *out = q->items[q->head];
        q->head = (q->head + 1) % (EL_QUEUE_MAX + 1);
        q->n--;
        q->busy = true;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return any;
}

void el_queue_done(struct el_queue *q, struct el_batch *b)
{
    if (b != NULL)
        el_batch_reset(b, 0, 0); /* without the lock: it lets thousands of messages go */
    pthread_mutex_lock(&q->lock);
    q->busy = false;
    if (b != NULL) {
        b->next = q->spare;
        q->spare = b;
    }
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
