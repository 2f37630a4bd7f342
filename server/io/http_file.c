/* http_file.c - a request answered with a file, slice by slice. */
#include "io/http_file.h"

#include "io/http_cond.h"
#include "io/http_conn.h"
#include "io/http_date.h"
#include "proto/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define FOREVER "public, max-age=31536000, immutable"

struct mr_mount {
    struct mr_mount *next;
    char *dir, *cache_control, *immutable;
    bool dotfiles;
};

/* One request on its way; it is freed with the end of its reply, when no thread has it. */
struct sending {
    uv_work_t work;
    struct mr_http_req *req;
    struct mr_file file;
    struct mr_span accept; /* borrowed from req */
    int rc;                /* of opening */
    bool working;          /* a thread has it */
    bool gone;             /* the client */
    bool waiting;          /* for the drain */
    uint64_t at, left;     /* of the file */
    ssize_t got;           /* in the slice; < 0: a read error */
    char *slice;           /* MR_FILE_SLICE_BYTES, or as much as the file has */
    const char *dir, *path, *cache_control;
    char text[]; /* theirs */
};

static void done(struct sending *s)
{
    if (s->file.fd >= 0)
        close(s->file.fd);
    mr_free(s->slice);
    mr_free(s);
}

static void give_up(struct sending *s)
{
    mr_http_abort(s->req);
    done(s);
}

