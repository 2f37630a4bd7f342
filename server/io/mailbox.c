/* mailbox.c - a stack that many push and one empties; reversed, it is a queue. */
#include "io/mailbox.h"

#include "io/limits.h"

int mr__mailbox_init(struct mr_mailbox *box, uv_loop_t *loop, uv_async_cb on_event)
{
    atomic_init(&box->head, NULL);
    atomic_init(&box->n, 0);
    atomic_init(&box->closing, false);
    atomic_init(&box->full, 0);
    box->wake = NULL;
    if (loop != NULL && uv_async_init(loop, &box->async, on_event) != 0)
        return MR_E_IO;
    box->async.data = box;
    return MR_OK;
}

void mr__mailbox_push(struct mr_mailbox *box, struct mr_mail *m)
{
    struct mr_mail *head = atomic_load_explicit(&box->head, memory_order_relaxed);

    do
        m->next = head;
    while (!atomic_compare_exchange_weak_explicit(&box->head, &head, m, memory_order_release,
                                                  memory_order_relaxed));
    /* Whoever pushes onto an empty list wakes the loop; the others ride along. */
    if (head == NULL) {
        if (box->wake != NULL)
            box->wake(box);
        else
            (void)uv_async_send(&box->async);
    }
}

int mr__mailbox_post(struct mr_mailbox *box, struct mr_mail *m)
{
    if (atomic_load_explicit(&box->closing, memory_order_acquire))
        return MR_E_CLOSED;
    if (atomic_fetch_add_explicit(&box->n, 1, memory_order_relaxed) >= MR_MAILBOX_MAX) {
        atomic_fetch_sub_explicit(&box->n, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&box->full, 1, memory_order_relaxed);
        return MR_E_AGAIN;
    }
    mr__mailbox_push(box, m);
    return MR_OK;
}

void mr__mailbox_drain(struct mr_mailbox *box)
{
    struct mr_mail *m = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire);
    struct mr_mail *queue = NULL, *next;

    for (; m != NULL; m = next) {
        next = m->next;
        m->next = queue;
        queue = m;
    }
    for (m = queue; m != NULL; m = next) {
        next = m->next;
        m->fn(m);
    }
}

void mr__mailbox_ran(struct mr_mailbox *box)
{
    atomic_fetch_sub_explicit(&box->n, 1, memory_order_relaxed);
}

void mr__mailbox_close(struct mr_mailbox *box)
{
    atomic_store_explicit(&box->closing, true, memory_order_release);
}
