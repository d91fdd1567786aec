/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "../lib/zk_test.h"

#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "jute/output_archive.h"
#include "proto/txn_codec.h"
#include "unhex.h"

#define LIMIT 1000

enum golden {
#define GOLDEN_TXN(name, hex) GOLDEN_##name,
#include "golden_txns.h"
#undef GOLDEN_TXN
    N_GOLDEN
};

static const char *const goldens[] = {
#define GOLDEN_TXN(name, hex) hex,
#include "golden_txns.h"
#undef GOLDEN_TXN
};

/* The bytes behind a view must outlive it. */
struct reading {
    uint8_t *p;
    size_t n;
    struct txn_view v;
    struct zk_errmsg em;
    int err;
};

static struct reading *
read_txn(const char *text)
{
    struct reading *r = zk_xcalloc(1, sizeof *r);

    r->p = unhex(text, &r->n);
    memset(&r->v, 0xa5, sizeof r->v);   /* Nothing may be taken for set. */
    r->err = txn_view_decode(&r->v, r->p, r->n, LIMIT, &r->em);
    return r;
}

static void
done(struct reading *r)
{
    free(r->p);
    free(r);
}

/* Writes the body that 'v' shows. */
static void
encode_body(struct zk_buf *b, const struct txn_view *v)
{
    struct txn_multi_iter it;
    struct txn_paths_iter pit;
    struct txn_view sub;
    struct zk_slice path;
    size_t at;
    size_t sub_at;

    switch (v->type) {
    case OP_CREATE:
    case OP_CREATE2:
        txn_encode_create(b, v->path, v->data, v->acl, v->ephemeral,
                          v->parent_cversion);
        break;
    case OP_CREATE_CONTAINER:
        txn_encode_create_container(b, v->path, v->data, v->acl,
                                    v->parent_cversion);
        break;
    case OP_CREATE_TTL:
        txn_encode_create_ttl(b, v->path, v->data, v->acl,
                              v->parent_cversion, v->ttl);
        break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        txn_encode_delete(b, v->path);
        break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        txn_encode_set_data(b, v->path, v->data, v->version);
        break;
    case OP_SET_ACL:
        txn_encode_set_acl(b, v->path, v->acl, v->version);
        break;
    case OP_CHECK:
        txn_encode_check(b, v->path, v->version);
        break;
    case OP_ERROR:
        txn_encode_error(b, v->err);
        break;
    case OP_CREATE_SESSION:
        txn_encode_create_session(b, v->timeout);
        break;
    case OP_CLOSE_SESSION:
        if (zk_slice_is_null(v->paths)) {
            break;
        }
        at = txn_encode_close_session_begin(b);
        txn_paths_begin(&pit, v->paths);
        while (txn_paths_next(&pit, &path)) {
            if (path.len > 0) {         /* No znode has an empty path. */
                txn_encode_close_session_add(b, at, path);
            }
        }
        break;
    case OP_MULTI:
        at = txn_encode_multi_begin(b);
        txn_multi_begin(&it, v);
        while (txn_multi_next(&it, &sub)) {
            sub_at = txn_encode_multi_add_begin(b, at, sub.type);
            encode_body(b, &sub);
            txn_encode_multi_add_end(b, sub_at);
        }
        break;
    default:
        CU_FAIL("type");
        break;
    }
}

static void
encode(struct zk_buf *b, const struct txn_view *v)
{
    txn_encode_header(b, v->client_id, v->cxid, v->zxid, v->time, v->type);
    encode_body(b, v);
    if (v->has_digest) {
        txn_encode_digest(b, v->digest_version, v->digest);
    }
}

static void
test_javas_log_is_read_and_written_alike(void)
{
    for (size_t i = 0; i < N_GOLDEN; i++) {
        struct reading *r = read_txn(goldens[i]);
        struct zk_buf b = { 0 };

        CU_ASSERT_EQUAL_FATAL(r->err, ZK_OK);
        CU_ASSERT_EQUAL(r->v.zxid, (int64_t) i + 1);
        encode(&b, &r->v);
        CU_ASSERT_TRUE(buf_is(&b, goldens[i]));
        zk_buf_fini(&b);
        done(r);
    }
}

