/* test_io_recovery_model.c - many random conversations against a plain table of what each client
 * should have heard: clients join, leave, are cut off with anything unread, come back (or while the
 * old connection is still there), and read as much as they like. Whoever is recovered has heard
 * every event that was for it, once and in order; with enough memory everybody is.
 */
#include "io_room.h"

#include "proto/json.h"

#define PEOPLE   6
#define ROOMS    4
#define UNREAD   4096
#define MOVES    4000
#define SEEDS    12
#define PER_SEED 300 /* sessions that a conversation may use */

static const char *const names[ROOMS] = {"a", "b", "c", "d"};

static struct client {
    struct mr_session *session; /* NULL: cut off */
    struct mr_socket *socket;
    char pid[MR_PID_MAX + 1], sid[MR_PID_MAX + 1], offset[MR_OFFSET_MAX + 1];
    bool in[ROOMS];
    int unread[UNREAD]; /* events that it should still hear */
    size_t n;
} people[PEOPLE];

static unsigned seed;
static int n_events;
static size_t n_recovered, n_new;
static bool with_hooks;

static unsigned any(unsigned n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 12) % n;
}

static void on_in(struct mr_socket *s, void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < PEOPLE; i++) {
        if (people[i].session == s->session)
            people[i].socket = s;
    }
}

static void copy(struct mr_span from, char *to)
{
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

/* One packet from its queue. */
static struct mr_span next_packet(struct client *c)
{
    static char text[512];
    struct mr_outq *q = mr__session_q(c->session);
    struct mr_span p = mr__frame_payload(mr__outq_at(q, 0));

    assert_true(p.len < sizeof(text));
    copy(p, text);
    mr__session_sent(c->session, 1, mr_frame_bytes(mr__outq_at(q, 0)));
    mr__outq_pop(q);
    return mr_span_of(text, p.len);
}

static bool has_packet(const struct client *c)
{
    return mr__session_q(c->session)->n > 0;
}

/* It hears an event, which has to be the next one of those that were for it. */
static void hear_event(struct client *c, struct mr_span packet)
{
    struct mr_span args = mr_span_of(packet.ptr + 3, packet.len - 4), last = mr_arg(args, 2);
    char number[16];

    assert_memory_equal(packet.ptr, "42[\"e\",", 7);
    copy(mr_arg(args, 1), number);
    assert_true(c->n > 0);
    assert_int_equal(strtol(number, NULL, 10), c->unread[0]);
    memmove(c->unread, c->unread + 1, --c->n * sizeof(int));
    copy(mr_string(last), c->offset);
}

static void reads(struct client *c, size_t at_most)
{
    while (at_most-- > 0 && has_packet(c))
        hear_event(c, next_packet(c));
}

static void dies(struct client *c)
{
    if (any(2) == 0)
        reads(c, any(4));
    mr__session_close(c->session, "transport close", MR_CLOSE_NOW);
    c->session = NULL;
}

/* The answer to its CONNECT comes after what it has missed, or it is somebody new. */
static void hears_connect(struct client *c, bool must)
{
    bool same;

    while (has_packet(c)) {
        struct mr_span p = next_packet(c), object = mr_span_of(p.ptr + 2, p.len - 2);

        if (!mr_span_starts(p, MR_SPAN("40"))) {
            hear_event(c, p);
            continue;
        }
        same = mr_span_is(mr_string(mr_member(object, "pid")), c->pid);
        assert_int_equal(same, mr_span_is(mr_string(mr_member(object, "sid")), c->sid));
        assert_int_equal(same, mr_socket_recovered(c->socket));
        copy(mr_string(mr_member(object, "pid")), c->pid);
        copy(mr_string(mr_member(object, "sid")), c->sid);
        assert_false(has_packet(c));
        if (same) {
            assert_int_equal(c->n, 0);
            n_recovered++;
        } else {
            assert_false(must);
            n_new++;
            c->n = 0;
            memset(c->in, 0, sizeof(c->in));
        }
        for (size_t r = 0; r < ROOMS; r++)
            assert_int_equal(mr_in_room(c->socket, names[r]), c->in[r]);
        return;
    }
    fail_msg("no answer to a CONNECT");
}

static int decide_later(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)s;
    (void)auth;
    (void)ctx;
    return MR_E_AGAIN;
}

static void somebody_emits(void);

static void comes_in(struct client *c, bool must)
{
    const struct mr_exchange ex = {.ops = &room_ops};
    struct mr_eio_packet p;
    char connect[256];

    c->session = mr__session_new(&srv, &ex, MR_S_POLLING);
    assert_non_null(c->session);
    if (c->pid[0] == '\0')
        (void)snprintf(connect, sizeof(connect), "40");
    else if (c->offset[0] == '\0')
        (void)snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\"}", c->pid);
    else
        (void)snprintf(connect, sizeof(connect), "40{\"pid\":\"%s\",\"offset\":\"%s\"}", c->pid,
                       c->offset);
    assert_int_equal(mr_eio_decode(mr_span_str(connect), &p), MR_OK);
    c->socket = NULL;
    mr__session_packet(c->session, &p);
    if (with_hooks) { /* the answer takes its time, and may find nobody */
        for (unsigned n = any(3); n > 0; n--)
            somebody_emits();
        if (any(3) == 0) {
            mr__session_close(c->session, "transport close", MR_CLOSE_NOW);
            c->session = NULL;
            return;
        }
        mr_connect_admit(c->session->sockets);
    }
    hears_connect(c, must && c->pid[0] != '\0');
}

