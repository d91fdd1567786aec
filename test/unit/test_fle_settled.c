/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are settled, those that join them, and those that do not vote.
 * "Case n" as in test_fle_core.c. */
#include <config.h>

#include "test/unit/fle_rig.h"

/* --- settled servers --- */

/* Three voters, and this one, 1, follows 3 since round 1. */
static void
settled(struct rig *r)
{
    rig_init(r, 1, 3);
    start(r, 5, 1);
    hear(r, 3, PEER_LOOKING, 3, 6, 1, 1);
    hear(r, 2, PEER_LOOKING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL_FATAL(state_of(r), PEER_FOLLOWING);
    forget(r);
}

/* Case 3. */
static void
test_only_who_looks_is_answered(void)
{
    struct rig r;

    settled(&r);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 1, 1);
    hear(&r, 3, PEER_LEADING, 3, 6, 1, 1);
    hear(&r, 2, PEER_OBSERVING, 3, 6, 1, 1);
    hear(&r, 2, PEER_LEADING, 2, 9, 9, 9);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    hear(&r, 2, PEER_LOOKING, 2, 9, 9, 9);
    CU_ASSERT_EQUAL(sent(&r, 0), 1);
    CU_ASSERT_EQUAL(sent(&r, 2), 1);
    last_is(&r, PEER_FOLLOWING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 1);
    fle_core_links_changed(r.fc, r.now);
    fle_core_timer(r.fc, r.now + 100000);
    CU_ASSERT_EQUAL(sent(&r, 0), 1);
    rig_fini(&r);
}

/* Only those by whose votes it leads. */
static void
test_a_leader_is_told_that_its_voters_look(void)
{
    struct rig r;

    settled(&r);
    hear(&r, 3, PEER_LOOKING, 3, 6, 2, 1);
    CU_ASSERT_EQUAL(r.deserted, 0);             /* It follows. */
    rig_fini(&r);
    rig_init(&r, 3, 3);
    start(&r, 6, 1);
    hear(&r, 1, PEER_LOOKING, 3, 6, 1, 1);
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN);
    wait_out(&r);
    CU_ASSERT_EQUAL_FATAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(r.deserted, 0);
    hear(&r, 2, PEER_LOOKING, 2, 5, 1, 1);
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN);
    hear(&r, 1, PEER_FOLLOWING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL(r.deserted, 0);
    hear(&r, 1, PEER_LOOKING, 1, 5, 2, 1);
    CU_ASSERT_EQUAL(r.deserted, 1);
    CU_ASSERT_EQUAL(r.deserter, 1);
    rig_fini(&r);
}

/* Case 4: later histories do not change what was elected. */
static void
test_the_vote_keeps_zxid_and_round(void)
{
    struct rig r;

    settled(&r);
    fle_core_set_epoch(r.fc, 2);
    hear(&r, 2, PEER_LOOKING, 2, 0x200000009, 7, 2);
    last_is(&r, PEER_FOLLOWING, 3, 6, 1, 2);
    CU_ASSERT_EQUAL(vote_of(&r).state, PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).peer_epoch, 2);
    rig_fini(&r);
}

/* Case 2. */
static void
test_strangers_are_answered_directly(void)
{
    struct rig r;

    settled(&r);
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN);
    CU_ASSERT_EQUAL(sent(&r, 9), 1);
    last_is(&r, PEER_FOLLOWING, 3, 6, 1, 1);
    hear(&r, -1, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 8, INT64_MIN);
    CU_ASSERT_EQUAL(sent(&r, -1), 1);
    last_is(&r, PEER_FOLLOWING, 3, 6, 1, 1);

    forget(&r);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, STRANGER, PEER_LOOKING, STRANGER, 99, 1, 99);
    CU_ASSERT_EQUAL(sent(&r, STRANGER), 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 1);
    last_is(&r, PEER_LOOKING, 1, 5, 2, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 1);     /* It is not counted. */
    rig_fini(&r);
}

/* An observer of Java answers a smaller round at once, and whoever is settled
 * answers whoever looks: with an answer to those it would never end. */
static void
test_strangers_are_not_made_to_answer(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 6, INT64_MIN);
    CU_ASSERT_EQUAL(sent(&r, 9), 1);
    last_is(&r, PEER_LOOKING, 1, 5, 6, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 1);
    forget(&r);
    hear(&r, 9, PEER_OBSERVING, 3, 5, 1, 1);
    hear(&r, STRANGER, PEER_LEADING, STRANGER, 5, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    rig_fini(&r);
}

