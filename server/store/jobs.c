/* jobs.c - the table pipeline_jobs. */
#include "store/jobs.h"
#include "base/clock.h"
#include "store/rows.h"
#include <stdio.h>

/* clang-format off */
#define LOCK "hashtextextended('millrace.pipeline.' || $1, 0)"
#define OPEN "state IN ('pending', 'running')"

static const char SQL_ADD[] =
    "INSERT INTO pipeline_jobs (id, pipeline_id, kind, options, created_by) "
    "VALUES ($1::uuid, $2::uuid, $3, coalesce($4::jsonb, '{}'), $5)";
static const char SQL_CANCEL[] =
    "UPDATE pipeline_jobs SET cancel_requested = true, not_before = now(), updated_at = now() "
    "WHERE pipeline_id = $1::uuid AND kind <> 'delete' AND " OPEN;
static const char SQL_DUE[] =
    "SELECT j.id, j.pipeline_id FROM pipeline_jobs j WHERE j." OPEN " AND j.not_before <= now() "
    "AND NOT EXISTS (SELECT 1 FROM pipeline_jobs e WHERE e.pipeline_id = j.pipeline_id AND e." OPEN
    " AND (e.created_at, e.id) < (j.created_at, j.id)) ORDER BY j.not_before LIMIT 64";
static const char SQL_LOCK[] = "SELECT pg_try_advisory_lock(" LOCK ")";
static const char SQL_UNLOCK[] = "SELECT pg_advisory_unlock(" LOCK ")";
static const char SQL_TAKE[] =
    "UPDATE pipeline_jobs SET state = 'running', attempts = attempts + 1, updated_at = now(), "
    "started_at = coalesce(started_at, now()) WHERE id = $1::uuid AND " OPEN
    " RETURNING id, pipeline_id, kind, coalesce(step, ''), options, coalesce(created_by, ''), "
    "attempts";
static const char SQL_STEP[] =
    "UPDATE pipeline_jobs SET steps = CASE WHEN step IS NULL OR step = $2 THEN steps "
    "ELSE steps || jsonb_build_object('step', step, 'at', now(), 'ms', "
    "(extract(epoch FROM now() - updated_at) * 1000)::bigint) END, "
    "step = $2, error = NULL, updated_at = now() "
    "WHERE id = $1::uuid AND state = 'running' RETURNING cancel_requested";
static const char SQL_LOOK[] =
    "SELECT cancel_requested FROM pipeline_jobs WHERE id = $1::uuid AND state = 'running'";
static const char SQL_END[] =
    "UPDATE pipeline_jobs SET state = $2, error = $3, finished_at = now(), updated_at = now(), "
    "steps = CASE WHEN step IS NULL OR $2 <> 'done' THEN steps ELSE steps || "
    "jsonb_build_object('step', step, 'at', now(), 'ms', "
    "(extract(epoch FROM now() - updated_at) * 1000)::bigint) END "
    "WHERE id = $1::uuid AND " OPEN;
static const char SQL_AGAIN[] =
    "UPDATE pipeline_jobs SET state = 'pending', error = $2, updated_at = now(), "
    "not_before = CASE WHEN cancel_requested THEN now() "
    "ELSE now() + $3::bigint * interval '1 millisecond' END WHERE id = $1::uuid AND " OPEN;
static const char SQL_OPEN[] =
    "SELECT EXISTS (SELECT 1 FROM pipeline_jobs WHERE pipeline_id = $1::uuid AND " OPEN ")";
static const char SQL_LIST[] =
    "SELECT coalesce(json_agg(o), '[]') FROM (SELECT json_build_object('id', id, 'kind', kind, "
    "'state', state, 'step', step, 'steps', steps, 'error', error, 'attempts', attempts, "
    "'created_by', created_by, 'created_at', " MR_SQL_TIME("created_at") ", 'started_at', "
    MR_SQL_TIME("started_at") ", 'finished_at', " MR_SQL_TIME("finished_at") ") AS o "
    "FROM pipeline_jobs WHERE pipeline_id = $1::uuid ORDER BY created_at DESC, id DESC LIMIT 10) x";
/* clang-format on */

