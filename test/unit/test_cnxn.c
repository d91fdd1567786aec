/* SPDX-License-Identifier: Apache-2.0 */
/* The client port: what a connection says and is answered. */
#include <config.h>

#include "test/unit/cnxn_case.h"

#include <poll.h>

#include "cnxn/session_handshake.h"
#include "jute/output_archive.h"
#include "proto/op_code.h"

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
    struct cc_session again;
    struct cnxn_case c;
    int fd2;

    cx_begin(&c);
    CU_ASSERT_EQUAL(c.session.timeout_ms, 10000);

    /* Renewed, in the old form: the first connection goes. */
    fd2 = cc_connect(&c.s);
    cc_put_connect(&c.b, c.session.id, c.session.passwd, 0, true, false);
    cc_send_buf(fd2, &c.b);
    CU_ASSERT(cc_read_session(fd2, &again, &c.len));
    CU_ASSERT_EQUAL(c.len, 36);
    CU_ASSERT_EQUAL(again.id, c.session.id);
    CU_ASSERT(memcmp(again.passwd, c.session.passwd, 16) == 0);
    CU_ASSERT(cc_is_closed(c.fd));
    close(c.fd);

    /* A wrong password: zeros, the end, and the other one goes, too. */
    c.fd = cc_connect(&c.s);
    c.session.passwd[0] ^= 1;
    cc_put_connect(&c.b, c.session.id, c.session.passwd, 0, false, false);
    cc_send_buf(c.fd, &c.b);
    CU_ASSERT(cc_read_session(c.fd, &again, &c.len));
    CU_ASSERT_EQUAL(c.len, 37);
    CU_ASSERT_EQUAL(again.id, 0);
    CU_ASSERT_EQUAL(again.timeout_ms, 0);
    CU_ASSERT(cc_is_closed(c.fd));
    CU_ASSERT(cc_is_closed(fd2));
    close(c.fd);
    close(fd2);

    /* A client from the future: closed without an answer. */
    c.fd = cc_connect(&c.s);
    cc_put_connect(&c.b, 0, NULL, 1 << 20, false, false);
    cc_send_buf(c.fd, &c.b);
    CU_ASSERT(cc_is_closed(c.fd));
    cx_end(&c);
}

static void
test_requests_behind_the_connect_request_wait_for_it(void)
{
    struct cnxn_case c;

    cx_open(&c, true);
    cc_put_connect(&c.b, 0, NULL, 0, false, false);
    cc_put_create(&c.b, 1, "/a", 10);
    cc_put_get(&c.b, 2, "/a", false);
    cc_put_plain(&c.b, 3, OP_PING);
    cc_put_plain(&c.b, 4, OP_CLOSE_SESSION);
    cc_send_buf(c.fd, &c.b);
    CU_ASSERT(cc_read_session(c.fd, &c.session, &c.len));
    CU_ASSERT_NOT_EQUAL(c.session.id, 0);
    for (int32_t xid = 1; xid <= 4; xid++) {
        CU_ASSERT(cc_reply(c.fd, &c.r));
        CU_ASSERT_EQUAL(c.r.err, 0);
        CU_ASSERT_EQUAL(c.r.xid, xid == 3 ? XID_PING : xid);
    }
    CU_ASSERT(cc_is_closed(c.fd));
    cx_end(&c);
}

/* ---- frames ------------------------------------------------------------ */

static void
test_frames_may_come_byte_by_byte(void)
{
    struct cnxn_case c;

    cx_open(&c, true);
    cc_put_connect(&c.b, 0, NULL, 0, false, false);
    cc_put_create(&c.b, 1, "/a", 3);
    cc_put_get(&c.b, 2, "/a", false);
    for (size_t i = 0; i < c.b.len; i++) {
        cc_send(c.fd, c.b.data + i, 1);
    }
    CU_ASSERT(cc_read_session(c.fd, &c.session, &c.len));
    CU_ASSERT(cc_reply(c.fd, &c.r) && c.r.xid == 1 && c.r.err == 0);
    CU_ASSERT(cc_reply(c.fd, &c.r) && c.r.xid == 2 && c.r.err == 0);
    CU_ASSERT_EQUAL(c.r.frame.len, 16 + 4 + 3 + 68);
    cx_end(&c);
}

