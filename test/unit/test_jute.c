/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "../lib/zk_test.h"

#include <float.h>
#include <limits.h>

#include "jute/input_archive.h"
#include "jute/output_archive.h"
#include "jute/zookeeper_records.h"
#include "test_types_records.h"
#include "unhex.h"

#define LIMIT 1000

/* --- Archives --------------------------------------------------------- */

static void
test_numbers_are_big_endian(void)
{
    static const uint8_t bytes[] = { 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 0, 0,
                                     1, 2, 0x80, 0, 1, 77 };
    struct input_archive ia;

    input_archive_init(&ia, bytes, sizeof bytes, LIMIT);
    CU_ASSERT_EQUAL(input_archive_int(&ia), -2);
    CU_ASSERT_EQUAL(input_archive_long(&ia), 258);
    CU_ASSERT_EQUAL(input_archive_byte(&ia), -128);
    CU_ASSERT_FALSE(input_archive_bool(&ia));
    CU_ASSERT_TRUE(input_archive_bool(&ia));
    CU_ASSERT_TRUE(input_archive_bool(&ia));    /* 77: not zero is true. */
    CU_ASSERT_EQUAL(input_archive_left(&ia), 0);
    CU_ASSERT_EQUAL(ia.err, ZK_OK);
}

static void
test_what_is_written_is_read(void)
{
    static const double doubles[] = { 0.0, -1.5, DBL_MAX, DBL_MIN };
    struct zk_buf b = { 0 };
    struct input_archive ia;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(doubles); i++) {
        output_archive_double(&b, doubles[i]);
        output_archive_float(&b, (float) doubles[i]);
    }
    output_archive_byte(&b, -3);
    output_archive_bool(&b, true);
    output_archive_long(&b, INT64_MIN);
    output_archive_int(&b, INT32_MIN);
    input_archive_init(&ia, b.data, b.len, LIMIT);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(doubles); i++) {
        CU_ASSERT_EQUAL(input_archive_double(&ia), doubles[i]);
        CU_ASSERT_EQUAL(input_archive_float(&ia), (float) doubles[i]);
    }
    CU_ASSERT_EQUAL(input_archive_byte(&ia), -3);
    CU_ASSERT_TRUE(input_archive_bool(&ia));
    CU_ASSERT_EQUAL(input_archive_long(&ia), INT64_MIN);
    CU_ASSERT_EQUAL(input_archive_int(&ia), INT32_MIN);
    CU_ASSERT_EQUAL(input_archive_left(&ia), 0);
    zk_buf_fini(&b);
}

static void
test_floats_are_ieee_bits(void)
{
    struct zk_buf b = { 0 };

    output_archive_float(&b, 1.0F);
    output_archive_double(&b, -2.0);
    CU_ASSERT_EQUAL_FATAL(b.len, 12);
    CU_ASSERT_EQUAL(memcmp(b.data, "\x3f\x80\0\0\xc0\0\0\0\0\0\0\0", 12), 0);
    zk_buf_fini(&b);
}

static void
test_failure_sticks(void)
{
    static const uint8_t bytes[] = { 0, 0, 1, 0, 0, 0, 0, 7 };
    struct input_archive ia;

    input_archive_init(&ia, bytes, 7, LIMIT);
    CU_ASSERT_EQUAL(input_archive_long(&ia), 0);
    CU_ASSERT_EQUAL(ia.err, ZK_EMARSHAL);
    /* These seven bytes would do for the rest, but it is over. */
    CU_ASSERT_EQUAL(input_archive_int(&ia), 0);
    CU_ASSERT_FALSE(input_archive_bool(&ia));
    CU_ASSERT_TRUE(zk_slice_is_null(input_archive_slice(&ia)));
    CU_ASSERT_EQUAL(input_archive_count(&ia, 1), 0);
    input_archive_fail(&ia, ZK_ETOOBIG);
    CU_ASSERT_EQUAL(ia.err, ZK_EMARSHAL);       /* The first one stays. */
    CU_ASSERT_EQUAL(input_archive_left(&ia), 0);
}

