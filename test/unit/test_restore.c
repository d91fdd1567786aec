/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * Folders made by hand.  What the Java servers 3.8.0 and 3.9 do with each
 * was tried; where this server does otherwise the test says so.
 */
#include <config.h>

#include "persistence/file_txn_snap_log.h"

#include <sys/stat.h>

#include "persistence/file_list.h"
#include "persistence/log_file.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "test/persist/txn_script.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

static char *dir;
static char *v2;
static struct txn_script script;
static struct restore_result res;
static struct zk_errmsg em;
static int64_t digests[64];     /* Of the script, by zxid. */
static bool trust_empty;
static bool no_autocreate;

static char *
path_of(const char *name)
{
    return zk_xasprintf("%s/%s", v2, name);
}

static bool
exists(const char *name)
{
    char *path = path_of(name);
    bool yes = access(path, F_OK) == 0;

    free(path);
    return yes;
}

static void
put(const char *name, const void *p, size_t len)
{
    zk_test_put_file(v2, name, p, len);
}

static void
change(const char *name, long at, int byte)
{
    char *path = path_of(name);
    FILE *f = fopen(path, "r+");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    fputc(byte, f);
    fclose(f);
    free(path);
}

static void
shorten(const char *name, long by)
{
    char *path = path_of(name);
    struct stat st;

    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(truncate(path, st.st_size - by), 0);
    free(path);
}

static void
next(struct zk_buf *b)
{
    txn_script_next(&script, b);
    digests[script.zxid & 63] = data_tree_digest(script.tree);
}

/* A log file of the script's next 'n' transactions, under the name of the
 * first. */
static void
write_log(int n)
{
    struct zk_buf out = { 0 };
    struct zk_buf b = { 0 };
    char name[64];

    snprintf(name, sizeof name, "log.%llx",
             (unsigned long long) script.zxid + 1);
    log_header_encode(&out);
    for (int i = 0; i < n; i++) {
        next(&b);
        log_record_encode(&out, b.data, b.len);
    }
    put(name, out.data, out.len);
    zk_buf_fini(&out);
    zk_buf_fini(&b);
}

/* A folder with the script at zxid 0. */
static void
start(void)
{
    dir = zk_test_mkdir();
    v2 = zk_xasprintf("%s/version-2", dir);
    CU_ASSERT_EQUAL(mkdir(v2, 0755), 0);
    txn_script_init(&script);
    trust_empty = false;
    no_autocreate = false;
}

static void
skip(int n)
{
    struct zk_buf b = { 0 };

    for (int i = 0; i < n; i++) {
        next(&b);
    }
    zk_buf_fini(&b);
}

/* snapshot.5; what follows is up to the test. */
static void
start_at_5(void)
{
    start();
    skip(5);
    txn_script_snapshot(script.tree, v2, SNAP_PLAIN);
}

static void
finish(void)
{
    txn_script_fini(&script);
    zk_test_rmdir(dir);
    free(dir);
    free(v2);
}

static int64_t seen_first, seen_last;

static void
see(void *arg, const struct txn_view *txn, struct zk_slice bytes)
{
    CU_ASSERT(bytes.len > TXN_HEADER_LEN);
    if (seen_first == 0) {
        seen_first = txn->zxid;
    }
    seen_last = txn->zxid;
    CU_ASSERT_EQUAL(data_tree_last_zxid(arg), txn->zxid);
}

