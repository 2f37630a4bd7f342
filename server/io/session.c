/* session.c - the state machine drawn in session.h: opening, packets in, frames out, closing. */
#include "io/session.h"

#include "base/log.h"
#include "io/peers.h"
#include "io/polling.h"
#include "io/upgrade.h"
#include "io/ws_deflate.h"
#include "proto/alloc.h"
#include "proto/b64.h"

#define TIMERS 3 /* beat, guard, upgrade */

/* ---- opening ------------------------------------------------------------------------------- */

/* Nobody has connected to a namespace in time. */
static void connect_late(struct mr_timer *t)
{
    struct mr_session *s = MR_CONTAINER(t, struct mr_session, guard);

    if (s->engine->ops->any(s))
        return;
    mr__limit_hit(s->srv, MR_LIMIT_CONNECT_TIMEOUT, s->hs->addr, s->srv->opt.connect_timeout_ms);
    if (mr__session_is_open(s))
        mr__session_close(s, "transport close", MR_CLOSE_NOW);
}

struct mr_session *mr__session_new(struct mr_server *srv, const struct mr_exchange *ex,
                                   enum mr_session_state state)
{
    struct mr_session *s;

    if (srv->n_sessions >= srv->opt.sessions_max || srv->closing || srv->draining != NULL) {
        srv->stats.refused++;
        if (!srv->closing && srv->draining == NULL)
            mr__limit_hit(srv, MR_LIMIT_SESSIONS, ex->ops->addr(ex), srv->opt.sessions_max);
        return NULL;
    }
    if (!mr__peer_admits(srv, ex->ops->addr(ex)))
        return NULL;
    s = mr_zalloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->hs = mr__handshake_new(srv, ex);
    if (s->hs != NULL)
        s->peer = mr__peer_enter(srv, s->hs->addr);
    if (s->hs == NULL || s->peer == NULL || mr__timers_reserve(&srv->timers, TIMERS) != MR_OK)
        goto fail;
    mr__sid_make(&srv->sids, s->sid);
    s->node.name = mr_span_of(s->sid, MR_SID_LEN);
    if (mr__table_put(&srv->sessions, &s->node) != MR_OK) {
        mr__timers_release(&srv->timers, TIMERS);
        goto fail;
    }
    s->srv = srv;
    s->engine = mr__engine_of(srv, ex);
    s->state = state;
    srv->n_sessions++;
    srv->stats.sessions++;
    srv->stats.sessions_total++;
    if (state == MR_S_WEBSOCKET)
        srv->stats.websocket_sessions++;
    else
        srv->stats.polling_sessions++;
    mr__heartbeat_start(s);
    if (s->engine->ops->any != NULL)
        mr__timer_set(&srv->timers, &s->guard, mr__now(srv) + srv->opt.connect_timeout_ms,
                      connect_late);
    return s;
fail:
    mr__peer_leave(srv, s->peer);
    mr__handshake_unref(s->hs);
    mr_free(s);
    return NULL;
}

void mr__session_opened(struct mr_session *s)
{
    if (s->engine->ops->open == NULL || !mr__session_is_open(s))
        return;
    if (s->engine->ops->open(s) != MR_OK)
        mr__session_doom(s, "transport error");
}

struct mr_session *mr__session_find(struct mr_server *srv, struct mr_span sid)
{
    struct mr_node *node = mr__table_find(&srv->sessions, sid);

    return node ? MR_CONTAINER(node, struct mr_session, node) : NULL;
}

void mr__session_open_packet(const struct mr_session *s, bool can_upgrade, struct mr_buf *out)
{
    const struct mr_engine_options *opt = &s->engine->opt;

    mr_eio_add_open(out, mr_span_of(s->sid, MR_SID_LEN), can_upgrade, opt->ping_interval_ms,
                    opt->ping_timeout_ms, opt->body_bytes_max);
}

bool mr__session_is_open(const struct mr_session *s)
{
    return s->state < MR_S_CLOSING;
}

/* ---- packets in ---------------------------------------------------------------------------- */

void mr__session_broke(struct mr_session *s, const char *what, const char *reason)
{
    LOG_DEBUG("session_bad_input", F_STR("what", what), F_STR("peer", s->hs->addr));
    s->srv->stats.parse_errors++;
    mr__session_close(s, reason, MR_CLOSE_NOW);
}

void mr__session_bad(struct mr_session *s, const char *what)
{
    mr__session_broke(s, what, "parse error");
}

static void too_fast(struct mr_session *s, enum mr_limit limit, uint64_t max)
{
    mr__limit_hit(s->srv, limit, s->hs->addr, max);
    s->too_fast = true;
    mr__session_close(s, "rate limit", MR_CLOSE_NOW);
}

