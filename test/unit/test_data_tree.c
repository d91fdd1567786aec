/* SPDX-License-Identifier: Apache-2.0 */
/* test_data_tree.c: the rules of the tree, one by one. */
#include <config.h>

#include "tree/data_tree.h"

#include <inttypes.h>
#include <stdlib.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "tree/quota.h"
#include "unhex.h"
#include "util/zk_log.h"
#include "watch/watch_manager.h"
#include "../lib/zk_test.h"

#define MAX_LEN 1000000
#define SESSION 0x1234

static const struct data_tree_options options = {
    .digest_enabled = true,
    .extended_types_enabled = true,
};

static const struct zk_slice s_x = ZK_SLICE_LIT("x");

/* ---- short forms ------------------------------------------------------ */

static int64_t next_zxid;

static struct txn_view
txn_of(int type, const char *path, int32_t cversion)
{
    next_zxid++;
    return (struct txn_view) {
        .client_id = SESSION, .zxid = next_zxid, .time = 1000 + next_zxid,
        .type = type, .path = zk_slice_str(path), .data = s_x,
        .acl = acl_raw_open, .parent_cversion = cversion, .ttl = 5000,
        .paths = ZK_SLICE_NULL, .multi = ZK_SLICE_NULL,
    };
}

static struct txn_result
apply(struct data_tree *tree, const struct txn_view *v)
{
    struct txn_result r;

    data_tree_apply(tree, v, &r);
    return r;
}

static int32_t
create(struct data_tree *tree, const char *path, const char *data)
{
    struct txn_view v = txn_of(OP_CREATE, path, -1);

    v.data = zk_slice_str(data);
    return apply(tree, &v).err;
}

static int32_t
create_ephemeral(struct data_tree *tree, const char *path, int64_t session)
{
    struct txn_view v = txn_of(OP_CREATE, path, -1);

    v.ephemeral = true;
    v.client_id = session;
    return apply(tree, &v).err;
}

static int32_t
delete(struct data_tree *tree, const char *path)
{
    struct txn_view v = txn_of(OP_DELETE, path, 0);

    return apply(tree, &v).err;
}

static int32_t
set_data(struct data_tree *tree, const char *path, const char *data)
{
    struct txn_view v = txn_of(OP_SET_DATA, path, 0);

    v.data = zk_slice_str(data);
    v.version = 1;
    return apply(tree, &v).err;
}

static struct data_tree *
fresh_tree(void)
{
    next_zxid = 0;
    return data_tree_create(&options);
}

static const struct data_node *
find(const struct data_tree *tree, const char *path)
{
    return data_tree_find(tree, zk_slice_str(path));
}

static bool
data_is(const struct data_tree *tree, const char *path, const char *want)
{
    const struct data_node *node = find(tree, path);

    if (node != NULL && !zk_slice_eq_str(data_node_data(node), want)) {
        printf("%s: %.*s\n", path, (int) data_node_data(node).len,
               data_node_data(node).p);
    }
    return node != NULL && zk_slice_eq_str(data_node_data(node), want);
}

static struct jute_stat_persisted
stat_of(const struct data_tree *tree, const char *path)
{
    struct jute_stat_persisted st = { .czxid = -7 };

    if (find(tree, path) != NULL) {
        data_node_stat(find(tree, path), &st);
    }
    return st;
}

/* ---- tests ------------------------------------------------------------ */

static void
empty_tree(void)
{
    struct data_tree *tree = fresh_tree();
    struct jute_stat st;

    CU_ASSERT_EQUAL(data_tree_digest(tree), 0x51c6d660);
    CU_ASSERT_EQUAL(data_tree_node_count(tree), 5);
    CU_ASSERT_EQUAL(data_tree_approximate_size(tree), 44);
    CU_ASSERT_EQUAL(data_tree_count_descendants(tree, zk_slice_str("/")), 3);
    CU_ASSERT_PTR_EQUAL(find(tree, "/"), find(tree, ""));
    CU_ASSERT_PTR_NOT_NULL(find(tree, "/zookeeper/quota"));
    CU_ASSERT_EQUAL(stat_of(tree, "/zookeeper/config").aversion, -1);
    CU_ASSERT_EQUAL(data_tree_world_perms(tree,
                                          find(tree, "/zookeeper/config")),
                    ACL_PERM_READ);
    CU_ASSERT_EQUAL(data_tree_world_perms(tree, find(tree, "/")),
                    ACL_PERM_ALL);
    data_tree_client_stat(tree, find(tree, "/"), &st);
    CU_ASSERT_EQUAL(st.cversion, -1);
    CU_ASSERT_EQUAL(st.num_children, 1);
    data_tree_destroy(tree);
}

