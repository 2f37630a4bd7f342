/* chat.c - a chat room server in a hundred lines: rooms, broadcast, acks both ways, HTTP.
 *
 *   chat [--port N]
 *
 *   client -> server   join {"room","name"}  ack {"ok":true,"members":n}    one room at a time
 *                      say text              ack number of people reached
 *                      latency               ack milliseconds, which the server measures with an
 *                                            event and an ack of its own
 *   server -> client   joined, left: name    said: name, text    are-you-there (ack it)
 *   HTTP               GET  /rooms/lobby     {"members":2}
 *                      POST /rooms/lobby     a JSON string, said to the room by "the house"
 *
 * Arguments are JSON text and stay so: a name that came in as "Ann" goes out as the same bytes.
 */
#include <millrace/millrace.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESTS_MAX 1000

static struct guest { /* hangs on the socket, from on_connect to on_disconnect */
    bool taken;
    char room[64];
    char name[128]; /* a JSON string, quotes and all */
    int64_t latency_ack;
    uint64_t asked_at_ns;
} guests[GUESTS_MAX];

static struct mr_server *srv;

static void tell_room(const struct guest *g, const char *event)
{
    if (g->room[0] != '\0')
        mr_emit(srv, "/", g->room, event, mr_span_str(g->name));
}

static void on_join(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct guest *g = mr_socket_data(s);
    struct mr_span room = mr_string(mr_member(mr_arg(args, 0), "room"));
    struct mr_span name = mr_member(mr_arg(args, 0), "name");
    char answer[64];

    (void)ctx;
    if (room.len == 0 || room.len >= sizeof(g->room) || mr_string(name).len == 0 ||
        name.len >= sizeof(g->name)) {
        mr_ack(s, ack_id, MR_SPAN("{\"ok\":false,\"why\":\"room and name, please\"}"));
        return;
    }
    mr_leave(s, g->room);
    tell_room(g, "left"); /* those who are still in the old one */
    (void)snprintf(g->room, sizeof(g->room), MR_SPAN_FMT, MR_SPAN_ARG(room));
    (void)snprintf(g->name, sizeof(g->name), MR_SPAN_FMT, MR_SPAN_ARG(name));
    tell_room(g, "joined");
    if (mr_join(s, g->room) != MR_OK) {
        g->room[0] = '\0';
        mr_ack(s, ack_id, MR_SPAN("{\"ok\":false,\"why\":\"no room\"}"));
        return;
    }
    (void)snprintf(answer, sizeof(answer), "{\"ok\":true,\"members\":%zu}",
                   mr_room_size(srv, "/", g->room));
    mr_ack(s, ack_id, mr_span_str(answer));
}

static void on_say(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    const struct guest *g = mr_socket_data(s);
    struct mr_span text = mr_arg(args, 0);
    char line[4096], reached[16] = "0";
    int len = snprintf(line, sizeof(line), "%s," MR_SPAN_FMT, g->name, MR_SPAN_ARG(text));

    (void)ctx;
    if (g->room[0] != '\0' && text.len > 0 && len < (int)sizeof(line))
        (void)snprintf(reached, sizeof(reached), "%d",
                       mr_emit(srv, "/", g->room, "said", mr_span_of(line, (size_t)len)));
    mr_ack(s, ack_id, mr_span_str(reached));
}

static void on_there(int err, struct mr_socket *s, struct mr_span args, void *ctx)
{
    const struct guest *g = mr_socket_data(s);
    char ms[32] = "null";

    (void)args;
    (void)ctx;
    if (err == MR_E_CLOSED)
        return; /* it has left meanwhile: nobody waits for an answer */
    if (err == MR_OK)
        (void)snprintf(ms, sizeof(ms), "%.3f", (double)(uv_hrtime() - g->asked_at_ns) / 1e6);
    mr_ack(s, g->latency_ack, mr_span_str(ms));
}

