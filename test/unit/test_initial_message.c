/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "election/initial_message.h"

#include "test/lib/zk_test.h"
#include "test/unit/unhex.h"

static char loopback[] = "127.0.0.1";

static int
decode_hex(const char *text, struct initial_message *m, struct zk_errmsg *em)
{
    size_t len;
    uint8_t *p = unhex(text, &len);
    int rv = initial_message_decode(m, p, len, em);

    free(p);
    return rv;
}

#define V1 "ffffffffffff0000 "
#define V2 "ffffffffffff0001 "
#define SID_2 "0000000000000002 "

static void
test_hellos_of_all_versions(void)
{
    struct initial_message m;
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(decode_hex("0000000000000003", &m, &em), ZK_OK);
    CU_ASSERT_EQUAL(m.sid, 3);
    CU_ASSERT_EQUAL(m.n, 0);
    initial_message_fini(&m);
    CU_ASSERT_EQUAL(decode_hex(V1 SID_2 "0000000f '127.0.0.1:27182'", &m,
                               &em), ZK_OK);
    CU_ASSERT_EQUAL(m.sid, 2);
    CU_ASSERT_EQUAL_FATAL(m.n, 1);
    CU_ASSERT_STRING_EQUAL(m.address[0].host, "127.0.0.1");
    CU_ASSERT_EQUAL(m.address[0].port, 27182);
    initial_message_fini(&m);
    CU_ASSERT_EQUAL(decode_hex(V2 SID_2 "0000001b "
                               "'zk1:3888|[::1]:9|0.0.0.0:80'", &m, &em),
                    ZK_OK);
    CU_ASSERT_EQUAL_FATAL(m.n, 2);
    CU_ASSERT_STRING_EQUAL(m.address[0].host, "zk1");
    CU_ASSERT_STRING_EQUAL(m.address[1].host, "::1");
    CU_ASSERT_EQUAL(m.address[1].port, 9);
    initial_message_fini(&m);
}

static void
test_hellos_that_are_refused(void)
{
    static const char *const bad[] = {
        V1 SID_2 "00000000",
        V1 SID_2 "ffffffff",
        V1 SID_2 "00000801",
        "fffffffffffeffff " SID_2 "00000004 'a:12'",
        "8000000000000000 " SID_2 "00000004 'a:12'",
        V1 "ffffffffffffffff 00000004 'a:12'",
        V1 SID_2 "00000004 'host'",
        V1 SID_2 "00000003 ':12'",
        V1 SID_2 "00000002 'a:'",
        V1 SID_2 "00000003 'a:x'",
        V1 SID_2 "00000003 'a:0'",
        V1 SID_2 "00000007 'a:65536'",
        V1 SID_2 "00000005 'a:1:2'",
        V1 SID_2 "00000005 '[::1]'",
        V1 SID_2 "00000006 '[::1:9'",
        V1 SID_2 "00000005 'a:12|'",
        V1 SID_2 "00000005 61 0a 62 ':1'",
        V1 SID_2 "00000005 'a:12'",
        V1 SID_2 "00000003 'a:12'",
        "00000000000000",
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        struct zk_errmsg em = { "" };
        struct initial_message m;

        CU_ASSERT_EQUAL(decode_hex(bad[i], &m, &em), ZK_EMARSHAL);
        CU_ASSERT_STRING_NOT_EQUAL(em.text, "");
        initial_message_fini(&m);
    }
}

static void
test_more_addresses_than_are_kept(void)
{
    struct host_port many[3 * INITIAL_MESSAGE_ADDRESSES];
    struct zk_buf b = { 0 };
    struct initial_message m;
    struct zk_errmsg em;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(many); i++) {
        many[i] = (struct host_port) { loopback, (int) i + 1 };
    }
    initial_message_encode(7, many, ZK_ARRAY_SIZE(many), true, &b);
    CU_ASSERT_EQUAL(initial_message_decode(&m, b.data, b.len, &em), ZK_OK);
    CU_ASSERT_EQUAL(m.n, INITIAL_MESSAGE_ADDRESSES);
    initial_message_fini(&m);
    zk_buf_fini(&b);
}

static void
test_our_hello_is_as_captured(void)
{
    struct host_port at[2] = { { loopback, 27182 }, { NULL, 3888 } };
    struct zk_buf b = { 0 };
    char v6[] = "::1";

    initial_message_encode(2, at, 2, false, &b);
    CU_ASSERT_TRUE(buf_is(&b, "ffffffffffff0000 0000000000000002 0000000f "
                          "3132372e302e302e313a3237313832"));
    zk_buf_clear(&b);
    at[0].host = v6;
    initial_message_encode(2, at, 2, true, &b);
    CU_ASSERT_TRUE(buf_is(&b, V2 SID_2 "00000018 "
                          "'[::1]:27182|0.0.0.0:3888'"));
    zk_buf_fini(&b);
}

static const struct zk_test tests[] = {
    { "hellos of all versions", test_hellos_of_all_versions },
    { "hellos that are refused", test_hellos_that_are_refused },
    { "more addresses than are kept", test_more_addresses_than_are_kept },
    { "our hello is as captured", test_our_hello_is_as_captured },
};

ZK_TEST_MAIN("initial_message", tests)
