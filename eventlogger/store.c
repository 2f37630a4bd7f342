/* store.c - the statements of the transaction, in the order that makes the promises:
 *
 *   1 consumer_offsets   compare-and-set of every partition; fewer rows than partitions: fenced
 *   2 event_log_head     lock and advance: the range of seq, so commit order is seq order
 *   3 pipeline_counters  advance: the ranges of pipeline_seq; the minute's counts (minutes.c)
 *   4 COPY of rows and dead letters; NOTIFY, which PostgreSQL sends with the COMMIT
 *
 * Several rows travel as one JSON parameter: one statement, whatever the number of partitions and
 * pipelines. */
#include "store.h"
#include "base/fault.h"
#include "proto/alloc.h"

#include <stdio.h>
#include <stdlib.h>

#define SHARES(more)                                                                               \
    "jsonb_to_recordset($1::jsonb) AS n (topic text, partition int, expected bigint, "             \
    "next bigint, fingerprint bigint" more ")"

#define COUNT(fate)    ", " fate "_count = o." fate "_count + coalesce(n." fate ", 0)"
#define AS_COUNT(fate) ", " fate " bigint"
static const char SQL_OFFSETS[] =
    "UPDATE consumer_offsets o SET next_offset = n.next, fingerprint = n.fingerprint, "
    "updated_at = now(), pipeline_id = n.owner" EL_FATE_COLUMNS(COUNT) " FROM " SHARES(
        ", owner uuid" EL_FATE_COLUMNS(AS_COUNT)) " WHERE o.topic = n.topic AND o.partition = "
                                                  "n.partition AND o.next_offset = n.expected";

/* FOR UPDATE waits for whoever still holds the rows: a transaction whose COMMIT was never answered
 * has ended, one way or the other, when this returns. */
static const char SQL_STAND[] =
    "SELECT count(*) FROM (SELECT o.next_offset = n.next AND o.fingerprint = n.fingerprint AS same "
    "FROM consumer_offsets o JOIN " SHARES(
        "") " ON o.topic = n.topic AND o.partition = n.partition FOR UPDATE OF o) x WHERE same";
static const char SQL_HAVE[] =
    "SELECT count(*) FROM pipeline_runs WHERE id = $1::uuid AND started_at = $2::timestamptz";

static const char SQL_HEAD[] =
    "UPDATE event_log_head SET last_seq = last_seq + $1::bigint RETURNING last_seq";

#define ADD(column) #column " = k." #column " + excluded." #column ", "
static const char SQL_COUNTERS[] =
    "INSERT INTO pipeline_counters AS k (pipeline_id, insert_count, update_count, delete_count, "
    "other_count, snapshot_count, tombstone_count, skipped_count, failed_count, latency_count, "
    "latency_sum_ms, last_pipeline_seq, last_event_at, last_position, heartbeat_sent_at, "
    "heartbeat_logged_at) "
    "SELECT id, i, u, d, o, s, t, x, f, lc, ls, n, at, pos, to_timestamp(hb / 1000.0), "
    "CASE WHEN hb IS NOT NULL THEN now() END "
    "FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, i bigint, u bigint, d bigint, o bigint, "
    "s bigint, t bigint, x bigint, f bigint, lc bigint, ls bigint, n bigint, at timestamptz, "
    "pos text, hb bigint) ORDER BY id "
    "ON CONFLICT (pipeline_id) DO UPDATE SET " ADD(insert_count) ADD(update_count) ADD(
        delete_count) ADD(other_count) ADD(snapshot_count) ADD(tombstone_count) ADD(skipped_count)
        ADD(failed_count) ADD(latency_count) ADD(latency_sum_ms) ADD(
            last_pipeline_seq) "last_event_at = coalesce(excluded.last_event_at, k.last_event_at), "
                               "last_position = coalesce(excluded.last_position, k.last_position), "
                               "heartbeat_sent_at = greatest(excluded.heartbeat_sent_at, "
                               "k.heartbeat_sent_at), heartbeat_logged_at = "
                               "coalesce(excluded.heartbeat_logged_at, k.heartbeat_logged_at) "
                               "RETURNING pipeline_id, last_pipeline_seq";

static const char SQL_NOTIFY[] = "SELECT pg_notify('millrace_log', $1)";

/* ---- 1 ------------------------------------------------------------------------------------ */

