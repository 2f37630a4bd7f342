/* broadcast.c - calls to many: checked, made into a packet, handed to the namespace's adapter. */
#include "io/namespace.h"
#include "io/parser.h"
#include "io/sized.h"

#include "proto/alloc.h"
#include "proto/json.h"
#include "proto/sio.h"

struct mr_nsp *mr__nsp_of(struct mr_server *srv, const struct mr_target *to)
{
    if (to->nsp == NULL && to->from != NULL)
        return to->from->nsp;
    return mr__nsp_get(srv, mr_span_str(to->nsp), false);
}

int mr_packet_encode(const struct mr_adapter *a, struct mr_packet *p)
{
    struct mr_message m = {.type = MR_MESSAGE_EVENT,
                           .nsp = mr_span_str(a->nsp->name),
                           .ack_id = p->ack_id,
                           .data = p->args,
                           .attachments = p->attachments,
                           .n_attachments = p->n_attachments};
    struct mr_buf name = MR_BUF_INIT(SIZE_MAX), with_offset = MR_BUF_INIT(SIZE_MAX);
    int rc;

    if (p->n_frames > 0)
        return MR_OK;
    mr_json_add_string(&name, mr_span_str(p->event));
    m.event = mr_buf_span(&name);
    if (p->offset[0] != '\0') {
        mr_buf_addf(&with_offset, MR_SPAN_FMT "%s\"%s\"", MR_SPAN_ARG(p->args),
                    p->args.len > 0 ? "," : "", p->offset);
        m.data = mr_buf_span(&with_offset);
    }
    rc = mr_buf_err(&name);
    if (rc == MR_OK)
        rc = mr_buf_err(&with_offset);
    if (rc == MR_OK)
        rc = mr__encode(a->nsp->srv, &m, p->frames, &p->n_frames);
    mr_buf_free(&name);
    mr_buf_free(&with_offset);
    for (size_t i = 0; rc == MR_OK && i < p->n_frames; i++)
        p->frames[i]->no_compress = p->no_compress;
    if (rc == MR_OK && p->latest != NULL && p->n_frames == 1)
        p->frames[0]->latest = mr__frame_key(a->nsp->name, p->latest);
    return rc;
}

void mr_packet_clear(struct mr_packet *p)
{
    mr__frames_unref(p->frames, p->n_frames);
    p->n_frames = 0;
}

struct mr_frame *mr_frame_new(struct mr_server *srv, const char *nsp, const char *event,
                              struct mr_span args)
{
    struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), false);
    struct mr_packet p = {.event = event, .args = args, .ack_id = -1};
    struct mr_frame *f = NULL;

    MR_ASSERT_LOOP(srv);
    if (n == NULL || mr_packet_encode(n->adapter, &p) != MR_OK)
        return NULL;
    if (p.n_frames == 1)
        f = mr_frame_ref(p.frames[0]);
    mr_packet_clear(&p);
    return f;
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

static void count_queue(struct mr_socket *s, void *ctx)
{
    struct mr_queued *sum = ctx;
    uint64_t bytes = mr_socket_buffered(s);

    if (s->state != MR_SOCKET_CONNECTED)
        return;
    sum->sockets++;
    sum->packets += mr_socket_queued(s);
    sum->bytes += bytes;
    sum->bytes_longest = bytes > sum->bytes_longest ? bytes : sum->bytes_longest;
    sum->congested += mr_socket_congested(s);
}

void mr_queued_sized(struct mr_server *srv, const struct mr_target *to, struct mr_queued *out,
                     size_t out_size)
{
    struct mr_nsp *nsp = mr__nsp_of(srv, to);
    struct mr_queued sum = {0};

    MR_ASSERT_LOOP(srv);
    if (nsp != NULL && nsp->family == NULL)
        nsp->adapter->ops->each(nsp->adapter, to, count_queue, &sum);
    for (struct mr_nsp *c = nsp && nsp->family ? mr__family_next(nsp, NULL) : NULL; c != NULL;
         c = mr__family_next(nsp, c))
        c->adapter->ops->each(c->adapter, to, count_queue, &sum);
    mr__sized_out(out, out_size, &sum, sizeof(sum));
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
