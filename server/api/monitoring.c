/* monitoring.c - the event log for people: sums, the logger's state, and whether all adds up. */
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "store/events.h"
#include "store/pipelines.h"
#include "store/reconcile.h"

int mr_get_dashboard(struct mr_call *c)
{
    char pipeline[MR_UUID_TEXT];
    const char *id = mr_call_query_uuid(c, "pipeline_id", pipeline);
    struct mr_buf hidden = MR_BUF_INIT(0);
    struct mr_pg *db;
    int rc = mr_call_faults(c);

    if (rc == MR_OK)
        rc = mr_call_look(c, id, &db, &hidden);
    if (rc == MR_OK) {
        mr_buf_add_char(&c->out, '{');
        rc = mr_events_dashboard(db, id, mr_buf_cstr(&hidden), &c->out);
    }
    mr_buf_free(&hidden);
    /* What a sink applied is known to the sink's consumer group alone; this build manages none. */
    mr_buf_add_str(&c->out, ",\"success_rate\":null}");
    return rc;
}

int mr_get_reconcile(struct mr_call *c)
{
    char pipeline[MR_UUID_TEXT];
    const char *id = mr_call_query_uuid(c, "pipeline_id", pipeline);
    int64_t limit = mr_call_query_int(c, "limit", 1000, 1, 10000);
    bool rows = mr_call_query_bool(c, "rows");
    struct mr_buf hidden = MR_BUF_INIT(0);
    struct mr_pg *db;
    int rc = mr_call_faults(c);

    if (rc == MR_OK)
        rc = mr_call_look(c, id, &db, &hidden);
    if (rc == MR_OK)
        rc = mr_reconcile(db, id, mr_buf_cstr(&hidden), rows, limit, &c->out);
    mr_buf_free(&hidden);
    return rc;
}

/* Without a logger in this process the log itself tells when it last grew. */
static int logger_elsewhere(struct mr_call *c)
{
    PGresult *res = NULL;
    struct mr_pg *db;
    int rc = mr_call_db(c, &db);

    if (rc == MR_OK)
        rc = mr_pg_exec(db,
                        "SELECT to_char(max(updated_at) AT TIME ZONE 'UTC', "
                        "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), "
                        "(SELECT last_seq FROM event_log_head), "
                        "(SELECT count(*) FROM dead_letters) FROM consumer_offsets",
                        0, NULL, &res);
    if (rc != MR_OK)
        return rc;
    mr_buf_add_str(&c->out, "{\"status\":\"elsewhere\",\"running\":null,\"group_id\":");
    mr_json_add_string(&c->out, mr_span_str(c->api->opt.cfg->kafka_group));
    mr_buf_add_str(&c->out, ",\"assigned\":[],\"lag_records\":null,\"events_per_second\":null,"
                            "\"last_error\":null,\"last_commit_at\":");
    mr_json_add_string_or_null(&c->out, mr_pg_span(res, 0, 0));
    mr_buf_addf(&c->out,
                ",\"last_seq\":%s,\"batches\":null,\"dead_letters\":%s,"
                "\"uptime_seconds\":null}",
                PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2));
    PQclear(res);
    return MR_OK;
}

int mr_get_logger_status(struct mr_call *c)
{
    if (!c->api->opt.logger_json)
        return logger_elsewhere(c);
    c->api->opt.logger_json(&c->out, c->api->opt.logger_ctx);
    return MR_OK;
}

/* It is asked for durably before it is done: who did it is known whatever becomes of it. */
int mr_post_logger_restart(struct mr_call *c)
{
    struct mr_pg *db;
    int rc;

    if (!c->api->opt.logger_json)
        return mr_call_fail(c, MR_E_CONFLICT, 0,
                            "The event logger runs in another process: restart that.");
    rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = mr_call_audit(c, "event_logger.restart", "event_logger", NULL, NULL, NULL);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK)
        rc = c->api->opt.logger_restart(c->api->opt.logger_ctx);
    if (rc != MR_OK)
        return mr_call_fail(c, rc, 503, "The event logger could not be started again: %s.",
                            mr_err_text(rc));
    c->api->opt.logger_json(&c->out, c->api->opt.logger_ctx);
    return MR_OK;
}
