/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree_edit.c: finding nodes by path, and the few edits that all
 * changes of the tree are made of.
 */
#include <config.h>

#include "tree/data_tree_internal.h"

#include <stdlib.h>

#include "proto/acl_codec.h"
#include "tree/digest_calculator.h"

/* ---- finding ---------------------------------------------------------- */

/* The part of the index that a path's hash belongs to. */
static inline size_t
shard_of(uint64_t hash)
{
    return (size_t) (hash >> 56);
}

/* Compares a path with the names from a node up to the root. */
static bool
path_is(const struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    int32_t left = path.len;

    while (slot != TREE_ROOT) {
        const struct data_node *node = tree_node(tree, slot);
        struct zk_slice name = data_node_name_inline(node);

        left -= name.len + 1;
        if (left < 0 || path.p[left] != '/'
            || memcmp(path.p + left + 1, name.p, (size_t) name.len) != 0) {
            return false;
        }
        slot = node->parent;
    }
    return left == 0;
}

uint64_t
tree_hash(const struct data_tree *tree, struct zk_slice path)
{
    uint64_t hash = sip_hash(&tree->key, path.p, (size_t) path.len);
    const struct hash_slots *shard = &tree->index[shard_of(hash)];

    if (shard->cap > 0) {
        __builtin_prefetch(
            &shard->cells[hash_slots_home(shard, (uint32_t) hash)]);
    }
    return hash;
}

uint32_t
tree_find_hashed(const struct data_tree *tree, struct zk_slice path,
                 uint64_t hash)
{
    const struct hash_slots *shard = &tree->index[shard_of(hash)];
    uint32_t at, slot;

    for (slot = hash_slots_first(shard, (uint32_t) hash, &at);
         slot != SLOT_NONE;
         slot = hash_slots_next(shard, (uint32_t) hash, &at)) {
        if (path_is(tree, slot, path)) {
            break;
        }
    }
    return slot;
}

uint32_t
tree_find(const struct data_tree *tree, struct zk_slice path)
{
    if (path.len <= 1 && (path.len <= 0 || path.p[0] == '/')) {
        return tree->nodes.used > 0 ? TREE_ROOT : SLOT_NONE;
    }
    return tree_find_hashed(tree, path, tree_hash(tree, path));
}

uint32_t
tree_find_parent(struct data_tree *tree, struct zk_slice parent)
{
    if (tree->parent_slot != SLOT_NONE
        && zk_slice_eq(parent, tree_buf_slice(&tree->parent_path))) {
        return tree->parent_slot;
    }
    /* "/" here comes from a path that begins with "//": it has no node. */
    tree->parent_slot = zk_slice_eq_str(parent, "/")
                        ? SLOT_NONE : tree_find(tree, parent);
    zk_buf_clear(&tree->parent_path);
    zk_buf_append(&tree->parent_path, parent.p, (size_t) parent.len);
    return tree->parent_slot;
}

void
tree_path(const struct data_tree *tree, uint32_t slot, struct zk_buf *out)
{
    size_t len = 0;
    uint8_t *end;

    for (uint32_t s = slot; s != TREE_ROOT; s = tree_node(tree, s)->parent) {
        len += (size_t) data_node_name(tree_node(tree, s)).len + 1;
    }
    end = zk_buf_reserve(out, len) + len;
    for (uint32_t s = slot; s != TREE_ROOT; s = tree_node(tree, s)->parent) {
        struct zk_slice name = data_node_name(tree_node(tree, s));

        end -= name.len;
        memcpy(end, name.p, (size_t) name.len);
        *--end = '/';
    }
    out->len += len;
}

struct zk_slice
tree_path_scratch(struct data_tree *tree, uint32_t slot)
{
    zk_buf_clear(&tree->scratch);
    tree_path(tree, slot, &tree->scratch);
    return tree_buf_slice(&tree->scratch);
}

uint32_t
tree_next(const struct data_tree *tree, uint32_t top, uint32_t slot)
{
    const struct slot_list *l = data_node_children(tree_node(tree, slot));

    if (l != NULL) {
        return l->slots[0];
    }
    while (slot != top) {
        const struct data_node *node = tree_node(tree, slot);

        l = data_node_children(tree_node(tree, node->parent));
        if (node->place + 1 < l->n) {
            return l->slots[node->place + 1];
        }
        slot = node->parent;
    }
    return SLOT_NONE;
}

/* ---- digest ----------------------------------------------------------- */

