/* connector_config.c - the configurations, member by member. */
#include "pipelines/connector_config.h"
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TEXT_MAX (4u << 20)

static const struct kind {
    const char *type, *class_name, *jdbc;
} kinds[] = {
    {"postgresql", "io.debezium.connector.postgresql.PostgresConnector", "postgresql"},
    {"mysql", "io.debezium.connector.mysql.MySqlConnector", "mysql"},
    {"mariadb", "io.debezium.connector.mariadb.MariaDbConnector", "mariadb"},
    {"sqlserver", "io.debezium.connector.sqlserver.SqlServerConnector", "sqlserver"},
    {"oracle", "io.debezium.connector.oracle.OracleConnector", "oracle"},
    {"mongodb", "io.debezium.connector.mongodb.MongoDbConnector", NULL},
};

/* What makes a connector this pipeline's: nobody overrides it. */
static const char *const fixed[] = {
    "name",           "connector.class",     "tasks.max",           "topic.prefix",
    "slot.name",      "publication.name",    "plugin.name",         "topics",
    "topics.regex",   "key.converter",       "value.converter",     "database.hostname",
    "database.port",  "database.user",       "database.password",   "database.dbname",
    "connection.url", "connection.username", "connection.password",
};

static const struct kind *kind_of(const char *type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

const char *mr_source_class(const char *type)
{
    const struct kind *k = kind_of(type);

    return k ? k->class_name : NULL;
}

bool mr_sink_knows(const char *type)
{
    const struct kind *k = kind_of(type);

    return k && k->jdbc;
}

const char *mr_snapshot_spelling(const char *type, const char *mode, const char *version)
{
    char *end = NULL;
    long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    bool before = version[0] && (major < 2 || (major == 2 && minor < 6));

    if (strcasecmp(mode, "never") == 0 && !before)
        return "no_data";
    if (before && strcasecmp(mode, "no_data") == 0)
        return strcmp(type, "postgresql") == 0 ? "never" : "schema_only";
    return mode;
}

const char *mr_config_forbidden(struct mr_span overrides)
{
    struct mr_json_iter it;
    int rc;

    for (rc = mr_json_begin(&it, overrides); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;)
        for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
            if (mr_span_is(it.key, fixed[i]))
                return fixed[i];
    return NULL;
}

/* ---- building ----------------------------------------------------------------------------- */

static void put(cJSON *o, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(o, name);
    (void)cJSON_AddStringToObject(o, name, value);
}

static void put_int(cJSON *o, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    put(o, name, text);
}

/* Numbers and booleans are written as the strings that Connect wants. */
static int override(cJSON *o, struct mr_span overrides)
{
    cJSON *given, *m;

    if (overrides.len == 0)
        return MR_OK;
    given = cJSON_ParseWithLength(overrides.ptr, overrides.len);
    if (!cJSON_IsObject(given)) {
        cJSON_Delete(given);
        return MR_E_PROTO;
    }
    cJSON_ArrayForEach(m, given)
    {
        char *text = cJSON_IsString(m) ? NULL : cJSON_PrintUnformatted(m);

        if (cJSON_IsNull(m))
            cJSON_DeleteItemFromObjectCaseSensitive(o, m->string);
        else
            put(o, m->string, text ? text : m->valuestring);
        cJSON_free(text);
    }
    cJSON_Delete(given);
    return MR_OK;
}

/* Debezium's lists of tables are regular expressions with commas. */
static void add_regex(struct mr_buf *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("\\.[]{}()*+-?^$|", *p))
            mr_buf_add_char(b, '\\');
        mr_buf_add_char(b, *p);
    }
}

static void put_tables(cJSON *o, const char *member, const struct mr_connector_input *in)
{
    struct mr_buf b = MR_BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < in->n_tables; i++) {
        if (i > 0)
            mr_buf_add_char(&b, ',');
        if (in->tables[i].schema[0]) {
            add_regex(&b, in->tables[i].schema);
            mr_buf_add_str(&b, "\\.");
        }
        add_regex(&b, in->tables[i].name);
    }
    if (in->n_tables > 0)
        put(o, member, mr_buf_cstr(&b));
    mr_buf_free(&b);
}

