/* tls.c - OpenSSL over bytes in memory.
 *
 *   socket --lws--> in --SSL_read--> mr__conn_deliver        HTTP and WebSocket know nothing
 *   socket <--send-- out <--SSL_write-- mr__conn_write       of all this
 *
 * libwebsockets' own TLS cannot be used: lws_write wants a buffer of its own for each frame, keeps
 * what the kernel did not take, and tells nobody how much that is. So it carries the encrypted
 * bytes as it carries plain ones. `in` views what was just read; `out` holds at most what one
 * mr__tls_write has encrypted (WRITE_BYTES and the records' heads) and a few small answers, and is
 * freed when it has left. An idle connection holds OpenSSL's state alone, without record buffers
 * (SSL_MODE_RELEASE_BUFFERS).
 */
#include "io/tls.h"

#include "base/log.h"
#include "proto/alloc.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>

#define RECORD_BYTES  16384
#define WRITE_BYTES   65536  /* encrypted at once, for one send */
#define OUT_BYTES_MAX 131072 /* more of it is a peer that only asks, and does not read */

struct mr_tls_conn {
    SSL *ssl;
    struct mr_span in;
    struct mr_buf out;
    size_t sent; /* of out */
    bool open;   /* the handshake is done */
    bool waits;  /* somebody wanted to write before it was */
    bool broken; /* after a fatal error nothing may be written, not even a good-bye */
    bool shut;   /* our side is to be shut when out has left */
};

/* ---- certificates -------------------------------------------------------------------------- */

static int wrong(struct mr_net *net, const char *what, const char *file)
{
    char reason[128] = "";
    unsigned long e = ERR_get_error();

    if (e != 0)
        ERR_error_string_n(e, reason, sizeof(reason));
    (void)snprintf(net->tls_error, sizeof(net->tls_error), "%s%s%s%s%s", what, file ? " " : "",
                   file ? file : "", reason[0] ? ": " : "", reason);
    ERR_clear_error();
    LOG_ERROR("tls_refused", F_STR("why", net->tls_error));
    return MR_E_INVAL;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";

    (void)ssl;
    (void)ctx;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours, sizeof(ours) - 1,
                                 in, in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int load(struct mr_net *net, SSL_CTX *ctx, const struct mr_tls *tls)
{
    const char *min = tls->min_version ? tls->min_version : "1.2";

    if (strcmp(min, "1.2") != 0 && strcmp(min, "1.3") != 0)
        return wrong(net, "min_version must be 1.2 or 1.3, not", min);
    if (tls->cert_file == NULL || tls->key_file == NULL)
        return wrong(net, "cert_file and key_file are required", NULL);
    (void)SSL_CTX_set_min_proto_version(ctx, min[2] == '3' ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) != 1)
        return wrong(net, "cannot use the certificate in", tls->cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_file, SSL_FILETYPE_PEM) != 1)
        return wrong(net, "cannot use the key in", tls->key_file);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return wrong(net, "the certificate is not that of the key in", tls->key_file);
    if (tls->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, tls->ciphers) != 1)
        return wrong(net, "no such ciphers:", tls->ciphers);
    if (tls->ciphersuites != NULL && SSL_CTX_set_ciphersuites(ctx, tls->ciphersuites) != 1)
        return wrong(net, "no such ciphersuites:", tls->ciphersuites);
    if (tls->ca_file == NULL)
        return MR_OK;
    if (SSL_CTX_load_verify_locations(ctx, tls->ca_file, NULL) != 1)
        return wrong(net, "cannot use the certificates in", tls->ca_file);
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(tls->ca_file));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return MR_OK;
}

int mr_server_tls_reload(struct mr_server *srv, const struct mr_tls *tls)
{
    struct mr_net *net = srv->net;
    SSL_CTX *ctx;
    int rc;

    MR_ASSERT_LOOP(srv);
    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return MR_E_NOMEM;
    net->tls_error[0] = '\0';
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"millrace", 8);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    rc = load(net, ctx, tls);
    if (rc != MR_OK) {
        SSL_CTX_free(ctx);
        return rc;
    }
    SSL_CTX_free(net->tls); /* connections hold it as long as they need it */
    net->tls = ctx;
    return MR_OK;
}

const char *mr_server_tls_error(const struct mr_server *srv)
{
    return srv->net->tls_error;
}

void mr__tls_fini(struct mr_net *net)
{
    SSL_CTX_free(net->tls);
    BIO_meth_free(net->tls_bio);
}

/* ---- bytes in memory ----------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *out, int n)
{
    struct mr_tls_conn *t = BIO_get_data(bio);
    size_t len = n > 0 && (size_t)n < t->in.len ? (size_t)n : t->in.len;

    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, t->in.ptr, len);
    t->in = mr_span_of(t->in.ptr + len, t->in.len - len);
    return (int)len;
}

static int bio_write(BIO *bio, const char *bytes, int n)
{
    struct mr_tls_conn *t = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    mr_buf_add(&t->out, bytes, (size_t)n);
    return mr_buf_err(&t->out) == MR_OK ? n : -1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO *bio_new(struct mr_net *net, struct mr_tls_conn *t)
{
    BIO *bio;

    if (net->tls_bio == NULL) {
        net->tls_bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "millrace");
        if (net->tls_bio == NULL)
            return NULL;
        (void)BIO_meth_set_read(net->tls_bio, bio_read);
        (void)BIO_meth_set_write(net->tls_bio, bio_write);
        (void)BIO_meth_set_ctrl(net->tls_bio, bio_ctrl);
    }
    bio = BIO_new(net->tls_bio);
    if (bio != NULL) {
        BIO_set_data(bio, t);
        BIO_set_init(bio, 1);
    }
    return bio;
}

int mr__tls_start(struct mr_conn *c)
{
    struct mr_tls_conn *t = mr_zalloc(1, sizeof(*t));
    BIO *bio = t != NULL ? bio_new(c->net, t) : NULL;

    if (bio != NULL)
        t->ssl = SSL_new(c->net->tls);
    if (bio == NULL || t->ssl == NULL) {
        (void)BIO_free(bio);
        mr_free(t);
        return MR_E_NOMEM;
    }
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_accept_state(t->ssl);
    mr_buf_init(&t->out, OUT_BYTES_MAX);
    c->tls = t;
    return MR_OK;
}

void mr__tls_free(struct mr_conn *c)
{
    struct mr_tls_conn *t = c->tls;

    if (t == NULL)
        return;
    SSL_free(t->ssl);
    mr_buf_free(&t->out);
    mr_free(t);
    c->tls = NULL;
}

/* ---- out ----------------------------------------------------------------------------------- */

