/* namespace.h - Socket.IO above a session: namespaces, sockets in them, and what packets do.
 *
 * A socket is one client in one namespace:
 *
 *   CONNECT -> PENDING --hook says yes--> CONNECTED --either side leaves--> GONE
 *                 \------hook says no---------------------------------------^
 *
 * The session holds one reference to it until it is GONE; the application may hold more. A session
 * remembers the namespaces that the server threw it out of: what the client sent there before it
 * knew is dropped, where an event for a namespace never joined closes the connection.
 * [thread: loop]
 */
#ifndef IO_NAMESPACE_H
#define IO_NAMESPACE_H

#include "io/ack.h"
#include "io/adapter.h"
#include "io/listeners.h"
#include "io/recovery.h"
#include "io/session.h"
#include "millrace/parser.h"

struct mr_use { /* a link of the chain that a CONNECT passes */
    mr_connect_fn fn;
    void *ctx;
};

struct mr_family; /* families.c */
struct mr_held;   /* events.c */

struct mr_handler { /* of an event, or of all; the next one was registered after it */
    struct mr_handler *next;
    union {
        mr_event_fn event;
        mr_any_fn any;
    } fn;
    void *ctx;
};

struct mr_event {        /* that a namespace has handlers of */
    struct mr_node node; /* in nsp->events */
    struct mr_handler *handlers;
    char name[];
};

struct mr_nsp {
    struct mr_node node; /* in srv->nsps */
    struct mr_server *srv;
    uint32_t refs;            /* the table's, and one for each socket */
    uint32_t n_sockets;       /* not GONE yet */
    struct mr_family *family; /* it stands for a family: no client is ever in it */
    struct mr_nsp *parent;    /* of a family: whose handlers it has where it has none; else NULL */
    struct mr_link sibling;   /* parent->family's children */
    struct mr_link emptied;   /* srv->emptied */
    char *name;
    struct mr_use *uses; /* n_uses of them, asked before on_connect */
    unsigned n_uses;
    mr_connect_fn on_connect;
    void *on_connect_ctx;
    void (*on_connected)(struct mr_socket *s, void *ctx);
    void *on_connected_ctx;
    mr_disconnect_fn on_disconnecting;
    void *on_disconnecting_ctx;
    mr_disconnect_fn on_disconnect;
    void *on_disconnect_ctx;
    mr_drain_fn on_drain;
    void *on_drain_ctx;
    struct mr_table events;
    struct mr_handler *any;       /* of every event */
    struct mr_adapter *adapter;   /* who is in which room */
    struct mr_recovery *recovery; /* NULL: off */
    struct mr_socket **members;   /* connected sockets, in no order */
    size_t n_members, cap_members;
    int64_t next_ack; /* one counter, so that a broadcast can share an id */
};

/* The namespace whose handler counts: its own, or its family's. */
#define MR_HOOK(nsp, field) ((nsp)->field != NULL || (nsp)->parent == NULL ? (nsp) : (nsp)->parent)

enum mr_socket_state {
    MR_SOCKET_PENDING,
    MR_SOCKET_CONNECTED,
    MR_SOCKET_GONE,
};

struct mr_socket { /* one for each client: ordered so that nothing is padding */
    uint32_t refs;
    enum mr_socket_state state;
    char id[MR_SID_LEN + 1];
    bool deciding : 1;       /* inside its connect hook, whose return value still counts */
    bool passed : 1;         /* and mr_connect_next was called there */
    uint8_t step;            /* how many functions of the chain have been asked; then on_connect */
    uint8_t n_above, n_uses; /* the chain's length when it came: its parent's, and its own */
    bool own_room;           /* it is in the room named as its id, and alone there: see room.h */
    uint32_t place;          /* index in nsp->members */
    uint32_t mark;           /* the last walk that visited it: see adapter_memory.c */
    uint32_t n_acks;         /* that we wait for */
    unsigned n_attachments;
    struct mr_server *srv;
    struct mr_nsp *nsp;
    struct mr_session *session; /* NULL once GONE */
    struct mr_handshake *hs;
    struct mr_socket *next; /* in session->sockets */
    void *data;
    struct mr_member **rooms; /* memberships, n_rooms of them; the adapter's */
    uint32_t n_rooms, cap_rooms;
    struct mr_listeners *listeners;     /* its own handlers; NULL: none */
    struct mr_held *held;               /* events that wait for a middleware; NULL: none does */
    struct mr_recoverable *recoverable; /* NULL: recovery is off */
    struct mr_acks_asked asked;         /* acks that the client waits for */
    struct mr_link acks;                /* acks that we wait for, oldest first */
    char *auth;                         /* JSON of its CONNECT; NULL: none */
    char *refusal;                      /* JSON of the CONNECT_ERROR, once refused */
    const struct mr_span *attachments;  /* of the event being handled, n_attachments of them */
};

