/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of one server of an ensemble alone, and the server that has no
 * other kind: the read-only one. */
#include <config.h>

#include "test/unit/role_test.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

static void
test_local_session_is_this_servers_alone(void)
{
    struct cc_session s;
    int fd, again;

    begin_local(ROLE_FOLLOWER, true);
    fd = local_session(&s);
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    CU_ASSERT_EQUAL(data_tree_session_count(w.db->tree), 0);
    cc_put_create(&b, 1, "/a", 1);
    cc_send_buf(fd, &b);
    expect_asked(OP_CREATE, s.id, 1);
    role_commit_create(&w, s.id, 1, "/a", false);
    expect(fd, 1, KE_OK);
    CU_ASSERT_TRUE(session_tracker_is_local(tracker(), s.id));
    /* It comes back on another connection without the leader. */
    again = ask_session(s.id, s.passwd);
    expect_closed(fd);
    CU_ASSERT_TRUE(cc_read_session(again, &s, &(size_t) { 0 }));
    cc_put_get(&b, 1, "/a", false);
    CU_ASSERT_EQUAL(cc_call(again, &b), KE_OK);
    cc_put_create(&b, 2, "/b", 1);
    cc_put_plain(&b, 3, OP_CLOSE_SESSION);
    cc_send_buf(again, &b);
    expect_asked(OP_CREATE, s.id, 2);
    role_commit_create(&w, s.id, 2, "/b", false);
    expect(again, 2, KE_OK);
    expect(again, 3, KE_OK);
    expect_closed(again);
    CU_ASSERT_FALSE(session_tracker_is_tracked(tracker(), s.id));
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    CU_ASSERT_EQUAL(zookeeper_server_in_process(w.s.zks), 0);
    end();
}

static void
test_ephemeral_makes_a_local_session_global(void)
{
    struct cc_session s;
    struct role_asked a;
    int fd;

    begin_local(ROLE_FOLLOWER, true);
    fd = local_session(&s);
    put_create(&b, 1, OP_CREATE, "/plain", 0);
    put_create(&b, 2, OP_CREATE2, "/mine", 3);
    put_create(&b, 3, OP_CREATE, "/more", 1);
    cc_send_buf(fd, &b);
    expect_asked(OP_CREATE, s.id, 1);
    a = role_take(&w);
    CU_ASSERT_EQUAL(a.type, OP_CREATE_SESSION);
    CU_ASSERT_EQUAL(a.session_id, s.id);
    CU_ASSERT_EQUAL(a.cxid, 0);
    CU_ASSERT_EQUAL(a.timeout_ms, s.timeout_ms);
    expect_asked(OP_CREATE2, s.id, 2);
    expect_asked(OP_CREATE, s.id, 3);
    CU_ASSERT_FALSE(session_tracker_is_local(tracker(), s.id));
    role_commit_create(&w, s.id, 1, "/plain", false);
    role_commit_create_session(&w, s.id, a.timeout_ms);
    role_commit_create(&w, s.id, 2, "/mine0000000001", true);
    role_commit_create(&w, s.id, 3, "/more", true);
    expect(fd, 1, KE_OK);
    expect(fd, 2, KE_OK);
    expect(fd, 3, KE_OK);
    CU_ASSERT_EQUAL(data_tree_session_timeout(w.db->tree, s.id), 10000);
    /* Its end is the ensemble's affair now. */
    cc_put_plain(&b, 4, OP_CLOSE_SESSION);
    cc_send_buf(fd, &b);
    expect_asked(OP_CLOSE_SESSION, s.id, 4);
    role_commit_close_session(&w, s.id, 4);
    expect(fd, 4, KE_OK);
    expect_closed(fd);
    CU_ASSERT_EQUAL(data_tree_ephemeral_count(w.db->tree), 0);
    end();
}

