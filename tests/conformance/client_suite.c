/* client_suite.c - what the official clients' tests expect of the server at the other end, over
 * nothing but the public header.
 */
#include "client_suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- JSON, made by hand -------------------------------------------------------------------- */

struct text {
    char bytes[8192];
    size_t len;
};

static void put(struct text *t, const char *s, size_t n)
{
    if (n < sizeof(t->bytes) - t->len) {
        memcpy(t->bytes + t->len, s, n);
        t->len += n;
    }
}

static void put_str(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static void put_json_string(struct text *t, const char *s, size_t n)
{
    put_str(t, "\"");
    for (size_t i = 0; i < n; i++) {
        char escaped[8];

        if ((unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') {
            put(t, s + i, 1);
            continue;
        }
        (void)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)s[i]);
        put_str(t, escaped);
    }
    put_str(t, "\"");
}

static struct mr_span span_of(const struct text *t)
{
    return mr_span_of(t->bytes, t->len);
}

/* As Date.prototype.toJSON writes it. */
static void put_date(struct text *t)
{
    struct timespec now;
    struct tm tm;
    char date[64], whole[96];

    clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(whole, sizeof(whole), "\"%s.%03ldZ\"", date, now.tv_nsec / 1000000);
    put_str(t, whole);
}

/* socket.handshake, as far as the tests look at it. */
static void put_handshake(struct text *t, const struct mr_socket *s)
{
    struct mr_span query = mr_socket_query(s), auth = mr_socket_auth(s), name, value;
    char text[1024], issued[32];
    const char *comma = "";
    int64_t n;

    (void)snprintf(issued, sizeof(issued), "%" PRIu64, mr_socket_issued_ms(s));
    put_str(t, "{\"issued\":");
    put_str(t, issued);
    put_str(t, ",\"secure\":");
    put_str(t, mr_socket_secure(s) ? "true" : "false");
    put_str(t, ",\"xdomain\":");
    put_str(t, mr_socket_xdomain(s) ? "true" : "false");
    put_str(t, ",\"address\":");
    put_json_string(t, mr_socket_addr(s), strlen(mr_socket_addr(s)));
    put_str(t, ",\"auth\":");
    put(t, auth.ptr, auth.len);
    put_str(t, ",\"query\":{");
    while (mr_query_next(&query, &name, &value)) {
        put_str(t, comma);
        comma = ",";
        n = mr_query_decode(name, text, sizeof(text));
        put_json_string(t, text, n > 0 ? (size_t)n : 0);
        put_str(t, ":");
        n = mr_query_decode(value, text, sizeof(text));
        put_json_string(t, text, n > 0 ? (size_t)n : 0);
    }
    put_str(t, "}}");
}

/* ---- Socket.IO: events --------------------------------------------------------------------- */

static void emit(struct mr_socket *s, const char *event, const char *args)
{
    (void)mr_socket_emit(s, event, mr_span_str(args));
}

static bool is_binary(const struct mr_socket *s, struct mr_span value)
{
    return mr_event_attachments(s) > 0 && mr_member(value, "_placeholder").len > 0;
}

#define EVENT(name)                                                                                \
    static void on_##name(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)

EVENT(hi)
{
    (void)args, (void)ack_id, (void)ctx;
    emit(s, "hi", "");
}

EVENT(echo)
{
    (void)ctx;
    (void)mr_ack(s, ack_id, mr_arg(args, 0));
}

static void on_acked(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)ctx;
    if (err == MR_OK && mr_span_is(mr_arg(args, 0), "5") &&
        mr_member(mr_arg(args, 1), "test").len > 0)
        emit(s, "got it", "");
}

EVENT(ack)
{
    (void)args, (void)ack_id, (void)ctx;
    if (mr_socket_emit_ack(s, "ack", MR_SPAN_NONE, 0, on_acked, NULL) != MR_OK)
        mr_socket_disconnect(s, true);
}

EVENT(getAckDate)
{
    struct text t = {.len = 0};

    (void)args, (void)ctx;
    put_date(&t);
    (void)mr_ack(s, ack_id, span_of(&t));
}

EVENT(getDate)
{
    struct text t = {.len = 0};

    (void)args, (void)ack_id, (void)ctx;
    put_date(&t);
    (void)mr_socket_emit(s, "takeDate", span_of(&t));
}

EVENT(getDateObj)
{
    struct text t = {.len = 0};

    (void)args, (void)ack_id, (void)ctx;
    put_str(&t, "{\"date\":");
    put_date(&t);
    put_str(&t, "}");
    (void)mr_socket_emit(s, "takeDateObj", span_of(&t));
}

EVENT(getUtf8)
{
    (void)args, (void)ack_id, (void)ctx;
    emit(s, "takeUtf8", "\"てすと\"");
    emit(s, "takeUtf8", "\"Я Б Г Д Ж Й\"");
    emit(s, "takeUtf8", "\"Ä ä Ü ü ß\"");
    emit(s, "takeUtf8", "\"utf8 — string\"");
    emit(s, "takeUtf8", "\"utf8 — string\"");
}

