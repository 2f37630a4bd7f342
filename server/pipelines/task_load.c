/* task_load.c - the full load as steps of a job: publication, slot with its snapshot, pieces, keys.
 *
 *   tables       schema and tables in the target
 *   publication  before the slot, which else may not see it
 *   snapshot     the slot and the snapshot of its first moment (or a snapshot alone, to go on)
 *   copy         pieces, in parallel
 *   keys         primary keys and indexes, sequences, statistics */
#include "base/fault.h"
#include "base/log.h"
#include "pipelines/full_load.h"
#include "pipelines/pg_source.h"
#include "pipelines/task.h"
#include "proto/alloc.h"
#include "store/loads.h"
#include <stdio.h>

static PGconn *target_of(struct mr_task *t)
{
    return pgdb_open(&t->plan.target.opened.db, t->why, sizeof(t->why));
}

static PGconn *source_of(struct mr_task *t)
{
    return pgdb_open(&t->plan.source.opened.db, t->why, sizeof(t->why));
}

/* ---- progress ----------------------------------------------------------------------------- */

static int write_progress(struct mr_load *l, void *ctx)
{
    static const char *const phases[] = {"waiting", "copying", "indexing", "done", "failed"};
    struct mr_buf json = MR_BUF_INIT(16u << 20);
    struct mr_task *t = ctx;
    int rc;

    mr_buf_add_char(&json, '[');
    for (size_t i = 0; i < l->tables->n; i++) {
        const struct mr_pg_table *one = &l->tables->list[i];
        struct mr_load_table_progress *p = &l->progress[i];

        mr_buf_add_str(&json, i > 0 ? ",{\"schema\":" : "{\"schema\":");
        mr_json_add_string(&json, mr_span_str(one->schema));
        mr_buf_add_str(&json, ",\"name\":");
        mr_json_add_string(&json, mr_span_str(one->name));
        mr_buf_add_str(&json, ",\"target\":");
        mr_json_add_string(&json, mr_span_str(one->target));
        mr_buf_addf(&json,
                    ",\"phase\":\"%s\",\"rows\":%lld,\"bytes\":%lld,\"chunks\":%d,"
                    "\"chunks_done\":%d,\"rows_est\":%lld,\"bytes_est\":%lld}",
                    phases[atomic_load(&p->phase)], (long long)atomic_load(&p->rows),
                    (long long)atomic_load(&p->bytes), atomic_load(&p->chunks),
                    atomic_load(&p->chunks_done), (long long)one->rows, (long long)one->bytes);
    }
    mr_buf_add_char(&json, ']');
    rc = mr_buf_err(&json);
    if (rc == MR_OK)
        rc = mr_loads_write(t->db, t->job.pipeline_id, mr_buf_cstr(&json));
    mr_buf_free(&json);
    return rc == MR_OK && task_over(t) ? MR_E_CLOSED : rc;
}

/* ---- steps -------------------------------------------------------------------------------- */

static int make_tables(struct mr_task *t)
{
    PGconn *target;
    int rc = task_step(t, "tables");

    if (rc != MR_OK || !t->plan.auto_create)
        return rc;
    target = target_of(t);
    rc = target ? mr_load_make(target, &t->tables, t->why, sizeof(t->why)) : MR_E_UNAVAIL;
    PQfinish(target);
    return rc;
}

static int publish(struct mr_task *t)
{
    char said[400];
    PGconn *source;
    int rc;

    if (!mr_plan_needs_connect(&t->plan))
        return MR_OK;
    rc = task_step(t, "publication");
    if (rc != MR_OK)
        return rc;
    source = source_of(t);
    if (!source)
        return MR_E_UNAVAIL;
    rc = mr_pg_publish(source, &t->plan, &t->tables, said, sizeof(said));
    PQfinish(source);
    return rc == MR_OK ? rc
                       : task_say(t, rc,
                                  "The publication cannot be made: %s. The role has to own the "
                                  "tables and to have CREATE on the database.",
                                  said);
}

/* Is there a slot of ours in the source? */
static int slot_there(struct mr_task *t, bool *there)
{
    struct mr_pg_slot slot;
    PGconn *source = source_of(t);
    int rc = source
                 ? mr_pg_slot_look(source, t->plan.slot, UINT64_MAX, &slot, t->why, sizeof(t->why))
                 : MR_E_UNAVAIL;

    *there = rc == MR_OK && slot.there;
    PQfinish(source);
    return rc;
}

static int drop_slot(struct mr_task *t)
{
    PGconn *source = source_of(t);
    int rc = source ? mr_pg_slot_drop(source, t->plan.slot, t->why, sizeof(t->why)) : MR_E_UNAVAIL;

    PQfinish(source);
    return rc;
}

