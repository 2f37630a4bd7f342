/* metrics.c - a fixed table of metrics, filled at start and updated without locks.
 *
 * Counters and gauges are one atomic word (gauges hold a double's bits); a histogram is one word a
 * bucket plus its sum. Rendering walks the table family by family, in order of first registration.
 */
#include "base/metrics.h"
#include "proto/alloc.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define METRICS_MAX 2048
#define COLLECT_MAX 16

/* Upper bounds in microseconds; +Inf is the last bucket. */
static const uint64_t bucket_us[] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                     100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
#define BUCKETS (sizeof(bucket_us) / sizeof(*bucket_us))

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct mr_metric {
    enum kind kind;
    const char *name, *help, *labels; /* owned copies; labels may be NULL */
    _Atomic uint64_t value;           /* counter; gauge: bits of a double; histogram: sum in us */
    _Atomic uint64_t bucket[BUCKETS + 1];
};

static struct {
    pthread_mutex_t lock;
    struct mr_metric *all[METRICS_MAX]; /* {lock} for growth; entries never move or go */
    size_t n;                           /* {lock} */
    struct {
        void (*fn)(void *ctx);
        void *ctx;
    } collect[COLLECT_MAX];
    size_t n_collect;
} reg = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *copy(const char *s)
{
    char *c = s ? mr_strdup(s) : NULL;

    if (s && !c)
        abort(); /* at start only: there is no server to keep alive yet */
    return c;
}

static struct mr_metric *add(enum kind kind, const char *name, const char *help, const char *labels)
{
    struct mr_metric *m = NULL;

    pthread_mutex_lock(&reg.lock);
    for (size_t i = 0; i < reg.n && !m; i++)
        if (same(reg.all[i]->name, name) && same(reg.all[i]->labels, labels))
            m = reg.all[i];
    if (!m) {
        if (reg.n == METRICS_MAX || !(m = mr_zalloc(1, sizeof(*m))))
            abort(); /* a bug of ours: metrics are made at start from fixed lists */
        m->kind = kind;
        m->name = copy(name);
        m->help = copy(help);
        m->labels = copy(labels);
        reg.all[reg.n++] = m;
    }
    pthread_mutex_unlock(&reg.lock);
    return m;
}

struct mr_metric *mr_metric_counter(const char *name, const char *help, const char *labels)
{
    return add(COUNTER, name, help, labels);
}

struct mr_metric *mr_metric_gauge(const char *name, const char *help, const char *labels)
{
    return add(GAUGE, name, help, labels);
}

struct mr_metric *mr_metric_histogram(const char *name, const char *help, const char *labels)
{
    return add(HISTOGRAM, name, help, labels);
}

void mr_metric_add(struct mr_metric *m, uint64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void mr_metric_set(struct mr_metric *m, double v)
{
    uint64_t bits;

    if (m->kind == COUNTER) {
        bits = v < 0 ? 0 : (uint64_t)v;
    } else {
        memcpy(&bits, &v, sizeof(bits));
    }
    atomic_store_explicit(&m->value, bits, memory_order_relaxed);
}

void mr_metric_observe_us(struct mr_metric *m, uint64_t us)
{
    size_t i = 0;

    while (i < BUCKETS && us > bucket_us[i])
        i++;
    atomic_fetch_add_explicit(&m->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->value, us, memory_order_relaxed);
}

uint64_t mr_metric_value(const struct mr_metric *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}

void mr_metrics_on_collect(void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&reg.lock);
    if (reg.n_collect < COLLECT_MAX) {
        reg.collect[reg.n_collect].fn = fn;
        reg.collect[reg.n_collect++].ctx = ctx;
    }
    pthread_mutex_unlock(&reg.lock);
}

static void add_double(struct mr_buf *out, double v)
{
    if (isnan(v))
        mr_buf_add_str(out, "NaN");
    else if (isinf(v))
        mr_buf_add_str(out, v > 0 ? "+Inf" : "-Inf");
    else
        mr_buf_addf(out, "%.15g", v);
}

static void add_name(struct mr_buf *out, const struct mr_metric *m, const char *suffix)
{
    mr_buf_add_str(out, m->name);
    mr_buf_add_str(out, suffix);
    if (m->labels)
        mr_buf_addf(out, "{%s}", m->labels);
    mr_buf_add_char(out, ' ');
}

static void render_histogram(struct mr_buf *out, struct mr_metric *m)
{
    const char *labels = m->labels ? m->labels : "";
    const char *comma = m->labels ? "," : "";
    uint64_t sum = 0;

    for (size_t i = 0; i <= BUCKETS; i++) {
        sum += atomic_load_explicit(&m->bucket[i], memory_order_relaxed);
        mr_buf_addf(out, "%s_bucket{%s%sle=\"", m->name, labels, comma);
        if (i < BUCKETS)
            mr_buf_addf(out, "%g", (double)bucket_us[i] / 1e6);
        else
            mr_buf_add_str(out, "+Inf");
        mr_buf_addf(out, "\"} %llu\n", (unsigned long long)sum);
    }
    add_name(out, m, "_sum");
    add_double(out, (double)mr_metric_value(m) / 1e6);
    mr_buf_add_char(out, '\n');
    add_name(out, m, "_count");
    mr_buf_add_u64(out, sum);
    mr_buf_add_char(out, '\n');
}

static void render_one(struct mr_buf *out, struct mr_metric *m)
{
    uint64_t bits = mr_metric_value(m);
    double v;

    switch (m->kind) {
    case HISTOGRAM:
        render_histogram(out, m);
        return;
    case COUNTER:
        add_name(out, m, "");
        mr_buf_add_u64(out, bits);
        break;
    case GAUGE:
        memcpy(&v, &bits, sizeof(v));
        add_name(out, m, "");
        add_double(out, v);
        break;
    }
    mr_buf_add_char(out, '\n');
}

void mr_metrics_render(struct mr_buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    size_t n, n_collect;

    pthread_mutex_lock(&reg.lock);
    n_collect = reg.n_collect;
    pthread_mutex_unlock(&reg.lock);
    for (size_t i = 0; i < n_collect; i++)
        reg.collect[i].fn(reg.collect[i].ctx);
    pthread_mutex_lock(&reg.lock); /* only now: a collector's first call makes its metrics */
    n = reg.n;
    pthread_mutex_unlock(&reg.lock);
    for (size_t i = 0; i < n; i++) {
        struct mr_metric *m = reg.all[i];
        bool first = true;

        for (size_t k = 0; k < i && first; k++)
            first = !same(reg.all[k]->name, m->name);
        if (!first)
            continue; /* its family was printed with its first member */
        mr_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->kind]);
        for (size_t k = i; k < n; k++)
            if (same(reg.all[k]->name, m->name))
                render_one(out, reg.all[k]);
    }
}
