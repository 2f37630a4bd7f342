/* monitoring.c - the event log for people: events, sums, the logger's state, dead letters. */
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "proto/cdc.h"
#include "store/events.h"
#include "store/pipelines.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     1000

/* "insert", "u", "DELETE": the kind's own name, so that the filter takes what events may be called.
 */
static const char *event_kind(struct mr_call *c, const char *text)
{
    enum mr_change_kind kind;

    if (!text)
        return NULL;
    kind = mr_cdc_kind(mr_span_str(text));
    if (kind == MR_CHANGE_OTHER && strcasecmp(text, "other") != 0) {
        mr_call_fault(c, "event_type",
                      "must be one of insert, update, delete, truncate, message, other");
        return NULL;
    }
    return mr_cdc_kind_name(kind);
}

int mr_get_events(struct mr_call *c)
{
    struct mr_buf kind, table, schema, status, from, to, text, cursor, hidden = MR_BUF_INIT(0);
    char pipeline[MR_UUID_TEXT], next[24];
    const char *seq, *unused;
    struct mr_event_page page = {0};
    struct mr_event_filter f = {
        .pipeline_id = mr_call_query_uuid(c, "pipeline_id", pipeline),
        .kind = event_kind(c, mr_call_query(c, "event_type", &kind)),
        .table = mr_call_query(c, "table", &table),
        .schema = mr_call_query(c, "schema", &schema),
        .status = mr_call_query(c, "status", &status),
        .from = mr_call_query_time(c, "from", &from),
        .to = mr_call_query_time(c, "to", &to),
        .text = mr_call_query(c, "q", &text),
        .after_seq = mr_call_query_int(c, "after_seq", 0, 0, INT64_MAX),
        .before_seq = INT64_MAX,
        .limit = mr_call_query_int(c, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX),
    };
    struct mr_pg *db;
    int rc;

    if (mr_call_cursor(c, &cursor, &seq, &unused) &&
        (mr_json_int(mr_span_str(seq), &f.before_seq) != MR_OK || f.before_seq < 0))
        mr_call_fault(c, "cursor", "is not a cursor of this list");
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_look(c, f.pipeline_id, &db, &hidden);
    f.hidden = mr_buf_cstr(&hidden);
    if (rc == MR_OK)
        rc = mr_events_list(db, &f, &c->out, &page);
    if (rc == MR_E_DATA)
        mr_call_fail(c, rc, 422, "from or to is not a time that exists.");
    if (rc == MR_OK && page.more) {
        (void)snprintf(next, sizeof(next), "%lld", (long long)page.last_seq);
        mr_call_next(c, next, "");
    }
    mr_buf_free(&hidden);
    mr_buf_free(&kind);
    mr_buf_free(&table);
    mr_buf_free(&schema);
    mr_buf_free(&status);
    mr_buf_free(&from);
    mr_buf_free(&to);
    mr_buf_free(&text);
    mr_buf_free(&cursor);
    return rc;
}

int mr_get_event(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_buf hidden = MR_BUF_INIT(0);
    struct mr_pg *db;
    int rc = mr_call_param_uuid(c, 0, "Event", id);

    if (rc == MR_OK)
        rc = mr_call_look(c, NULL, &db, &hidden);
    if (rc == MR_OK)
        rc = mr_events_get(db, id, mr_buf_cstr(&hidden), &c->out);
    mr_buf_free(&hidden);
    return rc == MR_E_NOTFOUND ? mr_call_fail(c, rc, 0, "Event not found") : rc;
}

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
