/* json.c - what callers ask of JSON text: check it, walk it, take a member, resolve escapes, and
 * write strings. Reading is json_scan.c's; here is only what to make of it.
 */
#include "proto/json.h"

#include "scan.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

enum mr_json_type mr_json_type(struct mr_span value)
{
    if (value.len == 0)
        return MR_JSON_NONE;
    switch (value.ptr[0]) {
    case 'n':
        return MR_JSON_NULL;
    case 'f':
        return MR_JSON_FALSE;
    case 't':
        return MR_JSON_TRUE;
    case '"':
        return MR_JSON_STRING;
    case '[':
        return MR_JSON_ARRAY;
    case '{':
        return MR_JSON_OBJECT;
    default:
        return value.ptr[0] == '-' || (value.ptr[0] >= '0' && value.ptr[0] <= '9') ? MR_JSON_NUMBER
                                                                                   : MR_JSON_NONE;
    }
}

int mr_json_check(struct mr_span text, struct mr_span *value)
{
    const char *end, *start, *at;
    int rc;

    if (text.len == 0)
        return MR_E_PROTO;
    end = text.ptr + text.len;
    start = mr__json_skip_space(text.ptr, end);
    at = start;
    rc = mr__json_scan(&at, end, 0);
    if (rc != MR_OK)
        return rc;
    if (mr__json_skip_space(at, end) != end)
        return MR_E_PROTO;
    *value = mr_span_of(start, (size_t)(at - start));
    return MR_OK;
}

int mr_json_begin(struct mr_json_iter *it, struct mr_span container)
{
    const char *end;

    if (container.len == 0)
        return MR_E_PROTO;
    end = container.ptr + container.len;
    return mr__json_enter(it, mr__json_skip_space(container.ptr, end), end, 0);
}

int mr_json_next(struct mr_json_iter *it)
{
    int rc = mr__json_key(it);

    if (rc == MR_OK)
        return mr__json_value(it);
    if (rc == MR_E_END && mr__json_skip_space(it->at, it->end) != it->end)
        return MR_E_PROTO;
    return rc;
}

int mr_json_get(struct mr_span object, const char *name, struct mr_span *value)
{
    struct mr_span want = mr_span_str(name);
    struct mr_json_iter it;
    int rc = mr_json_begin(&it, object);

    if (rc != MR_OK || it.close != '}')
        return rc == MR_E_TOOBIG ? rc : MR_E_NOTFOUND;
    while ((rc = mr_json_next(&it)) == MR_OK) {
        if (mr_span_eq(it.key, want)) {
            *value = it.value;
            return MR_OK;
        }
    }
    return rc == MR_E_END ? MR_E_NOTFOUND : rc;
}

struct mr_span mr_json_string_raw(struct mr_span value)
{
    if (value.len < 2 || value.ptr[0] != '"')
        return MR_SPAN_NONE;
    return mr_span_of(value.ptr + 1, value.len - 2);
}

int mr_json_int(struct mr_span value, int64_t *out)
{
    bool negative = value.len > 0 && value.ptr[0] == '-';
    size_t at = negative;
    int64_t n = 0;

    if (at == value.len || (value.ptr[at] == '0' && value.len > at + 1))
        return MR_E_PROTO;
    /* Counted downwards, since INT64_MIN has no positive counterpart. */
    for (; at < value.len; at++) {
        if (value.ptr[at] < '0' || value.ptr[at] > '9')
            return MR_E_PROTO;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, value.ptr[at] - '0', &n))
            return MR_E_PROTO;
    }
    if (!negative && n == INT64_MIN)
        return MR_E_PROTO;
    *out = negative ? n : -n;
    return MR_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of the \uXXXX at p, or -1. */
static int32_t read_unit(const char *p, const char *end)
{
    int32_t unit = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int hex = hex_value(p[i]);

        if (hex < 0)
            return -1;
        unit = unit << 4 | hex;
    }
    return unit;
}

