/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "../lib/zk_test.h"

#include "proto/acl_codec.h"
#include "proto/frame.h"
#include "proto/keeper_error.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"
#include "proto/quorum_packet.h"
#include "proto/request_codec.h"
#include "unhex.h"

#define LIMIT 1000

/* --- Tables ----------------------------------------------------------- */

static void
test_error_codes_and_names(void)
{
    CU_ASSERT_EQUAL(KE_OK, 0);
    CU_ASSERT_EQUAL(KE_NO_NODE, -101);
    CU_ASSERT_EQUAL(KE_BAD_VERSION, -103);
    CU_ASSERT_EQUAL(KE_THROTTLED_OP, -127);
    CU_ASSERT_STRING_EQUAL(keeper_error_name(-111), "NOTEMPTY");
    CU_ASSERT_STRING_EQUAL(keeper_error_message(-111),
                           "Directory not empty");
    CU_ASSERT_STRING_EQUAL(keeper_error_message(-101), "NoNode");
    CU_ASSERT_STRING_EQUAL(keeper_error_name(-9), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(keeper_error_message(1), "Unknown error");
}

static void
test_op_codes(void)
{
    static const int32_t writes[] = {
        OP_CREATE, OP_DELETE, OP_SET_DATA, OP_SET_ACL, OP_CHECK, OP_MULTI,
        OP_CREATE2, OP_RECONFIG, OP_CREATE_CONTAINER, OP_DELETE_CONTAINER,
        OP_CREATE_TTL, OP_CREATE_SESSION, OP_CLOSE_SESSION, OP_ERROR,
    };
    unsigned n = 0;

    for (int32_t op = -20; op < 200; op++) {
        n += op_code_is_write(op);
        /* What nobody knows nobody may send. */
        CU_ASSERT(!op_code_from_client(op) || op_code_is_known(op));
    }
    CU_ASSERT_EQUAL(n, ZK_ARRAY_SIZE(writes));
    for (size_t i = 0; i < ZK_ARRAY_SIZE(writes); i++) {
        CU_ASSERT_TRUE(op_code_is_write(writes[i]));
    }
    CU_ASSERT_FALSE(op_code_is_write(OP_SYNC));
    CU_ASSERT_FALSE(op_code_is_known(10));
    CU_ASSERT_FALSE(op_code_is_known(99));
    CU_ASSERT_FALSE(op_code_is_write(INT32_MIN));
    CU_ASSERT_STRING_EQUAL(op_code_name(OP_GET_CHILDREN2), "getChildren2");
    CU_ASSERT_STRING_EQUAL(op_code_name(99), "unknown");
    CU_ASSERT_STRING_EQUAL(op_code_lop(OP_CREATE_TTL), "CREA");
    CU_ASSERT_STRING_EQUAL(op_code_lop(OP_GET_ALL_CHILDREN_NUMBER),
                           "GETACN");
    CU_ASSERT_STRING_EQUAL(op_code_lop(OP_AUTH), "NA");
}

static void
test_poison_is_not_from_clients(void)
{
    static const int32_t internal[] = {
        OP_CHECK, OP_DELETE_CONTAINER, OP_CREATE_SESSION, OP_ERROR,
        OP_NOTIFICATION,
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(internal); i++) {
        CU_ASSERT_TRUE(op_code_is_known(internal[i]));
        CU_ASSERT_FALSE(op_code_from_client(internal[i]));
    }
    CU_ASSERT_TRUE(op_code_from_client(OP_CLOSE_SESSION));
    CU_ASSERT_TRUE(op_code_from_client(OP_WHO_AM_I));
}

/* --- ACLs ------------------------------------------------------------- */

static void
test_constant_acls(void)
{
    struct acl_iter it;
    struct acl_entry e;

    CU_ASSERT_TRUE(acl_raw_valid(acl_raw_open));
    CU_ASSERT_TRUE(acl_raw_valid(acl_raw_read_only));
    CU_ASSERT_TRUE(acl_raw_valid(acl_raw_empty));
    acl_iter_init(&it, acl_raw_open);
    CU_ASSERT_TRUE(acl_iter_next(&it, &e));
    CU_ASSERT_EQUAL(e.perms, ACL_PERM_ALL);
    CU_ASSERT_TRUE(zk_slice_eq_str(e.scheme, "world"));
    CU_ASSERT_TRUE(zk_slice_eq_str(e.id, "anyone"));
    CU_ASSERT_FALSE(acl_iter_next(&it, &e));
    acl_iter_init(&it, acl_raw_read_only);
    CU_ASSERT_TRUE(acl_iter_next(&it, &e));
    CU_ASSERT_EQUAL(e.perms, ACL_PERM_READ);
    CU_ASSERT_EQUAL(acl_raw_count(acl_raw_empty), 0);
}

static void
test_acls_built_are_acls_read(void)
{
    struct zk_buf b = { 0 };
    struct input_archive ia;
    struct zk_slice raw;
    struct acl_iter it;
    struct acl_entry e;
    size_t at;

    output_archive_int(&b, 99);
    at = acl_encode_begin(&b);
    acl_encode_add(&b, at, 31, ZK_SLICE_LIT("world"), ZK_SLICE_LIT("anyone"));
    acl_encode_add(&b, at, -1, ZK_SLICE_NULL, ZK_SLICE_LIT(""));
    output_archive_int(&b, 77);
    input_archive_init(&ia, b.data, b.len, LIMIT);
    CU_ASSERT_EQUAL(input_archive_int(&ia), 99);
    CU_ASSERT_EQUAL(acl_raw_read(&ia, &raw), ZK_OK);
    CU_ASSERT_EQUAL(input_archive_int(&ia), 77);
    CU_ASSERT_EQUAL((size_t) raw.len, b.len - 8);
    CU_ASSERT_PTR_EQUAL(raw.p, b.data + 4);     /* Borrowed. */
    CU_ASSERT_EQUAL(acl_raw_count(raw), 2);
    CU_ASSERT_TRUE(acl_raw_valid(raw));

    acl_iter_init(&it, raw);
    CU_ASSERT_TRUE(acl_iter_next(&it, &e));
    CU_ASSERT_TRUE(acl_iter_next(&it, &e));
    CU_ASSERT_EQUAL(e.perms, -1);
    CU_ASSERT_TRUE(zk_slice_is_null(e.scheme));
    CU_ASSERT_EQUAL(e.id.len, 0);
    CU_ASSERT_FALSE(acl_iter_next(&it, &e));
    CU_ASSERT_FALSE(acl_iter_next(&it, &e));
    zk_buf_fini(&b);
}

/* Reads a list from 'text': expects 'err' and a raw list of these bytes. */
static void
check_acl(const char *text, int err, const char *raw_text)
{
    struct input_archive ia;
    struct zk_slice raw;
    struct zk_buf b = { 0 };
    struct acl_iter it;
    struct acl_entry e;
    size_t n;
    uint8_t *p = unhex(text, &n);

    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(acl_raw_read(&ia, &raw), err);
    acl_raw_append(&b, raw);
    CU_ASSERT_TRUE(buf_is(&b, raw_text));
    acl_iter_init(&it, raw);
    while (acl_iter_next(&it, &e)) {
        continue;
    }
    zk_buf_fini(&b);
    free(p);
}

static void
test_odd_acl_lists(void)
{
    check_acl("ffffffff", ZK_OK, "ffffffff");
    check_acl("fffffff9", ZK_OK, "00000000");   /* Empty for Java. */
    check_acl("00000000", ZK_OK, "00000000");
    check_acl("00000001 00000001 ffffffff ffffffff", ZK_OK,
              "00000001 00000001 ffffffff ffffffff");
    check_acl("7fffffff 00000001 ffffffff ffffffff", ZK_EMARSHAL, "00000000");
    check_acl("00000002 00000001 00000004 'abcd' 00000004 'abcd'",
              ZK_EMARSHAL, "00000000");
    check_acl("00000001 00000001 7fffffff 00000000", ZK_ETOOBIG, "00000000");
    check_acl("00000001 00000001 fffffffe 00000000", ZK_ETOOBIG, "00000000");
    check_acl("000000", ZK_EMARSHAL, "00000000");

    CU_ASSERT_FALSE(acl_raw_valid(ZK_SLICE_NULL));
    CU_ASSERT_FALSE(acl_raw_valid(ZK_SLICE_LIT("")));
    CU_ASSERT_FALSE(acl_raw_valid(ZK_SLICE_LIT("\0\0\0\0\0")));
    CU_ASSERT_EQUAL(acl_raw_count(ZK_SLICE_NULL), -1);
    CU_ASSERT_EQUAL(acl_raw_count(ZK_SLICE_LIT("\377\377\377\377")), -1);
}

static void
test_null_slice_is_written_as_the_null_list(void)
{
    struct zk_buf b = { 0 };

    acl_raw_append(&b, ZK_SLICE_NULL);
    CU_ASSERT_TRUE(buf_is(&b, "ffffffff"));
    zk_buf_fini(&b);
}

/* --- Requests --------------------------------------------------------- */

static void
test_create_requests(void)
{
    struct create_view v;
    struct input_archive ia;
    size_t n;
    uint8_t *p = unhex("00000005 '/a/e-' ffffffff" OPEN "00000003", &n);

    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(create_view_decode(&v, OP_CREATE2, &ia), ZK_OK);
    CU_ASSERT_TRUE(zk_slice_eq_str(v.path, "/a/e-"));
    CU_ASSERT_TRUE(zk_slice_is_null(v.data));
    CU_ASSERT_TRUE(zk_slice_eq(v.acl, acl_raw_open));
    CU_ASSERT_EQUAL(v.flags, CREATE_EPHEMERAL_SEQUENTIAL);
    CU_ASSERT_EQUAL(v.ttl, -1);

    /* The same bytes are no createTTL: that has a ttl behind. */
    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(create_view_decode(&v, OP_CREATE_TTL, &ia), ZK_EMARSHAL);
    for (size_t len = 0; len < n; len++) {
        input_archive_init(&ia, p, len, LIMIT);
        CU_ASSERT_EQUAL(create_view_decode(&v, OP_CREATE, &ia), ZK_EMARSHAL);
    }
    free(p);

    p = unhex("00000002 '/t' 00000000" OPEN "00000005 000000000000ea60", &n);
    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(create_view_decode(&v, OP_CREATE_TTL, &ia), ZK_OK);
    CU_ASSERT_EQUAL(v.ttl, 60000);
    CU_ASSERT_EQUAL(v.data.len, 0);
    input_archive_init(&ia, p, n, 1);
    CU_ASSERT_EQUAL(create_view_decode(&v, OP_CREATE_TTL, &ia), ZK_ETOOBIG);
    free(p);
}

static void
test_set_acl_request(void)
{
    struct set_acl_view v;
    struct input_archive ia;
    size_t n;
    uint8_t *p = unhex("00000002 '/a' 00000001 0000001f 00000006 'digest'"
                       "00000006 'u:abc=' ffffffff", &n);

    input_archive_init(&ia, p, n, LIMIT);
    CU_ASSERT_EQUAL(set_acl_view_decode(&v, &ia), ZK_OK);
    CU_ASSERT_TRUE(zk_slice_eq_str(v.path, "/a"));
    CU_ASSERT_EQUAL(acl_raw_count(v.acl), 1);
    CU_ASSERT_EQUAL(v.version, -1);
    for (size_t len = 0; len < n; len++) {
        input_archive_init(&ia, p, len, LIMIT);
        CU_ASSERT_EQUAL(set_acl_view_decode(&v, &ia), ZK_EMARSHAL);
    }
    free(p);
}

static void
test_create_flags(void)
{
    for (int32_t f = -2; f < 10; f++) {
        CU_ASSERT_EQUAL(create_flags_valid(f), f >= 0 && f <= 6);
        CU_ASSERT_EQUAL(create_flags_ephemeral(f), f == 1 || f == 3);
        CU_ASSERT_EQUAL(create_flags_sequential(f),
                        f == 2 || f == 3 || f == 6);
        CU_ASSERT_EQUAL(create_flags_ttl(f), f == 5 || f == 6);
    }
}

/* --- Frames ----------------------------------------------------------- */

static void
test_replies_as_captured(void)
{
    struct zk_buf b = { 0 };
    size_t at;

    frame_reply(&b, 7, 5, KE_BAD_VERSION);
    CU_ASSERT_TRUE(buf_is(&b, "00000010 00000007 0000000000000005 ffffff99"));
    zk_buf_clear(&b);

    /* Behind another reply, as in a connection's buffer. */
    frame_reply(&b, XID_PING, 1, 0);
    at = frame_reply_begin(&b, 1, 2, 0);
    output_archive_slice(&b, ZK_SLICE_LIT("/a"));
    frame_reply_end(&b, at);
    CU_ASSERT_TRUE(buf_is(&b, "00000010 fffffffe 0000000000000001 00000000"
                          "00000016 00000001 0000000000000002 00000000"
                          "00000002 '/a'"));
    zk_buf_clear(&b);

    frame_watch_event(&b, 4, 3, 3, ZK_SLICE_LIT("/a"));
    CU_ASSERT_TRUE(buf_is(&b, "0000001e ffffffff 0000000000000004 00000000"
                          "00000003 00000003 00000002 '/a'"));
    zk_buf_fini(&b);
}

static void
test_a_failed_reply_has_no_body(void)
{
    struct zk_buf b = { 0 };
    size_t at;

    frame_reply(&b, 9, 9, 0);
    at = frame_reply_begin(&b, 10, 6, 0);
    output_archive_slice(&b, ZK_SLICE_LIT("half a body"));
    frame_reply_fail(&b, at, KE_NO_AUTH);
    CU_ASSERT_TRUE(buf_is(&b, "00000010 00000009 0000000000000009 00000000"
                          "00000010 0000000a 0000000000000006 ffffff9a"));
    zk_buf_fini(&b);
}

/* --- multi ------------------------------------------------------------ */

#define MULTI_END "(ffffffff 01 ffffffff)"

static void
test_multi_request_as_captured(void)
{
    struct multi_request mr;
    struct multi_op mo;
    size_t n;
    uint8_t *p = unhex(
        "(0000000d 00 ffffffff) 00000002 '/c' 00000000 "
        "(00000001 00 ffffffff) 00000002 '/m' 00000000" OPEN "00000000 "
        "(00000005 00 ffffffff) 00000002 '/m' 00000001 'z' 00000000 "
        "(00000002 00 ffffffff) 00000002 '/m' 00000001 " MULTI_END, &n);

    CU_ASSERT_EQUAL(multi_request_count(OP_MULTI, p, n, LIMIT), 4);
    multi_request_init(&mr, OP_MULTI, p, n, LIMIT);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_CHECK);
    CU_ASSERT_TRUE(zk_slice_eq_str(mo.path, "/c"));
    CU_ASSERT_EQUAL(mo.version, 0);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_CREATE);
    CU_ASSERT_EQUAL(mo.data.len, 0);
    CU_ASSERT_TRUE(zk_slice_eq(mo.acl, acl_raw_open));
    CU_ASSERT_EQUAL(mo.flags, 0);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_SET_DATA);
    CU_ASSERT_TRUE(zk_slice_eq_str(mo.data, "z"));
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_DELETE);
    CU_ASSERT_EQUAL(mo.version, 1);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 0);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 0);

    for (size_t len = 0; len < n; len++) {
        uint8_t *cut = zk_xmemdup(p, len + 1);

        CU_ASSERT_EQUAL(multi_request_count(OP_MULTI, cut, len, LIMIT),
                        ZK_EMARSHAL);
        free(cut);
    }
    CU_ASSERT_EQUAL(multi_request_count(OP_MULTI, p, n, 1), ZK_ETOOBIG);
    free(p);
}

