/* http.c - a small site beside Socket.IO, on one port: routes, files, uploads and a live stream.
 *
 *   http [--port N] [--host ADDRESS] [--files DIRECTORY] [--cors ORIGINS]
 *
 *   GET    /                a page that needs nothing from elsewhere: it loads the Socket.IO client
 *                           from this server (<path>socket.io.min.js)
 *   GET    /notes           all notes, as JSON           POST /notes   add one; 201 and its place
 *   GET    /notes/:id       one of them                  DELETE /notes/:id
 *   POST   /count           counts the bytes of an upload of up to 64 MiB, holding none of them
 *   GET    /numbers/:n      n lines, made as fast as the client takes them
 *   GET    /events          server-sent events: the notes, as they are added
 *   GET    /files/...       what is in the directory
 *
 * Sockets hear of new notes too: "note" with its text.
 */
#include <millrace/millrace.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX     100
#define LISTENERS_MAX 1000

static struct mr_server *srv;

/* ---- notes: whole requests, whole replies -------------------------------------------------- */

static struct {
    int id; /* 0: free */
    char text[256];
} notes[NOTES_MAX];
static int notes_made;

static void reply_json(struct mr_http_req *req, int status, const char *json)
{
    static const struct mr_http_header type = {"Content-Type", "application/json"};

    mr_http_reply(
        req, &(struct mr_http_response){
                 .status = status, .headers = &type, .n_headers = 1, .body = mr_span_str(json)});
}

static void note_json(char *out, size_t size, int i)
{
    (void)snprintf(out, size, "{\"id\":%d,\"text\":\"%s\"}", notes[i].id, notes[i].text);
}

/* The note that the path names, or -1. */
static int note_of(const struct mr_http_req *req)
{
    struct mr_span text = mr_http_param(req, "id");
    char number[12];

    (void)snprintf(number, sizeof(number), MR_SPAN_FMT, MR_SPAN_ARG(text));
    for (int i = 0; i < NOTES_MAX; i++) {
        if (notes[i].id != 0 && strtol(number, NULL, 10) == notes[i].id)
            return i;
    }
    return -1;
}

static void on_list(struct mr_http_req *req, void *ctx)
{
    static char json[NOTES_MAX * 320];
    size_t n = 0;

    (void)ctx;
    json[n++] = '[';
    for (int i = 0; i < NOTES_MAX; i++) {
        if (notes[i].id == 0)
            continue;
        if (n > 1)
            json[n++] = ',';
        note_json(json + n, sizeof(json) - n, i);
        n += strlen(json + n);
    }
    (void)snprintf(json + n, sizeof(json) - n, "]");
    reply_json(req, 200, json);
}

static void on_get(struct mr_http_req *req, void *ctx)
{
    int i = note_of(req);
    char json[320];

    (void)ctx;
    if (i < 0) {
        reply_json(req, 404, "{\"error\":\"no such note\"}");
        return;
    }
    note_json(json, sizeof(json), i);
    reply_json(req, 200, json);
}

static void on_delete(struct mr_http_req *req, void *ctx)
{
    int i = note_of(req);

    (void)ctx;
    if (i >= 0)
        notes[i].id = 0;
    mr_http_reply(req, &(struct mr_http_response){.status = i >= 0 ? 204 : 404});
}

static void tell_listeners(const char *json);

