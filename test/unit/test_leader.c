/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real leader over a real database, with learners that are played packet by
 * packet.  It is server 3 of three voters: itself and one more are a quorum.
 */
#include <config.h>

#include "zab/leader.h"

#include <unistd.h>

#include "metrics/server_metrics.h"
#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "server/server_role.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/unit/scripted_learner.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"
#include "zab/leader_core.h"
#include "zab/leader_internal.h"

#define TICK_MS 400
#define SYNC_LIMIT 5            /* 2 s */
#define INIT_LIMIT 10           /* 4 s */
#define SESSION 0x100000000000042

/* What the leader runs in. */
struct bench {
    char *dir;
    int port;
    struct server_config *config;
    struct quorum_verifier *qv;
    struct zk_database *db;
    struct zab_epochs epochs;
    struct zab_peer peer;
    struct leader *l;
    struct zk_thread thread;
    atomic_bool ended;
    int rv;
    struct zk_errmsg why;
    _Atomic int64_t vote_epoch;
    _Atomic(struct zookeeper_server *) zks;
};

static void
must(int ok, const char *what, const struct zk_errmsg *em)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, em != NULL ? em->text : "");
        exit(99);
    }
}

static void
bench_set_server(void *self, struct zookeeper_server *zks)
{
    struct bench *b = self;

    atomic_store(&b->zks, zks);
}

static void
bench_set_vote_epoch(void *self, int64_t epoch)
{
    struct bench *b = self;

    atomic_store(&b->vote_epoch, epoch);
}

/* 'voters' servers 1 to voters, of whom the last one leads. */
static void
bench_config(struct bench *b, int voters, const char *more)
{
    char *path = zk_xasprintf("%s/zoo.cfg", b->dir);
    char *myid = zk_xasprintf("%s/myid", b->dir);
    struct zk_errmsg em;
    FILE *f = fopen(path, "w");

    must(f != NULL, path, NULL);
    fprintf(f, "tickTime=%d\ninitLimit=%d\nsyncLimit=%d\ndataDir=%s\n"
            "clientPort=2181\nforceSync=no\nstandaloneEnabled=false\n%s\n",
            TICK_MS, INIT_LIMIT, SYNC_LIMIT, b->dir, more);
    for (int i = 1; i <= voters; i++) {
        fprintf(f, "server.%d=127.0.0.1:%d:%d\n", i,
                i == voters ? b->port : 1, 2);
    }
    fclose(f);
    f = fopen(myid, "w");
    must(f != NULL, myid, NULL);
    fprintf(f, "%d\n", voters);
    fclose(f);
    must(server_config_read(path, system_properties_create(), &b->config,
                            &em)
             == ZK_OK,
         "config", &em);
    b->config->storage.pre_alloc_kb = 64;
    free(path);
    free(myid);
}

static void
bench_open(struct bench *b, int voters, const char *more)
{
    struct restore_result res = { 0 };
    struct zk_errmsg em;

    memset(b, 0, sizeof *b);
    b->dir = zk_test_mkdir();
    b->port = zk_test_port();
    bench_config(b, voters, more);
    b->qv = quorum_verifier_create(0, false);
    for (int i = 1; i <= voters; i++) {
        quorum_verifier_add(b->qv, &(struct quorum_member) {
                                       .sid = i, .voter = true, .weight = 1,
                                       .group = -1 });
    }
    b->db = zk_database_create(&b->config->storage);
    must(zk_database_load(b->db, &res, &em) == ZK_OK, "load", &em);
    must(zab_epochs_load(&b->epochs,
                         file_txn_snap_log_snap_dir(b->db->files),
                         data_tree_last_zxid(b->db->tree), &em)
             == ZK_OK,
         "epochs", &em);
    b->peer = (struct zab_peer) {
        .self = b,
        .config = b->config,
        .qv = b->qv,
        .membership = "server.1=...\nversion=0",
        .db = b->db,
        .epochs = &b->epochs,
        .sid = voters,
        .set_server = bench_set_server,
        .set_vote_epoch = bench_set_vote_epoch,
    };
}

static void
bench_run(void *arg)
{
    struct bench *b = arg;

    b->rv = leader_lead(b->l, &b->why);
    atomic_store(&b->ended, true);
}

static void
bench_lead(struct bench *b)
{
    b->l = leader_create(&b->peer);
    zk_thread_start(&b->thread, bench_run, b, "QuorumPeer");
}

static void
bench_init(struct bench *b, const char *more)
{
    bench_open(b, 3, more);
    bench_lead(b);
}

/* Waits for the end of leading. */
static int
bench_join(struct bench *b)
{
    zk_thread_join(&b->thread);
    leader_destroy(b->l);
    b->l = NULL;
    return b->rv;
}

static void
bench_close(struct bench *b)
{
    quorum_verifier_destroy(b->qv);
    zk_database_destroy(b->db);
    server_config_destroy(b->config);
    zk_test_rmdir(b->dir);
    free(b->dir);
}

static void
bench_fini(struct bench *b)
{
    leader_shutdown(b->l, "the test is over");
    CU_ASSERT_EQUAL(bench_join(b), ZK_ESTOPPED);
    CU_ASSERT_STRING_EQUAL(b->why.text, "the test is over");
    CU_ASSERT_PTR_NULL(atomic_load(&b->zks));
    bench_close(b);
}

static bool
until(bool (*ok)(void *arg), void *arg)
{
    int64_t deadline_ms = zk_time_mono_ms() + SL_DEADLINE_MS;

    while (!ok(arg)) {
        if (zk_time_mono_ms() > deadline_ms) {
            return false;
        }
        zk_time_pause_us(1000);
    }
    return true;
}

static struct leader_status
status(const struct bench *b)
{
    struct leader_status s;

    leader_get_status(b->l, &s);
    return s;
}

static int64_t
tree_zxid(const struct bench *b)
{
    int64_t zxid;

    zk_read_lock(&b->db->lock);
    zxid = data_tree_last_zxid(b->db->tree);
    zk_read_unlock(&b->db->lock);
    return zxid;
}

/* A follower with sid 1 and the leader serve. */
static void
follower(const struct bench *b, struct scripted_learner *s)
{
    sl_connect(s, b->port, 1);
    (void) sl_join(s, false, tree_zxid(b));
}

/* PROPOSAL, ack, COMMIT. */
static void
pass_one(struct scripted_learner *s, int64_t zxid)
{
    sl_expect(s, QP_PROPOSAL, zxid);
    sl_ack(s, zxid);
    sl_expect(s, QP_COMMIT, zxid);
}

static int64_t
z(int64_t epoch, int64_t counter)
{
    return zxid_make(epoch, counter);
}

/* 'n' creates of s, one after the other, from zxid 'first' on. */
static void
create_many(struct scripted_learner *s, int64_t first, int n)
{
    for (int i = 0; i < n; i++) {
        char *path = zk_xasprintf("/n%lx", (long) (first + i));

        sl_create(s, SESSION, i + 1, path, 10);
        free(path);
        pass_one(s, first + i);
    }
}

/* The error of the next proposal, which is let through; 0: none. */
static int32_t
proposed_err(struct scripted_learner *s, int64_t zxid)
{
    int32_t err;

    sl_expect(s, QP_PROPOSAL, zxid);
    err = sl_txn_err(s);
    sl_ack(s, zxid);
    sl_expect(s, QP_COMMIT, zxid);
    return err;
}

/* ---- discovery --------------------------------------------------------- */

