/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers and dead hosts can do to the links of an election. */
#include <config.h>

#include "test/unit/qcm_rig.h"

#include <arpa/inet.h>

/* ---- what must not be believed ----------------------------------------- */

static void
test_lengths_of_messages(void)
{
    static const char *const bad[] = { "00000000", "ffffffff", "00080001" };
    struct rig *r = rig_new();
    char *text = zk_xmalloc(QCM_MAX_MESSAGE + 1);
    struct bq_list list = { 0 };
    uint8_t head[4];
    int fd;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        fd = dial_as_larger(r);
        put_hex(fd, bad[i]);
        CU_ASSERT_TRUE(is_closed(fd));
        close(fd);
    }
    memset(text, 'x', QCM_MAX_MESSAGE);
    text[QCM_MAX_MESSAGE] = '\0';
    fd = dial_as_larger(r);
    zk_put_be32(head, QCM_MAX_MESSAGE);
    put(fd, head, 4);
    put(fd, text, QCM_MAX_MESSAGE);
    CU_ASSERT_TRUE(takes(r, &list, LARGER, text));
    close(fd);
    free(text);
    rig_drop(r);
}

static void
test_a_hello_may_come_in_pieces(void)
{
    struct rig *r = rig_new();
    int fd = dial(r);
    struct zk_buf hello = { 0 };

    initial_message_encode(LARGER, &r->election[2], 1, true, &hello);
    for (size_t i = 0; i < hello.len; i++) {
        put(fd, hello.data + i, 1);
    }
    send_text(r, LARGER, "x");
    CU_ASSERT_TRUE(reads_message(fd, "x"));
    zk_buf_fini(&hello);
    close(fd);
    rig_drop(r);
}

static void
test_a_hello_has_a_deadline_whatever_comes(void)
{
    struct rig *r = rig_make();
    int fd;

    system_properties_set(r->config.props, "zookeeper.quorumCnxnTimeoutMs",
                          "100");
    rig_start(r);
    fd = dial(r);
    put_hex(fd, "ffffffff");
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    rig_drop(r);
}

/* A connection from another address of this machine. */
static int
dial_from_afar(struct rig *r)
{
    struct sockaddr_in from = zk_test_loopback(0);
    struct sockaddr_in to = zk_test_loopback(r->election[1].port);
    struct timeval wait = { .tv_sec = ZK_TEST_WAIT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, "127.0.0.2", &from.sin_addr);
    zk_test_must(fd >= 0
                 && bind(fd, (struct sockaddr *) &from, sizeof from) == 0
                 && connect(fd, (struct sockaddr *) &to, sizeof to) == 0,
                 "127.0.0.2");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return fd;
}

static void
test_connections_in_their_hello_are_bounded(void)
{
    struct rig *r = rig_new();
    int fds[3 * CNX_HELLOS];
    int fd = dial_from_afar(r);
    const size_t room = CNX_HELLOS - 1;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(fds); i++) {
        fds[i] = dial(r);
        put_hex(fds[i], "00");
        /* The oldest goes, but for the one that comes from elsewhere. */
        if (i >= room) {
            CU_ASSERT_TRUE(is_closed(fds[i - room]));
        }
    }
    CU_ASSERT_TRUE(zk_thread_count() <= CNX_HELLOS + 2);
    say_hello(fd, LARGER, r->election[2].port);
    send_text(r, LARGER, "x");
    CU_ASSERT_TRUE(reads_message(fd, "x"));
    for (size_t i = 0; i < ZK_ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
    close(fd);
    rig_drop(r);
}

/* Lines that come onto stderr meanwhile. */
struct lines {
    FILE *file;
    int real;
};

static void
lines_begin(struct lines *l)
{
    l->file = tmpfile();
    zk_test_must(l->file != NULL, "tmpfile");
    l->real = dup(2);
    dup2(fileno(l->file), 2);
}

