/* listeners.c - handlers and middleware of one socket, and how events come to them. */
#include "io/listeners.h"

#include "io/namespace.h"
#include "proto/alloc.h"
#include "proto/sio.h"

struct mr_listener {
    struct mr_link link; /* in listeners->list */
    enum mr_listener_kind kind;
    bool once, off; /* off: not there any more, to be freed */
    uint64_t number;
    union {
        mr_event_fn event;
        mr_any_fn any;
        mr_outgoing_fn outgoing;
        mr_packet_fn use;
        mr_socket_error_fn error;
        mr_disconnect_fn end;
    } fn;
    void *ctx;
    size_t len; /* of name */
    char name[];
};

static struct mr_listener *at(struct mr_link *l)
{
    return MR_CONTAINER(l, struct mr_listener, link);
}

/* ---- registration --------------------------------------------------------------------------- */

static int listeners_of(struct mr_socket *s, struct mr_listeners **out)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->state == MR_SOCKET_GONE)
        return MR_E_CLOSED;
    if (s->listeners == NULL) {
        s->listeners = mr_zalloc(1, sizeof(*s->listeners));
        if (s->listeners == NULL)
            return MR_E_NOMEM;
        mr__list_init(&s->listeners->list);
        s->listeners->swept = true;
    }
    *out = s->listeners;
    return MR_OK;
}

/* A new one, at the end of the list, whose function is still to be set. */
static int add(struct mr_socket *s, enum mr_listener_kind kind, const char *name, void *ctx,
               struct mr_listener **out)
{
    size_t len = strlen(name);
    struct mr_listeners *all = NULL;
    struct mr_listener *l;
    int rc = listeners_of(s, &all);

    if (rc != MR_OK)
        return rc;
    l = mr_zalloc(1, sizeof(*l) + len + 1);
    if (l == NULL)
        return MR_E_NOMEM;
    l->kind = kind;
    l->ctx = ctx;
    l->len = len;
    memcpy(l->name, name, len + 1);
    l->number = all->next++;
    mr__list_add(&all->list, &l->link);
    *out = l;
    return MR_OK;
}

static int add_event(struct mr_socket *s, const char *event, mr_event_fn fn, void *ctx, bool once)
{
    struct mr_listener *l = NULL;
    int rc;

    if (strlen(event) > MR_NAME_LEN_MAX || mr_sio_reserved(mr_span_str(event)))
        return MR_E_INVAL;
    rc = add(s, MR_L_EVENT, event, ctx, &l);
    if (rc == MR_OK) {
        l->fn.event = fn;
        l->once = once;
    }
    return rc;
}

int mr_socket_on(struct mr_socket *s, const char *event, mr_event_fn fn, void *ctx)
{
    return add_event(s, event, fn, ctx, false);
}

int mr_socket_once(struct mr_socket *s, const char *event, mr_event_fn fn, void *ctx)
{
    return add_event(s, event, fn, ctx, true);
}

#define REGISTER(kind, field)                                                                      \
    struct mr_listener *l = NULL;                                                                  \
    int rc = add(s, kind, "", ctx, &l);                                                            \
    if (rc == MR_OK)                                                                               \
        l->fn.field = fn;                                                                          \
    return rc

int mr_socket_on_any(struct mr_socket *s, mr_any_fn fn, void *ctx)
{
    REGISTER(MR_L_ANY, any);
}

int mr_socket_on_any_outgoing(struct mr_socket *s, mr_outgoing_fn fn, void *ctx)
{
    REGISTER(MR_L_OUTGOING, outgoing);
}

int mr_socket_prepend_any(struct mr_socket *s, mr_any_fn fn, void *ctx)
{
    struct mr_listener *l = NULL;
    int rc = add(s, MR_L_ANY, "", ctx, &l);

    if (rc != MR_OK)
        return rc;
    l->fn.any = fn;
    mr__link_off(&l->link);
    mr__list_add(s->listeners->list.next, &l->link); /* before the first */
    return MR_OK;
}

