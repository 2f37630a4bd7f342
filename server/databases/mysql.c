/* mysql.c - connecting to somebody's MySQL or MariaDB, and asking what Debezium needs of it.
 *
 * What a hostile server could ask of a client is switched off: no file is sent to it, and the
 * password never goes over the wire in the clear. */
#include "databases/mysql.h"
#include "base/clock.h"
#include "databases/mysql_parts.h"
#include <arpa/inet.h>
#include <errno.h>
#include <mariadb/errmsg.h>
#include <mariadb/mysql.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define GRANTS_BYTES    262144
#define MYDB_FIELDS_MAX 8 /* of a row of ours */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void library(void)
{
    (void)mysql_server_init(0, NULL, NULL);
}

/* Wait for what the driver waits for; 0: the deadline is over. */
static int wait_on(MYSQL *m, int status, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = mysql_get_socket(m)};
    uint64_t now = mr_mono_ms();
    int got = 0, n;

    p.events = (short)((status & MYSQL_WAIT_READ ? POLLIN : 0) |
                       (status & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
                       (status & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
    do {
        now = mr_mono_ms();
        n = now < deadline_ms ? poll(&p, 1, (int)(deadline_ms - now)) : 0;
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return 0;
    got |= p.revents & (POLLIN | POLLHUP | POLLERR) ? status & MYSQL_WAIT_READ : 0;
    got |= p.revents & (POLLOUT | POLLHUP | POLLERR) ? status & MYSQL_WAIT_WRITE : 0;
    got |= p.revents & POLLPRI ? MYSQL_WAIT_EXCEPT : 0;
    return got;
}

int mydb_rows(MYSQL *m, uint64_t deadline_ms, const char *sql, mydb_row_fn fn, void *ctx)
{
    MYSQL_RES *res = NULL;
    MYSQL_ROW row;
    int rc = 0, status = mysql_real_query_start(&rc, m, sql, strlen(sql));

    while (status != 0) {
        int got = wait_on(m, status, deadline_ms);

        if (got == 0)
            return MR_E_TIMEOUT;
        status = mysql_real_query_cont(&rc, m, got);
    }
    if (rc != 0)
        return MR_E_UNAVAIL;
    status = mysql_store_result_start(&res, m);
    while (status != 0) {
        int got = wait_on(m, status, deadline_ms);

        if (got == 0)
            return MR_E_TIMEOUT;
        status = mysql_store_result_cont(&res, m, got);
    }
    if (!res)
        return MR_E_UNAVAIL;
    while ((row = mysql_fetch_row(res)) != NULL) {
        unsigned long *lengths = mysql_fetch_lengths(res);
        struct mr_span fields[MYDB_FIELDS_MAX];
        unsigned n = mysql_num_fields(res);

        for (unsigned i = 0; i < n && i < MYDB_FIELDS_MAX; i++)
            fields[i] = row[i] ? mr_span_of(row[i], lengths[i]) : MR_SPAN_NONE;
        fn(fields, n, ctx);
    }
    mysql_free_result(res);
    return MR_OK;
}

void mydb_text(struct mr_buf *sql, const char *text)
{
    mr_buf_add_str(sql, *text ? "CONVERT(x'" : "CONVERT(''");
    for (; *text; text++)
        mr_buf_addf(sql, text[1] ? "%02x" : "%02x'", (unsigned char)*text);
    mr_buf_add_str(sql, " USING utf8mb4)");
}

static void add_line(const struct mr_span *fields, unsigned n, void *ctx)
{
    struct mr_buf *out = ctx;

    for (unsigned i = 0; i < n; i++) {
        mr_buf_add_str(out, i ? "\t" : "");
        mr_buf_add_span(out, fields[i]);
    }
    mr_buf_add_char(out, '\n');
}

/* The result of a statement, a line a row, fields parted by tabs. */
static int lines(MYSQL *m, uint64_t deadline_ms, const char *sql, struct mr_buf *out)
{
    int rc = mydb_rows(m, deadline_ms, sql, add_line, out);

    return rc == MR_OK && mr_buf_err(out) != MR_OK ? MR_E_TOOBIG : rc;
}

/* The authority's certificate, where the driver finds it as a file. -1: there is none. */
static int root_file(const struct mr_database *d, char path[64])
{
    size_t len = d->ssl_root_cert ? strlen(d->ssl_root_cert) : 0;
    int fd = len > 0 ? memfd_create("millrace-ca", MFD_CLOEXEC) : -1;

    if (fd < 0)
        return -1;
    if (write(fd, d->ssl_root_cert, len) != (ssize_t)len) {
        close(fd);
        return -1;
    }
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* root: of the authority that the server's certificate must come from; NULL: any will do. by_name:
 * it must be this host's. */
static MYSQL *prepare(bool tls, const char *root, bool by_name)
{
    MYSQL *m = mysql_init(NULL);
    my_bool yes = 1, no = 0;
    unsigned off = 0, tcp = MYSQL_PROTOCOL_TCP;

    if (!m)
        return NULL;
    mysql_options(m, MYSQL_OPT_NONBLOCK, 0);
    mysql_options(m, MYSQL_OPT_PROTOCOL, &tcp); /* also to "localhost" */
    mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &off);
    mysql_options(m, MARIADB_OPT_RESTRICTED_AUTH,
                  "mysql_native_password,client_ed25519,caching_sha2_password");
    mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(m, MYSQL_OPT_SSL_ENFORCE, tls ? &yes : &no);
    if (root)
        mysql_options(m, MYSQL_OPT_SSL_CA, root);
    mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, by_name ? &yes : &no);
    return m;
}

static bool verifies(const struct mr_database *d)
{
    return strncmp(d->ssl_mode, "verify", 6) == 0;
}

static bool verifies_name(const struct mr_database *d)
{
    return strcmp(d->ssl_mode, "verify-full") == 0;
}

/* The driver verifies a name only if it was given one, and then resolves it by itself: it must have
 * come to the address that was allowed. */
static bool came_to(MYSQL *m, const struct mr_address *a)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char text[INET6_ADDRSTRLEN] = "";

    if (getpeername(mysql_get_socket(m), (struct sockaddr *)&sa, &len) != 0)
        return false;
    if (sa.ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)&sa)->sin_addr, text,
                        sizeof(text));
    else if (sa.ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)&sa)->sin6_addr, text,
                        sizeof(text));
    return strcmp(text, a->text) == 0;
}

