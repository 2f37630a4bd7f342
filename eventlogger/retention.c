/* retention.c - the log's partitions: a day each, made ahead of time, dropped whole when too old.
 *
 * A partition is named after its day in UTC (pipeline_runs_20261120). Several loggers may do this
 * at once: an advisory lock lets one of them work and the others pass by. Both steps need locks
 * that wait for readers and make later ones wait, so they give up soon and are tried again.
 *
 * Rows that landed in the default partition because no day fitted stay there; that day can then not
 * be made any more, which is no fault. With a partition its rows leave the counters, which always
 * equal what can be counted. */
#include "base/clock.h"
#include "base/log.h"
#include "el.h"

#include <stdio.h>
#include <stdlib.h>

#define DAYS_AHEAD 3
#define DAY_US     86400000000LL
#define NAME_MAX_  32 /* pipeline_runs_20261120 */

static const char SQL_BEGIN[] =
    "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = 0";
static const char SQL_LOCK_MAKE[] = "SELECT pg_try_advisory_xact_lock(7023418878)";
static const char SQL_LOCK_DROP[] = "SELECT pg_try_advisory_xact_lock(7023418879)";
static const char SQL_PARTITIONS[] =
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'pipeline_runs'::regclass AND c.relname ~ '^pipeline_runs_[0-9]{8}$' "
    "ORDER BY 1";
static const char SQL_IN_DEFAULT[] =
    "SELECT EXISTS (SELECT 1 FROM pipeline_runs_default WHERE started_at >= $1::timestamptz "
    "AND started_at < $2::timestamptz)";

/* Between the two stands the partition's name. */
#define SQL_UNCOUNT                                                                                \
    "UPDATE pipeline_counters k SET insert_count = k.insert_count - d.i, "                         \
    "update_count = k.update_count - d.u, delete_count = k.delete_count - d.d, "                   \
    "other_count = k.other_count - d.o, "                                                          \
    "removed_count = k.removed_count + d.i + d.u + d.d + d.o, snapshot_count = k.snapshot_count "  \
    "- d.s, "                                                                                      \
    "latency_count = k.latency_count - d.lc, latency_sum_ms = k.latency_sum_ms - d.ls "            \
    "FROM (SELECT pipeline_id, count(*) FILTER (WHERE op_kind = 'insert') AS i, "                  \
    "count(*) FILTER (WHERE op_kind = 'update') AS u, "                                            \
    "count(*) FILTER (WHERE op_kind = 'delete') AS d, "                                            \
    "count(*) FILTER (WHERE op_kind NOT IN ('insert', 'update', 'delete')) AS o, "                 \
    "count(*) FILTER (WHERE op_kind = 'insert' "                                                   \
    "AND run_metadata->'source'->>'snapshot' <> 'false') AS s, "                                   \
    "count(run_metadata->>'latency_ms') AS lc, "                                                   \
    "coalesce(sum((run_metadata->>'latency_ms')::bigint), 0) AS ls FROM "
#define SQL_UNCOUNT_WHERE                                                                          \
    " WHERE run_type = 'CDC' AND deleted_at IS NULL AND event IS NOT NULL GROUP BY 1) d "          \
    "WHERE k.pipeline_id = d.pipeline_id"

/* What the minutes of that day and of days before say; the name is between the two again. */
#define SQL_FORGET_PIPELINES "DELETE FROM pipeline_minutes WHERE minute < to_date(right('"
#define SQL_FORGET_TABLES    "DELETE FROM table_minutes WHERE minute < to_date(right('"
#define SQL_FORGET_WHEN      "', 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '1 day'"

static void day_name(int64_t us, char out[NAME_MAX_])
{
    char t[MR_TIME_TEXT];

    mr_time_format(us, t);
    (void)snprintf(out, NAME_MAX_, "pipeline_runs_%.4s%.2s%.2s", t, t + 5, t + 8);
}

/* Begin, and be the only one. *alone false: somebody else is at it. */
static int begin_alone(struct mr_pg *c, const char *lock, bool *alone)
{
    PGresult *res = NULL;
    int rc = mr_pg_run(c, SQL_BEGIN);

    if (rc == MR_OK)
        rc = mr_pg_exec(c, lock, 0, NULL, &res);
    *alone = rc == MR_OK && mr_span_is(mr_pg_span(res, 0, 0), "t");
    PQclear(res);
    return rc;
}

