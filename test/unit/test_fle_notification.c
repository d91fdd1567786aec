/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/fle_notification.h"

#include "test/lib/zk_test.h"
#include "test/unit/unhex.h"

#define FROM 9

/* Decodes the bytes that 'text' stands for. */
static int
decode(const char *text, struct fle_notification *n, uint8_t **mem,
       struct zk_errmsg *em)
{
    size_t len;

    *mem = unhex(text, &len);
    em->text[0] = '\0';
    return fle_notification_decode(n, FROM, *mem, len, em);
}

static void
refused(const char *text)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode(text, &n, &mem, &em), ZK_EMARSHAL);
    CU_ASSERT_NOT_EQUAL(em.text[0], '\0');
    free(mem);
}

static void
vote_is(const struct fle_notification *n, enum peer_state state,
        int64_t leader, int64_t zxid, int64_t round, int64_t peer_epoch,
        int32_t version)
{
    CU_ASSERT_EQUAL(n->sid, FROM);
    CU_ASSERT_EQUAL(n->vote.state, state);
    CU_ASSERT_EQUAL(n->vote.leader, leader);
    CU_ASSERT_EQUAL(n->vote.zxid, zxid);
    CU_ASSERT_EQUAL(n->vote.round, round);
    CU_ASSERT_EQUAL(n->vote.peer_epoch, peer_epoch);
    CU_ASSERT_EQUAL(n->vote.version, version);
}

/* Before 3.3. */
static void
test_28_bytes_take_the_epoch_from_the_zxid(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode("00000002 0000000000000001 0000000500000009 "
                           "0000000000000004", &n, &mem, &em), ZK_OK);
    vote_is(&n, PEER_LEADING, 1, 0x500000009, 4, 5, 0);
    CU_ASSERT_TRUE(zk_slice_is_null(n.config));
    free(mem);
}

/* 3.4.0 to 3.4.5. */
static void
test_36_bytes_have_no_version(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode("00000001 0000000000000003 0000000200000001 "
                           "0000000000000007 0000000000000006",
                           &n, &mem, &em), ZK_OK);
    vote_is(&n, PEER_FOLLOWING, 3, 0x200000001, 7, 6, 0);
    CU_ASSERT_TRUE(zk_slice_is_null(n.config));
    free(mem);
}

/* What a 3.4.7 sent. */
static void
test_40_bytes_count_as_version_0(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode("00000000 0000000000000003 0000000000000000 "
                           "0000000000000001 0000000000000000 00000001",
                           &n, &mem, &em), ZK_OK);
    vote_is(&n, PEER_LOOKING, 3, 0, 1, 0, 0);
    CU_ASSERT_TRUE(zk_slice_is_null(n.config));
    free(mem);
}

/* What a 3.8.0 sent, its text shortened. */
#define FORM_3_8                                                          \
    "00000000 0000000000000002 0000000000000000 0000000000000001 "        \
    "0000000000000000 00000002 0000000b 'version=100'"

static void
test_44_bytes_and_more_bring_the_membership(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode(FORM_3_8, &n, &mem, &em), ZK_OK);
    vote_is(&n, PEER_LOOKING, 2, 0, 1, 0, 2);
    CU_ASSERT_TRUE(zk_slice_eq_str(n.config, "version=100"));
    CU_ASSERT_EQUAL((const void *) n.config.p, (const void *) (mem + 44));
    free(mem);
}

static void
test_an_empty_membership_is_fine(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode("00000001 0000000000000002 0000000000000000 "
                           "0000000000000001 0000000000000000 00000002 "
                           "00000000", &n, &mem, &em), ZK_OK);
    CU_ASSERT_EQUAL(n.config.len, 0);
    free(mem);
}

/* Observers propose nobody: all minimum. */
static void
test_an_observer_that_looks(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode("00000000 8000000000000000 8000000000000000 "
                           "0000000000000001 8000000000000000 00000002 "
                           "00000000", &n, &mem, &em), ZK_OK);
    vote_is(&n, PEER_LOOKING, VOTE_NOBODY, INT64_MIN, 1, INT64_MIN, 2);
    free(mem);
}

/* Case 7: later versions say more; their first fields stay. */
static void
test_later_versions_and_longer_messages_are_read(void)
{
    struct fle_notification n;
    struct zk_errmsg em;
    uint8_t *mem;

    CU_ASSERT_EQUAL(decode("00000002 0000000000000001 0000000000000005 "
                           "0000000000000004 0000000000000003 00000007 "
                           "00000002 'ab' ffffffffff", &n, &mem, &em),
                    ZK_OK);
    vote_is(&n, PEER_LEADING, 1, 5, 4, 3, 7);
    CU_ASSERT_TRUE(zk_slice_eq_str(n.config, "ab"));
    free(mem);
    /* Version 1 has no text, whatever follows. */
    CU_ASSERT_EQUAL(decode("00000002 0000000000000001 0000000000000005 "
                           "0000000000000004 0000000000000003 00000001 "
                           "ffffffff", &n, &mem, &em), ZK_OK);
    vote_is(&n, PEER_LEADING, 1, 5, 4, 3, 1);
    CU_ASSERT_TRUE(zk_slice_is_null(n.config));
    free(mem);
}

static void
test_every_other_length_is_refused(void)
{
    struct zk_errmsg em;

    for (size_t len = 0; len < sizeof(int) + 5 * 8 + 11; len++) {
        uint8_t *whole, *p;
        size_t full;
        struct fle_notification n;
        bool fine = len == 28 || len == 36 || len == 40;

        whole = unhex(FORM_3_8, &full);
        p = zk_xmalloc(len + (len == 0));
        memcpy(p, whole, len);
        CU_ASSERT_EQUAL(fle_notification_decode(&n, FROM, p, len, &em),
                        fine ? ZK_OK : ZK_EMARSHAL);
        free(whole);
        free(p);
    }
}

