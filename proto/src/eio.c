/* eio.c - Engine.IO packets in and out of text: a digit, then data; bodies split at 0x1e. */
#include "proto/eio.h"

#include "proto/b64.h"
#include "proto/json.h"

int mr_eio_decode(struct mr_span text, struct mr_eio_packet *out)
{
    if (text.len > 0 && text.ptr[0] == 'b') {
        struct mr_span data = mr_span_of(text.ptr + 1, text.len - 1);

        *out = (struct mr_eio_packet){.type = MR_EIO_MESSAGE, .binary = true, .data = data};
        return mr_b64_read(data, NULL);
    }
    if (text.len == 0 || text.ptr[0] < '0' || text.ptr[0] > '6')
        return MR_E_PROTO;
    out->type = (enum mr_eio_type)(text.ptr[0] - '0');
    out->binary = false;
    out->data = mr_span_of(text.ptr + 1, text.len - 1);
    return MR_OK;
}

int mr_eio_next(struct mr_span *body, struct mr_eio_packet *out)
{
    struct mr_span packet = *body;
    const char *separator;
    int rc;

    if (body->len == 0)
        return MR_E_END;
    separator = memchr(body->ptr, MR_EIO_SEPARATOR, body->len);
    if (separator != NULL)
        packet.len = (size_t)(separator - body->ptr);
    if (separator != NULL && packet.len + 1 == body->len)
        return MR_E_PROTO; /* a separator promises another packet */
    rc = mr_eio_decode(packet, out);
    if (rc != MR_OK)
        return rc;
    packet.len += separator != NULL;
    body->ptr += packet.len;
    body->len -= packet.len;
    return MR_OK;
}

void mr_eio_add_open(struct mr_buf *b, struct mr_span sid, bool can_upgrade,
                     uint32_t ping_interval_ms, uint32_t ping_timeout_ms, size_t max_payload_bytes)
{
    mr_buf_add_str(b, "0{\"sid\":");
    mr_json_add_string(b, sid);
    mr_buf_add_str(b, can_upgrade ? ",\"upgrades\":[\"websocket\"]" : ",\"upgrades\":[]");
    mr_buf_add_str(b, ",\"pingInterval\":");
    mr_buf_add_u64(b, ping_interval_ms);
    mr_buf_add_str(b, ",\"pingTimeout\":");
    mr_buf_add_u64(b, ping_timeout_ms);
    mr_buf_add_str(b, ",\"maxPayload\":");
    mr_buf_add_u64(b, max_payload_bytes);
    mr_buf_add_char(b, '}');
}
