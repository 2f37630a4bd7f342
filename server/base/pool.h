/* pool.h - a bounded pool of worker threads for straight-line work: REST handlers and jobs.
 * Full means full: submit refuses and the caller answers 503 with Retry-After. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "proto/err.h"
#include <stddef.h>

struct mr_pool;

/* threads and queue_max >= 1. MR_OK; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_pool_new(struct mr_pool **out, size_t threads, size_t queue_max);
/* Run fn(arg) on some worker. MR_OK; MR_E_AGAIN: queue full; MR_E_CLOSED: stopping. In both error
 * cases fn is not and will not be called. [thread: any] */
MR_MUSTCHECK int mr_pool_submit(struct mr_pool *p, void (*fn)(void *arg), void *arg);
/* Finish what is queued, join the threads, free. Not from a worker. */
void mr_pool_free(struct mr_pool *p);
size_t mr_pool_queued(struct mr_pool *p); /* [thread: any] */
size_t mr_pool_busy(struct mr_pool *p);   /* [thread: any] */

#endif
