/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_limits.h: the two limits that are more than a comparison.
 *
 * connection_throttle is a token bucket for new and renewed sessions, with
 * an optional probability of dropping that adapts to how often the bucket
 * was found empty (Java: BlueThrottle; zookeeper.connection_throttle_*).
 *
 * large_requests bounds the bytes of requests over a size that are in the
 * server at one time (zookeeper.largeRequestMaxBytes and
 * largeRequestThreshold).
 *
 * Thread-safety: the throttle none, its caller brings lock and clock;
 * large_requests from any thread.
 */
#ifndef CNXN_CNXN_LIMITS_H
#define CNXN_CNXN_LIMITS_H

#include <stdatomic.h>

#include "config/server_config.h"

struct connection_throttle {
    /* Set at the start. */
    int max_tokens;             /* 0: the throttle is off. */
    int fill_time_ms, fill_count;
    int freeze_time_ms;         /* -1: never drops by chance. */
    double drop_increase, drop_decrease, decrease_ratio;

    int tokens;                 /* 0 <= tokens <= max_tokens */
    int64_t filled_ms;          /* When tokens were last added. */
    int64_t frozen_ms;          /* When the chance last changed. */
    double drop;                /* The chance, 0 to 1. */
    uint64_t random;            /* State of the generator, not 0. */
};

/* A full bucket.  'seed' is for the drops by chance. */
void connection_throttle_init(struct connection_throttle *t,
                              const struct cnxn_config *config,
                              int64_t now_ms, uint64_t seed);
/* Takes 'need' tokens; false: the connection is to be closed. */
bool connection_throttle_take(struct connection_throttle *t, int need,
                              int64_t now_ms);
/* Tokens that are missing from a full bucket. */
int connection_throttle_deficit(const struct connection_throttle *t);
/* What a session costs: 1, or its weight when weights are on. */
int connection_throttle_weight(const struct cnxn_config *config,
                               bool new_session, bool local);

struct large_requests {
    int64_t threshold;          /* Negative: off. */
    int64_t max_bytes;
    _Atomic int64_t bytes;      /* In the server now. */
};

/* Nothing in the server yet. */
void large_requests_init(struct large_requests *l,
                         const struct cnxn_config *config);
/* Is a frame of this length one of them? */
static inline bool
large_requests_is_large(const struct large_requests *l, int32_t len)
{
    return l->threshold >= 0 && len > l->threshold;
}
/* Would it fit now?  Asked when only the length has come. */
bool large_requests_fits(const struct large_requests *l, int32_t len);
/* Counts one; false when there is no room. */
bool large_requests_enter(struct large_requests *l, int32_t len);
/* Gives the room of so many bytes back. */
void large_requests_leave(struct large_requests *l, int64_t bytes);

#endif
