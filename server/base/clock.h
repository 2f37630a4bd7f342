/* clock.h - time. Logic takes "now" as an argument; only the edges call these. [thread: any] */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

uint64_t mr_mono_ms(void); /* CLOCK_MONOTONIC */
uint64_t mr_mono_us(void);
int64_t mr_wall_ms(void); /* Unix time */
int64_t mr_wall_us(void);

/* The moment in ms (not negative) from now, as pthread_cond_timedwait takes it. */
struct timespec mr_wall_in(int64_t ms);

#define MR_TIME_TEXT 28 /* "2026-11-20T22:10:13.123456Z" and a NUL */
/* RFC 3339 UTC with microseconds. */
void mr_time_format(int64_t unix_us, char out[MR_TIME_TEXT]);
/* Read RFC 3339, "2026-11-20T22:10:13.5+01:00"; what is finer than microseconds is cut off. False:
 * it is no such text, or no such time. text need not end with a NUL. */
bool mr_time_read(const char *text, size_t len, int64_t *unix_us);

#endif
