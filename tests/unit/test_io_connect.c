/* test_io_connect.c - the chain that a CONNECT passes: yes, no and later, at each link; and what
 * the socket keeps of it.
 */
#include "io_room.h"

static char asked[128]; /* who was asked, a letter each */
static struct mr_socket *waiting;

static void note(char who)
{
    size_t n = strlen(asked);

    assert_true(n + 1 < sizeof(asked));
    asked[n] = who;
    asked[n + 1] = '\0';
}

static int start(void **state)
{
    (void)state;
    asked[0] = '\0';
    waiting = NULL;
    server_up(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mr_socket_unref(waiting);
    mr__core_deinit(&srv);
    return 0;
}

static int yes(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(*(const char *)ctx);
    mr_socket_set_data(s, ctx);
    return MR_OK;
}

static int no(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(*(const char *)ctx);
    mr_connect_refuse(s, "not you", MR_SPAN("{\"code\":7}"));
    return MR_E_AUTH;
}

static int later(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(*(const char *)ctx);
    waiting = mr_socket_ref(s);
    return MR_E_AGAIN;
}

static int next_at_once(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(*(const char *)ctx);
    mr_connect_next(s);
    return MR_E_AGAIN;
}

static int refuse_and_wait(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(*(const char *)ctx);
    mr_connect_refuse(s, "never", MR_SPAN_NONE);
    return MR_E_AGAIN;
}

static int leaves(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(*(const char *)ctx);
    mr_socket_drop(s);
    return MR_OK;
}

static void use(mr_connect_fn fn, const char *who)
{
    assert_int_equal(mr_use(&srv, "/", fn, (void *)(uintptr_t)who), MR_OK);
}

static void hook(mr_connect_fn fn, const char *who)
{
    assert_int_equal(mr_on_connect(&srv, "/", fn, (void *)(uintptr_t)who), MR_OK);
}

static void all_are_asked_in_order(void **state)
{
    struct mr_socket *s;

    (void)state;
    hook(yes, "h"); /* last, though it was there first */
    use(yes, "a");
    use(next_at_once, "b");
    use(yes, "c");
    s = comes("40{\"token\":\"t\"}");
    assert_non_null(s);
    assert_string_equal(asked, "abch");
    assert_string_equal(mr_socket_data(s), "h");
    assert_true(mr_span_eq(mr_socket_auth(s), MR_SPAN("{\"token\":\"t\"}")));
    assert_true(mr_span_eq(mr_socket_auth(comes("40")), MR_SPAN("{}")));
}

static int waits(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)s, (void)auth;
    note(*(const char *)ctx);
    return MR_E_AGAIN;
}

static void who_waits_is_asked_as_it_came(void **state)
{
    (void)state;
    hook(waits, "h");
    use(yes, "a");
    use(waits, "b");
    assert_null(comes("40"));
    use(yes, "c"); /* for those who come later */
    mr_connect_next(sessions[0]->sockets);
    assert_string_equal(asked, "abh");
    use(yes, "d");
    mr_connect_next(sessions[0]->sockets);
    assert_string_equal(asked, "abh");
    assert_non_null(sockets[0]);
}

static void one_refuses(void **state)
{
    (void)state;
    use(yes, "a");
    use(no, "b");
    use(yes, "c");
    assert_null(comes("40"));
    assert_string_equal(asked, "ab");
    assert_string_equal(hears(0), "44{\"message\":\"not you\",\"data\":{\"code\":7}}");
    says(0, "40"); /* the client may try again */
    assert_string_equal(asked, "abab");
}

static void a_refusal_does_not_wait(void **state)
{
    (void)state;
    use(refuse_and_wait, "a");
    use(yes, "b");
    assert_null(comes("40"));
    assert_string_equal(asked, "a");
    assert_string_equal(hears(0), "44{\"message\":\"never\"}");
}

static void an_answer_comes_later(void **state)
{
    (void)state;
    use(yes, "a");
    use(later, "b");
    use(yes, "c");
    assert_null(comes("40"));
    assert_string_equal(asked, "ab");
    assert_string_equal(mr_socket_data(waiting), "a");
    assert_string_equal(hears(0), "");
    mr_connect_next(waiting);
    assert_string_equal(asked, "abc");
    assert_ptr_equal(sockets[0], waiting);
    assert_true(mr_socket_connected(waiting));
    mr_connect_next(waiting); /* once more: nothing */
    assert_string_equal(asked, "abc");
}

static void later_may_be_a_no(void **state)
{
    (void)state;
    use(later, "a");
    use(yes, "b");
    assert_null(comes("40"));
    mr_connect_refuse(waiting, "expired", MR_SPAN_NONE);
    assert_string_equal(asked, "a");
    assert_string_equal(hears(0), "44{\"message\":\"expired\"}");
}

static void the_client_leaves_meanwhile(void **state)
{
    (void)state;
    use(later, "a");
    use(yes, "b");
    assert_null(comes("40"));
    says(0, "41");
    mr_connect_next(waiting);
    assert_string_equal(asked, "a");
    assert_false(mr_socket_connected(waiting));
    assert_null(sockets[0]);
}

static void one_ends_the_connection(void **state)
{
    (void)state;
    use(leaves, "a");
    use(yes, "b");
    assert_null(comes("40"));
    assert_string_equal(asked, "a");
}

static void other_namespaces_are_not_asked(void **state)
{
    (void)state;
    use(no, "a");
    assert_int_equal(mr_on_connected(&srv, "/open", note_connected, NULL), MR_OK);
    assert_non_null(comes("40/open,"));
    assert_string_equal(asked, "");
}

static void there_are_limits(void **state)
{
    static char text[MR_AUTH_BYTES_MAX + 32];

    (void)state;
    for (size_t len = MR_AUTH_BYTES_MAX; len <= MR_AUTH_BYTES_MAX + 1; len++) {
        int n = snprintf(text, sizeof(text), "40{\"a\":\"%0*d\"}", (int)len - 8, 0);

        assert_int_equal(n, len + 2);
        assert_int_equal(comes(text) != NULL, len == MR_AUTH_BYTES_MAX);
    }
    assert_string_equal(hears(1), "44{\"message\":\"auth too large\"}");
    assert_int_equal(srv.stats.refused, 1);
    for (size_t i = 0; i < MR_USES_MAX; i++)
        use(yes, "a");
    assert_int_equal(mr_use(&srv, "/", yes, NULL), MR_E_TOOBIG);
    assert_non_null(comes("40"));
    assert_int_equal(strlen(asked), MR_USES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_asked_in_order, start, stop),
        cmocka_unit_test_setup_teardown(who_waits_is_asked_as_it_came, start, stop),
        cmocka_unit_test_setup_teardown(one_refuses, start, stop),
        cmocka_unit_test_setup_teardown(a_refusal_does_not_wait, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_comes_later, start, stop),
        cmocka_unit_test_setup_teardown(later_may_be_a_no, start, stop),
        cmocka_unit_test_setup_teardown(the_client_leaves_meanwhile, start, stop),
        cmocka_unit_test_setup_teardown(one_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(other_namespaces_are_not_asked, start, stop),
        cmocka_unit_test_setup_teardown(there_are_limits, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
