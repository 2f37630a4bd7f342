/* system.c - health, metrics, the dashboard's settings and the contract. All on the loop. */
#include "api/api.h"
#include "api/handlers.h"
#include "base/clock.h"

/* Made from openapi.yaml and openapi.json by embed.cmake. */
extern const unsigned char mr_openapi_yaml[], mr_openapi_json[];
extern const size_t mr_openapi_yaml_len, mr_openapi_json_len;

int mr_get_health(struct mr_call *c)
{
    c->status = mr_health_write(c->api->opt.health, mr_mono_ms() - c->api->started_ms, &c->out);
    return MR_OK;
}

int mr_get_livez(struct mr_call *c)
{
    mr_buf_add_str(&c->out, "{\"status\":\"ok\"}");
    return MR_OK;
}

int mr_get_readyz(struct mr_call *c)
{
    char detail[256];

    if (!mr_health_ready(c->api->opt.health, detail, sizeof(detail)))
        return mr_call_fail(c, MR_E_UNAVAIL, 0, "%s", detail);
    mr_buf_add_str(&c->out, "{\"status\":\"ready\"}");
    return MR_OK;
}

int mr_get_metrics(struct mr_call *c)
{
    c->type = "text/plain; version=0.0.4; charset=utf-8";
    mr_metrics_render(&c->out);
    return MR_OK;
}

/* Same origin, live by default: one build of the dashboard serves any host. */
int mr_get_config_json(struct mr_call *c)
{
    mr_buf_add_str(&c->out,
                   "{\"apiUrl\":\"\",\"wsUrl\":\"\",\"wsEnabled\":true,\"pollInterval\":5000}");
    return MR_OK;
}

int mr_get_openapi_yaml(struct mr_call *c)
{
    c->type = "application/yaml";
    c->borrowed = mr_span_of((const char *)mr_openapi_yaml, mr_openapi_yaml_len);
    return MR_OK;
}

int mr_get_openapi_json(struct mr_call *c)
{
    c->borrowed = mr_span_of((const char *)mr_openapi_json, mr_openapi_json_len);
    return MR_OK;
}
