/* SPDX-License-Identifier: Apache-2.0 */
/* The client port: who may connect, for how long, and what is behind it. */
#include <config.h>

#include "test/unit/cnxn_case.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "util/zk_time.h"

/* ---- limits ------------------------------------------------------------ */

static bool
none_left(void *arg)
{
    struct test_server *s = arg;

    return server_cnxn_factory_count(s->f) == 0;
}

static bool
one_left(void *arg)
{
    struct test_server *s = arg;

    return server_cnxn_factory_count(s->f) == 1;
}

static void
test_connections_over_a_limit_are_closed(void)
{
    struct cc_session session;
    struct test_server s;
    int fd[3];

    for (int all = 0; all < 2; all++) {
        cx_server_init(&s);
        *(all ? &s.config->cnxn.max_cnxns
              : &s.config->cnxn.max_client_cnxns) = 2;
        test_server_start(&s, true);
        fd[0] = cc_new_session(&s, &session);
        fd[1] = cc_new_session(&s, &session);
        fd[2] = cc_connect(&s);
        CU_ASSERT(cc_is_closed(fd[2]));
        for (int i = 0; i < 3; i++) {
            close(fd[i]);
        }
        CU_ASSERT(cc_until(none_left, &s));
        fd[0] = cc_new_session(&s, &session);
        close(fd[0]);
        test_server_stop(&s);
    }
}

static void
test_silent_connections_are_closed(void)
{
    struct cnxn_case c;
    int64_t begin;
    int busy;

    cx_init(&c);
    c.s.config->cnxn.sessionless_timeout_ms = 100;
    test_server_start(&c.s, true);
    busy = cc_new_session(&c.s, &c.session);
    begin = zk_time_mono_ms();
    c.fd = cc_connect(&c.s);
    cc_send(c.fd, "\0\0", 2);   /* A beginning is not a session. */
    CU_ASSERT(cc_is_closed(c.fd));
    CU_ASSERT(zk_time_mono_ms() - begin >= 90);
    CU_ASSERT(cc_until(one_left, &c.s));    /* The one with a session. */
    close(busy);
    cx_end(&c);
}

static void
test_who_does_not_take_its_answer_is_closed(void)
{
    struct cnxn_case c;

    cx_init(&c);
    c.s.config->cnxn.sessionless_timeout_ms = 100;
    test_server_start(&c.s, true);
    c.fd = cc_connect(&c.s);
    cc_send(c.fd, "slow", 4);   /* 8 MB: more than the sockets hold */
    CU_ASSERT(cc_until(one_left, &c.s));
    CU_ASSERT(cc_until(none_left, &c.s));
    cx_end(&c);
}

static void
test_throttled_sessions_are_closed(void)
{
    struct cnxn_case c;
    int fd2;

    cx_init(&c);
    c.s.config->cnxn.throttle_tokens = 1;
    c.s.config->cnxn.throttle_fill_time_ms = 1000000;
    c.s.config->cnxn.throttle_fill_count = 1;
    c.s.config->cnxn.throttle_freeze_time_ms = -1;
    cx_start(&c);
    fd2 = cc_connect(&c.s);
    cc_put_connect(&c.b, 0, NULL, 0, false, false);
    cc_send_buf(fd2, &c.b);
    CU_ASSERT(cc_is_closed(fd2));
    close(fd2);
    cx_end(&c);
}

static void
test_large_requests_over_their_room_end_the_connection(void)
{
    struct cnxn_case c;

    cx_init(&c);
    c.s.config->cnxn.large_request_threshold = 1000;
    c.s.config->cnxn.large_request_max_bytes = 5000;
    cx_start(&c);
    cc_put_create(&c.b, 1, "/a", 2000);
    CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 0);
    /* Their room comes back with the answers. */
    for (int32_t xid = 2; xid < 10; xid++) {
        cc_put_set(&c.b, xid, "/a", 4000);
        CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 0);
    }
    cc_put_set(&c.b, 10, "/a", 6000);
    CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 1);
    cx_end(&c);
}

