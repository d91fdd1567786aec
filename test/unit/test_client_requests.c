/* SPDX-License-Identifier: Apache-2.0 */
/* A client's decisions, without threads, clock or network: requests, their
 * answers, and watches. */
#include <config.h>

#include "proto/multi_codec.h"
#include "test/unit/client_rig.h"

/* ---- requests ----------------------------------------------------------- */

static void
test_answers_come_in_order(void)
{
    begin(NULL);
    (void) ask("a", zk_op_get_data("/a", false));
    (void) ask("b", zk_op_set_data("/b", ZK_SLICE_LIT("x"), 4));
    (void) ask("c", zk_op_delete("/c", -1));
    SENT(1, OP_GET_DATA);
    SENT(2, OP_SET_DATA);
    SENT(3, OP_DELETE);
    no_more_sent();
    reply_data(1, 0x11, "data");
    TOLD("a=ok ");
    CU_ASSERT_TRUE(zk_slice_eq_str(last.data, "data"));
    CU_ASSERT_EQUAL(last.zxid, 0x11);
    CU_ASSERT_TRUE(last.has_stat && last.stat.version == 3);
    reply_stat(2, 0x12);
    CU_ASSERT_EQUAL(reply(3, 0x13, KE_NOT_EMPTY), ZK_OK);
    TOLD("b=ok c=Directory not empty ");
    CU_ASSERT_EQUAL(core->last_zxid, 0x13);
    end();
}

static void
test_nonsense_breaks_the_link(void)
{
    struct zk_buf b = { 0 };

    begin(NULL);                /* An answer to nothing. */
    CU_ASSERT_EQUAL(reply(1, 1, KE_OK), ZK_EMARSHAL);
    drop();
    end();

    begin(NULL);                /* An answer to another request. */
    (void) ask("a", zk_op_exists("/a", false));
    CU_ASSERT_EQUAL(reply(2, 1, KE_OK), ZK_EMARSHAL);
    drop();
    TOLD("a=ConnectionLoss [Disconnected] ");
    end();

    begin(NULL);                /* An answer that is cut off. */
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("b", zk_op_exists("/a", false));
    CU_ASSERT_EQUAL(reply(1, 1, KE_OK), ZK_EMARSHAL);
    drop();
    TOLD("a=MarshallingError b=ConnectionLoss [Disconnected] ");
    end();

    begin(NULL);                /* A length that makes no sense. */
    output_archive_int(&b, JUTE_MAX_BUFFER_DEFAULT + 1);
    CU_ASSERT_EQUAL(feed(&b), ZK_ETOOBIG);
    drop();
    end();

    begin(NULL);
    b = (struct zk_buf) { 0 };
    output_archive_int(&b, -1);
    CU_ASSERT_EQUAL(feed(&b), ZK_ETOOBIG);
    drop();
    end();

    begin(NULL);                /* An auth that was not sent. */
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_EMARSHAL);
    drop();
    end();
}

/* Bytes come as the network likes. */
static void
test_frames_in_pieces(void)
{
    struct zk_buf b = { 0 };
    struct zk_errmsg em;

    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("b", zk_op_exists("/b", false));
    frame_reply(&b, 1, 1, KE_NO_NODE);
    frame_reply(&b, 2, 1, KE_NO_AUTH);
    for (size_t i = 0; i < b.len; i++) {
        CU_ASSERT_EQUAL(client_core_input(core, now, b.data + i, 1, &em),
                        ZK_OK);
    }
    zk_buf_fini(&b);
    TOLD("a=NoNode b=NoAuth ");
    end();
}

static void
test_what_is_held_is_sent_later(void)
{
    int32_t op;

    begin_with((struct zk_client_config) { .connect_string = "one:1" });
    (void) ask("a", zk_op_exists("/a", false));
    (void) connected();
    (void) ask("b", zk_op_exists("/b", false));
    CU_ASSERT_EQUAL(next_sent(&op, NULL), -99);
    welcome(TIMEOUT, 1, false);
    SENT(1, OP_EXISTS);
    SENT(2, OP_EXISTS);
    no_more_sent();
    end();
}

