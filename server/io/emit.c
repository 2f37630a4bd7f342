/* emit.c - events out: encode once, queue references. Nothing is written here: the end of the turn
 * does that, once for each socket, so no handler ever meets a socket that died half way.
 */
#include "io/namespace.h"
#include "io/parser.h"
#include "proto/sio.h"

static int send_to(struct mr_socket *s, struct mr_frame *f)
{
    return s->state == MR_SOCKET_CONNECTED ? mr__session_send(s->session, f) : MR_E_CLOSED;
}

int mr__socket_deliver(struct mr_socket *s, struct mr_frame *const *frames, size_t n,
                       bool is_volatile)
{
    if (s->state != MR_SOCKET_CONNECTED)
        return MR_E_CLOSED;
    if (is_volatile && !mr__session_writable(s->session)) {
        s->srv->stats.volatile_dropped++;
        return MR_E_AGAIN;
    }
    return mr__session_send_all(s->session, frames, n);
}

int mr_socket_send(struct mr_socket *s, struct mr_frame *f)
{
    MR_ASSERT_LOOP(s->srv);
    return send_to(s, f);
}

/* With recovery on, what one socket gets is sent to its own room, so that it is kept for it. */
static int emit_kept(struct mr_socket *s, struct mr_packet *p, unsigned flags)
{
    struct mr_adapter *a = s->nsp->adapter;
    const char *own = s->id;
    int rc =
        a->ops->broadcast(a, p, &(struct mr_target){.rooms = &own, .n_rooms = 1, .flags = flags});

    mr_packet_clear(p);
    if (rc == 0 && s->state == MR_SOCKET_CONNECTED)
        return flags & MR_VOLATILE ? MR_E_AGAIN : MR_E_CLOSED;
    return rc < 0 ? rc : MR_OK;
}

int mr_socket_emit_with(struct mr_socket *s, const char *event, struct mr_span args,
                        const struct mr_how *how)
{
    struct mr_packet p = {.event = event,
                          .args = args,
                          .attachments = how->attachments,
                          .n_attachments = how->n_attachments,
                          .ack_id = -1,
                          .latest = how->latest,
                          .no_compress = how->flags & MR_NO_COMPRESS};
    int rc;

    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_CONNECTED && (how->ack != NULL || !mr_socket_recoverable(s)))
        return MR_E_CLOSED;
    if (p.n_attachments > MR_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    if (mr_sio_reserved(mr_span_str(event)) ||
        (p.latest != NULL && (p.n_attachments > 0 || how->ack != NULL)))
        return MR_E_INVAL;
    if (how->ack != NULL)
        return mr__emit_ack(s, &p, how);
    if (s->nsp->recovery != NULL)
        return emit_kept(s, &p, how->flags);
    mr__listeners_outgoing(s, mr_span_str(event), args);
    rc = mr_packet_encode(s->nsp->adapter, &p);
    if (rc == MR_OK)
        rc = mr__socket_deliver(s, p.frames, p.n_frames, how->flags & MR_VOLATILE);
    mr_packet_clear(&p);
    return rc;
}

int mr_socket_emit(struct mr_socket *s, const char *event, struct mr_span args)
{
    return mr_socket_emit_with(s, event, args, &(struct mr_how){0});
}

int mr_socket_emit_binary(struct mr_socket *s, const char *event, struct mr_span args,
                          const struct mr_span *attachments, size_t n)
{
    return mr_socket_emit_with(s, event, args,
                               &(struct mr_how){.attachments = attachments, .n_attachments = n});
}

int mr_socket_emit_ack(struct mr_socket *s, const char *event, struct mr_span args,
                       uint32_t timeout_ms, mr_ack_fn fn, void *ctx)
{
    return mr_socket_emit_with(
        s, event, args, &(struct mr_how){.ack = fn, .ack_ctx = ctx, .timeout_ms = timeout_ms});
}
