/* plan.c - reading a pipeline with its connections. */
#include "pipelines/plan.h"
#include <stdio.h>

#define OBJECT_MAX (1u << 20)
#define SECRET_MAX 65536

/* clang-format off */
enum { NAME, STATUS, ENGINE, LOADED, SOURCE_SCHEMA, TARGET_SCHEMA, SNAPSHOT, PREFIX, LSN, POLICY, TABLES,
       MAPPING, DEBEZIUM, SINK, MODE, AUTO, META, DELETED, SLOT, PUBLICATION, SOURCE_NAME, SINK_NAME, SOURCE, TARGET };

static const char SQL_PLAN[] =
    "SELECT name, status, engine, full_load_status, source_schema, target_schema, snapshot_mode, "
    "topic_prefix, full_load_lsn, schema_change_policy, source_tables, table_mapping, "
    "debezium_config, sink_config, mode, auto_create_target, cdc_metadata_columns, "
    "deleted_at IS NOT NULL, slot_name, publication_name, debezium_connector_name, "
    "sink_connector_name, source_connection_id, target_connection_id "
    "FROM pipelines WHERE id = $1::uuid";
static const char SQL_NAMES[] =
    "UPDATE pipelines SET slot_name = $2, publication_name = $3, debezium_connector_name = $4, "
    "sink_connector_name = $5, topic_prefix = $6 WHERE id = $1::uuid AND (slot_name, "
    "publication_name, debezium_connector_name, sink_connector_name, topic_prefix) "
    "IS DISTINCT FROM ($2, $3, $4, $5, $6)";
/* clang-format on */

static const char *text(const struct mr_plan *p, int col)
{
    return PQgetvalue(p->row, 0, col);
}

static bool yes(const struct mr_plan *p, int col)
{
    return text(p, col)[0] == 't';
}

/* The recorded name, or the one that is made of the pipeline's id. */
static void name_of(const struct mr_plan *p, int col, const char *end, char *out, size_t size)
{
    const char *kept = text(p, col);

    if (kept[0])
        (void)snprintf(out, size, "%s", kept);
    else
        (void)snprintf(out, size, "mr_%s%s", p->short_id, end);
}

static int load_side(struct mr_plan *p, struct mr_plan_side *s, struct mr_pg *db,
                     const struct mr_plan_env *env, int col, char *why, size_t size)
{
    int64_t version;
    int rc;

    (void)snprintf(s->id, sizeof(s->id), "%s", text(p, col));
    if (!s->id[0])
        return MR_OK;
    rc = mr_connections_get(db, s->id, false, &s->object, &version);
    if (rc == MR_E_NOTFOUND)
        return MR_OK;
    if (rc == MR_OK)
        rc = mr_connections_password(db, env->secrets, s->id, &s->password);
    if (rc == MR_E_CONFIG || rc == MR_E_DATA) {
        (void)snprintf(why, size,
                       "The password of the %s connection cannot be opened: set it again, or add "
                       "its key to MILLRACE_SECRET_KEY.",
                       col == SOURCE ? "source" : "target");
        return MR_E_CONFIG;
    }
    if (rc != MR_OK)
        return rc;
    mr_opened_read(&s->opened, mr_buf_span(&s->object), &s->password, env->cfg, env->hosts);
    s->opened.db.use = MR_DB_WORK;
    s->there = true;
    return MR_OK;
}

static void take_row(struct mr_plan *p)
{
    size_t len;

    p->name = text(p, NAME);
    p->status = text(p, STATUS);
    p->engine = text(p, ENGINE);
    p->full_load_status = text(p, LOADED);
    p->source_schema = text(p, SOURCE_SCHEMA);
    p->target_schema = text(p, TARGET_SCHEMA);
    p->snapshot_mode = text(p, SNAPSHOT);
    p->topic_prefix = text(p, PREFIX);
    p->full_load_lsn = text(p, LSN);
    p->policy = text(p, POLICY);
    p->tables = mr_pg_span(p->row, 0, TABLES);
    p->mapping = mr_pg_span(p->row, 0, MAPPING);
    p->debezium_config = mr_pg_span(p->row, 0, DEBEZIUM);
    p->sink_config = mr_pg_span(p->row, 0, SINK);
    p->mode = strcmp(text(p, MODE), "cdc_only") == 0         ? MR_MODE_CDC_ONLY
              : strcmp(text(p, MODE), "full_load_only") == 0 ? MR_MODE_FULL_LOAD_ONLY
                                                             : MR_MODE_FULL_LOAD_AND_CDC;
    p->auto_create = yes(p, AUTO);
    p->metadata_columns = yes(p, META);
    p->deleted = yes(p, DELETED);
    p->claimed = text(p, SLOT)[0] != '\0';
    name_of(p, SLOT, "", p->slot, sizeof(p->slot));
    name_of(p, PUBLICATION, "", p->publication, sizeof(p->publication));
    name_of(p, SOURCE_NAME, "_source", p->source_connector, sizeof(p->source_connector));
    name_of(p, SINK_NAME, "_sink", p->sink_connector, sizeof(p->sink_connector));
    len = strlen(p->topic_prefix);
    if (len > 1 && len < sizeof(p->prefix) && p->topic_prefix[len - 1] == '.')
        (void)snprintf(p->prefix, sizeof(p->prefix), "%.*s", (int)len - 1, p->topic_prefix);
    else
        (void)snprintf(p->prefix, sizeof(p->prefix), "mr_%s", p->short_id);
}

