/* state.h - which state a pipeline may go to from which, and what each command asks of it. One pure
 * table; the database is only ever changed by "UPDATE .. WHERE status = <what was read>". */
#ifndef PIPELINES_STATE_H
#define PIPELINES_STATE_H

#include "proto/err.h"
#include "proto/span.h"

enum mr_pipeline_state {
    MR_PL_NOT_STARTED,
    MR_PL_STARTING,
    MR_PL_RUNNING,
    MR_PL_STOPPING,
    MR_PL_STOPPED,
    MR_PL_PAUSED,
    MR_PL_ERROR,
    MR_PL_STATES,
};
enum mr_pipeline_command {
    MR_PL_START,
    MR_PL_STOP,
    MR_PL_PAUSE,
    MR_PL_RESUME,
    MR_PL_RESTART,
    MR_PL_RESYNC,
    MR_PL_COMMANDS,
};

/* "RUNNING" [thread: any] */
const char *mr_pipeline_state_name(enum mr_pipeline_state s);
/* Any case; MR_E_NOTFOUND when text names no state. */
MR_MUSTCHECK int mr_pipeline_state_parse(struct mr_span text, enum mr_pipeline_state *out);
/* May a pipeline go from one state to the other in one step? */
bool mr_pipeline_may(enum mr_pipeline_state from, enum mr_pipeline_state to);

/* What a command does to a pipeline that somebody else's connector feeds (engine external), where
 * there is nothing to wait for between STARTING and RUNNING or STOPPING and STOPPED.
 *
 * path  out: the states passed through, the last one is where it comes to rest.
 * Returns how many (0: it is there already, nothing to do) or MR_E_CONFLICT: not from here. */
int mr_pipeline_path(enum mr_pipeline_state from, enum mr_pipeline_command cmd,
                     enum mr_pipeline_state path[2]);

/* What a command does to a pipeline that millrace runs itself (engine connect): a job, and the
 * state at once, which says that something is under way. */
struct mr_pipeline_order {
    const char *job; /* NULL: there is nothing to do, it is so already */
    enum mr_pipeline_state
        to;       /* the state until the job has done its work; may be the present one */
    bool cancels; /* what is under way is to end */
};
/* MR_OK; MR_E_CONFLICT: not from here. */
MR_MUSTCHECK int mr_pipeline_order(enum mr_pipeline_state from, enum mr_pipeline_command cmd,
                                   struct mr_pipeline_order *out);

#endif
