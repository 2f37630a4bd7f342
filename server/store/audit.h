/* audit.h - the audit log: an entry is written in the transaction of what it tells of, so that
 * nothing happens without one, and none tells of what did not happen. Each entry's hash covers the
 * one before it. [thread: worker] */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "base/uuid.h"
#include "proto/buf.h"
#include "store/pg.h"

struct mr_audit_entry { /* NULL where there is nothing to say */
    const char *actor_id, *actor, *addr, *request_id;
    const char *action, *resource_type, *resource_id;
    const char *before, *after; /* JSON; members that look like secrets are masked here */
};
/* Inside a transaction. Waits for other audited changes to commit: make it the last statement but
 * for COMMIT. */
MR_MUSTCHECK int mr_audit_add(struct mr_pg *c, const struct mr_audit_entry *e);

struct mr_audit_filter { /* NULL: any */
    const char *actor, *action, *resource_type, *resource_id, *from, *to;
    const char *before_id; /* entries older than this one */
    int64_t limit;
};
enum mr_audit_form { MR_AUDIT_JSON, MR_AUDIT_NDJSON, MR_AUDIT_CSV };
/* Append entries, newest first. last: the id of the last one when there are more, else empty. */
MR_MUSTCHECK int mr_audit_list(struct mr_pg *c, const struct mr_audit_filter *f,
                               enum mr_audit_form form, struct mr_buf *out, char last[24]);
/* *broken: the first entry that was changed or is missing; 0: none. *entries: how many there are.
 */
MR_MUSTCHECK int mr_audit_verify(struct mr_pg *c, int64_t *entries, int64_t *broken);

/* Append JSON with the value of each member that looks like a secret ("password", "database.
 * password", "api_key", ..) replaced by "***". Pure. [thread: any] */
void mr_audit_mask(struct mr_buf *out, struct mr_span json);

#endif
