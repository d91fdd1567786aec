/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/leader_core.h"

#include "test/lib/zk_test.h"
#include "util/zk_obj.h"

/* Server 3 leads; 1 to 5 vote, 7 and 8 observe. */
#define ME 3
#define STRANGER 99

static struct quorum_verifier *
five_voters(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, false);

    for (int64_t sid = 1; sid <= 8; sid++) {
        if (sid != 6) {
            quorum_verifier_add(qv, &(struct quorum_member) {
                .sid = sid, .voter = sid <= 5, .weight = 1, .group = -1 });
        }
    }
    return qv;
}

struct fixture {
    struct quorum_verifier *qv;
    struct leader_core *lc;
};

static struct fixture
setup(int64_t accepted, int64_t current, int64_t last)
{
    struct fixture f = { .qv = five_voters() };

    f.lc = leader_core_create(f.qv, ME, accepted, current, last);
    return f;
}

static void
teardown(struct fixture *f)
{
    leader_core_destroy(f->lc);
    quorum_verifier_destroy(f->qv);
}

/* Epoch 6 on top of <5,20>; 1 and 2 are in sync. */
static struct fixture
established(void)
{
    struct fixture f = setup(5, 5, zxid_make(5, 20));

    for (int64_t sid = 1; sid <= 2; sid++) {
        leader_core_accepted_epoch(f.lc, sid, 5);
        leader_core_epoch_ack(f.lc, sid, 5, zxid_make(5, 20));
    }
    leader_core_new_leader_ack(f.lc, ME);
    leader_core_new_leader_ack(f.lc, 1);
    CU_ASSERT_TRUE_FATAL(leader_core_new_leader_ack(f.lc, 2));
    return f;
}

static int64_t
z(int64_t counter)
{
    return zxid_make(6, counter);
}

static void
propose_to(struct leader_core *lc, int64_t counter)
{
    for (int64_t zxid = leader_core_last_proposed(lc) + 1;
         zxid <= z(counter); zxid++) {
        leader_core_propose(lc, zxid);
    }
}

/* ---- discovery --------------------------------------------------------- */

static void
test_epoch_is_one_above_all_who_spoke(void)
{
    struct fixture f = setup(4, 4, zxid_make(4, 9));

    CU_ASSERT_EQUAL(leader_core_epoch(f.lc), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 1, 2), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 5, 7), 8);
    CU_ASSERT_EQUAL(leader_core_epoch(f.lc), 8);
    teardown(&f);
}

static void
test_epoch_is_above_our_own(void)
{
    struct fixture f = setup(11, 4, zxid_make(4, 9));

    leader_core_accepted_epoch(f.lc, 1, 2);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 2, 3), 12);
    teardown(&f);
}

static void
test_late_learner_gets_the_same_epoch(void)
{
    struct fixture f = setup(4, 4, zxid_make(4, 9));

    leader_core_accepted_epoch(f.lc, 1, 4);
    leader_core_accepted_epoch(f.lc, 2, 4);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 4, 40), 5);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 7, 41), 5);
    CU_ASSERT_EQUAL(leader_core_epoch(f.lc), 5);
    teardown(&f);
}

static void
test_observer_raises_the_epoch_but_is_not_counted(void)
{
    struct fixture f = setup(4, 4, zxid_make(4, 9));

    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 7, 20), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 8, 4), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, STRANGER,
                                               ZXID_MAX_EPOCH - 1), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 1, 4), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 1, 4), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 2, 4), 21);
    teardown(&f);
}

static void
test_number_that_is_no_epoch_is_not_heard(void)
{
    struct fixture f = setup(4, 4, zxid_make(4, 9));

    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 1, -1), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 2, ZXID_MAX_EPOCH), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 2, INT64_MAX), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 4, 4), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(f.lc, 5, ZXID_MAX_EPOCH - 1),
                    ZXID_MAX_EPOCH);
    CU_ASSERT_TRUE(zxid_make(leader_core_epoch(f.lc), 0xffffffff) > 0);
    teardown(&f);
}

