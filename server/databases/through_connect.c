/* through_connect.c - GET /connector-plugins, then PUT /connector-plugins/{class}/config/validate.
 * The password travels to Kafka Connect in the body and is struck out of whatever comes back. */
#include "databases/through_connect.h"
#include "base/clock.h"
#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>

#define ANSWER_MAX (8u << 20)

static const struct plugin {
    const char *type, *name;
} plugins[] = {
    {"mysql", "io.debezium.connector.mysql.MySqlConnector"},
    {"mariadb", "io.debezium.connector.mariadb.MariaDbConnector"},
    {"sqlserver", "io.debezium.connector.sqlserver.SqlServerConnector"},
    {"oracle", "io.debezium.connector.oracle.OracleConnector"},
    {"mongodb", "io.debezium.connector.mongodb.MongoDbConnector"},
};

static size_t take(char *data, size_t size, size_t n, void *to)
{
    struct mr_buf *b = to;

    mr_buf_add(b, data, size * n);
    return mr_buf_err(b) == MR_OK ? size * n : 0;
}

/* body NULL: a GET. MR_OK: a 200 is in out; MR_E_TIMEOUT; MR_E_UNAVAIL. */
static int ask(const struct mr_database *d, const char *path, const char *body,
               uint64_t deadline_ms, struct mr_buf *out)
{
    uint64_t now = mr_mono_ms();
    struct curl_slist *headers = NULL;
    CURL *curl = now < deadline_ms ? curl_easy_init() : NULL;
    size_t len = strcspn(d->connect_url, ",");
    char url[1024];
    long status = 0;
    CURLcode rc;

    if (!curl)
        return MR_E_TIMEOUT;
    while (len > 0 && d->connect_url[len - 1] == '/')
        len--;
    (void)snprintf(url, sizeof(url), "%.*s%s", (int)len, d->connect_url, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(deadline_ms - now));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    if (body) {
        headers = curl_slist_append(NULL, "Content-Type: application/json");
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return MR_E_TIMEOUT;
    return rc == CURLE_OK && status == 200 ? MR_OK : MR_E_UNAVAIL;
}

static void put(struct mr_buf *b, const char *name, const char *value)
{
    mr_buf_add_str(b, b->len > 1 ? "," : "");
    mr_json_add_string(b, mr_span_str(name));
    mr_buf_add_char(b, ':');
    mr_json_add_string(b, mr_span_str(value));
}

static void configure(const struct mr_database *d, const char *class, struct mr_buf *b)
{
    char text[1024];

    mr_buf_add_char(b, '{');
    put(b, "connector.class", class);
    put(b, "name", "millrace-check");
    put(b, "topic.prefix", "millrace_check");
    if (strcmp(d->type, "mongodb") == 0) {
        (void)snprintf(text, sizeof(text),
                       strchr(d->host, ':') ? "mongodb://[%s]:%d/" : "mongodb://%s:%d/", d->host,
                       d->port);
        put(b, "mongodb.connection.string", text);
        put(b, "mongodb.user", d->username);
        put(b, "mongodb.password", d->password ? d->password : "");
        put(b, "mongodb.ssl.enabled",
            strcmp(d->ssl_mode, "disable") == 0 || strcmp(d->ssl_mode, "prefer") == 0 ? "false"
                                                                                      : "true");
    } else {
        (void)snprintf(text, sizeof(text), "%d", d->port);
        put(b, "database.hostname", d->host);
        put(b, "database.port", text);
        put(b, "database.user", d->username);
        put(b, "database.password", d->password ? d->password : "");
        put(b, strcmp(d->type, "sqlserver") == 0 ? "database.names" : "database.dbname",
            d->database);
        put(b, "database.server.id", "1");
        put(b, "schema.history.internal.kafka.topic", "millrace_check");
        put(b, "schema.history.internal.kafka.bootstrap.servers", d->brokers);
    }
    mr_buf_add_char(b, '}');
}

/* Strike the password out of a text. */
static void strike(char *text, const char *secret)
{
    size_t n = secret ? strlen(secret) : 0;

    for (char *p = n > 0 ? strstr(text, secret) : NULL; p; p = strstr(p, secret))
        memset(p, '*', n);
}

/* The first error of any property; false: there is none. */
static bool first_error(const struct mr_database *d, struct mr_span answer, char *out, size_t size)
{
    struct mr_json_iter it, errors;
    struct mr_span configs, value, list, name;
    struct mr_buf text = MR_BUF_INIT(65536);
    bool found = false;

    if (mr_json_get(answer, "configs", &configs) != MR_OK || mr_json_begin(&it, configs) != MR_OK)
        return false;
    while (!found && mr_json_next(&it) == MR_OK) {
        found = mr_json_get(it.value, "value", &value) == MR_OK &&
                mr_json_get(value, "errors", &list) == MR_OK &&
                mr_json_get(value, "name", &name) == MR_OK &&
                mr_json_begin(&errors, list) == MR_OK && mr_json_next(&errors) == MR_OK &&
                mr_json_unescape(mr_json_string_raw(errors.value), &text) == MR_OK;
        if (found) {
            name = mr_json_string_raw(name);
            (void)snprintf(out, size, MR_SPAN_FMT ": %.300s", MR_SPAN_ARG(name),
                           mr_buf_cstr(&text));
            strike(out, d->password);
        }
    }
    mr_buf_free(&text);
    return found;
}

static bool installed(struct mr_span list, const char *class)
{
    struct mr_json_iter it;
    struct mr_span name;
    int rc;

    for (rc = mr_json_begin(&it, list); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;)
        if (mr_json_get(it.value, "class", &name) == MR_OK &&
            mr_span_is(mr_json_string_raw(name), class))
            return true;
    return false;
}

static void validate(const struct mr_database *d, const char *class, uint64_t deadline_ms,
                     struct mr_checklist *l)
{
    struct mr_buf body = MR_BUF_INIT(65536), answer = MR_BUF_INIT(ANSWER_MAX);
    struct mr_span checked;
    char path[256], why[420];
    int rc;

    (void)snprintf(path, sizeof(path), "/connector-plugins/%s/config/validate", class);
    configure(d, class, &body);
    rc = mr_buf_err(&body) == MR_OK ? ask(d, path, mr_buf_cstr(&body), deadline_ms, &answer)
                                    : MR_E_NOMEM;
    if (body.ptr)
        sodium_memzero(body.ptr, body.cap);
    mr_buf_free(&body);
    if (rc == MR_OK)
        rc = mr_json_check(mr_buf_span(&answer), &checked);
    if (rc == MR_E_TIMEOUT)
        mr_check(l, "login", false, "The database did not answer Kafka Connect in time.");
    else if (rc != MR_OK)
        mr_check(l, "login", false, "Kafka Connect could not check the connection.");
    else if (first_error(d, checked, why, sizeof(why)))
        mr_check(l, "login", false, "%s.", why);
    else
        mr_check(l, "login", true, "Kafka Connect can sign in as %s.", d->username);
    mr_buf_free(&answer);
}

void connectdb_test(const struct mr_database *d, uint64_t deadline_ms, struct mr_checklist *l)
{
    struct mr_buf list = MR_BUF_INIT(ANSWER_MAX);
    const char *class = NULL;
    struct mr_span checked;
    bool there;

    for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++)
        if (strcmp(plugins[i].type, d->type) == 0)
            class = plugins[i].name;
    if (!class || d->connect_url[0] == '\0') {
        mr_check(l, "plugin", false,
                 "A %s is tried through Kafka Connect, and KAFKA_CONNECT_URL is not set.", d->type);
        return;
    }
    if (ask(d, "/connector-plugins", NULL, deadline_ms, &list) != MR_OK ||
        mr_json_check(mr_buf_span(&list), &checked) != MR_OK) {
        mr_check(l, "plugin", false, "Kafka Connect, through which a %s is tried, does not answer.",
                 d->type);
    } else {
        there = installed(checked, class);
        mr_check(l, "plugin", there,
                 there ? "Kafka Connect has %s."
                       : "Kafka Connect lacks the plugin %s: install it there.",
                 class);
        if (there)
            validate(d, class, deadline_ms, l);
    }
    mr_buf_free(&list);
}
