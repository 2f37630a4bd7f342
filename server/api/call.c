/* call.c - what handlers are written with. Text that a handler keeps lies in buffers of its own. */
#include "api/call.h"
#include "api/api.h"
#include "proto/utf8.h"
#include "store/rows.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

int mr_call_fail(struct mr_call *c, int err, int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
    va_end(ap);
    c->fail_status = status;
    return err;
}

int mr_call_too_many(struct mr_call *c, const char *what, uint64_t wait_ms)
{
    unsigned long long seconds = (wait_ms + 999) / 1000;

    mr_call_header(c, "Retry-After", "%llu", seconds);
    return mr_call_fail(c, MR_E_AGAIN, 429, "Too many failed %s; try again in %llu s.", what,
                        seconds);
}

void mr_call_fault(struct mr_call *c, const char *field, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    mr_buf_add_str(&c->errors, c->errors.len > 0 ? ",{\"field\":" : "{\"field\":");
    mr_json_add_string(&c->errors, mr_span_str(field));
    mr_buf_add_str(&c->errors, ",\"message\":");
    mr_json_add_string(&c->errors, mr_span_str(text));
    mr_buf_add_char(&c->errors, '}');
    if (c->detail[0] == '\0') /* the first one is the sentence */
        (void)snprintf(c->detail, sizeof(c->detail), "%s: %s", field, text);
}

int mr_call_faults(struct mr_call *c)
{
    return c->errors.len > 0 ? MR_E_INVAL : MR_OK;
}

void mr_call_header(struct mr_call *c, const char *name, const char *fmt, ...)
{
    char value[8192];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(value) || c->n_headers == MR_CALL_HEADERS_MAX)
        return;
    c->headers[c->n_headers].name = name;
    c->headers[c->n_headers].value = c->head_text.len;
    mr_buf_add(&c->head_text, value, (size_t)n + 1);
    if (mr_buf_err(&c->head_text) == MR_OK)
        c->n_headers++;
}

const char *mr_call_header_of(const struct mr_call *c, const char *name)
{
    for (size_t i = 0; i < c->n_headers; i++)
        if (strcmp(c->headers[i].name, name) == 0)
            return c->head_text.ptr + c->headers[i].value;
    return NULL;
}

int mr_call_db(struct mr_call *c, struct mr_pg **db)
{
    bool labelled = c->db != NULL;
    char why[MR_HEALTH_DETAIL];
    int rc = MR_OK;

    /* A server that hangs would hold this thread for as long as a statement may take; it is known
     * to hang, so nobody waits for it. */
    if (!c->db && mr_health_down(c->api->opt.health, "postgres", why, sizeof(why)))
        return mr_call_fail(c, MR_E_DB, 0, "PostgreSQL is not available: %s.", why);
    if (!c->db)
        rc = mr_pg_acquire(c->api->opt.pg, MR_API_DB_WAIT_MS, &c->db);
    if (rc == MR_E_AGAIN) {
        mr_call_header(c, "Retry-After", "1");
        return mr_call_fail(c, rc, 503, "Every PostgreSQL connection is busy; try again.");
    }
    if (rc == MR_OK && !labelled)
        mr_pg_label(c->db, c->request_id);
    if (rc == MR_OK)
        *db = c->db;
    return rc;
}

int mr_call_begin(struct mr_call *c, struct mr_pg **db)
{
    int rc = mr_call_db(c, db);

    if (rc != MR_OK || c->transaction)
        return rc;
    rc = mr_pg_run(c->db, "BEGIN");
    c->transaction = rc == MR_OK;
    return rc;
}

int mr_call_commit(struct mr_call *c)
{
    int rc;

    if (c->enclosed)
        return MR_OK;
    rc = mr_pg_run(c->db, "COMMIT");
    c->transaction = false;
    return rc;
}

void mr_call_db_release(struct mr_call *c)
{
    if (c->db && c->transaction)
        (void)!mr_pg_run(c->db, "ROLLBACK"); /* if it cannot, the connection is closed */
    c->transaction = false;
    if (c->db)
        mr_pg_release(c->api->opt.pg, c->db);
    c->db = NULL;
}

