/* pipelines.h - the table pipelines, as the REST interface shows it. A row leaves here as the text
 * of a JSON object that PostgreSQL built, so that the fields are named in one place. [thread:
 * worker] */
#ifndef STORE_PIPELINES_H
#define STORE_PIPELINES_H

#include "store/rows.h"

struct mr_pipeline_filter {
    const char *status, *mode, *text; /* NULL: any; text: found in name or description */
    const char *hidden;               /* ids to leave out, a PostgreSQL array */
    int64_t limit;
    const char *after_time, *after_id; /* keyset: strictly after this row; NULL: from the first */
};

/* fields: a JSON object of columns to set, as api/fields.h makes it. Append the new row's object;
 * id receives its id, version its version. MR_E_CONFLICT: the name is taken; MR_E_DATA: a value is
 * refused (a connection that does not exist). */
MR_MUSTCHECK int mr_pipelines_create(struct mr_pg *c, const char *fields, const char *created_by,
                                     char id[MR_UUID_TEXT], struct mr_buf *json, int64_t *version);
/* MR_E_NOTFOUND when there is none (or it is deleted). */
MR_MUSTCHECK int mr_pipelines_get(struct mr_pg *c, const char *id, struct mr_buf *json,
                                  int64_t *version);
/* Inside a transaction: lock the row, and see what fields would do to it. */
struct mr_pipeline_locked {
    int64_t version;
    char status[16];
    char frozen[256]; /* names of the fields out of `frozen` that would become others; or "" */
};
/* frozen: names as a PostgreSQL array, "{mode,engine}". MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_pipelines_lock(struct mr_pg *c, const char *id, const char *fields,
                                   const char *frozen, struct mr_pipeline_locked *out);
/* Set what is in fields; the version grows. Errors as for create. */
MR_MUSTCHECK int mr_pipelines_change(struct mr_pg *c, const char *id, const char *fields,
                                     struct mr_buf *json, int64_t *version);
/* Append an array of objects, newest first. */
MR_MUSTCHECK int mr_pipelines_list(struct mr_pg *c, const struct mr_pipeline_filter *f,
                                   struct mr_buf *json, struct mr_page *page);

/* What a command needs to know. */
struct mr_pipeline_brief {
    char name[256 * 4];
    char status[16], engine[16], full_load_status[16];
    char debezium_connector[256], sink_connector[256];
};
MR_MUSTCHECK int mr_pipelines_brief(struct mr_pg *c, const char *id, struct mr_pipeline_brief *out);
/* UPDATE .. WHERE status = from. cdc_status follows (RUNNING, PAUSED, STOPPED). MR_E_CONFLICT:
 * somebody was faster (read again). */
MR_MUSTCHECK int mr_pipelines_move(struct mr_pg *c, const char *id, const char *from,
                                   const char *to);
/* Why it is not as it should be (NULL: it is), without a change of state. */
MR_MUSTCHECK int mr_pipelines_note(struct mr_pg *c, const char *id, const char *error);
/* full_load_status; lsn NULL: as it was. COMPLETED sets the time, too. */
MR_MUSTCHECK int mr_pipelines_loaded(struct mr_pg *c, const char *id, const char *status,
                                     const char *lsn);
/* Soft delete of a pipeline in a state that does not consume, or of any with force. MR_E_NOTFOUND;
 * MR_E_CONFLICT: it runs. */
MR_MUSTCHECK int mr_pipelines_delete(struct mr_pg *c, const char *id, bool force);
/* MR_OK when it exists; MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_pipelines_exists(struct mr_pg *c, const char *id);

#endif