static void on_latency(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct guest *g = mr_socket_data(s);

    (void)args;
    (void)ctx;
    g->latency_ack = ack_id;
    g->asked_at_ns = uv_hrtime();
    if (mr_socket_emit_ack(s, "are-you-there", MR_SPAN_NONE, 5000, on_there, NULL) != MR_OK)
        mr_ack(s, ack_id, MR_SPAN("null"));
}

static int on_connect(struct mr_socket *s, struct mr_span auth, void *ctx)
{
    (void)ctx;
    if (mr_span_is(mr_member(auth, "banned"), "true")) { /* where a token would be checked */
        mr_connect_refuse(s, "go away", MR_SPAN("{\"code\":\"banned\"}"));
        return MR_E_FORBIDDEN;
    }
    for (size_t i = 0; i < GUESTS_MAX; i++) {
        if (guests[i].taken)
            continue;
        guests[i] = (struct guest){.taken = true};
        mr_socket_set_data(s, &guests[i]);
        return MR_OK;
    }
    mr_connect_refuse(s, "the house is full", MR_SPAN_NONE);
    return MR_E_CONFLICT;
}

static void on_disconnect(struct mr_socket *s, const char *reason, void *ctx)
{
    struct guest *g = mr_socket_data(s);

    (void)ctx;
    (void)reason;
    mr_leave(s, g->room);
    tell_room(g, "left");
    g->taken = false;
}

static void on_http(struct mr_http_req *req, void *ctx)
{
    static const struct mr_http_header json = {"Content-Type", "application/json"};
    struct mr_http_response res = {.status = 404, .headers = &json, .n_headers = 1};
    struct mr_span path = mr_http_path(req), text = mr_http_body(req);
    char room[64], body[64], line[4096];
    int len = 0;

    (void)ctx;
    if (mr_span_starts(path, MR_SPAN("/rooms/")) && path.len - 7 < sizeof(room)) {
        (void)snprintf(room, sizeof(room), "%.*s", (int)path.len - 7, path.ptr + 7);
        res.status = 200;
    }
    if (res.status == 200 && strcmp(mr_http_method(req), "POST") == 0) {
        if (mr_string(mr_arg(text, 0)).len == 0 || text.len > sizeof(line) - 16)
            res.status = 400;
        else
            len = snprintf(line, sizeof(line), "\"the house\"," MR_SPAN_FMT, MR_SPAN_ARG(text));
    }
    if (len > 0)
        mr_emit(srv, "/", room, "said", mr_span_of(line, (size_t)len));
    if (res.status == 200)
        (void)snprintf(body, sizeof(body), "{\"members\":%zu}", mr_room_size(srv, "/", room));
    else
        (void)snprintf(body, sizeof(body), "{\"status\":%d}", res.status);
    res.body = mr_span_str(body);
    mr_http_reply(req, &res);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_close((uv_handle_t *)handle, NULL);
    mr_server_close(srv, NULL, NULL);
}

int main(int argc, char **argv)
{
    int port = argc == 3 && strcmp(argv[1], "--port") == 0 ? (int)strtol(argv[2], NULL, 10) : 3000;
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t term;

    if (mr_server_new(&srv, loop, NULL) != MR_OK || mr_on_connect(srv, "/", on_connect, NULL) ||
        mr_on_disconnect(srv, "/", on_disconnect, NULL) || mr_on(srv, "/", "join", on_join, NULL) ||
        mr_on(srv, "/", "say", on_say, NULL) || mr_on(srv, "/", "latency", on_latency, NULL))
        return 1;
    mr_on_http(srv, on_http, NULL);
    if (mr_server_listen(srv, "127.0.0.1", port) != MR_OK) {
        (void)fprintf(stderr, "chat: cannot listen on port %d\n", port);
        return 1;
    }
    (void)uv_signal_init(loop, &term);
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)printf("listening on %d\n", mr_server_port(srv));
    (void)fflush(stdout);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop);
}
