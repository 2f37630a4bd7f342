/* checklist.c - the list as it grows. */
#include "databases/checklist.h"
#include "base/clock.h"
#include <stdarg.h>
#include <stdio.h>

void mr_checklist_init(struct mr_checklist *l)
{
    memset(l, 0, sizeof(*l));
    mr_buf_init(&l->json, 8u << 20);
    l->at_us = mr_mono_us();
}

void mr_check_begin(struct mr_checklist *l)
{
    l->at_us = mr_mono_us();
}

bool mr_check(struct mr_checklist *l, const char *name, bool ok, const char *fmt, ...)
{
    uint64_t us = mr_mono_us() - l->at_us;
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    mr_buf_add_str(&l->json, l->json.len ? ",{\"check\":" : "{\"check\":");
    mr_json_add_string(&l->json, mr_span_str(name));
    mr_buf_addf(&l->json, ",\"ok\":%s,\"detail\":", ok ? "true" : "false");
    mr_json_add_string(&l->json, mr_span_str(text));
    mr_buf_addf(&l->json, ",\"duration_ms\":%.1f}", (double)us / 1000);
    if (!ok && !l->failed)
        (void)snprintf(l->first, sizeof(l->first), "%s", text);
    l->failed = l->failed || !ok;
    l->at_us = mr_mono_us();
    return ok;
}
