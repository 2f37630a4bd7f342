/* connect_client.h - Kafka Connect's REST interface, by libcurl.
 *
 * Connect answers 409 while it rebalances, 500 "Request timed out" when its leader is away, and 202
 * long before what was asked for is so: calls are repeated while there is hope (until the deadline
 * of the client), and states are read until they are what they should be. Configurations hold
 * passwords: neither they nor answers that show them are logged.
 *
 * Errors: MR_E_NOTFOUND: no such connector; MR_E_INVAL: Connect refused (400, 422); MR_E_AGAIN: it
 * rebalances still; MR_E_UNAVAIL: it is away, or its answer cannot be read; MR_E_TIMEOUT; the
 * sentence is in mr_connect_why. One thread at a time. [thread: worker]
 * Source: Kafka 3.9, ConnectorsResource. */
#ifndef PIPELINES_CONNECT_CLIENT_H
#define PIPELINES_CONNECT_CLIENT_H

#include "proto/json.h"
#include <stdint.h>

struct mr_connect;

/* urls: one or more workers, with commas; the next is tried when one is away. "": every call is
 * MR_E_UNAVAIL. give_up(ctx), unless NULL, ends waiting early. */
MR_MUSTCHECK int mr_connect_new(struct mr_connect **out, const char *urls, int64_t timeout_ms,
                                bool (*give_up)(void *ctx), void *ctx);
void mr_connect_free(struct mr_connect *c);
/* What was wrong with the last call. */
const char *mr_connect_why(const struct mr_connect *c);

/* One call, repeated while Connect rebalances. answer: cleared, then the body. */
MR_MUSTCHECK int mr_connect_call(struct mr_connect *c, const char *method, const char *path,
                                 struct mr_span body, struct mr_buf *answer);

/* Make the connector, or give it this configuration (an object of strings). */
MR_MUSTCHECK int mr_connect_put(struct mr_connect *c, const char *name, struct mr_span config);
/* verb: "pause", "resume", "stop" (PUT). */
MR_MUSTCHECK int mr_connect_ask(struct mr_connect *c, const char *name, const char *verb);
/* Restart the connector and its tasks, or the failed ones of them. */
MR_MUSTCHECK int mr_connect_restart(struct mr_connect *c, const char *name, bool only_failed);
/* MR_OK also when there is none. */
MR_MUSTCHECK int mr_connect_delete(struct mr_connect *c, const char *name);
/* Forget its offsets; it has to be stopped. MR_OK also when there is none. */
MR_MUSTCHECK int mr_connect_forget(struct mr_connect *c, const char *name);

/* Has a source's snapshot been taken? By the offsets that it has committed: none yet, or of a
 * snapshot that goes on, is no. */
MR_MUSTCHECK int mr_connect_snapshot(struct mr_connect *c, const char *name, bool *taken);
/* The same of an answer of /offsets. Pure. */
bool mr_connector_snapshot_taken(struct mr_span answer);

struct mr_connector_status {
    char state[16]; /* of the connector */
    char worst[16]; /* health: of connector and tasks; "UNASSIGNED" also when it has no task yet */
    int tasks, running, failed;
    char trace[4096]; /* of the first failure; "" */
    char cause[512];  /* the line of it that says why: its innermost cause */
};
MR_MUSTCHECK int mr_connect_status(struct mr_connect *c, const char *name,
                                   struct mr_connector_status *out);
/* Read an object {connector, tasks} as /status and ?expand=status give it. Pure. */
void mr_connector_status_read(struct mr_span status, struct mr_connector_status *out);
/* Wait until its health is `state` ("RUNNING", "PAUSED", "STOPPED"). MR_E_DATA: it has failed, and
 * its trace is why. */
MR_MUSTCHECK int mr_connect_await(struct mr_connect *c, const char *name, const char *state,
                                  int64_t timeout_ms);
/* The version of the plugin with this class. MR_E_NOTFOUND: Connect lacks it. */
MR_MUSTCHECK int mr_connect_plugin(struct mr_connect *c, const char *class_name, char *version,
                                   size_t size);

#endif
