/* task_connectors.c - the two connectors of a pipeline on Kafka Connect. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "pipelines/connect_secrets.h"
#include "pipelines/pg_source.h"
#include "pipelines/task.h"
#include "proto/alloc.h"
#include <stdio.h>
#include <time.h>

#define AWAIT_MS     60000
#define SLOT_WAIT_MS 20000

/* ---- what the connectors are told --------------------------------------------------------- */

/* The tables by name, as connector_config.h wants them. */
struct names {
    struct mr_connector_table *list;
    size_t n;
    struct mr_buf *texts; /* of sources whose tables are named by hand: 3 each */
    size_t n_texts;
};

static void names_free(struct names *n)
{
    for (size_t i = 0; i < n->n_texts; i++)
        mr_buf_free(&n->texts[i]);
    mr_free(n->texts);
    mr_free(n->list);
}

static int names_of_postgres(const struct mr_task *t, struct names *out)
{
    out->list = mr_zalloc(t->tables.n + 1, sizeof(*out->list));
    if (!out->list)
        return MR_E_NOMEM;
    for (size_t i = 0; i < t->tables.n; i++)
        out->list[out->n++] = (struct mr_connector_table){.schema = t->tables.list[i].schema,
                                                          .name = t->tables.list[i].name,
                                                          .target = t->tables.list[i].target};
    return MR_OK;
}

/* "schema.table", or "table" of source_schema (MySQL, MongoDB: of the database). */
static int names_by_hand(const struct mr_task *t, struct names *out)
{
    const char *usual =
        t->plan.source_schema[0] ? t->plan.source_schema : t->plan.source.opened.db.database;
    const char *database = strcmp(t->plan.source.opened.db.type, "sqlserver") == 0
                               ? t->plan.source.opened.db.database
                               : NULL;
    struct mr_json_iter it;
    size_t n = 0;
    int rc;

    for (rc = mr_json_begin(&it, t->plan.tables); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;)
        n++;
    out->list = mr_zalloc(n + 1, sizeof(*out->list));
    out->texts = mr_zalloc(3 * n + 1, sizeof(*out->texts));
    if (!out->list || !out->texts)
        return MR_E_NOMEM;
    for (rc = mr_json_begin(&it, t->plan.tables);
         rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        struct mr_buf *b = &out->texts[out->n_texts];
        const char *full, *dot;

        for (size_t i = 0; i < 3; i++)
            mr_buf_init(&b[i], 4096);
        out->n_texts += 3;
        if (mr_json_unescape(mr_json_string_raw(it.value), &b[0]) != MR_OK)
            return MR_E_NOMEM;
        full = mr_buf_cstr(&b[0]);
        dot = strchr(full, '.');
        if (dot)
            mr_buf_add(&b[1], full, (size_t)(dot - full));
        else
            mr_buf_add_str(&b[1], usual);
        mr_plan_target_name(&t->plan, mr_buf_cstr(&b[1]), dot ? dot + 1 : full, &b[2]);
        out->list[out->n++] = (struct mr_connector_table){.database = database,
                                                          .schema = mr_buf_cstr(&b[1]),
                                                          .name = dot ? dot + 1 : full,
                                                          .target = mr_buf_cstr(&b[2])};
    }
    return MR_OK;
}

static int names_read(struct mr_task *t, struct names *out)
{
    int rc;

    *out = (struct names){0};
    if (strcmp(t->plan.source.opened.db.type, "postgresql") != 0)
        return names_by_hand(t, out);
    rc = task_tables(t);
    return rc == MR_OK ? names_of_postgres(t, out) : rc;
}

