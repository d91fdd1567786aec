/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a real learner, whose leader is played by the test. */
#include <config.h>

#include <sys/socket.h>
#include <unistd.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/request_codec.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "test/unit/learner_bench.h"
#include "util/zk_log.h"
#include "zab/learner_internal.h"

#define MAX_LEN (1 << 20)

/* ---- the leader's side ------------------------------------------------- */

struct asked {
    int64_t session;
    int32_t cxid, type;
    struct zk_slice body;       /* Until the next packet is read. */
    int32_t n_ids;
};

/* The REQUEST in hand. */
static struct asked
asked_in(const struct scripted_learner *lead)
{
    struct input_archive ia;
    struct asked a;

    input_archive_init(&ia, lead->qp.data.p, (size_t) lead->qp.data.len,
                       MAX_LEN);
    a.session = input_archive_long(&ia);
    a.cxid = input_archive_int(&ia);
    a.type = input_archive_int(&ia);
    a.body = zk_slice(ia.p, (int32_t) input_archive_left(&ia));
    a.n_ids = lead->qp.authinfo.n;
    zk_assert(ia.err == ZK_OK);
    return a;
}

static struct asked
take(struct learner_bench *b)
{
    sl_expect(&b->lead, QP_REQUEST, -1);
    return asked_in(&b->lead);
}

static void
put_body(struct zk_buf *t, const struct asked *a)
{
    struct jute_set_data_request set;
    struct input_archive ia;
    struct create_view c;

    input_archive_init(&ia, a->body.p, (size_t) a->body.len, MAX_LEN);
    switch (a->type) {
    case OP_CREATE_SESSION:
        txn_encode_create_session(t, input_archive_int(&ia));
        break;
    case OP_CREATE:
    case OP_CREATE2:
        zk_assert(create_view_decode(&c, a->type, &ia) == ZK_OK);
        txn_encode_create(t, c.path, c.data, c.acl, c.flags == 1, -1);
        break;
    case OP_SET_DATA:
        zk_assert(jute_set_data_request_decode(&ia, &set) == ZK_OK);
        txn_encode_set_data(t, set.path, set.data, 1);
        break;
    case OP_CLOSE_SESSION:
        (void) txn_encode_close_session_begin(t);
        break;
    default:
        zk_panic("type %d is not made here", a->type);
    }
}

/* PROPOSAL and COMMIT of what was asked for, or of an error. */
static void
put_answer(struct zk_buf *out, const struct asked *a, int64_t zxid, int err)
{
    struct zk_buf t = { 0 };

    txn_encode_header(&t, a->session, a->cxid, zxid, 1,
                      err == KE_OK ? a->type : OP_ERROR);
    if (err == KE_OK) {
        put_body(&t, a);
    } else {
        txn_encode_error(&t, err);
    }
    quorum_packet_encode(out, QP_PROPOSAL, zxid,
                         zk_slice(t.data, (int32_t) t.len));
    quorum_packet_encode(out, QP_COMMIT, zxid, ZK_SLICE_NULL);
    zk_buf_fini(&t);
}

/* The next REQUEST will become txn <1,k>: what is to be sent for it. */
static struct asked
prepare(struct learner_bench *b, int64_t k, int32_t type, int err,
        struct zk_buf *out)
{
    struct asked a = take(b);

    CU_ASSERT_EQUAL(a.type, type);
    zk_buf_clear(out);
    put_answer(out, &a, LB_EPOCH + k, err);
    return a;
}

static void
propose(struct learner_bench *b, int64_t k, const struct zk_buf *out)
{
    sl_send_raw(&b->lead, out->data, out->len);
    sl_expect(&b->lead, QP_ACK, LB_EPOCH + k);
}

/* Both at once; no other request may be on its way. */
static struct asked
serve(struct learner_bench *b, int64_t k, int32_t type, int err)
{
    struct zk_buf out = { 0 };
    struct asked a = prepare(b, k, type, err, &out);

    propose(b, k, &out);
    zk_buf_fini(&out);
    return a;
}

