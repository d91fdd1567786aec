/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_txn: transactions as they stand in a log, applied to a small tree.
 * The input is a list of them, each behind its length of two bytes.  A
 * snapshot may be under way meanwhile: the first byte says when it begins and
 * how often it goes on; it must hold the tree as it was at its begin.
 */
#include <config.h>

#include <stdlib.h>

#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "test/fuzz/fuzz.h"
#include "tree/data_tree_snapshot.h"

static void
ft_acl(struct zk_slice raw)
{
    struct acl_iter it;
    struct acl_entry e;

    if (!zk_slice_is_null(raw)) {
        zk_assert(acl_raw_valid(raw));
    }
    acl_iter_init(&it, raw);
    while (acl_iter_next(&it, &e)) {
        zk_assert(e.scheme.len >= -1 && e.id.len >= -1);
    }
}

static void
ft_multi(const struct txn_view *v)
{
    struct txn_multi_iter it;
    struct txn_view sub;
    int32_t n = txn_multi_begin(&it, v);

    while (txn_multi_next(&it, &sub)) {
        zk_assert(sub.zxid == v->zxid && sub.client_id == v->client_id);
        ft_acl(sub.acl);
        n--;
    }
    zk_assert(n == 0 || n == -1);
}

static void
ft_paths(const struct txn_view *v)
{
    struct txn_paths_iter it;
    struct zk_slice path;
    int32_t n = txn_paths_begin(&it, v->paths);

    while (txn_paths_next(&it, &path)) {
        zk_assert(!zk_slice_is_null(path));
        n--;
    }
    zk_assert(n >= -1);         /* Null paths are left out. */
}

static bool
ft_one(struct data_tree *tree, const uint8_t *p, size_t len)
{
    struct zk_errmsg em = { "" };
    struct txn_result r;
    struct txn_view v;

    if (txn_view_decode(&v, p, len, FUZZ_MAX_LEN, &em) != ZK_OK) {
        zk_assert(em.text[0] != '\0');
        return false;
    }
    ft_acl(v.acl);
    if (v.type == OP_MULTI) {
        ft_multi(&v);
    }
    ft_paths(&v);
    if (v.zxid <= data_tree_last_zxid(tree)) {
        return false;           /* A replay that came before. */
    }
    data_tree_apply(tree, &v, &r);
    zk_assert(data_tree_last_zxid(tree) == v.zxid);
    txn_result_fini(&r);
    return true;
}

struct ft_snapshot {
    struct data_tree_snapshot *snap;
    struct zk_buf out;
    struct zk_buf expected;
};

static void
ft_snapshot_begin(struct ft_snapshot *s, struct data_tree *tree)
{
    fuzz_tree_stream(tree, &s->expected);
    s->snap = data_tree_snapshot_begin(tree);
    zk_assert(s->snap != NULL);
}

/* The nodes may come in another order: the sums of their bytes agree. */
static void
ft_snapshot_end(struct ft_snapshot *s)
{
    uint64_t sum = 0;

    if (s->snap == NULL) {
        return;
    }
    while (data_tree_snapshot_next(s->snap, &s->out, 100)) {
    }
    zk_assert(s->out.len == s->expected.len);
    for (size_t i = 0; i < s->out.len; i++) {
        sum += s->out.data[i];
        sum -= s->expected.data[i];
    }
    zk_assert(sum == 0);
    data_tree_snapshot_end(s->snap);
    s->snap = NULL;
}

static void
ft_count(void *arg, struct zk_slice path)
{
    zk_assert(path.len > 1 && path.p[0] == '/');
    ++*(size_t *) arg;
}

/* What a server does with a tree that it has loaded. */
static void
ft_serve(struct data_tree *tree)
{
    int64_t before = data_tree_node_count(tree);
    size_t expired = 0;

    data_tree_expired_each(tree, INT64_MAX, 1, ft_count, &expired);
    zk_assert((int64_t) expired < before);
    (void) data_tree_kill_orphans(tree);
    zk_assert(data_tree_kill_orphans(tree) == 0);
    zk_assert(data_tree_node_count(tree) <= before);
    data_tree_set_config(tree, ZK_SLICE_LIT("version=0"), 0, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    struct data_tree *tree = fuzz_tree_create();
    struct ft_snapshot s = { 0 };
    uint8_t plan = fuzz_u8(&in);

    fuzz_quiet();
    for (int i = 0; in.left > 0; i++) {
        struct zk_slice txn = fuzz_piece(&in);
        uint8_t *copy = fuzz_copy(txn);

        if (i == plan % 16) {
            ft_snapshot_begin(&s, tree);
        }
        (void) ft_one(tree, copy, (size_t) txn.len);
        if (s.snap != NULL && plan >= 128) {
            (void) data_tree_snapshot_next(s.snap, &s.out, plan);
        }
        free(copy);
    }
    ft_snapshot_end(&s);
    ft_serve(tree);
    fuzz_tree_check(tree);
    zk_buf_fini(&s.out);
    zk_buf_fini(&s.expected);
    data_tree_destroy(tree);
    return 0;
}