#define UP_TO_VERSION                                                     \
    "00000000 0000000000000002 0000000000000000 0000000000000001 "        \
    "0000000000000000 "

/* ZOOKEEPER-3769: bad messages cost themselves only. */
static void
test_garbage_is_refused(void)
{
    refused("00000004 0000000000000001 0000000500000009 0000000000000004");
    refused("ffffffff 0000000000000001 0000000500000009 0000000000000004");
    refused(UP_TO_VERSION "00000002 ffffffff");
    refused(UP_TO_VERSION "00000002 80000000 'abcd'");
    refused(UP_TO_VERSION "00000002 00000005 'abcd'");
    refused(UP_TO_VERSION "00000002 7fffffff 'abcd'");
    refused(UP_TO_VERSION "7fffffff 00000001");
    refused(UP_TO_VERSION "00000002 0000");
}

static void
test_the_error_may_be_unwanted(void)
{
    struct fle_notification n;

    CU_ASSERT_EQUAL(fle_notification_decode(&n, FROM, "", 0, NULL),
                    ZK_EMARSHAL);
}

static void
test_random_bytes_do_no_harm(void)
{
    uint64_t x = 0x9e3779b97f4a7c15;
    unsigned good = 0;

    for (int i = 0; i < 20000; i++) {
        struct fle_notification n;
        struct zk_errmsg em;
        size_t len;
        uint8_t *p;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        len = x % 80;
        p = zk_xmalloc(len + (len == 0));
        for (size_t k = 0; k < len; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            /* Mostly zeros, so that states and lengths are valid often. */
            p[k] = x >> 40 & 3 ? 0 : (uint8_t) x;
        }
        if (fle_notification_decode(&n, FROM, p, len, &em) == ZK_OK) {
            good++;
            if (n.config.len > 0) {
                CU_ASSERT_TRUE((const uint8_t *) n.config.p + n.config.len
                               <= p + len);
            }
        }
        free(p);
    }
    CU_ASSERT_TRUE(good > 100);
}

static void
test_encode_golden(void)
{
    struct fle_notification n = {
        .sid = 1,
        .vote = { .leader = 2, .zxid = 0x100000003, .round = 4,
                  .peer_epoch = 1, .version = 0, .state = PEER_FOLLOWING },
        .config = ZK_SLICE_LIT("version=0"),
    };
    struct zk_buf b = { 0 };

    zk_buf_append(&b, "x", 1);          /* It appends. */
    fle_notification_encode(&n, &b);
    CU_ASSERT_TRUE(buf_is(&b, "'x' 00000001 0000000000000002 "
                              "0000000100000003 0000000000000004 "
                              "0000000000000001 00000002 00000009 "
                              "'version=0'"));
    zk_buf_clear(&b);
    n.vote = (struct vote) { .leader = VOTE_NOBODY, .zxid = INT64_MIN,
                             .round = 1, .peer_epoch = INT64_MIN };
    n.config = ZK_SLICE_NULL;
    fle_notification_encode(&n, &b);
    CU_ASSERT_TRUE(buf_is(&b, "00000000 8000000000000000 8000000000000000 "
                              "0000000000000001 8000000000000000 00000002 "
                              "00000000"));
    zk_buf_fini(&b);
}

static void
test_what_is_encoded_is_read_back(void)
{
    struct zk_buf b = { 0 };

    for (int state = PEER_LOOKING; state <= PEER_OBSERVING; state++) {
        struct fle_notification in = {
            .vote = { .leader = -state, .zxid = INT64_MAX - state,
                      .round = INT64_MIN + state, .peer_epoch = state,
                      .state = (enum peer_state) state },
            .config = zk_slice("abcd", state),
        };
        struct fle_notification out;
        struct zk_errmsg em;

        zk_buf_clear(&b);
        fle_notification_encode(&in, &b);
        CU_ASSERT_EQUAL(
            fle_notification_decode(&out, FROM, b.data, b.len, &em), ZK_OK);
        vote_is(&out, in.vote.state, in.vote.leader, in.vote.zxid,
                in.vote.round, in.vote.peer_epoch, FLE_VERSION);
        CU_ASSERT_TRUE(zk_slice_eq(in.config, out.config));
    }
    zk_buf_fini(&b);
}

static const struct zk_test tests[] = {
    { "28 bytes take the epoch from the zxid",
      test_28_bytes_take_the_epoch_from_the_zxid },
    { "36 bytes have no version", test_36_bytes_have_no_version },
    { "40 bytes count as version 0", test_40_bytes_count_as_version_0 },
    { "44 bytes and more bring the membership",
      test_44_bytes_and_more_bring_the_membership },
    { "an empty membership is fine", test_an_empty_membership_is_fine },
    { "an observer that looks", test_an_observer_that_looks },
    { "later versions and longer messages are read",
      test_later_versions_and_longer_messages_are_read },
    { "every other length is refused", test_every_other_length_is_refused },
    { "garbage is refused", test_garbage_is_refused },
    { "the error may be unwanted", test_the_error_may_be_unwanted },
    { "random bytes do no harm", test_random_bytes_do_no_harm },
    { "encode: golden bytes", test_encode_golden },
    { "what is encoded is read back", test_what_is_encoded_is_read_back },
};

ZK_TEST_MAIN("fle_notification", tests)