static void
test_multi_read_request_as_captured(void)
{
    struct multi_request mr;
    struct multi_op mo;
    size_t n;
    uint8_t *p = unhex("(00000004 00 ffffffff) 00000002 '/c' 00 "
                       "(00000008 00 ffffffff) 00000005 '/none' 01 "
                       MULTI_END "cafe", &n);

    multi_request_init(&mr, OP_MULTI_READ, p, n, LIMIT);
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_GET_DATA);
    CU_ASSERT_TRUE(zk_slice_eq_str(mo.path, "/c"));
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 1);
    CU_ASSERT_EQUAL(mo.type, OP_GET_CHILDREN);
    CU_ASSERT_TRUE(zk_slice_eq_str(mo.path, "/none"));
    CU_ASSERT_EQUAL(multi_request_next(&mr, &mo), 0);
    free(p);
}

static int32_t
count_of(int32_t op, const char *text)
{
    size_t n;
    uint8_t *p = unhex(text, &n);
    int32_t count = multi_request_count(op, p, n, LIMIT);

    free(p);
    return count;
}

#define CREATE_OP(op, flags)                                              \
    "(000000" op "00 ffffffff) 00000002 '/x' 00000001 'd'" OPEN flags
#define TTL "00000000000003e8"
#define READ_OP "(00000004 00 ffffffff) 00000001 '/' 00 "
#define DELETE_OP "(00000002 00 ffffffff) 00000002 '/x' ffffffff "

