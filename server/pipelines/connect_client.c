/* connect_client.c - the calls, and the patience that Kafka Connect asks for. */
#include "pipelines/connect_client.h"
#include "base/clock.h"
#include "proto/alloc.h"
#include <curl/curl.h>
#include <stdio.h>
#include <time.h>

#define ANSWER_MAX (16u << 20)
#define URL_MAX    2048
#define PAUSE_MS   200
#define CALL_MS    95000 /* Connect itself gives up after 90 s */
#define CONNECT_MS 3000
#define FAILED_MS  3000

struct mr_connect {
    CURL *curl;
    char *urls;
    int64_t timeout_ms;
    bool (*give_up)(void *ctx);
    void *ctx;
    char why[768];
};

int mr_connect_new(struct mr_connect **out, const char *urls, int64_t timeout_ms,
                   bool (*give_up)(void *ctx), void *ctx)
{
    struct mr_connect *c = mr_zalloc(1, sizeof(*c));

    if (!c)
        return MR_E_NOMEM;
    c->urls = mr_strdup(urls);
    c->curl = curl_easy_init();
    c->timeout_ms = timeout_ms;
    c->give_up = give_up;
    c->ctx = ctx;
    if (!c->urls || !c->curl) {
        mr_connect_free(c);
        return MR_E_NOMEM;
    }
    *out = c;
    return MR_OK;
}

void mr_connect_free(struct mr_connect *c)
{
    if (!c)
        return;
    if (c->curl)
        curl_easy_cleanup(c->curl);
    mr_free(c->urls);
    mr_free(c);
}

const char *mr_connect_why(const struct mr_connect *c)
{
    return c->why;
}

/* ---- one request -------------------------------------------------------------------------- */

static size_t take(char *data, size_t size, size_t n, void *to)
{
    struct mr_buf *b = to;

    mr_buf_add(b, data, size * n);
    return mr_buf_err(b) == MR_OK ? size * n : 0;
}

/* What Connect says in {"error_code","message"}, as a sentence. */
static void explain(struct mr_connect *c, long status, struct mr_buf *answer)
{
    struct mr_buf text = MR_BUF_INIT(65536);
    struct mr_span value, message;

    if (mr_json_check(mr_buf_span(answer), &value) == MR_OK &&
        mr_json_get(value, "message", &message) == MR_OK &&
        mr_json_unescape(mr_json_string_raw(message), &text) == MR_OK)
        (void)snprintf(c->why, sizeof(c->why), "Kafka Connect (%ld): %.600s", status,
                       mr_buf_cstr(&text));
    else
        (void)snprintf(c->why, sizeof(c->why), "Kafka Connect answered with status %ld.", status);
    mr_buf_free(&text);
}

static int error_of(long status)
{
    switch (status) {
    case 404:
        return MR_E_NOTFOUND;
    case 409:
        return MR_E_AGAIN;
    case 400:
    case 405:
    case 415:
    case 422:
        return MR_E_INVAL;
    default:
        return MR_E_UNAVAIL;
    }
}

static bool gives_up(const struct mr_connect *c)
{
    return c->give_up && c->give_up(c->ctx);
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
    (void)a;
    (void)b;
    (void)d;
    (void)e;
    return gives_up(ctx);
}

static int request(struct mr_connect *c, struct mr_span base, const char *method, const char *path,
                   struct mr_span body, struct mr_buf *answer)
{
    struct curl_slist *headers = NULL;
    char url[URL_MAX];
    long status = 0;
    CURLcode rc;

