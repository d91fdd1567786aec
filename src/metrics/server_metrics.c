/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "metrics/server_metrics.h"

#include <pthread.h>
#include <stdlib.h>

#include "metrics/server_metrics_priv.h"

_Static_assert(METRIC_SET_SLOTS >= 2 * (METRIC_SET_KEYS + 1),
               "a set's table stays half empty");
_Static_assert((METRIC_SET_SLOTS & (METRIC_SET_SLOTS - 1)) == 0,
               "slots are masked");

_Atomic(struct metric_shard *) metric_shards;
/* Written by resets alone: on a line that every thread may keep. */
_Alignas(METRIC_CACHE_LINE) _Atomic uint64_t metric_generation = 1;

static _Thread_local struct metric_shard *sm_mine;

/* Its destructor hands the shard of a thread that ends to a later one. */
static pthread_once_t sm_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t sm_key;

static const uint8_t sm_kinds[METRICS] = {
#define METRIC(name, kind) [METRIC_##name] = METRIC_KIND_##kind,
#include "zookeeper/tbl/metrics.h"
#undef METRIC
};

static const char *const sm_names[METRICS] = {
#define METRIC(name, kind) [METRIC_##name] = #name,
#include "zookeeper/tbl/metrics.h"
#undef METRIC
};

const char *
server_metrics_name(enum metric m)
{
    zk_assert(m < METRICS);
    return sm_names[m];
}

enum metric_kind
server_metrics_kind(enum metric m)
{
    zk_assert(m < METRICS);
    return (enum metric_kind) sm_kinds[m];
}

/* Zeroed memory that shares no cache line with anything else. */
static void *
sm_alloc(size_t size)
{
    size_t whole = (size + METRIC_CACHE_LINE - 1)
                   & ~(size_t) (METRIC_CACHE_LINE - 1);
    void *p = aligned_alloc(METRIC_CACHE_LINE, whole);

    if (p == NULL) {
        zk_panic("out of memory: %zu bytes", whole);
    }
    memset(p, 0, whole);
    return p;
}

static void
sm_thread_ends(void *shard)
{
    struct metric_shard *s = shard;

    sm_mine = NULL;
    atomic_store_explicit(&s->in_use, false, memory_order_release);
}

static void
sm_make_key(void)
{
    int err = pthread_key_create(&sm_key, sm_thread_ends);

    if (err != 0) {
        zk_panic("pthread_key_create failed: %d", err);
    }
}

/* A shard that nobody owns any more, or a new one. */
static struct metric_shard *
sm_claim(void)
{
    struct metric_shard *s;

    s = atomic_load_explicit(&metric_shards, memory_order_acquire);
    for (; s != NULL; s = s->next) {
        bool used = false;

        if (atomic_compare_exchange_strong_explicit(
                &s->in_use, &used, true, memory_order_acquire,
                memory_order_relaxed)) {
            return s;
        }
    }
    s = sm_alloc(sizeof *s);
    atomic_init(&s->in_use, true);
    atomic_init(&s->generation,
                atomic_load_explicit(&metric_generation,
                                     memory_order_relaxed));
    s->next = atomic_load_explicit(&metric_shards, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
               &metric_shards, &s->next, s, memory_order_release,
               memory_order_relaxed)) {
        /* s->next is the new head. */
    }
    return s;
}

static void
sm_cell_clear(struct metric_cell *c)
{
    atomic_store_explicit(&c->count, 0, memory_order_relaxed);
    atomic_store_explicit(&c->sum, 0, memory_order_relaxed);
}

static void
sm_histogram_clear(struct metric_histogram *h)
{
    for (size_t i = 0; h != NULL && i < METRIC_BUCKETS; i++) {
        atomic_store_explicit(&h->buckets[i], 0, memory_order_relaxed);
    }
}

/* Members stay where they are, with nothing counted: readers may be looking
 * at them. */
static void
sm_set_clear(struct metric_set *set)
{
    for (size_t i = 0; set != NULL && i < METRIC_SET_SLOTS; i++) {
        struct metric_member *member;

        member = atomic_load_explicit(&set->slots[i], memory_order_relaxed);
        if (member != NULL) {
            sm_cell_clear(&member->cell);
            sm_histogram_clear(atomic_load_explicit(&member->histogram,
                                                    memory_order_relaxed));
        }
    }
}

