/* http_route.c - where a request goes: the polling transport, a WebSocket, the application; and how
 * one is refused.
 */
#include "io/http_conn.h"

#include "io/client_bundle.h"
#include "io/cors.h"
#include "io/http_coding.h"
#include "io/peers.h"
#include "io/polling.h"
#include "io/proxies.h"
#include "io/ws_app.h"
#include "io/ws_conn.h"
#include "io/ws_deflate.h"
#include "io/ws_handshake.h"
#include "proto/alloc.h"
#include "proto/json.h"

/* ---- refusing ------------------------------------------------------------------------------ */

static void refuse(struct mr_http_conn *h, int status, const char *why, const char *more)
{
    struct mr_server *srv = h->conn->srv;
    struct mr_http_response res = {.status = status};
    struct mr_buf lines = MR_BUF_INIT(MR_HEAD_BYTES_MAX), body = MR_BUF_INIT(1024);
    struct mr_span path = h->req ? h->req->path : h->head ? h->head->path : MR_SPAN_NONE;

    srv->stats.http_bad_requests++;
    if (srv->error_fn != NULL) {
        srv->error_fn(status, why, path, &res, srv->error_ctx);
        mr__http_add_headers(&lines, res.headers, res.n_headers);
    } else {
        mr_buf_add_str(&body, "{\"code\":3,\"message\":");
        mr_json_add_string(&body, mr_span_str(why));
        mr_buf_add_char(&body, '}');
        mr_buf_add_str(&lines, "Content-Type: application/json\r\n");
        if (mr__engine_at(srv, path) != NULL && status == 413) {
            mr_buf_clear(&body); /* as the reference server: its clients' tests look at it */
            mr_buf_clear(&lines);
        } else if (mr__engine_at(srv, path) == NULL) {
            mr_buf_clear(&body);
            mr_buf_addf(&body, "%s\n", why);
            mr_buf_clear(&lines);
            mr_buf_add_str(&lines, "Content-Type: text/plain; charset=UTF-8\r\n");
        }
        res.body = mr_buf_span(&body);
    }
    if (status == 503)
        mr_buf_add_str(&lines, "Retry-After: 1\r\n");
    mr_buf_add_str(&lines, more);
    if (h->ex.session != NULL)
        mr__polling_body_refused(&h->ex);
    /* A body of the application's own is copied at once: it borrows it only until its next call. */
    mr__http_respond(h, status, mr_buf_span(&lines), res.body, NULL, NULL);
    if (srv->error_fn != NULL && res.body_free != NULL)
        res.body_free(res.body_ctx);
    mr__http_req_free(h->req);
    h->req = NULL;
    mr_buf_free(&lines);
    mr_buf_free(&body);
}

void mr__http_refuse(struct mr_http_conn *h, int status, const char *why)
{
    h->keep_alive = false; /* where the next request would begin is not known */
    refuse(h, status, why, "");
}

void mr__http_decline(struct mr_http_conn *h, int status, const char *why, const char *lines)
{
    if (h->head == NULL || h->head->length > 0 || h->head->chunked)
        h->keep_alive = false;
    refuse(h, status, why, lines);
}

void mr__http_too_large(struct mr_http_conn *h, size_t max)
{
    if (h->ex.session != NULL)
        mr__limit_hit(h->conn->srv, MR_LIMIT_MESSAGE, h->ex.ops->addr(&h->ex), max);
    mr__http_refuse(h, 413, "request body too large");
}

/* ---- the polling transport ----------------------------------------------------------------- */

static struct mr_http_conn *of_exchange(const struct mr_exchange *ex)
{
    return MR_CONTAINER(ex, struct mr_http_conn, ex);
}

static void reply(struct mr_exchange *ex, const struct mr_reply *r)
{
    struct mr_buf lines = MR_BUF_INIT(4096);

    if (r->content_type != NULL)
        mr_buf_addf(&lines, "Content-Type: %s\r\n", r->content_type);
    mr_buf_add_str(&lines, "Cache-Control: no-store\r\n");
    if (r->extra != NULL)
        mr_buf_add_str(&lines, r->extra);
    mr__http_respond(of_exchange(ex), r->status, mr_buf_span(&lines), r->body, NULL, NULL);
    mr_buf_free(&lines);
}

static struct mr_span header(const struct mr_exchange *ex, const char *name)
{
    const struct mr_http_head *head = of_exchange(ex)->head;

    return head != NULL ? mr__http_field(head, name) : MR_SPAN_NONE;
}

static const char *addr(const struct mr_exchange *ex)
{
    const struct mr_http_conn *h = of_exchange(ex);

    return h->client[0] != '\0' ? h->client : h->conn->addr;
}

static bool secure(const struct mr_exchange *ex)
{
    return of_exchange(ex)->conn->tls != NULL;
}

