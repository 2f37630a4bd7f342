/* worker.h - the thread that takes messages out of Redis and stores them in PostgreSQL, in batches,
 * each once.
 *
 * A batch is a list in Redis that carries its own name: messages are moved into it from the queue
 * one after the other (no moment at which they are in neither), stored, and then the list is
 * deleted. A worker that dies leaves its list; another one takes it over. What was stored already
 * is recognised by the ingest id of each message. */
#ifndef INGEST_WORKER_H
#define INGEST_WORKER_H

#include "base/config.h"
#include "proto/err.h"

struct mr_worker;

/* Starts the thread. MR_OK; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_worker_new(struct mr_worker **out, const struct mr_config *cfg);
/* The batch under way is finished, as long as PostgreSQL and Redis are there. Blocks. */
void mr_worker_free(struct mr_worker *w);

#endif