static bool
has_server(void *arg)
{
    return atomic_load(&((struct learner_bench *) arg)->zks) != NULL;
}

static void
open_serving(struct learner_bench *b, const char *more, const char *words)
{
    lb_open(b, more);
    lb_follow(b);
    lb_play(b, words);
    zk_assert(cc_until(has_server, b));
}

/* A socket with a session that becomes txn <1,k>. */
static int
new_session(struct learner_bench *b, int64_t k, struct cc_session *session)
{
    struct zk_buf out = { 0 };
    int fd = cc_connect(&b->s);
    struct asked a;
    size_t len;

    cc_put_connect(&out, 0, NULL, 0, false, false);
    cc_send_buf(fd, &out);
    zk_buf_fini(&out);
    a = serve(b, k, OP_CREATE_SESSION, KE_OK);
    zk_assert(cc_read_session(fd, session, &len));
    CU_ASSERT_EQUAL(session->id, a.session);
    CU_ASSERT_EQUAL((uint64_t) session->id >> 56, 1);
    return fd;
}

static void
expect_reply(int fd, int32_t xid, int64_t zxid, int32_t err)
{
    struct cc_reply r = { 0 };

    CU_ASSERT(cc_reply(fd, &r));
    if (r.xid != xid || r.zxid != zxid || r.err != err) {
        fprintf(stderr, "xid %d zxid 0x%lx err %d, not %d 0x%lx %d\n", r.xid,
                (long) r.zxid, r.err, xid, (long) zxid, err);
        CU_FAIL("another reply");
    }
    zk_buf_fini(&r.frame);
}

/* ---- requests ---------------------------------------------------------- */

static void
test_writes_go_by_the_leader_and_come_back(void)
{
    struct zk_buf out = { 0 };
    struct cc_session session;
    struct learner_bench b;
    struct asked a;
    int fd;

    open_serving(&b, "", "H D0 L A0 U A0");
    fd = new_session(&b, 1, &session);
    cc_put_create(&out, 1, "/a", 5);
    cc_send_buf(fd, &out);
    a = serve(&b, 2, OP_CREATE, KE_OK);
    CU_ASSERT_EQUAL(a.session, session.id);
    CU_ASSERT_EQUAL(a.cxid, 1);
    CU_ASSERT_EQUAL(a.n_ids, 1);        /* ip */
    expect_reply(fd, 1, LB_EPOCH + 2, KE_OK);
    /* Answered here. */
    cc_put_get(&out, 2, "/a", false);
    cc_send_buf(fd, &out);
    expect_reply(fd, 2, LB_EPOCH + 2, KE_OK);
    /* What the leader refuses. */
    cc_put_set(&out, 3, "/b", 1);
    cc_send_buf(fd, &out);
    (void) serve(&b, 3, OP_SET_DATA, KE_NO_NODE);
    expect_reply(fd, 3, LB_EPOCH + 3, KE_NO_NODE);
    cc_put_plain(&out, 4, OP_CLOSE_SESSION);
    cc_send_buf(fd, &out);
    (void) serve(&b, 4, OP_CLOSE_SESSION, KE_OK);
    expect_reply(fd, 4, LB_EPOCH + 4, KE_OK);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    (void) lb_end(&b);
    lb_reopen(&b);
    CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH + 4);
    zk_buf_fini(&out);
    lb_close(&b);
}

static void
put_sync(struct zk_buf *b, int32_t xid)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, OP_SYNC);
    output_archive_slice(b, ZK_SLICE_LIT("/"));
    output_archive_frame_end(b, at);
}

