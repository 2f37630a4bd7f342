/* sio_load.c - many Socket.IO clients in one thread: WebSocket transport, epoll, loopback only.
 *
 *   fanout  N subscribers and a publisher, which emits R events a second; each event carries the
 *           time at which it was sent ("t":"<ns>"), so every delivery gives a latency
 *   echo    N clients, each emits again as soon as its last ack is in
 *   listen  N subscribers of a real pipeline; somebody else makes the events, stamped in the row
 *   idle    N clients that only answer pings
 *   reconnect  N subscribers lose their connections at once, come back all together, and have
 missed
 *           R events; who was recovered gets them
 *
 * --idle M: so many more that only stay connected. --stalled M: so many more that subscribe and
 then
 * read nothing any more.
 *
 * A run is a script: connect and join, settle, warm up, measure, drain. What the server used of CPU
 * and memory is read between those, and everything is printed as one line of JSON at the end.
 */
#include "load.h"
#include <sys/epoll.h>

struct load L = {.n = 1000,
                 .opening_max = 128,
                 .rate = 20,
                 .seconds = 10,
                 .warm_seconds = 2,
                 .event_bytes = 500,
                 .room = "1",
                 .mode = "fanout",
                 .token = ""};

/* ---- the script -------------------------------------------------------------------------------
 */

/* Some servers forget what comes before their handlers are there: what was asked on joining is
 * asked again after a second. */
static void ask_again(void)
{
    static uint64_t looked_at;
    uint64_t now = bench_now_ns();

    if (now < looked_at + SECOND)
        return;
    looked_at = now;
    for (size_t i = 0; i < load_clients(&L); i++)
        if (L.clients[i].state == JOINING && L.clients[i].asked_at + SECOND < now)
            client_join(&L.clients[i]);
}

#define CURVE 1000 /* clients, at either end of the connecting, whose cost is told */

static void connect_all(void)
{
    uint64_t deadline = bench_now_ns() + 120 * SECOND;
    size_t next = 0, all = load_clients(&L);

    while (L.ready + L.lost_clients < all && bench_now_ns() < deadline) {
        for (; next < all && L.opening < L.opening_max; next++)
            if (L.clients[next].state == NEW)
                client_open(&L.clients[next], next);
        serve_until(bench_now_ns() + SECOND / 200);
        ask_again();
        if (!L.first_ready && L.ready >= CURVE && all >= 3 * CURVE) {
            L.first = bench_usage_of(L.server_pid);
            L.first_ready = L.ready;
        }
        if (!L.last_ready && L.ready + CURVE >= all && all >= 3 * CURVE) {
            L.last = bench_usage_of(L.server_pid);
            L.last_ready = L.ready;
        }
    }
    if (L.ready < all)
        bench_die("only %zu of %zu clients are ready, %zu were lost", L.ready, all, L.lost_clients);
}

static void publish(void)
{
    struct client *p = &L.clients[L.n];
    char event[4096], filler[4096] = {0};
    int n = snprintf(event, sizeof(event), "{\"t\":\"%llu\",\"n\":%llu,\"f\":\"",
                     (unsigned long long)bench_now_ns(), (unsigned long long)L.published++);

    if ((size_t)n + 2 < L.event_bytes)
        memset(filler, 'x', L.event_bytes - (size_t)n - 2);
    client_say(p, "42[\"publish\",{\"pipeline_id\":\"%s\",\"event\":%s%s\"}}]", L.room, event,
               filler);
}

/* Publish count events at the rate, then wait for what is still under way. */
static void publish_and_wait(uint64_t count, uint64_t *received)
{
    uint64_t at = bench_now_ns(), step = SECOND / L.rate, want = count * L.n, deadline;

    for (uint64_t i = 0; i < count; i++, at += step) {
        serve_until(at);
        publish();
    }
    deadline = bench_now_ns() + 15 * SECOND;
    while (*received < want && L.lost_clients == 0 && bench_now_ns() < deadline)
        serve_until(bench_now_ns() + SECOND / 200);
}

static void run_fanout(void)
{
    L.measure_from = UINT64_MAX;
    publish_and_wait(L.warm_seconds * L.rate, &L.warm_received);
    load_begin(&L);
    publish_and_wait(L.seconds * L.rate, &L.received);
    load_end(&L);
    L.expected = L.seconds * L.rate * L.n;
}

static void run_echo(void)
{
    uint64_t before;

    L.running = true;
    for (size_t i = 0; i < L.n; i++)
        client_echo(&L.clients[i]);
    serve_until(bench_now_ns() + L.warm_seconds * SECOND);
    before = L.round_trips;
    load_begin(&L);
    serve_until(L.measure_from + L.seconds * SECOND);
    load_end(&L);
    L.received = L.round_trips - before;
    L.expected = L.received;
    L.running = false;
}

/* The events come from elsewhere; "ready" tells whoever makes them to begin. */
static void run_listen(void)
{
    uint64_t deadline = bench_now_ns() + L.seconds * SECOND;

    L.expected = L.expect_each * L.n;
    load_begin(&L);
    puts("ready");
    fflush(stdout);
    while (L.received < L.expected && L.lost_clients == 0 && bench_now_ns() < deadline)
        serve_until(bench_now_ns() + SECOND / 200);
    load_end(&L);
}

static void run_idle(void)
{
    load_begin(&L);
    serve_until(L.measure_from + L.seconds * SECOND);
    load_end(&L);
}

/* Everybody has heard an event, and so has an offset. Then all connections break, R events pass,
 * and all come back at once. Latency is that of the events: how late the missed ones are. */
static void run_reconnect(void)
{
    uint64_t from;

    L.measure_from = UINT64_MAX;
    publish_and_wait(1, &L.warm_received);
    for (size_t i = 0; i < L.n; i++) {
        client_lose(&L.clients[i]);
        L.clients[i].state = NEW;
    }
    L.lost_clients = 0;
    serve_until(bench_now_ns() + SECOND); /* the server notices */
    load_begin(&L);
    for (uint64_t i = 0; i < L.rate; i++)
        publish();
    serve_until(bench_now_ns() + SECOND / 5);
    from = bench_now_ns();
    L.opening_max = L.n;
    connect_all();
    L.back_ms = (double)(bench_now_ns() - from) / 1e6;
    L.expected = (L.rate + 1) * L.n;
    publish();
    while (L.received < L.expected && bench_now_ns() < from + 30 * SECOND)
        serve_until(bench_now_ns() + SECOND / 200);
    load_end(&L);
}

int main(int argc, char **argv)
{
    load_options(&L, argc, argv);
    bench_raise_file_limit();
    L.poll_fd = epoll_create1(0);
    L.clients = mr_zalloc(load_clients(&L), sizeof(*L.clients));
    if (!L.clients)
        bench_die("out of memory");
    L.before = bench_usage_of(L.server_pid);
    connect_all();
    L.connected = bench_usage_of(L.server_pid);
    serve_until(bench_now_ns() + SECOND); /* settle */
    L.settled = bench_usage_of(L.server_pid);
    if (L.echo)
        run_echo();
    else if (L.listen)
        run_listen();
    else if (L.idle)
        run_idle();
    else if (L.reconnect)
        run_reconnect();
    else
        run_fanout();
    load_print(&L);
    return 0;
}
