/* SPDX-License-Identifier: Apache-2.0 */
/* What a leader gives of its database: the tree as a stream, and the
 * transactions in its log files. */
#include <config.h>

#include "config/server_config.h"
#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "server/snapshot_thread.h"
#include "server/zk_database_sync.h"
#include "test/lib/zk_test.h"
#include "tree/data_tree_internal.h"
#include "util/zk_time.h"

#define Z(epoch, counter) ((int64_t) (epoch) << 32 | (counter))

struct given {
    int64_t zxids[64];
    size_t n;
};

struct bench {
    char *dir;
    struct server_config *config;
    struct zk_database *db;
    struct given given;
};

static void
must(int rv, const struct zk_errmsg *em)
{
    if (rv != ZK_OK) {
        fprintf(stderr, "%s\n", em->text);
        exit(99);
    }
}

static void
bench_open(struct bench *b)
{
    struct restore_result res = { 0 };
    struct zk_errmsg em;
    char *path;
    FILE *f;

    memset(b, 0, sizeof *b);
    b->dir = zk_test_mkdir();
    path = zk_xasprintf("%s/zoo.cfg", b->dir);
    f = fopen(path, "w");
    fprintf(f, "tickTime=1000\ndataDir=%s\nclientPort=2181\nforceSync=no\n",
            b->dir);
    fclose(f);
    must(server_config_read(path, system_properties_create(), &b->config,
                            &em), &em);
    free(path);
    b->config->storage.pre_alloc_kb = 64;
    b->db = zk_database_create(&b->config->storage);
    must(zk_database_load(b->db, &res, &em), &em);
}

static void
bench_close(struct bench *b)
{
    zk_database_destroy(b->db);
    server_config_destroy(b->config);
    zk_test_rmdir(b->dir);
    free(b->dir);
}

/* Logs and applies the creation of a node; its path tells the zxid. */
static void
put(struct bench *b, int64_t zxid)
{
    char *path = zk_xasprintf("/n%lx", (long) zxid);
    struct zk_buf txn = { 0 };
    struct zk_errmsg em;
    struct zk_slice bytes;

    txn_encode_header(&txn, 0x100, 1, zxid, 1000, OP_CREATE);
    txn_encode_create(&txn, zk_slice_str(path), ZK_SLICE_LIT("data"),
                      acl_raw_open, false, -1);
    bytes = zk_slice(txn.data, (int32_t) txn.len);
    must(zk_database_log(b->db, bytes, true, &em), &em);
    must(zk_database_apply_one(b->db, bytes, &em), &em);
    zk_buf_fini(&txn);
    free(path);
}

/* <1,1> to <1,5> and <2,1> to <2,3>. */
static void
put_two_epochs(struct bench *b)
{
    for (int i = 1; i <= 5; i++) {
        put(b, Z(1, i));
    }
    for (int i = 1; i <= 3; i++) {
        put(b, Z(2, i));
    }
}

static void
note(void *arg, struct txn_bytes *txn)
{
    struct given *g = arg;
    struct txn_view v;

    CU_ASSERT_EQUAL(txn_view_decode(&v, txn->data, txn->len, 1000, NULL),
                    ZK_OK);
    CU_ASSERT_EQUAL(v.zxid, txn->zxid);
    g->zxids[g->n++] = txn->zxid;
}

static int
give(struct bench *b, int64_t after, int64_t upto, int64_t max_bytes)
{
    struct zk_errmsg em;

    b->given.n = 0;
    return zk_database_each_logged(b->db, after, upto, max_bytes, note,
                                   &b->given, &em);
}

static void
test_the_log_is_given_from_one_txn_to_another(void)
{
    struct bench b;

    bench_open(&b);
    put_two_epochs(&b);
    CU_ASSERT_EQUAL(give(&b, Z(1, 3), Z(2, 2), 10000), ZK_OK);
    CU_ASSERT_EQUAL(b.given.n, 4);
    CU_ASSERT_EQUAL(b.given.zxids[0], Z(1, 4));
    CU_ASSERT_EQUAL(b.given.zxids[1], Z(1, 5));
    CU_ASSERT_EQUAL(b.given.zxids[2], Z(2, 1));
    CU_ASSERT_EQUAL(b.given.zxids[3], Z(2, 2));
    CU_ASSERT_EQUAL(give(&b, Z(2, 3), Z(2, 3), 10000), ZK_OK);
    CU_ASSERT_EQUAL(b.given.n, 0);
    CU_ASSERT_EQUAL(give(&b, Z(2, 2), INT64_MAX, 10000), ZK_OK);
    CU_ASSERT_EQUAL(b.given.n, 1);
    bench_close(&b);
}