static void
test_bad_requests_are_not_sent(void)
{
    struct zk_op sub = zk_op_delete("/a/", -1);

    begin(NULL);
    CU_ASSERT_PTR_NULL(ask("a", zk_op_exists("a", false)));
    CU_ASSERT_PTR_NULL(ask("b", zk_op_exists("/a/", false)));
    CU_ASSERT_PTR_NULL(ask("c", zk_op_exists(NULL, false)));
    CU_ASSERT_PTR_NULL(ask("d", zk_op_multi(&sub, 1)));
    TOLD("a=BadArguments b=BadArguments c=BadArguments d=BadArguments ");
    sub = zk_op_get_data("/a", false);  /* A read in a multi. */
    CU_ASSERT_PTR_NULL(ask("e", zk_op_multi(&sub, 1)));
    CU_ASSERT_PTR_NULL(ask("f", zk_op_check("/a", 1)));
    TOLD("e=MarshallingError f=MarshallingError ");
    no_more_sent();
    /* A sequential node's number follows, so the path may end like this. */
    (void) ask("g", zk_op_create("/a/", ZK_SLICE_NULL, ZK_SLICE_NULL,
                                 CREATE_EPHEMERAL_SEQUENTIAL, 0));
    SENT(1, OP_CREATE);
    end();
}

static void
test_forgotten_requests(void)
{
    struct client_request *req;

    begin(NULL);
    req = ask("a", zk_op_exists("/a", false));
    (void) ask("b", zk_op_exists("/b", false));
    client_core_forget(req);
    CU_ASSERT_EQUAL(reply(1, 1, KE_NO_NODE), ZK_OK);
    CU_ASSERT_EQUAL(reply(2, 1, KE_NO_NODE), ZK_OK);
    TOLD("b=NoNode ");
    end();
}

static void
test_xids_never_reach_the_special_ones(void)
{
    begin(NULL);
    core->next_xid = INT32_MAX - 1;
    (void) ask("a", zk_op_who_am_i());
    (void) ask("b", zk_op_who_am_i());
    SENT(INT32_MAX - 1, OP_WHO_AM_I);
    SENT(1, OP_WHO_AM_I);
    end();
}

/* Java's choice of operation, and the bytes of each. */
static void
test_creates(void)
{
    static const struct {
        int32_t mode, op, op2;
    } cases[] = {
        { CREATE_PERSISTENT, OP_CREATE, OP_CREATE2 },
        { CREATE_EPHEMERAL, OP_CREATE, OP_CREATE2 },
        { CREATE_PERSISTENT_SEQUENTIAL, OP_CREATE, OP_CREATE2 },
        { CREATE_EPHEMERAL_SEQUENTIAL, OP_CREATE, OP_CREATE2 },
        { CREATE_CONTAINER, OP_CREATE_CONTAINER, OP_CREATE_CONTAINER },
        { CREATE_PERSISTENT_WITH_TTL, OP_CREATE_TTL, OP_CREATE_TTL },
        { CREATE_PERSISTENT_SEQUENTIAL_WITH_TTL, OP_CREATE_TTL,
          OP_CREATE_TTL },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct input_archive ia;
        struct create_view v;
        struct zk_slice body;
        int32_t op;

        begin("one:1/root");
        (void) ask("a", zk_op_create("/a", ZK_SLICE_LIT("d"), ZK_SLICE_NULL,
                                     cases[i].mode, 5000));
        (void) ask("b", zk_op_create2("/", ZK_SLICE_NULL, acl_raw_read_only,
                                      cases[i].mode, 5000));
        CU_ASSERT_EQUAL(next_sent(&op, &body), 1);
        CU_ASSERT_EQUAL(op, cases[i].op);
        input_archive_init(&ia, body.p, (size_t) body.len, 1000);
        CU_ASSERT_EQUAL(create_view_decode(&v, op, &ia), ZK_OK);
        CU_ASSERT_EQUAL(input_archive_left(&ia), 0);
        CU_ASSERT_TRUE(zk_slice_eq_str(v.path, "/root/a"));
        CU_ASSERT_TRUE(zk_slice_eq_str(v.data, "d"));
        CU_ASSERT_TRUE(zk_slice_eq(v.acl, acl_raw_open));
        CU_ASSERT_EQUAL(v.flags, cases[i].mode);
        CU_ASSERT_EQUAL(v.ttl, op == OP_CREATE_TTL ? 5000 : -1);
        CU_ASSERT_EQUAL(next_sent(&op, &body), 2);
        CU_ASSERT_EQUAL(op, cases[i].op2);
        input_archive_init(&ia, body.p, (size_t) body.len, 1000);
        CU_ASSERT_EQUAL(create_view_decode(&v, op, &ia), ZK_OK);
        CU_ASSERT_TRUE(zk_slice_eq_str(v.path, "/root"));
        CU_ASSERT_TRUE(zk_slice_is_null(v.data));
        CU_ASSERT_TRUE(zk_slice_eq(v.acl, acl_raw_read_only));
        end();
    }
}

