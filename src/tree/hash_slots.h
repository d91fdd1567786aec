/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_slots.h: an open-addressed table from a 32-bit hash to slot numbers.
 *
 * The table knows hashes only; who looks up walks the values stored under a
 * hash and compares what stands behind them:
 *
 *     for (v = hash_slots_first(t, h, &at); v != SLOT_NONE;
 *          v = hash_slots_next(t, h, &at)) { ... }
 *
 * Linear probing over at most 4/5 filled cells; removing shifts later cells
 * back, so there are no tombstones.  All zero: empty.
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_HASH_SLOTS_H
#define TREE_HASH_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX

struct hash_cell {
    uint32_t hash;
    uint32_t value;             /* SLOT_NONE: the cell is free. */
};

struct hash_slots {
    struct hash_cell *cells;
    uint32_t cap;
    uint32_t n;                 /* n <= cap * 4 / 5 */
};

/* Where a hash wants to stand: cells are in the order of hashes. */
static inline uint32_t
hash_slots_home(const struct hash_slots *t, uint32_t hash)
{
    return (uint32_t) ((uint64_t) hash * t->cap >> 32);
}

static inline uint32_t
hash_slots_scan(const struct hash_slots *t, uint32_t hash, uint32_t *at)
{
    uint32_t i = *at;

    for (;;) {
        const struct hash_cell *c = &t->cells[i];

        if (c->value == SLOT_NONE || c->hash == hash) {
            *at = i;
            return c->value;
        }
        i = i + 1 == t->cap ? 0 : i + 1;
    }
}

/* The first value under 'hash', or SLOT_NONE; *at is its cell. */
static inline uint32_t
hash_slots_first(const struct hash_slots *t, uint32_t hash, uint32_t *at)
{
    if (t->cap == 0) {
        return SLOT_NONE;
    }
    *at = hash_slots_home(t, hash);
    return hash_slots_scan(t, hash, at);
}

/* The value after the one at *at, under the same hash. */
static inline uint32_t
hash_slots_next(const struct hash_slots *t, uint32_t hash, uint32_t *at)
{
    *at = *at + 1 == t->cap ? 0 : *at + 1;
    return hash_slots_scan(t, hash, at);
}

/* Adds a value; the caller has seen that it is not there. */
void hash_slots_add(struct hash_slots *t, uint32_t hash, uint32_t value);
/* Removes the pair, which must be there. */
void hash_slots_remove(struct hash_slots *t, uint32_t hash, uint32_t value);
/* Frees the memory and leaves an empty table. */
void hash_slots_fini(struct hash_slots *t);

#endif
