/* SPDX-License-Identifier: Apache-2.0 */
/* Votes, rounds and how they end.  "Case n" are those of elections that go
 * wrong in other implementations. */
#include <config.h>

#include "test/unit/fle_rig.h"

/* --- votes --- */

static void
test_order_of_votes(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);
    struct vote a = { .leader = 1, .zxid = 1, .peer_epoch = 2 };
    struct vote b = { .leader = 2, .zxid = 9, .peer_epoch = 1 };

    add(qv, 1, true, 1);
    add(qv, 2, true, 1);
    add(qv, 3, true, 0);
    CU_ASSERT_TRUE(vote_beats(qv, &a, &b));
    CU_ASSERT_FALSE(vote_beats(qv, &b, &a));
    b.peer_epoch = 2;                   /* Then the longer history. */
    CU_ASSERT_TRUE(vote_beats(qv, &b, &a));
    a.zxid = 9;                         /* Then the id. */
    CU_ASSERT_TRUE(vote_beats(qv, &b, &a));
    CU_ASSERT_FALSE(vote_beats(qv, &a, &b));
    CU_ASSERT_FALSE(vote_beats(qv, &a, &a));
    b.leader = 3;                       /* Nobody with weight 0. */
    b.zxid = 99;
    CU_ASSERT_FALSE(vote_beats(qv, &b, &a));
    b.leader = 4;
    CU_ASSERT_FALSE(vote_beats(qv, &b, &a));
    b.leader = VOTE_NOBODY;
    CU_ASSERT_FALSE(vote_beats(qv, &b, &a));
    b.zxid = b.peer_epoch = INT64_MIN;
    CU_ASSERT_TRUE(vote_beats(qv, &a, &b));
    quorum_verifier_destroy(qv);
}

/* ZOOKEEPER-1732, -1818. */
static void
test_which_votes_are_the_same(void)
{
    struct vote a = { .leader = 1, .zxid = 2, .round = 3, .peer_epoch = 4,
                      .state = PEER_LOOKING };
    struct vote b = a;

    CU_ASSERT_TRUE(vote_same(&a, &b));
    b.version = 2;
    b.state = PEER_LEADING;             /* One of the two looks. */
    CU_ASSERT_TRUE(vote_same(&a, &b));
    b.zxid++;
    CU_ASSERT_FALSE(vote_same(&a, &b));
    b = a, b.round++;
    CU_ASSERT_FALSE(vote_same(&a, &b));
    b = a, b.peer_epoch++;
    CU_ASSERT_FALSE(vote_same(&a, &b));
    b = a, b.leader++;
    CU_ASSERT_FALSE(vote_same(&a, &b));

    a.state = PEER_FOLLOWING;           /* Both are settled. */
    b = a, b.state = PEER_LEADING, b.zxid++, b.round++;
    CU_ASSERT_TRUE(vote_same(&a, &b));
    b.peer_epoch++;
    CU_ASSERT_FALSE(vote_same(&a, &b));
    b.version = 2;                      /* One of the two is old. */
    CU_ASSERT_TRUE(vote_same(&a, &b));
    CU_ASSERT_TRUE(vote_same(&b, &a));
    a.version = 1;
    CU_ASSERT_FALSE(vote_same(&a, &b));
    b.version = 0, b.leader++;
    CU_ASSERT_FALSE(vote_same(&a, &b));
}

static void
test_names_of_states(void)
{
    CU_ASSERT_STRING_EQUAL(peer_state_name(PEER_LOOKING), "LOOKING");
    CU_ASSERT_STRING_EQUAL(peer_state_name(PEER_FOLLOWING), "FOLLOWING");
    CU_ASSERT_STRING_EQUAL(peer_state_name(PEER_LEADING), "LEADING");
    CU_ASSERT_STRING_EQUAL(peer_state_name(PEER_OBSERVING), "OBSERVING");
}

/* --- proposing --- */

static void
test_start_tells_all_other_voters(void)
{
    struct rig r;

    rig_init(&r, 2, 3);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), INT64_MAX);
    start(&r, 0x100000005, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    CU_ASSERT_EQUAL(sent(&r, 1), 1);
    CU_ASSERT_EQUAL(sent(&r, 3), 1);
    last_is(&r, PEER_LOOKING, 2, 0x100000005, 1, 1);
    CU_ASSERT_EQUAL(r.sent[0].n.sid, 2);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_MIN_POLL_MS);
    rig_fini(&r);
}

