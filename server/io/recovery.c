/* recovery.c - switched on; sessions begin, change and go away. */
#include "io/recovery.h"

#include "io/namespace.h"
#include "io/sized.h"
#include "proto/alloc.h"

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

int mr_use_recovery_sized(struct mr_server *srv, const struct mr_recovery_options *opt,
                          size_t opt_size)
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
        rc = mr__sized_in(srv->recovery, sizeof(*srv->recovery), opt, opt_size);
    if (rc != MR_OK) {
        mr_free(srv->recovery);
        srv->recovery = NULL;
        return rc;
    }
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
void mr__recovery_session_end(struct mr_socket *s)
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
        mr__recovery_session_end(s); /* better none than one that is wrong */
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

void mr__recovery_pid_leave(struct mr_socket *s)
{
    struct mr_recoverable *mine = s->recoverable;

    if (mine->node.name.len > 0)
        mr__table_del(&s->nsp->recovery->pids, &mine->node);
    mine->node.name.len = 0;
}

/* Nobody was told of it this time: its data is the store's to free. */
void mr__recovery_give_up(struct mr_socket *s)
{
    if (s->recoverable->session == NULL)
        return;
    (void)persist(s, MR_SESSION_AWAY, NULL);
    mr__recovery_session_end(s);
}

void mr__recovery_gone(struct mr_socket *s, const char *reason)
{
    struct mr_recoverable *mine = s->recoverable;

    if (mine == NULL)
        return;
    mr__recovery_pid_leave(s);
    mine->kept = mine->session != NULL && !final(reason);
    if (mine->kept)
        (void)persist(s, MR_SESSION_AWAY, NULL);
    else if (mine->session != NULL && !mine->admitted)
        mr__recovery_give_up(s);
    else
        mr__recovery_session_end(s);
    mine->session = NULL;
}

/* ---- a new session -------------------------------------------------------------------------- */

int mr__recovery_state_new(struct mr_socket *s)
{
    s->recoverable = mr_zalloc(1, sizeof(*s->recoverable));
    if (s->recoverable == NULL)
        return MR_E_NOMEM;
    s->recoverable->socket = s;
    return MR_OK;
}

/* From here on who comes with this pid takes its place. */
int mr__recovery_pid_take(struct mr_socket *s)
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
    if (s->nsp->recovery == NULL)
        return;
    if (s->recoverable != NULL) {
        s->recoverable->admitted = true;
        return;
    }
    if (mr__recovery_state_new(s) != MR_OK)
        return;
    s->recoverable->admitted = true;
    if (persist(s, MR_SESSION_BEGUN, NULL) != MR_OK || mr__recovery_pid_take(s) != MR_OK) {
        mr__recovery_session_end(s);
        mr__recovery_free(s);
    }
}
