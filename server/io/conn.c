/* conn.c - what all connections have in common: reading goes to whoever speaks, writing goes to the
 * kernel, closing waits for the end of the turn.
 */
#include "io/conn.h"

#include "io/http_conn.h"
#include "io/peers.h"
#include "io/tls.h"
#include "io/ws_conn.h"
#include "proto/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void mr__conn_new(struct mr_net *net, int fd, struct mr_peer *peer, const char *addr, bool tls)
{
    struct mr_conn *c = mr_zalloc(1, sizeof(*c));

    if (c == NULL || mr__timers_reserve(&net->srv->timers, 1) != MR_OK) {
        mr__peer_disconnects(net->srv, peer);
        mr_free(c);
        close(fd);
        return;
    }
    c->peer = peer;
    c->net = net;
    c->srv = net->srv;
    c->fd = fd;
    (void)snprintf(c->addr, sizeof(c->addr), "%s", addr);
    mr__list_add(&net->conns, &c->link);
    net->n_conns++;
    if (mr__http_start(c) != MR_OK || (tls && mr__tls_start(c) != MR_OK)) {
        close(fd);
        mr__conn_closed(c);
        return;
    }
    if (mr__sock_adopt(c) != MR_OK && c->phase != MR_CONN_GONE)
        mr__conn_closed(c);
}

void mr__conn_set_timer(struct mr_conn *c, uint32_t ms, mr_timer_fn fn)
{
    mr__timer_set(&c->srv->timers, &c->timer, mr__now(c->srv) + ms, fn);
}

void mr__conn_stop_timer(struct mr_conn *c)
{
    mr__timer_stop(&c->srv->timers, &c->timer);
}

void mr__conn_doom(struct mr_conn *c)
{
    if (c->doomed || c->phase == MR_CONN_GONE)
        return;
    c->doomed = true;
    mr__list_add(&c->net->doomed, &c->fate);
}

static void linger_late(struct mr_timer *t)
{
    mr__conn_doom(MR_CONTAINER(t, struct mr_conn, timer));
}

void mr__conn_linger(struct mr_conn *c)
{
    if (c->phase == MR_CONN_GONE || c->phase == MR_CONN_LINGER)
        return;
    c->phase = MR_CONN_LINGER;
    if (c->tls != NULL)
        mr__tls_end(c, true);
    else
        (void)shutdown(c->fd, SHUT_WR);
    mr__sock_pause(c, false);
    c->linger_until_ms = mr__now(c->srv) + MR_LINGER_TOTAL_MS;
    mr__conn_set_timer(c, MR_LINGER_MS, linger_late);
}

/* A client that is still sending what we have refused does not look at our answer before it is
 * done. */
static void discard(struct mr_conn *c, size_t n)
{
    c->discarded += n;
    if (c->discarded > MR_LINGER_BYTES_MAX || mr__now(c->srv) >= c->linger_until_ms)
        mr__conn_doom(c);
    else
        mr__conn_set_timer(c, MR_LINGER_MS, linger_late);
}

ssize_t mr__conn_write(struct mr_conn *c, struct iovec *iov, int n)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    ssize_t took;
    size_t total = 0;

    if (c->doomed || c->phase == MR_CONN_GONE)
        return -1;
    if (c->tls != NULL)
        return mr__tls_write(c, iov, n);
    do
        took = n == 1 ? send(c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                      : sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (took < 0 && errno == EINTR);
    if (took < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) {
        mr__conn_doom(c);
        return -1;
    }
    if (took < 0)
        took = 0;
    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    if ((size_t)took < total && !c->want_write) {
        c->want_write = true;
        mr__sock_want_write(c);
    }
    return took;
}

void mr__conn_readable(struct mr_conn *c, unsigned char *bytes, size_t n)
{
    c->srv->stats.bytes_in += n;
    if (c->doomed)
        return;
    if (c->tls != NULL)
        mr__tls_read(c, bytes, n);
    else
        mr__conn_deliver(c, bytes, n);
}

void mr__conn_deliver(struct mr_conn *c, unsigned char *bytes, size_t n)
{
    switch (c->phase) {
    case MR_CONN_HTTP:
        mr__http_read(c, bytes, n);
        break;
    case MR_CONN_WEBSOCKET:
        mr__ws_read(c, bytes, n);
        break;
    case MR_CONN_LINGER:
        discard(c, n);
        break;
    case MR_CONN_GONE:
        break;
    }
}

void mr__conn_writable(struct mr_conn *c)
{
    c->want_write = false;
    if (c->doomed || (c->tls != NULL && !mr__tls_writable(c)))
        return;
    if (c->phase == MR_CONN_HTTP)
        mr__http_writable(c);
    else if (c->phase == MR_CONN_WEBSOCKET)
        mr__ws_writable(c);
}

void mr__conn_closed(struct mr_conn *c)
{
    if (c->phase == MR_CONN_GONE)
        return;
    c->phase = MR_CONN_GONE;
    c->wsi = NULL;
    mr__conn_stop_timer(c);
    mr__link_off(&c->fate);
    mr__link_off(&c->link);
    mr__list_add(&c->net->dead, &c->link);
    if (c->ws != NULL)
        mr__ws_conn_gone(c);
    if (c->http != NULL)
        mr__http_conn_gone(c);
}

void mr__conns_reap(struct mr_net *net)
{
    struct mr_link *l;

    while ((l = mr__list_pop(&net->doomed)) != NULL) {
        struct mr_conn *c = MR_CONTAINER(l, struct mr_conn, fate);

        if (c->tls != NULL)
            mr__tls_end(c, false);
        mr__sock_kill(c);
    }
    while ((l = mr__list_pop(&net->dead)) != NULL) {
        struct mr_conn *c = MR_CONTAINER(l, struct mr_conn, link);

        mr__http_conn_free(c);
        mr__ws_conn_free(c);
        mr__tls_free(c);
        mr__timers_release(&net->srv->timers, 1);
        net->n_conns--;
        mr__peer_disconnects(net->srv, c->peer);
        mr_free(c);
    }
}