static void
test_multi_takes_writes_and_multi_read_reads(void)
{
    CU_ASSERT_EQUAL(count_of(OP_MULTI, MULTI_END), 0);
    CU_ASSERT_EQUAL(count_of(OP_MULTI_READ, MULTI_END), 0);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, DELETE_OP MULTI_END), 1);
    CU_ASSERT_EQUAL(count_of(OP_MULTI_READ, READ_OP READ_OP MULTI_END), 2);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, READ_OP MULTI_END), ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI_READ, DELETE_OP MULTI_END),
                    ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, DELETE_OP READ_OP MULTI_END),
                    ZK_EMARSHAL);
    /* getACL, a multi in a multi, an unknown op. */
    CU_ASSERT_EQUAL(count_of(OP_MULTI_READ, "(00000006 00 ffffffff)"
                             "00000001 '/'" MULTI_END), ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, "(0000000e 00 ffffffff)" MULTI_END
                             MULTI_END), ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, "(00000037 00 ffffffff)" MULTI_END),
                    ZK_EMARSHAL);
}

static void
test_done_ends_a_multi_whatever_its_type(void)
{
    CU_ASSERT_EQUAL(count_of(OP_MULTI, "(00000001 01 ffffffff)"), 0);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, "(ffffffff 00 ffffffff)" MULTI_END),
                    ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, ""), ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI, CREATE_OP("01", "00000000")),
                    ZK_EMARSHAL);
}

