/* test_api_encode.c - entity tags: what If-Match and If-None-Match say of a version and a body. */
#include "rows.h"

#include "api/encode.h"

static const struct tag_row {
    const char *name, *list;
    bool version, body; /* does it name them? the version is 0x2a, the body {"a":1} */
} tags[] = {
    {"the tag itself", "\"2a-8ac1a7be1c4c3a3e\"", true, false},
    {"any", "*", true, true},
    {"any among others", "\"x\" , *", true, true},
    {"nothing", "", false, false},
    {"another version", "\"2b-0000000000000000\"", false, false},
    {"a longer version", "\"2a1-0000000000000000\"", false, false},
    {"a weak one counts for what is read alone", "W/\"2a-0000000000000000\"", false, false},
    {"without quotes", "2a-0000000000000000", false, false},
    {"an open quote", "\"2a", false, false},
    {"commas only", ",,, ,", false, false},
};

static void names(void **state)
{
    const struct tag_row *row = *state;
    char etag[MR_ETAG_MAX];

    mr_etag_make(0x2a, MR_SPAN("{\"a\":1}"), etag);
    assert_int_equal(mr_etag_lists_version(mr_span_str(row->list), 0x2a), row->version);
    assert_int_equal(mr_etag_lists(mr_span_str(row->list), etag), row->body);
}

static void names_itself(void **state)
{
    char etag[MR_ETAG_MAX], list[3 * MR_ETAG_MAX];

    (void)state;
    mr_etag_make(7, MR_SPAN("x"), etag);
    assert_true(mr_etag_lists(mr_span_str(etag), etag));
    (void)snprintf(list, sizeof(list), "\"a\", W/%s", etag);
    assert_true(mr_etag_lists(mr_span_str(list), etag));
    (void)snprintf(list, sizeof(list), "%.*sg\"", (int)strlen(etag) - 1, etag);
    assert_true(mr_etag_lists(mr_span_str(list), etag));
    (void)snprintf(list, sizeof(list), "%.*sh\"", (int)strlen(etag) - 1, etag);
    assert_false(mr_etag_lists(mr_span_str(list), etag));
}

static void differs(void **state)
{
    char a[MR_ETAG_MAX], b[MR_ETAG_MAX];

    (void)state;
    mr_etag_make(1, MR_SPAN("{}"), a);
    mr_etag_make(1, MR_SPAN("{ }"), b);
    assert_string_not_equal(a, b);
    mr_etag_make(2, MR_SPAN("{}"), b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    static struct rows all;

    rows_add(&all, tags, names);
    rows_add_one(&all, "a tag is named by itself, weak or packed", names_itself);
    rows_add_one(&all, "another body or version has another tag", differs);
    return rows_run("encode", &all);
}
