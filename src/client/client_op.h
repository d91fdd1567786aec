/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_op.h: what a client can ask, and what it is told.
 *
 * A struct zk_op borrows everything it points at, for the call it is given
 * to.  A struct zk_result owns one piece of memory, which all its slices
 * point into.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef CLIENT_CLIENT_OP_H
#define CLIENT_CLIENT_OP_H

#include "jute/zookeeper_records.h"
#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/request_codec.h"

/* Java: AddWatchMode. */
enum zk_watch_mode {
    ZK_WATCH_PERSISTENT = 0,
    ZK_WATCH_PERSISTENT_RECURSIVE = 1,
};

/* Java: Watcher.WatcherType. */
enum zk_watcher_type {
    ZK_WATCHER_CHILDREN = 1,
    ZK_WATCHER_DATA = 2,
    ZK_WATCHER_ANY = 3,
    ZK_WATCHER_PERSISTENT = 4,
    ZK_WATCHER_PERSISTENT_RECURSIVE = 5,
};

/* Use zk_op_*; what an operation does not have is ignored. */
struct zk_op {
    int32_t op;                 /* enum op_code. */
    const char *path;
    struct zk_slice data;       /* create*, setData; auth: the proof. */
    struct zk_slice acl;        /* create*, setACL: raw, see acl_codec.h. */
    int32_t flags;              /* create*: enum create_flags; addWatch: enum
                                 * zk_watch_mode; checkWatches and
                                 * removeWatches: enum zk_watcher_type. */
    int64_t ttl;                /* createTTL: ms. */
    int32_t version;            /* -1: any. */
    bool watch;                 /* exists, getData, getChildren*. */
    bool local;                 /* removeWatches: forget them also when the
                                 * server cannot be told. */
    const struct zk_op *ops;    /* multi, multiRead. */
    size_t n_ops;
    const char *scheme;         /* auth. */
    const char *joining;        /* reconfig; NULL: none. */
    const char *leaving;
    const char *members;
    int64_t config_id;          /* reconfig: the version it must be, or -1. */
    bool absolute;              /* The path is not below the chroot. */
};

/* One answer of a multi or a multiRead. */
struct zk_op_result {
    int32_t type;               /* enum op_code of the result; OP_ERROR. */
    int32_t err;                /* enum keeper_error. */
    struct zk_slice path;       /* create*. */
    struct zk_slice data;       /* getData. */
    struct jute_stat stat;      /* create2, setData, getData. */
    struct jute_vec_slice children;     /* getChildren. */
};

struct zk_result {
    int32_t op;                 /* What was asked: enum op_code. */
    int32_t err;                /* enum keeper_error.  But for 'zxid', the
                                 * rest has a meaning with KE_OK only. */
    int64_t zxid;               /* Of the reply; -1: there was none. */
    struct zk_slice path;       /* create*, sync. */
    struct zk_slice data;       /* getData, reconfig; null is not empty. */
    struct jute_stat stat;      /* Zeros where the operation gives none. */
    bool has_stat;
    struct jute_vec_slice names;    /* getChildren* (not sorted),
                                     * getEphemerals (paths). */
    struct zk_slice acl;        /* getACL: raw. */
    int32_t number;             /* getAllChildrenNumber. */
    struct jute_vec_client_info who;    /* whoAmI. */
    /* multi, multiRead: one for each op, in order.  A multi that failed has
     * err KE_OK here as on the wire; zk_result_multi_err says more. */
    struct zk_op_result *results;
    int32_t n_results;

    struct zk_buf mem;          /* What the slices point into. */
};

/* An answer that has nothing but its code. */
void zk_result_init(struct zk_result *r, int32_t op, int32_t err);
/* Frees what it has; nothing for one that is all zero. */
void zk_result_fini(struct zk_result *r);
/* KE_OK when each op of a multi was done; else the error of the op that made
 * it fail, and its place in '*at' (may be NULL). */
int32_t zk_result_multi_err(const struct zk_result *r, int32_t *at);

/* What Java's client sends for 'mode' (enum create_flags): create,
 * createContainer, or createTTL with 'ttl_ms'; a result has the path.  An
 * 'acl' that is a null slice is acl_raw_open. */
struct zk_op zk_op_create(const char *path, struct zk_slice data,
                          struct zk_slice acl, int32_t mode, int64_t ttl_ms);
/* The same with create2 in place of create: there is a Stat, too. */
struct zk_op zk_op_create2(const char *path, struct zk_slice data,
                           struct zk_slice acl, int32_t mode,
                           int64_t ttl_ms);
struct zk_op zk_op_delete(const char *path, int32_t version);
struct zk_op zk_op_exists(const char *path, bool watch);
struct zk_op zk_op_get_data(const char *path, bool watch);
struct zk_op zk_op_set_data(const char *path, struct zk_slice data,
                            int32_t version);
/* getChildren2: the names and the Stat. */
struct zk_op zk_op_get_children(const char *path, bool watch);
struct zk_op zk_op_get_acl(const char *path);
struct zk_op zk_op_set_acl(const char *path, struct zk_slice acl,
                           int32_t version);
struct zk_op zk_op_sync(const char *path);
/* Only inside a multi. */
struct zk_op zk_op_check(const char *path, int32_t version);
/* 'ops' (borrowed): create*, delete, setData, check. */
struct zk_op zk_op_multi(const struct zk_op *ops, size_t n);
/* 'ops' (borrowed): getData, getChildren. */
struct zk_op zk_op_multi_read(const struct zk_op *ops, size_t n);
/* Is said again to each server that the session comes to.  KE_AUTH_FAILED
 * ends the session's life here (ZK_CLIENT_AUTH_FAILED). */
struct zk_op zk_op_auth(const char *scheme, struct zk_slice auth);
struct zk_op zk_op_add_watch(const char *path, enum zk_watch_mode mode);
struct zk_op zk_op_check_watches(const char *path, enum zk_watcher_type type);
/* All of this client's watches of that type; KE_NO_WATCHER when it has none
 * there. */
struct zk_op zk_op_remove_watches(const char *path, enum zk_watcher_type type,
                                  bool local);
/* 'prefix' "/": all of the session. */
struct zk_op zk_op_get_ephemerals(const char *prefix);
struct zk_op zk_op_get_all_children_number(const char *path);
struct zk_op zk_op_who_am_i(void);
/* Either joining and leaving or members; 'config_id' -1: any. */
struct zk_op zk_op_reconfig(const char *joining, const char *leaving,
                            const char *members, int64_t config_id);
/* getData of /zookeeper/config, which is outside of any chroot. */
struct zk_op zk_op_get_config(bool watch);

#endif
