/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many at once: order of replies and events, no lost wake-up, clients that
 * do not read, that come and go, that ask for more than the pipeline takes.
 * Meant to be run under ThreadSanitizer, too.
 */
#include <config.h>

#include <poll.h>
#include <sys/socket.h>

#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "test/unit/cnxn_client.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define CLIENTS 6
#define STRESS_MS 1200

struct stress_client {
    struct zk_thread thread;
    const struct test_server *server;
    int64_t until_ms;
    unsigned seed;
    long rounds;
    const char *wrong;          /* The first thing that was. */
};

static void
start_with(struct test_server *s, int selectors, const char *spin_us)
{
    test_server_init(s);
    s->config->cnxn.selector_threads = selectors;
    system_properties_set(s->config->props, "zookeeper.zkd.spinUs", spin_us);
    test_server_start(s, true);
}

static void
run_clients(const struct test_server *s, void (*run)(void *arg))
{
    struct stress_client clients[CLIENTS];

    memset(clients, 0, sizeof clients);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].server = s;
        clients[i].until_ms = zk_time_mono_ms() + STRESS_MS;
        clients[i].seed = i + 1;
        zk_thread_start(&clients[i].thread, run, &clients[i], "Client:%u", i);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        zk_thread_join(&clients[i].thread);
        CU_ASSERT_PTR_NULL(clients[i].wrong);
        if (clients[i].wrong != NULL) {
            fprintf(stderr, "client %u: %s\n", i, clients[i].wrong);
        }
        CU_ASSERT(clients[i].rounds > 0);
    }
}

static void
make_node(const struct test_server *s, const char *path, size_t len)
{
    struct cc_session session;
    struct zk_buf b = { 0 };
    int fd = cc_new_session(s, &session);

    cc_put_create(&b, 1, path, len);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    cc_put_plain(&b, 2, OP_CLOSE_SESSION);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    close(fd);
    zk_buf_fini(&b);
}

/* ---- watches ----------------------------------------------------------- */

/* One round: a watch is set, then the node is set, both sent at once.  The
 * watch fires once, by this set or another's before it, and its event comes
 * behind the reply to the get and before the reply to the set. */
static const char *
watch_round(int fd, struct zk_buf *b, struct cc_reply *r, int32_t *xid)
{
    int events = 0;

    cc_put_get(b, ++*xid, "/w", true);
    cc_put_set(b, ++*xid, "/w", 10);
    cc_put_plain(b, ++*xid, OP_PING);
    cc_send_buf(fd, b);
    for (int32_t expected = *xid - 2; expected <= *xid;) {
        if (!cc_reply(fd, r)) {
            return "the connection ended";
        }
        if (r->xid == XID_NOTIFICATION) {
            if (expected != *xid - 1) {
                return "an event came at the wrong place";
            }
            events++;
        } else if (r->xid != (expected == *xid ? XID_PING : expected)
                   || r->err != 0) {
            return "a reply came out of order";
        } else {
            expected++;
        }
    }
    return events == 1 ? NULL : "not one event";
}

static void
watch_client(void *arg)
{
    struct stress_client *sc = arg;
    struct cc_session session;
    struct cc_reply r = { 0 };
    struct zk_buf b = { 0 };
    int32_t xid = 0;
    int fd = cc_new_session(sc->server, &session);

    while (sc->wrong == NULL && zk_time_mono_ms() < sc->until_ms) {
        sc->wrong = watch_round(fd, &b, &r, &xid);
        sc->rounds++;
    }
    close(fd);
    zk_buf_fini(&b);
    zk_buf_fini(&r.frame);
}

static void
test_events_and_replies_keep_their_order(void)
{
    struct test_server s;

    for (int spin = 0; spin < 2; spin++) {
        start_with(&s, 1 + spin * 2, spin ? "50" : "0");
        make_node(&s, "/w", 0);
        run_clients(&s, watch_client);
        test_server_stop(&s);
    }
}

/* ---- one at a time ----------------------------------------------------- */

/* Reads and writes, one in flight: each reply needs a wake-up of its own. */
static void
single_client(void *arg)
{
    struct stress_client *sc = arg;
    struct cc_session session;
    struct zk_buf b = { 0 };
    int32_t xid = 0;
    int fd = cc_new_session(sc->server, &session);

    while (sc->wrong == NULL && zk_time_mono_ms() < sc->until_ms) {
        if (sc->rounds % 3 == 0) {
            cc_put_get(&b, ++xid, "/w", false);
        } else {
            cc_put_set(&b, ++xid, "/w", 10);
        }
        if (cc_call(fd, &b) != 0) {
            sc->wrong = "no reply, or an error";
        }
        sc->rounds++;
    }
    close(fd);
    zk_buf_fini(&b);
}