static void
test_nothing_is_heard_before_the_start(void)
{
    struct rig r;

    rig_init(&r, 2, 3);
    hear(&r, 1, PEER_LOOKING, 1, 0, 5, 0);
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 5, INT64_MIN);
    fle_core_timer(r.fc, INT64_MAX);
    fle_core_links_changed(r.fc, r.now);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 0);
    rig_fini(&r);
}

static void
test_the_only_voter_leads_at_once(void)
{
    struct rig r;

    rig_init(&r, 1, 1);
    start(&r, 7, 3);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 1);
    CU_ASSERT_EQUAL(vote_of(&r).zxid, 7);
    CU_ASSERT_EQUAL(vote_of(&r).peer_epoch, 3);
    CU_ASSERT_EQUAL(vote_of(&r).round, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), INT64_MAX);
    rig_fini(&r);
}

static void
test_who_alone_is_a_quorum_leads_at_once(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);
    struct rig r;

    add(qv, 1, true, 3);
    add(qv, 2, true, 1);
    add(qv, 3, true, 1);
    rig_init_with(&r, 1, qv);
    start(&r, 7, 3);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    rig_fini(&r);
}

/* The clean start of three, seen from server 1 while 3 is down. */
static void
test_the_worked_example(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    r.unreachable[3] = true;
    start(&r, 0, 0);
    forget(&r);
    hear(&r, 2, PEER_LOOKING, 2, 0, 1, 0);
    CU_ASSERT_EQUAL(sent(&r, 2), 1);
    CU_ASSERT_EQUAL(sent(&r, 3), 1);
    last_is(&r, PEER_LOOKING, 2, 0, 1, 0);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    forget(&r);
    fle_core_set_epoch(r.fc, 1);
    hear(&r, 3, PEER_LOOKING, 3, 0, 1, 0);
    CU_ASSERT_EQUAL(sent(&r, 0), 1);
    CU_ASSERT_EQUAL(r.sent[0].to, 3);
    last_is(&r, PEER_FOLLOWING, 2, 0, 1, 1);
    /* 2 stops; 3 may be better now. */
    forget(&r);
    r.unreachable[3] = false;
    start(&r, 0x100000001, 1);
    last_is(&r, PEER_LOOKING, 1, 0x100000001, 2, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    rig_fini(&r);
}

static void
test_a_better_vote_is_adopted_and_told(void)
{
    struct rig r;

    rig_init(&r, 2, 5);
    start(&r, 10, 1);
    forget(&r);
    r.now += 50;
    hear(&r, 1, PEER_LOOKING, 1, 11, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 4);
    last_is(&r, PEER_LOOKING, 1, 11, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_MIN_POLL_MS);
    forget(&r);
    hear(&r, 3, PEER_LOOKING, 1, 11, 1, 1);     /* The same: nothing new. */
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 1);
    rig_fini(&r);
}

/* It was settled still when we told everybody: without an answer it would
 * wait for our timer. */
static void
test_a_worse_vote_is_answered(void)
{
    struct rig r;

    rig_init(&r, 2, 3);
    start(&r, 10, 1);
    forget(&r);
    hear(&r, 1, PEER_LOOKING, 1, 10, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 1);
    CU_ASSERT_EQUAL(sent(&r, 1), 1);
    last_is(&r, PEER_LOOKING, 2, 10, 1, 1);
    rig_fini(&r);
}

/* --- the end of a round --- */

static void
test_all_votes_alike_end_it_at_once(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 2, PEER_LOOKING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), INT64_MAX);
    rig_fini(&r);
}

static void
test_a_quorum_waits_for_silence(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    r.now += 30;
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    forget(&r);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    rig_fini(&r);
}

static void
test_any_message_of_a_voter_prolongs_the_wait(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    r.now += 150;
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    r.now += 150;
    hear(&r, 2, PEER_LOOKING, 2, 5, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    r.now += 150;                       /* Strangers do not. */
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + 50);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    rig_fini(&r);
}

