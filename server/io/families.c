/* families.c - namespaces that are made when a client asks for them, and go when they are empty.
 *
 *   CONNECT /x --> is there an /x? --no--> the families, in order: matches? --> asked? --> made
 *                                                                    MR_E_AGAIN: a request waits
 *
 * A request knows its session by the id alone: whoever is gone by then is not found. */
#include "io/namespace.h"
#include "io/peers.h"
#include "proto/alloc.h"

#include <regex.h>

struct mr_family {
    struct mr_link link; /* srv->families */
    struct mr_link children;
    struct mr_nsp *nsp; /* that stands for it */
    bool has_pattern;
    regex_t pattern;
    mr_nsp_fn fn;
    void *ctx;
};

struct mr_nsp_request {
    struct mr_link link;   /* srv->nsp_requests, while it waits */
    struct mr_server *srv; /* NULL: the server has gone */
    struct mr_family *family;
    char sid[MR_SID_LEN + 1];
    char *name, *auth; /* auth NULL: none was sent */
};

/* ---- children ------------------------------------------------------------------------------ */

struct mr_nsp *mr__family_next(const struct mr_nsp *parent, const struct mr_nsp *child)
{
    const struct mr_family *f = parent->family;
    struct mr_link *next;

    if (f == NULL)
        return NULL;
    next = child != NULL ? child->sibling.next : f->children.next;
    return next == &f->children ? NULL : MR_CONTAINER(next, struct mr_nsp, sibling);
}

static void tell(struct mr_server *srv, enum mr_nsp_event what, const struct mr_nsp *nsp)
{
    if (srv->on_nsp != NULL)
        srv->on_nsp(what, nsp->name, nsp->parent->name, srv->on_nsp_ctx);
}

/* NULL: out of memory, or there are too many. */
static struct mr_nsp *make(struct mr_session *s, struct mr_family *f, const char *name)
{
    struct mr_server *srv = s->srv;
    struct mr_nsp *nsp;

    if (srv->n_children >= srv->opt.family_namespaces_max) {
        srv->stats.refused++;
        mr__limit_hit(srv, MR_LIMIT_NAMESPACES, s->hs->addr, srv->opt.family_namespaces_max);
        return NULL;
    }
    nsp = mr__nsp_get(srv, mr_span_str(name), true);
    if (nsp == NULL)
        return NULL;
    nsp->parent = f->nsp;
    nsp->adapter->on_room = f->nsp->adapter->on_room;
    nsp->adapter->on_room_ctx = f->nsp->adapter->on_room_ctx;
    nsp->adapter->on_server = f->nsp->adapter->on_server;
    nsp->adapter->on_server_ctx = f->nsp->adapter->on_server_ctx;
    mr__list_add(&f->children, &nsp->sibling);
    srv->n_children++;
    mr__family_emptied(nsp); /* should the client be refused, it goes again */
    tell(srv, MR_NSP_CREATED, nsp);
    return nsp;
}

void mr__family_emptied(struct mr_nsp *nsp)
{
    struct mr_server *srv = nsp->srv;

    if (nsp->parent != NULL && srv->opt.cleanup_empty_namespaces && nsp->recovery == NULL &&
        !mr__link_on(&nsp->emptied))
        mr__list_add(&srv->emptied, &nsp->emptied);
}

void mr__families_reap(struct mr_server *srv)
{
    struct mr_link *l;

    while ((l = mr__list_pop(&srv->emptied)) != NULL) {
        struct mr_nsp *nsp = MR_CONTAINER(l, struct mr_nsp, emptied);

        if (nsp->n_sockets > 0)
            continue; /* somebody has come again */
        mr__link_off(&nsp->sibling);
        mr__table_del(&srv->nsps, &nsp->node);
        srv->n_children--;
        mr__gathers_end(nsp->adapter);
        tell(srv, MR_NSP_REMOVED, nsp);
        if (nsp->refs > 1) /* whoever holds a socket of it may still ask that; but not after us */
            mr__list_add(&srv->ghosts, &nsp->emptied);
        mr__nsp_unref(nsp);
    }
}

/* ---- a CONNECT ------------------------------------------------------------------------------ */

