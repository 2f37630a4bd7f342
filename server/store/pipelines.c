/* pipelines.c - the table pipelines. The object's fields are those of the API; stats come from the
 * counters that the logger keeps, so a list never counts events. */
#include "store/pipelines.h"
#include "base/clock.h"
#include <stdio.h>
#include <strings.h>

/* clang-format off */

#define OBJECT                                                                                     \
    "json_build_object('id', p.id, 'pipeline_id', p.id, 'name', p.name, "                          \
    "'description', p.description, "                                                               \
    "'source_connection_id', p.source_connection_id, "                                             \
    "'target_connection_id', p.target_connection_id, 'mode', p.mode, 'status', p.status, "         \
    "'full_load_status', p.full_load_status, 'cdc_status', p.cdc_status, 'engine', p.engine, "     \
    "'source_schema', p.source_schema, 'source_tables', p.source_tables, "                         \
    "'target_schema', p.target_schema, 'table_mapping', p.table_mapping, "                         \
    "'auto_create_target', p.auto_create_target, 'snapshot_mode', p.snapshot_mode, "               \
    "'topic_prefix', p.topic_prefix, 'kafka_topics', p.kafka_topics, "                             \
    "'debezium_connector_name', p.debezium_connector_name, "                                       \
    "'sink_connector_name', p.sink_connector_name, 'debezium_config', p.debezium_config, "         \
    "'sink_config', p.sink_config, 'full_load_lsn', p.full_load_lsn, "                             \
    "'full_load_completed_at', " MR_SQL_TIME("p.full_load_completed_at") ", "                             \
    "'slot_name', p.slot_name, 'publication_name', p.publication_name, "                           \
    "'schema_change_policy', p.schema_change_policy, "                                             \
    "'cdc_metadata_columns', p.cdc_metadata_columns, 'health', p.health, "                         \
    "'health_reason', p.health_reason, 'error_message', p.error_message, "                                                           \
    "'stats', json_build_object("                                                                  \
      "'total_events', coalesce(k.insert_count + k.update_count + k.delete_count "                 \
                      "+ k.other_count, 0), "                                                      \
      "'insert_count', coalesce(k.insert_count, 0), "                                              \
      "'update_count', coalesce(k.update_count, 0), "                                              \
      "'delete_count', coalesce(k.delete_count, 0), "                                              \
      "'other_count', coalesce(k.other_count, 0), "                                                \
      "'failed_count', coalesce(k.failed_count, 0), "                                              \
      "'last_pipeline_seq', coalesce(k.last_pipeline_seq, 0), "                                    \
      "'last_event_time', " MR_SQL_TIME("k.last_event_at") ", "                                    \
      "'lag_bytes', e.body->'lag_bytes', 'lag_seconds', e.body->'lag_seconds'), "                  \
    "'tags', p.tags, 'created_by', p.created_by, "                                                 \
    "'created_at', " MR_SQL_TIME("p.created_at") ", 'updated_at', " MR_SQL_TIME("p.updated_at") ")"

/* Counted by the logger, and seen by the monitor: what it saw a minute ago is not known any more. */
#define SEEN                                                                                       \
    " LEFT JOIN pipeline_counters k ON k.pipeline_id = p.id LEFT JOIN pipeline_evidence e "        \
    "ON e.pipeline_id = p.id AND e.measured_at > now() - interval '1 minute' "
#define FROM " FROM pipelines p" SEEN

/* The new row, or the changed one, as the API shows it. */
#define SHOWN ") SELECT " OBJECT ", p.version FROM p" SEEN

static const char SQL_CREATE[] =
    "WITH p AS (INSERT INTO pipelines (id, name, description, mode, engine, source_connection_id, "
    "target_connection_id, source_schema, target_schema, snapshot_mode, topic_prefix, "
    "source_tables, table_mapping, kafka_topics, tags, debezium_config, sink_config, "
    "auto_create_target, schema_change_policy, cdc_metadata_columns, created_by) SELECT $1::uuid, v->>'name', "
    "coalesce(v->>'description', ''), coalesce(v->>'mode', 'cdc_only'), "
    "coalesce(v->>'engine', 'external'), (v->>'source_connection_id')::uuid, "
    "(v->>'target_connection_id')::uuid, v->>'source_schema', v->>'target_schema', "
    "v->>'snapshot_mode', v->>'topic_prefix', coalesce(v->'source_tables', '[]'), "
    "coalesce(v->'table_mapping', '{}'), coalesce(v->'kafka_topics', '[]'), "
    "coalesce(v->'tags', '[]'), coalesce(v->'debezium_config', '{}'), "
    "coalesce(v->'sink_config', '{}'), coalesce((v->>'auto_create_target')::boolean, true), "
    "coalesce(v->>'schema_change_policy', 'evolve'), "
    "coalesce((v->>'cdc_metadata_columns')::boolean, false), $3 "
    "FROM (SELECT $2::jsonb AS v) j RETURNING *" SHOWN;

