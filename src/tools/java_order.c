/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/java_order.h"

#include <stdlib.h>

#include "util/utf8.h"

/* Of HashMap. */
#define TREEIFY_THRESHOLD 8
#define MIN_TREEIFY_CAPACITY 64
#define MAX_CAPACITY (1u << 30)

/* ---- hashes ------------------------------------------------------------ */

static uint32_t
spread(uint32_t h)
{
    return h ^ h >> 16;
}

/* The code point at 'p', which is well-formed; returns its bytes. */
static size_t
decode(const uint8_t *p, uint32_t *c)
{
    if (p[0] < 0x80) {
        *c = p[0];
        return 1;
    }
    if (p[0] < 0xe0) {
        *c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
        return 2;
    }
    if (p[0] < 0xf0) {
        *c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        return 3;
    }
    *c = (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6
         | (p[3] & 0x3fu);
    return 4;
}

/* Over UTF-16 units, of which characters above U+FFFF have two. */
static uint32_t
hash_units(const uint8_t *p, size_t len)
{
    uint32_t h = 0;
    uint32_t c;

    for (size_t i = 0; i < len;) {
        i += decode(p + i, &c);
        if (c > 0xffff) {
            h = 31 * h + (0xd7c0 + (c >> 10));
            c = 0xdc00 + (c & 0x3ff);
        }
        h = 31 * h + c;
    }
    return h;
}

uint32_t
java_string_hash(struct zk_slice utf8)
{
    struct zk_buf whole = { 0 };
    uint32_t h = 0;
    int32_t i = 0;

    for (; i < utf8.len && (utf8.p[i] & 0x80) == 0; i++) {
        h = 31 * h + (uint8_t) utf8.p[i];
    }
    if (i < utf8.len) {
        utf8_repair(utf8, &whole);
        h = hash_units(whole.data, whole.len);
        zk_buf_fini(&whole);
    }
    return spread(h);
}

uint32_t
java_long_hash(int64_t v)
{
    return spread((uint32_t) ((uint64_t) v ^ (uint64_t) v >> 32));
}

/* ---- the order --------------------------------------------------------- */

/* How many of the first 'n' entries are in the bucket of entry 'n'. */
static size_t
in_bucket(const struct java_entry *v, size_t n, uint32_t mask)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        found += (v[i].hash & mask) == (v[n].hash & mask);
    }
    return found;
}

/* The size of the table after all insertions: it doubles when it is three
 * quarters full, and while it is small also when a bucket gets too long. */
static uint32_t
final_capacity(const struct java_entry *v, size_t n, uint32_t capacity)
{
    for (size_t i = 0; i < n && capacity < MAX_CAPACITY; i++) {
        if (capacity < MIN_TREEIFY_CAPACITY
            && in_bucket(v, i, capacity - 1) >= TREEIFY_THRESHOLD) {
            capacity *= 2;
        }
        if (i + 1 > capacity / 4 * 3) {
            capacity *= 2;
        }
    }
    return capacity;
}

static int
compare_keys(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return *x < *y ? -1 : *x > *y;
}

void
java_hash_order(struct java_entry *v, size_t n, uint32_t capacity)
{
    struct java_entry *old;
    uint64_t *keys;
    uint32_t mask;

    if (n < 2) {
        return;
    }
    mask = final_capacity(v, n, capacity) - 1;
    keys = zk_xmalloc(n * sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        keys[i] = (uint64_t) (v[i].hash & mask) << 32 | i;
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    old = zk_xmemdup(v, n * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = old[keys[i] & 0xffffffff];
    }
    free(old);
    free(keys);
}

/* ---- comparing --------------------------------------------------------- */

/* UTF-8 sorts by code points, Java by UTF-16 units: there, what has four
 * bytes here stands in front of U+E000, which begins with 0xee. */
static bool
units_swap(uint8_t a, uint8_t b)
{
    return a >= 0xf0 && (b == 0xee || b == 0xef);
}

int
java_compare(struct zk_slice a, struct zk_slice b)
{
    int32_t n = a.len < b.len ? a.len : b.len;

    for (int32_t i = 0; i < n; i++) {
        uint8_t x = (uint8_t) a.p[i];
        uint8_t y = (uint8_t) b.p[i];

        if (x != y) {
            bool less = units_swap(x, y) || (x < y && !units_swap(y, x));

            return less ? -1 : 1;
        }
    }
    return a.len < b.len ? -1 : a.len > b.len;
}
