/* status.c - what state every pipeline was in when it was last read. The difference to the next
 * reading is what pipeline_status tells, so it does not matter which process made the change. */
#include "api/sockets_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "store/activity.h"
#include "store/loads.h"
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 1000
#define EVERY_MS 5000 /* should a notice have been lost */

struct reading {
    struct mr_sockets *ss;
    struct status_row *rows;
    size_t n;
    struct denied denied;
    struct mr_buf activity; /* an array: what is new */
    int64_t activity_id;
    int rc;
};

static int by_id(const void *a, const void *b)
{
    return memcmp(&((const struct status_row *)a)->id, &((const struct status_row *)b)->id,
                  sizeof(struct mr_uuid));
}

static struct status_row *row_of(const struct mr_sockets *ss, struct mr_uuid id)
{
    struct status_row key = {.id = id};

    return ss->n_rows > 0 ? bsearch(&key, ss->rows, ss->n_rows, sizeof(key), by_id) : NULL;
}

bool status_knows(const struct mr_sockets *ss, struct mr_uuid id)
{
    return row_of(ss, id) != NULL;
}

static void rows_free(struct status_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mr_free(rows[i].error);
        mr_free(rows[i].reason);
        mr_free(rows[i].progress);
    }
    mr_free(rows);
}

static void emit(struct mr_sockets *ss, const struct status_row *now, const char *previous,
                 bool deleted)
{
    struct mr_buf b = MR_BUF_INIT(16384);
    char id[MR_UUID_TEXT], room[MR_ROOM_TEXT], time[MR_TIME_TEXT];

    mr_uuid_format(now->id, id);
    mr_stream_room(now->id, room);
    mr_time_format(mr_wall_us(), time);
    mr_buf_addf(&b,
                "{\"pipeline_id\":\"%s\",\"status\":\"%s\",\"previous_status\":\"%s\","
                "\"full_load_status\":\"%s\",\"cdc_status\":\"%s\",\"deleted\":%s",
                id, now->status, previous, now->full_load, now->cdc, deleted ? "true" : "false");
    mr_json_add_member(&b, "error_message", now->error);
    mr_json_add_member(&b, "health", now->health);
    mr_json_add_member(&b, "health_reason", now->reason);
    mr_buf_addf(&b, ",\"timestamp\":\"%s\"}", time);
    if (mr_buf_err(&b) == MR_OK)
        mr_emit(ss->opt.server, "/", room, "pipeline_status", mr_buf_span(&b));
    mr_buf_free(&b);
}

static void emit_progress(struct mr_sockets *ss, const struct status_row *now)
{
    char room[MR_ROOM_TEXT];

    mr_stream_room(now->id, room);
    mr_emit(ss->opt.server, "/", room, "pipeline_progress", mr_span_str(now->progress));
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const struct status_row *a, const struct status_row *b)
{
    return strcmp(a->status, b->status) == 0 && strcmp(a->full_load, b->full_load) == 0 &&
           strcmp(a->cdc, b->cdc) == 0 && strcmp(a->health, b->health) == 0 &&
           same_text(a->error, b->error) && same_text(a->reason, b->reason);
}

/* Both lists are sorted: walk them together. */
static void tell_changes(struct mr_sockets *ss, const struct reading *r)
{
    size_t i = 0, k = 0;

    while (i < ss->n_rows || k < r->n) {
        int order = i == ss->n_rows ? 1 : k == r->n ? -1 : by_id(&ss->rows[i], &r->rows[k]);

        if (order >= 0 && r->rows[k].progress &&
            (order > 0 || !same_text(ss->rows[i].progress, r->rows[k].progress)))
            emit_progress(ss, &r->rows[k]);
        if (order == 0 && !same(&ss->rows[i], &r->rows[k]))
            emit(ss, &r->rows[k], ss->rows[i].status, false);
        if (order < 0)
            emit(ss, &ss->rows[i], ss->rows[i].status, true);
        i += order <= 0;
        k += order >= 0;
    }
}

/* [thread: loop] */
static void read_done(void *arg)
{
    struct reading *r = arg;
    struct mr_sockets *ss = r->ss;

    ss->reading = false;
    if (r->rc == MR_OK) {
        if (ss->known)
            tell_changes(ss, r);
        rows_free(ss->rows, ss->n_rows);
        ss->rows = r->rows;
        ss->n_rows = r->n;
        ss->known = true;
        denied_now(ss, &r->denied);
        ss->activity = r->activity_id;
        if (ss->opt.on_activity)
            ss->opt.on_activity(ss->opt.ctx, mr_buf_span(&r->activity));
    }
    ss->retry_ms = mr_mono_ms() + (r->rc == MR_OK ? EVERY_MS : RETRY_MS);
    if (r->rc != MR_OK) {
        rows_free(r->rows, r->n);
        denied_free(&r->denied);
    }
    mr_buf_free(&r->activity);
    mr_free(r);
    if (ss->again) {
        ss->again = false;
        status_read(ss);
    }
}

