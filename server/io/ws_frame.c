/* ws_frame.c - RFC 6455 framing. What is refused here is named by its status at the refusal. */
#include "io/ws_frame.h"

#include "io/ws_deflate.h"
#include "proto/utf8.h"

#define CONTROL_BYTES_MAX 125

void mr__ws_rx_init(struct mr_ws_rx *rx, size_t message_bytes_max)
{
    *rx = (struct mr_ws_rx){0};
    mr_buf_init(&rx->message, message_bytes_max);
    mr_buf_init(&rx->control, CONTROL_BYTES_MAX);
}

void mr__ws_rx_deinit(struct mr_ws_rx *rx)
{
    mr_buf_free(&rx->message);
    mr_buf_free(&rx->control);
}

size_t mr__ws_head_write(unsigned char out[10], uint8_t opcode, size_t len)
{
    out[0] = (unsigned char)(0x80 | opcode);
    if (len < 126) {
        out[1] = (unsigned char)len;
        return 2;
    }
    if (len < 65536) {
        out[1] = 126;
        out[2] = (unsigned char)(len >> 8);
        out[3] = (unsigned char)len;
        return 4;
    }
    out[1] = 127;
    for (unsigned i = 0; i < 8; i++)
        out[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
    return 10;
}

void mr__ws_unmask(unsigned char *bytes, size_t n, const unsigned char key[4], size_t offset)
{
    unsigned char turned[8];
    uint64_t wide;
    size_t i = 0;

    for (unsigned k = 0; k < 8; k++)
        turned[k] = key[(offset + k) & 3];
    memcpy(&wide, turned, 8);
    for (; n - i >= 8; i += 8) {
        uint64_t w;

        memcpy(&w, bytes + i, 8);
        w ^= wide;
        memcpy(bytes + i, &w, 8);
    }
    for (; i < n; i++)
        bytes[i] ^= turned[i & 7];
}

int mr__ws_close_status(struct mr_span payload)
{
    int status;

    if (payload.len == 0)
        return 1005;
    if (payload.len == 1)
        return MR_WS_PROTOCOL_ERROR;
    status = (unsigned char)payload.ptr[0] << 8 | (unsigned char)payload.ptr[1];
    if (mr_utf8_valid_len(mr_span_of(payload.ptr + 2, payload.len - 2)) != payload.len - 2)
        return MR_WS_BAD_TEXT;
    if ((status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) ||
        (status >= 3000 && status <= 4999))
        return status;
    return MR_WS_PROTOCOL_ERROR;
}

/* Bytes of the header, known from its first two. */
static size_t head_size(const struct mr_ws_rx *rx)
{
    unsigned len = rx->head[1] & 127u;

    return 2u + (len == 126 ? 2u : len == 127 ? 8u : 0u) + (rx->head[1] & 128u ? 4u : 0u);
}

static bool is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}

/* The first two bytes are there: is this frame acceptable now? 0 or a status. */
static int check_head(struct mr_ws_rx *rx)
{
    bool compressed = (rx->head[0] & MR_WS_RSV1) != 0;

    rx->fin = (rx->head[0] & 0x80) != 0;
    rx->opcode = rx->head[0] & 0x0f;
    if (rx->head[0] & 0x30 ||
        (compressed && (rx->codec == NULL || rx->opcode == 0 || rx->opcode > 2)))
        return MR_WS_PROTOCOL_ERROR; /* reserved bits: no extension was agreed, or not for these */
    if (!(rx->head[1] & 0x80))
        return MR_WS_PROTOCOL_ERROR; /* a client must mask */
    switch (rx->opcode) {
    case MR_WS_CONTINUATION:
        return rx->message_op == 0 ? MR_WS_PROTOCOL_ERROR : 0;
    case MR_WS_TEXT:
    case MR_WS_BINARY:
        if (rx->message_op != 0)
            return MR_WS_PROTOCOL_ERROR; /* the message before it is not complete */
        rx->message_op = rx->opcode;
        rx->checked = 0;
        rx->compressed = compressed;
        return 0;
    case MR_WS_CLOSE:
    case MR_WS_PING:
    case MR_WS_PONG:
        return !rx->fin || (rx->head[1] & 127) > CONTROL_BYTES_MAX ? MR_WS_PROTOCOL_ERROR : 0;
    default:
        return MR_WS_PROTOCOL_ERROR;
    }
}

/* The whole header is there: take the length, refuse what would pass the limit. */
static int take_length(struct mr_ws_rx *rx)
{
    unsigned len = rx->head[1] & 127u;
    uint64_t left = len;

    if (len >= 126) {
        left = 0;
        for (unsigned i = 0; i < (len == 126 ? 2u : 8u); i++)
            left = left << 8 | rx->head[2 + i];
    }
    if (left >> 63 != 0) /* the highest bit is no part of a length */
        return MR_WS_PROTOCOL_ERROR;
    rx->left = left;
    rx->masked = 0;
    rx->in_payload = true;
    if (!is_control(rx->opcode) && left > rx->message.max - rx->message.len)
        return MR_WS_TOO_BIG;
    return 0;
}

