/* pipeline_fields.c - what a pipeline is made of: the table of its fields, making one, changing
 * one. */
#include "api/api.h"
#include "api/fields.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "base/log.h"
#include "pipelines/connector_config.h"
#include "store/pipelines.h"
#include <strings.h>

#define TOPICS_MAX    1000
#define TOPIC_LEN_MAX 249 /* Kafka's own limit */
#define TABLES_MAX    10000
#define CONFIG_BYTES  262144

/* What a pipeline that is not at rest cannot change: the connectors that it runs depend on it. */
#define FROZEN                                                                                     \
    "{mode,engine,source_connection_id,target_connection_id,source_schema,source_tables,"          \
    "target_schema,table_mapping,snapshot_mode,debezium_config,sink_config,auto_create_target,"    \
    "cdc_metadata_columns}"

static bool is_topic(struct mr_span s)
{
    if (s.len == 0 || s.len > TOPIC_LEN_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];

        if (!((ch | 32) >= 'a' && (ch | 32) <= 'z') && !(ch >= '0' && ch <= '9') && ch != '.' &&
            ch != '_' && ch != '-')
            return false;
    }
    return true;
}

/* clang-format off */
const struct mr_input mr_pipeline_fields[] = {
    {"name",                 MR_INPUT_TEXT,    .min = 1, .max = 255, .required = true},
    {"description",          MR_INPUT_TEXT,    .max = 10000, .if_null = "\"\""},
    {"mode",                 MR_INPUT_ENUM,    .choices = "full_load_only|cdc_only|full_load_and_cdc",
                                               .if_null = "\"cdc_only\""},
    {"engine",               MR_INPUT_ENUM,    .choices = "external|connect", .if_null = "\"external\""},
    {"source_connection_id", MR_INPUT_UUID,    .if_null = NULL},
    {"target_connection_id", MR_INPUT_UUID,    .if_null = NULL},
    {"source_schema",        MR_INPUT_TEXT,    .min = 1, .max = 255},
    {"target_schema",        MR_INPUT_TEXT,    .min = 1, .max = 255},
    {"snapshot_mode",        MR_INPUT_TEXT,    .min = 1, .max = 64},
    {"topic_prefix",         MR_INPUT_TEXT,    .min = 1, .max = TOPIC_LEN_MAX, .fits = is_topic,
                                               .rule = "must be the beginning of a topic's name"},
    {"source_tables",        MR_INPUT_STRINGS, .max = TABLES_MAX, .item_max = 512, .if_null = "[]"},
    {"table_mapping",        MR_INPUT_OBJECT,  .max = CONFIG_BYTES, .if_null = "{}"},
    {"kafka_topics",         MR_INPUT_STRINGS, .max = TOPICS_MAX, .fits = is_topic, .if_null = "[]",
                                               .rule = "must hold topic names: 1 to 249 of A-Z a-z 0-9 . _ - each"},
    {"tags",                 MR_INPUT_STRINGS, .max = 100, .item_max = 100, .if_null = "[]"},
    {"debezium_config",      MR_INPUT_OBJECT,  .max = CONFIG_BYTES, .if_null = "{}"},
    {"sink_config",          MR_INPUT_OBJECT,  .max = CONFIG_BYTES, .if_null = "{}"},
    {"auto_create_target",   MR_INPUT_BOOL,    .if_null = "true"},
    {"cdc_metadata_columns", MR_INPUT_BOOL,    .if_null = "false"},
    {"schema_change_policy", MR_INPUT_ENUM,    .choices = "evolve|pause|ignore", .if_null = "\"evolve\""},
}; /* clang-format on */
const size_t mr_pipeline_fields_n = sizeof(mr_pipeline_fields) / sizeof(mr_pipeline_fields[0]);

static void read_fields(struct mr_call *c, enum mr_fields_of what, struct mr_buf *fields)
{
    mr_buf_init(fields, 4u << 20);
    mr_fields_read(c, mr_pipeline_fields, mr_pipeline_fields_n, what, fields);
}

static bool is_text(struct mr_span object, const char *name)
{
    struct mr_span v;

    return mr_json_get(object, name, &v) == MR_OK && mr_json_type(v) == MR_JSON_STRING;
}

/* A pipeline of our own copies from somewhere to somewhere. */
static void check_ends(struct mr_call *c, struct mr_span object)
{
    static const char *const ends[] = {"source_connection_id", "target_connection_id"};
    struct mr_span config;
    const char *fixed;

    for (size_t i = 0; i < 2; i++)
        if (!is_text(object, ends[i]))
            mr_call_fault(c, ends[i], "is needed: millrace runs this pipeline's connectors itself");
    for (size_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? "debezium_config" : "sink_config";

        fixed = mr_json_get(object, name, &config) == MR_OK ? mr_config_forbidden(config) : NULL;
        if (fixed)
            mr_call_fault(c, name, "%s is set by millrace: leave it out", fixed);
    }
}

/* An external pipeline's topics are named by whoever makes it: nothing else would find them. The
 * object is the pipeline as it would be. */
