/* static.c - loading, looking up and answering. Names are looked up as the build wrote them; what a
 * client sends is decoded and compared, never given to the file system. */
#include "api/static.h"
#include "api/call.h"
#include "api/static_csp.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX    16
#define PATH_LEN_MAX 1024

struct file {
    char *path; /* "/monitoring.html"; owned */
    char *bytes;
    size_t len;
    char etag[35]; /* quoted */
    char *csp;     /* of HTML; owned */
    const char *type;
    const struct file *br, *gz; /* the same, compressed */
};

struct mr_static {
    struct file *files; /* sorted by path */
    size_t n, cap, bytes;
};

/* clang-format off */
static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
    {".json", "application/json"}, {".map", "application/json"}, {".svg", "image/svg+xml"},
    {".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".gif", "image/gif"},
    {".webp", "image/webp"}, {".avif", "image/avif"}, {".ico", "image/x-icon"},
    {".woff2", "font/woff2"}, {".woff", "font/woff"}, {".ttf", "font/ttf"},
    {".txt", "text/plain; charset=utf-8"}, {".xml", "application/xml"},
    {".webmanifest", "application/manifest+json"}, {".wasm", "application/wasm"},
    {".yaml", "application/yaml"}, {".pdf", "application/pdf"}, {".md", "text/markdown; charset=utf-8"},
}; /* clang-format on */

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && strcmp(s + n - m, tail) == 0;
}

static const char *type_of(const char *path)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (ends(path, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

/* ---- loading ------------------------------------------------------------------------------ */

static int read_all(int fd, char *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = read(fd, to + got, len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return MR_E_IO;
        got += (size_t)n;
    }
    return MR_OK;
}

static void seal(struct file *f)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)f->bytes, f->len, digest);
    f->etag[0] = '"';
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(f->etag + 1 + 2 * i, 3, "%02x", digest[i]);
    f->etag[33] = '"';
    f->etag[34] = '\0';
    f->type = type_of(f->path);
}

static int add_file(struct mr_static *s, int at, const char *name, const char *path, size_t len)
{
    struct file f = {.len = len};
    int fd = -1, rc = MR_E_NOMEM;

    if (s->n == MR_STATIC_FILES_MAX || s->bytes + len > MR_STATIC_BYTES_MAX)
        return MR_E_TOOBIG;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct file *grown = mr_realloc(s->files, cap * sizeof(*grown));

        if (!grown)
            return MR_E_NOMEM;
        s->files = grown;
        s->cap = cap;
    }
    f.path = mr_strdup(path);
    f.bytes = mr_alloc(len > 0 ? len : 1);
    if (!f.path || !f.bytes)
        goto out;
    rc = MR_E_IO;
    fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || read_all(fd, f.bytes, len) != MR_OK)
        goto out;
    rc = MR_OK;
    seal(&f);
    if (ends(path, ".html")) {
        rc = mr_static_csp(mr_span_of(f.bytes, f.len), &f.csp);
        if (rc != MR_OK)
            goto out;
    }
    s->files[s->n++] = f;
    s->bytes += len;
out:
    if (fd >= 0)
        close(fd);
    if (rc != MR_OK) {
        mr_free(f.path);
        mr_free(f.bytes);
    }
    return rc;
}

static int add_folder(struct mr_static *s, int fd, const char *prefix, int depth);

static int add_entry(struct mr_static *s, int at, const char *name, const char *prefix, int depth)
{
    char path[PATH_LEN_MAX];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s/%s", prefix, name), fd;

    if (n < 0 || (size_t)n >= sizeof(path) || depth > DEPTH_MAX)
        return MR_E_TOOBIG;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return MR_E_IO;
    if (S_ISREG(st.st_mode))
        return add_file(s, at, name, path, (size_t)st.st_size);
    if (!S_ISDIR(st.st_mode))
        return MR_OK; /* links and the like are not part of a build */
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? MR_E_IO : add_folder(s, fd, path, depth + 1);
}

