/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * Whole elections on loopback: several servers in one process.
 */
#include <config.h>

#include "election/fast_leader_election.h"

#include <errno.h>
#include <inttypes.h>

#include "election/fle_notification.h"
#include "election/initial_message.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "util/zk_bytes.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define MAX_NODES 7
#define FAR_MS (ZK_TEST_WAIT_S * INT64_C(1000))

static char loopback[] = "127.0.0.1";

struct node {
    struct server_config config;
    struct fast_leader_election *fle;   /* NULL: it is down. */
    int64_t zxid;
    int64_t epoch;
    struct zk_thread thread;
    int rv;
    struct vote vote;
};

/* Servers 1 to n; the last 'observers' of them do not vote. */
struct ensemble {
    size_t n;
    struct server_address servers[MAX_NODES];
    struct host_port election[MAX_NODES];
    struct quorum_verifier *qv;
    struct node nodes[MAX_NODES];
};

static struct ensemble *
ensemble_new(size_t n, size_t observers)
{
    struct ensemble *e = zk_xcalloc(1, sizeof *e);

    e->n = n;
    e->qv = quorum_verifier_create(0, false);
    for (size_t i = 0; i < n; i++) {
        const struct quorum_member m = {
            .sid = (int64_t) i + 1, .voter = i < n - observers,
            .weight = 1, .group = -1,
        };

        quorum_verifier_add(e->qv, &m);
        e->election[i] = (struct host_port) { loopback, zk_test_port() };
        e->servers[i] = (struct server_address) {
            .sid = m.sid, .n = 1, .election = &e->election[i],
            .type = m.voter ? LEARNER_PARTICIPANT : LEARNER_OBSERVER,
        };
        e->nodes[i].config = (struct server_config) {
            .myid = m.sid, .tick_time_ms = 2000,
            .quorum = { .sync_limit = 5, .servers = e->servers,
                        .n_servers = n },
        };
    }
    return e;
}

static void
node_up(struct ensemble *e, size_t i)
{
    struct node *node = &e->nodes[i];
    struct zk_errmsg em = { "" };

    node->fle = fast_leader_election_create(&node->config, e->qv,
                                            "server.1=...\nversion=0", NULL);
    CU_ASSERT_EQUAL_FATAL(fast_leader_election_start(node->fle, &em), ZK_OK);
}

static void
node_down(struct ensemble *e, size_t i)
{
    fast_leader_election_stop(e->nodes[i].fle);
    fast_leader_election_destroy(e->nodes[i].fle);
    e->nodes[i].fle = NULL;
}

static void
node_look_run(void *arg)
{
    struct node *node = arg;

    node->rv = fast_leader_election_look(node->fle, node->zxid, node->epoch,
                                         false, zk_time_mono_ms() + FAR_MS,
                                         &node->vote);
}

static void
node_look(struct ensemble *e, size_t i)
{
    zk_thread_start(&e->nodes[i].thread, node_look_run, &e->nodes[i],
                    "QuorumPeer:%zu", i + 1);
}

/* Who is up looks; returns how long the slowest took. */
static int64_t
elect(struct ensemble *e, const char *what)
{
    int64_t began_us = zk_time_mono_us(), took_us;

    for (size_t i = 0; i < e->n; i++) {
        if (e->nodes[i].fle != NULL) {
            node_look(e, i);
        }
    }
    for (size_t i = 0; i < e->n; i++) {
        zk_thread_join(&e->nodes[i].thread);
    }
    took_us = zk_time_mono_us() - began_us;
    printf("\n    %s: %" PRId64 ".%03d ms ... ", what, took_us / 1000,
           (int) (took_us % 1000));
    return took_us / 1000;
}

/* All who are up are of one mind. */
static void
check_leader(struct ensemble *e, int64_t leader)
{
    for (size_t i = 0; i < e->n; i++) {
        const struct node *node = &e->nodes[i];
        enum peer_state state = PEER_FOLLOWING;

        if (node->fle == NULL) {
            continue;
        }
        if (node->config.myid == leader) {
            state = PEER_LEADING;
        } else if (!quorum_verifier_is_voter(e->qv, node->config.myid)) {
            state = PEER_OBSERVING;
        }
        CU_ASSERT_EQUAL(node->rv, ZK_OK);
        CU_ASSERT_EQUAL(node->vote.leader, leader);
        CU_ASSERT_EQUAL(node->vote.state, state);
        CU_ASSERT_TRUE(fast_leader_election_time_ms(node->fle) >= 0);
    }
}

