/* fanout.c - the benchmark's server: rooms, one broadcast a publish, and an echo.
 *
 *   fanout [--port N] [--host ADDRESS] [--ping-interval MS] [--ping-timeout MS] [--max-payload
 * BYTES]
 *          [--recovery SECONDS] [--queue BYTES]
 *
 *   subscribe_pipeline {"pipeline_id": id} or id   join the room pipeline_{id}; acks {"ok":true}
 *   publish {"pipeline_id": id, "event": {...}}    replication_event with the event, to that room
 *   echo ...                                       acks with the same arguments, binary too
 */
#include <millrace/millrace.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "pipeline_" and the id, which may come as a string, a number, or inside an object. */
static int room_of(struct mr_span what, char *room, size_t size)
{
    if (what.len > 0 && what.ptr[0] == '{')
        what = mr_member(what, "pipeline_id");
    if (what.len > 0 && what.ptr[0] == '"')
        what = mr_string(what);
    if (what.len == 0 || what.len > 200)
        return -1;
    return snprintf(room, size, "pipeline_" MR_SPAN_FMT, MR_SPAN_ARG(what));
}

static void on_subscribe(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    char room[256];

    (void)ctx;
    if (room_of(mr_arg(args, 0), room, sizeof(room)) < 0 || mr_join(s, room) != MR_OK)
        mr_ack(s, ack_id, MR_SPAN("{\"ok\":false}"));
    else
        mr_ack(s, ack_id, MR_SPAN("{\"ok\":true}"));
}

static void on_publish(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span event = mr_member(mr_arg(args, 0), "event");
    char room[256];
    char reached[32] = "0";

    (void)ctx;
    if (room_of(mr_arg(args, 0), room, sizeof(room)) >= 0 && event.len > 0)
        (void)snprintf(reached, sizeof(reached), "%d",
                       mr_emit(mr_socket_server(s), "/", room, "replication_event", event));
    mr_ack(s, ack_id, mr_span_str(reached));
}

static void on_echo(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    size_t n = mr_event_attachments(s);
    struct mr_span attachments[10];

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        attachments[i] = mr_event_attachment(s, i);
    mr_ack_binary(s, ack_id, args, attachments, n);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_close((uv_handle_t *)handle, NULL);
    mr_server_close(handle->data, NULL, NULL); /* and then the loop has nothing left to do */
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    struct mr_options opt = {0};
    struct mr_recovery_options recovery = {0};
    struct mr_server *srv;
    const char *host = "127.0.0.1";
    int port = 3000;
    uv_signal_t term;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            port = (int)number(argv[i + 1]);
        else if (strcmp(argv[i], "--host") == 0)
            host = argv[i + 1];
        else if (strcmp(argv[i], "--ping-interval") == 0)
            opt.ping_interval_ms = number(argv[i + 1]);
        else if (strcmp(argv[i], "--ping-timeout") == 0)
            opt.ping_timeout_ms = number(argv[i + 1]);
        else if (strcmp(argv[i], "--max-payload") == 0)
            opt.body_bytes_max = number(argv[i + 1]);
        else if (strcmp(argv[i], "--queue") == 0)
            opt.queue_bytes_max = number(argv[i + 1]);
        else if (strcmp(argv[i], "--recovery") == 0)
            recovery.max_disconnection_ms = 1000 * number(argv[i + 1]);
    }
    if (mr_server_new(&srv, uv_default_loop(), &opt) != MR_OK ||
        (recovery.max_disconnection_ms && mr_use_recovery(srv, &recovery) != MR_OK) ||
        mr_on(srv, "/", "subscribe_pipeline", on_subscribe, NULL) != MR_OK ||
        mr_on(srv, "/", "publish", on_publish, NULL) != MR_OK ||
        mr_on(srv, "/", "echo", on_echo, NULL) != MR_OK ||
        mr_server_listen(srv, host, port) != MR_OK) {
        (void)fprintf(stderr, "fanout: cannot listen on %s:%d\n", host, port);
        return 1;
    }
    (void)uv_signal_init(uv_default_loop(), &term);
    term.data = srv;
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)printf("listening on %d\n", mr_server_port(srv));
    (void)fflush(stdout);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop());
}
