/* parser.c - whatever the parser makes of a packet becomes frames, and stays together. */
#include "io/parser.h"

#include "io/frame.h"
#include "proto/sio.h"

_Static_assert(MR_MESSAGE_FRAMES_MAX == 1 + MR_SIO_ATTACHMENTS_MAX, "a text and its attachments");
_Static_assert((int)MR_MESSAGE_CONNECT == (int)MR_SIO_CONNECT &&
                   (int)MR_MESSAGE_DISCONNECT == (int)MR_SIO_DISCONNECT &&
                   (int)MR_MESSAGE_EVENT == (int)MR_SIO_EVENT &&
                   (int)MR_MESSAGE_ACK == (int)MR_SIO_ACK &&
                   (int)MR_MESSAGE_CONNECT_ERROR == (int)MR_SIO_CONNECT_ERROR,
               "the digits of the protocol");

int mr_use_parser(struct mr_server *srv, const struct mr_parser_ops *ops, void *arg)
{
    MR_ASSERT_LOOP(srv);
    if (srv->n_sessions > 0)
        return MR_E_CONFLICT;
    srv->parser = ops;
    srv->parser_arg = arg;
    return MR_OK;
}

struct gathering {
    struct mr_frame **frames;
    size_t n;
};

static int gather(void *ctx, bool binary, struct mr_span bytes)
{
    struct gathering *g = ctx;

    if (g->n == MR_MESSAGE_FRAMES_MAX)
        return MR_E_TOOBIG;
    g->frames[g->n] = mr__frame_message(binary, bytes);
    if (g->frames[g->n] == NULL)
        return MR_E_NOMEM;
    g->n++;
    return MR_OK;
}

int mr__encode(const struct mr_server *srv, const struct mr_message *m,
               struct mr_frame *frames[MR_MESSAGE_FRAMES_MAX], size_t *n)
{
    struct gathering g = {.frames = frames};
    int rc = srv->parser->encode(srv->parser_arg, m, gather, &g);

    if (rc == MR_OK && g.n == 0)
        rc = MR_E_INVAL;
    if (rc != MR_OK)
        mr__frames_unref(frames, g.n);
    *n = rc == MR_OK ? g.n : 0;
    return rc;
}

void mr__frames_unref(struct mr_frame *const *frames, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mr_frame_unref(frames[i]);
}

int mr__session_send_all(struct mr_session *s, struct mr_frame *const *frames, size_t n)
{
    int rc = mr__session_send(s, frames[0]);

    for (size_t i = 1; i < n && rc == MR_OK; i++) {
        rc = mr__session_send(s, frames[i]);
        if (rc == MR_E_NOMEM) /* half a packet was queued: the stream cannot go on */
            mr__session_doom(s, "transport error");
    }
    return rc;
}

int mr__session_send_message(struct mr_session *s, const struct mr_message *m)
{
    struct mr_frame *frames[MR_MESSAGE_FRAMES_MAX];
    size_t n;
    int rc = mr__encode(s->srv, m, frames, &n);

    if (rc != MR_OK)
        return rc;
    rc = mr__session_send_all(s, frames, n);
    mr__frames_unref(frames, n);
    return rc;
}

int mr__decode(struct mr_session *s, bool binary, struct mr_span bytes, mr_parser_in_fn take)
{
    const struct mr_parser_limits limits = {.message_bytes = s->engine->opt.body_bytes_max,
                                            .attachments = s->srv->opt.attachments_max};

    return s->srv->parser->decode(s->srv->parser_arg, &s->parsing, binary, bytes, &limits, take, s);
}

void mr__decode_end(struct mr_session *s)
{
    if (s->parsing != NULL)
        s->srv->parser->end(s->srv->parser_arg, s->parsing);
    s->parsing = NULL;
}
