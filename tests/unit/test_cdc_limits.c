/* test_cdc_limits.c - the Debezium reader at its edges: schemas stepped over blindly, nesting, op
 * codes of any spelling, the placeholder of unchanged large columns.
 */
#include "cdc_guarded.h"

#include "proto/alloc.h"
#include "proto/eio.h"
#include "proto/sio.h"

#define UNAVAILABLE "\"__debezium_unavailable_value\""

/* Brackets in strings, escaped quotes, backslashes at the end of strings: with others near, and
 * with so much plain text around that whole blocks have no backslash. The word at the end is no
 * JSON: so the record passes only if the schema was stepped over by its brackets alone. */
/* clang-format off */
#define DOTS "................................................................"
#define NUMBERS "0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4"
static const char difficult[] =
    "\"brackets\":\"}]{[\",\"quote\":\"\\\"}\",\"slash\":\"\\\\\",\"deep\":[{\"a\":[[],{}]}],"
    "\"long\":\"" DOTS "}}" DOTS "{{" DOTS "]" DOTS "\",\"numbers\":[" NUMBERS "],"
    "\"late\":\"\\\"}}" DOTS "}" DOTS "\",\"more\":[" NUMBERS "],\"odd\":\"\\\\\\\"}\",\"end\":[" NUMBERS "],\"no\":JSON";
/* clang-format on */

/* A schema is stepped over in blocks of 64 bytes: put its difficult places at every offset. */
static void a_schema_is_stepped_over_wherever_its_brackets_fall(void **state)
{
    struct mr_buf b = MR_BUF_INIT(10000);
    struct guards g = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    char reason[MR_CDC_REASON_MAX];
    struct mr_change c;

    (void)state;
    for (size_t pad = 0; pad < 200; pad++) {
        mr_buf_clear(&b);
        mr_buf_add_str(&b, "{\"schema\":{\"pad\":\"");
        for (size_t i = 0; i < pad; i++)
            mr_buf_add_char(&b, 'p');
        mr_buf_add_str(&b, "\",");
        mr_buf_add_str(&b, difficult);
        mr_buf_add_str(&b, "},\"payload\":{\"op\":\"d\",\"before\":{\"id\":7},\"source\":{}}}");
        assert_int_equal(read_guarded(&g, "x", MR_SPAN_NONE, mr_buf_span(&b), &c, reason), MR_OK);
        assert_int_equal(c.kind, MR_CHANGE_DELETE);
        assert_true(c.schema_wrapped);
        assert_span(c.before, MR_SPAN("{\"id\":7}"));
        for (size_t len = 0; pad % 50 == 0 && len < b.len; len++)
            assert_int_not_equal(
                read_guarded(&g, "x", MR_SPAN_NONE, mr_span_of(b.ptr, len), &c, reason), MR_OK);
    }
    mr_buf_free(&b);
    free_guards(&g);
}

/* Nests a bracket n deep at the mark in a record; the record's own levels come on top. */
static int read_nested(const char *before, int n, const char *after, char *reason)
{
    struct mr_buf b = MR_BUF_INIT(10000);
    struct guards g = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct mr_change c;
    int rc;

    mr_buf_add_str(&b, before);
    for (int i = 0; i < n; i++)
        mr_buf_add_char(&b, '[');
    for (int i = 0; i < n; i++)
        mr_buf_add_char(&b, ']');
    mr_buf_add_str(&b, after);
    rc = read_guarded(&g, "x", MR_SPAN_NONE, mr_buf_span(&b), &c, reason);
    mr_buf_free(&b);
    free_guards(&g);
    return rc;
}

static void nesting_over_64_is_refused_everywhere(void **state)
{
    /* clang-format off */
    static const struct {
        const char *before, *after;
        int own; /* levels of the record itself around the mark */
    } places[] = {
        {"{\"op\":\"c\",\"after\":", ",\"source\":{}}", 1},
        {"{\"op\":\"c\",\"after\":{},\"source\":{\"x\":", "}}", 2},
        {"{\"schema\":null,\"payload\":{\"op\":\"c\",\"source\":{},\"after\":", "}}", 2},
        {"{\"schema\":{\"x\":", "},\"payload\":{\"op\":\"c\",\"source\":{},\"after\":{}}}", 2},
        {"{\"id\":1,\"x\":", "}", 1},
    };
    /* clang-format on */
    char reason[MR_CDC_REASON_MAX];

    (void)state;
    for (size_t i = 0; i < LEN(places); i++) {
        int most = MR_JSON_DEPTH_MAX - places[i].own;

        assert_int_equal(read_nested(places[i].before, most, places[i].after, reason), MR_OK);
        assert_int_equal(read_nested(places[i].before, most + 1, places[i].after, reason),
                         MR_E_TOOBIG);
        assert_non_null(strstr(reason, "value: nested deeper than 64 levels"));
    }
}

struct op_row {
    const char *name, *op;
    enum mr_change_kind kind;
};

