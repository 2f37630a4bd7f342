/* preflight.c - the checks, in the order in which a start would come upon them. */
#include "pipelines/preflight.h"
#include "base/clock.h"
#include "pipelines/connect_client.h"
#include "pipelines/connector_config.h"
#include "pipelines/pg_source.h"
#include <stdio.h>

#define CONNECT_MS 8000

struct flight {
    const struct mr_plan *p;
    const struct mr_config *cfg;
    struct mr_buf *json;
    bool first, failed;
    char why[512]; /* of the first failure */
};

/* The list's checks, each with its scope. */
static void land(struct flight *f, const char *scope, struct mr_checklist *l)
{
    struct mr_buf all = MR_BUF_INIT(8u << 20);
    struct mr_json_iter it;
    int rc;

    mr_buf_add_char(&all, '[');
    mr_buf_add_span(&all, mr_buf_span(&l->json));
    mr_buf_add_char(&all, ']');
    for (rc = mr_json_begin(&it, mr_buf_span(&all));
         rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        mr_buf_addf(f->json, "%s{\"scope\":\"%s\",", f->first ? "" : ",", scope);
        mr_buf_add(f->json, it.value.ptr + 1, it.value.len - 1);
        f->first = false;
    }
    if (l->failed && !f->failed) {
        f->failed = true;
        (void)snprintf(f->why, sizeof(f->why), "%s", l->first);
    }
    mr_buf_free(&all);
    mr_buf_free(&l->json);
}

static void check_pipeline(struct flight *f)
{
    const struct mr_plan *p = f->p;
    const char *fixed;
    struct mr_checklist l;

    mr_checklist_init(&l);
    mr_check(&l, "source", p->source.there, "%s",
             p->source.there ? "There is a source connection."
                             : "Name a source connection (source_connection_id).");
    mr_check(&l, "target", p->target.there, "%s",
             p->target.there ? "There is a target connection."
                             : "Name a target connection (target_connection_id).");
    if (p->target.there)
        mr_check(&l, "sink", mr_sink_knows(p->target.opened.db.type),
                 "A %s %s be written to by the JDBC sink.", p->target.opened.db.type,
                 mr_sink_knows(p->target.opened.db.type) ? "can" : "cannot");
    fixed = mr_config_forbidden(p->debezium_config);
    if (!fixed)
        fixed = mr_config_forbidden(p->sink_config);
    mr_check(&l, "overrides", !fixed,
             fixed ? "%s is set by millrace: take it out of the overrides."
                   : "The overrides leave alone what makes the connectors this pipeline's.%s",
             fixed ? fixed : "");
    land(f, "pipeline", &l);
}

static void check_database(struct flight *f, const char *scope, const struct mr_plan_side *side,
                           bool source)
{
    struct mr_database d = side->opened.db;
    struct mr_checklist l;

    d.use = MR_DB_LOOK;
    d.source = source && f->p->mode != MR_MODE_FULL_LOAD_ONLY;
    mr_checklist_init(&l);
    mr_database_test(&d, &l);
    land(f, scope, &l);
}

/* ---- tables ------------------------------------------------------------------------------- */

static void check_table(struct flight *f, const struct mr_pg_table *t, PGconn *target,
                        struct mr_checklist *l)
{
    bool cdc = f->p->mode != MR_MODE_FULL_LOAD_ONLY, loads = f->p->mode != MR_MODE_CDC_ONLY;
    struct mr_buf name = MR_BUF_INIT(1024);
    char check[300], why[300];
    PGresult *res;

    (void)snprintf(check, sizeof(check), "%.140s.%.140s", t->schema, t->name);
    if (t->refused) {
        mr_check(l, check, false, "%s.", t->refused);
        return;
    }
    if (cdc && !t->has_key) {
        mr_check(l, check, false,
                 "It has no primary key: a change finds no row in the target. Add one, or leave "
                 "the table out.");
        return;
    }
    mr_pg_quote2(&name, mr_plan_target_schema(f->p), t->target);
    if (target && loads && strcmp(f->p->full_load_status, "COMPLETED") != 0) {
        struct mr_buf sql = MR_BUF_INIT(2048);

        mr_buf_addf(&sql, "SELECT 1 FROM %s LIMIT 1", mr_buf_cstr(&name));
        res = PQexec(target, mr_buf_cstr(&sql));
        if (pgdb_result(target, res, why, sizeof(why)) == MR_OK && PQntuples(res) > 0)
            mr_check(l, check, false, "%s has rows already: empty it, or use resync, which does.",
                     mr_buf_cstr(&name));
        else
            mr_check(l, check, true, "About %lld rows, %lld bytes%s%s%s.", (long long)t->rows,
                     (long long)t->bytes, t->warned ? "; " : "", t->warned ? t->warned : "",
                     cdc && t->wide && !t->full_identity
                         ? "; large values that an UPDATE leaves alone are read again from the "
                           "source (REPLICA IDENTITY FULL would save that)"
                         : "");
        PQclear(res);
        mr_buf_free(&sql);
    } else {
        mr_check(l, check, true, "It has a primary key and becomes %s.", mr_buf_cstr(&name));
    }
    mr_buf_free(&name);
}

