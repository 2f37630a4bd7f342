/* password.c - "$2b$" hashes. struct crypt_data is 32 KiB, so it lives on the heap. */
#include "api/password.h"
#include "proto/alloc.h"
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

static bool usable(struct mr_span p)
{
    return p.len > 0 && p.len <= MR_PASSWORD_BYTES_MAX && !memchr(p.ptr, 0, p.len);
}

/* crypt(3) with its memory wiped afterwards. */
static int run(struct mr_span password, const char *setting, char out[MR_PASSWORD_HASH_MAX])
{
    char text[MR_PASSWORD_BYTES_MAX + 1] = "";
    struct crypt_data *data = mr_zalloc(1, sizeof(*data));
    const char *hash;
    int rc = MR_E_NOMEM;

    if (!data)
        return rc;
    memcpy(text, password.ptr, password.len);
    hash = crypt_r(text, setting, data);
    if (hash && hash[0] == '$' && strlen(hash) < MR_PASSWORD_HASH_MAX) {
        (void)snprintf(out, MR_PASSWORD_HASH_MAX, "%s", hash);
        rc = MR_OK;
    } else {
        rc = MR_E_IO;
    }
    OPENSSL_cleanse(text, sizeof(text));
    OPENSSL_cleanse(data, sizeof(*data));
    mr_free(data);
    return rc;
}

int mr_password_hash(struct mr_span password, int cost, char out[MR_PASSWORD_HASH_MAX])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], random[16];

    if (!usable(password))
        return MR_E_INVAL;
    if (RAND_bytes((unsigned char *)random, sizeof(random)) != 1 ||
        !crypt_gensalt_rn("$2b$", (unsigned long)cost, random, sizeof(random), setting,
                          sizeof(setting)))
        return MR_E_IO;
    return run(password, setting, out);
}

bool mr_password_matches(struct mr_span password, const char *hash, int cost)
{
    char nobody[64], got[MR_PASSWORD_HASH_MAX] = "";
    bool possible = usable(password);

    if (!hash || hash[0] == '\0' || !possible) {
        (void)snprintf(nobody, sizeof(nobody), "$2b$%02d$abcdefghijklmnopqrstuu", cost);
        possible = false;
        if (!usable(password))
            password = MR_SPAN("x");
    }
    if (run(password, possible ? hash : nobody, got) != MR_OK)
        return false;
    return possible && strlen(got) == strlen(hash) && CRYPTO_memcmp(got, hash, strlen(got)) == 0;
}
