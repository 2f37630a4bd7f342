/* pg.c - one connection: opened within its time, and statements on it, with errors mapped once.
 *
 * Every wait is a poll(2) with a deadline of ours: libpq's connect_timeout has a grain of seconds,
 * and a server that is stopped rather than gone keeps its sockets open and never answers, which no
 * keepalive notices and no statement_timeout ends.
 */
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "proto/buf.h"
#include "store/pg_conn.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define PARAMS_MAX        64
#define OPTIONS_BYTES_MAX 4096
/* How much longer than the server's statement_timeout an answer may take. */
#define ANSWER_GRACE_MS 2000

/* Wait until the socket is ready for events. deadline_ms 0: for ever.
 * MR_OK; MR_E_TIMEOUT; MR_E_IO. */
static int wait_for(PGconn *conn, short events, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(conn), .events = events};

    for (;;) {
        uint64_t now = mr_mono_ms();
        int n;

        if (deadline_ms && now >= deadline_ms)
            return MR_E_TIMEOUT;
        n = poll(&p, 1, deadline_ms ? (int)(deadline_ms - now) : -1);
        if (n > 0)
            return MR_OK;
        if (n < 0 && errno != EINTR)
            return MR_E_IO;
    }
}

/* Under TLS, bytes may have been taken off the socket that libpq has not seen: poll(2) is silent
 * about those. */
static bool tls_pending(PGconn *conn)
{
    SSL *ssl = PQsslStruct(conn, "OpenSSL");

    return ssl && SSL_pending(ssl) > 0;
}

/* ---- connecting --------------------------------------------------------------------------- */

static int finish_connect(PGconn *conn, int64_t timeout_ms)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)timeout_ms;
    PostgresPollingStatusType st = PGRES_POLLING_WRITING;

    while (st != PGRES_POLLING_OK) {
        int rc = wait_for(conn, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);

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
    const char *text = rc == MR_E_TIMEOUT ? "timed out" : PQerrorMessage(conn);

    LOG_WARN("postgres_connect_failed", F_SPAN("why", mr_span_of(text, strcspn(text, "\n"))));
}

static void ignore_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

/* Server settings of the session: what the url asks for, then what our code relies on. */
static int session_options(struct mr_buf *b, const struct mr_pg_options *opt)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(opt->url, &why);

    PQfreemem(why); /* never shown: it quotes the url, and so the password */
    if (!parsed)
        return MR_E_CONFIG;
    for (const PQconninfoOption *o = parsed; o->keyword; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val)
            mr_buf_addf(b, "%s ", o->val);
    PQconninfoFree(parsed);
    mr_buf_addf(b, "-c statement_timeout=%lld -c TimeZone=UTC -c DateStyle=ISO",
                (long long)opt->statement_timeout_ms);
    return mr_buf_err(b);
}

