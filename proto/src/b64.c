/* b64.c - base64, the standard alphabet with padding.
 *
 * Strict: a length that is not a multiple of four, padding anywhere but at the end, or bits set
 * under the padding is refused, so each byte string has exactly one spelling.
 */
#include "proto/b64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0..63, or -1 for a byte outside the alphabet. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t padding_len(struct mr_span text)
{
    if (text.len == 0 || text.ptr[text.len - 1] != '=')
        return 0;
    return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

bool mr_b64_valid(struct mr_span text)
{
    size_t padding, digits;

    if (text.len % 4 != 0)
        return false;
    padding = padding_len(text);
    digits = text.len - padding;
    for (size_t i = 0; i < digits; i++) {
        if (digit_value(text.ptr[i]) < 0)
            return false;
    }
    if (padding == 1)
        return (digit_value(text.ptr[digits - 1]) & 0x03) == 0;
    return padding == 0 || (digit_value(text.ptr[digits - 1]) & 0x0f) == 0;
}

int mr_b64_decode(struct mr_span text, struct mr_buf *out)
{
    size_t padding, len;
    char *to;
    int rc;

    if (!mr_b64_valid(text))
        return MR_E_PROTO;
    if (text.len == 0)
        return mr_buf_err(out);
    padding = padding_len(text);
    len = text.len / 4 * 3 - padding;
    rc = mr_buf_reserve(out, len);
    if (rc != MR_OK)
        return rc;
    to = out->ptr + out->len;
    for (size_t i = 0, done = 0; i < text.len; i += 4) {
        uint32_t bits = 0;

        for (size_t j = 0; j < 4; j++) {
            int value = digit_value(text.ptr[i + j]); /* -1 only for padding: it was checked */

            bits = bits << 6 | (uint32_t)(value < 0 ? 0 : value);
        }
        for (unsigned shift = 24; shift > 0 && done < len; done++) {
            shift -= 8;
            to[done] = (char)(bits >> shift & 0xff);
        }
    }
    out->len += len;
    return MR_OK;
}

static bool is_space(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* How many digits there are, spaces and padding left out; SIZE_MAX: it is no base64. */
static size_t count_digits(struct mr_span text)
{
    size_t digits = 0, padding = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (is_space(c))
            continue;
        if (c == '=') {
            padding++;
            continue;
        }
        if (padding > 0 || (digit_value(c) < 0 && c != '-' && c != '_'))
            return SIZE_MAX;
        digits++;
    }
    return digits % 4 == 1 || (padding > 0 && (padding > 2 || (digits + padding) % 4 != 0))
               ? SIZE_MAX
               : digits;
}

int mr_b64_read(struct mr_span text, struct mr_buf *out)
{
    size_t digits = count_digits(text), len = digits / 4 * 3 + digits % 4 * 3 / 4, done = 0;
    unsigned bits = 0, held = 0;
    char *to;

    if (digits == SIZE_MAX)
        return MR_E_PROTO;
    if (out == NULL || len == 0)
        return out != NULL ? mr_buf_err(out) : MR_OK;
    if (mr_buf_reserve(out, len) != MR_OK)
        return mr_buf_err(out);
    to = out->ptr + out->len;
    for (size_t i = 0; done < len; i++) {
        char c = text.ptr[i];

        if (is_space(c))
            continue;
        bits = bits << 6 | (unsigned)(c == '-' ? 62 : c == '_' ? 63 : digit_value(c));
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[done++] = (char)(bits >> held & 0xff);
        }
    }
    out->len += len;
    return MR_OK;
}

void mr_b64_encode(struct mr_span bytes, struct mr_buf *out)
{
    const unsigned char *from = (const unsigned char *)bytes.ptr;
    char *to;

    if (bytes.len > SIZE_MAX / 2) {
        out->err = out->err != MR_OK ? out->err : MR_E_TOOBIG;
        return;
    }
    if (bytes.len == 0 || mr_buf_reserve(out, (bytes.len + 2) / 3 * 4) != MR_OK)
        return;
    to = out->ptr + out->len;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)from[i] << 16;

        bits |= left > 1 ? (uint32_t)from[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)from[i + 2] : 0;
        *to++ = alphabet[bits >> 18 & 63];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    out->len += (bytes.len + 2) / 3 * 4;
}
