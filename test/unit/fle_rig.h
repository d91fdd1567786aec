/* SPDX-License-Identifier: Apache-2.0 */
/* fle_rig.h: one election core, told what others say. */
#ifndef TEST_FLE_RIG_H
#define TEST_FLE_RIG_H

#include "election/fle_core.h"

#include "test/lib/zk_test.h"
#include "util/zk_obj.h"

#define MAX_SENT 512
#define MAX_SID 16
#define STRANGER 77

/* A core and what it asked for. */
struct rig {
    struct quorum_verifier *qv;
    struct fle_core *fc;
    int64_t now;
    struct {
        int64_t to;
        struct fle_notification n;
    } sent[MAX_SENT];
    size_t n_sent;
    bool delivered;
    unsigned connects;
    bool unreachable[MAX_SID];
    unsigned held_back;         /* How often it said so, */
    int64_t missing[MAX_SID];   /* and because of whom. */
    size_t n_missing;
    unsigned deserted;          /* How often a voter looked again, */
    int64_t deserter;           /* the last time this one. */
};

static inline void
rig_send(void *self, int64_t to, const struct fle_notification *n)
{
    struct rig *r = self;

    if (r->n_sent == MAX_SENT) {
        fprintf(stderr, "too many messages\n");
        abort();
    }
    r->sent[r->n_sent].to = to;
    r->sent[r->n_sent++].n = *n;
}

static inline bool
rig_delivered(void *self)
{
    struct rig *r = self;

    return r->delivered;
}

static inline void
rig_connect_all(void *self)
{
    struct rig *r = self;

    r->connects++;
}

static inline bool
rig_unreachable(void *self, int64_t sid)
{
    struct rig *r = self;

    return sid >= 0 && sid < MAX_SID && r->unreachable[sid];
}

static inline void
rig_holds_back(void *self, const int64_t *sids, size_t n)
{
    struct rig *r = self;

    r->held_back++;
    r->n_missing = n;
    CU_ASSERT_FATAL(n <= MAX_SID);
    memcpy(r->missing, sids, n * sizeof sids[0]);
}

static inline void
rig_voter_looks(void *self, int64_t sid)
{
    struct rig *r = self;

    r->deserted++;
    r->deserter = sid;
}

static inline void
add(struct quorum_verifier *qv, int64_t sid, bool voter, int64_t weight)
{
    struct quorum_member m = { sid, voter, weight, 1 };

    quorum_verifier_add(qv, &m);
}

static inline void
rig_init_with(struct rig *r, int64_t my_sid, struct quorum_verifier *qv)
{
    struct fle_env env = {
        r, rig_send, rig_delivered, rig_connect_all, rig_unreachable,
        rig_holds_back, rig_voter_looks,
    };

    memset(r, 0, sizeof *r);
    r->qv = qv;
    r->now = 1000;
    r->delivered = true;
    r->fc = fle_core_create(&env, my_sid, qv);
}

/* Voters 1 to 'voters', and observer 9. */
static inline void
rig_init(struct rig *r, int64_t my_sid, int64_t voters)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, false);

    for (int64_t sid = 1; sid <= voters; sid++) {
        add(qv, sid, true, 1);
    }
    add(qv, 9, false, 1);
    rig_init_with(r, my_sid, qv);
}

static inline void
rig_fini(struct rig *r)
{
    fle_core_destroy(r->fc);
    quorum_verifier_destroy(r->qv);
}

static inline void
start(struct rig *r, int64_t zxid, int64_t epoch)
{
    fle_core_start(r->fc, r->now, zxid, epoch);
}

static inline void
hear_version(struct rig *r, int64_t from, enum peer_state state,
             int64_t leader, int64_t zxid, int64_t round, int64_t epoch,
             int32_t version)
{
    struct fle_notification n = {
        .sid = from,
        .vote = { .leader = leader, .zxid = zxid, .round = round,
                  .peer_epoch = epoch, .version = version, .state = state },
        .config = ZK_SLICE_NULL,
    };

    fle_core_receive(r->fc, r->now, &n);
}

static inline void
hear(struct rig *r, int64_t from, enum peer_state state, int64_t leader,
     int64_t zxid, int64_t round, int64_t epoch)
{
    hear_version(r, from, state, leader, zxid, round, epoch, FLE_VERSION);
}

/* How much was sent to 'to' (0: to anybody) since the last forget. */
static inline unsigned
sent(const struct rig *r, int64_t to)
{
    unsigned n = 0;

    for (size_t i = 0; i < r->n_sent; i++) {
        n += to == 0 || r->sent[i].to == to;
    }
    return n;
}

static inline void
forget(struct rig *r)
{
    r->n_sent = 0;
}

/* The last message was this vote. */
static inline void
last_is(const struct rig *r, enum peer_state state, int64_t leader,
        int64_t zxid, int64_t round, int64_t epoch)
{
    const struct vote *v;

    CU_ASSERT_FATAL(r->n_sent > 0);
    v = &r->sent[r->n_sent - 1].n.vote;
    CU_ASSERT_EQUAL(v->state, state);
    CU_ASSERT_EQUAL(v->leader, leader);
    CU_ASSERT_EQUAL(v->zxid, zxid);
    CU_ASSERT_EQUAL(v->round, round);
    CU_ASSERT_EQUAL(v->peer_epoch, epoch);
    CU_ASSERT_EQUAL(v->version, FLE_VERSION);
}

static inline enum peer_state
state_of(const struct rig *r)
{
    return fle_core_state(r->fc, NULL);
}

static inline struct vote
vote_of(const struct rig *r)
{
    struct vote v;

    fle_core_state(r->fc, &v);
    return v;
}

/* Goes to the next deadline. */
static inline void
wait_out(struct rig *r)
{
    int64_t at = fle_core_deadline(r->fc);

    CU_ASSERT_FATAL(at != INT64_MAX);
    CU_ASSERT_TRUE(at >= r->now);
    fle_core_timer(r->fc, at - 1);
    r->now = at;
    fle_core_timer(r->fc, at);
}

#endif
