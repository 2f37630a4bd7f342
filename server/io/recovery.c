/* recovery.c - sessions begin, go away and come back. */
#include "io/recovery.h"

#include "io/namespace.h"
#include "proto/alloc.h"
#include "proto/json.h"

/* ---- switching it on ------------------------------------------------------------------------ */

int mr__recovery_open(struct mr_nsp *nsp)
{
    const struct mr_recovery_options *opt = nsp->srv->recovery;
    struct mr_recovery *r;
    int rc;

    if (opt == NULL)
        return MR_OK;
    r = mr_zalloc(1, sizeof(*r));
    if (r == NULL)
        return MR_E_NOMEM;
    r->ops = opt->store != NULL ? opt->store : mr__store_memory();
    mr__table_init(&r->pids);
    rc = r->ops->open(&r->store, nsp->srv, nsp->name, opt);
    if (rc != MR_OK) {
        mr_free(r);
        return rc;
    }
    nsp->recovery = r;
    return MR_OK;
}

void mr__recovery_close(struct mr_nsp *nsp)
{
    if (nsp->recovery == NULL)
        return;
    nsp->recovery->ops->close(nsp->recovery->store);
    mr__table_deinit(&nsp->recovery->pids);
    mr_free(nsp->recovery);
    nsp->recovery = NULL;
}

int mr_use_recovery(struct mr_server *srv, const struct mr_recovery_options *opt)
{
    struct mr_node *node;
    int rc = MR_OK;

    MR_ASSERT_LOOP(srv);
    if (srv->n_sessions > 0 || srv->recovery != NULL)
        return MR_E_CONFLICT;
    srv->recovery = mr_zalloc(1, sizeof(*srv->recovery));
    if (srv->recovery == NULL)
        return MR_E_NOMEM;
    if (opt != NULL)
        *srv->recovery = *opt;
    if (srv->recovery->max_disconnection_ms == 0)
        srv->recovery->max_disconnection_ms = 120000;
    if (srv->recovery->bytes_max == 0)
        srv->recovery->bytes_max = (size_t)64 << 20;
    if (srv->recovery->packets_max == 0)
        srv->recovery->packets_max = 1000000;
    if (srv->recovery->sessions_max == 0)
        srv->recovery->sessions_max = 100000;
    for (node = mr__table_next(&srv->nsps, NULL); node && rc == MR_OK;
         node = mr__table_next(&srv->nsps, node))
        rc = mr__recovery_open(MR_CONTAINER(node, struct mr_nsp, node));
    return rc;
}

bool mr_socket_recovered(const struct mr_socket *s)
{
    return s->recoverable != NULL && s->recoverable->recovered;
}

bool mr_socket_recoverable(const struct mr_socket *s)
{
    return s->recoverable != NULL && s->recoverable->kept;
}

/* ---- what the store is told ----------------------------------------------------------------- */

/* Its rooms, as they are now: those that hooks made it join before it was admitted. */
static int tell_rooms(const struct mr_recovery *r, struct mr_socket *s)
{
    size_t n = mr_socket_rooms(s, NULL, 0);
    const char **rooms = mr_zalloc(n + 1, sizeof(char *));
    int rc = MR_OK;

    if (rooms == NULL)
        return MR_E_NOMEM;
    (void)mr_socket_rooms(s, rooms, n);
    for (size_t i = 0; i < n && rc == MR_OK; i++)
        rc = r->ops->joined(r->store, s->recoverable->session, rooms[i]);
    mr_free(rooms);
    return rc;
}

int mr__recovery_persist(struct mr_adapter *a, struct mr_socket *s, enum mr_session_change what,
                         const char *room)
{
    const struct mr_recovery *r = a->nsp->recovery;
    struct mr_recoverable *mine = s->recoverable;
    int rc = MR_OK;

    switch (what) {
    case MR_SESSION_BEGUN:
        rc = r->ops->begin(r->store, s, mine->pid, &mine->session);
        return rc != MR_OK ? rc : tell_rooms(r, s);
    case MR_SESSION_JOINED:
        return r->ops->joined(r->store, mine->session, room);
    case MR_SESSION_LEFT:
        r->ops->left(r->store, mine->session, room);
        break;
    case MR_SESSION_DATA:
        r->ops->data(r->store, mine->session, s->data);
        break;
    case MR_SESSION_AWAY:
        r->ops->parted(r->store, mine->session);
        break;
    case MR_SESSION_ENDED:
        r->ops->end(r->store, mine->session);
        break;
    }
    return rc;
}

