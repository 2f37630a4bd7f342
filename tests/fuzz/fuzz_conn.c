/* fuzz_conn.c - whole connections from their first byte: the real server on its real loop, with
 * Engine.IO, routes, streamed bodies, plain WebSockets, compression and recovery, spoken to over
 * socket pairs. Whatever comes in whatever pieces, everything is given back when the clients are
 * gone.
 *
 * A step is a byte that says what, a byte that says how much, and, for some, that many bytes. The
 * canned openings get a conversation going: the fuzzer need not find out what a handshake is. One
 * step makes an allocation fail.
 */
#include "fuzz.h"

#include "io/conn.h"
#include "io/peers.h"
#include "millrace/websocket.h"
#include "proto/alloc.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 3

static uv_loop_t loop;
static struct mr_server *srv;
static uint64_t now_ms = 1000000;
static int fds[SLOTS] = {-1, -1, -1};
static char sid[32] = "none", pid[80] = "none", offset[80] = "none";

static uint64_t clock_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

/* ---- the application ------------------------------------------------------------------------ */

static void on_echo(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span parts[10];
    size_t n = mr_event_attachments(s);

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        parts[i] = mr_event_attachment(s, i);
    (void)!mr_join(s, "room");
    (void)mr_ack_binary(s, ack_id, args, parts, n);
    (void)mr_emit(srv, mr_socket_nsp(s), "room", "news", MR_SPAN("[1,\"two\"]"));
}

static void on_http(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header text = {"content-type", "text/plain"};

    (void)ctx;
    mr_http_reply(req,
                  &(struct mr_http_response){
                      .status = 200, .headers = &text, .n_headers = 1, .body = mr_http_body(req)});
}

static void on_piece(struct mr_http_req *req, struct mr_span bytes, int status, void *ctx)
{
    (void)bytes, (void)ctx;
    if (status != MR_OK)
        mr_http_reply(req, &(struct mr_http_response){.status = status == MR_E_END ? 200 : 400});
}

static void on_upload(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_on_body(req, on_piece, NULL);
}

static void on_message(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx)
{
    (void)ctx;
    if (binary)
        (void)mr_ws_send_binary(ws, data);
    else
        (void)mr_ws_send_text(ws, data);
    if (mr_span_is(data, "bye"))
        (void)mr_ws_close(ws, 1000, MR_SPAN("bye"));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct mr_options opt = {.clock_ms = clock_ms,
                                   .body_bytes_max = 20000,
                                   .http_body_bytes_max = 20000,
                                   .queue_bytes_max = 100000,
                                   .websocket_deflate = true,
                                   .websocket_deflate_bytes_min = 16,
                                   .http_compress_bytes_min = 64,
                                   .http_compress_routes = true,
                                   .cors_origins = "*",
                                   .cookie = {.name = "io"}};

    (void)argc, (void)argv;
    mr_set_log(MR_SEVERITY_ERROR, NULL, NULL);
    FUZZ_ASSERT(uv_loop_init(&loop) == 0);
    FUZZ_ASSERT(mr_server_new(&srv, &loop, &opt) == MR_OK);
    FUZZ_ASSERT(mr_use_recovery(srv, &(struct mr_recovery_options){.sessions_max = 50}) == MR_OK);
    FUZZ_ASSERT(mr_on(srv, "/", "echo", on_echo, NULL) == MR_OK);
    FUZZ_ASSERT(mr_on(srv, "/n", "echo", on_echo, NULL) == MR_OK);
    FUZZ_ASSERT(mr_http_route(srv, "PUT", "/r/:name", on_http, NULL) == MR_OK);
    FUZZ_ASSERT(mr_http_route_stream(srv, "POST", "/up", 50000, on_upload, NULL) == MR_OK);
    FUZZ_ASSERT(mr_on_websocket(srv, "/ws", &(struct mr_ws_handlers){.message = on_message},
                                NULL) == MR_OK);
    return 0;
}

/* ---- the clients ---------------------------------------------------------------------------- */

