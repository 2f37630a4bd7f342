/* pg_source.c - publication, slot, snapshot. The order matters: a publication that is made after
 * the slot may not be seen by it. */
#include "pipelines/pg_source.h"
#include "base/clock.h"
#include <poll.h>
#include <stdio.h>

#define SQL_MAX (8u << 20)

/* clang-format off */
static const char SQL_SLOT[] =
    "WITH w AS (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS cur) "
    "SELECT s.active, s.plugin, s.wal_status, s.confirmed_flush_lsn, w.cur, "
    "coalesce(pg_wal_lsn_diff(w.cur, s.confirmed_flush_lsn), 0)::bigint, "
    "coalesce(pg_wal_lsn_diff(w.cur, s.restart_lsn), 0)::bigint, coalesce(s.safe_wal_size, -1) "
    "FROM w LEFT JOIN pg_replication_slots s ON s.slot_name = $1";
/* clang-format on */

static void add_tables(struct mr_buf *sql, const struct mr_pg_tables *t)
{
    for (size_t i = 0; i < t->n; i++) {
        mr_buf_add_str(sql, i > 0 ? ", " : " ");
        mr_pg_quote2(sql, t->list[i].schema, t->list[i].name);
    }
}

int mr_pg_publish(PGconn *source, const struct mr_plan *p, const struct mr_pg_tables *t, char *why,
                  size_t size)
{
    struct mr_buf sql = MR_BUF_INIT(SQL_MAX);
    int rc;

    mr_buf_add_str(&sql, "CREATE PUBLICATION ");
    mr_pg_quote(&sql, p->publication);
    mr_buf_add_str(&sql, " FOR TABLE");
    add_tables(&sql, t);
    mr_buf_add_str(&sql, " WITH (publish_via_partition_root = true)");
    rc = pgdb_run(source, mr_buf_cstr(&sql), why, size);
    if (rc == MR_E_CONFLICT) {
        mr_buf_clear(&sql);
        mr_buf_add_str(&sql, "ALTER PUBLICATION ");
        mr_pg_quote(&sql, p->publication);
        mr_buf_add_str(&sql, " SET TABLE");
        add_tables(&sql, t);
        rc = pgdb_run(source, mr_buf_cstr(&sql), why, size);
    }
    mr_buf_free(&sql);
    return rc;
}

static void keep(char *out, size_t size, const PGresult *res, int col)
{
    (void)snprintf(out, size, "%s", PQgetvalue(res, 0, col));
}

int mr_pg_slot_look(PGconn *source, const char *name, uint64_t deadline_ms, struct mr_pg_slot *out,
                    char *why, size_t size)
{
    PGresult *res = pgdb_query(source, deadline_ms, SQL_SLOT, 1, &name, why, size);

    *out = (struct mr_pg_slot){0};
    if (!res)
        return MR_E_UNAVAIL;
    out->there = !PQgetisnull(res, 0, 0);
    out->active = PQgetvalue(res, 0, 0)[0] == 't';
    keep(out->plugin, sizeof(out->plugin), res, 1);
    keep(out->wal_status, sizeof(out->wal_status), res, 2);
    keep(out->confirmed, sizeof(out->confirmed), res, 3);
    keep(out->current, sizeof(out->current), res, 4);
    out->lag_bytes = mr_pg_i64(res, 0, 5);
    out->retained_bytes = mr_pg_i64(res, 0, 6);
    out->safe_bytes = mr_pg_i64(res, 0, 7);
    PQclear(res);
    return MR_OK;
}

/* ---- snapshots ---------------------------------------------------------------------------- */

