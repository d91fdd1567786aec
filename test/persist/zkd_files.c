/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * zkd_files: data folders written and read by the library alone, for tests
 * that compare with the Java server.
 *
 *   zkd_files write DIR TXNS [METHOD [SNAP_EVERY]]
 *       appends scripted transactions to an empty folder, in batches; METHOD
 *       is plain, gz or snappy.
 *   zkd_files read DIR
 *       restores and prints what came of it, "key value" a line.
 *   zkd_files snapshot DIR
 *       restores and writes a snapshot of the result.
 *   zkd_files purge DIR
 *       purge_txn_log: keeps 3.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "persistence/purge_txn_log.h"
#include "test/persist/txn_script.h"
#include "util/crash_point.h"
#include "util/zk_log.h"

static int
die(const struct zk_errmsg *em)
{
    fprintf(stderr, "refused: %s\n", em->text);
    return 3;
}

static struct data_tree *
new_tree(void)
{
    struct data_tree_options opts = {
        .digest_enabled = true, .extended_types_enabled = true,
    };

    return data_tree_create(&opts);
}

static int
open_folder(const char *dir, enum snap_compression comp,
            struct file_txn_snap_log **fl, struct data_tree *tree,
            struct restore_result *res)
{
    struct file_txn_snap_log_options opts = txn_script_options(dir);
    struct zk_errmsg em;

    opts.compression = comp;
    if (getenv("ZKD_FILES_TRUST_EMPTY") != NULL) {
        opts.trust_empty_snapshot = true;
    }
    if (file_txn_snap_log_open(&opts, fl, &em) != ZK_OK) {
        return die(&em);
    }
    if (file_txn_snap_log_restore(*fl, tree, NULL, NULL, res, &em)
        != ZK_OK) {
        file_txn_snap_log_close(*fl);
        return die(&em);
    }
    return 0;
}

static int
append_all(struct file_txn_snap_log *fl, unsigned txns, unsigned snap_every,
           enum snap_compression comp)
{
    struct file_txn_log *log = file_txn_snap_log_log(fl);
    struct txn_script s;
    struct zk_buf b = { 0 };
    struct zk_errmsg em;
    int rv = ZK_OK;

    txn_script_init(&s);
    for (unsigned i = 1; i <= txns && rv == ZK_OK; i++) {
        txn_script_next(&s, &b);
        rv = file_txn_log_append(log, s.zxid, b.data, b.len, &em);
        /* Batches of one to five. */
        if (rv == ZK_OK && (i % 5 < 2 || i == txns)) {
            rv = file_txn_log_commit(log, &em);
            printf("committed %" PRIx64 "\n",
                   (uint64_t) file_txn_log_last_synced(log));
            fflush(stdout);
        }
        if (rv == ZK_OK && snap_every > 0 && i % snap_every == 0) {
            rv = file_txn_log_commit(log, &em);
            file_txn_log_roll(log);
            txn_script_snapshot(s.tree, file_txn_snap_log_snap_dir(fl),
                                comp);
        }
    }
    zk_buf_fini(&b);
    txn_script_fini(&s);
    return rv == ZK_OK ? 0 : die(&em);
}

static int
cmd_write(int argc, char **argv)
{
    enum snap_compression comp = SNAP_PLAIN;
    struct file_txn_snap_log *fl;
    struct data_tree *tree = new_tree();
    struct restore_result res;
    int rc;

    if (argc > 2 && strcmp(argv[2], "plain") != 0
        && !snap_compression_parse(argv[2], &comp)) {
        fprintf(stderr, "%s: no such method\n", argv[2]);
        return 2;
    }
    rc = open_folder(argv[0], comp, &fl, tree, &res);
    if (rc == 0) {
        rc = append_all(fl, (unsigned) atoi(argv[1]),
                        argc > 3 ? (unsigned) atoi(argv[3]) : 0, comp);
        file_txn_snap_log_close(fl);
    }
    data_tree_destroy(tree);
    return rc;
}

static int
cmd_read(const char *dir, bool snapshot)
{
    struct file_txn_snap_log *fl;
    struct data_tree *tree = new_tree();
    struct restore_result res;
    int rc;

    rc = open_folder(dir, SNAP_PLAIN, &fl, tree, &res);
    if (rc == 0) {
        printf("zxid 0x%" PRIx64 "\n", (uint64_t) res.last_zxid);
        printf("snapshot 0x%" PRIx64 "\n", (uint64_t) res.snapshot_zxid);
        printf("txns %" PRId64 "\n", res.txns);
        printf("nodes %" PRId64 "\n", data_tree_node_count(tree));
        printf("ephemerals %" PRId64 "\n", data_tree_ephemeral_count(tree));
        printf("sessions %zu\n", data_tree_session_count(tree));
        printf("size %" PRId64 "\n", data_tree_approximate_size(tree));
        printf("digest %" PRIx64 "\n", (uint64_t) data_tree_digest(tree));
        printf("mismatches %" PRId64 "\n", res.digest_mismatches);
        printf("snapshot_ms %" PRId64 "\n", res.snapshot_ms);
        printf("replay_ms %" PRId64 "\n", res.replay_ms);
        printf("note %s\n", res.note);
        if (snapshot) {
            txn_script_snapshot(tree, file_txn_snap_log_snap_dir(fl),
                                SNAP_PLAIN);
        }
        file_txn_snap_log_close(fl);
    }
    data_tree_destroy(tree);
    return rc;
}

int
main(int argc, char **argv)
{
    struct zk_errmsg em;

    zk_log_set_level(ZK_LOG_ERROR);
    crash_point_arm();
    if (argc >= 4 && strcmp(argv[1], "write") == 0) {
        return cmd_write(argc - 2, argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "read") == 0) {
        return cmd_read(argv[2], false);
    }
    if (argc == 3 && strcmp(argv[1], "snapshot") == 0) {
        return cmd_read(argv[2], true);
    }
    if (argc == 3 && strcmp(argv[1], "purge") == 0) {
        const struct purge_options opts = {
            .data_log_dir = argv[2], .data_dir = argv[2],
            .keep = PURGE_MIN_KEEP, .max_record = 0xfffff,
        };

        return purge_txn_log(&opts, stdout, NULL, &em) == ZK_OK ? 0
                                                                : die(&em);
    }
    fprintf(stderr, "usage: zkd_files write|read|snapshot|purge ...\n");
    return 2;
}