/* Send what is encrypted; true when all of it has left. */
static bool flush(struct mr_conn *c)
{
    struct mr_tls_conn *t = c->tls;

    while (t->sent < t->out.len) {
        ssize_t n =
            send(c->fd, t->out.ptr + t->sent, t->out.len - t->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) {
            mr__conn_doom(c);
            return false;
        }
        if (n < 0) {
            if (!c->want_write)
                mr__sock_want_write(c);
            c->want_write = true;
            return false;
        }
        t->sent += (size_t)n;
    }
    t->sent = 0;
    mr_buf_free(&t->out);
    if (t->shut)
        (void)shutdown(c->fd, SHUT_WR);
    t->shut = false;
    return true;
}

ssize_t mr__tls_write(struct mr_conn *c, const struct iovec *iov, int n)
{
    struct mr_tls_conn *t = c->tls;
    char record[RECORD_BYTES];
    size_t total = 0, at = 0; /* taken; and of the present piece */
    int i = 0;

    if (t->broken)
        return -1;
    if (!t->open) {
        t->waits = c->want_write = true;
        return 0;
    }
    if (!flush(c))
        return c->doomed ? -1 : 0;
    while (i < n && total < WRITE_BYTES) {
        size_t len = 0;

        while (i < n && len < sizeof(record)) { /* small frames share a record */
            size_t left = iov[i].iov_len - at, room = sizeof(record) - len;
            size_t take = left < room ? left : room;

            memcpy(record + len, (const char *)iov[i].iov_base + at, take);
            len += take;
            at += take;
            if (at == iov[i].iov_len) {
                i++;
                at = 0;
            }
        }
        ERR_clear_error();
        if (len > 0 && SSL_write(t->ssl, record, (int)len) != (int)len) {
            t->broken =
                true; /* there is nothing to wait for: out takes it all, or memory is short */
            mr__conn_doom(c);
            return -1;
        }
        total += len;
    }
    (void)flush(c);
    return c->doomed ? -1 : (ssize_t)total;
}

bool mr__tls_writable(struct mr_conn *c)
{
    return flush(c) && c->tls->open;
}

void mr__tls_end(struct mr_conn *c, bool shut)
{
    struct mr_tls_conn *t = c->tls;

    t->shut = shut;
    if (t->open && !t->broken) {
        ERR_clear_error();
        (void)SSL_shutdown(t->ssl);
        t->broken = true; /* nothing may follow it */
    }
    (void)flush(c);
}

/* ---- in ------------------------------------------------------------------------------------ */

static void failed(struct mr_conn *c, int error)
{
    struct mr_tls_conn *t = c->tls;

    if (error == SSL_ERROR_ZERO_RETURN) { /* the peer has said good-bye */
        mr__conn_doom(c);
        return;
    }
    if (!t->open)
        c->srv->stats.tls_failures++;
    LOG_DEBUG("tls_failed", F_STR("peer", c->addr),
              F_STR("why", ERR_reason_error_string(ERR_peek_error())
                               ? ERR_reason_error_string(ERR_peek_error())
                               : "unknown"));
    ERR_clear_error();
    t->broken = true;
    mr__conn_linger(c); /* with the alert that says so, if there is one */
}

static bool shake(struct mr_conn *c)
{
    struct mr_tls_conn *t = c->tls;
    int rc, error;

    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        t->open = true;
        c->srv->stats.tls_handshakes++;
        return true;
    }
    error = SSL_get_error(t->ssl, rc);
    if (error != SSL_ERROR_WANT_READ)
        failed(c, error);
    return false;
}

void mr__tls_read(struct mr_conn *c, unsigned char *bytes, size_t n)
{
    struct mr_tls_conn *t = c->tls;
    unsigned char plain[RECORD_BYTES];
    bool goes_on = !t->broken || t->open;

    t->in = mr_span_of((const char *)bytes, n);
    if (!t->open)
        goes_on = !t->broken && shake(c);
    while (goes_on && !c->doomed && c->phase != MR_CONN_GONE) {
        int got, error;

        ERR_clear_error();
        got = SSL_read(t->ssl, plain, sizeof(plain));
        if (got > 0) {
            mr__conn_deliver(c, plain, (size_t)got);
            continue;
        }
        error = SSL_get_error(t->ssl, got);
        if (error != SSL_ERROR_WANT_READ)
            failed(c, error);
        goes_on = false;
    }
    t->in = MR_SPAN_NONE;
    if (c->doomed || c->phase == MR_CONN_GONE)
        return;
    if (flush(c) && t->open && t->waits) {
        t->waits = false;
        mr__conn_writable(c);
    }
}
