/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/cnxn_limits.h"

/* ---- connection_throttle ----------------------------------------------- */

void
connection_throttle_init(struct connection_throttle *t,
                         const struct cnxn_config *config, int64_t now_ms,
                         uint64_t seed)
{
    *t = (struct connection_throttle) {
        .max_tokens = config->throttle_tokens,
        .fill_time_ms = config->throttle_fill_time_ms,
        .fill_count = config->throttle_fill_count,
        .freeze_time_ms = config->throttle_freeze_time_ms,
        .drop_increase = config->throttle_drop_increase,
        .drop_decrease = config->throttle_drop_decrease,
        .decrease_ratio = config->throttle_decrease_ratio,
        .tokens = config->throttle_tokens,
        .filled_ms = now_ms,
        .frozen_ms = now_ms,
        .random = seed | 1,
    };
    if (t->fill_time_ms < 1) {
        t->fill_time_ms = 1;
    }
    if (t->fill_count < 0) {
        t->fill_count = 0;
    }
}

/* Tokens come for the whole time since the last filling, and not before
 * more than one filling time has passed. */
static void
ct_fill(struct connection_throttle *t, int64_t now_ms)
{
    int64_t passed = now_ms - t->filled_ms;
    int64_t room = t->max_tokens - t->tokens;
    int64_t fresh;

    if (passed <= t->fill_time_ms) {
        return;
    }
    t->filled_ms = now_ms;
    if (__builtin_mul_overflow(passed, t->fill_count, &fresh)) {
        fresh = INT64_MAX;
    }
    fresh /= t->fill_time_ms;
    t->tokens += (int) (fresh < room ? fresh : room);
}

/* The next number in [0, 1) (xorshift64*). */
static double
ct_random(struct connection_throttle *t)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (double) (t->random * 0x2545F4914F6CDD1DULL >> 11)
           * (1.0 / 9007199254740992.0);
}

/* Adapts the chance once per freeze time: up while the bucket is empty, down
 * while hardly anything is missing from it; then throws the dice. */
static bool
ct_spared(struct connection_throttle *t, int64_t now_ms)
{
    int missing = connection_throttle_deficit(t);
    int few = (int) (t->max_tokens * t->decrease_ratio + 0.5);

    if (now_ms - t->frozen_ms > t->freeze_time_ms) {
        if (missing == t->max_tokens && t->drop < 1) {
            t->drop += t->drop_increase;
        } else if (missing <= few && t->drop > 0) {
            t->drop -= t->drop_decrease;
        }
        t->drop = t->drop > 1 ? 1 : t->drop < 0 ? 0 : t->drop;
        t->frozen_ms = now_ms;
    }
    return ct_random(t) >= t->drop;
}

bool
connection_throttle_take(struct connection_throttle *t, int need,
                         int64_t now_ms)
{
    if (t->max_tokens <= 0) {
        return true;
    }
    ct_fill(t, now_ms);
    if (t->freeze_time_ms != -1 && !ct_spared(t, now_ms)) {
        return false;
    }
    if (t->tokens < need) {
        return false;
    }
    t->tokens -= need;
    return true;
}

int
connection_throttle_deficit(const struct connection_throttle *t)
{
    return t->max_tokens - t->tokens;
}

int
connection_throttle_weight(const struct cnxn_config *config,
                           bool new_session, bool local)
{
    if (!config->throttle_weight_enabled) {
        return 1;
    }
    if (!new_session) {
        return config->throttle_weight_renew;
    }
    return local ? config->throttle_weight_local
                 : config->throttle_weight_global;
}

/* ---- large_requests ---------------------------------------------------- */

void
large_requests_init(struct large_requests *l,
                    const struct cnxn_config *config)
{
    l->threshold = config->large_request_threshold;
    l->max_bytes = config->large_request_max_bytes;
    atomic_init(&l->bytes, 0);
}

bool
large_requests_fits(const struct large_requests *l, int32_t len)
{
    return atomic_load_explicit(&l->bytes, memory_order_relaxed) + len
           <= l->max_bytes;
}

bool
large_requests_enter(struct large_requests *l, int32_t len)
{
    if (atomic_fetch_add_explicit(&l->bytes, len, memory_order_relaxed) + len
        <= l->max_bytes) {
        return true;
    }
    large_requests_leave(l, len);
    return false;
}

void
large_requests_leave(struct large_requests *l, int64_t bytes)
{
    atomic_fetch_sub_explicit(&l->bytes, bytes, memory_order_relaxed);
}