static size_t
lines_end(struct lines *l)
{
    size_t n = 0;
    int c;

    dup2(l->real, 2);
    close(l->real);
    rewind(l->file);
    while ((c = getc(l->file)) != EOF) {
        n += c == '\n';
    }
    fclose(l->file);
    return n;
}

static void
test_garbage_does_not_fill_the_log(void)
{
    struct rig *r = rig_new();
    struct lines l;
    size_t n;

    lines_begin(&l);
    for (int i = 0; i < 10 * QCM_LOG_BURST; i++) {
        int fd = dial(r);

        put(fd, "GET / HTTP/1.1\r\n\r\n", 18);
        shutdown(fd, SHUT_WR);
        (void) is_closed(fd);
        close(fd);
    }
    n = lines_end(&l);
    CU_ASSERT_TRUE(n > 0);
    CU_ASSERT_TRUE(n < 2 * QCM_LOG_BURST);
    rig_drop(r);
}

static void
test_peers_are_bounded_and_strangers_give_way(void)
{
    struct rig *r = rig_new();
    int fd, port = zk_test_listen(r->election[0].port, 8);

    for (int i = 0; i < 2 * QCM_MAX_PEERS; i++) {
        fd = dial_as(r, 1000 + i, 1);
        send_text(r, 1000 + i, "x");
        close(fd);
        WAIT_FOR(!quorum_cnx_manager_connected(r->qcm, 1000 + i));
    }
    /* A SendWorker each, and the listener; all else is over. */
    WAIT_FOR(zk_thread_count() <= QCM_MAX_PEERS + 1);
    /* Those of the configuration never do. */
    fd = dial_as_smaller(r);
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    fd = accept_hello(r, port);
    close(fd);
    close(port);
    rig_drop(r);
}

static void
test_linked_peers_do_not_give_way(void)
{
    struct rig *r = rig_new();
    int fds[QCM_MAX_PEERS], fd;
    size_t n = QCM_MAX_PEERS - 2;

    for (size_t i = 0; i < n; i++) {
        int64_t sid = 1000 + (int64_t) i;

        fds[i] = dial_as(r, sid, 1);
        WAIT_FOR(quorum_cnx_manager_connected(r->qcm, sid));
    }
    fd = dial_as(r, 5000, 1);
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    send_text(r, 1000, "still here");
    CU_ASSERT_TRUE(reads_message(fds[0], "still here"));
    for (size_t i = 0; i < n; i++) {
        close(fds[i]);
    }
    rig_drop(r);
}

/* ---- hosts that do not answer ------------------------------------------ */

static void
test_a_refused_peer_is_unreachable_from_then_on(void)
{
    struct rig *r = rig_new();
    int64_t now_ms = zk_time_mono_ms();
    int fd = dial_as_larger(r);

    WAIT_FOR(quorum_cnx_manager_connected(r->qcm, LARGER));
    close(fd);
    WAIT_FOR(!quorum_cnx_manager_connected(r->qcm, LARGER));
    WAIT_FOR(atomic_load(&r->changes) == 2);
    CU_ASSERT_FALSE(quorum_cnx_manager_unreachable(r->qcm, LARGER, now_ms));
    send_text(r, LARGER, "x");
    WAIT_FOR(quorum_cnx_manager_unreachable(r->qcm, LARGER, now_ms));
    WAIT_FOR(atomic_load(&r->changes) == 3);
    CU_ASSERT_FALSE(quorum_cnx_manager_unreachable(r->qcm, LARGER,
                                                   now_ms + FAR_MS));
    CU_ASSERT_FALSE(quorum_cnx_manager_unreachable(r->qcm, SMALLER, now_ms));
    CU_ASSERT_FALSE(quorum_cnx_manager_connected(r->qcm, LARGER));
    fd = dial_as_larger(r);
    WAIT_FOR(!quorum_cnx_manager_unreachable(r->qcm, LARGER, now_ms));
    CU_ASSERT_TRUE(reads_message(fd, "x"));
    close(fd);
    rig_drop(r);
}

