/* socket.h - clients in namespaces: who may connect, what they send, what they are sent.
 * millrace.h includes it; its words on threads, ownership and JSON hold here. [thread: loop]
 */
#ifndef MILLRACE_SOCKET_H
#define MILLRACE_SOCKET_H

#include "proto/err.h"
#include "proto/span.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_server;
struct mr_socket;

/* ---- connections -------------------------------------------------------------------------- */

/* Decide on a CONNECT. auth borrows the client's JSON object ("{}" when it sent none). MR_OK
 * admits. Any error refuses: CONNECT_ERROR {"message": mr_socket_refuse's text or "unauthorized"}.
 * MR_E_AGAIN: the answer comes later by mr_connect_admit or mr_connect_refuse (keep a ref). */
typedef int (*mr_connect_fn)(struct mr_socket *s, struct mr_span auth, void *ctx);
/* The socket is gone for good; reason as socket.io spells it ("transport close", "ping timeout",
 * "client namespace disconnect", ...). The last callback for s. */
typedef void (*mr_disconnect_fn)(struct mr_socket *s, const char *reason, void *ctx);
/* args borrows the raw arguments after the event name. ack_id >= 0: the client waits for mr_ack,
 * now or later (at most once). */
typedef void (*mr_event_fn)(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx);
/* The same for any event. event: its name without quotes or escapes; a number as its text. It
 * borrows until the return. */
typedef void (*mr_any_fn)(struct mr_socket *s, struct mr_span event, struct mr_span args,
                          int64_t ack_id, void *ctx);
/* args borrows the raw arguments of the client's ack; err MR_OK, MR_E_TIMEOUT or MR_E_CLOSED. */
typedef void (*mr_ack_fn)(int err, struct mr_socket *s, struct mr_span args, void *ctx);
/* The socket was congested and has drained under the low-water mark. */
typedef void (*mr_drain_fn)(struct mr_socket *s, void *ctx);

