/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database as a whole: a leader's history in the place of the own one, and
 * what a role leaves behind.
 */
#include <config.h>

#include "server/zk_database_sync.h"

#include "test/lib/zk_test.h"
#include "test/lib/zk_test_child.h"
#include "test/persist/txn_script.h"
#include "test/unit/java_snapshot.h"
#include "util/crash_point.h"

#define EPOCH INT64_C(0x100000000)
#define TXNS 60

struct bench {
    char *dir;
    struct server_config *config;
    struct zk_database *db;
};

static void
must(int rv, const struct zk_errmsg *em)
{
    if (rv != ZK_OK) {
        fprintf(stderr, "%s: %s\n", zk_error_name(rv), em->text);
        exit(99);
    }
}

static void
open_db(struct bench *b)
{
    struct restore_result res = { 0 };
    struct zk_errmsg em = { "" };

    b->db = zk_database_create(&b->config->storage);
    must(zk_database_load(b->db, &res, &em), &em);
}

static void
bench_init(struct bench *b)
{
    struct zk_errmsg em = { "" };
    char path[600];
    FILE *f;

    b->dir = zk_test_mkdir();
    snprintf(path, sizeof path, "%s/zoo.cfg", b->dir);
    f = fopen(path, "w");
    zk_assert(f != NULL);
    fprintf(f, "dataDir=%s\nclientPort=2181\nforceSync=no\n", b->dir);
    fclose(f);
    must(server_config_read(path, system_properties_create(), &b->config,
                            &em),
         &em);
    b->config->storage.pre_alloc_kb = 64;
    open_db(b);
}

/* ... with the script that its history is to come from. */
static void
bench_begin(struct bench *b, struct txn_script *s)
{
    bench_init(b);
    txn_script_init(s);
    txn_script_epoch(s, 1);
}

static void
reopen(struct bench *b)
{
    zk_database_destroy(b->db);
    open_db(b);
}

static void
bench_fini(struct bench *b)
{
    zk_database_destroy(b->db);
    server_config_destroy(b->config);
    zk_test_rmdir(b->dir);
    free(b->dir);
}

static struct zk_slice
slice_of(const struct zk_buf *b)
{
    return zk_slice(b->data, (int32_t) b->len);
}

/* 'n' more txns of the script: durable, then applied.  'digests' (may be NULL)
 * gets that of the tree after each, by counter. */
static void
grow(struct bench *b, struct txn_script *s, int n, int64_t *digests)
{
    struct zk_buf txn = { 0 };
    struct zk_errmsg em = { "" };

    for (int i = 0; i < n; i++) {
        txn_script_next(s, &txn);
        must(zk_database_log(b->db, slice_of(&txn), true, &em), &em);
        must(zk_database_apply_one(b->db, slice_of(&txn), &em), &em);
        if (digests != NULL) {
            digests[s->zxid & 0xffff] = data_tree_digest(b->db->tree);
        }
    }
    zk_buf_fini(&txn);
}

static int64_t
last_of(const struct bench *b)
{
    return data_tree_last_zxid(b->db->tree);
}

static int64_t
digest_of(const struct bench *b)
{
    return data_tree_digest(b->db->tree);
}

/* ---- streams ----------------------------------------------------------- */

/* Gives out its bytes in small pieces, then fails. */
struct drip {
    const uint8_t *p;
    size_t left, step;
};

static int
drip_more(void *self, struct zk_buf *out, struct zk_errmsg *em)
{
    struct drip *d = self;
    size_t n = d->left < d->step ? d->left : d->step;

    if (n == 0) {
        return zk_fail(em, ZK_EIO, "the link is gone");
    }
    zk_buf_append(out, d->p, n);
    d->p += n;
    d->left -= n;
    return ZK_OK;
}

static int
take(struct bench *b, int64_t zxid, const void *p, size_t len, size_t step,
     struct zk_buf *rest)
{
    struct drip d = { p, len, step };
    const struct stream_reader from = { &d, drip_more };
    struct zk_errmsg em = { "" };
    int rv = zk_database_take_stream(b->db, zxid, rest, &from, &em);

    CU_ASSERT(rv == ZK_OK || em.text[0] != '\0');
    zk_buf_append(rest, d.p, d.left);
    return rv;
}

