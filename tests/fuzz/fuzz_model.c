/* fuzz_model.c - two clients in random conversations, held against a model of the server.
 *
 * The model is the protocol in a page: what each packet does to the membership of its client, what
 * every client must hear because of it, and how it ends. It knows nothing of queues, GETs, probes
 * or turns: whatever the transport does, each client hears exactly the model's packets, in their
 * order, none twice, and its sockets end for the model's reason. An input is one byte a step: who
 * does it, and what.
 */
#include "fuzz.h"

#include "io/namespace.h"
#include "io/upgrade.h"
#include "proto/b64.h"

#include <stdarg.h>

#define CLIENTS    2
#define NSPS       2 /* "/" and "/a" */
#define ROOMS      2
#define BATCH      16
#define TICK_MS    1000
#define CONNECT_MS 45500 /* between two ticks */

static const char *const nsp_names[NSPS] = {"/", "/a"};
static const char *const heads[NSPS] = {"", "/a,"};
static const char *const room_names[ROOMS] = {"x", "y"};

enum membership { OUT, PENDING, IN, THROWN_OUT };
enum carrier { NOTHING, POLLING, PROBED, WEBSOCKET };

struct client {
    /* the server's side of it */
    struct mr_exchange get, post, again;
    struct mr_ws_port port; /* the probe first, where it upgrades */
    bool get_waits, port_open;
    enum carrier over;
    char sid[MR_SID_LEN + 1];
    struct mr_socket *waiting; /* its CONNECT to "/a", not decided yet */
    struct mr_buf heard;       /* packets, each with a line's end */
    const char *ended[NSPS];
    unsigned n_ended[NSPS], acks;
    /* the model's */
    bool alive, announced, ping_waits, guarded; /* guarded: it has not been admitted anywhere */
    bool announced_acks;          /* the binary event that was announced asks for an ack */
    unsigned announced_nsp, last; /* last: where its newest socket is */
    enum membership in[NSPS];
    bool rooms[NSPS][ROOMS];
    int64_t asked[NSPS]; /* id of the last event that wants an ack; -1: none */
    struct mr_buf want;
    const char *must_end[NSPS];
    unsigned must_n_ended[NSPS], must_acks;
    uint64_t beat_ms; /* the next ping, or the end of waiting for a pong */
    uint64_t connect_by_ms;
};

static struct mr_server srv;
static uint64_t now_ms;
static struct client clients[CLIENTS];
static int64_t next_ack[NSPS];

static uint64_t clock_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

/* ---- what a client hears -------------------------------------------------------------------- */

/* Ids are drawn; noops and the transport's own packets are no part of the conversation. */
static void hears(struct client *c, bool binary, struct mr_span p)
{
    if (!binary && (mr_span_is(p, "6") || mr_span_is(p, "3probe") || mr_span_is(p, "1")))
        return;
    if (!binary && p.len > 0 && p.ptr[0] == '0') {
        memcpy(c->sid, p.ptr + 9, MR_SID_LEN);
        return;
    }
    if (!binary && mr_span_starts(p, MR_SPAN("40"))) {
        const char *brace = memchr(p.ptr, '{', p.len);

        FUZZ_ASSERT(brace != NULL);
        p.len = (size_t)(brace - p.ptr);
    }
    mr_buf_add_str(&c->heard, binary ? "B" : "");
    mr_buf_add_span(&c->heard, p);
    mr_buf_add_char(&c->heard, '\n');
}

static void hears_body(struct client *c, struct mr_span body)
{
    struct mr_buf raw = MR_BUF_INIT(1000);

    for (unsigned n = 0; body.len > 0; n++) {
        const char *end = memchr(body.ptr, MR_EIO_SEPARATOR, body.len);
        size_t len = end ? (size_t)(end - body.ptr) : body.len;
        struct mr_span p = mr_span_of(body.ptr, len);

        FUZZ_ASSERT(n <= BATCH && len > 0); /* a close packet may come on top */
        if (p.ptr[0] == 'b') {
            mr_buf_clear(&raw);
            FUZZ_ASSERT(mr_b64_decode(mr_span_of(p.ptr + 1, len - 1), &raw) == MR_OK);
            hears(c, true, mr_buf_span(&raw));
        } else {
            hears(c, false, p);
        }
        body = mr_span_of(body.ptr + len + (end != NULL), body.len - len - (end != NULL));
    }
    mr_buf_free(&raw);
}