/* To any rooms, less any others, perhaps from somebody. */
static void somebody_emits(void)
{
    const char *to[ROOMS], *except[ROOMS];
    bool wanted[ROOMS] = {false}, not_wanted[ROOMS] = {false};
    struct mr_target t = {.rooms = to, .except = except};
    struct client *from = &people[any(PEOPLE)];
    unsigned direct = any(8);
    char args[16];

    for (size_t r = 0; r < ROOMS && direct != 0; r++) {
        if (any(3) == 0) {
            wanted[r] = true;
            to[t.n_rooms++] = names[r];
        }
        if (any(6) == 0) {
            not_wanted[r] = true;
            except[t.n_except++] = names[r];
        }
    }
    if (from->session != NULL && from->socket != NULL && any(4) == 0)
        t.from = from->socket;
    if (direct == 0)
        to[t.n_rooms++] = from->sid; /* also when it is away */
    for (size_t i = 0; i < PEOPLE; i++) {
        struct client *c = &people[i];
        bool yes = t.n_rooms == 0 || (direct == 0 && c == from);

        for (size_t r = 0; r < ROOMS; r++)
            yes = yes || (wanted[r] && c->in[r]);
        for (size_t r = 0; r < ROOMS; r++)
            yes = yes && !(not_wanted[r] && c->in[r]);
        if (yes && !(t.from != NULL && c == from)) {
            assert_true(c->n < UNREAD);
            c->unread[c->n++] = n_events;
        }
    }
    (void)snprintf(args, sizeof(args), "%d", n_events++);
    assert_true(mr_emit_to(&srv, &t, "e", mr_span_str(args)) >= 0);
}

static void moves_rooms(struct client *c)
{
    size_t r = any(ROOMS);

    c->in[r] = !c->in[r];
    if (c->in[r])
        assert_int_equal(mr_join(c->socket, names[r]), MR_OK);
    else
        mr_leave(c->socket, names[r]);
}

static void converse(unsigned of, size_t bytes_max)
{
    const struct mr_recovery_options opt = {.bytes_max = bytes_max, .run_middlewares = with_hooks};
    bool must = bytes_max == 0;

    seed = of * 7919 + 1;
    memset(people, 0, sizeof(people));
    server_up(NULL);
    assert_int_equal(mr_on_connected(&srv, "/", on_in, NULL), MR_OK);
    assert_int_equal(mr_use_recovery(&srv, &opt), MR_OK);
    if (with_hooks)
        assert_int_equal(mr_on_connect(&srv, "/", decide_later, NULL), MR_OK);
    for (size_t i = 0; i < PEOPLE; i++)
        comes_in(&people[i], false);
    for (int move = 0; move < MOVES; move++) {
        struct client *c = &people[any(PEOPLE)];
        unsigned what = any(16);

        if (what < 7)
            somebody_emits();
        else if (c->session == NULL)
            comes_in(c, must);
        else if (what < 10)
            moves_rooms(c);
        else if (what < 13)
            reads(c, any(20));
        else if (what < 15)
            dies(c);
        else
            comes_in(c, must); /* its old connection is still there */
        if (any(4) == 0) {
            while (!mr__turn_end(&srv))
                ;
        }
    }
    for (size_t i = 0; i < PEOPLE; i++) {
        while (people[i].session == NULL)
            comes_in(&people[i], must);
        reads(&people[i], SIZE_MAX);
        assert_int_equal(people[i].n, 0);
    }
    mr__core_deinit(&srv);
}

static void nobody_misses_anything(void **state)
{
    (void)state;
    n_recovered = n_new = 0;
    for (unsigned s = 0; s < SEEDS; s++)
        converse(s, 0);
    assert_int_equal(n_new, SEEDS * PEOPLE);
    assert_true(n_recovered > SEEDS * PER_SEED);
}

/* The same with hooks that answer later, and clients that are gone by then. */
static void hooks_that_take_time_lose_nothing(void **state)
{
    with_hooks = true;
    nobody_misses_anything(state);
    with_hooks = false;
}

/* With little memory some are new, and the others still miss nothing. */
static void little_memory_makes_gaps_and_no_holes(void **state)
{
    (void)state;
    n_recovered = n_new = 0;
    for (unsigned s = 0; s < SEEDS; s++)
        converse(s, 2000 + 500 * s);
    assert_true(n_new > SEEDS * PEOPLE);
    assert_true(n_recovered > SEEDS * PER_SEED / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_misses_anything),
        cmocka_unit_test(hooks_that_take_time_lose_nothing),
        cmocka_unit_test(little_memory_makes_gaps_and_no_holes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
