/* adapter_acks.c - a broadcast that wants acks, in this process: every client gets the same bytes
 * and answers under the same id, so what waits is one crowd: a waiter for each socket, in one
 * block.
 *
 *   crowd -> collector          counts down as its waiters settle, and is freed with the last
 *     waiter <- socket.acks     as any ack that we wait for
 */
#include "millrace/adapter.h"

#include "io/namespace.h"
#include "proto/alloc.h"

struct waiter {
    struct mr_waiting waiting;
    struct mr_socket *socket; /* while it waits */
    struct crowd *crowd;
};

struct crowd {
    struct mr_link link; /* in adapter->crowds */
    struct mr_collector *collector;
    size_t left, n;
    struct waiter waiters[];
};

static void settle(struct mr_waiting *w, struct mr_socket *s, int err, struct mr_span args)
{
    struct waiter *waiter = MR_CONTAINER(w, struct waiter, waiting);
    struct crowd *crowd = waiter->crowd;
    struct mr_collector *c = crowd->collector;
    struct mr_answer answer = {args, s->attachments, s->n_attachments};

    waiter->socket = NULL;
    if (--crowd->left == 0) {
        mr__link_off(&crowd->link);
        mr_free(crowd);
    }
    if (err == MR_OK)
        c->answer(c, &answer);
    else
        c->gone(c);
}

int mr__crowd_ask(struct mr_adapter *a, struct mr_packet *p, struct mr_socket *const *list,
                  size_t n, bool is_volatile, struct mr_collector *c)
{
    struct crowd *crowd = mr_zalloc(1, sizeof(*crowd) + n * sizeof(struct waiter));
    size_t asked;

    if (crowd == NULL)
        return MR_E_NOMEM;
    p->ack_id = a->nsp->next_ack++;
    if (n > 0 && mr_packet_encode(a, p) != MR_OK) {
        mr_free(crowd);
        return MR_E_NOMEM;
    }
    crowd->collector = c;
    for (size_t i = 0; i < n; i++) {
        struct waiter *w = &crowd->waiters[crowd->left];

        mr__listeners_outgoing(list[i], mr_span_str(p->event), p->args);
        if (list[i]->n_acks >= list[i]->srv->opt.acks_pending_max ||
            mr__socket_deliver(list[i], p->frames, p->n_frames, is_volatile) != MR_OK)
            continue;
        w->socket = list[i];
        w->crowd = crowd;
        w->waiting.id = p->ack_id;
        w->waiting.settle = settle;
        mr__ack_wait(list[i], &w->waiting);
        crowd->left++;
    }
    asked = crowd->n = crowd->left;
    if (asked > 0)
        mr__list_add(&a->crowds, &crowd->link);
    else
        mr_free(crowd);
    for (size_t i = asked; i < n && !is_volatile; i++)
        c->gone(c); /* could not even be asked */
    c->expect(c, is_volatile ? asked : n);
    return (int)asked;
}

void mr__crowd_forget(struct mr_adapter *a, struct mr_collector *c)
{
    for (struct mr_link *l = a->crowds.next, *next; l != &a->crowds; l = next) {
        struct crowd *crowd = MR_CONTAINER(l, struct crowd, link);

        next = l->next;
        if (crowd->collector != c)
            continue;
        for (size_t i = 0; i < crowd->n; i++) {
            if (crowd->waiters[i].socket != NULL)
                mr__ack_forget(crowd->waiters[i].socket, &crowd->waiters[i].waiting);
        }
        mr__link_off(l);
        mr_free(crowd);
    }
}
