/* loads.h - the table pipeline_loads: how far a full load is, a row a table. [thread: worker] */
#ifndef STORE_LOADS_H
#define STORE_LOADS_H

#include "proto/buf.h"
#include "store/pg.h"

/* Nothing is known of a load any more: one begins. */
MR_MUSTCHECK int mr_loads_begin(struct mr_pg *c, const char *pipeline_id);
/* tables: [{schema, name, target, phase, rows, bytes, chunks, chunks_done, rows_est, bytes_est}] */
MR_MUSTCHECK int mr_loads_write(struct mr_pg *c, const char *pipeline_id, const char *tables);
/* Append the object of GET /pipelines/{id}/progress. MR_E_NOTFOUND: there is no such pipeline. */
MR_MUSTCHECK int mr_loads_progress(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json);

#endif
