/* http_router.h - routes by method and pattern: a tree with a level a path segment.
 *
 *   /users/me            at each node: children by name (hashed), then one that takes any segment,
 *   /users/:id/files     then one that takes all the rest. The first that leads to a route for the
 *   /files/ *path        method wins; a node is visited at most once.
 *
 * [thread: loop]
 */
#ifndef IO_HTTP_ROUTER_H
#define IO_HTTP_ROUTER_H

#include "io/core.h"
#include "io/table.h"

struct mr_route {
    struct mr_route *next; /* of the same pattern, another method */
    mr_http_fn fn;
    void *ctx;
    bool streams;            /* fn is called before the body has come */
    uint64_t body_bytes_max; /* when it streams */
    size_t n_names;
    char method[33];
    char *names[MR_ROUTE_DEPTH_MAX]; /* of its parameters, in order */
};

struct mr_route_node {
    struct mr_node node; /* in the statics of the node above; its name is `text` */
    struct mr_table statics;
    struct mr_route_node *param, *rest;
    struct mr_route *routes;
    char *text;
};

struct mr_route_match {
    const struct mr_route *route;
    size_t n_values, n_segments;
    struct mr_span values[MR_ROUTE_DEPTH_MAX + 1]; /* decoded; they borrow from text */
    struct mr_span segments[MR_ROUTE_DEPTH_MAX + 1];
    size_t len; /* of text */
    char text[MR_TARGET_BYTES_MAX];
};

/* MR_OK: m->route. MR_E_NOTFOUND: no pattern fits. MR_E_CONFLICT: one does, but not with this
 * method; the methods that do are in allow ("GET, HEAD, OPTIONS"). MR_E_PROTO: the path has an
 * escape that is none, or one of NUL. root: one of the server's trees, or NULL. */
MR_MUSTCHECK int mr__route_find_in(const struct mr_route_node *root, struct mr_span method,
                                   struct mr_span path, struct mr_route_match *m,
                                   struct mr_buf *allow);
/* Add or replace. *out may be filled in further. MR_OK; MR_E_INVAL; MR_E_NOMEM. */
MR_MUSTCHECK int mr__route_add_to(struct mr_server *srv, struct mr_route_node **root,
                                  const char *method, const char *pattern, struct mr_route **out);
/* The same for requests; WebSockets have a tree of their own, srv->ws_routes. */
MR_MUSTCHECK static inline int mr__route_find(const struct mr_server *srv, struct mr_span method,
                                              struct mr_span path, struct mr_route_match *m,
                                              struct mr_buf *allow)
{
    return mr__route_find_in(srv->routes, method, path, m, allow);
}
MR_MUSTCHECK static inline int mr__route_add(struct mr_server *srv, const char *method,
                                             const char *pattern, struct mr_route **out)
{
    return mr__route_add_to(srv, &srv->routes, method, pattern, out);
}
void mr__routes_free(struct mr_server *srv);

#endif
