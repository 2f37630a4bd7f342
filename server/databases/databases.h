/* databases.h - other people's databases: is one of use as a source or a target, and what is in it?
 * Every call blocks, for timeout_ms at most. [thread: worker] */
#ifndef DATABASES_DATABASES_H
#define DATABASES_DATABASES_H

#include "databases/checklist.h"
#include "databases/hosts.h"

/* What a session is for: a look around (read only, with a deadline), work, or the replication
 * protocol of PostgreSQL. */
enum mr_database_use { MR_DB_LOOK, MR_DB_WORK, MR_DB_REPLICATE };

struct mr_database {
    enum mr_database_use use;
    const char *type, *host, *database, *username;
    const char *password, *schema, *ssl_mode, *ssl_root_cert; /* NULL: none */
    int port;
    bool source;                       /* else a target */
    const char *connect_url, *brokers; /* of Kafka Connect and Kafka; "": none */
    const struct mr_hosts *allowed;
    int64_t timeout_ms;
};

/* Try everything that can be tried, in order; a step that fails ends the list when the next ones
 * rest on it. */
void mr_database_test(const struct mr_database *d, struct mr_checklist *l);

/* The catalogue. A part is a JSON array, appended. MR_OK; MR_E_INVAL: this kind of database has no
 * catalogue here; MR_E_UNAVAIL: it cannot be read: why says so in a sentence. */
MR_MUSTCHECK int mr_database_schemas(const struct mr_database *d, struct mr_buf *json, char *why,
                                     size_t size);
struct mr_table_filter {
    const char *schema, *text;             /* NULL: any; text: found in the name */
    const char *after_schema, *after_name; /* keyset; NULL: from the first */
    int64_t limit;
};
struct mr_table_page {
    bool more;
    char last_schema[260], last_name[260];
};
MR_MUSTCHECK int mr_database_tables(const struct mr_database *d, const struct mr_table_filter *f,
                                    struct mr_buf *json, struct mr_table_page *page, char *why,
                                    size_t size);

#endif
