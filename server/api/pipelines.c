/* pipelines.c - pipelines that somebody else's connector feeds (engine external): the row that the
 * logger consumes by, and its state. Each change of state is one guarded UPDATE. */
#include "store/pipelines.h"
#include "api/api.h"
#include "api/handlers.h"
#include "base/log.h"
#include "pipelines/state.h"
#include <stdio.h>
#include <strings.h>

#define TOPICS_MAX    1000
#define TOPIC_LEN_MAX 249 /* Kafka's own limit */
#define MOVE_TRIES    5

static const char *const modes[] = {"full_load_only", "cdc_only", "full_load_and_cdc"};

static int gone(struct mr_call *c)
{
    return mr_call_fail(c, MR_E_NOTFOUND, 0, "Pipeline not found");
}

/* The mode as it is stored; any case in. */
static const char *mode_of(struct mr_call *c, const char *text)
{
    for (size_t i = 0; text && i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcasecmp(text, modes[i]) == 0)
            return modes[i];
    if (text)
        mr_call_fault(c, "mode", "must be one of full_load_only, cdc_only, full_load_and_cdc");
    return NULL;
}

int mr_get_pipelines(struct mr_call *c)
{
    struct mr_buf status, mode, text, cursor;
    const char *state = mr_call_query(c, "status", &status);
    enum mr_pipeline_state known;
    struct mr_pipeline_page page;
    struct mr_pipeline_filter f = {
        .mode = mode_of(c, mr_call_query(c, "mode", &mode)),
        .text = mr_call_query(c, "q", &text),
        .limit = mr_call_query_int(c, "limit", 50, 1, 1000),
    };
    struct mr_pg *db = NULL;
    int rc;

    if (state && mr_pipeline_state_parse(mr_span_str(state), &known) == MR_OK)
        f.status = mr_pipeline_state_name(known);
    else if (state)
        mr_call_fault(c, "status", "is not a state of a pipeline");
    mr_call_cursor(c, &cursor, &f.after_time, &f.after_id);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_pipelines_list(db, &f, &c->out, &page);
    if (rc == MR_E_DATA)
        mr_call_fail(c, rc, 422, "cursor: is not a cursor of this list");
    if (rc == MR_OK) {
        mr_call_header(c, "X-Total-Count", "%lld", (long long)page.total);
        if (page.more)
            mr_call_next(c, page.last_time, page.last_id);
    }
    mr_buf_free(&status);
    mr_buf_free(&mode);
    mr_buf_free(&text);
    mr_buf_free(&cursor);
    return rc;
}

int mr_get_pipeline(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id);

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_pipelines_get(db, id, &c->out);
    return rc == MR_E_NOTFOUND ? gone(c) : rc;
}

/* ---- create ------------------------------------------------------------------------------- */

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

/* How many topics; each must be a name that Kafka would take. */
static size_t check_topics(struct mr_call *c, const char *raw)
{
    struct mr_json_iter it;
    size_t n = 0;
    int rc;

    if (!raw)
        return 0;
    for (rc = mr_json_begin(&it, mr_span_str(raw));
         rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK; n++) {
        if (!is_topic(mr_json_string_raw(it.value))) {
            mr_call_fault(c, "kafka_topics",
                          "must hold topic names: 1 to 249 of A-Z a-z 0-9 . _ - each");
            return n + 1;
        }
    }
    if (n > TOPICS_MAX)
        mr_call_fault(c, "kafka_topics", "must hold at most %d topics", TOPICS_MAX);
    return n;
}

static void check_strings(struct mr_call *c, const char *name, const char *raw)
{
    struct mr_json_iter it;
    int rc;

    if (!raw)
        return;
    for (rc = mr_json_begin(&it, mr_span_str(raw));
         rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;)
        if (mr_json_type(it.value) != MR_JSON_STRING) {
            mr_call_fault(c, name, "must hold strings");
            return;
        }
}

static void check_uuid(struct mr_call *c, const char *name, const char *text)
{
    struct mr_uuid id;

    if (text && !mr_uuid_parse(mr_span_str(text), &id))
        mr_call_fault(c, name, "must be a UUID");
}

/* Text of the fields while the statement runs; freed together. */
enum {
    NAME,
    DESCRIPTION,
    MODE,
    ENGINE,
    SOURCE_ID,
    TARGET_ID,
    SOURCE_SCHEMA,
    TARGET_SCHEMA,
    SNAPSHOT,
    PREFIX,
    TABLES,
    MAPPING,
    TOPICS,
    TAGS,
    DEBEZIUM,
    SINK,
    AUTO,
    FIELDS
};

