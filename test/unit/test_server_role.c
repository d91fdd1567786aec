/* SPDX-License-Identifier: Apache-2.0 */
/* A server as a role of an ensemble, over sockets; the ensemble is scripted
 * (role_world.h). */
#include <config.h>

#include "proto/txn_codec.h"
#include "test/unit/role_test.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* ---- a learner --------------------------------------------------------- */

static void
test_learner_session_begins_by_its_txn(void)
{
    struct cc_session s;
    struct role_asked a;
    size_t len;
    int fd;

    begin(ROLE_FOLLOWER);
    CU_ASSERT_STRING_EQUAL(zookeeper_server_mode(w.s.zks), "follower");
    fd = cc_connect(&w.s);
    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_put_plain(&b, XID_PING, OP_PING);
    cc_send_buf(fd, &b);
    a = role_take(&w);
    CU_ASSERT_EQUAL(a.type, OP_CREATE_SESSION);
    CU_ASSERT_EQUAL((uint64_t) a.session_id >> 56, ROLE_SID);
    CU_ASSERT_EQUAL(a.timeout_ms, 10000);
    CU_ASSERT_FALSE(session_tracker_is_tracked(tracker(), a.session_id));
    role_commit_create_session(&w, a.session_id, a.timeout_ms);
    CU_ASSERT_TRUE(cc_read_session(fd, &s, &len));
    CU_ASSERT_EQUAL(s.id, a.session_id);
    expect(fd, XID_PING, KE_OK);
    CU_ASSERT_TRUE(session_tracker_is_tracked(tracker(), s.id));
    CU_ASSERT_EQUAL(data_tree_session_timeout(w.db->tree, s.id), 10000);
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    close(fd);
    end();
}

static void
test_learner_answers_in_the_clients_order(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    cc_put_create(&b, 1, "/a", 1);
    cc_put_get(&b, 2, "/a", false);
    cc_put_create(&b, 3, "/a", 1);
    put_sync(&b, 4);
    cc_put_get(&b, 5, "/other", false);
    cc_send_buf(fd, &b);
    expect_asked(OP_CREATE, s.id, 1);
    expect_asked(OP_CREATE, s.id, 3);
    expect_asked(OP_SYNC, s.id, 4);
    /* Somebody else's, then ours. */
    role_commit_create(&w, 77, 1, "/b", false);
    role_commit_create(&w, s.id, 1, "/a", false);
    expect(fd, 1, KE_OK);
    expect(fd, 2, KE_OK);
    role_commit_error(&w, s.id, 3, KE_NODE_EXISTS);
    role_commit_create(&w, 77, 2, "/other", false);
    expect(fd, 3, KE_NODE_EXISTS);
    role_answer_sync(&w);
    expect(fd, 4, KE_OK);
    expect(fd, 5, KE_OK);
    CU_ASSERT_EQUAL(zookeeper_server_in_process(w.s.zks), 0);
    close(fd);
    end();
}

/* What a leader would not take is refused here, in its place. */
static void
test_learner_refuses_in_order(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    cc_put_create(&b, 1, "/a", 1);
    cc_put_plain(&b, 2, OP_RECONFIG);
    cc_put_get(&b, 3, "/a", false);
    cc_send_buf(fd, &b);
    expect_asked(OP_CREATE, s.id, 1);
    role_commit_create(&w, s.id, 1, "/a", false);
    expect(fd, 1, KE_OK);
    expect(fd, 2, KE_UNIMPLEMENTED);
    expect(fd, 3, KE_OK);
    cc_put_plain(&b, 4, OP_RECONFIG);
    CU_ASSERT_EQUAL(cc_call(fd, &b), KE_UNIMPLEMENTED);
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    close(fd);
    end();
}

/* The owner has changed: closed without an answer. */
static void
test_learner_closes_a_session_that_moved(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    cc_put_create(&b, 1, "/a", 1);
    cc_send_buf(fd, &b);
    expect_asked(OP_CREATE, s.id, 1);
    role_commit_error(&w, s.id, 1, KE_SESSION_MOVED);
    expect_closed(fd);
    end();
}

