/* SPDX-License-Identifier: Apache-2.0 */
/* net_pair.h: two streams that are connected, and what holds of both kinds,
 * plain and over TLS. */
#ifndef TEST_NET_PAIR_H
#define TEST_NET_PAIR_H

#include "net/net_stream.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"

#define FAR_MS (ZK_TEST_WAIT_S * 1000)

struct pair {
    struct net_stream *a;       /* Has connected. */
    struct net_stream *b;       /* Was accepted. */
};

static inline void
drop_pair(struct pair *p)
{
    net_stream_destroy(p->a);
    net_stream_destroy(p->b);
}

static inline void
check_bytes_arrive(const struct pair *p)
{
    struct zk_errmsg em;
    char in[8] = "";
    size_t got;

    CU_ASSERT_EQUAL(net_stream_write(p->a, "hello", 5, FAR_MS, &em), ZK_OK);
    CU_ASSERT_EQUAL(net_stream_read(p->b, in, 1, FAR_MS, &got, &em), ZK_OK);
    CU_ASSERT_EQUAL(got, 1);
    CU_ASSERT_EQUAL(net_stream_read_full(p->b, in + 1, 4, FAR_MS, &em),
                    ZK_OK);
    CU_ASSERT_STRING_EQUAL(in, "hello");
}

/* ... after its time, and no reason to stop. */
static inline void
check_silence_is_an_error(const struct pair *p)
{
    struct zk_errmsg em;
    size_t got;
    char c;

    CU_ASSERT_EQUAL(net_stream_read(p->a, &c, 1, 5, &got, &em), ZK_ETORN);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, net_stream_peer(p->a)));
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "nothing came for 5 ms"));
    CU_ASSERT_EQUAL(net_stream_write(p->b, "x", 1, FAR_MS, &em), ZK_OK);
    CU_ASSERT_EQUAL(net_stream_read(p->a, &c, 1, FAR_MS, &got, &em), ZK_OK);
}

/* Between messages it is no error. */
static inline void
check_the_end_is_told(struct pair *p)
{
    struct zk_errmsg em;
    char in[4];
    size_t got = 1;

    CU_ASSERT_EQUAL(net_stream_write(p->a, "xy", 2, FAR_MS, &em), ZK_OK);
    net_stream_destroy(p->a);
    p->a = NULL;
    CU_ASSERT_EQUAL(net_stream_read_full(p->b, in, 4, FAR_MS, &em), ZK_EIO);
    CU_ASSERT_EQUAL(net_stream_read(p->b, in, 1, FAR_MS, &got, &em), ZK_OK);
    CU_ASSERT_EQUAL(got, 0);
}

/* Whoever writes to it lives. */
static inline void
check_a_peer_that_is_gone(struct pair *p)
{
    struct zk_errmsg em;
    int rv = ZK_OK;

    net_stream_destroy(p->b);
    p->b = NULL;
    while (rv == ZK_OK) {
        rv = net_stream_write(p->a, "x", 1, FAR_MS, &em);
    }
    CU_ASSERT_EQUAL(rv, ZK_EIO);
    CU_ASSERT_EQUAL(net_stream_write(p->a, "x", 1, FAR_MS, &em), ZK_EIO);
}

#endif
