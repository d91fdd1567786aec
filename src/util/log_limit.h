/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_limit.h: lines of log that others can cause: a burst of them, then a
 * steady rate; what was left out is counted in the next line.
 *
 * Thread-safety: any thread, under any lock below "log".
 */
#ifndef UTIL_LOG_LIMIT_H
#define UTIL_LOG_LIMIT_H

#include "util/rate_limit.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"

struct log_limit {
    struct zk_mutex lock;
    struct rate_limit rate ZK_GUARDED;
};

/* 'burst' lines at once, then one in 'gap_ms'. */
void log_limit_init(struct log_limit *ll, int64_t burst, int64_t gap_ms);
/* Nobody may be using it. */
void log_limit_fini(struct log_limit *ll);
/* Use the macro: log_limit_at(&ll, handler, ZK_LOG_WARN, "...", ...). */
void log_limit_line(struct log_limit *ll, enum zk_log_category cat,
                    enum zk_log_level level, int line, const char *fmt, ...)
    ZK_PRINTF(5, 6);

#define log_limit_at(ll, cat, level, ...)                                 \
    do {                                                                  \
        if (zk_log_enabled(cat, (int) (level))) {                         \
            log_limit_line((ll), ZK_LOG_##cat, level, __LINE__,           \
                           __VA_ARGS__);                                  \
        }                                                                 \
    } while (0)

#endif
