/* feeds.c - who may have the feeds of plain WebSockets, and what their addresses ask for. */
#include "api/api.h"
#include "api/router.h"
#include "base/clock.h"
#include <stdlib.h>
#include <strings.h>

#define INTERVAL_MIN 100
#define INTERVAL_MAX 60000

/* Browsers can give no header with a WebSocket: the address may have the token. */
static int who(struct mr_api *api, struct mr_http_req *req)
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
    return rc;
}

int mr_feed_allow(void *ctx, struct mr_http_req *req, int64_t *interval_ms)
{
    struct mr_api *api = ctx;
    struct mr_buf text = MR_BUF_INIT(64);
    char *end = NULL;
    int rc = mr_config_has(api->anonymous, "feeds") ? MR_OK : who(api, req);

    if (rc == MR_OK && mr_query_get(mr_http_query(req), "interval_ms", &text) == MR_OK) {
        long n = strtol(mr_buf_cstr(&text), &end, 10);

        if (text.len == 0 || *end != '\0' || n < INTERVAL_MIN || n > INTERVAL_MAX)
            rc = MR_E_INVAL;
        else
            *interval_ms = n;
    }
    mr_buf_free(&text);
    return rc;
}

void mr_feed_stats(void *ctx, struct mr_buf *out)
{
    struct mr_api *api = ctx;

    mr_sampler_json(api->opt.sampler, out);
}
