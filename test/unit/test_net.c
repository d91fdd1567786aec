/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "net/net_stream.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "net/net_address.h"
#include "net/net_crowd.h"
#include "net/net_listener.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/unit/net_pair.h"
#include "util/host_lookup.h"
#include "util/rate_limit.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* struct host_port owns its host elsewhere. */
static char loopback[] = "127.0.0.1";
static char nowhere[] = "192.0.2.1";

static const struct net_options plain = { .nodelay = true };

/* ---- a resolver that can be slow --------------------------------------- */

#define SLOW_NAME "slow.test"

static atomic_bool resolver_answers;

/* In place of the C library's. */
int
getaddrinfo(const char *node, const char *service,
            const struct addrinfo *hints, struct addrinfo **res)
{
    typedef int resolve(const char *, const char *, const struct addrinfo *,
                        struct addrinfo **);
    resolve *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&real, &symbol, sizeof real);
    if (node != NULL && strcmp(node, SLOW_NAME) == 0
        && (hints->ai_flags & AI_NUMERICHOST) == 0) {
        while (!atomic_load(&resolver_answers)) {
            sched_yield();
        }
        node = "127.0.0.1";
    }
    return real(node, service, hints, res);
}

/* ---- helpers ----------------------------------------------------------- */

static struct pair
make_pair(void)
{
    const struct host_port at = { .host = loopback, .port = 0 };
    struct net_listener *l;
    struct zk_errmsg em;
    struct pair p;
    int fd, rv;

    rv = net_listener_create(&at, 1, false, &l, &em);
    zk_test_must(rv == ZK_OK, "net_listener_create");
    rv = net_stream_connect("127.0.0.1", net_listener_port(l),
                            zk_time_mono_ms() + FAR_MS, &plain, &p.a, &em);
    zk_test_must(rv == ZK_OK, "net_stream_connect");
    rv = net_listener_accept(l, &fd, &em);
    zk_test_must(rv == ZK_OK, "net_listener_accept");
    p.b = net_stream_of_fd(fd, &plain);
    net_listener_destroy(l);
    return p;
}

/* ---- streams ----------------------------------------------------------- */

static void
test_bytes_arrive_and_both_sides_are_named(void)
{
    struct pair p = make_pair();

    check_bytes_arrive(&p);
    CU_ASSERT_STRING_EQUAL(net_stream_peer(p.a), net_stream_local(p.b));
    CU_ASSERT_STRING_EQUAL(net_stream_peer(p.b), net_stream_local(p.a));
    CU_ASSERT_EQUAL(strncmp(net_stream_peer(p.a), "127.0.0.1:", 10), 0);
    drop_pair(&p);
}

static void
test_silence_is_an_error_after_its_time(void)
{
    struct pair p = make_pair();

    check_silence_is_an_error(&p);
    drop_pair(&p);
}

static void
test_the_end_of_a_connection_is_no_error_between_messages(void)
{
    struct pair p = make_pair();

    check_the_end_is_told(&p);
    drop_pair(&p);
}

static void
test_a_peer_that_does_not_read_is_given_up(void)
{
    struct pair p = make_pair();
    size_t len = 64 << 20;
    char *much = calloc(1, len);
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(net_stream_write(p.a, much, len, 20, &em), ZK_ETORN);
    drop_pair(&p);
    free(much);
}

static void
test_a_peer_that_is_gone_does_not_kill_us(void)
{
    struct pair p = make_pair();

    check_a_peer_that_is_gone(&p);
    drop_pair(&p);
}

struct blocked {
    struct zk_thread thread;
    struct net_stream *s;
    bool writes;
    int64_t limit_ms;           /* Of all that is written; 0: none. */
    int rv;
    atomic_bool over;
};

static void
blocked_run(void *arg)
{
    struct blocked *b = arg;
    static char much[64 << 20];
    struct zk_errmsg em;
    size_t got;

    if (b->limit_ms > 0) {
        b->rv = net_stream_write_until(b->s, much, sizeof much,
                                       zk_time_mono_ms() + b->limit_ms, &em);
    } else {
        b->rv = b->writes ? net_stream_write(b->s, much, sizeof much, 0, &em)
                          : net_stream_read(b->s, much, 1, 0, &got, &em);
    }
    atomic_store(&b->over, true);
}

