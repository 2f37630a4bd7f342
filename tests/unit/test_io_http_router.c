/* test_io_http_router.c - which route a path leads to, and what the library answers for the rest.
 */
#include "io/http_router.h"

#include "io_loop.h"

/* clang-format off */
static const char *const patterns[] = {
    "GET /",             "GET /users",         "POST /users",       "GET /users/me",
    "GET /users/:id",    "DELETE /users/:id",  "PUT /users/me",     "GET /users/:uid/files",
    "GET /files/*path",  "GET /files/index",   "GET /a/:b/c/:d",    "GET /a/:b/*all",
    "GET /users/",       "GET /sp ace/:x",     "HEAD /own-head",    "GET /own-head",
    "PATCH /a/x/c/y",
};

struct row {
    const char *name;
    const char *method, *path;
    const char *want; /* pattern name=value ...; or the error */
};

static const struct row rows_paths[] = {
    {"the root",                          "GET",    "/",                    "GET /"},
    {"a name",                            "GET",    "/users",               "GET /users"},
    {"by method",                         "POST",   "/users",               "POST /users"},
    {"a slash at the end counts",         "GET",    "/users/",              "GET /users/"},
    {"HEAD takes GET's",                  "HEAD",   "/users",               "GET /users"},
    {"unless it has its own",             "HEAD",   "/own-head",            "HEAD /own-head"},
    {"a parameter",                       "GET",    "/users/42",            "GET /users/:id id=42"},
    {"a name comes before a parameter",   "GET",    "/users/me",            "GET /users/me"},
    {"a parameter, where the name has not this method", "DELETE", "/users/me", "DELETE /users/:id id=me"},
    {"or leads nowhere",                  "GET",    "/users/me/files",      "GET /users/:uid/files uid=me"},
    {"a parameter comes before the rest", "GET",    "/a/x/c/y",             "GET /a/:b/c/:d b=x d=y"},
    {"the rest, where it leads nowhere",  "GET",    "/a/x/c/y/z",           "GET /a/:b/*all b=x all=c/y/z"},
    {"a name comes before the rest",      "GET",    "/files/index",         "GET /files/index"},
    {"the rest has many segments",        "GET",    "/files/a/b//c",        "GET /files/*path path=a/b//c"},
    {"or none",                           "GET",    "/files/",              "GET /files/*path path="},
    {"but its slash",                     "GET",    "/files",               "none"},
    {"parameters are decoded",            "GET",    "/users/a%20b%2Fc%3f",  "GET /users/:id id=a b/c?"},
    {"names too",                         "GET",    "/%75sers/%6de",        "GET /users/me"},
    {"and compared so",                   "GET",    "/sp%20ace/1",          "GET /sp ace/:x x=1"},
    {"an escaped slash parts nothing",    "GET",    "/users%2F42",          "none"},
    {"the rest is decoded",               "GET",    "/files/a%2e%2E/%2f",   "GET /files/*path path=a..//"},
    {"an empty segment is no parameter",  "GET",    "/users//files",        "none"},
    {"nothing there",                     "GET",    "/nowhere/else",        "none"},
    {"OPTIONS *",                         "OPTIONS","*",                    "none"},
    {"another method",                    "BREW",   "/users",               "allow GET, HEAD, OPTIONS, POST"},
    {"of all that fit",                   "POST",   "/users/me",            "allow DELETE, GET, HEAD, OPTIONS, PUT"},
    {"methods are names, not parts",      "GE",     "/own-head",            "allow GET, HEAD, OPTIONS"},
    {"an escape cut short",               "GET",    "/users/%4",            "bad"},
    {"at its sign",                       "GET",    "/users/%",             "bad"},
    {"no hexadecimal",                    "GET",    "/users/%zz",           "bad"},
    {"signed",                            "GET",    "/users/%+1",           "bad"},
    {"NUL",                               "GET",    "/users/a%00b",         "bad"},
    {"malformed beyond the last name",    "GET",    "/files/x/%0",          "bad"},
}; /* clang-format on */

static void ignore(struct mr_http_req *req, void *ctx)
{
    (void)req;
    (void)ctx;
}

