/* ws.h - WebSocket frames (RFC 6455) over byte buffers, as much as a bench needs of them: text,
 * ping, pong and close; no fragments, since neither side here sends any over its limit.
 *
 *   | FIN op | M length | 2 or 8 bytes of length | 4 bytes of mask when M | payload |
 */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include "bench.h"
#include "proto/b64.h"
#include "proto/buf.h"
#include <openssl/sha.h>

#define WS_TEXT  1
#define WS_CLOSE 8
#define WS_PING  9
#define WS_PONG  10

struct ws_frame {
    int op;
    struct mr_span payload; /* a view, unmasked in place */
};

static inline void ws__head(struct mr_buf *out, int op, size_t len, bool masked)
{
    uint8_t head[10] = {(uint8_t)(0x80 | op), masked ? 0x80 : 0};
    size_t n = 2;

    if (len < 126) {
        head[1] |= (uint8_t)len;
    } else if (len < 65536) {
        head[1] |= 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        n = 4;
    } else {
        head[1] |= 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
        n = 10;
    }
    mr_buf_add(out, head, n);
}

/* Append a server's frame. */
static inline void ws_put(struct mr_buf *out, int op, struct mr_span payload)
{
    ws__head(out, op, payload.len, false);
    mr_buf_add_span(out, payload);
}

/* Append a client's frame. The mask is constant: what it guards against is not on loopback, and
 * every server unmasks all the same. */
static inline void ws_put_masked(struct mr_buf *out, int op, struct mr_span payload)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    size_t at;

    ws__head(out, op, payload.len, true);
    mr_buf_add(out, mask, sizeof(mask));
    at = out->len;
    mr_buf_add_span(out, payload);
    if (mr_buf_err(out) != MR_OK)
        bench_die("a frame does not fit its buffer");
    for (size_t i = 0; i < payload.len; i++)
        out->ptr[at + i] = (char)(out->ptr[at + i] ^ mask[i & 3]);
}

/* Take the next whole frame off len bytes at p. Returns the bytes used; 0: it is not complete. */
static inline size_t ws_take(char *p, size_t len, struct ws_frame *out)
{
    const uint8_t *b = (const uint8_t *)p;
    size_t head = 2;
    uint64_t n;
    char *mask = NULL;

    if (len < 2)
        return 0;
    n = b[1] & 0x7fu;
    if (n == 126) {
        if (len < 4)
            return 0;
        n = (uint64_t)b[2] << 8 | b[3];
        head = 4;
    } else if (n == 127) {
        if (len < 10)
            return 0;
        n = 0;
        for (int i = 0; i < 8; i++)
            n = n << 8 | b[2 + i];
        head = 10;
    }
    if (b[1] & 0x80) {
        mask = p + head;
        head += 4;
    }
    if (len < head || len - head < n)
        return 0;
    for (size_t i = 0; mask && i < n; i++)
        p[head + i] = (char)(p[head + i] ^ mask[i & 3]);
    out->op = b[0] & 0x0f;
    out->payload = mr_span_of(p + head, (size_t)n);
    return head + (size_t)n;
}

/* Append the 101 reply to a client's key (24 characters). */
static inline void ws_put_accept(struct mr_buf *out, struct mr_span key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    unsigned char digest[SHA_DIGEST_LENGTH];
    char text[64];
    int n = snprintf(text, sizeof(text), MR_SPAN_FMT "%s", MR_SPAN_ARG(key), guid);

    SHA1((const unsigned char *)text, (size_t)n, digest);
    mr_buf_add_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    mr_b64_encode(mr_span_of((const char *)digest, sizeof(digest)), out);
    mr_buf_add_str(out, "\r\n\r\n");
}

#endif