/* --- joining --- */

static void
test_joining_a_settled_ensemble(void)
{
    struct rig r;

    rig_init(&r, 5, 5);
    start(&r, 99, 7);                   /* A longer history helps nothing. */
    hear(&r, 1, PEER_FOLLOWING, 3, 6, 4, 8);
    hear(&r, 2, PEER_FOLLOWING, 3, 4, 3, 8);    /* ZOOKEEPER-1818 */
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 3, PEER_LEADING, 3, 6, 4, 8);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 3);
    CU_ASSERT_EQUAL(vote_of(&r).zxid, 6);
    CU_ASSERT_EQUAL(vote_of(&r).peer_epoch, 8);
    CU_ASSERT_EQUAL(vote_of(&r).round, 4);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 4);
    rig_fini(&r);
}

static void
test_joining_needs_a_quorum_of_one_epoch(void)
{
    struct rig r;

    rig_init(&r, 5, 5);
    start(&r, 99, 7);
    hear(&r, 3, PEER_LEADING, 3, 6, 4, 8);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 4, 8);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 4, 8);    /* A voice counts once. */
    hear(&r, 1, PEER_FOLLOWING, 3, 6, 4, 7);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 1, PEER_FOLLOWING, 3, 6, 4, 8);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);
}

/* Servers before 3.4.6 quote the epoch from before the election. */
static void
test_joining_a_mixed_ensemble(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 99, 7);
    hear_version(&r, 1, PEER_FOLLOWING, 2, 6, 4, 7, 0);
    hear(&r, 2, PEER_LEADING, 2, 6, 4, 8);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 2);
    rig_fini(&r);
}

/* Case 1. */
static void
test_a_dead_leader_is_not_followed(void)
{
    struct rig r;

    rig_init(&r, 5, 5);
    start(&r, 5, 1);
    for (int i = 0; i < 3; i++) {
        hear(&r, 1, PEER_FOLLOWING, 4, 6, 3, 1);
        hear(&r, 2, PEER_FOLLOWING, 4, 6, 3, 1);
        hear(&r, 3, PEER_FOLLOWING, 4, 6, 3, 1);
    }
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    /* Nor one that does not say it leads. */
    hear(&r, 4, PEER_LOOKING, 4, 6, 1, 1);
    hear(&r, 4, PEER_FOLLOWING, 4, 6, 3, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 4, PEER_LEADING, 4, 6, 3, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);
}

/* Case 6: we led in round 3 and have restarted. */
static void
test_a_restarted_leader_does_not_believe_its_followers(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    hear(&r, 1, PEER_FOLLOWING, 3, 5, 3, 1);
    hear(&r, 2, PEER_FOLLOWING, 3, 5, 3, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    /* They have noticed. */
    hear(&r, 1, PEER_LOOKING, 1, 5, 4, 1);
    hear(&r, 2, PEER_LOOKING, 2, 5, 4, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 4);
    hear(&r, 1, PEER_LOOKING, 3, 5, 4, 1);
    hear(&r, 2, PEER_LOOKING, 3, 5, 4, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    rig_fini(&r);
}

/* It was elected in round 1, and its process is in round 1 again: what its
 * followers say is of another election. */
static void
test_a_restarted_leader_is_not_misled_by_its_round(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 9, 2);
    hear(&r, 1, PEER_FOLLOWING, 3, 5, 1, 2);
    hear(&r, 2, PEER_FOLLOWING, 3, 5, 1, 2);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 1, PEER_FOLLOWING, 3, 9, 1, 1);
    hear(&r, 2, PEER_FOLLOWING, 3, 9, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 1, PEER_FOLLOWING, 3, 9, 1, 2);
    hear(&r, 2, PEER_FOLLOWING, 3, 9, 1, 2);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    rig_fini(&r);
}

/* The others are through already, in this round. */
static void
test_elected_by_those_who_follow(void)
{
    struct rig r;

    rig_init(&r, 3, 5);
    start(&r, 5, 1);
    hear(&r, 1, PEER_FOLLOWING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 2, PEER_FOLLOWING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    rig_fini(&r);
}

/* One follows already what the rest of us proposes. */
static void
test_a_settled_vote_of_this_round_counts_like_any(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    hear(&r, 3, PEER_LOOKING, 3, 6, 1, 1);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);
}