static uint32_t
digest_of(struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    struct data_node *node = tree_node(tree, slot);
    struct jute_stat_persisted stat;

    if (!(node->flags & NODE_CRC_VALID)) {
        if (zk_slice_is_null(path)) {
            path = tree_path_scratch(tree, slot);
        }
        node->prefix_crc = digest_prefix_crc(path, data_node_data(node));
        node->flags |= NODE_CRC_VALID;
    }
    data_node_stat(node, &stat);
    return digest_node(node->prefix_crc, &stat);
}

static bool
in_digest(const struct data_tree *tree, uint32_t slot)
{
    return tree->opts.digest_enabled
           && !(tree_node(tree, slot)->flags & NODE_NO_DIGEST);
}

static void
digest_add(struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    if (in_digest(tree, slot)) {
        tree->digest_value = digest_of(tree, slot, path);
        tree->digest_slot = slot;
        tree->digest += tree->digest_value;
    }
}

static void
digest_sub(struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    if (!in_digest(tree, slot)) {
        return;
    }
    if (tree->digest_slot == slot) {
        tree->digest -= tree->digest_value;
        tree->digest_slot = SLOT_NONE;
    } else {
        tree->digest -= digest_of(tree, slot, path);
    }
}

/* ---- editing ---------------------------------------------------------- */

void
tree_change_begin(struct data_tree *tree, uint32_t slot)
{
    if (tree->snap != NULL) {
        snapshot_put_aside(tree->snap, slot);
    }
    digest_sub(tree, slot, ZK_SLICE_NULL);
}

void
tree_change_end(struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    digest_add(tree, slot, path);
}

struct data_node *
tree_widen(struct data_tree *tree, uint32_t slot, unsigned parts)
{
    struct data_node *node = tree_node(tree, slot);

    if ((node->flags & parts) != parts) {
        node = data_node_widen(&tree->pool, node, parts);
        node_table_set(&tree->nodes, slot, node);
    }
    return node;
}

/* The list that holds nodes of this kind besides their parents', or NULL:
 * for ephemerals it is their session's. */
static struct slot_list **
expiring_list(struct data_tree *tree, enum node_kind kind)
{
    switch (kind) {
    case NODE_CONTAINER:
        return &tree->expiring.containers;
    case NODE_TTL:
        return &tree->expiring.ttls;
    case NODE_PERSISTENT:
    case NODE_EPHEMERAL:
        break;
    }
    return NULL;
}

static void
owner_add(struct data_tree *tree, uint32_t slot)
{
    struct data_node *node = tree_node(tree, slot);
    struct node_owner *o = data_node_owner_ref(node);
    enum node_kind kind;

    if (o == NULL) {
        return;
    }
    kind = data_tree_kind(tree, node);
    o->place = kind == NODE_EPHEMERAL
               ? ephemerals_add(&tree->pool, &tree->ephemerals, o->owner,
                                slot)
               : slot_list_add(&tree->pool, expiring_list(tree, kind), slot);
}

static void
owner_remove(struct data_tree *tree, uint32_t slot)
{
    struct data_node *node = tree_node(tree, slot);
    struct node_owner *o = data_node_owner_ref(node);
    enum node_kind kind;
    uint32_t moved;

    if (o == NULL) {
        return;
    }
    kind = data_tree_kind(tree, node);
    moved = kind == NODE_EPHEMERAL
            ? ephemerals_remove(&tree->pool, &tree->ephemerals, o->owner,
                                o->place)
            : slot_list_remove(&tree->pool, expiring_list(tree, kind),
                               o->place);
    if (moved != SLOT_NONE) {
        data_node_owner_ref(tree_node(tree, moved))->place = o->place;
    }
}

static uint32_t
add_node(struct data_tree *tree, struct data_node *node, struct zk_slice path,
         uint32_t acl)
{
    uint32_t slot;

    node->acl = acl;
    if (digest_excludes(path)) {
        node->flags |= NODE_NO_DIGEST;
    }
    slot = node_table_add(&tree->nodes, node);
    if (tree->snap != NULL) {
        snapshot_skip(tree->snap, slot);
    }
    if (node->data_len > 0) {
        tree->data_bytes += node->data_len;
    }
    return slot;
}

