/* test_io_broadcast.c - whom a target means, and what can be done with all of them: against a plain
 * table where there are many cases, by hand where the order of things matters.
 */
#include "io_room.h"

#define N 8

static int up(void **state)
{
    (void)state;
    server_up(NULL);
    for (size_t i = 0; i < N; i++) {
        assert_non_null(comes("40"));
        (void)hears(i);
    }
    return 0;
}

static int down(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

/* Which clients have heard something, as a string of their digits. */
static const char *who(void)
{
    static char out[N + 1];
    size_t n = 0;

    for (size_t i = 0; i < N; i++) {
        const char *heard = hears(i);

        if (heard[0] == '\0')
            continue;
        assert_null(strchr(heard, '|')); /* once */
        out[n++] = (char)('0' + i);
    }
    out[n] = '\0';
    return out;
}

static void join(size_t i, const char *room)
{
    assert_int_equal(mr_join(sockets[i], room), MR_OK);
}

#define SENT(n, ...)                                                                               \
    assert_int_equal(mr_emit_to(&srv, &(struct mr_target){__VA_ARGS__}, "e", MR_SPAN("1")), n)

static void a_target_is_a_union_less_the_exceptions(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        join(i, "low");
    for (size_t i = 2; i < 6; i++)
        join(i, "mid");
    SENT(8, .nsp = "/");
    assert_string_equal(who(), "01234567");
    SENT(6, MR_TO("low", "mid"));
    assert_string_equal(who(), "012345");
    SENT(6, MR_TO("mid", "low", "mid", "nobody"));
    assert_string_equal(who(), "012345");
    SENT(2, MR_TO("low"), MR_EXCEPT("mid"));
    assert_string_equal(who(), "01");
    SENT(2, MR_EXCEPT("mid", "low"));
    assert_string_equal(who(), "67");
    SENT(5, MR_TO("low", "mid"), .from = sockets[3]);
    assert_string_equal(who(), "01245");
    SENT(7, .from = sockets[0]);
    assert_string_equal(who(), "1234567");
    SENT(0, MR_TO("nobody"), MR_EXCEPT("low"));
    SENT(0, .nsp = "/nowhere");
    assert_string_equal(who(), "");
}

static void a_socket_is_a_room_by_its_id(void **state)
{
    const char *names[4];

    (void)state;
    assert_null(sockets[0]->nsp->adapter->ids.slots); /* not before somebody asks */
    SENT(1, MR_TO(sockets[2]->id));
    assert_string_equal(who(), "2");
    SENT(2, MR_TO(sockets[2]->id, sockets[5]->id, sockets[2]->id));
    assert_string_equal(who(), "25");
    SENT(7, MR_EXCEPT(sockets[4]->id));
    assert_string_equal(who(), "0123567");
    assert_true(mr_in_room(sockets[1], sockets[1]->id));
    assert_false(mr_in_room(sockets[1], sockets[2]->id));
    assert_int_equal(mr_room_size(&srv, "/", sockets[1]->id), 1);
    assert_int_equal(mr_room_size(&srv, "/", "AAAAAAAAAAAAAAAAAAAA"), 0);
    assert_int_equal(mr_room_count(&srv, "/"), 0);
    assert_ptr_equal(mr_socket_find(&srv, "/", sockets[6]->id), sockets[6]);
    assert_null(mr_socket_find(&srv, "/", "short"));
    join(1, "x");
    assert_int_equal(mr_socket_rooms(sockets[1], names, 4), 2);
    assert_string_equal(names[0], sockets[1]->id);
    assert_string_equal(names[1], "x");
    assert_int_equal(mr_socket_rooms(sockets[1], NULL, 0), 2);
}

static void another_may_join_a_sockets_own_room(void **state)
{
    char id[MR_SID_LEN + 1];

    (void)state;
    memcpy(id, sockets[3]->id, sizeof(id));
    join(0, id);
    assert_int_equal(mr_room_size(&srv, "/", id), 2);
    assert_int_equal(mr_socket_rooms(sockets[3], NULL, 0), 1);
    SENT(2, MR_TO(id));
    assert_string_equal(who(), "03");
    mr_socket_disconnect(sockets[3], false);
    (void)hears(3);
    SENT(1, MR_TO(id));
    assert_string_equal(who(), "0");
    mr_leave(sockets[0], id);
    assert_int_equal(srv.stats.rooms, 0);
    mr_leave(sockets[1], sockets[1]->id); /* its own: allowed, and it can come back */
    SENT(0, MR_TO(sockets[1]->id));
    join(1, sockets[1]->id);
    SENT(1, MR_TO(sockets[1]->id));
    assert_string_equal(who(), "1");
}

/* Many walks over many rooms against a table. */
static void any_target_agrees_with_a_table(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    bool in[N][4] = {{false}};
    unsigned seed = 3;

    (void)state;
    srv.mark = UINT32_MAX - 1000; /* the numbers of walks begin anew on the way */
    for (int round = 0; round < 3000; round++) {
        const char *to[4], *except[4];
        struct mr_target t = {.rooms = to, .except = except};
        char want[N + 1];
        size_t n = 0;
        unsigned bits = (seed = seed * 1103515245 + 12345) >> 8;
        size_t mover = bits % N, room = (bits >> 4) % 4;

        in[mover][room] = !in[mover][room];
        if (in[mover][room])
            join(mover, names[room]);
        else
            mr_leave(sockets[mover], names[room]);
        for (size_t r = 0; r < 4; r++) {
            if (bits >> (8 + r) & 1)
                to[t.n_rooms++] = names[r];
            if ((bits >> (12 + r) & 3) == 3)
                except[t.n_except++] = names[r];
        }
        t.from = bits >> 20 & 1 ? sockets[mover] : NULL;
        for (size_t i = 0; i < N; i++) {
            bool yes = t.n_rooms == 0;

            for (size_t r = 0; r < t.n_rooms; r++)
                yes = yes || in[i][to[r][0] - 'a'];
            for (size_t r = 0; r < t.n_except; r++)
                yes = yes && !in[i][except[r][0] - 'a'];
            if (yes && t.from != sockets[i])
                want[n++] = (char)('0' + i);
        }
        want[n] = '\0';
        assert_int_equal(mr_emit_to(&srv, &t, "e", MR_SPAN_NONE), n);
        assert_string_equal(who(), want);
    }
}

static void attachments_follow_their_packet(void **state)
{
    const struct mr_span parts[] = {MR_SPAN("\1\2"), MR_SPAN("x")};

    (void)state;
    join(1, "r");
    assert_int_equal(mr_emit_binary_to(&srv, &(struct mr_target){MR_TO("r")}, "e",
                                       MR_SPAN("{\"_placeholder\":true,\"num\":0},"
                                               "{\"_placeholder\":true,\"num\":1}"),
                                       parts, 2),
                     1);
    assert_string_equal(hears(1), "452-[\"e\",{\"_placeholder\":true,\"num\":0},"
                                  "{\"_placeholder\":true,\"num\":1}]|\1\2|x");
    assert_int_equal(mr_emit_binary_to(&srv, &(struct mr_target){0}, "e", MR_SPAN_NONE, parts, 11),
                     MR_E_TOOBIG);
    assert_int_equal(mr_emit(&srv, "/", NULL, "disconnect", MR_SPAN_NONE), MR_E_INVAL);
    assert_string_equal(who(), "");
}

static void volatile_is_for_who_can_take_it_now(void **state)
{
    struct mr_exchange held = {.ops = &room_ops};

    (void)state;
    SENT(0, .flags = MR_VOLATILE); /* nobody waits in a GET */
    sessions[2]->get = sessions[3]->get = &held;
    SENT(1, MR_TO(sockets[3]->id));
    SENT(1, .flags = MR_VOLATILE); /* something waits for 3 already */
    assert_string_equal(who(), "23");
    sessions[2]->get = sessions[3]->get = NULL;
}

/* ---- acks ----------------------------------------------------------------------------------- */

static struct {
    int calls, err;
    size_t n, asked;
    char text[256];
} got;

static void on_answers(int err, const struct mr_answers *a, void *ctx)
{
    size_t at = 0;

    (void)ctx;
    got.calls++;
    got.err = err;
    got.n = a->n;
    got.asked = a->asked;
    got.text[0] = '\0';
    for (size_t i = 0; i < a->n; i++)
        at += (size_t)snprintf(got.text + at, sizeof(got.text) - at, MR_SPAN_FMT "|",
                               MR_SPAN_ARG(a->list[i].args));
}

static int up_with_acks(void **state)
{
    (void)up(state);
    memset(&got, 0, sizeof(got));
    for (size_t i = 0; i < 3; i++)
        join(i, "r");
    return 0;
}

#define ASK(n, ms)                                                                                 \
    assert_int_equal(mr_emit_ack_to(&srv,                                                          \
                                    &(struct mr_target){MR_TO("r", "none"), .timeout_ms = (ms)},   \
                                    "q", MR_SPAN("7"), on_answers, NULL),                          \
                     n)

static void all_answers_come_in_one_callback(void **state)
{
    const struct mr_span part = MR_SPAN("\1");

    (void)state;
    assert_int_equal(mr_emit_ack_binary_to(&srv, &(struct mr_target){MR_TO(sockets[5]->id)}, "b",
                                           MR_SPAN("{\"_placeholder\":true,\"num\":0}"), &part, 1,
                                           on_answers, NULL),
                     1);
    assert_string_equal(hears(5), "451-0[\"b\",{\"_placeholder\":true,\"num\":0}]|\1");
    says(5, "430[]");
    assert_int_equal(got.calls, 1);
    got.calls = 0;
    sockets[0]->nsp->next_ack = 0;
    ASK(3, 1000);
    assert_string_equal(hears(0), "420[\"q\",7]");
    assert_string_equal(hears(1), "420[\"q\",7]"); /* the same id: the same bytes */
    says(1, "430[\"b\"]");
    says(1, "430[\"again\"]");
    says(5, "430[\"was not asked\"]");
    says(0, "430[\"a\",1]");
    assert_int_equal(got.calls, 0);
    says(2, "430[]");
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err, MR_OK);
    assert_string_equal(got.text, "\"b\"|\"a\",1||");
    passes(5000);
    assert_int_equal(got.calls, 1);
    assert_int_equal(sockets[0]->n_acks, 0);
}

