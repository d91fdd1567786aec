/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_sync.h: how a learner is brought to the leader's history: DIFF,
 * TRUNC or SNAP, and which transactions follow (Java:
 * LearnerHandler.syncFollower; protocol: "Synchronisation choice").  Pure.
 */
#ifndef ZAB_LEARNER_SYNC_H
#define ZAB_LEARNER_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sync_kind {
    SYNC_DIFF,
    SYNC_TRUNC,
    SYNC_SNAP,
};

struct sync_choice {
    enum sync_kind kind;
    int64_t zxid;               /* Of the opening packet; SNAP: unset. */
    int64_t after;              /* Committed txns above this one follow the
                                 * opening packet, in order. */
    bool from_disk;             /* ... beginning in the log files, since the
                                 * committed log starts later. */
};

/* What the leader has.  'zxids' are those of the committed log and what is
 * committed behind it, rising, n of them.  'last' is the last committed one
 * (n == 0: the end of its history). */
struct sync_history {
    const int64_t *zxids;
    size_t n;
    int64_t last;
    /* The log files hold every committed txn from this zxid on, without a
     * branch or a gap (ZOOKEEPER-2846); INT64_MAX: use none. */
    int64_t disk_from;
    bool force_snapshot;        /* zookeeper.forceSnapshotSync */
};

/* 'peer' is the learner's last zxid from ACKEPOCH.  With from_disk the caller
 * must find 'peer' itself in the log (a txn with that zxid, or peer is
 * <e,0> of an epoch that begins there) within its size limit, else it takes
 * SNAP instead. */
struct sync_choice learner_sync_choose(const struct sync_history *h,
                                       int64_t peer);

#endif
