/* plan.h - a pipeline as the jobs and the monitor work on it: its row, and both of its connections
 * with their passwords in the clear (wiped when it is freed). */
#ifndef PIPELINES_PLAN_H
#define PIPELINES_PLAN_H

#include "base/uuid.h"
#include "databases/opened.h"
#include "store/connections.h"
#include "store/pg.h"
#include "store/secrets.h"

enum mr_plan_mode { MR_MODE_FULL_LOAD_ONLY, MR_MODE_CDC_ONLY, MR_MODE_FULL_LOAD_AND_CDC };

struct mr_plan_side {
    char id[MR_UUID_TEXT];
    bool there; /* the pipeline names it and it exists */
    struct mr_buf object, password;
    struct mr_opened opened;
};

struct mr_plan {
    PGresult *row; /* what the texts below point into; NULL is "" */
    char id[MR_UUID_TEXT];
    char short_id[13]; /* the random end of the id: part of every name that is made for it */
    const char *name, *status, *engine, *full_load_status, *source_schema, *target_schema;
    const char *snapshot_mode, *topic_prefix, *full_load_lsn, *policy;
    struct mr_span tables, mapping, debezium_config, sink_config; /* JSON */
    enum mr_plan_mode mode;
    bool auto_create, metadata_columns, deleted;
    bool claimed; /* names are written down: something may have been made under them */
    /* What it is called elsewhere: as recorded, or as it will be. */
    char slot[64], publication[64], source_connector[128], sink_connector[128];
    char prefix[64]; /* Debezium's topic.prefix: topics are prefix.schema.table */
    struct mr_plan_side source, target;
};

/* What the plan is read with; all borrowed. */
struct mr_plan_env {
    const struct mr_config *cfg;
    const struct mr_hosts *hosts;
    const struct mr_secrets *secrets;
};

/* A deleted pipeline, too (its clean-up reads it). MR_OK; MR_E_NOTFOUND; MR_E_CONFIG: a password
 * does not open (why says whose); a mapped error. [thread: worker] */
MR_MUSTCHECK int mr_plan_load(struct mr_plan *p, struct mr_pg *db, const struct mr_plan_env *env,
                              const char *id, char *why, size_t size);
void mr_plan_free(struct mr_plan *p);
/* Write down the names before anything is made under them. */
MR_MUSTCHECK int mr_plan_claim_names(struct mr_plan *p, struct mr_pg *db);
/* The name of the source's table in the target: table_mapping's, or the same. Appends it. Mapping
 * keys are "schema.table" or "table". */
void mr_plan_target_name(const struct mr_plan *p, const char *schema, const char *table,
                         struct mr_buf *out);
/* Does millrace copy the tables itself (PostgreSQL to PostgreSQL), or does Debezium's snapshot? */
bool mr_plan_own_load(const struct mr_plan *p);
/* Does anything of it go through Kafka Connect: changes, or a load that is Debezium's? */
bool mr_plan_needs_connect(const struct mr_plan *p);
/* The schema of the target that the tables go to. */
const char *mr_plan_target_schema(const struct mr_plan *p);

#endif