static void
test_learner_follows_sessions_of_others(void)
{
    struct cc_session s;
    int64_t other = INT64_C(0x0100001d92ec0001);
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    role_commit_create_session(&w, other, 4000);
    CU_ASSERT_TRUE(cc_until(is_tracked, &other));
    role_commit_close_session(&w, other, 0);
    /* The leader lets ours expire. */
    role_commit_close_session(&w, s.id, 0);
    expect_closed(fd);
    CU_ASSERT_FALSE(is_tracked(&other));
    CU_ASSERT_FALSE(is_tracked(&s.id));
    CU_ASSERT_EQUAL(data_tree_session_count(w.db->tree), 0);
    end();
}

static void
test_learner_client_closes_its_session(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    cc_put_plain(&b, 1, OP_CLOSE_SESSION);
    cc_send_buf(fd, &b);
    expect_asked(OP_CLOSE_SESSION, s.id, 1);
    role_commit_close_session(&w, s.id, 1);
    expect(fd, 1, KE_OK);
    expect_closed(fd);
    end();
}

static bool
was_touched(void *arg)
{
    const struct cc_session *s = arg;
    struct zk_buf out = { 0 };
    bool yes;

    session_tracker_take_touched(tracker(), &out);
    yes = out.len == 12 && (int64_t) zk_get_be64(out.data) == s->id
          && (int32_t) zk_get_be32(out.data + 8) == s->timeout_ms;
    zk_buf_fini(&out);
    return yes;
}

static void
test_learner_tells_which_sessions_live(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = follower_session(&s);
    for (int i = 0; i < 3; i++) {
        cc_put_plain(&b, XID_PING, OP_PING);
        CU_ASSERT_EQUAL(cc_call(fd, &b), KE_OK);
        CU_ASSERT_TRUE(was_touched(&s));
        CU_ASSERT_FALSE(was_touched(&s));
    }
    close(fd);
    end();
}

/* ---- renewals on a learner --------------------------------------------- */

static void
test_renewal_waits_for_the_leader(void)
{
    const struct cc_session old = foreign();
    struct cc_session s;
    struct role_asked a;
    size_t len;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = cc_connect(&w.s);
    cc_put_connect(&b, old.id, old.passwd, 0, false, false);
    cc_put_plain(&b, XID_PING, OP_PING);
    cc_put_create(&b, 1, "/a", 1);
    cc_send_buf(fd, &b);
    a = role_take(&w);
    CU_ASSERT_EQUAL(a.type, 0);
    CU_ASSERT_EQUAL(a.session_id, old.id);
    CU_ASSERT_EQUAL(a.timeout_ms, 10000);
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    zookeeper_server_revalidated(w.s.zks, a.sink, a.session_id, true);
    CU_ASSERT_TRUE(cc_read_session(fd, &s, &len));
    CU_ASSERT(s.id == old.id && s.timeout_ms == 10000);
    CU_ASSERT_EQUAL(memcmp(s.passwd, old.passwd, sizeof s.passwd), 0);
    expect(fd, XID_PING, KE_OK);
    expect_asked(OP_CREATE, old.id, 1);
    CU_ASSERT_TRUE(was_touched(&s));
    /* What was closed elsewhere is closed here. */
    role_commit_create(&w, old.id, 1, "/a", false);
    expect(fd, 1, KE_OK);
    role_commit_close_session(&w, old.id, 0);
    expect_closed(fd);
    end();
}

static void
test_renewal_that_the_leader_refuses(void)
{
    const struct cc_session old = foreign();
    struct role_asked a;
    int fd;

    begin(ROLE_FOLLOWER);
    fd = ask_session(old.id, old.passwd);
    a = role_take(&w);
    zookeeper_server_revalidated(w.s.zks, a.sink, a.session_id, false);
    expect_refused(fd);
    CU_ASSERT_FALSE(session_tracker_is_tracked(tracker(), old.id));
    end();
}

static void
test_a_wrong_password_is_refused_here(void)
{
    struct cc_session old = foreign();

    begin(ROLE_FOLLOWER);
    old.passwd[3] ^= 1;
    expect_refused(ask_session(old.id, old.passwd));
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    end();
}

