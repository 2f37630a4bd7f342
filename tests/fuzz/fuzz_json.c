/* fuzz_json.c - any bytes: checking, walking and taking members agree, and never leave the input.
 *
 *   clang presets: cmake --preset fuzz && ninja -C build/fuzz fuzz_json
 *   build/fuzz/bin/fuzz_json -max_total_time=60 /tmp/found tests/fuzz/corpus/json
 */
#include "fuzz.h"

#include "proto/json.h"
#include "proto/utf8.h"

/* Walk a container to its leaves; MR_OK when there is nothing wrong in it. */
static int walk(struct mr_span value, unsigned depth)
{
    struct mr_json_iter it;
    int rc;

    FUZZ_ASSERT(depth <= MR_JSON_DEPTH_MAX);
    if (mr_json_type(value) != MR_JSON_ARRAY && mr_json_type(value) != MR_JSON_OBJECT)
        return MR_OK;
    for (rc = mr_json_begin(&it, value); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        FUZZ_ASSERT(fuzz_inside(it.key, value) && fuzz_inside(it.value, value));
        FUZZ_ASSERT(it.value.len > 0);
        if (walk(it.value, depth + 1) != MR_OK)
            return MR_E_PROTO;
    }
    return rc == MR_E_END ? MR_OK : rc;
}

/* What was unescaped and written again is JSON, and unescapes to the same. */
static void check_string(struct mr_span value)
{
    struct mr_buf text = MR_BUF_INIT(1 << 20), json = MR_BUF_INIT(1 << 23);
    struct mr_buf again = MR_BUF_INIT(1 << 20);
    struct mr_span back;

    FUZZ_ASSERT(mr_json_unescape(mr_json_string_raw(value), &text) == MR_OK);
    FUZZ_ASSERT(mr_utf8_valid_len(mr_buf_span(&text)) == text.len);
    mr_json_add_string(&json, mr_buf_span(&text));
    FUZZ_ASSERT(mr_json_check(mr_buf_span(&json), &back) == MR_OK && back.len == json.len);
    FUZZ_ASSERT(mr_json_unescape(mr_json_string_raw(back), &again) == MR_OK);
    FUZZ_ASSERT(mr_span_eq(mr_buf_span(&text), mr_buf_span(&again)));
    mr_buf_free(&text);
    mr_buf_free(&json);
    mr_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span text = mr_span_of((const char *)data, size);
    struct mr_span value = MR_SPAN_NONE;
    struct mr_buf out = MR_BUF_INIT(1 << 23);
    struct mr_json_iter it;
    int64_t n;
    int rc = mr_json_check(text, &value);
    int walked = mr_json_begin(&it, text);

    while (walked == MR_OK)
        walked = mr_json_next(&it);
    if (rc == MR_OK) {
        enum mr_json_type type = mr_json_type(value);

        FUZZ_ASSERT(fuzz_inside(value, text) && type != MR_JSON_NONE);
        FUZZ_ASSERT(walk(value, 0) == MR_OK);
        FUZZ_ASSERT((walked == MR_E_END) == (type == MR_JSON_ARRAY || type == MR_JSON_OBJECT));
        if (type == MR_JSON_STRING)
            check_string(value);
    } else {
        FUZZ_ASSERT(walked != MR_E_END);
        FUZZ_ASSERT((rc == MR_E_TOOBIG) == (walked == MR_E_TOOBIG));
    }
    (void)!mr_json_get(text, "a", &value);
    (void)!mr_json_int(text, &n);
    (void)!mr_json_unescape(text, &out);
    mr_buf_clear(&out);
    mr_json_add_string(&out, text); /* any bytes make a JSON string */
    FUZZ_ASSERT(mr_json_check(mr_buf_span(&out), &value) == MR_OK);
    mr_buf_free(&out);
    return 0;
}
