/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree_model.h"

#include <inttypes.h>
#include <stdlib.h>

#include <zlib.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "proto/op_code.h"

#define OWNER_TTL_BITS UINT64_C(0xff00000000000000)

/* ---- the model -------------------------------------------------------- */

static struct zk_slice
dup_slice(struct zk_slice s)
{
    if (zk_slice_is_null(s)) {
        return ZK_SLICE_NULL;
    }
    return zk_slice(zk_xmemdup(s.len ? s.p : "", (size_t) s.len + !s.len),
                    s.len);
}

static void
free_slice(struct zk_slice s)
{
    free((void *) (uintptr_t) s.p);
}

/* The root's path is "" here. */
static bool
same_path(const struct model_node *node, struct zk_slice path)
{
    return zk_slice_eq(path, zk_slice(node->path, (int32_t) node->len))
           || (node->len == 0 && zk_slice_eq_str(path, "/"));
}

struct model_node *
tree_model_find(const struct tree_model *m, struct zk_slice path)
{
    for (size_t i = 0; i < m->n; i++) {
        if (same_path(&m->nodes[i], path)) {
            return &m->nodes[i];
        }
    }
    return NULL;
}

static bool
is_child(const struct model_node *child, const struct model_node *of)
{
    return child->len > 0 && child->parent_len == of->len
           && memcmp(child->path, of->path, of->len) == 0;
}

size_t
tree_model_children(const struct tree_model *m, const struct model_node *node)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        n += is_child(&m->nodes[i], node);
    }
    return n;
}

void
tree_model_add(struct tree_model *m, struct zk_slice path,
               struct zk_slice data, struct zk_slice acl,
               const struct jute_stat_persisted *stat)
{
    m->nodes = zk_xrealloc(m->nodes, (m->n + 1) * sizeof *m->nodes);
    m->nodes[m->n++] = (struct model_node) {
        .path = zk_xstrndup(path.p, (size_t) path.len),
        .len = (size_t) path.len,
        .parent_len = (size_t) data_tree_parent_path(path).len,
        .data = dup_slice(data),
        .acl = dup_slice(acl),
        .stat = *stat,
    };
}

static void
drop(struct tree_model *m, struct model_node *node)
{
    free(node->path);
    free_slice(node->data);
    free_slice(node->acl);
    *node = m->nodes[--m->n];
}

void
tree_model_init(struct tree_model *m)
{
    struct jute_stat_persisted zero = { 0 }, config = { .aversion = -1 };

    *m = (struct tree_model) { 0 };
    tree_model_add(m, ZK_SLICE_LIT(""), ZK_SLICE_LIT(""), ZK_SLICE_NULL,
                   &zero);
    tree_model_add(m, ZK_SLICE_LIT("/zookeeper"), ZK_SLICE_LIT(""),
                   ZK_SLICE_NULL, &zero);
    tree_model_add(m, ZK_SLICE_LIT("/zookeeper/quota"), ZK_SLICE_LIT(""),
                   ZK_SLICE_NULL, &zero);
    tree_model_add(m, ZK_SLICE_LIT("/zookeeper/config"), ZK_SLICE_LIT(""),
                   acl_raw_read_only, &config);
}

void
tree_model_fini(struct tree_model *m)
{
    while (m->n > 0) {
        drop(m, &m->nodes[m->n - 1]);
    }
    free(m->nodes);
    free(m->sessions);
    *m = (struct tree_model) { 0 };
}

void
tree_model_copy(struct tree_model *to, const struct tree_model *from)
{
    *to = (struct tree_model) {
        .n_sessions = from->n_sessions,
        .last_zxid = from->last_zxid,
    };
    for (size_t i = 0; i < from->n; i++) {
        const struct model_node *node = &from->nodes[i];

        tree_model_add(to, zk_slice_str(node->path), node->data, node->acl,
                       &node->stat);
    }
    to->sessions = zk_xcalloc(from->n_sessions + 1, sizeof *to->sessions);
    if (from->n_sessions > 0) {
        memcpy(to->sessions, from->sessions,
               from->n_sessions * sizeof *to->sessions);
    }
}

static struct model_session *
find_session(const struct tree_model *m, int64_t id)
{
    for (size_t i = 0; i < m->n_sessions; i++) {
        if (m->sessions[i].id == id) {
            return &m->sessions[i];
        }
    }
    return NULL;
}