static int persist(struct mr_socket *s, enum mr_session_change what, const char *room)
{
    return s->nsp->adapter->ops->persist_session(s->nsp->adapter, s, what, room);
}

/* It cannot come back any more; for the client nothing changes. */
static void end_session(struct mr_socket *s)
{
    struct mr_recoverable *mine = s->recoverable;

    if (mine->session != NULL)
        (void)persist(s, MR_SESSION_ENDED, NULL);
    mine->session = NULL;
}

void mr__recovery_changed(struct mr_socket *s, enum mr_session_change what, const char *room)
{
    struct mr_recoverable *mine = s->recoverable;

    if (mine == NULL || mine->session == NULL || mine->restoring)
        return;
    if (what == MR_SESSION_JOINED && mine->own_known && strcmp(room, s->id) == 0) {
        mine->own_known = false;
        return;
    }
    if (persist(s, what, room) != MR_OK)
        end_session(s); /* better none than one that is wrong */
}

void mr__recovery_free(struct mr_socket *s)
{
    if (s->recoverable == NULL)
        return;
    mr_free(s->recoverable->auth);
    mr_free(s->recoverable);
    s->recoverable = NULL;
}

void mr__recovery_stamp(const struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to)
{
    const struct mr_recovery *r = a->nsp->recovery;

    if (p->offset[0] == '\0' && p->ack_id < 0) /* else another server has chosen it */
        r->ops->append(r->store, a, p, to, to->flags & MR_VOLATILE);
}

/* ---- going ---------------------------------------------------------------------------------- */

static bool final(const char *reason)
{
    static const char *const reasons[] = {"client namespace disconnect",
                                          "server namespace disconnect", "parse error"};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reason, reasons[i]) == 0)
            return true;
    }
    return false;
}

static void leave_pid(struct mr_socket *s)
{
    struct mr_recoverable *mine = s->recoverable;

    if (mine->node.name.len > 0)
        mr__table_del(&s->nsp->recovery->pids, &mine->node);
    mine->node.name.len = 0;
}

void mr__recovery_gone(struct mr_socket *s, const char *reason)
{
    struct mr_recoverable *mine = s->recoverable;

    if (mine == NULL)
        return;
    leave_pid(s);
    mine->kept = mine->session != NULL && !final(reason);
    if (mine->kept)
        (void)persist(s, MR_SESSION_AWAY, NULL);
    else
        end_session(s);
    mine->session = NULL;
}

/* ---- a new session -------------------------------------------------------------------------- */

static int make_state(struct mr_socket *s)
{
    s->recoverable = mr_zalloc(1, sizeof(*s->recoverable));
    if (s->recoverable == NULL)
        return MR_E_NOMEM;
    s->recoverable->socket = s;
    return MR_OK;
}

/* From here on who comes with this pid takes its place. */
static int take_pid(struct mr_socket *s)
{
    struct mr_recoverable *mine = s->recoverable;
    int rc;

    mine->node.name = mr_span_str(mine->pid);
    rc = mr__table_put(&s->nsp->recovery->pids, &mine->node);
    if (rc != MR_OK)
        mine->node.name.len = 0;
    return rc;
}

/* Without memory for a session it is a client as with recovery off. */
void mr__recovery_begin(struct mr_socket *s)
{
    if (s->nsp->recovery == NULL || s->recoverable != NULL || make_state(s) != MR_OK)
        return;
    if (persist(s, MR_SESSION_BEGUN, NULL) != MR_OK || take_pid(s) != MR_OK) {
        end_session(s);
        mr__recovery_free(s);
    }
}

/* ---- an old one ----------------------------------------------------------------------------- */

