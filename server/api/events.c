/* events.c - the events of the log: a page of them, all of them as a file, one. */
#include "store/events.h"
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "proto/alloc.h"
#include "proto/cdc.h"
#include <stdio.h>
#include <strings.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     1000

/* "insert", "u,DELETE": the kinds' own names with commas, so that the filter takes what events may
 * be called. */
static const char *event_kinds(struct mr_call *c, const char *text, struct mr_buf *names)
{
    mr_buf_init(names, 4096);
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        struct mr_span name = mr_span_of(at, strcspn(at, ","));
        enum mr_change_kind kind = mr_cdc_kind(name);

        if (kind == MR_CHANGE_OTHER &&
            (name.len != 5 || strncasecmp(name.ptr, "other", name.len) != 0)) {
            mr_call_fault(c, "event_type",
                          "must be of insert, update, delete, truncate, message, other");
            return NULL;
        }
        if (names->len > 0)
            mr_buf_add_char(names, ',');
        mr_buf_add_str(names, mr_cdc_kind_name(kind));
    }
    return text ? mr_buf_cstr(names) : NULL;
}

/* What is asked for; owns the texts of its filter. */
struct wish {
    struct mr_event_filter filter;
    enum mr_event_form form;
    char pipeline[MR_UUID_TEXT];
    struct mr_buf texts[8], kinds, hidden, cursor;
};

static enum mr_event_form form_of(const struct mr_call *c)
{
    struct mr_span accept = mr_http_header(c->req, "accept");

    if (mr_header_accepts(accept, "text/csv"))
        return MR_EVENTS_CSV;
    return mr_header_accepts(accept, "application/x-ndjson") ? MR_EVENTS_NDJSON : MR_EVENTS_JSON;
}

static int read_wish(struct mr_call *c, struct wish *w)
{
    const char *seq, *unused;

    w->form = form_of(c);
    w->filter = (struct mr_event_filter){
        .pipeline_id = mr_call_query_uuid(c, "pipeline_id", w->pipeline),
        .kinds = event_kinds(c, mr_call_query(c, "event_type", &w->texts[0]), &w->kinds),
        .table = mr_call_query(c, "table", &w->texts[1]),
        .schema = mr_call_query(c, "schema", &w->texts[2]),
        .status = mr_call_query(c, "status", &w->texts[3]),
        .from = mr_call_query_time(c, "from", &w->texts[4]),
        .to = mr_call_query_time(c, "to", &w->texts[5]),
        .text = mr_call_query(c, "q", &w->texts[6]),
        .tx_id = mr_call_query(c, "tx_id", &w->texts[7]),
        .after_seq = mr_call_query_int(c, "after_seq", 0, 0, INT64_MAX),
        .before_seq = INT64_MAX,
        .limit = w->form == MR_EVENTS_JSON
                     ? mr_call_query_int(c, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX)
                     : mr_call_query_int(c, "limit", INT64_MAX, 1, INT64_MAX),
    };
    if (mr_call_cursor(c, &w->cursor, &seq, &unused) &&
        (mr_json_int(mr_span_str(seq), &w->filter.before_seq) != MR_OK || w->filter.before_seq < 0))
        mr_call_fault(c, "cursor", "is not a cursor of this list");
    return mr_call_faults(c);
}

static void wish_free(void *arg)
{
    struct wish *w = arg;

    for (size_t i = 0; i < sizeof(w->texts) / sizeof(w->texts[0]); i++)
        mr_buf_free(&w->texts[i]);
    mr_buf_free(&w->kinds);
    mr_buf_free(&w->hidden);
    mr_buf_free(&w->cursor);
    mr_free(w);
}

static int list(struct mr_call *c, struct mr_pg *db, const struct wish *w)
{
    struct mr_event_page page = {0};
    char next[24];
    int rc = mr_events_list(db, &w->filter, &c->out, &page);

    if (rc == MR_OK && page.more) {
        (void)snprintf(next, sizeof(next), "%lld", (long long)page.last_seq);
        mr_call_next(c, next, "");
    }
    return rc;
}

/* [thread: worker] */
static int next_piece(struct mr_call *c, void *ctx)
{
    struct wish *w = ctx;
    struct mr_pg *db;
    int64_t rows = 0;
    int rc = mr_call_db(c, &db);

    if (rc == MR_OK)
        rc = mr_events_piece(db, &w->filter, w->form, &c->out, &rows);
    mr_call_db_release(c);
    w->filter.limit -= rows;
    return rc == MR_OK && (rows == 0 || w->filter.limit == 0) ? MR_E_END : rc;
}

static int export_all(struct mr_call *c, struct mr_pg *db, struct wish *w)
{
    const bool csv = w->form == MR_EVENTS_CSV;
    int64_t rows = 0;
    int rc;

    if (csv)
        mr_buf_add_str(&c->out, MR_EVENTS_CSV_HEAD);
    rc = mr_events_piece(db, &w->filter, w->form, &c->out, &rows);
    if (rc != MR_OK)
        return rc;
    w->filter.limit -= rows;
    c->type = csv ? "text/csv; charset=UTF-8" : "application/x-ndjson";
    mr_call_header(c, "Content-Disposition", "attachment; filename=\"events.%s\"",
                   csv ? "csv" : "ndjson");
    if (rows > 0 && w->filter.limit > 0 && !c->head)
        c->pieces = (struct mr_pieces){next_piece, wish_free, w};
    return MR_OK;
}

int mr_get_events(struct mr_call *c)
{
    struct wish *w = mr_zalloc(1, sizeof(*w));
    struct mr_pg *db = NULL;
    int rc = w ? read_wish(c, w) : MR_E_NOMEM;

    if (rc == MR_OK)
        rc = mr_call_look(c, w->filter.pipeline_id, &db, &w->hidden);
    if (rc == MR_OK) {
        w->filter.hidden = mr_buf_cstr(&w->hidden);
        rc = w->form == MR_EVENTS_JSON ? list(c, db, w) : export_all(c, db, w);
    }
    if (rc == MR_E_DATA)
        mr_call_fail(c, rc, 422, "from or to is not a time that exists.");
    if (w && c->pieces.ctx != w)
        wish_free(w);
    return rc;
}

int mr_get_event(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_buf hidden = MR_BUF_INIT(0);
    struct mr_pg *db;
    int rc = mr_call_param_uuid(c, 0, "Event", id);

    if (rc == MR_OK)
        rc = mr_call_look(c, NULL, &db, &hidden);
    if (rc == MR_OK)
        rc = mr_events_get(db, id, mr_buf_cstr(&hidden), &c->out);
    mr_buf_free(&hidden);
    return rc == MR_E_NOTFOUND ? mr_call_fail(c, rc, 0, "Event not found") : rc;
}
