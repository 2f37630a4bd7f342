/* loads.c - the table pipeline_loads. */
#include "store/loads.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "store/rows.h"

/* clang-format off */
static const char SQL_BEGIN[] = "DELETE FROM pipeline_loads WHERE pipeline_id = $1::uuid";
static const char SQL_WRITE[] =
    "INSERT INTO pipeline_loads AS o (pipeline_id, schema_name, table_name, target_table, phase, rows_done, bytes_done, "
    "chunks, chunks_done, rows_estimated, bytes_estimated, started_at) SELECT $1::uuid, t.schema, t.name, t.target, t.phase, "
    "t.rows, t.bytes, t.chunks, t.chunks_done, nullif(t.rows_est, 0), t.bytes_est, "
    "CASE WHEN t.phase <> 'waiting' THEN now() END FROM jsonb_to_recordset($2::jsonb) AS t (schema text, name text, "
    "target text, phase text, rows bigint, bytes bigint, chunks integer, chunks_done integer, rows_est bigint, bytes_est bigint) "
    "ON CONFLICT (pipeline_id, schema_name, table_name) DO UPDATE SET phase = excluded.phase, "
    "rows_done = CASE WHEN excluded.chunks = 0 THEN o.rows_done ELSE excluded.rows_done END, "
    "bytes_done = CASE WHEN excluded.chunks = 0 THEN o.bytes_done ELSE excluded.bytes_done END, "
    "chunks = greatest(excluded.chunks, o.chunks), chunks_done = greatest(excluded.chunks_done, o.chunks_done), "
    "started_at = coalesce(o.started_at, excluded.started_at), "
    "finished_at = CASE WHEN excluded.phase = 'done' THEN coalesce(o.finished_at, now()) END, updated_at = now()";
/* The statement trigger of pipelines tells the rooms' servers. */
static const char SQL_TELL[] = "SELECT pg_notify('millrace_pipelines', '')";

#define SECONDS "extract(epoch FROM coalesce(l.finished_at, now()) - l.started_at)"
#define PROGRESS \
    "json_build_object('pipeline_id', p.id, 'status', p.status, 'full_load_status', p.full_load_status, " \
    "'cdc_status', p.cdc_status, 'lsn', p.full_load_lsn, 'completed_at', " MR_SQL_TIME("p.full_load_completed_at") ", " \
    "'phase', coalesce((SELECT j.step FROM pipeline_jobs j WHERE j.pipeline_id = p.id AND j.state IN ('pending', 'running') " \
    "ORDER BY j.created_at LIMIT 1), lower(p.full_load_status)), " \
    "'rows_done', coalesce(s.rows_done, 0), 'rows_estimated', s.rows_estimated, 'bytes_done', coalesce(s.bytes_done, 0), " \
    "'bytes_estimated', s.bytes_estimated, 'percent', CASE WHEN p.full_load_status = 'COMPLETED' THEN 100 " \
    "WHEN s.chunks > 0 THEN round(100.0 * s.chunks_done / s.chunks, 1) END, " \
    "'rows_per_second', s.rate, 'eta_seconds', s.eta, 'tables', coalesce(s.tables, '[]'), 'error', p.error_message) "