static void
test_a_quorum_is_led_into_a_new_epoch(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 6, 20);
    sl_expect(&s, QP_LEADERINFO, z(7, 0));
    CU_ASSERT_EQUAL(s.qp.data.len, 4);
    CU_ASSERT_EQUAL(zk_get_be32(s.qp.data.p), 0x10000);
    CU_ASSERT_EQUAL(atomic_load(&b.vote_epoch), 0);
    sl_ack_epoch(&s, 0, 0);
    sl_expect(&s, QP_DIFF, 0);
    sl_expect(&s, QP_NEWLEADER, z(7, 0));
    CU_ASSERT(zk_slice_eq_str(s.qp.data, b.peer.membership));
    CU_ASSERT_PTR_NULL(atomic_load(&b.zks));
    sl_ack(&s, z(7, 0));
    sl_expect(&s, QP_UPTODATE, -1);
    sl_ack(&s, z(7, 0));
    CU_ASSERT_EQUAL(atomic_load(&b.vote_epoch), 7);
    CU_ASSERT_EQUAL(status(&b).synced_followers, 1);
    CU_ASSERT_EQUAL(status(&b).last_committed, z(7, 0));
    bench_fini(&b);
    CU_ASSERT(sl_ends(&s));
    sl_close(&s);
}

static void
test_epochs_are_on_disk_before_they_are_told(void)
{
    struct scripted_learner s;
    struct zk_errmsg em;
    struct zab_epochs e;
    struct bench b;

    bench_init(&b, "");
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 4, 20);
    sl_expect(&s, QP_LEADERINFO, z(5, 0));
    must(zab_epochs_load(&e, b.epochs.dir, 0, &em) == ZK_OK, "epochs", &em);
    CU_ASSERT_EQUAL(e.accepted, 5);
    CU_ASSERT_EQUAL(e.current, 0);
    sl_ack_epoch(&s, 0, 0);
    sl_expect(&s, QP_DIFF, 0);
    sl_expect(&s, QP_NEWLEADER, z(5, 0));
    must(zab_epochs_load(&e, b.epochs.dir, 0, &em) == ZK_OK, "epochs", &em);
    CU_ASSERT_EQUAL(e.current, 5);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_a_learner_that_is_ahead_is_dropped(void)
{
    struct scripted_learner ahead, s;
    struct bench b;

    bench_init(&b, "");
    sl_connect(&ahead, b.port, 1);
    sl_info(&ahead, QP_FOLLOWERINFO, 0, 20);
    sl_expect(&ahead, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(&ahead, 5, z(5, 0));
    CU_ASSERT(sl_ends(&ahead));
    sl_connect(&s, b.port, 2);
    CU_ASSERT_EQUAL(sl_join(&s, false, 0), 1);
    bench_fini(&b);
    sl_close(&ahead);
    sl_close(&s);
}

static void
test_other_acks_before_that_of_newleader_do_no_harm(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 0, 20);
    sl_expect(&s, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(&s, 0, 0);
    sl_expect(&s, QP_DIFF, 0);
    sl_expect(&s, QP_NEWLEADER, z(1, 0));
    sl_ack(&s, 0x77);           /* ZOOKEEPER-4685 */
    sl_ack(&s, z(1, 0));
    sl_expect(&s, QP_UPTODATE, -1);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_without_a_quorum_it_gives_up(void)
{
    struct scripted_learner s;
    struct bench b;
    int64_t begin_ms = zk_time_mono_ms();

    bench_init(&b, "");
    sl_connect(&s, b.port, 77);     /* A stranger does not count. */
    sl_info(&s, QP_FOLLOWERINFO, 0, 20);
    leader_voter_looks(b.l, 2);     /* Nobody has asked for that to matter. */
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    CU_ASSERT(zk_time_mono_ms() - begin_ms >= INIT_LIMIT * TICK_MS);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.why.text, "quorum"));
    CU_ASSERT(sl_ends(&s));
    CU_ASSERT_EQUAL(b.epochs.accepted, 0);
    bench_close(&b);
    sl_close(&s);
}

static bool
ends_by_desertion(void *arg)
{
    struct bench *b = arg;

    leader_voter_looks(b->l, 2);
    return atomic_load(&b->ended);
}

/* Who voted for it looks for another leader: it does, too, after 200 ms at the
 * earliest, and no more once a quorum has called. */
static void
test_it_gives_up_when_its_voters_do(void)
{
    int64_t begin_ms = zk_time_mono_ms();
    struct metric_figures before, after;
    struct scripted_learner s;
    struct bench b;

    server_metrics_get(METRIC_quit_leading_due_to_disloyal_voter, &before);
    bench_init(&b, "leader.maxTimeToWaitForEpoch=200\n");
    CU_ASSERT(until(ends_by_desertion, &b));
    CU_ASSERT(zk_time_mono_ms() - begin_ms >= 200);
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.why.text, "server 2"));
    server_metrics_get(METRIC_quit_leading_due_to_disloyal_voter, &after);
    CU_ASSERT_EQUAL(after.sum, before.sum + 1);
    bench_close(&b);
    bench_init(&b, "leader.maxTimeToWaitForEpoch=0\n");
    follower(&b, &s);
    leader_voter_looks(b.l, 2);
    CU_ASSERT(sl_is_silent(&s, 2));
    bench_fini(&b);
    sl_close(&s);
}

static bool
is_serving(void *arg)
{
    struct bench *b = arg;

    return atomic_load(&b->zks) != NULL;
}

static bool
is_applied_1(void *arg)
{
    return tree_zxid(arg) == z(1, 1);
}

static void
test_one_voter_leads_alone(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_open(&b, 1, "");
    bench_lead(&b);
    CU_ASSERT(until(is_serving, &b));
    sl_connect(&s, b.port, 9);
    CU_ASSERT_EQUAL(sl_join(&s, true, 0), 1);
    sl_create_session(&s, SESSION);
    sl_expect(&s, QP_INFORM, z(1, 1));
    CU_ASSERT_EQUAL(sl_txn_type(&s), OP_CREATE_SESSION);
    CU_ASSERT(until(is_applied_1, &b));
    CU_ASSERT_EQUAL(status(&b).synced_observers, 1);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_learners_of_3_4_get_no_configuration(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 0, 12);
    sl_expect(&s, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(&s, 0, 0);
    sl_expect(&s, QP_DIFF, 0);
    sl_expect(&s, QP_NEWLEADER, z(1, 0));
    CU_ASSERT(zk_slice_is_null(s.qp.data));
    bench_fini(&b);
    sl_close(&s);
}

static bool
has_one_follower(void *arg)
{
    return status(arg).followers == 1;
}

/* Poison for them (protocol: section 9), alone or inside a multi. */
static void
test_while_one_of_3_4_follows_nothing_newer_is_proposed(void)
{
    struct scripted_learner s, old;
    struct zk_buf body = { 0 }, multi = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 1)), 0);
    sl_connect(&old, b.port, 2);
    sl_info(&old, QP_FOLLOWERINFO, 0, 12);
    sl_expect(&old, QP_LEADERINFO, z(1, 0));
    output_archive_slice(&body, ZK_SLICE_LIT("/a"));
    output_archive_slice(&body, ZK_SLICE_LIT("x"));
    zk_buf_append(&body, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(&body, 0);
    output_archive_int(&multi, OP_CREATE2);
    output_archive_bool(&multi, false);
    output_archive_int(&multi, -1);
    zk_buf_append(&multi, body.data, body.len);
    output_archive_int(&multi, -1);
    output_archive_bool(&multi, true);
    output_archive_int(&multi, -1);
    sl_request(&s, SESSION, 1, OP_CREATE2, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 2)), KE_UNIMPLEMENTED);
    sl_request(&s, SESSION, 2, OP_MULTI, SL_IDS_IP, &multi);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 3)), KE_UNIMPLEMENTED);
    sl_request(&s, SESSION, 3, OP_CREATE, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 4)), 0);
    sl_close(&old);
    CU_ASSERT(until(has_one_follower, &b));
    sl_request(&s, SESSION, 4, OP_CREATE2, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 5)), KE_NODE_EXISTS);
    zk_buf_fini(&body);
    zk_buf_fini(&multi);
    bench_fini(&b);
    sl_close(&s);
}

