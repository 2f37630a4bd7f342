/* http_conn.c - the conversation: reading and waiting, one request after the other. */
#include "io/http_conn.h"

#include "io/http_stream.h"
#include "io/polling.h"
#include "io/request.h"
#include "io/ws_conn.h"
#include "proto/alloc.h"

static void late(struct mr_timer *t);

int mr__http_start(struct mr_conn *c)
{
    struct mr_http_conn *h = mr_zalloc(1, sizeof(*h));

    if (h == NULL)
        return MR_E_NOMEM;
    h->conn = c;
    h->ex.ops = &mr__http_exchange_ops;
    mr__http_set_idle(h, true);
    mr_buf_init(&h->in, MR_HEAD_BYTES_MAX + MR_READ_BYTES);
    mr_buf_init(&h->out, SIZE_MAX);
    mr_buf_init(&h->added, MR_ADDED_LINES_MAX);
    mr_buf_init(&h->kept, MR_HEAD_BYTES_MAX);
    c->http = h;
    c->phase = MR_CONN_HTTP;
    mr__conn_set_timer(c, c->srv->opt.http_header_timeout_ms, late);
    return MR_OK;
}

/* ---- idle connections ---------------------------------------------------------------------- */

void mr__http_close_idle(struct mr_net *net, size_t n)
{
    for (; n > 0 && net->n_idle > 0; n--) {
        struct mr_http_conn *h = MR_CONTAINER(net->idle_conns.next, struct mr_http_conn, idle_link);

        mr__http_set_idle(h, false);
        mr__conn_doom(h->conn);
        net->srv->stats.http_idle_closed++;
    }
}

