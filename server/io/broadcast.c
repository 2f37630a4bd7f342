/* broadcast.c - calls to many: checked, made into a packet, handed to the namespace's adapter. */
#include "io/namespace.h"

#include "proto/alloc.h"

struct mr_nsp *mr__nsp_of(struct mr_server *srv, const struct mr_target *to)
{
    if (to->nsp == NULL && to->from != NULL)
        return to->from->nsp;
    return mr__nsp_get(srv, mr_span_str(to->nsp), false);
}

int mr_packet_encode(const struct mr_adapter *a, struct mr_packet *p)
{
    struct mr_buf with_offset = MR_BUF_INIT(SIZE_MAX);
    struct mr_span args = p->args;
    size_t n = 0;

    if (p->n_frames > 0)
        return MR_OK;
    if (p->offset[0] != '\0') {
        mr_buf_addf(&with_offset, MR_SPAN_FMT "%s\"%s\"", MR_SPAN_ARG(args),
                    args.len > 0 ? "," : "", p->offset);
        args = mr_buf_span(&with_offset);
    }
    p->frames[0] = NULL;
    if (mr_buf_err(&with_offset) == MR_OK)
        p->frames[0] = mr__frame_event(mr_span_str(a->nsp->name), p->event, args, p->ack_id,
                                       (unsigned)p->n_attachments);
    mr_buf_free(&with_offset);
    for (; p->frames[n] != NULL && n < p->n_attachments; n++)
        p->frames[n + 1] = mr__frame_make(MR_WS_BINARY, p->attachments[n]);
    p->n_frames = n + 1;
    for (size_t i = 0; i < p->n_frames && p->frames[i] != NULL; i++)
        p->frames[i]->no_compress = p->no_compress;
    if (p->latest != NULL && p->frames[0] != NULL && n == 0)
        p->frames[0]->latest = mr__frame_key(a->nsp->name, p->latest);
    if (p->frames[n] == NULL) {
        mr_packet_clear(p);
        return MR_E_NOMEM;
    }
    return MR_OK;
}

void mr_packet_clear(struct mr_packet *p)
{
    for (size_t i = 0; i < p->n_frames; i++)
        mr_frame_unref(p->frames[i]);
    p->n_frames = 0;
}

/* To each namespace of a family, in turn; a handler of room events may make or empty others. */
static int emit_to_family(const struct mr_nsp *parent, const struct mr_target *to,
                          const char *event, struct mr_span args, const struct mr_span *attachments,
                          size_t n)
{
    struct mr_target each = *to;
    int reached = 0;

    for (struct mr_nsp *c = mr__family_next(parent, NULL); c; c = mr__family_next(parent, c)) {
        int rc;

        each.nsp = c->name;
        rc = mr_emit_binary_to(parent->srv, &each, event, args, attachments, n);
        if (rc < 0)
            return rc;
        reached += rc;
    }
    return reached;
}

int mr_emit_binary_to(struct mr_server *srv, const struct mr_target *to, const char *event,
                      struct mr_span args, const struct mr_span *attachments, size_t n)
{
    struct mr_nsp *nsp = mr__nsp_of(srv, to);
    struct mr_packet p = {.event = event,
                          .args = args,
                          .attachments = attachments,
                          .n_attachments = n,
                          .ack_id = -1,
                          .latest = to->latest,
                          .no_compress = to->flags & MR_NO_COMPRESS};
    int rc;

    MR_ASSERT_LOOP(srv);
    if (mr_sio_reserved(mr_span_str(event)) || (to->latest != NULL && n > 0))
        return MR_E_INVAL;
    if (n > MR_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    if (nsp == NULL)
        return 0;
    if (nsp->family != NULL)
        return emit_to_family(nsp, to, event, args, attachments, n);
    rc = nsp->adapter->ops->broadcast(nsp->adapter, &p, to);
    mr_packet_clear(&p);
    return rc;
}

int mr_emit_to(struct mr_server *srv, const struct mr_target *to, const char *event,
               struct mr_span args)
{
    return mr_emit_binary_to(srv, to, event, args, NULL, 0);
}

int mr_emit(struct mr_server *srv, const char *nsp, const char *room, const char *event,
            struct mr_span args)
{
    const struct mr_target to = {.nsp = nsp, .rooms = &room, .n_rooms = room != NULL};

    return mr_emit_binary_to(srv, &to, event, args, NULL, 0);
}

/* ---- many sockets --------------------------------------------------------------------------- */

static const struct mr_outcome nobody = {.err = MR_OK, .why = ""};

int mr_fetch_sockets(struct mr_server *srv, const struct mr_target *to, mr_fetch_fn fn, void *ctx)
{
    struct mr_nsp *nsp = mr__nsp_of(srv, to);

    MR_ASSERT_LOOP(srv);
    if (nsp != NULL && nsp->family != NULL)
        return MR_E_INVAL;
    if (nsp != NULL)
        return nsp->adapter->ops->fetch_sockets(nsp->adapter, to, fn, ctx);
    fn(&nobody, NULL, 0, ctx);
    return MR_OK;
}

struct mr_span mr_remote_header(const struct mr_remote *r, const char *name)
{
    if (r->socket != NULL)
        return mr_socket_header(r->socket, name);
    for (size_t i = 0; i < r->n_headers; i++) {
        if (strcmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    }
    return MR_SPAN_NONE;
}

int mr_fetch_ids(struct mr_server *srv, const struct mr_target *to, mr_ids_fn fn, void *ctx)
{
    struct mr_nsp *nsp = mr__nsp_of(srv, to);

    MR_ASSERT_LOOP(srv);
    if (nsp != NULL && nsp->family != NULL)
        return MR_E_INVAL;
    if (nsp != NULL)
        return nsp->adapter->ops->sockets(nsp->adapter, to, fn, ctx);
    fn(&nobody, NULL, 0, ctx);
    return MR_OK;
}

enum { JOIN, LEAVE, DISCONNECT };

/* The same for one namespace, or all of a family. */
static int to_sockets(struct mr_server *srv, const struct mr_target *to, int what,
                      const char *const *rooms, size_t n, bool close)
{
    struct mr_nsp *nsp = mr__nsp_of(srv, to);
    struct mr_adapter *a = nsp != NULL ? nsp->adapter : NULL;
    struct mr_target each = *to;
    int rc = MR_OK;

    MR_ASSERT_LOOP(srv);
    if (nsp == NULL)
        return MR_OK;
    if (nsp->family == NULL)
        return what == JOIN    ? a->ops->add_sockets(a, to, rooms, n)
               : what == LEAVE ? a->ops->del_sockets(a, to, rooms, n)
                               : a->ops->disconnect_sockets(a, to, close);
    for (struct mr_nsp *c = mr__family_next(nsp, NULL); c && rc == MR_OK;
         c = mr__family_next(nsp, c)) {
        each.nsp = c->name;
        rc = to_sockets(srv, &each, what, rooms, n, close);
    }
    return rc;
}

int mr_sockets_join(struct mr_server *srv, const struct mr_target *to, const char *const *rooms,
                    size_t n)
{
    return to_sockets(srv, to, JOIN, rooms, n, false);
}

int mr_sockets_leave(struct mr_server *srv, const struct mr_target *to, const char *const *rooms,
                     size_t n)
{
    return to_sockets(srv, to, LEAVE, rooms, n, false);
}

int mr_disconnect_sockets(struct mr_server *srv, const struct mr_target *to, bool close)
{
    return to_sockets(srv, to, DISCONNECT, NULL, 0, close);
}