static int
restore_with(struct file_txn_snap_log **keep, struct data_tree **keep_tree)
{
    struct file_txn_snap_log_options opts = txn_script_options(dir);
    struct data_tree_options topts = {
        .digest_enabled = true, .extended_types_enabled = true,
    };
    struct data_tree *tree = data_tree_create(&topts);
    struct file_txn_snap_log *fl;
    int rv;

    em.text[0] = '\0';
    seen_first = seen_last = 0;
    opts.trust_empty_snapshot = trust_empty;
    opts.autocreate_db = !no_autocreate;
    CU_ASSERT_EQUAL_FATAL(file_txn_snap_log_open(&opts, &fl, &em), ZK_OK);
    rv = file_txn_snap_log_restore(fl, tree, see, tree, &res, &em);
    if (rv == ZK_OK && res.last_zxid > 0 && res.last_zxid < 64) {
        CU_ASSERT_EQUAL(data_tree_digest(tree),
                        digests[res.last_zxid & 63]);
        CU_ASSERT_EQUAL(file_txn_log_last_synced(file_txn_snap_log_log(fl)),
                        res.last_zxid);
    }
    if (keep != NULL) {
        *keep = fl;
        *keep_tree = tree;
        return rv;
    }
    file_txn_snap_log_close(fl);
    data_tree_destroy(tree);
    return rv;
}

static void
expect_zxid(int64_t zxid)
{
    int rv = restore_with(NULL, NULL);

    CU_ASSERT_EQUAL(rv, ZK_OK);
    CU_ASSERT_EQUAL(res.last_zxid, zxid);
    CU_ASSERT_EQUAL(res.digest_mismatches, 0);
    if (rv != ZK_OK || res.last_zxid != zxid) {
        fprintf(stderr, "last zxid %llx, %s%s\n",
                (unsigned long long) res.last_zxid, em.text, res.note);
    }
}

static void
expect_refused(const char *why)
{
    int rv = restore_with(NULL, NULL);

    CU_ASSERT_EQUAL(rv, ZK_ECORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, why));
    if (strstr(em.text, why) == NULL) {
        fprintf(stderr, "not \"%s\": %s\n", why, em.text);
    }
}

/* ---- an empty folder -------------------------------------------------- */

static void
test_new_database(void)
{
    start();
    expect_zxid(0);
    CU_ASSERT(res.empty);
    CU_ASSERT_EQUAL(res.snapshot_zxid, -1);
    CU_ASSERT(exists("snapshot.0"));
    expect_zxid(0);
    CU_ASSERT_FALSE(res.empty);
    CU_ASSERT_EQUAL(res.snapshot_zxid, 0);
    finish();
}

static void
test_no_autocreate(void)
{
    start();
    no_autocreate = true;
    expect_zxid(-1);
    CU_ASSERT(res.empty);
    CU_ASSERT_FALSE(exists("snapshot.0"));
    /* The file that zkServer-initialize.sh leaves; used up by the start. */
    put("../initialize", "", 0);
    expect_zxid(0);
    CU_ASSERT(exists("snapshot.0"));
    CU_ASSERT_FALSE(exists("../initialize"));
    finish();
}

static void
test_log_without_snapshot(void)
{
    start();
    write_log(3);
    expect_refused("trust.empty");
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "log.1"));
    trust_empty = true;
    expect_zxid(3);
    CU_ASSERT_EQUAL(res.txns, 3);
    finish();

    /* Bytes that crash leaves are no better than a log: something was
     * there. */
    start();
    put("log.1", "", 0);
    expect_refused("trust.empty");
    finish();
}

/* ---- snapshots -------------------------------------------------------- */

static void
test_snapshot_and_log(void)
{
    start_at_5();
    expect_zxid(5);
    CU_ASSERT_EQUAL(res.txns, 0);
    write_log(2);
    expect_zxid(7);
    CU_ASSERT_EQUAL(res.snapshot_zxid, 5);
    CU_ASSERT_EQUAL(res.txns, 2);
    CU_ASSERT_EQUAL(seen_first, 6);
    CU_ASSERT_EQUAL(seen_last, 7);
    CU_ASSERT_STRING_EQUAL(res.note, "");
    finish();
}

