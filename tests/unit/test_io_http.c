/* test_io_http.c - HTTP beside Socket.IO, over real sockets: a server on its loop in one thread,
 * the clients here. Nothing sleeps: clients read until the server closes or a deadline fails the
 * test.
 */
#include "io_client.h"

#include "millrace/millrace.h"
#include "proto/alloc.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define BODY_MAX  1000
#define BIG_BYTES (8u << 20)

static struct mr_server *srv;
static uv_loop_t loop;
static pthread_t loop_thread;
static sem_t ready;
static atomic_int freed, held_n;
static struct mr_http_req *held[8];
static bool closed_called;
static char big[BIG_BYTES];

/* ---- the server ---------------------------------------------------------------------------- */

static void count_free(void *ctx)
{
    must(pthread_equal(pthread_self(), loop_thread));
    atomic_fetch_add((atomic_int *)ctx, 1);
}

/* Tell the client what arrived. */
static void reply_report(struct mr_http_req *req)
{
    static const struct mr_http_header bad[] = {
        {"X-Ok", "yes"}, {"X-Bad", "a\r\nX-Evil: 1"}, {"Content-Length", "7"}, {"", "x"}};
    struct mr_http_response res = {.status = 200, .headers = bad, .n_headers = LEN(bad)};
    struct mr_buf b = MR_BUF_INIT(1 << 16);

    mr_buf_addf(&b, "%s [" MR_SPAN_FMT "] [" MR_SPAN_FMT "] [" MR_SPAN_FMT "] %s [" MR_SPAN_FMT "]",
                mr_http_method(req), MR_SPAN_ARG(mr_http_path(req)),
                MR_SPAN_ARG(mr_http_query(req)), MR_SPAN_ARG(mr_http_header(req, "x-request-id")),
                mr_http_addr(req), MR_SPAN_ARG(mr_http_body(req)));
    res.body = mr_buf_span(&b);
    mr_http_reply(req, &res);
    mr_buf_free(&b);
}

static void *reply_elsewhere(void *arg)
{
    struct mr_http_req *req = arg;
    struct mr_http_response res = {.status = 202,
                                   .body = MR_SPAN("from another thread"),
                                   .body_free = count_free,
                                   .body_ctx = &freed};

    mr_http_post_reply(req, &res);
    return NULL;
}

static void on_http(struct mr_http_req *req, void *ctx)
{
    struct mr_span path = mr_http_path(req);
    struct mr_http_response res = {.status = 200};
    pthread_t t;

    (void)ctx;
    if (mr_span_is(path, "/thread")) {
        must(pthread_create(&t, NULL, reply_elsewhere, req) == 0);
        pthread_detach(t);
    } else if (mr_span_is(path, "/hold")) {
        held[atomic_load(&held_n)] = req;
        atomic_fetch_add(&held_n, 1);
    } else if (mr_span_is(path, "/big")) {
        res.body = mr_span_of(big, sizeof(big));
        res.body_free = count_free;
        res.body_ctx = &freed;
        mr_http_reply(req, &res);
    } else if (mr_span_is(path, "/nothing")) {
        res.status = 204;
        mr_http_reply(req, &res);
    } else {
        reply_report(req);
    }
}

static void on_error(int status, const char *detail, struct mr_span path,
                     struct mr_http_response *res, void *ctx)
{
    static char body[200];
    static const struct mr_http_header type = {"Content-Type", "application/problem+json"};

    (void)ctx;
    (void)snprintf(body, sizeof(body), "{%d %s " MR_SPAN_FMT "}", status, detail,
                   MR_SPAN_ARG(path));
    res->headers = &type;
    res->n_headers = 1;
    res->body = mr_span_str(body);
}

static void closed(void *ctx)
{
    (void)ctx;
    closed_called = true;
}

static void *serve(void *arg)
{
    const struct mr_options *opt = arg;

    loop_thread = pthread_self();
    must(uv_loop_init(&loop) == 0);
    must(mr_server_new(&srv, &loop, opt) == MR_OK);
    mr_on_http(srv, on_http, NULL);
    mr_on_http_error(srv, on_error, NULL);
    must(mr_server_listen(srv, "127.0.0.1", 0) == MR_OK);
    port = mr_server_port(srv);
    sem_post(&ready);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0); /* nothing of ours is left on it */
    return NULL;
}

static pthread_t server_thread;

static int start(void **state)
{
    static struct mr_options opt;

    (void)state;
    opt = (struct mr_options){
        .http_body_bytes_max = BODY_MAX, .http_header_timeout_ms = 300, .http_requests_max = 4};
    atomic_store(&freed, 0);
    atomic_store(&held_n, 0);
    closed_called = false;
    (void)sem_init(&ready, 0, 0);
    assert_int_equal(pthread_create(&server_thread, NULL, serve, &opt), 0);
    (void)sem_wait(&ready);
    return 0;
}

