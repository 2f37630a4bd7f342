/* test_pipelines_config.c - what Kafka Connect is told, held against the examples of Debezium's
 * documentation (3.2, "PostgreSQL", "MySQL", "MariaDB", "SQL Server", "Oracle", "MongoDB", "JDBC
 * sink"): each row names a member of the configuration and its value; NULL: it must not be there.
 */
#include "rows.h"

#include "pipelines/connector_config.h"
#include <cjson/cJSON.h>

static const struct mr_connector_table two[] = {
    {.schema = "inventory", .name = "customers", .target = "customers"},
    {.schema = "inventory", .name = "order.lines$", .target = "lines"},
};

static struct mr_connector_input input(const char *type)
{
    return (struct mr_connector_input){
        .name = "mr_1_source",
        .database = {.type = type,
                     .host = "192.168.99.100",
                     .port = 1234,
                     .database = "inventory",
                     .username = "debezium",
                     .password = "${file:/s/x.properties:password}",
                     .ssl_mode = "require"},
        .tables = two,
        .n_tables = 2,
        .prefix = "mr_1",
        .brokers = "kafka:9092",
        .heartbeat_ms = 5000,
        .slot = "mr_1",
        .publication = "mr_1",
        .snapshot_mode = "initial",
        .server_id = 184054,
        .source_type = "postgresql",
        .target_schema = "public",
    };
}

struct row {
    const char *name, *type, *member, *value;
    bool sink;
};