static void text(char *out, size_t size, const PGresult *res, int row, int col)
{
    (void)snprintf(out, size, "%s", PQgetvalue(res, row, col));
}

static char *copy(struct mr_span text)
{
    return text.ptr ? mr_memdup0(text.ptr, text.len) : NULL;
}

/* Both are sorted by id. */
static int read_progress(struct mr_pg *db, struct reading *r)
{
    PGresult *news = NULL;
    int rc = mr_loads_news(db, &news);
    size_t k = 0;

    for (int i = 0; rc == MR_OK && i < PQntuples(news); i++) {
        struct status_row key;

        if (!mr_uuid_parse(mr_pg_span(news, i, 0), &key.id))
            continue;
        while (k < r->n && by_id(&r->rows[k], &key) < 0)
            k++;
        if (k < r->n && by_id(&r->rows[k], &key) == 0)
            r->rows[k].progress = copy(mr_pg_span(news, i, 1));
    }
    PQclear(news);
    return rc;
}

static int read_rows(struct mr_pg *db, struct reading *r)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(db,
                        "SELECT id, status, full_load_status, cdc_status, error_message, "
                        "coalesce(health, ''), health_reason "
                        "FROM pipelines WHERE deleted_at IS NULL ORDER BY id",
                        0, NULL, &res);

    if (rc != MR_OK)
        return rc;
    r->rows = mr_zalloc((size_t)PQntuples(res) + 1, sizeof(*r->rows));
    for (int i = 0; r->rows && i < PQntuples(res); i++) {
        struct status_row *row = &r->rows[r->n];

        if (!mr_uuid_parse(mr_pg_span(res, i, 0), &row->id))
            continue;
        text(row->status, sizeof(row->status), res, i, 1);
        text(row->full_load, sizeof(row->full_load), res, i, 2);
        text(row->cdc, sizeof(row->cdc), res, i, 3);
        text(row->health, sizeof(row->health), res, i, 5);
        row->error = copy(mr_pg_span(res, i, 4));
        row->reason = copy(mr_pg_span(res, i, 6));
        r->n++;
    }
    PQclear(res);
    return r->rows ? MR_OK : MR_E_NOMEM;
}

/* [thread: worker] */
static void read_work(void *arg)
{
    struct reading *r = arg;
    struct mr_server *srv = r->ss->opt.server;
    struct mr_pg *db = NULL;

    r->rc = mr_pg_acquire(r->ss->opt.pg, 1000, &db);
    if (r->rc == MR_OK) {
        r->rc = read_rows(db, r);
        if (r->rc == MR_OK)
            r->rc = read_progress(db, r);
        if (r->rc == MR_OK)
            r->rc = denied_read(db, &r->denied);
        if (r->rc == MR_OK)
            r->rc = mr_activity_after(db, &r->activity_id, &r->activity);
        mr_pg_release(r->ss->opt.pg, db);
    }
    if (!sock_post(srv, read_done, r)) {
        rows_free(r->rows, r->n);
        denied_free(&r->denied);
        mr_buf_free(&r->activity);
        mr_free(r);
    }
}

void status_read(struct mr_sockets *ss)
{
    struct reading *r;

    if (ss->draining)
        return;
    if (ss->reading) {
        ss->again = true; /* the one under way may have begun before the change */
        return;
    }
    r = mr_zalloc(1, sizeof(*r));
    if (r) {
        r->ss = ss;
        r->activity_id = ss->activity;
        mr_buf_init(&r->activity, 4u << 20);
        ss->reading = true;
        if (mr_pool_submit(ss->opt.pool, read_work, r) == MR_OK)
            return;
        ss->reading = false;
        mr_free(r);
    }
    ss->retry_ms = mr_mono_ms() + RETRY_MS;
}

void mr_sockets_pipelines(void *ctx)
{
    status_read(ctx);
}

void status_free(struct mr_sockets *ss)
{
    rows_free(ss->rows, ss->n_rows);
    ss->rows = NULL;
    ss->n_rows = 0;
    denied_free(&ss->denied);
}