/* One packet of these many bytes more; false: it was one too many, and the session is closed. */
static bool in_time(struct mr_session *s, size_t bytes)
{
    const struct mr_options *opt = &s->srv->opt;

    if (!mr__rate_take(s->srv, &s->packets_at, opt->packets_in_per_s, opt->packets_in_burst, 1))
        too_fast(s, MR_LIMIT_PACKETS, opt->packets_in_per_s);
    else if (!mr__rate_take(s->srv, &s->bytes_at, opt->bytes_in_per_s, opt->bytes_in_burst, bytes))
        too_fast(s, MR_LIMIT_BYTES, opt->bytes_in_per_s);
    return !s->too_fast;
}

static struct mr_traffic *traffic(struct mr_session *s)
{
    return s->ws != NULL ? &s->srv->stats.websocket : &s->srv->stats.polling;
}

static void came_in(struct mr_session *s, size_t bytes)
{
    s->srv->stats.packets_in++;
    traffic(s)->packets_in++;
    traffic(s)->bytes_in += bytes;
}

static void take_base64(struct mr_session *s, struct mr_span text)
{
    struct mr_buf raw = MR_BUF_INIT(s->engine->opt.body_bytes_max);

    if (mr_b64_read(text, &raw) == MR_OK)
        s->engine->ops->binary(s, mr_buf_span(&raw));
    else
        mr__session_bad(s, "base64");
    mr_buf_free(&raw);
}

void mr__session_packet(struct mr_session *s, const struct mr_eio_packet *p)
{
    if (!mr__session_is_open(s))
        return;
    came_in(s, p->data.len + 1);
    if (!in_time(s, p->data.len + 1))
        return;
    if (p->binary) {
        take_base64(s, p->data);
        return;
    }
    switch (p->type) {
    case MR_EIO_MESSAGE:
        s->engine->ops->text(s, p->data);
        break;
    case MR_EIO_PONG:
        mr__heartbeat_pong(s);
        break;
    case MR_EIO_CLOSE:
        mr__polling_client_closes(s);
        mr__session_close(s, "transport close", MR_CLOSE_NOW);
        break;
    case MR_EIO_NOOP:
        break;
    case MR_EIO_OPEN: /* only a server opens, and in this version only a server pings */
    case MR_EIO_PING:
    case MR_EIO_UPGRADE:
        mr__session_bad(s, "packet type");
        break;
    }
}

void mr__session_binary(struct mr_session *s, struct mr_span bytes)
{
    if (!mr__session_is_open(s))
        return;
    came_in(s, bytes.len);
    if (in_time(s, bytes.len))
        s->engine->ops->binary(s, bytes);
}

/* ---- frames out ---------------------------------------------------------------------------- */

struct mr_outq *mr__session_q(struct mr_session *s)
{
    return s->ws != NULL ? &s->ws->q : &s->q;
}

bool mr__session_writable(struct mr_session *s)
{
    return mr__session_q(s)->n == 0 && (s->ws != NULL || s->get != NULL);
}

/* A newer packet of the same key comes: the one that still waits is not worth sending any more. */
static void make_way(struct mr_session *s, struct mr_outq *q, uint64_t key)
{
    size_t bytes = mr__outq_drop_latest(q, key);

    if (bytes == 0)
        return;
    s->srv->stats.queued_packets--;
    s->srv->stats.queued_bytes -= bytes;
    s->srv->stats.latest_replaced++;
}

int mr__session_send(struct mr_session *s, struct mr_frame *f)
{
    struct mr_server *srv = s->srv;
    struct mr_outq *q = mr__session_q(s);
    int rc;

    if (!mr__session_is_open(s) || s->doom_reason != NULL)
        return MR_E_CLOSED;
    if (f->latest != 0 && q->n > 0)
        make_way(s, q, f->latest);
    if (s->ws != NULL && s->ws->deflates)
        f = mr__ws_deflated(srv, f);
    rc = mr__outq_push(q, f, srv->opt.queue_bytes_max);
    if (rc == MR_E_TOOBIG) {
        srv->stats.slow_consumers++;
        mr__limit_hit(srv, MR_LIMIT_QUEUE, s->hs->addr, srv->opt.queue_bytes_max);
        mr__session_doom(s, "slow consumer");
        return MR_E_CLOSED;
    }
    if (rc != MR_OK)
        return rc;
    srv->stats.queued_packets++;
    srv->stats.queued_bytes += mr_frame_bytes(f);
    if (q->bytes > srv->opt.high_water_bytes)
        s->congested = true;
    if (!mr__link_on(&s->dirty))
        mr__list_add(&srv->dirty, &s->dirty);
    return MR_OK;
}

void mr__session_sent(struct mr_session *s, uint32_t packets, size_t bytes)
{
    struct mr_server *srv = s->srv;

    srv->stats.queued_packets -= packets;
    srv->stats.queued_bytes -= bytes;
    srv->stats.packets_out += packets;
    srv->stats.bytes_out += bytes;
    traffic(s)->packets_out += packets;
    traffic(s)->bytes_out += bytes;
    if (s->congested && mr__session_q(s)->bytes <= srv->opt.low_water_bytes &&
        !mr__link_on(&s->drain))
        mr__list_add(&srv->drained, &s->drain);
}

