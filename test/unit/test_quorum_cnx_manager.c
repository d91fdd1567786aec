/* SPDX-License-Identifier: Apache-2.0 */
/* The links of an election: who keeps one, what it carries, and their end. */
#include <config.h>

#include "test/unit/qcm_rig.h"

/* ---- who keeps the link ------------------------------------------------ */

static void
test_a_larger_sid_keeps_the_link_it_opened(void)
{
    struct rig *r = rig_new();
    struct bq_list list = { 0 };
    int fd = dial_as_larger(r);

    put_message(fd, "from 30");
    CU_ASSERT_TRUE(takes(r, &list, LARGER, "from 30"));
    CU_ASSERT_TRUE(quorum_cnx_manager_connected(r->qcm, LARGER));
    send_text(r, LARGER, "to 30");
    CU_ASSERT_TRUE(reads_message(fd, "to 30"));
    close(fd);
    WAIT_FOR(!quorum_cnx_manager_connected(r->qcm, LARGER));
    WAIT_FOR(atomic_load(&r->changes) == 2);
    rig_drop(r);
}

static void
test_a_new_link_of_a_larger_sid_replaces_the_old(void)
{
    struct rig *r = rig_new();
    int fd = dial_as_larger(r), again;

    send_text(r, LARGER, "one");
    CU_ASSERT_TRUE(reads_message(fd, "one"));
    again = dial_as_larger(r);
    CU_ASSERT_TRUE(is_closed(fd));
    /* What was sent last may have been lost with the old one. */
    CU_ASSERT_TRUE(reads_message(again, "one"));
    close(fd);
    close(again);
    rig_drop(r);
}

static void
test_an_older_connection_does_not_replace_a_newer(void)
{
    struct rig *r = rig_new();
    int older = dial(r), newer;

    put_hex(older, "00000000000000");
    newer = dial_as_larger(r);
    WAIT_FOR(quorum_cnx_manager_connected(r->qcm, LARGER));
    put_hex(older, "1e");
    CU_ASSERT_TRUE(is_closed(older));
    send_text(r, LARGER, "x");
    CU_ASSERT_TRUE(reads_message(newer, "x"));
    close(older);
    close(newer);
    rig_drop(r);
}

static void
test_a_smaller_sid_is_called_back(void)
{
    struct rig *r = rig_new();
    int port = zk_test_listen(r->election[0].port, 8);
    int fd = dial_as_smaller(r), link, second;

    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    link = accept_hello(r, port);
    send_text(r, SMALLER, "x");
    CU_ASSERT_TRUE(reads_message(link, "x"));
    /* It has started anew: the link that stands is of no use to it. */
    fd = dial_as_smaller(r);
    CU_ASSERT_TRUE(is_closed(link));
    second = accept_hello(r, port);
    CU_ASSERT_TRUE(reads_message(second, "x"));
    close(fd);
    close(link);
    close(second);
    close(port);
    rig_drop(r);
}

static void
test_a_larger_sid_is_asked_to_call(void)
{
    struct rig *r = rig_new();
    int port = zk_test_listen(r->election[2].port, 8);
    int fd;

    send_text(r, LARGER, "x");
    fd = accept_hello(r, port);
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    /* It does not call: it is asked again when there is more to say. */
    send_text(r, LARGER, "y");
    fd = accept_hello(r, port);
    close(fd);
    CU_ASSERT_FALSE(quorum_cnx_manager_unreachable(r->qcm, LARGER, 0));
    fd = dial_as_larger(r);
    CU_ASSERT_TRUE(reads_message(fd, "y"));
    close(fd);
    close(port);
    rig_drop(r);
}

static void
test_a_server_with_our_own_id_is_turned_away(void)
{
    struct rig *r = rig_new();
    int fd = dial_as(r, MINE, r->election[1].port);

    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    rig_drop(r);
}

static void
test_strangers_are_linked_at_the_address_they_give(void)
{
    struct rig *r = rig_new();
    int own = zk_test_port();
    int port = zk_test_listen(own, 8);
    int fd = dial_as(r, STRANGER, own), link;

    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    link = accept_hello(r, port);
    send_text(r, STRANGER, "who are you");
    CU_ASSERT_TRUE(reads_message(link, "who are you"));
    close(link);
    close(port);
    rig_drop(r);
}

static void
test_a_peer_of_3_4_says_only_its_id(void)
{
    struct rig *r = rig_new();
    int port = zk_test_listen(r->election[0].port, 8);
    int fd = dial(r), link;

    put_hex(fd, "000000000000001e");
    send_text(r, LARGER, "x");
    CU_ASSERT_TRUE(reads_message(fd, "x"));
    close(fd);
    fd = dial(r);
    put_hex(fd, "000000000000000a");
    CU_ASSERT_TRUE(is_closed(fd));
    link = accept_hello(r, port);
    close(link);
    close(fd);
    close(port);
    rig_drop(r);
}