/* In the order of the requests, and each sees those before it. */
static void
test_replies_keep_the_order_of_requests(void)
{
    struct zk_buf out = { 0 }, create = { 0 }, set = { 0 };
    struct cc_session session;
    struct learner_bench b;
    int fd;

    open_serving(&b, "", "H D0 L A0 U A0");
    fd = new_session(&b, 1, &session);
    cc_put_create(&out, 1, "/a", 5);
    cc_put_get(&out, 2, "/a", false);
    put_sync(&out, 3);
    cc_put_get(&out, 4, "/a", false);
    cc_put_set(&out, 5, "/a", 5);
    cc_put_get(&out, 6, "/a", false);
    cc_send_buf(fd, &out);
    (void) prepare(&b, 2, OP_CREATE, KE_OK, &create);
    CU_ASSERT_EQUAL(take(&b).type, OP_SYNC);
    (void) prepare(&b, 3, OP_SET_DATA, KE_OK, &set);
    propose(&b, 2, &create);
    expect_reply(fd, 1, LB_EPOCH + 2, KE_OK);
    expect_reply(fd, 2, LB_EPOCH + 2, KE_OK);
    lb_play(&b, "S");
    expect_reply(fd, 3, LB_EPOCH + 2, KE_OK);
    expect_reply(fd, 4, LB_EPOCH + 2, KE_OK);
    propose(&b, 3, &set);
    expect_reply(fd, 5, LB_EPOCH + 3, KE_OK);
    expect_reply(fd, 6, LB_EPOCH + 3, KE_OK);
    close(fd);
    (void) lb_end(&b);
    zk_buf_fini(&out);
    zk_buf_fini(&create);
    zk_buf_fini(&set);
    lb_close(&b);
}

/* ---- what must not reach a leader -------------------------------------- */

static void
put_bytes(struct zk_buf *b, int32_t xid, int32_t type, const void *p,
          size_t len)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, type);
    zk_buf_append(b, p, len);
    output_archive_frame_end(b, at);
}

static void
put_create_ttl(struct zk_buf *b, int32_t xid, int32_t flags, int64_t ttl)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, OP_CREATE_TTL);
    output_archive_slice(b, ZK_SLICE_LIT("/t"));
    output_archive_slice(b, ZK_SLICE_NULL);
    zk_buf_append(b, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(b, flags);
    output_archive_long(b, ttl);
    output_archive_frame_end(b, at);
}

/* Answered here, with no zxid of their own (protocol: "Poison requests"). */
static void
test_poison_is_answered_here(void)
{
    static const int32_t types[] = {
        OP_CREATE, OP_CREATE2, OP_CREATE_CONTAINER, OP_CREATE_TTL, OP_DELETE,
        OP_SET_DATA, OP_SET_ACL, OP_MULTI, OP_RECONFIG,
    };
    struct zk_buf out = { 0 }, one = { 0 }, two = { 0 };
    struct cc_session session;
    struct learner_bench b;
    int32_t xid = 1;
    int fd;

    open_serving(&b, "", "H D0 L A0 U A0");
    fd = new_session(&b, 1, &session);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(types); i++) {
        static const char cut[] = "\0\0\0\2/a\0\0\0";
        /* A multi's header of a delete goes before it. */
        static const char multi[] = "\0\0\0\2\0\xff\xff\xff\xff"
                                    "\0\0\0\2/a\0\0\0";

        put_bytes(&out, xid, types[i], NULL, 0);
        cc_send_buf(fd, &out);
        expect_reply(fd, xid++, LB_EPOCH + 1, KE_MARSHALLING);
        if (types[i] == OP_MULTI) {
            put_bytes(&out, xid, types[i], multi, sizeof multi - 1);
        } else {
            put_bytes(&out, xid, types[i], cut, sizeof cut - 1);
        }
        cc_send_buf(fd, &out);
        expect_reply(fd, xid++, LB_EPOCH + 1, KE_MARSHALLING);
    }
    put_create_ttl(&out, xid, CREATE_PERSISTENT, -1);
    cc_send_buf(fd, &out);
    expect_reply(fd, xid++, LB_EPOCH + 1, KE_BAD_ARGUMENTS);
    /* Between two writes it waits for its turn. */
    cc_put_create(&out, xid, "/a", 1);
    put_bytes(&out, xid + 1, OP_DELETE, NULL, 0);
    cc_put_create(&out, xid + 2, "/b", 1);
    cc_send_buf(fd, &out);
    CU_ASSERT_EQUAL(prepare(&b, 2, OP_CREATE, KE_OK, &one).cxid, xid);
    CU_ASSERT_EQUAL(prepare(&b, 3, OP_CREATE, KE_OK, &two).cxid, xid + 2);
    propose(&b, 2, &one);
    expect_reply(fd, xid, LB_EPOCH + 2, KE_OK);
    expect_reply(fd, xid + 1, LB_EPOCH + 2, KE_MARSHALLING);
    propose(&b, 3, &two);
    expect_reply(fd, xid + 2, LB_EPOCH + 3, KE_OK);
    close(fd);
    (void) lb_end(&b);
    zk_buf_fini(&out);
    zk_buf_fini(&one);
    zk_buf_fini(&two);
    lb_close(&b);
}

