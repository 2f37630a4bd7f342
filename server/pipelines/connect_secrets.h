/* connect_secrets.h - how a connector gets a password, and a root certificate
 * (MILLRACE_CONNECT_SECRETS). [thread: worker] */
#ifndef PIPELINES_CONNECT_SECRETS_H
#define PIPELINES_CONNECT_SECRETS_H

#include "pipelines/plan.h"

/* Append what stands in the configuration for the password of this side: itself, or a reference to
 * a file (written here, readable by its owner and the group) or to a variable of the workers.
 * MR_E_CONFIG: the folder is not set; MR_E_IO: the file cannot be written. why says it. */
MR_MUSTCHECK int mr_connect_secret(const struct mr_config *cfg, const struct mr_plan_side *side,
                                   struct mr_buf *out, char *why, size_t size);
/* Append the path of the connection's root certificate; nothing when it has none. */
MR_MUSTCHECK int mr_connect_root_cert(const struct mr_config *cfg, const struct mr_plan_side *side,
                                      struct mr_buf *out, char *why, size_t size);

#endif