/* What a Java server logged, with the digest that it came to each time. */
static void
golden_history(void)
{
    static const char *const txns[] = {
#define GOLDEN_TXN(name, hex) hex,
#include "golden_txns.h"
#undef GOLDEN_TXN
    };
    struct data_tree *tree = fresh_tree();
    size_t compared = 0;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(txns); i++) {
        size_t len;
        uint8_t *bytes = unhex(txns[i], &len);
        struct txn_view v;

        CU_ASSERT_EQUAL_FATAL(txn_view_decode(&v, bytes, len, MAX_LEN, NULL),
                              ZK_OK);
        data_tree_apply(tree, &v, NULL);
        CU_ASSERT_EQUAL(data_tree_last_zxid(tree), v.zxid);
        if (v.has_digest) {
            CU_ASSERT_EQUAL(data_tree_digest(tree), v.digest);
            compared++;
        }
        free(bytes);
    }
    CU_ASSERT(compared >= 12);
    data_tree_destroy(tree);
}

static void
golden_digest_after_create(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v = txn_of(OP_CREATE, "/a", 1);

    v.zxid = 0x100000002;
    v.time = 0x1a2038ae07e;
    v.data = zk_slice_str("v1");
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    CU_ASSERT_EQUAL(data_tree_digest(tree), 0x1ae686d74);
    data_tree_destroy(tree);
}