/* A create2 would end the link to a 3.4 leader, again and again. */
static void
test_new_operations_do_not_reach_an_old_leader(void)
{
    static const struct {
        const char *newleader;
        bool refused;
    } leaders[] = { { "H D0 O A0 U A0", true }, { "H D0 L A0 U A0", false } };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(leaders); i++) {
        struct zk_buf out = { 0 };
        struct cc_session session;
        struct learner_bench b;
        int fd;

        open_serving(&b, "", leaders[i].newleader);
        fd = new_session(&b, 1, &session);
        cc_put_create(&out, 1, "/a", 1);
        zk_put_be32(out.data + 8, OP_CREATE2);
        cc_send_buf(fd, &out);
        if (leaders[i].refused) {
            expect_reply(fd, 1, LB_EPOCH + 1, KE_UNIMPLEMENTED);
        } else {
            (void) serve(&b, 2, OP_CREATE2, KE_OK);
            expect_reply(fd, 1, LB_EPOCH + 2, KE_OK);
        }
        close(fd);
        (void) lb_end(&b);
        zk_buf_fini(&out);
        lb_close(&b);
    }
}

/* ---- sessions ---------------------------------------------------------- */

static int
come_back(struct learner_bench *b, const struct cc_session *session)
{
    struct zk_buf out = { 0 };
    int fd = cc_connect(&b->s);

    cc_put_connect(&out, session->id, session->passwd, 0, false, false);
    cc_send_buf(fd, &out);
    zk_buf_fini(&out);
    sl_expect(&b->lead, QP_REVALIDATE, -1);
    CU_ASSERT_EQUAL(b->lead.qp.data.len, 12);
    CU_ASSERT_EQUAL((int64_t) zk_get_be64(b->lead.qp.data.p), session->id);
    CU_ASSERT_EQUAL((int32_t) zk_get_be32(b->lead.qp.data.p + 8),
                    session->timeout_ms);
    return fd;
}

static void
revalidated(struct learner_bench *b, int64_t id, bool valid)
{
    struct zk_buf data = { 0 };

    output_archive_long(&data, id);
    output_archive_bool(&data, valid);
    sl_send(&b->lead, QP_REVALIDATE, -1,
            zk_slice(data.data, (int32_t) data.len));
    zk_buf_fini(&data);
}

static void
test_the_leader_says_whether_a_session_lives(void)
{
    struct cc_session one, other, got;
    struct learner_bench b;
    int fd, fd2;
    size_t len;

    open_serving(&b, "", "H D0 L A0 U A0");
    close(new_session(&b, 1, &one));
    close(new_session(&b, 2, &other));
    fd = come_back(&b, &one);
    fd2 = come_back(&b, &other);
    /* About a session that nobody asked for. */
    revalidated(&b, 12345, true);
    revalidated(&b, other.id, false);
    revalidated(&b, one.id, true);
    CU_ASSERT(cc_read_session(fd2, &got, &len));
    CU_ASSERT_EQUAL(got.id, 0);
    CU_ASSERT(cc_is_closed(fd2));
    CU_ASSERT(cc_read_session(fd, &got, &len));
    CU_ASSERT_EQUAL(got.id, one.id);
    close(fd);
    close(fd2);
    (void) lb_end(&b);
    lb_close(&b);
}

