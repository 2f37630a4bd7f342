/* test_io_http_file.c - files as replies: what is found, what is kept from whom, and what of it a
 * client gets. In a directory of its own, with secrets beside it.
 */
#include "io/http_file.h"

#include "io_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define BIG_BYTES (9u << 20)

static char base[64], root[80];
static char big[BIG_BYTES];

static const char *in_base(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", base, name);
    return path[turn];
}

static void put(const char *name, const char *text, size_t len)
{
    int fd = open(in_base(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    must(fd >= 0);
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, text + at, len - at);

        must(n > 0);
        at += (size_t)n;
    }
    close(fd);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static int furnish(void **state)
{
    (void)state;
    (void)snprintf(base, sizeof(base), "/tmp/io_http_file.XXXXXX");
    must(mkdtemp(base) != NULL);
    (void)snprintf(root, sizeof(root), "%s/root", base);
    must(mkdir(root, 0755) == 0 && mkdir(in_base("root/sub"), 0755) == 0 &&
         mkdir(in_base("root/.git"), 0755) == 0 && mkdir(in_base("root/void"), 0755) == 0);
    put_text("secret", "secret");
    put_text("root/a.txt", "0123456789");
    put_text("root/empty.css", "");
    put_text("root/sub/index.html", "<p>index");
    put_text("root/sub/b c.json", "{}");
    put_text("root/.git/config", "hidden");
    put_text("root/app.3f2a9c1b.js", "plain");
    put_text("root/app.3f2a9c1b.js.gz", "gzipped");
    put_text("root/app.3f2a9c1b.js.br", "brotli!!");
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)('a' + i % 23);
    put("root/big.bin", big, sizeof(big));
    must(symlink("../secret", in_base("root/up")) == 0 && symlink(base, in_base("root/out")) == 0 &&
         symlink("a.txt", in_base("root/inside")) == 0 && mkfifo(in_base("root/fifo"), 0644) == 0);
    return 0;
}

static int clear_away(void **state)
{
    static const char *const names[] = {"root/a.txt",
                                        "root/empty.css",
                                        "root/sub/index.html",
                                        "root/sub/b c.json",
                                        "root/.git/config",
                                        "root/app.3f2a9c1b.js",
                                        "root/app.3f2a9c1b.js.gz",
                                        "root/app.3f2a9c1b.js.br",
                                        "root/big.bin",
                                        "root/up",
                                        "root/out",
                                        "root/inside",
                                        "root/fifo",
                                        "secret",
                                        "root/sub",
                                        "root/.git",
                                        "root/void",
                                        "root",
                                        ""};

    (void)state;
    for (size_t i = 0; i < LEN(names); i++)
        must(remove(in_base(names[i])) == 0);
    return 0;
}

/* ---- without a server ---------------------------------------------------------------------- */

struct row {
    const char *name;
    struct mr_span path;
    bool ok, ok_with_dots;
};

/* clang-format off */
static const struct row rows_paths[] = {
    {"a name",                 TEXT("a.txt"),          true,  true},
    {"names",                  TEXT("a/b/c"),          true,  true},
    {"the directory itself",   TEXT(""),               true,  true},
    {"a directory below",      TEXT("a/"),             true,  true},
    {"dots inside names",      TEXT("a..b/c."),        true,  true},
    {"up",                     TEXT("../secret"),      false, false},
    {"up from below",          TEXT("a/../../secret"), false, false},
    {"up at the end",          TEXT("a/.."),           false, false},
    {"here",                   TEXT("./a"),            false, false},
    {"absolute",               TEXT("/etc/passwd"),    false, false},
    {"an empty name",          TEXT("a//b"),           false, false},
    {"a hidden one",           TEXT(".git/config"),    false, true},
    {"hidden below",           TEXT("a/.env"),         false, true},
    {"well-known",             TEXT(".well-known/x"),  true,  true},
    {"NUL",                    TEXT("a.txt\0.png"),    false, false},
}; /* clang-format on */

