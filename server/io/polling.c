/* polling.c - HTTP long-polling. The exchange is forgotten before it is answered, because the
 * answer may bring the next pipelined request in at once.
 */
#include "io/polling.h"

#include "io/peers.h"
#include "io/request.h"
#include "proto/b64.h"
#include "proto/json.h"
#include "proto/utf8.h"

#define TEXT "text/plain; charset=UTF-8"

void mr__eio_query_parse(struct mr_span query, struct mr_eio_query *out)
{
    struct mr_span name, value;

    *out = (struct mr_eio_query){0};
    while (mr_query_next(&query, &name, &value)) {
        if (mr_span_is(name, "EIO"))
            out->eio = value;
        else if (mr_span_is(name, "transport"))
            out->transport = value;
        else if (mr_span_is(name, "sid")) {
            out->sid = value;
            out->has_sid = true;
        }
    }
}

const char *mr__eio_error_text(enum mr_eio_error error)
{
    static const char *const texts[] = {
        [MR_EIO_UNKNOWN_TRANSPORT] = "Transport unknown",
        [MR_EIO_UNKNOWN_SID] = "Session ID unknown",
        [MR_EIO_BAD_METHOD] = "Bad handshake method",
        [MR_EIO_BAD_REQUEST] = "Bad request",
        [MR_EIO_FORBIDDEN] = "Forbidden",
        [MR_EIO_BAD_VERSION] = "Unsupported protocol version",
        [MR_EIO_FULL] = "Server is full",
        [MR_EIO_LATER] = "",
        [MR_EIO_TOO_FAST] = "Too many requests",
    };

    return error >= 0 ? texts[error] : "";
}

