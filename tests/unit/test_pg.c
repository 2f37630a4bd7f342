/* test_pg.c - connections that are lent, lost and replaced, statements that fail, and how long each
 * may take, against a server that does what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "fake_pg.h"
#include "store/pg.h"

static struct fake_pg fake;
static char url[128];
static struct mr_pg_pool *pool;

static struct mr_pg_options options(size_t connections, int64_t statement_ms)
{
    (void)snprintf(url, sizeof(url), "postgresql://u@127.0.0.1:%d/d?sslmode=disable", fake.port);
    return (struct mr_pg_options){.url = url,
                                  .application = "test",
                                  .connections_max = connections,
                                  .connect_timeout_ms = 300,
                                  .statement_timeout_ms = statement_ms};
}

static int set_up(void **state)
{
    struct mr_pg_options opt;

    (void)state;
    fake_start(&fake);
    opt = options(2, 0);
    return mr_pg_pool_new(&pool, &opt);
}

static int tear_down(void **state)
{
    (void)state;
    mr_pg_pool_free(pool);
    fake_stop(&fake);
    return 0;
}

static struct mr_pg *lent(void)
{
    struct mr_pg *c = NULL;

    assert_int_equal(mr_pg_acquire(pool, 1000, &c), MR_OK);
    return c;
}

static void a_connection_is_used_again(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct mr_pg *c = lent();

        assert_int_equal(mr_pg_run(c, "UPDATE t"), MR_OK);
        mr_pg_release(pool, c);
    }
    assert_int_equal(fake_get(&fake, &fake.accepted), 1);
}

static void when_all_are_busy_the_wait_ends_in_time(void **state)
{
    struct mr_pg *a = lent(), *b = lent(), *none;
    uint64_t before = mr_mono_ms();

    (void)state;
    assert_int_equal(mr_pg_acquire(pool, 50, &none), MR_E_AGAIN);
    assert_in_range(mr_mono_ms() - before, 50, 1000);
    assert_int_equal(mr_pg_acquire(pool, 0, &none), MR_E_AGAIN);
    mr_pg_release(pool, a);
    mr_pg_release(pool, b);
}

static void *release_it(void *c)
{
    mr_pg_release(pool, c);
    return NULL;
}

static void whoever_waits_gets_the_one_that_is_given_back(void **state)
{
    struct mr_pg *a = lent(), *b = lent(), *c;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, release_it, b), 0);
    assert_int_equal(mr_pg_acquire(pool, 10000, &c), MR_OK);
    assert_ptr_equal(c, b);
    pthread_join(t, NULL);
    mr_pg_release(pool, a);
    mr_pg_release(pool, c);
}

/* A restart of the server: with its farewell (a fast shutdown), without (it was killed). */
static void a_connection_that_died_idle_is_replaced_unnoticed(void **state)
{
    static const char how[] = {'f', 'c'};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mr_pg *a = lent(), *b = lent();

        mr_pg_release(pool, a);
        mr_pg_release(pool, b);
        fake_do(&fake, how[i]);
        a = lent();
        assert_int_equal(mr_pg_run(a, "UPDATE t"), MR_OK);
        b = lent();
        assert_int_equal(mr_pg_run(b, "UPDATE t"), MR_OK);
        mr_pg_release(pool, a);
        mr_pg_release(pool, b);
    }
}

static void a_connection_that_broke_or_is_in_a_transaction_does_not_come_back(void **state)
{
    static const char *const ways[] = {"DIE", "BEGIN"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mr_pg *c = lent();
        size_t before = fake_get(&fake, &fake.accepted);

        assert_int_equal(mr_pg_run(c, ways[i]), i == 0 ? MR_E_DB : MR_OK);
        mr_pg_release(pool, c);
        c = lent();
        assert_int_equal(mr_pg_run(c, "UPDATE t"), MR_OK);
        assert_int_equal(fake_get(&fake, &fake.accepted), before + 1);
        mr_pg_release(pool, c);
    }
    mr_pg_release(pool, NULL);
}