static void close_server(void *arg)
{
    (void)arg;
    mr_server_close(srv, closed, NULL);
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(mr_post(srv, close_server, NULL), MR_OK);
    assert_int_equal(pthread_join(server_thread, NULL), 0);
    assert_true(closed_called);
    return 0;
}

/* ---- clients ------------------------------------------------------------------------------- */

#define END "Connection: close\r\n\r\n"

static void a_request_arrives_as_it_was_sent(void **state)
{
    (void)state;
    has(ask("GET /a%2Fb/../c?x=%20&y;z HTTP/1.1\r\nHost: h\r\nX-Request-ID: r1\r\n" END),
        "\r\n\r\nGET [/a%2Fb/../c] [x=%20&y;z] [r1] 127.0.0.1 []");
    has(ask("PATCH /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n" END "hello"),
        "PATCH [/p] [] [] 127.0.0.1 [hello]");
    has(ask("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" END
            "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        "[abcde]");
}

static void a_reply_cannot_be_split_by_a_header(void **state)
{
    const char *answer;

    (void)state;
    answer = ask("GET / HTTP/1.1\r\nHost: h\r\n" END);
    has(answer, "X-Ok: yes\r\n");
    assert_null(strstr(answer, "Evil"));
    assert_null(strstr(answer, "Content-Length: 7\r\n"));
}

static void requests_follow_each_other_on_one_connection(void **state)
{
    int fd = dial();

    (void)state;
    say(fd,
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
        "hiGET /3 HT");
    has(hear(fd, "[/2]"), "[/1]");
    say(fd, "TP/1.1\r\nHost: h\r\n\r\n");
    (void)hear(fd, "[/3]");
    say(fd, "GET /thread HTTP/1.1\r\nHost: h\r\n\r\nGET /nothing HTTP/1.1\r\nHost: h\r\n\r\n"
            "HEAD /5 HTTP/1.1\r\nHost: h\r\n" END);
    has(hear(fd, NULL), "from another threadHTTP/1.1 204 No Content\r\n");
    close(fd);
}

static void head_gets_the_head_alone(void **state)
{
    const char *answer;

    (void)state;
    answer = ask("HEAD /x HTTP/1.1\r\nHost: h\r\n" END);
    has(answer, "Content-Length: 28\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void a_reply_may_come_from_another_thread(void **state)
{
    (void)state;
    has(ask("GET /thread HTTP/1.1\r\nHost: h\r\n" END), "202 Accepted\r\n");
    assert_int_equal(atomic_load(&freed), 1);
}

static void who_stops_sending_still_gets_the_reply(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "GET /thread HTTP/1.1\r\nHost: h\r\n\r\n");
    shutdown(fd, SHUT_WR);
    has(hear(fd, NULL), "from another thread");
    close(fd);
}

static void wait_for(atomic_int *value, int want)
{
    for (int i = 0; atomic_load(value) != want; i++) {
        if (i > 10 * WAIT_MS)
            fail_msg("%d instead of %d", atomic_load(value), want);
        (void)poll(NULL, 0, 1);
    }
}

static void reply_held(void *arg)
{
    (void)reply_elsewhere(arg);
}

static void a_client_that_has_left_is_the_librarys_affair(void **state)
{
    struct linger reset = {1, 0};
    int fd = dial();

    (void)state;
    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&held_n, 1);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    assert_int_equal(mr_post(srv, reply_held, held[0]), MR_OK);
    wait_for(&freed, 1);
}

static void too_many_waiting_requests_are_refused(void **state)
{
    int fds[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        fds[i] = dial();
        say(fds[i], "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_for(&held_n, i + 1);
    }
    has(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "503 Service Unavailable\r\n");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mr_post(srv, reply_held, held[i]), MR_OK);
        (void)hear(fds[i], "from another thread");
        close(fds[i]);
    }
    has(ask("GET / HTTP/1.1\r\nHost: h\r\n" END), "200 OK\r\n");
}

static void a_slow_reader_holds_up_nobody_and_gets_everything(void **state)
{
    static char chunk[1 << 16];
    size_t total = 0;
    int fd = dial();

    (void)state;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)('a' + i % 23);
    say(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    has(ask("GET /meanwhile HTTP/1.1\r\nHost: h\r\n" END), "[/meanwhile]");
    assert_int_equal(atomic_load(&freed), 0);
    (void)recv(fd, chunk, 1, MSG_PEEK);
    total = (size_t)recv(fd, chunk, 4096, 0);
    total -= (size_t)(strstr(chunk, "\r\n\r\n") + 4 - chunk);
    while (total < sizeof(big)) {
        ssize_t got = recv(fd, chunk, sizeof(chunk), 0);

        assert_true(got > 0);
        assert_memory_equal(chunk, big + total, (size_t)got);
        total += (size_t)got;
    }
    wait_for(&freed, 1);
    say(fd, "GET /after HTTP/1.1\r\nHost: h\r\n" END);
    has(hear(fd, NULL), "[/after]");
    close(fd);
}

/* What a slow reader has not taken is still in memory, so its request still counts. */
static void replies_that_nobody_reads_count_as_waiting(void **state)
{
    int fds[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        fds[i] = dial();
        say(fds[i], "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        (void)hear(fds[i], "\r\n\r\n");
    }
    has(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "503 Service Unavailable\r\n");
    close(fds[0]);
    wait_for(&freed, 1);
    has(ask("GET / HTTP/1.1\r\nHost: h\r\n" END), "200 OK\r\n");
    for (int i = 1; i < 4; i++)
        close(fds[i]);
}

static void bad_requests_are_refused_with_their_status(void **state)
{
    static char text[40000];
    int n;

    (void)state;
    has(ask("GARBAGE\r\n\r\n"),
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json");
    has(ask("\x16\x03\x01"), "400 Bad Request");
    has(ask("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"),
        "{413 request body too large /p}");
    has(ask("GET /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "{400 malformed chunked body /p}");
    n = snprintf(text, sizeof(text),
                 "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 6; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "c8\r\n%0200d\r\n", 0);
    has(ask(text), "{413 request body too large /p}");
    (void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\nX: %030000d\r\n\r\n", 0);
    has(ask(text), "431 Request Header Fields Too Large");
    has(ask("GET /feed HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        "404 ");
    has(ask("GET / HTTP/1.1\r\nHost: h\r\n" END), "200 OK");
}

/* A client sends everything before it reads: it must find the answer, not a reset. */
static void who_sends_too_much_still_hears_why(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n");
    for (size_t at = 0; at < sizeof(big);) {
        ssize_t n = send(fd, big + at, sizeof(big) - at, MSG_NOSIGNAL);

        assert_true(n > 0);
        at += (size_t)n;
    }
    has(hear(fd, NULL), "{413 request body too large /p}");
    close(fd);
}

static void a_head_that_does_not_end_is_cut_off(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "GET / HTTP/1.1\r\nHost");
    has(hear(fd, NULL), "408 Request Timeout");
    close(fd);
    fd = dial(); /* and one that never begins */
    assert_string_equal(hear(fd, NULL), "");
    close(fd);
}

static void a_body_is_asked_for_when_the_client_waits(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" END);
    assert_string_equal(hear(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "hi");
    has(hear(fd, NULL), "[hi]");
    close(fd);
    has(ask("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n" END),
        "HTTP/1.1 413 ");
}

static void nothing(void *arg)
{
    (void)arg;
}

static void closing_waits_for_requests_in_hand(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&held_n, 1);
    assert_int_equal(mr_post(srv, close_server, NULL), MR_OK);
    for (int i = 0; mr_post(srv, nothing, NULL) != MR_E_CLOSED; i++)
        assert_true(i < 1000000);
    (void)reply_elsewhere(held[0]);
    has(hear(fd, NULL), "from another thread");
    close(fd);
    assert_int_equal(pthread_join(server_thread, NULL), 0);
    assert_true(closed_called);
    assert_int_equal(atomic_load(&freed), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_arrives_as_it_was_sent, start, stop),
        cmocka_unit_test_setup_teardown(a_reply_cannot_be_split_by_a_header, start, stop),
        cmocka_unit_test_setup_teardown(requests_follow_each_other_on_one_connection, start, stop),
        cmocka_unit_test_setup_teardown(head_gets_the_head_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_reply_may_come_from_another_thread, start, stop),
        cmocka_unit_test_setup_teardown(who_stops_sending_still_gets_the_reply, start, stop),
        cmocka_unit_test_setup_teardown(a_client_that_has_left_is_the_librarys_affair, start, stop),
        cmocka_unit_test_setup_teardown(too_many_waiting_requests_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_slow_reader_holds_up_nobody_and_gets_everything, start,
                                        stop),
        cmocka_unit_test_setup_teardown(replies_that_nobody_reads_count_as_waiting, start, stop),
        cmocka_unit_test_setup_teardown(bad_requests_are_refused_with_their_status, start, stop),
        cmocka_unit_test_setup_teardown(who_sends_too_much_still_hears_why, start, stop),
        cmocka_unit_test_setup_teardown(a_head_that_does_not_end_is_cut_off, start, stop),
        cmocka_unit_test_setup_teardown(a_body_is_asked_for_when_the_client_waits, start, stop),
        cmocka_unit_test_setup(closing_waits_for_requests_in_hand, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
