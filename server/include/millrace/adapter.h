/* adapter.h - the seam between a namespace and whoever else has clients of it.
 *
 * One adapter a namespace: it knows who is in which room and carries every event that is for more
 * than one socket. The adapter of one process, mr_adapter_memory, is always there; one for a
 * cluster is made on top of it, by replacing some of its functions:
 *
 *   namespace --broadcast--> cluster adapter --publish--> the other servers
 *                                 |                            |
 *                                 v                            v  what comes in is decoded, and
 *                          memory->broadcast            memory->broadcast    the same is done
 *
 * so what crosses the wire is its own affair: a packet is here as plain data (event, raw JSON
 * arguments, attachments) as well as encoded, the target as names and flags. Sockets are passed by
 * pointer where they can only be this process's.
 *
 * Everything is [thread: loop]; an adapter that talks to a network posts its results with mr_post.
 * What is passed in is borrowed until the return: who needs it longer copies it.
 */
#ifndef MILLRACE_ADAPTER_H
#define MILLRACE_ADAPTER_H

#include "millrace/broadcast.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_frame;
struct mr_adapter; /* opaque; one a namespace */

#define MR_ATTACHMENTS_MAX 10
#define MR_OFFSET_MAX      64 /* bytes */

/* An EVENT on its way out. */
struct mr_packet {
    const char *event;
    struct mr_span args; /* raw elements of a JSON array, without its brackets */
    const struct mr_span *attachments;
    size_t n_attachments;
    int64_t ack_id; /* -1: none; else it is encoded, and the clients answer under it */
    char offset[MR_OFFSET_MAX + 1]; /* "": none; else one more argument, the last: recovery.h */
    bool no_compress;
    const char *latest; /* key of keep-latest, or NULL: see struct mr_target */
    /* Filled by mr_packet_encode: the text and one for each attachment. */
    struct mr_frame *frames[1 + MR_ATTACHMENTS_MAX];
    size_t n_frames; /* 0: not encoded yet */
};
/* Encode for the adapter's namespace, once: a second call does nothing. MR_OK; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_packet_encode(const struct mr_adapter *a, struct mr_packet *p);
/* Drop the frames (each receiver has its own reference). */
MR_EXPORT void mr_packet_clear(struct mr_packet *p);

/* Who collects the acks of one broadcast. An adapter calls expect once for each server, and then
 * answer or gone once for each client; after broadcast_forget it calls nothing. */
struct mr_collector {
    void (*expect)(struct mr_collector *c, size_t clients);
    void (*answer)(struct mr_collector *c, const struct mr_answer *answer);
    void (*gone)(struct mr_collector *c); /* it will not answer any more */
};

enum mr_session_change {
    MR_SESSION_BEGUN,
    MR_SESSION_JOINED,
    MR_SESSION_LEFT,
    MR_SESSION_DATA,
    MR_SESSION_AWAY,
    MR_SESSION_ENDED,
};
struct mr_restored;
typedef void (*mr_restored_fn)(int err, const struct mr_restored *r, void *ctx);

struct mr_adapter_ops {
    const char *name; /* for logs */
    /* Made with its namespace; arg as given to mr_use_adapter. An error fails the namespace. */
    int (*init)(struct mr_adapter *a, void *arg);
    void (*close)(struct mr_adapter *a);

    /* Membership of this process's sockets. The first call for a socket adds its own room, the one
     * named as its id; del_all ends it. */
    int (*add_all)(struct mr_adapter *a, struct mr_socket *s, const char *const *rooms, size_t n);
    void (*del)(struct mr_adapter *a, struct mr_socket *s, const char *room);
    void (*del_all)(struct mr_adapter *a, struct mr_socket *s);
    bool (*in_room)(const struct mr_adapter *a, const struct mr_socket *s, const char *room);
    size_t (*socket_rooms)(const struct mr_adapter *a, const struct mr_socket *s,
                           const char **names, size_t cap);
    size_t (*room_size)(const struct mr_adapter *a, const char *room);
    size_t (*room_count)(const struct mr_adapter *a);
    void (*rooms_each)(struct mr_adapter *a, bool (*fn)(const char *, size_t, void *), void *ctx);
    struct mr_socket *(*find)(struct mr_adapter *a, const char *id);
    /* Call fn for each socket of this process that a target means; it must not run handlers. */
    void (*each)(struct mr_adapter *a, const struct mr_target *to,
                 void (*fn)(struct mr_socket *s, void *ctx), void *ctx);

    /* Events. Return how many sockets of this process it was queued to, or an error. */
    int (*broadcast)(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to);
    int (*broadcast_with_ack)(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to,
                              struct mr_collector *c);
    void (*broadcast_forget)(struct mr_adapter *a, struct mr_collector *c);

    /* Of all servers, or with MR_LOCAL of this one. */
    int (*sockets)(struct mr_adapter *a, const struct mr_target *to, mr_ids_fn fn, void *ctx);
    int (*fetch_sockets)(struct mr_adapter *a, const struct mr_target *to, mr_fetch_fn fn,
                         void *ctx);
    int (*add_sockets)(struct mr_adapter *a, const struct mr_target *to, const char *const *rooms,
                       size_t n);
    int (*del_sockets)(struct mr_adapter *a, const struct mr_target *to, const char *const *rooms,
                       size_t n);
    int (*disconnect_sockets)(struct mr_adapter *a, const struct mr_target *to, bool close);
    int (*server_side_emit)(struct mr_adapter *a, const char *event, struct mr_span args,
                            uint32_t timeout_ms, mr_server_answers_fn fn, void *ctx);
    size_t (*server_count)(const struct mr_adapter *a); /* this one included */

    /* Connection state recovery, where it is on. Those of the adapter in memory use the namespace's
     * store. persist: s has begun a session, joined or left room, got other data, gone away, or
     * ended. restore: as mr_store_ops has it. */
    int (*persist_session)(struct mr_adapter *a, struct mr_socket *s, enum mr_session_change what,
                           const char *room);
    void (*restore_session)(struct mr_adapter *a, const char *pid, const char *offset,
                            mr_restored_fn fn, void *ctx);
};

/* The adapter of one process; its functions are what others build on. */
MR_EXPORT const struct mr_adapter_ops *mr_adapter_memory(void);
/* Use another one for every namespace, from here on; those that exist change over, and must have no
 * sockets yet. Borrows ops and arg for the server's life. MR_OK; MR_E_CONFLICT: there are sockets;
 * or the error of init. */
MR_EXPORT MR_MUSTCHECK int mr_use_adapter(struct mr_server *srv, const struct mr_adapter_ops *ops,
                                          void *arg);

/* For implementations: whose it is, and a place for what it keeps. */
MR_EXPORT struct mr_server *mr_adapter_server(const struct mr_adapter *a);
MR_EXPORT const char *mr_adapter_nsp(const struct mr_adapter *a);
MR_EXPORT const char *mr_adapter_server_id(const struct mr_adapter *a); /* drawn at its making */
MR_EXPORT void mr_adapter_set_state(struct mr_adapter *a, void *state);
MR_EXPORT void *mr_adapter_state(const struct mr_adapter *a);
/* An event from another server, for this one's handler (mr_on_server_event). answer is called with
 * its reply, once; NULL: none is wanted. Without a handler nothing happens. MR_OK; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int
mr_adapter_take_server_event(struct mr_adapter *a, const char *event, struct mr_span args,
                             void (*answer)(void *ctx, struct mr_span value), void *ctx);

#ifdef __cplusplus
}
#endif

#endif
