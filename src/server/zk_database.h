/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_database.h: the tree, its watches, what prep has outstanding, recent
 * transactions, and the folders they come back from (Java: ZKDatabase).
 *
 * The lock: applying transactions holds it exclusively; reads hold it
 * shared.  Prep holds it shared and alone changes 'changes' while doing so;
 * Final removes from 'changes' under the exclusive lock.
 */
#ifndef SERVER_ZK_DATABASE_H
#define SERVER_ZK_DATABASE_H

#include "config/server_config.h"
#include "persistence/file_txn_snap_log.h"
#include "server/committed_log.h"
#include "server/outstanding_changes.h"
#include "tree/data_tree_snapshot.h"
#include "util/zk_lock.h"
#include "watch/watch_manager.h"

struct purge_task;
struct snapshot_thread;

struct digest_log_entry {
    int64_t zxid;
    int64_t digest;
};

/* zxids between two entries, and how many are kept (Java: DataTree). */
#define DIGEST_LOG_INTERVAL 128
#define DIGEST_LOG_LIMIT 1024

struct zk_database {
    unsigned magic;
#define ZK_DATABASE_MAGIC 0x5a4b4442

    /* Set at create, never changed. */
    const struct storage_config *storage;
    struct watch_manager *watches;
    struct file_txn_snap_log *files;    /* NULL before load. */
    struct history_guard *guard;
    struct purge_task *purge;   /* NULL before load, or not scheduled. */
    /* What writers may put aside for a snapshot that rests before it is given
     * up: DB_ASIDE_MAX, or what a test sets. */
    size_t aside_max;

    struct zk_rwlock lock;
    /* Under 'lock'.  Another tree takes its place only between roles, and
     * while a learner takes a leader's snapshot. */
    struct data_tree *tree;
    struct outstanding_changes *changes;

    struct committed_log *committed;    /* own lock */

    /* The history on disk has no gap and no branch from here on: the snapshot
     * that was loaded or taken last.  Role changes only. */
    int64_t continuous_from;
    /* The tree is a leader's snapshot (or what is left of one that broke off),
     * and not on disk.  Role changes only. */
    bool unsaved;

    /* What was logged since the last snapshot, replayed at load included: a
     * role that ends does not put the next one off.  Owned by who appends to
     * the log: the SyncThread, between roles the QuorumPeer thread. */
    int64_t txns_since_snap;
    int64_t bytes_since_snap;

    /* A snapshot was given up: one is due at once. */
    atomic_bool snapshot_missed;

    struct snapshot_thread *snapshots;  /* NULL before load. */

    atomic_bool hurry;          /* A snapshot under way rests no more. */
    atomic_bool give_up;        /* A snapshot under way is not wanted. */

    /* Under 'lock'. */
    struct digest_log_entry *digest_log;    /* ring of DIGEST_LOG_LIMIT */
    size_t digest_log_n, digest_log_at;
    int64_t digest_mismatches;
};

/* An empty database over those folders, nothing opened yet; destroy closes
 * what load opened. */
struct zk_database *zk_database_create(const struct storage_config *storage);
void zk_database_destroy(struct zk_database *db);
/* Opens the folders and restores; from then on old files are purged, as
 * autopurge.* say: only who has locked the folders removes anything there.
 * See zookeeper_server_load. */
int zk_database_load(struct zk_database *db, struct restore_result *res,
                     struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Applies one transaction (lock held exclusively), remembers it as
 * committed, removes what prep had outstanding for it, keeps the digest log
 * and compares digests. */
void zk_database_apply(struct zk_database *db, struct txn_bytes *bytes,
                       const struct txn_view *txn, struct txn_result *res);
/* Writes a snapshot of this instant, holding others up only in small steps.
 * ZK_EEXIST when one is under way; ZK_ESTOPPED when it was given up. */
int zk_database_snapshot(struct zk_database *db, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* One more txn of 'len' bytes was logged; and: a snapshot holds all. */
void zk_database_note_logged(struct zk_database *db, int64_t len);
void zk_database_note_saved(struct zk_database *db);

#endif
