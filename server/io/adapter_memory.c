/* adapter_memory.c - the adapter of one process: a broadcast is a walk over an array.
 *
 * Each socket once, and some not at all: sockets are marked with the number of the walk, first
 * those to leave out, then each as it is visited. A walk over one room without exceptions needs no
 * marks. What runs inside a walk only queues; where handlers may run, the sockets are collected
 * first.
 */
#include "millrace/adapter.h"

#include "io/namespace.h"
#include "io/room.h"
#include "proto/alloc.h"

/* ---- the walk ------------------------------------------------------------------------------- */

/* Who is meant by a room's name: its members, or the socket whose id it is. */
struct group {
    struct mr_room *room;
    struct mr_socket *own;
};

static struct group find_group(struct mr_adapter *a, const char *name)
{
    struct group g = {.room = mr__room_find(a, name)};

    if (g.room == NULL) {
        struct mr_socket *owner = mr__room_owner(a, name);

        g.own = owner != NULL && owner->own_room ? owner : NULL;
    }
    return g;
}

static void mark_group(struct group g, uint32_t mark)
{
    if (g.own != NULL)
        g.own->mark = mark;
    for (size_t i = 0; g.room != NULL && i < g.room->n; i++)
        g.room->members[i]->socket->mark = mark;
}

typedef void (*visit_fn)(struct mr_socket *s, void *ctx);

static inline void visit(struct mr_socket *s, uint32_t mark, visit_fn fn, void *ctx)
{
    if (mark != 0) {
        if (s->mark == mark)
            return;
        s->mark = mark;
    }
    fn(s, ctx);
}

/* 0 is no walk's number. After four thousand million walks the numbers begin anew. */
static uint32_t next_mark(struct mr_server *srv)
{
    if (++srv->mark == 0) {
        for (struct mr_node *n = mr__table_next(&srv->nsps, NULL); n;
             n = mr__table_next(&srv->nsps, n)) {
            const struct mr_nsp *nsp = MR_CONTAINER(n, struct mr_nsp, node);

            for (size_t i = 0; i < nsp->n_members; i++)
                nsp->members[i]->mark = 0;
        }
        srv->mark = 1;
    }
    return srv->mark;
}

/* fn must not run handlers. */
static inline void walk(struct mr_adapter *a, const struct mr_target *to, visit_fn fn, void *ctx)
{
    struct mr_nsp *nsp = a->nsp;
    uint32_t mark = 0;

    if (to->n_except > 0 || to->from != NULL || to->n_rooms > 1)
        mark = next_mark(nsp->srv);
    for (size_t i = 0; i < to->n_except; i++)
        mark_group(find_group(a, to->except[i]), mark);
    if (to->from != NULL)
        to->from->mark = mark;
    for (size_t i = 0; to->n_rooms == 0 && i < nsp->n_members; i++)
        visit(nsp->members[i], mark, fn, ctx);
    for (size_t r = 0; r < to->n_rooms; r++) {
        struct group g = find_group(a, to->rooms[r]);

        if (g.own != NULL)
            visit(g.own, mark, fn, ctx);
        for (size_t i = 0; g.room != NULL && i < g.room->n; i++)
            visit(g.room->members[i]->socket, mark, fn, ctx);
    }
}

static bool anybody(struct mr_adapter *a, const struct mr_target *to)
{
    if (to->n_rooms == 0)
        return a->nsp->n_members > 0;
    for (size_t r = 0; r < to->n_rooms; r++) {
        struct group g = find_group(a, to->rooms[r]);

        if (g.room != NULL || g.own != NULL)
            return true;
    }
    return false;
}

/* References to the connected sockets of a target. */
struct list {
    struct mr_socket **at;
    size_t n, cap;
    int err;
};

static void collect_one(struct mr_socket *s, void *ctx)
{
    struct list *l = ctx;

    if (s->state != MR_SOCKET_CONNECTED || l->err != MR_OK)
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        void *at = mr_realloc(l->at, cap * sizeof(struct mr_socket *));

        if (at == NULL) {
            l->err = MR_E_NOMEM;
            return;
        }
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = mr_socket_ref(s);
}

static void release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        mr_socket_unref(l->at[i]);
    mr_free(l->at);
    *l = (struct list){0};
}

static int collect(struct mr_adapter *a, const struct mr_target *to, struct list *l)
{
    *l = (struct list){0};
    walk(a, to, collect_one, l);
    if (l->err != MR_OK) {
        release(l);
        return MR_E_NOMEM;
    }
    return MR_OK;
}

/* ---- membership ----------------------------------------------------------------------------- */

static int init(struct mr_adapter *a, void *arg)
{
    (void)a;
    (void)arg;
    return MR_OK;
}

