/* evidence.h - what the monitor saw of pipelines, and what of that is shown. [thread: worker] */
#ifndef STORE_EVIDENCE_H
#define STORE_EVIDENCE_H

#include "proto/buf.h"
#include "store/pg.h"

/* Keep what was seen (a JSON object). */
MR_MUSTCHECK int mr_evidence_write(struct mr_pg *c, const char *pipeline_id, const char *body);
/* Is the pipeline well? health: "HEALTHY" or "DEGRADED" with a reason, or NULL (it does not run).
 * Only when that has changed: every write to pipelines has all processes read them anew. */
MR_MUSTCHECK int mr_evidence_health(struct mr_pg *c, const char *pipeline_id, const char *health,
                                    const char *reason);
/* Append the object of GET /pipelines/{id}/status. Evidence that is older than stale_ms is none.
 * MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_evidence_status(struct mr_pg *c, const char *pipeline_id, int64_t stale_ms,
                                    struct mr_buf *json);
/* Append the object of GET /monitoring/pipelines/{id}/lsn-latency. MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_evidence_lag(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json);

#endif
