/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota.c: usage counters of subtrees with a quota (Java: DataTree's pTrie
 * and updateQuotaStat).
 *
 * A quota on /a/b is the node /zookeeper/quota/a/b/zookeeper_limits; what
 * /a/b and all below it use stands in zookeeper_stats beside it, and follows
 * each change without a transaction: no version, no watch, and outside the
 * digest.  A change counts for the longest prefix of its path that has
 * limits; the root has none.  As long as there are no limits anywhere a
 * change costs one comparison.
 */
#include <config.h>

#include "tree/quota.h"

#include "tree/data_tree_internal.h"
#include "util/zk_log.h"

#define LIMITS_NAME ZK_SLICE_LIT("zookeeper_limits")
#define STATS_NAME  ZK_SLICE_LIT("zookeeper_stats")

static void
append_slice(struct zk_buf *b, struct zk_slice s)
{
    if (s.len > 0) {
        zk_buf_append(b, s.p, (size_t) s.len);
    }
}

/* Is the path /zookeeper/quota<prefix>/<name>?  The prefix begins with '/'
 * or is empty. */
static bool
is_quota_node(struct zk_slice path, struct zk_slice name,
              struct zk_slice *prefix)
{
    int32_t mid = path.len - QUOTA_PATH.len - name.len - 1;

    if (mid < 0 || !zk_slice_starts_with(path, QUOTA_PATH)
        || path.p[QUOTA_PATH.len] != '/'
        || path.p[path.len - name.len - 1] != '/'
        || memcmp(path.p + path.len - name.len, name.p, (size_t) name.len)
           != 0) {
        return false;
    }
    *prefix = zk_slice(path.p + QUOTA_PATH.len, mid);
    return true;
}

/* The slot of /zookeeper/quota<prefix>/<name>. */
static uint32_t
quota_slot(const struct data_tree *tree, struct zk_slice prefix,
           struct zk_slice name, struct zk_buf *path)
{
    zk_buf_clear(path);
    append_slice(path, QUOTA_PATH);
    append_slice(path, prefix);
    zk_buf_append(path, "/", 1);
    append_slice(path, name);
    return tree_find(tree, tree_buf_slice(path));
}

/* The longest prefix of a path that has limits: walks down the quota tree
 * along the path and stops where that ends. */
static bool
find_prefix(const struct data_tree *tree, struct zk_slice path,
            struct zk_slice *prefix)
{
    struct zk_buf quota = { 0 };
    struct zk_buf limits = { 0 };
    bool found = false;
    int32_t end = 0;

    if (tree->n_limits == 0 || path.len <= 1) {
        return false;
    }
    append_slice(&quota, QUOTA_PATH);
    while (end < path.len) {
        int32_t start = end++;

        while (end < path.len && path.p[end] != '/') {
            end++;
        }
        zk_buf_append(&quota, path.p + start, (size_t) (end - start));
        if (tree_find(tree, tree_buf_slice(&quota)) == SLOT_NONE) {
            break;
        }
        if (quota_slot(tree, zk_slice(path.p, end), LIMITS_NAME, &limits)
            != SLOT_NONE) {
            *prefix = zk_slice(path.p, end);
            found = true;
        }
    }
    zk_buf_fini(&quota);
    zk_buf_fini(&limits);
    return found;
}

bool
data_tree_quota(const struct data_tree *tree, struct zk_slice path,
                struct zk_slice *prefix, struct quota *limits,
                struct quota *usage)
{
    struct zk_buf buf = { 0 };
    uint32_t lslot, sslot;
    bool ok = false;

    ZK_CHECK(tree, DATA_TREE_MAGIC);
    if (!find_prefix(tree, path, prefix)) {
        return false;
    }
    lslot = quota_slot(tree, *prefix, LIMITS_NAME, &buf);
    sslot = quota_slot(tree, *prefix, STATS_NAME, &buf);
    if (lslot != SLOT_NONE && sslot != SLOT_NONE) {
        ok = quota_parse(data_node_data(tree_node(tree, lslot)), limits)
             && quota_parse(data_node_data(tree_node(tree, sslot)), usage);
    }
    zk_buf_fini(&buf);
    return ok;
}

/* ---- counting --------------------------------------------------------- */

