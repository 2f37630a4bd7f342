/* fuzz_session.c - a client that does anything, in any order, to the session layer: GETs, POSTs,
 * WebSocket frames in any pieces, lost connections, passing time. No sockets. Whatever happens, an
 * exchange is answered once, queues stay counted, and in the end nothing is left.
 *
 * Each step is a byte that says what, a byte that says how long, and that many bytes of text.
 */
#include "fuzz.h"

#include "io/namespace.h"
#include "io/upgrade.h"

#define SLOTS 4

struct slot {
    struct mr_exchange ex;
    struct mr_ws_port port;
    struct mr_ws_rx rx;
    bool waiting, open, stuck;
};

static struct mr_server srv;
static uint64_t now_ms;
static struct slot slots[SLOTS];
static char sid[MR_SID_LEN + 1];

static uint64_t clock_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static void reply(struct mr_exchange *ex, const struct mr_reply *r)
{
    struct slot *s = MR_CONTAINER(ex, struct slot, ex);

    FUZZ_ASSERT(s->waiting && ex->session == NULL);
    s->waiting = false;
    if (r->status == 200 && r->body.len > 30 && memcmp(r->body.ptr, "0{\"sid\":\"", 9) == 0)
        memcpy(sid, r->body.ptr + 9, MR_SID_LEN);
}

static struct mr_span header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    return mr_span_str(name);
}

static const char *addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "";
}

static void flush(struct mr_ws_port *port)
{
    struct slot *s = MR_CONTAINER(port, struct slot, port);

    while (s->open && !s->stuck && port->q.n > 0) {
        size_t bytes = mr_frame_bytes(mr__outq_at(&port->q, 0));

        mr__outq_pop(&port->q);
        if (port->session != NULL && port->session->ws == port)
            mr__session_sent(port->session, 1, bytes);
    }
}

static void close_port(struct mr_ws_port *port, int status)
{
    struct slot *s = MR_CONTAINER(port, struct slot, port);

    (void)status;
    FUZZ_ASSERT(port->session == NULL);
    s->open = false;
    mr__outq_clear(&port->q);
}

static void kill_port(struct mr_ws_port *port)
{
    close_port(port, 0);
}

static const struct mr_exchange_ops exchange_ops = {.reply = reply, .header = header, .addr = addr};
static const struct mr_ws_port_ops port_ops = {flush, close_port, kill_port};

static int on_connect(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)ctx;
    (void)auth;
    if (strcmp(mr_socket_nsp(s), "/later") == 0) {
        mr_connect_refuse(s, "no", MR_SPAN_NONE);
        return MR_E_AGAIN;
    }
    return MR_OK;
}

static void on_ack(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)err;
    (void)args;
    (void)ctx;
    FUZZ_ASSERT(mr_socket_id(s)[0] != '\0');
}

/* The application does something of everything. */
static void on_event(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span part = mr_event_attachment(s, 0);
    const char *what = ctx;

    (void)!mr_join(s, what);
    (void)mr_ack_binary(s, ack_id, args, &part, part.len > 0);
    (void)!mr_socket_emit_ack(s, "q", MR_SPAN_NONE, 1000, on_ack, NULL);
    (void)mr_emit(mr_socket_server(s), mr_socket_nsp(s), what, "e", mr_arg(args, 0));
    if (*what == 'k')
        mr_socket_disconnect(s, false);
    else if (*what == 'x')
        mr_socket_disconnect(s, true);
    else if (*what == 'l')
        mr_leave(s, "l");
    (void)mr_socket_emit(s, "after", MR_SPAN_NONE);
}

static void start(void)
{
    static char names[][2] = {"a", "k", "x", "l"};
    static const char *const nsps[] = {"/", "/n", "/later"};
    const struct mr_options opt = {
        .queue_bytes_max = 2000, .body_bytes_max = 500, .sessions_max = 3};

    FUZZ_ASSERT(mr__core_init(&srv, &opt) == MR_OK);
    srv.clock_ms = clock_ms;
    for (size_t n = 0; n < 3; n++) {
        FUZZ_ASSERT(mr_on_connect(&srv, nsps[n], on_connect, NULL) == MR_OK);
        for (size_t i = 0; i < 4; i++)
            FUZZ_ASSERT(mr_on(&srv, nsps[n], names[i], on_event, names[i]) == MR_OK);
    }
    memset(slots, 0, sizeof(slots));
    memset(sid, 0, sizeof(sid));
}

