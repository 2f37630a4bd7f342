/* test_io_http_stream.c - bodies in pieces, over real sockets: uploads that are held up, replies
 * that wait for their reader, and ends that come too early on either side.
 */
#include "millrace/millrace.h"

#include "io_loop.h"

#define REQ(line)  line " HTTP/1.1\r\nHost: h\r\n"
#define END        "Connection: close\r\n\r\n"
#define BODY_MAX   100000
#define WALL_BYTES (16u << 20)

static atomic_int pieces, body_status, drains, stalls, closes, ended;
static _Atomic(struct mr_http_req *) held;
static char wall[WALL_BYTES];

/* ---- uploads ------------------------------------------------------------------------------- */

static uint64_t got, sum;

static void report(struct mr_http_req *req, int status)
{
    struct mr_http_response res = {.status = status == MR_E_END ? 200 : mr_err_http(status)};
    char text[64];

    (void)snprintf(text, sizeof(text), "%llu bytes, sum %llu, %d", (unsigned long long)got,
                   (unsigned long long)sum, status);
    res.body = mr_span_str(text);
    mr_http_reply(req, &res);
}

static void on_piece(struct mr_http_req *req, struct mr_span bytes, int status, void *ctx)
{
    (void)ctx;
    if (status != MR_OK) {
        atomic_store(&body_status, status);
        report(req, status);
        return;
    }
    must(bytes.len > 0);
    got += bytes.len;
    for (size_t i = 0; i < bytes.len; i++)
        sum += (unsigned char)bytes.ptr[i];
    atomic_fetch_add(&pieces, 1);
    if (atomic_load(&held) == req)
        mr_http_pause(req);
}

static void on_upload(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    got = sum = 0;
    must(mr_http_body(req).len == 0);
    mr_http_on_body(req, on_piece, NULL);
    if (mr_span_is(mr_http_query(req), "pause"))
        atomic_store(&held, req);
    if (!mr_span_is(mr_http_query(req), "early"))
        return;
    mr_http_pause(req);
    atomic_store(&held, req);
}

static void on_unread(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_reply(req, &(struct mr_http_response){.status = 403, .body = MR_SPAN("not you")});
}

static void on_piece_refused(struct mr_http_req *req, struct mr_span bytes, int status, void *ctx)
{
    (void)bytes;
    (void)ctx;
    must(status == MR_OK); /* after the answer nothing comes */
    mr_http_reply(req, &(struct mr_http_response){.status = 422, .body = MR_SPAN("enough")});
}

static void on_refuse_midway(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_on_body(req, on_piece_refused, NULL);
}

static void resume_held(void *arg)
{
    struct mr_http_req *req = atomic_exchange(&held, NULL);

    (void)arg;
    mr_http_resume(req);
}

/* ---- downloads ----------------------------------------------------------------------------- */

static size_t at;

/* As much as fits; the rest when it has drained. */
static void pour(struct mr_http_req *req, void *ctx)
{
    int64_t queued = 0;

    if (ctx != NULL)
        atomic_fetch_add((atomic_int *)ctx, 1);
    while (at < sizeof(wall) && queued <= 262144) {
        queued = mr_http_write(req, mr_span_of(wall + at, 65536));
        must(queued >= 0);
        at += 65536;
    }
    if (at == sizeof(wall)) {
        mr_http_end(req);
        atomic_fetch_add(&ended, 1);
    } else if (ctx == NULL) {
        atomic_fetch_add(&stalls, 1);
    }
}

static void on_wall(struct mr_http_req *req, void *ctx)
{
    bool known = mr_span_is(mr_http_query(req), "known");

    (void)ctx;
    at = 0;
    mr_http_on_drain(req, pour, &drains);
    must(mr_http_begin(req, &(struct mr_http_response){.status = 200},
                       known ? (int64_t)sizeof(wall) : -1) == MR_OK);
    pour(req, NULL);
}

static void on_gone(struct mr_http_req *req, void *ctx)
{
    must(mr_http_write(req, MR_SPAN("x")) == MR_E_CLOSED);
    atomic_fetch_add((atomic_int *)ctx, 1);
    if (atomic_load(&held) == req)
        atomic_store(&held, NULL);
    mr_http_end(req);
}

