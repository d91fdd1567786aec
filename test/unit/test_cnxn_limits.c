/* SPDX-License-Identifier: Apache-2.0 */
/* What the client port decides without a socket: addresses, limits, and who is
 * throttled. */
#include <config.h>

#include <arpa/inet.h>

#include "cnxn/cnxn_address.h"
#include "cnxn/cnxn_limits.h"
#include "cnxn/cnxn_table.h"
#include "test/lib/zk_test.h"

/* ---- addresses --------------------------------------------------------- */

static struct cnxn_address
address(const char *text, uint16_t port)
{
    struct sockaddr_storage sa = { 0 };
    struct cnxn_address a;

    if (strchr(text, ':') != NULL) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons(port) };

        CU_ASSERT_EQUAL(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&sa, &v6, sizeof v6);
    } else {
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = htons(port) };

        CU_ASSERT_EQUAL(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        memcpy(&sa, &v4, sizeof v4);
    }
    cnxn_address_set(&a, &sa);
    return a;
}

static void
expect_remote(const char *text, uint16_t port, const char *remote)
{
    struct cnxn_address a = address(text, port);
    char out[CNXN_REMOTE_MAX];

    cnxn_address_remote(&a, out);
    CU_ASSERT_STRING_EQUAL(out, remote);
}

static void
test_addresses_look_as_java_prints_them(void)
{
    expect_remote("127.0.0.1", 53082, "/127.0.0.1:53082");
    expect_remote("::ffff:10.1.2.3", 1, "/10.1.2.3:1");
    expect_remote("::1", 65535, "/0:0:0:0:0:0:0:1:65535");
    expect_remote("fe80::abcd:0:12", 9, "/fe80:0:0:0:0:abcd:0:12:9");
    expect_remote("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
                  "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:65535");
}

static void
expect_way_back(const char *text, uint16_t port, int family, bool loopback)
{
    const struct cnxn_address a = address(text, port);
    struct sockaddr_storage sa;
    struct cnxn_address again;

    cnxn_address_sockaddr(&a, &sa);
    CU_ASSERT_EQUAL(sa.ss_family, family);
    cnxn_address_set(&again, &sa);
    CU_ASSERT_EQUAL(memcmp(again.ip, a.ip, sizeof a.ip), 0);
    CU_ASSERT_EQUAL(again.port, port);
    CU_ASSERT_EQUAL(cnxn_address_is_loopback(&a), loopback);
}

static void
test_addresses_become_socket_addresses_again(void)
{
    expect_way_back("127.0.0.1", 1, AF_INET, true);
    expect_way_back("127.255.0.9", 65535, AF_INET, true);
    expect_way_back("::ffff:10.1.2.3", 2181, AF_INET, false);
    expect_way_back("::1", 7, AF_INET6, true);
    expect_way_back("::2", 7, AF_INET6, false);
    expect_way_back("fe80::1", 7, AF_INET6, false);
}

static void
test_ports_are_counted_apart(void)
{
    struct cnxn_address plain = address("10.0.0.1", 1);
    struct cnxn_address secure = plain;
    struct cnxn_table t;

    secure.secure = 1;
    cnxn_table_init(&t);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &plain, 1, 1), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &secure, 1, 1), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &plain, 1, 0),
                    CNXN_TOO_MANY_OF_ADDRESS);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &secure, 0, 1), CNXN_TOO_MANY);
    cnxn_table_forget(&t, &plain);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &secure, 1, 0),
                    CNXN_TOO_MANY_OF_ADDRESS);
    cnxn_table_forget(&t, &secure);
    cnxn_table_fini(&t);
}

static void
test_limits_count_by_address_and_in_all(void)
{
    const struct cnxn_address one = address("10.0.0.1", 1);
    const struct cnxn_address same = address("::ffff:10.0.0.1", 2);
    const struct cnxn_address other = address("::1", 1);
    struct cnxn_table t;

    cnxn_table_init(&t);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &one, 2, 3), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &same, 2, 3), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &one, 2, 3),
                    CNXN_TOO_MANY_OF_ADDRESS);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &other, 2, 3), CNXN_ADMITTED);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &other, 2, 3), CNXN_TOO_MANY);
    CU_ASSERT_EQUAL(cnxn_table_admit(&t, &one, 0, 0), CNXN_ADMITTED);
    /* Nothing was listed: the counts alone are given back by hand. */
    CU_ASSERT_EQUAL(cnxn_table_count(&t), 0);
    cnxn_table_forget(&t, &one);
    cnxn_table_forget(&t, &one);
    cnxn_table_forget(&t, &one);
    cnxn_table_forget(&t, &other);
    cnxn_table_fini(&t);
}

/* ---- the throttle ------------------------------------------------------ */