static struct client *of_exchange(const struct mr_exchange *ex)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (ex == &clients[i].get || ex == &clients[i].post || ex == &clients[i].again)
            return &clients[i];
    }
    abort();
}

static void reply(struct mr_exchange *ex, const struct mr_reply *r)
{
    struct client *c = of_exchange(ex);

    if (ex == &c->get) {
        FUZZ_ASSERT(c->get_waits);
        c->get_waits = false;
        if (r->status == 200)
            hears_body(c, r->body);
    }
}

static struct mr_span header(const struct mr_exchange *ex, const char *name)
{
    (void)ex, (void)name;
    return MR_SPAN_NONE;
}

static const char *addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "";
}

static void flush(struct mr_ws_port *port)
{
    struct client *c = MR_CONTAINER(port, struct client, port);

    while (port->q.n > 0) {
        struct mr_frame *f = mr__outq_at(&port->q, 0);
        size_t bytes = mr_frame_bytes(f);

        hears(c, f->opcode == MR_WS_BINARY, mr__frame_payload(f));
        mr__outq_pop(&port->q);
        if (port->session != NULL && port->session->ws == port)
            mr__session_sent(port->session, 1, bytes);
    }
}

static void close_port(struct mr_ws_port *port, int status)
{
    (void)status;
    flush(port);
    MR_CONTAINER(port, struct client, port)->port_open = false;
    mr__outq_clear(&port->q);
}

static void kill_port(struct mr_ws_port *port)
{
    mr__outq_clear(&port->q);
    close_port(port, 0);
}

static const struct mr_exchange_ops exchange_ops = {.reply = reply, .header = header, .addr = addr};
static const struct mr_ws_port_ops port_ops = {flush, close_port, kill_port};

/* ---- the application ------------------------------------------------------------------------ */

static struct client *of_socket(const struct mr_socket *s)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (strncmp(s->session->sid, clients[i].sid, MR_SID_LEN) == 0)
            return &clients[i];
    }
    abort();
}

static unsigned nsp_of(const struct mr_socket *s)
{
    return strcmp(mr_socket_nsp(s), "/a") == 0;
}

/* Auth decides: {"r":1} is refused, {"w":1} waits for a step of its own. */
static int on_connect(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)ctx;
    mr_socket_set_data(s, of_socket(s));
    if (mr_span_is(auth, "{\"r\":1}")) {
        mr_connect_refuse(s, "no", MR_SPAN_NONE);
        return MR_E_AGAIN;
    }
    if (!mr_span_is(auth, "{\"w\":1}"))
        return MR_OK;
    of_socket(s)->waiting = mr_socket_ref(s);
    return MR_E_AGAIN;
}

static void on_disconnect(struct mr_socket *s, const char *reason, void *ctx)
{
    struct client *c = mr_socket_data(s);

    (void)ctx;
    c->ended[nsp_of(s)] = reason;
    c->n_ended[nsp_of(s)]++;
}

static void on_ack(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    struct client *c = mr_socket_data(s);

    (void)ctx;
    if (err == MR_OK) {
        FUZZ_ASSERT(mr_span_is(args, "1"));
        c->acks++;
    }
}

static void on_echo(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span part = mr_event_attachment(s, 0);
    size_t n = mr_event_attachments(s);

    (void)ctx;
    if (ack_id >= 0)
        (void)mr_ack_binary(s, ack_id, args, &part, n);
    else
        (void)mr_socket_emit_binary(s, "echoed", args, &part, n);
}

