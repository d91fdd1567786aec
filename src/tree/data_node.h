/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_node.h: one znode, packed.
 *
 * A million znodes must fit a small machine, so a node is one block of
 * memory: a fixed head, the optional parts its flags announce, the name, the
 * data.  A node that was never changed keeps no mzxid, mtime, pzxid or
 * versions (they follow from czxid and ctime), one without children no child
 * list, one without an owner no owner.  Whatever changes the layout gives a
 * new block; nodes are therefore known by their slot number in the tree's
 * node table, never by address across a change.
 *
 * Thread-safety: readers share, one writer alone (the database lock).
 */
#ifndef TREE_DATA_NODE_H
#define TREE_DATA_NODE_H

#include "jute/zookeeper_records.h"
#include "util/zk_slice.h"

struct data_node;

/* What a node is, by its persisted ephemeralOwner (Java: EphemeralType). */
enum node_kind {
    NODE_PERSISTENT,
    NODE_EPHEMERAL,
    NODE_CONTAINER,
    NODE_TTL,
};

#define NODE_OWNER_CONTAINER INT64_MIN
/* Reads the kind of a persisted owner.  'extended_types' and 'emulate_353'
 * are the server's options of these names; *ttl_ms (may be NULL) is set for
 * NODE_TTL. */
enum node_kind node_owner_kind(int64_t owner, bool extended_types,
                               bool emulate_353, int64_t *ttl_ms);
/* The owner that stands for a time to live (1..0xffffffffff ms). */
int64_t node_owner_of_ttl(int64_t ttl_ms, bool emulate_353);

/* The node's own name: the last component of its path ("" for the root). */
struct zk_slice data_node_name(const struct data_node *node);
/* Null and empty are told apart.  Borrowed until the next change. */
struct zk_slice data_node_data(const struct data_node *node);
/* All persisted fields. */
void data_node_stat(const struct data_node *node,
                    struct jute_stat_persisted *out);
int64_t data_node_owner(const struct data_node *node);
uint32_t data_node_child_count(const struct data_node *node);

#endif
