/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * The links of an election on loopback: server 20 under test, its peers 10
 * and 30 (and strangers) played by plain sockets.
 */
#include <config.h>

#include "election/quorum_cnx_manager.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "election/initial_message.h"
#include "election/qcm_internal.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/unit/unhex.h"
#include "util/zk_bytes.h"
#include "util/zk_time.h"

#define MINE 20
#define SMALLER 10
#define LARGER 30
#define STRANGER 5
#define FAR_MS (ZK_TEST_WAIT_S * INT64_C(1000))

/* ---- the rig ----------------------------------------------------------- */

static char loopback[] = "127.0.0.1";

struct rig {
    struct server_config config;
    struct server_address servers[3];
    struct host_port election[3];
    struct quorum_cnx_manager *qcm;
    _Atomic int changes;
};

static void
rig_link_changed(void *self, int64_t sid)
{
    struct rig *r = self;

    (void) sid;
    atomic_fetch_add(&r->changes, 1);
}

static void
rig_init(struct rig *r)
{
    static const int64_t sids[3] = { SMALLER, MINE, LARGER };

    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < 3; i++) {
        r->election[i] = (struct host_port) { loopback, zk_test_port() };
        r->servers[i] = (struct server_address) {
            .sid = sids[i], .n = 1, .election = &r->election[i],
        };
    }
    r->config = (struct server_config) {
        .myid = MINE, .tick_time_ms = 2000,
        .quorum = { .sync_limit = 5, .servers = r->servers, .n_servers = 3 },
        .props = system_properties_create(),
    };
}

static void
rig_start(struct rig *r)
{
    const struct qcm_env env = { .self = r, .link_changed = rig_link_changed };
    struct zk_errmsg em = { "" };

    r->qcm = quorum_cnx_manager_create(&r->config, &env);
    CU_ASSERT_EQUAL_FATAL(quorum_cnx_manager_start(r->qcm, &em), ZK_OK);
}

static struct rig *
rig_new(void)
{
    struct rig *r = zk_xcalloc(1, sizeof *r);

    rig_init(r);
    rig_start(r);
    return r;
}

static void
rig_drop(struct rig *r)
{
    unsigned before;

    if (r->qcm != NULL) {
        quorum_cnx_manager_stop(r->qcm);
        quorum_cnx_manager_destroy(r->qcm);
    }
    before = zk_thread_count();
    CU_ASSERT_EQUAL(before, 0);
    system_properties_destroy(r->config.props);
    free(r);
}

/* Waits until the condition has held once; fails after a long time. */
#define WAIT_FOR(condition)                                               \
    do {                                                                  \
        int64_t until_ms = zk_time_mono_ms() + FAR_MS;                    \
        bool held;                                                        \
                                                                          \
        while (!(held = (condition)) && zk_time_mono_ms() < until_ms) {   \
            sched_yield();                                                \
        }                                                                 \
        CU_ASSERT_TRUE(held);                                             \
    } while (0)

static void
put(int fd, const void *p, size_t len)
{
    CU_ASSERT_EQUAL(send(fd, p, len, MSG_NOSIGNAL), (ssize_t) len);
}

static void
put_hex(int fd, const char *text)
{
    size_t len;
    uint8_t *p = unhex(text, &len);

    put(fd, p, len);
    free(p);
}

static int
dial(struct rig *r)
{
    int fd = zk_test_connect(r->election[1].port);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    return fd;
}

/* As 'sid' at 127.0.0.1:port. */
static void
say_hello(int fd, int64_t sid, int port)
{
    const struct host_port at = { loopback, port };
    struct zk_buf hello = { 0 };

    initial_message_encode(sid, &at, 1, false, &hello);
    put(fd, hello.data, hello.len);
    zk_buf_fini(&hello);
}

/* A connection that has said hello. */
static int
dial_as(struct rig *r, int64_t sid, int port)
{
    int fd = dial(r);

    say_hello(fd, sid, port);
    return fd;
}

/* Reads exactly this. */
static bool
reads(int fd, const void *p, size_t len)
{
    uint8_t *in = zk_xmalloc(len + 1);
    ssize_t n = recv(fd, in, len, MSG_WAITALL);
    bool same = n == (ssize_t) len && memcmp(in, p, len) == 0;

    free(in);
    return same;
}

static bool
reads_message(int fd, const char *text)
{
    uint8_t head[4];

    zk_put_be32(head, (uint32_t) strlen(text));
    return reads(fd, head, 4) && reads(fd, text, strlen(text));
}

/* True when the other side has closed it. */
static bool
is_closed(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

static int
accept_call(int listening)
{
    struct timeval wait = { .tv_sec = ZK_TEST_WAIT_S };
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return fd;
}

/* The server under test has connected and says who it is. */
static bool
reads_hello(struct rig *r, int fd)
{
    struct zk_buf hello = { 0 };
    bool same;

    initial_message_encode(MINE, &r->election[1], 1, false, &hello);
    same = reads(fd, hello.data, hello.len);
    zk_buf_fini(&hello);
    return same;
}

static void
send_text(struct rig *r, int64_t sid, const char *text)
{
    quorum_cnx_manager_send(r->qcm, sid, text, strlen(text));
}

static void
put_message(int fd, const char *text)
{
    size_t len = strlen(text);
    uint8_t *bytes = zk_xmalloc(4 + len);

    /* In one piece: two would wait for each other (Nagle). */
    zk_put_be32(bytes, (uint32_t) len);
    memcpy(bytes + 4, text, len);
    put(fd, bytes, 4 + len);
    free(bytes);
}

/* The next message is this one. */
static bool
takes(struct rig *r, struct bq_list *list, int64_t sid, const char *text)
{
    struct qcm_message *msg;
    bool same;

    if (list->n == 0 && !quorum_cnx_manager_take(r->qcm, list)) {
        return false;
    }
    msg = ZK_CONTAINER_OF(bq_list_pop(list), struct qcm_message, link);
    same = msg->sid == sid && msg->len == strlen(text)
           && memcmp(msg->data, text, msg->len) == 0;
    free(msg);
    return same;
}

static void
drop_list(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        free(ZK_CONTAINER_OF(node, struct qcm_message, link));
    }
}

