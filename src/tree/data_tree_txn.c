/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree_txn.c: what each transaction does to the tree; the only writer.
 *
 * A transaction may meet a tree that has some of its effects already: Java's
 * snapshots are written while transactions go on, and the log is replayed
 * over them.  So nothing here fails on what it finds, and doing it twice is
 * as good as once:
 *  - a node that is to be made and exists keeps its data and stat, but takes
 *    the ACL (ZOOKEEPER-4846);
 *  - a parent's cversion and pzxid never go back (ZOOKEEPER-3249);
 *  - a node that is to be deleted and is gone still raises its parent's
 *    pzxid (ZOOKEEPER-3125).
 */
#include <config.h>

#include "tree/data_tree.h"

#include <stdlib.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "tree/data_tree_internal.h"
#include "tree/namespace_stats.h"
#include "watch/watch_manager.h"

/* The parent's path as watchers know it. */
static struct zk_slice
watch_parent(struct zk_slice parent)
{
    return parent.len == 0 ? ZK_SLICE_LIT("/") : parent;
}

static void
result_stat(const struct data_tree *tree, uint32_t slot,
            struct txn_result *r)
{
    data_tree_client_stat(tree, tree_node(tree, slot), &r->stat);
    r->has_stat = true;
}

/* ---- create ----------------------------------------------------------- */

/* A child was made, as its parent's 'cversion'-th (-1: the next). */
static void
parent_gained(struct data_tree *tree, uint32_t slot, struct zk_slice path,
              int32_t cversion, int64_t zxid)
{
    struct node_changed *c;

    tree_change_begin(tree, slot);
    c = data_node_changed_ref(tree_widen(tree, slot, NODE_HAS_CHANGED));
    if (cversion == -1) {
        cversion = (int32_t) ((uint32_t) c->cversion + 1);
    }
    if (cversion > c->cversion) {
        c->cversion = cversion;
        c->pzxid = zxid;
    }
    tree_change_end(tree, slot, path);
}

/* The persisted owner of the node that a transaction makes. */
static int64_t
owner_of(const struct data_tree *tree, const struct txn_view *txn)
{
    switch (txn->type) {
    case OP_CREATE_CONTAINER:
        return NODE_OWNER_CONTAINER;
    case OP_CREATE_TTL:
        /* A ttl that is none comes from a client's request that Java's
         * leader lets through: a plain node. */
        return txn->ttl > 0 && txn->ttl <= INT64_C(0xffffffffff)
               ? node_owner_of_ttl(txn->ttl, tree->opts.emulate_353_ttl) : 0;
    default:
        return txn->ephemeral ? txn->client_id : 0;
    }
}

/* The node is there: it is the one that the transaction made (or will make
 * again, after a delete that is still to be replayed). */
static int32_t
create_existing(struct data_tree *tree, const struct txn_view *txn,
                uint32_t parent, struct zk_slice parent_path, uint32_t slot)
{
    struct data_node *node = tree_node(tree, slot);
    uint32_t acl = acl_cache_ref(&tree->acls, txn->acl);

    if (acl == node->acl) {
        acl_cache_unref(&tree->acls, acl);
    } else {
        tree_change_begin(tree, slot);
        acl_cache_unref(&tree->acls, node->acl);
        node->acl = acl;
        tree_change_end(tree, slot, txn->path);
    }
    /* Java does so for plain create only; what it misses for the other kinds
     * is what the parent had on the servers that did not replay. */
    if (txn->parent_cversion != -1) {
        parent_gained(tree, parent, parent_path, txn->parent_cversion,
                      txn->zxid);
    }
    return KE_NODE_EXISTS;
}

