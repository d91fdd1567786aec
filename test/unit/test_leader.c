/* SPDX-License-Identifier: Apache-2.0 */
/* How leading begins and ends. */
#include <config.h>

#include "test/unit/leader_case.h"

#include "metrics/server_metrics.h"
#include "server/server_role.h"
#include "test/lib/zk_test_ports.h"

/* ---- the beginning ----------------------------------------------------- */

static void
test_a_quorum_is_led_into_a_new_epoch(void)
{
    struct leader_case c;

    lc_init(&c, "");
    sl_connect(&c.s, c.port, 1);
    sl_info(&c.s, QP_FOLLOWERINFO, 6, 20);
    sl_expect(&c.s, QP_LEADERINFO, z(7, 0));
    CU_ASSERT_EQUAL(c.s.qp.data.len, 4);
    CU_ASSERT_EQUAL(zk_get_be32(c.s.qp.data.p), 0x10000);
    CU_ASSERT_EQUAL(atomic_load(&c.vote_epoch), 0);
    sl_ack_epoch(&c.s, 0, 0);
    sl_expect(&c.s, QP_DIFF, 0);
    sl_expect(&c.s, QP_NEWLEADER, z(7, 0));
    CU_ASSERT(zk_slice_eq_str(c.s.qp.data, c.peer.membership));
    CU_ASSERT_PTR_NULL(atomic_load(&c.zks));
    sl_ack(&c.s, z(7, 0));
    sl_expect(&c.s, QP_UPTODATE, -1);
    sl_ack(&c.s, z(7, 0));
    CU_ASSERT_EQUAL(atomic_load(&c.vote_epoch), 7);
    CU_ASSERT_EQUAL(lc_status(&c).synced_followers, 1);
    CU_ASSERT_EQUAL(lc_status(&c).last_committed, z(7, 0));
    lc_stop(&c);
    CU_ASSERT(sl_ends(&c.s));
    lc_close(&c);
}

static void
test_epochs_are_on_disk_before_they_are_told(void)
{
    struct zk_errmsg em;
    struct zab_epochs e = { 0 };
    struct leader_case c;

    lc_init(&c, "");
    sl_connect(&c.s, c.port, 1);
    sl_info(&c.s, QP_FOLLOWERINFO, 4, 20);
    sl_expect(&c.s, QP_LEADERINFO, z(5, 0));
    CU_ASSERT_EQUAL(zab_epochs_load(&e, c.epochs.dir, 0, &em), ZK_OK);
    CU_ASSERT_EQUAL(e.accepted, 5);
    CU_ASSERT_EQUAL(e.current, 0);
    sl_ack_epoch(&c.s, 0, 0);
    sl_expect(&c.s, QP_DIFF, 0);
    sl_expect(&c.s, QP_NEWLEADER, z(5, 0));
    CU_ASSERT_EQUAL(zab_epochs_load(&e, c.epochs.dir, 0, &em), ZK_OK);
    CU_ASSERT_EQUAL(e.current, 5);
    lc_fini(&c);
}

static void
test_a_learner_that_is_ahead_is_dropped(void)
{
    struct leader_case c;

    lc_init(&c, "");
    lc_greet(&c, &c.t, 1, QP_FOLLOWERINFO, 20);
    sl_ack_epoch(&c.t, 5, z(5, 0));
    CU_ASSERT(sl_ends(&c.t));
    sl_connect(&c.s, c.port, 2);
    CU_ASSERT_EQUAL(sl_join(&c.s, false, 0), 1);
    lc_fini(&c);
}

static void
test_other_acks_before_that_of_newleader_do_no_harm(void)
{
    struct leader_case c;

    lc_init(&c, "");
    lc_discover(&c, &c.s, 1, false, 0);
    sl_expect(&c.s, QP_DIFF, 0);
    sl_expect(&c.s, QP_NEWLEADER, z(1, 0));
    sl_ack(&c.s, 0x77);         /* ZOOKEEPER-4685 */
    sl_ack(&c.s, z(1, 0));
    sl_expect(&c.s, QP_UPTODATE, -1);
    lc_fini(&c);
}

static void
test_one_voter_leads_alone(void)
{
    struct leader_case c;

    lc_open(&c, 1, "");
    lc_lead(&c);
    CU_ASSERT(lc_until(&c, lc_serves, true));
    sl_connect(&c.o, c.port, 9);
    CU_ASSERT_EQUAL(sl_join(&c.o, true, 0), 1);
    sl_create_session(&c.o, LC_SESSION);
    sl_expect(&c.o, QP_INFORM, z(1, 1));
    CU_ASSERT_EQUAL(sl_txn_type(&c.o), OP_CREATE_SESSION);
    CU_ASSERT(lc_until(&c, lc_tree_zxid, z(1, 1)));
    CU_ASSERT_EQUAL(lc_status(&c).synced_observers, 1);
    lc_fini(&c);
}

