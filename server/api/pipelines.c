/* pipelines.c - pipelines: lists, deleting, and the commands that move them. Each change of state
 * is one guarded UPDATE. What somebody else's connectors feed (engine external) is where it is to
 * be at once; what millrace runs itself (engine connect) gets a job in the same transaction. */
#include "store/pipelines.h"
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "pipelines/state.h"
#include "store/jobs.h"
#include <stdio.h>
#include <strings.h>
#include <time.h>

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

/* What was made for it elsewhere goes by a job, which outlives the pipeline. */
static int clean_up_later(struct mr_call *c, struct mr_pg *db, const char *id, bool keep_slot,
                          bool drop_topics)
{
    char job[MR_UUID_TEXT], options[64];
    int rc = mr_jobs_cancel(db, id);

    (void)snprintf(options, sizeof(options), "{\"keep_slot\":%s,\"drop_topics\":%s}",
                   keep_slot ? "true" : "false", drop_topics ? "true" : "false");
    return rc == MR_OK ? mr_jobs_add(db, id, "delete", options, c->who.username, job) : rc;
}

int mr_delete_pipeline(struct mr_call *c)
{
    bool force = mr_call_query_bool(c, "force"), keep = mr_call_query_bool(c, "keep_slot");
    bool topics = mr_call_query_bool(c, "drop_topics");
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
        rc = mr_pipelines_brief(db, id, &now);
    if (rc == MR_OK)
        rc = mr_pipelines_delete(db, id, force);
    if (rc == MR_OK && strcmp(now.engine, "connect") == 0)
        rc = clean_up_later(c, db, id, keep, topics);
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
        mr_manager_wake(c->api->opt.manager);
        LOG_INFO("pipeline_deleted", F_STR("pipeline_id", id), F_STR("by", c->who.username));
    }
    return rc;
}

/* ---- commands ----------------------------------------------------------------------------- */

static const char *const verbs[MR_PL_COMMANDS] = {"start",  "stop",    "pause",
                                                  "resume", "restart", "resync"};

#define WAIT_S_MAX 60
#define WAIT_MS    100

/* One command on its way. */
struct order {
    struct mr_call *c;
    struct mr_pg *db;
    char id[MR_UUID_TEXT], was[16], job[MR_UUID_TEXT];
    enum mr_pipeline_command cmd;
    struct mr_pipeline_brief now;
    bool drop_slot;
};

/* Walk the path, one guarded UPDATE a step. MR_E_AGAIN: somebody moved it meanwhile; read anew. */
static int walk(struct order *o, enum mr_pipeline_state state)
{
    enum mr_pipeline_state path[2];
    int steps = mr_pipeline_path(state, o->cmd, path), rc = MR_OK;

    if (steps < 0)
        return MR_E_CONFLICT;
    for (int i = 0; i < steps && rc == MR_OK; i++) {
        const char *to = mr_pipeline_state_name(path[i]);

        rc = mr_pipelines_move(o->db, o->id, o->now.status, to);
        if (rc == MR_OK)
            (void)snprintf(o->now.status, sizeof(o->now.status), "%s", to);
    }
    return rc == MR_E_CONFLICT ? MR_E_AGAIN : rc;
}

/* The state that says that something is under way, and the job that does it. */
static int give_order(struct order *o, enum mr_pipeline_state state)
{
    struct mr_pipeline_order order;
    const char *to, *options = o->drop_slot ? "{\"drop_slot\":true}" : NULL;
    int rc = mr_pipeline_order(state, o->cmd, &order);

    if (rc != MR_OK || !order.job)
        return rc;
    to = mr_pipeline_state_name(order.to);
    if (order.to != state)
        rc = mr_pipelines_move(o->db, o->id, o->now.status, to);
    if (rc == MR_E_CONFLICT)
        return MR_E_AGAIN;
    (void)snprintf(o->now.status, sizeof(o->now.status), "%s", to);
    if (rc == MR_OK && order.cancels)
        rc = mr_jobs_cancel(o->db, o->id);
    return rc == MR_OK ? mr_jobs_add(o->db, o->id, order.job, options, o->c->who.username, o->job)
                       : rc;
}