static void
test_multi(void)
{
    struct zk_op ops[] = {
        zk_op_create("/a", ZK_SLICE_NULL, ZK_SLICE_NULL, CREATE_PERSISTENT,
                     0),
        zk_op_set_data("/b", ZK_SLICE_LIT("x"), 2),
        zk_op_check("/c", 3),
        zk_op_delete("/d", 4),
    };
    const struct jute_stat stat = { .version = 9 };
    struct multi_request mr;
    struct multi_op mo;
    struct zk_slice body;
    struct zk_buf b = { 0 };
    size_t at;
    int32_t op, where = -1;

    begin("one:1/r");
    (void) ask("m", zk_op_multi(ops, 4));
    CU_ASSERT_EQUAL(next_sent(&op, &body), 1);
    multi_request_init(&mr, OP_MULTI, body.p, (size_t) body.len, 1000);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_CREATE);
    CU_ASSERT_TRUE(zk_slice_eq_str(mo.path, "/r/a"));
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT(mo.type == OP_SET_DATA && mo.version == 2);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT(mo.type == OP_CHECK && mo.version == 3);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT(mo.type == OP_DELETE && mo.version == 4);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 0);

    at = frame_reply_begin(&b, 1, 7, KE_OK);
    multi_result_create2(&b, ZK_SLICE_LIT("/r/a"), &stat);
    multi_result_set_data(&b, &stat);
    multi_result_check(&b);
    multi_result_delete(&b);
    multi_result_end(&b);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
    TOLD("m=ok ");
    CU_ASSERT_EQUAL_FATAL(last.n_results, 4);
    CU_ASSERT_TRUE(zk_slice_eq_str(last.results[0].path, "/a"));
    CU_ASSERT_EQUAL(last.results[0].stat.version, 9);
    CU_ASSERT_EQUAL(last.results[3].type, OP_DELETE);
    CU_ASSERT_EQUAL(zk_result_multi_err(&last, &where), KE_OK);

    (void) ask("n", zk_op_multi(ops, 4));
    b = (struct zk_buf) { 0 };
    at = frame_reply_begin(&b, 2, 8, KE_OK);
    multi_result_error(&b, KE_OK);
    multi_result_error(&b, KE_BAD_VERSION);
    multi_result_error(&b, KE_RUNTIME_INCONSISTENCY);
    multi_result_error(&b, KE_RUNTIME_INCONSISTENCY);
    multi_result_end(&b);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
    TOLD("n=ok ");
    CU_ASSERT_EQUAL(zk_result_multi_err(&last, &where), KE_BAD_VERSION);
    CU_ASSERT_EQUAL(where, 1);
    end();
}

