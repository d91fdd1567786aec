/* SPDX-License-Identifier: Apache-2.0 */
/* prep_state.c: the tree as prep sees it: what is on its way, over what is
 * applied. */
#include <config.h>

#include "server/prep_internal.h"

#include <string.h>

#include "auth/acl_check.h"
#include "proto/acl_codec.h"
#include "tree/digest_calculator.h"
#include "util/zk_log.h"

static void
ps_from_tree(struct prep_request_processor *prp, struct zk_slice path,
             const struct data_node *node, struct node_state *out)
{
    const struct data_tree *tree = prp->env.db->tree;

    out->exists = true;
    data_node_stat(node, &out->stat);
    out->child_count = (int32_t) data_node_child_count(node);
    out->data_len = data_node_data(node).len;
    out->world_perms = data_tree_world_perms(tree, node);
    out->acl = data_tree_acl(tree, node);
    out->prefix_crc = prp->env.config->storage.digest_enabled
                          ? data_tree_prefix_crc(tree, node, path)
                          : 0;
}

bool
prep_state_get(struct prep_request_processor *prp, struct zk_slice path,
               struct node_state *out)
{
    const struct node_state *pending =
        outstanding_changes_get(prp->env.db->changes, path);
    const struct data_node *node;

    if (pending != NULL) {
        *out = *pending;
        return out->exists;
    }
    node = data_tree_find(prp->env.db->tree, path);
    if (node == NULL) {
        memset(out, 0, sizeof *out);
        return false;
    }
    ps_from_tree(prp, path, node, out);
    return true;
}

void
prep_state_put(struct prep_request_processor *prp, int64_t zxid,
               struct zk_slice path, const struct node_state *before,
               const struct node_state *after)
{
    if (prp->env.config->storage.digest_enabled && !digest_excludes(path)) {
        uint64_t digest = (uint64_t) prp->digest;

        if (before != NULL) {
            digest -= digest_node(before->prefix_crc, &before->stat);
        }
        if (after->exists) {
            digest += digest_node(after->prefix_crc, &after->stat);
        }
        prp->digest = (int64_t) digest;
    }
    outstanding_changes_add(prp->env.db->changes, zxid, path, after);
}

uint32_t
prep_prefix_crc(const struct prep_request_processor *prp,
                struct zk_slice path, struct zk_slice data)
{
    if (!prp->env.config->storage.digest_enabled) {
        return 0;
    }
    return digest_prefix_crc(path.len == 1 ? ZK_SLICE_LIT("") : path, data);
}

int
prep_world_perms(struct zk_slice acl)
{
    struct acl_iter it;
    struct acl_entry e;
    int perms = 0;

    acl_iter_init(&it, acl);
    while (acl_iter_next(&it, &e)) {
        if (zk_slice_eq_str(e.scheme, "world")
            && zk_slice_eq_str(e.id, "anyone")) {
            perms |= e.perms;
        }
    }
    return perms;
}

int
prep_check_acl(struct prep_request_processor *prp, const struct request *r,
               const struct node_state *node, int perm)
{
    if ((node->world_perms & perm) != 0
        || acl_check(prp->env.auth, node->acl, perm, r->auth)) {
        return KE_OK;
    }
    return KE_NO_AUTH;
}

int
prep_check_session(struct prep_request_processor *prp,
                   const struct request *r)
{
    if (r->internal) {
        return KE_OK;           /* The server itself asks. */
    }
    return session_tracker_check(prp->env.sessions, r->session_id, r->owner);
}

int
prep_check_global_session(struct prep_request_processor *prp,
                          const struct request *r)
{
    if (r->internal) {
        return KE_OK;
    }
    return session_tracker_check_global(prp->env.sessions, r->session_id,
                                        r->owner);
}

int
prep_fixup_acl(struct prep_request_processor *prp, const struct request *r,
               struct zk_slice acl, struct zk_slice *out)
{
    int err;

    if (zk_slice_eq(acl, acl_raw_open)) {
        *out = acl_raw_open;    /* What nearly every client sends. */
        return KE_OK;
    }
    zk_buf_clear(&prp->acl);
    err = acl_fixup(prp->env.auth, acl, r->auth, &prp->acl);
    *out = zk_slice(prp->acl.data, (int32_t) prp->acl.len);
    return err;
}

int
prep_check_quota(struct prep_request_processor *prp, struct zk_slice path,
                 int64_t more_nodes, int64_t more_bytes)
{
    struct zk_slice prefix;
    struct quota limits, usage;

    if (!prp->env.config->request.enforce_quota
        || !data_tree_quota(prp->env.db->tree, path, &prefix, &limits,
                            &usage)) {
        return KE_OK;
    }
    if ((more_nodes > 0 && limits.count_hard > -1
         && usage.count + more_nodes > limits.count_hard)
        || (more_bytes > 0 && limits.bytes_hard > -1
            && usage.bytes + more_bytes > limits.bytes_hard)) {
        zk_warn(prep, "quota exceeded below %.*s: %.*s refused", prefix.len,
                prefix.p, path.len, path.p);
        return KE_QUOTA_EXCEEDED;
    }
    return KE_OK;
}

void
prep_change_parent(struct prep_request_processor *prp, int64_t zxid,
                   struct zk_slice parent_path,
                   const struct node_state *parent, int change)
{
    struct node_state after = *parent;

    after.child_count += change;
    after.stat.pzxid = zxid;
    if (change > 0) {
        after.stat.cversion =
            (int32_t) ((uint32_t) after.stat.cversion + 1);
    }
    prep_state_put(prp, zxid, parent_path, parent, &after);
}
