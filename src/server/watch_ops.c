/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/watch_ops.h"

#include "jute/output_archive.h"
#include "jute/zookeeper_records.h"
#include "proto/frame.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"

/* KeeperState.SyncConnected: the only state a server reports. */
#define WO_SYNC_CONNECTED 3

static int
wo_decode(struct input_archive *ia, struct zk_slice *path, int32_t *type)
{
    *path = input_archive_slice(ia);
    *type = input_archive_int(ia);
    if (ia->err != ZK_OK || zk_slice_is_null(*path)
        || *type < WATCHER_TYPE_CHILDREN
        || *type > WATCHER_TYPE_PERSISTENT_RECURSIVE) {
        return KE_MARSHALLING;
    }
    return KE_OK;
}

int
watch_op_check(const struct read_context *ctx, struct input_archive *ia,
               struct zk_buf *out)
{
    struct zk_slice path;
    int32_t type;
    int err = wo_decode(ia, &path, &type);

    (void) out;
    if (err == KE_OK
        && !watch_manager_contains(ctx->db->watches, path,
                                   &ctx->sink->watcher,
                                   (enum watcher_type) type)) {
        err = KE_NO_WATCHER;
    }
    return err;
}

int
watch_op_remove(const struct read_context *ctx, struct input_archive *ia,
                struct zk_buf *out)
{
    struct zk_slice path;
    int32_t type;
    int err = wo_decode(ia, &path, &type);

    (void) out;
    if (err == KE_OK
        && !watch_manager_remove(ctx->db->watches, path, &ctx->sink->watcher,
                                 (enum watcher_type) type)) {
        err = KE_NO_WATCHER;
    }
    return err;
}

int
watch_op_add(const struct read_context *ctx, struct input_archive *ia,
             struct zk_buf *out)
{
    struct zk_slice path = input_archive_slice(ia);
    int32_t mode = input_archive_int(ia);

    if (ia->err != ZK_OK || zk_slice_is_null(path) || mode < 0 || mode > 1) {
        return KE_MARSHALLING;
    }
    watch_manager_add(ctx->db->watches, path, &ctx->sink->watcher,
                      mode == 0 ? WATCH_KIND_PERSISTENT
                                : WATCH_KIND_RECURSIVE);
    output_archive_int(out, KE_OK);     /* An ErrorResponse. */
    return KE_OK;
}

/* ---- setWatches -------------------------------------------------------- */

struct wo_set {
    const struct read_context *ctx;
    int64_t relative_zxid;      /* The last zxid the client has seen. */
    struct zk_buf *out;
};

static void
wo_event(struct wo_set *s, enum watch_event_type type, struct zk_slice path)
{
    frame_watch_event(s->out, -1, (int32_t) type, WO_SYNC_CONNECTED, path);
}

static void
wo_arm(struct wo_set *s, struct zk_slice path, enum watch_kind kind)
{
    watch_manager_add(s->ctx->db->watches, path, &s->ctx->sink->watcher,
                      kind);
}

static void
wo_data(struct wo_set *s, struct zk_slice path)
{
    const struct data_node *node = data_tree_find(s->ctx->db->tree, path);
    struct jute_stat_persisted stat;

    if (node == NULL) {
        wo_event(s, WATCH_NODE_DELETED, path);
        return;
    }
    data_node_stat(node, &stat);
    if (stat.mzxid > s->relative_zxid) {
        wo_event(s, WATCH_NODE_DATA_CHANGED, path);
    } else {
        wo_arm(s, path, WATCH_KIND_DATA);
    }
}

static void
wo_exist(struct wo_set *s, struct zk_slice path)
{
    if (data_tree_find(s->ctx->db->tree, path) != NULL) {
        wo_event(s, WATCH_NODE_CREATED, path);
    } else {
        wo_arm(s, path, WATCH_KIND_DATA);
    }
}

static void
wo_child(struct wo_set *s, struct zk_slice path)
{
    const struct data_node *node = data_tree_find(s->ctx->db->tree, path);
    struct jute_stat_persisted stat;

    if (node == NULL) {
        wo_event(s, WATCH_NODE_DELETED, path);
        return;
    }
    data_node_stat(node, &stat);
    if (stat.pzxid > s->relative_zxid) {
        wo_event(s, WATCH_NODE_CHILDREN_CHANGED, path);
    } else {
        wo_arm(s, path, WATCH_KIND_CHILD);
    }
}

static void
wo_persistent(struct wo_set *s, struct zk_slice path)
{
    wo_arm(s, path, WATCH_KIND_PERSISTENT);
}

static void
wo_recursive(struct wo_set *s, struct zk_slice path)
{
    wo_arm(s, path, WATCH_KIND_RECURSIVE);
}

typedef void wo_fn(struct wo_set *s, struct zk_slice path);

/* The lists of the body in their order; setWatches has the first three. */
static wo_fn *const wo_lists[] = { wo_data, wo_exist, wo_child,
                                   wo_persistent, wo_recursive };

/* One list: looked over only (s NULL), or carried out. */
static void
wo_list(struct input_archive *ia, wo_fn *fn, struct wo_set *s)
{
    int32_t n = input_archive_count(ia, 4);

    for (int32_t i = 0; i < n && ia->err == ZK_OK; i++) {
        struct zk_slice path = input_archive_slice(ia);

        if (s != NULL && !zk_slice_is_null(path)) {
            fn(s, path);
        }
    }
}

int
watch_op_set(const struct read_context *ctx, int32_t type,
             struct input_archive *ia, struct zk_buf *out)
{
    size_t lists = type == OP_SET_WATCHES ? 3 : ZK_ARRAY_SIZE(wo_lists);
    struct wo_set s = { ctx, input_archive_long(ia), out };
    struct input_archive look = *ia;

    for (size_t i = 0; i < lists; i++) {
        wo_list(&look, wo_lists[i], NULL);
    }
    if (look.err != ZK_OK) {
        return KE_MARSHALLING;  /* Before anything of it is done. */
    }
    for (size_t i = 0; i < lists; i++) {
        wo_list(ia, wo_lists[i], &s);
    }
    return KE_OK;
}
