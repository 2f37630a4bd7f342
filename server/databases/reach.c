/* reach.c - getaddrinfo has no deadline, so it runs on a thread of its own, which whoever asked may
 * leave behind: the last of the two frees what they share. */
#include "databases/reach.h"
#include "base/clock.h"
#include "proto/alloc.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    bool done, left; /* left: nobody waits any more */
    int rc;          /* of getaddrinfo */
    struct addrinfo *found;
    char port[8];
    char host[256];
};

static atomic_int lookups;

static void lookup_free(struct lookup *l)
{
    if (l->found)
        freeaddrinfo(l->found);
    pthread_cond_destroy(&l->done_cond);
    pthread_mutex_destroy(&l->lock);
    mr_free(l);
    atomic_fetch_sub(&lookups, 1);
}

static void *look_up(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(l->host, l->port, &want, &found);
    bool left;

    pthread_mutex_lock(&l->lock);
    l->rc = rc;
    l->found = rc == 0 ? found : NULL;
    l->done = true;
    left = l->left;
    pthread_cond_signal(&l->done_cond);
    pthread_mutex_unlock(&l->lock);
    if (left)
        lookup_free(l);
    return NULL;
}

static int lookup_start(struct lookup **out, const char *host, int port)
{
    pthread_condattr_t monotonic;
    pthread_attr_t detached;
    struct lookup *l;
    pthread_t thread;
    int rc;

    if (atomic_fetch_add(&lookups, 1) >= MR_LOOKUPS_MAX) {
        atomic_fetch_sub(&lookups, 1);
        return MR_E_AGAIN;
    }
    l = mr_zalloc(1, sizeof(*l));
    if (!l) {
        atomic_fetch_sub(&lookups, 1);
        return MR_E_NOMEM;
    }
    (void)snprintf(l->host, sizeof(l->host), "%s", host);
    (void)snprintf(l->port, sizeof(l->port), "%d", port);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&l->done_cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &detached, look_up, l);
    pthread_attr_destroy(&detached);
    if (rc != 0) {
        lookup_free(l);
        return MR_E_NOMEM;
    }
    *out = l;
    return MR_OK;
}

/* False: the time is over, and the lookup is left to its thread. */
static bool lookup_wait(struct lookup *l, uint64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    bool done;

    pthread_mutex_lock(&l->lock);
    while (!l->done && pthread_cond_timedwait(&l->done_cond, &l->lock, &until) == 0)
        ;
    done = l->done;
    l->left = !done;
    pthread_mutex_unlock(&l->lock);
    return done;
}

static int take(const struct mr_hosts *allowed, const struct lookup *l,
                struct mr_address out[MR_ADDRESSES_MAX], size_t *n)
{
    bool any = false;

    for (const struct addrinfo *a = l->found; a && *n < MR_ADDRESSES_MAX; a = a->ai_next) {
        struct mr_address *to = &out[*n];

        if (a->ai_addrlen > sizeof(to->addr))
            continue;
        any = true;
        if (!mr_hosts_allow(allowed, l->host, a->ai_addr))
            continue;
        memcpy(&to->addr, a->ai_addr, a->ai_addrlen);
        to->len = a->ai_addrlen;
        if (getnameinfo(a->ai_addr, a->ai_addrlen, to->text, sizeof(to->text), NULL, 0,
                        NI_NUMERICHOST) == 0)
            (*n)++;
    }
    return *n > 0 ? MR_OK : any ? MR_E_FORBIDDEN : MR_E_NOTFOUND;
}

int mr_resolve(const struct mr_hosts *allowed, const char *host, int port, uint64_t deadline_ms,
               struct mr_address out[MR_ADDRESSES_MAX], size_t *n, char *why, size_t size)
{
    struct lookup *l = NULL;
    int rc = lookup_start(&l, host, port);

    *n = 0;
    if (rc != MR_OK) {
        (void)snprintf(why, size, "Too many names are being looked up; try again.");
        return rc;
    }
    if (!lookup_wait(l, deadline_ms)) {
        (void)snprintf(why, size, "The name %s could not be looked up in time.", host);
        return MR_E_TIMEOUT;
    }
    rc = l->rc == 0 ? take(allowed, l, out, n) : MR_E_NOTFOUND;
    if (rc == MR_E_NOTFOUND)
        (void)snprintf(why, size, "The name %s has no address: is it spelt correctly?", host);
    else if (rc == MR_E_FORBIDDEN)
        (void)snprintf(why, size,
                       "This server may not connect to %s (MILLRACE_ALLOWED_HOSTS says which hosts "
                       "it may).",
                       host);
    lookup_free(l);
    return rc;
}

int mr_reach(const struct mr_address *a, uint64_t deadline_ms, char *why, size_t size)
{
    int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err = 0, ready = 0;
    socklen_t len = sizeof(err);

    if (fd < 0 || (connect(fd, (const struct sockaddr *)&a->addr, a->len) != 0 &&
                   errno != EINPROGRESS && errno != EINTR))
        err = errno;
    while (err == 0 && ready == 0) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        uint64_t now = mr_mono_ms();

        if (now >= deadline_ms)
            break;
        ready = poll(&p, 1, (int)(deadline_ms - now));
        if (ready < 0 && errno == EINTR)
            ready = 0;
        else if (ready < 0 || (ready > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0))
            err = errno;
    }
    if (fd >= 0)
        (void)close(fd);
    if (err == 0 && ready > 0)
        return MR_OK;
    if (err == ECONNREFUSED)
        (void)snprintf(why, size,
                       "%s refuses connections on this port: does the database run there?",
                       a->text);
    else if (err == 0 || err == ETIMEDOUT)
        (void)snprintf(why, size, "%s does not answer on this port: is a firewall in between?",
                       a->text);
    else
        (void)snprintf(why, size, "%s cannot be reached from here.", a->text);
    return err == 0 || err == ETIMEDOUT ? MR_E_TIMEOUT : MR_E_UNAVAIL;
}
