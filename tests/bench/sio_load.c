/* sio_load.c - many Socket.IO clients in one thread: WebSocket transport, epoll, loopback only.
 *
 *   fanout  N subscribers and a publisher, which emits R events a second; each event carries the
 *           time at which it was sent ("t":"<ns>"), so every delivery gives a latency
 *   echo    N clients, each emits again as soon as its last ack is in
 *   listen  N subscribers of a real pipeline; somebody else makes the events, stamped in the row
 *
 * A run is a script: connect and join, settle, warm up, measure, drain. What the server used of CPU
 * and memory is read between those, and everything is printed as one line of JSON at the end.
 */
#include "load.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static struct load L = {.n = 1000,
                        .rate = 20,
                        .seconds = 10,
                        .warm_seconds = 2,
                        .event_bytes = 500,
                        .room = "1",
                        .mode = "fanout",
                        .token = ""};

/* ---- the connection ---------------------------------------------------------------------------
 */

static void watch(struct client *c, uint32_t events, int how)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    epoll_ctl(L.poll_fd, how, c->fd, &e);
}

static void lose(struct client *c)
{
    if (c->state == LOST)
        return;
    if (c->state == READY)
        L.ready--;
    else
        L.opening--;
    c->state = LOST;
    L.lost_clients++;
    close(c->fd);
}

static void flush_out(struct client *c)
{
    ssize_t n = send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN) {
        lose(c);
        return;
    }
    if (n > 0) {
        memmove(c->out.ptr, c->out.ptr + n, c->out.len - (size_t)n);
        c->out.len -= (size_t)n;
    }
    if ((c->out.len > 0) != c->wants_out) {
        c->wants_out = c->out.len > 0;
        watch(c, c->wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void say(struct client *c, int op, struct mr_span payload)
{
    ws_put_masked(&c->out, op, payload);
    flush_out(c);
}

static void say_text(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say_text(struct client *c, const char *fmt, ...)
{
    char text[8192];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        bench_die("a packet is too long");
    say(c, WS_TEXT, mr_span_of(text, (size_t)n));
}

static void open_client(struct client *c, size_t i)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        bench_die("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    /* Several source addresses, so that ports do not run out at tens of thousands. */
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i % 8));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(L.port);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS))
        bench_die("connect: %s", strerror(errno));
    mr_buf_init(&c->in, IN_MAX);
    mr_buf_init(&c->out, OUT_MAX);
    c->state = CONNECTING;
    L.opening++;
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void on_connected(struct client *c)
{
    socklen_t len = sizeof(int);
    int err = 0;

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err) {
        lose(c);
        return;
    }
    c->state = UPGRADING;
    mr_buf_addf(&c->out,
                "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                L.port);
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    flush_out(c);
}

/* ---- packets ----------------------------------------------------------------------------------
 */

static void echo_once(struct client *c)
{
    c->asked++;
    c->asked_at = bench_now_ns();
    say_text(c, "42%u[\"echo\",{\"n\":%u,\"note\":\"the round trip of a small object\"}]", c->asked,
             c->asked);
}

static void on_delivery(struct client *c, struct mr_span packet)
{
    static const char mark[] = "\"t\":\"";
    static size_t usual; /* where the stamp was the last time */
    const char *at = NULL;
    uint64_t sent_at;

    if (usual + sizeof(mark) < packet.len &&
        memcmp(packet.ptr + usual, mark, sizeof(mark) - 1) == 0)
        at = packet.ptr + usual;
    else
        at = memmem(packet.ptr, packet.len, mark, sizeof(mark) - 1);
    if (!at) {
        L.strange++;
        return;
    }
    usual = (size_t)(at - packet.ptr);
    sent_at = strtoull(at + sizeof(mark) - 1, NULL, 10); /* a quote ends it */
    if (!L.listen && sent_at < c->last_stamp) /* Kafka keeps no order between partitions */
        L.disorder++;
    c->last_stamp = sent_at;
    if (!L.listen && sent_at < L.measure_from) {
        L.warm_received++;
        return;
    }
    L.received++;
    L.last_received_at = bench_now_ns();
    bench_record(&L.latency, (L.last_received_at - sent_at) / 1000);
}

static void on_ack(struct client *c, struct mr_span packet)
{
    char id[16];

    if (c->state == JOINING) {
        if (!mr_span_starts(packet, MR_SPAN("430["))) {
            L.strange++;
            return;
        }
        if (memmem(packet.ptr, packet.len, "\"ok\":false", 10))
            bench_die("refused: " MR_SPAN_FMT, MR_SPAN_ARG(packet));
        c->state = READY;
        L.opening--;
        L.ready++;
        return;
    }
    snprintf(id, sizeof(id), "43%u[", c->asked);
    if (!L.echo || !mr_span_starts(packet, mr_span_str(id))) {
        L.strange += L.echo;
        return;
    }
    L.round_trips++;
    if (L.measure_from && c->asked_at >= L.measure_from)
        bench_record(&L.latency, (bench_now_ns() - c->asked_at) / 1000);
    if (L.running)
        echo_once(c);
}

