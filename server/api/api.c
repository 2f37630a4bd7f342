/* api.c - the interface's life, and what it counts. */
#include "api/api.h"
#include "api/dispatch.h"
#include "api/throttle.h"
#include "base/clock.h"
#include "proto/alloc.h"
#include <stdio.h>

/* Of one route: how many, how many of them failed, how long they took. */
static void make_route_metrics(struct mr_route_metrics *m, const char *method, const char *path)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    char labels[256];

    for (size_t i = 0; i < 6; i++) {
        (void)snprintf(labels, sizeof(labels), "class=\"%s\",method=\"%s\",route=\"%s\"",
                       classes[i], method, path);
        m->responses[i] = mr_metric_counter("millrace_http_responses_total",
                                            "HTTP responses by route and class of status", labels);
    }
    (void)snprintf(labels, sizeof(labels), "method=\"%s\",route=\"%s\"", method, path);
    m->seconds =
        mr_metric_histogram("millrace_http_request_seconds",
                            "From a whole request to its reply being queued, by route", labels);
}

static int make_metrics(struct mr_api *api)
{
    api->by_route = mr_zalloc(mr_routes_n + 1, sizeof(*api->by_route));
    if (!api->by_route)
        return MR_E_NOMEM;
    for (size_t i = 0; i < mr_routes_n; i++)
        make_route_metrics(&api->by_route[i], mr_routes[i].method, mr_routes[i].path);
    make_route_metrics(&api->by_route[mr_routes_n], "any", "other"); /* files; nothing at all */
    api->refused = mr_metric_counter("millrace_http_refused_total",
                                     "Requests refused because every worker was taken", NULL);
    api->bad_json = mr_metric_counter("millrace_http_bad_json_total",
                                      "Request bodies that were not JSON", NULL);
    api->logins = mr_metric_counter("millrace_logins_total", "Successful sign-ins", NULL);
    api->login_failures =
        mr_metric_counter("millrace_login_failures_total", "Sign-ins with wrong credentials", NULL);
    return MR_OK;
}

void mr_api_count(struct mr_api *api, const struct mr_route *route, int status, uint64_t us)
{
    struct mr_route_metrics *m = &api->by_route[route ? (size_t)(route - mr_routes) : mr_routes_n];

    mr_metric_add(m->responses[status / 100 % 6], 1);
    if (us > 0)
        mr_metric_observe_us(m->seconds, us);
}

int mr_api_new(struct mr_api **out, const struct mr_api_options *opt)
{
    struct mr_api *api = mr_zalloc(1, sizeof(*api));
    int rc;

    if (!api)
        return MR_E_NOMEM;
    api->opt = *opt;
    api->anonymous = opt->cfg->anonymous;
    api->started_ms = mr_mono_ms();
    rc = make_metrics(api);
    if (rc == MR_OK)
        rc = mr_throttle_new(&api->throttle);
    if (rc == MR_OK)
        rc = mr_pool_new(&api->auth_pool, MR_AUTH_THREADS, MR_AUTH_QUEUE);
    if (rc == MR_OK)
        rc = mr_pool_new(&api->outside_pool, MR_OUTSIDE_THREADS, MR_OUTSIDE_QUEUE);
    if (rc != MR_OK) {
        mr_api_free(api);
        return rc;
    }
    mr_on_http(opt->server, mr_dispatch, api);
    mr_on_http_error(opt->server, mr_dispatch_error, api);
    *out = api;
    return MR_OK;
}

void mr_api_stop(struct mr_api *api)
{
    atomic_store(&api->stopping, true);
    mr_health_stopping(api->opt.health);
}

size_t mr_api_in_flight(struct mr_api *api)
{
    return atomic_load(&api->in_flight);
}

void mr_api_join(struct mr_api *api)
{
    if (api->auth_pool)
        mr_pool_free(api->auth_pool);
    api->auth_pool = NULL;
    if (api->outside_pool)
        mr_pool_free(api->outside_pool);
    api->outside_pool = NULL;
}

void mr_api_free(struct mr_api *api)
{
    if (!api)
        return;
    mr_api_join(api);
    mr_throttle_free(api->throttle);
    mr_free(api->by_route);
    mr_free(api);
}

const struct mr_route *mr_api_routes(size_t *n)
{
    *n = mr_routes_n;
    return mr_routes;
}
