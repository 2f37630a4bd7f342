/* migrate.h - forward-only schema migrations, embedded in the binary.
 *
 * Each file of migrations/ runs in one transaction and is recorded in schema_migrations with its
 * SHA-256; a recorded file that has changed since, or is unknown to this binary, stops the run. An
 * advisory lock makes simultaneous runs take turns. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/pg.h"

struct mr_migration {
    const char *name; /* "0001_users" */
    const char *sql;  /* NUL-terminated */
    size_t len;
};
extern const struct mr_migration mr_migrations[]; /* made by migrations/embed.cmake */
extern const size_t mr_migrations_n;

/* Apply what is missing. say(line, ctx) is told each step. MR_OK; MR_E_DB; MR_E_CONFLICT: history
 * differs (say was told which file and what to do). */
MR_MUSTCHECK int mr_migrate_up(struct mr_pg *c, const struct mr_migration *all, size_t n,
                               void (*say)(const char *line, void *ctx), void *ctx);
/* Tell each migration's state. Returns how many are pending (>= 0) or an error. */
int mr_migrate_status(struct mr_pg *c, const struct mr_migration *all, size_t n,
                      void (*say)(const char *line, void *ctx), void *ctx);

#endif
