/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/read_ops.h"

#include <ctype.h>
#include <stdlib.h>

#include "auth/acl_check.h"
#include "jute/output_archive.h"
#include "jute/zookeeper_records.h"
#include "proto/acl_codec.h"
#include "proto/frame.h"
#include "proto/keeper_error.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"
#include "proto/path_utils.h"
#include "server/watch_ops.h"
#include "tree/namespace_stats.h"

typedef int read_op_fn(const struct read_context *ctx,
                       struct input_archive *ia, struct zk_buf *out);

/* The node, if it is there and the asker holds a bit of 'perm'. */
static int
ro_find(const struct read_context *ctx, struct zk_slice path, int perm,
        const struct data_node **node)
{
    const struct data_tree *tree = ctx->db->tree;

    *node = data_tree_find(tree, path);
    if (*node == NULL) {
        return KE_NO_NODE;
    }
    if ((data_tree_world_perms(tree, *node) & perm) != 0
        || acl_check(ctx->auth, data_tree_acl(tree, *node), perm,
                     ctx->who)) {
        return KE_OK;
    }
    return KE_NO_AUTH;
}

static void
ro_put_stat(const struct read_context *ctx, const struct data_node *node,
            struct zk_buf *out)
{
    struct jute_stat stat;

    data_tree_client_stat(ctx->db->tree, node, &stat);
    jute_stat_encode(out, &stat);
}

static void
ro_put_children(const struct read_context *ctx, const struct data_node *node,
                struct zk_buf *out)
{
    uint32_t n = data_node_child_count(node);

    output_archive_int(out, (int32_t) n);
    for (uint32_t i = 0; i < n; i++) {
        output_archive_slice(
            out, data_node_name(data_tree_child(ctx->db->tree, node, i)));
    }
}

/* Path and watch flag, which four operations ask with. */
static int
ro_decode(struct input_archive *ia, struct zk_slice *path, bool *watch)
{
    *path = input_archive_slice(ia);
    *watch = input_archive_bool(ia);
    return ia->err != ZK_OK || zk_slice_is_null(*path) ? KE_MARSHALLING
                                                       : KE_OK;
}

static void
ro_watch(const struct read_context *ctx, struct zk_slice path,
         enum watch_kind kind)
{
    watch_manager_add(ctx->db->watches, path, &ctx->sink->watcher, kind);
}

static int
ro_exists(const struct read_context *ctx, struct input_archive *ia,
          struct zk_buf *out)
{
    const struct data_node *node;
    struct zk_slice path;
    bool watch;
    int err = ro_decode(ia, &path, &watch);

    if (err != KE_OK) {
        return err;
    }
    if (path_has_nul(path)) {
        return KE_BAD_ARGUMENTS;
    }
    err = ro_find(ctx, path, ACL_PERM_READ, &node);
    if (watch && err != KE_NO_AUTH) {
        ro_watch(ctx, path, WATCH_KIND_DATA);   /* On a missing node too. */
    }
    if (err == KE_OK) {
        namespace_stats_read(path, 0);
        ro_put_stat(ctx, node, out);
    }
    return err;
}

static int
ro_get_data(const struct read_context *ctx, struct input_archive *ia,
            struct zk_buf *out)
{
    const struct data_node *node;
    struct zk_slice path;
    bool watch;
    int err = ro_decode(ia, &path, &watch);

    if (err == KE_OK) {
        err = ro_find(ctx, path, ACL_PERM_READ, &node);
    }
    if (err != KE_OK) {
        return err;
    }
    output_archive_slice(out, data_node_data(node));
    ro_put_stat(ctx, node, out);
    namespace_stats_read(path, data_node_data(node).len > 0
                                   ? data_node_data(node).len
                                   : 0);
    if (watch) {
        ro_watch(ctx, path, WATCH_KIND_DATA);
    }
    return KE_OK;
}

static int
ro_children(const struct read_context *ctx, struct input_archive *ia,
            struct zk_buf *out, bool with_stat)
{
    const struct data_node *node;
    struct zk_slice path;
    size_t bytes;
    bool watch;
    int err = ro_decode(ia, &path, &watch);

    if (err == KE_OK) {
        err = ro_find(ctx, path, ACL_PERM_READ, &node);
    }
    if (err != KE_OK) {
        return err;
    }
    bytes = out->len;
    ro_put_children(ctx, node, out);
    bytes = out->len - bytes - 4 - 4 * data_node_child_count(node);
    namespace_stats_read(path, (int64_t) bytes);
    if (with_stat) {
        ro_put_stat(ctx, node, out);
    }
    if (watch) {
        ro_watch(ctx, path, WATCH_KIND_CHILD);
    }
    return KE_OK;
}

