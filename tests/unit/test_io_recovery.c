/* test_io_recovery.c - clients that come back: what they are told, and what they are not.
 *
 * A client here is what socket.io-client is: it keeps the pid, and the last argument of each event
 * as its offset.
 */
#include "io_room.h"

#include "io/recovery_memory.h"
#include "proto/json.h"

static struct mr_recovery_options options;
static char pid[MR_PID_MAX + 1], sid[MR_PID_MAX + 1], offset[MR_OFFSET_MAX + 1];

static int up(void **state)
{
    (void)state;
    server_up(NULL);
    assert_int_equal(mr_use_recovery(&srv, &options), MR_OK);
    pid[0] = sid[0] = offset[0] = '\0';
    return 0;
}

static int down(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    options = (struct mr_recovery_options){0};
    return 0;
}

/* ---- the client ----------------------------------------------------------------------------- */

static void copy(struct mr_span from, char *to)
{
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

/* Take what is queued for client i as its events, without their offsets, which it remembers:
 * "a b 40". "40!": a CONNECT with the sid and pid that it had; "40": with others. */
static const char *reads(size_t i)
{
    static char out[8192];
    struct mr_outq *q = mr__session_q(sessions[i]);
    size_t at = 0;

    out[0] = '\0';
    for (; q->n > 0; mr__outq_pop(q)) {
        struct mr_span text = mr__frame_payload(mr__outq_at(q, 0)), got;
        const char *word = "?";
        char name[64] = "";

        mr__session_sent(sessions[i], 1, mr_frame_bytes(mr__outq_at(q, 0)));
        if (mr_span_starts(text, MR_SPAN("40{"))) {
            struct mr_span object = mr_span_of(text.ptr + 2, text.len - 2);
            bool same = mr_span_is(mr_string(mr_member(object, "sid")), sid);

            assert_int_equal(mr_json_get(object, "pid", &got), MR_OK);
            assert_true(mr_string(got).len >= MR_SID_LEN);
            assert_int_equal(same, mr_span_is(mr_string(got), pid));
            copy(mr_string(got), pid);
            copy(mr_string(mr_member(object, "sid")), sid);
            word = same ? "40!" : "40";
        } else if (mr_span_starts(text, MR_SPAN("42["))) {
            struct mr_span args = mr_span_of(text.ptr + 3, text.len - 4);
            size_t n = 0;

            copy(mr_string(mr_arg(args, 0)), name);
            word = name;
            while (mr_arg(args, n + 1).len > 0)
                n++;
            if (n > 0 && mr_arg(args, n).ptr[0] == '"')
                copy(mr_string(mr_arg(args, n)), offset);
        }
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s", at ? " " : "", word);
    }
    return out;
}

static void dies(size_t i)
{
    mr__session_close(sessions[i], "transport close", MR_CLOSE_NOW);
    (void)mr__turn_end(&srv);
}

static void returns_as(size_t i)
{
    char connect[256];

    if (offset[0] != '\0')
        (void)snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\",\"offset\":\"%s\",\"a\":1}",
                       pid, offset);
    else
        (void)snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\"}", pid);
    says(i, connect);
}

static size_t returns(void)
{
    size_t i = dial_in();

    returns_as(i);
    return i;
}

static void send_to(const char *room, const char *event)
{
    (void)mr_emit(&srv, "/", room, event, MR_SPAN("1"));
}

/* The first client, level with the server: it has had "hello". */
static size_t starts(void)
{
    size_t i = n_clients;

    assert_non_null(comes("40"));
    assert_string_equal(reads(i), "40");
    send_to(NULL, "hello");
    assert_string_equal(reads(i), "hello");
    assert_true(offset[0] != '\0');
    return i;
}

/* ---- as the protocol has it ----------------------------------------------------------------- */

static void missed_events_come_before_the_connect(void **state)
{
    struct mr_socket *s;
    size_t i = starts();

    (void)state;
    assert_false(mr_socket_recovered(sockets[0]));
    s = mr_socket_ref(sockets[i]);
    assert_int_equal(mr_join(s, "room1"), MR_OK);
    dies(i);
    send_to(NULL, "all");
    send_to("room1", "room");
    send_to("room2", "not_for_it");
    assert_int_equal(mr_socket_emit(s, "direct", MR_SPAN_NONE), MR_OK);
    mr_socket_unref(s);
    i = returns();
    assert_string_equal(reads(i), "all room direct 40!");
    assert_int_equal(srv.stats.recoveries, 1);
}

