/* http_date.c - dates to text and back. strftime would ask the locale for the names. */
#include "io/http_date.h"

#include <stdio.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void mr__date_text(int64_t t, char out[MR_DATE_SIZE])
{
    time_t seconds = (time_t)t;
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 8099)
        memset(&tm, 0, sizeof(tm));
    (void)snprintf(out, MR_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                   days + 3 * (ptrdiff_t)tm.tm_wday, (unsigned)tm.tm_mday % 100,
                   months + 3 * (ptrdiff_t)tm.tm_mon, (unsigned)(tm.tm_year + 1900) % 10000,
                   (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                   (unsigned)tm.tm_sec % 100);
}

/* n digits; -1: others are among them. */
static int number(const char *at, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

int mr__date_parse(struct mr_span text, int64_t *out)
{
    static const char form[] = "???, ?? ??? ???? ??:??:?? GMT";
    struct tm tm = {0};
    char back[MR_DATE_SIZE];

    if (text.len != sizeof(form) - 1)
        return MR_E_PROTO;
    for (size_t i = 0; i < text.len; i++) {
        if (form[i] != '?' && form[i] != text.ptr[i])
            return MR_E_PROTO;
    }
    tm.tm_mon = -1;
    for (int i = 0; i < 12; i++) {
        if (memcmp(text.ptr + 8, months + 3 * (ptrdiff_t)i, 3) == 0)
            tm.tm_mon = i;
    }
    tm.tm_mday = number(text.ptr + 5, 2);
    tm.tm_year = number(text.ptr + 12, 4) - 1900;
    tm.tm_hour = number(text.ptr + 17, 2);
    tm.tm_min = number(text.ptr + 20, 2);
    tm.tm_sec = number(text.ptr + 23, 2);
    if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_year < -1900 || tm.tm_hour < 0 || tm.tm_min < 0 ||
        tm.tm_sec < 0)
        return MR_E_PROTO;
    *out = (int64_t)timegm(&tm);
    mr__date_text(*out, back); /* says whether there is such a day */
    return memcmp(back, text.ptr, text.len) == 0 ? MR_OK : MR_E_PROTO;
}