static void
test_fields_of_each_type(void)
{
    struct reading *r = read_txn(goldens[GOLDEN_create2_ephemeral]);

    CU_ASSERT_EQUAL(r->v.type, OP_CREATE2);
    CU_ASSERT_EQUAL(r->v.cxid, 2);
    CU_ASSERT_EQUAL(r->v.client_id >> 56, 1);
    CU_ASSERT_TRUE(zk_slice_eq_str(r->v.path, "/a/e-0000000000"));
    CU_ASSERT_TRUE(zk_slice_eq_str(r->v.data, "x"));
    CU_ASSERT_TRUE(zk_slice_eq(r->v.acl, acl_raw_open));
    CU_ASSERT_TRUE(r->v.ephemeral);
    CU_ASSERT_EQUAL(r->v.parent_cversion, 1);
    CU_ASSERT_TRUE(r->v.has_digest);
    CU_ASSERT_EQUAL(r->v.digest_version, TXN_DIGEST_VERSION);
    CU_ASSERT_TRUE(zk_slice_is_null(r->v.paths));
    done(r);

    r = read_txn(goldens[GOLDEN_create_session]);
    CU_ASSERT_EQUAL(r->v.timeout, 10000);
    CU_ASSERT_EQUAL(r->v.digest, 0x51c6d660);   /* Of the empty tree. */
    done(r);

    r = read_txn(goldens[GOLDEN_create_null_data]);
    CU_ASSERT_TRUE(zk_slice_is_null(r->v.data));
    CU_ASSERT_FALSE(r->v.ephemeral);
    done(r);

    r = read_txn(goldens[GOLDEN_set_data]);
    CU_ASSERT_TRUE(zk_slice_eq_str(r->v.data, "v2"));
    CU_ASSERT_EQUAL(r->v.version, 1);
    done(r);

    r = read_txn(goldens[GOLDEN_error]);
    CU_ASSERT_EQUAL(r->v.err, KE_BAD_VERSION);
    CU_ASSERT_FALSE(r->v.has_digest);
    done(r);

    r = read_txn(goldens[GOLDEN_create_ttl]);
    CU_ASSERT_EQUAL(r->v.ttl, 60000);
    CU_ASSERT_EQUAL(r->v.parent_cversion, 6);
    done(r);

    r = read_txn(goldens[GOLDEN_set_acl]);
    CU_ASSERT_EQUAL(acl_raw_count(r->v.acl), 1);
    CU_ASSERT_EQUAL(r->v.version, 1);
    done(r);
}

static void
test_multi_is_iterated(void)
{
    static const int32_t types[] = { OP_CHECK, OP_CREATE, OP_SET_DATA,
                                     OP_DELETE, OP_CREATE_CONTAINER,
                                     OP_CREATE_TTL };
    struct reading *r = read_txn(goldens[GOLDEN_multi]);
    struct txn_multi_iter it;
    struct txn_view sub;
    size_t i = 0;

    CU_ASSERT_EQUAL(txn_multi_begin(&it, &r->v), ZK_ARRAY_SIZE(types));
    while (txn_multi_next(&it, &sub)) {
        CU_ASSERT_EQUAL(sub.type, types[i]);
        CU_ASSERT_EQUAL(sub.zxid, r->v.zxid);
        CU_ASSERT_EQUAL(sub.time, r->v.time);
        CU_ASSERT_EQUAL(sub.client_id, r->v.client_id);
        CU_ASSERT_EQUAL(sub.cxid, r->v.cxid);
        CU_ASSERT_FALSE(sub.has_digest);
        CU_ASSERT_TRUE(zk_slice_is_null(sub.multi));
        i++;
    }
    CU_ASSERT_EQUAL(i, ZK_ARRAY_SIZE(types));
    CU_ASSERT_TRUE(zk_slice_eq_str(sub.path, "/m3"));
    CU_ASSERT_EQUAL(sub.ttl, 60000);
    CU_ASSERT_TRUE(r->v.has_digest);
    done(r);

    r = read_txn(goldens[GOLDEN_multi_failed]);
    CU_ASSERT_EQUAL(txn_multi_begin(&it, &r->v), 3);
    CU_ASSERT_TRUE(txn_multi_next(&it, &sub));
    CU_ASSERT_EQUAL(sub.type, OP_CREATE);
    CU_ASSERT_TRUE(txn_multi_next(&it, &sub));
    CU_ASSERT_EQUAL(sub.type, OP_ERROR);
    CU_ASSERT_EQUAL(sub.err, KE_BAD_VERSION);
    CU_ASSERT_TRUE(zk_slice_is_null(sub.path));
    CU_ASSERT_TRUE(txn_multi_next(&it, &sub));
    CU_ASSERT_EQUAL(sub.err, KE_RUNTIME_INCONSISTENCY);
    CU_ASSERT_FALSE(txn_multi_next(&it, &sub));
    done(r);

    r = read_txn(goldens[GOLDEN_multi_empty]);
    CU_ASSERT_EQUAL(txn_multi_begin(&it, &r->v), 0);
    CU_ASSERT_FALSE(txn_multi_next(&it, &sub));
    done(r);
}

