/* http_app.c - requests for the application: by the routes, or else to mr_on_http. */
#include "io/http_conn.h"

#include "io/cors.h"
#include "io/http_stream.h"
#include "io/polling.h"
#include "proto/alloc.h"

/* Hand it over: from here on it counts, until its reply is gone. */
static void run(struct mr_http_conn *h)
{
    struct mr_server *srv = h->conn->srv;
    struct mr_http_req *req = h->req;

    if (h->state != MR_HTTP_BODY || req->route == NULL || !req->route->streams)
        h->state = MR_HTTP_BUSY;
    req->handed = true;
    h->conn->net->n_requests++;
    h->counted = true;
    srv->stats.http_requests++;
    if (req->route == NULL) {
        srv->http_fn(req, srv->http_ctx);
        return;
    }
    req->route->fn(req, req->route->ctx);
    if (h->req == req && req->route->streams && h->state == MR_HTTP_BUSY)
        mr__stream_no_body(h);
}

/* Is there room, and are we still taking requests? */
static bool admit(struct mr_http_conn *h, const struct mr_http_head *head, uint64_t body_max)
{
    struct mr_server *srv = h->conn->srv;

    if (h->conn->net->n_requests - h->conn->net->n_streams >= srv->opt.http_requests_max ||
        srv->closing) {
        srv->stats.refused++;
        mr__http_refuse(h, 503, "too many requests are waiting");
        return false;
    }
    if (head->length > body_max) {
        mr__http_refuse(h, 413, "request body too large");
        return false;
    }
    return true;
}

static void take(struct mr_http_conn *h, struct mr_span text, const struct mr_http_head *head,
                 const struct mr_route_match *m)
{
    bool streams = m->route != NULL && m->route->streams;
    uint64_t max = streams ? m->route->body_bytes_max : h->conn->srv->opt.http_body_bytes_max;

    if (!admit(h, head, max))
        return;
    h->req = mr__http_req_new(h->conn, text, head);
    if (h->req == NULL || (m->route != NULL && mr__http_req_routed(h->req, m) != MR_OK))
        mr__http_refuse(h, 503, "out of memory");
    else if (head->length == 0 && !head->chunked)
        run(h);
    else if (mr__http_expect_body(h, head, (size_t)max)) {
        if (streams)
            run(h); /* which may refuse it before it is sent */
        mr__http_continue(h, head);
    }
}

/* The path has routes, but none for this method. */
static void other_method(struct mr_http_conn *h, const struct mr_http_head *head,
                         const struct mr_buf *allow)
{
    struct mr_buf lines = MR_BUF_INIT(MR_HEAD_BYTES_MAX);

    mr_buf_addf(&lines, "Allow: " MR_SPAN_FMT "\r\n", MR_SPAN_ARG(mr_buf_span(allow)));
    if (!mr_span_is(head->method, "OPTIONS") || head->length > 0 || head->chunked)
        mr__http_decline(h, 405, "method not allowed", mr_buf_cstr(&lines));
    else
        mr__http_respond(h, 204, mr_buf_span(&lines), MR_SPAN_NONE, NULL, NULL);
    mr_buf_free(&lines);
}

void mr__http_to_application(struct mr_http_conn *h, struct mr_span text,
                             const struct mr_http_head *head)
{
    struct mr_server *srv = h->conn->srv;
    struct mr_buf allow = MR_BUF_INIT(1024);
    struct mr_route_match m;
    int rc = mr__route_find(srv, head->method, head->path, &m, &allow);

    if (rc == MR_OK || (rc != MR_E_CONFLICT && srv->http_fn != NULL))
        take(h, text, head, &m);
    else if (rc == MR_E_CONFLICT)
        other_method(h, head, &allow);
    else if (rc == MR_E_PROTO)
        mr__http_decline(h, 400, "malformed escape in the path", "");
    else
        mr__http_decline(h, 404, "not found", "");
    mr_buf_free(&allow);
}

void mr__http_body_done(struct mr_http_conn *h)
{
    struct mr_buf body = h->body;

    if (h->req != NULL) {
        run(h);
        return;
    }
    h->state = MR_HTTP_BUSY;
    mr_buf_init(&h->body, body.max);
    mr__polling_body(h->conn->srv, &h->ex, mr_buf_span(&body));
    mr_buf_free(&body);
}

int mr_http_route_stream(struct mr_server *srv, const char *method, const char *pattern,
                         uint64_t body_bytes_max, mr_http_fn fn, void *ctx)
{
    struct mr_route *r;
    int rc;

    MR_ASSERT_LOOP(srv);
    rc = mr__route_add(srv, method, pattern, &r);
    if (rc != MR_OK)
        return rc;
    r->fn = fn;
    r->ctx = ctx;
    r->streams = true;
    r->body_bytes_max = body_bytes_max;
    return MR_OK;
}

int mr_http_route(struct mr_server *srv, const char *method, const char *pattern, mr_http_fn fn,
                  void *ctx)
{
    struct mr_route *r;
    int rc;

    MR_ASSERT_LOOP(srv);
    rc = mr__route_add(srv, method, pattern, &r);
    if (rc != MR_OK)
        return rc;
    r->fn = fn;
    r->ctx = ctx;
    return MR_OK;
}
