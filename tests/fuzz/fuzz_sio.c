/* fuzz_sio.c - any bytes as a Socket.IO packet: what is accepted lies inside the input, has the
 * shape of its type, and reads the same when it is written again from its parts.
 */
#include "fuzz.h"

#include "proto/json.h"
#include "proto/sio.h"

static void check_shape(const struct mr_sio_packet *p, struct mr_span wire)
{
    enum mr_json_type type = mr_json_type(p->data);
    bool is_event = p->type == MR_SIO_EVENT || p->type == MR_SIO_BINARY_EVENT;
    bool is_ack = p->type == MR_SIO_ACK || p->type == MR_SIO_BINARY_ACK;
    struct mr_span value;

    FUZZ_ASSERT(p->type <= MR_SIO_BINARY_ACK && p->attachments <= MR_SIO_ATTACHMENTS_MAX);
    FUZZ_ASSERT(fuzz_inside(p->data, wire) && fuzz_inside(p->event, wire));
    FUZZ_ASSERT(fuzz_inside(p->args, wire));
    FUZZ_ASSERT(mr_span_is(p->nsp, "/") || fuzz_inside(p->nsp, wire));
    FUZZ_ASSERT(p->nsp.ptr[0] == '/' && p->nsp.len <= MR_SIO_NAMESPACE_LEN_MAX);
    FUZZ_ASSERT(p->ack_id >= -1 && (!is_ack || p->ack_id >= 0));
    FUZZ_ASSERT((is_event || is_ack) == (type == MR_JSON_ARRAY));
    FUZZ_ASSERT(p->data.len == 0 || mr_json_check(p->data, &value) == MR_OK);
    FUZZ_ASSERT(is_event == (p->event.len > 0));
    FUZZ_ASSERT(p->event.len == 0 || !mr_sio_reserved(mr_json_string_raw(p->event)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span wire = mr_span_of((const char *)data, size);
    struct mr_buf text = MR_BUF_INIT(1 << 21);
    struct mr_sio_packet p, q;

    if (mr_sio_decode(wire, &p) != MR_OK)
        return 0;
    check_shape(&p, wire);
    mr_sio_add_head(&text, p.type, p.attachments, p.nsp, p.ack_id);
    if (p.event.len > 0) {
        mr_buf_add_char(&text, '[');
        mr_buf_add_span(&text, p.event);
        mr_buf_add_str(&text, p.args.len > 0 ? "," : "");
        mr_buf_add_span(&text, p.args);
        mr_buf_add_char(&text, ']');
    } else {
        mr_buf_add_span(&text, p.data);
    }
    FUZZ_ASSERT(mr_buf_err(&text) == MR_OK);
    FUZZ_ASSERT(mr_sio_decode(mr_buf_span(&text), &q) == MR_OK);
    FUZZ_ASSERT(q.type == p.type && q.attachments == p.attachments && q.ack_id == p.ack_id);
    FUZZ_ASSERT(mr_span_eq(q.nsp, p.nsp) && mr_span_eq(q.event, p.event));
    FUZZ_ASSERT(mr_span_eq(q.args, p.args));
    mr_buf_free(&text);
    return 0;
}
