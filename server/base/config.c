/* config.c - loads the table of config.h: default, file, environment, flag; the last one wins.
 *
 * Every row is kept as text until all sources have been read, then each is parsed and checked once,
 * so a bad value in a file that a flag overrides stops nothing, and an error names the source.
 */
#include "base/config.h"
#include "base/log.h"
#include "proto/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define FILE_BYTES_MAX (1 << 20)
#define LINE_BYTES_MAX 8192

enum type { T_STR, T_SECRET, T_INT, T_MS, T_SECONDS, T_BYTES, T_BOOL, T_LEVEL };

struct row {
    const char *field, *env;
    enum type type;
    const char *def;
    int64_t min, max;
    const char *unit;
    int reload;
    const char *help;
    size_t offset;
};

static const struct row rows[] = {
#define X(field, env, type, def, min, max, unit, reload, help)                                     \
    {#field, env, T_##type, def, min, max, unit, reload, help, offsetof(struct mr_config, field)},
    MR_SETTINGS(X)
#undef X
};
#define ROWS (sizeof(rows) / sizeof(*rows))

struct source {
    char *text;       /* owned */
    const char *from; /* "default", "environment", ... */
};

static int fail(struct mr_buf *err, const char *fmt, const char *a, const char *b, const char *c)
{
    mr_buf_addf(err, fmt, a, b, c);
    return MR_E_CONFIG;
}

static int set(struct source *s, const char *text, size_t len, const char *from)
{
    char *copy = mr_memdup0(text, len);

    if (!copy)
        return MR_E_NOMEM;
    mr_free(s->text);
    s->text = copy;
    s->from = from;
    return MR_OK;
}

static int find_env(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].env) == len && memcmp(rows[i].env, name, len) == 0)
            return (int)i;
    return -1;
}

/* "kafka-brokers" names the field kafka_brokers. */
static int find_flag(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t k = 0;

        if (strlen(rows[i].field) != len)
            continue;
        while (k < len && (rows[i].field[k] == '_' ? '-' : rows[i].field[k]) == name[k])
            k++;
        if (k == len)
            return (int)i;
    }
    return -1;
}

static int read_line(struct source *src, char *line, const char *path, struct mr_buf *err)
{
    char *eq, *end;
    int i;

    while (isspace((unsigned char)*line))
        line++;
    if (*line == '\0' || *line == '#')
        return MR_OK;
    end = line + strlen(line);
    while (end > line && isspace((unsigned char)end[-1]))
        *--end = '\0';
    eq = strchr(line, '=');
    if (!eq)
        return fail(err, "%s: \"%s\" is not KEY=value%s", path, line, "");
    i = find_env(line, (size_t)(eq - line));
    *eq = '\0';
    if (i < 0)
        return fail(err, "%s: unknown setting %s; see --help%s", path, line, "");
    return set(&src[i], eq + 1, (size_t)(end - eq - 1), "the --config file");
}

static int read_file(struct source *src, const char *path, struct mr_buf *err)
{
    FILE *f = fopen(path, "re");
    char line[LINE_BYTES_MAX];
    size_t total = 0;
    int rc = MR_OK;

    if (!f)
        return fail(err, "--config %s: cannot be read: %s%s", path, strerror(errno), "");
    while (rc == MR_OK && fgets(line, sizeof(line), f)) {
        size_t n = strlen(line);

        total += n;
        if (total > FILE_BYTES_MAX || n == sizeof(line) - 1)
            rc = fail(err, "--config %s: over 1 MiB, or a line over 8 KiB%s%s", path, "", "");
        else
            rc = read_line(src, line, path, err);
    }
    (void)fclose(f);
    return rc;
}

static int read_env(struct source *src, char **env)
{
    for (; env && *env; env++) {
        const char *eq = strchr(*env, '=');
        int i = eq ? find_env(*env, (size_t)(eq - *env)) : -1;

        if (i < 0 || eq[1] == '\0') /* set to nothing is as good as unset */
            continue;
        if (set(&src[i], eq + 1, strlen(eq + 1), "the environment") != MR_OK)
            return MR_E_NOMEM;
    }
    return MR_OK;
}

/* Flags are read twice: first only --config, so that the file ranks below the environment. */
static int read_flags(struct source *src, int argc, char **argv, const char **file,
                      struct mr_buf *err)
{
    for (int a = 0; a < argc; a++) {
        const char *arg = argv[a], *eq, *value;
        size_t len;
        int i;

        if (strncmp(arg, "--", 2) != 0)
            return fail(err,
                        "unexpected argument \"%s\"; settings are --name=value, see --help%s%s",
                        arg, "", "");
        arg += 2;
        eq = strchr(arg, '=');
        len = eq ? (size_t)(eq - arg) : strlen(arg);
        value = eq ? eq + 1 : a + 1 < argc ? argv[++a] : NULL;
        if (!value)
            return fail(err, "--%s needs a value%s%s", arg, "", "");
        if (len == 6 && memcmp(arg, "config", 6) == 0) {
            *file = value;
            continue;
        }
        i = find_flag(arg, len);
        if (i < 0)
            return fail(err, "unknown flag --%s; see --help%s%s", arg, "", "");
        if (src && set(&src[i], value, strlen(value), "a flag") != MR_OK)
            return MR_E_NOMEM;
    }
    return MR_OK;
}

