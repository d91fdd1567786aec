/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_manager.h: the data and child watch tables of one server (Java:
 * DataTree's dataWatches and childWatches, WatchManager).
 *
 * Paths are copied once per table entry; a row costs a few words.  Rows are
 * found by path and by watcher, so that a closing connection takes its rows
 * with it at a cost of its own rows only.
 *
 * Order of events while one transaction is applied (3.9): data table of the
 * node (recursive rows of all its ancestors included), then child table of
 * the node (deletes), then child table of the parent.  A connection gets one
 * NodeDeleted even if it stands in both tables.  A one-shot row is removed
 * when it fires, also when the ACL filter then drops the event.
 *
 * Thread-safety: every function takes the manager's own lock.  Registration
 * races against a transaction are the caller's business: it registers under
 * the database's shared lock, and transactions are applied under the
 * exclusive one.  With no row at all, the trigger functions cost one atomic
 * load.
 */
#ifndef WATCH_WATCH_MANAGER_H
#define WATCH_WATCH_MANAGER_H

#include "util/zk_buf.h"
#include "watch/watcher.h"

struct watch_manager;

/* One without watches. */
struct watch_manager *watch_manager_create(void);
/* No watcher may have rows any more.  NULL is fine. */
void watch_manager_destroy(struct watch_manager *wm);

/* Adds a row; adding one that is there changes nothing, and so does adding
 * one after watch_manager_remove_watcher: a read that was under way while
 * its connection closed leaves nothing behind. */
void watch_manager_add(struct watch_manager *wm, struct zk_slice path,
                       struct watcher *w, enum watch_kind kind);
/* True when the watcher has a row on the path that 'type' speaks of:
 * Children, Data: the one-shot rows; Persistent, PersistentRecursive: those;
 * Any: every row of the path. */
bool watch_manager_contains(struct watch_manager *wm, struct zk_slice path,
                            struct watcher *w, enum watcher_type type);
/* Removes such rows; false when there was none. */
bool watch_manager_remove(struct watch_manager *wm, struct zk_slice path,
                          struct watcher *w, enum watcher_type type);
/* Removes all rows of a watcher for good.  After it returns, process() is
 * not running and will not be called for it again. */
void watch_manager_remove_watcher(struct watch_manager *wm,
                                  struct watcher *w);

/* The three kinds of change.  'acl' is the node's (for deletes: as it was),
 * 'parent_acl' the parent's, both raw vector<ACL>.  'parent' is the parent's
 * path ("/" for a node below the root). */
void watch_manager_node_created(struct watch_manager *wm,
                                struct zk_slice path, struct zk_slice parent,
                                int64_t zxid, struct zk_slice acl,
                                struct zk_slice parent_acl);
void watch_manager_node_deleted(struct watch_manager *wm,
                                struct zk_slice path, struct zk_slice parent,
                                int64_t zxid, struct zk_slice acl,
                                struct zk_slice parent_acl);
void watch_manager_node_data_changed(struct watch_manager *wm,
                                     struct zk_slice path, int64_t zxid,
                                     struct zk_slice acl);

struct watch_counts {
    size_t data_rows;           /* Rows of the data table. */
    size_t child_rows;
    size_t data_paths;          /* Paths of the data table with rows. */
    size_t data_watchers;       /* Watchers with rows in the data table. */
};
/* All counts at one moment. */
void watch_manager_counts(struct watch_manager *wm, struct watch_counts *c);
/* Calls 'each' for every row of the data table, under the lock, so it must
 * not call the manager.  The rows of one path, or of one watcher with
 * 'by_watcher', come one after another; 'first' marks the first of them. */
void watch_manager_each(struct watch_manager *wm, bool by_watcher,
                        void (*each)(void *arg, bool first,
                                     struct zk_slice path,
                                     int64_t session_id),
                        void *arg);
/* What the four-letter words wchs, wchp, wchc answer, the last newline
 * included: data table only, as Java prints them. */
void watch_manager_report_summary(struct watch_manager *wm,
                                  struct zk_buf *out);
void watch_manager_report_by_path(struct watch_manager *wm,
                                  struct zk_buf *out);
void watch_manager_report_by_session(struct watch_manager *wm,
                                     struct zk_buf *out);

#endif
