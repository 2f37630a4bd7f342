/* board.c - a notice board: everything that can be done with rooms, by clients who may lose their
 * connection and miss nothing (connection state recovery).
 *
 *   board [--port N] [--window MS] [--no-recovery]
 *
 *   client -> server, each with an ack     {to: [rooms], except: [rooms]} is what means whom
 *     join room, leave room                the rooms that it is in
 *     post {to, except, all, quick}, text  number of people reached (not the poster, unless all)
 *     vote {to, except, ms}, question      {"err":"ok","asked":3,"answers":[..]}
 *     who {to, except}                     [{"id":"..","rooms":[..]}]
 *     herd {to, except}, room              true, once all of those are in that room
 *     scatter {to, except}, room           true, once they have left it
 *     kick {to, except, close}             true
 *     again                                was this connection recovered? {"recovered":true}
 *   server -> client     posted text       question text (ack it)
 *
 * Room names are JSON strings without their quotes: escapes in them stay as they are.
 */
#include <millrace/millrace.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOMS_MAX 16

static struct mr_server *srv;

/* ---- whom a message is for ------------------------------------------------------------------ */

struct whom {
    struct mr_target target;
    const char *to[ROOMS_MAX], *except[ROOMS_MAX];
    char names[2 * ROOMS_MAX][64];
    size_t n;
};

static size_t read_names(struct whom *w, struct mr_span list, const char **out)
{
    size_t n = 0;

    if (list.len < 2 || list.ptr[0] != '[')
        return 0;
    list = mr_span_of(list.ptr + 1, list.len - 2);
    for (; n < ROOMS_MAX && w->n < 2 * ROOMS_MAX; n++) {
        struct mr_span name = mr_string(mr_arg(list, n));

        if (name.len == 0 || name.len >= sizeof(w->names[0]))
            break;
        (void)snprintf(w->names[w->n], sizeof(w->names[0]), MR_SPAN_FMT, MR_SPAN_ARG(name));
        out[n] = w->names[w->n++];
    }
    return n;
}

static const struct mr_target *read_whom(struct whom *w, struct mr_span args)
{
    struct mr_span what = mr_arg(args, 0), ms = mr_member(what, "ms");

    *w = (struct whom){.target = {.rooms = w->to, .except = w->except}};
    w->target.n_rooms = read_names(w, mr_member(what, "to"), w->to);
    w->target.n_except = read_names(w, mr_member(what, "except"), w->except);
    if (mr_span_is(mr_member(what, "quick"), "true"))
        w->target.flags = MR_VOLATILE;
    if (ms.len > 0)
        w->target.timeout_ms = (uint32_t)strtoul(ms.ptr, NULL, 10);
    return &w->target;
}

/* ---- what clients ask for ------------------------------------------------------------------- */

static void answer_rooms(struct mr_socket *s, int64_t ack_id)
{
    const char *rooms[ROOMS_MAX];
    size_t n = mr_socket_rooms(s, rooms, ROOMS_MAX), at = 1;
    char text[ROOMS_MAX * 72] = "[";

    for (size_t i = 0; i < n && i < ROOMS_MAX; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\"%.64s\"", i ? "," : "", rooms[i]);
    (void)snprintf(text + at, sizeof(text) - at, "]");
    mr_ack(s, ack_id, mr_span_str(text));
}

static void on_join(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span room = mr_string(mr_arg(args, 0));
    char name[64];

    (void)snprintf(name, sizeof(name), MR_SPAN_FMT, MR_SPAN_ARG(room));
    if (ctx != NULL)
        mr_leave(s, name);
    else if (room.len == 0 || mr_join(s, name) != MR_OK)
        return;
    answer_rooms(s, ack_id);
}

static void on_post(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct whom w;
    struct mr_span parts[10];
    size_t n = mr_event_attachments(s);
    char reached[16];

    (void)ctx;
    (void)read_whom(&w, args);
    for (size_t i = 0; i < n; i++) /* what stands in the text as a placeholder */
        parts[i] = mr_event_attachment(s, i);
    if (!mr_span_is(mr_member(mr_arg(args, 0), "all"), "true"))
        w.target.from = s;
    (void)snprintf(reached, sizeof(reached), "%d",
                   mr_emit_binary_to(srv, &w.target, "posted", mr_arg(args, 1), parts, n));
    mr_ack(s, ack_id, mr_span_str(reached));
}

struct vote {
    struct mr_socket *asker;
    int64_t ack_id;
};