static void request_free(struct mr_nsp_request *req)
{
    if (mr__link_on(&req->link)) {
        mr__link_off(&req->link);
        req->srv->n_nsp_requests--;
    }
    mr_free(req->name);
    mr_free(req->auth);
    mr_free(req);
}

static struct mr_nsp_request *request_new(const struct mr_session *s, const struct mr_message *m)
{
    struct mr_nsp_request *req = mr_zalloc(1, sizeof(*req));

    if (req == NULL)
        return NULL;
    req->srv = s->srv;
    memcpy(req->sid, s->sid, sizeof(req->sid));
    req->name = mr_memdup0(m->nsp.ptr, m->nsp.len);
    req->auth = m->data.len > 0 ? mr_memdup0(m->data.ptr, m->data.len) : NULL;
    if (req->name == NULL || (m->data.len > 0 && req->auth == NULL)) {
        request_free(req);
        return NULL;
    }
    return req;
}

static bool matches(const struct mr_family *f, const char *name)
{
    regmatch_t whole;

    return !f->has_pattern || (regexec(&f->pattern, name, 1, &whole, 0) == 0 && whole.rm_so == 0 &&
                               name[whole.rm_eo] == '\0');
}

/* How many of the session's CONNECTs wait already. */
static size_t waiting(const struct mr_session *s)
{
    size_t n = 0;

    for (struct mr_link *l = s->srv->nsp_requests.next; l != &s->srv->nsp_requests; l = l->next)
        n += strcmp(MR_CONTAINER(l, struct mr_nsp_request, link)->sid, s->sid) == 0;
    return n;
}

/* The socket connects to what is there now; or there is still nothing. */
static void answer(struct mr_session *s, const struct mr_nsp_request *req, struct mr_family *f)
{
    struct mr_message m = {.type = MR_MESSAGE_CONNECT,
                           .nsp = mr_span_str(req->name),
                           .data = req->auth ? mr_span_str(req->auth) : MR_SPAN_NONE,
                           .ack_id = -1};
    struct mr_nsp *nsp = mr__nsp_get(s->srv, m.nsp, false);

    if (nsp == NULL && f != NULL)
        nsp = make(s, f, req->name);
    if (nsp == NULL)
        mr__connect_unknown(s, m.nsp);
    else if (!mr__session_is_open(s) || mr__socket_of(s, nsp) != NULL)
        return; /* its second CONNECT has waited beside the first, or a callback ended it */
    else if (s->n_sockets >= s->srv->opt.namespaces_per_session_max)
        mr__session_broke(s, "too many namespaces", "forced server close");
    else
        mr__nsp_connect(s, nsp, &m);
}

/* Ask the families from one on. Takes req. */
static void ask(struct mr_session *s, struct mr_nsp_request *req, struct mr_link *from)
{
    struct mr_server *srv = s->srv;

    for (struct mr_link *l = from; l != &srv->families; l = l->next) {
        struct mr_family *f = MR_CONTAINER(l, struct mr_family, link);
        int rc = MR_OK;

        if (!matches(f, req->name))
            continue;
        req->family = f;
        if (f->fn != NULL) {
            /* On the list before it is asked: the answer may come from inside. */
            mr__list_add(&srv->nsp_requests, &req->link);
            srv->n_nsp_requests++;
            rc = f->fn(req->name, req->auth ? mr_span_str(req->auth) : MR_SPAN("{}"), req, f->ctx);
            if (rc == MR_E_AGAIN)
                return;
            mr__link_off(&req->link);
            srv->n_nsp_requests--;
        }
        if (!mr__session_is_open(s))
            break;
        if (rc == MR_OK) {
            answer(s, req, f);
            request_free(req);
            return;
        }
    }
    if (mr__session_is_open(s))
        answer(s, req, NULL);
    request_free(req);
}

void mr__family_connect(struct mr_session *s, const struct mr_message *m)
{
    struct mr_server *srv = s->srv;
    struct mr_nsp_request *req;

    if (mr__list_empty(&srv->families) || m->data.len > MR_AUTH_BYTES_MAX) {
        mr__connect_unknown(s, m->nsp);
        return;
    }
    if (srv->n_nsp_requests >= MR_NSP_REQUESTS_MAX ||
        waiting(s) + s->n_sockets >= s->srv->opt.namespaces_per_session_max) {
        srv->stats.refused++;
        mr__connect_unknown(s, m->nsp);
        return;
    }
    req = request_new(s, m);
    if (req == NULL)
        mr__session_doom(s, "transport error");
    else
        ask(s, req, srv->families.next);
}