static void check_tables(struct flight *f)
{
    struct mr_database from = f->p->source.opened.db, to = f->p->target.opened.db;
    struct mr_pg_tables tables = {0};
    struct mr_checklist l;
    char why[400] = "";
    PGconn *source, *target;
    int rc;

    from.use = to.use = MR_DB_LOOK;
    mr_checklist_init(&l);
    source = pgdb_open(&from, why, sizeof(why));
    target = pgdb_open(&to, why, sizeof(why));
    rc = source ? mr_pg_tables_read(source, f->p, mr_mono_ms() + (uint64_t)from.timeout_ms, &tables,
                                    why, sizeof(why))
                : MR_E_UNAVAIL;
    if (rc != MR_OK)
        mr_check(&l, "tables", false, "%s", why);
    else
        mr_check(&l, "tables", tables.n > 0,
                 tables.n > 0 ? "%zu tables match."
                              : "No table matches source_schema and source_tables (%zu).",
                 tables.n);
    for (size_t i = 0; i < tables.n; i++)
        check_table(f, &tables.list[i], target, &l);
    mr_pg_tables_free(&tables);
    PQfinish(source);
    PQfinish(target);
    land(f, "table", &l);
}

/* ---- Kafka Connect ------------------------------------------------------------------------ */

static void check_plugin(struct mr_connect *c, struct mr_checklist *l, const char *what,
                         const char *class_name)
{
    char version[64] = "";
    int rc = mr_connect_plugin(c, class_name, version, sizeof(version));

    if (rc == MR_OK)
        mr_check(l, what, true, "%s, version %s.", class_name, version[0] ? version : "not told");
    else
        mr_check(l, what, false, "%s", mr_connect_why(c));
}

static bool known_snapshot_mode(const char *mode)
{
    static const char *const modes[] = {"",       "always",     "initial",  "initial_only",
                                        "never",  "no_data",    "recovery", "configuration_based",
                                        "custom", "when_needed"};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i], mode) == 0)
            return true;
    return false;
}

static void check_connect(struct flight *f)
{
    const char *class_name = mr_source_class(f->p->source.opened.db.type);
    struct mr_connect *c = NULL;
    struct mr_checklist l;

    mr_checklist_init(&l);
    if (mr_connect_new(&c, f->cfg->connect_url, CONNECT_MS, NULL, NULL) != MR_OK)
        mr_check(&l, "connect", false, "Out of memory.");
    if (c && class_name)
        check_plugin(c, &l, "source plugin", class_name);
    if (c)
        check_plugin(c, &l, "sink plugin", MR_SINK_CLASS);
    mr_check(&l, "snapshot mode", known_snapshot_mode(f->p->snapshot_mode),
             known_snapshot_mode(f->p->snapshot_mode) ? "%.64s is one that Debezium knows."
                                                      : "%.64s is none that Debezium knows.",
             f->p->snapshot_mode[0] ? f->p->snapshot_mode : "The usual one");
    mr_check(&l, "kafka", f->cfg->kafka_brokers[0] != '\0', "%s",
             f->cfg->kafka_brokers[0] ? "Brokers are configured."
                                      : "KAFKA_BOOTSTRAP_SERVERS is not set.");
    mr_connect_free(c);
    land(f, "connect", &l);
}

void mr_preflight(const struct mr_plan *p, const struct mr_config *cfg, struct mr_buf *json)
{
    struct flight f = {.p = p, .cfg = cfg, .json = json, .first = true};
    bool external = strcmp(p->engine, "external") == 0;

    mr_buf_add_str(json, "{\"checks\":[");
    if (!external) {
        check_pipeline(&f);
        if (p->source.there)
            check_database(&f, "source", &p->source, true);
        if (p->target.there)
            check_database(&f, "target", &p->target, false);
        if (p->source.there && p->target.there && mr_plan_own_load(p))
            check_tables(&f);
        if (p->source.there && mr_plan_needs_connect(p))
            check_connect(&f);
    }
    mr_buf_addf(json, "],\"valid\":%s,\"message\":", f.failed ? "false" : "true");
    mr_json_add_string(json, f.failed ? mr_span_str(f.why)
                             : external
                                 ? MR_SPAN("Its connectors are somebody else's: nothing to check.")
                                 : MR_SPAN("Every check passed."));
    mr_buf_add_char(json, '}');
}