static void
paths_are_compared_whole(void)
{
    struct data_tree *tree = fresh_tree();
    static const char *const none[] = {
        "a", "//a", "/a/", "/a//b", "a/b", "/b", "/a/b/c", "/ab", "/a/bb",
        "//",
    };

    CU_ASSERT_EQUAL(create(tree, "/a", ""), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/a/b", ""), KE_OK);
    CU_ASSERT_PTR_NOT_NULL(find(tree, "/a/b"));
    for (size_t i = 0; i < ZK_ARRAY_SIZE(none); i++) {
        CU_ASSERT_PTR_NULL(find(tree, none[i]));
    }
    data_tree_destroy(tree);
}

static void
odd_paths_change_nothing(void)
{
    struct data_tree *tree = fresh_tree();
    int64_t digest = data_tree_digest(tree);

    CU_ASSERT_EQUAL(create(tree, "foo", ""), KE_BAD_ARGUMENTS);
    CU_ASSERT_EQUAL(create(tree, "", ""), KE_BAD_ARGUMENTS);
    CU_ASSERT_EQUAL(create(tree, "/", ""), KE_NODE_EXISTS);
    CU_ASSERT_EQUAL(create(tree, "//a", ""), KE_NO_NODE);
    CU_ASSERT_EQUAL(create(tree, "/no/a", ""), KE_NO_NODE);
    CU_ASSERT_EQUAL(delete(tree, "/"), KE_BAD_ARGUMENTS);
    CU_ASSERT_EQUAL(delete(tree, ""), KE_BAD_ARGUMENTS);
    CU_ASSERT_EQUAL(delete(tree, "/no/a"), KE_NO_NODE);
    CU_ASSERT_EQUAL(set_data(tree, "/no", ""), KE_NO_NODE);
    CU_ASSERT_EQUAL(data_tree_digest(tree), digest);
    CU_ASSERT_EQUAL(data_tree_node_count(tree), 5);
    data_tree_destroy(tree);
}

static void
very_long_and_very_deep_paths(void)
{
    struct data_tree *tree = fresh_tree();
    struct zk_buf b = { 0 };
    char *name = zk_xmalloc(300002);

    memset(name, 'n', 300001);
    name[0] = '/';
    name[300001] = '\0';
    CU_ASSERT_EQUAL(create(tree, name, "d"), KE_OK);
    CU_ASSERT_EQUAL(set_data(tree, name, "dd"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, name, "dd"));
    CU_ASSERT_EQUAL(data_node_name(find(tree, name)).len, 300000);
    CU_ASSERT_EQUAL(delete(tree, name), KE_OK);
    for (size_t i = 0; i < 3000; i++) {
        zk_buf_append(&b, "/d", 3);
        CU_ASSERT_EQUAL(create(tree, (const char *) b.data, ""), KE_OK);
        b.len--;
    }
    CU_ASSERT_EQUAL(data_tree_count_descendants(tree, zk_slice_str("/d")),
                    2999);
    CU_ASSERT_EQUAL(delete(tree, "/d"), KE_OK);
    CU_ASSERT_EQUAL(data_tree_node_count(tree), 5);
    CU_ASSERT_EQUAL(data_tree_approximate_size(tree), 44);
    free(name);
    zk_buf_fini(&b);
    data_tree_destroy(tree);
}

static void
stats_of_a_life(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v = txn_of(OP_CREATE2, "/a", 1);
    struct txn_result r = apply(tree, &v);

    CU_ASSERT_TRUE(r.has_stat);
    CU_ASSERT_EQUAL(r.stat.czxid, 1);
    CU_ASSERT_EQUAL(r.stat.data_length, 1);
    CU_ASSERT_EQUAL(create(tree, "/a/b", ""), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/a/b"), KE_OK);
    CU_ASSERT_EQUAL(stat_of(tree, "/a").cversion, 1);
    CU_ASSERT_EQUAL(stat_of(tree, "/a").pzxid, 3);
    CU_ASSERT_EQUAL(stat_of(tree, "/a").mzxid, 1);
    v = txn_of(OP_SET_ACL, "/a", 0);
    v.version = 4;
    v.acl = acl_raw_read_only;
    r = apply(tree, &v);
    CU_ASSERT_EQUAL(r.stat.aversion, 4);
    CU_ASSERT_EQUAL(r.stat.mzxid, 1);
    CU_ASSERT_EQUAL(r.stat.cversion, 2);
    v = txn_of(OP_SET_DATA, "/a", 0);
    v.version = 9;
    v.data = ZK_SLICE_NULL;
    r = apply(tree, &v);
    CU_ASSERT_EQUAL(r.stat.version, 9);
    CU_ASSERT_EQUAL(r.stat.mzxid, 5);
    CU_ASSERT_EQUAL(r.stat.mtime, 1005);
    CU_ASSERT_EQUAL(r.stat.data_length, 0);
    CU_ASSERT_TRUE(zk_slice_is_null(data_node_data(find(tree, "/a"))));
    data_tree_destroy(tree);
}

/* ZOOKEEPER-3249. */
static void
parent_cversion_never_goes_back(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view first = txn_of(OP_CREATE, "/a", 7);
    struct txn_view second = txn_of(OP_CREATE, "/b", 3);

    CU_ASSERT_EQUAL(apply(tree, &first).err, KE_OK);
    CU_ASSERT_EQUAL(apply(tree, &second).err, KE_OK);
    CU_ASSERT_EQUAL(stat_of(tree, "/").cversion, 7);
    CU_ASSERT_EQUAL(stat_of(tree, "/").pzxid, 1);
    second = txn_of(OP_CREATE, "/c", -1);
    CU_ASSERT_EQUAL(apply(tree, &second).err, KE_OK);
    CU_ASSERT_EQUAL(stat_of(tree, "/").cversion, 8);
    data_tree_destroy(tree);
}

static void
create_of_what_exists_keeps_the_node(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v;

    CU_ASSERT_EQUAL(create(tree, "/a", "first"), KE_OK);
    v = txn_of(OP_CREATE2, "/a", 5);
    v.acl = acl_raw_read_only;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_NODE_EXISTS);
    CU_ASSERT_TRUE(data_is(tree, "/a", "first"));
    CU_ASSERT_EQUAL(stat_of(tree, "/a").czxid, 1);
    CU_ASSERT_EQUAL(data_tree_world_perms(tree, find(tree, "/a")),
                    ACL_PERM_READ);
    CU_ASSERT_EQUAL(stat_of(tree, "/").cversion, 5);
    CU_ASSERT_EQUAL(stat_of(tree, "/").pzxid, 2);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 2);
    data_tree_destroy(tree);
}

/* ZOOKEEPER-3125. */
static void
delete_of_what_is_gone_moves_pzxid(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v;

    CU_ASSERT_EQUAL(create(tree, "/a", ""), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/a/gone"), KE_NO_NODE);
    CU_ASSERT_EQUAL(stat_of(tree, "/a").pzxid, 2);
    v = txn_of(OP_DELETE, "/a/gone", 0);
    v.zxid = 1;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_NO_NODE);
    CU_ASSERT_EQUAL(stat_of(tree, "/a").pzxid, 2);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 2);
    data_tree_destroy(tree);
}

static void
collect_path(void *arg, struct zk_slice path)
{
    zk_buf_append(arg, path.p, (size_t) path.len);
    zk_buf_append(arg, " ", 1);
}