static void
test_multi_read(void)
{
    struct zk_op ops[] = { zk_op_get_data("/a", true),
                           zk_op_get_children("/b", false),
                           zk_op_get_data("/c", false) };
    const struct jute_stat stat = { .version = 9 };
    struct multi_request mr;
    struct multi_op mo;
    struct zk_slice body;
    struct zk_buf b = { 0 };
    size_t at;
    int32_t op;

    begin(NULL);
    (void) ask("m", zk_op_multi_read(ops, 3));
    CU_ASSERT_EQUAL(next_sent(&op, &body), 1);
    CU_ASSERT_EQUAL(op, OP_MULTI_READ);
    multi_request_init(&mr, op, body.p, (size_t) body.len, 1000);
    CU_ASSERT(multi_request_next(&mr, &mo) == 1 && mo.type == OP_GET_DATA);
    CU_ASSERT(multi_request_next(&mr, &mo) == 1
              && mo.type == OP_GET_CHILDREN);
    at = frame_reply_begin(&b, 1, 7, KE_OK);
    multi_result_get_data(&b, ZK_SLICE_LIT("data"), &stat);
    multi_result_get_children(&b);
    output_archive_int(&b, 2);
    output_archive_slice(&b, ZK_SLICE_LIT("x"));
    output_archive_slice(&b, ZK_SLICE_LIT("y"));
    multi_result_error(&b, KE_NO_NODE);
    multi_result_end(&b);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
    TOLD("m=ok ");
    CU_ASSERT_EQUAL_FATAL(last.n_results, 3);
    CU_ASSERT_TRUE(zk_slice_eq_str(last.results[0].data, "data"));
    CU_ASSERT_EQUAL_FATAL(last.results[1].children.n, 2);
    CU_ASSERT_TRUE(zk_slice_eq_str(last.results[1].children.v[1], "y"));
    CU_ASSERT_EQUAL(last.results[2].err, KE_NO_NODE);
    /* A multiRead sets no watches. */
    event(ZK_EVENT_DATA_CHANGED, "/a");
    TOLD("");
    end();
}

static void
test_other_answers(void)
{
    struct zk_buf b = { 0 };
    size_t at;

    begin("one:1/r");
    (void) ask("e", zk_op_get_ephemerals("/"));
    reply_names(1, "/r/x", false);
    CU_ASSERT_EQUAL(last.n_results, 0);
    TOLD("e=ok ");
    CU_ASSERT(last.names.n == 1
              && zk_slice_eq_str(last.names.v[0], "/x"));

    (void) ask("n", zk_op_get_all_children_number("/"));
    at = frame_reply_begin(&b, 2, 7, KE_OK);
    output_archive_int(&b, 42);
    frame_reply_end(&b, at);
    (void) ask("w", zk_op_who_am_i());
    at = frame_reply_begin(&b, 3, 7, KE_OK);
    output_archive_int(&b, 1);
    output_archive_slice(&b, ZK_SLICE_LIT("ip"));
    output_archive_slice(&b, ZK_SLICE_LIT("::1"));
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
    TOLD("n=ok w=ok ");
    CU_ASSERT(last.who.n == 1
              && zk_slice_eq_str(last.who.v[0].user, "::1"));

    (void) ask("a", zk_op_get_acl("/a"));
    b = (struct zk_buf) { 0 };
    at = frame_reply_begin(&b, 4, 7, KE_OK);
    acl_raw_append(&b, acl_raw_read_only);
    jute_stat_encode(&b, &(struct jute_stat) { .aversion = 2 });
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
    TOLD("a=ok ");
    CU_ASSERT_TRUE(zk_slice_eq(last.acl, acl_raw_read_only));
    CU_ASSERT_EQUAL(last.stat.aversion, 2);
    end();
}

