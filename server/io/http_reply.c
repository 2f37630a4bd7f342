/* http_reply.c - a whole reply: its head, its coding, its way to the kernel. */
#include "io/http_conn.h"

#include "io/http_coding.h"
#include "io/http_date.h"
#include "io/http_stream.h"
#include "proto/alloc.h"

#include <stdio.h>
#include <time.h>

void mr__http_drop_reply(struct mr_http_conn *h)
{
    if (h->body_free != NULL)
        h->body_free(h->body_ctx);
    h->body_free = NULL;
    mr_buf_free(&h->out);
    h->out_body = MR_SPAN_NONE;
    h->sent = 0;
}

void mr__http_uncount(struct mr_http_conn *h)
{
    if (h->counted)
        h->conn->net->n_requests--;
    h->counted = false;
}

/* The last byte is with the kernel. */
static void replied(struct mr_http_conn *h)
{
    struct mr_conn *c = h->conn;

    mr__http_drop_reply(h);
    mr__http_uncount(h);
    mr_free(h->extra);
    h->extra = NULL;
    mr_buf_free(&h->added);
    h->may_code = false;
    if (!h->keep_alive || c->srv->closing) {
        mr__conn_linger(c);
        return;
    }
    h->state = MR_HTTP_HEAD;
    h->scanned = 0;
    mr__http_wait(h, c->srv->opt.http_idle_timeout_ms);
    mr__http_set_idle(h, true);
    mr__sock_pause(c, false);
    if (!h->running && h->in.len > 0)
        mr__http_read(c, NULL, 0);
}

void mr__http_send(struct mr_http_conn *h)
{
    struct mr_conn *c = h->conn;
    size_t total = h->out.len + h->out_body.len;

    while (h->sent < total) {
        struct iovec iov[2];
        int n = 0;
        ssize_t took;

        if (h->sent < h->out.len) {
            iov[n++] = (struct iovec){h->out.ptr + h->sent, h->out.len - h->sent};
            if (h->out_body.len > 0)
                iov[n++] = (struct iovec){(void *)(uintptr_t)h->out_body.ptr, h->out_body.len};
        } else {
            size_t at = h->sent - h->out.len;

            iov[n++] =
                (struct iovec){(void *)(uintptr_t)(h->out_body.ptr + at), h->out_body.len - at};
        }
        took = mr__conn_write(c, iov, n);
        if (took > 0) {
            h->sent += (size_t)took;
            c->srv->stats.bytes_out += (size_t)took;
        }
        if (took < 0)
            return; /* doomed: what it holds is freed with it */
        if (c->want_write) {
            mr__http_moves(h, MR_WRITE_STALL_MS);
            return;
        }
    }
    if (h->req != NULL && h->req->begun)
        mr__stream_sent(h); /* there may be more */
    else
        replied(h);
}

static void add_date(struct mr_buf *b)
{
    char text[MR_DATE_SIZE];

    mr__date_text((int64_t)time(NULL), text);
    mr_buf_addf(b, "Date: %s\r\n", text);
}

/* The value of a line that the application gave, by lower-case name. */
static struct mr_span line_value(struct mr_span lines, const char *name)
{
    while (lines.len > 0) {
        const char *end = memmem(lines.ptr, lines.len, "\r\n", 2);
        const char *colon = memchr(lines.ptr, ':', lines.len);
        struct mr_span value;

        if (end == NULL || colon == NULL || colon > end)
            break;
        value = mr_span_of(colon + 1, (size_t)(end - colon) - 1);
        while (value.len > 0 && value.ptr[0] == ' ')
            value = mr_span_of(value.ptr + 1, value.len - 1);
        if (mr__http_same(mr_span_of(lines.ptr, (size_t)(colon - lines.ptr)), name))
            return value;
        lines = mr_span_of(end + 2, lines.len - (size_t)(end + 2 - lines.ptr));
    }
    return MR_SPAN_NONE;
}

/* Does what is sent depend on what the client accepts? */
static bool may_code(const struct mr_http_conn *h, int status, struct mr_span lines,
                     struct mr_span body)
{
    return h->may_code && body.len >= h->conn->srv->opt.http_compress_bytes_min && status >= 200 &&
           status != 206 && mr__coding_helps(line_value(lines, "content-type")) &&
           line_value(lines, "content-encoding").len == 0 && line_value(lines, "etag").len == 0;
}

void mr__http_add_head(struct mr_http_conn *h, int status, struct mr_span lines,
                       const char *framing)
{
    mr_buf_addf(&h->out, "HTTP/1.1 %d %s\r\n", status, mr__http_reason(status));
    mr_buf_add_span(&h->out, lines);
    if (h->extra != NULL)
        mr_buf_add_str(&h->out, h->extra);
    mr_buf_add_span(&h->out, mr_buf_span(&h->added));
    mr_buf_add_str(&h->out, framing);
    add_date(&h->out);
    if (!h->keep_alive)
        mr_buf_add_str(&h->out, "Connection: close\r\n");
    else if (h->http10)
        mr_buf_add_str(&h->out, "Connection: keep-alive\r\n");
    mr_buf_add_str(&h->out, "\r\n");
}

void mr__http_respond(struct mr_http_conn *h, int status, struct mr_span lines, struct mr_span body,
                      void (*body_free)(void *ctx), void *body_ctx)
{
    struct mr_conn *c = h->conn;
    bool bodiless = mr__http_bodiless(status), vary = false;
    struct mr_buf coded = MR_BUF_INIT(MR_DEFLATE_BYTES_MAX);
    const char *coding = NULL;
    char framing[128] = "";

    if (!bodiless && may_code(h, status, lines, body)) {
        vary = true;
        if (mr__coding_apply(c->srv, h->coding, body, &coded)) {
            coding = mr__coding_name(h->coding);
            if (body_free != NULL)
                body_free(body_ctx);
            body_free = NULL;
            body = mr_buf_span(&coded);
        }
    }
    if (!bodiless)
        (void)snprintf(framing, sizeof(framing), "%s%s%s%sContent-Length: %zu\r\n",
                       vary ? "Vary: Accept-Encoding\r\n" : "", coding ? "Content-Encoding: " : "",
                       coding ? coding : "", coding ? "\r\n" : "", body.len);
    mr__http_add_head(h, status, lines, framing);
    h->body_free = body_free;
    h->body_ctx = body_ctx;
    if (!bodiless && !h->head_only) {
        if (body_free == NULL)
            mr_buf_add_span(&h->out, body);
        else
            h->out_body = body;
    }
    mr_buf_free(&coded);
    h->state = MR_HTTP_REPLY;
    h->until_ms = mr__now(c->srv) + MR_WRITE_STALL_MS +
                  (h->out.len + h->out_body.len) * 1000 / MR_WRITE_BYTES_PER_S;
    if (mr_buf_err(&h->out) != MR_OK) {
        mr__conn_doom(c);
        return;
    }
    mr__http_send(h);
}

void mr__http_req_answered(struct mr_http_req *req)
{
    struct mr_http_conn *h = req->conn->http;

    if (h->state == MR_HTTP_BODY)
        h->keep_alive = false; /* answered before all of it was there */
    h->req = NULL;
    mr__http_respond(h, req->status, mr_buf_span(&req->headers), req->reply, req->body_free,
                     req->body_ctx);
    mr__http_req_free(req);
}

void mr__http_writable(struct mr_conn *c)
{
    if (c->http->state != MR_HTTP_REPLY)
        return;
    mr__http_send(c->http);
    if (c->http->state == MR_HTTP_REPLY && c->http->req != NULL)
        mr__stream_writable(c->http);
}
