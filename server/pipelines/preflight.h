/* preflight.h - could this pipeline be started? Every check with what to do; nothing is changed. */
#ifndef PIPELINES_PREFLIGHT_H
#define PIPELINES_PREFLIGHT_H

#include "pipelines/plan.h"

/* Append {"valid", "message", "checks": [{"scope", "check", "ok", "detail", "duration_ms"}]}; scope
 * is pipeline, source, target, table or connect. Blocks, for as long as tests of connections may
 * take. [thread: worker] */
void mr_preflight(const struct mr_plan *p, const struct mr_config *cfg, struct mr_buf *json);

#endif