static void
test_nothing_is_an_archive_too(void)
{
    struct input_archive ia;

    input_archive_init(&ia, NULL, 0, 0);
    CU_ASSERT_EQUAL(input_archive_left(&ia), 0);
    CU_ASSERT_EQUAL(input_archive_int(&ia), 0);
    CU_ASSERT_EQUAL(ia.err, ZK_EMARSHAL);
}

/* Reads one slice from 'hex' with a limit of 4 bytes. */
static void
check_slice(const char *hex, int err, int32_t len)
{
    struct input_archive ia;
    struct zk_slice s;
    size_t n;
    uint8_t *p = unhex(hex, &n);

    input_archive_init(&ia, p, n, 4);
    s = input_archive_slice(&ia);
    CU_ASSERT_EQUAL(ia.err, err);
    CU_ASSERT_EQUAL(s.len, len);
    if (len > 0) {
        CU_ASSERT_PTR_EQUAL(s.p, p + 4);        /* Borrowed, not copied. */
    }
    free(p);
}

static void
test_slice_lengths(void)
{
    check_slice("ffffffff", ZK_OK, -1);         /* Null. */
    check_slice("00000000", ZK_OK, 0);          /* Empty. */
    check_slice("00000003 616263", ZK_OK, 3);
    check_slice("00000004 61626364", ZK_OK, 4); /* The limit itself. */
    check_slice("00000005 6162636465", ZK_ETOOBIG, -1);
    check_slice("7fffffff", ZK_ETOOBIG, -1);
    check_slice("fffffffe", ZK_ETOOBIG, -1);
    check_slice("80000000", ZK_ETOOBIG, -1);
    check_slice("00000003 6162", ZK_EMARSHAL, -1);
    check_slice("000000", ZK_EMARSHAL, -1);
}

static void
check_count(const char *hex, size_t min_size, int err, int32_t count)
{
    struct input_archive ia;
    size_t n;
    uint8_t *p = unhex(hex, &n);

    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(input_archive_count(&ia, min_size), count);
    CU_ASSERT_EQUAL(ia.err, err);
    free(p);
}

static void
test_counts_are_bounded_by_what_is_left(void)
{
    check_count("ffffffff", 4, ZK_OK, -1);
    check_count("fffffff9", 4, ZK_OK, 0);       /* As Java has it. */
    check_count("80000000", 4, ZK_OK, 0);
    check_count("00000000", 4, ZK_OK, 0);
    check_count("00000002 0000000000000000", 4, ZK_OK, 2);
    check_count("00000002 00000000000000", 4, ZK_EMARSHAL, 0);
    check_count("7fffffff 0000", 1, ZK_EMARSHAL, 0);
    check_count("7fffffff 0000", 16, ZK_EMARSHAL, 0);
}

static void
test_slices_null_and_empty_are_written_apart(void)
{
    struct zk_buf b = { 0 };

    output_archive_slice(&b, ZK_SLICE_NULL);
    output_archive_slice(&b, ZK_SLICE_LIT(""));
    output_archive_slice(&b, ZK_SLICE_LIT("ab"));
    CU_ASSERT_EQUAL_FATAL(b.len, 14);
    CU_ASSERT_EQUAL(memcmp(b.data, "\xff\xff\xff\xff\0\0\0\0\0\0\0\2ab", 14),
                    0);
    zk_buf_fini(&b);
}

