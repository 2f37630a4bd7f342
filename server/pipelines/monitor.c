/* monitor.c - the thread that looks at running pipelines and believes what it sees: tasks, the
 * slot, Kafka's ends, the logger's and the sink's offsets, and whether heartbeats come through.
 *
 * One process at a time does (an advisory lock); what it sees goes to pipeline_evidence, where
 * every process reads it. A failed task is started again, later each time. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipelines/watch.h"
#include "proto/alloc.h"
#include "store/audit.h"
#include "store/pipelines.h"
#include <stdio.h>

#define RESTART_MS_MAX 300000
#define CONNECT_MS     8000

/* ---- pipelines ---------------------------------------------------------------------------- */

static struct watched *watched_of(struct watch *w, const char *id)
{
    struct watched *p = w->first;

    while (p && strcmp(p->id, id) != 0)
        p = p->next;
    if (p)
        return p;
    p = mr_zalloc(1, sizeof(*p));
    if (!p)
        return NULL;
    (void)snprintf(p->id, sizeof(p->id), "%s", id);
    p->next = w->first;
    w->first = p;
    return p;
}

static void forget(struct watched *p)
{
    PQfinish(p->source);
    mr_free(p->catalog);
    mr_free(p);
}

/* Those that nobody has asked for in this round run no more. */
static void sweep(struct watch *w)
{
    struct watched **at = &w->first;

    while (*at) {
        struct watched *p = *at;

        if (p->round == w->round) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        forget(p);
    }
}

/* ---- starting again ----------------------------------------------------------------------- */

/* A failed task that ran for a while in between counts as mended. */
static void restart_failed(struct watch *w, struct watched *p, struct seen *seen, const char *name,
                           const struct mr_connector_status *s)
{
    uint64_t now = mr_mono_ms();
    int64_t pause = 1000;

    if (strcmp(s->worst, "FAILED") != 0)
        return;
    if (p->restarts >= w->m->env.cfg->task_restarts) {
        seen->gave_up = true;
        return;
    }
    if (now < p->restart_ms)
        return;
    for (int i = 0; i < p->restarts && pause < RESTART_MS_MAX; i++)
        pause *= 2;
    p->restarts++;
    p->restart_ms = now + (uint64_t)(pause < RESTART_MS_MAX ? pause : RESTART_MS_MAX);
    p->well_since_ms = 0;
    mr_metric_add(w->restarts, 1);
    LOG_WARN("task_restarted", F_STR("connector", name), F_STR("pipeline_id", p->id),
             F_INT("attempt", p->restarts));
    if (mr_connect_restart(w->connect, name, true) != MR_OK)
        LOG_WARN("task_restart_failed", F_STR("connector", name),
                 F_STR("why", mr_connect_why(w->connect)));
}

static void count_well(struct watched *p, bool well)
{
    uint64_t now = mr_mono_ms();

    if (!well) {
        p->well_since_ms = 0;
        return;
    }
    if (p->well_since_ms == 0)
        p->well_since_ms = now;
    if (now - p->well_since_ms > 60000)
        p->restarts = 0;
}

static int give_up_now(struct watch *w, const char *id, const char *why)
{
    static const struct mr_audit_entry entry = {.actor = "millrace",
                                                .action = "pipeline.give_up",
                                                .resource_type = "pipeline",
                                                .before = "{\"status\":\"RUNNING\"}",
                                                .after = "{\"status\":\"ERROR\"}"};
    struct mr_audit_entry e = entry;
    int rc = mr_pipelines_move(w->db, id, "RUNNING", "ERROR");

    e.resource_id = id;
    if (rc == MR_OK)
        rc = mr_pipelines_note(w->db, id, why);
    return rc == MR_OK ? mr_audit_add(w->db, &e) : rc;
}

/* Past the ceiling it is an ERROR, for somebody to look at. */
static int give_up(struct watch *w, const struct seen *s)
{
    const struct mr_connector_status *bad = s->source.failed > 0 ? &s->source : &s->sink;
    char why[600];
    int rc = mr_pg_run(w->db, "BEGIN");

    (void)snprintf(why, sizeof(why), "A task has failed %lld times: %s",
                   (long long)w->m->env.cfg->task_restarts + 1, bad->cause);
    if (rc == MR_OK)
        rc = give_up_now(w, s->id, why);
    if (rc == MR_OK)
        return mr_pg_run(w->db, "COMMIT");
    if (mr_pg_run(w->db, "ROLLBACK") != MR_OK)
        return MR_E_DB;
    return rc == MR_E_CONFLICT ? MR_OK : rc; /* somebody was faster */
}

/* ---- figures ------------------------------------------------------------------------------ */

static void add_up(struct watch_sums *sums, const struct seen *s)
{
    sums->watched++;
    sums->degraded += s->running && s->stuck[0];
    if (s->slot.there && s->slot.lag_bytes > sums->lag_bytes_max)
        sums->lag_bytes_max = s->slot.lag_bytes;
    if (s->slot.there && s->slot.retained_bytes > sums->retained_bytes_max)
        sums->retained_bytes_max = s->slot.retained_bytes;
}

static void publish(const struct watch_sums *sums)
{
    mr_metric_set(
        mr_metric_gauge("millrace_pipelines_watched", "pipelines that this process looks at", NULL),
        sums->watched);
    mr_metric_set(mr_metric_gauge("millrace_pipelines_degraded",
                                  "of them running, but something stands still", NULL),
                  sums->degraded);
    mr_metric_set(mr_metric_gauge("millrace_slot_lag_bytes_max",
                                  "WAL that the slot furthest behind has still to read", NULL),
                  (double)sums->lag_bytes_max);
    mr_metric_set(mr_metric_gauge("millrace_slot_retained_bytes_max",
                                  "WAL that a source keeps for a slot, the most", NULL),
                  (double)sums->retained_bytes_max);
}

