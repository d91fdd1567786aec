/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* Streams of a port that takes TLS and plain text. */
#include <config.h>

#include "net/net_stream.h"

#include <sched.h>
#include <sys/ioctl.h>

#include "test/unit/net_tls_rig.h"

/* What a client of ours sends first. */
static size_t
catch_client_hello(uint8_t *out, size_t max)
{
    struct net_options o;
    int l = zk_test_listen(0, 1);
    struct deed d = { .port = zk_test_port_of(l),
                      .opts = options(&o, client),
                      .deadline_ms = zk_time_mono_ms() + FAR_MS };
    ssize_t n;
    int fd;

    zk_thread_start(&d.thread, connect_run, &d, "connect");
    fd = accept_one(l);
    n = recv(fd, out, max, 0);
    CU_ASSERT_TRUE_FATAL(n > 100);
    close(fd);
    zk_thread_join(&d.thread);
    close(l);
    return (size_t) n;
}

/* Sends 'cut' bytes, has them looked at, then sends the others. */
static void
guest_send(struct guest *g, const uint8_t *p, size_t len, size_t cut)
{
    int low = 0, unread = 0;
    socklen_t size = sizeof low;

    CU_ASSERT_EQUAL(send(g->fd, p, cut, 0), (ssize_t) cut);
    while (ioctl(g->in, FIONREAD, &unread) == 0 && unread < (int) cut) {
        sched_yield();
    }
    zk_thread_start(&g->d.thread, handshake_run, &g->d, "handshake");
    while (cut == 1 && p[0] == 0x16
           && getsockopt(g->in, SOL_SOCKET, SO_RCVLOWAT, &low, &size) == 0
           && low != 2) {
        sched_yield();
    }
    CU_ASSERT_EQUAL(send(g->fd, p + cut, len - cut, 0),
                    (ssize_t) (len - cut));
}

static void
test_tls_is_told_at_every_cut(void)
{
    uint8_t hello[2048], answer[5];
    size_t len = catch_client_hello(hello, sizeof hello);

    for (size_t cut = 0; cut < len; cut++) {
        struct guest g;

        guest_open(&g, server, true, FAR_MS);
        guest_send(&g, hello, len, cut);
        /* It has understood: a ServerHello. */
        CU_ASSERT_EQUAL(recv(g.fd, answer, 5, MSG_WAITALL), 5);
        CU_ASSERT_EQUAL(answer[0], 0x16);
        net_stream_shutdown(g.d.s);
        zk_thread_join(&g.d.thread);
        CU_ASSERT_EQUAL(g.d.rv, ZK_ESTOPPED);
        guest_close(&g);
    }
}

