/* SPDX-License-Identifier: Apache-2.0 */
/* The client port: what needs no socket first, then a server over one. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "cnxn/cnxn_address.h"
#include "cnxn/cnxn_limits.h"
#include "cnxn/cnxn_table.h"
#include "cnxn/session_handshake.h"
#include "jute/output_archive.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "test/unit/cnxn_client.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* ---- addresses --------------------------------------------------------- */

static struct cnxn_address
address(const char *text, uint16_t port)
{
    struct sockaddr_storage sa = { 0 };
    struct cnxn_address a;

    if (strchr(text, ':') != NULL) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons(port) };

        CU_ASSERT_EQUAL(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&sa, &v6, sizeof v6);
    } else {
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = htons(port) };

        CU_ASSERT_EQUAL(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        memcpy(&sa, &v4, sizeof v4);
    }
    cnxn_address_set(&a, &sa);
    return a;
}

static void
expect_remote(const char *text, uint16_t port, const char *remote)
{
    struct cnxn_address a = address(text, port);
    char out[CNXN_REMOTE_MAX];

    cnxn_address_remote(&a, out);
    CU_ASSERT_STRING_EQUAL(out, remote);
}

static void
test_addresses_look_as_java_prints_them(void)
{
    expect_remote("127.0.0.1", 53082, "/127.0.0.1:53082");
    expect_remote("::ffff:10.1.2.3", 1, "/10.1.2.3:1");
    expect_remote("::1", 65535, "/0:0:0:0:0:0:0:1:65535");
    expect_remote("fe80::abcd:0:12", 9, "/fe80:0:0:0:0:abcd:0:12:9");
    expect_remote("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
                  "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:65535");
}

static void
expect_way_back(const char *text, uint16_t port, int family, bool loopback)
{
    const struct cnxn_address a = address(text, port);
    struct sockaddr_storage sa;
    struct cnxn_address again;

    cnxn_address_sockaddr(&a, &sa);
    CU_ASSERT_EQUAL(sa.ss_family, family);
    cnxn_address_set(&again, &sa);
    CU_ASSERT_EQUAL(memcmp(again.ip, a.ip, sizeof a.ip), 0);
    CU_ASSERT_EQUAL(again.port, port);
    CU_ASSERT_EQUAL(cnxn_address_is_loopback(&a), loopback);
}

static void
test_addresses_become_socket_addresses_again(void)
{
    expect_way_back("127.0.0.1", 1, AF_INET, true);
    expect_way_back("127.255.0.9", 65535, AF_INET, true);
    expect_way_back("::ffff:10.1.2.3", 2181, AF_INET, false);
    expect_way_back("::1", 7, AF_INET6, true);
    expect_way_back("::2", 7, AF_INET6, false);
    expect_way_back("fe80::1", 7, AF_INET6, false);
}

static void
test_ports_are_counted_apart(void)
{
    struct cnxn_address plain = address("10.0.0.1", 1);
    struct cnxn_address secure = plain;
    struct cnxn_table t;

    secure.secure = 1;
    cnxn_table_init(&t);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &plain, 1, 1), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &secure, 1, 1), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &plain, 1, 0),
                    CNXN_TOO_MANY_OF_ADDRESS);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &secure, 0, 1), CNXN_TOO_MANY);
    cnxn_table_forget(&t, &plain);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &secure, 1, 0),
                    CNXN_TOO_MANY_OF_ADDRESS);
    cnxn_table_forget(&t, &secure);
    cnxn_table_fini(&t);
}

static void
test_limits_count_by_address_and_in_all(void)
{
    const struct cnxn_address one = address("10.0.0.1", 1);
    const struct cnxn_address same = address("::ffff:10.0.0.1", 2);
    const struct cnxn_address other = address("::1", 1);
    struct cnxn_table t;

    cnxn_table_init(&t);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &one, 2, 3), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &same, 2, 3), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &one, 2, 3),
                    CNXN_TOO_MANY_OF_ADDRESS);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &other, 2, 3), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &other, 2, 3), CNXN_TOO_MANY);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &one, 0, 0), CNXN_ADMITTED);
    /* Nothing was listed: the counts alone are given back by hand. */
    CU_ASSERT_EQUAL(cnxn_table_count(&t), 0);
    cnxn_table_forget(&t, &one);
    cnxn_table_forget(&t, &one);
    cnxn_table_forget(&t, &one);
    cnxn_table_forget(&t, &other);
    cnxn_table_fini(&t);
}

