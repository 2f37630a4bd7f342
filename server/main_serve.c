/* main_serve.c - `millrace serve`: wires the parts, runs the loop, and takes it all down in order.
 *
 *   up    settings, schema, pools, server, API, sockets, stream, logger, listen
 *   down  refuse, tell clients (paced), finish requests, finish the batch, close   [SIGTERM,
 * SIGINT] a second signal ends the process at once
 */
#include "api/api.h"
#include "api/sockets.h"
#include "base/clock.h"
#include "base/log.h"
#include "feeds/feeds.h"
#include "ingest/kafka.h"
#include "ingest/worker.h"
#include "main.h"
#include "pipelines/manager.h"
#include "stream/stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define SIGNALS 3

struct app {
    struct mr_config *cfg;
    int argc; /* flags, for a reload */
    char **argv;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_work_t work;
    int stop_signals;
    bool has_api, has_logger, has_ingest;
    struct mr_pg_pool *pg;
    struct mr_pool *workers;
    struct mr_server *server;
    struct mr_auth *auth;
    struct mr_secrets *secrets;
    struct mr_hosts *hosts;
    struct mr_static *files;
    struct mr_checks *checks;
    struct mr_health *health;
    struct mr_api *api;
    struct mr_sockets *sockets;
    struct mr_stream *stream;
    struct mr_main_logger *logger;
    struct mr_manager *manager;
    struct mr_queue *queue;
    struct mr_simulator *simulator;
    struct mr_stats_sampler *sampler;
    struct mr_worker *worker;
    struct mr_kafka_ingest *kafka_ingest;
    struct mr_feeds *feeds;
    struct mr_bus_reader *bus;
    struct mr_activity *activity;
};

/* ---- down --------------------------------------------------------------------------------- */

static void on_server_closed(void *ctx)
{
    struct app *a = ctx;

    a->server = NULL;
    mr_sockets_free(a->sockets);
    a->sockets = NULL;
    mr_feeds_free(a->feeds);
    a->feeds = NULL;
    for (size_t i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&a->signals[i], NULL);
}

/* [thread: libuv's own] What may block: the loop goes on meanwhile, to deliver the last replies and
 * to hear a second signal. */
static void finish_work(uv_work_t *w)
{
    struct app *a = w->data;

    mr_api_join(a->api);
    mr_manager_free(a->manager);
    mr_simulator_free(a->simulator);
    mr_queue_free(a->queue); /* whoever waits for it is answered */
    mr_worker_free(a->worker);
    mr_kafka_ingest_free(a->kafka_ingest);
    mr_sampler_free(a->sampler);
    mr_bus_reader_free(a->bus);
    mr_main_logger_stop(a->logger); /* nothing is forwarded to the stream any more */
    mr_health_free(a->health);
    mr_checks_free(a->checks);
    mr_main_logger_free(a->logger); /* after all who ask how it is */
    mr_activity_free(a->activity); /* after all who have something to note */
}

static void free_pool(uv_work_t *w) /* [thread: libuv's own] */
{
    struct app *a = w->data;

    mr_pool_free(a->workers);
}

static void on_pool_freed(uv_work_t *w, int status)
{
    struct app *a = w->data;

    (void)status;
    a->workers = NULL;
    mr_server_close(a->server, on_server_closed, a);
}

static void on_finished(uv_work_t *w, int status)
{
    struct app *a = w->data;

    (void)status;
    a->logger = NULL;
    mr_stream_free(a->stream);
    if (uv_queue_work(&a->loop, &a->work, free_pool, on_pool_freed) != 0)
        _exit(1);
}

static void on_drained(void *ctx)
{
    struct app *a = ctx;

    a->work.data = a;
    if (uv_queue_work(&a->loop, &a->work, finish_work, on_finished) != 0)
        _exit(1);
}

static void stop(struct app *a, int signum)
{
    if (++a->stop_signals > 1)
        _exit(128 + signum);
    LOG_INFO("stopping", F_INT("signal", signum), F_UINT("sockets", mr_sockets_count(a->sockets)));
    mr_server_stop_listening(a->server);
    mr_api_stop(a->api);
    mr_feeds_stop(a->feeds);
    if (mr_sockets_drain(a->sockets, (uint64_t)mr_setting(&a->cfg->drain_s) * 1000, on_drained,
                         a) != MR_OK)
        on_drained(a); /* no memory to take leave in order */
}

static void on_signal(uv_signal_t *s, int signum)
{
    struct app *a = s->data;

    if (signum == SIGHUP)
        mr_main_reload(a->cfg, a->argc, a->argv);
    else
        stop(a, signum);
}

