/* event.c - writes the replication_event of a change.
 *
 * Text from the record keeps its JSON escapes as they came, so it is copied, never decoded and
 * encoded again. What is absent is null; members that only some events have (message, transaction,
 * truncated, unavailable_columns) are left out where there is nothing to say. */
#include "event.h"

#include "pen.h"

#include <stdio.h>
#include <stdlib.h>

#define FIXED_MAX       1536 /* all names, braces, ids, times and numbers of an event together */
#define UNAVAILABLE_MAX 1024 /* columns named */
#define POSITION_PART   72   /* bytes of each part of a composed position */
#define LSN_DIGITS_MAX  19

/* ---- what is worked out ------------------------------------------------------------------- */

int64_t el_event_latency_ms(const struct mr_change *c, int64_t logged_us)
{
    int64_t ms;

    if (c->snapshot || c->source_ts_ms < 0 ||
        __builtin_sub_overflow(logged_us / 1000, c->source_ts_ms, &ms))
        return -1;
    return ms < 0 ? 0 : ms;
}

static bool is_number(struct mr_span s)
{
    if (s.len == 0 || s.len > LSN_DIGITS_MAX || (s.ptr[0] == '0' && s.len > 1))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

static uint64_t number_of(struct mr_span digits)
{
    uint64_t n = 0;

    for (size_t i = 0; i < digits.len; i++)
        n = n * 10 + (uint64_t)(digits.ptr[i] - '0');
    return n;
}

/* Cut text, but never inside an escape or a character. */
static struct mr_span cut(struct mr_span s, size_t max)
{
    size_t at = 0;

    if (s.len <= max)
        return s;
    while (at < max) {
        unsigned char c = (unsigned char)s.ptr[at];
        size_t n = 1;

        if (c == '\\')
            n = at + 1 < s.len && s.ptr[at + 1] == 'u' ? 6 : 2;
        else if (c >= 0xc0)
            n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (at + n > max)
            break;
        at += n;
    }
    return mr_span_of(s.ptr, at);
}

static size_t put_pair(char *out, struct mr_span a, struct mr_span b)
{
    struct el_pen p = {out};

    el_pen_span(&p, cut(a, POSITION_PART));
    if (b.len > 0) {
        EL_PEN_LIT(&p, ":");
        el_pen_span(&p, cut(b, POSITION_PART));
    }
    *p.at = '\0';
    return (size_t)(p.at - out);
}

size_t el_event_position(const struct mr_change *c, char out[EL_POSITION_TEXT])
{
    out[0] = '\0';
    if (is_number(c->lsn)) {
        uint64_t lsn = number_of(c->lsn);

        return (size_t)snprintf(out, EL_POSITION_TEXT, "%llX/%llX", (unsigned long long)(lsn >> 32),
                                (unsigned long long)(lsn & 0xffffffff));
    }
    if (c->gtid.len > 0)
        return put_pair(out, c->gtid, MR_SPAN_NONE);
    if (c->file.len > 0)
        return put_pair(out, c->file, c->pos);
    if (c->commit_lsn.len > 0)
        return put_pair(out, c->commit_lsn, MR_SPAN_NONE);
    if (c->commit_scn.len > 0 || c->scn.len > 0)
        return put_pair(out, c->commit_scn.len > 0 ? c->commit_scn : c->scn, MR_SPAN_NONE);
    return put_pair(out, c->ord.len > 0 ? c->ord : c->lsn, MR_SPAN_NONE);
}

/* ---- members ------------------------------------------------------------------------------ */

#define TEXT(p, name, span)   put_text((p), MR_SPAN(",\"" name "\":"), (span))
#define SCALAR(p, name, span) put_scalar((p), MR_SPAN(",\"" name "\":"), (span))

static void put_text(struct el_pen *p, struct mr_span name, struct mr_span escaped)
{
    el_pen_span(p, name);
    if (escaped.len == 0) {
        EL_PEN_LIT(p, "null");
        return;
    }
    EL_PEN_LIT(p, "\"");
    el_pen_span(p, escaped);
    EL_PEN_LIT(p, "\"");
}

/* A number stays one, whatever its size; anything else is a string. */
static void put_scalar(struct el_pen *p, struct mr_span name, struct mr_span s)
{
    if (!is_number(s)) {
        put_text(p, name, s);
        return;
    }
    el_pen_span(p, name);
    el_pen_span(p, s);
}

static void put_int_or_null(struct el_pen *p, int64_t v)
{
    if (v < 0)
        EL_PEN_LIT(p, "null");
    else
        el_pen_i64(p, v);
}

static void put_marker(struct el_pen *p, size_t bytes)
{
    EL_PEN_LIT(p, "{\"__millrace_truncated\":true,\"bytes\":");
    el_pen_i64(p, (int64_t)bytes);
    EL_PEN_LIT(p, "}");
}

static void put_raw(struct el_pen *p, struct mr_span raw, bool truncate)
{
    if (raw.len == 0)
        EL_PEN_LIT(p, "null");
    else if (truncate && mr_json_type(raw) != MR_JSON_NULL)
        put_marker(p, raw.len);
    else
        el_pen_span(p, raw);
}

static void put_source(struct el_pen *p, const struct mr_change *c, struct mr_span position)
{
    put_text(p, MR_SPAN(",\"source\":{\"connector\":"), c->connector);
    TEXT(p, "db", c->db);
    TEXT(p, "schema", c->schema);
    TEXT(p, "table", c->table);
    if (c->lsn.len > 0)
        SCALAR(p, "lsn", c->lsn);
    if (c->gtid.len > 0)
        TEXT(p, "gtid", c->gtid);
    if (c->file.len > 0) {
        TEXT(p, "file", c->file);
        SCALAR(p, "pos", c->pos);
    }
    TEXT(p, "position", position);
    SCALAR(p, "tx_id", c->tx_id);
    EL_PEN_LIT(p, ",\"ts_ms\":");
    put_int_or_null(p, c->source_ts_ms);
    if (c->snapshot && c->snapshot_text.len > 0 && !mr_span_is(c->snapshot_text, "true"))
        TEXT(p, "snapshot", c->snapshot_text); /* first, last, incremental, .. */
    else if (c->snapshot)
        EL_PEN_LIT(p, ",\"snapshot\":true");
    else
        EL_PEN_LIT(p, ",\"snapshot\":false");
    EL_PEN_LIT(p, "}");
}

/* The columns of a row that hold the placeholder; how many. */
static size_t put_columns(struct el_pen *p, struct mr_span row)
{
    struct mr_json_iter it;
    size_t n = 0;
    int rc = mr_json_type(row) == MR_JSON_OBJECT ? mr_json_begin(&it, row) : MR_E_END;

    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK && n < UNAVAILABLE_MAX) {
        if (!mr_cdc_unavailable(it.value))
            continue;
        if (n++ == 0)
            EL_PEN_LIT(p, ",\"unavailable_columns\":[\"");
        else
            EL_PEN_LIT(p, ",\"");
        el_pen_span(p, it.key);
        EL_PEN_LIT(p, "\"");
    }
    if (n > 0)
        EL_PEN_LIT(p, "]");
    return n;
}

