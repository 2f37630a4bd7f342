/* test_io_limits.c - what a client may have and no more: rates, sizes and counts, each counted,
 * told, and answered; and whose word about its address is believed.
 */
#include "io_room.h"

#include "io/peers.h"
#include "io/polling.h"
#include "io/proxies.h"

static enum mr_limit last_limit;
static uint64_t last_max;
static unsigned n_limits;
static char last_reason[64];
static const char *addr = "192.0.2.7";
static int last_status;
static char last_body[256];

static void on_limit(enum mr_limit limit, const char *who, uint64_t max, void *ctx)
{
    (void)who, (void)ctx;
    last_limit = limit;
    last_max = max;
    n_limits++;
}

static void on_gone(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)s, (void)ctx;
    (void)snprintf(last_reason, sizeof(last_reason), "%s", reason);
}

static const char *remote(const struct mr_exchange *ex)
{
    (void)ex;
    return addr;
}

static void note_status(struct mr_exchange *ex, const struct mr_reply *reply)
{
    (void)ex;
    last_status = reply->status;
    (void)snprintf(last_body, sizeof(last_body), MR_SPAN_FMT, MR_SPAN_ARG(reply->body));
}

static const struct mr_exchange_ops remote_ops = {
    .reply = note_status, .header = no_header, .addr = remote};

