/* pipeline_status.c - how a pipeline is: its states with the evidence for them, the full load's
 * progress, what was run, the lag; and whether it could be started. */
#include "api/api.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "pipelines/preflight.h"
#include "store/evidence.h"
#include "store/jobs.h"
#include "store/loads.h"
#include "store/pipelines.h"

static int gone(struct mr_call *c, int rc)
{
    return rc == MR_E_NOTFOUND ? mr_call_fail(c, rc, 0, "Pipeline not found") : rc;
}

static int open_for(struct mr_call *c, char id[MR_UUID_TEXT], struct mr_pg **db)
{
    int rc = mr_call_param_uuid(c, 0, "Pipeline", id);

    return rc == MR_OK ? mr_call_db(c, db) : rc;
}

int mr_get_pipeline_status(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = open_for(c, id, &db);

    if (rc == MR_OK)
        rc = mr_evidence_status(db, id, c->api->opt.cfg->stale_ms, &c->out);
    return gone(c, rc);
}

int mr_get_pipeline_progress(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = open_for(c, id, &db);

    if (rc == MR_OK)
        rc = mr_loads_progress(db, id, &c->out);
    return gone(c, rc);
}

int mr_get_pipeline_runs(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = open_for(c, id, &db);

    if (rc == MR_OK)
        rc = mr_pipelines_exists(db, id);
    if (rc == MR_OK)
        rc = mr_jobs_list(db, id, &c->out);
    return gone(c, rc);
}

int mr_get_lsn_latency(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = open_for(c, id, &db);

    if (rc == MR_OK)
        rc = mr_evidence_lag(db, id, &c->out);
    return gone(c, rc);
}

int mr_post_pipeline_validate(struct mr_call *c)
{
    const struct mr_plan_env env = {
        .cfg = c->api->opt.cfg, .hosts = c->api->opt.hosts, .secrets = c->api->opt.secrets};
    struct mr_plan plan;
    char id[MR_UUID_TEXT], why[512] = "";
    struct mr_pg *db = NULL;
    int rc = open_for(c, id, &db);

    if (rc == MR_OK)
        rc = mr_plan_load(&plan, db, &env, id, why, sizeof(why));
    if (rc == MR_E_CONFIG)
        return mr_call_fail(c, MR_E_CONFLICT, 0, "%s", why);
    if (rc == MR_OK && plan.deleted) {
        mr_plan_free(&plan);
        rc = MR_E_NOTFOUND;
    }
    if (rc != MR_OK)
        return gone(c, rc);
    if (!c->enclosed)
        mr_call_db_release(c); /* other people's databases are asked next */
    mr_preflight(&plan, c->api->opt.cfg, &c->out);
    mr_plan_free(&plan);
    return mr_buf_err(&c->out);
}