static int finish(cJSON *o, struct mr_span overrides, struct mr_buf *json)
{
    int rc = o ? override(o, overrides) : MR_E_NOMEM;
    char *text = rc == MR_OK ? cJSON_PrintUnformatted(o) : NULL;

    if (rc == MR_OK && !text)
        rc = MR_E_NOMEM;
    if (text) {
        size_t n = strlen(text);

        mr_buf_add(json, text, n);
        memset(text, 0, n); /* it may hold a password */
        cJSON_free(text);
        rc = mr_buf_err(json);
    }
    cJSON_Delete(o);
    return rc;
}

static void put_converters(cJSON *o)
{
    static const char *const sides[] = {"key", "value"};
    char name[64];

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof(name), "%s.converter", sides[i]);
        put(o, name, "org.apache.kafka.connect.json.JsonConverter");
        (void)snprintf(name, sizeof(name), "%s.converter.schemas.enable", sides[i]);
        put(o, name, "true"); /* the sink needs to know what it writes */
        (void)snprintf(name, sizeof(name), "%s.converter.replace.null.with.default", sides[i]);
        put(o, name, "false"); /* a NULL stays one */
    }
}

/* ---- the source --------------------------------------------------------------------------- */

static void put_postgres(cJSON *o, const struct mr_connector_input *in)
{
    put(o, "plugin.name", "pgoutput");
    put(o, "slot.name", in->slot);
    put(o, "publication.name", in->publication);
    put(o, "publication.autocreate.mode", "disabled");
    put(o, "slot.drop.on.stop", "false");
    put(o, "database.dbname", in->database.database);
    put(o, "database.sslmode", in->database.ssl_mode);
    if (in->database.ssl_root_cert)
        put(o, "database.sslrootcert", in->database.ssl_root_cert);
    put_tables(o, "table.include.list", in);
    /* A probe that takes the way of every change, and moves the slot of a quiet database on. */
    put(o, "heartbeat.action.query",
        "SELECT pg_logical_emit_message(false, 'mr_hb', "
        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint::text)");
    /* Out-of-line columns that an UPDATE left alone are read again, not written as placeholders. */
    put(o, "post.processors", "reselector");
    put(o, "reselector.type", "io.debezium.processors.reselect.ReselectColumnsPostProcessor");
    put(o, "reselector.reselect.unavailable.values", "true");
    put(o, "reselector.reselect.null.values", "false");
    put(o, "interval.handling.mode", "string");
    put(o, "hstore.handling.mode", "json");
}

static void put_history(cJSON *o, const struct mr_connector_input *in)
{
    char topic[256];

    (void)snprintf(topic, sizeof(topic), "%s" MR_HISTORY_TOPIC, in->prefix);
    put(o, "schema.history.internal.kafka.topic", topic);
    put(o, "schema.history.internal.kafka.bootstrap.servers", in->brokers);
    put(o, "schema.history.internal.store.only.captured.tables.ddl", "true");
}

static void put_mysql(cJSON *o, const struct mr_connector_input *in)
{
    const char *mode = in->database.ssl_mode;

    put_int(o, "database.server.id", in->server_id);
    put(o, "database.include.list", in->database.database);
    put_tables(o, "table.include.list", in);
    if (strcmp(in->database.type, "mysql") == 0)
        put(o, "database.ssl.mode",
            strcmp(mode, "disable") == 0       ? "disabled"
            : strcmp(mode, "require") == 0     ? "required"
            : strcmp(mode, "verify-ca") == 0   ? "verify_ca"
            : strcmp(mode, "verify-full") == 0 ? "verify_identity"
                                               : "preferred");
    put(o, "bigint.unsigned.handling.mode", "long");
    put_history(o, in);
}

static void put_sqlserver(cJSON *o, const struct mr_connector_input *in)
{
    const char *mode = in->database.ssl_mode;

    put(o, "database.names", in->database.database);
    put_tables(o, "table.include.list", in);
    put(o, "driver.encrypt",
        strcmp(mode, "disable") == 0 || strcmp(mode, "prefer") == 0 ? "false" : "true");
    put(o, "driver.trustServerCertificate", strncmp(mode, "verify", 6) == 0 ? "false" : "true");
    put_history(o, in);
}

