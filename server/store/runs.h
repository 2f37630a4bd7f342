/* runs.h - the event log's rows as the rest of the program sees them: a batch of encoded events in
 * seq order. The logger makes one from each committed transaction; a replay reads one from
 * PostgreSQL; the rooms cannot tell which it was, because the bytes are the same: what was emitted
 * is stored in pipeline_runs.event and sent again as it is. */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include "base/uuid.h"
#include "proto/cdc.h"
#include "store/pg.h"
#include <stdatomic.h>

struct mr_run_event {
    int64_t seq;          /* place in the log: gapless, commit order */
    int64_t pipeline_seq; /* place within its pipeline, gapless too */
    struct mr_uuid pipeline_id;
    enum mr_change_kind kind;
    struct mr_span schema, table; /* unescaped names; borrowed from the batch */
    struct mr_span json;          /* the replication_event object; borrowed from the batch */
};

struct mr_run_batch {
    atomic_int refs;
    int64_t first_seq; /* the range of the log that this batch covers, without holes; a replay   */
    int64_t last_seq;  /* page of one pipeline covers the seqs of other pipelines as well         */
    size_t n;
    struct mr_run_event *events; /* owned */
    char *bytes;                 /* owned: what the spans point into */
};

struct mr_run_batch *mr_run_batch_ref(struct mr_run_batch *b); /* [thread: any] */
void mr_run_batch_unref(struct mr_run_batch *b);               /* [thread: any] */

/* Read the log after a seq, in order.
 *
 * pipeline   NULL: all pipelines (a node that missed a notification); else that pipeline's.
 * after_seq  exclusive. limit rows, bytes_max of JSON (at least one row is returned if there is
 * one). out        takes a new batch, n may be 0. When fewer rows than the limits exist, last_seq
 * is the log's head in the same snapshot; else it is the last row's seq. oldest_seq out: the lowest
 * seq that the log still holds (for replay_gap); 0 when it is empty. MR_OK or a mapped error.
 * [thread: worker] */
MR_MUSTCHECK int mr_runs_after(struct mr_pg *c, const struct mr_uuid *pipeline, int64_t after_seq,
                               size_t limit, size_t bytes_max, struct mr_run_batch **out,
                               int64_t *oldest_seq);
/* The seq after which the log holds what was logged from that moment on; 0 when that is all it
 * holds. Loggers whose clocks differ blur it by as much. MR_OK or a mapped error. [thread: worker]
 */
MR_MUSTCHECK int mr_runs_since(struct mr_pg *c, int64_t unix_us, int64_t *after_seq);
/* The seq after which the newest n of a pipeline's events come that are of these kinds (bits, 0:
 * all) and tables ("table" or "schema.table"; n_tables 0: all); 0 when there are no more than n. */
MR_MUSTCHECK int mr_runs_last(struct mr_pg *c, const struct mr_uuid *pipeline, int64_t n,
                              unsigned kinds, const char *const *tables, size_t n_tables,
                              int64_t *after_seq);
/* The log's head: the last committed seq, 0 when empty. [thread: worker] */
MR_MUSTCHECK int mr_runs_head(struct mr_pg *c, int64_t *seq);

#endif