static void
ensemble_drop(struct ensemble *e)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->nodes[i].fle != NULL) {
            node_down(e, i);
        }
    }
    CU_ASSERT_EQUAL(zk_thread_count(), 0);
    quorum_verifier_destroy(e->qv);
    free(e);
}

static struct ensemble *
ensemble_up(size_t n, size_t observers)
{
    struct ensemble *e = ensemble_new(n, observers);

    for (size_t i = 0; i < n; i++) {
        node_up(e, i);
    }
    return e;
}

/* ---- elections --------------------------------------------------------- */

static void
test_three_with_the_same_history_elect_the_largest(void)
{
    struct ensemble *e = ensemble_up(3, 0);

    elect(e, "three");
    check_leader(e, 3);
    ensemble_drop(e);
}

static void
test_the_longest_history_leads(void)
{
    struct ensemble *e = ensemble_up(5, 0);

    e->nodes[1].zxid = 0x100000007;
    e->nodes[1].epoch = 1;
    e->nodes[2].zxid = 0x100000006;
    e->nodes[2].epoch = 1;
    elect(e, "five");
    check_leader(e, 2);
    CU_ASSERT_EQUAL(e->nodes[4].vote.zxid, 0x100000007);
    CU_ASSERT_EQUAL(e->nodes[4].vote.peer_epoch, 1);
    ensemble_drop(e);
}

static void
test_two_of_three_are_enough(void)
{
    struct ensemble *e = ensemble_new(3, 0);

    node_up(e, 0);
    node_up(e, 1);
    elect(e, "two of three, one refuses");
    check_leader(e, 2);
    ensemble_drop(e);
}

static void
test_one_of_three_is_not(void)
{
    struct ensemble *e = ensemble_new(3, 0);
    struct vote vote;

    node_up(e, 2);
    CU_ASSERT_EQUAL(fast_leader_election_look(e->nodes[2].fle, 0, 0, false,
                                              zk_time_mono_ms() + 500, &vote),
                    ZK_ETORN);
    CU_ASSERT_EQUAL(vote.state, PEER_LOOKING);
    CU_ASSERT_EQUAL(fast_leader_election_time_ms(e->nodes[2].fle), -1);
    /* Another comes, and the election goes on. */
    node_up(e, 0);
    node_look(e, 0);
    CU_ASSERT_EQUAL(fast_leader_election_look(e->nodes[2].fle, 0, 0, true,
                                              zk_time_mono_ms() + FAR_MS,
                                              &vote), ZK_OK);
    CU_ASSERT_EQUAL(vote.leader, 3);
    CU_ASSERT_EQUAL(vote.state, PEER_LEADING);
    zk_thread_join(&e->nodes[0].thread);
    CU_ASSERT_EQUAL(e->nodes[0].vote.leader, 3);
    ensemble_drop(e);
}

static void
test_bad_intervals_are_refused(void)
{
    static const char *const bad[][2] = {
        { "minNotificationInterval", "0" },
        { "minNotificationInterval", "soon" },
        { "maxNotificationInterval", "199" },
        { "maxNotificationInterval", "2147483648" },
    };
    struct ensemble *e = ensemble_new(3, 0);

    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        struct system_properties *props = system_properties_create();
        char *name = zk_xasprintf("zookeeper.fastleader.%s", bad[i][0]);
        struct fast_leader_election *fle;
        struct zk_errmsg em = { "" };

        system_properties_set(props, name, bad[i][1]);
        e->nodes[0].config.props = props;
        fle = fast_leader_election_create(&e->nodes[0].config, e->qv, "",
                                          NULL);
        CU_ASSERT_EQUAL(fast_leader_election_start(fle, &em), ZK_ECONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(em.text, name));
        fast_leader_election_destroy(fle);
        system_properties_destroy(props);
        free(name);
    }
    e->nodes[0].config.props = NULL;
    ensemble_drop(e);
}

/* The greatest interval then is no less. */
static void
test_an_interval_above_the_usual_most(void)
{
    struct ensemble *e = ensemble_new(3, 0);
    struct system_properties *props = system_properties_create();

    system_properties_set(props, "zookeeper.fastleader."
                          "minNotificationInterval", "3000");
    for (size_t i = 0; i < 3; i++) {
        e->nodes[i].config.props = props;
        node_up(e, i);
    }
    elect(e, "three in no hurry");
    check_leader(e, 3);
    ensemble_drop(e);
    system_properties_destroy(props);
}