static void
test_observers_without_id_get_one_each(void)
{
    struct rig *r = rig_new();
    struct bq_list list = { 0 };
    int one = dial_as(r, INITIAL_MESSAGE_NO_SID, 1), two;

    put_message(one, "hello");
    CU_ASSERT_TRUE(takes(r, &list, -1, "hello"));
    two = dial_as(r, INITIAL_MESSAGE_NO_SID, 1);
    put_message(two, "hello");
    CU_ASSERT_TRUE(takes(r, &list, -2, "hello"));
    send_text(r, -1, "you are one");
    CU_ASSERT_TRUE(reads_message(one, "you are one"));
    close(one);
    WAIT_FOR(!quorum_cnx_manager_connected(r->qcm, -1));
    send_text(r, -2, "you are two");
    CU_ASSERT_TRUE(reads_message(two, "you are two"));
    close(two);
    rig_drop(r);
}

/* ---- queues ------------------------------------------------------------ */

static void
test_a_message_replaces_one_that_was_not_sent(void)
{
    struct rig *r = rig_new();
    int fd;

    send_text(r, LARGER, "stale");
    CU_ASSERT_FALSE(quorum_cnx_manager_delivered(r->qcm));
    send_text(r, LARGER, "fresh");
    fd = dial_as_larger(r);
    CU_ASSERT_TRUE(reads_message(fd, "fresh"));
    CU_ASSERT_TRUE(quorum_cnx_manager_delivered(r->qcm));
    close(fd);
    rig_drop(r);
}

static void
test_a_message_to_ourselves_is_received(void)
{
    struct rig *r = rig_new();
    struct bq_list list = { 0 };

    send_text(r, MINE, "me");
    CU_ASSERT_TRUE(takes(r, &list, MINE, "me"));
    rig_drop(r);
}

static void
test_who_floods_drives_out_only_its_own(void)
{
    struct rig *r = rig_new();
    struct bq_list list = { 0 };
    int quiet = dial_as_larger(r);
    int loud = dial_as(r, LARGER + 1, 1);
    int64_t last = -1;
    size_t from_quiet = 0;

    put_message(quiet, "q");
    WAIT_FOR(quorum_cnx_manager_connected(r->qcm, LARGER + 1));
    CU_ASSERT_TRUE(takes(r, &list, LARGER, "q"));
    put_message(quiet, "r");
    for (int i = 0; i < 20 * QCM_RECV_CAPACITY; i++) {
        char text[16];

        snprintf(text, sizeof text, "%d", i);
        put_message(loud, text);
    }
    close(loud);
    WAIT_FOR(!quorum_cnx_manager_connected(r->qcm, LARGER + 1));
    close(quiet);
    WAIT_FOR(!quorum_cnx_manager_connected(r->qcm, LARGER));
    CU_ASSERT_TRUE(quorum_cnx_manager_take(r->qcm, &list));
    CU_ASSERT_EQUAL(list.n, QCM_RECV_CAPACITY);
    while (list.n > 0) {
        struct qcm_message *msg = ZK_CONTAINER_OF(bq_list_pop(&list),
                                                  struct qcm_message, link);

        if (msg->sid == LARGER) {
            from_quiet++;
        } else {
            char text[16] = "";

            memcpy(text, msg->data, msg->len);
            CU_ASSERT_TRUE(strtol(text, NULL, 10) > last);
            last = strtol(text, NULL, 10);
        }
        free(msg);
    }
    CU_ASSERT_EQUAL(from_quiet, 1);
    CU_ASSERT_EQUAL(last, 20 * QCM_RECV_CAPACITY - 1);
    rig_drop(r);
}

static void
test_answers_to_a_peer_without_end_are_paced(void)
{
    struct rig *r = rig_new();
    struct bq_list list = { 0 };
    int fd = dial_as_larger(r);
    int64_t began_ms = zk_time_mono_ms();
    int rounds = 0;

    /* Each side answers each answer at once. */
    put_message(fd, "ping");
    while (rounds < QCM_SEND_BURST + 10) {
        CU_ASSERT_TRUE_FATAL(takes(r, &list, LARGER, "ping"));
        send_text(r, LARGER, "pong");
        CU_ASSERT_TRUE_FATAL(reads_message(fd, "pong"));
        put_message(fd, "ping");
        rounds++;
    }
    CU_ASSERT_TRUE(zk_time_mono_ms() - began_ms >= 9 * QCM_SEND_GAP_MS);
    close(fd);
    rig_drop(r);
}

/* ---- start and stop ---------------------------------------------------- */

