/* adapter.c - which adapter a namespace has, and the calls about rooms, which all go through it. */
#include "millrace/adapter.h"

#include "io/namespace.h"
#include "proto/alloc.h"
#include "proto/sio.h"

_Static_assert(MR_ATTACHMENTS_MAX == MR_SIO_ATTACHMENTS_MAX, "one limit, seen from two sides");

/* ---- making --------------------------------------------------------------------------------- */

int mr__adapter_open(struct mr_nsp *nsp)
{
    struct mr_server *srv = nsp->srv;
    struct mr_adapter *a = mr_zalloc(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return MR_E_NOMEM;
    a->ops = srv->adapter_ops != NULL ? srv->adapter_ops : mr_adapter_memory();
    a->nsp = nsp;
    mr__table_init(&a->rooms);
    mr__list_init(&a->crowds);
    mr__sid_make(&srv->sids, a->server_id);
    rc = a->ops->init(a, srv->adapter_arg);
    if (rc != MR_OK) {
        mr_free(a);
        return rc;
    }
    nsp->adapter = a;
    return MR_OK;
}

void mr__adapter_close(struct mr_nsp *nsp)
{
    struct mr_adapter *a = nsp->adapter;

    if (a == NULL)
        return;
    mr__gathers_end(a);
    a->ops->close(a);
    mr__table_deinit(&a->rooms);
    mr__ids_deinit(&a->ids);
    mr_free(a);
    nsp->adapter = NULL;
}

/* The handlers stay when the adapter under them changes. */
static int change(struct mr_nsp *nsp)
{
    struct mr_adapter *old = nsp->adapter;
    int rc;

    nsp->adapter = NULL;
    rc = mr__adapter_open(nsp);
    if (rc != MR_OK) {
        nsp->adapter = old;
        return rc;
    }
    nsp->adapter->on_room = old->on_room;
    nsp->adapter->on_room_ctx = old->on_room_ctx;
    nsp->adapter->on_server = old->on_server;
    nsp->adapter->on_server_ctx = old->on_server_ctx;
    mr__gathers_end(old);
    old->ops->close(old);
    mr__table_deinit(&old->rooms);
    mr__ids_deinit(&old->ids);
    mr_free(old);
    return MR_OK;
}

int mr_use_adapter(struct mr_server *srv, const struct mr_adapter_ops *ops, void *arg)
{
    struct mr_node *node;
    int rc = MR_OK;

    MR_ASSERT_LOOP(srv);
    if (srv->n_sessions > 0)
        return MR_E_CONFLICT;
    srv->adapter_ops = ops;
    srv->adapter_arg = arg;
    for (node = mr__table_next(&srv->nsps, NULL); node && rc == MR_OK;
         node = mr__table_next(&srv->nsps, node))
        rc = change(MR_CONTAINER(node, struct mr_nsp, node));
    return rc;
}

struct mr_server *mr_adapter_server(const struct mr_adapter *a)
{
    return a->nsp->srv;
}

const char *mr_adapter_nsp(const struct mr_adapter *a)
{
    return a->nsp->name;
}

const char *mr_adapter_server_id(const struct mr_adapter *a)
{
    return a->server_id;
}

void mr_adapter_set_state(struct mr_adapter *a, void *state)
{
    a->state = state;
}

void *mr_adapter_state(const struct mr_adapter *a)
{
    return a->state;
}

/* ---- rooms ---------------------------------------------------------------------------------- */

int mr_join_all(struct mr_socket *s, const char *const *rooms, size_t n)
{
    struct mr_adapter *a = s->nsp->adapter;

    MR_ASSERT_LOOP(s->srv);
    return s->state == MR_SOCKET_GONE ? MR_E_CLOSED : a->ops->add_all(a, s, rooms, n);
}

int mr_join(struct mr_socket *s, const char *room)
{
    return mr_join_all(s, &room, 1);
}

void mr_leave(struct mr_socket *s, const char *room)
{
    struct mr_adapter *a = s->nsp->adapter;

    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_GONE)
        a->ops->del(a, s, room);
}