/* Within a round the leader alone decides what counts together. */
static void
test_epochs_may_differ_within_a_round(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 1, 1);
    hear(&r, 3, PEER_LEADING, 3, 6, 1, 2);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).peer_epoch, 2);
    rig_fini(&r);
}

static void
test_a_new_election_forgets_the_old_one(void)
{
    struct rig r;

    settled(&r);
    start(&r, 6, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 3, PEER_LEADING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    start(&r, 6, 1);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 3, PEER_LEADING, 3, 6, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    hear(&r, 2, PEER_FOLLOWING, 3, 6, 1, 1);    /* Of the round we were in */
    start(&r, 5, 1);
    hear(&r, 3, PEER_LEADING, 3, 6, 2, 1);      /* and the one we are in. */
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    rig_fini(&r);
}

/* --- observers --- */

static void
test_an_observer_runs_the_loop_and_observes(void)
{
    struct rig r;

    rig_init(&r, 9, 3);
    start(&r, 99, 7);
    CU_ASSERT_EQUAL(sent(&r, 0), 3);
    last_is(&r, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    last_is(&r, PEER_LOOKING, 3, 5, 1, 1);
    hear(&r, 2, PEER_LOOKING, 3, 5, 1, 1);      /* Two of three, not three. */
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    hear(&r, 3, PEER_LOOKING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_OBSERVING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 3);
    rig_fini(&r);
}

static void
test_an_observer_joins(void)
{
    struct rig r;

    rig_init(&r, STRANGER, 3);
    start(&r, 99, 7);
    hear(&r, 1, PEER_FOLLOWING, 2, 5, 4, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 2, PEER_LEADING, 2, 5, 4, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_OBSERVING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 2);
    rig_fini(&r);
}

/* Voters answer whatever a stranger says: it must not answer them. */
static void
test_an_observer_answers_nobody(void)
{
    struct rig r;

    rig_init(&r, 9, 3);
    start(&r, 99, 7);
    start(&r, 99, 7);
    forget(&r);
    hear(&r, 1, PEER_LOOKING, 1, 5, 1, 1);      /* A smaller round. */
    hear(&r, 10, PEER_LOOKING, 1, 5, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    hear(&r, 1, PEER_LOOKING, 2, 5, 2, 1);
    forget(&r);
    hear(&r, 3, PEER_LOOKING, 1, 5, 2, 1);      /* A worse vote. */
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    hear(&r, 1, PEER_FOLLOWING, 2, 5, 4, 1);
    hear(&r, 2, PEER_LEADING, 2, 5, 4, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_OBSERVING);
    hear(&r, 3, PEER_LOOKING, 1, 5, 2, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    rig_fini(&r);
}

static const struct zk_test tests[] = {
    { "only who looks is answered", test_only_who_looks_is_answered },
    { "a leader is told that its voters look",
      test_a_leader_is_told_that_its_voters_look },
    { "the vote keeps zxid and round", test_the_vote_keeps_zxid_and_round },
    { "strangers are answered directly",
      test_strangers_are_answered_directly },
    { "strangers are not made to answer",
      test_strangers_are_not_made_to_answer },
    { "joining a settled ensemble", test_joining_a_settled_ensemble },
    { "joining needs a quorum of one epoch",
      test_joining_needs_a_quorum_of_one_epoch },
    { "joining a mixed ensemble", test_joining_a_mixed_ensemble },
    { "a dead leader is not followed", test_a_dead_leader_is_not_followed },
    { "a restarted leader does not believe its followers",
      test_a_restarted_leader_does_not_believe_its_followers },
    { "a restarted leader is not misled by its round",
      test_a_restarted_leader_is_not_misled_by_its_round },
    { "elected by those who follow", test_elected_by_those_who_follow },
    { "a settled vote of this round counts like any",
      test_a_settled_vote_of_this_round_counts_like_any },
    { "epochs may differ within a round",
      test_epochs_may_differ_within_a_round },
    { "a new election forgets the old one",
      test_a_new_election_forgets_the_old_one },
    { "an observer runs the loop and observes",
      test_an_observer_runs_the_loop_and_observes },
    { "an observer joins", test_an_observer_joins },
    { "an observer answers nobody", test_an_observer_answers_nobody },
};

ZK_TEST_MAIN("fle_settled", tests)