static void put_mongodb(cJSON *o, const struct mr_connector_input *in)
{
    const char *mode = in->database.ssl_mode;
    char url[1024];

    (void)snprintf(url, sizeof(url),
                   strchr(in->database.host, ':') ? "mongodb://[%s]:%d/" : "mongodb://%s:%d/",
                   in->database.host, in->database.port);
    put(o, "mongodb.connection.string", url);
    put(o, "mongodb.user", in->database.username);
    put(o, "mongodb.password", in->database.password);
    put(o, "mongodb.ssl.enabled",
        strcmp(mode, "disable") == 0 || strcmp(mode, "prefer") == 0 ? "false" : "true");
    put(o, "capture.mode", "change_streams_update_full");
    put(o, "database.include.list", in->database.database);
    put_tables(o, "collection.include.list", in);
}

static void put_heartbeats(cJSON *o, const struct mr_connector_input *in)
{
    put_int(o, "heartbeat.interval.ms", in->heartbeat_ms);
    /* <prefix>.<prefix>: one of the pipeline's own topics, so that the logger reads it. */
    if (strcmp(in->database.type, "postgresql") != 0)
        put(o, "topic.heartbeat.prefix", in->prefix);
}

int mr_config_source(const struct mr_connector_input *in, struct mr_buf *json)
{
    const struct kind *k = kind_of(in->database.type);
    cJSON *o;

    if (!k)
        return MR_E_INVAL;
    o = cJSON_CreateObject();
    put(o, "name", in->name);
    put(o, "connector.class", k->class_name);
    put(o, "tasks.max", "1");
    put(o, "topic.prefix", in->prefix);
    if (strcmp(k->type, "mongodb") != 0) {
        put(o, "database.hostname", in->database.host);
        put_int(o, "database.port", in->database.port);
        put(o, "database.user", in->database.username);
        put(o, "database.password", in->database.password);
    }
    if (strcmp(k->type, "postgresql") == 0) {
        put_postgres(o, in);
    } else if (strcmp(k->type, "mongodb") == 0) {
        put_mongodb(o, in);
    } else if (strcmp(k->type, "sqlserver") == 0) {
        put_sqlserver(o, in);
    } else if (strcmp(k->type, "oracle") == 0) {
        put(o, "database.dbname", in->database.database);
        put_tables(o, "table.include.list", in);
        put_history(o, in);
    } else {
        put_mysql(o, in);
    }
    put(o, "snapshot.mode", in->snapshot_mode);
    put_heartbeats(o, in);
    put(o, "poll.interval.ms", "10");
    put(o, "max.queue.size.in.bytes", "67108864");
    put(o, "errors.max.retries", "-1");
    put(o, "retriable.restart.connector.wait.ms", "1000");
    put(o, "skipped.operations", "none");
    put(o, "decimal.handling.mode", "string");
    /* Deletes with metadata columns travel as tombstones; else one record a delete is enough. */
    put(o, "tombstones.on.delete", in->metadata_columns ? "true" : "false");
    put_converters(o);
    return finish(o, in->overrides, json);
}

/* ---- the sink ----------------------------------------------------------------------------- */