/* A broken link says nothing about a session: the client is told nothing. */
static void
test_renewal_when_the_link_ends(void)
{
    const struct cc_session old = foreign();
    struct zk_buf none = { 0 };
    int fd;

    begin(ROLE_FOLLOWER);
    fd = ask_session(old.id, old.passwd);
    CU_ASSERT_EQUAL(role_take(&w).session_id, old.id);
    w.n_taken--;                /* The role gives it back. */
    role_end(&w);
    CU_ASSERT_FALSE(cc_recv(fd, 1, &none));
    CU_ASSERT_EQUAL(none.len, 0);
    zk_buf_fini(&none);
    close(fd);
    end();
}

static void
test_renewal_of_who_has_gone(void)
{
    const struct cc_session old = foreign();
    struct role_asked first, second;
    struct cc_session s;
    size_t len;
    int a, c;

    begin(ROLE_FOLLOWER);
    a = ask_session(old.id, old.passwd);
    first = role_take(&w);
    c = ask_session(old.id, old.passwd);
    second = role_take(&w);
    expect_closed(a);
    zookeeper_server_revalidated(w.s.zks, first.sink, old.id, true);
    zookeeper_server_revalidated(w.s.zks, second.sink, old.id, true);
    CU_ASSERT_TRUE(cc_read_session(c, &s, &len));
    CU_ASSERT_EQUAL(s.id, old.id);
    close(c);
    end();
}

/* ---- a leader ---------------------------------------------------------- */

static void
test_leader_serves(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_LEADER);
    fd = cc_new_session(&w.s, &s);
    CU_ASSERT_EQUAL((uint64_t) s.id >> 56, ROLE_SID);
    cc_put_create(&b, 1, "/a", 1);
    cc_put_get(&b, 2, "/a", false);
    put_sync(&b, 3);
    cc_put_create(&b, 4, "/a", 1);
    cc_send_buf(fd, &b);
    expect(fd, 1, KE_OK);
    expect(fd, 2, KE_OK);
    expect(fd, 3, KE_OK);
    expect(fd, 4, KE_NODE_EXISTS);
    CU_ASSERT_EQUAL(zookeeper_server_in_process(w.s.zks), 0);
    close(fd);
    end();
}

static void
expect_session(int fd, int64_t id)
{
    struct cc_session s;
    size_t len;

    CU_ASSERT_TRUE(cc_read_session(fd, &s, &len));
    CU_ASSERT_EQUAL(s.id, id);
}

/* "Expired" is the last word on a session: a leader does not say it by
 * itself. */
static void
test_a_leader_asks_before_it_ends_a_session(void)
{
    struct cc_session old = foreign(), mine;
    struct zk_buf none = { 0 };
    struct role_asked a;
    int fd;

    begin(ROLE_LEADER);
    close(cc_new_session(&w.s, &mine));
    fd = ask_session(mine.id, mine.passwd);
    expect_session(fd, mine.id);
    close(fd);
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    fd = ask_session(old.id, old.passwd);
    a = role_take(&w);
    CU_ASSERT_EQUAL(a.type, 0);
    CU_ASSERT_EQUAL(a.session_id, old.id);
    zookeeper_server_revalidated(w.s.zks, a.sink, a.session_id, false);
    expect_refused(fd);
    old.passwd[3] ^= 1;
    expect_refused(ask_session(old.id, old.passwd));
    CU_ASSERT_TRUE(role_asked_nothing(&w));
    /* The role ends first: it may live with another leader. */
    old.passwd[3] ^= 1;
    fd = ask_session(old.id, old.passwd);
    CU_ASSERT_EQUAL(role_take(&w).session_id, old.id);
    w.n_taken--;
    role_end(&w);
    CU_ASSERT_FALSE(cc_recv(fd, 1, &none));
    CU_ASSERT_EQUAL(none.len, 0);
    zk_buf_fini(&none);
    close(fd);
    end();
}

static bool
has_in_process(void *n)
{
    return zookeeper_server_in_process(w.s.zks) >= *(int *) n;
}

static void
wait_in_process(int n)
{
    CU_ASSERT_TRUE(cc_until(has_in_process, &n));
}

/* A sync waits for what was proposed before it: a follower's client may have
 * been told of that already. */
