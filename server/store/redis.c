/* redis.c - connecting, sending, reading. */
#include "store/redis.h"
#include "base/clock.h"
#include "proto/alloc.h"
#include "proto/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX   (256u << 20)
#define READ_SIZE 65536

struct mr_redis {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    redisReader *reader;
    struct mr_buf out;
    int64_t timeout_ms;
    char why[300];
};

static int say(struct mr_redis *r, int rc, const char *what)
{
    (void)snprintf(r->why, sizeof(r->why), "Redis: %s", what);
    return rc;
}

/* ---- the way ------------------------------------------------------------------------------ */

/* Until it is readable (writable), or the deadline. */
static int wait_for(struct mr_redis *r, short events, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now = mr_mono_ms();
        struct pollfd p = {.fd = r->fd, .events = events};
        int n = now >= deadline_ms ? 0 : poll(&p, 1, (int)(deadline_ms - now));

        if (n > 0)
            return MR_OK;
        if (n == 0)
            return say(r, MR_E_TIMEOUT, "no answer in time");
        if (errno != EINTR)
            return say(r, MR_E_UNAVAIL, "the connection broke");
    }
}

/* What a TLS call that did not succeed waits for. */
static int tls_wait(struct mr_redis *r, int ret, uint64_t deadline_ms)
{
    switch (SSL_get_error(r->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(r, POLLIN, deadline_ms);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(r, POLLOUT, deadline_ms);
    default:
        ERR_clear_error();
        return say(r, MR_E_UNAVAIL, "the connection broke");
    }
}

/* Returns how many bytes, or an error. */
static ssize_t some(struct mr_redis *r, bool in, char *data, size_t size, uint64_t deadline_ms)
{
    for (;;) {
        ssize_t n;
        int rc;

        if (r->ssl) {
            int want = size > INT32_MAX ? INT32_MAX : (int)size;
            int ret = in ? SSL_read(r->ssl, data, want) : SSL_write(r->ssl, data, want);

            if (ret > 0)
                return ret;
            rc = tls_wait(r, ret, deadline_ms);
        } else {
            n = in ? read(r->fd, data, size) : send(r->fd, data, size, MSG_NOSIGNAL);
            if (n > 0)
                return n;
            if (n == 0 || (errno != EAGAIN && errno != EINTR))
                return say(r, MR_E_UNAVAIL, "the connection broke");
            rc = wait_for(r, in ? POLLIN : POLLOUT, deadline_ms);
        }
        if (rc != MR_OK)
            return rc;
    }
}

static int flush(struct mr_redis *r, uint64_t deadline_ms)
{
    size_t sent = 0;

    while (sent < r->out.len) {
        ssize_t n = some(r, false, r->out.ptr + sent, r->out.len - sent, deadline_ms);

        if (n < 0)
            return (int)n;
        sent += (size_t)n;
    }
    mr_buf_clear(&r->out);
    return MR_OK;
}

static int dial(struct mr_redis *r, const char *host, int port, uint64_t deadline_ms)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    char service[8];
    int rc = MR_E_UNAVAIL, err = 0, one = 1;

    (void)snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(host, service, &hints, &all) != 0)
        return say(r, rc, "its host is unknown");
    for (struct addrinfo *a = all; a && rc != MR_OK; a = a->ai_next) {
        socklen_t len = sizeof(err);

        r->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (r->fd < 0)
            continue;
        if (connect(r->fd, a->ai_addr, a->ai_addrlen) == 0 ||
            (errno == EINPROGRESS && wait_for(r, POLLOUT, deadline_ms) == MR_OK &&
             getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0)) {
            (void)setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            rc = MR_OK;
            break;
        }
        (void)close(r->fd);
        r->fd = -1;
    }
    freeaddrinfo(all);
    return rc == MR_OK ? rc : say(r, rc, "it cannot be reached");
}