static void on_move(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)ack_id;
    if (mr_span_is(args, "\"x\""))
        ctx ? mr_leave(s, "x") : (void)!mr_join(s, "x");
    else
        ctx ? mr_leave(s, "y") : (void)!mr_join(s, "y");
}

static void on_cast(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)ack_id, (void)ctx;
    (void)mr_emit(&srv, mr_socket_nsp(s), mr_span_is(args, "\"x\"") ? "x" : "y", "cast", args);
}

static void on_ask(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args, (void)ack_id, (void)ctx;
    (void)!mr_socket_emit_ack(s, "asked", MR_SPAN_NONE, 0, on_ack, NULL);
}

static void on_kick(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args, (void)ack_id;
    mr_socket_disconnect(s, ctx != NULL);
}

static void start(void)
{
    static int yes;

    FUZZ_ASSERT(mr__core_init(&srv, &(struct mr_options){.poll_packets_max = BATCH,
                                                         .connect_timeout_ms = CONNECT_MS}) ==
                MR_OK);
    srv.clock_ms = clock_ms;
    for (unsigned i = 0; i < NSPS; i++) {
        const char *n = nsp_names[i];

        FUZZ_ASSERT(mr_on_connect(&srv, n, on_connect, NULL) == MR_OK &&
                    mr_on_disconnect(&srv, n, on_disconnect, NULL) == MR_OK &&
                    mr_on(&srv, n, "echo", on_echo, NULL) == MR_OK &&
                    mr_on(&srv, n, "join", on_move, NULL) == MR_OK &&
                    mr_on(&srv, n, "leave", on_move, &yes) == MR_OK &&
                    mr_on(&srv, n, "cast", on_cast, NULL) == MR_OK &&
                    mr_on(&srv, n, "ask", on_ask, NULL) == MR_OK &&
                    mr_on(&srv, n, "kick", on_kick, NULL) == MR_OK &&
                    mr_on(&srv, n, "bye", on_kick, &yes) == MR_OK);
    }
    memset(next_ack, 0, sizeof(next_ack));
    now_ms = 1000;
}

/* ---- the model ------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void wants(struct client *c, const char *fmt, ...)
{
    char text[200];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    FUZZ_ASSERT(n > 0 && (size_t)n < sizeof(text));
    mr_buf_add(&c->want, text, (size_t)n);
    mr_buf_add_char(&c->want, '\n');
}

static void leaves(struct client *c, unsigned n, enum membership how, const char *reason)
{
    if (c->in[n] == IN) {
        c->must_end[n] = reason;
        c->must_n_ended[n]++;
    }
    c->in[n] = how;
    c->asked[n] = -1;
    memset(c->rooms[n], 0, sizeof(c->rooms[n]));
}

static void dies(struct client *c, const char *reason)
{
    if (!c->alive)
        return;
    c->alive = false;
    for (unsigned n = 0; n < NSPS; n++)
        leaves(c, n, OUT, reason);
}

static void admitted(struct client *c, unsigned n)
{
    c->in[n] = IN;
    c->guarded = false;
    wants(c, "40%s", heads[n]);
}

static void connects(struct client *c, unsigned n, unsigned auth)
{
    if (c->in[n] == IN || c->in[n] == PENDING)
        dies(c, "forced server close");
    else if (auth == 1)
        wants(c, "44%s{\"message\":\"no\"}", heads[n]), c->in[n] = OUT;
    else if (c->last = n, auth == 2)
        c->in[n] = PENDING;
    else
        admitted(c, n);
}

/* May something for this namespace come? */
static bool reaches(struct client *c, unsigned n)
{
    if (c->in[n] == OUT || c->in[n] == PENDING)
        dies(c, "forced server close");
    return c->in[n] == IN;
}

static void casts(unsigned n, unsigned room)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i].in[n] == IN && clients[i].rooms[n][room])
            wants(&clients[i], "42%s[\"cast\",\"%s\"]", heads[n], room_names[room]);
    }
}