static void
test_leader_syncs_behind_proposals(void)
{
    struct cc_session s, t;
    int writer, reader;

    begin(ROLE_LEADER);
    writer = cc_new_session(&w.s, &s);
    reader = cc_new_session(&w.s, &t);
    zk_lock(&w.lock);
    w.hold = true;
    zk_unlock(&w.lock);
    cc_put_create(&b, 1, "/a", 1);
    cc_send_buf(writer, &b);
    wait_in_process(1);
    put_sync(&b, 1);
    cc_put_get(&b, 2, "/a", false);
    cc_send_buf(reader, &b);
    wait_in_process(3);
    role_release(&w);
    expect(reader, 1, KE_OK);
    expect(reader, 2, KE_OK);
    expect(writer, 1, KE_OK);
    close(reader);
    close(writer);
    end();
}

/* A request of a learner's client, as a link hands it to Prep. */
static void
from_link(const void *owner, int32_t type, int64_t session, int32_t cxid,
          const struct zk_buf *body)
{
    struct auth_info *who = auth_info_create("ip", "127.0.0.1");
    struct request *r = request_create(
        type, session, cxid, zk_slice(body->data, (int32_t) body->len), NULL,
        who);
    struct bq_list list = { 0 };

    auth_info_unref(who);
    r->internal = false;
    r->owner = owner;
    r->received_us = zk_time_mono_us();
    bq_list_append(&list, &r->link);
    w.prep->submit(w.prep, &list);
}

static char path_a[] = "/a", path_mine[] = "/mine", path_orphan[] = "/orphan";

static bool
exists(void *path)
{
    bool yes;

    zk_read_lock(&w.db->lock);
    yes = data_tree_find(w.db->tree, zk_slice_str(path)) != NULL;
    zk_read_unlock(&w.db->lock);
    return yes;
}

static bool
is_gone(void *path)
{
    return !exists(path);
}

static int32_t
applied_err(struct txn_bytes *t)
{
    struct txn_view v;

    CU_ASSERT_EQUAL(txn_view_decode(&v, t->data, t->len, 1 << 20, NULL),
                    ZK_OK);
    return v.type == OP_ERROR ? v.err : 0;
}

static void
note_err(void *arg, struct txn_bytes *t)
{
    *(int32_t *) arg = applied_err(t);
}

/* The error of the last txn, once 'zxid' is applied. */
static int32_t
err_at(int64_t zxid)
{
    int64_t deadline = zk_time_mono_ms() + CC_DEADLINE_MS;
    int32_t err = 1;
    int64_t last;

    do {
        zk_read_lock(&w.db->lock);
        last = data_tree_last_zxid(w.db->tree);
        zk_read_unlock(&w.db->lock);
    } while (last < zxid && zk_time_mono_ms() < deadline);
    CU_ASSERT_EQUAL(last, zxid);
    committed_log_each(w.db->committed, zxid - 1, note_err, &err);
    return err;
}

static void
put_create_body(struct zk_buf *out, const char *path, int32_t flags)
{
    zk_buf_clear(out);
    output_archive_slice(out, zk_slice_str(path));
    output_archive_slice(out, ZK_SLICE_LIT("d"));
    zk_buf_append(out, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(out, flags);
}

static void
test_leader_looks_at_the_owner(void)
{
    const struct cc_session s = foreign();
    struct cc_session mine;
    struct zk_buf body = { 0 };
    int64_t zxid;
    int link, other_link;
    int fd;

    begin(ROLE_LEADER);
    zxid = w.zxid;
    output_archive_int(&body, 10000);
    from_link(&link, OP_CREATE_SESSION, s.id, 0, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), 0);
    CU_ASSERT_TRUE(session_tracker_is_tracked(tracker(), s.id));
    put_create_body(&body, "/a", 1);
    from_link(&link, OP_CREATE, s.id, 1, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), 0);
    CU_ASSERT_TRUE(exists(path_a));
    put_create_body(&body, "/b", 0);
    from_link(&other_link, OP_CREATE, s.id, 2, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), KE_SESSION_MOVED);
    from_link(&link, OP_CREATE, s.id + 1, 3, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), KE_SESSION_EXPIRED);
    /* It comes to this server, and the link has lost it. */
    fd = ask_session(s.id, s.passwd);
    CU_ASSERT_TRUE(cc_read_session(fd, &mine, &(size_t) { 0 }));
    CU_ASSERT_EQUAL(mine.id, s.id);
    from_link(&link, OP_CREATE, s.id, 4, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), KE_SESSION_MOVED);
    /* And away again: its next write closes the connection here. */
    session_tracker_set_owner(tracker(), s.id, &link);
    cc_put_create(&b, 5, "/c", 1);
    cc_send_buf(fd, &b);
    expect_closed(fd);
    zk_buf_clear(&body);
    from_link(&link, OP_CLOSE_SESSION, s.id, 6, &body);
    CU_ASSERT_TRUE(cc_until(is_gone, path_a));
    CU_ASSERT_FALSE(session_tracker_is_tracked(tracker(), s.id));
    CU_ASSERT_EQUAL(zookeeper_server_in_process(w.s.zks), 0);
    zk_buf_fini(&body);
    end();
}