static int secure(struct mr_redis *r, const char *host, uint64_t deadline_ms)
{
    int rc, ret;

    r->ctx = SSL_CTX_new(TLS_client_method());
    if (!r->ctx)
        return MR_E_NOMEM;
    SSL_CTX_set_verify(r->ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(r->ctx, TLS1_2_VERSION);
    (void)SSL_CTX_set_default_verify_paths(r->ctx);
    r->ssl = SSL_new(r->ctx);
    if (!r->ssl)
        return MR_E_NOMEM;
    SSL_set_mode(r->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_set_fd(r->ssl, r->fd) != 1 || SSL_set1_host(r->ssl, host) != 1)
        return MR_E_NOMEM;
    (void)SSL_set_tlsext_host_name(r->ssl, host);
    while ((ret = SSL_connect(r->ssl)) != 1) {
        if (SSL_get_verify_result(r->ssl) != X509_V_OK)
            return say(r, MR_E_UNAVAIL,
                       X509_verify_cert_error_string(SSL_get_verify_result(r->ssl)));
        rc = tls_wait(r, ret, deadline_ms);
        if (rc != MR_OK)
            return say(r, rc, "the TLS handshake failed");
    }
    return MR_OK;
}

/* ---- commands ----------------------------------------------------------------------------- */

int mr_redis_add(struct mr_redis *r, size_t n, const struct mr_span *args)
{
    mr_buf_addf(&r->out, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        mr_buf_addf(&r->out, "$%zu\r\n", args[i].len);
        mr_buf_add_span(&r->out, args[i]);
        mr_buf_add_str(&r->out, "\r\n");
    }
    return mr_buf_err(&r->out);
}

int mr_redis_reply(struct mr_redis *r, redisReply **out)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)r->timeout_ms;
    int rc = flush(r, deadline);
    void *reply = NULL;
    char data[READ_SIZE];

    *out = NULL;
    while (rc == MR_OK) {
        ssize_t n;

        if (redisReaderGetReply(r->reader, &reply) != REDIS_OK)
            return say(r, MR_E_UNAVAIL, "its answer is not of its protocol");
        if (reply)
            break;
        n = some(r, true, data, sizeof(data), deadline);
        if (n < 0)
            return (int)n;
        if (redisReaderFeed(r->reader, data, (size_t)n) != REDIS_OK)
            return MR_E_NOMEM;
    }
    *out = reply;
    return rc;
}

int mr_redis_call(struct mr_redis *r, size_t n, const struct mr_span *args, redisReply **out)
{
    int rc = mr_redis_add(r, n, args);

    *out = NULL;
    return rc == MR_OK ? mr_redis_reply(r, out) : rc;
}

const char *mr_redis_why(const struct mr_redis *r)
{
    return r->why;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* A command that is to answer OK. */
static int expect_ok(struct mr_redis *r, size_t n, const struct mr_span *args)
{
    redisReply *reply;
    int rc = mr_redis_call(r, n, args, &reply);

    if (rc == MR_OK && reply->type == REDIS_REPLY_ERROR)
        rc = say(r, MR_E_AUTH, reply->str);
    if (reply)
        freeReplyObject(reply);
    return rc;
}

static int greet(struct mr_redis *r, const struct mr_redis_url *u)
{
    char db[16];
    int rc = MR_OK;

    if (u->password[0] && u->user[0])
        rc = expect_ok(
            r, MR_REDIS_ARGS(MR_SPAN("AUTH"), mr_span_str(u->user), mr_span_str(u->password)));
    else if (u->password[0])
        rc = expect_ok(r, MR_REDIS_ARGS(MR_SPAN("AUTH"), mr_span_str(u->password)));
    if (rc == MR_OK && u->db > 0) {
        (void)snprintf(db, sizeof(db), "%d", u->db);
        rc = expect_ok(r, MR_REDIS_ARGS(MR_SPAN("SELECT"), mr_span_str(db)));
    }
    if (rc == MR_OK) {
        rc = expect_ok(r, MR_REDIS_ARGS(MR_SPAN("PING")));
        if (rc == MR_E_AUTH) /* NOAUTH, LOADING, .. */
            rc = strstr(r->why, "NOAUTH") ? MR_E_AUTH : MR_E_UNAVAIL;
    }
    return rc;
}

static int connect_to(struct mr_redis *r, const struct mr_redis_url *u, const char *host, int port)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)r->timeout_ms;
    int rc = dial(r, host, port, deadline);

    return rc == MR_OK && u->tls ? secure(r, host, deadline) : rc;
}

