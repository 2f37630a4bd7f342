/* http_router.c - the tree of routes: planted, climbed, felled. */
#include "io/http_router.h"

#include "io/http_parse.h"
#include "proto/alloc.h"

/* ---- adding -------------------------------------------------------------------------------- */

static struct mr_route_node *node_new(struct mr_span text)
{
    struct mr_route_node *n = mr_zalloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    mr__table_init(&n->statics);
    n->text = mr_memdup0(text.ptr, text.len);
    if (n->text == NULL) {
        mr_free(n);
        return NULL;
    }
    n->node.name = mr_span_of(n->text, text.len);
    return n;
}

static void route_free(struct mr_route *r)
{
    for (size_t i = 0; i < r->n_names; i++)
        mr_free(r->names[i]);
    mr_free(r);
}

static void node_free(struct mr_route_node *n)
{
    struct mr_node *child, *next;

    if (n == NULL)
        return;
    for (child = mr__table_next(&n->statics, NULL); child != NULL; child = next) {
        next = mr__table_next(&n->statics, child);
        node_free(MR_CONTAINER(child, struct mr_route_node, node));
    }
    mr__table_deinit(&n->statics);
    node_free(n->param);
    node_free(n->rest);
    while (n->routes != NULL) {
        struct mr_route *r = n->routes;

        n->routes = r->next;
        route_free(r);
    }
    mr_free(n->text);
    mr_free(n);
}

void mr__routes_free(struct mr_server *srv)
{
    node_free(srv->routes);
    node_free(srv->ws_routes);
    srv->routes = srv->ws_routes = NULL;
    while (srv->routes_replaced != NULL) {
        struct mr_route *r = srv->routes_replaced;

        srv->routes_replaced = r->next;
        route_free(r);
    }
}

/* Take a segment off a pattern or path that begins with its slash. */
static struct mr_span next_segment(struct mr_span *path)
{
    const char *from = path->ptr + 1;
    size_t left = path->len - 1;
    const char *slash = left > 0 ? memchr(from, '/', left) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - from) : left;

    *path = mr_span_of(from + len, left - len);
    return mr_span_of(from, len);
}

static bool name_ok(struct mr_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return name.len > 0;
}

/* Is it a pattern at all? Segments are not empty, but for the last. */
static bool pattern_ok(const char *method, struct mr_span pattern)
{
    size_t n = 0, len = strlen(method);

    if (len == 0 || len > 32 || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")] != '\0' ||
        pattern.len > MR_TARGET_BYTES_MAX || !mr_span_starts(pattern, MR_SPAN("/")))
        return false;
    while (pattern.len > 0) {
        struct mr_span s = next_segment(&pattern);
        bool takes = s.len > 0 && (s.ptr[0] == ':' || s.ptr[0] == '*');

        if (++n > MR_ROUTE_DEPTH_MAX || (s.len == 0 && pattern.len > 0) ||
            (takes && !name_ok(mr_span_of(s.ptr + 1, s.len - 1))) ||
            (takes && s.ptr[0] == '*' && pattern.len > 0))
            return false;
    }
    return true;
}

/* The node for a segment below n, made if need be; NULL: out of memory. */
static struct mr_route_node *child_of(struct mr_route_node *n, struct mr_span s)
{
    struct mr_route_node **place = NULL, *child;
    struct mr_node *found;

    if (s.len > 0 && s.ptr[0] == ':')
        place = &n->param;
    else if (s.len > 0 && s.ptr[0] == '*')
        place = &n->rest;
    if (place != NULL) {
        if (*place == NULL)
            *place = node_new(s);
        return *place;
    }
    found = mr__table_find(&n->statics, s);
    if (found != NULL)
        return MR_CONTAINER(found, struct mr_route_node, node);
    child = node_new(s);
    if (child != NULL && mr__table_put(&n->statics, &child->node) != MR_OK) {
        node_free(child);
        child = NULL;
    }
    return child;
}

int mr__route_add_to(struct mr_server *srv, struct mr_route_node **root, const char *method,
                     const char *pattern, struct mr_route **out)
{
    struct mr_span left = mr_span_str(pattern);
    struct mr_route_node *n;
    struct mr_route *r;

    if (!pattern_ok(method, left))
        return MR_E_INVAL;
    if (*root == NULL)
        *root = node_new(MR_SPAN(""));
    r = mr_zalloc(1, sizeof(*r));
    n = *root;
    while (r != NULL && n != NULL && left.len > 0) {
        struct mr_span s = next_segment(&left);

        n = child_of(n, s);
        if (n == NULL || s.len == 0 || (s.ptr[0] != ':' && s.ptr[0] != '*'))
            continue;
        r->names[r->n_names] = mr_memdup0(s.ptr + 1, s.len - 1);
        if (r->names[r->n_names] == NULL)
            n = NULL;
        else
            r->n_names++;
    }
    if (r == NULL || n == NULL) {
        if (r != NULL)
            route_free(r);
        return MR_E_NOMEM;
    }
    memcpy(r->method, method, strlen(method) + 1);
    for (struct mr_route **at = &n->routes; *at != NULL; at = &(*at)->next) {
        struct mr_route *old = *at;

        if (strcmp(old->method, method) != 0)
            continue;
        *at = old->next; /* requests in hand may still point to it: it keeps its place in memory */
        old->next = srv->routes_replaced;
        srv->routes_replaced = old;
        break;
    }
    r->next = n->routes;
    n->routes = r;
    *out = r;
    return MR_OK;
}