/* After a reset, by the shard's owner, before it records again. */
static void
sm_renew(struct metric_shard *s, uint64_t generation)
{
    for (size_t m = 0; m < METRICS; m++) {
        sm_cell_clear(&s->cells[m]);
        sm_histogram_clear(atomic_load_explicit(&s->histograms[m],
                                                memory_order_relaxed));
        sm_set_clear(atomic_load_explicit(&s->sets[m],
                                          memory_order_relaxed));
    }
    atomic_store_explicit(&s->generation, generation, memory_order_release);
}

static struct metric_shard *
sm_shard_slow(void)
{
    struct metric_shard *s = sm_mine;
    uint64_t now;

    if (s == NULL) {
        pthread_once(&sm_key_once, sm_make_key);
        s = sm_claim();
        pthread_setspecific(sm_key, s);
        sm_mine = s;
    }
    now = atomic_load_explicit(&metric_generation, memory_order_acquire);
    if (atomic_load_explicit(&s->generation, memory_order_relaxed) != now) {
        sm_renew(s, now);
    }
    return s;
}

/* The calling thread's shard, in today's generation. */
static inline struct metric_shard *
sm_shard(void)
{
    struct metric_shard *s = sm_mine;

    if (__builtin_expect(s != NULL, 1)
        && __builtin_expect(
               atomic_load_explicit(&s->generation, memory_order_relaxed)
               == atomic_load_explicit(&metric_generation,
                                       memory_order_relaxed), 1)) {
        return s;
    }
    return sm_shard_slow();
}

static inline void
sm_bump(_Atomic uint64_t *p, uint64_t n)
{
    atomic_store_explicit(p, atomic_load_explicit(p, memory_order_relaxed)
                          + n, memory_order_relaxed);
}

static inline void
sm_cell_add(struct metric_cell *c, int64_t value)
{
    uint64_t count = atomic_load_explicit(&c->count, memory_order_relaxed);

    sm_bump(&c->sum, (uint64_t) value);
    if (count == 0
        || value < atomic_load_explicit(&c->min, memory_order_relaxed)) {
        atomic_store_explicit(&c->min, value, memory_order_relaxed);
    }
    if (count == 0
        || value > atomic_load_explicit(&c->max, memory_order_relaxed)) {
        atomic_store_explicit(&c->max, value, memory_order_relaxed);
    }
    atomic_store_explicit(&c->count, count + 1, memory_order_release);
}

unsigned
metric_bucket(int64_t value)
{
    uint64_t v = value < 0 ? 0 : (uint64_t) value;
    unsigned bits;

    if (v < METRIC_EXACT) {
        return (unsigned) v;
    }
    if (v >> METRIC_MAX_BITS != 0) {
        return METRIC_BUCKETS - 1;
    }
    /* 'v' has its top bit at 'bits' (5..30); the next four choose. */
    bits = 63u - (unsigned) __builtin_clzll(v);
    return METRIC_EXACT
           + ((bits - METRIC_SUB_BITS - 1) << METRIC_SUB_BITS)
           + (unsigned) ((v >> (bits - METRIC_SUB_BITS))
                         & ((1u << METRIC_SUB_BITS) - 1));
}

int64_t
metric_bucket_value(unsigned bucket)
{
    unsigned bits, sub, shift;

    zk_assert(bucket < METRIC_BUCKETS);
    if (bucket < METRIC_EXACT) {
        return bucket;
    }
    bits = ((bucket - METRIC_EXACT) >> METRIC_SUB_BITS) + METRIC_SUB_BITS + 1;
    sub = (bucket - METRIC_EXACT) & ((1u << METRIC_SUB_BITS) - 1);
    shift = bits - METRIC_SUB_BITS;
    /* The middle of [low, low + 2^shift). */
    return ((int64_t) ((1u << METRIC_SUB_BITS) + sub) << shift)
           + ((INT64_C(1) << shift) - 1) / 2;
}

