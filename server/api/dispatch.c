/* dispatch.c - the way of a request: route, CORS, token, role, body, handler, reply. What is wrong
 * with a request is found here, on the loop, before a worker is asked. */
#include "api/dispatch.h"
#include "api/encode.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/pieces.h"
#include "api/problem.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "store/api_keys.h"
#include <stdio.h>
#include <strings.h>

#define ALLOW_HEADERS                                                                              \
    "Authorization, Content-Type, If-Match, If-None-Match, X-API-Key, X-Request-Id, "              \
    "Idempotency-Key"
#define EXPOSE_HEADERS                                                                             \
    "ETag, Idempotency-Replayed, Link, Location, Retry-After, X-Request-Id, X-Total-Count"

void mr_request_id(struct mr_span sent, char out[65])
{
    struct mr_uuid id;

    if (sent.len >= 1 && sent.len <= 64) {
        size_t i = 0;

        while (i < sent.len && (strchr("._-", sent.ptr[i])
                                    ? sent.ptr[i] != '\0'
                                    : (sent.ptr[i] >= '0' && sent.ptr[i] <= '9') ||
                                          ((sent.ptr[i] | 32) >= 'a' && (sent.ptr[i] | 32) <= 'z')))
            i++;
        if (i == sent.len) {
            memcpy(out, sent.ptr, sent.len);
            out[sent.len] = '\0';
            return;
        }
    }
    id = mr_uuid7(mr_wall_ms());
    mr_uuid_format(id, out);
}

bool mr_cors_allowed(const char *list, struct mr_span origin)
{
    while (origin.len > 0 && *list) {
        size_t n = strcspn(list, ", ");

        if (n == origin.len && strncasecmp(list, origin.ptr, n) == 0)
            return true;
        list += n;
        list += strspn(list, ", ");
    }
    return false;
}

/* ---- the reply ---------------------------------------------------------------------------- */

static void call_free(void *arg)
{
    struct mr_call *c = arg;

    mr_call_db_release(c);
    mr_buf_free(&c->out);
    mr_buf_free(&c->head_text);
    mr_buf_free(&c->errors);
    mr_buf_free(&c->extra);
    mr_free(c);
}

/* Turn the handler's error into the answer. */
static void write_problem(struct mr_call *c, int err)
{
    int status = c->fail_status ? c->fail_status : mr_err_http(err);
    struct mr_problem p = {
        .detail = c->detail,
        .instance = mr_http_path(c->req),
        .request_id = c->request_id,
        .errors = mr_buf_span(&c->errors),
        .extra = mr_buf_span(&c->extra),
    };

    if (c->detail[0] == '\0' && err == MR_E_DB)
        p.detail = "PostgreSQL is not available; try again.";
    if (c->detail[0] == '\0' && err == MR_E_TIMEOUT)
        p.detail = "PostgreSQL took too long to answer.";
    if (c->detail[0] == '\0' && err == MR_E_DATA)
        p.detail = "PostgreSQL refused a value.";
    if (status == 503 && err == MR_E_DB)
        mr_call_header(c, "Retry-After", "1");
    if (status == 401)
        mr_call_header(c, "WWW-Authenticate", "Bearer realm=\"millrace\"");
    if (status == 500)
        LOG_ERROR("request_failed", F_STR("why", mr_err_name(err)),
                  F_STR("request_id", c->request_id),
                  F_STR("route", c->route ? c->route->path : ""));
    p.status = c->status = status;
    c->type = "application/problem+json";
    c->borrowed = MR_SPAN_NONE;
    c->version = 0;
    mr_buf_clear(&c->out);
    mr_problem_write(&c->out, &p);
}

