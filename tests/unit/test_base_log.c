/* test_base_log.c - a log line is one line of readable fields, whatever the values are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "proto/utf8.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE_BYTES_MAX 8192

/* What was written to stderr between begin and end. */
static struct {
    int file, kept;
    char text[LINE_BYTES_MAX * 40];
    size_t len;
} tap;

static void tap_begin(void)
{
    tap.file = memfd_create("log", MFD_CLOEXEC);
    tap.kept = dup(STDERR_FILENO);
    assert_true(tap.file >= 0 && tap.kept >= 0);
    assert_int_equal(fcntl(tap.file, F_SETFL, O_APPEND), 0); /* as a service's log file is opened */
    assert_int_equal(dup2(tap.file, STDERR_FILENO), STDERR_FILENO);
}

static const char *tap_end(void)
{
    ssize_t n = pread(tap.file, tap.text, sizeof(tap.text) - 1, 0);

    assert_int_equal(dup2(tap.kept, STDERR_FILENO), STDERR_FILENO);
    (void)close(tap.kept);
    (void)close(tap.file);
    assert_true(n >= 0);
    tap.len = (size_t)n;
    tap.text[n] = '\0';
    return tap.text;
}

/* One info line with one field, from its key on. */
static const char *field_of(bool json, struct mr_field f)
{
    const char *line, *at;

    mr_log_init(MR_LOG_INFO, json);
    tap_begin();
    LOG_INFO("value_shown", f);
    line = tap_end();
    at = strstr(line, json ? ",\"v\":" : " v=");
    assert_non_null(at);
    return at + 1;
}

#define ROW(name, raw, fmt, js)                                                                    \
    {                                                                                              \
        name, {raw, sizeof(raw) - 1}, "v=" fmt "\n", "\"v\":" js "}\n"                             \
    }

static void hostile_values_stay_inside_their_field(void **state)
{
    /* clang-format off */
    static const struct { const char *name; struct mr_span raw; const char *logfmt, *json; } rows[] = {
        ROW("a word is bare",          "room_1",          "room_1",               "\"room_1\""),
        ROW("empty",                   "",                "\"\"",                 "\"\""),
        ROW("a space",                 "a b",             "\"a b\"",              "\"a b\""),
        ROW("a forged field",          "x level=error",   "\"x level=error\"",    "\"x level=error\""),
        ROW("a forged line",           "x\nts=0 a=b",     "\"x\\nts=0 a=b\"",     "\"x\\nts=0 a=b\""),
        ROW("quotes and backslashes",  "\"\\\"",          "\"\\\"\\\\\\\"\"",     "\"\\\"\\\\\\\"\""),
        ROW("an equals sign",          "a=b",             "\"a=b\"",              "\"a=b\""),
        ROW("NUL is data",             "a\0b",            "\"a\\u0000b\"",        "\"a\\u0000b\""),
        ROW("tab and return",          "\t\r",            "\"\\t\\r\"",           "\"\\t\\r\""),
        ROW("a terminal's escape",     "\033[2J",         "\"\\u001b[2J\"",       "\"\\u001b[2J\""),
        ROW("the one-character CSI",   "\xc2\x9b" "2J",   "\"\\u009b2J\"",        "\"\\u009b2J\""),
        ROW("DEL",                     "\x7f",            "\"\\u007f\"",          "\"\\u007f\""),
        ROW("line separators",         "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"", "\"\\u2028\\u2029\""),
        ROW("other text as it is",     "\xc3\xa9\xe2\x80\xa7\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x80\xa7\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xe2\x80\xa7\xf0\x9f\x98\x80\""),
        ROW("a stray byte",            "a\xff" "b",       "\"a\\ufffdb\"",        "\"a\\ufffdb\""),
        ROW("a cut sequence",          "a\xe2\x80",       "\"a\\ufffd\\ufffd\"",  "\"a\\ufffd\\ufffd\""),
        ROW("an overlong slash",       "\xc0\xaf",        "\"\\ufffd\\ufffd\"",   "\"\\ufffd\\ufffd\""),
        ROW("a surrogate",             "\xed\xa0\x80",    "\"\\ufffd\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\\ufffd\""),
    }; /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        print_message("  %s\n", rows[i].name);
        assert_string_equal(field_of(false, F_SPAN("v", rows[i].raw)), rows[i].logfmt);
        assert_string_equal(field_of(true, F_SPAN("v", rows[i].raw)), rows[i].json);
    }
}

