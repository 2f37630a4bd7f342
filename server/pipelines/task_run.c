/* task_run.c - the kinds of jobs, each as the order of its steps. Every step can be done again:
 * what it finds done, it leaves. */
#include "base/log.h"
#include "pipelines/connect_secrets.h"
#include "pipelines/task.h"
#include "store/catalogs.h"
#include "store/pipelines.h"
#include <stdio.h>
#include <stdlib.h>

static bool option(const struct mr_task *t, const char *name)
{
    struct mr_span v;

    return mr_json_get(mr_span_str(t->job.options), name, &v) == MR_OK &&
           mr_json_type(v) == MR_JSON_TRUE;
}

/* What no patience mends. */
static int check_plan(struct mr_task *t)
{
    const char *forbidden;

    if (!t->plan.source.there)
        return task_say(t, MR_E_INVAL, "The pipeline has no source connection.");
    if (!t->plan.target.there)
        return task_say(t, MR_E_INVAL, "The pipeline has no target connection.");
    if (!mr_sink_knows(t->plan.target.opened.db.type))
        return task_say(t, MR_E_INVAL, "A %s cannot be a target.", t->plan.target.opened.db.type);
    if (mr_plan_needs_connect(&t->plan) && t->m->env.cfg->connect_url[0] == '\0')
        return task_say(t, MR_E_INVAL, "KAFKA_CONNECT_URL is not set: changes need Kafka Connect.");
    forbidden = mr_config_forbidden(t->plan.debezium_config);
    if (!forbidden)
        forbidden = mr_config_forbidden(t->plan.sink_config);
    if (forbidden)
        return task_say(t, MR_E_INVAL, "%s is set by millrace: take it out of the overrides.",
                        forbidden);
    return MR_OK;
}

/* The pipeline as it is by now. */
static int reload(struct mr_task *t)
{
    struct mr_plan fresh;
    int rc = mr_plan_load(&fresh, t->db, &t->m->env, t->job.pipeline_id, t->why, sizeof(t->why));

    if (rc != MR_OK)
        return rc;
    mr_plan_free(&t->plan);
    t->plan = fresh;
    return MR_OK;
}

/* ---- start -------------------------------------------------------------------------------- */

static int start(struct mr_task *t)
{
    int rc = task_step(t, "check");

    if (rc == MR_OK)
        rc = task_move(t, MR_PL_STARTING, NULL); /* it is there already, unless this is a resync */
    if (rc == MR_OK)
        rc = check_plan(t);
    if (rc == MR_OK)
        rc = task_step(t, "names");
    if (rc == MR_OK)
        rc = mr_plan_claim_names(&t->plan, t->db);
    if (rc == MR_OK)
        rc = mr_plan_own_load(&t->plan) ? task_load(t) : task_load_by_debezium(t);
    if (rc == MR_OK && !mr_plan_needs_connect(&t->plan)) {
        rc = task_step(t, "end");
        return rc == MR_OK ? task_move(t, MR_PL_STOPPED, NULL) : rc;
    }
    if (rc == MR_OK)
        rc = reload(t); /* the load is known to be over */
    if (rc == MR_OK)
        rc = task_source_start(t);
    if (rc == MR_OK)
        rc = task_sink_start(t);
    if (rc == MR_OK)
        rc = task_step(t, "run");
    return rc == MR_OK ? task_move(t, MR_PL_RUNNING, NULL) : rc;
}

/* ---- stop, pause, resume, restart --------------------------------------------------------- */

/* Everything that was made is gone, and what is made next is called otherwise: topics of the past
 * are nobody's. */
static int start_anew(struct mr_task *t)
{
    char base[24], *end = NULL;
    long n = 1;
    int rc = task_forget(t, false);

    if (rc == MR_OK && mr_plan_own_load(&t->plan) && t->plan.mode != MR_MODE_CDC_ONLY &&
        strcmp(t->plan.full_load_status, "NOT_STARTED") != 0)
        rc = task_load_undo(t);
    if (rc != MR_OK)
        return rc;
    (void)snprintf(base, sizeof(base), "mr_%s", t->plan.short_id);
    if (strncmp(t->plan.prefix, base, strlen(base)) == 0 && t->plan.prefix[strlen(base)] == '_')
        n = strtol(t->plan.prefix + strlen(base) + 1, &end, 10);
    (void)snprintf(t->plan.prefix, sizeof(t->plan.prefix), "%s_%ld", base, n + 1);
    rc = mr_plan_claim_names(&t->plan, t->db);
    if (rc == MR_OK)
        rc = task_loaded(t, "NOT_STARTED", NULL);
    if (rc == MR_OK)
        rc = mr_catalogs_forget(t->db, t->job.pipeline_id);
    return rc == MR_OK ? reload(t) : rc;
}

