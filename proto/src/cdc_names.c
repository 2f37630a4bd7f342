/* cdc_names.c - Debezium's vocabulary: members, source fields, op codes, the TOAST placeholder.
 *
 * Names are told apart by their length first, so that each costs one comparison or two.
 */
#include "cdc_parts.h"

#include <strings.h>

#define IS(span, literal) (memcmp((span).ptr, literal, sizeof(literal) - 1) == 0)

/* clang-format off */
static const char *const kind_names[MR_CHANGE_KINDS] = {
    [MR_CHANGE_INSERT] = "insert",           [MR_CHANGE_UPDATE] = "update",
    [MR_CHANGE_DELETE] = "delete",           [MR_CHANGE_TRUNCATE] = "truncate",
    [MR_CHANGE_MESSAGE] = "message",         [MR_CHANGE_OTHER] = "other",
    [MR_CHANGE_TOMBSTONE] = "tombstone",     [MR_CHANGE_HEARTBEAT] = "heartbeat",
    [MR_CHANGE_TRANSACTION] = "transaction", [MR_CHANGE_SCHEMA] = "schema",
    [MR_CHANGE_NOTIFICATION] = "notification",
};

static const struct {
    const char *name;
    enum mr_change_kind kind;
} ops[] = {
    {"c", MR_CHANGE_INSERT},      {"r", MR_CHANGE_INSERT},        {"u", MR_CHANGE_UPDATE},
    {"d", MR_CHANGE_DELETE},      {"t", MR_CHANGE_TRUNCATE},      {"m", MR_CHANGE_MESSAGE},
    {"i", MR_CHANGE_INSERT},      {"insert", MR_CHANGE_INSERT},   {"create", MR_CHANGE_INSERT},
    {"read", MR_CHANGE_INSERT},   {"update", MR_CHANGE_UPDATE},   {"delete", MR_CHANGE_DELETE},
    {"remove", MR_CHANGE_DELETE}, {"truncate", MR_CHANGE_TRUNCATE},
    {"message", MR_CHANGE_MESSAGE},
};
/* clang-format on */

const char *mr_cdc_kind_name(enum mr_change_kind kind)
{
    return (unsigned)kind < MR_CHANGE_KINDS ? kind_names[kind] : "other";
}

enum mr_change_kind mr_cdc_kind(struct mr_span op)
{
    while (op.len > 0 && (op.ptr[0] == ' ' || op.ptr[0] == '\t')) {
        op.ptr++;
        op.len--;
    }
    while (op.len > 0 && (op.ptr[op.len - 1] == ' ' || op.ptr[op.len - 1] == '\t'))
        op.len--;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (strlen(ops[i].name) == op.len && strncasecmp(ops[i].name, op.ptr, op.len) == 0)
            return ops[i].kind;
    }
    return MR_CHANGE_OTHER;
}

static enum mr__member long_member(struct mr_span key)
{
    switch (key.len) {
    case 9:
        if (IS(key, "timestamp"))
            return MR__M_TIMESTAMP;
        break;
    case 10:
        return IS(key, "schemaName") ? MR__M_SCHEMA_NAME : MR__M_OTHER;
    case 11:
        if (IS(key, "transaction"))
            return MR__M_TRANSACTION;
        if (IS(key, "event_count"))
            return MR__M_EVENT_COUNT;
        if (IS(key, "specversion"))
            return MR__M_SPECVERSION;
        if (IS(key, "data_base64"))
            return MR__M_DATA_BASE64;
        break;
    case 12:
        if (IS(key, "tableChanges"))
            return MR__M_TABLE_CHANGES;
        if (IS(key, "databaseName"))
            return MR__M_DATABASE_NAME;
        break;
    case 14:
        return IS(key, "aggregate_type") ? MR__M_AGGREGATE_TYPE : MR__M_OTHER;
    case 15:
        return IS(key, "additional_data") ? MR__M_ADDITIONAL_DATA : MR__M_OTHER;
    case 16:
        return IS(key, "data_collections") ? MR__M_DATA_COLLECTIONS : MR__M_OTHER;
    case 17:
        return IS(key, "updateDescription") ? MR__M_UPDATE_DESCRIPTION : MR__M_OTHER;
    default:
        break;
    }
    return MR__M_OTHER;
}

