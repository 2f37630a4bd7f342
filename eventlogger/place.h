/* place.h - where the logger stands in one partition, and what to do with the record that comes
 * next.
 *
 *   NEW --given its offset--> READY <--> WAITING for an offset (fenced, topic made anew, no owner)
 *
 * PostgreSQL's consumer_offsets are the truth. With each offset it keeps a fingerprint of the
 * record before it; the logger starts one record early and looks whether that record is still the
 * same. If it is another, the topic was deleted and made anew in the meantime, although the offset
 * exists in it; nothing else would show that. Pure: no Kafka, no SQL. */
#ifndef EVENTLOGGER_PLACE_H
#define EVENTLOGGER_PLACE_H

#include "topics.h"

enum el_place_state {
    EL_PLACE_NEW,     /* in the group's assignment, not fetched yet */
    EL_PLACE_WAITING, /* fetched, but what comes is dropped until its offset is known again */
    EL_PLACE_READY,
};

/* What has to be found out, or done, before records are taken (again). */
enum el_need {
    EL_NEED_NOTHING,
    EL_NEED_STAND, /* where the log stands */
    EL_NEED_ROW,   /* the log has never been here: a row that stands where the topic begins */
    EL_NEED_RANGE, /* the broker does not have the offset: what does it have? */
    EL_NEED_RESET, /* the topic is another one: a row that stands where it begins */
    EL_NEED_START, /* all is known: fetch from start */
};

/* How far a place had come, and when, by the records' own times: a point every few milliseconds at
 * most. It serves to notice, and to mend, what neither offsets nor errors show: that a topic was
 * deleted and made anew within a moment, and filled beyond the old one's end, so that the consumer
 * just went on. The oldest point is what the broker is asked about; and when the topic has turned
 * out to be another, its first record's time tells which of the records taken since were its own
 * already. */
#define EL_TRAIL_POINTS  128
#define EL_TRAIL_STEP_MS 20
struct el_trail_point {
    int64_t offset, ms;   /* the first record of these milliseconds */
    uint64_t fingerprint; /* its own */
    int64_t taken;        /* the offset after the last one of them */
};
struct el_trail {
    struct el_trail_point points[EL_TRAIL_POINTS]; /* a ring */
    size_t n, newest;
};
/* Does a record of that time begin a point? If so it needs its fingerprint. Times that run
 * backwards count as no time at all. */
bool el_trail_begins(const struct el_trail *t, int64_t ms);
void el_trail_begin(struct el_trail *t, int64_t offset, int64_t ms, uint64_t fingerprint);
void el_trail_extend(struct el_trail *t, int64_t offset);
/* The oldest point; NULL when there is none. */
const struct el_trail_point *el_trail_oldest(const struct el_trail *t);
/* Is this one of its points? */
bool el_trail_has(const struct el_trail *t, const struct el_trail_point *point);
/* How far it had come before that time; -1: not known. */
int64_t el_trail_before(const struct el_trail *t, int64_t ms);

struct el_place {
    char topic[EL_TOPIC_MAX];
    int32_t partition;
    enum el_place_state state;
    bool claimed; /* a pipeline owns the topic */
    struct mr_uuid owner;
    int64_t next; /* the offset after the last record taken */

    /* A record that was taken before is fetched again, to see whether the topic is still the same.
     */
    bool verify;
    int64_t look_at;            /* its offset */
    uint64_t look_for;          /* its fingerprint */
    bool audit;                 /* it was taken a while ago, not just before next */
    bool refill;                /* begun anew: the first record's time settles skip_from */
    int64_t skip_from, skip_to; /* of the new topic, and taken already */
    uint64_t suspect_after_ms;  /* after a false alarm */
    struct el_trail *trail;     /* owned; NULL until something is taken */
    bool again;                 /* looked twice already */
    enum el_need need;
    bool asked;           /* the persister has the question */
    int64_t start;        /* with EL_NEED_START */
    uint64_t rejoined_ms; /* put in again then; 0: never */
    uint64_t part_serial; /* the batch that part refers to */
    size_t part;          /* its entry in that batch */
};

/* What the log has of a partition. */
struct el_stand {
    bool known; /* there is a row */
    int64_t next;
    uint64_t fingerprint;
};

enum el_verdict {
    EL_TAKE,   /* the record is next */
    EL_PASS,   /* it is, but the log has it already: only the offset moves */
    EL_DROP,   /* before next, or not wanted now */
    EL_AGAIN,  /* not what was asked for: seek once more */
    EL_REMADE, /* another topic of the same name */
};

/* Of timestamp, key and value; never 0. */
uint64_t el_fingerprint(int64_t timestamp_ms, struct mr_span key, struct mr_span value);

/* Stand where PostgreSQL says. Returns the offset to fetch from. */
int64_t el_place_begin(struct el_place *p, const struct el_stand *s);
/* A record of the partition. fingerprint is asked for only when el_place_verifies said so. The
 * place moves on EL_TAKE and EL_PASS alone. */
bool el_place_verifies(const struct el_place *p, int64_t offset);
enum el_verdict el_place_see(struct el_place *p, int64_t offset, uint64_t fingerprint);
/* The broker does not have the offset that was asked for; it has [low, high). True: next is there,
 * only the record before it is gone: begin at next without looking. False: begin anew at low. */
bool el_place_in_range(const struct el_place *p, int64_t low, int64_t high);
/* Look again at the record at `offset`, which had this fingerprint. Returns where to fetch from. */
int64_t el_place_audit(struct el_place *p, int64_t offset, uint64_t fingerprint);
/* The topic is another, and will be begun at its beginning. */
void el_place_remade(struct el_place *p);
/* Before el_place_see, with the record's time: settles what need not be taken again. */
void el_place_refill(struct el_place *p, int64_t offset, int64_t ms);

/* Order of (topic, partition), as qsort and bsearch want it. */
int el_place_cmp(const void *a, const void *b);

#endif
