/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_core.h: brings the requests of this server's clients and the
 * commits of the ensemble into one order (Java: CommitProcessor; protocol:
 * "Commit stage").  Pure: no thread, no lock.
 *
 * Requests pass in the order they came.  One that needs the ensemble (a write
 * or a sync of a client) stops the queue until its commit or answer comes; the
 * reads behind it wait with it (reads of connections that have nothing on its
 * way never get here).  What one learner link sends comes back in that order, so
 * nothing waits for long behind another's write.
 *
 * A commit passes only once it is durable in this server's own log
 * (ZOOKEEPER-4882): commit_core_durable.
 *
 * On a leader a request carries its txn, and the commit of that zxid releases
 * it; on a learner the commit carries the txn, and belongs to the first
 * waiting request if session, cxid and the kind agree, else it is somebody
 * else's and passes by itself.
 *
 * What is answered here waits for nobody: requests that have an error already,
 * those of local sessions, and on a leader the syncs of learners, which are
 * answered elsewhere.
 */
#ifndef SERVER_COMMIT_CORE_H
#define SERVER_COMMIT_CORE_H

#include "server/request.h"

struct commit_core {
    bool learner;
    struct bq_list pending;     /* Requests, in order of arrival. */
    struct bq_list commits;     /* Learner: requests made of commits, and
                                 * answers to syncs (type OP_SYNC, no txn). */
    int64_t committed;          /* Leader: the last committed zxid. */
    int64_t durable;            /* The end of the own log. */
    size_t reads_behind;        /* For metrics: of pending, those that would
                                 * not have to wait. */
    /* Answers name no sync, so they are counted.
     * syncs_answered <= syncs_pending. */
    size_t syncs_pending;
    size_t syncs_answered;      /* Of those, the first. */
};

/* 'last' is the zxid the tree is at. */
void commit_core_init(struct commit_core *cc, bool learner, int64_t last);
/* Frees what is left in it. */
void commit_core_fini(struct commit_core *cc);
/* Requests of clients, in order; on a learner before they are sent to the
 * leader. */
void commit_core_submit(struct commit_core *cc, struct bq_list *requests);
/* Leader: all up to 'zxid' is committed. */
void commit_core_committed(struct commit_core *cc, int64_t zxid);
/* Leader: the next 'n' syncs of its clients may be answered once what stands
 * before them has passed. */
void commit_core_synced(struct commit_core *cc, size_t n);
/* Learner: committed txns (requests with txn set and nothing else) and sync
 * answers, in the leader's order. */
void commit_core_deliver(struct commit_core *cc, struct bq_list *commits);
/* The own log is durable up to 'zxid'; INT64_MAX on who keeps none. */
void commit_core_durable(struct commit_core *cc, int64_t zxid);
/* Moves what may pass now behind 'out'.  A request that a commit belongs to
 * has its txn, zxid and err; a commit by itself has type, session, cxid, zxid
 * and err of its txn. */
void commit_core_take(struct commit_core *cc, struct bq_list *out);

#endif