static void
test_single_voter_needs_nobody(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, false);
    struct leader_sync_point sp;
    struct leader_core *lc;

    quorum_verifier_add(qv, &(struct quorum_member) {
        .sid = ME, .voter = true, .weight = 1, .group = -1 });
    lc = leader_core_create(qv, ME, 0, 0, 0);
    CU_ASSERT_EQUAL(leader_core_epoch(lc), 1);
    CU_ASSERT_TRUE(leader_core_epoch_is_acked(lc));
    CU_ASSERT_FALSE(leader_core_is_established(lc));
    CU_ASSERT_TRUE(leader_core_new_leader_ack(lc, ME));
    leader_core_propose(lc, zxid_make(1, 1));
    CU_ASSERT_EQUAL(leader_core_ack(lc, ME, zxid_make(1, 1)),
                    zxid_make(1, 1));
    sp = leader_core_sync_point(lc);
    CU_ASSERT_FALSE(leader_core_is_synced(lc, &sp));
    leader_core_pinged(lc);
    CU_ASSERT_TRUE(leader_core_is_synced(lc, &sp));
    leader_core_destroy(lc);
    quorum_verifier_destroy(qv);
}

/* Our history is <5,20> in epoch 5, and the epoch is 6. */
static struct fixture
gathering(void)
{
    struct fixture f = setup(5, 5, zxid_make(5, 20));

    leader_core_accepted_epoch(f.lc, 1, 5);
    leader_core_accepted_epoch(f.lc, 2, 5);
    CU_ASSERT_EQUAL_FATAL(leader_core_epoch(f.lc), 6);
    return f;
}

static void
test_history_ahead_of_ours_is_refused_while_gathering(void)
{
    struct fixture f = gathering();

    CU_ASSERT_FALSE(leader_core_epoch_ack(f.lc, 1, 6, zxid_make(1, 1)));
    CU_ASSERT_FALSE(leader_core_epoch_ack(f.lc, 1, 5, zxid_make(5, 21)));
    CU_ASSERT_FALSE(leader_core_epoch_ack(f.lc, 8, 5, zxid_make(5, 21)));
    CU_ASSERT_FALSE(leader_core_epoch_is_acked(f.lc));
    /* The current epoch goes before the zxid. */
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 2, 4, zxid_make(5, 30)));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 4, 5, zxid_make(5, 20)));
    CU_ASSERT_TRUE(leader_core_epoch_is_acked(f.lc));
    /* Not compared any more: it gets TRUNC or SNAP. */
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 1, 6, zxid_make(6, 1)));
    teardown(&f);
}

static void
test_epoch_acks_that_do_not_count(void)
{
    struct fixture f = gathering();

    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 1, -1, zxid_make(9, 9)));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 2, 5, -1));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 7, 5, 0));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 8, 5, 0));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, STRANGER, 5, 0));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 4, 0, 0));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 4, 0, 0));
    CU_ASSERT_FALSE(leader_core_epoch_is_acked(f.lc));
    CU_ASSERT_TRUE(leader_core_epoch_ack(f.lc, 5, 0, 0));
    CU_ASSERT_TRUE(leader_core_epoch_is_acked(f.lc));
    teardown(&f);
}

/* ---- synchronization --------------------------------------------------- */

static void
test_epoch_is_established_by_a_quorum_of_acks(void)
{
    struct fixture f = gathering();

    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, 1));   /* Too early. */
    leader_core_epoch_ack(f.lc, 1, 5, 0);
    leader_core_epoch_ack(f.lc, 2, 5, 0);
    CU_ASSERT_EQUAL(leader_core_last_committed(f.lc), zxid_make(5, 20));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, 2));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, 2));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, 7));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, STRANGER));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, ME));
    CU_ASSERT_FALSE(leader_core_is_established(f.lc));
    CU_ASSERT_TRUE(leader_core_new_leader_ack(f.lc, 4));
    CU_ASSERT_TRUE(leader_core_is_established(f.lc));
    CU_ASSERT_EQUAL(leader_core_last_proposed(f.lc), z(0));
    CU_ASSERT_EQUAL(leader_core_last_committed(f.lc), z(0));
    CU_ASSERT_EQUAL(leader_core_own_acked(f.lc), z(0));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, 5));   /* Once. */
    teardown(&f);
}

/* ZOOKEEPER-4685, from the leader's side: proposal acks may come first. */
static void
test_ack_of_new_leader_may_come_late(void)
{
    struct fixture f = gathering();

    leader_core_epoch_ack(f.lc, 1, 5, 0);
    leader_core_epoch_ack(f.lc, 2, 5, 0);
    leader_core_new_leader_ack(f.lc, ME);
    leader_core_ack(f.lc, 1, zxid_make(5, 20));
    leader_core_ack(f.lc, 2, zxid_make(5, 20));
    CU_ASSERT_FALSE(leader_core_new_leader_ack(f.lc, 1));
    CU_ASSERT_TRUE(leader_core_new_leader_ack(f.lc, 2));
    CU_ASSERT_EQUAL(leader_core_last_committed(f.lc), z(0));
    teardown(&f);
}