static int undo_target(struct mr_task *t)
{
    PGconn *target = target_of(t);
    int rc =
        target ? mr_load_undo(target, &t->plan, &t->tables, t->why, sizeof(t->why)) : MR_E_UNAVAIL;

    PQfinish(target);
    return rc;
}

static int stand_of(struct mr_task *t, enum mr_load_stand *stand)
{
    PGconn *target = target_of(t);
    int rc = target ? mr_load_stand(target, &t->plan, stand, t->why, sizeof(t->why)) : MR_E_UNAVAIL;

    PQfinish(target);
    return rc;
}

/* The snapshot to copy under. An earlier run's pieces are kept where that is exact, and thrown away
 * with its slot where it is not. */
static int take_snapshot(struct mr_task *t, struct mr_pg_snapshot *snapshot,
                         enum mr_load_stand *stand)
{
    bool cdc = t->plan.mode != MR_MODE_FULL_LOAD_ONLY, there = false;
    int rc = task_step(t, "snapshot");

    if (rc == MR_OK)
        rc = stand_of(t, stand);
    if (rc == MR_OK && cdc)
        rc = slot_there(t, &there);
    if (rc != MR_OK || *stand == MR_LOAD_COPIED)
        return rc;
    if (*stand == MR_LOAD_BEGUN && there && mr_load_resumable(&t->plan, &t->tables)) {
        LOG_INFO("load_resumed", F_STR("pipeline_id", t->plan.id));
        return mr_pg_snapshot_take(&t->plan, snapshot, t->why, sizeof(t->why));
    }
    if (*stand == MR_LOAD_BEGUN) {
        LOG_INFO("load_undone", F_STR("pipeline_id", t->plan.id));
        rc = undo_target(t);
        *stand = MR_LOAD_FRESH;
    }
    if (rc == MR_OK && there)
        rc = drop_slot(t);
    if (rc != MR_OK)
        return rc;
    if (!cdc)
        return mr_pg_snapshot_take(&t->plan, snapshot, t->why, sizeof(t->why));
    return mr_pg_slot_make(&t->plan, snapshot, task_over, t, t->why, sizeof(t->why));
}

/* A target that has rows already, which no load of ours has put there, is left alone. */
static int must_be_empty(struct mr_task *t, PGconn *target)
{
    for (size_t i = 0; i < t->tables.n; i++) {
        struct mr_buf sql = MR_BUF_INIT(1024);
        PGresult *res;
        bool any;
        int rc;

        mr_buf_add_str(&sql, "SELECT 1 FROM ");
        mr_pg_quote2(&sql, mr_plan_target_schema(&t->plan), t->tables.list[i].target);
        mr_buf_add_str(&sql, " LIMIT 1");
        res = PQexec(target, mr_buf_cstr(&sql));
        rc = pgdb_result(target, res, t->why, sizeof(t->why));
        any = rc == MR_OK && PQntuples(res) > 0;
        PQclear(res);
        mr_buf_free(&sql);
        if (rc != MR_OK)
            return rc;
        if (any)
            return task_say(t, MR_E_DATA,
                            "Table %s of the target has rows already: empty it, or use "
                            "POST /pipelines/{id}/resync, which does.",
                            t->tables.list[i].target);
    }
    return MR_OK;
}

static int plan_pieces(struct mr_task *t, enum mr_load_stand stand)
{
    PGconn *target = target_of(t);
    int rc = target ? MR_OK : MR_E_UNAVAIL;

    if (rc == MR_OK && stand == MR_LOAD_FRESH)
        rc = must_be_empty(t, target);
    if (rc == MR_OK)
        rc = mr_load_plan(target, &t->plan, &t->tables, t->why, sizeof(t->why));
    PQfinish(target);
    return rc;
}

static int copy_and_finish(struct mr_task *t, const struct mr_pg_snapshot *snapshot,
                           enum mr_load_stand stand)
{
    const struct mr_config *cfg = t->m->env.cfg;
    struct mr_load l = {.plan = &t->plan,
                        .tables = &t->tables,
                        .snapshot = snapshot->name,
                        .workers = (int)cfg->load_workers,
                        .rate_bytes = cfg->load_rate,
                        .tick = write_progress,
                        .ctx = t};
    int rc = task_step(t, "copy");