static void who_does_not_answer_in_time_is_missing(void **state)
{
    (void)state;
    ASK(3, 1000);
    says(2, "430[2]");
    passes(999);
    assert_int_equal(got.calls, 0);
    passes(1);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err, MR_E_TIMEOUT);
    assert_string_equal(got.text, "2|");
    assert_int_equal(got.asked, 3);
    says(0, "430[0]"); /* too late: ignored */
    assert_int_equal(got.calls, 1);
    assert_true(mr__list_empty(&sockets[0]->acks));
}

static void who_leaves_is_not_waited_for(void **state)
{
    (void)state;
    ASK(3, 0);
    says(0, "430[0]");
    says(1, "41");
    assert_int_equal(got.calls, 0);
    mr_socket_disconnect(sockets[2], true);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err, MR_E_CLOSED);
    assert_string_equal(got.text, "0|");
}

static void nobody_to_ask_is_an_answer_at_once(void **state)
{
    (void)state;
    assert_int_equal(mr_emit_ack_to(&srv, &(struct mr_target){MR_TO("empty")}, "q", MR_SPAN_NONE,
                                    on_answers, NULL),
                     0);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err, MR_OK);
    ASK(3, 0); /* and who still waits when the server ends, is told: see down_with_acks */
}

static int down_with_acks(void **state)
{
    int calls = got.calls;

    (void)down(state);
    assert_int_equal(got.calls, calls + 1);
    assert_int_equal(got.err, MR_E_CLOSED);
    return 0;
}