static int32_t
create_new(struct data_tree *tree, const struct txn_view *txn, uint64_t hash,
           uint32_t parent, struct zk_slice parent_path, struct txn_result *r)
{
    uint32_t acl = acl_cache_ref(&tree->acls, txn->acl);
    uint32_t slot;
    struct jute_stat_persisted stat = {
        .czxid = txn->zxid,
        .mzxid = txn->zxid,
        .pzxid = txn->zxid,
        .ctime = txn->time,
        .mtime = txn->time,
        .ephemeral_owner = owner_of(tree, txn),
    };

    parent_gained(tree, parent, parent_path, txn->parent_cversion, txn->zxid);
    slot = tree_insert(tree, parent, txn->path, hash, txn->data, acl, &stat);
    tree_change_end(tree, slot, txn->path);
    result_stat(tree, slot, r);
    quota_node_created(tree, txn->path,
                       txn->data.len > 0 ? txn->data.len : 0);
    if (tree->wm != NULL) {
        namespace_stats_write(txn->path,
                              txn->data.len > 0 ? txn->data.len : 0);
        watch_manager_node_created(
            tree->wm, txn->path, watch_parent(parent_path), txn->zxid,
            acl_cache_entry(&tree->acls, acl)->raw,
            data_tree_acl(tree, tree_node(tree, parent)));
    }
    return KE_OK;
}

static int32_t
apply_create(struct data_tree *tree, const struct txn_view *txn,
             struct txn_result *r)
{
    struct zk_slice parent_path = data_tree_parent_path(txn->path);
    uint32_t parent, slot;
    uint64_t hash;

    if (txn->path.len <= 0 || txn->path.p[0] != '/') {
        return KE_BAD_ARGUMENTS;
    }
    if (txn->path.len == 1) {
        return KE_NODE_EXISTS;  /* The root. */
    }
    hash = tree_hash(tree, txn->path);
    parent = tree_find_parent(tree, parent_path);
    if (parent == SLOT_NONE) {
        return KE_NO_NODE;
    }
    slot = tree_find_hashed(tree, txn->path, hash);
    if (slot != SLOT_NONE) {
        return create_existing(tree, txn, parent, parent_path, slot);
    }
    return create_new(tree, txn, hash, parent, parent_path, r);
}

/* ---- delete ----------------------------------------------------------- */

static void
parent_lost(struct data_tree *tree, uint32_t slot, struct zk_slice path,
            int64_t zxid)
{
    struct node_changed *c;

    tree_change_begin(tree, slot);
    c = data_node_changed_ref(tree_widen(tree, slot, NODE_HAS_CHANGED));
    if (zxid > c->pzxid) {
        c->pzxid = zxid;
    }
    tree_change_end(tree, slot, path);
}

/* Removes one childless node with all that hangs on it but watches; returns
 * the ACL entry, whose reference is the caller's. */
static uint32_t
delete_one(struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    const struct data_node *node = tree_node(tree, slot);
    uint32_t acl = node->acl;
    int64_t bytes = node->data_len > 0 ? node->data_len : 0;

    tree_remove(tree, slot, path);
    quota_node_deleted(tree, path, bytes);
    return acl;
}

/* Removes what is below a node.  Happens when the log deletes a node that a
 * fuzzy snapshot has in a later life, with children: they will be made again
 * further on in the log. */
static void
delete_below(struct data_tree *tree, uint32_t top)
{
    while (data_node_child_count(tree_node(tree, top)) > 0) {
        uint32_t slot = tree_next(tree, top, top);
        struct zk_buf path = { 0 };

        while (data_node_child_count(tree_node(tree, slot)) > 0) {
            slot = data_node_children(tree_node(tree, slot))->slots[0];
        }
        tree_path(tree, slot, &path);
        acl_cache_unref(&tree->acls,
                        delete_one(tree, slot, tree_buf_slice(&path)));
        zk_buf_fini(&path);
    }
}

static int32_t
delete_node(struct data_tree *tree, struct zk_slice path, int64_t zxid)
{
    struct zk_slice parent_path = data_tree_parent_path(path);
    uint32_t parent, slot, acl;

    if (path.len <= 1 || path.p[0] != '/') {
        return KE_BAD_ARGUMENTS;
    }
    parent = tree_find_parent(tree, parent_path);
    if (parent == SLOT_NONE) {
        return KE_NO_NODE;
    }
    parent_lost(tree, parent, parent_path, zxid);
    slot = tree_find(tree, path);
    if (slot == SLOT_NONE) {
        return KE_NO_NODE;
    }
    delete_below(tree, slot);
    acl = delete_one(tree, slot, path);
    if (tree->wm != NULL) {
        namespace_stats_write(path, 0);
        watch_manager_node_deleted(
            tree->wm, path, watch_parent(parent_path), zxid,
            acl_cache_entry(&tree->acls, acl)->raw,
            data_tree_acl(tree, tree_node(tree, parent)));
    }
    acl_cache_unref(&tree->acls, acl);
    return KE_OK;
}

