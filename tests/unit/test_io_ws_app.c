/* test_io_ws_app.c - plain WebSockets over real sockets: accepted now and later, kept alive, cut
 * off, and used after their end. Frames of the client are masked with zeros.
 */
#include "millrace/millrace.h"

#include "io_loop.h"

#define SHAKE(path)                                                                                \
    "GET " path " HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define END "\r\n"

static atomic_int opens, messages, closes, drains, code;
static _Atomic(struct mr_http_req *) held;
static struct mr_ws *kept;
static char why[124], last[256];

static void on_open(struct mr_ws *ws, void *ctx)
{
    (void)ctx;
    must(mr_ws_is_open(ws) && strcmp(mr_ws_addr(ws), "127.0.0.1") == 0 && mr_ws_server(ws) == srv);
    atomic_fetch_add(&opens, 1);
}

static void on_message(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx)
{
    static char block[100000];

    (void)ctx;
    (void)binary;
    (void)snprintf(last, sizeof(last), MR_SPAN_FMT, MR_SPAN_ARG(data));
    if (mr_span_is(data, "keep")) {
        kept = mr_ws_ref(ws);
    } else if (mr_span_is(data, "close")) {
        must(mr_ws_close(ws, 1005, MR_SPAN_NONE) == MR_E_INVAL);
        must(mr_ws_close(ws, 3000, MR_SPAN("\xff")) == MR_E_INVAL);
        must(mr_ws_close(ws, 3000, MR_SPAN("done")) == MR_OK);
        must(mr_ws_send_text(ws, data) == MR_E_CLOSED);
    } else if (mr_span_is(data, "flood")) {
        while (mr_ws_send_binary(ws, mr_span_of(block, sizeof(block))) == MR_OK)
            continue;
        must(!mr_ws_is_open(ws));
    } else if (mr_span_is(data, "fill")) {
        must(mr_ws_send_binary(ws, mr_span_of(block, sizeof(block))) == MR_OK);
        must(mr_ws_congested(ws) && mr_ws_buffered(ws) > sizeof(block));
    } else {
        must(mr_ws_send_text(ws, MR_SPAN("\xc3")) == MR_E_INVAL);
        must(mr_ws_send_text(ws, data) == MR_OK);
    }
    atomic_fetch_add(&messages, 1);
}

static void on_drain(struct mr_ws *ws, void *ctx)
{
    (void)ctx;
    must(!mr_ws_congested(ws));
    atomic_fetch_add(&drains, 1);
}

static void on_close(struct mr_ws *ws, int status, struct mr_span reason, void *ctx)
{
    (void)ctx;
    must(!mr_ws_is_open(ws) && mr_ws_send_text(ws, MR_SPAN("x")) == MR_E_CLOSED);
    (void)snprintf(why, sizeof(why), MR_SPAN_FMT, MR_SPAN_ARG(reason));
    atomic_store(&code, status);
    atomic_fetch_add(&closes, 1);
}

static void on_held(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    atomic_store(&held, req);
}

static void on_wrong(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    must(mr_ws_accept(req, "never offered", NULL) == MR_E_INVAL);
}

static void loop_setup(void)
{
    struct mr_ws_handlers on = {.open = on_open,
                                .message = on_message,
                                .drain = on_drain,
                                .close = on_close,
                                .queue_bytes_max = 1000000,
                                .high_water_bytes = 1000,
                                .low_water_bytes = 100};

    must(mr_on_websocket(srv, "/ws", &on, NULL) == MR_OK);
    must(mr_on_websocket(srv, "ws", &on, NULL) == MR_E_INVAL);
    on.request = on_wrong;
    must(mr_on_websocket(srv, "/wrong", &on, NULL) == MR_OK);
    on.request = on_held;
    must(mr_on_websocket(srv, "/later/:id", &on, NULL) == MR_OK);
    on.request = NULL;
    on.ping_interval_ms = on.ping_timeout_ms = 30;
    must(mr_on_websocket(srv, "/pings", &on, NULL) == MR_OK);
    on.ping_interval_ms = UINT32_MAX;
    on.idle_timeout_ms = 50;
    must(mr_on_websocket(srv, "/idle", &on, NULL) == MR_OK);
}

static int fresh(void **state)
{
    (void)state;
    atomic_store(&opens, 0);
    atomic_store(&messages, 0);
    atomic_store(&closes, 0);
    atomic_store(&drains, 0);
    atomic_store(&code, 0);
    atomic_store(&held, NULL);
    return 0;
}

static void say_frame(int fd, int opcode, const char *text)
{
    unsigned char head[6] = {(unsigned char)(0x80 | opcode), (unsigned char)(0x80 | strlen(text))};

    assert_int_equal(send(fd, head, 6, MSG_NOSIGNAL), 6);
    if (text[0] != '\0')
        say(fd, text);
}

static int open_at(const char *shake)
{
    int fd = dial();

    say(fd, shake);
    (void)hear(fd, "\r\n\r\n");
    return fd;
}

static void accept_held(void *arg)
{
    struct mr_http_req *req = atomic_load(&held);

    must(mr_span_is(mr_http_param(req, "id"), "7"));
    must(mr_ws_accept(req, NULL, arg) == MR_OK);
}

static void until_held(void)
{
    for (int i = 0; atomic_load(&held) == NULL; i++) {
        assert_true(i < WAIT_MS);
        (void)poll(NULL, 0, 1);
    }
}

