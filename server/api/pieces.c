/* pieces.c - a piece is read by a worker, written on the loop, and the next one is asked for when
 * the client has taken enough of it.
 *
 *   loop: write --> much is queued? --no--> worker: next --> loop: write ..
 *                        yes: wait for the drain, then so, too
 */
#include "api/pieces.h"
#include "api/api.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <time.h>

#define QUEUED_MAX (256 << 10) /* bytes, over which http.h asks to wait */

struct stream {
    struct mr_call *call;
    void (*done)(void *call);
    struct mr_http_response head;
    struct mr_http_header headers[MR_CALL_HEADERS_MAX + 8];
    int rc; /* of the last piece */
    bool reading, waiting, gone;
};

static void end(struct stream *s, bool whole)
{
    struct mr_call *c = s->call;

    if (whole)
        mr_http_end(c->req);
    else
        mr_http_abort(c->req);
    c->pieces.free(c->pieces.ctx);
    s->done(c);
    mr_free(s);
}

/* The mailbox can be full for a moment. When the server closes nobody is left to be served. */
static void to_loop(struct stream *s, void (*fn)(void *arg))
{
    struct timespec pause = {.tv_nsec = 2000000};

    while (mr_post(s->call->api->opt.server, fn, s) == MR_E_AGAIN)
        (void)nanosleep(&pause, NULL);
}

static void write_piece(void *arg);

static void read_piece(void *arg) /* [thread: worker] */
{
    struct stream *s = arg;

    s->rc = s->call->pieces.next(s->call, s->call->pieces.ctx);
    to_loop(s, write_piece);
}

static void read_on(struct stream *s)
{
    s->waiting = false;
    s->reading = true;
    if (mr_pool_submit(s->call->api->opt.workers, read_piece, s) == MR_OK)
        return;
    LOG_WARN("answer_cut_off", F_STR("request_id", s->call->request_id),
             F_STR("why", "too many requests are waiting"));
    end(s, false);
}

static void on_drain(struct mr_http_req *req, void *ctx)
{
    struct stream *s = ctx;

    (void)req;
    if (s->waiting)
        read_on(s);
}

static void on_close(struct mr_http_req *req, void *ctx)
{
    struct stream *s = ctx;

    (void)req;
    s->gone = true;
    if (!s->reading)
        end(s, false);
}

static void write_piece(void *arg) /* [thread: loop] */
{
    struct stream *s = arg;
    struct mr_buf *out = &s->call->out;
    int64_t queued = -1;

    s->reading = false;
    if (s->rc != MR_OK && s->rc != MR_E_END)
        LOG_WARN("answer_cut_off", F_STR("request_id", s->call->request_id),
                 F_STR("why", mr_err_text(s->rc)));
    else if (!s->gone && mr_buf_err(out) == MR_OK)
        queued = out->len > 0 ? mr_http_write(s->call->req, mr_buf_span(out)) : 0;
    mr_buf_clear(out);
    if (queued < 0 || s->rc == MR_E_END)
        end(s, queued >= 0);
    else if (queued > QUEUED_MAX)
        s->waiting = true;
    else
        read_on(s);
}

static void begin(void *arg) /* [thread: loop] */
{
    struct stream *s = arg;
    struct mr_http_req *req = s->call->req;

    if (mr_http_begin(req, &s->head, -1) != MR_OK) {
        end(s, false);
        return;
    }
    mr_http_on_drain(req, on_drain, s);
    mr_http_on_close(req, on_close, s);
    write_piece(s);
}

void mr_pieces_send(struct mr_call *c, const struct mr_http_response *head,
                    void (*done)(void *call))
{
    struct stream *s = mr_zalloc(1, sizeof(*s));

    if (!s) {
        mr_http_post_reply(c->req, &(struct mr_http_response){.status = 503});
        c->pieces.free(c->pieces.ctx);
        done(c);
        return;
    }
    s->call = c;
    s->done = done;
    s->head = *head;
    s->head.headers = s->headers;
    for (size_t i = 0; i < head->n_headers; i++)
        s->headers[i] = head->headers[i];
    to_loop(s, begin);
}
