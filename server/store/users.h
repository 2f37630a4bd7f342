/* users.h - who may sign in, and what they may do. Rows of the table users; passwords are bcrypt
 * hashes made by the caller (api/password.h), never seen here in the clear. [thread: worker] */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "base/uuid.h"
#include "proto/buf.h"
#include "store/pg.h"

#define MR_USERNAME_MAX      64
#define MR_PASSWORD_HASH_MAX 128

/* Each role may do all that the ones before it may. */
enum mr_role { MR_ROLE_NONE, MR_ROLE_VIEWER, MR_ROLE_OPERATOR, MR_ROLE_ADMIN };

/* "viewer", "operator", "admin"; "none" for MR_ROLE_NONE. [thread: any] */
const char *mr_role_name(enum mr_role role);
/* MR_ROLE_NONE when text is no role. [thread: any] */
enum mr_role mr_role_parse(struct mr_span text);

/* Who is asking: what an access token says, or nobody (role MR_ROLE_NONE). */
struct mr_identity {
    char user_id[MR_UUID_TEXT];
    char username[4 * MR_USERNAME_MAX + 1];
    enum mr_role role;
    int64_t expires_at; /* Unix seconds; 0: never */
};

struct mr_user {
    char id[MR_UUID_TEXT];
    char username[4 * MR_USERNAME_MAX + 1];
    char password_hash[MR_PASSWORD_HASH_MAX];
    enum mr_role role;
    bool disabled;
};

/* By name, any case. MR_OK; MR_E_NOTFOUND; a mapped error. */
MR_MUSTCHECK int mr_users_by_name(struct mr_pg *c, struct mr_span username, struct mr_user *out);
MR_MUSTCHECK int mr_users_by_id(struct mr_pg *c, const char *id, struct mr_user *out);
/* MR_OK; MR_E_CONFLICT: the name is taken. */
MR_MUSTCHECK int mr_users_add(struct mr_pg *c, const char *username, const char *hash,
                              enum mr_role role);
/* Also revokes every refresh token of the user. MR_E_NOTFOUND: no such user. */
MR_MUSTCHECK int mr_users_set_password(struct mr_pg *c, const char *username, const char *hash);
/* True in *out when the table is empty. */
MR_MUSTCHECK int mr_users_none(struct mr_pg *c, bool *out);
/* Make the first administrator, unless somebody was faster: MR_E_CONFLICT when users exist. */
MR_MUSTCHECK int mr_users_bootstrap(struct mr_pg *c, const char *username, const char *hash);
/* For the REST interface: users as JSON objects (never a hash). */
MR_MUSTCHECK int mr_users_json_list(struct mr_pg *c, struct mr_buf *json);
MR_MUSTCHECK int mr_users_json(struct mr_pg *c, const char *id, struct mr_buf *json);
/* MR_E_CONFLICT: the name is taken. id receives the new one's. */
MR_MUSTCHECK int mr_users_create(struct mr_pg *c, const char *username, const char *hash,
                                 const char *role, char id[MR_UUID_TEXT], struct mr_buf *json);
/* Inside a transaction. NULL leaves a thing as it is; disabled: "true" or "false". A new password
 * or a disabled user ends every refresh token. MR_E_NOTFOUND; MR_E_CONFLICT: nobody would be left
 * who administrates. */
struct mr_user_change {
    const char *role, *disabled, *hash;
    bool gone; /* delete it */
};
MR_MUSTCHECK int mr_users_change(struct mr_pg *c, const char *id, const struct mr_user_change *ch);
/* Append one line a user: name, role, state, since when. */
MR_MUSTCHECK int mr_users_list(struct mr_pg *c, struct mr_buf *out);

#endif