/* ---- the throttle ------------------------------------------------------ */

static void
test_throttle_fills_after_more_than_a_filling_time(void)
{
    const struct cnxn_config config = { .throttle_tokens = 3,
                                        .throttle_fill_time_ms = 10,
                                        .throttle_fill_count = 2,
                                        .throttle_freeze_time_ms = -1 };
    struct connection_throttle t;

    connection_throttle_init(&t, &config, 1000, 1);
    CU_ASSERT(connection_throttle_take(&t, 2, 1000));
    CU_ASSERT(!connection_throttle_take(&t, 2, 1000));
    CU_ASSERT(connection_throttle_take(&t, 1, 1000));
    CU_ASSERT_EQUAL(connection_throttle_deficit(&t), 3);
    CU_ASSERT(!connection_throttle_take(&t, 1, 1010));  /* not more than */
    CU_ASSERT(connection_throttle_take(&t, 2, 1011));
    CU_ASSERT(!connection_throttle_take(&t, 1, 1021));
    /* A long time fills it, not more. */
    CU_ASSERT(connection_throttle_take(&t, 3, INT64_MAX / 2));
    CU_ASSERT(!connection_throttle_take(&t, 1, INT64_MAX / 2));
}

static void
test_throttle_is_off_without_tokens(void)
{
    const struct cnxn_config config = { .throttle_tokens = 0 };
    struct connection_throttle t;

    connection_throttle_init(&t, &config, 0, 1);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT(connection_throttle_take(&t, 100, 0));
    }
}

static void
test_throttle_drops_by_a_chance_that_adapts(void)
{
    const struct cnxn_config config = { .throttle_tokens = 2,
                                        .throttle_fill_time_ms = 1000000,
                                        .throttle_fill_count = 1,
                                        .throttle_freeze_time_ms = 10,
                                        .throttle_drop_increase = 0.5,
                                        .throttle_drop_decrease = 0.3,
                                        .throttle_decrease_ratio = 0 };
    struct connection_throttle t;

    connection_throttle_init(&t, &config, 0, 7);
    CU_ASSERT(connection_throttle_take(&t, 2, 0));
    CU_ASSERT(!connection_throttle_take(&t, 1, 11));
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 0.5, 1e-9);
    CU_ASSERT(!connection_throttle_take(&t, 1, 21));    /* frozen */
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 0.5, 1e-9);
    CU_ASSERT(!connection_throttle_take(&t, 1, 22));
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 1, 1e-9);
    t.tokens = 2;
    CU_ASSERT(!connection_throttle_take(&t, 0, 30));    /* certainly */
    (void) connection_throttle_take(&t, 0, 40);
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 0.7, 1e-9);
}

static void
test_throttle_weighs_kinds_of_sessions(void)
{
    struct cnxn_config config = { .throttle_weight_global = 3,
                                  .throttle_weight_local = 1,
                                  .throttle_weight_renew = 2 };

    CU_ASSERT_EQUAL(connection_throttle_weight(&config, true, false), 1);
    config.throttle_weight_enabled = true;
    CU_ASSERT_EQUAL(connection_throttle_weight(&config, true, false), 3);
    CU_ASSERT_EQUAL(connection_throttle_weight(&config, true, true), 1);
    CU_ASSERT_EQUAL(connection_throttle_weight(&config, false, true), 2);
}

static void
test_large_requests_share_a_room(void)
{
    const struct cnxn_config config = { .large_request_threshold = 10,
                                        .large_request_max_bytes = 50 };
    struct large_requests l;

    large_requests_init(&l, &config);
    CU_ASSERT(!large_requests_is_large(&l, 10));
    CU_ASSERT(large_requests_is_large(&l, 11));
    CU_ASSERT(large_requests_enter(&l, 30));
    CU_ASSERT(large_requests_fits(&l, 20));
    CU_ASSERT(!large_requests_fits(&l, 21));
    CU_ASSERT(!large_requests_enter(&l, 21));
    CU_ASSERT(large_requests_enter(&l, 20));
    large_requests_leave(&l, 30);
    CU_ASSERT(large_requests_enter(&l, 30));
}

/* ---- the handshake ----------------------------------------------------- */

