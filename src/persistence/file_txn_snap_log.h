/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_txn_snap_log.h: the two data folders of a server, and how its state
 * comes back from them (Java: FileTxnSnapLog; protocol: "Restore").
 */
#ifndef PERSISTENCE_FILE_TXN_SNAP_LOG_H
#define PERSISTENCE_FILE_TXN_SNAP_LOG_H

#include "persistence/file_snap.h"
#include "persistence/file_txn_log.h"
#include "persistence/history_guard.h"

struct file_txn_snap_log_options {
    const char *data_log_dir;   /* Both without version-2; borrowed. */
    const char *data_dir;
    bool autocreate_dirs;       /* zookeeper.datadir.autocreate */
    bool autocreate_db;         /* zookeeper.db.autocreate */
    bool trust_empty_snapshot;  /* zookeeper.snapshot.trust.empty */
    bool dry_run;               /* Opening and restoring change nothing: no
                                 * lock is taken, nothing made, removed or
                                 * synced, no new database written.  The
                                 * other functions must not be called. */
    int32_t max_record;         /* jute.maxbuffer + extra size */
    enum snap_compression compression;
    struct history_guard *guard;    /* Keeps purges out; borrowed, NULL: there
                                     * are none. */
    struct file_txn_log_options log;
};

struct file_txn_snap_log;

/* Makes the version-2 folders when allowed; refuses (ZK_ECONFIG) log files in
 * the snapshot folder and the reverse when the two differ, folders that are
 * missing or cannot be written (named in 'em'; exit code 3).  Takes an
 * advisory lock on the data folder so that two servers cannot share it;
 * removes left-over temporary files of snapshots, large ones by a later
 * sweep. */
int file_txn_snap_log_open(const struct file_txn_snap_log_options *opts,
                           struct file_txn_snap_log **out,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
void file_txn_snap_log_close(struct file_txn_snap_log *fl);
/* Of a dry run: whether opening in earnest could write there.  ZK_ECONFIG with
 * the text that it would give. */
int file_txn_snap_log_check_write(const struct file_txn_snap_log *fl,
                                  struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Whether opening removes a file of this name: a temporary one that a crash
 * left. */
bool file_txn_snap_log_is_left_over(const char *name);
const char *file_txn_snap_log_snap_dir(const struct file_txn_snap_log *fl);
const char *file_txn_snap_log_log_dir(const struct file_txn_snap_log *fl);
struct file_txn_log *file_txn_snap_log_log(struct file_txn_snap_log *fl);

struct restore_result {
    int64_t snapshot_zxid;      /* -1: no snapshot was there. */
    int64_t last_zxid;          /* -1: empty and not allowed to be. */
    int64_t txns;               /* Replayed from the log. */
    int64_t snapshot_ms, replay_ms;
    int64_t digest_mismatches;
    bool empty;                 /* Nothing was there: a new database. */
    char note[512];             /* What was cut or skipped and why that is
                                 * safe; "" when nothing. */
};

/* Loads the newest snapshot that is whole (at most 100 are tried; the ones
 * skipped are named in the note) and replays the log behind it.  'each' (may
 * be NULL) sees every replayed record in order, after it was applied.
 *
 * Refused with a reason: snapshots there but none whole; log files but no
 * snapshot (unless trusted or the log starts with the database: its first
 * record is zxid 1 of an epoch and nothing is missing before it is NOT
 * enough, Java refuses too); a log that is corrupt in the middle or does not
 * continue the snapshot (first record above snapshot + 1 in the same epoch
 * while older logs are gone).  A server never takes missing or damaged data
 * for an empty tree.
 *
 * A new database gets snapshot.0 at once. */
int file_txn_snap_log_restore(struct file_txn_snap_log *fl,
                              struct data_tree *tree,
                              void (*each)(void *arg,
                                           const struct txn_view *txn,
                                           struct zk_slice bytes),
                              void *arg, struct restore_result *res,
                              struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Goes back to 'zxid' on disk (a leader's TRUNC): ends the current log file,
 * removes snapshots above it, which hold what is to be undone
 * (ZOOKEEPER-4837), and cuts the log behind it.  The tree must then be
 * restored anew.  ZK_ENOTFOUND when the log does not hold this zxid, or no
 * snapshot at or below it is left: a whole snapshot must be asked for.
 * Any other failure is fatal to taking part.  Nothing may be queued in the
 * log. */
int file_txn_snap_log_truncate(struct file_txn_snap_log *fl, int64_t zxid,
                               struct zk_errmsg *em) ZK_WARN_UNUSED;
/* What 'src' gives becomes the whole history on disk (a leader's SNAP): ends
 * the current log file, cuts the log above src->zxid, writes the snapshot,
 * removes newer ones (ZOOKEEPER-2832).  A crash in between leaves a beginning
 * of the old history, or the new one.  Nothing may be queued in the log. */
int file_txn_snap_log_replace(struct file_txn_snap_log *fl,
                              const struct snap_source *src,
                              struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Writes a snapshot into the data folder with the options' compression. */
int file_txn_snap_log_save(struct file_txn_snap_log *fl,
                           const struct snap_source *src,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Removes what large files were given up, gently (file_remover.h), until
 * *stop is true.  Any thread. */
void file_txn_snap_log_sweep(struct file_txn_snap_log *fl,
                             const atomic_bool *stop);

#endif