static void put_url(cJSON *o, const struct mr_connector_input *in)
{
    const struct mr_connector_database *d = &in->database;
    const char *host = d->host, *mode = d->ssl_mode;
    struct mr_buf b = MR_BUF_INIT(8192);
    bool tls = strcmp(mode, "disable") != 0 && strcmp(mode, "prefer") != 0;
    bool ip6 = strchr(host, ':') != NULL;

    mr_buf_addf(&b, "jdbc:%s:", kind_of(d->type)->jdbc);
    if (strcmp(d->type, "oracle") == 0) {
        mr_buf_addf(&b, "thin:@//%s:%d/%s", host, d->port, d->database);
    } else if (strcmp(d->type, "sqlserver") == 0) {
        mr_buf_addf(&b, "//%s:%d;databaseName=%s;encrypt=%s;trustServerCertificate=%s", host,
                    d->port, d->database, tls ? "true" : "false",
                    strncmp(mode, "verify", 6) == 0 ? "false" : "true");
    } else if (strcmp(d->type, "postgresql") == 0) {
        /* Strings (decimals, enums, intervals, uuids) take the type of their column. */
        mr_buf_addf(&b, ip6 ? "//[%s]:%d/%s" : "//%s:%d/%s", host, d->port, d->database);
        mr_buf_addf(&b, "?sslmode=%s&stringtype=unspecified&reWriteBatchedInserts=true", mode);
        if (d->ssl_root_cert)
            mr_buf_addf(&b, "&sslrootcert=%s", d->ssl_root_cert);
    } else {
        mr_buf_addf(&b, ip6 ? "//[%s]:%d/%s" : "//%s:%d/%s", host, d->port, d->database);
        mr_buf_addf(
            &b, "?rewriteBatchedStatements=true&sslMode=%s",
            strcmp(d->type, "mariadb") == 0
                ? (tls ? (strncmp(mode, "verify", 6) == 0 ? "verify-full" : "trust") : "disable")
                : (tls ? (strncmp(mode, "verify", 6) == 0 ? "VERIFY_CA" : "REQUIRED")
                       : "PREFERRED"));
    }
    put(o, "connection.url", mr_buf_cstr(&b));
    mr_buf_free(&b);
}

static bool legal(char ch)
{
    return isalnum((unsigned char)ch) || ch == '.' || ch == '_' || ch == '-';
}

void mr_config_topic(const char *prefix, const struct mr_connector_table *t, struct mr_buf *out)
{
    const char *parts[] = {prefix, t->database ? t->database : "", t->schema, t->name};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (i > 0 && !parts[i][0])
            continue;
        if (i > 0)
            mr_buf_add_char(out, '.');
        for (const char *p = parts[i]; *p; p++)
            mr_buf_add_char(out, (char)(legal(*p) ? *p : '_'));
    }
}

static void put_topics(cJSON *o, const struct mr_connector_input *in)
{
    struct mr_buf b = MR_BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < in->n_tables; i++) {
        if (i > 0)
            mr_buf_add_char(&b, ',');
        mr_config_topic(in->prefix, &in->tables[i], &b);
    }
    put(o, "topics", mr_buf_cstr(&b));
    mr_buf_free(&b);
}

/* In a replacement of RegexRouter, $ and \ mean something. */
static void add_replacement(struct mr_buf *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '$' || *p == '\\')
            mr_buf_add_char(b, '\\');
        mr_buf_add_char(b, *p);
    }
}

static void put_route(cJSON *o, const char *name, const char *regex, const char *replacement)
{
    char member[96];

    (void)snprintf(member, sizeof(member), "transforms.%s.type", name);
    put(o, member, "org.apache.kafka.connect.transforms.RegexRouter");
    (void)snprintf(member, sizeof(member), "transforms.%s.regex", name);
    put(o, member, regex);
    (void)snprintf(member, sizeof(member), "transforms.%s.replacement", name);
    put(o, member, replacement);
}

/* A record's topic becomes the name of its table in the target: by one rule for those that keep
 * their name, and one each for the others. */
static void put_routes(cJSON *o, const struct mr_connector_input *in, struct mr_buf *names)
{
    struct mr_buf regex = MR_BUF_INIT(8192), to = MR_BUF_INIT(8192), topic = MR_BUF_INIT(8192);

    for (size_t i = 0; i < in->n_tables; i++) {
        const struct mr_connector_table *t = &in->tables[i];
        struct mr_connector_table as_named = {.schema = "", .name = t->name};
        char name[24];

        mr_buf_clear(&topic);
        mr_buf_clear(&regex);
        mr_buf_clear(&to);
        mr_config_topic("", &as_named, &topic);
        if (strcmp(mr_buf_cstr(&topic) + 1, t->target) == 0)
            continue; /* the general rule does it */
        mr_buf_clear(&topic);
        mr_config_topic(in->prefix, t, &topic);
        add_regex(&regex, mr_buf_cstr(&topic));
        add_replacement(&to, t->target);
        (void)snprintf(name, sizeof(name), "t%zu", i);
        put_route(o, name, mr_buf_cstr(&regex), mr_buf_cstr(&to));
        mr_buf_addf(names, "%s%s", names->len > 0 ? "," : "", name);
    }
    mr_buf_clear(&regex);
    add_regex(&regex, in->prefix);
    mr_buf_add_str(&regex, "\\.(?:.*\\.)?([^.]+)$"); /* anchored: a part of it is not enough */
    put_route(o, "table", mr_buf_cstr(&regex), "$1");
    mr_buf_addf(names, "%stable", names->len > 0 ? "," : "");
    mr_buf_free(&regex);
    mr_buf_free(&to);
    mr_buf_free(&topic);
}

