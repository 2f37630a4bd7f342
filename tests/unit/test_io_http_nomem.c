/* test_io_http_nomem.c - every allocation on the way of a request fails once: that request may be
 * refused or cut off, and the next one finds the server as it was. Under a sanitizer nothing leaks.
 */
#include "io/cors.h"
#include "io/http_coding.h"
#include "io/http_router.h"
#include "proto/alloc.h"

#include "io_loop.h"

#include <fcntl.h>

#define REQ(line) line " HTTP/1.1\r\nHost: h\r\n"
#define END       "Connection: close\r\n\r\n"
#define ROUNDS    60

static char dir[64];

static void on_text(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header type = {"Content-Type", "text/plain"};
    static char text[4000];

    (void)ctx;
    memset(text, 'x', sizeof(text));
    mr_http_reply(req, &(struct mr_http_response){.status = 200,
                                                  .headers = &type,
                                                  .n_headers = 1,
                                                  .body = mr_span_of(text, sizeof(text))});
}

static void on_piece(struct mr_http_req *req, struct mr_span bytes, int status, void *ctx)
{
    (void)bytes;
    (void)ctx;
    if (status != MR_OK)
        on_text(req, NULL);
}

static void on_upload(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_on_body(req, on_piece, NULL);
}

static void on_stream(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    if (mr_http_begin(req, &(struct mr_http_response){.status = 200}, -1) == MR_OK &&
        mr_http_write(req, MR_SPAN("piece")) >= 0)
        mr_http_end(req);
    else
        mr_http_abort(req);
}

static void loop_setup(void)
{
    must(mr_http_route(srv, "POST", "/text/:id", on_text, NULL) == MR_OK);
    must(mr_http_route(srv, "GET", "/stream", on_stream, NULL) == MR_OK);
    must(mr_http_route_stream(srv, "POST", "/up", 1000, on_upload, NULL) == MR_OK);
    must(mr_http_mount(srv, "/f", dir, NULL) == MR_OK);
}

/* All that a server says, or nothing; a reset is an answer too. */
static void ask_bravely(const char *text)
{
    char bytes[4096];
    int fd = dial();
    ssize_t n = 1;

    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
    while (n > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (poll(&p, 1, WAIT_MS) != 1)
            fail_msg("no end after: %s", text);
        n = recv(fd, bytes, sizeof(bytes), 0);
    }
    close(fd);
}

static void every_request_survives_it(void **state)
{
    static const struct {
        const char *ask, *hear;
    } talks[] = {
        {REQ("POST /text/a%20b") "Origin: http://a\r\nAccept-Encoding: gzip\r\nContent-Length: "
                                 "2\r\n" END "hi",
         "Content-Encoding: gzip"},
        {REQ("POST /up") "Transfer-Encoding: chunked\r\n" END "2\r\nhi\r\n0\r\n\r\n", "200 OK"},
        {REQ("GET /stream") END, "piece"},
        {REQ("GET /f/a.txt") "Range: bytes=1-2\r\n" END, "\r\n\r\nin"},
        {REQ("GET /f/nothing") END, "404 Not Found"},
        {REQ("PUT /text/x") END, "Allow: "},
        {REQ("GET /socket.io/?EIO=4&transport=polling") "Origin: http://a\r\n" END, "\"sid\""},
    };
    char path[128];
    int fd;

    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/io_http_nomem.XXXXXX");
    must(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/a.txt", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    must(fd >= 0 && write(fd, "fine", 4) == 4);
    close(fd);
    loop_options = (struct mr_options){
        .cors_origins = "re:http://[a-c]", .cors_routes = true, .http_compress_routes = true};
    (void)loop_start(NULL);
    for (size_t i = 0; i < LEN(talks); i++) {
        for (unsigned long nth = 1; nth <= ROUNDS; nth++) {
            mr_alloc_fail_nth(nth);
            ask_bravely(talks[i].ask);
        }
        mr_alloc_fail_nth(0);
        has(ask(talks[i].ask), talks[i].hear);
    }
    (void)loop_stop(NULL);
    must(remove(path) == 0 && remove(dir) == 0);
}

static void so_does_every_part(void **state)
{
    struct mr_options opt = {.cors_origins = "http://a, re:b+, *"};
    unsigned failed = 0;

    (void)state;
    for (unsigned long nth = 1; nth <= ROUNDS; nth++) {
        struct mr_server s;
        struct mr_route *r;
        int rc;

        mr_alloc_fail_nth(nth);
        rc = mr__core_init(&s, &opt);
        if (rc == MR_OK) {
            rc = mr__route_add(&s, "GET", "/a/:b/*c", &r);
            if (rc == MR_OK)
                rc = mr_http_mount(&s, "/m", "/tmp", NULL);
            mr_alloc_fail_nth(0);
            mr__core_deinit(&s);
        }
        mr_alloc_fail_nth(0);
        assert_true(rc == MR_OK || rc == MR_E_NOMEM);
        failed += rc == MR_E_NOMEM;
    }
    assert_in_range(failed, 15, ROUNDS - 1); /* all of them, and then none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_does_every_part),
        cmocka_unit_test(every_request_survives_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
