/* test_io_parser.c - another parser under the same server: every packet is one binary message, of
 * numbers and the parts they measure. Handlers, acks, rooms and refusals know nothing of it.
 *
 *   <type> <ack id> <lengths of nsp, event, data, attachment>\n<nsp><event><data><attachment>
 */
#include "io_room.h"

static char seen[512];
static int states; /* of the parser, alive */

static void write_parts(struct mr_buf *b, const struct mr_message *m)
{
    struct mr_span part = m->n_attachments > 0 ? m->attachments[0] : MR_SPAN_NONE;

    mr_buf_addf(b, "%d %lld %zu %zu %zu %zu\n", (int)m->type, (long long)m->ack_id, m->nsp.len,
                m->event.len, m->data.len, part.len);
    mr_buf_add_span(b, m->nsp);
    mr_buf_add_span(b, m->event);
    mr_buf_add_span(b, m->data);
    mr_buf_add_span(b, part);
}

static int encode(void *arg, const struct mr_message *m, mr_parser_out_fn out, void *ctx)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);
    int rc = MR_OK;

    if (m->n_attachments > 1)
        return MR_E_TOOBIG;
    write_parts(&b, m);
    for (int i = 0; i < *(int *)arg && rc == MR_OK; i++) /* as many times as the test wants */
        rc = out(ctx, true, mr_buf_span(&b));
    mr_buf_free(&b);
    return rc;
}

static struct mr_span cut(struct mr_span *from, size_t n)
{
    struct mr_span part = mr_span_of(from->ptr, n <= from->len ? n : from->len);

    *from = mr_span_of(from->ptr + part.len, from->len - part.len);
    return part;
}

static int decode(void *arg, void **state, bool binary, struct mr_span bytes,
                  const struct mr_parser_limits *limits, mr_parser_in_fn in, void *ctx)
{
    struct mr_message m = {.nsp = MR_SPAN_NONE};
    struct mr_span part;
    size_t n[4];
    long long ack;
    int type, head = 0, rc;
    char text[256] = "";

    (void)arg;
    if (bytes.len > limits->message_bytes)
        return MR_E_TOOBIG;
    if (!binary) { /* the first half of something */
        if (*state == NULL)
            states++;
        *state = &states;
        return MR_OK;
    }
    memcpy(text, bytes.ptr, bytes.len < sizeof(text) - 1 ? bytes.len : sizeof(text) - 1);
    if (sscanf(text, "%d %lld %zu %zu %zu %zu%n", &type, &ack, &n[0], &n[1], &n[2], &n[3], &head) <
        6)
        return MR_E_PROTO;
    bytes = mr_span_of(bytes.ptr + head + 1, bytes.len - (size_t)head - 1);
    m.type = (enum mr_message_type)type;
    m.ack_id = ack;
    m.nsp = cut(&bytes, n[0]);
    m.event = cut(&bytes, n[1]);
    m.data = cut(&bytes, n[2]);
    part = cut(&bytes, n[3]);
    m.attachments = &part;
    m.n_attachments = part.len > 0;
    rc = mr_message_check(&m);
    if (rc == MR_OK)
        in(ctx, &m);
    return rc;
}

static void end(void *arg, void *state)
{
    (void)arg;
    assert_ptr_equal(state, &states);
    states--;
}

static const struct mr_parser_ops parts = {"parts", encode, decode, end};
static int copies;

static int on_ack_error;

static void on_ack(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)ctx;
    on_ack_error = err;
    (void)snprintf(seen, sizeof(seen), MR_SPAN_FMT "+%zu", MR_SPAN_ARG(args),
                   mr_event_attachments(s));
}

static void on_talk(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span part = mr_event_attachment(s, 0);

    (void)ctx;
    (void)snprintf(seen, sizeof(seen), MR_SPAN_FMT "+" MR_SPAN_FMT, MR_SPAN_ARG(args),
                   MR_SPAN_ARG(part));
    (void)mr_ack_binary(s, ack_id, args, &part, part.len > 0);
    (void)!mr_join(s, "room");
}

