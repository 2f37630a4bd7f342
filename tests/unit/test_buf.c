/* test_buf.c - a buffer's ceiling and its failures, which stick until somebody asks; the heap's
 * fault hook, which makes them happen.
 */
#include "rows.h"

#include "proto/alloc.h"

static void grows_to_its_ceiling(void **state)
{
    struct mr_buf b = MR_BUF_INIT(1000);

    (void)state;
    for (int i = 0; i < 1000; i++)
        mr_buf_add_char(&b, 'x');
    assert_int_equal(mr_buf_err(&b), MR_OK);
    assert_int_equal(b.len, 1000);
    mr_buf_add_char(&b, 'y');
    assert_int_equal(mr_buf_err(&b), MR_E_TOOBIG);
    assert_int_equal(b.len, 1000);
    mr_buf_free(&b);
}

static void refuses_what_does_not_fit_whole(void **state)
{
    struct mr_buf b = MR_BUF_INIT(5);

    (void)state;
    mr_buf_add_str(&b, "abc");
    mr_buf_add_str(&b, "def");
    assert_span(mr_buf_span(&b), MR_SPAN("abc"));
    mr_buf_add_char(&b, 'd'); /* would fit, but the failure came first */
    assert_span(mr_buf_span(&b), MR_SPAN("abc"));
    assert_int_equal(mr_buf_err(&b), MR_E_TOOBIG);
    assert_string_equal(mr_buf_cstr(&b), "");
    mr_buf_clear(&b);
    mr_buf_add_str(&b, "again");
    assert_int_equal(mr_buf_err(&b), MR_OK);
    assert_string_equal(mr_buf_cstr(&b), "again");
    mr_buf_free(&b);
}

static void never_splits_a_number(void **state)
{
    (void)state;
    for (size_t max = 0; max < 21; max++) {
        struct mr_buf b = MR_BUF_INIT(max);

        mr_buf_add_i64(&b, INT64_MIN);
        assert_int_equal(b.len, max < 20 ? 0 : 20);
        assert_int_equal(mr_buf_err(&b), max < 20 ? MR_E_TOOBIG : MR_OK);
        mr_buf_free(&b);
    }
}

static void writes_numbers_of_any_size(void **state)
{
    struct mr_buf b = MR_BUF_INIT(1000);

    (void)state;
    mr_buf_add_u64(&b, UINT64_MAX);
    mr_buf_add_char(&b, ' ');
    mr_buf_add_i64(&b, INT64_MIN);
    mr_buf_add_char(&b, ' ');
    mr_buf_add_i64(&b, INT64_MAX);
    mr_buf_add_char(&b, ' ');
    mr_buf_add_u64(&b, 0);
    mr_buf_addf(&b, " %s-%d", "f", -7);
    assert_string_equal(mr_buf_cstr(&b),
                        "18446744073709551615 -9223372036854775808 9223372036854775807 0 f--7");
    mr_buf_free(&b);
}

static void an_impossible_length_is_too_big_not_an_overflow(void **state)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);

    (void)state;
    mr_buf_add_char(&b, 'a');
    assert_int_equal(mr_buf_reserve(&b, SIZE_MAX), MR_E_TOOBIG);
    mr_buf_clear(&b);
    mr_buf_add_char(&b, 'a');
    assert_int_equal(mr_buf_reserve(&b, SIZE_MAX - 1), MR_E_TOOBIG);
    mr_buf_free(&b);
}

static void out_of_memory_appends_nothing_and_sticks(void **state)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);

    (void)state;
    mr_buf_add_str(&b, "kept");
    mr_alloc_fail_nth(1);
    for (int i = 0; i < 100; i++)
        mr_buf_add_char(&b, '.'); /* the one that has to grow fails, and all after it */
    assert_int_equal(mr_buf_err(&b), MR_E_NOMEM);
    assert_int_equal(b.len, 63);
    mr_alloc_fail_nth(0);
    mr_buf_clear(&b);
    mr_buf_addf(&b, "%0200d", 1);
    assert_int_equal(mr_buf_err(&b), MR_OK);
    assert_int_equal(b.len, 200);
    mr_buf_free(&b);
}

static void the_hook_fails_the_nth_allocation_once(void **state)
{
    void *p[4];

    (void)state;
    mr_alloc_fail_nth(3);
    p[0] = mr_alloc(1);
    p[1] = mr_zalloc(2, 3);
    p[2] = mr_strdup("third");
    p[3] = mr_strdup("fourth");
    assert_non_null(p[0]);
    assert_non_null(p[1]);
    assert_null(p[2]);
    assert_string_equal(p[3], "fourth");
    for (size_t i = 0; i < LEN(p); i++)
        mr_free(p[i]);
}

static void a_failed_resize_leaves_the_old_block(void **state)
{
    char *p = mr_memdup0("old\0block", 9);

    (void)state;
    assert_non_null(p);
    mr_alloc_fail_nth(1);
    assert_null(mr_realloc(p, 100));
    assert_memory_equal(p, "old\0block", 10);
    mr_free(p);
}

static void zeroed_memory_refuses_a_product_that_overflows(void **state)
{
    volatile size_t half = SIZE_MAX / 2;
    void *p = mr_zalloc(0, 8);

    (void)state;
    assert_non_null(p);
    mr_free(p);
    assert_null(mr_zalloc(half, 3));
}

static void an_error_has_a_name_a_text_and_a_status(void **state)
{
    (void)state;
    assert_string_equal(mr_err_name(MR_E_PROTO), "E_PROTO");
    assert_int_equal(mr_err_http(MR_E_TOOBIG), 413);
    assert_string_equal(mr_err_text(MR_OK), "ok");
    assert_int_equal(mr_err_http(-999), 500);
    assert_non_null(mr_err_text(12345));
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add_one(&r, "grows to its ceiling and not a byte further", grows_to_its_ceiling);
    rows_add_one(&r, "refuses what does not fit whole", refuses_what_does_not_fit_whole);
    rows_add_one(&r, "never splits a number at the ceiling", never_splits_a_number);
    rows_add_one(&r, "writes numbers of any size", writes_numbers_of_any_size);
    rows_add_one(&r, "an impossible length is too big, not an overflow",
                 an_impossible_length_is_too_big_not_an_overflow);
    rows_add_one(&r, "out of memory appends nothing and sticks",
                 out_of_memory_appends_nothing_and_sticks);
    rows_add_one(&r, "the hook fails the nth allocation, once",
                 the_hook_fails_the_nth_allocation_once);
    rows_add_one(&r, "a failed resize leaves the old block", a_failed_resize_leaves_the_old_block);
    rows_add_one(&r, "zeroed memory refuses a product that overflows",
                 zeroed_memory_refuses_a_product_that_overflows);
    rows_add_one(&r, "an error has a name, a text and an HTTP status",
                 an_error_has_a_name_a_text_and_a_status);
    return rows_run("buf", &r);
}