/* A header with session 1, cxid 2, zxid 0x100000003, time 4. */
#define HEADER(type)                                                      \
    "0000000000000001 00000002 0000000100000003 0000000000000004 " type
#define CLOSE HEADER("fffffff5")
#define DIGEST "00000002 0000000051c6d660"

/* How closeSession reads: whether with a list, of how many paths, and
 * whether with a digest. */
static void
check_close(const char *text, bool list, int32_t count, bool digest)
{
    struct reading *r = read_txn(text);
    struct txn_paths_iter it;

    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_EQUAL(!zk_slice_is_null(r->v.paths), list);
    CU_ASSERT_EQUAL(txn_paths_begin(&it, r->v.paths), count);
    CU_ASSERT_EQUAL(r->v.has_digest, digest);
    CU_ASSERT(!digest || r->v.digest == 0x51c6d660);
    done(r);
}

static void
test_close_session_in_all_forms(void)
{
    check_close(CLOSE, false, 0, false);                /* 3.4. */
    check_close(CLOSE DIGEST, false, 0, true);
    check_close(CLOSE "00000000", true, 0, false);
    check_close(CLOSE "00000000" DIGEST, true, 0, true);
    check_close(CLOSE "00000001 00000002 '/a'", true, 1, false);
    check_close(CLOSE "00000002 00000002 '/a' 00000002 '/b'" DIGEST, true, 2,
                true);
    check_close(CLOSE "ffffffff" DIGEST, true, 0, true);
    /* A list that ends too early is none, as for Java. */
    check_close(CLOSE "000000", false, 0, false);
    check_close(CLOSE "00000002 00000002 '/a'", false, 0, false);
    check_close(CLOSE "7fffffff 00000002 '/a'", false, 0, false);
}

static void
test_null_paths_of_close_session_are_left_out(void)
{
    struct reading *r = read_txn(CLOSE "00000003 00000002 '/a' ffffffff "
                                 "00000002 '/b'");
    struct txn_paths_iter it;
    struct zk_slice path;

    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_EQUAL(txn_paths_begin(&it, r->v.paths), 3);
    CU_ASSERT_TRUE(txn_paths_next(&it, &path));
    CU_ASSERT_TRUE(zk_slice_eq_str(path, "/a"));
    CU_ASSERT_TRUE(txn_paths_next(&it, &path));
    CU_ASSERT_TRUE(zk_slice_eq_str(path, "/b"));
    CU_ASSERT_FALSE(txn_paths_next(&it, &path));
    done(r);
}

static void
test_create_without_parent_cversion(void)
{
    struct reading *r = read_txn(HEADER("00000001") "00000002 '/a' 00000002 "
                                 "'v1'" OPEN "01");

    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_EQUAL(r->v.parent_cversion, -1);
    CU_ASSERT_TRUE(r->v.ephemeral);
    CU_ASSERT_TRUE(zk_slice_eq_str(r->v.data, "v1"));
    done(r);
    /* Only create is that old. */
    r = read_txn(HEADER("0000000f") "00000002 '/a' 00000002 'v1'" OPEN "01");
    CU_ASSERT_EQUAL(r->err, ZK_EMARSHAL);
    done(r);
}

