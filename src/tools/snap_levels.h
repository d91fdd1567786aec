/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_levels.h: a snapshot for comparing: its nodes level by level in the
 * order of their paths, and what is below each (Java: SnapshotComparer's
 * TreeInfo).
 */
#ifndef TOOLS_SNAP_LEVELS_H
#define TOOLS_SNAP_LEVELS_H

#include "tools/java_order.h"
#include "tools/snap_index.h"
#include "tools/tool.h"

struct snap_levels;

/* Reads the file and says on 'out' how long that took.  Damage behind the
 * content is said on stderr and no hindrance, as for Java's. */
int snap_levels_read(const char *path, int32_t max_buffer,
                     struct tool_out *out, struct snap_levels **levels,
                     struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Whether something was wrong behind the nodes, which was said on stderr. */
bool snap_levels_is_damaged(const struct snap_levels *lv);
/* Frees it; NULL is fine. */
void snap_levels_destroy(struct snap_levels *lv);
/* The nodes themselves. */
const struct snap_index *snap_levels_index(const struct snap_levels *lv);
/* How many levels there are: the root alone is one. */
uint32_t snap_levels_depth(const struct snap_levels *lv);
/* The nodes of a level, sorted, borrowed; returns their number, 0 behind the
 * last level. */
uint32_t snap_levels_level(const struct snap_levels *lv, uint32_t depth,
                           const uint32_t **nodes);
/* The same of a node's children; valid until the next call. */
uint32_t snap_levels_children(struct snap_levels *lv, uint32_t node,
                              const uint32_t **nodes);
/* What is at and below a node. */
const struct snap_sum *snap_levels_sum(const struct snap_levels *lv,
                                       uint32_t node);
/* Appends the numbers of nodes, bytes and levels, and an empty line. */
void snap_levels_describe(const struct snap_levels *lv, struct zk_buf *out);

#endif
