/* routes.c - the table. What is served is here and in openapi.yaml, and nowhere else. */
#include "api/dispatch.h"
#include "api/handlers.h"

#define V1 "/api/v1"

/* clang-format off */
const struct mr_route mr_routes[] = {
    /* method    path                                     role              runs          body              handler */
    {"GET",    "/health",                              MR_ROLE_NONE,     MR_ON_LOOP,   MR_BODY_NONE,     mr_get_health, NULL, MR_OF_NOTHING},
    {"GET",    "/livez",                               MR_ROLE_NONE,     MR_ON_LOOP,   MR_BODY_NONE,     mr_get_livez, NULL, MR_OF_NOTHING},
    {"GET",    "/readyz",                              MR_ROLE_NONE,     MR_ON_LOOP,   MR_BODY_NONE,     mr_get_readyz, NULL, MR_OF_NOTHING},
    {"GET",    "/metrics",                             MR_ROLE_VIEWER,   MR_ON_LOOP,   MR_BODY_NONE,     mr_get_metrics, "metrics", MR_OF_NOTHING},
    {"GET",    "/config.json",                         MR_ROLE_NONE,     MR_ON_LOOP,   MR_BODY_NONE,     mr_get_config_json, NULL, MR_OF_NOTHING},
    {"GET",    "/openapi.yaml",                        MR_ROLE_NONE,     MR_ON_LOOP,   MR_BODY_NONE,     mr_get_openapi_yaml, NULL, MR_OF_NOTHING},
    {"GET",    "/openapi.json",                        MR_ROLE_NONE,     MR_ON_LOOP,   MR_BODY_NONE,     mr_get_openapi_json, NULL, MR_OF_NOTHING},

    {"POST",   "/auth/login",                          MR_ROLE_NONE,     MR_ON_AUTH,   MR_BODY_JSON,     mr_post_login, NULL, MR_OF_NOTHING},
    {"POST",   "/auth/refresh",                        MR_ROLE_NONE,     MR_ON_WORKER, MR_BODY_JSON,     mr_post_refresh, NULL, MR_OF_NOTHING},
    {"POST",   "/auth/logout",                         MR_ROLE_NONE,     MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_logout, NULL, MR_OF_NOTHING},
    {"GET",    "/auth/me",                             MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_me, NULL, MR_OF_NOTHING},
    {"POST",   "/auth/password",                       MR_ROLE_VIEWER,   MR_ON_AUTH,   MR_BODY_JSON,     mr_post_password, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/auth/login",                       MR_ROLE_NONE,     MR_ON_AUTH,   MR_BODY_JSON,     mr_post_login, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/auth/refresh",                     MR_ROLE_NONE,     MR_ON_WORKER, MR_BODY_JSON,     mr_post_refresh, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/auth/logout",                      MR_ROLE_NONE,     MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_logout, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/auth/me",                          MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_me, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/auth/password",                    MR_ROLE_VIEWER,   MR_ON_AUTH,   MR_BODY_JSON,     mr_post_password, NULL, MR_OF_NOTHING},

    {"GET",    V1 "/users",                            MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_get_users, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/users",                            MR_ROLE_ADMIN,    MR_ON_AUTH,   MR_BODY_JSON,     mr_post_users, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/users/{id}",                       MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_get_user, NULL, MR_OF_NOTHING},
    {"PATCH",  V1 "/users/{id}",                       MR_ROLE_ADMIN,    MR_ON_AUTH,   MR_BODY_JSON,     mr_patch_user, NULL, MR_OF_NOTHING},
    {"DELETE", V1 "/users/{id}",                       MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_delete_user, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/api-keys",                         MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_api_keys, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/api-keys",                         MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_JSON,     mr_post_api_keys, NULL, MR_OF_NOTHING},
    {"DELETE", V1 "/api-keys/{id}",                    MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_delete_api_key, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/audit",                            MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_get_audit, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/audit/verify",                     MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_get_audit_verify, NULL, MR_OF_NOTHING},

    {"GET",    V1 "/pipelines",                        MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_pipelines, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/pipelines",                        MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_post_pipelines, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/pipelines/{id}",                   MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_pipeline, NULL, MR_OF_PIPELINE},
    {"PUT",    V1 "/pipelines/{id}",                   MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_put_pipeline, NULL, MR_OF_PIPELINE},
    {"PATCH",  V1 "/pipelines/{id}",                   MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_put_pipeline, NULL, MR_OF_PIPELINE},
    {"DELETE", V1 "/pipelines/{id}",                   MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_delete_pipeline, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/start",             MR_ROLE_OPERATOR, MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_pipeline_start, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/stop",              MR_ROLE_OPERATOR, MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_pipeline_stop, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/pause",             MR_ROLE_OPERATOR, MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_pipeline_pause, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/resume",            MR_ROLE_OPERATOR, MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_pipeline_resume, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/restart",           MR_ROLE_OPERATOR, MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_pipeline_restart, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/resync",            MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_OPTIONAL, mr_post_pipeline_resync, NULL, MR_OF_PIPELINE},
    {"POST",   V1 "/pipelines/{id}/validate",          MR_ROLE_OPERATOR, MR_ON_OUTSIDE, MR_BODY_OPTIONAL, mr_post_pipeline_validate, NULL, MR_OF_PIPELINE},
    {"GET",    V1 "/pipelines/{id}/status",            MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_pipeline_status, NULL, MR_OF_PIPELINE},
    {"GET",    V1 "/pipelines/{id}/progress",          MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_pipeline_progress, NULL, MR_OF_PIPELINE},
    {"GET",    V1 "/pipelines/{id}/runs",              MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_pipeline_runs, NULL, MR_OF_PIPELINE},
    {"GET",    V1 "/pipelines/{id}/permissions",       MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_get_permissions, NULL, MR_OF_PIPELINE},
    {"PUT",    V1 "/pipelines/{id}/permissions",       MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_put_permissions, NULL, MR_OF_PIPELINE},

    {"GET",    V1 "/connections",                      MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_connections, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/connections",                      MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_post_connections, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/connections/test",                 MR_ROLE_ADMIN,    MR_ON_OUTSIDE, MR_BODY_JSON,    mr_post_connections_test, NULL, MR_OF_NOTHING},
    {"POST",   V1 "/connections/{id}/test",            MR_ROLE_OPERATOR, MR_ON_OUTSIDE, MR_BODY_OPTIONAL, mr_post_connection_test, NULL, MR_OF_CONNECTION},
    {"GET",    V1 "/connections/{id}/schemas",         MR_ROLE_VIEWER,   MR_ON_OUTSIDE, MR_BODY_NONE,    mr_get_connection_schemas, NULL, MR_OF_CONNECTION},
    {"GET",    V1 "/connections/{id}/tables",          MR_ROLE_VIEWER,   MR_ON_OUTSIDE, MR_BODY_NONE,    mr_get_connection_tables, NULL, MR_OF_CONNECTION},
    {"GET",    V1 "/connections/{id}",                 MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_connection, NULL, MR_OF_CONNECTION},
    {"PUT",    V1 "/connections/{id}",                 MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_put_connection, NULL, MR_OF_CONNECTION},
    {"PATCH",  V1 "/connections/{id}",                 MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_put_connection, NULL, MR_OF_CONNECTION},
    {"DELETE", V1 "/connections/{id}",                 MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_delete_connection, NULL, MR_OF_CONNECTION},
    {"GET",    V1 "/connections/{id}/permissions",     MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_NONE,     mr_get_permissions, NULL, MR_OF_CONNECTION},
    {"PUT",    V1 "/connections/{id}/permissions",     MR_ROLE_ADMIN,    MR_ON_WORKER, MR_BODY_JSON,     mr_put_permissions, NULL, MR_OF_CONNECTION},

    {"POST",   "/messages",                                MR_ROLE_OPERATOR, MR_ON_LOOP,    MR_BODY_RECORDS,  mr_post_messages, "ingest", MR_OF_NOTHING},
    {"GET",    "/messages",                                MR_ROLE_VIEWER,   MR_ON_WORKER,  MR_BODY_NONE,     mr_get_messages, "ingest", MR_OF_NOTHING},
    {"POST",   "/simulate",                                MR_ROLE_OPERATOR, MR_ON_LOOP,    MR_BODY_OPTIONAL, mr_post_simulate, "ingest", MR_OF_NOTHING},
    {"GET",    "/stats",                                   MR_ROLE_VIEWER,   MR_ON_LOOP,    MR_BODY_NONE,     mr_get_stats, "feeds", MR_OF_NOTHING},
    {"GET",    "/stats/history",                           MR_ROLE_VIEWER,   MR_ON_LOOP,    MR_BODY_NONE,     mr_get_stats_history, "feeds", MR_OF_NOTHING},
    {"POST",   V1 "/messages",                             MR_ROLE_OPERATOR, MR_ON_LOOP,    MR_BODY_RECORDS,  mr_post_messages, "ingest", MR_OF_NOTHING},
    {"GET",    V1 "/messages",                             MR_ROLE_VIEWER,   MR_ON_WORKER,  MR_BODY_NONE,     mr_get_messages, "ingest", MR_OF_NOTHING},
    {"POST",   V1 "/simulate",                             MR_ROLE_OPERATOR, MR_ON_LOOP,    MR_BODY_OPTIONAL, mr_post_simulate, "ingest", MR_OF_NOTHING},
    {"GET",    V1 "/stats",                                MR_ROLE_VIEWER,   MR_ON_LOOP,    MR_BODY_NONE,     mr_get_stats, "feeds", MR_OF_NOTHING},
    {"GET",    V1 "/stats/history",                        MR_ROLE_VIEWER,   MR_ON_LOOP,    MR_BODY_NONE,     mr_get_stats_history, "feeds", MR_OF_NOTHING},

    {"GET",    V1 "/activity/recent",                      MR_ROLE_VIEWER,   MR_ON_WORKER,  MR_BODY_NONE,     mr_get_activity, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/realtime/connections",                 MR_ROLE_ADMIN,    MR_ON_LOOP,    MR_BODY_NONE,     mr_get_connections_live, NULL, MR_OF_NOTHING},
    {"DELETE", V1 "/realtime/connections/{sid}",           MR_ROLE_ADMIN,    MR_ON_LOOP,    MR_BODY_NONE,     mr_delete_connection_live, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/bus/status",                           MR_ROLE_VIEWER,   MR_ON_LOOP,    MR_BODY_NONE,     mr_get_bus_status, "feeds", MR_OF_NOTHING},
    {"POST",   V1 "/bus/{stream}",                         MR_ROLE_OPERATOR, MR_ON_LOOP,    MR_BODY_RECORDS,  mr_post_bus, "ingest", MR_OF_NOTHING},

    {"GET",    V1 "/monitoring/events",                MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_events, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/monitoring/events/{id}",           MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_event, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/monitoring/dashboard",             MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_dashboard, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/monitoring/event-logger-status",   MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_logger_status, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/monitoring/pipelines/{id}/lsn-latency", MR_ROLE_VIEWER, MR_ON_WORKER, MR_BODY_NONE,  mr_get_lsn_latency, NULL, MR_OF_PIPELINE},
    {"GET",    V1 "/monitoring/orphans",               MR_ROLE_ADMIN,    MR_ON_OUTSIDE, MR_BODY_NONE,    mr_get_orphans, NULL, MR_OF_NOTHING},
    {"DELETE", V1 "/monitoring/orphans",               MR_ROLE_ADMIN,    MR_ON_OUTSIDE, MR_BODY_NONE,    mr_delete_orphan, NULL, MR_OF_NOTHING},
    {"GET",    V1 "/monitoring/dead-letters",          MR_ROLE_VIEWER,   MR_ON_WORKER, MR_BODY_NONE,     mr_get_dead_letters, NULL, MR_OF_NOTHING},
}; /* clang-format on */

const size_t mr_routes_n = sizeof(mr_routes) / sizeof(mr_routes[0]);
