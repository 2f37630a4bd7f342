/* peers.c - limits by address, rates, and the telling of both. */
#include "io/peers.h"

#include "base/log.h"
#include "proto/alloc.h"

#include <stdio.h>

/* ---- telling ------------------------------------------------------------------------------- */

const char *mr_limit_name(enum mr_limit limit)
{
    static const char *const names[MR_LIMITS] = {
        [MR_LIMIT_SESSIONS] = "sessions",
        [MR_LIMIT_SESSIONS_PER_ADDR] = "sessions_per_addr",
        [MR_LIMIT_QUEUE] = "queue",
        [MR_LIMIT_QUEUE_TOTAL] = "queue_total",
        [MR_LIMIT_NAMESPACES] = "namespaces",
        [MR_LIMIT_HANDSHAKES] = "handshakes",
        [MR_LIMIT_CONNECTIONS] = "connections",
        [MR_LIMIT_CONNECTIONS_PER_ADDR] = "connections_per_addr",
        [MR_LIMIT_CONNECT_TIMEOUT] = "connect_timeout",
        [MR_LIMIT_PACKETS] = "packets",
        [MR_LIMIT_BYTES] = "bytes",
        [MR_LIMIT_MESSAGE] = "message",
        [MR_LIMIT_ATTACHMENTS] = "attachments",
        [MR_LIMIT_NAMESPACES_PER_SESSION] = "namespaces_per_session",
        [MR_LIMIT_ROOMS] = "rooms",
        [MR_LIMIT_ACKS_ASKED] = "acks_asked",
        [MR_LIMIT_ACKS_PENDING] = "acks_pending",
        [MR_LIMIT_HELD] = "held",
    };

    return (unsigned)limit < MR_LIMITS ? names[limit] : "";
}

_Static_assert(MR_LIMITS <= MR_LIMITS_ROOM, "mr_stats has room for each");

void mr__limit_hit(struct mr_server *srv, enum mr_limit limit, const char *addr, uint64_t max)
{
    srv->stats.limit_hits[limit]++;
    LOG_WARN("limit_reached", F_STR("limit", mr_limit_name(limit)), F_STR("addr", addr),
             F_UINT("max", max));
    if (srv->limit_fn != NULL)
        srv->limit_fn(limit, addr, max, srv->limit_ctx);
}

void mr_on_limit(struct mr_server *srv, mr_limit_fn fn, void *ctx)
{
    MR_ASSERT_LOOP(srv);
    srv->limit_fn = fn;
    srv->limit_ctx = ctx;
}

/* ---- rates --------------------------------------------------------------------------------- */

bool mr__rate_take(const struct mr_server *srv, uint64_t *at, uint32_t per_s, uint32_t burst,
                   uint64_t n)
{
    uint64_t now, next;

    if (per_s == UINT32_MAX)
        return true;
    now = mr__now(srv) * 1000000;
    next = (*at > now ? *at : now) + n * 1000000000 / per_s;
    if (next - now > (uint64_t)burst * 1000000000 / per_s)
        return false;
    *at = next;
    return true;
}

/* ---- addresses ----------------------------------------------------------------------------- */

static struct mr_peer *find(const struct mr_server *srv, const char *addr)
{
    struct mr_node *node = mr__table_find(&srv->peers, mr_span_str(addr));

    return node ? MR_CONTAINER(node, struct mr_peer, node) : NULL;
}

/* A proxy on this machine, or a test, speaks for everybody. */
static bool is_exempt(const struct mr_server *srv, const char *addr)
{
    return !srv->opt.limit_loopback && (strncmp(addr, "127.", 4) == 0 || strcmp(addr, "::1") == 0 ||
                                        strncmp(addr, "::ffff:127.", 11) == 0);
}

static void peer_free(struct mr_server *srv, struct mr_peer *p)
{
    if (mr__link_on(&p->idle)) {
        mr__link_off(&p->idle);
        srv->n_peers_idle--;
    }
    mr__table_del(&srv->peers, &p->node);
    mr_free(p);
}

