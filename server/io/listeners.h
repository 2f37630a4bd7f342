/* listeners.h - what an application has registered for one socket: handlers, middleware.
 *
 * One list for all kinds, allocated with the first registration and freed with the socket. A
 * callback may register and take off what it likes: what is taken off while the list is walked is
 * only marked, and freed when nobody walks any more; what is new has a number that the walk does
 * not reach. [thread: loop]
 */
#ifndef IO_LISTENERS_H
#define IO_LISTENERS_H

#include "io/list.h"
#include "millrace/socket.h"

enum mr_listener_kind {
    MR_L_USE,
    MR_L_ERROR,
    MR_L_ANY,
    MR_L_OUTGOING,
    MR_L_EVENT,
    MR_L_DISCONNECTING,
    MR_L_DISCONNECT,
};

struct mr_listeners {
    struct mr_link list;
    uint64_t next;  /* number of the next registration */
    unsigned walks; /* under way */
    bool swept;     /* false: something is marked as taken off */
    bool asking;    /* inside a function of mr_socket_use */
    int answer;     /* which has called mr_packet_next (MR_OK) or _refuse there; ANSWER_NONE */
};

#define MR_ANSWER_NONE 1 /* no error, nor MR_OK */

/* Middleware from *from on (0: all), and those for any event. MR_OK: go on, with *before for
 * mr__listeners_event. MR_E_AGAIN: put off, to be asked again with this *from. Else the event was
 * refused, or the socket is gone. *before: 0 at first, and then as it was. */
int mr__listeners_before(struct mr_socket *s, struct mr_span event, struct mr_span args,
                         int64_t ack_id, uint64_t *from, uint64_t *before);
/* The event was refused. */
void mr__listeners_refused(struct mr_socket *s, int err, struct mr_span event);
/* The event's handlers, of those registered before the event came. */
void mr__listeners_event(struct mr_socket *s, struct mr_span event, struct mr_span args,
                         int64_t ack_id, uint64_t before);
/* An event is about to be queued. */
void mr__listeners_outgoing(struct mr_socket *s, struct mr_span event, struct mr_span args);
/* kind: MR_L_DISCONNECTING or MR_L_DISCONNECT. */
void mr__listeners_end(struct mr_socket *s, enum mr_listener_kind kind, const char *reason);
void mr__listeners_free(struct mr_listeners *l);

#endif
