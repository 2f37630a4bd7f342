/* http_file.h - files as replies: found and opened on uv's threads, sent from the loop.
 *
 *   loop      mr__file_send      the path is looked at: no "..", no hidden names
 *   thread    mr__file_open      opened below its directory and nowhere else, with its compressed
 *                                variants; the first slice read
 *   loop      conditions, range, head; a small file is answered at once
 *   thread    the next slice  <->  loop: written, and waited for while its reader is slow
 */
#ifndef IO_HTTP_FILE_H
#define IO_HTTP_FILE_H

#include "io/http.h"
#include "io/http_coding.h"

struct mr_file {
    int fd; /* -1: none */
    uint64_t size;
    int64_t changed_s;
    enum mr_coding coding;
    bool varies;      /* there are variants: what is sent depends on Accept-Encoding */
    bool directory;   /* it is one, and was asked for without the slash at its end */
    const char *type; /* by the name */
    char etag[72];    /* quoted, strong */
};

/* Open path (relative, already looked at) below the directory dir; of a directory its index.html.
 * accept: an Accept-Encoding value. Blocks. MR_OK: the file is open, or directory is set.
 * MR_E_NOTFOUND: it is not there, not a plain file, not readable, or outside of dir; MR_E_AGAIN: no
 * descriptors; MR_E_IO. [thread: any] */
MR_MUSTCHECK int mr__file_open(const char *dir, const char *path, struct mr_span accept,
                               struct mr_file *out);
/* The step below: open path under the descriptor of a directory, without leaving it. beneath: let
 * the kernel see to it (links that stay inside are followed); else each step is taken by hand and
 * no links are followed. Returns a descriptor, or -1 and errno. */
int mr__file_open_below(int dir, const char *path, bool beneath);
/* May this path be asked for? No empty, "." or ".." segments, no NUL; with hidden ones only if
 * dotfiles (".well-known" always). */
bool mr__file_path_ok(struct mr_span path, bool dotfiles);
const char *mr__file_type(const char *path);
/* Does the name carry a hash of the content, as in "app.3f2a9c1b.js"? */
bool mr__file_hashed(const char *path);

/* Forget the directories that are mounted. [thread: loop] */
void mr__mounts_free(struct mr_server *srv);

#endif