static void
close_session_with_and_without_paths(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v = txn_of(OP_CREATE_SESSION, NULL, 0);
    struct zk_buf list = { 0 };

    v.timeout = 4000;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    CU_ASSERT_EQUAL(data_tree_session_timeout(tree, SESSION), 4000);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/e1", SESSION), KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/e2", SESSION), KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/other", 77), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/a", ""), KE_OK);
    CU_ASSERT_EQUAL(data_tree_ephemeral_count(tree), 3);
    v = txn_of(OP_CLOSE_SESSION, NULL, 0);
    output_archive_int(&list, 2);
    output_archive_slice(&list, zk_slice_str("/e2"));
    output_archive_slice(&list, zk_slice_str("/a/never"));
    v.paths = zk_slice(list.data, (int32_t) list.len);
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    CU_ASSERT_PTR_NULL(find(tree, "/e1"));
    CU_ASSERT_PTR_NULL(find(tree, "/e2"));
    CU_ASSERT_EQUAL(stat_of(tree, "/a").pzxid, v.zxid);
    CU_ASSERT_EQUAL(data_tree_session_timeout(tree, SESSION), -1);
    CU_ASSERT_PTR_NOT_NULL(find(tree, "/other"));
    v = txn_of(OP_CLOSE_SESSION, NULL, 0);
    v.client_id = 77;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    CU_ASSERT_EQUAL(data_tree_ephemeral_count(tree), 0);
    CU_ASSERT_EQUAL(data_tree_node_count(tree), 6);
    zk_buf_fini(&list);
    data_tree_destroy(tree);
}

static void
orphans_are_killed_at_the_last_zxid(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v = txn_of(OP_CREATE_SESSION, NULL, 0);
    struct zk_buf out = { 0 };

    v.timeout = 4000;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/mine", SESSION), KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/x1", 5), KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/x2", 5), KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/y", 6), KE_OK);
    CU_ASSERT_EQUAL(data_tree_kill_orphans(tree), 2);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 5);
    CU_ASSERT_EQUAL(data_tree_ephemeral_count(tree), 1);
    data_tree_dump_ephemerals(tree, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL(out.data, "Sessions with Ephemerals (1):\n"
                                     "0x1234:\n\t/mine\n");
    zk_buf_clear(&out);
    CU_ASSERT_EQUAL(data_tree_ephemerals_encode(tree, SESSION, &out), 1);
    CU_ASSERT_EQUAL(out.len, 4 + 4 + 5);
    zk_buf_fini(&out);
    data_tree_destroy(tree);
}

static void
multi_is_all_or_nothing(void)
{
    struct data_tree *tree = fresh_tree();
    struct zk_buf b = { 0 };
    struct txn_view v;
    struct txn_result r;
    size_t at, sub;
    int64_t digest = data_tree_digest(tree);

    txn_encode_header(&b, SESSION, 1, 9, 5, OP_MULTI);
    at = txn_encode_multi_begin(&b);
    sub = txn_encode_multi_add_begin(&b, at, OP_CREATE);
    txn_encode_create(&b, zk_slice_str("/m"), s_x, acl_raw_open, false, 1);
    txn_encode_multi_add_end(&b, sub);
    sub = txn_encode_multi_add_begin(&b, at, OP_ERROR);
    txn_encode_error(&b, KE_BAD_VERSION);
    txn_encode_multi_add_end(&b, sub);
    sub = txn_encode_multi_add_begin(&b, at, OP_DELETE);
    txn_encode_delete(&b, zk_slice_str("/zookeeper"));
    txn_encode_multi_add_end(&b, sub);
    CU_ASSERT_EQUAL_FATAL(txn_view_decode(&v, b.data, b.len, MAX_LEN, NULL),
                          ZK_OK);
    data_tree_apply(tree, &v, &r);
    CU_ASSERT_EQUAL_FATAL(r.n_sub, 3);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(r.sub[i].type, OP_ERROR);
    }
    CU_ASSERT_EQUAL(r.sub[0].err, KE_OK);
    CU_ASSERT_EQUAL(r.sub[1].err, KE_BAD_VERSION);
    CU_ASSERT_EQUAL(r.sub[2].err, KE_RUNTIME_INCONSISTENCY);
    CU_ASSERT_EQUAL(r.err, KE_BAD_VERSION);
    CU_ASSERT_EQUAL(data_tree_digest(tree), digest);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 9);
    txn_result_fini(&r);
    zk_buf_fini(&b);
    data_tree_destroy(tree);
}