#define PROGRESS_FROM \
    "FROM pipelines p LEFT JOIN LATERAL (SELECT sum(l.rows_done) AS rows_done, sum(l.rows_estimated) AS rows_estimated, " \
    "sum(l.bytes_done) AS bytes_done, sum(l.bytes_estimated) AS bytes_estimated, sum(l.chunks) AS chunks, " \
    "sum(l.chunks_done) AS chunks_done, " \
    "round(sum(l.rows_done) / nullif(extract(epoch FROM max(coalesce(l.finished_at, now())) - min(l.started_at)), 0)) AS rate, " \
    "CASE WHEN sum(l.chunks_done) > 0 THEN round(extract(epoch FROM now() - min(l.started_at)) * " \
    "(sum(l.chunks) - sum(l.chunks_done)) / sum(l.chunks_done)) END AS eta, " \
    "json_agg(json_build_object('schema', l.schema_name, 'table', l.table_name, 'target_table', l.target_table, 'phase', l.phase, " \
    "'rows_done', l.rows_done, 'rows_estimated', l.rows_estimated, 'bytes_done', l.bytes_done, 'bytes_estimated', l.bytes_estimated, " \
    "'chunks', l.chunks, 'chunks_done', l.chunks_done, 'rows_per_second', round(l.rows_done / nullif(" SECONDS ", 0)), " \
    "'eta_seconds', CASE WHEN l.phase = 'copying' AND l.chunks_done > 0 THEN " \
    "round(" SECONDS " * (l.chunks - l.chunks_done) / l.chunks_done) END, " \
    "'started_at', " MR_SQL_TIME("l.started_at") ", 'finished_at', " MR_SQL_TIME("l.finished_at") ") " \
    "ORDER BY l.schema_name, l.table_name) AS tables FROM pipeline_loads l WHERE l.pipeline_id = p.id) s ON true "
static const char SQL_PROGRESS[] = "SELECT " PROGRESS PROGRESS_FROM "WHERE p.id = $1::uuid AND p.deleted_at IS NULL";
/* Those whose load has moved lately. */
static const char SQL_NEWS[] =
    "SELECT p.id, " PROGRESS PROGRESS_FROM "WHERE p.deleted_at IS NULL AND EXISTS (SELECT 1 FROM pipeline_loads n "
    "WHERE n.pipeline_id = p.id AND n.updated_at > now() - interval '10 seconds') ORDER BY p.id";
/* Once a load: what it was stands in the log of runs from the moment on at which it is over. */
static const char SQL_END[] =
    "WITH p AS (UPDATE pipelines SET full_load_status = $3, updated_at = now(), full_load_completed_at = "
    "CASE WHEN $3 = 'COMPLETED' THEN now() END WHERE id = $1::uuid AND full_load_status <> $3 "
    "RETURNING id, full_load_lsn) INSERT INTO pipeline_runs (id, pipeline_id, run_type, status, started_at, completed_at, "
    "run_metadata) SELECT $2::uuid, p.id, 'FULL_LOAD', $3, coalesce(min(l.started_at), now()), now(), "
    "jsonb_strip_nulls(jsonb_build_object('lsn', p.full_load_lsn, 'tables', count(l.table_name), 'rows', "
    "coalesce(sum(l.rows_done), 0), 'bytes', coalesce(sum(l.bytes_done), 0), 'error', $4::text)) "
    "FROM p LEFT JOIN pipeline_loads l ON l.pipeline_id = p.id GROUP BY p.id, p.full_load_lsn";
/* clang-format on */

int mr_loads_end(struct mr_pg *c, const char *pipeline_id, const char *status, const char *error)
{
    char run[MR_UUID_TEXT];

    mr_uuid_format(mr_uuid7(mr_wall_ms()), run);
    return mr_pg_exec(c, SQL_END, 4, (const char *[]){pipeline_id, run, status, error}, NULL);
}

int mr_loads_begin(struct mr_pg *c, const char *pipeline_id)
{
    return mr_pg_exec(c, SQL_BEGIN, 1, (const char *[]){pipeline_id}, NULL);
}

int mr_loads_write(struct mr_pg *c, const char *pipeline_id, const char *tables)
{
    int rc = mr_pg_exec(c, SQL_WRITE, 2, (const char *[]){pipeline_id, tables}, NULL);

    return rc == MR_OK ? mr_pg_exec(c, SQL_TELL, 0, NULL, NULL) : rc;
}

int mr_loads_progress(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_PROGRESS, 1, (const char *[]){pipeline_id}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_loads_news(struct mr_pg *c, PGresult **out)
{
    return mr_pg_exec(c, SQL_NEWS, 0, NULL, out);
}