/* ---- giving up --------------------------------------------------------- */

static void
test_without_a_quorum_it_gives_up(void)
{
    struct leader_case c;
    int64_t begin_ms = zk_time_mono_ms();

    lc_init(&c, "");
    sl_connect(&c.s, c.port, 77);       /* A stranger does not count. */
    sl_info(&c.s, QP_FOLLOWERINFO, 0, 20);
    leader_voter_looks(c.l, 2); /* Nobody has asked for that to matter. */
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    CU_ASSERT(zk_time_mono_ms() - begin_ms >= LC_INIT_LIMIT * LC_TICK_MS);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "quorum"));
    CU_ASSERT(sl_ends(&c.s));
    CU_ASSERT_EQUAL(c.epochs.accepted, 0);
    lc_close(&c);
}

static int64_t
ends_by_desertion(const struct leader_case *c)
{
    leader_voter_looks(c->l, 2);
    return atomic_load(&c->ended);
}

/* Who voted for it looks for another leader: it does, too, after 200 ms at the
 * earliest, and no more once a quorum has called. */
static void
test_it_gives_up_when_its_voters_do(void)
{
    int64_t begin_ms = zk_time_mono_ms();
    struct metric_figures before, after;
    struct leader_case c;

    server_metrics_get(METRIC_quit_leading_due_to_disloyal_voter, &before);
    lc_init(&c, "leader.maxTimeToWaitForEpoch=200\n");
    CU_ASSERT(lc_until(&c, ends_by_desertion, true));
    CU_ASSERT(zk_time_mono_ms() - begin_ms >= 200);
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "server 2"));
    server_metrics_get(METRIC_quit_leading_due_to_disloyal_voter, &after);
    CU_ASSERT_EQUAL(after.sum, before.sum + 1);
    lc_close(&c);
    lc_serve(&c, "leader.maxTimeToWaitForEpoch=0\n");
    leader_voter_looks(c.l, 2);
    CU_ASSERT(sl_is_silent(&c.s, 2));
    lc_fini(&c);
}

static void
test_a_leader_without_its_quorum_steps_down(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    CU_ASSERT(lc_until(&c, lc_serves, true));
    sl_close(&c.s);
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "quorum"));
    CU_ASSERT_PTR_NULL(atomic_load(&c.zks));
    lc_close(&c);
}

static void
test_a_silent_follower_is_none(void)
{
    int64_t begin_ms;
    struct leader_case c;

    lc_serve(&c, "");
    begin_ms = zk_time_mono_ms();
    c.s.mute = true;
    CU_ASSERT(sl_ends(&c.s));
    CU_ASSERT(zk_time_mono_ms() - begin_ms
              >= LC_SYNC_LIMIT * LC_TICK_MS - 100);
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    lc_close(&c);
}

static void
test_a_port_in_use_is_no_fault(void)
{
    struct leader_case c;
    int fd;

    lc_open(&c, 3, "");
    fd = zk_test_listen(c.port, 1);
    lc_lead(&c);
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.why.text, "127.0.0.1"));
    close(fd);
    lc_close(&c);
}

/* ---- the end ----------------------------------------------------------- */

static int64_t
logged(const struct leader_case *c)
{
    return file_txn_log_last_synced(file_txn_snap_log_log(c->db->files));
}

static void
test_what_is_logged_is_applied_at_the_end(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    sl_create(&c.s, LC_SESSION, 1, "/tail", 1);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 2));
    CU_ASSERT(lc_until(&c, logged, z(1, 2)));
    leader_shutdown(c.l, "the test is over");
    CU_ASSERT(sl_ends(&c.s));
    CU_ASSERT_EQUAL(lc_join(&c), ZK_ESTOPPED);
    CU_ASSERT_EQUAL(lc_tree_zxid(&c), z(1, 2));
    CU_ASSERT_PTR_NOT_NULL(data_tree_find(c.db->tree,
                                          ZK_SLICE_LIT("/tail")));
    CU_ASSERT_EQUAL(outstanding_changes_size(c.db->changes), 0);
    sl_close(&c.s);

    /* The next leader of the same process begins where this one ended. */
    lc_lead(&c);
    sl_connect(&c.s, c.port, 1);
    sl_info(&c.s, QP_FOLLOWERINFO, 1, 20);
    sl_expect(&c.s, QP_LEADERINFO, z(2, 0));
    sl_ack_epoch(&c.s, 1, z(1, 1));
    sl_expect(&c.s, QP_DIFF, z(1, 2));
    lc_expect_pairs(&c.s, z(1, 2), z(1, 2));
    sl_expect(&c.s, QP_NEWLEADER, z(2, 0));
    sl_ack(&c.s, z(2, 0));
    sl_expect(&c.s, QP_UPTODATE, -1);
    sl_create(&c.s, LC_SESSION, 2, "/next", 1);
    CU_ASSERT_EQUAL(lc_pass_err(&c.s, z(2, 1)), 0);
    lc_fini(&c);
}

