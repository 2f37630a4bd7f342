/* request.c - the application has its say about requests on an engine's path: it looks at each,
 * adds header lines to the reply, and decides about handshakes, now or later.
 *
 *   handshake -> allow says MR_E_AGAIN -> the connection keeps the request as it came
 *                mr_request_allow / mr_request_refuse -> the same request is routed again, decided
 */
#include "io/request.h"

#include "io/engine.h"
#include "io/polling.h"
#include "proto/alloc.h"

#define USES_MAX 16

struct mr_pending_request {
    struct mr_exchange *ex; /* NULL: it has gone, or is decided */
    struct mr_server *srv;
};

static struct mr_exchange *exchange_of(const struct mr_request *req)
{
    return (struct mr_exchange *)(uintptr_t)req;
}

/* ---- asking -------------------------------------------------------------------------------- */

bool mr__request_passes(const struct mr_engine *e, struct mr_exchange *ex)
{
    const char *message = NULL;

    if (ex->verdict != MR_VERDICT_NONE)
        return true; /* it was here before */
    for (unsigned i = 0; i < e->n_uses; i++) {
        struct mr_engine_use use = e->uses[i];

        if (use.fn((const struct mr_request *)ex, &message, use.ctx) != MR_OK) {
            ex->refusal = message;
            return false;
        }
    }
    return true;
}

enum mr_eio_error mr__request_allowed(const struct mr_engine *e, struct mr_exchange *ex)
{
    const char *message = "Forbidden";
    int rc;

    if (ex->verdict == MR_VERDICT_YES || (ex->verdict == MR_VERDICT_NONE && e->allow == NULL))
        return MR_EIO_OK;
    if (ex->verdict == MR_VERDICT_NO) {
        ex->refusal = ex->words;
        return MR_EIO_FORBIDDEN;
    }
    rc = e->allow((const struct mr_request *)ex, &message, e->allow_ctx);
    if (rc == MR_E_AGAIN && ex->pending != NULL)
        return MR_EIO_LATER;
    mr__request_gone(ex); /* decided here, kept or not */
    if (rc == MR_OK)
        return MR_EIO_OK;
    ex->refusal = message;
    return MR_EIO_FORBIDDEN;
}

void mr__request_gone(struct mr_exchange *ex)
{
    if (ex->pending != NULL)
        ex->pending->ex = NULL; /* the application frees it by answering */
    ex->pending = NULL;
}

/* ---- the application ----------------------------------------------------------------------- */

void mr_engine_allow_request(struct mr_engine *e, mr_request_fn fn, void *ctx)
{
    MR_ASSERT_LOOP(e->srv);
    e->allow = fn;
    e->allow_ctx = ctx;
}

int mr_engine_use(struct mr_engine *e, mr_request_fn fn, void *ctx)
{
    struct mr_engine_use *uses;

    MR_ASSERT_LOOP(e->srv);
    if (e->n_uses == USES_MAX)
        return MR_E_TOOBIG;
    uses = mr_realloc(e->uses, (e->n_uses + 1) * sizeof(*uses));
    if (uses == NULL)
        return MR_E_NOMEM;
    e->uses = uses;
    uses[e->n_uses++] = (struct mr_engine_use){fn, ctx};
    return MR_OK;
}

struct mr_pending_request *mr_request_keep(const struct mr_request *req)
{
    struct mr_exchange *ex = exchange_of(req);

    if (ex->pending != NULL || ex->ops->keep == NULL)
        return ex->pending;
    ex->pending = mr_zalloc(1, sizeof(*ex->pending));
    if (ex->pending == NULL)
        return NULL;
    if (ex->ops->keep(ex) != MR_OK) {
        mr_free(ex->pending);
        ex->pending = NULL;
        return NULL;
    }
    ex->pending->ex = ex;
    return ex->pending;
}

static void decide(struct mr_pending_request *p, enum mr_verdict verdict, const char *words)
{
    struct mr_exchange *ex = p->ex;

    mr_free(p);
    if (ex == NULL)
        return;
    ex->pending = NULL;
    ex->verdict = verdict;
    ex->words = words;
    ex->ops->again(ex);
}

void mr_request_allow(struct mr_pending_request *p)
{
    decide(p, MR_VERDICT_YES, NULL);
}

void mr_request_refuse(struct mr_pending_request *p, const char *message)
{
    decide(p, MR_VERDICT_NO, message ? message : "Forbidden");
}

struct mr_span mr_request_header(const struct mr_request *req, const char *name)
{
    return exchange_of(req)->ops->header(exchange_of(req), name);
}

struct mr_span mr_request_query(const struct mr_request *req)
{
    return exchange_of(req)->query;
}

const char *mr_request_addr(const struct mr_request *req)
{
    return exchange_of(req)->ops->addr(exchange_of(req));
}

struct mr_engine_client *mr_request_client(const struct mr_request *req)
{
    const struct mr_exchange *ex = exchange_of(req);
    struct mr_eio_query q;
    struct mr_session *s;

    mr__eio_query_parse(ex->query, &q);
    if (ex->engine == NULL || !q.has_sid)
        return NULL;
    s = mr__session_find(ex->engine->srv, q.sid);
    return s != NULL && s->engine == ex->engine && s->engine->bare ? s->client : NULL;
}

/* A field's name, and a value that stays on its line? */
static bool field_ok(const char *name, const char *value)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    if (n == 0 || name[n] != '\0')
        return false;
    for (const char *c = value; *c != '\0'; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    }
    return true;
}

int mr_request_add_header(const struct mr_request *req, const char *name, const char *value)
{
    struct mr_exchange *ex = exchange_of(req);
    struct mr_buf line = MR_BUF_INIT(MR_ADDED_LINES_MAX);
    int rc = MR_OK;

    if (!field_ok(name, value))
        return MR_E_INVAL;
    if (ex->ops->add_line == NULL)
        return MR_OK;
    mr_buf_addf(&line, "%s: %s\r\n", name, value);
    rc = mr_buf_err(&line) == MR_OK ? ex->ops->add_line(ex, mr_buf_span(&line)) : mr_buf_err(&line);
    mr_buf_free(&line);
    return rc;
}
