/* opened.c - the members of a connection's object, with what is usual where one is missing. */
#include "databases/opened.h"

static const char *text_of(struct mr_span object, const char *name, struct mr_buf *store)
{
    struct mr_span v;

    mr_buf_init(store, 1u << 17);
    if (mr_json_get(object, name, &v) != MR_OK || mr_json_type(v) != MR_JSON_STRING ||
        mr_json_unescape(mr_json_string_raw(v), store) != MR_OK)
        return NULL;
    return mr_buf_cstr(store);
}

static int usual_port(const char *type)
{
    return strcmp(type, "postgresql") == 0  ? 5432
           : strcmp(type, "sqlserver") == 0 ? 1433
           : strcmp(type, "oracle") == 0    ? 1521
           : strcmp(type, "mongodb") == 0   ? 27017
                                            : 3306;
}

void mr_opened_read(struct mr_opened *o, struct mr_span object, struct mr_buf *password,
                    const struct mr_config *cfg, const struct mr_hosts *hosts)
{
    static const char *const names[MR_OPENED_TEXTS] = {
        "database_type", "host",     "database",      "username",
        "schema",        "ssl_mode", "ssl_root_cert", "connection_type"};
    const char *t[MR_OPENED_TEXTS];
    struct mr_span port;
    int64_t n = 0;

    for (size_t i = 0; i < MR_OPENED_TEXTS; i++)
        t[i] = text_of(object, names[i], &o->texts[i]);
    if (mr_json_get(object, "port", &port) != MR_OK || mr_json_int(port, &n) != MR_OK)
        n = usual_port(t[0] ? t[0] : "");
    o->db = (struct mr_database){
        .type = t[0] ? t[0] : "",
        .host = t[1] ? t[1] : "",
        .database = t[2] ? t[2] : "",
        .username = t[3] ? t[3] : "",
        .password = password->len > 0 ? mr_buf_cstr(password) : NULL,
        .schema = t[4],
        .ssl_mode = t[5] ? t[5] : "prefer",
        .ssl_root_cert = t[6],
        .port = (int)n,
        .source = t[7] && strcmp(t[7], "source") == 0,
        .connect_url = cfg->connect_url,
        .brokers = cfg->kafka_brokers,
        .allowed = hosts,
        .timeout_ms = cfg->connection_test_ms,
    };
}

void mr_opened_free(struct mr_opened *o)
{
    for (size_t i = 0; i < MR_OPENED_TEXTS; i++)
        mr_buf_free(&o->texts[i]);
}
