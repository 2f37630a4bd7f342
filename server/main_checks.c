/* main_checks.c - is each dependency there, and if not, what to do? The same questions make /health
 * (each on a thread of its own, keeping its connection) and `millrace doctor` (once, printed). */
#include "base/clock.h"
#include "base/log.h"
#include "ingest/keys.h"
#include "main.h"
#include "proto/alloc.h"
#include "store/kafka_settings.h"
#include "store/redis.h"
#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>

#define ASK_MS    1500
#define PG_ASK_MS 1000 /* it is asked every half second: known to hang within 1.5 s */
#define REDIS_MS  1000

struct mr_checks {
    const struct mr_config *cfg;
    struct mr_main_logger *logger;
    bool bootstrap;   /* make the first administrator once the schema is there */
    struct mr_pg *pg; /* each kept by its own probe's thread */
    bool pg_ready;
    struct mr_redis *redis;
    rd_kafka_t *kafka;
    CURL *curl;
};

static int down(struct mr_probe_result *out, int err, const char *why)
{
    (void)snprintf(out->detail, sizeof(out->detail), "%s", why);
    return err;
}

/* ---- PostgreSQL --------------------------------------------------------------------------- */

/* A query that cannot hang: sent, then waited for with a deadline. */
static int pg_ping(PGconn *conn)
{
    uint64_t until = mr_mono_ms() + PG_ASK_MS;
    PGresult *res;
    int rc = MR_E_DB;

    if (!PQsendQuery(conn, "SELECT 1"))
        return MR_E_DB;
    for (;;) {
        struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
        uint64_t now = mr_mono_ms();

        if (!PQisBusy(conn))
            break;
        if (now >= until || poll(&p, 1, (int)(until - now)) < 0)
            return MR_E_TIMEOUT;
        if (!PQconsumeInput(conn))
            return MR_E_DB;
    }
    while ((res = PQgetResult(conn))) {
        if (PQresultStatus(res) == PGRES_TUPLES_OK)
            rc = MR_OK;
        PQclear(res);
    }
    return rc;
}

/* Is the schema ours? Asked until it is, then taken for granted. */
static int pg_schema(struct mr_checks *k, struct mr_probe_result *out)
{
    int rc = mr_main_pending(k->pg);

    if (rc > 0)
        return down(out, MR_E_UNAVAIL, "its schema is not up to date; run millrace migrate");
    if (rc == MR_E_CONFLICT)
        return down(out, MR_E_UNAVAIL,
                    "its schema's history differs from this binary's; run millrace migrate status");
    if (rc == MR_OK && k->bootstrap)
        rc = mr_main_first_admin(k->cfg, k->pg);
    if (rc != MR_OK)
        return down(out, rc, "it does not answer");
    k->pg_ready = true;
    return MR_OK;
}

static int ask_postgres(void *ctx, struct mr_probe_result *out)
{
    struct mr_checks *k = ctx;
    int rc;

    if (!k->pg) {
        rc = mr_main_connect(k->cfg, "millrace-health", &k->pg);
        if (rc != MR_OK) {
            k->pg = NULL;
            return down(out, rc, "it cannot be reached; check DATABASE_URL and that it runs");
        }
        k->pg_ready = false;
    }
    rc = k->pg_ready ? pg_ping(mr_pg_raw(k->pg)) : pg_schema(k, out);
    if (rc == MR_OK || rc == MR_E_UNAVAIL)
        return rc;
    mr_pg_close(k->pg);
    k->pg = NULL;
    return down(out, rc, "it does not answer");
}

/* ---- Redis -------------------------------------------------------------------------------- */

static int ask_redis(void *ctx, struct mr_probe_result *out)
{
    struct mr_checks *k = ctx;
    redisReply *len = NULL;
    char why[128] = "", detail[MR_HEALTH_DETAIL];
    int rc = MR_OK;

    if (!k->redis)
        rc = mr_redis_open(&k->redis, k->cfg->redis_url, REDIS_MS, why, sizeof(why));
    if (rc == MR_OK)
        rc = mr_redis_call(k->redis, MR_REDIS_ARGS(MR_SPAN("LLEN"), MR_SPAN(MR_KEY_PENDING)), &len);
    if (rc == MR_OK) {
        if (len->type == REDIS_REPLY_INTEGER)
            out->figure = len->integer;
        freeReplyObject(len);
        return MR_OK;
    }
    mr_redis_close(k->redis);
    k->redis = NULL;
    (void)snprintf(detail, sizeof(detail),
                   "Redis does not answer: check REDIS_URL and that it runs%s%.90s",
                   why[0] ? "; " : "", why);
    return down(out, rc,
                rc == MR_E_CONFIG ? why
                : rc == MR_E_AUTH ? "Redis refuses the password: check REDIS_URL"
                                  : detail);
}