/* ---- watches ------------------------------------------------------------ */

static void
test_watches_fire_once(void)
{
    begin(NULL);
    (void) ask("d", zk_op_get_data("/a", true));
    reply_data(1, 1, "x");
    (void) ask("c", zk_op_get_children("/a", true));
    reply_names(2, "b", true);
    (void) ask("e", zk_op_exists("/new", true));
    CU_ASSERT_EQUAL(reply(3, 1, KE_NO_NODE), ZK_OK);
    (void) ask("f", zk_op_get_data("/gone", true));
    CU_ASSERT_EQUAL(reply(4, 1, KE_NO_NODE), ZK_OK);
    TOLD("d=ok c=ok e=NoNode f=NoNode ");
    event(ZK_EVENT_CHILDREN_CHANGED, "/a");
    event(ZK_EVENT_DATA_CHANGED, "/a");
    event(ZK_EVENT_CREATED, "/new");
    event(ZK_EVENT_CREATED, "/gone");   /* getData of nothing watches not. */
    TOLD("<NodeChildrenChanged /a> <NodeDataChanged /a> <NodeCreated /new> ");
    event(ZK_EVENT_CHILDREN_CHANGED, "/a");
    event(ZK_EVENT_DATA_CHANGED, "/a");
    event(ZK_EVENT_CREATED, "/new");
    TOLD("");
    CU_ASSERT_EQUAL(client_watches_count(&core->watches), 0);
    end();
}

static void
test_a_delete_takes_all_watches_of_the_node(void)
{
    begin(NULL);
    (void) ask("d", zk_op_get_data("/a", true));
    reply_data(1, 1, "x");
    (void) ask("c", zk_op_get_children("/a", true));
    reply_names(2, "b", true);
    TOLD("d=ok c=ok ");
    event(ZK_EVENT_DELETED, "/a");
    TOLD("<NodeDeleted /a> ");
    CU_ASSERT_EQUAL(client_watches_count(&core->watches), 0);
    end();
}