/* The namespace of that name; create: made when it is missing (NULL then: out of memory). */
struct mr_nsp *mr__nsp_get(struct mr_server *srv, struct mr_span name, bool create);
void mr__nsp_unref(struct mr_nsp *nsp);
/* The server goes: let go of all but the memory that sockets may still refer to. */
void mr__nsp_close(struct mr_nsp *nsp);

/* families.c: a CONNECT to a namespace that there is not. It is made, and sock connects to it, now
 * or later; or the client is refused. */
void mr__family_connect(struct mr_session *s, const struct mr_message *m);
/* Nobody is in nsp any more: it may have to go, at the end of the turn. */
void mr__family_emptied(struct mr_nsp *nsp);
void mr__families_reap(struct mr_server *srv);
void mr__families_fini(struct mr_server *srv);
void mr__family_free(struct mr_family *f);
/* The next child of a family's namespace after one of them (NULL: the first), or NULL. */
struct mr_nsp *mr__family_next(const struct mr_nsp *parent, const struct mr_nsp *child);
/* connect.c: there is no such namespace. */
void mr__connect_unknown(struct mr_session *s, struct mr_span name);

/* Socket.IO as a session's engine sees it. */
extern const struct mr_engine_ops mr__nsp_engine_ops;

/* Packets of a session. */
void mr__nsp_text(struct mr_session *s, struct mr_span text);
void mr__nsp_binary(struct mr_session *s, struct mr_span bytes);
/* connect.c: a CONNECT; nsp NULL: there is none of that name. */
void mr__nsp_connect(struct mr_session *s, struct mr_nsp *nsp, const struct mr_message *m);
/* Ask the hook, and do as it says; go on after a yes; the socket is in. connect.c, recovery.c */
void mr__connect_decide(struct mr_socket *sock, struct mr_span auth);
void mr__connect_admit(struct mr_socket *sock);
void mr__connect_now(struct mr_socket *sock);
/* Is it in any namespace, or about to be? */
bool mr__nsp_any(const struct mr_session *s);
void mr__nsp_leave_all(struct mr_session *s, const char *reason);
void mr__nsp_drained(struct mr_session *s);
/* The server has thrown the session out of nsp: tolerate what is still under way to it. */
void mr__nsp_left(struct mr_session *s, struct mr_nsp *nsp);
/* Free what the session still holds. */
void mr__nsp_forget(struct mr_session *s);

/* events.c: an event has come; what waits is forgotten. */
void mr__event_in(struct mr_socket *sock, const struct mr_message *m);
void mr__held_free(struct mr_socket *sock);

/* socket.c */
struct mr_socket *mr__socket_new(struct mr_session *s, struct mr_nsp *nsp);
struct mr_socket *mr__socket_of(const struct mr_session *s, const struct mr_nsp *nsp);
/* Take it out of everything; on_disconnect if it was connected. */
void mr__socket_gone(struct mr_socket *sock, const char *reason);
/* Queue a packet's n frames, one after the other; is_volatile: only if it can take them now. MR_OK;
 * MR_E_AGAIN: left out; else as mr__session_send. emit.c */
int mr__socket_deliver(struct mr_socket *sock, struct mr_frame *const *frames, size_t n,
                       bool is_volatile);
/* ack.c: the packet with an ack id; how->ack is called for its answer, unless this is no MR_OK. */
int mr__emit_ack(struct mr_socket *sock, struct mr_packet *packet, const struct mr_how *how);
/* Queue a packet of this type with JSON (may be empty). */
int mr__socket_send_packet(struct mr_socket *sock, enum mr_message_type type, struct mr_span json);

/* broadcast.c: the namespace that a target is in; NULL: there is none of that name. */
struct mr_nsp *mr__nsp_of(struct mr_server *srv, const struct mr_target *to);

#endif