static void
multi_reports_each_part(void)
{
    struct data_tree *tree = fresh_tree();
    struct zk_buf b = { 0 };
    struct txn_view v;
    struct txn_result r;
    size_t at, sub;

    txn_encode_header(&b, SESSION, 1, 9, 5, OP_MULTI);
    at = txn_encode_multi_begin(&b);
    sub = txn_encode_multi_add_begin(&b, at, OP_CREATE2);
    txn_encode_create(&b, zk_slice_str("/m"), s_x, acl_raw_open, false, 1);
    txn_encode_multi_add_end(&b, sub);
    sub = txn_encode_multi_add_begin(&b, at, OP_CHECK);
    txn_encode_check(&b, zk_slice_str("/m"), 1);
    txn_encode_multi_add_end(&b, sub);
    sub = txn_encode_multi_add_begin(&b, at, OP_SET_DATA);
    txn_encode_set_data(&b, zk_slice_str("/m"), ZK_SLICE_NULL, 1);
    txn_encode_multi_add_end(&b, sub);
    CU_ASSERT_EQUAL_FATAL(txn_view_decode(&v, b.data, b.len, MAX_LEN, NULL),
                          ZK_OK);
    data_tree_apply(tree, &v, &r);
    CU_ASSERT_EQUAL_FATAL(r.n_sub, 3);
    CU_ASSERT_EQUAL(r.err, KE_OK);
    CU_ASSERT_TRUE(zk_slice_eq_str(r.sub[0].path, "/m"));
    CU_ASSERT_EQUAL(r.sub[0].stat.data_length, 1);
    CU_ASSERT_EQUAL(r.sub[1].type, OP_CHECK);
    CU_ASSERT_FALSE(r.sub[1].has_stat);
    CU_ASSERT_EQUAL(r.sub[2].stat.version, 1);
    CU_ASSERT_EQUAL(r.sub[2].stat.mzxid, 9);
    txn_result_fini(&r);
    zk_buf_fini(&b);
    data_tree_destroy(tree);
}

static void
no_op_transactions_move_the_zxid(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v = txn_of(OP_CHECK, "/zookeeper", 0);
    int64_t digest = data_tree_digest(tree);

    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    v = txn_of(OP_ERROR, NULL, 0);
    v.err = KE_NO_AUTH;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_NO_AUTH);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 2);
    CU_ASSERT_EQUAL(data_tree_digest(tree), digest);
    data_tree_destroy(tree);
}

/* As Java's EphemeralType and EphemeralTypeEmulate353 read them. */
static void
owners_say_the_kind(void)
{
    int64_t ttl = 0;
    int64_t reserved = (int64_t) UINT64_C(0xff0001000000ea60);
    int64_t old = (int64_t) UINT64_C(0x800000000000ea60);

    CU_ASSERT_EQUAL(node_owner_kind(0, true, true, NULL), NODE_PERSISTENT);
    CU_ASSERT_EQUAL(node_owner_kind(5, true, true, NULL), NODE_EPHEMERAL);
    CU_ASSERT_EQUAL(node_owner_kind(INT64_MIN, true, true, NULL),
                    NODE_CONTAINER);
    CU_ASSERT_EQUAL(node_owner_of_ttl(60000, false),
                    (int64_t) UINT64_C(0xff0000000000ea60));
    CU_ASSERT_EQUAL(node_owner_kind(node_owner_of_ttl(60000, true), true,
                                    false, &ttl), NODE_TTL);
    CU_ASSERT_EQUAL(ttl, 60000);
    CU_ASSERT_EQUAL(node_owner_kind(node_owner_of_ttl(1, false), false, true,
                                    NULL), NODE_EPHEMERAL);
    CU_ASSERT_EQUAL(node_owner_kind(reserved, true, false, NULL),
                    NODE_EPHEMERAL);
    CU_ASSERT_EQUAL(node_owner_kind(old, true, false, NULL), NODE_EPHEMERAL);
    CU_ASSERT_EQUAL(node_owner_kind(old, true, true, &ttl), NODE_TTL);
    CU_ASSERT_EQUAL(ttl, 60000);
}

