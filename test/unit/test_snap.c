/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_snap.h"

#include <sys/stat.h>
#include <zlib.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "test/persist/txn_script.h"
#include "tree/data_tree_snapshot.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

#define MAX_BUFFER 2000000

static char *dir;
static struct txn_script script;

static struct data_tree *
new_tree(void)
{
    struct data_tree_options opts = {
        .digest_enabled = true, .extended_types_enabled = true,
    };

    return data_tree_create(&opts);
}

/* A folder, and a tree with so many transactions behind it. */
static void
start(int txns)
{
    struct zk_buf b = { 0 };

    dir = zk_test_mkdir();
    txn_script_init(&script);
    for (int i = 0; i < txns; i++) {
        txn_script_next(&script, &b);
    }
    zk_buf_fini(&b);
}

static void
finish(void)
{
    txn_script_fini(&script);
    zk_test_rmdir(dir);
    free(dir);
}

static bool
pull(void *self, struct zk_buf *out)
{
    return data_tree_snapshot_next(self, out, 1000);
}

/* Writes the script's tree and returns the file's path. */
static char *
write_snap(enum snap_compression comp, bool has_digest)
{
    struct data_tree_snapshot *snap = data_tree_snapshot_begin(script.tree);
    struct snap_source src = {
        .self = snap, .pull = pull, .has_digest = has_digest,
        .zxid = data_tree_snapshot_zxid(snap),
        .digest = data_tree_snapshot_digest(snap),
    };
    struct zk_errmsg em;
    char *path = NULL;

    CU_ASSERT_EQUAL_FATAL(file_snap_write(dir, &src, comp, &path, &em),
                          ZK_OK);
    data_tree_snapshot_end(snap);
    return path;
}

static int
load(const char *path, int64_t *digest, struct file_snap_info *info)
{
    struct data_tree *tree = new_tree();
    struct zk_errmsg em = { "" };
    int rv;

    rv = file_snap_load(path, script.zxid, MAX_BUFFER, tree, info, &em);
    if (rv == ZK_OK) {
        *digest = data_tree_digest(tree);
        CU_ASSERT_EQUAL(data_tree_node_count(tree),
                        data_tree_node_count(script.tree));
        CU_ASSERT_EQUAL(data_tree_session_count(tree),
                        data_tree_session_count(script.tree));
        CU_ASSERT_EQUAL(data_tree_last_zxid(tree), script.zxid);
    } else if (strstr(em.text, path) == NULL) {
        fprintf(stderr, "%s\n", em.text);
        CU_FAIL("a refusal that does not name the file");
    }
    data_tree_destroy(tree);
    return rv;
}

static void
expect_loads(const char *path)
{
    int64_t digest = 0;

    CU_ASSERT_EQUAL(load(path, &digest, NULL), ZK_OK);
    CU_ASSERT_EQUAL(digest, data_tree_digest(script.tree));
}

static void
put(const char *path, const void *p, size_t len)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(p, 1, len, f), len);
    fclose(f);
}

static void
get(const char *path, struct zk_buf *b)
{
    struct zk_errmsg em;

    zk_buf_clear(b);
    CU_ASSERT_EQUAL_FATAL(zk_read_file(path, 1 << 30, b, &em), ZK_OK);
}

static void
test_round_trips(void)
{
    static const enum snap_compression methods[] = {
        SNAP_PLAIN, SNAP_GZ, SNAP_SNAPPY,
    };
    static const char *const suffix[] = { "", ".gz", ".snappy" };

    start(400);
    for (size_t i = 0; i < 3; i++) {
        /* Without the digest the reader has to add up what it read. */
        char *path = write_snap(methods[i], false);
        char *name = zk_xasprintf("%s/snapshot.190%s", dir, suffix[i]);

        CU_ASSERT_STRING_EQUAL(path, name);
        CU_ASSERT(file_snap_looks_valid(path));
        expect_loads(path);
        free(path);
        path = write_snap(methods[i], true);
        expect_loads(path);
        free(path);
        free(name);
    }
    finish();
}