static void test_path(void **state)
{
    const struct row *row = *state;

    assert_int_equal(mr__file_path_ok(row->path, false), row->ok);
    assert_int_equal(mr__file_path_ok(row->path, true), row->ok_with_dots);
}

/* By the kernel's rule and by hand: the ways out are shut; links inside are the kernel's alone. */
static void test_ways_out(void **state)
{
    static const char *const shut[] = {"up",          "out/secret", "../secret", "sub/../../secret",
                                       "/etc/passwd", "nothing",    "a.txt/x"};
    int dir;

    (void)furnish(state);
    dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    for (size_t i = 0; i < LEN(shut); i++) {
        assert_int_equal(mr__file_open_below(dir, shut[i], true), -1);
        if (strstr(shut[i], "..") == NULL) /* mr__file_path_ok has seen to those */
            assert_int_equal(mr__file_open_below(dir, shut[i], false), -1);
    }
    for (int beneath = 0; beneath < 2; beneath++) {
        static const char *const open_to_all[] = {"a.txt", "sub/index.html", "", "sub/"};

        for (size_t i = 0; i < LEN(open_to_all); i++) {
            int fd = mr__file_open_below(dir, open_to_all[i], beneath);

            assert_true(fd >= 0);
            close(fd);
        }
        assert_int_equal(mr__file_open_below(dir, "inside", false), -1);
    }
    close(dir);
    (void)clear_away(state);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(mr__file_type("a/b.html"), "text/html; charset=utf-8");
    assert_string_equal(mr__file_type("a.b/c"), "application/octet-stream");
    assert_string_equal(mr__file_type("X.PNG"), "image/png");
    assert_true(mr__file_hashed("assets/app.3f2a9c1b.js"));
    assert_true(mr__file_hashed("chunk-00ff00ff00ff.css"));
    assert_false(mr__file_hashed("report-20240101.pdf")); /* a date */
    assert_false(mr__file_hashed("app.3f2a9c1.js"));
    assert_false(mr__file_hashed("app-defaced.0.js"));
    assert_false(mr__file_hashed("3f2a9c1b.3f2a9c1b/app.js"));
    assert_false(mr__file_hashed("app.3f2a9c1b"));
}

/* ---- over sockets -------------------------------------------------------------------------- */

static void on_one(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    mr_http_send_file(req, root, "sub/b c.json",
                      &(struct mr_http_files){.cache_control = "no-store"});
}

static void loop_setup(void)
{
    static char nowhere[128];

    (void)snprintf(nowhere, sizeof(nowhere), "%s/nowhere", base);
    must(mr_http_mount(srv, "/f/", root, NULL) == MR_OK);
    must(mr_http_mount(srv, "/n", nowhere, &(struct mr_http_files){.immutable = "x/"}) == MR_OK);
    must(mr_http_mount(srv, "bad", root, NULL) == MR_E_INVAL);
    must(mr_http_route(srv, "GET", "/one", on_one, NULL) == MR_OK);
}

static int begin(void **state)
{
    (void)furnish(state);
    return loop_start(state);
}

static int finish(void **state)
{
    (void)loop_stop(state);
    return clear_away(state);
}

#define END "Connection: close\r\n\r\n"

