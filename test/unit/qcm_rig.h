/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * qcm_rig.h: the links of an election on loopback: server 20 under test, its
 * peers 10 and 30 (and strangers) played by plain sockets.
 */
#ifndef TEST_QCM_RIG_H
#define TEST_QCM_RIG_H

#include "election/quorum_cnx_manager.h"

#include <errno.h>
#include <sched.h>

#include "election/initial_message.h"
#include "election/qcm_internal.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/unit/unhex.h"
#include "util/zk_bytes.h"
#include "util/zk_time.h"

#define MINE 20
#define SMALLER 10
#define LARGER 30
#define STRANGER 5
#define FAR_MS (ZK_TEST_WAIT_S * INT64_C(1000))

static char loopback[] = "127.0.0.1";

struct rig {
    struct server_config config;
    struct server_address servers[3];
    struct host_port election[3];
    struct quorum_cnx_manager *qcm;
    _Atomic int changes;
};

static inline void
rig_link_changed(void *self, int64_t sid)
{
    struct rig *r = self;

    (void) sid;
    atomic_fetch_add(&r->changes, 1);
}

/* Not started yet: the configuration may be changed. */
static inline struct rig *
rig_make(void)
{
    static const int64_t sids[3] = { SMALLER, MINE, LARGER };
    struct rig *r = zk_xcalloc(1, sizeof *r);

    for (size_t i = 0; i < 3; i++) {
        r->election[i] = (struct host_port) { loopback, zk_test_port() };
        r->servers[i] = (struct server_address) {
            .sid = sids[i], .n = 1, .election = &r->election[i],
        };
    }
    r->config = (struct server_config) {
        .myid = MINE, .tick_time_ms = 2000,
        .quorum = { .sync_limit = 5, .servers = r->servers, .n_servers = 3 },
        .props = system_properties_create(),
    };
    return r;
}

static inline void
rig_start(struct rig *r)
{
    const struct qcm_env env = { .self = r, .link_changed = rig_link_changed };
    struct zk_errmsg em = { "" };

    r->qcm = quorum_cnx_manager_create(&r->config, &env);
    CU_ASSERT_EQUAL_FATAL(quorum_cnx_manager_start(r->qcm, &em), ZK_OK);
}

static inline struct rig *
rig_new(void)
{
    struct rig *r = rig_make();

    rig_start(r);
    return r;
}

static inline void
rig_drop(struct rig *r)
{
    unsigned before;

    if (r->qcm != NULL) {
        quorum_cnx_manager_stop(r->qcm);
        quorum_cnx_manager_destroy(r->qcm);
    }
    before = zk_thread_count();
    CU_ASSERT_EQUAL(before, 0);
    system_properties_destroy(r->config.props);
    free(r);
}

/* Waits until the condition has held once; fails after a long time. */
#define WAIT_FOR(condition)                                               \
    do {                                                                  \
        int64_t until_ms = zk_time_mono_ms() + FAR_MS;                    \
        bool held;                                                        \
                                                                          \
        while (!(held = (condition)) && zk_time_mono_ms() < until_ms) {   \
            sched_yield();                                                \
        }                                                                 \
        CU_ASSERT_TRUE(held);                                             \
    } while (0)

static inline void
put(int fd, const void *p, size_t len)
{
    CU_ASSERT_EQUAL(send(fd, p, len, MSG_NOSIGNAL), (ssize_t) len);
}

static inline void
put_hex(int fd, const char *text)
{
    size_t len;
    uint8_t *p = unhex(text, &len);

    put(fd, p, len);
    free(p);
}

static inline int
dial(struct rig *r)
{
    int fd = zk_test_connect(r->election[1].port);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    return fd;
}

/* As 'sid' at 127.0.0.1:port. */
static inline void
say_hello(int fd, int64_t sid, int port)
{
    const struct host_port at = { loopback, port };
    struct zk_buf hello = { 0 };

    initial_message_encode(sid, &at, 1, false, &hello);
    put(fd, hello.data, hello.len);
    zk_buf_fini(&hello);
}

/* A connection that has said hello. */
static inline int
dial_as(struct rig *r, int64_t sid, int port)
{
    int fd = dial(r);

    say_hello(fd, sid, port);
    return fd;
}

static inline int
dial_as_larger(struct rig *r)
{
    return dial_as(r, LARGER, r->election[2].port);
}

static inline int
dial_as_smaller(struct rig *r)
{
    return dial_as(r, SMALLER, r->election[0].port);
}

/* Reads exactly this. */
static inline bool
reads(int fd, const void *p, size_t len)
{
    uint8_t *in = zk_xmalloc(len + 1);
    ssize_t n = recv(fd, in, len, MSG_WAITALL);
    bool same = n == (ssize_t) len && memcmp(in, p, len) == 0;

    free(in);
    return same;
}

static inline bool
reads_message(int fd, const char *text)
{
    uint8_t head[4];

    zk_put_be32(head, (uint32_t) strlen(text));
    return reads(fd, head, 4) && reads(fd, text, strlen(text));
}

/* True when the other side has closed it. */
static inline bool
is_closed(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

static inline int
accept_call(int listening)
{
    struct timeval wait = { .tv_sec = ZK_TEST_WAIT_S };
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return fd;
}

/* The server under test has connected and says who it is. */
static inline bool
reads_hello(struct rig *r, int fd)
{
    struct zk_buf hello = { 0 };
    bool same;

    initial_message_encode(MINE, &r->election[1], 1, false, &hello);
    same = reads(fd, hello.data, hello.len);
    zk_buf_fini(&hello);
    return same;
}

static inline int
accept_hello(struct rig *r, int listening)
{
    int fd = accept_call(listening);

    CU_ASSERT_TRUE(reads_hello(r, fd));
    return fd;
}

static inline void
send_text(struct rig *r, int64_t sid, const char *text)
{
    quorum_cnx_manager_send(r->qcm, sid, text, strlen(text));
}

static inline void
put_message(int fd, const char *text)
{
    size_t len = strlen(text);
    uint8_t *bytes = zk_xmalloc(4 + len);

    /* In one piece: two would wait for each other (Nagle). */
    zk_put_be32(bytes, (uint32_t) len);
    memcpy(bytes + 4, text, len);
    put(fd, bytes, 4 + len);
    free(bytes);
}

/* The next message is this one. */
static inline bool
takes(struct rig *r, struct bq_list *list, int64_t sid, const char *text)
{
    struct qcm_message *msg;
    bool same;

    if (list->n == 0 && !quorum_cnx_manager_take(r->qcm, list)) {
        return false;
    }
    msg = ZK_CONTAINER_OF(bq_list_pop(list), struct qcm_message, link);
    same = msg->sid == sid && msg->len == strlen(text)
           && memcmp(msg->data, text, msg->len) == 0;
    free(msg);
    return same;
}

static inline void
drop_list(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        free(ZK_CONTAINER_OF(node, struct qcm_message, link));
    }
}

#endif
