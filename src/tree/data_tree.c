/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/data_tree.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "tree/data_tree_internal.h"
#include "tree/digest_calculator.h"

struct data_tree *
data_tree_create(const struct data_tree_options *opts)
{
    struct data_tree *tree = zk_xcalloc(1, sizeof *tree);

    tree->magic = DATA_TREE_MAGIC;
    tree->opts = *opts;
    sip_key_random(&tree->key);
    tree_clear(tree);
    tree_insert_root(tree, ZK_SLICE_LIT(""), ACL_OPEN,
                     &(struct jute_stat_persisted) { 0 });
    tree_change_end(tree, TREE_ROOT, ZK_SLICE_LIT(""));
    tree_add_built_in(tree);
    return tree;
}

void
data_tree_destroy(struct data_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    zk_assert(tree->snap == NULL);
    tree_clear(tree);
    acl_cache_fini(&tree->acls);
    zk_buf_fini(&tree->parent_path);
    zk_buf_fini(&tree->scratch);
    tree->magic = 0;
    free(tree);
}

void
data_tree_set_watch_manager(struct data_tree *tree, struct watch_manager *wm)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    tree->wm = wm;
}

const struct data_tree_options *
data_tree_options(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return &tree->opts;
}

/* ---- looking ---------------------------------------------------------- */

const struct data_node *
data_tree_find(const struct data_tree *tree, struct zk_slice path)
{
    uint32_t slot;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    slot = tree_find(tree, path);
    return slot == SLOT_NONE ? NULL : tree_node(tree, slot);
}

struct zk_slice
data_tree_parent_path(struct zk_slice path)
{
    int32_t len = path.len;

    while (len > 0 && path.p[len - 1] != '/') {
        len--;
    }
    return zk_slice(path.p, len > 0 ? len - 1 : 0);
}

const struct data_node *
data_tree_child(const struct data_tree *tree, const struct data_node *node,
                uint32_t i)
{
    const struct slot_list *children = data_node_children(node);

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    zk_assert(i < slot_list_count(children));
    return tree_node(tree, children->slots[i]);
}

void
data_tree_to_client_stat(const struct data_tree *tree,
                         const struct jute_stat_persisted *p,
                         int32_t data_length, int32_t children,
                         struct jute_stat *out)
{
    bool ephemeral = node_owner_kind(p->ephemeral_owner,
                                     tree->opts.extended_types_enabled,
                                     tree->opts.emulate_353_ttl, NULL)
                     == NODE_EPHEMERAL;

    *out = (struct jute_stat) {
        .czxid = p->czxid,
        .mzxid = p->mzxid,
        .ctime = p->ctime,
        .mtime = p->mtime,
        .version = p->version,
        /* Creates are counted; clients see creates and deletes. */
        .cversion = (int32_t) ((uint32_t) p->cversion * 2
                               - (uint32_t) children),
        .aversion = p->aversion,
        .ephemeral_owner = ephemeral ? p->ephemeral_owner : 0,
        .data_length = data_length,
        .num_children = children,
        .pzxid = p->pzxid,
    };
}

void
data_tree_client_stat(const struct data_tree *tree,
                      const struct data_node *node, struct jute_stat *out)
{
    struct jute_stat_persisted p;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    data_node_stat(node, &p);
    data_tree_to_client_stat(tree, &p,
                             node->data_len > 0 ? node->data_len : 0,
                             (int32_t) data_node_child_count(node), out);
}

enum node_kind
data_tree_kind(const struct data_tree *tree, const struct data_node *node)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return node_owner_kind(data_node_owner(node),
                           tree->opts.extended_types_enabled,
                           tree->opts.emulate_353_ttl, NULL);
}

struct zk_slice
data_tree_acl(const struct data_tree *tree, const struct data_node *node)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return acl_cache_entry(&tree->acls, node->acl)->raw;
}

int
data_tree_world_perms(const struct data_tree *tree,
                      const struct data_node *node)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return acl_cache_entry(&tree->acls, node->acl)->world_perms;
}

uint32_t
data_tree_prefix_crc(const struct data_tree *tree,
                     const struct data_node *node, struct zk_slice path)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    if (node->flags & NODE_CRC_VALID) {
        return node->prefix_crc;
    }
    /* Not kept: other readers may be looking at the node. */
    return digest_prefix_crc(path, data_node_data(node));
}

int64_t
data_tree_count_descendants(const struct data_tree *tree,
                            struct zk_slice path)
{
    uint32_t top, slot;
    int64_t n = 0;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    top = tree_find(tree, path);
    if (top == SLOT_NONE) {
        return 0;
    }
    if (top == TREE_ROOT) {
        return data_tree_node_count(tree) - 2;
    }
    for (slot = tree_next(tree, top, top); slot != SLOT_NONE;
         slot = tree_next(tree, top, slot)) {
        n++;
    }
    return n;
}

int64_t
data_tree_last_zxid(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return tree->last_zxid;
}

void
data_tree_set_last_zxid(struct data_tree *tree, int64_t zxid)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    tree->last_zxid = zxid;
}

int64_t
data_tree_digest(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return (int64_t) tree->digest;
}

int64_t
data_tree_node_count(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return (int64_t) tree->nodes.used + 1;
}

int64_t
data_tree_ephemeral_count(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return tree->ephemerals.count;
}

int64_t
data_tree_approximate_size(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    /* One byte for "/", the root's other name. */
    return tree->path_bytes + tree->data_bytes + 1;
}

