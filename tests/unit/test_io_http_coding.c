/* test_io_http_coding.c - which coding a client gets, and that it can read it. */
#include "rows.h"

#include "io/http_coding.h"

#include <stdio.h>
#include <zlib.h>

struct row {
    const char *name;
    const char *accept;
    const char *want; /* of deflate, gzip and br; then of gzip alone */
};

/* clang-format off */
static const struct row rows_choices[] = {
    {"nothing said",                       "",                             "- -"},
    {"what browsers send",                 "gzip, deflate, br",            "br gzip"},
    {"one",                                "gzip",                         "gzip gzip"},
    {"in any case",                        "GZIP",                         "gzip gzip"},
    {"the higher weight wins",             "br;q=0.5, gzip;q=0.8, deflate;q=0.1", "gzip gzip"},
    {"in thousandths",                     "br;q=0.501,gzip;q=0.502",      "gzip gzip"},
    {"weight 0 is a refusal",              "gzip;q=0",                     "- -"},
    {"in all its spellings",               "gzip ; q=0.000",               "- -"},
    {"anything",                           "*",                            "br gzip"},
    {"anything but",                       "*, gzip;q=0",                  "br -"},
    {"nothing else",                       "deflate, *;q=0",               "deflate -"},
    {"the plain body is liked better",     "gzip;q=0.5, identity",         "- -"},
    {"as much as the plain body",          "gzip, identity",               "gzip gzip"},
    {"more than the plain body",           "gzip;q=0.5, identity;q=0.1",   "gzip gzip"},
    {"plain only",                         "identity",                     "- -"},
    {"unknown ones are passed over",       "zstd, x, gzip",                "gzip gzip"},
    {"other parameters too",               "gzip;x=1;q=0.5",               "gzip gzip"},
    {"a malformed weight is a refusal",    "gzip;q=a",                     "- -"},
    {"a weight over one",                  "gzip;q=1.5",                   "- -"},
    {"a weight with too many digits",      "gzip;q=0.00001",               "- -"},
    {"commas alone",                       ",,;,;q=,",                     "- -"},
}; /* clang-format on */

static const char *chosen(const char *accept, unsigned have)
{
    const char *name = mr__coding_name(mr__coding_choose(mr_span_str(accept), have));

    return name != NULL ? name : "-";
}

static void test_choice(void **state)
{
    const struct row *row = *state;
    char got[64];

    (void)snprintf(got, sizeof(got), "%s %s",
                   chosen(row->accept, MR_CODINGS_OURS | MR_CODING_BIT(MR_CODING_BR)),
                   chosen(row->accept, MR_CODING_BIT(MR_CODING_GZIP)));
    assert_string_equal(got, row->want);
}

static void test_types(void **state)
{
    (void)state;
    assert_true(mr__coding_helps(MR_SPAN("text/plain; charset=UTF-8")));
    assert_true(mr__coding_helps(MR_SPAN("Application/JSON ; a=b")));
    assert_false(mr__coding_helps(MR_SPAN("image/png")));
    assert_false(mr__coding_helps(MR_SPAN("text/event-stream")));
    assert_false(mr__coding_helps(MR_SPAN("text/")));
    assert_false(mr__coding_helps(MR_SPAN_NONE));
}

/* With both wrappers, several bodies through one compressor. */
static void test_round_trip(void **state)
{
    static char text[MR_DEFLATE_BYTES_MAX], back[MR_DEFLATE_BYTES_MAX];
    static const size_t sizes[] = {64, 1000, 70000, sizeof(text)};
    struct mr_server srv;

    (void)state;
    assert_int_equal(mr__core_init(&srv, NULL), MR_OK);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 17);
    for (size_t i = 0; i < 2 * LEN(sizes); i++) {
        enum mr_coding coding = i % 2 ? MR_CODING_GZIP : MR_CODING_DEFLATE;
        struct mr_buf out = MR_BUF_INIT(SIZE_MAX);
        z_stream z = {0};

        mr_buf_add_str(&out, "before");
        assert_true(mr__coding_apply(&srv, coding, mr_span_of(text, sizes[i / 2]), &out));
        assert_memory_equal(out.ptr, "before", 6);
        z.next_in = (Bytef *)out.ptr + 6;
        z.avail_in = (uInt)out.len - 6;
        z.next_out = (Bytef *)back;
        z.avail_out = sizeof(back);
        assert_int_equal(inflateInit2(&z, coding == MR_CODING_GZIP ? 31 : 15), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END); /* checksum and length agree */
        assert_int_equal(z.total_out, sizes[i / 2]);
        assert_int_equal(z.avail_in, 0);
        assert_memory_equal(back, text, sizes[i / 2]);
        (void)inflateEnd(&z);
        mr_buf_free(&out);
    }
    mr__core_deinit(&srv);
}

/* A broadcast to pollers is compressed once; and a turn of the loop has its bound. */
static void test_bounds(void **state)
{
    static char text[MR_DEFLATE_BYTES_MAX];
    struct mr_server srv;
    size_t n = 0;

    (void)state;
    assert_int_equal(mr__core_init(&srv, NULL), MR_OK);
    for (int i = 0; i < 100; i++) {
        struct mr_buf out = MR_BUF_INIT(SIZE_MAX);

        assert_true(mr__coding_apply(&srv, MR_CODING_GZIP, mr_span_of(text, sizeof(text)), &out));
        mr_buf_free(&out);
    }
    assert_int_equal(srv.deflated_bytes, sizeof(text));
    assert_int_equal(srv.stats.http_compressed, 100);
    for (;; n++) {
        struct mr_buf out = MR_BUF_INIT(SIZE_MAX);
        bool done;

        text[n]++; /* each is another */
        done = mr__coding_apply(&srv, MR_CODING_GZIP, mr_span_of(text, sizeof(text)), &out);
        mr_buf_free(&out);
        if (!done)
            break;
    }
    assert_int_equal(n, MR_DEFLATE_TURN_BYTES_MAX / sizeof(text) - 1);
    mr__core_deinit(&srv);
}

static void test_not_worth_it(void **state)
{
    static char noise[4096], large[MR_DEFLATE_BYTES_MAX + 1];
    struct mr_buf out = MR_BUF_INIT(SIZE_MAX);
    struct mr_server srv;
    uint32_t x = 1;

    (void)state;
    assert_int_equal(mr__core_init(&srv, NULL), MR_OK);
    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525u + 1013904223u;
        noise[i] = (char)(x >> 24);
    }
    for (enum mr_coding c = MR_CODING_NONE; c <= MR_CODING_GZIP; c++) {
        assert_false(mr__coding_apply(&srv, c, mr_span_of(noise, sizeof(noise)), &out));
        assert_false(mr__coding_apply(&srv, c, mr_span_of(large, sizeof(large)), &out));
        assert_false(mr__coding_apply(&srv, c, mr_span_of(noise, 3), &out));
        assert_false(mr__coding_apply(&srv, c, MR_SPAN_NONE, &out));
    }
    assert_int_equal(out.len, 0);
    assert_true(mr__coding_apply(&srv, MR_CODING_GZIP, mr_span_of(large, 1000), &out));
    mr_buf_free(&out);
    mr__core_deinit(&srv);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, rows_choices, test_choice);
    rows_add_one(&r, "text is worth compressing", test_types);
    rows_add_one(&r, "what is compressed can be read", test_round_trip);
    rows_add_one(&r, "what would not get smaller, or is too large, is left", test_not_worth_it);
    rows_add_one(&r, "a body is compressed once, a turn's worth at a time", test_bounds);
    return rows_run("io_http_coding", &r);
}
