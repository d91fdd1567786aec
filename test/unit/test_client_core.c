/* SPDX-License-Identifier: Apache-2.0 */
/* A client's decisions, without threads, clock or network: the test is the
 * server, and the time. */
#include <config.h>

#include <stdlib.h>

#include "client/client_codec.h"
#include "client/client_core.h"
#include "proto/frame.h"
#include "proto/multi_codec.h"
#include "test/lib/zk_test.h"

#define TIMEOUT 9000            /* So the read time-out is 6000, ... */
#define READ_TIMEOUT 6000
#define PING_AFTER 2000         /* ... and pings come a second before half. */

/* ---- the rig ------------------------------------------------------------ */

static struct client_core *core;
static int64_t now;
static struct zk_buf sent;      /* What the core wanted to be sent. */
static size_t sent_at;

/* What the program was told, in order. */
static char told[8192];
static struct zk_result last;   /* Of the last answer. */

static void
answered(void *arg, const struct zk_result *r)
{
    (void) arg;
    (void) r;
}

static void
hear(void)
{
    struct bq_node *node;

    while ((node = bq_list_pop(&core->deliveries)) != NULL) {
        struct client_delivery *d
            = ZK_CONTAINER_OF(node, struct client_delivery, node);
        size_t at = strlen(told);

        if (d->asker.done != NULL) {
            snprintf(told + at, sizeof told - at, "%s=%s ",
                     (const char *) d->asker.arg,
                     keeper_error_message(d->result.err));
            zk_result_fini(&last);
            last = d->result;
            zk_result_init(&d->result, 0, 0);
        } else if (d->event.type == ZK_EVENT_NONE) {
            snprintf(told + at, sizeof told - at, "[%s] ",
                     zk_keeper_state_name(d->event.state));
        } else {
            snprintf(told + at, sizeof told - at, "<%s %.*s> ",
                     zk_event_type_name(d->event.type), d->event.path.len,
                     d->event.path.p);
        }
        client_delivery_free(d);
    }
}

/* What was told since the last look. */
#define TOLD(text)                                                        \
    do {                                                                  \
        hear();                                                           \
        CU_ASSERT_STRING_EQUAL(told, text);                               \
        if (strcmp(told, text) != 0) {                                    \
            fprintf(stderr, "line %d: told: %s\n", __LINE__, told);       \
        }                                                                 \
        told[0] = '\0';                                                   \
    } while (0)

static void
begin_with(struct zk_client_config cfg)
{
    struct zk_errmsg em = { "" };

    if (cfg.connect_string == NULL) {
        cfg.connect_string = "one:1";
    }
    if (cfg.session_timeout_ms == 0) {
        cfg.session_timeout_ms = TIMEOUT;
    }
    now = 1000;
    told[0] = '\0';
    zk_result_init(&last, 0, 0);
    if (client_core_create(&cfg, 7, now, &core, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
}

static void
end(void)
{
    client_core_destroy(core);
    zk_result_fini(&last);
    zk_buf_fini(&sent);
    sent_at = 0;
}

static enum client_todo
todo(void)
{
    struct client_step step;

    client_core_next(core, now, &step);
    return step.todo;
}

static int64_t
until(void)
{
    struct client_step step;

    client_core_next(core, now, &step);
    return step.until_ms;
}

/* The next request that was sent: its xid, and its op in '*op'; -99: none. */
static int32_t
next_sent(int32_t *op, struct zk_slice *body)
{
    int32_t n;

    (void) client_core_output(core, now, &sent);
    if (sent_at == sent.len) {
        return -99;
    }
    n = (int32_t) zk_get_be32(sent.data + sent_at);
    *op = (int32_t) zk_get_be32(sent.data + sent_at + 8);
    if (body != NULL) {
        *body = zk_slice(sent.data + sent_at + 12, n - 8);
    }
    sent_at += 4 + (size_t) n;
    return (int32_t) zk_get_be32(sent.data + sent_at - (size_t) n);
}

#define SENT(want_xid, want_op)                                           \
    do {                                                                  \
        int32_t op_ = 0;                                                  \
                                                                          \
        CU_ASSERT_EQUAL(next_sent(&op_, NULL), want_xid);                 \
        CU_ASSERT_EQUAL(op_, want_op);                                    \
    } while (0)

static void
no_more_sent(void)
{
    int32_t op;

    CU_ASSERT_EQUAL(next_sent(&op, NULL), -99);
}

/* The ConnectRequest. */
static struct jute_connect_request
hello(bool *read_only)
{
    struct jute_connect_request cr = { 0 };
    struct input_archive ia;

    (void) client_core_output(core, now, &sent);
    CU_ASSERT_EQUAL_FATAL(sent.len - sent_at, 49);
    input_archive_init(&ia, sent.data + sent_at + 4, 45, 100);
    CU_ASSERT_EQUAL(jute_connect_request_decode(&ia, &cr), ZK_OK);
    *read_only = input_archive_bool(&ia);
    sent_at += 49;
    return cr;
}

static int
feed(struct zk_buf *b)
{
    struct zk_errmsg em;
    int rv = client_core_input(core, now, b->data, b->len, &em);

    zk_buf_fini(b);
    return rv;
}

static void
welcome(int32_t timeout, int64_t id, bool read_only)
{
    struct jute_connect_response cr = {
        .time_out = timeout,
        .session_id = id,
        .passwd = ZK_SLICE_LIT("0123456789abcdef"),
    };
    struct zk_buf b = { 0 };
    size_t at = output_archive_frame_begin(&b);

    jute_connect_response_encode(&b, &cr);
    output_archive_bool(&b, read_only);
    output_archive_frame_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

/* Connects and takes the ConnectRequest off. */
static struct jute_connect_request
connected(void)
{
    struct jute_connect_request cr;
    bool read_only;

    now = core->retry_ms > now ? core->retry_ms : now;
    CU_ASSERT_EQUAL(todo(), CLIENT_CONNECT);
    client_core_connected(core, now);
    cr = hello(&read_only);
    return cr;
}

/* A session that stands. */
static void
begin(const char *connect_string)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = connect_string });
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    TOLD("[SyncConnected] ");
}

