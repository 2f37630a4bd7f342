/* api.h - the REST interface: the route table, who may call what, and the way of a request through
 * it.
 *
 *   loop: head checks (method, path, token, role, body) -> worker: handler -> loop: reply
 *
 * Nothing here blocks the loop. What belongs to other parts of the program (the event logger's
 * status, the health of Kafka) comes in by callbacks, so that api depends on neither. */
#ifndef API_API_H
#define API_API_H

#include "api/auth.h"
#include "api/health.h"
#include "api/sockets.h"
#include "api/static.h"
#include "base/config.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "databases/hosts.h"
#include "feeds/activity.h"
#include "feeds/feeds.h"
#include "ingest/queue.h"
#include "ingest/simulate.h"
#include "ingest/stats.h"
#include "millrace/millrace.h"
#include "pipelines/manager.h"
#include "store/pg.h"
#include "store/secrets.h"
#include "stream/stream.h"
#include <stdatomic.h>

#define MR_API_DB_WAIT_MS  1000 /* for a free connection of the pool */
#define MR_AUTH_THREADS    2    /* of bcrypt at a time */
#define MR_AUTH_QUEUE      64
#define MR_OUTSIDE_THREADS 4 /* that wait for other people's databases */
#define MR_OUTSIDE_QUEUE   32

#define MR_LETTER_REASON   160

struct mr_api_options {
    const struct mr_config *cfg;
    struct mr_server *server;
    struct mr_pg_pool *pg;
    struct mr_pool *workers;
    struct mr_stream *stream;
    struct mr_auth *auth;
    struct mr_health *health;
    struct mr_secrets *secrets;
    struct mr_hosts *hosts;
    struct mr_manager *manager;
    struct mr_queue *queue;
    struct mr_simulator *simulator;
    struct mr_stats_sampler *sampler;
    struct mr_sockets *sockets;
    struct mr_activity *activity;
    struct mr_static *files; /* NULL: no dashboard */
    /* Append the object of GET /monitoring/event-logger-status. NULL: no logger in this process.
     * [thread: any] */
    void (*logger_json)(struct mr_buf *out, void *ctx);
    /* Finish what it has in hand and begin anew; waits for that. [thread: worker] */
    int (*logger_restart)(void *ctx);
    void *logger_ctx;
    /* Read a dead letter again (eventlogger.h), in the transaction on db. [thread: worker] */
    int (*letter_retry)(struct mr_pg *db, const char *id, const struct mr_config *cfg,
                        char reason[MR_LETTER_REASON]);
};

struct mr_route_metrics {
    struct mr_metric *responses[6]; /* by class of status */
    struct mr_metric *seconds;
};

struct mr_api {
    struct mr_api_options opt;
    struct mr_pool *auth_pool;
    struct mr_pool *outside_pool;
    struct mr_throttle *throttle;
    const char *anonymous; /* borrowed from cfg */
    atomic_size_t in_flight;
    atomic_bool stopping;
    uint64_t started_ms;
    struct mr_feeds *feeds; /* these two come by mr_api_feeds; [thread: loop] */
    struct mr_bus_reader *bus;
    struct mr_route_metrics *by_route; /* one each, and one for what has no route */
    struct mr_metric *refused, *bad_json, *logins, *login_failures;
};

/* Borrows everything in opt until mr_api_free. Registers itself for the server's HTTP requests.
 * MR_OK; MR_E_NOMEM; MR_E_IO. [thread: loop] */
MR_MUSTCHECK int mr_api_new(struct mr_api **out, const struct mr_api_options *opt);
/* From now on every request is answered 503 (health says so, too). [thread: any] */
void mr_api_stop(struct mr_api *api);
/* Requests that a worker has not answered yet. [thread: any] */
size_t mr_api_in_flight(struct mr_api *api);
/* Finish the sign-ins in hand, join their threads. Blocks; not on the loop. */
void mr_api_join(struct mr_api *api);
void mr_api_free(struct mr_api *api);

/* Feeds and bus, which are made with what this api gives them. Before the first request. */
void mr_api_feeds(struct mr_api *api, struct mr_feeds *feeds, struct mr_bus_reader *bus);
/* feeds.c: what feeds.h asks for; ctx is the struct mr_api. [thread: loop] */
int mr_feed_allow(void *ctx, struct mr_http_req *req, struct mr_feed_query *out, const char **why,
                  struct mr_feed_ticket *ticket);
void mr_feed_stats(void *ctx, struct mr_buf *out);
/* activity.c: tells those who watch the dashboard's feed; entries: a JSON array. */
void mr_feed_activity(void *ctx, struct mr_span entries);

struct mr_route;
/* An answer went out after us microseconds (0: nobody knows); route NULL: to what has none.
 * [thread: any] */
void mr_api_count(struct mr_api *api, const struct mr_route *route, int status, uint64_t us);
/* The route table, for the test that compares it with openapi.yaml. */
const struct mr_route *mr_api_routes(size_t *n);

#endif
