/* test_io_fairness.c - an event for very many is written slice by slice: the loop goes round in
 * between, who comes later is not behind the whole crowd, and everybody gets everything in order.
 */
#include "rows.h"

#include "io/namespace.h"
#include "proto/alloc.h"

#include <stdio.h>

#define CROWD 2000

static struct mr_server srv;
static struct mr_session *sessions[CROWD];
static struct mr_exchange gets[CROWD];
static char bodies[CROWD][64];
static size_t n_replies;

static void reply(struct mr_exchange *ex, const struct mr_reply *r)
{
    size_t i = (size_t)(ex - gets);

    n_replies++;
    (void)snprintf(bodies[i], sizeof(bodies[i]), MR_SPAN_FMT, MR_SPAN_ARG(r->body));
}

static struct mr_span header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    (void)name;
    return MR_SPAN_NONE;
}

static const char *addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "";
}

static const struct mr_exchange_ops ops = {.reply = reply, .header = header, .addr = addr};

static void waits(size_t i)
{
    gets[i] = (struct mr_exchange){.ops = &ops, .session = sessions[i]};
    sessions[i]->get = &gets[i];
}

static size_t turn(bool *done)
{
    size_t before = n_replies;

    *done = mr__turn_end(&srv);
    return n_replies - before;
}

static void a_crowd_is_served_in_slices(void **state)
{
    struct mr_eio_packet connect;
    size_t n = 0;
    bool done;

    (void)state;
    assert_int_equal(mr__core_init(&srv, NULL), MR_OK);
    assert_int_equal(mr_eio_decode(MR_SPAN("40"), &connect), MR_OK);
    for (size_t i = 0; i < CROWD; i++) {
        gets[i] = (struct mr_exchange){.ops = &ops};
        sessions[i] = mr__session_new(&srv, &gets[i], MR_S_POLLING);
        assert_non_null(sessions[i]);
        mr__session_packet(sessions[i], &connect);
        mr__outq_clear(&sessions[i]->q);
        assert_int_equal(mr_join(sessions[i]->sockets, i == CROWD - 1 ? "other" : "crowd"), MR_OK);
        waits(i);
    }
    while (!mr__turn_end(&srv))
        ;
    assert_int_equal(mr_emit(&srv, "/", "crowd", "a", MR_SPAN_NONE), CROWD - 1);
    n = turn(&done);
    assert_in_range(n, 1, 2 * MR_FLUSH_SESSIONS);
    assert_false(done);
    /* somebody else's turn comes at once, and the crowd's goes on */
    assert_int_equal(mr_emit(&srv, "/", "other", "o", MR_SPAN_NONE), 1);
    (void)turn(&done);
    assert_string_equal(bodies[CROWD - 1], "42[\"o\"]");
    assert_int_equal(mr_emit(&srv, "/", "crowd", "b", MR_SPAN_NONE), CROWD - 1);
    assert_string_equal(bodies[CROWD - 2], "");
    while (!done)
        assert_true(turn(&done) <= 2 * MR_FLUSH_SESSIONS);
    /* those of the first slice have had "a", and "b" waits for their next GET */
    for (size_t i = 0; i < CROWD - 1; i++) {
        if (strcmp(bodies[i], "42[\"a\"]") == 0) {
            waits(i);
            mr__session_flush(sessions[i]);
            assert_string_equal(bodies[i], "42[\"b\"]");
        } else {
            assert_string_equal(bodies[i], "42[\"a\"]\x1e"
                                           "42[\"b\"]");
        }
    }
    for (size_t i = 0; i < CROWD; i++)
        sessions[i]->get = NULL;
    mr__core_deinit(&srv);
}

/* A session that ends while it is in the backlog is not touched any more. */
static void who_leaves_the_crowd_is_left_out(void **state)
{
    struct mr_eio_packet connect;
    bool done;

    (void)state;
    assert_int_equal(mr__core_init(&srv, NULL), MR_OK);
    assert_int_equal(mr_eio_decode(MR_SPAN("40"), &connect), MR_OK);
    for (size_t i = 0; i < CROWD; i++) {
        gets[i] = (struct mr_exchange){.ops = &ops};
        sessions[i] = mr__session_new(&srv, &gets[i], MR_S_POLLING);
        mr__session_packet(sessions[i], &connect);
    }
    (void)turn(&done);
    assert_false(done);
    for (size_t i = 0; i < CROWD; i++)
        mr__session_close(sessions[i], "transport close", MR_CLOSE_NOW);
    (void)turn(&done);
    assert_true(done);
    assert_true(mr__list_empty(&srv.backlog));
    mr__core_deinit(&srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_is_served_in_slices),
        cmocka_unit_test(who_leaves_the_crowd_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
