/* tokens.h - refresh tokens: random, stored as their SHA-256 only, good for one use.
 *
 * Every sign-in begins a family. A use marks the token and gives a new one of the same family; a
 * token that comes a second time was stolen (or its successor was), so its whole family ends.
 * [thread: worker] */
#ifndef STORE_TOKENS_H
#define STORE_TOKENS_H

#include "store/secret_text.h"
#include "store/users.h"

#define MR_REFRESH_TOKEN_TEXT MR_SECRET_TEXT

/* A new family for a user who has just signed in. MR_OK or a mapped error. */
MR_MUSTCHECK int mr_tokens_issue(struct mr_pg *c, const char *user_id, int64_t lifetime_s,
                                 char out[MR_REFRESH_TOKEN_TEXT]);
/* Use a token: its successor goes to next, its owner to user. MR_E_AUTH: unknown, expired, revoked,
 * its user disabled, or used before (then the family is revoked and *reused is true). */
MR_MUSTCHECK int mr_tokens_rotate(struct mr_pg *c, struct mr_span token, int64_t lifetime_s,
                                  char next[MR_REFRESH_TOKEN_TEXT], struct mr_user *user,
                                  bool *reused);
/* End the family of a token; unknown tokens are MR_OK too, since the wish is fulfilled. */
MR_MUSTCHECK int mr_tokens_revoke(struct mr_pg *c, struct mr_span token);

#endif
