/* test_io_engine.c - Engine.IO by itself, on a path of its own beside Socket.IO: what its
 * application sees and what leaves, without a network and with a clock that the test turns. */
#include "rows.h"

#include "io/namespace.h"
#include "io/upgrade.h"

#include <stdio.h>

static struct mr_server srv;
static struct mr_engine *engine;
static uint64_t clock_ms;
static struct mr_exchange get, post;
static struct mr_ws_port port;
static char answer[4096], extra[512], sent[4096],
    seen[4096]; /* by the client; by the application */
static int status, close_status;
static bool close_on_open, echo;
static struct mr_engine_client *last;

static uint64_t test_clock(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static void take_reply(struct mr_exchange *ex, const struct mr_reply *reply)
{
    (void)ex;
    status = reply->status;
    (void)snprintf(extra, sizeof(extra), "%s", reply->extra ? reply->extra : "");
    (void)snprintf(answer, sizeof(answer), MR_SPAN_FMT, MR_SPAN_ARG(reply->body));
}

static struct mr_span give_header(const struct mr_exchange *ex, const char *name)
{
    (void)ex;
    return strcmp(name, "user-agent") == 0 ? MR_SPAN("unit") : MR_SPAN_NONE;
}

static const char *give_addr(const struct mr_exchange *ex)
{
    (void)ex;
    return "192.0.2.7";
}

static const struct mr_exchange_ops exchange_ops = {
    .reply = take_reply, .header = give_header, .addr = give_addr};

static void take_frames(struct mr_ws_port *p)
{
    while (p->q.n > 0) {
        struct mr_frame *f = mr__outq_at(&p->q, 0);
        size_t bytes = mr_frame_bytes(f), n = strlen(sent);

        (void)snprintf(sent + n, sizeof(sent) - n, "%s" MR_SPAN_FMT "|",
                       f->opcode == MR_WS_BINARY ? "b:" : "", MR_SPAN_ARG(mr__frame_payload(f)));
        mr__outq_pop(&p->q);
        if (p->session != NULL && p->session->ws == p)
            mr__session_sent(p->session, 1, bytes);
    }
}

static void take_close(struct mr_ws_port *p, int code)
{
    take_frames(p);
    close_status = code;
}

static void take_kill(struct mr_ws_port *p)
{
    mr__outq_clear(&p->q);
    close_status = -1;
}

static const struct mr_ws_port_ops port_ops = {take_frames, take_close, take_kill};

/* ---- the application ----------------------------------------------------------------------- */

static void saw(const char *what, struct mr_span data)
{
    size_t n = strlen(seen);

    (void)snprintf(seen + n, sizeof(seen) - n, "%s " MR_SPAN_FMT "|", what, MR_SPAN_ARG(data));
}

static void app_open(struct mr_engine_client *c, void *ctx)
{
    assert_ptr_equal(ctx, &srv);
    last = c;
    saw("open", mr_span_str(mr_engine_client_transport(c)));
    if (close_on_open)
        mr_engine_close(c);
}

static void app_message(struct mr_engine_client *c, struct mr_span data, bool binary, void *ctx)
{
    (void)ctx;
    saw(binary ? "binary" : "text", data);
    if (!echo)
        return;
    if (binary)
        assert_int_equal(mr_engine_send_binary(c, data), MR_OK);
    else
        assert_int_equal(mr_engine_send(c, data), MR_OK);
}

static void app_close(struct mr_engine_client *c, const char *reason, void *ctx)
{
    (void)ctx;
    saw("close", mr_span_str(reason));
    mr_engine_close(c); /* once more: nothing */
}

static void app_drain(struct mr_engine_client *c, void *ctx)
{
    (void)ctx;
    assert_false(mr_engine_client_congested(c));
    saw("drain", MR_SPAN_NONE);
}

static void app_error(struct mr_engine *e, int code, const char *message, const char *addr,
                      void *ctx)
{
    (void)ctx;
    assert_ptr_equal(e, engine);
    assert_int_equal(code >= 0 && code <= 5, 1);
    assert_string_equal(addr, "192.0.2.7");
    saw("error", mr_span_str(message));
}

static const struct mr_engine_handlers handlers = {app_open, app_message, app_close, app_drain,
                                                   app_error};

/* ---- helpers ------------------------------------------------------------------------------- */

static void up(const struct mr_engine_options *opt)
{
    const struct mr_options all = {.high_water_bytes = 1000, .low_water_bytes = 100};

    answer[0] = sent[0] = seen[0] = '\0';
    close_on_open = false;
    echo = true;
    clock_ms = 1000;
    last = NULL;
    close_status = 0;
    assert_int_equal(mr__core_init(&srv, &all), MR_OK);
    srv.clock_ms = test_clock;
    assert_int_equal(mr_engine_new(&engine, &srv, opt, &handlers, &srv), MR_OK);
}

static void turn(void)
{
    while (!mr__turn_end(&srv))
        ;
}

static void pass(uint64_t ms)
{
    clock_ms += ms;
    mr__timers_run(&srv.timers, clock_ms);
    turn();
}

/* What has been noted, and begin anew. */
static void noted(char *what, const char *want)
{
    assert_string_equal(what, want);
    what[0] = '\0';
}

static bool request(struct mr_engine *e, struct mr_exchange *ex, const char *method,
                    const char *query)
{
    bool more;

    *ex = (struct mr_exchange){.ops = &exchange_ops, .engine = e};
    status = 0;
    answer[0] = '\0';
    more = mr__polling_request(&srv, ex, method, mr_span_str(query));
    turn();
    return more;
}

static const char *with_sid(void)
{
    static char query[128];

    (void)snprintf(query, sizeof(query), "EIO=4&transport=polling&sid=%s",
                   mr_engine_client_id(last));
    return query;
}

static void say(const char *body)
{
    assert_true(request(engine, &post, "POST", with_sid()));
    mr__polling_body(&srv, &post, mr_span_str(body));
    turn();
}

static void down(void)
{
    mr__core_deinit(&srv);
    mr__outq_clear(&port.q);
}

static void open_ws(const char *query)
{
    struct mr_exchange ex = {.ops = &exchange_ops, .engine = engine};
    struct mr_session *s;

    port = (struct mr_ws_port){.ops = &port_ops};
    assert_int_equal(mr__upgrade_verify(&srv, &ex, "GET", mr_span_str(query), &s), MR_EIO_OK);
    assert_int_equal(mr__ws_opened(&srv, &port, &ex, s), MR_OK);
    turn();
}

/* ---- tests --------------------------------------------------------------------------------- */

static void messages_go_both_ways_over_polling(void **state)
{
    (void)state;
    up(NULL);
    assert_false(request(engine, &get, "GET", "EIO=4&transport=polling&token=x%20y"));
    assert_int_equal(status, 200);
    assert_int_equal(answer[0], '0');
    noted(seen, "open polling|");
    assert_true(mr_span_is(mr_engine_client_query(last), "EIO=4&transport=polling&token=x%20y"));
    assert_true(mr_span_is(mr_engine_client_header(last, "user-agent"), "unit"));
    assert_string_equal(mr_engine_client_addr(last), "192.0.2.7");
    say("4hello\x1e"
        "bAQID");
    assert_string_equal(answer, "ok");
    noted(seen, "text hello|binary \x01\x02\x03|");
    assert_int_equal(mr_engine_client_buffered(last) > 0, 1);
    (void)request(engine, &get, "GET", with_sid());
    assert_string_equal(answer, "4hello\x1e"
                                "bAQID");
    assert_int_equal(mr_engine_client_buffered(last), 0);
    down();
    noted(seen, "close server shutting down|");
}

static void and_over_a_websocket(void **state)
{
    (void)state;
    up(&(struct mr_engine_options){.initial_packet = MR_SPAN("welcome")});
    open_ws("EIO=4&transport=websocket");
    assert_int_equal(sent[0], '0');
    assert_non_null(strstr(sent, "}|4welcome|"));
    noted(seen, "open websocket|");
    assert_int_equal(mr_engine_client_query(last).len, 0); /* nothing but Engine.IO's own */
    sent[0] = '\0';
    mr__ws_message(&port, MR_WS_TEXT, MR_SPAN("4hi"));
    mr__ws_message(&port, MR_WS_BINARY, MR_SPAN("raw"));
    turn();
    noted(sent, "4hi|b:raw|");
    noted(seen, "text hi|binary raw|");
    mr__ws_message(&port, MR_WS_TEXT, MR_SPAN("1")); /* the client says good-bye */
    turn();
    noted(seen, "close transport close|");
    assert_int_equal(close_status, 1000);
    down();
}

static void the_first_message_waits_for_the_first_get(void **state)
{
    (void)state;
    up(&(struct mr_engine_options){.initial_packet = MR_SPAN("welcome")});
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_null(strstr(answer, "welcome"));
    (void)request(engine, &get, "GET", with_sid());
    assert_string_equal(answer, "4welcome");
    down();
}

static void an_engine_has_its_own_beat(void **state)
{
    (void)state;
    up(&(struct mr_engine_options){
        .ping_interval_ms = 300, .ping_timeout_ms = 200, .body_bytes_max = 77});
    open_ws("EIO=4&transport=websocket");
    assert_non_null(strstr(sent, "\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":77}"));
    sent[0] = '\0';
    pass(299);
    noted(sent, "");
    pass(1);
    noted(sent, "2|");
    pass(199);
    noted(seen, "open websocket|");
    pass(1);
    noted(seen, "close ping timeout|");
    down();
}

static void nobody_has_to_connect_to_anything(void **state)
{
    (void)state;
    up(&(struct mr_engine_options){.ping_interval_ms = 100000});
    open_ws("EIO=4&transport=websocket");
    pass(50000); /* longer than connect_timeout_ms */
    noted(seen, "open websocket|");
    down();
}

static void a_session_is_known_on_its_own_path_only(void **state)
{
    (void)state;
    up(NULL);
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    (void)request(srv.engines, &get, "GET", with_sid());
    assert_int_equal(status, 400);
    assert_string_equal(answer, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    (void)request(engine, &get, "GET", with_sid());
    assert_int_equal(status, 0); /* held */
    down();
}

static void who_is_closed_while_opening_is_told(void **state)
{
    (void)state;
    up(NULL);
    close_on_open = true;
    open_ws("EIO=4&transport=websocket");
    noted(seen, "open websocket|close forced close|");
    assert_int_equal(close_status, 1000);
    assert_int_equal(srv.stats.sessions, 0);
    down();
}

static void a_handle_may_outlive_its_session(void **state)
{
    (void)state;
    up(NULL);
    open_ws("EIO=4&transport=websocket");
    mr_engine_client_ref(last);
    mr__ws_gone(&port, "transport close");
    turn();
    noted(seen, "open websocket|close transport close|");
    assert_false(mr_engine_client_open(last));
    assert_int_equal(mr_engine_send(last, MR_SPAN("late")), MR_E_CLOSED);
    assert_string_equal(mr_engine_client_transport(last), "");
    down();
    assert_string_equal(mr_engine_client_addr(last), "192.0.2.7");
    mr_engine_client_unref(last);
}

static void text_that_is_none_is_refused(void **state)
{
    (void)state;
    up(NULL);
    open_ws("EIO=4&transport=websocket");
    assert_int_equal(mr_engine_send(last, MR_SPAN("\xff")), MR_E_INVAL);
    down();
}

static void a_full_queue_drains_with_a_callback(void **state)
{
    char big[2000];

    (void)state;
    up(NULL);
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    seen[0] = '\0';
    memset(big, 'x', sizeof(big));
    assert_int_equal(mr_engine_send(last, mr_span_of(big, sizeof(big))), MR_OK);
    assert_true(mr_engine_client_congested(last));
    (void)request(engine, &get, "GET", with_sid());
    noted(seen, "drain |");
    down();
}

static void an_answer_has_so_many_packets(void **state)
{
    (void)state;
    up(&(struct mr_engine_options){.poll_packets_max = 2});
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    for (const char *text = "abc"; *text != '\0'; text++)
        assert_int_equal(mr_engine_send(last, mr_span_of(text, 1)), MR_OK);
    (void)request(engine, &get, "GET", with_sid());
    assert_string_equal(answer, "4a\x1e"
                                "4b");
    (void)request(engine, &get, "GET", with_sid());
    assert_string_equal(answer, "4c");
    down();
}

static void transports_and_upgrades_are_a_choice(void **state)
{
    struct mr_exchange ex = {.ops = &exchange_ops};
    struct mr_session *s;
    char query[128];

    (void)state;
    up(&(struct mr_engine_options){.transports = MR_TRANSPORT_WEBSOCKET});
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_string_equal(answer, "{\"code\":0,\"message\":\"Transport unknown\"}");
    noted(seen, "error Transport unknown|");
    down();

    up(&(struct mr_engine_options){.no_upgrades = true});
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_non_null(strstr(answer, "\"upgrades\":[]"));
    (void)snprintf(query, sizeof(query), "EIO=4&transport=websocket&sid=%s",
                   mr_engine_client_id(last));
    ex.engine = engine;
    assert_int_equal(mr__upgrade_verify(&srv, &ex, "GET", mr_span_str(query), &s),
                     MR_EIO_BAD_REQUEST);
    down();
}

static void paths_are_told_apart(void **state)
{
    struct mr_engine *other;

    (void)state;
    up(NULL);
    assert_ptr_equal(mr__engine_at(&srv, MR_SPAN("/engine.io/")), engine);
    assert_ptr_equal(mr__engine_at(&srv, MR_SPAN("/engine.io")), engine);
    assert_ptr_equal(mr__engine_at(&srv, MR_SPAN("/socket.io/x")), srv.engines);
    assert_null(mr__engine_at(&srv, MR_SPAN("/engine.iox")));
    assert_int_equal(mr_engine_new(&other, &srv, NULL, &handlers, NULL), MR_E_CONFLICT);
    assert_int_equal(
        mr_engine_new(&other, &srv, &(struct mr_engine_options){.path = "x"}, &handlers, NULL),
        MR_E_INVAL);
    assert_int_equal(mr_engine_new(&other, &srv,
                                   &(struct mr_engine_options){.path = "/engine.io/b/"}, &handlers,
                                   NULL),
                     MR_OK);
    assert_ptr_equal(mr__engine_at(&srv, MR_SPAN("/engine.io/b/")), other);
    assert_ptr_equal(mr__engine_at(&srv, MR_SPAN("/engine.io/")), engine);
    down();
}

static int gate(const struct mr_request *req, const char **message, void *ctx)
{
    (void)ctx;
    assert_string_equal(mr_request_addr(req), "192.0.2.7");
    if (mr_span_is(mr_request_query(req), "EIO=4&transport=polling&ticket=1") ||
        mr_span_is(mr_request_header(req, "user-agent"), "welcome"))
        return MR_OK;
    if (mr_span_starts(mr_request_query(req), MR_SPAN("quiet")))
        return MR_E_FORBIDDEN;
    *message = "no \"ticket\"";
    return MR_E_AUTH;
}

static void the_application_may_refuse_a_handshake(void **state)
{
    struct mr_exchange ex = {.ops = &exchange_ops};
    struct mr_session *s;

    (void)state;
    up(NULL);
    mr_engine_allow_request(engine, gate, NULL);
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_int_equal(status, 403);
    assert_string_equal(answer, "{\"code\":4,\"message\":\"no \\\"ticket\\\"\"}");
    noted(seen, "error no \"ticket\"|");
    (void)request(engine, &get, "GET", "quiet&EIO=4&transport=polling");
    assert_string_equal(answer, "{\"code\":4,\"message\":\"Forbidden\"}");
    (void)request(engine, &get, "GET", "EIO=3&transport=polling"); /* asked before the version */
    assert_int_equal(status, 403);
    (void)request(engine, &get, "POST", "EIO=4&transport=polling"); /* and after the method */
    assert_string_equal(answer, "{\"code\":2,\"message\":\"Bad handshake method\"}");
    ex.engine = engine;
    assert_int_equal(mr__upgrade_verify(&srv, &ex, "GET", MR_SPAN("EIO=4&transport=websocket"), &s),
                     MR_EIO_FORBIDDEN);
    assert_string_equal(mr__eio_refusal(&ex, MR_EIO_FORBIDDEN), "no \"ticket\"");
    assert_int_equal(srv.stats.sessions_total, 0);
    (void)request(engine, &get, "GET", "EIO=4&transport=polling&ticket=1");
    assert_int_equal(status, 200);
    (void)request(engine, &get, "GET", with_sid()); /* who is in is not asked again */
    assert_int_equal(status, 0);
    down();
}

static void the_first_reply_over_polling_sets_the_cookie(void **state)
{
    char want[256];

    (void)state;
    up(&(struct mr_engine_options){.cookie = {.name = "io"}});
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    (void)snprintf(want, sizeof(want), "Set-Cookie: io=%s; Path=/; HttpOnly; SameSite=Lax\r\n",
                   mr_engine_client_id(last));
    assert_string_equal(extra, want);
    assert_int_equal(mr_engine_send(last, MR_SPAN("x")), MR_OK);
    (void)request(engine, &get, "GET", with_sid());
    assert_string_equal(extra, "");
    down();

    up(&(struct mr_engine_options){.cookie = {.name = "n",
                                              .path = "/p",
                                              .same_site = "None",
                                              .secure = true,
                                              .script_readable = true,
                                              .max_age_s = 60}});
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_non_null(strstr(extra, "; Max-Age=60; Path=/p; Secure; SameSite=None\r\n"));
    down();
}

static void a_cookie_cannot_break_its_line(void **state)
{
    static const struct mr_cookie bad[] = {{.name = ""},
                                           {.name = "a;b"},
                                           {.name = "a\r\nX: y"},
                                           {.name = "a", .path = "/;x"},
                                           {.name = "a", .path = "/\n"},
                                           {.name = "a", .same_site = "Maybe"},
                                           {.name = "a", .same_site = "None"}};
    struct mr_engine *other;

    (void)state;
    up(NULL);
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(mr_engine_new(&other, &srv,
                                       &(struct mr_engine_options){.path = "/x/", .cookie = bad[i]},
                                       &handlers, NULL),
                         MR_E_INVAL);
    down();
}

/* Three clients over polling that never ask: the one with most waiting for it goes, and enough. */
static void together_queues_have_a_ceiling(void **state)
{
    struct mr_engine_client *clients[3];
    char big[4000];

    (void)state;
    up(NULL);
    srv.opt.queue_total_bytes_max = 10000;
    memset(big, 'x', sizeof(big));
    for (size_t i = 0; i < 3; i++) {
        (void)request(engine, &get, "GET", "EIO=4&transport=polling");
        clients[i] = mr_engine_client_ref(last);
    }
    seen[0] = '\0';
    assert_int_equal(mr_engine_send(clients[0], mr_span_of(big, 1000)), MR_OK);
    assert_int_equal(mr_engine_send(clients[1], mr_span_of(big, 4000)), MR_OK);
    assert_int_equal(mr_engine_send(clients[1], mr_span_of(big, 3900)), MR_OK);
    turn();
    noted(seen, "");
    assert_int_equal(mr_engine_send(clients[2], mr_span_of(big, 1500)), MR_OK);
    pass(100);
    noted(seen, "close slow consumer|");
    assert_false(mr_engine_client_open(clients[1]));
    assert_true(mr_engine_client_open(clients[0]) && mr_engine_client_open(clients[2]));
    assert_int_equal(srv.stats.shed, 1);
    assert_true(srv.stats.queued_bytes < 3000);
    for (size_t i = 0; i < 3; i++)
        mr_engine_client_unref(clients[i]);
    down();
}

static void note_limit(enum mr_limit limit, const char *addr, uint64_t max, void *ctx)
{
    (void)ctx;
    assert_int_equal(limit, MR_LIMIT_SESSIONS_PER_ADDR);
    assert_int_equal(max, 2);
    saw("limit", mr_span_str(addr));
}

static void an_address_has_so_many_sessions(void **state)
{
    struct mr_exchange ex = {.ops = &exchange_ops};
    struct mr_session *s;
    const char *query;

    (void)state;
    up(NULL);
    srv.opt.sessions_per_addr_max = 2;
    mr_on_limit(&srv, note_limit, NULL);
    for (int i = 0; i < 2; i++)
        (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    seen[0] = '\0';
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_int_equal(status, 503);
    noted(seen, "limit 192.0.2.7|error Server is full|");
    ex.engine = engine;
    assert_int_equal(mr__upgrade_verify(&srv, &ex, "GET", MR_SPAN("EIO=4&transport=websocket"), &s),
                     MR_EIO_FULL);
    assert_int_equal(srv.stats.refused, 2);
    query = with_sid(); /* while there is one */
    mr_engine_close(last);
    (void)request(engine, &get, "GET", query); /* hears of it */
    (void)request(engine, &get, "GET", "EIO=4&transport=polling");
    assert_int_equal(status, 200); /* there is room again */
    down();
    assert_int_equal(srv.peers.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways_over_polling),
        cmocka_unit_test(and_over_a_websocket),
        cmocka_unit_test(the_first_message_waits_for_the_first_get),
        cmocka_unit_test(an_engine_has_its_own_beat),
        cmocka_unit_test(nobody_has_to_connect_to_anything),
        cmocka_unit_test(a_session_is_known_on_its_own_path_only),
        cmocka_unit_test(who_is_closed_while_opening_is_told),
        cmocka_unit_test(a_handle_may_outlive_its_session),
        cmocka_unit_test(text_that_is_none_is_refused),
        cmocka_unit_test(a_full_queue_drains_with_a_callback),
        cmocka_unit_test(an_answer_has_so_many_packets),
        cmocka_unit_test(transports_and_upgrades_are_a_choice),
        cmocka_unit_test(paths_are_told_apart),
        cmocka_unit_test(the_application_may_refuse_a_handshake),
        cmocka_unit_test(the_first_reply_over_polling_sets_the_cookie),
        cmocka_unit_test(a_cookie_cannot_break_its_line),
        cmocka_unit_test(together_queues_have_a_ceiling),
        cmocka_unit_test(an_address_has_so_many_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
