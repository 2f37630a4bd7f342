/* upgrade.c - from polling to WebSocket without losing, repeating or reordering a packet. */
#include "io/upgrade.h"

#include "io/peers.h"

enum mr_eio_error mr__upgrade_verify(struct mr_server *srv, struct mr_exchange *ex,
                                     const char *method, struct mr_span query,
                                     struct mr_session **s)
{
    struct mr_eio_query q;
    enum mr_eio_error error;

    ex->query = query;
    mr__eio_query_parse(query, &q);
    error = mr__eio_verify(srv, ex, method, &q, true, s);
    if (error != MR_EIO_OK)
        return error;
    if (!mr_span_is(q.transport, "websocket"))
        return MR_EIO_BAD_REQUEST;
    if (*s == NULL && srv->draining != NULL) {
        srv->stats.refused++;
        return MR_EIO_FULL;
    }
    if (*s == NULL && srv->n_sessions >= srv->opt.sessions_max) {
        srv->stats.refused++;
        mr__limit_hit(srv, MR_LIMIT_SESSIONS, ex->ops->addr(ex), srv->opt.sessions_max);
        return MR_EIO_FULL;
    }
    if (*s == NULL && !mr__peer_admits(srv, ex->ops->addr(ex)))
        return MR_EIO_FULL;
    return MR_EIO_OK;
}

int mr__ws_push(struct mr_ws_port *port, struct mr_frame *f)
{
    if (port->session != NULL && port->session->ws == port)
        return mr__session_send(port->session, f);
    return mr__outq_push(&port->q, f, SIZE_MAX);
}

static int push_text(struct mr_ws_port *port, struct mr_span text)
{
    struct mr_frame *f = mr__frame_make(MR_WS_TEXT, text);
    int rc = f ? mr__ws_push(port, f) : MR_E_NOMEM;

    mr_frame_unref(f);
    return rc;
}

/* What the port itself still has to send is from now on counted with the session's packets. */
static void count_port(const struct mr_session *s, const struct mr_ws_port *port)
{
    s->srv->stats.queued_packets += port->q.n;
    s->srv->stats.queued_bytes += port->q.bytes;
}

static int open_session(struct mr_server *srv, struct mr_ws_port *port,
                        const struct mr_exchange *ex)
{
    struct mr_session *s = mr__session_new(srv, ex, MR_S_WEBSOCKET);
    struct mr_buf b = MR_BUF_INIT(1024);
    int rc;

    if (s == NULL)
        return MR_E_AGAIN;
    s->ws = port;
    port->session = s;
    count_port(s, port);
    mr__session_open_packet(s, false, &b);
    rc = push_text(port, mr_buf_span(&b));
    mr_buf_free(&b);
    if (rc != MR_OK)
        mr__ws_gone(port, "transport error");
    else
        mr__session_opened(s);
    return rc;
}

static void probe_late(struct mr_timer *t)
{
    struct mr_session *s = MR_CONTAINER(t, struct mr_session, upgrade);

    mr__upgrade_abort(s);
}

int mr__ws_opened(struct mr_server *srv, struct mr_ws_port *port, const struct mr_exchange *ex,
                  struct mr_session *s)
{
    if (s == NULL)
        return open_session(srv, port, ex);
    if (s->state != MR_S_POLLING || s->probe != NULL)
        return MR_E_CONFLICT;
    s->probe = port;
    port->session = s;
    mr__timer_set(&srv->timers, &s->upgrade, mr__now(srv) + s->engine->opt.upgrade_timeout_ms,
                  probe_late);
    return MR_OK;
}

void mr__upgrade_lost(struct mr_session *s)
{
    s->srv->stats.upgrade_failures++;
    mr__timer_stop(&s->srv->timers, &s->upgrade);
    s->probe->session = NULL;
    s->probe = NULL;
    if (s->state == MR_S_PROBING)
        s->state = MR_S_POLLING;
}

void mr__upgrade_abort(struct mr_session *s)
{
    struct mr_ws_port *port = s->probe;

    if (port == NULL)
        return;
    mr__upgrade_lost(s);
    port->ops->close(port, MR_WS_NORMAL);
}

static void upgrade_done(struct mr_session *s)
{
    struct mr_server *srv = s->srv;
    struct mr_ws_port *port = s->probe;

    mr__timer_stop(&srv->timers, &s->upgrade);
    s->probe = NULL;
    count_port(s, port);
    if (mr__outq_move(&port->q, &s->q) != MR_OK)
        mr__session_doom(s, "transport error");
    s->ws = port;
    s->state = MR_S_WEBSOCKET;
    srv->stats.upgrades++;
    srv->stats.polling_sessions--;
    srv->stats.websocket_sessions++;
    mr__polling_client_closes(s); /* a GET that is still held must not hang */
    if (!mr__link_on(&s->dirty))
        mr__list_add(&srv->dirty, &s->dirty);
}

static void probe_text(struct mr_session *s, struct mr_ws_port *port, struct mr_span text)
{
    if (mr_span_is(text, "2probe") && s->state == MR_S_POLLING) {
        if (push_text(port, MR_SPAN("3probe")) != MR_OK) {
            mr__upgrade_abort(s);
            return;
        }
        s->state = MR_S_PROBING;
        port->ops->flush(port);
        mr__polling_release(s);
    } else if (mr_span_is(text, "5") && s->state == MR_S_PROBING) {
        upgrade_done(s);
    } else {
        mr__upgrade_abort(s);
    }
}

void mr__ws_message(struct mr_ws_port *port, enum mr_ws_opcode op, struct mr_span data)
{
    struct mr_session *s = port->session;
    struct mr_eio_packet p;

    if (s == NULL)
        return;
    if (s->probe == port) {
        probe_text(s, port, op == MR_WS_TEXT ? data : MR_SPAN_NONE);
        return;
    }
    if (op == MR_WS_BINARY) {
        mr__session_binary(s, data);
    } else if (mr_eio_decode(data, &p) == MR_OK) {
        mr__session_packet(s, &p);
    } else {
        mr__session_bad(s, "packet");
    }
}
