/* test_io_http_hostile.c - clients that are slow on purpose, keep what they do not use, or hide one
 * request in another. Each is cut off or refused; nobody else waits.
 */
#include "io/net.h"

#include "io_loop.h"

#define REQ(line) line " HTTP/1.1\r\nHost: h\r\n"
#define END       "Connection: close\r\n\r\n"

static atomic_int served, failed;

static void on_any(struct mr_http_req *req, void *ctx)
{
    struct mr_buf b = MR_BUF_INIT(1 << 16);

    (void)ctx;
    atomic_fetch_add(&served, 1);
    mr_buf_addf(&b, "<%s " MR_SPAN_FMT " " MR_SPAN_FMT ">", mr_http_method(req),
                MR_SPAN_ARG(mr_http_path(req)), MR_SPAN_ARG(mr_http_body(req)));
    mr_http_reply(req, &(struct mr_http_response){.status = 200, .body = mr_buf_span(&b)});
    mr_buf_free(&b);
}

static void on_piece(struct mr_http_req *req, struct mr_span bytes, int status, void *ctx)
{
    (void)bytes;
    (void)ctx;
    if (status == MR_OK)
        return;
    atomic_store(&failed, status);
    mr_http_reply(req, &(struct mr_http_response){.status = status == MR_E_END ? 200 : 408});
}

static void on_upload(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_on_body(req, on_piece, NULL);
}

static void loop_setup(void)
{
    atomic_store(&served, 0);
    atomic_store(&failed, 0);
    mr_on_http(srv, on_any, NULL);
    must(mr_http_route_stream(srv, "POST", "/up", 1 << 20, on_upload, NULL) == MR_OK);
}

static int start(void **state)
{
    loop_options = (struct mr_options){.http_header_timeout_ms = 300,
                                       .http_body_timeout_ms = 250,
                                       .http_idle_timeout_ms = 400,
                                       .http_idle_max = 3,
                                       .http_body_bytes_max = 10000};
    return loop_start(state);
}

static int start_patient(void **state)
{
    loop_options = (struct mr_options){.http_idle_max = 3};
    return loop_start(state);
}

/* ---- slowly -------------------------------------------------------------------------------- */

/* A byte now and then, until the server has had enough; each in time by itself. */
static char *drip(int fd, const char *bytes)
{
    for (int i = 0; i < 100; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (poll(&p, 1, 40) == 1)
            return hear(fd, NULL);
        (void)send(fd, bytes + (size_t)i % strlen(bytes), 1, MSG_NOSIGNAL);
    }
    fail_msg("it was given time for ever");
    return NULL;
}

static void a_head_byte_by_byte_is_cut_off(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("GET /"));
    has(drip(fd, "X-Slow: 1"), "408 Request Timeout");
    close(fd);
    fd = dial(); /* empty lines before a request are not progress either */
    has(drip(fd, "\r\n"), "408 Request Timeout");
    close(fd);
    fd = dial(); /* nor is a second request behind a good one */
    say(fd, REQ("GET /1") "\r\n" REQ("GET /2"));
    has(drip(fd, "X-Slow: 1"), "408 Request Timeout");
    close(fd);
}

static void a_body_byte_by_byte_is_cut_off(void **state)
{
    static const char *const heads[] = {REQ("POST /a") "Content-Length: 1000\r\n\r\n",
                                        REQ("POST /up") "Content-Length: 1000\r\n\r\n",
                                        REQ("POST /a") "Transfer-Encoding: chunked\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < LEN(heads); i++) {
        int fd = dial();

        say(fd, heads[i]);
        has(drip(fd, i < 2 ? "x" : "1\r\nx\r\n"), "408 Request Timeout");
        close(fd);
    }
    assert_int_equal(atomic_load(&failed), MR_E_TIMEOUT);
    assert_int_equal(atomic_load(&served), 0);
}

static void a_body_that_stops_is_cut_off(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("POST /a") "Content-Length: 1000\r\n\r\nabc");
    has(hear(fd, NULL), "408 Request Timeout");
    close(fd);
}

/* 4000 bytes in 100 pieces: slower than the grace, faster than the minimum. */
static void a_body_at_a_fair_rate_takes_its_time(void **state)
{
    static const char forty[] = "0123456789012345678901234567890123456789";
    int fd = dial();

    (void)state;
    say(fd, REQ("POST /a") "Content-Length: 4000\r\n" END);
    for (int i = 0; i < 100; i++) {
        say(fd, forty);
        (void)poll(NULL, 0, 8);
    }
    has(hear(fd, NULL), "200 OK");
    close(fd);
}

/* ---- idle ---------------------------------------------------------------------------------- */

