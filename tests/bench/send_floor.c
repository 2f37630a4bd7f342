/* send_floor.c - the floor under the fan-out: the least that any server must do. One thread, epoll;
 * an event that arrives is framed once and given to send(2) once for each member of the room. There
 * is no JSON parser, no heartbeat, no limit: it understands just the packets that sio_load sends,
 * by their text. Not a server to use; a line to measure against.
 *
 *   send_floor PORT [turn]     prints "listening" when it does
 *
 * "turn": what the peers get while one batch of epoll's events is worked off is gathered, and each
 * gets it in one send at the end: the floor under pressure, where a send a frame falls behind.
 */
#include "proto/alloc.h"
#include "ws.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define INPUT_MAX  (1u << 18)
#define OUTPUT_MAX (64u << 20)
#define ROOM_MAX   65536
#define EVENTS_MAX 512

struct peer {
    int fd;
    bool upgraded;
    bool waits;       /* for EPOLLOUT */
    bool dirty, gone; /* in the list of this turn; and to be freed after it */
    int place;        /* in the room, -1 outside */
    struct mr_buf in, out;
};

static struct peer *room[ROOM_MAX];
static int room_size;
static int poll_fd;
static bool by_turn;
static struct peer **dirty; /* by turn: who has something to send at its end */
static size_t dirty_count, dirty_room;

static void watch(struct peer *p, uint32_t events, int how)
{
    struct epoll_event e = {.events = events, .data.ptr = p};

    epoll_ctl(poll_fd, how, p->fd, &e);
}

static void give_later(struct peer *p, struct mr_span bytes)
{
    mr_buf_add(&p->out, bytes.ptr, bytes.len);
    if (p->dirty)
        return;
    if (dirty_count == dirty_room) {
        dirty_room = dirty_room ? 2 * dirty_room : 1024;
        dirty = mr_realloc(dirty, dirty_room * sizeof(struct peer *));
        if (!dirty)
            bench_die("out of memory");
    }
    dirty[dirty_count++] = p;
    p->dirty = true;
}

/* What the kernel does not take at once waits in out; errors show up at the next read. */
static void give(struct peer *p, struct mr_span bytes)
{
    ssize_t n = 0;

    if (by_turn) {
        give_later(p, bytes);
        return;
    }
    if (p->out.len == 0) {
        n = send(p->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == (ssize_t)bytes.len)
            return;
        if (n < 0)
            n = 0;
    }
    mr_buf_add(&p->out, bytes.ptr + n, bytes.len - (size_t)n);
    if (!p->waits)
        watch(p, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    p->waits = true;
}

static void give_text(struct peer *p, const char *head, struct mr_span tail)
{
    char text[4096];
    struct mr_buf frame = MR_BUF_INIT(sizeof(text) + 16);
    int n = snprintf(text, sizeof(text), "%s" MR_SPAN_FMT, head, MR_SPAN_ARG(tail));

    if (n > 0 && (size_t)n < sizeof(text)) {
        ws_put(&frame, WS_TEXT, mr_span_of(text, (size_t)n));
        give(p, mr_buf_span(&frame));
    }
    mr_buf_free(&frame);
}

static void join(struct peer *p)
{
    if (p->place >= 0 || room_size == ROOM_MAX)
        return;
    p->place = room_size;
    room[room_size++] = p;
}

static void leave(struct peer *p)
{
    if (p->place < 0)
        return;
    room[p->place] = room[--room_size];
    room[p->place]->place = p->place;
    p->place = -1;
}

static void broadcast(struct mr_span event)
{
    static struct mr_buf packet = MR_BUF_INIT(INPUT_MAX), frame = MR_BUF_INIT(INPUT_MAX);

    mr_buf_clear(&packet);
    mr_buf_clear(&frame);
    mr_buf_add_str(&packet, "42[\"replication_event\",");
    mr_buf_add_span(&packet, event);
    mr_buf_add_char(&packet, ']');
    ws_put(&frame, WS_TEXT, mr_buf_span(&packet));
    for (int i = 0; i < room_size; i++)
        give(room[i], mr_buf_span(&frame));
}

/* An EVENT: 42, the ack's id, then ["name",argument]. */
static void on_event(struct peer *p, struct mr_span packet)
{
    static const char member[] = "\"event\":";
    size_t i = 2;
    struct mr_span rest;

    while (i < packet.len && packet.ptr[i] >= '0' && packet.ptr[i] <= '9')
        i++;
    rest = mr_span_of(packet.ptr + i, packet.len - i);
    if (mr_span_starts(rest, MR_SPAN("[\"subscribe_pipeline\""))) {
        join(p);
    } else if (mr_span_starts(rest, MR_SPAN("[\"publish\""))) {
        const char *at = memmem(rest.ptr, rest.len, member, sizeof(member) - 1);

        if (at) {
            at += sizeof(member) - 1;
            broadcast(mr_span_of(at, (size_t)(rest.ptr + rest.len - at) - 2));
        }
    } else if (mr_span_starts(rest, MR_SPAN("[\"echo\",")) && i > 2) {
        char head[32];

        snprintf(head, sizeof(head), "43%.*s[", (int)(i < 20 ? i - 2 : 18), packet.ptr + 2);
        give_text(p, head, mr_span_of(rest.ptr + 8, rest.len - 8));
    }
}

static void on_packet(struct peer *p, struct mr_span packet)
{
    if (mr_span_starts(packet, MR_SPAN("40")))
        give_text(p, "40{\"sid\":\"abcdefghijklmnopqrst\"}", MR_SPAN_NONE);
    else if (mr_span_starts(packet, MR_SPAN("42")))
        on_event(p, packet);
}

/* Returns the bytes used. */
static size_t upgrade(struct peer *p)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    struct mr_buf reply = MR_BUF_INIT(4096);
    const char *end = memmem(p->in.ptr, p->in.len, "\r\n\r\n", 4);
    const char *key = end ? memmem(p->in.ptr, p->in.len, name, sizeof(name) - 1) : NULL;

    if (!key)
        return 0;
    ws_put_accept(&reply, mr_span_of(key + sizeof(name) - 1, 24));
    give(p, mr_buf_span(&reply));
    mr_buf_free(&reply);
    give_text(p,
              "0{\"sid\":\"abcdefghijklmnopqrst\",\"upgrades\":[],\"pingInterval\":25000,"
              "\"pingTimeout\":20000,\"maxPayload\":1000000}",
              MR_SPAN_NONE);
    p->upgraded = true;
    return (size_t)(end + 4 - p->in.ptr);
}

