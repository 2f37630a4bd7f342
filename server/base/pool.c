/* pool.c - worker threads over one bounded ring of jobs. */
#include "base/pool.h"
#include "base/log.h"
#include "proto/alloc.h"

#include <pthread.h>
#include <stdbool.h>

struct job {
    void (*fn)(void *arg);
    void *arg;
};

struct mr_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *ring; /* {lock} queue_max entries */
    size_t head, n;   /* {lock} */
    size_t cap;
    size_t busy;   /* {lock} workers inside a job */
    size_t idle;   /* {lock} workers that sleep, */
    size_t waking; /* {lock} and how many of them were woken and have not come yet */
    bool stopping; /* {lock} */
    pthread_t *threads;
    size_t n_threads;
};

static void *work(void *arg)
{
    struct mr_pool *p = arg;

    mr_log_thread("worker");
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct job j;

        while (p->n == 0 && !p->stopping) {
            p->idle++;
            pthread_cond_wait(&p->wake, &p->lock);
            p->idle--;
            p->waking -= p->waking > 0;
        }
        if (p->n == 0)
            break; /* stopping, and what was queued is done */
        j = p->ring[p->head];
        p->head = (p->head + 1) % p->cap;
        p->n--;
        p->busy++;
        pthread_mutex_unlock(&p->lock);
        j.fn(j.arg);
        pthread_mutex_lock(&p->lock);
        p->busy--;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int mr_pool_new(struct mr_pool **out, size_t threads, size_t queue_max)
{
    struct mr_pool *p = mr_zalloc(1, sizeof(*p));

    if (!p)
        return MR_E_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->cap = queue_max;
    p->ring = mr_zalloc(queue_max, sizeof(*p->ring));
    p->threads = mr_zalloc(threads, sizeof(*p->threads));
    if (!p->ring || !p->threads) {
        mr_pool_free(p);
        return MR_E_NOMEM;
    }
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&p->threads[i], NULL, work, p) != 0) {
            mr_pool_free(p);
            return MR_E_IO;
        }
        p->n_threads++;
        pthread_setname_np(p->threads[i], "worker");
    }
    *out = p;
    return MR_OK;
}

int mr_pool_submit(struct mr_pool *p, void (*fn)(void *arg), void *arg)
{
    int rc = MR_OK;
    bool wake = false;

    pthread_mutex_lock(&p->lock);
    if (p->stopping) {
        rc = MR_E_CLOSED;
    } else if (p->n == p->cap) {
        rc = MR_E_AGAIN;
    } else {
        p->ring[(p->head + p->n++) % p->cap] = (struct job){fn, arg};
        wake = p->idle > p->waking; /* who is awake takes it when it comes to it */
        p->waking += wake;
    }
    pthread_mutex_unlock(&p->lock);
    if (wake) /* unlocked: it would wake up to wait for the lock */
        pthread_cond_signal(&p->wake);
    return rc;
}

void mr_pool_free(struct mr_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mr_free(p->ring);
    mr_free(p->threads);
    mr_free(p);
}

size_t mr_pool_queued(struct mr_pool *p)
{
    size_t n;

    pthread_mutex_lock(&p->lock);
    n = p->n;
    pthread_mutex_unlock(&p->lock);
    return n;
}

size_t mr_pool_busy(struct mr_pool *p)
{
    size_t n;

    pthread_mutex_lock(&p->lock);
    n = p->busy;
    pthread_mutex_unlock(&p->lock);
    return n;
}