/* ---- up ----------------------------------------------------------------------------------- */

static int fail(const char *what, int rc)
{
    (void)fprintf(stderr, "millrace: %s: %s\n", what, mr_err_text(rc));
    return rc;
}

/* The schema, when PostgreSQL is there to ask. When it is not, the server starts all the same, says
 * so in /health, and the postgres probe goes on asking. */
static int check_schema(const struct mr_config *cfg)
{
    struct mr_pg *c = NULL;
    int rc = mr_main_connect(cfg, "millrace-start", &c);

    if (rc != MR_OK) {
        LOG_WARN("postgres_away", F_STR("what", "serving without it until it is there"));
        return MR_OK;
    }
    rc = mr_main_pending(c);
    if (rc > 0)
        (void)fprintf(stderr,
                      "millrace: the database's schema is %d migration%s behind: run millrace "
                      "migrate\n",
                      rc, rc == 1 ? "" : "s");
    else if (rc == MR_E_CONFLICT)
        (void)fputs(
            "millrace: the schema's history differs from this binary's: run millrace migrate "
            "status\n",
            stderr);
    else if (rc == MR_OK)
        rc = mr_main_first_admin(cfg, c);
    mr_pg_close(c);
    return rc == MR_OK ? MR_OK : (rc > 0 ? MR_E_CONFIG : rc);
}

static void collect_metrics(void *ctx) /* [thread: loop], as GET /metrics is */
{
    struct app *a = ctx;

    if (a->server && a->stream && a->stop_signals == 0)
        mr_main_metrics(a->server, a->stream, a->workers, a->pg);
}

static void forward(struct mr_run_batch *batch, void *ctx)
{
    struct app *a = ctx;

    mr_stream_post_batch(a->stream, batch);
}

static int make_pools(struct app *a)
{
    struct mr_pg_options opt = {
        .url = a->cfg->database_url,
        .application = "millrace-api",
        .connections_max = (size_t)a->cfg->db_pool,
        .connect_timeout_ms = a->cfg->db_connect_ms,
        .statement_timeout_ms = a->cfg->statement_ms,
    };
    int rc = mr_pg_pool_new(&a->pg, &opt);

    if (rc != MR_OK)
        return fail("DATABASE_URL", rc);
    rc = mr_pool_new(&a->workers, (size_t)a->cfg->workers, (size_t)a->cfg->worker_queue);
    return rc == MR_OK ? rc : fail("worker threads", rc);
}

static int make_server(struct app *a)
{
    const struct mr_config *cfg = a->cfg;
    /* A socket over the high-water mark gets no more events, so the ceiling that closes it only has
     * to leave room for what may be queued in one turn: the largest event and its wrapping. */
    struct mr_options opt = {
        .ping_interval_ms = (uint32_t)cfg->ping_interval_ms,
        .ping_timeout_ms = (uint32_t)cfg->ping_timeout_ms,
        .high_water_bytes = (uint32_t)cfg->high_water,
        .low_water_bytes = (uint32_t)cfg->high_water / 4,
        .cors_origins = cfg->cors_origins,
        .trusted_proxies = cfg->trusted_proxies,
        .handshake_headers = "x-api-key",
        .websocket_deflate = cfg->ws_deflate,
    };
    int64_t ceiling = cfg->high_water + 4 * cfg->record_bytes;
    int rc;

    if (ceiling < 4 << 20)
        ceiling = 4 << 20;
    opt.queue_bytes_max = (uint32_t)(ceiling < UINT32_MAX ? ceiling : UINT32_MAX);
    rc = mr_server_new(&a->server, &a->loop, &opt);
    if (rc == MR_E_INVAL)
        (void)fputs("millrace: MILLRACE_CORS_ORIGINS takes origins, MILLRACE_TRUSTED_PROXIES "
                    "addresses, networks and loopback, with commas\n",
                    stderr);
    return rc == MR_OK ? rc : fail("server", rc);
}

static void on_activity(void *ctx, struct mr_span entries)
{
    struct app *a = ctx;

    if (a->api)
        mr_feed_activity(a->api, entries);
}

