/* test_io_nomem.c - a whole conversation in which one allocation after another fails, until none
 * does: whoever it hits may lose the connection, the server stands, callbacks come in pairs, and
 * the next client finds everything as it was. Under a sanitizer nothing leaks.
 */
#include "io_room.h"

#define NTH_MAX 600 /* a conversation has fewer */

static int balance; /* connected, and not yet disconnected */
static struct mr_socket *waiting;
static struct mr_nsp_request *asked;

static void on_in(struct mr_socket *s, void *ctx)
{
    note_connected(s, ctx);
    balance++;
}

static void on_out(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)s, (void)reason, (void)ctx;
    balance--;
}

static void on_answer(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)err, (void)s, (void)args, (void)ctx;
}

static void on_answers(int err, const struct mr_answers *answers, void *ctx)
{
    (void)err, (void)answers, (void)ctx;
}

static int put_off(struct mr_socket *s, struct mr_span event, struct mr_span args, int64_t ack_id,
                   void *ctx)
{
    (void)args, (void)ack_id, (void)ctx;
    if (!mr_span_is(event, "slow"))
        return MR_OK;
    if (waiting == NULL)
        waiting = mr_socket_ref(s);
    return MR_E_AGAIN;
}

static void on_talk(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span bytes = MR_SPAN("bytes");

    (void)ctx;
    (void)!mr_socket_use(s, put_off, NULL);
    (void)!mr_join(s, "room");
    (void)mr_ack(s, ack_id, args);
    (void)!mr_socket_emit_ack(s, "asked", MR_SPAN_NONE, 1000, on_answer, NULL);
    (void)mr_socket_emit_binary(s, "bytes", MR_SPAN("{\"_placeholder\":true,\"num\":0}"), &bytes,
                                1);
    (void)mr_emit_to(&srv, &(struct mr_target){MR_TO("room"), .latest = "k"}, "news", args);
    (void)mr_emit_ack_to(&srv, &(struct mr_target){.timeout_ms = 10}, "all", args, on_answers,
                         NULL);
}

static int later(const char *name, struct mr_span auth, struct mr_nsp_request *req, void *ctx)
{
    (void)auth, (void)ctx;
    if (strcmp(name, "/later") != 0)
        return MR_OK;
    asked = req;
    return MR_E_AGAIN;
}

static void up(void)
{
    static const struct mr_options opt = {.cleanup_empty_namespaces = true};

    balance = 0;
    server_up(&opt);
    assert_int_equal(mr_nsp_family(&srv, "family", "/[a-z]+", later, NULL), MR_OK);
    for (int i = 0; i < 2; i++) {
        const char *nsp = i == 0 ? "/" : "family";

        assert_int_equal(mr_on_connected(&srv, nsp, on_in, NULL), MR_OK);
        assert_int_equal(mr_on_disconnect(&srv, nsp, on_out, NULL), MR_OK);
        assert_int_equal(mr_on(&srv, nsp, "talk", on_talk, NULL), MR_OK);
    }
}

/* A client says something, if it is still there. */
static void tries(struct mr_session *s, const char *text)
{
    struct mr_eio_packet p;

    if (mr__session_is_open(s) && mr_eio_decode(mr_span_str(text), &p) == MR_OK)
        mr__session_packet(s, &p);
}

static void converse(void)
{
    static const char *const says[] = {"40",
                                       "40/made,{\"token\":\"t\"}",
                                       "40/later,",
                                       "420[\"talk\",{\"a\":1}]",
                                       "42/made,1[\"talk\",[]]",
                                       "451-[\"talk\",{\"_placeholder\":true,\"num\":0}]",
                                       "bYWJj",
                                       "42[\"slow\",1]",
                                       "42[\"talk\",2]",
                                       "430[1]",
                                       "41/made,"};
    const struct mr_exchange ex = {.ops = &room_ops};
    struct mr_session *s = mr__session_new(&srv, &ex, MR_S_POLLING);

    waiting = NULL;
    asked = NULL;
    if (s == NULL)
        return;
    sessions[0] = s;
    n_clients = 1;
    for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
        tries(s, says[i]);
    if (asked != NULL)
        mr_nsp_allow(asked);
    if (waiting != NULL)
        mr_packet_next(waiting);
    mr_socket_unref(waiting);
    if (mr__session_is_open(s))
        mr__session_close(s, "transport close", MR_CLOSE_KILL);
    n_clients = 0;
    passes(2000);
}

static void every_allocation_of_a_conversation_fails_once(void **state)
{
    (void)state;
    up();
    for (unsigned long nth = 1; nth < NTH_MAX; nth++) {
        mr_alloc_fail_nth(nth);
        converse();
        mr_alloc_fail_nth(0);
        assert_int_equal(balance, 0);
        assert_int_equal(srv.stats.sessions, 0);
        assert_int_equal(srv.stats.sockets, 0);
        assert_int_equal(srv.stats.queued_bytes, 0);
        assert_int_equal(srv.n_nsp_requests, 0);
        assert_non_null(comes("40")); /* the next one */
        assert_int_equal(balance, 1);
        mr__session_close(sessions[0], "transport close", MR_CLOSE_KILL);
        n_clients = 0;
        passes(1);
    }
    mr__core_deinit(&srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_conversation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
