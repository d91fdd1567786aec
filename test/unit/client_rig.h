/* SPDX-License-Identifier: Apache-2.0 */
/* client_rig.h: a client's core, to which the test is the server and the
 * time. */
#ifndef TEST_CLIENT_RIG_H
#define TEST_CLIENT_RIG_H

#include <stdlib.h>

#include "client/client_codec.h"
#include "client/client_core.h"
#include "proto/frame.h"
#include "test/lib/zk_test.h"

#define TIMEOUT 9000            /* So the read time-out is 6000, ... */
#define READ_TIMEOUT 6000
#define PING_AFTER 2000         /* ... and pings come a second before half. */

static struct client_core *core;
static int64_t now;
static struct zk_buf sent;      /* What the core wanted to be sent. */
static size_t sent_at;

/* What the program was told, in order. */
static char told[8192];
static struct zk_result last;   /* Of the last answer. */

static inline void
answered(void *arg, const struct zk_result *r)
{
    (void) arg;
    (void) r;
}

static inline void
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

static inline void
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

static inline void
end(void)
{
    client_core_destroy(core);
    zk_result_fini(&last);
    zk_buf_fini(&sent);
    sent_at = 0;
}

static inline enum client_todo
todo(void)
{
    struct client_step step;

    client_core_next(core, now, &step);
    return step.todo;
}

static inline int64_t
until(void)
{
    struct client_step step;

    client_core_next(core, now, &step);
    return step.until_ms;
}

/* The next request that was sent: its xid, and its op in '*op'; -99: none,
 * and '*op' and '*body' are nothing. */
static inline int32_t
next_sent(int32_t *op, struct zk_slice *body)
{
    int32_t n;

    *op = 0;
    if (body != NULL) {
        *body = ZK_SLICE_NULL;
    }
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

static inline void
no_more_sent(void)
{
    int32_t op;

    CU_ASSERT_EQUAL(next_sent(&op, NULL), -99);
}

/* The ConnectRequest. */
static inline struct jute_connect_request
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

static inline int
feed(struct zk_buf *b)
{
    struct zk_errmsg em;
    int rv = client_core_input(core, now, b->data, b->len, &em);

    zk_buf_fini(b);
    return rv;
}

static inline void
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
static inline struct jute_connect_request
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
static inline void
begin(const char *connect_string)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = connect_string });
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    TOLD("[SyncConnected] ");
}

static inline struct client_asker
asker_named(const char *name)
{
    return (struct client_asker) { answered, (void *) (uintptr_t) name,
                                   false };
}

static inline struct client_request *
ask(const char *name, struct zk_op op)
{
    const struct client_asker asker = asker_named(name);

    return client_core_submit(core, &op, &asker);
}

static inline int
reply(int32_t xid, int64_t zxid, int32_t err)
{
    struct zk_buf b = { 0 };

    frame_reply(&b, xid, zxid, err);
    return feed(&b);
}

static inline void
reply_stat(int32_t xid, int64_t zxid)
{
    const struct jute_stat stat = { .version = 3 };
    struct zk_buf b = { 0 };
    size_t at = frame_reply_begin(&b, xid, zxid, KE_OK);

    jute_stat_encode(&b, &stat);
    frame_reply_end(&b, at);
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

static inline void
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

static inline void
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

static inline void
event(int32_t type, const char *path)
{
    struct zk_buf b = { 0 };

    frame_watch_event(&b, -1, type, ZK_KEEPER_SYNC_CONNECTED,
                      zk_slice_str(path));
    CU_ASSERT_EQUAL(feed(&b), ZK_OK);
}

/* The owner drops the link, as it is told to. */
static inline void
drop(void)
{
    CU_ASSERT_EQUAL(todo(), CLIENT_DROP);
    client_core_dropped(core, now);
    sent_at = sent.len;
}

static inline void
lose(void)
{
    client_core_broken(core, "lost");
    drop();
}

#endif
