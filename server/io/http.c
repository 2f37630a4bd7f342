/* http.c - requests as the application sees them, and its replies. */
#include "io/http.h"

#include "io/http_conn.h"
#include "proto/alloc.h"

#include <stdio.h>

/* A view into one text, moved into another. */
static struct mr_span moved(struct mr_span view, struct mr_span from, const char *to)
{
    if (view.len > 0)
        view.ptr = to + (view.ptr - from.ptr);
    return view;
}

struct mr_http_req *mr__http_req_new(struct mr_conn *c, struct mr_span text,
                                     const struct mr_http_head *head)
{
    size_t fields = head->n_fields * sizeof(struct mr_http_field);
    struct mr_http_req *req = mr_alloc(sizeof(*req) + fields + text.len);
    char *copy;

    if (req == NULL)
        return NULL;
    memset(req, 0, sizeof(*req));
    copy = (char *)req->fields + fields;
    memcpy(copy, text.ptr, text.len);
    req->net = c->net;
    req->conn = c;
    (void)snprintf(req->method, sizeof(req->method), MR_SPAN_FMT, MR_SPAN_ARG(head->method));
    (void)snprintf(req->addr, sizeof(req->addr), "%s",
                   c->http != NULL && c->http->client[0] != '\0' ? c->http->client : c->addr);
    req->path = moved(head->path, text, copy);
    req->query = moved(head->query, text, copy);
    mr_buf_init(&req->body, c->srv->opt.http_body_bytes_max);
    mr_buf_init(&req->headers, MR_HEAD_BYTES_MAX);
    mr_buf_init(&req->copy, SIZE_MAX);
    req->n_fields = head->n_fields;
    for (size_t i = 0; i < head->n_fields; i++) {
        req->fields[i].name = moved(head->fields[i].name, text, copy);
        req->fields[i].value = moved(head->fields[i].value, text, copy);
    }
    return req;
}

int mr__http_req_routed(struct mr_http_req *req, const struct mr_route_match *m)
{
    size_t bytes = m->n_values * sizeof(struct mr_span);
    char *copy;

    req->route = m->route;
    if (m->n_values == 0)
        return MR_OK;
    req->params = mr_alloc(bytes + m->len);
    if (req->params == NULL)
        return MR_E_NOMEM;
    copy = (char *)req->params + bytes;
    memcpy(copy, m->text, m->len);
    for (size_t i = 0; i < m->n_values; i++)
        req->params[i] = moved(m->values[i], mr_span_of(m->text, m->len), copy);
    return MR_OK;
}

void mr__http_req_free(struct mr_http_req *req)
{
    if (req == NULL)
        return;
    mr_buf_free(&req->body);
    mr_buf_free(&req->headers);
    mr_buf_free(&req->copy);
    mr_free(req->params);
    mr_free(req);
}

const char *mr_http_method(const struct mr_http_req *req)
{
    return req->method;
}

struct mr_span mr_http_path(const struct mr_http_req *req)
{
    return req->path;
}

struct mr_span mr_http_query(const struct mr_http_req *req)
{
    return req->query;
}

struct mr_span mr_http_header(const struct mr_http_req *req, const char *name)
{
    for (size_t i = 0; i < req->n_fields; i++) {
        if (mr__http_same(req->fields[i].name, name))
            return req->fields[i].value;
    }
    return MR_SPAN_NONE;
}

struct mr_span mr_http_param(const struct mr_http_req *req, const char *name)
{
    for (size_t i = 0; req->params != NULL && i < req->route->n_names; i++) {
        if (strcmp(req->route->names[i], name) == 0)
            return req->params[i];
    }
    return MR_SPAN_NONE;
}

struct mr_span mr_http_body(const struct mr_http_req *req)
{
    return mr_buf_span(&req->body);
}

const char *mr_http_addr(const struct mr_http_req *req)
{
    return req->addr;
}