enum mr__member mr__cdc_member(struct mr_span key)
{
    if (key.len > 2 && IS(key, "__"))
        return MR__M_META;
    if (key.len > 10 && IS(key, "iodebezium"))
        return MR__M_CLOUD;
    switch (key.len) {
    case 2:
        return IS(key, "op") ? MR__M_OP : IS(key, "id") ? MR__M_ID : MR__M_OTHER;
    case 3:
        return IS(key, "ddl") ? MR__M_DDL : MR__M_OTHER;
    case 4:
        return IS(key, "type") ? MR__M_TYPE : IS(key, "data") ? MR__M_DATA : MR__M_OTHER;
    case 5:
        if (IS(key, "after"))
            return MR__M_AFTER;
        if (IS(key, "ts_ms"))
            return MR__M_TS_MS;
        if (IS(key, "ts_us"))
            return MR__M_TS_US;
        return IS(key, "ts_ns") ? MR__M_TS_NS : MR__M_OTHER;
    case 6:
        if (IS(key, "before"))
            return MR__M_BEFORE;
        if (IS(key, "source"))
            return MR__M_SOURCE;
        if (IS(key, "schema"))
            return MR__M_SCHEMA;
        return IS(key, "status") ? MR__M_STATUS : MR__M_OTHER;
    case 7:
        if (IS(key, "message"))
            return MR__M_MESSAGE;
        return IS(key, "payload") ? MR__M_PAYLOAD : MR__M_OTHER;
    default:
        return long_member(key);
    }
}

struct mr_span *mr__cdc_source_field(struct mr_change *c, struct mr_span name)
{
    switch (name.len) {
    case 2:
        return IS(name, "db") ? &c->db : NULL;
    case 3:
        return IS(name, "lsn")   ? &c->lsn
               : IS(name, "pos") ? &c->pos
               : IS(name, "row") ? &c->row
               : IS(name, "scn") ? &c->scn
               : IS(name, "ssn") ? &c->ssn
               : IS(name, "ord") ? &c->ord
                                 : NULL;
    case 4:
        return IS(name, "name")   ? &c->name
               : IS(name, "txId") ? &c->tx_id
               : IS(name, "gtid") ? &c->gtid
               : IS(name, "file") ? &c->file
                                  : NULL;
    case 5:
        return IS(name, "table") ? &c->table : NULL;
    case 6:
        return IS(name, "schema") ? &c->schema : NULL;
    case 8:
        return IS(name, "snapshot") ? &c->snapshot_text : NULL;
    case 9:
        return IS(name, "connector")   ? &c->connector
               : IS(name, "commitlsn") ? &c->commit_lsn
               : IS(name, "changelsn") ? &c->change_lsn
               : IS(name, "commitscn") ? &c->commit_scn
                                       : NULL;
    case 10:
        return IS(name, "collection")   ? &c->table
               : IS(name, "commit_lsn") ? &c->commit_lsn
               : IS(name, "change_lsn") ? &c->change_lsn
               : IS(name, "commit_scn") ? &c->commit_scn
                                        : NULL;
    case 13:
        return IS(name, "eventserialno") ? &c->event_serial_no : NULL;
    case 15:
        return IS(name, "event_serial_no") ? &c->event_serial_no : NULL;
    default:
        return NULL;
    }
}

struct mr_span mr__cdc_text(struct mr_span value)
{
    switch (mr_json_type(value)) {
    case MR_JSON_STRING:
        return mr_json_string_raw(value);
    case MR_JSON_NUMBER:
    case MR_JSON_TRUE:
    case MR_JSON_FALSE:
        return value;
    default:
        return MR_SPAN_NONE;
    }
}

/* The placeholder as text, as the base64 and the hex of its bytes, and as its bytes one by one. */
#define PLACEHOLDER        "__debezium_unavailable_value"
#define PLACEHOLDER_BASE64 "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
#define PLACEHOLDER_HEX    "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565"

static bool mentions(struct mr_span json, struct mr_span needle)
{
    return json.len >= needle.len && memmem(json.ptr, json.len, needle.ptr, needle.len) != NULL;
}

bool mr__cdc_mentions_unavailable(struct mr_span json)
{
    return mentions(json, MR_SPAN(PLACEHOLDER)) || mentions(json, MR_SPAN(PLACEHOLDER_BASE64)) ||
           mentions(json, MR_SPAN(PLACEHOLDER_HEX)) || mentions(json, MR_SPAN("[95,95,100,101,"));
}

static bool is_placeholder_text(struct mr_span value)
{
    struct mr_span text = mr_json_string_raw(value);

    return mr_span_is(text, PLACEHOLDER) || mr_span_is(text, PLACEHOLDER_BASE64) ||
           mr_span_is(text, PLACEHOLDER_HEX);
}

bool mr_cdc_unavailable(struct mr_span value)
{
    static const char bytes[] = PLACEHOLDER;
    struct mr_json_iter it;
    size_t n = 0, as_bytes = 0;
    bool as_text = false;
    int rc;

    if (mr_json_type(value) != MR_JSON_ARRAY)
        return is_placeholder_text(value);
    for (rc = mr_json_begin(&it, value); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK; n++) {
        int64_t code;

        if (n >= sizeof(bytes) - 1)
            return false;
        as_text = n == 0 && is_placeholder_text(it.value);
        as_bytes += mr_json_int(it.value, &code) == MR_OK && code == bytes[n];
    }
    return rc == MR_E_END && ((n == 1 && as_text) || as_bytes == sizeof(bytes) - 1);
}