/* Handlers of a namespace; registering makes the namespace exist ("/" always does). Copies names.
 * Of connecting and leaving there is one each: a second registration replaces the first. Of events
 * there are as many as are registered, called in that order until one has ended the socket.
 * MR_OK; MR_E_INVAL (reserved event name); MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_on_connect(struct mr_server *srv, const char *nsp, mr_connect_fn fn,
                                         void *ctx);
/* The same as one of a chain that a CONNECT passes, in the order of registration, before
 * mr_on_connect's function; each may set the socket's data for those after it. MR_OK: on to the
 * next one. An error refuses. MR_E_AGAIN: mr_connect_next goes on later; mr_connect_admit admits at
 * once, whoever is still to be asked. Who waits longer than connect_timeout_ms for the answer to a
 * first CONNECT is disconnected. MR_E_TOOBIG: 64 of them are there; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_use(struct mr_server *srv, const char *nsp, mr_connect_fn fn,
                                  void *ctx);
/* Called when the client's CONNECT was answered: from here on mr_emit reaches it. */
MR_EXPORT MR_MUSTCHECK int mr_on_connected(struct mr_server *srv, const char *nsp,
                                           void (*fn)(struct mr_socket *s, void *ctx), void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on_disconnect(struct mr_server *srv, const char *nsp,
                                            mr_disconnect_fn fn, void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on_drain(struct mr_server *srv, const char *nsp, mr_drain_fn fn,
                                       void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_on(struct mr_server *srv, const char *nsp, const char *event,
                                 mr_event_fn fn, void *ctx);
/* Every event, before its handlers, whether it has any or not. event: as in mr_any_fn. */
MR_EXPORT MR_MUSTCHECK int mr_on_any(struct mr_server *srv, const char *nsp, mr_any_fn fn,
                                     void *ctx);
/* Called just before that of mr_on_disconnect: acks that are waited for are still pending, and get
 * their MR_E_CLOSED between the two. The socket is still in its rooms in both. */
MR_EXPORT MR_MUSTCHECK int mr_on_disconnecting(struct mr_server *srv, const char *nsp,
                                               mr_disconnect_fn fn, void *ctx);
/* Later answer to a CONNECT that a function of mr_use or mr_on_connect has put off: ask those that
 * are still to be asked, then admit; nothing happens if the client left. Workers get here by
 * mr_post. Once for each MR_E_AGAIN. */
MR_EXPORT void mr_connect_next(struct mr_socket *s);
/* Later answer to a CONNECT whose hook returned MR_E_AGAIN; nothing happens if the client left. */
MR_EXPORT void mr_connect_admit(struct mr_socket *s);
/* Refuse, now (from the hook, before it returns an error) or later. Copies. data: raw JSON for the
 * error's "data" member, or empty. */
MR_EXPORT void mr_connect_refuse(struct mr_socket *s, const char *message, struct mr_span data);

/* Reading arguments, without copying: the i-th of args; a member of a JSON object, by name; the
 * content of a string without its quotes, escapes kept. Each is empty when there is no such thing.
 * They borrow from what they are given. [thread: any] */
MR_EXPORT struct mr_span mr_arg(struct mr_span args, size_t i);
MR_EXPORT struct mr_span mr_member(struct mr_span object, const char *name);
MR_EXPORT struct mr_span mr_string(struct mr_span value);

/* ---- a socket ----------------------------------------------------------------------------- */

/* A socket is valid inside callbacks. To keep it longer take a ref: the memory then stays, but
 * calls on a disconnected socket do nothing (emits return MR_E_CLOSED). */
MR_EXPORT struct mr_socket *mr_socket_ref(struct mr_socket *s);
MR_EXPORT void mr_socket_unref(struct mr_socket *s);
MR_EXPORT bool mr_socket_connected(const struct mr_socket *s);
MR_EXPORT const char *mr_socket_id(const struct mr_socket *s);  /* the public id; borrows s */
MR_EXPORT const char *mr_socket_nsp(const struct mr_socket *s); /* borrows s */
/* The JSON object of its CONNECT, "{}" if it sent none; at most 64 KiB, or it was refused. Borrows
 * s. */
MR_EXPORT struct mr_span mr_socket_auth(const struct mr_socket *s);
MR_EXPORT const char *mr_socket_addr(const struct mr_socket *s); /* peer address, "127.0.0.1" */
MR_EXPORT const char *mr_socket_transport(const struct mr_socket *s); /* "polling", "websocket" */
/* A header of the handshake request, lower-case name; only those kept: authorization, cookie,
 * origin, user-agent, x-forwarded-for, x-request-id, and mr_options' handshake_headers. Empty span
 * when absent. Borrows s. */
MR_EXPORT struct mr_span mr_socket_header(const struct mr_socket *s, const char *name);
/* Its query without "?", as it was sent (see query.h); empty when there is nothing in it but
 * Engine.IO's own parameters. Borrows s. */
MR_EXPORT struct mr_span mr_socket_query(const struct mr_socket *s);
/* When it came: milliseconds since 1970 in UTC. */
MR_EXPORT uint64_t mr_socket_issued_ms(const struct mr_socket *s);
/* Over TLS? */
MR_EXPORT bool mr_socket_secure(const struct mr_socket *s);
/* From a page that named its origin, as browsers do for those of other sites? */
MR_EXPORT bool mr_socket_xdomain(const struct mr_socket *s);
/* The application's own pointer, NULL at first. */
MR_EXPORT void mr_socket_set_data(struct mr_socket *s, void *data);
MR_EXPORT void *mr_socket_data(const struct mr_socket *s);
MR_EXPORT struct mr_server *mr_socket_server(const struct mr_socket *s);

/* Send an event to one socket. Copies. MR_OK: queued; MR_E_CLOSED; MR_E_NOMEM. */
MR_EXPORT int mr_socket_emit(struct mr_socket *s, const char *event, struct mr_span args);
/* The same and wait for the client's ack: fn is called exactly once. timeout_ms 0: no limit but the
 * connection's end. MR_E_AGAIN: too many acks pending on this socket (fn is not called). */
MR_EXPORT MR_MUSTCHECK int mr_socket_emit_ack(struct mr_socket *s, const char *event,
                                              struct mr_span args, uint32_t timeout_ms,
                                              mr_ack_fn fn, void *ctx);
/* Answer an event's ack. Copies. Answering twice, or when none was asked (ack_id < 0), does
 * nothing. */
MR_EXPORT int mr_ack(struct mr_socket *s, int64_t ack_id, struct mr_span args);
/* Binary: in the args of a BINARY_EVENT each attachment stands as {"_placeholder":true,"num":i}.
 * Its bytes are here while the event's handler (or the mr_ack_fn) runs; they borrow until it
 * returns. */
MR_EXPORT size_t mr_event_attachments(const struct mr_socket *s);
MR_EXPORT struct mr_span mr_event_attachment(const struct mr_socket *s, size_t i);
/* mr_socket_emit and mr_ack with n attachments (at most 10) for the placeholders in args. Copies.
 * MR_E_TOOBIG: too many. */
MR_EXPORT int mr_socket_emit_binary(struct mr_socket *s, const char *event, struct mr_span args,
                                    const struct mr_span *attachments, size_t n);
MR_EXPORT int mr_ack_binary(struct mr_socket *s, int64_t ack_id, struct mr_span args,
                            const struct mr_span *attachments, size_t n);
/* All that an emit to one socket may be told. */
struct mr_how {
    unsigned flags;     /* enum mr_flag: MR_VOLATILE, MR_NO_COMPRESS */
    const char *latest; /* as in struct mr_target; NULL: none */
    const struct mr_span *attachments;
    size_t n_attachments;
    mr_ack_fn ack; /* NULL: none is wanted; else as mr_socket_emit_ack */
    void *ack_ctx;
    uint32_t timeout_ms; /* of ack; 0: no limit but the connection's end */
};
/* MR_OK: queued (ack will be called). MR_E_AGAIN: volatile, and left out; or too many acks pending.
 * MR_E_INVAL: latest with attachments or ack, or a reserved name; else as mr_socket_emit_binary. */
MR_EXPORT int mr_socket_emit_with(struct mr_socket *s, const char *event, struct mr_span args,
                                  const struct mr_how *how);
/* Disconnect from the namespace; close_transport also closes the connection under it. */
MR_EXPORT void mr_socket_disconnect(struct mr_socket *s, bool close_transport);
/* Close the connection under the socket without that good-bye, once what is queued has left. A
 * client takes a good-bye as final ("io server disconnect"), but comes back by itself from a
 * connection that ended ("transport close"): so this is how to send it to a server that is not
 * stopping. */
MR_EXPORT void mr_socket_drop(struct mr_socket *s);
/* Bytes queued for this socket's session that the kernel has not taken yet. */
MR_EXPORT size_t mr_socket_buffered(const struct mr_socket *s);
/* Packets, likewise. */
MR_EXPORT size_t mr_socket_queued(const struct mr_socket *s);
/* True from the high-water mark until the drain callback. */
MR_EXPORT bool mr_socket_congested(const struct mr_socket *s);

/* ---- handlers of one socket ---------------------------------------------------------------- */

/* They come after the namespace's handler, in the order of registration, as many as there are. What
 * is registered while an event is handled hears from the next one on. Once a handler has ended the
 * socket no other hears of the event. They cost memory only where they are used, and a look at each
 * of the socket's handlers an event: what all sockets have in common belongs to the namespace.
 *
 * event: the name without quotes or escapes; a number as its text. It borrows until the return. */

/* Decide on an event before all handlers. MR_OK: on to the next one. An error: the event goes no
 * further, and mr_socket_on_error's handlers hear of it; the client hears nothing (unless the
 * function has called mr_ack). MR_E_AGAIN: mr_packet_next or mr_packet_refuse comes later (keep a
 * ref; workers get there by mr_post); until then the socket's next events wait behind this one, at
 * most 1024 of them and queue_bytes_max bytes, or the connection is closed as "rate limit". Acks do
 * not wait. */
typedef int (*mr_packet_fn)(struct mr_socket *s, struct mr_span event, struct mr_span args,
                            int64_t ack_id, void *ctx);
/* The later answer to an event that a function of mr_socket_use has put off: ask those after it,
 * then call the handlers; or refuse it with err. Then come the events that have waited. Once for
 * each MR_E_AGAIN; nothing happens if the socket has gone. */
MR_EXPORT void mr_packet_next(struct mr_socket *s);
MR_EXPORT void mr_packet_refuse(struct mr_socket *s, int err);
/* An event was refused with err. */
typedef void (*mr_socket_error_fn)(struct mr_socket *s, int err, struct mr_span event, void *ctx);

/* Register. Each copies names. MR_OK; MR_E_INVAL (reserved or longer than 1024 bytes); MR_E_CLOSED
 * (the socket is gone); MR_E_NOMEM. mr_socket_once: for the next such event only. */
MR_EXPORT MR_MUSTCHECK int mr_socket_on(struct mr_socket *s, const char *event, mr_event_fn fn,
                                        void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_socket_once(struct mr_socket *s, const char *event, mr_event_fn fn,
                                          void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_socket_on_any(struct mr_socket *s, mr_any_fn fn, void *ctx);
/* The same, before those that are there. */
MR_EXPORT MR_MUSTCHECK int mr_socket_prepend_any(struct mr_socket *s, mr_any_fn fn, void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_socket_use(struct mr_socket *s, mr_packet_fn fn, void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_socket_on_error(struct mr_socket *s, mr_socket_error_fn fn,
                                              void *ctx);
/* Before the namespace's own: see mr_on_disconnecting and mr_on_disconnect. */
MR_EXPORT MR_MUSTCHECK int mr_socket_on_disconnecting(struct mr_socket *s, mr_disconnect_fn fn,
                                                      void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_socket_on_disconnect(struct mr_socket *s, mr_disconnect_fn fn,
                                                   void *ctx);
/* Every event on its way to this socket, broadcasts included, just before it is queued: to look at,
 * not to act on (no emit, join, leave or disconnect from inside). It costs nothing where it is not
 * used. */
typedef void (*mr_outgoing_fn)(struct mr_socket *s, struct mr_span event, struct mr_span args,
                               void *ctx);
MR_EXPORT MR_MUSTCHECK int mr_socket_on_any_outgoing(struct mr_socket *s, mr_outgoing_fn fn,
                                                     void *ctx);
/* Take off every registration of fn with ctx, or all of them (fn NULL). */
MR_EXPORT void mr_socket_off_any_outgoing(struct mr_socket *s, mr_outgoing_fn fn, void *ctx);
/* Take off every registration of fn with ctx for event; fn NULL: all for event (ctx is not looked
 * at); event NULL, too: all that mr_socket_on and mr_socket_once have registered. From here on they
 * are not called, not even for the event that is being handled. */
MR_EXPORT void mr_socket_off(struct mr_socket *s, const char *event, mr_event_fn fn, void *ctx);
/* The same for mr_socket_on_any and mr_socket_prepend_any. */
MR_EXPORT void mr_socket_off_any(struct mr_socket *s, mr_any_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