/* Takes fd. */
static int add_folder(struct mr_static *s, int fd, const char *prefix, int depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *e;
    int rc = MR_OK;

    if (!dir) {
        close(fd);
        return MR_E_IO;
    }
    while (rc == MR_OK && (e = readdir(dir)))
        if (e->d_name[0] != '.')
            rc = add_entry(s, dirfd(dir), e->d_name, prefix, depth);
    closedir(dir);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static struct file *find(const struct mr_static *s, const char *path)
{
    struct file key = {.path = (char *)(uintptr_t)path};

    return s->n > 0 ? bsearch(&key, s->files, s->n, sizeof(key), by_path) : NULL;
}

static void link_compressed(struct mr_static *s)
{
    char path[PATH_LEN_MAX + 4];

    for (size_t i = 0; i < s->n; i++) {
        (void)snprintf(path, sizeof(path), "%s.br", s->files[i].path);
        s->files[i].br = find(s, path);
        (void)snprintf(path, sizeof(path), "%s.gz", s->files[i].path);
        s->files[i].gz = find(s, path);
    }
}

int mr_static_load(struct mr_static **out, const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
    struct mr_static *s;

    if (fd < 0)
        return MR_E_NOTFOUND;
    s = mr_zalloc(1, sizeof(*s));
    if (!s) {
        close(fd);
        return MR_E_NOMEM;
    }
    rc = add_folder(s, fd, "", 0);
    if (rc != MR_OK) {
        mr_static_free(s);
        return rc;
    }
    if (s->n > 0)
        qsort(s->files, s->n, sizeof(*s->files), by_path);
    link_compressed(s);
    LOG_INFO("dashboard_loaded", F_STR("dir", dir), F_UINT("files", s->n),
             F_UINT("bytes", s->bytes));
    *out = s;
    return MR_OK;
}

void mr_static_free(struct mr_static *s)
{
    for (size_t i = 0; s && i < s->n; i++) {
        mr_free(s->files[i].path);
        mr_free(s->files[i].bytes);
        mr_free(s->files[i].csp);
    }
    if (s)
        mr_free(s->files);
    mr_free(s);
}

size_t mr_static_count(const struct mr_static *s)
{
    return s->n;
}

/* ---- answering ---------------------------------------------------------------------------- */

/* The file that a path means: itself, with .html, or the index of a folder. */
static const struct file *resolve(const struct mr_static *s, struct mr_span sent)
{
    struct mr_buf path = MR_BUF_INIT(PATH_LEN_MAX);
    const struct file *f = NULL;

    if (mr_url_decode(sent, false, &path) == MR_OK && path.len > 0 && path.ptr[0] == '/') {
        if (path.ptr[path.len - 1] != '/')
            f = find(s, mr_buf_cstr(&path));
        else
            path.len--;
        if (!f && path.len > 0) {
            mr_buf_add_str(&path, ".html");
            f = find(s, mr_buf_cstr(&path));
            path.len -= path.err ? 0 : 5;
        }
        if (!f) {
            mr_buf_add_str(&path, "/index.html");
            f = find(s, mr_buf_cstr(&path));
        }
    }
    mr_buf_free(&path);
    return f;
}

bool mr_static_has(const struct mr_static *s, struct mr_span path)
{
    return resolve(s, path) != NULL;
}

/* If-None-Match: a list, weak or strong, or "*". */
static bool matches(struct mr_span list, const char *etag)
{
    return mr_span_is(list, "*") ||
           (list.len > 0 && memmem(list.ptr, list.len, etag, strlen(etag)) != NULL);
}

static void send_file(struct mr_call *c, const struct file *f, int status)
{
    struct mr_span accepted = mr_http_header(c->req, "accept-encoding");
    bool html = f->csp != NULL;
    const struct file *body = f;

    c->status = status;
    c->type = f->type;
    if (f->br && mr_header_accepts(accepted, "br"))
        body = f->br;
    else if (f->gz && mr_header_accepts(accepted, "gzip"))
        body = f->gz;
    if (f->br || f->gz)
        mr_call_header(c, "Vary", "Accept-Encoding");
    mr_call_header(c, "ETag", "%s", body->etag);
    mr_call_header(c, "Cache-Control", "%s",
                   strncmp(f->path, "/_next/static/", 14) == 0
                       ? "public, max-age=31536000, immutable"
                       : "no-cache");
    if (html) {
        mr_call_header(c, "Content-Security-Policy", "%s", f->csp);
        mr_call_header(c, "X-Frame-Options", "DENY");
        mr_call_header(c, "Referrer-Policy", "same-origin");
        mr_call_header(c, "Permissions-Policy", "camera=(), microphone=(), geolocation=()");
        mr_call_header(c, "Cross-Origin-Opener-Policy", "same-origin");
    }
    if (status == 200 && matches(mr_http_header(c->req, "if-none-match"), body->etag)) {
        c->status = 304;
        c->type = NULL;
        return;
    }
    if (body != f)
        mr_call_header(c, "Content-Encoding", body == f->br ? "br" : "gzip");
    c->borrowed = mr_span_of(body->bytes, body->len);
}

int mr_static_answer(struct mr_static *s, struct mr_call *c)
{
    const struct file *f = resolve(s, mr_http_path(c->req));
    struct mr_span accept = mr_http_header(c->req, "accept");

    if (f) {
        send_file(c, f, 200);
        return MR_OK;
    }
    /* A person gets a page, a program a problem document. */
    f = find(s, "/404.html");
    if (!f || !memmem(accept.ptr ? accept.ptr : "", accept.len, "text/html", 9))
        return mr_call_fail(c, MR_E_NOTFOUND, 0, "There is nothing at this address.");
    send_file(c, f, 404);
    return MR_OK;
}