static void
test_connect_requests_of_both_forms_decode(void)
{
    static const uint8_t passwd[16] = { 1, 2, 3 };
    struct connect_request r;
    struct zk_buf b = { 0 };

    cc_put_connect(&b, 0x1234, passwd, 77, false, true);
    CU_ASSERT_EQUAL(b.len, 4 + 45);
    CU_ASSERT_EQUAL(connect_request_decode(b.data + 4, b.len - 4, 1000, &r),
                    ZK_OK);
    CU_ASSERT(!r.old_form && r.read_only);
    CU_ASSERT_EQUAL(r.session_id, 0x1234);
    CU_ASSERT_EQUAL(r.last_zxid_seen, 77);
    CU_ASSERT_EQUAL(r.timeout_ms, 10000);
    CU_ASSERT(zk_slice_eq(r.passwd, zk_slice(passwd, 16)));
    CU_ASSERT_EQUAL(connect_request_decode(b.data + 4, 44, 1000, &r), ZK_OK);
    CU_ASSERT(r.old_form && !r.read_only);
    for (size_t len = 0; len < 44; len++) {
        CU_ASSERT(connect_request_decode(b.data + 4, len, 1000, &r)
                  != ZK_OK);
    }
    zk_buf_clear(&b);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    CU_ASSERT_EQUAL(connect_request_decode(b.data + 4, b.len - 4, 1000, &r),
                    ZK_OK);
    CU_ASSERT(zk_slice_is_null(r.passwd));
    zk_buf_fini(&b);
}

static void
test_connect_responses_have_the_clients_form(void)
{
    static const uint8_t refused[41] = { [3] = 37, [23] = 16 };
    static const uint8_t passwd[16] = {
        0x6a, 0x73, 0xd3, 0x25, 0xaf, 0x91, 0x06, 0x33,
        0x58, 0x0d, 0x04, 0x58, 0x10, 0x07, 0x79, 0x50,
    };
    struct client_sink sink = { .session_id = 0x0100000d80a80000,
                                .timeout_ms = 10000 };
    struct zk_buf b = { 0 };

    connect_response_append(&b, &sink, false, true, false);
    CU_ASSERT_EQUAL(b.len, sizeof refused);
    CU_ASSERT(memcmp(b.data, refused, b.len) == 0);
    zk_buf_clear(&b);
    connect_response_append(&b, &sink, true, false, true);
    CU_ASSERT_EQUAL(b.len, 40);
    CU_ASSERT_EQUAL(zk_get_be32(b.data), 36);
    CU_ASSERT_EQUAL(zk_get_be32(b.data + 8), 10000);
    CU_ASSERT_EQUAL(zk_get_be64(b.data + 12), 0x0100000d80a80000);
    CU_ASSERT(memcmp(b.data + 24, passwd, 16) == 0);
    zk_buf_clear(&b);
    connect_response_append(&b, &sink, true, true, true);
    CU_ASSERT_EQUAL(b.len, 41);
    CU_ASSERT_EQUAL(b.data[40], 1);
    zk_buf_fini(&b);
}

static void
test_sessions_begin_renew_and_are_refused(void)
{
    struct cc_session first, again;
    struct test_server s;
    struct zk_buf b = { 0 };
    size_t len;
    int fd, fd2;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_new_session(&s, &first);
    CU_ASSERT_EQUAL(first.timeout_ms, 10000);

    /* Renewed, in the old form: the first connection goes. */
    fd2 = cc_connect(&s);
    cc_put_connect(&b, first.id, first.passwd, 0, true, false);
    cc_send_buf(fd2, &b);
    CU_ASSERT(cc_read_session(fd2, &again, &len));
    CU_ASSERT_EQUAL(len, 36);
    CU_ASSERT_EQUAL(again.id, first.id);
    CU_ASSERT(memcmp(again.passwd, first.passwd, 16) == 0);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);

    /* A wrong password: zeros, the end, and the other one goes, too. */
    fd = cc_connect(&s);
    first.passwd[0] ^= 1;
    cc_put_connect(&b, first.id, first.passwd, 0, false, false);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_read_session(fd, &again, &len));
    CU_ASSERT_EQUAL(len, 37);
    CU_ASSERT_EQUAL(again.id, 0);
    CU_ASSERT_EQUAL(again.timeout_ms, 0);
    CU_ASSERT(cc_is_closed(fd));
    CU_ASSERT(cc_is_closed(fd2));
    close(fd);
    close(fd2);

    /* A client from the future: closed without an answer. */
    fd = cc_connect(&s);
    cc_put_connect(&b, 0, NULL, 1 << 20, false, false);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_requests_behind_the_connect_request_wait_for_it(void)
{
    struct cc_reply r = { 0 };
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    size_t len;
    int fd;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_connect(&s);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_put_create(&b, 1, "/a", 10);
    cc_put_get(&b, 2, "/a", false);
    cc_put_plain(&b, 3, OP_PING);
    cc_put_plain(&b, 4, OP_CLOSE_SESSION);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_read_session(fd, &session, &len));
    CU_ASSERT_NOT_EQUAL(session.id, 0);
    for (int32_t xid = 1; xid <= 4; xid++) {
        CU_ASSERT(cc_reply(fd, &r));
        CU_ASSERT_EQUAL(r.err, 0);
        CU_ASSERT_EQUAL(r.xid, xid == 3 ? XID_PING : xid);
    }
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&r.frame);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

