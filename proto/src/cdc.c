/* cdc.c - one Kafka record of Debezium's, in any of its forms.
 *
 *   bytes -> unwrap {"schema","payload"} -> members of the payload -> which form? -> mr_change
 *
 * One pass does nearly everything: while the members of the payload go by, those of a change
 * envelope are taken, and its source block is read in place rather than found and read again. A
 * schema subtree, three quarters of a record where there is one, is stepped over by its brackets.
 * Only the rarer forms (flattened rows, CloudEvents) are walked a second time, for their metadata.
 */
#include "proto/cdc.h"

#include "cdc_parts.h"
#include "proto/utf8.h"
#include "scan.h"

#include <stdio.h>

/* One side of a record (key or value) being read, and where to say what is wrong with it. */
struct side {
    const char *name;
    const char *start, *at, *end;
    char *reason;
};

static int fail(const struct side *s, int rc)
{
    size_t at = (size_t)(s->at - s->start);

    if (rc == MR_E_TOOBIG)
        (void)snprintf(s->reason, MR_CDC_REASON_MAX, "%s: nested deeper than %d levels at byte %zu",
                       s->name, MR_JSON_DEPTH_MAX, at);
    else if (s->at == s->end)
        (void)snprintf(s->reason, MR_CDC_REASON_MAX, "%s: the JSON breaks off after %zu bytes",
                       s->name, at);
    else
        (void)snprintf(s->reason, MR_CDC_REASON_MAX, "%s: not JSON at byte %zu", s->name, at);
    return rc;
}

static int refuse(const struct side *s, const char *why)
{
    (void)snprintf(s->reason, MR_CDC_REASON_MAX, "%s: %s", s->name, why);
    return MR_E_PROTO;
}

/* The source block at the parent's place, read member by member. */
static int read_source(struct mr_json_iter *parent, struct mr_change *c)
{
    const char *start = parent->at;
    struct mr_json_iter it;
    int rc = mr__json_enter(&it, start, parent->end, parent->depth);

    while (rc == MR_OK && (rc = mr__json_key(&it)) == MR_OK) {
        rc = mr__json_value(&it);
        if (rc == MR_OK)
            mr__cdc_take_source_field(c, it.key, it.value);
    }
    parent->at = it.at;
    parent->value = mr_span_of(start, (size_t)(it.at - start));
    return rc == MR_E_END ? MR_OK : rc;
}

/* Read a payload at s->at: its type, and of an object the members. */
static int read_payload(struct side *s, unsigned depth, struct mr__payload *p, struct mr_change *c)
{
    const char *start = s->at;
    struct mr_json_iter it;
    int rc;

    *p = (struct mr__payload){0};
    if (s->at == s->end || *s->at != '{') {
        rc = mr__json_scan(&s->at, s->end, depth);
        p->raw = mr_span_of(start, (size_t)(s->at - start));
        p->type = mr_json_type(p->raw);
        return rc;
    }
    rc = mr__json_enter(&it, s->at, s->end, depth);
    while (rc == MR_OK && (rc = mr__json_key(&it)) == MR_OK) {
        enum mr__member m = mr__cdc_member(it.key);

        if (m == MR__M_SOURCE && it.at < it.end && *it.at == '{')
            rc = read_source(&it, c);
        else
            rc = mr__json_value(&it);
        if (rc == MR_OK) {
            p->seen |= MR__BIT(m);
            p->member[m] = it.value;
        }
    }
    s->at = it.at;
    p->raw = mr_span_of(start, (size_t)(it.at - start));
    p->type = MR_JSON_OBJECT;
    return rc == MR_E_END ? MR_OK : rc;
}

/* Move s->at to the payload when the text begins {"schema":<object or null>,"payload": - which is
 * how the JsonConverter writes. Whether it is a wrapper is known only at its end. */
static bool open_wrapper(struct side *s)
{
    struct mr_json_iter it;

    if (mr__json_enter(&it, s->at, s->end, 0) != MR_OK || mr__json_key(&it) != MR_OK ||
        !mr_span_is(it.key, "schema") || it.at == it.end)
        return false;
    if (*it.at == '{') {
        if (mr__json_scan_blind(&it.at, it.end, it.depth) != MR_OK)
            return false;
    } else if (*it.at != 'n' || mr__json_value(&it) != MR_OK) {
        return false;
    }
    if (mr__json_key(&it) != MR_OK || !mr_span_is(it.key, "payload"))
        return false;
    s->at = it.at;
    return true;
}

static bool close_wrapper(struct side *s)
{
    const char *p = mr__json_skip_space(s->at, s->end);

    return p < s->end && *p == '}' && mr__json_skip_space(p + 1, s->end) == s->end;
}

/* {"payload":..,"schema":..}: the same wrapper from another hand. */
static bool is_wrapper(const struct mr__payload *p)
{
    enum mr_json_type schema = mr_json_type(p->member[MR__M_SCHEMA]);

    return p->type == MR_JSON_OBJECT &&
           p->seen == (MR__BIT(MR__M_SCHEMA) | MR__BIT(MR__M_PAYLOAD)) &&
           (schema == MR_JSON_OBJECT || schema == MR_JSON_NULL);
}

