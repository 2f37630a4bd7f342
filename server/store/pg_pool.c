/* pg_pool.c - a bounded set of connections, lent to one thread at a time.
 *
 * A connection that the server has closed while it lay idle is noticed when it is about to be lent,
 * and replaced; so a restart of PostgreSQL costs a caller nothing but the new connection. While
 * PostgreSQL is away one attempt every 500 ms finds out, and everybody else is told at once.
 */
#include "base/clock.h"
#include "proto/alloc.h"
#include "store/pg_conn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#define RETRY_AFTER_MS 500

struct mr_pg_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct mr_pg_options opt; /* strings owned */
    struct mr_pg *idle;       /* {lock} the last one used is first: the others may grow cold */
    size_t open;              /* {lock} idle, lent, and being opened */
    uint64_t failed_ms;       /* {lock} last failed attempt, 0: none since the last success */
};

int mr_pg_pool_new(struct mr_pg_pool **out, const struct mr_pg_options *opt)
{
    struct mr_pg_pool *p;
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(opt->url, &why);
    pthread_condattr_t attr;

    PQfreemem(why); /* never shown: it quotes the url, and so the password */
    if (!parsed)
        return MR_E_CONFIG;
    PQconninfoFree(parsed);
    p = mr_zalloc(1, sizeof(*p));
    if (!p)
        return MR_E_NOMEM;
    p->opt = *opt;
    p->opt.url = mr_strdup(opt->url);
    p->opt.application = mr_strdup(opt->application);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &attr);
    pthread_condattr_destroy(&attr);
    if (!p->opt.url || !p->opt.application) {
        mr_pg_pool_free(p);
        return MR_E_NOMEM;
    }
    *out = p;
    return MR_OK;
}

void mr_pg_pool_free(struct mr_pg_pool *p)
{
    if (!p)
        return;
    while (p->idle) {
        struct mr_pg *c = p->idle;

        p->idle = c->next;
        mr_pg_close(c);
    }
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    mr_free((void *)p->opt.url);
    mr_free((void *)p->opt.application);
    mr_free(p);
}

/* Has the server hung up while the connection lay idle? Nothing is due on an idle socket, so that
 * something can be read means end of file, or the farewell that comes before it. */
static bool gone(const struct mr_pg *c)
{
    struct pollfd p = {.fd = PQsocket(c->conn), .events = POLLIN};

    return PQstatus(c->conn) != CONNECTION_OK || p.fd < 0 || poll(&p, 1, 0) != 0;
}

/* Take an idle connection, or the right to open one (*out NULL, MR_OK). */
static int take(struct mr_pg_pool *p, uint64_t deadline_ms, struct mr_pg **out)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    int rc = MR_OK;

    *out = NULL;
    pthread_mutex_lock(&p->lock);
    while (!p->idle && p->open >= p->opt.connections_max && rc == MR_OK)
        if (pthread_cond_timedwait(&p->freed, &p->lock, &until) == ETIMEDOUT)
            rc = MR_E_AGAIN;
    if (p->idle) {
        *out = p->idle;
        p->idle = p->idle->next;
        rc = MR_OK;
    } else if (p->failed_ms && mr_mono_ms() - p->failed_ms < RETRY_AFTER_MS) {
        rc = MR_E_DB;
    } else if (p->open < p->opt.connections_max) {
        p->open++;
        rc = MR_OK;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* One fewer is open. all: wake everybody, since there is news for all who wait. */
static void drop(struct mr_pg_pool *p, struct mr_pg *c, bool all)
{
    mr_pg_close(c);
    pthread_mutex_lock(&p->lock);
    p->open--;
    if (all) {
        p->failed_ms = mr_mono_ms();
        pthread_cond_broadcast(&p->freed);
    } else {
        pthread_cond_signal(&p->freed);
    }
    pthread_mutex_unlock(&p->lock);
}

static int open_one(struct mr_pg_pool *p, struct mr_pg **out)
{
    int rc = mr_pg_connect(out, &p->opt);

    if (rc != MR_OK) {
        drop(p, NULL, true);
        return rc;
    }
    pthread_mutex_lock(&p->lock);
    p->failed_ms = 0;
    pthread_mutex_unlock(&p->lock);
    return MR_OK;
}

int mr_pg_acquire(struct mr_pg_pool *p, int64_t timeout_ms, struct mr_pg **out)
{
    uint64_t deadline_ms = mr_mono_ms() + (uint64_t)timeout_ms;

    for (;;) {
        struct mr_pg *c;
        int rc = take(p, deadline_ms, &c);

        if (rc != MR_OK)
            return rc;
        if (!c)
            return open_one(p, out);
        if (!gone(c)) {
            *out = c;
            return MR_OK;
        }
        drop(p, c, false); /* ends when no idle one is left */
    }
}

void mr_pg_pool_count(struct mr_pg_pool *p, size_t *open, size_t *idle)
{
    *idle = 0;
    pthread_mutex_lock(&p->lock);
    *open = p->open;
    for (const struct mr_pg *c = p->idle; c; c = c->next)
        ++*idle;
    pthread_mutex_unlock(&p->lock);
}

void mr_pg_release(struct mr_pg_pool *p, struct mr_pg *c)
{
    if (!c)
        return;
    if (PQstatus(c->conn) != CONNECTION_OK || PQtransactionStatus(c->conn) != PQTRANS_IDLE ||
        PQpipelineStatus(c->conn) != PQ_PIPELINE_OFF) {
        drop(p, c, false);
        return;
    }
    pthread_mutex_lock(&p->lock);
    c->next = p->idle;
    p->idle = c;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}
