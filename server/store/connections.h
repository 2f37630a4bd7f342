/* connections.h - the table connections, as the REST interface shows it: objects that PostgreSQL
 * built, without the password, of which only whether there is one is told. [thread: worker] */
#ifndef STORE_CONNECTIONS_H
#define STORE_CONNECTIONS_H

#include "store/rows.h"
#include "store/secrets.h"

struct mr_connection_filter {
    const char *type, *database_type, *text; /* NULL: any; text: found in name or host */
    const char *hidden;                      /* ids to leave out, a PostgreSQL array */
    int64_t limit;
    const char *after_time, *after_id; /* keyset: strictly after this row; NULL: from the first */
};

/* What becomes of the password. */
enum mr_password_fate { MR_PASSWORD_KEEP, MR_PASSWORD_NONE, MR_PASSWORD_SET };
struct mr_password_new {
    enum mr_password_fate fate;
    struct mr_span text; /* in the clear; SET only */
};

/* fields: a JSON object of accepted fields in their stored form, without the password. Appends the
 * new row's object. MR_E_CONFLICT: the name is taken; MR_E_CONFIG: no key to seal the password. */
MR_MUSTCHECK int mr_connections_create(struct mr_pg *c, const struct mr_secrets *s,
                                       const char *fields, const struct mr_password_new *password,
                                       const char *created_by, char id[MR_UUID_TEXT],
                                       struct mr_buf *json, int64_t *version);
MR_MUSTCHECK int mr_connections_change(struct mr_pg *c, const struct mr_secrets *s, const char *id,
                                       const char *fields, const struct mr_password_new *password,
                                       struct mr_buf *json, int64_t *version);
/* MR_E_NOTFOUND when there is none (or it is deleted). lock: until the transaction's end. */
MR_MUSTCHECK int mr_connections_get(struct mr_pg *c, const char *id, bool lock, struct mr_buf *json,
                                    int64_t *version);
MR_MUSTCHECK int mr_connections_list(struct mr_pg *c, const struct mr_connection_filter *f,
                                     struct mr_buf *json, struct mr_page *page);
/* Soft delete of a locked row; its password is forgotten. MR_E_CONFLICT: pipelines use it; users
 * receives a JSON array of their names. */
MR_MUSTCHECK int mr_connections_delete(struct mr_pg *c, const char *id, struct mr_buf *users);
/* Append the password in the clear; nothing when there is none. MR_E_CONFIG: sealed with a key that
 * is not configured; MR_E_DATA: it does not open. The caller wipes. */
MR_MUSTCHECK int mr_connections_password(struct mr_pg *c, const struct mr_secrets *s,
                                         const char *id, struct mr_buf *plain);
/* Keep what a test found: status "success" or "failed", a sentence or NULL, the result as JSON. */
MR_MUSTCHECK int mr_connections_tested(struct mr_pg *c, const char *id, const char *status,
                                       const char *error, const char *result);
/* Seal anew, with the present key, up to `limit` passwords that another one sealed, in one
 * transaction. *done: how many; *stuck: how many could not be opened (their key is missing) and
 * come after `after`, which moves on: call until *done + *stuck is 0. */
MR_MUSTCHECK int mr_connections_rotate(struct mr_pg *c, const struct mr_secrets *s, int limit,
                                       char after[MR_UUID_TEXT], int *done, int *stuck);

#endif