static void accepted_later_nothing_is_lost(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, SHAKE("/later/7") END);
    say_frame(fd, 1, "early");
    until_held();
    say_frame(fd, 1, "bird");
    assert_int_equal(mr_post(srv, accept_held, srv), MR_OK);
    has(hear(fd, "bird"), "early");
    wait_for(&messages, 2);
    close(fd);
    wait_for(&code, 1006);
    wait_for(&closes, 1);
}

static void accept_gone(void *arg)
{
    int rc = mr_ws_accept(atomic_load(&held), NULL, arg);

    /* Its end may not have been seen yet: then it opens, and closes at once. */
    must(rc == MR_OK || rc == MR_E_CLOSED);
    atomic_store(&code, rc == MR_OK ? 1 : 1006);
}

static void a_client_that_did_not_wait_is_gone(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, SHAKE("/later/7") END);
    until_held();
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), 0);
    close(fd); /* a reset */
    assert_int_equal(mr_post(srv, accept_gone, NULL), MR_OK);
    wait_for(&code, 1006);
    assert_int_equal(atomic_load(&opens), atomic_load(&closes));
}

static void wrong_handshakes_are_refused(void **state)
{
    (void)state;
    has(ask(SHAKE("/wrong") "Connection: close\r\n" END), "HTTP/1.1 500");
    has(ask(SHAKE("/%zz") END), "HTTP/1.1 400");
    has(ask("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n"),
        "HTTP/1.1 426");
    has(ask("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n"),
        "HTTP/1.1 400");
    assert_int_equal(atomic_load(&opens), 0);
}

static void who_closes_hears_the_answer(void **state)
{
    int fd = open_at(SHAKE("/ws") END);

    (void)state;
    say_frame(fd, 1, "close");
    has(hear(fd, "done"), "\x0b\xb8"
                          "done"); /* 3000 */
    say_frame(fd, 1, "too late");
    say_frame(fd, 8,
              "\x0f\xa1"
              "ok"); /* 4001 */
    (void)hear(fd, NULL);
    wait_for(&closes, 1);
    assert_int_equal(atomic_load(&code), 4001);
    assert_string_equal(why, "ok");
    assert_int_equal(atomic_load(&messages), 1);
    close(fd);
}

static void broken_rules_are_reported(void **state)
{
    int fd = open_at(SHAKE("/ws") END);

    (void)state;
    say_frame(fd, 3, "what?");
    (void)hear(fd, NULL);
    wait_for(&closes, 1);
    assert_int_equal(atomic_load(&code), 1002);
    close(fd);
}

static void unref_kept(void *arg)
{
    (void)arg;
    must(!mr_ws_is_open(kept) && mr_ws_buffered(kept) == 0);
    must(mr_ws_close(kept, 1000, MR_SPAN_NONE) == MR_OK);
    mr_ws_unref(kept);
    atomic_fetch_add(&drains, 100);
}

static void a_handle_outlives_its_connection(void **state)
{
    int fd = open_at(SHAKE("/ws") END);

    (void)state;
    say_frame(fd, 1, "keep");
    wait_for(&messages, 1);
    close(fd);
    wait_for(&closes, 1);
    assert_int_equal(mr_post(srv, unref_kept, NULL), MR_OK);
    wait_for(&drains, 100);
}

static void who_does_not_read_is_cut_off(void **state)
{
    int fd = open_at(SHAKE("/ws") END);

    (void)state;
    say_frame(fd, 1, "flood");
    wait_for(&closes, 1);
    assert_int_equal(atomic_load(&code), 1006);
    assert_string_equal(why, "slow consumer");
    close(fd);
}

static void draining_is_told(void **state)
{
    int fd = open_at(SHAKE("/ws") END);
    static char sink[200000];
    size_t n = 0;

    (void)state;
    say_frame(fd, 1, "fill");
    while (n < 100010) {
        ssize_t got = recv(fd, sink, sizeof(sink), 0);

        assert_true(got > 0);
        n += (size_t)got;
    }
    wait_for(&drains, 1);
    close(fd);
    wait_for(&closes, 1);
}

static void silence_is_probed_and_then_ended(void **state)
{
    int fd = open_at(SHAKE("/pings") END);

    (void)state;
    wait_for(&opens, 1);
    (void)hear(fd, "\x89"); /* a ping */
    say_frame(fd, 10, "");
    (void)hear(fd, "\x89");
    assert_int_equal(atomic_load(&closes), 0);
    wait_for(&closes, 1);
    assert_string_equal(why, "ping timeout");
    close(fd);
    fd = open_at(SHAKE("/idle") END);
    (void)hear(fd, "idle timeout");
    close(fd);
    wait_for(&closes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(accepted_later_nothing_is_lost, fresh),
        cmocka_unit_test_setup(a_client_that_did_not_wait_is_gone, fresh),
        cmocka_unit_test_setup(wrong_handshakes_are_refused, fresh),
        cmocka_unit_test_setup(who_closes_hears_the_answer, fresh),
        cmocka_unit_test_setup(broken_rules_are_reported, fresh),
        cmocka_unit_test_setup(a_handle_outlives_its_connection, fresh),
        cmocka_unit_test_setup(who_does_not_read_is_cut_off, fresh),
        cmocka_unit_test_setup(draining_is_told, fresh),
        cmocka_unit_test_setup(silence_is_probed_and_then_ended, fresh),
    };

    return cmocka_run_group_tests_name("ws_app", tests, loop_start, loop_stop);
}
