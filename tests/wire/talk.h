/* talk.h - the two ends of a transcript: a network of fakes, and an application that tells what it
 * sees.
 *
 * GETs, POSTs and WebSockets are slots with a label; what the server does with them becomes a line
 * in T->seen, in the words of the transcripts (test_transcripts.c).
 */
#ifndef TESTS_WIRE_TALK_H
#define TESTS_WIRE_TALK_H

#include "unit/rows.h"

#include "io/namespace.h"
#include "io/upgrade.h"

#include <stdio.h>

#define TALK_MAX  65536
#define PORTS_MAX 8
#define NAMES_MAX 16

struct fake { /* a GET, a POST or a WebSocket, by its label: "GET", "POST", "WS2" */
    struct mr_exchange ex;
    struct mr_ws_port port;
    char label[16];
    bool open, full;
};

struct talk {
    struct mr_server srv;
    uint64_t now;
    struct fake fakes[PORTS_MAX];
    struct mr_buf seen; /* lines that the server has produced and no S line has matched yet */
    char names[NAMES_MAX][2][32];
    size_t n_names;
    struct mr_socket *pending; /* in /later, waiting for admit or refuse */
    struct mr_socket *last;    /* the one that connected last */
};

static struct talk *T; /* the fakes' callbacks have no context of their own */

static uint64_t fake_clock(void *ctx)
{
    (void)ctx;
    return T->now;
}

static void saw(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void saw(const char *fmt, ...)
{
    char line[TALK_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    mr_buf_add_str(&T->seen, line);
    mr_buf_add_char(&T->seen, '\n');
}

/* ---- the network --------------------------------------------------------------------------- */

static const char *printable(struct mr_span text)
{
    static char out[TALK_MAX];
    size_t n = 0;

    for (size_t i = 0; i < text.len && n < sizeof(out) - 4; i++) {
        if (text.ptr[i] == '\x1e') {
            memcpy(out + n, "\xe2\x90\x9e", 3);
            n += 3;
        } else {
            out[n++] = text.ptr[i];
        }
    }
    out[n] = '\0';
    return out;
}

static void fake_reply(struct mr_exchange *ex, const struct mr_reply *reply)
{
    struct fake *f = MR_CONTAINER(ex, struct fake, ex);

    assert_true(f->open); /* an exchange is answered once */
    f->open = false;
    saw("S %s %d %s", f->label, reply->status, printable(reply->body));
}

static struct mr_span fake_header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    return strcmp(name, "user-agent") == 0 ? MR_SPAN("transcript") : MR_SPAN_NONE;
}

static const char *fake_addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "192.0.2.1";
}

static void fake_flush(struct mr_ws_port *port)
{
    struct fake *f = MR_CONTAINER(port, struct fake, port);

    while (port->q.n > 0 && f->open && !f->full) {
        struct mr_frame *frame = mr__outq_at(&port->q, 0);
        size_t bytes = mr_frame_bytes(frame);
        char hex[256] = "b:";

        if (frame->opcode == MR_WS_BINARY) {
            for (size_t i = 0; i < frame->len && i < 100; i++)
                (void)snprintf(hex + 2 + 2 * i, 3, "%02x",
                               (unsigned char)mr__frame_payload(frame).ptr[i]);
            saw("S %s %s", f->label, hex);
        } else {
            saw("S %s %s", f->label, printable(mr__frame_payload(frame)));
        }
        mr__outq_pop(&port->q);
        if (port->session != NULL && port->session->ws == port)
            mr__session_sent(port->session, 1, bytes);
    }
}

static void fake_close(struct mr_ws_port *port, int status)
{
    struct fake *f = MR_CONTAINER(port, struct fake, port);

    fake_flush(port);
    if (f->open)
        saw("S %s close %d", f->label, status);
    f->open = false;
    mr__outq_clear(&port->q);
}

static void fake_kill(struct mr_ws_port *port)
{
    struct fake *f = MR_CONTAINER(port, struct fake, port);

    saw("S %s killed", f->label);
    f->open = false;
    mr__outq_clear(&port->q);
}

static const struct mr_exchange_ops exchange_ops = {
    .reply = fake_reply, .header = fake_header, .addr = fake_addr};
static const struct mr_ws_port_ops port_ops = {fake_flush, fake_close, fake_kill};