static void
test_leader_lets_local_sessions_of_others_write(void)
{
    const struct cc_session s = foreign();
    struct zk_buf body = { 0 };
    int64_t zxid;
    int link;

    begin_local(ROLE_LEADER, true);
    zxid = w.zxid;
    put_create_body(&body, "/a", 0);
    from_link(&link, OP_CREATE, s.id, 1, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), 0);
    put_create_body(&body, "/mine", 1);
    from_link(&link, OP_CREATE, s.id, 2, &body);
    CU_ASSERT_EQUAL(err_at(++zxid), KE_SESSION_EXPIRED);
    zk_buf_fini(&body);
    end();
}

static void
test_leader_upgrades_its_own(void)
{
    struct cc_session s;
    int fd;

    begin_local(ROLE_LEADER, true);
    fd = local_session(&s);
    put_create(&b, 1, OP_CREATE, "/mine", 1);
    put_create(&b, 2, OP_CREATE, "/more", 1);
    cc_send_buf(fd, &b);
    expect(fd, 1, KE_OK);
    expect(fd, 2, KE_OK);
    CU_ASSERT_FALSE(session_tracker_is_local(tracker(), s.id));
    CU_ASSERT_EQUAL(data_tree_session_timeout(w.db->tree, s.id), 10000);
    cc_put_plain(&b, 3, OP_CLOSE_SESSION);
    CU_ASSERT_EQUAL(cc_call(fd, &b), KE_OK);
    expect_closed(fd);
    CU_ASSERT_EQUAL(data_tree_ephemeral_count(w.db->tree), 0);
    fd = local_session(&s);
    cc_put_plain(&b, 1, OP_CLOSE_SESSION);
    CU_ASSERT_EQUAL(cc_call(fd, &b), KE_OK);
    expect_closed(fd);
    CU_ASSERT_FALSE(session_tracker_is_tracked(tracker(), s.id));
    end();
}

/* The sessions of the tree live on under a new leader, with their full
 * timeouts from its start on; orphans go by transactions. */
static void
test_leader_takes_sessions_over(void)
{
    struct cc_session s;
    int64_t dead = INT64_C(0x0200001d92ec0077);
    int fd, i;

    role_init(&w);
    w.s.config->tick_time_ms = 20;
    w.s.config->min_session_timeout_ms = 200;
    w.s.config->max_session_timeout_ms = 200;
    role_open(&w);
    role_start(&w, ROLE_FOLLOWER);
    fd = follower_session(&s);
    role_commit_create(&w, s.id, 1, "/mine", true);
    role_commit_create(&w, dead, 1, "/orphan", true);
    CU_ASSERT_TRUE(cc_until(exists, path_orphan));
    for (i = 0; i < 2; i++) {
        role_end(&w);
        if (i == 0) {
            expect_closed(fd);
        }
        role_start(&w, i == 0 ? ROLE_FOLLOWER : ROLE_LEADER);
        CU_ASSERT_TRUE(session_tracker_is_tracked(tracker(), s.id));
    }
    CU_ASSERT_TRUE(cc_until(is_gone, path_orphan));
    CU_ASSERT(data_tree_last_zxid(w.db->tree) > w.zxid);
    /* Nobody comes back. */
    CU_ASSERT_TRUE(cc_until(is_gone, path_mine));
    CU_ASSERT_EQUAL(data_tree_session_count(w.db->tree), 0);
    end();
}

