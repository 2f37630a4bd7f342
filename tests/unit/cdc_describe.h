/* cdc_describe.h - a change as one line of text, for tables and for telling what went wrong.
 *
 *   insert envelope wrapped snapshot unavailable op=r key={"id":1} after={..} table=t lsn=5 ts=7
 */
#ifndef TESTS_UNIT_CDC_DESCRIBE_H
#define TESTS_UNIT_CDC_DESCRIBE_H

#include "guard.h"

#include "proto/cdc.h"

#define CDC_SPANS_MAX 32

struct cdc_named_span {
    const char *name;
    struct mr_span span;
};

/* Every span of a change, by name. Returns how many. */
static inline size_t cdc_spans(const struct mr_change *c, struct cdc_named_span out[CDC_SPANS_MAX])
{
    /* clang-format off */
    const struct cdc_named_span all[] = {
        {"op", c->op}, {"key", c->key}, {"key_text", c->key_text}, {"before", c->before}, {"after", c->after},
        {"message", c->message}, {"transaction", c->transaction}, {"connector", c->connector},
        {"name", c->name}, {"db", c->db}, {"schema", c->schema}, {"table", c->table},
        {"tx", c->tx_id}, {"snapshot", c->snapshot_text}, {"lsn", c->lsn}, {"gtid", c->gtid},
        {"file", c->file}, {"pos", c->pos}, {"row", c->row}, {"commit_lsn", c->commit_lsn},
        {"change_lsn", c->change_lsn}, {"serial", c->event_serial_no}, {"scn", c->scn},
        {"commit_scn", c->commit_scn}, {"ssn", c->ssn}, {"ord", c->ord}, {"source", c->source},
    };
    /* clang-format on */
    size_t n = sizeof(all) / sizeof(all[0]);

    memcpy(out, all, sizeof(all));
    return n;
}

/* Every span of a change lies in its record. */
static inline bool cdc_spans_inside(const struct mr_change *c, struct mr_span key,
                                    struct mr_span value)
{
    struct cdc_named_span spans[CDC_SPANS_MAX];
    size_t n = cdc_spans(c, spans);

    for (size_t i = 0; i < n; i++) {
        if (!span_inside(spans[i].span, value) && !span_inside(spans[i].span, key))
            return false;
    }
    return true;
}

static inline void cdc_describe(const struct mr_change *c, struct mr_buf *out)
{
    static const char *const forms[] = {"none", "envelope", "flattened", "cloudevent"};
    struct cdc_named_span spans[CDC_SPANS_MAX];
    size_t n = cdc_spans(c, spans);

    mr_buf_addf(out, "%s %s", mr_cdc_kind_name(c->kind), forms[c->form]);
    mr_buf_add_str(out, c->schema_wrapped ? " wrapped" : "");
    mr_buf_add_str(out, c->snapshot ? " snapshot" : "");
    mr_buf_add_str(out, c->maybe_unavailable ? " unavailable" : "");
    for (size_t i = 0; i + 1 < n; i++) { /* the last one, source, repeats the rest */
        if (spans[i].span.len == 0)
            continue;
        mr_buf_addf(out, " %s=", spans[i].name);
        mr_buf_add_span(out, spans[i].span);
    }
    if (c->source_ts_ms != -1)
        mr_buf_addf(out, " source_ts=%lld", (long long)c->source_ts_ms);
    if (c->ts_ms != -1)
        mr_buf_addf(out, " ts=%lld", (long long)c->ts_ms);
}

#endif
