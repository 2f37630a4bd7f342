/* call.h - one REST call on its way through a handler: the request, who asks, the answer as it
 * grows.
 *
 * A handler is straight-line code. It reads parameters and fields, collecting every fault, asks for
 * a database connection when it needs one, appends the answer to c->out and returns MR_OK; or it
 * returns mr_call_fail(..) or an error code, which becomes an RFC 9457 problem document. */
#ifndef API_CALL_H
#define API_CALL_H

#include "api/router.h"
#include "millrace/millrace.h"
#include "proto/json.h"
#include "store/grants.h"

#define MR_CALL_HEADERS_MAX 12
#define MR_CALL_BODY_MAX    (64u << 20)

struct mr_api;
struct mr_page;

/* The rest of an answer that is too long to be held: next appends a piece to c->out, which is
 * empty; MR_OK: there may be more; MR_E_END: that was the last; else the answer is cut off. It is
 * called when the client has taken what was before. [thread: worker] */
struct mr_pieces {
    int (*next)(struct mr_call *c, void *ctx);
    void (*free)(void *ctx);
    void *ctx; /* owned */
};

struct mr_call {
    struct mr_api *api;      /* borrowed */
    struct mr_http_req *req; /* taken by the reply */
    const struct mr_route *route;
    struct mr_span params[MR_ROUTE_PARAMS_MAX];
    struct mr_identity who; /* role MR_ROLE_NONE: nobody */
    enum mr_role own;       /* of who, whatever a key's scopes leave of it */
    struct mr_span key;     /* the API key that was sent instead of a token, or empty */
    struct mr_span body;    /* the checked JSON value, or empty */
    bool ndjson;            /* body is lines of JSON, unchecked */
    uint64_t started_us;
    bool head; /* HEAD */
    char request_id[65];
    /* the answer */
    int status;       /* 200 */
    const char *type; /* "application/json" */
    struct mr_buf out;
    struct mr_buf head_text; /* values of the headers below, each with its NUL */
    struct {
        const char *name;
        size_t value; /* offset into head_text */
    } headers[MR_CALL_HEADERS_MAX];
    size_t n_headers;
    char origin[256];        /* of the request, for a header of the answer */
    struct mr_pieces pieces; /* what comes after out; next NULL: nothing */
    struct mr_span borrowed; /* answer instead of out: bytes that outlive the reply */
    int64_t version;         /* of the resource that out shows: it gets an ETag; 0: none */
    /* what went wrong */
    char detail[512];
    int fail_status;      /* 0: by the error code */
    struct mr_buf errors; /* elements {"field":..,"message":..}, comma-separated */
    struct mr_buf extra;  /* further members of the problem: ,"current_status":"RUNNING" */
    struct mr_pg *db;
    bool transaction; /* open on db; rolled back unless it was committed */
    bool enclosed;    /* it is not the handler's own: an Idempotency-Key's */
};

/* What a handler on the loop returns when the answer comes later: somebody calls mr_call_answer,
 * once. */
#define MR_CALL_LATER 1
/* The answer is there, or rc says what went wrong. [thread: any but the loop] */
void mr_call_answer(struct mr_call *c, int rc);