static int start(void **state)
{
    (void)state;
    seen[0] = '\0';
    states = 0;
    copies = 1;
    server_up(NULL);
    assert_int_equal(mr_use_parser(&srv, &parts, &copies), MR_OK);
    assert_int_equal(mr_on(&srv, "/", "talk", on_talk, NULL), MR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    assert_int_equal(states, 0);
    return 0;
}

static void sends(size_t i, const struct mr_message *m)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);

    write_parts(&b, m);
    mr__session_binary(sessions[i], mr_buf_span(&b));
    mr_buf_free(&b);
}

static void arrives(void)
{
    (void)dial_in();
    sends(n_clients - 1, &(struct mr_message){.type = MR_MESSAGE_CONNECT,
                                              .nsp = MR_SPAN("/"),
                                              .ack_id = -1,
                                              .data = MR_SPAN("{\"token\":1}")});
}

static void all_kinds_of_packets_go_through_it(void **state)
{
    struct mr_span bytes = MR_SPAN("bytes");
    struct mr_message m = {.type = MR_MESSAGE_EVENT,
                           .nsp = MR_SPAN("/"),
                           .ack_id = 7,
                           .event = MR_SPAN("\"talk\""),
                           .data = MR_SPAN("1,{\"_placeholder\":true,\"num\":0}"),
                           .attachments = &bytes,
                           .n_attachments = 1};

    (void)state;
    arrives();
    assert_non_null(sockets[0]);
    assert_int_equal(strncmp(hears(0), "0 -1 1 0 30 0\n/{\"sid\":\"", 23), 0);
    sends(0, &m);
    assert_string_equal(seen, "1,{\"_placeholder\":true,\"num\":0}+bytes");
    assert_string_equal(hears(0), "3 7 1 0 31 5\n/1,{\"_placeholder\":true,\"num\":0}bytes");
    assert_int_equal(mr_emit(&srv, "/", "room", "ne\"ws", MR_SPAN("[2]")), 1);
    assert_string_equal(hears(0), "2 -1 1 8 3 0\n/\"ne\\\"ws\"[2]");
    assert_int_equal(mr_socket_emit_ack(sockets[0], "q", MR_SPAN_NONE, 1000, on_ack, NULL), MR_OK);
    assert_string_equal(hears(0), "2 0 1 3 0 0\n/\"q\"");
    m.type = MR_MESSAGE_ACK;
    m.ack_id = 0;
    m.event = MR_SPAN_NONE;
    sends(0, &m);
    assert_string_equal(seen, "1,{\"_placeholder\":true,\"num\":0}+1");
    mr_socket_disconnect(sockets[0], false);
    assert_string_equal(hears(0), "1 -1 1 0 0 0\n/");
}

static void a_namespace_that_is_not_there_is_refused_by_it(void **state)
{
    (void)state;
    arrives();
    (void)hears(0);
    sends(0,
          &(struct mr_message){.type = MR_MESSAGE_CONNECT, .nsp = MR_SPAN("/none"), .ack_id = -1});
    assert_string_equal(hears(0), "4 -1 5 0 31 0\n/none{\"message\":\"Invalid namespace\"}");
}

static void several_messages_of_a_packet_stay_together(void **state)
{
    struct mr_frame *f;

    (void)state;
    arrives();
    (void)hears(0);
    copies = 3;
    assert_int_equal(mr_socket_emit(sockets[0], "e", MR_SPAN("1")), MR_OK);
    assert_string_equal(hears(0),
                        "2 -1 1 3 1 0\n/\"e\"1|2 -1 1 3 1 0\n/\"e\"1|2 -1 1 3 1 0\n/\"e\"1");
    assert_null(mr_frame_new(&srv, "/", "e", MR_SPAN("1"))); /* which is one message */
    copies = 12;
    assert_int_equal(mr_socket_emit(sockets[0], "e", MR_SPAN("1")), MR_E_TOOBIG);
    copies = 0;
    assert_int_equal(mr_socket_emit(sockets[0], "e", MR_SPAN("1")), MR_E_INVAL);
    assert_string_equal(hears(0), "");
    copies = 1;
    f = mr_frame_new(&srv, "/", "e", MR_SPAN("1"));
    assert_int_equal(mr_socket_send(sockets[0], f), MR_OK);
    mr_frame_unref(f);
    assert_string_equal(hears(0), "2 -1 1 3 1 0\n/\"e\"1");
}