static void
test_no_wake_up_is_lost(void)
{
    static const char *const spin[] = { "0", "5", "50" };
    struct test_server s;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(spin); i++) {
        start_with(&s, 2, spin[i]);
        make_node(&s, "/w", 0);
        run_clients(&s, single_client);
        test_server_stop(&s);
    }
}

/* ---- coming and going -------------------------------------------------- */

/* Leaves in the middle of whatever is in flight, and renews the session of
 * the connection before. */
static void
fleeting_client(void *arg)
{
    struct stress_client *sc = arg;
    struct cc_session session, renewed;
    struct zk_buf b = { 0 };
    int fd = cc_new_session(sc->server, &session);
    size_t len;

    while (sc->wrong == NULL && zk_time_mono_ms() < sc->until_ms) {
        int before = fd;

        for (int32_t i = 0; i < 20; i++) {
            cc_put_get(&b, 3 * i + 1, "/w", true);
            cc_put_set(&b, 3 * i + 2, "/w", 100);
        }
        cc_send_buf(fd, &b);
        fd = cc_connect(sc->server);
        cc_put_connect(&b, session.id, session.passwd, 0, false, false);
        cc_send_buf(fd, &b);
        if (rand_r(&sc->seed) % 2) {
            close(before);
            before = -1;
        }
        if (!cc_read_session(fd, &renewed, &len) || renewed.id != session.id) {
            sc->wrong = "the session was not renewed";
        }
        if (before >= 0) {
            struct zk_buf rest = { 0 };

            if (cc_recv(before, 1 << 20, &rest)) {
                sc->wrong = "the old connection goes on";
            }
            zk_buf_fini(&rest);
            close(before);
        }
        sc->rounds++;
    }
    close(fd);
    zk_buf_fini(&b);
}

static bool
none_left(void *arg)
{
    struct test_server *s = arg;

    return server_cnxn_factory_count(s->f) == 0;
}

static bool
no_watch_left(void *arg)
{
    struct test_server *s = arg;
    struct watch_counts n;

    watch_manager_counts(zookeeper_server_database(s->zks)->watches, &n);
    return n.data_rows == 0 && zookeeper_server_in_process(s->zks) == 0;
}

static void
test_connections_may_go_at_any_time(void)
{
    struct test_server s;

    start_with(&s, 3, "20");
    make_node(&s, "/w", 0);
    run_clients(&s, fleeting_client);
    CU_ASSERT(cc_until(none_left, &s));
    CU_ASSERT(cc_until(no_watch_left, &s));
    test_server_stop(&s);
}

/* ---- too much at once -------------------------------------------------- */

static void
take_info(void *arg, const struct cnxn_info *info)
{
    memcpy(arg, info, sizeof *info);
}

static bool
waits_to_write(void *arg)
{
    struct test_server *s = arg;
    struct cnxn_info info = { .interest_ops = 0 };

    server_cnxn_factory_each(s->f, false, take_info, &info);
    return (info.interest_ops & 4) != 0;
}

/* Reads replies 1 to n in order. */
static void
expect_replies(int fd, int32_t n)
{
    struct cc_reply r = { 0 };

    for (int32_t xid = 1; xid <= n; xid++) {
        CU_ASSERT_FATAL(cc_reply(fd, &r));
        CU_ASSERT_FATAL(r.xid == xid);
        CU_ASSERT_FATAL(r.err == 0);
    }
    zk_buf_fini(&r.frame);
}

static void
test_who_does_not_read_is_not_read_from(void)
{
    struct cnxn_info info;
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int small = 65536;
    int fd;

    start_with(&s, 1, "0");
    make_node(&s, "/w", 500000);
    CU_ASSERT(cc_until(none_left, &s));
    fd = cc_new_session(&s, &session);
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int32_t xid = 1; xid <= 200; xid++) {
        cc_put_get(&b, xid, "/w", false);
    }
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_until(waits_to_write, &s));
    server_cnxn_factory_each(s.f, false, take_info, &info);
    CU_ASSERT(info.packets_sent < 50);
    expect_replies(fd, 200);
    /* The same with a write before, so that all go through the pipeline. */
    cc_put_set(&b, 1, "/w", 300000);
    for (int32_t xid = 2; xid <= 100; xid++) {
        cc_put_get(&b, xid, "/w", false);
    }
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_until(waits_to_write, &s));
    expect_replies(fd, 100);
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