/* ---- transactions ----------------------------------------------------- */

static void
model_create(struct tree_model *m, const struct txn_view *txn)
{
    struct jute_stat_persisted st = {
        .czxid = txn->zxid, .mzxid = txn->zxid, .pzxid = txn->zxid,
        .ctime = txn->time, .mtime = txn->time,
    };
    struct model_node *parent, *node;
    struct zk_slice acl = acl_raw_count(txn->acl) < 0 ? ZK_SLICE_NULL
                                                      : txn->acl;
    int32_t cversion;

    parent = tree_model_find(m, data_tree_parent_path(txn->path));
    node = tree_model_find(m, txn->path);
    if (parent == NULL) {
        return;
    }
    cversion = txn->parent_cversion == -1 && node == NULL
               ? parent->stat.cversion + 1 : txn->parent_cversion;
    if (cversion > parent->stat.cversion) {
        parent->stat.cversion = cversion;
        parent->stat.pzxid = txn->zxid;
    }
    if (node != NULL) {
        free_slice(node->acl);
        node->acl = dup_slice(acl);
        return;
    }
    if (txn->type == OP_CREATE_CONTAINER) {
        st.ephemeral_owner = INT64_MIN;
    } else if (txn->type == OP_CREATE_TTL) {
        st.ephemeral_owner = txn->ttl <= 0
                             ? 0 : (int64_t) (OWNER_TTL_BITS
                                              | (uint64_t) txn->ttl);
    } else if (txn->ephemeral) {
        st.ephemeral_owner = txn->client_id;
    }
    tree_model_add(m, txn->path, txn->data, acl, &st);
}

static void
model_delete(struct tree_model *m, const char *path, int64_t zxid)
{
    struct zk_slice s = zk_slice_str(path);
    struct model_node *parent = tree_model_find(m, data_tree_parent_path(s));
    size_t len = strlen(path);

    if (parent == NULL) {
        return;
    }
    if (zxid > parent->stat.pzxid) {
        parent->stat.pzxid = zxid;
    }
    for (size_t i = m->n; i-- > 0;) {
        const char *p = m->nodes[i].path;

        if (strncmp(p, path, len) == 0 && (p[len] == '/' || p[len] == '\0')) {
            drop(m, &m->nodes[i]);
        }
    }
}

static void
model_close(struct tree_model *m, const struct txn_view *txn)
{
    struct txn_paths_iter it;
    struct zk_slice path;
    struct model_session *s = find_session(m, txn->client_id);
    char *own;

    txn_paths_begin(&it, txn->paths);
    while (txn_paths_next(&it, &path)) {
        own = zk_xstrndup(path.p, (size_t) path.len);
        model_delete(m, own, txn->zxid);
        free(own);
    }
    for (size_t i = 0; i < m->n; i++) {
        if (m->nodes[i].stat.ephemeral_owner == txn->client_id) {
            own = zk_xstrdup(m->nodes[i].path);
            model_delete(m, own, txn->zxid);
            free(own);
            i = (size_t) -1;
        }
    }
    if (s != NULL) {
        *s = m->sessions[--m->n_sessions];
    }
}

static void
model_one(struct tree_model *m, const struct txn_view *txn)
{
    struct model_node *node = zk_slice_is_null(txn->path)
                              ? NULL : tree_model_find(m, txn->path);
    char *path;

    switch (txn->type) {
    case OP_CREATE: case OP_CREATE2: case OP_CREATE_TTL:
    case OP_CREATE_CONTAINER:
        model_create(m, txn);
        break;
    case OP_DELETE: case OP_DELETE_CONTAINER:
        path = zk_xstrndup(txn->path.p, (size_t) txn->path.len);
        model_delete(m, path, txn->zxid);
        free(path);
        break;
    case OP_SET_DATA: case OP_RECONFIG:
        if (node != NULL) {
            free_slice(node->data);
            node->data = dup_slice(txn->data);
            node->stat.version = txn->version;
            node->stat.mzxid = txn->zxid;
            node->stat.mtime = txn->time;
        }
        break;
    case OP_SET_ACL:
        if (node != NULL) {
            free_slice(node->acl);
            node->acl = dup_slice(txn->acl);
            node->stat.aversion = txn->version;
        }
        break;
    case OP_CREATE_SESSION:
        if (find_session(m, txn->client_id) == NULL) {
            m->sessions = zk_xrealloc(m->sessions, (m->n_sessions + 1)
                                                   * sizeof *m->sessions);
            m->sessions[m->n_sessions++].id = txn->client_id;
        }
        find_session(m, txn->client_id)->timeout = txn->timeout;
        break;
    case OP_CLOSE_SESSION:
        model_close(m, txn);
        break;
    default:
        break;
    }
}