static int
ro_get_children(const struct read_context *ctx, struct input_archive *ia,
                struct zk_buf *out)
{
    return ro_children(ctx, ia, out, false);
}

static int
ro_get_children2(const struct read_context *ctx, struct input_archive *ia,
                 struct zk_buf *out)
{
    return ro_children(ctx, ia, out, true);
}

/* Who may not change an ACL does not see the password hashes in it
 * (ZOOKEEPER-1392). */
static void
ro_put_masked_acl(struct zk_slice acl, struct zk_buf *out)
{
    struct acl_iter it;
    struct acl_entry e;
    size_t at = acl_encode_begin(out);

    acl_iter_init(&it, acl);
    while (acl_iter_next(&it, &e)) {
        const char *colon =
            e.id.len > 0 ? memchr(e.id.p, ':', (size_t) e.id.len) : NULL;

        if (colon != NULL && zk_slice_eq_str(e.scheme, "digest")) {
            char *masked = zk_xasprintf("%.*s:x", (int) (colon - e.id.p),
                                        e.id.p);

            acl_encode_add(out, at, e.perms, e.scheme,
                           zk_slice_str(masked));
            free(masked);
        } else {
            acl_encode_add(out, at, e.perms, e.scheme, e.id);
        }
    }
}

static int
ro_get_acl(const struct read_context *ctx, struct input_archive *ia,
           struct zk_buf *out)
{
    const struct data_node *node;
    struct zk_slice path = input_archive_slice(ia), acl;
    int err;

    if (ia->err != ZK_OK || zk_slice_is_null(path)) {
        return KE_MARSHALLING;
    }
    err = ro_find(ctx, path, ACL_PERM_READ | ACL_PERM_ADMIN, &node);
    if (err != KE_OK) {
        return err;
    }
    acl = data_tree_acl(ctx->db->tree, node);
    if (acl_check(ctx->auth, acl, ACL_PERM_ADMIN, ctx->who)) {
        acl_raw_append(out, acl);
    } else {
        ro_put_masked_acl(acl, out);
    }
    ro_put_stat(ctx, node, out);
    return KE_OK;
}

static int
ro_all_children_number(const struct read_context *ctx,
                       struct input_archive *ia, struct zk_buf *out)
{
    const struct data_node *node;
    struct zk_slice path = input_archive_slice(ia);
    int err;

    if (ia->err != ZK_OK || zk_slice_is_null(path)) {
        return KE_MARSHALLING;
    }
    err = ro_find(ctx, path, ACL_PERM_READ, &node);
    if (err == KE_OK) {
        /* Java counts the paths that start with the path and a '/': for ""
         * these are all but "" itself. */
        int64_t n = path.len == 0
                        ? data_tree_node_count(ctx->db->tree) - 1
                        : data_tree_count_descendants(ctx->db->tree, path);

        output_archive_int(out, (int32_t) n);
    }
    return err;
}

struct ro_ephemerals {
    struct zk_slice prefix;
    struct zk_buf *out;
    int32_t n;
};

static void
ro_add_ephemeral(void *arg, struct zk_slice path)
{
    struct ro_ephemerals *e = arg;

    if (zk_slice_starts_with(path, e->prefix)) {
        output_archive_slice(e->out, path);
        e->n++;
    }
}

/* No prefix, a blank one or "/" asks for all (Java: isBlank). */
static bool
ro_prefix_is_all(struct zk_slice prefix)
{
    for (int32_t i = 0; i < prefix.len; i++) {
        if (!isspace((unsigned char) prefix.p[i])) {
            return zk_slice_eq_str(prefix, "/");
        }
    }
    return true;
}

static int
ro_get_ephemerals(const struct read_context *ctx, struct input_archive *ia,
                  struct zk_buf *out)
{
    struct ro_ephemerals e = { input_archive_slice(ia), out, 0 };
    size_t at = out->len;

    if (ia->err != ZK_OK) {
        return KE_MARSHALLING;
    }
    if (ro_prefix_is_all(e.prefix)) {
        e.prefix = ZK_SLICE_LIT("");
    }
    output_archive_int(out, 0);
    data_tree_ephemerals_each(ctx->db->tree, ctx->sink->session_id,
                              ro_add_ephemeral, &e);
    output_archive_patch_int(out, at, e.n);
    return KE_OK;
}

static int
ro_who_am_i(const struct read_context *ctx, struct input_archive *ia,
            struct zk_buf *out)
{
    (void) ia;
    output_archive_int(out, (int32_t) ctx->who->n);
    for (size_t i = 0; i < ctx->who->n; i++) {
        const struct auth_id *id = &ctx->who->ids[i];

        output_archive_slice(out, auth_id_scheme(id));
        output_archive_slice(out, auth_user_name(ctx->auth, id));
    }
    return KE_OK;
}

