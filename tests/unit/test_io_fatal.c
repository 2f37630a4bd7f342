/* test_io_fatal.c - what a client must not say: each case closes its connection, is counted, and
 * leaves the other clients alone. And what looks close to it, but is allowed.
 */
#include "io_room.h"

#define MESSAGES_MAX 5

struct dialogue {
    const char *what;
    const char *messages[MESSAGES_MAX]; /* as in a WebSocket; what begins with '<' is binary */
    bool bad;
};

static void quiet(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)s;
    (void)args;
    (void)ack_id;
    (void)ctx;
}

static const struct dialogue dialogues[] = {
    {"an event first", {"42[\"x\"]"}, true},
    {"an ack first", {"431[]"}, true},
    {"a disconnect first", {"41"}, true},
    {"binary first", {"<abc"}, true},
    {"CONNECT with a string", {"40\"auth\""}, true},
    {"CONNECT with an array", {"40[]"}, true},
    {"CONNECT with broken JSON", {"40{\"a\":"}, true},
    {"CONNECT with auth", {"40{\"a\":1}"}, false},
    {"second CONNECT", {"40", "40"}, true},
    {"second CONNECT, other namespace", {"40", "40/other,"}, false},
    {"CONNECT again after DISCONNECT", {"40", "41", "40"}, false},
    {"unknown namespace", {"40", "40/random"}, false},
    {"event for a namespace not joined", {"40", "42/other,[\"x\"]"}, true},
    {"event for an unknown namespace", {"40", "42/random,[\"x\"]"}, true},
    {"ack for a namespace not joined", {"40", "43/other,1[]"}, true},
    {"event after one's own DISCONNECT", {"40", "41", "42[\"x\"]"}, true},
    {"CONNECT_ERROR", {"40", "44{\"message\":\"no\"}"}, true},
    {"no type", {"40", "4"}, true},
    {"type 7", {"40", "47[\"x\"]"}, true},
    {"type that is no digit", {"40", "4abc"}, true},
    {"Engine.IO type", {"40", "abc"}, true},
    {"event without payload", {"40", "42"}, true},
    {"event with an object", {"40", "42{}"}, true},
    {"event with a string", {"40", "42\"x\""}, true},
    {"event without name", {"40", "42[]"}, true},
    {"event with a name that is null", {"40", "42[null]"}, true},
    {"event with a name that is an object", {"40", "42[{}]"}, true},
    {"event with a number as its name", {"40", "42[1,2]"}, false},
    {"event with broken JSON", {"40", "42[\"x\""}, true},
    {"reserved: connect", {"40", "42[\"connect\"]"}, true},
    {"reserved: connect_error", {"40", "42[\"connect_error\"]"}, true},
    {"reserved: disconnect", {"40", "42[\"disconnect\"]"}, true},
    {"reserved: disconnecting", {"40", "42[\"disconnecting\"]"}, true},
    {"reserved: newListener", {"40", "42[\"newListener\"]"}, true},
    {"reserved: removeListener", {"40", "42[\"removeListener\"]"}, true},
    {"reserved, but for a letter", {"40", "42[\"Connect\"]"}, false},
    {"ack that is no array", {"40", "431{}"}, true},
    {"ack that nobody asked for", {"40", "43999[1]"}, false},
    {"DISCONNECT with payload", {"40", "41{}"}, true},
    {"DISCONNECT", {"40", "41"}, false},
    {"text while attachments are due",
     {"40", "451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "42[\"x\"]"},
     true},
    {"attachments", {"40", "451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "<abc"}, false},
    {"one attachment more",
     {"40", "451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "<abc", "<def"},
     true},
    {"binary that nobody announced", {"40", "<abc"}, true},
    {"placeholder out of range", {"40", "451-[\"x\",{\"_placeholder\":true,\"num\":1}]"}, true},
    {"placeholder below zero", {"40", "451-[\"x\",{\"_placeholder\":true,\"num\":-1}]"}, true},
    {"ten attachments announced", {"40", "4510-[\"x\"]"}, false},
    {"eleven attachments announced", {"40", "4511-[\"x\"]"}, true},
    {"very many attachments announced", {"40", "4599999999999999999999-[\"x\"]"}, true},
    {"binary event without a count", {"40", "45[\"x\"]"}, true},
    {"binary event with a count but no dash", {"40", "451[\"x\"]"}, true},
};

static void says_message(size_t i, const char *text)
{
    struct mr_eio_packet p;

    if (text[0] == '<')
        mr__session_binary(sessions[i], mr_span_str(text + 1));
    else if (mr_eio_decode(mr_span_str(text), &p) == MR_OK)
        mr__session_packet(sessions[i], &p);
    else
        mr__session_bad(sessions[i], "packet"); /* as the transports do */
}

static void bad_packets_close_the_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
        const struct dialogue *d = &dialogues[i];
        struct mr_socket *other;
        size_t it;
        bool open;

        server_up(NULL);
        assert_int_equal(mr_on(&srv, "/", "x", quiet, NULL), MR_OK);
        assert_int_equal(mr_on(&srv, "/other", "x", quiet, NULL), MR_OK);
        other = comes("40");
        it = dial_in();
        for (size_t m = 0; m < MESSAGES_MAX && d->messages[m] != NULL; m++) {
            if (!mr__session_is_open(sessions[it]))
                fail_msg("%s: closed before message %zu", d->what, m);
            says_message(it, d->messages[m]);
        }
        open = mr__session_is_open(sessions[it]);
        if (open == d->bad || srv.stats.parse_errors != d->bad)
            fail_msg("%s: the connection is %s, %llu errors counted", d->what,
                     open ? "open" : "closed", (unsigned long long)srv.stats.parse_errors);
        assert_true(mr_socket_connected(other));
        mr__core_deinit(&srv);
    }
}

/* The server's own word that it is out may cross with what the client still sends. */
static void what_crosses_with_a_kick_is_dropped(void **state)
{
    struct mr_socket *s;

    (void)state;
    server_up(NULL);
    assert_int_equal(mr_on(&srv, "/other", "x", quiet, NULL), MR_OK);
    s = comes("40");
    says(0, "40/other,");
    mr_socket_disconnect(s, false);
    says(0, "42[\"x\"]");
    says(0, "431[]");
    says_message(0, "451-[\"x\",{\"_placeholder\":true,\"num\":0}]");
    says_message(0, "<abc");
    says(0, "41");
    assert_true(mr__session_is_open(sessions[0]));
    assert_int_equal(srv.stats.parse_errors, 0);
    mr__core_deinit(&srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_packets_close_the_connection),
        cmocka_unit_test(what_crosses_with_a_kick_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
