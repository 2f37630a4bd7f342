/* pg.c - libpq for straight-line code: a bounded pool, prepared statements, errors mapped once.
 *
 * Connecting is done with PQconnectStart and poll(2), because libpq's own timeout has a grain of
 * seconds and an outage must be told within two. A connection that the server has closed while it
 * was idle is noticed when it is handed out, and replaced; so a restart of PostgreSQL costs a
 * caller nothing but the new connection.
 */
#include "store/pg.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "proto/buf.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STATEMENTS_MAX 64 /* prepared per connection; beyond it statements run unprepared */
#define PARAMS_MAX     64
#define RETRY_AFTER_MS 500 /* after a failed attempt: fail fast, so an outage holds no thread */

struct mr_pg {
    PGconn *conn;
    const char *prepared[STATEMENTS_MAX]; /* by the literal's address */
    size_t n_prepared;
    uint64_t last_used_ms;
    struct mr_pg *next; /* free list */
};

struct mr_pg_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct mr_pg_options opt; /* strings owned */
    struct mr_pg *idle;       /* {lock} */
    size_t open;              /* {lock} idle and lent */
    uint64_t failed_ms;       /* {lock} last failed attempt, 0: none since the last success */
};

/* ---- connecting --------------------------------------------------------------------------- */

static int wait_for(PGconn *conn, PostgresPollingStatusType want, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(conn),
                       .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT};

    for (;;) {
        uint64_t now = mr_mono_ms();
        int n;

        if (now >= deadline_ms)
            return MR_E_TIMEOUT;
        n = poll(&p, 1, (int)(deadline_ms - now));
        if (n > 0)
            return MR_OK;
        if (n < 0 && errno != EINTR)
            return MR_E_IO;
    }
}

static int finish_connect(PGconn *conn, int64_t timeout_ms)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)timeout_ms;
    PostgresPollingStatusType st = PGRES_POLLING_WRITING;

    while (st != PGRES_POLLING_OK) {
        int rc = wait_for(conn, st, deadline);

        if (rc != MR_OK)
            return rc;
        st = PQconnectPoll(conn);
        if (st == PGRES_POLLING_FAILED)
            return MR_E_DB;
    }
    return MR_OK;
}

/* The first line of libpq's connection error. It names host and reason, never row values: a
 * connection has not seen any yet. */
static void log_refused(const PGconn *conn, int rc)
{
    const char *text = rc == MR_E_TIMEOUT ? "timed out" : conn ? PQerrorMessage(conn) : "no memory";
    struct mr_span line = {text, strcspn(text, "\n")};

    LOG_WARN("postgres_connect_failed", F_SPAN("why", line));
}

static void ignore_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

int mr_pg_connect(struct mr_pg **out, const struct mr_pg_options *opt)
{
    char options[64];
    const char *keys[] = {"dbname",           "application_name", "options",
                          "keepalives",       "keepalives_idle",  "keepalives_interval",
                          "keepalives_count", "tcp_user_timeout", NULL};
    const char *values[] = {opt->url, opt->application, options, "1", "5", "3", "3", "15000", NULL};
    struct mr_pg *c = mr_zalloc(1, sizeof(*c));
    int rc = MR_E_NOMEM;

    if (!c)
        return MR_E_NOMEM;
    (void)snprintf(options, sizeof(options), "-c statement_timeout=%lld",
                   (long long)opt->statement_timeout_ms);
    c->conn = PQconnectStartParams(keys, values, 1);
    if (!c->conn)
        goto out;
    if (PQstatus(c->conn) == CONNECTION_BAD)
        rc = MR_E_DB;
    else
        rc = finish_connect(c->conn, opt->connect_timeout_ms);
    if (rc != MR_OK) {
        log_refused(c->conn, rc);
        rc = MR_E_DB;
        goto out;
    }
    PQsetNoticeReceiver(c->conn, ignore_notice, NULL);
    c->last_used_ms = mr_mono_ms();
    *out = c;
    c = NULL;
out:
    mr_pg_close(c);
    return rc;
}

void mr_pg_close(struct mr_pg *c)
{
    if (!c)
        return;
    PQfinish(c->conn);
    mr_free(c);
}

PGconn *mr_pg_raw(struct mr_pg *c)
{
    return c->conn;
}

/* ---- the pool ----------------------------------------------------------------------------- */

