/* test_base_config.c - where a setting comes from, what it may be, and that a secret is never told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/log.h"
#include "proto/alloc.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

static struct mr_config cfg;
static struct mr_buf fault = MR_BUF_INIT(65536);

/* Load with these flags and variables (NULL ends each list). */
static int load(const char *const *flags, const char *const *env)
{
    int argc = 0;

    while (flags && flags[argc])
        argc++;
    mr_config_deinit(&cfg);
    mr_buf_clear(&fault);
    return mr_config_load(&cfg, argc, (char **)(uintptr_t)flags, (char **)(uintptr_t)env, &fault);
}

#define LIST(...)  ((const char *const[]){__VA_ARGS__, NULL})
#define FLAGS(...) load(LIST(__VA_ARGS__), NULL)
#define ENV(...)   load(NULL, LIST(__VA_ARGS__))
#define TOLD(what) assert_non_null(strstr(mr_buf_cstr(&fault), (what)))
#define UNTOLD(s)  assert_null(strstr(mr_buf_cstr(&fault), (s)))

static int clean(void **state)
{
    (void)state;
    mr_config_deinit(&cfg);
    mr_buf_free(&fault);
    return 0;
}

/* A file with this content; its name is valid until the next one. */
static char file_name[] = "/tmp/millrace-config-XXXXXX";