static void
containers_and_ttl_nodes_expire(void)
{
    struct data_tree *tree = fresh_tree();
    struct txn_view v = txn_of(OP_CREATE_CONTAINER, "/c", -1);
    struct zk_buf out = { 0 };
    struct jute_stat st;

    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    v = txn_of(OP_CREATE_TTL, "/t", -1);
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    data_tree_client_stat(tree, find(tree, "/t"), &st);
    CU_ASSERT_EQUAL(st.ephemeral_owner, 0);
    CU_ASSERT_EQUAL(data_tree_kind(tree, find(tree, "/t")), NODE_TTL);
    v = txn_of(OP_CREATE_TTL, "/plain", -1);
    v.ttl = -1;
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    CU_ASSERT_EQUAL(stat_of(tree, "/plain").ephemeral_owner, 0);
    CU_ASSERT_EQUAL(data_tree_ephemeral_count(tree), 0);
    data_tree_expired_each(tree, 1002 + 5000, 0, collect_path, &out);
    CU_ASSERT_EQUAL(out.len, 0);
    data_tree_expired_each(tree, 1002 + 5001, 5001, collect_path, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL(out.data, "/c /t ");
    zk_buf_clear(&out);
    CU_ASSERT_EQUAL(create(tree, "/c/x", ""), KE_OK);
    data_tree_expired_each(tree, 1002, 0, collect_path, &out);
    CU_ASSERT_EQUAL(out.len, 0);
    CU_ASSERT_EQUAL(delete(tree, "/c/x"), KE_OK);
    data_tree_expired_each(tree, 1002, 0, collect_path, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL(out.data, "/c ");
    v = txn_of(OP_DELETE_CONTAINER, "/c", 0);
    CU_ASSERT_EQUAL(apply(tree, &v).err, KE_OK);
    zk_buf_clear(&out);
    data_tree_expired_each(tree, INT64_MAX, 1, collect_path, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL(out.data, "/t ");
    zk_buf_fini(&out);
    data_tree_destroy(tree);
}

/* ---- quotas ----------------------------------------------------------- */

/* The texts are what Java's StatsTrack makes of these. */
static void
quota_text(void)
{
    static const struct {
        const char *text, *want;
    } good[] = {
        { "", "count=-1,bytes=-1" },
        { "count=5,bytes=-1", "count=5,bytes=-1" },
        { "count=5,bytes=7=;byteHardLimit=9;countHardLimit=2",
          "count=5,bytes=7=;byteHardLimit=9;countHardLimit=2" },
        { "count=1,,bytes=2", "count=1,bytes=2" },
        { "count=1;bytes=2", "count=1,bytes=2" },
        { "count=+4", "count=4,bytes=-1" },
        { "count=1,bytes=2,byteHardLimit=-1",
          "count=1,bytes=2=;byteHardLimit=-1" },
        { "count=3=4", "count=3,bytes=-1" },
        { "count==3", "count=-1,bytes=-1" },
        { "count=-9223372036854775808",
          "count=-9223372036854775808,bytes=-1" },
    };
    static const char *const bad[] = {
        "count=", "garbage", "count=x", ",count=1", " count=1,bytes= 2",
        "count", "count=9223372036854775808", "count=-", "count=+",
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(good); i++) {
        struct quota_text qt;
        struct zk_buf out = { 0 };

        CU_ASSERT_TRUE(quota_text_parse(zk_slice_str(good[i].text), &qt));
        quota_text_format(&qt, &out);
        CU_ASSERT_STRING_EQUAL(out.data, good[i].want);
        zk_buf_fini(&out);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        struct quota q;

        CU_ASSERT_FALSE(quota_parse(zk_slice_str(bad[i]), &q));
    }
}

/* The figures are those of Java's DataTree for the same calls. */
static void
usage_follows_changes(void)
{
    static const char *const stats = "/zookeeper/quota/q/zookeeper_stats";
    struct data_tree *tree = fresh_tree();
    struct zk_slice prefix;
    struct quota limits, usage;

    CU_ASSERT_EQUAL(create(tree, "/q", "123"), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/q/a", "1234"), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q", ""), KE_OK);
    CU_ASSERT_EQUAL(create(tree, stats, "junk=1"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=2,bytes=7"));
    CU_ASSERT_EQUAL(create(tree, "/q/b", "1234"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=2,bytes=7"));
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q/zookeeper_limits",
                           "count=1,bytes=-1"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=3,bytes=11"));
    CU_ASSERT_EQUAL(create(tree, "/q/c", "1234"), KE_OK);
    CU_ASSERT_EQUAL(set_data(tree, "/q", "1234567890"), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/qq", "1234567890"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=4,bytes=22"));
    CU_ASSERT_TRUE(data_tree_quota(tree, zk_slice_str("/q/z/z"), &prefix,
                                   &limits, &usage));
    CU_ASSERT_TRUE(zk_slice_eq_str(prefix, "/q"));
    CU_ASSERT_EQUAL(limits.count, 1);
    CU_ASSERT_EQUAL(usage.count, 4);
    CU_ASSERT_EQUAL(usage.bytes, 22);
    CU_ASSERT_FALSE(data_tree_quota(tree, zk_slice_str("/qq"), &prefix,
                                    &limits, &usage));
    CU_ASSERT_EQUAL(set_data(tree, stats, "count=5,bytes=6=;"
                             "byteHardLimit=-1;countHardLimit=2"), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/q/c"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=4,bytes=2=;"
                           "byteHardLimit=-1;countHardLimit=2"));
    CU_ASSERT_EQUAL(stat_of(tree, stats).version, 1);
    CU_ASSERT_EQUAL(set_data(tree, stats, "nonsense"), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/q/b"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=2,bytes=14"));
    CU_ASSERT_EQUAL(delete(tree, "/zookeeper/quota/q/zookeeper_limits"),
                    KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/q/a"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, stats, "count=2,bytes=14"));
    data_tree_destroy(tree);
}

static void
longest_prefix_counts(void)
{
    struct data_tree *tree = fresh_tree();

    CU_ASSERT_EQUAL(create(tree, "/q", ""), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/q/s", ""), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q", ""), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q/s", ""), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q/zookeeper_limits",
                           "count=9"), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q/s/zookeeper_limits",
                           "count=9"), KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q/zookeeper_stats", ""),
                    KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/zookeeper/quota/q/s/zookeeper_stats", ""),
                    KE_OK);
    CU_ASSERT_EQUAL(create(tree, "/q/s/x", "12"), KE_OK);
    CU_ASSERT_TRUE(data_is(tree, "/zookeeper/quota/q/zookeeper_stats",
                           "count=2,bytes=0"));
    CU_ASSERT_TRUE(data_is(tree, "/zookeeper/quota/q/s/zookeeper_stats",
                           "count=2,bytes=2"));
    data_tree_destroy(tree);
}

/* ---- loading ---------------------------------------------------------- */

static int
load(struct data_tree *tree, const char *const *paths, size_t n,
     struct zk_errmsg *em)
{
    struct jute_stat_persisted st = { .czxid = 1 };
    int rv = ZK_OK;

    data_tree_load_begin(tree);
    for (size_t i = 0; i < n && rv == ZK_OK; i++) {
        rv = data_tree_load_node(tree, zk_slice_str(paths[i]), s_x, -1, &st,
                                 em);
    }
    return rv == ZK_OK ? data_tree_load_end(tree, 5, NULL, em) : rv;
}

static void
bad_snapshots_are_refused(void)
{
    static const struct {
        const char *paths[4];
        const char *want;
    } bad[] = {
        { { "/a" }, "the first znode is not the root but /a" },
        { { "", "/a/b" }, "znode /a/b comes without its parent" },
        { { "", "/a", "/a" }, "znode /a comes twice" },
        { { "", "" }, "znode path \"\"" },
        { { "", "a" }, "znode path \"a\"" },
        { { "", "//a" }, "znode //a comes without its parent" },
        { { NULL }, "no znode, not even the root" },
    };
    struct data_tree *tree = fresh_tree();
    struct zk_errmsg em;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        size_t n = 0;

        while (bad[i].paths[n] != NULL) {
            n++;
        }
        CU_ASSERT_EQUAL(load(tree, bad[i].paths, n, &em), ZK_ECORRUPT);
        CU_ASSERT_STRING_EQUAL(em.text, bad[i].want);
    }
    CU_ASSERT_EQUAL(data_tree_load_acl(tree, 1, ZK_SLICE_LIT("\0\0\0\1"),
                                       &em), ZK_EMARSHAL);
    data_tree_destroy(tree);
}