/* What all would pay for. */
static void
test_a_stranger_that_says_it_is_of_3_4_stops_nothing(void)
{
    struct scripted_learner s, old;
    struct zk_buf body = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 1)), 0);
    sl_connect(&old, b.port, 9);
    sl_info(&old, QP_OBSERVERINFO, 0, 12);
    sl_expect(&old, QP_LEADERINFO, z(1, 0));
    output_archive_slice(&body, ZK_SLICE_LIT("/a"));
    output_archive_slice(&body, ZK_SLICE_LIT("x"));
    zk_buf_append(&body, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(&body, 0);
    sl_request(&s, SESSION, 1, OP_CREATE2, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 2)), 0);
    zk_buf_fini(&body);
    bench_fini(&b);
    sl_close(&s);
    sl_close(&old);
}

static void
test_strange_bytes_end_their_connection_only(void)
{
    static const char http[] = "GET / HTTP/1.1\r\n\r\n";
    uint8_t huge[20] = { 0 };
    struct scripted_learner s, bad;
    struct bench b;

    bench_init(&b, "");
    sl_connect(&bad, b.port, 8);
    sl_send_raw(&bad, http, sizeof http - 1);
    CU_ASSERT(sl_ends(&bad));
    sl_close(&bad);

    zk_put_be32(huge, QP_FOLLOWERINFO);
    zk_put_be32(huge + 12, 0x7fffffff);
    sl_connect(&bad, b.port, 8);
    sl_send_raw(&bad, huge, sizeof huge);
    CU_ASSERT(sl_ends(&bad));
    sl_close(&bad);

    sl_connect(&bad, b.port, 3);    /* The leader's own id. */
    sl_info(&bad, QP_FOLLOWERINFO, 0, 20);
    CU_ASSERT(sl_ends(&bad));
    sl_close(&bad);

    follower(&b, &s);
    sl_send(&s, 77, 0, ZK_SLICE_NULL);  /* Unknown: left out. */
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    zk_put_be32(huge, QP_REQUEST);
    sl_send_raw(&s, huge, sizeof huge);
    CU_ASSERT(sl_ends(&s));
    bench_fini(&b);
    sl_close(&s);
}

static void
test_strangers_are_few(void)
{
    struct scripted_learner many[80], s;
    struct bench b;

    bench_init(&b, "");
    for (size_t i = 0; i < ZK_ARRAY_SIZE(many); i++) {
        sl_connect(&many[i], b.port, 100);
    }
    CU_ASSERT(sl_ends(&many[0]));
    sl_connect(&s, b.port, 1);      /* The others do not keep it out. */
    sl_info(&s, QP_FOLLOWERINFO, 0, 20);
    sl_expect(&s, QP_LEADERINFO, z(1, 0));
    for (size_t i = 0; i < ZK_ARRAY_SIZE(many); i++) {
        sl_close(&many[i]);
    }
    bench_fini(&b);
    sl_close(&s);
}

/* ---- broadcast --------------------------------------------------------- */

static void
test_a_proposal_commits_by_the_ack_of_a_quorum(void)
{
    struct scripted_learner s, o;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    sl_create_session(&s, SESSION);
    sl_expect(&s, QP_PROPOSAL, z(1, 1));
    CU_ASSERT_EQUAL(sl_txn_type(&s), OP_CREATE_SESSION);
    CU_ASSERT(sl_is_silent(&s, 1));
    CU_ASSERT(sl_is_silent(&o, 1));
    CU_ASSERT_EQUAL(tree_zxid(&b), 0);
    sl_ack(&s, z(1, 1));
    sl_expect(&s, QP_COMMIT, z(1, 1));
    sl_expect(&o, QP_INFORM, z(1, 1));
    CU_ASSERT_EQUAL(sl_txn_type(&o), OP_CREATE_SESSION);
    CU_ASSERT(until(is_applied_1, &b));
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
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
    struct scripted_learner s;
    struct bench b;

    server_metrics_reset();
    bench_init(&b, "leader.ackLoggingFrequency=2\n");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    CU_ASSERT_FALSE(is_printed("\nzk_cnt_1_ack_latency\t"));
    create_many(&s, z(1, 2), 2);
    CU_ASSERT(is_printed("\nzk_cnt_1_ack_latency\t1\n"));
    CU_ASSERT(is_printed("\nzk_cnt_3_ack_latency\t1\n"));
    CU_ASSERT(is_printed("\nzk_cnt_1_learner_handler_qp_time_ms\t1\n"));
    CU_ASSERT(is_printed("\nzk_avg_1_learner_handler_qp_size\t"));
    server_metrics_get(METRIC_proposal_ack_creation_latency, &f);
    CU_ASSERT_EQUAL(f.count, 3);
    CU_ASSERT(f.max < 60000);
    bench_fini(&b);
    sl_close(&s);
    server_metrics_get(METRIC_propagation_latency, &f);
    CU_ASSERT_EQUAL(f.count, 3);
}

static void
test_an_ack_counts_for_all_before_it(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    for (int i = 0; i < 3; i++) {
        char path[] = { '/', (char) ('a' + i), '\0' };

        sl_create(&s, SESSION, i + 1, path, 0);
    }
    for (int i = 1; i <= 4; i++) {
        sl_expect(&s, QP_PROPOSAL, z(1, i));
    }
    sl_ack(&s, z(1, 3));
    for (int i = 1; i <= 3; i++) {
        sl_expect(&s, QP_COMMIT, z(1, i));
    }
    CU_ASSERT(sl_is_silent(&s, 1));
    sl_ack(&s, z(1, 4));
    sl_expect(&s, QP_COMMIT, z(1, 4));
    bench_fini(&b);
    sl_close(&s);
}

