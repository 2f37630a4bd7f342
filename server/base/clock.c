/* clock.c - the two clocks and the one way a time is written. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t); /* cannot fail for these two clocks */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

uint64_t mr_mono_us(void)
{
    return (uint64_t)read_us(CLOCK_MONOTONIC);
}

uint64_t mr_mono_ms(void)
{
    return mr_mono_us() / 1000;
}

int64_t mr_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t mr_wall_ms(void)
{
    return mr_wall_us() / 1000;
}

struct timespec mr_wall_in(int64_t ms)
{
    int64_t us = mr_wall_us() + ms * 1000;

    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

/* Days to civil date (proleptic Gregorian), so that no locale or time zone code is asked. */
static void civil(int64_t days, int *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static char *put(char *at, unsigned v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
    return at + digits;
}

void mr_time_format(int64_t unix_us, char out[MR_TIME_TEXT])
{
    int64_t days = unix_us / 86400000000;
    int64_t rest = unix_us % 86400000000;
    int year;
    unsigned month, day;
    char *at = out;

    if (rest < 0) {
        rest += 86400000000;
        days--;
    }
    civil(days, &year, &month, &day);
    if (year < 0 || year > 9999) { /* four digits are all the format has */
        year = year < 0 ? 0 : 9999;
    }
    at = put(at, (unsigned)year, 4);
    *at++ = '-';
    at = put(at, month, 2);
    *at++ = '-';
    at = put(at, day, 2);
    *at++ = 'T';
    at = put(at, (unsigned)(rest / 3600000000), 2);
    *at++ = ':';
    at = put(at, (unsigned)(rest / 60000000 % 60), 2);
    *at++ = ':';
    at = put(at, (unsigned)(rest / 1000000 % 60), 2);
    *at++ = '.';
    at = put(at, (unsigned)(rest % 1000000), 6);
    *at++ = 'Z';
    *at = '\0';
}
