/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_tree.c: what a million znodes cost in time and memory.  Not a test:
 * run it by hand, `test/unit/bench_tree [nodes]`.
 */
#include <config.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "jute/input_archive.h"
#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "tree/data_tree_snapshot.h"

#define DIRS 1000
#define DATA_LEN 100

static char data[DATA_LEN];

/* CPU time: other programs on the machine shall not count. */
static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static double
rss_mb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0, resident = 0;

    if (f != NULL) {
        if (fscanf(f, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(f);
    }
    return (double) resident * 4096 / 1e6;
}

static void
report(const char *what, double t0, size_t n)
{
    double s = now() - t0;

    printf("%-28s %8.3f s  %7.0f ns each  %6.0f MB\n", what, s,
           s / (double) n * 1e9, rss_mb());
}

static struct zk_slice
path_of(char *buf, size_t size, size_t i)
{
    return zk_slice(buf, snprintf(buf, size, "/dir%03zu/node%06zu", i % DIRS,
                                  i));
}

static void
create(struct data_tree *tree, struct zk_slice path, int64_t zxid)
{
    struct txn_view v = {
        .client_id = 1, .zxid = zxid, .time = 1700000000000 + zxid,
        .type = OP_CREATE, .path = path, .data = zk_slice(data, DATA_LEN),
        .acl = acl_raw_open, .parent_cversion = -1,
    };
    struct txn_result r;

    data_tree_apply(tree, &v, &r);
    if (r.err != 0) {
        printf("create: %d\n", (int) r.err);
        exit(1);
    }
}

static void
set_data(struct data_tree *tree, struct zk_slice path, int64_t zxid)
{
    struct txn_view v = {
        .client_id = 1, .zxid = zxid, .time = 1700000000000 + zxid,
        .type = OP_SET_DATA, .path = path,
        .data = zk_slice(data, DATA_LEN), .version = 1,
    };

    data_tree_apply(tree, &v, NULL);
}

static void
fill(struct data_tree *tree, size_t n)
{
    char buf[64];
    double t0;

    for (size_t i = 0; i < DIRS; i++) {
        create(tree, zk_slice(buf, snprintf(buf, sizeof buf, "/dir%03zu", i)),
               1);
    }
    t0 = now();
    for (size_t i = 0; i < n; i++) {
        create(tree, path_of(buf, sizeof buf, i), (int64_t) i + 2);
    }
    report("create", t0, n);
}

static void
look(struct data_tree *tree, size_t n)
{
    char buf[64];
    double t0 = now();
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        size_t k = i * 7919 % n;

        found += data_tree_find(tree, path_of(buf, sizeof buf, k)) != NULL;
    }
    report(found == n ? "find, anywhere" : "find FAILED", t0, n);
    t0 = now();
    for (size_t i = 0; i < n; i++) {
        found += data_tree_find(tree, path_of(buf, sizeof buf, i % 1000))
                 != NULL;
    }
    report("find, 1000 hot", t0, n);
}

static void
load(const struct zk_buf *stream, size_t n)
{
    struct data_tree_options opts = { .digest_enabled = true };
    struct data_tree *tree = data_tree_create(&opts);
    struct input_archive ia;
    struct zk_errmsg em;
    double t0 = now();
    int64_t digest = 1;

    input_archive_init(&ia, stream->data, stream->len, 1000000);
    data_tree_load_begin(tree);
    input_archive_int(&ia);
    for (int32_t k = input_archive_int(&ia); k > 0; k--) {
        int64_t id = input_archive_long(&ia);
        struct zk_slice raw;

        if (acl_raw_read(&ia, &raw) != ZK_OK
            || data_tree_load_acl(tree, id, raw, &em) != ZK_OK) {
            exit(1);
        }
    }
    for (;;) {
        struct zk_slice path = input_archive_slice(&ia), d;
        struct jute_stat_persisted st;
        int64_t acl;

        if (zk_slice_eq_str(path, "/")) {
            break;
        }
        d = input_archive_slice(&ia);
        acl = input_archive_long(&ia);
        if (jute_stat_persisted_decode(&ia, &st) != ZK_OK
            || data_tree_load_node(tree, path, d, acl, &st, &em) != ZK_OK) {
            exit(1);
        }
    }
    if (data_tree_load_end(tree, 1, &digest, &em) != ZK_OK) {
        exit(1);
    }
    report("load, digest trusted", t0, n);
    data_tree_destroy(tree);
}

int
main(int argc, char **argv)
{
    struct data_tree_options opts = { .digest_enabled = true };
    size_t n = argc > 1 ? (size_t) strtoul(argv[1], NULL, 10) : 1000000;
    struct data_tree *tree = data_tree_create(&opts);
    struct data_tree_snapshot *snap;
    struct zk_buf out = { 0 };
    char buf[64];
    double t0;

    fill(tree, n);
    look(tree, n);
    t0 = now();
    for (size_t i = 0; i < n; i++) {
        set_data(tree, path_of(buf, sizeof buf, i % 1000),
                 (int64_t) (n + i));
    }
    report("setData, 1000 hot", t0, n);
    t0 = now();
    snap = data_tree_snapshot_begin(tree);
    while (data_tree_snapshot_next(snap, &out, 1 << 20)) {
        continue;
    }
    data_tree_snapshot_end(snap);
    report("snapshot into memory", t0, n);
    t0 = now();
    data_tree_destroy(tree);
    malloc_trim(0);
    report("destroy", t0, n);
    load(&out, n);
    zk_buf_fini(&out);
    return 0;
}