    while (base.len > 0 && (base.ptr[base.len - 1] == '/' || base.ptr[base.len - 1] == ' '))
        base.len--;
    (void)snprintf(url, sizeof(url), MR_SPAN_FMT "%s", MR_SPAN_ARG(base), path);
    mr_buf_clear(answer);
    curl_easy_reset(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS,
                     (long)(c->timeout_ms < CALL_MS ? c->timeout_ms : CALL_MS));
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
    if (body.ptr) {
        headers = curl_slist_append(NULL, "Content-Type: application/json");
        curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.ptr);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    }
    rc = curl_easy_perform(c->curl);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (rc != CURLE_OK) {
        (void)snprintf(c->why, sizeof(c->why), "Kafka Connect does not answer: %s.",
                       curl_easy_strerror(rc));
        return rc == CURLE_OPERATION_TIMEDOUT ? MR_E_TIMEOUT : MR_E_UNAVAIL;
    }
    if (status >= 200 && status < 300)
        return MR_OK;
    explain(c, status, answer);
    return error_of(status);
}

/* One after the other, until one answers. */
static int try_workers(struct mr_connect *c, const char *method, const char *path,
                       struct mr_span body, struct mr_buf *answer)
{
    const char *at = c->urls;
    int rc = MR_E_UNAVAIL;

    if (!at[strspn(at, ", ")]) {
        (void)snprintf(c->why, sizeof(c->why), "KAFKA_CONNECT_URL is not set.");
        return MR_E_UNAVAIL;
    }
    while (*(at += strspn(at, ", "))) {
        size_t len = strcspn(at, ",");

        rc = request(c, mr_span_of(at, len), method, path, body, answer);
        if (rc != MR_E_UNAVAIL && rc != MR_E_TIMEOUT)
            break;
        at += len;
    }
    return rc;
}

static void rest(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000}, NULL);
}

int mr_connect_call(struct mr_connect *c, const char *method, const char *path, struct mr_span body,
                    struct mr_buf *answer)
{
    uint64_t until = mr_mono_ms() + (uint64_t)c->timeout_ms;
    int rc;

    while ((rc = try_workers(c, method, path, body, answer)) == MR_E_AGAIN &&
           mr_mono_ms() < until && !gives_up(c))
        rest(PAUSE_MS);
    return rc;
}

/* ---- connectors --------------------------------------------------------------------------- */

static int call_on(struct mr_connect *c, const char *method, const char *name, const char *rest_of,
                   struct mr_span body, struct mr_buf *answer)
{
    struct mr_buf own = MR_BUF_INIT(ANSWER_MAX);
    char *escaped = curl_easy_escape(c->curl, name, 0);
    char path[URL_MAX / 2];
    int rc = MR_E_NOMEM;

    if (escaped) {
        (void)snprintf(path, sizeof(path), "/connectors/%s%s", escaped, rest_of);
        rc = mr_connect_call(c, method, path, body, answer ? answer : &own);
    }
    curl_free(escaped);
    mr_buf_free(&own);
    return rc;
}

int mr_connect_put(struct mr_connect *c, const char *name, struct mr_span config)
{
    return call_on(c, "PUT", name, "/config", config, NULL);
}

int mr_connect_ask(struct mr_connect *c, const char *name, const char *verb)
{
    char end[32];

    (void)snprintf(end, sizeof(end), "/%s", verb);
    return call_on(c, "PUT", name, end, MR_SPAN(""), NULL);
}

int mr_connect_restart(struct mr_connect *c, const char *name, bool only_failed)
{
    return call_on(c, "POST", name,
                   only_failed ? "/restart?includeTasks=true&onlyFailed=true"
                               : "/restart?includeTasks=true&onlyFailed=false",
                   MR_SPAN(""), NULL);
}

static int unless_missing(int rc)
{
    return rc == MR_E_NOTFOUND ? MR_OK : rc;
}

int mr_connect_delete(struct mr_connect *c, const char *name)
{
    return unless_missing(call_on(c, "DELETE", name, "", MR_SPAN_NONE, NULL));
}

int mr_connect_forget(struct mr_connect *c, const char *name)
{
    return unless_missing(call_on(c, "DELETE", name, "/offsets", MR_SPAN_NONE, NULL));
}

static bool is_true(struct mr_span object, const char *name)
{
    struct mr_span v;

    return mr_json_get(object, name, &v) == MR_OK && mr_json_type(v) == MR_JSON_TRUE;
}