static void add_code_point(struct mr_buf *out, uint32_t c)
{
    char bytes[4];
    size_t n = 0;

    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else if (c < 0x800) {
        bytes[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        bytes[n++] = (char)(0xe0 | c >> 12);
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        bytes[n++] = (char)(0xf0 | c >> 18);
        bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        bytes[n++] = (char)(0x80 | (c & 0x3f));
    mr_buf_add(out, bytes, n);
}

/* Resolve the \u escape at p, with its low half when it is a pair; NULL when it is malformed. */
static const char *add_unicode(struct mr_buf *out, const char *p, const char *end)
{
    int32_t unit = read_unit(p, end);
    int32_t low;

    if (unit < 0)
        return NULL;
    if (unit < 0xd800 || unit > 0xdfff) {
        add_code_point(out, (uint32_t)unit);
        return p + 6;
    }
    low = unit < 0xdc00 ? read_unit(p + 6, end) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        mr_buf_add_str(out, REPLACEMENT);
        return p + 6;
    }
    add_code_point(out, 0x10000 + ((uint32_t)(unit - 0xd800) << 10 | (uint32_t)(low - 0xdc00)));
    return p + 12;
}

int mr_json_unescape(struct mr_span raw, struct mr_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = raw.ptr;
    const char *end = raw.len > 0 ? raw.ptr + raw.len : raw.ptr;

    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        const char *found;

        mr_buf_add(out, p, (size_t)((escape ? escape : end) - p));
        if (escape == NULL)
            break;
        if (end - escape < 2)
            return MR_E_PROTO;
        if (escape[1] == 'u') {
            p = add_unicode(out, escape, end);
            if (p == NULL)
                return MR_E_PROTO;
            continue;
        }
        found = memchr(from, escape[1], sizeof(from) - 1);
        if (found == NULL)
            return MR_E_PROTO;
        mr_buf_add_char(out, to[found - from]);
        p = escape + 2;
    }
    return mr_buf_err(out);
}

/* The byte at p, which does not stand for itself in a JSON string. Returns how many it took. */
static size_t add_escaped(struct mr_buf *b, const char *p, const char *end)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = memchr(from, *p, sizeof(from) - 1);
    unsigned char c = (unsigned char)*p;
    size_t seq;

    if (found != NULL) {
        char escape[2] = {'\\', to[found - from]};

        mr_buf_add(b, escape, 2);
        return 1;
    }
    if (c < 0x20) {
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

        mr_buf_add(b, escape, 6);
        return 1;
    }
    seq = mr__utf8_seq(p, end);
    if (seq > 0) {
        mr_buf_add(b, p, seq);
        return seq;
    }
    mr_buf_add_str(b, REPLACEMENT);
    return 1;
}

void mr_json_add_string(struct mr_buf *b, struct mr_span text)
{
    size_t at = 0;

    mr_buf_add_char(b, '"');
    while (at < text.len && b->err == MR_OK) {
        size_t run = at;

        for (;;) {
            unsigned char c;

            while (text.len - run >= 16 && mr__string_stops(text.ptr + run) == 0)
                run += 16;
            if (run == text.len)
                break;
            c = (unsigned char)text.ptr[run];
            if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
                break;
            run++;
        }
        mr_buf_add(b, text.ptr + at, run - at);
        at = run;
        if (at < text.len)
            at += add_escaped(b, text.ptr + at, text.ptr + text.len);
    }
    mr_buf_add_char(b, '"');
}

void mr_json_add_string_or_null(struct mr_buf *b, struct mr_span text)
{
    if (text.ptr == NULL)
        mr_buf_add_str(b, "null");
    else
        mr_json_add_string(b, text);
}

void mr_json_add_member(struct mr_buf *b, const char *name, const char *text)
{
    mr_buf_addf(b, ",\"%s\":", name);
    mr_json_add_string_or_null(b, text && text[0] ? mr_span_str(text) : MR_SPAN_NONE);
}
