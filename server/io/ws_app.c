/* ws_app.c - plain WebSockets: found by path, accepted, kept alive, ended.
 *
 * The handle belongs to the connection until its close callback; what the application keeps beyond
 * that is memory alone. A callback may do anything, also end the WebSocket that it is called for.
 */
#include "io/ws_app.h"

#include "io/cors.h"
#include "io/ws_conn.h"
#include "io/ws_deflate.h"
#include "io/ws_handshake.h"
#include "proto/alloc.h"
#include "proto/utf8.h"

#define METHOD "GET" /* of all routes in the tree */

/* ---- endpoints ----------------------------------------------------------------------------- */

static void fill(struct mr_ws_handlers *on, const struct mr_options *opt)
{
    if (on->message_bytes_max == 0)
        on->message_bytes_max = opt->body_bytes_max;
    if (on->queue_bytes_max == 0)
        on->queue_bytes_max = opt->queue_bytes_max;
    if (on->high_water_bytes == 0)
        on->high_water_bytes = opt->high_water_bytes;
    if (on->low_water_bytes == 0)
        on->low_water_bytes = opt->low_water_bytes;
    if (on->ping_interval_ms == 0)
        on->ping_interval_ms = opt->ping_interval_ms;
    if (on->ping_timeout_ms == 0)
        on->ping_timeout_ms = opt->ping_timeout_ms;
    if (on->idle_timeout_ms == 0)
        on->idle_timeout_ms = UINT32_MAX;
}

int mr_on_websocket(struct mr_server *srv, const char *pattern,
                    const struct mr_ws_handlers *handlers, void *ctx)
{
    struct mr_ws_endpoint *ep = mr_zalloc(1, sizeof(*ep));
    struct mr_route *r;
    int rc;

    MR_ASSERT_LOOP(srv);
    if (ep == NULL)
        return MR_E_NOMEM;
    rc = mr__route_add_to(srv, &srv->ws_routes, METHOD, pattern, &r);
    if (rc != MR_OK) {
        mr_free(ep);
        return rc;
    }
    ep->on = *handlers;
    ep->ctx = ctx;
    fill(&ep->on, &srv->opt);
    ep->next = srv->ws_endpoints;
    srv->ws_endpoints = ep;
    r->ctx = ep;
    return MR_OK;
}

void mr__ws_endpoints_free(struct mr_server *srv)
{
    while (srv->ws_endpoints != NULL) {
        struct mr_ws_endpoint *ep = srv->ws_endpoints;

        srv->ws_endpoints = ep->next;
        mr_free(ep);
    }
}

/* ---- keeping alive ------------------------------------------------------------------------- */

static void tick(struct mr_timer *t);

static void cut_off(struct mr_ws *ws, const char *why)
{
    if (ws->fate == NULL)
        ws->fate = why;
    mr__conn_doom(ws->w->conn);
}

/* The next moment at which silence has a consequence. */
static void set_timer(struct mr_ws *ws, bool pinged)
{
    const struct mr_ws_handlers *on = &ws->ep->on;
    struct mr_conn *c = ws->w->conn;
    uint64_t at = UINT64_MAX;

    if (on->ping_interval_ms != UINT32_MAX)
        at = ws->heard_ms + on->ping_interval_ms + (pinged ? on->ping_timeout_ms : 0);
    if (on->idle_timeout_ms != UINT32_MAX && ws->message_ms + on->idle_timeout_ms < at)
        at = ws->message_ms + on->idle_timeout_ms;
    if (at != UINT64_MAX)
        mr__timer_set(&ws->srv->timers, &c->timer, at, tick);
}

static void tick(struct mr_timer *t)
{
    struct mr_ws *ws = MR_CONTAINER(t, struct mr_conn, timer)->ws->app;
    const struct mr_ws_handlers *on = &ws->ep->on;
    uint64_t now = mr__now(ws->srv), silent = now - ws->heard_ms;
    bool pinged = false;

    if (on->idle_timeout_ms != UINT32_MAX && now - ws->message_ms >= on->idle_timeout_ms) {
        ws->fate = "idle timeout";
        (void)mr_ws_close(ws, MR_WS_GOING_AWAY, mr_span_str(ws->fate));
        return;
    }
    if (on->ping_interval_ms != UINT32_MAX && silent >= on->ping_interval_ms) {
        struct mr_frame *f;

        if (silent >= (uint64_t)on->ping_interval_ms + on->ping_timeout_ms) {
            ws->srv->stats.ping_timeouts++;
            cut_off(ws, "ping timeout");
            return;
        }
        f = mr__frame_make(MR_WS_PING, MR_SPAN_NONE);
        if (f != NULL)
            (void)mr_ws_send_frame(ws, f); /* may cut it off: then a timer does no harm */
        mr_frame_unref(f);
        pinged = true;
    }
    set_timer(ws, pinged);
}