/* ---- ephemerals and sessions ------------------------------------------ */

void
data_tree_ephemerals_each(const struct data_tree *tree, int64_t session,
                          void (*each)(void *arg, struct zk_slice path),
                          void *arg)
{
    const struct slot_list *l;
    struct zk_buf path = { 0 };

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    l = ephemerals_of(&tree->ephemerals, session);
    for (uint32_t i = 0; i < slot_list_count(l); i++) {
        zk_buf_clear(&path);
        tree_path(tree, l->slots[i], &path);
        each(arg, tree_buf_slice(&path));
    }
    zk_buf_fini(&path);
}

static void
encode_path(void *arg, struct zk_slice path)
{
    output_archive_slice(arg, path);
}

int32_t
data_tree_ephemerals_encode(const struct data_tree *tree, int64_t session,
                            struct zk_buf *out)
{
    int32_t n;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    n = (int32_t) slot_list_count(ephemerals_of(&tree->ephemerals, session));
    output_archive_int(out, n);
    data_tree_ephemerals_each(tree, session, encode_path, out);
    return n;
}

static void
print_path(void *arg, struct zk_slice path)
{
    zk_buf_append(arg, "\t", 1);
    zk_buf_append(arg, path.p, (size_t) path.len);
    zk_buf_append(arg, "\n", 1);
}

void
data_tree_dump_ephemerals(const struct data_tree *tree, struct zk_buf *out)
{
    const struct id_map_cell *c;
    size_t at = 0;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    zk_buf_printf(out, "Sessions with Ephemerals (%zu):\n",
                  tree->ephemerals.by_session.n);
    while ((c = id_map_next(&tree->ephemerals.by_session, &at)) != NULL) {
        zk_buf_printf(out, "0x%llx:\n", (unsigned long long) c->id);
        data_tree_ephemerals_each(tree, c->id, print_path, out);
    }
}

void
data_tree_sessions_each(const struct data_tree *tree,
                        void (*each)(void *arg, int64_t session,
                                     int32_t timeout_ms), void *arg)
{
    const struct id_map_cell *c;
    size_t at = 0;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    while ((c = id_map_next(&tree->sessions.by_id, &at)) != NULL) {
        each(arg, c->id, (int32_t) c->v.n);
    }
}

int32_t
data_tree_session_timeout(const struct data_tree *tree, int64_t session)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return session_table_timeout(&tree->sessions, session);
}

size_t
data_tree_session_count(const struct data_tree *tree)
{
    ZK_CHECK(tree, DATA_TREE_MAGIC);
    return tree->sessions.by_id.n;
}

void
data_tree_orphans_each(const struct data_tree *tree,
                       void (*each)(void *arg, int64_t session), void *arg)
{
    const struct id_map_cell *c;
    size_t at = 0;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    while ((c = id_map_next(&tree->ephemerals.by_session, &at)) != NULL) {
        if (!session_table_has(&tree->sessions, c->id)) {
            each(arg, c->id);
        }
    }
}

struct tree_orphans {
    int64_t *ids;
    size_t n;
};

static void
tree_add_orphan(void *arg, int64_t session)
{
    struct tree_orphans *o = arg;

    o->ids[o->n++] = session;
}

size_t
data_tree_kill_orphans(struct data_tree *tree)
{
    struct tree_orphans o = { NULL, 0 };

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    o.ids = zk_xcalloc(tree->ephemerals.by_session.n + 1, sizeof *o.ids);
    data_tree_orphans_each(tree, tree_add_orphan, &o);
    for (size_t i = 0; i < o.n; i++) {
        tree_kill_session(tree, o.ids[i], tree->last_zxid);
    }
    free(o.ids);
    return o.n;
}

/* ---- containers and TTL ----------------------------------------------- */

static bool
may_expire(const struct data_tree *tree, const struct data_node *node,
           int64_t now_ms, int64_t max_never_used_ms)
{
    struct jute_stat_persisted stat;
    int64_t ttl_ms;
    enum node_kind kind;

    if (data_node_child_count(node) > 0) {
        return false;
    }
    data_node_stat(node, &stat);
    kind = node_owner_kind(stat.ephemeral_owner,
                           tree->opts.extended_types_enabled,
                           tree->opts.emulate_353_ttl, &ttl_ms);
    return kind == NODE_TTL
           ? ttl_expired(&stat, ttl_ms, now_ms)
           : container_expired(&stat, now_ms, max_never_used_ms);
}

void
data_tree_expired_each(const struct data_tree *tree, int64_t now_ms,
                       int64_t max_never_used_ms,
                       void (*each)(void *arg, struct zk_slice path),
                       void *arg)
{
    const struct slot_list *lists[2];
    struct zk_buf path = { 0 };

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    lists[0] = tree->expiring.containers;
    lists[1] = tree->expiring.ttls;
    for (size_t k = 0; k < ZK_ARRAY_SIZE(lists); k++) {
        for (uint32_t i = 0; i < slot_list_count(lists[k]); i++) {
            uint32_t slot = lists[k]->slots[i];

            if (may_expire(tree, tree_node(tree, slot), now_ms,
                           max_never_used_ms)) {
                zk_buf_clear(&path);
                tree_path(tree, slot, &path);
                each(arg, tree_buf_slice(&path));
            }
        }
    }
    zk_buf_fini(&path);
}
