/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/log_limit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "util/zk_time.h"

void
log_limit_init(struct log_limit *ll, int64_t burst, int64_t gap_ms)
{
    zk_mutex_init(&ll->lock, ZK_LOCK_leaf);
    zk_lock(&ll->lock);
    rate_limit_init(&ll->rate, burst, gap_ms);
    zk_unlock(&ll->lock);
}

void
log_limit_fini(struct log_limit *ll)
{
    zk_mutex_fini(&ll->lock);
}

void
log_limit_line(struct log_limit *ll, enum zk_log_category cat,
               enum zk_log_level level, int line, const char *fmt, ...)
{
    uint64_t missed = 0;
    char text[768];
    va_list ap;
    bool ok;

    zk_lock(&ll->lock);
    ok = rate_limit_take(&ll->rate, zk_time_mono_ms(), &missed);
    zk_unlock(&ll->lock);
    if (!ok) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (missed > 0) {
        zk_log_line(cat, level, line, "%s (and %" PRIu64 " more lines that "
                    "are not shown)", text, missed);
    } else {
        zk_log_line(cat, level, line, "%s", text);
    }
}