static void
test_bad_settings_are_named(void)
{
    static const char *const bad[][2] = {
        { "zookeeper.cnxTimeout", "soon" },
        { "zookeeper.cnxTimeout", "0" },
        { "zookeeper.electionPortBindRetry", "-1" },
        { "zookeeper.quorumCnxnTimeoutMs", "99999999999" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        struct rig *r = rig_make();
        const struct qcm_env env = { .self = r };
        struct zk_errmsg em = { "" };

            system_properties_set(r->config.props, bad[i][0], bad[i][1]);
        r->qcm = quorum_cnx_manager_create(&r->config, &env);
        CU_ASSERT_EQUAL(quorum_cnx_manager_start(r->qcm, &em), ZK_ECONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(em.text, bad[i][0]));
        rig_drop(r);
    }
}

static void
test_links_that_should_be_secure_are_not_made_plain(void)
{
    struct rig *r = rig_make();
    const struct qcm_env env = { .self = r };
    struct zk_errmsg em = { "" };

    r->qcm = quorum_cnx_manager_create(&r->config, &env);
    r->config.quorum.ssl_quorum = true;
    CU_ASSERT_EQUAL(quorum_cnx_manager_start(r->qcm, &em), ZK_ECONFIG);
    r->config.quorum.ssl_quorum = false;
    r->config.quorum.sasl_enabled = true;
    CU_ASSERT_EQUAL(quorum_cnx_manager_start(r->qcm, &em), ZK_ECONFIG);
    r->config.quorum.sasl_enabled = false;
    r->config.myid = 77;
    quorum_cnx_manager_destroy(r->qcm);
    r->qcm = quorum_cnx_manager_create(&r->config, &env);
    CU_ASSERT_EQUAL(quorum_cnx_manager_start(r->qcm, &em), ZK_ECONFIG);
    rig_drop(r);
}

static void
test_a_port_in_use_is_named_in_the_end(void)
{
    struct rig *r = rig_make();
    const struct qcm_env env = { .self = r };
    struct zk_errmsg em = { "" };
    char where[32];
    int fd;

    system_properties_set(r->config.props, "zookeeper.electionPortBindRetry",
                          "1");
    fd = zk_test_listen(r->election[1].port, 1);
    r->qcm = quorum_cnx_manager_create(&r->config, &env);
    CU_ASSERT_EQUAL(quorum_cnx_manager_start(r->qcm, &em), ZK_EIO);
    snprintf(where, sizeof where, "127.0.0.1:%d", r->election[1].port);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, where));
    close(fd);
    /* It is free now. */
    CU_ASSERT_EQUAL(quorum_cnx_manager_start(r->qcm, &em), ZK_OK);
    rig_drop(r);
}

static void
test_stop_ends_links_and_wakes_who_takes(void)
{
    struct rig *r = rig_new();
    int fd = dial_as_larger(r);
    struct bq_list list = { 0 };

    put_message(fd, "x");
    CU_ASSERT_TRUE(takes(r, &list, LARGER, "x"));
    quorum_cnx_manager_stop(r->qcm);
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    CU_ASSERT_FALSE(quorum_cnx_manager_take(r->qcm, &list));
    send_text(r, LARGER, "into the void");
    quorum_cnx_manager_connect_all(r->qcm);
    CU_ASSERT_EQUAL(zk_test_connect(r->election[1].port), -1);
    drop_list(&list);
    rig_drop(r);
}

static const struct zk_test tests[] = {
    { "a larger sid keeps the link it opened",
      test_a_larger_sid_keeps_the_link_it_opened },
    { "a new link of a larger sid replaces the old",
      test_a_new_link_of_a_larger_sid_replaces_the_old },
    { "an older connection does not replace a newer",
      test_an_older_connection_does_not_replace_a_newer },
    { "a smaller sid is called back", test_a_smaller_sid_is_called_back },
    { "a larger sid is asked to call", test_a_larger_sid_is_asked_to_call },
    { "a server with our own id is turned away",
      test_a_server_with_our_own_id_is_turned_away },
    { "strangers are linked at the address they give",
      test_strangers_are_linked_at_the_address_they_give },
    { "a peer of 3.4 says only its id", test_a_peer_of_3_4_says_only_its_id },
    { "observers without id get one each",
      test_observers_without_id_get_one_each },
    { "a message replaces one that was not sent",
      test_a_message_replaces_one_that_was_not_sent },
    { "a message to ourselves is received",
      test_a_message_to_ourselves_is_received },
    { "who floods drives out only its own",
      test_who_floods_drives_out_only_its_own },
    { "answers to a peer without end are paced",
      test_answers_to_a_peer_without_end_are_paced },
    { "bad settings are named", test_bad_settings_are_named },
    { "links that should be secure are not made plain",
      test_links_that_should_be_secure_are_not_made_plain },
    { "a port in use is named in the end",
      test_a_port_in_use_is_named_in_the_end },
    { "stop ends links, and wakes who takes",
      test_stop_ends_links_and_wakes_who_takes },
};

ZK_TEST_MAIN("quorum_cnx_manager", tests)
