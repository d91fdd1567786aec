/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "flexible/quorum_verifier.h"

#include "test/lib/zk_test.h"
#include "util/zk_obj.h"

static void
add(struct quorum_verifier *qv, int64_t sid, bool voter, int64_t weight,
    int64_t group)
{
    struct quorum_member m = { sid, voter, weight, group };

    quorum_verifier_add(qv, &m);
}

static struct quorum_verifier *
majority_of(int64_t n)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, false);

    for (int64_t sid = 1; sid <= n; sid++) {
        add(qv, sid, true, 1, -1);
    }
    return qv;
}

#define QUORUM(qv, ...)                                                   \
    quorum_verifier_contains_quorum(                                      \
        qv, (int64_t[]) { __VA_ARGS__ },                                  \
        sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t))

static void
test_members_stand_in_order_of_sid(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0x100000000, false);
    const struct quorum_member *m;

    add(qv, 7, true, 1, -1);
    add(qv, -3, true, 1, -1);
    add(qv, INT64_MAX, false, 1, -1);
    add(qv, 5, true, 1, -1);
    CU_ASSERT_EQUAL(quorum_verifier_version(qv), 0x100000000);
    CU_ASSERT_EQUAL_FATAL(quorum_verifier_members(qv, &m), 4);
    CU_ASSERT_EQUAL(m[0].sid, -3);
    CU_ASSERT_EQUAL(m[1].sid, 5);
    CU_ASSERT_EQUAL(m[2].sid, 7);
    CU_ASSERT_EQUAL(m[3].sid, INT64_MAX);
    CU_ASSERT_FALSE(m[3].voter);
    CU_ASSERT_EQUAL(quorum_verifier_voters(qv), 3);
    quorum_verifier_destroy(qv);
}

static void
test_who_votes_and_who_belongs(void)
{
    struct quorum_verifier *qv = majority_of(3);

    add(qv, 4, false, 1, -1);
    CU_ASSERT_TRUE(quorum_verifier_is_voter(qv, 3));
    CU_ASSERT_FALSE(quorum_verifier_is_voter(qv, 4));
    CU_ASSERT_FALSE(quorum_verifier_is_voter(qv, 5));
    CU_ASSERT_TRUE(quorum_verifier_is_member(qv, 4));
    CU_ASSERT_FALSE(quorum_verifier_is_member(qv, 0));
    CU_ASSERT_FALSE(quorum_verifier_is_member(qv, 5));
    CU_ASSERT_EQUAL(quorum_verifier_weight(qv, 3), 1);
    CU_ASSERT_EQUAL(quorum_verifier_weight(qv, 4), 0);
    CU_ASSERT_EQUAL(quorum_verifier_weight(qv, 5), 0);
    quorum_verifier_destroy(qv);
}

static void
test_majority_is_more_than_half(void)
{
    for (int64_t n = 1; n <= 9; n++) {
        struct quorum_verifier *qv = majority_of(n);
        int64_t sids[9];

        for (int64_t i = 0; i < n; i++) {
            sids[i] = n - i;
        }
        for (int64_t k = 0; k <= n; k++) {
            CU_ASSERT_EQUAL(
                quorum_verifier_contains_quorum(qv, sids, (size_t) k),
                2 * k > n);
        }
        quorum_verifier_destroy(qv);
    }
}

static void
test_strangers_observers_and_repetitions_do_not_count(void)
{
    struct quorum_verifier *qv = majority_of(3);

    add(qv, 4, false, 1, -1);
    add(qv, 5, false, 1, -1);
    CU_ASSERT_TRUE(QUORUM(qv, 1, 3));
    CU_ASSERT_FALSE(QUORUM(qv, 1, 1, 1));
    CU_ASSERT_FALSE(QUORUM(qv, 1, 4, 5));
    CU_ASSERT_FALSE(QUORUM(qv, 1, 8, 9, INT64_MIN));
    CU_ASSERT_TRUE(QUORUM(qv, 9, 4, 2, 2, 3));
    quorum_verifier_destroy(qv);
}

static void
test_nobody_is_no_quorum(void)
{
    struct quorum_verifier *none = quorum_verifier_create(0, false);
    struct quorum_verifier *h = quorum_verifier_create(0, true);

    CU_ASSERT_FALSE(quorum_verifier_contains_quorum(none, NULL, 0));
    CU_ASSERT_FALSE(quorum_verifier_contains_quorum(h, NULL, 0));
    CU_ASSERT_FALSE(QUORUM(none, 1));
    add(h, 1, true, 0, 1);
    CU_ASSERT_FALSE(QUORUM(h, 1));
    quorum_verifier_destroy(none);
    quorum_verifier_destroy(h);
    quorum_verifier_destroy(NULL);
}

