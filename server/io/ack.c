/* ack.c - who waits for whose answer. */
#include "io/ack.h"

#include "io/namespace.h"
#include "io/parser.h"
#include "io/peers.h"
#include "proto/alloc.h"
#include "proto/sio.h"

#define EMPTY   (-1)
#define CAP_MIN 8

/* ---- asked by the client ------------------------------------------------------------------- */

static uint32_t home(const struct mr_acks_asked *a, int64_t id)
{
    return (uint32_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 32) & (a->cap - 1);
}

static uint32_t find(const struct mr_acks_asked *a, int64_t id)
{
    uint32_t i = home(a, id);

    while (a->slots[i] != EMPTY && a->slots[i] != id)
        i = (i + 1) & (a->cap - 1);
    return i;
}

static int grow(struct mr_acks_asked *a)
{
    struct mr_acks_asked wide = {.cap = a->cap ? a->cap * 2 : CAP_MIN, .n = a->n};

    wide.slots = mr_alloc(wide.cap * sizeof(int64_t));
    if (wide.slots == NULL)
        return MR_E_NOMEM;
    for (uint32_t i = 0; i < wide.cap; i++)
        wide.slots[i] = EMPTY;
    for (uint32_t i = 0; i < a->cap; i++) {
        if (a->slots[i] != EMPTY)
            wide.slots[find(&wide, a->slots[i])] = a->slots[i];
    }
    mr_free(a->slots);
    *a = wide;
    return MR_OK;
}

int mr__asked_add(struct mr_acks_asked *a, int64_t id, uint32_t max)
{
    uint32_t i;

    if (a->n >= max)
        return MR_E_AGAIN;
    if (a->n * 2 >= a->cap && grow(a) != MR_OK)
        return MR_E_NOMEM;
    i = find(a, id);
    if (a->slots[i] == EMPTY) {
        a->slots[i] = id;
        a->n++;
    }
    return MR_OK;
}

bool mr__asked_take(struct mr_acks_asked *a, int64_t id)
{
    uint32_t hole, i;

    if (a->n == 0)
        return false;
    hole = find(a, id);
    if (a->slots[hole] == EMPTY)
        return false;
    if (--a->n == 0 && a->cap > CAP_MIN) { /* the smallest set stays, as with the queues */
        mr__asked_deinit(a);
        return true;
    }
    /* Close the gap: whoever was pushed past it moves back. */
    for (i = (hole + 1) & (a->cap - 1); a->slots[i] != EMPTY; i = (i + 1) & (a->cap - 1)) {
        uint32_t want = home(a, a->slots[i]);

        if (((i - want) & (a->cap - 1)) >= ((i - hole) & (a->cap - 1))) {
            a->slots[hole] = a->slots[i];
            hole = i;
        }
    }
    a->slots[hole] = EMPTY;
    return true;
}

void mr__asked_deinit(struct mr_acks_asked *a)
{
    mr_free(a->slots);
    *a = (struct mr_acks_asked){0};
}

static int answer(struct mr_socket *s, int64_t ack_id, struct mr_span args,
                  const struct mr_span *attachments, size_t n)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_CONNECTED)
        return MR_E_CLOSED;
    if (ack_id < 0 || !mr__asked_take(&s->asked, ack_id))
        return MR_OK;
    return mr__session_send_message(s->session,
                                    &(struct mr_message){.type = MR_MESSAGE_ACK,
                                                         .nsp = mr_span_str(s->nsp->name),
                                                         .ack_id = ack_id,
                                                         .data = args,
                                                         .attachments = attachments,
                                                         .n_attachments = n});
}

int mr_ack(struct mr_socket *s, int64_t ack_id, struct mr_span args)
{
    return answer(s, ack_id, args, NULL, 0);
}

int mr_ack_binary(struct mr_socket *s, int64_t ack_id, struct mr_span args,
                  const struct mr_span *attachments, size_t n)
{
    if (n > MR_SIO_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    return answer(s, ack_id, args, attachments, n);
}

/* ---- asked by us --------------------------------------------------------------------------- */

struct mr_pending {
    struct mr_waiting waiting;
    struct mr_timer timer;
    struct mr_socket *socket;
    mr_ack_fn fn;
    void *ctx;
};

void mr__ack_wait(struct mr_socket *sock, struct mr_waiting *w)
{
    mr__list_add(&sock->acks, &w->link);
    sock->n_acks++;
}

void mr__ack_forget(struct mr_socket *sock, struct mr_waiting *w)
{
    mr__link_off(&w->link);
    sock->n_acks--;
}

static void settle(struct mr_waiting *w, struct mr_socket *sock, int err, struct mr_span args)
{
    struct mr_pending *p = MR_CONTAINER(w, struct mr_pending, waiting);
    struct mr_timers *timers = &sock->srv->timers;
    mr_ack_fn fn = p->fn;
    void *ctx = p->ctx;

    mr__timer_stop(timers, &p->timer);
    mr__timers_release(timers, 1);
    mr_free(p);
    fn(err, sock, args, ctx);
}

static void ack_late(struct mr_timer *t)
{
    struct mr_pending *p = MR_CONTAINER(t, struct mr_pending, timer);

    mr__ack_forget(p->socket, &p->waiting);
    settle(&p->waiting, p->socket, MR_E_TIMEOUT, MR_SPAN_NONE);
}

int mr__emit_ack(struct mr_socket *s, struct mr_packet *packet, const struct mr_how *how)
{
    struct mr_pending *p;
    int rc = MR_E_NOMEM;

    if (s->n_acks >= s->srv->opt.acks_pending_max) {
        mr__limit_hit(s->srv, MR_LIMIT_ACKS_PENDING, s->hs->addr, s->srv->opt.acks_pending_max);
        return MR_E_AGAIN;
    }
    p = mr_zalloc(1, sizeof(*p));
    if (p == NULL || mr__timers_reserve(&s->srv->timers, 1) != MR_OK)
        goto fail;
    p->socket = s;
    p->waiting.id = packet->ack_id = s->nsp->next_ack++;
    p->waiting.settle = settle;
    p->fn = how->ack;
    p->ctx = how->ack_ctx;
    mr__listeners_outgoing(s, mr_span_str(packet->event), packet->args);
    rc = mr_packet_encode(s->nsp->adapter, packet);
    if (rc == MR_OK)
        rc = mr__socket_deliver(s, packet->frames, packet->n_frames, how->flags & MR_VOLATILE);
    mr_packet_clear(packet);
    if (rc != MR_OK) {
        mr__timers_release(&s->srv->timers, 1);
        goto fail;
    }
    mr__ack_wait(s, &p->waiting);
    if (how->timeout_ms > 0)
        mr__timer_set(&s->srv->timers, &p->timer, mr__now(s->srv) + how->timeout_ms, ack_late);
    return MR_OK;
fail:
    mr_free(p);
    return rc;
}

void mr__ack_in(struct mr_socket *sock, int64_t id, struct mr_span args)
{
    for (struct mr_link *l = sock->acks.next; l != &sock->acks; l = l->next) {
        struct mr_waiting *w = MR_CONTAINER(l, struct mr_waiting, link);

        if (w->id == id) {
            mr__ack_forget(sock, w);
            w->settle(w, sock, MR_OK, args);
            return;
        }
    }
}

void mr__acks_closed(struct mr_socket *sock)
{
    while (!mr__list_empty(&sock->acks)) {
        struct mr_waiting *w = MR_CONTAINER(sock->acks.next, struct mr_waiting, link);

        mr__ack_forget(sock, w);
        w->settle(w, sock, MR_E_CLOSED, MR_SPAN_NONE);
    }
}