static void idle_connections_are_few(void **state)
{
    int fds[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        fds[i] = dial();
        say(fds[i], REQ("GET /") "\r\n");
        (void)hear(fds[i], "<GET / >");
    }
    assert_string_equal(hear(fds[0], NULL), ""); /* the oldest make room */
    assert_string_equal(hear(fds[1], NULL), "");
    for (int i = 2; i < 5; i++) {
        say(fds[i], REQ("GET /again") "\r\n");
        (void)hear(fds[i], "<GET /again >");
    }
    for (int i = 0; i < 5; i++)
        close(fds[i]);
}

static void few_connections(void *arg)
{
    (void)arg;
    srv->net->conns_max = 5;
}

/* With no descriptor left, those who have nothing to say make room for those who have. */
static void idle_connections_make_room(void **state)
{
    int fds[5];

    (void)state;
    assert_int_equal(mr_post(srv, few_connections, NULL), MR_OK);
    for (int i = 0; i < 5; i++) {
        fds[i] = dial();
        say(fds[i], REQ("GET /") "\r\n");
        (void)hear(fds[i], "<GET / >");
    }
    has(ask(REQ("GET /sixth") END), "<GET /sixth >");
    for (int i = 0; i < 5; i++)
        close(fds[i]);
}

static int start_wide(void **state)
{
    loop_options = (struct mr_options){.http_idle_max = 1000};
    return loop_start(state);
}

static void idle_connections_are_not_for_ever(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("GET /") "\r\n");
    (void)hear(fd, "<GET / >");
    assert_string_equal(hear(fd, NULL), "");
    close(fd);
}

/* Requests that are being served are not idle, however long they take. */
static void silence_is_not_idleness(void **state)
{
    int fds[3], busy = dial();

    (void)state;
    say(busy, REQ("POST /a") "Content-Length: 3\r\n\r\nab");
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        say(fds[i], REQ("GET /") "\r\n");
        (void)hear(fds[i], "<GET / >");
    }
    say(busy, "c");
    has(hear(busy, "abc>"), "200 OK");
    close(busy);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* ---- from elsewhere ------------------------------------------------------------------------ */

static int start_strict(void **state)
{
    loop_options = (struct mr_options){.cors_origins = "http://a", .websocket_same_origin = true};
    return loop_start(state);
}

static void a_page_of_another_site_opens_no_websocket(void **state)
{
#define WS                                                                                         \
    REQ("GET /socket.io/?EIO=4&transport=websocket")                                               \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    static const char *const welcome[] = {WS "Origin: http://a\r\n\r\n",
                                          WS "Origin: http://h\r\n\r\n", WS "\r\n"};

    (void)state;
    has(ask(WS "Origin: http://evil\r\n\r\n"), "HTTP/1.1 403 Forbidden\r\n");
    for (size_t i = 0; i < LEN(welcome); i++) {
        int fd = dial();

        say(fd, welcome[i]);
        (void)hear(fd, "101 Switching Protocols");
        close(fd);
    }
}

/* ---- two in one ---------------------------------------------------------------------------- */

struct row {
    const char *name;
    const char *wire; /* what hides is for /hidden */
    const char *want; /* the status; nothing may be served */
};

#define HIDDEN REQ("GET /hidden") "\r\n"

