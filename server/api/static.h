/* static.h - the dashboard's files, read into memory once at start, so that a request costs no
 * system call and a path can never leave the folder: there is only a table of names to look in.
 *
 *   /_next/static/..  hashed by the build: immutable, a year
 *   *.html            no-cache, with the policy headers; its inline scripts are allowed by hash
 *   /monitoring       monitoring.html, or monitoring/index.html
 *   x.js.br, x.js.gz  served as x.js to those who accept them
 *
 * [thread: any] once loaded; answering is [thread: loop] */
#ifndef API_STATIC_H
#define API_STATIC_H

#include "proto/err.h"
#include "proto/span.h"

#define MR_STATIC_BYTES_MAX (64u << 20)
#define MR_STATIC_FILES_MAX 8192

struct mr_static;
struct mr_call;

/* Read a folder. MR_OK; MR_E_NOTFOUND: not a folder; MR_E_TOOBIG: over the limits above; MR_E_IO;
 * MR_E_NOMEM. */
MR_MUSTCHECK int mr_static_load(struct mr_static **out, const char *dir);
void mr_static_free(struct mr_static *s);
size_t mr_static_count(const struct mr_static *s);
/* Is there a file for this path (as sent)? */
bool mr_static_has(const struct mr_static *s, struct mr_span path);
/* Answer a GET: the file, 304, or the 404 page. MR_OK; MR_E_NOTFOUND: a problem document is due. */
MR_MUSTCHECK int mr_static_answer(struct mr_static *s, struct mr_call *c);

#endif
