/* catalogs.h - the source's tables as they were when a pipeline last took notice of them, and what
 * has changed since: columns of pipeline_evidence. A catalogue is JSON:
 * [{table: "schema.name", columns: [{n: attnum, name, type}]}]. [thread: worker] */
#ifndef STORE_CATALOGS_H
#define STORE_CATALOGS_H

#include "store/pg.h"

/* How a catalogue differs from the one that is kept, a row each: table (of the source), change
 * (added, dropped, renamed, retyped, table added, table dropped), the column's name before and now,
 * its type before and now; "" where there is none. No rows also when none is kept yet. The caller
 * PQclears. */
MR_MUSTCHECK int mr_catalogs_compare(struct mr_pg *c, const char *pipeline_id, const char *catalog,
                                     PGresult **out);
/* Keep this one. changes: JSON array of what was noticed, which goes before the earlier ones (the
 * last 50 are kept); NULL: nothing was. */
MR_MUSTCHECK int mr_catalogs_keep(struct mr_pg *c, const char *pipeline_id, const char *catalog,
                                  const char *changes);
/* A pipeline begins anew: nothing is known. */
MR_MUSTCHECK int mr_catalogs_forget(struct mr_pg *c, const char *pipeline_id);

#endif
