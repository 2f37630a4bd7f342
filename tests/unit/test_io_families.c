/* test_io_families.c - namespaces that are made when somebody connects to them: by pattern, by a
 * function that answers now or later, with the family's handlers; and gone again when empty.
 */
#include "io_room.h"

static char seen[256];
static struct mr_nsp_request *waiting;
static unsigned limits;

static void note(const char *what, const char *name)
{
    size_t n = strlen(seen);

    (void)snprintf(seen + n, sizeof(seen) - n, "%s%s ", what, name);
}

static void on_nsp(enum mr_nsp_event what, const char *name, const char *family, void *ctx)
{
    (void)ctx;
    assert_string_equal(family, "rooms");
    note(what == MR_NSP_CREATED ? "+" : "-", name);
}

static void on_limit(enum mr_limit limit, const char *addr, uint64_t max, void *ctx)
{
    (void)addr, (void)max, (void)ctx;
    limits += limit == MR_LIMIT_NAMESPACES;
}

static int start_with(const struct mr_options *opt)
{
    seen[0] = '\0';
    waiting = NULL;
    limits = 0;
    server_up(opt);
    mr_on_namespace(&srv, on_nsp, NULL);
    mr_on_limit(&srv, on_limit, NULL);
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

static void family(const char *pattern, mr_nsp_fn fn)
{
    assert_int_equal(mr_nsp_family(&srv, "rooms", pattern, fn, NULL), MR_OK);
    assert_int_equal(mr_on_connected(&srv, "rooms", note_connected, NULL), MR_OK);
}

static void hi(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args, (void)ack_id;
    note(ctx, mr_socket_nsp(s));
}

static void bye(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)reason;
    note(ctx, mr_socket_nsp(s));
}

static int pass(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    note(ctx, mr_socket_nsp(s));
    return MR_OK;
}

/* "connected" or "refused". */
static const char *connects(size_t i, const char *packet)
{
    says(i, packet);
    return strstr(hears(i), "\"sid\"") != NULL ? "connected" : "refused";
}

static void only_a_name_that_matches_as_a_whole_is_made(void **state)
{
    size_t i = dial_in();

    (void)state;
    family("/a-[0-9]+|/b", NULL);
    assert_string_equal(connects(i, "40/a-1,"), "connected");
    assert_string_equal(connects(i, "40/b"), "connected");
    says(i, "40/a-1x,");
    assert_string_equal(hears(i), "44/a-1x,{\"message\":\"Invalid namespace\"}");
    says(i, "40/xa-1,");
    assert_string_equal(hears(i), "44/xa-1,{\"message\":\"Invalid namespace\"}");
    assert_string_equal(seen, "+/a-1 +/b ");
}

static void a_namespace_has_its_familys_handlers_and_its_own(void **state)
{
    size_t i = dial_in();

    (void)state;
    family(NULL, NULL);
    assert_int_equal(mr_use(&srv, "rooms", pass, "u"), MR_OK);
    assert_int_equal(mr_on(&srv, "rooms", "hi", hi, "h"), MR_OK);
    assert_string_equal(connects(i, "40/a,"), "connected");
    assert_string_equal(connects(i, "40/b,"), "connected");
    says(i, "42/a,[\"hi\"]");
    assert_int_equal(mr_on(&srv, "/b", "hi", hi, "own"), MR_OK);
    assert_int_equal(mr_on_disconnect(&srv, "rooms", bye, "x"), MR_OK); /* later, and it counts */
    says(i, "42/b,[\"hi\"]");
    says(i, "41/a,");
    assert_string_equal(seen, "+/a u/a +/b u/b h/a own/b x/a ");
}

static int ask(const char *name, struct mr_span auth, struct mr_nsp_request *req, void *ctx)
{
    (void)ctx;
    if (mr_member(auth, "wait").len > 0) {
        waiting = req;
        return MR_E_AGAIN;
    }
    return strcmp(name, "/yes") == 0 ? MR_OK : MR_E_FORBIDDEN;
}

static void a_function_decides_now_or_later(void **state)
{
    size_t i = dial_in();

    (void)state;
    family(NULL, ask);
    assert_string_equal(connects(i, "40/yes,"), "connected");
    assert_string_equal(connects(i, "40/no,"), "refused");
    says(i, "40/later,{\"wait\":1}");
    assert_string_equal(hears(i), "");
    mr_nsp_allow(waiting);
    assert_non_null(strstr(hears(i), "40/later,{\"sid\""));
    says(i, "40/never,{\"wait\":1}");
    mr_nsp_refuse(waiting);
    assert_string_equal(hears(i), "44/never,{\"message\":\"Invalid namespace\"}");
}