static void
test_chatter_cannot_hold_up_the_end(void)
{
    struct rig r;
    int64_t began;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    began = r.now;
    while (state_of(&r) == PEER_LOOKING && r.now < began + 60000) {
        r.now += 100;
        if (fle_core_deadline(r.fc) <= r.now) {
            fle_core_timer(r.fc, r.now);
        }
        hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    }
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(r.now, began + FLE_MAX_FINALIZE_MS);
    rig_fini(&r);
}

static void
test_a_better_vote_ends_the_wait(void)
{
    struct rig r;

    rig_init(&r, 3, 5);
    start(&r, 5, 1);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    hear(&r, 2, PEER_LOOKING, 3, 5, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    forget(&r);
    r.now += 199;
    hear(&r, 4, PEER_LOOKING, 4, 6, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 4);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    r.now += 1;
    fle_core_timer(r.fc, r.now);        /* Not final: 3 was withdrawn. */
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 1, PEER_LOOKING, 4, 6, 1, 1);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_FINALIZE_WAIT_MS);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 4);
    rig_fini(&r);
}

static void
test_a_later_round_ends_the_wait(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    forget(&r);
    hear(&r, 2, PEER_LOOKING, 2, 5, 4, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 4);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    last_is(&r, PEER_LOOKING, 3, 5, 4, 1);
    /* What 1 said was said in another round. */
    hear(&r, 2, PEER_LOOKING, 3, 5, 4, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 1, PEER_LOOKING, 3, 5, 4, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    CU_ASSERT_EQUAL(vote_of(&r).round, 4);
    rig_fini(&r);
}

static void
test_a_withdrawn_vote_ends_the_wait(void)
{
    struct rig r;

    rig_init(&r, 3, 3);
    start(&r, 5, 1);
    hear(&r, 1, PEER_LOOKING, 3, 5, 1, 1);
    hear(&r, 1, PEER_LOOKING, 1, 5, 1, 1);      /* 1 has restarted. */
    r.now += 10 * FLE_FINALIZE_WAIT_MS;
    forget(&r);
    fle_core_timer(r.fc, r.now);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    rig_fini(&r);
}

static void
test_nobody_waits_for_the_unreachable(void)
{
    struct rig r;

    rig_init(&r, 5, 5);
    start(&r, 5, 1);
    r.unreachable[4] = true;
    fle_core_links_changed(r.fc, r.now);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    hear(&r, 1, PEER_LOOKING, 5, 5, 1, 1);
    hear(&r, 2, PEER_LOOKING, 5, 5, 1, 1);
    r.now += 100;
    fle_core_links_changed(r.fc, r.now);        /* 3 is still there, */
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + 100);
    r.unreachable[3] = true;                    /* and now it is not. */
    fle_core_links_changed(r.fc, r.now);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LEADING);
    rig_fini(&r);
}

static void
test_the_unreachable_make_no_quorum(void)
{
    struct rig r;

    rig_init(&r, 3, 5);
    r.unreachable[1] = r.unreachable[2] = r.unreachable[4] = true;
    start(&r, 5, 1);
    hear(&r, 5, PEER_LOOKING, 5, 5, 1, 1);
    fle_core_links_changed(r.fc, r.now);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    rig_fini(&r);
}

/* --- rounds --- */

static void
test_a_smaller_round_is_answered_and_not_counted(void)
{
    struct rig r;

    rig_init(&r, 2, 3);
    start(&r, 5, 1);
    start(&r, 5, 1);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, 3, PEER_LOOKING, 3, 9, 2, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 1);
    CU_ASSERT_EQUAL(sent(&r, 3), 1);
    last_is(&r, PEER_LOOKING, 2, 5, 3, 1);
    hear(&r, 1, PEER_LOOKING, 2, 5, 2, 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 2);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_MIN_POLL_MS);
    rig_fini(&r);
}

/* The first vote counts again, not the one adopted in the old round. */
static void
test_a_later_round_starts_over(void)
{
    struct rig r;

    rig_init(&r, 2, 3);
    start(&r, 5, 1);
    hear(&r, 3, PEER_LOOKING, 3, 9, 1, 1);
    forget(&r);
    hear(&r, 1, PEER_LOOKING, 1, 5, 7, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 7);
    CU_ASSERT_EQUAL(sent(&r, 0), 2);
    last_is(&r, PEER_LOOKING, 2, 5, 7, 1);
    hear(&r, 3, PEER_LOOKING, 3, 9, 7, 1);
    last_is(&r, PEER_LOOKING, 3, 9, 7, 1);
    /* Worse than what we adopted, better than what we brought. */
    hear(&r, 1, PEER_LOOKING, 1, 7, 8, 1);
    last_is(&r, PEER_LOOKING, 1, 7, 8, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 8);
    rig_fini(&r);
}

