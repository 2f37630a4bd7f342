/* http_stream.c - bodies in pieces: request bodies as they come, replies as they are made. */
#include "io/http_stream.h"

#include <stdio.h>

/* ---- the request's body -------------------------------------------------------------------- */

void mr_http_on_body(struct mr_http_req *req, mr_http_body_fn fn, void *ctx)
{
    req->body_fn = fn;
    req->body_fn_ctx = ctx;
}

void mr__stream_body_end(struct mr_http_conn *h, int status)
{
    struct mr_http_req *req = h->req;

    mr__conn_stop_timer(h->conn);
    h->state = MR_HTTP_BUSY;
    req->body_over = true;
    if (status != MR_E_END) {
        h->keep_alive = false; /* where the next request would begin is not known */
        h->conn->srv->stats.http_bad_requests++;
    }
    if (req->body_fn != NULL)
        req->body_fn(req, MR_SPAN_NONE, status, req->body_fn_ctx);
}

void mr__stream_no_body(struct mr_http_conn *h)
{
    if (!h->req->body_over && !h->req->body_paused && !h->conn->doomed)
        mr__stream_body_end(h, MR_E_END);
}

/* A piece; the application may answer, pause or abort inside. False: it is not ours any more. */
static bool pass_on(struct mr_http_conn *h, struct mr_span piece)
{
    struct mr_http_req *req = h->req;

    req->body_got += piece.len;
    if (req->body_fn != NULL && piece.len > 0)
        req->body_fn(req, piece, MR_OK, req->body_fn_ctx);
    return h->req == req && h->state == MR_HTTP_BODY && !h->conn->doomed;
}

void mr__stream_read(struct mr_http_conn *h, struct mr_span *data)
{
    struct mr_buf piece = MR_BUF_INIT(MR_HEAD_BYTES_MAX + 2 * MR_READ_BYTES);
    uint64_t max = h->req->route->body_bytes_max;
    struct mr_span bytes;
    int rc = MR_OK;

    if (h->is_chunked) {
        rc = mr__chunked_feed(&h->chunked, data, &piece);
        bytes = mr_buf_span(&piece);
    } else {
        bytes = mr_span_of(data->ptr, h->left < data->len ? (size_t)h->left : data->len);
        *data = mr_span_of(data->ptr + bytes.len, data->len - bytes.len);
        h->left -= bytes.len;
        rc = h->left == 0 ? MR_E_END : MR_OK;
    }
    if (bytes.len > max - h->req->body_got)
        rc = MR_E_TOOBIG;
    else if (rc == MR_OK || rc == MR_E_END) {
        h->until_ms += bytes.len * 1000 / MR_BODY_BYTES_PER_S;
        if (!pass_on(h, bytes))
            goto out;
        if (rc == MR_OK && !h->req->body_paused)
            mr__http_moves(h, h->conn->srv->opt.http_body_timeout_ms);
    }
    if (rc != MR_OK)
        mr__stream_body_end(h, rc);
out:
    mr_buf_free(&piece);
}

void mr_http_pause(struct mr_http_req *req)
{
    struct mr_conn *c = req->conn;

    if (c == NULL || req->body_paused || req->body_over)
        return;
    req->body_paused = true;
    if (c->http->state != MR_HTTP_BODY)
        return;
    req->paused_ms = mr__now(c->srv);
    mr__conn_stop_timer(c);
    mr__sock_pause(c, true);
}

void mr_http_resume(struct mr_http_req *req)
{
    struct mr_conn *c = req->conn;
    struct mr_http_conn *h;

    if (c == NULL || !req->body_paused)
        return;
    req->body_paused = false;
    h = c->http;
    if (h->state == MR_HTTP_BUSY && req->route != NULL && req->route->streams) {
        mr__stream_no_body(h);
        return;
    }
    if (h->state != MR_HTTP_BODY || c->doomed)
        return;
    h->until_ms += mr__now(c->srv) - req->paused_ms; /* that time was ours */
    mr__http_moves(h, h->conn->srv->opt.http_body_timeout_ms);
    mr__sock_pause(c, false);
    if (!h->running && h->in.len > 0)
        mr__http_read(c, NULL, 0);
}