#define SET_TEXT(col) #col " = CASE WHEN v ? '" #col "' THEN v->>'" #col "' ELSE o." #col " END, "
#define SET_JSON(col) #col " = CASE WHEN v ? '" #col "' THEN v->'" #col "' ELSE o." #col " END, "
#define SET_AS(col, type)                                                                          \
    #col " = CASE WHEN v ? '" #col "' THEN (v->>'" #col "')::" type " ELSE o." #col " END, "

static const char SQL_CHANGE[] =
    "WITH p AS (UPDATE pipelines o SET " SET_TEXT(name) SET_TEXT(description) SET_TEXT(mode)
    SET_TEXT(engine) SET_AS(source_connection_id, "uuid") SET_AS(target_connection_id, "uuid")
    SET_TEXT(source_schema) SET_TEXT(target_schema) SET_TEXT(snapshot_mode) SET_TEXT(topic_prefix)
    SET_JSON(source_tables) SET_JSON(table_mapping) SET_JSON(kafka_topics) SET_JSON(tags)
    SET_JSON(debezium_config) SET_JSON(sink_config) SET_AS(auto_create_target, "boolean")
    SET_TEXT(schema_change_policy) SET_AS(cdc_metadata_columns, "boolean")
    "version = o.version + 1, updated_at = now() FROM (SELECT $2::jsonb AS v) j "
    "WHERE o.id = $1::uuid AND o.deleted_at IS NULL RETURNING o.*" SHOWN;

static const char SQL_LOCK[] =
    "SELECT p.version, p.status, coalesce((SELECT string_agg(e.key, ', ' ORDER BY e.key) "
    "FROM jsonb_each($2::jsonb) e WHERE e.key = ANY ($3::text[]) "
    "AND e.value IS DISTINCT FROM to_jsonb(p)->e.key), '') "
    "FROM pipelines p WHERE p.id = $1::uuid AND p.deleted_at IS NULL FOR UPDATE";

static const char SQL_GET[] =
    "SELECT " OBJECT ", p.version" FROM "WHERE p.id = $1::uuid AND p.deleted_at IS NULL";

#define MATCH                                                                                      \
    "p.deleted_at IS NULL AND p.id <> ALL ($4::uuid[]) AND ($1::text IS NULL OR p.status = $1) "                                \
    "AND ($2::text IS NULL OR p.mode = $2) AND ($3::text IS NULL "                                 \
    "OR position(lower($3) in lower(p.name)) > 0 "                                                 \
    "OR position(lower($3) in lower(p.description)) > 0) "

#define COUNT "SELECT count(*) FROM pipelines p WHERE " MATCH

static const char SQL_LIST[] =
    "SELECT " OBJECT ", p.created_at::text, p.id, (" COUNT ")" FROM "WHERE " MATCH
    "AND ($5::timestamptz IS NULL OR (p.created_at, p.id) < ($5::timestamptz, $6::uuid)) "
    "ORDER BY p.created_at DESC, p.id DESC LIMIT $7::bigint";

static const char SQL_COUNT[] = COUNT;

static const char SQL_MOVE[] =
    "UPDATE pipelines SET status = $3, updated_at = now(), error_message = NULL, "
    "cdc_status = CASE WHEN mode = 'full_load_only' THEN cdc_status "
    "WHEN $3 IN ('STARTING', 'RUNNING', 'PAUSED', 'STOPPED', 'ERROR') THEN $3 ELSE cdc_status END, "
    "health = NULL, health_reason = NULL "
    "WHERE id = $1::uuid AND status = $2 AND deleted_at IS NULL RETURNING id";

static const char SQL_DELETE[] =
    "UPDATE pipelines SET deleted_at = now(), updated_at = now(), status = 'STOPPED', "
    "cdc_status = CASE cdc_status WHEN 'NOT_STARTED' THEN cdc_status ELSE 'STOPPED' END "
    "WHERE id = $1::uuid AND deleted_at IS NULL AND ($2::boolean "
    "OR status IN ('NOT_STARTED', 'STOPPED', 'ERROR')) RETURNING id";
/* clang-format on */

