/* socket.c - one client in one namespace: its life, and what an application may ask about it. */
#include "io/namespace.h"
#include "io/parser.h"

#include "proto/alloc.h"

struct mr_socket *mr__socket_new(struct mr_session *s, struct mr_nsp *nsp)
{
    struct mr_socket *sock = mr_zalloc(1, sizeof(*sock));

    if (sock == NULL)
        return NULL;
    sock->refs = 1;
    sock->state = MR_SOCKET_PENDING;
    mr__sid_make(&s->srv->sids, sock->id);
    sock->srv = s->srv;
    sock->nsp = nsp;
    sock->n_above = (uint8_t)(nsp->parent != NULL ? nsp->parent->n_uses : 0);
    sock->n_uses = (uint8_t)nsp->n_uses;
    nsp->refs++;
    nsp->n_sockets++;
    sock->session = s;
    sock->hs = mr__handshake_ref(s->hs);
    mr__list_init(&sock->acks);
    sock->next = s->sockets;
    s->sockets = sock;
    s->n_sockets++;
    return sock;
}

struct mr_socket *mr__socket_of(const struct mr_session *s, const struct mr_nsp *nsp)
{
    struct mr_socket *sock = s->sockets;

    while (sock != NULL && sock->nsp != nsp)
        sock = sock->next;
    return sock;
}

static void leave_nsp(struct mr_socket *sock)
{
    struct mr_nsp *nsp = sock->nsp;

    nsp->members[sock->place] = nsp->members[--nsp->n_members];
    nsp->members[sock->place]->place = sock->place;
    sock->srv->stats.sockets--;
    if (nsp->cap_members > 1024 && nsp->n_members < nsp->cap_members / 8) {
        void *fewer = mr_realloc(nsp->members, nsp->cap_members / 4 * sizeof(struct mr_socket *));

        if (fewer != NULL) {
            nsp->members = fewer;
            nsp->cap_members /= 4;
        }
    }
}

void mr__socket_gone(struct mr_socket *sock, const char *reason)
{
    struct mr_session *s = sock->session;
    bool was_connected = sock->state == MR_SOCKET_CONNECTED;
    struct mr_nsp *nsp = sock->nsp;
    const struct mr_nsp *leaving = MR_HOOK(nsp, on_disconnecting);
    const struct mr_nsp *left = MR_HOOK(nsp, on_disconnect);
    struct mr_socket **at;

    if (sock->state == MR_SOCKET_GONE)
        return;
    sock->state = MR_SOCKET_GONE;
    sock->session = NULL;
    for (at = &s->sockets; *at != sock; at = &(*at)->next)
        ;
    *at = sock->next;
    s->n_sockets--;
    mr__recovery_gone(sock, reason);
    if (was_connected)
        leave_nsp(sock);
    if (was_connected)
        mr__listeners_end(sock, MR_L_DISCONNECTING, reason);
    if (was_connected && leaving->on_disconnecting != NULL)
        leaving->on_disconnecting(sock, reason, leaving->on_disconnecting_ctx);
    mr__held_free(sock);
    mr__acks_closed(sock);
    if (was_connected)
        mr__listeners_end(sock, MR_L_DISCONNECT, reason);
    if (was_connected && left->on_disconnect != NULL)
        left->on_disconnect(sock, reason, left->on_disconnect_ctx);
    /* Last, so that the handler can still see its rooms. */
    nsp->adapter->ops->del_all(nsp->adapter, sock);
    if (--nsp->n_sockets == 0)
        mr__family_emptied(nsp);
    mr__asked_deinit(&sock->asked);
    mr_socket_unref(sock);
}

int mr__socket_send_packet(struct mr_socket *sock, enum mr_message_type type, struct mr_span json)
{
    return mr__session_send_message(
        sock->session,
        &(struct mr_message){
            .type = type, .nsp = mr_span_str(sock->nsp->name), .ack_id = -1, .data = json});
}

/* ---- public -------------------------------------------------------------------------------- */

