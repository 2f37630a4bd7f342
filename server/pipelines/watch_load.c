/* watch_load.c - a load that is Debezium's snapshot: is it over? */
#include "base/log.h"
#include "pipelines/watch.h"
#include "store/jobs.h"
#include "store/loads.h"

/* A pipeline that only loads has done its work when the sink has, too. */
static int end_pipeline(struct watch *w, const struct mr_plan *plan, const struct seen *s)
{
    char job[MR_UUID_TEXT];
    bool open = false;
    int rc;

    if (plan->mode != MR_MODE_FULL_LOAD_ONLY || s->sink_lag != 0)
        return MR_OK;
    rc = mr_jobs_open(w->db, plan->id, &open);
    return rc == MR_OK && !open ? mr_jobs_add(w->db, plan->id, "stop", NULL, "millrace", job) : rc;
}

int watch_load(struct watch *w, const struct mr_plan *plan, struct seen *s)
{
    bool taken = false;
    int rc;

    if (!s->running || mr_plan_own_load(plan) || plan->mode == MR_MODE_CDC_ONLY)
        return MR_OK;
    if (strcmp(plan->full_load_status, "COMPLETED") == 0)
        return end_pipeline(w, plan, s);
    s->loading = true;
    if (!s->connect_answers || strcmp(s->source.worst, "RUNNING") != 0 ||
        mr_connect_snapshot(w->connect, plan->source_connector, &taken) != MR_OK || !taken)
        return MR_OK;
    rc = mr_loads_end(w->db, plan->id, "COMPLETED", NULL);
    if (rc == MR_OK)
        LOG_INFO("load_by_debezium_done", F_STR("pipeline_id", plan->id));
    return rc;
}