/* An unchanged out-of-line column holds a placeholder, which is not data: name those columns. */
static void put_unavailable(struct el_pen *p, const struct mr_change *c)
{
    if (c->maybe_unavailable && put_columns(p, c->after) == 0)
        (void)put_columns(p, c->before);
}

static size_t rows_len(const struct mr_change *c)
{
    return c->before.len + c->after.len + c->message.len;
}

/* A key that some other converter than JSON's wrote as text: no control characters, valid UTF-8. */
static void put_plain(struct el_pen *p, struct mr_span text)
{
    EL_PEN_LIT(p, "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            *p->at++ = '\\';
        *p->at++ = text.ptr[i];
    }
    EL_PEN_LIT(p, "\"");
}

static void put_key(struct el_pen *p, const struct mr_change *c, size_t max)
{
    EL_PEN_LIT(p, ",\"key\":");
    if (c->key_text.len > max)
        put_marker(p, c->key_text.len);
    else if (c->key_text.len > 0)
        put_plain(p, c->key_text);
    else
        put_raw(p, c->key, c->key.len > max);
}

/* The transaction as the connector tells it (provide.transaction.metadata): its id and the event's
 * place in it, and the whole block. */
static void put_transaction(struct el_pen *p, const struct mr_change *c, size_t max)
{
    struct mr_span id, order;

    if (c->transaction.len == 0)
        return;
    if (c->transaction.len <= max && mr_json_get(c->transaction, "id", &id) == MR_OK &&
        mr_json_type(id) == MR_JSON_STRING)
        TEXT(p, "tx_id", mr_json_string_raw(id));
    if (c->transaction.len <= max && mr_json_get(c->transaction, "total_order", &order) == MR_OK &&
        is_number(order))
        SCALAR(p, "total_order", order);
    EL_PEN_LIT(p, ",\"transaction\":");
    put_raw(p, c->transaction, c->transaction.len > max);
}

