/* config.h - every setting of the program: one table gives name, environment variable, type,
 * default, bounds, unit, whether a reload may change it, and help. --help, docs/configuration.md
 * and compose/env.example are printed from it and compared with it by tests/tidy.
 *
 * Sources, later ones win: default, --config FILE (KEY=value lines), environment, --flag. An
 * unknown flag or key, or a value out of range, stops the start and names the setting.
 * DATABASE_URL is assembled from DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD when unset, and
 * REDIS_URL from REDIS_HOST and REDIS_PORT; so those names are settings too.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "proto/buf.h"

/* clang-format off */
/*  X(field, ENV, TYPE, default, min, max, unit, reload, help)
 *  TYPE: STR, SECRET (never printed), INT, MS (milliseconds), SECONDS, BYTES, BOOL, LEVEL
 *  min and max bound numbers, and the length of strings. reload: 1 when SIGHUP may change it. */
#define MR_SETTINGS(X) \
    X(host,            "MILLRACE_HOST",            STR,    "127.0.0.1", 1, 255, "", 0, "Address to listen on.") \
    X(port,            "MILLRACE_PORT",            INT,    "8000", 0, 65535, "", 0, "TCP port for everything: REST, Socket.IO, dashboard. 0 takes a free one and prints it.") \
    X(roles,           "MILLRACE_ROLES",           STR,    "api,logger,ingest", 1, 64, "", 0, "What this process does: any of api, logger, ingest.") \
    X(auth,            "MILLRACE_AUTH",            STR,    "required", 4, 8, "", 0, "required, or open: everyone is admin; only on loopback.") \
    X(anonymous,       "MILLRACE_ANONYMOUS",       STR,    "", 0, 64, "", 0, "Surfaces open without a token: any of ingest, feeds, metrics.") \
    X(admin_user,      "MILLRACE_ADMIN_USER",      STR,    "admin", 1, 64, "", 0, "Name of the first administrator.") \
    X(admin_password,  "MILLRACE_ADMIN_PASSWORD",  SECRET, "", 0, 72, "", 0, "Password of the first administrator, used when no user exists yet. Empty: a random one is printed once.") \
    X(jwt_secret,      "JWT_SECRET",               SECRET, "", 0, 512, "", 0, "Key that signs access tokens; 32 characters or more are advised. Empty: random at each start, so tokens end with the process.") \
    X(secret_key,      "MILLRACE_SECRET_KEY",      SECRET, "", 0, 1024, "", 0, "Key that seals the passwords of connections: 32 random bytes in base64 (openssl rand -base64 32), or several with commas, the present one first. Empty: no password can be stored.") \
    X(allowed_hosts,   "MILLRACE_ALLOWED_HOSTS",   STR,    "", 0, 4096, "", 0, "Hosts that connections may lead to, with commas: names, *.suffix, addresses, networks such as 10.0.0.0/8. Empty: all. Link-local addresses need a network that holds them.") \
    X(trusted_proxies, "MILLRACE_TRUSTED_PROXIES", STR,    "", 0, 4096, "", 0, "Proxies whose X-Forwarded-For names the client, for limits and the audit log: addresses, networks such as 10.0.0.0/8, and loopback, with commas. Empty: none.") \
    X(connection_test_ms, "MILLRACE_CONNECTION_TEST_TIMEOUT_MS", MS, "10000", 200, 60000, "ms", 0, "Longest time that a test of a connection, or a look into its catalogue, may take.") \
    X(access_token_s,  "MILLRACE_ACCESS_TOKEN_SECONDS", SECONDS, "900", 10, 86400, "s", 1, "Lifetime of an access token.") \
    X(refresh_token_s, "MILLRACE_REFRESH_TOKEN_SECONDS", SECONDS, "1209600", 60, 31536000, "s", 1, "Lifetime of a refresh token.") \
    X(bcrypt_cost,     "MILLRACE_BCRYPT_COST",     INT,    "12", 4, 16, "", 0, "bcrypt cost of new passwords.") \
    X(cors_origins,    "MILLRACE_CORS_ORIGINS",    STR,    "http://localhost:3000,http://localhost:3001", 0, 4096, "", 0, "Origins that browsers may call from, with credentials.") \
    X(ui_dir,          "MILLRACE_UI_DIR",          STR,    "", 0, 4096, "", 0, "Folder of the dashboard's static export. Empty: none is served.") \
    X(database_url,    "DATABASE_URL",             SECRET, "", 0, 4096, "", 0, "PostgreSQL: postgresql://user:password@host:port/database.") \
    X(db_host,         "DB_HOST",                  STR,    "localhost", 1, 255, "", 0, "PostgreSQL host, when DATABASE_URL is unset.") \
    X(db_port,         "DB_PORT",                  INT,    "5432", 1, 65535, "", 0, "PostgreSQL port, when DATABASE_URL is unset.") \
    X(db_name,         "DB_NAME",                  STR,    "messages_db", 1, 63, "", 0, "PostgreSQL database, when DATABASE_URL is unset.") \
    X(db_user,         "DB_USER",                  STR,    "ingestor", 1, 63, "", 0, "PostgreSQL user, when DATABASE_URL is unset.") \
    X(db_password,     "DB_PASSWORD",              SECRET, "ingestor_pass", 0, 512, "", 0, "PostgreSQL password, when DATABASE_URL is unset.") \
    X(db_pool,         "MILLRACE_DB_POOL",         INT,    "8", 1, 256, "connections", 0, "PostgreSQL connections of the API.") \
    X(db_connect_ms,   "MILLRACE_DB_CONNECT_TIMEOUT_MS", MS, "1500", 100, 60000, "ms", 0, "Longest wait for a PostgreSQL connection.") \
    X(statement_ms,    "MILLRACE_STATEMENT_TIMEOUT_MS", MS, "10000", 100, 600000, "ms", 0, "PostgreSQL statement timeout of API queries.") \
    X(redis_url,       "REDIS_URL",                SECRET, "", 0, 4096, "", 0, "Redis: redis://[:password@]host:port/db.") \
    X(redis_host,      "REDIS_HOST",               STR,    "localhost", 1, 255, "", 0, "Redis host, when REDIS_URL is unset.") \
    X(redis_port,      "REDIS_PORT",               INT,    "6379", 1, 65535, "", 0, "Redis port, when REDIS_URL is unset.") \
    X(max_ws,          "MILLRACE_MAX_WS",          INT,    "1000", 1, 1000000, "connections", 0, "Most WebSockets of the feeds (/ws, /ws/stats, /api/v1/ws/dashboard) at a time.") \
    X(max_ws_per_address, "MILLRACE_MAX_WS_PER_ADDRESS", INT, "10", 1, 1000000, "connections", 0, "Most of them of one address.") \
    X(ws_deflate,      "MILLRACE_WS_DEFLATE",      BOOL,   "off", 0, 1, "", 0, "Compress what goes over WebSockets (permessage-deflate) for clients that offer it.") \
    X(bus_prefix,      "MILLRACE_BUS_PREFIX",      STR,    "bus:", 1, 63, "", 0, "What the Redis keys of the message bus begin with: a stream's key is this and its name.") \
    X(bus_maxlen,      "MILLRACE_BUS_MAXLEN",      INT,    "100000", 100, 100000000, "messages", 0, "About how many messages a stream of the bus keeps.") \
    X(ingest_batch,    "MILLRACE_INGEST_BATCH",    INT,    "50", 1, 10000, "messages", 0, "Most messages that the ingest worker stores at once.") \
    X(ingest_topic,    "MILLRACE_INGEST_TOPIC",    STR,    "", 0, 249, "", 0, "Kafka topic whose records are messages, too. Empty: none.") \
    X(ingest_group,    "MILLRACE_INGEST_GROUP",    STR,    "millrace-ingest", 1, 255, "", 0, "Consumer group of that topic's readers.") \
    X(ingest_flush_ms, "MILLRACE_INGEST_FLUSH_MS", MS,     "2000", 0, 60000, "ms", 0, "Longest time that the ingest worker waits for a batch to fill.") \
    X(kafka_brokers,   "KAFKA_BOOTSTRAP_SERVERS",  STR,    "", 0, 4096, "", 0, "Kafka brokers, host:port,... Empty: the logger waits and says so.") \
    X(kafka_group,     "MILLRACE_KAFKA_GROUP",     STR,    "millrace-logger", 1, 255, "", 0, "Consumer group that the loggers share.") \
    X(kafka_session_ms,"MILLRACE_KAFKA_SESSION_TIMEOUT_MS", MS, "10000", 1000, 300000, "ms", 0, "Kafka session timeout of a logger.") \
    X(connect_url,     "KAFKA_CONNECT_URL",        STR,    "", 0, 4096, "", 0, "Kafka Connect REST address.") \
    X(connect_secrets, "MILLRACE_CONNECT_SECRETS", STR,    "inline", 3, 6, "", 0, "How connectors get passwords: inline (in their configuration, which Kafka Connect's REST interface shows), file (references to files in MILLRACE_CONNECT_SECRETS_DIR, for its FileConfigProvider) or env (references to environment variables of its workers, MILLRACE_PASSWORD_<connection id>, for its EnvVarConfigProvider).") \
    X(connect_secrets_dir, "MILLRACE_CONNECT_SECRETS_DIR", STR, "", 0, 4096, "", 0, "Folder that Kafka Connect's workers read, too: passwords (MILLRACE_CONNECT_SECRETS=file) and root certificates of connections are kept there.") \
    X(heartbeat_ms,    "MILLRACE_HEARTBEAT_MS",    MS,     "5000", 200, 600000, "ms", 0, "How often a pipeline's source sends a heartbeat through its slot.") \
    X(stale_ms,        "MILLRACE_HEARTBEAT_STALE_MS", MS,  "30000", 1000, 3600000, "ms", 0, "Age of the last heartbeat at which a running pipeline counts as DEGRADED.") \
    X(monitor_ms,      "MILLRACE_MONITOR_MS",      MS,     "2000", 100, 60000, "ms", 0, "How often running pipelines are looked at: connectors, slots, lag.") \
    X(task_restarts,   "MILLRACE_TASK_RESTARTS",   INT,    "8", 0, 1000, "", 0, "How often in a row a connector's failed task is started again before its pipeline is in ERROR.") \
    X(load_workers,    "MILLRACE_LOAD_WORKERS",    INT,    "4", 1, 32, "threads", 0, "Sessions in source and target that a full load copies with.") \
    X(load_rate,       "MILLRACE_LOAD_BYTES_PER_SECOND", BYTES, "0", 0, 1099511627776, "bytes", 0, "Most bytes a second that a full load reads from its source. 0: no limit.") \
    X(batch_records,   "MILLRACE_BATCH_RECORDS",   INT,    "4096", 1, 65536, "records", 0, "Most records in one logger transaction.") \
    X(batch_ms,        "MILLRACE_BATCH_MS",        MS,     "20", 0, 10000, "ms", 0, "Longest wait for a logger batch to fill.") \
    X(record_bytes,    "MILLRACE_RECORD_BYTES_MAX", BYTES, "1048576", 1024, 67108864, "bytes", 0, "Row data kept of one record; above it a marker with the size is kept instead.") \
    X(retention_days,  "MILLRACE_RETENTION_DAYS",  INT,    "30", 1, 36500, "days", 1, "Age at which whole partitions of the event log are dropped.") \
    X(workers,         "MILLRACE_WORKERS",         INT,    "8", 1, 256, "threads", 0, "Worker threads for REST handlers.") \
    X(worker_queue,    "MILLRACE_WORKER_QUEUE",    INT,    "1024", 1, 65536, "requests", 0, "Requests that may wait for a worker; beyond it 503 with Retry-After.") \
    X(high_water,      "MILLRACE_SOCKET_HIGH_WATER_BYTES", BYTES, "1048576", 4096, 1073741824, "bytes", 0, "Unsent bytes at which a socket stops getting live events and is served from the log.") \
    X(ping_interval_ms,"MILLRACE_PING_INTERVAL_MS", MS,    "25000", 100, 300000, "ms", 0, "Engine.IO ping interval.") \
    X(ping_timeout_ms, "MILLRACE_PING_TIMEOUT_MS", MS,     "20000", 100, 300000, "ms", 0, "Engine.IO ping timeout.") \
    X(log_level,       "MILLRACE_LOG_LEVEL",       LEVEL,  "info", 0, 0, "", 1, "debug, info, warn or error.") \
    X(log_format,      "MILLRACE_LOG_FORMAT",      STR,    "logfmt", 4, 6, "", 0, "logfmt or json.") \
    X(drain_s,         "MILLRACE_DRAIN_SECONDS",   SECONDS, "1", 0, 3600, "s", 1, "Time over which clients are told to leave at shutdown.")
