/* bus_load.c - many sockets of the message bus, which count what comes and look at its order.
 *
 *   bus_load PORT PATH SOCKETS MESSAGES SECONDS
 *
 * Prints "ready" when all are open, and one line of JSON when each has had MESSAGES (or SECONDS are
 * over). A message is {.."data":{"n":N,"t":T}..}: its number, and the wall clock's time in
 * microseconds when it was published. */
#include "bench.h"
#include "ws.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_MAX 262144

struct client {
    int fd;
    bool open;
    uint64_t next, got;
    size_t len;
    char *in;
};

static struct {
    uint64_t received, disorder, coalesced;
    struct bench_histogram latency;
} total;

static uint64_t wall_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t number_after(const struct mr_span text, const char *key)
{
    const char *at = memmem(text.ptr, text.len, key, strlen(key));
    uint64_t n = 0;

    if (!at)
        return UINT64_MAX;
    for (at += strlen(key); at < text.ptr + text.len && *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

static void take_message(struct client *c, struct mr_span text)
{
    uint64_t n = number_after(text, "\"data\":{\"n\":"), now;

    if (n == UINT64_MAX) {
        if (memmem(text.ptr, text.len, "\"coalesced\"", 11))
            total.coalesced += number_after(text, "\"count\":");
        return;
    }
    total.disorder += n != c->next;
    c->next = n + 1;
    c->got++;
    total.received++;
    now = wall_us();
    if (total.received % 64 == 0) /* of each 64th: the clock costs more than the rest */
        bench_record(&total.latency, now - number_after(text, "\"t\":"));
}

static void take_input(struct client *c)
{
    size_t at = 0, used;
    struct ws_frame f;

    if (!c->open) {
        char *end = memmem(c->in, c->len, "\r\n\r\n", 4);

        if (!end)
            return;
        if (memcmp(c->in, "HTTP/1.1 101", 12) != 0)
            bench_die("refused: %.*s", (int)(end - c->in), c->in);
        c->open = true;
        at = (size_t)(end + 4 - c->in);
    }
    while ((used = ws_take(c->in + at, c->len - at, &f)) > 0) {
        at += used;
        if (f.op == WS_TEXT)
            take_message(c, f.payload);
        else if (f.op == WS_CLOSE)
            bench_die("the server closed a socket");
    }
    memmove(c->in, c->in + at, c->len - at);
    c->len -= at;
}

static void dial(struct client *c, uint16_t port, const char *path)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    char request[2048];
    int n;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    c->in = malloc(READ_MAX);
    if (c->fd < 0 || !c->in || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        bench_die("cannot connect: %s", strerror(errno));
    n = snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                 path);
    if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        bench_die("cannot send");
}

static void read_client(struct client *c)
{
    ssize_t n = recv(c->fd, c->in + c->len, READ_MAX - c->len, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN))
        bench_die("a connection was lost");
    if (n <= 0)
        return;
    c->len += (size_t)n;
    take_input(c);
}

int main(int argc, char **argv)
{
    uint64_t sockets, messages, seconds, until = UINT64_MAX, open = 0, done = 0;
    struct epoll_event events[256];
    struct client *clients;
    int ep = epoll_create1(0);

    if (argc != 6)
        bench_die("bus_load PORT PATH SOCKETS MESSAGES SECONDS");
    sockets = bench_number(argv[3], 100000);
    messages = bench_number(argv[4], 1000000000);
    seconds = bench_number(argv[5], 3600);
    bench_raise_file_limit();
    clients = calloc(sockets, sizeof(*clients));
    for (uint64_t i = 0; clients && i < sockets; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};

        dial(&clients[i], (uint16_t)bench_number(argv[1], 65535), argv[2]);
        epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &e);
    }
    while (done < sockets && bench_now_ns() < until) {
        int n = epoll_wait(ep, events, 256, 100);

        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            bool was = c->open;
            uint64_t had = c->got;

            read_client(c);
            open += !was && c->open;
            done += had < messages && c->got >= messages;
        }
        if (open == sockets && until == UINT64_MAX) {
            puts("ready");
            (void)fflush(stdout);
            until = bench_now_ns() + seconds * 1000000000u;
        }
    }
    printf(
        "{\"sockets\":%llu,\"received\":%llu,\"disorder\":%llu,\"coalesced\":%llu,\"lost\":%lld,",
        (unsigned long long)sockets, (unsigned long long)total.received,
        (unsigned long long)total.disorder, (unsigned long long)total.coalesced,
        (long long)(sockets * messages) - (long long)total.received - (long long)total.coalesced);
    printf("\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
           bench_quantile_ms(&total.latency, 0.5), bench_quantile_ms(&total.latency, 0.99),
           (double)total.latency.max_us / 1000);
    return 0;
}
