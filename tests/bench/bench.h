/* bench.h - what the bench programs share: a clock, a latency histogram of fixed size, and what a
 * process with all its descendants has used of CPU and memory, as /proc tells it. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

__attribute__((format(printf, 1, 2), noreturn)) static inline void bench_die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static inline uint64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t bench_number(const char *text, uint64_t max)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno || end == text || *end || v > max)
        bench_die("not a number up to %llu: %s", (unsigned long long)max, text);
    return v;
}

static inline void bench_raise_file_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- latencies: 128 steps to each power of two, so a value is known to within 0.8 % ---------- */

#define BENCH_STEPS  128u
#define BENCH_POWERS 34u /* microseconds up to about two and a half hours */

struct bench_histogram {
    uint64_t count[BENCH_POWERS * BENCH_STEPS];
    uint64_t n, max_us;
};

static inline void bench_record(struct bench_histogram *h, uint64_t us)
{
    size_t i = us;

    if (us >= BENCH_STEPS) {
        unsigned power = 63u - (unsigned)__builtin_clzll(us); /* >= 7 */

        i = (power - 6u) * BENCH_STEPS + (size_t)((us >> (power - 7u)) - BENCH_STEPS);
    }
    if (i >= BENCH_POWERS * BENCH_STEPS)
        i = BENCH_POWERS * BENCH_STEPS - 1;
    h->count[i]++;
    h->n++;
    if (us > h->max_us)
        h->max_us = us;
}

/* The latency, in ms, that the given share of the values does not pass. */
static inline double bench_quantile_ms(const struct bench_histogram *h, double share)
{
    uint64_t want = (uint64_t)(share * (double)h->n), seen = 0;

    for (size_t i = 0; i < BENCH_POWERS * BENCH_STEPS; i++) {
        seen += h->count[i];
        if (seen > want) {
            unsigned power = (unsigned)(i / BENCH_STEPS);
            uint64_t us = power ? (i % BENCH_STEPS + BENCH_STEPS) << (power - 1u) : i;

            return (double)us / 1000.0;
        }
    }
    return (double)h->max_us / 1000.0;
}

/* ---- a process and its descendants ----------------------------------------------------------- */

#define BENCH_PROCESSES_MAX 8192

struct bench_usage {
    double cpu_us; /* user and system time of the tree: the living, and the root's dead children */
    double rss_kb;
    int processes;
};

struct bench__process {
    int pid, parent;
    double cpu_us, dead_cpu_us, rss_kb;
    bool in;
};

static inline bool bench__read(int pid, struct bench__process *p)
{
    char path[64], text[1024], state;
    unsigned long long user, system;
    long long dead_user, dead_system, pages;
    const char *rest;
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    rest = strrchr(text, ')'); /* the name before it may hold anything */
    if (!rest || sscanf(rest + 2,
                        "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %*d "
                        "%*d %*u %*u %lld",
                        &state, &p->parent, &user, &system, &dead_user, &dead_system, &pages) != 7)
        return false;
    p->pid = pid;
    p->cpu_us = (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
    p->dead_cpu_us = (double)(dead_user + dead_system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
    p->rss_kb = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024.0;
    p->in = false;
    return true;
}

static inline struct bench_usage bench_usage_of(int root)
{
    static struct bench__process all[BENCH_PROCESSES_MAX];
    struct bench_usage u = {0};
    struct dirent *entry;
    DIR *proc = opendir("/proc");
    bool grown = true;
    int n = 0;

    while (proc && n < BENCH_PROCESSES_MAX && (entry = readdir(proc)) != NULL) {
        int pid = (int)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && bench__read(pid, &all[n]))
            all[n].in = pid == root, n++;
    }
    if (proc)
        closedir(proc);
    while (grown) {
        grown = false;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n && !all[i].in; j++)
                if (all[j].in && all[i].parent == all[j].pid)
                    all[i].in = grown = true;
    }
    for (int i = 0; i < n; i++) {
        if (!all[i].in)
            continue;
        u.cpu_us += all[i].cpu_us + (all[i].pid == root ? all[i].dead_cpu_us : 0);
        u.rss_kb += all[i].rss_kb;
        u.processes++;
    }
    return u;
}

static inline double bench_own_cpu_s(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

#endif
