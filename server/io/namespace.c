/* namespace.c - what the packets of a session do to its sockets. */
#include "io/namespace.h"

#include "io/parser.h"
#include "io/peers.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include "proto/sio.h"

/* ---- registration -------------------------------------------------------------------------- */

static struct mr_nsp *nsp_new(struct mr_server *srv, struct mr_span name)
{
    struct mr_nsp *nsp = mr_zalloc(1, sizeof(*nsp));

    if (nsp == NULL)
        return NULL;
    nsp->name = mr_memdup0(name.ptr, name.len);
    nsp->srv = srv;
    nsp->refs = 1;
    nsp->node.name = mr_span_of(nsp->name, name.len);
    mr__table_init(&nsp->events);
    if (nsp->name == NULL || mr__adapter_open(nsp) != MR_OK || mr__recovery_open(nsp) != MR_OK ||
        mr__table_put(&srv->nsps, &nsp->node) != MR_OK) {
        mr__recovery_close(nsp);
        mr__adapter_close(nsp);
        mr_free(nsp->name);
        mr_free(nsp);
        return NULL;
    }
    return nsp;
}

struct mr_nsp *mr__nsp_get(struct mr_server *srv, struct mr_span name, bool create)
{
    struct mr_node *node;

    if (name.len == 0)
        name = MR_SPAN("/");
    node = mr__table_find(&srv->nsps, name);
    if (node != NULL)
        return MR_CONTAINER(node, struct mr_nsp, node);
    return create ? nsp_new(srv, name) : NULL;
}

void mr__nsp_close(struct mr_nsp *nsp)
{
    mr__recovery_close(nsp);
    mr__adapter_close(nsp);
}

/* At the end of a list. */
static struct mr_handler *add_handler(struct mr_handler **at, void *ctx)
{
    struct mr_handler *h = mr_zalloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->ctx = ctx;
    while (*at != NULL)
        at = &(*at)->next;
    *at = h;
    return h;
}

static void free_handlers(struct mr_handler *h)
{
    while (h != NULL) {
        struct mr_handler *next = h->next;

        mr_free(h);
        h = next;
    }
}

void mr__nsp_unref(struct mr_nsp *nsp)
{
    if (--nsp->refs > 0)
        return;
    mr__link_off(&nsp->emptied);
    for (struct mr_node *node = mr__table_next(&nsp->events, NULL), *next; node; node = next) {
        struct mr_event *e = MR_CONTAINER(node, struct mr_event, node);

        next = mr__table_next(&nsp->events, node);
        free_handlers(e->handlers);
        mr_free(e);
    }
    free_handlers(nsp->any);
    mr__table_deinit(&nsp->events);
    mr__recovery_close(nsp);
    mr__adapter_close(nsp);
    mr_free(nsp->members);
    mr__family_free(nsp->family);
    mr_free(nsp->uses);
    mr_free(nsp->name);
    mr_free(nsp);
}

#define REGISTER(field)                                                                            \
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), true);                                   \
    MR_ASSERT_LOOP(srv);                                                                           \
    if (n == NULL)                                                                                 \
        return MR_E_NOMEM;                                                                         \
    n->field = fn;                                                                                 \
    n->field##_ctx = ctx;                                                                          \
    return MR_OK

int mr_on_connect(struct mr_server *srv, const char *nsp, mr_connect_fn fn, void *ctx)
{
    REGISTER(on_connect);
}

int mr_on_connected(struct mr_server *srv, const char *nsp,
                    void (*fn)(struct mr_socket *s, void *ctx), void *ctx)
{
    REGISTER(on_connected);
}

int mr_on_disconnect(struct mr_server *srv, const char *nsp, mr_disconnect_fn fn, void *ctx)
{
    REGISTER(on_disconnect);
}

int mr_on_disconnecting(struct mr_server *srv, const char *nsp, mr_disconnect_fn fn, void *ctx)
{
    REGISTER(on_disconnecting);
}