int mr_pg_pool_new(struct mr_pg_pool **out, const struct mr_pg_options *opt)
{
    struct mr_pg_pool *p;
    char *err = NULL;
    PQconninfoOption *parsed = PQconninfoParse(opt->url, &err);
    pthread_condattr_t attr;

    PQfreemem(err);
    if (!parsed)
        return MR_E_CONFIG;
    PQconninfoFree(parsed);
    p = mr_zalloc(1, sizeof(*p));
    if (!p)
        return MR_E_NOMEM;
    p->opt = *opt;
    p->opt.url = mr_strdup(opt->url);
    p->opt.application = mr_strdup(opt->application);
    if (!p->opt.url || !p->opt.application) {
        mr_free((void *)p->opt.url);
        mr_free((void *)p->opt.application);
        mr_free(p);
        return MR_E_NOMEM;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &attr);
    pthread_condattr_destroy(&attr);
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

/* Has the server hung up while the connection lay idle? An idle socket has nothing to read, so
 * readable means end of file or a farewell message. */
static bool gone(struct mr_pg *c)
{
    struct pollfd p = {.fd = PQsocket(c->conn), .events = POLLIN};

    if (PQstatus(c->conn) != CONNECTION_OK || p.fd < 0)
        return true;
    if (poll(&p, 1, 0) <= 0)
        return false;
    return !PQconsumeInput(c->conn) || PQstatus(c->conn) != CONNECTION_OK;
}

static int open_one(struct mr_pg_pool *p, struct mr_pg **out)
{
    int rc = mr_pg_connect(out, &p->opt);

    pthread_mutex_lock(&p->lock);
    p->failed_ms = rc == MR_OK ? 0 : mr_mono_ms();
    if (rc != MR_OK) {
        p->open--;
        pthread_cond_signal(&p->freed);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* Take an idle connection or the right to open one (*out NULL, MR_OK). */
static int take(struct mr_pg_pool *p, int64_t timeout_ms, struct mr_pg **out)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)timeout_ms;
    struct timespec until = {.tv_sec = (time_t)(deadline / 1000),
                             .tv_nsec = (long)(deadline % 1000) * 1000000};
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
    } else if (rc == MR_OK && p->failed_ms && mr_mono_ms() - p->failed_ms < RETRY_AFTER_MS) {
        rc = MR_E_DB;
    } else if (rc == MR_OK) {
        p->open++;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

int mr_pg_acquire(struct mr_pg_pool *p, int64_t timeout_ms, struct mr_pg **out)
{
    for (;;) {
        struct mr_pg *c;
        int rc = take(p, timeout_ms, &c);

        if (rc != MR_OK)
            return rc;
        if (!c)
            return open_one(p, out);
        if (!gone(c)) {
            c->last_used_ms = mr_mono_ms();
            *out = c;
            return MR_OK;
        }
        mr_pg_release(p, c); /* closes it; the loop ends when no idle one is left */
    }
}

void mr_pg_release(struct mr_pg_pool *p, struct mr_pg *c)
{
    bool keep;

    if (!c)
        return;
    keep = PQstatus(c->conn) == CONNECTION_OK && PQtransactionStatus(c->conn) == PQTRANS_IDLE;
    if (!keep || gone(c)) {
        mr_pg_close(c);
        c = NULL;
    }
    pthread_mutex_lock(&p->lock);
    if (c) {
        c->next = p->idle;
        p->idle = c;
    } else {
        p->open--;
    }
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

/* ---- statements --------------------------------------------------------------------------- */

int mr_pg_err(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (!state)
        return MR_E_DB;
    if (strcmp(state, "23505") == 0 || strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
        return MR_E_CONFLICT;
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)
        return MR_E_DATA;
    if (strcmp(state, "57014") == 0)
        return MR_E_TIMEOUT;
    return MR_E_DB;
}

static int failed(const PGresult *res, const char *sql)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *why = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    int rc = mr_pg_err(res);

    if (rc != MR_E_CONFLICT) /* conflicts are answers, not faults: the caller knows what to say */
        LOG_WARN("statement_failed", F_STR("sqlstate", state ? state : "connection"),
                 F_STR("why", why ? why : "the connection was lost"),
                 F_SPAN("sql", mr_span_of(sql, strcspn(sql, "\n"))));
    return rc;
}

static bool succeeded(const PGresult *res)
{
    ExecStatusType st = PQresultStatus(res);

    return st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK;
}

/* The name under which sql is prepared on this connection; NULL: run it unprepared. */
static const char *prepare(struct mr_pg *c, const char *sql, int n, char name[24], int *rc)
{
    PGresult *res;
    size_t i = 0;

    while (i < c->n_prepared && c->prepared[i] != sql)
        i++;
    if (i == STATEMENTS_MAX)
        return NULL;
    (void)snprintf(name, 24, "s%zu", i);
    if (i < c->n_prepared)
        return name;
    res = PQprepare(c->conn, name, sql, n, NULL);
    if (!succeeded(res)) {
        *rc = failed(res, sql);
    } else {
        c->prepared[c->n_prepared++] = sql;
    }
    PQclear(res);
    return name;
}

int mr_pg_exec(struct mr_pg *c, const char *sql, int n, const char *const *params, PGresult **res)
{
    char name_buf[24];
    const char *name;
    PGresult *r;
    int rc = MR_OK;

    if (res)
        *res = NULL;
    if (n < 0 || n > PARAMS_MAX)
        return MR_E_INVAL;
    name = prepare(c, sql, n, name_buf, &rc);
    if (rc != MR_OK)
        return rc;
    r = name ? PQexecPrepared(c->conn, name, n, params, NULL, NULL, 0)
             : PQexecParams(c->conn, sql, n, NULL, params, NULL, NULL, 0);
    if (!succeeded(r)) {
        rc = failed(r, sql);
        PQclear(r);
        return rc;
    }
    if (res)
        *res = r;
    else
        PQclear(r);
    return MR_OK;
}

int mr_pg_run(struct mr_pg *c, const char *sql)
{
    PGresult *res = PQexec(c->conn, sql);
    int rc = succeeded(res) ? MR_OK : failed(res, sql);

    PQclear(res);
    return rc;
}

struct mr_span mr_pg_span(const PGresult *res, int row, int col)
{
    if (PQgetisnull(res, row, col))
        return MR_SPAN_NONE;
    return mr_span_of(PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col));
}

int64_t mr_pg_i64(const PGresult *res, int row, int col)
{
    return PQgetisnull(res, row, col) ? 0 : strtoll(PQgetvalue(res, row, col), NULL, 10);
}
