/* jobs.h - the table pipeline_jobs: what is to be done to pipelines, step by recorded step.
 *
 * A pipeline's jobs run one after the other, in the order in which they were asked for, whichever
 * process takes them: whoever runs one holds an advisory lock on the pipeline for as long as its
 * connection to PostgreSQL lives, so a process that dies lets go at once, and the next one goes on
 * with the step that the dead one had recorded. [thread: worker] */
#ifndef STORE_JOBS_H
#define STORE_JOBS_H

#include "base/uuid.h"
#include "proto/buf.h"
#include "store/pg.h"

struct mr_job {
    char id[MR_UUID_TEXT], pipeline_id[MR_UUID_TEXT];
    char kind[16], step[32]; /* step: the one it was last in; "" at first */
    char options[1024], created_by[256];
    int64_t attempts; /* this one included */
};

/* Inside the transaction that makes it necessary. options: a JSON object or NULL. */
MR_MUSTCHECK int mr_jobs_add(struct mr_pg *c, const char *pipeline_id, const char *kind,
                             const char *options, const char *created_by, char id[MR_UUID_TEXT]);
/* Ask the pipeline's open jobs to end; a delete is not undone. */
MR_MUSTCHECK int mr_jobs_cancel(struct mr_pg *c, const char *pipeline_id);
/* The next job that is due, with the pipeline's lock held by this connection. MR_E_NOTFOUND: there
 * is none that somebody else does not have. */
MR_MUSTCHECK int mr_jobs_claim(struct mr_pg *c, struct mr_job *out);
/* Let go of the pipeline. */
MR_MUSTCHECK int mr_jobs_release(struct mr_pg *c, const struct mr_job *job);
/* The job enters a step; the one before it is done. MR_E_CLOSED: it has been asked to end. */
MR_MUSTCHECK int mr_jobs_step(struct mr_pg *c, const struct mr_job *job, const char *step);
/* MR_OK; MR_E_CLOSED: it has been asked to end. */
MR_MUSTCHECK int mr_jobs_look(struct mr_pg *c, const struct mr_job *job);
/* state: done, failed or cancelled; error: a sentence or NULL. */
MR_MUSTCHECK int mr_jobs_end(struct mr_pg *c, const struct mr_job *job, const char *state,
                             const char *error);
/* Try again, not before delay_ms from now. */
MR_MUSTCHECK int mr_jobs_again(struct mr_pg *c, const struct mr_job *job, const char *error,
                               int64_t delay_ms);
/* Has the pipeline jobs that are not at their end? */
MR_MUSTCHECK int mr_jobs_open(struct mr_pg *c, const char *pipeline_id, bool *open);
/* Append the pipeline's newest jobs as an array, newest first. */
MR_MUSTCHECK int mr_jobs_list(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json);

#endif