int mr_pg_connect(struct mr_pg **out, const struct mr_pg_options *opt)
{
    struct mr_buf options = MR_BUF_INIT(OPTIONS_BYTES_MAX);
    struct mr_pg *c = mr_zalloc(1, sizeof(*c));
    int rc = c ? session_options(&options, opt) : MR_E_NOMEM;
    /* A later key wins, and dbname stands for everything in the url: keepalives are the user's
     * to change, the rest is ours. */
    const char *keys[] = {"keepalives",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          "dbname",
                          "client_encoding",
                          "application_name",
                          "options",
                          NULL};
    const char *values[] = {
        "1", "5", "3", "3", "15000", opt->url, "UTF8", opt->application, mr_buf_cstr(&options),
        NULL};

    if (rc != MR_OK)
        goto out;
    rc = MR_E_NOMEM;
    c->conn = PQconnectStartParams(keys, values, 1);
    if (!c->conn)
        goto out;
    rc = PQstatus(c->conn) == CONNECTION_BAD ? MR_E_DB
                                             : finish_connect(c->conn, opt->connect_timeout_ms);
    if (rc != MR_OK) {
        log_refused(c->conn, rc);
        rc = MR_E_DB;
        goto out;
    }
    PQsetNoticeReceiver(c->conn, ignore_notice, NULL);
    if (opt->statement_timeout_ms)
        c->answer_ms = opt->statement_timeout_ms + ANSWER_GRACE_MS;
    *out = c;
    c = NULL;
out:
    mr_pg_close(c);
    mr_buf_free(&options);
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

/* ---- statements --------------------------------------------------------------------------- */

int mr_pg_err(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (!state)
        return MR_E_DB;
    if (strcmp(state, "23505") == 0 || strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
        return MR_E_CONFLICT;
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
        strncmp(state, "54", 2) == 0)
        return MR_E_DATA;
    if (strcmp(state, "57014") == 0)
        return MR_E_TIMEOUT;
    return MR_E_DB;
}

static bool succeeded(const PGresult *res)
{
    ExecStatusType st = PQresultStatus(res);

    return st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK;
}

static bool copying(const PGresult *res)
{
    ExecStatusType st = PQresultStatus(res);

    return st == PGRES_COPY_IN || st == PGRES_COPY_OUT || st == PGRES_COPY_BOTH;
}

/* Say what went wrong, once, and map it. rc: what is known already when res has nothing to say. */
static int failed(const PGresult *res, int rc, const char *sql)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *why = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (rc == MR_OK)
        rc = mr_pg_err(res);
    if (!why)
        why = rc == MR_E_TIMEOUT ? "the server did not answer" : "the connection was lost";
    if (rc != MR_E_CONFLICT) /* conflicts are answers, not faults: the caller knows what to say */
        LOG_WARN("statement_failed", F_STR("sqlstate", state ? state : "none"), F_STR("why", why),
                 F_SPAN("sql", mr_span_of(sql, strcspn(sql, "\n"))));
    return rc;
}

/* The answer to what was just sent; of several results the last, which is the one that failed when
 * one did. sent: what PQsend.. returned. MR_OK gives a successful result in *out. */
static int answer(struct mr_pg *c, int sent, const char *sql, PGresult **out)
{
    uint64_t deadline = c->answer_ms ? mr_mono_ms() + (uint64_t)c->answer_ms : 0;
    PGresult *res = NULL;
    int rc = sent ? MR_OK : MR_E_DB;

    while (rc == MR_OK) {
        PGresult *next;

        if (PQisBusy(c->conn)) {
            rc = tls_pending(c->conn) ? MR_OK : wait_for(c->conn, POLLIN, deadline);
            if (rc == MR_OK && !PQconsumeInput(c->conn))
                rc = MR_E_DB;
            continue;
        }
        next = PQgetResult(c->conn);
        if (!next)
            break;
        PQclear(res);
        res = next;
        if (copying(res)) /* not for this door; what follows is the caller's business */
            break;
    }
    if (rc == MR_OK && succeeded(res)) {
        *out = res;
        return MR_OK;
    }
    rc = failed(res, rc, sql);
    PQclear(res);
    return rc;
}

/* The name under which sql is prepared on this connection; NULL: run it unprepared, or see *rc. */
static const char *prepare(struct mr_pg *c, const char *sql, int n, char name[24], int *rc)
{
    PGresult *res = NULL;
    size_t i = 0;

    while (i < c->n_prepared && c->prepared[i] != sql)
        i++;
    if (i == PG_STATEMENTS_MAX)
        return NULL;
    (void)snprintf(name, 24, "s%zu", i);
    if (i < c->n_prepared)
        return name;
    *rc = answer(c, PQsendPrepare(c->conn, name, sql, n, NULL), sql, &res);
    if (*rc != MR_OK)
        return NULL;
    c->prepared[c->n_prepared++] = sql;
    PQclear(res);
    return name;
}

static const char SQL_LABEL[] = "SELECT set_config('application_name', $1, false)";

/* The next result of a pipeline, without the NULL that ends it. */
static int piped(struct mr_pg *c, const char *sql, PGresult **out)
{
    uint64_t deadline = c->answer_ms ? mr_mono_ms() + (uint64_t)c->answer_ms : 0;
    int rc = MR_OK;

    *out = NULL;
    while (rc == MR_OK && PQisBusy(c->conn)) {
        rc = tls_pending(c->conn) ? MR_OK : wait_for(c->conn, POLLIN, deadline);
        if (rc == MR_OK && !PQconsumeInput(c->conn))
            rc = MR_E_DB;
    }
    if (rc == MR_OK)
        *out = PQgetResult(c->conn);
    return rc == MR_OK ? MR_OK : failed(NULL, rc, sql);
}