/* Read one side, unwrapped. On an error the reason is written. */
static int read_side(struct side *s, struct mr__payload *p, struct mr_change *c)
{
    const char *outer;
    int rc;

    if (s->at < s->end && *s->at == '\0')
        return refuse(s, "Avro or Protobuf framing (first byte 0), not JSON");
    s->at = mr__json_skip_space(s->at, s->end);
    if (s->at == s->end)
        return refuse(s, "empty");
    outer = s->at;
    if (open_wrapper(s)) {
        rc = read_payload(s, 1, p, c);
        if (rc != MR_OK)
            return fail(s, rc);
        c->schema_wrapped = true;
        if (close_wrapper(s))
            return MR_OK;
        s->at = outer; /* schema and payload are two members among others */
        mr__cdc_clear(c);
    }
    rc = read_payload(s, 0, p, c);
    if (rc != MR_OK)
        return fail(s, rc);
    s->at = mr__json_skip_space(s->at, s->end);
    if (s->at != s->end) {
        (void)snprintf(s->reason, MR_CDC_REASON_MAX,
                       "%s: more text after the JSON value at byte %zu", s->name,
                       (size_t)(s->at - s->start));
        return MR_E_PROTO;
    }
    if (is_wrapper(p)) {
        s->at = p->member[MR__M_PAYLOAD].ptr;
        rc = read_payload(s, 1, p, c);
        c->schema_wrapped = true;
    }
    return rc;
}

static struct side side_of(const char *name, struct mr_span text, char *reason)
{
    const char *end = text.len > 0 ? text.ptr + text.len : text.ptr; /* ptr may be NULL */

    return (struct side){name, text.ptr, text.ptr, end, reason};
}

static bool is_object(struct mr_span value)
{
    return mr_json_type(value) == MR_JSON_OBJECT;
}

/* A CloudEvent: attributes beside the data, which is {before, after}, the whole envelope or a row,
 * wrapped or not. MR_E_END: it is not of Debezium's making. */
static int read_cloud_event(const struct side *value, const struct mr__payload *p,
                            struct mr_change *c)
{
    const uint32_t images = MR__BIT(MR__M_BEFORE) | MR__BIT(MR__M_AFTER) | MR__BIT(MR__M_MESSAGE);
    const bool ours = mr__has(p, MR__BIT(MR__M_CLOUD)) ||
                      mr_span_starts(mr__cdc_text(p->member[MR__M_TYPE]), MR_SPAN("io.debezium"));
    const bool wrapped = c->schema_wrapped;
    struct mr__payload data = {.type = MR_JSON_NULL};
    struct side s = *value;
    int rc = MR_OK;

    if (ours && (mr__has(p, MR__BIT(MR__M_DATA_BASE64)) ||
                 (mr__has(p, MR__BIT(MR__M_DATA)) &&
                  mr_json_type(p->member[MR__M_DATA]) == MR_JSON_STRING)))
        return refuse(value, "CloudEvents data in base64 (Avro), not JSON");
    mr__cdc_clear(c);
    if (is_object(p->member[MR__M_DATA])) {
        s.start = s.at = p->member[MR__M_DATA].ptr;
        s.end = s.at + p->member[MR__M_DATA].len;
        s.name = "value: data";
        rc = read_side(&s, &data, c);
    }
    if (rc != MR_OK)
        return rc;
    c->schema_wrapped = c->schema_wrapped || wrapped;
    if (!ours && !mr__cdc_is_envelope(&data))
        return MR_E_END;
    mr__cdc_take_envelope(&data, c);
    if (data.type == MR_JSON_OBJECT && !mr__has(&data, images))
        c->after = data.raw;
    mr__cdc_take_cloud_attributes(p, c);
    c->form = MR_FORM_CLOUDEVENT;
    mr__cdc_finish_event(c);
    return MR_OK;
}

static void take_other(const struct mr__payload *p, struct mr_change *c, enum mr_change_kind kind)
{
    mr__cdc_take_envelope(p, c);
    if (kind == MR_CHANGE_TRANSACTION)
        c->tx_id = mr__cdc_text(p->member[MR__M_ID]);
    c->form = MR_FORM_NONE;
    c->kind = kind;
}

static const char *type_complaint(enum mr_json_type type)
{
    switch (type) {
    case MR_JSON_ARRAY:
        return "a JSON array, no form of a Debezium record";
    case MR_JSON_STRING:
        return "a JSON string, no form of a Debezium record";
    case MR_JSON_NUMBER:
        return "a JSON number, no form of a Debezium record";
    default:
        return "a JSON boolean, no form of a Debezium record";
    }
}