static void
test_the_rest_elects_anew_when_the_leader_dies(void)
{
    struct ensemble *e = ensemble_up(3, 0);

    elect(e, "three");
    check_leader(e, 3);
    node_down(e, 2);
    elect(e, "two without their leader");
    check_leader(e, 2);
    /* It comes back, and follows although its id is larger. */
    node_up(e, 2);
    node_look(e, 2);
    zk_thread_join(&e->nodes[2].thread);
    check_leader(e, 2);
    printf("joined in %" PRId64 " ms ... ",
           fast_leader_election_time_ms(e->nodes[2].fle));
    ensemble_drop(e);
}

static void
test_a_restarted_follower_joins_again_and_again(void)
{
    struct ensemble *e = ensemble_up(3, 0);

    elect(e, "three");
    check_leader(e, 3);
    for (size_t i = 0; i < 10; i++) {
        node_down(e, i % 2);
        node_up(e, i % 2);
        node_look(e, i % 2);
        zk_thread_join(&e->nodes[i % 2].thread);
        check_leader(e, 3);
    }
    ensemble_drop(e);
}

/* Whom most of the three follow.  Who does not gives up, as a leader without
 * a quorum does, and looks again: it may have decided just before a better
 * one came up. */
static int64_t
look_again_alone(struct ensemble *e)
{
    int64_t leader = e->nodes[0].vote.leader;

    if (leader != e->nodes[1].vote.leader) {
        leader = e->nodes[2].vote.leader;
    }
    for (size_t i = 0; i < 3; i++) {
        if (e->nodes[i].vote.leader != leader) {
            printf("%zu looks again ... ", i + 1);
            node_look(e, i);
            zk_thread_join(&e->nodes[i].thread);
        }
    }
    return leader;
}