/* Debezium 3.2 writes "snapshot": "INITIAL" (older: true) into the offsets of a snapshot's records,
 * with "snapshot_completed" or "last_snapshot_record" at its end, and nothing of it while it
 * streams. */
static bool is_taken(struct mr_span offset)
{
    struct mr_span v;

    if (is_true(offset, "snapshot_completed") || is_true(offset, "last_snapshot_record"))
        return true;
    return mr_json_get(offset, "snapshot", &v) != MR_OK || mr_json_type(v) == MR_JSON_NULL ||
           mr_json_type(v) == MR_JSON_FALSE;
}

bool mr_connector_snapshot_taken(struct mr_span answer)
{
    struct mr_json_iter it;
    struct mr_span offsets, offset;
    int n = 0;

    if (mr_json_get(answer, "offsets", &offsets) != MR_OK || mr_json_begin(&it, offsets) != MR_OK)
        return false;
    for (; mr_json_next(&it) == MR_OK; n++)
        if (mr_json_get(it.value, "offset", &offset) != MR_OK || !is_taken(offset))
            return false;
    return n > 0;
}

int mr_connect_snapshot(struct mr_connect *c, const char *name, bool *taken)
{
    struct mr_buf answer = MR_BUF_INIT(ANSWER_MAX);
    struct mr_span value;
    int rc = call_on(c, "GET", name, "/offsets", MR_SPAN_NONE, &answer);

    if (rc == MR_OK && mr_json_check(mr_buf_span(&answer), &value) != MR_OK)
        rc = MR_E_UNAVAIL;
    *taken = rc == MR_OK && mr_connector_snapshot_taken(value);
    mr_buf_free(&answer);
    return rc;
}

/* ---- status ------------------------------------------------------------------------------- */

static int badness(struct mr_span state)
{
    static const char *const order[] = {"RUNNING",    "PAUSED",     "STOPPED",
                                        "RESTARTING", "UNASSIGNED", "FAILED"};

    for (int i = 0; i < 6; i++)
        if (mr_span_is(state, order[i]))
            return i;
    return 4;
}

static void keep(char *out, size_t size, struct mr_span text)
{
    (void)snprintf(out, size, MR_SPAN_FMT, (int)(text.len < size ? text.len : size - 1), text.ptr);
}

/* The last "Caused by: ", or the first line when there is none. */
static void keep_cause(struct mr_connector_status *s, const char *trace)
{
    static const char mark[] = "Caused by: ";
    const char *at = trace, *next;

    while ((next = strstr(at, mark)) != NULL)
        at = next + sizeof(mark) - 1;
    (void)snprintf(s->cause, sizeof(s->cause), "%.*s", (int)strcspn(at, "\n"), at);
}

static void keep_trace(struct mr_connector_status *s, struct mr_span of)
{
    struct mr_buf text = MR_BUF_INIT(1u << 20);
    struct mr_span trace;

    if (!s->trace[0] && mr_json_get(of, "trace", &trace) == MR_OK &&
        mr_json_unescape(mr_json_string_raw(trace), &text) == MR_OK) {
        (void)snprintf(s->trace, sizeof(s->trace), "%s", mr_buf_cstr(&text));
        keep_cause(s, mr_buf_cstr(&text));
    }
    mr_buf_free(&text);
}

