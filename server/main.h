/* main.h - the subcommands of the executable. Each returns the process's exit status. */
#ifndef MILLRACE_MAIN_H
#define MILLRACE_MAIN_H

#include "api/health.h"
#include "base/config.h"
#include "eventlogger/eventlogger.h"
#include "store/pg.h"
#include "stream/stream.h"

#define MR_EXIT_USAGE 2

/* main_serve.c */
int mr_main_serve(struct mr_config *cfg, int argc, char **argv);
/* main_metrics.c: set the gauges and counters that others keep. [thread: loop] */
void mr_main_metrics(struct mr_server *server, struct mr_stream *stream, struct mr_pool *workers,
                     struct mr_pg_pool *pg);
/* main_logger.c: a process without HTTP that is the event logger, the ingest worker, or both. */
int mr_main_workers(struct mr_config *cfg, bool logger, bool ingest, int argc, char **argv);
/* The event logger of this process, which can be made anew while others hold on to it. */
struct mr_main_logger;
/* As el_logger_start. */
MR_MUSTCHECK int mr_main_logger_start(struct mr_main_logger **out, const struct mr_config *cfg,
                                      el_forward_fn forward, void *ctx);
/* Finish the batch in hand and end; who asks for its state is answered until it is freed, when
 * nobody may ask any more. NULL is allowed. */
void mr_main_logger_stop(struct mr_main_logger *m);
void mr_main_logger_free(struct mr_main_logger *m);
/* Finish the batch in hand, leave the group, and begin anew; ctx is the struct mr_main_logger. Who
 * comes while somebody is at it waits, and is served by that. As el_logger_start. [thread: worker]
 */
MR_MUSTCHECK int mr_main_logger_restart(void *ctx);
/* As el_logger_status; EL_STARTING while it is made anew. [thread: any] */
void mr_main_logger_status(struct mr_main_logger *m, struct el_status *out);
/* The object of GET /monitoring/event-logger-status; ctx is the struct mr_main_logger. [thread:
 * any] */
void mr_main_logger_json(struct mr_buf *out, void *ctx);
/* main_tools.c: migrate, user; args are what follows the subcommand, without flags. */
int mr_main_migrate(const struct mr_config *cfg, int n, char **args);
int mr_main_user(const struct mr_config *cfg, int n, char **args);
/* Connect outside a pool, with the settings' timeouts. */
MR_MUSTCHECK int mr_main_connect(const struct mr_config *cfg, const char *application,
                                 struct mr_pg **out);
/* Make the first administrator when there is no user; a made-up password is printed, once. */
MR_MUSTCHECK int mr_main_first_admin(const struct mr_config *cfg, struct mr_pg *c);
/* How many migrations are pending, or an error. */
int mr_main_pending(struct mr_pg *c);

/* main_secrets.c */
#define MR_SECRET_KEY_ADVICE                                                                       \
    "MILLRACE_SECRET_KEY: give 32 random bytes in base64, as `openssl rand -base64 32` prints "    \
    "them; several with commas, the present one first"
int mr_main_secrets(const struct mr_config *cfg, int n, char **args);

/* main_checks.c */
int mr_main_doctor(const struct mr_config *cfg);

struct mr_checks; /* what the probes keep between two questions */
MR_MUSTCHECK int mr_checks_new(struct mr_checks **out, const struct mr_config *cfg,
                               struct mr_main_logger *logger, bool bootstrap);
/* Fills probes; returns how many. */
size_t mr_checks_probes(struct mr_checks *k, struct mr_probe probes[MR_HEALTH_PROBES_MAX]);
void mr_checks_free(struct mr_checks *k);

/* main.c: load the settings again (SIGHUP) and take over what may change. */
void mr_main_reload(struct mr_config *live, int argc, char **argv);

#endif