static void put_rows(struct el_pen *p, const struct mr_change *c, const struct el_event_place *at)
{
    const bool truncate = rows_len(c) > at->row_bytes_max;

    put_key(p, c, at->row_bytes_max);
    if (c->new_key.len > 0) {
        EL_PEN_LIT(p, ",\"new_key\":");
        put_raw(p, c->new_key, c->new_key.len > at->row_bytes_max);
    }
    if (c->old_key.len > 0) {
        EL_PEN_LIT(p, ",\"old_key\":");
        put_raw(p, c->old_key, c->old_key.len > at->row_bytes_max);
    }
    EL_PEN_LIT(p, ",\"before\":");
    put_raw(p, c->before, truncate);
    EL_PEN_LIT(p, ",\"after\":");
    put_raw(p, c->after, truncate);
    if (c->message.len > 0) {
        EL_PEN_LIT(p, ",\"message\":");
        put_raw(p, c->message, truncate);
    }
    put_transaction(p, c, at->row_bytes_max);
    if (truncate)
        EL_PEN_LIT(p, ",\"truncated\":true");
}

/* ---- the event ---------------------------------------------------------------------------- */

static void put_uuid(struct el_pen *p, struct mr_uuid id)
{
    mr_uuid_format(id, p->at);
    p->at += MR_UUID_TEXT - 1;
}

/* When it happened, by the best clock that the record knows. */
static void put_occurred(struct el_pen *p, const struct mr_change *c,
                         const struct el_event_place *at)
{
    int64_t ms = c->source_ts_ms >= 0 ? c->source_ts_ms
                 : c->ts_ms >= 0      ? c->ts_ms
                 : at->record_ms >= 0 ? at->record_ms
                                      : at->logged_us / 1000;

    mr_time_format(ms < INT64_MAX / 1000 ? ms * 1000 : INT64_MAX, p->at);
    p->at += MR_TIME_TEXT - 1;
}

static void put_lifted(struct el_pen *p, const struct mr_change *c, const struct el_event_place *at,
                       struct mr_span position)
{
    struct mr_span logged = {at->logged_text, MR_TIME_TEXT - 1};

    EL_PEN_LIT(p, "{\"id\":\"");
    put_uuid(p, at->id);
    EL_PEN_LIT(p, "\",\"pipeline_id\":\"");
    put_uuid(p, at->pipeline_id);
    EL_PEN_LIT(p, "\",\"run_type\":\"CDC\",\"status\":\"COMPLETED\",\"started_at\":\"");
    el_pen_span(p, logged);
    EL_PEN_LIT(p, "\",\"completed_at\":\"");
    el_pen_span(p, logged);
    EL_PEN_LIT(p, "\",\"created_at\":\"");
    el_pen_span(p, logged);
    EL_PEN_LIT(p, "\",\"occurred_at\":\"");
    put_occurred(p, c, at);
    EL_PEN_LIT(p, "\"");
    TEXT(p, "schema_name", c->schema);
    TEXT(p, "table_name", c->table);
    TEXT(p, "source_lsn", position);
    EL_PEN_LIT(p, ",");
}

size_t el_event_bound(const struct mr_change *c, const struct el_event_place *p)
{
    size_t small = c->connector.len + c->db.len + 2 * c->schema.len + 2 * c->table.len +
                   c->lsn.len + c->gtid.len + c->file.len + c->pos.len + c->tx_id.len +
                   c->snapshot_text.len + c->op.len + p->topic.len;
    size_t names = c->maybe_unavailable ? c->before.len + c->after.len : 0;

    return FIXED_MAX + 2 * EL_POSITION_TEXT + small + names + c->key.len + 2 * c->key_text.len +
           rows_len(c) + 2 * c->transaction.len + c->new_key.len + c->old_key.len;
}

struct el_event_text el_event_write(char *out, const struct mr_change *c,
                                    const struct el_event_place *at)
{
    char text[EL_POSITION_TEXT];
    struct mr_span position = {text, el_event_position(c, text)};
    struct el_event_text done;
    struct el_pen p = {out};

    put_lifted(&p, c, at, position);
    done.metadata = (size_t)(p.at - out);
    EL_PEN_LIT(&p, "\"seq\":");
    el_pen_i64(&p, at->seq);
    EL_PEN_LIT(&p, ",\"pipeline_seq\":");
    el_pen_i64(&p, at->pipeline_seq);
    EL_PEN_LIT(&p, ",\"event_type\":\"");
    el_pen_span(&p, mr_span_str(mr_cdc_kind_name(c->kind)));
    EL_PEN_LIT(&p, "\"");
    TEXT(&p, "op", c->op);
    put_source(&p, c, position);
    put_rows(&p, c, at);
    put_unavailable(&p, c);
    TEXT(&p, "topic", at->topic);
    EL_PEN_LIT(&p, ",\"partition\":");
    el_pen_i64(&p, at->partition);
    EL_PEN_LIT(&p, ",\"offset\":");
    el_pen_i64(&p, at->offset);
    EL_PEN_LIT(&p, ",\"latency_ms\":");
    put_int_or_null(&p, el_event_latency_ms(c, at->logged_us));
    EL_PEN_LIT(&p, "}");
    done.len = (size_t)(p.at - out);
    return done;
}