static void a_server_that_is_away_is_told_at_once_and_asked_again_later(void **state)
{
    struct mr_pg *c;
    uint64_t before;

    (void)state;
    fake_do(&fake, 'r');
    before = mr_mono_ms();
    assert_int_equal(mr_pg_acquire(pool, 5000, &c), MR_E_DB);
    for (int i = 0; i < 1000; i++) /* not one of them tries */
        assert_int_equal(mr_pg_acquire(pool, 5000, &c), MR_E_DB);
    assert_true(mr_mono_ms() - before < 450);
}

static void one_attempt_every_half_second_finds_out(void **state)
{
    struct mr_pg *c = NULL;
    uint64_t since, until = mr_mono_ms() + 5000;
    size_t tries;

    (void)state;
    FAKE_SET(&fake, silent, true);
    assert_int_equal(mr_pg_acquire(pool, 0, &c), MR_E_DB);
    since = mr_mono_ms();
    tries = fake_get(&fake, &fake.accepted);
    while (mr_mono_ms() - since < 400)
        assert_int_equal(mr_pg_acquire(pool, 0, &c), MR_E_DB);
    assert_int_equal(fake_get(&fake, &fake.accepted), tries); /* still the one attempt */
    FAKE_SET(&fake, silent, false);
    while (!c && mr_mono_ms() < until)
        if (mr_pg_acquire(pool, 0, &c) != MR_OK)
            c = NULL;
    assert_non_null(c); /* it came back by itself */
    mr_pg_release(pool, c);
}

static void a_server_that_accepts_and_says_nothing_costs_the_connect_timeout(void **state)
{
    struct mr_pg *c;
    uint64_t before = mr_mono_ms();

    (void)state;
    FAKE_SET(&fake, silent, true);
    assert_int_equal(mr_pg_acquire(pool, 0, &c), MR_E_DB);
    assert_in_range(mr_mono_ms() - before, 300, 1500);
}

static void *acquire_while_away(void *rc)
{
    struct mr_pg *c;

    *(int *)rc = mr_pg_acquire(pool, 20000, &c);
    return NULL;
}

/* The pool holds two, so with six threads four wait for a slot; the failed attempts free them all.
 */
static void all_who_wait_learn_of_the_outage(void **state)
{
    pthread_t t[6];
    int rc[6] = {0};
    uint64_t before = mr_mono_ms();

    (void)state;
    FAKE_SET(&fake, silent, true);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&t[i], NULL, acquire_while_away, &rc[i]), 0);
    for (int i = 0; i < 6; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(rc[i], MR_E_DB);
    }
    assert_true(mr_mono_ms() - before < 2000);
}

static void errors_are_mapped_by_sqlstate(void **state)
{
    /* clang-format off */
    static const struct { const char *sql; int want; } rows[] = {
        {"FAIL 23505", MR_E_CONFLICT}, /* unique */
        {"FAIL 40001", MR_E_CONFLICT}, /* serialization */
        {"FAIL 40P01", MR_E_CONFLICT}, /* deadlock */
        {"FAIL 23503", MR_E_DATA},     /* foreign key */
        {"FAIL 23514", MR_E_DATA},     /* check */
        {"FAIL 22P02", MR_E_DATA},     /* not a uuid */
        {"FAIL 22021", MR_E_DATA},     /* a NUL byte */
        {"FAIL 54000", MR_E_DATA},     /* too big for an index or jsonb */
        {"FAIL 57014", MR_E_TIMEOUT},
        {"FAIL 57P01", MR_E_DB},
        {"FAIL 53300", MR_E_DB},
        {"FAIL 08006", MR_E_DB},
        {"FAIL 42P01", MR_E_DB},
        {"FAIL XX000", MR_E_DB},
    }; /* clang-format on */
    struct mr_pg *c = lent();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        PGresult *res = (PGresult *)(uintptr_t)1;

        if (mr_pg_run(c, rows[i].sql) != rows[i].want)
            fail_msg("%s, as one of several", rows[i].sql);
        if (mr_pg_exec(c, rows[i].sql, 0, NULL, &res) != rows[i].want)
            fail_msg("%s, prepared", rows[i].sql);
        assert_null(res);
    }
    assert_int_equal(mr_pg_run(c, "UPDATE t"), MR_OK); /* it is none the worse for it */
    mr_pg_release(pool, c);
    assert_int_equal(mr_pg_err(NULL), MR_E_DB);
}