/* Nodes and bytes of a subtree, its top included. */
static void
count_subtree(const struct data_tree *tree, struct zk_slice prefix,
              struct quota *sum)
{
    uint32_t top = tree_find(tree, prefix);

    sum->count = 0;
    sum->bytes = 0;
    for (uint32_t slot = top; slot != SLOT_NONE;
         slot = tree_next(tree, top, slot)) {
        const struct data_node *node = tree_node(tree, slot);

        sum->count++;
        sum->bytes += node->data_len > 0 ? node->data_len : 0;
    }
}

static void
write_stats(struct data_tree *tree, uint32_t slot,
            const struct quota_text *qt)
{
    struct zk_buf text = { 0 };

    quota_text_format(qt, &text);
    tree_change_begin(tree, slot);
    tree_set_data(tree, slot, tree_buf_slice(&text));
    tree_change_end(tree, slot, ZK_SLICE_NULL);
    zk_buf_fini(&text);
}

static void
recompute(struct data_tree *tree, struct zk_slice prefix)
{
    struct quota_text qt = { .has_count_hard = false };
    struct zk_buf buf = { 0 };
    uint32_t slot = quota_slot(tree, prefix, STATS_NAME, &buf);

    if (slot != SLOT_NONE && prefix.len > 0) {
        count_subtree(tree, prefix, &qt.q);
        write_stats(tree, slot, &qt);
    }
    zk_buf_fini(&buf);
}

/* Adds to the usage of the quota that the path is under, if any. */
static void
update(struct data_tree *tree, struct zk_slice path, int64_t bytes,
       int64_t count)
{
    struct zk_buf buf = { 0 };
    struct quota_text qt;
    struct zk_slice prefix;
    uint32_t slot;

    if (!find_prefix(tree, path, &prefix)) {
        return;
    }
    slot = quota_slot(tree, prefix, STATS_NAME, &buf);
    zk_buf_fini(&buf);
    if (slot == SLOT_NONE) {
        zk_debug(tree, "no zookeeper_stats for the quota of %.*s",
                 (int) prefix.len, prefix.p);
    } else if (quota_text_parse(data_node_data(tree_node(tree, slot)), &qt)) {
        qt.q.count = (int64_t) ((uint64_t) qt.q.count + (uint64_t) count);
        qt.q.bytes = (int64_t) ((uint64_t) qt.q.bytes + (uint64_t) bytes);
        write_stats(tree, slot, &qt);
    } else {
        /* A client wrote something else there. */
        recompute(tree, prefix);
    }
}

void
quota_node_created(struct data_tree *tree, struct zk_slice path,
                   int64_t bytes)
{
    struct zk_slice prefix;

    if (is_quota_node(path, LIMITS_NAME, &prefix)) {
        tree->n_limits++;
        /* Java leaves stats that were there before their limits as they
         * are until the next start. */
        recompute(tree, prefix);
    } else if (is_quota_node(path, STATS_NAME, &prefix)) {
        recompute(tree, prefix);
    }
    update(tree, path, bytes, 1);
}

void
quota_node_deleted(struct data_tree *tree, struct zk_slice path,
                   int64_t bytes)
{
    struct zk_slice prefix;

    if (is_quota_node(path, LIMITS_NAME, &prefix)) {
        zk_assert(tree->n_limits > 0);
        tree->n_limits--;
    }
    update(tree, path, -bytes, -1);
}

void
quota_data_changed(struct data_tree *tree, struct zk_slice path,
                   int64_t bytes)
{
    update(tree, path, bytes, 0);
}

void
quota_recompute_all(struct data_tree *tree)
{
    struct zk_buf path = { 0 };
    uint32_t top = tree_find(tree, QUOTA_PATH);
    uint32_t slot = top;

    tree->n_limits = 0;
    while (slot != SLOT_NONE && (slot = tree_next(tree, top, slot))
                                != SLOT_NONE) {
        struct zk_slice prefix;

        if (!zk_slice_eq(data_node_name(tree_node(tree, slot)),
                         LIMITS_NAME)) {
            continue;
        }
        zk_buf_clear(&path);
        tree_path(tree, slot, &path);
        if (is_quota_node(tree_buf_slice(&path), LIMITS_NAME, &prefix)) {
            tree->n_limits++;
            recompute(tree, prefix);
        }
    }
    zk_buf_fini(&path);
}