static void
test_null_paths_of_writes_do_not_decode(void)
{
    CU_ASSERT_EQUAL(count_of(OP_MULTI, "(00000002 00 ffffffff) ffffffff "
                             "ffffffff" MULTI_END), ZK_EMARSHAL);
    CU_ASSERT_EQUAL(count_of(OP_MULTI_READ, "(00000004 00 ffffffff) ffffffff "
                             "00" MULTI_END), 1);
}

/* The type that a create inside a multi gets, or an error. */
static int32_t
create_type(const char *text, int64_t *ttl)
{
    struct multi_request mr;
    struct multi_op mo = { .type = 0 };
    size_t n;
    uint8_t *p = unhex(text, &n);
    int rv;

    multi_request_init(&mr, OP_MULTI, p, n, LIMIT);
    rv = multi_request_next(&mr, &mo);
    *ttl = mo.ttl;
    free(p);
    return rv == 1 ? mo.type : rv;
}

static void
test_flags_decide_the_kind_of_create(void)
{
    int64_t ttl;

    /* The rules of 3.9. */
    CU_ASSERT_EQUAL(create_type(CREATE_OP("01", "00000000"), &ttl),
                    OP_CREATE);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("01", "00000004"), &ttl),
                    OP_CREATE_CONTAINER);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("01", "00000005"), &ttl),
                    OP_CREATE);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("0f", "00000003"), &ttl),
                    OP_CREATE2);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("0f", "00000004"), &ttl),
                    OP_CREATE_CONTAINER);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("0f", "00000006"), &ttl),
                    OP_CREATE2);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("13", "00000001"), &ttl),
                    OP_CREATE_CONTAINER);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("13", "00000004"), &ttl),
                    OP_CREATE_CONTAINER);
    /* Not a mode. */
    CU_ASSERT_EQUAL(create_type(CREATE_OP("01", "00000007"), &ttl),
                    ZK_EMARSHAL);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("0f", "ffffffff"), &ttl),
                    ZK_EMARSHAL);
    CU_ASSERT_EQUAL(ttl, -1);

    CU_ASSERT_EQUAL(create_type(CREATE_OP("15", "00000000" TTL), &ttl),
                    OP_CREATE);
    CU_ASSERT_EQUAL(ttl, -1);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("15", "00000004" TTL), &ttl),
                    OP_CREATE_CONTAINER);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("15", "00000006" TTL), &ttl),
                    OP_CREATE_TTL);
    CU_ASSERT_EQUAL(ttl, 1000);
    CU_ASSERT_EQUAL(create_type(CREATE_OP("15", "00000005"), &ttl),
                    ZK_EMARSHAL);
}