static int64_t
give(struct bench *b, struct zk_buf *out)
{
    struct zk_database_stream *s;
    int64_t zxid;

    s = zk_database_stream_begin(b->db, &zxid);
    zk_assert(s != NULL);
    while (zk_database_stream_next(s, out)) {
    }
    zk_database_stream_end(s);
    return zxid;
}

static void
test_what_one_gives_another_takes(void)
{
    static const size_t steps[] = { 1, 7, 1000, 1 << 30 };
    struct bench a, b;
    struct txn_script s;
    struct zk_buf stream = { 0 }, rest = { 0 };
    int64_t zxid;

    bench_init(&b);
    bench_begin(&a, &s);
    grow(&a, &s, 4 * TXNS, NULL);
    zxid = give(&a, &stream);
    CU_ASSERT_EQUAL(zxid, last_of(&a));
    zk_buf_append(&stream, "behind", 6);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(steps); i++) {
        /* Some of it may have been read along with the packet before. */
        zk_buf_clear(&rest);
        zk_buf_append(&rest, stream.data, 100);
        CU_ASSERT_EQUAL(take(&b, zxid, stream.data + 100, stream.len - 100,
                             steps[i], &rest), ZK_OK);
        CU_ASSERT_EQUAL(rest.len, 6);
        CU_ASSERT(rest.len == 6 && memcmp(rest.data, "behind", 6) == 0);
        CU_ASSERT_EQUAL(last_of(&b), zxid);
        CU_ASSERT_EQUAL(digest_of(&b), digest_of(&a));
        CU_ASSERT_EQUAL(data_tree_node_count(b.db->tree),
                        data_tree_node_count(a.db->tree));
        CU_ASSERT_EQUAL(data_tree_session_count(b.db->tree),
                        data_tree_session_count(a.db->tree));
        CU_ASSERT_EQUAL(committed_log_size(b.db->committed), 0);
    }
    zk_buf_fini(&stream);
    zk_buf_fini(&rest);
    txn_script_fini(&s);
    bench_fini(&a);
    bench_fini(&b);
}

static void
test_the_stream_of_java_is_taken(void)
{
    struct zk_buf stream = { 0 }, rest = { 0 };
    const struct data_node *node;
    struct bench b;

    bench_init(&b);
    java_snapshot_put(&stream);
    CU_ASSERT_EQUAL(take(&b, 7, stream.data, stream.len, 64, &rest), ZK_OK);
    CU_ASSERT_EQUAL(rest.len, 0);
    CU_ASSERT_EQUAL(last_of(&b), 7);
    CU_ASSERT_EQUAL(data_tree_session_timeout(b.db->tree, 0x300), 30000);
    node = data_tree_find(b.db->tree, ZK_SLICE_LIT("/e1"));
    CU_ASSERT(node != NULL && data_node_owner(node) == 0x300);
    CU_ASSERT_PTR_NOT_NULL(data_tree_find(b.db->tree, ZK_SLICE_LIT("/s1")));
    /* What it lacks is there as well. */
    CU_ASSERT_PTR_NOT_NULL(data_tree_find(b.db->tree,
                                          ZK_SLICE_LIT("/zookeeper/config")));
    zk_buf_fini(&stream);
    zk_buf_fini(&rest);
    bench_fini(&b);
}

/* Wherever the link breaks: the old history is back, since nothing of the new
 * one is on disk (ZOOKEEPER-3642). */
static void
test_a_stream_that_breaks_off_leaves_the_old_history(void)
{
    struct zk_buf stream = { 0 }, rest = { 0 };
    struct zk_errmsg em = { "" };
    struct txn_script s;
    struct bench b;
    int64_t digest;

    bench_begin(&b, &s);
    grow(&b, &s, 20, NULL);
    digest = digest_of(&b);
    java_snapshot_put(&stream);
    for (size_t len = 0; len <= stream.len; len++) {
        int rv;

        zk_buf_clear(&rest);
        rv = take(&b, EPOCH + 20, stream.data, len, 64, &rest);
        CU_ASSERT_EQUAL(rv, len < stream.len ? ZK_EIO : ZK_OK);
        CU_ASSERT(b.db->unsaved);
        CU_ASSERT_NOT_EQUAL(digest_of(&b), digest);
        /* Even at the very zxid of the old one. */
        must(zk_database_role_ended(b.db, &em), &em);
        CU_ASSERT(!b.db->unsaved);
        CU_ASSERT_EQUAL(last_of(&b), EPOCH + 20);
        CU_ASSERT_EQUAL(digest_of(&b), digest);
        CU_ASSERT_EQUAL(committed_log_size(b.db->committed), 20);
    }
    zk_buf_fini(&stream);
    zk_buf_fini(&rest);
    txn_script_fini(&s);
    bench_fini(&b);
}

