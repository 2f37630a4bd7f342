/* watch_parts.c - Kafka Connect and the source's slot. */
#include "base/clock.h"
#include "pipelines/watch.h"
#include <stdio.h>
#include <stdlib.h>

#define SOURCE_MS 5000

void watch_begin(struct watch *w)
{
    int rc =
        mr_connect_call(w->connect, "GET", "/connectors?expand=status", MR_SPAN_NONE, &w->statuses);

    w->connectors = MR_SPAN_NONE;
    if (rc == MR_OK && mr_json_check(mr_buf_span(&w->statuses), &w->connectors) != MR_OK)
        w->connectors = MR_SPAN_NONE;
    (void)snprintf(w->connect_why, sizeof(w->connect_why), "%s",
                   rc == MR_OK ? "" : mr_connect_why(w->connect));
    watch_topics_begin(w);
}

void watch_end(struct watch *w)
{
    watch_topics_end(w);
}

static void one(const struct watch *w, const char *name, struct mr_connector_status *out)
{
    struct mr_span entry, status;

    if (mr_json_get(w->connectors, name, &entry) == MR_OK &&
        mr_json_get(entry, "status", &status) == MR_OK)
        mr_connector_status_read(status, out);
}

void watch_connectors(struct watch *w, const struct mr_plan *p, struct seen *s)
{
    s->connect_answers = w->connectors.ptr != NULL;
    one(w, p->source_connector, &s->source);
    one(w, p->sink_connector, &s->sink);
}

static int64_t lsn_value(const char *text)
{
    unsigned high = 0, low = 0;

    return sscanf(text, "%8X/%8X", &high, &low) == 2 ? (int64_t)high << 32 | low : -1;
}

/* Retained bytes grow: when is the slot lost? -1: not to be foreseen. */
static int64_t forecast(const struct watch_ring *r, int64_t safe_bytes)
{
    size_t last = (r->n - 1) % WATCH_SAMPLES,
           first = r->n > WATCH_SAMPLES ? r->n % WATCH_SAMPLES : 0;
    int64_t grown = r->value[last] - r->value[first];
    uint64_t ms = r->at_ms[last] - r->at_ms[first];

    if (safe_bytes < 0 || grown <= 0 || ms < 1000)
        return -1;
    return (int64_t)((double)safe_bytes * (double)ms / (double)grown / 1000);
}

void watch_source(struct watch *w, struct watched *p, const struct mr_plan *plan, struct seen *s)
{
    int rc = MR_E_UNAVAIL;

    (void)w;
    s->wal_seconds_ms = s->lost_in_s = -1;
    if (strcmp(plan->source.opened.db.type, "postgresql") != 0) {
        s->source_answers = true; /* another kind tells nothing of its log here */
        return;
    }
    if (p->source && PQstatus(p->source) != CONNECTION_OK) {
        PQfinish(p->source);
        p->source = NULL;
    }
    if (!p->source) {
        struct mr_database d = plan->source.opened.db;

        d.use = MR_DB_LOOK;
        d.timeout_ms = d.timeout_ms < SOURCE_MS ? d.timeout_ms : SOURCE_MS;
        p->source = pgdb_open(&d, s->source_why, sizeof(s->source_why));
    }
    if (p->source)
        rc = mr_pg_slot_look(p->source, plan->slot, mr_mono_ms() + SOURCE_MS, &s->slot,
                             s->source_why, sizeof(s->source_why));
    s->source_answers = rc == MR_OK;
    if (rc != MR_OK) {
        PQfinish(p->source);
        p->source = NULL;
        return;
    }
    watch_ring_add(&p->wal, lsn_value(s->slot.current));
    if (!s->slot.there)
        return;
    watch_moved(&p->slot, lsn_value(s->slot.confirmed));
    s->wal_seconds_ms = watch_ring_age_ms(&p->wal, lsn_value(s->slot.confirmed));
    watch_ring_add(&p->retained, s->slot.retained_bytes);
    s->lost_in_s = forecast(&p->retained, s->slot.safe_bytes);
}
