/* sockets_parts.h - what the files of the Socket.IO side share.
 *
 *   sockets.c    connections: auth, expiry, drain
 *   subscribe.c  the requests of clients, and the check that a pipeline exists
 *   status.c     the states of all pipelines as last read, and pipeline_status
 */
#ifndef API_SOCKETS_PARTS_H
#define API_SOCKETS_PARTS_H

#include "api/sockets.h"
#include "base/metrics.h"
#include "proto/json.h"

#define SOCK_TICK_MS      200
#define SOCK_CHECKS_MAX   16   /* subscriptions of one socket that wait for PostgreSQL */
#define SOCK_CHECK_FOR_MS 5000 /* how long one waits while PostgreSQL is away */

/* A subscription whose pipeline is not among those known: PostgreSQL is asked. */
struct sock_check {
    struct mr_sockets *ss;
    struct sock *sock; /* NULL: the client left or changed its mind */
    struct sock_check *next;
    struct mr_uuid pipeline;
    int64_t ack_id;
    uint64_t until_ms, retry_ms;
    int rc;
    char *args; /* owned copy */
    size_t args_len;
    bool running;
};

/* One admitted connection. */
struct sock {
    struct mr_socket *socket;
    struct sock *prev, *next;
    struct mr_identity who;
    struct sock_check *checks;
    size_t n_checks;
};

struct status_row {
    struct mr_uuid id;
    char status[16], full_load[16], cdc[16];
    char *error; /* owned; NULL: none */
};

struct mr_sockets {
    struct mr_sockets_options opt;
    struct mr_stream *stream;
    struct sock *first;
    size_t n;
    uv_timer_t tick;
    bool closing;
    bool draining;
    /* status.c */
    struct status_row *rows; /* sorted by id */
    size_t n_rows;
    bool known, reading, again;
    uint64_t retry_ms;
    struct mr_metric *connects, *refused, *subscribes, *subscribe_errors, *expired;
};

/* sockets.c */
struct mr_span sock_token(struct mr_span arg); /* "token" or {token:".."}: raw content, or empty */
/* subscribe.c */
int sock_on_events(struct mr_sockets *ss);
void sock_checks_drop(struct sock *s);
void sock_checks_tick(struct sock *s, uint64_t now_ms);
/* status.c */
bool status_knows(const struct mr_sockets *ss, struct mr_uuid id);
void status_read(struct mr_sockets *ss);
void status_free(struct mr_sockets *ss);
/* Post from a worker to the loop, as long as it takes; false: the server is gone. */
bool sock_post(struct mr_server *srv, void (*fn)(void *arg), void *arg);

#endif
