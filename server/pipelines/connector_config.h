/* connector_config.h - what Kafka Connect is told to run for a pipeline: the configuration of its
 * Debezium source and of its JDBC sink, as objects of strings. Pure: no clock, no network, so that
 * it is tested against documented examples.
 *
 * Sources: Debezium 3.2, "PostgreSQL", "MySQL", "MariaDB", "SQL Server", "Oracle", "MongoDB" and
 * "JDBC sink" connectors. Numbers that deviate from Debezium's defaults (poll interval, batch size)
 * are measured: docs/performance.md. */
#ifndef PIPELINES_CONNECTOR_CONFIG_H
#define PIPELINES_CONNECTOR_CONFIG_H

#include "proto/json.h"
#include <stdint.h>

struct mr_connector_table {
    const char *schema,
        *name;            /* schema: of MySQL and MongoDB the database; "" where there is none */
    const char *target;   /* its name in the target */
    const char *database; /* SQL Server, whose topics are named after it, too; else NULL */
};

struct mr_connector_database {
    const char *type, *host, *database, *username, *ssl_mode;
    const char *password;      /* as it is to stand in the configuration: itself, or a reference */
    const char *ssl_root_cert; /* a file on Connect's machines; NULL: none */
    int port;
};

struct mr_connector_input {
    const char *name; /* of the connector */
    struct mr_connector_database database;
    const struct mr_connector_table *tables;
    size_t n_tables;
    const char *prefix; /* topic.prefix */
    const char *brokers;
    int64_t heartbeat_ms;
    struct mr_span
        overrides; /* a JSON object; members win, but those that make it this pipeline's */
    /* the source */
    const char *slot, *publication; /* PostgreSQL */
    const char *snapshot_mode;      /* as the plugin spells it */
    uint32_t server_id;             /* MySQL, MariaDB */
    /* the sink */
    const char *source_type; /* of database: MongoDB's records have a form of their own */
    const char *target_schema;
    bool metadata_columns; /* _mr_op, _mr_lsn, _mr_ts */
};

/* The class of the source's plugin; NULL: there is none for this type of database. */
const char *mr_source_class(const char *type);
#define MR_SINK_CLASS "io.debezium.connector.jdbc.JdbcSinkConnector"
/* What comes after the prefix in the name of the topic that keeps the DDL of MySQL, MariaDB, SQL
 * Server and Oracle. No dot: it is private, and not one of the pipeline's topics. */
#define MR_HISTORY_TOPIC "-schema-history"
/* Can a JDBC sink write to it? */
bool mr_sink_knows(const char *type);
/* The spelling of a snapshot mode that this version of Debezium ("3.2.0.Final") takes: no_data was
 * never (PostgreSQL) or schema_only (others) before 2.6. */
const char *mr_snapshot_spelling(const char *type, const char *mode, const char *version);

/* Append the configuration. MR_OK; MR_E_INVAL: this database can't be a source (or target);
 * MR_E_PROTO: overrides are no object; MR_E_NOMEM. */
MR_MUSTCHECK int mr_config_source(const struct mr_connector_input *in, struct mr_buf *json);
MR_MUSTCHECK int mr_config_sink(const struct mr_connector_input *in, struct mr_buf *json);
/* The first member of overrides that a pipeline may not set; NULL: none. */
const char *mr_config_forbidden(struct mr_span overrides);
/* The topic of a table: illegal characters become _, as Debezium does it. */
void mr_config_topic(const char *prefix, const struct mr_connector_table *t, struct mr_buf *out);

#endif
