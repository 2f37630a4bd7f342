/* connect.c - CONNECT: the hook decides, now or later; the client hears 40 or 44. */
#include "io/namespace.h"

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
    if (mr__socket_send_packet(sock, MR_SIO_CONNECT, mr_buf_span(&b)) == MR_E_NOMEM)
        mr__session_doom(s, "transport error");
    mr_buf_free(&b);
    if (sock->nsp->on_connected != NULL)
        sock->nsp->on_connected(sock, sock->nsp->on_connected_ctx);
}

void mr__connect_admit(struct mr_socket *sock)
{
    if (!mr__recovery_catch_up(sock))
        mr__connect_now(sock);
}

static void refuse(struct mr_socket *sock)
{
    const char *why = sock->refusal ? sock->refusal : "{\"message\":\"unauthorized\"}";

    (void)mr__socket_send_packet(sock, MR_SIO_CONNECT_ERROR, mr_span_str(why));
    mr__socket_gone(sock, "server namespace disconnect");
}

/* There is no such namespace, so no socket either: the packet is made by hand. */
static void refuse_unknown(struct mr_session *s, struct mr_span name)
{
    struct mr_buf b = MR_BUF_INIT(MR_SIO_NAMESPACE_LEN_MAX + 64);
    struct mr_frame *f = NULL;

    mr_buf_add_char(&b, '0' + MR_EIO_MESSAGE);
    mr_sio_add_head(&b, MR_SIO_CONNECT_ERROR, 0, name, -1);
    mr_buf_add_str(&b, "{\"message\":\"Invalid namespace\"}");
    if (mr_buf_err(&b) == MR_OK)
        f = mr__frame_make(MR_WS_TEXT, mr_buf_span(&b));
    if (f == NULL || mr__session_send(s, f) == MR_E_NOMEM)
        mr__session_doom(s, "transport error");
    mr_frame_unref(f);
    mr_buf_free(&b);
}

void mr__connect_decide(struct mr_socket *sock, struct mr_span auth)
{
    struct mr_nsp *nsp = sock->nsp;
    int rc = MR_OK;

    mr_socket_ref(sock);
    sock->deciding = true;
    if (nsp->on_connect != NULL)
        rc = nsp->on_connect(sock, auth.len > 0 ? auth : MR_SPAN("{}"), nsp->on_connect_ctx);
    sock->deciding = false;
    if (sock->state == MR_SOCKET_PENDING) { /* else the hook itself ended it, or answered */
        if (rc == MR_OK)
            mr__connect_admit(sock);
        else if (rc != MR_E_AGAIN)
            refuse(sock);
    }
    mr_socket_unref(sock);
}

void mr__nsp_connect(struct mr_session *s, struct mr_nsp *nsp, const struct mr_sio_packet *p)
{
    struct mr_socket *sock;

    if (nsp == NULL) {
        refuse_unknown(s, p->nsp);
        return;
    }
    sock = mr__socket_new(s, nsp);
    if (sock == NULL) {
        mr__session_doom(s, "transport error");
        return;
    }
    mr_socket_ref(sock);
    if (!mr__recovery_claim(sock, p->data))
        mr__connect_decide(sock, p->data);
    mr_socket_unref(sock);
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
