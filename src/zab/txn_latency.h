/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txn_latency.h: how long ago the leader made a transaction, for the metrics
 * that tell (Java: Request.logLatency).  Its header has the leader's wall
 * clock; a difference below 0 says that the clocks disagree and is left out.
 */
#ifndef ZAB_TXN_LATENCY_H
#define ZAB_TXN_LATENCY_H

#include "metrics/server_metrics.h"
#include "proto/txn_codec.h"
#include "server/request.h"

/* 'now_ms' is zk_time_wall_ms, asked for once for many. */
static inline void
txn_latency_add(enum metric m, const struct txn_bytes *t, int64_t now_ms)
{
    struct txn_view v;

    if (txn_view_decode_header(&v, t->data, t->len) == ZK_OK
        && v.time <= now_ms && v.time >= 0) {
        server_metrics_add(m, now_ms - v.time);
    }
}

#endif
