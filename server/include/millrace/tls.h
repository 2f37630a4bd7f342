/* tls.h - TLS on a listener, and new certificates while it runs. Part of millrace.h, whose words it
 * uses: include that. Every call is [thread: loop].
 */
#ifndef MILLRACE_TLS_H
#define MILLRACE_TLS_H

#include "millrace/millrace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_tls {            /* what is NULL is the default named here; all borrowed for the call */
    const char *cert_file; /* required: PEM, the certificate and then its chain */
    const char *key_file;  /* required: PEM */
    const char *ca_file;   /* PEM; clients must show a certificate of these. NULL: they need none */
    const char *min_version;  /* "1.2" or "1.3"; "1.2" */
    const char *ciphers;      /* of TLS 1.2, in OpenSSL's words; its default */
    const char *ciphersuites; /* of TLS 1.3; OpenSSL's default */
};

/* As mr_server_listen, for https and wss. The files are read now, and kept: all listeners with TLS
 * of a server have one certificate, that of the last call. A handshake must be done within
 * http_header_timeout_ms, and offer "http/1.1" if it offers protocols. MR_OK; MR_E_IO: cannot bind;
 * MR_E_INVAL: mr_server_tls_error says why; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_server_listen_tls(struct mr_server *srv, const char *host, int port,
                                                const struct mr_tls *tls);
/* Another certificate (or the same files, read anew) for connections from now on; those that are
 * here stay as they are. MR_OK; MR_E_INVAL: see mr_server_tls_error, the old one stays; MR_E_NOMEM.
 */
MR_EXPORT MR_MUSTCHECK int mr_server_tls_reload(struct mr_server *srv, const struct mr_tls *tls);
/* What was wrong when one of these returned MR_E_INVAL; "" if nothing was. Borrows srv. */
MR_EXPORT const char *mr_server_tls_error(const struct mr_server *srv);

#ifdef __cplusplus
}
#endif

#endif
