/* test_pg_migrate.c - what is missing is applied, in order, each file in its transaction; a history
 * that is not ours stops the run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_pg.h"
#include "store/migrate.h"

static const struct mr_migration all[] = {
    {"0001_a", "UPDATE a", 8},
    {"0002_b", "UPDATE b", 8},
    {"0003_c", "UPDATE c", 8},
};

static struct fake_pg fake;
static struct mr_pg *db;
static char told[4096];

static void say(const char *line, void *ctx)
{
    size_t len = strlen(told);

    (void)ctx;
    (void)snprintf(told + len, sizeof(told) - len, "%s\n", line);
}

static int set_up(void **state)
{
    char url[128];
    struct mr_pg_options opt = {.url = url, .application = "test", .connect_timeout_ms = 1000};

    (void)state;
    fake_start(&fake);
    told[0] = '\0';
    (void)snprintf(url, sizeof(url), "postgresql://u@127.0.0.1:%d/d?sslmode=disable", fake.port);
    return mr_pg_connect(&db, &opt);
}

static int tear_down(void **state)
{
    (void)state;
    mr_pg_close(db);
    fake_stop(&fake);
    return 0;
}

/* sha256("UPDATE a"), sha256("UPDATE b") */
static const char *const sums[] = {
    "1cbed5e7314108c65c162e51742394b177a721cb57a446c5d6c2a525f03ac957",
    "aecd44aed07f62e99bf4b3984040fb1c59784e32d14febba5c33b763b5fa222d",
};

static void history(size_t n, const char *const rows[][2])
{
    pthread_mutex_lock(&fake.lock);
    fake.n_rows = n;
    for (size_t i = 0; i < n; i++)
        fake.rows[i][0] = rows[i][0], fake.rows[i][1] = rows[i][1];
    pthread_mutex_unlock(&fake.lock);
}

/* The statements that change something, in order, joined by '|'. */
static const char *done(void)
{
    static char text[4096];

    text[0] = '\0';
    pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < fake.n_said; i++) {
        size_t len = strlen(text);

        if (strstr(fake.said[i], "SELECT name") || strstr(fake.said[i], "CREATE TABLE"))
            continue;
        (void)snprintf(text + len, sizeof(text) - len, "%s%.24s", len ? "|" : "", fake.said[i]);
    }
    pthread_mutex_unlock(&fake.lock);
    return text;
}

#define LOCKED(what) "SELECT pg_advisory_lock(|" what "SELECT pg_advisory_unloc"
#define ONE(sql)     "BEGIN|" sql "|INSERT INTO schema_migra|COMMIT|"

static void an_empty_database_gets_every_file_in_order(void **state)
{
    (void)state;
    assert_int_equal(mr_migrate_status(db, all, 3, say, NULL), 3);
    FAKE_SET(&fake, n_said, 0);
    told[0] = '\0';
    assert_int_equal(mr_migrate_up(db, all, 3, say, NULL), MR_OK);
    assert_string_equal(done(), LOCKED(ONE("UPDATE a") ONE("UPDATE b") ONE("UPDATE c")));
    assert_string_equal(told, "applied   0001_a\napplied   0002_b\napplied   0003_c\n");
}

static void only_what_is_missing_is_applied(void **state)
{
    const char *const rows[][2] = {{"0001_a", sums[0]}, {"0002_b", sums[1]}};

    (void)state;
    history(2, rows);
    assert_int_equal(mr_migrate_status(db, all, 3, say, NULL), 1);
    assert_string_equal(told, "applied   0001_a\napplied   0002_b\npending   0003_c\n");
    told[0] = '\0';
    FAKE_SET(&fake, n_said, 0);
    assert_int_equal(mr_migrate_up(db, all, 3, say, NULL), MR_OK);
    assert_string_equal(done(), LOCKED(ONE("UPDATE c")));
}

static void nothing_missing_changes_nothing(void **state)
{
    const char *const rows[][2] = {{"0001_a", sums[0]}, {"0002_b", sums[1]}};

    (void)state;
    history(2, rows);
    assert_int_equal(mr_migrate_up(db, all, 2, say, NULL), MR_OK);
    assert_string_equal(done(), LOCKED(""));
    assert_string_equal(told, "up to date\n");
}

static void a_file_that_changed_since_stops_the_run(void **state)
{
    const char *const rows[][2] = {{"0001_a", sums[0]}, {"0002_b", sums[0]}};

    (void)state;
    history(2, rows);
    assert_int_equal(mr_migrate_up(db, all, 3, say, NULL), MR_E_CONFLICT);
    assert_string_equal(done(), LOCKED(""));
    assert_non_null(strstr(told, "changed   0002_b: "));
    assert_int_equal(mr_migrate_status(db, all, 3, say, NULL), MR_E_CONFLICT);
}

static void a_file_that_this_binary_does_not_know_stops_the_run(void **state)
{
    const char *const newer[][2] = {{"0001_a", sums[0]}, {"0002_b", sums[1]}};
    const char *const other[][2] = {{"0001_z", sums[0]}};

    (void)state;
    history(2, newer);
    assert_int_equal(mr_migrate_up(db, all, 1, say, NULL), MR_E_CONFLICT);
    assert_non_null(strstr(told, "unknown   0002_b: "));
    history(1, other);
    assert_int_equal(mr_migrate_up(db, all, 3, say, NULL), MR_E_CONFLICT);
    assert_non_null(strstr(told, "unknown   0001_z: "));
    assert_null(strstr(done(), "BEGIN"));
}

static void a_file_that_fails_is_rolled_back_and_ends_the_run(void **state)
{
    static const struct mr_migration bad[] = {
        {"0001_a", "UPDATE a", 8}, {"0002_b", "FAIL 42601", 10}, {"0003_c", "UPDATE c", 8}};

    (void)state;
    assert_int_equal(mr_migrate_up(db, bad, 3, say, NULL), MR_E_DB);
    assert_string_equal(done(), LOCKED(ONE("UPDATE a") "BEGIN|FAIL 42601|ROLLBACK|"));
    assert_non_null(strstr(told, "failed    0002_b: "));
    assert_null(strstr(told, "0003_c"));
}

static void a_lost_connection_is_an_error_not_a_success(void **state)
{
    static const struct mr_migration bad[] = {{"0001_a", "DIE", 3}};

    (void)state;
    assert_int_equal(mr_migrate_up(db, bad, 1, say, NULL), MR_E_DB);
    assert_null(strstr(told, "applied"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_empty_database_gets_every_file_in_order),
        T(only_what_is_missing_is_applied),
        T(nothing_missing_changes_nothing),
        T(a_file_that_changed_since_stops_the_run),
        T(a_file_that_this_binary_does_not_know_stops_the_run),
        T(a_file_that_fails_is_rolled_back_and_ends_the_run),
        T(a_lost_connection_is_an_error_not_a_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
