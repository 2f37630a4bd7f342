/* utf8.c - UTF-8 checked against the table of RFC 3629 section 4.
 *
 * ASCII goes by 16 bytes at a time; anything else one sequence at a time, where only the second
 * byte has a range of its own (that is what excludes overlong forms, surrogates and what lies
 * above U+10FFFF).
 */
#include "proto/utf8.h"

#include "scan.h"

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t mr__utf8_seq(const char *p, const char *end)
{
    unsigned char lead = (unsigned char)p[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || (size_t)(end - p) < len)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if ((unsigned char)p[1] < low || (unsigned char)p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (!is_tail(p[i]))
            return 0;
    }
    return len;
}

size_t mr_utf8_valid_len(struct mr_span text)
{
    size_t at = 0;

    while (at < text.len) {
        const char *p = text.ptr + at;
        size_t seq;

        if (text.len - at >= 16 && mr__non_ascii(p) == 0) {
            at += 16;
            continue;
        }
        if ((unsigned char)*p < 0x80) {
            at++;
            continue;
        }
        seq = mr__utf8_seq(p, text.ptr + text.len);
        if (seq == 0)
            return at;
        at += seq;
    }
    return at;
}

size_t mr_utf8_count(struct mr_span text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += !is_tail(text.ptr[i]);
    return n;
}
