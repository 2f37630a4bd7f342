/* test_io_http_cors.c - which origins are allowed, and what a browser is told about it. */
#include "rows.h"

#include "io/cors.h"
#include "proto/alloc.h"

#include <stdio.h>

struct row {
    const char *name;
    const char *list;
    const char *origin;
    bool allowed;
};

/* clang-format off */
#define SUB "re:https://[a-z0-9-]{1,20}\\.example\\.com, http://b"
static const struct row rows_origins[] = {
    {"an origin in the list",            "http://a, http://b:1", "http://b:1", true},
    {"ports are part of it",             "http://a, http://b:1", "http://b", false},
    {"origins are compared whole",       "http://a.example", "http://a.example.org", false},
    {"case counts, as browsers send it", "http://a", "HTTP://A", false},
    {"no origin",                        "http://a", "", false},
    {"an opaque origin is not a match",  "http://a", "null", false},
    {"unless it is listed",              "null", "null", true},
    {"an empty list",                    " , ", "http://a", false},
    {"everybody",                        "*", "http://whoever", true},
    {"a star among others",              "http://a,*", "http://whoever", true},
    {"an expression",                    SUB, "https://one-2.example.com", true},
    {"matches the whole origin",         SUB, "https://x.example.com.evil", false},
    {"from its beginning",               SUB, "https://evil/https://x.example.com", false},
    {"escapes count",                    SUB, "https://x.exampleZcom", false},
    {"what follows an expression",       SUB, "http://b", true},
    {"alternatives are one expression",  "re:http://a|http://b", "http://axx", false},
    {"and match whole",                  "re:http://a|http://b", "http://b", true},
}; /* clang-format on */

static void test_origin(void **state)
{
    const struct row *row = *state;
    struct mr_server srv = {.opt = {.cors_origins = row->list}};

    assert_int_equal(mr__cors_new(&srv.cors, &srv.opt), MR_OK);
    assert_int_equal(mr__cors_allows(&srv, mr_span_str(row->origin)), row->allowed);
    mr__cors_free(srv.cors);
}

static void test_long_origin(void **state)
{
    static char text[MR_ORIGIN_LEN_MAX + 2];
    struct mr_server srv = {.opt = {.cors_origins = "re:a*"}};

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    assert_int_equal(mr__cors_new(&srv.cors, &srv.opt), MR_OK);
    assert_false(mr__cors_allows(&srv, mr_span_str(text)));
    assert_true(mr__cors_allows(&srv, mr_span_str(text + 1)));
    mr__cors_free(srv.cors);
}

static void test_bad_lists(void **state)
{
    static const char *const bad[] = {"re:(a",        "re:",           "re:(a)\\1",
                                      "re:(a)(b)\\2", "http://a,re:[", "re:a{2,1}"};
    struct mr_cors *cors;

    (void)state;
    for (size_t i = 0; i < LEN(bad); i++) {
        struct mr_options opt = {.cors_origins = bad[i]};

        assert_int_equal(mr__cors_new(&cors, &opt), MR_E_INVAL);
        assert_null(cors);
    }
}

/* The lines of a reply, and of a preflight behind a "|". */
static const char *told(const struct mr_options *opt, const char *method, const char *fields)
{
    static char out[4096];
    struct mr_server srv;
    struct mr_http_head head;
    struct mr_buf lines = MR_BUF_INIT(4096);
    char text[1024], *extra;
    const char *why;

    assert_int_equal(mr__core_init(&srv, opt), MR_OK);
    (void)snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: own.example:80\r\n%s\r\n", method,
                   fields);
    assert_int_equal(mr__http_head_parse(mr_span_str(text), &head, &why), 0);
    extra = mr__cors_lines(&srv, &head);
    if (mr__cors_is_preflight(&head))
        mr__cors_preflight(&srv, &head, &lines);
    (void)snprintf(out, sizeof(out), "%s|%s", extra ? extra : "-", mr_buf_cstr(&lines));
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '\r')
            *c = ';';
    }
    mr_buf_free(&lines);
    mr_free(extra);
    mr__core_deinit(&srv);
    for (char *from = out, *to = out;; from++) {
        if (*from != '\n')
            *to++ = *from;
        if (*from == '\0')
            break;
    }
    return out;
}

