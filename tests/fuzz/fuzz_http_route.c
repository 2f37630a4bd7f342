/* fuzz_http_route.c - any request head, past the parser: where it leads, what of a file it gets,
 * how it is coded, and who may read that. What comes out lies inside what went in, or inside its
 * bounds.
 */
#include "fuzz.h"

#include "io/cors.h"
#include "io/http_coding.h"
#include "io/http_cond.h"
#include "io/http_date.h"
#include "io/http_file.h"
#include "io/http_router.h"
#include "proto/alloc.h"

#define FILE_BYTES 1000

static struct mr_server srv;

static void prepare(void)
{
    static const char *const patterns[] = {"/",      "/a",         "/a/:b",   "/a/:b/c",
                                           "/a/*c",  "/:x/:y/:z",  "/:x/b/c", "/files/*path",
                                           "/a/b/c", "/a/:b/:c/d", "/*all"};
    struct mr_options opt = {.cors_origins = "http://a, re:https?://[a-z]+(\\.[a-z]+)*",
                             .websocket_same_origin = true};
    struct mr_route *r;

    FUZZ_ASSERT(mr__core_init(&srv, &opt) == MR_OK);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        FUZZ_ASSERT(mr__route_add(&srv, i % 3 ? "GET" : "POST", patterns[i], &r) == MR_OK);
        FUZZ_ASSERT(mr__route_add(&srv, "PUT", patterns[i], &r) == MR_OK);
    }
}

static void check_route(const struct mr_http_head *head)
{
    struct mr_buf allow = MR_BUF_INIT(256);
    struct mr_route_match m;
    int rc = mr__route_find(&srv, head->method, head->path, &m, &allow);

    FUZZ_ASSERT(rc == MR_OK || rc == MR_E_NOTFOUND || rc == MR_E_CONFLICT || rc == MR_E_PROTO);
    FUZZ_ASSERT((rc == MR_E_CONFLICT) == (allow.len > 0));
    if (rc == MR_OK) {
        FUZZ_ASSERT(m.n_values == m.route->n_names && m.len <= head->path.len);
        for (size_t i = 0; i < m.n_values; i++) {
            struct mr_span v = m.values[i];

            FUZZ_ASSERT(fuzz_inside(v, mr_span_of(m.text, m.len)));
            FUZZ_ASSERT(v.len == 0 || memchr(v.ptr, '\0', v.len) == NULL);
            if (mr__file_path_ok(v, true))
                FUZZ_ASSERT(!mr_span_starts(v, MR_SPAN("/")) &&
                            !mr_span_starts(v, MR_SPAN("../")) &&
                            (v.len == 0 || memmem(v.ptr, v.len, "/../", 4) == NULL));
        }
    }
    mr_buf_free(&allow);
}

static void check_cond(const struct mr_http_head *head)
{
    struct mr_cond cond = {.if_match = mr__http_field(head, "if-match"),
                           .if_none_match = mr__http_field(head, "if-none-match"),
                           .if_modified_since = mr__http_field(head, "if-modified-since"),
                           .if_unmodified_since = mr__http_field(head, "if-unmodified-since"),
                           .range = mr__http_field(head, "range"),
                           .if_range = mr__http_field(head, "if-range")};
    struct mr_range part;
    char text[MR_DATE_SIZE];
    int64_t date;
    int status = mr__cond_status(&cond, MR_SPAN("\"a\""), 784111777, FILE_BYTES, true, &part);

    FUZZ_ASSERT(status == 200 || status == 206 || status == 304 || status == 412 || status == 416);
    FUZZ_ASSERT(part.len <= FILE_BYTES && part.from <= FILE_BYTES - part.len);
    FUZZ_ASSERT(status != 206 || part.len > 0);
    if (mr__date_parse(cond.if_modified_since, &date) == MR_OK) {
        mr__date_text(date, text);
        FUZZ_ASSERT(mr_span_is(cond.if_modified_since, text));
    }
}

static void check_cors(const struct mr_http_head *head)
{
    char *lines = mr__cors_lines(&srv, head);
    struct mr_span origin = mr__http_field(head, "origin");

    FUZZ_ASSERT(lines != NULL);
    FUZZ_ASSERT((strstr(lines, "Allow-Origin") != NULL) == mr__cors_allows(&srv, origin));
    FUZZ_ASSERT(!mr__cors_allows(&srv, origin) || mr__cors_websocket(&srv, head));
    mr_free(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span wire = mr_span_of((const char *)data, size);
    size_t end = mr__http_head_end(wire, 0);
    struct mr_http_head head;
    enum mr_coding coding;
    const char *why;

    if (srv.routes == NULL)
        prepare();
    if (end == 0 || mr__http_head_parse(mr_span_of(wire.ptr, end), &head, &why) != 0)
        return 0;
    check_route(&head);
    check_cond(&head);
    check_cors(&head);
    coding = mr__coding_choose(mr__http_field(&head, "accept-encoding"), MR_CODINGS_OURS);
    FUZZ_ASSERT(coding <= MR_CODING_GZIP);
    return 0;
}
