/* sid.c - random ids from getrandom(2). */
#include "io/sid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SID_BYTES 15

void mr__random(void *out, size_t n)
{
    char *at = out;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* an id that can be guessed is worse than no server */
        at += got;
        n -= (size_t)got;
    }
}

void mr__sid_encode(const unsigned char bytes[15], char out[MR_SID_LEN + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (size_t i = 0, o = 0; i < SID_BYTES; i += 3, o += 4) {
        unsigned v = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

        for (unsigned j = 0; j < 4; j++)
            out[o + j] = alphabet[v >> (18 - 6 * j) & 63];
    }
    out[MR_SID_LEN] = '\0';
}

void mr__sid_make(struct mr_sid_pool *pool, char out[MR_SID_LEN + 1])
{
    unsigned char *at;

    if (pool->left < SID_BYTES) {
        mr__random(pool->bytes, sizeof(pool->bytes));
        pool->left = sizeof(pool->bytes);
    }
    pool->left -= SID_BYTES;
    at = pool->bytes + pool->left;
    mr__sid_encode(at, out);
    explicit_bzero(at, SID_BYTES);
}