static int
ro_sync(const struct read_context *ctx, struct input_archive *ia,
        struct zk_buf *out)
{
    struct zk_slice path = input_archive_slice(ia);

    (void) ctx;
    if (ia->err != ZK_OK) {
        return KE_MARSHALLING;
    }
    output_archive_slice(out, path);    /* Neither looked up nor checked. */
    return KE_OK;
}

static int
ro_ping(const struct read_context *ctx, struct input_archive *ia,
        struct zk_buf *out)
{
    (void) ctx;
    (void) ia;
    (void) out;
    return KE_OK;
}

static void
ro_multi_one(const struct read_context *ctx, const struct multi_op *mo,
             struct zk_buf *out)
{
    const struct data_node *node;
    struct jute_stat stat;
    int err = ro_find(ctx, mo->path, ACL_PERM_READ, &node);

    if (err != KE_OK) {
        multi_result_error(out, err);
    } else if (mo->type == OP_GET_DATA) {
        data_tree_client_stat(ctx->db->tree, node, &stat);
        multi_result_get_data(out, data_node_data(node), &stat);
    } else {
        multi_result_get_children(out);
        ro_put_children(ctx, node, out);
    }
}

/* It decodes, and no path is null. */
static bool
ro_multi_is_whole(const void *p, size_t len, int32_t max_record)
{
    struct multi_request mr;
    struct multi_op mo;
    int rv;

    multi_request_init(&mr, OP_MULTI_READ, p, len, max_record);
    while ((rv = multi_request_next(&mr, &mo)) == 1) {
        if (zk_slice_is_null(mo.path)) {
            return false;
        }
    }
    return rv == 0;
}

static int
ro_multi_read(const struct read_context *ctx, struct input_archive *ia,
              struct zk_buf *out)
{
    size_t len = input_archive_left(ia);
    struct multi_request mr;
    struct multi_op mo;

    if (!ro_multi_is_whole(ia->p, len, ctx->max_record)) {
        return KE_MARSHALLING;
    }
    multi_request_init(&mr, OP_MULTI_READ, ia->p, len, ctx->max_record);
    while (multi_request_next(&mr, &mo) == 1) {
        ro_multi_one(ctx, &mo, out);
    }
    multi_result_end(out);
    return KE_OK;
}

static read_op_fn *
ro_function(int32_t type)
{
    switch (type) {
    case OP_EXISTS:
        return ro_exists;
    case OP_GET_DATA:
        return ro_get_data;
    case OP_GET_ACL:
        return ro_get_acl;
    case OP_GET_CHILDREN:
        return ro_get_children;
    case OP_GET_CHILDREN2:
        return ro_get_children2;
    case OP_GET_ALL_CHILDREN_NUMBER:
        return ro_all_children_number;
    case OP_GET_EPHEMERALS:
        return ro_get_ephemerals;
    case OP_WHO_AM_I:
        return ro_who_am_i;
    case OP_SYNC:
        return ro_sync;
    case OP_PING:
        return ro_ping;
    case OP_MULTI_READ:
        return ro_multi_read;
    case OP_CHECK_WATCHES:
        return watch_op_check;
    case OP_REMOVE_WATCHES:
        return watch_op_remove;
    case OP_ADD_WATCH:
        return watch_op_add;
    default:
        zk_panic("a read of type %d came to be answered", type);
    }
}

void
read_op_answer(const struct read_context *ctx, struct zk_slice body,
               struct zk_buf *out, struct request_outcome *o)
{
    struct input_archive ia;
    size_t at;

    input_archive_init(&ia, body.p, (size_t) body.len, ctx->max_record);
    o->zxid = data_tree_last_zxid(ctx->db->tree);
    if (o->type == OP_SET_WATCHES || o->type == OP_SET_WATCHES2) {
        o->err = watch_op_set(ctx, o->type, &ia, out);
        frame_reply(out, o->cxid, o->zxid, o->err);
        return;
    }
    at = frame_reply_begin(out, o->type == OP_PING ? XID_PING : o->cxid,
                           o->zxid, KE_OK);
    o->err = ro_function(o->type)(ctx, &ia, out);
    if (o->err == KE_OK) {
        frame_reply_end(out, at);
        return;
    }
    frame_reply_fail(out, at, o->err);
    if (o->type == OP_MULTI_READ && o->err == KE_MARSHALLING
        && (multi_request_count(OP_MULTI, body.p, (size_t) body.len,
                                ctx->max_record) > 0
            || multi_request_count(OP_MULTI_READ, body.p, (size_t) body.len,
                                   ctx->max_record) > 0)) {
        /* It decodes, but has writes or null paths: Java ends the (empty)
         * results. */
        zk_put_be32(out->data + at, FRAME_REPLY_HEADER_LEN + 9);
        multi_result_end(out);
    }
}