/* clang-format on */

#define MR_CONFIG_STR     char *
#define MR_CONFIG_SECRET  char *
#define MR_CONFIG_INT     int64_t
#define MR_CONFIG_MS      int64_t
#define MR_CONFIG_SECONDS int64_t
#define MR_CONFIG_BYTES   int64_t
#define MR_CONFIG_BOOL    bool
#define MR_CONFIG_LEVEL   int

struct mr_config {
#define X(field, env, type, def, min, max, unit, reload, help) MR_CONFIG_##type field;
    MR_SETTINGS(X)
#undef X
};

/* Load. argv: flags only (argc of them), each "--kafka-brokers=..", "--kafka-brokers ..": the flag
 * is the field name with dashes; "--config FILE" too. env: as environ. On error err holds one line
 * naming the setting and what to do, and cfg is empty. MR_OK; MR_E_CONFIG; MR_E_NOMEM. */
MR_MUSTCHECK int mr_config_load(struct mr_config *cfg, int argc, char **argv, char **env,
                                struct mr_buf *err);
void mr_config_deinit(struct mr_config *cfg);
/* Take over what a reload may change from a freshly loaded configuration. The names of what has
 * changed are appended to changed, those of what would need a restart to restart, with commas. The
 * readers of a reloadable number use mr_setting. [thread: one at a time] */
void mr_config_reload(struct mr_config *live, const struct mr_config *fresh, struct mr_buf *changed,
                      struct mr_buf *restart);
/* A reloadable number as it is now. [thread: any] */
#define mr_setting(field) __atomic_load_n((field), __ATOMIC_RELAXED)
/* True when list (comma-separated) holds word. */
bool mr_config_has(const char *list, const char *word);
/* Print the table: "text" for --help, "markdown" for docs/configuration.md, "env" for env.example.
 */
void mr_config_print(struct mr_buf *out, const char *form);

#endif
