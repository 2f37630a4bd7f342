/* idempotency.c - the key's row is the lock: inserting it waits for whoever has it uncommitted. */
#include "api/idempotency.h"
#include "api/api.h"
#include "api/handlers.h"
#include "store/idempotency.h"
#include "store/secret_text.h"

bool mr_idempotency_asked(const struct mr_call *c)
{
    return c->who.role != MR_ROLE_NONE && c->who.user_id[0] &&
           strcmp(mr_http_method(c->req), "POST") == 0 &&
           mr_http_header(c->req, "idempotency-key").len > 0 &&
           c->route->handler != mr_post_api_keys; /* its answer is a secret, kept nowhere */
}

/* The key, checked; false: a fault was recorded. */
static bool read_key(struct mr_call *c, char out[MR_IDEMPOTENCY_KEY_MAX + 1])
{
    struct mr_span key = mr_http_header(c->req, "idempotency-key");
    bool good = key.len <= MR_IDEMPOTENCY_KEY_MAX;

    for (size_t i = 0; good && i < key.len; i++)
        good = key.ptr[i] > 32 && key.ptr[i] < 127;
    if (!good) {
        mr_call_fault(c, "Idempotency-Key", "must have 1 to %d visible ASCII characters",
                      MR_IDEMPOTENCY_KEY_MAX);
        return false;
    }
    memcpy(out, key.ptr, key.len);
    out[key.len] = '\0';
    return true;
}

static void add_part(struct mr_buf *b, struct mr_span part)
{
    mr_buf_addf(b, "%zu:", part.len);
    mr_buf_add_span(b, part);
}

/* What the request was, as "\x<hex>" for a bytea. */
static int hash_request(struct mr_call *c, char out[MR_HASH_TEXT])
{
    struct mr_buf all = MR_BUF_INIT(MR_CALL_BODY_MAX);
    int rc;

    add_part(&all, mr_http_path(c->req));
    add_part(&all, mr_http_query(c->req));
    add_part(&all, mr_http_body(c->req));
    rc = mr_buf_err(&all);
    if (rc == MR_OK)
        mr_hash_text(mr_buf_span(&all), out);
    mr_buf_free(&all);
    return rc;
}

static int keep(struct mr_call *c, const char *key)
{
    struct mr_kept_answer a = {
        .status = c->status,
        .type = c->type,
        .location = mr_call_header_of(c, "Location"),
        .version = c->version,
        .body = mr_buf_cstr(&c->out),
    };

    return mr_idempotency_keep(c->db, c->who.user_id, key, &a);
}

static int replay(struct mr_call *c, const char *key, const char *hash)
{
    struct mr_kept_answer a = {0};
    struct mr_buf text = MR_BUF_INIT(MR_CALL_BODY_MAX);
    int rc = mr_idempotency_find(c->db, c->who.user_id, key, hash, &a, &text);

    if (rc == MR_E_CONFLICT)
        mr_call_fail(c, MR_E_INVAL, 422,
                     "Idempotency-Key: it was used for another request; take a new one.");
    if (rc == MR_OK) {
        c->status = a.status;
        c->type = a.type ? "application/json" : NULL;
        c->version = a.version;
        if (a.location)
            mr_call_header(c, "Location", "%s", a.location);
        mr_call_header(c, "Idempotency-Replayed", "true");
        mr_buf_add_str(&c->out, a.body);
        rc = mr_buf_err(&c->out);
    }
    mr_buf_free(&text);
    return rc == MR_E_CONFLICT ? MR_E_INVAL : rc;
}

int mr_idempotency_run(struct mr_call *c)
{
    char key[MR_IDEMPOTENCY_KEY_MAX + 1], hash[MR_HASH_TEXT];
    struct mr_pg *db = NULL;
    bool ours = false;
    int rc = read_key(c, key) ? hash_request(c, hash) : MR_E_INVAL;

    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = mr_idempotency_claim(db, c->who.user_id, key, hash, &ours);
    if (rc == MR_OK && !ours)
        rc = replay(c, key, hash);
    if (rc == MR_OK && ours) {
        c->enclosed = true;
        rc = c->route->handler(c);
        c->enclosed = false;
        if (rc == MR_OK)
            rc = keep(c, key);
    }
    return rc == MR_OK ? mr_call_commit(c) : rc;
}