static void
test_older_records_are_skipped(void)
{
    start();
    write_log(5);
    txn_script_snapshot(script.tree, v2, SNAP_PLAIN);
    expect_zxid(5);
    CU_ASSERT_EQUAL(res.txns, 0);
    write_log(2);
    expect_zxid(7);
    CU_ASSERT_EQUAL(res.txns, 2);
    finish();
}

static void
test_damaged_newest_snapshot(void)
{
    start_at_5();
    write_log(4);
    txn_script_snapshot(script.tree, v2, SNAP_PLAIN);
    expect_zxid(9);
    CU_ASSERT_EQUAL(res.snapshot_zxid, 9);
    change("snapshot.9", 100, '!');
    expect_zxid(9);
    CU_ASSERT_EQUAL(res.snapshot_zxid, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(res.note, "snapshot.9"));
    shorten("snapshot.9", 3);
    expect_zxid(9);
    CU_ASSERT_EQUAL(res.snapshot_zxid, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(res.note, "snapshot.9"));
    put("snapshot.9", "", 0);
    expect_zxid(9);
    /* None left: never an empty tree. */
    change("snapshot.5", 100, '!');
    expect_refused("none of the 2 snapshots");
    finish();
}

static void
test_no_whole_snapshot(void)
{
    start_at_5();
    write_log(2);
    shorten("snapshot.5", 5);
    /* 3.4.7 starts empty here and loses data. */
    expect_refused("none of the 1 snapshots");
    trust_empty = true;
    expect_refused("none of the 1 snapshots");
    finish();
}

/* ---- logs ------------------------------------------------------------- */

static void
test_torn_end(void)
{
    start_at_5();
    write_log(2);
    shorten("log.6", 3);
    expect_zxid(6);
    CU_ASSERT_PTR_NOT_NULL(strstr(res.note, "log.6"));
    /* The server then wrote 7 anew, into a file of its own. */
    txn_script_fini(&script);
    txn_script_init(&script);
    skip(6);
    write_log(2);
    expect_zxid(8);
    CU_ASSERT_PTR_NOT_NULL(strstr(res.note, "log.6"));
    finish();
}

static void
test_torn_middle(void)
{
    start_at_5();
    write_log(3);
    write_log(2);
    shorten("log.6", 3);
    /* 3.8.0 starts and 8 is missing; 3.9.4 refuses as we do. */
    expect_refused("missing");
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "log.9"));
    finish();
}

static void
test_damaged_record(void)
{
    start_at_5();
    write_log(3);
    change("log.6", 16 + 12 + 40, '!');
    expect_refused("damaged at offset 16");
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "log.6"));
    finish();

    /* The end byte of the first of three: Java stops there without a word,
     * here what follows shows that it was no crash. */
    start_at_5();
    write_log(1);
    shorten("log.6", 1);
    expect_zxid(5);
    finish();
    start_at_5();
    write_log(3);
    change("log.6", -1, 'x');
    expect_refused("no end byte");
    finish();
}

static void
test_gap_behind_snapshot(void)
{
    start_at_5();
    skip(1);
    write_log(2);
    expect_refused("does not continue snapshot.5");
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "0x7"));
    finish();

    /* A new epoch begins at 1, whatever came before. */
    start_at_5();
    txn_script_epoch(&script, 2);
    write_log(2);
    expect_zxid(0x200000002);
    finish();
}

static void
test_short_last_file(void)
{
    start_at_5();
    write_log(2);
    put("log.8", "ZKLG", 4);
    expect_zxid(7);
    CU_ASSERT_PTR_NOT_NULL(strstr(res.note, "log.8"));
    /* Java would not start on it. */
    CU_ASSERT_FALSE(exists("log.8"));
    put("log.8", "ZKLH\0\0\0\2\0\0\0\0\0\0\0\0", 16);
    expect_refused("log.8");
    finish();
}