static void
test_running_out_of_descriptors_is_survived(void)
{
    struct rlimit before, low;
    struct cc_session session;
    struct test_server s;
    struct sockaddr_in to = { .sin_family = AF_INET };
    int probe, last;

    cx_server_init(&s);
    test_server_start(&s, true);
    close(cc_new_session(&s, &session));
    CU_ASSERT(cc_until(none_left, &s));
    to.sin_port = htons((uint16_t) server_cnxn_factory_port(s.f));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* All below the last one are taken: the next would be over the limit. */
    last = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CU_ASSERT_FATAL(getrlimit(RLIMIT_NOFILE, &before) == 0);
    low = before;
    low.rlim_cur = (rlim_t) last + 1;
    CU_ASSERT_FATAL(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CU_ASSERT(connect(probe, (struct sockaddr *) &to, sizeof to) == 0);
    CU_ASSERT(cc_is_closed(probe));
    CU_ASSERT_FATAL(setrlimit(RLIMIT_NOFILE, &before) == 0);
    close(probe);
    close(last);
    close(cc_new_session(&s, &session));
    test_server_stop(&s);
}

/* ---- the server behind it ---------------------------------------------- */

static void
test_a_stop_closes_what_is_there(void)
{
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd[20];

    cx_server_init(&s);
    s.config->cnxn.selector_threads = 3;
    test_server_start(&s, true);
    for (int i = 0; i < 20; i++) {
        fd[i] = i % 2 ? cc_new_session(&s, &session) : cc_connect(&s);
        if (i % 2) {
            cc_put_create(&b, 1, "/a-", 100);
            cc_send_buf(fd[i], &b);
        }
    }
    test_server_stop(&s);
    for (int i = 0; i < 20; i++) {
        struct zk_buf rest = { 0 };

        (void) cc_recv(fd[i], 1 << 20, &rest);  /* to the end */
        zk_buf_fini(&rest);
        close(fd[i]);
    }
    zk_buf_fini(&b);
}

/* A member of an ensemble has no server while it looks for a leader. */
static void
test_who_connects_early_is_served_later(void)
{
    struct cnxn_case c;
    struct zk_errmsg em;

    cx_open(&c, false);
    CU_ASSERT_FATAL(cc_until(one_left, &c.s));
    c.s.zks = zookeeper_server_create(c.s.config);
    CU_ASSERT_EQUAL_FATAL(zookeeper_server_load(c.s.zks, &em), ZK_OK);
    zookeeper_server_start(c.s.zks);
    server_cnxn_factory_set_server(c.s.f, c.s.zks);
    cc_put_connect(&c.b, 0, NULL, 0, false, false);
    cc_send_buf(c.fd, &c.b);
    CU_ASSERT(cc_read_session(c.fd, &c.session, &c.len));
    cx_end(&c);
}

static void
test_another_server_may_come_behind_the_port(void)
{
    struct zookeeper_server *first;
    struct cnxn_case c;
    struct zk_errmsg em;

    cx_begin(&c);
    first = c.s.zks;
    server_cnxn_factory_set_server(c.s.f, NULL);
    CU_ASSERT(cc_is_closed(c.fd));
    close(c.fd);
    zookeeper_server_stop(first);
    zookeeper_server_destroy(first);
    c.s.zks = zookeeper_server_create(c.s.config);
    CU_ASSERT_EQUAL_FATAL(zookeeper_server_load(c.s.zks, &em), ZK_OK);
    server_cnxn_factory_set_server(c.s.f, c.s.zks);
    zookeeper_server_start(c.s.zks);
    c.fd = cc_new_session(&c.s, &c.session);
    cx_end(&c);
}

/* ---- listening --------------------------------------------------------- */

/* A port that cannot be had; the code, and the text in 'em'. */
static int
fail_to_listen(const char *host, int port, int secure_port,
               const char *spin_us, struct zk_errmsg *em)
{
    static const struct four_letter_hook words;
    struct server_cnxn_factory *f = NULL;
    struct test_server s;
    int rv;

    cx_server_init(&s);
    s.config->cnxn.client.host = host != NULL ? zk_xstrdup(host) : NULL;
    s.config->cnxn.client.port = port;
    s.config->cnxn.secure_client.port = secure_port;
    if (spin_us != NULL) {
        system_properties_set(s.config->props, "zookeeper.zkd.spinUs",
                              spin_us);
    }
    em->text[0] = '\0';
    rv = server_cnxn_factory_create(s.config, &words, &f, em);
    CU_ASSERT_PTR_NULL(f);
    test_server_stop(&s);
    return rv;
}

static void
test_a_port_that_cannot_be_had_is_named(void)
{
    struct test_server s;
    struct zk_errmsg em;
    char port[16];

    cx_server_init(&s);
    test_server_start(&s, false);
    snprintf(port, sizeof port, ":%d", server_cnxn_factory_port(s.f));
    CU_ASSERT_EQUAL(fail_to_listen(NULL, server_cnxn_factory_port(s.f), 0,
                                   NULL, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, port));
    test_server_stop(&s);
    CU_ASSERT_EQUAL(fail_to_listen("192.0.2.1", 4711, 0, NULL, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "192.0.2.1:4711"));
    CU_ASSERT_EQUAL(fail_to_listen("no such host", 4711, 0, NULL, &em),
                    ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "no such host"));
    CU_ASSERT_EQUAL(fail_to_listen(NULL, 0, 2281, NULL, &em), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "secureClientPort"));
    CU_ASSERT_EQUAL(fail_to_listen(NULL, 0, 0, "-1", &em), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "zookeeper.zkd.spinUs"));
}

