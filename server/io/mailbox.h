/* mailbox.h - the only door into the loop thread: a bounded queue of messages and a wake-up.
 *
 * Any number of threads push onto a list with one compare-and-swap; the loop takes the whole list
 * with one exchange and runs it in the order of pushing. Messages are embedded in what they carry,
 * so that one which must not fail (an HTTP reply) needs no memory here. [thread: any, as said]
 */
#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include "proto/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct mr_mail {
    struct mr_mail *next;
    void (*fn)(struct mr_mail *m); /* [thread: loop] owns m from here on */
};

struct mr_mailbox {
    _Atomic(struct mr_mail *) head; /* newest first */
    atomic_size_t n;                /* bounded messages pushed and not run yet */
    atomic_bool closing;            /* bounded messages are refused */
    atomic_ullong full;             /* how many were refused for want of room */
    uv_async_t async;
    void (*wake)(struct mr_mailbox *box); /* NULL: uv_async_send */
};

/* [thread: loop] Without a loop (tests) the box is drained by hand. on_event: called at each
 * wake-up, before the drain. MR_OK; MR_E_IO. */
MR_MUSTCHECK int mr__mailbox_init(struct mr_mailbox *box, uv_loop_t *loop, uv_async_cb on_event);
/* [thread: any] Push a message of the bounded kind: MR_E_AGAIN when MR_MAILBOX_MAX are waiting,
 * MR_E_CLOSED after mr__mailbox_close; then m is still the caller's. */
MR_MUSTCHECK int mr__mailbox_post(struct mr_mailbox *box, struct mr_mail *m);
/* [thread: any] Push a message for which room was reserved elsewhere. Cannot fail. */
void mr__mailbox_push(struct mr_mailbox *box, struct mr_mail *m);
/* [thread: loop] Run everything that is there now; what these push in turn waits for the next
 * drain. bounded: how many of them were of that kind is counted by their fn with _ran. */
void mr__mailbox_drain(struct mr_mailbox *box);
/* [thread: loop] A bounded message has been taken: its place is free. */
void mr__mailbox_ran(struct mr_mailbox *box);
/* [thread: loop] Refuse bounded messages from now on. */
void mr__mailbox_close(struct mr_mailbox *box);

#endif
