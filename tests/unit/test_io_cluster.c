/* test_io_cluster.c - two servers that share their clients, over an adapter as one for Redis would
 * be: everything that crosses is plain data, copied into a message, and comes when the network lets
 * it. It shows that the seam carries what a cluster needs.
 */
#include "rows.h"

#include "io/namespace.h"
#include "proto/alloc.h"

#include <stdio.h>

#define SERVERS 2
#define PER     3 /* clients of each */
#define ITEMS   16
#define MAIL    64

static struct node {
    struct mr_server srv;
    struct mr_adapter *adapter;
    struct mr_session *sessions[PER];
    struct mr_socket *sockets[PER];
    size_t n;
} nodes[SERVERS];

/* ---- the network ---------------------------------------------------------------------------- */

enum kind { BROADCAST, ASK, EXPECT, ANSWER, FETCH, FOUND, JOIN, KICK, SERVER_EVENT, SERVER_ANSWER };

static struct mail {
    enum kind kind;
    int to; /* node */
    char event[32], text[128];
    char rooms[ITEMS][32], except[ITEMS][32];
    size_t n_rooms, n_except, number;
    void *request; /* of who asked; an id, on a real network */
} mails[MAIL];
static size_t n_mails;
static bool cut; /* nothing gets through */

static int index_of(const struct mr_adapter *a)
{
    return (int)((struct node *)mr_adapter_state(a) - nodes);
}

static struct mail *write_mail(const struct mr_adapter *from, enum kind kind,
                               const struct mr_target *to)
{
    struct mail *m = &mails[n_mails++];

    assert_true(n_mails < MAIL);
    *m = (struct mail){.kind = kind, .to = 1 - index_of(from)};
    for (size_t i = 0; to != NULL && i < to->n_rooms; i++)
        (void)snprintf(m->rooms[m->n_rooms++], 32, "%s", to->rooms[i]);
    for (size_t i = 0; to != NULL && i < to->n_except; i++)
        (void)snprintf(m->except[m->n_except++], 32, "%s", to->except[i]);
    if (to != NULL && to->from != NULL) /* the speaker is a room that is left out */
        (void)snprintf(m->except[m->n_except++], 32, "%s", mr_socket_id(to->from));
    return m;
}

static void text(struct mail *m, const char *event, struct mr_span args)
{
    (void)snprintf(m->event, sizeof(m->event), "%s", event);
    (void)snprintf(m->text, sizeof(m->text), MR_SPAN_FMT, MR_SPAN_ARG(args));
}

/* ---- the adapter ---------------------------------------------------------------------------- */

static const struct mr_adapter_ops *memory;
static struct mr_adapter_ops cluster;

static int init(struct mr_adapter *a, void *arg)
{
    mr_adapter_set_state(a, arg);
    ((struct node *)arg)->adapter = a;
    return memory->init(a, NULL);
}

static int broadcast(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to)
{
    if (!(to->flags & MR_LOCAL))
        text(write_mail(a, BROADCAST, to), p->event, p->args);
    return memory->broadcast(a, p, to);
}

static int ask(struct mr_adapter *a, struct mr_packet *p, const struct mr_target *to,
               struct mr_collector *c)
{
    struct mail *m = write_mail(a, ASK, to);

    text(m, p->event, p->args);
    m->request = c;
    return memory->broadcast_with_ack(a, p, to, c);
}

static void forget(struct mr_adapter *a, struct mr_collector *c)
{
    for (size_t i = 0; i < n_mails; i++) {
        if (mails[i].request == c)
            mails[i].request = NULL;
    }
    memory->broadcast_forget(a, c);
}

/* On the server that was asked: what its clients say goes back. */
struct far {
    struct mr_collector collector;
    struct mr_adapter *adapter;
    void *request;
};

static void far_expect(struct mr_collector *c, size_t clients)
{
    struct far *f = MR_CONTAINER(c, struct far, collector);
    struct mail *m = write_mail(f->adapter, EXPECT, NULL);

    m->request = f->request;
    m->number = clients;
}

static void far_answer(struct mr_collector *c, const struct mr_answer *answer)
{
    struct far *f = MR_CONTAINER(c, struct far, collector);
    struct mail *m = write_mail(f->adapter, ANSWER, NULL);

    m->request = f->request;
    text(m, "", answer->args);
}

static void far_gone(struct mr_collector *c)
{
    (void)c;
}

static struct far far = {.collector = {far_expect, far_answer, far_gone}};

/* A fetch waits for the other server; then both lists are one. */
static struct fetch {
    struct mr_adapter *adapter;
    mr_fetch_fn fn;
    void *ctx;
    bool has_found;
    struct mail found;
} fetch;