static void close_adapter(struct mr_adapter *a)
{
    (void)a;
}

static int add_all(struct mr_adapter *a, struct mr_socket *s, const char *const *rooms, size_t n)
{
    int rc = MR_OK;

    for (size_t i = 0; i < n && rc == MR_OK && s->state != MR_SOCKET_GONE; i++) {
        if (strcmp(rooms[i], s->id) == 0 && !s->own_room && s->state == MR_SOCKET_CONNECTED)
            mr__ids_add(&a->ids, s);
        rc = mr__room_join(a, s, rooms[i]);
    }
    return rc;
}

static void del(struct mr_adapter *a, struct mr_socket *s, const char *room)
{
    mr__room_leave(a, s, room);
}

static void del_all(struct mr_adapter *a, struct mr_socket *s)
{
    mr__ids_del(&a->ids, s);
    mr__room_leave_all(a, s);
}

static bool in_room(const struct mr_adapter *a, const struct mr_socket *s, const char *room)
{
    return mr__room_has(a, s, room);
}

static size_t socket_rooms(const struct mr_adapter *a, const struct mr_socket *s,
                           const char **names, size_t cap)
{
    size_t n = 0;

    (void)a;
    if (s->own_room && n++ < cap)
        names[0] = s->id;
    for (uint32_t i = 0; i < s->n_rooms; i++) {
        if (n++ < cap)
            names[n - 1] = s->rooms[i]->room->name;
    }
    return n;
}

static size_t room_size(const struct mr_adapter *a, const char *room)
{
    struct group g = find_group((struct mr_adapter *)(uintptr_t)a, room);

    return g.room != NULL ? g.room->n : g.own != NULL;
}

static size_t room_count(const struct mr_adapter *a)
{
    return a->rooms.n;
}

static void rooms_each(struct mr_adapter *a, bool (*fn)(const char *, size_t, void *), void *ctx)
{
    for (struct mr_node *node = mr__table_next(&a->rooms, NULL); node;
         node = mr__table_next(&a->rooms, node)) {
        const struct mr_room *room = MR_CONTAINER(node, struct mr_room, node);

        if (!fn(room->name, room->n, ctx))
            return;
    }
}

static struct mr_socket *find(struct mr_adapter *a, const char *id)
{
    return mr__room_owner(a, id);
}

static void each(struct mr_adapter *a, const struct mr_target *to, visit_fn fn, void *ctx)
{
    walk(a, to, fn, ctx);
}

/* ---- events --------------------------------------------------------------------------------- */

struct delivery {
    const struct mr_packet *packet;
    struct mr_frame *plain; /* the packet, if it is one frame for everybody */
    const struct mr_recovery *kept;
    bool is_volatile;
    int queued;
};

static void deliver(struct mr_socket *s, void *ctx)
{
    struct delivery *d = ctx;

    if (s->listeners != NULL)
        mr__listeners_outgoing(s, mr_span_str(d->packet->event), d->packet->args);
    if (d->plain != NULL) /* most of them: straight to the queue */
        d->queued += s->state == MR_SOCKET_CONNECTED && mr__session_send(s->session, d->plain) == 0;
    else
        d->queued +=
            mr__socket_deliver(s, d->packet->frames, d->packet->n_frames, d->is_volatile) == MR_OK;
}

/* The same, where who misses it may get it later. */
static void deliver_kept(struct mr_socket *s, void *ctx)
{
    const struct delivery *d = ctx;

    if (s->recoverable != NULL && s->recoverable->session != NULL)
        d->kept->ops->sent(d->kept->store, s->recoverable->session);
    deliver(s, ctx);
}

static int broadcast(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to)
{
    struct mr_recovery *r = a->nsp->recovery;
    struct delivery d = {.packet = p, .kept = r, .is_volatile = to->flags & MR_VOLATILE};
    bool kept = r != NULL && r->ops->sent != NULL && p->ack_id < 0 && !d.is_volatile;

    if (r != NULL)
        mr__recovery_stamp(a, p, to);
    if (!anybody(a, to))
        return 0; /* nothing to encode */
    if (mr_packet_encode(a, p) != MR_OK)
        return MR_E_NOMEM;
    if (p->n_frames == 1 && !d.is_volatile)
        d.plain = p->frames[0];
    if (kept)
        walk(a, to, deliver_kept, &d);
    else
        walk(a, to, deliver, &d);
    return d.queued;
}

static int broadcast_with_ack(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to,
                              struct mr_collector *c)
{
    struct list l;
    int rc = collect(a, to, &l);

    if (rc == MR_OK)
        rc = mr__crowd_ask(a, p, l.at, l.n, to->flags & MR_VOLATILE, c);
    release(&l);
    return rc;
}

/* ---- many sockets --------------------------------------------------------------------------- */

