/* SPDX-License-Identifier: Apache-2.0 */
/* prep_create.c: create, create2, createContainer, createTTL. */
#include <config.h>

#include "server/prep_internal.h"

#include <inttypes.h>
#include <string.h>

#include "auth/acl_check.h"
#include "proto/path_utils.h"

#define PREP_MAX_TTL INT64_C(0xffffffffff)

/* Flags and time to live agree with each other and with the server's options
 * (Java: EphemeralType.validateTTL; ZooKeeper's poison: createTTL without TTL
 * flags is refused, its transaction could not be applied). */
static int
pc_check_mode(const struct prep_request_processor *prp, int32_t type,
              const struct create_view *c)
{
    if (!create_flags_valid(c->flags)) {
        return KE_BAD_ARGUMENTS;
    }
    if (create_flags_ttl(c->flags)) {
        if (!prp->env.config->storage.extended_types_enabled) {
            return KE_UNIMPLEMENTED;
        }
        return type == OP_CREATE_TTL && c->ttl > 0 && c->ttl <= PREP_MAX_TTL
                   ? KE_OK
                   : KE_BAD_ARGUMENTS;
    }
    return type == OP_CREATE_TTL ? KE_BAD_ARGUMENTS : KE_OK;
}

/* The path with the parent's child version behind it. */
static struct zk_slice
pc_sequential(struct prep_request_processor *prp, struct zk_slice path,
              int32_t cversion)
{
    zk_buf_clear(&prp->path);
    zk_buf_append(&prp->path, path.p, (size_t) path.len);
    zk_buf_printf(&prp->path, "%010" PRId32, cversion);
    return zk_slice(prp->path.data, (int32_t) prp->path.len);
}

static int64_t
pc_owner(const struct prep_request_processor *prp, const struct request *r,
         int32_t type, const struct create_view *c)
{
    switch (type) {
    case OP_CREATE_CONTAINER:
        return NODE_OWNER_CONTAINER;
    case OP_CREATE_TTL:
        return node_owner_of_ttl(c->ttl,
                                 prp->env.config->storage.emulate_353_ttl);
    default:
        return create_flags_ephemeral(c->flags) ? r->session_id : 0;
    }
}

static void
pc_encode(struct prep_request_processor *prp, int32_t type,
          const struct create_view *c, struct zk_slice path,
          struct zk_slice acl, int32_t parent_cversion)
{
    switch (type) {
    case OP_CREATE_CONTAINER:
        txn_encode_create_container(&prp->txn, path, c->data, acl,
                                    parent_cversion);
        break;
    case OP_CREATE_TTL:
        txn_encode_create_ttl(&prp->txn, path, c->data, acl, parent_cversion,
                              c->ttl);
        break;
    default:
        txn_encode_create(&prp->txn, path, c->data, acl,
                          create_flags_ephemeral(c->flags), parent_cversion);
    }
}

static void
pc_note(struct prep_request_processor *prp, const struct prep_op *op,
        struct zk_slice path, struct zk_slice data, struct zk_slice acl,
        int64_t owner)
{
    struct node_state node;

    memset(&node, 0, sizeof node);
    node.exists = true;
    node.stat.czxid = node.stat.mzxid = node.stat.pzxid = op->zxid;
    node.stat.ctime = node.stat.mtime = prp->time;
    node.stat.ephemeral_owner = owner;
    node.data_len = data.len;
    node.acl = acl;
    node.world_perms = prep_world_perms(acl);
    node.prefix_crc = prep_prefix_crc(prp, path, data);
    prep_state_put(prp, op->zxid, path, NULL, &node);
}

/* All that can be wrong with the place where the node is to be; the checks
 * stand in Java's order, since the first one that fails is the answer. */
static int
pc_check_place(struct prep_request_processor *prp, const struct request *r,
               const struct create_view *c, struct zk_slice parent_path,
               struct node_state *parent, struct zk_slice *path)
{
    struct node_state node;
    enum node_kind kind;
    int err;

    if (!prep_state_get(prp, parent_path, parent)) {
        return KE_NO_NODE;
    }
    err = prep_check_acl(prp, r, parent, ACL_PERM_CREATE);
    if (err != KE_OK) {
        return err;
    }
    if (create_flags_sequential(c->flags)) {
        *path = pc_sequential(prp, *path, parent->stat.cversion);
    }
    if (path_validate(*path) != NULL) {
        return KE_BAD_ARGUMENTS;
    }
    if (prep_state_get(prp, *path, &node)) {
        return KE_NODE_EXISTS;
    }
    kind = node_owner_kind(parent->stat.ephemeral_owner,
                           prp->env.config->storage.extended_types_enabled,
                           prp->env.config->storage.emulate_353_ttl, NULL);
    if (kind == NODE_EPHEMERAL) {
        return KE_NO_CHILDREN_FOR_EPHEMERALS;
    }
    return prep_check_quota(prp, *path, 1, c->data.len > 0 ? c->data.len : 0);
}

int
prep_create(struct prep_request_processor *prp, const struct prep_op *op,
            int32_t type, const struct create_view *c)
{
    struct zk_slice path = c->path, parent_path, acl;
    struct node_state parent;
    int err;

    err = pc_check_mode(prp, type, c);
    if (err == KE_OK) {
        err = create_flags_ephemeral(c->flags)
                  ? prep_check_global_session(prp, op->r)
                  : prep_check_session(prp, op->r);
    }
    if (err != KE_OK) {
        return err;
    }
    if (path.len <= 0 || memrchr(path.p, '/', (size_t) path.len) == NULL
        || path_has_nul(path)) {
        return KE_BAD_ARGUMENTS;
    }
    err = prep_fixup_acl(prp, op->r, c->acl, &acl);
    if (err != KE_OK) {
        return err;
    }
    parent_path = data_tree_parent_path(path);
    err = pc_check_place(prp, op->r, c, parent_path, &parent, &path);
    if (err != KE_OK) {
        return err;
    }
    pc_encode(prp, type, c, path, acl,
              (int32_t) ((uint32_t) parent.stat.cversion + 1));
    prep_change_parent(prp, op->zxid, parent_path, &parent, 1);
    pc_note(prp, op, path, c->data, acl, pc_owner(prp, op->r, type, c));
    return KE_OK;
}
