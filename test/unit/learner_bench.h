/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_bench.h: a real learner over a real database and with a client port,
 * whose leader is played by the test.  It is server 1, its leader server 3.
 *
 * The history is that of txn_script.h: txn k is <1,k>, and digests[k] is what
 * the tree comes to with it.
 */
#ifndef TEST_LEARNER_BENCH_H
#define TEST_LEARNER_BENCH_H

#include "test/unit/cnxn_client.h"
#include "test/unit/scripted_learner.h"
#include "util/zk_thread.h"
#include "zab/learner.h"

#define LB_EPOCH INT64_C(0x100000000)
#define LB_TXNS 40

/* The same in all tests; made once. */
struct lb_history {
    struct zk_buf txns[LB_TXNS + 1];        /* From 1 on. */
    int64_t digests[LB_TXNS + 1];
};
const struct lb_history *lb_history(void);

struct learner_bench {
    struct test_server s;       /* s.zks stays NULL. */
    int port, listener;         /* The leader's; listener -1: not open. */
    struct quorum_verifier *qv;
    struct zk_database *db;
    struct zab_epochs epochs;
    struct zab_peer peer;
    struct learner *l;
    struct zk_thread thread;
    bool running;
    int rv;
    struct zk_errmsg why;
    _Atomic int64_t vote_epoch;
    _Atomic(struct zookeeper_server *) zks;     /* That clients have. */
    const char *_Atomic mode;   /* Of the last one. */
    struct scripted_learner lead;   /* The leader's end of the link. */
};

/* 'more' are lines for zoo.cfg. */
void lb_open(struct learner_bench *b, const char *more);
void lb_close(struct learner_bench *b);
/* What a restart would find; no learner runs. */
void lb_reopen(struct learner_bench *b);
/* Starts a learner; connect waits for it to come. */
void lb_start(struct learner_bench *b, bool observer);
void lb_connect(struct learner_bench *b);
static inline void
lb_follow(struct learner_bench *b)
{
    lb_start(b, false);
    lb_connect(b);
}

/* Waits until it has ended: what learner_run returned.  Closes the link
 * first. */
int lb_end(struct learner_bench *b);
/* The same, when it is to end by itself. */
int lb_ended(struct learner_bench *b);

/* FOLLOWERINFO or OBSERVERINFO of who has accepted the epoch of 'accepted',
 * LEADERINFO 1, ACKEPOCH with 'last'. */
void lb_discover(struct learner_bench *b, int32_t type, int64_t accepted,
                 int64_t last);
/*
 * Plays words, ends the program when something else comes than expected:
 *
 *   H      FOLLOWERINFO or OBSERVERINFO, LEADERINFO 1, ACKEPOCH
 *   Dk Tk  DIFF, TRUNC <1,k>
 *   Pk Ik  PROPOSAL, INFORM of txn k;  Gk: with garbage behind it
 *   Ck     COMMIT <1,k>
 *   L O    NEWLEADER; O: of a leader of 3.4
 *   U      UPTODATE
 *   p S X  PING, SYNC, a packet of unknown type
 *   Ak     expects ACK <1,k>; A0 is that of NEWLEADER and UPTODATE
 *   e      expects the echo of a PING without sessions
 */
void lb_play(struct learner_bench *b, const char *words);
/* The packets of those words that a leader sends, without reading anything. */
void lb_put(struct zk_buf *out, const char *words);

/* Waits until the tree is at <1,k>; false when the deadline passed. */
bool lb_until(struct learner_bench *b, int64_t k);
/* The tree holds the first k txns and nothing else, and so does the disk. */
bool lb_is_at(struct learner_bench *b, int64_t k);
int64_t lb_tree(struct learner_bench *b);

#endif