static struct client_asker
asker_named(const char *name)
{
    return (struct client_asker) { answered, (void *) (uintptr_t) name,
                                   false };
}

static struct client_request *
ask(const char *name, struct zk_op op)
{
    const struct client_asker asker = asker_named(name);

    return client_core_submit(core, &op, &asker);
}

static int
reply(int32_t xid, int64_t zxid, int32_t err)
{
    struct zk_buf b = { 0 };

    frame_reply(&b, xid, zxid, err);
    return feed(&b);
}

static void
reply_stat(int32_t xid, int64_t zxid)
{
    const struct jute_stat stat = { .version = 3 };
    struct zk_buf b = { 0 };
    size_t at = frame_reply_begin(&b, xid, zxid, KE_OK);

    jute_stat_encode(&b, &stat);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

static void
reply_data(int32_t xid, int64_t zxid, const char *data)
{
    const struct jute_stat stat = { .version = 3 };
    struct zk_buf b = { 0 };
    size_t at = frame_reply_begin(&b, xid, zxid, KE_OK);

    output_archive_slice(&b, zk_slice_str(data));
    jute_stat_encode(&b, &stat);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

static void
reply_names(int32_t xid, const char *one, bool with_stat)
{
    const struct jute_stat stat = { .version = 3 };
    struct zk_buf b = { 0 };
    size_t at = frame_reply_begin(&b, xid, 1, KE_OK);

    output_archive_int(&b, 1);
    output_archive_slice(&b, zk_slice_str(one));
    if (with_stat) {
        jute_stat_encode(&b, &stat);
    }
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

static void
event(int32_t type, const char *path)
{
    struct zk_buf b = { 0 };

    frame_watch_event(&b, -1, type, ZK_KEEPER_SYNC_CONNECTED,
                      zk_slice_str(path));
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

/* The owner drops the link, as it is told to. */
static void
drop(void)
{
    CU_ASSERT_EQUAL(todo(), CLIENT_DROP);
    client_core_dropped(core, now);
    sent_at = sent.len;
}

static void
lose(void)
{
    client_core_broken(core, "lost");
    drop();
}

/* ---- sessions ----------------------------------------------------------- */

static void
test_new_session(void)
{
    struct jute_connect_request cr;
    struct client_step step;
    bool read_only;

    begin_with((struct zk_client_config) { .read_only = true });
    client_core_next(core, now, &step);
    CU_ASSERT_EQUAL(step.todo, CLIENT_CONNECT);
    CU_ASSERT_STRING_EQUAL(step.to->host, "one");
    CU_ASSERT_EQUAL(step.to->port, 1);
    CU_ASSERT_EQUAL(step.until_ms, now + TIMEOUT);
    client_core_connected(core, now);
    cr = hello(&read_only);
    CU_ASSERT_TRUE(read_only);
    CU_ASSERT_EQUAL(cr.time_out, TIMEOUT);
    CU_ASSERT_EQUAL(cr.session_id, 0);
    CU_ASSERT_EQUAL(cr.passwd.len, 16);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTING);
    welcome(4000, 0x22, false);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTED);
    CU_ASSERT_EQUAL(core->session_id, 0x22);
    CU_ASSERT_EQUAL(core->timeout_ms, 4000);
    TOLD("[SyncConnected] ");
    end();
}

static void
test_resumes_a_session(void)
{
    struct zk_client_config cfg = { .session_id = 0x77 };
    struct jute_connect_request cr;

    memcpy(cfg.password, "fedcba9876543210", 16);
    begin_with(cfg);
    cr = connected();
    CU_ASSERT_EQUAL(cr.session_id, 0x77);
    CU_ASSERT_TRUE(zk_slice_eq_str(cr.passwd, "fedcba9876543210"));
    end();
}

static void
test_expires(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    lose();
    TOLD("a=ConnectionLoss [Disconnected] ");
    (void) ask("b", zk_op_exists("/b", false));
    CU_ASSERT_EQUAL(connected().session_id, 0x10);
    welcome(0, 0, false);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_EXPIRED);
    drop();
    TOLD("[Expired] b=Session expired ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    CU_ASSERT_PTR_NULL(ask("c", zk_op_exists("/c", false)));
    TOLD("c=Session expired ");
    end();
}

static void
test_comes_back_by_itself(void)
{
    struct jute_connect_request cr;

    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    SENT(1, OP_EXISTS);
    reply_stat(1, 0x500);
    TOLD("a=ok ");
    lose();
    TOLD("[Disconnected] ");
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTING);
    /* All servers (one) were tried: a second, and up to one more. */
    CU_ASSERT(core->retry_ms >= now + 1000 && core->retry_ms < now + 2000);
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    cr = connected();
    CU_ASSERT_EQUAL(cr.session_id, 0x10);
    CU_ASSERT_EQUAL(cr.last_zxid_seen, 0x500);
    CU_ASSERT_TRUE(zk_slice_eq_str(cr.passwd, "0123456789abcdef"));
    welcome(TIMEOUT, 0x10, false);
    TOLD("[SyncConnected] ");
    end();
}

/* What waits while there is no server fails with each that is not there. */
static void
test_failed_connects(void)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = "one:1,two:2,three:3" });
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(core->retry_ms, now);   /* No wait in between. */
        (void) ask("a", zk_op_exists("/a", false));
        CU_ASSERT_EQUAL(todo(), CLIENT_CONNECT);
        now += 10;
        client_core_dropped(core, now);
        TOLD("a=ConnectionLoss ");      /* Never was anything else. */
    }
    CU_ASSERT_EQUAL(core->retry_ms, now + 1000);
    end();
}