#define DBZ "io.debezium.connector."
/* clang-format off */
static const struct row table[] = {
    {"PostgreSQL: class", "postgresql", "connector.class", DBZ "postgresql.PostgresConnector", false},
    {"PostgreSQL: host", "postgresql", "database.hostname", "192.168.99.100", false},
    {"PostgreSQL: numbers are strings", "postgresql", "database.port", "1234", false},
    {"PostgreSQL: user", "postgresql", "database.user", "debezium", false},
    {"PostgreSQL: a password by reference", "postgresql", "database.password", "${file:/s/x.properties:password}", false},
    {"PostgreSQL: database", "postgresql", "database.dbname", "inventory", false},
    {"PostgreSQL: TLS", "postgresql", "database.sslmode", "require", false},
    {"PostgreSQL: not the decoder that is the default", "postgresql", "plugin.name", "pgoutput", false},
    {"PostgreSQL: slot", "postgresql", "slot.name", "mr_1", false},
    {"PostgreSQL: a publication that is there", "postgresql", "publication.autocreate.mode", "disabled", false},
    {"PostgreSQL: tables are anchored expressions", "postgresql", "table.include.list", "inventory\\.customers,inventory\\.order\\.lines\\$", false},
    {"PostgreSQL: topics", "postgresql", "topic.prefix", "mr_1", false},
    {"PostgreSQL: one task", "postgresql", "tasks.max", "1", false},
    {"PostgreSQL: heartbeats", "postgresql", "heartbeat.interval.ms", "5000", false},
    {"PostgreSQL: heartbeats go through the WAL", "postgresql", "heartbeat.action.query", "SELECT pg_logical_emit_message(false, 'mr_hb', (extract(epoch FROM clock_timestamp()) * 1000)::bigint::text)", false},
    {"PostgreSQL: no history of the schema", "postgresql", "schema.history.internal.kafka.topic", NULL, false},
    {"PostgreSQL: the sink needs schemas", "postgresql", "value.converter.schemas.enable", "true", false},
    {"PostgreSQL: truncates are seen", "postgresql", "skipped.operations", "none", false},
    {"PostgreSQL: a queue is bounded in bytes", "postgresql", "max.queue.size.in.bytes", "67108864", false},
    {"MySQL: class", "mysql", "connector.class", DBZ "mysql.MySqlConnector", false},
    {"MySQL: server id", "mysql", "database.server.id", "184054", false},
    {"MySQL: database", "mysql", "database.include.list", "inventory", false},
    {"MySQL: tables", "mysql", "table.include.list", "inventory\\.customers,inventory\\.order\\.lines\\$", false},
    {"MySQL: history", "mysql", "schema.history.internal.kafka.topic", "mr_1-schema-history", false},
    {"MySQL: where the history is", "mysql", "schema.history.internal.kafka.bootstrap.servers", "kafka:9092", false},
    {"MySQL: TLS in its own words", "mysql", "database.ssl.mode", "required", false},
    {"MySQL: Debezium's snapshot is the load", "mysql", "snapshot.mode", "initial", false},
    {"MySQL: heartbeats are the logger's to read", "mysql", "topic.heartbeat.prefix", "mr_1", false},
    {"MySQL: no slot", "mysql", "slot.name", NULL, false},
    {"MySQL: nothing of PostgreSQL's heartbeats", "mysql", "heartbeat.action.query", NULL, false},
    {"MariaDB: class", "mariadb", "connector.class", DBZ "mariadb.MariaDbConnector", false},
    {"MariaDB: server id", "mariadb", "database.server.id", "184054", false},
    {"MariaDB: history", "mariadb", "schema.history.internal.kafka.topic", "mr_1-schema-history", false},
    {"SQL Server: class", "sqlserver", "connector.class", DBZ "sqlserver.SqlServerConnector", false},
    {"SQL Server: databases", "sqlserver", "database.names", "inventory", false},
    {"SQL Server: tables", "sqlserver", "table.include.list", "inventory\\.customers,inventory\\.order\\.lines\\$", false},
    {"SQL Server: TLS is the driver's", "sqlserver", "driver.encrypt", "true", false},
    {"SQL Server: trust", "sqlserver", "driver.trustServerCertificate", "true", false},
    {"SQL Server: history", "sqlserver", "schema.history.internal.kafka.topic", "mr_1-schema-history", false},
    {"Oracle: class", "oracle", "connector.class", DBZ "oracle.OracleConnector", false},
    {"Oracle: database", "oracle", "database.dbname", "inventory", false},
    {"Oracle: history", "oracle", "schema.history.internal.kafka.bootstrap.servers", "kafka:9092", false},
    {"MongoDB: class", "mongodb", "connector.class", DBZ "mongodb.MongoDbConnector", false},
    {"MongoDB: connection string", "mongodb", "mongodb.connection.string", "mongodb://192.168.99.100:1234/", false},
    {"MongoDB: user", "mongodb", "mongodb.user", "debezium", false},
    {"MongoDB: no password in the connection string", "mongodb", "mongodb.password", "${file:/s/x.properties:password}", false},
    {"MongoDB: TLS", "mongodb", "mongodb.ssl.enabled", "true", false},
    {"MongoDB: collections", "mongodb", "collection.include.list", "inventory\\.customers,inventory\\.order\\.lines\\$", false},
    {"MongoDB: no host beside it", "mongodb", "database.hostname", NULL, false},
    {"sink: class", "postgresql", "connector.class", DBZ "jdbc.JdbcSinkConnector", true},
    {"sink: exactly the topics of the tables", "postgresql", "topics", "mr_1.inventory.customers,mr_1.inventory.order.lines_", true},
    {"sink: upsert", "postgresql", "insert.mode", "upsert", true},
    {"sink: by the record's key", "postgresql", "primary.key.mode", "record_key", true},
    {"sink: deletes", "postgresql", "delete.enabled", "true", true},
    {"sink: a row once a batch", "postgresql", "use.reduction.buffer", "true", true},
    {"sink: added columns", "postgresql", "schema.evolution", "basic", true},
    {"sink: times are UTC", "postgresql", "use.time.zone", "UTC", true},
    {"sink: PostgreSQL's address", "postgresql", "connection.url", "jdbc:postgresql://192.168.99.100:1234/inventory?sslmode=require&stringtype=unspecified&reWriteBatchedInserts=true", true},
    {"sink: MySQL's address", "mysql", "connection.url", "jdbc:mysql://192.168.99.100:1234/inventory?rewriteBatchedStatements=true&sslMode=REQUIRED", true},
    {"sink: MariaDB's address", "mariadb", "connection.url", "jdbc:mariadb://192.168.99.100:1234/inventory?rewriteBatchedStatements=true&sslMode=trust", true},
    {"sink: SQL Server's address", "sqlserver", "connection.url", "jdbc:sqlserver://192.168.99.100:1234;databaseName=inventory;encrypt=true;trustServerCertificate=true", true},
    {"sink: Oracle's address", "oracle", "connection.url", "jdbc:oracle:thin:@//192.168.99.100:1234/inventory", true},
    {"sink: the target's schema", "postgresql", "collection.name.format", "\"public\".\"${topic}\"", true},
    {"sink: a table that is called otherwise has a rule of its own", "postgresql", "transforms.t1.regex", "mr_1\\.inventory\\.order\\.lines_", true},
    {"sink: and its name", "postgresql", "transforms.t1.replacement", "lines", true},
    {"sink: no rule for one that keeps its name", "postgresql", "transforms.t0.regex", NULL, true},
    {"sink: their order", "postgresql", "transforms", "t1,table", true},
};
/* clang-format on */

