/* test_stream_position.c - where a subscriber stands decides what it gets next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "stream/position.h"
#include "stream/stream.h"

static void test_steps(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        int64_t at, delivered, ring_first;
        bool congested;
        enum mr_position_step want;
    } rows[] = {
        {"level with the rooms: live",                       10, 10, 8, false, MR_STEP_LIVE},
        {"a page newer than the rooms: live already",        12, 10, 8, false, MR_STEP_LIVE},
        {"level but congested: nothing is due yet",          10, 10, 8, true,  MR_STEP_LIVE},
        {"behind and congested: waits for the drain",         5, 10, 8, true,  MR_STEP_WAIT},
        {"its next one is the oldest in memory: memory",      7, 10, 8, false, MR_STEP_RING},
        {"its next one has left memory: the log",             6, 10, 8, false, MR_STEP_READ},
        {"nothing in memory: the log",                        9, 10, 11, false, MR_STEP_READ},
        {"an empty log: live",                                0,  0, 1, false, MR_STEP_LIVE},
    }; /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (mr_position_next(rows[i].at, rows[i].delivered, rows[i].ring_first,
                             rows[i].congested) != rows[i].want)
            fail_msg("%s", rows[i].name);
}

static void test_gap(void **state)
{
    int64_t from, to;

    (void)state;
    assert_false(mr_position_gap(9, 10, 20, &from, &to)); /* its next one is the oldest kept */
    assert_false(mr_position_gap(15, 10, 20, &from, &to));
    assert_true(mr_position_gap(5, 10, 20, &from, &to));
    assert_int_equal(from, 6);
    assert_int_equal(to, 9);
    assert_true(mr_position_gap(5, 0, 20, &from, &to)); /* everything was dropped */
    assert_int_equal(to, 20);
    assert_false(mr_position_gap(0, 0, 0, &from, &to)); /* nothing was ever logged */
}

static void test_batches_are_old_next_or_early(void **state)
{
    (void)state;
    assert_int_equal(mr_batch_placed(10, 5, 10), MR_BATCH_OLD);
    assert_int_equal(mr_batch_placed(10, 11, 20), MR_BATCH_NEXT);
    assert_int_equal(mr_batch_placed(10, 8, 12), MR_BATCH_NEXT); /* overlaps: the rest is new */
    assert_int_equal(mr_batch_placed(10, 12, 20), MR_BATCH_EARLY);
}

#define ID "0198f0c2-7b1e-7c3a-9d4e-0123456789ab"

static void test_what_a_client_may_ask_for(void **state)
{
    /* clang-format off */
    static const struct {
        const char *args;
        int rc;
    } rows[] = {
        {"\"" ID "\"",                                                           MR_OK},
        {"\"" ID "\",{\"x\":1}",                                                 MR_OK},
        {"{\"pipeline_id\":\"" ID "\"}",                                         MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"after\":7,\"batch_ms\":50}",             MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"after\":null}",                          MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"event_types\":[\"INSERT\",\"delete\"]}", MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"tables\":[\"orders\",\"public.x\"]}",    MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"newer_option\":1}",                      MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"since\":1763729112000}",                 MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"since\":\"2026-11-20T22:10:13Z\"}",      MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"last\":100000}",                         MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"after\":1,\"last\":null}",               MR_OK},
        {"{\"pipeline_id\":\"" ID "\",\"since\":\"yesterday\"}",                 MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"since\":-1}",                            MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"last\":0}",                              MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"last\":100001}",                         MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"after\":1,\"last\":1}",                  MR_E_INVAL},
        {"",                                                                     MR_E_INVAL},
        {"\"orders\"",                                                           MR_E_INVAL},
        {"7",                                                                    MR_E_INVAL},
        {"{}",                                                                   MR_E_INVAL},
        {"{\"pipeline_id\":7}",                                                  MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"after\":-1}",                            MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"after\":1.5}",                           MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"after\":\"7\"}",                         MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"batch_ms\":49}",                         MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"batch_ms\":1001}",                       MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"event_types\":[\"tombstone\"]}",         MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"event_types\":\"insert\"}",              MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\",\"tables\":[1]}",                          MR_E_INVAL},
        {"{\"pipeline_id\":\"" ID "\"",                                          MR_E_INVAL},
    }; /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct mr_stream_want want;
        const char *reason = NULL;
        int rc = mr_stream_parse(mr_span_str(rows[i].args), &want, &reason);

        if (rc != rows[i].rc)
            fail_msg("%s gave %d", rows[i].args, rc);
        if (rc != MR_OK && !reason)
            fail_msg("%s was refused without a reason", rows[i].args);
    }
}

static void test_the_options_arrive(void **state)
{
    struct mr_stream_want w;
    const char *reason;

    (void)state;
    assert_int_equal(mr_stream_parse(MR_SPAN("{\"pipeline_id\":\"" ID "\",\"after\":42,"
                                             "\"event_types\":[\"update\"],\"batch_ms\":100}"),
                                     &w, &reason),
                     MR_OK);
    assert_true(w.has_after);
    assert_int_equal(w.after, 42);
    assert_int_equal(w.kinds, 1 << MR_CHANGE_UPDATE);
    assert_int_equal(w.batch_ms, 100);
}

static void test_a_time_is_read_to_the_microsecond(void **state)
{
    struct mr_stream_want w;
    const char *reason;

    (void)state;
    assert_int_equal(mr_stream_parse(MR_SPAN("{\"pipeline_id\":\"" ID "\","
                                             "\"since\":\"2026-11-20T22:10:13.1234567+01:30\"}"),
                                     &w, &reason),
                     MR_OK);
    assert_true(w.has_since);
    assert_int_equal(w.since_us, 1795207213123456); /* date -ud 2026-11-20T20:40:13 +%s */
    for (const char *const *no =
             (const char *const[]){"2026-02-29T00:00:00Z", "2026-11-20T24:00:00Z",
                                   "2026-11-20T22:10:13", "2026-11-20T22:10:13.Z",
                                   "2026-11-20T22:10:13Zx", "2026-00-01T00:00:00Z", "2026-11-20",
                                   "", NULL};
         *no; no++) {
        int64_t us;

        if (mr_time_read(*no, strlen(*no), &us))
            fail_msg("%s was taken for a time", *no);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_batches_are_old_next_or_early),
        cmocka_unit_test(test_what_a_client_may_ask_for),
        cmocka_unit_test(test_the_options_arrive),
        cmocka_unit_test(test_a_time_is_read_to_the_microsecond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
