/* test_base_uuid.c - ids are UUIDv7: well-formed, in order within a thread, never twice. Times are
 * written in RFC 3339. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/uuid.h"

#include <pthread.h>
#include <stdlib.h>

static int order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct mr_uuid));
}

static void an_id_has_its_time_version_and_variant(void **state)
{
    char text[MR_UUID_TEXT];

    (void)state;
    mr_uuid_format(mr_uuid7(0x0123456789ab), text);
    assert_int_equal(strlen(text), 36);
    assert_memory_equal(text, "01234567-89ab-7", 15);
    assert_non_null(strchr("89ab", text[19]));
    for (const char *c = text; *c; c++)
        assert_non_null(strchr("0123456789abcdef-", *c));
}

static void ids_rise_within_one_millisecond_and_when_the_clock_steps_back(void **state)
{
    struct mr_uuid last = mr_uuid7(0x0123456789ac), next;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        next = mr_uuid7(0x0123456789ac - i % 7);
        assert_true(order(&last, &next) < 0);
        last = next;
    }
    next = mr_uuid7(0x0123456789ad);
    assert_true(order(&last, &next) < 0);
}

#define EACH    200000
#define THREADS 4

static pthread_barrier_t all_there;

static void *make_ids(void *arg)
{
    struct mr_uuid *ids = arg;

    (void)pthread_barrier_wait(&all_there);
    for (int i = 0; i < EACH; i++)
        ids[i] = mr_uuid7(1000000);
    return NULL;
}

static void threads_never_make_the_same_id(void **state)
{
    static struct mr_uuid ids[THREADS * EACH];
    pthread_t t[THREADS];

    (void)state;
    assert_int_equal(pthread_barrier_init(&all_there, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, make_ids, &ids[i * EACH]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    pthread_barrier_destroy(&all_there);
    qsort(ids, THREADS * EACH, sizeof(*ids), order);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_int_not_equal(order(&ids[i - 1], &ids[i]), 0);
}

static void text_and_id_are_each_other_s_inverse(void **state)
{
    struct mr_uuid id = mr_uuid7(mr_wall_ms()), back;
    char text[MR_UUID_TEXT];

    (void)state;
    mr_uuid_format(id, text);
    assert_true(mr_uuid_parse(mr_span_str(text), &back));
    assert_memory_equal(&id, &back, sizeof(id));
    assert_true(mr_uuid_parse(MR_SPAN("0198F0C2-7B1E-7C3A-9D4E-0123456789AB"), &back));
    mr_uuid_format(back, text);
    assert_string_equal(text, "0198f0c2-7b1e-7c3a-9d4e-0123456789ab");
}

static void what_is_not_an_id_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "0198f0c2-7b1e-7c3a-9d4e-0123456789a",
        "0198f0c2-7b1e-7c3a-9d4e-0123456789abc",
        "0198f0c27b1e-7c3a-9d4e-0123456789ab-",
        "0198f0c2-7b1e-7c3a-9d4e-0123456789ag",
        "{198f0c2-7b1e-7c3a-9d4e-0123456789a}",
        "0198f0c2x7b1e-7c3a-9d4e-0123456789ab",
        "' OR 1=1 --------------------------'",
    };
    struct mr_uuid id;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (mr_uuid_parse(mr_span_str(bad[i]), &id))
            fail_msg("took \"%s\"", bad[i]);
}

static void times_are_rfc_3339(void **state)
{
    /* clang-format off */
    static const struct { int64_t us; const char *text; } rows[] = {
        {0,                   "1970-01-01T00:00:00.000000Z"},
        {1,                   "1970-01-01T00:00:00.000001Z"},
        {-1,                  "1969-12-31T23:59:59.999999Z"},
        {951827696123456,     "2000-02-29T12:34:56.123456Z"},
        {4107542399999999,    "2100-02-28T23:59:59.999999Z"},
        {4107542400000000,    "2100-03-01T00:00:00.000000Z"},
        {1795212613123456,    "2026-11-20T22:10:13.123456Z"},
        {253402300799999999,  "9999-12-31T23:59:59.999999Z"},
    }; /* clang-format on */
    char text[MR_TIME_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        mr_time_format(rows[i].us, text);
        assert_string_equal(text, rows[i].text);
    }
    mr_time_format(INT64_MAX, text); /* whatever it says, it fits */
    assert_int_equal(strlen(text), MR_TIME_TEXT - 1);
    mr_time_format(INT64_MIN, text);
    assert_int_equal(strlen(text), MR_TIME_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_has_its_time_version_and_variant),
        cmocka_unit_test(ids_rise_within_one_millisecond_and_when_the_clock_steps_back),
        cmocka_unit_test(threads_never_make_the_same_id),
        cmocka_unit_test(text_and_id_are_each_other_s_inverse),
        cmocka_unit_test(what_is_not_an_id_is_refused),
        cmocka_unit_test(times_are_rfc_3339),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