int mr_plan_load(struct mr_plan *p, struct mr_pg *db, const struct mr_plan_env *env, const char *id,
                 char *why, size_t size)
{
    int rc;

    *p = (struct mr_plan){0};
    mr_buf_init(&p->source.object, OBJECT_MAX);
    mr_buf_init(&p->source.password, SECRET_MAX);
    mr_buf_init(&p->target.object, OBJECT_MAX);
    mr_buf_init(&p->target.password, SECRET_MAX);
    (void)snprintf(p->id, sizeof(p->id), "%s", id);
    (void)snprintf(p->short_id, sizeof(p->short_id), "%s", id + MR_UUID_TEXT - 1 - 12);
    rc = mr_pg_exec(db, SQL_PLAN, 1, (const char *[]){id}, &p->row);
    if (rc == MR_OK && PQntuples(p->row) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK) {
        take_row(p);
        rc = load_side(p, &p->source, db, env, SOURCE, why, size);
    }
    if (rc == MR_OK)
        rc = load_side(p, &p->target, db, env, TARGET, why, size);
    if (rc != MR_OK)
        mr_plan_free(p);
    return rc;
}

void mr_plan_free(struct mr_plan *p)
{
    struct mr_plan_side *sides[] = {&p->source, &p->target};

    for (size_t i = 0; i < 2; i++) {
        mr_opened_free(&sides[i]->opened);
        mr_secrets_wipe(&sides[i]->password);
        mr_buf_free(&sides[i]->object);
    }
    PQclear(p->row);
    p->row = NULL;
}

int mr_plan_claim_names(struct mr_plan *p, struct mr_pg *db)
{
    char topics[sizeof(p->prefix) + 1];

    (void)snprintf(topics, sizeof(topics), "%s.", p->prefix);
    return mr_pg_exec(db, SQL_NAMES, 6,
                      (const char *[]){p->id, p->slot, p->publication, p->source_connector,
                                       p->sink_connector, topics},
                      NULL);
}

void mr_plan_target_name(const struct mr_plan *p, const char *schema, const char *table,
                         struct mr_buf *out)
{
    struct mr_buf key = MR_BUF_INIT(2048);
    struct mr_json_iter it;
    struct mr_span full, found = MR_SPAN_NONE;
    int rc;

    mr_buf_addf(&key, "%s.%s", schema, table);
    full = mr_buf_span(&key);
    for (rc = mr_json_begin(&it, p->mapping); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        struct mr_buf raw = MR_BUF_INIT(2048);

        if (mr_json_unescape(it.key, &raw) == MR_OK) {
            if (mr_span_eq(mr_buf_span(&raw), full))
                found = it.value;
            else if (!found.ptr && mr_span_is(mr_buf_span(&raw), table))
                found = it.value;
        }
        mr_buf_free(&raw);
    }
    mr_buf_free(&key);
    if (mr_json_type(found) != MR_JSON_STRING ||
        mr_json_unescape(mr_json_string_raw(found), out) != MR_OK)
        mr_buf_add_str(out, table);
}

const char *mr_plan_target_schema(const struct mr_plan *p)
{
    const char *of_target = p->target.opened.db.schema;

    if (p->target_schema[0])
        return p->target_schema;
    if (of_target && of_target[0])
        return of_target;
    return p->source_schema[0] ? p->source_schema : "public";
}

bool mr_plan_own_load(const struct mr_plan *p)
{
    return strcmp(p->source.opened.db.type, "postgresql") == 0 &&
           strcmp(p->target.opened.db.type, "postgresql") == 0;
}

bool mr_plan_needs_connect(const struct mr_plan *p)
{
    return p->mode != MR_MODE_FULL_LOAD_ONLY || !mr_plan_own_load(p);
}