static void
test_other_forms(void)
{
    struct reading *r;

    r = read_txn(HEADER("00000014") "00000004 '/ttl'" DIGEST);
    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_TRUE(zk_slice_eq_str(r->v.path, "/ttl"));
    CU_ASSERT_TRUE(r->v.has_digest);
    done(r);

    r = read_txn(HEADER("00000010") "00000011 '/zookeeper/config' 00000003 "
                 "'abc' ffffffff");
    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_EQUAL(r->v.version, -1);
    CU_ASSERT_FALSE(r->v.has_digest);
    done(r);

    /* Too few bytes for a digest, and more than one: ignored. */
    r = read_txn(HEADER("00000002") "00000002 '/a' 0102030405060708090a0b");
    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_FALSE(r->v.has_digest);
    done(r);
    r = read_txn(HEADER("00000002") "00000002 '/a'" DIGEST "cafe");
    CU_ASSERT_EQUAL(r->err, ZK_OK);
    CU_ASSERT_EQUAL(r->v.digest, 0x51c6d660);
    done(r);
}

static void
check_refused(const char *text, int err)
{
    struct reading *r = read_txn(text);

    CU_ASSERT_EQUAL(r->err, err);
    CU_ASSERT_NOT_EQUAL(r->em.text[0], '\0');
    done(r);
}

static void
test_what_is_no_transaction(void)
{
    check_refused("", ZK_EMARSHAL);
    check_refused(HEADER("0000000d") "00000002 '/a' 00000001", ZK_EMARSHAL);
    check_refused(HEADER("00000003") "00000002 '/a' 00", ZK_EMARSHAL);
    check_refused(HEADER("00000063"), ZK_EMARSHAL);
    check_refused(HEADER("00000002") "ffffffff", ZK_EMARSHAL);
    check_refused(HEADER("00000002") "7fffffff", ZK_ETOOBIG);
    check_refused(HEADER("00000001") "00000002 '/a' 000003e9", ZK_ETOOBIG);
    check_refused(CLOSE "00000001 7fffffff", ZK_ETOOBIG);
}

static void
test_what_no_multi_may_hold(void)
{
    /* A multi, a setACL, a closeSession, rubbish, no body, a body cut. */
    check_refused(HEADER("0000000e") "00000001 0000000e 00000004 00000000",
                  ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "00000001 00000007 0000000e 00000002 "
                  "'/a' 00000000 00000000", ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "00000001 fffffff5 00000000",
                  ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "00000001 00000063 00000000",
                  ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "00000001 00000002 ffffffff",
                  ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "00000001 00000002 00000005 00000002 "
                  "'/a'", ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "7fffffff 00000002 00000005 00000002 "
                  "'/'", ZK_EMARSHAL);
    check_refused(HEADER("0000000e") "00000002 00000002 00000006 00000002 "
                  "'/a'", ZK_EMARSHAL);
    check_refused(HEADER("0000000e"), ZK_EMARSHAL);
}

/* Where the body of a golden txn ends. */
static size_t
body_end(const struct reading *r)
{
    return r->n - (r->v.has_digest ? TXN_DIGEST_LEN : 0);
}

static void
test_every_truncation_is_told_or_harmless(void)
{
    for (size_t i = 0; i < N_GOLDEN; i++) {
        struct reading *r = read_txn(goldens[i]);
        size_t end = body_end(r);

        for (size_t len = 0; len < r->n; len++) {
            uint8_t *cut = zk_xmalloc(len + 1);
            struct txn_view v;
            int err;

            memcpy(cut + 1, r->p, len);
            err = txn_view_decode(&v, cut + 1, len, LIMIT, NULL);
            if (len >= end) {           /* The digest alone is cut. */
                CU_ASSERT_EQUAL(err, ZK_OK);
                CU_ASSERT_FALSE(v.has_digest);
            } else if (r->v.type == OP_CREATE && len + 4 >= end) {
                CU_ASSERT_EQUAL(err, ZK_OK);    /* The form before 3.3. */
                CU_ASSERT_EQUAL(v.parent_cversion, -1);
            } else if (r->v.type == OP_CLOSE_SESSION
                       && len >= TXN_HEADER_LEN) {
                CU_ASSERT_EQUAL(err, ZK_OK);
                CU_ASSERT_TRUE(zk_slice_is_null(v.paths));
            } else {
                CU_ASSERT_EQUAL(err, ZK_EMARSHAL);
            }
            free(cut);
        }
        done(r);
    }
}

