/* orphans.c - collecting names by their kind, and asking our own tables which of them are known. */
#include "pipelines/orphans.h"
#include "databases/postgres.h"
#include "pipelines/connect_client.h"
#include "pipelines/connector_config.h"
#include "pipelines/kafka_admin.h"
#include "pipelines/pg_source.h"
#include "store/rows.h"
#include <stdio.h>

#define PREFIX       "mr_"
#define GROUP_PREFIX "connect-mr_"
#define CONNECT_MS   8000
#define DROP_MS      30000 /* a sink without a group takes Connect 14 s to forget */

/* clang-format off */

/* Whatever a living pipeline has, or one whose clean-up is still to be done, is no orphan. */
#define KNOWN                                                                                                     \
    "EXISTS (SELECT 1 FROM pipelines p WHERE (p.deleted_at IS NULL OR EXISTS (SELECT 1 FROM pipeline_jobs j "     \
    "WHERE j.pipeline_id = p.id AND j.state IN ('pending', 'running'))) AND CASE f->>'kind' "                     \
    "WHEN 'slot' THEN p.slot_name = f->>'name' WHEN 'publication' THEN p.publication_name = f->>'name' "          \
    "WHEN 'connector' THEN f->>'name' IN (p.debezium_connector_name, p.sink_connector_name) "                     \
    "WHEN 'group' THEN f->>'name' IN ('connect-' || p.debezium_connector_name, 'connect-' || p.sink_connector_name) " \
    "ELSE starts_with((f->>'name') || '.', p.topic_prefix) OR f->>'name' = rtrim(p.topic_prefix, '.') || '" MR_HISTORY_TOPIC "' END)"

static const char SQL_UNKNOWN[] =
    "SELECT coalesce(json_agg(f ORDER BY f->>'kind', f->>'name'), '[]') "
    "FROM jsonb_array_elements($1::jsonb) f WHERE NOT " KNOWN;
static const char SQL_KNOWN[] = "SELECT " KNOWN " FROM (SELECT $1::jsonb AS f) x";
static const char SQL_SOURCES[] =
    "SELECT id, name FROM connections WHERE deleted_at IS NULL AND connection_type = 'source' "
    "AND database_type = 'postgresql' ORDER BY name";
/* Deleted, but not yet cleaned up after: with the reason why not. */
static const char SQL_PENDING[] =
    "SELECT coalesce(json_agg(json_build_object('pipeline_id', p.id, 'name', p.name, 'job_id', j.id, 'step', j.step, "
    "'error', j.error, 'attempts', j.attempts, 'since', " MR_SQL_TIME("j.created_at") ") ORDER BY j.created_at), '[]'), "
    MR_SQL_TIME("now()") " FROM pipeline_jobs j JOIN pipelines p ON p.id = j.pipeline_id "
    "WHERE j.kind = 'delete' AND j.state IN ('pending', 'running')";
static const char SQL_IN_SOURCE[] =
    "SELECT 'slot', slot_name::text, CASE WHEN active THEN 'in use' ELSE 'retains ' || coalesce(pg_wal_lsn_diff("
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0) "
    "|| ' bytes of WAL' END FROM pg_replication_slots WHERE database = current_database() AND starts_with(slot_name::text, 'mr_') "
    "UNION ALL SELECT 'publication', pubname::text, NULL FROM pg_publication WHERE starts_with(pubname::text, 'mr_')";
/* clang-format on */

struct scan {
    const struct mr_plan_env *env;
    struct mr_pg *db;
    struct mr_buf found, unreachable; /* JSON elements */
    const char *kind;
};

static void add(struct mr_buf *b, const char *member, const char *text)
{
    mr_buf_addf(b, "%s\"%s\":", b->ptr[b->len - 1] == '{' ? "" : ",", member);
    mr_json_add_string_or_null(b, text ? mr_span_str(text) : MR_SPAN_NONE);
}

