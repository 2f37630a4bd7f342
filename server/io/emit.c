/* emit.c - events out: encode once, queue references. Nothing is written here: the end of the turn
 * does that, once for each socket, so no handler ever meets a socket that died half way.
 */
#include "io/namespace.h"

#include "io/ws_frame.h"

static int send_to(struct mr_socket *s, struct mr_frame *f)
{
    return s->state == MR_SOCKET_CONNECTED ? mr__session_send(s->session, f) : MR_E_CLOSED;
}

int mr__socket_deliver(struct mr_socket *s, struct mr_frame *const *frames, size_t n,
                       bool is_volatile)
{
    int rc;

    if (s->state != MR_SOCKET_CONNECTED)
        return MR_E_CLOSED;
    if (is_volatile && !mr__session_writable(s->session)) {
        s->srv->stats.volatile_dropped++;
        return MR_E_AGAIN;
    }
    rc = mr__session_send(s->session, frames[0]);
    for (size_t i = 1; i < n && rc == MR_OK; i++) {
        rc = mr__session_send(s->session, frames[i]);
        if (rc == MR_E_NOMEM) /* half a packet was queued: the stream cannot go on */
            mr__session_doom(s->session, "transport error");
    }
    return rc;
}

int mr_socket_send(struct mr_socket *s, struct mr_frame *f)
{
    MR_ASSERT_LOOP(s->srv);
    return send_to(s, f);
}

int mr_socket_emit(struct mr_socket *s, const char *event, struct mr_span args)
{
    return mr_socket_emit_binary(s, event, args, NULL, 0);
}

/* With recovery on, what one socket gets is sent to its own room, so that it is kept for it. */
static int emit_kept(struct mr_socket *s, struct mr_packet *p)
{
    struct mr_adapter *a = s->nsp->adapter;
    const char *own = s->id;
    int rc = a->ops->broadcast(a, p, &(struct mr_target){.rooms = &own, .n_rooms = 1});

    mr_packet_clear(p);
    if (rc == 0 && s->state == MR_SOCKET_CONNECTED)
        return MR_E_CLOSED;
    return rc < 0 ? rc : MR_OK;
}

int mr_socket_emit_binary(struct mr_socket *s, const char *event, struct mr_span args,
                          const struct mr_span *attachments, size_t n)
{
    struct mr_packet p = {
        .event = event, .args = args, .attachments = attachments, .n_attachments = n, .ack_id = -1};
    int rc;

    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_CONNECTED && !mr_socket_recoverable(s))
        return MR_E_CLOSED;
    if (n > MR_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    if (s->nsp->recovery != NULL)
        return emit_kept(s, &p);
    rc = mr_packet_encode(s->nsp->adapter, &p);
    if (rc == MR_OK)
        rc = mr__socket_deliver(s, p.frames, p.n_frames, false);
    mr_packet_clear(&p);
    return rc;
}