static void what_it_cannot_read_closes_the_connection(void **state)
{
    (void)state;
    arrives();
    mr__session_binary(sessions[0], MR_SPAN("what?"));
    assert_false(mr__session_is_open(sessions[0]));
    assert_int_equal(srv.stats.parse_errors, 1);
}

static void half_a_packet_is_given_back_with_the_connection(void **state)
{
    (void)state;
    arrives();
    says(0, "4half");
    assert_int_equal(states, 1);
    mr__session_close(sessions[0], "transport close", MR_CLOSE_NOW);
    passes(0);
    assert_int_equal(states, 0);
}

static void it_is_chosen_before_anybody_comes(void **state)
{
    (void)state;
    arrives();
    assert_int_equal(mr_use_parser(&srv, mr_parser_json(), NULL), MR_E_CONFLICT);
}

/* What a parser hands over has to be a packet, wherever it got it from. */
static void packets_that_no_client_may_make_are_known(void **state)
{
    static const struct {
        struct mr_message m;
        int rc;
    } rows[] = {
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("\"e\""), MR_SPAN("1,2"), NULL, 0}, MR_OK},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("5"), MR_SPAN(""), NULL, 0}, MR_OK},
        {{MR_MESSAGE_EVENT, MR_SPAN("/n"), 5, MR_SPAN("\"e\""), MR_SPAN(""), NULL, 0}, MR_OK},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("\"connect\""), MR_SPAN(""), NULL, 0},
         MR_E_PROTO},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("e"), MR_SPAN(""), NULL, 0}, MR_E_PROTO},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("\"e\",1"), MR_SPAN(""), NULL, 0},
         MR_E_PROTO},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("\"e\""), MR_SPAN("1],[2"), NULL, 0},
         MR_E_PROTO},
        {{MR_MESSAGE_EVENT, MR_SPAN("/a,7"), -1, MR_SPAN("\"e\""), MR_SPAN(""), NULL, 0},
         MR_E_PROTO},
        {{MR_MESSAGE_EVENT, MR_SPAN(""), -1, MR_SPAN("\"e\""), MR_SPAN(""), NULL, 0}, MR_E_PROTO},
        {{MR_MESSAGE_ACK, MR_SPAN("/"), -1, MR_SPAN(""), MR_SPAN("1"), NULL, 0}, MR_E_PROTO},
        {{MR_MESSAGE_ACK, MR_SPAN("/"), 1, MR_SPAN(""), MR_SPAN("1"), NULL, 0}, MR_OK},
        {{MR_MESSAGE_CONNECT, MR_SPAN("/"), -1, MR_SPAN(""), MR_SPAN("[]"), NULL, 0}, MR_E_PROTO},
        {{MR_MESSAGE_CONNECT, MR_SPAN("/"), -1, MR_SPAN(""), MR_SPAN("{}"), NULL, 0}, MR_OK},
        {{MR_MESSAGE_DISCONNECT, MR_SPAN("/"), -1, MR_SPAN(""), MR_SPAN("{}"), NULL, 0},
         MR_E_PROTO},
        {{MR_MESSAGE_CONNECT, MR_SPAN("/"), -1, MR_SPAN(""), MR_SPAN(""), NULL, 1}, MR_E_PROTO},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("\"e\""), MR_SPAN(""), NULL, 11},
         MR_E_TOOBIG},
        {{MR_MESSAGE_EVENT, MR_SPAN("/"), -1, MR_SPAN("\"e\""),
          MR_SPAN("{\"_placeholder\":true,\"num\":1}"), NULL, 1},
         MR_E_PROTO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (mr_message_check(&rows[i].m) != rows[i].rc)
            fail_msg("row %zu", i);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_kinds_of_packets_go_through_it),
        TEST(a_namespace_that_is_not_there_is_refused_by_it),
        TEST(several_messages_of_a_packet_stay_together),
        TEST(what_it_cannot_read_closes_the_connection),
        TEST(half_a_packet_is_given_back_with_the_connection),
        TEST(it_is_chosen_before_anybody_comes),
        cmocka_unit_test(packets_that_no_client_may_make_are_known),
    };

    return cmocka_run_group_tests_name("io_parser", tests, NULL, NULL);
}