static void read_fields(struct mr_call *c, struct mr_buf s[FIELDS], struct mr_pipeline_new *p)
{
    *p = (struct mr_pipeline_new){
        .name = mr_call_text(c, "name", true, 1, 255, &s[NAME]),
        .description = mr_call_text(c, "description", false, 0, 10000, &s[DESCRIPTION]),
        .mode = mode_of(c, mr_call_text(c, "mode", false, 1, 32, &s[MODE])),
        .engine = mr_call_text(c, "engine", false, 1, 32, &s[ENGINE]),
        .source_connection_id =
            mr_call_text(c, "source_connection_id", false, 1, 64, &s[SOURCE_ID]),
        .target_connection_id =
            mr_call_text(c, "target_connection_id", false, 1, 64, &s[TARGET_ID]),
        .source_schema = mr_call_text(c, "source_schema", false, 1, 255, &s[SOURCE_SCHEMA]),
        .target_schema = mr_call_text(c, "target_schema", false, 1, 255, &s[TARGET_SCHEMA]),
        .snapshot_mode = mr_call_text(c, "snapshot_mode", false, 1, 64, &s[SNAPSHOT]),
        .topic_prefix = mr_call_text(c, "topic_prefix", false, 1, TOPIC_LEN_MAX, &s[PREFIX]),
        .source_tables = mr_call_raw(c, "source_tables", MR_JSON_ARRAY, &s[TABLES]),
        .table_mapping = mr_call_raw(c, "table_mapping", MR_JSON_OBJECT, &s[MAPPING]),
        .kafka_topics = mr_call_raw(c, "kafka_topics", MR_JSON_ARRAY, &s[TOPICS]),
        .tags = mr_call_raw(c, "tags", MR_JSON_ARRAY, &s[TAGS]),
        .debezium_config = mr_call_raw(c, "debezium_config", MR_JSON_OBJECT, &s[DEBEZIUM]),
        .sink_config = mr_call_raw(c, "sink_config", MR_JSON_OBJECT, &s[SINK]),
        .auto_create_target = mr_call_raw(c, "auto_create_target", MR_JSON_TRUE, &s[AUTO]),
        .created_by = c->who.username,
    };
    check_uuid(c, "source_connection_id", p->source_connection_id);
    check_uuid(c, "target_connection_id", p->target_connection_id);
    check_strings(c, "source_tables", p->source_tables);
    check_strings(c, "tags", p->tags);
    if (p->topic_prefix && !is_topic(mr_span_str(p->topic_prefix)))
        mr_call_fault(c, "topic_prefix", "must be the beginning of a topic's name");
}

static void check_engine(struct mr_call *c, struct mr_pipeline_new *p)
{
    size_t topics = check_topics(c, p->kafka_topics);

    if (p->engine && strcasecmp(p->engine, "connect") == 0) {
        mr_call_fault(c, "engine",
                      "this build manages external pipelines only: use \"external\" with "
                      "kafka_topics or topic_prefix");
        return;
    }
    if (p->engine && strcasecmp(p->engine, "external") != 0) {
        mr_call_fault(c, "engine", "must be external");
        return;
    }
    p->engine = "external";
    if (topics == 0 && !p->topic_prefix)
        mr_call_fault(c, "kafka_topics",
                      "an external pipeline needs kafka_topics or topic_prefix: which topics are "
                      "its own");
}

int mr_post_pipelines(struct mr_call *c)
{
    struct mr_buf store[FIELDS];
    struct mr_pipeline_new p;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc;

    for (size_t i = 0; i < FIELDS; i++)
        mr_buf_init(&store[i], 0);
    read_fields(c, store, &p);
    check_engine(c, &p);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_pipelines_create(db, &p, id, &c->out);
    if (rc == MR_E_CONFLICT)
        mr_call_fail(c, rc, 0, "A pipeline with this name exists already.");
    if (rc == MR_E_DATA)
        mr_call_fail(c, rc, 422,
                     "PostgreSQL refused a value: does the connection that it names exist?");
    if (rc == MR_OK) {
        c->status = 201;
        mr_call_header(c, "Location", "/api/v1/pipelines/%s", id);
        LOG_INFO("pipeline_created", F_STR("pipeline_id", id), F_STR("by", c->who.username));
    }
    for (size_t i = 0; i < FIELDS; i++)
        mr_buf_free(&store[i]);
    return rc;
}