static void thrown_out(struct client *c, unsigned n)
{
    wants(c, "41%s", heads[n]);
    leaves(c, n, THROWN_OUT, "server namespace disconnect");
}

/* The namespace that it joined last is told first. */
static void says_bye(struct client *c)
{
    for (unsigned i = 0; i < NSPS; i++) {
        unsigned n = i == 0 ? c->last : !c->last;

        if (c->in[n] == IN)
            wants(c, "41%s", heads[n]);
    }
    dies(c, "server namespace disconnect");
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void send_ws(struct client *c, bool binary, struct mr_span p)
{
    if (c->port_open)
        mr__ws_message(&c->port, binary ? MR_WS_BINARY : MR_WS_TEXT, p);
}

static void send_post(struct client *c, bool binary, struct mr_span p)
{
    struct mr_buf query = MR_BUF_INIT(200), body = MR_BUF_INIT(1000);

    mr_buf_addf(&query, "EIO=4&transport=polling&sid=%s", c->sid);
    mr_buf_add_str(&body, binary ? "b" : "");
    if (binary)
        mr_b64_encode(p, &body);
    else
        mr_buf_add_span(&body, p);
    c->post = (struct mr_exchange){.ops = &exchange_ops};
    if (mr__polling_request(&srv, &c->post, "POST", mr_buf_span(&query)))
        mr__polling_body(&srv, &c->post, mr_buf_span(&body));
    mr_buf_free(&query);
    mr_buf_free(&body);
}

static void sends(struct client *c, bool binary, struct mr_span p)
{
    if (c->over == WEBSOCKET)
        send_ws(c, binary, p);
    else
        send_post(c, binary, p);
}

__attribute__((format(printf, 2, 3))) static void says(struct client *c, const char *fmt, ...)
{
    char text[200];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    FUZZ_ASSERT(n > 0 && (size_t)n < sizeof(text));
    sends(c, false, mr_span_of(text, (size_t)n));
}

/* A text packet of Socket.IO while attachments are due is none. */
static bool interrupts(struct client *c)
{
    if (c->announced)
        dies(c, "forced close");
    return c->announced;
}

static void get(struct client *c)
{
    struct mr_buf query = MR_BUF_INIT(200);
    struct mr_exchange *ex = c->get_waits ? &c->again : &c->get;

    mr_buf_addf(&query, "EIO=4&transport=polling&sid=%s", c->sid);
    *ex = (struct mr_exchange){.ops = &exchange_ops};
    if (ex == &c->again)
        dies(c, "transport error"); /* two at once */
    else
        c->get_waits = true;
    FUZZ_ASSERT(!mr__polling_request(&srv, ex, "GET", mr_buf_span(&query)));
    mr_buf_free(&query);
}

static void open_polling(struct client *c)
{
    c->get = (struct mr_exchange){.ops = &exchange_ops};
    c->get_waits = true;
    FUZZ_ASSERT(!mr__polling_request(&srv, &c->get, "GET", MR_SPAN("EIO=4&transport=polling")));
    FUZZ_ASSERT(!c->get_waits && c->sid[0] != '\0');
    c->over = POLLING;
}

static void open_websocket(struct client *c, bool with_sid)
{
    struct mr_exchange ex = {.ops = &exchange_ops};
    struct mr_buf query = MR_BUF_INIT(200);
    struct mr_session *s;

    c->port = (struct mr_ws_port){.ops = &port_ops};
    c->port_open = true;
    mr_buf_add_str(&query, "EIO=4&transport=websocket");
    if (with_sid)
        mr_buf_addf(&query, "&sid=%s", c->sid);
    FUZZ_ASSERT(mr__upgrade_verify(&srv, &ex, "GET", mr_buf_span(&query), &s) == MR_EIO_OK);
    FUZZ_ASSERT(mr__ws_opened(&srv, &c->port, &ex, s) == MR_OK);
    mr_buf_free(&query);
}

static void forget(struct client *c)
{
    mr_socket_unref(c->waiting);
    mr_buf_free(&c->heard);
    mr_buf_free(&c->want);
    *c = (struct client){.heard = MR_BUF_INIT(1 << 20), .want = MR_BUF_INIT(1 << 20)};
}

static void opens(struct client *c, bool websocket)
{
    forget(c);
    c->alive = true;
    c->asked[0] = c->asked[1] = -1;
    c->beat_ms = now_ms + 25000;
    c->connect_by_ms = now_ms + CONNECT_MS;
    c->guarded = true;
    if (websocket) {
        open_websocket(c, false);
        c->over = WEBSOCKET;
        (void)mr__turn_end(&srv);
    } else {
        open_polling(c);
    }
}

/* The client starts over only when the old session is nowhere any more. */
static bool is_gone(const struct client *c)
{
    return !c->alive && !c->get_waits && !c->port_open;
}

static void lose_transport(struct client *c)
{
    if (c->port_open) {
        if (c->over == WEBSOCKET)
            dies(c, "transport close"); /* else a probe, which is no loss */
        c->port_open = false;
        mr__ws_gone(&c->port, "transport close");
        mr__outq_clear(&c->port.q);
    } else if (c->get_waits) {
        dies(c, "transport error");
        c->get_waits = false;
        mr__exchange_gone(&c->get);
    }
}

static void upgrade_step(struct client *c)
{
    if (c->over == POLLING) {
        open_websocket(c, true);
        mr__ws_message(&c->port, MR_WS_TEXT, MR_SPAN("2probe"));
        c->over = PROBED;
    } else if (c->over == PROBED) {
        mr__ws_message(&c->port, MR_WS_TEXT, MR_SPAN("5"));
        c->over = WEBSOCKET;
    }
}

/* What is due by now: the end of waiting for a CONNECT, which falls between two ticks, and then the
 * ping, or the end of waiting for a pong, which fall on one. */
static void due(struct client *c)
{
    if (c->guarded && now_ms >= c->connect_by_ms) {
        if (c->in[0] != PENDING && c->in[1] != PENDING)
            dies(c, "transport close");
        c->guarded = false;
    }
    if (!c->alive || now_ms < c->beat_ms)
        return;
    if (c->ping_waits) {
        dies(c, "ping timeout");
    } else {
        wants(c, "2");
        c->ping_waits = true;
        c->beat_ms += 20000;
    }
}

static void time_goes(unsigned ticks)
{
    while (ticks-- > 0) {
        now_ms += TICK_MS;
        for (size_t i = 0; i < CLIENTS; i++)
            due(&clients[i]);
        mr__timers_run(&srv.timers, now_ms);
    }
}

static void connect_step(struct client *c, unsigned n, unsigned auth)
{
    static const char *const auths[] = {"{}", "{\"r\":1}", "{\"w\":1}", ""};

    if (c->alive && c->waiting != NULL && auth == 2)
        return; /* one of them at a time is enough */
    if (c->alive && !interrupts(c))
        connects(c, n, auth == 3 ? 0 : auth);
    says(c, "40%s%s", heads[n], auths[auth]);
}

static void decide_step(struct client *c, bool yes)
{
    struct mr_socket *s = c->waiting;
    unsigned n;

    if (s == NULL)
        return;
    n = nsp_of(s);
    if (c->alive && c->in[n] == PENDING && mr_socket_connected(s) == false) {
        if (yes)
            admitted(c, n);
        else
            wants(c, "44%s{\"message\":\"later\"}", heads[n]), c->in[n] = OUT;
    }
    c->waiting = NULL;
    if (yes)
        mr_connect_admit(s);
    else
        mr_connect_refuse(s, "later", MR_SPAN_NONE);
    mr_socket_unref(s);
}

static void event_step(struct client *c, unsigned n, unsigned what, unsigned room)
{
    static const char *const names[] = {"cast", "join", "leave"};
    bool heard = c->alive && !interrupts(c) && c->alive && reaches(c, n);

    switch (what) {
    case 0:
    case 1:
    case 2:
        if (heard && what == 0)
            casts(n, room);
        else if (heard)
            c->rooms[n][room] = what == 1;
        says(c, "42%s[\"%s\",\"%s\"]", heads[n], names[what], room_names[room]);
        break;
    case 3:
        if (heard)
            wants(c, room ? "43%s7[5]" : "42%s[\"echoed\",5]", heads[n]);
        says(c, room ? "42%s7[\"echo\",5]" : "42%s[\"echo\",5]", heads[n]);
        break;
    case 4:
        if (heard) {
            c->asked[n] = next_ack[n]++;
            wants(c, "42%s%lld[\"asked\"]", heads[n], (long long)c->asked[n]);
        }
        says(c, "42%s[\"ask\"]", heads[n]);
        break;
    case 5:
        if (heard && room)
            says_bye(c);
        else if (heard)
            thrown_out(c, n);
        says(c, "42%s[\"%s\"]", heads[n], room ? "bye" : "kick");
        break;
    case 6: /* the answer to the last question, or to none */
        if (heard && c->asked[n] >= 0)
            c->must_acks++;
        says(c, "43%s%lld[1]", heads[n], c->asked[n] >= 0 ? (long long)c->asked[n] : 999999);
        c->asked[n] = -1;
        break;
    default:
        says(c, "42%s[\"nobody listens\"]", heads[n]);
        break;
    }
}

static void disconnect_step(struct client *c, unsigned n)
{
    if (c->alive && !interrupts(c)) {
        if (c->in[n] == OUT)
            dies(c, "forced server close");
        else if (c->in[n] != THROWN_OUT)
            leaves(c, n, OUT, "client namespace disconnect");
    }
    says(c, "41%s", heads[n]);
}

static void binary_step(struct client *c, unsigned what)
{
    unsigned n = what & 1;

    if (what & 2) { /* announce */
        if (c->alive && !interrupts(c)) {
            c->announced = true;
            c->announced_nsp = n;
            c->announced_acks = what & 4;
        }
        says(c,
             what & 4 ? "451-%s7[\"echo\",{\"_placeholder\":true,\"num\":0}]"
                      : "451-%s[\"echo\",{\"_placeholder\":true,\"num\":0}]",
             heads[n]);
        return;
    }
    if (c->alive && !c->announced) {
        dies(c, "forced close");
    } else if (c->alive) {
        n = c->announced_nsp;
        c->announced = false;
        if (reaches(c, n)) {
            wants(c,
                  c->announced_acks ? "461-%s7[{\"_placeholder\":true,\"num\":0}]"
                                    : "451-%s[\"echoed\",{\"_placeholder\":true,\"num\":0}]",
                  heads[n]);
            wants(c, "Bbytes");
        }
    }
    sends(c, true, MR_SPAN("bytes"));
}

/* Packets that are none, or out of place. */
static void wrong_step(struct client *c, unsigned what)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"4", "forced close"},
        {"48", "forced close"},
        {"42", "forced close"},
        {"42{}", "forced close"},
        {"42[]", "forced close"},
        {"42[null]", "forced close"},
        {"42[\"connect\"]", "forced close"},
        {"40[1]", "forced close"},
        {"41{}", "forced close"},
        {"43[1]", "forced close"},
        {"4511-[\"e\"]", "forced close"},
        {"451-[\"e\",{\"_placeholder\":true,\"num\":1}]", "forced close"},
        {"42/none,[\"e\"]", "forced server close"},
        {"2", "parse error"},
        {"5", "parse error"},
        {"0", "parse error"},
        {"9", "parse error"},
        {"1", "transport close"},
        {"6", NULL},
        {"40/none", NULL},
    };
    size_t i = what % (sizeof(rows) / sizeof(rows[0]));
    bool socketio = rows[i].text[0] == '4';

    if (c->alive && !(socketio && interrupts(c))) {
        if (rows[i].reason != NULL)
            dies(c, rows[i].reason);
        else if (socketio)
            wants(c, "44/none,{\"message\":\"Invalid namespace\"}");
    }
    says(c, "%s", rows[i].text);
}