static int make_stream(struct app *a)
{
    struct mr_sockets_options sockets = {.server = a->server,
                                         .loop = &a->loop,
                                         .pool = a->workers,
                                         .pg = a->pg,
                                         .auth = a->auth,
                                         .on_activity = on_activity,
                                         .ctx = a};
    struct mr_stream_options stream = {.server = a->server,
                                       .loop = &a->loop,
                                       .pool = a->workers,
                                       .pg = a->pg,
                                       .database_url = a->cfg->database_url,
                                       .connect_timeout_ms = a->cfg->db_connect_ms,
                                       .logger_in_process = a->has_logger,
                                       .on_pipelines = mr_sockets_pipelines};
    int rc = mr_sockets_new(&a->sockets, &sockets);

    if (rc != MR_OK)
        return fail("sockets", rc);
    stream.ctx = a->sockets;
    rc = mr_stream_new(&a->stream, &stream);
    if (rc != MR_OK)
        return fail("stream", rc);
    mr_sockets_stream(a->sockets, a->stream);
    return MR_OK;
}

/* The table would tell nobody before it is back. [thread: loop] */
static void tell_postgres_away(void *ctx)
{
    struct app *a = ctx;

    if (a->feeds)
        mr_feeds_tell(a->feeds, "error", MR_SPAN("{\"message\":\"PostgreSQL is away\"}"), NULL,
                      NULL);
}

/* [thread: a probe's] */
static void on_service(void *ctx, const char *name, bool up, const char *why)
{
    struct app *a = ctx;
    char message[300], details[64];

    (void)snprintf(message, sizeof(message), up ? "%s is back" : "%s is away: %s", name, why);
    (void)snprintf(details, sizeof(details), "{\"service\":\"%s\"}", name);
    mr_activity_note(a->activity, &(struct mr_activity_entry){.kind = "service",
                                                              .outcome = up ? "success" : "failure",
                                                              .message = message,
                                                              .details = details});
    if (!up && strcmp(name, "postgres") == 0 && mr_post(a->server, tell_postgres_away, a) != MR_OK)
        LOG_WARN("postgres_away_not_told");
}

static void on_sample(void *ctx, int64_t messages, int64_t batches, int64_t queue)
{
    struct app *a = ctx;

    mr_activity_ingested(a->activity, messages, batches, queue);
}

static int make_api(struct app *a)
{
    struct mr_probe probes[MR_HEALTH_PROBES_MAX];
    struct mr_api_options opt = {.cfg = a->cfg,
                                 .server = a->server,
                                 .pg = a->pg,
                                 .workers = a->workers,
                                 .stream = a->stream,
                                 .auth = a->auth,
                                 .secrets = a->secrets,
                                 .hosts = a->hosts,
                                 .files = a->files,
                                 .manager = a->manager,
                                 .queue = a->queue,
                                 .simulator = a->simulator,
                                 .sampler = a->sampler,
                                 .sockets = a->sockets,
                                 .activity = a->activity,
                                 .letter_retry = el_letter_retry};
    int rc = mr_checks_new(&a->checks, a->cfg, a->logger, true);

    if (rc == MR_OK)
        rc = mr_health_new(&a->health, probes, mr_checks_probes(a->checks, probes), on_service, a);
    if (rc != MR_OK)
        return fail("health", rc);
    opt.health = a->health;
    if (a->logger) {
        opt.logger_json = mr_main_logger_json;
        opt.logger_restart = mr_main_logger_restart;
        opt.logger_ctx = a->logger;
    }
    rc = mr_api_new(&a->api, &opt);
    return rc == MR_OK ? rc : fail("api", rc);
}

static int make_feeds(struct app *a)
{
    const struct mr_feeds_options opt = {.server = a->server,
                                         .loop = &a->loop,
                                         .cfg = a->cfg,
                                         .allow = mr_feed_allow,
                                         .stats = mr_feed_stats,
                                         .ctx = a->api};
    int rc = mr_feeds_new(&a->feeds, &opt);

    if (rc == MR_OK)
        rc = mr_bus_reader_new(&a->bus, a->cfg, mr_feeds_ready, a->feeds);
    if (rc == MR_OK) {
        mr_feeds_bus(a->feeds, a->bus);
        mr_api_feeds(a->api, a->feeds, a->bus);
    }
    return rc == MR_OK ? rc : fail("feeds", rc);
}

static int make_ingest(struct app *a)
{
    int rc = mr_activity_new(&a->activity, a->cfg);

    if (rc == MR_OK)
        rc = mr_queue_new(&a->queue, a->cfg);
    if (rc == MR_OK)
        rc = mr_simulator_new(&a->simulator, a->queue);
    if (rc == MR_OK)
        rc = mr_sampler_new(&a->sampler, a->cfg, on_sample, a);
    if (rc == MR_OK && a->has_ingest)
        rc = mr_worker_new(&a->worker, a->cfg);
    if (rc == MR_OK && a->has_ingest)
        rc = mr_kafka_ingest_new(&a->kafka_ingest, a->cfg);
    return rc == MR_OK ? rc : fail("ingestion", rc);
}

