/* router.c - matching is linear over the table: some dozens of rows, one compare of a few bytes
 * each, where a request costs a thousand times as much. */
#include "api/router.h"
#include "proto/utf8.h"
#include <stdio.h>
#include <strings.h>

static struct mr_span segment(struct mr_span *rest)
{
    const char *slash = memchr(rest->ptr, '/', rest->len);
    struct mr_span s = {rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len};
    size_t used = s.len + (slash ? 1 : 0);

    rest->ptr += used;
    rest->len -= used;
    return s;
}

/* How many parameters of the pattern the path fills; -1: it does not fit. */
static int path_matches(const char *pattern, struct mr_span path, struct mr_span *params)
{
    struct mr_span want = mr_span_str(pattern);
    size_t n = 0;

    while (want.len > 0 && path.len > 0) {
        bool more_want, more_path;
        struct mr_span w, p;

        more_want = memchr(want.ptr, '/', want.len) != NULL;
        more_path = memchr(path.ptr, '/', path.len) != NULL;
        w = segment(&want);
        p = segment(&path);
        if (w.len > 0 && w.ptr[0] == '{') {
            if (p.len == 0 || n == MR_ROUTE_PARAMS_MAX)
                return -1;
            params[n++] = p;
        } else if (!mr_span_eq(w, p)) {
            return -1;
        }
        if (more_want != more_path)
            return -1;
    }
    return want.len == 0 && path.len == 0 ? (int)n : -1;
}

/* Of the patterns that a path fits the one with the fewest parameters: "/connections/test" is an
 * address of its own, with methods of its own, beside "/connections/{id}". NULL: it fits none. */
static const char *best_pattern(const struct mr_route *table, size_t n, struct mr_span path)
{
    const char *best = NULL;
    int fewest = MR_ROUTE_PARAMS_MAX + 1;

    for (size_t i = 0; i < n; i++) {
        struct mr_span params[MR_ROUTE_PARAMS_MAX];
        int filled = path_matches(table[i].path, path, params);

        if (filled >= 0 && filled < fewest) {
            fewest = filled;
            best = table[i].path;
        }
    }
    return best;
}

static void add_method(struct mr_match *m, const char *method)
{
    size_t used = strlen(m->allow);

    (void)snprintf(m->allow + used, sizeof(m->allow) - used, "%s%s%s", used > 0 ? ", " : "", method,
                   strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

int mr_router_match(const struct mr_route *table, size_t n, const char *method, struct mr_span path,
                    struct mr_match *out)
{
    const char *want = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const char *pattern = best_pattern(table, n, path);

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; pattern && i < n; i++) {
        struct mr_span params[MR_ROUTE_PARAMS_MAX] = {{NULL, 0}};

        if (strcmp(table[i].path, pattern) != 0 || path_matches(table[i].path, path, params) < 0)
            continue;
        add_method(out, table[i].method);
        if (!out->route && strcmp(table[i].method, want) == 0) {
            out->route = &table[i];
            memcpy(out->params, params, sizeof(params));
        }
    }
    if (out->allow[0] == '\0')
        return MR_E_NOTFOUND;
    add_method(out, "OPTIONS");
    return out->route ? MR_OK : MR_E_CONFLICT;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mr_url_decode(struct mr_span text, bool plus, struct mr_buf *out)
{
    size_t from = out->len;
    int rc;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int hi = text.len - i > 2 ? hex(text.ptr[i + 1]) : -1;
            int lo = text.len - i > 2 ? hex(text.ptr[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return MR_E_PROTO;
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return MR_E_PROTO;
        mr_buf_add_char(out, c);
    }
    rc = mr_buf_err(out);
    if (rc == MR_OK &&
        mr_utf8_valid_len(mr_span_of(out->ptr + from, out->len - from)) != out->len - from)
        rc = MR_E_PROTO;
    return rc;
}

int mr_query_get(struct mr_span query, const char *name, struct mr_buf *out)
{
    size_t name_len = strlen(name);

    while (query.len > 0) {
        const char *amp = memchr(query.ptr, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.ptr) : query.len;

        if (len > name_len && query.ptr[name_len] == '=' && memcmp(query.ptr, name, name_len) == 0)
            return mr_url_decode(mr_span_of(query.ptr + name_len + 1, len - name_len - 1), true,
                                 out);
        query.ptr += len + (amp ? 1 : 0);
        query.len -= len + (amp ? 1 : 0);
    }
    return MR_E_NOTFOUND;
}

static struct mr_span trim(struct mr_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s.ptr++, s.len--;
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* "q=0", "q=0.0": refused. Anything else is taken as yes. */
static bool quality_is_zero(struct mr_span params)
{
    const char *q = memmem(params.ptr, params.len, "q=", 2);

    if (!q)
        return false;
    for (q += 2; q < params.ptr + params.len && *q != ';'; q++)
        if (*q != '0' && *q != '.' && *q != ' ')
            return false;
    return true;
}

bool mr_header_accepts(struct mr_span list, const char *token)
{
    while (list.len > 0) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
        const char *semi = memchr(list.ptr, ';', len);
        struct mr_span name = trim(mr_span_of(list.ptr, semi ? (size_t)(semi - list.ptr) : len));
        struct mr_span params =
            semi ? mr_span_of(semi, len - (size_t)(semi - list.ptr)) : MR_SPAN("");

        if (name.len == strlen(token) && strncasecmp(name.ptr, token, name.len) == 0)
            return !quality_is_zero(params);
        list.ptr += len + (comma ? 1 : 0);
        list.len -= len + (comma ? 1 : 0);
    }
    return false;
}