static int stop(struct mr_task *t)
{
    bool half = strcmp(t->plan.full_load_status, "IN_PROGRESS") == 0;
    int rc;

    if (option(t, "drop_slot")) {
        rc = start_anew(t);
    } else if (half && mr_plan_own_load(&t->plan)) {
        rc = task_step(t, "undo_load");
        if (rc == MR_OK)
            rc = task_load_undo(t);
    } else {
        rc = task_step(t, "stop_connectors");
        if (rc == MR_OK && mr_plan_needs_connect(&t->plan))
            rc = task_connectors(t, "stop", "STOPPED");
    }
    return rc == MR_OK ? task_move(t, MR_PL_STOPPED, NULL) : rc;
}

/* options.why: what the pipeline is to say, where nobody asked for the pause. */
static int pause_it(struct mr_task *t)
{
    struct mr_buf why = MR_BUF_INIT(4096);
    struct mr_span said;
    int rc = task_step(t, "pause_connectors");

    if (mr_json_get(mr_span_str(t->job.options), "why", &said) == MR_OK &&
        mr_json_unescape(mr_json_string_raw(said), &why) != MR_OK)
        mr_buf_clear(&why);
    if (rc == MR_OK)
        rc = task_connectors(t, "pause", "PAUSED");
    if (rc == MR_OK)
        rc = task_move(t, MR_PL_PAUSED, why.len > 0 ? mr_buf_cstr(&why) : NULL);
    mr_buf_free(&why);
    return rc;
}

static int resume(struct mr_task *t)
{
    int rc = task_step(t, "resume_connectors");

    if (rc == MR_OK)
        rc = task_connectors(t, "resume", "RUNNING");
    return rc == MR_OK ? task_move(t, MR_PL_RUNNING, NULL) : rc;
}

static int restart(struct mr_task *t)
{
    int rc = task_step(t, "restart_connectors");

    if (rc == MR_OK)
        rc = task_connect(t, mr_connect_restart(t->connect, t->plan.source_connector, false));
    if (rc == MR_OK)
        rc = task_connect(t, mr_connect_restart(t->connect, t->plan.sink_connector, false));
    return rc == MR_OK ? resume(t) : rc;
}

/* ---- resync, delete ----------------------------------------------------------------------- */

static int resync(struct mr_task *t)
{
    int rc = MR_OK;

    /* Once the old is gone the state is past STOPPED, and this part is not done again. */
    if (strcmp(t->plan.status, "STARTING") != 0) {
        rc = check_plan(t);
        if (rc == MR_OK)
            rc = start_anew(t);
        if (rc == MR_OK)
            rc = task_step(t, "truncate");
        if (rc == MR_OK && mr_plan_own_load(&t->plan) && t->plan.mode != MR_MODE_CDC_ONLY)
            rc = task_load_undo(t);
        if (rc == MR_OK)
            rc = task_move(t, MR_PL_STOPPED, NULL);
    }
    return rc == MR_OK ? start(t) : rc;
}

static int clean_up(struct mr_task *t)
{
    int rc = MR_OK;

    if (t->plan.claimed) { /* else nothing was ever made */
        rc = task_forget(t, option(t, "keep_slot"));
        if (rc == MR_OK)
            rc = task_forget_kafka(t, option(t, "drop_topics"));
        if (rc == MR_OK && t->plan.target.there && mr_plan_own_load(&t->plan))
            rc = task_load_forget(t);
    }
    if (rc == MR_OK)
        rc = task_step(t, "end");
    if (rc == MR_OK)
        rc = mr_pipelines_note(t->db, t->job.pipeline_id, NULL);
    return rc;
}

int task_run(struct mr_task *t)
{
    static const struct {
        const char *kind;
        int (*run)(struct mr_task *t);
    } kinds[] = {{"start", start},     {"stop", stop},     {"pause", pause_it}, {"resume", resume},
                 {"restart", restart}, {"resync", resync}, {"delete", clean_up}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].kind, t->job.kind) == 0)
            return kinds[i].run(t);
    return task_say(t, MR_E_INVAL, "This version knows no job called %s.", t->job.kind);
}