/* Without memory it fails whole: nobody waits, nothing leaks (the sanitizer build looks). */
static void asking_without_memory_changes_nothing(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth < 24; nth++) {
        int calls = got.calls, rc;

        mr_alloc_fail_nth(nth);
        rc = mr_emit_ack_to(&srv, &(struct mr_target){MR_TO("r"), .timeout_ms = 10}, "q",
                            MR_SPAN_NONE, on_answers, NULL);
        mr_alloc_fail_nth(0);
        assert_true(rc >= 0 || rc == MR_E_NOMEM);
        passes(10);
        assert_int_equal(got.calls, calls + (rc >= 0));
        assert_int_equal(sockets[0]->n_acks, 0);
    }
}

/* ---- many sockets --------------------------------------------------------------------------- */

static size_t fetched;

static void on_fetched(const struct mr_outcome *how, const struct mr_remote *list, size_t n,
                       void *ctx)
{
    (void)ctx;
    fetched = n;
    assert_int_equal(how->err, MR_OK);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(list[i].id, list[i].socket->id);
        assert_string_equal(list[i].rooms[0], list[i].id);
        assert_int_equal(list[i].n_rooms, 2);
        assert_string_equal(list[i].rooms[1], "r");
        assert_ptr_equal(list[i].data, &fetched);
        mr_socket_disconnect(list[i].socket, false); /* anything may be done */
    }
}