bool mr_in_room(const struct mr_socket *s, const char *room)
{
    const struct mr_adapter *a = s->nsp->adapter;

    return a->ops->in_room(a, s, room);
}

size_t mr_socket_rooms(const struct mr_socket *s, const char **names, size_t cap)
{
    const struct mr_adapter *a = s->nsp->adapter;

    return a->ops->socket_rooms(a, s, names, cap);
}

static struct mr_adapter *adapter_of(struct mr_server *srv, const char *nsp)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), false);

    MR_ASSERT_LOOP(srv);
    return n != NULL ? n->adapter : NULL;
}

size_t mr_room_size(struct mr_server *srv, const char *nsp, const char *room)
{
    const struct mr_adapter *a = adapter_of(srv, nsp);

    if (a == NULL || room == NULL)
        return a != NULL ? a->nsp->n_members : 0;
    return a->ops->room_size(a, room);
}

size_t mr_room_count(struct mr_server *srv, const char *nsp)
{
    const struct mr_adapter *a = adapter_of(srv, nsp);

    return a != NULL ? a->ops->room_count(a) : 0;
}

void mr_rooms_each(struct mr_server *srv, const char *nsp,
                   bool (*fn)(const char *room, size_t members, void *ctx), void *ctx)
{
    struct mr_adapter *a = adapter_of(srv, nsp);

    if (a != NULL)
        a->ops->rooms_each(a, fn, ctx);
}

struct mr_socket *mr_socket_find(struct mr_server *srv, const char *nsp, const char *id)
{
    struct mr_adapter *a = adapter_of(srv, nsp);

    return a != NULL ? a->ops->find(a, id) : NULL;
}

int mr_on_room_event(struct mr_server *srv, const char *nsp, mr_room_event_fn fn, void *ctx)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), true);

    MR_ASSERT_LOOP(srv);
    if (n == NULL)
        return MR_E_NOMEM;
    n->adapter->on_room = fn;
    n->adapter->on_room_ctx = ctx;
    for (struct mr_nsp *c = mr__family_next(n, NULL); c != NULL; c = mr__family_next(n, c)) {
        c->adapter->on_room = fn;
        c->adapter->on_room_ctx = ctx;
    }
    return MR_OK;
}

int mr_on_server_event(struct mr_server *srv, const char *nsp, mr_server_event_fn fn, void *ctx)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), true);

    MR_ASSERT_LOOP(srv);
    if (n == NULL)
        return MR_E_NOMEM;
    n->adapter->on_server = fn;
    n->adapter->on_server_ctx = ctx;
    for (struct mr_nsp *c = mr__family_next(n, NULL); c != NULL; c = mr__family_next(n, c)) {
        c->adapter->on_server = fn;
        c->adapter->on_server_ctx = ctx;
    }
    return MR_OK;
}

/* ---- server to server ----------------------------------------------------------------------- */

struct mr_server_ask {
    void (*answer)(void *ctx, struct mr_span value);
    void *ctx;
};

int mr_adapter_take_server_event(struct mr_adapter *a, const char *event, struct mr_span args,
                                 void (*answer)(void *ctx, struct mr_span value), void *ctx)
{
    struct mr_server_ask *ask = NULL;

    if (a->on_server == NULL)
        return MR_OK;
    if (answer != NULL) {
        ask = mr_alloc(sizeof(*ask));
        if (ask == NULL)
            return MR_E_NOMEM;
        *ask = (struct mr_server_ask){answer, ctx};
    }
    a->on_server(event, args, ask, a->on_server_ctx);
    return MR_OK;
}

void mr_server_reply(struct mr_server_ask *ask, struct mr_span value)
{
    if (ask == NULL)
        return;
    ask->answer(ask->ctx, value);
    mr_free(ask);
}

int mr_server_side_emit(struct mr_server *srv, const char *nsp, const char *event,
                        struct mr_span args, uint32_t timeout_ms, mr_server_answers_fn fn,
                        void *ctx)
{
    struct mr_adapter *a = adapter_of(srv, nsp);

    if (a == NULL)
        return MR_E_NOTFOUND;
    return a->ops->server_side_emit(a, event, args, timeout_ms, fn, ctx);
}
