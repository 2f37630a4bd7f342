/* buf.c - a growing buffer whose failures stick: append freely, ask once at the end.
 *
 * Room is always kept for one byte more than the content, for the NUL of mr_buf_cstr, so asking
 * for the C string never allocates unless the buffer is still empty. The capacity doubles, but
 * never passes the ceiling (plus that byte).
 */
#include "proto/buf.h"

#include "proto/alloc.h"

#include <stdarg.h>
#include <stdio.h>

#define CAP_MIN 64

void mr_buf_init(struct mr_buf *b, size_t max)
{
    *b = (struct mr_buf)MR_BUF_INIT(max);
}

void mr_buf_free(struct mr_buf *b)
{
    mr_free(b->ptr);
    *b = (struct mr_buf)MR_BUF_INIT(b->max);
}

void mr_buf_clear(struct mr_buf *b)
{
    b->len = 0;
    b->err = MR_OK;
}

int mr_buf_reserve(struct mr_buf *b, size_t n)
{
    size_t cap = b->cap > CAP_MIN ? b->cap : CAP_MIN;
    char *ptr;

    if (b->err != MR_OK)
        return b->err;
    if (n > b->max || b->len > b->max - n || b->len + n == SIZE_MAX) {
        b->err = MR_E_TOOBIG;
        return b->err;
    }
    if (b->len + n < b->cap)
        return MR_OK;
    while (cap <= b->len + n)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (b->max < SIZE_MAX && cap > b->max + 1)
        cap = b->max + 1;
    ptr = mr_realloc(b->ptr, cap);
    if (ptr == NULL) {
        b->err = MR_E_NOMEM;
        return b->err;
    }
    b->ptr = ptr;
    b->cap = cap;
    return MR_OK;
}

void mr_buf_add(struct mr_buf *b, const void *ptr, size_t len)
{
    if (len == 0 || mr_buf_reserve(b, len) != MR_OK)
        return;
    memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
}

void mr_buf_add_span(struct mr_buf *b, struct mr_span s)
{
    mr_buf_add(b, s.ptr, s.len);
}

void mr_buf_add_str(struct mr_buf *b, const char *s)
{
    mr_buf_add(b, s, strlen(s));
}

void mr_buf_add_char(struct mr_buf *b, char c)
{
    mr_buf_add(b, &c, 1);
}

void mr_buf_add_u64(struct mr_buf *b, uint64_t v)
{
    char digits[20]; /* 2^64-1 has 20 */
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    mr_buf_add(b, digits + at, sizeof(digits) - at);
}

void mr_buf_add_i64(struct mr_buf *b, int64_t v)
{
    /* Sign and digits go in together, or a ceiling between them would leave a lone minus. */
    if (v < 0 && mr_buf_reserve(b, 2) != MR_OK)
        return;
    if (v < 0) {
        uint64_t magnitude = UINT64_C(0) - (uint64_t)v;
        size_t before = b->len;

        mr_buf_add_char(b, '-');
        mr_buf_add_u64(b, magnitude);
        if (b->err != MR_OK)
            b->len = before;
        return;
    }
    mr_buf_add_u64(b, (uint64_t)v);
}

void mr_buf_addf(struct mr_buf *b, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 && b->err == MR_OK)
        b->err = MR_E_NOMEM; /* the only way for vsnprintf to fail on formats of ours */
    if (len < 0 || mr_buf_reserve(b, (size_t)len) != MR_OK)
        return;
    va_start(args, fmt);
    (void)vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

int mr_buf_err(const struct mr_buf *b)
{
    return b->err;
}

const char *mr_buf_cstr(struct mr_buf *b)
{
    if (mr_buf_reserve(b, 0) != MR_OK)
        return "";
    b->ptr[b->len] = '\0';
    return b->ptr;
}
