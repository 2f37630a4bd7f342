/* config_check.c - settings that are words, that depend on each other, or are made of each other.
 */
#include "base/config_parts.h"
#include "proto/alloc.h"

#include <arpa/inet.h>
#include <ctype.h>

#define URL_BYTES_MAX 8192

/* Take the next word off a comma-separated list, without the blanks around it. False at the end. */
static bool next_word(const char **list, struct mr_span *word)
{
    const char *at = *list;
    size_t len = strcspn(at, ",");

    if (*at == '\0')
        return false;
    *list = at + len + (at[len] == ',');
    while (len > 0 && isspace((unsigned char)*at))
        at++, len--;
    while (len > 0 && isspace((unsigned char)at[len - 1]))
        len--;
    *word = mr_span_of(at, len);
    return true;
}

bool mr_config_has(const char *list, const char *word)
{
    struct mr_span w;

    while (next_word(&list, &w))
        if (mr_span_is(w, word))
            return true;
    return false;
}

/* Is every word of the list among words (NULL ends them)? An empty word is not. */
static bool all_known(const char *list, const char *const *words)
{
    struct mr_span w;

    while (next_word(&list, &w)) {
        bool known = false;

        for (size_t i = 0; words[i] && !known; i++)
            known = mr_span_is(w, words[i]);
        if (!known)
            return false;
    }
    return true;
}

static bool is_loopback(const char *host)
{
    struct in_addr a;
    struct in6_addr b;

    if (inet_pton(AF_INET, host, &a) == 1)
        return ntohl(a.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &b) == 1)
        return IN6_IS_ADDR_LOOPBACK(&b);
    return strcmp(host, "localhost") == 0;
}

/* libpq reads a url, or words such as "host=.. dbname=..". Drivers of other languages have schemes
 * of their own ("postgresql+psycopg2://"), which libpq would take for a database's name. */
static bool is_libpq_url(const char *url)
{
    const char *scheme = strstr(url, "://"), *eq = strchr(url, '=');

    if (!scheme || (eq && eq < scheme))
        return eq != NULL;
    return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

int mr__config_check(const struct mr_config *cfg, struct mr_buf *err)
{
    static const char *const roles[] = {"api", "logger", "ingest", NULL};
    static const char *const surfaces[] = {"ingest", "feeds", "metrics", NULL};
    bool open = strcmp(cfg->auth, "open") == 0;

    if (!all_known(cfg->roles, roles))
        return CONFIG_FAULT(err,
                            "MILLRACE_ROLES: \"%s\" is not acceptable: give one or more of "
                            "api, logger, ingest",
                            cfg->roles);
    if (!all_known(cfg->anonymous, surfaces))
        return CONFIG_FAULT(err,
                            "MILLRACE_ANONYMOUS: \"%s\" is not acceptable: give any of "
                            "ingest, feeds, metrics",
                            cfg->anonymous);
    if (!open && strcmp(cfg->auth, "required") != 0)
        return CONFIG_FAULT(err, "MILLRACE_AUTH: \"%s\" is not acceptable: give required or open",
                            cfg->auth);
    if (open && !is_loopback(cfg->host))
        return CONFIG_FAULT(err,
                            "MILLRACE_AUTH=open makes everyone admin, so MILLRACE_HOST must "
                            "be a loopback address, not \"%s\"",
                            cfg->host);
    if (strcmp(cfg->log_format, "logfmt") != 0 && strcmp(cfg->log_format, "json") != 0)
        return CONFIG_FAULT(err,
                            "MILLRACE_LOG_FORMAT: \"%s\" is not acceptable: give logfmt or "
                            "json",
                            cfg->log_format);
    if (strcmp(cfg->connect_secrets, "inline") != 0 && strcmp(cfg->connect_secrets, "file") != 0 &&
        strcmp(cfg->connect_secrets, "env") != 0)
        return CONFIG_FAULT(err,
                            "MILLRACE_CONNECT_SECRETS: \"%s\" is not acceptable: give inline, "
                            "file or env",
                            cfg->connect_secrets);
    if (strcmp(cfg->connect_secrets, "file") == 0 && cfg->connect_secrets_dir[0] != '/')
        return CONFIG_FAULT(err, "MILLRACE_CONNECT_SECRETS=file needs "
                                 "MILLRACE_CONNECT_SECRETS_DIR: a folder's whole path");
    if (*cfg->database_url && !is_libpq_url(cfg->database_url))
        return CONFIG_FAULT(err, "DATABASE_URL: the value is not acceptable: give "
                                 "postgresql://user:password@host:port/database");
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

static void add_database_url(struct mr_buf *b, const struct mr_config *cfg)
{
    mr_buf_add_str(b, "postgresql://");
    add_percent(b, cfg->db_user);
    mr_buf_add_char(b, ':');
    add_percent(b, cfg->db_password);
    mr_buf_add_char(b, '@');
    add_percent(b, cfg->db_host); /* a socket's folder or an IPv6 address is encoded, too */
    mr_buf_addf(b, ":%lld/", (long long)cfg->db_port);
    add_percent(b, cfg->db_name);
}

static void add_redis_url(struct mr_buf *b, const struct mr_config *cfg)
{
    bool v6 = strchr(cfg->redis_host, ':') != NULL;

    mr_buf_addf(b, "redis://%s%s%s:%lld/0", v6 ? "[" : "", cfg->redis_host, v6 ? "]" : "",
                (long long)cfg->redis_port);
}

static int take_text(char **setting, struct mr_buf *b)
{
    char *text = mr_buf_err(b) == MR_OK ? mr_memdup0(b->ptr, b->len) : NULL;

    if (!text)
        return MR_E_NOMEM;
    mr_free(*setting);
    *setting = text;
    mr_buf_clear(b);
    return MR_OK;
}

int mr__config_assemble(struct mr_config *cfg)
{
    struct mr_buf b = MR_BUF_INIT(URL_BYTES_MAX);
    int rc = MR_OK;

    if (*cfg->database_url == '\0') {
        add_database_url(&b, cfg);
        rc = take_text(&cfg->database_url, &b);
    }
    if (rc == MR_OK && *cfg->redis_url == '\0') {
        add_redis_url(&b, cfg);
        rc = take_text(&cfg->redis_url, &b);
    }
    mr_buf_free(&b);
    return rc;
}