static void a_statement_is_prepared_once_for_a_connection(void **state)
{
    static const char select[] = "SELECT a, b";
    struct mr_pg *c = lent();
    PGresult *res;

    (void)state;
    FAKE_SET(&fake, n_rows, 1);
    FAKE_SET(&fake, rows[0][0], "42");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(mr_pg_exec(c, select, 0, NULL, &res), MR_OK);
        assert_int_equal(PQntuples(res), 1);
        assert_int_equal(mr_pg_i64(res, 0, 0), 42);
        assert_true(mr_span_is(mr_pg_span(res, 0, 0), "42"));
        assert_null(mr_pg_span(res, 0, 1).ptr);
        assert_int_equal(mr_pg_i64(res, 0, 1), 0);
        PQclear(res);
    }
    assert_int_equal(fake_get(&fake, &fake.parsed), 1);
    mr_pg_release(pool, c);
}

static void more_statements_than_the_cache_holds_still_run(void **state)
{
    static char sql[80][32];
    struct mr_pg *c = lent();

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 80; i++) {
            (void)snprintf(sql[i], sizeof(sql[i]), "UPDATE t%d", i);
            assert_int_equal(mr_pg_exec(c, sql[i], 0, NULL, NULL), MR_OK);
        }
    /* 64 prepared once, and 16 sent whole each time. */
    assert_int_equal(fake_get(&fake, &fake.parsed), 64 + 2 * 16);
    mr_pg_release(pool, c);
}

static void a_statement_that_is_never_answered_ends_past_its_timeout(void **state)
{
    struct mr_pg_options opt = options(1, 100);
    struct mr_pg *c;
    uint64_t before;

    (void)state;
    assert_int_equal(mr_pg_connect(&c, &opt), MR_OK);
    before = mr_mono_ms();
    assert_int_equal(mr_pg_exec(c, "HANG", 0, NULL, NULL), MR_E_TIMEOUT);
    assert_in_range(mr_mono_ms() - before, 2000, 4000); /* the server had its chance to say so */
    assert_int_equal(mr_pg_exec(c, "UPDATE t", 0, NULL, NULL), MR_E_DB); /* at once */
    assert_true(mr_mono_ms() - before < 4000);
    mr_pg_close(c);
}

static void a_url_that_is_none_is_refused_without_being_told(void **state)
{
    struct mr_pg_options opt = options(1, 0);
    struct mr_pg_pool *p = NULL;
    struct mr_pg *c = NULL;

    (void)state;
    opt.url = "postgresql://u:hunter2@h:port:x/d?nonsense=1";
    assert_int_equal(mr_pg_pool_new(&p, &opt), MR_E_CONFIG);
    assert_int_equal(mr_pg_connect(&c, &opt), MR_E_CONFIG);
    assert_null(p);
    assert_null(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_connection_is_used_again),
        T(when_all_are_busy_the_wait_ends_in_time),
        T(whoever_waits_gets_the_one_that_is_given_back),
        T(a_connection_that_died_idle_is_replaced_unnoticed),
        T(a_connection_that_broke_or_is_in_a_transaction_does_not_come_back),
        T(a_server_that_is_away_is_told_at_once_and_asked_again_later),
        T(one_attempt_every_half_second_finds_out),
        T(a_server_that_accepts_and_says_nothing_costs_the_connect_timeout),
        T(all_who_wait_learn_of_the_outage),
        T(errors_are_mapped_by_sqlstate),
        T(a_statement_is_prepared_once_for_a_connection),
        T(more_statements_than_the_cache_holds_still_run),
        T(a_statement_that_is_never_answered_ends_past_its_timeout),
        T(a_url_that_is_none_is_refused_without_being_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
