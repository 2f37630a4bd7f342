/* analytics.c - sums of pipeline_minutes and table_minutes. Percentiles come from the histograms,
 * which are added up bucket by bucket in SQL and read here. */
#include "store/analytics.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/uuid.h"
#include "store/rows.h"
#include <stdio.h>
#include <string.h>

#define TABLES_SHOWN    50
#define PIPELINES_SHOWN 50
#define ERRORS_SHOWN    20
#define ERRORS_READ     100000 /* dead letters of the range, the newest */

/* clang-format off */
#define IN_RANGE                                                                                   \
    "k.minute >= to_timestamp($1::bigint / 1000.0) AND k.minute < to_timestamp($2::bigint / 1000.0) " \
    "AND ($3::uuid IS NULL OR k.pipeline_id = $3::uuid) AND k.pipeline_id <> ALL ($4::uuid[]) "
/* A point begins a whole number of steps after the range does. */
#define POINT                                                                                      \
    "($1::bigint + (extract(epoch FROM k.minute)::bigint * 1000 - $1::bigint) / $5::bigint * $5::bigint)"
#define SUMS                                                                                       \
    "sum(k.insert_count), sum(k.update_count), sum(k.delete_count), sum(k.other_count)"
#define TOTAL "sum(k.insert_count + k.update_count + k.delete_count + k.other_count)"

/* The histogram's rows come behind what they belong to: by the same key, bucket NULL first. */
static const char SQL_POINTS[] =
    "SELECT " POINT ", NULL::bigint, " SUMS ", sum(k.latency_count), sum(k.latency_sum_ms) "
    "FROM pipeline_minutes k WHERE " IN_RANGE "GROUP BY 1 UNION ALL "
    "SELECT " POINT ", b.n - 1, sum(b.v), 0, 0, 0, 0, 0 FROM pipeline_minutes k "
    "CROSS JOIN LATERAL unnest(k.latencies) WITH ORDINALITY AS b (v, n) WHERE " IN_RANGE
    "AND b.v > 0 GROUP BY 1, 2 ORDER BY 1, 2 NULLS FIRST";
static const char SQL_PIPELINES[] =
    "WITH top AS (SELECT k.pipeline_id FROM pipeline_minutes k WHERE " IN_RANGE
    "AND $5::bigint > 0 GROUP BY 1 ORDER BY sum(k.latency_sum_ms)::float8 / greatest(sum(k.latency_count), 1) "
    "DESC LIMIT $6::bigint) "
    "SELECT k.pipeline_id, NULL::bigint, " SUMS ", sum(k.latency_count), sum(k.latency_sum_ms) "
    "FROM pipeline_minutes k JOIN top USING (pipeline_id) WHERE " IN_RANGE "GROUP BY 1 UNION ALL "
    "SELECT k.pipeline_id, b.n - 1, sum(b.v), 0, 0, 0, 0, 0 FROM pipeline_minutes k "
    "JOIN top USING (pipeline_id) CROSS JOIN LATERAL unnest(k.latencies) WITH ORDINALITY AS b (v, n) "
    "WHERE " IN_RANGE "AND b.v > 0 GROUP BY 1, 2 ORDER BY 1, 2 NULLS FIRST";
static const char SQL_TABLES[] =
    "SELECT json_build_object('pipeline_id', x.pipeline_id, 'schema_name', nullif(x.schema_name, ''), "
    "'table_name', nullif(x.table_name, ''), 'insert_count', x.i, 'update_count', x.u, "
    "'delete_count', x.d, 'other_count', x.o, 'total_events', x.n) FROM (SELECT k.pipeline_id, "
    "k.schema_name, k.table_name, sum(k.insert_count) AS i, sum(k.update_count) AS u, "
    "sum(k.delete_count) AS d, sum(k.other_count) AS o, " TOTAL " AS n FROM table_minutes k WHERE "
    IN_RANGE "GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT $5::bigint) x";
static const char SQL_ERRORS[] =
    "SELECT json_build_object('reason', x.reason, 'count', x.n, 'last_at', " MR_SQL_TIME("x.last") ") "
    "FROM (SELECT d.reason, count(*) AS n, max(d.created_at) AS last FROM (SELECT reason, created_at "
    "FROM dead_letters k WHERE k.created_at >= to_timestamp($1::bigint / 1000.0) "
    "AND k.created_at < to_timestamp($2::bigint / 1000.0) "
    "AND ($3::uuid IS NULL OR k.pipeline_id = $3::uuid) AND k.pipeline_id <> ALL ($4::uuid[]) "
    "ORDER BY created_at DESC LIMIT $6::bigint) d GROUP BY 1 ORDER BY n DESC, 1 LIMIT $5::bigint) x";