/* The partitions' shares of the piece, into w->json; how many there are. */
static size_t shares_json(struct el_work *w)
{
    struct mr_buf *b = &w->json;
    size_t n = el_batch_span(w->b, w->from, w->to), done = 0;
    char owner[MR_UUID_TEXT];

    mr_buf_clear(b);
    mr_buf_add_char(b, '[');
    for (size_t i = 0; i < w->b->parts_n; i++) {
        const struct el_part *part = &w->b->parts[i];

        if (part->next < 0)
            continue;
        mr_buf_add_str(b, done++ > 0 ? ",{\"topic\":\"" : "{\"topic\":\"");
        mr_buf_add_str(b, part->topic); /* Kafka allows nothing in a name that JSON would escape */
        mr_uuid_format(part->owner, owner);
        mr_buf_addf(b,
                    "\",\"partition\":%d,\"expected\":%lld,\"next\":%lld,\"fingerprint\":%lld,"
                    "\"owner\":\"%s\"",
                    (int)part->partition, (long long)part->expected, (long long)part->next,
                    (long long)el_message_fingerprint(w->b->records[part->last].msg), owner);
        el_ledger_json(b, w->fates[i]);
        mr_buf_add_char(b, '}');
    }
    mr_buf_add_char(b, ']');
    return n;
}

static int advance_offsets(struct el_work *w)
{
    size_t n = shares_json(w);
    const char *params[] = {mr_buf_cstr(&w->json)};
    PGresult *res = NULL;
    int rc = mr_buf_err(&w->json);

    if (rc == MR_OK)
        rc = mr_pg_exec(w->db, SQL_OFFSETS, 1, params, &res);
    if (rc == MR_OK && strtoull(PQcmdTuples(res), NULL, 10) != n)
        rc = EL_FENCED;
    PQclear(res);
    return rc;
}

/* ---- 2, 3, 4 ------------------------------------------------------------------------------ */

static int advance_head(struct el_work *w)
{
    char n[24];
    const char *params[] = {n};
    PGresult *res = NULL;
    int rc;

    (void)snprintf(n, sizeof(n), "%llu", (unsigned long long)w->counts.events);
    rc = mr_pg_exec(w->db, SQL_HEAD, 1, params, &res);
    if (rc == MR_OK && PQntuples(res) != 1)
        rc = MR_E_DB;
    if (rc == MR_OK)
        w->last_seq = mr_pg_i64(res, 0, 0);
    PQclear(res);
    return rc;
}

static void tally_json(struct el_work *w, const struct el_tally *t)
{
    struct mr_buf *b = &w->json;
    char id[MR_UUID_TEXT], position[EL_POSITION_TEXT] = "";

    mr_uuid_format(t->pipeline, id);
    mr_buf_addf(b,
                "{\"id\":\"%s\",\"i\":%lld,\"u\":%lld,\"d\":%lld,\"o\":%lld,\"s\":%lld,\"t\":%lld,"
                "\"x\":%lld,\"f\":%lld,\"lc\":%lld,\"ls\":%lld,\"n\":%lld",
                id, (long long)t->insert, (long long)t->update, (long long)t->delete_,
                (long long)t->other, (long long)t->snapshot, (long long)t->tombstone,
                (long long)t->skipped, (long long)t->failed, (long long)t->latency_count,
                (long long)t->latency_sum_ms, (long long)t->events);
    if (t->last != NULL) {
        mr_buf_addf(b, ",\"at\":\"%s\"", w->logged_text);
        if (el_event_position(t->last, position) > 0)
            mr_buf_addf(b, ",\"pos\":\"%s\"", position);
    }
    if (t->heartbeat_ms > 0)
        mr_buf_addf(b, ",\"hb\":%lld", (long long)t->heartbeat_ms);
    mr_buf_add_char(b, '}');
}

static bool counts_anything(const struct el_tally *t)
{
    return t->events != 0 || t->tombstone != 0 || t->skipped != 0 || t->failed != 0;
}

static void take_sequence(struct el_work *w, struct mr_uuid pipeline, int64_t last)
{
    for (size_t i = 0; i < w->tallies_n; i++)
        if (memcmp(&w->tallies[i].pipeline, &pipeline, sizeof(pipeline)) == 0)
            w->tallies[i].next_pipeline_seq = last - w->tallies[i].events + 1;
}

