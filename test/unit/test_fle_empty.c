/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A voter that is empty may have lost what it acknowledged: it makes nobody a
 * leader before it has heard from all.  A has everything, B lags behind, C is
 * wiped.
 */
#include <config.h>

#include "test/unit/fle_rig.h"

enum { A = 1, B = 2, C = 3 };

#define FULL 0x100000009
#define LAGS 0x100000004

static bool
is_missing(const struct rig *r, int64_t sid)
{
    for (size_t i = 0; i < r->n_missing; i++) {
        if (r->missing[i] == sid) {
            return true;
        }
    }
    return false;
}

/* Goes on for a minute; nobody is elected. */
static void
stays_looking(struct rig *r)
{
    for (int64_t end = r->now + 60000; r->now < end;) {
        wait_out(r);
        CU_ASSERT_EQUAL_FATAL(state_of(r), PEER_LOOKING);
    }
}

static void
test_one_that_lags_behind_is_not_elected(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    r.unreachable[A] = true;
    start(&r, 0, 0);
    forget(&r);
    hear(&r, B, PEER_LOOKING, B, LAGS, 1, 1);
    hear(&r, B, PEER_LOOKING, B, LAGS, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, C);
    stays_looking(&r);
    CU_ASSERT_EQUAL(vote_of(&r).leader, C);
    CU_ASSERT_EQUAL(r.held_back, 1);
    CU_ASSERT_EQUAL(r.n_missing, 1);
    CU_ASSERT_TRUE(is_missing(&r, A));

    /* A is up. */
    forget(&r);
    hear(&r, A, PEER_LOOKING, A, FULL, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    last_is(&r, PEER_LOOKING, A, FULL, 1, 1);
    hear(&r, B, PEER_LOOKING, A, FULL, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    CU_ASSERT_EQUAL(r.held_back, 1);
    rig_fini(&r);
}

/* In whatever order they speak, the best of them is followed. */
static void
test_the_last_to_speak_need_not_be_the_best(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    start(&r, 0, 0);
    hear(&r, A, PEER_LOOKING, A, FULL, 1, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, C);
    forget(&r);
    hear(&r, B, PEER_LOOKING, B, LAGS, 1, 1);
    last_is(&r, PEER_LOOKING, A, FULL, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    CU_ASSERT_EQUAL(r.held_back, 0);
    rig_fini(&r);
}

/* What it said in another round is not known to be all it has. */
static void
test_a_later_round_forgets_who_spoke(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    start(&r, 0, 0);
    hear(&r, A, PEER_LOOKING, A, FULL, 1, 1);
    forget(&r);
    hear(&r, B, PEER_LOOKING, B, LAGS, 2, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    last_is(&r, PEER_LOOKING, C, 0, 2, 0);
    stays_looking(&r);
    CU_ASSERT_EQUAL(r.n_missing, 1);
    CU_ASSERT_TRUE(is_missing(&r, A));
    hear(&r, A, PEER_LOOKING, A, FULL, 2, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    rig_fini(&r);
}

/* A spoke and then followed somebody: what it has still counts. */
static void
test_who_spoke_and_settled_is_remembered(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    start(&r, 0, 0);
    hear(&r, A, PEER_LOOKING, A, FULL, 1, 1);
    hear(&r, A, PEER_LEADING, A, FULL, 1, 2);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    forget(&r);
    hear(&r, B, PEER_LOOKING, B, LAGS, 1, 1);
    last_is(&r, PEER_LOOKING, A, FULL, 1, 1);
    rig_fini(&r);
}

/* A server that was alone gets two new ones beside it. */
static void
test_growth_from_one(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    start(&r, 0, 0);
    hear(&r, A, PEER_LOOKING, A, 0x57, 1, 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, C);
    hear(&r, B, PEER_LOOKING, B, 0, 1, 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    CU_ASSERT_EQUAL(vote_of(&r).zxid, 0x57);
    hear(&r, B, PEER_LOOKING, A, 0x57, 1, 0);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);

    /* Seen from A, which has a history and does as ever. */
    rig_init(&r, A, 3);
    start(&r, 0x57, 0);
    hear(&r, B, PEER_LOOKING, B, 0, 1, 0);
    hear(&r, C, PEER_LOOKING, C, 0, 1, 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    hear(&r, B, PEER_LOOKING, A, 0x57, 1, 0);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    rig_fini(&r);
}

static void
test_two_new_ones_of_three_elect(void)
{
    struct rig r;

    rig_init(&r, A, 3);
    start(&r, 0, 0);
    hear(&r, B, PEER_LOOKING, B, 0, 1, 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, B);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(r.held_back, 0);
    rig_fini(&r);
}

/* A history that turns up while a quorum of empty ones waits for silence. */
static void
test_empty_ones_do_not_decide_over_a_history(void)
{
    struct rig r;

    rig_init(&r, 3, 5);
    start(&r, 0, 0);
    hear(&r, 1, PEER_LOOKING, 3, 0, 1, 0);
    hear(&r, 2, PEER_LOOKING, 3, 0, 1, 0);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    r.now += 100;
    hear(&r, 4, PEER_LOOKING, 4, LAGS, 1, 1);
    stays_looking(&r);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 3);
    CU_ASSERT_EQUAL(r.n_missing, 1);
    CU_ASSERT_TRUE(is_missing(&r, 5));
    hear(&r, 5, PEER_LOOKING, 5, FULL, 1, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 5);
    rig_fini(&r);

    /* The same of one that follows somebody who is gone. */
    rig_init(&r, 3, 5);
    start(&r, 0, 0);
    hear(&r, 4, PEER_FOLLOWING, 5, FULL, 7, 2);
    hear(&r, 1, PEER_LOOKING, 3, 0, 1, 0);
    hear(&r, 2, PEER_LOOKING, 3, 0, 1, 0);
    stays_looking(&r);
    CU_ASSERT_EQUAL(r.n_missing, 2);
    CU_ASSERT_TRUE(is_missing(&r, 4));
    CU_ASSERT_TRUE(is_missing(&r, 5));
    rig_fini(&r);
}

static void
test_an_empty_one_of_five(void)
{
    struct rig r;

    rig_init(&r, 3, 5);
    start(&r, 0, 0);
    hear(&r, 1, PEER_LOOKING, 2, LAGS, 1, 1);
    hear(&r, 2, PEER_LOOKING, 2, LAGS, 1, 1);
    hear(&r, 4, PEER_LOOKING, 2, LAGS, 1, 1);
    stays_looking(&r);              /* 5 may have more. */
    /* The others are a quorum and need no more of us. */
    hear(&r, 1, PEER_FOLLOWING, 2, LAGS, 1, 1);
    hear(&r, 4, PEER_FOLLOWING, 2, LAGS, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 2, PEER_LEADING, 2, LAGS, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 2);
    rig_fini(&r);
}

static void
test_a_settled_leader_is_joined(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    r.unreachable[A] = true;
    start(&r, 0, 0);
    hear(&r, B, PEER_FOLLOWING, A, LAGS, 6, 2);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, A, PEER_LEADING, A, LAGS, 6, 2);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    rig_fini(&r);
}

/* Who was not told that it should be empty has no vote, but nothing better
 * than the others either. */
static void
test_who_has_no_vote_is_not_waited_for(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    start(&r, 0, 0);
    hear(&r, A, PEER_LOOKING, A, FULL, 4, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, C);
    hear(&r, B, PEER_LOOKING, B, -1, 1, 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    CU_ASSERT_EQUAL(vote_of(&r).round, 4);
    rig_fini(&r);
}

/* Weight 0 neither wins nor acknowledges. */
static void
test_weight_0_is_not_waited_for(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);
    struct rig r;

    add(qv, A, true, 1);
    add(qv, B, true, 1);
    add(qv, C, true, 1);
    add(qv, 4, true, 0);
    rig_init_with(&r, C, qv);
    start(&r, 0, 0);
    hear(&r, A, PEER_LOOKING, A, FULL, 1, 1);
    hear(&r, B, PEER_LOOKING, B, LAGS, 1, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, A);
    rig_fini(&r);
}

/* An epoch is a history: somebody has led. */
static void
test_who_took_part_in_an_epoch_is_not_empty(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    start(&r, 0, 1);
    hear(&r, B, PEER_LOOKING, B, LAGS, 1, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, B);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);
}

static void
test_each_election_says_it_once(void)
{
    struct rig r;

    rig_init(&r, C, 3);
    for (unsigned i = 1; i <= 2; i++) {
        start(&r, 0, 0);
        hear(&r, B, PEER_LOOKING, B, LAGS, i, 1);
        CU_ASSERT_EQUAL(r.held_back, i - 1);
        wait_out(&r);
        CU_ASSERT_EQUAL(r.held_back, i);
        stays_looking(&r);
        CU_ASSERT_EQUAL(r.held_back, i);
    }
    rig_fini(&r);
}

static const struct zk_test tests[] = {
    { "one that lags behind is not elected",
      test_one_that_lags_behind_is_not_elected },
    { "the last to speak need not be the best",
      test_the_last_to_speak_need_not_be_the_best },
    { "a later round forgets who spoke",
      test_a_later_round_forgets_who_spoke },
    { "who spoke and settled is remembered",
      test_who_spoke_and_settled_is_remembered },
    { "growth from one", test_growth_from_one },
    { "two new ones of three elect", test_two_new_ones_of_three_elect },
    { "empty ones do not decide over a history",
      test_empty_ones_do_not_decide_over_a_history },
    { "an empty one of five", test_an_empty_one_of_five },
    { "a settled leader is joined", test_a_settled_leader_is_joined },
    { "who has no vote is not waited for",
      test_who_has_no_vote_is_not_waited_for },
    { "weight 0 is not waited for", test_weight_0_is_not_waited_for },
    { "who took part in an epoch is not empty",
      test_who_took_part_in_an_epoch_is_not_empty },
    { "each election says it once", test_each_election_says_it_once },
};

ZK_TEST_MAIN("fle_empty", tests)
