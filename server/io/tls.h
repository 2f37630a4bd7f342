/* tls.h - TLS between a connection and its socket. [thread: loop] */
#ifndef IO_TLS_H
#define IO_TLS_H

#include "io/conn.h"

/* The connection speaks TLS. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr__tls_start(struct mr_conn *c);
/* What came from the network; the plain bytes go to mr__conn_deliver. */
void mr__tls_read(struct mr_conn *c, unsigned char *bytes, size_t n);
/* As mr__conn_write: what it has taken is encrypted, and partly perhaps still here. */
ssize_t mr__tls_write(struct mr_conn *c, const struct iovec *iov, int n);
/* The socket takes bytes again. False: not enough of them yet for anything new. */
bool mr__tls_writable(struct mr_conn *c);
/* Say good-bye, as far as the socket takes it. Shut: and then shut our side of it, when all that is
 * encrypted has left. */
void mr__tls_end(struct mr_conn *c, bool shut);
void mr__tls_free(struct mr_conn *c);
void mr__tls_fini(struct mr_net *net);

#endif
