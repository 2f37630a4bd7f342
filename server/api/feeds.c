/* feeds.c - who may have the feeds of plain WebSockets, and what their addresses ask for. */
#include "api/api.h"
#include "api/router.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INTERVAL_MIN 100
#define INTERVAL_MAX 60000
#define RATE_MAX     1000000

/* Browsers can give no header with a WebSocket: the address may have the token. */
static int who(struct mr_api *api, struct mr_http_req *req, struct mr_feed_query *out)
{
    struct mr_span header = mr_http_header(req, "authorization");
    struct mr_buf token = MR_BUF_INIT(16384);
    struct mr_identity who;
    int rc;

    if (header.len > 7 && strncasecmp(header.ptr, "bearer ", 7) == 0)
        mr_buf_add(&token, header.ptr + 7, header.len - 7);
    else if (mr_query_get(mr_http_query(req), "token", &token) != MR_OK)
        mr_buf_clear(&token);
    rc = mr_auth_check(api->opt.auth, mr_buf_span(&token), mr_wall_ms() / 1000, &who);
    mr_buf_free(&token);
    if (rc == MR_OK && who.role < MR_ROLE_VIEWER)
        rc = MR_E_FORBIDDEN;
    if (rc == MR_OK)
        out->who = who;
    return rc;
}

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

static int take_streams(struct mr_http_req *req, struct mr_feed_query *out)
{
    struct mr_buf text = MR_BUF_INIT(sizeof(out->streams));
    int rc = mr_query_get(mr_http_query(req), "streams", &text);

    if (rc == MR_OK) {
        const char *at = mr_buf_cstr(&text);

        (void)snprintf(out->streams, sizeof(out->streams), "%s", at);
        for (bool more = true; more && rc == MR_OK; at++) { /* each a name */
            size_t n = strcspn(at, ",");

            rc = mr_bus_name_ok(mr_span_of(at, n)) ? MR_OK : MR_E_INVAL;
            at += n;
            more = *at != '\0';
        }
    }
    mr_buf_free(&text);
    return rc == MR_E_NOTFOUND ? MR_OK : (rc == MR_OK ? MR_OK : MR_E_INVAL);
}

int mr_feed_allow(void *ctx, struct mr_http_req *req, struct mr_feed_query *out, const char **why)
{
    struct mr_api *api = ctx;
    int rc = mr_config_has(api->anonymous, "feeds") ? MR_OK : who(api, req, out);

    if (rc != MR_OK)
        return rc;
    *why = "interval_ms must be a whole number from 100 to 60000.";
    rc = take_number(req, "interval_ms", INTERVAL_MIN, INTERVAL_MAX, &out->interval_ms);
    if (rc != MR_OK)
        return rc;
    *why = "max_rate must be a whole number from 1 to 1000000, messages a second.";
    rc = take_number(req, "max_rate", 1, RATE_MAX, &out->max_rate);
    if (rc != MR_OK)
        return rc;
    *why = "streams must be names with commas between, of letters, digits and . _ : -";
    return take_streams(req, out);
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