static void on_packet(struct client *c, struct mr_span packet)
{
    if (mr_span_starts(packet, MR_SPAN("42[\"replication_event\","))) {
        on_delivery(c, packet);
    } else if (mr_span_starts(packet, MR_SPAN("43"))) {
        on_ack(c, packet);
    } else if (mr_span_starts(packet, MR_SPAN("2"))) {
        say(c, WS_TEXT, MR_SPAN("3"));
    } else if (mr_span_starts(packet, MR_SPAN("0")) && c->state == UPGRADING) {
        say_text(c, L.token[0] ? "40{\"token\":\"%s\"}" : "40%s", L.token);
    } else if (mr_span_starts(packet, MR_SPAN("40")) && c->state == UPGRADING) {
        c->state = JOINING;
        /* The ack proves that the join was handled. */
        if (L.listen)
            say_text(c, "420[\"subscribe_pipeline\",{\"pipeline_id\":\"%s\"}]", L.room);
        else if (!L.echo && c != &L.clients[L.n])
            say_text(c, "42[\"subscribe_pipeline\",{\"pipeline_id\":\"%s\"}]", L.room);
        if (!L.listen)
            say_text(c, "420[\"echo\",1]");
    } else if (mr_span_starts(packet, MR_SPAN("44")) || mr_span_starts(packet, MR_SPAN("41"))) {
        fprintf(stderr, "refused: " MR_SPAN_FMT "\n", MR_SPAN_ARG(packet));
        lose(c);
    }
}

static size_t read_frames(struct client *c, char *p, size_t len)
{
    size_t used = 0, step;
    struct ws_frame f;

    if (c->state == UPGRADING && len > 4 && p[0] == 'H') {
        char *end = memmem(p, len, "\r\n\r\n", 4);

        if (!end)
            return 0;
        if (!mr_span_starts(mr_span_of(p, len), MR_SPAN("HTTP/1.1 101")))
            bench_die("no upgrade: " MR_SPAN_FMT, (int)(end - p), p);
        used = (size_t)(end + 4 - p);
    }
    while (c->state != LOST && (step = ws_take(p + used, len - used, &f)) > 0) {
        used += step;
        if (f.op == WS_TEXT)
            on_packet(c, f.payload);
        else if (f.op == WS_PING)
            say(c, WS_PONG, f.payload);
        else if (f.op == WS_CLOSE)
            lose(c);
    }
    return used;
}

static void on_readable(struct client *c)
{
    static char bytes[1 << 18]; /* one for all: only what is incomplete is kept for a client */
    size_t have = c->in.len, used;
    ssize_t n;

    if (have)
        memcpy(bytes, c->in.ptr, have);
    n = recv(c->fd, bytes + have, sizeof(bytes) - have, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose(c);
        return;
    }
    used = read_frames(c, bytes, have + (size_t)n);
    mr_buf_clear(&c->in);
    if (used < have + (size_t)n)
        mr_buf_add(&c->in, bytes + used, have + (size_t)n - used);
    if (mr_buf_err(&c->in) != MR_OK || c->in.len == sizeof(bytes))
        bench_die("a frame is larger than %zu bytes", sizeof(bytes));
}

/* Serve the sockets until a time; returns at once after that, and after each batch when now is it.
 */
static void serve_until(uint64_t until_ns)
{
    struct epoll_event events[512];
    uint64_t now;

    do {
        int wait_ms, n;

        now = bench_now_ns();
        wait_ms = until_ns > now ? (int)((until_ns - now) / 1000000u) : 0;
        n = epoll_wait(L.poll_fd, events, 512, wait_ms);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;

            if (c->state == CONNECTING)
                on_connected(c);
            else if (events[i].events & EPOLLOUT && c->out.len)
                flush_out(c);
            if (c->state != LOST && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                on_readable(c);
        }
    } while (bench_now_ns() < until_ns);
}

/* ---- the script -------------------------------------------------------------------------------
 */

static void connect_all(void)
{
    uint64_t deadline = bench_now_ns() + 120 * SECOND;
    size_t next = 0, all = L.n + L.has_publisher;

    while (L.ready + L.lost_clients < all && bench_now_ns() < deadline) {
        while (next < all && L.opening < OPENING_MAX) {
            open_client(&L.clients[next], next);
            next++;
        }
        serve_until(bench_now_ns() + SECOND / 200);
    }
    if (L.ready < all)
        bench_die("only %zu of %zu clients are ready", L.ready, all);
}

static void publish(void)
{
    struct client *p = &L.clients[L.n];
    char event[4096], filler[4096] = {0};
    int n = snprintf(event, sizeof(event), "{\"t\":\"%llu\",\"n\":%llu,\"f\":\"",
                     (unsigned long long)bench_now_ns(), (unsigned long long)L.published++);

    if ((size_t)n + 2 < L.event_bytes)
        memset(filler, 'x', L.event_bytes - (size_t)n - 2);
    say_text(p, "42[\"publish\",{\"pipeline_id\":\"%s\",\"event\":%s%s\"}}]", L.room, event,
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
        echo_once(&L.clients[i]);
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

int main(int argc, char **argv)
{
    load_options(&L, argc, argv);
    bench_raise_file_limit();
    L.poll_fd = epoll_create1(0);
    L.clients = mr_zalloc(L.n + 1, sizeof(*L.clients));
    if (!L.clients)
        bench_die("out of memory");
    L.idle = bench_usage_of(L.server_pid);
    connect_all();
    L.connected = bench_usage_of(L.server_pid);
    serve_until(bench_now_ns() + SECOND); /* settle */
    L.settled = bench_usage_of(L.server_pid);
    if (L.echo)
        run_echo();
    else if (L.listen)
        run_listen();
    else
        run_fanout();
    load_print(&L);
    return 0;
}