void mr__http_set_idle(struct mr_http_conn *h, bool idle)
{
    struct mr_net *net = h->conn->net;

    if (h->idle == idle)
        return;
    h->idle = idle;
    if (!idle) {
        mr__link_off(&h->idle_link);
        net->n_idle--;
        return;
    }
    mr__list_add(&net->idle_conns, &h->idle_link);
    net->n_idle++;
    if (net->n_idle > net->srv->opt.http_idle_max)
        mr__http_close_idle(net, 1);
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static void late(struct mr_timer *t)
{
    struct mr_conn *c = MR_CONTAINER(t, struct mr_conn, timer);
    struct mr_http_conn *h = c->http;

    if (mr__stream_is_body(h))
        mr__stream_body_end(h, MR_E_TIMEOUT);
    else if (h->state == MR_HTTP_BODY || (h->state == MR_HTTP_HEAD && !h->idle))
        mr__http_refuse(h, 408, "the request did not come in time");
    else
        mr__conn_doom(c); /* idle, or a reader that takes nothing: there is nobody to tell */
}

void mr__http_wait(struct mr_http_conn *h, uint32_t ms)
{
    mr__conn_set_timer(h->conn, ms, late);
}

void mr__http_moves(struct mr_http_conn *h, uint32_t idle_ms)
{
    uint64_t at = mr__now(h->conn->srv) + idle_ms;

    mr__timer_set(&h->conn->srv->timers, &h->conn->timer, at < h->until_ms ? at : h->until_ms,
                  late);
}

/* ---- requests ------------------------------------------------------------------------------ */

bool mr__http_expect_body(struct mr_http_conn *h, const struct mr_http_head *head, size_t max)
{
    if (head->length > max)
        return false;
    h->is_chunked = head->chunked;
    h->chunked = (struct mr_chunked){0};
    h->left = head->length;
    h->state = MR_HTTP_BODY;
    h->until_ms = mr__now(h->conn->srv) + 2 * (uint64_t)h->conn->srv->opt.http_body_timeout_ms;
    h->whole_by_ms = mr__now(h->conn->srv) + MR_BODY_TOTAL_MS;
    mr__http_moves(h, h->conn->srv->opt.http_body_timeout_ms);
    return true;
}

void mr__http_continue(struct mr_http_conn *h, const struct mr_http_head *head)
{
    static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec iov = {(void *)(uintptr_t)go, sizeof(go) - 1};

    if (head->expects_continue && h->state == MR_HTTP_BODY &&
        mr__conn_write(h->conn, &iov, 1) != (ssize_t)iov.iov_len)
        mr__conn_doom(h->conn); /* a fresh connection takes 25 bytes, or is no connection */
}

/* A head, or part of one. */
static void read_head(struct mr_http_conn *h, struct mr_span *data)
{
    struct mr_server *srv = h->conn->srv;
    size_t end = mr__http_head_end(*data, h->scanned);
    struct mr_http_head head;
    struct mr_span text = mr_span_of(data->ptr, end);
    const char *why = "";
    int status;

    if (h->idle) { /* its first byte: the clock runs */
        mr__http_set_idle(h, false);
        mr__conn_set_timer(h->conn, srv->opt.http_header_timeout_ms, late);
    }
    if (end == 0 && data->len <= MR_HEAD_BYTES_MAX) {
        status = mr__http_head_peek(*data, &why);
        h->scanned = data->len > 3 ? data->len - 3 : 0;
        if (status != 0)
            mr__http_refuse(h, status, why);
        return;
    }
    if (end == 0 || end > MR_HEAD_BYTES_MAX) {
        mr__http_refuse(h, 431, "request head too large");
        return;
    }
    h->scanned = 0;
    status = mr__http_head_parse(text, &head, &why);
    *data = mr_span_of(data->ptr + end, data->len - end);
    if (status != 0) {
        mr__http_refuse(h, status, why);
        return;
    }
    h->keep_alive = head.keep_alive && !srv->closing;
    h->http10 = head.http10;
    h->head_only = mr_span_is(head.method, "HEAD");
    mr__conn_stop_timer(h->conn);
    mr__http_route(h, text, &head);
}

static void read_body(struct mr_http_conn *h, struct mr_span *data)
{
    struct mr_buf *body = h->req != NULL ? &h->req->body : &h->body;
    size_t before = body->len;
    int rc = MR_OK;

    if (h->is_chunked) {
        rc = mr__chunked_feed(&h->chunked, data, body);
    } else {
        size_t n = h->left < data->len ? (size_t)h->left : data->len;

        mr_buf_add(body, data->ptr, n);
        rc = mr_buf_err(body);
        h->left -= n;
        *data = mr_span_of(data->ptr + n, data->len - n);
        if (rc == MR_OK && h->left == 0)
            rc = MR_E_END;
    }
    if (rc == MR_OK) {
        h->until_ms += (body->len - before) * 1000 / MR_BODY_BYTES_PER_S;
        if (h->until_ms > h->whole_by_ms)
            h->until_ms = h->whole_by_ms;
        mr__http_moves(h, h->conn->srv->opt.http_body_timeout_ms);
    } else if (rc == MR_E_END) {
        mr__conn_stop_timer(h->conn);
        mr__http_body_done(h);
    } else if (rc == MR_E_TOOBIG) {
        mr__http_too_large(h, body->max);
    } else {
        mr__http_refuse(h, rc == MR_E_NOMEM ? 503 : 400, "malformed chunked body");
    }
}

/* Use up data as far as the state allows. */
static void run(struct mr_http_conn *h, struct mr_span *data)
{
    while (h->conn->phase == MR_CONN_HTTP && !h->conn->doomed && data->len > 0) {
        size_t before = data->len;
        enum mr_http_state state = h->state;

        if (state == MR_HTTP_HEAD)
            read_head(h, data);
        else if (state != MR_HTTP_BODY || (h->req != NULL && h->req->body_paused))
            break;
        else if (mr__stream_is_body(h))
            mr__stream_read(h, data);
        else
            read_body(h, data);
        if (data->len == before && h->state == state)
            break; /* more must come */
    }
}

/* Keep what was not used. */
static void keep_rest(struct mr_http_conn *h, struct mr_span data)
{
    if (data.len == 0) {
        mr_buf_free(&h->in);
        return;
    }
    if (h->in.len > 0) {
        memmove(h->in.ptr, data.ptr, data.len);
        h->in.len = data.len;
        return;
    }
    mr_buf_add_span(&h->in, data);
    if (mr_buf_err(&h->in) != MR_OK)
        mr__conn_doom(h->conn);
}

void mr__http_upgraded(struct mr_conn *c, struct mr_span data)
{
    if (data.len > 0) /* frames that came right behind the request */
        mr__ws_read(c, (unsigned char *)(uintptr_t)data.ptr, data.len);
    mr__http_conn_free(c); /* for good: a WebSocket carries only what it needs */
}

void mr__http_read(struct mr_conn *c, unsigned char *bytes, size_t n)
{
    struct mr_http_conn *h = c->http;
    struct mr_span data = mr_span_of((const char *)bytes, n);

    if (h->in.len > 0) {
        mr_buf_add_span(&h->in, data);
        if (mr_buf_err(&h->in) != MR_OK) {
            mr__conn_doom(c);
            return;
        }
        data = mr_buf_span(&h->in);
    }
    h->running = true;
    run(h, &data);
    h->running = false;
    if (c->phase == MR_CONN_WEBSOCKET) {
        mr__http_upgraded(c, data);
        return;
    }
    if (c->phase != MR_CONN_HTTP || c->doomed) {
        mr_buf_free(&h->in);
        return;
    }
    keep_rest(h, data);
    if (h->state == MR_HTTP_BUSY || h->state == MR_HTTP_REPLY)
        mr__sock_pause(c,
                       (h->req != NULL && !mr__stream_is_open(h)) || h->in.len > MR_HEAD_BYTES_MAX);
    else if (h->state == MR_HTTP_BODY && h->req != NULL && h->req->body_paused)
        mr__sock_pause(c, true);
}

/* ---- the end ------------------------------------------------------------------------------- */

void mr__http_conn_gone(struct mr_conn *c)
{
    struct mr_http_conn *h = c->http;

    mr__http_set_idle(h, false);
    mr__request_gone(&h->ex);
    if (h->ex.session != NULL)
        mr__exchange_gone(&h->ex);
    if (h->req != NULL && h->req->handed) {
        struct mr_http_req *req = h->req;

        req->conn = NULL; /* the application still has it, and it still counts */
        h->counted = false;
        h->req = NULL;
        mr__stream_gone(req, h->state);
        return;
    }
    mr__http_req_free(h->req);
    h->req = NULL;
    mr__http_uncount(h);
}

void mr__http_conn_free(struct mr_conn *c)
{
    struct mr_http_conn *h = c->http;

    if (h == NULL)
        return;
    mr__http_set_idle(h, false);
    mr__http_drop_reply(h);
    mr__http_req_free(h->req);
    mr_buf_free(&h->in);
    mr_buf_free(&h->body);
    mr__request_gone(&h->ex);
    mr_buf_free(&h->added);
    mr_buf_free(&h->kept);
    mr_free(h->extra);
    mr_free(h);
    c->http = NULL;
}
