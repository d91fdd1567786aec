/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "histogram.h"

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max) {
        into->max = from->max;
    }
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

/* Largest value that falls into 'bucket'. */
static uint64_t
histogram_bucket_top(unsigned bucket)
{
    unsigned shift;

    if (bucket < 2 * HISTOGRAM_SUB) {
        return bucket;
    }
    shift = bucket / HISTOGRAM_SUB - 1;
    return ((uint64_t) (bucket - shift * HISTOGRAM_SUB + 1) << shift) - 1;
}

uint64_t
histogram_quantile(const struct histogram *h, unsigned permille_tenths)
{
    uint64_t seen = 0;
    uint64_t wanted;

    if (h->count == 0) {
        return 0;
    }
    wanted = (h->count / 10000) * permille_tenths
        + (h->count % 10000 * permille_tenths + 9999) / 10000;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += h->buckets[i];
        if (seen >= wanted) {
            uint64_t top = histogram_bucket_top(i);

            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}

double
histogram_mean(const struct histogram *h)
{
    return h->count == 0 ? 0.0 : (double) h->sum / (double) h->count;
}