void
tree_model_apply(struct tree_model *m, const struct txn_view *txn)
{
    struct txn_multi_iter it;
    struct txn_view sub;
    bool failed = false;

    if (txn->type == OP_MULTI) {
        txn_multi_begin(&it, txn);
        while (txn_multi_next(&it, &sub)) {
            failed = failed || sub.type == OP_ERROR;
        }
        txn_multi_begin(&it, txn);
        while (!failed && txn_multi_next(&it, &sub)) {
            model_one(m, &sub);
        }
    } else {
        model_one(m, txn);
    }
    if (txn->zxid > m->last_zxid) {
        m->last_zxid = txn->zxid;
    }
}

/* ---- comparing -------------------------------------------------------- */

static uint32_t
model_node_crc(const struct model_node *node)
{
    struct zk_buf b = { 0 };
    const struct jute_stat_persisted *st = &node->stat;
    uint32_t crc;

    zk_buf_append(&b, node->path, strlen(node->path));
    if (node->data.len > 0) {
        zk_buf_append(&b, node->data.p, (size_t) node->data.len);
    }
    output_archive_long(&b, st->czxid);
    output_archive_long(&b, st->mzxid);
    output_archive_long(&b, st->pzxid);
    output_archive_long(&b, st->ctime);
    output_archive_long(&b, st->mtime);
    output_archive_int(&b, st->version);
    output_archive_int(&b, st->cversion);
    output_archive_int(&b, st->aversion);
    output_archive_long(&b, st->ephemeral_owner);
    crc = (uint32_t) crc32(0, b.data, (uInt) b.len);
    zk_buf_fini(&b);
    return crc;
}

uint64_t
tree_model_digest(const struct tree_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n; i++) {
        if (strncmp(m->nodes[i].path, "/zookeeper/", 11) != 0) {
            sum += model_node_crc(&m->nodes[i]);
        }
    }
    return sum;
}

static bool
differs(const char *what, const char *path)
{
    printf("tree and model differ: %s of \"%s\"\n", what, path);
    return false;
}

/* Usage counters follow each change: they are held against sums. */
static bool
stats_equal(const struct tree_model *m, const struct model_node *node,
            struct zk_slice data)
{
    size_t len = strlen(node->path) - strlen("/zookeeper_stats");
    char *limits = zk_xasprintf("%.*s/zookeeper_limits", (int) len,
                                node->path);
    char *prefix = zk_xstrndup(node->path + 16, len - 16);
    int64_t count = 0, bytes = 0;
    char *want;
    bool ok;

    for (size_t i = 0; i < m->n; i++) {
        const char *p = m->nodes[i].path;

        if (strncmp(p, prefix, strlen(prefix)) == 0
            && (p[strlen(prefix)] == '/' || p[strlen(prefix)] == '\0')) {
            count++;
            bytes += m->nodes[i].data.len > 0 ? m->nodes[i].data.len : 0;
        }
    }
    want = zk_xasprintf("count=%" PRId64 ",bytes=%" PRId64, count, bytes);
    ok = tree_model_find(m, zk_slice_str(limits)) == NULL
         || zk_slice_eq_str(data, want);
    free(limits);
    free(prefix);
    free(want);
    return ok;
}

static bool
is_stats(const char *path)
{
    return strncmp(path, "/zookeeper/quota/", 17) == 0
           && strstr(path, "/zookeeper_stats") != NULL;
}

