/* broadcast.h - rooms, and events to many sockets at once.
 *
 * Whom a call is for is said by a struct mr_target, plain data that the caller fills in place:
 *
 *   mr_emit_to(srv, &(struct mr_target){MR_TO("a", "b"), MR_EXCEPT("c")}, "news", args);
 *   mr_emit_to(srv, &(struct mr_target){MR_TO("a"), .from = s, .flags = MR_VOLATILE}, "typing",
 * args); mr_emit_ack_to(srv, &(struct mr_target){.nsp = "/chat", .timeout_ms = 5000}, "ping", args,
 * fn, 0); mr_disconnect_sockets(srv, &(struct mr_target){MR_TO(id)}, true);
 *
 * An all-zero target is every socket of "/". Each socket's id is also the name of a room that it
 * alone is in from its connection on.
 *
 * Calls with a callback may reach other servers, where the adapter knows some (adapter.h): the
 * result then comes later. With the adapter of one process it comes before the call returns, but
 * for acknowledgements. [thread: loop]
 */
#ifndef MILLRACE_BROADCAST_H
#define MILLRACE_BROADCAST_H

#include "proto/err.h"
#include "proto/span.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_server;
struct mr_socket;

enum mr_flag {
    MR_VOLATILE = 1,    /* leave out who cannot take it this instant: something is queued already,
                           or, over polling, no request waits for an answer */
    MR_LOCAL = 2,       /* this process alone, whatever the adapter knows of others */
    MR_NO_COMPRESS = 4, /* not worth compressing */
};

struct mr_target {
    const char *nsp; /* NULL: "/", or from's */
    const char *const *rooms;
    size_t n_rooms; /* members of any of them, each once; 0: every socket */
    const char *const *except;
    size_t n_except;        /* but no member of any of these */
    struct mr_socket *from; /* nor this one: who speaks; NULL: the server */
    unsigned flags;
    uint32_t timeout_ms; /* of calls that wait for answers; 0: each call says what it means */
    /* Keep the latest: where an event with the same key still waits in a client's queue (of the
     * 1024 youngest), it makes way for this one, which goes to the queue's end. So a client that
     * falls behind skips states instead of being sent all of them. Not with attachments. NULL:
     * none. */
    const char *latest;
};
/* For the initialiser of a target; they live as long as the block that they stand in. */
#define MR_NAMES(...)   ((const char *const[]){__VA_ARGS__})
#define MR_TO(...)      .rooms = MR_NAMES(__VA_ARGS__), .n_rooms = MR_N_NAMES(__VA_ARGS__)
#define MR_EXCEPT(...)  .except = MR_NAMES(__VA_ARGS__), .n_except = MR_N_NAMES(__VA_ARGS__)
#define MR_N_NAMES(...) (sizeof(MR_NAMES(__VA_ARGS__)) / sizeof(const char *))

/* ---- membership --------------------------------------------------------------------------- */

/* Copies room. Joining twice is MR_OK. MR_E_NOMEM; MR_E_CLOSED; MR_E_INVAL: a name over 1024 bytes;
 * MR_E_AGAIN: in too many rooms. */
MR_EXPORT MR_MUSTCHECK int mr_join(struct mr_socket *s, const char *room);
/* All of them, or, on an error, those before the one that failed. */
MR_EXPORT MR_MUSTCHECK int mr_join_all(struct mr_socket *s, const char *const *rooms, size_t n);
MR_EXPORT void mr_leave(struct mr_socket *s, const char *room);
MR_EXPORT bool mr_in_room(const struct mr_socket *s, const char *room);
/* The rooms that a socket is in, its own first: at most cap of their names are written to names
 * (which borrow until the socket's rooms change). Returns how many there are. */