EVENT(false)
{
    (void)args, (void)ack_id, (void)ctx;
    emit(s, "false", "false");
}

/* ctx: the event to answer with eight bytes. */
EVENT(getbin)
{
    struct mr_span bytes = MR_SPAN("asdfasdf");

    (void)args, (void)ack_id;
    (void)mr_socket_emit_binary(s, ctx, MR_SPAN("{\"_placeholder\":true,\"num\":0}"), &bytes, 1);
}

/* Binary in, and ctx says so. */
EVENT(binary)
{
    (void)ack_id;
    if (is_binary(s, mr_arg(args, 0)))
        emit(s, ctx, "");
}

/* The same inside of an object, beside two strings. */
EVENT(mixed)
{
    struct mr_span a = mr_arg(args, 0);

    (void)ack_id;
    if (mr_span_is(mr_member(a, "hello"), "\"lol\"") && is_binary(s, mr_member(a, "message")) &&
        mr_span_is(mr_member(a, "goodbye"), "\"gotcha\""))
        emit(s, ctx, "");
}

/* Several that must come in order: the socket's data counts the steps done. */
static void step(struct mr_socket *s, intptr_t at, bool good)
{
    if (good && (intptr_t)mr_socket_data(s) == at)
        mr_socket_set_data(s, (void *)(at + 1));
}

EVENT(first)
{
    (void)ack_id, (void)ctx;
    mr_socket_set_data(s, NULL);
    step(s, 0, is_binary(s, mr_arg(args, 0)));
}

EVENT(abuff2)
{
    (void)args, (void)ack_id, (void)ctx;
    if ((intptr_t)mr_socket_data(s) == 1)
        emit(s, "abuff2-ack", "");
}

EVENT(blob2)
{
    (void)ack_id, (void)ctx;
    step(s, 1, mr_span_is(mr_arg(args, 0), "\"second\""));
}

EVENT(blob3)
{
    (void)ack_id, (void)ctx;
    if ((intptr_t)mr_socket_data(s) == 2 && is_binary(s, mr_arg(args, 0)))
        emit(s, "blob3-ack", "");
}

EVENT(getHandshake)
{
    struct text t = {.len = 0};

    (void)args, (void)ctx;
    put_handshake(&t, s);
    (void)mr_ack(s, ack_id, span_of(&t));
}

EVENT(getId)
{
    struct text t = {.len = 0};

    (void)args, (void)ctx;
    put_json_string(&t, mr_socket_id(s), strlen(mr_socket_id(s)));
    (void)mr_ack(s, ack_id, span_of(&t));
}

/* ---- Socket.IO: namespaces ----------------------------------------------------------------- */

static int main_middleware(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    char value[64];

    (void)auth, (void)ctx;
    if (mr_query_param(mr_socket_query(s), "fail", value, sizeof(value)) <= 0)
        return MR_OK;
    mr_connect_refuse(s, "Auth failed (main namespace)", MR_SPAN_NONE);
    return MR_E_AUTH;
}

static int no_middleware(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)auth, (void)ctx;
    mr_connect_refuse(s, "Auth failed (custom namespace)", MR_SPAN_NONE);
    return MR_E_AUTH;
}

static void tell_handshake(struct mr_socket *s, void *ctx)
{
    struct text t = {.len = 0};

    (void)ctx;
    put_handshake(&t, s);
    (void)mr_socket_emit(s, "handshake", span_of(&t));
}

static void nothing(struct mr_socket *s, void *ctx)
{
    (void)s, (void)ctx;
}