static int finish(struct mr_pg *c, int rc)
{
    if (rc == MR_OK)
        return mr_pg_run(c, "COMMIT");
    if (mr_pg_run(c, "ROLLBACK") != MR_OK)
        rc = MR_E_DB;
    return rc;
}

/* ---- made ahead --------------------------------------------------------------------------- */

static bool exists(const PGresult *names, const char *name)
{
    for (int i = 0; i < PQntuples(names); i++)
        if (strcmp(PQgetvalue(names, i, 0), name) == 0)
            return true;
    return false;
}

static int make_day(struct mr_pg *c, int64_t day_us, const char *name)
{
    char from[MR_TIME_TEXT], to[MR_TIME_TEXT], sql[256];
    const char *params[] = {from, to};
    PGresult *res = NULL;
    bool taken;
    int rc;

    mr_time_format(day_us, from);
    mr_time_format(day_us + DAY_US, to);
    rc = mr_pg_exec(c, SQL_IN_DEFAULT, 2, params, &res);
    taken = rc == MR_OK && mr_span_is(mr_pg_span(res, 0, 0), "t");
    PQclear(res);
    if (rc != MR_OK || taken)
        return rc;
    /* Name and bounds are made here, of digits: DDL takes no parameters. */
    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE IF NOT EXISTS %s PARTITION OF pipeline_runs "
                   "FOR VALUES FROM ('%s') TO ('%s')",
                   name, from, to);
    return mr_pg_run(c, sql);
}

int el_retention_make(struct mr_pg *c)
{
    int64_t today = mr_wall_us() / DAY_US * DAY_US;
    PGresult *names = NULL;
    bool alone;
    int rc = begin_alone(c, SQL_LOCK_MAKE, &alone);

    if (rc == MR_OK && alone)
        rc = mr_pg_exec(c, SQL_PARTITIONS, 0, NULL, &names);
    for (int d = 0; d <= DAYS_AHEAD && rc == MR_OK && alone; d++) {
        char name[NAME_MAX_];

        day_name(today + d * DAY_US, name);
        if (!exists(names, name))
            rc = make_day(c, today + d * DAY_US, name);
    }
    PQclear(names);
    return finish(c, rc);
}

/* ---- dropped ------------------------------------------------------------------------------ */

/* sql and more around the name. */
static int run_on(struct mr_pg *c, const char *sql, const char *name, const char *more)
{
    char text[2048];

    (void)snprintf(text, sizeof(text), "%s%s%s", sql, name, more);
    return mr_pg_run(c, text);
}

/* The oldest partition that is past retention; *name empty when there is none. */
static int find_old(struct mr_pg *c, const char *oldest, char name[NAME_MAX_])
{
    PGresult *names = NULL;
    int rc = mr_pg_exec(c, SQL_PARTITIONS, 0, NULL, &names);

    name[0] = '\0';
    if (rc == MR_OK && PQntuples(names) > 0 && strcmp(PQgetvalue(names, 0, 0), oldest) < 0)
        (void)snprintf(name, NAME_MAX_, "%s", PQgetvalue(names, 0, 0));
    PQclear(names);
    return rc;
}

int el_retention_drop(struct mr_pg *c, int64_t retention_days, bool *more)
{
    char oldest[NAME_MAX_], name[NAME_MAX_] = "";
    bool alone;
    int rc = begin_alone(c, SQL_LOCK_DROP, &alone);

    day_name((mr_wall_us() / DAY_US - retention_days) * DAY_US, oldest);
    if (rc == MR_OK && alone)
        rc = find_old(c, oldest, name);
    *more = name[0] != '\0';
    if (rc == MR_OK && *more)
        rc = run_on(c, "LOCK TABLE ", name, " IN ACCESS EXCLUSIVE MODE");
    if (rc == MR_OK && *more)
        rc = run_on(c, SQL_UNCOUNT, name, SQL_UNCOUNT_WHERE);
    if (rc == MR_OK && *more)
        rc = run_on(c, SQL_FORGET_PIPELINES, name, SQL_FORGET_WHEN);
    if (rc == MR_OK && *more)
        rc = run_on(c, SQL_FORGET_TABLES, name, SQL_FORGET_WHEN);
    if (rc == MR_OK && *more)
        rc = run_on(c, "DROP TABLE ", name, "");
    rc = finish(c, rc);
    if (rc == MR_OK && *more)
        LOG_INFO("log_partition_dropped", F_STR("partition", name));
    return rc;
}