static void
test_a_used_up_epoch_ends_without_a_fault(void)
{
    struct leader_case c;

    lc_serve(&c, "testingonly.initialZxid=4294967292");
    sl_create_session(&c.s, LC_SESSION);
    lc_pass(&c.s, z(1, 0xfffffffd));
    sl_create(&c.s, LC_SESSION, 1, "/last", 1);
    sl_create(&c.s, LC_SESSION, 2, "/over", 1);
    sl_create(&c.s, LC_SESSION, 3, "/more", 1);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 0xfffffffe));
    CU_ASSERT(sl_is_silent(&c.s, 1));   /* It waits for the commit. */
    sl_ack(&c.s, z(1, 0xfffffffe));
    sl_expect(&c.s, QP_COMMIT, z(1, 0xfffffffe));
    CU_ASSERT(sl_ends(&c.s));
    CU_ASSERT_EQUAL(lc_join(&c), ZK_OK);
    CU_ASSERT_EQUAL(lc_tree_zxid(&c), z(1, 0xfffffffe));
    CU_ASSERT_PTR_NULL(data_tree_find(c.db->tree, ZK_SLICE_LIT("/over")));
    lc_close(&c);
}

static void
test_shutdown_comes_at_any_time(void)
{
    struct leader_case c;

    lc_open(&c, 3, "");
    c.l = leader_create(&c.peer);
    leader_shutdown(c.l, "before");
    lc_lead(&c);
    CU_ASSERT_EQUAL(lc_join(&c), ZK_ESTOPPED);
    CU_ASSERT_STRING_EQUAL(c.why.text, "before");
    lc_lead(&c);
    sl_connect(&c.s, c.port, 1);
    sl_info(&c.s, QP_FOLLOWERINFO, 0, 20);
    sl_expect_type(&c.s, QP_LEADERINFO);
    lc_stop(&c);
    CU_ASSERT(sl_ends(&c.s));
    lc_close(&c);
}

/* ---- words ------------------------------------------------------------- */

static void
test_status_words_know_the_learners(void)
{
    const struct server_role *role;
    struct zk_buf out = { 0 };
    struct leader_case c;

    lc_serve(&c, "");
    lc_observe(&c);
    CU_ASSERT(lc_until(&c, lc_serves, true));
    role = zookeeper_server_role(atomic_load(&c.zks));
    CU_ASSERT_STRING_EQUAL(role->mode, "leader");
    role->srvr(role->self, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((char *) out.data,
                           "Proposal sizes last/min/max: -1/-1/-1\n");
    lc_session(&c);
    zk_buf_clear(&out);
    role->srvr(role->self, &out);
    role->mntr(role->self, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data,
                                  "last/min/max: 48/48/48\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data, "learners\t2\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data,
                                  "synced_followers\t1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data,
                                  "synced_observers\t1\n"));
    CU_ASSERT(lc_status(&c).sync_time_ms >= 0);
    zk_buf_fini(&out);
    lc_fini(&c);
}

static const struct zk_test tests[] = {
    { "a quorum is led into a new epoch",
      test_a_quorum_is_led_into_a_new_epoch },
    { "epochs are on disk before they are told",
      test_epochs_are_on_disk_before_they_are_told },
    { "a learner that is ahead is dropped",
      test_a_learner_that_is_ahead_is_dropped },
    { "other acks before that of NEWLEADER do no harm",
      test_other_acks_before_that_of_newleader_do_no_harm },
    { "one voter leads alone", test_one_voter_leads_alone },
    { "without a quorum it gives up", test_without_a_quorum_it_gives_up },
    { "it gives up when its voters do", test_it_gives_up_when_its_voters_do },
    { "a leader without its quorum steps down",
      test_a_leader_without_its_quorum_steps_down },
    { "a silent follower is none", test_a_silent_follower_is_none },
    { "a port in use is no fault", test_a_port_in_use_is_no_fault },
    { "what is logged is applied at the end",
      test_what_is_logged_is_applied_at_the_end },
    { "a used up epoch ends without a fault",
      test_a_used_up_epoch_ends_without_a_fault },
    { "shutdown comes at any time", test_shutdown_comes_at_any_time },
    { "status words know the learners", test_status_words_know_the_learners },
};

ZK_TEST_MAIN("leader", tests)