/* An event stream that the test writes to. */
static void on_events(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header type = {"Content-Type", "text/event-stream"};

    (void)ctx;
    mr_http_on_close(req, on_gone, &closes);
    must(mr_http_begin(req,
                       &(struct mr_http_response){.status = 200, .headers = &type, .n_headers = 1},
                       -1) == MR_OK);
    must(mr_http_write(req, MR_SPAN("data: hello\n\n")) == 0);
    atomic_store(&held, req);
}

static void send_event(void *arg)
{
    must(mr_http_write(atomic_load(&held), mr_span_str(arg)) == 0);
}

static void end_held(void *arg)
{
    (void)arg;
    mr_http_end(atomic_exchange(&held, NULL));
}

static void on_short(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    must(mr_http_begin(req, &(struct mr_http_response){.status = 200}, 10) == MR_OK);
    must(mr_http_write(req, MR_SPAN("1234")) >= 0);
    must(mr_http_write(req, MR_SPAN("1234567")) == MR_E_TOOBIG);
    mr_http_end(req);
}

/* Nobody reads: past the ceiling nothing is taken. */
static void on_flood(struct mr_http_req *req, void *ctx)
{
    int64_t rc = 0;

    (void)ctx;
    must(mr_http_begin(req, &(struct mr_http_response){.status = 200}, -1) == MR_OK);
    for (int i = 0; i < 1000 && rc >= 0; i++)
        rc = mr_http_write(req, mr_span_of(wall, 65536));
    must(rc == MR_E_AGAIN);
    mr_http_abort(req);
    atomic_fetch_add(&ended, 1);
}

static void on_abort(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_abort(req);
}

static void loop_setup(void)
{
    atomic_store(&pieces, 0);
    atomic_store(&body_status, 0);
    atomic_store(&drains, 0);
    atomic_store(&stalls, 0);
    atomic_store(&closes, 0);
    atomic_store(&ended, 0);
    atomic_store(&held, NULL);
    must(mr_http_route_stream(srv, "POST", "/up", BODY_MAX, on_upload, NULL) == MR_OK);
    must(mr_http_route_stream(srv, "POST", "/unread", BODY_MAX, on_unread, NULL) == MR_OK);
    must(mr_http_route_stream(srv, "POST", "/midway", BODY_MAX, on_refuse_midway, NULL) == MR_OK);
    must(mr_http_route(srv, "GET", "/wall", on_wall, NULL) == MR_OK);
    must(mr_http_route(srv, "GET", "/events", on_events, NULL) == MR_OK);
    must(mr_http_route(srv, "GET", "/short", on_short, NULL) == MR_OK);
    must(mr_http_route(srv, "GET", "/flood", on_flood, NULL) == MR_OK);
    must(mr_http_route_stream(srv, "POST", "/abort", BODY_MAX, on_abort, NULL) == MR_OK);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void an_upload_comes_in_pieces(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("POST /up") "Content-Length: 4\r\n\r\nab");
    wait_for(&pieces, 1);
    say(fd, "cd" REQ("POST /up") "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1");
    wait_for(&pieces, 3);
    say(fd, "\r\nc\r\n0\r\n\r\n" REQ("POST /up") "Content-Length: 0\r\n\r\n" REQ("GET /x") END);
    has(hear(fd, "404 Not Found"), "4 bytes, sum 394, -1");
    close(fd);
    assert_int_equal(atomic_load(&body_status), MR_E_END);
}

/* An empty body is none: fn answers by itself. */
static void a_stream_without_a_body_just_begins(void **state)
{
    (void)state;
    has(ask(REQ("POST /unread") END), "not you");
}