struct claim {
    struct mr_socket *socket;
    char *auth;
    char pid[MR_PID_MAX + 1], offset[MR_OFFSET_MAX + 1];
};

static void end_claim(struct claim *c)
{
    mr_socket_unref(c->socket);
    mr_free(c->auth);
    mr_free(c);
}

/* It is a client as any other, after all: with another id and without what it was given. */
static void undo(struct mr_socket *s)
{
    struct mr_recoverable *mine = s->recoverable;
    const struct mr_recovery *r = s->nsp->recovery;

    mine->restoring = true;
    s->nsp->adapter->ops->del_all(s->nsp->adapter, s);
    leave_pid(s);
    r->ops->parted(r->store, mine->session); /* its data is then the store's to free */
    r->ops->end(r->store, mine->session);
    mine->session = NULL;
    mr__recovery_free(s);
    s->data = NULL;
    mr__sid_make(&s->srv->sids, s->id);
    s->srv->stats.recoveries_failed++;
}

static int take_over(struct mr_socket *s, const struct mr_restored *r)
{
    struct mr_recoverable *mine = s->recoverable;
    int rc = take_pid(s);

    for (size_t i = 0; i < r->n_rooms && rc == MR_OK; i++) {
        if (strcmp(r->rooms[i], s->id) == 0)
            mine->own_known = true;
        else
            rc = mr_join(s, r->rooms[i]);
    }
    return s->state == MR_SOCKET_PENDING ? rc : MR_E_CLOSED;
}

/* Give it back what it had. MR_OK; an error: it goes on as any other. */
static int restore(struct claim *c, const struct mr_restored *r)
{
    struct mr_socket *s = c->socket;
    struct mr_recoverable *mine;

    if (strlen(r->sid) != MR_SID_LEN || make_state(s) != MR_OK) {
        s->nsp->recovery->ops->parted(s->nsp->recovery->store, r->session);
        return MR_E_NOMEM;
    }
    mine = s->recoverable;
    mine->session = r->session;
    memcpy(mine->pid, c->pid, sizeof(mine->pid));
    memcpy(s->id, r->sid, MR_SID_LEN + 1);
    s->data = r->data;
    mine->restoring = true;
    if (take_over(s, r) != MR_OK) {
        undo(s);
        return MR_E_NOMEM;
    }
    mine->restoring = false;
    mine->recovered = true;
    return MR_OK;
}

static void on_restored(int err, const struct mr_restored *r, void *ctx)
{
    struct claim *c = ctx;
    struct mr_socket *s = c->socket;
    const struct mr_recovery *recovery = s->nsp->recovery;

    if (s->state != MR_SOCKET_PENDING) { /* it left while we looked */
        if (r != NULL)
            recovery->ops->parted(recovery->store, r->session);
    } else if (err != MR_OK || restore(c, r) != MR_OK) {
        if (err != MR_OK && r != NULL) {
            recovery->ops->parted(recovery->store, r->session);
            recovery->ops->end(recovery->store, r->session);
        }
        s->srv->stats.recoveries_failed += err != MR_OK;
        mr__connect_decide(s, mr_span_str(c->auth));
    } else if (s->srv->recovery->run_middlewares) {
        mr__connect_decide(s, mr_span_str(c->auth));
    } else {
        s->recoverable->auth = c->auth;
        c->auth = NULL;
        mr__connect_admit(s);
    }
    end_claim(c);
}

/* The string of that name. MR_OK; MR_E_NOTFOUND: there is none, or null; MR_E_INVAL: it cannot be
 * one of ours. */
static int get_string(struct mr_span auth, const char *name, char *out, size_t max)
{
    struct mr_span value;

    if (mr_json_get(auth, name, &value) != MR_OK || mr_span_is(value, "null"))
        return MR_E_NOTFOUND;
    if (value.len < 2 || value.ptr[0] != '"')
        return MR_E_INVAL;
    value = mr_json_string_raw(value);
    if (value.len == 0 || value.len > max || memchr(value.ptr, '\\', value.len) != NULL)
        return MR_E_INVAL;
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
    return MR_OK;
}

