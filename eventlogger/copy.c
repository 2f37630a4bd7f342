/* copy.c - the rows and the dead letters of a transaction, by COPY.
 *
 * Rows go out in chunks as they are made, so that PostgreSQL works on the first while the next are
 * written, and the buffer stays small whatever the batch. */
#include "base/log.h"
#include "proto/b64.h"
#include "proto/json.h"
#include "store.h"

#include <stdio.h>

#define RUN_COLUMNS  13
#define DEAD_COLUMNS 10

static const char SQL_COPY_RUNS[] =
    "COPY pipeline_runs (id, pipeline_id, seq, pipeline_seq, run_type, op_kind, schema_name, "
    "table_name, status, started_at, completed_at, run_metadata, event) FROM STDIN (FORMAT binary)";
static const char SQL_COPY_DEAD[] =
    "COPY dead_letters (id, pipeline_id, topic, partition, \"offset\", record_key, record_value, "
    "headers, record_ts, reason) FROM STDIN (FORMAT binary)";

/* Class 54 is a limit of PostgreSQL's that the value passes, which waiting does not mend. */
static int copy_failed(struct el_work *w, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *why = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    int rc = mr_pg_err(res);

    if (state != NULL && strncmp(state, "54", 2) == 0)
        rc = MR_E_DATA;
    (void)snprintf(w->refused, sizeof(w->refused), "PostgreSQL refused it: %s (%s)",
                   why ? why : "no reason given", state ? state : "connection lost");
    if (rc != MR_E_DATA)
        LOG_WARN("copy_failed", F_STR("sqlstate", state ? state : "connection"),
                 F_STR("why", why ? why : "the connection was lost"));
    return rc;
}

static int copy_begin(struct el_work *w, const char *sql)
{
    PGresult *res = PQexec(mr_pg_raw(w->db), sql);
    int rc = PQresultStatus(res) == PGRES_COPY_IN ? MR_OK : copy_failed(w, res);

    PQclear(res);
    mr_buf_clear(&w->copy);
    el_tuple_begin(&w->copy);
    return rc;
}

/* Send what there is, if it is enough or if it must be. */
static int copy_send(struct el_work *w, size_t enough)
{
    int rc = mr_buf_err(&w->copy);

    if (rc != MR_OK || w->copy.len < enough)
        return rc;
    rc = PQputCopyData(mr_pg_raw(w->db), w->copy.ptr, (int)w->copy.len) == 1 ? MR_OK : MR_E_DB;
    mr_buf_clear(&w->copy);
    return rc;
}

static int copy_end(struct el_work *w, int rc)
{
    PGconn *conn = mr_pg_raw(w->db);
    PGresult *res;

    el_tuple_end(&w->copy);
    if (rc == MR_OK)
        rc = copy_send(w, 0);
    if (PQputCopyEnd(conn, rc == MR_OK ? NULL : "given up") != 1)
        return MR_E_DB;
    while ((res = PQgetResult(conn)) != NULL) {
        if (PQresultStatus(res) != PGRES_COMMAND_OK && rc == MR_OK)
            rc = copy_failed(w, res);
        PQclear(res);
    }
    return rc;
}

static void add_row(struct el_work *w, const struct mr_run_event *e, struct mr_uuid id,
                    uint32_t metadata)
{
    struct mr_buf *b = &w->copy;

    el_tuple_open(b, RUN_COLUMNS);
    el_tuple_bytes(b, id.b, sizeof(id.b));
    el_tuple_bytes(b, e->pipeline_id.b, sizeof(e->pipeline_id.b));
    el_tuple_i64(b, e->seq);
    el_tuple_i64(b, e->pipeline_seq);
    el_tuple_span(b, MR_SPAN("CDC"));
    el_tuple_span(b, mr_span_str(mr_cdc_kind_name(e->kind)));
    el_tuple_span(b, e->schema);
    el_tuple_span(b, e->table);
    el_tuple_span(b, MR_SPAN("COMPLETED"));
    el_tuple_time(b, w->logged_us);
    el_tuple_time(b, w->logged_us);
    el_tuple_jsonb(b, MR_SPAN("{"), mr_span_of(e->json.ptr + metadata, e->json.len - metadata));
    el_tuple_span(b, e->json);
}

int el_copy_rows(struct el_work *w)
{
    int rc = copy_begin(w, SQL_COPY_RUNS);

    if (rc != MR_OK)
        return rc;
    for (size_t i = 0; i < w->out->n && rc == MR_OK; i++) {
        add_row(w, &w->out->events[i], w->ids[i], w->metadata[i]);
        rc = copy_send(w, EL_COPY_CHUNK);
    }
    return copy_end(w, rc);
}

/* ---- dead letters ------------------------------------------------------------------------- */

/* [{"key": "name", "value": base64 or null}, ..] in the record's order */
static void headers_json(struct mr_buf *b, const rd_kafka_message_t *msg)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;

    mr_buf_clear(b);
    mr_buf_add_char(b, '[');
    if (rd_kafka_message_headers(msg, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0;
             rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
             i++) {
            mr_buf_add_str(b, i > 0 ? ",{\"key\":" : "{\"key\":");
            mr_json_add_string(b, mr_span_str(name));
            mr_buf_add_str(b, value ? ",\"value\":\"" : ",\"value\":null");
            if (value != NULL) {
                mr_b64_encode(mr_span_of(value, len), b);
                mr_buf_add_char(b, '"');
            }
            mr_buf_add_char(b, '}');
        }
    mr_buf_add_char(b, ']');
}

static int add_letter(struct el_work *w, const struct el_record *r)
{
    const struct el_part *part = &w->b->parts[r->part];
    struct mr_uuid id = mr_uuid7(w->logged_us / 1000);
    int64_t ms = el_message_ms(r->msg);
    struct mr_buf *b = &w->copy;

    headers_json(&w->json, r->msg);
    el_tuple_open(b, DEAD_COLUMNS);
    el_tuple_bytes(b, id.b, sizeof(id.b));
    el_tuple_bytes(b, part->owner.b, sizeof(part->owner.b));
    el_tuple_span(b, mr_span_str(part->topic));
    el_tuple_i32(b, part->partition);
    el_tuple_i64(b, r->msg->offset);
    el_tuple_span(b, el_message_key(r->msg));
    el_tuple_span(b, el_message_value(r->msg));
    el_tuple_jsonb(b, MR_SPAN_NONE, mr_buf_span(&w->json));
    if (ms >= 0 && ms < INT64_MAX / 1000)
        el_tuple_time(b, ms * 1000);
    else
        el_tuple_null(b);
    el_tuple_span(b, mr_span_str(r->reason ? r->reason : "it could not be read"));
    return mr_buf_err(&w->json);
}

int el_copy_dead(struct el_work *w)
{
    int rc = copy_begin(w, SQL_COPY_DEAD);

    if (rc != MR_OK)
        return rc;
    for (size_t i = w->from; i < w->to && rc == MR_OK; i++) {
        if (!w->b->records[i].dead)
            continue;
        rc = add_letter(w, &w->b->records[i]);
        if (rc == MR_OK)
            rc = copy_send(w, EL_COPY_CHUNK);
    }
    return copy_end(w, rc);
}