static void
add_node(const char *path, size_t len)
{
    char *data = zk_xmalloc(len + 1);
    struct zk_buf b = { 0 };
    struct txn_view txn;

    for (size_t i = 0; i < len; i++) {
        data[i] = (char) (i * 31 + i / 251);
    }
    script.zxid++;
    txn_encode_header(&b, 1, 1, script.zxid, 1, OP_CREATE);
    txn_encode_create(&b, zk_slice_str(path), zk_slice(data, (int32_t) len),
                      acl_raw_open, false, -1);
    CU_ASSERT_EQUAL_FATAL(txn_view_decode(&txn, b.data, b.len, MAX_BUFFER,
                                          NULL), ZK_OK);
    data_tree_apply(script.tree, &txn, NULL);
    zk_buf_fini(&b);
    free(data);
}

/* Records on all sides of the reader's chunks (1 MiB) and of what it copies
 * from one to the next (64 kB). */
static void
test_large_records(void)
{
    static const size_t sizes[] = {
        0, 1, 60000, 70000, 65536 - 90, 1 << 20, (1 << 20) - 100, 1500000,
        1999999, 3, 500000, 500000, 500000, 1999999, 1999999, 17,
    };
    char name[64];

    start(100);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(sizes); i++) {
        snprintf(name, sizeof name, "/p/size%zu", i);
        add_node(name, sizes[i]);
    }
    for (int i = 0; i < 30000; i++) {
        snprintf(name, sizeof name, "/p/small%d", i);
        add_node(name, (size_t) (i % 200));
    }
    for (int i = 0; i < 3; i++) {
        char *path = write_snap((enum snap_compression) i, i != 1);

        expect_loads(path);
        free(path);
    }
    finish();
}

/* ---- forms of other versions ------------------------------------------ */

static void
seal(struct zk_buf *b)
{
    uLong a = adler32_z(adler32_z(0, NULL, 0), b->data, b->len);

    output_archive_long(b, (int64_t) a);
    output_archive_slice(b, ZK_SLICE_LIT("/"));
}

enum {
    DIGEST = 1, ZXID = 2, OLD_DIGEST = 4, LATER_DIGEST = 8, JUNK = 16,
};

/* Appends the sections to a file that ends behind seal 1. */
static int
load_with(const struct zk_buf *base, int sections, int64_t *digest,
          struct file_snap_info *info)
{
    char *path = zk_xasprintf("%s/snapshot.1", dir);
    struct zk_buf b = { 0 };
    int rv;

    zk_buf_append(&b, base->data, base->len);
    if (sections & (DIGEST | LATER_DIGEST)) {
        output_archive_long(&b, script.zxid
                            + (sections & LATER_DIGEST ? 5 : 0));
        output_archive_int(&b, 2);
        output_archive_long(&b, data_tree_digest(script.tree)
                            + (sections & LATER_DIGEST ? 5 : 0));
        seal(&b);
    }
    if (sections & OLD_DIGEST) {
        output_archive_long(&b, script.zxid);
        output_archive_int(&b, 1);
        output_archive_slice(&b, ZK_SLICE_LIT("1a2b3c"));
        seal(&b);
    }
    if (sections & ZXID) {
        output_archive_long(&b, script.zxid);
        seal(&b);
    }
    if (sections & JUNK) {
        zk_buf_append(&b, "junk\0\0\0\1/", 9);
    }
    put(path, b.data, b.len);
    rv = load(path, digest, info);
    zk_buf_fini(&b);
    free(path);
    return rv;
}

/* With the digest 12345 of zxid script.zxid. */
static int
load_raw(const struct zk_buf *base, int64_t *digest,
         struct file_snap_info *info)
{
    char *path = zk_xasprintf("%s/snapshot.1", dir);
    struct zk_buf b = { 0 };
    int rv;

    zk_buf_append(&b, base->data, base->len);
    output_archive_long(&b, script.zxid);
    output_archive_int(&b, 2);
    output_archive_long(&b, 12345);
    seal(&b);
    put(path, b.data, b.len);
    rv = load(path, digest, info);
    zk_buf_fini(&b);
    free(path);
    return rv;
}