/* Any byte of it may be wrong: an error or another tree, and no more. */
static void
test_a_stream_of_wrong_bytes_is_an_error(void)
{
    static const uint8_t wrong[] = { 0x01, 0x80, 0xff };
    struct zk_buf stream = { 0 }, rest = { 0 };
    unsigned refused = 0;
    struct bench b;

    bench_init(&b);
    java_snapshot_put(&stream);
    for (size_t i = 0; i < stream.len; i++) {
        for (size_t k = 0; k < ZK_ARRAY_SIZE(wrong); k++) {
            zk_buf_clear(&rest);
            stream.data[i] ^= wrong[k];
            refused += take(&b, 7, stream.data, stream.len, stream.len,
                            &rest)
                       != ZK_OK;
            stream.data[i] ^= wrong[k];
        }
    }
    CU_ASSERT(refused > 100);
    zk_buf_fini(&stream);
    zk_buf_fini(&rest);
    bench_fini(&b);
}

/* ---- a snapshot becomes the history ------------------------------------ */

/* An old history of TXNS txns with a snapshot late in it, and a shorter one
 * of the leader that is different from its first txn on. */
struct branches {
    struct bench b;
    struct txn_script mine, leaders;
    int64_t digests[TXNS + 1];
    struct zk_buf stream;
    int64_t zxid, digest;       /* Of the stream. */
};

static void
branches_init(struct branches *br)
{
    struct zk_errmsg em = { "" };
    struct bench leader;

    memset(br, 0, sizeof *br);
    bench_init(&br->b);
    txn_script_init(&br->mine);
    txn_script_epoch(&br->mine, 1);
    grow(&br->b, &br->mine, TXNS - 10, br->digests);
    must(zk_database_snapshot(br->b.db, &em), &em);
    grow(&br->b, &br->mine, 10, br->digests);
    bench_init(&leader);
    txn_script_init(&br->leaders);
    br->leaders.time += 12345;
    txn_script_epoch(&br->leaders, 1);
    grow(&leader, &br->leaders, TXNS / 2, NULL);
    br->zxid = give(&leader, &br->stream);
    br->digest = digest_of(&leader);
    zk_assert(br->digest != br->digests[TXNS / 2]);
    bench_fini(&leader);
}

static void
branches_fini(struct branches *br)
{
    txn_script_fini(&br->mine);
    txn_script_fini(&br->leaders);
    zk_buf_fini(&br->stream);
    bench_fini(&br->b);
}

static int
take_and_save(struct branches *br)
{
    struct zk_buf rest = { 0 };
    struct zk_errmsg em = { "" };
    int rv = take(&br->b, br->zxid, br->stream.data, br->stream.len, 4096,
                  &rest);

    zk_buf_fini(&rest);
    return rv != ZK_OK ? rv : zk_database_save_taken(br->b.db, &em);
}

/* Neither the longer log nor the newer snapshot comes back
 * (ZOOKEEPER-2832). */
static void
test_a_saved_snapshot_is_the_whole_history(void)
{
    struct zk_errmsg em = { "" };
    struct branches br;
    int64_t digest;

    branches_init(&br);
    CU_ASSERT_EQUAL(take_and_save(&br), ZK_OK);
    CU_ASSERT(!br.b.db->unsaved);
    CU_ASSERT_EQUAL(br.b.db->continuous_from, br.zxid);
    CU_ASSERT_EQUAL(
        file_txn_log_last_synced(file_txn_snap_log_log(br.b.db->files)),
        br.zxid);
    must(zk_database_role_ended(br.b.db, &em), &em);
    CU_ASSERT_EQUAL(digest_of(&br.b), br.digest);
    grow(&br.b, &br.leaders, 5, NULL);
    digest = digest_of(&br.b);
    CU_ASSERT_EQUAL(digest, data_tree_digest(br.leaders.tree));
    reopen(&br.b);
    CU_ASSERT_EQUAL(last_of(&br.b), br.zxid + 5);
    CU_ASSERT_EQUAL(digest_of(&br.b), digest);
    branches_fini(&br);
}

