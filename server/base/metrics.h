/* metrics.h - the registry behind GET /metrics (Prometheus text format 0.0.4).
 * Metrics are made once at start and never freed; updates are atomic. [thread: any] */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "proto/buf.h"

struct mr_metric;

/* labels: inner text such as  transport="polling"  or NULL. Names by Prometheus' rules: counters
 * end in _total, units are in the name (_seconds, _bytes). The same name and labels give the same
 * metric. Copies. Never NULL (aborts when out of memory at start). */
struct mr_metric *mr_metric_counter(const char *name, const char *help, const char *labels);
struct mr_metric *mr_metric_gauge(const char *name, const char *help, const char *labels);
/* Histogram in seconds with fixed latency buckets 0.5 ms .. 10 s. */
struct mr_metric *mr_metric_histogram(const char *name, const char *help, const char *labels);

void mr_metric_add(struct mr_metric *m, uint64_t n); /* counters */
void mr_metric_set(struct mr_metric *m, double v);   /* gauges; and counters read elsewhere */
void mr_metric_observe_us(struct mr_metric *m, uint64_t us); /* histograms */
uint64_t mr_metric_value(const struct mr_metric *m);         /* counters */
/* Called before each rendering, to set gauges from elsewhere. At most 16. */
void mr_metrics_on_collect(void (*fn)(void *ctx), void *ctx);
/* Append everything in the Prometheus text format, families grouped with HELP and TYPE. */
void mr_metrics_render(struct mr_buf *out);

#endif