int mr_on_drain(struct mr_server *srv, const char *nsp, mr_drain_fn fn, void *ctx)
{
    REGISTER(on_drain);
}

static struct mr_event *event_of(struct mr_nsp *nsp, struct mr_span name)
{
    struct mr_node *node = mr__table_find(&nsp->events, name);
    struct mr_event *e;

    if (node != NULL)
        return MR_CONTAINER(node, struct mr_event, node);
    e = mr_zalloc(1, sizeof(*e) + name.len + 1);
    if (e == NULL)
        return NULL;
    memcpy(e->name, name.ptr, name.len);
    e->node.name = mr_span_of(e->name, name.len);
    if (mr__table_put(&nsp->events, &e->node) != MR_OK) {
        mr_free(e);
        return NULL;
    }
    return e;
}

int mr_on(struct mr_server *srv, const char *nsp, const char *event, mr_event_fn fn, void *ctx)
{
    struct mr_span name = mr_span_str(event);
    struct mr_nsp *n;
    struct mr_event *e;
    struct mr_handler *h;

    MR_ASSERT_LOOP(srv);
    if (name.len > MR_NAME_LEN_MAX || mr_sio_reserved(name))
        return MR_E_INVAL;
    n = mr__nsp_get(srv, mr_span_str(nsp), true);
    e = n != NULL ? event_of(n, name) : NULL;
    h = e != NULL ? add_handler(&e->handlers, ctx) : NULL;
    if (h == NULL)
        return MR_E_NOMEM;
    h->fn.event = fn;
    return MR_OK;
}

int mr_on_any(struct mr_server *srv, const char *nsp, mr_any_fn fn, void *ctx)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), true);
    struct mr_handler *h = n != NULL ? add_handler(&n->any, ctx) : NULL;

    MR_ASSERT_LOOP(srv);
    if (h == NULL)
        return MR_E_NOMEM;
    h->fn.any = fn;
    return MR_OK;
}

/* As the original has it: what no packet is closes the connection from below, a packet out of place
 * closes it from above. */
#define NO_PACKET    "forced close"
#define OUT_OF_PLACE "forced server close"

/* ---- packets ------------------------------------------------------------------------------- */

static void take_ack(struct mr_socket *sock, const struct mr_message *m)
{
    if (m->ack_id < 0)
        return;
    mr_socket_ref(sock);
    sock->attachments = m->attachments;
    sock->n_attachments = (unsigned)m->n_attachments;
    mr__ack_in(sock, m->ack_id, m->data);
    sock->n_attachments = 0;
    mr_socket_unref(sock);
}

/* Is nsp among those left? forget: it will not be any more. */
static bool has_left(struct mr_session *s, const struct mr_nsp *nsp, bool forget)
{
    for (unsigned i = 0; i < s->n_left; i++) {
        if (s->left[i] != nsp)
            continue;
        if (forget) {
            mr__nsp_unref(s->left[i]);
            s->left[i] = s->left[--s->n_left];
        }
        return true;
    }
    return false;
}

void mr__nsp_left(struct mr_session *s, struct mr_nsp *nsp)
{
    struct mr_nsp **left;

    if (has_left(s, nsp, false))
        return;
    left = mr_realloc(s->left, (s->n_left + 1) * sizeof(struct mr_nsp *));
    if (left == NULL)
        return;
    nsp->refs++;
    s->left = left;
    s->left[s->n_left++] = nsp;
}

