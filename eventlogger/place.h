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

struct el_place {
    char topic[EL_TOPIC_MAX];
    int32_t partition;
    enum el_place_state state;
    bool claimed; /* a pipeline owns the topic */
    struct mr_uuid owner;
    int64_t next;         /* the offset after the last record taken */
    uint64_t fingerprint; /* of the record before next when it was asked for; 0: not known */
    bool verify;          /* the next record shows whether the topic is still the same */
    bool again;           /* looked twice already */
    enum el_need need;
    bool asked;           /* the persister has the question */
    int64_t start;        /* with EL_NEED_START */
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
    EL_DROP,   /* before next, or not wanted now */
    EL_AGAIN,  /* not what was asked for: seek once more */
    EL_REMADE, /* another topic of the same name */
};

/* Of timestamp, key and value; never 0. */
uint64_t el_fingerprint(int64_t timestamp_ms, struct mr_span key, struct mr_span value);

/* Stand where PostgreSQL says. Returns the offset to fetch from. */
int64_t el_place_begin(struct el_place *p, const struct el_stand *s);
/* A record of the partition. fingerprint is asked for only when el_place_verifies said so. The
 * place moves on EL_TAKE alone. */
bool el_place_verifies(const struct el_place *p, int64_t offset);
enum el_verdict el_place_see(struct el_place *p, int64_t offset, uint64_t fingerprint);
/* The broker does not have the offset that was asked for; it has [low, high). True: next is there,
 * only the record before it is gone: begin at next without looking. False: begin anew at low. */
bool el_place_in_range(const struct el_place *p, int64_t low, int64_t high);

/* Order of (topic, partition), as qsort and bsearch want it. */
int el_place_cmp(const void *a, const void *b);

#endif
