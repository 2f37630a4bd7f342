/* parser_json.c - the protocol's own parser: a packet is one text, and its attachments after it.
 *
 * Text and attachments together stay under the limit of a message: what one client can make us keep
 * while it takes its time is one message, however many pieces it comes in.
 */
#include "millrace/parser.h"

#include "proto/alloc.h"
#include "proto/sio.h"

/* A packet whose attachments are still coming. */
struct partial {
    struct mr_sio_packet packet; /* borrows text */
    char *text;
    size_t bytes; /* of the text and the attachments so far */
    unsigned n;
    struct mr_span parts[MR_SIO_ATTACHMENTS_MAX]; /* owned */
};

static bool has_list(enum mr_message_type type)
{
    return type == MR_MESSAGE_EVENT || type == MR_MESSAGE_ACK;
}

static void write_text(struct mr_buf *b, const struct mr_message *m)
{
    enum mr_sio_type type = (enum mr_sio_type)m->type;

    if (m->n_attachments > 0)
        type = m->type == MR_MESSAGE_EVENT ? MR_SIO_BINARY_EVENT : MR_SIO_BINARY_ACK;
    mr_sio_add_head(b, type, (unsigned)m->n_attachments, m->nsp, m->ack_id);
    mr_buf_add_str(b, has_list(m->type) ? "[" : "");
    mr_buf_add_span(b, m->event);
    mr_buf_add_str(b, m->event.len > 0 && m->data.len > 0 ? "," : "");
    mr_buf_add_span(b, m->data);
    mr_buf_add_str(b, has_list(m->type) ? "]" : "");
}

static int encode(void *arg, const struct mr_message *m, mr_parser_out_fn out, void *ctx)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);
    int rc;

    (void)arg;
    (void)mr_buf_reserve(&b, m->nsp.len + m->event.len + m->data.len + 48);
    write_text(&b, m);
    rc = mr_buf_err(&b);
    if (rc == MR_OK)
        rc = out(ctx, false, mr_buf_span(&b));
    mr_buf_free(&b);
    for (size_t i = 0; i < m->n_attachments && rc == MR_OK; i++)
        rc = out(ctx, true, m->attachments[i]);
    return rc;
}

static struct mr_message message_of(const struct mr_sio_packet *p)
{
    struct mr_message m = {.nsp = p->nsp, .ack_id = p->ack_id, .data = p->data};

    switch (p->type) {
    case MR_SIO_EVENT:
    case MR_SIO_BINARY_EVENT:
        m.type = MR_MESSAGE_EVENT;
        m.event = p->event;
        m.data = p->args;
        break;
    case MR_SIO_ACK:
    case MR_SIO_BINARY_ACK:
        m.type = MR_MESSAGE_ACK;
        m.data = mr_span_of(p->data.ptr + 1, p->data.len - 2);
        break;
    default:
        m.type = (enum mr_message_type)p->type;
        break;
    }
    return m;
}

/* ---- attachments to come ------------------------------------------------------------------- */

static void end(void *arg, void *state)
{
    struct partial *part = state;

    (void)arg;
    for (unsigned i = 0; i < part->n; i++)
        mr_free((void *)(uintptr_t)part->parts[i].ptr);
    mr_free(part->text);
    mr_free(part);
}

/* The same view into another copy of the text. */
static struct mr_span moved(struct mr_span view, struct mr_span from, const char *to)
{
    if (view.len > 0 && view.ptr >= from.ptr && view.ptr < from.ptr + from.len)
        view.ptr = to + (view.ptr - from.ptr);
    return view;
}

static struct partial *begin(struct mr_span text, const struct mr_sio_packet *p)
{
    struct partial *part = mr_zalloc(1, sizeof(*part));

    if (part != NULL)
        part->text = mr_memdup0(text.ptr, text.len);
    if (part == NULL || part->text == NULL) {
        mr_free(part);
        return NULL;
    }
    part->packet = *p;
    part->packet.nsp = moved(p->nsp, text, part->text);
    part->packet.data = moved(p->data, text, part->text);
    part->packet.event = moved(p->event, text, part->text);
    part->packet.args = moved(p->args, text, part->text);
    part->bytes = text.len;
    return part;
}

static int decode_text(void **state, struct mr_span text, const struct mr_parser_limits *limits,
                       mr_parser_in_fn in, void *ctx)
{
    struct mr_sio_packet p;
    struct mr_message m;
    int rc = *state == NULL ? mr_sio_decode(text, &p) : MR_E_PROTO;

    if (rc != MR_OK) /* too big: attachments alone are a limit of ours */
        return rc == MR_E_TOOBIG && text.ptr[0] < '0' + MR_SIO_BINARY_EVENT ? MR_E_PROTO : rc;
    if (p.attachments > limits->attachments)
        return MR_E_TOOBIG;
    if (p.attachments > 0) {
        *state = begin(text, &p);
        return *state != NULL ? MR_OK : MR_E_NOMEM;
    }
    m = message_of(&p);
    in(ctx, &m);
    return MR_OK;
}

static int decode_binary(void **state, struct mr_span bytes, const struct mr_parser_limits *limits,
                         mr_parser_in_fn in, void *ctx)
{
    struct partial *part = *state;
    struct mr_message m;
    char *copy;

    if (part == NULL) /* nobody announced it */
        return MR_E_PROTO;
    if (part->bytes > limits->message_bytes || bytes.len > limits->message_bytes - part->bytes)
        return MR_E_TOOBIG;
    copy = mr_memdup0(bytes.ptr, bytes.len);
    if (copy == NULL)
        return MR_E_NOMEM;
    part->bytes += bytes.len;
    part->parts[part->n++] = mr_span_of(copy, bytes.len);
    if (part->n < part->packet.attachments)
        return MR_OK;
    *state = NULL;
    m = message_of(&part->packet);
    m.attachments = part->parts;
    m.n_attachments = part->n;
    in(ctx, &m);
    end(NULL, part);
    return MR_OK;
}

static int decode(void *arg, void **state, bool binary, struct mr_span bytes,
                  const struct mr_parser_limits *limits, mr_parser_in_fn in, void *ctx)
{
    (void)arg;
    return binary ? decode_binary(state, bytes, limits, in, ctx)
                  : decode_text(state, bytes, limits, in, ctx);
}

const struct mr_parser_ops *mr_parser_json(void)
{
    static const struct mr_parser_ops ops = {"json", encode, decode, end};

    return &ops;
}

/* What a text of ours would have to be, it has to be. */
int mr_message_check(const struct mr_message *m)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);
    struct mr_sio_packet p;
    struct mr_message back;
    int rc;

    if (m->type > MR_MESSAGE_CONNECT_ERROR || (m->n_attachments > 0 && !has_list(m->type)))
        return MR_E_PROTO;
    if (m->n_attachments > MR_SIO_ATTACHMENTS_MAX)
        return MR_E_TOOBIG;
    write_text(&b, m);
    rc = mr_buf_err(&b);
    if (rc == MR_OK)
        rc = mr_sio_decode(mr_buf_span(&b), &p);
    if (rc == MR_OK) { /* no part has run into the next one */
        back = message_of(&p);
        if (p.nsp.len != m->nsp.len || p.ack_id != m->ack_id || back.event.len != m->event.len ||
            p.attachments != m->n_attachments)
            rc = MR_E_PROTO;
    }
    mr_buf_free(&b);
    return rc;
}