#define A    "Origin: http://a\r\n"
#define PRE  A "Access-Control-Request-Method: POST\r\n"
#define ASKS PRE "Access-Control-Request-Headers: x-one\r\n"

static void test_lines(void **state)
{
    struct mr_options opt = {.cors_origins = NULL};

    (void)state;
    assert_string_equal(told(&opt, "GET", A), "-|");
    opt.cors_origins = "http://a";
    assert_string_equal(told(&opt, "GET", A), "Vary: Origin;Access-Control-Allow-Origin: http://a;"
                                              "Access-Control-Allow-Credentials: true;|");
    assert_string_equal(told(&opt, "GET", "Origin: http://evil\r\n"), "Vary: Origin;|");
    assert_string_equal(told(&opt, "GET", ""), "Vary: Origin;|");
    opt.cors_credentials = -1;
    opt.cors_exposed = "x-seen";
    assert_string_equal(told(&opt, "GET", A), "Vary: Origin;Access-Control-Allow-Origin: http://a;"
                                              "Access-Control-Expose-Headers: x-seen;|");
    opt = (struct mr_options){.cors_origins = "*"};
    assert_string_equal(told(&opt, "GET", ""), "Access-Control-Allow-Origin: *;|");
    opt.cors_credentials = 1; /* browsers accept credentials for a named origin only */
    assert_string_equal(told(&opt, "GET", A), "Vary: Origin;Access-Control-Allow-Origin: http://a;"
                                              "Access-Control-Allow-Credentials: true;|");
}

static void test_preflight(void **state)
{
    struct mr_options opt = {.cors_origins = "*"};

    (void)state;
    assert_string_equal(told(&opt, "OPTIONS", PRE),
                        "Access-Control-Allow-Origin: *;|"
                        "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE;"
                        "Access-Control-Max-Age: 600;");
    assert_string_equal(told(&opt, "OPTIONS", ASKS),
                        "Access-Control-Allow-Origin: *;|"
                        "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE;"
                        "Access-Control-Max-Age: 600;Vary: Access-Control-Request-Headers;"
                        "Access-Control-Allow-Headers: x-one;");
    opt.cors_methods = "GET";
    opt.cors_headers = "x-two";
    opt.cors_max_age_s = 5;
    assert_string_equal(told(&opt, "OPTIONS", ASKS),
                        "Access-Control-Allow-Origin: *;|Access-Control-Allow-Methods: GET;"
                        "Access-Control-Max-Age: 5;Access-Control-Allow-Headers: x-two;");
    opt.cors_origins = "http://b";
    assert_string_equal(told(&opt, "OPTIONS", ASKS), "Vary: Origin;|");
}

static bool websocket(const struct mr_options *opt, const char *fields)
{
    struct mr_server srv;
    struct mr_http_head head;
    char text[1024];
    const char *why;
    bool ok;

    assert_int_equal(mr__core_init(&srv, opt), MR_OK);
    (void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: Own.example:80\r\n%s\r\n", fields);
    assert_int_equal(mr__http_head_parse(mr_span_str(text), &head, &why), 0);
    ok = mr__cors_websocket(&srv, &head);
    mr__core_deinit(&srv);
    return ok;
}

static void test_websocket(void **state)
{
    struct mr_options opt = {.cors_origins = "http://a"};

    (void)state;
    assert_true(websocket(&opt, "Origin: http://evil\r\n"));
    opt.websocket_same_origin = true;
    assert_false(websocket(&opt, "Origin: http://evil\r\n"));
    assert_false(websocket(&opt, "Origin: null\r\n"));
    assert_false(websocket(&opt, "Origin: http://own.example:80.evil\r\n"));
    assert_true(websocket(&opt, A));
    assert_true(websocket(&opt, "Origin: https://own.example:80\r\n"));
    assert_true(websocket(&opt, "")); /* no browser */
}

int main(void)
{
    static struct rows r;

    rows_add(&r, rows_origins, test_origin);
    rows_add_one(&r, "an origin beyond all measure is not matched", test_long_origin);
    rows_add_one(&r, "a list that cannot be read is refused at the start", test_bad_lists);
    rows_add_one(&r, "every reply says who may read it", test_lines);
    rows_add_one(&r, "a preflight is answered by the options", test_preflight);
    rows_add_one(&r, "a WebSocket of another site is refused when asked for", test_websocket);
    return rows_run("io_http_cors", &r);
}
