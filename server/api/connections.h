/* connections.h - what the files of the resource "connections" share. [thread: worker] */
#ifndef API_CONNECTIONS_H
#define API_CONNECTIONS_H

#include "api/fields.h"
#include "store/connections.h"

/* Read a body: the accepted fields as an object, the password apart. Initialises fields (freed by
 * the caller) and secret (wiped by the caller, whatever happened); faults are recorded. */
void mr_connection_read(struct mr_call *c, enum mr_fields_of what, struct mr_buf *fields,
                        struct mr_buf *secret, struct mr_password_new *password);

#endif