static bool
children_equal(const struct tree_model *m, const struct model_node *mn,
               const struct data_tree *tree, const struct data_node *node)
{
    uint32_t n = data_node_child_count(node);

    if (n != tree_model_children(m, mn)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct zk_slice name = data_node_name(data_tree_child(tree, node, i));
        char *path = zk_xasprintf("%s/%.*s", mn->path, (int) name.len,
                                  name.p);
        bool there = tree_model_find(m, zk_slice_str(path)) != NULL;

        free(path);
        if (!there) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (data_tree_child(tree, node, k)
                == data_tree_child(tree, node, i)) {
                return false;
            }
        }
    }
    return true;
}

static bool
node_equals(const struct tree_model *m, const struct model_node *mn,
            const struct data_tree *tree)
{
    const struct data_node *node = data_tree_find(tree,
                                                  zk_slice_str(mn->path));
    struct jute_stat_persisted st;

    if (node == NULL) {
        return differs("existence", mn->path);
    }
    data_node_stat(node, &st);
    if (!jute_stat_persisted_equal(&st, &mn->stat)) {
        jute_stat_persisted_print(stdout, &st);
        jute_stat_persisted_print(stdout, &mn->stat);
        return differs("stat", mn->path);
    }
    if (is_stats(mn->path)) {
        if (!stats_equal(m, mn, data_node_data(node))) {
            return differs("usage", mn->path);
        }
    } else if (!zk_slice_eq(data_node_data(node), mn->data)) {
        return differs("data", mn->path);
    }
    if (!zk_slice_eq(data_tree_acl(tree, node),
                     zk_slice_is_null(mn->acl) ? acl_raw_open : mn->acl)) {
        return differs("ACL", mn->path);
    }
    return children_equal(m, mn, tree, node) || differs("children", mn->path);
}

static void
count_path(void *arg, struct zk_slice path)
{
    (void) path;
    ++*(size_t *) arg;
}

static bool
owners_equal(const struct tree_model *m, const struct data_tree *tree)
{
    int64_t ephemerals = 0;
    size_t expiring = 0, seen = 0;

    for (size_t i = 0; i < m->n; i++) {
        int64_t owner = m->nodes[i].stat.ephemeral_owner;
        bool ttl = ((uint64_t) owner & OWNER_TTL_BITS) == OWNER_TTL_BITS;
        size_t of_session = 0, want = 0;

        if (owner == INT64_MIN || ttl) {
            expiring += tree_model_children(m, &m->nodes[i]) == 0;
            continue;
        }
        if (owner == 0) {
            continue;
        }
        ephemerals++;
        data_tree_ephemerals_each(tree, owner, count_path, &of_session);
        for (size_t k = 0; k < m->n; k++) {
            want += m->nodes[k].stat.ephemeral_owner == owner;
        }
        if (of_session != want) {
            return differs("number of its owner's ephemerals",
                           m->nodes[i].path);
        }
    }
    data_tree_expired_each(tree, INT64_MAX / 2, 1, count_path, &seen);
    return (seen == expiring || differs("number of expiring nodes", "/"))
           && (ephemerals == data_tree_ephemeral_count(tree)
               || differs("number of ephemerals", "/"));
}

bool
tree_model_equals(const struct tree_model *m, const struct data_tree *tree)
{
    int64_t size = 1;

    for (size_t i = 0; i < m->n; i++) {
        const struct data_node *node;

        if (!node_equals(m, &m->nodes[i], tree)) {
            return false;
        }
        /* As the tree has it: usage counters are its own. */
        node = data_tree_find(tree, zk_slice_str(m->nodes[i].path));
        size += (int64_t) strlen(m->nodes[i].path);
        size += data_node_data(node).len > 0 ? data_node_data(node).len : 0;
    }
    for (size_t i = 0; i < m->n_sessions; i++) {
        if (data_tree_session_timeout(tree, m->sessions[i].id)
            != m->sessions[i].timeout) {
            return differs("a session's timeout", "/");
        }
    }
    return (data_tree_session_count(tree) == m->n_sessions
            || differs("number of sessions", "/"))
           && (data_tree_node_count(tree) == (int64_t) m->n + 1
               || differs("number of nodes", "/"))
           && (data_tree_approximate_size(tree) == size
               || differs("size", "/"))
           && ((uint64_t) data_tree_digest(tree) == tree_model_digest(m)
               || differs("digest", "/"))
           && (data_tree_last_zxid(tree) == m->last_zxid
               || differs("last zxid", "/"))
           && owners_equal(m, tree);
}
