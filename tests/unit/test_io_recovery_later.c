/* test_io_recovery_later.c - a store that takes its time, as one behind a network does: what
 * happens between its being asked and its answer. It is the one in memory, whose answers wait until
 * the test lets them go.
 */
#include "io_room.h"

#define WAITING_MAX 8

static struct mr_store_ops later; /* the store in memory, but for the two that answer */
static struct question {
    void *store;
    char pid[MR_PID_MAX + 1], offset[MR_OFFSET_MAX + 1];
    mr_restored_fn restored;
    struct mr_saved *session;
    mr_missed_fn missed;
    void *ctx;
} waiting[WAITING_MAX];
static size_t n_waiting;
static int missed_err;

static void ask_restore(void *store, const char *pid, const char *offset, mr_restored_fn fn,
                        void *ctx)
{
    struct question *q = &waiting[n_waiting++];

    *q = (struct question){.store = store, .restored = fn, .ctx = ctx};
    (void)snprintf(q->pid, sizeof(q->pid), "%s", pid);
    (void)snprintf(q->offset, sizeof(q->offset), "%s", offset ? offset : "");
}

static void ask_missed(void *store, struct mr_saved *session, mr_missed_fn fn, void *ctx)
{
    waiting[n_waiting++] =
        (struct question){.store = store, .session = session, .missed = fn, .ctx = ctx};
}

/* Let the oldest question be answered. */
static void answer(void)
{
    struct question q = waiting[0];

    assert_true(n_waiting > 0);
    memmove(waiting, waiting + 1, --n_waiting * sizeof(q));
    if (q.restored != NULL)
        mr__store_memory()->restore(q.store, q.pid, q.offset[0] != '\0' ? q.offset : NULL,
                                    q.restored, q.ctx);
    else if (missed_err == MR_OK)
        mr__store_memory()->missed(q.store, q.session, q.missed, q.ctx);
    else
        q.missed(missed_err, NULL, 0, q.ctx);
}

static char hello[256];

/* A client that was in "r", has had no event, and is cut off. */
static int up(void **state)
{
    struct mr_recovery_options opt = {.store = &later};

    (void)state;
    later = *mr__store_memory();
    later.restore = ask_restore;
    later.missed = ask_missed;
    n_waiting = 0;
    missed_err = MR_OK;
    server_up(NULL);
    assert_int_equal(mr_use_recovery(&srv, &opt), MR_OK);
    assert_non_null(comes("40"));
    (void)snprintf(hello, sizeof(hello), "40{\"pid\":\"%s\"}", sockets[0]->recoverable->pid);
    assert_int_equal(mr_join(sockets[0], "r"), MR_OK);
    mr__session_close(sessions[0], "transport close", MR_CLOSE_NOW);
    (void)mr_emit(&srv, "/", "r", "one", MR_SPAN_NONE);
    return 0;
}

static int down(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

/* What client i hears: the events' names, and R for a recovered CONNECT, N for another. */
static const char *words(size_t i)
{
    static char out[128];
    const char *heard = hears(i);
    size_t at = 0;

    for (; *heard != '\0'; heard += strcspn(heard, "|"), heard += *heard == '|') {
        if (strncmp(heard, "42[\"", 4) == 0)
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%.*s ",
                                   (int)strcspn(heard + 4, "\""), heard + 4);
        else
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%s ",
                                   sockets[i] && mr_socket_recovered(sockets[i]) ? "R" : "N");
    }
    out[at] = '\0';
    return out;
}

static void what_comes_meanwhile_is_not_lost(void **state)
{
    size_t i = dial_in();

    (void)state;
    says(i, hello);
    (void)mr_emit(&srv, "/", "r", "two", MR_SPAN_NONE);
    assert_string_equal(words(i), "");
    answer();
    (void)mr_emit(&srv, "/", "r", "three", MR_SPAN_NONE);
    (void)mr_emit(&srv, "/", NULL, "four", MR_SPAN_NONE);
    assert_string_equal(words(i), "");
    answer();
    (void)mr_emit(&srv, "/", "r", "five", MR_SPAN_NONE);
    assert_string_equal(words(i), "one two three four R five ");
}

static void a_client_that_leaves_meanwhile_may_come_again(void **state)
{
    (void)state;
    for (int step = 0; step < 2; step++) {
        size_t i = dial_in();

        says(i, hello);
        if (step == 1)
            answer(); /* its session is its own again, but it is not in */
        mr__session_close(sessions[i], "transport close", MR_CLOSE_NOW);
        (void)mr__turn_end(&srv);
        answer();
        assert_int_equal(mr_room_size(&srv, "/", "r"), 0);
    }
    says(dial_in(), hello);
    answer();
    answer();
    assert_string_equal(words(n_clients - 1), "one R ");
}

static void the_newest_connection_wins(void **state)
{
    size_t i = dial_in(), j;

    (void)state;
    says(i, hello);
    answer();
    j = dial_in();
    says(j, hello); /* while the first one still waits for what it missed */
    answer();       /* for the first one: too late */
    answer();
    answer();
    assert_string_equal(words(j), "one R ");
    assert_null(sockets[i]);
    assert_int_equal(mr_room_size(&srv, "/", NULL), 1);
}

/* Somebody may say yes more than once. */
static void admitted_twice_it_gets_everything_once(void **state)
{
    size_t i = dial_in();

    (void)state;
    says(i, hello);
    answer();
    mr_connect_admit(sessions[i]->sockets);
    mr_connect_next(sessions[i]->sockets);
    assert_int_equal(n_waiting, 1);
    answer();
    assert_string_equal(words(i), "one R ");
}

static int n_hooks;

static int hook(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)ctx;
    n_hooks++;
    assert_false(mr_socket_recovered(s));
    assert_memory_equal(auth.ptr, hello + 2, auth.len);
    return MR_OK;
}

static void a_store_that_fails_makes_a_new_client(void **state)
{
    size_t i = dial_in();

    (void)state;
    n_hooks = 0;
    missed_err = MR_E_DB;
    assert_int_equal(mr_on_connect(&srv, "/", hook, NULL), MR_OK);
    says(i, hello);
    answer();
    answer();
    assert_string_equal(words(i), "N ");
    assert_int_equal(n_hooks, 1);
    assert_false(mr_in_room(sockets[i], "r"));
    (void)mr_emit(&srv, "/", "r", "two", MR_SPAN_NONE);
    assert_string_equal(words(i), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_meanwhile_is_not_lost, up, down),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_meanwhile_may_come_again, up, down),
        cmocka_unit_test_setup_teardown(the_newest_connection_wins, up, down),
        cmocka_unit_test_setup_teardown(admitted_twice_it_gets_everything_once, up, down),
        cmocka_unit_test_setup_teardown(a_store_that_fails_makes_a_new_client, up, down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
