/* load_client.c - the clients of sio_load: what they send to connect and join, and what they make
 * of the packets that come.
 *
 * A server with recovery gives a pid at CONNECT and an offset with each event: a client that comes
 * back tells both, and is served what it missed before the answer to its CONNECT.
 */
#include "load.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* ---- the connection ---------------------------------------------------------------------------
 */

static void watch(struct client *c, uint32_t events, int how)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    epoll_ctl(L.poll_fd, how, c->fd, &e);
}

void client_lose(struct client *c)
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
    mr_buf_free(&c->in);
    mr_buf_free(&c->out);
}

static void flush_out(struct client *c)
{
    ssize_t n = send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN) {
        client_lose(c);
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

void client_say(struct client *c, const char *fmt, ...)
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

static bool stalls(const struct client *c)
{
    return c >= L.clients + load_clients(&L) - L.stalled;
}

void client_open(struct client *c, size_t i)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int one = 1, small = 4096;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        bench_die("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (stalls(c)) /* so that what it does not read stays with the server */
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
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
        client_lose(c);
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

void client_echo(struct client *c)
{
    c->asked++;
    c->asked_at = bench_now_ns();
    client_say(c, "42%u[\"echo\",{\"n\":%u,\"note\":\"the round trip of a small object\"}]",
               c->asked, c->asked);
}

/* What stands between two quotes, if it fits. */
static void keep(char *out, size_t size, const char *from, const char *end)
{
    size_t n = (size_t)(end - from);

    if (n < size) {
        memcpy(out, from, n);
        out[n] = '\0';
    }
}

/* The offset: the string that ends the packet, ...,"offset"] */
static void keep_offset(struct client *c, struct mr_span packet)
{
    const char *end = packet.ptr + packet.len - 2, *from;

    if (packet.len < 4 || end[0] != '"' || end[1] != ']')
        return;
    from = memrchr(packet.ptr, '"', packet.len - 2);
    if (from)
        keep(c->offset, sizeof(c->offset), from + 1, end);
}

static void on_delivery(struct client *c, struct mr_span packet)
{
    static const char mark[] = "\"t\":\"";
    static size_t usual; /* where the stamp was the last time */
    const char *at = NULL;
    uint64_t sent_at;

    if (c->pid[0])
        keep_offset(c, packet);
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
        if (stalls(c)) /* it reads no more, and does not hear of its end */
            epoll_ctl(L.poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
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
        client_echo(c);
}

static void connect_packet(struct client *c)
{
    if (c->pid[0] && c->offset[0])
        client_say(c, "40{\"pid\":\"%s\",\"offset\":\"%s\"}", c->pid, c->offset);
    else
        client_say(c, L.token[0] ? "40{\"token\":\"%s\"}" : "40%s", L.token);
}

/* Who was recovered is in its rooms again. The ack proves that what it says here was handled. */
void client_join(struct client *c)
{
    bool joins = (c < L.clients + L.n || stalls(c)) && !L.echo && !L.idle;

    c->asked_at = bench_now_ns();
    if (L.listen)
        client_say(c, "420[\"subscribe_pipeline\",{\"pipeline_id\":\"%s\"}]", L.room);
    else if (joins && !c->recovered)
        client_say(c, "42[\"subscribe_pipeline\",{\"pipeline_id\":\"%s\"}]", L.room);
    if (!L.listen)
        client_say(c, "420[\"echo\",1]");
}

/* Its CONNECT was answered: {"sid":..} or, with recovery, {"sid":..,"pid":..}. */
static void on_admitted(struct client *c, struct mr_span packet)
{
    static const char mark[] = "\"pid\":\"";
    const char *at = memmem(packet.ptr, packet.len, mark, sizeof(mark) - 1), *from, *end = NULL;

    if (at) {
        from = at + sizeof(mark) - 1;
        end = memchr(from, '"', (size_t)(packet.ptr + packet.len - from));
    }
    if (end) {
        c->recovered = c->pid[0] && strlen(c->pid) == (size_t)(end - from) &&
                       memcmp(c->pid, from, (size_t)(end - from)) == 0;
        keep(c->pid, sizeof(c->pid), from, end);
    }
    L.recovered += c->recovered;
    c->state = JOINING;
    client_join(c);
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
        connect_packet(c);
    } else if (mr_span_starts(packet, MR_SPAN("40")) && c->state == UPGRADING) {
        on_admitted(c, packet);
    } else if (mr_span_starts(packet, MR_SPAN("44")) || mr_span_starts(packet, MR_SPAN("41"))) {
        fprintf(stderr, "refused: " MR_SPAN_FMT "\n", MR_SPAN_ARG(packet));
        client_lose(c);
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
            client_lose(c);
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
        client_lose(c);
        return;
    }
    used = read_frames(c, bytes, have + (size_t)n);
    mr_buf_clear(&c->in);
    if (used < have + (size_t)n)
        mr_buf_add(&c->in, bytes + used, have + (size_t)n - used);
    if (mr_buf_err(&c->in) != MR_OK || c->in.len == sizeof(bytes))
        bench_die("a frame is larger than %zu bytes", sizeof(bytes));
}

void serve_until(uint64_t until_ns)
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
