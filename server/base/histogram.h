/* histogram.h - counts of values by buckets that are an eighth of their value wide at most: exact
 * below 16, within 12.5 % above. Two histograms are merged by adding their counts, so percentiles
 * over any range come from what was kept for its parts. Pure. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define MR_HISTOGRAM_BUCKETS 240 /* the last one begins at 2^31 + 7 * 2^28 and has no end */

/* The bucket of a value. */
size_t mr_histogram_bucket(uint64_t value);
/* The smallest value of a bucket. */
uint64_t mr_histogram_floor(size_t bucket);
/* The value below which a part (0 to 1) of what was counted lies, taken as evenly spread within its
 * bucket; -1 when nothing was counted. counts: of the first n buckets. */
double mr_histogram_quantile(const int64_t *counts, size_t n, double part);

#endif