/* ---- a round ------------------------------------------------------------------------------ */

/* What the row says already is not written again. */
static int write_health(struct watch *w, const struct seen *s, const PGresult *row, int i)
{
    const char *health = !s->running ? "" : s->stuck[0] ? "DEGRADED" : "HEALTHY";
    const char *reason = s->running && s->stuck[0] ? s->reason : "";

    if (strcmp(PQgetvalue(row, i, 2), health) == 0 && strcmp(PQgetvalue(row, i, 3), reason) == 0)
        return MR_OK;
    return mr_evidence_health(w->db, s->id, health[0] ? health : NULL, reason[0] ? reason : NULL);
}

static int look_at(struct watch *w, const char *id, const PGresult *row, int i)
{
    struct watched *p = watched_of(w, id);
    struct mr_buf body = MR_BUF_INIT(4u << 20);
    struct mr_plan plan;
    struct seen s = {.id = id};
    char why[512] = "";
    int rc;

    if (!p)
        return MR_E_NOMEM;
    p->round = w->round;
    rc = mr_plan_load(&plan, w->db, &w->m->env, id, why, sizeof(why));
    if (rc != MR_OK)
        return rc == MR_E_DB ? rc : MR_OK;
    s.running = strcmp(plan.status, "RUNNING") == 0;
    s.heartbeat_age_ms = PQgetisnull(row, i, 1) ? -1 : mr_pg_i64(row, i, 1);
    watch_connectors(w, &plan, &s);
    watch_source(w, p, &plan, &s);
    watch_topics(w, p, &plan, &s);
    rc = watch_load(w, &plan, &s);
    if (s.running) {
        restart_failed(w, p, &s, plan.source_connector, &s.source);
        restart_failed(w, p, &s, plan.sink_connector, &s.sink);
    } else {
        p->restarts = 0; /* whoever starts it again has seen to it */
    }
    watch_judge(w, p, &plan, &s);
    add_up(&w->sums, &s);
    count_well(p, s.stuck[0] == '\0');
    watch_write(p, &plan, &s, &body);
    if (rc == MR_OK)
        rc = mr_buf_err(&body);
    if (rc == MR_OK)
        rc = mr_evidence_write(w->db, id, mr_buf_cstr(&body));
    if (rc == MR_OK)
        rc = write_health(w, &s, row, i);
    if (rc == MR_OK)
        rc = watch_schema(w, p, &plan, &s);
    if (rc == MR_OK && s.gave_up)
        rc = give_up(w, &s);
    mr_buf_free(&body);
    mr_plan_free(&plan);
    return rc;
}

static int look_around(struct watch *w)
{
    static const char all[] =
        "SELECT p.id, (extract(epoch FROM now() - k.heartbeat_logged_at) * 1000)::bigint, "
        "coalesce(p.health, ''), coalesce(p.health_reason, '') "
        "FROM pipelines p LEFT JOIN pipeline_counters k ON k.pipeline_id = p.id "
        "WHERE p.engine = 'connect' AND p.deleted_at IS NULL AND (p.status IN ('RUNNING', "
        "'PAUSED') OR (p.slot_name IS NOT NULL AND p.status IN ('STOPPED', 'ERROR') "
        "AND p.mode <> 'full_load_only')) ORDER BY p.id";
    PGresult *res = NULL;
    int rc = mr_pg_exec(w->db, all, 0, NULL, &res);

    w->round++;
    w->sums = (struct watch_sums){0};
    if (rc == MR_OK && PQntuples(res) > 0)
        watch_begin(w);
    for (int i = 0; rc == MR_OK && i < PQntuples(res) && !atomic_load(&w->m->stopping); i++)
        rc = look_at(w, PQgetvalue(res, i, 0), res, i);
    PQclear(res);
    sweep(w);
    publish(&w->sums);
    return rc;
}

/* The lock is held for as long as the connection lives. */
static int be_the_one(struct mr_pg *db, bool *us)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(db, "SELECT pg_try_advisory_lock(hashtextextended('millrace.monitor', 0))",
                        0, NULL, &res);

    *us = rc == MR_OK && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return rc;
}

static void watch_on(struct watch *w)
{
    bool us = false;
    int rc = MR_OK;

    while (rc == MR_OK && !atomic_load(&w->m->stopping)) {
        uint64_t from = mr_mono_ms();
        int64_t took;

        if (!us)
            rc = be_the_one(w->db, &us);
        if (rc == MR_OK && us)
            rc = look_around(w);
        took = (int64_t)(mr_mono_ms() - from);
        if (rc == MR_OK && took < w->m->env.cfg->monitor_ms)
            mr_manager_pause(w->m, w->m->env.cfg->monitor_ms - took);
    }
}

static bool stops(void *m)
{
    return atomic_load(&((struct mr_manager *)m)->stopping);
}

void mr_monitor_run(struct mr_manager *m)
{
    struct watch w = {.m = m,
                      .restarts = mr_metric_counter("millrace_task_restarts_total",
                                                    "failed connector tasks started again", NULL)};

    if (mr_connect_new(&w.connect, m->env.cfg->connect_url, CONNECT_MS, stops, m) != MR_OK)
        return;
    mr_buf_init(&w.statuses, 64u << 20);
    while (!atomic_load(&m->stopping)) {
        if (mr_manager_connect(m, "millrace-monitor", &w.db) == MR_OK)
            watch_on(&w);
        mr_pg_close(w.db);
        w.db = NULL;
        if (!atomic_load(&m->stopping))
            mr_manager_pause(m, 1000);
    }
    w.round++;
    sweep(&w);
    watch_end(&w);
    mr_buf_free(&w.statuses);
    mr_connect_free(w.connect);
}