static void disconnect(struct mr_redis *r)
{
    if (r->ssl)
        SSL_free(r->ssl);
    if (r->ctx)
        SSL_CTX_free(r->ctx);
    r->ssl = NULL;
    r->ctx = NULL;
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
    if (r->reader)
        redisReaderFree(r->reader);
    r->reader = redisReaderCreate();
    mr_buf_clear(&r->out);
}

/* Ask one sentinel where the primary is. */
static int ask_sentinel(struct mr_redis *r, const struct mr_redis_url *u, char host[256], int *port)
{
    redisReply *reply = NULL;
    int rc = mr_redis_call(r,
                           MR_REDIS_ARGS(MR_SPAN("SENTINEL"), MR_SPAN("get-master-addr-by-name"),
                                         mr_span_str(u->name)),
                           &reply);

    if (rc == MR_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
                        !reply->element[0]->str || !reply->element[1]->str))
        rc = say(r, MR_E_UNAVAIL, "the sentinels know no primary of that name");
    if (rc == MR_OK) {
        (void)snprintf(host, 256, "%s", reply->element[0]->str);
        *port = (int)strtol(reply->element[1]->str, NULL, 10);
    }
    if (reply)
        freeReplyObject(reply);
    return rc;
}

static int find_and_connect(struct mr_redis *r, const struct mr_redis_url *u)
{
    char host[256];
    int port = 0, rc = MR_E_UNAVAIL;

    if (!u->sentinel)
        return connect_to(r, u, u->hosts[0].host, u->hosts[0].port);
    for (size_t i = 0; i < u->n_hosts && rc != MR_OK; i++) {
        rc = connect_to(r, u, u->hosts[i].host, u->hosts[i].port);
        if (rc == MR_OK)
            rc = ask_sentinel(r, u, host, &port);
        disconnect(r);
        if (rc == MR_OK)
            rc = connect_to(r, u, host, port);
    }
    return rc;
}

int mr_redis_open(struct mr_redis **out, const char *url, int64_t timeout_ms, char *why,
                  size_t size)
{
    struct mr_redis_url u;
    struct mr_redis *r;
    int rc = mr_redis_url_parse(url, &u);

    *out = NULL;
    if (rc != MR_OK) {
        (void)snprintf(why, size,
                       "REDIS_URL: give redis://[user:password@]host[:port][/db], "
                       "rediss://.. or redis-sentinel://..");
        return rc;
    }
    r = mr_zalloc(1, sizeof(*r));
    if (!r)
        return MR_E_NOMEM;
    r->fd = -1;
    r->timeout_ms = timeout_ms;
    mr_buf_init(&r->out, OUT_MAX);
    r->reader = redisReaderCreate();
    rc = r->reader ? find_and_connect(r, &u) : MR_E_NOMEM;
    if (rc == MR_OK)
        rc = greet(r, &u);
    if (rc == MR_OK) {
        *out = r;
        return MR_OK;
    }
    (void)snprintf(why, size, "%s", r->why[0] ? r->why : mr_err_text(rc));
    mr_redis_close(r);
    return rc;
}

void mr_redis_close(struct mr_redis *r)
{
    if (!r)
        return;
    disconnect(r);
    redisReaderFree(r->reader);
    mr_buf_free(&r->out);
    mr_free(r);
}