static int advance_counters(struct el_work *w)
{
    const char *params[1];
    PGresult *res = NULL;
    struct mr_uuid id;
    bool first = true;
    int rc;

    mr_buf_clear(&w->json);
    mr_buf_add_char(&w->json, '[');
    for (size_t i = 0; i < w->tallies_n; i++) {
        if (!counts_anything(&w->tallies[i]))
            continue;
        if (!first)
            mr_buf_add_char(&w->json, ',');
        first = false;
        tally_json(w, &w->tallies[i]);
    }
    mr_buf_add_char(&w->json, ']');
    rc = mr_buf_err(&w->json);
    params[0] = mr_buf_cstr(&w->json);
    if (rc == MR_OK)
        rc = mr_pg_exec(w->db, SQL_COUNTERS, 1, params, &res);
    for (int i = 0; rc == MR_OK && i < PQntuples(res); i++)
        if (mr_uuid_parse(mr_pg_span(res, i, 0), &id))
            take_sequence(w, id, mr_pg_i64(res, i, 1));
    PQclear(res);
    return rc;
}

static int notify(struct el_work *w)
{
    char head[24];
    const char *params[] = {head};

    (void)snprintf(head, sizeof(head), "%lld", (long long)w->last_seq);
    return mr_pg_exec(w->db, SQL_NOTIFY, 1, params, NULL);
}

static int write_rows(struct el_work *w)
{
    int rc = el_work_write(w);

    return rc == MR_OK ? el_copy_rows(w) : rc;
}

int el_work_append(struct el_work *w)
{
    const bool events = w->counts.events > 0;
    /* Between any two of them a test may have the process die. */
    const struct {
        int (*run)(struct el_work *w);
        bool due;
        const char *done;
    } steps[] = {
        {advance_head, events, "log.head"},
        {advance_counters, true, "log.counters"},
        {el_minutes_store, events, "log.minutes"},
        {write_rows, events, "log.rows"},
        {el_copy_dead, w->counts.dead > 0, "log.letters"},
        {notify, events, "log.notified"},
    };
    int rc = MR_OK;

    mr_run_batch_unref(w->out); /* of an attempt that failed */
    w->out = NULL;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == MR_OK; i++) {
        if (!steps[i].due)
            continue;
        rc = steps[i].run(w);
        mr_fault_point(steps[i].done);
    }
    return rc;
}

int el_work_store(struct el_work *w)
{
    int rc = advance_offsets(w);

    mr_fault_point("log.offsets");
    return rc == MR_OK ? el_work_append(w) : rc;
}

void el_work_free(struct el_work *w)
{
    mr_run_batch_unref(w->out);
    mr_free(w->tallies);
    mr_free(w->tally_of_part);
    mr_free(w->table_of_part);
    mr_free(w->tables);
    mr_free(w->fates);
    mr_free(w->ids);
    mr_free(w->metadata);
    mr_buf_free(&w->copy);
    mr_buf_free(&w->json);
    mr_buf_free(&w->name);
}

/* ---- afterwards --------------------------------------------------------------------------- */

/* With events the id of the first one tells whose transaction it was; without any it does not
 * matter who has moved the offsets. */
static int was_ours(struct el_work *w, bool same_stand)
{
    char id[MR_UUID_TEXT];
    const char *params[] = {id, w->logged_text};
    PGresult *res = NULL;
    int rc;

    if (w->out == NULL || w->out->n == 0)
        return same_stand ? MR_OK : MR_E_NOTFOUND;
    mr_uuid_format(w->ids[0], id);
    rc = mr_pg_exec(w->db, SQL_HAVE, 2, params, &res);
    if (rc == MR_OK && mr_pg_i64(res, 0, 0) == 0)
        rc = MR_E_NOTFOUND;
    PQclear(res);
    return rc;
}

int el_work_was_stored(struct el_work *w)
{
    size_t n = shares_json(w);
    const char *params[] = {mr_buf_cstr(&w->json)};
    PGresult *res = NULL;
    int rc = mr_buf_err(&w->json);

    if (rc == MR_OK)
        rc = mr_pg_run(w->db, "BEGIN");
    if (rc == MR_OK)
        rc = mr_pg_exec(w->db, SQL_STAND, 1, params, &res);
    if (rc == MR_OK)
        rc = was_ours(w, (size_t)mr_pg_i64(res, 0, 0) == n);
    PQclear(res);
    if (mr_pg_run(w->db, "ROLLBACK") != MR_OK)
        rc = MR_E_DB;
    return rc;
}
