/* loads.h - the table pipeline_loads: how far a full load is, a row a table. [thread: worker] */
#ifndef STORE_LOADS_H
#define STORE_LOADS_H

#include "proto/buf.h"
#include "store/pg.h"

/* Nothing is known of a load any more: one begins. */
MR_MUSTCHECK int mr_loads_begin(struct mr_pg *c, const char *pipeline_id);
/* It is over: "COMPLETED" or "FAILED" (error: why), on the pipeline and, once, as a run of the type
 * FULL_LOAD in the log. */
MR_MUSTCHECK int mr_loads_end(struct mr_pg *c, const char *pipeline_id, const char *status,
                              const char *error);
/* tables: [{schema, name, target, phase, rows, bytes, chunks, chunks_done, rows_est, bytes_est}] */
MR_MUSTCHECK int mr_loads_write(struct mr_pg *c, const char *pipeline_id, const char *tables);
/* Append the object of GET /pipelines/{id}/progress. MR_E_NOTFOUND: there is no such pipeline. */
MR_MUSTCHECK int mr_loads_progress(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json);
/* The same of all whose load has moved within the last 10 s: rows (id, object), sorted by id. */
MR_MUSTCHECK int mr_loads_news(struct mr_pg *c, PGresult **out);

#endif
