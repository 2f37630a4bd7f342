/* test_pipelines_state.c - the table of states, whole: every transition that is allowed, and what
 * every command asks of every state. */
#include "rows.h"

#include "pipelines/connect_client.h"
#include "pipelines/state.h"
#include <stdio.h>

/* clang-format off */
static const char *const allowed[] = {
    "NOT_STARTED>STARTING", "STARTING>RUNNING", "STARTING>STOPPING", "STARTING>STOPPED", "STARTING>ERROR",
    "RUNNING>STOPPING", "RUNNING>STOPPED", "RUNNING>PAUSED", "RUNNING>ERROR", "STOPPING>STOPPED", "STOPPING>ERROR",
    "STOPPED>STARTING", "PAUSED>RUNNING", "PAUSED>STOPPING", "PAUSED>ERROR", "ERROR>STARTING", "ERROR>STOPPING",
};

/* A pipeline of our own: the job and the state at once; "-": nothing to do; "409". */
static const struct order_row {
    const char *state, *start, *stop, *pause, *resume, *restart, *resync;
} orders[] = {
    {"NOT_STARTED", "start>STARTING",  "409",            "409",            "409",            "409",             "409"},
    {"STARTING",    "->STARTING",      "stop>STOPPING!", "409",            "409",            "409",             "409"},
    {"RUNNING",     "->RUNNING",       "stop>STOPPING!", "pause>RUNNING!", "->RUNNING",      "restart>RUNNING!", "resync>STOPPING!"},
    {"STOPPING",    "409",             "->STOPPING",     "409",            "409",            "409",             "409"},
    {"STOPPED",     "start>STARTING",  "->STOPPED",      "409",            "409",            "start>STARTING",  "resync>STOPPED"},
    {"PAUSED",      "resume>PAUSED!",  "stop>STOPPING!", "->PAUSED",       "resume>PAUSED!", "restart>PAUSED!", "resync>STOPPING!"},
    {"ERROR",       "start>STARTING!", "stop>STOPPING!", "409",            "409",            "start>STARTING!", "resync>STOPPING!"},
};
/* clang-format on */

static void test_transitions(void **state)
{
    size_t n = 0;

    (void)state;
    for (int from = 0; from < MR_PL_STATES; from++)
        for (int to = 0; to < MR_PL_STATES; to++) {
            char text[48];
            bool listed = false;

            (void)snprintf(text, sizeof(text), "%s>%s",
                           mr_pipeline_state_name((enum mr_pipeline_state)from),
                           mr_pipeline_state_name((enum mr_pipeline_state)to));
            for (size_t i = 0; i < LEN(allowed); i++)
                listed |= strcmp(allowed[i], text) == 0;
            if (mr_pipeline_may((enum mr_pipeline_state)from, (enum mr_pipeline_state)to) != listed)
                fail_msg("%s is %s", text, listed ? "forbidden" : "allowed");
            n += listed;
        }
    assert_int_equal(n, LEN(allowed));
}

static void check(const char *state, enum mr_pipeline_command cmd, const char *expected)
{
    struct mr_pipeline_order o = {0};
    enum mr_pipeline_state from;
    char text[48];

    assert_int_equal(mr_pipeline_state_parse(mr_span_str(state), &from), MR_OK);
    if (mr_pipeline_order(from, cmd, &o) != MR_OK)
        (void)snprintf(text, sizeof(text), "409");
    else
        (void)snprintf(text, sizeof(text), "%s>%s%s", o.job ? o.job : "-",
                       mr_pipeline_state_name(o.to), o.cancels ? "!" : "");
    assert_string_equal(text, expected);
    /* The state at once has to be one that the table allows. */
    if (o.job && o.to != from)
        assert_true(mr_pipeline_may(from, o.to));
}

static void test_orders(void **state)
{
    const struct order_row *row = *state;

    check(row->state, MR_PL_START, row->start);
    check(row->state, MR_PL_STOP, row->stop);
    check(row->state, MR_PL_PAUSE, row->pause);
    check(row->state, MR_PL_RESUME, row->resume);
    check(row->state, MR_PL_RESTART, row->restart);
    check(row->state, MR_PL_RESYNC, row->resync);
}

/* Every path of an external pipeline goes by allowed steps only. */
static void test_paths(void **state)
{
    (void)state;
    for (int from = 0; from < MR_PL_STATES; from++)
        for (int cmd = 0; cmd < MR_PL_COMMANDS; cmd++) {
            enum mr_pipeline_state path[2], at = (enum mr_pipeline_state)from;
            int n = mr_pipeline_path(at, (enum mr_pipeline_command)cmd, path);

            for (int i = 0; i < n; i++) {
                assert_true(mr_pipeline_may(at, path[i]));
                at = path[i];
            }
        }
}

/* ---- health is that of the worst task ----------------------------------------------------- */

struct health_row {
    const char *name, *json, *worst, *cause;
    int tasks, running, failed;
};

#define CONNECTOR(state) "{\"connector\":{\"state\":\"" state "\"},\"tasks\":["
/* clang-format off */
static const struct health_row healths[] = {
    {"all of it runs", CONNECTOR("RUNNING") "{\"state\":\"RUNNING\"}]}", "RUNNING", "", 1, 1, 0},
    {"a connector that runs with a task that failed", CONNECTOR("RUNNING") "{\"state\":\"RUNNING\"},{\"state\":\"FAILED\",\"trace\":\"Outer: x\\n\\tat y\\nCaused by: Inner: why\\n\\tat z\"}]}", "FAILED", "Inner: why", 2, 1, 1},
    {"no cause but the first line", CONNECTOR("RUNNING") "{\"state\":\"FAILED\",\"trace\":\"Only: this\\n\\tat y\"}]}", "FAILED", "Only: this", 1, 0, 1},
    {"the connector itself failed", "{\"connector\":{\"state\":\"FAILED\",\"trace\":\"Bad: config\"},\"tasks\":[]}", "FAILED", "Bad: config", 0, 0, 0},
    {"no task yet is not running", CONNECTOR("RUNNING") "]}", "UNASSIGNED", "", 0, 0, 0},
    {"stopped has no tasks", CONNECTOR("STOPPED") "]}", "STOPPED", "", 0, 0, 0},
    {"one is still paused", CONNECTOR("RUNNING") "{\"state\":\"PAUSED\"},{\"state\":\"RUNNING\"}]}", "PAUSED", "", 2, 1, 0},
    {"what is no status is no state", "{}", "", "", 0, 0, 0},
    {"a state of the wrong type", "{\"connector\":{\"state\":7},\"tasks\":{}}", "", "", 0, 0, 0},
};
/* clang-format on */

static void test_health(void **state)
{
    const struct health_row *row = *state;
    struct mr_connector_status s;

    mr_connector_status_read(mr_span_str(row->json), &s);
    assert_string_equal(s.worst, row->worst);
    assert_string_equal(s.cause, row->cause);
    assert_int_equal(s.tasks, row->tasks);
    assert_int_equal(s.running, row->running);
    assert_int_equal(s.failed, row->failed);
}

int main(void)
{
    static struct rows r;

    rows_add_one(&r, "exactly these transitions", test_transitions);
    rows_add(&r, orders, test_orders);
    rows_add_one(&r, "paths go by allowed steps", test_paths);
    rows_add(&r, healths, test_health);
    return rows_run("states of pipelines", &r);
}