#ifdef ZK_CRASH_POINTS
static void
crash_in_save(void *arg)
{
    struct branches *br = arg;

    crash_point_arm();
    (void) take_and_save(br);
}

/* The old history or a beginning of it, or the new one: nothing between. */
static void
check_after_crash(struct branches *br, const char *point, bool *is_new)
{
    int64_t zxid;

    reopen(&br->b);
    zxid = last_of(&br->b);
    *is_new = zxid == br->zxid && digest_of(&br->b) == br->digest;
    if (!*is_new && digest_of(&br->b) != br->digests[zxid & 0xffff]) {
        fprintf(stderr, "%s: 0x%lx is of no history\n", point, (long) zxid);
        CU_FAIL("a mixture of two histories");
    }
    /* And the leader's snapshot can be taken again. */
    CU_ASSERT_EQUAL(take_and_save(br), ZK_OK);
    reopen(&br->b);
    CU_ASSERT_EQUAL(last_of(&br->b), br->zxid);
    CU_ASSERT_EQUAL(digest_of(&br->b), br->digest);
}

static void
test_a_crash_while_it_is_saved_mixes_no_histories(void)
{
    static const struct {
        const char *point;
        bool is_new;
    } points[] = {
        { "replace_log_cut", false },
        { "snap_created", false },
        { "snap_half", false },
        { "snap_written", false },
        { "snap_synced", false },
        /* A newer snapshot of the old history is still there. */
        { "snap_renamed", false },
        { "replace_saved", false },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(points); i++) {
        struct zk_test_child child;
        struct branches br;
        bool is_new;

        branches_init(&br);
        setenv("ZKD_CRASH_POINT", points[i].point, 1);
        zk_test_child_run(&child, crash_in_save, &br);
        unsetenv("ZKD_CRASH_POINT");
        CU_ASSERT(zk_test_child_killed_by(&child, SIGKILL));
        check_after_crash(&br, points[i].point, &is_new);
        CU_ASSERT_EQUAL(is_new, points[i].is_new);
        branches_fini(&br);
    }
}
#endif

/* ---- going back -------------------------------------------------------- */

/* The snapshot behind the place goes too (ZOOKEEPER-4837). */
static void
test_truncate_goes_back_on_disk_and_in_the_tree(void)
{
    struct zk_errmsg em = { "" };
    int64_t digests[TXNS + 1];
    struct txn_script s;
    struct bench b;

    bench_begin(&b, &s);
    grow(&b, &s, TXNS - 10, digests);
    must(zk_database_snapshot(b.db, &em), &em);
    grow(&b, &s, 10, digests);
    must(zk_database_truncate(b.db, EPOCH + 20, &em), &em);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + 20);
    CU_ASSERT_EQUAL(digest_of(&b), digests[20]);
    CU_ASSERT_EQUAL(committed_log_size(b.db->committed), 20);
    must(zk_database_role_ended(b.db, &em), &em);
    reopen(&b);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + 20);
    CU_ASSERT_EQUAL(digest_of(&b), digests[20]);
    txn_script_fini(&s);
    bench_fini(&b);
}

static void
test_truncate_to_what_is_not_there_changes_nothing(void)
{
    struct zk_errmsg em = { "" };
    struct txn_script s;
    struct bench b;
    int64_t digest;

    bench_begin(&b, &s);
    grow(&b, &s, TXNS, NULL);
    digest = digest_of(&b);
    CU_ASSERT_EQUAL(zk_database_truncate(b.db, EPOCH, &em), ZK_ENOTFOUND);
    CU_ASSERT(em.text[0] != '\0');
    CU_ASSERT_EQUAL(digest_of(&b), digest);
    must(zk_database_role_ended(b.db, &em), &em);
    reopen(&b);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + TXNS);
    CU_ASSERT_EQUAL(digest_of(&b), digest);
    txn_script_fini(&s);
    bench_fini(&b);
}

/* ---- between roles ----------------------------------------------------- */

