/* want.c - reads what a client asks for in subscribe_pipeline. Pure. */
#include "base/clock.h"
#include "stream/stream.h"

#include <stdio.h>
#include <strings.h>

#define BATCH_MS_MIN 50
#define BATCH_MS_MAX 1000
#define LAST_MAX     100000

void mr_stream_room(struct mr_uuid pipeline, char out[MR_ROOM_TEXT])
{
    (void)snprintf(out, MR_ROOM_TEXT, "pipeline_");
    mr_uuid_format(pipeline, out + 9);
}

static int refuse(const char **reason, const char *why)
{
    *reason = why;
    return MR_E_INVAL;
}

static int read_kinds(struct mr_span value, unsigned *kinds, const char **reason)
{
    struct mr_json_iter it;
    int rc = mr_json_begin(&it, value);

    if (mr_json_type(value) != MR_JSON_ARRAY)
        return refuse(reason, "event_types must be an array of names such as \"insert\"");
    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK) {
        struct mr_span name = mr_json_string_raw(it.value);
        bool found = false;

        for (int k = 0; k < MR_CHANGE_KINDS && !found; k++) {
            const char *known = mr_cdc_kind_name((enum mr_change_kind)k);

            found = MR_CHANGE_IS_EVENT(k) && strlen(known) == name.len &&
                    strncasecmp(known, name.ptr, name.len) == 0;
            if (found)
                *kinds |= 1U << k;
        }
        if (!found)
            return refuse(reason, "event_types may hold insert, update, delete, truncate, message "
                                  "and other");
    }
    return rc == MR_E_END ? MR_OK : refuse(reason, "event_types is not valid JSON");
}

static int read_tables(struct mr_span value, struct mr_stream_want *out, const char **reason)
{
    struct mr_json_iter it;
    int rc = mr_json_begin(&it, value);

    if (mr_json_type(value) != MR_JSON_ARRAY)
        return refuse(reason, "tables must be an array of \"table\" or \"schema.table\"");
    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK)
        if (mr_json_type(it.value) != MR_JSON_STRING)
            return refuse(reason, "tables must be an array of \"table\" or \"schema.table\"");
    out->tables = value;
    return rc == MR_E_END ? MR_OK : refuse(reason, "tables is not valid JSON");
}

/* A time as RFC 3339 or, as JavaScript counts, in ms since the epoch. */
static int read_since(struct mr_span value, struct mr_stream_want *out, const char **reason)
{
    struct mr_span text = mr_json_string_raw(value);
    int64_t ms;

    out->has_since = true;
    if (mr_json_type(value) == MR_JSON_STRING && mr_time_read(text.ptr, text.len, &out->since_us))
        return MR_OK;
    if (mr_json_int(value, &ms) != MR_OK || ms < 0 || ms > INT64_MAX / 1000)
        return refuse(reason, "since must be a time: RFC 3339, or milliseconds since 1970");
    out->since_us = ms * 1000;
    return MR_OK;
}

static int read_start(const struct mr_json_iter *m, struct mr_stream_want *out, const char **reason)
{
    if (mr_span_is(m->key, "since"))
        return read_since(m->value, out, reason);
    if (mr_span_is(m->key, "last")) {
        if (mr_json_int(m->value, &out->last) != MR_OK || out->last < 1 || out->last > LAST_MAX)
            return refuse(reason, "last must be a whole number from 1 to 100000");
        return MR_OK;
    }
    if (mr_json_int(m->value, &out->after) != MR_OK || out->after < 0)
        return refuse(reason, "after must be a seq: a whole number of at least 0");
    out->has_after = true;
    return MR_OK;
}

static int read_member(const struct mr_json_iter *m, struct mr_stream_want *out, bool *has_id,
                       const char **reason)
{
    int64_t n;

    if (mr_span_is(m->key, "pipeline_id")) {
        *has_id = mr_uuid_parse(mr_json_string_raw(m->value), &out->pipeline);
        return *has_id ? MR_OK : refuse(reason, "pipeline_id must be a pipeline's UUID");
    }
    if (mr_json_type(m->value) == MR_JSON_NULL)
        return MR_OK; /* an option that was left out */
    if (mr_span_is(m->key, "after") || mr_span_is(m->key, "since") || mr_span_is(m->key, "last")) {
        return read_start(m, out, reason);
    } else if (mr_span_is(m->key, "batch_ms")) {
        if (mr_json_int(m->value, &n) != MR_OK || n < BATCH_MS_MIN || n > BATCH_MS_MAX)
            return refuse(reason, "batch_ms must be a whole number from 50 to 1000");
        out->batch_ms = (uint32_t)n;
    } else if (mr_span_is(m->key, "event_types")) {
        return read_kinds(m->value, &out->kinds, reason);
    } else if (mr_span_is(m->key, "tables")) {
        return read_tables(m->value, out, reason);
    }
    return MR_OK; /* what is not known is left alone: clients may be newer than the server */
}

int mr_stream_parse(struct mr_span args, struct mr_stream_want *out, const char **reason)
{
    static const char expected[] = "expected a pipeline id, or an object with pipeline_id";
    struct mr_stream_want want = {.kinds = 0};
    struct mr_json_iter it;
    struct mr_span first = args;
    bool has_id = false;
    int rc;

    /* args are the raw elements of an array: the first one is ours */
    for (size_t i = 0, depth = 0, quoted = 0; i < args.len; i++) {
        char c = args.ptr[i];

        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = 0;
        } else if (c == '"') {
            quoted = 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',' && depth == 0) {
            first.len = i;
            break;
        }
    }
    if (mr_json_check(first, &first) != MR_OK)
        return refuse(reason, expected);
    if (mr_json_type(first) == MR_JSON_STRING) {
        if (!mr_uuid_parse(mr_json_string_raw(first), &want.pipeline))
            return refuse(reason, "the pipeline id must be a UUID");
        *out = want;
        return MR_OK;
    }
    if (mr_json_type(first) != MR_JSON_OBJECT)
        return refuse(reason, expected);
    rc = mr_json_begin(&it, first);
    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK)
        if ((rc = read_member(&it, &want, &has_id, reason)) != MR_OK)
            return rc;
    if (rc != MR_E_END || !has_id)
        return refuse(reason, expected);
    if (want.has_after + want.has_since + (want.last > 0) > 1)
        return refuse(reason, "after, since and last exclude each other");
    *out = want;
    return MR_OK;
}