/* Case 5. */
static void
test_the_round_only_grows(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    hear(&r, 2, PEER_LOOKING, 2, 5, 4, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 4);
    start(&r, 5, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 5);
    /* The others are settled since round 2. */
    hear(&r, 2, PEER_LEADING, 2, 3, 2, 1);
    hear(&r, 3, PEER_FOLLOWING, 2, 3, 2, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    CU_ASSERT_EQUAL(vote_of(&r).round, 2);
    CU_ASSERT_EQUAL(vote_of(&r).zxid, 3);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 5);
    start(&r, 5, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 6);
    rig_fini(&r);
}

static void
test_no_round_is_too_large(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    hear(&r, 2, PEER_LOOKING, 2, 5, INT64_MAX, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), INT64_MAX);
    start(&r, 5, 1);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), INT64_MAX);
    forget(&r);
    hear(&r, 2, PEER_LOOKING, 2, 5, INT64_MIN, 1);
    CU_ASSERT_EQUAL(sent(&r, 2), 1);
    rig_fini(&r);
}

/* --- what does not count --- */

static void
test_a_leader_that_does_not_vote_is_ignored(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, 2, PEER_LOOKING, 9, 99, 1, 9);
    hear(&r, 2, PEER_LOOKING, STRANGER, 99, 4, 9);
    hear(&r, 2, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 4, INT64_MIN);
    hear(&r, 2, PEER_FOLLOWING, 9, 99, 1, 9);
    hear(&r, 3, PEER_LEADING, 9, 99, 1, 9);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 1);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    rig_fini(&r);
}

static void
test_our_own_voice_is_ignored(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, 1, PEER_LOOKING, 3, 9, 5, 1);
    hear(&r, 1, PEER_LEADING, 1, 5, 1, 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 1);
    rig_fini(&r);
}

static void
test_a_voter_without_history_has_no_vote(void)
{
    struct rig r;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, 2, PEER_LOOKING, 1, -1, 8, 9);
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 1);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    rig_fini(&r);

    /* We are the one: only settled servers are believed. */
    rig_init(&r, 1, 3);
    start(&r, -1, 0);
    hear(&r, 2, PEER_LOOKING, 2, 5, 1, 1);
    hear(&r, 3, PEER_LOOKING, 2, 5, 1, 1);
    wait_out(&r);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 1);
    hear(&r, 3, PEER_FOLLOWING, 2, 5, 1, 1);
    hear(&r, 2, PEER_LEADING, 2, 5, 1, 1);
    CU_ASSERT_EQUAL(state_of(&r), PEER_FOLLOWING);
    rig_fini(&r);

    rig_init(&r, 1, 1);
    start(&r, -1, 0);
    CU_ASSERT_EQUAL(state_of(&r), PEER_LOOKING);
    rig_fini(&r);
}

static void
test_weight_0_never_wins(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);
    struct rig r;

    add(qv, 1, true, 1);
    add(qv, 2, true, 1);
    add(qv, 3, true, 1);
    add(qv, 4, true, 0);
    rig_init_with(&r, 1, qv);
    start(&r, 5, 1);
    forget(&r);
    hear(&r, 4, PEER_LOOKING, 4, 99, 1, 9);
    CU_ASSERT_EQUAL(sent(&r, 0), 0);
    CU_ASSERT_EQUAL(vote_of(&r).leader, 1);
    hear(&r, 4, PEER_LOOKING, 4, 99, 2, 9);     /* The round still counts. */
    CU_ASSERT_EQUAL(fle_core_round(r.fc), 2);
    last_is(&r, PEER_LOOKING, 1, 5, 2, 1);
    rig_fini(&r);
}

/* --- time --- */

