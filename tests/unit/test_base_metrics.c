/* test_base_metrics.c - what GET /metrics says is what Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"

#include <pthread.h>

static const char *rendered(void)
{
    static struct mr_buf out = MR_BUF_INIT(1 << 20);

    mr_buf_clear(&out);
    mr_metrics_render(&out);
    assert_int_equal(mr_buf_err(&out), MR_OK);
    return mr_buf_cstr(&out);
}

/* Is line one whole line of text? */
static bool has_line(const char *text, const char *line)
{
    size_t n = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[n] == '\n')
            return true;
    return false;
}

static void counters_and_gauges_have_their_family_s_head_once(void **state)
{
    struct mr_metric *polling, *ws, *size;
    const char *text, *at;

    (void)state;
    polling = mr_metric_counter("t_sessions_total", "Sessions opened.", "transport=\"polling\"");
    size = mr_metric_gauge("t_queue_bytes", "Bytes waiting.", NULL);
    ws = mr_metric_counter("t_sessions_total", "Sessions opened.", "transport=\"websocket\"");
    mr_metric_add(polling, 3);
    mr_metric_add(polling, 1);
    mr_metric_add(ws, 18446744073709551615ULL);
    mr_metric_set(size, 0.1);
    text = rendered();
    assert_true(strstr(text, "# HELP t_sessions_total Sessions opened.\n"
                             "# TYPE t_sessions_total counter\n"
                             "t_sessions_total{transport=\"polling\"} 4\n"
                             "t_sessions_total{transport=\"websocket\"} 18446744073709551615\n"));
    assert_true(strstr(text, "# TYPE t_queue_bytes gauge\nt_queue_bytes 0.1\n"));
    at = strstr(text, "# TYPE t_sessions_total");
    assert_null(strstr(at + 1, "# TYPE t_sessions_total"));
}

static void the_same_name_and_labels_are_the_same_metric(void **state)
{
    struct mr_metric *a, *b;

    (void)state;
    a = mr_metric_counter("t_same_total", "Same.", "k=\"1\"");
    b = mr_metric_counter("t_same_total", "Same.", "k=\"1\"");
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, mr_metric_counter("t_same_total", "Same.", NULL));
}

static void values_that_are_no_numbers_are_spelt_as_prometheus_reads_them(void **state)
{
    struct mr_metric *g = mr_metric_gauge("t_odd", "Odd.", NULL);

    (void)state;
    mr_metric_set(g, 0.0 / 0.0);
    assert_true(has_line(rendered(), "t_odd NaN"));
    mr_metric_set(g, -1.0 / 0.0);
    assert_true(has_line(rendered(), "t_odd -Inf"));
    mr_metric_set(g, -12);
    assert_true(has_line(rendered(), "t_odd -12"));
}

static void a_histogram_is_cumulative_with_sum_and_count(void **state)
{
    struct mr_metric *h = mr_metric_histogram("t_seconds", "Time.", "route=\"/x\"");
    const char *text;

    (void)state;
    mr_metric_observe_us(h, 500); /* on a bound: inside it */
    mr_metric_observe_us(h, 501);
    mr_metric_observe_us(h, 10000001); /* over the last bound */
    text = rendered();
    assert_true(has_line(text, "t_seconds_bucket{route=\"/x\",le=\"0.0005\"} 1"));
    assert_true(has_line(text, "t_seconds_bucket{route=\"/x\",le=\"0.001\"} 2"));
    assert_true(has_line(text, "t_seconds_bucket{route=\"/x\",le=\"10\"} 2"));
    assert_true(has_line(text, "t_seconds_bucket{route=\"/x\",le=\"+Inf\"} 3"));
    assert_true(has_line(text, "t_seconds_sum{route=\"/x\"} 10.001002"));
    assert_true(has_line(text, "t_seconds_count{route=\"/x\"} 3"));
}

static void read_elsewhere(void *ctx)
{
    mr_metric_set(ctx, 42);
}

static void collectors_run_before_each_rendering(void **state)
{
    struct mr_metric *m = mr_metric_counter("t_elsewhere_total", "From elsewhere.", NULL);

    (void)state;
    mr_metrics_on_collect(read_elsewhere, m);
    assert_true(has_line(rendered(), "t_elsewhere_total 42"));
    assert_int_equal(mr_metric_value(m), 42);
}

static pthread_barrier_t all_there;

static void *add_many(void *m)
{
    (void)pthread_barrier_wait(&all_there);
    for (int i = 0; i < 1000000; i++)
        mr_metric_add(m, 1);
    return NULL;
}

static void no_update_is_lost_between_threads(void **state)
{
    struct mr_metric *m = mr_metric_counter("t_threads_total", "From threads.", NULL);
    pthread_t t[4];

    (void)state;
    assert_int_equal(pthread_barrier_init(&all_there, NULL, 4), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, add_many, m), 0);
    (void)rendered();
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(mr_metric_value(m), 4000000);
    pthread_barrier_destroy(&all_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_have_their_family_s_head_once),
        cmocka_unit_test(the_same_name_and_labels_are_the_same_metric),
        cmocka_unit_test(values_that_are_no_numbers_are_spelt_as_prometheus_reads_them),
        cmocka_unit_test(a_histogram_is_cumulative_with_sum_and_count),
        cmocka_unit_test(collectors_run_before_each_rendering),
        cmocka_unit_test(no_update_is_lost_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
