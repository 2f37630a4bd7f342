/* task.h - a job while it runs: what its steps work with. One thread; blocks. [thread: job] */
#ifndef PIPELINES_TASK_H
#define PIPELINES_TASK_H

#include "pipelines/connect_client.h"
#include "pipelines/connector_config.h"
#include "pipelines/manager.h"
#include "pipelines/pg_tables.h"
#include "pipelines/plan.h"
#include "pipelines/state.h"
#include "store/jobs.h"

struct mr_task {
    struct mr_manager *m;
    struct mr_pg *db; /* holds the pipeline's lock */
    struct mr_job job;
    struct mr_plan plan;
    struct mr_connect *connect;
    struct mr_pg_tables tables; /* of a PostgreSQL source, once they are read */
    char why[1024];             /* what went wrong, as a sentence */
    uint64_t looked_ms;
    bool over; /* it has been asked to end */
};

/* Is it to end: the process stops, or somebody has asked for it? Looks at most twice a second. */
bool task_over(void *task);
/* Enter a step. MR_E_CLOSED: end now. */
MR_MUSTCHECK int task_step(struct mr_task *t, const char *step);
/* Keep what a call said and return its error. */
int task_say(struct mr_task *t, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a call to Kafka Connect. */
int task_connect(struct mr_task *t, int rc);
/* Move the pipeline to a state, with an entry in the audit log; nothing when it is there. error:
 * why, or NULL. MR_E_CONFLICT: the table of states forbids it. */
MR_MUSTCHECK int task_move(struct mr_task *t, enum mr_pipeline_state to, const char *error);
/* full_load_status and full_load_lsn (NULL: as it was). */
MR_MUSTCHECK int task_loaded(struct mr_task *t, const char *status, const char *lsn);
/* Read the source's tables into t->tables, unless they are. MR_E_DATA: one of them can't be taken,
 * or there is none. */
MR_MUSTCHECK int task_tables(struct mr_task *t);

/* task_load.c */
MR_MUSTCHECK int task_load(struct mr_task *t);
/* Where Debezium's snapshot is the load: what its connector needs to find in the source. The
 * monitor sees when it is over. */
MR_MUSTCHECK int task_load_by_debezium(struct mr_task *t);
/* Undo a load that has not ended: target tables, slot. */
MR_MUSTCHECK int task_load_undo(struct mr_task *t);
/* Leave the target's tables as they are, and nothing of ours beside them. */
MR_MUSTCHECK int task_load_forget(struct mr_task *t);
/* task_connectors.c */
MR_MUSTCHECK int task_source_start(struct mr_task *t);
MR_MUSTCHECK int task_sink_start(struct mr_task *t);
/* verb: stop, pause, resume; state: what both are to become. Missing ones are none. */
MR_MUSTCHECK int task_connectors(struct mr_task *t, const char *verb, const char *state);
/* Connectors, their offsets, the slot and its publication are gone after this. */
MR_MUSTCHECK int task_forget(struct mr_task *t, bool keep_slot);
/* task_kafka.c: the sink's consumer group goes; the topics, too, where that is asked for. */
MR_MUSTCHECK int task_forget_kafka(struct mr_task *t, bool topics);
/* task_run.c: what each kind of job does. */
MR_MUSTCHECK int task_run(struct mr_task *t);

#endif