/* Read the payload as a change, in the form with the surest signs: a bare row has none at all. */
static int take_change(const struct side *value, const struct mr__payload *p, struct mr_change *c)
{
    const bool wrapped = c->schema_wrapped;
    int rc = MR_E_END;

    if (mr__cdc_is_envelope(p)) {
        mr__cdc_take_envelope(p, c);
        c->form = MR_FORM_ENVELOPE;
        mr__cdc_finish_event(c);
        return MR_OK;
    }
    if (mr__has(p, MR__BIT(MR__M_SPECVERSION)))
        rc = read_cloud_event(value, p, c);
    if (rc != MR_E_END)
        return rc;
    mr__cdc_clear(c); /* a column named source may have been taken for the block */
    c->schema_wrapped = wrapped;
    mr__cdc_take_row(p, c);
    return MR_OK;
}

/* A logical decoding message that a pipeline of ours sends through its own slot. */
static bool is_probe(const struct mr_change *c)
{
    struct mr_span prefix;

    return c->kind == MR_CHANGE_MESSAGE && mr_json_get(c->message, "prefix", &prefix) == MR_OK &&
           mr_span_is(mr_json_string_raw(prefix), MR_CDC_PROBE_PREFIX);
}

static int classify(struct mr_span topic, struct mr_span key, const struct side *value,
                    const struct mr__payload *p, struct mr_change *c)
{
    enum mr_change_kind other = mr__cdc_other_kind(topic, key, p);
    int rc = MR_OK;

    if (other != MR_CHANGE_KINDS)
        take_other(p, c, other);
    else if (p->type != MR_JSON_OBJECT)
        return refuse(value, type_complaint(p->type));
    else
        rc = take_change(value, p, c);
    if (rc == MR_OK && other == MR_CHANGE_KINDS && mr__cdc_is_signal_row(c)) {
        c->form = MR_FORM_NONE;
        c->kind = MR_CHANGE_NOTIFICATION;
    } else if (rc == MR_OK && is_probe(c)) {
        c->form = MR_FORM_NONE;
        c->kind = MR_CHANGE_HEARTBEAT;
    }
    c->key = key;
    return rc;
}

/* A key that some other converter than JSON's wrote as text. What sets out like JSON is not it. */
static bool is_plain_text(struct mr_span key)
{
    if (key.ptr[0] == '{' || key.ptr[0] == '[' || key.ptr[0] == '"')
        return false;
    if (mr_utf8_valid_len(key) != key.len)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if ((unsigned char)key.ptr[i] < 0x20)
            return false;
    }
    return true;
}

/* The key, unwrapped on its own: its converter is configured apart from the value's. */
static int read_key(struct mr_span key, char *reason, struct mr_change *c)
{
    struct side s = side_of("key", key, reason);
    struct mr_change ignored;
    struct mr__payload p;
    int rc;

    mr__cdc_clear(&ignored);
    rc = read_side(&s, &p, &ignored);
    if (rc == MR_OK && p.type != MR_JSON_NULL)
        c->key = p.raw;
    if (rc == MR_E_PROTO && is_plain_text(key)) {
        c->key_text = key;
        rc = MR_OK;
    }
    if (rc == MR_OK)
        reason[0] = '\0';
    return rc;
}

int mr_cdc_read(struct mr_span topic, struct mr_span key, struct mr_span value,
                struct mr_change *out, char reason[MR_CDC_REASON_MAX])
{
    struct side s = side_of("value", value, reason);
    struct mr__payload p = {.type = MR_JSON_NULL};
    struct mr_change c, keyed;
    int rc = MR_OK;

    mr__cdc_clear(&c);
    mr__cdc_clear(&keyed);
    reason[0] = '\0';
    if (value.ptr != NULL)
        rc = read_side(&s, &p, &c);
    if (rc == MR_OK && key.len > 0) {
        rc = read_key(key, reason, &keyed);
        if (value.ptr == NULL) { /* a tombstone is one whatever its key is */
            reason[0] = '\0';
            rc = MR_OK;
        }
    }
    if (rc == MR_OK)
        rc = classify(topic, keyed.key, &s, &p, &c);
    if (rc != MR_OK)
        return rc;
    c.key_text = keyed.key_text;
    *out = c;
    return rc;
}

void mr_cdc_link(struct mr_change *change, struct mr_span header, struct mr_span value)
{
    char reason[MR_CDC_REASON_MAX];
    struct side s = side_of("header", value, reason);
    struct mr_change ignored;
    struct mr__payload p;
    struct mr_span *to = NULL;

    if (mr_span_is(header, "__debezium.newkey") && change->kind == MR_CHANGE_DELETE)
        to = &change->new_key;
    else if (mr_span_is(header, "__debezium.oldkey") && change->kind == MR_CHANGE_INSERT)
        to = &change->old_key;
    if (to == NULL || value.ptr == NULL)
        return;
    mr__cdc_clear(&ignored);
    if (read_side(&s, &p, &ignored) == MR_OK && p.type == MR_JSON_OBJECT)
        *to = p.raw;
}