static void up(struct mr_options opt)
{
    n_limits = 0;
    last_reason[0] = '\0';
    last_status = 0;
    server_up(&opt);
    mr_on_limit(&srv, on_limit, NULL);
    assert_int_equal(mr_on_disconnect(&srv, "/", on_gone, NULL), MR_OK);
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static void bites(enum mr_limit limit, uint64_t max)
{
    assert_int_equal(n_limits, 1);
    assert_string_equal(mr_limit_name(last_limit), mr_limit_name(limit));
    assert_int_equal(last_max, max);
    assert_int_equal(srv.stats.limit_hits[limit], 1);
}

static int handshake(void)
{
    struct mr_exchange ex = {.ops = &remote_ops};

    last_status = 0;
    (void)mr__polling_request(&srv, &ex, "GET", MR_SPAN("EIO=4&transport=polling"));
    return last_status;
}

static void handshakes_from_one_address_have_a_rate(void **state)
{
    (void)state;
    up((struct mr_options){.handshakes_per_s = 10, .handshakes_burst = 3});
    for (int i = 0; i < 3; i++)
        assert_int_equal(handshake(), 200);
    assert_int_equal(handshake(), 429);
    assert_string_equal(last_body, "{\"code\":4,\"message\":\"Too many requests\"}");
    bites(MR_LIMIT_HANDSHAKES, 10);
    addr = "192.0.2.8"; /* somebody else is not to blame */
    assert_int_equal(handshake(), 200);
    addr = "127.0.0.1"; /* nor is a proxy here */
    for (int i = 0; i < 10; i++)
        assert_int_equal(handshake(), 200);
    addr = "192.0.2.7";
    passes(100);
    assert_int_equal(handshake(), 200);
    assert_int_equal(handshake(), 429);
}

static void coming_and_going_is_no_way_round_it(void **state)
{
    (void)state;
    up((struct mr_options){.handshakes_per_s = 1, .handshakes_burst = 2});
    for (int i = 0; i < 2; i++) {
        assert_int_equal(handshake(), 200);
        mr__session_close(
            MR_CONTAINER(mr__table_next(&srv.sessions, NULL), struct mr_session, node),
            "transport close", MR_CLOSE_KILL);
        passes(0);
    }
    assert_int_equal(handshake(), 429);
    passes(MR_PEER_IDLE_MS + 1); /* and is not remembered for ever */
    addr = "192.0.2.9";
    assert_int_equal(handshake(), 200);
    assert_int_equal(handshake(), 200);
    mr__session_close(MR_CONTAINER(mr__table_next(&srv.sessions, NULL), struct mr_session, node),
                      "transport close", MR_CLOSE_KILL);
    passes(0);
    assert_null(mr__table_find(&srv.peers, MR_SPAN("192.0.2.7")));
    addr = "192.0.2.7";
}

static void packets_on_one_connection_have_a_rate(void **state)
{
    (void)state;
    up((struct mr_options){.packets_in_per_s = 100, .packets_in_burst = 5});
    assert_non_null(comes("40"));
    for (int i = 0; i < 4; i++)
        says(0, "42[\"x\"]");
    assert_int_equal(n_limits, 0);
    passes(10);
    says(0, "42[\"x\"]");
    assert_int_equal(n_limits, 0);
    says(0, "42[\"x\"]");
    bites(MR_LIMIT_PACKETS, 100);
    assert_string_equal(last_reason, "rate limit");
}

static void bytes_on_one_connection_have_a_rate(void **state)
{
    (void)state;
    up((struct mr_options){.body_bytes_max = 100, .bytes_in_per_s = 1000, .bytes_in_burst = 100});
    assert_non_null(comes("40"));
    says(0, "42[\"x\",\"0123456789012345678901234567890123456789012345678901234567890123456789\"]");
    assert_int_equal(n_limits, 0);
    says(0, "42[\"x\",\"0123456789012345678901234567890123456789012345678901234567890123456789\"]");
    bites(MR_LIMIT_BYTES, 1000);
    assert_string_equal(last_reason, "rate limit");
}

static void a_post_that_is_too_fast_gets_429(void **state)
{
    struct mr_exchange ex = {.ops = &remote_ops};
    char query[128];
    size_t i;

    (void)state;
    up((struct mr_options){.packets_in_per_s = 1, .packets_in_burst = 2});
    i = dial_in();
    (void)snprintf(query, sizeof(query), "EIO=4&transport=polling&sid=%s", sessions[i]->sid);
    assert_true(mr__polling_request(&srv, &ex, "POST", mr_span_str(query)));
    mr__polling_body(&srv, &ex,
                     MR_SPAN("40\x1e"
                             "42[\"x\"]\x1e"
                             "42[\"x\"]"));
    assert_int_equal(last_status, 429);
    bites(MR_LIMIT_PACKETS, 1);
}

static void who_never_connects_is_told_of(void **state)
{
    (void)state;
    up((struct mr_options){.connect_timeout_ms = 500});
    (void)dial_in();
    passes(501);
    bites(MR_LIMIT_CONNECT_TIMEOUT, 500);
}

static void one_connection_has_only_so_many_namespaces(void **state)
{
    (void)state;
    up((struct mr_options){.namespaces_per_session_max = 1});
    assert_int_equal(mr_on_connected(&srv, "/a", note_connected, NULL), MR_OK);
    assert_non_null(comes("40"));
    says(0, "40/a,");
    bites(MR_LIMIT_NAMESPACES_PER_SESSION, 1);
    assert_string_equal(last_reason, "forced server close");
}

static void one_socket_has_only_so_many_rooms(void **state)
{
    struct mr_socket *s;

    (void)state;
    up((struct mr_options){.rooms_per_socket_max = 2});
    s = comes("40");
    assert_int_equal(mr_join(s, "a"), MR_OK);
    assert_int_equal(mr_join(s, "b"), MR_OK);
    assert_int_equal(mr_join(s, "c"), MR_E_AGAIN);
    bites(MR_LIMIT_ROOMS, 2);
}

static void attachments_are_counted(void **state)
{
    (void)state;
    up((struct mr_options){.attachments_max = 1});
    assert_non_null(comes("40"));
    says(0, "452-[\"x\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    bites(MR_LIMIT_ATTACHMENTS, 1);
    assert_string_equal(last_reason, "forced close");
}

static void attachments_without_end_are_counted_too(void **state)
{
    (void)state;
    up((struct mr_options){0});
    assert_non_null(comes("40"));
    says(0, "4599999999999-[\"x\",{\"_placeholder\":true,\"num\":0}]");
    bites(MR_LIMIT_ATTACHMENTS, 10);
}

static void asks(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)s, (void)args, (void)ack_id, (void)ctx; /* never answers */
}

static void acks_that_are_asked_for_are_counted(void **state)
{
    (void)state;
    up((struct mr_options){.acks_asked_max = 2});
    assert_int_equal(mr_on(&srv, "/", "x", asks, NULL), MR_OK);
    assert_non_null(comes("40"));
    says(0, "420[\"x\"]");
    says(0, "421[\"x\"]");
    assert_int_equal(n_limits, 0);
    says(0, "422[\"x\"]");
    passes(0);
    bites(MR_LIMIT_ACKS_ASKED, 2);
}

static void answered(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    (void)err, (void)s, (void)args, (void)ctx;
}

static void acks_that_we_wait_for_are_counted(void **state)
{
    struct mr_socket *s;

    (void)state;
    up((struct mr_options){.acks_pending_max = 1});
    s = comes("40");
    assert_int_equal(mr_socket_emit_ack(s, "x", MR_SPAN_NONE, 0, answered, NULL), MR_OK);
    assert_int_equal(mr_socket_emit_ack(s, "x", MR_SPAN_NONE, 0, answered, NULL), MR_E_AGAIN);
    bites(MR_LIMIT_ACKS_PENDING, 1);
}

static void connections_from_one_address_are_counted(void **state)
{
    struct mr_peer *a, *b;

    (void)state;
    up((struct mr_options){.connections_per_addr_max = 1});
    a = mr__peer_connects(&srv, "192.0.2.1");
    assert_non_null(a);
    assert_null(mr__peer_connects(&srv, "192.0.2.1"));
    bites(MR_LIMIT_CONNECTIONS_PER_ADDR, 1);
    b = mr__peer_connects(&srv, "192.0.2.2");
    assert_non_null(b);
    mr__peer_disconnects(&srv, a);
    mr__peer_disconnects(&srv, b);
    assert_null(mr__table_next(&srv.peers, NULL));
}

struct forwarded {
    const char *trusted, *peer, *header, *client;
};

static void only_trusted_proxies_name_the_client(void **state)
{
    static const struct forwarded rows[] = {
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.1", "192.0.2.1"},
        {"10.0.0.0/8", "11.1.2.3", "192.0.2.1", "11.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "1.1.1.1, 192.0.2.1 , 10.9.9.9", "192.0.2.1"},
        {"10.0.0.0/8", "10.1.2.3", "", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.1, <script>", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "10.0.0.1,10.0.0.2", "10.0.0.1"},
        {"loopback, fd00::/8", "127.0.0.1", "2001:db8::1, fd12::1", "2001:db8::1"},
        {"loopback", "::1", "192.0.2.1", "192.0.2.1"},
        {"192.0.2.128/25", "192.0.2.129", "8.8.8.8", "8.8.8.8"},
        {"192.0.2.128/25", "192.0.2.127", "8.8.8.8", "192.0.2.127"},
        {"0.0.0.0/0", "192.0.2.127", ",,,", "192.0.2.127"},
    };
    static const char *const bad[] = {"10.0.0.0/33", "x",           "10.0.0.0/",
                                      "::1/129",     "10.0.0.0/-1", "1.2.3"};
    struct mr_proxies *p;
    char out[48];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(mr__proxies_new(&p, rows[i].trusted), MR_OK);
        mr__proxies_client(p, rows[i].peer, mr_span_str(rows[i].header), out);
        assert_string_equal(out, rows[i].client);
        mr__proxies_free(p);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mr__proxies_new(&p, bad[i]), MR_E_INVAL);
}

static void every_limit_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < MR_LIMITS; i++)
        assert_true(mr_limit_name((enum mr_limit)i) != NULL &&
                    mr_limit_name((enum mr_limit)i)[0] != '\0');
    assert_string_equal(mr_limit_name((enum mr_limit)99), "");
}

#define TEST(fn) cmocka_unit_test_teardown(fn, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(handshakes_from_one_address_have_a_rate),
        TEST(coming_and_going_is_no_way_round_it),
        TEST(packets_on_one_connection_have_a_rate),
        TEST(bytes_on_one_connection_have_a_rate),
        TEST(a_post_that_is_too_fast_gets_429),
        TEST(who_never_connects_is_told_of),
        TEST(one_connection_has_only_so_many_namespaces),
        TEST(one_socket_has_only_so_many_rooms),
        TEST(attachments_are_counted),
        TEST(attachments_without_end_are_counted_too),
        TEST(acks_that_are_asked_for_are_counted),
        TEST(acks_that_we_wait_for_are_counted),
        TEST(connections_from_one_address_are_counted),
        cmocka_unit_test(only_trusted_proxies_name_the_client),
        cmocka_unit_test(every_limit_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
