/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_slice.h: bytes that somebody else owns.
 *
 * Used for jute strings and buffers alike.  len -1 is jute's null, which is
 * not the same as empty.
 */
#ifndef UTIL_ZK_SLICE_H
#define UTIL_ZK_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct zk_slice {
    const char *p;
    int32_t len;                /* Bytes, or -1: null. */
};

#define ZK_SLICE_NULL ((struct zk_slice) { NULL, -1 })
#define ZK_SLICE_LIT(s) ((struct zk_slice) { s, (int32_t) sizeof(s) - 1 })

static inline struct zk_slice
zk_slice(const void *p, int32_t len)
{
    return (struct zk_slice) { (const char *) p, len };
}

static inline struct zk_slice
zk_slice_str(const char *s)
{
    return s ? zk_slice(s, (int32_t) strlen(s)) : ZK_SLICE_NULL;
}

static inline bool
zk_slice_is_null(struct zk_slice s)
{
    return s.len < 0;
}

static inline bool
zk_slice_eq(struct zk_slice a, struct zk_slice b)
{
    return a.len == b.len
           && (a.len <= 0 || memcmp(a.p, b.p, (size_t) a.len) == 0);
}

static inline bool
zk_slice_eq_str(struct zk_slice a, const char *s)
{
    return zk_slice_eq(a, zk_slice_str(s));
}

static inline bool
zk_slice_starts_with(struct zk_slice s, struct zk_slice prefix)
{
    return s.len >= prefix.len && prefix.len >= 0
           && memcmp(s.p, prefix.p, (size_t) prefix.len) == 0;
}

#endif
