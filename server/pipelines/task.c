/* task.c - what every job needs: steps, states, the source's tables. */
#include "pipelines/task.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "store/audit.h"
#include "store/pipelines.h"
#include <stdarg.h>
#include <stdio.h>

#define LOOK_MS   500
#define TABLES_MS 60000

bool task_over(void *task)
{
    struct mr_task *t = task;
    uint64_t now = mr_mono_ms();

    if (t->over || atomic_load(&t->m->stopping))
        return true;
    if (now - t->looked_ms >= LOOK_MS) {
        t->looked_ms = now;
        t->over = mr_jobs_look(t->db, &t->job) != MR_OK;
    }
    return t->over;
}

int task_step(struct mr_task *t, const char *step)
{
    char point[64];
    int rc = mr_jobs_step(t->db, &t->job, step);

    (void)snprintf(t->job.step, sizeof(t->job.step), "%s", step);
    if (rc == MR_OK && atomic_load(&t->m->stopping))
        rc = MR_E_CLOSED;
    LOG_INFO("job_step", F_STR("job", t->job.kind), F_STR("step", step),
             F_STR("pipeline_id", t->job.pipeline_id));
    (void)snprintf(point, sizeof(point), "%s.%s", t->job.kind, step);
    mr_fault_point(point);
    return rc;
}

int task_say(struct mr_task *t, int rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(t->why, sizeof(t->why), fmt, args);
    va_end(args);
    return rc;
}

int task_connect(struct mr_task *t, int rc)
{
    if (rc == MR_OK)
        return MR_OK;
    if (task_over(t))
        return MR_E_CLOSED;
    return task_say(t, rc, "%s", mr_connect_why(t->connect));
}

/* ---- states ------------------------------------------------------------------------------- */

static int audit(struct mr_task *t, const char *from, const char *to)
{
    char action[48], before[64], after[64];
    struct mr_audit_entry e = {.actor = t->job.created_by[0] ? t->job.created_by : "millrace",
                               .action = action,
                               .resource_type = "pipeline",
                               .resource_id = t->job.pipeline_id,
                               .before = before,
                               .after = after};

    (void)snprintf(action, sizeof(action), "pipeline.%s", t->job.kind);
    (void)snprintf(before, sizeof(before), "{\"status\":\"%s\"}", from);
    (void)snprintf(after, sizeof(after), "{\"status\":\"%s\"}", to);
    return mr_audit_add(t->db, &e);
}

int task_move(struct mr_task *t, enum mr_pipeline_state to, const char *error)
{
    struct mr_pipeline_brief now;
    enum mr_pipeline_state from;
    const char *name = mr_pipeline_state_name(to);
    int rc = mr_pg_run(t->db, "BEGIN");

    if (rc == MR_OK)
        rc = mr_pipelines_brief(t->db, t->job.pipeline_id, &now);
    if (rc == MR_OK && mr_pipeline_state_parse(mr_span_str(now.status), &from) != MR_OK)
        rc = MR_E_CONFLICT;
    if (rc == MR_OK && from != to && !mr_pipeline_may(from, to))
        rc = MR_E_CONFLICT;
    if (rc == MR_OK && from != to)
        rc = mr_pipelines_move(t->db, t->job.pipeline_id, now.status, name);
    if (rc == MR_OK && error)
        rc = mr_pipelines_note(t->db, t->job.pipeline_id, error);
    if (rc == MR_OK && from != to)
        rc = audit(t, now.status, name);
    if (rc == MR_OK)
        return mr_pg_run(t->db, "COMMIT");
    if (mr_pg_run(t->db, "ROLLBACK") != MR_OK)
        rc = MR_E_DB;
    if (rc == MR_E_CONFLICT)
        (void)task_say(t, rc, "The pipeline is %s: it cannot become %s.", now.status, name);
    return rc;
}

int task_loaded(struct mr_task *t, const char *status, const char *lsn)
{
    return mr_pipelines_loaded(t->db, t->job.pipeline_id, status, lsn);
}

/* ---- tables ------------------------------------------------------------------------------- */

static int judge(struct mr_task *t)
{
    if (t->tables.n == 0)
        return task_say(t, MR_E_DATA,
                        "No table of the source matches source_schema and source_tables.");
    for (size_t i = 0; i < t->tables.n; i++) {
        const struct mr_pg_table *one = &t->tables.list[i];

        if (one->refused)
            return task_say(t, MR_E_DATA, "Table %s.%s cannot be taken: %s.", one->schema,
                            one->name, one->refused);
        if (!one->has_key && t->plan.mode != MR_MODE_FULL_LOAD_ONLY)
            return task_say(t, MR_E_DATA,
                            "Table %s.%s has no primary key: its changes would find no row in the "
                            "target. Add one, or leave the table out.",
                            one->schema, one->name);
    }
    return MR_OK;
}

int task_tables(struct mr_task *t)
{
    PGconn *source;
    int rc;

    if (t->tables.n > 0)
        return MR_OK;
    source = pgdb_open(&t->plan.source.opened.db, t->why, sizeof(t->why));
    if (!source)
        return MR_E_UNAVAIL;
    rc = mr_pg_tables_read(source, &t->plan, mr_mono_ms() + TABLES_MS, &t->tables, t->why,
                           sizeof(t->why));
    PQfinish(source);
    return rc == MR_OK ? judge(t) : rc;
}
