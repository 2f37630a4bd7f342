/* test_io_mailbox.c - many threads post, one loop runs: nothing lost, nothing twice, each thread's
 * messages in its order; and a full box says so.
 */
#include "rows.h"

#include "io/limits.h"
#include "io/mailbox.h"
#include "proto/alloc.h"

#include <pthread.h>

#define THREADS  4
#define MESSAGES 20000

struct message {
    struct mr_mail mail;
    struct mr_mailbox *box;
    unsigned thread, number;
};

static unsigned last[THREADS], ran;
static bool in_order = true;
static atomic_uint woken;

static void run(struct mr_mail *m)
{
    struct message *msg = (struct message *)(void *)m;

    in_order = in_order && msg->number == last[msg->thread] + 1;
    last[msg->thread] = msg->number;
    ran++;
    mr__mailbox_ran(msg->box);
    mr_free(msg);
}

static void count_wake(struct mr_mailbox *box)
{
    (void)box;
    atomic_fetch_add(&woken, 1);
}

static int post(struct mr_mailbox *box, unsigned thread, unsigned number)
{
    struct message *msg = mr_alloc(sizeof(*msg));
    int rc;

    *msg = (struct message){{.fn = run}, box, thread, number};
    rc = mr__mailbox_post(box, &msg->mail);
    if (rc != MR_OK)
        mr_free(msg);
    return rc;
}

static void start(struct mr_mailbox *box)
{
    memset(last, 0, sizeof(last));
    ran = 0;
    in_order = true;
    atomic_store(&woken, 0);
    assert_int_equal(mr__mailbox_init(box, NULL, NULL), MR_OK);
    box->wake = count_wake;
}

struct poster {
    pthread_t id;
    struct mr_mailbox *box;
    unsigned thread;
};

static void *post_many(void *arg)
{
    struct poster *p = arg;

    for (unsigned i = 1; i <= MESSAGES; i++) {
        while (post(p->box, p->thread, i) == MR_E_AGAIN)
            sched_yield();
    }
    return NULL;
}

static void threads_post_and_all_arrives_in_order(void **state)
{
    struct poster posters[THREADS];
    struct mr_mailbox box;

    (void)state;
    start(&box);
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.box = &box, .thread = i};
        assert_int_equal(pthread_create(&posters[i].id, NULL, post_many, &posters[i]), 0);
    }
    while (ran < THREADS * MESSAGES)
        mr__mailbox_drain(&box);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(posters[i].id, NULL), 0);
    mr__mailbox_drain(&box);
    assert_int_equal(ran, THREADS * MESSAGES);
    assert_true(in_order);
    assert_int_equal(atomic_load(&box.n), 0);
}

static void only_the_first_into_an_empty_box_wakes_the_loop(void **state)
{
    struct mr_mailbox box;

    (void)state;
    start(&box);
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(post(&box, 0, i), MR_OK);
    assert_int_equal(atomic_load(&woken), 1);
    mr__mailbox_drain(&box);
    assert_int_equal(post(&box, 0, 11), MR_OK);
    assert_int_equal(atomic_load(&woken), 2);
    mr__mailbox_drain(&box);
    assert_int_equal(ran, 11);
}

static void a_full_box_refuses_and_counts(void **state)
{
    struct mr_mailbox box;

    (void)state;
    start(&box);
    for (unsigned i = 1; i <= MR_MAILBOX_MAX; i++)
        assert_int_equal(post(&box, 0, i), MR_OK);
    assert_int_equal(post(&box, 0, MR_MAILBOX_MAX + 1), MR_E_AGAIN);
    assert_int_equal(atomic_load(&box.full), 1);
    mr__mailbox_drain(&box);
    assert_int_equal(ran, MR_MAILBOX_MAX);
    assert_int_equal(post(&box, 0, MR_MAILBOX_MAX + 1), MR_OK);
    mr__mailbox_drain(&box);
}

static bool reserved_ran;

static void run_reserved(struct mr_mail *m)
{
    (void)m;
    reserved_ran = true;
}

static void a_closed_box_refuses_but_what_was_reserved_still_comes(void **state)
{
    struct mr_mail reserved = {.fn = run_reserved};
    struct mr_mailbox box;

    (void)state;
    start(&box);
    mr__mailbox_close(&box);
    assert_int_equal(post(&box, 0, 1), MR_E_CLOSED);
    mr__mailbox_push(&box, &reserved);
    mr__mailbox_drain(&box);
    assert_true(reserved_ran);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_post_and_all_arrives_in_order),
        cmocka_unit_test(only_the_first_into_an_empty_box_wakes_the_loop),
        cmocka_unit_test(a_full_box_refuses_and_counts),
        cmocka_unit_test(a_closed_box_refuses_but_what_was_reserved_still_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
