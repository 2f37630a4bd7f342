/* test_io_query.c - the query of a request: its parameters, encoded or not. */
#include "millrace/query.h"
#include "rows.h"

static void walks_parameters_in_order_and_skips_empty_ones(void **state)
{
    struct mr_span query = MR_SPAN("a=1&&b&=x&c=2=3&"), name, value;
    static const char *const want[][2] = {{"a", "1"}, {"b", ""}, {"", "x"}, {"c", "2=3"}};
    size_t n = 0;

    (void)state;
    while (mr_query_next(&query, &name, &value)) {
        assert_true(n < 4);
        assert_true(mr_span_is(name, want[n][0]));
        assert_true(mr_span_is(value, want[n][1]));
        n++;
    }
    assert_int_equal(n, 4);
}

static void decodes_escapes_and_plus_signs(void **state)
{
    char out[32];

    (void)state;
    assert_int_equal(mr_query_decode(MR_SPAN("%26a%3d+b"), out, sizeof(out)), 5);
    assert_string_equal(out, "&a= b");
    assert_int_equal(mr_query_decode(MR_SPAN("%E2%82%aC"), out, sizeof(out)), 3);
    assert_string_equal(out, "\xe2\x82\xac");
    assert_int_equal(mr_query_decode(MR_SPAN_NONE, out, sizeof(out)), 0);
}

static void refuses_broken_escapes_and_what_does_not_fit(void **state)
{
    static const char *const broken[] = {"%", "%4", "%4g", "%g4", "a%2"};
    char out[4];

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(mr_query_decode(mr_span_str(broken[i]), out, sizeof(out)), MR_E_PROTO);
    assert_int_equal(mr_query_decode(MR_SPAN("abc"), out, sizeof(out)), 3);
    assert_int_equal(mr_query_decode(MR_SPAN("abcd"), out, sizeof(out)), MR_E_TOOBIG);
    assert_int_equal(mr_query_decode(MR_SPAN_NONE, out, 0), MR_E_TOOBIG);
}

static void finds_the_first_of_a_name_however_it_is_encoded(void **state)
{
    char out[16];

    (void)state;
    assert_int_equal(mr_query_param(MR_SPAN("x=1&%61b=two&ab=3"), "ab", out, sizeof(out)), 3);
    assert_string_equal(out, "two");
    assert_int_equal(mr_query_param(MR_SPAN("x=1"), "ab", out, sizeof(out)), MR_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_parameters_in_order_and_skips_empty_ones),
        cmocka_unit_test(decodes_escapes_and_plus_signs),
        cmocka_unit_test(refuses_broken_escapes_and_what_does_not_fit),
        cmocka_unit_test(finds_the_first_of_a_name_however_it_is_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