/* What was prepared and never committed may not haunt the next leader. */
static void
test_nothing_outstanding_is_left(void)
{
    struct cc_session s;
    int fd;

    begin(ROLE_LEADER);
    fd = cc_new_session(&w.s, &s);
    zk_lock(&w.lock);
    w.hold = true;
    zk_unlock(&w.lock);
    cc_put_create(&b, 1, "/a", 1);
    cc_put_get(&b, 2, "/a", false);
    cc_send_buf(fd, &b);
    wait_in_process(2);
    role_end(&w);
    expect_closed(fd);
    CU_ASSERT_EQUAL(outstanding_changes_size(w.db->changes), 0);
    w.hold = false;
    role_start(&w, ROLE_LEADER);
    fd = ask_session(s.id, s.passwd);
    CU_ASSERT_TRUE(cc_read_session(fd, &s, &(size_t) { 0 }));
    cc_put_create(&b, 1, "/a", 1);
    CU_ASSERT_EQUAL(cc_call(fd, &b), KE_OK);
    close(fd);
    end();
}

/* ---- settings ---------------------------------------------------------- */

static void
test_voters_share_the_outstanding_limit(void)
{
    static const struct {
        size_t voters;
        enum role_kind kind;
        int limit;
    } cases[] = {
        { 1, ROLE_LEADER, 1000 },   { 2, ROLE_LEADER, 1000 },
        { 3, ROLE_LEADER, 500 },    { 3, ROLE_FOLLOWER, 500 },
        { 5, ROLE_FOLLOWER, 250 },  { 5, ROLE_READ_ONLY, 1000 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct quorum_config *q;
        struct server_address servers[6];

        role_init(&w);
        memset(servers, 0, sizeof servers);
        q = &w.s.config->quorum;
        servers[cases[i].voters].type = LEARNER_OBSERVER;
        q->servers = servers;
        q->n_servers = cases[i].voters + 1;
        role_open(&w);
        role_start(&w, cases[i].kind);
        CU_ASSERT_EQUAL(zookeeper_server_outstanding_limit(w.s.zks),
                        cases[i].limit);
        q->servers = NULL;
        q->n_servers = 0;
        end();
    }
}

static const struct zk_test tests[] = {
    { "a learner's session begins by its txn",
      test_learner_session_begins_by_its_txn },
    { "a learner answers in the client's order",
      test_learner_answers_in_the_clients_order },
    { "a learner refuses in order", test_learner_refuses_in_order },
    { "a learner closes a session that moved",
      test_learner_closes_a_session_that_moved },
    { "a learner follows sessions of others",
      test_learner_follows_sessions_of_others },
    { "a learner's client closes its session",
      test_learner_client_closes_its_session },
    { "a learner tells which sessions live",
      test_learner_tells_which_sessions_live },
    { "a renewal waits for the leader", test_renewal_waits_for_the_leader },
    { "a renewal that the leader refuses",
      test_renewal_that_the_leader_refuses },
    { "a wrong password is refused here",
      test_a_wrong_password_is_refused_here },
    { "a renewal when the link ends", test_renewal_when_the_link_ends },
    { "a renewal of who has gone", test_renewal_of_who_has_gone },
    { "a leader serves", test_leader_serves },
    { "a leader asks before it ends a session",
      test_a_leader_asks_before_it_ends_a_session },
    { "a leader syncs behind proposals",
      test_leader_syncs_behind_proposals },
    { "a leader looks at the owner", test_leader_looks_at_the_owner },
    { "a leader lets local sessions of others write",
      test_leader_lets_local_sessions_of_others_write },
    { "a leader upgrades its own", test_leader_upgrades_its_own },
    { "a leader takes sessions over", test_leader_takes_sessions_over },
    { "nothing outstanding is left", test_nothing_outstanding_is_left },
    { "voters share the outstanding limit",
      test_voters_share_the_outstanding_limit },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("server role", tests, ZK_ARRAY_SIZE(tests));
}
