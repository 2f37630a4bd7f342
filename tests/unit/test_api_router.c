/* test_api_router.c - which route a request meets, and what a client may write into an address. */
#include "rows.h"

#include "api/router.h"

static int nothing(struct mr_call *c)
{
    (void)c;
    return MR_OK;
}

static const struct mr_route table[] = {
    {.method = "GET", .path = "/a", .handler = nothing},
    {.method = "POST", .path = "/a", .handler = nothing},
    {.method = "GET", .path = "/a/{id}", .handler = nothing},
    {.method = "DELETE", .path = "/a/{id}", .handler = nothing},
    {.method = "POST", .path = "/a/{id}/b/{n}", .handler = nothing},
    {.method = "POST", .path = "/a/fixed", .handler = nothing},
};

struct match_row {
    const char *name, *method;
    struct mr_span path;
    int rc, route; /* route: index into table, -1 none */
    const char *allow;
    struct mr_span params[2];
};

/* clang-format off */
static const struct match_row matches[] = {
    {"a plain path", "GET", TEXT("/a"), MR_OK, 0, "GET, HEAD, POST, OPTIONS", {{0}}},
    {"HEAD is answered by GET's handler", "HEAD", TEXT("/a"), MR_OK, 0, "GET, HEAD, POST, OPTIONS", {{0}}},
    {"another method of the same path", "POST", TEXT("/a"), MR_OK, 1, "GET, HEAD, POST, OPTIONS", {{0}}},
    {"one parameter", "GET", TEXT("/a/x%20y"), MR_OK, 2, "GET, HEAD, DELETE, OPTIONS", {TEXT("x%20y")}},
    {"two parameters", "POST", TEXT("/a/1/b/22"), MR_OK, 4, "POST, OPTIONS", {TEXT("1"), TEXT("22")}},
    {"a known path, an unknown method", "PUT", TEXT("/a/1"), MR_E_CONFLICT, -1, "GET, HEAD, DELETE, OPTIONS", {{0}}},
    {"HEAD where there is no GET", "HEAD", TEXT("/a/1/b/2"), MR_E_CONFLICT, -1, "POST, OPTIONS", {{0}}},
    {"a word where others have a parameter", "POST", TEXT("/a/fixed"), MR_OK, 5, "POST, OPTIONS", {{0}}},
    {"which has its own methods alone", "GET", TEXT("/a/fixed"), MR_E_CONFLICT, -1, "POST, OPTIONS", {{0}}},
    {"an unknown path", "GET", TEXT("/b"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"a slash too many at the end", "GET", TEXT("/a/"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"a slash too many in between", "GET", TEXT("//a"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"a longer word", "GET", TEXT("/ab"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"a path that is cut short", "POST", TEXT("/a/1/b"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"a path that goes on", "GET", TEXT("/a/1/c"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"an empty parameter", "POST", TEXT("/a//b/1"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"the root", "GET", TEXT("/"), MR_E_NOTFOUND, -1, "", {{0}}},
    {"nothing at all", "GET", TEXT(""), MR_E_NOTFOUND, -1, "", {{0}}},
    {"case matters", "GET", TEXT("/A"), MR_E_NOTFOUND, -1, "", {{0}}},
}; /* clang-format on */

static void test_match(void **state)
{
    const struct match_row *row = *state;
    struct mr_match m;

    assert_int_equal(mr_router_match(table, LEN(table), row->method, row->path, &m), row->rc);
    assert_string_equal(m.allow, row->allow);
    assert_ptr_equal(m.route, row->route < 0 ? NULL : &table[row->route]);
    for (size_t i = 0; i < 2; i++)
        assert_span(m.params[i], row->params[i]);
}

struct query_row {
    const char *name;
    struct mr_span query;
    const char *key;
    int rc;
    struct mr_span want;
};

/* clang-format off */
static const struct query_row queries[] = {
    {"a value", TEXT("a=1&b=2"), "b", MR_OK, TEXT("2")},
    {"the first of two", TEXT("a=1&a=2"), "a", MR_OK, TEXT("1")},
    {"plus is a blank, %2B a plus", TEXT("q=a+b%2Bc"), "q", MR_OK, TEXT("a b+c")},
    {"UTF-8", TEXT("q=%C3%BC"), "q", MR_OK, TEXT("\xc3\xbc")},
    {"an empty value", TEXT("q="), "q", MR_OK, TEXT("")},
    {"a name without a value is absent", TEXT("q"), "q", MR_E_NOTFOUND, TEXT("")},
    {"a name that only begins so", TEXT("qq=1"), "q", MR_E_NOTFOUND, TEXT("")},
    {"no query", TEXT(""), "q", MR_E_NOTFOUND, TEXT("")},
    {"a value with an equals sign", TEXT("q=a=b"), "q", MR_OK, TEXT("a=b")},
    {"an escape cut short", TEXT("q=%4"), "q", MR_E_PROTO, TEXT("")},
    {"an escape that is a percent sign alone", TEXT("q=%"), "q", MR_E_PROTO, TEXT("")},
    {"an escape that is not hexadecimal", TEXT("q=%zz"), "q", MR_E_PROTO, TEXT("")},
    {"a NUL", TEXT("q=a%00b"), "q", MR_E_PROTO, TEXT("")},
    {"what is not UTF-8", TEXT("q=%ff"), "q", MR_E_PROTO, TEXT("")},
    {"over the buffer's ceiling", TEXT("q=12345678901234567"), "q", MR_E_TOOBIG, TEXT("")},
}; /* clang-format on */

static void test_query(void **state)
{
    const struct query_row *row = *state;
    struct mr_buf got = MR_BUF_INIT(16);

    assert_int_equal(mr_query_get(row->query, row->key, &got), row->rc);
    if (row->rc == MR_OK)
        assert_span(mr_buf_span(&got), row->want);
    mr_buf_free(&got);
}

struct accept_row {
    const char *name;
    struct mr_span list;
    const char *token;
    bool want;
};

/* clang-format off */
static const struct accept_row accepts[] = {
    {"in a list", TEXT("gzip, deflate, br"), "br", true},
    {"with a quality", TEXT("gzip;q=0.5"), "gzip", true},
    {"any case", TEXT("GZip"), "gzip", true},
    {"refused by quality 0", TEXT("gzip;q=0"), "gzip", false},
    {"refused by quality 0.000", TEXT("br, gzip; q=0.000"), "gzip", false},
    {"not named", TEXT("deflate"), "gzip", false},
    {"only part of a name", TEXT("xgzip"), "gzip", false},
    {"an empty list", TEXT(""), "gzip", false},
}; /* clang-format on */

static void test_accepts(void **state)
{
    const struct accept_row *row = *state;

    assert_int_equal(mr_header_accepts(row->list, row->token), row->want);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, matches, test_match);
    rows_add(&r, queries, test_query);
    rows_add(&r, accepts, test_accepts);
    return rows_run("router", &r);
}
