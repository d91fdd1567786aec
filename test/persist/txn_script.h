/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txn_script.h: a deterministic history of transactions of every kind, for
 * tests that write data folders.
 *
 * The script keeps a tree of its own: each transaction carries the digest
 * that the tree has after it, as a server's would.
 */
#ifndef TEST_PERSIST_TXN_SCRIPT_H
#define TEST_PERSIST_TXN_SCRIPT_H

#include "persistence/file_txn_snap_log.h"

struct txn_script {
    struct data_tree *tree;
    int64_t zxid;               /* Of the last transaction made. */
    int64_t time;
    unsigned step;
};

void txn_script_init(struct txn_script *s);
void txn_script_fini(struct txn_script *s);
/* Makes the next transaction, replacing what is in 'out', and applies it to
 * the script's tree. */
void txn_script_next(struct txn_script *s, struct zk_buf *out);
/* Begins a new epoch: the next zxid is <epoch, 1>. */
void txn_script_epoch(struct txn_script *s, int64_t epoch);

/* A snapshot of 'tree' into 'dir'; ends the test program when it fails. */
void txn_script_snapshot(struct data_tree *tree, const char *dir,
                         enum snap_compression comp);
/* Default options for a folder 'dir' that holds both kinds of files. */
struct file_txn_snap_log_options txn_script_options(const char *dir);

#endif