static void
test_frame_length_is_filled_in(void)
{
    struct zk_buf b = { 0 };
    size_t outer;
    size_t inner;

    output_archive_int(&b, 7);
    outer = output_archive_frame_begin(&b);
    output_archive_long(&b, 1);
    inner = output_archive_frame_begin(&b);
    output_archive_frame_end(&b, inner);
    output_archive_frame_end(&b, outer);
    CU_ASSERT_EQUAL_FATAL(b.len, 20);
    CU_ASSERT_EQUAL(zk_get_be32(b.data), 7);
    CU_ASSERT_EQUAL(zk_get_be32(b.data + 4), 12);
    CU_ASSERT_EQUAL(zk_get_be32(b.data + 16), 0);
    zk_buf_fini(&b);
}

/* --- Records ---------------------------------------------------------- */

/* One record type with its type taken off. */
struct golden {
    const char *name;
    const char *hex[2];
    const char *text[2];
    size_t size;
    void (*encode)(struct zk_buf *b, const void *x);
    int (*decode)(struct input_archive *ia, void *x);
    void (*fini)(void *x);
    bool (*equal)(const void *x, const void *y);
    void (*print)(FILE *out, const void *x);
};

#define WRAP(x)                                                           \
    static void x##_encode(struct zk_buf *b, const void *r)               \
    {                                                                     \
        jute_##x##_encode(b, r);                                          \
    }                                                                     \
    static int x##_decode(struct input_archive *ia, void *r)              \
    {                                                                     \
        return jute_##x##_decode(ia, r);                                  \
    }                                                                     \
    static void x##_fini(void *r)                                         \
    {                                                                     \
        jute_##x##_fini(r);                                               \
    }                                                                     \
    static bool x##_equal(const void *r, const void *o)                   \
    {                                                                     \
        return jute_##x##_equal(r, o);                                    \
    }                                                                     \
    static void x##_print(FILE *out, const void *r)                       \
    {                                                                     \
        jute_##x##_print(out, r);                                         \
    }

#define GOLDEN(x, hex1, text1, hex2, text2) WRAP(x)
#include "golden_records.h"
#undef GOLDEN
WRAP(numbers)
WRAP(nested)
WRAP(wide)

