/* test_io_listeners.c - handlers and middleware of one socket: who hears what, in which order, and
 * what a handler may do to the list that it is called from.
 */
#include "io_room.h"

static char heard[512]; /* what the handlers noted, one word after the other */

static void note(const char *word)
{
    size_t n = strlen(heard);
    int len = snprintf(heard + n, sizeof(heard) - n, "%s%s", n > 0 ? " " : "", word);

    assert_true(len > 0 && (size_t)len < sizeof(heard) - n);
}

static void heard_is(const char *words)
{
    assert_string_equal(heard, words);
    heard[0] = '\0';
}

static int start(void **state)
{
    (void)state;
    heard[0] = '\0';
    server_up(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static void on_event(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)s;
    (void)args;
    (void)ack_id;
    note(ctx);
}

static void on_any(struct mr_socket *s, struct mr_span event, struct mr_span args, int64_t ack_id,
                   void *ctx)
{
    char word[64];

    (void)s;
    (void)ack_id;
    (void)snprintf(word, sizeof(word), "%s:" MR_SPAN_FMT "(" MR_SPAN_FMT ")", (const char *)ctx,
                   MR_SPAN_ARG(event), MR_SPAN_ARG(args));
    note(word);
}

static void they_are_called_in_order(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_socket_on(s, "x", on_event, "one"), MR_OK);
    assert_int_equal(mr_socket_once(s, "x", on_event, "once"), MR_OK);
    assert_int_equal(mr_socket_on(s, "x", on_event, "two"), MR_OK);
    assert_int_equal(mr_on(&srv, "/", "x", on_event, "nsp"), MR_OK);
    assert_int_equal(mr_socket_on_any(s, on_any, "any"), MR_OK);
    assert_int_equal(mr_socket_prepend_any(s, on_any, "first"), MR_OK);
    says(0, "42[\"x\",1]");
    heard_is("first:x(1) any:x(1) nsp one once two");
    says(0, "42[\"\\u0078\"]");
    heard_is("first:x() any:x() nsp one two");
    says(0, "42[\"nobody's\",[2]]");
    heard_is("first:nobody's([2]) any:nobody's([2])");
}

static void a_number_is_a_name(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_socket_on(s, "7", on_event, "seven"), MR_OK);
    says(0, "42[7,1]");
    says(0, "42[\"7\",1]");
    says(0, "42[77,1]");
    heard_is("seven seven");
}

static void names_are_checked(void **state)
{
    struct mr_socket *s = comes("40");
    char name[MR_NAME_LEN_MAX + 2];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(mr_socket_on(s, name, on_event, NULL), MR_E_INVAL);
    assert_int_equal(mr_socket_once(s, "disconnecting", on_event, NULL), MR_E_INVAL);
    name[MR_NAME_LEN_MAX] = '\0';
    assert_int_equal(mr_socket_on(s, name, on_event, NULL), MR_OK);
    mr_socket_ref(s);
    mr_socket_disconnect(s, false);
    assert_int_equal(mr_socket_on(s, "x", on_event, NULL), MR_E_CLOSED);
    mr_socket_unref(s);
}

static void taken_off_is_not_called(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_socket_on(s, "x", on_event, "a"), MR_OK);
    assert_int_equal(mr_socket_on(s, "x", on_event, "b"), MR_OK);
    assert_int_equal(mr_socket_on(s, "y", on_event, "y"), MR_OK);
    assert_int_equal(mr_socket_on_any(s, on_any, "any"), MR_OK);
    mr_socket_off_any(s, NULL, NULL);
    says(0, "42[\"x\"]");
    heard_is("a b");
    mr_socket_off(s, "x", on_event, NULL); /* no such ctx */
    says(0, "42[\"x\"]");
    heard_is("a b");
    mr_socket_off(s, "x", NULL, NULL);
    says(0, "42[\"x\"]");
    says(0, "42[\"y\"]");
    heard_is("y");
    mr_socket_off(s, NULL, NULL, NULL);
    says(0, "42[\"y\"]");
    heard_is("");
}

static char next[] = "next", previous[] = "previous"; /* off compares their addresses */

static void changes(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    on_event(s, args, ack_id, "changes");
    mr_socket_off(s, "x", changes, ctx);       /* itself */
    mr_socket_off(s, "x", on_event, next);     /* one that was still to come */
    mr_socket_off(s, "x", on_event, previous); /* and one that was called */
    assert_int_equal(mr_socket_on(s, "x", on_event, "new"), MR_OK);
}

static void the_list_changes_under_the_walk(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_socket_on(s, "x", on_event, previous), MR_OK);
    assert_int_equal(mr_socket_on(s, "x", changes, NULL), MR_OK);
    assert_int_equal(mr_socket_on(s, "x", on_event, next), MR_OK);
    assert_int_equal(mr_socket_on(s, "x", on_event, "last"), MR_OK);
    says(0, "42[\"x\"]");
    heard_is("previous changes last");
    says(0, "42[\"x\"]");
    heard_is("last new");
}

static int decides(struct mr_socket *s, struct mr_span event, struct mr_span args, int64_t ack_id,
                   void *ctx)
{
    (void)ctx;
    note("use");
    if (mr_span_eq(event, MR_SPAN("secret"))) {
        (void)mr_ack(s, ack_id, MR_SPAN("\"no\""));
        return MR_E_INVAL;
    }
    if (mr_span_eq(event, MR_SPAN("kick")))
        mr_socket_disconnect(s, false);
    return args.len > 0 ? MR_OK : MR_E_PROTO;
}

