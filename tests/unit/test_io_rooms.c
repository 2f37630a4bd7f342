/* test_io_rooms.c - rooms against a plain table of who is where, over many random moves; and the
 * broadcast: one frame, shared by all that it is queued to.
 */
#include "rows.h"

#include "io/namespace.h"
#include "io/room.h"
#include "proto/alloc.h"

#include <stdio.h>

#define SOCKETS 60
#define ROOMS   12

static struct mr_server srv;
static struct mr_session *sessions[SOCKETS];
static struct mr_socket *sockets[SOCKETS];
static bool in[SOCKETS][ROOMS];

static void no_reply(struct mr_exchange *ex, const struct mr_reply *reply)
{
    (void)ex;
    (void)reply;
}

static struct mr_span no_header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    (void)name;
    return MR_SPAN_NONE;
}

static const char *no_addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "";
}

static const struct mr_exchange_ops ops = {.reply = no_reply, .header = no_header, .addr = no_addr};
static size_t n_connected;

static void on_connected(struct mr_socket *s, void *ctx)
{
    (void)ctx;
    sockets[n_connected++] = s;
}

static int start(void **state)
{
    const struct mr_exchange ex = {.ops = &ops};
    struct mr_eio_packet connect;

    (void)state;
    n_connected = 0;
    memset(in, 0, sizeof(in));
    assert_int_equal(mr__core_init(&srv, NULL), MR_OK);
    assert_int_equal(mr_on_connected(&srv, "/", on_connected, NULL), MR_OK);
    assert_int_equal(mr_eio_decode(MR_SPAN("40"), &connect), MR_OK);
    for (size_t i = 0; i < SOCKETS; i++) {
        sessions[i] = mr__session_new(&srv, &ex, MR_S_POLLING);
        assert_non_null(sessions[i]);
        mr__session_packet(sessions[i], &connect);
    }
    assert_int_equal(n_connected, SOCKETS);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static const char *room_name(size_t r)
{
    static char name[32];

    (void)snprintf(name, sizeof(name), "pipeline_%zu", r);
    return name;
}

/* Both ways the index points to where the member is. */
static void check_index(const struct mr_room *room)
{
    for (size_t i = 0; room != NULL && i < room->n; i++) {
        const struct mr_member *m = room->members[i];

        assert_ptr_equal(m->room, room);
        assert_int_equal(m->in_room, i);
        assert_ptr_equal(m->socket->rooms[m->in_socket], m);
    }
}

static void check(void)
{
    size_t rooms = 0;

    for (size_t r = 0; r < ROOMS; r++) {
        size_t n = 0;

        for (size_t s = 0; s < SOCKETS; s++) {
            assert_int_equal(mr_in_room(sockets[s], room_name(r)), in[s][r]);
            n += in[s][r];
        }
        assert_int_equal(mr_room_size(&srv, "/", room_name(r)), n);
        rooms += n > 0;
        check_index(mr__room_find(sockets[0]->nsp->adapter, room_name(r)));
    }
    assert_int_equal(srv.stats.rooms, rooms); /* empty ones are gone */
}

static void joining_and_leaving_agree_with_a_table(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 5000; round++) {
        size_t s = ((seed = seed * 1103515245 + 12345) >> 16) % SOCKETS;
        size_t r = (seed >> 22) % ROOMS;

        if (seed >> 9 & 1) {
            assert_int_equal(mr_join(sockets[s], room_name(r)), MR_OK);
            in[s][r] = true;
        } else {
            mr_leave(sockets[s], room_name(r));
            in[s][r] = false;
        }
        if (round % 100 == 0)
            check();
    }
    check();
}

static void who_disconnects_is_in_no_room(void **state)
{
    (void)state;
    for (size_t s = 0; s < SOCKETS; s++) {
        assert_int_equal(mr_join(sockets[s], "r"), MR_OK);
        assert_int_equal(mr_join(sockets[s], room_name(s % ROOMS)), MR_OK);
    }
    for (size_t s = 0; s < SOCKETS; s++) {
        struct mr_socket *sock = mr_socket_ref(sockets[s]);

        assert_int_equal(mr_room_size(&srv, "/", "r"), SOCKETS - s);
        mr_socket_disconnect(sock, false);
        assert_false(mr_in_room(sock, "r"));
        assert_int_equal(mr_join(sock, "r"), MR_E_CLOSED);
        assert_int_equal(mr_socket_emit(sock, "e", MR_SPAN_NONE), MR_E_CLOSED);
        mr_socket_unref(sock);
    }
    assert_int_equal(srv.stats.rooms, 0);
    assert_int_equal(mr_room_size(&srv, "/", NULL), 0);
}

static void a_broadcast_is_one_frame_for_all(void **state)
{
    const struct mr_frame *first;

    (void)state;
    for (size_t s = 0; s < SOCKETS; s += 2)
        assert_int_equal(mr_join(sockets[s], "even"), MR_OK);
    assert_int_equal(mr_emit(&srv, "/", "even", "e", MR_SPAN("1")), SOCKETS / 2);
    assert_int_equal(mr_emit(&srv, "/", "nobody", "e", MR_SPAN("1")), 0);
    assert_int_equal(mr_emit(&srv, "/", NULL, "all", MR_SPAN("2")), SOCKETS);
    assert_int_equal(mr_emit(&srv, "/nowhere", NULL, "e", MR_SPAN_NONE), 0);
    first = mr__outq_at(&sessions[0]->q, 1); /* 0 is the answer to its CONNECT */
    assert_int_equal(first->refs, SOCKETS / 2);
    for (size_t s = 0; s < SOCKETS; s++) {
        assert_int_equal(sessions[s]->q.n, s % 2 ? 2 : 3);
        if (s % 2 == 0)
            assert_ptr_equal(mr__outq_at(&sessions[s]->q, 1), first);
    }
    assert_true(mr_span_eq(mr__frame_payload(first), MR_SPAN("42[\"e\",1]")));
}

/* Whatever allocation fails, the tables stay whole. */
static void a_join_without_memory_changes_nothing(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth < 20; nth++) {
        int rc;

        mr_alloc_fail_nth(nth);
        rc = mr_join(sockets[nth], "r");
        mr_alloc_fail_nth(0);
        assert_true(rc == MR_OK || rc == MR_E_NOMEM);
        assert_int_equal(mr_in_room(sockets[nth], "r"), rc == MR_OK);
        mr_leave(sockets[nth], "r");
        assert_int_equal(srv.stats.rooms, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(joining_and_leaving_agree_with_a_table, start, stop),
        cmocka_unit_test_setup_teardown(who_disconnects_is_in_no_room, start, stop),
        cmocka_unit_test_setup_teardown(a_broadcast_is_one_frame_for_all, start, stop),
        cmocka_unit_test_setup_teardown(a_join_without_memory_changes_nothing, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
