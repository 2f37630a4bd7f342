/* recovery_log.h - the events of a namespace that somebody may have missed, by room.
 *
 *   log:   [ 41 ][ 42 ][ 43 ][ 44 ][ 45 ]           in order; the oldest go first
 *             \           /       /
 *   key "r":  [ 41 ][ 43 ]  [ 44 ]                  one a room, and one for everybody
 *
 * A key lives as long as a session names it or an entry hangs on it, and remembers the newest entry
 * that it has lost: who would need that one has a gap. An event that no session could miss is given
 * a number and not kept. [thread: loop]
 */
#ifndef IO_RECOVERY_LOG_H
#define IO_RECOVERY_LOG_H

#include "io/table.h"
#include "millrace/recovery.h"

struct mr_log_entry;

struct mr_log_key {
    struct mr_node node;        /* in log->keys */
    uint32_t sessions;          /* memberships, ended ones too: of whoever may still ask */
    uint32_t entries;           /* entries that name it, also as an exception */
    uint64_t dropped;           /* seq of the newest entry that was dropped; 0: none */
    struct mr_log_entry **ring; /* cap places, a power of two */
    uint32_t head, n, cap;
    char name[];
};

struct mr_log_entry {
    uint64_t seq, at_ms;
    size_t bytes;
    uint32_t n_to, n_except; /* of keys: first those it went to */
    uint32_t n_frames;
    struct mr_log_key **keys;
    struct mr_frame *frames[];
};

struct mr_log {
    struct mr_table keys;
    struct mr_log_key *everybody;
    uint64_t seq;  /* of the last event; the first one is 1 */
    uint64_t lost; /* seq of the last event that could not be kept, for whoever it was */
    struct mr_log_entry **ring; /* cap places, a power of two */
    uint32_t head, n, cap;
    size_t bytes;
};

MR_MUSTCHECK int mr__log_init(struct mr_log *log);
void mr__log_deinit(struct mr_log *log);
/* The key of a room, made if need be and counted for a session. NULL: no memory. */
struct mr_log_key *mr__log_key_ref(struct mr_log *log, const char *name);
void mr__log_key_unref(struct mr_log *log, struct mr_log_key *key);
/* Would anybody miss it? */
bool mr__log_wanted(const struct mr_log *log, const struct mr_target *to);
/* Keep p, which is encoded, as event log->seq. MR_OK; MR_E_NOMEM: it counts as lost. */
int mr__log_add(struct mr_log *log, const struct mr_packet *p, const struct mr_target *to,
                uint64_t now_ms);
/* Drop the oldest entry, if there is one. */
void mr__log_drop(struct mr_log *log);
/* The first of a key's entries after seq, as a place in its ring (key->n: none). */
uint32_t mr__log_after(const struct mr_log_key *key, uint64_t seq);
static inline struct mr_log_entry *mr__log_at(const struct mr_log_key *key, uint32_t i)
{
    return key->ring[(key->head + i) & (key->cap - 1)];
}

#endif
