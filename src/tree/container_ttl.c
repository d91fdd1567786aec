/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/container_ttl.h"

/* How long ago the node's data changed; a wall clock that went back makes
 * it negative, never old. */
static int64_t
elapsed(const struct jute_stat_persisted *stat, int64_t now_ms)
{
    int64_t ms;

    if (__builtin_sub_overflow(now_ms, stat->mtime, &ms)) {
        return 0;
    }
    return ms;
}

bool
container_expired(const struct jute_stat_persisted *stat, int64_t now_ms,
                  int64_t max_never_used_ms)
{
    if (stat->cversion > 0) {
        return true;
    }
    return max_never_used_ms > 0
           && elapsed(stat, now_ms) > max_never_used_ms;
}

bool
ttl_expired(const struct jute_stat_persisted *stat, int64_t ttl_ms,
            int64_t now_ms)
{
    return ttl_ms != 0 && elapsed(stat, now_ms) > ttl_ms;
}

void
container_ttl_fini(struct container_ttl *ct)
{
    *ct = (struct container_ttl) { 0 };
}
