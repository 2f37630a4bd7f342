/* uuid.c - UUIDv7: 48 bits of Unix milliseconds, then randomness.
 *
 *   tttttttt-tttt-7rrr-[89ab]rrr-rrrrrrrrrrrr
 *
 * Within a thread ids rise strictly: inside one millisecond the 74 random bits are counted up (RFC
 * 9562, method 2) by a random step, and a clock that steps back is held where it was. Random bytes
 * are taken from the kernel a block at a time, so that an id costs no system call.
 */
#include "base/uuid.h"

#include <stdlib.h>
#include <sys/random.h>

#define POOL_BYTES 1024

static _Thread_local struct {
    unsigned char pool[POOL_BYTES];
    size_t used; /* 0 at first use: see primed */
    bool primed;
    uint64_t last_ms;
    uint64_t hi, lo; /* 12 and 62 bits: the counter of this millisecond */
} gen;

static void take_random(void *out, size_t n)
{
    if (!gen.primed || gen.used + n > POOL_BYTES) {
        size_t got = 0;

        while (got < POOL_BYTES) {
            ssize_t r = getrandom(gen.pool + got, POOL_BYTES - got, 0);

            if (r > 0)
                got += (size_t)r;
            else if (r == 0)
                abort(); /* the kernel never gives nothing; ids without randomness would repeat */
        }
        gen.used = 0;
        gen.primed = true;
    }
    memcpy(out, gen.pool + gen.used, n);
    gen.used += n;
}

struct mr_uuid mr_uuid7(int64_t unix_ms)
{
    uint64_t ms = unix_ms < 0 ? 0 : (uint64_t)unix_ms & 0xffffffffffffULL;
    struct mr_uuid id;

    if (ms > gen.last_ms || !gen.primed) {
        uint64_t r[2];

        take_random(r, sizeof(r));
        gen.last_ms = ms;
        gen.hi = r[0] & 0x7ff; /* top bit clear: room to count */
        gen.lo = r[1] & 0x3fffffffffffffffULL;
    } else {
        uint32_t step;

        take_random(&step, sizeof(step));
        gen.lo += (uint64_t)step + 1;
        if (gen.lo >> 62) {
            gen.lo &= 0x3fffffffffffffffULL;
            if (++gen.hi >> 12) {
                gen.hi = 0;
                gen.last_ms++; /* 2^74 ids in a millisecond: borrow from the next one */
            }
        }
    }
    for (int i = 0; i < 6; i++)
        id.b[i] = (unsigned char)(gen.last_ms >> (40 - 8 * i));
    id.b[6] = (unsigned char)(0x70 | gen.hi >> 8);
    id.b[7] = (unsigned char)gen.hi;
    for (int i = 0; i < 8; i++)
        id.b[8 + i] = (unsigned char)(gen.lo >> (56 - 8 * i));
    id.b[8] = (unsigned char)(0x80 | (id.b[8] & 0x3f));
    return id;
}

void mr_uuid_format(struct mr_uuid id, char out[MR_UUID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    char *at = out;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = hex[id.b[i] >> 4];
        *at++ = hex[id.b[i] & 15];
    }
    *at = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool mr_uuid_parse(struct mr_span text, struct mr_uuid *out)
{
    struct mr_uuid id;
    size_t at = 0;

    if (text.len != MR_UUID_TEXT - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        int hi, lo;

        if (i == 4 || i == 6 || i == 8 || i == 10)
            if (text.ptr[at++] != '-')
                return false;
        hi = nibble(text.ptr[at]);
        lo = nibble(text.ptr[at + 1]);
        if (hi < 0 || lo < 0)
            return false;
        id.b[i] = (unsigned char)(hi << 4 | lo);
        at += 2;
    }
    *out = id;
    return true;
}
