/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/vote.h"

const char *
peer_state_name(enum peer_state s)
{
    switch (s) {
    case PEER_LOOKING:
        return "LOOKING";
    case PEER_FOLLOWING:
        return "FOLLOWING";
    case PEER_LEADING:
        return "LEADING";
    case PEER_OBSERVING:
        return "OBSERVING";
    }
    return "?";
}

bool
vote_beats(const struct quorum_verifier *qv, const struct vote *a,
           const struct vote *b)
{
    if (quorum_verifier_weight(qv, a->leader) == 0) {
        return false;
    }
    if (a->peer_epoch != b->peer_epoch) {
        return a->peer_epoch > b->peer_epoch;
    }
    if (a->zxid != b->zxid) {
        return a->zxid > b->zxid;
    }
    return a->leader > b->leader;
}

bool
vote_same(const struct vote *a, const struct vote *b)
{
    if (a->leader != b->leader) {
        return false;
    }
    if (a->state == PEER_LOOKING || b->state == PEER_LOOKING) {
        return a->zxid == b->zxid && a->round == b->round
               && a->peer_epoch == b->peer_epoch;
    }
    /* Who leads is settled.  zxid and round are those of the election each of
     * them took part in, and older servers do not bring the epoch up to date
     * (ZOOKEEPER-1732, -1805, -1818). */
    return (a->version > 0) != (b->version > 0)
           || a->peer_epoch == b->peer_epoch;
}
