/* auth.h - access tokens: JWT, HS256 and nothing else, made and checked here. Checking costs some
 * microseconds and touches no database, so it is done on the loop. [thread: any] once made */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "base/config.h"
#include "store/users.h"

#define MR_TOKEN_BYTES_MAX 4096
#define MR_TOKEN_ISSUER    "millrace"

struct mr_auth;

/* Copies what it needs of cfg. MR_OK; MR_E_CONFIG: JWT_SECRET is too short; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_auth_new(struct mr_auth **out, const struct mr_config *cfg);
void mr_auth_free(struct mr_auth *a);
/* MILLRACE_AUTH=open: everybody is administrator, and no token is looked at. */
bool mr_auth_open(const struct mr_auth *a);
/* Append a token for who that ends at now_s + lifetime_s. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr_auth_issue(struct mr_auth *a, const struct mr_identity *who, int64_t now_s,
                               int64_t lifetime_s, struct mr_buf *token);
/* Who does a token speak for? MR_OK; MR_E_AUTH: not a token of ours (or none); MR_E_TIMEOUT: it
 * was, and has expired. */
MR_MUSTCHECK int mr_auth_check(struct mr_auth *a, struct mr_span token, int64_t now_s,
                               struct mr_identity *out);

#endif
