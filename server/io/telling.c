/* telling.c - the public side of the log. */
#include "base/log.h"
#include "millrace/lifecycle.h"

static mr_log_fn user_fn;

static void forward(enum mr_log_level level, const char *line, size_t len, void *ctx)
{
    user_fn((enum mr_severity)level, line, len, ctx);
}

_Static_assert((int)MR_LOG_ERROR == (int)MR_SEVERITY_ERROR, "one scale, two names");

void mr_set_log(enum mr_severity min, mr_log_fn fn, void *ctx)
{
    user_fn = fn;
    mr_log_init((enum mr_log_level)min, false);
    mr_log_to(fn != NULL ? forward : NULL, ctx);
}
