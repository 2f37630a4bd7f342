/* password.h - bcrypt, by libcrypt. Slow on purpose: [thread: worker], never the loop. */
#ifndef API_PASSWORD_H
#define API_PASSWORD_H

#include "store/users.h"

#define MR_PASSWORD_BYTES_MIN 8
#define MR_PASSWORD_BYTES_MAX 72   /* bcrypt reads no more */
#define MR_PASSWORD_CHARS_MAX 1024 /* of input: longer than that, so that it is told apart */

/* MR_OK; MR_E_INVAL: empty, over MR_PASSWORD_BYTES_MAX, or with a NUL; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_password_hash(struct mr_span password, int cost,
                                  char out[MR_PASSWORD_HASH_MAX]);
/* Does the password belong to the hash? With hash NULL (an unknown user) the same work is done at
 * this cost and the answer is no, so that the time tells nothing. */
bool mr_password_matches(struct mr_span password, const char *hash, int cost);

#endif
