/* ws_conn.c - frames in, frames out, and the closing handshake.
 *
 * All that a turn has queued for a socket leaves in one sendmsg, straight from the shared frames.
 * After a short write nothing is tried again until the socket says that it is writable.
 */
#include "io/ws_conn.h"

#include "io/http_conn.h"
#include "io/peers.h"
#include "io/ws_app.h"
#include "proto/alloc.h"
#include "proto/utf8.h"

#define PIECES_MAX 64

static struct mr_ws_conn *of_port(struct mr_ws_port *port)
{
    return MR_CONTAINER(port, struct mr_ws_conn, port);
}

static void flush(struct mr_ws_port *port)
{
    struct mr_ws_conn *w = of_port(port);
    struct mr_conn *c = w->conn;
    size_t total = 0;

    while (port->q.n > 0 && !c->want_write && !c->doomed) {
        struct iovec iov[PIECES_MAX];
        int n = mr__outq_iov(&port->q, iov, PIECES_MAX, MR_FLUSH_BYTES_MAX);
        ssize_t took = mr__conn_write(c, iov, n);
        uint32_t frames;

        if (took <= 0)
            break;
        frames = mr__outq_took(&port->q, (size_t)took);
        if (port->session != NULL && port->session->ws == port)
            mr__session_sent(port->session, frames, (size_t)took);
        else if (w->app != NULL)
            mr__ws_app_sent(w->app, frames, (size_t)took);
        total += (size_t)took;
        if (total >= MR_FLUSH_BYTES_MAX && port->q.n > 0 && !c->want_write) {
            c->want_write = true; /* let the others have their turn */
            mr__sock_want_write(c);
        }
    }
    if (w->app != NULL)
        mr__ws_app_drained(w->app); /* when it closes, it waits for the peer's answer */
    else if (w->closing && port->q.n == 0)
        mr__conn_linger(c);
}

static void close_late(struct mr_timer *t)
{
    mr__conn_doom(MR_CONTAINER(t, struct mr_conn, timer));
}

/* Our close frame goes last; then the peer has a moment to answer. */
void mr__ws_conn_close(struct mr_ws_conn *w, int status, struct mr_span reason)
{
    char payload[125] = {(char)(status >> 8), (char)status};
    struct mr_frame *f;

    if (w->closing || w->conn->phase != MR_CONN_WEBSOCKET)
        return;
    assert(reason.len <= sizeof(payload) - 2);
    if (reason.len > 0)
        memcpy(payload + 2, reason.ptr, reason.len);
    f = mr__frame_make(MR_WS_CLOSE, mr_span_of(payload, status == 1005 ? 0 : 2 + reason.len));
    if (f == NULL || mr__ws_push(&w->port, f) != MR_OK) {
        mr_frame_unref(f);
        mr__conn_doom(w->conn);
        return;
    }
    mr_frame_unref(f);
    w->closing = true;
    mr__conn_set_timer(w->conn, MR_LINGER_MS, close_late);
    flush(&w->port);
}

static void close_port(struct mr_ws_port *port, int status)
{
    mr__ws_conn_close(of_port(port), status, MR_SPAN_NONE);
}

static void kill_port(struct mr_ws_port *port)
{
    mr__conn_doom(of_port(port)->conn);
}

static const struct mr_ws_port_ops ops = {.flush = flush, .close = close_port, .kill = kill_port};

int mr__ws_start(struct mr_conn *c, struct mr_span handshake)
{
    struct mr_ws_conn *w = mr_zalloc(1, sizeof(*w));
    struct mr_frame *f = mr__frame_raw(handshake);
    int rc = MR_E_NOMEM;

    if (w == NULL || f == NULL)
        goto out;
    w->port.ops = &ops;
    w->conn = c;
    mr__ws_rx_init(&w->rx, mr__engine_of(c->srv, &c->http->ex)->opt.body_bytes_max);
    rc = mr__outq_push(&w->port.q, f, SIZE_MAX);
    if (rc == MR_OK) {
        c->ws = w;
        c->phase = MR_CONN_WEBSOCKET;
        w = NULL;
    }
out:
    mr_frame_unref(f);
    mr_free(w);
    return rc;
}

static void answer_ping(struct mr_ws_conn *w, struct mr_span payload)
{
    struct mr_frame *f = mr__frame_make(MR_WS_PONG, payload);

    /* Without memory, or over the queue's ceiling, there is no pong: the client will notice. */
    if (f != NULL && w->app != NULL)
        (void)mr_ws_send_frame(w->app, f);
    else if (f != NULL && mr__ws_push(&w->port, f) == MR_OK)
        flush(&w->port);
    mr_frame_unref(f);
}

/* Whoever uses it hears that it is over. */
static void ended(struct mr_ws_conn *w, int status, struct mr_span text, const char *reason)
{
    if (w->app != NULL)
        mr__ws_app_gone(w->app, status, text);
    else
        mr__ws_gone(&w->port, reason);
}

/* The words of a close frame, if they are any. */
static struct mr_span reason_of(struct mr_span payload)
{
    struct mr_span text = MR_SPAN_NONE;

    if (payload.len > 2)
        text = mr_span_of(payload.ptr + 2, payload.len - 2);
    return mr_utf8_valid_len(text) == text.len ? text : MR_SPAN_NONE;
}

static bool take(void *ctx, enum mr_ws_opcode op, struct mr_span data)
{
    struct mr_ws_conn *w = ctx;
    int status = 1005;

    if (w->app != NULL)
        mr__ws_app_heard(w->app);
    switch (op) {
    case MR_WS_TEXT:
    case MR_WS_BINARY:
        if (!w->closing && w->app != NULL)
            mr__ws_app_message(w->app, op, data);
        else if (!w->closing)
            mr__ws_message(&w->port, op, data);
        break;
    case MR_WS_PING:
        if (!w->closing)
            answer_ping(w, data);
        break;
    case MR_WS_CLOSE:
        status = mr__ws_close_status(data);
        ended(w, status, status != MR_WS_PROTOCOL_ERROR ? reason_of(data) : MR_SPAN_NONE,
              "transport close");
        if (w->closing)
            mr__conn_doom(w->conn); /* the answer to ours: both sides have said it */
        else
            close_port(&w->port, status);
        break;
    default:
        break;
    }
    return w->conn->phase == MR_CONN_WEBSOCKET && !w->conn->doomed;
}

void mr__ws_read(struct mr_conn *c, unsigned char *bytes, size_t n)
{
    struct mr_ws_conn *w = c->ws;
    int status = mr__ws_rx_feed(&w->rx, bytes, n, take, w);

    if (status == 0)
        return;
    if (w->closing) {
        mr__conn_doom(c);
        return;
    }
    c->srv->stats.parse_errors++;
    if (status == MR_WS_TOO_BIG)
        mr__limit_hit(c->srv, MR_LIMIT_MESSAGE, c->addr, w->rx.message.max);
    ended(w, status, MR_SPAN_NONE, "transport error");
    close_port(&w->port, status);
}

void mr__ws_writable(struct mr_conn *c)
{
    flush(&c->ws->port);
}

void mr__ws_conn_gone(struct mr_conn *c)
{
    ended(c->ws, 1006, MR_SPAN_NONE, "transport close");
    c->ws->port.session = NULL;
}

void mr__ws_conn_free(struct mr_conn *c)
{
    if (c->ws == NULL)
        return;
    mr__outq_clear(&c->ws->port.q);
    mr__ws_rx_deinit(&c->ws->rx);
    mr_free(c->ws);
    c->ws = NULL;
}
