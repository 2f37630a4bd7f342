/* scan.h - byte classes of 16 and 64 bytes at a time, inside mrproto only.
 *
 * One primitive, the bitmask of the bytes that match, is written twice: with SSE2, which every
 * x86-64 has, and plainly for other machines. Bit i stands for p[i]. Callers make sure that the
 * bytes are there: nothing here reads past what it was given.
 */
#ifndef PROTO_SRC_SCAN_H
#define PROTO_SRC_SCAN_H

#include "proto/err.h"
#include "proto/json.h"
#include "proto/span.h"

#if defined(__SSE2__) && !defined(MR_NO_SIMD)
#include <emmintrin.h>

#define MR__VEC          __m128i
#define mr__vec_load(p)  _mm_loadu_si128((const __m128i *)(const void *)(p))
#define mr__vec_eq(v, c) _mm_cmpeq_epi8(v, _mm_set1_epi8(c))
#define mr__vec_mask(v)  ((unsigned)_mm_movemask_epi8(v))

/* Bytes at which a plain run of a JSON string ends: quote, backslash, control, non-ASCII. */
static inline unsigned mr__string_stops(const char *p)
{
    __m128i v = mr__vec_load(p);
    /* Signed: bytes from 0x80 up are negative, so one comparison finds them and the controls. */
    __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));

    return mr__vec_mask(_mm_or_si128(odd, _mm_or_si128(mr__vec_eq(v, '"'), mr__vec_eq(v, '\\'))));
}

static inline unsigned mr__non_ascii(const char *p)
{
    return mr__vec_mask(mr__vec_load(p));
}

struct mr__block {
    uint64_t quotes, backslashes, opens, closes;
};

static inline void mr__block_read(const char *p, struct mr__block *b)
{
    *b = (struct mr__block){0};
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = mr__vec_load(p + i);
        __m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20)); /* [ becomes {, ] becomes } */

        b->quotes |= (uint64_t)mr__vec_mask(mr__vec_eq(v, '"')) << i;
        b->backslashes |= (uint64_t)mr__vec_mask(mr__vec_eq(v, '\\')) << i;
        b->opens |= (uint64_t)mr__vec_mask(mr__vec_eq(folded, '{')) << i;
        b->closes |= (uint64_t)mr__vec_mask(mr__vec_eq(folded, '}')) << i;
    }
}
#else
static inline unsigned mr__string_stops(const char *p)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++) {
        unsigned char c = (unsigned char)p[i];

        mask |= (unsigned)(c < 0x20 || c >= 0x80 || c == '"' || c == '\\') << i;
    }
    return mask;
}

static inline unsigned mr__non_ascii(const char *p)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)((unsigned char)p[i] >> 7) << i;
    return mask;
}

struct mr__block {
    uint64_t quotes, backslashes, opens, closes;
};

static inline void mr__block_read(const char *p, struct mr__block *b)
{
    *b = (struct mr__block){0};
    for (unsigned i = 0; i < 64; i++) {
        b->quotes |= (uint64_t)(p[i] == '"') << i;
        b->backslashes |= (uint64_t)(p[i] == '\\') << i;
        b->opens |= (uint64_t)((p[i] | 0x20) == '{') << i;
        b->closes |= (uint64_t)((p[i] | 0x20) == '}') << i;
    }
}
#endif

/* Length of the valid UTF-8 sequence that begins at p with a byte from 0x80 up; 0 when it is not
 * one. p < end. */
size_t mr__utf8_seq(const char *p, const char *end);

static inline bool mr__json_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The first byte from p on that is not white space, or end. */
static inline const char *mr__json_skip_space(const char *p, const char *end)
{
    while (p < end && mr__json_space(*p))
        p++;
    return p;
}

/* Check and step over one value that begins at *at (white space before it allowed).
 *
 * at     in: where to begin; out: just past the value, or the byte at fault.
 * depth  levels of nesting that are open already; the value may open MR_JSON_DEPTH_MAX - depth.
 * Returns MR_OK, MR_E_PROTO or MR_E_TOOBIG. */
MR_MUSTCHECK int mr__json_scan(const char **at, const char *end, unsigned depth);

/* Step over the object or array at *at by its brackets alone: inside it only strings, nesting and
 * depth are looked at, which is several times faster. For what is thrown away. As above. */
MR_MUSTCHECK int mr__json_scan_blind(const char **at, const char *end, unsigned depth);

/* mr_json_begin and mr_json_next in smaller steps, so that a reader can go into a member's value
 * in place instead of finding its end first.
 *
 *   mr__json_enter  it stands before a container's bracket at it->at; depth counts it in.
 *   mr__json_key    MR_OK: it->key is read and it->at is the first byte of the value; MR_E_END:
 *                   it->at is just past the container (what follows is not looked at).
 *   mr__json_value  steps over the value at it->at and gives its span in it->value.
 * On an error it->at is the byte at fault. */
MR_MUSTCHECK int mr__json_enter(struct mr_json_iter *it, const char *at, const char *end,
                                unsigned depth);
MR_MUSTCHECK int mr__json_key(struct mr_json_iter *it);
MR_MUSTCHECK int mr__json_value(struct mr_json_iter *it);

#endif
