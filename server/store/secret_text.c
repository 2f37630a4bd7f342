/* secret_text.c - 256 bits of randomness; SHA-256. */
#include "store/secret_text.h"
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>

int mr_secret_make(char out[MR_SECRET_TEXT])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[33] = {0}; /* 32 and a zero, so that the last group of three is whole */

    if (RAND_bytes(bytes, 32) != 1)
        return MR_E_IO;
    for (size_t i = 0, o = 0; i < sizeof(bytes); i += 3) {
        unsigned v = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

        for (int shift = 18; shift >= 0 && o < MR_SECRET_TEXT - 1; shift -= 6)
            out[o++] = digits[v >> shift & 63];
    }
    out[MR_SECRET_TEXT - 1] = '\0';
    return MR_OK;
}

void mr_hash_text(struct mr_span text, char out[MR_HASH_TEXT])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text.ptr, text.len, digest);
    out[0] = '\\';
    out[1] = 'x';
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(out + 2 + 2 * i, 3, "%02x", digest[i]);
}