static void
test_requests_are_answered_as_by_java(void)
{
    struct scripted_learner s, o;
    struct zk_buf body = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    sl_create_session(&s, SESSION);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 1)), 0);

    /* create: no ids at all, an empty list, one id. */
    output_archive_slice(&body, ZK_SLICE_LIT("/a"));
    output_archive_slice(&body, ZK_SLICE_LIT("x"));
    zk_buf_append(&body, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(&body, 0);
    sl_request(&s, SESSION, 1, OP_CREATE, SL_IDS_NULL, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 2)), KE_MARSHALLING);
    sl_request(&s, SESSION, 2, OP_CREATE, SL_IDS_NONE, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 3)), 0);
    sl_request(&s, SESSION, 3, OP_CREATE, SL_IDS_IP, &body);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 4)), KE_NODE_EXISTS);
    sl_request(&s, SESSION, 4, OP_CREATE, SL_IDS_IP, NULL);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 5)), KE_MARSHALLING);
    sl_request(&s, SESSION, 5, OP_RECONFIG, SL_IDS_IP, NULL);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 6)), KE_MARSHALLING);

    /* Sessions: unknown, owned by another link, moved. */
    sl_create(&s, SESSION + 1, 1, "/b", 1);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 7)), KE_SESSION_EXPIRED);
    sl_create(&o, SESSION, 1, "/b", 1);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 8)), KE_SESSION_MOVED);
    zk_buf_clear(&body);
    output_archive_long(&body, SESSION);
    output_archive_int(&body, 10000);
    for (int i = 1; i <= 8; i++) {
        sl_expect(&o, QP_INFORM, z(1, i));
    }
    sl_send(&o, QP_REVALIDATE, -1, zk_slice(body.data, (int32_t) body.len));
    sl_expect(&o, QP_REVALIDATE, -1);
    CU_ASSERT_EQUAL(s.qp.data.len, -1);
    CU_ASSERT_EQUAL(o.qp.data.len, 9);
    CU_ASSERT_EQUAL(zk_get_be64(o.qp.data.p), SESSION);
    CU_ASSERT_EQUAL(o.qp.data.p[8], 1);
    sl_create(&o, SESSION, 2, "/b", 1);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 9)), 0);
    sl_create(&s, SESSION, 6, "/c", 1);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 10)), KE_SESSION_MOVED);
    sl_send(&s, QP_REVALIDATE, -1, zk_slice("\0\0\0\0\0\0\0\7\0\0\0\1", 12));
    sl_expect(&s, QP_REVALIDATE, -1);
    CU_ASSERT_EQUAL(s.qp.data.p[8], 0);

    /* Reads, pings and what is no operation: nothing. */
    sl_request(&s, SESSION, 7, OP_GET_DATA, SL_IDS_IP, NULL);
    sl_request(&s, SESSION, 8, OP_PING, SL_IDS_IP, NULL);
    sl_request(&s, SESSION, 9, 55, SL_IDS_IP, NULL);
    sl_request(&s, SESSION, 9, OP_CHECK, SL_IDS_IP, NULL);
    sl_request(&s, SESSION, 9, OP_DELETE_CONTAINER, SL_IDS_IP, NULL);
    sl_request(&s, SESSION, 9, OP_ERROR, SL_IDS_IP, NULL);
    CU_ASSERT(sl_is_silent(&s, 1));

    /* A session that is there; closed twice. */
    sl_create_session(&s, SESSION);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 11)), 0);
    sl_request(&s, SESSION, 10, OP_CLOSE_SESSION, SL_IDS_NULL, NULL);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 12)), 0);
    sl_request(&s, SESSION, 11, OP_CLOSE_SESSION, SL_IDS_NULL, NULL);
    CU_ASSERT_EQUAL(proposed_err(&s, z(1, 13)), 0);

    zk_buf_fini(&body);
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
}

/* Reads n PINGs, which are to be answered later. */
static void
withhold_pings(struct scripted_learner *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT(sl_next_of_all(s));
        CU_ASSERT_EQUAL(s->qp.type, QP_PING);
    }
}

static void
answer_pings(struct scripted_learner *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sl_send(s, QP_PING, z(1, 1), zk_slice("", 0));
    }
}

static bool
is_idle(void *arg)
{
    struct bench *b = arg;

    return zookeeper_server_in_process(atomic_load(&b->zks)) == 0;
}

static bool
has_one_sync(void *arg)
{
    return status(arg).pending_syncs == 1;
}

static bool
has_hundred_syncs(void *arg)
{
    return status(arg).pending_syncs == 100;
}

static bool
has_two_syncs(void *arg)
{
    return status(arg).pending_syncs == 2;
}

static bool
has_four_syncs(void *arg)
{
    return status(arg).pending_syncs == 4;
}

static void
test_sync_comes_behind_what_was_proposed_before_it(void)
{
    struct scripted_learner s;
    struct zk_buf path = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    output_archive_slice(&path, ZK_SLICE_LIT("/"));
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_request(&s, SESSION, 1, OP_SYNC, SL_IDS_IP, &path);
    sl_expect(&s, QP_SYNC, 0);
    CU_ASSERT(zk_slice_is_null(s.qp.data));

    sl_create(&s, SESSION, 2, "/a", 1);
    sl_request(&s, SESSION, 3, OP_SYNC, SL_IDS_IP, &path);
    sl_create(&s, SESSION, 4, "/b", 1);
    sl_request(&s, SESSION, 5, OP_SYNC, SL_IDS_IP, &path);
    sl_expect(&s, QP_PROPOSAL, z(1, 2));
    sl_expect(&s, QP_PROPOSAL, z(1, 3));
    CU_ASSERT(until(has_two_syncs, &b));
    CU_ASSERT(sl_is_silent(&s, 3));
    CU_ASSERT_EQUAL(status(&b).pending_syncs, 2);
    sl_ack(&s, z(1, 2));
    sl_expect(&s, QP_COMMIT, z(1, 2));
    sl_expect(&s, QP_SYNC, 0);
    CU_ASSERT(sl_is_silent(&s, 1));
    sl_ack(&s, z(1, 3));
    sl_expect(&s, QP_COMMIT, z(1, 3));
    sl_expect(&s, QP_SYNC, 0);
    CU_ASSERT_EQUAL(status(&b).pending_syncs, 0);
    CU_ASSERT(until(is_idle, &b));      /* They count as done. */
    zk_buf_fini(&path);
    bench_fini(&b);
    sl_close(&s);
}

/* What a learner asks for behind a sync is committed behind its answer: the
 * commit stage of a learner is one queue. */
static void
test_sync_keeps_its_place_when_one_ack_commits_many(void)
{
    struct scripted_learner s, o;
    struct zk_buf path = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    output_archive_slice(&path, ZK_SLICE_LIT("/"));
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_expect(&o, QP_INFORM, z(1, 1));
    for (int i = 0; i < 2; i++) {
        sl_create(&s, SESSION, 4 * i + 1, i == 0 ? "/a" : "/b", 1);
        sl_request(&s, SESSION, 4 * i + 2, OP_SYNC, SL_IDS_IP, &path);
        sl_request(&s, SESSION, 4 * i + 3, OP_SYNC, SL_IDS_IP, &path);
        sl_expect(&s, QP_PROPOSAL, z(1, 2 + i));
    }
    CU_ASSERT(until(has_four_syncs, &b));
    CU_ASSERT(sl_is_silent(&s, 3));
    sl_ack(&s, z(1, 3));
    for (int i = 0; i < 2; i++) {
        sl_expect(&s, QP_COMMIT, z(1, 2 + i));
        sl_expect(&s, QP_SYNC, 0);
        sl_expect(&s, QP_SYNC, 0);
        sl_expect(&o, QP_INFORM, z(1, 2 + i));
    }
    zk_buf_fini(&path);
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
}

/* ---- sessions ---------------------------------------------------------- */

static void
ask_session(struct scripted_learner *s, int64_t session, int32_t timeout_ms)
{
    struct zk_buf body = { 0 };

    output_archive_long(&body, session);
    output_archive_int(&body, timeout_ms);
    sl_send(s, QP_REVALIDATE, -1, zk_slice(body.data, (int32_t) body.len));
    zk_buf_fini(&body);
}

static void
expect_session(struct scripted_learner *s, int64_t session, bool lives)
{
    sl_expect(s, QP_REVALIDATE, -1);
    CU_ASSERT_EQUAL(s->qp.data.len, 9);
    CU_ASSERT_EQUAL((int64_t) zk_get_be64(s->qp.data.p), session);
    CU_ASSERT_EQUAL(s->qp.data.p[8], lives);
}

/* Who is told so does not come back, and another leader may know the session:
 * a quorum must have answered a PING that was sent behind the question.  What
 * lives is known at once. */
