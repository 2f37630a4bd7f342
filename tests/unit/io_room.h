/* io_room.h - a server without a network and a handful of clients of it, for tests about rooms and
 * what goes through them. Each client is a polling session whose queue the test reads. */
#ifndef TESTS_UNIT_IO_ROOM_H
#define TESTS_UNIT_IO_ROOM_H

#include "rows.h"

#include "io/namespace.h"
#include "proto/alloc.h"

#include <stdio.h>

#define CLIENTS_MAX 256

static struct mr_server srv;
static uint64_t clock_ms;
static struct mr_session *sessions[CLIENTS_MAX];
static struct mr_socket *sockets[CLIENTS_MAX]; /* by their session's place */
static size_t n_clients;

static inline void no_reply(struct mr_exchange *ex, const struct mr_reply *reply)
{
    (void)ex;
    (void)reply;
}

static inline struct mr_span no_header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    (void)name;
    return MR_SPAN_NONE;
}

static inline const char *no_addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "";
}

static const struct mr_exchange_ops room_ops = {
    .reply = no_reply, .header = no_header, .addr = no_addr};

static inline uint64_t test_clock(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static inline void note_connected(struct mr_socket *s, void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < n_clients; i++) {
        if (sessions[i] == s->session)
            sockets[i] = s;
    }
}

static inline void server_up(const struct mr_options *opt)
{
    n_clients = 0;
    clock_ms = 1000;
    memset(sockets, 0, sizeof(sockets));
    assert_int_equal(mr__core_init(&srv, opt), MR_OK);
    srv.clock_ms = test_clock;
    assert_int_equal(mr_on_connected(&srv, "/", note_connected, NULL), MR_OK);
}

/* What a client says: one Engine.IO packet. */
static inline void says(size_t i, const char *text)
{
    struct mr_eio_packet p;

    assert_int_equal(mr_eio_decode(mr_span_str(text), &p), MR_OK);
    mr__session_packet(sessions[i], &p);
}

static inline size_t dial_in(void)
{
    const struct mr_exchange ex = {.ops = &room_ops};

    assert_true(n_clients < CLIENTS_MAX);
    sessions[n_clients] = mr__session_new(&srv, &ex, MR_S_POLLING);
    assert_non_null(sessions[n_clients]);
    return n_clients++;
}

/* Dial in and send a CONNECT. */
static inline struct mr_socket *comes(const char *connect)
{
    size_t i = dial_in();

    says(i, connect);
    return sockets[i];
}

/* Everything queued for a client, joined by '|'; its queue is then empty. */
static inline const char *hears(size_t i)
{
    static char out[1 << 16];
    struct mr_outq *q = mr__session_q(sessions[i]);
    size_t at = 0;

    out[0] = '\0';
    while (q->n > 0) {
        struct mr_span text = mr__frame_payload(mr__outq_at(q, 0));
        int n = snprintf(out + at, sizeof(out) - at, "%s" MR_SPAN_FMT, at ? "|" : "",
                         MR_SPAN_ARG(text));

        assert_true(n > 0 && (size_t)n < sizeof(out) - at);
        at += (size_t)n;
        mr__session_sent(sessions[i], 1, mr_frame_bytes(mr__outq_at(q, 0)));
        mr__outq_pop(q);
    }
    return out;
}

static inline void passes(uint64_t ms)
{
    clock_ms += ms;
    mr__timers_run(&srv.timers, clock_ms);
    while (!mr__turn_end(&srv))
        ;
}

#endif
