/* socket_keys.c - Socket.IO clients that come with an API key instead of a token. Whose key it is
 * PostgreSQL knows: the CONNECT waits for the answer. A key has no end that it carries with it, so
 * every minute PostgreSQL is asked again, and who has lost it has to go. */
#include "api/sockets_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <openssl/crypto.h>

#define AGAIN_S    60
#define DB_WAIT_MS 1000

struct asking {
    struct mr_sockets *ss;
    struct mr_socket *socket; /* a reference */
    bool again;
    char key[MR_API_KEY_TEXT];
    struct mr_identity who;
    int rc;
};

static void asking_free(struct asking *a)
{
    OPENSSL_cleanse(a->key, sizeof(a->key));
    mr_free(a);
}

int sock_key_admit(struct mr_sockets *ss, struct mr_socket *s)
{
    const struct asking *a = mr_socket_data(s);
    struct sock *sock;

    if (sock_admit(ss, s, &a->who) != MR_OK)
        return sock_refuse(ss, s, "out of memory", "unavailable");
    sock = mr_socket_data(s);
    memcpy(sock->key, a->key, sizeof(sock->key));
    return MR_OK;
}

/* The client may have left meanwhile: then none of this does anything. */
static void decide(struct asking *a)
{
    if (a->rc == MR_OK) {
        mr_socket_set_data(a->socket, a); /* for sock_key_admit, which is asked next */
        mr_connect_next(a->socket);
        if (mr_socket_data(a->socket) == a)
            mr_socket_set_data(a->socket, NULL);
    } else if (a->rc == MR_E_AUTH || a->rc == MR_E_FORBIDDEN) {
        (void)sock_refuse(a->ss, a->socket, "unauthorized",
                          a->rc == MR_E_AUTH ? "token_invalid" : "scope_missing");
    } else {
        (void)sock_refuse(a->ss, a->socket, "unavailable", "unavailable");
    }
}

/* It is still good, or its socket has to go. */
static void decide_again(struct asking *a, struct sock *sock)
{
    sock->asking = false;
    if (a->rc == MR_OK)
        sock->who = a->who;
    else if (a->rc == MR_E_AUTH || a->rc == MR_E_FORBIDDEN)
        sock_expire(a->ss, sock);
    else /* PostgreSQL is away: that is not the client's fault */
        sock->who.expires_at = mr_wall_ms() / 1000 + 1;
}

/* [thread: loop] */
static void answered(void *arg)
{
    struct asking *a = arg;

    if (!a->again)
        decide(a);
    else if (mr_socket_data(a->socket))
        decide_again(a, mr_socket_data(a->socket));
    mr_socket_unref(a->socket);
    asking_free(a);
}

/* [thread: worker] */
static void ask(void *arg)
{
    struct asking *a = arg;
    struct mr_server *srv = a->ss->opt.server;

    a->rc = mr_api_keys_reader(a->ss->opt.pg, DB_WAIT_MS, mr_span_str(a->key),
                               "/api/v1/pipelines/{id}", &a->who);
    a->who.expires_at = mr_wall_ms() / 1000 + AGAIN_S;
    if (!sock_post(srv, answered, a))
        LOG_DEBUG("socket_key_lost"); /* the process is ending */
}

static int start(struct mr_sockets *ss, struct mr_socket *s, struct mr_span key, bool again)
{
    struct asking *a = key.len < MR_API_KEY_TEXT ? mr_zalloc(1, sizeof(*a)) : NULL;

    if (!a)
        return MR_E_AUTH;
    a->ss = ss;
    a->again = again;
    memcpy(a->key, key.ptr, key.len);
    a->socket = mr_socket_ref(s);
    if (mr_pool_submit(ss->opt.pool, ask, a) == MR_OK)
        return MR_E_AGAIN;
    mr_socket_unref(s);
    asking_free(a);
    return MR_E_UNAVAIL;
}

int sock_key_connect(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    struct mr_sockets *ss = ctx;
    struct mr_span key = sock_credential(s, auth);
    int rc;

    if (ss->draining || mr_auth_open(ss->opt.auth) ||
        !mr_span_starts(key, MR_SPAN(MR_API_KEY_PREFIX)))
        return MR_OK;
    rc = start(ss, s, key, false);
    if (rc == MR_E_AGAIN)
        return rc;
    return rc == MR_E_AUTH ? sock_refuse(ss, s, "unauthorized", "token_invalid")
                           : sock_refuse(ss, s, "unavailable", "unavailable");
}

void sock_key_again(struct mr_sockets *ss, struct sock *s)
{
    if (s->asking)
        return;
    s->asking = start(ss, s->socket, mr_span_str(s->key), true) == MR_E_AGAIN;
    if (!s->asking)
        s->who.expires_at = mr_wall_ms() / 1000 + 1;
}
