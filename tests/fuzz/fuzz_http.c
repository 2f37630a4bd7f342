/* fuzz_http.c - any bytes as an HTTP head and a chunked body: what is accepted lies inside the
 * input, obeys the limits, and a body decodes the same in one piece and byte by byte.
 */
#include "fuzz.h"

#include "io/http_parse.h"

static void check_head(const struct mr_http_head *head, struct mr_span wire)
{
    FUZZ_ASSERT(head->method.len > 0 && fuzz_inside(head->method, wire));
    FUZZ_ASSERT(head->path.len > 0 && fuzz_inside(head->path, wire));
    FUZZ_ASSERT(head->path.ptr[0] == '/' || mr_span_is(head->path, "*"));
    FUZZ_ASSERT(fuzz_inside(head->query, wire));
    FUZZ_ASSERT(head->n_fields <= MR_HEADERS_MAX);
    FUZZ_ASSERT(!(head->chunked && head->has_length));
    for (size_t i = 0; i < head->n_fields; i++) {
        FUZZ_ASSERT(fuzz_inside(head->fields[i].name, wire));
        FUZZ_ASSERT(fuzz_inside(head->fields[i].value, wire));
        FUZZ_ASSERT(memchr(head->fields[i].name.ptr, ' ', head->fields[i].name.len) == NULL);
    }
}

static int feed(struct mr_span wire, size_t step, struct mr_buf *out, size_t *used)
{
    struct mr_chunked c = {0};
    int rc = MR_OK;

    for (*used = 0; *used < wire.len && rc == MR_OK;) {
        size_t n = wire.len - *used < step ? wire.len - *used : step;
        struct mr_span in = mr_span_of(wire.ptr + *used, n);

        rc = mr__chunked_feed(&c, &in, out);
        *used += n - in.len;
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span wire = mr_span_of((const char *)data, size);
    struct mr_buf whole = MR_BUF_INIT(1 << 16), bytes = MR_BUF_INIT(1 << 16);
    size_t end = mr__http_head_end(wire, 0), used_whole, used_bytes;
    struct mr_http_head head;
    const char *why = NULL;
    int rc;

    FUZZ_ASSERT(end <= size);
    if (end > 0) {
        int status = mr__http_head_parse(mr_span_of(wire.ptr, end), &head, &why);

        FUZZ_ASSERT(status == 0 || (status >= 400 && status < 600 && why != NULL));
        if (status == 0)
            check_head(&head, wire);
    } else {
        (void)mr__http_head_peek(wire, &why);
    }
    rc = feed(wire, size, &whole, &used_whole);
    FUZZ_ASSERT(rc == feed(wire, 1, &bytes, &used_bytes));
    FUZZ_ASSERT(rc != MR_E_END || used_whole == used_bytes);
    FUZZ_ASSERT(mr_span_eq(mr_buf_span(&whole), mr_buf_span(&bytes)));
    mr_buf_free(&whole);
    mr_buf_free(&bytes);
    return 0;
}
