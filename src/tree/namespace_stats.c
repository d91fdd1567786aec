/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/namespace_stats.h"

#include "metrics/server_metrics.h"

/* What Java counts for a node's stat. */
#define NS_STAT_BYTES 68

/* "a" of "/a/b"; empty for the root. */
static struct zk_slice
ns_of(struct zk_slice path)
{
    const char *end;

    if (path.len < 2 || path.p[0] != '/') {
        return ZK_SLICE_NULL;
    }
    end = memchr(path.p + 1, '/', (size_t) path.len - 1);
    return zk_slice(path.p + 1, end != NULL ? (int32_t) (end - path.p) - 1
                                            : path.len - 1);
}

void
namespace_stats_read(struct zk_slice path, int64_t bytes)
{
    server_metrics_set_add(METRIC_read_per_namespace, ns_of(path),
                           path.len + bytes + NS_STAT_BYTES);
}

void
namespace_stats_write(struct zk_slice path, int64_t bytes)
{
    server_metrics_set_add(METRIC_write_per_namespace, ns_of(path),
                           path.len + bytes);
}
