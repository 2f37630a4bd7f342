/* test_io_http_client.c - the browser client, served as the reference server does. Built without
 * the package there is only its absence to be seen.
 */
#include "io/client_bundle.h"
#include "io/http_coding.h"
#include "proto/alloc.h"

#include "io_loop.h"

#define REQ(method, name) method " /socket.io/" name " HTTP/1.1\r\nHost: h\r\n"
#define END               "Connection: close\r\n\r\n"

static void loop_setup(void)
{
}

static bool bundled(void)
{
    return mr__client_files[0].name != NULL;
}

static void test_absent(void **state)
{
    loop_options.serve_client = bundled() ? -1 : 0;
    (void)loop_start(state);
    has(ask(REQ("GET", "socket.io.js") END), "Transport unknown");
    (void)loop_stop(state);
    loop_options.serve_client = 0;
}

static void test_unpacked(void **state)
{
    (void)state;
    for (const struct mr_client_file *f = mr__client_files; f->name != NULL; f++) {
        struct mr_span packed = mr_span_of((const char *)f->gzip, f->gzip_len);
        char *out = mr_alloc(f->len);

        assert_true(f->gzip_len < f->len);
        assert_true(mr__coding_unpack(packed, out, f->len));
        assert_non_null(memmem(out, f->len, "socket.io", 9));
        assert_false(mr__coding_unpack(packed, out, f->len - 1));
        packed.len--;
        assert_false(mr__coding_unpack(packed, out, f->len));
        mr_free(out);
    }
}

static void test_served(void **state)
{
    char fields[128], etag[80];
    const char *answer;

    if (!bundled())
        return;
    (void)loop_start(state);
    (void)snprintf(etag, sizeof(etag), "ETag: \"%s\"\r\n", mr__client_version);
    answer = ask(REQ("GET", "socket.io.min.js") END);
    has(answer, "HTTP/1.1 200 OK\r\n");
    has(answer, "Cache-Control: public, max-age=0\r\n");
    has(answer, "Content-Type: application/javascript; charset=utf-8\r\n");
    has(answer, etag);
    has(answer, "Socket.IO v");
    answer = ask(REQ("GET", "socket.io.esm.min.js?v=1") "Accept-Encoding: gzip, br\r\n" END);
    has(answer, "Content-Encoding: gzip\r\n");
    has(answer, "\r\n\r\n\x1f\x8b");
    has(ask(REQ("GET", "socket.io.min.js.map") "Accept-Encoding: gzip\r\n" END),
        "Content-Type: application/json; charset=utf-8\r\n");
    answer = ask(REQ("HEAD", "socket.io.js") END);
    has(answer, "Content-Length: 1");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    for (int weak = 0; weak < 2; weak++) {
        (void)snprintf(fields, sizeof(fields),
                       REQ("GET", "socket.io.js") "If-None-Match: %s\"%s\"\r\n" END,
                       weak ? "W/" : "", mr__client_version);
        answer = ask(fields);
        has(answer, "304 Not Modified\r\n");
        has(answer, etag);
    }
    has(ask(REQ("GET", "socket.io.js") "If-None-Match: \"1.0\"\r\n" END), "200 OK");
    has(ask(REQ("GET", "other.js") END), "Transport unknown");
    has(ask(REQ("POST", "socket.io.js") END), "Transport unknown");
    (void)loop_stop(state);
}

int main(void)
{
    static struct rows r;

    rows_add_one(&r, "without the files the path is the transport's", test_absent);
    rows_add_one(&r, "each file is whole", test_unpacked);
    rows_add_one(&r, "a page gets its client from the server", test_served);
    return rows_run("io_http_client", &r);
}
