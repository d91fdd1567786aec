/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_sender.h: the queue of blocks to one learner and the thread that
 * writes them (Java: LearnerHandler.queuedPackets, sendPackets and
 * SyncLimitCheck).
 *
 * Queueing never blocks.  A learner that takes its packets too slowly is cut
 * off once more than 'max_bytes' wait for it: it syncs anew, which costs less
 * than the leader's memory.
 *
 * It knows the oldest PROPOSAL that was written and not acked: at most one
 * is timed, and the newest that was written meanwhile is timed next.
 */
#ifndef ZAB_LEARNER_SENDER_H
#define ZAB_LEARNER_SENDER_H

#include "net/net_stream.h"
#include "util/blocking_queue.h"
#include "util/zk_thread.h"
#include "zab/packet_block.h"

struct learner_sender {
    /* Set at init. */
    struct net_stream *stream;      /* Borrowed. */
    int64_t max_bytes;
    struct zk_thread thread;
    char key[24];                   /* The learner's sid; since start. */

    struct blocking_queue queue;
    atomic_uint queued;             /* Blocks, ever. */
    _Atomic int64_t queued_bytes;
    atomic_bool cut_off;
    _Atomic int64_t timeout_ms;     /* Of a write in which nothing moves. */

    struct zk_mutex lock;           /* leaf */
    bool timing ZK_GUARDED;
    int64_t timed_zxid ZK_GUARDED;  /* 0: none */
    int64_t timed_since_ms ZK_GUARDED;
    int64_t sent_zxid ZK_GUARDED;   /* The last PROPOSAL written. */
    int64_t sent_ms ZK_GUARDED;
    int64_t acked_zxid ZK_GUARDED;
};

/* Blocks may be queued from now on; nothing is written before start. */
void learner_sender_init(struct learner_sender *ls,
                         struct net_stream *stream, int64_t max_bytes,
                         int64_t timeout_ms);
/* False when the system has no thread to give. */
bool learner_sender_start(struct learner_sender *ls, int64_t sid)
    ZK_WARN_UNUSED;
/* Ends the thread; the stream must be shut down already, and nobody may
 * queue any more.  Frees what is left. */
void learner_sender_fini(struct learner_sender *ls);

/* Shares the block; any thread.  Shuts the stream down when too much
 * waits. */
void learner_sender_queue(struct learner_sender *ls, struct packet_block *pb);
static inline void
learner_sender_queue_once(struct learner_sender *ls, struct packet_block *pb)
{
    learner_sender_queue(ls, pb);
    packet_block_unref(pb);
}

/* Is all written that was queued?  True also where nothing will be. */
static inline bool
learner_sender_is_drained(const struct learner_sender *ls)
{
    return atomic_load(&ls->cut_off) || atomic_load(&ls->queued_bytes) == 0;
}

/* PROPOSALs that are written from now on are timed. */
void learner_sender_begin_timing(struct learner_sender *ls);
void learner_sender_acked(struct learner_sender *ls, int64_t zxid);
/* Has the oldest one waited for its ack for longer? */
bool learner_sender_is_late(struct learner_sender *ls, int64_t limit_ms);

#endif