/* [thread: pool] */
static void read_slice(struct sending *s, size_t n)
{
    if (s->slice == NULL)
        s->slice = mr_alloc(n > 0 ? n : 1);
    s->got = s->slice != NULL ? 0 : -1;
    while (s->got >= 0 && (size_t)s->got < n) {
        ssize_t r = pread(s->file.fd, s->slice + s->got, n - (size_t)s->got,
                          (off_t)(s->at + (uint64_t)s->got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) { /* it has become shorter than it was */
            s->got = -1;
            break;
        }
        s->got += r;
    }
}

/* ---- large files --------------------------------------------------------------------------- */

static void next_slice(struct sending *s);

static void slice_work(uv_work_t *work)
{
    struct sending *s = work->data;

    read_slice(s, s->left < MR_FILE_SLICE_BYTES ? (size_t)s->left : MR_FILE_SLICE_BYTES);
}

static void slice_read(uv_work_t *work, int status)
{
    struct sending *s = work->data;
    int64_t queued;

    mr__net_event(s->req->net);
    s->working = false;
    if (status != 0 || s->gone || s->got < 0) {
        give_up(s);
        return;
    }
    queued = mr_http_write(s->req, mr_span_of(s->slice, (size_t)s->got));
    if (queued < 0) {
        give_up(s);
        return;
    }
    s->at += (uint64_t)s->got;
    s->left -= (uint64_t)s->got;
    s->waiting = s->left > 0 && queued > MR_STREAM_HIGH_BYTES;
    if (!s->waiting)
        next_slice(s);
}

static void next_slice(struct sending *s)
{
    if (s->left == 0) {
        mr_http_end(s->req);
        done(s);
        return;
    }
    s->working = true;
    if (uv_queue_work(s->req->net->loop, &s->work, slice_work, slice_read) != 0) {
        s->working = false;
        give_up(s);
    }
}

static void drained(struct mr_http_req *req, void *ctx)
{
    struct sending *s = ctx;

    (void)req;
    if (!s->waiting)
        return;
    s->waiting = false;
    next_slice(s);
}

static void gone(struct mr_http_req *req, void *ctx)
{
    struct sending *s = ctx;

    (void)req;
    s->gone = true;
    if (!s->working)
        give_up(s);
}

/* ---- the reply ----------------------------------------------------------------------------- */

/* "a/b" asked for as "a/b" but a directory: its own links need the slash. */
static void redirect(struct sending *s)
{
    struct mr_span path = mr_http_path(s->req), query = mr_http_query(s->req);
    struct mr_buf to = MR_BUF_INIT((size_t)2 * MR_TARGET_BYTES_MAX);
    struct mr_http_header location = {"Location", NULL};

    mr_buf_addf(&to, MR_SPAN_FMT "/%s" MR_SPAN_FMT, MR_SPAN_ARG(path), query.len ? "?" : "",
                MR_SPAN_ARG(query));
    location.value = mr_buf_cstr(&to);
    if (mr_span_starts(path, MR_SPAN("//"))) /* that would lead to another host */
        mr__http_req_fail(s->req, 404, "not found", NULL, 0);
    else
        mr_http_reply(s->req, &(struct mr_http_response){
                                  .status = 301, .headers = &location, .n_headers = 1});
    mr_buf_free(&to);
    done(s);
}

static void send_part(struct sending *s, struct mr_http_response *res, struct mr_range part)
{
    if (s->slice != NULL && s->got >= 0) { /* it is here already */
        res->body = mr_span_of(s->slice + part.from, part.len);
        mr_http_reply(s->req, res);
        done(s);
        return;
    }
    s->at = part.from;
    s->left = mr_span_is(mr_span_str(mr_http_method(s->req)), "HEAD") ? 0 : part.len;
    mr_http_on_close(s->req, gone, s);
    mr_http_on_drain(s->req, drained, s);
    if (mr_http_begin(s->req, res, (int64_t)part.len) != MR_OK)
        give_up(s);
    else
        next_slice(s);
}

static struct mr_cond cond_of(const struct mr_http_req *req)
{
    return (struct mr_cond){
        .if_match = mr_http_header(req, "if-match"),
        .if_none_match = mr_http_header(req, "if-none-match"),
        .if_modified_since = mr_http_header(req, "if-modified-since"),
        .if_unmodified_since = mr_http_header(req, "if-unmodified-since"),
        .range = mr_http_header(req, "range"),
        .if_range = mr_http_header(req, "if-range"),
    };
}

static void content_range(int status, struct mr_range part, uint64_t size, char out[96])
{
    if (status == 206)
        (void)snprintf(out, 96, "bytes %llu-%llu/%llu", (unsigned long long)part.from,
                       (unsigned long long)(part.from + part.len - 1), (unsigned long long)size);
    else
        (void)snprintf(out, 96, "bytes */%llu", (unsigned long long)size);
}

static void answer(struct sending *s)
{
    const struct mr_file *f = &s->file;
    const struct mr_cond cond = cond_of(s->req);
    char changed[MR_DATE_SIZE], range[96];
    struct mr_http_header headers[10];
    struct mr_http_response res = {.headers = headers};
    struct mr_range part;
    size_t n = 0;

    res.status = mr__cond_status(&cond, mr_span_str(f->etag), f->changed_s, f->size,
                                 strcmp(mr_http_method(s->req), "GET") == 0, &part);
    mr__date_text(f->changed_s, changed);
    headers[n++] = (struct mr_http_header){"ETag", f->etag};
    headers[n++] = (struct mr_http_header){"Last-Modified", changed};
    headers[n++] = (struct mr_http_header){"Cache-Control", s->cache_control};
    if (f->varies)
        headers[n++] = (struct mr_http_header){"Vary", "Accept-Encoding"};
    if (res.status == 206 || res.status == 416) {
        content_range(res.status, part, f->size, range);
        headers[n++] = (struct mr_http_header){"Content-Range", range};
    }
    if (res.status == 412 || res.status == 416) {
        mr__http_req_fail(s->req, res.status,
                          res.status == 412 ? "precondition failed" : "range not satisfiable",
                          headers, n);
        done(s);
        return;
    }
    if (res.status != 304) {
        headers[n++] = (struct mr_http_header){"Content-Type", f->type};
        headers[n++] = (struct mr_http_header){"X-Content-Type-Options", "nosniff"};
        headers[n++] = (struct mr_http_header){"Accept-Ranges", "bytes"};
        if (f->coding != MR_CODING_NONE)
            headers[n++] = (struct mr_http_header){"Content-Encoding", mr__coding_name(f->coding)};
    }
    res.n_headers = n;
    if (res.status != 304) {
        send_part(s, &res, part);
        return;
    }
    mr_http_reply(s->req, &res);
    done(s);
}

static void open_work(uv_work_t *work)
{
    struct sending *s = work->data;

    s->rc = mr__file_open(s->dir, s->path, s->accept, &s->file);
    if (s->rc == MR_OK && !s->file.directory && s->file.size <= MR_FILE_SLICE_BYTES / 2)
        read_slice(s, (size_t)s->file.size);
}

static void opened(uv_work_t *work, int status)
{
    struct sending *s = work->data;

    mr__net_event(s->req->net);
    if (status == 0 && s->rc == MR_OK) {
        if (s->file.directory)
            redirect(s);
        else
            answer(s);
        return;
    }
    if (s->rc == MR_E_NOTFOUND)
        mr__http_req_fail(s->req, 404, "not found", NULL, 0);
    else if (s->rc == MR_E_AGAIN)
        mr__http_req_fail(s->req, 503, "too many open files", NULL, 0);
    else
        mr__http_req_fail(s->req, 500, "the file cannot be read", NULL, 0);
    done(s);
}

/* ---- the application's side ---------------------------------------------------------------- */

static void send_file(struct mr_http_req *req, const char *dir, struct mr_span path,
                      const struct mr_http_files *opt)
{
    const char *cache = opt->cache_control ? opt->cache_control : "public, max-age=0";
    struct sending *s;
    char *at;

    MR_ASSERT_LOOP(req->net->srv);
    if (!mr__file_path_ok(path, opt->dotfiles)) {
        mr__http_req_fail(req, 404, "not found", NULL, 0);
        return;
    }
    s = mr_alloc(sizeof(*s) + strlen(dir) + path.len + strlen(cache) + sizeof(FOREVER) + 3);
    if (s == NULL) {
        mr__http_req_fail(req, 503, "out of memory", NULL, 0);
        return;
    }
    memset(s, 0, sizeof(*s));
    s->work.data = s;
    s->req = req;
    s->file.fd = -1;
    s->accept = mr_http_header(req, "accept-encoding");
    at = s->text;
    s->dir = memcpy(at, dir, strlen(dir) + 1);
    at += strlen(dir) + 1;
    s->path = at;
    if (path.len > 0)
        memcpy(at, path.ptr, path.len);
    at[path.len] = '\0';
    at += path.len + 1;
    if (mr__file_hashed(s->path) || (opt->immutable != NULL && opt->immutable[0] != '\0' &&
                                     mr_span_starts(path, mr_span_str(opt->immutable))))
        cache = FOREVER;
    s->cache_control = memcpy(at, cache, strlen(cache) + 1);
    if (uv_queue_work(req->net->loop, &s->work, open_work, opened) != 0) {
        mr__http_req_fail(req, 503, "too busy", NULL, 0);
        done(s);
    }
}

void mr_http_send_file(struct mr_http_req *req, const char *dir, const char *path,
                       const struct mr_http_files *opt)
{
    static const struct mr_http_files none;

    send_file(req, dir, mr_span_str(path), opt != NULL ? opt : &none);
}

static void on_mount(struct mr_http_req *req, void *ctx)
{
    const struct mr_mount *m = ctx;
    struct mr_http_files opt = {
        .cache_control = m->cache_control, .immutable = m->immutable, .dotfiles = m->dotfiles};

    send_file(req, m->dir, mr_http_param(req, "path"), &opt);
}

static void mount_free(struct mr_mount *m)
{
    mr_free(m->dir);
    mr_free(m->cache_control);
    mr_free(m->immutable);
    mr_free(m);
}

int mr_http_mount(struct mr_server *srv, const char *prefix, const char *dir,
                  const struct mr_http_files *opt)
{
    static const struct mr_http_files none;
    struct mr_mount *m = mr_zalloc(1, sizeof(*m));
    struct mr_buf pattern = MR_BUF_INIT(MR_TARGET_BYTES_MAX);
    size_t len = strlen(prefix);
    int rc = MR_E_NOMEM;

    if (opt == NULL)
        opt = &none;
    if (m == NULL)
        return MR_E_NOMEM;
    m->dir = mr_strdup(dir);
    m->cache_control = mr_strdup(opt->cache_control ? opt->cache_control : "public, max-age=0");
    m->immutable = mr_strdup(opt->immutable ? opt->immutable : "");
    m->dotfiles = opt->dotfiles;
    mr_buf_addf(&pattern, "%s%s*path", prefix, len > 0 && prefix[len - 1] == '/' ? "" : "/");
    if (m->dir != NULL && m->cache_control != NULL && m->immutable != NULL &&
        mr_buf_err(&pattern) == MR_OK)
        rc = mr_http_route(srv, "GET", mr_buf_cstr(&pattern), on_mount, m);
    mr_buf_free(&pattern);
    if (rc != MR_OK) {
        mount_free(m);
        return rc;
    }
    m->next = srv->mounts;
    srv->mounts = m;
    return MR_OK;
}

void mr__mounts_free(struct mr_server *srv)
{
    while (srv->mounts != NULL) {
        struct mr_mount *m = srv->mounts;

        srv->mounts = m->next;
        mount_free(m);
    }
}