static void
test_the_proposal_is_told_again_ever_more_rarely(void)
{
    struct rig r;
    int64_t wait = FLE_MIN_POLL_MS;

    rig_init(&r, 1, 3);
    start(&r, 5, 1);
    for (int i = 0; i < 12; i++) {
        CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + wait);
        forget(&r);
        r.delivered = i % 3 != 1;
        r.connects = 0;
        wait_out(&r);
        CU_ASSERT_EQUAL(sent(&r, 0), r.delivered ? 2 : 0);
        CU_ASSERT_EQUAL(r.connects, r.delivered ? 0 : 1);
        if (r.delivered) {
            last_is(&r, PEER_LOOKING, 1, 5, 1, 1);
        }
        wait = wait * 2 < FLE_MAX_POLL_MS ? wait * 2 : FLE_MAX_POLL_MS;
    }
    CU_ASSERT_EQUAL(wait, FLE_MAX_POLL_MS);
    start(&r, 5, 1);                    /* A new election is in a hurry. */
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + FLE_MIN_POLL_MS);
    rig_fini(&r);
}

static void
test_the_times_between_can_be_set(void)
{
    static const int64_t waits[] = { 50, 100, 130, 130 };
    const struct fle_timings t = { 50, 130 };
    struct rig r;

    rig_init(&r, 1, 3);
    fle_core_set_timings(r.fc, &t);
    start(&r, 5, 1);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(waits); i++) {
        CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + waits[i]);
        wait_out(&r);
    }
    rig_fini(&r);
}

static void
test_messages_do_not_put_off_the_next_telling(void)
{
    struct rig r;

    rig_init(&r, 3, 5);
    start(&r, 5, 1);
    r.now += 150;
    hear(&r, 1, PEER_LOOKING, 1, 5, 1, 1);
    hear(&r, 2, PEER_FOLLOWING, 4, 5, 1, 1);
    hear(&r, 9, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN);
    CU_ASSERT_EQUAL(fle_core_deadline(r.fc), r.now + 50);
    rig_fini(&r);
}

static const struct zk_test tests[] = {
    { "the order of votes", test_order_of_votes },
    { "which votes are the same", test_which_votes_are_the_same },
    { "names of states", test_names_of_states },
    { "start tells all other voters", test_start_tells_all_other_voters },
    { "nothing is heard before the start",
      test_nothing_is_heard_before_the_start },
    { "the only voter leads at once", test_the_only_voter_leads_at_once },
    { "who alone is a quorum leads at once",
      test_who_alone_is_a_quorum_leads_at_once },
    { "the worked example", test_the_worked_example },
    { "a better vote is adopted and told",
      test_a_better_vote_is_adopted_and_told },
    { "a worse vote is answered", test_a_worse_vote_is_answered },
    { "all votes alike end it at once", test_all_votes_alike_end_it_at_once },
    { "a quorum waits for silence", test_a_quorum_waits_for_silence },
    { "any message of a voter prolongs the wait",
      test_any_message_of_a_voter_prolongs_the_wait },
    { "chatter cannot hold up the end", test_chatter_cannot_hold_up_the_end },
    { "a better vote ends the wait", test_a_better_vote_ends_the_wait },
    { "a later round ends the wait", test_a_later_round_ends_the_wait },
    { "a withdrawn vote ends the wait", test_a_withdrawn_vote_ends_the_wait },
    { "nobody waits for the unreachable",
      test_nobody_waits_for_the_unreachable },
    { "the unreachable make no quorum", test_the_unreachable_make_no_quorum },
    { "a smaller round is answered and not counted",
      test_a_smaller_round_is_answered_and_not_counted },
    { "a later round starts over", test_a_later_round_starts_over },
    { "the round only grows", test_the_round_only_grows },
    { "no round is too large", test_no_round_is_too_large },
    { "a leader that does not vote is ignored",
      test_a_leader_that_does_not_vote_is_ignored },
    { "our own voice is ignored", test_our_own_voice_is_ignored },
    { "a voter without history has no vote",
      test_a_voter_without_history_has_no_vote },
    { "weight 0 never wins", test_weight_0_never_wins },
    { "the proposal is told again, ever more rarely",
      test_the_proposal_is_told_again_ever_more_rarely },
    { "the times between can be set", test_the_times_between_can_be_set },
    { "messages do not put off the next telling",
      test_messages_do_not_put_off_the_next_telling },
};

ZK_TEST_MAIN("fle_core", tests)
