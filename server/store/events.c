/* events.c - the event list, the dashboard's sums and the dead letters.
 *
 * Two statements instead of one with "$1 IS NULL OR": a generic plan of that form could not use the
 * index on (pipeline_id, seq), and a page of a quiet pipeline would read the whole log. */
#include "store/events.h"
#include "store/letters.h"
#include "store/rows.h"
#include <stdio.h>

/* clang-format off */

#define FILTER                                                                                     \
    "r.run_type = 'CDC' AND r.deleted_at IS NULL AND r.event IS NOT NULL "                         \
    "AND r.seq > $1::bigint AND r.seq < $2::bigint "                                               \
    "AND ($3::text IS NULL OR r.op_kind = ANY (string_to_array($3, ','))) AND ($4::text IS NULL OR r.table_name = $4) "        \
    "AND ($5::text IS NULL OR r.schema_name = $5) AND ($6::text IS NULL OR r.status = $6) "        \
    "AND ($7::timestamptz IS NULL OR r.started_at >= $7::timestamptz) "                            \
    "AND ($8::timestamptz IS NULL OR r.started_at < $8::timestamptz) "                             \
    "AND ($9::text IS NULL OR position(lower($9) in lower(r.event)) > 0) "                         \
    "AND ($12::text IS NULL OR r.run_metadata->>'tx_id' = $12 "                                    \
    "OR r.run_metadata->'source'->>'tx_id' = $12) "
#define NEWEST      "ORDER BY r.seq DESC LIMIT $10::bigint"
#define OF_ALL      "AND r.pipeline_id <> ALL ($11::uuid[]) "
#define OF_PIPELINE "AND r.pipeline_id = $11::uuid "

static const char SQL_ALL[] =
    "SELECT r.event, r.seq FROM pipeline_runs r WHERE " FILTER OF_ALL NEWEST;
static const char SQL_OF_PIPELINE[] =
    "SELECT r.event, r.seq FROM pipeline_runs r WHERE " FILTER OF_PIPELINE NEWEST;

/* As many of them as 512 KiB hold, and always one. */
#define LINE_JSON "x.event"
#define M(path)   MR_SQL_CELL("(x.run_metadata" path ")")
#define LINE_CSV                                                                                   \
    "x.seq || ',' || coalesce(x.pipeline_seq::text, '') || ',' || x.id || ',' || x.pipeline_id "   \
    "|| ',' || x.op_kind || ',' || " MR_SQL_CELL("x.schema_name") " || ',' || "                    \
    MR_SQL_CELL("x.table_name") " || ',' || " MR_SQL_TIME("x.started_at") " || ',' || "            \
    "coalesce(x.run_metadata->>'latency_ms', '') || ',' || " M("->'source'->>'position'")          \
    " || ',' || " M("->'source'->>'tx_id'") " || ',' || " M("->>'topic'") " || ',' || "            \
    "coalesce(x.run_metadata->>'partition', '') || ',' || "                                        \
    "coalesce(x.run_metadata->>'offset', '') || ',' || " M("->>'key'") " || ',' || "               \
    M("->>'before'") " || ',' || " M("->>'after'")
#define SQL_PIECE(line, which)                                                                     \
    "SELECT " line ", x.seq FROM (SELECT r.*, sum(octet_length(r.event)) OVER (ORDER BY r.seq "    \
    "DESC) - octet_length(r.event) AS ahead FROM (SELECT r.* FROM pipeline_runs r WHERE "          \
    FILTER which NEWEST ") r) x WHERE x.ahead < 524288 ORDER BY x.seq DESC"
static const char *const SQL_PIECES[2][2] = {
    {SQL_PIECE(LINE_JSON, OF_ALL), SQL_PIECE(LINE_JSON, OF_PIPELINE)},
    {SQL_PIECE(LINE_CSV, OF_ALL), SQL_PIECE(LINE_CSV, OF_PIPELINE)},
};
#define PIECE_ROWS 2000

