/* load.h - the state of a sio_load run, its options, and the line that it prints. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "proto/alloc.h"
#include "ws.h"

#define SECOND  1000000000ull
#define IN_MAX  (1u << 18)
#define OUT_MAX (1u << 20)

enum client_state { NEW, CONNECTING, UPGRADING, JOINING, READY, LOST };

struct client {
    int fd;
    enum client_state state;
    bool wants_out, recovered;
    struct mr_buf in, out; /* incomplete input; unsent output */
    uint64_t last_stamp;   /* of the last event: a lower one is disorder */
    uint32_t asked;        /* id of the last echo */
    uint64_t asked_at;
    char pid[68], offset[68]; /* with recovery: who it was, and up to where it has heard */
};

struct load {
    /* what was asked for */
    uint16_t port;
    int server_pid;
    size_t n, idle_clients, stalled; /* who join; who only stay connected; who join, then stop
                                        reading */
    uint64_t rate, seconds, warm_seconds, event_bytes, expect_each;
    const char *room, *mode, *token;
    bool echo, listen, idle, reconnect, has_publisher;

    /* what goes on */
    int poll_fd;
    struct client *clients; /* n of them, the publisher, the idle ones, the stalled ones */
    size_t opening, opening_max, ready, lost_clients;
    bool running;
    uint64_t published;

    /* what was seen */
    uint64_t measure_from, measured_to, last_received_at;
    uint64_t received, warm_received, expected, round_trips, disorder, strange, recovered;
    double back_ms; /* reconnect: until the last one was served again */
    struct bench_usage before, connected, settled, begin, end;
    /* The server's CPU time when these many were connected: its cost at the start and at the end.
     */
    struct bench_usage first, last;
    size_t first_ready, last_ready;
    double own_cpu_begin_s, own_cpu_end_s;
    struct bench_histogram latency;
};

extern struct load L;

/* ---- load_client.c ------------------------------------------------------------------------- */

/* Begin to connect clients[i]; serve_until goes on with it. */
void client_open(struct client *c, size_t i);
/* It is no longer connected: its descriptor is closed, what it remembers stays. */
void client_lose(struct client *c);
void client_say(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void client_join(struct client *c);
void client_echo(struct client *c);
/* Serve the sockets until a time; at once after it, and after each batch when now is it. */
void serve_until(uint64_t until_ns);

/* ---- measuring ------------------------------------------------------------------------------ */

static inline void load_begin(struct load *l)
{
    l->begin = bench_usage_of(l->server_pid);
    l->own_cpu_begin_s = bench_own_cpu_s();
    l->measure_from = bench_now_ns();
}

static inline void load_end(struct load *l)
{
    l->measured_to = bench_now_ns();
    l->own_cpu_end_s = bench_own_cpu_s();
    l->end = bench_usage_of(l->server_pid);
}

static inline void load_option(struct load *l, const char *name, const char *value)
{
    if (strcmp(name, "--mode") == 0)
        l->mode = value;
    else if (strcmp(name, "--port") == 0)
        l->port = (uint16_t)bench_number(value, 65535);
    else if (strcmp(name, "--pid") == 0)
        l->server_pid = (int)bench_number(value, INT32_MAX);
    else if (strcmp(name, "--n") == 0)
        l->n = bench_number(value, 60000);
    else if (strcmp(name, "--idle") == 0)
        l->idle_clients = bench_number(value, 60000);
    else if (strcmp(name, "--stalled") == 0)
        l->stalled = bench_number(value, 60000);
    else if (strcmp(name, "--opening") == 0)
        l->opening_max = bench_number(value, 60000);
    else if (strcmp(name, "--rate") == 0)
        l->rate = bench_number(value, 100000);
    else if (strcmp(name, "--seconds") == 0)
        l->seconds = bench_number(value, 600);
    else if (strcmp(name, "--warm") == 0)
        l->warm_seconds = bench_number(value, 60);
    else if (strcmp(name, "--bytes") == 0)
        l->event_bytes = bench_number(value, 4000);
    else if (strcmp(name, "--expect") == 0)
        l->expect_each = bench_number(value, 100000000);
    else if (strcmp(name, "--room") == 0)
        l->room = value;
    else if (strcmp(name, "--token") == 0)
        l->token = value;
    else
        bench_die("unknown option %s", name);
}

static inline void load_options(struct load *l, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            bench_die("%s needs a value", argv[i]);
        load_option(l, argv[i], argv[i + 1]);
    }
    l->echo = strcmp(l->mode, "echo") == 0;
    l->listen = strcmp(l->mode, "listen") == 0;
    l->idle = strcmp(l->mode, "idle") == 0;
    l->reconnect = strcmp(l->mode, "reconnect") == 0;
    l->has_publisher = l->reconnect || strcmp(l->mode, "fanout") == 0;
    if (!l->port || !l->server_pid || !l->n || !l->rate)
        bench_die(
            "usage: sio_load --port P --pid SERVER [--mode fanout|echo|listen|idle|reconnect] "
            "[--n N] [--idle N] [--stalled N] [--opening N] [--rate R] [--seconds S] [--warm S] "
            "[--bytes B] "
            "[--room R] [--token T] "
            "[--expect EVENTS]");
}

static inline size_t load_clients(const struct load *l)
{
    return l->n + l->has_publisher + l->idle_clients + l->stalled;
}

static inline void load_print(const struct load *l)
{
    double seconds = (double)(l->measured_to - l->measure_from) / 1e9;
    double cpu_us = l->end.cpu_us - l->begin.cpu_us, received = (double)l->received;
    double clients = (double)load_clients(l);
    double late = (double)(clients - (double)l->last_ready);

    printf("{\"mode\":\"%s\",\"n\":%zu,\"seconds\":%.2f,\"expected\":%llu,\"received\":%llu,"
           "\"disorder\":%llu,\"strange\":%llu,\"lost_clients\":%zu,\"per_second\":%.0f,",
           l->mode, l->n, seconds, (unsigned long long)l->expected, (unsigned long long)l->received,
           (unsigned long long)l->disorder, (unsigned long long)l->strange, l->lost_clients,
           received / seconds);
    printf("\"cpu_us\":%.3f,\"cores\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,",
           received > 0 ? cpu_us / received : 0, cpu_us / 1e6 / seconds,
           bench_quantile_ms(&l->latency, 0.5), bench_quantile_ms(&l->latency, 0.99),
           (double)l->latency.max_us / 1000);
    printf("\"connect_first_us\":%.1f,\"connect_last_us\":%.1f,\"recovered\":%llu,"
           "\"back_ms\":%.0f,",
           l->first_ready ? (l->first.cpu_us - l->before.cpu_us) / (double)l->first_ready : 0,
           late > 0 ? (l->connected.cpu_us - l->last.cpu_us) / late : 0,
           (unsigned long long)l->recovered, l->back_ms);
    printf("\"connect_us\":%.1f,\"rss_idle_kb\":%.0f,\"rss_client_kb\":%.2f,\"rss_end_kb\":%.0f,"
           "\"load_cpu_s\":%.2f}\n",
           (l->connected.cpu_us - l->before.cpu_us) / clients, l->before.rss_kb,
           (l->settled.rss_kb - l->before.rss_kb) / clients, l->end.rss_kb,
           l->own_cpu_end_s - l->own_cpu_begin_s);
}

#endif
