/* SPDX-License-Identifier: Apache-2.0 */
/* What a leader says of sessions that its learners ask for. */
#include <config.h>

#include "test/unit/leader_case.h"

#include "zab/leader_internal.h"

/* Who is told so does not come back, and another leader may know the session:
 * a quorum must have answered a PING that was sent behind the question.  What
 * lives is known at once. */
static void
test_that_a_session_has_ended_needs_a_quorum(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    lc_session(&c);
    c.s.mute = true;
    lc_withhold_pings(&c.s, 2);
    lc_ask_session(&c.o, LC_SESSION + 1, 10000);
    lc_ask_session(&c.o, LC_SESSION + 2, 10000);
    lc_ask_session(&c.o, LC_SESSION, 10000);
    lc_expect_session(&c.o, LC_SESSION, true);
    lc_answer_pings(&c.s, 2);   /* Those are older. */
    CU_ASSERT(sl_is_silent(&c.o, 2));   /* Its own answers do not count. */
    CU_ASSERT_EQUAL(lc_status(&c).pending_syncs, 0);
    c.s.mute = false;
    CU_ASSERT(sl_is_silent(&c.s, 3));
    lc_expect_session(&c.o, LC_SESSION + 1, false);
    lc_expect_session(&c.o, LC_SESSION + 2, false);
    lc_fini(&c);
}

/* Its end is proposed, and may be lost yet. */
static void
test_a_session_ends_when_that_is_committed(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    sl_request(&c.s, LC_SESSION, 1, OP_CLOSE_SESSION, SL_IDS_NULL, NULL);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 2));
    lc_ask_session(&c.s, LC_SESSION, 10000);
    CU_ASSERT(sl_is_silent(&c.s, 3));
    sl_ack(&c.s, z(1, 2));
    sl_expect(&c.s, QP_COMMIT, z(1, 2));
    lc_expect_session(&c.s, LC_SESSION, false);
    lc_ask_session(&c.s, LC_SESSION, 0);    /* No time at all is nonsense. */
    CU_ASSERT(sl_ends(&c.s));
    lc_fini(&c);
}

/* The link ends, and nobody has been told anything. */
static void
test_a_leader_that_loses_its_quorum_ends_no_session(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    c.s.mute = true;
    lc_ask_session(&c.o, LC_SESSION, 10000);
    CU_ASSERT_FALSE(sl_next(&c.o));
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    lc_close(&c);
}

static void
test_questions_for_sessions_are_bounded(void)
{
    struct leader_case c;

    lc_serve(&c, "syncLimit=600");
    lc_observe(&c);
    c.s.mute = true;
    for (int64_t i = 0; i <= ZAB_MAX_ASKED; i++) {
        lc_ask_session(&c.o, LC_SESSION + i, 10000);
        if (i % 1000 == 0) {
            sl_ack(&c.s, z(1, 0));      /* It is there, and answers none. */
        }
    }
    CU_ASSERT_FALSE(sl_next(&c.o));
    c.s.mute = false;
    lc_fini(&c);
}

/* The limit is one of sessions: who asks for one again is told once. */
static void
test_a_session_is_asked_for_once(void)
{
    struct leader_case c;

    lc_serve(&c, "syncLimit=600");
    lc_observe(&c);
    lc_session(&c);
    c.s.mute = true;
    for (int64_t i = 0; i <= ZAB_MAX_ASKED; i++) {
        lc_ask_session(&c.o, LC_SESSION + 1, 10000);
        if (i % 1000 == 0) {
            sl_ack(&c.s, z(1, 0));      /* It is there, and answers none. */
        }
    }
    lc_ask_session(&c.o, LC_SESSION, 10000);
    lc_expect_session(&c.o, LC_SESSION, true);  /* All were read. */
    lc_ask_session(&c.o, LC_SESSION + 2, 10000);
    c.s.mute = false;
    while (sl_has_more(&c.s)) {     /* Many, if that took long. */
        CU_ASSERT(sl_is_silent(&c.s, 1));
    }
    CU_ASSERT(sl_is_silent(&c.s, 3));
    lc_expect_session(&c.o, LC_SESSION + 1, false);
    lc_expect_session(&c.o, LC_SESSION + 2, false);
    lc_fini(&c);
}

static void
test_a_ping_with_torn_sessions_ends_the_link(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    sl_send(&c.s, QP_PING, 0, zk_slice("123456789012", 12));
    CU_ASSERT(sl_is_silent(&c.s, 1));
    sl_send(&c.s, QP_PING, 0, zk_slice("1234567890123", 13));
    CU_ASSERT(sl_ends(&c.s));
    lc_fini(&c);
}

static const struct zk_test tests[] = {
    { "that a session has ended needs a quorum",
      test_that_a_session_has_ended_needs_a_quorum },
    { "a session ends when that is committed",
      test_a_session_ends_when_that_is_committed },
    { "a leader that loses its quorum ends no session",
      test_a_leader_that_loses_its_quorum_ends_no_session },
    { "questions for sessions are bounded",
      test_questions_for_sessions_are_bounded },
    { "a session is asked for once", test_a_session_is_asked_for_once },
    { "a PING with torn sessions ends the link",
      test_a_ping_with_torn_sessions_ends_the_link },
};

ZK_TEST_MAIN("leader_sessions", tests)
