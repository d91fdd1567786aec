/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace_stats.h: bytes read and written per first path component, for
 * read_per_namespace and write_per_namespace (Java: DataTree.updateReadStat,
 * updateWriteStat).
 */
#ifndef TREE_NAMESPACE_STATS_H
#define TREE_NAMESPACE_STATS_H

#include "util/zk_slice.h"

/* A node was read: 'bytes' are its data, or the names of its children. */
void namespace_stats_read(struct zk_slice path, int64_t bytes);
/* A node was made, changed or (bytes 0) removed. */
void namespace_stats_write(struct zk_slice path, int64_t bytes);

#endif