void mr_connector_status_read(struct mr_span status, struct mr_connector_status *out)
{
    struct mr_span connector, tasks, state = MR_SPAN_NONE;
    struct mr_json_iter it;
    int rc;

    *out = (struct mr_connector_status){0};
    if (mr_json_get(status, "connector", &connector) == MR_OK &&
        mr_json_get(connector, "state", &state) == MR_OK) {
        state = mr_json_string_raw(state);
        if (badness(state) == 5)
            keep_trace(out, connector);
    }
    keep(out->state, sizeof(out->state), state);
    keep(out->worst, sizeof(out->worst), state);
    if (mr_json_get(status, "tasks", &tasks) != MR_OK)
        tasks = MR_SPAN_NONE;
    for (rc = mr_json_begin(&it, tasks); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        if (mr_json_get(it.value, "state", &state) != MR_OK)
            continue;
        state = mr_json_string_raw(state);
        out->tasks++;
        out->running += badness(state) == 0;
        if (badness(state) == 5) {
            out->failed++;
            keep_trace(out, it.value);
        }
        if (badness(state) > badness(mr_span_str(out->worst)))
            keep(out->worst, sizeof(out->worst), state);
    }
    if (out->tasks == 0 && strcmp(out->state, "RUNNING") == 0)
        keep(out->worst, sizeof(out->worst), MR_SPAN("UNASSIGNED"));
}

int mr_connect_status(struct mr_connect *c, const char *name, struct mr_connector_status *out)
{
    struct mr_buf answer = MR_BUF_INIT(ANSWER_MAX);
    struct mr_span value;
    int rc = call_on(c, "GET", name, "/status", MR_SPAN_NONE, &answer);

    if (rc == MR_OK)
        rc = mr_json_check(mr_buf_span(&answer), &value) == MR_OK ? MR_OK : MR_E_UNAVAIL;
    if (rc == MR_OK)
        mr_connector_status_read(value, out);
    mr_buf_free(&answer);
    return rc;
}

int mr_connect_await(struct mr_connect *c, const char *name, const char *state, int64_t timeout_ms)
{
    uint64_t from = mr_mono_ms(), until = from + (uint64_t)timeout_ms;
    struct mr_connector_status s = {0};
    int rc;

    for (;;) {
        rc = mr_connect_status(c, name, &s);
        if (rc == MR_OK && strcmp(s.worst, state) == 0)
            return MR_OK;
        /* At first that may be how it was before it was restarted. */
        if (rc == MR_OK && strcmp(s.worst, "FAILED") == 0 && mr_mono_ms() - from > FAILED_MS) {
            (void)snprintf(c->why, sizeof(c->why), "Connector %s has failed: %s", name, s.cause);
            return MR_E_DATA;
        }
        if (rc != MR_OK && rc != MR_E_NOTFOUND && rc != MR_E_AGAIN)
            return rc;
        if (mr_mono_ms() >= until || gives_up(c))
            break;
        rest(PAUSE_MS);
    }
    (void)snprintf(c->why, sizeof(c->why), "Connector %s is %s, not %s, after %lld s.", name,
                   s.worst[0] ? s.worst : "missing", state, (long long)timeout_ms / 1000);
    return MR_E_TIMEOUT;
}

/* ---- plugins ------------------------------------------------------------------------------ */

int mr_connect_plugin(struct mr_connect *c, const char *class_name, char *version, size_t size)
{
    struct mr_buf answer = MR_BUF_INIT(ANSWER_MAX);
    struct mr_span list, value;
    struct mr_json_iter it;
    int rc = mr_connect_call(c, "GET", "/connector-plugins", MR_SPAN_NONE, &answer);
    int found = MR_E_NOTFOUND, step;

    if (rc == MR_OK && mr_json_check(mr_buf_span(&answer), &list) != MR_OK)
        rc = MR_E_UNAVAIL;
    for (step = rc == MR_OK ? mr_json_begin(&it, list) : rc;
         step == MR_OK && (step = mr_json_next(&it)) == MR_OK;) {
        if (mr_json_get(it.value, "class", &value) != MR_OK ||
            !mr_span_is(mr_json_string_raw(value), class_name))
            continue;
        found = MR_OK;
        version[0] = '\0';
        if (mr_json_get(it.value, "version", &value) == MR_OK)
            keep(version, size, mr_json_string_raw(value));
    }
    mr_buf_free(&answer);
    if (rc == MR_OK && found != MR_OK)
        (void)snprintf(c->why, sizeof(c->why), "Kafka Connect lacks the plugin %s: install it.",
                       class_name);
    return rc == MR_OK ? found : rc;
}
