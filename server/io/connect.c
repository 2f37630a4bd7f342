/* connect.c - CONNECT: the hook decides, now or later; the client hears 40 or 44. */
#include "io/namespace.h"
#include "io/parser.h"

#include "proto/alloc.h"
#include "proto/json.h"

static int join_nsp(struct mr_socket *sock)
{
    struct mr_nsp *nsp = sock->nsp;

    if (nsp->n_members == nsp->cap_members) {
        size_t cap = nsp->cap_members ? nsp->cap_members * 2 : 8;
        void *members = mr_realloc(nsp->members, cap * sizeof(struct mr_socket *));

        if (members == NULL)
            return MR_E_NOMEM;
        nsp->members = members;
        nsp->cap_members = cap;
    }
    sock->place = (uint32_t)nsp->n_members;
    sock->mark = 0;
    nsp->members[nsp->n_members++] = sock;
    sock->srv->stats.sockets++;
    return MR_OK;
}

void mr__connect_now(struct mr_socket *sock)
{
    struct mr_session *s = sock->session;
    const struct mr_nsp *nsp;
    const char *own = sock->id;
    struct mr_buf b = MR_BUF_INIT(160);

    if (join_nsp(sock) != MR_OK) {
        mr__session_doom(s, "transport error");
        return;
    }
    sock->state = MR_SOCKET_CONNECTED;
    mr__timer_stop(&s->srv->timers, &s->guard);
    mr__recovery_begin(sock);
    if (sock->nsp->adapter->ops->add_all(sock->nsp->adapter, sock, &own, 1) != MR_OK) {
        mr__session_doom(s, "transport error");
        return;
    }
    if (sock->state != MR_SOCKET_CONNECTED) /* a handler of room events has ended it */
        return;
    mr_buf_addf(&b, "{\"sid\":\"%s\"", sock->id);
    if (sock->recoverable != NULL && sock->recoverable->session != NULL)
        mr_buf_addf(&b, ",\"pid\":\"%s\"", sock->recoverable->pid);
    mr_buf_add_char(&b, '}');
    if (mr_buf_err(&b) != MR_OK ||
        mr__socket_send_packet(sock, MR_MESSAGE_CONNECT, mr_buf_span(&b)) == MR_E_NOMEM)
        mr__session_doom(s, "transport error");
    mr_buf_free(&b);
    nsp = MR_HOOK(sock->nsp, on_connected);
    if (nsp->on_connected != NULL)
        nsp->on_connected(sock, nsp->on_connected_ctx);
}

void mr__connect_admit(struct mr_socket *sock)
{
    if (!mr__recovery_catch_up(sock))
        mr__connect_now(sock);
}

static void refuse(struct mr_socket *sock)
{
    const char *why = sock->refusal ? sock->refusal : "{\"message\":\"unauthorized\"}";

    (void)mr__socket_send_packet(sock, MR_MESSAGE_CONNECT_ERROR, mr_span_str(why));
    mr__socket_gone(sock, "server namespace disconnect");
}

/* There is no such namespace, so no socket either. */
void mr__connect_unknown(struct mr_session *s, struct mr_span name)
{
    const struct mr_message m = {.type = MR_MESSAGE_CONNECT_ERROR,
                                 .nsp = name,
                                 .ack_id = -1,
                                 .data = MR_SPAN("{\"message\":\"Invalid namespace\"}")};

    if (mr__session_send_message(s, &m) == MR_E_NOMEM)
        mr__session_doom(s, "transport error");
}

/* Ask who is next: a link of the chain (the family's, then its own), then the hook. False: all have
 * been asked. */
static bool ask_next(struct mr_socket *sock, struct mr_span auth, int *rc)
{
    const struct mr_nsp *nsp = sock->nsp, *hook = MR_HOOK(nsp, on_connect);
    struct mr_use use = {hook->on_connect, hook->on_connect_ctx};

    *rc = MR_OK;
    if (sock->step > sock->n_above + sock->n_uses)
        return false;
    if (sock->step < sock->n_above) /* copies: it may register more, for those who come later */
        use = nsp->parent->uses[sock->step];
    else if (sock->step < sock->n_above + sock->n_uses)
        use = nsp->uses[sock->step - sock->n_above];
    sock->step++;
    if (use.fn == NULL)
        return true;
    sock->deciding = true;
    sock->passed = false;
    *rc = use.fn(sock, auth, use.ctx);
    sock->deciding = false;
    return true;
}