int mr_jobs_add(struct mr_pg *c, const char *pipeline_id, const char *kind, const char *options,
                const char *created_by, char id[MR_UUID_TEXT])
{
    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    return mr_pg_exec(c, SQL_ADD, 5, (const char *[]){id, pipeline_id, kind, options, created_by},
                      NULL);
}

int mr_jobs_cancel(struct mr_pg *c, const char *pipeline_id)
{
    return mr_pg_exec(c, SQL_CANCEL, 1, (const char *[]){pipeline_id}, NULL);
}

static void text(char *out, size_t size, const PGresult *res, int col)
{
    (void)snprintf(out, size, "%s", PQgetvalue(res, 0, col));
}

/* The lock, and then the job as it is under the lock. MR_E_NOTFOUND: somebody else has one or has
 * done the other. */
static int take(struct mr_pg *c, const char *id, const char *pipeline_id, struct mr_job *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_LOCK, 1, (const char *[]){pipeline_id}, &res);

    if (rc == MR_OK && PQgetvalue(res, 0, 0)[0] != 't')
        rc = MR_E_NOTFOUND;
    PQclear(res);
    res = NULL;
    if (rc != MR_OK)
        return rc;
    (void)snprintf(out->pipeline_id, sizeof(out->pipeline_id), "%s", pipeline_id);
    rc = mr_pg_exec(c, SQL_TAKE, 1, (const char *[]){id}, &res);
    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK) {
        text(out->id, sizeof(out->id), res, 0);
        text(out->kind, sizeof(out->kind), res, 2);
        text(out->step, sizeof(out->step), res, 3);
        text(out->options, sizeof(out->options), res, 4);
        text(out->created_by, sizeof(out->created_by), res, 5);
        out->attempts = mr_pg_i64(res, 0, 6);
    } else if (mr_jobs_release(c, out) != MR_OK) {
        rc = MR_E_DB;
    }
    PQclear(res);
    return rc;
}

int mr_jobs_claim(struct mr_pg *c, struct mr_job *out)
{
    PGresult *due = NULL;
    int rc = mr_pg_exec(c, SQL_DUE, 0, NULL, &due);

    if (rc != MR_OK)
        return rc;
    rc = MR_E_NOTFOUND;
    for (int i = 0; rc == MR_E_NOTFOUND && i < PQntuples(due); i++)
        rc = take(c, PQgetvalue(due, i, 0), PQgetvalue(due, i, 1), out);
    PQclear(due);
    return rc;
}

int mr_jobs_release(struct mr_pg *c, const struct mr_job *job)
{
    return mr_pg_exec(c, SQL_UNLOCK, 1, (const char *[]){job->pipeline_id}, NULL);
}

/* One row: has it been asked to end? None: it is not ours any more, which comes to the same. */
static int asked_to_end(int rc, PGresult *res)
{
    if (rc == MR_OK && (PQntuples(res) == 0 || PQgetvalue(res, 0, 0)[0] == 't'))
        rc = MR_E_CLOSED;
    PQclear(res);
    return rc;
}

int mr_jobs_step(struct mr_pg *c, const struct mr_job *job, const char *step)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_STEP, 2, (const char *[]){job->id, step}, &res);

    return asked_to_end(rc, res);
}

int mr_jobs_look(struct mr_pg *c, const struct mr_job *job)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_LOOK, 1, (const char *[]){job->id}, &res);

    return asked_to_end(rc, res);
}

int mr_jobs_end(struct mr_pg *c, const struct mr_job *job, const char *state, const char *error)
{
    return mr_pg_exec(c, SQL_END, 3, (const char *[]){job->id, state, error}, NULL);
}

int mr_jobs_again(struct mr_pg *c, const struct mr_job *job, const char *error, int64_t delay_ms)
{
    char ms[24];

    (void)snprintf(ms, sizeof(ms), "%lld", (long long)delay_ms);
    return mr_pg_exec(c, SQL_AGAIN, 3, (const char *[]){job->id, error, ms}, NULL);
}

int mr_jobs_open(struct mr_pg *c, const char *pipeline_id, bool *open)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_OPEN, 1, (const char *[]){pipeline_id}, &res);

    *open = rc == MR_OK && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return rc;
}

int mr_jobs_list(struct mr_pg *c, const char *pipeline_id, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_LIST, 1, (const char *[]){pipeline_id}, &res);

    return mr_rows_object(rc, res, json, NULL);
}