static void merge(const struct mr_outcome *how, const struct mr_remote *list, size_t n, void *ctx)
{
    static struct mr_remote all[2 * PER];
    static const char *rooms[2 * PER];
    struct mr_outcome both = *how;

    (void)ctx;
    if (n > 0)
        memcpy(all, list, n * sizeof(*list));
    both.servers_asked = 2;
    both.servers = fetch.has_found ? 2 : 1;
    if (!fetch.has_found) {
        both.err = MR_E_TIMEOUT;
        both.why = "1 of 2 servers answered";
    }
    for (size_t i = 0; fetch.has_found && i < fetch.found.n_rooms; i++) {
        rooms[i] = fetch.found.rooms[i];
        all[n++] = (struct mr_remote){.id = rooms[i], .rooms = &rooms[i], .n_rooms = 1, .addr = ""};
    }
    fetch.fn(&both, all, n, fetch.ctx);
}

static struct mr_target fetch_target;

static int fetch_sockets(struct mr_adapter *a, const struct mr_target *to, mr_fetch_fn fn,
                         void *ctx)
{
    struct mail *m = write_mail(a, FETCH, to);

    fetch = (struct fetch){.adapter = a, .fn = fn, .ctx = ctx};
    fetch_target = *to;
    m->request = &fetch;
    return MR_OK;
}

static void list_ids(const struct mr_outcome *how, const char *const *ids, size_t n, void *ctx)
{
    struct mail *m = ctx;

    (void)how;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(m->rooms[m->n_rooms++], 32, "%s", ids[i]);
}

static int add_sockets(struct mr_adapter *a, const struct mr_target *to, const char *const *rooms,
                       size_t n)
{
    (void)snprintf(write_mail(a, JOIN, to)->text, 32, "%s", rooms[0]);
    return memory->add_sockets(a, to, rooms, n);
}

static int disconnect_sockets(struct mr_adapter *a, const struct mr_target *to, bool close)
{
    write_mail(a, KICK, to)->number = close;
    return memory->disconnect_sockets(a, to, close);
}

static mr_server_answers_fn on_answers;

static int server_side_emit(struct mr_adapter *a, const char *event, struct mr_span args,
                            uint32_t timeout_ms, mr_server_answers_fn fn, void *ctx)
{
    (void)timeout_ms;
    (void)ctx;
    text(write_mail(a, SERVER_EVENT, NULL), event, args);
    on_answers = fn;
    return MR_OK;
}

static void reply(void *ctx, struct mr_span value)
{
    text(write_mail(ctx, SERVER_ANSWER, NULL), "", value);
}

static size_t server_count(const struct mr_adapter *a)
{
    (void)a;
    return SERVERS;
}

/* What a server does with a message. */
static void read_mail(struct mail *m)
{
    struct mr_adapter *a = nodes[m->to].adapter;
    const char *rooms[ITEMS], *except[ITEMS], *name = m->text;
    struct mr_target to = {.rooms = rooms, .except = except};
    struct mr_packet p = {.event = m->event, .args = mr_span_str(m->text), .ack_id = -1};
    struct mr_collector *c = m->request;
    const struct mr_outcome good = {MR_OK, "", 1, 1};

    for (; to.n_rooms < m->n_rooms; to.n_rooms++)
        rooms[to.n_rooms] = m->rooms[to.n_rooms];
    for (; to.n_except < m->n_except; to.n_except++)
        except[to.n_except] = m->except[to.n_except];
    switch (m->kind) {
    case BROADCAST:
        assert_true(memory->broadcast(a, &p, &to) >= 0);
        break;
    case ASK:
        far.adapter = a;
        far.request = c;
        assert_true(memory->broadcast_with_ack(a, &p, &to, &far.collector) >= 0);
        break;
    case EXPECT:
        if (c != NULL)
            c->expect(c, m->number);
        break;
    case ANSWER:
        if (c != NULL)
            c->answer(c, &(struct mr_answer){mr_span_str(m->text), NULL, 0});
        break;
    case FETCH:
        assert_int_equal(memory->sockets(a, &to, list_ids, write_mail(a, FOUND, NULL)), MR_OK);
        break;
    case FOUND:
        fetch.has_found = true;
        fetch.found = *m;
        assert_int_equal(memory->fetch_sockets(fetch.adapter, &fetch_target, merge, NULL), MR_OK);
        break;
    case JOIN:
        assert_int_equal(memory->add_sockets(a, &to, &name, 1), MR_OK);
        break;
    case KICK:
        assert_int_equal(memory->disconnect_sockets(a, &to, m->number), MR_OK);
        break;
    case SERVER_EVENT:
        assert_int_equal(mr_adapter_take_server_event(a, m->event, mr_span_str(m->text), reply, a),
                         MR_OK);
        break;
    case SERVER_ANSWER:
        on_answers(&good, &(struct mr_span){m->text, strlen(m->text)}, 1, NULL);
        break;
    }
    mr_packet_clear(&p);
}

