/* checklist.h - what a test of a connection found: [{check, ok, detail, duration_ms}], in the order
 * in which it was tried. One thread at a time. */
#ifndef DATABASES_CHECKLIST_H
#define DATABASES_CHECKLIST_H

#include "proto/json.h"

struct mr_checklist {
    struct mr_buf json; /* the elements, comma-separated; freed by who made the list */
    bool failed;
    char first[512];   /* the sentence of the first check that failed; "": none */
    char version[128]; /* of the server; "": not known */
    uint64_t at_us;    /* when the present check began */
};

void mr_checklist_init(struct mr_checklist *l);
/* The next check begins. */
void mr_check_begin(struct mr_checklist *l);
/* The check that began ends; returns ok. The detail's bytes may come from another server: what is
 * not text is replaced. */
bool mr_check(struct mr_checklist *l, const char *name, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
