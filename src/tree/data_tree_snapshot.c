/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree_snapshot.c: a point in time of the tree, written node by node.
 *
 * One bit for each slot says that the snapshot is done with it: the node was
 * written, or the slot was free at the start.  The bits are the snapshot's
 * own, not marks in the nodes, since it works while readers look at those.
 * Slots that the table gains later are beyond 'limit'.
 */
#include <config.h>

#include "tree/data_tree_snapshot.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "tree/data_tree_internal.h"

/* What next takes of the bytes put aside at a time, on top of its budget: more
 * than writers put there meanwhile. */
#define ASIDE_STEP ((size_t) 1 << 20)

struct data_tree_snapshot {
    unsigned magic;
#define DATA_TREE_SNAPSHOT_MAGIC 0x44745370
    /* Set at begin. */
    struct data_tree *tree;
    int64_t zxid;
    int64_t digest;
    uint32_t limit;             /* Slots in question are below. */

    /* Changed by writers and by next, never at once. */
    uint64_t *done;             /* One bit a slot. */
    uint32_t at;                /* All slots below are done. */
    bool ended;                 /* The end marker is out. */
    struct zk_buf aside;        /* What goes out before anything else, */
    size_t aside_at;            /* from here on. */
    uint32_t *chain;            /* Ancestors on their way out. */
    size_t chain_cap;
    struct zk_buf parent_path;  /* Of 'parent', while nothing changes. */
    uint32_t parent;            /* SLOT_NONE: not known. */
};

static bool
is_done(const struct data_tree_snapshot *snap, uint32_t slot)
{
    return slot >= snap->limit || snap->done[slot / 64] >> slot % 64 & 1;
}

static void
set_done(struct data_tree_snapshot *snap, uint32_t slot)
{
    if (slot < snap->limit) {
        snap->done[slot / 64] |= UINT64_C(1) << slot % 64;
    }
}

/* Appends the path of a node as a string; most nodes come behind a
 * sibling. */
static void
put_path(struct data_tree_snapshot *snap, uint32_t slot, struct zk_buf *out)
{
    const struct data_node *node = tree_node(snap->tree, slot);
    struct zk_slice name = data_node_name(node);
    uint8_t *p;

    if (slot == TREE_ROOT) {
        output_archive_int(out, 0);
        return;
    }
    if (node->parent != snap->parent) {
        zk_buf_clear(&snap->parent_path);
        tree_path(snap->tree, node->parent, &snap->parent_path);
        snap->parent = node->parent;
    }
    output_archive_int(out, (int32_t) snap->parent_path.len + 1 + name.len);
    p = zk_buf_reserve(out, snap->parent_path.len + 1 + (size_t) name.len);
    memcpy(p, snap->parent_path.data, snap->parent_path.len);
    p += snap->parent_path.len;
    *p++ = '/';
    memcpy(p, name.p, (size_t) name.len);
    out->len += snap->parent_path.len + 1 + (size_t) name.len;
}

static void
put_node(struct data_tree_snapshot *snap, uint32_t slot, struct zk_buf *out)
{
    const struct data_node *node = tree_node(snap->tree, slot);
    struct jute_stat_persisted stat;

    put_path(snap, slot, out);
    output_archive_slice(out, data_node_data(node));
    output_archive_long(out,
                        acl_cache_entry(&snap->tree->acls, node->acl)->id);
    data_node_stat(node, &stat);
    jute_stat_persisted_encode(out, &stat);
    set_done(snap, slot);
}

/* Appends a node that is not done, behind its ancestors that are not. */
static void
put_with_ancestors(struct data_tree_snapshot *snap, uint32_t slot,
                   struct zk_buf *out)
{
    size_t n = 0;

    while (slot != SLOT_NONE && !is_done(snap, slot)) {
        if (n == snap->chain_cap) {
            snap->chain_cap = snap->chain_cap * 2 + 16;
            snap->chain = zk_xrealloc(snap->chain, snap->chain_cap
                                                   * sizeof *snap->chain);
        }
        snap->chain[n++] = slot;
        slot = tree_node(snap->tree, slot)->parent;
    }
    while (n > 0) {
        put_node(snap, snap->chain[--n], out);
    }
}