static struct fake *find_fake(const char *label, bool must_be_open)
{
    for (size_t i = 0; i < PORTS_MAX; i++) {
        if (T->fakes[i].open && strcmp(T->fakes[i].label, label) == 0)
            return &T->fakes[i];
    }
    if (must_be_open)
        fail_msg("%s is not open", label);
    for (size_t i = 0; i < PORTS_MAX; i++) {
        struct fake *f = &T->fakes[i];

        if (f->open || f->ex.session != NULL || f->port.session != NULL)
            continue;
        *f = (struct fake){.ex.ops = &exchange_ops, .port.ops = &port_ops, .open = true};
        (void)snprintf(f->label, sizeof(f->label), "%s", label);
        return f;
    }
    fail_msg("too much open at once");
    return NULL;
}

/* ---- the application ----------------------------------------------------------------------- */

static int app_connect(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)ctx;
    saw("= connect %s " MR_SPAN_FMT, mr_socket_nsp(s), MR_SPAN_ARG(auth));
    if (strcmp(mr_socket_nsp(s), "/later") == 0) {
        T->pending = mr_socket_ref(s);
        return MR_E_AGAIN;
    }
    if (strcmp(mr_socket_nsp(s), "/closed") == 0) {
        mr_connect_refuse(s, "members only", MR_SPAN("{\"code\":7}"));
        return MR_E_FORBIDDEN;
    }
    return strcmp(mr_socket_nsp(s), "/never") == 0 ? MR_E_AUTH : MR_OK;
}

static void app_connected(struct mr_socket *s, void *ctx)
{
    (void)ctx;
    T->last = s;
}

static void app_disconnect(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)ctx;
    saw("= disconnect %s %s", mr_socket_nsp(s), reason);
    if (T->last == s)
        T->last = NULL;
}

static void app_drain(struct mr_socket *s, void *ctx)
{
    (void)ctx;
    saw("= drained %s", mr_socket_nsp(s));
}

static void app_echo(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    size_t n = mr_event_attachments(s);
    struct mr_span parts[10];

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        parts[i] = mr_event_attachment(s, i);
    saw("= echo " MR_SPAN_FMT, MR_SPAN_ARG(args));
    if (ack_id >= 0)
        (void)mr_ack_binary(s, ack_id, args, parts, n);
    else
        (void)mr_socket_emit_binary(s, "echo", args, parts, n);
    (void)mr_ack(s, ack_id, MR_SPAN("\"twice\"")); /* an ack goes out once */
}

static void app_acked(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)s;
    (void)ctx;
    saw("= acked %s " MR_SPAN_FMT, mr_err_name(err), MR_SPAN_ARG(args));
}

static void app_start(void)
{
    static const char *const nsps[] = {"/", "/custom", "/later", "/closed", "/never"};

    for (size_t i = 0; i < LEN(nsps); i++) {
        assert_int_equal(mr_on_connect(&T->srv, nsps[i], app_connect, NULL), MR_OK);
        assert_int_equal(mr_on_connected(&T->srv, nsps[i], app_connected, NULL), MR_OK);
        assert_int_equal(mr_on_disconnect(&T->srv, nsps[i], app_disconnect, NULL), MR_OK);
        assert_int_equal(mr_on_drain(&T->srv, nsps[i], app_drain, NULL), MR_OK);
        assert_int_equal(mr_on(&T->srv, nsps[i], "echo", app_echo, NULL), MR_OK);
    }
}

static void app_does(char *line)
{
    char what[32] = "", room[64] = "", event[64] = "", args[1024] = "";

    (void)sscanf(line, "%31s %63s %63s %1023[^\n]", what, room, event, args);
    if (strcmp(what, "emit") == 0)
        (void)mr_emit(&T->srv, "/", strcmp(room, "*") ? room : NULL, event, mr_span_str(args));
    else if (strcmp(what, "ask") == 0)
        assert_int_equal(
            mr_socket_emit_ack(T->last, room, mr_span_str(event), 5000, app_acked, NULL), MR_OK);
    else if (strcmp(what, "join") == 0)
        assert_int_equal(mr_join(T->last, room), MR_OK);
    else if (strcmp(what, "leave") == 0)
        mr_leave(T->last, room);
    else if (strcmp(what, "kick") == 0)
        mr_socket_disconnect(T->last, false);
    else if (strcmp(what, "kick!") == 0)
        mr_socket_disconnect(T->last, true);
    else if (strcmp(what, "drop") == 0)
        mr_socket_drop(T->last);
    else if (strcmp(what, "admit") == 0)
        mr_connect_admit(T->pending);
    else if (strcmp(what, "refuse") == 0)
        mr_connect_refuse(T->pending, room, MR_SPAN_NONE);
    else
        fail_msg("unknown: A %s", line);
}

#endif