static void
test_it_begins_only_where_the_log_holds_the_learners_end(void)
{
    struct bench b;

    bench_open(&b);
    put_two_epochs(&b);
    /* The beginnings of epochs are there, though no txn has their zxid. */
    CU_ASSERT_EQUAL(give(&b, Z(1, 0), Z(2, 3), 10000), ZK_OK);
    CU_ASSERT_EQUAL(b.given.n, 8);
    CU_ASSERT_EQUAL(give(&b, Z(2, 0), Z(2, 3), 10000), ZK_OK);
    CU_ASSERT_EQUAL(b.given.n, 3);
    /* Tails that this log does not hold, epochs that it does not know. */
    CU_ASSERT_EQUAL(give(&b, Z(1, 6), Z(2, 3), 10000), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(give(&b, Z(3, 0), Z(3, 0), 10000), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(give(&b, Z(2, 4), Z(2, 9), 10000), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(give(&b, Z(0, 7), Z(2, 3), 10000), ZK_ENOTFOUND);
    bench_close(&b);
}

static void
test_what_is_too_much_or_not_continuous_is_not_given(void)
{
    struct bench b;

    bench_open(&b);
    put_two_epochs(&b);
    CU_ASSERT_EQUAL(give(&b, Z(1, 1), Z(2, 3), 300), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(give(&b, Z(2, 2), Z(2, 3), 300), ZK_OK);
    b.db->continuous_from = Z(2, 2);        /* ZOOKEEPER-2846 */
    CU_ASSERT_EQUAL(give(&b, Z(2, 1), Z(2, 3), 10000), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(give(&b, Z(2, 2), Z(2, 3), 10000), ZK_OK);
    bench_close(&b);
}

static void
test_the_newest_snapshot_is_measured(void)
{
    struct zk_errmsg em;
    struct bench b;
    int64_t empty;

    bench_open(&b);
    empty = zk_database_snapshot_size(b.db);
    CU_ASSERT(empty > 0);
    put_two_epochs(&b);
    must(zk_database_snapshot(b.db, &em), &em);
    CU_ASSERT(zk_database_snapshot_size(b.db) > empty + 8 * 60);
    bench_close(&b);
}

/* ---- the stream -------------------------------------------------------- */

static int
no_more(void *self, struct zk_buf *out, struct zk_errmsg *em)
{
    (void) self;
    (void) out;
    return zk_fail(em, ZK_EIO, "the stream ends too early");
}

static void
test_a_stream_is_the_tree_at_one_instant(void)
{
    const struct stream_reader none = { NULL, no_more };
    struct zk_database_stream *s;
    struct zk_buf bytes = { 0 };
    struct bench from, to;
    struct zk_errmsg em;
    int64_t zxid, other;
    int64_t digest, nodes;

    bench_open(&from);
    bench_open(&to);
    put_two_epochs(&from);
    digest = data_tree_digest(from.db->tree);
    nodes = data_tree_node_count(from.db->tree);
    s = zk_database_stream_begin(from.db, &zxid);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(zxid, Z(2, 3));
    CU_ASSERT_PTR_NULL(zk_database_stream_begin(from.db, &other));
    put(&from, Z(2, 4));                    /* Not part of it. */
    while (zk_database_stream_next(s, &bytes)) {
    }
    zk_database_stream_end(s);
    zk_buf_append(&bytes, "behind", 6);
    must(zk_database_take_stream(to.db, zxid, &bytes, &none, &em), &em);
    CU_ASSERT_EQUAL(bytes.len, 6);
    CU_ASSERT_EQUAL(data_tree_last_zxid(to.db->tree), Z(2, 3));
    CU_ASSERT_EQUAL(data_tree_digest(to.db->tree), digest);
    CU_ASSERT_EQUAL(data_tree_node_count(to.db->tree), nodes);
    s = zk_database_stream_begin(from.db, &zxid);
    CU_ASSERT_EQUAL(zxid, Z(2, 4));
    zk_database_stream_end(s);              /* In the middle is fine. */
    zk_buf_fini(&bytes);
    bench_close(&from);
    bench_close(&to);
}

/* Between two roles: it rests, nobody waits for it, and it ends in the next
 * role; unless a learner needs the tree or the history changes. */
static void
test_a_snapshot_rests_between_roles(void)
{
    struct zk_database_stream *s = NULL;
    struct zk_errmsg em;
    struct bench b;
    int64_t zxid, before;

    bench_open(&b);
    put(&b, Z(1, 1));
    before = zk_database_snapshot_size(b.db);
    snapshot_thread_hold(b.db->snapshots);
    CU_ASSERT(snapshot_thread_request(b.db->snapshots));
    CU_ASSERT_FALSE(snapshot_thread_request(b.db->snapshots));
    put(&b, Z(1, 2));
    CU_ASSERT_EQUAL(zk_database_snapshot_size(b.db), before);
    snapshot_thread_go_on(b.db->snapshots, 0);
    snapshot_thread_finish(b.db->snapshots);
    CU_ASSERT(zk_database_snapshot_size(b.db) > before);
    CU_ASSERT_FALSE(atomic_load(&b.db->snapshot_missed));

    snapshot_thread_hold(b.db->snapshots);
    CU_ASSERT(snapshot_thread_request(b.db->snapshots));
    for (int i = 0; i < 10000 && s == NULL; i++) {
        s = zk_database_stream_begin(b.db, &zxid);
        zk_time_pause_us(1000);
    }
    CU_ASSERT_PTR_NOT_NULL(s);
    zk_database_stream_end(s);

    CU_ASSERT(snapshot_thread_request(b.db->snapshots)
              || !atomic_load(&b.db->snapshot_missed));
    must(zk_database_reload(b.db, &em), &em);
    CU_ASSERT(snapshot_thread_request(b.db->snapshots));
    bench_close(&b);            /* Held: the end waits for nothing. */
}

/* It is not forgotten until snapCount transactions later. */
static void
test_a_snapshot_that_fails_stays_due(void)
{
    struct zk_database_stream *s;
    struct bench b;
    int64_t zxid;

    bench_open(&b);
    put(&b, Z(1, 1));
    s = zk_database_stream_begin(b.db, &zxid);      /* In its way. */
    CU_ASSERT(snapshot_thread_request(b.db->snapshots));
    snapshot_thread_finish(b.db->snapshots);
    CU_ASSERT(atomic_load(&b.db->snapshot_missed));
    zk_database_stream_end(s);
    bench_close(&b);
}

/* Logs and applies a change of the data of /n<which>, or its creation. */
static void
put_large(struct bench *b, int64_t zxid, int which, bool create)
{
    static const uint8_t large[100000];
    struct zk_slice data = zk_slice(large, (int32_t) sizeof large);
    char *path = zk_xasprintf("/n%d", which);
    struct zk_buf txn = { 0 };
    struct zk_errmsg em;
    struct zk_slice bytes;

    txn_encode_header(&txn, 0x100, 1, zxid, 1000,
                      create ? OP_CREATE : OP_SET_DATA);
    if (create) {
        txn_encode_create(&txn, zk_slice_str(path), data, acl_raw_open,
                          false, -1);
    } else {
        txn_encode_set_data(&txn, zk_slice_str(path), data, 1);
    }
    bytes = zk_slice(txn.data, (int32_t) txn.len);
    must(zk_database_log(b->db, bytes, true, &em), &em);
    must(zk_database_apply_one(b->db, bytes, &em), &em);
    zk_buf_fini(&txn);
    free(path);
}

static bool
is_under_way(struct bench *b)
{
    bool yes;

    zk_read_lock(&b->db->lock);
    yes = b->db->tree->snap != NULL;
    zk_read_unlock(&b->db->lock);
    return yes;
}

/* A snapshot that has begun, is not at its end, and rests; false when time
 * is over. */
static bool
rest_in_the_middle(struct bench *b, int64_t deadline_ms)
{
    while (zk_time_mono_ms() < deadline_ms) {
        (void) snapshot_thread_request(b->db->snapshots);
        while (!is_under_way(b) && zk_time_mono_ms() < deadline_ms) {
            (void) snapshot_thread_request(b->db->snapshots);
        }
        snapshot_thread_hold(b->db->snapshots);
        if (is_under_way(b)) {
            return true;
        }
        snapshot_thread_go_on(b->db->snapshots, 0);
    }
    return false;
}

static void
test_what_is_put_aside_for_a_resting_snapshot_is_bounded(void)
{
    enum { NODES = 60 };
    int64_t deadline_ms = zk_time_mono_ms() + 30000;
    struct bench b;
    int64_t n = 0;

    bench_open(&b);
    b.db->aside_max = 200000;
    for (int i = 0; i < NODES; i++) {
        put_large(&b, Z(1, ++n), i, true);
    }
    CU_ASSERT_FATAL(rest_in_the_middle(&b, deadline_ms));
    for (int i = NODES - 1; i >= 0; i--) {
        put_large(&b, Z(1, ++n), i, false);
    }
    while (!atomic_load(&b.db->snapshot_missed)
           && zk_time_mono_ms() < deadline_ms) {
        zk_time_pause_us(1000);
    }
    CU_ASSERT(atomic_load(&b.db->snapshot_missed));
    CU_ASSERT_FALSE(is_under_way(&b));
    bench_close(&b);
}

static const struct zk_test tests[] = {
    { "a snapshot that fails stays due",
      test_a_snapshot_that_fails_stays_due },
    { "what is put aside for a resting snapshot is bounded",
      test_what_is_put_aside_for_a_resting_snapshot_is_bounded },
    { "a snapshot rests between roles",
      test_a_snapshot_rests_between_roles },
    { "the log is given from one txn to another",
      test_the_log_is_given_from_one_txn_to_another },
    { "it begins only where the log holds the learner's end",
      test_it_begins_only_where_the_log_holds_the_learners_end },
    { "what is too much or not continuous is not given",
      test_what_is_too_much_or_not_continuous_is_not_given },
    { "the newest snapshot is measured",
      test_the_newest_snapshot_is_measured },
    { "a stream is the tree at one instant",
      test_a_stream_is_the_tree_at_one_instant },
};

ZK_TEST_MAIN("database giving", tests)