static void
test_not_a_txn(void)
{
    struct zk_buf out = { 0 };
    struct zk_buf b = { 0 };

    start_at_5();
    log_header_encode(&out);
    txn_encode_header(&b, 1, 1, 6, 1, OP_CREATE);
    zk_buf_append(&b, "\0\0\0\x63/a", 6);
    log_record_encode(&out, b.data, b.len);
    put("log.6", out.data, out.len);
    expect_refused("offset 16 is not a transaction");
    zk_buf_fini(&out);
    zk_buf_fini(&b);
    finish();
}

static void
test_wrong_digest(void)
{
    struct zk_buf out = { 0 };
    struct zk_buf b = { 0 };

    start_at_5();
    log_header_encode(&out);
    next(&b);
    b.data[b.len - 1] ^= 1;
    log_record_encode(&out, b.data, b.len);
    put("log.6", out.data, out.len);
    CU_ASSERT_EQUAL(restore_with(NULL, NULL), ZK_OK);
    CU_ASSERT_EQUAL(res.last_zxid, 6);
    CU_ASSERT_EQUAL(res.digest_mismatches, 1);
    zk_buf_fini(&out);
    zk_buf_fini(&b);
    finish();
}

/* ---- going on, and going back ----------------------------------------- */

static void
test_restore_append_restore(void)
{
    struct file_txn_snap_log *fl;
    struct data_tree *tree;
    struct zk_buf b = { 0 };

    start_at_5();
    for (int round = 0; round < 6; round++) {
        CU_ASSERT_EQUAL(restore_with(&fl, &tree), ZK_OK);
        CU_ASSERT_EQUAL(res.last_zxid, script.zxid);
        for (int i = 0; i < 4; i++) {
            next(&b);
            CU_ASSERT_EQUAL(
                file_txn_log_append(file_txn_snap_log_log(fl), script.zxid,
                                    b.data, b.len, &em), ZK_OK);
        }
        CU_ASSERT_EQUAL(file_txn_log_commit(file_txn_snap_log_log(fl), &em),
                        ZK_OK);
        if (round == 3) {
            txn_script_snapshot(script.tree, v2, SNAP_GZ);
        }
        file_txn_snap_log_close(fl);
        data_tree_destroy(tree);
    }
    expect_zxid(29);
    CU_ASSERT_EQUAL(res.snapshot_zxid, 21);
    zk_buf_fini(&b);
    finish();
}

