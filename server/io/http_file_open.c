/* http_file_open.c - from a path to an open file, never outside its directory. [thread: any] */
#include "io/http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) /* a FIFO must not hold us up */

/* clang-format off */
static const struct {
    const char *ending, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"}, {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"}, {"css", "text/css; charset=utf-8"},
    {"json", "application/json"}, {"map", "application/json"}, {"svg", "image/svg+xml"},
    {"png", "image/png"}, {"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"}, {"gif", "image/gif"},
    {"webp", "image/webp"}, {"avif", "image/avif"}, {"ico", "image/x-icon"},
    {"woff2", "font/woff2"}, {"woff", "font/woff"}, {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"}, {"xml", "application/xml"},
    {"webmanifest", "application/manifest+json"}, {"wasm", "application/wasm"},
    {"yaml", "application/yaml"}, {"pdf", "application/pdf"}, {"csv", "text/csv; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"}, {"mp4", "video/mp4"}, {"webm", "video/webm"},
    {"mp3", "audio/mpeg"}, {"zip", "application/zip"},
}; /* clang-format on */

static const char *ending_of(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *dot = strrchr(name != NULL ? name : path, '.');

    return dot != NULL ? dot + 1 : "";
}

const char *mr__file_type(const char *path)
{
    const char *ending = ending_of(path);

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(ending, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

/* Eight hexadecimal digits or more between a dot or hyphen and a dot, of both kinds: a date has no
 * letters, and few words are made of "abcdef" and digits. */
bool mr__file_hashed(const char *path)
{
    const char *name = strrchr(path, '/');

    for (const char *at = name != NULL ? name : path; *at != '\0'; at++) {
        size_t n, digits = 0;

        if (*at != '.' && *at != '-')
            continue;
        n = strspn(at + 1, "0123456789abcdef");
        for (size_t i = 1; i <= n; i++)
            digits += at[i] <= '9';
        if (n >= 8 && at[n + 1] == '.' && digits > 0 && digits < n)
            return true;
    }
    return false;
}

bool mr__file_path_ok(struct mr_span path, bool dotfiles)
{
    bool last = false;

    if (path.len > MR_TARGET_BYTES_MAX ||
        (path.len > 0 && memchr(path.ptr, '\0', path.len) != NULL))
        return false;
    while (!last) {
        const char *slash = path.len ? memchr(path.ptr, '/', path.len) : NULL;
        struct mr_span s = mr_span_of(path.ptr, slash ? (size_t)(slash - path.ptr) : path.len);

        last = slash == NULL;
        if (!last)
            path = mr_span_of(slash + 1, path.len - s.len - 1);
        if ((s.len == 0 && !last) || mr_span_is(s, ".") || mr_span_is(s, ".."))
            return false;
        if (s.len > 0 && s.ptr[0] == '.' && !dotfiles && !mr_span_is(s, ".well-known"))
            return false;
    }
    return true;
}

static int walk(int dir, const char *path)
{
    int at = dir;

    for (;;) {
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0' || path[len + 1] == '\0';
        char name[256];
        int next;

        if (len == 0 || len >= sizeof(name)) {
            errno = len == 0 ? EINVAL : ENAMETOOLONG;
            next = -1;
        } else {
            memcpy(name, path, len);
            name[len] = '\0';
            next = openat(at, name,
                          (last ? OPEN_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW);
        }
        if (at != dir) {
            int error = errno;

            close(at);
            errno = error;
        }
        if (next < 0 || last)
            return next;
        at = next;
        path += len + 1;
    }
}

int mr__file_open_below(int dir, const char *path, bool beneath)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd;

    if (path[0] == '\0')
        path = ".";
    if (!beneath)
        return walk(dir, path);
    for (int i = 0; i < 8; i++) { /* EAGAIN: something was renamed meanwhile */
        fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* an old kernel, or a filter */
        return walk(dir, path);
    return fd;
}

static int error_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EXDEV:
    case EACCES:
    case EINVAL:
    case ENAMETOOLONG:
    case ENXIO:
        return MR_E_NOTFOUND;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return MR_E_AGAIN;
    default:
        return MR_E_IO;
    }
}

/* Open a variant, if it is there and a plain file. */
static int variant(int dir, const char *path, const char *ending, struct stat *st)
{
    char name[MR_TARGET_BYTES_MAX + 32];
    int fd;

    (void)snprintf(name, sizeof(name), "%s%s", path, ending);
    fd = mr__file_open_below(dir, name, true);
    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The variant that the client likes best takes the place of the file. */
static void choose(int dir, const char *path, struct mr_span accept, struct stat *st,
                   struct mr_file *out)
{
    static const char *const endings[] = {NULL, NULL, ".gz", ".br"};
    unsigned have = 0;
    struct stat stats[4];
    int fds[4] = {-1, -1, -1, -1};

    if (!mr__coding_helps(mr_span_str(out->type)))
        return;
    for (int c = MR_CODING_GZIP; c <= MR_CODING_BR; c++) {
        fds[c] = variant(dir, path, endings[c], &stats[c]);
        if (fds[c] >= 0)
            have |= MR_CODING_BIT(c);
    }
    out->varies = have != 0;
    out->coding = mr__coding_choose(accept, have);
    if (out->coding != MR_CODING_NONE) {
        int plain = out->fd;

        out->fd = fds[out->coding];
        fds[out->coding] = plain;
        *st = stats[out->coding];
    }
    for (int c = 0; c < 4; c++) {
        if (fds[c] >= 0)
            close(fds[c]);
    }
}

/* What is below dir at path: a file, or a directory's index. */
static int find(int dir, const char *path, struct mr_span accept, struct mr_file *out)
{
    const size_t len = strlen(path);
    const bool slash = len == 0 || path[len - 1] == '/';
    char name[MR_TARGET_BYTES_MAX + 32];
    struct stat st;

    (void)snprintf(name, sizeof(name), "%s%s", path, slash ? "index.html" : "");
    out->fd = mr__file_open_below(dir, name, true);
    if (out->fd < 0 || fstat(out->fd, &st) != 0)
        return error_of(errno);
    if (S_ISDIR(st.st_mode) && !slash) {
        close(out->fd);
        out->fd = -1;
        out->directory = true;
        return MR_OK;
    }
    if (!S_ISREG(st.st_mode))
        return MR_E_NOTFOUND;
    out->type = mr__file_type(name);
    choose(dir, name, accept, &st, out);
    out->size = (uint64_t)st.st_size;
    out->changed_s = (int64_t)st.st_mtim.tv_sec;
    (void)snprintf(out->etag, sizeof(out->etag), "\"%llx-%llx-%llx%09lx\"",
                   (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
                   (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    return MR_OK;
}

int mr__file_open(const char *dir, const char *path, struct mr_span accept, struct mr_file *out)
{
    int below = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc;

    *out = (struct mr_file){.fd = -1};
    if (below < 0)
        return error_of(errno);
    rc = find(below, path, accept, out);
    close(below);
    if (rc != MR_OK && out->fd >= 0) {
        close(out->fd);
        out->fd = -1;
    }
    return rc;
}
