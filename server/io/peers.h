/* peers.h - how many sessions each address has. An address is known while it has any.
 * [thread: loop] */
#ifndef IO_PEERS_H
#define IO_PEERS_H

#include "io/core.h"

struct mr_peer {
    struct mr_node node; /* in srv->peers, by address */
    uint32_t n;          /* sessions */
    char addr[48];
};

/* May one more session come from there? If not it is counted as refused, and told. */
bool mr__peer_admits(struct mr_server *srv, const char *addr);
/* One more session. NULL: out of memory. */
struct mr_peer *mr__peer_enter(struct mr_server *srv, const char *addr);
/* One less; the peer may be freed. NULL does nothing. */
void mr__peer_leave(struct mr_server *srv, struct mr_peer *p);
/* Tell the application that a limit has bitten. */
void mr__limit_hit(struct mr_server *srv, enum mr_limit limit, const char *addr, uint64_t max);

#endif