struct data_tree_snapshot *
data_tree_snapshot_begin(struct data_tree *tree)
{
    struct data_tree_snapshot *snap;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    if (tree->snap != NULL) {
        return NULL;
    }
    snap = zk_xcalloc(1, sizeof *snap);
    snap->magic = DATA_TREE_SNAPSHOT_MAGIC;
    snap->tree = tree;
    snap->zxid = tree->last_zxid;
    snap->digest = (int64_t) tree->digest;
    snap->limit = tree->nodes.high;
    snap->done = zk_xcalloc(snap->limit / 64 + 1, sizeof *snap->done);
    snap->parent = SLOT_NONE;
    session_table_encode(&tree->sessions, &snap->aside);
    acl_cache_encode(&tree->acls, &snap->aside);
    tree->snap = snap;
    return snap;
}

void
snapshot_put_aside(struct data_tree_snapshot *snap, uint32_t slot)
{
    if (!is_done(snap, slot)) {
        /* A path may be of nodes that were there before. */
        snap->parent = SLOT_NONE;
        put_with_ancestors(snap, slot, &snap->aside);
    }
}

void
snapshot_skip(struct data_tree_snapshot *snap, uint32_t slot)
{
    set_done(snap, slot);
}

/* False when more is left of it, which goes before all nodes. */
static bool
take_aside(struct data_tree_snapshot *snap, struct zk_buf *out)
{
    size_t left = data_tree_snapshot_aside(snap);
    size_t n = left < ASIDE_STEP ? left : ASIDE_STEP;

    if (left > 0) {
        zk_buf_append(out, snap->aside.data + snap->aside_at, n);
        snap->aside_at += n;
    }
    if (n < left) {
        return false;
    }
    zk_buf_fini(&snap->aside);
    snap->aside_at = 0;
    return true;
}

bool
data_tree_snapshot_next(struct data_tree_snapshot *snap, struct zk_buf *out,
                        size_t budget)
{
    size_t start = out->len;

    ZK_CHECK(snap, DATA_TREE_SNAPSHOT_MAGIC);
    if (!take_aside(snap, out)) {
        return true;
    }
    snap->parent = SLOT_NONE;
    while (snap->at < snap->limit && out->len - start < budget) {
        uint32_t slot = snap->at++;

        if (!is_done(snap, slot)
            && node_table_at(&snap->tree->nodes, slot) != NULL) {
            put_with_ancestors(snap, slot, out);
        }
    }
    if (snap->at < snap->limit) {
        return true;
    }
    if (!snap->ended) {
        output_archive_slice(out, ZK_SLICE_LIT("/"));
        snap->ended = true;
    }
    return false;
}

size_t
data_tree_snapshot_aside(const struct data_tree_snapshot *snap)
{
    ZK_CHECK(snap, DATA_TREE_SNAPSHOT_MAGIC);
    return snap->aside.len - snap->aside_at;
}

size_t
data_tree_aside(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return tree->snap != NULL ? data_tree_snapshot_aside(tree->snap) : 0;
}

int64_t
data_tree_snapshot_zxid(const struct data_tree_snapshot *snap)
{
    ZK_CHECK(snap, DATA_TREE_SNAPSHOT_MAGIC);
    return snap->zxid;
}

int64_t
data_tree_snapshot_digest(const struct data_tree_snapshot *snap)
{
    ZK_CHECK(snap, DATA_TREE_SNAPSHOT_MAGIC);
    return snap->digest;
}

void
data_tree_snapshot_end(struct data_tree_snapshot *snap)
{
    ZK_CHECK(snap, DATA_TREE_SNAPSHOT_MAGIC);
    zk_assert(snap->tree->snap == snap);
    snap->tree->snap = NULL;
    free(snap->done);
    free(snap->chain);
    zk_buf_fini(&snap->aside);
    zk_buf_fini(&snap->parent_path);
    snap->magic = 0;
    free(snap);
}