uint32_t
tree_insert(struct data_tree *tree, uint32_t parent, struct zk_slice path,
            uint64_t hash, struct zk_slice data, uint32_t acl,
            const struct jute_stat_persisted *stat)
{
    int32_t cut = data_tree_parent_path(path).len + 1;
    struct data_node *node, *up;
    uint32_t slot;

    node = data_node_pack(&tree->pool,
                          zk_slice(path.p + cut, path.len - cut), data,
                          stat);
    slot = add_node(tree, node, path, acl);
    up = tree_widen(tree, parent, NODE_HAS_CHILDREN);
    node->parent = parent;
    node->place = slot_list_add(&tree->pool, data_node_children_ref(up),
                                slot);
    hash_slots_add(&tree->index[shard_of(hash)], (uint32_t) hash, slot);
    owner_add(tree, slot);
    tree->path_bytes += path.len;
    return slot;
}

void
tree_insert_root(struct data_tree *tree, struct zk_slice data, uint32_t acl,
                 const struct jute_stat_persisted *stat)
{
    uint32_t slot;

    zk_assert(tree->nodes.used == 0);
    slot = add_node(tree, data_node_pack(&tree->pool, ZK_SLICE_LIT(""),
                                         data, stat),
                    ZK_SLICE_LIT(""), acl);
    zk_assert(slot == TREE_ROOT);
    owner_add(tree, slot);
}

void
tree_remove(struct data_tree *tree, uint32_t slot, struct zk_slice path)
{
    struct data_node *node = tree_node(tree, slot);
    uint64_t hash = tree_hash(tree, path);
    uint32_t moved;

    zk_assert(slot != TREE_ROOT && data_node_child_count(node) == 0);
    if (tree->snap != NULL) {
        snapshot_put_aside(tree->snap, slot);
    }
    digest_sub(tree, slot, path);
    owner_remove(tree, slot);
    moved = slot_list_remove(
        &tree->pool, data_node_children_ref(tree_node(tree, node->parent)),
        node->place);
    if (moved != SLOT_NONE) {
        tree_node(tree, moved)->place = node->place;
    }
    hash_slots_remove(&tree->index[shard_of(hash)], (uint32_t) hash, slot);
    tree->path_bytes -= path.len;
    if (node->data_len > 0) {
        tree->data_bytes -= node->data_len;
    }
    if (tree->parent_slot == slot) {
        tree->parent_slot = SLOT_NONE;
    }
    node_table_remove(&tree->nodes, slot);
    data_node_free(&tree->pool, node);
}

void
tree_set_data(struct data_tree *tree, uint32_t slot, struct zk_slice data)
{
    struct data_node *node = tree_node(tree, slot);

    tree->data_bytes -= node->data_len > 0 ? node->data_len : 0;
    tree->data_bytes += data.len > 0 ? data.len : 0;
    node_table_set(&tree->nodes, slot, data_node_set_data(&tree->pool, node, data));
}

/* ---- the whole -------------------------------------------------------- */

static void
add_if_missing(struct data_tree *tree, struct zk_slice path,
               struct zk_slice acl, const struct jute_stat_persisted *stat)
{
    uint32_t parent, slot;

    if (tree_find(tree, path) != SLOT_NONE) {
        return;
    }
    parent = tree_find(tree, data_tree_parent_path(path));
    zk_assert(parent != SLOT_NONE);
    slot = tree_insert(tree, parent, path, tree_hash(tree, path),
                       ZK_SLICE_LIT(""), acl_cache_ref(&tree->acls, acl),
                       stat);
    tree_change_end(tree, slot, path);
}

void
tree_add_built_in(struct data_tree *tree)
{
    static const struct jute_stat_persisted zero;
    struct jute_stat_persisted config = zero;

    /* Java sets the ACL of the configuration with version -1. */
    config.aversion = -1;
    add_if_missing(tree, ZOOKEEPER_PATH, ZK_SLICE_NULL, &zero);
    add_if_missing(tree, QUOTA_PATH, ZK_SLICE_NULL, &zero);
    add_if_missing(tree, CONFIG_PATH, acl_raw_read_only, &config);
}

void
tree_clear(struct data_tree *tree)
{
    node_table_fini(&tree->nodes);
    for (size_t i = 0; i < TREE_SHARDS; i++) {
        hash_slots_fini(&tree->index[i]);
    }
    acl_cache_fini(&tree->acls);
    acl_cache_init(&tree->acls);
    session_table_fini(&tree->sessions);
    ephemerals_fini(&tree->ephemerals);
    container_ttl_fini(&tree->expiring);
    id_map_fini(&tree->load_acls);
    node_pool_clear(&tree->pool);
    tree->last_zxid = 0;
    tree->digest = 0;
    tree->path_bytes = 0;
    tree->data_bytes = 0;
    tree->n_limits = 0;
    tree->digest_slot = SLOT_NONE;
    tree->parent_slot = SLOT_NONE;
}
