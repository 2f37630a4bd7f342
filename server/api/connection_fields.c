/* connection_fields.c - what a connection is made of: the table of its fields, making one, changing
 * one. The password is the table's last row, so that it can be read apart from the others: it never
 * lies in an object that goes anywhere. */
#include "api/api.h"
#include "api/connections.h"
#include "api/fields.h"
#include "api/handlers.h"
#include "base/log.h"
#include "store/connections.h"
#include <arpa/inet.h>
#include <strings.h>

#define OPTIONS_BYTES 16384
#define OPTIONS_MAX   64

/* A host name or an address; nothing that a driver could take for a path, a list or a URL. */
static bool is_host(struct mr_span s)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char addr[16];

    if (s.len > 0 && s.len < sizeof(text) && memchr(s.ptr, ':', s.len)) {
        memcpy(text, s.ptr, s.len);
        text[s.len] = '\0';
        return inet_pton(AF_INET6, text, addr) == 1;
    }
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];

        if (!((ch | 32) >= 'a' && (ch | 32) <= 'z') && !(ch >= '0' && ch <= '9') &&
            (i == 0 || (ch != '.' && ch != '-' && ch != '_')))
            return false;
    }
    return s.len > 0;
}

static bool is_pem(struct mr_span s)
{
    return memmem(s.ptr, s.len, "-----BEGIN CERTIFICATE-----", 27) != NULL;
}

/* clang-format off */
const struct mr_input mr_connection_fields[] = {
    {"name",            MR_INPUT_TEXT,   .min = 1, .max = 255, .required = true},
    {"connection_type", MR_INPUT_ENUM,   .choices = "source|target", .required = true},
    {"database_type",   MR_INPUT_ENUM,   .choices = "postgresql|mysql|mariadb|sqlserver|oracle|mongodb", .required = true},
    {"host",            MR_INPUT_TEXT,   .min = 1, .max = 253, .required = true, .fits = is_host,
                                         .rule = "must be a host name or an IP address"},
    {"port",            MR_INPUT_INT,    .min = 1, .max = 65535},
    {"database",        MR_INPUT_TEXT,   .min = 1, .max = 255, .required = true},
    {"username",        MR_INPUT_TEXT,   .min = 1, .max = 255, .required = true},
    {"schema",          MR_INPUT_TEXT,   .min = 1, .max = 255},
    {"ssl_mode",        MR_INPUT_ENUM,   .choices = "disable|prefer|require|verify-ca|verify-full", .if_null = "\"prefer\""},
    {"ssl_root_cert",   MR_INPUT_TEXT,   .min = 1, .max = 65536, .fits = is_pem,
                                         .rule = "must be certificates in PEM form"},
    {"options",         MR_INPUT_OBJECT, .max = OPTIONS_BYTES, .if_null = "{}"},
    {"password",        MR_INPUT_TEXT,   .min = 1, .max = 1024},
}; /* clang-format on */
const size_t mr_connection_fields_n =
    sizeof(mr_connection_fields) / sizeof(mr_connection_fields[0]);

/* Options are shown to everybody who may see the connection. */
static bool like_secret(struct mr_span key)
{
    static const char *const words[] = {"password", "passwd",     "secret",
                                        "token",    "credential", "private"};

    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
        for (size_t i = 0, n = strlen(words[w]); i + n <= key.len; i++)
            if (strncasecmp(key.ptr + i, words[w], n) == 0)
                return true;
    return false;
}

static void check_options(struct mr_call *c)
{
    struct mr_span options;
    struct mr_json_iter it;
    int n = 0, rc;

    if (mr_json_get(c->body, "options", &options) != MR_OK ||
        mr_json_type(options) != MR_JSON_OBJECT)
        return;
    for (rc = mr_json_begin(&it, options); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        enum mr_json_type type = mr_json_type(it.value);

        if (++n > OPTIONS_MAX) {
            mr_call_fault(c, "options", "must have at most %d members", OPTIONS_MAX);
            return;
        }
        if (type == MR_JSON_OBJECT || type == MR_JSON_ARRAY) {
            mr_call_fault(c, "options", "must hold strings, numbers, booleans or nulls");
            return;
        }
        if (like_secret(it.key)) {
            mr_call_fault(c, "options", "must hold no secrets, since they are shown: use password");
            return;
        }
    }
}

