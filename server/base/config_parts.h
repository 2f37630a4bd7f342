/* config_parts.h - what no single row of the table can say; for config.c alone. */
#ifndef BASE_CONFIG_PARTS_H
#define BASE_CONFIG_PARTS_H

#include "base/config.h"

/* A fault, told in one line: evaluates to MR_E_CONFIG. */
#define CONFIG_FAULT(err, ...) (mr_buf_addf((err), __VA_ARGS__), MR_E_CONFIG)

/* Words, and settings that depend on each other. MR_OK; MR_E_CONFIG and a line in err. */
int mr__config_check(const struct mr_config *cfg, struct mr_buf *err);
/* Make DATABASE_URL and REDIS_URL of their parts when they are not given whole. MR_OK; MR_E_NOMEM.
 */
int mr__config_assemble(struct mr_config *cfg);

#endif
