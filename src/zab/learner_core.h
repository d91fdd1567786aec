/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_core.h: what a learner does with each packet of its leader (Java:
 * Learner.registerWithLeader and syncWithLeader, Follower, Observer;
 * protocol: sections 6.4, 6.6, 16).
 *
 * The core decides and keeps the order; the env acts.  No thread, clock or
 * lock.  In the server the env's functions do I/O on the QuorumPeer thread;
 * in the simulator they act on a model disk that can lose power between any
 * two of them.  An env function that fails ends the link: the core returns
 * the error and takes no more packets.
 *
 * The order that no crash may break (ZOOKEEPER-3911, -4646, -4643, -4785,
 * -3023): at NEWLEADER what was received and committed is durable, then
 * currentEpoch is, then the ack goes out, before any ack of a proposal
 * (ZOOKEEPER-4685).  Proposals stay in one queue until their commit
 * (ZOOKEEPER-4394).  lastProcessed moves only with what was applied, never by
 * the zxid of DIFF (ZOOKEEPER-2355).
 */
#ifndef ZAB_LEARNER_CORE_H
#define ZAB_LEARNER_CORE_H

#include "proto/quorum_packet.h"
#include "util/zk_error.h"

/* What a learner is asked to do.  All but the ones that return nothing may
 * fail. */
struct learner_env {
    void *self;
    /* Both durable before they return. */
    int (*set_accepted_epoch)(void *self, int64_t epoch,
                              struct zk_errmsg *em);
    int (*set_current_epoch)(void *self, int64_t epoch,
                             struct zk_errmsg *em);
    /* A packet to the leader; may be gathered until flush. */
    int (*send)(void *self, int32_t type, int64_t zxid, struct zk_slice data,
                struct zk_errmsg *em);
    /* SNAP: reads the stream from the link and makes it the tree.  Nothing of
     * it is on disk yet, and it must be thrown away unless save_snapshot
     * follows (ZOOKEEPER-3642). */
    int (*load_snapshot)(void *self, int64_t zxid, struct zk_errmsg *em);
    /* The tree as it is now becomes the whole history on disk: log records
     * above it are cut, the snapshot is durable, newer ones are removed
     * (ZOOKEEPER-2832). */
    int (*save_snapshot)(void *self, struct zk_errmsg *em);
    /* TRUNC: disk and tree go back to 'zxid'. */
    int (*truncate)(void *self, int64_t zxid, struct zk_errmsg *em);
    /* Applies a committed txn to the tree at once.  SNAP: it will be in the
     * snapshot; else it is durable in the log. */
    int (*apply)(void *self, struct zk_slice txn, struct zk_errmsg *em);
    /* Appends a txn to the log, not yet durable; log_sync makes all durable.
     * Only before broadcast. */
    int (*log_append)(void *self, struct zk_slice txn, struct zk_errmsg *em);
    int (*log_sync)(void *self, struct zk_errmsg *em);
    /* UPTODATE: the role starts to serve; what follows is broadcast. */
    int (*serve)(void *self, int64_t epoch, struct zk_errmsg *em);
    /* Broadcast: a proposal goes to the log (acked once durable), a commit to
     * the commit stage (in zxid order, each after its proposal).  'txn' null:
     * the last proposal came twice (Java's 3.9); nothing is logged, but it is
     * acked again once it is durable. */
    int (*propose)(void *self, int64_t zxid, struct zk_slice txn,
                   struct zk_errmsg *em);
    int (*commit)(void *self, int64_t zxid, struct zk_errmsg *em);
    /* PING (the env answers with its touched sessions), REVALIDATE, SYNC. */
    int (*ping)(void *self, int64_t zxid, struct zk_errmsg *em);
    int (*revalidated)(void *self, struct zk_slice data,
                       struct zk_errmsg *em);
    int (*synced)(void *self, struct zk_errmsg *em);
};

struct learner_core_options {
    int64_t sid;                /* Own; -1 becomes what the leader gives. */
    bool observer;
    int64_t accepted_epoch, current_epoch;  /* On disk. */
    int64_t last_zxid;          /* End of the own history; 0 also when only a
                                 * whole snapshot will do. */
    int64_t config_version;
    int32_t max_len;            /* Of a txn's parts. */
};

struct learner_core;

/* Copies both structs; the env's 'self' is borrowed. */
struct learner_core *learner_core_create(const struct learner_env *env,
                                         const struct learner_core_options *o);
void learner_core_destroy(struct learner_core *lc);

/* Sends FOLLOWERINFO or OBSERVERINFO. */
int learner_core_start(struct learner_core *lc, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* One packet of the leader; 'txn' borrows are copied when kept.  ZK_EMARSHAL:
 * it breaks the protocol; ZK_ECORRUPT: what it says cannot be (a gap, a
 * commit without its proposal, an older epoch). */
int learner_core_packet(struct learner_core *lc,
                        const struct jute_quorum_packet *qp,
                        struct zk_errmsg *em) ZK_WARN_UNUSED;
/* NEWLEADER was acked: the read time-out is syncLimit from now on. */
bool learner_core_is_synced(const struct learner_core *lc);
/* UPTODATE came. */
bool learner_core_is_serving(const struct learner_core *lc);
int64_t learner_core_epoch(const struct learner_core *lc);  /* or -1 */
/* A leader of 3.4 (NEWLEADER without data): newer operations are not
 * forwarded to it. */
bool learner_core_leader_is_old(const struct learner_core *lc);

#endif