static void what_was_under_way_is_missed_too(void **state)
{
    size_t i = starts();

    (void)state;
    send_to(NULL, "queued");
    dies(i);
    send_to(NULL, "later");
    i = returns();
    assert_string_equal(reads(i), "queued later 40!");
}

static void rooms_and_data_come_back(void **state)
{
    size_t i = starts(), j;

    (void)state;
    assert_int_equal(mr_sockets_join(&srv, &(struct mr_target){0}, MR_NAMES("room1", "room2"), 2),
                     MR_OK);
    mr_leave(sockets[i], "room2");
    mr_socket_set_data(sockets[i], &options);
    dies(i);
    assert_int_equal(mr_room_size(&srv, "/", "room1"), 0);
    j = returns();
    assert_string_equal(reads(j), "40!");
    assert_true(mr_socket_recovered(sockets[j]));
    assert_ptr_equal(mr_socket_data(sockets[j]), &options);
    assert_string_equal(mr_socket_id(sockets[j]), sid);
    assert_true(mr_in_room(sockets[j], "room1"));
    assert_true(mr_in_room(sockets[j], sid));
    assert_false(mr_in_room(sockets[j], "room2"));
    assert_int_equal(mr_socket_rooms(sockets[j], NULL, 0), 2);
    assert_ptr_equal(mr_socket_find(&srv, "/", sid), sockets[j]);
    send_to(sid, "direct");
    assert_string_equal(reads(j), "direct");
}

static int hooks;
static bool hook_saw_recovered;

static int hook(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth;
    hooks++;
    hook_saw_recovered = mr_socket_recovered(s);
    return *(int *)ctx;
}

static void hooks_are_skipped(void **state)
{
    int answer = MR_OK;
    size_t i = starts();

    (void)state;
    hooks = 0;
    assert_int_equal(mr_on_connect(&srv, "/", hook, &answer), MR_OK);
    dies(i);
    assert_string_equal(reads(returns()), "40!");
    assert_int_equal(hooks, 0);
}

static int up_with_hooks(void **state)
{
    options.run_middlewares = true;
    return up(state);
}

static void hooks_may_run_and_answer_later(void **state)
{
    int answer = MR_E_AGAIN;
    size_t i = starts();
    struct mr_socket *s;

    (void)state;
    hooks = 0;
    assert_int_equal(mr_join(sockets[i], "r"), MR_OK);
    assert_int_equal(mr_on_connect(&srv, "/", hook, &answer), MR_OK);
    dies(i);
    send_to("r", "before");
    i = returns();
    assert_int_equal(hooks, 1);
    assert_true(hook_saw_recovered);
    s = sessions[i]->sockets;
    send_to("r", "meanwhile");
    assert_string_equal(reads(i), ""); /* who is not admitted hears nothing */
    mr_connect_admit(s);
    assert_string_equal(reads(i), "before meanwhile 40!");
    answer = MR_E_FORBIDDEN;
    dies(i);
    send_to("r", "secret");
    i = returns();
    assert_string_equal(reads(i), "?"); /* 44, and none of the events */
}

static void an_unknown_session_is_a_new_one(void **state)
{
    static const char *const connects[] = {
        "40{\"pid\":\"foo\",\"offset\":\"bar\"}",
        "40{\"pid\":5,\"offset\":\"bar\"}",
        "40{\"pid\":\"\"}",
        "40{\"pid\":{\"a\":1},\"offset\":[]}",
        "40{\"offset\":\"bar\"}",
        "40{\"pid\":\"\\u0041\\\"\",\"offset\":\"bar\"}",
        "40{\"pid\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
    };

    (void)state;
    for (size_t c = 0; c < sizeof(connects) / sizeof(connects[0]); c++) {
        size_t i = dial_in();

        says(i, connects[c]);
        assert_string_equal(reads(i), "40");
        assert_string_not_equal(pid, "foo");
        assert_false(mr_socket_recovered(sockets[i]));
    }
    assert_int_equal(srv.stats.recoveries, 0);
}

static void without_recovery_there_is_no_trace_of_it(void **state)
{
    size_t i;

    (void)state;
    server_up(NULL);
    i = dial_in();
    says(i, "40{\"pid\":\"foo\",\"offset\":\"bar\"}");
    assert_null(strstr(hears(i), "pid"));
    send_to(NULL, "e");
    assert_string_equal(hears(i), "42[\"e\",1]");
    assert_null(sockets[i]->recoverable);
    mr__core_deinit(&srv);
}

