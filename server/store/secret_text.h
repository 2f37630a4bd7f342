/* secret_text.h - random secrets as text, and their hashes as a bytea reads them. [thread: any] */
#ifndef STORE_SECRET_TEXT_H
#define STORE_SECRET_TEXT_H

#include "proto/err.h"
#include "proto/span.h"

#define MR_SECRET_TEXT 44 /* 32 random bytes in base64url without padding, and a NUL */
#define MR_HASH_TEXT   67 /* "\x", a SHA-256 in hex, and a NUL */

/* MR_OK; MR_E_IO: the system has no randomness to give. */
MR_MUSTCHECK int mr_secret_make(char out[MR_SECRET_TEXT]);
void mr_hash_text(struct mr_span text, char out[MR_HASH_TEXT]);

#endif