static void
test_shutdown_ends_whoever_waits(void)
{
    struct pair p = make_pair();
    struct blocked reader = { .s = p.a };
    struct blocked writer = { .s = p.a, .writes = true };
    struct zk_errmsg em;
    size_t got;
    char c;

    zk_thread_start(&reader.thread, blocked_run, &reader, "reader");
    zk_thread_start(&writer.thread, blocked_run, &writer, "writer");
    /* Something of it has come: the writer is at work. */
    CU_ASSERT_EQUAL(net_stream_read(p.b, &c, 1, FAR_MS, &got, &em), ZK_OK);
    net_stream_shutdown(p.a);
    zk_thread_join(&reader.thread);
    zk_thread_join(&writer.thread);
    CU_ASSERT_EQUAL(reader.rv, ZK_ESTOPPED);
    CU_ASSERT_EQUAL(writer.rv, ZK_ESTOPPED);
    CU_ASSERT_EQUAL(net_stream_read(p.a, &c, 1, 0, &got, &em), ZK_ESTOPPED);
    CU_ASSERT_EQUAL(net_stream_write(p.a, &c, 1, 0, &em), ZK_ESTOPPED);
    drop_pair(&p);
}

static void
test_a_peer_that_reads_byte_by_byte_is_given_up(void)
{
    struct pair p = make_pair();
    struct blocked writer = { .s = p.a, .limit_ms = 300 };
    struct zk_errmsg em;
    size_t got = 1;
    int rv = ZK_OK;
    char one;

    zk_thread_start(&writer.thread, blocked_run, &writer, "writer");
    while (rv == ZK_OK && !atomic_load(&writer.over)) {
        rv = net_stream_read(p.b, &one, 1, 10, &got, &em);
        rv = rv == ZK_ETORN ? ZK_OK : rv;
    }
    zk_thread_join(&writer.thread);
    CU_ASSERT_EQUAL(rv, ZK_OK);
    CU_ASSERT_EQUAL(writer.rv, ZK_ETORN);
    drop_pair(&p);
}

/* ---- connecting -------------------------------------------------------- */

static void
test_a_refused_connect_names_host_and_port(void)
{
    struct zk_errmsg em;
    struct net_stream *s;
    char where[32];
    int port = zk_test_port();

    snprintf(where, sizeof where, "127.0.0.1:%d", port);
    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", port,
                                       zk_time_mono_ms() + FAR_MS, &plain,
                                       &s, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, where));
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "refused"));
}

static void
test_a_dead_host_costs_no_more_than_the_deadline(void)
{
    struct zk_test_dead_host dead;
    struct zk_errmsg em;
    struct net_stream *s;

    zk_test_dead_host_open(&dead, 0);
    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", dead.port,
                                       zk_time_mono_ms() + 20, &plain, &s,
                                       &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "timed out"));
    zk_test_dead_host_close(&dead);
}

struct canceller {
    struct zk_thread thread;
    struct net_cancel cancel;
};

static void
canceller_run(void *arg)
{
    net_cancel_fire(&((struct canceller *) arg)->cancel);
}

static void
test_a_connect_is_cancelled_by_another_thread(void)
{
    struct canceller c = { .cancel.fd = -1 };
    const struct net_options opts = { .cancel = &c.cancel };
    struct zk_test_dead_host dead;
    struct zk_errmsg em;
    struct net_stream *s;

    CU_ASSERT_EQUAL(net_cancel_init(&c.cancel, NULL), ZK_OK);
    zk_test_dead_host_open(&dead, 0);
    zk_thread_start(&c.thread, canceller_run, &c, "canceller");
    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", dead.port,
                                       zk_time_mono_ms() + 10 * FAR_MS, &opts,
                                       &s, &em), ZK_ESTOPPED);
    zk_thread_join(&c.thread);
    /* And works again after the reset. */
    net_cancel_reset(&c.cancel);
    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", dead.port,
                                       zk_time_mono_ms() + 20, &opts, &s,
                                       &em), ZK_EIO);
    zk_test_dead_host_close(&dead);
    net_cancel_fini(&c.cancel);
}

