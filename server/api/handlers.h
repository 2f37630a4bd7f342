/* handlers.h - every handler of the route table, one file a resource. [thread: worker] unless the
 * table says loop. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/call.h"

/* auth_routes.c */
int mr_post_login(struct mr_call *c);
int mr_post_refresh(struct mr_call *c);
int mr_post_logout(struct mr_call *c);
int mr_get_me(struct mr_call *c);
/* users.c */
int mr_get_users(struct mr_call *c);
int mr_post_users(struct mr_call *c);
int mr_get_user(struct mr_call *c);
int mr_patch_user(struct mr_call *c);
int mr_delete_user(struct mr_call *c);
int mr_post_password(struct mr_call *c);
/* api_keys.c */
int mr_get_api_keys(struct mr_call *c);
int mr_post_api_keys(struct mr_call *c);
int mr_delete_api_key(struct mr_call *c);
int mr_api_key_check(struct mr_call *c); /* not a route's: who is behind the call's key? */
/* audit.c */
int mr_get_audit(struct mr_call *c);
int mr_get_audit_verify(struct mr_call *c);
/* pipelines.c */
int mr_get_pipelines(struct mr_call *c);
int mr_get_pipeline(struct mr_call *c);
int mr_delete_pipeline(struct mr_call *c);
int mr_post_pipeline_start(struct mr_call *c);
int mr_post_pipeline_stop(struct mr_call *c);
int mr_post_pipeline_pause(struct mr_call *c);
int mr_post_pipeline_resume(struct mr_call *c);
int mr_post_pipeline_restart(struct mr_call *c);
int mr_post_pipeline_resync(struct mr_call *c);
/* pipeline_status.c */
int mr_get_pipeline_status(struct mr_call *c);
int mr_get_pipeline_progress(struct mr_call *c);
int mr_get_pipeline_runs(struct mr_call *c);
int mr_get_lsn_latency(struct mr_call *c);
int mr_post_pipeline_validate(struct mr_call *c);
/* messages.c */
int mr_post_messages(struct mr_call *c);
int mr_get_messages(struct mr_call *c);
int mr_post_simulate(struct mr_call *c);
int mr_get_stats(struct mr_call *c);
int mr_get_stats_history(struct mr_call *c);
/* bus.c: [thread: loop] */
int mr_get_bus_status(struct mr_call *c);
int mr_post_bus(struct mr_call *c);
/* activity.c */
int mr_get_activity(struct mr_call *c);
/* realtime.c: [thread: loop] */
int mr_get_connections_live(struct mr_call *c);
int mr_delete_connection_live(struct mr_call *c);
/* orphans.c */
int mr_get_orphans(struct mr_call *c);
int mr_delete_orphan(struct mr_call *c);
/* pipeline_fields.c */
int mr_post_pipelines(struct mr_call *c);
int mr_put_pipeline(struct mr_call *c); /* PATCH, too: what is absent stays as it is */
/* connections.c */
int mr_get_connections(struct mr_call *c);
int mr_get_connection(struct mr_call *c);
int mr_delete_connection(struct mr_call *c);
/* connection_catalog.c */
int mr_get_connection_schemas(struct mr_call *c);
int mr_get_connection_tables(struct mr_call *c);
/* connection_test.c */
int mr_post_connection_test(struct mr_call *c);
int mr_post_connections_test(struct mr_call *c);
/* connection_fields.c */
int mr_post_connections(struct mr_call *c);
int mr_put_connection(struct mr_call *c); /* PATCH, too: what is absent stays as it is */
/* grants.c: of the resource that the route is of */
int mr_get_permissions(struct mr_call *c);
int mr_put_permissions(struct mr_call *c);
/* monitoring.c */
int mr_get_events(struct mr_call *c);
int mr_get_event(struct mr_call *c);
int mr_get_dashboard(struct mr_call *c);
int mr_get_reconcile(struct mr_call *c);
int mr_get_logger_status(struct mr_call *c);
int mr_post_logger_restart(struct mr_call *c);
int mr_get_dead_letters(struct mr_call *c);
int mr_get_dead_letter(struct mr_call *c);
int mr_retry_dead_letter(struct mr_call *c);
int mr_retry_dead_letters(struct mr_call *c);
int mr_delete_dead_letter(struct mr_call *c);
int mr_discard_dead_letters(struct mr_call *c);
int mr_get_analytics(struct mr_call *c);
int mr_get_top_keys(struct mr_call *c);
/* system.c: [thread: loop] */
int mr_get_health(struct mr_call *c);
int mr_get_livez(struct mr_call *c);
int mr_get_readyz(struct mr_call *c);
int mr_get_metrics(struct mr_call *c);
int mr_get_config_json(struct mr_call *c);
int mr_get_openapi_yaml(struct mr_call *c);
int mr_get_openapi_json(struct mr_call *c);

#endif
