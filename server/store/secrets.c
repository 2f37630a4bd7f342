/* secrets.c - form 1: one byte that says so, the nonce, the ciphertext with its tag. */
#include "store/secrets.h"
#include "proto/alloc.h"
#include "proto/b64.h"
#include <sodium.h>
#include <stdio.h>

#define FORM      1
#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE     crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG       crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(MR_SECRET_EXTRA == 1 + NONCE + TAG, "what a sealed secret is made of");

struct key {
    unsigned char bytes[KEY_BYTES];
    char id[MR_SECRET_KEY_ID];
};

struct mr_secrets {
    size_t n;
    struct key keys[MR_SECRET_KEYS_MAX];
};

/* Eight bytes of a keyed hash: enough to tell keys apart, of no use to find one. */
static int name_key(struct key *k)
{
    static const unsigned char what[] = "millrace secret key id";
    unsigned char sum[crypto_generichash_BYTES_MIN];

    if (crypto_generichash(sum, sizeof(sum), what, sizeof(what) - 1, k->bytes, KEY_BYTES) != 0)
        return MR_E_IO;
    sodium_bin2hex(k->id, sizeof(k->id), sum, (sizeof(k->id) - 1) / 2);
    return MR_OK;
}

static int read_key(struct key *k, struct mr_span text)
{
    struct mr_buf raw = MR_BUF_INIT(256);
    size_t n = 0;
    int rc = MR_E_CONFIG;

    if (text.len == 2 * KEY_BYTES &&
        sodium_hex2bin(k->bytes, KEY_BYTES, text.ptr, text.len, NULL, &n, NULL) == 0 &&
        n == KEY_BYTES) {
        rc = name_key(k);
    } else if (text.len < 256 && mr_b64_decode(text, &raw) == MR_OK && raw.len == KEY_BYTES) {
        memcpy(k->bytes, raw.ptr, KEY_BYTES);
        rc = name_key(k);
    }
    mr_secrets_wipe(&raw);
    return rc;
}

int mr_secrets_new(struct mr_secrets **out, const char *keys)
{
    struct mr_secrets *s;
    int rc = MR_OK;

    if (sodium_init() < 0)
        return MR_E_IO;
    s = mr_zalloc(1, sizeof(*s));
    if (!s)
        return MR_E_NOMEM;
    (void)sodium_mlock(s, sizeof(*s)); /* refused in a container, perhaps: then it may be swapped */
    while (rc == MR_OK && *keys) {
        size_t len = strcspn(keys, ", ");

        if (len > 0 && s->n == MR_SECRET_KEYS_MAX)
            rc = MR_E_CONFIG;
        else if (len > 0)
            rc = read_key(&s->keys[s->n++], mr_span_of(keys, len));
        keys += len;
        keys += strspn(keys, ", ");
    }
    if (rc != MR_OK) {
        mr_secrets_free(s);
        return rc;
    }
    *out = s;
    return MR_OK;
}

void mr_secrets_free(struct mr_secrets *s)
{
    if (!s)
        return;
    sodium_memzero(s, sizeof(*s));
    (void)sodium_munlock(s, sizeof(*s));
    mr_free(s);
}

const char *mr_secrets_key_id(const struct mr_secrets *s)
{
    return s->n > 0 ? s->keys[0].id : NULL;
}

static int place(struct mr_buf *b, const char *row, const char *column)
{
    mr_buf_addf(b, "millrace:%s:%s", column, row);
    return mr_buf_err(b);
}

int mr_secrets_seal(const struct mr_secrets *s, const char *row, const char *column,
                    struct mr_span plain, struct mr_buf *sealed)
{
    struct mr_buf at = MR_BUF_INIT(512);
    unsigned char *to;
    unsigned long long n = 0;
    int rc = s->n == 0 ? MR_E_CONFIG : plain.len > MR_SECRET_BYTES ? MR_E_TOOBIG : MR_OK;

    if (rc == MR_OK)
        rc = place(&at, row, column);
    if (rc == MR_OK)
        rc = mr_buf_reserve(sealed, plain.len + MR_SECRET_EXTRA);
    if (rc == MR_OK) {
        to = (unsigned char *)sealed->ptr + sealed->len;
        to[0] = FORM;
        randombytes_buf(to + 1, NONCE);
        if (crypto_aead_xchacha20poly1305_ietf_encrypt(
                to + 1 + NONCE, &n, (const unsigned char *)plain.ptr, plain.len,
                (const unsigned char *)at.ptr, at.len, NULL, to + 1, s->keys[0].bytes) != 0)
            rc = MR_E_IO;
        else
            sealed->len += 1 + NONCE + (size_t)n;
    }
    mr_buf_free(&at);
    return rc;
}

int mr_secrets_open(const struct mr_secrets *s, const char *row, const char *column,
                    const char *key_id, struct mr_span sealed, struct mr_buf *plain)
{
    const unsigned char *from = (const unsigned char *)sealed.ptr;
    struct mr_buf at = MR_BUF_INIT(512);
    unsigned long long n = 0;
    size_t i = 0;
    int rc;

    while (i < s->n && strcmp(s->keys[i].id, key_id) != 0)
        i++;
    if (i == s->n)
        return MR_E_CONFIG;
    if (sealed.len < MR_SECRET_EXTRA || sealed.len > MR_SECRET_BYTES + MR_SECRET_EXTRA ||
        from[0] != FORM)
        return MR_E_DATA;
    rc = place(&at, row, column);
    if (rc == MR_OK)
        rc = mr_buf_reserve(plain, sealed.len);
    if (rc == MR_OK && crypto_aead_xchacha20poly1305_ietf_decrypt(
                           (unsigned char *)plain->ptr + plain->len, &n, NULL, from + 1 + NONCE,
                           sealed.len - 1 - NONCE, (const unsigned char *)at.ptr, at.len, from + 1,
                           s->keys[i].bytes) != 0)
        rc = MR_E_DATA;
    if (rc == MR_OK)
        plain->len += (size_t)n;
    mr_buf_free(&at);
    return rc;
}

void mr_secrets_wipe(struct mr_buf *b)
{
    if (b->ptr)
        sodium_memzero(b->ptr, b->cap);
    mr_buf_free(b);
}