/* ---- offsets -------------------------------------------------------------------------------- */

static void no_answer(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)s;
    (void)args;
    (void)ctx;
    assert_int_equal(err, MR_E_CLOSED);
}

static void volatile_events_carry_the_present_offset(void **state)
{
    const struct mr_span part = MR_SPAN("\1");
    struct mr_exchange held = {.ops = &room_ops};
    char before[MR_OFFSET_MAX + 1];
    size_t i = starts();
    const char *heard;

    (void)state;
    assert_int_equal(mr_socket_emit_ack(sockets[i], "q", MR_SPAN("\"x\""), 0, no_answer, NULL),
                     MR_OK);
    assert_string_equal(hears(i), "420[\"q\",\"x\"]"); /* the client takes no offset from these */
    memcpy(before, offset, sizeof(before));
    sessions[i]->get = &held;
    assert_int_equal(
        mr_emit_to(&srv, &(struct mr_target){.flags = MR_VOLATILE}, "v", MR_SPAN("\"trap\"")), 1);
    sessions[i]->get = NULL;
    assert_string_equal(reads(i), "v");
    assert_string_equal(offset, before);
    (void)mr_emit_binary_to(&srv, &(struct mr_target){0}, "b",
                            MR_SPAN("{\"_placeholder\":true,\"num\":0}"), &part, 1);
    dies(i);
    assert_int_equal(
        mr_emit_to(&srv, &(struct mr_target){.flags = MR_VOLATILE}, "gone", MR_SPAN_NONE), 0);
    i = returns();
    assert_int_equal(mr__session_q(sessions[i])->n, 3);
    heard = hears(i);
    assert_ptr_equal(strstr(heard, "451-[\"b\",{\"_placeholder\":true,\"num\":0},\""), heard);
}

static void the_frame_is_one_for_all(void **state)
{
    const struct mr_frame *f;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_non_null(comes("40"));
        (void)hears(i);
    }
    send_to(NULL, "e");
    f = mr__outq_at(&sessions[0]->q, 0);
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(mr__outq_at(&sessions[i]->q, 0), f);
    assert_int_equal(f->refs, 6); /* five queues and the log */
}

static void bad_offsets_are_not_recovered(void **state)
{
    static const char *const bad[] = {"x", "zzzzzzzzzzzzzzzzzzzzzz", "AAAAAAAA1", "AAAAAAAA"};
    char good[MR_OFFSET_MAX + 1];
    size_t i = starts();

    (void)state;
    memcpy(good, offset, sizeof(good));
    for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
        memcpy(offset, bad[b], strlen(bad[b]) + 1);
        if (b >= 2) /* of this server's life, but not one that it gave, or cut short */
            memcpy(offset, good, 8);
        if (b == 2)
            memcpy(offset + 8, "zz", 3);
        dies(i);
        i = returns();
        assert_string_equal(reads(i), "40");
        send_to(NULL, "e");
        assert_string_equal(reads(i), "e");
        memcpy(good, offset, sizeof(good));
    }
}

/* ---- better than the original --------------------------------------------------------------- */

static void end_on_join(enum mr_room_event what, const char *room, struct mr_socket *s, void *ctx)
{
    int *left = ctx;

    if (what == MR_ROOM_JOINED && strcmp(room, "fatal") == 0 && (*left)-- > 0)
        mr__session_close(s->session, "transport close", MR_CLOSE_NOW);
}

static void a_handler_may_end_it_while_it_comes_back(void **state)
{
    size_t i = starts();
    int left = 2;

    (void)state;
    assert_int_equal(mr_join(sockets[i], "fatal"), MR_OK);
    assert_int_equal(mr_join(sockets[i], "other"), MR_OK);
    assert_int_equal(mr_on_room_event(&srv, "/", end_on_join, &left), MR_OK);
    dies(i);
    send_to("other", "e");
    for (int round = 0; round < 2; round++) {
        i = returns();
        assert_string_equal(reads(i), "");
        (void)mr__turn_end(&srv);
    }
    i = returns();
    assert_string_equal(reads(i), "e 40!");
}