static const struct jute_stat a_stat = {
    .czxid = 7, .mzxid = 8, .ctime = 0x1a204460a74, .mtime = 0x1a204460a96,
    .version = 2, .cversion = 1, .data_length = 3, .num_children = 4,
    .pzxid = 9,
};
#define A_STAT                                                            \
    "<0000000000000007 0000000000000008 000001a204460a74 "                \
    "000001a204460a96 00000002 00000001 00000000 0000000000000000 "       \
    "00000003 00000004 0000000000000009>"

static void
test_multi_results(void)
{
    struct zk_buf b = { 0 };

    multi_result_check(&b);
    multi_result_create(&b, ZK_SLICE_LIT("/m1"));
    multi_result_set_data(&b, &a_stat);
    multi_result_delete(&b);
    multi_result_create2(&b, ZK_SLICE_LIT("/m2"), &a_stat);
    multi_result_end(&b);
    CU_ASSERT_TRUE(buf_is(&b, "(0000000d 00 00000000) (00000001 00 00000000)"
                          "00000003 '/m1' (00000005 00 00000000)" A_STAT
                          "(00000002 00 00000000) (0000000f 00 00000000)"
                          "00000003 '/m2'" A_STAT MULTI_END));
    zk_buf_clear(&b);

    multi_result_get_data(&b, ZK_SLICE_LIT("mm"), &a_stat);
    multi_result_error(&b, KE_NO_NODE);
    multi_result_get_children(&b);
    output_archive_int(&b, 0);
    multi_result_end(&b);
    CU_ASSERT_TRUE(buf_is(&b, "(00000004 00 00000000) 00000002 'mm'" A_STAT
                          "(ffffffff 00 ffffff9b) ffffff9b"
                          "(00000008 00 00000000) 00000000" MULTI_END));
    zk_buf_clear(&b);

    multi_result_error(&b, KE_OK);
    multi_result_error(&b, KE_BAD_VERSION);
    multi_result_error(&b, KE_RUNTIME_INCONSISTENCY);
    multi_result_end(&b);
    CU_ASSERT_TRUE(buf_is(&b, "(ffffffff 00 00000000) 00000000"
                          "(ffffffff 00 ffffff99) ffffff99"
                          "(ffffffff 00 fffffffe) fffffffe" MULTI_END));
    zk_buf_fini(&b);
}