/* Ids are in the order of time, and so the primary key finds where a range ends. */
static const char SQL_LAST_SEQ[] =
    "SELECT seq FROM pipeline_runs WHERE id < $1::uuid AND started_at < to_timestamp($2::bigint / 1000.0) "
    "AND run_type = 'CDC' AND seq IS NOT NULL ORDER BY id DESC LIMIT 1";
#define KEYS(of_pipeline)                                                                          \
    "WITH e AS (SELECT pipeline_id, schema_name, table_name, run_metadata->'key' AS key, started_at " \
    "FROM pipeline_runs k WHERE k.run_type = 'CDC' AND k.deleted_at IS NULL AND k.seq <= $1::bigint " \
    "AND k.started_at >= to_timestamp($2::bigint / 1000.0) AND k.started_at < to_timestamp($3::bigint / 1000.0) " \
    "AND " of_pipeline " ORDER BY k.seq DESC LIMIT $5::bigint) "                                   \
    "SELECT json_build_object('pipeline_id', x.pipeline_id, 'schema_name', x.schema_name, "        \
    "'table_name', x.table_name, 'key', x.key, 'count', x.n, 'last_event_time', " MR_SQL_TIME("x.last") "), " \
    "(SELECT count(*) FROM e) FROM (SELECT pipeline_id, schema_name, table_name, key, count(*) AS n, " \
    "max(started_at) AS last FROM e WHERE key IS NOT NULL AND key <> 'null' AND length(key::text) <= 1000 " \
    "GROUP BY 1, 2, 3, 4 ORDER BY n DESC, last DESC LIMIT $6::bigint) x"
static const char SQL_KEYS[] = KEYS("k.pipeline_id <> ALL ($4::uuid[])");
static const char SQL_KEYS_OF[] = KEYS("k.pipeline_id = $4::uuid");
/* clang-format on */

struct texts {
    char from[24], to[24], step[24], shown[24], read[24];
};

static void write_int(char out[24], int64_t v)
{
    (void)snprintf(out, 24, "%lld", (long long)v);
}

static void add_latency(struct mr_buf *b, const int64_t *counts, int64_t n, int64_t sum)
{
    static const struct {
        const char *name;
        double part;
    } parts[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};

    if (n > 0)
        mr_buf_addf(b, ",\"avg_latency_ms\":%.1f", (double)sum / (double)n);
    else
        mr_buf_add_str(b, ",\"avg_latency_ms\":null");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        double v = mr_histogram_quantile(counts, MR_HISTOGRAM_BUCKETS, parts[i].part);

        if (v < 0)
            mr_buf_addf(b, ",\"%s_latency_ms\":null", parts[i].name);
        else
            mr_buf_addf(b, ",\"%s_latency_ms\":%.1f", parts[i].name, v);
    }
}

/* The rows of one key, from `row` on: first its sums, then its histogram. Returns the row after. */
static int add_group(const PGresult *res, int row, bool is_time, struct mr_buf *b)
{
    int64_t counts[MR_HISTOGRAM_BUCKETS] = {0}, sums[6];
    struct mr_span key = mr_pg_span(res, row, 0);
    char at[MR_TIME_TEXT];
    int next = row + 1;

    for (int i = 0; i < 6; i++)
        sums[i] = mr_pg_i64(res, row, 2 + i);
    for (; next < PQntuples(res) && mr_span_eq(mr_pg_span(res, next, 0), key); next++) {
        int64_t bucket = mr_pg_i64(res, next, 1);

        if (bucket >= 0 && bucket < MR_HISTOGRAM_BUCKETS)
            counts[bucket] = mr_pg_i64(res, next, 2);
    }
    mr_buf_add_str(b, row > 0 ? ",{" : "{");
    if (is_time) {
        mr_time_format(mr_pg_i64(res, row, 0) * 1000, at);
        mr_buf_addf(b, "\"at\":\"%s\"", at);
    } else {
        mr_buf_add_str(b, "\"pipeline_id\":\"");
        mr_buf_add_span(b, key);
        mr_buf_add_char(b, '"');
    }
    mr_buf_addf(b,
                ",\"insert_count\":%lld,\"update_count\":%lld,\"delete_count\":%lld,"
                "\"other_count\":%lld,\"total_events\":%lld",
                (long long)sums[0], (long long)sums[1], (long long)sums[2], (long long)sums[3],
                (long long)(sums[0] + sums[1] + sums[2] + sums[3]));
    add_latency(b, counts, sums[4], sums[5]);
    mr_buf_add_char(b, '}');
    return next;
}