static void
test_names_are_looked_up(void)
{
    int fd = zk_test_listen(0, 1);
    struct zk_errmsg em = { "" };
    struct net_stream *s = NULL;

    CU_ASSERT_EQUAL(net_stream_connect("localhost", zk_test_port_of(fd),
                                       zk_time_mono_ms() + FAR_MS, &plain,
                                       &s, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(em.text, "");
    net_stream_destroy(s);
    close(fd);
    CU_ASSERT_EQUAL(net_stream_connect("no such name", 1,
                                       zk_time_mono_ms() + FAR_MS, &plain,
                                       &s, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "no such name"));
}

/* host_lookup's result; the addresses do not matter. */
static int
look_up(enum host_lookup_use use, const char *host, int64_t ms,
        struct zk_errmsg *em)
{
    struct addrinfo *found;
    int rv = host_lookup(use, host, 1, zk_time_mono_ms() + ms, NULL, &found,
                         em);

    if (rv == ZK_OK) {
        freeaddrinfo(found);
    }
    return rv;
}

static void
test_a_name_server_that_is_silent_holds_nobody(void)
{
    struct zk_errmsg em;
    unsigned before = zk_thread_count();

    atomic_store(&resolver_answers, false);
    for (int i = 0; i < 2 * HOST_LOOKUP_LEFT; i++) {
        CU_ASSERT_EQUAL(look_up(HOST_LOOKUP_RESPONDERS, SLOW_NAME, 1, &em),
                        ZK_ETORN);
    }
    CU_ASSERT_TRUE(zk_thread_count() - before <= HOST_LOOKUP_LEFT);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "earlier"));
    /* It holds nobody up whose names are others'. */
    CU_ASSERT_EQUAL(look_up(HOST_LOOKUP_SERVERS, "localhost", FAR_MS, &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(look_up(HOST_LOOKUP_RESPONDERS, "localhost", FAR_MS, &em),
                    ZK_ETORN);
    atomic_store(&resolver_answers, true);
    host_lookup_join_all();
    CU_ASSERT_EQUAL(zk_thread_count(), before);
    CU_ASSERT_EQUAL(look_up(HOST_LOOKUP_RESPONDERS, SLOW_NAME, FAR_MS, &em),
                    ZK_OK);
}

/* ---- listeners --------------------------------------------------------- */

static void
test_a_port_in_use_is_named(void)
{
    int fd = zk_test_listen(0, 1);
    struct host_port at = { .host = loopback, .port = zk_test_port_of(fd) };
    struct net_listener *l;
    struct zk_errmsg em;
    char where[32];

    snprintf(where, sizeof where, "127.0.0.1:%d", at.port);
    CU_ASSERT_EQUAL(net_listener_create(&at, 1, false, &l, &em), ZK_EEXIST);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, where));
    at.host = nowhere;
    CU_ASSERT_EQUAL(net_listener_create(&at, 1, false, &l, &em), ZK_EIO);
    close(fd);
}

static void
connect_and_accept(struct net_listener *l, int port)
{
    int out = zk_test_connect(port);
    struct zk_errmsg em;
    int in = -1;

    CU_ASSERT_TRUE(out >= 0);
    CU_ASSERT_EQUAL(net_listener_accept(l, &in, &em), ZK_OK);
    close(in);
    close(out);
}

static void
test_every_address_is_accepted_at(void)
{
    struct host_port at[2] = {
        { .host = loopback, .port = zk_test_port() },
        { .host = loopback, .port = zk_test_port() },
    };
    struct net_listener *l;
    struct zk_errmsg em;

    CU_ASSERT_EQUAL_FATAL(net_listener_create(at, 2, false, &l, &em), ZK_OK);
    CU_ASSERT_EQUAL(net_listener_port(l), at[0].port);
    for (int i = 0; i < 3; i++) {
        connect_and_accept(l, at[1].port);
        connect_and_accept(l, at[0].port);
    }
    net_listener_destroy(l);
    /* One address that is not of this machine, and the same port twice. */
    at[0].host = nowhere;
    at[1].port = at[0].port = 0;
    CU_ASSERT_EQUAL_FATAL(net_listener_create(at, 2, true, &l, &em), ZK_OK);
    connect_and_accept(l, net_listener_port(l));
    net_listener_destroy(l);
}

struct acceptor {
    struct zk_thread thread;
    struct net_listener *l;
    int rv;
};

static void
acceptor_run(void *arg)
{
    struct acceptor *a = arg;
    struct zk_errmsg em;
    int fd;

    a->rv = net_listener_accept(a->l, &fd, &em);
}

static void
test_shutdown_ends_accept(void)
{
    const struct host_port at = { .host = NULL, .port = 0 };
    struct acceptor a = { .rv = ZK_OK };
    struct zk_errmsg em;
    int fd;

    CU_ASSERT_EQUAL_FATAL(net_listener_create(&at, 1, false, &a.l, &em),
                          ZK_OK);
    zk_thread_start(&a.thread, acceptor_run, &a, "acceptor");
    net_listener_shutdown(a.l);
    zk_thread_join(&a.thread);
    CU_ASSERT_EQUAL(a.rv, ZK_ESTOPPED);
    CU_ASSERT_EQUAL(net_listener_accept(a.l, &fd, &em), ZK_ESTOPPED);
    net_listener_destroy(a.l);
}

