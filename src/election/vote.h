/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vote.h: whom a server wants as leader, and which of two votes wins (Java:
 * Vote, FastLeaderElection.totalOrderPredicate).  Pure.
 */
#ifndef ELECTION_VOTE_H
#define ELECTION_VOTE_H

#include "flexible/quorum_verifier.h"

/* As on the wire. */
enum peer_state {
    PEER_LOOKING = 0,
    PEER_FOLLOWING = 1,
    PEER_LEADING = 2,
    PEER_OBSERVING = 3,
};
/* "LOOKING" and so on. */
const char *peer_state_name(enum peer_state s);

/* What observers and strangers propose: it never wins. */
#define VOTE_NOBODY INT64_MIN

struct vote {
    int64_t leader;             /* sid, or VOTE_NOBODY. */
    int64_t zxid;               /* The leader's last when the vote was made. */
    int64_t round;              /* electionEpoch, the sender's clock. */
    int64_t peer_epoch;         /* The leader's currentEpoch. */
    int32_t version;            /* Of the notification it came in; 0 in what
                                 * is counted within the round. */
    enum peer_state state;      /* Of the one who voted. */
};

/* True if 'a' wins over 'b': later epoch, then longer history, then higher
 * id.  A leader without weight never wins. */
bool vote_beats(const struct quorum_verifier *qv, const struct vote *a,
                const struct vote *b);
/* Do both count for the same outcome?  While either looks: leader, zxid,
 * round and epoch agree; else leader and epoch (leader alone where one of
 * the two is of an older notification, ZOOKEEPER-1732, -1818). */
bool vote_same(const struct vote *a, const struct vote *b);

#endif
