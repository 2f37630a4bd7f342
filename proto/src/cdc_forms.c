/* cdc_forms.c - which of Debezium's forms does a payload have?
 *
 * Each question is answered by the members that are there and, as far as it must be, by those that
 * may not be: a table can have columns named id and status, so one telling name is not enough.
 */
#include "cdc_parts.h"

#include <strings.h>

static bool only(const struct mr__payload *p, uint32_t members)
{
    return (p->seen & ~members) == 0;
}

static bool text_is(struct mr_span value, const char *text)
{
    return mr_span_is(mr__cdc_text(value), text);
}

static bool ends_with(struct mr_span s, const char *tail)
{
    size_t len = strlen(tail);

    return s.len >= len && strncasecmp(s.ptr + s.len - len, tail, len) == 0;
}

static bool is_object(struct mr_span value)
{
    return mr_json_type(value) == MR_JSON_OBJECT;
}

/* An audit table's row can have columns named op, before and after, so an envelope is one only
 * with its source block, or with nothing in it that an envelope does not have. */
bool mr__cdc_is_envelope(const struct mr__payload *p)
{
    const uint32_t images = MR__BIT(MR__M_BEFORE) | MR__BIT(MR__M_AFTER) | MR__BIT(MR__M_MESSAGE);
    const uint32_t others = MR__BIT(MR__M_SOURCE) | MR__BIT(MR__M_OP) | MR__BIT(MR__M_TS_MS) |
                            MR__BIT(MR__M_TS_US) | MR__BIT(MR__M_TS_NS) |
                            MR__BIT(MR__M_TRANSACTION) | MR__BIT(MR__M_UPDATE_DESCRIPTION);
    const bool has_op = mr__has(p, MR__BIT(MR__M_OP));

    if (mr__has(p, MR__BIT(MR__M_META)) || !mr__has(p, images | MR__BIT(MR__M_OP)))
        return false;
    if (is_object(p->member[MR__M_SOURCE]))
        return true;
    return has_op && mr__has(p, images) && only(p, images | others);
}

static bool is_heartbeat(struct mr_span topic, const struct mr__payload *p, struct mr_span key)
{
    struct mr_json_iter it;

    if (mr_span_starts(topic, MR_SPAN("__debezium-heartbeat")))
        return true;
    /* The topic's name can be configured, but the shape of key and value cannot. */
    if (p->type != MR_JSON_OBJECT || p->seen != MR__BIT(MR__M_TS_MS) || !is_object(key))
        return false;
    return mr_json_begin(&it, key) == MR_OK && mr_json_next(&it) == MR_OK &&
           mr_span_is(it.key, "serverName") && mr_json_next(&it) == MR_E_END;
}

static bool is_transaction(struct mr_span topic, const struct mr__payload *p)
{
    const uint32_t detail = MR__BIT(MR__M_EVENT_COUNT) | MR__BIT(MR__M_DATA_COLLECTIONS);
    const uint32_t known =
        MR__BIT(MR__M_STATUS) | MR__BIT(MR__M_ID) | MR__BIT(MR__M_TS_MS) | detail;

    if (!mr__has(p, MR__BIT(MR__M_STATUS)) || !mr__has(p, MR__BIT(MR__M_ID)) || !only(p, known))
        return false;
    if (!text_is(p->member[MR__M_STATUS], "BEGIN") && !text_is(p->member[MR__M_STATUS], "END"))
        return false;
    return mr__has(p, detail) || ends_with(topic, "transaction");
}

static bool is_schema_change(const struct mr__payload *p)
{
    return mr__has(p, MR__BIT(MR__M_DDL) | MR__BIT(MR__M_TABLE_CHANGES)) &&
           is_object(p->member[MR__M_SOURCE]) && !mr__has(p, MR__BIT(MR__M_OP));
}

static bool is_notification(const struct mr__payload *p)
{
    const uint32_t known = MR__BIT(MR__M_ID) | MR__BIT(MR__M_AGGREGATE_TYPE) | MR__BIT(MR__M_TYPE) |
                           MR__BIT(MR__M_ADDITIONAL_DATA) | MR__BIT(MR__M_TIMESTAMP);

    if (!mr__has(p, MR__BIT(MR__M_AGGREGATE_TYPE)) || !mr__has(p, MR__BIT(MR__M_TYPE)) ||
        !only(p, known))
        return false;
    return mr__has(p, MR__BIT(MR__M_ADDITIONAL_DATA)) ||
           ends_with(mr__cdc_text(p->member[MR__M_AGGREGATE_TYPE]), "snapshot");
}

/* Signals (a Kafka topic or a table, both named so by custom) hold {id, type, data} only. */
static bool is_signal(struct mr_span place, uint32_t seen)
{
    const uint32_t type_data = MR__BIT(MR__M_TYPE) | MR__BIT(MR__M_DATA);

    return (seen & type_data) == type_data && (seen & ~(type_data | MR__BIT(MR__M_ID))) == 0 &&
           (ends_with(place, "signal") || ends_with(place, "signals"));
}

static uint32_t members_of(struct mr_span object)
{
    struct mr_json_iter it;
    uint32_t seen = 0;

    if (mr_json_begin(&it, object) != MR_OK)
        return 0;
    while (mr_json_next(&it) == MR_OK)
        seen |= MR__BIT(mr__cdc_member(it.key));
    return seen;
}

bool mr__cdc_is_signal_row(const struct mr_change *c)
{
    if (!ends_with(c->table, "signal") && !ends_with(c->table, "signals"))
        return false;
    return is_signal(c->table, members_of(is_object(c->after) ? c->after : c->before));
}

enum mr_change_kind mr__cdc_other_kind(struct mr_span topic, struct mr_span key,
                                       const struct mr__payload *p)
{
    if (p->type == MR_JSON_NULL)
        return MR_CHANGE_TOMBSTONE;
    if (is_heartbeat(topic, p, key))
        return MR_CHANGE_HEARTBEAT;
    if (p->type != MR_JSON_OBJECT)
        return MR_CHANGE_KINDS;
    if (is_transaction(topic, p))
        return MR_CHANGE_TRANSACTION;
    if (is_schema_change(p))
        return MR_CHANGE_SCHEMA;
    return is_notification(p) || is_signal(topic, p->seen) ? MR_CHANGE_NOTIFICATION
                                                           : MR_CHANGE_KINDS;
}