/* Nothing closes it in the test's time but the limit: a connection that is
 * silent would be closed after its session's time-out. */
static void
start_with_output_max(struct test_server *s, const char *bytes)
{
    test_server_init(s);
    s->config->min_session_timeout_ms = 100 * CC_DEADLINE_MS;
    s->config->max_session_timeout_ms = 100 * CC_DEADLINE_MS;
    system_properties_set(s->config->props, "zookeeper.zkd.outputMaxBytes",
                          bytes);
    test_server_start(s, true);
}

/* The session is still there, and may go on over a new connection. */
static void
expect_session_lives(const struct test_server *s,
                     const struct cc_session *session)
{
    struct cc_session renewed = { 0 };
    struct zk_buf b = { 0 };
    int fd = cc_connect(s);
    size_t len;

    cc_put_connect(&b, session->id, session->passwd, 0, false, false);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_read_session(fd, &renewed, &len));
    CU_ASSERT_EQUAL(renewed.id, session->id);
    close(fd);
    zk_buf_fini(&b);
}

/* All are in the pipeline before the first is answered: reading no more does
 * not help, so there is a bound to what is kept for one client.  They are,
 * since the small write in front comes along with them: its selector handles
 * what it reads at once under the database lock, and the write is applied
 * only when that is free. */
static void
test_who_never_reads_is_closed_in_the_end(void)
{
    struct cc_session session;
    struct cc_reply r = { 0 };
    struct test_server s;
    struct zk_buf b = { 0 };
    int small = 65536;
    int32_t got = 0;
    bool closed;
    int fd;

    start_with_output_max(&s, "20000000");
    make_node(&s, "/w", 900000);
    make_node(&s, "/x", 0);
    CU_ASSERT(cc_until(none_left, &s));
    fd = cc_new_session(&s, &session);
    CU_ASSERT_EQUAL(session.timeout_ms, 100 * CC_DEADLINE_MS);
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    cc_put_set(&b, 1, "/x", 10);
    for (int32_t xid = 2; xid <= 200; xid++) {
        cc_put_get(&b, xid, "/w", false);
    }
    cc_send_buf(fd, &b);
    closed = cc_until(none_left, &s);
    CU_ASSERT(closed);
    while (closed && cc_reply(fd, &r)) {
        CU_ASSERT_EQUAL(r.xid, ++got);
    }
    CU_ASSERT(got < 200);
    close(fd);
    expect_session_lives(&s, &session);
    zk_buf_fini(&r.frame);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_more_writes_than_the_pipeline_takes_all_pass(void)
{
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd[4];

    test_server_init(&s);
    s.config->cnxn.global_outstanding_limit = 5;
    test_server_start(&s, true);
    make_node(&s, "/w", 0);
    for (int i = 0; i < 4; i++) {
        fd[i] = cc_new_session(&s, &session);
        for (int32_t xid = 1; xid <= 500; xid++) {
            cc_put_set(&b, xid, "/w", 10);
        }
        cc_send_buf(fd[i], &b);
    }
    for (int i = 0; i < 4; i++) {
        expect_replies(fd[i], 500);
        close(fd[i]);
    }
    zk_buf_fini(&b);
    test_server_stop(&s);
}

/* ---- rest -------------------------------------------------------------- */

static int64_t
cpu_us(void)
{
    struct timespec ts;

    CU_ASSERT_FATAL(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0);
    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
test_an_idle_server_uses_no_processor(void)
{
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int64_t before;
    int fd;

    start_with(&s, 2, "50");
    fd = cc_new_session(&s, &session);
    cc_put_create(&b, 1, "/w", 10);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    (void) poll(NULL, 0, 100);  /* what is to be watched is the rest */
    before = cpu_us();
    (void) poll(NULL, 0, 1000);
    CU_ASSERT(cpu_us() - before < 50000);
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static const struct zk_test tests[] = {
    { "events and replies keep their order",
      test_events_and_replies_keep_their_order },
    { "no wake-up is lost", test_no_wake_up_is_lost },
    { "connections may go at any time",
      test_connections_may_go_at_any_time },
    { "who does not read is not read from",
      test_who_does_not_read_is_not_read_from },
    { "who never reads is closed in the end",
      test_who_never_reads_is_closed_in_the_end },
    { "more writes than the pipeline takes all pass",
      test_more_writes_than_the_pipeline_takes_all_pass },
    { "an idle server uses no processor",
      test_an_idle_server_uses_no_processor },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_ERROR);
    return zk_test_main("cnxn stress", tests, ZK_ARRAY_SIZE(tests));
}
