/* ack.h - acknowledgements, both ways.
 *
 *   asked     ids of the client's events that ask for an ack and were not answered yet: an answer
 * is sent at most once, and only to who asked. A set, because answers come in any order. pending
 * our own events that wait for the client's ack: a callback each, called exactly once: with the
 * ack, MR_E_TIMEOUT, or MR_E_CLOSED. [thread: loop]
 */
#ifndef IO_ACK_H
#define IO_ACK_H

#include "io/core.h"

struct mr_acks_asked {
    int64_t *slots; /* open addressing; -1: empty. NULL while nothing is asked */
    uint32_t n, cap;
};

/* MR_OK, also when it is there already; MR_E_AGAIN: max of them are; MR_E_NOMEM. */
MR_MUSTCHECK int mr__asked_add(struct mr_acks_asked *a, int64_t id, uint32_t max);
/* True when it was there. */
bool mr__asked_take(struct mr_acks_asked *a, int64_t id);
void mr__asked_deinit(struct mr_acks_asked *a);

struct mr_socket;

/* Somebody who waits for the client's ack: settle is called once, after it was taken off the list.
 */
struct mr_waiting {
    struct mr_link link; /* in socket->acks */
    int64_t id;
    void (*settle)(struct mr_waiting *w, struct mr_socket *sock, int err, struct mr_span args);
};
void mr__ack_wait(struct mr_socket *sock, struct mr_waiting *w);
/* Wait no more: settle will not be called. */
void mr__ack_forget(struct mr_socket *sock, struct mr_waiting *w);
/* The client acknowledges: call who waits; an id that nobody waits for is ignored. */
void mr__ack_in(struct mr_socket *sock, int64_t id, struct mr_span args);
/* The socket is gone: every pending callback gets MR_E_CLOSED. */
void mr__acks_closed(struct mr_socket *sock);

#endif
