/* json_scan.c - the one scanner under everything that reads JSON.
 *
 * A flat loop over the text, no recursion: what is open is a 64-bit stack of brackets (1 for an
 * object), which is also why the depth limit is 64. It checks all of RFC 8259 and UTF-8 while it
 * steps over a value, so whatever it has passed can go into a jsonb column as it is. Strings go
 * by 16 bytes at a time up to the next byte that means something.
 */
#include "scan.h"

_Static_assert(MR_JSON_DEPTH_MAX <= 64, "the stack of brackets is one 64-bit word");

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The first byte from p on that ends a plain run, or end. */
static inline const char *skip_plain(const char *p, const char *end)
{
    while (end - p >= 16) {
        unsigned stops = mr__string_stops(p);

        if (stops != 0)
            return p + __builtin_ctz(stops);
        p += 16;
    }
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* From a backslash to past its escape; NULL when it is none. */
static const char *skip_escape(const char *p, const char *end)
{
    if (end - p < 2)
        return NULL;
    if (p[1] != 'u')
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? p + 2 : NULL;
    if (end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) || !is_hex(p[5]))
        return NULL;
    return p + 6;
}

/* From just after the opening quote to just after the closing one. */
static int scan_string(const char **at, const char *end)
{
    const char *p = *at;
    const char *next;

    for (;; p = next) {
        p = skip_plain(p, end);
        if (p < end && *p == '"') {
            *at = p + 1;
            return MR_OK;
        }
        next = NULL;
        if (p < end && *p == '\\')
            next = skip_escape(p, end);
        else if (p < end && (unsigned char)*p >= 0x80)
            next = p + mr__utf8_seq(p, end);
        if (next == NULL || next == p) {
            *at = p;
            return MR_E_PROTO;
        }
    }
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

static int scan_number(const char **at, const char *end)
{
    const char *p = *at + (**at == '-');
    const char *digits = p;

    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p > digits + 1))
        goto bad; /* none, or a leading zero */
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            goto bad;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            goto bad;
    }
    *at = p;
    return MR_OK;
bad:
    *at = digits;
    return MR_E_PROTO;
}

static int scan_word(const char **at, const char *end, const char *word, size_t len)
{
    if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0)
        return MR_E_PROTO;
    *at += len;
    return MR_OK;
}

/* A value that holds no others. */
static inline int scan_scalar(const char **at, const char *end)
{
    switch (**at) {
    case '"':
        (*at)++;
        return scan_string(at, end);
    case 't':
        return scan_word(at, end, "true", 4);
    case 'f':
        return scan_word(at, end, "false", 5);
    case 'n':
        return scan_word(at, end, "null", 4);
    default:
        return scan_number(at, end);
    }
}

/* A member's key and colon; at ends up before the value. */
static inline int scan_key(const char **at, const char *end)
{
    const char *p = mr__json_skip_space(*at, end);
    int rc = MR_E_PROTO;

    if (p < end && *p == '"') {
        p++;
        rc = scan_string(&p, end);
    }
    if (rc == MR_OK) {
        p = mr__json_skip_space(p, end);
        if (p < end && *p == ':')
            p++;
        else
            rc = MR_E_PROTO;
    }
    *at = p;
    return rc;
}

int mr__json_scan(const char **at, const char *end, unsigned depth)
{
    uint64_t objects = 0; /* one bit a level that this value has open, the innermost lowest */
    unsigned open = 0;
    int rc = MR_OK;

    for (;;) {
        bool opened = false;

        *at = mr__json_skip_space(*at, end);
        if (*at == end)
            return MR_E_PROTO;
        if (**at == '{' || **at == '[') {
            if (depth + open >= MR_JSON_DEPTH_MAX)
                return MR_E_TOOBIG;
            objects = objects << 1 | (**at == '{');
            open++;
            opened = true;
            (*at)++;
        } else {
            rc = scan_scalar(at, end);
            if (rc != MR_OK)
                return rc;
        }
        /* A value is behind us, or a bracket was opened: close what closes here. */
        for (;; opened = false) {
            const char close = objects & 1 ? '}' : ']';

            if (open == 0)
                return MR_OK;
            *at = mr__json_skip_space(*at, end);
            if (*at == end)
                return MR_E_PROTO;
            if (**at == close) {
                (*at)++;
                objects >>= 1;
                open--;
                continue;
            }
            if (!opened && *(*at)++ != ',') {
                (*at)--;
                return MR_E_PROTO;
            }
            break;
        }
        if (objects & 1) {
            rc = scan_key(at, end);
            if (rc != MR_OK)
                return rc;
        }
    }
}