static void sockets_are_fetched_with_their_particulars(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        join(i, "r");
        mr_socket_set_data(sockets[i], &fetched);
    }
    assert_int_equal(mr_fetch_sockets(&srv, &(struct mr_target){MR_TO("r"), .from = sockets[0]},
                                      on_fetched, NULL),
                     MR_OK);
    assert_int_equal(fetched, 3);
    assert_int_equal(mr_room_size(&srv, "/", "r"), 1);
    assert_int_equal(mr_room_size(&srv, "/", NULL), N - 3);
}

static void many_join_leave_and_go(void **state)
{
    const struct mr_target all = {0}, a = {MR_TO("a")};

    (void)state;
    assert_int_equal(mr_sockets_join(&srv, &all, MR_NAMES("a", "b"), 2), MR_OK);
    assert_int_equal(mr_room_size(&srv, "/", "a"), N);
    assert_int_equal(
        mr_sockets_leave(&srv, &(struct mr_target){MR_TO(sockets[0]->id)}, MR_NAMES("a", "b"), 2),
        MR_OK);
    assert_int_equal(mr_room_size(&srv, "/", "a"), N - 1);
    assert_int_equal(mr_room_count(&srv, "/"), 2);
    assert_int_equal(mr_disconnect_sockets(&srv, &a, false), MR_OK);
    assert_int_equal(mr_room_size(&srv, "/", NULL), 1);
    assert_string_equal(hears(3), "41");
    assert_true(mr__session_is_open(sessions[3]));
    assert_int_equal(mr_disconnect_sockets(&srv, &all, true), MR_OK);
    assert_int_equal(mr_room_size(&srv, "/", NULL), 0);
    assert_false(mr__session_is_open(sessions[0]));
    assert_int_equal(srv.stats.rooms, 0);
}

/* ---- room events ---------------------------------------------------------------------------- */

static char story[1024];

static void on_room(enum mr_room_event what, const char *room, struct mr_socket *s, void *ctx)
{
    static const char *const words[] = {"+", ">", "<", "-"};
    size_t at = strlen(story);

    (void)ctx;
    (void)snprintf(story + at, sizeof(story) - at, "%s%s ", words[what],
                   strcmp(room, s->id) == 0 ? "own" : room);
    if (what == MR_ROOM_JOINED && strcmp(room, "trap") == 0)
        mr_leave(s, "trap");
    if (what == MR_ROOM_LEFT && strcmp(room, "hydra") == 0)
        assert_int_equal(mr_join(s, "hydra"), mr_socket_connected(s) ? MR_OK : MR_E_CLOSED);
}

static void rooms_tell_what_happens_to_them(void **state)
{
    struct mr_socket *s;

    (void)state;
    story[0] = '\0';
    assert_int_equal(mr_on_room_event(&srv, "/", on_room, NULL), MR_OK);
    s = comes("40");
    join(0, "r");
    join(1, "r");
    join(1, "r");
    mr_leave(sockets[0], "r");
    mr_leave(sockets[0], "r");
    mr_leave(sockets[1], "r");
    assert_string_equal(story, "+own >own +r >r >r <r <r -r ");
    story[0] = '\0';
    assert_int_equal(mr_join(s, "trap"), MR_OK);
    assert_int_equal(mr_join(s, "hydra"), MR_OK);
    mr_leave(s, "hydra");
    assert_true(mr_in_room(s, "hydra"));
    story[0] = '\0';
    mr_socket_disconnect(s, true);
    assert_string_equal(story, "<hydra -hydra <own -own ");
    assert_int_equal(srv.stats.rooms, 0);
}

/* ---- another adapter ------------------------------------------------------------------------ */

static struct {
    int inits, closes, broadcasts;
    const char *rooms;
    struct mr_collector *collector;
    char reply[64];
} cluster;

static struct mr_adapter_ops cluster_ops;

static int cluster_init(struct mr_adapter *a, void *arg)
{
    mr_adapter_set_state(a, arg);
    cluster.inits++;
    return MR_OK;
}

static void cluster_close(struct mr_adapter *a)
{
    assert_ptr_equal(mr_adapter_state(a), &cluster);
    cluster.closes++;
}

static int cluster_broadcast(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to)
{
    cluster.broadcasts++;
    assert_string_equal(p->event, "e"); /* plain data, to be told to others */
    return mr_adapter_memory()->broadcast(a, p, to);
}