int mr_socket_use(struct mr_socket *s, mr_packet_fn fn, void *ctx)
{
    REGISTER(MR_L_USE, use);
}

int mr_socket_on_error(struct mr_socket *s, mr_socket_error_fn fn, void *ctx)
{
    REGISTER(MR_L_ERROR, error);
}

int mr_socket_on_disconnecting(struct mr_socket *s, mr_disconnect_fn fn, void *ctx)
{
    REGISTER(MR_L_DISCONNECTING, end);
}

int mr_socket_on_disconnect(struct mr_socket *s, mr_disconnect_fn fn, void *ctx)
{
    REGISTER(MR_L_DISCONNECT, end);
}

static void sweep(struct mr_listeners *all)
{
    if (all->walks > 0 || all->swept)
        return;
    all->swept = true;
    for (struct mr_link *l = all->list.next, *next; l != &all->list; l = next) {
        next = l->next;
        if (at(l)->off) {
            mr__link_off(l);
            mr_free(at(l));
        }
    }
}

static void take_off(struct mr_listeners *all, struct mr_listener *l)
{
    l->off = true;
    all->swept = false;
}

void mr_socket_off(struct mr_socket *s, const char *event, mr_event_fn fn, void *ctx)
{
    struct mr_listeners *all = s->listeners;

    MR_ASSERT_LOOP(s->srv);
    if (all == NULL)
        return;
    for (struct mr_link *i = all->list.next; i != &all->list; i = i->next) {
        struct mr_listener *l = at(i);

        if (l->kind == MR_L_EVENT && (event == NULL || strcmp(l->name, event) == 0) &&
            (fn == NULL || (l->fn.event == fn && l->ctx == ctx)))
            take_off(all, l);
    }
    sweep(all);
}

void mr_socket_off_any(struct mr_socket *s, mr_any_fn fn, void *ctx)
{
    struct mr_listeners *all = s->listeners;

    MR_ASSERT_LOOP(s->srv);
    if (all == NULL)
        return;
    for (struct mr_link *i = all->list.next; i != &all->list; i = i->next) {
        struct mr_listener *l = at(i);

        if (l->kind == MR_L_ANY && (fn == NULL || (l->fn.any == fn && l->ctx == ctx)))
            take_off(all, l);
    }
    sweep(all);
}

void mr_socket_off_any_outgoing(struct mr_socket *s, mr_outgoing_fn fn, void *ctx)
{
    struct mr_listeners *all = s->listeners;

    MR_ASSERT_LOOP(s->srv);
    if (all == NULL)
        return;
    for (struct mr_link *i = all->list.next; i != &all->list; i = i->next) {
        struct mr_listener *l = at(i);

        if (l->kind == MR_L_OUTGOING && (fn == NULL || (l->fn.outgoing == fn && l->ctx == ctx)))
            take_off(all, l);
    }
    sweep(all);
}

void mr__listeners_free(struct mr_listeners *all)
{
    struct mr_link *l;

    if (all == NULL)
        return;
    while ((l = mr__list_pop(&all->list)) != NULL)
        mr_free(at(l));
    mr_free(all);
}

/* ---- calling them --------------------------------------------------------------------------- */

struct walk {
    struct mr_listeners *all;
    enum mr_listener_kind kind;
    uint64_t before; /* those registered later do not count */
    struct mr_link *at;
};

/* The caller holds a ref on the socket until the walk has ended: next has returned NULL, or stop
 * was called. */
static struct walk begin(struct mr_listeners *all, enum mr_listener_kind kind, uint64_t before)
{
    all->walks++;
    return (struct walk){all, kind, before, &all->list};
}

static void stop(struct walk *w)
{
    w->all->walks--;
    sweep(w->all);
}

static struct mr_listener *next(struct walk *w)
{
    while ((w->at = w->at->next) != &w->all->list) {
        struct mr_listener *l = at(w->at);

        if (l->kind == w->kind && !l->off && l->number < w->before)
            return l;
    }
    stop(w);
    return NULL;
}