static cJSON *built(const struct mr_connector_input *in, bool sink)
{
    struct mr_buf json = MR_BUF_INIT(1u << 20);
    cJSON *o;

    assert_int_equal(sink ? mr_config_sink(in, &json) : mr_config_source(in, &json), MR_OK);
    o = cJSON_Parse(mr_buf_cstr(&json));
    assert_non_null(o);
    mr_buf_free(&json);
    return o;
}

static void expect(const cJSON *o, const char *member, const char *value)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, member);

    if (!value) {
        assert_null(m);
        return;
    }
    assert_non_null(m);
    assert_true(cJSON_IsString(m)); /* Connect takes nothing else */
    assert_string_equal(m->valuestring, value);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct mr_connector_input in = input(row->type);
    cJSON *o = built(&in, row->sink);

    expect(o, row->member, row->value);
    cJSON_Delete(o);
}

static void test_overrides(void **state)
{
    struct mr_connector_input in = input("postgresql");
    cJSON *o;

    (void)state;
    in.overrides = MR_SPAN("{\"poll.interval.ms\":500,\"snapshot.fetch.size\":\"10\",\"x\":true,"
                           "\"skipped.operations\":null}");
    o = built(&in, false);
    expect(o, "poll.interval.ms", "500");
    expect(o, "snapshot.fetch.size", "10");
    expect(o, "x", "true");
    expect(o, "skipped.operations", NULL);
    cJSON_Delete(o);
    assert_string_equal(mr_config_forbidden(MR_SPAN("{\"a\":1,\"slot.name\":\"mine\"}")),
                        "slot.name");
    assert_null(mr_config_forbidden(MR_SPAN("{\"poll.interval.ms\":1}")));
}

static void test_spellings(void **state)
{
    (void)state;
    assert_string_equal(mr_snapshot_spelling("postgresql", "never", "3.2.0.Final"), "no_data");
    assert_string_equal(mr_snapshot_spelling("postgresql", "no_data", "2.5.4.Final"), "never");
    assert_string_equal(mr_snapshot_spelling("mysql", "no_data", "2.5.4.Final"), "schema_only");
    assert_string_equal(mr_snapshot_spelling("mysql", "no_data", "2.6.0.Final"), "no_data");
    assert_string_equal(mr_snapshot_spelling("oracle", "initial", ""), "initial");
}

static void test_metadata(void **state)
{
    struct mr_connector_input in = input("postgresql");
    cJSON *o;

    (void)state;
    in.metadata_columns = true;
    o = built(&in, true);
    expect(o, "transforms", "unwrap,t1,table");
    expect(o, "transforms.unwrap.add.fields", "op:_mr_op,source.lsn:_mr_lsn,source.ts_ms:_mr_ts");
    cJSON_Delete(o);
    o = built(&in, false);
    expect(o, "tombstones.on.delete", "true");
    cJSON_Delete(o);
}

static void test_documents(void **state)
{
    struct mr_connector_input in = input("postgresql");
    cJSON *o;

    (void)state;
    in.source_type = "mongodb";
    o = built(&in, true);
    expect(o, "transforms.unwrap.type",
           "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState");
    cJSON_Delete(o);
}

static void test_sqlserver_topics(void **state)
{
    static const struct mr_connector_table one = {
        .database = "testDB", .schema = "dbo", .name = "customers", .target = "customers"};
    struct mr_connector_input in = input("postgresql");
    cJSON *o;

    (void)state;
    in.tables = &one;
    in.n_tables = 1;
    o = built(&in, true);
    expect(o, "topics", "mr_1.testDB.dbo.customers");
    cJSON_Delete(o);
}

static void test_refused(void **state)
{
    struct mr_connector_input in = input("mongodb");
    struct mr_buf json = MR_BUF_INIT(1u << 20);

    (void)state;
    assert_int_equal(mr_config_sink(&in, &json),
                     MR_E_INVAL); /* the JDBC sink writes no documents */
    in = input("sqlite");
    assert_int_equal(mr_config_source(&in, &json), MR_E_INVAL);
    in = input("postgresql");
    in.overrides = MR_SPAN("[1]");
    assert_int_equal(mr_config_source(&in, &json), MR_E_PROTO);
    mr_buf_free(&json);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, table, test_row);
    rows_add_one(&r, "overrides win, but for what makes it this pipeline's", test_overrides);
    rows_add_one(&r, "a snapshot mode is spelled as the plugin's version does", test_spellings);
    rows_add_one(&r, "metadata columns", test_metadata);
    rows_add_one(&r, "documents become rows", test_documents);
    rows_add_one(&r, "SQL Server's topics hold the database", test_sqlserver_topics);
    rows_add_one(&r, "what cannot be built is refused", test_refused);
    return rows_run("connector configurations", &r);
}