static void
test_that_a_session_has_ended_needs_a_quorum(void)
{
    struct scripted_learner s, o;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_expect(&o, QP_INFORM, z(1, 1));
    s.mute = true;
    withhold_pings(&s, 2);
    ask_session(&o, SESSION + 1, 10000);
    ask_session(&o, SESSION + 2, 10000);
    ask_session(&o, SESSION, 10000);
    expect_session(&o, SESSION, true);
    answer_pings(&s, 2);                /* Those are older. */
    CU_ASSERT(sl_is_silent(&o, 2));     /* Its own answers do not count. */
    CU_ASSERT_EQUAL(status(&b).pending_syncs, 0);
    s.mute = false;
    CU_ASSERT(sl_is_silent(&s, 3));
    expect_session(&o, SESSION + 1, false);
    expect_session(&o, SESSION + 2, false);
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
}

/* Its end is proposed, and may be lost yet. */
static void
test_a_session_ends_when_that_is_committed(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_request(&s, SESSION, 1, OP_CLOSE_SESSION, SL_IDS_NULL, NULL);
    sl_expect(&s, QP_PROPOSAL, z(1, 2));
    ask_session(&s, SESSION, 10000);
    CU_ASSERT(sl_is_silent(&s, 3));
    sl_ack(&s, z(1, 2));
    sl_expect(&s, QP_COMMIT, z(1, 2));
    expect_session(&s, SESSION, false);
    ask_session(&s, SESSION, 0);        /* No time at all is nonsense. */
    CU_ASSERT(sl_ends(&s));
    bench_fini(&b);
    sl_close(&s);
}

/* The link ends, and nobody has been told anything. */
static void
test_a_leader_that_loses_its_quorum_ends_no_session(void)
{
    struct scripted_learner s, o;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    s.mute = true;
    ask_session(&o, SESSION, 10000);
    CU_ASSERT_FALSE(sl_next(&o));
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    bench_close(&b);
    sl_close(&s);
    sl_close(&o);
}

static void
test_questions_for_sessions_are_bounded(void)
{
    struct scripted_learner s, o;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    s.mute = true;
    for (int64_t i = 0; i <= LEADER_MAX_ASKED; i++) {
        ask_session(&o, SESSION + i, 10000);
        if (i % 1000 == 0) {
            sl_ack(&s, z(1, 0));        /* It is there, and answers none. */
        }
    }
    CU_ASSERT_FALSE(sl_next(&o));
    s.mute = false;
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
}

static void
test_a_ping_with_torn_sessions_ends_the_link(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_send(&s, QP_PING, 0, zk_slice("123456789012", 12));
    CU_ASSERT(sl_is_silent(&s, 1));
    sl_send(&s, QP_PING, 0, zk_slice("1234567890123", 13));
    CU_ASSERT(sl_ends(&s));
    bench_fini(&b);
    sl_close(&s);
}

/* ---- joining ----------------------------------------------------------- */