static void
sm_histogram_add(_Atomic(struct metric_histogram *) *at, int64_t value)
{
    struct metric_histogram *h;

    h = atomic_load_explicit(at, memory_order_relaxed);
    if (__builtin_expect(h == NULL, 0)) {
        h = sm_alloc(sizeof *h);
        atomic_store_explicit(at, h, memory_order_release);
    }
    sm_bump(&h->buckets[metric_bucket(value)], 1);
}

void
server_metrics_inc(enum metric m)
{
    server_metrics_add_n(m, 1);
}

void
server_metrics_add_n(enum metric m, uint64_t n)
{
    zk_assert(m < METRICS && sm_kinds[m] == METRIC_KIND_COUNTER);
    sm_bump(&sm_shard()->cells[m].sum, n);
}

void
server_metrics_add(enum metric m, int64_t value)
{
    struct metric_shard *s = sm_shard();

    zk_assert(m < METRICS && (sm_kinds[m] == METRIC_KIND_SUMMARY
                              || sm_kinds[m] == METRIC_KIND_ADVANCED));
    if (sm_kinds[m] == METRIC_KIND_ADVANCED) {
        sm_histogram_add(&s->histograms[m], value);
    }
    sm_cell_add(&s->cells[m], value);
}

static uint32_t
sm_hash(struct zk_slice key)
{
    uint32_t h = 2166136261u;

    for (int32_t i = 0; i < key.len; i++) {
        h = (h ^ (uint8_t) key.p[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

static bool
sm_member_is(const struct metric_member *member, struct zk_slice key)
{
    return member->len == key.len
           && memcmp(member->key, key.p, (size_t) key.len) == 0;
}

/* The slot of the key, or the free one where it belongs. */
static size_t
sm_set_slot(struct metric_set *set, uint32_t hash, struct zk_slice key)
{
    size_t i = hash & (METRIC_SET_SLOTS - 1);

    for (;;) {
        const struct metric_member *member;

        member = atomic_load_explicit(&set->slots[i], memory_order_relaxed);
        if (member == NULL
            || (member->hash == hash && sm_member_is(member, key))) {
            return i;
        }
        i = (i + 1) & (METRIC_SET_SLOTS - 1);
    }
}

static struct metric_member *
sm_set_member(struct metric_set *set, struct zk_slice key)
{
    struct metric_member *member = set->last;
    uint32_t hash;
    size_t slot;

    if (member != NULL && sm_member_is(member, key)) {
        return member;
    }
    hash = sm_hash(key);
    slot = sm_set_slot(set, hash, key);
    member = atomic_load_explicit(&set->slots[slot], memory_order_relaxed);
    if (member == NULL && set->n >= METRIC_SET_KEYS) {
        key = ZK_SLICE_LIT(METRIC_OTHER_KEY);
        hash = sm_hash(key);
        slot = sm_set_slot(set, hash, key);
        member = atomic_load_explicit(&set->slots[slot],
                                      memory_order_relaxed);
    }
    if (member == NULL) {
        member = sm_alloc(sizeof *member + (size_t) key.len);
        member->hash = hash;
        member->len = key.len;
        memcpy(member->key, key.p, (size_t) key.len);
        atomic_store_explicit(&set->slots[slot], member,
                              memory_order_release);
        set->n++;
    }
    set->last = member;
    return member;
}

void
server_metrics_set_add(enum metric m, struct zk_slice key, int64_t value)
{
    struct metric_shard *s = sm_shard();
    struct metric_member *member;
    struct metric_set *set;

    zk_assert(m < METRICS && sm_kinds[m] >= METRIC_KIND_COUNTER_SET);
    if (key.len <= 0) {
        return;
    }
    if (key.len > METRIC_KEY_MAX) {
        key = ZK_SLICE_LIT(METRIC_OTHER_KEY);
    }
    set = atomic_load_explicit(&s->sets[m], memory_order_relaxed);
    if (set == NULL) {
        set = sm_alloc(sizeof *set);
        atomic_store_explicit(&s->sets[m], set, memory_order_release);
    }
    member = sm_set_member(set, key);
    if (sm_kinds[m] == METRIC_KIND_ADVANCED_SET) {
        sm_histogram_add(&member->histogram, value);
    }
    sm_cell_add(&member->cell, value);
}

void
server_metrics_reset(void)
{
    atomic_fetch_add_explicit(&metric_generation, 1, memory_order_acq_rel);
}
