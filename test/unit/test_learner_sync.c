/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_sync.h"

#include "test/lib/zk_test.h"
#include "util/zk_obj.h"
#include "zab/leader_core.h"

#define Z(e, c) ((int64_t) (e) << 32 | (c))

static void
check(const struct sync_history *h, int64_t peer, struct sync_choice want)
{
    struct sync_choice got = learner_sync_choose(h, peer);

    CU_ASSERT_EQUAL(got.kind, want.kind);
    if (want.kind != SYNC_SNAP) {
        CU_ASSERT_EQUAL(got.zxid, want.zxid);
        CU_ASSERT_EQUAL(got.after, want.after);
        CU_ASSERT_EQUAL(got.from_disk, want.from_disk);
    }
    if (got.kind != want.kind
        || (want.kind != SYNC_SNAP
            && (got.zxid != want.zxid || got.after != want.after))) {
        printf("\n  peer 0x%lx: kind %d zxid 0x%lx after 0x%lx\n",
               (long) peer, (int) got.kind, (long) got.zxid,
               (long) got.after);
    }
}

static struct sync_choice
diff(int64_t zxid, int64_t after)
{
    return (struct sync_choice) { SYNC_DIFF, zxid, after, false };
}

static struct sync_choice
disk(int64_t zxid, int64_t after)
{
    return (struct sync_choice) { SYNC_DIFF, zxid, after, true };
}

static struct sync_choice
trunc_to(int64_t zxid)
{
    return (struct sync_choice) { SYNC_TRUNC, zxid, zxid, false };
}

static struct sync_choice
snap(void)
{
    return (struct sync_choice) { .kind = SYNC_SNAP };
}

/* ---- as real leaders were seen to choose ------------------------------- */

/* Epochs 2 and 3 with five txns each; the logs begin at <1,1>. */
static const int64_t new_zxids[] = {
    Z(2, 1), Z(2, 2), Z(2, 3), Z(2, 4), Z(2, 5),
    Z(3, 1), Z(3, 2), Z(3, 3), Z(3, 4), Z(3, 5),
};
static const struct sync_history new_leader = {
    .zxids = new_zxids,
    .n = ZK_ARRAY_SIZE(new_zxids),
    .last = Z(3, 5),
    .disk_from = INT64_MAX,
};