/* Discovery of one that comes while another follower is there. */
static void
join_at(const struct bench *b, struct scripted_learner *s, int64_t sid,
        bool observer, int64_t last_zxid)
{
    sl_connect(s, b->port, sid);
    sl_info(s, observer ? QP_OBSERVERINFO : QP_FOLLOWERINFO, 0, 20);
    sl_expect(s, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(s, 0, last_zxid);
}

static void
expect_pairs(struct scripted_learner *s, int64_t first, int64_t last)
{
    for (int64_t i = first; i <= last; i++) {
        sl_expect(s, QP_PROPOSAL, i);
        (void) sl_txn_type(s);
        sl_expect(s, QP_COMMIT, i);
    }
}

static void
up(struct scripted_learner *s)
{
    sl_expect(s, QP_NEWLEADER, z(1, 0));
    sl_ack(s, z(1, 0));
}

static bool
is_applied_6(void *arg)
{
    return tree_zxid(arg) == z(1, 6);
}

static void
test_a_learner_gets_what_it_lacks(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    create_many(&s, z(1, 2), 5);
    CU_ASSERT(until(is_applied_6, &b));         /* Its own log may lag. */

    join_at(&b, &t, 2, false, z(1, 4));         /* Behind. */
    sl_expect(&t, QP_DIFF, z(1, 6));
    expect_pairs(&t, z(1, 5), z(1, 6));
    up(&t);
    sl_expect(&t, QP_UPTODATE, -1);
    sl_close(&t);

    join_at(&b, &t, 2, false, z(1, 9));         /* Too far. */
    sl_expect(&t, QP_TRUNC, z(1, 6));
    up(&t);
    sl_expect(&t, QP_UPTODATE, -1);
    sl_close(&t);

    join_at(&b, &t, 9, true, z(1, 5));          /* An observer. */
    sl_expect(&t, QP_DIFF, z(1, 6));
    sl_expect(&t, QP_INFORM, z(1, 6));
    up(&t);
    sl_expect(&t, QP_UPTODATE, -1);
    sl_close(&t);

    join_at(&b, &t, 2, false, 0);               /* Empty. */
    sl_expect(&t, QP_SNAP, z(1, 6));
    CU_ASSERT(sl_skip_stream(&t) > 300);
    up(&t);
    sl_expect(&t, QP_UPTODATE, -1);
    sl_close(&t);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_open_proposals_come_behind_newleader(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_create(&s, SESSION, 1, "/a", 1);
    sl_expect(&s, QP_PROPOSAL, z(1, 2));
    join_at(&b, &t, 2, false, z(1, 1));
    sl_expect(&t, QP_DIFF, z(1, 1));
    sl_expect(&t, QP_NEWLEADER, z(1, 0));
    sl_expect(&t, QP_PROPOSAL, z(1, 2));        /* ZOOKEEPER-4394 */
    sl_ack(&t, z(1, 0));
    sl_expect(&t, QP_UPTODATE, -1);
    sl_ack(&t, z(1, 2));                        /* The other one is slow. */
    sl_expect(&t, QP_COMMIT, z(1, 2));
    sl_expect(&s, QP_COMMIT, z(1, 2));
    bench_fini(&b);
    sl_close(&s);
    sl_close(&t);
}

static void
test_a_server_that_connects_anew_replaces_its_link(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    sl_expect(&s, QP_PROPOSAL, z(1, 1));
    join_at(&b, &t, 1, false, 0);
    CU_ASSERT(sl_ends(&s));
    sl_expect(&t, QP_DIFF, 0);
    up(&t);
    sl_expect(&t, QP_PROPOSAL, z(1, 1));
    sl_expect(&t, QP_UPTODATE, -1);
    sl_ack(&t, z(1, 1));
    sl_expect(&t, QP_COMMIT, z(1, 1));
    bench_fini(&b);
    sl_close(&s);
    sl_close(&t);
}

static void
test_a_server_that_is_alive_keeps_its_link(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&t, b.port, 1);
    sl_info(&t, QP_FOLLOWERINFO, 0, 20);
    CU_ASSERT(sl_is_silent(&s, 5));     /* It answers them meanwhile. */
    CU_ASSERT(sl_ends(&t));
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    bench_fini(&b);
    sl_close(&s);
    sl_close(&t);
}

static void
test_the_log_files_help_who_is_far_behind(void)
{
    struct scripted_learner s, t;
    struct bench b;

    /* The committed log holds 500; no snapshot is small enough otherwise. */
    bench_init(&b, "snapshotSizeFactor=1000");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    create_many(&s, z(1, 2), 600);
    join_at(&b, &t, 2, false, z(1, 3));
    sl_expect(&t, QP_DIFF, z(1, 601));
    expect_pairs(&t, z(1, 4), z(1, 601));
    up(&t);
    sl_close(&t);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_a_small_snapshot_beats_a_long_log(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    create_many(&s, z(1, 2), 600);
    join_at(&b, &t, 2, false, z(1, 3));
    sl_expect(&t, QP_SNAP, z(1, 601));
    (void) sl_skip_stream(&t);
    up(&t);
    sl_close(&t);
    bench_fini(&b);
    sl_close(&s);
}

/* Reads a little, so that the link never stands still for long. */
struct trickle {
    struct scripted_learner s;
    struct zk_thread thread;
};

static void
trickle_run(void *arg)
{
    struct trickle *t = arg;
    char some[1024];

    do {
        zk_time_pause_us(100000);
    } while (recv(t->s.fd, some, sizeof some, 0) > 0);
}

static bool
has_more(const struct scripted_learner *s)
{
    char c;

    return recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Whoever takes next to nothing of a snapshot that another waits for loses
 * it. */
static void
test_a_slow_learner_does_not_keep_the_snapshot(void)
{
    int small = 4096;
    struct scripted_learner s, t;
    struct trickle slow;
    int64_t deadline_ms;
    struct bench b;

    bench_init(&b, "forceSnapshotSync=true");
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 0, 20);
    sl_expect(&s, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(&s, 0, 0);
    sl_expect_type(&s, QP_SNAP);
    (void) sl_skip_stream(&s);
    up(&s);
    sl_expect(&s, QP_UPTODATE, -1);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    for (int i = 0; i < 12; i++) {      /* More than buffers on its way. */
        char *path = zk_xasprintf("/n%d", i);

        sl_create(&s, SESSION, i + 1, path, 500000);
        free(path);
        pass_one(&s, z(1, 2 + i));
    }
    sl_connect(&slow.s, b.port, 9);
    CU_ASSERT_EQUAL(setsockopt(slow.s.fd, SOL_SOCKET, SO_RCVBUF, &small,
                               sizeof small), 0);
    sl_info(&slow.s, QP_OBSERVERINFO, 0, 20);
    sl_expect(&slow.s, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(&slow.s, 0, 0);
    sl_expect_type(&slow.s, QP_SNAP);
    zk_thread_start(&slow.thread, trickle_run, &slow, "trickle");
    join_at(&b, &t, 10, true, 0);
    deadline_ms = zk_time_mono_ms() + SL_DEADLINE_MS;
    while (!has_more(&t) && zk_time_mono_ms() < deadline_ms) {
        CU_ASSERT(sl_is_silent(&s, 1));
    }
    sl_expect_type(&t, QP_SNAP);
    shutdown(slow.s.fd, SHUT_RDWR);
    zk_thread_join(&slow.thread);
    bench_fini(&b);
    sl_close(&s);
    sl_close(&t);
    sl_close(&slow.s);
}

static void
test_observers_wait_where_too_many_are_brought_up(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "leader.maxConcurrentDiffSyncs=0");
    follower(&b, &s);           /* Participants are exempt. */
    join_at(&b, &t, 9, true, 0);
    CU_ASSERT(sl_ends(&t));
    bench_fini(&b);
    sl_close(&s);
    sl_close(&t);
}

/* ---- joining while others write ---------------------------------------- */

#define LOAD_WINDOW 64          /* Requests on their way. */
#define LOAD_JOINS 12
#define LOAD_STAY 200           /* Transactions that a joiner stays for. */
/* So many more are written for each join: on a busy machine what joins would
 * never get to the end of a tree that grows without end. */
#define LOAD_JOIN 10000

/* A follower that writes without a pause. */
struct load {
    struct scripted_learner s;
    struct zk_thread thread;
    atomic_bool stop;
    _Atomic int64_t allowed;    /* To be written in all. */
};

static void
load_run(void *arg)
{
    struct load *load = arg;
    int64_t sent = 0, done = 0;

    while (!atomic_load(&load->stop) || done < sent) {
        while (!atomic_load(&load->stop) && sent - done < LOAD_WINDOW
               && sent < atomic_load(&load->allowed)) {
            char *path = zk_xasprintf("/n%ld", (long) ++sent);

            sl_create(&load->s, SESSION, (int32_t) sent, path, 100);
            free(path);
        }
        /* A PING, too, is a moment to go on. */
        if (!sl_next_of_all(&load->s)) {
            must(false, "the load's link ended", NULL);
        }
        if (load->s.qp.type == QP_PING) {
            sl_send(&load->s, QP_PING, load->s.qp.zxid, zk_slice("", 0));
        } else if (load->s.qp.type == QP_PROPOSAL) {
            sl_ack(&load->s, load->s.qp.zxid);
        } else {
            done += load->s.qp.type == QP_COMMIT;
        }
    }
}

/* What a follower has seen of one history. */
struct history {
    int64_t proposed, committed;
    bool new_leader, up;
    long wrong;
};

static void
history_take(struct history *h, struct scripted_learner *s)
{
    switch (s->qp.type) {
    case QP_PROPOSAL:
        /* Before NEWLEADER none is open (ZOOKEEPER-4394). */
        h->wrong += s->qp.zxid != h->proposed + 1
                    || (!h->new_leader && h->committed != h->proposed);
        h->proposed = s->qp.zxid;
        if (h->up) {
            sl_ack(s, s->qp.zxid);
        }
        break;
    case QP_COMMIT:
        h->wrong += s->qp.zxid != h->committed + 1
                    || s->qp.zxid > h->proposed;
        h->committed = s->qp.zxid;
        break;
    case QP_INFORM:
        h->wrong += s->qp.zxid != h->committed + 1;
        h->proposed = h->committed = s->qp.zxid;
        break;
    case QP_NEWLEADER:
        h->wrong += h->new_leader || h->committed != h->proposed;
        h->new_leader = true;
        sl_ack(s, s->qp.zxid);
        break;
    case QP_UPTODATE:
        h->wrong += h->up || !h->new_leader;
        h->up = true;
        sl_ack(s, h->proposed);
        break;
    default:
        h->wrong++;
    }
}

/* Joins at 'peer', stays for a while, and leaves; its end. */
static int64_t
join_and_stay(const struct bench *b, struct load *load, bool observer,
              int64_t peer)
{
    struct history h = { .proposed = peer, .committed = peer };
    struct scripted_learner s;
    int64_t until_zxid;

    atomic_fetch_add(&load->allowed, LOAD_JOIN);
    join_at(b, &s, observer ? 9 : 2, observer, peer);
    CU_ASSERT(sl_next(&s));
    if (s.qp.type == QP_SNAP) {
        h.proposed = h.committed = s.qp.zxid;
        (void) sl_skip_stream(&s);
    } else {
        CU_ASSERT_EQUAL(s.qp.type, QP_DIFF);
    }
    until_zxid = INT64_MAX;
    while (h.committed < until_zxid && h.wrong == 0 && sl_next(&s)) {
        history_take(&h, &s);
        if (h.wrong != 0) {
            fprintf(stderr, "%s 0x%lx came behind PROPOSAL 0x%lx and COMMIT "
                    "0x%lx\n", quorum_packet_name(s.qp.type),
                    (long) s.qp.zxid, (long) h.proposed,
                    (long) h.committed);
        }
        if (h.up && until_zxid == INT64_MAX) {
            until_zxid = h.committed + LOAD_STAY;
            atomic_fetch_add(&load->allowed, LOAD_STAY);
        }
    }
    CU_ASSERT_EQUAL(h.wrong, 0);
    CU_ASSERT_EQUAL(h.committed, until_zxid);
    sl_close(&s);
    return h.committed;
}

static void
test_joins_while_others_write_lose_nothing(void)
{
    int64_t peer = 0, observed = 0;
    struct load load = { .stop = false };
    struct bench b;

    /* The log files may help as far as they go.  A joiner that a busy machine
     * has not let run for a while is none that hangs. */
    bench_init(&b, "snapshotSizeFactor=10\ninitLimit=600\nsyncLimit=600");
    follower(&b, &load.s);
    sl_create_session(&load.s, SESSION);
    pass_one(&load.s, z(1, 1));
    CU_ASSERT(until(is_applied_1, &b));     /* <1,1> does not follow 0. */
    zk_thread_start(&load.thread, load_run, &load, "Load");
    for (int i = 0; i < LOAD_JOINS; i++) {
        peer = join_and_stay(&b, &load, false, i % 3 == 2 ? 0 : peer);
        observed = join_and_stay(&b, &load, true, i % 4 == 3 ? 0 : observed);
    }
    atomic_store(&load.stop, true);
    zk_thread_join(&load.thread);
    bench_fini(&b);
    sl_close(&load.s);
}

/* ---- liveness ---------------------------------------------------------- */

static void
test_a_leader_without_its_quorum_steps_down(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    CU_ASSERT(until(is_serving, &b));
    sl_close(&s);
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.why.text, "quorum"));
    CU_ASSERT_PTR_NULL(atomic_load(&b.zks));
    bench_close(&b);
}

static void
test_a_silent_follower_is_none(void)
{
    struct scripted_learner s;
    int64_t begin_ms;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    begin_ms = zk_time_mono_ms();
    s.mute = true;
    CU_ASSERT(sl_ends(&s));
    CU_ASSERT(zk_time_mono_ms() - begin_ms >= SYNC_LIMIT * TICK_MS - 100);
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    bench_close(&b);
    sl_close(&s);
}

/* Who has only just connected gets time for its start, but what a sync
 * promises needs servers that were heard. */
static void
test_a_newcomer_does_not_vouch_for_a_sync(void)
{
    struct scripted_learner s, o, t;
    struct zk_buf path = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    sl_create_session(&o, SESSION);
    pass_one(&s, z(1, 1));
    sl_expect(&o, QP_INFORM, z(1, 1));
    join_at(&b, &t, 2, false, z(1, 1));
    sl_expect(&t, QP_DIFF, z(1, 1));
    sl_expect(&t, QP_NEWLEADER, z(1, 0));
    sl_close(&s);
    CU_ASSERT(until(has_one_follower, &b));
    output_archive_slice(&path, ZK_SLICE_LIT("/"));
    sl_request(&o, SESSION, 2, OP_SYNC, SL_IDS_IP, &path);
    CU_ASSERT(sl_is_silent(&o, 3));
    CU_ASSERT_EQUAL(status(&b).pending_syncs, 1);
    sl_ack(&t, z(1, 0));
    sl_expect(&t, QP_UPTODATE, -1);
    CU_ASSERT(sl_is_silent(&t, 1));
    sl_expect(&o, QP_SYNC, 0);
    zk_buf_fini(&path);
    bench_fini(&b);
    sl_close(&o);
    sl_close(&t);
}

/* What a learner sends may have been on its way since before it left this
 * leader and helped to elect another: only answers to what was asked behind
 * the sync count. */
static void
test_a_sync_needs_an_answer_to_what_was_asked_behind_it(void)
{
    struct scripted_learner s;
    struct zk_buf path = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    s.mute = true;
    withhold_pings(&s, 2);
    output_archive_slice(&path, ZK_SLICE_LIT("/"));
    sl_request(&s, SESSION, 2, OP_SYNC, SL_IDS_IP, &path);
    CU_ASSERT(until(has_one_sync, &b));
    answer_pings(&s, 2);
    CU_ASSERT(sl_is_silent(&s, 1));
    CU_ASSERT_EQUAL(status(&b).pending_syncs, 1);
    answer_pings(&s, 1);
    s.mute = false;
    sl_expect(&s, QP_SYNC, 0);
    zk_buf_fini(&path);
    bench_fini(&b);
    sl_close(&s);
}

/* It does not wait for the PING of the next half tick; and those that come
 * while one is on its way share the next. */
static void
test_syncs_ask_at_once_and_together(void)
{
    struct scripted_learner s;
    struct zk_buf path = { 0 };
    size_t pings;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    output_archive_slice(&path, ZK_SLICE_LIT("/"));
    pings = s.pings;
    for (int32_t i = 0; i < 100; i++) {
        sl_request(&s, SESSION, i + 2, OP_SYNC, SL_IDS_IP, &path);
        sl_expect(&s, QP_SYNC, 0);
    }
    CU_ASSERT(s.pings >= pings + 100);
    s.mute = true;
    for (int32_t i = 0; i < 100; i++) {
        sl_request(&s, SESSION, i + 102, OP_SYNC, SL_IDS_IP, &path);
    }
    CU_ASSERT(until(has_hundred_syncs, &b));
    pings = s.pings;
    CU_ASSERT(sl_is_silent(&s, 2));
    answer_pings(&s, s.pings - pings);
    s.mute = false;
    for (int32_t i = 0; i < 100; i++) {
        sl_expect(&s, QP_SYNC, 0);
    }
    CU_ASSERT(s.pings < pings + 50);
    zk_buf_fini(&path);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_who_acks_nothing_for_too_long_is_closed(void)
{
    struct scripted_learner s, t;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    join_at(&b, &t, 2, false, 0);
    sl_expect(&t, QP_DIFF, 0);
    up(&t);
    sl_expect(&t, QP_UPTODATE, -1);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_expect(&t, QP_PROPOSAL, z(1, 1));
    sl_expect(&t, QP_COMMIT, z(1, 1));
    CU_ASSERT_FALSE(sl_next(&t));       /* PINGs are echoed meanwhile. */
    CU_ASSERT(t.pings >= SYNC_LIMIT);
    sl_close(&s);
    sl_close(&t);
    leader_shutdown(b.l, "the test is over");
    (void) bench_join(&b);
    bench_close(&b);
}

static void
test_who_reads_nothing_is_cut_off(void)
{
    struct scripted_learner s, o;
    struct bench b;

    bench_init(&b, "zkd.learnerOutputMaxBytes=1000000");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    for (int i = 2; status(&b).observers > 0 && i < 100; i++) {
        char *path = zk_xasprintf("/n%d", i);

        sl_create(&s, SESSION, i, path, 500000);
        free(path);
        pass_one(&s, z(1, i));
    }
    CU_ASSERT_EQUAL(status(&b).observers, 0);
    CU_ASSERT_EQUAL(status(&b).followers, 1);
    CU_ASSERT(sl_ends(&o));
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
}

/* ---- the end ----------------------------------------------------------- */

static bool
is_logged_2(void *arg)
{
    struct bench *b = arg;

    return file_txn_log_last_synced(file_txn_snap_log_log(b->db->files))
           == z(1, 2);
}

static void
test_what_is_logged_is_applied_at_the_end(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    sl_create(&s, SESSION, 1, "/tail", 1);
    sl_expect(&s, QP_PROPOSAL, z(1, 2));
    CU_ASSERT(until(is_logged_2, &b));
    leader_shutdown(b.l, "the test is over");
    CU_ASSERT(sl_ends(&s));
    CU_ASSERT_EQUAL(bench_join(&b), ZK_ESTOPPED);
    CU_ASSERT_EQUAL(tree_zxid(&b), z(1, 2));
    CU_ASSERT_PTR_NOT_NULL(data_tree_find(b.db->tree,
                                          ZK_SLICE_LIT("/tail")));
    CU_ASSERT_EQUAL(outstanding_changes_size(b.db->changes), 0);
    sl_close(&s);

    /* The next leader of the same process begins where this one ended. */
    bench_lead(&b);
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 1, 20);
    sl_expect(&s, QP_LEADERINFO, z(2, 0));
    sl_ack_epoch(&s, 1, z(1, 1));
    sl_expect(&s, QP_DIFF, z(1, 2));
    expect_pairs(&s, z(1, 2), z(1, 2));
    sl_expect(&s, QP_NEWLEADER, z(2, 0));
    sl_ack(&s, z(2, 0));
    sl_expect(&s, QP_UPTODATE, -1);
    sl_create(&s, SESSION, 2, "/next", 1);
    CU_ASSERT_EQUAL(proposed_err(&s, z(2, 1)), 0);
    bench_fini(&b);
    sl_close(&s);
}

static void
test_a_used_up_epoch_ends_without_a_fault(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_init(&b, "testingonly.initialZxid=4294967292");
    follower(&b, &s);
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 0xfffffffd));
    sl_create(&s, SESSION, 1, "/last", 1);
    sl_create(&s, SESSION, 2, "/over", 1);
    sl_create(&s, SESSION, 3, "/more", 1);
    sl_expect(&s, QP_PROPOSAL, z(1, 0xfffffffe));
    CU_ASSERT(sl_is_silent(&s, 1));     /* It waits for the commit. */
    sl_ack(&s, z(1, 0xfffffffe));
    sl_expect(&s, QP_COMMIT, z(1, 0xfffffffe));
    CU_ASSERT(sl_ends(&s));
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    CU_ASSERT_EQUAL(tree_zxid(&b), z(1, 0xfffffffe));
    CU_ASSERT_PTR_NULL(data_tree_find(b.db->tree, ZK_SLICE_LIT("/over")));
    bench_close(&b);
    sl_close(&s);
}