static uint32_t server_id_of(const struct mr_plan *p)
{
    uint32_t h = 2166136261u;

    for (const char *c = p->short_id; *c; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    return 5400 + h % 4000000;
}

/* Debezium's own snapshot is a full load where millrace has none. */
static const char *snapshot_mode(const struct mr_task *t)
{
    if (t->plan.snapshot_mode[0])
        return t->plan.snapshot_mode;
    if (mr_plan_own_load(&t->plan) || t->plan.mode == MR_MODE_CDC_ONLY ||
        strcmp(t->plan.full_load_status, "COMPLETED") == 0)
        return "no_data";
    return t->plan.mode == MR_MODE_FULL_LOAD_ONLY ? "initial_only" : "initial";
}

/* What the secrets of one side become; freed by the caller. */
struct secret {
    struct mr_buf password, cert;
};

static int fill(struct mr_task *t, const struct mr_plan_side *side, struct secret *s,
                struct mr_connector_input *in)
{
    const struct mr_database *d = &side->opened.db;
    int rc;

    mr_buf_init(&s->password, 1u << 17);
    mr_buf_init(&s->cert, 8192);
    rc = mr_connect_secret(t->m->env.cfg, side, &s->password, t->why, sizeof(t->why));
    if (rc == MR_OK)
        rc = mr_connect_root_cert(t->m->env.cfg, side, &s->cert, t->why, sizeof(t->why));
    in->database = (struct mr_connector_database){
        .type = d->type,
        .host = d->host,
        .database = d->database,
        .username = d->username,
        .ssl_mode = d->ssl_mode,
        .port = d->port,
        .password = mr_buf_cstr(&s->password),
        .ssl_root_cert = s->cert.len > 0 ? mr_buf_cstr(&s->cert) : NULL,
    };
    return rc;
}

static void secret_free(struct secret *s)
{
    mr_secrets_wipe(&s->password);
    mr_buf_free(&s->cert);
}

/* Give it to Connect and wait until it runs. The JSON is wiped: it may hold the password. */
static int give(struct mr_task *t, const char *name, struct mr_buf *json, int rc)
{
    if (rc == MR_OK)
        rc = task_connect(t, mr_connect_put(t->connect, name, mr_buf_span(json)));
    else if (rc == MR_E_INVAL)
        (void)task_say(t, rc, "Kafka Connect has no connector for this kind of database.");
    mr_secrets_wipe(json);
    mr_fault_point("connect.put");
    /* It may have been stopped, paused, or failed by an earlier attempt. */
    if (rc == MR_OK)
        rc = task_connect(t, mr_connect_ask(t->connect, name, "resume"));
    if (rc == MR_OK && task_connect(t, mr_connect_restart(t->connect, name, true)) == MR_E_CLOSED)
        rc = MR_E_CLOSED;
    return rc == MR_OK ? task_connect(t, mr_connect_await(t->connect, name, "RUNNING", AWAIT_MS))
                       : rc;
}

int task_source_start(struct mr_task *t)
{
    const struct mr_plan *p = &t->plan;
    struct mr_buf json = MR_BUF_INIT(8u << 20);
    const char *class_name = mr_source_class(p->source.opened.db.type);
    struct mr_connector_input in = {.name = p->source_connector,
                                    .prefix = p->prefix,
                                    .brokers = t->m->env.cfg->kafka_brokers,
                                    .heartbeat_ms = t->m->env.cfg->heartbeat_ms,
                                    .overrides = p->debezium_config,
                                    .slot = p->slot,
                                    .publication = p->publication,
                                    .server_id = server_id_of(p),
                                    .metadata_columns = p->metadata_columns};
    struct secret secret = {0};
    struct names names = {0};
    char version[64] = "";
    int rc = task_step(t, "source");

    if (rc == MR_OK)
        rc = names_read(t, &names);
    if (rc == MR_OK && !class_name)
        rc = task_say(t, MR_E_INVAL, "A %s cannot be a source.", p->source.opened.db.type);
    if (rc == MR_OK) {
        rc = task_connect(t, mr_connect_plugin(t->connect, class_name, version, sizeof(version)));
        rc = rc == MR_E_NOTFOUND ? MR_E_INVAL : rc;
    }
    if (rc == MR_OK)
        rc = fill(t, &p->source, &secret, &in);
    in.tables = names.list;
    in.n_tables = names.n;
    in.snapshot_mode = mr_snapshot_spelling(p->source.opened.db.type, snapshot_mode(t), version);
    if (rc == MR_OK)
        rc = give(t, p->source_connector, &json, mr_config_source(&in, &json));
    secret_free(&secret);
    names_free(&names);
    mr_buf_free(&json);
    return rc;
}

int task_sink_start(struct mr_task *t)
{
    const struct mr_plan *p = &t->plan;
    struct mr_buf json = MR_BUF_INIT(8u << 20);
    struct mr_connector_input in = {.name = p->sink_connector,
                                    .prefix = p->prefix,
                                    .overrides = p->sink_config,
                                    .target_schema = mr_plan_target_schema(p),
                                    .source_type = p->source.opened.db.type,
                                    .metadata_columns = p->metadata_columns};
    struct secret secret = {0};
    struct names names = {0};
    int rc = task_step(t, "sink");

    if (rc == MR_OK)
        rc = names_read(t, &names);
    if (rc == MR_OK)
        rc = fill(t, &p->target, &secret, &in);
    in.tables = names.list;
    in.n_tables = names.n;
    if (rc == MR_OK)
        rc = give(t, p->sink_connector, &json, mr_config_sink(&in, &json));
    secret_free(&secret);
    names_free(&names);
    mr_buf_free(&json);
    return rc;
}

/* ---- both of them ------------------------------------------------------------------------- */

static int both(struct mr_task *t, int (*act)(struct mr_task *t, const char *name, void *arg),
                void *arg)
{
    int rc = act(t, t->plan.source_connector, arg);

    return rc == MR_OK ? act(t, t->plan.sink_connector, arg) : rc;
}

static int ask(struct mr_task *t, const char *name, void *verb)
{
    int rc = mr_connect_ask(t->connect, name, verb);

    return rc == MR_E_NOTFOUND ? MR_OK : task_connect(t, rc);
}

static int await(struct mr_task *t, const char *name, void *state)
{
    struct mr_connector_status now;
    int rc = mr_connect_status(t->connect, name, &now);

    if (rc == MR_E_NOTFOUND)
        return MR_OK;
    return task_connect(t, mr_connect_await(t->connect, name, state, AWAIT_MS));
}

int task_connectors(struct mr_task *t, const char *verb, const char *state)
{
    int rc = both(t, ask, (void *)(uintptr_t)verb);

    return rc == MR_OK ? both(t, await, (void *)(uintptr_t)state) : rc;
}

static int forget(struct mr_task *t, const char *name, void *arg)
{
    (void)arg;
    return task_connect(t, mr_connect_forget(t->connect, name));
}

static int delete_one(struct mr_task *t, const char *name, void *arg)
{
    (void)arg;
    return task_connect(t, mr_connect_delete(t->connect, name));
}

/* Connect lets go of the slot a moment after its connector has gone. */
static int drop_slot(struct mr_task *t, PGconn *source)
{
    uint64_t until = mr_mono_ms() + SLOT_WAIT_MS;
    int rc;

    while ((rc = mr_pg_slot_drop(source, t->plan.slot, t->why, sizeof(t->why))) == MR_E_AGAIN &&
           mr_mono_ms() < until && !task_over(t))
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    return rc;
}

static int forget_source(struct mr_task *t, bool keep_slot)
{
    PGconn *source;
    int rc = MR_OK;

    if (strcmp(t->plan.source.opened.db.type, "postgresql") != 0 || keep_slot)
        return MR_OK;
    source = pgdb_open(&t->plan.source.opened.db, t->why, sizeof(t->why));
    if (!source)
        return MR_E_UNAVAIL;
    rc = drop_slot(t, source);
    if (rc == MR_OK)
        rc = mr_pg_unpublish(source, t->plan.publication, t->why, sizeof(t->why));
    PQfinish(source);
    return rc;
}

int task_forget(struct mr_task *t, bool keep_slot)
{
    int rc = MR_OK;

    if (mr_plan_needs_connect(&t->plan)) {
        rc = task_step(t, "stop_connectors");
        if (rc == MR_OK)
            rc = task_connectors(t, "stop", "STOPPED");
        if (rc == MR_OK)
            rc = task_step(t, "delete_offsets");
        if (rc == MR_OK)
            rc = both(t, forget, NULL);
        if (rc == MR_OK)
            rc = task_step(t, "delete_connectors");
        if (rc == MR_OK)
            rc = both(t, delete_one, NULL);
    }
    if (rc == MR_OK)
        rc = task_step(t, "drop_slot");
    return rc == MR_OK && t->plan.source.there ? forget_source(t, keep_slot) : rc;
}