static void
reply_watch_added(int32_t xid)
{
    struct zk_buf b = { 0 };
    size_t at = frame_reply_begin(&b, xid, 1, KE_OK);

    output_archive_int(&b, 0);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

static void
test_persistent_watches_stay(void)
{
    begin(NULL);
    (void) ask("p", zk_op_add_watch("/p", ZK_WATCH_PERSISTENT));
    reply_watch_added(1);
    (void) ask("r", zk_op_add_watch("/r", ZK_WATCH_PERSISTENT_RECURSIVE));
    reply_watch_added(2);
    TOLD("p=ok r=ok ");
    for (int i = 0; i < 2; i++) {
        event(ZK_EVENT_DATA_CHANGED, "/p");
        event(ZK_EVENT_CHILDREN_CHANGED, "/p");
        event(ZK_EVENT_CREATED, "/p/below");
        event(ZK_EVENT_CREATED, "/r/x/y");
        event(ZK_EVENT_DELETED, "/r");
        event(ZK_EVENT_CHILDREN_CHANGED, "/r/x");
        event(ZK_EVENT_CREATED, "/rest");
        TOLD("<NodeDataChanged /p> <NodeChildrenChanged /p> "
             "<NodeCreated /r/x/y> <NodeDeleted /r> ");
    }
    (void) ask("root", zk_op_add_watch("/", ZK_WATCH_PERSISTENT_RECURSIVE));
    reply_watch_added(3);
    event(ZK_EVENT_CREATED, "/any");
    event(ZK_EVENT_DATA_CHANGED, "/");
    TOLD("root=ok <NodeCreated /any> <NodeDataChanged /> ");
    event(99, "/any");          /* From another age. */
    TOLD("");
    end();
}

static void
test_removes_watches(void)
{
    begin("one:1/r");
    (void) ask("p", zk_op_add_watch("/p", ZK_WATCH_PERSISTENT));
    reply_watch_added(1);
    (void) ask("d", zk_op_get_data("/p", true));
    reply_data(2, 1, "x");
    (void) ask("c", zk_op_get_children("/p", true));
    reply_names(3, "b", true);
    TOLD("p=ok d=ok c=ok ");

    (void) ask("x", zk_op_remove_watches("/p", ZK_WATCHER_CHILDREN, false));
    CU_ASSERT_EQUAL(reply(4, 1, KE_OK), ZK_OK);
    TOLD("<ChildWatchRemoved /p> x=ok ");
    (void) ask("x", zk_op_remove_watches("/p", ZK_WATCHER_CHILDREN, false));
    CU_ASSERT_EQUAL(reply(5, 1, KE_OK), ZK_OK);
    TOLD("x=No such watcher ");
    /* The server refuses: nothing is removed here. */
    (void) ask("x", zk_op_remove_watches("/p", ZK_WATCHER_ANY, false));
    CU_ASSERT_EQUAL(reply(6, 1, KE_NO_WATCHER), ZK_OK);
    TOLD("x=No such watcher ");
    event(ZK_EVENT_CHILDREN_CHANGED, "/r/p");
    TOLD("<NodeChildrenChanged /p> ");
    /* It cannot be asked, and need not. */
    (void) ask("x", zk_op_remove_watches("/p", ZK_WATCHER_ANY, true));
    lose();
    TOLD("<DataWatchRemoved /p> <PersistentWatchRemoved /p> x=ok "
         "[Disconnected] ");
    CU_ASSERT_EQUAL(client_watches_count(&core->watches), 0);
    end();
}

static void
test_watches_are_said_again(void)
{
    struct jute_set_watches2 sw;
    struct jute_set_watches old;
    struct input_archive ia;
    struct zk_slice body;
    int32_t op;

    begin("one:1/r");
    (void) ask("d", zk_op_get_data("/d", true));
    reply_data(1, 0x77, "x");
    (void) ask("c", zk_op_get_children("/c", true));
    reply_names(2, "b", true);
    core->last_zxid = 0x99;
    (void) ask("e", zk_op_exists("/e", true));
    CU_ASSERT_EQUAL(reply(3, 0x99, KE_NO_NODE), ZK_OK);
    (void) ask("config", zk_op_get_config(true));
    reply_data(4, 0x99, "version=0");
    lose();
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    CU_ASSERT_EQUAL(next_sent(&op, &body), XID_SET_WATCHES);
    CU_ASSERT_EQUAL(op, OP_SET_WATCHES);
    input_archive_init(&ia, body.p, (size_t) body.len, 1000);
    CU_ASSERT_EQUAL(jute_set_watches_decode(&ia, &old), ZK_OK);
    CU_ASSERT_EQUAL(old.relative_zxid, 0x99);
    CU_ASSERT_EQUAL_FATAL(old.data_watches.n, 2);
    CU_ASSERT_EQUAL_FATAL(old.exist_watches.n, 1);
    CU_ASSERT_EQUAL_FATAL(old.child_watches.n, 1);
    CU_ASSERT_TRUE(zk_slice_eq_str(old.data_watches.v[0], "/r/d"));
    CU_ASSERT_TRUE(zk_slice_eq_str(old.data_watches.v[1],
                                   "/zookeeper/config"));
    CU_ASSERT_TRUE(zk_slice_eq_str(old.exist_watches.v[0], "/r/e"));
    jute_set_watches_fini(&old);
    CU_ASSERT_EQUAL(reply(XID_SET_WATCHES, 0x99, KE_OK), ZK_OK);

    (void) ask("p", zk_op_add_watch("/", ZK_WATCH_PERSISTENT_RECURSIVE));
    SENT(5, OP_ADD_WATCH);
    reply_watch_added(5);
    lose();
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    CU_ASSERT_EQUAL(next_sent(&op, &body), XID_SET_WATCHES);
    CU_ASSERT_EQUAL(op, OP_SET_WATCHES2);
    input_archive_init(&ia, body.p, (size_t) body.len, 1000);
    CU_ASSERT_EQUAL(jute_set_watches2_decode(&ia, &sw), ZK_OK);
    CU_ASSERT_EQUAL_FATAL(sw.persistent_recursive_watches.n, 1);
    CU_ASSERT_TRUE(zk_slice_eq_str(sw.persistent_recursive_watches.v[0],
                                   "/r"));
    jute_set_watches2_fini(&sw);
    no_more_sent();
    told[0] = '\0';
    hear();
    told[0] = '\0';
    event(ZK_EVENT_DATA_CHANGED, "/zookeeper/config");
    event(ZK_EVENT_DATA_CHANGED, "/r/d");
    TOLD("<NodeDataChanged /zookeeper/config> <NodeDataChanged /d> ");
    end();
}

/* None is lost or said twice where the list is cut. */
static void
test_many_watches_are_said_in_parts(void)
{
    enum { WATCHES = 3000 };
    char name[1000];
    struct jute_set_watches2 sw;
    struct input_archive ia;
    struct zk_slice body;
    int32_t op, n = 0, n_recursive = 0, parts = 0;

    begin(NULL);
    memset(name, 'n', sizeof name);
    for (unsigned i = 0; i < WATCHES; i++) {
        snprintf(name, sizeof name, "/%0100u", i);
        client_watches_add(&core->watches, name,
                           i % 2 ? CLIENT_WATCH_DATA | CLIENT_WATCH_RECURSIVE
                                 : CLIENT_WATCH_DATA);
    }
    lose();
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    while (next_sent(&op, &body) == XID_SET_WATCHES) {
        CU_ASSERT(body.len < 2 * CLIENT_SET_WATCHES_MAX);
        input_archive_init(&ia, body.p, (size_t) body.len, 1000);
        memset(&sw, 0, sizeof sw);
        if (op == OP_SET_WATCHES) {
            struct jute_set_watches old;

            CU_ASSERT_EQUAL(jute_set_watches_decode(&ia, &old), ZK_OK);
            n += old.data_watches.n;
            jute_set_watches_fini(&old);
        } else {
            CU_ASSERT_EQUAL(jute_set_watches2_decode(&ia, &sw), ZK_OK);
            n += sw.data_watches.n;
            n_recursive += sw.persistent_recursive_watches.n;
            jute_set_watches2_fini(&sw);
        }
        parts++;
    }
    CU_ASSERT_EQUAL(n, WATCHES);
    CU_ASSERT_EQUAL(n_recursive, WATCHES / 2);
    CU_ASSERT_EQUAL(parts, 4);
    end();
}

static const struct zk_test tests[] = {
    { "answers come in order", test_answers_come_in_order },
    { "nonsense breaks the link", test_nonsense_breaks_the_link },
    { "frames come in pieces", test_frames_in_pieces },
    { "what waits for a session is sent then",
      test_what_is_held_is_sent_later },
    { "bad requests are not sent", test_bad_requests_are_not_sent },
    { "forgotten requests", test_forgotten_requests },
    { "xids begin again", test_xids_never_reach_the_special_ones },
    { "creates of all modes", test_creates },
    { "multi", test_multi },
    { "multiRead", test_multi_read },
    { "other answers", test_other_answers },
    { "watches fire once", test_watches_fire_once },
    { "a delete takes all watches of the node",
      test_a_delete_takes_all_watches_of_the_node },
    { "persistent watches stay", test_persistent_watches_stay },
    { "removes watches", test_removes_watches },
    { "watches are said again", test_watches_are_said_again },
    { "many watches are said in parts",
      test_many_watches_are_said_in_parts },
};

ZK_TEST_MAIN("client_requests", tests)
