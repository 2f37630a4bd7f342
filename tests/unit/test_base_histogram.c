/* test_base_histogram.c - buckets that touch, an eighth wide at most, and what percentiles say. */
#include "base/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void buckets_touch_and_are_narrow(void **state)
{
    (void)state;
    assert_int_equal(mr_histogram_floor(0), 0);
    for (size_t i = 0; i + 1 < MR_HISTOGRAM_BUCKETS; i++) {
        uint64_t from = mr_histogram_floor(i), to = mr_histogram_floor(i + 1);

        assert_true(to > from);
        assert_true(from < 16 ? to - from == 1 : (to - from) * 8 <= from);
        assert_int_equal(mr_histogram_bucket(from), i);
        assert_int_equal(mr_histogram_bucket(to - 1), i);
    }
    assert_int_equal(mr_histogram_bucket(UINT64_MAX), MR_HISTOGRAM_BUCKETS - 1);
}

static void quantiles_are_within_an_eighth(void **state)
{
    int64_t counts[MR_HISTOGRAM_BUCKETS] = {0};

    (void)state;
    assert_true(mr_histogram_quantile(counts, MR_HISTOGRAM_BUCKETS, 0.5) < 0);
    for (uint64_t v = 1; v <= 1000; v++)
        counts[mr_histogram_bucket(v)]++;
    for (int part = 1; part < 100; part++) {
        double v = mr_histogram_quantile(counts, MR_HISTOGRAM_BUCKETS, part / 100.0);

        assert_true(v >= part * 10 * 0.875 && v <= part * 10 * 1.125);
    }
}

static void a_single_value_is_itself_where_buckets_are_exact(void **state)
{
    int64_t counts[MR_HISTOGRAM_BUCKETS] = {0};

    (void)state;
    counts[mr_histogram_bucket(7)] = 5;
    assert_true(mr_histogram_quantile(counts, MR_HISTOGRAM_BUCKETS, 0.99) == 7);
}

static void merging_is_adding(void **state)
{
    int64_t a[MR_HISTOGRAM_BUCKETS] = {0}, b[MR_HISTOGRAM_BUCKETS] = {0},
            both[MR_HISTOGRAM_BUCKETS] = {0};

    (void)state;
    for (uint64_t v = 0; v < 500; v++)
        (v % 2 ? a : b)[mr_histogram_bucket(v * v)]++;
    for (size_t i = 0; i < MR_HISTOGRAM_BUCKETS; i++)
        both[i] = a[i] + b[i];
    memset(a, 0, sizeof(a));
    for (uint64_t v = 0; v < 500; v++)
        a[mr_histogram_bucket(v * v)]++;
    assert_memory_equal(a, both, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_touch_and_are_narrow),
        cmocka_unit_test(quantiles_are_within_an_eighth),
        cmocka_unit_test(a_single_value_is_itself_where_buckets_are_exact),
        cmocka_unit_test(merging_is_adding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
