/* client_bundle.h - the browser client, as the build found it: served below the Socket.IO path, so
 * that a page needs nothing but this server. [thread: loop] */
#ifndef IO_CLIENT_BUNDLE_H
#define IO_CLIENT_BUNDLE_H

#include "io/http_conn.h"

struct mr_client_file {
    const char *name; /* "socket.io.min.js"; NULL ends the table */
    const unsigned char *gzip;
    size_t gzip_len, len; /* len: of the file itself */
};

/* Made by client_bundle.cmake; the table is empty when there was no package. */
extern const struct mr_client_file mr__client_files[];
extern const char mr__client_version[];

/* Answer a GET or HEAD for one of the files. False: it is for none of them. */
bool mr__client_serve(struct mr_http_conn *h, const struct mr_http_head *head);

#endif