/* ---- setData, setACL -------------------------------------------------- */

static void
change_data(struct data_tree *tree, uint32_t slot, struct zk_slice path,
            struct zk_slice data, int32_t version, int64_t zxid,
            int64_t time)
{
    struct node_changed *c;

    tree_change_begin(tree, slot);
    tree_widen(tree, slot, NODE_HAS_CHANGED);
    tree_set_data(tree, slot, data);
    c = data_node_changed_ref(tree_node(tree, slot));
    c->version = version;
    c->mzxid = zxid;
    c->mtime = time;
    tree_change_end(tree, slot, path);
}

static void
data_changed(struct data_tree *tree, uint32_t slot, struct zk_slice path,
             int64_t zxid)
{
    if (tree->wm != NULL) {
        watch_manager_node_data_changed(
            tree->wm, path, zxid,
            data_tree_acl(tree, tree_node(tree, slot)));
    }
}

static int32_t
apply_set_data(struct data_tree *tree, const struct txn_view *txn,
               struct txn_result *r)
{
    uint32_t slot = tree_find(tree, txn->path);
    int64_t bytes;

    if (slot == SLOT_NONE) {
        return KE_NO_NODE;
    }
    bytes = -tree->data_bytes;
    change_data(tree, slot, txn->path, txn->data, txn->version, txn->zxid,
                txn->time);
    bytes += tree->data_bytes;
    result_stat(tree, slot, r);
    quota_data_changed(tree, txn->path, bytes);
    if (tree->wm != NULL) {
        namespace_stats_write(txn->path,
                              txn->data.len > 0 ? txn->data.len : 0);
    }
    data_changed(tree, slot, txn->path, txn->zxid);
    return KE_OK;
}

static int32_t
apply_set_acl(struct data_tree *tree, const struct txn_view *txn,
              struct txn_result *r)
{
    uint32_t slot = tree_find(tree, txn->path);
    struct data_node *node;
    uint32_t acl;

    if (slot == SLOT_NONE) {
        return KE_NO_NODE;
    }
    tree_change_begin(tree, slot);
    node = tree_widen(tree, slot, NODE_HAS_CHANGED);
    acl = acl_cache_ref(&tree->acls, txn->acl);
    acl_cache_unref(&tree->acls, node->acl);
    node->acl = acl;
    data_node_changed_ref(node)->aversion = txn->version;
    tree_change_end(tree, slot, txn->path);
    result_stat(tree, slot, r);
    return KE_OK;
}

void
data_tree_set_config(struct data_tree *tree, struct zk_slice text,
                     int64_t version, int64_t wall_ms)
{
    uint32_t slot;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    tree_add_built_in(tree);
    slot = tree_find(tree, CONFIG_PATH);
    change_data(tree, slot, CONFIG_PATH, text, -1, version, wall_ms);
    data_changed(tree, slot, CONFIG_PATH, version);
}

/* ---- sessions --------------------------------------------------------- */

void
tree_kill_session(struct data_tree *tree, int64_t session, int64_t zxid)
{
    const struct slot_list *l;
    struct zk_buf path = { 0 };

    while ((l = ephemerals_of(&tree->ephemerals, session)) != NULL) {
        int32_t err;

        zk_buf_clear(&path);
        tree_path(tree, l->slots[l->n - 1], &path);
        err = delete_node(tree, tree_buf_slice(&path), zxid);
        zk_assert(err == KE_OK);
    }
    zk_buf_fini(&path);
}

/* The paths in the transaction go first, for two reasons: their order is the
 * order of watch events, and a node that a fuzzy snapshot lacks still counts
 * in its parent's pzxid. */