static void it_works_any_number_of_times(void **state)
{
    size_t i = starts();

    (void)state;
    assert_int_equal(mr_join(sockets[i], "r"), MR_OK);
    for (int round = 0; round < 20; round++) {
        send_to("r", "lost");
        dies(i);
        send_to("r", "away");
        i = returns();
        assert_string_equal(reads(i), "lost away 40!");
        if (round % 3 == 0) { /* it dies before it has read anything: the same again */
            send_to("r", "more");
            dies(i);
            i = returns();
            assert_string_equal(reads(i), "more 40!");
        }
    }
}

static void an_unread_recovery_is_repeated(void **state)
{
    size_t i = starts();

    (void)state;
    dies(i);
    send_to(NULL, "a");
    i = returns();
    send_to(NULL, "b");
    dies(i); /* with all of it unread */
    i = returns();
    assert_string_equal(reads(i), "a b 40!");
}

static void a_half_open_socket_is_taken_over(void **state)
{
    size_t i = starts(), j;
    struct mr_socket *old = mr_socket_ref(sockets[i]);

    (void)state;
    assert_int_equal(mr_join(old, "r"), MR_OK);
    send_to("r", "lost");
    j = returns();
    assert_string_equal(reads(j), "lost 40!");
    assert_false(mr_socket_connected(old));
    mr_socket_unref(old);
    assert_int_equal(mr_room_size(&srv, "/", "r"), 1);
    assert_false(sessions[i]->doom_reason == NULL);
    (void)mr__turn_end(&srv);
    assert_int_equal(srv.n_sessions, 1);
}

static void a_quiet_client_of_a_busy_server_comes_back(void **state)
{
    size_t i = starts();

    (void)state;
    assert_int_equal(mr_join(sockets[i], "stage"), MR_OK);
    assert_non_null(comes("40"));
    assert_int_equal(mr_join(sockets[i + 1], "stage"), MR_OK);
    assert_int_equal(mr_join(sockets[i + 1], "busy"), MR_OK);
    for (int n = 0; n < 30; n++) {
        passes(25000);
        says(i, "3");
        says(i + 1, "3");
        send_to("busy", "x");
        (void)mr_emit_to(&srv, &(struct mr_target){MR_TO("stage"), .from = sockets[i]}, "own",
                         MR_SPAN_NONE);
        (void)hears(i);
        (void)hears(i + 1);
    }
    dies(i); /* its offset is ten minutes old, and what came after was not for it */
    send_to("stage", "now");
    i = returns();
    assert_string_equal(reads(i), "now 40!");
}

static void who_has_had_no_event_yet_comes_back_too(void **state)
{
    size_t i = n_clients;

    (void)state;
    assert_non_null(comes("40"));
    assert_string_equal(reads(i), "40");
    send_to(NULL, "lost");
    dies(i);
    i = returns();
    assert_string_equal(reads(i), "lost 40!");
}

static void rooms_are_those_of_the_moment(void **state)
{
    size_t i = starts();

    (void)state;
    send_to("late", "before_it_joined");
    assert_int_equal(mr_join(sockets[i], "late"), MR_OK);
    assert_int_equal(mr_join(sockets[i], "early"), MR_OK);
    send_to("early", "while_in");
    mr_leave(sockets[i], "early");
    send_to("early", "after_it_left");
    (void)mr_emit_to(&srv, &(struct mr_target){MR_TO("late"), MR_EXCEPT("early")}, "not_excepted",
                     MR_SPAN_NONE);
    dies(i); /* with all that unread */
    (void)mr_emit_to(&srv, &(struct mr_target){MR_EXCEPT("late")}, "excepted", MR_SPAN_NONE);
    (void)mr_emit_to(&srv, &(struct mr_target){MR_TO("late", sid)}, "once", MR_SPAN_NONE);
    i = returns();
    assert_string_equal(reads(i), "while_in not_excepted once 40!");
}

static void its_own_room_is_a_room_as_others(void **state)
{
    size_t i = starts();

    (void)state;
    dies(i);
    i = returns();
    assert_string_equal(reads(i), "40!");
    mr_leave(sockets[i], sid);
    send_to(sid, "not_heard");
    assert_int_equal(mr_join(sockets[i], sid), MR_OK);
    dies(i);
    send_to(sid, "heard");
    i = returns();
    assert_string_equal(reads(i), "heard 40!");
    mr_leave(sockets[i], sid);
    dies(i);
    i = returns();
    assert_string_equal(reads(i), "40!"); /* it is in it again, as after any CONNECT */
    assert_true(mr_in_room(sockets[i], sid));
}

