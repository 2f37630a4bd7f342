/* state.c - the state machine's tables.
 *
 *                     start                    (ready)
 *   NOT_STARTED ------------------> STARTING ----------> RUNNING <----------> PAUSED
 *                                   ^  |  |               |   |  pause/resume   |
 *                             start |  |  | (load only,   |   |                 |
 *                                   |  |  v  ended)       |   v stop       stop |
 *                                 STOPPED <---------------+-- STOPPING <--------+
 *                                   ^                     |   |  ^
 *                             start |       (failure)     v   v  | stop
 *                                   +------------------- ERROR --+
 *
 * Reading a row: from this state one may go to those marked. */
#include "pipelines/state.h"
#include <strings.h>

static const char *const names[MR_PL_STATES] = {
    "NOT_STARTED", "STARTING", "RUNNING", "STOPPING", "STOPPED", "PAUSED", "ERROR",
};

/* clang-format off */
static const bool may[MR_PL_STATES][MR_PL_STATES] = {
    /* to:             NOT_STARTED STARTING RUNNING STOPPING STOPPED PAUSED ERROR */
    [MR_PL_NOT_STARTED] = {   0,       1,      0,      0,       0,      0,     0 },
    [MR_PL_STARTING]    = {   0,       0,      1,      1,       1,      0,     1 }, /* STOPPED: a  */
    [MR_PL_RUNNING]     = {   0,       0,      0,      1,       1,      1,     1 }, /* full load   */
    [MR_PL_STOPPING]    = {   0,       0,      0,      0,       1,      0,     1 }, /* that ended  */
    [MR_PL_STOPPED]     = {   0,       1,      0,      0,       0,      0,     0 },
    [MR_PL_PAUSED]      = {   0,       0,      1,      1,       0,      0,     1 },
    [MR_PL_ERROR]       = {   0,       1,      0,      1,       0,      0,     0 },
};

static const struct {
    enum mr_pipeline_state from;
    enum mr_pipeline_command cmd;
    int steps;
    enum mr_pipeline_state path[2];
} commands[] = {
    {MR_PL_NOT_STARTED, MR_PL_START,  2, {MR_PL_STARTING, MR_PL_RUNNING}},
    {MR_PL_STOPPED,     MR_PL_START,  2, {MR_PL_STARTING, MR_PL_RUNNING}},
    {MR_PL_ERROR,       MR_PL_START,  2, {MR_PL_STARTING, MR_PL_RUNNING}},
    {MR_PL_STARTING,    MR_PL_START,  1, {MR_PL_RUNNING}},
    {MR_PL_RUNNING,     MR_PL_START,  0, {MR_PL_RUNNING}},
    {MR_PL_PAUSED,      MR_PL_START,  1, {MR_PL_RUNNING}}, /* start on PAUSED resumes */
    {MR_PL_STARTING,    MR_PL_STOP,   2, {MR_PL_STOPPING, MR_PL_STOPPED}},
    {MR_PL_RUNNING,     MR_PL_STOP,   2, {MR_PL_STOPPING, MR_PL_STOPPED}},
    {MR_PL_PAUSED,      MR_PL_STOP,   2, {MR_PL_STOPPING, MR_PL_STOPPED}},
    {MR_PL_ERROR,       MR_PL_STOP,   2, {MR_PL_STOPPING, MR_PL_STOPPED}},
    {MR_PL_STOPPING,    MR_PL_STOP,   1, {MR_PL_STOPPED}},
    {MR_PL_STOPPED,     MR_PL_STOP,   0, {MR_PL_STOPPED}},
    {MR_PL_RUNNING,     MR_PL_PAUSE,  1, {MR_PL_PAUSED}},
    {MR_PL_PAUSED,      MR_PL_PAUSE,  0, {MR_PL_PAUSED}},
    {MR_PL_PAUSED,      MR_PL_RESUME, 1, {MR_PL_RUNNING}},
    {MR_PL_RUNNING,     MR_PL_RESUME, 0, {MR_PL_RUNNING}},
    {MR_PL_RUNNING,     MR_PL_RESTART, 0, {MR_PL_RUNNING}}, /* nothing of ours to start again */
    {MR_PL_PAUSED,      MR_PL_RESTART, 1, {MR_PL_RUNNING}},
    {MR_PL_STOPPED,     MR_PL_RESTART, 2, {MR_PL_STARTING, MR_PL_RUNNING}},
    {MR_PL_ERROR,       MR_PL_RESTART, 2, {MR_PL_STARTING, MR_PL_RUNNING}},
};