static int add_line(struct mr_exchange *ex, struct mr_span lines)
{
    struct mr_http_conn *h = of_exchange(ex);

    mr_buf_add_span(&h->added, lines);
    return mr_buf_err(&h->added);
}

/* ---- handshakes that are decided later ----------------------------------------------------- */

/* The head is still there: whoever asks is being routed. */
static int keep(struct mr_exchange *ex)
{
    struct mr_http_conn *h = of_exchange(ex);

    mr_buf_clear(&h->kept);
    mr_buf_add_span(&h->kept, h->head_text);
    return mr_buf_err(&h->kept);
}

static void undecided(struct mr_timer *t)
{
    mr__conn_doom(MR_CONTAINER(t, struct mr_conn, timer));
}

static void wait_for_verdict(struct mr_http_conn *h)
{
    h->state = MR_HTTP_BUSY;
    mr__conn_set_timer(h->conn, h->conn->srv->opt.connect_timeout_ms, undecided);
}

static void again(struct mr_exchange *ex)
{
    struct mr_http_conn *h = of_exchange(ex);
    struct mr_conn *c = h->conn;
    struct mr_buf kept = h->kept;
    struct mr_http_head head;
    const char *why;

    if (c->phase != MR_CONN_HTTP || c->doomed)
        return;
    mr_buf_init(&h->kept, MR_HEAD_BYTES_MAX);
    mr__conn_stop_timer(c);
    if (mr__http_head_parse(mr_buf_span(&kept), &head, &why) != 0)
        mr__conn_doom(c); /* it was understood the first time */
    else
        mr__http_route(h, mr_buf_span(&kept), &head);
    mr_buf_free(&kept);
    if (c->phase == MR_CONN_WEBSOCKET)
        mr__http_upgraded(c, mr_buf_span(&h->in));
}

const struct mr_exchange_ops mr__http_exchange_ops = {.reply = reply,
                                                      .header = header,
                                                      .addr = addr,
                                                      .secure = secure,
                                                      .add_line = add_line,
                                                      .keep = keep,
                                                      .again = again};

/* A preflight asks before the browser sends anything; it needs an answer, not a session. */
static void preflight(struct mr_http_conn *h, const struct mr_http_head *head)
{
    struct mr_buf lines = MR_BUF_INIT(MR_HEAD_BYTES_MAX);

    mr__cors_preflight(h->conn->srv, head, &lines);
    mr__http_respond(h, 204, mr_buf_span(&lines), MR_SPAN_NONE, NULL, NULL);
    mr_buf_free(&lines);
}

static void to_polling(struct mr_http_conn *h, const struct mr_http_head *head)
{
    struct mr_server *srv = h->conn->srv;
    bool has_body = head->length > 0 || head->chunked;
    bool keep = h->keep_alive;
    char method[33];

    mr_buf_free(&h->body);
    mr_buf_init(&h->body, h->ex.engine->opt.body_bytes_max);
    if (mr_span_is(head->method, "OPTIONS") && srv->cors != NULL && !has_body) {
        preflight(h, head);
        return;
    }
    (void)snprintf(method, sizeof(method), MR_SPAN_FMT, MR_SPAN_ARG(head->method));
    if (has_body) /* until it is known that it will be read, no request can follow */
        h->keep_alive = false;
    h->state = MR_HTTP_BUSY;
    if (!mr__polling_request(srv, &h->ex, method, head->query)) {
        if (h->ex.pending != NULL)
            wait_for_verdict(h);
        return;
    }
    h->keep_alive = keep;
    if (!has_body)
        mr__http_body_done(h);
    else if (mr__http_expect_body(h, head, h->ex.engine->opt.body_bytes_max))
        mr__http_continue(h, head);
    else
        mr__http_too_large(h, h->ex.engine->opt.body_bytes_max);
}

/* ---- WebSocket ----------------------------------------------------------------------------- */

static void refuse_upgrade(struct mr_http_conn *h, enum mr_eio_error error)
{
    int status = mr__eio_status(error);
    const char *lines = error == MR_EIO_FULL       ? "Content-Type: text/html\r\nRetry-After: 5\r\n"
                        : error == MR_EIO_TOO_FAST ? "Content-Type: text/html\r\nRetry-After: 1\r\n"
                                                   : "Content-Type: text/html\r\n";

    if (error == MR_EIO_FORBIDDEN && h->ex.refusal != NULL)
        status = 400; /* as the reference server does where the application has said no */
    h->conn->srv->stats.http_bad_requests++;
    mr__engine_refused(h->ex.engine, &h->ex, mr__eio_code(error), mr__eio_refusal(&h->ex, error));
    h->keep_alive = false;
    mr__http_respond(h, status, mr_span_str(lines), mr_span_str(mr__eio_refusal(&h->ex, error)),
                     NULL, NULL);
}

/* The first subprotocol offered, as the reference server chooses. */
static struct mr_span first_protocol(const struct mr_http_head *head)
{
    struct mr_span list = mr__http_field(head, "sec-websocket-protocol");
    const char *comma = list.len ? memchr(list.ptr, ',', list.len) : NULL;