/* A client may hop through any number of rooms: what is remembered of them is bounded. */
static void what_is_forgotten_of_old_rooms_is_a_gap(void **state)
{
    size_t i = starts();
    char room[16];

    (void)state;
    for (int n = 0; n < 1000; n++) {
        (void)snprintf(room, sizeof(room), "r%d", n);
        assert_int_equal(mr_join(sockets[i], room), MR_OK);
        if (n % 10 == 0)
            send_to(room, "e");
        mr_leave(sockets[i], room);
        if (n == 500)
            (void)reads(i);
    }
    assert_true(sockets[i]->recoverable->session != NULL);
    dies(i); /* the events from 501 on are not read, and it hopped too often since */
    i = returns();
    assert_string_equal(reads(i), "40");
    for (int n = 0; n < 1000; n++) {
        (void)snprintf(room, sizeof(room), "r%d", n);
        assert_int_equal(mr_join(sockets[i], room), MR_OK);
        send_to(room, "e");
        mr_leave(sockets[i], room);
        (void)reads(i);
    }
    dies(i); /* nothing unread: no matter what is forgotten */
    i = returns();
    assert_string_equal(reads(i), "40!");
}

/* ---- bounds --------------------------------------------------------------------------------- */

static int freed;

static void free_data(void *data, void *ctx)
{
    assert_ptr_equal(ctx, &freed);
    assert_ptr_equal(data, &options);
    freed++;
}

static int up_bounded(void **state)
{
    options.bytes_max = 4096;
    options.sessions_max = 3;
    options.data_free = free_data;
    options.data_free_ctx = &freed;
    freed = 0;
    return up(state);
}

static void a_gap_is_never_a_silent_hole(void **state)
{
    size_t i = starts();

    (void)state;
    assert_int_equal(mr_join(sockets[i], "r"), MR_OK);
    mr_socket_set_data(sockets[i], &options);
    dies(i);
    for (int n = 0; n < 100; n++)
        send_to("r", "many");
    i = returns();
    assert_string_equal(reads(i), "40");
    assert_false(mr_socket_recovered(sockets[i]));
    assert_null(mr_socket_data(sockets[i]));
    assert_false(mr_in_room(sockets[i], "r"));
    assert_int_equal(freed, 1);
    assert_int_equal(srv.stats.recoveries_failed, 1);
}

static int up_with_hooks_and_data(void **state)
{
    options.run_middlewares = true;
    return up_bounded(state);
}

static void who_is_refused_when_it_comes_back_leaves_nothing(void **state)
{
    int answer = MR_E_FORBIDDEN;
    size_t i = starts();

    (void)state;
    mr_socket_set_data(sockets[i], &options);
    assert_int_equal(mr_on_connect(&srv, "/", hook, &answer), MR_OK);
    dies(i);
    assert_int_equal(freed, 0);
    i = returns();
    assert_string_equal(reads(i), "?");
    assert_int_equal(freed, 1);
    assert_int_equal(mr_room_size(&srv, "/", NULL), 0);
    answer = MR_OK;
    i = returns();
    assert_string_equal(reads(i), "40");
}

static void too_long_away_is_not_recovered(void **state)
{
    size_t i = starts();

    (void)state;
    mr_socket_set_data(sockets[i], &options);
    dies(i);
    passes(120000);
    i = returns();
    assert_string_equal(reads(i), "40!");
    dies(i);
    passes(120001);
    i = returns();
    assert_string_equal(reads(i), "40");
    passes(20000);
    assert_int_equal(freed, 1);
}

static void no_more_than_so_many_are_remembered(void **state)
{
    char first[MR_PID_MAX + 1];
    size_t i = starts();

    (void)state;
    mr_socket_set_data(sockets[i], &options);
    memcpy(first, pid, sizeof(first));
    dies(i);
    for (int n = 0; n < 3; n++) {
        assert_non_null(comes("40"));
        (void)hears(n_clients - 1);
        dies(n_clients - 1);
    }
    assert_int_equal(freed, 1);
    i = returns();
    assert_string_equal(reads(i), "40");
}

