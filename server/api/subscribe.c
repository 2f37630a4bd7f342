/* subscribe.c - the requests of Socket.IO clients. A pipeline that is among the known ones is
 * served at once, unless it is hidden from who asks; of any other PostgreSQL is asked, because what
 * is known may be a second old. */
#include "api/sockets_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "store/grants.h"
#include "store/pipelines.h"
#include <stdio.h>

/* {ok:false, error:{code, message}} to who waits for an ack, a subscribe_error to who does not. */
void sock_error(struct mr_sockets *ss, struct mr_socket *s, int64_t ack_id, const char *event,
                const char *code, const char *message)
{
    struct mr_buf b = MR_BUF_INIT(1024);

    mr_metric_add(ss->subscribe_errors, 1);
    if (ack_id >= 0)
        mr_buf_add_str(&b, "{\"ok\":false,\"error\":");
    mr_buf_addf(&b, "{\"code\":\"%s\",\"message\":", code);
    mr_json_add_string(&b, mr_span_str(message));
    mr_buf_add_str(&b, ack_id >= 0 ? "}}" : "}");
    if (mr_buf_err(&b) == MR_OK && ack_id >= 0)
        mr_ack(s, ack_id, mr_buf_span(&b));
    else if (mr_buf_err(&b) == MR_OK)
        mr_socket_emit(s, event, mr_buf_span(&b));
    mr_buf_free(&b);
}

static void serve(struct mr_sockets *ss, struct mr_socket *s, struct mr_span args, int64_t ack_id)
{
    struct mr_stream_want want;
    const char *reason = NULL;

    if (mr_stream_parse(args, &want, &reason) != MR_OK) {
        sock_error(ss, s, ack_id, "subscribe_error", "invalid_request", reason);
        return;
    }
    mr_metric_add(ss->subscribes, 1);
    mr_stream_subscribe(ss->stream, s, &want, ack_id);
}

/* ---- checks ------------------------------------------------------------------------------- */

static void check_free(struct sock_check *k)
{
    mr_free(k->args);
    mr_free(k);
}

static void check_unlink(struct sock_check *k)
{
    struct sock_check **at = &k->sock->checks;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->sock->n_checks--;
    k->sock = NULL;
}

void sock_checks_drop(struct sock *s)
{
    while (s->checks) {
        struct sock_check *k = s->checks;

        check_unlink(k);
        if (!k->running)
            check_free(k); /* a running one is freed when it comes back */
    }
}

/* [thread: loop] PostgreSQL has answered, or not. */
static void check_done(void *arg)
{
    struct sock_check *k = arg;
    struct mr_sockets *ss = k->ss;
    struct mr_socket *s;

    k->running = false;
    if (!k->sock) {
        check_free(k);
        return;
    }
    if (k->rc != MR_OK && k->rc != MR_E_NOTFOUND && mr_mono_ms() < k->until_ms) {
        k->retry_ms = mr_mono_ms() + 250;
        return;
    }
    s = k->sock->socket;
    check_unlink(k);
    if (k->rc == MR_OK)
        serve(ss, s, mr_span_of(k->args, k->args_len), k->ack_id);
    else if (k->rc == MR_E_NOTFOUND)
        sock_error(ss, s, k->ack_id, "subscribe_error", "unknown_pipeline",
                   "There is no such pipeline.");
    else
        sock_error(ss, s, k->ack_id, "subscribe_error", "unavailable",
                   "PostgreSQL is not available; try again.");
    check_free(k);
}

static int may_see(struct mr_pg *db, const char *id, const char *user_id)
{
    enum mr_role role = MR_ROLE_NONE;
    int rc = mr_grants_role(db, MR_OF_PIPELINE, id, user_id, &role);

    if (rc == MR_E_NOTFOUND)
        return MR_OK; /* nothing was granted: the user's own role counts */
    return rc == MR_OK && role == MR_ROLE_NONE ? MR_E_NOTFOUND : rc;
}

/* [thread: worker] */
static void check_work(void *arg)
{
    struct sock_check *k = arg;
    struct mr_server *srv = k->ss->opt.server;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;

    mr_uuid_format(k->pipeline, id);
    k->rc = mr_pg_acquire(k->ss->opt.pg, 1000, &db);
    if (k->rc == MR_OK) {
        k->rc = mr_pipelines_exists(db, id);
        if (k->rc == MR_OK && k->who.role != MR_ROLE_ADMIN)
            k->rc = may_see(db, id, k->who.user_id);
        mr_pg_release(k->ss->opt.pg, db);
    }
    if (!sock_post(srv, check_done, k))
        LOG_DEBUG("subscribe_check_lost"); /* the process is ending */
}

static void check_start(struct sock_check *k)
{
    k->retry_ms = 0;
    k->running = true;
    if (mr_pool_submit(k->ss->opt.pool, check_work, k) != MR_OK) {
        k->running = false;
        k->retry_ms = mr_mono_ms() + 250;
    }
}

void sock_checks_tick(struct sock *s, uint64_t now_ms)
{
    for (struct sock_check *k = s->checks, *next; k; k = next) {
        next = k->next;
        if (!k->running && k->retry_ms <= now_ms)
            check_start(k);
    }
}