/* ---- broadcast --------------------------------------------------------- */

static void
test_quorum_of_acks_commits(void)
{
    struct fixture f = established();

    propose_to(f.lc, 1);
    CU_ASSERT_EQUAL(leader_core_last_proposed(f.lc), z(1));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, ME, z(1)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(1)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(1)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 2, z(1)), z(1));
    CU_ASSERT_EQUAL(leader_core_last_committed(f.lc), z(1));
    teardown(&f);
}

static void
test_acks_are_cumulative(void)
{
    struct fixture f = established();

    propose_to(f.lc, 10);
    leader_core_ack(f.lc, ME, z(9));
    leader_core_ack(f.lc, 1, z(4));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 2, z(7)), z(4));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 4, z(10)), z(7));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 4, z(2)), z(7));
    leader_core_ack(f.lc, 4, z(8));     /* It said more already. */
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 5, z(10)), z(9));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(10)), z(10));
    teardown(&f);
}

static void
test_followers_may_commit_before_our_own_log(void)
{
    struct fixture f = established();

    propose_to(f.lc, 3);
    leader_core_ack(f.lc, 1, z(3));
    leader_core_ack(f.lc, 2, z(3));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 4, z(3)), z(3));
    CU_ASSERT_EQUAL(leader_core_own_acked(f.lc), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, ME, z(2)), z(3));
    CU_ASSERT_EQUAL(leader_core_own_acked(f.lc), z(2));
    teardown(&f);
}

static void
test_acks_that_count_for_nothing(void)
{
    struct fixture f = established();

    propose_to(f.lc, 2);
    leader_core_ack(f.lc, ME, z(1));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 7, z(2)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 8, z(2)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, STRANGER, z(2)), z(0));
    /* Never proposed, then the UPTODATE ack, then one of another epoch. */
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(3)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, INT64_MAX), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 2, z(3)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(0)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 2, zxid_make(5, 99)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 2, -1), z(0));
    teardown(&f);
}

static void
test_forgotten_learner_starts_at_nothing(void)
{
    struct fixture f = established();

    propose_to(f.lc, 2);
    leader_core_ack(f.lc, 1, z(2));
    leader_core_ack(f.lc, 2, z(2));
    leader_core_forget(f.lc, 1);
    leader_core_forget(f.lc, 7);
    leader_core_forget(f.lc, STRANGER);
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, ME, z(2)), z(0));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(1)), z(1));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(2)), z(2));
    teardown(&f);
}

static void
test_commit_never_goes_back(void)
{
    struct fixture f = established();

    propose_to(f.lc, 4);
    leader_core_ack(f.lc, ME, z(4));
    leader_core_ack(f.lc, 1, z(3));
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 2, z(3)), z(3));
    leader_core_forget(f.lc, 1);
    leader_core_forget(f.lc, 2);
    CU_ASSERT_EQUAL(leader_core_ack(f.lc, 1, z(1)), z(3));
    CU_ASSERT_EQUAL(leader_core_last_committed(f.lc), z(3));
    teardown(&f);
}

/* Against the definition: for all acks of five voters in 0..3. */
static void
test_commit_is_what_a_quorum_acked(void)
{
    for (int code = 0; code < 4 * 4 * 4 * 4 * 4; code++) {
        struct fixture f = established();
        int left = code;
        int at_least[4] = { 0 };
        int64_t want = 0;

        propose_to(f.lc, 3);
        for (int64_t sid = 5; sid >= 1; sid--, left /= 4) {
            leader_core_ack(f.lc, sid, z(left % 4));
            for (int k = 0; k <= left % 4; k++) {
                at_least[k]++;
            }
        }
        for (int k = 0; k < 4; k++) {
            want = at_least[k] >= 3 ? k : want;
        }
        CU_ASSERT_EQUAL(leader_core_last_committed(f.lc), z(want));
        teardown(&f);
    }
}

static void
test_who_must_be_in_sync(void)
{
    struct fixture f = established();
    const int64_t one[] = { 1 };
    const int64_t two[] = { 5, 1 };
    const int64_t no[] = { 1, 1, ME, 7, 8, STRANGER };

    CU_ASSERT_FALSE(leader_core_has_quorum(f.lc, NULL, 0));
    CU_ASSERT_FALSE(leader_core_has_quorum(f.lc, one, 1));
    CU_ASSERT_TRUE(leader_core_has_quorum(f.lc, two, 2));
    CU_ASSERT_FALSE(leader_core_has_quorum(f.lc, no, ZK_ARRAY_SIZE(no)));
    teardown(&f);
}

/* ---- syncs ------------------------------------------------------------- */