MR_EXPORT size_t mr_socket_rooms(const struct mr_socket *s, const char **names, size_t cap);
/* Members of a room in this process (NULL: all sockets of the namespace). O(1). */
MR_EXPORT size_t mr_room_size(struct mr_server *srv, const char *nsp, const char *room);
/* Rooms of this process that have a name of their own, not counting each socket's. O(1). */
MR_EXPORT size_t mr_room_count(struct mr_server *srv, const char *nsp);
/* Call fn for each of those; it may not join, leave or disconnect. Stops when fn returns false. */
MR_EXPORT void mr_rooms_each(struct mr_server *srv, const char *nsp,
                             bool (*fn)(const char *room, size_t members, void *ctx), void *ctx);
/* The connected socket of that id in this process; NULL: there is none. Borrows. */
MR_EXPORT struct mr_socket *mr_socket_find(struct mr_server *srv, const char *nsp, const char *id);

enum mr_room_event {
    MR_ROOM_CREATED, /* s: who is about to be its first member */
    MR_ROOM_JOINED,
    MR_ROOM_LEFT,
    MR_ROOM_DELETED, /* s: who was the last one */
};
/* What happens to the rooms of a namespace in this process, each socket's own included. room is
 * borrowed. fn may do anything, also join and leave. fn NULL: no more of it. */