/* Bytes that no header may carry into a log or a reply. */
static bool origin_ok(struct mr_span origin)
{
    for (size_t i = 0; i < origin.len; i++) {
        unsigned char c = (unsigned char)origin.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

const char *mr__eio_refusal(const struct mr_exchange *ex, enum mr_eio_error error)
{
    bool asked = error == MR_EIO_FORBIDDEN || error == MR_EIO_BAD_REQUEST;

    return asked && ex->refusal != NULL ? ex->refusal : mr__eio_error_text(error);
}

enum mr_eio_error mr__eio_verify(struct mr_server *srv, struct mr_exchange *ex, const char *method,
                                 const struct mr_eio_query *q, bool websocket,
                                 struct mr_session **s)
{
    const struct mr_engine *e = mr__engine_of(srv, ex);
    bool polling = mr_span_is(q->transport, "polling");
    enum mr_eio_error error;

    *s = NULL;
    ex->refusal = NULL;
    if (!mr__request_passes(e, ex))
        return MR_EIO_BAD_REQUEST;
    if (!polling && !mr_span_is(q->transport, "websocket"))
        return MR_EIO_UNKNOWN_TRANSPORT;
    if (!mr__engine_takes(e, polling ? MR_TRANSPORT_POLLING : MR_TRANSPORT_WEBSOCKET))
        return MR_EIO_UNKNOWN_TRANSPORT;
    if (!origin_ok(ex->ops->header(ex, "origin")))
        return MR_EIO_BAD_REQUEST;
    mr__timers_run(&srv->timers, mr__now(srv)); /* who has timed out by now is unknown by now */
    if (q->has_sid) {
        struct mr_session *found = mr__session_find(srv, q->sid);

        if (found == NULL || found->engine != e)
            return MR_EIO_UNKNOWN_SID;
        if (!websocket && (!polling || found->state == MR_S_WEBSOCKET))
            return MR_EIO_BAD_REQUEST; /* the session has moved to another transport */
        if (websocket && e->opt.no_upgrades)
            return MR_EIO_BAD_REQUEST;
        *s = found;
        return MR_EIO_OK;
    }
    if (strcmp(method, "GET") != 0)
        return MR_EIO_BAD_METHOD;
    if (polling == websocket)
        return MR_EIO_BAD_REQUEST;
    if (ex->verdict == MR_VERDICT_NONE && !mr__peer_handshakes(srv, ex->ops->addr(ex)))
        return MR_EIO_TOO_FAST;
    error = mr__request_allowed(e, ex);
    if (error != MR_EIO_OK)
        return error;
    return mr_span_is(q->eio, "4") ? MR_EIO_OK : MR_EIO_BAD_VERSION;
}

static void answer(struct mr_exchange *ex, int status, const char *type, struct mr_span body)
{
    ex->session = NULL;
    ex->ops->reply(ex, &(struct mr_reply){.status = status, .content_type = type, .body = body});
}

int mr__eio_status(enum mr_eio_error error)
{
    return error == MR_EIO_FULL        ? 503
           : error == MR_EIO_TOO_FAST  ? 429
           : error == MR_EIO_FORBIDDEN ? 403
                                       : 400;
}

int mr__eio_code(enum mr_eio_error error)
{
    return error > MR_EIO_BAD_VERSION ? MR_EIO_FORBIDDEN : (int)error;
}

static void answer_error(struct mr_server *srv, struct mr_exchange *ex, enum mr_eio_error error)
{
    struct mr_buf b = MR_BUF_INIT(4096);
    int code = mr__eio_code(error);

    srv->stats.http_bad_requests++;
    mr__engine_refused(mr__engine_of(srv, ex), ex, code, mr__eio_refusal(ex, error));
    mr_buf_addf(&b, "{\"code\":%d,\"message\":", code);
    mr_json_add_string(&b, mr_span_str(mr__eio_refusal(ex, error)));
    mr_buf_add_char(&b, '}');
    ex->session = NULL;
    ex->ops->reply(ex, &(struct mr_reply){.status = mr__eio_status(error),
                                          .content_type = "application/json",
                                          .body = mr_buf_span(&b),
                                          .extra = error == MR_EIO_FULL       ? "Retry-After: 5\r\n"
                                                   : error == MR_EIO_TOO_FAST ? "Retry-After: 1\r\n"
                                                                              : NULL});
    mr_buf_free(&b);
}

static void handshake(struct mr_server *srv, struct mr_exchange *ex)
{
    struct mr_session *s = mr__session_new(srv, ex, MR_S_POLLING);
    struct mr_buf b = MR_BUF_INIT(1024), lines = MR_BUF_INIT(MR_HEAD_BYTES_MAX);

    if (s == NULL) {
        answer_error(srv, ex, MR_EIO_FULL);
        return;
    }
    mr__engine_add_cookie(s->engine, s->sid, &lines);
    mr_buf_add_char(&lines, '\0');
    mr__session_open_packet(s, mr__engine_upgrades(s->engine), &b);
    srv->stats.packets_out++;
    if (mr_buf_err(&b) != MR_OK || mr_buf_err(&lines) != MR_OK) {
        mr__session_doom(s, "transport error");
        answer_error(srv, ex, MR_EIO_FULL);
    } else {
        ex->session = NULL;
        ex->ops->reply(ex, &(struct mr_reply){.status = 200,
                                              .content_type = TEXT,
                                              .body = mr_buf_span(&b),
                                              .extra = lines.ptr});
        mr__session_opened(s);
    }
    mr_buf_free(&lines);
    mr_buf_free(&b);
}

/* A second GET or POST while one waits: the client has lost count, and order with it. */
static void overlap(struct mr_session *s, struct mr_exchange *ex)
{
    struct mr_server *srv = s->srv;

    mr__session_close(s, "transport error", MR_CLOSE_NOW); /* a held GET gets "1" here */
    answer_error(srv, ex, MR_EIO_BAD_REQUEST);
}

static void hold(struct mr_session *s, struct mr_exchange *ex)
{
    if (s->get != NULL) {
        overlap(s, ex);
        return;
    }
    s->get = ex;
    ex->session = s;
    if (s->q.n > 0 || s->state == MR_S_CLOSING)
        mr__polling_answer(s);
    else if (s->state == MR_S_PROBING)
        mr__polling_release(s);
}

bool mr__polling_request(struct mr_server *srv, struct mr_exchange *ex, const char *method,
                         struct mr_span query)
{
    struct mr_eio_query q;
    struct mr_session *s;
    enum mr_eio_error error;

    ex->query = query;
    mr__eio_query_parse(query, &q);
    error = mr__eio_verify(srv, ex, method, &q, false, &s);
    if (error == MR_EIO_LATER)
        return false;
    if (error != MR_EIO_OK) {
        answer_error(srv, ex, error);
    } else if (s == NULL) {
        handshake(srv, ex);
    } else if (strcmp(method, "GET") == 0) {
        hold(s, ex);
    } else if (strcmp(method, "POST") != 0) {
        answer_error(srv, ex, MR_EIO_BAD_REQUEST);
    } else if (s->post != NULL) {
        overlap(s, ex);
    } else {
        s->post = ex;
        ex->session = s;
        return true;
    }
    return false;
}

/* The packets of a POST's body, in order. MR_OK, or MR_E_PROTO: the session is closed. */
static int decode(struct mr_session *s, struct mr_span body)
{
    struct mr_eio_packet p;
    int rc = MR_E_PROTO;

    if (body.len > 0 && mr_utf8_valid_len(body) == body.len) {
        while ((rc = mr_eio_next(&body, &p)) == MR_OK && mr__session_is_open(s))
            mr__session_packet(s, &p);
    }
    if (rc == MR_E_PROTO)
        mr__session_bad(s, "polling body");
    return rc == MR_E_PROTO ? MR_E_PROTO : MR_OK;
}

void mr__polling_body(struct mr_server *srv, struct mr_exchange *ex, struct mr_span body)
{
    struct mr_session *s = ex->session;
    uint64_t bad = srv->stats.parse_errors;
    int rc;

    if (s == NULL) { /* it was closed while the body came in */
        answer_error(srv, ex, MR_EIO_UNKNOWN_SID);
        return;
    }
    s->post = NULL;
    ex->session = NULL;
    rc = decode(s, body);
    if (s->too_fast)
        answer_error(srv, ex, MR_EIO_TOO_FAST);
    else if (rc != MR_OK || srv->stats.parse_errors != bad)
        answer_error(srv, ex, MR_EIO_BAD_REQUEST);
    else
        answer(ex, 200, "text/html", MR_SPAN("ok"));
}

void mr__polling_body_refused(struct mr_exchange *ex)
{
    if (ex->session != NULL && ex->session->post == ex)
        ex->session->post = NULL;
    ex->session = NULL;
}

static void add_payload(struct mr_buf *b, const struct mr_frame *f)
{
    if (b->len > 0)
        mr_buf_add_char(b, MR_EIO_SEPARATOR);
    if (f->opcode == MR_WS_BINARY) {
        mr_buf_add_char(b, 'b');
        mr_b64_encode(mr__frame_payload(f), b);
    } else {
        mr_buf_add_span(b, mr__frame_payload(f));
    }
}

/* Bytes that a frame takes in a body, its separator included. */
static size_t payload_bytes(const struct mr_frame *f)
{
    return f->opcode == MR_WS_BINARY ? (f->len + 2) / 3 * 4 + 2 : f->len + 1;
}

void mr__polling_answer(struct mr_session *s)
{
    struct mr_exchange *ex = s->get;
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);
    size_t max = s->engine->opt.body_bytes_max;
    bool last;

    for (uint32_t n = 0; s->q.n > 0 && n < s->engine->opt.poll_packets_max; n++) {
        struct mr_frame *f = mr__outq_at(&s->q, 0);
        size_t bytes = mr_frame_bytes(f);

        if (n > 0 && b.len + payload_bytes(f) > max)
            break;
        add_payload(&b, f);
        if (mr_buf_err(&b) != MR_OK)
            break; /* the rest stays queued */
        mr__outq_pop(&s->q);
        mr__session_sent(s, 1, bytes);
    }
    last = s->state == MR_S_CLOSING && s->q.n == 0;
    if (last)
        add_payload(&b, s->srv->close);
    s->get = NULL;
    if (mr_buf_err(&b) != MR_OK) {
        answer_error(s->srv, ex, MR_EIO_FULL);
        mr__session_doom(s, "transport error");
    } else {
        answer(ex, 200, TEXT, mr_buf_span(&b));
    }
    mr_buf_free(&b);
    if (last)
        mr__session_closed(s);
}

void mr__polling_client_closes(struct mr_session *s)
{
    struct mr_exchange *ex = s->get;

    s->get = NULL;
    if (ex != NULL)
        answer(ex, 200, TEXT, mr__frame_payload(s->srv->noop));
}

void mr__polling_release(struct mr_session *s)
{
    if (s->get == NULL)
        return;
    if (s->q.n > 0)
        mr__polling_answer(s);
    else
        mr__polling_client_closes(s);
}