/* Whichever of the two is ahead: the disk is right (ZOOKEEPER-2845). */
static void
test_tree_and_log_agree_after_a_role(void)
{
    struct zk_buf txn = { 0 };
    struct zk_errmsg em = { "" };
    struct txn_script s;
    struct bench b;
    int64_t digest;

    bench_begin(&b, &s);
    grow(&b, &s, 10, NULL);
    /* Logged, not even synced, not applied. */
    txn_script_next(&s, &txn);
    must(zk_database_log(b.db, slice_of(&txn), false, &em), &em);
    must(zk_database_role_ended(b.db, &em), &em);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + 11);
    digest = digest_of(&b);
    CU_ASSERT_EQUAL(digest, data_tree_digest(s.tree));
    /* Applied, not logged. */
    txn_script_next(&s, &txn);
    must(zk_database_apply_one(b.db, slice_of(&txn), &em), &em);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + 12);
    must(zk_database_role_ended(b.db, &em), &em);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + 11);
    CU_ASSERT_EQUAL(digest_of(&b), digest);
    zk_buf_fini(&txn);
    txn_script_fini(&s);
    bench_fini(&b);
}

/* The ordinary end of a role costs nothing, however large the tree is. */
static void
test_a_tree_that_agrees_stays(void)
{
    struct zk_errmsg em = { "" };
    const struct data_tree *tree;
    struct txn_script s;
    struct bench b;

    bench_begin(&b, &s);
    grow(&b, &s, 10, NULL);
    tree = b.db->tree;
    must(zk_database_role_ended(b.db, &em), &em);
    CU_ASSERT_PTR_EQUAL(b.db->tree, tree);
    /* A leader's, before its first txn. */
    data_tree_set_last_zxid(b.db->tree, 2 * EPOCH);
    must(zk_database_role_ended(b.db, &em), &em);
    CU_ASSERT_PTR_EQUAL(b.db->tree, tree);
    CU_ASSERT_EQUAL(last_of(&b), 2 * EPOCH);
    txn_script_fini(&s);
    bench_fini(&b);
}

static void
test_a_txn_is_applied_once_and_in_order(void)
{
    struct zk_buf first = { 0 }, second = { 0 }, third = { 0 };
    struct zk_errmsg em = { "" };
    struct txn_script s;
    struct bench b;

    bench_begin(&b, &s);
    txn_script_next(&s, &first);
    txn_script_next(&s, &second);
    txn_script_next(&s, &third);
    must(zk_database_apply_one(b.db, slice_of(&first), &em), &em);
    must(zk_database_apply_one(b.db, slice_of(&first), &em), &em);
    CU_ASSERT_EQUAL(committed_log_size(b.db->committed), 1);
    CU_ASSERT_EQUAL(zk_database_apply_one(b.db, slice_of(&third), &em),
                    ZK_ECORRUPT);
    CU_ASSERT_EQUAL(last_of(&b), EPOCH + 1);
    must(zk_database_apply_one(b.db, slice_of(&second), &em), &em);
    must(zk_database_apply_one(b.db, slice_of(&third), &em), &em);
    CU_ASSERT_EQUAL(digest_of(&b), data_tree_digest(s.tree));
    CU_ASSERT_EQUAL(zk_database_apply_one(b.db, zk_slice("abc", 3), &em),
                    ZK_EMARSHAL);
    zk_buf_fini(&first);
    zk_buf_fini(&second);
    zk_buf_fini(&third);
    txn_script_fini(&s);
    bench_fini(&b);
}

static const struct zk_test tests[] = {
    { "what one server gives, another takes",
      test_what_one_gives_another_takes },
    { "the stream of Java is taken", test_the_stream_of_java_is_taken },
    { "a stream that breaks off leaves the old history",
      test_a_stream_that_breaks_off_leaves_the_old_history },
    { "a stream of wrong bytes is an error",
      test_a_stream_of_wrong_bytes_is_an_error },
    { "a saved snapshot is the whole history",
      test_a_saved_snapshot_is_the_whole_history },
#ifdef ZK_CRASH_POINTS
    { "a crash while it is saved mixes no histories",
      test_a_crash_while_it_is_saved_mixes_no_histories },
#endif
    { "TRUNC goes back on disk and in the tree",
      test_truncate_goes_back_on_disk_and_in_the_tree },
    { "TRUNC to what is not there changes nothing",
      test_truncate_to_what_is_not_there_changes_nothing },
    { "tree and log agree after a role",
      test_tree_and_log_agree_after_a_role },
    { "a tree that agrees stays", test_a_tree_that_agrees_stays },
    { "a txn is applied once, and in order",
      test_a_txn_is_applied_once_and_in_order },
};

ZK_TEST_MAIN("database_sync", tests)