static int add_groups(struct mr_pg *c, const char *sql, int n, const char *const *params,
                      bool is_time, struct mr_buf *b)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, sql, n, params, &res);

    mr_buf_add_char(b, '[');
    for (int row = 0; rc == MR_OK && row < PQntuples(res);)
        row = add_group(res, row, is_time, b);
    mr_buf_add_char(b, ']');
    PQclear(res);
    return rc;
}

static int add_rows(struct mr_pg *c, const char *sql, int n, const char *const *params,
                    struct mr_buf *b)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, sql, n, params, &res);
    bool more;

    if (rc == MR_OK)
        (void)mr_rows_array(res, PQntuples(res), b, &more);
    PQclear(res);
    return rc;
}

int mr_analytics_read(struct mr_pg *c, const struct mr_analytics_range *r, struct mr_buf *b)
{
    struct texts t;
    const char *params[] = {t.from, t.to, r->pipeline_id, r->hidden, t.step, t.shown};
    int rc;

    write_int(t.from, r->from_ms);
    write_int(t.to, r->to_ms);
    write_int(t.step, r->step_ms);
    write_int(t.shown, PIPELINES_SHOWN);
    mr_buf_add_str(b, "\"points\":");
    rc = add_groups(c, SQL_POINTS, 5, params, true, b);
    mr_buf_add_str(b, ",\"pipelines\":");
    if (rc == MR_OK)
        rc = add_groups(c, SQL_PIPELINES, 6, params, false, b);
    params[4] = t.shown;
    write_int(t.shown, TABLES_SHOWN);
    mr_buf_add_str(b, ",\"tables\":");
    if (rc == MR_OK)
        rc = add_rows(c, SQL_TABLES, 5, params, b);
    write_int(t.shown, ERRORS_SHOWN);
    write_int(t.read, ERRORS_READ);
    params[5] = t.read;
    mr_buf_add_str(b, ",\"errors\":");
    if (rc == MR_OK)
        rc = add_rows(c, SQL_ERRORS, 6, params, b);
    return rc == MR_OK ? mr_buf_err(b) : rc;
}

/* The smallest id of a moment, as writers make them (UUID version 7). */
static void first_id(int64_t ms, char out[MR_UUID_TEXT])
{
    (void)snprintf(out, MR_UUID_TEXT, "%08llx-%04llx-7000-8000-000000000000",
                   (unsigned long long)((ms >> 16) & 0xffffffff),
                   (unsigned long long)(ms & 0xffff));
}

int mr_analytics_keys(struct mr_pg *c, const struct mr_analytics_range *r, int64_t limit,
                      struct mr_buf *json, int64_t *looked_at)
{
    char id[MR_UUID_TEXT], seq[24];
    struct texts t;
    const char *params[] = {seq,    t.from, t.to, r->pipeline_id ? r->pipeline_id : r->hidden,
                            t.read, t.shown};
    PGresult *res = NULL;
    bool more;
    int rc;

    first_id(r->to_ms < 0 ? 0 : r->to_ms, id);
    write_int(t.from, r->from_ms);
    write_int(t.to, r->to_ms);
    write_int(t.read, MR_KEYS_LOOKED_AT);
    write_int(t.shown, limit);
    *looked_at = 0;
    rc = mr_pg_exec(c, SQL_LAST_SEQ, 2, (const char *[]){id, t.to}, &res);
    if (rc != MR_OK)
        return rc;
    write_int(seq, PQntuples(res) > 0 ? mr_pg_i64(res, 0, 0) : 0);
    PQclear(res);
    res = NULL;
    rc = mr_pg_exec(c, r->pipeline_id ? SQL_KEYS_OF : SQL_KEYS, 6, params, &res);
    if (rc != MR_OK)
        return rc;
    if (PQntuples(res) > 0)
        *looked_at = mr_pg_i64(res, 0, 1);
    (void)mr_rows_array(res, PQntuples(res), json, &more);
    PQclear(res);
    return mr_buf_err(json);
}
