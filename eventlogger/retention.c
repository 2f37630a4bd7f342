/* retention.c - the log's partitions: a day each, made ahead of time, dropped whole when too old.
 *
 * A partition is named after its day in UTC (pipeline_runs_20261120). Several loggers may do this
 * at once: an advisory lock lets one of them work and the others pass by. Rows that landed in the
 * default partition because no day fitted stay there; only then can that day not be made any more,
 * which is no fault.
 */
#include "base/clock.h"
#include "base/log.h"
#include "el.h"

#include <stdio.h>
#include <stdlib.h>

#define DAYS_AHEAD   3
#define DAY_US       86400000000LL

#define SQL_TRY_LOCK "SELECT pg_try_advisory_xact_lock(7023418878)"
#define SQL_PARTITIONS                                                                             \
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"                    \
    " WHERE i.inhparent = 'pipeline_runs'::regclass"                                               \
    " AND c.relname ~ '^pipeline_runs_[0-9]{8}$'"
#define SQL_IN_DEFAULT                                                                             \
    "SELECT EXISTS (SELECT 1 FROM pipeline_runs_default WHERE started_at >= $1::timestamptz"       \
    " AND started_at < $2::timestamptz)"

static void day_name(int64_t us, char out[32])
{
    char t[MR_TIME_TEXT];

    mr_time_format(us, t);
    (void)snprintf(out, 32, "pipeline_runs_%.4s%.2s%.2s", t, t + 5, t + 8);
}

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
    if (rc != MR_OK)
        return rc;
    taken = mr_span_is(mr_pg_span(res, 0, 0), "t");
    PQclear(res);
    if (taken)
        return MR_OK;
    /* The name and the bounds are made here, of digits: DDL takes no parameters. */
    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE IF NOT EXISTS %s PARTITION OF pipeline_runs"
                   " FOR VALUES FROM ('%s') TO ('%s')",
                   name, from, to);
    return mr_pg_run(c, sql);
}

static int drop_old(struct mr_pg *c, const PGresult *names, const char *oldest)
{
    int rc = MR_OK;

    for (int i = 0; i < PQntuples(names) && rc == MR_OK; i++) {
        const char *name = PQgetvalue(names, i, 0);
        char sql[96];

        if (strcmp(name, oldest) >= 0)
            continue;
        (void)snprintf(sql, sizeof(sql), "DROP TABLE %s",
                       name); /* matched ^pipeline_runs_[0-9]{8}$ */
        rc = mr_pg_run(c, sql);
        if (rc == MR_OK)
            LOG_INFO("log_partition_dropped", F_STR("partition", name));
    }
    return rc;
}

int el_retention_run(struct mr_pg *c, int64_t retention_days)
{
    int64_t today = mr_wall_us() / DAY_US * DAY_US;
    PGresult *lock = NULL, *names = NULL;
    char oldest[32];
    int rc = mr_pg_run(c, "BEGIN");

    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_TRY_LOCK, 0, NULL, &lock);
    if (rc != MR_OK || !mr_span_is(mr_pg_span(lock, 0, 0), "t"))
        goto out;
    rc = mr_pg_exec(c, SQL_PARTITIONS, 0, NULL, &names);
    for (int d = 0; d <= DAYS_AHEAD && rc == MR_OK; d++) {
        char name[32];

        day_name(today + d * DAY_US, name);
        if (!exists(names, name))
            rc = make_day(c, today + d * DAY_US, name);
    }
    day_name(today - retention_days * DAY_US, oldest);
    if (rc == MR_OK)
        rc = drop_old(c, names, oldest);
out:
    PQclear(lock);
    PQclear(names);
    if (rc == MR_OK)
        return mr_pg_run(c, "COMMIT");
    if (mr_pg_run(c, "ROLLBACK") != MR_OK)
        rc = MR_E_DB;
    return rc;
}