/* The password apart: what becomes of it. store keeps it and is wiped by the caller. */
static void read_password(struct mr_call *c, struct mr_buf *store, struct mr_password_new *out)
{
    struct mr_span v;

    mr_buf_init(store, 65536);
    *out = (struct mr_password_new){.fate = MR_PASSWORD_KEEP};
    if (mr_json_get(c->body, "password", &v) != MR_OK)
        return;
    out->fate = MR_PASSWORD_NONE;
    if (mr_json_type(v) == MR_JSON_NULL)
        return;
    if (!mr_call_text(c, "password", false, 1, 1024, store))
        return;
    out->fate = MR_PASSWORD_SET;
    out->text = mr_buf_span(store);
}

void mr_connection_read(struct mr_call *c, enum mr_fields_of what, struct mr_buf *fields,
                        struct mr_buf *secret, struct mr_password_new *password)
{
    mr_buf_init(fields, 1u << 20);
    mr_fields_read(c, mr_connection_fields, mr_connection_fields_n - 1, what, fields);
    check_options(c);
    read_password(c, secret, password);
}

/* ---- making and changing ------------------------------------------------------------------ */

static void check_key(struct mr_call *c, const struct mr_password_new *password)
{
    if (password->fate == MR_PASSWORD_SET && !mr_secrets_key_id(c->api->opt.secrets))
        mr_call_fault(c, "password",
                      "cannot be kept: the server has no MILLRACE_SECRET_KEY to encrypt it with");
}

static int explain(struct mr_call *c, int rc)
{
    if (rc == MR_E_CONFLICT && c->detail[0] == '\0')
        return mr_call_fail(c, rc, 0, "A connection with this name exists already.");
    if (rc == MR_E_NOTFOUND)
        return mr_call_fail(c, rc, 0, "Connection not found");
    return rc;
}

int mr_post_connections(struct mr_call *c)
{
    struct mr_password_new password;
    struct mr_buf fields, secret;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc;

    mr_connection_read(c, MR_FIELDS_NEW, &fields, &secret, &password);
    check_key(c, &password);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_buf_err(&fields);
    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc =
            explain(c, mr_connections_create(db, c->api->opt.secrets, mr_buf_cstr(&fields),
                                             &password, c->who.username, id, &c->out, &c->version));
    if (rc == MR_OK)
        rc = mr_call_audit(c, "connection.create", "connection", id, NULL, mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 201;
        mr_call_header(c, "Location", "/api/v1/connections/%s", id);
        LOG_INFO("connection_created", F_STR("connection_id", id), F_STR("by", c->who.username));
    }
    mr_secrets_wipe(&secret);
    mr_buf_free(&fields);
    return rc;
}

static int change(struct mr_call *c, const char *id, const char *fields,
                  const struct mr_password_new *password)
{
    struct mr_buf before = MR_BUF_INIT(1u << 20);
    struct mr_pg *db = NULL;
    int64_t version;
    int rc = mr_call_begin(c, &db);

    if (rc == MR_OK)
        rc = explain(c, mr_connections_get(db, id, true, &before, &version));
    if (rc == MR_OK)
        rc = mr_call_if_match(c, version);
    if (rc == MR_OK)
        rc = explain(c, mr_connections_change(db, c->api->opt.secrets, id, fields, password,
                                              &c->out, &c->version));
    if (rc == MR_OK)
        rc = mr_call_audit(
            c, password->fate == MR_PASSWORD_KEEP ? "connection.change" : "connection.password",
            "connection", id, mr_buf_cstr(&before), mr_buf_cstr(&c->out));
    mr_buf_free(&before);
    return rc == MR_OK ? mr_call_commit(c) : rc;
}

int mr_put_connection(struct mr_call *c)
{
    struct mr_password_new password;
    struct mr_buf fields, secret;
    char id[MR_UUID_TEXT];
    int rc = mr_call_param_uuid(c, 0, "Connection", id);

    if (rc != MR_OK)
        return rc;
    mr_connection_read(c, MR_FIELDS_CHANGE, &fields, &secret, &password);
    check_key(c, &password);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_buf_err(&fields);
    if (rc == MR_OK)
        rc = change(c, id, mr_buf_cstr(&fields), &password);
    if (rc == MR_OK)
        LOG_INFO("connection_changed", F_STR("connection_id", id), F_STR("by", c->who.username),
                 F_INT("version", c->version));
    mr_secrets_wipe(&secret);
    mr_buf_free(&fields);
    return rc;
}