/* ---- Kafka -------------------------------------------------------------------------------- */

static void quiet(const rd_kafka_t *rk, int level, const char *fac, const char *buf)
{
    (void)rk, (void)level, (void)fac, (void)buf; /* the probe's own answer says it better */
}

static int kafka_open(struct mr_checks *k, struct mr_probe_result *out)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char err[MR_KAFKA_WHY];

    rd_kafka_conf_set_log_cb(conf, quiet);
    if (rd_kafka_conf_set(conf, "bootstrap.servers", k->cfg->kafka_brokers, err, sizeof(err)) !=
            RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "client.id", "millrace-health", err, sizeof(err)) !=
            RD_KAFKA_CONF_OK ||
        mr_kafka_settings(conf, err) != MR_OK ||
        !(k->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof(err)))) {
        rd_kafka_conf_destroy(conf);
        return down(out, MR_E_CONFIG, "KAFKA_BOOTSTRAP_SERVERS is not a list of host:port");
    }
    return MR_OK;
}

static int ask_kafka(void *ctx, struct mr_probe_result *out)
{
    const struct rd_kafka_metadata *md = NULL;
    struct mr_checks *k = ctx;
    int rc = MR_OK;

    if (k->cfg->kafka_brokers[0] == '\0')
        return down(out, MR_E_END, "KAFKA_BOOTSTRAP_SERVERS is not set: nothing is consumed");
    if (!k->kafka)
        rc = kafka_open(k, out);
    if (rc != MR_OK)
        return rc;
    if (rd_kafka_metadata(k->kafka, 0, NULL, &md, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return down(out, MR_E_UNAVAIL,
                    "Kafka does not answer: check KAFKA_BOOTSTRAP_SERVERS and that it runs");
    rc = md->broker_cnt > 0 ? MR_OK : MR_E_UNAVAIL;
    rd_kafka_metadata_destroy(md);
    return rc == MR_OK ? rc : down(out, rc, "Kafka has no broker");
}

/* ---- Kafka Connect ------------------------------------------------------------------------ */

static size_t swallow(char *ptr, size_t size, size_t n, void *ctx)
{
    (void)ptr, (void)ctx;
    return size * n;
}

static int ask_connect(void *ctx, struct mr_probe_result *out)
{
    struct mr_checks *k = ctx;
    long status = 0;
    char url[4200];

    if (k->cfg->connect_url[0] == '\0')
        return down(out, MR_E_END, "KAFKA_CONNECT_URL is not set: no connector is looked after");
    if (!k->curl)
        k->curl = curl_easy_init();
    if (!k->curl)
        return down(out, MR_E_NOMEM, "out of memory");
    (void)snprintf(url, sizeof(url), "%.4096s/", k->cfg->connect_url);
    curl_easy_setopt(k->curl, CURLOPT_URL, url);
    curl_easy_setopt(k->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(k->curl, CURLOPT_TIMEOUT_MS, (long)ASK_MS);
    curl_easy_setopt(k->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(k->curl, CURLOPT_WRITEFUNCTION, swallow);
    if (curl_easy_perform(k->curl) != CURLE_OK)
        return down(out, MR_E_UNAVAIL,
                    "Kafka Connect does not answer: check KAFKA_CONNECT_URL and that it runs");
    curl_easy_getinfo(k->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return MR_OK;
    (void)snprintf(out->detail, sizeof(out->detail), "Kafka Connect answers with status %ld",
                   status);
    return MR_E_UNAVAIL;
}

/* ---- the event logger --------------------------------------------------------------------- */

static int ask_logger(void *ctx, struct mr_probe_result *out)
{
    struct mr_checks *k = ctx;
    struct el_status s;

    if (!k->logger)
        return down(out, MR_E_END, "no event logger in this process");
    mr_main_logger_status(k->logger, &s);
    (void)snprintf(out->detail, sizeof(out->detail), "%.*s", MR_HEALTH_DETAIL - 1,
                   s.state == EL_RUNNING ? "" : s.last_error);
    if (s.state == EL_STARTING && out->detail[0] == '\0') {
        (void)snprintf(out->detail, sizeof(out->detail), "starting");
        return MR_E_AGAIN;
    }
    return s.state == EL_RUNNING ? MR_OK : MR_E_UNAVAIL;
}

/* ---- together ----------------------------------------------------------------------------- */

int mr_checks_new(struct mr_checks **out, const struct mr_config *cfg,
                  struct mr_main_logger *logger, bool bootstrap)
{
    struct mr_checks *k = mr_zalloc(1, sizeof(*k));

    if (!k)
        return MR_E_NOMEM;
    k->cfg = cfg;
    k->logger = logger;
    k->bootstrap = bootstrap;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    *out = k;
    return MR_OK;
}

size_t mr_checks_probes(struct mr_checks *k, struct mr_probe probes[MR_HEALTH_PROBES_MAX])
{
    probes[0] = (struct mr_probe){"postgres", ask_postgres, k, 500, true};
    probes[1] = (struct mr_probe){"redis", ask_redis, k, 2000, false};
    probes[2] = (struct mr_probe){"kafka", ask_kafka, k, 3000, false};
    probes[3] = (struct mr_probe){"connect", ask_connect, k, 3000, false};
    probes[4] = (struct mr_probe){"event_logger", ask_logger, k, 500, false};
    return 5;
}

void mr_checks_free(struct mr_checks *k)
{
    if (!k)
        return;
    mr_pg_close(k->pg);
    mr_redis_close(k->redis);
    if (k->kafka)
        rd_kafka_destroy(k->kafka);
    if (k->curl)
        curl_easy_cleanup(k->curl);
    curl_global_cleanup();
    mr_free(k);
}

static bool tell(const char *name, int rc, const char *detail, uint64_t us)
{
    printf("%-14s %-8s %s", name, rc == MR_OK ? "ok" : rc == MR_E_END ? "off" : "FAILED", detail);
    if (rc == MR_OK)
        printf("%.1f ms", (double)us / 1000);
    putchar('\n');
    return rc == MR_OK || rc == MR_E_END;
}

static bool check_settings(const struct mr_config *cfg)
{
    size_t secret = strlen(cfg->jwt_secret);
    FILE *f = NULL;

    if (secret > 0 && secret < 32)
        return tell("settings", MR_E_CONFIG, "JWT_SECRET is too short: give at least 32 characters",
                    0);
    if (cfg->ui_dir[0] && !(f = fopen(cfg->ui_dir, "r")))
        return tell("settings", MR_E_CONFIG,
                    "MILLRACE_UI_DIR cannot be read: is the dashboard built?", 0);
    else if (cfg->ui_dir[0])
        (void)fclose(f);
    if (secret == 0)
        puts("settings       note     JWT_SECRET is not set: sign-ins end with the process, and "
             "several processes do not share them");
    if (cfg->secret_key[0] == '\0')
        puts("settings       note     MILLRACE_SECRET_KEY is not set: no password of a connection "
             "can be stored or used (openssl rand -base64 32 makes one)");
    if (cfg->ui_dir[0] == '\0')
        puts("settings       note     MILLRACE_UI_DIR is not set: no dashboard is served");
    if (strcmp(cfg->auth, "open") == 0)
        puts("settings       note     MILLRACE_AUTH=open: everybody who can connect is "
             "administrator");
    return tell("settings", MR_OK, "", 0);
}

int mr_main_doctor(const struct mr_config *cfg)
{
    struct mr_probe probes[MR_HEALTH_PROBES_MAX];
    struct mr_checks *k = NULL;
    bool good = check_settings(cfg);
    size_t n;

    if (mr_checks_new(&k, cfg, NULL, false) != MR_OK)
        return 1;
    n = mr_checks_probes(k, probes);
    for (size_t i = 0; i < n; i++) {
        struct mr_probe_result r = {.figure = -1};
        uint64_t from = mr_mono_us();
        int rc;

        if (probes[i].ask == ask_logger)
            continue; /* it lives in another process */
        rc = probes[i].ask(k, &r);
        good = tell(probes[i].name, rc, r.detail, mr_mono_us() - from) && good;
    }
    mr_checks_free(k);
    puts(good ? "all is well" : "something needs attention, see above");
    return good ? 0 : 1;
}
