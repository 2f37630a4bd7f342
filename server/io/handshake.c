/* handshake.c - what the application may ask about the request that opened a connection. It is kept
 * once a session, whatever number of sockets is on it, and only what has a value.
 */
#include "io/handshake.h"

#include "base/clock.h"
#include "io/core.h"
#include "io/exchange.h"
#include "millrace/query.h"
#include "proto/alloc.h"

#include <stdio.h>

static const char *const always[] = {"authorization", "cookie",          "origin",
                                     "user-agent",    "x-forwarded-for", "x-request-id"};

/* Has the query anything that is not Engine.IO's? */
static bool is_telling(struct mr_span query)
{
    static const char *const own[] = {"EIO", "transport", "sid", "t", "b64"};
    struct mr_span name, value;

    while (mr_query_next(&query, &name, &value)) {
        bool known = false;

        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
            known = known || mr_span_is(name, own[i]);
        if (!known)
            return true;
    }
    return false;
}

/* The i-th header that is kept: its lower-case name; NULL: that is all. */
static const char *kept(const struct mr_server *srv, size_t i)
{
    const size_t n = sizeof(always) / sizeof(always[0]);

    if (i < n)
        return always[i];
    return i - n < srv->n_kept_headers ? srv->kept_headers[i - n] : NULL;
}

struct mr_handshake *mr__handshake_new(const struct mr_server *srv, const struct mr_exchange *ex)
{
    struct mr_span query = is_telling(ex->query) ? ex->query : MR_SPAN_NONE, value;
    size_t bytes = query.len, n = 0;
    struct mr_handshake *hs;
    const char *name;
    char *at;

    for (size_t i = 0; (name = kept(srv, i)) != NULL; i++) {
        value = ex->ops->header(ex, name);
        bytes += value.len;
        n += value.len > 0;
    }
    hs = mr_alloc(sizeof(*hs) + n * sizeof(hs->headers[0]) + bytes);
    if (hs == NULL)
        return NULL;
    hs->refs = 1;
    hs->n = 0;
    hs->issued_ms = (uint64_t)mr_wall_ms();
    hs->secure = ex->ops->secure != NULL && ex->ops->secure(ex);
    (void)snprintf(hs->addr, sizeof(hs->addr), "%s", ex->ops->addr(ex));
    at = (char *)&hs->headers[n];
    for (size_t i = 0; (name = kept(srv, i)) != NULL; i++) {
        value = ex->ops->header(ex, name);
        if (value.len == 0)
            continue;
        memcpy(at, value.ptr, value.len);
        hs->headers[hs->n++] = (struct mr_kept_header){name, mr_span_of(at, value.len)};
        at += value.len;
    }
    hs->query = mr_span_of(at, query.len);
    if (query.len > 0)
        memcpy(at, query.ptr, query.len);
    return hs;
}

struct mr_handshake *mr__handshake_ref(struct mr_handshake *hs)
{
    hs->refs++;
    return hs;
}

void mr__handshake_unref(struct mr_handshake *hs)
{
    if (hs != NULL && --hs->refs == 0)
        mr_free(hs);
}

struct mr_span mr__handshake_header(const struct mr_handshake *hs, const char *name)
{
    for (uint32_t i = 0; i < hs->n; i++) {
        if (strcmp(hs->headers[i].name, name) == 0)
            return hs->headers[i].value;
    }
    return MR_SPAN_NONE;
}

/* ---- which headers ------------------------------------------------------------------------- */

static bool name_ok(struct mr_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return name.len > 0;
}

int mr__handshake_keep(struct mr_server *srv, const char *list)
{
    struct mr_span rest = mr_span_str(list ? list : "");
    char **names;

    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct mr_span name = mr_span_of(rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len);

        rest = mr_span_of(rest.ptr + name.len + (comma != NULL),
                          rest.len - name.len - (comma != NULL));
        while (name.len > 0 && name.ptr[0] == ' ')
            name = mr_span_of(name.ptr + 1, name.len - 1);
        while (name.len > 0 && name.ptr[name.len - 1] == ' ')
            name.len--;
        if (!name_ok(name) || srv->n_kept_headers == MR_KEPT_HEADERS_MAX)
            return MR_E_INVAL;
        names = mr_realloc(srv->kept_headers, (srv->n_kept_headers + 1) * sizeof(char *));
        if (names == NULL)
            return MR_E_NOMEM;
        srv->kept_headers = names;
        names[srv->n_kept_headers] = mr_memdup0(name.ptr, name.len);
        if (names[srv->n_kept_headers] == NULL)
            return MR_E_NOMEM;
        srv->n_kept_headers++;
    }
    return MR_OK;
}

void mr__handshake_keep_none(struct mr_server *srv)
{
    for (size_t i = 0; i < srv->n_kept_headers; i++)
        mr_free(srv->kept_headers[i]);
    mr_free(srv->kept_headers);
    srv->kept_headers = NULL;
    srv->n_kept_headers = 0;
}
