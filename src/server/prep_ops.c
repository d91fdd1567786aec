/* SPDX-License-Identifier: Apache-2.0 */
/* prep_ops.c: the writes but for creates and multi. */
#include <config.h>

#include "server/prep_internal.h"

#include <string.h>

#include "auth/acl_check.h"
#include "metrics/server_metrics.h"
#include "proto/path_utils.h"
#include "util/zk_time.h"

/* The version behind 'current', which 'expected' must be (-1: any).  -1 is
 * left out, since a client could never ask for it (ZOOKEEPER-4743). */
static int
po_next_version(int32_t current, int32_t expected, int32_t *next)
{
    if (expected != -1 && expected != current) {
        return KE_BAD_VERSION;
    }
    *next = current == -2 ? 0 : (int32_t) ((uint32_t) current + 1);
    return KE_OK;
}

static bool
po_is_special(struct zk_slice path)
{
    return zk_slice_eq_str(path, "/") || zk_slice_eq_str(path, "/zookeeper")
           || zk_slice_eq_str(path, "/zookeeper/quota")
           || zk_slice_eq_str(path, "/zookeeper/config");
}

/* Java: getParentPathAndValidate. */
static bool
po_may_be_deleted(struct zk_slice path)
{
    return path.len > 0
           && memchr(path.p, '/', (size_t) path.len) != NULL
           && !path_has_nul(path) && !po_is_special(path);
}

static void
po_delete(struct prep_request_processor *prp, int64_t zxid,
          struct zk_slice path, const struct node_state *node,
          struct zk_slice parent_path, const struct node_state *parent)
{
    struct node_state gone;

    prep_change_parent(prp, zxid, parent_path, parent, -1);
    memset(&gone, 0, sizeof gone);
    prep_state_put(prp, zxid, path, node, &gone);
}

int
prep_delete(struct prep_request_processor *prp, const struct prep_op *op,
            struct zk_slice path, int32_t version)
{
    struct zk_slice parent_path = data_tree_parent_path(path);
    struct node_state parent, node;
    int32_t unused;
    int err = prep_check_session(prp, op->r);

    if (err != KE_OK) {
        return err;
    }
    if (!po_may_be_deleted(path)) {
        return KE_BAD_ARGUMENTS;
    }
    if (!prep_state_get(prp, parent_path, &parent)) {
        return KE_NO_NODE;
    }
    err = prep_check_acl(prp, op->r, &parent, ACL_PERM_DELETE);
    if (err != KE_OK) {
        return err;
    }
    if (!prep_state_get(prp, path, &node)) {
        return KE_NO_NODE;
    }
    err = po_next_version(node.stat.version, version, &unused);
    if (err != KE_OK) {
        return err;
    }
    if (node.child_count > 0) {
        return KE_NOT_EMPTY;
    }
    txn_encode_delete(&prp->txn, path);
    po_delete(prp, op->zxid, path, &node, parent_path, &parent);
    return KE_OK;
}

int
prep_delete_container(struct prep_request_processor *prp,
                      const struct prep_op *op, struct zk_slice path)
{
    const struct storage_config *sc = &prp->env.config->storage;
    struct zk_slice parent_path = data_tree_parent_path(path);
    struct node_state parent, node;
    enum node_kind kind;

    if (!po_may_be_deleted(path)) {
        return KE_BAD_ARGUMENTS;
    }
    if (!prep_state_get(prp, parent_path, &parent)
        || !prep_state_get(prp, path, &node)) {
        return KE_NO_NODE;
    }
    if (node.child_count > 0) {
        return KE_NOT_EMPTY;
    }
    kind = node_owner_kind(node.stat.ephemeral_owner,
                           sc->extended_types_enabled, sc->emulate_353_ttl,
                           NULL);
    if (kind != NODE_CONTAINER && kind != NODE_TTL) {
        return KE_BAD_VERSION;  /* Another node took the name meanwhile. */
    }
    txn_encode_delete(&prp->txn, path);
    po_delete(prp, op->zxid, path, &node, parent_path, &parent);
    return KE_OK;
}

/* A node that a write names: the session lives, the path is well formed, the
 * node is there and the requester holds 'perm' on it. */
static int
po_node(struct prep_request_processor *prp, const struct prep_op *op,
        struct zk_slice path, int perm, struct node_state *node)
{
    int err = prep_check_session(prp, op->r);

    if (err != KE_OK) {
        return err;
    }
    if (path_validate(path) != NULL) {
        return KE_BAD_ARGUMENTS;
    }
    if (!prep_state_get(prp, path, node)) {
        return KE_NO_NODE;
    }
    return prep_check_acl(prp, op->r, node, perm);
}

int
prep_set_data(struct prep_request_processor *prp, const struct prep_op *op,
              struct zk_slice path, struct zk_slice data, int32_t version)
{
    struct node_state before, after;
    int64_t more;
    int32_t next;
    int err = po_node(prp, op, path, ACL_PERM_WRITE, &before);

