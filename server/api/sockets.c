/* sockets.c - connections: who is let in, until when, and how they are asked to leave. */
#include "api/sockets_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <stdio.h>
#include <strings.h>
#include <time.h>

struct mr_span sock_token(struct mr_span arg)
{
    struct mr_span v = arg;

    if (mr_json_type(arg) == MR_JSON_OBJECT && mr_json_get(arg, "token", &v) != MR_OK)
        return MR_SPAN_NONE;
    /* Base64url and dots: an honest token has no escapes to resolve. */
    return mr_json_type(v) == MR_JSON_STRING ? mr_json_string_raw(v) : MR_SPAN_NONE;
}

bool sock_post(struct mr_server *srv, void (*fn)(void *arg), void *arg)
{
    int rc;

    /* Full means that the loop is busy, not stuck; a worker can wait where the loop may not. */
    while ((rc = mr_post(srv, fn, arg)) == MR_E_AGAIN)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return rc == MR_OK;
}

/* ---- connections -------------------------------------------------------------------------- */

int sock_refuse(struct mr_sockets *ss, struct mr_socket *s, const char *message, const char *code)
{
    char data[64];
    int n = snprintf(data, sizeof(data), "{\"code\":\"%s\"}", code);

    mr_metric_add(ss->refused, 1);
    mr_connect_refuse(s, message, mr_span_of(data, (size_t)n));
    return MR_E_AUTH;
}

int sock_admit(struct mr_sockets *ss, struct mr_socket *s, const struct mr_identity *who)
{
    struct sock *sock = mr_zalloc(1, sizeof(*sock));

    if (!sock)
        return MR_E_NOMEM;
    sock->socket = s;
    sock->who = *who;
    sock->since_us = mr_wall_us();
    sock->next = ss->first;
    if (ss->first)
        ss->first->prev = sock;
    ss->first = sock;
    ss->n++;
    mr_socket_set_data(s, sock);
    mr_metric_add(ss->connects, 1);
    return MR_OK;
}

struct mr_span sock_credential(const struct mr_socket *s, struct mr_span auth)
{
    struct mr_span token = sock_token(auth), header = mr_socket_header(s, "authorization");

    if (token.len == 0 && header.len > 7 && strncasecmp(header.ptr, "bearer ", 7) == 0)
        token = mr_span_of(header.ptr + 7, header.len - 7);
    return token.len > 0 ? token : mr_socket_header(s, "x-api-key");
}

static int on_connect(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    struct mr_sockets *ss = ctx;
    struct mr_span token = sock_credential(s, auth);
    struct mr_identity who;
    int rc;

    /* Neither admitted nor refused: a refusal is final for socket.io-client, while from a
     * connection that ends without an answer, as this one soon does, it comes back. */
    if (ss->draining)
        return MR_E_AGAIN;
    if (mr_socket_data(s))
        return sock_key_admit(ss, s);
    rc = mr_auth_check(ss->opt.auth, token, mr_wall_ms() / 1000, &who);
    if (rc != MR_OK)
        return sock_refuse(ss, s, "unauthorized",
                           rc == MR_E_TIMEOUT
                               ? "token_expired"
                               : (token.len == 0 ? "token_missing" : "token_invalid"));
    return sock_admit(ss, s, &who) == MR_OK ? MR_OK
                                            : sock_refuse(ss, s, "out of memory", "unavailable");
}

static void on_disconnect(struct mr_socket *s, const char *reason, void *ctx)
{
    struct mr_sockets *ss = ctx;
    struct sock *sock = mr_socket_data(s);

    (void)reason;
    if (!sock)
        return;
    if (ss->stream)
        mr_stream_forget(ss->stream, s);
    sock_checks_drop(sock);
    *(sock->prev ? &sock->prev->next : &ss->first) = sock->next;
    if (sock->next)
        sock->next->prev = sock->prev;
    ss->n--;
    mr_socket_set_data(s, NULL);
    mr_free(sock);
}

static void on_drain(struct mr_socket *s, void *ctx)
{
    struct mr_sockets *ss = ctx;

    if (ss->stream)
        mr_stream_drained(ss->stream, s);
}

