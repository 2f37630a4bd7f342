/* fuzz_cdc.c - any bytes as a Kafka record: topic, key and value, apart by the byte 0x1f.
 *
 * What is accepted lies inside the record; row data and keys are JSON, fit for a jsonb column; a
 * refusal has a reason; a wrapper around the value changes nothing but the flag.
 */
#include "../unit/cdc_describe.h"
#include "fuzz.h"

#include "proto/utf8.h"

static struct mr_span take_part(struct mr_span *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, 0x1f, rest->len) : NULL;
    struct mr_span part = *rest;

    if (end != NULL)
        part.len = (size_t)(end - rest->ptr);
    rest->ptr += part.len + (end != NULL);
    rest->len -= part.len + (end != NULL);
    return part;
}

static void check_change(const struct mr_change *c, struct mr_span key, struct mr_span value)
{
    const struct mr_span raw[] = {c->key,     c->before, c->after,
                                  c->message, c->source, c->transaction};
    struct mr_span trimmed;

    FUZZ_ASSERT(cdc_spans_inside(c, key, value));
    FUZZ_ASSERT((unsigned)c->kind < MR_CHANGE_KINDS && (unsigned)c->form <= MR_FORM_CLOUDEVENT);
    FUZZ_ASSERT(MR_CHANGE_IS_EVENT(c->kind) == (c->form != MR_FORM_NONE));
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
        if (raw[i].len > 0)
            FUZZ_ASSERT(mr_json_check(raw[i], &trimmed) == MR_OK && mr_span_eq(trimmed, raw[i]));
    }
    FUZZ_ASSERT(mr_utf8_valid_len(c->table) == c->table.len);
    FUZZ_ASSERT(c->source_ts_ms >= -1 && c->ts_ms >= -1);
    (void)mr_cdc_unavailable(c->after);
}

/* The same value in a JsonConverter's wrapper says the same, unless it was one level too deep or
 * a wrapper already. */
static void check_wrapped(struct mr_span topic, struct mr_span key, struct mr_span value,
                          const struct mr_change *c)
{
    struct mr_buf wrapped = MR_BUF_INIT(1 << 21), a = MR_BUF_INIT(1 << 22),
                  b = MR_BUF_INIT(1 << 22);
    char reason[MR_CDC_REASON_MAX];
    struct mr_change d;
    struct mr_change plain = *c;
    int rc;

    mr_buf_add_str(&wrapped, "{\"schema\":{\"type\":\"struct\"},\"payload\":");
    mr_buf_add_span(&wrapped, value);
    mr_buf_add_char(&wrapped, '}');
    rc = mr_cdc_read(topic, key, mr_buf_span(&wrapped), &d, reason);
    FUZZ_ASSERT(rc == MR_OK || rc == MR_E_TOOBIG);
    if (rc == MR_OK) {
        FUZZ_ASSERT(d.schema_wrapped);
        plain.schema_wrapped = true;
        cdc_describe(&plain, &a);
        cdc_describe(&d, &b);
        FUZZ_ASSERT(mr_span_eq(mr_buf_span(&a), mr_buf_span(&b)));
    }
    mr_buf_free(&wrapped);
    mr_buf_free(&a);
    mr_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span rest = mr_span_of((const char *)data, size);
    struct mr_span topic = take_part(&rest), key = take_part(&rest), value = rest;
    char reason[MR_CDC_REASON_MAX];
    struct mr_change c;
    int rc = mr_cdc_read(topic, key, value, &c, reason);

    FUZZ_ASSERT(memchr(reason, '\0', sizeof(reason)) != NULL);
    if (rc == MR_OK) {
        check_change(&c, key, value);
        if (!c.schema_wrapped)
            check_wrapped(topic, key, value, &c);
    } else {
        FUZZ_ASSERT((rc == MR_E_PROTO || rc == MR_E_TOOBIG) && reason[0] != '\0');
    }
    rc = mr_cdc_read(topic, key, MR_SPAN_NONE, &c, reason);
    FUZZ_ASSERT(rc == MR_OK && c.kind == MR_CHANGE_TOMBSTONE);
    (void)mr_cdc_unavailable(rest);
    (void)mr_cdc_kind(key);
    return 0;
}