/* A compressed message is complete. */
static int finish_compressed(struct mr_ws_rx *rx, enum mr_ws_opcode op, struct mr_span data,
                             mr_ws_fn fn, void *ctx, bool *go_on)
{
    struct mr_buf plain = MR_BUF_INIT(rx->message.max);
    int status = mr__ws_inflate(rx->codec, data, &plain);

    mr_buf_free(&rx->message);
    if (status == 0 && op == MR_WS_TEXT && mr_utf8_valid_len(mr_buf_span(&plain)) != plain.len)
        status = MR_WS_BAD_TEXT;
    if (status == 0)
        *go_on = fn(ctx, op, mr_buf_span(&plain));
    mr_buf_free(&plain);
    return status;
}

/* A frame is complete; whole: its payload if nothing of it had to be gathered. */
static int finish_frame(struct mr_ws_rx *rx, struct mr_span whole, bool direct, mr_ws_fn fn,
                        void *ctx, bool *go_on)
{
    bool control = is_control(rx->opcode);
    struct mr_buf *buf = control ? &rx->control : &rx->message;
    enum mr_ws_opcode op =
        control ? (enum mr_ws_opcode)rx->opcode : (enum mr_ws_opcode)rx->message_op;
    struct mr_span data = direct ? whole : mr_buf_span(buf);

    rx->in_payload = false;
    rx->head_n = 0;
    if (!control && !rx->fin)
        return 0;
    if (!control) {
        rx->message_op = 0;
        if (rx->compressed)
            return finish_compressed(rx, op, data, fn, ctx, go_on);
    }
    if (op == MR_WS_TEXT && mr_utf8_valid_len(data) != data.len)
        return MR_WS_BAD_TEXT;
    *go_on = fn(ctx, op, data);
    mr_buf_free(buf);
    return 0;
}

/* Could these few bytes be the beginning of a letter? The continuations that are allowed are a
 * range, and one of its ends fits any first byte. */
static bool may_become_letter(struct mr_span rest)
{
    char letter[4];

    for (int end = 0x80; rest.len < 4 && end <= 0xbf; end += 0x3f) {
        memset(letter, end, sizeof(letter));
        memcpy(letter, rest.ptr, rest.len);
        for (size_t n = rest.len + 1; n <= 4; n++) {
            if (mr_utf8_valid_len(mr_span_of(letter, n)) == n)
                return true;
        }
    }
    return false;
}

/* Text that can no longer become UTF-8 is refused at once, and not when all of it has come. */
static bool text_fails(struct mr_ws_rx *rx)
{
    struct mr_span fresh = mr_span_of(rx->message.ptr + rx->checked, rx->message.len - rx->checked);
    size_t ok = mr_utf8_valid_len(fresh);

    rx->checked += ok;
    return ok < fresh.len && !may_become_letter(mr_span_of(fresh.ptr + ok, fresh.len - ok));
}

/* Payload bytes of the present frame. */
static int take_payload(struct mr_ws_rx *rx, unsigned char *bytes, size_t n, mr_ws_fn fn, void *ctx,
                        bool *go_on)
{
    struct mr_buf *buf = is_control(rx->opcode) ? &rx->control : &rx->message;
    struct mr_span piece = mr_span_of((const char *)bytes, n);
    bool whole = n == rx->left && buf->len == 0 && rx->fin;

    mr__ws_unmask(bytes, n, rx->head + head_size(rx) - 4, rx->masked);
    rx->left -= n;
    if (!whole) {
        mr_buf_add_span(buf, piece);
        if (mr_buf_err(buf) != MR_OK)
            return mr_buf_err(buf) == MR_E_TOOBIG ? MR_WS_TOO_BIG : MR_WS_INTERNAL;
        rx->masked = (uint32_t)(rx->masked + n) & 3;
        if (buf == &rx->message && rx->message_op == MR_WS_TEXT && !rx->compressed && n > 0 &&
            text_fails(rx))
            return MR_WS_BAD_TEXT;
    }
    return rx->left == 0 ? finish_frame(rx, piece, whole, fn, ctx, go_on) : 0;
}

int mr__ws_rx_feed(struct mr_ws_rx *rx, unsigned char *bytes, size_t n, mr_ws_fn fn, void *ctx)
{
    bool go_on = true;
    int status = 0;

    while (status == 0 && go_on && n > 0) {
        size_t take = 1;

        if (rx->in_payload) {
            take = rx->left < n ? (size_t)rx->left : n;
            status = take_payload(rx, bytes, take, fn, ctx, &go_on);
        } else {
            rx->head[rx->head_n++] = *bytes;
            if (rx->head_n == 2)
                status = check_head(rx);
            if (status == 0 && rx->head_n >= 2 && rx->head_n == head_size(rx)) {
                status = take_length(rx);
                if (status == 0 && rx->left == 0) /* an empty payload never comes */
                    status = take_payload(rx, bytes + take, 0, fn, ctx, &go_on);
            }
        }
        bytes += take;
        n -= take;
    }
    return status;
}
