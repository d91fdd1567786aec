/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_case.h: a server with a client port, and one connection to it with what
 * is sent and read there (cnxn_client.h).
 */
#ifndef TEST_CNXN_CASE_H
#define TEST_CNXN_CASE_H

#include <unistd.h>

#include "test/lib/zk_test.h"
#include "test/unit/cnxn_client.h"
#include "util/zk_log.h"

struct cnxn_case {
    struct test_server s;
    int fd;                     /* -1: not open. */
    struct cc_session session;
    size_t len;                 /* Of its ConnectResponse. */
    struct zk_buf b;            /* To be sent. */
    struct cc_reply r;
};

/* test_server_init; whom the server closes within a test's time it does not
 * close for its silence. */
static inline void
cx_server_init(struct test_server *s)
{
    test_server_init(s);
    s->config->cnxn.sessionless_timeout_ms = 10 * CC_DEADLINE_MS;
}

/* Nothing is started yet: the configuration may be changed. */
static inline void
cx_init(struct cnxn_case *c)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
    cx_server_init(&c->s);
}

/* The server, with a new session at fd. */
static inline void
cx_start(struct cnxn_case *c)
{
    test_server_start(&c->s, true);
    c->fd = cc_new_session(&c->s, &c->session);
}

static inline void
cx_begin(struct cnxn_case *c)
{
    cx_init(c);
    cx_start(c);
}

/* The server, or its port alone, and a connection without a session. */
static inline void
cx_open(struct cnxn_case *c, bool with_zks)
{
    cx_init(c);
    test_server_start(&c->s, with_zks);
    c->fd = cc_connect(&c->s);
}

static inline void
cx_end(struct cnxn_case *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    zk_buf_fini(&c->b);
    zk_buf_fini(&c->r.frame);
    test_server_stop(&c->s);
}

/* What a word is answered, on a connection of its own. */
static inline void
cx_expect_word(const struct test_server *s, const char *sent, size_t len,
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

#define CNXN_CASE_MAIN(suite_name, tests)                                 \
    int main(void)                                                        \
    {                                                                     \
        zk_log_set_level(ZK_LOG_ERROR);                                   \
        return zk_test_main(suite_name, tests,                            \
                            sizeof(tests) / sizeof((tests)[0]));          \
    }

#endif
