/* api_keys.h - the table api_keys. A key is "mr_" and 32 random bytes in base64url; it is stored as
 * its SHA-256 only. [thread: worker] */
#ifndef STORE_API_KEYS_H
#define STORE_API_KEYS_H

#include "store/users.h"

#define MR_API_KEY_PREFIX "mr_"
#define MR_API_KEY_TEXT   47 /* with its NUL */
#define MR_API_KEY_SCOPES 1024

/* Make a key. key receives it, the only time; id its id; json its object is appended. scopes: a
 * PostgreSQL array; expires_at NULL: never. MR_E_DATA: expires_at is not a time. */
MR_MUSTCHECK int mr_api_keys_create(struct mr_pg *c, const char *user_id, const char *name,
                                    const char *scopes, const char *expires_at,
                                    char key[MR_API_KEY_TEXT], char id[MR_UUID_TEXT],
                                    struct mr_buf *json);
/* Append an array; of one user, or all with NULL. */
MR_MUSTCHECK int mr_api_keys_list(struct mr_pg *c, const char *user_id, struct mr_buf *json);
/* End a key; of one user, or anybody's with NULL. MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_api_keys_revoke(struct mr_pg *c, const char *id, const char *user_id);

/* Whose key is it? MR_E_AUTH: nobody's, expired, revoked, or of a user who is disabled. scopes:
 * comma-separated. */
struct mr_api_key_owner {
    struct mr_user user;
    char scopes[MR_API_KEY_SCOPES];
};
MR_MUSTCHECK int mr_api_keys_find(struct mr_pg *c, struct mr_span key,
                                  struct mr_api_key_owner *out);

/* Who comes with a key, to read what is at this address: its owner. MR_E_AUTH: nobody does;
 * MR_E_FORBIDDEN: its scopes do not allow it; else as mr_pg_acquire. who's expires_at is left. */
MR_MUSTCHECK int mr_api_keys_reader(struct mr_pg_pool *pool, int64_t wait_ms, struct mr_span key,
                                    const char *path, struct mr_identity *who);

/* The most that a key with these scopes may do at an address: "pipelines:read,*:operate" and
 * "/api/v1/pipelines/{id}" give MR_ROLE_OPERATOR. Pure. [thread: any] */
enum mr_role mr_api_key_role(const char *scopes, const char *path);
/* Is this one a scope? Pure. [thread: any] */
bool mr_api_key_is_scope(struct mr_span text);

#endif