static void later(uv_timer_t *timer)
{
    mr_request_allow(timer->data);
    uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

/* A handshake takes 10 ms, so that clients' timeouts can be tested. */
static int slow_handshake(const struct mr_request *req, const char **message, void *ctx)
{
    uv_timer_t *timer = malloc(sizeof(*timer));

    (void)message;
    if (timer == NULL || uv_timer_init(ctx, timer) != 0)
        return MR_E_NOMEM;
    timer->data = mr_request_keep(req);
    if (timer->data == NULL || uv_timer_start(timer, later, 10, 0) != 0)
        return MR_E_NOMEM;
    return MR_E_AGAIN;
}

int client_suite_socketio(struct mr_server *srv)
{
    static const struct {
        const char *name;
        mr_event_fn fn;
        const char *answer;
    } events[] = {
        {"hi", on_hi, NULL},
        {"echo", on_echo, NULL},
        {"ack", on_ack, NULL},
        {"getAckDate", on_getAckDate, NULL},
        {"getDate", on_getDate, NULL},
        {"getDateObj", on_getDateObj, NULL},
        {"getUtf8", on_getUtf8, NULL},
        {"false", on_false, NULL},
        {"doge", on_getbin, "doge"},
        {"getbin", on_getbin, "takebin"},
        {"buffa", on_binary, "buffack"},
        {"blob", on_binary, "back"},
        {"jsonbuff", on_mixed, "jsonbuff-ack"},
        {"jsonblob", on_mixed, "jsonblob-ack"},
        {"abuff1", on_first, NULL},
        {"abuff2", on_abuff2, NULL},
        {"blob1", on_first, NULL},
        {"blob2", on_blob2, NULL},
        {"blob3", on_blob3, NULL},
        {"getHandshake", on_getHandshake, NULL},
        {"getId", on_getId, NULL},
    };
    static const char *const empty[] = {"/timeout_socket", "/valid", "/asd"};
    int rc = mr_use(srv, "/", main_middleware, NULL);

    for (size_t i = 0; rc == MR_OK && i < sizeof(events) / sizeof(events[0]); i++)
        rc = mr_on(srv, "/", events[i].name, events[i].fn, (void *)(uintptr_t)events[i].answer);
    for (size_t i = 0; rc == MR_OK && i < sizeof(empty) / sizeof(empty[0]); i++)
        rc = mr_on_connected(srv, empty[i], nothing, NULL);
    if (rc == MR_OK)
        rc = mr_on(srv, "/foo", "getId", on_getId, NULL);
    if (rc == MR_OK)
        rc = mr_on_connected(srv, "/abc", tell_handshake, NULL);
    if (rc == MR_OK)
        rc = mr_use(srv, "/no", no_middleware, NULL);
    if (rc == MR_OK)
        rc = mr_use_recovery(srv, NULL);
    mr_engine_allow_request(mr_server_engine(srv), slow_handshake, uv_default_loop());
    return rc;
}

/* ---- Engine.IO ----------------------------------------------------------------------------- */

#define COOKIE_MAX 1024

static void greet(struct mr_engine_client *c, void *ctx)
{
    (void)ctx;
    mr_engine_client_set_data(c, calloc(1, COOKIE_MAX));
    (void)mr_engine_send(c, MR_SPAN("hi"));
}

static void forget(struct mr_engine_client *c, const char *reason, void *ctx)
{
    (void)reason, (void)ctx;
    free(mr_engine_client_data(c));
    mr_engine_client_set_data(c, NULL);
}

static void tell_cookie(struct mr_engine_client *c)
{
    const char *cookie = mr_engine_client_data(c);
    struct text t = {.len = 0};

    put_str(&t, "{");
    if (cookie != NULL && cookie[0] != '\0') {
        put_str(&t, "\"cookie\":");
        put_json_string(&t, cookie, strlen(cookie));
    }
    put_str(&t, "}");
    (void)mr_engine_send(c, span_of(&t));
}

static void bounce(struct mr_engine_client *c, struct mr_span data, bool binary, void *ctx)
{
    (void)ctx;
    if (binary)
        (void)mr_engine_send_binary(c, data);
    else if (mr_span_is(data, "give binary"))
        (void)mr_engine_send_binary(c, mr_span_of("\0\1\2\3\4", 5));
    else if (mr_span_is(data, "give utf8"))
        (void)mr_engine_send(c, MR_SPAN("пойду спать всем спокойной ночи"));
    else if (mr_span_is(data, "sendHeaders"))
        tell_cookie(c);
    else
        (void)mr_engine_send(c, data);
}

static int deny(const struct mr_request *req, const char **message, void *ctx)
{
    char value[64];

    (void)message, (void)ctx;
    return mr_query_param(mr_request_query(req), "deny", value, sizeof(value)) < 0 ? MR_OK
                                                                                   : MR_E_FORBIDDEN;
}

/* A handshake is given cookies; of the others the last cookie header is remembered. */
static int look(const struct mr_request *req, const char **message, void *ctx)
{
    static const char *const cookies[] = {"1=1; Max-Age=86400",
                                          "2=2; Path=/; HttpOnly; Secure; SameSite=Strict",
                                          "3=3; Max-Age=0", "4=4; Expires=%s"};
    struct mr_engine_client *c = mr_request_client(req);
    struct mr_span cookie = mr_request_header(req, "cookie");
    char *kept = c ? mr_engine_client_data(c) : NULL;
    char sid[64], date[64], line[128];
    time_t now = time(NULL);
    struct tm tm;

    (void)message, (void)ctx;
    if (kept != NULL)
        (void)snprintf(kept, COOKIE_MAX, MR_SPAN_FMT, MR_SPAN_ARG(cookie));
    if (mr_query_param(mr_request_query(req), "sid", sid, sizeof(sid)) >= 0)
        return MR_OK;
    (void)gmtime_r(&now, &tm);
    (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    for (size_t i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
        const char *at = strstr(cookies[i], "%s");

        (void)snprintf(line, sizeof(line), "%.*s%s", at ? (int)(at - cookies[i]) : 100, cookies[i],
                       at ? date : "");
        if (mr_request_add_header(req, "Set-Cookie", line) != MR_OK)
            return MR_E_NOMEM;
    }
    return MR_OK;
}

int client_suite_engine(struct mr_server *srv, const struct mr_engine_options *opt)
{
    static const struct mr_engine_handlers on = {.open = greet, .message = bounce, .close = forget};
    struct mr_engine *engine;
    int rc = mr_engine_new(&engine, srv, opt, &on, NULL);

    if (rc != MR_OK)
        return rc;
    mr_engine_allow_request(engine, deny, NULL);
    return mr_engine_use(engine, look, NULL);
}
