/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_node_layout.h: how a znode is packed; for this folder only.
 *
 * One block of memory:
 *
 *     head (40 bytes) | child list 8 | owner 16 | long name 8 | changed 40 |
 *     name | data
 *
 * The parts between head and name are there when the flag of theirs is set.
 * Giving a node a part, or data of another length, gives it a new block.
 * Blocks come from the tree's pool; a node's fields say how long its block
 * is.
 */
#ifndef TREE_DATA_NODE_LAYOUT_H
#define TREE_DATA_NODE_LAYOUT_H

#include <stddef.h>

#include "tree/data_node.h"
#include "tree/hash_slots.h"
#include "tree/node_pool.h"
#include "tree/slot_list.h"

enum {
    /* Parts. */
    NODE_HAS_CHILDREN = 1,      /* May be a NULL list. */
    NODE_HAS_OWNER = 2,
    NODE_HAS_LONG_NAME = 4,
    NODE_HAS_CHANGED = 8,
    NODE_PARTS = 15,
    /* Marks. */
    NODE_CRC_VALID = 16,        /* prefix_crc holds. */
    NODE_NO_DIGEST = 32,        /* Below /zookeeper: not in the digest. */
};

struct data_node {
    uint32_t parent;            /* Slot; SLOT_NONE for the root. */
    uint32_t place;             /* In the parent's child list. */
    uint32_t acl;               /* In the ACL cache. */
    uint32_t prefix_crc;        /* CRC-32 of path and data. */
    int64_t czxid;
    int64_t ctime;
    int32_t data_len;           /* -1: null. */
    uint16_t name_len;          /* Unless NODE_HAS_LONG_NAME. */
    uint16_t flags;
    unsigned char rest[];
};

struct node_owner {
    int64_t owner;              /* Persisted ephemeralOwner, not 0. */
    uint32_t place;             /* In the list of its kind. */
    uint32_t spare;
};

/* What differs once a node or its set of children changed. */
struct node_changed {
    int64_t mzxid;
    int64_t pzxid;
    int64_t mtime;
    int32_t version;
    int32_t cversion;
    int32_t aversion;
    int32_t spare;
};

static inline size_t
data_node_part_at(unsigned flags, unsigned part)
{
    size_t at = 0;

    if (part > NODE_HAS_CHILDREN && flags & NODE_HAS_CHILDREN) {
        at += sizeof(struct slot_list *);
    }
    if (part > NODE_HAS_OWNER && flags & NODE_HAS_OWNER) {
        at += sizeof(struct node_owner);
    }
    if (part > NODE_HAS_LONG_NAME && flags & NODE_HAS_LONG_NAME) {
        at += 8;
    }
    if (part > NODE_HAS_CHANGED && flags & NODE_HAS_CHANGED) {
        at += sizeof(struct node_changed);
    }
    return at;
}

/* Bytes of all parts together. */
static inline size_t
data_node_parts_len(unsigned flags)
{
    return data_node_part_at(flags, NODE_PARTS);
}

/* A part that the node has; and the same, NULL when it lacks it. */
#define DATA_NODE_PART(node, part)                                        \
    ((node)->rest + data_node_part_at((node)->flags, (part)))
#define DATA_NODE_PART_OR_NULL(node, part)                                \
    ((node)->flags & (part) ? DATA_NODE_PART(node, part) : NULL)

static inline size_t
data_node_name_len(const struct data_node *node)
{
    uint64_t len = node->name_len;

    if (node->flags & NODE_HAS_LONG_NAME) {
        memcpy(&len, DATA_NODE_PART(node, NODE_HAS_LONG_NAME), sizeof len);
    }
    return (size_t) len;
}

/* data_node_name, for the loops that compare paths. */
static inline struct zk_slice
data_node_name_inline(const struct data_node *node)
{
    return zk_slice(node->rest + data_node_parts_len(node->flags),
                    (int32_t) data_node_name_len(node));
}

static inline struct slot_list *
data_node_children(const struct data_node *node)
{
    struct slot_list *l = NULL;

    if (node->flags & NODE_HAS_CHILDREN) {
        memcpy(&l, node->rest, sizeof l);
    }
    return l;
}

/* The node must have the part. */
static inline struct slot_list **
data_node_children_ref(struct data_node *node)
{
    return (struct slot_list **) (void *) node->rest;
}

/* NULL when the node lacks the part. */
static inline struct node_owner *
data_node_owner_ref(struct data_node *node)
{
    return (struct node_owner *) (void *)
           DATA_NODE_PART_OR_NULL(node, NODE_HAS_OWNER);
}

/* NULL when the node lacks the part. */
static inline struct node_changed *
data_node_changed_ref(struct data_node *node)
{
    return (struct node_changed *) (void *)
           DATA_NODE_PART_OR_NULL(node, NODE_HAS_CHANGED);
}

/* A new node with these fields; it has neither parent nor ACL yet.  (Java:
 * DataNode's constructor.) */
struct data_node *data_node_pack(struct node_pool *pool,
                                 struct zk_slice name, struct zk_slice data,
                                 const struct jute_stat_persisted *stat);
/* Adds the parts that the node lacks; returns the block, moved or not. */
struct data_node *data_node_widen(struct node_pool *pool,
                                  struct data_node *node, unsigned parts);
/* Replaces the data; returns the block, moved or not.  The CRC becomes
 * invalid. */
struct data_node *data_node_set_data(struct node_pool *pool,
                                     struct data_node *node,
                                     struct zk_slice data);
/* Frees the node; it has no children. */
void data_node_free(struct node_pool *pool, struct data_node *node);

#endif
