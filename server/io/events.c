/* events.c - an event from a client comes to its handlers: middleware first, which may answer
 * later.
 *
 *   event -> middleware --MR_E_AGAIN--> held; what comes behind it waits in order
 *                |                        |  mr_packet_next
 *                v                        v
 *             handlers <------------- the middleware after that one
 */
#include "io/namespace.h"
#include "io/peers.h"
#include "proto/alloc.h"
#include "proto/json.h"

struct coming {          /* an event, borrowed or held */
    struct mr_link link; /* held->queue */
    struct mr_span name, args;
    int64_t ack_id;
    const struct mr_span *attachments;
    size_t n;
    uint64_t from, before; /* of mr__listeners_before */
    size_t bytes;
};

struct mr_held {
    struct coming *first; /* that is put off; NULL while it is worked off */
    struct mr_link queue;
    size_t n, bytes;
};

/* An event's name, without the quotes and escapes of a string as it was sent. Empty name and an
 * error in buf: out of memory. */
static struct mr_span event_name(struct mr_span raw, struct mr_buf *buf)
{
    if (raw.len >= 2 && raw.ptr[0] == '"')
        raw = mr_span_of(raw.ptr + 1, raw.len - 2);
    if (raw.len == 0 || memchr(raw.ptr, '\\', raw.len) == NULL)
        return raw;
    return mr_json_unescape(raw, buf) == MR_OK ? mr_buf_span(buf) : MR_SPAN_NONE;
}

static int asked_add(struct mr_socket *sock, int64_t id)
{
    uint32_t max = sock->srv->opt.acks_asked_max;
    int rc = mr__asked_add(&sock->asked, id, max);

    if (rc == MR_E_AGAIN)
        mr__limit_hit(sock->srv, MR_LIMIT_ACKS_ASKED, sock->hs->addr, max);
    return rc;
}

static struct mr_event *find_event(const struct mr_nsp *nsp, struct mr_span name)
{
    struct mr_node *node = mr__table_find(&nsp->events, name);

    if (node == NULL && nsp->parent != NULL)
        node = mr__table_find(&nsp->parent->events, name);
    return node ? MR_CONTAINER(node, struct mr_event, node) : NULL;
}

/* ---- holding ------------------------------------------------------------------------------- */

/* Everything in one piece of memory. NULL: out of memory. */
static struct coming *copy_of(const struct coming *c)
{
    size_t bytes = c->name.len + c->args.len, spans = c->n * sizeof(struct mr_span);
    struct coming *copy;
    struct mr_span *parts;
    char *at;

