/* proxies.c - X-Forwarded-For, read from its end: each proxy has added whom it heard, so what
 * stands before the first that is not ours may be anybody's invention.
 */
#include "io/proxies.h"

#include "proto/alloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define NETWORKS_MAX 256

struct network {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct mr_proxies {
    size_t n;
    struct network list[];
};

static struct mr_span trimmed(struct mr_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = mr_span_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Sixteen bytes of an address. *v4: it was one of version 4. */
static bool parse(struct mr_span text, unsigned char out[16], bool *v4)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[48];

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    memcpy(out, mapped, sizeof(mapped));
    *v4 = inet_pton(AF_INET, copy, out + 12) == 1;
    return *v4 || inet_pton(AF_INET6, copy, out) == 1;
}

static bool within(const struct network *net, const unsigned char addr[16])
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (memcmp(net->bytes, addr, whole) != 0)
        return false;
    return rest == 0 || ((net->bytes[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

static bool trusted(const struct mr_proxies *p, struct mr_span text)
{
    unsigned char addr[16];
    bool v4;

    if (!parse(text, addr, &v4))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        if (within(&p->list[i], addr))
            return true;
    }
    return false;
}

static int add(struct mr_proxies *p, struct mr_span entry)
{
    const char *slash = entry.len > 0 ? memchr(entry.ptr, '/', entry.len) : NULL;
    struct mr_span addr = slash ? mr_span_of(entry.ptr, (size_t)(slash - entry.ptr)) : entry;
    struct network *net = &p->list[p->n];
    unsigned bits = 0;
    bool v4;

    if (!parse(addr, net->bytes, &v4))
        return MR_E_INVAL;
    net->bits = 128;
    if (slash != NULL) {
        struct mr_span number = mr_span_of(slash + 1, entry.len - addr.len - 1);

        if (number.len == 0 || number.len > 3)
            return MR_E_INVAL;
        for (size_t i = 0; i < number.len; i++) {
            if (number.ptr[i] < '0' || number.ptr[i] > '9')
                return MR_E_INVAL;
            bits = bits * 10 + (unsigned)(number.ptr[i] - '0');
        }
        if (bits > (v4 ? 32u : 128u))
            return MR_E_INVAL;
        net->bits = bits + (v4 ? 96 : 0);
    }
    p->n++;
    return MR_OK;
}

int mr__proxies_new(struct mr_proxies **out, const char *list)
{
    struct mr_span rest = mr_span_str(list);
    struct mr_proxies *p;
    int rc = MR_OK;

    *out = NULL;
    if (rest.len == 0)
        return MR_OK;
    p = mr_zalloc(1, sizeof(*p) + NETWORKS_MAX * sizeof(p->list[0]));
    if (p == NULL)
        return MR_E_NOMEM;
    while (rest.len > 0 && rc == MR_OK) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.ptr) : rest.len;
        struct mr_span entry = trimmed(mr_span_of(rest.ptr, n));

        rest = mr_span_of(rest.ptr + n + (comma != NULL), rest.len - n - (comma != NULL));
        if (p->n + 2 > NETWORKS_MAX)
            rc = MR_E_INVAL;
        else if (!mr_span_is(entry, "loopback"))
            rc = add(p, entry);
        else if ((rc = add(p, MR_SPAN("127.0.0.0/8"))) == MR_OK)
            rc = add(p, MR_SPAN("::1"));
    }
    if (rc != MR_OK) {
        mr_free(p);
        return rc;
    }
    *out = p;
    return MR_OK;
}

void mr__proxies_free(struct mr_proxies *p)
{
    mr_free(p);
}

void mr__proxies_client(const struct mr_proxies *p, const char *peer, struct mr_span forwarded,
                        char out[48])
{
    unsigned char bytes[16];
    bool v4;

    (void)snprintf(out, 48, "%s", peer);
    if (p == NULL || !trusted(p, mr_span_str(peer)))
        return;
    while (forwarded.len > 0) {
        const char *comma = memrchr(forwarded.ptr, ',', forwarded.len);
        size_t from = comma ? (size_t)(comma - forwarded.ptr) + 1 : 0;
        struct mr_span last = trimmed(mr_span_of(forwarded.ptr + from, forwarded.len - from));

        forwarded.len = comma ? from - 1 : 0;
        if (!parse(last, bytes, &v4))
            return;
        (void)snprintf(out, 48, MR_SPAN_FMT, MR_SPAN_ARG(last));
        if (!trusted(p, last))
            return;
    }
}
