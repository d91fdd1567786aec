/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watcher.h: who is told of a change, and what it is told.
 */
#ifndef WATCH_WATCHER_H
#define WATCH_WATCHER_H

#include "util/zk_obj.h"
#include "util/zk_slice.h"

/* As on the wire (WatcherEvent.type). */
enum watch_event_type {
    WATCH_NODE_CREATED = 1,
    WATCH_NODE_DELETED = 2,
    WATCH_NODE_DATA_CHANGED = 3,
    WATCH_NODE_CHILDREN_CHANGED = 4,
};

/* As in removeWatches and checkWatches requests. */
enum watcher_type {
    WATCHER_TYPE_CHILDREN = 1,
    WATCHER_TYPE_DATA = 2,
    WATCHER_TYPE_ANY = 3,
    WATCHER_TYPE_PERSISTENT = 4,
    WATCHER_TYPE_PERSISTENT_RECURSIVE = 5,
};

/* A row of the tables is (path, watcher, kind); the four kinds of one path
 * and watcher live side by side (3.9). */
enum watch_kind {
    WATCH_KIND_DATA = 1,        /* getData, exists: one shot */
    WATCH_KIND_CHILD = 2,       /* getChildren: one shot */
    WATCH_KIND_PERSISTENT = 4,  /* addWatch mode 0: both tables */
    WATCH_KIND_RECURSIVE = 8,   /* addWatch mode 1: data table, subtree */
};

struct watched_event {
    enum watch_event_type type;
    int64_t zxid;               /* Of the transaction; -1 from setWatches. */
    struct zk_slice path;
    /* Raw vector<ACL> of the node that the event speaks of: an event goes
     * only to who may READ it (ZOOKEEPER-4799).  Null: no filter. */
    struct zk_slice acl;
};

struct watcher_entry;

/* Embedded by whoever wants events (a client's connection). */
struct watcher {
    /* Called with the watch manager's lock held, on the thread that applies
     * the transaction: queue the event, wake somebody, return.  Must not
     * call the watch manager. */
    void (*process)(struct watcher *w, const struct watched_event *event);
    int64_t (*session_id)(const struct watcher *w);
    /* Owned by the watch manager; zero at the start. */
    struct watcher_entry *rows;
    bool closed;                /* Its rows were removed for good. */
};

#endif
