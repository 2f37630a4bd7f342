/* letters.h - dead letters: records that could not be read or stored, kept whole. Reading one again
 * is the event logger's. [thread: worker] */
#ifndef STORE_LETTERS_H
#define STORE_LETTERS_H

#include "base/uuid.h"
#include "proto/buf.h"
#include "store/pg.h"

/* Append an array of dead letters, newest first, without their bytes. */
MR_MUSTCHECK int mr_dead_letters_list(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                                      const char *before_time, const char *before_id, int64_t limit,
                                      struct mr_buf *json, bool *more, char last_time[40],
                                      char last_id[MR_UUID_TEXT]);
/* Is there such a letter, of a pipeline that is not hidden? Append it, as the list has it.
 * MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_dead_letter_get(struct mr_pg *c, const char *id, const char *hidden,
                                    struct mr_buf *json);
/* The same with the record's bytes, base64. */
MR_MUSTCHECK int mr_dead_letter_whole(struct mr_pg *c, const char *id, const char *hidden,
                                      struct mr_buf *json);
/* The ids of up to limit letters after an id (NULL: from the beginning), in the order of ids, as a
 * result of one column; PQclear. */
MR_MUSTCHECK int mr_dead_letters_ids(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                                     const char *after, int64_t limit, PGresult **ids);
/* Throw one away: the record is one that was skipped, from now on. MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_dead_letter_discard(struct mr_pg *c, const char *id);

#endif