/* The body is the text itself; what JSON would have to escape is refused. */
static void on_add(struct mr_http_req *req, void *ctx)
{
    struct mr_span text = mr_http_body(req);
    char json[320], args[320], place[32];
    struct mr_http_header location = {"Location", place};
    int i = 0;

    (void)ctx;
    for (size_t at = 0; at < text.len; at++) {
        if ((unsigned char)text.ptr[at] < ' ' || text.ptr[at] == '"' || text.ptr[at] == '\\')
            text.len = 0;
    }
    while (i < NOTES_MAX && notes[i].id != 0)
        i++;
    if (text.len == 0 || text.len >= sizeof(notes[0].text) || i == NOTES_MAX) {
        reply_json(req, i == NOTES_MAX ? 503 : 422, "{\"error\":\"not a note that fits\"}");
        return;
    }
    notes[i].id = ++notes_made;
    (void)snprintf(notes[i].text, sizeof(notes[i].text), MR_SPAN_FMT, MR_SPAN_ARG(text));
    note_json(json, sizeof(json), i);
    (void)snprintf(place, sizeof(place), "/notes/%d", notes[i].id);
    (void)snprintf(args, sizeof(args), "\"%s\"", notes[i].text);
    (void)mr_emit(srv, "/", NULL, "note", mr_span_str(args));
    tell_listeners(json);
    mr_http_reply(req,
                  &(struct mr_http_response){.status = 201, .headers = &location, .n_headers = 1});
}

/* ---- an upload in pieces ------------------------------------------------------------------- */

static void on_piece(struct mr_http_req *req, struct mr_span bytes, int status, void *ctx)
{
    uint64_t *total = ctx;
    char json[64];

    if (status == MR_OK) {
        *total += bytes.len;
        return;
    }
    (void)snprintf(json, sizeof(json), "{\"bytes\":%llu}", (unsigned long long)*total);
    free(total);
    if (status == MR_E_CLOSED)
        mr_http_abort(req); /* there is nobody to answer */
    else
        reply_json(req, status == MR_E_END ? 200 : status == MR_E_TOOBIG ? 413 : 400, json);
}

static void on_count(struct mr_http_req *req, void *ctx)
{
    uint64_t *total = calloc(1, sizeof(*total));

    (void)ctx;
    if (total == NULL)
        reply_json(req, 503, "{}");
    else
        mr_http_on_body(req, on_piece, total);
}

/* ---- a reply in pieces, at the pace of its reader ------------------------------------------ */

struct counting {
    long at, to;
};

static void counting_gone(struct mr_http_req *req, void *ctx)
{
    free(ctx);
    mr_http_abort(req);
}

/* Until it is done or congested; then the drain callback comes back here. */
static void go_on_counting(struct mr_http_req *req, void *ctx)
{
    struct counting *c = ctx;
    int64_t queued = 0;
    char lines[4096];

    while (c->at < c->to && queued <= 262144) {
        size_t n = 0;

        while (c->at < c->to && n + 24 < sizeof(lines))
            n += (size_t)snprintf(lines + n, sizeof(lines) - n, "%ld\n", ++c->at);
        queued = mr_http_write(req, mr_span_of(lines, n));
        if (queued == MR_E_CLOSED)
            return; /* counting_gone comes */
        if (queued < 0)
            break;
    }
    if (c->at < c->to && queued >= 0)
        return;
    free(c);
    if (queued < 0)
        mr_http_abort(req);
    else
        mr_http_end(req);
}

static void on_numbers(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header type = {"Content-Type", "text/plain"};
    struct counting *c = calloc(1, sizeof(*c));
    struct mr_span n = mr_http_param(req, "n");
    char number[12];

    (void)ctx;
    if (c == NULL) {
        reply_json(req, 503, "{}");
        return;
    }
    (void)snprintf(number, sizeof(number), MR_SPAN_FMT, MR_SPAN_ARG(n));
    c->to = strtol(number, NULL, 10);
    mr_http_on_drain(req, go_on_counting, c);
    mr_http_on_close(req, counting_gone, c);
    if (mr_http_begin(req,
                      &(struct mr_http_response){.status = 200, .headers = &type, .n_headers = 1},
                      -1) != MR_OK)
        counting_gone(req, c);
    else
        go_on_counting(req, c);
}

/* ---- server-sent events: a reply that does not end ------------------------------------------ */

static struct mr_http_req *listeners[LISTENERS_MAX];
static size_t n_listeners;