/* ---- the reply ----------------------------------------------------------------------------- */

static size_t queued(const struct mr_http_conn *h)
{
    return h->out.len - h->sent;
}

void mr_http_on_drain(struct mr_http_req *req, mr_http_fn fn, void *ctx)
{
    req->drain_fn = fn;
    req->drain_ctx = ctx;
}

void mr_http_on_close(struct mr_http_req *req, mr_http_fn fn, void *ctx)
{
    req->close_fn = fn;
    req->close_ctx = ctx;
}

/* The head as a whole, in the connection's queue. */
static void add_head(struct mr_http_conn *h, struct mr_http_req *req, int status)
{
    char framing[64] = "";

    if (req->out_left >= 0 && !mr__http_bodiless(status))
        (void)snprintf(framing, sizeof(framing), "Content-Length: %lld\r\n",
                       (long long)req->out_left);
    else if (req->out_chunked)
        (void)snprintf(framing, sizeof(framing), "Transfer-Encoding: chunked\r\n");
    mr__http_add_head(h, status, mr_buf_span(&req->headers), framing);
}

int mr_http_begin(struct mr_http_req *req, const struct mr_http_response *res, int64_t length)
{
    struct mr_conn *c = req->conn;
    struct mr_http_conn *h;

    MR_ASSERT_LOOP(req->net->srv);
    assert(!req->begun);
    req->begun = true;
    req->out_left = length < 0 ? -1 : length;
    if (length < 0)
        req->net->n_streams++; /* it may last for days: it does not wait for its reply any more */
    if (c == NULL || c->doomed)
        return MR_E_CLOSED;
    h = c->http;
    if (h->state == MR_HTTP_BODY)
        h->keep_alive = false;
    req->body_fn = NULL;
    req->body_over = true;
    req->body_paused = false;
    req->discard = h->head_only || mr__http_bodiless(res->status);
    if (length < 0 && h->http10)
        h->keep_alive = false; /* the body ends where the connection does */
    req->out_chunked = length < 0 && !h->http10 && !mr__http_bodiless(res->status);
    mr__http_add_headers(&req->headers, res->headers, res->n_headers);
    add_head(h, req, res->status);
    if (mr_buf_err(&h->out) != MR_OK || mr_buf_err(&req->headers) != MR_OK) {
        mr__conn_doom(c);
        return MR_E_NOMEM;
    }
    h->state = MR_HTTP_REPLY;
    h->until_ms = mr__now(c->srv) + MR_WRITE_STALL_MS;
    mr__conn_stop_timer(c);
    mr__sock_pause(c, length >= 0);
    mr__http_send(h);
    return c->doomed ? MR_E_CLOSED : MR_OK;
}

/* Forget what has left. */
static void compact(struct mr_http_conn *h)
{
    if (h->sent < MR_STREAM_LOW_BYTES && h->sent < h->out.len)
        return;
    memmove(h->out.ptr, h->out.ptr + h->sent, queued(h));
    h->out.len -= h->sent;
    h->sent = 0;
}

static int queue(struct mr_http_conn *h, const struct mr_http_req *req, struct mr_span bytes)
{
    char size[24];

    if (h->out.len > 0)
        compact(h);
    if (h->out.len == 0) /* the clock of a reader begins when there is something to read */
        h->until_ms = mr__now(h->conn->srv) + MR_WRITE_STALL_MS;
    h->until_ms += bytes.len * 1000 / MR_WRITE_BYTES_PER_S;
    (void)snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
    if (req->out_chunked)
        mr_buf_add_str(&h->out, size);
    mr_buf_add_span(&h->out, bytes);
    if (req->out_chunked)
        mr_buf_add_str(&h->out, "\r\n");
    return mr_buf_err(&h->out);
}