int mr_delete_pipeline(struct mr_call *c)
{
    bool force = mr_call_query_bool(c, "force");
    struct mr_pipeline_brief now;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id);

    if (rc == MR_OK)
        rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_pipelines_delete(db, id, force);
    if (rc == MR_E_NOTFOUND)
        return gone(c);
    if (rc == MR_E_CONFLICT) {
        if (mr_pipelines_brief(db, id, &now) == MR_OK)
            mr_buf_addf(&c->extra, ",\"current_status\":\"%s\"", now.status);
        return mr_call_fail(c, rc, 0,
                            "The pipeline is running; stop it first, or use ?force=true.");
    }
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
        LOG_INFO("pipeline_deleted", F_STR("pipeline_id", id), F_STR("by", c->who.username));
    }
    return rc;
}

/* ---- commands ----------------------------------------------------------------------------- */

static const char *const verbs[] = {"start", "stop", "pause", "resume"};

/* Walk the path, one guarded UPDATE a step. MR_E_AGAIN: somebody moved it meanwhile; read anew. */
static int walk(struct mr_pg *db, const char *id, struct mr_pipeline_brief *now,
                enum mr_pipeline_command cmd)
{
    enum mr_pipeline_state state, path[2];
    int steps, rc = MR_OK;

    if (mr_pipeline_state_parse(mr_span_str(now->status), &state) != MR_OK)
        return MR_E_CONFLICT;
    steps = mr_pipeline_path(state, cmd, path);
    if (steps < 0)
        return MR_E_CONFLICT;
    for (int i = 0; i < steps && rc == MR_OK; i++) {
        rc = mr_pipelines_move(db, id, now->status, mr_pipeline_state_name(path[i]));
        if (rc == MR_OK)
            (void)snprintf(now->status, sizeof(now->status), "%s", mr_pipeline_state_name(path[i]));
    }
    return rc == MR_E_CONFLICT ? MR_E_AGAIN : rc;
}

static int command(struct mr_call *c, enum mr_pipeline_command cmd)
{
    struct mr_pipeline_brief now;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id), tries = MOVE_TRIES;

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc != MR_OK)
        return rc;
    do {
        rc = mr_pipelines_brief(db, id, &now);
        if (rc == MR_OK && strcmp(now.engine, "external") != 0)
            return mr_call_fail(c, MR_E_INVAL, 422,
                                "This build manages external pipelines only; this one's engine is "
                                "%s.",
                                now.engine);
        if (rc == MR_OK)
            rc = walk(db, id, &now, cmd);
    } while (rc == MR_E_AGAIN && --tries > 0);
    if (rc == MR_E_NOTFOUND)
        return gone(c);
    if (rc == MR_E_CONFLICT || rc == MR_E_AGAIN) {
        mr_buf_addf(&c->extra, ",\"current_status\":\"%s\"", now.status);
        return mr_call_fail(c, MR_E_CONFLICT, 0, "The pipeline is %s: it cannot %s now.",
                            now.status, verbs[cmd]);
    }
    if (rc != MR_OK)
        return rc;
    LOG_INFO("pipeline_moved", F_STR("pipeline_id", id), F_STR("command", verbs[cmd]),
             F_STR("status", now.status), F_STR("by", c->who.username));
    mr_buf_addf(&c->out, "{\"pipeline_id\":\"%s\",\"status\":\"%s\",\"full_load\":", id,
                now.status);
    mr_buf_addf(&c->out, "{\"status\":\"%s\"},\"debezium_connector\":", now.full_load_status);
    mr_json_add_string_or_null(
        &c->out, now.debezium_connector[0] ? mr_span_str(now.debezium_connector) : MR_SPAN_NONE);
    mr_buf_add_str(&c->out, ",\"sink_connector\":");
    mr_json_add_string_or_null(&c->out, now.sink_connector[0] ? mr_span_str(now.sink_connector)
                                                              : MR_SPAN_NONE);
    mr_buf_addf(&c->out, ",\"message\":\"Pipeline is %s\"}", now.status);
    return MR_OK;
}

int mr_post_pipeline_start(struct mr_call *c)
{
    return command(c, MR_PL_START);
}

int mr_post_pipeline_stop(struct mr_call *c)
{
    return command(c, MR_PL_STOP);
}

int mr_post_pipeline_pause(struct mr_call *c)
{
    return command(c, MR_PL_PAUSE);
}

int mr_post_pipeline_resume(struct mr_call *c)
{
    return command(c, MR_PL_RESUME);
}