static int bad(struct mr_buf *err, const struct row *r, const struct source *s, const char *want)
{
    mr_buf_addf(err, "%s (from %s): ", r->env, s->from);
    if (r->type == T_SECRET)
        mr_buf_add_str(err, "the value is not acceptable: ");
    else
        mr_buf_addf(err, "\"%s\" is not acceptable: ", s->text);
    mr_buf_add_str(err, want);
    return MR_E_CONFIG;
}

static int parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};

    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return MR_OK;
        }
    }
    return MR_E_INVAL;
}

static int parse_row(struct mr_config *cfg, const struct row *r, struct source *s,
                     struct mr_buf *err)
{
    void *at = (char *)cfg + r->offset;
    enum mr_log_level level;
    char want[128];
    size_t len = strlen(s->text);
    char *end;

    switch (r->type) {
    case T_STR:
    case T_SECRET:
        (void)snprintf(want, sizeof(want), "give %lld to %lld characters", (long long)r->min,
                       (long long)r->max);
        if ((int64_t)len < r->min || (int64_t)len > r->max)
            return bad(err, r, s, want);
        *(char **)at = s->text; /* the configuration takes it over */
        s->text = NULL;
        return MR_OK;
    case T_BOOL:
        if (parse_bool(s->text, at) != MR_OK)
            return bad(err, r, s, "give true or false");
        return MR_OK;
    case T_LEVEL:
        if (!mr_log_level_parse(s->text, &level))
            return bad(err, r, s, "give debug, info, warn or error");
        *(int *)at = (int)level;
        return MR_OK;
    case T_INT:
    case T_MS:
    case T_SECONDS:
    case T_BYTES:
        break;
    }
    (void)snprintf(want, sizeof(want), "give a whole number from %lld to %lld%s%s",
                   (long long)r->min, (long long)r->max, *r->unit ? " " : "", r->unit);
    errno = 0;
    *(int64_t *)at = strtoll(s->text, &end, 10);
    if (errno || len == 0 || *end || isspace((unsigned char)*s->text) || *(int64_t *)at < r->min ||
        *(int64_t *)at > r->max)
        return bad(err, r, s, want);
    return MR_OK;
}

static void add_percent(struct mr_buf *b, const char *s)
{
    for (; *s; s++) {
        if (isalnum((unsigned char)*s) || strchr("-._~", *s))
            mr_buf_add_char(b, *s);
        else
            mr_buf_addf(b, "%%%02X", (unsigned char)*s);
    }
}

/* The URLs that are made of parts when they are not given whole. */
static int assemble(struct mr_config *cfg)
{
    struct mr_buf b = MR_BUF_INIT(8192);
    int rc = MR_OK;

    if (*cfg->database_url == '\0') {
        mr_buf_add_str(&b, "postgresql://");
        add_percent(&b, cfg->db_user);
        mr_buf_add_char(&b, ':');
        add_percent(&b, cfg->db_password);
        mr_buf_add_char(&b, '@');
        add_percent(&b, cfg->db_host);
        mr_buf_addf(&b, ":%lld/", (long long)cfg->db_port);
        add_percent(&b, cfg->db_name);
        mr_free(cfg->database_url);
        cfg->database_url = mr_memdup0(b.ptr, b.len);
    }
    if (*cfg->redis_url == '\0') {
        mr_buf_clear(&b);
        mr_buf_addf(&b, "redis://%s:%lld/0", cfg->redis_host, (long long)cfg->redis_port);
        mr_free(cfg->redis_url);
        cfg->redis_url = mr_memdup0(b.ptr, b.len);
    }
    if (mr_buf_err(&b) != MR_OK || !cfg->database_url || !cfg->redis_url)
        rc = MR_E_NOMEM;
    mr_buf_free(&b);
    return rc;
}

static bool words_in(const char *list, const char *const *words, size_t n)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        bool known = len == 0;

        for (size_t i = 0; i < n && !known; i++)
            known = strlen(words[i]) == len && memcmp(words[i], list, len) == 0;
        if (!known)
            return false;
        list += len;
        list += *list == ',';
    }
    return true;
}

