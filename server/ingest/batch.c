/* batch.c - what a message of the queue has to be. */
#include "base/uuid.h"
#include "ingest/message.h"
#include "ingest/store.h"
#include "proto/json.h"
#include "proto/utf8.h"
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES (16u << 20)

/* Its last eight digits, with the place mixed in. */
void mr_batch_id(const char *batch, size_t at, char out[MR_INGEST_ID])
{
    unsigned tail = 0;

    (void)sscanf(batch + 28, "%8x", &tail);
    (void)snprintf(out, MR_INGEST_ID, "%.28s%08x", batch, tail ^ (unsigned)(at + 1));
}

bool mr_message_number(struct mr_span v)
{
    size_t i = v.len > 0 && v.ptr[0] == '-';

    if (mr_json_type(v) != MR_JSON_NUMBER || v.len - i == 0 || v.len - i > 18)
        return false;
    for (; i < v.len; i++)
        if (v.ptr[i] < '0' || v.ptr[i] > '9')
            return false;
    return true;
}

static const char *check_content(struct mr_span v)
{
    struct mr_buf text = MR_BUF_INIT(TEXT_BYTES);
    const char *why = NULL;
    size_t n;

    if (mr_json_type(v) != MR_JSON_STRING ||
        mr_json_unescape(mr_json_string_raw(v), &text) != MR_OK)
        why = "content is no string";
    else if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        why = "content has a NUL in it";
    else if ((n = mr_utf8_count(mr_buf_span(&text))) < 1 || n > MR_MESSAGE_CHARACTERS_MAX)
        why = "content has to be of 1 to 10,000 characters";
    mr_buf_free(&text);
    return why;
}

static const char *check(struct mr_span m, struct mr_span *user, struct mr_span *channel,
                         struct mr_span *content, struct mr_span *created)
{
    *created = MR_SPAN_NONE;
    if (mr_json_type(m) != MR_JSON_OBJECT)
        return "it is no JSON object";
    if (mr_json_get(m, "user_id", user) != MR_OK || !mr_message_number(*user))
        return "user_id is no whole number";
    if (mr_json_get(m, "channel_id", channel) != MR_OK || !mr_message_number(*channel))
        return "channel_id is no whole number";
    if (mr_json_get(m, "content", content) != MR_OK)
        return "content is missing";
    if (mr_json_get(m, "created_at", created) == MR_OK && mr_json_type(*created) == MR_JSON_NULL)
        *created = MR_SPAN_NONE;
    if (created->ptr && mr_json_type(*created) != MR_JSON_STRING)
        return "created_at is no time";
    return check_content(*content);
}

void mr_batch_row(struct mr_span text, const char id_else[MR_INGEST_ID], struct mr_batch_row *out,
                  struct mr_buf *json)
{
    struct mr_span m, id, user, channel, content, created;
    struct mr_uuid uuid;

    memcpy(out->ingest_id, id_else, MR_INGEST_ID);
    out->reason = NULL;
    if (mr_json_check(text, &m) != MR_OK) {
        out->reason = "it is no JSON";
        return;
    }
    out->reason = check(m, &user, &channel, &content, &created);
    if (out->reason)
        return;
    if (mr_json_get(m, "id", &id) == MR_OK && mr_json_type(id) == MR_JSON_STRING &&
        mr_uuid_parse(mr_json_string_raw(id), &uuid))
        mr_uuid_format(uuid, out->ingest_id);
    mr_buf_addf(json,
                "%s{\"ingest_id\":\"%s\",\"user_id\":" MR_SPAN_FMT ",\"channel_id\":" MR_SPAN_FMT
                ",\"content\":",
                json->len > 1 ? "," : "", out->ingest_id, MR_SPAN_ARG(user), MR_SPAN_ARG(channel));
    mr_buf_add_span(json, content);
    if (created.ptr) {
        mr_buf_add_str(json, ",\"created_at\":");
        mr_buf_add_span(json, created);
    }
    mr_buf_add_char(json, '}');
}