void mr__ws_app_heard(struct mr_ws *ws)
{
    ws->heard_ms = mr__now(ws->srv); /* the timer finds out when it fires */
}

/* ---- accepting ----------------------------------------------------------------------------- */

void mr__ws_app_route(struct mr_http_conn *h, struct mr_span text, const struct mr_http_head *head)
{
    struct mr_server *srv = h->conn->srv;
    struct mr_buf allow = MR_BUF_INIT(256);
    struct mr_route_match m;
    const struct mr_ws_endpoint *ep;
    int rc = mr__route_find_in(srv->ws_routes, MR_SPAN(METHOD), head->path, &m, &allow);
    int status = mr__ws_handshake_check(head);

    mr_buf_free(&allow);
    if (rc != MR_OK) {
        mr__http_refuse(h, rc == MR_E_PROTO ? 400 : 404, "there is no WebSocket here");
    } else if (status == 426) {
        mr__ws_handshake_version(h);
    } else if (status != 0) {
        mr__http_refuse(h, status, "not a WebSocket handshake");
    } else if (!mr__cors_websocket(srv, head)) {
        mr__http_refuse(h, 403, "not for pages of this origin");
    } else if (h->conn->net->n_requests >= srv->opt.http_requests_max || srv->closing) {
        srv->stats.refused++;
        mr__http_refuse(h, 503, "too many requests are waiting");
    } else {
        h->req = mr__http_req_new(h->conn, text, head);
        if (h->req == NULL || mr__http_req_routed(h->req, &m) != MR_OK) {
            mr__http_refuse(h, 503, "out of memory");
            return;
        }
        ep = m.route->ctx;
        h->state = MR_HTTP_BUSY;
        h->req->handed = true;
        h->conn->net->n_requests++;
        h->counted = true;
        if (ep->on.request != NULL)
            ep->on.request(h->req, ep->ctx);
        else
            (void)mr_ws_accept(h->req, NULL, NULL);
    }
}

/* The next of a comma-separated list, without white space; false: no more. */
static bool next_of(struct mr_span *list, struct mr_span *one)
{
    const char *comma;

    if (list->len == 0)
        return false;
    comma = memchr(list->ptr, ',', list->len);
    *one = mr_span_of(list->ptr, comma != NULL ? (size_t)(comma - list->ptr) : list->len);
    *list = comma != NULL ? mr_span_of(comma + 1, list->len - one->len - 1) : MR_SPAN_NONE;
    while (one->len > 0 && (one->ptr[0] == ' ' || one->ptr[0] == '\t'))
        *one = mr_span_of(one->ptr + 1, one->len - 1);
    while (one->len > 0 && (one->ptr[one->len - 1] == ' ' || one->ptr[one->len - 1] == '\t'))
        one->len--;
    return true;
}

bool mr_ws_offers(const struct mr_http_req *req, const char *protocol)
{
    for (size_t i = 0; i < req->n_fields; i++) {
        struct mr_span list = req->fields[i].value, one;

        if (!mr__http_same(req->fields[i].name, "sec-websocket-protocol"))
            continue;
        while (next_of(&list, &one)) {
            if (one.len > 0 && mr_span_is(one, protocol))
                return true;
        }
    }
    return false;
}

/* The 101 is queued; the connection is a WebSocket from here on. */
static struct mr_ws *start(struct mr_http_req *req, const char *protocol, void *data)
{
    struct mr_conn *c = req->conn;
    struct mr_buf b = MR_BUF_INIT(MR_HEAD_BYTES_MAX);
    struct mr_ws *ws = mr_zalloc(1, sizeof(*ws));
    struct mr_ws_codec *codec = NULL;
    bool deflates = mr__ws_deflate_choose(c->srv, req->fields, req->n_fields, &codec);