/* A packet has come. */
static void dispatch(void *ctx, const struct mr_message *m)
{
    struct mr_session *s = ctx;
    struct mr_nsp *nsp = mr__nsp_get(s->srv, m->nsp, false);
    struct mr_socket *sock = nsp ? mr__socket_of(s, nsp) : NULL;

    if (nsp != NULL && nsp->family != NULL)
        nsp = NULL; /* nobody is in it; clients may know its name */
    if (m->type == MR_MESSAGE_CONNECT) {
        if (sock != NULL) {
            mr__session_broke(s, "second connect", OUT_OF_PLACE);
            return;
        }
        if (s->n_sockets >= s->srv->opt.namespaces_per_session_max) {
            mr__limit_hit(s->srv, MR_LIMIT_NAMESPACES_PER_SESSION, s->hs->addr,
                          s->srv->opt.namespaces_per_session_max);
            mr__session_broke(s, "too many namespaces", OUT_OF_PLACE);
            return;
        }
        if (nsp != NULL)
            (void)has_left(s, nsp, true);
        mr__nsp_connect(s, nsp, m);
        return;
    }
    if (sock == NULL && nsp != NULL && has_left(s, nsp, false))
        return; /* sent before the client knew that it was thrown out */
    if (sock == NULL || (sock->state == MR_SOCKET_PENDING && m->type != MR_MESSAGE_DISCONNECT)) {
        mr__session_broke(s, "namespace not joined", OUT_OF_PLACE);
        return;
    }
    switch (m->type) {
    case MR_MESSAGE_DISCONNECT:
        mr__socket_gone(sock, "client namespace disconnect");
        break;
    case MR_MESSAGE_EVENT:
        mr__event_in(sock, m);
        break;
    case MR_MESSAGE_ACK:
        take_ack(sock, m);
        break;
    default: /* only a server refuses */
        mr__session_broke(s, "packet type", OUT_OF_PLACE);
        break;
    }
}

static void too_many_attachments(struct mr_session *s)
{
    mr__limit_hit(s->srv, MR_LIMIT_ATTACHMENTS, s->hs->addr, s->srv->opt.attachments_max);
    mr__session_broke(s, "attachments", NO_PACKET);
}

static void take(struct mr_session *s, bool binary, struct mr_span bytes)
{
    int rc = mr__decode(s, binary, bytes, dispatch);

    if (rc == MR_E_TOOBIG)
        too_many_attachments(s);
    else if (rc == MR_E_NOMEM)
        mr__session_doom(s, "transport error");
    else if (rc != MR_OK)
        mr__session_broke(s, "packet", NO_PACKET);
}

void mr__nsp_text(struct mr_session *s, struct mr_span text)
{
    take(s, false, text);
}

void mr__nsp_binary(struct mr_session *s, struct mr_span bytes)
{
    take(s, true, bytes);
}

/* ---- the session's side -------------------------------------------------------------------- */

bool mr__nsp_any(const struct mr_session *s)
{
    return s->sockets != NULL;
}

void mr__nsp_leave_all(struct mr_session *s, const char *reason)
{
    while (s->sockets != NULL)
        mr__socket_gone(s->sockets, reason);
}

void mr__nsp_drained(struct mr_session *s)
{
    struct mr_socket *list[MR_NSPS_PER_SESSION_MAX];
    unsigned n = 0;

    for (struct mr_socket *sock = s->sockets; sock != NULL; sock = sock->next)
        list[n++] = mr_socket_ref(sock); /* a handler may change the list */
    for (unsigned i = 0; i < n; i++) {
        const struct mr_nsp *nsp = MR_HOOK(list[i]->nsp, on_drain);

        if (list[i]->state == MR_SOCKET_CONNECTED && nsp->on_drain != NULL)
            nsp->on_drain(list[i], nsp->on_drain_ctx);
        mr_socket_unref(list[i]);
    }
}

void mr__nsp_forget(struct mr_session *s)
{
    mr__decode_end(s);
    for (unsigned i = 0; i < s->n_left; i++)
        mr__nsp_unref(s->left[i]);
    mr_free(s->left);
}

const struct mr_engine_ops mr__nsp_engine_ops = {.text = mr__nsp_text,
                                                 .binary = mr__nsp_binary,
                                                 .leave_all = mr__nsp_leave_all,
                                                 .drained = mr__nsp_drained,
                                                 .any = mr__nsp_any,
                                                 .forget = mr__nsp_forget};
