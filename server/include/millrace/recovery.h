/* recovery.h - connection state recovery: a client that comes back soon is who it was.
 *
 *   CONNECT            -> 40{"sid":..,"pid":..}            pid: a secret between the two
 *   every event        -> 42["news",1,"<offset>"]          the client remembers the last offset
 *   (connection lost)
 *   40{"pid":..,"offset":..} -> missed events, in order; then 40{"sid":..,"pid":..} as before
 *
 * The socket then has its id, its rooms and its data again, and mr_socket_recovered is true; the
 * client sees recovered. If anything that it missed is no longer known it is not recovered: a plain
 * CONNECT with a new sid, never a silent hole. What a client gets is what was sent, while it was
 * away, to the rooms it was in, and what was under way when the connection broke.
 *
 * Events that wait for acks and volatile ones are not kept. Frames of mr_frame_new carry no offset:
 * they are not kept either, and must not end in a string argument (clients would take it for one).
 *
 * Where sessions and events are kept is a store's affair. pid and offset are strings of its choice,
 * of characters that JSON does not escape. The store in memory is bounded in time and bytes, and
 * finds what was missed by room: the cost is that of the missed events, not of all traffic.
 * [thread: loop]
 */
#ifndef MILLRACE_RECOVERY_H
#define MILLRACE_RECOVERY_H

#include "millrace/adapter.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MR_PID_MAX 64 /* bytes; a longer one from a client is not looked at (see MR_OFFSET_MAX) */

struct mr_recovery_options {       /* zero means the default named here */
    uint32_t max_disconnection_ms; /* 120000: who stays away longer is not recovered */
    bool run_middlewares;          /* false: a recovered client does not pass the connect hooks */
    size_t bytes_max;              /* 64 MiB of events in each namespace, the oldest go first */
    uint32_t packets_max;          /* 1000000 events in each namespace */
    uint32_t sessions_max;         /* 100000 clients that are away, in each namespace */
    /* Free what mr_socket_set_data was given, once a client that was away will not be recovered
     * any more. For the others it is the disconnect handler's affair: see mr_socket_recoverable. */
    void (*data_free)(void *data, void *ctx);
    void *data_free_ctx;
    const struct mr_store_ops *store; /* NULL: in memory. Borrowed for the server's life */
    void *store_arg;
};

/* Switch recovery on for every namespace. Copies opt (NULL: all defaults). MR_OK; MR_E_CONFLICT:
 * there are sockets already, or it is on; MR_E_NOMEM; or what the store says. */
MR_EXPORT MR_MUSTCHECK int mr_use_recovery_sized(struct mr_server *srv,
                                                 const struct mr_recovery_options *opt,
                                                 size_t opt_size);
MR_MUSTCHECK static inline int mr_use_recovery(struct mr_server *srv,
                                               const struct mr_recovery_options *opt)
{
    return mr_use_recovery_sized(srv, opt, sizeof(*opt));
}
/* Was this socket recovered, with its rooms and data? From its connect hook on. */
MR_EXPORT bool mr_socket_recovered(const struct mr_socket *s);
/* In a disconnect handler: may it come back? Its data is then kept, not to be freed here. An emit
 * to a socket that may come back is kept for it. */
MR_EXPORT bool mr_socket_recoverable(const struct mr_socket *s);

/* ---- stores ------------------------------------------------------------------------------- */

struct mr_saved; /* a store's own: one session */

struct mr_restored {
    struct mr_saved *session;
    const char *pid, *sid;
    const char *const *rooms; /* n_rooms of them; its own may be among them */
    size_t n_rooms;
    void *data;
};
/* mr_restored_fn has MR_OK; MR_E_NOTFOUND: no such session, or no longer (r is NULL); MR_E_END:
 * something that it missed is not known any more (the session is attached nevertheless). Everything
 * is borrowed until the return. */
/* The missed events as encoded packets, each followed by its attachments. */
typedef void (*mr_missed_fn)(int err, struct mr_frame *const *frames, size_t n, void *ctx);

/* One store a namespace. Calls with a callback may answer later; it is called once, and between its
 * taking stock and its call nothing may be appended that is not in the answer. A session is
 * attached (from begin or restore) or away (from parted), until end. */
struct mr_store_ops {
    const char *name; /* for logs */
    int (*open)(void **store, struct mr_server *srv, const char *nsp,
                const struct mr_recovery_options *opt);
    void (*close)(void *store);
    /* A client has connected: choose its pid (a secret: 120 random bits at least). It is written
     * before the client hears of it. */
    int (*begin)(void *store, struct mr_socket *s, char pid[MR_PID_MAX + 1],
                 struct mr_saved **session);
    /* It has joined a room, left one (the error of joined spoils the session: it is ended). */
    int (*joined)(void *store, struct mr_saved *session, const char *room);
    void (*left)(void *store, struct mr_saved *session, const char *room);
    void (*data)(void *store, struct mr_saved *session, void *data);
    /* The event appended last went to it. NULL: the store does not need to know. */
    void (*sent)(void *store, struct mr_saved *session);
    void (*parted)(void *store, struct mr_saved *session);
    void (*end)(void *store, struct mr_saved *session);
    /* An event goes out: choose its offset, into p->offset, and keep it if anybody may miss it
     * (mr_packet_encode, then take references to the frames). An event that is not kept for want of
     * room is a gap: who misses it is not recovered. is_volatile: not kept, but it carries the
     * present offset. */
    void (*append)(void *store, const struct mr_adapter *a, struct mr_packet *p,
                   const struct mr_target *to, bool is_volatile);
    /* Who has this pid? It is attached from here on if the answer is MR_OK. offset as the client
     * sent it; NULL: it has had no event yet. */
    void (*restore)(void *store, const char *pid, const char *offset, mr_restored_fn fn, void *ctx);
    /* What an attached session has missed since the offset it was restored with. */
    void (*missed)(void *store, struct mr_saved *session, mr_missed_fn fn, void *ctx);
};

#ifdef __cplusplus
}
#endif

#endif
