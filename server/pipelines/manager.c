/* manager.c - taking jobs, and what becomes of one when it ends. */
#include "pipelines/manager.h"
#include "base/clock.h"
#include "base/log.h"
#include "pipelines/task.h"
#include "proto/alloc.h"
#include "store/pipelines.h"
#include <stdio.h>
#include <time.h>

#define LOOK_MS      500
#define AWAY_MS      1000
#define AGAIN_MS_MAX 15000
#define CONNECT_MS   20000
#define STATEMENT_MS 30000

int mr_manager_connect(struct mr_manager *m, const char *application, struct mr_pg **out)
{
    const struct mr_config *cfg = m->env.cfg;
    const struct mr_pg_options opt = {.url = cfg->database_url,
                                      .application = application,
                                      .connections_max = 1,
                                      .connect_timeout_ms = cfg->db_connect_ms,
                                      .statement_timeout_ms = STATEMENT_MS};

    return mr_pg_connect(out, &opt);
}

void mr_manager_rest(struct mr_manager *m, int64_t ms)
{
    struct timespec until = mr_wall_in(ms);

    pthread_mutex_lock(&m->lock);
    if (!atomic_load(&m->stopping))
        pthread_cond_timedwait(&m->wake, &m->lock, &until);
    pthread_mutex_unlock(&m->lock);
}

void mr_manager_pause(struct mr_manager *m, int64_t ms)
{
    uint64_t until = mr_mono_ms() + (uint64_t)ms, now;

    while (!atomic_load(&m->stopping) && (now = mr_mono_ms()) < until)
        mr_manager_rest(m, (int64_t)(until - now));
}

void mr_manager_wake(struct mr_manager *m)
{
    pthread_mutex_lock(&m->lock);
    pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

/* ---- the end of a job --------------------------------------------------------------------- */

static bool may_pass(int rc)
{
    return rc == MR_E_UNAVAIL || rc == MR_E_TIMEOUT || rc == MR_E_AGAIN;
}

static int64_t pause_ms(int64_t attempts)
{
    int64_t ms = 500;

    for (int64_t i = 1; i < attempts && ms < AGAIN_MS_MAX; i++)
        ms *= 2;
    return ms < AGAIN_MS_MAX ? ms : AGAIN_MS_MAX;
}

/* Something that is away will be back: said on the pipeline, and tried again. */
static int end_again(struct mr_task *t)
{
    int rc = mr_pipelines_note(t->db, t->job.pipeline_id, t->why);

    if (rc == MR_OK)
        rc = mr_jobs_again(t->db, &t->job, t->why, pause_ms(t->job.attempts));
    return rc;
}

static int end_failed(struct mr_task *t)
{
    int rc = task_move(t, MR_PL_ERROR, t->why);

    if (rc == MR_E_CONFLICT || rc == MR_E_NOTFOUND)
        rc = MR_OK;
    if (rc == MR_OK)
        rc = mr_jobs_end(t->db, &t->job, "failed", t->why);
    return rc;
}

/* MR_OK, or our PostgreSQL is away: then the job is still open, and is taken again. */
static int end_job(struct mr_task *t, int rc)
{
    if (rc == MR_E_DB || (rc == MR_E_CLOSED && atomic_load(&t->m->stopping)))
        return rc;
    /* What goes wrong on the way out is not what went wrong. */
    if (rc != MR_OK && mr_jobs_look(t->db, &t->job) == MR_E_CLOSED)
        rc = MR_E_CLOSED;
    if (rc == MR_OK)
        LOG_INFO("job_done", F_STR("job", t->job.kind), F_STR("pipeline_id", t->job.pipeline_id));
    else if (rc != MR_E_CLOSED)
        LOG_WARN("job_failed", F_STR("job", t->job.kind), F_STR("step", t->job.step),
                 F_STR("pipeline_id", t->job.pipeline_id), F_STR("error", t->why),
                 F_BOOL("again", may_pass(rc)), F_INT("attempt", t->job.attempts));
    if (rc == MR_OK)
        return mr_jobs_end(t->db, &t->job, "done", NULL);
    if (rc == MR_E_CLOSED)
        return mr_jobs_end(t->db, &t->job, "cancelled", NULL);
    if (!t->why[0])
        (void)snprintf(t->why, sizeof(t->why), "%s", mr_err_text(rc));
    /* A clean-up never gives up: what it leaves behind costs the source its disk. */
    return may_pass(rc) || strcmp(t->job.kind, "delete") == 0 ? end_again(t) : end_failed(t);
}

static int run_job(struct mr_task *t)
{
    int rc = mr_connect_new(&t->connect, t->m->env.cfg->connect_url, CONNECT_MS, task_over, t);

    if (rc == MR_OK)
        rc = mr_plan_load(&t->plan, t->db, &t->m->env, t->job.pipeline_id, t->why, sizeof(t->why));
    if (rc == MR_OK)
        rc = task_run(t);
    rc = end_job(t, rc);
    mr_pg_tables_free(&t->tables);
    mr_plan_free(&t->plan);
    mr_connect_free(t->connect);
    return rc;
}

/* ---- threads ------------------------------------------------------------------------------ */

/* Jobs on one connection, until it breaks or the end. */
static void run_jobs(struct mr_manager *m, struct mr_pg *db)
{
    while (!atomic_load(&m->stopping)) {
        struct mr_task t = {.m = m, .db = db};
        int rc = mr_jobs_claim(db, &t.job);

        if (rc == MR_E_NOTFOUND) {
            mr_manager_rest(m, LOOK_MS);
            continue;
        }
        if (rc == MR_OK)
            rc = run_job(&t);
        if (rc == MR_OK)
            rc = mr_jobs_release(db, &t.job);
        if (rc != MR_OK)
            return;
    }
}

static void *job_thread(void *arg)
{
    struct mr_manager *m = arg;

    mr_log_thread("job");
    while (!atomic_load(&m->stopping)) {
        struct mr_pg *db = NULL;

        if (mr_manager_connect(m, "millrace-job", &db) == MR_OK)
            run_jobs(m, db);
        mr_pg_close(db);
        if (!atomic_load(&m->stopping))
            mr_manager_rest(m, AWAY_MS);
    }
    return NULL;
}

static void *monitor_thread(void *arg)
{
    mr_log_thread("monitor");
    mr_monitor_run(arg);
    return NULL;
}

int mr_manager_new(struct mr_manager **out, const struct mr_plan_env *env)
{
    struct mr_manager *m = mr_zalloc(1, sizeof(*m));

    if (!m)
        return MR_E_NOMEM;
    m->env = *env;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, NULL);
    while (m->n_jobs < MR_JOB_THREADS &&
           pthread_create(&m->jobs[m->n_jobs], NULL, job_thread, m) == 0)
        m->n_jobs++;
    m->watching = pthread_create(&m->monitor, NULL, monitor_thread, m) == 0;
    if (m->n_jobs < MR_JOB_THREADS || !m->watching) {
        mr_manager_free(m);
        return MR_E_IO;
    }
    *out = m;
    return MR_OK;
}

void mr_manager_free(struct mr_manager *m)
{
    if (!m)
        return;
    atomic_store(&m->stopping, true);
    mr_manager_wake(m);
    for (int i = 0; i < m->n_jobs; i++)
        pthread_join(m->jobs[i], NULL);
    if (m->watching)
        pthread_join(m->monitor, NULL);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    mr_free(m);
}
