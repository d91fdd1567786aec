/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader.h: leading an ensemble, from discovery to the loss of the quorum
 * (Java: Leader, LearnerHandler, LeaderZooKeeperServer and its processors).
 *
 * Threads: the QuorumPeer thread in leader_lead; LearnerCnxAcceptor per
 * address; per learner a LearnerHandler (reads) and its Sender (writes); the
 * stages of the server.  The leader's lock (rank leader) guards leader_core
 * and the list of learners; nothing is written to a learner under it, only
 * queued.
 *
 * A transaction is encoded once: the PROPOSAL (and for observers the INFORM)
 * of a batch is one block of bytes that all senders share.
 */
#ifndef ZAB_LEADER_H
#define ZAB_LEADER_H

#include "zab/zab_peer.h"

struct leader;

/* 'peer' is borrowed for its life. */
struct leader *leader_create(const struct zab_peer *peer);
/* Binds the quorum port, establishes an epoch, serves until the quorum is
 * lost, leader_shutdown, or a fault.  On return the server's stages have
 * ended, clients and learners are closed, and tree and log agree.  'why' says
 * the reason in any case; ZK_ESTOPPED after leader_shutdown, ZK_EIO for
 * faults that must end the process. */
int leader_lead(struct leader *l, struct zk_errmsg *why) ZK_WARN_UNUSED;
/* Makes leader_lead return soon; any thread, any time after create. */
void leader_shutdown(struct leader *l, const char *why);
void leader_destroy(struct leader *l);
/* A server by whose vote this one leads looks for a leader again.  While no
 * quorum has called, for longer than zookeeper.leader.maxTimeToWaitForEpoch
 * says, leading ends by that (Java: Leader.reportLookingSid).  Any thread, any
 * time after create. */
void leader_voter_looks(struct leader *l, int64_t sid);

/* For status words; any thread while it lives. */
struct leader_status {
    size_t learners, followers, synced_followers, observers,
        synced_observers, pending_syncs;
    int64_t last_proposed, last_committed;
    int64_t sync_time_ms;       /* From the vote to serving; -1: not yet. */
};
void leader_get_status(struct leader *l, struct leader_status *out);

#endif