static void
test_forms(void)
{
    static const int good[] = {
        0, DIGEST, ZXID, DIGEST | ZXID, OLD_DIGEST, OLD_DIGEST | ZXID,
        LATER_DIGEST, LATER_DIGEST | ZXID,
    };
    struct file_snap_info info;
    struct zk_buf b = { 0 };
    int64_t digest;
    char *path;

    start(120);
    path = write_snap(SNAP_PLAIN, false);
    get(path, &b);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(good); i++) {
        digest = 0;
        CU_ASSERT_EQUAL(load_with(&b, good[i], &digest, &info), ZK_OK);
        CU_ASSERT_EQUAL(digest, data_tree_digest(script.tree));
        CU_ASSERT_EQUAL(info.has_digest,
                        (good[i] & (DIGEST | LATER_DIGEST)) != 0);
        CU_ASSERT_EQUAL(info.digest_zxid,
                        good[i] & LATER_DIGEST ? script.zxid + 5
                        : good[i] & DIGEST ? script.zxid : -1);
        CU_ASSERT_EQUAL(load_with(&b, good[i] | JUNK, &digest, NULL),
                        ZK_ECORRUPT);
    }
    zk_buf_fini(&b);
    free(path);
    finish();
}

/* Java's digest may belong to a moment after that of its nodes, or before:
 * only a file of one instant is believed. */
static void
test_whose_digest_is_trusted(void)
{
    struct file_snap_info info;
    struct zk_buf b = { 0 };
    int64_t digest = 0;
    char *path;

    start(50);
    path = write_snap(SNAP_PLAIN, false);
    get(path, &b);
    CU_ASSERT_EQUAL(load_raw(&b, &digest, &info), ZK_OK);
    CU_ASSERT(info.one_instant);
    CU_ASSERT_EQUAL(digest, 12345);
    /* The same from Java, whose dbid is -1. */
    b.len -= 13;
    memset(b.data + 8, 0xff, 8);
    seal(&b);
    CU_ASSERT_EQUAL(load_raw(&b, &digest, &info), ZK_OK);
    CU_ASSERT_FALSE(info.one_instant);
    CU_ASSERT_EQUAL(digest, data_tree_digest(script.tree));
    zk_buf_fini(&b);
    free(path);
    finish();
}

/* ---- damage ----------------------------------------------------------- */

static void
test_damage(void)
{
    struct zk_buf b = { 0 };
    int64_t digest;
    char *path;

    start(40);
    path = write_snap(SNAP_PLAIN, true);
    get(path, &b);
    for (size_t i = 0; i < b.len; i++) {
        /* Cut exactly behind seal 1 it is a form of its own. */
        if (i != b.len - 33) {
            put(path, b.data, i);
            CU_ASSERT_EQUAL(load(path, &digest, NULL), ZK_ECORRUPT);
        }
    }
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= (uint8_t) (1u << i % 8);
        put(path, b.data, b.len);
        CU_ASSERT_EQUAL(load(path, &digest, NULL), ZK_ECORRUPT);
        b.data[i] ^= (uint8_t) (1u << i % 8);
    }
    put(path, b.data, b.len);
    expect_loads(path);
    zk_buf_fini(&b);
    free(path);
    finish();
}

static void
test_compressed_damage(void)
{
    struct zk_buf b = { 0 };
    int64_t digest;

    start(40);
    for (int m = 1; m <= 2; m++) {
        char *path = write_snap((enum snap_compression) m, true);
        int rv;

        get(path, &b);
        for (size_t i = 0; i < b.len; i++) {
            put(path, b.data, i);
            rv = load(path, &digest, NULL);
            /* gzip's end mark and trailer are not needed to read it all. */
            CU_ASSERT(rv == ZK_ECORRUPT
                      || (m == 1 && rv == ZK_OK && i + 12 >= b.len
                          && digest == data_tree_digest(script.tree)));
        }
        for (size_t i = 0; i < b.len; i++) {
            b.data[i] ^= (uint8_t) (1u << i % 8);
            put(path, b.data, b.len);
            rv = load(path, &digest, NULL);
            CU_ASSERT(rv == ZK_ECORRUPT
                      || (rv == ZK_OK
                          && digest == data_tree_digest(script.tree)));
            b.data[i] ^= (uint8_t) (1u << i % 8);
        }
        free(path);
    }
    zk_buf_fini(&b);
    finish();
}

