/* migrate.c - applies what is missing, in order, one transaction a file, under one advisory lock.
 */
#include "store/migrate.h"
#include "proto/buf.h"

#include <openssl/evp.h>
#include <stdio.h>

/* Any constant will do, as long as every millrace uses the same. */
#define LOCK   "SELECT pg_advisory_lock(7023418877)"
#define UNLOCK "SELECT pg_advisory_unlock(7023418877)"

#define SQL_TABLE                                                                                  \
    "CREATE TABLE IF NOT EXISTS schema_migrations ("                                               \
    " name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT "     \
    "now())"
#define SQL_EXISTS "SELECT to_regclass('schema_migrations') IS NOT NULL"
#define SQL_LIST   "SELECT name, checksum FROM schema_migrations ORDER BY name"
#define SQL_RECORD "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)"

typedef void (*say_fn)(const char *line, void *ctx);

static void checksum(const struct mr_migration *m, char hex[65])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (!EVP_Digest(m->sql, m->len, sum, &n, EVP_sha256(), NULL))
        n = 0;
    for (unsigned int i = 0; i < 32; i++)
        (void)snprintf(hex + (size_t)2 * i, 3, "%02x", i < n ? sum[i] : 0);
}

static void tell(say_fn say, void *ctx, const char *what, const char *name, const char *more)
{
    char line[256];

    (void)snprintf(line, sizeof(line), "%s %s%s", what, name, more);
    say(line, ctx);
}

/* How many of `all` the database has (they are a prefix of it), or an error that say was told. */
static int compare(const PGresult *done, const struct mr_migration *all, size_t n, say_fn say,
                   void *ctx)
{
    int rows = PQntuples(done);

    for (int i = 0; i < rows; i++) {
        const char *name = PQgetvalue(done, i, 0);
        char hex[65];

        if ((size_t)i >= n || strcmp(name, all[i].name) != 0) {
            tell(say, ctx, "unknown  ", name,
                 ": the database was migrated by another version; run that one, or a newer one");
            return MR_E_CONFLICT;
        }
        checksum(&all[i], hex);
        if (strcmp(hex, PQgetvalue(done, i, 1)) != 0) {
            tell(say, ctx, "changed  ", name,
                 ": the file differs from what was applied; restore it and add a new migration");
            return MR_E_CONFLICT;
        }
    }
    return rows;
}

static int apply(struct mr_pg *c, const struct mr_migration *m)
{
    char hex[65];
    const char *params[] = {m->name, hex};
    int rc;

    checksum(m, hex);
    rc = mr_pg_run(c, "BEGIN");
    if (rc == MR_OK)
        rc = mr_pg_run(c, m->sql);
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_RECORD, 2, params, NULL);
    if (rc == MR_OK)
        return mr_pg_run(c, "COMMIT");
    if (mr_pg_run(c, "ROLLBACK") != MR_OK)
        return MR_E_DB;
    return rc == MR_E_CONFLICT ? MR_E_DB : rc;
}

int mr_migrate_up(struct mr_pg *c, const struct mr_migration *all, size_t n,
                  void (*say)(const char *line, void *ctx), void *ctx)
{
    PGresult *done = NULL;
    int rc = mr_pg_run(c, LOCK);
    int have;

    if (rc != MR_OK)
        return rc;
    rc = mr_pg_run(c, SQL_TABLE);
    if (rc != MR_OK)
        goto out;
    rc = mr_pg_exec(c, SQL_LIST, 0, NULL, &done);
    if (rc != MR_OK)
        goto out;
    have = compare(done, all, n, say, ctx);
    if (have < 0) {
        rc = have;
        goto out;
    }
    for (size_t i = (size_t)have; i < n && rc == MR_OK; i++) {
        rc = apply(c, &all[i]);
        tell(say, ctx, rc == MR_OK ? "applied  " : "failed   ", all[i].name,
             rc == MR_OK ? "" : ": nothing of it was kept; see the log for the reason");
    }
    if (rc == MR_OK && (size_t)have == n)
        say("up to date", ctx);
out:
    PQclear(done);
    if (mr_pg_run(c, UNLOCK) != MR_OK && rc == MR_OK)
        rc = MR_E_DB;
    return rc;
}

int mr_migrate_status(struct mr_pg *c, const struct mr_migration *all, size_t n,
                      void (*say)(const char *line, void *ctx), void *ctx)
{
    PGresult *exists = NULL, *done = NULL;
    int have = 0;
    int rc = mr_pg_exec(c, SQL_EXISTS, 0, NULL, &exists);

    if (rc != MR_OK)
        goto out;
    if (mr_span_is(mr_pg_span(exists, 0, 0), "t")) {
        rc = mr_pg_exec(c, SQL_LIST, 0, NULL, &done);
        if (rc != MR_OK)
            goto out;
        have = compare(done, all, n, say, ctx);
        if (have < 0) {
            rc = have;
            goto out;
        }
    }
    for (size_t i = 0; i < n; i++)
        tell(say, ctx, i < (size_t)have ? "applied  " : "pending  ", all[i].name, "");
    rc = (int)n - have;
out:
    PQclear(exists);
    PQclear(done);
    return rc;
}
