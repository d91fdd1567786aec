/* SPDX-License-Identifier: Apache-2.0 */
/* When a leader answers a SYNC. */
#include <config.h>

#include "test/unit/leader_case.h"

#include "server/zookeeper_server.h"

static int64_t
in_process(const struct leader_case *c)
{
    return zookeeper_server_in_process(atomic_load(&c->zks));
}

static void
test_sync_comes_behind_what_was_proposed_before_it(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    lc_ask_sync(&c.s, 1);
    sl_expect(&c.s, QP_SYNC, 0);
    CU_ASSERT(zk_slice_is_null(c.s.qp.data));

    sl_create(&c.s, LC_SESSION, 2, "/a", 1);
    lc_ask_sync(&c.s, 3);
    sl_create(&c.s, LC_SESSION, 4, "/b", 1);
    lc_ask_sync(&c.s, 5);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 2));
    sl_expect(&c.s, QP_PROPOSAL, z(1, 3));
    CU_ASSERT(lc_until(&c, lc_pending_syncs, 2));
    CU_ASSERT(sl_is_silent(&c.s, 3));
    CU_ASSERT_EQUAL(lc_status(&c).pending_syncs, 2);
    sl_ack(&c.s, z(1, 2));
    sl_expect(&c.s, QP_COMMIT, z(1, 2));
    sl_expect(&c.s, QP_SYNC, 0);
    CU_ASSERT(sl_is_silent(&c.s, 1));
    sl_ack(&c.s, z(1, 3));
    sl_expect(&c.s, QP_COMMIT, z(1, 3));
    sl_expect(&c.s, QP_SYNC, 0);
    CU_ASSERT_EQUAL(lc_status(&c).pending_syncs, 0);
    CU_ASSERT(lc_until(&c, in_process, 0)); /* They count as done. */
    lc_fini(&c);
}

/* What a learner asks for behind a sync is committed behind its answer: the
 * commit stage of a learner is one queue. */
static void
test_sync_keeps_its_place_when_one_ack_commits_many(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    lc_session(&c);
    for (int i = 0; i < 2; i++) {
        sl_create(&c.s, LC_SESSION, 4 * i + 1, i == 0 ? "/a" : "/b", 1);
        lc_ask_sync(&c.s, 4 * i + 2);
        lc_ask_sync(&c.s, 4 * i + 3);
        sl_expect(&c.s, QP_PROPOSAL, z(1, 2 + i));
    }
    CU_ASSERT(lc_until(&c, lc_pending_syncs, 4));
    CU_ASSERT(sl_is_silent(&c.s, 3));
    sl_ack(&c.s, z(1, 3));
    for (int i = 0; i < 2; i++) {
        sl_expect(&c.s, QP_COMMIT, z(1, 2 + i));
        sl_expect(&c.s, QP_SYNC, 0);
        sl_expect(&c.s, QP_SYNC, 0);
        sl_expect(&c.o, QP_INFORM, z(1, 2 + i));
    }
    lc_fini(&c);
}

/* Who has only just connected gets time for its start, but what a sync
 * promises needs servers that were heard. */
static void
test_a_newcomer_does_not_vouch_for_a_sync(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    sl_create_session(&c.o, LC_SESSION);
    lc_pass(&c.s, z(1, 1));
    sl_expect(&c.o, QP_INFORM, z(1, 1));
    lc_discover(&c, &c.t, 2, false, z(1, 1));
    sl_expect(&c.t, QP_DIFF, z(1, 1));
    sl_expect(&c.t, QP_NEWLEADER, z(1, 0));
    sl_close(&c.s);
    CU_ASSERT(lc_until(&c, lc_followers, 1));
    lc_ask_sync(&c.o, 2);
    CU_ASSERT(sl_is_silent(&c.o, 3));
    CU_ASSERT_EQUAL(lc_status(&c).pending_syncs, 1);
    sl_ack(&c.t, z(1, 0));
    sl_expect(&c.t, QP_UPTODATE, -1);
    CU_ASSERT(sl_is_silent(&c.t, 1));
    sl_expect(&c.o, QP_SYNC, 0);
    lc_fini(&c);
}

/* What a learner sends may have been on its way since before it left this
 * leader and helped to elect another: only answers to what was asked behind
 * the sync count. */
static void
test_a_sync_needs_an_answer_to_what_was_asked_behind_it(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    c.s.mute = true;
    lc_withhold_pings(&c.s, 2);
    lc_ask_sync(&c.s, 2);
    CU_ASSERT(lc_until(&c, lc_pending_syncs, 1));
    lc_answer_pings(&c.s, 2);
    CU_ASSERT(sl_is_silent(&c.s, 1));
    CU_ASSERT_EQUAL(lc_status(&c).pending_syncs, 1);
    lc_answer_pings(&c.s, 1);
    c.s.mute = false;
    sl_expect(&c.s, QP_SYNC, 0);
    lc_fini(&c);
}

/* It does not wait for the PING of the next half tick; and those that come
 * while one is on its way share the next. */
static void
test_syncs_ask_at_once_and_together(void)
{
    size_t pings;
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    pings = c.s.pings;
    for (int32_t i = 0; i < 100; i++) {
        lc_ask_sync(&c.s, i + 2);
        sl_expect(&c.s, QP_SYNC, 0);
    }
    CU_ASSERT(c.s.pings >= pings + 100);
    c.s.mute = true;
    for (int32_t i = 0; i < 100; i++) {
        lc_ask_sync(&c.s, i + 102);
    }
    CU_ASSERT(lc_until(&c, lc_pending_syncs, 100));
    pings = c.s.pings;
    CU_ASSERT(sl_is_silent(&c.s, 2));
    lc_answer_pings(&c.s, c.s.pings - pings);
    c.s.mute = false;
    for (int32_t i = 0; i < 100; i++) {
        sl_expect(&c.s, QP_SYNC, 0);
    }
    CU_ASSERT(c.s.pings < pings + 50);
    lc_fini(&c);
}

static const struct zk_test tests[] = {
    { "SYNC comes behind what was proposed before it",
      test_sync_comes_behind_what_was_proposed_before_it },
    { "SYNC keeps its place when one ack commits many",
      test_sync_keeps_its_place_when_one_ack_commits_many },
    { "a newcomer does not vouch for a sync",
      test_a_newcomer_does_not_vouch_for_a_sync },
    { "a sync needs an answer to what was asked behind it",
      test_a_sync_needs_an_answer_to_what_was_asked_behind_it },
    { "syncs ask at once, and together", test_syncs_ask_at_once_and_together },
};

ZK_TEST_MAIN("leader_syncs", tests)
