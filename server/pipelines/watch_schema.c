/* watch_schema.c - has a table of the source another shape than when the pipeline last took notice?
 *
 * An added column flows through: the sink adds it to the target with the first record that has it.
 * What no sink does by itself goes by the pipeline's policy:
 *
 *   evolve  dropped: the column stays in the target with what it had, and may be NULL from now on;
 *           renamed: the same, and there is one of the new name, which rows get as they change
 * (they can't be moved over: records of both names are on their way); retyped: so is the target's
 *   pause   the pipeline is paused; resume says that somebody has seen to it
 *   ignore  it is shown, and that is all */
#include "base/clock.h"
#include "base/log.h"
#include "pipelines/pg_tables.h"
#include "pipelines/watch.h"
#include "proto/alloc.h"
#include "store/catalogs.h"
#include "store/jobs.h"
#include "store/pipelines.h"
#include <stdio.h>

#define SOURCE_MS 5000

/* clang-format off */
static const char SQL_CATALOG[] =
    "SELECT coalesce(json_agg(t ORDER BY t->>'table'), '[]') FROM (SELECT json_build_object('table', n.nspname || '.' || c.relname, "
    "'columns', json_agg(json_build_object('n', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) "
    "ORDER BY a.attnum)) AS t FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid "
    "JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "WHERE p.pubname = $1 GROUP BY n.nspname, c.relname) x";
/* clang-format on */

/* One difference, as the database's row tells it. */
struct change {
    const char *table, *what, *before, *now, *type_before, *type_now;
};

/* ---- evolve ------------------------------------------------------------------------------- */

static void statement(const struct mr_plan *plan, const struct change *c, struct mr_buf *sql)
{
    struct mr_buf schema = MR_BUF_INIT(1024), target = MR_BUF_INIT(1024);
    const char *dot = strchr(c->table, '.');

    mr_buf_add(&schema, c->table, (size_t)(dot - c->table));
    mr_plan_target_name(plan, mr_buf_cstr(&schema), dot + 1, &target);
    mr_buf_add_str(sql, "SET lock_timeout = '5s'; ALTER TABLE ");
    mr_pg_quote2(sql, mr_plan_target_schema(plan), mr_buf_cstr(&target));
    mr_buf_add_str(sql, " ALTER COLUMN ");
    mr_pg_quote(sql, c->before);
    if (strcmp(c->what, "retyped") == 0) {
        mr_buf_addf(sql, " TYPE %s USING ", c->type_now);
        mr_pg_quote(sql, c->before);
        mr_buf_addf(sql, "::text::%s", c->type_now);
    } else {
        mr_buf_add_str(sql, " DROP NOT NULL");
    }
    if (strcmp(c->what, "renamed") == 0) {
        mr_buf_add_str(sql, ", ADD COLUMN IF NOT EXISTS ");
        mr_pg_quote(sql, c->now);
        mr_buf_addf(sql, " %s", c->type_now);
    }
    mr_buf_free(&schema);
    mr_buf_free(&target);
}

/* What was done about it, as a sentence. */
static void evolve(const struct mr_plan *plan, const struct change *c, char *done, size_t size)
{
    struct mr_buf sql = MR_BUF_INIT(8192);
    struct mr_database d = plan->target.opened.db;
    char why[400] = "";
    PGconn *target;
    int rc = MR_E_UNAVAIL;

    if (strcmp(d.type, "postgresql") != 0) {
        (void)snprintf(done, size, "The target is not a PostgreSQL: change it by hand.");
        return;
    }
    d.use = MR_DB_WORK;
    statement(plan, c, &sql);
    target = pgdb_open(&d, why, sizeof(why));
    if (target)
        rc = pgdb_run(target, mr_buf_cstr(&sql), why, sizeof(why));
    PQfinish(target);
    mr_buf_free(&sql);
    if (rc != MR_OK)
        (void)snprintf(done, size, "The target could not be changed: %s", why);
    else if (strcmp(c->what, "retyped") == 0)
        (void)snprintf(done, size, "The target's column has the new type.");
    else if (strcmp(c->what, "renamed") == 0)
        (void)snprintf(done, size,
                       "The target has both columns: %s keeps what it had, %s is filled as rows "
                       "change. A resync fills it for all.",
                       c->before, c->now);
    else
        (void)snprintf(done, size,
                       "The target keeps column %s with what it had; it may be NULL from now on.",
                       c->before);
}

/* ---- pause -------------------------------------------------------------------------------- */

