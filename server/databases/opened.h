/* opened.h - a stored connection as something to connect to. */
#ifndef DATABASES_OPENED_H
#define DATABASES_OPENED_H

#include "base/config.h"
#include "databases/databases.h"

#define MR_OPENED_TEXTS 8

struct mr_opened {
    struct mr_database db;
    struct mr_buf texts[MR_OPENED_TEXTS]; /* what db points into */
};

/* object: a connection as the API shows it. password: in the clear, borrowed like cfg and hosts for
 * as long as o is used; empty: none. [thread: any] */
void mr_opened_read(struct mr_opened *o, struct mr_span object, struct mr_buf *password,
                    const struct mr_config *cfg, const struct mr_hosts *hosts);
void mr_opened_free(struct mr_opened *o);

#endif