static void reply(struct mr_call *c, bool on_loop)
{
    struct mr_http_header headers[MR_CALL_HEADERS_MAX + 8];
    struct mr_http_response res = {.status = c->status, .headers = headers};
    struct mr_span origin = mr_http_header(c->req, "origin");
    const struct mr_config *cfg = c->api->opt.cfg;
    size_t n = 0;

    if (mr_buf_err(&c->out) != MR_OK) {
        mr_buf_free(&c->out);
        mr_call_fail(c, MR_E_NOMEM, 500, "The answer does not fit into memory.");
        write_problem(c, MR_E_NOMEM);
        res.status = c->status;
    }
    mr_call_db_release(c);
    if (!c->pieces.next)
        mr_encode(c, on_loop);
    res.status = c->status;
    headers[n++] = (struct mr_http_header){"x-request-id", c->request_id};
    headers[n++] = (struct mr_http_header){"x-content-type-options", "nosniff"};
    if (c->type)
        headers[n++] = (struct mr_http_header){"content-type", c->type};
    if (origin.len > 0)
        headers[n++] = (struct mr_http_header){"vary", "Origin"};
    if (origin.len < sizeof(c->origin) && mr_cors_allowed(cfg->cors_origins, origin)) {
        (void)snprintf(c->origin, sizeof(c->origin), MR_SPAN_FMT, MR_SPAN_ARG(origin));
        headers[n++] = (struct mr_http_header){"access-control-allow-origin", c->origin};
        headers[n++] = (struct mr_http_header){"access-control-allow-credentials", "true"};
        headers[n++] = (struct mr_http_header){"access-control-expose-headers", EXPOSE_HEADERS};
    }
    for (size_t i = 0; i < c->n_headers; i++)
        headers[n++] =
            (struct mr_http_header){c->headers[i].name, c->head_text.ptr + c->headers[i].value};
    res.n_headers = n;
    res.body = c->borrowed.ptr ? c->borrowed : mr_buf_span(&c->out);
    res.body_free = call_free;
    res.body_ctx = c;
    mr_api_count(c->api, c->route, c->status, mr_mono_us() - c->started_us + 1);
    LOG_DEBUG("request_answered", F_STR("request_id", c->request_id),
              F_STR("method", mr_http_method(c->req)), F_SPAN("path", mr_http_path(c->req)),
              F_INT("status", c->status), F_UINT("us", mr_mono_us() - c->started_us));
    atomic_fetch_sub(&c->api->in_flight, 1);
    if (c->pieces.next)
        mr_pieces_send(c, &res, call_free);
    else if (on_loop)
        mr_http_reply(c->req, &res);
    else
        mr_http_post_reply(c->req, &res);
}

static void finish(struct mr_call *c, int rc, bool on_loop)
{
    if (rc != MR_OK)
        write_problem(c, rc);
    reply(c, on_loop);
}

void mr_call_answer(struct mr_call *c, int rc)
{
    finish(c, rc, false);
}

/* [thread: loop] */
static void run_on_loop(struct mr_call *c)
{
    int rc = c->route->handler(c);

    if (rc != MR_CALL_LATER)
        finish(c, rc, true);
}

/* ---- the checks --------------------------------------------------------------------------- */

struct mr_span mr_bearer(const struct mr_http_req *req)
{
    struct mr_span h = mr_http_header(req, "authorization");

    if (h.len < 7 || strncasecmp(h.ptr, "bearer ", 7) != 0)
        return MR_SPAN_NONE;
    h.ptr += 7;
    h.len -= 7;
    while (h.len > 0 && *h.ptr == ' ')
        h.ptr++, h.len--;
    return h;
}

static int check_who(struct mr_call *c)
{
    struct mr_api *api = c->api;
    struct mr_span token = mr_bearer(c->req), key = mr_http_header(c->req, "x-api-key");
    int rc;

    if (c->route->role == MR_ROLE_NONE ||
        (c->route->surface && mr_config_has(api->anonymous, c->route->surface)))
        return MR_OK;
    if (key.len == 0 && mr_span_starts(token, MR_SPAN(MR_API_KEY_PREFIX)))
        key = token;
    if (key.len > 0 && !mr_auth_open(api->opt.auth)) {
        c->key = key; /* PostgreSQL knows whose it is: a worker asks */
        return MR_OK;
    }
    rc = mr_auth_check(api->opt.auth, token, mr_wall_ms() / 1000, &c->who);
    if (rc == MR_E_TIMEOUT)
        return mr_call_fail(c, MR_E_AUTH, 0, "The access token has expired; sign in again.");
    if (rc != MR_OK && token.len > 0)
        return mr_call_fail(c, MR_E_AUTH, 0, "The access token is not valid.");
    if (rc != MR_OK)
        return rc;
    c->own = c->who.role;
    if (c->own < c->route->role && c->route->of == MR_OF_NOTHING)
        return mr_call_fail(c, MR_E_FORBIDDEN, 0, "This needs the role %s; yours is %s.",
                            mr_role_name(c->route->role), mr_role_name(c->own));
    return MR_OK;
}

/* Is there something to ask PostgreSQL before it is known whether the caller may do this? */
static bool asks_first(const struct mr_call *c)
{
    return c->key.len > 0 || (c->route->of != MR_OF_NOTHING && c->own != MR_ROLE_ADMIN);
}

