/* letters.c - a dead letter read again: what can be read by now becomes an event at the head of the
 * log, and the letter is gone, in one transaction of the caller's. The log's head is locked as for
 * a batch, so the order of the log stays the order of commits; who listens for NOTIFY delivers it.
 */
#include "base/log.h"
#include "proto/alloc.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

static const char SQL_TAKE[] =
    "DELETE FROM dead_letters WHERE id = $1::uuid RETURNING pipeline_id, topic, partition, "
    "\"offset\", record_key, record_value, extract(epoch FROM record_ts) * 1000";

/* Its offset stays a dead letter's; the head is locked already. */
static const char SQL_UNCOUNTED[] = "UPDATE event_log_head SET uncounted = uncounted + 1";

struct bytes {
    unsigned char *ptr; /* PQfreemem; NULL: SQL NULL */
    size_t len;
};

static struct bytes bytes_of(const PGresult *res, int column)
{
    struct bytes b = {0};

    if (!PQgetisnull(res, 0, column))
        b.ptr = PQunescapeBytea((const unsigned char *)PQgetvalue(res, 0, column), &b.len);
    return b;
}

static struct mr_span span_of(struct bytes b)
{
    return b.ptr ? mr_span_of((const char *)b.ptr, b.len) : MR_SPAN_NONE;
}

/* One record in a batch of its own, which no Kafka client knows of. */
struct single {
    rd_kafka_message_t msg;
    struct el_record record;
    struct el_part part;
    struct el_batch batch;
    struct el_logger logger;
    struct el_work work;
};

static int append(struct single *s)
{
    struct el_work *w = &s->work;
    int rc;

    w->logged_us = mr_wall_us();
    mr_time_format(w->logged_us, w->logged_text);
    rc = el_work_count(w);
    if (rc == MR_OK) {
        w->tallies[0].failed--; /* what was a dead letter is one no more */
        rc = el_work_append(w);
        if (rc == MR_OK && w->counts.events > 0)
            rc = mr_pg_run(w->db, SQL_UNCOUNTED);
    }
    if (rc == MR_E_DATA && w->refused[0] == '\0')
        (void)snprintf(w->refused, sizeof(w->refused), "PostgreSQL refuses a value of it");
    return rc;
}

static void set_up(struct single *s, struct mr_pg *db, const struct mr_config *cfg,
                   const PGresult *row)
{
    int64_t record_ms = PQgetisnull(row, 0, 6) ? -1 : (int64_t)strtod(PQgetvalue(row, 0, 6), NULL);
    struct mr_change *c = &s->record.change;

    if (c->source_ts_ms < 0 && c->ts_ms < 0)
        c->ts_ms = record_ms; /* Kafka's time, where the record has none of its own */
    s->msg.offset = mr_pg_i64(row, 0, 3);
    s->record.msg = &s->msg;
    (void)snprintf(s->part.topic, sizeof(s->part.topic), "%s", PQgetvalue(row, 0, 1));
    s->part.partition = (int32_t)mr_pg_i64(row, 0, 2);
    (void)mr_uuid_parse(mr_pg_span(row, 0, 0), &s->part.owner);
    s->batch = (struct el_batch){
        .records = &s->record, .n = 1, .cap = 1, .parts = &s->part, .parts_n = 1, .parts_cap = 1};
    s->logger.cfg = cfg;
    s->work.l = &s->logger;
    s->work.db = db;
    s->work.b = &s->batch;
    s->work.to = 1;
    mr_buf_init(&s->work.copy, EL_COPY_MAX);
    mr_buf_init(&s->work.json, EL_COPY_MAX);
    mr_buf_init(&s->work.name, EL_COPY_MAX);
}

int el_letter_retry(struct mr_pg *db, const char *id, const struct mr_config *cfg,
                    char reason[EL_REASON_MAX])
{
    struct single *s = mr_zalloc(1, sizeof(*s));
    struct bytes key = {0}, value = {0};
    PGresult *row = NULL;
    int rc = s ? mr_pg_exec(db, SQL_TAKE, 1, &id, &row) : MR_E_NOMEM;

    reason[0] = '\0';
    if (rc == MR_OK && PQntuples(row) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK) {
        char why[MR_CDC_REASON_MAX] = "";

        key = bytes_of(row, 4);
        value = bytes_of(row, 5);
        rc = mr_cdc_read(mr_pg_span(row, 0, 1), span_of(key), span_of(value), &s->record.change,
                         why);
        if (rc != MR_OK) {
            (void)snprintf(reason, EL_REASON_MAX, "%s", why[0] ? why : "it cannot be read");
            rc = MR_E_PROTO;
        }
    }
    if (rc == MR_OK) {
        set_up(s, db, cfg, row);
        rc = append(s);
        if (rc == MR_E_DATA)
            (void)snprintf(reason, EL_REASON_MAX, "%s", s->work.refused);
        el_work_free(&s->work);
    }
    PQfreemem(key.ptr);
    PQfreemem(value.ptr);
    PQclear(row);
    mr_free(s);
    return rc;
}
