/* engine_client.c - Engine.IO by itself: what comes in is handed on as it is. Of a session the
 * application holds a handle, which may outlive it. */
#include "io/session.h"
#include "io/sized.h"

#include "proto/alloc.h"
#include "proto/utf8.h"

struct mr_engine_client {
    uint32_t refs;              /* one is the session's */
    struct mr_session *session; /* NULL once it is closed */
    struct mr_engine *engine;
    struct mr_handshake *hs;
    char sid[MR_SID_LEN + 1];
    void *data;
};

/* ---- what the session says ----------------------------------------------------------------- */

static int on_open(struct mr_session *s)
{
    const struct mr_engine *e = s->engine;
    struct mr_engine_client *c = mr_zalloc(1, sizeof(*c));

    if (c == NULL)
        return MR_E_NOMEM;
    c->refs = 1;
    c->session = s;
    c->engine = s->engine;
    c->hs = mr__handshake_ref(s->hs);
    memcpy(c->sid, s->sid, sizeof(c->sid));
    s->client = c;
    if (e->opt.initial_packet.len > 0 && mr_engine_send(c, e->opt.initial_packet) == MR_E_NOMEM)
        return MR_E_NOMEM;
    if (e->on.open != NULL)
        e->on.open(c, e->ctx);
    return MR_OK;
}

static void on_message(struct mr_session *s, struct mr_span data, bool binary)
{
    struct mr_engine_client *c = s->client;

    if (c == NULL || c->engine->on.message == NULL)
        return;
    mr_engine_client_ref(c);
    c->engine->on.message(c, data, binary, c->engine->ctx);
    mr_engine_client_unref(c);
}

static void on_text(struct mr_session *s, struct mr_span text)
{
    on_message(s, text, false);
}

static void on_binary(struct mr_session *s, struct mr_span bytes)
{
    on_message(s, bytes, true);
}

/* The client is told once; what it says in its last callback finds the session closed, or still
 * leaves with it. */
static void on_leave(struct mr_session *s, const char *reason)
{
    struct mr_engine_client *c = s->client;

    s->client = NULL;
    if (c == NULL)
        return;
    if (c->engine->on.close != NULL)
        c->engine->on.close(c, reason, c->engine->ctx);
    c->session = NULL;
    mr_engine_client_unref(c);
}

static void on_drained(struct mr_session *s)
{
    struct mr_engine_client *c = s->client;

    if (c == NULL || c->engine->on.drain == NULL)
        return;
    mr_engine_client_ref(c);
    c->engine->on.drain(c, c->engine->ctx);
    mr_engine_client_unref(c);
}

static void on_forget(struct mr_session *s)
{
    (void)s; /* on_leave has let go of it */
}

static const struct mr_engine_ops ops = {.open = on_open,
                                         .text = on_text,
                                         .binary = on_binary,
                                         .leave_all = on_leave,
                                         .drained = on_drained,
                                         .forget = on_forget};

/* ---- what the application says ------------------------------------------------------------- */

int mr_engine_new_sized(struct mr_engine **out, struct mr_server *srv,
                        const struct mr_engine_options *opt, size_t opt_size,
                        const struct mr_engine_handlers *handlers, size_t handlers_size, void *ctx)
{
    struct mr_engine_options known;
    struct mr_engine_handlers on;
    struct mr_engine *e;
    int rc = mr__sized_in(&on, sizeof(on), handlers, handlers_size);

    MR_ASSERT_LOOP(srv);
    if (rc == MR_OK && opt != NULL)
        rc = mr__sized_in(&known, sizeof(known), opt, opt_size);
    if (rc != MR_OK)
        return rc;
    e = mr__engine_add(srv, opt != NULL ? &known : NULL, &ops, &rc);
    if (e == NULL)
        return rc;
    e->bare = true;
    e->on = on;
    e->ctx = ctx;
    *out = e;
    return MR_OK;
}

static int send_frame(struct mr_engine_client *c, struct mr_frame *f)
{
    int rc = f != NULL ? mr__session_send(c->session, f) : MR_E_NOMEM;

    mr_frame_unref(f);
    return rc;
}

int mr_engine_send(struct mr_engine_client *c, struct mr_span text)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);
    int rc;

    if (c->session == NULL)
        return MR_E_CLOSED;
    if (mr_utf8_valid_len(text) != text.len)
        return MR_E_INVAL;
    mr_buf_add_char(&b, '0' + MR_EIO_MESSAGE);
    mr_buf_add_span(&b, text);
    rc = mr_buf_err(&b);
    if (rc == MR_OK)
        rc = send_frame(c, mr__frame_make(MR_WS_TEXT, mr_buf_span(&b)));
    mr_buf_free(&b);
    return rc;
}

int mr_engine_send_binary(struct mr_engine_client *c, struct mr_span bytes)
{
    if (c->session == NULL)
        return MR_E_CLOSED;
    return send_frame(c, mr__frame_make(MR_WS_BINARY, bytes));
}

void mr_engine_close(struct mr_engine_client *c)
{
    if (c->session != NULL)
        mr__session_close(c->session, "forced close", MR_CLOSE_FLUSH);
}

struct mr_engine_client *mr_engine_client_ref(struct mr_engine_client *c)
{
    c->refs++;
    return c;
}

void mr_engine_client_unref(struct mr_engine_client *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    mr__handshake_unref(c->hs);
    mr_free(c);
}

bool mr_engine_client_open(const struct mr_engine_client *c)
{
    return c->session != NULL && mr__session_is_open(c->session);
}

const char *mr_engine_client_id(const struct mr_engine_client *c)
{
    return c->sid;
}

const char *mr_engine_client_addr(const struct mr_engine_client *c)
{
    return c->hs->addr;
}

const char *mr_engine_client_transport(const struct mr_engine_client *c)
{
    if (c->session == NULL)
        return "";
    return c->session->ws != NULL ? "websocket" : "polling";
}

struct mr_span mr_engine_client_header(const struct mr_engine_client *c, const char *name)
{
    return mr__handshake_header(c->hs, name);
}

struct mr_span mr_engine_client_query(const struct mr_engine_client *c)
{
    return c->hs->query;
}

size_t mr_engine_client_buffered(const struct mr_engine_client *c)
{
    return c->session != NULL ? mr__session_q(c->session)->bytes : 0;
}

bool mr_engine_client_congested(const struct mr_engine_client *c)
{
    return c->session != NULL && c->session->congested;
}

void mr_engine_client_set_data(struct mr_engine_client *c, void *data)
{
    c->data = data;
}

void *mr_engine_client_data(const struct mr_engine_client *c)
{
    return c->data;
}
