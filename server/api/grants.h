/* grants.h - what single users may do with single pipelines and connections. [thread: worker] */
#ifndef API_GRANTS_H
#define API_GRANTS_H

#include "api/call.h"

/* May the caller do this with the resource that the path names? MR_OK; MR_E_NOTFOUND: it is hidden;
 * MR_E_FORBIDDEN; each is said. */
MR_MUSTCHECK int mr_grant_check(struct mr_call *c);
/* What a list must leave out for the caller: a PostgreSQL array. ids is to be freed in any case. */
MR_MUSTCHECK int mr_call_hidden(struct mr_call *c, struct mr_pg *db, enum mr_resource of,
                                struct mr_buf *ids);
/* For reads of the log: the database; what the caller does not see; and the one pipeline that a
 * query names (NULL: none) has to be there for the caller. hidden is to be freed in any case.
 * MR_OK; MR_E_NOTFOUND, which is said. */
MR_MUSTCHECK int mr_call_look(struct mr_call *c, const char *pipeline_id, struct mr_pg **db,
                              struct mr_buf *hidden);
/* Is this one of a query or a body not hidden from the caller? MR_OK; MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_call_sees(struct mr_call *c, struct mr_pg *db, enum mr_resource of,
                              const char *id);

#endif