static int cluster_ask(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to,
                       struct mr_collector *c)
{
    cluster.collector = c;
    return mr_adapter_memory()->broadcast_with_ack(a, p, to, c);
}

static size_t cluster_servers(const struct mr_adapter *a)
{
    (void)a;
    return 2;
}

static void on_server_event(const char *event, struct mr_span args, struct mr_server_ask *ask,
                            void *ctx)
{
    (void)ctx;
    assert_string_equal(event, "hello");
    mr_server_reply(ask, args);
}

static void take_reply(void *ctx, struct mr_span value)
{
    (void)ctx;
    (void)snprintf(cluster.reply, sizeof(cluster.reply), MR_SPAN_FMT, MR_SPAN_ARG(value));
}

static size_t answered = 9;

static void on_server_answers(const struct mr_outcome *how, const struct mr_span *answers, size_t n,
                              void *ctx)
{
    (void)answers;
    (void)ctx;
    assert_int_equal(how->err, MR_OK);
    answered = n;
}

static void a_cluster_adapter_stands_in_between(void **state)
{
    const struct mr_answer far = {MR_SPAN("\"far\""), NULL, 0};

    (void)state;
    memset(&cluster, 0, sizeof(cluster));
    memset(&got, 0, sizeof(got));
    cluster_ops = *mr_adapter_memory();
    cluster_ops.init = cluster_init;
    cluster_ops.close = cluster_close;
    cluster_ops.broadcast = cluster_broadcast;
    cluster_ops.broadcast_with_ack = cluster_ask;
    cluster_ops.server_count = cluster_servers;
    server_up(NULL);
    assert_int_equal(mr_on_server_event(&srv, "/", on_server_event, NULL), MR_OK);
    assert_int_equal(mr_use_adapter(&srv, &cluster_ops, &cluster), MR_OK);
    assert_int_equal(cluster.inits, 1);
    assert_non_null(comes("40"));
    assert_int_equal(mr_use_adapter(&srv, mr_adapter_memory(), NULL), MR_E_CONFLICT);
    (void)hears(0);
    SENT(1, .flags = 0);
    assert_int_equal(cluster.broadcasts, 1);
    assert_string_equal(hears(0), "42[\"e\",1]");
    assert_int_equal(mr_emit_ack_to(&srv, &(struct mr_target){.timeout_ms = 100}, "q", MR_SPAN_NONE,
                                    on_answers, NULL),
                     1);
    says(0, "430[1]");
    assert_int_equal(got.calls, 0); /* the other server has not said how many it asked */
    cluster.collector->answer(cluster.collector, &far);
    assert_int_equal(got.calls, 0);
    cluster.collector->expect(cluster.collector, 1);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err, MR_OK);
    assert_string_equal(got.text, "1|\"far\"|");
    assert_int_equal(mr_adapter_take_server_event(sockets[0]->nsp->adapter, "hello",
                                                  MR_SPAN("\"you\""), take_reply, NULL),
                     MR_OK);
    assert_string_equal(cluster.reply, "\"you\"");
    assert_int_equal(
        mr_server_side_emit(&srv, "/", "hello", MR_SPAN_NONE, 0, on_server_answers, NULL), MR_OK);
    assert_int_equal(answered, 0);
    mr__core_deinit(&srv);
    assert_int_equal(cluster.closes, 1);
}

int main(void)
{
#define WITH(test, before, after) cmocka_unit_test_setup_teardown(test, before, after)
    const struct CMUnitTest tests[] = {
        WITH(a_target_is_a_union_less_the_exceptions, up, down),
        WITH(a_socket_is_a_room_by_its_id, up, down),
        WITH(another_may_join_a_sockets_own_room, up, down),
        WITH(any_target_agrees_with_a_table, up, down),
        WITH(attachments_follow_their_packet, up, down),
        WITH(volatile_is_for_who_can_take_it_now, up, down),
        WITH(all_answers_come_in_one_callback, up_with_acks, down),
        WITH(who_does_not_answer_in_time_is_missing, up_with_acks, down),
        WITH(who_leaves_is_not_waited_for, up_with_acks, down),
        WITH(nobody_to_ask_is_an_answer_at_once, up_with_acks, down_with_acks),
        WITH(asking_without_memory_changes_nothing, up_with_acks, down),
        WITH(sockets_are_fetched_with_their_particulars, up, down),
        WITH(many_join_leave_and_go, up, down),
        WITH(rooms_tell_what_happens_to_them, up, down),
        cmocka_unit_test(a_cluster_adapter_stands_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
