/* hosts.c - every address is looked at as 16 bytes; IPv4 in its mapped form, so that a rule for it
 * holds however it is written. */
#include "databases/hosts.h"
#include "proto/alloc.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct net {
    unsigned char addr[16];
    unsigned bits;
};

struct entry {
    char *name; /* owned; NULL: a network. "*.x": whatever ends in ".x"; "*": anything */
    struct net net;
};

struct mr_hosts {
    size_t n;
    struct entry entries[MR_HOSTS_MAX];
};

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static const struct net refused[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254, 0, 0}, 112}, /* link-local */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}, 104},     /* "this network" */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 224, 0, 0, 0}, 99},    /* multicast and above */
    {{0xfe, 0x80}, 10},
    {{0xff}, 8},
    {{0}, 128},                     /* :: */
    {{0xfd, 0x00, 0x0e, 0xc2}, 32}, /* a cloud's metadata */
};

static bool inside(const struct net *n, const unsigned char addr[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    return memcmp(n->addr, addr, whole) == 0 &&
           (rest == 0 || (n->addr[whole] ^ addr[whole]) >> (8 - rest) == 0);
}

static int read_net(struct net *out, const char *text)
{
    char addr[INET6_ADDRSTRLEN + 1];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned bits = 128, most = 128;
    char after;

    if (len >= sizeof(addr))
        return MR_E_CONFIG;
    memcpy(addr, text, len);
    addr[len] = '\0';
    if (inet_pton(AF_INET, addr, out->addr + 12) == 1) {
        memcpy(out->addr, mapped, sizeof(mapped));
        most = 32;
    } else if (inet_pton(AF_INET6, addr, out->addr) != 1) {
        return MR_E_CONFIG;
    }
    if (slash) {
        if (sscanf(slash + 1, "%3u%c", &bits, &after) != 1 || bits > most)
            return MR_E_CONFIG;
        bits += 128 - most;
    }
    out->bits = bits;
    return MR_OK;
}

static bool is_name(const char *s)
{
    if (strcmp(s, "*") == 0)
        return true;
    if (strncmp(s, "*.", 2) == 0)
        s += 2;
    return *s != '\0' && strlen(s) <= 253 &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] ==
               '\0';
}

int mr_hosts_new(struct mr_hosts **out, const char *list)
{
    struct mr_hosts *h = mr_zalloc(1, sizeof(*h));
    int rc = h ? MR_OK : MR_E_NOMEM;

    while (rc == MR_OK && *list) {
        size_t len = strcspn(list, ", ");
        struct entry *e = &h->entries[h->n];
        char *word;

        if (len > 0 && h->n == MR_HOSTS_MAX) {
            rc = MR_E_CONFIG;
        } else if (len > 0) {
            word = mr_memdup0(list, len);
            if (!word) {
                rc = MR_E_NOMEM;
            } else if (read_net(&e->net, word) == MR_OK) {
                mr_free(word);
                h->n++;
            } else if (is_name(word)) {
                e->name = word;
                h->n++;
            } else {
                mr_free(word);
                rc = MR_E_CONFIG;
            }
        }
        list += len;
        list += strspn(list, ", ");
    }
    if (rc != MR_OK) {
        mr_hosts_free(h);
        return rc;
    }
    *out = h;
    return MR_OK;
}

void mr_hosts_free(struct mr_hosts *h)
{
    for (size_t i = 0; h && i < h->n; i++)
        mr_free(h->entries[i].name);
    mr_free(h);
}

static bool name_fits(const char *pattern, const char *name)
{
    size_t n = strlen(name), tail;

    if (n > 0 && name[n - 1] == '.') /* "db.example.com." is the same host */
        n--;
    if (strcmp(pattern, "*") == 0)
        return true;
    if (pattern[0] != '*')
        return strlen(pattern) == n && strncasecmp(pattern, name, n) == 0;
    tail = strlen(pattern + 1);
    return n > tail && strncasecmp(pattern + 1, name + n - tail, tail) == 0;
}

bool mr_hosts_allow(const struct mr_hosts *h, const char *name, const struct sockaddr *addr)
{
    unsigned char a[16];
    bool named = h->n == 0;

    if (addr->sa_family == AF_INET) {
        memcpy(a, mapped, sizeof(mapped));
        memcpy(a + 12, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, 4);
    } else if (addr->sa_family == AF_INET6) {
        memcpy(a, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr, 16);
    } else {
        return false;
    }
    for (size_t i = 0; i < h->n; i++) {
        if (!h->entries[i].name && inside(&h->entries[i].net, a))
            return true;
        named = named || (h->entries[i].name && name_fits(h->entries[i].name, name));
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (inside(&refused[i], a))
            return false;
    return named;
}
