/* test_io_stalled.c - clients that have stopped reading, over real sockets: what they cost stays
 * with the server and is known, is no more than the ceiling, and the others get everything.
 */
#include "io/limits.h"

#include "io_loop.h"

#define READERS 20
#define STALLED 60
#define EVENTS  100
#define BYTES   10000
#define CEILING 600000

static const char shake[] =
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";
static atomic_int joined, gone, looked;
static struct mr_queued room, one, nobody;
static struct mr_stats stats;
static char stalled_id[64];

static void on_in(struct mr_socket *s, void *ctx)
{
    (void)ctx;
    must(mr_join(s, "room") == MR_OK);
    (void)snprintf(stalled_id, sizeof(stalled_id), "%s", mr_socket_id(s)); /* of the last one */
    atomic_fetch_add(&joined, 1);
}

static void on_out(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)s, (void)ctx;
    must(strcmp(reason, "slow consumer") == 0 || strcmp(reason, "server shutting down") == 0 ||
         strcmp(reason, "transport close") == 0);
    atomic_fetch_add(&gone, strcmp(reason, "slow consumer") == 0);
}

static void loop_setup(void)
{
    atomic_store(&joined, 0);
    atomic_store(&gone, 0);
    atomic_store(&looked, 0);
    must(mr_on_connected(srv, "/", on_in, NULL) == MR_OK);
    must(mr_on_disconnect(srv, "/", on_out, NULL) == MR_OK);
}

static int start_unlimited(void **state)
{
    loop_options = (struct mr_options){.queue_bytes_max = 1U << 30, .high_water_bytes = 100000};
    return loop_start(state);
}

static int start_with_ceiling(void **state)
{
    loop_options = (struct mr_options){.queue_bytes_max = CEILING};
    return loop_start(state);
}

/* A masked text frame; the mask is zero. */
static void say_frame(int fd, const char *text)
{
    unsigned char frame[64] = {0x81, (unsigned char)(0x80 | strlen(text))};

    memcpy(frame + 6, text, strlen(text));
    assert_int_equal(send(fd, frame, 6 + strlen(text), MSG_NOSIGNAL), 6 + strlen(text));
}

static int subscribe(int receive_bytes)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), was = atomic_load(&joined);

    assert_true(fd >= 0);
    if (receive_bytes > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    say(fd, shake);
    say_frame(fd, "40");
    wait_for(&joined, was + 1);
    return fd;
}

static void emit_one(void *arg)
{
    static char args[BYTES];

    memset(args, '1', sizeof(args));
    (void)arg;
    must(mr_emit(srv, "/", "room", "e", mr_span_of(args, sizeof(args))) >= 0);
}

static void look(void *arg)
{
    const char *id = stalled_id;

    (void)arg;
    mr_queued(srv, &(struct mr_target){MR_TO("room")}, &room);
    mr_queued(srv, &(struct mr_target){.rooms = &id, .n_rooms = 1}, &one);
    mr_queued(srv, &(struct mr_target){.nsp = "/none"}, &nobody);
    mr_server_stats(srv, &stats);
    atomic_fetch_add(&looked, 1);
}

static void look_now(void)
{
    int was = atomic_load(&looked);

    assert_int_equal(mr_post(srv, look, NULL), MR_OK);
    wait_for(&looked, was + 1);
}

/* Reads what has come; true when all events are there. */
static bool read_some(int fd, size_t *got)
{
    static char bytes[1 << 16];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        *got += (size_t)n;
    return *got >= (size_t)EVENTS * BYTES;
}

/* Both kinds of clients, then all events, one a turn; the readers have them all in the end. */
static void run(int fds[READERS + STALLED])
{
    size_t got[READERS] = {0};
    int done = 0;

    for (int i = 0; i < READERS + STALLED; i++)
        fds[i] = subscribe(i < READERS ? 0 : 4096);
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(mr_post(srv, emit_one, NULL), MR_OK);
        look_now();
        for (int k = 0; k < READERS; k++)
            (void)read_some(fds[k], &got[k]);
    }
    for (int ms = 0; done < READERS && ms < WAIT_MS; ms++) {
        done = 0;
        for (int k = 0; k < READERS; k++)
            done += read_some(fds[k], &got[k]);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(done, READERS);
    look_now();
}

static void what_they_do_not_read_is_known_and_not_the_kernels(void **state)
{
    int fds[READERS + STALLED];

    (void)state;
    run(fds);
    assert_int_equal(room.sockets, READERS + STALLED);
    assert_int_equal(room.congested, STALLED);
    /* Each has had what its own kernel takes, and a little of ours; the rest waits here. */
    assert_true(one.bytes > (uint64_t)EVENTS * BYTES - 5 * MR_KERNEL_UNSENT_BYTES &&
                one.sockets == 1);
    assert_true(one.packets > 0 && one.packets <= EVENTS);
    assert_true(room.bytes_longest >= one.bytes && room.bytes_longest <= (EVENTS + 1) * BYTES);
    assert_true(room.bytes > STALLED * ((uint64_t)EVENTS * BYTES - 5 * MR_KERNEL_UNSENT_BYTES));
    assert_true(room.bytes == stats.queued_bytes && room.packets == stats.queued_packets);
    assert_true(nobody.sockets == 0 && nobody.bytes == 0);
    for (int i = 0; i < READERS + STALLED; i++)
        close(fds[i]);
}

static void at_their_ceiling_they_are_closed_and_cost_nothing_more(void **state)
{
    int fds[READERS + STALLED];

    (void)state;
    run(fds);
    wait_for(&gone, STALLED);
    look_now();
    assert_int_equal(room.sockets, READERS);
    assert_true(room.bytes == 0 && stats.queued_bytes == 0 && stats.queued_packets == 0);
    assert_int_equal(stats.slow_consumers, STALLED);
    assert_int_equal(stats.limit_hits[MR_LIMIT_QUEUE], STALLED);
    for (int i = 0; i < READERS + STALLED; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_they_do_not_read_is_known_and_not_the_kernels,
                                        start_unlimited, loop_stop),
        cmocka_unit_test_setup_teardown(at_their_ceiling_they_are_closed_and_cost_nothing_more,
                                        start_with_ceiling, loop_stop),
    };

    return cmocka_run_group_tests_name("io_stalled", tests, NULL, NULL);
}
