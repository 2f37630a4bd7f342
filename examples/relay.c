/* relay.c - plain WebSockets: what one peer of a channel says, the others hear.
 *
 *   relay [--port N] [--origin ORIGIN] [--deflate 1]
 *         [--tls DIRECTORY]   https and wss with its cert.pem and key.pem; SIGHUP reads them anew
 *
 *   /echo             every message comes back, text as text and binary as binary
 *   /channels/:name   a channel; "?token=..." must not be empty, and pages must come from ORIGIN.
 *                     The subprotocol "relay.v1" is taken if it is offered
 *   /socket.io/       what a Socket.IO client says ("say") is heard by all of them ("said")
 *
 * A message is encoded once, however many hear it; a peer that does not read is cut off.
 */
#include <millrace/millrace.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MAX 1000

static struct mr_server *srv;
static const char *origin;

static struct peer {
    struct mr_ws *ws; /* NULL: free */
    char channel[64];
} peers[PEERS_MAX];

static void echo(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx)
{
    (void)ctx;
    if (mr_span_is(data, "close"))
        (void)mr_ws_close(ws, 4000, MR_SPAN("as you wish"));
    else if (binary)
        (void)mr_ws_send_binary(ws, data);
    else
        (void)mr_ws_send_text(ws, data);
}

static void refuse(struct mr_http_req *req, int status, const char *why)
{
    mr_http_reply(req, &(struct mr_http_response){.status = status, .body = mr_span_str(why)});
}

/* Who may join, and who they are: all that is known is in the request. */
static void on_request(struct mr_http_req *req, void *ctx)
{
    struct mr_span name = mr_http_param(req, "name");
    struct peer *p = NULL;

    (void)ctx;
    for (size_t i = 0; i < PEERS_MAX && p == NULL; i++) {
        if (peers[i].ws == NULL)
            p = &peers[i];
    }
    if (origin != NULL && !mr_span_is(mr_http_header(req, "origin"), origin)) {
        refuse(req, 403, "not from there\n");
    } else if (!mr_span_starts(mr_http_query(req), MR_SPAN("token=")) ||
               mr_http_query(req).len == strlen("token=")) {
        refuse(req, 401, "who are you?\n");
    } else if (p == NULL || name.len >= sizeof(p->channel)) {
        refuse(req, 503, "no room\n");
    } else {
        (void)snprintf(p->channel, sizeof(p->channel), MR_SPAN_FMT, MR_SPAN_ARG(name));
        (void)mr_ws_accept(req, mr_ws_offers(req, "relay.v1") ? "relay.v1" : NULL, p);
    }
}

static void on_open(struct mr_ws *ws, void *ctx)
{
    struct peer *p = mr_ws_data(ws);

    (void)ctx;
    p->ws = ws; /* until on_close: no reference is needed */
}

static void on_message(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx)
{
    const struct peer *from = mr_ws_data(ws);
    struct mr_frame *f = mr_ws_frame_new(binary, data);

    (void)ctx;
    for (size_t i = 0; f != NULL && i < PEERS_MAX; i++) {
        if (peers[i].ws != NULL && &peers[i] != from && !strcmp(peers[i].channel, from->channel))
            (void)mr_ws_send_frame(peers[i].ws, f);
    }
    mr_frame_unref(f);
}

static void on_close(struct mr_ws *ws, int code, struct mr_span reason, void *ctx)
{
    struct peer *p = mr_ws_data(ws);

    (void)ctx;
    printf("%s left %s: %d " MR_SPAN_FMT "\n", mr_ws_addr(ws), p->channel, code,
           MR_SPAN_ARG(reason));
    (void)fflush(stdout);
    p->ws = NULL;
}

static void on_say(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)s;
    (void)ctx;
    (void)ack_id;
    (void)mr_emit(srv, "/", NULL, "said", args);
}

static char cert_file[512], key_file[512];
static const struct mr_tls tls = {.cert_file = cert_file, .key_file = key_file};

static void reload(uv_signal_t *signal, int number)
{
    (void)signal;
    (void)number;
    if (mr_server_tls_reload(srv, &tls) == MR_OK)
        printf("reloaded\n");
    else
        printf("not reloaded: %s\n", mr_server_tls_error(srv));
    (void)fflush(stdout);
}

static void stop(uv_signal_t *signal, int number)
{
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    uv_close((uv_handle_t *)signal->data, NULL);
    mr_server_close(srv, NULL, NULL);
}

int main(int argc, char **argv)
{
    struct mr_ws_handlers echoes = {.message = echo};
    struct mr_ws_handlers channels = {.request = on_request,
                                      .open = on_open,
                                      .message = on_message,
                                      .close = on_close,
                                      .message_bytes_max = 65536,
                                      .queue_bytes_max = 1 << 20};
    struct mr_options opt = {0};
    uv_signal_t term, hup;
    uv_loop_t loop;
    int port = 8080;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            port = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--origin") == 0)
            origin = argv[i + 1];
        else if (strcmp(argv[i], "--deflate") == 0)
            opt.websocket_deflate = true;
        else if (strcmp(argv[i], "--tls") == 0) {
            (void)snprintf(cert_file, sizeof(cert_file), "%s/cert.pem", argv[i + 1]);
            (void)snprintf(key_file, sizeof(key_file), "%s/key.pem", argv[i + 1]);
        }
    }
    if (uv_loop_init(&loop) != 0 || mr_server_new(&srv, &loop, &opt) != MR_OK)
        return 1;
    if (mr_on_websocket(srv, "/echo", &echoes, NULL) != MR_OK ||
        mr_on_websocket(srv, "/channels/:name", &channels, NULL) != MR_OK ||
        mr_on(srv, "/", "say", on_say, NULL) != MR_OK ||
        (cert_file[0] != '\0' ? mr_server_listen_tls(srv, "127.0.0.1", port, &tls)
                              : mr_server_listen(srv, "127.0.0.1", port)) != MR_OK) {
        (void)fprintf(stderr, "cannot listen on %d %s\n", port, mr_server_tls_error(srv));
        return 1;
    }
    (void)uv_signal_init(&loop, &term);
    (void)uv_signal_start(&term, stop, SIGTERM);
    (void)uv_signal_init(&loop, &hup);
    (void)uv_signal_start(&hup, reload, SIGHUP);
    uv_unref((uv_handle_t *)&hup);
    term.data = &hup;
    printf("listening on %d\n", mr_server_port(srv));
    (void)fflush(stdout);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