static void report(struct mr_socket *s, int err, struct mr_span event, uint64_t before)
{
    struct walk w = begin(s->listeners, MR_L_ERROR, before);
    struct mr_listener *l;

    while ((l = next(&w)) != NULL) {
        l->fn.error(s, err, event, l->ctx);
        if (s->state == MR_SOCKET_GONE) {
            stop(&w);
            return;
        }
    }
}

void mr__listeners_refused(struct mr_socket *s, int err, struct mr_span event)
{
    if (s->listeners != NULL && s->state != MR_SOCKET_GONE)
        report(s, err, event, s->listeners->next);
}

/* One of them, which may answer from inside. */
static int ask(struct mr_socket *s, const struct mr_listener *l, struct mr_span event,
               struct mr_span args, int64_t ack_id)
{
    struct mr_listeners *all = s->listeners;
    int rc;

    all->asking = true;
    all->answer = MR_ANSWER_NONE;
    rc = l->fn.use(s, event, args, ack_id, l->ctx);
    all->asking = false;
    return rc == MR_E_AGAIN && all->answer != MR_ANSWER_NONE ? all->answer : rc;
}

int mr__listeners_before(struct mr_socket *s, struct mr_span event, struct mr_span args,
                         int64_t ack_id, uint64_t *from, uint64_t *before)
{
    struct mr_listener *l;
    struct walk w;

    if (*before == 0)
        *before = s->listeners->next;
    w = begin(s->listeners, MR_L_USE, *before);
    while ((l = next(&w)) != NULL) {
        int rc;

        if (l->number < *from)
            continue;
        *from = l->number + 1;
        rc = ask(s, l, event, args, ack_id);
        if (s->state == MR_SOCKET_GONE || rc != MR_OK) {
            stop(&w);
            if (s->state == MR_SOCKET_GONE)
                return MR_E_CLOSED;
            if (rc == MR_E_AGAIN)
                return rc;
            report(s, rc, event, *before);
            return MR_E_CLOSED;
        }
    }
    w = begin(s->listeners, MR_L_ANY, *before);
    while ((l = next(&w)) != NULL) {
        l->fn.any(s, event, args, ack_id, l->ctx);
        if (s->state == MR_SOCKET_GONE) {
            stop(&w);
            return MR_E_CLOSED;
        }
    }
    return MR_OK;
}

void mr__listeners_event(struct mr_socket *s, struct mr_span event, struct mr_span args,
                         int64_t ack_id, uint64_t before)
{
    struct walk w = begin(s->listeners, MR_L_EVENT, before);
    struct mr_listener *l;

    for (;;) {
        if (s->state == MR_SOCKET_GONE) {
            stop(&w);
            return;
        }
        l = next(&w);
        if (l == NULL)
            return;
        if (l->len != event.len || memcmp(l->name, event.ptr, event.len) != 0)
            continue;
        if (l->once)
            take_off(s->listeners, l); /* before the call, which may bring the next event */
        l->fn.event(s, args, ack_id, l->ctx);
    }
}

void mr__listeners_outgoing(struct mr_socket *s, struct mr_span event, struct mr_span args)
{
    struct mr_listener *l;
    struct walk w;

    if (s->listeners == NULL || s->state != MR_SOCKET_CONNECTED)
        return;
    w = begin(s->listeners, MR_L_OUTGOING, s->listeners->next);
    while ((l = next(&w)) != NULL)
        l->fn.outgoing(s, event, args, l->ctx);
}

void mr__listeners_end(struct mr_socket *s, enum mr_listener_kind kind, const char *reason)
{
    struct mr_listener *l;
    struct walk w;

    if (s->listeners == NULL)
        return;
    w = begin(s->listeners, kind, s->listeners->next);
    while ((l = next(&w)) != NULL)
        l->fn.end(s, reason, l->ctx);
}