static void
test_throttle_fills_after_more_than_a_filling_time(void)
{
    const struct cnxn_config config = { .throttle_tokens = 3,
                                        .throttle_fill_time_ms = 10,
                                        .throttle_fill_count = 2,
                                        .throttle_freeze_time_ms = -1 };
    struct connection_throttle t;

    connection_throttle_init(&t, &config, 1000, 1);
    CU_ASSERT(connection_throttle_take(&t, 2, 1000));
    CU_ASSERT(!connection_throttle_take(&t, 2, 1000));
    CU_ASSERT(connection_throttle_take(&t, 1, 1000));
    CU_ASSERT_EQUAL(connection_throttle_deficit(&t), 3);
    CU_ASSERT(!connection_throttle_take(&t, 1, 1010));  /* not more than */
    CU_ASSERT(connection_throttle_take(&t, 2, 1011));
    CU_ASSERT(!connection_throttle_take(&t, 1, 1021));
    /* A long time fills it, not more. */
    CU_ASSERT(connection_throttle_take(&t, 3, INT64_MAX / 2));
    CU_ASSERT(!connection_throttle_take(&t, 1, INT64_MAX / 2));
}

static void
test_throttle_is_off_without_tokens(void)
{
    const struct cnxn_config config = { .throttle_tokens = 0 };
    struct connection_throttle t;

    connection_throttle_init(&t, &config, 0, 1);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT(connection_throttle_take(&t, 100, 0));
    }
}

static void
test_throttle_drops_by_a_chance_that_adapts(void)
{
    const struct cnxn_config config = { .throttle_tokens = 2,
                                        .throttle_fill_time_ms = 1000000,
                                        .throttle_fill_count = 1,
                                        .throttle_freeze_time_ms = 10,
                                        .throttle_drop_increase = 0.5,
                                        .throttle_drop_decrease = 0.3,
                                        .throttle_decrease_ratio = 0 };
    struct connection_throttle t;

    connection_throttle_init(&t, &config, 0, 7);
    CU_ASSERT(connection_throttle_take(&t, 2, 0));
    CU_ASSERT(!connection_throttle_take(&t, 1, 11));
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 0.5, 1e-9);
    CU_ASSERT(!connection_throttle_take(&t, 1, 21));    /* frozen */
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 0.5, 1e-9);
    CU_ASSERT(!connection_throttle_take(&t, 1, 22));
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 1, 1e-9);
    t.tokens = 2;
    CU_ASSERT(!connection_throttle_take(&t, 0, 30));    /* certainly */
    (void) connection_throttle_take(&t, 0, 40);
    CU_ASSERT_DOUBLE_EQUAL(t.drop, 0.7, 1e-9);
}

static void
test_throttle_weighs_kinds_of_sessions(void)
{
    struct cnxn_config config = { .throttle_weight_global = 3,
                                  .throttle_weight_local = 1,
                                  .throttle_weight_renew = 2 };

    CU_ASSERT_EQUAL(connection_throttle_weight(&config, true, false), 1);
    config.throttle_weight_enabled = true;
    CU_ASSERT_EQUAL(connection_throttle_weight(&config, true, false), 3);
    CU_ASSERT_EQUAL(connection_throttle_weight(&config, true, true), 1);
    CU_ASSERT_EQUAL(connection_throttle_weight(&config, false, true), 2);
}

static void
test_large_requests_share_a_room(void)
{
    const struct cnxn_config config = { .large_request_threshold = 10,
                                        .large_request_max_bytes = 50 };
    struct large_requests l;

    large_requests_init(&l, &config);
    CU_ASSERT(!large_requests_is_large(&l, 10));
    CU_ASSERT(large_requests_is_large(&l, 11));
    CU_ASSERT(large_requests_enter(&l, 30));
    CU_ASSERT(large_requests_fits(&l, 20));
    CU_ASSERT(!large_requests_fits(&l, 21));
    CU_ASSERT(!large_requests_enter(&l, 21));
    CU_ASSERT(large_requests_enter(&l, 20));
    large_requests_leave(&l, 30);
    CU_ASSERT(large_requests_enter(&l, 30));
}

static const struct zk_test tests[] = {
    { "addresses look as Java prints them",
      test_addresses_look_as_java_prints_them },
    { "addresses become socket addresses again",
      test_addresses_become_socket_addresses_again },
    { "ports are counted apart", test_ports_are_counted_apart },
    { "limits count by address and in all",
      test_limits_count_by_address_and_in_all },
    { "the throttle fills after more than a filling time",
      test_throttle_fills_after_more_than_a_filling_time },
    { "the throttle is off without tokens",
      test_throttle_is_off_without_tokens },
    { "the throttle drops by a chance that adapts",
      test_throttle_drops_by_a_chance_that_adapts },
    { "the throttle weighs kinds of sessions",
      test_throttle_weighs_kinds_of_sessions },
    { "large requests share a room", test_large_requests_share_a_room },
};

ZK_TEST_MAIN("cnxn_limits", tests)
