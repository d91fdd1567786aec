/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader_case.h: a real leader over a real database, with learners that a test
 * plays packet by packet.  It is server 3 of three voters: itself and one more
 * are a quorum.
 */
#ifndef TEST_LEADER_CASE_H
#define TEST_LEADER_CASE_H

#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "test/unit/scripted_learner.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"
#include "zab/leader.h"
#include "zab/leader_core.h"

#define LC_TICK_MS 400
#define LC_SYNC_LIMIT 5         /* 2 s */
#define LC_INIT_LIMIT 10        /* 4 s */
#define LC_SESSION 0x100000000000042

struct leader_case {
    char *dir;
    int port;
    struct server_config *config;
    struct quorum_verifier *qv;
    struct zk_database *db;
    struct zab_epochs epochs;
    struct zab_peer peer;
    struct leader *l;
    struct zk_thread thread;
    atomic_bool ended;
    int rv;                     /* Of leader_lead, with its reason. */
    struct zk_errmsg why;
    _Atomic int64_t vote_epoch;
    _Atomic(struct zookeeper_server *) zks;     /* While it serves. */
    /* The follower 1, one that comes later, and the observer 9; closed with
     * the case. */
    struct scripted_learner s, t, o;
};

static inline int64_t
z(int64_t epoch, int64_t counter)
{
    return zxid_make(epoch, counter);
}

/* ---- the leader -------------------------------------------------------- */

/* 'voters' servers from 1 on, of whom the last one is to lead; 'more' are
 * lines for zoo.cfg. */
void lc_open(struct leader_case *c, int voters, const char *more);
/* Leads, in a thread of its own; makes the leader unless the test has. */
void lc_lead(struct leader_case *c);
/* Waits for the end of leading: what leader_lead returned. */
int lc_join(struct leader_case *c);
/* Ends it by leader_shutdown, as which it must count. */
void lc_stop(struct leader_case *c);
/* Nothing leads any more. */
void lc_close(struct leader_case *c);
/* A leader of three that waits for a quorum. */
void lc_init(struct leader_case *c, const char *more);
/* lc_stop and lc_close. */
void lc_fini(struct leader_case *c);

/* ---- looking ----------------------------------------------------------- */

struct leader_status lc_status(const struct leader_case *c);
/* For lc_until, too. */
int64_t lc_tree_zxid(const struct leader_case *c);
int64_t lc_serves(const struct leader_case *c);
int64_t lc_followers(const struct leader_case *c);
int64_t lc_pending_syncs(const struct leader_case *c);
/* Waits until 'what' gives 'value'; false when the deadline passed. */
bool lc_until(const struct leader_case *c,
              int64_t (*what)(const struct leader_case *), int64_t value);

/* ---- learners ---------------------------------------------------------- */

/* The learner 'sid' of an empty server connects, says who it is in 'len' bytes
 * (of 3.4: 12, of later ones: 20) and hears of epoch 1. */
void lc_greet(const struct leader_case *c, struct scripted_learner *s,
              int64_t sid, int32_t type, int32_t len);
/* The same up to ACKEPOCH, of one that has got as far as 'last_zxid'. */
void lc_discover(const struct leader_case *c, struct scripted_learner *s,
                 int64_t sid, bool observer, int64_t last_zxid);
/* From NEWLEADER to UPTODATE. */
void lc_up(struct scripted_learner *s);

/* s follows, so that the leader serves. */
void lc_follow(struct leader_case *c);
/* lc_init and lc_follow. */
void lc_serve(struct leader_case *c, const char *more);
/* o observes. */
void lc_observe(struct leader_case *c);
/* LC_SESSION begins at s, by <1,1>; o is told if it is there. */
void lc_session(struct leader_case *c);

/* ---- requests and proposals -------------------------------------------- */

/* PROPOSAL, ack, COMMIT. */
void lc_pass(struct scripted_learner *s, int64_t zxid);
/* The same: the error that is proposed; 0: none. */
int32_t lc_pass_err(struct scripted_learner *s, int64_t zxid);
/* 'n' creates with 'len' bytes of data by s, one after the other, from zxid
 * 'first' on. */
void lc_create_many(struct leader_case *c, int64_t first, int n, size_t len);
/* A SYNC of LC_SESSION. */
void lc_ask_sync(struct scripted_learner *s, int32_t cxid);
/* REVALIDATE, and what is to be said of the session. */
void lc_ask_session(struct scripted_learner *s, int64_t session,
                    int32_t timeout_ms);
void lc_expect_session(struct scripted_learner *s, int64_t session,
                       bool lives);
/* PROPOSAL and COMMIT of each, as who joins gets them. */
void lc_expect_pairs(struct scripted_learner *s, int64_t first, int64_t last);

/* Reads 'n' PINGs, which are to be answered later. */
void lc_withhold_pings(struct scripted_learner *s, size_t n);
void lc_answer_pings(struct scripted_learner *s, size_t n);

#endif