    mr__ws_handshake_add(&b, mr_http_header(req, "sec-websocket-key"),
                         protocol != NULL ? mr_span_str(protocol) : MR_SPAN_NONE,
                         deflates ? c->srv : NULL, MR_SPAN_NONE);
    if (ws == NULL || mr_buf_err(&b) != MR_OK || mr__ws_start(c, mr_buf_span(&b)) != MR_OK) {
        mr_buf_free(&b);
        mr_free(ws);
        return NULL;
    }
    mr_buf_free(&b);
    ws->refs = 1;
    ws->srv = c->srv;
    ws->ep = req->route->ctx;
    ws->w = c->ws;
    ws->data = data;
    ws->heard_ms = ws->message_ms = mr__now(c->srv);
    memcpy(ws->addr, req->addr, sizeof(ws->addr));
    c->ws->app = ws;
    mr__ws_rx_init(&c->ws->rx, ws->ep->on.message_bytes_max);
    c->ws->rx.codec = codec;
    c->ws->port.deflates = deflates;
    c->srv->stats.websockets++;
    mr__list_add(&c->net->ws_dirty, &ws->dirty);
    set_timer(ws, false);
    return ws;
}

/* Accepted later than in its own turn: what has come meanwhile waits in the connection. */
static void go_on(struct mr_conn *c)
{
    struct mr_buf in = c->http->in;

    mr_buf_init(&c->http->in, 0);
    mr__http_conn_free(c);
    mr__sock_pause(c, false);
    if (in.len > 0)
        mr__ws_read(c, (unsigned char *)in.ptr, in.len);
    mr_buf_free(&in);
}

int mr_ws_accept(struct mr_http_req *req, const char *protocol, void *data)
{
    struct mr_conn *c = req->conn;
    struct mr_server *srv = req->net->srv;
    const struct mr_ws_endpoint *ep = req->route->ctx;
    bool offered = protocol == NULL || mr_ws_offers(req, protocol);
    struct mr_ws *ws;

    MR_ASSERT_LOOP(srv);
    if (c == NULL || !offered || srv->closing) {
        mr_http_reply(req, &(struct mr_http_response){.status = offered ? 503 : 500});
        return offered ? MR_E_CLOSED : MR_E_INVAL;
    }
    ws = start(req, protocol, data);
    if (ws == NULL) {
        mr_http_reply(req, &(struct mr_http_response){.status = 503});
        return MR_E_NOMEM;
    }
    c->http->req = NULL;
    mr__http_uncount(c->http);
    mr__http_req_free(req);
    if (ep->on.open != NULL)
        ep->on.open(ws, ep->ctx);
    if (!c->http->running)
        go_on(c);
    return MR_OK;
}

/* ---- messages ------------------------------------------------------------------------------ */

void mr__ws_app_message(struct mr_ws *ws, enum mr_ws_opcode op, struct mr_span data)
{
    ws->message_ms = ws->heard_ms;
    ws->srv->stats.packets_in++;
    if (ws->ep->on.message != NULL)
        ws->ep->on.message(ws, data, op == MR_WS_BINARY, ws->ep->ctx);
}

bool mr_ws_is_open(const struct mr_ws *ws)
{
    return ws->w != NULL && !ws->w->closing && !ws->w->conn->doomed &&
           ws->w->conn->phase == MR_CONN_WEBSOCKET;
}

int mr_ws_send_frame(struct mr_ws *ws, struct mr_frame *f)
{
    struct mr_outq *q;
    int rc;

    MR_ASSERT_LOOP(ws->srv);
    if (!mr_ws_is_open(ws))
        return MR_E_CLOSED;
    q = &ws->w->port.q;
    if (ws->w->port.deflates)
        f = mr__ws_deflated(ws->srv, f);
    rc = mr__outq_push(q, f, ws->ep->on.queue_bytes_max);
    if (rc == MR_E_TOOBIG) {
        ws->srv->stats.slow_consumers++;
        cut_off(ws, "slow consumer");
        return MR_E_CLOSED;
    }
    if (rc != MR_OK)
        return rc;
    if ((f->opcode & ~MR_WS_RSV1) < MR_WS_CLOSE)
        ws->message_ms = mr__now(ws->srv);
    if (q->bytes > ws->ep->on.high_water_bytes)
        ws->congested = true;
    if (!mr__link_on(&ws->dirty))
        mr__list_add(&ws->w->conn->net->ws_dirty, &ws->dirty);
    return MR_OK;
}

