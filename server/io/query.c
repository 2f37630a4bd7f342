/* query.c - the query of a request, parameter by parameter. */
#include "millrace/query.h"

#include <string.h>

bool mr_query_next(struct mr_span *query, struct mr_span *name, struct mr_span *value)
{
    while (query->len > 0) {
        const char *amp = memchr(query->ptr, '&', query->len);
        struct mr_span pair = mr_span_of(query->ptr, amp ? (size_t)(amp - query->ptr) : query->len);
        const char *eq = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;

        query->ptr += pair.len + (amp != NULL);
        query->len -= pair.len + (amp != NULL);
        if (pair.len == 0)
            continue;
        *name = mr_span_of(pair.ptr, eq ? (size_t)(eq - pair.ptr) : pair.len);
        *value = eq ? mr_span_of(eq + 1, pair.len - name->len - 1) : MR_SPAN_NONE;
        return true;
    }
    return false;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int64_t mr_query_decode(struct mr_span raw, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];

        if (n + 1 >= size)
            return MR_E_TOOBIG;
        if (c == '%') {
            int high = raw.len - i > 2 ? hex(raw.ptr[i + 1]) : -1;
            int low = raw.len - i > 2 ? hex(raw.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return MR_E_PROTO;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    if (size == 0)
        return MR_E_TOOBIG;
    out[n] = '\0';
    return (int64_t)n;
}

/* Is a name, as it was sent, this one? */
static bool is_named(struct mr_span raw, const char *name)
{
    char text[256];
    int64_t n = mr_query_decode(raw, text, sizeof(text));

    return n >= 0 && mr_span_is(mr_span_of(text, (size_t)n), name);
}

int64_t mr_query_param(struct mr_span query, const char *name, char *out, size_t size)
{
    struct mr_span each, value;

    while (mr_query_next(&query, &each, &value)) {
        if (is_named(each, name))
            return mr_query_decode(value, out, size);
    }
    return MR_E_NOTFOUND;
}
