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

static int64_t days_of(int year, unsigned month, unsigned day)
{
    int64_t y = year - (month <= 2), era = y / 400, yoe = y - era * 400; /* years from 0 on */
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct reader {
    const char *at, *end;
    bool bad;
};

/* That many digits and then the mark, unless it is 0; a number of at most max. */
static unsigned take(struct reader *r, int digits, char mark, unsigned max)
{
    unsigned v = 0;

    for (int i = 0; i < digits; i++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9') {
            r->bad = true;
            return 0;
        }
        v = v * 10 + (unsigned)(*r->at++ - '0');
    }
    if (v > max)
        r->bad = true;
    if (mark != 0 && (r->at == r->end || *r->at++ != mark))
        r->bad = true;
    return v;
}

static int64_t take_fraction(struct reader *r)
{
    int64_t us = 0, unit = 100000;

    if (r->at == r->end || *r->at != '.')
        return 0;
    r->at++;
    if (r->at == r->end || *r->at < '0' || *r->at > '9')
        r->bad = true;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, unit /= 10)
        us += (*r->at - '0') * unit;
    return us;
}

/* Minutes east of UTC. */
static int64_t take_zone(struct reader *r)
{
    char sign = r->at < r->end ? *r->at++ : '\0';
    int64_t minutes;

    if (sign == 'Z' || sign == 'z')
        return 0;
    if (sign != '+' && sign != '-')
        r->bad = true;
    minutes = take(r, 2, ':', 23) * 60;
    minutes += take(r, 2, 0, 59);
    return sign == '-' ? -minutes : minutes;
}

bool mr_time_read(const char *text, size_t len, int64_t *unix_us)
{
    struct reader r = {text, text + len, false};
    unsigned year = take(&r, 4, '-', 9999), month = take(&r, 2, '-', 12), day = take(&r, 2, 0, 31);
    int64_t us, days = days_of((int)year, month, day);
    unsigned same_month, same_day;
    int same_year;

    if (r.at == r.end || (*r.at != 'T' && *r.at != 't' && *r.at != ' '))
        return false;
    r.at++;
    us = take(&r, 2, ':', 23) * 3600000000LL;
    us += take(&r, 2, ':', 59) * 60000000LL;
    us += take(&r, 2, 0, 59) * 1000000LL;
    us += take_fraction(&r);
    us -= take_zone(&r) * 60000000LL;
    civil(days, &same_year, &same_month, &same_day);
    if (r.bad || r.at != r.end || same_year != (int)year || same_month != month || same_day != day)
        return false;
    *unix_us = days * 86400000000LL + us;
    return true;
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