/* Opens files until there are no more to be had. */
static size_t
take_all_descriptors(int *fds, size_t max)
{
    size_t n = 0;

    while (n < max && (fds[n] = dup(0)) >= 0) {
        n++;
    }
    return n;
}

static void
test_without_descriptors_accept_pauses_and_recovers(void)
{
    const struct host_port at = { .host = loopback, .port = 0 };
    struct rlimit old, few;
    struct net_listener *l;
    struct zk_errmsg em;
    int64_t began_ms;
    int fds[256], out, fd = -1;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(net_listener_create(&at, 1, false, &l, &em),
                          ZK_OK);
    out = zk_test_connect(net_listener_port(l));
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit) { .rlim_cur = 200, .rlim_max = old.rlim_max };
    setrlimit(RLIMIT_NOFILE, &few);
    n = take_all_descriptors(fds, ZK_ARRAY_SIZE(fds));
    CU_ASSERT_TRUE(n < ZK_ARRAY_SIZE(fds));
    began_ms = zk_time_mono_ms();
    CU_ASSERT_EQUAL(net_listener_accept(l, &fd, &em), ZK_EIO);
    CU_ASSERT_TRUE(zk_time_mono_ms() > began_ms);
    while (n > 0) {
        close(fds[--n]);
    }
    setrlimit(RLIMIT_NOFILE, &old);
    CU_ASSERT_EQUAL(net_listener_accept(l, &fd, &em), ZK_OK);
    close(fd);
    close(out);
    net_listener_destroy(l);
}

/* A cancel that cannot be fired is none: whoever needs one is told. */
static void
test_without_descriptors_nothing_waits_that_cannot_be_cancelled(void)
{
    struct zk_errmsg em = { "" };
    struct addrinfo *found = NULL;
    struct rlimit old, few;
    struct net_cancel c;
    int fds[256];
    size_t n;

    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit) { .rlim_cur = 200, .rlim_max = old.rlim_max };
    setrlimit(RLIMIT_NOFILE, &few);
    n = take_all_descriptors(fds, ZK_ARRAY_SIZE(fds));
    CU_ASSERT_EQUAL(net_cancel_init(&c, &em), ZK_EIO);
    CU_ASSERT_STRING_EQUAL(em.text, "eventfd: Too many open files");
    CU_ASSERT_EQUAL(host_lookup(HOST_LOOKUP_SERVERS, "localhost", 1,
                                INT64_MAX, NULL, &found, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "eventfd: Too many open files"));
    while (n > 0) {
        close(fds[--n]);
    }
    setrlimit(RLIMIT_NOFILE, &old);
    CU_ASSERT_EQUAL(net_cancel_init(&c, &em), ZK_OK);
    net_cancel_fini(&c);
}

/* ---- crowds ------------------------------------------------------------ */

static void
test_a_crowd_drives_out_its_own(void)
{
    static const struct net_crowd_one lone[] = { { "10.0.0.1:1", 5 } };
    static const struct net_crowd_one flood[] = {
        { "10.0.0.1:1", 1 }, { "10.0.0.2:1", 2 }, { "10.0.0.9:7", 5 },
        { "10.0.0.9:1", 4 }, { "10.0.0.9:2", 6 }, { "10.0.0.2:4", 3 },
    };
    static const struct net_crowd_one even[] = {
        { "[::1]:1", 9 }, { "[::2]:1", 7 }, { "[::3]:1", 8 },
    };

    CU_ASSERT_EQUAL(net_crowd_choose(lone, 1, "10.0.0.2:1"), 0);
    CU_ASSERT_EQUAL(net_crowd_choose(flood, 6, "10.0.0.3:1"), 3);
    CU_ASSERT_EQUAL(net_crowd_choose(flood, 6, "10.0.0.9:3"), 3);
    /* As many as the other: the oldest of both. */
    CU_ASSERT_EQUAL(net_crowd_choose(flood, 6, "10.0.0.2:9"), 1);
    /* A newcomer's own counts first. */
    CU_ASSERT_EQUAL(net_crowd_choose(even, 3, "[::1]:2"), 0);
    CU_ASSERT_EQUAL(net_crowd_choose(even, 3, "[::4]:2"), 1);
    /* No address is the beginning of another. */
    CU_ASSERT_EQUAL(net_crowd_choose(even, 3, "[::]:2"), 1);
    CU_ASSERT_EQUAL(net_crowd_choose(even, 3, "?"), 1);
}