static int obey(struct order *o)
{
    enum mr_pipeline_state state;
    int rc = mr_pipelines_brief(o->db, o->id, &o->now);

    if (rc != MR_OK)
        return rc;
    memcpy(o->was, o->now.status, sizeof(o->was));
    if (mr_pipeline_state_parse(mr_span_str(o->now.status), &state) != MR_OK)
        return MR_E_CONFLICT;
    if (strcmp(o->now.engine, "external") != 0)
        return give_order(o, state);
    if (o->cmd == MR_PL_RESYNC)
        return mr_call_fail(o->c, MR_E_INVAL, 422,
                            "This pipeline's connectors are somebody else's (engine external): "
                            "there is no load that could be done again.");
    return walk(o, state);
}

/* Nothing is written when nothing happened. */
static int audit_command(const struct order *o)
{
    char action[32], before[64], after[64];

    if (!o->job[0] && strcmp(o->was, o->now.status) == 0)
        return MR_OK;
    (void)snprintf(action, sizeof(action), "pipeline.%s", verbs[o->cmd]);
    (void)snprintf(before, sizeof(before), "{\"status\":\"%s\"}", o->was);
    (void)snprintf(after, sizeof(after), "{\"status\":\"%s\"}", o->now.status);
    return mr_call_audit(o->c, action, "pipeline", o->id, before, after);
}

/* It has come to rest when no job of it is open. */
static int await(struct order *o, int64_t seconds)
{
    uint64_t until = mr_mono_ms() + (uint64_t)seconds * 1000;
    bool open = true;
    int rc = MR_OK;

    while (rc == MR_OK && open && mr_mono_ms() < until) {
        mr_call_db_release(o->c);
        nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
        rc = mr_call_db(o->c, &o->db);
        if (rc == MR_OK)
            rc = mr_jobs_open(o->db, o->id, &open);
    }
    return rc == MR_OK ? mr_pipelines_brief(o->db, o->id, &o->now) : rc;
}

static void tell(struct order *o)
{
    struct mr_buf *b = &o->c->out;

    mr_buf_addf(b, "{\"pipeline_id\":\"%s\",\"status\":\"%s\",\"full_load\":{\"status\":\"%s\"}",
                o->id, o->now.status, o->now.full_load_status);
    mr_json_add_member(b, "debezium_connector", o->now.debezium_connector);
    mr_json_add_member(b, "sink_connector", o->now.sink_connector);
    mr_json_add_member(b, "job_id", o->job);
    mr_buf_addf(b, ",\"message\":\"Pipeline is %s\"}", o->now.status);
}

static int refused(struct order *o, int rc)
{
    if (rc == MR_E_NOTFOUND)
        return gone(o->c);
    if (rc == MR_E_CONFLICT || rc == MR_E_AGAIN) {
        mr_buf_addf(&o->c->extra, ",\"current_status\":\"%s\"", o->now.status);
        return mr_call_fail(o->c, MR_E_CONFLICT, 0, "The pipeline is %s: it cannot %s now.",
                            o->now.status, verbs[o->cmd]);
    }
    return rc;
}

static int command(struct mr_call *c, enum mr_pipeline_command cmd)
{
    struct order o = {.c = c, .cmd = cmd};
    int64_t wait_s = mr_call_query_int(c, "wait", 0, 0, WAIT_S_MAX);
    int rc, tries = MOVE_TRIES;

    o.drop_slot = cmd == MR_PL_STOP && mr_call_query_bool(c, "drop_slot");
    rc = mr_call_param_uuid(c, 0, "Pipeline", o.id);
    if (rc == MR_OK)
        rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_begin(c, &o.db);
    if (rc != MR_OK)
        return rc;
    while ((rc = obey(&o)) == MR_E_AGAIN && --tries > 0)
        ;
    if (rc != MR_OK)
        return refused(&o, rc);
    rc = audit_command(&o);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc != MR_OK)
        return rc;
    mr_manager_wake(c->api->opt.manager);
    LOG_INFO("pipeline_moved", F_STR("pipeline_id", o.id), F_STR("command", verbs[cmd]),
             F_STR("status", o.now.status), F_STR("by", c->who.username));
    if (wait_s > 0 && o.job[0] && !c->enclosed)
        rc = await(&o, wait_s);
    if (rc == MR_OK)
        tell(&o);
    return rc == MR_E_NOTFOUND ? gone(c) : rc;
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

int mr_post_pipeline_restart(struct mr_call *c)
{
    return command(c, MR_PL_RESTART);
}

int mr_post_pipeline_resync(struct mr_call *c)
{
    return command(c, MR_PL_RESYNC);
}
