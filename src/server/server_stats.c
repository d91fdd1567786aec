/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/server_stats.h"

#include <stdio.h>
#include <string.h>

#include "util/zk_time.h"

static void
ss_clear(struct server_stats *s)
{
    atomic_store(&s->packets_received, 0);
    atomic_store(&s->packets_sent, 0);
    atomic_store(&s->min_latency_ms, INT64_MAX);
    atomic_store(&s->max_latency_ms, 0);
    atomic_store(&s->latency_sum_us, 0);
    atomic_store(&s->latency_count, 0);
}

void
server_stats_init(struct server_stats *s)
{
    ss_clear(s);
    atomic_store(&s->fsync_threshold_exceeded, 0);
    atomic_store(&s->auth_failed, 0);
    atomic_store(&s->last_response_size, -1);
    atomic_store(&s->min_response_size, -1);
    atomic_store(&s->max_response_size, -1);
    s->start_ms = zk_time_wall_ms();
}

void
server_stats_reset(struct server_stats *s)
{
    ss_clear(s);
}

static void
ss_lower(_Atomic int64_t *at, int64_t v)
{
    int64_t old = atomic_load_explicit(at, memory_order_relaxed);

    while (v < old && !atomic_compare_exchange_weak(at, &old, v)) {
    }
}

static void
ss_raise(_Atomic int64_t *at, int64_t v)
{
    int64_t old = atomic_load_explicit(at, memory_order_relaxed);

    while (v > old && !atomic_compare_exchange_weak(at, &old, v)) {
    }
}

void
server_stats_latency(struct server_stats *s, int64_t latency_us)
{
    ss_lower(&s->min_latency_ms, latency_us / 1000);
    ss_raise(&s->max_latency_ms, latency_us / 1000);
    atomic_fetch_add_explicit(&s->latency_sum_us, (uint64_t) latency_us,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&s->latency_count, 1, memory_order_relaxed);
}

void
server_stats_response(struct server_stats *s, int64_t size)
{
    int64_t none = -1;

    atomic_store_explicit(&s->last_response_size, size,
                          memory_order_relaxed);
    if (atomic_load_explicit(&s->min_response_size, memory_order_relaxed)
        < 0) {
        atomic_compare_exchange_strong(&s->min_response_size, &none, size);
    }
    ss_lower(&s->min_response_size, size);
    ss_raise(&s->max_response_size, size);
}

int64_t
server_stats_min_latency(const struct server_stats *s)
{
    int64_t v = atomic_load_explicit(&s->min_latency_ms,
                                     memory_order_relaxed);

    return v == INT64_MAX ? 0 : v;
}

void
server_stats_avg_latency(const struct server_stats *s, char *out,
                         size_t size)
{
    uint64_t n = atomic_load_explicit(&s->latency_count,
                                      memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&s->latency_sum_us,
                                        memory_order_relaxed);
    size_t len;

    snprintf(out, size, "%.4f", n > 0 ? (double) sum / 1000.0 / (double) n
                                      : 0.0);
    len = strlen(out);
    while (len > 2 && out[len - 1] == '0' && out[len - 2] != '.') {
        out[--len] = '\0';
    }
}