static void
test_truncate(void)
{
    struct file_txn_snap_log *fl;
    struct data_tree *tree;

    start_at_5();
    write_log(4);
    txn_script_snapshot(script.tree, v2, SNAP_PLAIN);
    write_log(4);
    CU_ASSERT_EQUAL(restore_with(&fl, &tree), ZK_OK);
    CU_ASSERT_EQUAL(res.last_zxid, 13);
    CU_ASSERT_EQUAL(file_txn_snap_log_truncate(fl, 4, &em), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(file_txn_snap_log_truncate(fl, 14, &em), ZK_ENOTFOUND);
    CU_ASSERT(exists("snapshot.9"));
    CU_ASSERT_EQUAL(file_txn_snap_log_truncate(fl, 11, &em), ZK_OK);
    CU_ASSERT(exists("snapshot.9"));
    /* A snapshot above it holds what is to be undone: ZOOKEEPER-4837. */
    CU_ASSERT_EQUAL(file_txn_snap_log_truncate(fl, 7, &em), ZK_OK);
    CU_ASSERT_FALSE(exists("snapshot.9"));
    CU_ASSERT_FALSE(exists("log.a"));
    CU_ASSERT_EQUAL(file_txn_log_last_synced(file_txn_snap_log_log(fl)), 7);
    file_txn_snap_log_close(fl);
    data_tree_destroy(tree);
    expect_zxid(7);
    finish();

    /* The zxid of the snapshot itself, of which the log has no record. */
    start_at_5();
    write_log(4);
    CU_ASSERT_EQUAL(restore_with(&fl, &tree), ZK_OK);
    CU_ASSERT_EQUAL(file_txn_snap_log_truncate(fl, 5, &em), ZK_OK);
    file_txn_snap_log_close(fl);
    data_tree_destroy(tree);
    CU_ASSERT_FALSE(exists("log.6"));
    expect_zxid(5);
    finish();
}

/* ---- opening ---------------------------------------------------------- */

static int
open_two(const char *log_dir, const char *data_dir, bool autocreate)
{
    struct file_txn_snap_log_options opts = txn_script_options(data_dir);
    struct file_txn_snap_log *fl;
    int rv;

    opts.data_log_dir = log_dir;
    opts.autocreate_dirs = autocreate;
    rv = file_txn_snap_log_open(&opts, &fl, &em);
    if (rv == ZK_OK) {
        file_txn_snap_log_close(fl);
    }
    return rv;
}

static void
test_open(void)
{
    struct file_txn_snap_log *fl;
    struct data_tree *tree;
    char *a;
    char *b;

    start();
    a = zk_xasprintf("%s/a", dir);
    b = zk_xasprintf("%s/b/c", dir);
    CU_ASSERT_EQUAL(open_two(a, b, false), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, a));
    CU_ASSERT_EQUAL(open_two(a, b, true), ZK_OK);
    CU_ASSERT_EQUAL(open_two(a, b, false), ZK_OK);
    put("../a/version-2/snapshot.5", "x", 1);
    CU_ASSERT_EQUAL(open_two(a, b, true), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "has snapshot files"));
    CU_ASSERT_EQUAL(open_two(a, a, true), ZK_OK);
    CU_ASSERT_EQUAL(open_two(b, a, true), ZK_OK);
    put("../a/version-2/log.5", "x", 1);
    CU_ASSERT_EQUAL(open_two(b, a, true), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "has log files"));

    /* Left-overs go, but an epoch's temporary copy may be needed. */
    put("snapshot.7.tmp", "x", 1);
    put("snapshot.7.gz.tmp", "x", 1);
    put("tmp.log.8", "x", 1);
    put("currentEpoch.tmp", "1", 1);
    CU_ASSERT_EQUAL(restore_with(&fl, &tree), ZK_OK);
    CU_ASSERT_FALSE(exists("snapshot.7.tmp"));
    CU_ASSERT_FALSE(exists("snapshot.7.gz.tmp"));
    CU_ASSERT_FALSE(exists("tmp.log.8"));
    CU_ASSERT(exists("currentEpoch.tmp"));
    /* Two servers in one folder. */
    CU_ASSERT_EQUAL(open_two(dir, dir, true), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "in use"));
    file_txn_snap_log_close(fl);
    data_tree_destroy(tree);
    CU_ASSERT_EQUAL(open_two(dir, dir, true), ZK_OK);
    free(a);
    free(b);
    finish();
}

static const struct zk_test tests[] = {
    { "an empty folder is a new database", test_new_database },
    { "unless it must not be", test_no_autocreate },
    { "logs without a snapshot", test_log_without_snapshot },
    { "snapshot and log", test_snapshot_and_log },
    { "records up to the snapshot's zxid are skipped",
      test_older_records_are_skipped },
    { "a damaged snapshot gives way to an older one",
      test_damaged_newest_snapshot },
    { "no whole snapshot", test_no_whole_snapshot },
    { "a torn last record", test_torn_end },
    { "a torn record in the middle is a gap", test_torn_middle },
    { "damage that no crash explains", test_damaged_record },
    { "a log that does not continue the snapshot",
      test_gap_behind_snapshot },
    { "a last file shorter than a header", test_short_last_file },
    { "a record that is no transaction", test_not_a_txn },
    { "a wrong digest is counted, not fatal", test_wrong_digest },
    { "restart after restart", test_restore_append_restore },
    { "truncation takes newer snapshots along", test_truncate },
    { "the folders are checked when opened", test_open },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("restore", tests, ZK_ARRAY_SIZE(tests));
}