static void
built_in_nodes_are_added(void)
{
    static const char *const old[] = { "", "/zookeeper", "/a" };
    struct data_tree *tree = fresh_tree();
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(load(tree, old, 3, &em), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(find(tree, "/zookeeper/config"));
    CU_ASSERT_PTR_NOT_NULL(find(tree, "/zookeeper/quota"));
    CU_ASSERT_EQUAL(data_tree_node_count(tree), 6);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 5);
    data_tree_destroy(tree);
}

/* A list that the file lacks must not read as open. */
static void
missing_acl_is_closed(void)
{
    struct data_tree *tree = fresh_tree();
    struct jute_stat_persisted st = { .czxid = 1 };

    zk_log_set_level(ZK_LOG_ERROR);
    data_tree_load_begin(tree);
    CU_ASSERT_EQUAL(data_tree_load_node(tree, zk_slice_str(""), s_x, 3, &st,
                                        NULL), ZK_OK);
    CU_ASSERT_EQUAL(data_tree_load_end(tree, 5, NULL, NULL), ZK_OK);
    CU_ASSERT_EQUAL(data_tree_world_perms(tree, find(tree, "/")), 0);
    CU_ASSERT(acl_raw_count(data_tree_acl(tree, find(tree, "/"))) > 0);
    data_tree_destroy(tree);
}

