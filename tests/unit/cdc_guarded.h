/* cdc_guarded.h - a record read under guards: topic, key and value each end at an unmapped page. */
#ifndef TESTS_UNIT_CDC_GUARDED_H
#define TESTS_UNIT_CDC_GUARDED_H

#include "cdc_describe.h"
#include "rows.h"

struct guards {
    struct guard topic, key, value;
};

static inline void free_guards(struct guards *g)
{
    guard_free(&g->topic);
    guard_free(&g->key);
    guard_free(&g->value);
}

/* Read a record under guards, and hold what comes back to what holds for any record. */
static inline int read_guarded(struct guards *g, const char *topic, struct mr_span key,
                               struct mr_span value, struct mr_change *c, char *reason)
{
    int rc;

    key = guard_copy(&g->key, key);
    value = guard_copy(&g->value, value);
    memset(reason, 'x', MR_CDC_REASON_MAX);
    rc = mr_cdc_read(guard_copy(&g->topic, mr_span_str(topic)), key, value, c, reason);
    assert_non_null(memchr(reason, '\0', MR_CDC_REASON_MAX));
    if (rc == MR_OK)
        assert_true(cdc_spans_inside(c, key, value));
    else
        assert_true(rc == MR_E_PROTO || rc == MR_E_TOOBIG);
    assert_int_equal(reason[0] == '\0', rc == MR_OK);
    return rc;
}

#endif