#define ENTRY(x, hex1, text1, hex2, text2)                                \
    { #x, { hex1, hex2 }, { text1, text2 }, sizeof(struct jute_##x),      \
      x##_encode, x##_decode, x##_fini, x##_equal, x##_print },

#define WIDE_8 "0000000000000000"
#define WIDE_64 WIDE_8 WIDE_8 WIDE_8 WIDE_8 WIDE_8 WIDE_8 WIDE_8 WIDE_8

static const struct golden goldens[] = {
#define GOLDEN ENTRY
#include "golden_records.h"
#undef GOLDEN
    ENTRY(numbers,
          "ff01000000020000000000000003bfc000004008000000000000",
          "Numbers{b=-1, yes=true, i=2, l=3, f=-1.5, d=3}",
          "7f00ffffffffffffffffffffffff000000000000000000000000",
          "Numbers{b=127, yes=false, i=-1, l=-1, f=0, d=0}")
    ENTRY(nested,
          "0000000000000000000000000000000000000000000000000000"
          "00000001" "0101000000010000000000000001"
                     "3f8000003ff0000000000000"
          "00000002" "00000002" "0000000100000002" "ffffffff"
          "00000002" "000000020900" "ffffffff"
          "00000002" "0100"
          "00000001" "fffffffffffffffe"
          "00000001" "40000000"
          "00000001" "4000000000000000"
          "00000003" "0001ff"
          "ffffffff",
          "Nested{one=Numbers{b=0, yes=false, i=0, l=0, f=0, d=0}, several="
          "[Numbers{b=1, yes=true, i=1, l=1, f=1, d=1}], table=[[1, 2], "
          "null], blobs=[0x0900, null], flags=[true, false], longs=[-2], "
          "floats=[2], doubles=[2], bytes=[0, 1, -1], mask=0xffffffff}",
          "0000000000000000000000000000000000000000000000000000"
          "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
          "00000010",
          "Nested{one=Numbers{b=0, yes=false, i=0, l=0, f=0, d=0}, several="
          "null, table=null, blobs=null, flags=null, longs=null, "
          "floats=null, doubles=null, bytes=null, mask=0x10}")
    ENTRY(wide,
          WIDE_64 WIDE_64 WIDE_64 WIDE_64 "0000000508",
          "Wide{a0=0, a1=0, a2=0, a3=0, a4=0, a5=0, a6=0, a7=0, "
          "b0=0, b1=0, b2=0, b3=0, b4=0, b5=0, b6=0, b7=0, "
          "c0=0, c1=0, c2=0, c3=0, c4=0, c5=0, c6=0, c7=0, "
          "d0=0, d1=0, d2=0, d3=0, d4=0, d5=0, d6=0, d7=0, e=5, last=8}",
          "0000000000000007" "0000000000000006"
          "000000000000000000000000000000000000000000000000"
          "000000000000000000000000000000000000000000000000"
          WIDE_64 WIDE_64 WIDE_64 "ffffffff01",
          "Wide{a0=7, a1=6, a2=0, a3=0, a4=0, a5=0, a6=0, a7=0, "
          "b0=0, b1=0, b2=0, b3=0, b4=0, b5=0, b6=0, b7=0, "
          "c0=0, c1=0, c2=0, c3=0, c4=0, c5=0, c6=0, c7=0, "
          "d0=0, d1=0, d2=0, d3=0, d4=0, d5=0, d6=0, d7=0, e=-1, last=1}")
};

/* Decodes 'len' bytes into a fresh record of type 'g'; the record starts out
 * as rubbish, since decode may count on nothing. */
static void *
decode(const struct golden *g, const uint8_t *p, size_t len, int *err,
       size_t *left)
{
    struct input_archive ia;
    void *x = zk_xmalloc(g->size);

    memset(x, 0xa5, g->size);
    input_archive_init(&ia, p, len, LIMIT);
    *err = g->decode(&ia, x);
    CU_ASSERT_EQUAL(*err, ia.err);
    *left = input_archive_left(&ia);
    return x;
}

static void
release(const struct golden *g, void *x)
{
    g->fini(x);
    free(x);
}

static void
check_golden(const struct golden *g, const char *hex, const char *text)
{
    size_t n;
    uint8_t *p = unhex(hex, &n);
    struct zk_buf b = { 0 };
    char *printed = NULL;
    size_t printed_len;
    FILE *out = open_memstream(&printed, &printed_len);
    size_t left;
    int err;
    void *x = decode(g, p, n, &err, &left);

    CU_ASSERT_EQUAL_FATAL(err, ZK_OK);
    CU_ASSERT_EQUAL(left, 0);
    g->print(out, x);
    fclose(out);
    if (strcmp(printed, text) != 0) {
        fprintf(stderr, "\n%s\n   printed %s\n   expected %s\n", g->name,
                printed, text);
        CU_FAIL("text");
    }
    g->encode(&b, x);
    CU_ASSERT_EQUAL_FATAL(b.len, n);
    CU_ASSERT_EQUAL(memcmp(b.data, p, n), 0);
    CU_ASSERT_TRUE(g->equal(x, x));
    zk_buf_fini(&b);
    free(printed);
    release(g, x);
    free(p);
}

static void
test_records_are_javas_bytes(void)
{
    for (size_t i = 0; i < ZK_ARRAY_SIZE(goldens); i++) {
        check_golden(&goldens[i], goldens[i].hex[0], goldens[i].text[0]);
        check_golden(&goldens[i], goldens[i].hex[1], goldens[i].text[1]);
    }
    CU_ASSERT(ZK_ARRAY_SIZE(goldens) > 60);
}

static void
test_every_truncation_fails(void)
{
    for (size_t i = 0; i < 2 * ZK_ARRAY_SIZE(goldens); i++) {
        const struct golden *g = &goldens[i / 2];
        size_t n;
        uint8_t *p = unhex(g->hex[i % 2], &n);

        for (size_t len = 0; len < n; len++) {
            uint8_t *cut = zk_xmalloc(len + 1);
            size_t left;
            int err;
            void *x;

            /* Ends at the end of its memory, for the sanitizer to see. */
            memcpy(cut + 1, p, len);
            x = decode(g, cut + 1, len, &err, &left);
            CU_ASSERT_EQUAL(err, ZK_EMARSHAL);
            CU_ASSERT_EQUAL(left, 0);
            release(g, x);
            free(cut);
        }
        free(p);
    }
}

/* Puts 'value' for each byte in turn.  What then decodes has one encoding,
 * and records are equal when these are. */
static void
check_damage(const struct golden *g, const char *hex, uint8_t value)
{
    size_t n;
    uint8_t *p = unhex(hex, &n);
    size_t left;
    int err;
    void *good = decode(g, p, n, &err, &left);
    struct zk_buf was = { 0 };

    g->encode(&was, good);
    for (size_t i = 0; i < n; i++) {
        uint8_t *bad = zk_xmemdup(p, n);
        struct zk_buf b = { 0 };
        void *x;

        bad[i] = value;
        x = decode(g, bad, n, &err, &left);
        if (err == ZK_OK) {
            bool same;

            g->encode(&b, x);
            CU_ASSERT(b.len + left <= n);
            same = b.len == was.len && memcmp(b.data, was.data, b.len) == 0;
            CU_ASSERT_EQUAL(g->equal(x, good), same);
            CU_ASSERT_EQUAL(g->equal(good, x), same);
        }
        zk_buf_fini(&b);
        release(g, x);
        free(bad);
    }
    zk_buf_fini(&was);
    release(g, good);
    free(p);
}

static void
test_damage_is_refused_or_read_as_what_it_says(void)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

    for (size_t i = 0; i < 2 * ZK_ARRAY_SIZE(goldens); i++) {
        const struct golden *g = &goldens[i / 2];

        /* NaN is not equal to itself: bits that make one are not damage to
         * a number's equality. */
        if (strcmp(g->name, "numbers") == 0
            || strcmp(g->name, "nested") == 0) {
            check_damage(g, g->hex[i % 2], 0x00);
            continue;
        }
        for (size_t v = 0; v < ZK_ARRAY_SIZE(values); v++) {
            check_damage(g, g->hex[i % 2], values[v]);
        }
    }
}

