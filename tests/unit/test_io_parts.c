/* test_io_parts.c - the small parts of libmillrace, each by what it promises: ids, timers, tables,
 * queues of frames, acks asked for.
 */
#include "rows.h"

#include "io/ack.h"
#include "io/outq.h"
#include "io/sid.h"
#include "io/table.h"
#include "io/timers.h"
#include "proto/alloc.h"

#include <stdio.h>

/* ---- ids ----------------------------------------------------------------------------------- */

static void an_id_encodes_its_bytes(void **state)
{
    static const unsigned char zero[15] = {0}, ones[15] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                           255, 255, 255, 255, 255, 255, 255};
    static const unsigned char some[15] = {0x00, 0x10, 0x83, 0x10, 0x51, 0x87, 0x20, 0x92,
                                           0x8b, 0x30, 0xd3, 0x8f, 0x41, 0x14, 0x93};
    char out[MR_SID_LEN + 1];

    (void)state;
    mr__sid_encode(zero, out);
    assert_string_equal(out, "AAAAAAAAAAAAAAAAAAAA");
    mr__sid_encode(ones, out);
    assert_string_equal(out, "____________________");
    mr__sid_encode(some, out);
    assert_string_equal(out, "ABCDEFGHIJKLMNOPQRST");
}

static void ids_do_not_repeat(void **state)
{
    struct mr_sid_pool pool = {.left = 0};
    static char ids[1000][MR_SID_LEN + 1];

    (void)state;
    for (size_t i = 0; i < LEN(ids); i++) {
        mr__sid_make(&pool, ids[i]);
        assert_int_equal(strlen(ids[i]), MR_SID_LEN);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

/* ---- timers -------------------------------------------------------------------------------- */

static struct mr_timers timers;
static struct mr_timer *fired[64];
static size_t n_fired;

static void fire(struct mr_timer *t)
{
    fired[n_fired++] = t;
}

static void timers_start(size_t n)
{
    timers = (struct mr_timers){0};
    n_fired = 0;
    assert_int_equal(mr__timers_reserve(&timers, n), MR_OK);
}

static void timers_fire_in_order_and_not_early(void **state)
{
    struct mr_timer t[50] = {0};

    (void)state;
    timers_start(50);
    for (uint64_t i = 0; i < 50; i++)
        mr__timer_set(&timers, &t[i], 100 + i * 37 % 50, fire);
    assert_int_equal(mr__timers_next(&timers), 100);
    mr__timers_run(&timers, 99);
    assert_int_equal(n_fired, 0);
    mr__timers_run(&timers, 124);
    assert_int_equal(n_fired, 25);
    mr__timers_run(&timers, 1000);
    assert_int_equal(n_fired, 50);
    for (size_t i = 1; i < 50; i++)
        assert_true(fired[i - 1]->at_ms <= fired[i]->at_ms);
    assert_true(mr__timers_next(&timers) == UINT64_MAX);
    mr__timers_deinit(&timers);
}

static void a_timer_can_be_moved_and_stopped(void **state)
{
    struct mr_timer t[3] = {0};

    (void)state;
    timers_start(3);
    for (size_t i = 0; i < 3; i++)
        mr__timer_set(&timers, &t[i], 10 + i, fire);
    mr__timer_set(&timers, &t[0], 30, fire); /* later */
    mr__timer_set(&timers, &t[2], 5, fire);  /* earlier */
    mr__timer_stop(&timers, &t[1]);
    mr__timer_stop(&timers, &t[1]);
    assert_false(mr__timer_is_set(&t[1]));
    mr__timers_run(&timers, 29);
    assert_int_equal(n_fired, 1);
    assert_ptr_equal(fired[0], &t[2]);
    mr__timers_run(&timers, 30);
    assert_int_equal(n_fired, 2);
    assert_ptr_equal(fired[1], &t[0]);
    mr__timers_deinit(&timers);
}

/* Against a plain array, over many random moves. */
static void the_heap_agrees_with_a_list(void **state)
{
    enum { N = 40 };
    struct mr_timer t[N] = {0};
    uint64_t due[N] = {0}; /* 0: not set */
    unsigned seed = 1;

    (void)state;
    timers_start(N);
    for (int round = 0; round < 20000; round++) {
        size_t i = (seed = seed * 1103515245 + 12345) >> 16 & 31;
        uint64_t next = UINT64_MAX;

        if ((seed >> 8 & 3) == 0) {
            mr__timer_stop(&timers, &t[i]);
            due[i] = 0;
        } else {
            due[i] = 1 + (seed >> 10 & 1023);
            mr__timer_set(&timers, &t[i], due[i], fire);
        }
        for (size_t j = 0; j < N; j++)
            next = due[j] != 0 && due[j] < next ? due[j] : next;
        assert_true(mr__timers_next(&timers) == next);
    }
    mr__timers_deinit(&timers);
}

/* ---- tables -------------------------------------------------------------------------------- */

static void a_table_finds_what_it_holds(void **state)
{
    static struct {
        struct mr_node node;
        char name[16];
    } things[500];
    struct mr_table table;
    size_t walked = 0;

    (void)state;
    mr__table_init(&table);
    assert_null(mr__table_find(&table, MR_SPAN("x")));
    for (size_t i = 0; i < LEN(things); i++) {
        (void)snprintf(things[i].name, sizeof(things[i].name), "room-%zu", i);
        things[i].node.name = mr_span_str(things[i].name);
        assert_int_equal(mr__table_put(&table, &things[i].node), MR_OK);
    }
    for (struct mr_node *n = mr__table_next(&table, NULL); n; n = mr__table_next(&table, n))
        walked++;
    assert_int_equal(walked, LEN(things));
    for (size_t i = 0; i < LEN(things); i += 2)
        mr__table_del(&table, &things[i].node);
    for (size_t i = 0; i < LEN(things); i++)
        assert_ptr_equal(mr__table_find(&table, mr_span_str(things[i].name)),
                         i % 2 ? &things[i].node : NULL);
    for (size_t i = 1; i < LEN(things); i += 2)
        mr__table_del(&table, &things[i].node);
    assert_null(table.slots); /* an empty one holds nothing */
}

/* ---- queues of frames ---------------------------------------------------------------------- */

static struct mr_frame *frame(size_t len)
{
    char *text = test_calloc(1, len + 1);
    struct mr_frame *f = mr__frame_make(MR_WS_TEXT, mr_span_of(text, len));

    test_free(text);
    assert_non_null(f);
    return f;
}

static void a_queue_is_bounded_in_bytes_but_takes_one_frame_of_any_size(void **state)
{
    struct mr_outq q = {0};
    struct mr_frame *big = frame(1000), *small = frame(8); /* 1004 and 10 on the wire */

    (void)state;
    assert_int_equal(mr__outq_push(&q, big, 100), MR_OK);
    assert_int_equal(mr__outq_push(&q, small, 100), MR_E_TOOBIG);
    assert_int_equal(mr__outq_push(&q, small, 1013), MR_E_TOOBIG);
    assert_int_equal(mr__outq_push(&q, small, 1014), MR_OK);
    assert_int_equal(q.bytes, 1014);
    assert_int_equal(small->refs, 2);
    mr__outq_clear(&q);
    assert_int_equal(small->refs, 1);
    assert_int_equal(q.bytes, 0);
    assert_null(q.ring);
    mr_frame_unref(big);
    mr_frame_unref(small);
}

/* Write the queue out in pieces of every size: the bytes are those of the frames, in order. */
static void any_partial_write_is_remembered(void **state)
{
    static const char whole[] = "\x81\x03one\x81\x00\x81\x05three";
    struct mr_span texts[] = {MR_SPAN("one"), MR_SPAN(""), MR_SPAN("three")};

    (void)state;
    for (size_t step = 1; step < sizeof(whole); step++) {
        struct mr_outq q = {0};
        char out[sizeof(whole)] = "";
        size_t n = 0;
        uint32_t dropped = 0;

        for (size_t i = 0; i < LEN(texts); i++) {
            struct mr_frame *f = mr__frame_make(MR_WS_TEXT, texts[i]);

            assert_int_equal(mr__outq_push(&q, f, SIZE_MAX), MR_OK);
            mr_frame_unref(f);
        }
        while (q.n > 0) {
            struct iovec iov[2];
            int pieces = mr__outq_iov(&q, iov, 2, SIZE_MAX);
            size_t left = step;

            for (int i = 0; i < pieces && left > 0; i++) {
                size_t take = iov[i].iov_len < left ? iov[i].iov_len : left;

                memcpy(out + n, iov[i].iov_base, take);
                n += take;
                left -= take;
            }
            dropped += mr__outq_took(&q, step - left);
        }
        assert_int_equal(n, sizeof(whole) - 1);
        assert_memory_equal(out, whole, n);
        assert_int_equal(dropped, 3);
        assert_int_equal(q.bytes, 0);
        mr__outq_clear(&q);
    }
}

static void a_queue_moves_behind_another_in_order(void **state)
{
    struct mr_outq a = {0}, b = {0};
    struct mr_frame *f[6];

    (void)state;
    for (size_t i = 0; i < LEN(f); i++) {
        f[i] = frame(i);
        assert_int_equal(mr__outq_push(i < 2 ? &a : &b, f[i], SIZE_MAX), MR_OK);
    }
    assert_int_equal(mr__outq_move(&a, &b), MR_OK);
    assert_int_equal(a.n, 6);
    assert_int_equal(b.n, 0);
    for (uint32_t i = 0; i < 6; i++)
        assert_ptr_equal(mr__outq_at(&a, i), f[i]);
    mr__outq_clear(&a);
    for (size_t i = 0; i < LEN(f); i++) {
        assert_int_equal(f[i]->refs, 1);
        mr_frame_unref(f[i]);
    }
}

static void without_memory_a_push_changes_nothing(void **state)
{
    struct mr_outq q = {0};
    struct mr_frame *f = frame(5);

    (void)state;
    mr_alloc_fail_nth(1);
    assert_int_equal(mr__outq_push(&q, f, SIZE_MAX), MR_E_NOMEM);
    assert_int_equal(q.n, 0);
    assert_int_equal(f->refs, 1);
    mr_frame_unref(f);
}

/* ---- acks ---------------------------------------------------------------------------------- */

/* Numbers that fall where they like, so that they get into each other's way. */
static int64_t scattered(uint32_t i)
{
    return (int64_t)(i * 2654435761u ^ i << 7) + ((int64_t)i << 33);
}

static void an_ack_is_asked_for_once_and_taken_once(void **state)
{
    struct mr_acks_asked a = {0};

    (void)state;
    assert_false(mr__asked_take(&a, 0));
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(mr__asked_add(&a, scattered(i), 16384), MR_OK);
    assert_int_equal(mr__asked_add(&a, scattered(7), 16384),
                     MR_OK); /* a number used twice is one */
    assert_int_equal(a.n, 3000);
    for (uint32_t i = 1; i < 3000; i += 2)
        assert_true(mr__asked_take(&a, scattered(i)));
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(mr__asked_take(&a, scattered(i)), i % 2 == 0);
    assert_int_equal(a.n, 0);
    mr__asked_deinit(&a);
}

static void acks_asked_for_are_bounded(void **state)
{
    struct mr_acks_asked a = {0};

    (void)state;
    for (int64_t id = 0; id < 16384; id++)
        assert_int_equal(mr__asked_add(&a, id, 16384), MR_OK);
    assert_int_equal(mr__asked_add(&a, 16384, 16384), MR_E_AGAIN);
    mr__asked_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_encodes_its_bytes),
        cmocka_unit_test(ids_do_not_repeat),
        cmocka_unit_test(timers_fire_in_order_and_not_early),
        cmocka_unit_test(a_timer_can_be_moved_and_stopped),
        cmocka_unit_test(the_heap_agrees_with_a_list),
        cmocka_unit_test(a_table_finds_what_it_holds),
        cmocka_unit_test(a_queue_is_bounded_in_bytes_but_takes_one_frame_of_any_size),
        cmocka_unit_test(any_partial_write_is_remembered),
        cmocka_unit_test(a_queue_moves_behind_another_in_order),
        cmocka_unit_test(without_memory_a_push_changes_nothing),
        cmocka_unit_test(an_ack_is_asked_for_once_and_taken_once),
        cmocka_unit_test(acks_asked_for_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