    if (err != KE_OK) {
        return err;
    }
    more = (data.len > 0 ? data.len : 0)
           - (before.data_len > 0 ? before.data_len : 0);
    err = prep_check_quota(prp, path, 0, more);
    if (err == KE_OK) {
        err = po_next_version(before.stat.version, version, &next);
    }
    if (err != KE_OK) {
        return err;
    }
    txn_encode_set_data(&prp->txn, path, data, next);
    after = before;
    after.stat.version = next;
    after.stat.mzxid = op->zxid;
    after.stat.mtime = prp->time;
    after.data_len = data.len;
    after.prefix_crc = prep_prefix_crc(prp, path, data);
    prep_state_put(prp, op->zxid, path, &before, &after);
    return KE_OK;
}

int
prep_set_acl(struct prep_request_processor *prp, const struct prep_op *op,
             struct zk_slice path, struct zk_slice acl, int32_t version)
{
    struct node_state before, after;
    struct zk_slice fixed;
    int32_t next;
    int err = prep_check_session(prp, op->r);

    if (err != KE_OK) {
        return err;
    }
    if (path_validate(path) != NULL) {
        return KE_BAD_ARGUMENTS;
    }
    err = prep_fixup_acl(prp, op->r, acl, &fixed);
    if (err == KE_OK) {
        err = po_node(prp, op, path, ACL_PERM_ADMIN, &before);
    }
    if (err == KE_OK) {
        err = po_next_version(before.stat.aversion, version, &next);
    }
    if (err != KE_OK) {
        return err;
    }
    txn_encode_set_acl(&prp->txn, path, fixed, next);
    after = before;
    after.stat.aversion = next;
    after.acl = fixed;
    after.world_perms = prep_world_perms(fixed);
    prep_state_put(prp, op->zxid, path, &before, &after);
    return KE_OK;
}

int
prep_check_version(struct prep_request_processor *prp,
                   const struct prep_op *op, struct zk_slice path,
                   int32_t version)
{
    struct node_state node;
    int32_t next;
    int err = po_node(prp, op, path, ACL_PERM_READ, &node);

    if (err == KE_OK) {
        err = po_next_version(node.stat.version, version, &next);
    }
    if (err == KE_OK) {
        txn_encode_check(&prp->txn, path, next);
    }
    return err;
}

/* Where the ephemerals of a session that ends are gathered. */
struct po_closing {
    struct prep_request_processor *prp;
    int64_t session;
    size_t list_at;
};

static void
po_add_applied(void *arg, struct zk_slice path)
{
    struct po_closing *cl = arg;
    const struct node_state *pending =
        outstanding_changes_get(cl->prp->env.db->changes, path);

    if (pending == NULL
        || (pending->exists
            && pending->stat.ephemeral_owner == cl->session)) {
        txn_encode_close_session_add(&cl->prp->txn, cl->list_at, path);
    }
}

static void
po_add_pending(void *arg, struct zk_slice path,
               const struct node_state *state)
{
    struct po_closing *cl = arg;
    const struct data_node *node;

    if (!state->exists || state->stat.ephemeral_owner != cl->session
        || outstanding_changes_get(cl->prp->env.db->changes, path) != state) {
        return;
    }
    node = data_tree_find(cl->prp->env.db->tree, path);
    if (node == NULL || data_node_owner(node) != cl->session) {
        txn_encode_close_session_add(&cl->prp->txn, cl->list_at, path);
    }
}

/* The session's ephemerals as they will be when this transaction is applied,
 * creates and deletes on their way included. */
int
prep_close_session(struct prep_request_processor *prp,
                   const struct prep_op *op)
{
    struct po_closing cl = { prp, op->r->session_id, 0 };
    int64_t began_us = zk_time_mono_us();
    struct txn_paths_iter it;
    struct zk_slice path;
    struct zk_buf paths = { 0 };

    cl.list_at = txn_encode_close_session_begin(&prp->txn);
    data_tree_ephemerals_each(prp->env.db->tree, cl.session, po_add_applied,
                              &cl);
    outstanding_changes_each(prp->env.db->changes, po_add_pending, &cl);
    zk_buf_append(&paths, prp->txn.data + cl.list_at,
                  prp->txn.len - cl.list_at);
    txn_paths_begin(&it, zk_slice(paths.data, (int32_t) paths.len));
    while (txn_paths_next(&it, &path)) {
        struct zk_slice parent_path = data_tree_parent_path(path);
        struct node_state parent, node;

        if (prep_state_get(prp, parent_path, &parent)
            && prep_state_get(prp, path, &node)) {
            po_delete(prp, op->zxid, path, &node, parent_path, &parent);
        }
    }
    zk_buf_fini(&paths);
    /* A list too long to be read back is left out: every server then deletes
     * what it has of the session (ZOOKEEPER-4306). */
    if (!prp->env.config->request.close_session_txn
        || (int64_t) prp->txn.len + TXN_DIGEST_LEN
               > prp->env.config->storage.max_record) {
        prp->txn.len = cl.list_at;
    }
    session_tracker_set_closing(prp->env.sessions, cl.session);
    server_metrics_add(METRIC_close_session_prep_time,
                       (zk_time_mono_us() - began_us) / 1000);
    return KE_OK;
}
