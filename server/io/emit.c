/* emit.c - events out: encode once, queue references. Nothing is written here: the end of the turn
 * does that, once for each socket, so no handler ever meets a socket that died half way.
 */
#include "io/namespace.h"

#include "io/ws_frame.h"

static int send_to(struct mr_socket *s, struct mr_frame *f)
{
    return s->state == MR_SOCKET_CONNECTED ? mr__session_send(s->session, f) : MR_E_CLOSED;
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

int mr_socket_emit_binary(struct mr_socket *s, const char *event, struct mr_span args,
                          const struct mr_span *attachments, size_t n)
{
    struct mr_frame *f;
    int rc;

    MR_ASSERT_LOOP(s->srv);
    if (s->state != MR_SOCKET_CONNECTED)
        return MR_E_CLOSED;
    if (n > MR_SIO_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    f = mr__frame_event(mr_span_str(s->nsp->name), event, args, -1, (unsigned)n);
    rc = f ? send_to(s, f) : MR_E_NOMEM;
    mr_frame_unref(f);
    for (size_t i = 0; rc == MR_OK && i < n; i++) {
        f = mr__frame_make(MR_WS_BINARY, attachments[i]);
        rc = f ? send_to(s, f) : MR_E_NOMEM;
        mr_frame_unref(f);
        if (rc == MR_E_NOMEM) /* half a packet was queued: the stream cannot go on */
            mr__session_doom(s->session, "transport error");
    }
    return rc;
}

int mr_emit(struct mr_server *srv, const char *nsp, const char *room, const char *event,
            struct mr_span args)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), false);
    struct mr_room *r = n && room ? mr__room_find(n, room) : NULL;
    struct mr_frame *f;
    int queued = 0;

    MR_ASSERT_LOOP(srv);
    if (n == NULL || (room != NULL && r == NULL))
        return 0; /* nobody is there: nothing to encode */
    f = mr__frame_event(mr_span_str(n->name), event, args, -1, 0);
    if (f == NULL)
        return MR_E_NOMEM;
    if (r != NULL) {
        for (size_t i = 0; i < r->n; i++)
            queued += send_to(r->members[i]->socket, f) == MR_OK;
    } else {
        for (size_t i = 0; i < n->n_members; i++)
            queued += send_to(n->members[i], f) == MR_OK;
    }
    mr_frame_unref(f);
    return queued;
}
