/* evidence.c - the table pipeline_evidence, beside what pipelines and counters say. */
#include "store/evidence.h"
#include "store/jobs.h"
#include "store/rows.h"
#include <stdio.h>

/* clang-format off */
static const char SQL_WRITE[] =
    "INSERT INTO pipeline_evidence AS e (pipeline_id, measured_at, body) VALUES ($1::uuid, now(), $2::jsonb) "
    "ON CONFLICT (pipeline_id) DO UPDATE SET measured_at = now(), body = excluded.body";
static const char SQL_HEALTH[] =
    "UPDATE pipelines SET health = $2, health_reason = $3 WHERE id = $1::uuid "
    "AND (health, health_reason) IS DISTINCT FROM ($2, $3)";

#define RUNS    "p.status = 'RUNNING' AND p.engine = 'connect'"
#define FRESH   "(e.measured_at IS NOT NULL AND e.measured_at > now() - $2::bigint * interval '1 millisecond')"
#define HEALTHY "(p.health = 'HEALTHY' AND " FRESH ")"
static const char SQL_STATUS[] =
    "SELECT json_build_object('pipeline_id', p.id, 'name', p.name, 'mode', p.mode, 'engine', p.engine, "
    "'status', CASE WHEN " RUNS " AND " HEALTHY " IS NOT TRUE THEN 'DEGRADED' ELSE p.status END, 'state', p.status, "
    "'full_load_status', p.full_load_status, 'cdc_status', p.cdc_status, "
    "'health', CASE WHEN " RUNS " THEN CASE WHEN " HEALTHY " THEN 'HEALTHY' ELSE 'DEGRADED' END END, "
    "'health_reason', CASE WHEN NOT (" RUNS ") OR " HEALTHY " THEN NULL WHEN " FRESH " THEN "
    "coalesce(p.health_reason, 'No heartbeat has come through yet.') "
    "ELSE 'Nobody has looked at the pipeline for a while: is a process with the role api running?' END, "
    "'stuck', CASE WHEN " RUNS " AND " FRESH " THEN e.body->'stuck' END, "
    "'error_message', p.error_message, 'last_error', coalesce(p.error_message, e.body->>'error'), "
    "'connectors', e.body->'connectors', 'restarts', e.body->'restarts', "
    "'schema_changes', coalesce(e.schema_changes, '[]'), "
    "'evidence', json_build_object('heartbeat_sent_at', " MR_SQL_TIME("k.heartbeat_sent_at") ", 'heartbeat_logged_at', "
    MR_SQL_TIME("k.heartbeat_logged_at") ", 'heartbeat_age_seconds', "
    "round(extract(epoch FROM now() - k.heartbeat_logged_at)::numeric, 3), 'slot', e.body->'slot', "
    "'measured_at', " MR_SQL_TIME("e.measured_at") "), "
    "'lag', json_build_object('bytes', e.body->'lag_bytes', 'seconds', e.body->'lag_seconds', 'ladder', "
    "coalesce(e.body->'ladder', '[]')), 'last_event_at', " MR_SQL_TIME("k.last_event_at") ", "
    "'resources', json_build_object('slot', p.slot_name, 'publication', p.publication_name, 'source_connector', "
    "p.debezium_connector_name, 'sink_connector', p.sink_connector_name, 'topic_prefix', p.topic_prefix, 'topics', e.body->'topics')) "
    "FROM pipelines p LEFT JOIN pipeline_evidence e ON e.pipeline_id = p.id "
    "LEFT JOIN pipeline_counters k ON k.pipeline_id = p.id WHERE p.id = $1::uuid AND p.deleted_at IS NULL";

static const char SQL_LAG[] =
    "SELECT json_build_object('pipeline_id', p.id, 'source_lsn', e.body->'slot'->'current', 'confirmed_lsn', "
    "e.body->'slot'->'confirmed', 'lag_bytes', e.body->'lag_bytes', 'lag_seconds', e.body->'lag_seconds', "
    "'slot_name', p.slot_name, 'slot_active', e.body->'slot'->'active', 'wal_status', e.body->'slot'->'wal_status', "
    "'retained_bytes', e.body->'slot'->'retained_bytes', 'safe_wal_size', e.body->'slot'->'safe_bytes', "
    "'slot_lost_in_seconds', e.body->'slot'->'lost_in_seconds', 'forecast', e.body->'slot'->'forecast', "
    "'heartbeat_latency_ms', round(extract(epoch FROM k.heartbeat_logged_at - k.heartbeat_sent_at) * 1000), "
    "'ladder', coalesce(e.body->'ladder', '[]'), 'measured_at', " MR_SQL_TIME("e.measured_at") ") "
    "FROM pipelines p LEFT JOIN pipeline_evidence e ON e.pipeline_id = p.id "
    "LEFT JOIN pipeline_counters k ON k.pipeline_id = p.id WHERE p.id = $1::uuid AND p.deleted_at IS NULL";
/* clang-format on */

int mr_evidence_write(struct mr_pg *c, const char *pipeline_id, const char *body)
{
    return mr_pg_exec(c, SQL_WRITE, 2, (const char *[]){pipeline_id, body}, NULL);
}

int mr_evidence_health(struct mr_pg *c, const char *pipeline_id, const char *health,
                       const char *reason)
{
    return mr_pg_exec(c, SQL_HEALTH, 3, (const char *[]){pipeline_id, health, reason}, NULL);
}

int mr_evidence_status(struct mr_pg *c, const char *pipeline_id, int64_t stale_ms,
                       struct mr_buf *json)
{
    PGresult *res = NULL;
    char stale[24];
    int rc;

    (void)snprintf(stale, sizeof(stale), "%lld", (long long)stale_ms);
    rc = mr_pg_exec(c, SQL_STATUS, 2, (const char *[]){pipeline_id, stale}, &res);
    rc = mr_rows_object(rc, res, json, NULL);
    if (rc != MR_OK)
        return rc;
    json->len--; /* one more member */
    mr_buf_add_str(json, ",\"jobs\":");
    rc = mr_jobs_list(c, pipeline_id, json);
    mr_buf_add_char(json, '}');
    return rc == MR_OK ? mr_buf_err(json) : rc;
}

int mr_evidence_lag(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_LAG, 1, (const char *[]){pipeline_id}, &res);

    return mr_rows_object(rc, res, json, NULL);
}