/* Forget those that have been away for long, and the oldest when they are too many. */
static void sweep(struct mr_server *srv)
{
    while (!mr__list_empty(&srv->peers_idle)) {
        struct mr_peer *p = MR_CONTAINER(srv->peers_idle.next, struct mr_peer, idle);

        if (srv->n_peers_idle <= MR_PEERS_IDLE_MAX &&
            p->idle_since_ms + MR_PEER_IDLE_MS > mr__now(srv))
            return;
        peer_free(srv, p);
    }
}

static void rest(struct mr_server *srv, struct mr_peer *p)
{
    if (p->sessions > 0 || p->conns > 0 || mr__link_on(&p->idle))
        return;
    if (p->handshakes_at <= mr__now(srv) * 1000000) { /* there is nothing to remember */
        peer_free(srv, p);
        return;
    }
    p->idle_since_ms = mr__now(srv);
    mr__list_add(&srv->peers_idle, &p->idle);
    srv->n_peers_idle++;
    sweep(srv);
}

/* Found or made; NULL: out of memory. */
static struct mr_peer *peer_of(struct mr_server *srv, const char *addr)
{
    struct mr_peer *p = find(srv, addr);

    if (p != NULL)
        return p;
    p = mr_zalloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    (void)snprintf(p->addr, sizeof(p->addr), "%s", addr);
    p->node.name = mr_span_str(p->addr);
    if (mr__table_put(&srv->peers, &p->node) != MR_OK) {
        mr_free(p);
        return NULL;
    }
    return p;
}

static void wake(struct mr_server *srv, struct mr_peer *p)
{
    if (mr__link_on(&p->idle)) {
        mr__link_off(&p->idle);
        srv->n_peers_idle--;
    }
}

/* ---- sessions ------------------------------------------------------------------------------ */

bool mr__peer_admits(struct mr_server *srv, const char *addr)
{
    uint32_t max = srv->opt.sessions_per_addr_max;
    const struct mr_peer *p;

    if (is_exempt(srv, addr))
        return true;
    p = find(srv, addr);
    if (p == NULL || p->sessions < max)
        return true;
    srv->stats.refused++;
    mr__limit_hit(srv, MR_LIMIT_SESSIONS_PER_ADDR, addr, max);
    return false;
}

bool mr__peer_handshakes(struct mr_server *srv, const char *addr)
{
    const struct mr_options *opt = &srv->opt;
    struct mr_peer *p;
    bool good;

    if (is_exempt(srv, addr) || opt->handshakes_per_s == UINT32_MAX)
        return true;
    p = peer_of(srv, addr);
    if (p == NULL)
        return true; /* there will be no session either */
    good = mr__rate_take(srv, &p->handshakes_at, opt->handshakes_per_s, opt->handshakes_burst, 1);
    rest(srv, p);
    if (!good) {
        srv->stats.refused++;
        mr__limit_hit(srv, MR_LIMIT_HANDSHAKES, addr, opt->handshakes_per_s);
    }
    return good;
}

struct mr_peer *mr__peer_enter(struct mr_server *srv, const char *addr)
{
    struct mr_peer *p = peer_of(srv, addr);

    if (p != NULL) {
        wake(srv, p);
        p->sessions++;
    }
    return p;
}

void mr__peer_leave(struct mr_server *srv, struct mr_peer *p)
{
    if (p == NULL)
        return;
    p->sessions--;
    rest(srv, p);
}

/* ---- connections --------------------------------------------------------------------------- */

struct mr_peer *mr__peer_connects(struct mr_server *srv, const char *addr)
{
    uint32_t max = srv->opt.connections_per_addr_max;
    struct mr_peer *p = peer_of(srv, addr);

    if (p != NULL && p->conns >= max && !is_exempt(srv, addr)) {
        srv->stats.refused++;
        mr__limit_hit(srv, MR_LIMIT_CONNECTIONS_PER_ADDR, addr, max);
        return NULL;
    }
    if (p != NULL) {
        wake(srv, p);
        p->conns++;
    }
    return p;
}

void mr__peer_disconnects(struct mr_server *srv, struct mr_peer *p)
{
    if (p == NULL)
        return;
    p->conns--;
    rest(srv, p);
}

void mr__peers_fini(struct mr_server *srv)
{
    struct mr_link *l;

    while ((l = mr__list_pop(&srv->peers_idle)) != NULL) {
        srv->n_peers_idle--;
        peer_free(srv, MR_CONTAINER(l, struct mr_peer, idle));
    }
}