/* The leader is asked once for a session with which clients come again while
 * it thinks; the last one has the answer. */
static void
test_one_question_for_a_session_at_a_time(void)
{
    struct cc_session one, other, got;
    struct learner_bench b;
    struct zk_buf out = { 0 };
    int fd, last;
    size_t len;

    open_serving(&b, "", "H D0 L A0 U A0");
    close(new_session(&b, 1, &one));
    close(new_session(&b, 2, &other));
    fd = come_back(&b, &one);
    for (int i = 0; i < 3; i++) {
        last = cc_connect(&b.s);
        cc_put_connect(&out, one.id, one.passwd, 0, false, false);
        cc_send_buf(last, &out);
        CU_ASSERT(cc_is_closed(fd));
        close(fd);
        fd = last;
    }
    last = come_back(&b, &other);       /* Nothing was asked in between. */
    revalidated(&b, one.id, true);
    CU_ASSERT(cc_read_session(fd, &got, &len));
    CU_ASSERT_EQUAL(got.id, one.id);
    revalidated(&b, other.id, false);
    CU_ASSERT(cc_read_session(last, &got, &len));
    CU_ASSERT_EQUAL(got.id, 0);
    close(fd);
    close(last);
    (void) lb_end(&b);
    zk_buf_fini(&out);
    lb_close(&b);
}

/* Who takes the place of another has a time-out of its own; the leader was
 * asked with the other's, and would end the session by that. */
static void
test_the_leader_hears_of_the_last_time_out(void)
{
    struct cc_session one, got;
    struct learner_bench b;
    struct zk_buf out = { 0 };
    int fd, last;
    size_t len;

    open_serving(&b, "", "H D0 L A0 U A0");
    close(new_session(&b, 1, &one));
    lb_play(&b, "p");
    CU_ASSERT(sl_next_of_all(&b.lead));
    fd = come_back(&b, &one);
    last = cc_connect(&b.s);
    cc_put_connect(&out, one.id, one.passwd, 0, false, false);
    zk_put_be32(out.data + 16, 9000);
    cc_send_buf(last, &out);
    CU_ASSERT(cc_is_closed(fd));
    revalidated(&b, one.id, true);
    CU_ASSERT(cc_read_session(last, &got, &len));
    CU_ASSERT_EQUAL(got.timeout_ms, 9000);
    lb_play(&b, "p");
    CU_ASSERT(sl_next_of_all(&b.lead));
    CU_ASSERT_EQUAL(b.lead.qp.type, QP_PING);
    CU_ASSERT_EQUAL_FATAL(b.lead.qp.data.len, 12);
    CU_ASSERT_EQUAL((int64_t) zk_get_be64(b.lead.qp.data.p), one.id);
    CU_ASSERT_EQUAL((int32_t) zk_get_be32(b.lead.qp.data.p + 8), 9000);
    close(fd);
    close(last);
    (void) lb_end(&b);
    zk_buf_fini(&out);
    lb_close(&b);
}

struct waiting {
    struct client_sink sink;
    size_t *closed;
};

static void
waiting_close(struct client_sink *sink, enum disconnect_reason why)
{
    (void) why;
    ++*((struct waiting *) sink)->closed;
}

static void
waiting_unref(struct client_sink *sink)
{
    free(sink);
}

static void
ask(struct learner_bench *b, int64_t session_id, size_t *closed)
{
    static const struct client_sink_ops ops = {
        .close = waiting_close, .unref = waiting_unref,
    };
    struct waiting *w = zk_xcalloc(1, sizeof *w);

    w->sink.ops = &ops;
    w->sink.session_id = session_id;
    w->closed = closed;
    learner_revalidate(b->l, &w->sink, session_id, 10000);
}

