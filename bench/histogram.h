/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * A latency histogram with logarithmic buckets: each power of two is cut into
 * HISTOGRAM_SUB equal parts, so a value is known to better than 1 % whatever
 * its size, at a cost of one shift and one increment per sample.
 *
 * Values are nanoseconds.  Thread-safety: one writer; merge after joining.
 */

#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H 1

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_SUB (1U << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_TOP_BIT 43            /* Values from 2.4 hours up share a
                                           bucket; max stays exact. */
#define HISTOGRAM_BUCKETS \
    ((HISTOGRAM_TOP_BIT - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Bucket of 'value'; the inverse of histogram_bucket_top(). */
static inline unsigned
histogram_bucket(uint64_t value)
{
    unsigned shift;

    if (value < HISTOGRAM_SUB) {
        return (unsigned) value;
    }
    if (value >> HISTOGRAM_TOP_BIT) {
        return HISTOGRAM_BUCKETS - 1;
    }
    shift = 63 - HISTOGRAM_SUB_BITS - (unsigned) __builtin_clzll(value);
    return shift * HISTOGRAM_SUB + (unsigned) (value >> shift);
}

/* Adds one sample of 'value' nanoseconds. */
static inline void
histogram_record(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    if (value > h->max) {
        h->max = value;
    }
    h->buckets[histogram_bucket(value)]++;
}

/* Adds all samples of 'from' to 'into'. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value, in nanoseconds, that 'permille_tenths' of 10000 samples do not
 * exceed (5000 = median, 9990 = p99.9), rounded up to the end of its bucket
 * and never above the maximum.  0 when there are no samples. */
uint64_t histogram_quantile(const struct histogram *h,
                            unsigned permille_tenths);

/* Mean in nanoseconds, 0 when there are no samples. */
double histogram_mean(const struct histogram *h);

#endif
