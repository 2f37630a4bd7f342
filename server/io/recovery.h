/* recovery.h - connection state recovery, between connect.c and a store.
 *
 *   CONNECT with a pid --> who has it? --no--> as any other; a session begins when it is admitted
 *                              |yes
 *                     still connected: its old connection is half open, and ends now
 *                              |
 *               its id, rooms and data again --> hooks (or not) --> missed events --> 40{"sid",..}
 *
 * A socket has its state only where recovery is on. What the store is told, and when, goes through
 * the namespace's adapter. [thread: loop]
 */
#ifndef IO_RECOVERY_H
#define IO_RECOVERY_H

#include "io/core.h"

struct mr_nsp;
struct mr_socket;

struct mr_recovery { /* of a namespace */
    const struct mr_store_ops *ops;
    void *store;
    struct mr_table pids; /* of connected sockets */
};

struct mr_recoverable {  /* of a socket */
    struct mr_node node; /* in recovery->pids */
    struct mr_socket *socket;
    struct mr_saved *session; /* NULL: none, or no more */
    bool recovered, admitted, kept;
    bool catching_up; /* the store was asked for what it missed */
    bool restoring;   /* what happens to its rooms is not news */
    bool own_known;   /* nor is it that it will be in its own room */
    char *auth;       /* of its CONNECT, for the hooks, should recovery fail yet */
    char pid[MR_PID_MAX + 1];
};

/* Open and close a namespace's store; MR_OK, also when recovery is off. */
MR_MUSTCHECK int mr__recovery_open(struct mr_nsp *nsp);
void mr__recovery_close(struct mr_nsp *nsp);

/* A CONNECT with this auth. True: mr__connect_decide or mr__connect_admit is called for sock, now
 * or later. False: it asks for no recovery. */
bool mr__recovery_claim(struct mr_socket *sock, struct mr_span auth);
/* A socket is about to be admitted. True: it is a recovered one; what it has missed is queued, and
 * then mr__connect_now is called, now or later. */
bool mr__recovery_catch_up(struct mr_socket *sock);
/* It is admitted: its session begins, unless it has one. */
void mr__recovery_begin(struct mr_socket *sock);
/* Its rooms or data have changed. */
void mr__recovery_changed(struct mr_socket *sock, enum mr_session_change what, const char *room);
/* It is gone (state GONE), and still in its rooms; a PENDING one, too. */
void mr__recovery_gone(struct mr_socket *sock, const char *reason);
/* Choose the packet's offset, and keep it if it is to be kept. */
void mr__recovery_stamp(const struct mr_adapter *a, struct mr_packet *p,
                        const struct mr_target *to);
void mr__recovery_free(struct mr_socket *sock);

/* recovery.c, for recovery_back.c */
MR_MUSTCHECK int mr__recovery_state_new(struct mr_socket *sock);
/* From here on who comes with this pid takes its place; no longer. */
MR_MUSTCHECK int mr__recovery_pid_take(struct mr_socket *sock);
void mr__recovery_pid_leave(struct mr_socket *sock);
/* It cannot come back any more; for the client nothing changes. */
void mr__recovery_session_end(struct mr_socket *sock);
void mr__recovery_give_up(struct mr_socket *sock);

/* For the adapter in memory */
int mr__recovery_persist(struct mr_adapter *a, struct mr_socket *s, enum mr_session_change what,
                         const char *room);
void mr__recovery_restore(struct mr_adapter *a, const char *pid, const char *offset,
                          mr_restored_fn fn, void *ctx);

const struct mr_store_ops *mr__store_memory(void);

#endif