/* More would end the link, with all that are there; who comes then may try
 * again. */
static void
test_questions_for_sessions_are_bounded(void)
{
    struct learner_bench b;
    size_t closed = 0;

    open_serving(&b, "syncLimit=600", "H D0 L A0 U A0");
    for (int64_t i = 1; i <= ZAB_MAX_ASKED; i++) {
        ask(&b, i, &closed);
        sl_expect(&b.lead, QP_REVALIDATE, -1);
    }
    CU_ASSERT_EQUAL(closed, 0);
    ask(&b, ZAB_MAX_ASKED + 1, &closed);
    CU_ASSERT_EQUAL(closed, 1);
    ask(&b, 1, &closed);                /* It takes a place that is there. */
    CU_ASSERT_EQUAL(closed, 2);
    lb_play(&b, "p e");                 /* Nothing was asked. */
    (void) lb_end(&b);
    CU_ASSERT_EQUAL(closed, ZAB_MAX_ASKED + 2);
    lb_close(&b);
}

/* A link that breaks says nothing of a session: the client must not hear that
 * it expired. */
static void
test_a_broken_link_expires_no_session(void)
{
    struct cc_session session;
    struct learner_bench b;
    int fd;

    open_serving(&b, "", "H D0 L A0 U A0");
    close(new_session(&b, 1, &session));
    fd = come_back(&b, &session);
    (void) lb_end(&b);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    lb_close(&b);
}

static void
test_a_ping_is_answered_with_the_sessions_that_were_touched(void)
{
    struct cc_session session;
    struct learner_bench b;
    int fd;

    open_serving(&b, "", "H D0 L A0 U A0");
    fd = new_session(&b, 1, &session);
    CU_ASSERT_EQUAL(lb_until(&b, 1), true);
    CU_ASSERT_EQUAL(send(fd, "\0\0\0\10\xff\xff\xff\xfe\0\0\0\13", 12,
                         MSG_NOSIGNAL), 12);
    expect_reply(fd, -2, LB_EPOCH + 1, KE_OK);
    sl_send(&b.lead, QP_PING, LB_EPOCH + 9, ZK_SLICE_NULL);
    CU_ASSERT(sl_next_of_all(&b.lead));
    CU_ASSERT_EQUAL(b.lead.qp.type, QP_PING);
    CU_ASSERT_EQUAL(b.lead.qp.zxid, LB_EPOCH + 9);
    CU_ASSERT_EQUAL(b.lead.qp.data.len, 12);
    CU_ASSERT_EQUAL((int64_t) zk_get_be64(b.lead.qp.data.p), session.id);
    CU_ASSERT_EQUAL((int32_t) zk_get_be32(b.lead.qp.data.p + 8),
                    session.timeout_ms);
    lb_play(&b, "p e");
    close(fd);
    (void) lb_end(&b);
    lb_close(&b);
}

/* ---- the end ----------------------------------------------------------- */

static void
test_clients_go_when_the_link_does(void)
{
    struct zk_buf out = { 0 }, one = { 0 }, two = { 0 };
    struct cc_session session;
    struct learner_bench b;
    int fd;

    open_serving(&b, "", "H D0 L A0 U A0");
    fd = new_session(&b, 1, &session);
    cc_put_create(&out, 1, "/a", 1);        /* Durable and committed; */
    cc_put_create(&out, 2, "/b", 1);        /* durable; */
    cc_put_create(&out, 3, "/c", 1);        /* nowhere yet. */
    cc_send_buf(fd, &out);
    (void) prepare(&b, 2, OP_CREATE, KE_OK, &one);
    (void) prepare(&b, 3, OP_CREATE, KE_OK, &two);
    CU_ASSERT_EQUAL(take(&b).cxid, 3);
    propose(&b, 2, &one);
    expect_reply(fd, 1, LB_EPOCH + 2, KE_OK);
    two.len -= 20;                          /* Not its COMMIT. */
    propose(&b, 3, &two);
    (void) lb_end(&b);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH + 3);
    /* And the port takes nobody until there is a leader again. */
    fd = cc_connect(&b.s);
    cc_put_connect(&out, 0, NULL, 0, false, false);
    cc_send_buf(fd, &out);
    CU_ASSERT(cc_is_closed(fd));
    close(fd);
    zk_buf_fini(&out);
    zk_buf_fini(&one);
    zk_buf_fini(&two);
    lb_close(&b);
}