static void drop(struct peer *p)
{
    leave(p);
    close(p->fd);
    mr_buf_free(&p->in);
    mr_buf_free(&p->out);
    p->gone = true;
    if (!p->dirty)
        mr_free(p);
}

static void on_readable(struct peer *p)
{
    static char bytes[65536];
    ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    size_t used = 0, step = 0;
    struct ws_frame f;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        mr_buf_add(&p->in, bytes, (size_t)n);
    if (n <= 0 || mr_buf_err(&p->in) != MR_OK) {
        drop(p);
        return;
    }
    if (!p->upgraded)
        used = upgrade(p);
    while (p->upgraded && (step = ws_take(p->in.ptr + used, p->in.len - used, &f)) > 0) {
        if (f.op == WS_TEXT)
            on_packet(p, f.payload);
        used += step;
    }
    if (used == p->in.len) {
        mr_buf_free(&p->in); /* idle peers hold no buffer: the floor of memory, too */
    } else if (used) {
        memmove(p->in.ptr, p->in.ptr + used, p->in.len - used);
        p->in.len -= used;
    }
}

static void on_writable(struct peer *p)
{
    ssize_t n = send(p->fd, p->out.ptr, p->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0) {
        memmove(p->out.ptr, p->out.ptr + n, p->out.len - (size_t)n);
        p->out.len -= (size_t)n;
    }
    if (p->out.len == 0 && p->waits)
        watch(p, EPOLLIN, EPOLL_CTL_MOD);
    else if (p->out.len && !p->waits)
        watch(p, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    p->waits = p->out.len > 0;
}

static void end_turn(void)
{
    for (size_t i = 0; i < dirty_count; i++) {
        struct peer *p = dirty[i];

        p->dirty = false;
        if (p->gone) {
            mr_free(p);
            continue;
        }
        on_writable(p);
    }
    dirty_count = 0;
}

static void accept_all(int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct peer *p = mr_zalloc(1, sizeof(*p));

        if (!p)
            bench_die("out of memory");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        p->fd = fd;
        p->place = -1;
        mr_buf_init(&p->in, INPUT_MAX);
        mr_buf_init(&p->out, OUTPUT_MAX);
        watch(p, EPOLLIN, EPOLL_CTL_ADD);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN}, events[EVENTS_MAX];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

    if (argc < 2)
        bench_die("usage: send_floor PORT [turn]");
    by_turn = argc > 2 && strcmp(argv[2], "turn") == 0;
    signal(SIGPIPE, SIG_IGN);
    bench_raise_file_limit();
    at.sin_port = htons((uint16_t)bench_number(argv[1], 65535));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 4096))
        bench_die("can't listen: %s", strerror(errno));
    poll_fd = epoll_create1(0);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &e);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;

            if (!p) {
                accept_all(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT && p->out.len)
                on_writable(p);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                on_readable(p);
        }
        end_turn();
    }
}
