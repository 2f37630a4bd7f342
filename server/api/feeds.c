/* feeds.c - who may have the feeds of plain WebSockets, and what their addresses ask for. */
#include "api/api.h"
#include "api/dispatch.h"
#include "api/sockets_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "store/api_keys.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN 100
#define INTERVAL_MAX 60000
#define RATE_MAX     1000000

/* ---- who ---------------------------------------------------------------------------------- */

/* An API key: PostgreSQL knows whose it is. */
struct asking {
    struct mr_api *api;
    struct mr_feed_ticket *ticket;
    const char *path; /* of the REST surface that has the same */
    char key[MR_API_KEY_TEXT];
    struct mr_identity who;
    int rc;
};

/* [thread: loop] */
static void answered(void *arg)
{
    struct asking *a = arg;

    mr_feeds_decide(a->ticket, a->rc, &a->who);
    OPENSSL_cleanse(a->key, sizeof(a->key));
    mr_free(a);
}

/* [thread: worker] */
static void ask(void *arg)
{
    struct asking *a = arg;

    a->rc = mr_api_keys_reader(a->api->opt.pg, MR_API_DB_WAIT_MS, mr_span_str(a->key), a->path,
                               &a->who);
    if (a->rc != MR_OK && a->rc != MR_E_AUTH && a->rc != MR_E_FORBIDDEN)
        a->rc = MR_E_UNAVAIL;
    if (!sock_post(a->api->opt.server, answered, a))
        LOG_DEBUG("feed_key_lost"); /* the process is ending */
}

static int ask_later(struct mr_api *api, struct mr_span key, bool bus,
                     struct mr_feed_ticket *ticket)
{
    struct asking *a = key.len < MR_API_KEY_TEXT ? mr_zalloc(1, sizeof(*a)) : NULL;

    if (!a)
        return MR_E_AUTH;
    a->api = api;
    a->ticket = ticket;
    a->path = bus ? "/api/v1/bus" : "/api/v1/stats";
    memcpy(a->key, key.ptr, key.len);
    if (mr_pool_submit(api->opt.workers, ask, a) == MR_OK)
        return MR_E_AGAIN;
    mr_free(a);
    return MR_E_UNAVAIL;
}

/* Browsers can give no header with a WebSocket: the address may have the token. */
static int who(struct mr_api *api, struct mr_http_req *req, struct mr_feed_query *out,
               struct mr_feed_ticket *ticket)
{
    struct mr_span bearer = mr_bearer(req), key = mr_http_header(req, "x-api-key");
    struct mr_buf token = MR_BUF_INIT(16384);
    int rc;

    if (key.len > 0)
        mr_buf_add_span(&token, key);
    else if (bearer.len > 0)
        mr_buf_add_span(&token, bearer);
    else if (mr_query_get(mr_http_query(req), "token", &token) != MR_OK)
        mr_buf_clear(&token);
    if (!mr_auth_open(api->opt.auth) &&
        (key.len > 0 || mr_span_starts(mr_buf_span(&token), MR_SPAN(MR_API_KEY_PREFIX))))
        rc = ask_later(api, mr_buf_span(&token), out->bus, ticket);
    else
        rc = mr_auth_check(api->opt.auth, mr_buf_span(&token), mr_wall_ms() / 1000, &out->who);
    mr_buf_free(&token);
    if (rc == MR_OK && out->who.role < MR_ROLE_VIEWER)
        rc = MR_E_FORBIDDEN;
    return rc;
}

/* ---- what for ----------------------------------------------------------------------------- */

/* A number of the query; absent: as it was. */
static int take_number(struct mr_http_req *req, const char *name, int64_t min, int64_t max,
                       int64_t *out)
{
    struct mr_buf text = MR_BUF_INIT(64);
    char *end = NULL;
    int rc = mr_query_get(mr_http_query(req), name, &text);
    long n;

    if (rc == MR_OK) {
        n = strtol(mr_buf_cstr(&text), &end, 10);
        if (text.len == 0 || *end != '\0' || n < min || n > max)
            rc = MR_E_INVAL;
        else
            *out = n;
    }
    mr_buf_free(&text);
    return rc == MR_E_NOTFOUND ? MR_OK : (rc == MR_OK ? MR_OK : MR_E_INVAL);
}

/* A text of the query; absent: "". MR_E_INVAL: too long. */
static int take_text(struct mr_http_req *req, const char *name, char *out, size_t size)
{
    struct mr_buf text = MR_BUF_INIT(65536);
    int rc = mr_query_get(mr_http_query(req), name, &text);

    if (rc == MR_OK && text.len >= size)
        rc = MR_E_INVAL;
    if (rc == MR_OK)
        (void)snprintf(out, size, "%s", mr_buf_cstr(&text));
    mr_buf_free(&text);
    return rc == MR_OK || rc == MR_E_NOTFOUND ? MR_OK : MR_E_INVAL;
}

static int read_query(struct mr_http_req *req, struct mr_feed_query *out, const char **why)
{
    int rc;

    *why = "interval_ms must be a whole number from 100 to 60000.";
    rc = take_number(req, "interval_ms", INTERVAL_MIN, INTERVAL_MAX, &out->interval_ms);
    if (rc != MR_OK)
        return rc;
    *why = "max_rate must be a whole number from 1 to 1000000, messages a second.";
    rc = take_number(req, "max_rate", 1, RATE_MAX, &out->max_rate);
    if (rc != MR_OK)
        return rc;
    *why = "streams must be names with commas between, of letters, digits and . _ : -; after must "
           "be name:id, with commas, of those streams.";
    rc = take_text(req, "streams", out->streams, sizeof(out->streams));
    if (rc == MR_OK)
        rc = take_text(req, "after", out->after, sizeof(out->after));
    return rc == MR_OK && mr_bus_start_ok(out->streams, out->after) ? MR_OK : MR_E_INVAL;
}

int mr_feed_allow(void *ctx, struct mr_http_req *req, struct mr_feed_query *out, const char **why,
                  struct mr_feed_ticket *ticket)
{
    struct mr_api *api = ctx;
    int rc = read_query(req, out, why);

    if (rc == MR_OK && !mr_config_has(api->anonymous, "feeds"))
        rc = who(api, req, out, ticket);
    return rc;
}

void mr_feed_stats(void *ctx, struct mr_buf *out)
{
    struct mr_api *api = ctx;

    mr_sampler_json(api->opt.sampler, out);
}

void mr_api_feeds(struct mr_api *api, struct mr_feeds *feeds, struct mr_bus_reader *bus)
{
    api->feeds = feeds;
    api->bus = bus;
}
