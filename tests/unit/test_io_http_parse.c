/* test_io_http_parse.c - which bytes are an HTTP request, and with which status the others are
 * refused. Each input lies flush against an unmapped page: a byte read too far is a crash here.
 */
#include "guard.h"
#include "rows.h"

#include "io/http_parse.h"

#include <stdio.h>

#define H "Host: x\r\n"

static struct guard guard;

struct row {
    const char *name;
    struct mr_span wire;
    const char *want; /* "method path query flags", or the status */
};

/* clang-format off */
#define ROW(name, wire, want) {name, TEXT(wire), want}
static const struct row rows_heads[] = {
    ROW("a plain request",            "GET /a/b?c=d&e HTTP/1.1\r\n" H "\r\n",                "GET /a/b c=d&e keep"),
    ROW("without a query",            "GET / HTTP/1.1\r\n" H "\r\n",                         "GET /  keep"),
    ROW("the path stays as it is",    "GET /%2e%2E/..//a;b HTTP/1.1\r\n" H "\r\n",           "GET /%2e%2E/..//a;b  keep"),
    ROW("any method",                 "BREW /pot HTTP/1.1\r\n" H "\r\n",                     "BREW /pot  keep"),
    ROW("empty lines before it",      "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",                 "GET /  keep"),
    ROW("an absolute target",         "GET http://x:1/p?q HTTP/1.1\r\n" H "\r\n",            "GET /p q keep"),
    ROW("OPTIONS *",                  "OPTIONS * HTTP/1.1\r\n" H "\r\n",                     "OPTIONS *  keep"),
    ROW("HTTP/1.0 closes",            "GET / HTTP/1.0\r\n\r\n",                              "GET / "),
    ROW("HTTP/1.0 may ask to stay",   "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",    "GET /  keep"),
    ROW("close",                      "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n",    "GET / "),
    ROW("a length",                   "POST / HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n",  "POST /  keep len=12"),
    ROW("the same length twice",      "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", "POST /  keep len=1"),
    ROW("chunked",                    "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n", "POST /  keep chunked"),
    ROW("100-continue",               "PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n\r\n", "PUT /  keep expects"),
    ROW("a WebSocket",                "GET / HTTP/1.1\r\n" H "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", "GET /  keep ws"),
    ROW("an upgrade not asked for by Connection", "GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n", "GET /  keep"),
    ROW("white space around a value", "GET / HTTP/1.1\r\nHost: \t x \t\r\n\r\n",             "GET /  keep"),
    ROW("bytes over 127 in a value",  "GET / HTTP/1.1\r\n" H "X: \xc3\xa9\r\n\r\n",          "GET /  keep"),

    ROW("garbage",                    "GARBAGE\r\n\r\n",                                     "400"),
    ROW("one word and a version",     "GET HTTP/1.1\r\n" H "\r\n",                           "400"),
    ROW("a space in the target",      "GET /a b HTTP/1.1\r\n" H "\r\n",                      "400"),
    ROW("a fragment",                 "GET /a#b HTTP/1.1\r\n" H "\r\n",                      "400"),
    ROW("a target without a slash",   "GET a HTTP/1.1\r\n" H "\r\n",                         "400"),
    ROW("GET *",                      "GET * HTTP/1.1\r\n" H "\r\n",                         "400"),
    ROW("bytes over 127 in a target", "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n",                 "400"),
    ROW("no version",                 "GET /\r\n" H "\r\n",                                  "400"),
    ROW("a version of another sort",  "GET / HTTQ/1.1\r\n" H "\r\n",                         "400"),
    ROW("HTTP/2",                     "PRI * HTTP/2.0\r\n\r\n",                              "400"),
    ROW("HTTP/3.0",                   "GET / HTTP/3.0\r\n" H "\r\n",                         "505"),
    ROW("a method that is no token",  "G(T / HTTP/1.1\r\n" H "\r\n",                         "400"),
    ROW("a method that is too long",  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" H "\r\n", "400"),
    ROW("LF alone",                   "GET / HTTP/1.1\n" H "\r\n",                       "400"),
    ROW("CR alone",                   "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n",                "400"),
    ROW("no colon",                   "GET / HTTP/1.1\r\n" H "bad header\r\n\r\n",           "400"),
    ROW("a space before the colon",   "GET / HTTP/1.1\r\n" H "X : 1\r\n\r\n",                "400"),
    ROW("a folded line",              "GET / HTTP/1.1\r\n" H "X: 1\r\n 2\r\n\r\n",           "400"),
    ROW("NUL in a value",             "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n",              "400"),
    ROW("an empty name",              "GET / HTTP/1.1\r\n" H ": 1\r\n\r\n",                  "400"),
    ROW("no Host",                    "GET / HTTP/1.1\r\n\r\n",                              "400"),
    ROW("two Hosts",                  "GET / HTTP/1.1\r\n" H H "\r\n",                       "400"),
    ROW("two lengths",                "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
    ROW("a negative length",          "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n",  "400"),
    ROW("a length with a sign",       "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n",  "400"),
    ROW("an endless length",          "POST / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n\r\n", "400"),
    ROW("a list of lengths",          "POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n", "400"),
    ROW("a length and chunked",       "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
    ROW("chunked in HTTP/1.0",        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
    ROW("another coding",             "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "501"),
    ROW("chunked twice",              "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "501"),
}; /* clang-format on */

static void describe(const struct mr_http_head *h, char *out, size_t size)
{
    (void)snprintf(out, size, MR_SPAN_FMT " " MR_SPAN_FMT " " MR_SPAN_FMT "%s%s%s%s",
                   MR_SPAN_ARG(h->method), MR_SPAN_ARG(h->path), MR_SPAN_ARG(h->query),
                   h->keep_alive ? " keep" : "", h->chunked ? " chunked" : "",
                   h->expects_continue ? " expects" : "", h->wants_websocket ? " ws" : "");
    if (h->has_length)
        (void)snprintf(out + strlen(out), size - strlen(out), " len=%llu",
                       (unsigned long long)h->length);
}

static void a_head_is_taken_or_refused(void **state)
{
    const struct row *row = *state;
    struct mr_span wire = guard_copy(&guard, row->wire);
    struct mr_http_head head;
    const char *why = NULL;
    char got[256];
    int status = mr__http_head_parse(wire, &head, &why);

    assert_int_equal(mr__http_head_end(wire, 0), row->wire.len);
    if (status != 0)
        (void)snprintf(got, sizeof(got), "%d", status);
    else
        describe(&head, got, sizeof(got));
    assert_string_equal(got, row->want);
    if (status != 0)
        assert_true(why != NULL && why[0] != '\0');
}

/* A head that is cut anywhere is neither complete nor refused, unless it is wrong already. */
static void a_part_of_a_good_head_is_waited_for(void **state)
{
    const struct row *row = *state;

    if (row->want[0] >= '0' && row->want[0] <= '9')
        return;
    for (size_t n = 0; n < row->wire.len; n++) {
        struct mr_span part = guard_copy(&guard, mr_span_of(row->wire.ptr, n));
        const char *why;

        assert_int_equal(mr__http_head_end(part, n > 7 ? n - 7 : 0), 0);
        assert_int_equal(mr__http_head_peek(part, &why), 0);
    }
}

static void garbage_is_refused_before_it_ends(void **state)
{
    const char *why;

    (void)state;
    assert_int_equal(mr__http_head_peek(MR_SPAN("\x16\x03\x01\x02"), &why), 400); /* TLS */
    assert_int_equal(mr__http_head_peek(MR_SPAN("HELO\r\n"), &why), 400);
    assert_int_equal(mr__http_head_peek(MR_SPAN("GET / HTTP/1.1\n"), &why), 400);
    assert_int_equal(mr__http_head_peek(MR_SPAN("GET / HTTP/1.1\r\nX"), &why), 0);
    assert_int_equal(mr__http_head_peek(MR_SPAN("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &why), 400);
}

static void limits_have_their_own_status(void **state)
{
    static char text[20000];
    struct mr_http_head head;
    const char *why;
    int n = snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n" H "\r\n", MR_TARGET_BYTES_MAX, 0);

    (void)state;
    assert_int_equal(mr__http_head_parse(mr_span_of(text, (size_t)n), &head, &why), 414);
    n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < MR_HEADERS_MAX - 1; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "X%d: 1\r\n", i);
    (void)snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
    assert_int_equal(mr__http_head_parse(mr_span_str(text), &head, &why), 0);
    (void)snprintf(text + n, sizeof(text) - (size_t)n, "Y: 1\r\n\r\n");
    assert_int_equal(mr__http_head_parse(mr_span_str(text), &head, &why), 431);
}

/* ---- chunked bodies ------------------------------------------------------------------------ */

/* clang-format off */
static const struct row rows_chunks[] = {
    ROW("two chunks",                 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",        "abcde"),
    ROW("none",                       "0\r\n\r\n",                               ""),
    ROW("sizes in hex",               "a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
    ROW("extensions are read over",   "1;a=\"b\"\r\nx\r\n0;z\r\n\r\n",           "x"),
    ROW("trailers are read over",     "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",     "x"),
    ROW("what follows is left alone", "1\r\nx\r\n0\r\n\r\nGET /",                "x+GET /"),
    ROW("CRLF in the content",        "2\r\n\r\n\r\n0\r\n\r\n",                  "\r\n"),

    ROW("no size",                    "\r\nx\r\n",                               "!"),
    ROW("a negative size",            "-1\r\nx\r\n",                             "!"),
    ROW("a size with 0x",             "0x1\r\nx\r\n",                            "!"),
    ROW("a size too large to count",  "fffffffffffffffff\r\n",                   "!"),
    ROW("content longer than its size", "1\r\nxy\r\n",                           "!"),
    ROW("LF alone",                   "1\nx\r\n",                                "!"),
    ROW("over the limit",             "100\r\n*",                                "~"),
}; /* clang-format on */

static void chunks_come_in_any_pieces(void **state)
{
    const struct row *row = *state;
    static char big[400];
    struct mr_span wire = row->wire;

    if (row->want[0] == '~') { /* 256 bytes where 200 are allowed */
        memset(big, 'x', sizeof(big));
        memcpy(big, wire.ptr, wire.len - 1);
        wire = mr_span_of(big, wire.len - 1 + 256);
    }
    for (size_t step = 1; step <= wire.len; step++) {
        struct mr_chunked c = {0};
        struct mr_buf out = MR_BUF_INIT(200);
        int rc = MR_OK;

        for (size_t at = 0; at < wire.len && rc == MR_OK; at += step) {
            size_t n = wire.len - at < step ? wire.len - at : step;
            struct mr_span in = guard_copy(&guard, mr_span_of(wire.ptr + at, n));

            rc = mr__chunked_feed(&c, &in, &out);
            if (rc == MR_E_END && step == wire.len && in.len > 0) {
                mr_buf_add_char(&out, '+');
                mr_buf_add_span(&out, in);
            }
        }
        if (row->want[0] == '!')
            assert_int_equal(rc, MR_E_PROTO);
        else if (row->want[0] == '~')
            assert_int_equal(rc, MR_E_TOOBIG);
        else
            assert_int_equal(rc, MR_E_END);
        if (rc == MR_E_END && (step == wire.len || strchr(row->want, '+') == NULL))
            assert_string_equal(mr_buf_cstr(&out), row->want);
        mr_buf_free(&out);
    }
}

int main(void)
{
    struct rows rows = {0};
    int rc;

    rows_add(&rows, rows_heads, a_head_is_taken_or_refused);
    rows_add(&rows, rows_heads, a_part_of_a_good_head_is_waited_for);
    rows_add_one(&rows, "garbage is refused before it ends", garbage_is_refused_before_it_ends);
    rows_add_one(&rows, "limits have their own status", limits_have_their_own_status);
    rows_add(&rows, rows_chunks, chunks_come_in_any_pieces);
    rc = rows_run("http_parse", &rows);
    guard_free(&guard);
    return rc;
}
