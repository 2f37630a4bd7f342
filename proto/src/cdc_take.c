/* cdc_take.c - from members to the fields of a change, form by form.
 *
 * The same facts have three spellings: a source block's commit_lsn is __commit_lsn (or
 * __source_commit_lsn) beside a flattened row and iodebeziumcommitlsn on a CloudEvent.
 */
#include "cdc_parts.h"

void mr__cdc_clear(struct mr_change *c)
{
    *c = (struct mr_change){.source_ts_ms = -1, .ts_ms = -1};
}

static bool is_object(struct mr_span value)
{
    return mr_json_type(value) == MR_JSON_OBJECT;
}

/* Milliseconds from a number or a string of digits, in units of 1/per_ms ms; -1 when neither. */
static int64_t read_ms(struct mr_span value, int64_t per_ms)
{
    int64_t n;

    if (mr_json_int(mr__cdc_text(value), &n) != MR_OK || n < 0)
        return -1;
    return n / per_ms;
}

/* Times come in three units; the coarsest is the oldest and always there, the others fill in. */
static void take_time(int64_t *ms, struct mr_span name, struct mr_span value)
{
    char unit = name.len > 1 ? name.ptr[name.len - 2] : 'm';

    if (unit == 'm')
        *ms = read_ms(value, 1);
    else if (*ms < 0)
        *ms = read_ms(value, unit == 'u' ? 1000 : 1000000);
}

/* ts_ms, ts_us, ts_ns, and tsms... of CloudEvents */
static bool is_time(struct mr_span name)
{
    const char *p = name.ptr;

    if ((name.len != 4 && name.len != 5) || p[0] != 't' || p[1] != 's' || p[name.len - 1] != 's')
        return false;
    return (name.len == 4 || p[2] == '_') && strchr("mun", p[name.len - 2]) != NULL;
}

void mr__cdc_take_source_field(struct mr_change *c, struct mr_span name, struct mr_span value)
{
    struct mr_span *field;

    if (is_time(name)) {
        take_time(&c->source_ts_ms, name, value);
        return;
    }
    field = mr__cdc_source_field(c, name);
    if (field != NULL)
        *field = mr__cdc_text(value);
}

void mr__cdc_take_envelope(const struct mr__payload *p, struct mr_change *c)
{
    static const enum mr__member times[] = {MR__M_TS_MS, MR__M_TS_US, MR__M_TS_NS};
    static const char *const names[] = {"ts_ms", "ts_us", "ts_ns"};

    c->op = mr__cdc_text(p->member[MR__M_OP]);
    c->before = p->member[MR__M_BEFORE];
    c->after = p->member[MR__M_AFTER];
    c->message = p->member[MR__M_MESSAGE];
    if (is_object(p->member[MR__M_SOURCE]))
        c->source = p->member[MR__M_SOURCE];
    if (mr_json_type(p->member[MR__M_TRANSACTION]) != MR_JSON_NULL)
        c->transaction = p->member[MR__M_TRANSACTION];
    for (size_t i = 0; i < 3; i++) {
        if (mr__has(p, MR__BIT(times[i])))
            take_time(&c->ts_ms, mr_span_str(names[i]), p->member[times[i]]);
    }
}

void mr__cdc_finish_event(struct mr_change *c)
{
    struct mr_span id;

    c->kind = mr_cdc_kind(c->op);
    /* A read is a snapshot's by definition, though a flattened row seldom carries the field. */
    c->snapshot = (c->snapshot_text.len > 0 && !mr_span_is(c->snapshot_text, "false")) ||
                  (c->kind == MR_CHANGE_INSERT && (c->op.ptr[0] | 0x20) == 'r');
    if (c->tx_id.len == 0 && is_object(c->transaction) &&
        mr_json_get(c->transaction, "id", &id) == MR_OK)
        c->tx_id = mr__cdc_text(id);
    c->maybe_unavailable =
        mr__cdc_mentions_unavailable(c->before) || mr__cdc_mentions_unavailable(c->after);
}

static bool text_is(struct mr_span value, const char *text)
{
    return mr_span_is(mr__cdc_text(value), text);
}

static struct mr_span without_prefix(struct mr_span name, struct mr_span prefix)
{
    if (!mr_span_starts(name, prefix))
        return name;
    return mr_span_of(name.ptr + prefix.len, name.len - prefix.len);
}

void mr__cdc_take_row(const struct mr__payload *p, struct mr_change *c)
{
    struct mr_json_iter it;
    bool deleted = false;
    int rc = mr_json_begin(&it, p->raw);

    c->form = MR_FORM_FLATTENED;
    while (rc == MR_OK && mr__has(p, MR__BIT(MR__M_META)) && (rc = mr_json_next(&it)) == MR_OK) {
        struct mr_span name = without_prefix(it.key, MR_SPAN("__"));

        if (name.len == it.key.len)
            continue;
        if (mr_span_is(name, "op"))
            c->op = mr__cdc_text(it.value);
        else if (mr_span_is(name, "deleted"))
            deleted = text_is(it.value, "true");
        else if (is_time(name))
            take_time(&c->ts_ms, name, it.value);
        else if (mr_span_is(name, "transaction_id") && c->tx_id.len == 0)
            c->tx_id = mr__cdc_text(it.value);
        else
            mr__cdc_take_source_field(c, without_prefix(name, MR_SPAN("source_")), it.value);
    }
    c->after = p->raw;
    mr__cdc_finish_event(c);
    if (deleted)
        c->kind = MR_CHANGE_DELETE;
    if (c->kind == MR_CHANGE_DELETE) { /* the row as it was */
        c->before = p->raw;
        c->after = MR_SPAN_NONE;
    }
}

void mr__cdc_take_cloud_attributes(const struct mr__payload *p, struct mr_change *c)
{
    struct mr_span type = mr__cdc_text(p->member[MR__M_TYPE]);
    struct mr_json_iter it;
    int rc = mr_json_begin(&it, p->raw);

    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK) {
        struct mr_span name = without_prefix(it.key, MR_SPAN("iodebezium"));

        if (name.len == it.key.len)
            continue;
        if (mr_span_is(name, "op"))
            c->op = mr__cdc_text(it.value);
        else if (mr_span_is(name, "txid")) /* the transaction block's id; txId is the source's */
            c->tx_id = c->tx_id.len > 0 ? c->tx_id : mr__cdc_text(it.value);
        else
            mr__cdc_take_source_field(c, name, it.value);
    }
    if (c->connector.len == 0 && type.ptr != NULL) {
        const char *dot = memrchr(type.ptr, '.', type.len);
        const char *before = dot ? memrchr(type.ptr, '.', (size_t)(dot - type.ptr)) : NULL;

        if (before != NULL)
            c->connector = mr_span_of(before + 1, (size_t)(dot - before) - 1);
    }
}
