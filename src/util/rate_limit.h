/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate_limit.h: how often something may happen: a burst at once, then a
 * steady rate (a token bucket).  For log lines that others can cause, and
 * for answers to peers that ask without end.  Pure; the caller's lock.
 */
#ifndef UTIL_RATE_LIMIT_H
#define UTIL_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate_limit {
    int64_t gap_ms;             /* One more every so many ms ... */
    int64_t burst;              /* ... and at most so many at once. */
    int64_t empty_ms;           /* When the bucket was, or will be, empty:
                                 * each use moves it on by one gap. */
    uint64_t missed;            /* Refused since the last that was not. */
};

static inline void
rate_limit_init(struct rate_limit *r, int64_t burst, int64_t gap_ms)
{
    *r = (struct rate_limit) {
        .gap_ms = gap_ms, .burst = burst, .empty_ms = INT64_MIN / 2,
    };
}

/* When one more is allowed (now or earlier: at once). */
static inline int64_t
rate_limit_next_ms(const struct rate_limit *r)
{
    return r->empty_ms + r->gap_ms;
}

/* True if one more may happen now, and it is counted as done; '*missed' (may
 * be NULL) says how many were refused before it. */
static inline bool
rate_limit_take(struct rate_limit *r, int64_t now_ms, uint64_t *missed)
{
    if (rate_limit_next_ms(r) > now_ms) {
        r->missed++;
        return false;
    }
    if (r->empty_ms < now_ms - r->burst * r->gap_ms) {
        r->empty_ms = now_ms - r->burst * r->gap_ms;
    }
    r->empty_ms += r->gap_ms;
    if (missed != NULL) {
        *missed = r->missed;
    }
    r->missed = 0;
    return true;
}

#endif