static void check_new(struct mr_sockets *ss, struct sock *sock, struct mr_uuid pipeline,
                      struct mr_span args, int64_t ack_id)
{
    struct sock_check *k = sock->n_checks < SOCK_CHECKS_MAX ? mr_zalloc(1, sizeof(*k)) : NULL;

    if (k)
        k->args = mr_memdup0(args.ptr, args.len);
    if (!k || !k->args) {
        mr_free(k);
        sock_error(ss, sock->socket, ack_id, "subscribe_error", "busy",
                   "Too many subscriptions at once; wait for the answers.");
        return;
    }
    k->ss = ss;
    k->sock = sock;
    k->who = sock->who;
    k->pipeline = pipeline;
    k->args_len = args.len;
    k->ack_id = ack_id;
    k->until_ms = mr_mono_ms() + SOCK_CHECK_FOR_MS;
    k->next = sock->checks;
    sock->checks = k;
    sock->n_checks++;
    check_start(k);
}

/* A newer request about a pipeline makes those that still wait void. */
static void checks_cancel(struct mr_sockets *ss, struct sock *sock, struct mr_uuid pipeline)
{
    for (struct sock_check *k = sock->checks, *next; k; k = next) {
        next = k->next;
        if (memcmp(&k->pipeline, &pipeline, sizeof(pipeline)) != 0)
            continue;
        sock_error(ss, sock->socket, k->ack_id, "subscribe_error", "replaced",
                   "A later request took this one's place.");
        check_unlink(k);
        if (!k->running)
            check_free(k);
    }
}

/* ---- events ------------------------------------------------------------------------------- */

static void on_subscribe(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_sockets *ss = ctx;
    struct sock *sock = mr_socket_data(s);
    struct mr_stream_want want;
    const char *reason = "not ready";

    if (ss->draining) {
        sock_error(ss, s, ack_id, "subscribe_error", "shutting_down",
                   "The server is shutting down.");
        return;
    }
    if (!sock || !ss->stream || mr_stream_parse(args, &want, &reason) != MR_OK) {
        sock_error(ss, s, ack_id, "subscribe_error", "invalid_request", reason);
        return;
    }
    checks_cancel(ss, sock, want.pipeline);
    if (status_knows(ss, want.pipeline) && !denied_to(ss, &sock->who, want.pipeline))
        serve(ss, s, args, ack_id);
    else
        check_new(ss, sock, want.pipeline, args, ack_id);
}

static void on_unsubscribe(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_sockets *ss = ctx;
    struct sock *sock = mr_socket_data(s);
    struct mr_stream_want want;
    const char *reason = "not ready";
    char id[MR_UUID_TEXT], room[MR_ROOM_TEXT], text[256];
    bool was;
    int n;

    if (!sock || !ss->stream || mr_stream_parse(args, &want, &reason) != MR_OK) {
        sock_error(ss, s, ack_id, "subscribe_error", "invalid_request", reason);
        return;
    }
    checks_cancel(ss, sock, want.pipeline);
    was = mr_stream_unsubscribe(ss->stream, s, want.pipeline);
    mr_uuid_format(want.pipeline, id);
    mr_stream_room(want.pipeline, room);
    n = snprintf(text, sizeof(text),
                 "{\"ok\":true,\"pipeline_id\":\"%s\",\"room\":\"%s\",\"was_subscribed\":%s}", id,
                 room, was ? "true" : "false");
    mr_ack(s, ack_id, mr_span_of(text, (size_t)n));
}

static void on_refresh(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_sockets *ss = ctx;
    struct sock *sock = mr_socket_data(s);
    struct mr_span arg = MR_SPAN_NONE;
    struct mr_identity who;
    char text[96];
    int n, rc;

    /* The first argument may be all of args, or the first of several. */
    if (!sock || mr_json_check(args, &arg) != MR_OK) {
        sock_error(ss, s, ack_id, "refresh_error", "invalid_request", "A token is expected.");
        return;
    }
    rc = mr_auth_check(ss->opt.auth, sock_token(arg), mr_wall_ms() / 1000, &who);
    if (rc == MR_OK && strcmp(who.user_id, sock->who.user_id) != 0)
        rc = MR_E_FORBIDDEN;
    if (rc != MR_OK) {
        sock_error(ss, s, ack_id, "refresh_error",
                   rc == MR_E_TIMEOUT ? "token_expired"
                                      : (rc == MR_E_FORBIDDEN ? "other_user" : "token_invalid"),
                   "The token was not accepted; the one before it is still in force.");
        return;
    }
    sock->who = who;
    n = snprintf(text, sizeof(text), "{\"ok\":true,\"expires_at\":%lld}",
                 (long long)who.expires_at);
    mr_ack(s, ack_id, mr_span_of(text, (size_t)n));
}

int sock_on_events(struct mr_sockets *ss)
{
    int rc = mr_on(ss->opt.server, "/", "subscribe_pipeline", on_subscribe, ss);

    if (rc == MR_OK)
        rc = mr_on(ss->opt.server, "/", "unsubscribe_pipeline", on_unsubscribe, ss);
    if (rc == MR_OK)
        rc = mr_on(ss->opt.server, "/", "refresh_token", on_refresh, ss);
    return rc;
}