static void
test_handshake_has_a_limit(void)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = "one:1,two:2,three:3" });
    (void) connected();
    CU_ASSERT_EQUAL(until(), now + TIMEOUT / 3);
    now += TIMEOUT / 3 - 1;
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    now += 1;
    drop();
    end();
}

static void
test_closes(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    client_core_close(core, &asker);
    CU_ASSERT_PTR_NULL(ask("late", zk_op_exists("/b", false)));
    TOLD("late=ConnectionLoss ");
    SENT(1, OP_EXISTS);
    SENT(2, OP_CLOSE_SESSION);
    no_more_sent();
    CU_ASSERT_EQUAL(reply(1, 5, KE_NO_NODE), ZK_OK);
    CU_ASSERT_EQUAL(reply(2, 6, KE_OK), ZK_OK);
    TOLD("a=NoNode [Closed] close=ok ");
    drop();
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    TOLD("");
    end();
}

static void
test_closes_without_a_server(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    lose();
    TOLD("[Disconnected] ");
    (void) ask("a", zk_op_exists("/a", false));
    client_core_close(core, &asker);
    TOLD("a=ConnectionLoss close=ConnectionLoss [Closed] ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    client_core_close(core, &asker);
    TOLD("close=Session expired ");
    end();
}

static void
test_link_lost_while_closing(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    client_core_close(core, &asker);
    lose();
    TOLD("close=ConnectionLoss [Closed] ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    end();
}

static void
test_abandons(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    client_core_abandon(core);
    TOLD("a=ConnectionLoss [Closed] ");
    drop();
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    TOLD("");
    end();
}

/* ---- time --------------------------------------------------------------- */

static void
test_pings_and_silence(void)
{
    int64_t heard;

    begin(NULL);
    heard = now;
    CU_ASSERT_EQUAL(until(), heard + PING_AFTER);
    no_more_sent();
    now += PING_AFTER;
    CU_ASSERT_EQUAL(until(), now + PING_AFTER);
    SENT(XID_PING, OP_PING);
    CU_ASSERT_EQUAL(reply(XID_PING, 1, KE_OK), ZK_OK);
    now += 500;                 /* A request is as good as a ping. */
    (void) ask("a", zk_op_exists("/a", false));
    SENT(1, OP_EXISTS);
    CU_ASSERT_EQUAL(until(), now + PING_AFTER);
    heard = now - 500;
    now = heard + READ_TIMEOUT - 1;
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    now += 1;
    TOLD("");
    drop();
    TOLD("a=ConnectionLoss [Disconnected] ");
    end();
}

/* Long sessions are pinged every ten seconds, short ones in time. */
static void
test_ping_gaps(void)
{
    static const struct {
        int32_t session, gap;
    } cases[] = {
        { 300000, 10000 }, { 30000, 9000 }, { 4000, 1001 }, { 3000, 1000 },
        { 300, 100 }, { 1, 1 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        begin_with((struct zk_client_config) {
            .session_timeout_ms = cases[i].session });
        (void) connected();
        welcome(cases[i].session, 1, false);
        if (cases[i].session > 1) {
            CU_ASSERT_EQUAL(until(), now + cases[i].gap);
        }
        end();
    }
}

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

/* ---- who we are --------------------------------------------------------- */

static void
test_auth(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("auth", zk_op_auth("digest", ZK_SLICE_LIT("u:p")));
    SENT(1, OP_EXISTS);
    SENT(XID_AUTH, OP_AUTH);
    /* It is answered before what was asked before it. */
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_OK);
    TOLD("auth=ok ");
    lose();
    TOLD("a=ConnectionLoss [Disconnected] ");
    (void) ask("auth2", zk_op_auth("digest", ZK_SLICE_LIT("v:p")));
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    SENT(XID_AUTH, OP_AUTH);
    SENT(XID_AUTH, OP_AUTH);
    no_more_sent();
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_OK);
    TOLD("[SyncConnected] ");
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_OK);
    TOLD("auth2=ok ");
    end();
}

