/* main_tools.c - migrate and user: short programs over the same settings and tables. */
#include "api/password.h"
#include "base/log.h"
#include "main.h"
#include "store/migrate.h"
#include "store/users.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

int mr_main_connect(const struct mr_config *cfg, const char *application, struct mr_pg **out)
{
    struct mr_pg_options opt = {
        .url = cfg->database_url,
        .application = application,
        .connections_max = 1,
        .connect_timeout_ms = cfg->db_connect_ms,
    };

    return mr_pg_connect(out, &opt);
}

static int say_away(int rc)
{
    (void)fprintf(
        stderr,
        "millrace: PostgreSQL cannot be reached (%s): check DATABASE_URL and that it runs; "
        "`millrace doctor` says more\n",
        mr_err_text(rc));
    return 1;
}

/* ---- the first administrator -------------------------------------------------------------- */

/* 24 characters that can be read aloud. */
static int random_password(char out[25])
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    unsigned char bytes[24];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return MR_E_IO;
    for (size_t i = 0; i < sizeof(bytes); i++)
        out[i] = letters[bytes[i] & 31];
    out[24] = '\0';
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return MR_OK;
}

int mr_main_first_admin(const struct mr_config *cfg, struct mr_pg *c)
{
    bool given = cfg->admin_password[0] != '\0', none = false;
    char made[25] = "", hash[MR_PASSWORD_HASH_MAX];
    const char *password = given ? cfg->admin_password : made;
    int rc = mr_users_none(c, &none);

    if (rc != MR_OK || !none)
        return rc;
    if (!given)
        rc = random_password(made);
    if (rc == MR_OK)
        rc = mr_password_hash(mr_span_str(password), (int)cfg->bcrypt_cost, hash);
    if (rc == MR_OK)
        rc = mr_users_bootstrap(c, cfg->admin_user, hash);
    if (rc == MR_E_CONFLICT) /* another process was faster */
        return MR_OK;
    if (rc == MR_OK && !given)
        printf("first administrator: user %s, password %s (printed this once; change it with "
               "`millrace user passwd %s`)\n",
               cfg->admin_user, made, cfg->admin_user);
    if (rc == MR_OK)
        LOG_INFO("first_admin_created", F_STR("user", cfg->admin_user));
    (void)fflush(stdout);
    OPENSSL_cleanse(made, sizeof(made));
    return rc;
}

/* ---- migrate ------------------------------------------------------------------------------ */

static void say(const char *line, void *ctx)
{
    (void)ctx;
    puts(line);
}

static void say_nothing(const char *line, void *ctx)
{
    (void)line;
    (void)ctx;
}

int mr_main_pending(struct mr_pg *c)
{
    return mr_migrate_status(c, mr_migrations, mr_migrations_n, say_nothing, NULL);
}

int mr_main_migrate(const struct mr_config *cfg, int n, char **args)
{
    const char *what = n > 0 ? args[0] : "up";
    struct mr_pg *c = NULL;
    int rc;

    if (n > 1 || (strcmp(what, "up") != 0 && strcmp(what, "status") != 0)) {
        (void)fputs("usage: millrace migrate [up|status]\n", stderr);
        return MR_EXIT_USAGE;
    }
    rc = mr_main_connect(cfg, "millrace-migrate", &c);
    if (rc != MR_OK)
        return say_away(rc);
    if (strcmp(what, "status") == 0) {
        rc = mr_migrate_status(c, mr_migrations, mr_migrations_n, say, NULL);
        if (rc >= 0)
            printf("%d pending\n", rc);
    } else {
        rc = mr_migrate_up(c, mr_migrations, mr_migrations_n, say, NULL);
        if (rc == MR_OK)
            rc = mr_main_first_admin(cfg, c);
    }
    mr_pg_close(c);
    if (rc < 0)
        (void)fprintf(stderr, "millrace: migrate: %s\n", mr_err_text(rc));
    return rc < 0 ? 1 : 0;
}

