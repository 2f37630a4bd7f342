/* listen.c - our own listening sockets, so that an address in use is an error with a name, running
 * out of descriptors is a pause and not a busy loop, and closing stops accepting at once.
 */
#include "io/conn.h"

#include "base/log.h"
#include "io/peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static void text_of(const struct sockaddr_storage *sa, char out[48])
{
    const void *addr = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;

    if (sa->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(v6))
            addr = &v6->s6_addr[12];
        else
            addr = v6;
        if (inet_ntop(addr == v6 ? AF_INET6 : AF_INET, addr, out, 48) == NULL)
            out[0] = '\0';
        return;
    }
    if (inet_ntop(AF_INET, addr, out, 48) == NULL)
        out[0] = '\0';
}

static void readable(uv_poll_t *poll, int status, int events);

static void accept_again(struct mr_timer *t)
{
    struct mr_net *net = MR_CONTAINER(t, struct mr_net, accept_timer);

    net->paused = false;
    for (unsigned i = 0; i < net->n_listeners; i++) {
        if (net->listeners[i].open)
            (void)uv_poll_start(&net->listeners[i].poll, UV_READABLE, readable);
    }
}

/* No descriptors or memory: who waits in the backlog keeps waiting, for a moment. */
static void pause_accepting(struct mr_net *net, int error)
{
    LOG_WARN("accept_paused", F_INT("errno", error));
    net->srv->stats.refused++;
    net->paused = true;
    for (unsigned i = 0; i < net->n_listeners; i++) {
        if (net->listeners[i].open)
            (void)uv_poll_stop(&net->listeners[i].poll);
    }
    mr__timer_set(&net->srv->timers, &net->accept_timer, mr__now(net->srv) + MR_ACCEPT_PAUSE_MS,
                  accept_again);
}

/* Too many from there, or out of memory: say so in a word, without waiting. */
static void turn_away(int fd, bool tls)
{
    static const char why[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                              "Content-Type: text/plain\r\nContent-Length: 21\r\n"
                              "Connection: close\r\n\r\ntoo many connections\n";

    if (!tls)
        (void)!send(fd, why, sizeof(why) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    close(fd);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct mr_listener *l = poll->data;
    struct mr_net *net = l->net;

    (void)events;
    mr__net_event(net);
    for (int i = 0; status == 0 && i < MR_ACCEPT_BATCH; i++) {
        struct sockaddr_storage sa = {0};
        socklen_t len = sizeof(sa);
        struct mr_peer *peer;
        char addr[48];
        int fd = -1;

        if (net->n_conns >= net->conns_max) {
            if (i > 0)
                return; /* if there is somebody more, we are called again */
            mr__http_close_idle(net, 1 + net->n_idle / 4); /* who waits has more to say */
            mr__limit_hit(net->srv, MR_LIMIT_CONNECTIONS, "", net->conns_max);
            pause_accepting(net, EMFILE);
            return;
        }
        fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                pause_accepting(net, errno);
            return;
        }
        text_of(&sa, addr);
        peer = mr__peer_connects(net->srv, addr);
        if (peer == NULL)
            turn_away(fd, l->tls);
        else
            mr__conn_new(net, fd, peer, addr, l->tls);
    }
}

static int open_one(struct mr_net *net, const struct addrinfo *ai, bool tls)
{
    struct mr_listener *l = &net->listeners[net->n_listeners];
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    int one = 1, unsent = MR_KERNEL_UNSENT_BYTES;
    int fd;

    memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
    if (net->port != 0 && ai->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&sa)->sin6_port = htons((uint16_t)net->port);
    else if (net->port != 0)
        ((struct sockaddr_in *)(void *)&sa)->sin_port = htons((uint16_t)net->port);
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return MR_E_IO;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    /* These two are handed down to what is accepted. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    if (bind(fd, (struct sockaddr *)&sa, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
        uv_poll_init(net->loop, &l->poll, fd) != 0) {
        close(fd);
        return MR_E_IO;
    }
    net->port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port
                                               : ((struct sockaddr_in *)(void *)&sa)->sin_port);
    l->poll.data = l;
    l->net = net;
    l->fd = fd;
    l->open = true;
    l->tls = tls;
    net->n_listeners++;
    net->n_listeners_open++;
    net->n_handles++;
    (void)uv_poll_start(&l->poll, UV_READABLE, readable);
    return MR_OK;
}

static int listen_on(struct mr_server *srv, const char *host, int port, bool tls)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    struct mr_net *net = srv->net;
    char service[8];
    int rc = MR_E_IO;

    MR_ASSERT_LOOP(srv);
    if (port < 0 || port > 65535 || srv->closing)
        return MR_E_IO;
    (void)snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(host ? host : "127.0.0.1", service, &hints, &found) != 0)
        return MR_E_IO;
    net->port = port;
    /* A name may stand for several addresses: one that can be bound is enough. */
    for (struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next) {
        if ((ai->ai_family != AF_INET && ai->ai_family != AF_INET6) ||
            net->n_listeners == MR_LISTENERS_MAX)
            continue;
        if (open_one(net, ai, tls) == MR_OK)
            rc = MR_OK;
    }
    freeaddrinfo(found);
    return rc;
}

int mr_server_listen(struct mr_server *srv, const char *host, int port)
{
    return listen_on(srv, host, port, false);
}

int mr_server_listen_tls(struct mr_server *srv, const char *host, int port,
                         const struct mr_tls *tls)
{
    int rc = mr_server_tls_reload(srv, tls);

    return rc == MR_OK ? listen_on(srv, host, port, true) : rc;
}

int mr_server_port(const struct mr_server *srv)
{
    return srv->net->port;
}

static void listener_closed(uv_handle_t *handle)
{
    struct mr_listener *l = handle->data;

    close(l->fd);
    l->net->n_handles--;
}

void mr__listen_stop(struct mr_net *net)
{
    mr__timer_stop(&net->srv->timers, &net->accept_timer);
    for (unsigned i = 0; i < net->n_listeners; i++) {
        if (!net->listeners[i].open)
            continue;
        net->listeners[i].open = false;
        net->n_listeners_open--;
        uv_close((uv_handle_t *)&net->listeners[i].poll, listener_closed);
    }
}