void mr__session_flush(struct mr_session *s)
{
    if (s->ws != NULL)
        s->ws->ops->flush(s->ws);
    else if (s->get != NULL && s->q.n > 0)
        mr__polling_answer(s);
}

void mr__session_drained(struct mr_session *s)
{
    if (!mr__session_is_open(s) || mr__session_q(s)->bytes > s->srv->opt.low_water_bytes)
        return; /* it filled up again before we came: still congested */
    s->congested = false;
    s->engine->ops->drained(s);
}

/* ---- closing ------------------------------------------------------------------------------- */

/* What is queued will never leave. */
static void drop_queue(struct mr_session *s, struct mr_outq *q)
{
    s->srv->stats.queued_packets -= q->n;
    s->srv->stats.queued_bytes -= q->bytes;
    mr__outq_clear(q);
}

void mr__session_closed(struct mr_session *s)
{
    struct mr_server *srv = s->srv;

    if (s->state == MR_S_CLOSED)
        return;
    s->state = MR_S_CLOSED;
    mr__timer_stop(&srv->timers, &s->guard);
    mr__table_del(&srv->sessions, &s->node);
    drop_queue(s, &s->q);
    srv->stats.sessions--;
    mr__link_off(&s->dirty);
    mr__link_off(&s->drain);
    mr__link_off(&s->fate);
    mr__list_add(&srv->reaped, &s->fate);
    if (s->post != NULL)
        s->post->session = NULL; /* its body will find nobody: Session ID unknown */
    s->post = NULL;
}

static void last_get_late(struct mr_timer *t)
{
    mr__session_closed(MR_CONTAINER(t, struct mr_session, guard));
}

static void close_ws(struct mr_session *s, enum mr_close_how how)
{
    struct mr_ws_port *port = s->ws;

    s->ws = NULL;
    if (port != NULL) {
        /* The port's queue is no longer ours to count. */
        s->srv->stats.queued_packets -= port->q.n;
        s->srv->stats.queued_bytes -= port->q.bytes;
        port->session = NULL;
        if (how == MR_CLOSE_KILL)
            port->ops->kill(port);
        else
            port->ops->close(port, s->too_fast ? 1008 : s->srv->closing ? 1001 : 1000);
    }
    mr__session_closed(s);
}

void mr__session_close(struct mr_session *s, const char *reason, enum mr_close_how how)
{
    struct mr_server *srv = s->srv;
    bool over_ws = s->state == MR_S_WEBSOCKET;

    if (!mr__session_is_open(s)) {
        if (s->state == MR_S_CLOSING && how != MR_CLOSE_FLUSH)
            mr__session_closed(s);
        return;
    }
    if (how == MR_CLOSE_FLUSH)
        s->engine->ops->leave_all(
            s, reason); /* while it is open: what the handlers still send, leaves */
    if (!mr__session_is_open(s))
        return;
    s->state = MR_S_CLOSING;
    mr__timer_stop(&srv->timers, &s->beat);
    mr__timer_stop(&srv->timers, &s->guard);
    mr__upgrade_abort(s);
    s->engine->ops->leave_all(s, reason);
    if (over_ws)
        srv->stats.websocket_sessions--;
    else
        srv->stats.polling_sessions--;
    if (over_ws) {
        close_ws(s, how);
        return;
    }
    if (how != MR_CLOSE_FLUSH)
        drop_queue(s, &s->q);
    if (s->get != NULL)
        mr__polling_answer(s);
    else if (how != MR_CLOSE_FLUSH)
        mr__session_closed(s);
    else
        mr__timer_set(&srv->timers, &s->guard, mr__now(srv) + MR_CLOSE_WAIT_MS, last_get_late);
}

void mr__session_doom(struct mr_session *s, const char *reason)
{
    if (!mr__session_is_open(s) || s->doom_reason != NULL)
        return;
    s->doom_reason = reason;
    mr__list_add(&s->srv->doomed, &s->fate);
}

void mr__exchange_gone(struct mr_exchange *ex)
{
    struct mr_session *s = ex->session;

    ex->session = NULL;
    if (s == NULL)
        return;
    if (s->get == ex)
        s->get = NULL;
    if (s->post == ex)
        s->post = NULL;
    mr__session_close(s, "transport error", MR_CLOSE_NOW);
}

void mr__ws_gone(struct mr_ws_port *port, const char *reason)
{
    struct mr_session *s = port->session;

    if (s == NULL)
        return;
    if (s->probe == port) {
        mr__upgrade_lost(s);
        return;
    }
    s->srv->stats.queued_packets -= port->q.n;
    s->srv->stats.queued_bytes -= port->q.bytes;
    port->session = NULL;
    s->ws = NULL;
    mr__session_close(s, reason, MR_CLOSE_KILL);
}

void mr__session_free(struct mr_session *s)
{
    s->engine->ops->forget(s);
    mr__outq_clear(&s->q);
    mr__peer_leave(s->srv, s->peer);
    mr__handshake_unref(s->hs);
    mr__timers_release(&s->srv->timers, TIMERS);
    s->srv->n_sessions--;
    mr_free(s);
}