static void
apply_close_session(struct data_tree *tree, const struct txn_view *txn)
{
    struct txn_paths_iter it;
    struct zk_slice path;

    txn_paths_begin(&it, txn->paths);
    while (txn_paths_next(&it, &path)) {
        (void) delete_node(tree, path, txn->zxid);
    }
    tree_kill_session(tree, txn->client_id, txn->zxid);
    session_table_remove(&tree->sessions, txn->client_id);
}

/* ---- any -------------------------------------------------------------- */

static int32_t
apply_one(struct data_tree *tree, const struct txn_view *txn,
          struct txn_result *r)
{
    switch (txn->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        return apply_create(tree, txn, r);
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        return delete_node(tree, txn->path, txn->zxid);
    case OP_SET_DATA:
    case OP_RECONFIG:
        return apply_set_data(tree, txn, r);
    case OP_SET_ACL:
        return apply_set_acl(tree, txn, r);
    case OP_CREATE_SESSION:
        session_table_put(&tree->sessions, txn->client_id, txn->timeout);
        return KE_OK;
    case OP_CLOSE_SESSION:
        apply_close_session(tree, txn);
        return KE_OK;
    case OP_ERROR:
        return txn->err;
    default:
        /* check, and whatever else leaves no trace in the tree. */
        return KE_OK;
    }
}

static void
apply_single(struct data_tree *tree, const struct txn_view *txn,
             struct txn_result *r)
{
    *r = (struct txn_result) { .type = txn->type, .path = txn->path };
    r->err = apply_one(tree, txn, r);
}

/* A multi that failed changes nothing.  Its parts report: those before the
 * first error KE_OK, that one its code, those behind it -2. */
static void
report_failed_multi(const struct txn_view *txn, struct txn_result *r)
{
    struct txn_multi_iter it;
    struct txn_view sub;
    bool failed = false;

    txn_multi_begin(&it, txn);
    for (int32_t i = 0; txn_multi_next(&it, &sub); i++) {
        struct txn_result *s = &r->sub[i];

        *s = (struct txn_result) { .type = OP_ERROR, .path = sub.path };
        if (sub.type == OP_ERROR) {
            s->err = sub.err;
            failed = true;
        } else {
            s->err = failed ? KE_RUNTIME_INCONSISTENCY : KE_OK;
        }
        if (r->err == KE_OK) {
            r->err = s->err;
        }
    }
}

static bool
multi_failed(const struct txn_view *txn)
{
    struct txn_multi_iter it;
    struct txn_view sub;

    txn_multi_begin(&it, txn);
    while (txn_multi_next(&it, &sub)) {
        if (sub.type == OP_ERROR) {
            return true;
        }
    }
    return false;
}

static void
apply_multi(struct data_tree *tree, const struct txn_view *txn,
            struct txn_result *r)
{
    struct txn_multi_iter it;
    struct txn_view sub;

    *r = (struct txn_result) { .type = txn->type };
    r->n_sub = txn_multi_begin(&it, txn);
    if (r->n_sub <= 0) {
        r->n_sub = 0;
        return;
    }
    r->sub = zk_xcalloc((size_t) r->n_sub, sizeof *r->sub);
    if (multi_failed(txn)) {
        report_failed_multi(txn, r);
        return;
    }
    for (int32_t i = 0; txn_multi_next(&it, &sub); i++) {
        apply_single(tree, &sub, &r->sub[i]);
        if (r->err == KE_OK) {
            r->err = r->sub[i].err;
        }
    }
}

void
txn_result_fini(struct txn_result *r)
{
    free(r->sub);
    r->sub = NULL;
    r->n_sub = 0;
}

void
data_tree_apply(struct data_tree *tree, const struct txn_view *txn,
                struct txn_result *r)
{
    struct txn_result own;
    struct txn_result *res = r ? r : &own;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    if (txn->type == OP_MULTI) {
        apply_multi(tree, txn, res);
    } else {
        apply_single(tree, txn, res);
    }
    if (txn->zxid > tree->last_zxid) {
        tree->last_zxid = txn->zxid;
    }
    if (r == NULL) {
        txn_result_fini(&own);
    }
}