int64_t mr_http_write(struct mr_http_req *req, struct mr_span bytes)
{
    struct mr_conn *c = req->conn;
    struct mr_http_conn *h;

    MR_ASSERT_LOOP(req->net->srv);
    if (c == NULL || c->doomed || !req->begun)
        return MR_E_CLOSED;
    h = c->http;
    if (req->out_left >= 0 && bytes.len > (uint64_t)req->out_left)
        return MR_E_TOOBIG;
    if (queued(h) > 0 && !req->discard && queued(h) + bytes.len > c->srv->opt.queue_bytes_max)
        return MR_E_AGAIN;
    if (req->out_left >= 0)
        req->out_left -= (int64_t)bytes.len;
    if (bytes.len == 0 || req->discard)
        return (int64_t)queued(h);
    if (queue(h, req, bytes) != MR_OK) {
        mr__conn_doom(c);
        return MR_E_NOMEM;
    }
    if (!c->want_write)
        mr__http_send(h);
    if (c->doomed)
        return MR_E_CLOSED;
    if (queued(h) > MR_STREAM_HIGH_BYTES)
        req->congested = true;
    return (int64_t)queued(h);
}

static void free_req(struct mr_http_req *req)
{
    if (req->begun && req->out_left < 0)
        req->net->n_streams--;
    mr__http_req_free(req);
}

/* Nobody is there to end it for: it is released. */
static void release(struct mr_http_req *req)
{
    req->net->n_requests--;
    free_req(req);
}

void mr_http_end(struct mr_http_req *req)
{
    struct mr_conn *c = req->conn;
    struct mr_http_conn *h;

    MR_ASSERT_LOOP(req->net->srv);
    if (c == NULL) {
        release(req);
        return;
    }
    if (!req->begun || (req->out_left > 0 && !req->discard)) {
        mr_http_abort(req);
        return;
    }
    h = c->http;
    if (req->out_chunked && !req->discard)
        mr_buf_add_str(&h->out, "0\r\n\r\n");
    if (mr_buf_err(&h->out) != MR_OK)
        mr__conn_doom(c);
    h->req = NULL;
    free_req(req);
    if (c->doomed)
        return;
    mr__sock_pause(c, false);
    if (!c->want_write || queued(h) == 0)
        mr__http_send(h);
}

void mr_http_abort(struct mr_http_req *req)
{
    struct mr_conn *c = req->conn;

    MR_ASSERT_LOOP(req->net->srv);
    if (c == NULL) {
        release(req);
        return;
    }
    c->http->req = NULL;
    free_req(req);
    c->http->state = MR_HTTP_BUSY;
    mr__conn_stop_timer(c);
    mr__conn_doom(c); /* it counts until the connection is gone */
}

void mr__stream_sent(struct mr_http_conn *h)
{
    mr_buf_clear(&h->out);
    h->sent = 0;
    mr__conn_stop_timer(h->conn);
}

void mr__stream_writable(struct mr_http_conn *h)
{
    struct mr_http_req *req = h->req;

    if (!req->congested || queued(h) >= MR_STREAM_LOW_BYTES || h->conn->doomed)
        return;
    req->congested = false;
    if (req->drain_fn != NULL)
        req->drain_fn(req, req->drain_ctx);
}

void mr__stream_gone(struct mr_http_req *req, enum mr_http_state state)
{
    if (state == MR_HTTP_BODY && !req->body_over) {
        req->body_over = true;
        if (req->body_fn != NULL)
            req->body_fn(req, MR_SPAN_NONE, MR_E_CLOSED, req->body_fn_ctx);
    } else if (req->begun && req->close_fn != NULL) {
        req->close_fn(req, req->close_ctx);
    }
}