static bool type_is_json(struct mr_span type)
{
    const char *semi = type.ptr ? memchr(type.ptr, ';', type.len) : NULL;

    if (!type.ptr)
        return false;
    if (semi)
        type.len = (size_t)(semi - type.ptr);
    while (type.len > 0 && type.ptr[type.len - 1] == ' ')
        type.len--;
    return (type.len == 16 && strncasecmp(type.ptr, "application/json", 16) == 0) ||
           (type.len > 17 && strncasecmp(type.ptr, "application/", 12) == 0 &&
            strncasecmp(type.ptr + type.len - 5, "+json", 5) == 0);
}

static bool type_is_ndjson(struct mr_span type)
{
    static const char *const names[] = {"application/x-ndjson", "application/ndjson",
                                        "application/jsonl"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (type.ptr && type.len >= strlen(names[i]) &&
            strncasecmp(type.ptr, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static int check_body(struct mr_call *c)
{
    struct mr_span body = mr_http_body(c->req), type = mr_http_header(c->req, "content-type");
    int rc;

    if (c->route->body == MR_BODY_NONE)
        return MR_OK;
    if (body.len == 0) {
        if (c->route->body == MR_BODY_OPTIONAL)
            return MR_OK;
        return mr_call_fail(c, MR_E_PROTO, 400, "A JSON object is expected in the body.");
    }
    if (c->route->body == MR_BODY_RECORDS && type_is_ndjson(type)) {
        c->body = body;
        c->ndjson = true;
        return MR_OK;
    }
    if (type.len > 0 && !type_is_json(type))
        return mr_call_fail(c, MR_E_INVAL, 415, "The body must be application/json.");
    rc = mr_json_check(body, &c->body);
    if (rc != MR_OK) {
        mr_metric_add(c->api->bad_json, 1);
        return mr_call_fail(c, MR_E_PROTO, 400,
                            rc == MR_E_TOOBIG ? "The body's JSON is nested too deep."
                                              : "The body is not valid JSON.");
    }
    if (c->route->body == MR_BODY_RECORDS && mr_json_type(c->body) == MR_JSON_ARRAY)
        return MR_OK;
    if (mr_json_type(c->body) != MR_JSON_OBJECT)
        return mr_call_fail(c, MR_E_INVAL, 422, "The body must be a JSON object.");
    return MR_OK;
}

/* ---- the work ----------------------------------------------------------------------------- */

/* [thread: loop] What answers there, for somebody whose key had to be looked up first. */
static void back_on_loop(void *arg)
{
    run_on_loop(arg);
}

/* May the caller do this? What only PostgreSQL knows of that, and then the body, which is nobody's
 * business before. */
static int check_on_worker(struct mr_call *c)
{
    int rc = c->key.len > 0 ? mr_api_key_check(c) : MR_OK;

    if (rc == MR_OK && c->route->of != MR_OF_NOTHING && c->own != MR_ROLE_ADMIN)
        rc = mr_grant_check(c);
    if (rc == MR_OK && asks_first(c))
        rc = check_body(c);
    return rc;
}

static void on_worker(void *arg)
{
    struct mr_call *c = arg;
    int rc = check_on_worker(c);

    if (rc == MR_OK && c->route->where == MR_ON_LOOP) {
        mr_call_db_release(c);
        rc = mr_post(c->api->opt.server, back_on_loop, c);
        if (rc == MR_OK)
            return;
    }
    if (rc != MR_OK) {
        finish(c, rc, false);
        return;
    }
    finish(c, mr_idempotency_asked(c) ? mr_idempotency_run(c) : c->route->handler(c), false);
}

/* ---- on the loop -------------------------------------------------------------------------- */

/* OPTIONS: of a preflight when the origin is one of ours, else the plain question. */
static int answer_options(struct mr_call *c, const char *allow)
{
    c->status = 204;
    c->type = NULL;
    mr_call_header(c, "Allow", "%s", allow);
    if (mr_http_header(c->req, "access-control-request-method").len > 0 &&
        mr_cors_allowed(c->api->opt.cfg->cors_origins, mr_http_header(c->req, "origin"))) {
        mr_call_header(c, "Access-Control-Allow-Methods", "%s", allow);
        mr_call_header(c, "Access-Control-Allow-Headers", ALLOW_HEADERS);
        mr_call_header(c, "Access-Control-Max-Age", "600");
    }
    return MR_OK;
}

/* Not a route: a file of the dashboard, or nothing. */
static int answer_unrouted(struct mr_call *c, const char *method)
{
    struct mr_span path = mr_http_path(c->req);

    if (c->api->opt.files && !mr_span_starts(path, MR_SPAN("/api/")) &&
        !mr_span_starts(path, MR_SPAN("/auth/"))) {
        if (strcmp(method, "GET") == 0 || c->head)
            return mr_static_answer(c->api->opt.files, c);
        if (strcmp(method, "OPTIONS") != 0 && mr_static_has(c->api->opt.files, path)) {
            mr_call_header(c, "Allow", "GET, HEAD, OPTIONS");
            return mr_call_fail(c, MR_E_CONFLICT, 405, "%s", "");
        }
    }
    if (strcmp(method, "OPTIONS") == 0 && mr_span_is(path, "*"))
        return answer_options(c, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    return mr_call_fail(c, MR_E_NOTFOUND, 0, "There is nothing at this address.");
}

/* MR_OK: go on to the handler; MR_E_END: answered already (status is set); else a problem. */
static int check(struct mr_call *c, const char *method)
{
    struct mr_match m;
    int rc = mr_router_match(mr_routes, mr_routes_n, method, mr_http_path(c->req), &m);

    if (rc == MR_E_NOTFOUND) {
        rc = answer_unrouted(c, method);
        return rc == MR_OK ? MR_E_END : rc;
    }
    if (strcmp(method, "OPTIONS") == 0) {
        rc = answer_options(c, m.allow);
        return rc == MR_OK ? MR_E_END : rc;
    }
    if (rc != MR_OK) {
        mr_call_header(c, "Allow", "%s", m.allow);
        return mr_call_fail(c, rc, 405, "This address answers %s.", m.allow);
    }
    c->route = m.route;
    memcpy(c->params, m.params, sizeof(c->params));
    mr_call_header(c, "Cache-Control", "no-store");
    if (atomic_load(&c->api->stopping) && m.route->where != MR_ON_LOOP) {
        mr_call_header(c, "Retry-After", "1");
        return mr_call_fail(c, MR_E_CLOSED, 0, "The server is shutting down.");
    }
    rc = check_who(c);
    return rc == MR_OK && !asks_first(c) ? check_body(c) : rc;
}

void mr_dispatch(struct mr_http_req *req, void *ctx)
{
    struct mr_api *api = ctx;
    struct mr_call *c = mr_zalloc(1, sizeof(*c));
    const char *method = mr_http_method(req);
    int rc;

    if (!c) {
        mr_http_reply(req, &(struct mr_http_response){.status = 503});
        return;
    }
    c->api = api;
    c->req = req;
    c->status = 200;
    c->type = "application/json";
    c->started_us = mr_mono_us();
    c->head = strcmp(method, "HEAD") == 0;
    mr_buf_init(&c->out, MR_CALL_BODY_MAX);
    mr_buf_init(&c->head_text, 16384);
    mr_buf_init(&c->errors, 65536);
    mr_buf_init(&c->extra, 4096);
    mr_request_id(mr_http_header(req, "x-request-id"), c->request_id);
    atomic_fetch_add(&api->in_flight, 1);
    rc = check(c, method);
    if (rc != MR_OK) {
        finish(c, rc == MR_E_END ? MR_OK : rc, true);
        return;
    }
    if (c->route->where == MR_ON_LOOP && c->key.len == 0) {
        run_on_loop(c);
        return;
    }
    rc = mr_pool_submit(c->route->where == MR_ON_AUTH      ? api->auth_pool
                        : c->route->where == MR_ON_OUTSIDE ? api->outside_pool
                                                           : api->opt.workers,
                        on_worker, c);
    if (rc != MR_OK) {
        mr_metric_add(api->refused, 1);
        mr_call_header(c, "Retry-After", "1");
        mr_call_fail(c, rc, 503, "Too many requests are waiting; try again.");
        finish(c, rc, true);
    }
}

void mr_dispatch_error(int status, const char *detail, struct mr_span path,
                       struct mr_http_response *res, void *ctx)
{
    /* The loop's own: valid until the next error, as the caller asks. */
    static struct mr_buf body = MR_BUF_INIT(16384);
    static const struct mr_http_header headers[] = {
        {"content-type", "application/problem+json"},
        {"x-content-type-options", "nosniff"},
    };
    struct mr_api *api = ctx;
    struct mr_problem p = {.status = status, .detail = detail, .instance = path};
    char id[65];

    mr_request_id(MR_SPAN_NONE, id);
    p.request_id = id;
    mr_buf_clear(&body);
    mr_problem_write(&body, &p);
    mr_api_count(api, NULL, status, 0);
    res->headers = headers;
    res->n_headers = sizeof(headers) / sizeof(headers[0]);
    res->body = mr_buf_span(&body);
}