static void
test_long_frames_and_short_ones_mix(void)
{
    struct cnxn_case c;

    cx_begin(&c);
    cc_put_create(&c.b, 0, "/a", 0);
    CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 0);
    for (int32_t xid = 1; xid <= 30; xid++) {
        cc_put_set(&c.b, xid, "/a", xid % 3 == 0 ? 1000000
                                               : (size_t) xid * 1111);
    }
    cc_put_get(&c.b, 31, "/a", false);
    cc_send_buf(c.fd, &c.b);
    for (int32_t xid = 1; xid <= 31; xid++) {
        CU_ASSERT(cc_reply(c.fd, &c.r));
        CU_ASSERT_EQUAL(c.r.xid, xid);
        CU_ASSERT_EQUAL(c.r.err, 0);
    }
    CU_ASSERT_EQUAL(c.r.frame.len, 16 + 4 + 1000000 + 68);
    cx_end(&c);
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

    cx_server_init(&s);
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
test_words_are_answered_with_or_without_a_server(void)
{
    struct test_server s;

    for (int with = 0; with < 2; with++) {
        cx_server_init(&s);
        test_server_start(&s, with);
        cx_expect_word(&s, "ruok", 4, "imok");
        cx_expect_word(&s, "stmk\0\0\0\1\2\3\4\5", 12, "102030405");
        CU_ASSERT_EQUAL(atomic_load(&s.words), 2);
        test_server_stop(&s);
    }
}

static void
test_a_long_answer_to_a_word_comes_whole(void)
{
    struct cnxn_case c;

    cx_open(&c, false);
    cc_send(c.fd, "slow\nand more\n", 14);
    CU_ASSERT(cc_recv(c.fd, (size_t) 8 << 20, &c.b));
    CU_ASSERT(cc_is_closed(c.fd));
    cx_end(&c);
}

static void
test_without_a_server_frames_end_the_connection(void)
{
    struct cnxn_case c;

    cx_open(&c, false);
    cc_put_connect(&c.b, 0, NULL, 0, false, false);
    cc_send_buf(c.fd, &c.b);
    CU_ASSERT(cc_is_closed(c.fd));
    cx_end(&c);
}

/* ---- the end ----------------------------------------------------------- */

static void
test_an_unknown_operation_is_answered_before_the_end(void)
{
    struct cnxn_case c;

    cx_begin(&c);
    cc_put_plain(&c.b, 7, 12345);
    cc_put_plain(&c.b, 8, OP_PING);
    cc_send_buf(c.fd, &c.b);
    CU_ASSERT(cc_reply(c.fd, &c.r));
    CU_ASSERT_EQUAL(c.r.xid, 7);
    CU_ASSERT_EQUAL(c.r.err, -6);
    CU_ASSERT(cc_is_closed(c.fd));
    cx_end(&c);
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
    struct cnxn_case c;

    cx_begin(&c);
    cc_put_create(&c.b, 5, "/a", 1);
    CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 0);
    cc_put_get(&c.b, 6, "/a", false);
    CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 0);
    cc_put_plain(&c.b, -2, OP_PING);
    CU_ASSERT_EQUAL(cc_call(c.fd, &c.b), 0);
    server_cnxn_factory_each(c.s.f, false, take_info, &info);
    CU_ASSERT_EQUAL(info.session_id, c.session.id);
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
        atomic_load(&zookeeper_server_stats(c.s.zks)->packets_received), 4);
    CU_ASSERT_EQUAL(
        atomic_load(&zookeeper_server_stats(c.s.zks)->packets_sent), 4);
    server_cnxn_factory_reset_stats(c.s.f, false);
    server_cnxn_factory_each(c.s.f, false, take_info, &info);
    CU_ASSERT_EQUAL(info.packets_received, 0);
    CU_ASSERT_EQUAL(info.last_cxid, -1);
    server_cnxn_factory_dump(c.s.f, &c.b);
    zk_buf_append(&c.b, "", 1);
    CU_ASSERT(strncmp((const char *) c.b.data, "Connections Sets (1)/(1):\n"
                      "1 expire at ", 38) == 0);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *) c.b.data,
                                  "\tip: /127.0.0.1:"));
    cx_end(&c);
}

static const struct zk_test tests[] = {
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
    { "an unknown operation is answered before the end",
      test_an_unknown_operation_is_answered_before_the_end },
    { "cons tells what a connection did",
      test_cons_tells_what_a_connection_did },
};

CNXN_CASE_MAIN("cnxn", tests)
