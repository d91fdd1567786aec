/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind a damaged record: found as by trying each offset, for
 * less. */
#include <config.h>

#include "persistence/log_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include "persistence/log_file.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "util/checksum.h"
#include "util/zk_bytes.h"
#include "util/zk_log.h"

#define MAX_RECORD 1000000
#define MB ((size_t) 1 << 20)

static uint64_t seed;

static uint32_t
random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (seed >> 33) % n;
}

static void
put_noise(struct zk_buf *b, size_t len)
{
    /* Few values: much looks like a head, or an end. */
    static const uint8_t values[] = { 0, 0, 0, 0, 1, 40, 0x42, 0x42 };

    for (size_t i = 0; i < len; i++) {
        zk_buf_append(b, &values[random_below(sizeof values)], 1);
    }
}

static void
put_record(struct zk_buf *b, int64_t ms, size_t more)
{
    struct zk_buf txn = { 0 };

    txn_encode_header(&txn, 7, 0, 1, ms, OP_CREATE_SESSION);
    put_noise(&txn, more);
    log_record_encode(b, txn.data, txn.len);
    zk_buf_fini(&txn);
}

/* As found by trying each offset. */
static struct log_scan
plain_scan(const struct zk_buf *b)
{
    struct log_scan s = { .records = 0 };
    size_t at = 0;

    while (at < b->len && !log_scan_is_history(&s)) {
        const uint8_t *p = b->data + at++;
        size_t left = (size_t) (b->data + b->len - p);
        struct txn_view txn;
        size_t len;

        if (left < LOG_RECORD_HEAD_LEN) {
            continue;
        }
        len = zk_get_be32(p + 8);
        if (zk_get_be32(p) != 0 || len < TXN_HEADER_LEN || len > MAX_RECORD
            || left < LOG_RECORD_HEAD_LEN + len + 1
            || p[LOG_RECORD_HEAD_LEN + len] != LOG_RECORD_END
            || zk_get_be32(p + 4)
                   != checksum_adler32(CHECKSUM_ADLER32_INIT,
                                       p + LOG_RECORD_HEAD_LEN, len)) {
            continue;
        }
        at += LOG_RECORD_HEAD_LEN + len;
        CU_ASSERT_EQUAL(txn_view_decode_header(&txn, p + LOG_RECORD_HEAD_LEN,
                                               TXN_HEADER_LEN), ZK_OK);
        s.first_ms = s.records++ == 0 ? txn.time : s.first_ms;
        s.last_ms = txn.time;
    }
    return s;
}

static struct log_scan
scan(const struct zk_buf *b)
{
    struct log_scan s;
    struct zk_errmsg em;
    char *dir = zk_test_mkdir();
    char *path = zk_xasprintf("%s/log.1", dir);
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, b->data, b->len), (ssize_t) b->len);
    CU_ASSERT_EQUAL(log_scan_behind(fd, path, 0, MAX_RECORD, &s, &em), ZK_OK);
    close(fd);
    zk_test_rmdir(dir);
    free(path);
    free(dir);
    return s;
}

static void
check_like_plain(const struct zk_buf *b)
{
    struct log_scan want = plain_scan(b);
    struct log_scan got = scan(b);

    CU_ASSERT_EQUAL(got.records, want.records);
    CU_ASSERT_EQUAL(got.first_ms, want.first_ms);
    CU_ASSERT_EQUAL(got.last_ms, want.last_ms);
}

static void
test_tail_of_a_checksum(void)
{
    struct zk_buf b = { 0 };

    seed = 1;
    put_noise(&b, 70000);
    memset(b.data + 20000, 0xff, 40000);
    for (int i = 0; i < 3000; i++) {
        size_t end = random_below(70001);
        size_t at = random_below((uint32_t) end + 1);

        CU_ASSERT_EQUAL(
            checksum_adler32_tail(
                checksum_adler32(CHECKSUM_ADLER32_INIT, b.data, at),
                checksum_adler32(CHECKSUM_ADLER32_INIT, b.data, end),
                end - at),
            checksum_adler32(CHECKSUM_ADLER32_INIT, b.data + at, end - at));
    }
    zk_buf_fini(&b);
}

/* Whole records, hurt ones, such with others inside, cut ones, and noise. */
static void
put_some(struct zk_buf *b)
{
    size_t begin = b->len;

    put_noise(b, random_below(40));
    switch (random_below(5)) {
    case 0:
        put_noise(b, random_below(300));
        break;
    case 1:
        put_record(b, 1000 + random_below(100), random_below(700));
        b->data[begin + random_below((uint32_t) (b->len - begin))]++;
        break;
    case 2:
        put_record(b, 1000 + random_below(100), random_below(200));
        b->len -= random_below((uint32_t) (b->len - begin));
        break;
    case 3:
        put_record(b, 1000 + random_below(3) * LOG_SCAN_BATCH_MS,
                   random_below(300));
        break;
    default:
        put_record(b, 1000 + random_below(100), random_below(700));
    }
}

static void
put_nested(struct zk_buf *b)
{
    struct zk_buf inner = { 0 };

    put_some(&inner);
    put_some(&inner);
    log_record_encode(b, inner.data, inner.len);
    b->data[b->len - 1] = (uint8_t) (LOG_RECORD_END + random_below(2));
    zk_buf_fini(&inner);
}

static void
test_finds_what_is_there(void)
{
    struct zk_buf b = { 0 };

    for (uint64_t s = 1; s <= 300; s++) {
        seed = s;
        zk_buf_clear(&b);
        for (uint32_t n = 1 + random_below(8); n > 0; n--) {
            put_some(&b);
            if (random_below(3) == 0) {
                put_nested(&b);
            }
        }
        check_like_plain(&b);
    }
    zk_buf_fini(&b);
}

static void
test_finds_over_the_ends_of_windows(void)
{
    struct zk_buf b = { 0 };

    seed = 1;
    for (size_t i = 1; i <= 14; i++) {
        size_t at = i * MB - random_below(2000);

        memset(zk_buf_reserve(&b, at - b.len), 0, at - b.len);
        b.len = at;
        put_record(&b, (int64_t) i, 1900);
    }
    put_noise(&b, MB / 2);
    check_like_plain(&b);
    CU_ASSERT_EQUAL(scan(&b).records, 14);
    zk_buf_fini(&b);
}

/* At every 16th byte stands what may be the head of a record of 900 kB, by its
 * end byte, too: a sum over each of these makes 200 GB of the file. */
static void
test_made_bytes_cost_no_more_than_others(void)
{
    static const uint8_t head[16] = {
        0, 0, 0, 0, 'B', 'B', 'B', 'B', 0, 14, 0, 0, 'B', 'B', 'B', 'B',
    };
    struct zk_buf b = { 0 };
    struct log_scan s;

    seed = 1;
    while (b.len < 4 * MB) {
        zk_buf_append(&b, head, sizeof head);
    }
    put_record(&b, 77, 100);
    s = scan(&b);
    CU_ASSERT_EQUAL(s.records, 1);
    CU_ASSERT_EQUAL(s.first_ms, 77);
    CU_ASSERT(s.summed > b.len);
    CU_ASSERT(s.summed < 16 * b.len);
    zk_buf_fini(&b);
}

static const struct zk_test tests[] = {
    { "the checksum of a tail", test_tail_of_a_checksum },
    { "finds what trying each offset finds", test_finds_what_is_there },
    { "finds it over the ends of windows",
      test_finds_over_the_ends_of_windows },
    { "made bytes cost no more than others",
      test_made_bytes_cost_no_more_than_others },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("log scan", tests, ZK_ARRAY_SIZE(tests));
}