#define SUMS                                                                                       \
    "SELECT coalesce(sum(insert_count + update_count + delete_count + other_count), 0), "          \
    "coalesce(sum(insert_count), 0), coalesce(sum(update_count), 0), "                             \
    "coalesce(sum(delete_count), 0), coalesce(sum(other_count), 0), "                              \
    "coalesce(sum(failed_count), 0), coalesce(sum(snapshot_count), 0), "                           \
    "coalesce(sum(tombstone_count), 0), coalesce(sum(skipped_count), 0), "                         \
    "round(sum(latency_sum_ms)::numeric / nullif(sum(latency_count), 0), 3), "                     \
    MR_SQL_TIME("max(last_event_at)") " FROM pipeline_counters "
static const char SQL_SUMS[] = SUMS "WHERE pipeline_id <> ALL ($1::uuid[])";
static const char SQL_SUMS_OF[] = SUMS "WHERE pipeline_id = $1::uuid";

/* Over the newest events: what it is now, at a cost that stays the same whatever the log's length.
 * The rate is of the last 10 s, or of the time that those events took when it was less. Those of one
 * pipeline lie scattered among the others', a page each, so that they are fewer. */
#define RECENT(n, which)                                                                           \
    "SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY l), round((count(*) FILTER "              \
    "(WHERE t > now() - interval '10 s') / CASE WHEN count(*) = " n " THEN "                       \
    "least(10, greatest(0.001, extract(epoch FROM now() - min(t)))) ELSE 10 END)::numeric, 3) "    \
    "FROM (SELECT started_at AS t, (run_metadata->>'latency_ms')::float8 AS l "                    \
    "FROM pipeline_runs WHERE run_type = 'CDC' AND deleted_at IS NULL AND " which                  \
    " ORDER BY seq DESC LIMIT " n ") n"
static const char SQL_RECENT[] = RECENT("2000", "pipeline_id <> ALL ($1::uuid[])");
static const char SQL_RECENT_OF[] = RECENT("250", "pipeline_id = $1::uuid");

static const char SQL_STATES[] =
    "SELECT status, count(*) FROM pipelines WHERE deleted_at IS NULL "
    "AND ($1::uuid IS NULL OR id = $1::uuid) AND id <> ALL ($2::uuid[]) GROUP BY 1";
/* clang-format on */

static int run(struct mr_pg *c, const struct mr_event_filter *f, int64_t limit, const char *sql,
               PGresult **res)
{
    char after[24], before[24], rows[24];
    const char *params[] = {after,
                            before,
                            f->kinds,
                            f->table,
                            f->schema,
                            f->status,
                            f->from,
                            f->to,
                            f->text,
                            rows,
                            f->pipeline_id ? f->pipeline_id : f->hidden,
                            f->tx_id};

    (void)snprintf(after, sizeof(after), "%lld", (long long)f->after_seq);
    (void)snprintf(before, sizeof(before), "%lld", (long long)f->before_seq);
    (void)snprintf(rows, sizeof(rows), "%lld", (long long)limit);
    return mr_pg_exec(c, sql, 12, params, res);
}

int mr_events_list(struct mr_pg *c, const struct mr_event_filter *f, struct mr_buf *json,
                   struct mr_event_page *page)
{
    PGresult *res = NULL;
    int rc = run(c, f, f->limit + 1, f->pipeline_id ? SQL_OF_PIPELINE : SQL_ALL, &res), n;

    if (rc != MR_OK)
        return rc;
    n = mr_rows_array(res, f->limit, json, &page->more);
    page->last_seq = n > 0 ? mr_pg_i64(res, n - 1, 1) : 0;
    PQclear(res);
    return mr_buf_err(json);
}

int mr_events_piece(struct mr_pg *c, struct mr_event_filter *f, enum mr_event_form form,
                    struct mr_buf *lines, int64_t *rows)
{
    const char *sql = SQL_PIECES[form == MR_EVENTS_CSV][f->pipeline_id != NULL];
    PGresult *res = NULL;
    int rc = run(c, f, f->limit < PIECE_ROWS ? f->limit : PIECE_ROWS, sql, &res), n;