static void network(void)
{
    while (n_mails > 0) {
        struct mail m = mails[0];

        memmove(mails, mails + 1, --n_mails * sizeof(m));
        if (!cut)
            read_mail(&m);
    }
}

/* ---- the clients ---------------------------------------------------------------------------- */

static void no_reply(struct mr_exchange *ex, const struct mr_reply *r)
{
    (void)ex;
    (void)r;
}

static struct mr_span no_header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    return strcmp(name, "origin") == 0 ? MR_SPAN("here") : MR_SPAN_NONE;
}

static const char *no_addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "";
}

static void on_connected(struct mr_socket *s, void *ctx)
{
    struct node *node = ctx;

    node->sockets[node->n++] = s;
}

static void says(struct mr_session *s, const char *packet)
{
    struct mr_eio_packet p;

    assert_int_equal(mr_eio_decode(mr_span_str(packet), &p), MR_OK);
    mr__session_packet(s, &p);
}

static int up(void **state)
{
    static const struct mr_exchange_ops ops = {
        .reply = no_reply, .header = no_header, .addr = no_addr};
    const struct mr_exchange ex = {.ops = &ops};

    (void)state;
    memory = mr_adapter_memory();
    cluster = *memory;
    cluster.init = init;
    cluster.broadcast = broadcast;
    cluster.broadcast_with_ack = ask;
    cluster.broadcast_forget = forget;
    cluster.fetch_sockets = fetch_sockets;
    cluster.add_sockets = add_sockets;
    cluster.disconnect_sockets = disconnect_sockets;
    cluster.server_side_emit = server_side_emit;
    cluster.server_count = server_count;
    n_mails = 0;
    cut = false;
    memset(nodes, 0, sizeof(nodes));
    for (size_t i = 0; i < SERVERS; i++) {
        struct node *node = &nodes[i];

        assert_int_equal(mr__core_init(&node->srv, NULL), MR_OK);
        assert_int_equal(mr_use_adapter(&node->srv, &cluster, node), MR_OK);
        assert_int_equal(mr_on_connected(&node->srv, "/", on_connected, node), MR_OK);
        for (size_t c = 0; c < PER; c++) {
            node->sessions[c] = mr__session_new(&node->srv, &ex, MR_S_POLLING);
            assert_non_null(node->sessions[c]);
            says(node->sessions[c], "40");
            mr__outq_clear(&node->sessions[c]->q);
        }
    }
    return 0;
}

static int down(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVERS; i++)
        mr__core_deinit(&nodes[i].srv);
    return 0;
}

/* Who has been told something: "0.1 1.0". */
static const char *who(void)
{
    static char out[256];
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < SERVERS; i++) {
        for (size_t c = 0; c < PER; c++) {
            struct mr_outq *q = &nodes[i].sessions[c]->q;

            for (; q->n > 0; mr__outq_pop(q))
                at +=
                    (size_t)snprintf(out + at, sizeof(out) - at, "%s%zu.%zu", at ? " " : "", i, c);
        }
    }
    return out;
}

#define SEND(...)                                                                                  \
    assert_true(mr_emit_to(&nodes[0].srv, &(struct mr_target){__VA_ARGS__}, "e", MR_SPAN("1")) >= 0)

static void an_event_reaches_the_clients_of_both(void **state)
{
    (void)state;
    assert_int_equal(mr_join(nodes[0].sockets[1], "r"), MR_OK);
    assert_int_equal(mr_join(nodes[1].sockets[1], "r"), MR_OK);
    assert_int_equal(mr_join(nodes[1].sockets[2], "r"), MR_OK);
    SEND(MR_TO("r"));
    assert_string_equal(who(), "0.1");
    network();
    assert_string_equal(who(), "1.1 1.2");
    SEND(MR_TO("r"), MR_EXCEPT(nodes[1].sockets[1]->id), .from = nodes[0].sockets[1]);
    network();
    assert_string_equal(who(), "1.2");
    SEND(.flags = MR_LOCAL);
    network();
    assert_string_equal(who(), "0.0 0.1 0.2");
    SEND(MR_TO(nodes[1].sockets[0]->id)); /* a socket of the other server, by its id */
    network();
    assert_string_equal(who(), "1.0");
}

static int asked_err;
static size_t n_answers, n_asked, n_servers;
static int n_calls;

static void on_acks(int err, const struct mr_answers *answers, void *ctx)
{
    (void)ctx;
    n_calls++;
    asked_err = err;
    n_answers = answers->n;
    n_asked = answers->asked;
    n_servers = answers->servers;
}

