/* reach.h - from a host's name to a TCP connection, each step within its time. [thread: worker] */
#ifndef DATABASES_REACH_H
#define DATABASES_REACH_H

#include "databases/hosts.h"
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define MR_ADDRESSES_MAX 8
#define MR_LOOKUPS_MAX   16 /* at a time; the resolver cannot be interrupted */

struct mr_address {
    struct sockaddr_storage addr;
    socklen_t len;
    char text[INET6_ADDRSTRLEN];
};

/* The addresses of host that may be connected to. MR_OK: *n >= 1; MR_E_NOTFOUND: the name has none;
 * MR_E_FORBIDDEN: it has, and none is allowed; MR_E_TIMEOUT; MR_E_AGAIN: too many lookups hang;
 * MR_E_NOMEM. why says it in a sentence. deadline_ms: as mr_mono_ms. */
MR_MUSTCHECK int mr_resolve(const struct mr_hosts *allowed, const char *host, int port,
                            uint64_t deadline_ms, struct mr_address out[MR_ADDRESSES_MAX],
                            size_t *n, char *why, size_t size);
/* Can a connection be made? It is closed again. MR_OK; MR_E_TIMEOUT; MR_E_UNAVAIL (why says it). */
MR_MUSTCHECK int mr_reach(const struct mr_address *a, uint64_t deadline_ms, char *why, size_t size);

#endif