/* 1, 2 and 4 have got UPTODATE. */
static struct fixture
serving(void)
{
    struct fixture f = established();

    leader_core_up_to_date(f.lc, 1);
    leader_core_up_to_date(f.lc, 2);
    leader_core_up_to_date(f.lc, 4);
    return f;
}

static void
test_sync_waits_for_a_ping_that_was_sent_behind_it(void)
{
    struct fixture f = serving();
    struct leader_sync_point sp;

    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    leader_core_pinged(f.lc);
    sp = leader_core_sync_point(f.lc);
    CU_ASSERT_EQUAL(sp.zxid, z(0));
    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));  /* One is on its way. */
    leader_core_ping_answered(f.lc, 1);
    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_TRUE(leader_core_needs_ping(f.lc));
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_pinged(f.lc);
    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    leader_core_ping_answered(f.lc, 4);             /* The first one. */
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_ping_answered(f.lc, 4);
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &sp));
    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    teardown(&f);
}

static void
test_one_ping_serves_all_syncs_that_wait(void)
{
    struct fixture f = serving();
    struct leader_sync_point first, later[3];

    first = leader_core_sync_point(f.lc);
    CU_ASSERT_TRUE(leader_core_needs_ping(f.lc));
    leader_core_pinged(f.lc);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(later); i++) {
        later[i] = leader_core_sync_point(f.lc);
        CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    }
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &first));
    CU_ASSERT_TRUE(leader_core_needs_ping(f.lc));
    leader_core_pinged(f.lc);                       /* That of a tick will
                                                     * do. */
    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 2);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(later); i++) {
        CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &later[i]));
    }
    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    teardown(&f);
}

/* What had no answer waits for the next round, and does not ask for it. */
static void
test_a_later_point_waits_for_the_ping_of_a_tick(void)
{
    struct fixture f = serving();
    struct leader_sync_point sp = leader_core_later_point(f.lc), sync;

    CU_ASSERT_FALSE(leader_core_needs_ping(f.lc));
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_pinged(f.lc);
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &sp));
    /* It is no earlier than any that was given. */
    sync = leader_core_sync_point(f.lc);
    sp = leader_core_later_point(f.lc);
    CU_ASSERT_EQUAL(sp.zxid, sync.zxid);
    CU_ASSERT_EQUAL(sp.round, sync.round);
    leader_core_pinged(f.lc);
    leader_core_propose(f.lc, zxid_make(6, 1));
    sp = leader_core_later_point(f.lc);
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &sync));
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    teardown(&f);
}

static void
test_sync_waits_for_what_was_proposed_before_it(void)
{
    struct fixture f = serving();
    struct leader_sync_point sp;

    propose_to(f.lc, 2);
    sp = leader_core_sync_point(f.lc);
    CU_ASSERT_EQUAL(sp.zxid, z(2));
    leader_core_pinged(f.lc);
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 2);
    leader_core_ack(f.lc, ME, z(2));
    leader_core_ack(f.lc, 1, z(2));
    leader_core_ack(f.lc, 2, z(1));
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_ack(f.lc, 2, z(2));
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &sp));
    teardown(&f);
}

/* Acks of what was proposed behind it say as much as PINGs, and it must not
 * wait longer: its answer goes before that commit. */
static void
test_sync_is_confirmed_by_what_is_committed_behind_it(void)
{
    struct fixture f = serving();
    struct leader_sync_point sp;

    propose_to(f.lc, 2);
    sp = leader_core_sync_point(f.lc);
    propose_to(f.lc, 3);
    leader_core_ack(f.lc, ME, z(2));
    leader_core_ack(f.lc, 1, z(2));
    leader_core_ack(f.lc, 2, z(2));
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_ack(f.lc, 1, z(3));
    leader_core_ack(f.lc, 2, z(3));
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_ack(f.lc, 4, z(3));
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &sp));
    teardown(&f);
}

static void
test_ping_answers_that_count_for_nothing(void)
{
    struct fixture f = serving();
    struct leader_sync_point sp;

    leader_core_ping_answered(f.lc, 1);             /* To nothing. */
    sp = leader_core_sync_point(f.lc);
    leader_core_pinged(f.lc);
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 1);
    leader_core_ping_answered(f.lc, 5);             /* Not up to date. */
    leader_core_ping_answered(f.lc, 7);             /* An observer. */
    leader_core_up_to_date(f.lc, 8);
    leader_core_ping_answered(f.lc, 8);
    leader_core_up_to_date(f.lc, STRANGER);
    leader_core_ping_answered(f.lc, STRANGER);
    leader_core_ping_answered(f.lc, ME);
    leader_core_forget(f.lc, 2);
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_up_to_date(f.lc, 2);                /* Behind the PING. */
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_FALSE(leader_core_is_synced(f.lc, &sp));
    leader_core_pinged(f.lc);
    leader_core_ping_answered(f.lc, 2);
    CU_ASSERT_TRUE(leader_core_is_synced(f.lc, &sp));
    teardown(&f);
}

