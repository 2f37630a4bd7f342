/* redis_url.c - where Redis is, taken apart. */
#include "store/redis.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* %xx, as in any URL. */
static int unescape(const char *text, size_t len, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '%') {
            char hex[3] = {0};

            if (len - i < 3)
                return MR_E_CONFIG;
            hex[0] = text[i + 1];
            hex[1] = text[i + 2];
            if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]))
                return MR_E_CONFIG;
            c = (char)strtol(hex, NULL, 16);
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return MR_E_CONFIG;
        out[n++] = c;
    }
    out[n] = '\0';
    return MR_OK;
}

static int take_port(const char *text, size_t len, int *port)
{
    int n = 0;

    if (len == 0 || len > 5)
        return MR_E_CONFIG;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return MR_E_CONFIG;
        n = n * 10 + (text[i] - '0');
    }
    *port = n;
    return n >= 1 && n <= 65535 ? MR_OK : MR_E_CONFIG;
}

/* host, host:port or [v6]:port */
static int take_host(const char *text, size_t len, int port, struct mr_redis_url *out)
{
    const char *host = text, *end = text + len, *after;
    size_t n;

    if (out->n_hosts == sizeof(out->hosts) / sizeof(out->hosts[0]))
        return MR_E_CONFIG;
    if (len > 0 && *host == '[') {
        after = memchr(host, ']', len);
        if (!after)
            return MR_E_CONFIG;
        host++;
        n = (size_t)(after - host);
        after++;
    } else {
        after = memchr(host, ':', len);
        after = after ? after : end;
        n = (size_t)(after - host);
    }
    if (n == 0 || n >= sizeof(out->hosts[0].host))
        return MR_E_CONFIG;
    out->hosts[out->n_hosts].port = port;
    if (after < end && (*after != ':' || take_port(after + 1, (size_t)(end - after - 1),
                                                   &out->hosts[out->n_hosts].port) != MR_OK))
        return MR_E_CONFIG;
    memcpy(out->hosts[out->n_hosts].host, host, n);
    out->hosts[out->n_hosts++].host[n] = '\0';
    return MR_OK;
}

static int take_login(const char *text, size_t len, struct mr_redis_url *out)
{
    const char *colon = memchr(text, ':', len);
    int rc;

    if (!colon)
        return unescape(text, len, out->user, sizeof(out->user));
    rc = unescape(text, (size_t)(colon - text), out->user, sizeof(out->user));
    return rc == MR_OK ? unescape(colon + 1, len - (size_t)(colon - text) - 1, out->password,
                                  sizeof(out->password))
                       : rc;
}

static int take_db(const char *text, int *db)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);

    if (*text == '\0')
        return MR_OK;
    if (*end != '\0' || n < 0 || n > 65535)
        return MR_E_CONFIG;
    *db = (int)n;
    return MR_OK;
}

int mr_redis_url_parse(const char *url, struct mr_redis_url *out)
{
    static const char plain[] = "redis://", tls[] = "rediss://", sentinel[] = "redis-sentinel://";
    const char *hosts, *at, *path;
    int rc = MR_OK;

    *out = (struct mr_redis_url){0};
    out->tls = strncmp(url, tls, sizeof(tls) - 1) == 0;
    out->sentinel = strncmp(url, sentinel, sizeof(sentinel) - 1) == 0;
    if (!out->tls && !out->sentinel && strncmp(url, plain, sizeof(plain) - 1) != 0)
        return MR_E_CONFIG;
    hosts = strstr(url, "://") + 3;
    path = strchr(hosts, '/');
    path = path ? path : hosts + strlen(hosts);
    at = memrchr(hosts, '@', (size_t)(path - hosts));
    if (at) {
        rc = take_login(hosts, (size_t)(at - hosts), out);
        hosts = at + 1;
    }
    while (rc == MR_OK && hosts <= path) {
        const char *comma = memchr(hosts, ',', (size_t)(path - hosts));
        const char *end = comma ? comma : path;

        rc = take_host(hosts, (size_t)(end - hosts), out->sentinel ? 26379 : 6379, out);
        hosts = end + 1;
    }
    if (rc == MR_OK && out->n_hosts > 1 && !out->sentinel)
        rc = MR_E_CONFIG;
    if (rc == MR_OK && out->sentinel) {
        size_t n = *path == '/' ? strcspn(path + 1, "/") : 0;

        rc = n > 0 ? unescape(path + 1, n, out->name, sizeof(out->name)) : MR_E_CONFIG;
        path = n > 0 ? path + 1 + n : path;
    }
    return rc == MR_OK && *path == '/' ? take_db(path + 1, &out->db) : rc;
}
