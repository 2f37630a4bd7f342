/* reference_app.c - the applications that the official test suites expect to talk to, over nothing
 * but the public header.
 *
 *   reference_app [--port N] [--mode engine|socket|client-suite] [--path P] [--ping-interval MS]
 *                 [--ping-timeout MS] [--max-payload BYTES] [--connect-timeout MS] [--recovery]
 *                 [--trusted-proxies LIST]
 *
 *   engine        Engine.IO by itself on /engine.io/: every message comes back. With --max-payload
 *                 100, as engine.io-client's own tests have it, it is their server: it says "hi",
 *                 sets cookies and denies "?deny"
 *   socket        Socket.IO on /socket.io/: namespace "/" emits auth, answers message by
 *                 message-back and acks message-with-ack with its arguments; "/custom" emits auth
 *   client-suite  the servers of the JavaScript clients' own tests: socket.io-client's on
 *                 /socket.io/ (port 3210 unless told otherwise), engine.io-client's on /engine.io/
 */
#include "client_suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTACHMENTS_MAX      10
#define CLIENT_SUITE_PAYLOAD 100

struct settings {
    int port;
    const char *mode, *path, *trusted_proxies;
    uint32_t ping_interval_ms, ping_timeout_ms, max_payload, connect_timeout_ms;
    bool recovery;
};

/* ---- engine ------------------------------------------------------------------------------- */

static void echo(struct mr_engine_client *c, struct mr_span data, bool binary, void *ctx)
{
    (void)ctx;
    (void)(binary ? mr_engine_send_binary(c, data) : mr_engine_send(c, data));
}

static int serve_engine(struct mr_server *srv, const struct settings *s)
{
    struct mr_engine *engine;
    struct mr_engine_options opt = {
        .path = s->path,
        .ping_interval_ms = s->ping_interval_ms,
        .ping_timeout_ms = s->ping_timeout_ms,
        .body_bytes_max = s->max_payload,
    };

    if (s->max_payload == CLIENT_SUITE_PAYLOAD)
        return client_suite_engine(srv, &opt);
    return mr_engine_new(&engine, srv, &opt, &(struct mr_engine_handlers){.message = echo}, NULL);
}

/* ---- socket ------------------------------------------------------------------------------- */

static void on_connected(struct mr_socket *s, void *ctx)
{
    struct mr_span auth = mr_socket_auth(s);

    (void)ctx;
    mr_socket_emit(s, "auth", auth.len > 0 ? auth : MR_SPAN("{}"));
}

static size_t attachments_of(const struct mr_socket *s, struct mr_span out[ATTACHMENTS_MAX])
{
    size_t n = mr_event_attachments(s);

    for (size_t i = 0; i < n && i < ATTACHMENTS_MAX; i++)
        out[i] = mr_event_attachment(s, i);
    return n;
}

static void on_message(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span parts[ATTACHMENTS_MAX];

    (void)ack_id;
    (void)ctx;
    mr_socket_emit_binary(s, "message-back", args, parts, attachments_of(s, parts));
}

static void on_message_with_ack(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span parts[ATTACHMENTS_MAX];

    (void)ctx;
    mr_ack_binary(s, ack_id, args, parts, attachments_of(s, parts));
}

static int serve_socket(struct mr_server *srv, const struct settings *s)
{
    int rc = mr_on_connected(srv, "/", on_connected, NULL);

    if (rc == MR_OK)
        rc = mr_on_connected(srv, "/custom", on_connected, NULL);
    if (rc == MR_OK)
        rc = mr_on(srv, "/", "message", on_message, NULL);
    if (rc == MR_OK)
        rc = mr_on(srv, "/", "message-with-ack", on_message_with_ack, NULL);
    if (rc == MR_OK && s->recovery)
        rc = mr_use_recovery(srv, &(struct mr_recovery_options){0});
    return rc;
}

/* ---- client-suite -------------------------------------------------------------------------- */

static int serve_client_suite(struct mr_server *srv, const struct settings *s)
{
    struct mr_engine_options opt = {.ping_interval_ms = 500,
                                    .body_bytes_max = CLIENT_SUITE_PAYLOAD};
    int rc = client_suite_socketio(srv);

    (void)s;
    return rc == MR_OK ? client_suite_engine(srv, &opt) : rc;
}

