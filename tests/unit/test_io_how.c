/* test_io_how.c - an event to one socket with everything that may be said about it; keeping only
 * the latest of a kind for who falls behind; and looking at what goes out.
 */
#include "io_room.h"

static char seen[512];

static int start(void **state)
{
    (void)state;
    seen[0] = '\0';
    server_up(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static void note(const char *fmt, struct mr_span a, struct mr_span b)
{
    size_t n = strlen(seen);

    (void)snprintf(seen + n, sizeof(seen) - n, fmt, MR_SPAN_ARG(a), MR_SPAN_ARG(b));
}

static int emit(struct mr_socket *s, const char *event, const char *args, struct mr_how how)
{
    return mr_socket_emit_with(s, event, mr_span_str(args), &how);
}

static void a_volatile_event_is_left_out_where_it_would_wait(void **state)
{
    struct mr_socket *s;
    struct mr_exchange held = {.ops = &room_ops};

    (void)state;
    s = comes("40");
    assert_int_equal(emit(s, "x", "1", (struct mr_how){.flags = MR_VOLATILE}), MR_E_AGAIN);
    assert_int_equal(srv.stats.volatile_dropped, 1);
    (void)hears(0);
    assert_int_equal(emit(s, "x", "2", (struct mr_how){.flags = MR_VOLATILE}), MR_E_AGAIN);
    sessions[0]->get = &held; /* a request waits for an answer */
    assert_int_equal(emit(s, "x", "3", (struct mr_how){.flags = MR_VOLATILE}), MR_OK);
    sessions[0]->get = NULL;
    assert_string_equal(hears(0), "42[\"x\",3]");
}

static void on_ack(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)s, (void)ctx;
    note("%.*s%.*s ", mr_span_str(mr_err_name(err)), args);
}

static void binary_and_an_ack_go_together(void **state)
{
    struct mr_span bytes = MR_SPAN("abc");
    struct mr_socket *s;

    (void)state;
    s = comes("40");
    (void)hears(0);
    assert_int_equal(
        emit(s, "x", "{\"_placeholder\":true,\"num\":0}",
             (struct mr_how){
                 .attachments = &bytes, .n_attachments = 1, .ack = on_ack, .timeout_ms = 100}),
        MR_OK);
    assert_string_equal(hears(0), "451-0[\"x\",{\"_placeholder\":true,\"num\":0}]|abc");
    says(0, "430[7]");
    assert_string_equal(seen, "OK7 ");
    assert_int_equal(emit(s, "x", "", (struct mr_how){.ack = on_ack, .timeout_ms = 100}), MR_OK);
    passes(101);
    assert_non_null(strstr(seen, "E_TIMEOUT"));
}

static void only_the_latest_of_a_key_waits(void **state)
{
    struct mr_socket *s;

    (void)state;
    s = comes("40");
    (void)hears(0);
    assert_int_equal(emit(s, "price", "1", (struct mr_how){.latest = "a"}), MR_OK);
    assert_int_equal(emit(s, "other", "", (struct mr_how){0}), MR_OK);
    assert_int_equal(emit(s, "price", "2", (struct mr_how){.latest = "b"}), MR_OK);
    assert_int_equal(emit(s, "price", "3", (struct mr_how){.latest = "a"}), MR_OK);
    assert_int_equal(mr_socket_buffered(s), srv.stats.queued_bytes);
    assert_int_equal(srv.stats.queued_packets, 3);
    assert_int_equal(srv.stats.latest_replaced, 1);
    assert_string_equal(hears(0), "42[\"other\"]|42[\"price\",2]|42[\"price\",3]");
    assert_int_equal(srv.stats.queued_bytes, 0);
}

static void a_broadcast_keeps_the_latest_for_who_is_behind(void **state)
{
    const struct mr_target to = {.latest = "price"};
    const struct mr_span bytes = MR_SPAN("x");

    (void)state;
    (void)comes("40");
    (void)comes("40");
    (void)hears(0);
    (void)hears(1);
    for (int i = 0; i < 1000; i++) {
        char n[16];

        (void)snprintf(n, sizeof(n), "%d", i);
        assert_int_equal(mr_emit_to(&srv, &to, "price", mr_span_str(n)), 2);
        if (i % 2 == 0)
            (void)hears(0); /* keeps up, or nearly */
    }
    assert_string_equal(hears(0), "42[\"price\",999]");
    assert_string_equal(hears(1), "42[\"price\",999]"); /* has a thousand times fallen behind */
    assert_int_equal(mr_emit_binary_to(&srv, &to, "price", MR_SPAN("1"), &bytes, 1), MR_E_INVAL);
}

static void what_is_being_sent_is_finished(void **state)
{
    struct mr_outq q = {0};
    struct mr_frame *a = mr__frame_make(MR_WS_TEXT, MR_SPAN("4first")),
                    *b = mr__frame_make(MR_WS_TEXT, MR_SPAN("4second"));

    (void)state;
    a->latest = b->latest = mr__frame_key("/", "k");
    assert_int_equal(mr__outq_push(&q, a, 1000), MR_OK);
    assert_int_equal(mr__outq_took(&q, 1), 0);
    assert_int_equal(mr__outq_drop_latest(&q, a->latest), 0);
    assert_int_equal(mr__outq_push(&q, b, 1000), MR_OK);
    assert_int_equal(mr__outq_drop_latest(&q, a->latest), mr_frame_bytes(b));
    assert_int_equal(q.n, 1);
    assert_ptr_equal(mr__outq_at(&q, 0), a);
    mr__outq_clear(&q);
    mr_frame_unref(a);
    mr_frame_unref(b);
}

static void on_out(struct mr_socket *s, struct mr_span event, struct mr_span args, void *ctx)
{
    (void)s, (void)ctx;
    note("%.*s:%.*s ", event, args);
}

static void what_goes_out_is_seen_whoever_sends_it(void **state)
{
    struct mr_socket *s, *other;

    (void)state;
    s = comes("40");
    other = comes("40");
    assert_int_equal(mr_socket_on_any_outgoing(s, on_out, NULL), MR_OK);
    assert_int_equal(mr_socket_emit(s, "one", MR_SPAN("1")), MR_OK);
    assert_int_equal(mr_socket_emit(other, "not", MR_SPAN("0")), MR_OK);
    assert_int_equal(mr_emit(&srv, "/", NULL, "all", MR_SPAN("2")), 2);
    assert_int_equal(mr_socket_emit_ack(s, "ack", MR_SPAN("3"), 0, on_ack, NULL), MR_OK);
    mr_socket_off_any_outgoing(s, on_out, NULL);
    assert_int_equal(mr_socket_emit(s, "more", MR_SPAN("4")), MR_OK);
    assert_string_equal(seen, "one:1 all:2 ack:3 ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_volatile_event_is_left_out_where_it_would_wait),
        TEST(binary_and_an_ack_go_together),
        TEST(only_the_latest_of_a_key_waits),
        TEST(a_broadcast_keeps_the_latest_for_who_is_behind),
        TEST(what_is_being_sent_is_finished),
        TEST(what_goes_out_is_seen_whoever_sends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
