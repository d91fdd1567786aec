/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_metrics_priv.h: how recorded values lie in memory, between the half
 * that records (server_metrics.c) and the half that reads
 * (server_metrics_read.c).
 *
 * One thread writes a shard: it loads, adds and stores with relaxed order.
 * 'count' is stored last, with release: a reader that sees it sees a least
 * and a greatest value that fit.  Pointers are stored with release once what
 * they point at is whole, and nothing they lead to is ever freed.
 */
#ifndef METRICS_SERVER_METRICS_PRIV_H
#define METRICS_SERVER_METRICS_PRIV_H

#include <stdatomic.h>

#include "metrics/server_metrics.h"

#define METRIC_CACHE_LINE 64

/* Values up to 31 have a bucket each; above, each power of two has 16, up to
 * 2^31 (24 days in ms) where the last one takes the rest. */
#define METRIC_EXACT 32
#define METRIC_SUB_BITS 4
#define METRIC_MAX_BITS 31
#define METRIC_BUCKETS                                                    \
    (METRIC_EXACT + ((METRIC_MAX_BITS - METRIC_SUB_BITS - 1)              \
                     << METRIC_SUB_BITS))
/* Slots of a set's table: a power of two, at most half used. */
#define METRIC_SET_SLOTS 1024

struct metric_cell {
    _Atomic uint64_t count;
    _Atomic uint64_t sum;       /* Wraps as Java's long does. */
    _Atomic int64_t min;        /* min <= max once count > 0 */
    _Atomic int64_t max;
};

struct metric_histogram {
    _Atomic uint64_t buckets[METRIC_BUCKETS];
};

/* One member of a set in one shard. */
struct metric_member {
    struct metric_cell cell;
    _Atomic(struct metric_histogram *) histogram;
    uint32_t hash;
    int32_t len;
    char key[];
};

struct metric_set {
    struct metric_member *last; /* Owner's: keys come in runs. */
    size_t n;                   /* Owner's: slots in use. */
    _Atomic(struct metric_member *) slots[METRIC_SET_SLOTS];
};

struct metric_shard {
    struct metric_shard *next;  /* Never changes once listed. */
    atomic_bool in_use;         /* A thread owns it. */
    /* Values of an older generation than sm_generation's do not count. */
    _Atomic uint64_t generation;
    struct metric_cell cells[METRICS];
    _Atomic(struct metric_histogram *) histograms[METRICS];
    _Atomic(struct metric_set *) sets[METRICS];
};

/* All shards ever made, newest first. */
extern _Atomic(struct metric_shard *) metric_shards;
/* Rises with every reset. */
extern _Atomic uint64_t metric_generation;

/* The bucket of a value, and the value that stands for a bucket. */
unsigned metric_bucket(int64_t value);
int64_t metric_bucket_value(unsigned bucket);

#endif