/* MR_OK; MR_E_TIMEOUT; MR_E_UNAVAIL: mysql_errno says why. */
static int dial(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
                MYSQL *m)
{
    MYSQL *ret = NULL;
    int status = mysql_real_connect_start(&ret, m, verifies_name(d) ? d->host : a->text,
                                          d->username, d->password ? d->password : "", d->database,
                                          (unsigned)d->port, NULL, 0);

    while (status != 0) {
        int got = wait_on(m, status, deadline_ms);

        if (got == 0)
            return MR_E_TIMEOUT;
        status = mysql_real_connect_cont(&ret, m, got);
    }
    return ret ? MR_OK : MR_E_UNAVAIL;
}

static void explain(const struct mr_database *d, MYSQL *m, int rc, bool tls, struct mr_checklist *l)
{
    unsigned code = mysql_errno(m);

    if (rc == MR_E_TIMEOUT) {
        mr_check(l, "login", false,
                 "The server took the connection and then did not answer in time.");
    } else if (code == CR_SSL_CONNECTION_ERROR) {
        mr_check(l, "tls", false,
                 verifies(d)
                     ? "The server offers no TLS, or its certificate is not in order: %.200s"
                     : "The server offers no TLS that could be used.%.0s",
                 mysql_error(m));
    } else if (code == 1049 || code == 1044) {
        mr_check(l, "tls", true, tls ? "The connection is encrypted." : "Not used.");
        mr_check(l, "login", true, "Signed in as %s.", d->username);
        mr_check(l, "database", false, "%.300s (error %u).", mysql_error(m), code);
    } else if (code >= 1000 && code < 2000) {
        mr_check(l, "tls", true, tls ? "The connection is encrypted." : "Not used.");
        mr_check(l, "login", false, "%.300s (error %u).", mysql_error(m), code);
    } else {
        mr_check(l, "login", false,
                 "What answers there does not speak MySQL's protocol, or wants a way to sign in "
                 "that would show the password (error %u).",
                 code);
    }
}

/* With TLS first unless it is ruled out; without when it is not asked for and not there. */
static MYSQL *try_both(const struct mr_database *d, const struct mr_address *a,
                       uint64_t deadline_ms, const char *root, struct mr_checklist *l)
{
    bool tls = strcmp(d->ssl_mode, "disable") != 0;
    MYSQL *m = prepare(tls, root, verifies_name(d));
    int rc = m ? dial(d, a, deadline_ms, m) : MR_E_NOMEM;

    if (m && rc == MR_E_UNAVAIL && mysql_errno(m) == CR_SSL_CONNECTION_ERROR &&
        strcmp(d->ssl_mode, "prefer") == 0) {
        mysql_close(m);
        tls = false;
        m = prepare(tls, NULL, false);
        rc = m ? dial(d, a, deadline_ms, m) : MR_E_NOMEM;
    }
    if (m && rc == MR_OK)
        return m;
    if (m)
        explain(d, m, rc, tls, l);
    if (m)
        mysql_close(m);
    return NULL;
}

MYSQL *mydb_connect(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
                    struct mr_checklist *l)
{
    char path[64];
    int root;
    MYSQL *m;

