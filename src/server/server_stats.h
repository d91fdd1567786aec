/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_stats.h: what srvr, stat and mntr tell (Java: ServerStats).
 *
 * Thread-safety: all functions; counters are relaxed atomics.
 */
#ifndef SERVER_SERVER_STATS_H
#define SERVER_SERVER_STATS_H

#include <stdatomic.h>

#include "util/zk_obj.h"

struct server_stats {
    _Atomic uint64_t packets_received;
    _Atomic uint64_t packets_sent;
    _Atomic int64_t min_latency_ms;     /* INT64_MAX: none yet */
    _Atomic int64_t max_latency_ms;
    _Atomic uint64_t latency_sum_us;
    _Atomic uint64_t latency_count;
    _Atomic uint64_t fsync_threshold_exceeded;
    _Atomic uint64_t auth_failed;
    _Atomic int64_t last_response_size; /* -1: none yet */
    _Atomic int64_t min_response_size;
    _Atomic int64_t max_response_size;
    int64_t start_ms;                   /* wall clock */
};

/* All counters at their start; the start time is now. */
void server_stats_init(struct server_stats *s);
/* One request answered 'latency_us' after it was read. */
void server_stats_latency(struct server_stats *s, int64_t latency_us);
/* A reply of so many bytes; as Java has it, without the frame's length. */
void server_stats_response(struct server_stats *s, int64_t size);
/* srst: latency and packets. */
void server_stats_reset(struct server_stats *s);
/* Average in ms with at most four decimals as Java prints it: "0.0",
 * "4.5714". */
void server_stats_avg_latency(const struct server_stats *s, char *out,
                              size_t size);
int64_t server_stats_min_latency(const struct server_stats *s);

#endif