static void acks_come_from_both(void **state)
{
    (void)state;
    n_calls = 0;
    assert_int_equal(
        mr_emit_ack_to(&nodes[0].srv, &(struct mr_target){0}, "q", MR_SPAN_NONE, on_acks, NULL),
        PER);
    for (size_t c = 0; c < PER; c++)
        says(nodes[0].sessions[c], "430[0]");
    network();
    assert_int_equal(n_calls, 0);
    for (size_t c = 0; c < PER; c++)
        says(nodes[1].sessions[c], "430[1]");
    network();
    assert_int_equal(n_calls, 1);
    assert_int_equal(asked_err, MR_OK);
    assert_int_equal(n_answers, SERVERS * PER);
    assert_int_equal(n_asked, SERVERS * PER);
    assert_int_equal(n_servers, SERVERS);
    (void)who();
}

static void a_server_that_is_silent_makes_a_partial_result(void **state)
{
    (void)state;
    n_calls = 0;
    cut = true;
    assert_int_equal(mr_emit_ack_to(&nodes[0].srv, &(struct mr_target){.timeout_ms = 50}, "q",
                                    MR_SPAN_NONE, on_acks, NULL),
                     PER);
    network();
    for (size_t c = 0; c < PER; c++)
        says(nodes[0].sessions[c], "430[0]");
    assert_int_equal(n_calls, 0);
    mr__timers_run(&nodes[0].srv.timers, mr__now(&nodes[0].srv) + 60);
    assert_int_equal(n_calls, 1);
    assert_int_equal(asked_err, MR_E_TIMEOUT);
    assert_int_equal(n_answers, PER);
    assert_int_equal(n_servers, 1);
}

static size_t n_found, n_local;
static const char *why;

static void on_found(const struct mr_outcome *how, const struct mr_remote *list, size_t n,
                     void *ctx)
{
    (void)ctx;
    n_found = n;
    why = how->why;
    n_local = 0;
    for (size_t i = 0; i < n; i++) {
        n_local += list[i].socket != NULL;
        assert_int_equal(mr_remote_header(&list[i], "origin").len, list[i].socket ? 4 : 0);
    }
}

static void sockets_of_both_are_found_moved_and_sent_away(void **state)
{
    (void)state;
    assert_int_equal(mr_fetch_sockets(&nodes[0].srv, &(struct mr_target){0}, on_found, NULL),
                     MR_OK);
    network();
    assert_int_equal(n_found, SERVERS * PER);
    assert_int_equal(n_local, PER);
    assert_string_equal(why, "");
    fetch.has_found = false; /* as if the other had not answered in time */
    merge(&(struct mr_outcome){.why = ""}, NULL, 0, NULL);
    assert_string_equal(why, "1 of 2 servers answered");
    assert_int_equal(mr_sockets_join(&nodes[0].srv, &(struct mr_target){0}, MR_NAMES("pen"), 1),
                     MR_OK);
    network();
    assert_int_equal(mr_room_size(&nodes[1].srv, "/", "pen"), PER);
    assert_int_equal(mr_disconnect_sockets(&nodes[0].srv, &(struct mr_target){MR_TO("pen")}, true),
                     MR_OK);
    network();
    assert_int_equal(mr_room_size(&nodes[0].srv, "/", NULL), 0);
    assert_int_equal(mr_room_size(&nodes[1].srv, "/", NULL), 0);
}

static void on_event(const char *event, struct mr_span args, struct mr_server_ask *asked, void *ctx)
{
    (void)ctx;
    assert_string_equal(event, "load?");
    assert_true(mr_span_is(args, "\"cpu\""));
    mr_server_reply(asked, MR_SPAN("0.5"));
}

static bool heard_back;

static void on_load(const struct mr_outcome *how, const struct mr_span *answers, size_t n,
                    void *ctx)
{
    (void)ctx;
    assert_int_equal(how->err, MR_OK);
    assert_int_equal(n, 1);
    assert_true(mr_span_is(answers[0], "0.5"));
    heard_back = true;
}

static void servers_talk_to_each_other(void **state)
{
    (void)state;
    heard_back = false;
    assert_int_equal(mr_on_server_event(&nodes[1].srv, "/", on_event, NULL), MR_OK);
    assert_int_equal(
        mr_server_side_emit(&nodes[0].srv, "/", "load?", MR_SPAN("\"cpu\""), 0, on_load, NULL),
        MR_OK);
    network();
    assert_true(heard_back);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, up, down)
    const struct CMUnitTest tests[] = {
        WITH(an_event_reaches_the_clients_of_both),
        WITH(acks_come_from_both),
        WITH(a_server_that_is_silent_makes_a_partial_result),
        WITH(sockets_of_both_are_found_moved_and_sent_away),
        WITH(servers_talk_to_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