static void add_found(struct mr_buf *b, const struct mr_orphan *o, const char *connection,
                      const char *detail)
{
    mr_buf_add_str(b, b->len > 0 ? ",{" : "{");
    add(b, "kind", o->kind);
    add(b, "name", o->name);
    add(b, "connection_id", o->connection_id);
    add(b, "connection", connection);
    add(b, "detail", detail);
    mr_buf_add_char(b, '}');
}

static void add_unreachable(struct scan *s, const char *where, const char *why)
{
    mr_buf_add_str(&s->unreachable, s->unreachable.len > 0 ? ",{" : "{");
    add(&s->unreachable, "where", where);
    add(&s->unreachable, "why", why);
    mr_buf_add_char(&s->unreachable, '}');
}

static int found_in_kafka(void *ctx, const char *name)
{
    struct scan *s = ctx;

    add_found(&s->found, &(struct mr_orphan){.kind = s->kind, .name = name}, NULL, NULL);
    return mr_buf_err(&s->found);
}

static void scan_kafka(struct scan *s)
{
    char why[300] = "Out of memory, or KAFKA_BOOTSTRAP_SERVERS is no list of brokers.";
    rd_kafka_t *k;
    int rc = MR_E_UNAVAIL;

    if (!s->env->cfg->kafka_brokers[0])
        return;
    k = mr_kafka_client(s->env->cfg);
    s->kind = "topic";
    if (k)
        rc = mr_kafka_topics(k, PREFIX, found_in_kafka, s, why, sizeof(why));
    s->kind = "group";
    if (rc == MR_OK)
        rc = mr_kafka_groups(k, GROUP_PREFIX, found_in_kafka, s, why, sizeof(why));
    if (rc != MR_OK)
        add_unreachable(s, "Kafka", why);
    if (k)
        rd_kafka_destroy(k);
}

static void scan_connect(struct scan *s)
{
    struct mr_buf answer = MR_BUF_INIT(16u << 20), name = MR_BUF_INIT(4096);
    struct mr_connect *c = NULL;
    struct mr_json_iter it;
    struct mr_span list;
    int rc;

    if (!s->env->cfg->connect_url[0] ||
        mr_connect_new(&c, s->env->cfg->connect_url, CONNECT_MS, NULL, NULL) != MR_OK)
        return;
    rc = mr_connect_call(c, "GET", "/connectors", MR_SPAN_NONE, &answer);
    if (rc == MR_OK)
        rc = mr_json_check(mr_buf_span(&answer), &list);
    if (rc != MR_OK)
        add_unreachable(s, "Kafka Connect", mr_connect_why(c));
    else
        rc = mr_json_begin(&it, list);
    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK) {
        mr_buf_clear(&name);
        if (mr_json_unescape(mr_json_string_raw(it.value), &name) == MR_OK &&
            strncmp(mr_buf_cstr(&name), PREFIX, strlen(PREFIX)) == 0)
            add_found(&s->found,
                      &(struct mr_orphan){.kind = "connector", .name = mr_buf_cstr(&name)}, NULL,
                      NULL);
    }
    mr_connect_free(c);
    mr_buf_free(&name);
    mr_buf_free(&answer);
}

/* A connection, opened. MR_E_NOTFOUND; MR_E_UNAVAIL with a sentence. */
static int open_source(const struct mr_plan_env *env, struct mr_pg *db, const char *id,
                       enum mr_database_use use, PGconn **out, char *why, size_t size)
{
    struct mr_buf object = MR_BUF_INIT(1u << 20), password = MR_BUF_INIT(65536);
    struct mr_opened opened;
    int64_t version;
    int rc = mr_connections_get(db, id, false, &object, &version);

