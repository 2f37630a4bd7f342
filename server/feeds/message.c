/* message.c - entries of Redis streams as messages of the bus. Pure. */
#include "base/clock.h"
#include "feeds/reader.h"
#include "proto/json.h"
#include "proto/utf8.h"
#include <stdio.h>
#include <string.h>

bool mr_bus_name_ok(struct mr_span name)
{
    static const char also[] = "._:-";

    if (name.len < 1 || name.len >= MR_BUS_NAME)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              memchr(also, c, sizeof(also) - 1)))
            return false;
    }
    return true;
}

static bool take_number(struct mr_span *text, uint64_t *out)
{
    size_t i = 0;

    *out = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text->ptr[i] - '0');

        if (*out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    *text = mr_span_of(text->ptr + i, text->len - i);
    return i > 0;
}

int mr_bus_id_parse(struct mr_span text, struct mr_bus_id *out)
{
    out->seq = 0;
    if (!take_number(&text, &out->ms))
        return MR_E_INVAL;
    if (text.len == 0)
        return MR_OK;
    if (text.ptr[0] != '-')
        return MR_E_INVAL;
    text = mr_span_of(text.ptr + 1, text.len - 1);
    return take_number(&text, &out->seq) && text.len == 0 ? MR_OK : MR_E_INVAL;
}

void mr_bus_id_format(struct mr_bus_id id, char out[MR_BUS_ID_TEXT])
{
    (void)snprintf(out, MR_BUS_ID_TEXT, "%llu-%llu", (unsigned long long)id.ms,
                   (unsigned long long)id.seq);
}

int mr_bus_id_cmp(struct mr_bus_id a, struct mr_bus_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : (a.seq < b.seq ? -1 : 1);
}

bool mr_bus_type_ok(struct mr_span type)
{
    static const char *const ours[] = {"connection_ack", "error",        "ping",      "pong",
                                       "test",           "gap",          "subscribe", "subscribed",
                                       "unsubscribe",    "unsubscribed", "coalesced", "replayed"};

    if (!mr_bus_name_ok(type) || type.len > 64)
        return false;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (mr_span_is(type, ours[i]))
            return false;
    return true;
}

/* Bytes that are no UTF-8 are "?": a message is text. */
static void add_string(struct mr_buf *out, struct mr_span text)
{
    struct mr_buf mended = MR_BUF_INIT(2 * MR_BUS_ENTRY_MAX);

    while (text.len > 0) {
        size_t good = mr_utf8_valid_len(text);

        mr_buf_add(&mended, text.ptr, good);
        if (good < text.len)
            mr_buf_add_char(&mended, '?');
        good += good < text.len;
        text = mr_span_of(text.ptr + good, text.len - good);
    }
    mr_json_add_string(out, mr_buf_span(&mended));
    mr_buf_free(&mended);
}

static void add_data(struct mr_buf *out, size_t n, const struct mr_span *fields, bool only_data)
{
    struct mr_span value;

    if (only_data) {
        for (size_t i = 0; i < n; i++) {
            if (!mr_span_is(fields[2 * i], "data"))
                continue;
            if (mr_json_check(fields[2 * i + 1], &value) == MR_OK)
                mr_buf_add_span(out, value);
            else
                add_string(out, fields[2 * i + 1]);
        }
        return;
    }
    mr_buf_add_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            mr_buf_add_char(out, ',');
        add_string(out, fields[2 * i]);
        mr_buf_add_char(out, ':');
        add_string(out, fields[2 * i + 1]);
    }
    mr_buf_add_char(out, '}');
}

void mr_bus_encode(struct mr_buf *out, const char *stream, struct mr_span id, size_t n,
                   const struct mr_span *fields, int64_t now_us)
{
    struct mr_span type = MR_SPAN("message");
    size_t bytes = 0, data = 0, types = 0;
    char now[MR_TIME_TEXT];

    for (size_t i = 0; i < n; i++) {
        bytes += fields[2 * i].len + fields[2 * i + 1].len;
        data += mr_span_is(fields[2 * i], "data");
        types += mr_span_is(fields[2 * i], "type");
    }
    for (size_t i = 0; i < n && data == 1 && types == 1 && n == 2; i++)
        if (mr_span_is(fields[2 * i], "type") && mr_bus_type_ok(fields[2 * i + 1]))
            type = fields[2 * i + 1];
    mr_time_format(now_us, now);
    mr_buf_addf(out, "{\"type\":\"" MR_SPAN_FMT "\",\"stream\":\"%s\",\"channel\":\"%s\",\"id\":\"",
                MR_SPAN_ARG(type), stream, stream);
    mr_buf_add_span(out, id);
    mr_buf_add_str(out, "\",\"data\":");
    if (bytes > MR_BUS_ENTRY_MAX)
        mr_buf_addf(out, "null,\"too_large_bytes\":%zu", bytes);
    else
        add_data(out, n, fields, data == 1 && n == 1 + types);
    mr_buf_addf(out, ",\"timestamp\":\"%s\"}", now);
}