/* ---- many at once ------------------------------------------------------ */

#define CROWD 6
#define CROWD_SETS 150

struct crowd {
    struct learner_bench *b;
    atomic_int wrong;
};

static void
crowd_run(void *arg)
{
    struct crowd *c = arg;
    struct cc_session session;
    int fd = cc_new_session(&c->b->s, &session);
    struct zk_buf out = { 0 };
    struct cc_reply r = { 0 };

    for (int32_t xid = 1; xid <= CROWD_SETS; xid++) {
        cc_put_set(&out, xid, "/a", 10);
        cc_put_get(&out, 1000 + xid, "/a", false);
        if (xid % 10 == 0) {
            put_sync(&out, 2000 + xid);
        }
        cc_send_buf(fd, &out);  /* Many small ones: many submits. */
    }
    for (int32_t xid = 1; xid <= CROWD_SETS; xid++) {
        c->wrong += !cc_reply(fd, &r) || r.xid != xid || r.err != 0;
        c->wrong += !cc_reply(fd, &r) || r.xid != 1000 + xid || r.err != 0;
        if (xid % 10 == 0) {
            c->wrong += !cc_reply(fd, &r) || r.xid != 2000 + xid
                        || r.err != 0;
        }
    }
    zk_buf_fini(&r.frame);
    zk_buf_fini(&out);
    close(fd);
}

/* A leader that commits what it is asked for until 'n' are done. */
static int64_t
crowd_lead(struct learner_bench *b, int64_t k, int n)
{
    struct zk_buf out = { 0 };

    while (n > 0) {
        struct asked a;

        zk_assert(sl_next(&b->lead));
        if (b->lead.qp.type != QP_REQUEST) {
            continue;           /* An ack. */
        }
        a = asked_in(&b->lead);
        if (a.type == OP_SYNC) {
            quorum_packet_encode(&out, QP_SYNC, 0, ZK_SLICE_NULL);
        } else {
            put_answer(&out, &a, LB_EPOCH + ++k, KE_OK);
        }
        sl_send_raw(&b->lead, out.data, out.len);
        zk_buf_clear(&out);
        n--;
    }
    zk_buf_fini(&out);
    return k;
}

static void
test_many_clients_get_each_their_own_answers(void)
{
    struct zk_thread threads[CROWD] = { 0 };
    struct cc_session session;
    struct learner_bench b;
    struct crowd c = { &b, 0 };
    struct zk_buf out = { 0 };
    int64_t last;
    int fd;

    open_serving(&b, "nio.numSelectorThreads=6", "H D0 L A0 U A0");
    fd = new_session(&b, 1, &session);
    cc_put_create(&out, 1, "/a", 1);
    cc_send_buf(fd, &out);
    (void) serve(&b, 2, OP_CREATE, KE_OK);
    for (size_t i = 0; i < CROWD; i++) {
        zk_thread_start(&threads[i], crowd_run, &c, "Client:%zu", i);
    }
    last = crowd_lead(&b, 2,
                      CROWD * (1 + CROWD_SETS + CROWD_SETS / 10));
    for (size_t i = 0; i < CROWD; i++) {
        zk_thread_join(&threads[i]);
    }
    CU_ASSERT_EQUAL(atomic_load(&c.wrong), 0);
    CU_ASSERT(lb_until(&b, last));
    close(fd);
    (void) lb_end(&b);
    lb_reopen(&b);
    CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH + last);
    zk_buf_fini(&out);
    lb_close(&b);
}

