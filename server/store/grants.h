/* grants.h - the table grants: a user's role for one pipeline or connection, in place of the user's
 * own. "none" hides it. [thread: worker] */
#ifndef STORE_GRANTS_H
#define STORE_GRANTS_H

#include "store/users.h"

enum mr_resource { MR_OF_NOTHING, MR_OF_PIPELINE, MR_OF_CONNECTION };

/* "pipeline", "connection". [thread: any] */
const char *mr_resource_name(enum mr_resource of);

/* What the user was granted. MR_OK: *role is set (MR_ROLE_NONE hides); MR_E_NOTFOUND: nothing was,
 * so the user's own role counts. */
MR_MUSTCHECK int mr_grants_role(struct mr_pg *c, enum mr_resource of, const char *id,
                                const char *user_id, enum mr_role *role);
/* Append what is hidden from a user as a PostgreSQL array: "{}" or "{id,id}". */
MR_MUSTCHECK int mr_grants_hidden(struct mr_pg *c, enum mr_resource of, const char *user_id,
                                  struct mr_buf *ids);
/* Append the grants of a resource: an array of objects, by user name. */
MR_MUSTCHECK int mr_grants_json(struct mr_pg *c, enum mr_resource of, const char *id,
                                struct mr_buf *json);
/* Inside a transaction: these grants and no others. grants: a JSON array of {"user": id or name,
 * "role": ..}, checked before. MR_E_NOTFOUND: unknown receives the first name that no user has. */
MR_MUSTCHECK int mr_grants_set(struct mr_pg *c, enum mr_resource of, const char *id,
                               const char *grants, const char *by, struct mr_buf *unknown);

#endif
