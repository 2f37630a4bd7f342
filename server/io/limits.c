/* limits.c - the defaults of mr_options, in one place beside the ceilings that are fixed. */
#include "io/limits.h"

static void fill(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

void mr__options_fill(struct mr_options *opt)
{
    if (opt->path == NULL)
        opt->path = "/socket.io/";
    fill(&opt->ping_interval_ms, 25000);
    fill(&opt->ping_timeout_ms, 20000);
    fill(&opt->connect_timeout_ms, 45000);
    fill(&opt->upgrade_timeout_ms, 10000);
    fill(&opt->body_bytes_max, 1000000);
    fill(&opt->poll_packets_max, 16);
    fill(&opt->queue_bytes_max, 4u << 20);
    fill(&opt->high_water_bytes, 1u << 20);
    fill(&opt->low_water_bytes, 256u << 10);
    fill(&opt->sessions_max, 50000);
    fill(&opt->sessions_per_addr_max, 10000);
    fill(&opt->http_body_bytes_max, 1u << 20);
    fill(&opt->http_header_timeout_ms, 10000);
    fill(&opt->http_body_timeout_ms, 10000);
    fill(&opt->http_idle_timeout_ms, 75000);
    fill(&opt->http_idle_max, opt->sessions_max);
    fill(&opt->http_requests_max, 4096);
    fill(&opt->http_compress_bytes_min, 1024);
    fill(&opt->family_namespaces_max, 10000);
    fill(&opt->handshakes_per_s, 200);
    fill(&opt->handshakes_burst, 2000);
    fill(&opt->packets_in_per_s, 100000);
    fill(&opt->packets_in_burst, 1000000);
    fill(&opt->bytes_in_per_s, 512u << 20);
    fill(&opt->bytes_in_burst, 1u << 30);
    fill(&opt->connections_max, UINT32_MAX);
    fill(&opt->connections_per_addr_max, 20000);
    fill(&opt->namespaces_per_session_max, 64);
    fill(&opt->rooms_per_socket_max, 65536);
    fill(&opt->attachments_max, MR_ATTACHMENTS_MAX);
    fill(&opt->acks_asked_max, 16384);
    fill(&opt->acks_pending_max, 1024);
    if (opt->bytes_in_burst < opt->body_bytes_max)
        opt->bytes_in_burst = opt->body_bytes_max;
    if (opt->namespaces_per_session_max > MR_NSPS_PER_SESSION_MAX)
        opt->namespaces_per_session_max = MR_NSPS_PER_SESSION_MAX;
    if (opt->attachments_max > MR_ATTACHMENTS_MAX)
        opt->attachments_max = MR_ATTACHMENTS_MAX;
    fill(&opt->cors_max_age_s, 600);
    fill(&opt->websocket_deflate_bytes_min, 1024);
    fill(&opt->websocket_window_bits, 12);
    if (opt->websocket_window_bits < 9) /* zlib cannot do 8 */
        opt->websocket_window_bits = 9;
    if (opt->websocket_window_bits > 15)
        opt->websocket_window_bits = 15;
    if (opt->queue_total_bytes_max == 0)
        opt->queue_total_bytes_max = 1ull << 30;
    if (opt->cors_methods == NULL)
        opt->cors_methods = "GET,HEAD,PUT,PATCH,POST,DELETE";
    if (opt->high_water_bytes > opt->queue_bytes_max)
        opt->high_water_bytes = opt->queue_bytes_max;
    if (opt->low_water_bytes > opt->high_water_bytes)
        opt->low_water_bytes = opt->high_water_bytes;
}

void mr__engine_options_fill(struct mr_engine_options *opt)
{
    if (opt->path == NULL)
        opt->path = "/engine.io/";
    fill(&opt->ping_interval_ms, 25000);
    fill(&opt->ping_timeout_ms, 20000);
    fill(&opt->upgrade_timeout_ms, 10000);
    fill(&opt->body_bytes_max, 1000000);
    fill(&opt->poll_packets_max, 16);
    if (opt->cookie.path == NULL)
        opt->cookie.path = "/";
    if (opt->cookie.same_site == NULL)
        opt->cookie.same_site = "Lax";
    if (opt->transports == 0)
        opt->transports = MR_TRANSPORT_POLLING | MR_TRANSPORT_WEBSOCKET;
}
