/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner.h: following or observing a leader, from connecting to the loss of
 * the link (Java: Learner, Follower, Observer, LearnerZooKeeperServer and its
 * processors).
 *
 * Threads: the QuorumPeer thread in learner_run reads the link, feeds
 * learner_core and hands whole batches to the stages; the LearnerSender
 * writes what goes to the leader; Sync, CommitProcessor and Final as in the
 * chain:
 *
 *   selectors -> FollowerRequestProcessor -> CommitProcessor -> Final
 *                       | REQUEST to the leader     ^ commits
 *   link -> Sync -> SendAck                         |
 *      `--------------------------------------------'
 */
#ifndef ZAB_LEARNER_H
#define ZAB_LEARNER_H

#include "zab/zab_peer.h"

struct learner;

/* 'leader_sid' must have an address in the configuration.  NULL: the system
 * has no descriptor left for it, as 'em' says. */
struct learner *learner_create(struct zab_peer *peer, int64_t leader_sid,
                               bool observer, struct zk_errmsg *em);
/* Connects, is brought up to date, serves until the link is lost.  On return
 * the stages have ended, clients are closed, tree and log agree (or the tree
 * was loaded anew).  ZK_ESTOPPED after learner_shutdown; ZK_ECORRUPT,
 * ZK_ENOSPC: faults of the own disk that must end the process; anything else:
 * look for a leader again. */
int learner_run(struct learner *l, struct zk_errmsg *why) ZK_WARN_UNUSED;
/* Makes learner_run return soon; any thread, any time after create. */
void learner_shutdown(struct learner *l);
void learner_destroy(struct learner *l);
/* From the vote to serving, ms; -1: not yet. */
int64_t learner_sync_time_ms(struct learner *l);

#endif