    for (size_t i = 0; i < c->n; i++)
        bytes += c->attachments[i].len;
    copy = mr_alloc(sizeof(*copy) + spans + bytes);
    if (copy == NULL)
        return NULL;
    *copy = *c;
    copy->link = (struct mr_link){NULL, NULL};
    copy->bytes = bytes;
    parts = (struct mr_span *)(void *)(copy + 1);
    at = (char *)parts + spans;
    copy->attachments = parts;
    copy->name.ptr = memcpy(at, c->name.ptr, c->name.len);
    at += c->name.len;
    if (c->args.len > 0)
        copy->args.ptr = memcpy(at, c->args.ptr, c->args.len);
    at += c->args.len;
    for (size_t i = 0; i < c->n; i++) {
        parts[i] = mr_span_of(at, c->attachments[i].len);
        if (parts[i].len > 0)
            memcpy(at, c->attachments[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return copy;
}

/* Put c off; from here on what comes waits. */
static void hold(struct mr_socket *sock, const struct coming *c)
{
    struct mr_held *held = mr_zalloc(1, sizeof(*held));

    if (held != NULL)
        held->first = copy_of(c);
    if (held == NULL || held->first == NULL) {
        mr_free(held);
        mr__session_doom(sock->session, "transport error");
        return;
    }
    mr__list_init(&held->queue);
    sock->held = held;
}

static void wait_behind(struct mr_socket *sock, const struct coming *c)
{
    struct mr_held *held = sock->held;
    struct coming *copy;

    if (held->n >= MR_HELD_PACKETS_MAX ||
        held->bytes + c->args.len > sock->srv->opt.queue_bytes_max) {
        mr__limit_hit(sock->srv, MR_LIMIT_HELD, sock->hs->addr, MR_HELD_PACKETS_MAX);
        mr__session_doom(sock->session, "rate limit");
        return;
    }
    copy = copy_of(c);
    if (copy == NULL) {
        mr__session_doom(sock->session, "transport error");
        return;
    }
    held->n++;
    held->bytes += copy->bytes;
    mr__list_add(&held->queue, &copy->link);
}

void mr__held_free(struct mr_socket *sock)
{
    struct mr_held *held = sock->held;
    struct mr_link *l;

    sock->held = NULL;
    if (held == NULL)
        return;
    while ((l = mr__list_pop(&held->queue)) != NULL)
        mr_free(MR_CONTAINER(l, struct coming, link));
    mr_free(held->first);
    mr_free(held);
}

/* ---- handlers ------------------------------------------------------------------------------ */

static size_t count(const struct mr_handler *h)
{
    size_t n = 0;

    for (; h != NULL; h = h->next)
        n++;
    return n;
}

/* Does anybody want it? */
static bool is_wanted(const struct mr_socket *sock, struct mr_span name)
{
    return sock->listeners != NULL || MR_HOOK(sock->nsp, any)->any != NULL ||
           find_event(sock->nsp, name) != NULL;
}

/* Whose handlers it has, and in which order: see socket.h. MR_E_AGAIN: it is put off. */
static int call_handlers(struct mr_socket *sock, struct coming *c)
{
    const struct mr_handler *any = MR_HOOK(sock->nsp, any)->any;
    const struct mr_event *e = find_event(sock->nsp, c->name);
    const struct mr_handler *on = e != NULL ? e->handlers : NULL;
    size_t n_any = count(any), n_on = count(on); /* who comes during the event hears the next one */
    int rc = MR_OK;

    if (sock->listeners == NULL && on == NULL && any == NULL)
        return MR_OK;
    sock->attachments = c->attachments;
    sock->n_attachments = (unsigned)c->n;
    if (sock->listeners != NULL)
        rc = mr__listeners_before(sock, c->name, c->args, c->ack_id, &c->from, &c->before);
    if (rc == MR_OK) {
        bool all = sock->listeners != NULL && c->before > 0;

        for (; n_any-- > 0 && sock->state == MR_SOCKET_CONNECTED; any = any->next)
            any->fn.any(sock, c->name, c->args, c->ack_id, any->ctx);
        for (; n_on-- > 0 && sock->state == MR_SOCKET_CONNECTED; on = on->next)
            on->fn.event(sock, c->args, c->ack_id, on->ctx);
        if (all)
            mr__listeners_event(sock, c->name, c->args, c->ack_id, c->before);
    }
    sock->n_attachments = 0;
    return rc;
}

void mr__event_in(struct mr_socket *sock, const struct mr_message *m)
{
    struct mr_buf buf = MR_BUF_INIT(MR_NAME_LEN_MAX);
    struct coming c = {.name = event_name(m->event, &buf),
                       .args = m->data,
                       .ack_id = m->ack_id,
                       .attachments = m->attachments,
                       .n = m->n_attachments};

    if (mr_buf_err(&buf) != MR_OK || !is_wanted(sock, c.name)) {
        mr_buf_free(&buf);
        return;
    }
    if (m->ack_id >= 0 && asked_add(sock, m->ack_id) != MR_OK) {
        mr_buf_free(&buf);
        sock->srv->stats.refused++;
        mr__session_doom(sock->session, "transport error");
        return;
    }
    mr_socket_ref(sock);
    if (sock->held != NULL)
        wait_behind(sock, &c);
    else if (call_handlers(sock, &c) == MR_E_AGAIN)
        hold(sock, &c);
    mr_socket_unref(sock);
    mr_buf_free(&buf);
}

/* The first has its answer; then those behind it, until one is put off again. */
static void go_on(struct mr_socket *sock, int answer)
{
    struct coming *c = sock->held->first;

    sock->held->first = NULL;
    if (answer != MR_OK)
        mr__listeners_refused(sock, answer, c->name);
    else
        answer = call_handlers(sock, c);
    while (sock->held != NULL && answer != MR_E_AGAIN) {
        struct mr_link *l = mr__list_pop(&sock->held->queue);

        mr_free(c);
        c = l ? MR_CONTAINER(l, struct coming, link) : NULL;
        if (c == NULL) {
            mr__held_free(sock);
            return;
        }
        sock->held->n--;
        sock->held->bytes -= c->bytes;
        answer = call_handlers(sock, c);
    }
    if (sock->held != NULL)
        sock->held->first = c;
    else
        mr_free(c); /* the socket went */
}

static void answer_later(struct mr_socket *s, int answer)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->listeners != NULL && s->listeners->asking) {
        s->listeners->answer = answer;
        return;
    }
    if (s->held == NULL || s->held->first == NULL)
        return;
    mr_socket_ref(s);
    go_on(s, answer);
    mr_socket_unref(s);
}

void mr_packet_next(struct mr_socket *s)
{
    answer_later(s, MR_OK);
}

void mr_packet_refuse(struct mr_socket *s, int err)
{
    answer_later(s, err == MR_OK || err == MR_E_AGAIN ? MR_E_FORBIDDEN : err);
}