static void
test_an_address_may_be_a_name(void)
{
    struct test_server s;

    cx_server_init(&s);
    s.config->cnxn.client.host = zk_xstrdup("localhost");
    test_server_start(&s, false);
    CU_ASSERT(strncmp(server_cnxn_factory_address(s.f), "localhost:", 10)
              == 0);
    cx_expect_word(&s, "ruok", 4, "imok");
    test_server_stop(&s);
}

static void
test_all_addresses_means_ipv6_too(void)
{
    struct sockaddr_in6 to = { .sin6_family = AF_INET6,
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct zk_buf b = { 0 };
    struct test_server s;

    cx_server_init(&s);
    test_server_start(&s, false);
    to.sin6_port = htons((uint16_t) server_cnxn_factory_port(s.f));
    if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof to) != 0) {
        /* No IPv6 here: then IPv4 alone must do. */
        CU_ASSERT(fd < 0 || errno == EADDRNOTAVAIL || errno == ENETUNREACH
                  || errno == ECONNREFUSED);
        cx_expect_word(&s, "ruok", 4, "imok");
    } else {
        cc_send(fd, "ruok", 4);
        CU_ASSERT(cc_recv(fd, 4, &b));
    }
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static const struct zk_test tests[] = {
    { "connections over a limit are closed",
      test_connections_over_a_limit_are_closed },
    { "silent connections are closed", test_silent_connections_are_closed },
    { "who does not take its answer is closed",
      test_who_does_not_take_its_answer_is_closed },
    { "throttled sessions are closed", test_throttled_sessions_are_closed },
    { "large requests over their room end the connection",
      test_large_requests_over_their_room_end_the_connection },
    { "running out of descriptors is survived",
      test_running_out_of_descriptors_is_survived },
    { "a stop closes what is there", test_a_stop_closes_what_is_there },
    { "who connects early is served later",
      test_who_connects_early_is_served_later },
    { "another server may come behind the port",
      test_another_server_may_come_behind_the_port },
    { "a port that cannot be had is named",
      test_a_port_that_cannot_be_had_is_named },
    { "an address may be a name", test_an_address_may_be_a_name },
    { "all addresses means IPv6, too", test_all_addresses_means_ipv6_too },
};

CNXN_CASE_MAIN("cnxn_ports", tests)
