/* config.c - loads the table of config.h: default, file, environment, flag; the last one wins.
 *
 * Every row is kept as text until all sources have been read, then each is parsed and checked once,
 * so a bad value in a file that a flag overrides stops nothing, and an error names the source.
 */
#include "base/config_parts.h"
#include "base/log.h"
#include "proto/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1 << 20)
#define LINE_BYTES_MAX 8192
#define KAFKA_PREFIX   "MILLRACE_KAFKA_"

enum type { T_STR, T_SECRET, T_INT, T_MS, T_SECONDS, T_BYTES, T_BOOL, T_LEVEL };

struct row {
    const char *field, *env, *def, *unit, *help;
    int64_t min, max;
    size_t offset; /* in struct mr_config */
    enum type type;
    int reload;
};

static const struct row rows[] = {
#define X(field, env, type, def, min, max, unit, reload, help)                                     \
    {#field, env, def, unit, help, min, max, offsetof(struct mr_config, field), T_##type, reload},
    MR_SETTINGS(X)
#undef X
};
#define ROWS (sizeof(rows) / sizeof(*rows))

struct source {
    char *text;       /* owned */
    const char *from; /* "default", "environment", ... */
};

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

/* A property of librdkafka's (store/kafka_settings.h), which is taken from the environment; that
 * ranks above the file. */
static int keep_kafka(struct mr_span line)
{
    char *text = mr_memdup0(line.ptr, line.len);
    char *eq = text ? strchr(text, '=') : NULL;
    int rc = MR_E_NOMEM;

    if (eq) {
        *eq = '\0';
        rc = setenv(text, eq + 1, 0) == 0 ? MR_OK : MR_E_NOMEM;
    }
    mr_free(text);
    return rc;
}

/* One line of the file. It may hold a secret, so only its name and number are ever told. */
static int read_line(struct source *src, struct mr_span line, const char *path, int number,
                     struct mr_buf *err)
{
    const char *eq;
    int i;

    while (line.len > 0 && isspace((unsigned char)*line.ptr))
        line.ptr++, line.len--;
    while (line.len > 0 && isspace((unsigned char)line.ptr[line.len - 1]))
        line.len--;
    if (line.len == 0 || *line.ptr == '#')
        return MR_OK;
    eq = memchr(line.ptr, '=', line.len);
    if (!eq)
        return CONFIG_FAULT(err, "%s:%d: this line is not KEY=value", path, number);
    i = find_env(line.ptr, (size_t)(eq - line.ptr));
    if (i < 0 && mr_span_starts(line, MR_SPAN(KAFKA_PREFIX)))
        return keep_kafka(line);
    if (i < 0)
        return CONFIG_FAULT(err, "%s:%d: unknown setting \"%.*s\"; see --help", path, number,
                            (int)(eq - line.ptr), line.ptr);
    return set(&src[i], eq + 1, line.len - (size_t)(eq + 1 - line.ptr), "the --config file");
}

static int slurp(const char *path, struct mr_buf *text, struct mr_buf *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    int rc = MR_OK;

    if (fd < 0)
        return CONFIG_FAULT(err, "--config %s: cannot be read: %s", path, strerror(errno));
    do {
        char part[4096];

        n = read(fd, part, sizeof(part));
        if (n > 0)
            mr_buf_add(text, part, (size_t)n);
    } while ((n > 0 && mr_buf_err(text) == MR_OK) || (n < 0 && errno == EINTR));
    if (n < 0)
        rc = CONFIG_FAULT(err, "--config %s: cannot be read: %s", path, strerror(errno));
    else if (mr_buf_err(text) == MR_E_TOOBIG)
        rc = CONFIG_FAULT(err, "--config %s: over 1 MiB", path);
    else if (mr_buf_err(text) != MR_OK)
        rc = MR_E_NOMEM;
    else if (text->len > 0 && memchr(text->ptr, '\0', text->len))
        rc = CONFIG_FAULT(err, "--config %s: not a text file", path);
    (void)close(fd);
    return rc;
}

static int read_file(struct source *src, const char *path, struct mr_buf *err)
{
    struct mr_buf text = MR_BUF_INIT(FILE_BYTES_MAX);
    int rc = slurp(path, &text, err);
    struct mr_span rest = mr_buf_span(&text);

    for (int number = 1; rc == MR_OK && rest.len > 0; number++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;

        rc = read_line(src, mr_span_of(rest.ptr, len), path, number, err);
        rest = mr_span_of(rest.ptr + len + (end != NULL), rest.len - len - (end != NULL));
    }
    mr_buf_free(&text);
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
            return CONFIG_FAULT(
                err, "unexpected argument \"%s\"; settings are --name=value, see --help", arg);
        arg += 2;
        eq = strchr(arg, '=');
        len = eq ? (size_t)(eq - arg) : strlen(arg);
        value = eq ? eq + 1 : a + 1 < argc ? argv[++a] : NULL;
        if (!value || (!eq && strncmp(value, "--", 2) == 0))
            return CONFIG_FAULT(err, "--%s needs a value", arg);
        if (len == 6 && memcmp(arg, "config", 6) == 0) {
            *file = value;
            continue;
        }
        i = find_flag(arg, len);
        if (i < 0)
            return CONFIG_FAULT(err, "unknown flag --%.*s; see --help", (int)len, arg);
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
        rc = mr__config_check(cfg, err);
    if (rc == MR_OK)
        rc = mr__config_assemble(cfg);
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