static const struct mr_outcome complete = {MR_OK, "", 1, 1};

static int sockets(struct mr_adapter *a, const struct mr_target *to, mr_ids_fn fn, void *ctx)
{
    struct list l;
    const char **ids;

    if (collect(a, to, &l) != MR_OK)
        return MR_E_NOMEM;
    ids = mr_zalloc(l.n + 1, sizeof(char *));
    if (ids == NULL) {
        release(&l);
        return MR_E_NOMEM;
    }
    for (size_t i = 0; i < l.n; i++)
        ids[i] = l.at[i]->id;
    fn(&complete, ids, l.n, ctx);
    mr_free(ids);
    release(&l);
    return MR_OK;
}

static int fetch_sockets(struct mr_adapter *a, const struct mr_target *to, mr_fetch_fn fn,
                         void *ctx)
{
    struct mr_remote *remotes = NULL;
    const char **names = NULL;
    size_t n_names = 0, at = 0;
    struct list l;

    if (collect(a, to, &l) != MR_OK)
        return MR_E_NOMEM;
    for (size_t i = 0; i < l.n; i++)
        n_names += socket_rooms(a, l.at[i], NULL, 0);
    remotes = mr_zalloc(l.n + 1, sizeof(*remotes));
    names = mr_zalloc(n_names + 1, sizeof(char *));
    if (remotes == NULL || names == NULL) {
        mr_free(remotes);
        mr_free(names);
        release(&l);
        return MR_E_NOMEM;
    }
    for (size_t i = 0; i < l.n; i++) {
        struct mr_socket *s = l.at[i];
        size_t n = socket_rooms(a, s, names + at, n_names - at);

        remotes[i] = (struct mr_remote){.id = s->id,
                                        .rooms = names + at,
                                        .n_rooms = n,
                                        .addr = mr_socket_addr(s),
                                        .data = mr_socket_data(s),
                                        .socket = s};
        at += n;
    }
    fn(&complete, remotes, l.n, ctx);
    mr_free(remotes);
    mr_free(names);
    release(&l);
    return MR_OK;
}

static int add_sockets(struct mr_adapter *a, const struct mr_target *to, const char *const *rooms,
                       size_t n)
{
    struct list l;
    int rc = collect(a, to, &l);

    for (size_t i = 0; i < l.n; i++) {
        int err = mr_join_all(l.at[i], rooms, n);

        if (rc == MR_OK && err != MR_E_CLOSED)
            rc = err;
    }
    release(&l);
    return rc;
}

static int del_sockets(struct mr_adapter *a, const struct mr_target *to, const char *const *rooms,
                       size_t n)
{
    struct list l;
    int rc = collect(a, to, &l);

    for (size_t i = 0; i < l.n; i++) {
        for (size_t r = 0; r < n; r++)
            mr_leave(l.at[i], rooms[r]);
    }
    release(&l);
    return rc;
}

static int disconnect_sockets(struct mr_adapter *a, const struct mr_target *to, bool close)
{
    struct list l;
    int rc = collect(a, to, &l);

    for (size_t i = 0; i < l.n; i++)
        mr_socket_disconnect(l.at[i], close);
    release(&l);
    return rc;
}

static int server_side_emit(struct mr_adapter *a, const char *event, struct mr_span args,
                            uint32_t timeout_ms, mr_server_answers_fn fn, void *ctx)
{
    const struct mr_outcome nobody_else = {.err = MR_OK, .why = ""};

    (void)a;
    (void)event;
    (void)args;
    (void)timeout_ms;
    if (fn != NULL)
        fn(&nobody_else, NULL, 0, ctx);
    return MR_OK;
}

static size_t server_count(const struct mr_adapter *a)
{
    (void)a;
    return 1;
}

const struct mr_adapter_ops *mr_adapter_memory(void)
{
    static const struct mr_adapter_ops ops = {
        .name = "memory",
        .init = init,
        .close = close_adapter,
        .add_all = add_all,
        .del = del,
        .del_all = del_all,
        .in_room = in_room,
        .socket_rooms = socket_rooms,
        .room_size = room_size,
        .room_count = room_count,
        .rooms_each = rooms_each,
        .find = find,
        .each = each,
        .broadcast = broadcast,
        .broadcast_with_ack = broadcast_with_ack,
        .broadcast_forget = mr__crowd_forget,
        .sockets = sockets,
        .fetch_sockets = fetch_sockets,
        .add_sockets = add_sockets,
        .del_sockets = del_sockets,
        .disconnect_sockets = disconnect_sockets,
        .server_side_emit = server_side_emit,
        .server_count = server_count,
        .persist_session = mr__recovery_persist,
        .restore_session = mr__recovery_restore,
    };

    return &ops;
}