static const struct op_row ops[] = {
    {"c creates", "c", MR_CHANGE_INSERT},
    {"r reads a snapshot", "r", MR_CHANGE_INSERT},
    {"i is an old c", "i", MR_CHANGE_INSERT},
    {"capitals and blanks do not matter", " Insert ", MR_CHANGE_INSERT},
    {"create in capitals", "CREATE", MR_CHANGE_INSERT},
    {"read", "read", MR_CHANGE_INSERT},
    {"u updates", "u", MR_CHANGE_UPDATE},
    {"U updates", "U", MR_CHANGE_UPDATE},
    {"update", "update", MR_CHANGE_UPDATE},
    {"d deletes", "d", MR_CHANGE_DELETE},
    {"delete", "Delete", MR_CHANGE_DELETE},
    {"remove", "remove", MR_CHANGE_DELETE},
    {"t truncates", "t", MR_CHANGE_TRUNCATE},
    {"truncate", "truncate", MR_CHANGE_TRUNCATE},
    {"m is a message", "m", MR_CHANGE_MESSAGE},
    {"message", "message", MR_CHANGE_MESSAGE},
    {"no op is not guessed", "", MR_CHANGE_OTHER},
    {"blanks alone are not guessed", "  ", MR_CHANGE_OTHER},
    {"an unknown letter is not guessed", "x", MR_CHANGE_OTHER},
    {"upsert is not guessed", "upsert", MR_CHANGE_OTHER},
};

static void check_op(void **state)
{
    const struct op_row *row = *state;

    assert_int_equal(mr_cdc_kind(mr_span_str(row->op)), row->kind);
}

static void the_placeholder_is_known_in_each_of_its_spellings(void **state)
{
    /* clang-format off */
    static const struct {
        const char *value;
        bool want;
    } values[] = {
        {UNAVAILABLE, true},
        {"\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"", true},
        {"\"5f5f646562657a69756d5f756e617661696c61626c655f76616c7565\"", true},
        {"[" UNAVAILABLE "]", true},
        {"[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]", true},
        {"[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117]", false},
        {"[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101,0]", false},
        {"[" UNAVAILABLE "," UNAVAILABLE "]", false},
        {"[1," UNAVAILABLE "]", false},
        {"\"x__debezium_unavailable_value\"", false},
        {"[]", false}, {"null", false}, {"1", false}, {"", false}, {"[" UNAVAILABLE, false},
    };
    /* clang-format on */
    struct guard g = {NULL, 0};

    (void)state;
    for (size_t i = 0; i < LEN(values); i++)
        assert_int_equal(mr_cdc_unavailable(guard_copy(&g, mr_span_str(values[i].value))),
                         values[i].want);
    guard_free(&g);
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < MR_CHANGE_KINDS; i++)
        assert_non_null(mr_cdc_kind_name((enum mr_change_kind)i));
    assert_string_equal(mr_cdc_kind_name(MR_CHANGE_INSERT), "insert");
    assert_true(MR_CHANGE_IS_EVENT(MR_CHANGE_OTHER));
    assert_false(MR_CHANGE_IS_EVENT(MR_CHANGE_TOMBSTONE));
}

/* The hook fails the next allocation: were a decoder to make one, it would not be armed any more.
 */
static void decoders_allocate_nothing(void **state)
{
    struct mr_span body = MR_SPAN("4a\036bAQ==");
    char reason[MR_CDC_REASON_MAX];
    struct mr_eio_packet eio;
    struct mr_sio_packet sio;
    struct mr_change c;
    struct mr_span value;

    (void)state;
    mr_alloc_fail_nth(1);
    assert_int_equal(mr_cdc_read(MR_SPAN("x"), MR_SPAN("{\"id\":1}"),
                                 MR_SPAN("{\"schema\":{},\"payload\":{\"op\":\"c\",\"source\":{},"
                                         "\"after\":{\"a\":\"\\u00e9\"}}}"),
                                 &c, reason),
                     MR_OK);
    assert_int_equal(mr_cdc_read(MR_SPAN("x"), MR_SPAN_NONE, MR_SPAN("[x"), &c, reason),
                     MR_E_PROTO);
    assert_int_equal(
        mr_sio_decode(MR_SPAN("51-/a,7[\"e\",{\"_placeholder\":true,\"num\":0}]"), &sio), MR_OK);
    assert_int_equal(mr_eio_next(&body, &eio), MR_OK);
    assert_int_equal(mr_eio_next(&body, &eio), MR_OK);
    assert_int_equal(mr_json_check(MR_SPAN("{\"a\":[1,\"b\\n\"]}"), &value), MR_OK);
    assert_int_equal(mr_json_get(value, "a", &value), MR_OK);
    assert_null(mr_alloc(1));
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, ops, check_op);
    rows_add_one(&r, "a schema is stepped over wherever its brackets fall",
                 a_schema_is_stepped_over_wherever_its_brackets_fall);
    rows_add_one(&r, "nesting over 64 levels is refused everywhere",
                 nesting_over_64_is_refused_everywhere);
    rows_add_one(&r, "the placeholder is known in each of its spellings",
                 the_placeholder_is_known_in_each_of_its_spellings);
    rows_add_one(&r, "every kind has a name", every_kind_has_a_name);
    rows_add_one(&r, "decoders allocate nothing", decoders_allocate_nothing);
    return rows_run("cdc_limits", &r);
}