static const struct {
    enum mr_pipeline_state from;
    enum mr_pipeline_command cmd;
    struct mr_pipeline_order order;
} orders[] = {
    {MR_PL_NOT_STARTED, MR_PL_START,   {"start",   MR_PL_STARTING, false}},
    {MR_PL_STOPPED,     MR_PL_START,   {"start",   MR_PL_STARTING, false}},
    {MR_PL_ERROR,       MR_PL_START,   {"start",   MR_PL_STARTING, true}},
    {MR_PL_STARTING,    MR_PL_START,   {NULL,      MR_PL_STARTING, false}},
    {MR_PL_RUNNING,     MR_PL_START,   {NULL,      MR_PL_RUNNING,  false}},
    {MR_PL_PAUSED,      MR_PL_START,   {"resume",  MR_PL_PAUSED,   true}},
    {MR_PL_STARTING,    MR_PL_STOP,    {"stop",    MR_PL_STOPPING, true}},
    {MR_PL_RUNNING,     MR_PL_STOP,    {"stop",    MR_PL_STOPPING, true}},
    {MR_PL_PAUSED,      MR_PL_STOP,    {"stop",    MR_PL_STOPPING, true}},
    {MR_PL_ERROR,       MR_PL_STOP,    {"stop",    MR_PL_STOPPING, true}},
    {MR_PL_STOPPING,    MR_PL_STOP,    {NULL,      MR_PL_STOPPING, false}},
    {MR_PL_STOPPED,     MR_PL_STOP,    {NULL,      MR_PL_STOPPED,  false}},
    {MR_PL_RUNNING,     MR_PL_PAUSE,   {"pause",   MR_PL_RUNNING,  true}},
    {MR_PL_PAUSED,      MR_PL_PAUSE,   {NULL,      MR_PL_PAUSED,   false}},
    {MR_PL_PAUSED,      MR_PL_RESUME,  {"resume",  MR_PL_PAUSED,   true}},
    {MR_PL_RUNNING,     MR_PL_RESUME,  {NULL,      MR_PL_RUNNING,  false}},
    {MR_PL_RUNNING,     MR_PL_RESTART, {"restart", MR_PL_RUNNING,  true}},
    {MR_PL_PAUSED,      MR_PL_RESTART, {"restart", MR_PL_PAUSED,   true}},
    {MR_PL_STOPPED,     MR_PL_RESTART, {"start",   MR_PL_STARTING, false}},
    {MR_PL_ERROR,       MR_PL_RESTART, {"start",   MR_PL_STARTING, true}},
    {MR_PL_RUNNING,     MR_PL_RESYNC,  {"resync",  MR_PL_STOPPING, true}},
    {MR_PL_PAUSED,      MR_PL_RESYNC,  {"resync",  MR_PL_STOPPING, true}},
    {MR_PL_ERROR,       MR_PL_RESYNC,  {"resync",  MR_PL_STOPPING, true}},
    {MR_PL_STOPPED,     MR_PL_RESYNC,  {"resync",  MR_PL_STOPPED,  false}},
}; /* clang-format on */

int mr_pipeline_order(enum mr_pipeline_state from, enum mr_pipeline_command cmd,
                      struct mr_pipeline_order *out)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (orders[i].from != from || orders[i].cmd != cmd)
            continue;
        *out = orders[i].order;
        return MR_OK;
    }
    return MR_E_CONFLICT;
}

const char *mr_pipeline_state_name(enum mr_pipeline_state s)
{
    return names[s];
}

int mr_pipeline_state_parse(struct mr_span text, enum mr_pipeline_state *out)
{
    for (int s = 0; s < MR_PL_STATES; s++) {
        if (text.len == strlen(names[s]) && strncasecmp(text.ptr, names[s], text.len) == 0) {
            *out = (enum mr_pipeline_state)s;
            return MR_OK;
        }
    }
    return MR_E_NOTFOUND;
}

bool mr_pipeline_may(enum mr_pipeline_state from, enum mr_pipeline_state to)
{
    return may[from][to];
}

int mr_pipeline_path(enum mr_pipeline_state from, enum mr_pipeline_command cmd,
                     enum mr_pipeline_state path[2])
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].from != from || commands[i].cmd != cmd)
            continue;
        path[0] = commands[i].path[0];
        path[1] = commands[i].path[1];
        return commands[i].steps;
    }
    return MR_E_CONFLICT;
}
