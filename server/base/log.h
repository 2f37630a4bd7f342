/* log.h - structured logs: one event name and typed fields a line, logfmt or JSON, to stderr.
 *
 *   LOG_INFO("room_joined", F_STR("sid", sid), F_STR("room", room));
 *   ts=2026-11-20T22:10:13.123456Z level=info event=room_joined thread=loop sid=.. room=..
 *
 * The event is a fixed snake_case noun_verb, never interpolated; values are fields. A repeating
 * warning or error (same event) is written at once and then at most once a minute with repeats=n;
 * at level debug each is written.
 * Secrets use F_SECRET and print ***. [thread: any]
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "proto/span.h"

enum mr_log_level { MR_LOG_DEBUG, MR_LOG_INFO, MR_LOG_WARN, MR_LOG_ERROR };

enum mr_field_kind {
    MR_F_END,
    MR_F_STR,
    MR_F_SPAN,
    MR_F_I64,
    MR_F_U64,
    MR_F_DOUBLE,
    MR_F_BOOL,
    MR_F_SECRET
};

struct mr_field {
    enum mr_field_kind kind;
    const char *key;
    union {
        const char *s;
        struct mr_span span;
        int64_t i;
        uint64_t u;
        double d;
        bool b;
    } v;
};

#define F_STR(k, val)    ((struct mr_field){.kind = MR_F_STR, .key = (k), .v.s = (val)})
#define F_SPAN(k, val)   ((struct mr_field){.kind = MR_F_SPAN, .key = (k), .v.span = (val)})
#define F_INT(k, val)    ((struct mr_field){.kind = MR_F_I64, .key = (k), .v.i = (int64_t)(val)})
#define F_UINT(k, val)   ((struct mr_field){.kind = MR_F_U64, .key = (k), .v.u = (uint64_t)(val)})
#define F_DOUBLE(k, val) ((struct mr_field){.kind = MR_F_DOUBLE, .key = (k), .v.d = (val)})
#define F_BOOL(k, val)   ((struct mr_field){.kind = MR_F_BOOL, .key = (k), .v.b = (val)})
#define F_SECRET(k)      ((struct mr_field){.kind = MR_F_SECRET, .key = (k)})

#define LOG_AT(level, event, ...)                                                                  \
    do {                                                                                           \
        if (mr_log_on(level))                                                                      \
            mr_log_write((level), (event),                                                         \
                         (const struct mr_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = MR_F_END}}); \
    } while (0)
#define LOG_DEBUG(event, ...) LOG_AT(MR_LOG_DEBUG, event __VA_OPT__(, ) __VA_ARGS__)
#define LOG_INFO(event, ...)  LOG_AT(MR_LOG_INFO, event __VA_OPT__(, ) __VA_ARGS__)
#define LOG_WARN(event, ...)  LOG_AT(MR_LOG_WARN, event __VA_OPT__(, ) __VA_ARGS__)
#define LOG_ERROR(event, ...) LOG_AT(MR_LOG_ERROR, event __VA_OPT__(, ) __VA_ARGS__)

/* Set once, before threads start. level and json can be changed later (reload). */
void mr_log_init(enum mr_log_level level, bool json);
/* "debug", "info", "warn", "error" -> level; false when unknown. */
bool mr_log_level_parse(const char *name, enum mr_log_level *out);
bool mr_log_on(enum mr_log_level level);
/* Lines go to fn, in logfmt, without ts= and without their end; NULL: to stderr again. Before
 * threads start. */
void mr_log_to(void (*fn)(enum mr_log_level level, const char *line, size_t len, void *ctx),
               void *ctx);
/* fields end with MR_F_END; everything is borrowed. */
void mr_log_write(enum mr_log_level level, const char *event, const struct mr_field *fields);
/* Is a warning of this event due at now_ms, and how many were held back since the last one? Counts
 * it as written or as held back. event is borrowed for good. */
bool mr_log_may_write(const char *event, uint64_t now_ms, uint64_t *held);
/* The calling thread's name in the logs ("loop", "worker", "consumer"); borrows a literal. */
void mr_log_thread(const char *name);

#endif
