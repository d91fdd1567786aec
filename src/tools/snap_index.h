/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_index.h: where the nodes of a snapshot file stand and how they hang
 * together, for tools that print and compare: some 50 bytes and the name for
 * a node.  Data and stats stay in the file, or, of a compressed one, in a
 * temporary file without a name (TMPDIR, else /var/tmp).
 *
 * Nodes have numbers, in the order of the file; a parent's is lower than its
 * children's, the root's is 0.  Children come in the order in which Java's
 * tools print them (java_order.h).
 *
 * As Java's, which look at a snapshot through a server's tree, it has the
 * usage of quotas counted anew: the data of zookeeper_stats is not the
 * file's (Java: DataTree.setupQuota).
 */
#ifndef TOOLS_SNAP_INDEX_H
#define TOOLS_SNAP_INDEX_H

#include "persistence/file_snap.h"

#define SNAP_INDEX_NONE UINT32_MAX

struct snap_index;

struct snap_session {
    int64_t id;
    int32_t timeout_ms;
    uint32_t ephemerals;
};

struct snap_index_options {
    int32_t max_buffer;         /* Of one string or buffer. */
    bool content;               /* snap_index_content will be called. */
    bool partial;               /* Take what stands before damage. */
};

/* Reads the file, with a bar when it takes long.  ZK_OK: *out is the whole
 * content; when *damage is not empty it says what is wrong behind that (or,
 * with opts->partial, where and why reading ended).  On failure 'em' says so;
 * then *damage is not empty when opts->partial would have given some nodes. */
int snap_index_read(const char *path, const struct snap_index_options *opts,
                    struct snap_index **out, struct zk_errmsg *damage,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Frees it; NULL is fine. */
void snap_index_destroy(struct snap_index *ix);

/* How many nodes there are, the root included: 1 or more. */
uint32_t snap_index_count(const struct snap_index *ix);
/* The sessions in Java's order, and how many. */
const struct snap_session *snap_index_sessions(const struct snap_index *ix,
                                               size_t *n);
/* Last part of the path; "" for the root. */
struct zk_slice snap_index_name(const struct snap_index *ix, uint32_t node);
/* Appends the path: "" for the root. */
void snap_index_path(const struct snap_index *ix, uint32_t node,
                     struct zk_buf *out);
/* The node with this path ("" and "/" are the root), or SNAP_INDEX_NONE. */
uint32_t snap_index_find(const struct snap_index *ix, struct zk_slice path);
/* SNAP_INDEX_NONE for the root. */
uint32_t snap_index_parent(const struct snap_index *ix, uint32_t node);
/* The children, borrowed; returns their number. */
uint32_t snap_index_children(const struct snap_index *ix, uint32_t node,
                             const uint32_t **children);
/* The next node in preorder below 'top', or SNAP_INDEX_NONE.  *up says how
 * many levels were left on the way: 0 when it is a child of 'node'. */
uint32_t snap_index_next(const struct snap_index *ix, uint32_t top,
                         uint32_t node, uint32_t *up);
/* Bytes of data; 0 for null. */
int32_t snap_index_data_len(const struct snap_index *ix, uint32_t node);
/* What is at and below each node, by number; to be freed. */
struct snap_sum {
    int64_t bytes;              /* Of data, the node's own included. */
    int64_t descendants;
};
struct snap_sum *snap_index_sums(const struct snap_index *ix);
/* Data and stat of a node, read anew: the slices live until the next call.
 * Its path is the file's. */
int snap_index_content(struct snap_index *ix, uint32_t node,
                       struct snap_node *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

#endif
