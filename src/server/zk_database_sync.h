/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_database_sync.h: what the roles of an ensemble do with the database as a
 * whole: hand it to a learner, take it from a leader, go back in it (Java:
 * ZKDatabase and parts of Learner and LearnerHandler).
 *
 * The receiving half (QuorumPeer thread, no stages running) takes the database
 * lock by itself, and not while it reads from a leader or a disk: until the
 * new tree is whole, others see an empty one.
 */
#ifndef SERVER_ZK_DATABASE_SYNC_H
#define SERVER_ZK_DATABASE_SYNC_H

#include "server/zk_database.h"

/* ---- giving ------------------------------------------------------------ */

/* The stream behind a SNAP packet: the tree at one instant, writers go on
 * meanwhile.  NULL when a snapshot is under way already (try again). */
struct zk_database_stream;
struct zk_database_stream *zk_database_stream_begin(struct zk_database *db,
                                                    int64_t *zxid);
/* Appends some more; false once all is out, "BenWasHere" included. */
bool zk_database_stream_next(struct zk_database_stream *s,
                             struct zk_buf *out);
void zk_database_stream_end(struct zk_database_stream *s);

/* Calls each(arg, txn) for the txns of the log files with zxid > 'after' up to
 * 'upto', in order.  ZK_ENOTFOUND when the log does not hold 'after' itself
 * (or, for <e,0>, the beginning of that epoch), has a gap, lies before
 * db->continuous_from, or more than 'max_bytes' would be read: send a
 * snapshot. */
int zk_database_each_logged(struct zk_database *db, int64_t after,
                            int64_t upto, int64_t max_bytes,
                            void (*each)(void *arg, struct txn_bytes *txn),
                            void *arg, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The bytes of the newest snapshot file; 0: none. */
int64_t zk_database_snapshot_size(struct zk_database *db);

/* ---- taking ------------------------------------------------------------ */

/* Reads a snapshot stream (protocol: appendix 14.2) including its signature;
 * what is behind it stays in 'buffered' (bytes read from the link and not
 * used yet; it may hold some at the call).  On success the tree is that of
 * the stream, at 'zxid'; on failure the old tree is gone as well.  In either
 * case the next role_ended reloads, unless save_taken comes first. */
int zk_database_take_stream(struct zk_database *db, int64_t zxid,
                            struct zk_buf *buffered,
                            const struct stream_reader *from,
                            struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The tree as it is becomes the whole history on disk, in an order that leaves
 * the old history or this one after any crash: the log is cut above the
 * tree's zxid, the snapshot is written and synced, newer ones are removed
 * (ZOOKEEPER-2832).  From here on the history is continuous from its zxid. */
int zk_database_save_taken(struct zk_database *db, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* TRUNC: file_txn_snap_log_truncate, then loads the tree anew.  ZK_ENOTFOUND:
 * nothing was changed, only a whole snapshot will do. */
int zk_database_truncate(struct zk_database *db, int64_t zxid,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Throws the tree away and loads it from disk (after an unfinished SNAP). */
int zk_database_reload(struct zk_database *db, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* ---- between roles ----------------------------------------------------- */

/* Appends (nothing, if 'txn' is null) and, with 'sync', makes durable: for what
 * a learner logs before its stages run.  zxids rise. */
int zk_database_log(struct zk_database *db, struct zk_slice txn, bool sync,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Applies one txn; takes the lock.  Not while stages run.  Already applied
 * zxids are left out.  ZK_ECORRUPT: one is missing before it. */
int zk_database_apply_one(struct zk_database *db, struct zk_slice txn,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The end of a role: what prep had outstanding is forgotten, watches of closed
 * connections must be gone, and the tree is at the end of the log: asserts
 * data_tree_last_zxid == file_txn_log_last_synced (a new epoch without txns:
 * the tree may be at <e,0>), reloading the tree if it is not. */
int zk_database_role_ended(struct zk_database *db, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

#endif
