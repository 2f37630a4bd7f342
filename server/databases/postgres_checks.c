/* postgres_checks.c - has this PostgreSQL what Debezium needs of a source, or the JDBC sink of a
 * target? One statement asks it all. */
#include "databases/postgres.h"
#include <stdio.h>
#include <stdlib.h>

#define OLDEST 100000 /* pgoutput came with PostgreSQL 10 */

enum {
    VERSION,
    NUMBER,
    WAL,
    SUPER,
    REPLICATION,
    SLOTS_MAX,
    SLOTS,
    SENDERS_MAX,
    SENDERS,
    STANDBY,
    TABLES,
    CLOSED,
    EXAMPLE,
    SCHEMA,
    CREATE
};

/* clang-format off */
static const char SQL[] =
    "SELECT current_setting('server_version'), current_setting('server_version_num'), "
    "current_setting('wal_level'), r.rolsuper, r.rolreplication OR EXISTS (SELECT 1 FROM "
    "pg_roles g WHERE g.rolname IN ('rds_replication', 'rds_superuser', 'azure_pg_admin', "
    "'cloudsqlsuperuser') AND pg_has_role(g.oid, 'member')), "
    "current_setting('max_replication_slots'), (SELECT count(*) FROM pg_replication_slots), "
    "current_setting('max_wal_senders'), (SELECT count(*) FROM pg_stat_replication), "
    "pg_is_in_recovery(), t.tables, t.closed, t.example, "
    "$1::text IS NULL OR EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname = $1), "
    "CASE WHEN $1::text IS NOT NULL AND EXISTS (SELECT 1 FROM pg_namespace n "
    "WHERE n.nspname = $1) THEN has_schema_privilege($1, 'CREATE') "
    "ELSE has_database_privilege(current_database(), 'CREATE') END "
    "FROM pg_roles r, (SELECT count(*) AS tables, count(*) FILTER (WHERE NOT may) AS closed, "
    "min(name) FILTER (WHERE NOT may) AS example FROM (SELECT n.nspname || '.' || c.relname AS "
    "name, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS may "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') "
    "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
    "AND ($1::text IS NULL OR n.nspname = $1)) x) t WHERE r.rolname = current_user";
/* clang-format on */

static long number(const PGresult *r, int col)
{
    return strtol(PQgetvalue(r, 0, col), NULL, 10);
}

static bool yes(const PGresult *r, int col)
{
    return PQgetvalue(r, 0, col)[0] == 't';
}

static void check_room(const PGresult *r, struct mr_checklist *l, const char *name,
                       const char *what, const char *setting, int max_col, int used_col)
{
    long most = number(r, max_col), used = number(r, used_col);

    if (used < most)
        mr_check(l, name, true, "%ld of %ld %s are free.", most - used, most, what);
    else
        mr_check(l, name, false, "All %ld %s are taken: raise %s, or remove one that is not used.",
                 most, what, setting);
}

static void check_source(const struct mr_database *d, const PGresult *r, struct mr_checklist *l)
{
    const char *wal = PQgetvalue(r, 0, WAL);

    if (yes(r, SUPER) || yes(r, REPLICATION))
        mr_check(l, "replication_role", true, "The user may replicate.");
    else
        mr_check(l, "replication_role", false,
                 "The user may not replicate: ALTER ROLE \"%s\" WITH REPLICATION.", d->username);
    if (number(r, CLOSED) > 0)
        mr_check(
            l, "select_privilege", false,
            "%ld of %ld tables may not be read, %s for one: GRANT SELECT on them, and USAGE on "
            "their schema.",
            number(r, CLOSED), number(r, TABLES), PQgetvalue(r, 0, EXAMPLE));
    else
        mr_check(l, "select_privilege", true, "All %ld tables may be read.", number(r, TABLES));
    if (strcmp(wal, "logical") == 0)
        mr_check(l, "wal_level", true, "wal_level is logical.");
    else
        mr_check(l, "wal_level", false,
                 "wal_level is %s: set it to logical in postgresql.conf and restart the server.",
                 wal);
    check_room(r, l, "replication_slots", "replication slots", "max_replication_slots", SLOTS_MAX,
               SLOTS);
    check_room(r, l, "wal_senders", "WAL senders", "max_wal_senders", SENDERS_MAX, SENDERS);
    if (yes(r, STANDBY) && number(r, NUMBER) < 160000)
        mr_check(l, "primary", false,
                 "The server is a standby, and before version 16 one cannot be read from: use the "
                 "primary.");
}

static void check_target(const struct mr_database *d, const PGresult *r, struct mr_checklist *l)
{
    if (yes(r, STANDBY))
        mr_check(l, "primary", false, "The server is a standby, which cannot be written to.");
    if (d->schema && !yes(r, SCHEMA))
        mr_check(l, "create_privilege", yes(r, CREATE),
                 yes(r, CREATE) ? "The schema %s does not exist, and may be created."
                                : "The schema %s does not exist, and the user may not create it.",
                 d->schema);
    else
        mr_check(l, "create_privilege", yes(r, CREATE),
                 yes(r, CREATE) ? "The user may create tables in %s."
                                : "The user may not create tables in %s: GRANT CREATE on it.",
                 d->schema ? d->schema : d->database);
}

void pgdb_checks(const struct mr_database *d, PGconn *conn, uint64_t deadline_ms,
                 struct mr_checklist *l)
{
    char why[300];
    PGresult *r =
        pgdb_query(conn, deadline_ms, SQL, 1, (const char *[]){d->schema}, why, sizeof(why));

    if (!r || PQntuples(r) != 1) {
        mr_check(l, "server_version", false, "%s", r ? "The server does not know its user." : why);
        PQclear(r);
        return;
    }
    (void)snprintf(l->version, sizeof(l->version), "PostgreSQL %s", PQgetvalue(r, 0, VERSION));
    mr_check(l, "server_version", number(r, NUMBER) >= OLDEST,
             number(r, NUMBER) >= OLDEST ? "%s." : "%s is too old: 10 is the first that works.",
             l->version);
    if (d->source)
        check_source(d, r, l);
    else
        check_target(d, r, l);
    PQclear(r);
}