/* Any byte replaced: refused, or something that is written and read again
 * with the same result (iterating it never fails). */
static void
test_damage_is_refused_or_read_as_what_it_says(void)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x02, 0x0e, 0x7f, 0x80,
                                      0xff };

    for (size_t i = 0; i < N_GOLDEN * ZK_ARRAY_SIZE(values); i++) {
        struct reading *r = read_txn(goldens[i / ZK_ARRAY_SIZE(values)]);

        for (size_t at = 0; at < r->n; at++) {
            uint8_t was = r->p[at];
            struct txn_view v;
            struct zk_buf b = { 0 };
            struct zk_buf again = { 0 };

            r->p[at] = values[i % ZK_ARRAY_SIZE(values)];
            if (txn_view_decode(&v, r->p, r->n, LIMIT, NULL) == ZK_OK) {
                encode(&b, &v);
                CU_ASSERT_EQUAL(txn_view_decode(&v, b.data, b.len, LIMIT,
                                                NULL), ZK_OK);
                encode(&again, &v);
                CU_ASSERT_EQUAL(b.len, again.len);
                CU_ASSERT_EQUAL(memcmp(b.data, again.data, b.len), 0);
            }
            zk_buf_fini(&b);
            zk_buf_fini(&again);
            r->p[at] = was;
        }
        done(r);
    }
}

static void
test_header_alone(void)
{
    struct txn_view v;
    size_t n;
    uint8_t *p = unhex(HEADER("00000063"), &n);

    CU_ASSERT_EQUAL(n, TXN_HEADER_LEN);
    CU_ASSERT_EQUAL(txn_view_decode_header(&v, p, n), ZK_OK);
    CU_ASSERT_EQUAL(v.client_id, 1);
    CU_ASSERT_EQUAL(v.cxid, 2);
    CU_ASSERT_EQUAL(v.zxid, 0x100000003);
    CU_ASSERT_EQUAL(v.time, 4);
    CU_ASSERT_EQUAL(v.type, 99);
    CU_ASSERT_EQUAL(txn_view_decode_header(&v, p, n - 1), ZK_EMARSHAL);
    free(p);
}

static void
test_header_is_patched_in_place(void)
{
    struct zk_buf b = { 0 };

    output_archive_long(&b, -1);
    txn_encode_header(&b, 1, 2, 0, 0, OP_SET_DATA);
    txn_encode_error(&b, KE_NO_NODE);
    txn_patch_zxid(&b, 8, 0x100000003, 4);
    txn_patch_type(&b, 8, OP_ERROR);
    CU_ASSERT_TRUE(buf_is(&b, "ffffffffffffffff" HEADER("ffffffff")
                          "ffffff9b"));
    zk_buf_fini(&b);
}

static const struct zk_test tests[] = {
    { "Java's log is read and written alike",
      test_javas_log_is_read_and_written_alike },
    { "fields of each type", test_fields_of_each_type },
    { "multi is iterated", test_multi_is_iterated },
    { "closeSession in all forms", test_close_session_in_all_forms },
    { "null paths of closeSession are left out",
      test_null_paths_of_close_session_are_left_out },
    { "create without parent's cversion",
      test_create_without_parent_cversion },
    { "other forms", test_other_forms },
    { "what is no transaction", test_what_is_no_transaction },
    { "what no multi may hold", test_what_no_multi_may_hold },
    { "every truncation is told or harmless",
      test_every_truncation_is_told_or_harmless },
    { "damage is refused or read as what it says",
      test_damage_is_refused_or_read_as_what_it_says },
    { "header alone", test_header_alone },
    { "header is patched in place", test_header_is_patched_in_place },
};

ZK_TEST_MAIN("txn_codec", tests)
