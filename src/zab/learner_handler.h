/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_handler.h: one learner as its leader sees it: the thread that reads
 * its link, through discovery, synchronization and broadcast (Java:
 * LearnerHandler; protocol: sections 6.2 to 6.9), and the queue that is
 * written to it.
 *
 * Whatever comes over the link ends the link at worst.
 */
#ifndef ZAB_LEARNER_HANDLER_H
#define ZAB_LEARNER_HANDLER_H

#include "zab/learner_sender.h"
#include "zab/leader_internal.h"

/* A packet before the learner has introduced itself has no more data. */
#define HANDLER_FIRST_PACKET_MAX 1024

struct learner_handler {
    unsigned magic;
#define LEARNER_HANDLER_MAGIC 0x4c726e48

    /* Set at create, never changed. */
    struct leader *leader;
    struct net_stream *stream;
    struct zk_thread thread;
    struct learner_sender sender;
    int64_t since_ms;           /* When it connected. */

    /* Until then it counts as in sync (zk_time_mono_ms): a packet in the last
     * syncLimit ticks, or the time it has for its start. */
    _Atomic int64_t in_sync_until_ms;
    /* When its last packet behind NEWLEADER came; 0: none yet. */
    _Atomic int64_t heard_ms;

    atomic_uint blocks_taken;   /* Of a snapshot. */

    /* Under the leader's lock. */
    struct learner_handler *next;   /* In one of the leader's lists. */
    bool introduced;            /* sid and all of these are known: */
    int64_t sid;
    bool observer;              /* It sent OBSERVERINFO. */
    bool old;                   /* 3.4: no config version. */
    bool holds_back;            /* Nothing is proposed that 3.4 does not
                                 * know. */
    bool replaced;              /* Its sid has connected anew, or others
                                 * want its place; it is to end. */
    bool joined;                /* It gets proposals or informs. */
    bool sending;               /* The sender runs: it may be pinged. */
    bool acked;                 /* NEWLEADER */
    int64_t acked_zxid;         /* The last proposal it acked. */
    bool up_to_date;            /* UPTODATE is queued. */
    struct leader_sync *asked;  /* Its questions that wait, uthash by session:
                                 * leader_syncs.c. */
    enum handler_load {
        LOAD_NONE,
        LOAD_DIFF,
        LOAD_SNAP,
    } load;                     /* Counted in the leader until acked. */

    /* Owned by the handler's thread. */
    struct zk_buf in;
    size_t in_at;               /* Where the next packet begins. */
    int64_t timeout_ms;         /* Of a read. */
    bool answered;              /* UPTODATE was seen to be queued. */
    struct zookeeper_server *zks;   /* Once the leader has one. */
    struct bq_list requests;    /* Of the packets in hand. */
    int64_t ack;                /* The last one of them; 0: none. */
};

/* Takes the descriptor over; nothing runs yet. */
struct learner_handler *learner_handler_create(struct leader *l, int fd);
/* False when the system has no thread to give. */
bool learner_handler_start(struct learner_handler *h) ZK_WARN_UNUSED;
/* Waits for its end and frees all but the handler itself: its address stays
 * the owner of sessions (session_tracker.h) for as long as the leader
 * leads. */
void learner_handler_join(struct learner_handler *h);
void learner_handler_free(struct learner_handler *h);
/* Ends the link; any thread. */
void learner_handler_close(struct learner_handler *h);

/* ---- between the handler's files --------------------------------------- */

/* One packet of a learner that is up to date or on its way to be; a failure
 * ends the link. */
int learner_handler_packet(struct learner_handler *h,
                           const struct jute_quorum_packet *qp,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* What the packets so far amount to goes to the leader and its server. */
void learner_handler_flush(struct learner_handler *h);
/* The request in a REQUEST; NULL when it is none that a learner may send (one
 * line in the log). */
struct request *learner_request_decode(const struct jute_quorum_packet *qp,
                                       int32_t max_len);

#endif