/* ---- who keeps the link ------------------------------------------------ */

static void
test_a_larger_sid_keeps_the_link_it_opened(void)
{
    struct rig *r = rig_new();
    struct bq_list list = { 0 };
    int fd = dial_as(r, LARGER, r->election[2].port);

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
    int fd = dial_as(r, LARGER, r->election[2].port), again;

    send_text(r, LARGER, "one");
    CU_ASSERT_TRUE(reads_message(fd, "one"));
    again = dial_as(r, LARGER, r->election[2].port);
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
    newer = dial_as(r, LARGER, r->election[2].port);
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
    int fd = dial_as(r, SMALLER, r->election[0].port), link, second;

    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    link = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, link));
    send_text(r, SMALLER, "x");
    CU_ASSERT_TRUE(reads_message(link, "x"));
    /* It has started anew: the link that stands is of no use to it. */
    fd = dial_as(r, SMALLER, r->election[0].port);
    CU_ASSERT_TRUE(is_closed(link));
    second = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, second));
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
    fd = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, fd));
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    /* It does not call: it is asked again when there is more to say. */
    send_text(r, LARGER, "y");
    fd = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, fd));
    close(fd);
    CU_ASSERT_FALSE(quorum_cnx_manager_unreachable(r->qcm, LARGER, 0));
    fd = dial_as(r, LARGER, r->election[2].port);
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
    link = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, link));
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
    link = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, link));
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
    fd = dial_as(r, LARGER, r->election[2].port);
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
    int quiet = dial_as(r, LARGER, r->election[2].port);
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
    int fd = dial_as(r, LARGER, r->election[2].port);
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
        fd = dial_as(r, LARGER, r->election[2].port);
        put_hex(fd, bad[i]);
        CU_ASSERT_TRUE(is_closed(fd));
        close(fd);
    }
    memset(text, 'x', QCM_MAX_MESSAGE);
    text[QCM_MAX_MESSAGE] = '\0';
    fd = dial_as(r, LARGER, r->election[2].port);
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
    struct rig *r = zk_xcalloc(1, sizeof *r);
    int fd;

    rig_init(r);
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
    fd = dial_as(r, SMALLER, r->election[0].port);
    CU_ASSERT_TRUE(is_closed(fd));
    close(fd);
    fd = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, fd));
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
    int fd = dial_as(r, LARGER, r->election[2].port);

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
    fd = dial_as(r, LARGER, r->election[2].port);
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
    fd = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, fd));
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
    struct rig *r = zk_xcalloc(1, sizeof *r);
    struct zk_test_dead_host dead[2];
    int other = zk_test_port(), port = zk_test_listen(other, 8), fd, link;

    rig_init(r);
    system_properties_set(r->config.props, "zookeeper.cnxTimeout",
                          "1000000000");
    zk_test_dead_host_open(&dead[0], r->election[0].port);
    zk_test_dead_host_open(&dead[1], r->election[2].port);
    rig_start(r);
    send_text(r, SMALLER, "x");
    send_text(r, LARGER, "y");
    /* Others are served. */
    fd = dial_as(r, STRANGER, other);
    link = accept_call(port);
    CU_ASSERT_TRUE(reads_hello(r, link));
    close(fd);
    /* So is the one that cannot be reached, but can reach us. */
    fd = dial_as(r, LARGER, r->election[2].port);
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
    struct rig *r = zk_xcalloc(1, sizeof *r);
    struct host_port at[2];
    struct zk_buf hello = { 0 };
    int port, fd;

    rig_init(r);
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
        struct rig *r = zk_xcalloc(1, sizeof *r);
        const struct qcm_env env = { .self = r };
        struct zk_errmsg em = { "" };

        rig_init(r);
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
    struct rig *r = zk_xcalloc(1, sizeof *r);
    const struct qcm_env env = { .self = r };
    struct zk_errmsg em = { "" };

    rig_init(r);
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
    struct rig *r = zk_xcalloc(1, sizeof *r);
    const struct qcm_env env = { .self = r };
    struct zk_errmsg em = { "" };
    char where[32];
    int fd;

    rig_init(r);
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
    int fd = dial_as(r, LARGER, r->election[2].port);
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
    { "bad settings are named", test_bad_settings_are_named },
    { "links that should be secure are not made plain",
      test_links_that_should_be_secure_are_not_made_plain },
    { "a port in use is named in the end",
      test_a_port_in_use_is_named_in_the_end },
    { "stop ends links, and wakes who takes",
      test_stop_ends_links_and_wakes_who_takes },
};

ZK_TEST_MAIN("quorum_cnx_manager", tests)