/* ---- hierarchical ------------------------------------------------------ */

/* Groups {1,2,3} and {4,5,6}: a quorum needs two of each. */
static void
test_groups_decide_where_there_are_some(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);
    struct leader_core *lc;

    for (int64_t sid = 1; sid <= 6; sid++) {
        quorum_verifier_add(qv, &(struct quorum_member) {
            .sid = sid, .voter = true, .weight = 1, .group = (sid - 1) / 3 });
    }
    lc = leader_core_create(qv, ME, 5, 5, 0);
    for (int64_t sid = 1; sid <= 4; sid++) {
        leader_core_accepted_epoch(lc, sid, 5);
        leader_core_epoch_ack(lc, sid, 5, 0);
    }
    CU_ASSERT_EQUAL(leader_core_epoch(lc), -1);
    CU_ASSERT_EQUAL(leader_core_accepted_epoch(lc, 5, 5), 6);
    CU_ASSERT_TRUE(leader_core_epoch_ack(lc, 5, 5, 0));
    CU_ASSERT_TRUE(leader_core_epoch_is_acked(lc));
    for (int64_t sid = 1; sid <= 4; sid++) {
        CU_ASSERT_FALSE(leader_core_new_leader_ack(lc, sid));
    }
    CU_ASSERT_TRUE(leader_core_new_leader_ack(lc, 6));
    leader_core_propose(lc, z(1));
    for (int64_t sid = 1; sid <= 4; sid++) {
        CU_ASSERT_EQUAL(leader_core_ack(lc, sid, z(1)), z(0));
    }
    CU_ASSERT_EQUAL(leader_core_ack(lc, 6, z(1)), z(1));
    leader_core_destroy(lc);
    quorum_verifier_destroy(qv);
}

static const struct zk_test tests[] = {
    { "the epoch is one above all who spoke",
      test_epoch_is_one_above_all_who_spoke },
    { "the epoch is above our own", test_epoch_is_above_our_own },
    { "a late learner gets the same epoch",
      test_late_learner_gets_the_same_epoch },
    { "an observer raises the epoch but is not counted",
      test_observer_raises_the_epoch_but_is_not_counted },
    { "a number that is no epoch is not heard",
      test_number_that_is_no_epoch_is_not_heard },
    { "a single voter needs nobody", test_single_voter_needs_nobody },
    { "a history ahead of ours is refused while gathering",
      test_history_ahead_of_ours_is_refused_while_gathering },
    { "epoch acks that do not count", test_epoch_acks_that_do_not_count },
    { "the epoch is established by a quorum of acks",
      test_epoch_is_established_by_a_quorum_of_acks },
    { "the ack of NEWLEADER may come late",
      test_ack_of_new_leader_may_come_late },
    { "a quorum of acks commits", test_quorum_of_acks_commits },
    { "acks are cumulative", test_acks_are_cumulative },
    { "followers may commit before our own log",
      test_followers_may_commit_before_our_own_log },
    { "acks that count for nothing", test_acks_that_count_for_nothing },
    { "a forgotten learner starts at nothing",
      test_forgotten_learner_starts_at_nothing },
    { "what is committed stays so", test_commit_never_goes_back },
    { "what commits is what a quorum acked",
      test_commit_is_what_a_quorum_acked },
    { "who must be in sync", test_who_must_be_in_sync },
    { "a sync waits for a PING that was sent behind it",
      test_sync_waits_for_a_ping_that_was_sent_behind_it },
    { "a later point waits for the PING of a tick",
      test_a_later_point_waits_for_the_ping_of_a_tick },
    { "one PING serves all syncs that wait",
      test_one_ping_serves_all_syncs_that_wait },
    { "a sync waits for what was proposed before it",
      test_sync_waits_for_what_was_proposed_before_it },
    { "a sync is confirmed by what is committed behind it",
      test_sync_is_confirmed_by_what_is_committed_behind_it },
    { "answers to PINGs that count for nothing",
      test_ping_answers_that_count_for_nothing },
    { "groups decide where there are some",
      test_groups_decide_where_there_are_some },
};

ZK_TEST_MAIN("leader_core", tests)
