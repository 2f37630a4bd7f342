/* pipelines.c - pipelines that somebody else's connector feeds (engine external): the row that the
 * logger consumes by, and its state. Each change of state is one guarded UPDATE. */
#include "store/pipelines.h"
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "base/log.h"
#include "pipelines/state.h"
#include <stdio.h>
#include <strings.h>

#define MOVE_TRIES 5

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
    struct mr_buf status, mode, text, cursor, hidden = MR_BUF_INIT(0);
    const char *state = mr_call_query(c, "status", &status);
    enum mr_pipeline_state known;
    struct mr_page page;
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
    if (rc == MR_OK) {
        rc = mr_call_hidden(c, db, MR_OF_PIPELINE, &hidden);
        f.hidden = mr_buf_cstr(&hidden);
    }
    if (rc == MR_OK)
        rc = mr_call_page(c, mr_pipelines_list(db, &f, &c->out, &page), &page);
    mr_buf_free(&hidden);
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
        rc = mr_pipelines_get(db, id, &c->out, &c->version);
    return rc == MR_E_NOTFOUND ? gone(c) : rc;
}

/* ---- delete ------------------------------------------------------------------------------- */

int mr_delete_pipeline(struct mr_call *c)
{
    bool force = mr_call_query_bool(c, "force");
    struct mr_buf before = MR_BUF_INIT(4u << 20);
    struct mr_pipeline_brief now;
    int64_t version;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id);

    if (rc == MR_OK)
        rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = mr_pipelines_get(db, id, &before, &version);
    if (rc == MR_OK)
        rc = mr_call_if_match(c, version);
    if (rc == MR_OK)
        rc = mr_pipelines_delete(db, id, force);
    if (rc == MR_OK)
        rc = mr_call_audit(c, "pipeline.delete", "pipeline", id, mr_buf_cstr(&before), NULL);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    mr_buf_free(&before);
    if (rc == MR_E_NOTFOUND)
        return gone(c);
    if (rc == MR_E_CONFLICT && c->fail_status != 412) {
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

/* The states before and after; nothing is written when nothing happened. */
static int audit_command(struct mr_call *c, const char *id, const char *was, const char *now,
                         enum mr_pipeline_command cmd)
{
    static const char *const actions[] = {"pipeline.start", "pipeline.stop", "pipeline.pause",
                                          "pipeline.resume"};
    char before[64], after[64];

    if (strcmp(was, now) == 0)
        return MR_OK;
    (void)snprintf(before, sizeof(before), "{\"status\":\"%s\"}", was);
    (void)snprintf(after, sizeof(after), "{\"status\":\"%s\"}", now);
    return mr_call_audit(c, actions[cmd], "pipeline", id, before, after);
}

static int command(struct mr_call *c, enum mr_pipeline_command cmd)
{
    struct mr_pipeline_brief now;
    char id[MR_UUID_TEXT], was[sizeof(now.status)] = "";
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id), tries = MOVE_TRIES;

    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
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
            memcpy(was, now.status, sizeof(was));
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
    if (rc == MR_OK)
        rc = audit_command(c, id, was, now.status, cmd);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
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