static int pause_it(struct watch *w, const struct mr_plan *plan, const struct change *c)
{
    struct mr_buf options = MR_BUF_INIT(4096);
    char job[MR_UUID_TEXT], why[400];
    int rc;

    (void)snprintf(why, sizeof(why),
                   "Paused, as its schema_change_policy says: column %s of %s was %s. Change the "
                   "target, then resume; or resync.",
                   c->before, c->table, c->what);
    LOG_WARN("pipeline_paused_by_schema", F_STR("pipeline_id", plan->id), F_STR("table", c->table),
             F_STR("column", c->before));
    mr_buf_add_str(&options, "{\"why\":");
    mr_json_add_string(&options, mr_span_str(why));
    mr_buf_add_char(&options, '}');
    rc = mr_jobs_add(w->db, plan->id, "pause", mr_buf_cstr(&options), "millrace", job);
    mr_buf_free(&options);
    return rc;
}

/* ---- noticing ----------------------------------------------------------------------------- */

static struct change change_of(const PGresult *res, int i)
{
    return (struct change){PQgetvalue(res, i, 0), PQgetvalue(res, i, 1), PQgetvalue(res, i, 2),
                           PQgetvalue(res, i, 3), PQgetvalue(res, i, 4), PQgetvalue(res, i, 5)};
}

static bool is_breaking(const struct change *c)
{
    return strcmp(c->what, "dropped") == 0 || strcmp(c->what, "renamed") == 0 ||
           strcmp(c->what, "retyped") == 0;
}

static void describe(const struct mr_plan *plan, const struct change *c, const char *done,
                     struct mr_buf *json)
{
    char now[MR_TIME_TEXT];

    mr_time_format(mr_wall_us(), now);
    mr_buf_addf(json, "%s{\"seen_at\":\"%s\",\"policy\":\"%s\"", json->len > 1 ? "," : "", now,
                plan->policy);
    mr_json_add_member(json, "table", c->table);
    mr_json_add_member(json, "change", c->what);
    mr_json_add_member(json, "column", c->before[0] ? c->before : c->now);
    mr_json_add_member(json, "new_name", strcmp(c->what, "renamed") == 0 ? c->now : "");
    mr_json_add_member(json, "type", c->type_before[0] ? c->type_before : c->type_now);
    mr_json_add_member(json, "new_type", strcmp(c->what, "retyped") == 0 ? c->type_now : "");
    mr_json_add_member(json, "done", done);
    mr_buf_add_char(json, '}');
}

static int notice(struct watch *w, const struct mr_plan *plan, const char *catalog)
{
    struct mr_buf json = MR_BUF_INIT(8u << 20);
    PGresult *changes = NULL;
    int rc = mr_catalogs_compare(w->db, plan->id, catalog, &changes);
    bool paused = false;

    mr_buf_add_char(&json, '[');
    for (int i = 0; rc == MR_OK && i < PQntuples(changes); i++) {
        struct change c = change_of(changes, i);
        char done[500] = "";

        if (is_breaking(&c) && strcmp(plan->policy, "evolve") == 0) {
            evolve(plan, &c, done, sizeof(done));
        } else if (is_breaking(&c) && strcmp(plan->policy, "pause") == 0) {
            (void)snprintf(done, sizeof(done), "The pipeline is paused.");
            rc = paused ? MR_OK : pause_it(w, plan, &c);
            paused = true;
        } else if (strcmp(c.what, "added") == 0) {
            (void)snprintf(done, sizeof(done), "The sink adds it with the first record of it.");
        }
        LOG_WARN("schema_changed", F_STR("pipeline_id", plan->id), F_STR("table", c.table),
                 F_STR("change", c.what), F_STR("column", c.before[0] ? c.before : c.now));
        describe(plan, &c, done, &json);
    }
    mr_buf_add_char(&json, ']');
    if (rc == MR_OK)
        rc = mr_buf_err(&json);
    if (rc == MR_OK)
        rc = mr_catalogs_keep(w->db, plan->id, catalog,
                              PQntuples(changes) > 0 ? mr_buf_cstr(&json) : NULL);
    PQclear(changes);
    mr_buf_free(&json);
    return rc;
}

int watch_schema(struct watch *w, struct watched *p, const struct mr_plan *plan,
                 const struct seen *s)
{
    char why[300];
    const char *now;
    PGresult *res;
    int rc = MR_OK;

    if (!p->source || !s->running || plan->mode == MR_MODE_FULL_LOAD_ONLY)
        return MR_OK;
    res = pgdb_query(p->source, mr_mono_ms() + SOURCE_MS, SQL_CATALOG, 1,
                     (const char *[]){plan->publication}, why, sizeof(why));
    if (!res)
        return MR_OK; /* the next look knows why */
    now = PQgetvalue(res, 0, 0);
    if (strcmp(now, "[]") != 0 && (!p->catalog || strcmp(now, p->catalog) != 0)) {
        rc = notice(w, plan, now);
        mr_free(p->catalog);
        p->catalog = rc == MR_OK ? mr_strdup(now) : NULL;
    }
    PQclear(res);
    return rc;
}