    if (rc != MR_OK)
        return rc;
    n = PQntuples(res);
    for (int i = 0; i < n; i++) {
        mr_buf_add_span(lines, mr_pg_span(res, i, 0));
        mr_buf_add_str(lines, form == MR_EVENTS_CSV ? "\r\n" : "\n");
    }
    if (n > 0)
        f->before_seq = mr_pg_i64(res, n - 1, 1);
    *rows = n;
    PQclear(res);
    return mr_buf_err(lines);
}

int mr_events_get(struct mr_pg *c, const char *id, const char *hidden, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c,
                        "SELECT event FROM pipeline_runs WHERE id = $1::uuid "
                        "AND run_type = 'CDC' AND deleted_at IS NULL AND event IS NOT NULL "
                        "AND pipeline_id <> ALL ($2::uuid[])",
                        2, (const char *[]){id, hidden}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

static void add_value(struct mr_buf *b, const char *name, struct mr_span number)
{
    mr_buf_addf(b, ",\"%s\":", name);
    mr_buf_add_span(b, number.ptr ? number : MR_SPAN("null"));
}

static int add_sums(struct mr_pg *c, const char *pipeline_id, const char *hidden, struct mr_buf *b)
{
    static const char *const names[] = {"insert_count",    "update_count",  "delete_count",
                                        "other_count",     "failed_count",  "snapshot_count",
                                        "tombstone_count", "skipped_count", "avg_latency_ms"};
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, pipeline_id ? SQL_SUMS_OF : SQL_SUMS, 1,
                        pipeline_id ? &pipeline_id : &hidden, &res);

    if (rc != MR_OK)
        return rc;
    mr_buf_add_str(b, "\"total_events\":");
    mr_buf_add_span(b, mr_pg_span(res, 0, 0));
    for (int i = 0; i < 9; i++)
        add_value(b, names[i], mr_pg_span(res, 0, i + 1));
    mr_buf_add_str(b, ",\"last_event_time\":");
    mr_json_add_string_or_null(b, mr_pg_span(res, 0, 10));
    PQclear(res);
    return MR_OK;
}

static int add_states(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                      struct mr_buf *b)
{
    PGresult *res = NULL;
    long long active = 0;
    int rc = mr_pg_exec(c, SQL_STATES, 2, (const char *[]){pipeline_id, hidden}, &res);

    if (rc != MR_OK)
        return rc;
    mr_buf_add_str(b, ",\"pipelines\":{");
    for (int i = 0; i < PQntuples(res); i++) {
        mr_buf_addf(b, "%s\"%s\":%s", i > 0 ? "," : "", PQgetvalue(res, i, 0),
                    PQgetvalue(res, i, 1));
        if (strcmp(PQgetvalue(res, i, 0), "RUNNING") == 0)
            active = mr_pg_i64(res, i, 1);
    }
    mr_buf_addf(b, "},\"active_pipelines\":%lld", active);
    PQclear(res);
    return MR_OK;
}

int mr_events_dashboard(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                        struct mr_buf *b)
{
    char time[40], id[MR_UUID_TEXT];
    PGresult *res = NULL;
    bool more;
    int rc = add_sums(c, pipeline_id, hidden, b);

    if (rc == MR_OK)
        rc = mr_pg_exec(c, pipeline_id ? SQL_RECENT_OF : SQL_RECENT, 1,
                        pipeline_id ? &pipeline_id : &hidden, &res);
    if (rc != MR_OK)
        return rc;
    add_value(b, "p95_latency_ms", mr_pg_span(res, 0, 0));
    add_value(b, "events_per_second", mr_pg_span(res, 0, 1));
    PQclear(res);
    rc = add_states(c, pipeline_id, hidden, b);
    if (rc != MR_OK)
        return rc;
    mr_buf_add_str(b, ",\"recent_errors\":");
    return mr_dead_letters_list(c, pipeline_id, hidden, NULL, NULL, 10, b, &more, time, id);
}