/* ---- finding ------------------------------------------------------------------------------- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode the path into m->text, and remember where its first segments lie. */
static int split(struct mr_span path, struct mr_route_match *m)
{
    size_t from = 1;

    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];

        if (c == '/' && i > 0) {
            if (m->n_segments <= MR_ROUTE_DEPTH_MAX)
                m->segments[m->n_segments++] = mr_span_of(m->text + from, m->len - from);
            from = m->len + 1;
        } else if (c == '%') {
            int high = i + 2 < path.len ? hex(path.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex(path.ptr[i + 2]) : -1;

            if (low < 0 || (high == 0 && low == 0))
                return MR_E_PROTO;
            c = (char)(high << 4 | low);
            i += 2;
        }
        m->text[m->len++] = c;
    }
    if (m->n_segments <= MR_ROUTE_DEPTH_MAX)
        m->segments[m->n_segments++] = mr_span_of(m->text + from, m->len - from);
    return MR_OK;
}

static const struct mr_route *route_of(const struct mr_route_node *n, struct mr_span method)
{
    const struct mr_route *get = NULL;

    for (const struct mr_route *r = n->routes; r != NULL; r = r->next) {
        if (mr_span_is(method, r->method))
            return r;
        if (mr_span_is(method, "HEAD") && strcmp(r->method, "GET") == 0)
            get = r;
    }
    return get;
}

static void add_method(struct mr_buf *allow, const char *method)
{
    size_t len = strlen(method);
    const char *at = allow->len ? memmem(allow->ptr, allow->len, method, len) : NULL;

    if (at != NULL && (at + len == allow->ptr + allow->len || at[len] == ',') &&
        (at == allow->ptr || at[-1] == ' '))
        return;
    mr_buf_addf(allow, "%s%s", allow->len ? ", " : "", method);
}

/* The end of a path. With allow, every route there is noted and the search goes on. */
static bool arrived(const struct mr_route_node *n, struct mr_span method, struct mr_route_match *m,
                    struct mr_buf *allow)
{
    if (allow == NULL) {
        m->route = route_of(n, method);
        return m->route != NULL;
    }
    for (const struct mr_route *r = n->routes; r != NULL; r = r->next) {
        add_method(allow, r->method);
        if (strcmp(r->method, "GET") == 0)
            add_method(allow, "HEAD");
    }
    return false;
}

static bool climb(const struct mr_route_node *n, size_t i, struct mr_span method,
                  struct mr_route_match *m, struct mr_buf *allow)
{
    struct mr_span s;
    struct mr_node *found;

    if (i == m->n_segments)
        return arrived(n, method, m, allow);
    s = m->segments[i];
    found = i < MR_ROUTE_DEPTH_MAX ? mr__table_find(&n->statics, s) : NULL;
    if (found != NULL &&
        climb(MR_CONTAINER(found, struct mr_route_node, node), i + 1, method, m, allow))
        return true;
    if (n->param != NULL && s.len > 0 && i < MR_ROUTE_DEPTH_MAX) {
        m->values[m->n_values++] = s;
        if (climb(n->param, i + 1, method, m, allow))
            return true;
        m->n_values--;
    }
    if (n->rest == NULL)
        return false;
    m->values[m->n_values++] = mr_span_of(s.ptr, (size_t)(m->text + m->len - s.ptr));
    if (arrived(n->rest, method, m, allow))
        return true;
    m->n_values--;
    return false;
}

int mr__route_find_in(const struct mr_route_node *root, struct mr_span method, struct mr_span path,
                      struct mr_route_match *m, struct mr_buf *allow)
{
    m->route = NULL;
    m->n_values = m->n_segments = m->len = 0;
    if (root == NULL || !mr_span_starts(path, MR_SPAN("/")))
        return MR_E_NOTFOUND;
    if (split(path, m) != MR_OK)
        return MR_E_PROTO;
    if (climb(root, 0, method, m, NULL))
        return MR_OK;
    (void)climb(root, 0, method, m, allow);
    if (allow->len == 0)
        return MR_E_NOTFOUND;
    add_method(allow, "OPTIONS");
    return MR_E_CONFLICT;
}