/* Who still holds that pid has lost its connection and does not know yet. */
static void evict(struct mr_nsp *nsp, const char *pid)
{
    struct mr_node *node = mr__table_find(&nsp->recovery->pids, mr_span_str(pid));
    struct mr_socket *old;
    struct mr_session *session;

    if (node == NULL)
        return;
    old = mr_socket_ref(MR_CONTAINER(node, struct mr_recoverable, node)->socket);
    session = old->session;
    mr__session_doom(session, "transport close");
    mr__socket_gone(old, "transport close");
    mr_socket_unref(old);
}

bool mr__recovery_claim(struct mr_socket *s, struct mr_span auth)
{
    struct mr_adapter *a = s->nsp->adapter;
    struct claim *c;
    int rc;

    if (s->nsp->recovery == NULL || auth.len == 0)
        return false;
    c = mr_zalloc(1, sizeof(*c));
    if (c == NULL)
        return false;
    rc = get_string(auth, "pid", c->pid, MR_PID_MAX);
    if (rc == MR_OK)
        rc = get_string(auth, "offset", c->offset, MR_OFFSET_MAX);
    if ((rc == MR_OK || (rc == MR_E_NOTFOUND && c->pid[0] != '\0')))
        c->auth = mr_memdup0(auth.ptr, auth.len);
    if (c->auth == NULL) {
        mr_free(c);
        return false;
    }
    c->socket = mr_socket_ref(s);
    evict(s->nsp, c->pid);
    a->ops->restore_session(a, c->pid, c->offset[0] != '\0' ? c->offset : NULL, on_restored, c);
    return true;
}

void mr__recovery_restore(struct mr_adapter *a, const char *pid, const char *offset,
                          mr_restored_fn fn, void *ctx)
{
    const struct mr_recovery *r = a->nsp->recovery;

    r->ops->restore(r->store, pid, offset, fn, ctx);
}

/* ---- catching up ---------------------------------------------------------------------------- */

static int queue_missed(struct mr_socket *s, struct mr_frame *const *frames, size_t n)
{
    size_t max = s->srv->opt.queue_bytes_max - s->srv->opt.queue_bytes_max / 8;
    size_t bytes = mr__session_q(s->session)->bytes;
    int rc = MR_OK;

    for (size_t i = 0; i < n; i++)
        bytes += mr_frame_bytes(frames[i]);
    if (bytes > max)
        return MR_E_TOOBIG; /* it would be closed as a slow consumer */
    for (size_t i = 0; i < n && rc == MR_OK; i++)
        rc = mr__session_send(s->session, frames[i]);
    if (rc != MR_OK)
        mr__session_doom(s->session, "transport error");
    return MR_OK;
}

static void on_missed(int err, struct mr_frame *const *frames, size_t n, void *ctx)
{
    struct mr_socket *s = ctx;
    char *auth;

    if (s->state != MR_SOCKET_PENDING)
        goto out;
    if (err == MR_OK)
        err = queue_missed(s, frames, n);
    if (err == MR_OK) {
        s->srv->stats.recoveries++;
        mr_free(s->recoverable->auth);
        s->recoverable->auth = NULL;
        mr__connect_now(s);
        goto out;
    }
    auth = s->recoverable->auth;
    s->recoverable->auth = NULL;
    if (auth != NULL) {
        undo(s);
        mr__connect_decide(s, mr_span_str(auth));
    } else { /* the hooks have seen it as recovered: when it comes again it will not be */
        end_session(s);
        s->srv->stats.recoveries_failed++;
        mr__session_doom(s->session, "transport error");
    }
    mr_free(auth);
out:
    mr_socket_unref(s);
}

bool mr__recovery_catch_up(struct mr_socket *s)
{
    const struct mr_recovery *r = s->nsp->recovery;

    if (s->recoverable == NULL || !s->recoverable->recovered || s->recoverable->session == NULL)
        return false;
    r->ops->missed(r->store, s->recoverable->session, on_missed, mr_socket_ref(s));
    return true;
}