static void a_paused_upload_waits_in_the_kernel(void **state)
{
    static char body[BODY_MAX];
    int fd = dial(), seen;
    size_t sent = 0;

    (void)state;
    memset(body, 1, sizeof(body));
    say(fd, REQ("POST /up?pause") "Content-Length: 100000\r\n" END);
    (void)send(fd, body, 10, MSG_NOSIGNAL);
    wait_for(&pieces, 1);
    for (sent = 10; sent < sizeof(body);) {
        ssize_t n = send(fd, body + sent, sizeof(body) - sent, MSG_NOSIGNAL);

        assert_true(n > 0);
        sent += (size_t)n;
    }
    has(ask(REQ("POST /unread") END), "not you"); /* the loop has turned meanwhile */
    seen = atomic_load(&pieces);
    assert_int_equal(seen, 1);
    assert_int_equal(mr_post(srv, resume_held, NULL), MR_OK);
    has(hear(fd, NULL), "100000 bytes, sum 100000, -1");
    close(fd);
}

/* What came in the same breath as the head waits too. */
static void an_upload_may_be_paused_from_the_start(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("POST /up?early") "Content-Length: 4\r\n" END "abcd");
    has(ask(REQ("POST /unread") END), "not you");
    assert_int_equal(atomic_load(&pieces), 0);
    assert_int_equal(mr_post(srv, resume_held, NULL), MR_OK);
    has(hear(fd, NULL), "4 bytes, sum 394, -1");
    close(fd);
}

static void an_upload_has_a_bound(void **state)
{
    static char text[BODY_MAX + 1000];
    int n, fd;

    (void)state;
    has(ask(REQ("POST /up") "Content-Length: 100001\r\n\r\n"), "413 Content Too Large");
    n = snprintf(text, sizeof(text), REQ("POST /up") "Transfer-Encoding: chunked\r\n\r\n186a1\r\n");
    memset(text + n, 'x', BODY_MAX + 1);
    fd = dial();
    say(fd, text);
    has(hear(fd, NULL), "413 Content Too Large");
    close(fd);
    assert_int_equal(atomic_load(&body_status), MR_E_TOOBIG);
    has(ask(REQ("POST /up") "Transfer-Encoding: chunked\r\n\r\n2\r\nabX"), "400 Bad Request");
    assert_int_equal(atomic_load(&body_status), MR_E_PROTO);
}

static void an_upload_may_be_refused_before_it_is_there(void **state)
{
    (void)state;
    has(ask(REQ("POST /unread") "Content-Length: 5000\r\n\r\nab"),
        "Connection: close\r\n\r\nnot you");
    has(ask(REQ("POST /unread") "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n"),
        "HTTP/1.1 403 Forbidden");
    assert_memory_equal(
        ask(REQ("POST /unread") "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
        "HTTP/1.1 403", 12); /* and not 100 */
    assert_memory_equal(
        ask(REQ("POST /up") "Expect: 100-continue\r\nContent-Length: 1\r\n" END "x"),
        "HTTP/1.1 100", 12);
    has(ask(REQ("POST /midway") "Content-Length: 5000\r\n\r\nab"),
        "Connection: close\r\n\r\nenough");
    assert_string_equal(ask(REQ("POST /abort") "Content-Length: 0\r\n\r\n"), "");
}

static void an_upload_that_breaks_off_is_told(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("POST /up") "Content-Length: 4\r\n\r\nab");
    wait_for(&pieces, 1);
    close(fd);
    wait_for(&body_status, MR_E_CLOSED);
}

/* Read a reply of WALL_BYTES; its head is left out. */
static size_t read_wall(int fd, bool is_chunked)
{
    static char bytes[WALL_BYTES + (1u << 20)];
    size_t n = 0, body = 0;
    char *from;

    for (ssize_t r = 1; r > 0; n += (size_t)r) {
        r = recv(fd, bytes + n, sizeof(bytes) - n - 1, 0);
        assert_true(r >= 0);
    }
    bytes[n] = '\0';
    from = strstr(bytes, "\r\n\r\n") + 4;
    if (!is_chunked)
        return (size_t)(bytes + n - from);
    for (;;) {
        size_t size = strtoul(from, &from, 16);

        from += 2 + size;
        assert_memory_equal(from, "\r\n", 2);
        from += 2;
        body += size;
        if (size == 0)
            break;
    }
    assert_ptr_equal(from, bytes + n);
    return body;
}

