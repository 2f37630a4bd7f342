/* peers.c - sessions counted by address. */
#include "io/peers.h"

#include "proto/alloc.h"

#include <stdio.h>

static struct mr_peer *find(const struct mr_server *srv, const char *addr)
{
    struct mr_node *node = mr__table_find(&srv->peers, mr_span_str(addr));

    return node ? MR_CONTAINER(node, struct mr_peer, node) : NULL;
}

/* A proxy on this machine, or a test, speaks for everybody. */
static bool is_local(const char *addr)
{
    return strncmp(addr, "127.", 4) == 0 || strcmp(addr, "::1") == 0 ||
           strncmp(addr, "::ffff:127.", 11) == 0;
}

void mr__limit_hit(struct mr_server *srv, enum mr_limit limit, const char *addr, uint64_t max)
{
    if (srv->limit_fn != NULL)
        srv->limit_fn(limit, addr, max, srv->limit_ctx);
}

bool mr__peer_admits(struct mr_server *srv, const char *addr)
{
    uint32_t max = srv->opt.sessions_per_addr_max;
    const struct mr_peer *p;

    if (is_local(addr) && !srv->opt.limit_loopback)
        return true;
    p = find(srv, addr);
    if (p == NULL || p->n < max)
        return true;
    srv->stats.refused++;
    mr__limit_hit(srv, MR_LIMIT_SESSIONS_PER_ADDR, addr, max);
    return false;
}

struct mr_peer *mr__peer_enter(struct mr_server *srv, const char *addr)
{
    struct mr_peer *p = find(srv, addr);

    if (p == NULL) {
        p = mr_zalloc(1, sizeof(*p));
        if (p == NULL)
            return NULL;
        (void)snprintf(p->addr, sizeof(p->addr), "%s", addr);
        p->node.name = mr_span_str(p->addr);
        if (mr__table_put(&srv->peers, &p->node) != MR_OK) {
            mr_free(p);
            return NULL;
        }
    }
    p->n++;
    return p;
}

void mr__peer_leave(struct mr_server *srv, struct mr_peer *p)
{
    if (p == NULL || --p->n > 0)
        return;
    mr__table_del(&srv->peers, &p->node);
    mr_free(p);
}

void mr_on_limit(struct mr_server *srv, mr_limit_fn fn, void *ctx)
{
    MR_ASSERT_LOOP(srv);
    srv->limit_fn = fn;
    srv->limit_ctx = ctx;
}
