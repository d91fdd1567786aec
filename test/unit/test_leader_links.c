/* SPDX-License-Identifier: Apache-2.0 */
/* The links of learners to a leader: who gets one, and how long it stays. */
#include <config.h>

#include "test/unit/leader_case.h"

#include "proto/keeper_error.h"

/* ---- strangers --------------------------------------------------------- */

/* Who connects and says this. */
static bool
is_hung_up_on(struct leader_case *c, const void *bytes, size_t len)
{
    bool ends;

    sl_connect(&c->t, c->port, 8);
    sl_send_raw(&c->t, bytes, len);
    ends = sl_ends(&c->t);
    sl_close(&c->t);
    return ends;
}

static void
test_strange_bytes_end_their_connection_only(void)
{
    static const char http[] = "GET / HTTP/1.1\r\n\r\n";
    uint8_t huge[20] = { 0 };
    struct leader_case c;

    lc_init(&c, "");
    CU_ASSERT(is_hung_up_on(&c, http, sizeof http - 1));
    zk_put_be32(huge, QP_FOLLOWERINFO);
    zk_put_be32(huge + 12, 0x7fffffff);
    CU_ASSERT(is_hung_up_on(&c, huge, sizeof huge));
    sl_connect(&c.t, c.port, 3);        /* The leader's own id. */
    sl_info(&c.t, QP_FOLLOWERINFO, 0, 20);
    CU_ASSERT(sl_ends(&c.t));

    lc_follow(&c);
    sl_send(&c.s, 77, 0, ZK_SLICE_NULL);    /* Unknown: left out. */
    lc_session(&c);
    zk_put_be32(huge, QP_REQUEST);
    sl_send_raw(&c.s, huge, sizeof huge);
    CU_ASSERT(sl_ends(&c.s));
    lc_fini(&c);
}

static void
test_strangers_are_few(void)
{
    struct scripted_learner many[80];
    struct leader_case c;

    lc_init(&c, "");
    for (size_t i = 0; i < ZK_ARRAY_SIZE(many); i++) {
        sl_connect(&many[i], c.port, 100);
    }
    CU_ASSERT(sl_ends(&many[0]));
    /* The others do not keep it out. */
    lc_greet(&c, &c.s, 1, QP_FOLLOWERINFO, 20);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(many); i++) {
        sl_close(&many[i]);
    }
    lc_fini(&c);
}

/* ---- learners of 3.4 --------------------------------------------------- */

static void
test_learners_of_3_4_get_no_configuration(void)
{
    struct leader_case c;

    lc_init(&c, "");
    lc_greet(&c, &c.s, 1, QP_FOLLOWERINFO, 12);
    sl_ack_epoch(&c.s, 0, 0);
    sl_expect(&c.s, QP_DIFF, 0);
    sl_expect(&c.s, QP_NEWLEADER, z(1, 0));
    CU_ASSERT(zk_slice_is_null(c.s.qp.data));
    lc_fini(&c);
}

/* Poison for them (protocol: section 9), alone or inside a multi. */
static void
test_while_one_of_3_4_follows_nothing_newer_is_proposed(void)
{
    struct zk_buf body = { 0 }, multi = { 0 };
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    lc_greet(&c, &c.t, 2, QP_FOLLOWERINFO, 12);
    sl_put_create(&body, "/a", 1);
    output_archive_int(&multi, OP_CREATE2);
    output_archive_bool(&multi, false);
    output_archive_int(&multi, -1);
    zk_buf_append(&multi, body.data, body.len);
    output_archive_int(&multi, -1);
    output_archive_bool(&multi, true);
    output_archive_int(&multi, -1);
    sl_request(&c.s, LC_SESSION, 1, OP_CREATE2, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 2)), KE_UNIMPLEMENTED);
    sl_request(&c.s, LC_SESSION, 2, OP_MULTI, SL_IDS_IP, &multi);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 3)), KE_UNIMPLEMENTED);
    sl_request(&c.s, LC_SESSION, 3, OP_CREATE, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 4)), 0);
    sl_close(&c.t);
    CU_ASSERT(lc_until(&c, lc_followers, 1));
    sl_request(&c.s, LC_SESSION, 4, OP_CREATE2, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 5)), KE_NODE_EXISTS);
    zk_buf_fini(&body);
    zk_buf_fini(&multi);
    lc_fini(&c);
}

