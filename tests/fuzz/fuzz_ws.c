/* fuzz_ws.c - any bytes as WebSocket frames from a client, plain and with permessage-deflate: whole
 * and chopped input give the same messages and the same end; text is UTF-8; nothing is over the
 * limit.
 *
 * The first byte: bit 0 switches deflate on, the others say how the input is chopped.
 */
#include "fuzz.h"

#include "io/ws_deflate.h"
#include "io/ws_frame.h"
#include "proto/utf8.h"

#define LIMIT 4096

struct heard {
    struct mr_buf all; /* opcode, length and bytes of each message */
    struct mr_ws_rx *rx;
};

static struct mr_server srv;

static bool hear(void *ctx, enum mr_ws_opcode op, struct mr_span data)
{
    struct heard *h = ctx;

    FUZZ_ASSERT(data.len <= LIMIT);
    FUZZ_ASSERT(op == MR_WS_TEXT || op == MR_WS_BINARY || op >= MR_WS_CLOSE);
    FUZZ_ASSERT(op < MR_WS_CLOSE || data.len <= 125);
    if (op == MR_WS_TEXT)
        FUZZ_ASSERT(mr_utf8_valid_len(data) == data.len);
    if (op == MR_WS_CLOSE) {
        int status = mr__ws_close_status(data);

        FUZZ_ASSERT(status >= 1000 && status < 5000);
    }
    mr_buf_addf(&h->all, "%d:%zu:", (int)op, data.len);
    mr_buf_add_span(&h->all, data);
    return true;
}

static int feed(const uint8_t *data, size_t size, size_t step, bool deflates, struct heard *h)
{
    struct mr_ws_rx rx;
    unsigned char piece[1 << 16];
    int status = 0;

    mr__ws_rx_init(&rx, LIMIT);
    rx.codec = deflates ? mr__ws_codec(&srv) : NULL;
    h->rx = &rx;
    for (size_t at = 0; at < size && status == 0; at += step) {
        size_t n = size - at < step ? size - at : step;

        memcpy(piece, data + at, n); /* it is unmasked in place */
        status = mr__ws_rx_feed(&rx, piece, n, hear, h);
    }
    mr__ws_rx_deinit(&rx);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole = {.all = MR_BUF_INIT(1 << 22)}, chopped = {.all = MR_BUF_INIT(1 << 22)};
    int status;

    if (size < 2 || size > 60000)
        return 0;
    if (srv.opt.path == NULL) {
        static const struct mr_options opt = {.websocket_deflate = true};

        FUZZ_ASSERT(mr__core_init(&srv, &opt) == MR_OK);
    }
    status = feed(data + 1, size - 1, size, data[0] & 1, &whole);
    FUZZ_ASSERT(status == 0 || status == 1002 || status == 1007 || status == 1009 ||
                status == 1011);
    FUZZ_ASSERT(feed(data + 1, size - 1, 1 + (data[0] >> 1) % 7, data[0] & 1, &chopped) == status);
    FUZZ_ASSERT(mr_span_eq(mr_buf_span(&whole.all), mr_buf_span(&chopped.all)));
    mr_buf_free(&whole.all);
    mr_buf_free(&chopped.all);
    return 0;
}
