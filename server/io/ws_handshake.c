/* ws_handshake.c - a request that wants to be a WebSocket, and the 101 that makes it one. */
#include "io/ws_handshake.h"

#include "io/ws_deflate.h"
#include "proto/b64.h"

int mr__ws_handshake_check(const struct mr_http_head *head)
{
    struct mr_span key = mr__http_field(head, "sec-websocket-key");

    if (!mr_span_is(head->method, "GET") || head->length > 0 || head->chunked || key.len != 24 ||
        !mr_b64_valid(key))
        return 400;
    return mr_span_is(mr__http_field(head, "sec-websocket-version"), "13") ? 0 : 426;
}

void mr__ws_handshake_version(struct mr_http_conn *h)
{
    h->keep_alive = false;
    mr__http_respond(h, 426, MR_SPAN("Sec-WebSocket-Version: 13\r\n"), MR_SPAN_NONE, NULL, NULL);
}

/* The proof that we read the key: section 4.2.2. */
static void add_accept(struct mr_buf *b, struct mr_span key)
{
    char text[24 + 36];
    unsigned char digest[20];

    memcpy(text, key.ptr, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    mr__sha1(text, sizeof(text), digest);
    mr_b64_encode(mr_span_of((const char *)digest, sizeof(digest)), b);
}

void mr__ws_handshake_add(struct mr_buf *b, struct mr_span key, struct mr_span protocol,
                          const struct mr_server *deflates, struct mr_span lines)
{
    mr_buf_add_str(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    add_accept(b, key);
    if (protocol.len > 0)
        mr_buf_addf(b, "\r\nSec-WebSocket-Protocol: " MR_SPAN_FMT, MR_SPAN_ARG(protocol));
    if (deflates != NULL)
        mr__ws_deflate_answer(deflates, b);
    mr_buf_add_str(b, "\r\n");
    mr_buf_add_span(b, lines);
    mr_buf_add_str(b, "\r\n");
}
