/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_thread.h: takes snapshots in the background, one at a time; and
 * removes what large files are left, when it has nothing else to do.
 *
 * It is the database's, not a role's: a snapshot is a fixed instant of the
 * tree, and goes on in the next role where the last one left it.  From the end
 * of one to the beginning of the next it rests, since an election waits for
 * small files on the same disk.  What changes the history under it (TRUNC,
 * SNAP, a reload) has it given up first.
 */
#ifndef SERVER_SNAPSHOT_THREAD_H
#define SERVER_SNAPSHOT_THREAD_H

#include "server/zk_database.h"

struct snapshot_thread;

/* Starts the thread; 'db' is borrowed for its life, its folders are open. */
struct snapshot_thread *snapshot_thread_create(struct zk_database *db);
/* Gives up what is under way and ends the thread.  NULL is fine. */
void snapshot_thread_destroy(struct snapshot_thread *st);
/* Has a snapshot taken; false when one is under way already.  One that fails
 * is tried again every ten seconds. */
bool snapshot_thread_request(struct snapshot_thread *st);
/* Has files removed that were set aside (file_remover.h).  NULL is fine. */
void snapshot_thread_sweep(struct snapshot_thread *st);
/* Has a snapshot under way rest, without waiting for it; and go on again, or
 * begin, 'after_ms' from now.  NULL is fine. */
void snapshot_thread_hold(struct snapshot_thread *st);
void snapshot_thread_go_on(struct snapshot_thread *st, int64_t after_ms);
/* Waits until the snapshot under way, if there is one, is done; it makes
 * haste.  Not while it is held. */
void snapshot_thread_finish(struct snapshot_thread *st);
/* Has it given up, and waits until tree and folder are rid of it: for one
 * write-back at most.  NULL is fine. */
void snapshot_thread_give_up(struct snapshot_thread *st);
/* Has it given up if it rests, in a hold or shortly behind one; does not
 * wait.  The database's lock may be held. */
void snapshot_thread_give_up_resting(struct snapshot_thread *st);
/* On the SnapshotThread: returns when the hold ends or nobody wants the
 * snapshot any more.  Elsewhere (a test) it returns at once. */
void snapshot_thread_rest(struct snapshot_thread *st);

#endif
