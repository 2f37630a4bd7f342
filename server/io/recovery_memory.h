/* recovery_memory.h - the store of one process: sessions in memory, over a log by room.
 *
 * A session knows in which rooms it was, and from which event to which: what it has missed is then
 * exactly what was sent to those rooms while it was in them, also rooms that it has left since. A
 * membership that has ended is forgotten when the log holds nothing of that time; if something of
 * it was dropped by then, `hole` says up to where nothing is certain.
 *
 *   seq   ...  start ........ since ====in the room==== until .... parted  ....   last
 *                                                                  (away from here on)
 *
 * While it is attached every event for it is queued to it. So a client whose offset is not older
 * than the last event queued to it has missed nothing up to `parted`, however long ago that was.
 */
#ifndef IO_RECOVERY_MEMORY_H
#define IO_RECOVERY_MEMORY_H

#include "io/list.h"
#include "io/recovery_log.h"
#include "io/sid.h"
#include "io/timers.h"

#define MR_STILL_IN   UINT64_MAX /* a stay that has not ended */
#define MR_EPOCH_LEN  8  /* characters of an offset that say which life of which store it is from */
#define MR_SEQ_DIGITS 13 /* of the number that follows them, at most */

struct stay { /* in a room, for the events after since up to until */
    struct mr_log_key *key;
    uint64_t since, until;
};

struct mr_saved {
    struct mr_node node; /* in store->sessions, by pid */
    struct mr_link away; /* in store->away, in the order of their going */
    char pid[MR_SID_LEN + 1], sid[MR_SID_LEN + 1];
    bool attached;
    bool level; /* attached, and what it had missed is queued to it */
    void *data;
    struct stay *stays;
    uint32_t n, cap;
    uint64_t parted_ms;
    uint64_t from; /* restored: it has had everything up to here */
    uint64_t sent, parted, hole;
};

struct mr_memory {
    struct mr_server *srv;
    struct mr_recovery_options opt;
    uint64_t keep_ms; /* events: as long as who was connected then may come back */
    char epoch[MR_SID_LEN + 1];
    struct mr_log log;
    struct mr_table sessions;
    struct mr_link away;
    size_t n_away;
    struct mr_timer sweep;
};

/* recovery_replay.c, as mr_store_ops has them */
void mr__memory_restore(void *store, const char *pid, const char *offset, mr_restored_fn fn,
                        void *ctx);
void mr__memory_missed(void *store, struct mr_saved *session, mr_missed_fn fn, void *ctx);
/* Has it been away for too long? */
bool mr__memory_too_old(const struct mr_memory *m, const struct mr_saved *s);

#endif