/* The link may go in the middle of it all. */
static void
crowd_break_run(void *arg)
{
    struct crowd *c = arg;
    struct cc_session session;
    int fd = cc_connect(&c->b->s);
    struct zk_buf out = { 0 };
    struct cc_reply r = { 0 };
    size_t len;

    cc_put_connect(&out, 0, NULL, 0, false, false);
    for (int32_t xid = 1; xid <= CROWD_SETS; xid++) {
        cc_put_set(&out, xid, "/a", 10);
    }
    (void) !send(fd, out.data, out.len, MSG_NOSIGNAL);
    (void) cc_read_session(fd, &session, &len);
    while (cc_reply(fd, &r)) {
        c->wrong += r.err != 0;
    }
    zk_buf_fini(&r.frame);
    zk_buf_fini(&out);
    close(fd);
}

static void
test_a_link_that_breaks_under_load_leaves_no_mess(void)
{
    struct learner_bench b;
    int64_t k = 2;

    open_serving(&b, "", "H D0 L A0 U A0");
    for (int round = 0; round < 5; round++) {
        struct zk_thread threads[CROWD] = { 0 };
        struct crowd c = { &b, 0 };
        struct zk_buf out = { 0 };
        int64_t digest;

        if (round == 0) {
            struct cc_session session;
            int fd = new_session(&b, 1, &session);

            cc_put_create(&out, 1, "/a", 1);
            cc_send_buf(fd, &out);
            (void) serve(&b, 2, OP_CREATE, KE_OK);
            close(fd);
            zk_buf_fini(&out);
        } else {
            lb_follow(&b);
            lb_play(&b, "H D0 L A0 U A0");
            zk_assert(cc_until(has_server, &b));
        }
        for (size_t i = 0; i < CROWD; i++) {
            zk_thread_start(&threads[i], crowd_break_run, &c, "Client:%zu",
                            i);
        }
        /* Most have their session, some have some of their answers. */
        k = crowd_lead(&b, k, CROWD + 40 + 50 * round);
        (void) lb_end(&b);
        for (size_t i = 0; i < CROWD; i++) {
            zk_thread_join(&threads[i]);
        }
        CU_ASSERT_EQUAL(atomic_load(&c.wrong), 0);
        k = lb_tree(&b) - LB_EPOCH;
        digest = data_tree_digest(b.db->tree);
        lb_reopen(&b);
        CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH + k);
        CU_ASSERT_EQUAL(data_tree_digest(b.db->tree), digest);
    }
    lb_close(&b);
}

static const struct zk_test tests[] = {
    { "writes go by the leader and come back",
      test_writes_go_by_the_leader_and_come_back },
    { "replies keep the order of requests",
      test_replies_keep_the_order_of_requests },
    { "poison is answered here", test_poison_is_answered_here },
    { "new operations do not reach an old leader",
      test_new_operations_do_not_reach_an_old_leader },
    { "the leader says whether a session lives",
      test_the_leader_says_whether_a_session_lives },
    { "one question for a session at a time",
      test_one_question_for_a_session_at_a_time },
    { "the leader hears of the last time-out",
      test_the_leader_hears_of_the_last_time_out },
    { "questions for sessions are bounded",
      test_questions_for_sessions_are_bounded },
    { "a broken link expires no session",
      test_a_broken_link_expires_no_session },
    { "a PING is answered with the sessions that were touched",
      test_a_ping_is_answered_with_the_sessions_that_were_touched },
    { "clients go when the link does", test_clients_go_when_the_link_does },
    { "many clients get each their own answers",
      test_many_clients_get_each_their_own_answers },
    { "a link that breaks under load leaves no mess",
      test_a_link_that_breaks_under_load_leaves_no_mess },
};

ZK_TEST_MAIN("learner_clients", tests)