/* ---- user --------------------------------------------------------------------------------- */

/* One line, without echo when it comes from a terminal. */
static int read_password(char out[256])
{
    struct termios was, quiet;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0;
    bool got;

    if (terminal) {
        quiet = was;
        quiet.c_lflag &= (tcflag_t)~ECHO;
        (void)fputs("password: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    got = fgets(out, 256, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        (void)fputc('\n', stderr);
    }
    if (!got)
        return MR_E_INVAL;
    out[strcspn(out, "\r\n")] = '\0';
    return strlen(out) >= MR_PASSWORD_BYTES_MIN && strlen(out) <= MR_PASSWORD_BYTES_MAX
               ? MR_OK
               : MR_E_INVAL;
}

static int user_write(const struct mr_config *cfg, struct mr_pg *c, bool add, const char *name,
                      enum mr_role role)
{
    char password[256] = "", hash[MR_PASSWORD_HASH_MAX];
    int rc;

    if (add && (name[0] == '\0' || strlen(name) > MR_USERNAME_MAX)) {
        (void)fprintf(stderr, "millrace: a user's name has 1 to %d characters\n", MR_USERNAME_MAX);
        return 1;
    }
    rc = read_password(password);
    if (rc != MR_OK)
        (void)fprintf(stderr, "millrace: a password has %d to %d bytes\n", MR_PASSWORD_BYTES_MIN,
                      MR_PASSWORD_BYTES_MAX);
    else
        rc = mr_password_hash(mr_span_str(password), (int)cfg->bcrypt_cost, hash);
    OPENSSL_cleanse(password, sizeof(password));
    if (rc != MR_OK)
        return 1;
    rc = add ? mr_users_add(c, name, hash, role) : mr_users_set_password(c, name, hash);
    if (rc == MR_E_CONFLICT)
        (void)fprintf(stderr, "millrace: there is a user %s already\n", name);
    else if (rc == MR_E_NOTFOUND)
        (void)fprintf(stderr, "millrace: there is no user %s\n", name);
    else if (rc != MR_OK)
        (void)fprintf(stderr, "millrace: %s (is the schema migrated?)\n", mr_err_text(rc));
    else
        printf("%s %s\n", add ? "added" : "password changed:", name);
    return rc == MR_OK ? 0 : 1;
}

static int user_list(struct mr_pg *c)
{
    struct mr_buf out = MR_BUF_INIT(16u << 20);
    int rc = mr_users_list(c, &out);

    if (rc == MR_OK)
        (void)fwrite(out.ptr ? out.ptr : "", 1, out.len, stdout);
    else
        (void)fprintf(stderr, "millrace: %s (is the schema migrated?)\n", mr_err_text(rc));
    mr_buf_free(&out);
    return rc == MR_OK ? 0 : 1;
}

int mr_main_user(const struct mr_config *cfg, int n, char **args)
{
    enum mr_role role = MR_ROLE_VIEWER;
    bool add = n >= 2 && strcmp(args[0], "add") == 0;
    bool passwd = n == 2 && strcmp(args[0], "passwd") == 0;
    bool list = n == 1 && strcmp(args[0], "list") == 0;
    struct mr_pg *c = NULL;
    int rc, status;

    if (add && n == 3)
        role = mr_role_parse(mr_span_str(args[2]));
    if ((!add && !passwd && !list) || n > 3 || role == MR_ROLE_NONE) {
        (void)fputs("usage: millrace user add NAME [viewer|operator|admin] | passwd NAME | list\n",
                    stderr);
        return MR_EXIT_USAGE;
    }
    rc = mr_main_connect(cfg, "millrace-user", &c);
    if (rc != MR_OK)
        return say_away(rc);
    status = list ? user_list(c) : user_write(cfg, c, add, args[1], role);
    mr_pg_close(c);
    return status;
}