static void old_events_go_a_piece_at_a_time(void **state)
{
    size_t i = starts();
    const struct mr_memory *store = sockets[i]->nsp->recovery->store;
    uint32_t n;

    (void)state;
    for (int e = 0; e < 5000; e++) {
        send_to(NULL, "e");
        (void)hears(i);
    }
    n = store->log.n;
    assert_int_equal(n, 5001);
    dies(i);
    clock_ms += 1000000;
    mr__timers_run(&srv.timers, clock_ms);
    assert_in_range(store->log.n, 1, n - 1);
    for (int turn = 0; turn < 10; turn++) {
        n = store->log.n;
        passes(1);
        assert_true(n - store->log.n < 2000);
    }
    assert_int_equal(store->log.n, 0);
    assert_int_equal(store->log.bytes, 0);
    assert_int_equal(store->log.keys.n, 0);
    assert_int_equal(store->n_away, 0);
    i = returns();
    assert_string_equal(reads(i), "40");
}

static bool could_return;

static void on_gone(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)reason;
    (void)ctx;
    could_return = mr_socket_recoverable(s);
}

static void who_left_on_purpose_does_not_come_back(void **state)
{
    (void)state;
    assert_int_equal(mr_on_disconnect(&srv, "/", on_gone, NULL), MR_OK);
    for (int how = 0; how < 5; how++) {
        size_t i = starts();

        if (how == 0)
            says(i, "41");
        else if (how == 1)
            mr_socket_disconnect(sockets[i], false);
        else if (how == 2)
            mr_socket_disconnect(sockets[i], true);
        else if (how == 3)
            mr__session_bad(sessions[i], "no packet of Engine.IO");
        else
            mr_socket_drop(sockets[i]);
        assert_int_equal(could_return, how == 4);
        (void)mr__turn_end(&srv);
        i = returns();
        assert_string_equal(reads(i), how == 4 ? "40!" : "40");
        if (how < 4)
            assert_int_equal(srv.stats.recoveries, 0);
    }
}

/* Whatever allocation fails, a client is told the truth or nothing: never a hole. */
static void coming_back_without_memory(void **state)
{
    size_t i = starts();

    (void)state;
    for (unsigned long nth = 1; nth < 40; nth++) {
        const char *heard;

        assert_int_equal(mr_join(sockets[i], "r"), MR_OK);
        dies(i);
        i = dial_in();
        mr_alloc_fail_nth(nth);
        send_to("r", "e");
        returns_as(i);
        mr_alloc_fail_nth(0);
        heard = reads(i);
        if (strcmp(heard, "e 40!") != 0 && strcmp(heard, "40") != 0) {
            bool had = strcmp(heard, "e") == 0; /* the connection failed after that */

            assert_true(had || heard[0] == '\0');
            (void)mr__turn_end(&srv);
            i = returns();
            heard = reads(i);
            assert_true(strcmp(heard, "40") == 0 || strcmp(heard, had ? "40!" : "e 40!") == 0);
        }
        send_to(NULL, "level");
        assert_string_equal(reads(i), "level");
    }
}

int main(void)
{
#define WITH(test, before) cmocka_unit_test_setup_teardown(test, before, down)
    const struct CMUnitTest tests[] = {
        WITH(missed_events_come_before_the_connect, up),
        WITH(what_was_under_way_is_missed_too, up),
        WITH(rooms_and_data_come_back, up),
        WITH(hooks_are_skipped, up),
        WITH(hooks_may_run_and_answer_later, up_with_hooks),
        WITH(an_unknown_session_is_a_new_one, up),
        cmocka_unit_test(without_recovery_there_is_no_trace_of_it),
        WITH(volatile_events_carry_the_present_offset, up),
        WITH(the_frame_is_one_for_all, up),
        WITH(bad_offsets_are_not_recovered, up),
        WITH(a_handler_may_end_it_while_it_comes_back, up),
        WITH(it_works_any_number_of_times, up),
        WITH(an_unread_recovery_is_repeated, up),
        WITH(a_half_open_socket_is_taken_over, up),
        WITH(a_quiet_client_of_a_busy_server_comes_back, up),
        WITH(who_has_had_no_event_yet_comes_back_too, up),
        WITH(rooms_are_those_of_the_moment, up),
        WITH(its_own_room_is_a_room_as_others, up),
        WITH(what_is_forgotten_of_old_rooms_is_a_gap, up),
        WITH(a_gap_is_never_a_silent_hole, up_bounded),
        WITH(who_is_refused_when_it_comes_back_leaves_nothing, up_with_hooks_and_data),
        WITH(too_long_away_is_not_recovered, up_bounded),
        WITH(no_more_than_so_many_are_remembered, up_bounded),
        WITH(old_events_go_a_piece_at_a_time, up),
        WITH(who_left_on_purpose_does_not_come_back, up),
        WITH(coming_back_without_memory, up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
