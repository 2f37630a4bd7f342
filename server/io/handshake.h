/* handshake.h - the request that opened a session, as far as it is kept. [thread: loop] */
#ifndef IO_HANDSHAKE_H
#define IO_HANDSHAKE_H

#include "proto/span.h"

struct mr_server;
struct mr_exchange;

struct mr_kept_header {
    const char *name; /* static, or the server's */
    struct mr_span value;
};

/* Who connected; shared by the session and its sockets, which may outlive it. */
struct mr_handshake {
    uint32_t refs;
    uint32_t n; /* headers */
    uint64_t issued_ms;
    struct mr_span query; /* empty when there is nothing in it but Engine.IO's own parameters */
    bool secure;
    char addr[47];
    struct mr_kept_header headers[]; /* and behind them the texts */
};

/* NULL: out of memory. */
struct mr_handshake *mr__handshake_new(const struct mr_server *srv, const struct mr_exchange *ex);
struct mr_handshake *mr__handshake_ref(struct mr_handshake *hs);
void mr__handshake_unref(struct mr_handshake *hs);
/* By lower-case name; empty: not sent, or not kept. */
struct mr_span mr__handshake_header(const struct mr_handshake *hs, const char *name);

/* Keep these headers, too: lower-case names, comma-separated. MR_OK; MR_E_INVAL; MR_E_NOMEM. */
int mr__handshake_keep(struct mr_server *srv, const char *list);
void mr__handshake_keep_none(struct mr_server *srv);

#endif