/* What all would pay for. */
static void
test_a_stranger_that_says_it_is_of_3_4_stops_nothing(void)
{
    struct zk_buf body = { 0 };
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    lc_greet(&c, &c.t, 9, QP_OBSERVERINFO, 12);
    sl_put_create(&body, "/a", 1);
    sl_request(&c.s, LC_SESSION, 1, OP_CREATE2, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 2)), 0);
    zk_buf_fini(&body);
    lc_fini(&c);
}

/* ---- links that end, and that stay ------------------------------------- */

static void
test_a_server_that_connects_anew_replaces_its_link(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    sl_create_session(&c.s, LC_SESSION);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 1));
    lc_discover(&c, &c.t, 1, false, 0);
    CU_ASSERT(sl_ends(&c.s));
    sl_expect(&c.t, QP_DIFF, 0);
    sl_expect(&c.t, QP_NEWLEADER, z(1, 0));
    sl_ack(&c.t, z(1, 0));
    sl_expect(&c.t, QP_PROPOSAL, z(1, 1));
    sl_expect(&c.t, QP_UPTODATE, -1);
    sl_ack(&c.t, z(1, 1));
    sl_expect(&c.t, QP_COMMIT, z(1, 1));
    lc_fini(&c);
}

static void
test_a_server_that_is_alive_keeps_its_link(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    sl_connect(&c.t, c.port, 1);
    sl_info(&c.t, QP_FOLLOWERINFO, 0, 20);
    CU_ASSERT(sl_is_silent(&c.s, 5));   /* It answers them meanwhile. */
    CU_ASSERT(sl_ends(&c.t));
    lc_session(&c);
    lc_fini(&c);
}

static void
test_who_acks_nothing_for_too_long_is_closed(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_discover(&c, &c.t, 2, false, 0);
    sl_expect(&c.t, QP_DIFF, 0);
    lc_up(&c.t);
    lc_session(&c);
    sl_expect(&c.t, QP_PROPOSAL, z(1, 1));
    sl_expect(&c.t, QP_COMMIT, z(1, 1));
    CU_ASSERT_FALSE(sl_next(&c.t));     /* PINGs are echoed meanwhile. */
    CU_ASSERT(c.t.pings >= LC_SYNC_LIMIT);
    sl_close(&c.s);
    sl_close(&c.t);
    leader_shutdown(c.l, "the test is over");
    (void) lc_join(&c);
    lc_close(&c);
}

static void
test_who_reads_nothing_is_cut_off(void)
{
    struct leader_case c;

    lc_serve(&c, "zkd.learnerOutputMaxBytes=1000000");
    lc_observe(&c);
    lc_session(&c);
    for (int i = 2; lc_status(&c).observers > 0 && i < 100; i++) {
        lc_create_many(&c, z(1, i), 1, 500000);
    }
    CU_ASSERT_EQUAL(lc_status(&c).observers, 0);
    CU_ASSERT_EQUAL(lc_status(&c).followers, 1);
    CU_ASSERT(sl_ends(&c.o));
    lc_fini(&c);
}

static const struct zk_test tests[] = {
    { "strange bytes end their connection only",
      test_strange_bytes_end_their_connection_only },
    { "strangers are few", test_strangers_are_few },
    { "learners of 3.4 get no configuration",
      test_learners_of_3_4_get_no_configuration },
    { "while one of 3.4 follows nothing newer is proposed",
      test_while_one_of_3_4_follows_nothing_newer_is_proposed },
    { "a stranger that says it is of 3.4 stops nothing",
      test_a_stranger_that_says_it_is_of_3_4_stops_nothing },
    { "a server that connects anew replaces its link",
      test_a_server_that_connects_anew_replaces_its_link },
    { "a server that is alive keeps its link",
      test_a_server_that_is_alive_keeps_its_link },
    { "who acks nothing for too long is closed",
      test_who_acks_nothing_for_too_long_is_closed },
    { "who reads nothing is cut off", test_who_reads_nothing_is_cut_off },
};

ZK_TEST_MAIN("leader_links", tests)
