/* test_io_held.c - a middleware that answers an event later: what comes behind it waits, in order,
 * whole, and not without bounds.
 */
#include "io_room.h"

static char seen[1024];
static unsigned limits;

static int start_with(const struct mr_options *opt)
{
    seen[0] = '\0';
    limits = 0;
    server_up(opt);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with(NULL);
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static void note(const char *what, struct mr_span args)
{
    size_t n = strlen(seen);

    (void)snprintf(seen + n, sizeof(seen) - n, "%s" MR_SPAN_FMT " ", what, MR_SPAN_ARG(args));
}

static int wait_for(struct mr_socket *s, struct mr_span event, struct mr_span args, int64_t ack_id,
                    void *ctx)
{
    (void)s, (void)ack_id;
    note(ctx, args);
    return mr_span_is(event, "slow") ? MR_E_AGAIN : MR_OK;
}

static int pass(struct mr_socket *s, struct mr_span event, struct mr_span args, int64_t ack_id,
                void *ctx)
{
    (void)s, (void)event, (void)ack_id;
    note(ctx, args);
    return MR_OK;
}

static int answer_inside(struct mr_socket *s, struct mr_span event, struct mr_span args,
                         int64_t ack_id, void *ctx)
{
    (void)args, (void)ack_id, (void)ctx;
    if (mr_span_is(event, "slow"))
        mr_packet_next(s);
    else
        mr_packet_refuse(s, MR_E_FORBIDDEN);
    return MR_E_AGAIN;
}

static void handler(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    note(ctx, args);
    for (size_t i = 0; i < mr_event_attachments(s); i++)
        note("+", mr_event_attachment(s, i));
    (void)mr_ack(s, ack_id, args);
}

static void leaves(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args, (void)ack_id, (void)ctx;
    mr_socket_disconnect(s, true);
}

static void on_error(struct mr_socket *s, int err, struct mr_span event, void *ctx)
{
    (void)s, (void)ctx;
    note(mr_err_name(err), event);
}

static struct mr_socket *guest(void)
{
    struct mr_socket *s = comes("40");

    assert_non_null(s);
    assert_int_equal(mr_on(&srv, "/", "slow", handler, "slow"), MR_OK);
    assert_int_equal(mr_on(&srv, "/", "fast", handler, "fast"), MR_OK);
    assert_int_equal(mr_socket_use(s, wait_for, "a"), MR_OK);
    assert_int_equal(mr_socket_use(s, pass, "b"), MR_OK);
    assert_int_equal(mr_socket_on_error(s, on_error, NULL), MR_OK);
    (void)hears(0);
    return s;
}

static void what_comes_behind_waits_and_keeps_its_order(void **state)
{
    struct mr_socket *s = guest();

    (void)state;
    says(0, "420[\"slow\",1]");
    says(0, "421[\"fast\",2]");
    says(0, "42[\"slow\",3]");
    says(0, "42[\"fast\",4]");
    assert_string_equal(seen, "a1 ");
    assert_string_equal(hears(0), "");
    mr_packet_next(s);
    assert_string_equal(seen, "a1 b1 slow1 a2 b2 fast2 a3 ");
    assert_string_equal(hears(0), "430[1]|431[2]");
    mr_packet_refuse(s, MR_E_FORBIDDEN);
    assert_string_equal(seen, "a1 b1 slow1 a2 b2 fast2 a3 E_FORBIDDENslow a4 b4 fast4 ");
    mr_packet_next(s); /* nothing waits any more */
    says(0, "42[\"fast\",5]");
    assert_non_null(strstr(seen, "fast5"));
}

static void attachments_wait_with_their_event(void **state)
{
    struct mr_socket *s = guest();

    (void)state;
    says(0, "452-[\"slow\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    mr__session_binary(sessions[0], MR_SPAN("one"));
    mr__session_binary(sessions[0], MR_SPAN(""));
    says(0, "42[\"fast\",9]");
    mr_packet_next(s);
    assert_non_null(strstr(seen, "+one + "));
    assert_non_null(strstr(seen, "fast9"));
}

static void the_answer_may_come_from_inside(void **state)
{
    struct mr_socket *s = guest();

    (void)state;
    assert_int_equal(mr_socket_use(s, answer_inside, NULL), MR_OK);
    says(0, "42[\"slow\",1]");
    mr_packet_next(s);
    says(0, "42[\"fast\",2]");
    assert_string_equal(seen, "a1 b1 slow1 a2 b2 E_FORBIDDENfast ");
}

static void who_leaves_leaves_nothing_behind(void **state)
{
    struct mr_socket *s = guest();

    (void)state;
    mr_socket_ref(s);
    says(0, "42[\"slow\",1]");
    says(0, "42[\"fast\",2]");
    says(0, "41");
    mr_packet_next(s);
    assert_string_equal(seen, "a1 ");
    mr_socket_unref(s);
}

static void a_handler_that_ends_the_socket_ends_the_queue(void **state)
{
    struct mr_socket *s = guest();

    (void)state;
    assert_int_equal(mr_on(&srv, "/", "slow", leaves, NULL), MR_OK);
    mr_socket_ref(s);
    says(0, "42[\"slow\",1]");
    says(0, "42[\"fast\",2]");
    mr_packet_next(s);
    assert_string_equal(seen, "a1 b1 slow1 ");
    mr_socket_unref(s);
}

static void on_limit(enum mr_limit limit, const char *addr, uint64_t max, void *ctx)
{
    (void)addr, (void)max, (void)ctx;
    limits += limit == MR_LIMIT_HELD;
}

static void no_more_than_so_many_wait(void **state)
{
    struct mr_socket *s = guest();

    (void)state;
    mr_socket_ref(s);
    mr_on_limit(&srv, on_limit, NULL);
    says(0, "42[\"slow\",1]");
    for (int i = 0; i < MR_HELD_PACKETS_MAX; i++)
        says(0, "42[\"fast\",2]");
    assert_int_equal(limits, 0);
    says(0, "42[\"fast\",2]");
    assert_int_equal(limits, 1);
    passes(0);
    assert_false(mr_socket_connected(s));
    mr_socket_unref(s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_comes_behind_waits_and_keeps_its_order),
        TEST(attachments_wait_with_their_event),
        TEST(the_answer_may_come_from_inside),
        TEST(who_leaves_leaves_nothing_behind),
        TEST(a_handler_that_ends_the_socket_ends_the_queue),
        TEST(no_more_than_so_many_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
