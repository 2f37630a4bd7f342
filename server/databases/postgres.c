/* postgres.c - connecting to somebody's PostgreSQL, and asking it. */
#include "databases/postgres.h"
#include "base/clock.h"
#include <ctype.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOWHERE      "/nonexistent/millrace"
#define AUTHORITIES  "/etc/ssl/certs/ca-certificates.crt"
#define RESULT_BYTES (32u << 20)

static int wait_for(PGconn *conn, short events, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(conn), .events = events};

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

/* libpq wants a file; this one has no name. -1: none could be made. */
static int cert_file(const char *pem, char *path, size_t size)
{
    size_t len = strlen(pem), at = 0;
    int fd = memfd_create("root.crt", MFD_CLOEXEC);

    while (fd >= 0 && at < len) {
        ssize_t n = write(fd, pem + at, len - at);

        if (n < 0 && errno != EINTR) {
            (void)close(fd);
            return -1;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    (void)snprintf(path, size, "/proc/self/fd/%d", fd);
    return fd;
}

/* The SQLSTATE in a message of verbose form, "FATAL:  28P01: text"; *text: what follows it. */
static bool find_state(const char *message, char state[6], const char **text)
{
    for (const char *p = strstr(message, ":  "); p; p = strstr(p + 1, ":  ")) {
        size_t i = 0;

        while (i < 5 && (isdigit((unsigned char)p[3 + i]) || isupper((unsigned char)p[3 + i])))
            i++;
        if (i == 5 && p[8] == ':' && p[9] == ' ') {
            memcpy(state, p + 3, 5);
            state[5] = '\0';
            *text = p + 10;
            return true;
        }
    }
    return false;
}

static bool about_tls(const char *message)
{
    return strstr(message, "SSL") || strstr(message, "certificate") || strstr(message, "TLS");
}

static void say_tls(const struct mr_database *d, bool used, const PGconn *conn,
                    struct mr_checklist *l)
{
    const char *how = used ? PQsslAttribute((PGconn *)(uintptr_t)conn, "protocol") : NULL;

    if (used)
        mr_check(l, "tls", true, "The connection is encrypted%s%s%s.", how ? " (" : "",
                 how ? how : "", how ? ")" : "");
    else if (strcmp(d->ssl_mode, "disable") == 0)
        mr_check(l, "tls", true, "Not used: ssl_mode is disable.");
    else
        mr_check(l, "tls", true, "The server offers none: the connection is not encrypted.");
}

/* What libpq says of a connection that was not made, as checks. */
static void explain(const struct mr_database *d, PGconn *conn, int rc, bool used,
                    struct mr_checklist *l)
{
    const char *message = PQerrorMessage(conn), *text = "", *at;
    char state[6] = "";
    int len;

    if (rc == MR_E_TIMEOUT) {
        mr_check(l, "login", false,
                 "The server took the connection and then did not answer in time.");
        return;
    }
    if (find_state(message, state, &text)) {
        len = (int)strcspn(text, "\n");
        say_tls(d, used, conn, l);
        if (strcmp(state, "3D000") != 0 && strcmp(state, "42501") != 0) {
            mr_check(l, "login", false, "%.*s (SQLSTATE %s).", len, text, state);
            return;
        }
        mr_check(l, "login", true, "Signed in as %s.", d->username);
        mr_check(l, "database", false, "%.*s (SQLSTATE %s).", len, text, state);
    } else if (strstr(message, "no password supplied")) {
        say_tls(d, used, conn, l);
        mr_check(l, "login", false, "The server asks for a password, and the connection has none.");
    } else if (about_tls(message)) {
        at = strstr(message, "failed: ");
        text = at ? at + 8 : message;
        mr_check(l, "tls", false, "%.*s.", (int)strcspn(text, "\n"), text);
    } else {
        mr_check(l, "login", false, "What answers there does not speak PostgreSQL's protocol.");
    }
}

static int finish(PGconn *conn, uint64_t deadline_ms, bool *tls)
{
    PostgresPollingStatusType st = PGRES_POLLING_WRITING;

    if (!conn || PQstatus(conn) == CONNECTION_BAD)
        return MR_E_UNAVAIL;
    PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    while (st != PGRES_POLLING_OK) {
        int rc = wait_for(conn, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms);

        if (rc != MR_OK)
            return rc;
        st = PQconnectPoll(conn);
        *tls = *tls || PQsslInUse(conn);
        if (st == PGRES_POLLING_FAILED)
            return MR_E_UNAVAIL;
    }
    return MR_OK;
}

static void ignore_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

PGconn *pgdb_connect(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
                     struct mr_checklist *l)
{
    char port[8], session[256], path[64] = NOWHERE;
    const char *named = d->use == MR_DB_LOOK ? "millrace-check" : "millrace-load";
    const char *replicate = d->use == MR_DB_REPLICATE ? "database" : NULL;
    bool verify = strncmp(d->ssl_mode, "verify", 6) == 0, tls = false;
    int fd = d->ssl_root_cert ? cert_file(d->ssl_root_cert, path, sizeof(path)) : -1, rc;
    /* Files that libpq would look for in a home directory are named away: without them `require`
     * is just that, and nobody's certificate is shown to strangers. */
    const char *keys[] = {"host",
                          "hostaddr",
                          "port",
                          "dbname",
                          "user",
                          "password",
                          "passfile",
                          "sslmode",
                          "sslrootcert",
                          "sslcert",
                          "sslkey",
                          "sslcrl",
                          "gssencmode",
                          "options",
                          "client_encoding",
                          "application_name",
                          "target_session_attrs",
                          "replication",
                          NULL};
    const char *values[] = {d->host,     a->text,     port,
                            d->database, d->username, d->password,
                            NOWHERE,     d->ssl_mode, verify && fd < 0 ? AUTHORITIES : path,
                            NOWHERE,     NOWHERE,     NOWHERE,
                            "disable",   session,     "UTF8",
                            named,       "any",       replicate,
                            NULL};
    PGconn *conn;

    (void)snprintf(port, sizeof(port), "%d", d->port);
    if (d->use == MR_DB_LOOK)
        (void)snprintf(session, sizeof(session),
                       "-c search_path=pg_catalog -c default_transaction_read_only=on "
                       "-c statement_timeout=%lld",
                       (long long)d->timeout_ms);
    else
        (void)snprintf(session, sizeof(session),
                       "-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=20s "
                       "-c idle_in_transaction_session_timeout=0 -c datestyle=ISO "
                       "-c intervalstyle=postgres -c extra_float_digits=3");
    conn = PQconnectStartParams(keys, values, 0);
    rc = finish(conn, deadline_ms, &tls);
    if (fd >= 0)
        (void)close(fd);
    if (rc != MR_OK) {
        if (conn)
            explain(d, conn, rc, tls, l);
        else
            mr_check(l, "login", false, "Out of memory.");
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    say_tls(d, tls, conn, l);
    mr_check(l, "login", true, "Signed in as %s.", d->username);
    mr_check(l, "database", true, "The database %s is there.", d->database);
    return conn;
}

/* Bytes that OpenSSL has taken off the socket, which poll(2) does not see. */
static bool tls_pending(PGconn *conn)
{
    SSL *ssl = PQsslStruct(conn, "OpenSSL");

    return ssl && SSL_pending(ssl) > 0;
}

PGresult *pgdb_query(PGconn *conn, uint64_t deadline_ms, const char *sql, int n,
                     const char *const *params, char *why, size_t size)
{
    PGresult *res = NULL, *next;
    const char *text;
    int rc = PQsendQueryParams(conn, sql, n, NULL, params, NULL, NULL, 0) ? MR_OK : MR_E_IO;

    while (rc == MR_OK) {
        if (PQisBusy(conn)) {
            rc = tls_pending(conn) ? MR_OK : wait_for(conn, POLLIN, deadline_ms);
            if (rc == MR_OK && !PQconsumeInput(conn))
                rc = MR_E_IO;
            continue;
        }
        next = PQgetResult(conn);
        if (!next)
            break;
        PQclear(res);
        res = next;
    }
    if (rc == MR_OK && PQresultStatus(res) == PGRES_TUPLES_OK &&
        PQresultMemorySize(res) < RESULT_BYTES)
        return res;
    text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (rc == MR_E_TIMEOUT)
        (void)snprintf(why, size, "The database did not answer in time.");
    else if (rc == MR_OK && PQresultStatus(res) == PGRES_TUPLES_OK)
        (void)snprintf(why, size, "The answer is too large; ask for less.");
    else
        (void)snprintf(why, size, "The database refused a question: %s",
                       text ? text : "the connection was lost");
    PQclear(res);
    return NULL;
}

int pgdb_result(const PGconn *conn, const PGresult *res, char *why, size_t size)
{
    static const struct {
        const char *state;
        int err;
    } known[] = {
        {"42P07", MR_E_CONFLICT}, {"42710", MR_E_CONFLICT}, {"42P06", MR_E_CONFLICT},
        {"23505", MR_E_CONFLICT}, {"42704", MR_E_NOTFOUND}, {"42P01", MR_E_NOTFOUND},
        {"3F000", MR_E_NOTFOUND}, {"55006", MR_E_AGAIN},    {"42P16", MR_E_CONFLICT},
    };
    ExecStatusType st = PQresultStatus(res);
    const char *text, *state;

    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK || st == PGRES_COPY_IN ||
        st == PGRES_COPY_OUT)
        return MR_OK;
    text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    (void)snprintf(why, size, "%s%s%s%s", text ? text : "the connection was lost",
                   state ? " (SQLSTATE " : "", state ? state : "", state ? ")" : "");
    if (PQstatus(conn) == CONNECTION_BAD || !state)
        return MR_E_UNAVAIL;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].state, state) == 0)
            return known[i].err;
    return state[0] == '5' && (state[1] == '3' || state[1] == '7') ? MR_E_UNAVAIL : MR_E_DATA;
}

int pgdb_run(PGconn *conn, const char *sql, char *why, size_t size)
{
    PGresult *res = PQexec(conn, sql);
    int rc = pgdb_result(conn, res, why, size);

    PQclear(res);
    return rc;
}