static void pong_step(struct client *c)
{
    if (c->alive) {
        c->ping_waits = false;
        c->beat_ms = now_ms + 25000;
    }
    says(c, "3");
}

static void step(unsigned byte, unsigned arg)
{
    struct client *c = &clients[byte & 1];

    if (c->over == NOTHING || is_gone(c)) {
        opens(c, byte & 2);
        return;
    }
    switch (byte >> 1 & 15) {
    case 0:
        if (c->over != WEBSOCKET)
            get(c);
        break;
    case 1:
        if (c->alive)
            upgrade_step(c);
        break;
    case 2:
        lose_transport(c);
        break;
    case 3:
        time_goes(arg % 6);
        break;
    case 4:
        pong_step(c);
        break;
    case 5:
    case 6:
        connect_step(c, arg & 1, arg >> 1 & 3);
        break;
    case 7:
        decide_step(c, arg & 1);
        break;
    case 8:
        disconnect_step(c, arg & 1);
        break;
    case 9:
    case 10:
        binary_step(c, arg);
        break;
    case 11:
        wrong_step(c, arg);
        break;
    default:
        event_step(c, arg & 1, arg >> 2 & 7, arg >> 1 & 1);
        break;
    }
}

/* ---- held against each other ---------------------------------------------------------------- */

