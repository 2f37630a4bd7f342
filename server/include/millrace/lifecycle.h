/* lifecycle.h - ending in order, figures in regular intervals, what the library has to tell, and
 * time for tests. Part of millrace.h, whose words it uses: include that. [thread: loop]
 */
#ifndef MILLRACE_LIFECYCLE_H
#define MILLRACE_LIFECYCLE_H

#include "millrace/millrace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- drain --------------------------------------------------------------------------------- */

struct mr_drain {         /* zero means the default named here */
    uint32_t duration_ms; /* 0: all at once. Connections end evenly spread over it, in no order and
                             with some jitter, so that their clients come back spread as well */
    const char *event;    /* first told to every socket of every namespace; NULL: nothing */
    struct mr_span args;  /* of event */
};
/* Send the clients elsewhere: accept no more connections and no more handshakes (503 with
 * Retry-After on connections that are open), tell, then close connection after connection without a
 * good-bye, when what is queued has left. Clients take that for a lost connection and come back by
 * themselves, to another server behind the balancer. done(ctx) comes once, when no session is open
 * any more and those who poll have fetched what was left for them, or had two seconds to do it;
 * what is left to do is mr_server_close, which may also come earlier: done is then not called.
 * Requests outside Engine.IO, and plain WebSockets, are served on. Copies opt (NULL: all at once).
 * MR_OK; MR_E_CONFLICT: it is on already; MR_E_NOMEM; or what the event's emit says. After an error
 * nothing has changed. */
MR_EXPORT MR_MUSTCHECK int mr_server_drain(struct mr_server *srv, const struct mr_drain *opt,
                                           void (*done)(void *ctx), void *ctx);
/* Sessions that are still open; SIZE_MAX: it does not drain. */
MR_EXPORT size_t mr_server_draining(const struct mr_server *srv);

/* ---- figures ------------------------------------------------------------------------------- */

/* stats borrows until the return. */
typedef void (*mr_metrics_fn)(const struct mr_stats *stats, void *ctx);
/* Call fn with the figures every interval_ms (0: 10000); loop_lag_us_max is then that of the
 * interval, if nobody else looks. fn NULL: no more of it. MR_OK; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_on_metrics(struct mr_server *srv, uint32_t interval_ms,
                                         mr_metrics_fn fn, void *ctx);

/* ---- log ------------------------------------------------------------------------------------ */

enum mr_severity { MR_SEVERITY_DEBUG, MR_SEVERITY_INFO, MR_SEVERITY_WARN, MR_SEVERITY_ERROR };
/* One line, without its end, as  level=warn event=limit_reached limit=handshakes addr=192.0.2.1 :
 * borrowed until the return. May come from any thread, and must not call the library. */
typedef void (*mr_log_fn)(enum mr_severity severity, const char *line, size_t len, void *ctx);
/* What the library of this process has to tell, from min on, goes to fn; at first that is stderr,
 * from MR_SEVERITY_INFO on. Warnings that repeat come once a minute, with repeats=n. fn NULL:
 * stderr again. To be called before servers are made. */
MR_EXPORT void mr_set_log(enum mr_severity min, mr_log_fn fn, void *ctx);

/* ---- time ----------------------------------------------------------------------------------- */

/* For tests of applications: with mr_options' clock_ms a server lives in the application's time.
 * After that has moved, this runs the timers that have come due (pings, timeouts, drains), sends
 * what is queued and returns; nothing sleeps. The loop must be run for what comes from sockets. */
MR_EXPORT void mr_server_tick(struct mr_server *srv);

#ifdef __cplusplus
}
#endif

#endif