const char *mr_call_query(struct mr_call *c, const char *name, struct mr_buf *store)
{
    int rc;

    mr_buf_init(store, 8192);
    rc = mr_query_get(mr_http_query(c->req), name, store);
    if (rc == MR_E_NOTFOUND || (rc == MR_OK && store->len == 0))
        return NULL;
    if (rc != MR_OK) {
        mr_call_fault(c, name, "is not valid percent-encoded UTF-8");
        return NULL;
    }
    return mr_buf_cstr(store);
}

int64_t mr_call_query_int(struct mr_call *c, const char *name, int64_t fallback, int64_t min,
                          int64_t max)
{
    struct mr_buf store;
    const char *text = mr_call_query(c, name, &store);
    int64_t v = fallback;

    if (text && (mr_json_int(mr_span_str(text), &v) != MR_OK || v < min || v > max)) {
        if (max == INT64_MAX)
            mr_call_fault(c, name, "must be a whole number, at least %lld", (long long)min);
        else
            mr_call_fault(c, name, "must be a whole number from %lld to %lld", (long long)min,
                          (long long)max);
        v = fallback;
    }
    mr_buf_free(&store);
    return v;
}

bool mr_call_query_bool(struct mr_call *c, const char *name)
{
    struct mr_buf store;
    const char *text = mr_call_query(c, name, &store);
    bool yes = text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);

    if (text && !yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        mr_call_fault(c, name, "must be true or false");
    mr_buf_free(&store);
    return yes;
}

const char *mr_call_query_uuid(struct mr_call *c, const char *name, char out[MR_UUID_TEXT])
{
    struct mr_buf store;
    const char *text = mr_call_query(c, name, &store);
    struct mr_uuid id;
    bool good = text && mr_uuid_parse(mr_span_str(text), &id);

    if (good)
        mr_uuid_format(id, out);
    else if (text)
        mr_call_fault(c, name, "must be a UUID");
    mr_buf_free(&store);
    return good ? out : NULL;
}

/* "2026-11-20" or "2026-11-20T22:10:13[.ffffff](Z|+hh:mm)"; PostgreSQL checks the ranges. */
bool mr_call_is_time(const char *s)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    size_t i;

    for (i = 0; shape[i] != '\0'; i++) {
        if (i == 10 && s[i] == '\0')
            return true;
        if (shape[i] == 'T' ? (s[i] != 'T' && s[i] != 't' && s[i] != ' ')
                            : (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i]))
            return false;
    }
    if (s[i] == '.') {
        size_t from = ++i;

        while (isdigit((unsigned char)s[i]))
            i++;
        if (i == from || i - from > 9)
            return false;
    }
    if ((s[i] == 'Z' || s[i] == 'z') && s[i + 1] == '\0')
        return true;
    return (s[i] == '+' || s[i] == '-') && isdigit((unsigned char)s[i + 1]) &&
           isdigit((unsigned char)s[i + 2]) && s[i + 3] == ':' &&
           isdigit((unsigned char)s[i + 4]) && isdigit((unsigned char)s[i + 5]) && s[i + 6] == '\0';
}

const char *mr_call_query_time(struct mr_call *c, const char *name, struct mr_buf *store)
{
    const char *text = mr_call_query(c, name, store);

    if (!text)
        return NULL;
    if (!mr_call_is_time(text)) {
        mr_call_fault(c, name, "must be a time such as 2026-11-20T22:10:13Z");
        return NULL;
    }
    if (text[10] == '\0')
        mr_buf_add_str(store, "T00:00:00Z");
    return mr_buf_cstr(store);
}

int mr_call_param_uuid(struct mr_call *c, size_t i, const char *what, char out[MR_UUID_TEXT])
{
    struct mr_uuid id;

    if (!mr_uuid_parse(c->params[i], &id))
        return mr_call_fail(c, MR_E_NOTFOUND, 0, "%s not found", what);
    mr_uuid_format(id, out);
    return MR_OK;
}

bool mr_call_cursor(struct mr_call *c, struct mr_buf *store, const char **a, const char **b)
{
    struct mr_buf raw;
    const char *text = mr_call_query(c, "cursor", &raw);
    char *tilde = NULL;

    mr_buf_init(store, 4096);
    for (size_t i = 0; text && text[i] != '\0'; i += 2) {
        unsigned v;

        if (!isxdigit((unsigned char)text[i]) || !isxdigit((unsigned char)text[i + 1]) ||
            sscanf((char[]){text[i], text[i + 1], '\0'}, "%2x", &v) != 1 || v < 32 || v > 126) {
            mr_buf_clear(store);
            break;
        }
        mr_buf_add_char(store, (char)v);
    }
    mr_buf_free(&raw);
    if (!text)
        return false;
    if (mr_buf_err(store) == MR_OK && store->len > 0) {
        mr_buf_add_char(store, '\0');
        tilde = mr_buf_err(store) == MR_OK ? memchr(store->ptr, '~', store->len) : NULL;
    }
    if (!tilde) {
        mr_call_fault(c, "cursor", "is not a cursor of this list");
        return false;
    }
    *tilde = '\0';
    *a = store->ptr;
    *b = tilde + 1;
    return true;
}