/* What is not given on the command line. */
static void fill_in(struct settings *s)
{
    bool suite = strcmp(s->mode, "client-suite") == 0;
    bool engine_client = strcmp(s->mode, "engine") == 0 && s->max_payload == CLIENT_SUITE_PAYLOAD;

    if (s->port < 0)
        s->port = suite ? 3210 : 3000;
    if (s->ping_interval_ms == 0)
        s->ping_interval_ms = suite ? 2000 : engine_client ? 500 : 300;
    if (s->ping_timeout_ms == 0)
        s->ping_timeout_ms = suite || engine_client ? 20000 : 200;
    if (s->max_payload == 0)
        s->max_payload = 1000000;
    if (s->connect_timeout_ms == 0)
        s->connect_timeout_ms = suite ? 45000 : 1000;
}

/* ---- the program -------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_close((uv_handle_t *)handle, NULL);
    mr_server_close(handle->data, NULL, NULL);
}

/* "--name value" and "--name=value"; NULL when argv[*i] is another option. */
static const char *value_of(int argc, char **argv, int *i, const char *name)
{
    size_t n = strlen(name);

    if (strncmp(argv[*i], name, n) != 0)
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    return argv[*i][n] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

static bool read_settings(struct settings *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *v;

        if ((v = value_of(argc, argv, &i, "--port")))
            s->port = (int)strtol(v, NULL, 10);
        else if ((v = value_of(argc, argv, &i, "--mode")))
            s->mode = v;
        else if ((v = value_of(argc, argv, &i, "--path")))
            s->path = v;
        else if ((v = value_of(argc, argv, &i, "--ping-interval")))
            s->ping_interval_ms = (uint32_t)strtoul(v, NULL, 10);
        else if ((v = value_of(argc, argv, &i, "--ping-timeout")))
            s->ping_timeout_ms = (uint32_t)strtoul(v, NULL, 10);
        else if ((v = value_of(argc, argv, &i, "--max-payload")))
            s->max_payload = (uint32_t)strtoul(v, NULL, 10);
        else if ((v = value_of(argc, argv, &i, "--connect-timeout")))
            s->connect_timeout_ms = (uint32_t)strtoul(v, NULL, 10);
        else if ((v = value_of(argc, argv, &i, "--trusted-proxies")))
            s->trusted_proxies = v;
        else if (strcmp(argv[i], "--recovery") == 0)
            s->recovery = true;
        else
            return false;
    }
    fill_in(s);
    return strcmp(s->mode, "engine") == 0 || strcmp(s->mode, "socket") == 0 ||
           strcmp(s->mode, "client-suite") == 0;
}

static int serve(struct mr_server *srv, const struct settings *s)
{
    if (strcmp(s->mode, "engine") == 0)
        return serve_engine(srv, s);
    return strcmp(s->mode, "socket") == 0 ? serve_socket(srv, s) : serve_client_suite(srv, s);
}

int main(int argc, char **argv)
{
    struct settings s = {.port = -1, .mode = "socket"};
    struct mr_options opt = {.cors_origins = "*"};
    uv_loop_t *loop = uv_default_loop();
    struct mr_server *srv;
    uv_signal_t term;
    int rc;

    if (!read_settings(&s, argc, argv)) {
        (void)fprintf(stderr,
                      "usage: reference_app [--port N] [--mode engine|socket|client-suite] "
                      "[--path P] [--ping-interval MS] [--ping-timeout MS] [--max-payload BYTES] "
                      "[--connect-timeout MS] [--recovery]\n");
        return 2;
    }
    opt.ping_interval_ms = s.ping_interval_ms;
    opt.ping_timeout_ms = s.ping_timeout_ms;
    opt.body_bytes_max = s.max_payload;
    opt.connect_timeout_ms = s.connect_timeout_ms;
    opt.trusted_proxies = s.trusted_proxies;
    if (strcmp(s.mode, "engine") != 0)
        opt.path = s.path;
    rc = mr_server_new(&srv, loop, &opt);
    if (rc == MR_OK)
        rc = serve(srv, &s);
    if (rc == MR_OK)
        rc = mr_server_listen(srv, "localhost", s.port);
    if (rc != MR_OK) {
        (void)fprintf(stderr, "reference_app: cannot serve: %s\n", mr_err_text(rc));
        return 1;
    }
    (void)uv_signal_init(loop, &term);
    term.data = srv;
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    printf("listening on %d\n", mr_server_port(srv));
    (void)fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