static void
test_connect_all_tries_those_who_have_a_message(void)
{
    struct rig *r = rig_new();
    int64_t now_ms = zk_time_mono_ms();
    int port, fd;

    send_text(r, SMALLER, "x");
    WAIT_FOR(atomic_load(&r->changes) == 1);
    /* It may be starting. */
    CU_ASSERT_FALSE(quorum_cnx_manager_unreachable(r->qcm, SMALLER, now_ms));
    /* Nothing tries again by itself; then it comes up. */
    port = zk_test_listen(r->election[0].port, 8);
    quorum_cnx_manager_connect_all(r->qcm);
    fd = accept_hello(r, port);
    CU_ASSERT_TRUE(reads_message(fd, "x"));
    close(fd);
    close(port);
    rig_drop(r);
}

/* With connects that may take for ever: only those who wait for the dead
 * host itself do. */
static void
test_a_dead_host_holds_nobody_up(void)
{
    struct rig *r = rig_make();
    struct zk_test_dead_host dead[2];
    int other = zk_test_port(), port = zk_test_listen(other, 8), fd, link;

    system_properties_set(r->config.props, "zookeeper.cnxTimeout",
                          "1000000000");
    zk_test_dead_host_open(&dead[0], r->election[0].port);
    zk_test_dead_host_open(&dead[1], r->election[2].port);
    rig_start(r);
    send_text(r, SMALLER, "x");
    send_text(r, LARGER, "y");
    /* Others are served. */
    fd = dial_as(r, STRANGER, other);
    link = accept_hello(r, port);
    close(fd);
    /* So is the one that cannot be reached, but can reach us. */
    fd = dial_as_larger(r);
    CU_ASSERT_TRUE(reads_message(fd, "y"));
    close(fd);
    close(link);
    close(port);
    /* And the end is not held up. */
    rig_drop(r);
    zk_test_dead_host_close(&dead[0]);
    zk_test_dead_host_close(&dead[1]);
}

static void
test_each_address_of_a_peer_is_tried(void)
{
    struct rig *r = rig_make();
    struct host_port at[2];
    struct zk_buf hello = { 0 };
    int port, fd;

    port = zk_test_listen(r->election[0].port, 8);
    at[0] = (struct host_port) { loopback, zk_test_port() };
    at[1] = r->election[0];
    r->servers[0].election = at;
    r->servers[0].n = 2;
    r->config.quorum.multi_address_enabled = true;
    rig_start(r);
    send_text(r, SMALLER, "x");
    fd = accept_call(port);
    initial_message_encode(MINE, &r->election[1], 1, true, &hello);
    CU_ASSERT_TRUE(reads(fd, hello.data, hello.len));
    CU_ASSERT_TRUE(reads_message(fd, "x"));
    zk_buf_fini(&hello);
    close(fd);
    close(port);
    rig_drop(r);
}

static const struct zk_test tests[] = {
    { "lengths of messages", test_lengths_of_messages },
    { "a hello may come in pieces", test_a_hello_may_come_in_pieces },
    { "a hello has a deadline whatever comes",
      test_a_hello_has_a_deadline_whatever_comes },
    { "connections in their hello are bounded",
      test_connections_in_their_hello_are_bounded },
    { "garbage does not fill the log", test_garbage_does_not_fill_the_log },
    { "peers are bounded, and strangers give way",
      test_peers_are_bounded_and_strangers_give_way },
    { "linked peers do not give way", test_linked_peers_do_not_give_way },
    { "a refused peer is unreachable from then on",
      test_a_refused_peer_is_unreachable_from_then_on },
    { "connect_all tries those who have a message",
      test_connect_all_tries_those_who_have_a_message },
    { "a dead host holds nobody up", test_a_dead_host_holds_nobody_up },
    { "each address of a peer is tried",
      test_each_address_of_a_peer_is_tried },
};

ZK_TEST_MAIN("qcm_limits", tests)