/* What the blind scanner knows between two bytes. */
struct blind {
    unsigned open; /* brackets open, counted from the container's own */
    unsigned max;
    bool in_string, escaped;
};

/* One byte, slowly. MR_E_END: it closed the container. */
static int blind_byte(struct blind *b, char c)
{
    if (b->escaped) {
        b->escaped = false;
    } else if (b->in_string) {
        b->escaped = c == '\\';
        b->in_string = c != '"';
    } else if (c == '"') {
        b->in_string = true;
    } else if (c == '{' || c == '[') {
        return b->open++ >= b->max ? MR_E_TOOBIG : MR_OK;
    } else if (c == '}' || c == ']') {
        return --b->open == 0 ? MR_E_END : MR_OK;
    }
    return MR_OK;
}

/* 64 bytes without a backslash: quotes come in pairs, so the parity of those before a byte says
 * whether it is inside a string. *used is where it stopped when it did not return MR_OK. */
static int blind_block(struct blind *b, const struct mr__block *block, unsigned *used)
{
    uint64_t inside = block->quotes;
    uint64_t brackets;

    for (unsigned shift = 1; shift < 64; shift *= 2)
        inside ^= inside << shift;
    if (b->in_string)
        inside = ~inside;
    b->in_string = inside >> 63;
    for (brackets = (block->opens | block->closes) & ~inside; brackets; brackets &= brackets - 1) {
        uint64_t lowest = brackets & (UINT64_C(0) - brackets);

        *used = (unsigned)__builtin_ctzll(brackets);
        if (block->opens & lowest) {
            if (b->open++ >= b->max)
                return MR_E_TOOBIG;
        } else if (--b->open == 0) {
            return MR_E_END;
        }
    }
    return MR_OK;
}

int mr__json_scan_blind(const char **at, const char *end, unsigned depth)
{
    struct blind b = {.max = depth < MR_JSON_DEPTH_MAX ? MR_JSON_DEPTH_MAX - depth : 0};
    const char *p = *at;
    int rc = MR_OK;

    while (p < end && rc == MR_OK) {
        struct mr__block block;
        unsigned used = 0;

        if (end - p >= 64) {
            mr__block_read(p, &block);
            if (block.backslashes == 0 && !b.escaped) {
                rc = blind_block(&b, &block, &used);
                p += rc == MR_OK ? 64 : used;
                continue;
            }
        }
        for (unsigned i = 0; i < 64 && p < end && rc == MR_OK; i++) {
            rc = blind_byte(&b, *p);
            p += rc == MR_OK;
        }
    }
    *at = rc == MR_E_END ? p + 1 : p;
    if (rc == MR_E_END)
        return MR_OK;
    return rc == MR_E_TOOBIG ? rc : MR_E_PROTO;
}

int mr__json_enter(struct mr_json_iter *it, const char *at, const char *end, unsigned depth)
{
    *it = (struct mr_json_iter){.at = at, .end = end, .first = true, .depth = depth + 1};
    if (at == end || (*at != '{' && *at != '['))
        return MR_E_PROTO;
    if (depth >= MR_JSON_DEPTH_MAX)
        return MR_E_TOOBIG;
    it->close = *at == '{' ? '}' : ']';
    it->at++;
    return MR_OK;
}

int mr__json_key(struct mr_json_iter *it)
{
    const char *key;
    int rc;

    it->at = mr__json_skip_space(it->at, it->end);
    if (it->at == it->end)
        return MR_E_PROTO;
    if (*it->at == it->close) {
        it->at++;
        return MR_E_END;
    }
    if (!it->first) {
        if (*it->at != ',')
            return MR_E_PROTO;
        it->at = mr__json_skip_space(it->at + 1, it->end);
    }
    it->first = false;
    it->key = MR_SPAN_NONE;
    if (it->close == '}') {
        key = it->at;
        if (key == it->end || *key != '"')
            return MR_E_PROTO;
        it->at++;
        rc = scan_string(&it->at, it->end);
        if (rc != MR_OK)
            return rc;
        it->key = mr_span_of(key + 1, (size_t)(it->at - key) - 2);
        it->at = mr__json_skip_space(it->at, it->end);
        if (it->at == it->end || *it->at != ':')
            return MR_E_PROTO;
        it->at = mr__json_skip_space(it->at + 1, it->end);
    }
    return MR_OK;
}

int mr__json_value(struct mr_json_iter *it)
{
    const char *start = it->at;
    int rc = mr__json_scan(&it->at, it->end, it->depth);

    if (rc == MR_OK)
        it->value = mr_span_of(start, (size_t)(it->at - start));
    return rc;
}
