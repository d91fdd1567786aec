/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree_internal.h: the tree from inside; for this folder only.
 *
 * A change of a node stands between tree_change_begin and tree_change_end:
 * the first lets a snapshot in progress put the node aside as it is and
 * takes its digest out of the sum, the second adds the new digest.
 */
#ifndef TREE_DATA_TREE_INTERNAL_H
#define TREE_DATA_TREE_INTERNAL_H

#include "tree/acl_cache.h"
#include "tree/container_ttl.h"
#include "tree/data_node_layout.h"
#include "tree/data_tree.h"
#include "tree/ephemerals.h"
#include "tree/node_pool.h"
#include "tree/node_table.h"
#include "tree/session_table.h"

#define TREE_ROOT 0             /* Its slot. */
#define TREE_SHARDS 256

#define ZOOKEEPER_PATH ZK_SLICE_LIT("/zookeeper")
#define QUOTA_PATH     ZK_SLICE_LIT("/zookeeper/quota")
#define CONFIG_PATH    ZK_SLICE_LIT("/zookeeper/config")

struct data_tree_snapshot;

struct data_tree {
    unsigned magic;
#define DATA_TREE_MAGIC 0x44547265
    /* Set at create. */
    struct data_tree_options opts;
    struct sip_key key;
    struct watch_manager *wm;   /* NULL: nobody watches. */

    struct node_pool pool;      /* Nodes and lists of slots. */
    struct node_table nodes;
    /* Hash of the full path to slot, split so that growing one part costs
     * little.  The root is not in it. */
    struct hash_slots index[TREE_SHARDS];
    struct acl_cache acls;
    struct session_table sessions;
    struct ephemerals ephemerals;
    struct container_ttl expiring;

    int64_t last_zxid;
    uint64_t digest;            /* 0 where digests are off. */
    int64_t path_bytes;         /* Lengths of all paths but the root's. */
    int64_t data_bytes;
    uint32_t n_limits;          /* zookeeper_limits nodes below quota. */

    /* The digest last added, which the next change of the same node takes
     * out again: a parent changes with each of its children. */
    uint32_t digest_slot;       /* SLOT_NONE: none. */
    uint32_t digest_value;
    /* The parent last looked up: siblings are made in runs. */
    struct zk_buf parent_path;
    uint32_t parent_slot;       /* SLOT_NONE: none. */

    struct zk_buf scratch;      /* For tree_path in the writer's functions. */
    struct data_tree_snapshot *snap;    /* In progress, or NULL. */
    struct id_map load_acls;    /* While loading: id to entry. */
};

static inline struct data_node *
tree_node(const struct data_tree *tree, uint32_t slot)
{
    return node_table_get(&tree->nodes, slot);
}

static inline struct zk_slice
tree_buf_slice(const struct zk_buf *b)
{
    return zk_slice(b->data, (int32_t) b->len);
}

/* The slot of a path, or SLOT_NONE.  "" and "/" are the root. */
uint32_t tree_find(const struct data_tree *tree, struct zk_slice path);
/* The same in two steps, for paths that are not the root's: hashing begins
 * to fetch the place in the index, for what comes in between to overlap. */
uint64_t tree_hash(const struct data_tree *tree, struct zk_slice path);
uint32_t tree_find_hashed(const struct data_tree *tree, struct zk_slice path,
                          uint64_t hash);
/* The slot of the parent part of a path, which ends before the last '/'; by
 * the writer. */
uint32_t tree_find_parent(struct data_tree *tree, struct zk_slice parent);
/* Appends the path of a node; nothing for the root. */
void tree_path(const struct data_tree *tree, uint32_t slot,
               struct zk_buf *out);
/* The same into the tree's scratch buffer; until the next call. */
struct zk_slice tree_path_scratch(struct data_tree *tree, uint32_t slot);
/* The node after 'slot' in the subtree of 'top', parents first; SLOT_NONE at
 * the end. */
uint32_t tree_next(const struct data_tree *tree, uint32_t top, uint32_t slot);

/* Around each change of a node.  'path' may be null: not at hand. */
void tree_change_begin(struct data_tree *tree, uint32_t slot);
void tree_change_end(struct data_tree *tree, uint32_t slot,
                     struct zk_slice path);
/* Gives the node in a slot the parts that it lacks. */
struct data_node *tree_widen(struct data_tree *tree, uint32_t slot,
                             unsigned parts);

/* Adds a node below 'parent'.  Takes over the caller's reference to the ACL
 * entry.  The parent's stat is the caller's business. */
uint32_t tree_insert(struct data_tree *tree, uint32_t parent,
                     struct zk_slice path, uint64_t hash,
                     struct zk_slice data, uint32_t acl,
                     const struct jute_stat_persisted *stat);
/* Adds the root; the tree must be empty. */
void tree_insert_root(struct data_tree *tree, struct zk_slice data,
                      uint32_t acl, const struct jute_stat_persisted *stat);
/* Both leave the digest to tree_change_end. */

/* Removes a childless node, its digest too.  The reference to its ACL entry
 * becomes the caller's, so that watchers can still be asked. */
void tree_remove(struct data_tree *tree, uint32_t slot, struct zk_slice path);
/* Replaces the data; between change_begin and change_end. */
void tree_set_data(struct data_tree *tree, uint32_t slot,
                   struct zk_slice data);
/* Adds those of the four built-in nodes that are not there. */
void tree_add_built_in(struct data_tree *tree);
/* Drops all content. */
void tree_clear(struct data_tree *tree);

/* In quota.c: what a change means for quotas, once it is made.  'bytes' is
 * the length of the data, or by how much it grew. */
void quota_node_created(struct data_tree *tree, struct zk_slice path,
                        int64_t bytes);
void quota_node_deleted(struct data_tree *tree, struct zk_slice path,
                        int64_t bytes);
void quota_data_changed(struct data_tree *tree, struct zk_slice path,
                        int64_t bytes);
/* Computes all sums anew and counts limits nodes (after loading). */
void quota_recompute_all(struct data_tree *tree);

/* In data_tree_snapshot.c: a node is about to change or to be removed; a
 * slot was taken for a new node. */
void snapshot_put_aside(struct data_tree_snapshot *snap, uint32_t slot);
void snapshot_skip(struct data_tree_snapshot *snap, uint32_t slot);

/* In data_tree_txn.c: removes a session's ephemerals. */
void tree_kill_session(struct data_tree *tree, int64_t session,
                       int64_t zxid);

#endif
