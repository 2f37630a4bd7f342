/* manager.h - the threads behind pipelines that millrace runs itself (engine connect): some run
 * jobs, one watches. Any number of processes may have them: a pipeline's jobs are run by whoever
 * holds its lock, and one process at a time watches. */
#ifndef PIPELINES_MANAGER_H
#define PIPELINES_MANAGER_H

#include "base/config.h"
#include "databases/hosts.h"
#include "pipelines/plan.h"
#include "store/secrets.h"
#include <pthread.h>
#include <stdatomic.h>

#define MR_JOB_THREADS 3

struct mr_manager {
    struct mr_plan_env env;
    pthread_t jobs[MR_JOB_THREADS], monitor;
    int n_jobs;
    bool watching;
    atomic_bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

/* Starts the threads. Borrows what env holds until mr_manager_free. MR_OK; MR_E_NOMEM; MR_E_IO.
 * [thread: loop] */
MR_MUSTCHECK int mr_manager_new(struct mr_manager **out, const struct mr_plan_env *env);
/* There is a new job. [thread: any] */
void mr_manager_wake(struct mr_manager *m);
/* Jobs stop where they are, to be gone on with; joins the threads. Blocks. NULL is allowed. */
void mr_manager_free(struct mr_manager *m);
/* Sleep for a while, or until there is a job or the end. */
void mr_manager_rest(struct mr_manager *m, int64_t ms);
/* Sleep for a while, whatever jobs there are, or until the end. */
void mr_manager_pause(struct mr_manager *m, int64_t ms);
/* A connection of one's own to our PostgreSQL. */
MR_MUSTCHECK int mr_manager_connect(struct mr_manager *m, const char *application,
                                    struct mr_pg **out);

/* monitor.c: the watching thread */
void mr_monitor_run(struct mr_manager *m);

#endif
