/* listener.c - one thread with one connection that hears what other transactions tell:
 * millrace_log (the log has grown) and millrace_pipelines (a pipeline's row has changed).
 *
 * After every (re)connection, and each second without a notice, it tells the head itself, so a
 * notice that was lost costs a second and never an event. [thread: listener]
 */
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "stream/stream_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HEAD_EVERY_MS 1000
#define RETRY_MS      500

struct head_message {
    struct mr_stream *st;
    int64_t head;
};

static void head_message(void *arg) /* [thread: loop] */
{
    struct head_message *m = arg;

    st_notice(m->st, m->head);
    mr_free(m);
}

static void pipelines_message(void *arg) /* [thread: loop] */
{
    struct mr_stream *st = arg;

    if (!st->closing && st->opt.on_pipelines)
        st->opt.on_pipelines(st->opt.ctx);
}

/* A post that fails is made good by the next second's head. */
static void tell_head(struct mr_stream *st, int64_t head)
{
    struct head_message *m = mr_alloc(sizeof(*m));

    if (!m)
        return;
    *m = (struct head_message){st, head};
    if (mr_post(st->opt.server, head_message, m) != MR_OK)
        mr_free(m);
}

static int tell_head_now(struct mr_stream *st, struct mr_pg *c)
{
    int64_t head = 0;
    int rc = mr_runs_head(c, &head);

    if (rc == MR_OK)
        tell_head(st, head);
    return rc;
}

/* Sleep until data, the stop signal, or the timeout. True: stop. */
static bool sleep_on(struct mr_stream *st, int fd, int timeout_ms)
{
    struct pollfd p[2] = {{.fd = st->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

    if (poll(p, fd < 0 ? 1 : 2, timeout_ms) < 0 && errno != EINTR)
        return true;
    return (p[0].revents & POLLIN) != 0;
}

static void take_notices(struct mr_stream *st, PGconn *conn)
{
    PGnotify *n;
    int64_t head = -1;
    bool pipelines = false;

    while ((n = PQnotifies(conn)) != NULL) {
        if (strcmp(n->relname, "millrace_log") == 0) {
            int64_t seq = strtoll(n->extra, NULL, 10);

            head = seq > head ? seq : head;
        } else {
            pipelines = true;
        }
        PQfreemem(n);
    }
    if (head >= 0)
        tell_head(st, head);
    if (pipelines && mr_post(st->opt.server, pipelines_message, st) != MR_OK)
        LOG_WARN("pipelines_notice_dropped");
}

/* Listen on one connection until it breaks (false) or the stream stops (true). */
static bool listen_on(struct mr_stream *st, struct mr_pg *c)
{
    PGconn *conn = mr_pg_raw(c);
    uint64_t told = 0;

    if (mr_pg_run(c, "LISTEN millrace_log; LISTEN millrace_pipelines") != MR_OK)
        return false;
    for (;;) {
        uint64_t now = mr_mono_ms();

        if (now - told >= HEAD_EVERY_MS) {
            if (tell_head_now(st, c) != MR_OK)
                return false;
            told = now;
        }
        if (sleep_on(st, PQsocket(conn), HEAD_EVERY_MS))
            return true;
        if (!PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK)
            return false;
        take_notices(st, conn);
    }
}

static void *run(void *arg)
{
    struct mr_stream *st = arg;
    struct mr_pg_options opt = {.url = st->opt.database_url,
                                .application = "millrace-listener",
                                .connections_max = 1,
                                .connect_timeout_ms = st->opt.connect_timeout_ms,
                                .statement_timeout_ms = 10000};
    bool stop = false;

    mr_log_thread("listener");
    while (!stop) {
        struct mr_pg *c = NULL;

        if (mr_pg_connect(&c, &opt) == MR_OK)
            stop = listen_on(st, c);
        mr_pg_close(c);
        if (!stop)
            stop = sleep_on(st, -1, RETRY_MS);
    }
    return NULL;
}

int st_listener_start(struct mr_stream *st)
{
    st->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (st->stop_fd < 0)
        return MR_E_IO;
    if (pthread_create(&st->listener, NULL, run, st) != 0) {
        (void)close(st->stop_fd);
        return MR_E_IO;
    }
    st->listening = true;
    return MR_OK;
}

void st_listener_stop(struct mr_stream *st)
{
    if (!st->listening)
        return;
    (void)eventfd_write(st->stop_fd, 1);
    pthread_join(st->listener, NULL);
    (void)close(st->stop_fd);
    st->listening = false;
}