void mr_call_next(struct mr_call *c, const char *a, const char *b)
{
    struct mr_buf link = MR_BUF_INIT(6000);
    struct mr_span query = mr_http_query(c->req);

    mr_buf_add_char(&link, '<');
    mr_buf_add_span(&link, mr_http_path(c->req));
    mr_buf_add_char(&link, '?');
    while (query.len > 0) { /* everything but the old cursor */
        const char *amp = memchr(query.ptr, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.ptr) : query.len;

        if (len > 0 && (len < 7 || memcmp(query.ptr, "cursor=", 7) != 0)) {
            mr_buf_add(&link, query.ptr, len);
            mr_buf_add_char(&link, '&');
        }
        query.ptr += len + (amp ? 1 : 0);
        query.len -= len + (amp ? 1 : 0);
    }
    mr_buf_add_str(&link, "cursor=");
    for (const char *p = a; *p; p++)
        mr_buf_addf(&link, "%02x", (unsigned char)*p);
    mr_buf_add_str(&link, "7e");
    for (const char *p = b; *p; p++)
        mr_buf_addf(&link, "%02x", (unsigned char)*p);
    mr_buf_add_str(&link, ">; rel=\"next\"");
    /* A request whose own query is longer than a header may be gets no link rather than half of
     * one. */
    if (mr_buf_err(&link) == MR_OK && !memchr(link.ptr, '"', link.len - 6))
        mr_call_header(c, "Link", "%s", mr_buf_cstr(&link));
    mr_buf_free(&link);
}

int mr_call_page(struct mr_call *c, int rc, const struct mr_page *page)
{
    if (rc == MR_E_DATA)
        return mr_call_fail(c, rc, 422, "cursor: is not a cursor of this list");
    if (rc == MR_OK) {
        mr_call_header(c, "X-Total-Count", "%lld", (long long)page->total);
        if (page->more)
            mr_call_next(c, page->last_time, page->last_id);
    }
    return rc;
}

const char *mr_call_text(struct mr_call *c, const char *name, bool required, size_t min, size_t max,
                         struct mr_buf *store)
{
    struct mr_span v;
    size_t n;

    mr_buf_init(store, 1u << 20);
    if (mr_json_get(c->body, name, &v) != MR_OK || mr_json_type(v) == MR_JSON_NULL) {
        if (required)
            mr_call_fault(c, name, "is required");
        return NULL;
    }
    if (mr_json_type(v) != MR_JSON_STRING) {
        mr_call_fault(c, name, "must be a string");
        return NULL;
    }
    if (mr_json_unescape(mr_json_string_raw(v), store) != MR_OK ||
        (store->len > 0 && memchr(store->ptr, 0, store->len))) {
        mr_call_fault(c, name, "holds a character that is not allowed");
        return NULL;
    }
    n = mr_utf8_count(mr_buf_span(store));
    if (n < min || n > max) {
        mr_call_fault(c, name, "must have %zu to %zu characters", min, max);
        return NULL;
    }
    return mr_buf_cstr(store);
}

const char *mr_call_raw(struct mr_call *c, const char *name, enum mr_json_type type,
                        struct mr_buf *store)
{
    static const char *const names[] = {"",         "null",     "a boolean", "a boolean",
                                        "a number", "a string", "an array",  "an object"};
    struct mr_span v;
    enum mr_json_type is;

    mr_buf_init(store, 1u << 20);
    if (mr_json_get(c->body, name, &v) != MR_OK || mr_json_type(v) == MR_JSON_NULL)
        return NULL;
    is = mr_json_type(v);
    if (is != type && !(type == MR_JSON_TRUE && is == MR_JSON_FALSE)) {
        mr_call_fault(c, name, "must be %s", names[type]);
        return NULL;
    }
    mr_buf_add_span(store, v);
    return mr_buf_cstr(store);
}