    *out = NULL;
    if (rc == MR_OK)
        rc = mr_connections_password(db, env->secrets, id, &password);
    if (rc == MR_OK) {
        mr_opened_read(&opened, mr_buf_span(&object), &password, env->cfg, env->hosts);
        opened.db.use = use;
        *out = pgdb_open(&opened.db, why, size);
        rc = *out ? MR_OK : MR_E_UNAVAIL;
        mr_opened_free(&opened);
    } else if (rc == MR_E_CONFIG || rc == MR_E_DATA) {
        (void)snprintf(why, size, "Its password cannot be opened: set it again.");
        rc = MR_E_UNAVAIL;
    }
    mr_secrets_wipe(&password);
    mr_buf_free(&object);
    return rc;
}

static int scan_source(struct scan *s, const char *id, const char *name)
{
    char why[400] = "";
    PGresult *res = NULL;
    PGconn *source;
    int rc = open_source(s->env, s->db, id, MR_DB_LOOK, &source, why, sizeof(why));

    if (rc == MR_OK) {
        res = PQexec(source, SQL_IN_SOURCE);
        rc = pgdb_result(source, res, why, sizeof(why));
        rc = rc == MR_OK ? MR_OK : MR_E_UNAVAIL;
    }
    for (int i = 0; rc == MR_OK && i < PQntuples(res); i++)
        add_found(&s->found,
                  &(struct mr_orphan){.kind = PQgetvalue(res, i, 0),
                                      .name = PQgetvalue(res, i, 1),
                                      .connection_id = id},
                  name, PQgetisnull(res, i, 2) ? NULL : PQgetvalue(res, i, 2));
    if (rc == MR_E_UNAVAIL)
        add_unreachable(s, name, why);
    PQclear(res);
    PQfinish(source);
    return rc == MR_E_UNAVAIL || rc == MR_E_NOTFOUND ? MR_OK : rc;
}

static int scan_sources(struct scan *s)
{
    PGresult *all = NULL;
    int rc = mr_pg_exec(s->db, SQL_SOURCES, 0, NULL, &all);

    for (int i = 0; rc == MR_OK && i < PQntuples(all); i++)
        rc = scan_source(s, PQgetvalue(all, i, 0), PQgetvalue(all, i, 1));
    PQclear(all);
    return rc;
}

int mr_orphans_list(const struct mr_plan_env *env, struct mr_pg *db, struct mr_buf *json)
{
    struct mr_buf all = MR_BUF_INIT(64u << 20);
    struct scan s = {.env = env, .db = db};
    PGresult *unknown = NULL, *pending = NULL;
    int rc;

    mr_buf_init(&s.found, 32u << 20);
    mr_buf_init(&s.unreachable, 4u << 20);
    rc = scan_sources(&s);
    if (rc == MR_OK) {
        scan_connect(&s);
        scan_kafka(&s);
        mr_buf_addf(&all, "[%s]", mr_buf_cstr(&s.found));
        rc = mr_buf_err(&all);
    }
    if (rc == MR_OK)
        rc = mr_pg_exec(db, SQL_UNKNOWN, 1, (const char *[]){mr_buf_cstr(&all)}, &unknown);
    if (rc == MR_OK)
        rc = mr_pg_exec(db, SQL_PENDING, 0, NULL, &pending);
    if (rc == MR_OK) {
        mr_buf_addf(json,
                    "{\"orphans\":%s,\"pending_cleanup\":%s,\"unreachable\":[%s],"
                    "\"scanned_at\":\"%s\"}",
                    PQgetvalue(unknown, 0, 0), PQgetvalue(pending, 0, 0),
                    mr_buf_cstr(&s.unreachable), PQgetvalue(pending, 0, 1));
        rc = mr_buf_err(json);
    }
    PQclear(unknown);
    PQclear(pending);
    mr_buf_free(&all);
    mr_buf_free(&s.found);
    mr_buf_free(&s.unreachable);
    return rc;
}

/* ---- dropping ----------------------------------------------------------------------------- */

