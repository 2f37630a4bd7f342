/* connections.h - what the files of the resource "connections" share. [thread: worker] */
#ifndef API_CONNECTIONS_H
#define API_CONNECTIONS_H

#include "api/fields.h"
#include "databases/opened.h"
#include "store/connections.h"

/* Read a body: the accepted fields as an object, the password apart. Initialises fields (freed by
 * the caller) and secret (wiped by the caller, whatever happened); faults are recorded. */
void mr_connection_read(struct mr_call *c, enum mr_fields_of what, struct mr_buf *fields,
                        struct mr_buf *secret, struct mr_password_new *password);

/* The object and the password in the clear (wiped by the caller) of a saved one; gives the call's
 * database connection back. MR_E_NOTFOUND, MR_E_CONFLICT: said. */
MR_MUSTCHECK int mr_connection_load(struct mr_call *c, const char *id, struct mr_buf *object,
                                    struct mr_buf *password);

#endif
