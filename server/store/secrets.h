/* secrets.h - secrets at rest: XChaCha20-Poly1305 (libsodium) under the keys of
 * MILLRACE_SECRET_KEY.
 *
 * A sealed secret is bound to the row and column that it was sealed for: moved to another one it
 * does not open. Beside it the key's id is stored, which tells nothing of the key; with several
 * keys the first one seals and all of them open, so that keys are changed without a moment in which
 * something can't be read. Immutable once made. [thread: any] */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "proto/buf.h"

#define MR_SECRET_KEYS_MAX 8
#define MR_SECRET_KEY_ID   17            /* 16 hex digits and a NUL */
#define MR_SECRET_BYTES    65536         /* a secret's ceiling */
#define MR_SECRET_EXTRA    (1 + 24 + 16) /* form, nonce and tag: how much longer a sealed one is */

struct mr_secrets;

/* keys: 32 bytes each, in base64 or as 64 hex digits, separated by commas; "": no key, nothing can
 * be sealed or opened. MR_OK; MR_E_CONFIG: not that; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_secrets_new(struct mr_secrets **out, const char *keys);
void mr_secrets_free(struct mr_secrets *s); /* wipes the keys */
/* The id of the key that seals; NULL: there is none. */
const char *mr_secrets_key_id(const struct mr_secrets *s);
/* Append the sealed bytes. row and column: what it belongs to. MR_OK; MR_E_CONFIG: no key;
 * MR_E_TOOBIG; buffer errors. */
MR_MUSTCHECK int mr_secrets_seal(const struct mr_secrets *s, const char *row, const char *column,
                                 struct mr_span plain, struct mr_buf *sealed);
/* Append the secret. key_id: as stored beside it. MR_OK; MR_E_CONFIG: that key is not configured;
 * MR_E_DATA: not sealed by it, for this place, or not whole; buffer errors. The caller wipes. */
MR_MUSTCHECK int mr_secrets_open(const struct mr_secrets *s, const char *row, const char *column,
                                 const char *key_id, struct mr_span sealed, struct mr_buf *plain);
/* Overwrite and free a buffer that held a secret. */
void mr_secrets_wipe(struct mr_buf *b);

#endif