static void on_error(struct mr_socket *s, int err, struct mr_span event, void *ctx)
{
    (void)s;
    (void)event;
    (void)ctx;
    note(err == MR_E_INVAL ? "invalid" : err == MR_E_PROTO ? "proto" : "?");
}

static void middleware_decides(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_socket_use(s, decides, NULL), MR_OK);
    assert_int_equal(mr_socket_use(s, decides, NULL), MR_OK);
    assert_int_equal(mr_socket_on_error(s, on_error, NULL), MR_OK);
    assert_int_equal(mr_socket_on_any(s, on_any, "any"), MR_OK);
    assert_int_equal(mr_on(&srv, "/", "x", on_event, "nsp"), MR_OK);
    (void)hears(0);
    says(0, "42[\"x\",1]");
    heard_is("use use any:x(1) nsp");
    says(0, "42[\"x\"]");
    heard_is("use proto");
    says(0, "425[\"secret\",1]");
    heard_is("use invalid");
    assert_string_equal(hears(0), "435[\"no\"]");
    mr_socket_ref(s);
    says(0, "42[\"kick\",1]");
    heard_is("use");
    assert_false(mr_socket_connected(s));
    mr_socket_unref(s);
}

static void ends(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    on_event(s, args, ack_id, ctx);
    mr_socket_disconnect(s, true);
}

static void who_ends_the_socket_is_the_last_to_hear(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_socket_on(s, "x", ends, "ends"), MR_OK);
    assert_int_equal(mr_socket_on(s, "x", on_event, "more"), MR_OK);
    says(0, "42[\"x\"]");
    heard_is("ends");
}

static void on_end(struct mr_socket *s, const char *reason, void *ctx)
{
    char word[96];

    (void)snprintf(word, sizeof(word), "%s(%s,%s)", (const char *)ctx, reason,
                   mr_in_room(s, "r") ? "in" : "out");
    note(word);
}

static void on_ack(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)s;
    (void)args;
    (void)ctx;
    note(err == MR_E_CLOSED ? "closed" : "?");
}

static void an_end_has_two_halves(void **state)
{
    struct mr_socket *s = comes("40");

    (void)state;
    assert_int_equal(mr_join(s, "r"), MR_OK);
    assert_int_equal(mr_on_disconnecting(&srv, "/", on_end, "ing"), MR_OK);
    assert_int_equal(mr_on_disconnect(&srv, "/", on_end, "ed"), MR_OK);
    assert_int_equal(mr_socket_on_disconnecting(s, on_end, "own-ing"), MR_OK);
    assert_int_equal(mr_socket_on_disconnect(s, on_end, "own-ed"), MR_OK);
    assert_int_equal(mr_socket_emit_ack(s, "q", MR_SPAN_NONE, 0, on_ack, NULL), MR_OK);
    says(0, "41");
    heard_is("own-ing(client namespace disconnect,in) ing(client namespace disconnect,in) closed "
             "own-ed(client namespace disconnect,in) ed(client namespace disconnect,in)");
}

static void on_more(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args, (void)ack_id, (void)ctx;
    note("more");
    assert_int_equal(mr_on(&srv, "/", "x", on_event, "third"), MR_OK);
    if (mr_span_is(args, "9"))
        mr_socket_disconnect(s, false);
}

static void a_namespace_has_as_many_as_it_likes(void **state)
{
    struct mr_socket *s;

    (void)state;
    assert_int_equal(mr_on(&srv, "/", "x", on_event, "first"), MR_OK);
    assert_int_equal(mr_on(&srv, "/", "x", on_more, NULL), MR_OK);
    assert_int_equal(mr_on_any(&srv, "/", on_any, "a"), MR_OK);
    assert_int_equal(mr_on_any(&srv, "/", on_any, "b"), MR_OK);
    s = comes("40");
    says(0, "42[\"x\",1]");
    heard_is("a:x(1) b:x(1) first more"); /* "third" has come too late for this one */
    says(0, "42[\"other\"]");
    heard_is("a:other() b:other()");
    assert_int_equal(mr_socket_on(s, "x", on_event, "own"), MR_OK);
    says(0, "42[\"x\",2]");
    heard_is("a:x(2) b:x(2) first more third own");
    says(0, "42[\"x\",9]"); /* it is thrown out by the second */
    heard_is("a:x(9) b:x(9) first more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_are_called_in_order, start, stop),
        cmocka_unit_test_setup_teardown(a_number_is_a_name, start, stop),
        cmocka_unit_test_setup_teardown(names_are_checked, start, stop),
        cmocka_unit_test_setup_teardown(taken_off_is_not_called, start, stop),
        cmocka_unit_test_setup_teardown(the_list_changes_under_the_walk, start, stop),
        cmocka_unit_test_setup_teardown(middleware_decides, start, stop),
        cmocka_unit_test_setup_teardown(who_ends_the_socket_is_the_last_to_hear, start, stop),
        cmocka_unit_test_setup_teardown(an_end_has_two_halves, start, stop),
        cmocka_unit_test_setup_teardown(a_namespace_has_as_many_as_it_likes, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
