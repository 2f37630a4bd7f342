/* test_b64_utf8.c - which bytes are base64 and which are UTF-8, row by row, at every alignment. */
#include "guard.h"
#include "rows.h"

#include "proto/b64.h"
#include "proto/utf8.h"

struct b64_row {
    const char *name;
    struct mr_span text, bytes; /* bytes.ptr NULL: not valid */
};

/* clang-format off */
static const struct b64_row b64_rows[] = {
    {"nothing is valid and stands for nothing", TEXT(""), TEXT("")},
    {"one byte takes two digits and two pads", TEXT("Zg=="), TEXT("f")},
    {"two bytes take three digits and a pad", TEXT("Zm8="), TEXT("fo")},
    {"three bytes take four digits", TEXT("Zm9v"), TEXT("foo")},
    {"NULs and high bytes come through", TEXT("AP8Q"), TEXT("\0\377\020")},
    {"the last two letters are + and /", TEXT("+/+/"), TEXT("\373\377\277")},
    {"a length that is not a multiple of four", TEXT("Zm9"), {NULL, 0}},
    {"a lone pad", TEXT("="), {NULL, 0}},
    {"nothing but padding", TEXT("===="), {NULL, 0}},
    {"three pads", TEXT("Z==="), {NULL, 0}},
    {"padding in the middle", TEXT("Zg==Zg=="), {NULL, 0}},
    {"a pad before a digit", TEXT("Zg=v"), {NULL, 0}},
    {"bits under the padding of one byte", TEXT("Zh=="), {NULL, 0}},
    {"bits under the padding of two bytes", TEXT("Zm9="), {NULL, 0}},
    {"white space", TEXT("Zm9v\n"), {NULL, 0}},
    {"the URL alphabet", TEXT("-_-_"), {NULL, 0}},
    {"a NUL among the digits", TEXT("Zm\0v"), {NULL, 0}},
    {"a high byte among the digits", TEXT("Zm\351v"), {NULL, 0}},
};

struct utf8_row {
    const char *name;
    struct mr_span text;
    size_t valid; /* bytes */
};

static const struct utf8_row utf8_rows[] = {
    {"nothing", TEXT(""), 0},
    {"ASCII with a NUL", TEXT("a\0b"), 3},
    {"two, three and four bytes", TEXT("\xc3\xbc\xe6\x97\xa5\xf0\x9f\x98\x80"), 9},
    {"the last code point", TEXT("\xf4\x8f\xbf\xbf"), 4},
    {"the first above the last code point", TEXT("\xf4\x90\x80\x80"), 0},
    {"the last before the surrogates", TEXT("\xed\x9f\xbf"), 3},
    {"a surrogate", TEXT("a\xed\xa0\x80"), 1},
    {"the first after the surrogates", TEXT("\xee\x80\x80"), 3},
    {"an overlong slash of two bytes", TEXT("\xc0\xaf"), 0},
    {"an overlong form of three bytes", TEXT("\xe0\x9f\xbf"), 0},
    {"the shortest three-byte form", TEXT("\xe0\xa0\x80"), 3},
    {"an overlong form of four bytes", TEXT("\xf0\x8f\xbf\xbf"), 0},
    {"the shortest four-byte form", TEXT("\xf0\x90\x80\x80"), 4},
    {"a tail without a lead", TEXT("ab\x80"), 2},
    {"a lead without a tail", TEXT("ab\xc3"), 2},
    {"a lead followed by ASCII", TEXT("\xc3z"), 0},
    {"a third byte that is no tail", TEXT("\xe6\x97z"), 0},
    {"a fourth byte that is no tail", TEXT("\xf0\x9f\x98z"), 0},
    {"five-byte forms of old", TEXT("\xf8\x88\x80\x80\x80"), 0},
    {"a byte that is never used", TEXT("\xff"), 0},
};
/* clang-format on */

static void check_b64(void **state)
{
    const struct b64_row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf out = MR_BUF_INIT(100);
    struct mr_span text = guard_copy(&g, row->text);
    const bool valid = row->bytes.ptr != NULL;

    assert_int_equal(mr_b64_valid(text), valid);
    assert_int_equal(mr_b64_decode(text, &out), valid ? MR_OK : MR_E_PROTO);
    if (valid) {
        assert_span(mr_buf_span(&out), row->bytes);
        mr_buf_clear(&out);
        mr_b64_encode(guard_copy(&g, row->bytes), &out);
        assert_span(mr_buf_span(&out), row->text);
    }
    mr_buf_free(&out);
    guard_free(&g);
}