static void
test_a_port_in_use_is_no_fault(void)
{
    struct bench b;
    int fd;

    bench_open(&b, 3, "");
    fd = zk_test_listen(b.port, 1);
    bench_lead(&b);
    CU_ASSERT_EQUAL(bench_join(&b), ZK_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.why.text, "127.0.0.1"));
    close(fd);
    bench_close(&b);
}

static void
test_shutdown_comes_at_any_time(void)
{
    struct scripted_learner s;
    struct bench b;

    bench_open(&b, 3, "");
    b.l = leader_create(&b.peer);
    leader_shutdown(b.l, "before");
    zk_thread_start(&b.thread, bench_run, &b, "QuorumPeer");
    CU_ASSERT_EQUAL(bench_join(&b), ZK_ESTOPPED);
    CU_ASSERT_STRING_EQUAL(b.why.text, "before");
    bench_lead(&b);
    sl_connect(&s, b.port, 1);
    sl_info(&s, QP_FOLLOWERINFO, 0, 20);
    sl_expect_type(&s, QP_LEADERINFO);
    bench_fini(&b);
    CU_ASSERT(sl_ends(&s));
    sl_close(&s);
}

/* ---- words ------------------------------------------------------------- */

static void
test_status_words_know_the_learners(void)
{
    const struct server_role *role;
    struct scripted_learner s, o;
    struct zk_buf out = { 0 };
    struct bench b;

    bench_init(&b, "");
    follower(&b, &s);
    sl_connect(&o, b.port, 9);
    (void) sl_join(&o, true, 0);
    CU_ASSERT(until(is_serving, &b));
    role = zookeeper_server_role(atomic_load(&b.zks));
    CU_ASSERT_STRING_EQUAL(role->mode, "leader");
    role->srvr(role->self, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((char *) out.data,
                           "Proposal sizes last/min/max: -1/-1/-1\n");
    sl_create_session(&s, SESSION);
    pass_one(&s, z(1, 1));
    zk_buf_clear(&out);
    role->srvr(role->self, &out);
    role->mntr(role->self, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data, "last/min/max: 48/48/48"
                                  "\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data, "learners\t2\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data,
                                  "synced_followers\t1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr((char *) out.data,
                                  "synced_observers\t1\n"));
    CU_ASSERT(status(&b).sync_time_ms >= 0);
    zk_buf_fini(&out);
    bench_fini(&b);
    sl_close(&s);
    sl_close(&o);
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
    { "without a quorum it gives up", test_without_a_quorum_it_gives_up },
    { "it gives up when its voters do", test_it_gives_up_when_its_voters_do },
    { "one voter leads alone", test_one_voter_leads_alone },
    { "learners of 3.4 get no configuration",
      test_learners_of_3_4_get_no_configuration },
    { "while one of 3.4 follows nothing newer is proposed",
      test_while_one_of_3_4_follows_nothing_newer_is_proposed },
    { "a stranger that says it is of 3.4 stops nothing",
      test_a_stranger_that_says_it_is_of_3_4_stops_nothing },
    { "strange bytes end their connection only",
      test_strange_bytes_end_their_connection_only },
    { "strangers are few", test_strangers_are_few },
    { "a proposal commits by the ack of a quorum",
      test_a_proposal_commits_by_the_ack_of_a_quorum },
    { "links and acks are measured", test_links_and_acks_are_measured },
    { "an ack counts for all before it",
      test_an_ack_counts_for_all_before_it },
    { "requests are answered as by Java",
      test_requests_are_answered_as_by_java },
    { "SYNC comes behind what was proposed before it",
      test_sync_comes_behind_what_was_proposed_before_it },
    { "SYNC keeps its place when one ack commits many",
      test_sync_keeps_its_place_when_one_ack_commits_many },
    { "a newcomer does not vouch for a sync",
      test_a_newcomer_does_not_vouch_for_a_sync },
    { "a sync needs an answer to what was asked behind it",
      test_a_sync_needs_an_answer_to_what_was_asked_behind_it },
    { "syncs ask at once, and together",
      test_syncs_ask_at_once_and_together },
    { "that a session has ended needs a quorum",
      test_that_a_session_has_ended_needs_a_quorum },
    { "a session ends when that is committed",
      test_a_session_ends_when_that_is_committed },
    { "a leader that loses its quorum ends no session",
      test_a_leader_that_loses_its_quorum_ends_no_session },
    { "questions for sessions are bounded",
      test_questions_for_sessions_are_bounded },
    { "a PING with torn sessions ends the link",
      test_a_ping_with_torn_sessions_ends_the_link },
    { "a learner gets what it lacks", test_a_learner_gets_what_it_lacks },
    { "open proposals come behind NEWLEADER",
      test_open_proposals_come_behind_newleader },
    { "a server that connects anew replaces its link",
      test_a_server_that_connects_anew_replaces_its_link },
    { "a server that is alive keeps its link",
      test_a_server_that_is_alive_keeps_its_link },
    { "the log files help who is far behind",
      test_the_log_files_help_who_is_far_behind },
    { "a small snapshot beats a long log",
      test_a_small_snapshot_beats_a_long_log },
    { "a slow learner does not keep the snapshot",
      test_a_slow_learner_does_not_keep_the_snapshot },
    { "observers wait where too many are brought up",
      test_observers_wait_where_too_many_are_brought_up },
    { "joins while others write lose nothing",
      test_joins_while_others_write_lose_nothing },
    { "a leader without its quorum steps down",
      test_a_leader_without_its_quorum_steps_down },
    { "a silent follower is none", test_a_silent_follower_is_none },
    { "who acks nothing for too long is closed",
      test_who_acks_nothing_for_too_long_is_closed },
    { "who reads nothing is cut off", test_who_reads_nothing_is_cut_off },
    { "what is logged is applied at the end",
      test_what_is_logged_is_applied_at_the_end },
    { "a used up epoch ends without a fault",
      test_a_used_up_epoch_ends_without_a_fault },
    { "a port in use is no fault", test_a_port_in_use_is_no_fault },
    { "shutdown comes at any time", test_shutdown_comes_at_any_time },
    { "status words know the learners",
      test_status_words_know_the_learners },
};

ZK_TEST_MAIN("leader", tests)
