/* reconcile.h - does the log hold what Kafka gave? Each offset of each partition that was consumed
 * is in exactly one count (migrations/0014_ledger.sql); the counts are held against the offsets,
 * the log's seq against the counts, the counters against the rows. [thread: worker] */
#ifndef STORE_RECONCILE_H
#define STORE_RECONCILE_H

#include "proto/buf.h"
#include "store/pg.h"

/* Append the whole answer, an object, all of one snapshot of the database. pipeline_id NULL: all
 * but those hidden (a PostgreSQL array). rows: count the rows of the log, too, which takes as long
 * as the log is. Of the partitions at most limit are listed, those that do not balance first. */
MR_MUSTCHECK int mr_reconcile(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                              bool rows, int64_t limit, struct mr_buf *json);

#endif