/* ---- frames ------------------------------------------------------------ */

static void
test_frames_may_come_byte_by_byte(void)
{
    struct cc_reply r = { 0 };
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    size_t len;
    int fd;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_connect(&s);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_put_create(&b, 1, "/a", 3);
    cc_put_get(&b, 2, "/a", false);
    for (size_t i = 0; i < b.len; i++) {
        cc_send(fd, b.data + i, 1);
    }
    CU_ASSERT(cc_read_session(fd, &session, &len));
    CU_ASSERT(cc_reply(fd, &r) && r.xid == 1 && r.err == 0);
    CU_ASSERT(cc_reply(fd, &r) && r.xid == 2 && r.err == 0);
    CU_ASSERT_EQUAL(r.frame.len, 16 + 4 + 3 + 68);
    close(fd);
    zk_buf_fini(&r.frame);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_long_frames_and_short_ones_mix(void)
{
    struct cc_reply r = { 0 };
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_new_session(&s, &session);
    cc_put_create(&b, 0, "/a", 0);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    for (int32_t xid = 1; xid <= 30; xid++) {
        cc_put_set(&b, xid, "/a", xid % 3 == 0 ? 1000000
                                               : (size_t) xid * 1111);
    }
    cc_put_get(&b, 31, "/a", false);
    cc_send_buf(fd, &b);
    for (int32_t xid = 1; xid <= 31; xid++) {
        CU_ASSERT(cc_reply(fd, &r));
        CU_ASSERT_EQUAL(r.xid, xid);
        CU_ASSERT_EQUAL(r.err, 0);
    }
    CU_ASSERT_EQUAL(r.frame.len, 16 + 4 + 1000000 + 68);
    close(fd);
    zk_buf_fini(&r.frame);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

/* Sends a length, before or after the handshake; is that the end? */
static bool
length_ends_it(const struct test_server *s, bool with_session, uint32_t len)
{
    struct cc_session session;
    uint8_t bytes[4];
    bool closed;
    int fd = with_session ? cc_new_session(s, &session) : cc_connect(s);
    struct pollfd p = { .fd = fd, .events = POLLIN };

    zk_put_be32(bytes, len);
    cc_send(fd, bytes, sizeof bytes);
    closed = poll(&p, 1, 100) == 1 && cc_is_closed(fd);
    close(fd);
    return closed;
}

static void
test_frames_of_a_wrong_length_end_the_connection(void)
{
    struct test_server s;

    test_server_init(&s);
    test_server_start(&s, true);
    for (int with = 0; with < 2; with++) {
        CU_ASSERT(length_ends_it(&s, with, 0xffffffff));
        CU_ASSERT(length_ends_it(&s, with, 0x80000000));
        CU_ASSERT(length_ends_it(&s, with, 0x7fffffff));
        CU_ASSERT(length_ends_it(&s, with, 0x61626364));    /* no word */
        CU_ASSERT(length_ends_it(&s, with, 0x100000));
        CU_ASSERT(!length_ends_it(&s, with, 0xfffff));
        CU_ASSERT(length_ends_it(&s, with, 0));
    }
    test_server_stop(&s);
}

/* ---- words ------------------------------------------------------------- */

static void
expect_word(const struct test_server *s, const char *sent, size_t len,
            const char *answer)
{
    struct zk_buf b = { 0 };
    int fd = cc_connect(s);

    for (size_t i = 0; i < len; i++) {
        cc_send(fd, sent + i, 1);
    }
    CU_ASSERT(cc_recv(fd, strlen(answer), &b));
    CU_ASSERT(b.len == strlen(answer)
              && memcmp(b.data, answer, b.len) == 0);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&b);
}

static void
test_words_are_answered_with_or_without_a_server(void)
{
    struct test_server s;

    for (int with = 0; with < 2; with++) {
        test_server_init(&s);
        test_server_start(&s, with);
        expect_word(&s, "ruok", 4, "imok");
        expect_word(&s, "stmk\0\0\0\1\2\3\4\5", 12, "102030405");
        CU_ASSERT_EQUAL(atomic_load(&s.words), 2);
        test_server_stop(&s);
    }
}

static void
test_a_long_answer_to_a_word_comes_whole(void)
{
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd;

    test_server_init(&s);
    test_server_start(&s, false);
    fd = cc_connect(&s);
    cc_send(fd, "slow\nand more\n", 14);
    CU_ASSERT(cc_recv(fd, (size_t) 8 << 20, &b));
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_without_a_server_frames_end_the_connection(void)
{
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd;

    test_server_init(&s);
    test_server_start(&s, false);
    fd = cc_connect(&s);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

/* ---- limits ------------------------------------------------------------ */

static bool
none_left(void *arg)
{
    struct test_server *s = arg;

    return server_cnxn_factory_count(s->f) == 0;
}

static void
test_connections_over_a_limit_are_closed(void)
{
    struct cc_session session;
    struct test_server s;
    int fd[3];

    for (int all = 0; all < 2; all++) {
        test_server_init(&s);
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

static bool
one_left(void *arg)
{
    struct test_server *s = arg;

    return server_cnxn_factory_count(s->f) == 1;
}

static void
test_silent_connections_are_closed(void)
{
    struct cc_session session;
    struct test_server s;
    int64_t begin;
    int fd, busy;

    test_server_init(&s);
    s.config->cnxn.sessionless_timeout_ms = 100;
    test_server_start(&s, true);
    busy = cc_new_session(&s, &session);
    begin = zk_time_mono_ms();
    fd = cc_connect(&s);
    cc_send(fd, "\0\0", 2);     /* A beginning is not a session. */
    CU_ASSERT(cc_is_closed(fd));
    CU_ASSERT(zk_time_mono_ms() - begin >= 90);
    CU_ASSERT(cc_until(one_left, &s));  /* The one with a session. */
    close(fd);
    close(busy);
    test_server_stop(&s);
}

static void
test_who_does_not_take_its_answer_is_closed(void)
{
    struct test_server s;
    int fd;

    test_server_init(&s);
    s.config->cnxn.sessionless_timeout_ms = 100;
    test_server_start(&s, true);
    fd = cc_connect(&s);
    cc_send(fd, "slow", 4);     /* 8 MB: more than the sockets hold */
    CU_ASSERT(cc_until(one_left, &s));
    CU_ASSERT(cc_until(none_left, &s));
    close(fd);
    test_server_stop(&s);
}

static void
test_throttled_sessions_are_closed(void)
{
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd, fd2;

    test_server_init(&s);
    s.config->cnxn.throttle_tokens = 1;
    s.config->cnxn.throttle_fill_time_ms = 1000000;
    s.config->cnxn.throttle_fill_count = 1;
    s.config->cnxn.throttle_freeze_time_ms = -1;
    test_server_start(&s, true);
    fd = cc_new_session(&s, &session);
    fd2 = cc_connect(&s);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_send_buf(fd2, &b);
    CU_ASSERT(cc_is_closed(fd2));
    close(fd);
    close(fd2);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_large_requests_over_their_room_end_the_connection(void)
{
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd;

    test_server_init(&s);
    s.config->cnxn.large_request_threshold = 1000;
    s.config->cnxn.large_request_max_bytes = 5000;
    test_server_start(&s, true);
    fd = cc_new_session(&s, &session);
    cc_put_create(&b, 1, "/a", 2000);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    /* Their room comes back with the answers. */
    for (int32_t xid = 2; xid < 10; xid++) {
        cc_put_set(&b, xid, "/a", 4000);
        CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    }
    cc_put_set(&b, 10, "/a", 6000);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 1);
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_running_out_of_descriptors_is_survived(void)
{
    struct rlimit before, low;
    struct cc_session session;
    struct test_server s;
    struct sockaddr_in to = { .sin_family = AF_INET };
    int probe, last;

    test_server_init(&s);
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

/* ---- ends -------------------------------------------------------------- */

static void
test_an_unknown_operation_is_answered_before_the_end(void)
{
    struct cc_reply r = { 0 };
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_new_session(&s, &session);
    cc_put_plain(&b, 7, 12345);
    cc_put_plain(&b, 8, OP_PING);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_reply(fd, &r));
    CU_ASSERT_EQUAL(r.xid, 7);
    CU_ASSERT_EQUAL(r.err, -6);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&r.frame);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static void
test_a_stop_closes_what_is_there(void)
{
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd[20];

    test_server_init(&s);
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

static bool
has_one_connection(void *arg)
{
    const struct test_server *s = arg;

    return server_cnxn_factory_count(s->f) == 1;
}

/* A member of an ensemble has no server while it looks for a leader. */
static void
test_who_connects_early_is_served_later(void)
{
    struct cc_session session;
    struct zk_buf b = { 0 };
    struct test_server s;
    struct zk_errmsg em;
    size_t len;
    int fd;

    test_server_init(&s);
    test_server_start(&s, false);
    fd = cc_connect(&s);
    CU_ASSERT_FATAL(cc_until(has_one_connection, &s));
    s.zks = zookeeper_server_create(s.config);
    CU_ASSERT_EQUAL_FATAL(zookeeper_server_load(s.zks, &em), ZK_OK);
    zookeeper_server_start(s.zks);
    server_cnxn_factory_set_server(s.f, s.zks);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_send_buf(fd, &b);
    CU_ASSERT(cc_read_session(fd, &session, &len));
    zk_buf_fini(&b);
    close(fd);
    test_server_stop(&s);
}

static void
test_another_server_may_come_behind_the_port(void)
{
    struct zookeeper_server *first;
    struct cc_session session;
    struct test_server s;
    struct zk_errmsg em;
    int fd;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_new_session(&s, &session);
    first = s.zks;
    server_cnxn_factory_set_server(s.f, NULL);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zookeeper_server_stop(first);
    zookeeper_server_destroy(first);
    s.zks = zookeeper_server_create(s.config);
    CU_ASSERT_EQUAL_FATAL(zookeeper_server_load(s.zks, &em), ZK_OK);
    server_cnxn_factory_set_server(s.f, s.zks);
    zookeeper_server_start(s.zks);
    fd = cc_new_session(&s, &session);
    close(fd);
    test_server_stop(&s);
}

/* ---- counters ---------------------------------------------------------- */

static void
take_info(void *arg, const struct cnxn_info *info)
{
    memcpy(arg, info, sizeof *info);
}

static void
test_cons_tells_what_a_connection_did(void)
{
    struct cnxn_info info;
    struct cc_session session;
    struct test_server s;
    struct zk_buf b = { 0 };
    int fd;

    test_server_init(&s);
    test_server_start(&s, true);
    fd = cc_new_session(&s, &session);
    cc_put_create(&b, 5, "/a", 1);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    cc_put_get(&b, 6, "/a", false);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    cc_put_plain(&b, -2, OP_PING);
    CU_ASSERT_EQUAL(cc_call(fd, &b), 0);
    server_cnxn_factory_each(s.f, false, take_info, &info);
    CU_ASSERT_EQUAL(info.session_id, session.id);
    CU_ASSERT_EQUAL(info.packets_received, 4);
    CU_ASSERT_EQUAL(info.packets_sent, 4);
    CU_ASSERT_EQUAL(info.last_op, OP_PING);
    CU_ASSERT_EQUAL(info.last_cxid, 6);
    CU_ASSERT_EQUAL(info.last_zxid, 2);
    CU_ASSERT_EQUAL(info.outstanding, 0);
    CU_ASSERT_EQUAL(info.interest_ops, 1);
    CU_ASSERT_EQUAL(info.timeout_ms, 10000);
    CU_ASSERT(strncmp(info.remote, "/127.0.0.1:", 11) == 0);
    CU_ASSERT_EQUAL(
        atomic_load(&zookeeper_server_stats(s.zks)->packets_received), 4);
    CU_ASSERT_EQUAL(
        atomic_load(&zookeeper_server_stats(s.zks)->packets_sent), 4);
    server_cnxn_factory_reset_stats(s.f, false);
    server_cnxn_factory_each(s.f, false, take_info, &info);
    CU_ASSERT_EQUAL(info.packets_received, 0);
    CU_ASSERT_EQUAL(info.last_cxid, -1);
    server_cnxn_factory_dump(s.f, &b);
    zk_buf_append(&b, "", 1);
    CU_ASSERT(strncmp((const char *) b.data, "Connections Sets (1)/(1):\n"
                      "1 expire at ", 38) == 0);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *) b.data,
                                  "\tip: /127.0.0.1:"));
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

/* ---- ports ------------------------------------------------------------- */

/* A port that cannot be had; the code, and the text in 'em'. */
static int
fail_to_listen(const char *host, int port, int secure_port,
               const char *spin_us, struct zk_errmsg *em)
{
    static const struct four_letter_hook words;
    struct server_cnxn_factory *f = NULL;
    struct test_server s;
    int rv;

    test_server_init(&s);
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

    test_server_init(&s);
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

    test_server_init(&s);
    s.config->cnxn.client.host = zk_xstrdup("localhost");
    test_server_start(&s, false);
    CU_ASSERT(strncmp(server_cnxn_factory_address(s.f), "localhost:", 10)
              == 0);
    expect_word(&s, "ruok", 4, "imok");
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

    test_server_init(&s);
    test_server_start(&s, false);
    to.sin6_port = htons((uint16_t) server_cnxn_factory_port(s.f));
    if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof to) != 0) {
        /* No IPv6 here: then IPv4 alone must do. */
        CU_ASSERT(fd < 0 || errno == EADDRNOTAVAIL || errno == ENETUNREACH
                  || errno == ECONNREFUSED);
        expect_word(&s, "ruok", 4, "imok");
    } else {
        cc_send(fd, "ruok", 4);
        CU_ASSERT(cc_recv(fd, 4, &b));
    }
    close(fd);
    zk_buf_fini(&b);
    test_server_stop(&s);
}

static const struct zk_test tests[] = {
    { "addresses look as Java prints them",
      test_addresses_look_as_java_prints_them },
    { "addresses become socket addresses again",
      test_addresses_become_socket_addresses_again },
    { "ports are counted apart", test_ports_are_counted_apart },
    { "limits count by address and in all",
      test_limits_count_by_address_and_in_all },
    { "the throttle fills after more than a filling time",
      test_throttle_fills_after_more_than_a_filling_time },
    { "the throttle is off without tokens",
      test_throttle_is_off_without_tokens },
    { "the throttle drops by a chance that adapts",
      test_throttle_drops_by_a_chance_that_adapts },
    { "the throttle weighs kinds of sessions",
      test_throttle_weighs_kinds_of_sessions },
    { "large requests share a room", test_large_requests_share_a_room },
    { "connect requests of both forms decode",
      test_connect_requests_of_both_forms_decode },
    { "connect responses have the client's form",
      test_connect_responses_have_the_clients_form },
    { "sessions begin, are renewed, are refused",
      test_sessions_begin_renew_and_are_refused },
    { "requests behind the connect request wait for it",
      test_requests_behind_the_connect_request_wait_for_it },
    { "frames may come byte by byte", test_frames_may_come_byte_by_byte },
    { "long frames and short ones mix", test_long_frames_and_short_ones_mix },
    { "frames of a wrong length end the connection",
      test_frames_of_a_wrong_length_end_the_connection },
    { "words are answered with or without a server",
      test_words_are_answered_with_or_without_a_server },
    { "a long answer to a word comes whole",
      test_a_long_answer_to_a_word_comes_whole },
    { "without a server frames end the connection",
      test_without_a_server_frames_end_the_connection },
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
    { "an unknown operation is answered before the end",
      test_an_unknown_operation_is_answered_before_the_end },
    { "a stop closes what is there", test_a_stop_closes_what_is_there },
    { "who connects early is served later",
      test_who_connects_early_is_served_later },
    { "another server may come behind the port",
      test_another_server_may_come_behind_the_port },
    { "cons tells what a connection did",
      test_cons_tells_what_a_connection_did },
    { "a port that cannot be had is named",
      test_a_port_that_cannot_be_had_is_named },
    { "an address may be a name", test_an_address_may_be_a_name },
    { "all addresses means IPv6, too", test_all_addresses_means_ipv6_too },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_ERROR);
    return zk_test_main("cnxn", tests, ZK_ARRAY_SIZE(tests));
}