static char *get(const char *path, const char *fields)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n%s" END, path, fields);
    return ask(text);
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static void a_file_comes_with_all_that_caches_need(void **state)
{
    const char *answer = get("/f/a.txt", "");

    (void)state;
    has(answer, "HTTP/1.1 200 OK\r\n");
    has(answer, "Content-Type: text/plain; charset=utf-8\r\n");
    has(answer, "Content-Length: 10\r\n");
    has(answer, "Cache-Control: public, max-age=0\r\n");
    has(answer, "Accept-Ranges: bytes\r\n");
    has(answer, "ETag: \"");
    has(answer, "Last-Modified: ");
    has(answer, "\r\n\r\n0123456789");
    has_not(answer, "Vary");
    has(get("/f/empty.css", ""), "Content-Length: 0\r\n");
    has(get("/f/inside", ""), "0123456789");
    has(get("/f/sub/", ""), "<p>index");
    has(get("/f/sub?a=b", ""), "301 Moved Permanently\r\nLocation: /f/sub/?a=b\r\n");
    has(get("/f/sub/b%20c.json", ""), "\r\n\r\n{}");
    has(get("/one", ""), "Cache-Control: no-store\r\n");
    answer = ask("HEAD /f/a.txt HTTP/1.1\r\nHost: h\r\n" END);
    has(answer, "Content-Length: 10\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    has(ask("POST /f/a.txt HTTP/1.1\r\nHost: h\r\n" END), "405 Method Not Allowed");
}

static void nothing_else_is_served(void **state)
{
    static const char *const paths[] = {"/f/up",
                                        "/f/out/secret",
                                        "/f/../secret",
                                        "/f/%2e%2e/secret",
                                        "/f/sub/..%2f..%2fsecret",
                                        "/f//etc/passwd",
                                        "/f/%2fetc/passwd",
                                        "/f/.git/config",
                                        "/f/%2egit/config",
                                        "/f/void/",
                                        "/f/fifo",
                                        "/f/nothing",
                                        "/f/a.txt/",
                                        "/f/a.txt%00.png",
                                        "/n/a",
                                        "/f/./a.txt"};

    (void)state;
    for (size_t i = 0; i < LEN(paths); i++) {
        const char *answer = get(paths[i], "");

        if (strncmp(answer, "HTTP/1.1 404", 12) != 0 && strncmp(answer, "HTTP/1.1 400", 12) != 0)
            fail_msg("%s: %s", paths[i], answer);
        has_not(answer, "secret\n");
    }
}

/* The value of a header in an answer. */
static void header_of(const char *answer, const char *name, char out[128])
{
    const char *at = strstr(answer, name);

    assert_non_null(at);
    at += strlen(name) + 2;
    (void)snprintf(out, 128, "%.*s", (int)strcspn(at, "\r"), at);
}

static void what_a_client_has_is_not_sent_again(void **state)
{
    char etag[128], changed[128], fields[512];
    const char *answer = get("/f/a.txt", "");

    (void)state;
    header_of(answer, "ETag", etag);
    header_of(answer, "Last-Modified", changed);
    (void)snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", etag);
    answer = get("/f/a.txt", fields);
    has(answer, "304 Not Modified\r\n");
    has(answer, "ETag: \"");
    has_not(answer, "Content-Length");
    (void)snprintf(fields, sizeof(fields), "If-Modified-Since: %s\r\n", changed);
    has(get("/f/a.txt", fields), "304 Not Modified\r\n");
    (void)snprintf(fields, sizeof(fields), "If-Range: %s\r\nRange: bytes=2-4\r\n", etag);
    answer = get("/f/a.txt", fields);
    has(answer, "206 Partial Content\r\n");
    has(answer, "Content-Range: bytes 2-4/10\r\n");
    has(answer, "Content-Length: 3\r\n");
    has(answer, "\r\n\r\n234");
    answer = get("/f/a.txt", "Range: bytes=10-\r\n");
    has(answer, "416 Range Not Satisfiable\r\n");
    has(answer, "Content-Range: bytes */10\r\n");
    has(get("/f/a.txt", "Range: bytes=0-1,3-4\r\n"), "\r\n\r\n0123456789");
    has(get("/f/a.txt", "If-Match: \"no\"\r\n"), "412 Precondition Failed\r\n");
    put_text("root/a.txt", "9876543210x");
    has(get("/f/a.txt", fields), "\r\n\r\n9876543210x");
}

static void compressed_variants_take_a_files_place(void **state)
{
    static const char *const path = "/f/app.3f2a9c1b.js";
    char plain[128], gzipped[128];
    const char *answer;

    (void)state;
    answer = get(path, "Accept-Encoding: gzip, br\r\n");
    has(answer, "Content-Encoding: br\r\n");
    has(answer, "Content-Type: text/javascript; charset=utf-8\r\n");
    has(answer, "Vary: Accept-Encoding\r\n");
    has(answer, "Cache-Control: public, max-age=31536000, immutable\r\n");
    has(answer, "\r\n\r\nbrotli!!");
    answer = get(path, "Accept-Encoding: gzip, br;q=0\r\n");
    has(answer, "\r\n\r\ngzipped");
    header_of(answer, "ETag", gzipped);
    answer = get(path, "");
    has(answer, "Vary: Accept-Encoding\r\n");
    has(answer, "\r\n\r\nplain");
    header_of(answer, "ETag", plain);
    assert_string_not_equal(plain, gzipped);
}

static void large_files_come_whole_and_in_parts(void **state)
{
    static char bytes[BIG_BYTES + 4096];
    const char *body;
    size_t n = 0;
    int fd = dial();

    (void)state;
    say(fd, "GET /f/big.bin HTTP/1.1\r\nHost: h\r\n" END);
    has(get("/f/a.txt", ""), "0123456789"); /* nobody waits for who does not read */
    for (ssize_t r = 1; r > 0; n += (size_t)r) {
        r = recv(fd, bytes + n, sizeof(bytes) - n, 0);
        assert_true(r >= 0);
    }
    close(fd);
    body = strstr(bytes, "\r\n\r\n") + 4;
    assert_int_equal(bytes + n - body, sizeof(big));
    assert_memory_equal(body, big, sizeof(big));
    has(get("/f/big.bin", "Range: bytes=-5\r\n"), "Content-Length: 5\r\n");
    body = get("/f/big.bin", "Range: bytes=5000000-5030000\r\n");
    assert_memory_equal(strstr(body, "\r\n\r\n") + 4, big + 5000000, 30001);
    has(ask("HEAD /f/big.bin HTTP/1.1\r\nHost: h\r\n" END), "Content-Length: 9437184\r\n");
}

/* The client goes, and the server closes, in the middle of it. */
static void leaving_in_the_middle_harms_nobody(void **state)
{
    int fd;

    (void)state;
    for (int i = 0; i < 20; i++) {
        fd = dial();
        say(fd, "GET /f/big.bin HTTP/1.1\r\nHost: h\r\n\r\n");
        if (i % 2)
            (void)hear(fd, "\r\n\r\n");
        close(fd);
    }
    fd = dial(); /* a file that gets shorter under the reader's hands ends the connection */
    say(fd, "GET /f/big.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)hear(fd, "\r\n\r\n");
    must(truncate(in_base("root/big.bin"), 100) == 0);
    for (ssize_t r = 1; r > 0;) {
        static char bytes[65536];

        r = recv(fd, bytes, sizeof(bytes), 0);
    }
    close(fd);
}

int main(void)
{
    static struct rows r;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_comes_with_all_that_caches_need, begin, finish),
        cmocka_unit_test_setup_teardown(nothing_else_is_served, begin, finish),
        cmocka_unit_test_setup_teardown(what_a_client_has_is_not_sent_again, begin, finish),
        cmocka_unit_test_setup_teardown(compressed_variants_take_a_files_place, begin, finish),
        cmocka_unit_test_setup_teardown(large_files_come_whole_and_in_parts, begin, finish),
        cmocka_unit_test_setup_teardown(leaving_in_the_middle_harms_nobody, begin, finish),
    };

    rows_add(&r, rows_paths, test_path);
    rows_add_one(&r, "there is no way out of the directory", test_ways_out);
    rows_add_one(&r, "names tell what a file is", test_names);
    return rows_run("io_http_file", &r) + cmocka_run_group_tests(tests, NULL, NULL);
}