/* A document becomes a row of its top level. */
static void put_unwrap_document(cJSON *o, struct mr_buf *names)
{
    put(o, "transforms.unwrap.type",
        "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState");
    put(o, "transforms.unwrap.delete.tombstone.handling.mode", "tombstone");
    put(o, "transforms.unwrap.flatten.struct", "true");
    put(o, "transforms.unwrap.array.encoding", "array");
    mr_buf_addf(names, "%sunwrap", names->len > 0 ? "," : "");
}

static void put_unwrap(cJSON *o, struct mr_buf *names)
{
    put(o, "transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    put(o, "transforms.unwrap.delete.tombstone.handling.mode", "tombstone");
    put(o, "transforms.unwrap.add.fields.prefix", "");
    put(o, "transforms.unwrap.add.fields", "op:_mr_op,source.lsn:_mr_lsn,source.ts_ms:_mr_ts");
    mr_buf_addf(names, "%sunwrap", names->len > 0 ? "," : "");
}

int mr_config_sink(const struct mr_connector_input *in, struct mr_buf *json)
{
    struct mr_buf names = MR_BUF_INIT(1u << 20);
    char format[512];
    cJSON *o;

    if (!mr_sink_knows(in->database.type))
        return MR_E_INVAL;
    o = cJSON_CreateObject();
    put(o, "name", in->name);
    put(o, "connector.class", MR_SINK_CLASS);
    put(o, "tasks.max", "1"); /* the order of changes of all tables */
    put_topics(o, in);
    put_url(o, in);
    put(o, "connection.username", in->database.username);
    put(o, "connection.password", in->database.password);
    put(o, "connection.pool.min_size", "1");
    put(o, "connection.pool.max_size", "4");
    put(o, "insert.mode", "upsert");
    put(o, "primary.key.mode", "record_key");
    put(o, "delete.enabled", "true");
    put(o, "truncate.enabled", "true");
    put(o, "schema.evolution", "basic"); /* what is added in the source is added in the target */
    put(o, "quote.identifiers", "true");
    put(o, "use.time.zone", "UTC");
    put(o, "batch.size", "1000");
    /* Of a row that changes twice in a batch only the last: one INSERT .. ON CONFLICT for many rows
     * must not name a row twice. */
    put(o, "use.reduction.buffer", "true");
    put(o, "consumer.override.max.poll.records", "1000");
    put(o, "consumer.override.auto.offset.reset", "earliest");
    put(o, "consumer.override.fetch.max.wait.ms", "50");
    put(o, "consumer.override.metadata.max.age.ms", "2000"); /* topics that are made later */
    if (strcmp(in->database.type, "mysql") == 0 || strcmp(in->database.type, "mariadb") == 0)
        (void)snprintf(format, sizeof(format), "${topic}");
    else
        (void)snprintf(format, sizeof(format), "\"%s\".\"${topic}\"", in->target_schema);
    put(o, "collection.name.format", format);
    if (strcmp(in->source_type, "mongodb") == 0)
        put_unwrap_document(o, &names);
    else if (in->metadata_columns)
        put_unwrap(o, &names);
    put_routes(o, in, &names);
    put(o, "transforms", mr_buf_cstr(&names));
    put_converters(o);
    mr_buf_free(&names);
    return finish(o, in->overrides, json);
}
