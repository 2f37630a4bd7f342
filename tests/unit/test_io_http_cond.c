/* test_io_http_cond.c - dates, preconditions and ranges. */
#include "rows.h"

#include "io/http_cond.h"
#include "io/http_date.h"

#include <stdio.h>

#define NOON  "Sun, 06 Nov 1994 12:00:00 GMT"
#define LATER "Sun, 06 Nov 1994 12:00:01 GMT"

struct row {
    const char *name;
    const char *fields; /* of a GET of 100 bytes with the tag "a", changed at NOON */
    const char *want;
};

/* clang-format off */
static const struct row rows_requests[] = {
    {"unconditional",                       "",                                   "200"},
    {"the tag is known",                    "N\"a\"",                             "304"},
    {"as a weak one",                       "NW/\"a\"",                           "304"},
    {"among others",                        "N\"b\", W/\"c\" ,\"a\"",             "304"},
    {"another tag",                         "N\"b\"",                             "200"},
    {"any tag",                             "N*",                                 "304"},
    {"a comma inside a tag",                "N\"b,\"a\"",                         "200"},
    {"no tags at all",                      "Na, \"a\"",                          "200"},
    {"a tag without an end",                "N\"a",                               "200"},
    {"unchanged since",                     "M" NOON,                             "304"},
    {"changed since",                       "MSun, 06 Nov 1994 11:59:59 GMT",     "200"},
    {"a date that is none",                 "Myesterday",                         "200"},
    {"the tag decides before the date",     "N\"b\"|M" NOON,                      "200"},
    {"the tag must be",                     "I\"a\"",                             "200"},
    {"and is not",                          "I\"b\"",                             "412"},
    {"weak ones never match here",          "IW/\"a\"",                           "412"},
    {"any will do",                         "I*",                                 "200"},
    {"not changed since",                   "U" NOON,                             "200"},
    {"but it was",                          "USun, 06 Nov 1994 11:59:59 GMT",     "412"},
    {"a range",                             "Rbytes=10-19",                       "206 10+10"},
    {"to the end",                          "Rbytes=90-",                         "206 90+10"},
    {"past the end",                        "Rbytes=90-200",                      "206 90+10"},
    {"the last bytes",                      "Rbytes=-5",                          "206 95+5"},
    {"more last bytes than there are",      "Rbytes=-500",                        "206 0+100"},
    {"one byte",                            "Rbytes=0-0",                         "206 0+1"},
    {"the last one",                        "Rbytes=99-99",                       "206 99+1"},
    {"numbers beyond measure",              "Rbytes=1-99999999999999999999999999","206 1+99"},
    {"behind the end",                      "Rbytes=100-",                        "416"},
    {"far behind the end",                  "Rbytes=99999999999999999999999-",    "416"},
    {"the last none",                       "Rbytes=-0",                          "416"},
    {"backwards",                           "Rbytes=5-4",                         "200"},
    {"several ranges",                      "Rbytes=0-1,5-6",                     "200"},
    {"another unit",                        "Rlines=0-1",                         "200"},
    {"no numbers",                          "Rbytes=-",                           "200"},
    {"a word",                              "Rbytes=a-b",                         "200"},
    {"of what the client has",              "Rbytes=0-1|F\"a\"",                  "206 0+2"},
    {"of something else",                   "Rbytes=0-1|F\"b\"",                  "200"},
    {"a weak tag holds nothing",            "Rbytes=0-1|FW/\"a\"",                "200"},
    {"of that date",                        "Rbytes=0-1|F" NOON,                  "206 0+2"},
    {"of another date",                     "Rbytes=0-1|F" LATER,                 "200"},
    {"known, range or not",                 "N\"a\"|Rbytes=0-1",                  "304"},
}; /* clang-format on */

static void test_request(void **state)
{
    const struct row *row = *state;
    struct mr_cond cond = {.range = MR_SPAN_NONE};
    struct mr_range part;
    char got[64];
    int64_t noon;
    int status;

    for (const char *at = row->fields; *at != '\0';) {
        size_t len = strcspn(at, "|");
        struct mr_span value = mr_span_of(at + 1, len - 1);

        switch (*at) {
        case 'N':
            cond.if_none_match = value;
            break;
        case 'M':
            cond.if_modified_since = value;
            break;
        case 'I':
            cond.if_match = value;
            break;
        case 'U':
            cond.if_unmodified_since = value;
            break;
        case 'F':
            cond.if_range = value;
            break;
        default:
            cond.range = value;
        }
        at += len + (at[len] == '|');
    }
    assert_int_equal(mr__date_parse(MR_SPAN(NOON), &noon), MR_OK);
    status = mr__cond_status(&cond, MR_SPAN("\"a\""), noon, 100, true, &part);
    if (status == 206)
        (void)snprintf(got, sizeof(got), "206 %d+%d", (int)part.from, (int)part.len);
    else
        (void)snprintf(got, sizeof(got), "%d", status);
    assert_string_equal(got, row->want);
    if (status == 206)
        assert_int_equal(mr__cond_status(&cond, MR_SPAN("\"a\""), noon, 100, false, &part), 200);
}

static void test_empty(void **state)
{
    static const char *const ranges[] = {"bytes=0-", "bytes=-1", "bytes=0-0"};
    struct mr_range part;

    (void)state;
    for (size_t i = 0; i < LEN(ranges); i++) {
        struct mr_cond cond = {.range = mr_span_str(ranges[i])};

        assert_int_equal(mr__cond_status(&cond, MR_SPAN("\"a\""), 0, 0, true, &part), 416);
    }
}

static void test_dates(void **state)
{
    static const char *const bad[] = {"",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Sun Nov  6 08:49:37 1994",
                                      "Mon, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 31 Feb 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:00:00 GMT",
                                      "Sun, 06 nov 1994 08:49:37 GMT",
                                      "Sun, +6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT "};
    static const int64_t times[] = {0, 784111777, 951782400, 4102444800, 253402300799};
    char text[MR_DATE_SIZE];
    int64_t t;

    (void)state;
    for (size_t i = 0; i < LEN(times); i++) {
        mr__date_text(times[i], text);
        assert_int_equal(mr__date_parse(mr_span_str(text), &t), MR_OK);
        assert_int_equal(t, times[i]);
    }
    mr__date_text(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(mr__date_parse(mr_span_str(bad[i]), &t), MR_E_PROTO);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, rows_requests, test_request);
    rows_add_one(&r, "of nothing there is no part", test_empty);
    rows_add_one(&r, "dates in the one form, and no other", test_dates);
    return rows_run("io_http_cond", &r);
}