static void every_length_survives_the_round_trip(void **state)
{
    struct guard g = {NULL, 0};
    char bytes[70];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 89 + 200);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct mr_buf text = MR_BUF_INIT(1000), back = MR_BUF_INIT(len);

        mr_b64_encode(guard_copy(&g, mr_span_of(bytes, len)), &text);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_int_equal(mr_b64_decode(guard_copy(&g, mr_buf_span(&text)), &back), MR_OK);
        assert_span(mr_buf_span(&back), mr_span_of(bytes, len));
        mr_buf_free(&text);
        mr_buf_free(&back);
    }
    guard_free(&g);
}

/* What clients send: Java's ends its lines, others leave the padding out or write it for URLs. */
static void other_spellings_are_read(void **state)
{
    static const struct {
        struct mr_span text, bytes;
    } rows[] = {
        {TEXT("AQID\n"), TEXT("\x01\x02\x03")},
        {TEXT("AQ\r\nID BA\t==\n"), TEXT("\x01\x02\x03\x04")},
        {TEXT("AQ"), TEXT("\x01")},
        {TEXT("AQI"), TEXT("\x01\x02")},
        {TEXT("-_-_"), TEXT("\xfb\xff\xbf")},
        {TEXT(""), TEXT("")},
        {TEXT("\n"), TEXT("")},
        {TEXT("A"), {NULL, 0}},
        {TEXT("AQIDB"), {NULL, 0}},
        {TEXT("AQ="), {NULL, 0}},
        {TEXT("AQ==="), {NULL, 0}},
        {TEXT("="), {NULL, 0}},
        {TEXT("AQ==AQ=="), {NULL, 0}},
        {TEXT("AQ\x01I"), {NULL, 0}},
        {TEXT("AQ.D"), {NULL, 0}},
    };
    struct guard g = {NULL, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mr_span text = guard_copy(&g, rows[i].text);
        struct mr_buf out = MR_BUF_INIT(100);
        int rc = rows[i].bytes.ptr != NULL ? MR_OK : MR_E_PROTO;

        if (mr_b64_read(text, NULL) != rc || mr_b64_read(text, &out) != rc)
            fail_msg("row %zu", i);
        if (rc == MR_OK)
            assert_span(mr_buf_span(&out), rows[i].bytes);
        mr_buf_free(&out);
    }
    guard_free(&g);
}

static void decoding_stops_at_the_ceiling(void **state)
{
    struct mr_buf out = MR_BUF_INIT(2);

    (void)state;
    assert_int_equal(mr_b64_decode(MR_SPAN("Zm9v"), &out), MR_E_TOOBIG);
    assert_int_equal(out.len, 0);
    mr_buf_free(&out);
}

/* Each row again behind 0 to 40 letters, since ASCII is skipped in blocks. */
static void check_utf8(void **state)
{
    const struct utf8_row *row = *state;
    struct guard g = {NULL, 0};

    for (size_t lead = 0; lead <= 40; lead++) {
        struct mr_buf text = MR_BUF_INIT(1000);

        for (size_t i = 0; i < lead; i++)
            mr_buf_add_char(&text, 'x');
        mr_buf_add_span(&text, row->text);
        assert_int_equal(mr_utf8_valid_len(guard_copy(&g, mr_buf_span(&text))), lead + row->valid);
        if (row->valid == row->text.len) {
            mr_buf_add_str(&text, "and a tail of ASCII");
            assert_int_equal(mr_utf8_valid_len(guard_copy(&g, mr_buf_span(&text))), text.len);
        }
        mr_buf_free(&text);
    }
    guard_free(&g);
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, b64_rows, check_b64);
    rows_add_one(&r, "every length survives the round trip", every_length_survives_the_round_trip);
    rows_add_one(&r, "other spellings are read", other_spellings_are_read);
    rows_add_one(&r, "decoding stops at the ceiling", decoding_stops_at_the_ceiling);
    rows_add(&r, utf8_rows, check_utf8);
    return rows_run("b64_utf8", &r);
}
