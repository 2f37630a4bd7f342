/* health.h - what GET /health knows: each dependency is asked by a thread of its own, every now and
 * then, and the last answer is kept. So /health itself never waits for anything, and one dependency
 * that hangs does not make the others look old.
 *
 * The probes come from outside (main): this file knows no Kafka and no Redis. */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "proto/json.h"

#define MR_HEALTH_PROBES_MAX 8
#define MR_HEALTH_DETAIL     160

struct mr_probe_result {
    char detail[MR_HEALTH_DETAIL]; /* what is wrong and what to do; "" when all is well */
    int64_t figure; /* -1, or a number that comes with it (Redis: the queue's length) */
};

/* Ask once, within some seconds. MR_OK: up; MR_E_END: not configured; MR_E_AGAIN:
 * not known yet; any other error: down. Called
 * on the probe's thread only. */
typedef int (*mr_probe_fn)(void *ctx, struct mr_probe_result *out);

struct mr_probe {
    const char *name; /* "postgres"; a literal */
    mr_probe_fn ask;
    void *ctx;
    uint32_t every_ms; /* when up; a third of it, at least 300 ms, when down */
    bool required;     /* readyz needs it */
};

struct mr_health;

/* A dependency went down (why), or came back (""). [thread: the probe's] */
typedef void (*mr_health_fn)(void *ctx, const char *name, bool up, const char *why);

/* Start the threads. tell: NULL: nobody asks. MR_OK; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_health_new(struct mr_health **out, const struct mr_probe *probes, size_t n,
                               mr_health_fn tell, void *ctx);
/* From now on the status is "stopping", and 503. [thread: any] */
void mr_health_stopping(struct mr_health *h);
/* Append the object of GET /health; returns its HTTP status. [thread: any] */
int mr_health_write(struct mr_health *h, uint64_t uptime_ms, struct mr_buf *out);
/* Is every required dependency up? If not, which and why goes to detail. [thread: any] */
bool mr_health_ready(struct mr_health *h, char *detail, size_t size);
/* Is this dependency known to be down? Then why goes to detail. [thread: any] */
bool mr_health_down(struct mr_health *h, const char *name, char *detail, size_t size);
/* Join the threads; takes as long as a probe under way. */
void mr_health_free(struct mr_health *h);

#endif