static void on_votes(int err, const struct mr_answers *answers, void *ctx)
{
    struct vote *v = ctx;
    char text[4096];
    size_t at = (size_t)snprintf(text, sizeof(text), "{\"err\":\"%s\",\"asked\":%zu,\"answers\":[",
                                 err == MR_OK          ? "ok"
                                 : err == MR_E_TIMEOUT ? "timeout"
                                                       : "closed",
                                 answers->asked);

    for (size_t i = 0; i < answers->n && at < sizeof(text) / 2; i++) {
        struct mr_span first = mr_arg(answers->list[i].args, 0);

        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.100s", i ? "," : "",
                               first.len == 0 || first.len > 99 ? "null" : "");
        if (first.len > 0 && first.len <= 99)
            at += (size_t)snprintf(text + at, sizeof(text) - at, MR_SPAN_FMT, MR_SPAN_ARG(first));
    }
    (void)snprintf(text + at, sizeof(text) - at, "]}");
    mr_ack(v->asker, v->ack_id, mr_span_str(text));
    mr_socket_unref(v->asker);
    free(v);
}

static void on_vote(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct vote *v = malloc(sizeof(*v));
    struct whom w;

    (void)ctx;
    if (v == NULL)
        return;
    *v = (struct vote){mr_socket_ref(s), ack_id};
    if (mr_emit_ack_to(srv, read_whom(&w, args), "question", mr_arg(args, 1), on_votes, v) < 0) {
        mr_socket_unref(s);
        free(v);
    }
}

static void on_found(const struct mr_outcome *how, const struct mr_remote *list, size_t n,
                     void *ctx)
{
    struct vote *v = ctx;
    char text[8192] = "[";
    size_t at = 1;

    (void)how;
    for (size_t i = 0; i < n && at < sizeof(text) - 2048; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "%s{\"id\":\"%s\",\"rooms\":", i ? "," : "", list[i].id);
        for (size_t r = 0; r < list[i].n_rooms && r < ROOMS_MAX; r++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\"%.64s\"", r ? "," : "[",
                                   list[i].rooms[r]);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "]}");
    }
    (void)snprintf(text + at, sizeof(text) - at, "]");
    mr_ack(v->asker, v->ack_id, mr_span_str(text));
}

static void on_who(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct vote v = {s, ack_id};
    struct whom w;

    (void)ctx;
    if (mr_fetch_sockets(srv, read_whom(&w, args), on_found, &v) != MR_OK)
        mr_ack(s, ack_id, MR_SPAN("null"));
}

static void on_herd(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct mr_span room = mr_string(mr_arg(args, 1));
    struct whom w;
    char name[64];
    const char *names[] = {name};

    (void)snprintf(name, sizeof(name), MR_SPAN_FMT, MR_SPAN_ARG(room));
    (void)read_whom(&w, args);
    if (ctx == NULL)
        (void)mr_sockets_join(srv, &w.target, names, 1);
    else
        (void)mr_sockets_leave(srv, &w.target, names, 1);
    mr_ack(s, ack_id, MR_SPAN("true"));
}

static void on_kick(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    struct whom w;

    (void)ctx;
    (void)mr_disconnect_sockets(srv, read_whom(&w, args),
                                mr_span_is(mr_member(mr_arg(args, 0), "close"), "true"));
    mr_ack(s, ack_id, MR_SPAN("true"));
}

static void on_again(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args;
    (void)ctx;
    mr_ack(s, ack_id,
           mr_socket_recovered(s) ? MR_SPAN("{\"recovered\":true}")
                                  : MR_SPAN("{\"recovered\":false}"));
}

/* ---- the program ---------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_close((uv_handle_t *)handle, NULL);
    mr_server_close(srv, NULL, NULL);
}

static int set_up(uv_loop_t *loop, const struct mr_recovery_options *recovery)
{
    static char leaving[] = "leave";

    if (mr_server_new(&srv, loop, NULL) != MR_OK ||
        (recovery != NULL && mr_use_recovery(srv, recovery) != MR_OK))
        return 1;
    return mr_on(srv, "/", "join", on_join, NULL) || mr_on(srv, "/", "leave", on_join, leaving) ||
           mr_on(srv, "/", "post", on_post, NULL) || mr_on(srv, "/", "vote", on_vote, NULL) ||
           mr_on(srv, "/", "who", on_who, NULL) || mr_on(srv, "/", "herd", on_herd, NULL) ||
           mr_on(srv, "/", "scatter", on_herd, leaving) || mr_on(srv, "/", "kick", on_kick, NULL) ||
           mr_on(srv, "/", "again", on_again, NULL);
}

int main(int argc, char **argv)
{
    struct mr_recovery_options recovery = {0};
    bool recover = true;
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t term;
    int port = 3000;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--no-recovery") == 0)
            recover = false;
        else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--window") == 0 && i + 1 < argc)
            recovery.max_disconnection_ms = (uint32_t)strtoul(argv[++i], NULL, 10);
    }
    if (set_up(loop, recover ? &recovery : NULL) != 0 ||
        mr_server_listen(srv, "127.0.0.1", port) != MR_OK) {
        (void)fprintf(stderr, "board: cannot listen on port %d\n", port);
        return 1;
    }
    (void)uv_signal_init(loop, &term);
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)printf("listening on %d\n", mr_server_port(srv));
    (void)fflush(stdout);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop);
}