static void
test_auth_fails(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("auth", zk_op_auth("none", ZK_SLICE_NULL));
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_AUTH_FAILED), ZK_OK);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_AUTH_FAILED);
    drop();
    TOLD("[AuthFailed] auth=AuthFailed a=AuthFailed ");
    CU_ASSERT_PTR_NULL(ask("b", zk_op_exists("/b", false)));
    TOLD("b=AuthFailed ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    end();
}

/* ---- read-only servers -------------------------------------------------- */

static void
test_looks_for_a_server_with_a_quorum(void)
{
    struct client_step step;

    begin_with((struct zk_client_config) { .connect_string = "one:1,two:2",
                                           .read_only = true });
    (void) connected();
    welcome(TIMEOUT, 0x1ff, true);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTED_READ_ONLY);
    TOLD("[ConnectedReadOnly] ");
    CU_ASSERT_EQUAL(until(), now + 100);
    now += 100;
    CU_ASSERT_EQUAL(todo(), CLIENT_PROBE);
    client_core_probed(core, now, false);
    CU_ASSERT_EQUAL(until(), now + 200);
    now += 200;
    client_core_next(core, now, &step);
    CU_ASSERT_EQUAL(step.todo, CLIENT_PROBE);
    client_core_probed(core, now, true);
    drop();
    TOLD("[Disconnected] ");
    CU_ASSERT_STRING_EQUAL(core->target.host, core->probed.host);
    /* A session of a read-only server is none that an ensemble knows. */
    CU_ASSERT_EQUAL(connected().session_id, 0);
    welcome(TIMEOUT, 0x20, false);
    TOLD("[SyncConnected] ");
    CU_ASSERT_EQUAL(core->session_id, 0x20);
    end();
}

static void
test_keeps_its_session_over_a_read_only_server(void)
{
    begin_with((struct zk_client_config) { .read_only = true });
    (void) connected();
    welcome(TIMEOUT, 0x20, false);
    lose();
    CU_ASSERT_EQUAL(connected().session_id, 0x20);
    welcome(TIMEOUT, 0x20, true);
    TOLD("[SyncConnected] [Disconnected] [ConnectedReadOnly] ");
    lose();
    CU_ASSERT_EQUAL(connected().session_id, 0x20);
    end();
}