/* clang-format off */
static const struct row rows_smuggled[] = {
    {"a length and chunks",           REQ("POST /") "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN, "400"},
    {"chunks and a length",           REQ("POST /") "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" HIDDEN, "400"},
    {"two lengths",                   REQ("POST /") "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" HIDDEN, "400"},
    {"a list of lengths",             REQ("POST /") "Content-Length: 0, 44\r\n\r\n" HIDDEN, "400"},
    {"a length in hex",               REQ("POST /") "Content-Length: 0x2c\r\n\r\n" HIDDEN, "400"},
    {"a length with a sign",          REQ("POST /") "Content-Length: +0\r\n\r\n" HIDDEN, "400"},
    {"a length before a colon",       REQ("POST /") "Content-Length : 44\r\n\r\n" HIDDEN, "400"},
    {"a folded coding",               REQ("POST /") "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" HIDDEN, "400"},
    {"a coding by another name",      REQ("POST /") "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" HIDDEN, "501"},
    {"a coding behind another",       REQ("POST /") "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" HIDDEN, "501"},
    {"a coding with a tail",          REQ("POST /") "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n" HIDDEN, "400"},
    {"lines that end in LF",          "POST / HTTP/1.1\nHost: h\nContent-Length: 44\n\n" HIDDEN, "400"},
    {"a CR inside a field",           REQ("POST /") "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN, "400"},
    {"chunks of HTTP/1.0",            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN, "400"},
    {"a chunk that ends in LF",       REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n" HIDDEN, "400"},
    {"an extension with an LF",       REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n1;a\nx\r\n0\r\n\r\n" HIDDEN, "400"},
    {"words behind a chunk's size",   REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n1 x\r\nx\r\n0\r\n\r\n" HIDDEN, "400"},
    {"a size too large to count",     REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx" HIDDEN, "400"},
    {"a chunk longer than it says",   REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n1\r\nxGET /hidden", "400"},
    {"a control in a trailer",        REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n0\r\nA: \x01\r\n\r\n" HIDDEN, "400"},
    {"two hosts",                     REQ("GET /") "Host: other\r\n\r\n" HIDDEN, "400"},
    {"bytes over 127 in the target",  "GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n" HIDDEN, "400"},
}; /* clang-format on */

static void test_smuggled(void **state)
{
    const struct row *row = *state;
    const char *answer;
    int fd;

    (void)start(NULL);
    fd = dial();
    say(fd, row->wire);
    shutdown(fd, SHUT_WR);
    answer = hear(fd, NULL);
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
    assert_memory_equal(answer + 9, row->want, 3);
    assert_null(strstr(answer + 9, "HTTP/1.1"));
    close(fd);
    assert_int_equal(atomic_load(&served), 0);
    (void)loop_stop(NULL);
}

static void what_belongs_to_a_body_is_no_request(void **state)
{
    int fd = dial();
    const char *answer;

    (void)state;
    say(fd, REQ("POST /1") "Content-Length: 10\r\n\r\nGET /x HTT" REQ(
                "POST /2") "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nGET /\r\n0\r\nT: "
                           "1\r\n\r\n" REQ("GET /3") END);
    answer = hear(fd, NULL);
    has(answer, "<POST /1 GET /x HTT>");
    has(answer, "<POST /2 GET />");
    has(answer, "<GET /3 >");
    close(fd);
    assert_int_equal(atomic_load(&served), 3);
}

/* Little content in much framing. */
static void extensions_have_an_end(void **state)
{
    struct mr_buf text = MR_BUF_INIT(1 << 16);

    (void)state;
    mr_buf_add_str(&text, REQ("POST /") "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 50; i++)
        mr_buf_addf(&text, "1;%0200d\r\nx\r\n", 0);
    has(ask(mr_buf_cstr(&text)), "400 Bad Request");
    mr_buf_free(&text);
}

static void many_requests_at_once_are_answered_in_order(void **state)
{
    struct mr_buf text = MR_BUF_INIT(1 << 20);
    const char *at;
    int fd = dial();

    (void)state;
    for (int i = 0; i < 300; i++)
        mr_buf_addf(&text, REQ("GET /%d") "\r\n", i);
    mr_buf_add_str(&text, REQ("GET /last") END);
    say(fd, mr_buf_cstr(&text));
    at = hear(fd, NULL);
    for (int i = 0; i < 300; i++) {
        char want[32];

        (void)snprintf(want, sizeof(want), "<GET /%d >", i);
        at = strstr(at, want);
        assert_non_null(at);
    }
    mr_buf_free(&text);
    close(fd);
}

int main(void)
{
    static struct rows r;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_head_byte_by_byte_is_cut_off, start, loop_stop),
        cmocka_unit_test_setup_teardown(a_body_byte_by_byte_is_cut_off, start, loop_stop),
        cmocka_unit_test_setup_teardown(a_body_that_stops_is_cut_off, start, loop_stop),
        cmocka_unit_test_setup_teardown(a_body_at_a_fair_rate_takes_its_time, start, loop_stop),
        cmocka_unit_test_setup_teardown(idle_connections_are_few, start_patient, loop_stop),
        cmocka_unit_test_setup_teardown(idle_connections_make_room, start_wide, loop_stop),
        cmocka_unit_test_setup_teardown(idle_connections_are_not_for_ever, start, loop_stop),
        cmocka_unit_test_setup_teardown(silence_is_not_idleness, start, loop_stop),
        cmocka_unit_test_setup_teardown(a_page_of_another_site_opens_no_websocket, start_strict,
                                        loop_stop),
        cmocka_unit_test_setup_teardown(what_belongs_to_a_body_is_no_request, start, loop_stop),
        cmocka_unit_test_setup_teardown(extensions_have_an_end, start, loop_stop),
        cmocka_unit_test_setup_teardown(many_requests_at_once_are_answered_in_order, start,
                                        loop_stop),
    };

    rows_add(&r, rows_smuggled, test_smuggled);
    return rows_run("io_http_hostile", &r) + cmocka_run_group_tests(tests, NULL, NULL);
}