/* The session that waits, if it still does. */
static struct mr_session *asker(const struct mr_nsp_request *req)
{
    struct mr_session *s = req->srv ? mr__session_find(req->srv, mr_span_str(req->sid)) : NULL;

    return s != NULL && mr__session_is_open(s) ? s : NULL;
}

void mr_nsp_allow(struct mr_nsp_request *req)
{
    struct mr_session *s = asker(req);

    if (s != NULL)
        answer(s, req, req->family);
    request_free(req);
}

void mr_nsp_refuse(struct mr_nsp_request *req)
{
    struct mr_session *s = asker(req);
    struct mr_link *next;

    if (s == NULL) {
        request_free(req);
        return;
    }
    next = req->family->link.next;
    mr__link_off(&req->link);
    req->srv->n_nsp_requests--;
    ask(s, req, next);
}

/* ---- making -------------------------------------------------------------------------------- */

/* Matching with back-references takes time without bound. */
static bool has_backref(const char *pattern)
{
    for (const char *c = pattern; *c != '\0'; c++) {
        if (c[0] == '\\' && c[1] != '\0') {
            if (c[1] >= '1' && c[1] <= '9')
                return true;
            c++;
        }
    }
    return false;
}

int mr_nsp_family(struct mr_server *srv, const char *name, const char *pattern, mr_nsp_fn fn,
                  void *ctx)
{
    struct mr_family *f;
    struct mr_nsp *nsp;

    MR_ASSERT_LOOP(srv);
    if (name[0] == '/' || name[0] == '\0' || (pattern != NULL && has_backref(pattern)))
        return MR_E_INVAL;
    if (mr__nsp_get(srv, mr_span_str(name), false) != NULL)
        return MR_E_CONFLICT;
    f = mr_zalloc(1, sizeof(*f));
    if (f == NULL)
        return MR_E_NOMEM;
    if (pattern != NULL && regcomp(&f->pattern, pattern, REG_EXTENDED) != 0) {
        mr_free(f);
        return MR_E_INVAL;
    }
    f->has_pattern = pattern != NULL;
    f->fn = fn;
    f->ctx = ctx;
    mr__list_init(&f->children);
    nsp = mr__nsp_get(srv, mr_span_str(name), true);
    if (nsp == NULL) {
        mr__family_free(f);
        return MR_E_NOMEM;
    }
    f->nsp = nsp;
    nsp->family = f;
    mr__list_add(&srv->families, &f->link);
    return MR_OK;
}

void mr__family_free(struct mr_family *f)
{
    if (f == NULL)
        return;
    mr__link_off(&f->link);
    if (f->has_pattern)
        regfree(&f->pattern);
    mr_free(f);
}

/* Requests outlive the server only to be freed by their answers. */
void mr__families_fini(struct mr_server *srv)
{
    struct mr_link *l;

    while ((l = mr__list_pop(&srv->nsp_requests)) != NULL)
        MR_CONTAINER(l, struct mr_nsp_request, link)->srv = NULL;
    while ((l = mr__list_pop(&srv->ghosts)) != NULL)
        mr__nsp_close(MR_CONTAINER(l, struct mr_nsp, emptied));
}

void mr_on_namespace(struct mr_server *srv, mr_nsp_event_fn fn, void *ctx)
{
    MR_ASSERT_LOOP(srv);
    srv->on_nsp = fn;
    srv->on_nsp_ctx = ctx;
}

void mr_nsps_each(struct mr_server *srv,
                  bool (*fn)(const char *name, const char *family, size_t sockets, void *ctx),
                  void *ctx)
{
    MR_ASSERT_LOOP(srv);
    for (struct mr_node *n = mr__table_next(&srv->nsps, NULL); n;
         n = mr__table_next(&srv->nsps, n)) {
        const struct mr_nsp *nsp = MR_CONTAINER(n, struct mr_nsp, node);

        if (nsp->family == NULL &&
            !fn(nsp->name, nsp->parent ? nsp->parent->name : NULL, nsp->n_members, ctx))
            return;
    }
}
