/* test_io_drain.c - leaving in order, figures in intervals, and time that a test owns. */
#include "io_room.h"

#include "io/polling.h"

static unsigned done, reports;
static struct mr_stats reported;
static char reasons[512];

static void on_done(void *ctx)
{
    (void)ctx;
    done++;
}

static void on_gone(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)s, (void)ctx;
    (void)snprintf(reasons, sizeof(reasons), "%s", reason);
}

static void on_report(const struct mr_stats *stats, void *ctx)
{
    (void)ctx;
    reports++;
    reported = *stats;
}

static int start(void **state)
{
    (void)state;
    done = reports = 0;
    server_up(NULL);
    assert_int_equal(mr_on_disconnect(&srv, "/", on_gone, NULL), MR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static void clients_leave_evenly_over_the_time(void **state)
{
    const struct mr_drain how = {
        .duration_ms = 1000, .event = "leaving", .args = MR_SPAN("\"soon\"")};

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_non_null(comes("40"));
    (void)hears(7);
    assert_int_equal(mr_server_draining(&srv), SIZE_MAX);
    assert_int_equal(mr_server_drain(&srv, &how, on_done, NULL), MR_OK);
    assert_int_equal(mr_server_drain(&srv, &how, on_done, NULL), MR_E_CONFLICT);
    assert_string_equal(hears(7), "42[\"leaving\",\"soon\"]");
    assert_int_equal(mr_server_draining(&srv), 100);
    for (int i = 1; i <= 9; i++) {
        for (int k = 0; k < 10; k++)
            passes(10);
        assert_in_range(mr_server_draining(&srv), 100 - (size_t)i * 10, 100 - (size_t)i * 10 + 10);
        assert_int_equal(done, 0);
    }
    for (int k = 0; k < 20; k++)
        passes(10);
    assert_int_equal(mr_server_draining(&srv), 0);
    assert_int_equal(done, 0); /* nobody has fetched what was left for him */
    for (int k = 0; k < 45; k++)
        passes(50);
    assert_int_equal(done, 1);
    assert_string_equal(reasons, "server shutting down");
}

static void nobody_new_comes_in_meanwhile(void **state)
{
    const struct mr_exchange ex = {.ops = &room_ops};

    (void)state;
    assert_non_null(comes("40"));
    assert_int_equal(mr_server_drain(&srv, &(struct mr_drain){.duration_ms = 500}, on_done, NULL),
                     MR_OK);
    assert_null(mr__session_new(&srv, &ex, MR_S_POLLING));
    assert_int_equal(srv.stats.refused, 1);
}

static void without_a_time_all_leave_at_once_and_with_nobody_it_is_done(void **state)
{
    (void)state;
    assert_int_equal(mr_server_drain(&srv, NULL, on_done, NULL), MR_OK);
    assert_int_equal(done, 0); /* never from inside the call */
    passes(1);
    assert_int_equal(done, 1);
    stop(NULL);
    start(NULL);
    for (int i = 0; i < 10; i++)
        assert_non_null(comes("40"));
    assert_int_equal(mr_server_drain(&srv, NULL, on_done, NULL), MR_OK);
    passes(1);
    assert_int_equal(mr_server_draining(&srv), 0);
    assert_int_equal(done, 0);
    for (int k = 0; k < 45; k++)
        passes(50);
    assert_int_equal(done, 1);
}

static void what_is_queued_is_fetched_before_it_is_done(void **state)
{
    struct mr_exchange get = {.ops = &room_ops};

    (void)state;
    assert_non_null(comes("40"));
    assert_int_equal(mr_server_drain(&srv, NULL, on_done, NULL), MR_OK);
    passes(1);
    assert_int_equal(sessions[0]->state, MR_S_CLOSING);
    passes(100);
    assert_int_equal(done, 0);
    get.session = sessions[0];
    sessions[0]->get = &get; /* the client comes for it */
    mr__polling_answer(sessions[0]);
    for (int k = 0; k < 4; k++)
        passes(50);
    assert_int_equal(done, 1);
}

static void a_drain_that_fails_changes_nothing(void **state)
{
    const struct mr_drain how = {.event = "disconnect"}; /* a reserved name */

    (void)state;
    assert_int_equal(mr_server_drain(&srv, &how, on_done, NULL), MR_E_INVAL);
    assert_int_equal(mr_server_draining(&srv), SIZE_MAX);
    assert_non_null(comes("40"));
    passes(5000);
    assert_int_equal(done, 0);
    assert_int_equal(mr_server_drain(&srv, NULL, on_done, NULL), MR_OK);
}

static void figures_come_in_intervals_with_traffic_by_transport(void **state)
{
    (void)state;
    assert_int_equal(mr_on_metrics(&srv, 1000, on_report, NULL), MR_OK);
    assert_non_null(comes("40"));
    (void)hears(0);
    says(0, "42[\"x\"]");
    passes(999);
    assert_int_equal(reports, 0);
    passes(1);
    assert_int_equal(reports, 1);
    assert_int_equal(reported.polling.packets_in, 2);
    assert_int_equal(reported.polling.bytes_in, 2 + 7);
    assert_int_equal(reported.polling.packets_out, 1);
    assert_int_equal(reported.websocket.packets_in, 0);
    passes(1000);
    assert_int_equal(reports, 2);
    assert_int_equal(mr_on_metrics(&srv, 0, NULL, NULL), MR_OK);
    passes(5000);
    assert_int_equal(reports, 2);
}

static uint64_t own_time(void *ctx)
{
    return *(uint64_t *)ctx;
}

static void a_server_lives_in_the_applications_time(void **state)
{
    uint64_t now = 5000;
    uv_loop_t loop;
    struct mr_server *s;
    const struct mr_options opt = {.clock_ms = own_time, .clock_ctx = &now};

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(mr_server_new(&s, &loop, &opt), MR_OK);
    assert_int_equal(mr_on_metrics(s, 60000, on_report, NULL), MR_OK);
    now += 59999;
    mr_server_tick(s);
    assert_int_equal(reports, 0);
    now += 1;
    mr_server_tick(s);
    assert_int_equal(reports, 1);
    mr_server_close(s, NULL, NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static char logged[512];

static void take_line(enum mr_severity severity, const char *line, size_t len, void *ctx)
{
    (void)ctx;
    assert_int_equal(severity, MR_SEVERITY_WARN);
    (void)snprintf(logged, sizeof(logged), "%.*s", (int)len, line);
}

static void the_log_goes_where_the_application_wants_it(void **state)
{
    struct mr_socket *s;

    (void)state;
    stop(NULL);
    mr_set_log(MR_SEVERITY_INFO, take_line, NULL);
    server_up(&(struct mr_options){.rooms_per_socket_max = 1});
    s = comes("40");
    assert_int_equal(mr_join(s, "a"), MR_OK);
    assert_int_equal(mr_join(s, "b"), MR_E_AGAIN);
    mr_set_log(MR_SEVERITY_INFO, NULL, NULL);
    assert_non_null(strstr(logged, "level=warn event=limit_reached"));
    assert_non_null(strstr(logged, "limit=rooms"));
    assert_non_null(strstr(logged, "max=1"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients_leave_evenly_over_the_time),
        TEST(nobody_new_comes_in_meanwhile),
        TEST(without_a_time_all_leave_at_once_and_with_nobody_it_is_done),
        TEST(what_is_queued_is_fetched_before_it_is_done),
        TEST(a_drain_that_fails_changes_nothing),
        TEST(figures_come_in_intervals_with_traffic_by_transport),
        TEST(a_server_lives_in_the_applications_time),
        TEST(the_log_goes_where_the_application_wants_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
