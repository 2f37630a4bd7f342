/* forward.c - counting a piece of a batch, writing its events, and handing them on once they are
 * committed.
 *
 * An event's text is made here, once: COPY stores these bytes, the rooms send these bytes, and a
 * later replay reads them back. */
#include "base/fault.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "proto/b64.h"
#include "store.h"

#include "pen.h"

/* ---- counting ----------------------------------------------------------------------------- */

static struct el_tally *tally_for(struct el_work *w, struct mr_uuid pipeline)
{
    for (size_t i = 0; i < w->tallies_n; i++)
        if (memcmp(&w->tallies[i].pipeline, &pipeline, sizeof(pipeline)) == 0)
            return &w->tallies[i];
    w->tallies[w->tallies_n] = (struct el_tally){.pipeline = pipeline};
    return &w->tallies[w->tallies_n++];
}

/* At most one tally a part. */
static int make_room(struct el_work *w)
{
    size_t n = w->b->parts_n;

    if (n <= w->parts_cap)
        return MR_OK;
    mr_free(w->tallies);
    mr_free(w->tally_of_part);
    mr_free(w->table_of_part);
    mr_free(w->fates);
    w->parts_cap = 0;
    w->tallies = mr_zalloc(n, sizeof(*w->tallies));
    w->tally_of_part = mr_zalloc(n, sizeof(*w->tally_of_part));
    w->table_of_part = mr_zalloc(n, sizeof(*w->table_of_part));
    w->fates = mr_zalloc(n, sizeof(*w->fates));
    if (w->tallies == NULL || w->tally_of_part == NULL || w->table_of_part == NULL ||
        w->fates == NULL)
        return MR_E_NOMEM;
    w->parts_cap = n;
    return MR_OK;
}

static void count_event(const struct el_work *w, struct el_tally *t, const struct mr_change *c)
{
    int64_t latency = el_event_latency_ms(c, w->logged_us);

    t->events++;
    t->insert += c->kind == MR_CHANGE_INSERT;
    t->update += c->kind == MR_CHANGE_UPDATE;
    t->delete_ += c->kind == MR_CHANGE_DELETE;
    t->other += c->kind > MR_CHANGE_DELETE;
    t->snapshot += c->snapshot && c->kind == MR_CHANGE_INSERT;
    t->last = c;
    if (latency >= 0) {
        t->latency_count++;
        t->latency_sum_ms += latency;
    }
}

/* When it was sent: the content of a probe, or Debezium's own ts_ms. */
static void count_heartbeat(struct el_tally *t, const struct mr_change *c)
{
    struct mr_buf text = MR_BUF_INIT(64);
    struct mr_span content;
    int64_t sent = c->ts_ms;

    if (mr_json_get(c->message, "content", &content) == MR_OK &&
        (mr_b64_decode(mr_json_string_raw(content), &text) != MR_OK ||
         mr_json_int(mr_buf_span(&text), &sent) != MR_OK))
        sent = c->ts_ms;
    mr_buf_free(&text);
    if (sent > t->heartbeat_ms)
        t->heartbeat_ms = sent;
}