size_t mr_sockets_count(const struct mr_sockets *ss)
{
    return ss->n;
}

/* ---- time --------------------------------------------------------------------------------- */

void sock_expire(struct mr_sockets *ss, struct sock *s)
{
    mr_metric_add(ss->expired, 1);
    LOG_DEBUG("socket_token_expired", F_STR("sid", mr_socket_id(s->socket)));
    mr_socket_emit(s->socket, "token_expired", MR_SPAN("{\"code\":\"token_expired\"}"));
    mr_socket_disconnect(s->socket, true);
}

static void on_tick(uv_timer_t *t)
{
    struct mr_sockets *ss = t->data;
    int64_t now_s = mr_wall_ms() / 1000;
    uint64_t now_ms = mr_mono_ms();

    for (struct sock *s = ss->first, *next; s; s = next) {
        next = s->next;
        if (s->checks && !ss->draining)
            sock_checks_tick(s, now_ms);
        if (s->who.expires_at == 0 || now_s < s->who.expires_at)
            continue;
        if (s->key[0])
            sock_key_again(ss, s);
        else
            sock_expire(ss, s);
    }
    if (ss->retry_ms > 0 && now_ms >= ss->retry_ms) {
        ss->retry_ms = 0;
        status_read(ss);
    }
}

int mr_sockets_drain(struct mr_sockets *ss, uint64_t ms, void (*done)(void *ctx), void *ctx)
{
    const struct mr_drain how = {.duration_ms = (uint32_t)ms};

    ss->draining = true;
    return mr_server_drain(ss->opt.server, &how, done, ctx);
}

/* ---- life --------------------------------------------------------------------------------- */

static void make_metrics(struct mr_sockets *ss)
{
    ss->connects = mr_metric_counter("millrace_socket_connects_total", "Sockets admitted", NULL);
    ss->refused =
        mr_metric_counter("millrace_socket_refused_total",
                          "CONNECTs refused: no token, a bad one, or shutting down", NULL);
    ss->subscribes = mr_metric_counter("millrace_subscribes_total", "Subscriptions accepted", NULL);
    ss->subscribe_errors =
        mr_metric_counter("millrace_subscribe_errors_total", "Subscriptions refused", NULL);
    ss->expired = mr_metric_counter("millrace_socket_expired_total",
                                    "Sockets disconnected because their token expired", NULL);
}

int mr_sockets_new(struct mr_sockets **out, const struct mr_sockets_options *opt)
{
    struct mr_sockets *ss = mr_zalloc(1, sizeof(*ss));
    int rc;

    if (!ss)
        return MR_E_NOMEM;
    ss->opt = *opt;
    ss->activity = -1;
    make_metrics(ss);
    rc = mr_use(opt->server, "/", sock_key_connect, ss);
    if (rc == MR_OK)
        rc = mr_on_connect(opt->server, "/", on_connect, ss);
    if (rc == MR_OK)
        rc = mr_on_disconnect(opt->server, "/", on_disconnect, ss);
    if (rc == MR_OK)
        rc = mr_on_drain(opt->server, "/", on_drain, ss);
    if (rc == MR_OK)
        rc = sock_on_events(ss);
    if (rc == MR_OK && uv_timer_init(opt->loop, &ss->tick) != 0)
        rc = MR_E_IO;
    if (rc != MR_OK) {
        mr_free(ss);
        return rc;
    }
    ss->tick.data = ss;
    uv_timer_start(&ss->tick, on_tick, SOCK_TICK_MS, SOCK_TICK_MS);
    *out = ss;
    return MR_OK;
}

void mr_sockets_stream(struct mr_sockets *ss, struct mr_stream *st)
{
    ss->stream = st;
    status_read(ss);
}

static void on_closed(uv_handle_t *h)
{
    struct mr_sockets *ss = h->data;

    status_free(ss);
    mr_free(ss);
}

void mr_sockets_free(struct mr_sockets *ss)
{
    if (!ss || ss->closing)
        return;
    ss->closing = true;
    uv_close((uv_handle_t *)&ss->tick, on_closed);
}