static int drop_in_source(const struct mr_plan_env *env, struct mr_pg *db,
                          const struct mr_orphan *o, char *why, size_t size)
{
    PGconn *source;
    int rc = open_source(env, db, o->connection_id, MR_DB_WORK, &source, why, size);

    if (rc == MR_OK)
        rc = strcmp(o->kind, "slot") == 0 ? mr_pg_slot_drop(source, o->name, why, size)
                                          : mr_pg_unpublish(source, o->name, why, size);
    PQfinish(source);
    return rc;
}

static int drop_in_kafka(const struct mr_plan_env *env, const struct mr_orphan *o, char *why,
                         size_t size)
{
    rd_kafka_t *k = mr_kafka_client(env->cfg);
    int rc = MR_E_UNAVAIL;

    if (!k)
        (void)snprintf(why, size, "KAFKA_BOOTSTRAP_SERVERS is not set.");
    else
        rc = strcmp(o->kind, "topic") == 0 ? mr_kafka_drop_topic(k, o->name, why, size)
                                           : mr_kafka_drop_group(k, o->name, why, size);
    if (k)
        rd_kafka_destroy(k);
    return rc;
}

/* Its offsets, too: else a successor of that name would go on where it was. */
static int drop_in_connect(const struct mr_plan_env *env, const struct mr_orphan *o, char *why,
                           size_t size)
{
    struct mr_connect *c = NULL;
    int rc = mr_connect_new(&c, env->cfg->connect_url, DROP_MS, NULL, NULL);

    if (rc != MR_OK)
        return rc;
    rc = mr_connect_ask(c, o->name, "stop");
    if (rc == MR_OK)
        rc = mr_connect_await(c, o->name, "STOPPED", DROP_MS);
    if (rc == MR_OK)
        rc = mr_connect_forget(c, o->name);
    if (rc == MR_OK || rc == MR_E_NOTFOUND)
        rc = mr_connect_delete(c, o->name);
    if (rc != MR_OK)
        (void)snprintf(why, size, "%s", mr_connect_why(c));
    mr_connect_free(c);
    return rc == MR_E_TIMEOUT ? MR_E_UNAVAIL : rc;
}

static bool is_ours(const struct mr_orphan *o)
{
    const char *start = strcmp(o->kind, "group") == 0 ? GROUP_PREFIX : PREFIX;

    return strncmp(o->name, start, strlen(start)) == 0;
}

static int check_unknown(struct mr_pg *db, const struct mr_orphan *o)
{
    struct mr_buf json = MR_BUF_INIT(65536);
    PGresult *res = NULL;
    int rc;

    add_found(&json, o, NULL, NULL);
    rc = mr_buf_err(&json);
    if (rc == MR_OK)
        rc = mr_pg_exec(db, SQL_KNOWN, 1, (const char *[]){mr_buf_cstr(&json)}, &res);
    if (rc == MR_OK && PQgetvalue(res, 0, 0)[0] == 't')
        rc = MR_E_CONFLICT;
    PQclear(res);
    mr_buf_free(&json);
    return rc;
}

int mr_orphans_drop(const struct mr_plan_env *env, struct mr_pg *db, const struct mr_orphan *o,
                    char *why, size_t size)
{
    bool in_source = strcmp(o->kind, "slot") == 0 || strcmp(o->kind, "publication") == 0;
    int rc;

    if (!is_ours(o)) {
        (void)snprintf(why, size, "Only what is called %s.. can be dropped here.", PREFIX);
        return MR_E_INVAL;
    }
    rc = check_unknown(db, o);
    if (rc == MR_E_CONFLICT)
        (void)snprintf(why, size, "It belongs to a pipeline: delete that.");
    if (rc != MR_OK)
        return rc;
    if (in_source)
        return drop_in_source(env, db, o, why, size);
    return strcmp(o->kind, "connector") == 0 ? drop_in_connect(env, o, why, size)
                                             : drop_in_kafka(env, o, why, size);
}