/* ---- small things ------------------------------------------------------ */

static void
test_addresses_as_text(void)
{
    struct sockaddr_storage sa = { 0 };
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(2888),
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    char text[NET_ADDRESS_MAX];

    net_address_print(&sa, text);
    CU_ASSERT_STRING_EQUAL(text, "?");
    memcpy(&sa, &v6, sizeof v6);
    net_address_print(&sa, text);
    CU_ASSERT_STRING_EQUAL(text, "[::1]:2888");
    inet_pton(AF_INET6, "::ffff:10.1.2.3", &v6.sin6_addr);
    memcpy(&sa, &v6, sizeof v6);
    net_address_print(&sa, text);
    CU_ASSERT_STRING_EQUAL(text, "10.1.2.3:2888");
    CU_ASSERT_TRUE(net_address_is_wildcard("0.0.0.0"));
    CU_ASSERT_TRUE(net_address_is_wildcard("::"));
    CU_ASSERT_TRUE(net_address_is_wildcard("0:0:0:0:0:0:0:0"));
    CU_ASSERT_TRUE(net_address_is_wildcard("::ffff:0.0.0.0"));
    CU_ASSERT_FALSE(net_address_is_wildcard("::1"));
    CU_ASSERT_FALSE(net_address_is_wildcard("zk1"));
}

static void
test_a_rate_is_a_burst_and_then_steady(void)
{
    struct rate_limit r;
    uint64_t missed;

    rate_limit_init(&r, 3, 10);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(rate_limit_take(&r, 1000, &missed));
        CU_ASSERT_EQUAL(missed, 0);
    }
    CU_ASSERT_FALSE(rate_limit_take(&r, 1000, &missed));
    CU_ASSERT_FALSE(rate_limit_take(&r, 1009, &missed));
    CU_ASSERT_EQUAL(rate_limit_next_ms(&r), 1010);
    CU_ASSERT_TRUE(rate_limit_take(&r, 1010, &missed));
    CU_ASSERT_EQUAL(missed, 2);
    CU_ASSERT_FALSE(rate_limit_take(&r, 1019, NULL));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(rate_limit_take(&r, 9000, NULL));
    }
    CU_ASSERT_FALSE(rate_limit_take(&r, 9000, NULL));
}

static const struct zk_test tests[] = {
    { "bytes arrive, and both sides are named",
      test_bytes_arrive_and_both_sides_are_named },
    { "silence is an error after its time",
      test_silence_is_an_error_after_its_time },
    { "the end of a connection is no error between messages",
      test_the_end_of_a_connection_is_no_error_between_messages },
    { "a peer that does not read is given up",
      test_a_peer_that_does_not_read_is_given_up },
    { "a peer that is gone does not kill us",
      test_a_peer_that_is_gone_does_not_kill_us },
    { "shutdown ends whoever waits", test_shutdown_ends_whoever_waits },
    { "a peer that reads byte by byte is given up",
      test_a_peer_that_reads_byte_by_byte_is_given_up },
    { "a refused connect names host and port",
      test_a_refused_connect_names_host_and_port },
    { "a dead host costs no more than the deadline",
      test_a_dead_host_costs_no_more_than_the_deadline },
    { "a connect is cancelled by another thread",
      test_a_connect_is_cancelled_by_another_thread },
    { "names are looked up", test_names_are_looked_up },
    { "a name server that is silent holds nobody",
      test_a_name_server_that_is_silent_holds_nobody },
    { "a port in use is named", test_a_port_in_use_is_named },
    { "every address is accepted at", test_every_address_is_accepted_at },
    { "shutdown ends accept", test_shutdown_ends_accept },
    { "without descriptors accept pauses, and recovers",
      test_without_descriptors_accept_pauses_and_recovers },
    { "a crowd drives out its own", test_a_crowd_drives_out_its_own },
    { "without descriptors nothing waits that cannot be cancelled",
      test_without_descriptors_nothing_waits_that_cannot_be_cancelled },
    { "addresses as text", test_addresses_as_text },
    { "a rate is a burst and then steady",
      test_a_rate_is_a_burst_and_then_steady },
};

ZK_TEST_MAIN("net", tests)