typedef void (*mr_room_event_fn)(enum mr_room_event what, const char *room, struct mr_socket *s,
                                 void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on_room_event(struct mr_server *srv, const char *nsp,
                                            mr_room_event_fn fn, void *ctx);

/* ---- events ------------------------------------------------------------------------------- */

/* Encode once and queue to every member of room (NULL: everyone in the namespace). Copies.
 * Returns how many sockets of this process it was queued to, or an error. */
MR_EXPORT int mr_emit(struct mr_server *srv, const char *nsp, const char *room, const char *event,
                      struct mr_span args);
/* The same to a target. */
MR_EXPORT int mr_emit_to(struct mr_server *srv, const struct mr_target *to, const char *event,
                         struct mr_span args);
/* With n attachments (at most 10) for the {"_placeholder":true,"num":i} in args. MR_E_TOOBIG: too
 * many. */
MR_EXPORT int mr_emit_binary_to(struct mr_server *srv, const struct mr_target *to,
                                const char *event, struct mr_span args,
                                const struct mr_span *attachments, size_t n);

struct mr_answer {
    struct mr_span args; /* raw arguments of the client's ack */
    const struct mr_span *attachments;
    size_t n_attachments;
};
struct mr_answers {
    size_t n;                      /* answers that came, in the order of their coming */
    const struct mr_answer *list;  /* borrowed until the callback returns */
    size_t asked;                  /* clients that were asked */
    size_t servers, servers_asked; /* servers that said how many clients they have, and all */
};
/* Called once. MR_OK: every client has answered. MR_E_TIMEOUT: not all did in time; MR_E_CLOSED:
 * those who did not are gone (or all is, with the server). What came is there in any case. */
typedef void (*mr_answers_fn)(int err, const struct mr_answers *answers, void *ctx);
/* Emit and wait for the clients' acks. timeout_ms 0: until all have answered or gone. Returns how
 * many sockets of this process were asked (fn may have been called: nobody was there), or an error
 * (fn is not called). */
MR_EXPORT int mr_emit_ack_to(struct mr_server *srv, const struct mr_target *to, const char *event,
                             struct mr_span args, mr_answers_fn fn, void *ctx);
/* The same with attachments. */
MR_EXPORT int mr_emit_ack_binary_to(struct mr_server *srv, const struct mr_target *to,
                                    const char *event, struct mr_span args,
                                    const struct mr_span *attachments, size_t n, mr_answers_fn fn,
                                    void *ctx);

/* What waits in the queues of a target's sockets in this process, unsent: all together, the longest
 * of them, and how many are congested. With a socket's id as room: that socket's. O(sockets). The
 * whole server's stands in mr_stats. */
struct mr_queued {
    uint64_t packets, bytes, bytes_longest;
    size_t sockets, congested;
};
MR_EXPORT void mr_queued_sized(struct mr_server *srv, const struct mr_target *to,
                               struct mr_queued *out, size_t out_size);
static inline void mr_queued(struct mr_server *srv, const struct mr_target *to,
                             struct mr_queued *out)
{
    mr_queued_sized(srv, to, out, sizeof(*out));
}

/* ---- many sockets ------------------------------------------------------------------------- */

/* How a call over several servers went. */
struct mr_outcome {
    int err;         /* MR_OK: complete; else the result is what there is */
    const char *why; /* "": complete; else for the log, as "1 of 3 servers answered" */
    size_t servers, servers_asked;
};

struct mr_remote_header {
    const char *name; /* lower case */
    struct mr_span value;
};
/* A socket as it was when asked. */
struct mr_remote {
    const char *id;
    const char *const *rooms; /* n_rooms of them, its own first */
    size_t n_rooms;
    const char *addr;                       /* of the peer at its handshake */
    const struct mr_remote_header *headers; /* of the handshake, where socket is NULL */
    size_t n_headers;
    void *data;               /* mr_socket_data, where socket is not NULL */
    struct mr_span data_json; /* what another server says of it; else empty */
    struct mr_socket *socket; /* NULL: it lives on another server */
};
/* A header of its handshake, wherever it lives: as mr_socket_header. Borrows r. */
MR_EXPORT struct mr_span mr_remote_header(const struct mr_remote *r, const char *name);
/* Everything is borrowed until the return. */
typedef void (*mr_fetch_fn)(const struct mr_outcome *how, const struct mr_remote *list, size_t n,
                            void *ctx);
/* Who is there? timeout_ms 0: 5000. MR_OK: fn is called, once; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_fetch_sockets(struct mr_server *srv, const struct mr_target *to,
                                            mr_fetch_fn fn, void *ctx);
/* The same without their particulars. */
typedef void (*mr_ids_fn)(const struct mr_outcome *how, const char *const *ids, size_t n,
                          void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_fetch_ids(struct mr_server *srv, const struct mr_target *to,
                                        mr_ids_fn fn, void *ctx);
/* Make them join, leave, disconnect (close: their connections, too). MR_OK or the first error. */
MR_EXPORT int mr_sockets_join(struct mr_server *srv, const struct mr_target *to,
                              const char *const *rooms, size_t n);
MR_EXPORT int mr_sockets_leave(struct mr_server *srv, const struct mr_target *to,
                               const char *const *rooms, size_t n);
MR_EXPORT int mr_disconnect_sockets(struct mr_server *srv, const struct mr_target *to, bool close);

/* ---- server to server --------------------------------------------------------------------- */

struct mr_server_ask; /* opaque; who waits for a server's answer */
/* An event from another server of the cluster. args is borrowed. ask NULL: no answer is wanted;
 * else mr_server_reply, now or later, exactly once. */
typedef void (*mr_server_event_fn)(const char *event, struct mr_span args,
                                   struct mr_server_ask *ask, void *ctx);
/* One handler a namespace, for all such events. */
MR_EXPORT MR_MUSTCHECK int mr_on_server_event(struct mr_server *srv, const char *nsp,
                                              mr_server_event_fn fn, void *ctx);
/* value: raw JSON. Takes ask. */
MR_EXPORT void mr_server_reply(struct mr_server_ask *ask, struct mr_span value);
/* Answers of the other servers, as raw JSON values; borrowed until the return. */
typedef void (*mr_server_answers_fn)(const struct mr_outcome *how, const struct mr_span *answers,
                                     size_t n, void *ctx);
/* Send an event to every other server of the cluster (not to this one). fn NULL: no answers are
 * wanted; else it is called once, when all have answered or after timeout_ms (0: 5000). */
MR_EXPORT MR_MUSTCHECK int mr_server_side_emit(struct mr_server *srv, const char *nsp,
                                               const char *event, struct mr_span args,
                                               uint32_t timeout_ms, mr_server_answers_fn fn,
                                               void *ctx);

#ifdef __cplusplus
}
#endif

#endif
