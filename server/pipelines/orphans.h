/* orphans.h - what is called mr_.. in Kafka Connect, in Kafka and in the PostgreSQL sources, and
 * belongs to no pipeline: left by a server that was restored from an older backup, by somebody's
 * hands, or by another millrace that shares them (look before you drop). */
#ifndef PIPELINES_ORPHANS_H
#define PIPELINES_ORPHANS_H

#include "pipelines/plan.h"

/* Append {"orphans":[{kind, name, connection_id, connection,
 * detail}],"pending_cleanup":[{pipeline_id, name, job_id, step, error, attempts,
 * since}],"unreachable":[{where, why}],"scanned_at":..}. kind: connector, group, topic, slot,
 * publication. Asks every source connection that is a PostgreSQL, Kafka Connect and Kafka. [thread:
 * worker] */
MR_MUSTCHECK int mr_orphans_list(const struct mr_plan_env *env, struct mr_pg *db,
                                 struct mr_buf *json);

struct mr_orphan {
    const char *kind, *name;
    const char *connection_id; /* slots and publications; else NULL */
};
/* Drop one. MR_OK also when it is gone already; MR_E_CONFLICT: it is a pipeline's; MR_E_INVAL: that
 * is nothing of millrace's; MR_E_NOTFOUND: no such connection; MR_E_AGAIN: it is in use;
 * MR_E_UNAVAIL. why: a sentence. [thread: worker] */
MR_MUSTCHECK int mr_orphans_drop(const struct mr_plan_env *env, struct mr_pg *db,
                                 const struct mr_orphan *o, char *why, size_t size);

#endif
