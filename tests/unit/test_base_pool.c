/* test_base_pool.c - full means full, and stopping finishes what was taken on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/pool.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

static sem_t started, gate;
static atomic_int done;

static void wait_on(sem_t *s)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    while (sem_timedwait(s, &until) != 0)
        if (errno != EINTR)
            fail_msg("waited 10 s for a worker");
}

static void hold(void *arg)
{
    (void)arg;
    sem_post(&started);
    wait_on(&gate);
    atomic_fetch_add(&done, 1);
}

static void count(void *arg)
{
    atomic_fetch_add(&done, *(int *)arg);
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&done, 0);
    return sem_init(&started, 0, 0) || sem_init(&gate, 0, 0);
}

static int tear_down(void **state)
{
    (void)state;
    return sem_destroy(&started) || sem_destroy(&gate);
}

static void a_full_queue_refuses_and_takes_again_when_there_is_room(void **state)
{
    struct mr_pool *p;
    int one = 1;

    (void)state;
    assert_int_equal(mr_pool_new(&p, 2, 3), MR_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(mr_pool_submit(p, hold, NULL), MR_OK);
    wait_on(&started);
    wait_on(&started);
    assert_int_equal(mr_pool_busy(p), 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mr_pool_submit(p, hold, NULL), MR_OK);
    assert_int_equal(mr_pool_queued(p), 3);
    assert_int_equal(mr_pool_submit(p, count, &one), MR_E_AGAIN);
    sem_post(&gate);
    wait_on(&started); /* one was finished, and the next one was taken */
    assert_int_equal(mr_pool_submit(p, count, &one), MR_OK);
    for (int i = 0; i < 4; i++)
        sem_post(&gate);
    mr_pool_free(p);
    assert_int_equal(atomic_load(&done), 6);
}

static void stopping_finishes_what_is_queued(void **state)
{
    struct mr_pool *p;
    int one = 1;

    (void)state;
    assert_int_equal(mr_pool_new(&p, 1, 1000), MR_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(mr_pool_submit(p, count, &one), MR_OK);
    mr_pool_free(p);
    assert_int_equal(atomic_load(&done), 1000);
}

static struct mr_pool *self;

static void submit_late(void *arg)
{
    int *rc = arg;

    wait_on(&gate);
    do /* until the other thread has begun to stop the pool */
        *rc = mr_pool_submit(self, count, &(int){0});
    while (*rc == MR_OK || *rc == MR_E_AGAIN);
}

static void a_stopping_pool_refuses(void **state)
{
    int rc = MR_OK;

    (void)state;
    assert_int_equal(mr_pool_new(&self, 1, 1), MR_OK);
    assert_int_equal(mr_pool_submit(self, submit_late, &rc), MR_OK);
    sem_post(&gate);
    mr_pool_free(self);
    assert_int_equal(rc, MR_E_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_and_takes_again_when_there_is_room,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_finishes_what_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopping_pool_refuses, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
