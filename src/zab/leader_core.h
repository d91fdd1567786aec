/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader_core.h: what a leader decides (Java: Leader; Zab paper, phases 1 to
 * 3; protocol: sections 6.2, 6.5, 6.6): the new epoch, whose history is
 * behind ours, when the epoch is established, and when a proposal commits.
 *
 * No thread, clock, lock or I/O.  The owner serialises calls.
 *
 * Acks are cumulative: ACK z of a learner means that z and all before it is
 * durable there (invariant 9), since proposals reach it in order on one link.
 * A learner that connects anew starts at nothing.
 *
 * A sync is answered once a quorum has shown that it followed this leader
 * after the sync came: by answers to PINGs that were queued behind it, or by
 * acks of a proposal that was.  A later leader needs one of these servers in
 * its own quorum, and whoever has taken the later epoch never follows this
 * one again: so at the time the sync came there was no later leader, and
 * nobody had been told of anything that is missing here (ZOOKEEPER-1675).
 * For the same reason a session that is unknown here by then has ended; and as
 * who asks has heard of it, that is said to those who ask for it meanwhile,
 * too.
 */
#ifndef ZAB_LEADER_CORE_H
#define ZAB_LEADER_CORE_H

#include "flexible/quorum_verifier.h"

/* Above it zxids would be negative. */
#define ZXID_MAX_EPOCH INT64_C(0x7fffffff)

static inline int64_t
zxid_make(int64_t epoch, int64_t counter)
{
    return (int64_t) ((uint64_t) epoch << 32 | (uint64_t) counter);
}

static inline int64_t
zxid_epoch(int64_t zxid)
{
    return (int64_t) ((uint64_t) zxid >> 32);
}

static inline int64_t
zxid_counter(int64_t zxid)
{
    return zxid & INT64_C(0xffffffff);
}

struct leader_core;

/* 'qv' is borrowed.  The epochs are those on this server's disk, 'last_zxid'
 * the end of its history. */
struct leader_core *leader_core_create(const struct quorum_verifier *qv,
                                       int64_t my_sid, int64_t accepted_epoch,
                                       int64_t current_epoch,
                                       int64_t last_zxid);
void leader_core_destroy(struct leader_core *lc);

/* ---- discovery --------------------------------------------------------- */

/* A learner said which epoch it accepted last (this server is in from the
 * start).  Voters count by sid, whatever packet they sent, and strangers not
 * at all; a number that is no epoch, or the last there can be, is not
 * heard.  Returns the new epoch once a quorum has spoken (the same for all,
 * for ever), else -1.  The owner must have made it durable as its
 * acceptedEpoch before it tells anybody. */
int64_t leader_core_accepted_epoch(struct leader_core *lc, int64_t sid,
                                   int64_t accepted_epoch);
int64_t leader_core_epoch(const struct leader_core *lc);    /* or -1 */

/* A learner's answer to LEADERINFO; current_epoch -1: it had accepted the
 * epoch before and does not count.  False: its history is ahead of ours while
 * we still gather: it must be dropped. */
bool leader_core_epoch_ack(struct leader_core *lc, int64_t sid,
                           int64_t current_epoch, int64_t last_zxid);
/* A quorum (this server counted) has acked the epoch: histories may be
 * brought to ours.  The owner makes its currentEpoch durable first. */
bool leader_core_epoch_is_acked(const struct leader_core *lc);

/* ---- synchronization --------------------------------------------------- */

/* ACK(epoch << 32) of a learner, or of this server itself once its
 * currentEpoch is durable.  True when the epoch is established by it. */
bool leader_core_new_leader_ack(struct leader_core *lc, int64_t sid);
bool leader_core_is_established(const struct leader_core *lc);

/* ---- broadcast --------------------------------------------------------- */

/* The next proposal goes out; 'zxid' is the one behind the last (the first of
 * an epoch may have any counter). */
void leader_core_propose(struct leader_core *lc, int64_t zxid);
/* An ack of a learner, or of this server's log.  Strangers, observers, acks
 * for what is committed or was never proposed count for nothing.  Returns the
 * last committed zxid, which may have moved by many. */
int64_t leader_core_ack(struct leader_core *lc, int64_t sid, int64_t zxid);
/* The learner's link is gone: so is what it acked. */
void leader_core_forget(struct leader_core *lc, int64_t sid);
int64_t leader_core_last_proposed(const struct leader_core *lc);
int64_t leader_core_last_committed(const struct leader_core *lc);
/* Up to where this server's own log is durable (its own acks). */
int64_t leader_core_own_acked(const struct leader_core *lc);

/* ---- syncs, and questions for sessions --------------------------------- */

/* What a sync, or a question that only who leads may answer, waits for that
 * comes now. */
struct leader_sync_point {
    int64_t zxid;               /* It is committed; and */
    uint64_t round;             /* this PING was answered by a quorum, or
                                 * something behind zxid is committed. */
};

/* The point of a sync that comes now; wants a PING behind it. */
struct leader_sync_point leader_core_sync_point(struct leader_core *lc);
/* The point of a question that had no answer at its own: later than all that
 * were given so far, and it asks for no PING of its own. */
struct leader_sync_point leader_core_later_point(
    const struct leader_core *lc);
/* May a sync with this point be answered: did a quorum, since it came, say
 * that this server leads, and is all applied that was proposed before? */
bool leader_core_is_synced(const struct leader_core *lc,
                           const struct leader_sync_point *sp);
/* Is a PING to be sent for syncs that wait?  Not while one is on its way to
 * a quorum: the next one then serves all that have come meanwhile. */
bool leader_core_needs_ping(const struct leader_core *lc);
/* A PING is queued to each learner. */
void leader_core_pinged(struct leader_core *lc);
/* UPTODATE is queued to a learner: it answers each PING behind that, in
 * order, and none before. */
void leader_core_up_to_date(struct leader_core *lc, int64_t sid);
/* It has answered its next one.  Answers to nothing, and those of observers
 * and strangers, count for nothing. */
void leader_core_ping_answered(struct leader_core *lc, int64_t sid);

/* May it go on, when these servers (itself added) are in sync? */
bool leader_core_has_quorum(const struct leader_core *lc,
                            const int64_t *sids, size_t n);

#endif