    l.progress = mr_zalloc(t->tables.n + 1, sizeof(*l.progress));
    if (!l.progress)
        return MR_E_NOMEM;
    if (rc == MR_OK && stand != MR_LOAD_COPIED)
        rc = plan_pieces(t, stand);
    mr_fault_point("load.copy");
    if (rc == MR_OK && stand != MR_LOAD_COPIED)
        rc = mr_load_copy(&l);
    if (rc == MR_OK)
        rc = task_step(t, "keys");
    if (rc == MR_OK)
        rc = mr_load_finish(&l);
    if (rc != MR_OK && rc != MR_E_CLOSED && l.why[0])
        (void)task_say(t, rc, "%s", l.why);
    if (rc == MR_OK)
        rc = write_progress(&l, t);
    mr_free(l.progress);
    return rc;
}

static int tidy(struct mr_task *t)
{
    PGconn *target = target_of(t);
    int rc = target ? mr_load_tidy(target, &t->plan, t->why, sizeof(t->why)) : MR_E_UNAVAIL;

    PQfinish(target);
    return rc;
}

static int load(struct mr_task *t)
{
    struct mr_pg_snapshot snapshot = {0};
    enum mr_load_stand stand = MR_LOAD_FRESH;
    int rc = take_snapshot(t, &snapshot, &stand);

    mr_fault_point("load.snapshot");
    if (rc == MR_OK && stand == MR_LOAD_FRESH)
        rc = mr_loads_begin(t->db, t->job.pipeline_id);
    if (rc == MR_OK)
        rc = task_loaded(t, "IN_PROGRESS", stand == MR_LOAD_FRESH ? snapshot.lsn : NULL);
    if (rc == MR_OK)
        rc = copy_and_finish(t, &snapshot, stand);
    mr_pg_snapshot_free(&snapshot);
    if (rc == MR_OK)
        rc = mr_loads_end(t->db, t->job.pipeline_id, "COMPLETED", NULL);
    mr_fault_point("load.completed");
    return rc == MR_OK ? tidy(t) : rc;
}

/* Without a load: keys right away, and a slot from which changes come. */
static int only_changes(struct mr_task *t)
{
    struct mr_pg_snapshot slot = {0};
    bool there = false;
    PGconn *target;
    int rc = MR_OK;

    if (t->plan.auto_create) {
        target = target_of(t);
        rc = target ? mr_load_keys(target, &t->tables, t->why, sizeof(t->why)) : MR_E_UNAVAIL;
        PQfinish(target);
    }
    if (rc == MR_OK)
        rc = task_step(t, "slot");
    if (rc == MR_OK)
        rc = slot_there(t, &there);
    if (rc == MR_OK && !there)
        rc = mr_pg_slot_make(&t->plan, &slot, task_over, t, t->why, sizeof(t->why));
    mr_pg_snapshot_free(&slot);
    return rc;
}

int task_load(struct mr_task *t)
{
    int rc = task_tables(t);

    if (rc == MR_OK)
        rc = make_tables(t);
    if (rc == MR_OK)
        rc = publish(t);
    if (rc != MR_OK)
        return rc;
    if (t->plan.mode == MR_MODE_CDC_ONLY)
        return only_changes(t);
    if (strcmp(t->plan.full_load_status, "COMPLETED") == 0)
        return tidy(t);
    rc = load(t);
    if (rc != MR_OK && rc != MR_E_CLOSED && rc != MR_E_UNAVAIL && rc != MR_E_AGAIN &&
        rc != MR_E_TIMEOUT && rc != MR_E_DB &&
        mr_loads_end(t->db, t->job.pipeline_id, "FAILED", t->why) != MR_OK)
        return MR_E_DB;
    return rc;
}

int task_load_by_debezium(struct mr_task *t)
{
    int rc = MR_OK;

    if (strcmp(t->plan.source.opened.db.type, "postgresql") == 0) {
        rc = task_tables(t);
        if (rc == MR_OK)
            rc = publish(t);
    }
    if (rc == MR_OK && t->plan.mode != MR_MODE_CDC_ONLY &&
        strcmp(t->plan.full_load_status, "COMPLETED") != 0)
        rc = task_loaded(t, "IN_PROGRESS", NULL);
    return rc;
}

int task_load_undo(struct mr_task *t)
{
    int rc = task_tables(t);

    if (rc == MR_OK)
        rc = undo_target(t);
    if (rc == MR_OK && t->plan.mode != MR_MODE_FULL_LOAD_ONLY)
        rc = drop_slot(t);
    return rc == MR_OK ? task_loaded(t, "NOT_STARTED", NULL) : rc;
}

int task_load_forget(struct mr_task *t)
{
    int rc = task_step(t, "forget_load");

    return rc == MR_OK ? tidy(t) : rc;
}