/* Say what went wrong, for people; returns err. status 0: the one of err. */
int mr_call_fail(struct mr_call *c, int err, int status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* 429: too many failed tries of something ("sign-ins"), the next one in wait_ms. */
int mr_call_too_many(struct mr_call *c, const char *what, uint64_t wait_ms);
/* One more fault of the input; the handler goes on collecting. */
void mr_call_fault(struct mr_call *c, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* MR_OK, or MR_E_INVAL (422) when a fault was recorded. */
MR_MUSTCHECK int mr_call_faults(struct mr_call *c);
/* A response header. name is a literal; the value is copied. */
void mr_call_header(struct mr_call *c, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The value of a header that was set; NULL when it was not. */
const char *mr_call_header_of(const struct mr_call *c, const char *name);
/* A connection for this call, given back when it ends. MR_E_DB, MR_E_AGAIN: the reason is said. */
MR_MUSTCHECK int mr_call_db(struct mr_call *c, struct mr_pg **db);
/* A transaction on the call's connection, which an error of the handler rolls back; within that of
 * an Idempotency-Key there is only the one. */
MR_MUSTCHECK int mr_call_begin(struct mr_call *c, struct mr_pg **db);
MR_MUSTCHECK int mr_call_commit(struct mr_call *c);
/* An entry of the audit log for what this call does; inside its transaction, before the commit.
 * action: "pipeline.create"; before, after: JSON or NULL. audit.c */
MR_MUSTCHECK int mr_call_audit(struct mr_call *c, const char *action, const char *type,
                               const char *id, const char *before, const char *after);
/* Is the resource, which has this version, the one that the client's If-Match speaks of? MR_OK,
 * also when it says nothing; MR_E_CONFLICT (412). */
MR_MUSTCHECK int mr_call_if_match(struct mr_call *c, int64_t version);
/* Give it back before the end: for handlers that compute for long. */
void mr_call_db_release(struct mr_call *c);

/* ---- parameters; each records a fault when the value is not acceptable --------------------- */

/* A query parameter as a string; NULL when absent or empty. store keeps the text. */
const char *mr_call_query(struct mr_call *c, const char *name, struct mr_buf *store);
int64_t mr_call_query_int(struct mr_call *c, const char *name, int64_t fallback, int64_t min,
                          int64_t max);
bool mr_call_query_bool(struct mr_call *c, const char *name);
/* A UUID of the query, lower case; NULL when absent. */
const char *mr_call_query_uuid(struct mr_call *c, const char *name, char out[MR_UUID_TEXT]);
/* An RFC 3339 time (or date) of the query; NULL when absent. */
const char *mr_call_query_time(struct mr_call *c, const char *name, struct mr_buf *store);
/* "2026-11-20" or "2026-11-20T22:10:13[.ffffff](Z|+hh:mm)"; ranges are not looked at. */
bool mr_call_is_time(const char *s);
/* Path parameter i as a UUID; MR_E_NOTFOUND (said so) when it is not one: nothing has such an id.
 */
MR_MUSTCHECK int mr_call_param_uuid(struct mr_call *c, size_t i, const char *what,
                                    char out[MR_UUID_TEXT]);
/* An opaque cursor "<a>~<b>" in hex, made by mr_call_next: false when absent; records a fault when
 * it is not one of ours. */
bool mr_call_cursor(struct mr_call *c, struct mr_buf *store, const char **a, const char **b);
/* Link: <the same request with this cursor>; rel="next". */
void mr_call_next(struct mr_call *c, const char *a, const char *b);
/* What a list's headers say of its page. rc: what reading it came to; returns it. */
MR_MUSTCHECK int mr_call_page(struct mr_call *c, int rc, const struct mr_page *page);

/* ---- records of the body ------------------------------------------------------------------- */

/* One of them, and its place; -1: it is the only one. Not MR_OK ends the walk. */
typedef int (*mr_record_fn)(struct mr_call *c, long at, struct mr_span value, void *ctx);
/* The records of a MR_BODY_RECORDS body: the object itself, the elements of an array, or the lines
 * of NDJSON that are not empty. A line that is no JSON is a fault; more than max are refused. What
 * take returned, or as mr_call_fail. records.c */
MR_MUSTCHECK int mr_call_records(struct mr_call *c, long max, mr_record_fn take, void *ctx);

/* ---- fields of the JSON body --------------------------------------------------------------- */

/* A string field as text, without NULs, min..max characters (code points); NULL when absent or null
 * (a fault if required). */
const char *mr_call_text(struct mr_call *c, const char *name, bool required, size_t min, size_t max,
                         struct mr_buf *store);
/* A field of a JSON type, as its raw text; NULL when absent or null. */
const char *mr_call_raw(struct mr_call *c, const char *name, enum mr_json_type type,
                        struct mr_buf *store);

#endif