/* Three groups of three: two of each of two groups. */
static void
test_hierarchical_needs_a_majority_of_groups(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);

    for (int64_t sid = 1; sid <= 9; sid++) {
        add(qv, sid, true, 1, (sid - 1) / 3 + 1);
    }
    CU_ASSERT_TRUE(QUORUM(qv, 1, 2, 4, 5));
    CU_ASSERT_TRUE(QUORUM(qv, 9, 8, 2, 3));
    CU_ASSERT_FALSE(QUORUM(qv, 1, 4, 7));
    CU_ASSERT_FALSE(QUORUM(qv, 1, 2, 3, 4, 7));
    CU_ASSERT_TRUE(QUORUM(qv, 1, 2, 3, 4, 7, 8));
    CU_ASSERT_FALSE(QUORUM(qv, 1, 1, 4, 4));
    quorum_verifier_destroy(qv);
}

static void
test_hierarchical_counts_weights(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);

    add(qv, 1, true, 3, 1);
    add(qv, 2, true, 1, 1);
    add(qv, 3, true, 1, 1);
    CU_ASSERT_EQUAL(quorum_verifier_weight(qv, 1), 3);
    CU_ASSERT_TRUE(QUORUM(qv, 1));
    CU_ASSERT_FALSE(QUORUM(qv, 2, 3));
    add(qv, 4, true, 1, 1);             /* Now half of it. */
    CU_ASSERT_FALSE(QUORUM(qv, 1));
    CU_ASSERT_FALSE(QUORUM(qv, 2, 3, 4));
    CU_ASSERT_TRUE(QUORUM(qv, 1, 4));
    quorum_verifier_destroy(qv);
}

static void
test_groups_without_weight_do_not_count(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);

    add(qv, 1, true, 1, 1);
    add(qv, 2, true, 0, 2);
    add(qv, 3, true, 0, 2);
    add(qv, 4, false, 9, 3);            /* Observers have none. */
    CU_ASSERT_TRUE(QUORUM(qv, 1));
    CU_ASSERT_FALSE(QUORUM(qv, 2, 3, 4));
    CU_ASSERT_EQUAL(quorum_verifier_weight(qv, 4), 0);
    quorum_verifier_destroy(qv);
}

static void
test_an_observer_does_not_weigh_down_its_group(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);

    add(qv, 1, true, 1, 1);
    add(qv, 2, false, 5, 1);
    CU_ASSERT_TRUE(QUORUM(qv, 1));
    CU_ASSERT_FALSE(QUORUM(qv, 2));
    quorum_verifier_destroy(qv);
}

static void
test_huge_weights_do_not_wrap(void)
{
    struct quorum_verifier *qv = quorum_verifier_create(0, true);

    for (int64_t sid = 1; sid <= 5; sid++) {
        add(qv, sid, true, INT64_MAX, 1);
    }
    CU_ASSERT_FALSE(QUORUM(qv, 1, 2));
    CU_ASSERT_TRUE(QUORUM(qv, 1, 2, 3, 4));
    CU_ASSERT_TRUE(QUORUM(qv, 1, 2, 3, 4, 5));
    quorum_verifier_destroy(qv);
}

/* Whatever the weights, two quorums have a voter in common. */
static void
test_quorums_intersect(void)
{
    unsigned state = 12345;

    for (int run = 0; run < 50; run++) {
        struct quorum_verifier *qv = quorum_verifier_create(0, true);
        int64_t in[7], out[7];

        for (int64_t sid = 0; sid < 7; sid++) {
            state = state * 1103515245 + 12345;
            add(qv, sid, true, state >> 16 & 3, state >> 20 & 3);
        }
        for (unsigned set = 0; set < 128; set++) {
            size_t n = 0, m = 0;

            for (int64_t sid = 0; sid < 7; sid++) {
                if (set >> sid & 1) {
                    in[n++] = sid;
                } else {
                    out[m++] = sid;
                }
            }
            CU_ASSERT_FALSE(quorum_verifier_contains_quorum(qv, in, n)
                            && quorum_verifier_contains_quorum(qv, out, m));
        }
        quorum_verifier_destroy(qv);
    }
}

static const struct zk_test tests[] = {
    { "members stand in order of sid", test_members_stand_in_order_of_sid },
    { "who votes and who belongs", test_who_votes_and_who_belongs },
    { "a majority is more than half", test_majority_is_more_than_half },
    { "strangers, observers and repetitions do not count",
      test_strangers_observers_and_repetitions_do_not_count },
    { "nobody is no quorum", test_nobody_is_no_quorum },
    { "hierarchical: a majority of groups",
      test_hierarchical_needs_a_majority_of_groups },
    { "hierarchical: weights", test_hierarchical_counts_weights },
    { "groups without weight do not count",
      test_groups_without_weight_do_not_count },
    { "an observer does not weigh down its group",
      test_an_observer_does_not_weigh_down_its_group },
    { "huge weights do not wrap", test_huge_weights_do_not_wrap },
    { "two quorums have a voter in common", test_quorums_intersect },
};

ZK_TEST_MAIN("quorum_verifier", tests)