/* --- Quorum packets --------------------------------------------------- */

static void
test_quorum_packets_as_captured(void)
{
    struct zk_buf b = { 0 };

    quorum_packet_encode(&b, QP_ACK, 0x100000000, ZK_SLICE_NULL);
    CU_ASSERT_TRUE(buf_is(&b, "00000003 0000000100000000 ffffffff ffffffff"));
    zk_buf_clear(&b);
    quorum_packet_encode(&b, QP_LEADERINFO, 0x100000000,
                         ZK_SLICE_LIT("\0\1\0\0"));
    CU_ASSERT_TRUE(buf_is(&b, "00000011 0000000100000000 00000004 00010000 "
                          "ffffffff"));
    zk_buf_fini(&b);
    CU_ASSERT_STRING_EQUAL(quorum_packet_name(2), "PROPOSAL");
    CU_ASSERT_STRING_EQUAL(quorum_packet_name(19), "INFORMANDACTIVATE");
    CU_ASSERT_STRING_EQUAL(quorum_packet_name(0), "UNKNOWN");
}

/* Feeds a packet byte by byte: what is asked for never goes past its end,
 * and is never less than what is there. */
static void
check_packet_size(const char *text)
{
    size_t n;
    uint8_t *p = unhex(text, &n);
    size_t size = 0;

    for (size_t have = 0; have <= n; have++) {
        uint8_t *part = zk_xmalloc(have + 1);
        int rv;

        memcpy(part + 1, p, have);
        rv = quorum_packet_size(part + 1, have, LIMIT, &size);
        CU_ASSERT(rv == ZK_OK || rv == ZK_ETORN);
        CU_ASSERT(size <= n);
        CU_ASSERT(rv == ZK_OK ? size == n : size > have);
        free(part);
    }
    CU_ASSERT_EQUAL(size, n);
    free(p);
}

