/* SPDX-License-Identifier: Apache-2.0 */
/* What a leader proposes and when it commits. */
#include <config.h>

#include "test/unit/leader_case.h"

#include "metrics/server_metrics.h"
#include "proto/keeper_error.h"

static void
test_a_proposal_commits_by_the_ack_of_a_quorum(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    sl_create_session(&c.s, LC_SESSION);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 1));
    CU_ASSERT_EQUAL(sl_txn_type(&c.s), OP_CREATE_SESSION);
    CU_ASSERT(sl_is_silent(&c.s, 1));
    CU_ASSERT(sl_is_silent(&c.o, 1));
    CU_ASSERT_EQUAL(lc_tree_zxid(&c), 0);
    sl_ack(&c.s, z(1, 1));
    sl_expect(&c.s, QP_COMMIT, z(1, 1));
    sl_expect(&c.o, QP_INFORM, z(1, 1));
    CU_ASSERT_EQUAL(sl_txn_type(&c.o), OP_CREATE_SESSION);
    CU_ASSERT(lc_until(&c, lc_tree_zxid, z(1, 1)));
    lc_fini(&c);
}

static bool
is_printed(const char *line)
{
    struct zk_buf b = { 0 };
    bool found;

    server_metrics_print(&b);
    found = memmem(b.data, b.len, line, strlen(line)) != NULL;
    zk_buf_fini(&b);
    return found;
}

/* Of every second zxid the acks are timed, both of them, since both are needed
 * for the commit. */
static void
test_links_and_acks_are_measured(void)
{
    struct metric_figures f;
    struct leader_case c;

    server_metrics_reset();
    lc_serve(&c, "leader.ackLoggingFrequency=2\n");
    lc_session(&c);
    CU_ASSERT_FALSE(is_printed("\nzk_cnt_1_ack_latency\t"));
    lc_create_many(&c, z(1, 2), 2, 10);
    CU_ASSERT(is_printed("\nzk_cnt_1_ack_latency\t1\n"));
    CU_ASSERT(is_printed("\nzk_cnt_3_ack_latency\t1\n"));
    CU_ASSERT(is_printed("\nzk_cnt_1_learner_handler_qp_time_ms\t1\n"));
    CU_ASSERT(is_printed("\nzk_avg_1_learner_handler_qp_size\t"));
    server_metrics_get(METRIC_proposal_ack_creation_latency, &f);
    CU_ASSERT_EQUAL(f.count, 3);
    CU_ASSERT(f.max < 60000);
    lc_fini(&c);
    server_metrics_get(METRIC_propagation_latency, &f);
    CU_ASSERT_EQUAL(f.count, 3);
}

static void
test_an_ack_counts_for_all_before_it(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    sl_create_session(&c.s, LC_SESSION);
    for (int i = 0; i < 3; i++) {
        char path[] = { '/', (char) ('a' + i), '\0' };

        sl_create(&c.s, LC_SESSION, i + 1, path, 0);
    }
    for (int i = 1; i <= 4; i++) {
        sl_expect(&c.s, QP_PROPOSAL, z(1, i));
    }
    sl_ack(&c.s, z(1, 3));
    for (int i = 1; i <= 3; i++) {
        sl_expect(&c.s, QP_COMMIT, z(1, i));
    }
    CU_ASSERT(sl_is_silent(&c.s, 1));
    sl_ack(&c.s, z(1, 4));
    sl_expect(&c.s, QP_COMMIT, z(1, 4));
    lc_fini(&c);
}

static void
test_requests_are_answered_as_by_java(void)
{
    struct zk_buf body = { 0 };
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    lc_session(&c);

    /* create: no ids at all, an empty list, one id. */
    sl_put_create(&body, "/a", 1);
    sl_request(&c.s, LC_SESSION, 1, OP_CREATE, SL_IDS_NULL, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 2)), KE_MARSHALLING);
    sl_request(&c.s, LC_SESSION, 2, OP_CREATE, SL_IDS_NONE, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 3)), 0);
    sl_request(&c.s, LC_SESSION, 3, OP_CREATE, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 4)), KE_NODE_EXISTS);
    sl_request(&c.s, LC_SESSION, 4, OP_CREATE, SL_IDS_IP, NULL);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 5)), KE_MARSHALLING);
    sl_request(&c.s, LC_SESSION, 5, OP_RECONFIG, SL_IDS_IP, NULL);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 6)), KE_MARSHALLING);

    /* Sessions: unknown, owned by another link, moved. */
    sl_create(&c.s, LC_SESSION + 1, 1, "/b", 1);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 7)), KE_SESSION_EXPIRED);
    sl_create(&c.o, LC_SESSION, 1, "/b", 1);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 8)), KE_SESSION_MOVED);
    for (int i = 2; i <= 8; i++) {
        sl_expect(&c.o, QP_INFORM, z(1, i));
    }
    lc_ask_session(&c.o, LC_SESSION, 10000);
    lc_expect_session(&c.o, LC_SESSION, true);
    CU_ASSERT_EQUAL(c.s.qp.data.len, -1);
    sl_create(&c.o, LC_SESSION, 2, "/b", 1);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 9)), 0);
    sl_create(&c.s, LC_SESSION, 6, "/c", 1);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 10)), KE_SESSION_MOVED);
    lc_ask_session(&c.s, 7, 1);
    lc_expect_session(&c.s, 7, false);

    /* Reads, pings and what is no operation: nothing. */
    sl_request(&c.s, LC_SESSION, 7, OP_GET_DATA, SL_IDS_IP, NULL);
    sl_request(&c.s, LC_SESSION, 8, OP_PING, SL_IDS_IP, NULL);
    sl_request(&c.s, LC_SESSION, 9, 55, SL_IDS_IP, NULL);
    sl_request(&c.s, LC_SESSION, 9, OP_CHECK, SL_IDS_IP, NULL);
    sl_request(&c.s, LC_SESSION, 9, OP_DELETE_CONTAINER, SL_IDS_IP, NULL);
    sl_request(&c.s, LC_SESSION, 9, OP_ERROR, SL_IDS_IP, NULL);
    CU_ASSERT(sl_is_silent(&c.s, 1));

    /* A session that is there; closed twice. */
    sl_create_session(&c.s, LC_SESSION);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 11)), 0);
    sl_request(&c.s, LC_SESSION, 10, OP_CLOSE_SESSION, SL_IDS_NULL, NULL);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 12)), 0);
    sl_request(&c.s, LC_SESSION, 11, OP_CLOSE_SESSION, SL_IDS_NULL, NULL);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(1, 13)), 0);

    zk_buf_fini(&body);
    lc_fini(&c);
}

static const struct zk_test tests[] = {
    { "a proposal commits by the ack of a quorum",
      test_a_proposal_commits_by_the_ack_of_a_quorum },
    { "links and acks are measured", test_links_and_acks_are_measured },
    { "an ack counts for all before it",
      test_an_ack_counts_for_all_before_it },
    { "requests are answered as by Java",
      test_requests_are_answered_as_by_java },
};

ZK_TEST_MAIN("leader_proposals", tests)
