/* idempotency.h - the table idempotency_keys. All inside the transaction of the request itself.
 * [thread: worker] */
#ifndef STORE_IDEMPOTENCY_H
#define STORE_IDEMPOTENCY_H

#include "proto/buf.h"
#include "store/pg.h"

struct mr_kept_answer {
    int status;
    const char *type, *location, *body; /* NUL-terminated; type and location may be NULL */
    int64_t version;                    /* 0: none */
};

/* Take a key for a request (hash: a bytea's text); waits while somebody else holds it uncommitted.
 * *ours false: it is kept already. Also forgets some keys that are older than a day. */
MR_MUSTCHECK int mr_idempotency_claim(struct mr_pg *c, const char *subject, const char *key,
                                      const char *hash, bool *ours);
MR_MUSTCHECK int mr_idempotency_keep(struct mr_pg *c, const char *subject, const char *key,
                                     const struct mr_kept_answer *a);
/* The answer that is kept; its texts lie in store. MR_E_CONFLICT: the key belongs to another
 * request; MR_E_NOTFOUND: it is gone. */
MR_MUSTCHECK int mr_idempotency_find(struct mr_pg *c, const char *subject, const char *key,
                                     const char *hash, struct mr_kept_answer *out,
                                     struct mr_buf *store);

#endif
