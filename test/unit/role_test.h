/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_test.h: what the tests of roles have in common: one world, and the
 * clients of its server.
 */
#ifndef TEST_ROLE_TEST_H
#define TEST_ROLE_TEST_H

#include <unistd.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "test/unit/role_world.h"

static struct role_world w;
static struct zk_buf b;         /* What is sent next. */

static inline void
begin(enum role_kind kind)
{
    role_init(&w);
    role_open(&w);
    role_start(&w, kind);
}

static inline void
begin_local(enum role_kind kind, bool upgrading)
{
    role_init(&w);
    w.s.config->quorum.local_sessions_enabled = true;
    w.s.config->quorum.local_sessions_upgrading_enabled = upgrading;
    role_open(&w);
    role_start(&w, kind);
}

static inline void
end(void)
{
    role_close(&w);
    zk_buf_fini(&b);
}

static inline struct session_tracker *
tracker(void)
{
    return zookeeper_server_sessions(w.s.zks);
}

/* ---- clients ----------------------------------------------------------- */

static inline int
ask_session(int64_t id, const uint8_t *passwd)
{
    int fd = cc_connect(&w.s);

    cc_put_connect(&b, id, passwd, 0, false, false);
    cc_send_buf(fd, &b);
    return fd;
}

/* A new session of a follower's client. */
static inline int
follower_session(struct cc_session *s)
{
    int fd = ask_session(0, NULL);
    struct role_asked a = role_take(&w);
    size_t len;

    CU_ASSERT_EQUAL(a.type, OP_CREATE_SESSION);
    role_commit_create_session(&w, a.session_id, a.timeout_ms);
    CU_ASSERT_TRUE(cc_read_session(fd, s, &len));
    CU_ASSERT_EQUAL(s->id, a.session_id);
    return fd;
}

static inline void
put_create(struct zk_buf *out, int32_t xid, int32_t type, const char *path,
           int32_t flags)
{
    size_t at = output_archive_frame_begin(out);

    output_archive_int(out, xid);
    output_archive_int(out, type);
    output_archive_slice(out, zk_slice_str(path));
    output_archive_slice(out, ZK_SLICE_LIT("d"));
    zk_buf_append(out, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(out, flags);
    output_archive_frame_end(out, at);
}

static inline void
put_sync(struct zk_buf *out, int32_t xid)
{
    size_t at = output_archive_frame_begin(out);

    output_archive_int(out, xid);
    output_archive_int(out, OP_SYNC);
    output_archive_slice(out, ZK_SLICE_LIT("/"));
    output_archive_frame_end(out, at);
}

/* The next reply is this one. */
static inline void
expect(int fd, int32_t xid, int32_t err)
{
    struct cc_reply r = { 0 };

    CU_ASSERT_TRUE(cc_reply(fd, &r));
    if (r.xid != xid || r.err != err) {
        printf("\n  got xid %d err %d, not xid %d err %d\n", r.xid, r.err,
               xid, err);
    }
    CU_ASSERT_EQUAL(r.xid, xid);
    CU_ASSERT_EQUAL(r.err, err);
    zk_buf_fini(&r.frame);
}

static inline void
expect_asked(int32_t type, int64_t session, int32_t cxid)
{
    struct role_asked a = role_take(&w);

    CU_ASSERT_EQUAL(a.type, type);
    CU_ASSERT_EQUAL(a.session_id, session);
    CU_ASSERT_EQUAL(a.cxid, cxid);
}

/* A ConnectResponse that says "expired", and the end. */
static inline void
expect_refused(int fd)
{
    struct cc_session s = { 1, 1, { 1 } };
    size_t len = 0;

    CU_ASSERT_TRUE(cc_read_session(fd, &s, &len));
    CU_ASSERT(s.id == 0 && s.timeout_ms == 0);
    CU_ASSERT_TRUE(cc_is_closed(fd));
    close(fd);
}

static inline void
expect_closed(int fd)
{
    CU_ASSERT_TRUE(cc_is_closed(fd));
    close(fd);
}

static inline bool
is_tracked(void *arg)
{
    return session_tracker_is_tracked(tracker(), *(int64_t *) arg);
}

/* A session that was made elsewhere; this server has not heard of it. */
static inline struct cc_session
foreign(void)
{
    struct cc_session s = { INT64_C(0x0200001d92ec0005), 10000, { 0 } };

    session_password(s.id, s.passwd);
    return s;
}

static inline int
local_session(struct cc_session *s)
{
    int fd = cc_new_session(&w.s, s);

    CU_ASSERT_TRUE(session_tracker_is_local(tracker(), s->id));
    CU_ASSERT_EQUAL((uint64_t) s->id >> 56, ROLE_SID);
    return fd;
}

#endif
