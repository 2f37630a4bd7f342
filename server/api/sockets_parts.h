/* sockets_parts.h - what the files of the Socket.IO side share.
 *
 *   sockets.c    connections: auth, expiry, drain
 *   subscribe.c  the requests of clients, and the check that a pipeline exists
 *   status.c     the states of all pipelines as last read, and pipeline_status
 *   denied.c     whom a pipeline is hidden from, read with them
 *   sockets_list.c  who is connected, for REST
 *   socket_keys.c  API keys: PostgreSQL is asked whose they are, and asked again
 */
#ifndef API_SOCKETS_PARTS_H
#define API_SOCKETS_PARTS_H

#include "api/sockets.h"
#include "base/metrics.h"
#include "proto/json.h"
#include "store/api_keys.h"

#define SOCK_TICK_MS      200
#define SOCK_CHECKS_MAX   16   /* subscriptions of one socket that wait for PostgreSQL */
#define SOCK_CHECK_FOR_MS 5000 /* how long one waits while PostgreSQL is away */

/* A subscription whose pipeline is not among those known: PostgreSQL is asked. */
struct sock_check {
    struct mr_sockets *ss;
    struct sock *sock; /* NULL: the client left or changed its mind */
    struct sock_check *next;
    struct mr_identity who;
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
    char key[MR_API_KEY_TEXT]; /* that it came with; "" where it was a token */
    bool asking;               /* whether that is still good */
    int64_t since_us;          /* Unix time */
    struct sock_check *checks;
    size_t n_checks;
};

struct status_row {
    struct mr_uuid id;
    char status[16], full_load[16], cdc[16], health[16];
    char *error, *reason; /* owned; NULL: none. reason: of its health */
    char *progress;       /* owned: of a load that has moved lately, as JSON; NULL: none */
};

struct denial {
    struct mr_uuid user, pipeline;
};
struct denied {
    struct denial *list; /* sorted by user */
    size_t n;
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
    struct denied denied;
    int64_t activity; /* id of the last that was told; -1: none is known */
    uint64_t retry_ms;
    struct mr_metric *connects, *refused, *subscribes, *subscribe_errors, *expired;
};

/* sockets.c */
/* A token or key: of its auth, or of the handshake's headers; empty: none. */
struct mr_span sock_credential(const struct mr_socket *s, struct mr_span auth);
struct mr_span sock_token(struct mr_span arg); /* "token" or {token:".."}: raw content, or empty */
/* It may come in: from here on there is a struct sock for it. MR_OK; MR_E_NOMEM. */
int sock_admit(struct mr_sockets *ss, struct mr_socket *s, const struct mr_identity *who);
/* Refuse its CONNECT. Returns MR_E_AUTH. */
int sock_refuse(struct mr_sockets *ss, struct mr_socket *s, const char *message, const char *code);
/* subscribe.c */
/* {ok:false, error:{code, message}} to who waits for an ack, the event to who does not. */
void sock_error(struct mr_sockets *ss, struct mr_socket *s, int64_t ack_id, const char *event,
                const char *code, const char *message);
int sock_on_events(struct mr_sockets *ss);
void sock_checks_drop(struct sock *s);
void sock_checks_tick(struct sock *s, uint64_t now_ms);
/* status.c */
bool status_knows(const struct mr_sockets *ss, struct mr_uuid id);
void status_read(struct mr_sockets *ss);
void status_free(struct mr_sockets *ss);
/* denied.c */
int denied_read(struct mr_pg *db, struct denied *out); /* [thread: worker] */
void denied_free(struct denied *d);
/* What was read is what counts now: takes it. */
void denied_now(struct mr_sockets *ss, struct denied *d);
bool denied_to(const struct mr_sockets *ss, const struct mr_identity *who, struct mr_uuid pipeline);
/* socket_keys.c */
/* For mr_use: who comes with a key is looked up, and then goes on to sock_key_admit, or is refused.
 */
int sock_key_connect(struct mr_socket *s, struct mr_span auth, void *ctx);
int sock_key_admit(struct mr_sockets *ss, struct mr_socket *s);
/* Is the key still good? Else the socket expires. */
void sock_key_again(struct mr_sockets *ss, struct sock *s);
void sock_expire(struct mr_sockets *ss, struct sock *s); /* sockets.c */
/* Post from a worker to the loop, as long as it takes; false: the server is gone. */
bool sock_post(struct mr_server *srv, void (*fn)(void *arg), void *arg);

#endif