struct mr_frame *mr_ws_frame_new(bool binary, struct mr_span data)
{
    if (!binary && mr_utf8_valid_len(data) != data.len)
        return NULL;
    return mr__frame_make(binary ? MR_WS_BINARY : MR_WS_TEXT, data);
}

static int send_message(struct mr_ws *ws, bool binary, struct mr_span data)
{
    struct mr_frame *f;
    int rc;

    if (!mr_ws_is_open(ws))
        return MR_E_CLOSED;
    if (!binary && mr_utf8_valid_len(data) != data.len)
        return MR_E_INVAL;
    f = mr__frame_make(binary ? MR_WS_BINARY : MR_WS_TEXT, data);
    rc = f != NULL ? mr_ws_send_frame(ws, f) : MR_E_NOMEM;
    mr_frame_unref(f);
    return rc;
}

int mr_ws_send_text(struct mr_ws *ws, struct mr_span text)
{
    return send_message(ws, false, text);
}

int mr_ws_send_binary(struct mr_ws *ws, struct mr_span bytes)
{
    return send_message(ws, true, bytes);
}

void mr__ws_app_flush(struct mr_net *net)
{
    struct mr_link *l;

    while ((l = mr__list_pop(&net->ws_dirty)) != NULL) {
        struct mr_ws *ws = MR_CONTAINER(l, struct mr_ws, dirty);

        ws->w->port.ops->flush(&ws->w->port);
    }
}

void mr__ws_app_sent(struct mr_ws *ws, uint32_t frames, size_t bytes)
{
    ws->srv->stats.packets_out += frames;
    ws->srv->stats.bytes_out += bytes;
}

void mr__ws_app_drained(struct mr_ws *ws)
{
    if (!ws->congested || !mr_ws_is_open(ws) || ws->w->port.q.bytes > ws->ep->on.low_water_bytes)
        return;
    ws->congested = false;
    if (ws->ep->on.drain != NULL)
        ws->ep->on.drain(ws, ws->ep->ctx);
}

/* ---- the end ------------------------------------------------------------------------------- */

int mr_ws_close(struct mr_ws *ws, int code, struct mr_span reason)
{
    char payload[125] = {(char)(code >> 8), (char)code};

    MR_ASSERT_LOOP(ws->srv);
    if (code < 1000 || code > 4999 || reason.len > sizeof(payload) - 2)
        return MR_E_INVAL;
    if (reason.len > 0)
        memcpy(payload + 2, reason.ptr, reason.len);
    if (mr__ws_close_status(mr_span_of(payload, 2 + reason.len)) != code)
        return MR_E_INVAL;
    if (mr_ws_is_open(ws))
        mr__ws_conn_close(ws->w, code, reason);
    return MR_OK;
}

void mr__ws_app_shutdown(struct mr_conn *c)
{
    if (c->ws->app != NULL)
        (void)mr_ws_close(c->ws->app, MR_WS_GOING_AWAY, MR_SPAN_NONE);
}

void mr__ws_app_gone(struct mr_ws *ws, int code, struct mr_span reason)
{
    const struct mr_ws_endpoint *ep = ws->ep;

    mr__link_off(&ws->dirty);
    ws->w->app = NULL;
    if (!ws->w->closing)
        mr__conn_stop_timer(ws->w->conn);
    ws->w = NULL;
    ws->srv->stats.websockets--;
    if (code == 1006 && ws->fate != NULL)
        reason = mr_span_str(ws->fate);
    if (ep->on.close != NULL)
        ep->on.close(ws, code, reason, ep->ctx);
    mr_ws_unref(ws);
}

/* ---- small things -------------------------------------------------------------------------- */

struct mr_ws *mr_ws_ref(struct mr_ws *ws)
{
    ws->refs++;
    return ws;
}

void mr_ws_unref(struct mr_ws *ws)
{
    if (ws != NULL && --ws->refs == 0)
        mr_free(ws);
}

const char *mr_ws_addr(const struct mr_ws *ws)
{
    return ws->addr;
}

void *mr_ws_data(const struct mr_ws *ws)
{
    return ws->data;
}

void mr_ws_set_data(struct mr_ws *ws, void *data)
{
    ws->data = data;
}

struct mr_server *mr_ws_server(const struct mr_ws *ws)
{
    return ws->srv;
}

size_t mr_ws_buffered(const struct mr_ws *ws)
{
    return ws->w != NULL ? ws->w->port.q.bytes : 0;
}

bool mr_ws_congested(const struct mr_ws *ws)
{
    return ws->congested;
}