static void
test_looks(void)
{
    char *path;

    start(1);
    path = zk_xasprintf("%s/snapshot.1", dir);
    CU_ASSERT_FALSE(file_snap_looks_valid(path));
    put(path, "123456789\0\0\0\1/", 14);
    CU_ASSERT(file_snap_looks_valid(path));
    put(path, "1234\0\0\0\1/", 9);
    CU_ASSERT_FALSE(file_snap_looks_valid(path));
    put(path, "123456789\0\0\0\1/x", 15);
    CU_ASSERT_FALSE(file_snap_looks_valid(path));
    put(path, "", 0);
    CU_ASSERT_FALSE(file_snap_looks_valid(path));
    free(path);
    finish();
}

/* A limit of one buffer holds for paths and data alike. */
static void
test_limit(void)
{
    struct data_tree *tree = new_tree();
    struct zk_errmsg em;
    char *path;

    start(10);
    add_node("/p/big", 5000);
    path = write_snap(SNAP_PLAIN, true);
    CU_ASSERT_EQUAL(file_snap_read(path, script.zxid, 5000, tree, &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(file_snap_read(path, script.zxid, 4999, tree, &em),
                    ZK_ECORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "offset"));
    free(path);
    data_tree_destroy(tree);
    finish();
}

static void
test_failed_write_leaves_nothing(void)
{
    struct data_tree_snapshot *snap;
    struct snap_source src = { .pull = pull };
    struct zk_errmsg em;
    char *missing;

    start(10);
    snap = data_tree_snapshot_begin(script.tree);
    src.self = snap;
    src.zxid = script.zxid;
    missing = zk_xasprintf("%s/missing", dir);
    CU_ASSERT_NOT_EQUAL(file_snap_write(missing, &src, SNAP_PLAIN, NULL,
                                        &em), ZK_OK);
    data_tree_snapshot_end(snap);

    /* The name is taken by a folder: the rename fails. */
    snap = data_tree_snapshot_begin(script.tree);
    src.self = snap;
    free(missing);
    missing = zk_xasprintf("%s/snapshot.a", dir);
    CU_ASSERT_EQUAL(mkdir(missing, 0755), 0);
    CU_ASSERT_NOT_EQUAL(file_snap_write(dir, &src, SNAP_PLAIN, NULL, &em),
                        ZK_OK);
    data_tree_snapshot_end(snap);
    CU_ASSERT_EQUAL(rmdir(missing), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);     /* Empty. */
    free(missing);
    finish();
}

static void
test_given_up_write_leaves_nothing(void)
{
    atomic_bool give_up = true;
    struct snap_source src = { .pull = pull, .give_up = &give_up };
    struct data_tree_snapshot *snap;
    struct zk_errmsg em;

    start(10);
    snap = data_tree_snapshot_begin(script.tree);
    src.self = snap;
    src.zxid = script.zxid;
    CU_ASSERT_EQUAL(file_snap_write(dir, &src, SNAP_GZ, NULL, &em),
                    ZK_ESTOPPED);
    data_tree_snapshot_end(snap);
    CU_ASSERT_EQUAL(rmdir(dir), 0);     /* Empty. */
    finish();
}

static void
test_parse(void)
{
    enum snap_compression c = SNAP_GZ;

    CU_ASSERT(snap_compression_parse("", &c) && c == SNAP_PLAIN);
    CU_ASSERT(snap_compression_parse("gz", &c) && c == SNAP_GZ);
    CU_ASSERT(snap_compression_parse("snappy", &c) && c == SNAP_SNAPPY);
    CU_ASSERT_FALSE(snap_compression_parse("zip", &c));
}

static const struct zk_test tests[] = {
    { "all methods bring the tree back", test_round_trips },
    { "records across the reader's chunks", test_large_records },
    { "the forms that 3.4 to 3.9 write", test_forms },
    { "whose digest is trusted", test_whose_digest_is_trusted },
    { "every cut and flip is found", test_damage },
    { "damaged compressed files are refused", test_compressed_damage },
    { "the quick look", test_looks },
    { "the limit of one buffer", test_limit },
    { "a failed write leaves nothing behind",
      test_failed_write_leaves_nothing },
    { "a write that was given up leaves nothing behind",
      test_given_up_write_leaves_nothing },
    { "names of compression methods", test_parse },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 0);
    }
    return zk_test_main("snapshots", tests, ZK_ARRAY_SIZE(tests));
}