static void check_topics(struct mr_call *c, struct mr_span object)
{
    struct mr_span topics, prefix, engine;
    struct mr_json_iter it;
    bool any;

    if (mr_json_get(object, "engine", &engine) == MR_OK &&
        mr_span_is(mr_json_string_raw(engine), "connect")) {
        check_ends(c, object);
        return;
    }
    any = mr_json_get(object, "kafka_topics", &topics) == MR_OK &&
          mr_json_begin(&it, topics) == MR_OK && mr_json_next(&it) == MR_OK;
    if (!any && mr_json_get(object, "topic_prefix", &prefix) == MR_OK)
        any = mr_json_type(prefix) == MR_JSON_STRING;
    if (!any)
        mr_call_fault(c, "kafka_topics",
                      "an external pipeline needs kafka_topics or topic_prefix: which topics are "
                      "its own");
}

/* What the database made of it. */
static int explain(struct mr_call *c, int rc)
{
    if (rc == MR_E_CONFLICT)
        return mr_call_fail(c, rc, 0, "A pipeline with this name exists already.");
    if (rc == MR_E_DATA)
        return mr_call_fail(c, rc, 422,
                            "PostgreSQL refused a value: does the connection that it names exist?");
    if (rc == MR_E_NOTFOUND)
        return mr_call_fail(c, rc, 0, "Pipeline not found");
    return rc;
}

/* A connection that is hidden from the caller is, for the caller, not there. */
static int check_connections(struct mr_call *c, struct mr_pg *db, struct mr_span fields)
{
    static const char *const names[] = {"source_connection_id", "target_connection_id"};
    int rc = MR_OK;

    for (size_t i = 0; i < 2 && rc == MR_OK; i++) {
        char id[MR_UUID_TEXT] = "";
        struct mr_span v;
        struct mr_uuid uuid;

        if (mr_json_get(fields, names[i], &v) != MR_OK || mr_json_type(v) != MR_JSON_STRING ||
            !mr_uuid_parse(mr_json_string_raw(v), &uuid))
            continue;
        mr_uuid_format(uuid, id);
        rc = mr_call_sees(c, db, MR_OF_CONNECTION, id);
    }
    return rc == MR_E_NOTFOUND ? explain(c, MR_E_DATA) : rc;
}

int mr_post_pipelines(struct mr_call *c)
{
    struct mr_buf fields;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc;

    read_fields(c, MR_FIELDS_NEW, &fields);
    if (mr_call_faults(c) == MR_OK)
        check_topics(c, mr_buf_span(&fields));
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_buf_err(&fields);
    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = check_connections(c, db, mr_buf_span(&fields));
    if (rc == MR_OK)
        rc = explain(c, mr_pipelines_create(db, mr_buf_cstr(&fields), c->who.username, id, &c->out,
                                            &c->version));
    if (rc == MR_OK)
        rc = mr_call_audit(c, "pipeline.create", "pipeline", id, NULL, mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 201;
        mr_call_header(c, "Location", "/api/v1/pipelines/%s", id);
        LOG_INFO("pipeline_created", F_STR("pipeline_id", id), F_STR("by", c->who.username));
    }
    mr_buf_free(&fields);
    return rc;
}

static bool at_rest(const char *status)
{
    return strcmp(status, "NOT_STARTED") == 0 || strcmp(status, "STOPPED") == 0 ||
           strcmp(status, "ERROR") == 0;
}

static int change(struct mr_call *c, const char *id, const char *fields)
{
    struct mr_buf before = MR_BUF_INIT(4u << 20);
    struct mr_pipeline_locked now;
    struct mr_pg *db = NULL;
    int64_t version;
    int rc = mr_call_begin(c, &db);

    if (rc == MR_OK)
        rc = check_connections(c, db, mr_span_str(fields));
    if (rc == MR_OK)
        rc = explain(c, mr_pipelines_lock(db, id, fields, FROZEN, &now));
    if (rc == MR_OK)
        rc = mr_call_if_match(c, now.version);
    if (rc == MR_OK && now.frozen[0] && !at_rest(now.status)) {
        mr_buf_addf(&c->extra, ",\"current_status\":\"%s\"", now.status);
        rc = mr_call_fail(c, MR_E_CONFLICT, 0, "The pipeline is %s: stop it first to change %s.",
                          now.status, now.frozen);
    }
    if (rc == MR_OK)
        rc = mr_pipelines_get(db, id, &before, &version);
    if (rc == MR_OK)
        rc = explain(c, mr_pipelines_change(db, id, fields, &c->out, &c->version));
    if (rc == MR_OK) {
        check_topics(c, mr_buf_span(&c->out));
        rc = mr_call_faults(c);
    }
    if (rc == MR_OK)
        rc = mr_call_audit(c, "pipeline.change", "pipeline", id, mr_buf_cstr(&before),
                           mr_buf_cstr(&c->out));
    mr_buf_free(&before);
    return rc == MR_OK ? mr_call_commit(c) : rc;
}

int mr_put_pipeline(struct mr_call *c)
{
    struct mr_buf fields;
    char id[MR_UUID_TEXT];
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id);

    if (rc != MR_OK)
        return rc;
    read_fields(c, MR_FIELDS_CHANGE, &fields);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_buf_err(&fields);
    if (rc == MR_OK)
        rc = change(c, id, mr_buf_cstr(&fields));
    if (rc == MR_OK)
        LOG_INFO("pipeline_changed", F_STR("pipeline_id", id), F_STR("by", c->who.username),
                 F_INT("version", c->version));
    mr_buf_free(&fields);
    return rc;
}