static void plant(struct mr_server *s)
{
    for (size_t i = 0; i < LEN(patterns); i++) {
        const char *path = strchr(patterns[i], ' ') + 1;
        char method[16] = "";
        struct mr_route *r;

        memcpy(method, patterns[i], (size_t)(path - patterns[i]) - 1);
        assert_int_equal(mr__route_add(s, method, path, &r), MR_OK);
        r->fn = ignore;
        r->ctx = (void *)(uintptr_t)patterns[i];
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "allow" and the methods in order of the alphabet. */
static void describe_allow(struct mr_buf *allow, struct mr_buf *out)
{
    char text[512], *names[16], *save = NULL;
    size_t n = 0;

    (void)snprintf(text, sizeof(text), "%s", mr_buf_cstr(allow));
    for (char *t = strtok_r(text, ", ", &save); t != NULL; t = strtok_r(NULL, ", ", &save))
        names[n++] = t;
    qsort(names, n, sizeof(names[0]), by_text);
    for (size_t i = 0; i < n; i++)
        mr_buf_addf(out, "%s %s", i ? "," : "allow", names[i]);
}

static void test_path(void **state)
{
    const struct row *row = *state;
    struct mr_buf allow = MR_BUF_INIT(512), out = MR_BUF_INIT(1024);
    struct mr_route_match m;
    struct mr_server s;
    int rc;

    assert_int_equal(mr__core_init(&s, NULL), MR_OK);
    plant(&s);
    rc = mr__route_find(&s, mr_span_str(row->method), mr_span_str(row->path), &m, &allow);
    if (rc == MR_OK) {
        mr_buf_add_str(&out, m.route->ctx);
        assert_int_equal(m.n_values, m.route->n_names);
        for (size_t i = 0; i < m.n_values; i++)
            mr_buf_addf(&out, " %s=" MR_SPAN_FMT, m.route->names[i], MR_SPAN_ARG(m.values[i]));
    } else if (rc == MR_E_CONFLICT) {
        describe_allow(&allow, &out);
    } else {
        mr_buf_add_str(&out, rc == MR_E_PROTO ? "bad" : "none");
    }
    assert_string_equal(mr_buf_cstr(&out), row->want);
    mr_buf_free(&allow);
    mr_buf_free(&out);
    mr__core_deinit(&s);
}

static void test_patterns(void **state)
{
    static const char *const bad[] = {
        "", "users", "/a//b", "/:", "/*", "/*a/b", "/:a b", "/x/:y-z"};
    struct mr_buf deep = MR_BUF_INIT(1024);
    struct mr_route *r;
    struct mr_server s;

    (void)state;
    assert_int_equal(mr__core_init(&s, NULL), MR_OK);
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(mr__route_add(&s, "GET", bad[i], &r), MR_E_INVAL);
    assert_int_equal(mr__route_add(&s, "", "/a", &r), MR_E_INVAL);
    assert_int_equal(mr__route_add(&s, "get", "/a", &r), MR_E_INVAL);
    assert_int_equal(mr__route_add(&s, "G ET", "/a", &r), MR_E_INVAL);
    for (int i = 0; i < MR_ROUTE_DEPTH_MAX; i++)
        mr_buf_add_str(&deep, "/:a");
    assert_int_equal(mr__route_add(&s, "GET", mr_buf_cstr(&deep), &r), MR_OK);
    mr_buf_add_str(&deep, "/:a");
    assert_int_equal(mr__route_add(&s, "GET", mr_buf_cstr(&deep), &r), MR_E_INVAL);
    mr_buf_free(&deep);
    mr__core_deinit(&s);
}

/* A path of thousands of segments costs what the tree has, and is not cut off. */
static void test_deep_path(void **state)
{
    struct mr_buf path = MR_BUF_INIT(MR_TARGET_BYTES_MAX), allow = MR_BUF_INIT(512);
    struct mr_route_match m;
    struct mr_server s;

    (void)state;
    assert_int_equal(mr__core_init(&s, NULL), MR_OK);
    plant(&s);
    mr_buf_add_str(&path, "/files");
    while (path.len + 2 <= MR_TARGET_BYTES_MAX)
        mr_buf_add_str(&path, "/a");
    assert_int_equal(mr__route_find(&s, MR_SPAN("GET"), mr_buf_span(&path), &m, &allow), MR_OK);
    assert_int_equal(m.values[0].len, path.len - 7);
    path.ptr[2] = 'o';
    assert_int_equal(mr__route_find(&s, MR_SPAN("GET"), mr_buf_span(&path), &m, &allow),
                     MR_E_NOTFOUND);
    mr_buf_free(&path);
    mr__core_deinit(&s);
}

/* ---- over sockets -------------------------------------------------------------------------- */

static void on_user(struct mr_http_req *req, void *ctx)
{
    struct mr_http_response res = {.status = 200};
    struct mr_buf b = MR_BUF_INIT(4096);

    mr_buf_addf(&b, "%s %s [" MR_SPAN_FMT "] [" MR_SPAN_FMT "]", (const char *)ctx,
                mr_http_method(req), MR_SPAN_ARG(mr_http_param(req, "id")),
                MR_SPAN_ARG(mr_http_body(req)));
    must(mr_http_param(req, "other").ptr == NULL);
    res.body = mr_buf_span(&b);
    mr_http_reply(req, &res);
    mr_buf_free(&b);
}

static void on_other(struct mr_http_req *req, void *ctx)
{
    mr_http_reply(req, &(struct mr_http_response){.status = 200, .body = MR_SPAN("the fallback")});
    (void)ctx;
}

static void on_text(struct mr_http_req *req, void *ctx)
{
    static char text[4000];
    const struct mr_http_header headers[] = {{"Content-Type", "text/plain"}, {ctx, "\"x\""}};

    memset(text, 'x', sizeof(text));
    mr_http_reply(req, &(struct mr_http_response){.status = 200,
                                                  .headers = headers,
                                                  .n_headers = 2,
                                                  .body = mr_span_of(text, sizeof(text))});
}

static bool with_fallback;

static void loop_setup(void)
{
    must(mr_http_route(srv, "GET", "/user/:id", on_user, (void *)(uintptr_t) "old") == MR_OK);
    must(mr_http_route(srv, "GET", "/user/:id", on_user, (void *)(uintptr_t) "new") == MR_OK);
    must(mr_http_route(srv, "POST", "/user/:id", on_user, (void *)(uintptr_t) "post") == MR_OK);
    must(mr_http_route(srv, "GET", "/user/", on_other, NULL) == MR_OK);
    must(mr_http_route(srv, "GET", "nowhere", on_other, NULL) == MR_E_INVAL);
    must(mr_http_route(srv, "GET", "/text", on_text, (void *)(uintptr_t) "X-Other") == MR_OK);
    must(mr_http_route(srv, "GET", "/tagged", on_text, (void *)(uintptr_t) "ETag") == MR_OK);
    if (with_fallback)
        mr_on_http(srv, on_other, NULL);
}

#define REQ(line) line " HTTP/1.1\r\nHost: h\r\n"
#define END       "Connection: close\r\n\r\n"

static void test_server(void **state)
{
    int fd;

    (void)loop_start(state);
    has(ask(REQ("GET /user/%41?q") END), "\r\n\r\nnew GET [A] []");
    has(ask(REQ("POST /user/a") "Content-Length: 2\r\n" END "hi"), "\r\n\r\npost POST [a] [hi]");
    has(ask(REQ("HEAD /user/a") END), "Content-Length: 15\r\n");
    fd = dial(); /* what is declined does not end the connection */
    say(fd, REQ("PUT /user/a") "\r\n" REQ("GET /x") "\r\n" REQ("OPTIONS /user/a") "\r\n" REQ(
                "GET /user/%zz") "\r\n" REQ("GET /user/last") END);
    has(hear(fd, "[last]"), "405 Method Not Allowed");
    close(fd);
    has(ask(REQ("PUT /user/a") END), "Allow: POST, GET, HEAD, OPTIONS\r\n");
    has(ask(REQ("OPTIONS /user/a") END), "204 No Content\r\nAllow: POST, GET, HEAD, OPTIONS\r\n");
    has(ask(REQ("PUT /user/a") "Content-Length: 2\r\n\r\nhi"), "Connection: close");
    has(ask(REQ("GET /x") END), "404 Not Found");
    has(ask(REQ("GET /user/%zz") END), "400 Bad Request");
    (void)loop_stop(state);
}

static void test_fallback(void **state)
{
    with_fallback = true;
    (void)loop_start(state);
    has(ask(REQ("GET /user/a") END), "new GET [a] []");
    has(ask(REQ("GET /x") END), "the fallback");
    has(ask(REQ("GET /user/%zz") END), "the fallback");
    has(ask(REQ("PUT /user/a") END), "405 Method Not Allowed");
    (void)loop_stop(state);
}

#define GZIP "Accept-Encoding: gzip\r\n"

static void test_compressed(void **state)
{
    with_fallback = false;
    (void)loop_start(state);
    assert_null(strstr(ask(REQ("GET /text") GZIP END), "Content-Encoding"));
    (void)loop_stop(state);
    loop_options.http_compress_routes = true;
    (void)loop_start(state);
    has(ask(REQ("GET /text") GZIP END), "Content-Encoding: gzip\r\n");
    has(ask(REQ("HEAD /text") GZIP END), "Content-Encoding: gzip\r\n");
    has(ask(REQ("GET /text") END), "Vary: Accept-Encoding\r\n");
    assert_null(
        strstr(ask(REQ("GET /tagged") GZIP END), "Content-Encoding")); /* other bytes, other tag */
    assert_null(strstr(ask(REQ("GET /user/short") GZIP END), "Vary"));
    (void)loop_stop(state);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, rows_paths, test_path);
    rows_add_one(&r, "a pattern that is none is refused", test_patterns);
    rows_add_one(&r, "a path may be deeper than any pattern", test_deep_path);
    rows_add_one(&r, "requests arrive at their routes", test_server);
    rows_add_one(&r, "and all others where they always did", test_fallback);
    rows_add_one(&r, "replies are compressed when that is wanted", test_compressed);
    return rows_run("io_http_router", &r);
}
