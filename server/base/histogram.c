/* histogram.c - buckets: 0 to 7 by themselves, then eight for each power of two. */
#include "base/histogram.h"

#define SUB_BITS 3 /* eight buckets a power of two */
#define SUB      (1u << SUB_BITS)

size_t mr_histogram_bucket(uint64_t value)
{
    unsigned power;
    size_t bucket;

    if (value < SUB)
        return (size_t)value;
    power = 63u - (unsigned)__builtin_clzll(value);
    bucket = (size_t)(power - SUB_BITS + 1) * SUB + (size_t)((value >> (power - SUB_BITS)) % SUB);
    return bucket < MR_HISTOGRAM_BUCKETS ? bucket : MR_HISTOGRAM_BUCKETS - 1;
}

uint64_t mr_histogram_floor(size_t bucket)
{
    return bucket < SUB ? bucket : (uint64_t)(SUB + bucket % SUB) << (bucket / SUB - 1);
}

double mr_histogram_quantile(const int64_t *counts, size_t n, double part)
{
    double total = 0, below = 0, wanted;

    for (size_t i = 0; i < n; i++)
        total += (double)counts[i];
    if (total <= 0)
        return -1;
    wanted = part * total;
    for (size_t i = 0; i < n; i++) {
        double here = (double)counts[i], from = (double)mr_histogram_floor(i);

        if (here > 0 && below + here >= wanted) {
            double width = (double)mr_histogram_floor(i + 1) - from;

            return i < SUB * 2 ? from : from + width * (wanted - below) / here;
        }
        below += here;
    }
    return (double)mr_histogram_floor(n - 1);
}