int el_work_count(struct el_work *w)
{
    int rc = make_room(w);

    if (rc == MR_OK)
        rc = el_minutes_begin(w);
    if (rc != MR_OK)
        return rc;
    el_ledger_count(w);
    w->tallies_n = 0;
    w->counts = (struct el_counts){0};
    for (size_t i = 0; i < w->b->parts_n; i++)
        w->tally_of_part[i] = (uint32_t)(tally_for(w, w->b->parts[i].owner) - w->tallies);
    for (size_t i = w->from; i < w->to; i++) {
        const struct el_record *r = &w->b->records[i];
        struct el_tally *t = &w->tallies[w->tally_of_part[r->part]];

        if (r->known) {
            continue;
        } else if (r->dead) {
            t->failed++;
            w->counts.dead++;
        } else if (MR_CHANGE_IS_EVENT(r->change.kind)) {
            count_event(w, t, &r->change);
            el_minutes_count(w, r->part, &r->change);
            w->counts.events++;
        } else {
            t->tombstone += r->change.kind == MR_CHANGE_TOMBSTONE;
            t->skipped += r->change.kind != MR_CHANGE_TOMBSTONE;
            if (r->change.kind == MR_CHANGE_HEARTBEAT)
                count_heartbeat(t, &r->change);
            w->counts.skipped++;
        }
    }
    return MR_OK;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool is_event(const struct el_record *r)
{
    return !r->known && !r->dead && MR_CHANGE_IS_EVENT(r->change.kind);
}

static struct el_event_place place_of(const struct el_work *w, const struct el_record *r)
{
    const struct el_part *part = &w->b->parts[r->part];

    return (struct el_event_place){
        .pipeline_id = part->owner,
        .logged_us = w->logged_us,
        .logged_text = w->logged_text,
        .topic = mr_span_str(part->topic),
        .partition = part->partition,
        .offset = r->msg->offset,
        .record_ms = -1,
        .row_bytes_max = (size_t)w->l->cfg->record_bytes,
    };
}

static int rows_room(struct el_work *w, size_t n)
{
    if (n <= w->rows_cap)
        return MR_OK;
    mr_free(w->ids);
    mr_free(w->metadata);
    w->rows_cap = 0;
    w->ids = mr_zalloc(n, sizeof(*w->ids));
    w->metadata = mr_zalloc(n, sizeof(*w->metadata));
    if (w->ids == NULL || w->metadata == NULL)
        return MR_E_NOMEM;
    w->rows_cap = n;
    return MR_OK;
}

/* A batch for n events and their bytes at most. */
static struct mr_run_batch *new_out(size_t n, size_t bytes)
{
    struct mr_run_batch *out = mr_zalloc(1, sizeof(*out));

    if (out == NULL)
        return NULL;
    atomic_init(&out->refs, 1);
    out->events = mr_zalloc(n, sizeof(*out->events));
    out->bytes = mr_alloc(bytes);
    if (out->events == NULL || out->bytes == NULL) {
        mr_run_batch_unref(out);
        return NULL;
    }
    return out;
}

/* A name as a column holds it. Escapes resolved it is never longer. */
static struct mr_span put_name(struct el_work *w, struct el_pen *p, struct mr_span escaped)
{
    struct mr_span name = escaped;
    char *start = p->at;

    if (escaped.len == 0)
        return MR_SPAN_NONE;
    if (memchr(escaped.ptr, '\\', escaped.len) != NULL) {
        mr_buf_clear(&w->name);
        if (mr_json_unescape(escaped, &w->name) == MR_OK)
            name = mr_buf_span(&w->name);
    }
    el_pen_span(p, name);
    return mr_span_of(start, name.len);
}

/* Write record r as event number i. */
static void write_one(struct el_work *w, struct el_pen *p, const struct el_record *r, size_t i)
{
    struct el_tally *t = &w->tallies[w->tally_of_part[r->part]];
    struct mr_run_event *e = &w->out->events[i];
    struct el_event_place place = place_of(w, r);
    struct el_event_text text;

    place.id = w->ids[i] = mr_uuid7(w->logged_us / 1000);
    place.seq = w->out->first_seq + (int64_t)i;
    place.pipeline_seq = t->next_pipeline_seq++;
    if (r->change.source_ts_ms < 0 && r->change.ts_ms < 0)
        place.record_ms = el_message_ms(r->msg);
    text = el_event_write(p->at, &r->change, &place);
    *e = (struct mr_run_event){.seq = place.seq,
                               .pipeline_seq = place.pipeline_seq,
                               .pipeline_id = place.pipeline_id,
                               .kind = r->change.kind,
                               .json = mr_span_of(p->at, text.len)};
    w->metadata[i] = (uint32_t)text.metadata;
    p->at += text.len;
    e->schema = put_name(w, p, r->change.schema);
    e->table = put_name(w, p, r->change.table);
}

int el_work_write(struct el_work *w)
{
    size_t bytes = 1, i = 0;
    struct el_pen p;
    int rc;

    rc = rows_room(w, w->counts.events);
    if (rc != MR_OK)
        return rc;
    for (size_t r = w->from; r < w->to; r++) {
        const struct el_record *record = &w->b->records[r];
        struct el_event_place place = place_of(w, record);

        if (is_event(record))
            bytes += el_event_bound(&record->change, &place) + record->change.schema.len +
                     record->change.table.len;
    }
    w->out = new_out(w->counts.events, bytes);
    if (w->out == NULL)
        return MR_E_NOMEM;
    w->out->last_seq = w->last_seq;
    w->out->first_seq = w->last_seq - (int64_t)w->counts.events + 1;
    p.at = w->out->bytes;
    for (size_t r = w->from; r < w->to; r++)
        if (is_event(&w->b->records[r]))
            write_one(w, &p, &w->b->records[r], i++);
    w->out->n = i;
    return MR_OK;
}

/* ---- handing on --------------------------------------------------------------------------- */

/* For the lag that Kafka's own tools show; the truth is in PostgreSQL, so nothing waits for it. */
static void tell_kafka(const struct el_work *w)
{
    rd_kafka_topic_partition_list_t *list;

    if (w->l->rk == NULL)
        return;
    list = rd_kafka_topic_partition_list_new((int)w->b->parts_n);
    for (size_t i = 0; i < w->b->parts_n; i++) {
        const struct el_part *part = &w->b->parts[i];

        if (part->next >= 0)
            rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset =
                part->next;
    }
    (void)rd_kafka_commit(w->l->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

void el_work_forward(struct el_work *w, uint64_t took_us)
{
    if (w->out != NULL && w->l->forward != NULL)
        w->l->forward(w->out, w->l->forward_ctx);
    mr_run_batch_unref(w->out);
    w->out = NULL;
    (void)el_batch_span(w->b, w->from, w->to);
    mr_fault_point("log.forwarded");
    tell_kafka(w);
    mr_fault_point("log.told");
    el_board_stored(&w->l->board, w->b->parts, w->b->parts_n);
    el_board_committed(&w->l->board, &w->counts, took_us);
    el_batch_stored(w->b);
}