static void
config_is_outside_the_digest(void)
{
    struct data_tree *tree = fresh_tree();
    struct jute_stat_persisted st;

    data_tree_set_config(tree, ZK_SLICE_LIT("server.1=x"), 0x100000000, 77);
    st = stat_of(tree, "/zookeeper/config");
    CU_ASSERT_EQUAL(st.version, -1);
    CU_ASSERT_EQUAL(st.mzxid, 0x100000000);
    CU_ASSERT_EQUAL(st.mtime, 77);
    CU_ASSERT_EQUAL(data_tree_last_zxid(tree), 0);
    CU_ASSERT_EQUAL(data_tree_digest(tree), 0x51c6d660);
    CU_ASSERT_TRUE(data_is(tree, "/zookeeper/config", "server.1=x"));
    data_tree_destroy(tree);
}

/* ---- watches ---------------------------------------------------------- */

struct recorder {
    struct watcher w;
    struct zk_buf events;
};

static void
record(struct watcher *w, const struct watched_event *e)
{
    struct recorder *rec = ZK_CONTAINER_OF(w, struct recorder, w);

    zk_buf_printf(&rec->events, "%d:%.*s@%" PRId64 "/%d ", (int) e->type,
                  (int) e->path.len, e->path.p, e->zxid,
                  (int) acl_raw_count(e->acl));
}

static int64_t
no_session(const struct watcher *w)
{
    (void) w;
    return SESSION;
}

static void
watches_fire_in_order(void)
{
    struct watch_manager *wm = watch_manager_create();
    struct recorder rec = { .w = { .process = record,
                                   .session_id = no_session } };
    struct data_tree *tree = fresh_tree();

    data_tree_set_watch_manager(tree, wm);
    watch_manager_add(wm, zk_slice_str("/a"), &rec.w, WATCH_KIND_PERSISTENT);
    watch_manager_add(wm, zk_slice_str("/"), &rec.w, WATCH_KIND_PERSISTENT);
    CU_ASSERT_EQUAL(create(tree, "/a", ""), KE_OK);
    CU_ASSERT_EQUAL(create_ephemeral(tree, "/a/e", SESSION), KE_OK);
    CU_ASSERT_EQUAL(set_data(tree, "/a", "2"), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/a/e"), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/a"), KE_OK);
    CU_ASSERT_EQUAL(delete(tree, "/a"), KE_NO_NODE);
    CU_ASSERT_STRING_EQUAL(rec.events.data,
                           "1:/a@1/1 4:/@1/1 4:/a@2/1 3:/a@3/1 4:/a@4/1 "
                           "2:/a@5/1 4:/@5/1 ");
    watch_manager_remove_watcher(wm, &rec.w);
    data_tree_destroy(tree);
    watch_manager_destroy(wm);
    zk_buf_fini(&rec.events);
}

static void
digest_off_is_zero(void)
{
    struct data_tree_options off = { .digest_enabled = false };
    struct data_tree *tree = data_tree_create(&off);

    CU_ASSERT_EQUAL(create(tree, "/a", "x"), KE_OK);
    CU_ASSERT_EQUAL(data_tree_digest(tree), 0);
    data_tree_destroy(tree);
}

static const struct zk_test tests[] = {
    { "an empty tree is Java's", empty_tree },
    { "a history logged by Java gives its digests", golden_history },
    { "the digest after a create", golden_digest_after_create },
    { "paths are compared whole", paths_are_compared_whole },
    { "odd paths change nothing", odd_paths_change_nothing },
    { "very long and very deep paths", very_long_and_very_deep_paths },
    { "stats of a life", stats_of_a_life },
    { "a parent's cversion never goes back",
      parent_cversion_never_goes_back },
    { "create of what exists keeps the node",
      create_of_what_exists_keeps_the_node },
    { "delete of what is gone moves pzxid",
      delete_of_what_is_gone_moves_pzxid },
    { "closeSession with and without paths",
      close_session_with_and_without_paths },
    { "orphans are killed at the last zxid",
      orphans_are_killed_at_the_last_zxid },
    { "a failed multi changes nothing", multi_is_all_or_nothing },
    { "a multi reports each part", multi_reports_each_part },
    { "transactions that do nothing move the zxid",
      no_op_transactions_move_the_zxid },
    { "owners say the kind", owners_say_the_kind },
    { "containers and TTL nodes expire", containers_and_ttl_nodes_expire },
    { "quota texts are StatsTrack's", quota_text },
    { "usage follows changes", usage_follows_changes },
    { "the longest prefix counts", longest_prefix_counts },
    { "bad snapshots are refused", bad_snapshots_are_refused },
    { "built-in nodes are added to old snapshots", built_in_nodes_are_added },
    { "an ACL list that is missing is closed", missing_acl_is_closed },
    { "the configuration is outside the digest",
      config_is_outside_the_digest },
    { "watches fire in order", watches_fire_in_order },
    { "without digests the digest is 0", digest_off_is_zero },
};

ZK_TEST_MAIN("data_tree", tests)