static int up(struct app *a)
{
    const struct mr_config *cfg = a->cfg;
    int rc = mr_auth_new(&a->auth, cfg);

    if (rc == MR_E_CONFIG) {
        (void)fputs("millrace: JWT_SECRET: give at least 32 characters, or none for a random key\n",
                    stderr);
        return rc;
    }
    if (rc == MR_OK) {
        rc = mr_secrets_new(&a->secrets, cfg->secret_key);
        if (rc == MR_E_CONFIG)
            (void)fputs("millrace: " MR_SECRET_KEY_ADVICE "\n", stderr);
    }
    if (rc == MR_OK) {
        rc = mr_hosts_new(&a->hosts, cfg->allowed_hosts);
        if (rc == MR_E_CONFIG)
            (void)fputs("millrace: MILLRACE_ALLOWED_HOSTS: give names, *.suffix, addresses or "
                        "networks such as 10.0.0.0/8\n",
                        stderr);
    }
    if (rc == MR_OK && cfg->ui_dir[0]) {
        rc = mr_static_load(&a->files, cfg->ui_dir);
        if (rc != MR_OK)
            return fail("MILLRACE_UI_DIR cannot be loaded", rc);
    }
    if (rc == MR_OK)
        rc = check_schema(cfg);
    if (rc == MR_OK)
        rc = make_pools(a);
    if (rc == MR_OK)
        rc = make_server(a);
    if (rc == MR_OK)
        rc = make_stream(a);
    if (rc == MR_OK && a->has_logger) {
        rc = mr_main_logger_start(&a->logger, cfg, forward, a);
        if (rc != MR_OK)
            fail("event logger", rc);
    }
    if (rc == MR_OK) {
        const struct mr_plan_env env = {.cfg = cfg, .hosts = a->hosts, .secrets = a->secrets};

        rc = mr_manager_new(&a->manager, &env);
        if (rc != MR_OK)
            fail("pipelines", rc);
    }
    if (rc == MR_OK)
        rc = make_ingest(a);
    if (rc == MR_OK)
        rc = make_api(a);
    if (rc == MR_OK)
        rc = make_feeds(a);
    if (rc == MR_OK) {
        rc = mr_server_listen(a->server, cfg->host, (int)cfg->port);
        if (rc != MR_OK)
            (void)fprintf(stderr, "millrace: cannot listen on %s:%d: is the port taken?\n",
                          cfg->host, (int)cfg->port);
    }
    return rc;
}

static void watch_signals(struct app *a)
{
    static const int which[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&a->loop, &a->signals[i]);
        a->signals[i].data = a;
        uv_signal_start(&a->signals[i], on_signal, which[i]);
    }
}

/* A start that failed half-way: nobody is served yet, so the threads are let go with the process.
 */
static int give_up(void)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(1);
}

int mr_main_serve(struct mr_config *cfg, int argc, char **argv)
{
    struct app a = {.cfg = cfg, .argc = argc, .argv = argv};

    a.has_api = mr_config_has(cfg->roles, "api");
    a.has_logger = mr_config_has(cfg->roles, "logger");
    a.has_ingest = mr_config_has(cfg->roles, "ingest");
    if (!a.has_api && (a.has_logger || a.has_ingest))
        return mr_main_workers(cfg, a.has_logger, a.has_ingest, argc, argv);
    if (!a.has_api) {
        (void)fputs("millrace: MILLRACE_ROLES: give one of api, logger, ingest\n", stderr);
        return 1;
    }
    mr_log_thread("loop");
    uv_loop_init(&a.loop);
    if (up(&a) != MR_OK)
        return give_up();
    mr_metrics_on_collect(collect_metrics, &a);
    collect_metrics(&a); /* so that the first GET /metrics knows every name */
    watch_signals(&a);
    printf(strchr(cfg->host, ':') ? "listening on http://[%s]:%d\n" : "listening on http://%s:%d\n",
           cfg->host, mr_server_port(a.server));
    (void)fflush(stdout);
    uv_run(&a.loop, UV_RUN_DEFAULT);
    uv_loop_close(&a.loop);
    mr_api_free(a.api);
    mr_static_free(a.files);
    mr_auth_free(a.auth);
    mr_secrets_free(a.secrets);
    mr_hosts_free(a.hosts);
    mr_pg_pool_free(a.pg);
    LOG_INFO("stopped");
    return 0;
}
