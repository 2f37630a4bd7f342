/* test_io_sized.c - a program and a library of different versions: structs that grew at their ends.
 */
#include "rows.h"

#include "io/sized.h"
#include "millrace/version.h"

struct small {
    int a, b;
};
struct large {
    int a, b, c;
};

static void an_older_programs_struct_is_filled_up_with_zeros(void **state)
{
    struct large got = {9, 9, 9};

    (void)state;
    assert_int_equal(mr__sized_in(&got, sizeof(got), &(struct small){1, 2}, sizeof(struct small)),
                     MR_OK);
    assert_int_equal(got.a * 100 + got.b * 10 + got.c, 120);
}

static void a_newer_programs_struct_is_taken_if_what_is_new_is_not_used(void **state)
{
    struct small got;

    (void)state;
    assert_int_equal(
        mr__sized_in(&got, sizeof(got), &(struct large){1, 2, 0}, sizeof(struct large)), MR_OK);
    assert_int_equal(got.a * 10 + got.b, 12);
    assert_int_equal(
        mr__sized_in(&got, sizeof(got), &(struct large){1, 2, 3}, sizeof(struct large)),
        MR_E_INVAL);
}

static void figures_fill_what_the_program_knows(void **state)
{
    struct small few = {9, 9};
    struct large many = {9, 9, 9};

    (void)state;
    mr__sized_out(&few, sizeof(few), &(struct large){1, 2, 3}, sizeof(struct large));
    assert_int_equal(few.a * 10 + few.b, 12);
    mr__sized_out(&many, sizeof(many), &(struct small){1, 2}, sizeof(struct small));
    assert_int_equal(many.a * 100 + many.b * 10 + many.c, 120);
}

static void the_library_says_the_version_that_was_built(void **state)
{
    (void)state;
    assert_string_equal(mr_version(), MILLRACE_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_programs_struct_is_filled_up_with_zeros),
        cmocka_unit_test(a_newer_programs_struct_is_taken_if_what_is_new_is_not_used),
        cmocka_unit_test(figures_fill_what_the_program_knows),
        cmocka_unit_test(the_library_says_the_version_that_was_built),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