static void a_reply_waits_for_its_reader(void **state)
{
    static const char *const requests[] = {REQ("GET /wall") END, REQ("GET /wall?known") END,
                                           "GET /wall HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        int fd = dial();

        say(fd, requests[i]);
        wait_for(&stalls, i + 1);
        assert_int_equal(atomic_load(&ended), i); /* it does not fit into any socket's buffers */
        assert_int_equal(read_wall(fd, i == 0), sizeof(wall));
        close(fd);
        wait_for(&ended, i + 1);
    }
    assert_true(atomic_load(&drains) >= 3);
    has(ask(REQ("HEAD /wall?known") END), "Content-Length: 16777216\r\n");
    assert_null(strstr(ask(REQ("HEAD /wall") END) + 1, "wall"));
}

static void a_connection_goes_on_after_a_stream(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("GET /events") "\r\n");
    has(hear(fd, "hello\n\n\r\n"), "Transfer-Encoding: chunked\r\n");
    say(fd, REQ("POST /unread") END); /* waits */
    assert_int_equal(mr_post(srv, send_event, (void *)(uintptr_t) "data: 2\n\n"), MR_OK);
    assert_string_equal(hear(fd, "2\n\n\r\n"), "9\r\ndata: 2\n\n\r\n");
    assert_int_equal(mr_post(srv, end_held, NULL), MR_OK);
    has(hear(fd, NULL), "0\r\n\r\nHTTP/1.1 403 Forbidden\r\n");
    close(fd);
}

static void a_reader_that_leaves_is_noticed(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("GET /events") "\r\n");
    (void)hear(fd, "hello");
    close(fd);
    wait_for(&closes, 1);
    fd = dial(); /* and so is a server that closes: loop_stop waits for it */
    say(fd, REQ("GET /events") "\r\n");
    (void)hear(fd, "hello");
    close(fd);
}

static void open_streams_are_no_waiting_requests(void **state)
{
    int fds[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        fds[i] = dial();
        say(fds[i], REQ("GET /events") "\r\n");
        (void)hear(fds[i], "hello");
    }
    has(ask(REQ("POST /unread") END), "not you");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    wait_for(&closes, 4);
    has(ask(REQ("POST /unread") END), "not you");
}

static int start_small(void **state)
{
    int rc;

    loop_options.http_requests_max = 2;
    rc = loop_start(state);
    loop_options.http_requests_max = 0;
    return rc;
}

static void closing_ends_streams(void **state)
{
    uint64_t from;
    int fd = dial();

    say(fd, REQ("GET /events") "\r\n");
    (void)hear(fd, "hello");
    from = uv_hrtime();
    (void)loop_stop(state);
    assert_true(uv_hrtime() - from < 3000000000u); /* at once, and not as those that are cut off */
    assert_int_equal(atomic_load(&closes), 1);
    close(fd);
}

static void a_reply_that_is_too_short_is_cut_off(void **state)
{
    const char *answer = ask(REQ("GET /short") "\r\n");

    (void)state;
    has(answer, "Content-Length: 10\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n1234");
}

static void a_reader_costs_no_more_than_the_ceiling(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, REQ("GET /flood") "\r\n");
    wait_for(&ended, 1);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_upload_comes_in_pieces, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(a_stream_without_a_body_just_begins, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(a_paused_upload_waits_in_the_kernel, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(an_upload_may_be_paused_from_the_start, loop_start,
                                        loop_stop),
        cmocka_unit_test_setup_teardown(an_upload_has_a_bound, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(an_upload_may_be_refused_before_it_is_there, loop_start,
                                        loop_stop),
        cmocka_unit_test_setup_teardown(an_upload_that_breaks_off_is_told, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(a_reply_waits_for_its_reader, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(a_connection_goes_on_after_a_stream, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(a_reader_that_leaves_is_noticed, loop_start, loop_stop),
        cmocka_unit_test_setup_teardown(open_streams_are_no_waiting_requests, start_small,
                                        loop_stop),
        cmocka_unit_test_setup(closing_ends_streams, loop_start),
        cmocka_unit_test_setup_teardown(a_reply_that_is_too_short_is_cut_off, loop_start,
                                        loop_stop),
        cmocka_unit_test_setup_teardown(a_reader_costs_no_more_than_the_ceiling, loop_start,
                                        loop_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
