/* recovery_back.c - a client says who it was: is it believed, and what is it given back?
 *
 * The store may answer at once or later, and the hooks too; the client can be gone each time an
 * answer comes. What was sent to its rooms meanwhile is part of what it has missed, because that is
 * asked for last, right before the socket is in.
 */
#include "io/recovery.h"

#include "io/namespace.h"
#include "proto/alloc.h"
#include "proto/json.h"

/* ---- who it was ----------------------------------------------------------------------------- */

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

    if (s->state != MR_SOCKET_PENDING)
        return; /* a handler of room events has ended it, and its session is away again */
    mine->restoring = true;
    s->nsp->adapter->ops->del_all(s->nsp->adapter, s);
    mr__recovery_pid_leave(s);
    mr__recovery_give_up(s);
    mr__recovery_free(s);
    s->data = NULL;
    mr__sid_make(&s->srv->sids, s->id);
    s->srv->stats.recoveries_failed++;
}

static int take_over(struct mr_socket *s, const struct mr_restored *r)
{
    struct mr_recoverable *mine = s->recoverable;
    int rc = mr__recovery_pid_take(s);

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

    if (strlen(r->sid) != MR_SID_LEN || mr__recovery_state_new(s) != MR_OK) {
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
        if (s->state == MR_SOCKET_PENDING)
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
        mr__recovery_give_up(s);
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
    if (s->recoverable->catching_up) /* admitted twice */
        return true;
    s->recoverable->catching_up = true;
    r->ops->missed(r->store, s->recoverable->session, on_missed, mr_socket_ref(s));
    return true;
}