static void
check_plain_at_cut(const uint8_t *p, size_t len, size_t cut)
{
    struct guest g;
    struct zk_errmsg em;
    uint8_t in[32];

    guest_open(&g, server, true, FAR_MS);
    guest_send(&g, p, len, cut);
    zk_thread_join(&g.d.thread);
    CU_ASSERT_EQUAL(g.d.rv, ZK_OK);
    CU_ASSERT_STRING_EQUAL(net_stream_security(g.d.s), "plain");
    CU_ASSERT_EQUAL(net_stream_read_full(g.d.s, in, len, FAR_MS, &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(memcmp(in, p, len), 0);
    CU_ASSERT_EQUAL(net_stream_write(g.d.s, "yes", 3, FAR_MS, &em), ZK_OK);
    CU_ASSERT_EQUAL(recv(g.fd, in, 3, MSG_WAITALL), 3);
    CU_ASSERT_EQUAL(memcmp(in, "yes", 3), 0);
    guest_close(&g);
}

static void
test_plain_text_is_told_at_every_cut_and_nothing_is_lost(void)
{
    static const struct {
        const char *p;
        size_t len;
    } first[] = {
        { "\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x01", 12 },
        { "\x00\x00\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00", 12 },
        { "\x16\x04 nearly", 9 },
        { "\x16\x16\x03\x03", 4 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(first); i++) {
        for (size_t cut = 0; cut < first[i].len; cut++) {
            check_plain_at_cut((const uint8_t *) first[i].p, first[i].len,
                               cut);
        }
    }
}

/* As in Java; who speaks afterwards is heard. */
static void
test_who_does_not_say_enough_counts_as_plain(void)
{
    for (int n = 0; n < 2; n++) {
        struct guest g;
        struct zk_errmsg em;
        char in[4];

        guest_open(&g, willing, true, FAR_MS);
        CU_ASSERT_EQUAL(send(g.fd, "\x16", (size_t) n, 0), n);
        handshake_run(&g.d);
        CU_ASSERT_EQUAL(g.d.rv, ZK_OK);
        CU_ASSERT_EQUAL(send(g.fd, "abc", 3, 0), 3);
        CU_ASSERT_EQUAL(net_stream_read_full(g.d.s, in, (size_t) n + 3,
                                             FAR_MS, &em), ZK_OK);
        CU_ASSERT_EQUAL(memcmp(in + n, "abc", 3), 0);
        guest_close(&g);
    }
}

/* The end is an answer, too: nobody waits for the rest. */
static void
test_who_ends_early_is_plain_at_once(void)
{
    for (int n = 0; n < 2; n++) {
        struct guest g;
        struct zk_errmsg em;
        char in[4];
        size_t got = 9;

        guest_open(&g, server, true, FAR_MS);
        g.d.deadline_ms = INT64_MAX;
        CU_ASSERT_EQUAL(send(g.fd, "\x16", (size_t) n, 0), n);
        CU_ASSERT_EQUAL(shutdown(g.fd, SHUT_WR), 0);
        handshake_run(&g.d);
        CU_ASSERT_EQUAL(g.d.rv, ZK_OK);
        CU_ASSERT_EQUAL(net_stream_read(g.d.s, in, 4, FAR_MS, &got, &em),
                        ZK_OK);
        CU_ASSERT_EQUAL(got, (size_t) n);
        guest_close(&g);
    }
}

static void
test_a_client_by_tls_is_served_there_too(void)
{
    struct net_options o;
    int l = zk_test_listen(0, 1);
    struct deed a = { .port = zk_test_port_of(l),
                      .opts = options(&o, client),
                      .deadline_ms = zk_time_mono_ms() + FAR_MS };
    struct net_options both;
    struct zk_errmsg em;
    struct net_stream *b;
    char in[3] = "";

    zk_thread_start(&a.thread, connect_run, &a, "connect");
    options(&both, server);
    both.accept_plain = true;
    b = net_stream_of_fd(accept_one(l), &both);
    CU_ASSERT_EQUAL(net_stream_handshake(b, a.deadline_ms, &em), ZK_OK);
    zk_thread_join(&a.thread);
    CU_ASSERT_EQUAL_FATAL(a.rv, ZK_OK);
    CU_ASSERT_EQUAL(net_stream_write(a.s, "hi", 2, FAR_MS, &em), ZK_OK);
    CU_ASSERT_EQUAL(net_stream_read_full(b, in, 2, FAR_MS, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(in, "hi");
    net_stream_destroy(a.s);
    net_stream_destroy(b);
    close(l);
}

static const struct zk_test tests[] = {
    { "TLS is told at every cut", test_tls_is_told_at_every_cut },
    { "plain text is told at every cut, and nothing is lost",
      test_plain_text_is_told_at_every_cut_and_nothing_is_lost },
    { "who does not say enough counts as plain",
      test_who_does_not_say_enough_counts_as_plain },
    { "who ends early is plain at once",
      test_who_ends_early_is_plain_at_once },
    { "a client by TLS is served there, too",
      test_a_client_by_tls_is_served_there_too },
};

int
main(void)
{
    return net_tls_main("TLS and plain text on one port", tests,
                        ZK_ARRAY_SIZE(tests));
}
