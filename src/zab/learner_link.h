/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_link.h: a learner's link to its leader: packets read from whatever
 * has come, and bytes written by a thread of their own, the LearnerSender
 * (Java: Learner.leaderIs and LearnerSender).
 *
 * Queueing never blocks.  When too many bytes wait, the leader has stopped to
 * read, and the link is ended.
 *
 * Thread-safety: read, next and more belong to one thread; send and append
 * may be called from any between init and fini.
 */
#ifndef ZAB_LEARNER_LINK_H
#define ZAB_LEARNER_LINK_H

#include "net/net_stream.h"
#include "proto/quorum_packet.h"
#include "util/zk_lock.h"
#include "util/zk_thread.h"

struct learner_link {
    /* Set at init. */
    struct net_stream *stream;
    int32_t max_len;            /* Of a packet's data. */
    struct zk_thread sender;
    _Atomic int64_t timeout_ms; /* Of a write in which nothing moves. */

    /* Of the reading thread. */
    struct zk_buf in;
    size_t in_at;               /* Used up to here. */
    struct jute_quorum_packet packet;   /* The last one. */

    struct zk_mutex lock;       /* leaf */
    struct zk_cond wakeup;
    struct zk_buf out ZK_GUARDED;
    bool closing ZK_GUARDED;
};

/* Takes the stream over; starts the thread. */
void learner_link_init(struct learner_link *ll, struct net_stream *stream,
                       int32_t max_len, int64_t timeout_ms);
/* Nobody may be sending.  What was not written is dropped. */
void learner_link_fini(struct learner_link *ll);
/* Ends reading and writing; any thread. */
void learner_link_shutdown(struct learner_link *ll);

/* Reads what is there, at least a byte: to be called when next has no more.
 * ZK_EIO: the leader ended the link; else as net_stream_read. */
int learner_link_read(struct learner_link *ll, int64_t timeout_ms,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
/* 1: '*qp' is the next packet, borrowed until the next call; 0: not all of it
 * is there yet; ZK_ETOOBIG or ZK_EMARSHAL: it cannot be a packet. */
int learner_link_next(struct learner_link *ll,
                      const struct jute_quorum_packet **qp,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The bytes behind the last packet, for what is no packet (a snapshot); more
 * of them come by learner_link_more(ll, that buffer, ...).  What is left in it
 * is read as packets again. */
struct zk_buf *learner_link_raw(struct learner_link *ll);
int learner_link_more(struct learner_link *ll, struct zk_buf *out,
                      int64_t timeout_ms, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* A packet without ids. */
void learner_link_send(struct learner_link *ll, int32_t type, int64_t zxid,
                       struct zk_slice data);
/* Whole packets, encoded. */
void learner_link_append(struct learner_link *ll, const void *p, size_t len);

#endif