static const char *file_with(const char *text)
{
    int fd;

    memcpy(strchr(file_name, '-') + 8, "XXXXXX", 6);
    fd = mkstemp(file_name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    return file_name;
}

static void every_default_is_acceptable(void **state)
{
    (void)state;
    assert_int_equal(load(NULL, NULL), MR_OK);
    assert_string_equal(cfg.host, "127.0.0.1");
    assert_int_equal(cfg.port, 8000);
    assert_string_equal(cfg.auth, "required");
    assert_int_equal(cfg.log_level, MR_LOG_INFO);
    assert_int_equal(fault.len, 0);
}

static void a_later_source_wins(void **state)
{
    const char *file = file_with("MILLRACE_PORT=1001\nMILLRACE_WORKERS=11\nMILLRACE_DB_POOL=21\n");
    const char *const flags[] = {"--config", file, "--port=1003", NULL};

    (void)state;
    assert_int_equal(load(flags, LIST("MILLRACE_PORT=1002", "MILLRACE_WORKERS=12")), MR_OK);
    assert_int_equal(cfg.port, 1003);         /* flag over environment over file over default */
    assert_int_equal(cfg.workers, 12);        /* environment over file */
    assert_int_equal(cfg.db_pool, 21);        /* file over default */
    assert_int_equal(cfg.worker_queue, 1024); /* default */
    (void)unlink(file);
}

static void a_bad_value_that_is_overridden_stops_nothing(void **state)
{
    (void)state;
    assert_int_equal(load(LIST("--port", "9"), LIST("MILLRACE_PORT=many")), MR_OK);
    assert_int_equal(cfg.port, 9);
}

static void flags_are_the_fields_with_dashes_in_both_forms(void **state)
{
    (void)state;
    assert_int_equal(FLAGS("--kafka-brokers", "k1:9092,k2:9092", "--batch-ms=0"), MR_OK);
    assert_string_equal(cfg.kafka_brokers, "k1:9092,k2:9092");
    assert_int_equal(cfg.batch_ms, 0);
    assert_int_equal(FLAGS("--kafka-brokers="), MR_OK);
    assert_string_equal(cfg.kafka_brokers, "");
    assert_int_equal(FLAGS("--connect-url=http://h/?a=b"), MR_OK); /* only the first = divides */
    assert_string_equal(cfg.connect_url, "http://h/?a=b");
}

static void what_is_unknown_or_unfinished_is_named(void **state)
{
    const char *file;

    (void)state;
    assert_int_equal(FLAGS("--prot", "80"), MR_E_CONFIG);
    TOLD("--prot");
    assert_int_equal(FLAGS("--kafka_brokers=x"), MR_E_CONFIG); /* dashes, not underscores */
    assert_int_equal(FLAGS("--port"), MR_E_CONFIG);
    TOLD("--port needs a value");
    assert_int_equal(FLAGS("--host", "--port", "1"), MR_E_CONFIG);
    TOLD("--host needs a value");
    assert_int_equal(FLAGS("8000"), MR_E_CONFIG);
    TOLD("8000");
    assert_int_equal(FLAGS("--config=/nowhere/at/all"), MR_E_CONFIG);
    TOLD("/nowhere/at/all");
    file = file_with("\n# a comment\nMILLRACE_PROT=1\n");
    assert_int_equal(FLAGS("--config", file), MR_E_CONFIG);
    TOLD(":3: unknown setting \"MILLRACE_PROT\"");
    (void)unlink(file);
}

static void names_of_others_in_the_environment_are_left_alone(void **state)
{
    (void)state;
    assert_int_equal(ENV("MILLRACE_URL=http://x", "MILLRACE_BIN=/y", "HOME=/root", "odd"), MR_OK);
    assert_int_equal(ENV("MILLRACE_PORT="), MR_OK); /* set to nothing is unset */
    assert_int_equal(cfg.port, 8000);
}

static void a_file_may_have_comments_blanks_and_line_ends_of_windows(void **state)
{
    const char *file = file_with("# settings\r\n\r\n  MILLRACE_PORT=81  \r\nDB_PASSWORD=a=b # c");

    (void)state;
    assert_int_equal(FLAGS("--config", file), MR_OK);
    assert_int_equal(cfg.port, 81);
    assert_string_equal(cfg.db_password, "a=b # c"); /* taken as it is */
    (void)unlink(file);
}

/* Every number of the table: both bounds are in, one beyond each is out and names the setting. */
static void every_bound_holds(void **state)
{
    static const struct {
        const char *env, *type;
        int64_t min, max;
        size_t at;
    } rows[] = {
#define X(field, env, type, def, min, max, unit, reload, help)                                     \
    {env, #type, min, max, offsetof(struct mr_config, field)},
        MR_SETTINGS(X)
#undef X
    };
    int numbers = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[128];
        int64_t tries[4] = {rows[i].min, rows[i].max, rows[i].min - 1, rows[i].max + 1};

        if (strcmp(rows[i].type, "STR") == 0 || strcmp(rows[i].type, "SECRET") == 0 ||
            strcmp(rows[i].type, "BOOL") == 0 || strcmp(rows[i].type, "LEVEL") == 0)
            continue;
        numbers++;
        for (int k = 0; k < 4; k++) {
            (void)snprintf(text, sizeof(text), "%s=%lld", rows[i].env, (long long)tries[k]);
            if (ENV(text) != (k < 2 ? MR_OK : MR_E_CONFIG))
                fail_msg("%s", text);
            if (k < 2)
                assert_int_equal(*(int64_t *)((char *)&cfg + rows[i].at), tries[k]);
            else
                TOLD(rows[i].env);
        }
    }
    assert_true(numbers > 10);
}

static void every_length_holds(void **state)
{
    static const struct {
        const char *env, *type, *def;
        int64_t min, max;
    } rows[] = {
#define X(field, env, type, def, min, max, unit, reload, help) {env, #type, def, min, max},
        MR_SETTINGS(X)
#undef X
    };
    static char text[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int head;

        if (strcmp(rows[i].type, "STR") != 0 && strcmp(rows[i].type, "SECRET") != 0)
            continue;
        assert_true((int64_t)strlen(rows[i].def) >= rows[i].min);
        head = snprintf(text, sizeof(text), "%s=", rows[i].env);
        assert_true((size_t)head + (size_t)rows[i].max + 2 < sizeof(text));
        memset(text + head, 'q', (size_t)rows[i].max + 1);
        text[head + rows[i].max + 1] = '\0';
        if (ENV(text) != MR_E_CONFIG)
            fail_msg("%s may be too long", rows[i].env);
        TOLD(rows[i].env);
        TOLD("characters");
        if (strcmp(rows[i].type, "SECRET") == 0)
            UNTOLD("qqq");
    }
}

static void numbers_are_whole_and_decimal(void **state)
{
    static const char *const bad[] = {
        "MILLRACE_PORT=80a", "MILLRACE_PORT= 80", "MILLRACE_PORT=0x50",
        "MILLRACE_PORT=8e1", "MILLRACE_PORT=-1",  "MILLRACE_PORT=99999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (ENV(bad[i]) != MR_E_CONFIG)
            fail_msg("%s", bad[i]);
    TOLD("0 to 65535");
    TOLD("the environment");
}

static void levels_and_words_are_checked(void **state)
{
    (void)state;
    assert_int_equal(FLAGS("--log-level=WARN"), MR_OK);
    assert_int_equal(cfg.log_level, MR_LOG_WARN);
    assert_int_equal(FLAGS("--log-level=loud"), MR_E_CONFIG);
    TOLD("MILLRACE_LOG_LEVEL");
    assert_int_equal(FLAGS("--log-format=xml!"), MR_E_CONFIG);
    TOLD("MILLRACE_LOG_FORMAT");
    assert_int_equal(FLAGS("--roles=api,cook"), MR_E_CONFIG);
    TOLD("MILLRACE_ROLES");
    assert_int_equal(FLAGS("--roles=,"), MR_E_CONFIG);
    assert_int_equal(FLAGS("--roles", "api, logger"), MR_OK);
    assert_true(mr_config_has(cfg.roles, "logger"));
    assert_false(mr_config_has(cfg.roles, "log"));
    assert_false(mr_config_has(cfg.roles, "ingest"));
    assert_int_equal(FLAGS("--anonymous=ingest,feeds,metrics"), MR_OK);
    assert_int_equal(FLAGS("--anonymous=everything"), MR_E_CONFIG);
    TOLD("MILLRACE_ANONYMOUS");
    assert_int_equal(FLAGS("--auth=maybe"), MR_E_CONFIG);
    TOLD("MILLRACE_AUTH");
}

static void open_doors_are_for_loopback_only(void **state)
{
    (void)state;
    assert_int_equal(FLAGS("--auth=open"), MR_OK);
    assert_int_equal(FLAGS("--auth=open", "--host=::1"), MR_OK);
    assert_int_equal(FLAGS("--auth=open", "--host=127.9.9.9"), MR_OK);
    assert_int_equal(FLAGS("--auth=open", "--host=localhost"), MR_OK);
    assert_int_equal(FLAGS("--auth=open", "--host=0.0.0.0"), MR_E_CONFIG);
    TOLD("MILLRACE_HOST");
    assert_int_equal(FLAGS("--auth=open", "--host=::"), MR_E_CONFIG);
    assert_int_equal(FLAGS("--auth=open", "--host=127.0.0.1.example"), MR_E_CONFIG);
    assert_int_equal(FLAGS("--auth=required", "--host=0.0.0.0"), MR_OK);
}

/* What libpq makes of the url, so that the encoding is its own reading. */
static void pq_value(const char *keyword, const char *want)
{
    PQconninfoOption *all = PQconninfoParse(cfg.database_url, NULL);
    const char *got = NULL;

    assert_non_null(all);
    for (PQconninfoOption *o = all; o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            got = o->val;
    assert_non_null(got);
    assert_string_equal(got, want);
    PQconninfoFree(all);
}

static void a_database_url_is_made_of_its_parts(void **state)
{
    (void)state;
    assert_int_equal(load(NULL, NULL), MR_OK);
    assert_string_equal(cfg.database_url,
                        "postgresql://ingestor:ingestor_pass@localhost:5432/messages_db");
    assert_string_equal(cfg.redis_url, "redis://localhost:6379/0");
    assert_int_equal(ENV("DB_USER=o'neill@x", "DB_PASSWORD=p@ss:/?#[]% w\xc3\xb6rd=&+",
                         "DB_NAME=a/b?c", "DB_HOST=/var/run/pg", "DB_PORT=6543"),
                     MR_OK);
    pq_value("user", "o'neill@x");
    pq_value("password", "p@ss:/?#[]% w\xc3\xb6rd=&+");
    pq_value("dbname", "a/b?c");
    pq_value("host", "/var/run/pg");
    pq_value("port", "6543");
    assert_int_equal(ENV("DB_HOST=::1", "REDIS_HOST=::1"), MR_OK);
    pq_value("host", "::1");
    assert_string_equal(cfg.redis_url, "redis://[::1]:6379/0");
}

static void a_whole_url_wins_over_its_parts(void **state)
{
    (void)state;
    assert_int_equal(
        ENV("DATABASE_URL=postgres://u@h/d", "DB_HOST=other", "REDIS_URL=redis://r:1/2"), MR_OK);
    assert_string_equal(cfg.database_url, "postgres://u@h/d");
    assert_string_equal(cfg.redis_url, "redis://r:1/2");
    assert_int_equal(ENV("DATABASE_URL=host=/tmp dbname=x"), MR_OK);
    assert_int_equal(ENV("DATABASE_URL=postgresql+asyncpg://u:hunter2@h/d"), MR_E_CONFIG);
    TOLD("DATABASE_URL");
    UNTOLD("hunter2");
    assert_int_equal(ENV("DATABASE_URL=messages_db"), MR_E_CONFIG);
}

static void a_secret_is_never_told(void **state)
{
    const char *file = file_with("DB_PASSWORD hunter2\n");

    (void)state;
    assert_int_equal(FLAGS("--config", file), MR_E_CONFIG);
    TOLD(":1:");
    UNTOLD("hunter2");
    (void)unlink(file);
    assert_int_equal(FLAGS("--admin-pasword=hunter2"), MR_E_CONFIG);
    TOLD("--admin-pasword;");
    UNTOLD("hunter2");
}

static void each_form_prints_every_setting(void **state)
{
    static const char *const forms[] = {"text", "markdown", "env"};
    static const char *const names[] = {
#define X(field, env, type, def, min, max, unit, reload, help) env,
        MR_SETTINGS(X)
#undef X
    };

    (void)state;
    for (size_t f = 0; f < 3; f++) {
        struct mr_buf out = MR_BUF_INIT(1 << 20);

        mr_config_print(&out, forms[f]);
        assert_int_equal(mr_buf_err(&out), MR_OK);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
            if (!strstr(mr_buf_cstr(&out), names[i]))
                fail_msg("%s is not in the %s form", names[i], forms[f]);
        mr_buf_free(&out);
    }
}

/* Whichever allocation fails, the answer is an error, nothing is left behind, and cfg is empty. */
static void running_out_of_memory_is_an_error_like_any_other(void **state)
{
    unsigned long nth = 0;
    int rc = MR_E_NOMEM;

    (void)state;
    while (rc != MR_OK) {
        assert_true(++nth < 1000);
        mr_config_deinit(&cfg);
        mr_buf_free(&fault);
        mr_alloc_fail_nth(nth);
        rc = mr_config_load(&cfg, 0, NULL, (char **)(uintptr_t)LIST("MILLRACE_PORT=1"), &fault);
        mr_alloc_fail_nth(0);
        if (rc != MR_OK) {
            assert_int_equal(rc, MR_E_NOMEM);
            assert_null(cfg.host);
        }
    }
    assert_true(nth > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_acceptable),
        cmocka_unit_test(a_later_source_wins),
        cmocka_unit_test(a_bad_value_that_is_overridden_stops_nothing),
        cmocka_unit_test(flags_are_the_fields_with_dashes_in_both_forms),
        cmocka_unit_test(what_is_unknown_or_unfinished_is_named),
        cmocka_unit_test(names_of_others_in_the_environment_are_left_alone),
        cmocka_unit_test(a_file_may_have_comments_blanks_and_line_ends_of_windows),
        cmocka_unit_test(every_bound_holds),
        cmocka_unit_test(every_length_holds),
        cmocka_unit_test(numbers_are_whole_and_decimal),
        cmocka_unit_test(levels_and_words_are_checked),
        cmocka_unit_test(open_doors_are_for_loopback_only),
        cmocka_unit_test(a_database_url_is_made_of_its_parts),
        cmocka_unit_test(a_whole_url_wins_over_its_parts),
        cmocka_unit_test(a_secret_is_never_told),
        cmocka_unit_test(each_form_prints_every_setting),
        cmocka_unit_test(running_out_of_memory_is_an_error_like_any_other),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