/* What no single row can say. */
static int cross_check(const struct mr_config *cfg, struct mr_buf *err)
{
    static const char *const roles[] = {"api", "logger", "ingest"};
    static const char *const surfaces[] = {"ingest", "feeds", "metrics"};
    bool open = strcmp(cfg->auth, "open") == 0;

    if (!words_in(cfg->roles, roles, 3))
        return fail(err, "MILLRACE_ROLES: \"%s\": give any of api, logger, ingest%s%s", cfg->roles,
                    "", "");
    if (!words_in(cfg->anonymous, surfaces, 3))
        return fail(err, "MILLRACE_ANONYMOUS: \"%s\": give any of ingest, feeds, metrics%s%s",
                    cfg->anonymous, "", "");
    if (!open && strcmp(cfg->auth, "required") != 0)
        return fail(err, "MILLRACE_AUTH: \"%s\": give required or open%s%s", cfg->auth, "", "");
    if (open && strcmp(cfg->host, "127.0.0.1") != 0 && strcmp(cfg->host, "::1") != 0 &&
        strcmp(cfg->host, "localhost") != 0)
        return fail(err,
                    "MILLRACE_AUTH=open makes everyone admin, so MILLRACE_HOST must be "
                    "loopback, not \"%s\"%s%s",
                    cfg->host, "", "");
    if (strcmp(cfg->log_format, "logfmt") != 0 && strcmp(cfg->log_format, "json") != 0)
        return fail(err, "MILLRACE_LOG_FORMAT: \"%s\": give logfmt or json%s%s", cfg->log_format,
                    "", "");
    if (*cfg->jwt_secret && strlen(cfg->jwt_secret) < 32) /* users bring theirs along: no refusal */
        LOG_WARN("jwt_secret_short", F_STR("advice", "give at least 32 characters"));
    return MR_OK;
}

int mr_config_load(struct mr_config *cfg, int argc, char **argv, char **env, struct mr_buf *err)
{
    struct source src[ROWS] = {{NULL, NULL}};
    const char *file = NULL;
    int rc = MR_OK;

    memset(cfg, 0, sizeof(*cfg));
    for (size_t i = 0; i < ROWS && rc == MR_OK; i++)
        rc = set(&src[i], rows[i].def, strlen(rows[i].def), "the default");
    if (rc == MR_OK)
        rc = read_flags(NULL, argc, argv, &file, err);
    if (rc == MR_OK && file)
        rc = read_file(src, file, err);
    if (rc == MR_OK)
        rc = read_env(src, env);
    if (rc == MR_OK)
        rc = read_flags(src, argc, argv, &file, err);
    for (size_t i = 0; i < ROWS && rc == MR_OK; i++)
        rc = parse_row(cfg, &rows[i], &src[i], err);
    if (rc == MR_OK)
        rc = cross_check(cfg, err);
    if (rc == MR_OK)
        rc = assemble(cfg);
    if (rc == MR_E_NOMEM)
        mr_buf_add_str(err, "out of memory while reading the settings");
    for (size_t i = 0; i < ROWS; i++)
        mr_free(src[i].text);
    if (rc != MR_OK)
        mr_config_deinit(cfg);
    return rc;
}

void mr_config_deinit(struct mr_config *cfg)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].type == T_STR || rows[i].type == T_SECRET)
            mr_free(*(char **)((char *)cfg + rows[i].offset));
    memset(cfg, 0, sizeof(*cfg));
}

bool mr_config_has(const char *list, const char *word)
{
    size_t want = strlen(word);

    while (*list) {
        size_t len = strcspn(list, ",");

        if (len == want && memcmp(list, word, len) == 0)
            return true;
        list += len;
        list += *list == ',';
    }
    return false;
}

static void add_flag_name(struct mr_buf *out, const char *field)
{
    mr_buf_add_str(out, "--");
    for (; *field; field++)
        mr_buf_add_char(out, *field == '_' ? '-' : *field);
}

static void print_text(struct mr_buf *out, const struct row *r)
{
    mr_buf_add_str(out, "  ");
    add_flag_name(out, r->field);
    mr_buf_addf(out, "  (%s)%s%s%s\n      %s\n", r->env, *r->def ? ", default " : "", r->def,
                r->reload ? ", reloadable" : "", r->help);
}

static void print_markdown(struct mr_buf *out, const struct row *r)
{
    mr_buf_addf(out, "| `%s` | `", r->env);
    add_flag_name(out, r->field);
    mr_buf_add_str(out, "` | ");
    if (*r->def)
        mr_buf_addf(out, "`%s`%s%s", r->def, *r->unit ? " " : "", r->unit);
    mr_buf_add_str(out, " | ");
    if (r->type == T_BOOL || r->type == T_LEVEL)
        mr_buf_add_str(out, "");
    else
        mr_buf_addf(out, "%lld to %lld%s", (long long)r->min, (long long)r->max,
                    r->type == T_STR || r->type == T_SECRET ? " characters" : "");
    mr_buf_addf(out, " | %s | %s%s |\n", r->reload ? "yes" : "", r->help,
                r->type == T_SECRET ? " Secret: never printed." : "");
}

void mr_config_print(struct mr_buf *out, const char *form)
{
    if (strcmp(form, "markdown") == 0)
        mr_buf_add_str(out, "| Variable | Flag | Default | Bounds | Reload | Meaning |\n"
                            "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(form, "markdown") == 0)
            print_markdown(out, &rows[i]);
        else if (strcmp(form, "env") == 0)
            mr_buf_addf(out, "# %s\n#%s=%s\n", rows[i].help, rows[i].env, rows[i].def);
        else
            print_text(out, &rows[i]);
    }
}