static void turn_the_loop(void)
{
    for (int i = 0; i < 4; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void dial(int *fd)
{
    int pair[2];
    struct mr_peer *peer;

    if (*fd >= 0)
        return;
    FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    peer = mr__peer_connects(srv, "192.0.2.1");
    if (peer == NULL) { /* out of memory */
        close(pair[0]);
        close(pair[1]);
        return;
    }
    mr__conn_new(srv->net, pair[1], peer, "192.0.2.1", false);
    *fd = pair[0];
}

/* What a client remembers: the value behind a key, up to its quote. */
static void learn(const char *text, size_t n, const char *key, char *out, size_t size)
{
    const char *at = memmem(text, n, key, strlen(key)), *end;

    if (at == NULL)
        return;
    at += strlen(key);
    end = memchr(at, '"', n - (size_t)(at - text));
    if (end != NULL && (size_t)(end - at) < size) {
        memcpy(out, at, (size_t)(end - at));
        out[end - at] = '\0';
    }
}

static void hear(int *fd)
{
    static char bytes[1 << 16];
    ssize_t n;

    while (*fd >= 0 && (n = recv(*fd, bytes, sizeof(bytes), MSG_DONTWAIT)) != -1) {
        if (n == 0) {
            close(*fd);
            *fd = -1;
            return;
        }
        learn(bytes, (size_t)n, "\n0{\"sid\":\"", sid, sizeof(sid));
        learn(bytes, (size_t)n, "\"pid\":\"", pid, sizeof(pid));
        learn(bytes, (size_t)n, "[1,\"two\"],\"", offset, sizeof(offset));
    }
    if (*fd >= 0 && errno != EAGAIN) {
        close(*fd);
        *fd = -1;
    }
}

static void say(int *fd, struct mr_span bytes)
{
    dial(fd);
    if (*fd >= 0 && bytes.len > 0)
        (void)!send(*fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A masked frame around what the fuzzer wants; the mask is zero. */
static void say_frame(int *fd, unsigned head, struct mr_span payload)
{
    unsigned char b[6 + 256] = {(unsigned char)head, (unsigned char)(0x80 | payload.len)};

    if (payload.len > 125)
        payload.len = 125;
    b[1] = (unsigned char)(0x80 | payload.len);
    if (payload.len > 0)
        memcpy(b + 6, payload.ptr, payload.len);
    say(fd, mr_span_of((char *)b, 6 + payload.len));
}

static void say_canned(int *fd, unsigned which, struct mr_span text)
{
#define UPGRADE                                                                                    \
    "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                              \
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    struct mr_buf b = MR_BUF_INIT(4000);

    switch (which % 9) {
    case 0:
        mr_buf_add_str(&b, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" UPGRADE);
        break;
    case 1:
        mr_buf_add_str(&b, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n");
        break;
    case 2:
        mr_buf_addf(&b,
                    "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n"
                    "Content-Length: %zu\r\n\r\n",
                    sid, text.len);
        mr_buf_add_span(&b, text);
        break;
    case 3:
        mr_buf_addf(&b,
                    "GET /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n"
                    "Accept-Encoding: gzip\r\n\r\n",
                    sid);
        break;
    case 4:
        mr_buf_addf(&b, "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\n" UPGRADE,
                    sid);
        break;
    case 5:
        mr_buf_addf(&b, "POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                    text.len);
        mr_buf_add_span(&b, text);
        mr_buf_add_str(&b, "\r\n0\r\n\r\n");
        break;
    case 6:
        mr_buf_addf(&b, "PUT /r/x?y HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", text.len);
        mr_buf_add_span(&b, text);
        break;
    case 7:
        mr_buf_add_str(&b, "GET /ws HTTP/1.1\r\n" UPGRADE);
        break;
    default: /* who it was, with an end that the fuzzer changes */
        mr_buf_addf(&b, "40{\"pid\":\"%s\",\"offset\":\"%s" MR_SPAN_FMT "\"}", pid, offset,
                    MR_SPAN_ARG(text));
        say_frame(fd, 0x81, mr_buf_span(&b));
        mr_buf_clear(&b);
        break;
    }
    say(fd, mr_buf_span(&b));
    mr_buf_free(&b);
}

static void step(unsigned what, unsigned how, struct mr_span text)
{
    static const char binary[] = "451-2[\"echo\",{\"_placeholder\":true,\"num\":0}]";
    static const char *const packets[] = {
        "40", "40/n,", "42[\"echo\",1]", "421[\"echo\",2]", "41", "3", "2probe", "5", "1", binary};
    int *fd = &fds[(what >> 4) % SLOTS];

    switch (what & 15) {
    case 0:
    case 1:
    case 2:
        say(fd, text);
        break;
    case 3:
    case 4:
    case 5:
        say_canned(fd, how, text);
        break;
    case 6:
    case 7:
        say_frame(fd, 0x80 | (how & 0x7f), text);
        break;
    case 8:
    case 9:
        say_frame(fd, 0x81, mr_span_str(packets[how % (sizeof(packets) / sizeof(packets[0]))]));
        break;
    case 10:
        if (*fd >= 0)
            (void)shutdown(*fd, SHUT_WR);
        break;
    case 11:
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        break;
    case 12:
        now_ms += how * 100;
        mr_server_tick(srv);
        break;
    case 15: /* an allocation on the way of what comes next fails */
        mr_alloc_fail_nth(how);
        return;
    case 13:
        return; /* no turn: what comes next arrives together with this */
    default:
        say_canned(fd, 2, mr_span_str(packets[how % (sizeof(packets) / sizeof(packets[0]))]));
        break;
    }
    turn_the_loop();
    for (int i = 0; what & 0x80 && i < SLOTS; i++) /* else they do not read for now */
        hear(&fds[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_stats stats;

    for (size_t at = 0; at + 2 <= size;) {
        size_t len = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;

        step(data[at], data[at + 1], mr_span_of((const char *)data + at + 2, len));
        at += 2 + ((data[at] & 15) < 8 ? len : 0);
    }
    mr_alloc_fail_nth(0);
    for (int i = 0; i < SLOTS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
    for (int i = 0; i < 8; i++) { /* timeouts follow one another */
        turn_the_loop();
        now_ms += 60000;
        mr_server_tick(srv);
    }
    turn_the_loop();
    mr_server_stats(srv, &stats);
    FUZZ_ASSERT(stats.sessions == 0 && stats.sockets == 0 && stats.rooms == 0);
    FUZZ_ASSERT(stats.queued_bytes == 0 && stats.queued_packets == 0 && stats.websockets == 0);
    FUZZ_ASSERT(srv->net->n_conns == 0 && srv->net->n_requests == 0 && srv->net->n_idle == 0);
    return 0;
}
