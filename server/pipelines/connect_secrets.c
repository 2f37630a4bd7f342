/* connect_secrets.c - references instead of passwords, and the files behind them. */
#include "pipelines/connect_secrets.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4400

static int path_of(const struct mr_config *cfg, const char *id, const char *end,
                   char path[PATH_SIZE], char *why, size_t size)
{
    if (cfg->connect_secrets_dir[0] == '\0') {
        (void)snprintf(why, size,
                       "MILLRACE_CONNECT_SECRETS_DIR is not set: a folder that Kafka Connect reads "
                       "is needed for %s.",
                       end[1] == 'p' && end[2] == 'e' ? "root certificates" : "passwords");
        return MR_E_CONFIG;
    }
    (void)snprintf(path, PATH_SIZE, "%s/millrace-%s%s", cfg->connect_secrets_dir, id, end);
    return MR_OK;
}

/* Whole or not at all. The group may read, too: Connect runs as somebody else, of whose group the
 * folder is (its setgid bit hands it on). */
static int write_file(const char *path, struct mr_span text, char *why, size_t size)
{
    char temporary[PATH_SIZE + 8];
    int fd;
    bool ok;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (ok && rename(temporary, path) == 0)
        return MR_OK;
    (void)snprintf(why, size,
                   "A file for Kafka Connect cannot be written in "
                   "MILLRACE_CONNECT_SECRETS_DIR: does millrace own the folder?");
    return MR_E_IO;
}

/* As a value of a Java properties file. */
static void add_property(struct mr_buf *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\\' || (*p == ' ' && p == text))
            mr_buf_add_char(b, '\\');
        if (*p == '\n')
            mr_buf_add_str(b, "\\n");
        else
            mr_buf_add_char(b, *p);
    }
}

static int in_file(const struct mr_config *cfg, const struct mr_plan_side *side, struct mr_buf *out,
                   char *why, size_t size)
{
    struct mr_buf text = MR_BUF_INIT(1u << 18);
    char path[PATH_SIZE];
    int rc = path_of(cfg, side->id, ".properties", path, why, size);

    if (rc == MR_OK) {
        mr_buf_add_str(&text, "password=");
        add_property(&text, side->opened.db.password);
        mr_buf_add_char(&text, '\n');
        rc = mr_buf_err(&text);
    }
    if (rc == MR_OK)
        rc = write_file(path, mr_buf_span(&text), why, size);
    mr_buf_addf(out, "${file:%s:password}", path);
    mr_secrets_wipe(&text);
    return rc;
}

int mr_connect_secret(const struct mr_config *cfg, const struct mr_plan_side *side,
                      struct mr_buf *out, char *why, size_t size)
{
    if (!side->opened.db.password)
        return MR_OK;
    if (strcmp(cfg->connect_secrets, "file") == 0)
        return in_file(cfg, side, out, why, size);
    if (strcmp(cfg->connect_secrets, "inline") == 0) {
        mr_buf_add_str(out, side->opened.db.password);
        return mr_buf_err(out);
    }
    mr_buf_add_str(out, "${env:MILLRACE_PASSWORD_");
    for (const char *p = side->id; *p; p++)
        mr_buf_add_char(out, *p == '-' ? '_' : (char)toupper((unsigned char)*p));
    mr_buf_add_char(out, '}');
    return mr_buf_err(out);
}

int mr_connect_root_cert(const struct mr_config *cfg, const struct mr_plan_side *side,
                         struct mr_buf *out, char *why, size_t size)
{
    const char *pem = side->opened.db.ssl_root_cert;
    char path[PATH_SIZE];
    int rc;

    if (!pem || !pem[0])
        return MR_OK;
    rc = path_of(cfg, side->id, ".pem", path, why, size);
    if (rc == MR_OK)
        rc = write_file(path, mr_span_str(pem), why, size);
    if (rc == MR_OK)
        mr_buf_add_str(out, path);
    return rc == MR_OK ? mr_buf_err(out) : rc;
}