/* ---- servers ------------------------------------------------------------ */

static void
test_connect_strings(void)
{
    static const struct {
        const char *text, *first_host, *chroot;
        int first_port;
        size_t n;
    } good[] = {
        { "a", "a", "", 2181, 1 },
        { "a:", "a", "", 2181, 1 },
        { "a:99/", "a", "", 99, 1 },
        { "a:99/b/c", "a", "/b/c", 99, 1 },
        { "[::1]", "::1", "", 2181, 1 },
        { "[::1]:77", "::1", "", 77, 1 },
        { " a:1 , ,", "a", "", 1, 1 },
        { ":5", "localhost", "", 5, 1 },
    };
    static const char *const bad[] = {
        "", "/a", ",", "a:x", "a:0", "a:65536", "a:-1", "a:1/b/", "a:1//b",
        "[::1", "[::1]x", "a:123456789012345678901",
    };
    struct host_provider hp;
    struct zk_errmsg em;
    unsigned seen = 0;
    bool round;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(good); i++) {
        CU_ASSERT_EQUAL_FATAL(
            host_provider_init(&hp, good[i].text, i, &em), ZK_OK);
        CU_ASSERT_EQUAL(hp.n, good[i].n);
        CU_ASSERT_STRING_EQUAL(hp.v[0].host, good[i].first_host);
        CU_ASSERT_EQUAL(hp.v[0].port, good[i].first_port);
        CU_ASSERT_STRING_EQUAL(hp.chroot, good[i].chroot);
        host_provider_fini(&hp);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        CU_ASSERT_EQUAL(host_provider_init(&hp, bad[i], i, &em),
                        ZK_ECONFIG);
    }
    CU_ASSERT_EQUAL(host_provider_init(&hp, NULL, 0, &em), ZK_ECONFIG);

    /* Each order comes up. */
    for (uint64_t seed = 1; seed < 100; seed++) {
        CU_ASSERT_EQUAL(host_provider_init(&hp, "a:1,b:2,[::1]:3", seed,
                                           &em), ZK_OK);
        CU_ASSERT_EQUAL(hp.v[0].port + hp.v[1].port + hp.v[2].port, 6);
        seen |= 1U << (hp.v[0].port * 3 + hp.v[1].port);
        (void) host_provider_next(&hp, &round);
        CU_ASSERT_FALSE(round);
        host_provider_fini(&hp);
    }
    CU_ASSERT_EQUAL(__builtin_popcount(seen), 6);
}

static void
test_other_servers(void)
{
    struct zk_errmsg em;

    begin("one:1");
    CU_ASSERT_EQUAL(client_core_update_servers(core, "two:2,one:1", &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    CU_ASSERT_EQUAL(client_core_update_servers(core, "two:2/x", &em),
                    ZK_ECONFIG);
    CU_ASSERT_EQUAL(client_core_update_servers(core, "two:2", &em), ZK_OK);
    drop();
    CU_ASSERT_STRING_EQUAL(core->target.host, "two");
    TOLD("[Disconnected] ");
    CU_ASSERT_EQUAL(client_core_update_servers(core, "three:3", &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(core->target.host, "three");
    end();
}

static const struct zk_test tests[] = {
    { "a new session", test_new_session },
    { "a session is gone on with", test_resumes_a_session },
    { "a session expires", test_expires },
    { "a lost link is made again, the session stays",
      test_comes_back_by_itself },
    { "servers that are not there", test_failed_connects },
    { "a handshake has a limit", test_handshake_has_a_limit },
    { "closes behind what was asked", test_closes },
    { "closes without a server", test_closes_without_a_server },
    { "the link is lost while it closes", test_link_lost_while_closing },
    { "abandons", test_abandons },
    { "pings, and leaves who is silent", test_pings_and_silence },
    { "when pings are due", test_ping_gaps },
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
    { "auth, and again to the next server", test_auth },
    { "auth fails", test_auth_fails },
    { "read-only: looks for a server with a quorum",
      test_looks_for_a_server_with_a_quorum },
    { "read-only: keeps its session",
      test_keeps_its_session_over_a_read_only_server },
    { "connect strings", test_connect_strings },
    { "other servers", test_other_servers },
};

ZK_TEST_MAIN("client_core", tests)
