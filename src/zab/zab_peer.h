/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zab_peer.h: what leader and learners know of the server they are a role of
 * (it is declared here and filled in by quorum/).
 */
#ifndef ZAB_ZAB_PEER_H
#define ZAB_ZAB_PEER_H

#include "config/server_config.h"
#include "flexible/quorum_verifier.h"
#include "server/zk_database.h"
#include "server/zookeeper_server.h"

/* How long after a role began to serve a snapshot goes on that rested: its
 * clients come back now, and it has time. */
#define ZAB_SNAPSHOT_AFTER_MS 1000

/* Sessions that one learner, or the leader's clients, have asked for and wait
 * to be told of: some 150 bytes each.  A learner of ours asks for no more, as
 * that would end its link. */
#define ZAB_MAX_ASKED 65536

/* acceptedEpoch and currentEpoch: in memory what is on disk.  Lives as long as
 * the process; used by the QuorumPeer thread and, while leading, under the
 * leader's lock. */
struct zab_epochs {
    const char *dir;            /* version-2 of the data folder. */
    int64_t accepted;
    int64_t current;
};

/* Reads both files; where one is missing it is the epoch of 'last_zxid' and is
 * written.  An epoch of last_zxid between current and accepted is what a crash
 * at NEWLEADER leaves behind (Java's updatingEpoch case among them): current
 * is raised to it.  ZK_ECORRUPT when it or current > accepted.  'dir' is
 * borrowed for the life of 'e'. */
int zab_epochs_load(struct zab_epochs *e, const char *dir, int64_t last_zxid,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* What zab_epochs_load would come to; writes nothing. */
int zab_epochs_peek(struct zab_epochs *e, const char *dir, int64_t last_zxid,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Durable when they return; never back.  The same value writes nothing. */
int zab_epochs_accept(struct zab_epochs *e, int64_t epoch,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
int zab_epochs_establish(struct zab_epochs *e, int64_t epoch,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;

struct tls_context;

struct zab_peer {
    void *self;
    const struct server_config *config;
    const struct quorum_verifier *qv;
    const char *membership;     /* The text for NEWLEADER. */
    struct zk_database *db;
    struct tls_context *tls;    /* Of links between servers; borrowed.  See
                                 * link_options. */
    struct zab_epochs *epochs;
    int64_t sid;
    /* The role's server takes clients from now on; NULL: no more (their
     * connections are closed before it returns). */
    void (*set_server)(void *self, struct zookeeper_server *zks);
    /* The epoch is established: the vote carries it. */
    void (*set_vote_epoch)(void *self, int64_t epoch);
    /* Only a whole snapshot will do from the next leader, since the disk could
     * not go back to where this one wanted it (ZOOKEEPER-4837). */
    bool need_snapshot;
};

#endif
