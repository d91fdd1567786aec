/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_request_processor.h: the stage that makes transactions durable, one
 * thread, group commit (Java: SyncRequestProcessor).
 *
 * It appends what has come, and when its queue is empty (or a batch is full)
 * syncs once and hands the whole batch on.  Requests without a transaction
 * keep their place in the order.
 *
 * Every so many transactions or bytes (half of the limit plus a random part,
 * so that the servers of an ensemble do not all do it at once) it rolls the
 * log and has the SnapshotThread take a snapshot, unless one is under way.
 *
 * A full disk: the batch waits, nothing of it is lost or reordered, and
 * env->disk_full tells the server to refuse new writes; it tries again until
 * there is room.  Any other error of the log ends the server: what is on
 * disk is unknown, and nothing more is acknowledged.
 */
#ifndef SERVER_SYNC_REQUEST_PROCESSOR_H
#define SERVER_SYNC_REQUEST_PROCESSOR_H

#include "config/server_config.h"
#include "server/request_processor.h"
#include "server/zk_database.h"

struct sync_env {
    void *self;
    struct zk_database *db;
    const struct server_config *config;
    /* Called on the SyncThread when the disk fills up and when it has room
     * again. */
    void (*disk_full)(void *self, bool full);
    void (*slow_sync)(void *self);      /* fsync.warningthresholdms */
    /* Shutdown does not wait for a snapshot under way: in an ensemble, where
     * it goes on in the next role. */
    bool leaves_snapshots;
};

/* 'env' is copied; the threads start at once. */
struct request_processor *
sync_request_processor_create(const struct sync_env *env,
                              struct request_processor *next);
/* Has a snapshot taken in the background; false when one is under way. */
bool sync_request_processor_snapshot(struct request_processor *srp);

#endif