void mr__connect_decide(struct mr_socket *sock, struct mr_span auth)
{
    int rc = MR_OK;

    mr_socket_ref(sock);
    if (auth.len == 0)
        auth = MR_SPAN("{}");
    while (ask_next(sock, auth, &rc)) {
        if (sock->state != MR_SOCKET_PENDING)
            goto out; /* it ended the socket, or answered by itself */
        if (rc == MR_E_AGAIN && sock->refusal != NULL)
            break;
        if (rc == MR_E_AGAIN && !sock->passed)
            goto out; /* mr_connect_next, or an answer, comes later */
        if (rc != MR_OK && rc != MR_E_AGAIN)
            break;
        rc = MR_OK;
    }
    if (rc == MR_OK)
        mr__connect_admit(sock);
    else
        refuse(sock);
out:
    mr_socket_unref(sock);
}

/* False: it cannot be kept, and the client is refused, or cut off for want of memory. */
static bool keep_auth(struct mr_socket *sock, struct mr_span auth)
{
    static const char why[] = "{\"message\":\"auth too large\"}";

    if (auth.len == 0)
        return true;
    if (auth.len <= MR_AUTH_BYTES_MAX) {
        sock->auth = mr_memdup0(auth.ptr, auth.len);
        if (sock->auth == NULL)
            mr__session_doom(sock->session, "transport error");
        return sock->auth != NULL;
    }
    sock->srv->stats.refused++;
    sock->refusal = mr_memdup0(why, sizeof(why) - 1);
    refuse(sock);
    return false;
}

void mr__nsp_connect(struct mr_session *s, struct mr_nsp *nsp, const struct mr_message *m)
{
    struct mr_socket *sock;

    if (nsp == NULL) {
        mr__family_connect(s, m);
        return;
    }
    sock = mr__socket_new(s, nsp);
    if (sock == NULL) {
        mr__session_doom(s, "transport error");
        return;
    }
    mr_socket_ref(sock);
    if (keep_auth(sock, m->data) && !mr__recovery_claim(sock, m->data))
        mr__connect_decide(sock, m->data);
    mr_socket_unref(sock);
}

int mr_use(struct mr_server *srv, const char *nsp, mr_connect_fn fn, void *ctx)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), true);
    struct mr_use *uses;

    MR_ASSERT_LOOP(srv);
    if (n == NULL)
        return MR_E_NOMEM;
    if (n->n_uses == MR_USES_MAX)
        return MR_E_TOOBIG;
    uses = mr_realloc(n->uses, (n->n_uses + 1) * sizeof(struct mr_use));
    if (uses == NULL)
        return MR_E_NOMEM;
    n->uses = uses;
    n->uses[n->n_uses++] = (struct mr_use){fn, ctx};
    return MR_OK;
}

void mr_connect_next(struct mr_socket *s)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_PENDING)
        return;
    if (s->deciding)
        s->passed = true;
    else
        mr__connect_decide(s, mr_socket_auth(s));
}

void mr_connect_admit(struct mr_socket *s)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->state == MR_SOCKET_PENDING)
        mr__connect_admit(s);
}

void mr_connect_refuse(struct mr_socket *s, const char *message, struct mr_span data)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);

    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_PENDING)
        return;
    mr_buf_add_str(&b, "{\"message\":");
    mr_json_add_string(&b, mr_span_str(message));
    if (data.len > 0) {
        mr_buf_add_str(&b, ",\"data\":");
        mr_buf_add_span(&b, data);
    }
    mr_buf_add_char(&b, '}');
    mr_free(s->refusal);
    s->refusal = mr_buf_err(&b) == MR_OK ? mr_memdup0(b.ptr, b.len) : NULL;
    mr_buf_free(&b);
    if (!s->deciding)
        refuse(s);
}
