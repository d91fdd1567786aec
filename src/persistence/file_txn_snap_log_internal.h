/* SPDX-License-Identifier: Apache-2.0 */
/* file_txn_snap_log_internal.h: shared by opening and restoring. */
#ifndef PERSISTENCE_FILE_TXN_SNAP_LOG_INTERNAL_H
#define PERSISTENCE_FILE_TXN_SNAP_LOG_INTERNAL_H

#include "persistence/file_txn_snap_log.h"

struct file_txn_snap_log {
    unsigned magic;
#define FILE_TXN_SNAP_LOG_MAGIC 0x4654534c

    /* Set at open, never changed. */
    struct file_txn_snap_log_options opts;  /* The folders are copies. */
    char *snap_dir;             /* With version-2. */
    char *log_dir;
    int snap_lock;              /* Descriptors that hold the locks, or -1. */
    int log_lock;

    /* Used by one thread at a time: the SyncThread when there is one. */
    struct file_txn_log *log;
};

#endif
