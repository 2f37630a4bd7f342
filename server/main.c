/* main.c - millrace: one executable, several subcommands. Settings come from flags, the environment
 * and a file (base/config.h); what a subcommand does is in main_*.c. */
#include "main.h"
#include "base/log.h"
#include "store/kafka_settings.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
    "millrace " MILLRACE_VERSION
    " - a Socket.IO server that is also a CDC control plane and event log\n"
    "\n"
    "usage: millrace COMMAND [flags]\n"
    "\n"
    "  serve                  everything in one process (--roles picks parts of it)\n"
    "  logger                 the event logger alone: Kafka to PostgreSQL\n"
    "  ingest                 the ingest worker alone: Redis to PostgreSQL\n"
    "  migrate [up|status]    bring the database's schema up to date, or show its state\n"
    "  user add NAME [ROLE]   a new user; the password is read from the terminal or standard "
    "input\n"
    "  user passwd NAME       a new password, read the same way\n"
    "  user list              who there is\n"
    "  secrets rotate         seal every stored password with the first key of "
    "MILLRACE_SECRET_KEY\n"
    "  doctor                 check every dependency and setting, and say what to do\n"
    "  version                print the version\n"
    "\n"
    "  COMMAND --help         the settings, as flags\n"
    "  --help-env             the settings, as an environment file\n"
    "  --help-markdown        the settings, as documentation\n";

/* No core dumps (they would hold secrets), no SIGPIPE. */
static void harden(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Settings marked reloadable are read anew; the rest need a restart, which is said. */
void mr_main_reload(struct mr_config *live, int argc, char **argv)
{
    struct mr_buf err = MR_BUF_INIT(4096), changed = MR_BUF_INIT(4096), restart = MR_BUF_INIT(4096);
    struct mr_config now = {0};

    if (mr_config_load(&now, argc, argv, environ, &err) != MR_OK) {
        LOG_ERROR("reload_failed", F_STR("why", mr_buf_cstr(&err)));
    } else {
        mr_config_reload(live, &now, &changed, &restart);
        mr_log_init((enum mr_log_level)now.log_level, strcmp(live->log_format, "json") == 0);
        LOG_INFO("reloaded", F_SPAN("changed", mr_buf_span(&changed)),
                 F_SPAN("needs_restart", mr_buf_span(&restart)));
        mr_config_deinit(&now);
    }
    mr_buf_free(&err);
    mr_buf_free(&changed);
    mr_buf_free(&restart);
}

static int print_settings(const char *form)
{
    struct mr_buf b = MR_BUF_INIT(1u << 20);

    mr_config_print(&b, form);
    (void)fwrite(b.ptr ? b.ptr : "", 1, b.len, stdout);
    mr_buf_free(&b);
    return 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Words before the first flag belong to the subcommand; the rest are settings. */
static int words(int argc, char **argv)
{
    int n = 0;

    while (n < argc && argv[n][0] != '-')
        n++;
    return n;
}

static int run(const char *command, int argc, char **argv)
{
    struct mr_buf err = MR_BUF_INIT(4096);
    struct mr_config cfg = {0};
    int n = words(argc, argv), status = MR_EXIT_USAGE;
    char why[MR_KAFKA_WHY];

    if (mr_config_load(&cfg, argc - n, argv + n, environ, &err) != MR_OK) {
        (void)fprintf(stderr, "millrace: %s\n", mr_buf_cstr(&err));
        mr_buf_free(&err);
        return 1;
    }
    mr_buf_free(&err);
    mr_log_init((enum mr_log_level)cfg.log_level, strcmp(cfg.log_format, "json") == 0);
    harden();
    if (mr_kafka_settings_check(why) != MR_OK) {
        (void)fprintf(stderr, "millrace: %s\n", why);
        mr_config_deinit(&cfg);
        return 1;
    }
    if (n > 0 && strcmp(command, "migrate") != 0 && strcmp(command, "user") != 0 &&
        strcmp(command, "secrets") != 0)
        (void)fprintf(stderr, "millrace: %s takes no argument \"%s\"\n", command, argv[0]);
    else if (strcmp(command, "serve") == 0)
        status = mr_main_serve(&cfg, argc - n, argv + n);
    else if (strcmp(command, "logger") == 0)
        status = mr_main_workers(&cfg, true, false, argc - n, argv + n);
    else if (strcmp(command, "ingest") == 0)
        status = mr_main_workers(&cfg, false, true, argc - n, argv + n);
    else if (strcmp(command, "migrate") == 0)
        status = mr_main_migrate(&cfg, n, argv);
    else if (strcmp(command, "user") == 0)
        status = mr_main_user(&cfg, n, argv);
    else if (strcmp(command, "secrets") == 0)
        status = mr_main_secrets(&cfg, n, argv);
    else if (strcmp(command, "doctor") == 0)
        status = mr_main_doctor(&cfg);
    mr_config_deinit(&cfg);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const commands[] = {"serve", "logger",  "ingest", "migrate",
                                           "user",  "secrets", "doctor"};
    const char *command = argc > 1 ? argv[1] : "--help";

    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        (void)fputs(usage, stdout);
        return argc > 1 ? 0 : MR_EXIT_USAGE;
    }
    if (strcmp(command, "--help-env") == 0)
        return print_settings("env");
    if (strcmp(command, "--help-markdown") == 0)
        return print_settings("markdown");
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0) {
        puts("millrace " MILLRACE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(command, commands[i]) != 0)
            continue;
        if (asks_for_help(argc - 2, argv + 2)) {
            printf("millrace %s: settings\n\n", command);
            return print_settings("text");
        }
        return run(command, argc - 2, argv + 2);
    }
    (void)fprintf(stderr, "millrace: unknown command \"%s\"; see millrace --help\n", command);
    return MR_EXIT_USAGE;
}