static void listener_gone(struct mr_http_req *req, void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < n_listeners; i++) {
        if (listeners[i] == req)
            listeners[i] = listeners[--n_listeners];
    }
    mr_http_end(req);
}

static void tell_listeners(const char *json)
{
    char event[400];

    (void)snprintf(event, sizeof(event), "event: note\ndata: %s\n\n", json);
    for (size_t i = 0; i < n_listeners; i++)
        (void)!mr_http_write(listeners[i], mr_span_str(event)); /* who lags too far misses it */
}

static void on_events(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header headers[] = {{"Content-Type", "text/event-stream"},
                                                    {"Cache-Control", "no-store"}};

    (void)ctx;
    if (n_listeners == LISTENERS_MAX) {
        reply_json(req, 503, "{\"error\":\"too many listeners\"}");
        return;
    }
    mr_http_on_close(req, listener_gone, NULL);
    if (mr_http_begin(req,
                      &(struct mr_http_response){.status = 200, .headers = headers, .n_headers = 2},
                      -1) != MR_OK ||
        mr_http_write(req, MR_SPAN(": welcome\n\n")) < 0) {
        mr_http_abort(req);
        return;
    }
    listeners[n_listeners++] = req;
}

/* ---- the site ------------------------------------------------------------------------------ */

static void on_home(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header type = {"Content-Type", "text/html; charset=utf-8"};
    static const char page[] =
        "<!doctype html><title>notes</title><ul id=list></ul>"
        "<script src=/socket.io/socket.io.min.js></script><script>"
        "const add = (text) => { const li = document.createElement('li');"
        " li.textContent = text; document.getElementById('list').append(li) };"
        "fetch('/notes').then((r) => r.json()).then((all) => all.forEach((n) => add(n.text)));"
        "io().on('note', add)</script>\n";

    (void)ctx;
    mr_http_reply(req, &(struct mr_http_response){
                           .status = 200, .headers = &type, .n_headers = 1, .body = MR_SPAN(page)});
}

static int add_routes(const char *files)
{
    /* clang-format off */
    static const struct { const char *method, *pattern; mr_http_fn fn; } routes[] = {
        {"GET", "/", on_home},           {"GET", "/notes", on_list},
        {"POST", "/notes", on_add},      {"GET", "/notes/:id", on_get},
        {"DELETE", "/notes/:id", on_delete}, {"GET", "/numbers/:n", on_numbers},
        {"GET", "/events", on_events},
    }; /* clang-format on */
    int rc = mr_http_route_stream(srv, "POST", "/count", 64u << 20, on_count, NULL);

    for (size_t i = 0; rc == MR_OK && i < sizeof(routes) / sizeof(routes[0]); i++)
        rc = mr_http_route(srv, routes[i].method, routes[i].pattern, routes[i].fn, NULL);
    if (rc == MR_OK && files != NULL)
        rc = mr_http_mount(srv, "/files/", files, NULL);
    return rc;
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_close((uv_handle_t *)handle, NULL);
    mr_server_close(srv, NULL, NULL); /* and then the loop has nothing left to do */
}

int main(int argc, char **argv)
{
    struct mr_options opt = {.http_compress_routes = true, .cors_routes = true};
    const char *host = "127.0.0.1", *files = NULL;
    int port = 3000;
    uv_signal_t term;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            port = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--host") == 0)
            host = argv[i + 1];
        else if (strcmp(argv[i], "--files") == 0)
            files = argv[i + 1];
        else if (strcmp(argv[i], "--cors") == 0)
            opt.cors_origins = argv[i + 1];
    }
    if (mr_server_new(&srv, uv_default_loop(), &opt) != MR_OK || add_routes(files) != MR_OK ||
        mr_server_listen(srv, host, port) != MR_OK) {
        (void)fprintf(stderr, "http: cannot listen on %s:%d\n", host, port);
        return 1;
    }
    (void)uv_signal_init(uv_default_loop(), &term);
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)printf("listening on %d\n", mr_server_port(srv));
    (void)fflush(stdout);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop());
}
