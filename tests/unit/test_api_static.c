/* test_api_static.c - a folder becomes a table of files; a page's policy names its inline scripts;
 * problem documents and request ids are well-formed whatever they are made of. */
#include "rows.h"

#include "api/dispatch.h"
#include "api/problem.h"
#include "api/static.h"
#include "api/static_csp.h"
#include "proto/alloc.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static void folder(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/mr-static-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    put("index.html", "<html>home</html>");
    put("404.html", "<html>no</html>");
    put("monitoring.html", "<html>m</html>");
    folder("docs");
    put("docs/index.html", "<html>d</html>");
    put("a b.txt", "blank");
    put(".hidden", "x");
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"index.html", "404.html", "monitoring.html",
                                        "a b.txt",    ".hidden",  "docs/index.html",
                                        "docs",       "link",     ""};
    char path[256];

    (void)state;
    for (size_t i = 0; i < LEN(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        if (remove(path) != 0 && names[i][0] != 'l')
            return -1;
    }
    return 0;
}

struct path_row {
    const char *name;
    struct mr_span path;
    bool want;
};

/* clang-format off */
static const struct path_row paths[] = {
    {"the root is its index", TEXT("/"), true},
    {"a file by its name", TEXT("/index.html"), true},
    {"a page without its ending", TEXT("/monitoring"), true},
    {"a page with a slash behind it", TEXT("/monitoring/"), true},
    {"a folder's index", TEXT("/docs"), true},
    {"a folder's index with a slash", TEXT("/docs/"), true},
    {"a name with an escape", TEXT("/a%20b.txt"), true},
    {"a hidden file is not part of a build", TEXT("/.hidden"), false},
    {"a link is not followed", TEXT("/link"), false},
    {"nothing leads out of the folder", TEXT("/../../../../etc/passwd"), false},
    {"not even written in escapes", TEXT("/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), false},
    {"a NUL", TEXT("/index.html%00.png"), false},
    {"a broken escape", TEXT("/%"), false},
    {"two slashes", TEXT("//index.html"), false},
    {"no slash", TEXT("index.html"), false},
    {"nothing", TEXT(""), false},
}; /* clang-format on */

static void test_paths(void **state)
{
    struct mr_static *s = NULL;
    char link[256];

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/link", dir);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(mr_static_load(&s, dir), MR_OK);
    assert_int_equal(mr_static_count(s), 5);
    for (size_t i = 0; i < LEN(paths); i++)
        if (mr_static_has(s, paths[i].path) != paths[i].want)
            fail_msg("%s", paths[i].name);
    mr_static_free(s);
    assert_int_equal(mr_static_load(&s, "/nonexistent"), MR_E_NOTFOUND);
}

struct csp_row {
    const char *name;
    struct mr_span html;
    const char *has, *lacks;
};

/* The hash of "alert(1)" by `printf %s 'alert(1)' | openssl dgst -sha256 -binary | base64`. */
#define ALERT "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"

/* clang-format off */
static const struct csp_row csps[] = {
    {"an inline script is allowed by its hash", TEXT("<p><script>alert(1)</script>"), ALERT, "unsafe-eval"},
    {"attributes do not matter", TEXT("<SCRIPT id=\"x\">alert(1)</SCRIPT>"), ALERT, "script-src 'self' 'unsafe-inline'"},
    {"one with src needs no hash", TEXT("<script async src=\"/a.js\"></script>"), "script-src 'self';", "sha256"},
    {"an unfinished one is left", TEXT("<script>alert(1)"), "script-src 'self';", "sha256"},
    {"a tag cut short is left", TEXT("<script"), "script-src 'self';", "sha256"},
    {"nothing from elsewhere", TEXT(""), "default-src 'self'", "http"},
    {"no frames around it", TEXT(""), "frame-ancestors 'none'", "*"},
}; /* clang-format on */

static void test_csp(void **state)
{
    const struct csp_row *row = *state;
    char *csp = NULL;

    assert_int_equal(mr_static_csp(row->html, &csp), MR_OK);
    assert_non_null(strstr(csp, row->has));
    assert_null(strstr(csp, row->lacks));
    mr_free(csp);
}

static void test_problem(void **state)
{
    struct mr_buf b = MR_BUF_INIT(4096);
    struct mr_problem p = {.status = 404,
                           .detail = "No \"such\" thing\n",
                           .instance = MR_SPAN("/a\xff"),
                           .request_id = "r1",
                           .extra = MR_SPAN(",\"current_status\":\"RUNNING\"")};

    (void)state;
    mr_problem_write(&b, &p);
    assert_span(mr_buf_span(&b),
                MR_SPAN("{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                        "\"detail\":\"No \\\"such\\\" thing\\n\",\"instance\":\"/a\xef\xbf\xbd\","
                        "\"request_id\":\"r1\",\"current_status\":\"RUNNING\"}"));
    mr_buf_clear(&b);
    p = (struct mr_problem){.status = 599, .instance = MR_SPAN("/")};
    mr_problem_write(&b, &p); /* an unknown status still has a sentence */
    assert_non_null(memmem(b.ptr, b.len, "\"detail\":\"Something", 19));
    mr_buf_free(&b);
}

struct id_row {
    const char *name;
    struct mr_span sent;
    bool kept;
};

/* clang-format off */
static const struct id_row ids[] = {
    {"a harmless request id is kept", TEXT("Ab9._-x"), true},
    {"one with a line end is not", TEXT("a\r\nSet-Cookie: x"), false},
    {"one with a blank is not", TEXT("a b"), false},
    {"one with a NUL is not", TEXT("a\0b"), false},
    {"an empty one is replaced", TEXT(""), false},
    {"one of 65 characters is replaced", TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), false},
}; /* clang-format on */

static void test_request_id(void **state)
{
    const struct id_row *row = *state;
    char id[65];

    mr_request_id(row->sent, id);
    assert_int_equal(strlen(id) == row->sent.len && memcmp(id, row->sent.ptr, row->sent.len) == 0,
                     row->kept);
    if (!row->kept)
        assert_int_equal(strlen(id), 36);
}

static void test_cors(void **state)
{
    static const char list[] = "http://localhost:3000, https://a.example";

    (void)state;
    assert_true(mr_cors_allowed(list, MR_SPAN("http://localhost:3000")));
    assert_true(mr_cors_allowed(list, MR_SPAN("https://a.example")));
    assert_false(mr_cors_allowed(list, MR_SPAN("https://a.exampl")));
    assert_false(mr_cors_allowed(list, MR_SPAN("https://a.example.org")));
    assert_false(mr_cors_allowed(list, MR_SPAN("")));
    assert_false(mr_cors_allowed("", MR_SPAN("null")));
}

int main(void)
{
    static struct rows r;

    rows_add_one(&r, "what a path means", test_paths);
    r.tests[0].setup_func = set_up;
    r.tests[0].teardown_func = tear_down;
    rows_add(&r, csps, test_csp);
    rows_add_one(&r, "a problem document", test_problem);
    rows_add(&r, ids, test_request_id);
    rows_add_one(&r, "origins are compared whole", test_cors);
    return rows_run("static", &r);
}