static void
test_bytes_behind_a_record_are_left(void)
{
    size_t n;
    uint8_t *p = unhex("00000002 2f61 01 aabbcc", &n);
    struct jute_get_data_request r;
    struct input_archive ia;

    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(jute_get_data_request_decode(&ia, &r), ZK_OK);
    CU_ASSERT_TRUE(zk_slice_eq_str(r.path, "/a"));
    CU_ASSERT_TRUE(r.watch);
    CU_ASSERT_EQUAL(input_archive_left(&ia), 3);
    jute_get_data_request_fini(&r);
    free(p);
}

static void
test_optional_read_only_byte(void)
{
    /* What a client since 3.4 sends, and one before: 45 and 44 bytes. */
    size_t n;
    uint8_t *p = unhex("00000000 0000000000000000 00002710 0000000000000000"
                       "00000010 00000000000000000000000000000000 01", &n);
    struct jute_connect_request r;
    struct input_archive ia;

    CU_ASSERT_EQUAL(n, 45);
    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(jute_connect_request_decode(&ia, &r), ZK_OK);
    CU_ASSERT_EQUAL(r.time_out, 10000);
    CU_ASSERT_EQUAL(r.passwd.len, 16);
    CU_ASSERT_EQUAL(input_archive_left(&ia), 1);
    CU_ASSERT_TRUE(input_archive_bool(&ia));

    input_archive_init(&ia, p, n - 1, LIMIT);
    CU_ASSERT_EQUAL(jute_connect_request_decode(&ia, &r), ZK_OK);
    CU_ASSERT_EQUAL(input_archive_left(&ia), 0);
    free(p);
}

