/* peers.h - what each address has open, and how fast it comes. An address is remembered for a while
 * after it has gone, so that coming and going is no way round the rates. [thread: loop] */
#ifndef IO_PEERS_H
#define IO_PEERS_H

#include "io/core.h"

struct mr_peer {
    struct mr_node node;      /* in srv->peers, by address */
    struct mr_link idle;      /* srv->peers_idle, oldest first: it has nothing open */
    uint32_t sessions, conns; /* open */
    uint64_t handshakes_at;   /* see mr__rate_take */
    uint64_t idle_since_ms;
    char addr[48];
};

/* May one more session come from there? If not it is counted as refused, and told. */
bool mr__peer_admits(struct mr_server *srv, const char *addr);
/* May it try? The same, and it counts as a handshake. */
bool mr__peer_handshakes(struct mr_server *srv, const char *addr);
/* One more session, or connection. NULL: out of memory; a connection: or too many of them. */
struct mr_peer *mr__peer_enter(struct mr_server *srv, const char *addr);
struct mr_peer *mr__peer_connects(struct mr_server *srv, const char *addr);
/* One less. NULL does nothing. */
void mr__peer_leave(struct mr_server *srv, struct mr_peer *p);
void mr__peer_disconnects(struct mr_server *srv, struct mr_peer *p);
void mr__peers_fini(struct mr_server *srv);
/* A limit has bitten: count it, tell the application. */
void mr__limit_hit(struct mr_server *srv, enum mr_limit limit, const char *addr, uint64_t max);

/* Take n of per_s a second, of which burst may come at once. *at: when what was taken so far would
 * be paid for, in nanoseconds of the server's clock; 0 at first. False: too fast, nothing is taken.
 */
bool mr__rate_take(const struct mr_server *srv, uint64_t *at, uint32_t per_s, uint32_t burst,
                   uint64_t n);

#endif
