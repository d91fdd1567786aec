/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader_proposals.h: the transactions that a leader has proposed and its tree
 * has not applied yet: first the committed ones, behind them the open ones
 * (Java: Leader.toBeApplied and outstandingProposals).
 *
 * What a learner needs beyond the committed log stands here, so that log and
 * list together have every transaction at any moment.
 *
 * Thread-safety: none; under the leader's lock.
 */
#ifndef ZAB_LEADER_PROPOSALS_H
#define ZAB_LEADER_PROPOSALS_H

#include "server/request.h"

struct leader_proposal {
    struct txn_bytes *txn;
    int64_t proposed_ms;        /* zk_time_mono_ms */
};

struct leader_proposals {
    struct leader_proposal *ring;
    size_t cap;                 /* A power of two, or 0. */
    size_t first;
    size_t n;
    size_t committed;           /* The first so many of them. */
};

/* All zero is an empty list; fini frees what is in it. */
void leader_proposals_fini(struct leader_proposals *lp);
/* Behind the others; shares 'txn'.  zxids rise. */
void leader_proposals_add(struct leader_proposals *lp, struct txn_bytes *txn,
                          int64_t now_ms);
/* All up to 'zxid' are committed. */
void leader_proposals_commit(struct leader_proposals *lp, int64_t zxid);
/* Drops the committed ones up to 'zxid': they stand in the committed log. */
void leader_proposals_applied(struct leader_proposals *lp, int64_t zxid);
/* The i-th, 0 <= i < n; borrowed. */
static inline const struct leader_proposal *
leader_proposals_at(const struct leader_proposals *lp, size_t i)
{
    return &lp->ring[(lp->first + i) & (lp->cap - 1)];
}

static inline size_t
leader_proposals_open(const struct leader_proposals *lp)
{
    return lp->n - lp->committed;
}

#endif