static void
test_hostile_vector_counts(void)
{
    static const char *const lies[] = {
        "7fffffff", "7fffffff 00000000 00000000", "00000002 00000000",
        "10000000 ffffffff",
    };
    struct jute_get_children_response r;
    struct input_archive ia;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(lies); i++) {
        size_t n;
        uint8_t *p = unhex(lies[i], &n);

        input_archive_init(&ia, p, n, LIMIT);
        CU_ASSERT_EQUAL(jute_get_children_response_decode(&ia, &r),
                        ZK_EMARSHAL);
        CU_ASSERT_PTR_NULL(r.children.v);
        jute_get_children_response_fini(&r);
        free(p);
    }
}

static void
test_fini_leaves_an_empty_record(void)
{
    size_t n;
    uint8_t *p = unhex("00000001 00000001 61", &n);
    struct jute_close_session_txn r;
    struct input_archive ia;

    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(jute_close_session_txn_decode(&ia, &r), ZK_OK);
    CU_ASSERT_EQUAL(r.paths2_delete.n, 1);
    jute_close_session_txn_fini(&r);
    CU_ASSERT_EQUAL(r.paths2_delete.n, 0);
    CU_ASSERT_PTR_NULL(r.paths2_delete.v);
    jute_close_session_txn_fini(&r);
    free(p);
}

static void
test_print_escapes(void)
{
    struct jute_auth_packet r = {
        .type = 0,
        .scheme = ZK_SLICE_LIT("a\"\\\n\x7f\xc3\xa9"),
        .auth = ZK_SLICE_LIT(""),
    };
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    jute_auth_packet_print(out, &r);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "AuthPacket{type=0, scheme="
                           "\"a\\\"\\\\\\x0a\\x7f\xc3\xa9\", auth=0x}");
    free(text);
}

static void
test_lengths_of_fixed_records(void)
{
    CU_ASSERT_EQUAL(JUTE_STAT_LEN, 68);
    CU_ASSERT_EQUAL(JUTE_STAT_PERSISTED_LEN, 60);
    CU_ASSERT_EQUAL(JUTE_REPLY_HEADER_LEN, 16);
    CU_ASSERT_EQUAL(JUTE_TXN_HEADER_LEN, 32);
    CU_ASSERT_EQUAL(JUTE_FILE_HEADER_LEN, 16);
    CU_ASSERT_EQUAL(JUTE_MULTI_HEADER_LEN, 9);
    CU_ASSERT_EQUAL(JUTE_ACL_MIN_LEN, 12);
}

static const struct zk_test tests[] = {
    { "numbers are big-endian", test_numbers_are_big_endian },
    { "what is written is read", test_what_is_written_is_read },
    { "floats are IEEE bits", test_floats_are_ieee_bits },
    { "failure sticks", test_failure_sticks },
    { "nothing is an archive too", test_nothing_is_an_archive_too },
    { "slice lengths", test_slice_lengths },
    { "counts are bounded by what is left",
      test_counts_are_bounded_by_what_is_left },
    { "null and empty are written apart",
      test_slices_null_and_empty_are_written_apart },
    { "frame length is filled in", test_frame_length_is_filled_in },
    { "records are Java's bytes", test_records_are_javas_bytes },
    { "every truncation fails", test_every_truncation_fails },
    { "damage is refused or read as what it says",
      test_damage_is_refused_or_read_as_what_it_says },
    { "bytes behind a record are left", test_bytes_behind_a_record_are_left },
    { "optional readOnly byte", test_optional_read_only_byte },
    { "hostile vector counts", test_hostile_vector_counts },
    { "fini leaves an empty record", test_fini_leaves_an_empty_record },
    { "print escapes", test_print_escapes },
    { "lengths of fixed records", test_lengths_of_fixed_records },
};

ZK_TEST_MAIN("jute", tests)