static void
test_elections_come_out_whoever_starts_first(void)
{
    static const size_t orders[][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
        { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
    };

    for (size_t k = 0; k < ZK_ARRAY_SIZE(orders); k++) {
        struct ensemble *e = ensemble_new(3, 0);
        int64_t leader;

        for (size_t i = 0; i < 3; i++) {
            node_up(e, orders[k][i]);
            node_look(e, orders[k][i]);
        }
        for (size_t i = 0; i < 3; i++) {
            zk_thread_join(&e->nodes[i].thread);
        }
        leader = look_again_alone(e);
        CU_ASSERT_TRUE(leader == 2 || leader == 3);
        check_leader(e, leader);
        ensemble_drop(e);
    }
}

static void
test_observers_learn_who_leads(void)
{
    struct ensemble *e = ensemble_up(5, 2);

    elect(e, "three and two observers");
    check_leader(e, 3);
    node_down(e, 4);
    node_up(e, 4);
    node_look(e, 4);
    zk_thread_join(&e->nodes[4].thread);
    check_leader(e, 3);
    ensemble_drop(e);
}

static void
test_the_epoch_is_shown_to_who_comes_later(void)
{
    struct ensemble *e = ensemble_new(3, 0);

    node_up(e, 0);
    node_up(e, 1);
    elect(e, "two");
    check_leader(e, 2);
    fast_leader_election_set_epoch(e->nodes[0].fle, 9);
    fast_leader_election_set_epoch(e->nodes[1].fle, 9);
    node_up(e, 2);
    node_look(e, 2);
    zk_thread_join(&e->nodes[2].thread);
    check_leader(e, 2);
    CU_ASSERT_EQUAL(e->nodes[2].vote.peer_epoch, 9);
    ensemble_drop(e);
}

static void
test_stop_ends_a_look(void)
{
    struct ensemble *e = ensemble_new(3, 0);

    node_up(e, 1);
    node_look(e, 1);
    fast_leader_election_stop(e->nodes[1].fle);
    zk_thread_join(&e->nodes[1].thread);
    CU_ASSERT_EQUAL(e->nodes[1].rv, ZK_ESTOPPED);
    ensemble_drop(e);
}

/* ---- strange company --------------------------------------------------- */

/* A voter that says hello, then whatever bytes. */
static void
say(struct ensemble *e, size_t to, int64_t as, const void *p, size_t len)
{
    int fd = zk_test_connect(e->election[to].port);
    struct zk_buf b = { 0 };
    uint8_t head[4];
    char c;

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    initial_message_encode(as, &e->election[(size_t) as - 1], 1, false, &b);
    zk_put_be32(head, (uint32_t) len);
    zk_buf_append(&b, head, 4);
    zk_buf_append(&b, p, len);
    (void) !send(fd, b.data, b.len, MSG_NOSIGNAL);
    zk_buf_fini(&b);
    /* Until it is taken in, whole or not. */
    shutdown(fd, SHUT_WR);
    while (recv(fd, &c, 1, 0) > 0) {
    }
    close(fd);
}

static void
test_garbage_among_the_votes_is_dropped(void)
{
    struct ensemble *e = ensemble_new(3, 0);
    uint8_t bytes[64];

    node_up(e, 0);
    node_up(e, 1);
    memset(bytes, 0xff, sizeof bytes);
    for (size_t len = 1; len <= sizeof bytes; len++) {
        say(e, 0, 3, bytes, len);
    }
    elect(e, "two, after garbage");
    check_leader(e, 2);
    ensemble_drop(e);
}

/* As the ids of servers that come and go say "looking", settled servers
 * answer, and stay what they are. */
static void
test_settled_servers_answer_who_looks(void)
{
    struct fle_notification n = {
        .vote = { .leader = 3, .zxid = 0x500000000, .round = 50,
                  .peer_epoch = 5, .state = PEER_LOOKING },
        .config = ZK_SLICE_LIT("version=0"),
    };
    struct ensemble *e = ensemble_new(3, 0);
    struct fle_notification answer;
    struct zk_buf b = { 0 };
    struct zk_errmsg em;
    uint8_t head[4], body[256];
    uint32_t len;
    int fd;

    node_up(e, 0);
    node_up(e, 1);
    elect(e, "two");
    check_leader(e, 2);
    initial_message_encode(3, &e->election[2], 1, false, &b);
    zk_buf_append(&b, "\0\0\0\0", 4);
    len = (uint32_t) b.len;
    fle_notification_encode(&n, &b);
    zk_put_be32(b.data + len - 4, (uint32_t) b.len - len);
    fd = zk_test_connect(e->election[0].port);
    CU_ASSERT_EQUAL(send(fd, b.data, b.len, MSG_NOSIGNAL), (ssize_t) b.len);
    /* What it had for 3 from its own election may come first. */
    do {
        CU_ASSERT_EQUAL_FATAL(recv(fd, head, 4, MSG_WAITALL), 4);
        len = zk_get_be32(head);
        CU_ASSERT_TRUE_FATAL(len <= sizeof body);
        CU_ASSERT_EQUAL_FATAL(recv(fd, body, len, MSG_WAITALL),
                              (ssize_t) len);
        CU_ASSERT_EQUAL_FATAL(fle_notification_decode(&answer, 1, body, len,
                                                      &em), ZK_OK);
    } while (answer.vote.state == PEER_LOOKING);
    CU_ASSERT_EQUAL(answer.vote.state, PEER_FOLLOWING);
    CU_ASSERT_EQUAL(answer.vote.leader, 2);
    CU_ASSERT_TRUE(zk_slice_eq_str(answer.config,
                                   "server.1=...\nversion=0"));
    zk_buf_fini(&b);
    close(fd);
    ensemble_drop(e);
}

static void
test_a_dead_host_costs_no_more_than_the_last_wait(void)
{
    struct ensemble *e = ensemble_new(3, 0);
    struct zk_test_dead_host dead;

    zk_test_dead_host_open(&dead, e->election[2].port);
    node_up(e, 0);
    node_up(e, 1);
    /* Connects to it take 5 s. */
    CU_ASSERT_TRUE(elect(e, "two of three, one is silent") < 4000);
    check_leader(e, 2);
    ensemble_drop(e);
    zk_test_dead_host_close(&dead);
}

static const struct zk_test tests[] = {
    { "three with the same history elect the largest",
      test_three_with_the_same_history_elect_the_largest },
    { "the longest history leads", test_the_longest_history_leads },
    { "two of three are enough", test_two_of_three_are_enough },
    { "one of three is not", test_one_of_three_is_not },
    { "bad intervals are refused", test_bad_intervals_are_refused },
    { "an interval above the usual most",
      test_an_interval_above_the_usual_most },
    { "the rest elects anew when the leader dies",
      test_the_rest_elects_anew_when_the_leader_dies },
    { "a restarted follower joins again and again",
      test_a_restarted_follower_joins_again_and_again },
    { "elections come out, whoever starts first",
      test_elections_come_out_whoever_starts_first },
    { "observers learn who leads", test_observers_learn_who_leads },
    { "the epoch is shown to who comes later",
      test_the_epoch_is_shown_to_who_comes_later },
    { "stop ends a look", test_stop_ends_a_look },
    { "garbage among the votes is dropped",
      test_garbage_among_the_votes_is_dropped },
    { "settled servers answer who looks",
      test_settled_servers_answer_who_looks },
    { "a dead host costs no more than the last wait",
      test_a_dead_host_costs_no_more_than_the_last_wait },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_ERROR);
    return zk_test_main("fast_leader_election", tests,
                        ZK_ARRAY_SIZE(tests));
}