/* The answer to what was sent, however long it takes; NULL: given up. */
static PGresult *wait_for(PGconn *conn, bool (*give_up)(void *ctx), void *ctx)
{
    PGresult *res = NULL, *next;

    for (;;) {
        while (PQisBusy(conn)) {
            struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};

            if (poll(&p, 1, 200) < 0 || give_up(ctx)) {
                PQclear(res);
                return NULL;
            }
            if ((p.revents & (POLLIN | POLLERR | POLLHUP)) && !PQconsumeInput(conn))
                break;
        }
        next = PQgetResult(conn);
        if (!next)
            return res;
        PQclear(res);
        res = next;
    }
}

int mr_pg_slot_make(const struct mr_plan *p, struct mr_pg_snapshot *out, bool (*give_up)(void *ctx),
                    void *ctx, char *why, size_t size)
{
    struct mr_database d = p->source.opened.db;
    struct mr_buf sql = MR_BUF_INIT(512);
    PGresult *res = NULL;
    int rc = MR_E_UNAVAIL;

    *out = (struct mr_pg_snapshot){0};
    d.use = MR_DB_REPLICATE;
    out->holder = pgdb_open(&d, why, size);
    if (!out->holder)
        return rc;
    mr_buf_add_str(&sql, "CREATE_REPLICATION_SLOT ");
    mr_pg_quote(&sql, p->slot);
    mr_buf_add_str(&sql, " LOGICAL pgoutput EXPORT_SNAPSHOT");
    if (PQsendQuery(out->holder, mr_buf_cstr(&sql))) {
        res = wait_for(out->holder, give_up, ctx);
        rc = res || !give_up(ctx) ? pgdb_result(out->holder, res, why, size) : MR_E_CLOSED;
    }
    mr_buf_free(&sql);
    if (rc == MR_OK) { /* slot_name, consistent_point, snapshot_name, output_plugin */
        keep(out->lsn, sizeof(out->lsn), res, 1);
        keep(out->name, sizeof(out->name), res, 2);
    } else {
        mr_pg_snapshot_free(out);
    }
    PQclear(res);
    return rc;
}

int mr_pg_snapshot_take(const struct mr_plan *p, struct mr_pg_snapshot *out, char *why, size_t size)
{
    PGresult *res = NULL;
    int rc;

    *out = (struct mr_pg_snapshot){0};
    out->holder = pgdb_open(&p->source.opened.db, why, size);
    if (!out->holder)
        return MR_E_UNAVAIL;
    rc = pgdb_run(out->holder, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", why, size);
    if (rc == MR_OK) {
        res = PQexec(out->holder, "SELECT pg_export_snapshot(), CASE WHEN pg_is_in_recovery() "
                                  "THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END");
        rc = pgdb_result(out->holder, res, why, size);
    }
    if (rc == MR_OK) {
        keep(out->name, sizeof(out->name), res, 0);
        keep(out->lsn, sizeof(out->lsn), res, 1);
    } else {
        mr_pg_snapshot_free(out);
    }
    PQclear(res);
    return rc;
}

void mr_pg_snapshot_free(struct mr_pg_snapshot *s)
{
    PQfinish(s->holder);
    s->holder = NULL;
}

/* ---- and away with it --------------------------------------------------------------------- */

int mr_pg_slot_drop(PGconn *source, const char *name, char *why, size_t size)
{
    PGresult *res = PQexecParams(source,
                                 "SELECT pg_drop_replication_slot(slot_name) FROM "
                                 "pg_replication_slots WHERE slot_name = $1",
                                 1, NULL, &name, NULL, NULL, 0);
    int rc = pgdb_result(source, res, why, size);

    PQclear(res);
    return rc == MR_E_NOTFOUND ? MR_OK : rc;
}

int mr_pg_unpublish(PGconn *source, const char *name, char *why, size_t size)
{
    struct mr_buf sql = MR_BUF_INIT(512);
    int rc;

    mr_buf_add_str(&sql, "DROP PUBLICATION IF EXISTS ");
    mr_pg_quote(&sql, name);
    rc = pgdb_run(source, mr_buf_cstr(&sql), why, size);
    mr_buf_free(&sql);
    return rc;
}