struct mr_socket *mr_socket_ref(struct mr_socket *s)
{
    MR_ASSERT_LOOP(s->srv);
    s->refs++;
    return s;
}

void mr_socket_unref(struct mr_socket *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    mr__handshake_unref(s->hs);
    mr__recovery_free(s);
    mr__listeners_free(s->listeners);
    mr__nsp_unref(s->nsp);
    mr_free(s->auth);
    mr_free(s->refusal);
    mr_free(s);
}

bool mr_socket_connected(const struct mr_socket *s)
{
    return s->state == MR_SOCKET_CONNECTED;
}

const char *mr_socket_id(const struct mr_socket *s)
{
    return s->id;
}

const char *mr_socket_nsp(const struct mr_socket *s)
{
    return s->nsp->name;
}

struct mr_span mr_socket_auth(const struct mr_socket *s)
{
    return s->auth ? mr_span_str(s->auth) : MR_SPAN("{}");
}

const char *mr_socket_addr(const struct mr_socket *s)
{
    return s->hs->addr;
}

const char *mr_socket_transport(const struct mr_socket *s)
{
    return s->session != NULL && s->session->state == MR_S_WEBSOCKET ? "websocket" : "polling";
}

struct mr_span mr_socket_header(const struct mr_socket *s, const char *name)
{
    return mr__handshake_header(s->hs, name);
}

struct mr_span mr_socket_query(const struct mr_socket *s)
{
    return s->hs->query;
}

uint64_t mr_socket_issued_ms(const struct mr_socket *s)
{
    return s->hs->issued_ms;
}

bool mr_socket_secure(const struct mr_socket *s)
{
    return s->hs->secure;
}

bool mr_socket_xdomain(const struct mr_socket *s)
{
    return mr__handshake_header(s->hs, "origin").len > 0;
}

void mr_socket_set_data(struct mr_socket *s, void *data)
{
    s->data = data;
    mr__recovery_changed(s, MR_SESSION_DATA, NULL);
}

void *mr_socket_data(const struct mr_socket *s)
{
    return s->data;
}

struct mr_server *mr_socket_server(const struct mr_socket *s)
{
    return s->srv;
}

size_t mr_socket_buffered(const struct mr_socket *s)
{
    return s->session != NULL ? mr__session_q(s->session)->bytes : 0;
}

size_t mr_socket_queued(const struct mr_socket *s)
{
    return s->session != NULL ? mr__session_q(s->session)->n : 0;
}

bool mr_socket_congested(const struct mr_socket *s)
{
    return s->session != NULL && s->session->congested;
}

struct mr_span mr_event_attachment(const struct mr_socket *s, size_t i)
{
    return i < s->n_attachments ? s->attachments[i] : MR_SPAN_NONE;
}

size_t mr_event_attachments(const struct mr_socket *s)
{
    return s->n_attachments;
}

void mr_socket_disconnect(struct mr_socket *s, bool close_transport)
{
    struct mr_session *session = s->session;

    MR_ASSERT_LOOP(s->srv);
    if (s->state == MR_SOCKET_GONE)
        return;
    if (close_transport) {
        for (struct mr_socket *each = session->sockets; each != NULL; each = each->next) {
            if (each->state == MR_SOCKET_CONNECTED)
                (void)mr__socket_send_packet(each, MR_MESSAGE_DISCONNECT, MR_SPAN_NONE);
        }
        mr__session_close(session, "server namespace disconnect", MR_CLOSE_FLUSH);
        return;
    }
    if (s->state == MR_SOCKET_PENDING) {
        mr_connect_refuse(s, "disconnected", MR_SPAN_NONE);
        return;
    }
    (void)mr__socket_send_packet(s, MR_MESSAGE_DISCONNECT, MR_SPAN_NONE);
    mr__nsp_left(session, s->nsp);
    mr__socket_gone(s, "server namespace disconnect");
}

void mr_socket_drop(struct mr_socket *s)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_GONE)
        mr__session_close(s->session, "server shutting down", MR_CLOSE_FLUSH);
}
