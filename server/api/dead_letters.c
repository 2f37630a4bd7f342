/* dead_letters.c - records that could not be read or stored: listed, read again after a fix, thrown
 * away; one, or all of a pipeline. */
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "base/log.h"
#include "store/letters.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     1000
#define AT_ONCE       100 /* letters of a call for all: the log's head is locked meanwhile */

int mr_get_dead_letters(struct mr_call *c)
{
    char pipeline[MR_UUID_TEXT], time[40] = "", id[MR_UUID_TEXT] = "";
    const char *of = mr_call_query_uuid(c, "pipeline_id", pipeline), *before = NULL,
               *before_id = NULL;
    int64_t limit = mr_call_query_int(c, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX);
    struct mr_buf cursor, hidden = MR_BUF_INIT(0);
    struct mr_pg *db;
    bool more = false;
    int rc;

    mr_call_cursor(c, &cursor, &before, &before_id);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_look(c, of, &db, &hidden);
    if (rc == MR_OK)
        rc = mr_dead_letters_list(db, of, mr_buf_cstr(&hidden), before, before_id, limit, &c->out,
                                  &more, time, id);
    if (rc == MR_E_DATA)
        mr_call_fail(c, rc, 422, "cursor: is not a cursor of this list");
    if (rc == MR_OK && more)
        mr_call_next(c, time, id);
    mr_buf_free(&hidden);
    mr_buf_free(&cursor);
    return rc;
}

int mr_get_dead_letter(struct mr_call *c)
{
    struct mr_buf hidden = MR_BUF_INIT(0);
    char id[MR_UUID_TEXT];
    struct mr_pg *db;
    int rc = mr_call_param_uuid(c, 0, "Dead letter", id);

    if (rc == MR_OK)
        rc = mr_call_look(c, NULL, &db, &hidden);
    if (rc == MR_OK)
        rc = mr_dead_letter_whole(db, id, mr_buf_cstr(&hidden), &c->out);
    mr_buf_free(&hidden);
    return rc == MR_E_NOTFOUND ? mr_call_fail(c, rc, 0, "Dead letter not found") : rc;
}

/* The letter that the path names, unless it is of a hidden pipeline; in a transaction. */
static int open_letter(struct mr_call *c, char id[MR_UUID_TEXT], struct mr_pg **db,
                       struct mr_buf *before)
{
    struct mr_buf hidden = MR_BUF_INIT(0);
    int rc = mr_call_param_uuid(c, 0, "Dead letter", id);

    if (rc == MR_OK)
        rc = mr_call_begin(c, db);
    if (rc == MR_OK)
        rc = mr_call_hidden(c, *db, MR_OF_PIPELINE, &hidden);
    if (rc == MR_OK)
        rc = mr_dead_letter_get(*db, id, mr_buf_cstr(&hidden), before);
    mr_buf_free(&hidden);
    return rc == MR_E_NOTFOUND ? mr_call_fail(c, rc, 0, "Dead letter not found") : rc;
}

int mr_retry_dead_letter(struct mr_call *c)
{
    struct mr_buf before = MR_BUF_INIT(1u << 20);
    char id[MR_UUID_TEXT], reason[MR_LETTER_REASON];
    struct mr_pg *db;
    int rc = open_letter(c, id, &db, &before);

    if (rc == MR_OK) {
        rc = c->api->opt.letter_retry(db, id, c->api->opt.cfg, reason);
        if (rc == MR_E_PROTO || rc == MR_E_DATA)
            rc = mr_call_fail(c, rc, 422, "It still cannot be logged: %s", reason);
    }
    if (rc == MR_OK)
        rc = mr_call_audit(c, "dead_letter.retry", "dead_letter", id, mr_buf_cstr(&before), NULL);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
    }
    mr_buf_free(&before);
    return rc;
}

int mr_delete_dead_letter(struct mr_call *c)
{
    struct mr_buf before = MR_BUF_INIT(1u << 20);
    char id[MR_UUID_TEXT];
    struct mr_pg *db;
    int rc = open_letter(c, id, &db, &before);

    if (rc == MR_OK)
        rc = mr_dead_letter_discard(db, id);
    if (rc == MR_OK)
        rc = mr_call_audit(c, "dead_letter.discard", "dead_letter", id, mr_buf_cstr(&before), NULL);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
    }
    mr_buf_free(&before);
    return rc;
}

/* ---- many --------------------------------------------------------------------------------- */

struct sweep {
    int64_t done, failed;
    char last[MR_UUID_TEXT]; /* the next call goes on behind it */
};

/* One of many: what fails is undone by itself. MR_OK also then. */
static int one(struct mr_call *c, struct mr_pg *db, const char *id, bool retry, struct sweep *s)
{
    char reason[MR_LETTER_REASON];
    int rc = mr_pg_run(db, "SAVEPOINT letter"), undone;

    if (rc != MR_OK)
        return rc;
    rc = retry ? c->api->opt.letter_retry(db, id, c->api->opt.cfg, reason)
               : mr_dead_letter_discard(db, id);
    if (rc == MR_OK) {
        s->done++;
        return mr_pg_run(db, "RELEASE SAVEPOINT letter");
    }
    undone = mr_pg_run(db, "ROLLBACK TO SAVEPOINT letter");
    if (undone != MR_OK || (rc != MR_E_PROTO && rc != MR_E_DATA && rc != MR_E_NOTFOUND))
        return undone != MR_OK ? undone : rc;
    s->failed++;
    return MR_OK;
}

static int sweep(struct mr_call *c, const char *pipeline, const char *after, bool retry,
                 const char *hidden, struct mr_pg *db)
{
    struct sweep s = {0};
    PGresult *ids = NULL;
    bool more;
    int rc = mr_dead_letters_ids(db, pipeline, hidden, after, AT_ONCE + 1, &ids), n;

    if (rc != MR_OK)
        return rc;
    n = PQntuples(ids);
    more = n > AT_ONCE;
    for (int i = 0; i < n - more && rc == MR_OK; i++) {
        rc = one(c, db, PQgetvalue(ids, i, 0), retry, &s);
        (void)snprintf(s.last, sizeof(s.last), "%s", PQgetvalue(ids, i, 0));
    }
    PQclear(ids);
    mr_buf_addf(&c->out, "{\"done\":%lld,\"failed\":%lld,\"next\":", (long long)s.done,
                (long long)s.failed);
    mr_json_add_string_or_null(&c->out, more ? mr_span_str(s.last) : MR_SPAN_NONE);
    mr_buf_add_char(&c->out, '}');
    return rc;
}

static int many(struct mr_call *c, bool retry)
{
    struct mr_buf hidden = MR_BUF_INIT(0);
    char pipeline[MR_UUID_TEXT], after_text[MR_UUID_TEXT];
    const char *of = mr_call_query_uuid(c, "pipeline_id", pipeline);
    const char *after = mr_call_query_uuid(c, "after", after_text);
    struct mr_pg *db;
    int rc = mr_call_faults(c);

    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = mr_call_look(c, of, &db, &hidden);
    if (rc == MR_OK)
        rc = sweep(c, of, after, retry, mr_buf_cstr(&hidden), db);
    if (rc == MR_OK)
        rc = mr_call_audit(c, retry ? "dead_letter.retry_all" : "dead_letter.discard_all",
                           "dead_letter", of, NULL, mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    mr_buf_free(&hidden);
    return rc;
}

int mr_retry_dead_letters(struct mr_call *c)
{
    return many(c, true);
}

int mr_discard_dead_letters(struct mr_call *c)
{
    return many(c, false);
}