static void each_kind_of_value_has_its_form(void **state)
{
    (void)state;
    assert_string_equal(field_of(false, F_INT("v", INT64_MIN)), "v=-9223372036854775808\n");
    assert_string_equal(field_of(false, F_UINT("v", UINT64_MAX)), "v=18446744073709551615\n");
    assert_string_equal(field_of(false, F_DOUBLE("v", 0.25)), "v=0.25\n");
    assert_string_equal(field_of(false, F_BOOL("v", true)), "v=true\n");
    assert_string_equal(field_of(false, F_STR("v", NULL)), "v=\"\"\n");
    assert_string_equal(field_of(false, F_SECRET("v")), "v=***\n");
    assert_string_equal(field_of(true, F_SECRET("v")), "\"v\":\"***\"}\n");
    assert_string_equal(field_of(true, F_DOUBLE("v", 1.0 / 0.0)), "\"v\":null}\n");
    assert_string_equal(field_of(false, F_DOUBLE("v", 1.0 / 0.0)), "v=inf\n");
}

static void a_line_begins_with_time_level_event_and_thread(void **state)
{
    const char *line;
    int used = 0, year;

    (void)state;
    mr_log_init(MR_LOG_INFO, false);
    mr_log_thread("loop");
    tap_begin();
    LOG_INFO("room_joined");
    line = tap_end();
    mr_log_thread("main");
    assert_int_equal(sscanf(line, "ts=%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ%n", &year, &used), 1);
    assert_string_equal(line + used, " level=info event=room_joined thread=loop\n");
}

/* Long values of every alignment, so that the cut falls inside escapes and sequences as well. */
static void a_long_line_is_cut_visibly_and_stays_valid(void **state)
{
    static const char *const fill[] = {"x", "\xf0\x9f\x98\x80", "\n", "\xff", "\""};
    static char big[20000];

    (void)state;
    for (size_t f = 0; f < sizeof(fill) / sizeof(*fill); f++)
        for (size_t shift = 0; shift < 8; shift++) {
            size_t n = shift, unit = strlen(fill[f]);
            struct mr_span value;

            memset(big, 'a', sizeof(big));
            for (; n + unit < sizeof(big); n += unit)
                memcpy(big + n, fill[f], unit);
            for (int json = 0; json < 2; json++) {
                const char *line;

                mr_log_init(MR_LOG_INFO, json);
                tap_begin();
                LOG_INFO("big", F_INT("first", 1), F_SPAN("v", mr_span_of(big, n)),
                         F_INT("late", 2));
                line = tap_end();
                assert_true(tap.len <= LINE_BYTES_MAX && tap.len > LINE_BYTES_MAX - 64);
                assert_ptr_equal(strchr(line, '\n'), line + tap.len - 1);
                assert_non_null(strstr(line, json ? ",\"first\":1," : " first=1 "));
                assert_non_null(
                    strstr(line, json ? "\",\"truncated\":true}\n" : " truncated=true\n"));
                assert_null(strstr(line, "late"));
                assert_int_equal(mr_utf8_valid_len(mr_span_of(line, tap.len)), tap.len);
                if (json)
                    assert_int_equal(mr_json_check(mr_span_of(line, tap.len), &value), MR_OK);
            }
        }
}

static void a_number_is_never_cut(void **state)
{
    static char big[LINE_BYTES_MAX];
    size_t room = 0;

    (void)state;
    memset(big, 'a', sizeof(big));
    mr_log_init(MR_LOG_INFO, false);
    for (size_t n = LINE_BYTES_MAX - 256; n < LINE_BYTES_MAX; n++) {
        const char *line, *at;

        tap_begin();
        LOG_INFO("big", F_SPAN("v", mr_span_of(big, n)), F_INT("number", 1234567890));
        line = tap_end();
        at = strstr(line, " number=");
        if (at)
            assert_string_equal(at, " number=1234567890\n");
        else
            room++;
    }
    assert_true(room > 0); /* both cases were met */
}