static bool is_free(const struct slot *s)
{
    return !s->waiting && !s->open && s->ex.session == NULL && s->port.session == NULL;
}

static void request(struct slot *s, const char *method, struct mr_span text)
{
    struct mr_buf query = MR_BUF_INIT(200);

    if (!is_free(s))
        return;
    mr__ws_rx_deinit(&s->rx);
    *s = (struct slot){.ex.ops = &exchange_ops, .waiting = true};
    mr_buf_add_str(&query, "EIO=4&transport=polling");
    if (sid[0] != '\0')
        mr_buf_addf(&query, "&sid=%s", sid);
    if (mr__polling_request(&srv, &s->ex, method, mr_buf_span(&query)))
        mr__polling_body(&srv, &s->ex, text);
    mr_buf_free(&query);
}

static void open_ws(struct slot *s, bool with_sid)
{
    struct mr_buf query = MR_BUF_INIT(200);
    struct mr_session *session;

    if (!is_free(s))
        return;
    mr__ws_rx_deinit(&s->rx);
    *s = (struct slot){.ex.ops = &exchange_ops, .port.ops = &port_ops, .open = true};
    mr__ws_rx_init(&s->rx, 500);
    mr_buf_add_str(&query, "EIO=4&transport=websocket");
    if (with_sid)
        mr_buf_addf(&query, "&sid=%s", sid);
    if (mr__upgrade_verify(&srv, &s->ex, "GET", mr_buf_span(&query), &session) != MR_EIO_OK ||
        mr__ws_opened(&srv, &s->port, &s->ex, session) != MR_OK)
        close_port(&s->port, 0);
    mr_buf_free(&query);
}

static bool take(void *ctx, enum mr_ws_opcode op, struct mr_span data)
{
    struct slot *s = ctx;

    if (op == MR_WS_TEXT || op == MR_WS_BINARY)
        mr__ws_message(&s->port, op, data);
    return s->open;
}

static void lose(struct slot *s)
{
    if (s->waiting) {
        s->waiting = false;
        mr__exchange_gone(&s->ex);
    } else if (s->open) {
        s->open = false;
        mr__ws_gone(&s->port, "transport close");
        mr__outq_clear(&s->port.q);
    }
}

static void step(unsigned what, struct mr_span text)
{
    struct slot *s = &slots[what >> 6];
    unsigned char bytes[256];

    switch (what & 15) {
    case 0:
        request(s, "GET", text);
        break;
    case 1:
    case 2:
        request(s, "POST", text);
        break;
    case 3:
        open_ws(s, false);
        break;
    case 4:
        open_ws(s, true);
        break;
    case 5:
        lose(s);
        break;
    case 6: /* raw frames, whatever they are */
        memcpy(bytes, text.ptr, text.len);
        if (s->open && mr__ws_rx_feed(&s->rx, bytes, text.len, take, s) != 0)
            lose(s);
        break;
    case 7:
        s->stuck = !s->stuck;
        flush(&s->port);
        break;
    case 8:
        now_ms += text.len * 200;
        mr__timers_run(&srv.timers, now_ms);
        break;
    case 9:
        if (s->open)
            mr__ws_message(&s->port, MR_WS_BINARY, text);
        break;
    default:
        if (s->open)
            mr__ws_message(&s->port, MR_WS_TEXT, text);
        break;
    }
    (void)mr__turn_end(&srv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    for (size_t at = 0; at + 2 <= size;) {
        size_t len = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;

        step(data[at], mr_span_of((const char *)data + at + 2, len));
        at += 2 + len;
        FUZZ_ASSERT(srv.stats.queued_bytes < 100000 && srv.stats.queued_packets < 100000);
        FUZZ_ASSERT(srv.stats.sessions <= 3);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        lose(&slots[i]);
        (void)mr__turn_end(&srv);
        mr__ws_rx_deinit(&slots[i].rx);
    }
    now_ms += 1000000;
    mr__timers_run(&srv.timers, now_ms);
    (void)mr__turn_end(&srv);
    FUZZ_ASSERT(srv.stats.sessions == 0 && srv.stats.sockets == 0 && srv.stats.rooms == 0);
    FUZZ_ASSERT(srv.stats.queued_bytes == 0 && srv.stats.queued_packets == 0);
    FUZZ_ASSERT(srv.stats.polling_sessions == 0 && srv.stats.websocket_sessions == 0);
    mr__core_deinit(&srv);
    return 0;
}
