/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_thread.h: takes snapshots in the background, one at a time.
 */
#ifndef SERVER_SNAPSHOT_THREAD_H
#define SERVER_SNAPSHOT_THREAD_H

#include "server/zk_database.h"

struct snapshot_thread;

/* Starts the thread; 'db' is borrowed for its life. */
struct snapshot_thread *snapshot_thread_create(struct zk_database *db);
/* Has a snapshot taken; false when one is under way already. */
bool snapshot_thread_request(struct snapshot_thread *st);
/* Ends the thread, and waits for the snapshot under way or has it given up.
 * NULL is fine. */
void snapshot_thread_destroy(struct snapshot_thread *st, bool give_up);

#endif
