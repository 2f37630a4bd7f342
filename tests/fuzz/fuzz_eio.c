/* fuzz_eio.c - any bytes as a polling body: packets lie inside it and in order, what they hold can
 * be put together to the same body again, and base64 that is accepted decodes.
 */
#include "fuzz.h"

#include "proto/b64.h"
#include "proto/eio.h"

static void check_base64(struct mr_span text)
{
    struct mr_buf bytes = MR_BUF_INIT(1 << 20), again = MR_BUF_INIT(1 << 21);
    struct mr_buf strict = MR_BUF_INIT(1 << 20);
    bool is_strict = mr_b64_valid(text);

    FUZZ_ASSERT(mr_b64_read(text, &bytes) == MR_OK);
    mr_b64_encode(mr_buf_span(&bytes), &again);
    FUZZ_ASSERT(!is_strict || mr_span_eq(mr_buf_span(&again), text));
    FUZZ_ASSERT(mr_b64_decode(text, &strict) == (is_strict ? MR_OK : MR_E_PROTO));
    FUZZ_ASSERT(!is_strict || mr_span_eq(mr_buf_span(&strict), mr_buf_span(&bytes)));
    mr_buf_free(&strict);
    mr_buf_free(&bytes);
    mr_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span wire = mr_span_of((const char *)data, size);
    struct mr_span body = wire, before = wire;
    struct mr_buf again = MR_BUF_INIT(1 << 21);
    struct mr_eio_packet p;
    int rc;

    while ((rc = mr_eio_next(&body, &p)) == MR_OK) {
        FUZZ_ASSERT(fuzz_inside(p.data, wire) && body.len < before.len);
        FUZZ_ASSERT(p.type <= MR_EIO_NOOP);
        if (again.len > 0)
            mr_buf_add_char(&again, MR_EIO_SEPARATOR);
        mr_buf_add_char(&again, p.binary ? 'b' : (char)('0' + (int)p.type));
        mr_buf_add_span(&again, p.data);
        if (p.binary)
            check_base64(p.data);
        before = body;
    }
    if (rc == MR_E_PROTO)
        FUZZ_ASSERT(body.ptr == before.ptr && body.len == before.len);
    else
        FUZZ_ASSERT(rc == MR_E_END && mr_span_eq(mr_buf_span(&again), wire));
    if (mr_eio_decode(wire, &p) == MR_OK)
        FUZZ_ASSERT(p.data.len == size - 1);
    if (mr_eio_decode(wire, &p) == MR_OK && p.binary)
        check_base64(p.data);
    (void)mr_b64_valid(wire);
    mr_buf_free(&again);
    return 0;
}