const char *mr__http_reason(int status)
{
    /* clang-format off */
    static const struct { int status; const char *reason; } table[] = {
        {101, "Switching Protocols"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"},
        {204, "No Content"}, {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"},
        {303, "See Other"}, {304, "Not Modified"}, {307, "Temporary Redirect"},
        {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"},
        {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"},
        {411, "Length Required"}, {412, "Precondition Failed"}, {413, "Content Too Large"},
        {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"}, {422, "Unprocessable Content"}, {426, "Upgrade Required"},
        {428, "Precondition Required"}, {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
        {501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
        {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
    }; /* clang-format on */

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].status == status)
            return table[i].reason;
    }
    return "Status";
}

/* Framing, and whether the connection stays, are the library's business. */
static bool is_ours(struct mr_span name)
{
    return mr__http_same(name, "content-length") || mr__http_same(name, "connection") ||
           mr__http_same(name, "transfer-encoding") || mr__http_same(name, "date");
}

void mr__http_add_headers(struct mr_buf *b, const struct mr_http_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = headers[i].name, *value = headers[i].value;

        if (name[0] == '\0' || name[strcspn(name, " \t\r\n:")] != '\0' ||
            value[strcspn(value, "\r\n")] != '\0' || is_ours(mr_span_str(name)))
            continue;
        mr_buf_add_str(b, name);
        mr_buf_add_str(b, ": ");
        mr_buf_add_str(b, value);
        mr_buf_add_str(b, "\r\n");
    }
}

/* Give the staged reply to the connection, if there is one still. */
static void deliver(struct mr_http_req *req)
{
    struct mr_conn *c = req->conn;

    if (mr_buf_err(&req->headers) != MR_OK || mr_buf_err(&req->copy) != MR_OK) {
        if (req->body_free != NULL)
            req->body_free(req->body_ctx);
        req->body_free = NULL;
        req->status = 500;
        req->reply = MR_SPAN_NONE;
        mr_buf_clear(&req->headers);
    }
    if (c == NULL) {
        if (req->body_free != NULL)
            req->body_free(req->body_ctx);
        req->net->n_requests--;
        mr__http_req_free(req);
        return;
    }
    mr__http_req_answered(req);
}

static void deliver_mail(struct mr_mail *m)
{
    deliver(MR_CONTAINER(m, struct mr_http_req, mail));
}

static void stage(struct mr_http_req *req, const struct mr_http_response *res, bool later)
{
    req->status = res->status;
    mr__http_add_headers(&req->headers, res->headers, res->n_headers);
    req->body_free = res->body_free;
    req->body_ctx = res->body_ctx;
    req->reply = res->body;
    if (res->body_free == NULL && later) {
        mr_buf_add_span(&req->copy, res->body);
        req->reply = mr_buf_span(&req->copy);
    }
}

void mr_http_reply(struct mr_http_req *req, const struct mr_http_response *res)
{
    MR_ASSERT_LOOP(req->net->srv);
    assert(!req->begun);
    stage(req, res, false);
    deliver(req);
}

void mr__http_req_fail(struct mr_http_req *req, int status, const char *why,
                       const struct mr_http_header *more, size_t n)
{
    static const struct mr_http_header text = {"Content-Type", "text/plain; charset=utf-8"};
    struct mr_http_response res = {.status = status};
    struct mr_server *srv = req->net->srv;
    struct mr_buf body = MR_BUF_INIT(1024);

    mr__http_add_headers(&req->headers, more, n);
    if (srv->error_fn != NULL) {
        srv->error_fn(status, why, req->path, &res, srv->error_ctx);
    } else {
        mr_buf_addf(&body, "%s\n", why);
        res.headers = &text;
        res.n_headers = 1;
        res.body = mr_buf_span(&body);
    }
    mr_http_reply(req, &res);
    mr_buf_free(&body);
}

void mr_http_post_reply(struct mr_http_req *req, const struct mr_http_response *res)
{
    stage(req, res, true);
    req->mail.fn = deliver_mail;
    mr__mailbox_push(&req->net->mailbox, &req->mail);
}

void mr_on_http(struct mr_server *srv, mr_http_fn fn, void *ctx)
{
    srv->http_fn = fn;
    srv->http_ctx = ctx;
}

void mr_on_http_error(struct mr_server *srv, mr_http_error_fn fn, void *ctx)
{
    srv->error_fn = fn;
    srv->error_ctx = ctx;
}