static void an_answer_for_who_has_left_does_nothing(void **state)
{
    size_t i = dial_in();

    (void)state;
    family(NULL, ask);
    says(i, "40/later,{\"wait\":1}");
    mr__session_close(sessions[i], "transport close", MR_CLOSE_KILL);
    passes(0);
    mr_nsp_allow(waiting);
    assert_string_equal(seen, "");
}

static void two_requests_for_one_name_make_one_socket(void **state)
{
    struct mr_nsp_request *first;
    size_t i = dial_in();

    (void)state;
    family(NULL, ask);
    says(i, "40/twice,{\"wait\":1}");
    first = waiting;
    says(i, "40/twice,{\"wait\":1}");
    mr_nsp_allow(waiting);
    mr_nsp_allow(first);
    assert_string_equal(seen, "+/twice ");
    assert_int_equal(mr_room_size(&srv, "/twice", NULL), 1);
}

static void a_broadcast_to_the_family_reaches_all_of_it(void **state)
{
    size_t i = dial_in(), k = dial_in();

    (void)state;
    family(NULL, NULL);
    (void)connects(i, "40/a,");
    (void)connects(k, "40/b,");
    assert_int_equal(mr_emit(&srv, "rooms", NULL, "news", MR_SPAN("1")), 2);
    assert_string_equal(hears(i), "42/a,[\"news\",1]");
    assert_string_equal(hears(k), "42/b,[\"news\",1]");
    assert_int_equal(mr_emit(&srv, "/a", NULL, "news", MR_SPAN("2")), 1);
    assert_int_equal(mr_disconnect_sockets(&srv, &(struct mr_target){.nsp = "rooms"}, false),
                     MR_OK);
    assert_int_equal(mr_room_size(&srv, "/a", NULL) + mr_room_size(&srv, "/b", NULL), 0);
}

static void empty_ones_go_and_come_again(void **state)
{
    size_t i;
    struct mr_socket *s;

    (void)state;
    stop(NULL);
    start_with(&(struct mr_options){.cleanup_empty_namespaces = true});
    family(NULL, NULL);
    i = dial_in();
    (void)connects(i, "40/a,");
    passes(0);
    assert_string_equal(seen, "+/a ");
    s = mr_socket_ref(sockets[i]);
    says(i, "41/a,");
    passes(0);
    assert_string_equal(seen, "+/a -/a ");
    assert_string_equal(mr_socket_nsp(s), "/a"); /* whoever holds a socket may still ask it */
    mr_socket_unref(s);
    (void)connects(i, "40/a,");
    mr_socket_disconnect(sockets[i], false); /* thrown out: what is under way is still tolerated */
    passes(0);
    says(i, "42/a,[\"late\"]");
    assert_string_equal(seen, "+/a -/a +/a -/a ");
}

static void there_are_never_more_than_allowed(void **state)
{
    size_t i;

    (void)state;
    stop(NULL);
    start_with(&(struct mr_options){.family_namespaces_max = 2});
    family(NULL, NULL);
    i = dial_in();
    assert_string_equal(connects(i, "40/a,"), "connected");
    assert_string_equal(connects(i, "40/b,"), "connected");
    says(i, "40/c,");
    assert_string_equal(hears(i), "44/c,{\"message\":\"Invalid namespace\"}");
    assert_int_equal(limits, 1);
    assert_int_equal(srv.stats.refused, 1);
}

static void a_bad_family_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mr_nsp_family(&srv, "/x", NULL, NULL, NULL), MR_E_INVAL);
    assert_int_equal(mr_nsp_family(&srv, "x", "(", NULL, NULL), MR_E_INVAL);
    assert_int_equal(mr_nsp_family(&srv, "x", "(a)\\1", NULL, NULL), MR_E_INVAL);
    assert_int_equal(mr_nsp_family(&srv, "x", NULL, NULL, NULL), MR_OK);
    assert_int_equal(mr_nsp_family(&srv, "x", NULL, NULL, NULL), MR_E_CONFLICT);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_a_name_that_matches_as_a_whole_is_made),
        TEST(a_namespace_has_its_familys_handlers_and_its_own),
        TEST(a_function_decides_now_or_later),
        TEST(an_answer_for_who_has_left_does_nothing),
        TEST(two_requests_for_one_name_make_one_socket),
        TEST(a_broadcast_to_the_family_reaches_all_of_it),
        TEST(empty_ones_go_and_come_again),
        TEST(there_are_never_more_than_allowed),
        TEST(a_bad_family_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