    (void)pthread_once(&once, library);
    root = verifies(d) ? root_file(d, path) : -1;
    if (verifies(d) && root < 0) {
        mr_check(l, "tls", false, "ssl_mode %s needs ssl_root_cert: the authority's certificate.",
                 d->ssl_mode);
        return NULL;
    }
    m = try_both(d, a, deadline_ms, root >= 0 ? path : NULL, l);
    if (root >= 0)
        close(root);
    if (!m)
        return NULL;
    if (verifies_name(d) && !came_to(m, a)) {
        mr_check(l, "tls", false, "%s leads somewhere else now; try again.", d->host);
    } else if ((verifies(d) || strcmp(d->ssl_mode, "require") == 0) && !mysql_get_ssl_cipher(m)) {
        mr_check(l, "tls", false, "The server offers no TLS, and ssl_mode is %s.", d->ssl_mode);
    } else {
        mr_check(l, "tls", true, "%s",
                 verifies_name(d)
                     ? "The connection is encrypted, and the certificate is the host's."
                 : verifies(d) ? "The connection is encrypted, and the certificate is in order."
                 : mysql_get_ssl_cipher(m) ? "The connection is encrypted."
                 : strcmp(d->ssl_mode, "disable") == 0
                     ? "Not used: the connection is not encrypted."
                     : "The server offers none: the connection is not encrypted.");
        mr_check(l, "login", true, "Signed in as %s.", d->username);
        mr_check(l, "database", true, "The database %s is there.", d->database);
        return m;
    }
    mysql_close(m);
    return NULL;
}

/* ---- what is asked ------------------------------------------------------------------------ */

/* The value of a line "name\tvalue". */
static const char *variable(const char *lines, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    out[0] = '\0';
    for (const char *p = lines; *p; p += strcspn(p, "\n"), p += *p == '\n')
        if (strncasecmp(p, name, n) == 0 && p[n] == '\t')
            (void)snprintf(out, size, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
    return out;
}

/* Does a line of SHOW GRANTS give this privilege, on everything or (global false) on the database?
 * The lines hold password hashes: they are looked at and never shown. */
static bool granted(const char *grants, const char *privilege, const char *database, bool global)
{
    char on[300];

    (void)snprintf(on, sizeof(on), " ON `%s`.", database);
    for (const char *p = grants; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        struct mr_span line = mr_span_of(p, strcspn(p, "\n"));
        const char *all = memmem(line.ptr, line.len, " ON *.* ", 8);
        const char *here = global ? NULL : memmem(line.ptr, line.len, on, strlen(on));
        const char *end = all ? all : here;

        if (end && (memmem(p, (size_t)(end - p), "ALL PRIVILEGES", 14) ||
                    memmem(p, (size_t)(end - p), privilege, strlen(privilege))))
            return true;
    }
    return false;
}

static void check_variable(struct mr_checklist *l, const char *check, const char *lines,
                           const char *name, const char *want)
{
    char is[64];
    bool good = strcasecmp(variable(lines, name, is, sizeof(is)), want) == 0;

    mr_check(l, check, good, good ? "%s is %s." : "%s is %s: set it to %s.", name,
             is[0] ? is : "unknown", want);
}

static void check_source(const struct mr_database *d, const char *vars, const char *grants,
                         struct mr_checklist *l)
{
    bool monitor = granted(grants, "REPLICATION CLIENT", d->database, true) ||
                   granted(grants, "BINLOG MONITOR", d->database, true);
    char id[32];
    bool good = granted(grants, "REPLICATION SLAVE", d->database, true) && monitor;

    mr_check(
        l, "replication_role", good,
        good ? "%s may replicate."
             : "%s may not replicate: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* to it.",
        d->username);
    good = granted(grants, "SELECT", d->database, false);
    mr_check(l, "select_privilege", good,
             good ? "The tables of %s may be read."
                  : "The tables of %s may not be read: GRANT SELECT.",
             d->database);
    check_variable(l, "log_bin", vars, "log_bin", "ON");
    check_variable(l, "binlog_format", vars, "binlog_format", "ROW");
    check_variable(l, "binlog_row_image", vars, "binlog_row_image", "FULL");
    good = strcmp(variable(vars, "server_id", id, sizeof(id)), "0") != 0 && id[0];
    mr_check(l, "server_id", good,
             good ? "server_id is %s." : "server_id is %s: give the server one.", id);
}

void mydb_test(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
               struct mr_checklist *l)
{
    struct mr_buf vars = MR_BUF_INIT(GRANTS_BYTES), grants = MR_BUF_INIT(GRANTS_BYTES);
    MYSQL *m;
    bool create;

    m = mydb_connect(d, a, deadline_ms, l);
    if (!m)
        return;
    if (lines(m, deadline_ms,
              "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'log_bin', "
              "'binlog_format', 'binlog_row_image', 'server_id')",
              &vars) != MR_OK ||
        lines(m, deadline_ms, "SHOW GRANTS", &grants) != MR_OK) {
        mr_check(l, "server_version", false, "The database refused a question, or took too long.");
    } else {
        variable(mr_buf_cstr(&vars), "version", l->version, sizeof(l->version));
        mr_check(l, "server_version", true, "%s.", l->version);
        create = granted(mr_buf_cstr(&grants), "CREATE", d->database, false);
        if (d->source)
            check_source(d, mr_buf_cstr(&vars), mr_buf_cstr(&grants), l);
        else
            mr_check(l, "create_privilege", create,
                     create ? "The user may create tables in %s."
                            : "The user may not create tables in %s: GRANT CREATE on it.",
                     d->database);
    }
    mr_buf_free(&vars);
    mr_buf_free(&grants);
    mysql_close(m);
}
