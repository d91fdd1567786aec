/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree_load.c: filling a tree from a snapshot.  The bytes come from a
 * file: what is wrong with them is an error with a reason, never an abort.
 */
#include <config.h>

#include "tree/data_tree.h"

#include "proto/acl_codec.h"
#include "tree/data_tree_internal.h"
#include "util/zk_log.h"

/* How much of a path an error message shows. */
#define SHOWN 200
/* Indexes count up from 1; those behind it must have a number too. */
#define MAX_ACL_INDEX (INT64_MAX / 2)

static int
shown(struct zk_slice path)
{
    return path.len < SHOWN ? path.len : SHOWN;
}

/* Grants nobody anything: world:anyone with no permission. */
static const struct zk_slice closed_acl =
    ZK_SLICE_LIT("\0\0\0\1" "\0\0\0\0" "\0\0\0\5" "world" "\0\0\0\6"
                 "anyone");

void
data_tree_load_begin(struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    zk_assert(tree->snap == NULL);
    tree_clear(tree);
    node_pool_feed(&tree->pool, true);
}

void
data_tree_load_session(struct data_tree *tree, int64_t id, int32_t timeout_ms)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    session_table_put(&tree->sessions, id, timeout_ms);
}

int
data_tree_load_acl(struct data_tree *tree, int64_t index,
                   struct zk_slice raw, struct zk_errmsg *em)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    if (!acl_raw_valid(raw) || acl_raw_count(raw) < 0) {
        return zk_fail(em, ZK_EMARSHAL, "ACL list %lld does not decode",
                       (long long) index);
    }
    if (index > MAX_ACL_INDEX) {
        return zk_fail(em, ZK_ECORRUPT, "ACL list %lld: no server has ever "
                       "counted that far", (long long) index);
    }
    /* Of two lists with one index the later counts, as in Java. */
    id_map_add(&tree->load_acls, index)->n =
        acl_cache_load(&tree->acls, index, raw);
    return ZK_OK;
}

/* The entry of an index in the file, one reference taken.  A fuzzy snapshot
 * of Java's may name a list that it lacks (ZOOKEEPER-4846): the log then
 * holds a create that sets it.  Until then nobody may do anything. */
static uint32_t
acl_entry_of(struct data_tree *tree, int64_t index, struct zk_slice path)
{
    const union id_map_value *v;
    uint32_t entry;

    if (index == -1) {
        return ACL_OPEN;
    }
    v = id_map_find(&tree->load_acls, index);
    if (v == NULL) {
        zk_warn(tree, "the snapshot has no ACL list %lld for %.*s: closed "
                "until the log sets one", (long long) index, shown(path),
                path.p);
        entry = acl_cache_ref(&tree->acls, closed_acl);
        id_map_add(&tree->load_acls, index)->n = entry;
    } else {
        entry = (uint32_t) v->n;
        acl_cache_ref_entry(&tree->acls, entry);
    }
    return entry;
}

int
data_tree_load_node(struct data_tree *tree, struct zk_slice path,
                    struct zk_slice data, int64_t acl_index,
                    const struct jute_stat_persisted *stat,
                    struct zk_errmsg *em)
{
    uint32_t parent;
    uint64_t hash;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    if (tree->nodes.used == 0) {
        if (path.len != 0) {
            return zk_fail(em, ZK_ECORRUPT, "the first znode is not the root "
                           "but %.*s", shown(path), path.p);
        }
        tree_insert_root(tree, data, acl_entry_of(tree, acl_index, path),
                         stat);
        return ZK_OK;
    }
    if (path.len <= 0 || path.p[0] != '/' || path.len == 1) {
        return zk_fail(em, ZK_ECORRUPT, "znode path \"%.*s\"",
                       path.len < 0 ? 0 : shown(path), path.p);
    }
    hash = tree_hash(tree, path);
    parent = tree_find_parent(tree, data_tree_parent_path(path));
    if (parent == SLOT_NONE) {
        return zk_fail(em, ZK_ECORRUPT, "znode %.*s comes without its parent",
                       shown(path), path.p);
    }
    if (tree_find_hashed(tree, path, hash) != SLOT_NONE) {
        return zk_fail(em, ZK_ECORRUPT, "znode %.*s comes twice",
                       shown(path), path.p);
    }
    tree_insert(tree, parent, path, hash, data,
                acl_entry_of(tree, acl_index, path), stat);
    return ZK_OK;
}

/* Adds up the digests of all nodes. */
static void
sum_digests(struct data_tree *tree)
{
    uint32_t slot = TREE_ROOT;

    tree->digest = 0;
    tree->digest_slot = SLOT_NONE;
    while (slot != SLOT_NONE) {
        tree_change_end(tree, slot, ZK_SLICE_NULL);
        slot = tree_next(tree, TREE_ROOT, slot);
    }
}

int
data_tree_load_end(struct data_tree *tree, int64_t zxid,
                   const int64_t *digest, struct zk_errmsg *em)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    node_pool_feed(&tree->pool, false);
    if (tree->nodes.used == 0) {
        return zk_fail(em, ZK_ECORRUPT, "no znode, not even the root");
    }
    tree->last_zxid = zxid;
    if (digest == NULL) {
        sum_digests(tree);
    } else if (tree->opts.digest_enabled) {
        tree->digest = (uint64_t) *digest;
    }
    tree_add_built_in(tree);
    quota_recompute_all(tree);
    acl_cache_purge(&tree->acls);
    id_map_fini(&tree->load_acls);
    return ZK_OK;
}