static void a_repeating_warning_is_held_back_and_counted(void **state)
{
    uint64_t held = 99;

    (void)state;
    assert_true(mr_log_may_write("kafka_away", 1000, &held));
    assert_int_equal(held, 0);
    for (uint64_t ms = 1001; ms < 1006; ms++)
        assert_false(mr_log_may_write("kafka_away", ms, &held));
    assert_true(mr_log_may_write("postgres_away", 1006, &held)); /* another event is not held */
    assert_false(mr_log_may_write("kafka_away", 60999, &held));
    assert_true(mr_log_may_write("kafka_away", 61000, &held));
    assert_int_equal(held, 6);
    assert_false(mr_log_may_write("kafka_away", 61001, &held));
    assert_true(mr_log_may_write("kafka_away", 121000, &held));
    assert_int_equal(held, 1);
}

static void only_warnings_are_held_back_and_none_at_level_debug(void **state)
{
    const char *line;

    (void)state;
    mr_log_init(MR_LOG_INFO, false);
    tap_begin();
    for (int i = 0; i < 3; i++) {
        LOG_INFO("said_often");
        LOG_WARN("warned_often");
        LOG_DEBUG("never_said");
    }
    mr_log_init(MR_LOG_DEBUG, false);
    LOG_WARN("warned_often");
    LOG_DEBUG("said_now");
    line = tap_end();
    for (int i = 0; i < 3; i++) {
        line = strstr(line, "event=said_often");
        assert_non_null(line++);
    }
    line = tap.text;
    for (int i = 0; i < 2; i++) {
        line = strstr(line, "event=warned_often");
        assert_non_null(line++);
    }
    assert_null(strstr(line, "event=warned_often"));
    assert_null(strstr(tap.text, "never_said"));
    assert_non_null(strstr(tap.text, "said_now"));
}

static void *write_lines(void *arg)
{
    char wide[300];

    (void)arg;
    mr_log_thread("writer");
    memset(wide, 'w', sizeof(wide));
    for (int i = 0; i < 100; i++)
        LOG_INFO("written", F_SPAN("v", mr_span_of(wide, sizeof(wide))), F_INT("end", 7));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    pthread_t t[4];
    int lines = 0;

    (void)state;
    mr_log_init(MR_LOG_INFO, false);
    tap_begin();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    for (char *at = (char *)(uintptr_t)tap_end(), *end; *at; at = end + 1, lines++) {
        end = strchr(at, '\n');
        assert_non_null(end);
        assert_memory_equal(at, "ts=", 3);
        assert_memory_equal(end - 6, " end=7", 6);
        assert_int_equal(end - at, strlen("ts=2026-11-20T22:10:13.123456Z level=info event=written "
                                          "thread=writer v= end=7") +
                                       300);
    }
    assert_int_equal(lines, 400);
}

static void levels_are_read_in_any_case(void **state)
{
    enum mr_log_level l;

    (void)state;
    assert_true(mr_log_level_parse("WARN", &l));
    assert_int_equal(l, MR_LOG_WARN);
    assert_true(mr_log_level_parse("debug", &l));
    assert_int_equal(l, MR_LOG_DEBUG);
    assert_false(mr_log_level_parse("loud", &l));
    assert_false(mr_log_level_parse("", &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_values_stay_inside_their_field),
        cmocka_unit_test(each_kind_of_value_has_its_form),
        cmocka_unit_test(a_line_begins_with_time_level_event_and_thread),
        cmocka_unit_test(a_long_line_is_cut_visibly_and_stays_valid),
        cmocka_unit_test(a_number_is_never_cut),
        cmocka_unit_test(a_repeating_warning_is_held_back_and_counted),
        cmocka_unit_test(only_warnings_are_held_back_and_none_at_level_debug),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(levels_are_read_in_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