int mr_pipelines_create(struct mr_pg *c, const char *fields, const char *created_by,
                        char id[MR_UUID_TEXT], struct mr_buf *json, int64_t *version)
{
    PGresult *res = NULL;
    int rc;

    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    rc = mr_pg_exec(c, SQL_CREATE, 3, (const char *[]){id, fields, created_by}, &res);
    return mr_rows_object(rc, res, json, version);
}

int mr_pipelines_get(struct mr_pg *c, const char *id, struct mr_buf *json, int64_t *version)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_GET, 1, (const char *[]){id}, &res);

    return mr_rows_object(rc, res, json, version);
}

int mr_pipelines_lock(struct mr_pg *c, const char *id, const char *fields, const char *frozen,
                      struct mr_pipeline_locked *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_LOCK, 3, (const char *[]){id, fields, frozen}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK) {
        out->version = mr_pg_i64(res, 0, 0);
        (void)snprintf(out->status, sizeof(out->status), "%s", PQgetvalue(res, 0, 1));
        (void)snprintf(out->frozen, sizeof(out->frozen), "%s", PQgetvalue(res, 0, 2));
    }
    PQclear(res);
    return rc;
}

int mr_pipelines_change(struct mr_pg *c, const char *id, const char *fields, struct mr_buf *json,
                        int64_t *version)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_CHANGE, 2, (const char *[]){id, fields}, &res);

    return mr_rows_object(rc, res, json, version);
}

int mr_pipelines_list(struct mr_pg *c, const struct mr_pipeline_filter *f, struct mr_buf *json,
                      struct mr_page *page)
{
    const char *params[] = {f->status,     f->mode,     f->text, f->hidden,
                            f->after_time, f->after_id, NULL};

    return mr_rows_page(c, SQL_COUNT, 4, SQL_LIST, params, 7, f->limit, json, page);
}

int mr_pipelines_brief(struct mr_pg *c, const char *id, struct mr_pipeline_brief *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c,
                        "SELECT name, status, engine, full_load_status, "
                        "coalesce(debezium_connector_name, ''), coalesce(sink_connector_name, '') "
                        "FROM pipelines WHERE id = $1::uuid AND deleted_at IS NULL",
                        1, (const char *[]){id}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK) {
        (void)snprintf(out->name, sizeof(out->name), "%s", PQgetvalue(res, 0, 0));
        (void)snprintf(out->status, sizeof(out->status), "%s", PQgetvalue(res, 0, 1));
        (void)snprintf(out->engine, sizeof(out->engine), "%s", PQgetvalue(res, 0, 2));
        (void)snprintf(out->full_load_status, sizeof(out->full_load_status), "%s",
                       PQgetvalue(res, 0, 3));
        (void)snprintf(out->debezium_connector, sizeof(out->debezium_connector), "%s",
                       PQgetvalue(res, 0, 4));
        (void)snprintf(out->sink_connector, sizeof(out->sink_connector), "%s",
                       PQgetvalue(res, 0, 5));
    }
    PQclear(res);
    return rc;
}

int mr_pipelines_move(struct mr_pg *c, const char *id, const char *from, const char *to)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_MOVE, 3, (const char *[]){id, from, to}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_CONFLICT;
    PQclear(res);
    return rc;
}

int mr_pipelines_note(struct mr_pg *c, const char *id, const char *error)
{
    return mr_pg_exec(c,
                      "UPDATE pipelines SET error_message = $2, updated_at = now() "
                      "WHERE id = $1::uuid AND error_message IS DISTINCT FROM $2",
                      2, (const char *[]){id, error}, NULL);
}

int mr_pipelines_loaded(struct mr_pg *c, const char *id, const char *status, const char *lsn)
{
    return mr_pg_exec(c,
                      "UPDATE pipelines SET full_load_status = $2, updated_at = now(), "
                      "full_load_lsn = coalesce($3, full_load_lsn), full_load_completed_at = "
                      "CASE WHEN $2 = 'COMPLETED' THEN coalesce(full_load_completed_at, now()) END "
                      "WHERE id = $1::uuid",
                      3, (const char *[]){id, status, lsn}, NULL);
}

int mr_pipelines_exists(struct mr_pg *c, const char *id)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, "SELECT 1 FROM pipelines WHERE id = $1::uuid AND deleted_at IS NULL", 1,
                        (const char *[]){id}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    PQclear(res);
    return rc;
}

int mr_pipelines_delete(struct mr_pg *c, const char *id, bool force)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_DELETE, 2, (const char *[]){id, force ? "true" : "false"}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = mr_pipelines_exists(c, id) == MR_E_NOTFOUND ? MR_E_NOTFOUND : MR_E_CONFLICT;
    PQclear(res);
    return rc;
}