static void
test_as_the_newest_leader(void)
{
    static const struct {
        int64_t peer;
        enum sync_kind kind;
        int64_t zxid, after;
    } rows[] = {
        { 0, SYNC_SNAP, 0, 0 },
        { Z(1, 1), SYNC_SNAP, 0, 0 },
        { Z(1, 9), SYNC_SNAP, 0, 0 },       /* The end of epoch 1. */
        { Z(1, 10), SYNC_SNAP, 0, 0 },      /* A tail of epoch 1. */
        { Z(1, 100), SYNC_SNAP, 0, 0 },
        { Z(2, 0), SYNC_SNAP, 0, 0 },       /* An idle former leader. */
        { Z(2, 1), SYNC_DIFF, Z(3, 5), Z(2, 1) },
        { Z(2, 3), SYNC_DIFF, Z(3, 5), Z(2, 3) },
        { Z(2, 5), SYNC_DIFF, Z(3, 5), Z(2, 5) },
        { Z(2, 6), SYNC_SNAP, 0, 0 },       /* A tail of epoch 2. */
        { Z(3, 0), SYNC_DIFF, Z(3, 5), Z(3, 0) },
        { Z(3, 4), SYNC_DIFF, Z(3, 5), Z(3, 4) },
        { Z(3, 5), SYNC_DIFF, Z(3, 5), Z(3, 5) },
        { Z(3, 6), SYNC_TRUNC, Z(3, 5), Z(3, 5) },
        { Z(3, 100), SYNC_TRUNC, Z(3, 5), Z(3, 5) },
        { Z(4, 0), SYNC_SNAP, 0, 0 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(rows); i++) {
        check(&new_leader, rows[i].peer, (struct sync_choice) {
            rows[i].kind, rows[i].zxid, rows[i].after, false });
    }
}

/* 3.8.0, whose committed log went back to <1,1> and ended at <2,5>. */
static void
test_as_a_leader_that_was_restarted(void)
{
    static const int64_t zxids[] = {
        Z(1, 1), Z(1, 2), Z(1, 3), Z(1, 4), Z(1, 5), Z(1, 6),
        Z(2, 1), Z(2, 2), Z(2, 3), Z(2, 4), Z(2, 5),
    };
    const struct sync_history h = {
        zxids, ZK_ARRAY_SIZE(zxids), Z(2, 5), Z(1, 1), false,
    };

    check(&h, 0, snap());
    check(&h, Z(1, 0), snap());     /* The first one on disk is <1,1>. */
    check(&h, Z(1, 1), diff(Z(2, 5), Z(1, 1)));
    check(&h, Z(1, 5), diff(Z(2, 5), Z(1, 5)));
    check(&h, Z(1, 6), diff(Z(2, 5), Z(1, 6)));
    check(&h, Z(1, 7), snap());     /* No TRUNC across epochs. */
    check(&h, Z(1, 100), snap());
    check(&h, Z(2, 0), diff(Z(2, 5), Z(2, 0)));
    check(&h, Z(2, 3), diff(Z(2, 5), Z(2, 3)));
    check(&h, Z(2, 5), diff(Z(2, 5), Z(2, 5)));
    check(&h, Z(2, 6), trunc_to(Z(2, 5)));
    check(&h, Z(3, 0), snap());
}

static void
test_two_empty_servers_have_the_same_history(void)
{
    const struct sync_history h = { NULL, 0, 0, INT64_MAX, false };

    check(&h, 0, diff(0, 0));
    /* A txn that we do not have, and no place to go back to. */
    check(&h, Z(1, 1), snap());
}

/* ---- the tail of a leader that lost ------------------------------------ */

static void
test_tail_of_the_last_epoch_is_cut(void)
{
    /* It led epoch 4 and proposed <4,1> to nobody. */
    check(&new_leader, Z(4, 1), trunc_to(Z(3, 5)));
    check(&new_leader, Z(4, 7), trunc_to(Z(3, 5)));
}

/* We lead epoch 5 and have no txn in it yet: last is <5,0>. */
static void
test_last_may_be_a_new_epoch_without_txns(void)
{
    struct sync_history h = new_leader;

    h.last = Z(5, 0);
    check(&h, Z(5, 0), diff(Z(5, 0), Z(5, 0)));
    check(&h, Z(3, 5), diff(Z(3, 5), Z(3, 5)));
    check(&h, Z(3, 4), diff(Z(3, 5), Z(3, 4)));
    check(&h, Z(4, 1), trunc_to(Z(3, 5)));
    check(&h, Z(4, 0), snap());
}

/* Nobody's log holds <e,0>: Java keeps what is behind the place. */
static void
test_nobody_is_cut_back_to_the_beginning_of_an_epoch(void)
{
    const struct sync_history h = { NULL, 0, Z(3, 0), INT64_MAX, false };

    check(&h, Z(3, 1), snap());
    check(&h, Z(4, 1), snap());
    check(&h, Z(3, 0), diff(Z(3, 0), Z(3, 0)));
}

/* ---- the walk ---------------------------------------------------------- */

static void
test_walk_cuts_back_inside_an_epoch(void)
{
    /* Epoch 2 began at 5; the learner has a <2,3> of its own. */
    static const int64_t zxids[] = {
        Z(1, 1), Z(1, 2), Z(2, 5), Z(2, 6),
    };
    const struct sync_history h = {
        zxids, ZK_ARRAY_SIZE(zxids), Z(2, 6), INT64_MAX, false,
    };

    check(&h, Z(2, 3), trunc_to(Z(1, 2)));
    check(&h, Z(1, 3), snap());
    check(&h, Z(1, 2), diff(Z(2, 6), Z(1, 2)));
    check(&h, Z(1, 1), diff(Z(2, 6), Z(1, 1)));
}

static void
test_walk_takes_the_mark_of_an_epoch_for_its_end(void)
{
    static const int64_t zxids[] = { Z(1, 1), Z(1, 2), Z(4, 1) };
    const struct sync_history h = {
        zxids, ZK_ARRAY_SIZE(zxids), Z(4, 1), INT64_MAX, false,
    };

    check(&h, Z(2, 0), diff(Z(4, 1), Z(2, 0)));
    check(&h, Z(3, 0), diff(Z(4, 1), Z(3, 0)));
    check(&h, Z(4, 0), diff(Z(4, 1), Z(4, 0)));
    check(&h, Z(2, 1), snap());
}

/* ZOOKEEPER-4925: a list with a hole must not be handed on. */
static void
test_list_with_a_hole_is_not_used(void)
{
    static const int64_t zxids[] = {
        Z(1, 1), Z(1, 2), Z(1, 5), Z(1, 6), Z(1, 7),
    };
    const struct sync_history h = {
        zxids, ZK_ARRAY_SIZE(zxids), Z(1, 7), Z(1, 0), false,
    };

    check(&h, Z(1, 1), snap());
    check(&h, Z(1, 2), snap());
    check(&h, Z(1, 3), snap());
    check(&h, Z(1, 0), snap());
    /* Behind the hole all is well. */
    check(&h, Z(1, 5), diff(Z(1, 7), Z(1, 5)));
    check(&h, Z(1, 8), trunc_to(Z(1, 7)));
}

static void
test_zxid_that_stands_twice_is_no_hole(void)
{
    static const int64_t zxids[] = { Z(1, 1), Z(1, 2), Z(1, 2), Z(1, 3) };
    const struct sync_history h = {
        zxids, ZK_ARRAY_SIZE(zxids), Z(1, 3), INT64_MAX, false,
    };

    check(&h, Z(1, 1), diff(Z(1, 3), Z(1, 1)));
    check(&h, Z(1, 2), diff(Z(1, 3), Z(1, 2)));
}

/* ---- log files --------------------------------------------------------- */

static void
test_log_files_serve_below_the_list(void)
{
    struct sync_history h = new_leader;

    h.disk_from = Z(1, 1);
    check(&h, Z(1, 1), disk(Z(3, 5), Z(1, 1)));
    check(&h, Z(1, 9), disk(Z(3, 5), Z(1, 9)));
    check(&h, Z(2, 0), disk(Z(3, 5), Z(2, 0)));
    /* In the list: not from disk. */
    check(&h, Z(2, 1), diff(Z(3, 5), Z(2, 1)));
    check(&h, Z(1, 0), snap());
    /* Nothing, or a snapshot asked for. */
    h.disk_from = 0;
    check(&h, 0, snap());
}

/* ZOOKEEPER-2846: before the snapshot that was loaded last the files may hold
 * anything. */
static void
test_log_files_serve_only_back_to_where_they_are_whole(void)
{
    struct sync_history h = new_leader;

    h.disk_from = Z(1, 5);
    check(&h, Z(1, 4), snap());
    check(&h, Z(1, 5), disk(Z(3, 5), Z(1, 5)));
    h.disk_from = INT64_MAX;
    check(&h, Z(1, 5), snap());
}

/* ZOOKEEPER-4352, ZOOKEEPER-3526: bounds of an empty list. */
static void
test_empty_list_is_bounded_by_the_history(void)
{
    struct sync_history h = { NULL, 0, Z(3, 5), INT64_MAX, false };

    check(&h, Z(3, 5), diff(Z(3, 5), Z(3, 5)));
    check(&h, Z(3, 4), snap());
    check(&h, Z(2, 9), snap());
    check(&h, Z(3, 6), trunc_to(Z(3, 5)));
    h.disk_from = Z(1, 1);
    check(&h, Z(3, 4), disk(Z(3, 5), Z(3, 4)));
    check(&h, Z(3, 6), trunc_to(Z(3, 5)));
}

/* ---- the rest ---------------------------------------------------------- */

static void
test_snapshot_can_be_forced(void)
{
    struct sync_history h = new_leader;

    h.force_snapshot = true;
    check(&h, Z(3, 5), snap());
    check(&h, Z(3, 4), snap());
    check(&h, Z(3, 6), snap());
}

static void
test_any_number_may_come_from_the_learner(void)
{
    struct sync_history h = new_leader;

    h.disk_from = Z(1, 1);
    check(&h, -1, snap());
    check(&h, INT64_MIN, snap());
    check(&h, INT64_MAX, trunc_to(Z(3, 5)));
}

/* Whatever is chosen, the learner ends with what it had up to 'after' and
 * then ours: that is our history only if it agreed with ours up to there. */
static void
test_choice_always_leads_to_our_history(void)
{
    struct sync_history h = new_leader;

    for (int64_t e = 1; e <= 4; e++) {
        for (int64_t c = 0; c <= 7; c++) {
            struct sync_choice got = learner_sync_choose(&h, Z(e, c));

            if (got.kind == SYNC_TRUNC) {
                CU_ASSERT_TRUE(got.after < Z(e, c));
                CU_ASSERT_EQUAL(got.after, Z(3, 5));
            } else if (got.kind == SYNC_DIFF) {
                bool ours = c == 0;

                for (size_t i = 0; i < h.n; i++) {
                    ours |= h.zxids[i] == Z(e, c);
                }
                CU_ASSERT_TRUE(ours);
                CU_ASSERT_EQUAL(got.after, Z(e, c));
            }
        }
    }
}

static const struct zk_test tests[] = {
    { "as the newest Java leader chooses", test_as_the_newest_leader },
    { "as a restarted leader chooses", test_as_a_leader_that_was_restarted },
    { "two empty servers have the same history",
      test_two_empty_servers_have_the_same_history },
    { "the tail of the last epoch is cut",
      test_tail_of_the_last_epoch_is_cut },
    { "the last zxid may be a new epoch's",
      test_last_may_be_a_new_epoch_without_txns },
    { "nobody is cut back to the beginning of an epoch",
      test_nobody_is_cut_back_to_the_beginning_of_an_epoch },
    { "the walk cuts back inside an epoch",
      test_walk_cuts_back_inside_an_epoch },
    { "the walk takes the mark of an epoch for its end",
      test_walk_takes_the_mark_of_an_epoch_for_its_end },
    { "a list with a hole is not used (ZOOKEEPER-4925)",
      test_list_with_a_hole_is_not_used },
    { "a zxid that stands twice is no hole",
      test_zxid_that_stands_twice_is_no_hole },
    { "log files serve below the list", test_log_files_serve_below_the_list },
    { "log files serve back to where they are whole (ZOOKEEPER-2846)",
      test_log_files_serve_only_back_to_where_they_are_whole },
    { "an empty list is bounded by the history (ZOOKEEPER-4352)",
      test_empty_list_is_bounded_by_the_history },
    { "a snapshot can be forced", test_snapshot_can_be_forced },
    { "any number may come from the learner",
      test_any_number_may_come_from_the_learner },
    { "every choice leads to our history",
      test_choice_always_leads_to_our_history },
};

ZK_TEST_MAIN("learner_sync", tests)