static void
put_multi(struct zk_buf *out, int32_t xid, int32_t flags)
{
    size_t at = output_archive_frame_begin(out);

    output_archive_int(out, xid);
    output_archive_int(out, OP_MULTI);
    output_archive_int(out, OP_CREATE2);
    output_archive_bool(out, false);
    output_archive_int(out, -1);
    output_archive_slice(out, ZK_SLICE_LIT("/m"));
    output_archive_slice(out, ZK_SLICE_LIT("d"));
    zk_buf_append(out, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(out, flags);
    output_archive_int(out, -1);
    output_archive_bool(out, true);
    output_archive_int(out, -1);
    output_archive_frame_end(out, at);
}

static void
test_ephemeral_in_a_multi_counts(void)
{
    struct cc_session s;
    int fd;

    begin_local(ROLE_FOLLOWER, true);
    fd = local_session(&s);
    put_multi(&b, 1, 0);
    put_multi(&b, 2, 1);
    cc_send_buf(fd, &b);
    expect_asked(OP_MULTI, s.id, 1);
    expect_asked(OP_CREATE_SESSION, s.id, 0);
    expect_asked(OP_MULTI, s.id, 2);
    close(fd);
    end();
}

static void
test_ephemeral_without_upgrading(void)
{
    struct cc_session s;
    int fd;

    begin_local(ROLE_FOLLOWER, false);
    fd = local_session(&s);
    put_create(&b, 1, OP_CREATE, "/mine", 1);
    CU_ASSERT_EQUAL(cc_call(fd, &b), KE_EPHEMERAL_ON_LOCAL_SESSION);
    put_create(&b, 2, OP_CREATE, "/a", 2);
    put_create(&b, 3, OP_CREATE, "/mine", 1);
    cc_send_buf(fd, &b);
    expect_asked(OP_CREATE, s.id, 2);
    role_commit_create(&w, s.id, 2, "/a0000000001", false);
    expect(fd, 2, KE_OK);
    expect(fd, 3, KE_EPHEMERAL_ON_LOCAL_SESSION);
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    close(fd);
    end();
}

static void
test_local_session_expires_here(void)
{
    struct cc_session s;
    int fd;

    role_init(&w);
    w.s.config->quorum.local_sessions_enabled = true;
    w.s.config->tick_time_ms = 20;
    w.s.config->min_session_timeout_ms = 40;
    w.s.config->max_session_timeout_ms = 60;
    role_open(&w);
    role_start(&w, ROLE_FOLLOWER);
    fd = cc_new_session(&w.s, &s);
    CU_ASSERT_EQUAL(s.timeout_ms, 60);
    expect_closed(fd);
    CU_ASSERT_FALSE(session_tracker_is_tracked(tracker(), s.id));
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    end();
}

/* ---- read-only --------------------------------------------------------- */

static int
ask_read_only(int64_t id, const uint8_t *passwd, bool old_form)
{
    int fd = cc_connect(&w.s);

    cc_put_connect(&b, id, passwd, 0, old_form, true);
    cc_send_buf(fd, &b);
    return fd;
}

static void
test_read_only_without_local_sessions(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    role_end(&w);
    expect_closed(fd);
    role_start(&w, ROLE_READ_ONLY);
    CU_ASSERT_STRING_EQUAL(zookeeper_server_mode(w.s.zks), "read-only");
    expect_closed(ask_session(0, NULL));
    expect_closed(ask_read_only(0, NULL, false));
    expect_closed(ask_read_only(s.id, s.passwd, false));
    s = foreign();
    expect_closed(ask_read_only(s.id, s.passwd, false));
    end();
}

static void
test_read_only_with_local_sessions(void)
{
    struct cc_session s, global = foreign();
    struct zk_buf frame = { 0 };
    int fd;

    begin_local(ROLE_FOLLOWER, true);
    role_commit_create(&w, 77, 1, "/a", false);
    role_commit_create_session(&w, global.id, 10000);
    CU_ASSERT_TRUE(cc_until(is_tracked, &global.id));
    role_end(&w);
    role_start(&w, ROLE_READ_ONLY);
    expect_closed(ask_session(0, NULL));
    expect_closed(ask_read_only(global.id, global.passwd, false));
    fd = ask_read_only(0, NULL, false);
    CU_ASSERT_TRUE(cc_frame(fd, &frame));
    CU_ASSERT_EQUAL_FATAL(frame.len, 37);
    CU_ASSERT_EQUAL(frame.data[36], 1);
    s.id = (int64_t) zk_get_be64(frame.data + 8);
    memcpy(s.passwd, frame.data + 20, 16);
    CU_ASSERT_TRUE(session_tracker_is_local(tracker(), s.id));
    cc_put_get(&b, 1, "/a", true);
    cc_put_create(&b, 2, "/b", 1);
    put_create(&b, 3, OP_CREATE, "/b", 1);
    put_sync(&b, 4);
    put_multi(&b, 5, 0);
    cc_put_get(&b, 6, "/b", false);
    cc_put_plain(&b, XID_PING, OP_PING);
    cc_send_buf(fd, &b);
    expect(fd, 1, KE_OK);
    for (int32_t xid = 2; xid <= 5; xid++) {
        expect(fd, xid, KE_NOT_READ_ONLY);
    }
    expect(fd, 6, KE_NO_NODE);
    expect(fd, XID_PING, KE_OK);
    cc_put_plain(&b, 7, OP_CLOSE_SESSION);
    CU_ASSERT_EQUAL(cc_call(fd, &b), KE_OK);
    expect_closed(fd);
    /* It has ended, and this server would know. */
    expect_refused(ask_read_only(s.id, s.passwd, false));
    zk_buf_fini(&frame);
    end();
}

/* Of what it did not give itself it knows no end, whatever the password. */
static void
test_read_only_says_nothing_of_others(void)
{
    struct cc_session s, before, others = foreign();
    int64_t ms;
    int fd;

    begin_local(ROLE_FOLLOWER, true);
    fd = local_session(&before);
    role_end(&w);
    expect_closed(fd);
    /* In the same one both would make the same ids. */
    for (ms = zk_time_wall_ms(); zk_time_wall_ms() == ms;) {
    }
    role_start(&w, ROLE_READ_ONLY);
    expect_closed(ask_read_only(others.id, others.passwd, false));
    expect_closed(ask_read_only(others.id, before.passwd, false));
    expect_closed(ask_read_only(before.id, before.passwd, false));
    fd = ask_read_only(0, NULL, false);
    CU_ASSERT_TRUE(cc_read_session(fd, &s, &(size_t) { 0 }));
    expect_refused(ask_read_only(s.id, others.passwd, false));
    expect_closed(ask_read_only(s.id + 1, s.passwd, false));
    expect_closed(ask_read_only(before.id, s.passwd, false));
    close(fd);
    end();
}

static const struct zk_test tests[] = {
    { "a local session is this server's alone",
      test_local_session_is_this_servers_alone },
    { "an ephemeral makes a local session global",
      test_ephemeral_makes_a_local_session_global },
    { "an ephemeral in a multi counts", test_ephemeral_in_a_multi_counts },
    { "an ephemeral without upgrading", test_ephemeral_without_upgrading },
    { "a local session expires here", test_local_session_expires_here },
    { "read-only without local sessions",
      test_read_only_without_local_sessions },
    { "read-only with local sessions", test_read_only_with_local_sessions },
    { "read-only says nothing of others' sessions",
      test_read_only_says_nothing_of_others },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("local sessions", tests, ZK_ARRAY_SIZE(tests));
}
