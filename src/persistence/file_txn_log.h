/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_txn_log.h: appending to the transaction log, log.<hex zxid>, in
 * Apache's format (protocol: "Log file").
 *
 * Appends gather in memory; commit writes them in one go and syncs.  A file
 * from an earlier run is never appended to: the first append after create,
 * roll or truncate makes a new one: header and first records in one write
 * under a temporary name, synced, renamed, the folder synced, so that no
 * server ever meets a log file without a record.  The file grows by
 * preallocation as Java's does.
 *
 * A failed write or sync is final for this object: the bytes on disk are
 * unknown, so it refuses everything from then on, except that a full disk
 * (ZK_ENOSPC) found before anything of the batch was promised is undone: the
 * file is cut back to the last synced record, the batch dropped, and a later
 * batch may try again.
 *
 * Thread-safety: one thread at a time (the SyncThread); last_synced_zxid and
 * the size may be read from any.
 */
#ifndef PERSISTENCE_FILE_TXN_LOG_H
#define PERSISTENCE_FILE_TXN_LOG_H

#include "util/zk_error.h"

struct file_txn_log;

struct file_txn_log_options {
    int64_t preallocate;        /* Bytes; 0: none.  Java: 64 MiB. */
    bool force_sync;            /* zookeeper.forceSync */
    int64_t size_limit;         /* Roll past this many bytes; -1: never. */
    int64_t fsync_warn_ms;      /* Log syncs that take longer. */
    int32_t max_record;         /* jute.maxbuffer + extra size: a record
                                 * that could not be read back is refused. */
};

/* 'dir' is the version-2 folder, there already.  Touches no file. */
struct file_txn_log *
file_txn_log_create(const char *dir, const struct file_txn_log_options *opts);
/* Does not sync; NULL is fine. */
void file_txn_log_destroy(struct file_txn_log *log);

/* Queues one record.  'zxid' must be above all before it in this file.
 * ZK_ETOOBIG when it is over max_record: nothing is queued. */
int file_txn_log_append(struct file_txn_log *log, int64_t zxid,
                        const void *txn, size_t len, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Makes all queued records durable (unless forceSync=no), in one write and
 * one fdatasync.  Rolls afterwards when the size limit is passed.
 * ZK_ENOSPC: the whole batch was dropped and nothing of it is on disk; the
 * next one must continue at last_synced.  A full disk met by the sync itself
 * is ZK_EIO.  ZK_EIO: final. */
int file_txn_log_commit(struct file_txn_log *log, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Ends the current file: the next append starts another.  Nothing may be
 * queued. */
void file_txn_log_roll(struct file_txn_log *log);
/* Records queued and not committed. */
size_t file_txn_log_pending(const struct file_txn_log *log);
/* 0 before the first commit. */
int64_t file_txn_log_last_synced(const struct file_txn_log *log);
/* After a restore or a truncation: what is on disk already.  No file may be
 * open (before the first append, or after a roll). */
void file_txn_log_set_last_synced(struct file_txn_log *log, int64_t zxid);
/* Bytes of records in the current file (Java's logSize). */
int64_t file_txn_log_size(const struct file_txn_log *log);

/* How long syncs took: for metrics.  Called on the committing thread. */
void file_txn_log_on_sync(struct file_txn_log *log,
                          void (*f)(void *arg, int64_t elapsed_us),
                          void *arg);

#endif