    if (comma != NULL)
        list.len = (size_t)(comma - list.ptr);
    while (list.len > 0 && list.ptr[list.len - 1] == ' ')
        list.len--;
    return list;
}

/* The 101 is queued; it leaves with what follows it here. */
static void open_websocket(struct mr_http_conn *h, struct mr_session *s)
{
    struct mr_ws_port *port = &h->conn->ws->port;
    int rc = mr__ws_opened(h->conn->srv, port, &h->ex, s);

    if (rc != MR_OK) /* as the reference server does: opened, and closed at once */
        port->ops->close(port, rc == MR_E_CONFLICT ? MR_WS_POLICY : MR_WS_INTERNAL);
    else if (s != NULL)
        port->ops->flush(port); /* a probe is not flushed with its session */
}

static void to_websocket(struct mr_http_conn *h, const struct mr_http_head *head)
{
    struct mr_conn *c = h->conn;
    struct mr_buf b = MR_BUF_INIT(MR_HEAD_BYTES_MAX);
    struct mr_session *s;
    enum mr_eio_error error;
    struct mr_ws_codec *codec = NULL;
    bool deflates;
    char method[33];
    int status;

    (void)snprintf(method, sizeof(method), MR_SPAN_FMT, MR_SPAN_ARG(head->method));
    error = mr__upgrade_verify(c->srv, &h->ex, method, head->query, &s);
    if (error == MR_EIO_LATER) {
        wait_for_verdict(h);
        return;
    }
    if (error == MR_EIO_OK && !mr__cors_websocket(c->srv, head))
        error = MR_EIO_FORBIDDEN;
    status = mr__ws_handshake_check(head);
    if (error == MR_EIO_OK && status == 400)
        error = MR_EIO_BAD_REQUEST;
    if (error != MR_EIO_OK) {
        refuse_upgrade(h, error);
        return;
    }
    if (status == 426) {
        mr__ws_handshake_version(h);
        return;
    }
    deflates = mr__ws_deflate_choose(c->srv, head->fields, head->n_fields, &codec);
    mr__ws_handshake_add(&b, mr__http_field(head, "sec-websocket-key"), first_protocol(head),
                         deflates ? c->srv : NULL, mr_buf_span(&h->added));
    if (mr_buf_err(&b) != MR_OK || mr__ws_start(c, mr_buf_span(&b)) != MR_OK) {
        mr__conn_doom(c);
    } else {
        c->ws->rx.codec = codec;
        c->ws->port.deflates = deflates;
        open_websocket(h, s);
    }
    mr_buf_free(&b);
}

/* A proxy may add a line of its own behind the client's: all of them are one list. */
static void name_client(struct mr_http_conn *h, const struct mr_http_head *head)
{
    struct mr_buf all = MR_BUF_INIT(MR_HEAD_BYTES_MAX);

    for (size_t i = 0; i < head->n_fields; i++) {
        if (!mr__http_same(head->fields[i].name, "x-forwarded-for"))
            continue;
        if (all.len > 0)
            mr_buf_add_char(&all, ',');
        mr_buf_add_span(&all, head->fields[i].value);
    }
    if (mr_buf_err(&all) != MR_OK)
        mr_buf_clear(&all); /* then it is the proxy's own */
    mr__proxies_client(h->conn->srv->proxies, h->conn->addr, mr_buf_span(&all), h->client);
    mr_buf_free(&all);
}

/* ---- by path ------------------------------------------------------------------------------- */

void mr__http_route(struct mr_http_conn *h, struct mr_span text, const struct mr_http_head *head)
{
    struct mr_server *srv = h->conn->srv;
    struct mr_engine *engine = mr__engine_at(srv, head->path);

    h->head = head;
    h->head_text = text;
    h->ex.engine = engine;
    if (srv->proxies != NULL)
        name_client(h, head);
    mr_free(h->extra);
    h->extra = NULL;
    if (engine != NULL || srv->opt.cors_routes)
        h->extra = mr__cors_lines(srv, head);
    h->may_code = engine != NULL || srv->opt.http_compress_routes;
    if (h->may_code)
        h->coding =
            (uint8_t)mr__coding_choose(mr__http_field(head, "accept-encoding"), MR_CODINGS_OURS);
    if (engine != NULL) {
        if (head->wants_websocket)
            to_websocket(h, head);
        else if (engine != srv->engines || !mr__client_serve(h, head))
            to_polling(h, head);
    } else if (head->wants_websocket) {
        mr__ws_app_route(h, text, head);
    } else if (srv->opt.cors_routes && mr__cors_is_preflight(head)) {
        preflight(h, head);
    } else {
        mr__http_to_application(h, text, head);
    }
    h->head = NULL;
    h->ex.verdict = MR_VERDICT_NONE;
}