static void compare(const struct client *c)
{
    const struct mr_session *s = mr__session_find(&srv, mr_span_of(c->sid, strlen(c->sid)));
    size_t n = c->heard.len;

    FUZZ_ASSERT(c->alive == (s != NULL && mr__session_is_open(s)));
    if (n > c->want.len || (n > 0 && memcmp(c->heard.ptr, c->want.ptr, n) != 0)) {
        (void)fprintf(stderr, "heard:\n%s\nwanted:\n%s\n", mr_buf_cstr((struct mr_buf *)&c->heard),
                      mr_buf_cstr((struct mr_buf *)&c->want));
        abort();
    }
    if (c->alive && (c->get_waits || (c->over == WEBSOCKET && c->port_open)))
        FUZZ_ASSERT(n == c->want.len);
    FUZZ_ASSERT(c->acks == c->must_acks);
    for (unsigned i = 0; i < NSPS; i++) {
        const struct mr_nsp *nsp = mr__nsp_get(&srv, mr_span_str(nsp_names[i]), false);
        const struct mr_socket *sock = c->alive ? mr__socket_of(s, nsp) : NULL;
        enum membership in = sock == NULL ? OUT : sock->state == MR_SOCKET_PENDING ? PENDING : IN;

        FUZZ_ASSERT(in == (c->in[i] == THROWN_OUT ? OUT : c->in[i]));
        FUZZ_ASSERT(c->n_ended[i] == c->must_n_ended[i]);
        FUZZ_ASSERT(c->must_end[i] == NULL || strcmp(c->ended[i], c->must_end[i]) == 0);
    }
}

static void compare_all(void)
{
    while (!mr__turn_end(&srv))
        ;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];

        if (c->over == PROBED && !c->port_open)
            c->over = POLLING; /* the probe took too long */
        if (c->over != NOTHING)
            compare(c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    for (size_t at = 0; at + 2 <= size && at < 2000; at += 2) {
        step(data[at], data[at + 1]);
        compare_all();
    }
    for (size_t i = 0; i < CLIENTS; i++) { /* what waits is fetched: then nothing is missing */
        struct client *c = &clients[i];

        while (c->alive && c->over != WEBSOCKET && !c->get_waits && c->heard.len < c->want.len) {
            get(c);
            compare_all();
        }
        FUZZ_ASSERT(!c->alive || c->heard.len == c->want.len);
    }
    mr__core_deinit(&srv);
    for (size_t i = 0; i < CLIENTS; i++)
        forget(&clients[i]);
    return 0;
}
