/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_print.h: the nodes of a snapshot as Apache's tools print them (Java:
 * SnapshotFormatter, SnapshotRecursiveSummary).
 */
#ifndef TOOLS_SNAP_PRINT_H
#define TOOLS_SNAP_PRINT_H

#include "tools/snap_index.h"
#include "tools/tool.h"

struct snap_minute;

struct snap_print {
    struct snap_index *ix;
    struct tool_out *out;
    bool data;                  /* Else its length alone. */
    int64_t last_zxid;          /* The greatest mzxid or pzxid so far. */
    struct snap_minute *minutes;        /* Times as text, by minute. */
};

/* One node with its stat. */
int snap_print_node(struct snap_print *sp, uint32_t node,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Frees what printing took. */
void snap_print_fini(struct snap_print *sp);
/* All sessions. */
void snap_print_sessions(struct snap_index *ix, struct tool_out *out);
/* All nodes as nested JSON lists, each behind a comma. */
void snap_print_json(struct snap_index *ix, struct tool_out *out);
/* How many nodes and bytes are below 'start' and each node of at most 'depth'
 * levels below it that has children; depth 0: all.  ZK_ENOTFOUND when there
 * is no such node. */
int snap_print_summary(struct snap_index *ix, struct tool_out *out,
                       const char *start, int32_t depth,
                       struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