/* Both statements in one go. After an error that is not the statement's own the connection is in no
 * state to be used again: the pool closes it, since it is not idle. */
static int exec_labelled(struct mr_pg *c, const char *label, const char *name, const char *sql,
                         int n, const char *const *params, PGresult **out)
{
    const char *text = c->label;
    PGresult *res = NULL, *end = NULL;
    int rc = MR_E_DB;

    if (!PQenterPipelineMode(c->conn) ||
        !PQsendQueryPrepared(c->conn, label, 1, &text, NULL, NULL, 0) ||
        !PQsendQueryPrepared(c->conn, name, n, params, NULL, NULL, 0) || !PQpipelineSync(c->conn))
        return failed(NULL, MR_E_DB, sql);
    c->label[0] = '\0';
    for (int i = 0; i < 2; i++) { /* the label's answer, then the statement's */
        PQclear(res);
        rc = piped(c, sql, &res);
        if (rc == MR_OK)
            rc = piped(c, sql, &end); /* NULL */
        PQclear(end);
        if (rc != MR_OK) {
            PQclear(res);
            return rc;
        }
    }
    rc = piped(c, sql, &end); /* the sync */
    PQclear(end);
    if (rc == MR_OK && !PQexitPipelineMode(c->conn))
        rc = failed(NULL, MR_E_DB, sql);
    if (rc == MR_OK && !succeeded(res))
        rc = failed(res, MR_OK, sql);
    if (rc != MR_OK) {
        PQclear(res);
        return rc;
    }
    *out = res;
    return MR_OK;
}

int mr_pg_exec(struct mr_pg *c, const char *sql, int n, const char *const *params, PGresult **res)
{
    char name_buf[24], label_buf[24];
    const char *name, *label = NULL;
    PGresult *r = NULL;
    int rc = MR_OK;

    if (res)
        *res = NULL;
    if (n < 0 || n > PARAMS_MAX)
        return MR_E_INVAL;
    name = prepare(c, sql, n, name_buf, &rc);
    if (rc == MR_OK && name && c->label[0])
        label = prepare(c, SQL_LABEL, 1, label_buf, &rc);
    if (rc != MR_OK)
        return rc;
    if (label)
        rc = exec_labelled(c, label, name, sql, n, params, &r);
    else
        rc = answer(c,
                    name ? PQsendQueryPrepared(c->conn, name, n, params, NULL, NULL, 0)
                         : PQsendQueryParams(c->conn, sql, n, NULL, params, NULL, NULL, 0),
                    sql, &r);
    if (rc == MR_OK && res)
        *res = r;
    else
        PQclear(r);
    return rc;
}

void mr_pg_label(struct mr_pg *c, const char *text)
{
    (void)snprintf(c->label, sizeof(c->label), "millrace %s", text);
}

/* SET has no parameters; the label is a literal then. */
static int run_labelled(struct mr_pg *c, const char *sql)
{
    char *text = PQescapeLiteral(c->conn, c->label, strlen(c->label));
    struct mr_buf both = MR_BUF_INIT(65536);
    PGresult *res = NULL;
    int rc = text ? MR_OK : MR_E_NOMEM;

    if (rc == MR_OK) {
        mr_buf_addf(&both, "SET application_name = %s; %s", text, sql);
        rc = mr_buf_err(&both);
    }
    if (rc == MR_OK)
        rc = answer(c, PQsendQuery(c->conn, mr_buf_cstr(&both)), sql, &res);
    c->label[0] = '\0';
    PQfreemem(text);
    PQclear(res);
    mr_buf_free(&both);
    return rc;
}

int mr_pg_run(struct mr_pg *c, const char *sql)
{
    PGresult *res = NULL;
    int rc;

    if (c->label[0])
        return run_labelled(c, sql);
    rc = answer(c, PQsendQuery(c->conn, sql), sql, &res);
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
