/* redis.h - one connection to Redis: TCP or TLS, alone or found by Sentinel. Blocks; one thread at
 * a time. hiredis writes the commands and reads the replies; the way between is ours, since its
 * version on Debian 12 has no TLS.
 *
 * URL: redis://[[user]:password@]host[:port][/db], rediss:// the same over TLS (certificate
 * verified by the system's roots),
 * redis-sentinel://[[user]:password@]host[:port],host[:port].../name[/db]: the sentinels are asked
 * in turn for the primary of that name.
 *
 * A call that fails breaks the connection: its replies would no longer be those of its commands.
 * Close it and open another. [thread: worker] */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include "proto/err.h"
#include "proto/span.h"
#include <hiredis/hiredis.h>
#include <stdint.h>

struct mr_redis;

/* timeout_ms: of connecting, and of each wait for a reply. MR_OK; MR_E_CONFIG: the URL is none;
 * MR_E_AUTH: the password is refused; MR_E_UNAVAIL. why: a sentence without the password. */
MR_MUSTCHECK int mr_redis_open(struct mr_redis **out, const char *url, int64_t timeout_ms,
                               char *why, size_t size);
void mr_redis_close(struct mr_redis *r);

/* Queue a command of spans; nothing is sent before mr_redis_reply. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr_redis_add(struct mr_redis *r, size_t n, const struct mr_span *args);
/* The reply to the oldest command that has none yet; what is queued is sent first. MR_OK: the
 * caller frees it (freeReplyObject), also when it is REDIS_REPLY_ERROR; MR_E_UNAVAIL: the
 * connection is gone; MR_E_TIMEOUT. */
MR_MUSTCHECK int mr_redis_reply(struct mr_redis *r, redisReply **out);
/* Both. */
MR_MUSTCHECK int mr_redis_call(struct mr_redis *r, size_t n, const struct mr_span *args,
                               redisReply **out);
/* What was wrong with the last call. */
const char *mr_redis_why(const struct mr_redis *r);

/* An array of spans for mr_redis_call. */
#define MR_REDIS_ARGS(...)                                                                         \
    (sizeof((struct mr_span[]){__VA_ARGS__}) / sizeof(struct mr_span)), (struct mr_span[])         \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* redis_url.c: the parts of a URL. Pure. */
struct mr_redis_url {
    bool tls, sentinel;
    char user[256], password[512], name[256]; /* name: of the primary, Sentinel only */
    int db;
    struct {
        char host[256];
        int port;
    } hosts[8];
    size_t n_hosts;
};
MR_MUSTCHECK int mr_redis_url_parse(const char *url, struct mr_redis_url *out);

#endif
