/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_throttler.h: keeps the number of requests in the pipeline below a
 * limit (Java: RequestThrottler; zookeeper.request_throttle_*).
 *
 * A stage in front of the first one, there only when the limit is on.  While
 * the pipeline is full it waits, at most request_throttle_stall_ms at a time.
 * Requests of connections that are gone meanwhile, or (with
 * request_stale_latency_check) that waited longer than their session's
 * timeout, are dropped.
 */
#ifndef SERVER_REQUEST_THROTTLER_H
#define SERVER_REQUEST_THROTTLER_H

#include "config/server_config.h"
#include "server/request_processor.h"

struct throttler_env {
    void *self;
    const struct request_config *config;
    /* The request leaves unanswered: it counts no more. */
    void (*dropped)(void *self, struct request *r);
};

/* 'env' is copied; the thread starts at once. */
struct request_processor *
request_throttler_create(const struct throttler_env *env,
                         struct request_processor *next);
/* So many requests left the pipeline: others may go. */
void request_throttler_finished(struct request_processor *throttler,
                                size_t n);

#endif