static int
packet_size_error(const char *text)
{
    size_t n;
    uint8_t *p = unhex(text, &n);
    size_t size = 0;
    int rv = quorum_packet_size(p, n, LIMIT, &size);

    free(p);
    return rv;
}

static void
test_packet_sizes_from_a_stream(void)
{
    check_packet_size("00000003 0000000100000000 ffffffff ffffffff");
    check_packet_size("00000005 000000010000000f 0000000c 0200000d80d30000 "
                      "00002710 ffffffff");
    check_packet_size("00000001 ffffffffffffffff 00000002 'xy' 00000002 "
                      "00000002 'ip' 00000009 '127.0.0.1' ffffffff 00000000");
    CU_ASSERT_EQUAL(packet_size_error("00000003 0000000100000000 000003e9"),
                    ZK_ETOOBIG);
    CU_ASSERT_EQUAL(packet_size_error("00000003 0000000100000000 fffffffe"),
                    ZK_ETOOBIG);
    CU_ASSERT_EQUAL(packet_size_error("00000003 0000000100000000 ffffffff "
                                      "7fffffff"), ZK_EMARSHAL);
    CU_ASSERT_EQUAL(packet_size_error("00000003 0000000100000000 ffffffff "
                                      "00000001 7fffffff"), ZK_ETOOBIG);
}

static struct learner_info
learner_info(const char *text)
{
    struct learner_info li;
    size_t n;
    uint8_t *p = unhex(text, &n);

    learner_info_decode(&li, zk_slice(p, (int32_t) n));
    free(p);
    return li;
}

static void
test_learner_info_of_all_versions(void)
{
    struct learner_info li;

    li = learner_info("0000000000000001 00010000 0000000100000002");
    CU_ASSERT_EQUAL(li.sid, 1);
    CU_ASSERT_EQUAL(li.protocol_version, 0x10000);
    CU_ASSERT_TRUE(li.has_config_version);
    CU_ASSERT_EQUAL(li.config_version, 0x100000002);
    li = learner_info("0000000000000002 00010000");
    CU_ASSERT_EQUAL(li.sid, 2);
    CU_ASSERT_EQUAL(li.protocol_version, 0x10000);
    CU_ASSERT_FALSE(li.has_config_version);
    li = learner_info("0000000000000003");
    CU_ASSERT_EQUAL(li.sid, 3);
    CU_ASSERT_EQUAL(li.protocol_version, 1);
    li = learner_info("00000000000003");
    CU_ASSERT_EQUAL(li.sid, -1);
    learner_info_decode(&li, ZK_SLICE_NULL);
    CU_ASSERT_EQUAL(li.sid, -1);
}

static const struct zk_test tests[] = {
    { "error codes and names", test_error_codes_and_names },
    { "op codes", test_op_codes },
    { "poison is not from clients", test_poison_is_not_from_clients },
    { "constant ACLs", test_constant_acls },
    { "ACLs built are ACLs read", test_acls_built_are_acls_read },
    { "odd ACL lists", test_odd_acl_lists },
    { "a null slice is written as the null list",
      test_null_slice_is_written_as_the_null_list },
    { "create requests", test_create_requests },
    { "setACL request", test_set_acl_request },
    { "create flags", test_create_flags },
    { "replies as captured", test_replies_as_captured },
    { "a failed reply has no body", test_a_failed_reply_has_no_body },
    { "multi request as captured", test_multi_request_as_captured },
    { "multiRead request as captured", test_multi_read_request_as_captured },
    { "multi takes writes and multiRead reads",
      test_multi_takes_writes_and_multi_read_reads },
    { "done ends a multi whatever its type",
      test_done_ends_a_multi_whatever_its_type },
    { "null paths of writes do not decode",
      test_null_paths_of_writes_do_not_decode },
    { "flags decide the kind of create",
      test_flags_decide_the_kind_of_create },
    { "multi results", test_multi_results },
    { "quorum packets as captured", test_quorum_packets_as_captured },
    { "packet sizes from a stream", test_packet_sizes_from_a_stream },
    { "learner info of all versions", test_learner_info_of_all_versions },
};

ZK_TEST_MAIN("proto", tests)
