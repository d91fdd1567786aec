/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * make_corpus DIR: writes the seeds of the fuzz targets, DIR/<target>/<name>,
 * as this server's own code encodes them.  Run by hand when a target's format
 * of inputs changes:
 *
 *   make test/fuzz/make_corpus
 *   test/fuzz/make_corpus $top_srcdir/test/fuzz/corpus
 *
 * Seeds that a fuzzer found have names of their own and are left alone.
 */
#include <config.h>

#include <stdlib.h>

#include "jute/zookeeper_records.h"
#include "persistence/log_file.h"
#include "persistence/snap_format.h"
#include "proto/acl_codec.h"
#include "proto/frame.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"
#include "proto/quorum_packet.h"
#include "proto/request_codec.h"
#include "test/fuzz/client_steps.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/intake_steps.h"
#include "test/persist/txn_script.h"
#include "util/zk_io.h"

#define TXNS 40                 /* Two rounds of the script and a half. */

static const char *base;

static void
mc_put(const char *target, const char *name, const struct zk_buf *b)
{
    char *dir = zk_xasprintf("%s/%s", base, target);
    char *path = zk_xasprintf("%s/%s", dir, name);
    struct zk_errmsg em;

    if (zk_mkdirs(dir, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(1);
    }
    fuzz_write_file(path, b->data, b->len);
    free(dir);
    free(path);
}

static void
mc_byte(struct zk_buf *b, unsigned v)
{
    output_archive_byte(b, (int8_t) (uint8_t) v);
}

/* What fuzz_piece reads. */
static void
mc_piece(struct zk_buf *b, const void *p, size_t len)
{
    zk_assert(len <= UINT16_MAX);
    mc_byte(b, (unsigned) len >> 8);
    mc_byte(b, (unsigned) len & 0xff);
    zk_buf_append(b, p, len);
}

static void
mc_piece_str(struct zk_buf *b, const char *text)
{
    mc_piece(b, text, strlen(text));
}

/* ---- records ------------------------------------------------------------ */

/* Every record with all its fields empty. */
static void
mc_records(void)
{
    unsigned n = 0;

#define RECORD(name)                                                      \
    {                                                                     \
        struct jute_##name x;                                             \
        struct zk_buf b = { 0 };                                          \
                                                                          \
        memset(&x, 0, sizeof x);                                          \
        mc_byte(&b, n++);                                                 \
        jute_##name##_encode(&b, &x);                                     \
        mc_put("records", #name, &b);                                     \
        zk_buf_fini(&b);                                                  \
    }
#include "record_list.h"
#undef RECORD
}

/* ---- transactions ------------------------------------------------------- */

static void
mc_txns(void)
{
    struct txn_script s;
    struct zk_buf txn = { 0 };
    struct zk_buf tree = { 0 };
    struct zk_buf raw_log = { 0 };
    struct zk_buf log = { 0 };

    txn_script_init(&s);
    mc_byte(&tree, 128 + 5);
    mc_byte(&log, 1);
    mc_byte(&raw_log, 0);
    log_header_encode(&raw_log);
    for (unsigned i = 0; i < TXNS; i++) {
        if (i == TXNS / 2) {
            txn_script_epoch(&s, 1);
        }
        txn_script_next(&s, &txn);
        if (txn.len > 1000) {
            continue;           /* The long one puzzles readers, not us. */
        }
        mc_piece(&tree, txn.data, txn.len);
        mc_byte(&log, i == TXNS / 2 ? 0x80 : 0);
        mc_piece(&log, txn.data, txn.len);
        log_record_encode(&raw_log, txn.data, txn.len);
    }
    mc_put("txn", "script", &tree);
    mc_put("txn_log", "script", &log);
    mc_put("txn_log", "script-raw", &raw_log);
    zk_buf_fini(&txn);
    zk_buf_fini(&tree);
    zk_buf_fini(&log);
    zk_buf_fini(&raw_log);
    txn_script_fini(&s);
}

/* One create as in a log, behind its length. */
static void
mc_txn_create(struct zk_buf *b, int64_t zxid, const char *path,
              const char *data)
{
    struct zk_buf txn = { 0 };

    txn_encode_header(&txn, 1, 1, zxid, zxid, OP_CREATE);
    txn_encode_create(&txn, zk_slice_str(path), zk_slice_str(data),
                      acl_raw_open, false, -1);
    mc_piece(b, txn.data, txn.len);
    zk_buf_fini(&txn);
}

static void
mc_txns_quota(void)
{
    static const char *const creates[][2] = {
        { "/a", "" },
        { "/a/b", "some" },
        { "/zookeeper/quota/a", "" },
        { "/zookeeper/quota/a/zookeeper_limits", "count=3,bytes=100" },
        { "/zookeeper/quota/a/zookeeper_stats", "count=2,bytes=4" },
        { "/a/c", "more" },
    };
    size_t n = sizeof creates / sizeof creates[0];
    struct zk_buf txn = { 0 };
    struct zk_buf b = { 0 };

    mc_byte(&b, 3);
    for (size_t i = 0; i < n; i++) {
        mc_txn_create(&b, (int64_t) i + 1, creates[i][0], creates[i][1]);
    }
    txn_encode_header(&txn, 1, 1, (int64_t) n + 1, 1, OP_SET_DATA);
    txn_encode_set_data(&txn, ZK_SLICE_LIT("/a/c"), ZK_SLICE_LIT("x"), 1);
    mc_piece(&b, txn.data, txn.len);
    zk_buf_clear(&txn);
    txn_encode_header(&txn, 1, 1, (int64_t) n + 2, 1, OP_DELETE);
    txn_encode_delete(&txn, ZK_SLICE_LIT("/a/b"));
    mc_piece(&b, txn.data, txn.len);
    mc_put("txn", "quota", &b);
    zk_buf_fini(&txn);
    zk_buf_fini(&b);
}

/* ---- snapshots ---------------------------------------------------------- */

static void
mc_snapshots(void)
{
    static const struct { const char *name; uint8_t how; } kinds[] = {
        { "plain", 8 }, { "digest", 8 | 16 }, { "zxid", 8 | 32 },
        { "both", 8 | 16 | 32 }, { "gz", 1 | 4 | 8 | 16 },
        { "snappy", 2 | 4 | 8 | 16 }, { "hurt", 8 | 64 },
        { "stream", 3 | 8 },
    };
    struct txn_script s;
    struct zk_buf txn = { 0 };
    struct zk_buf content = { 0 };

    txn_script_init(&s);
    for (unsigned i = 0; i < 14; i++) {
        txn_script_next(&s, &txn);
    }
    fuzz_tree_stream(s.tree, &content);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct zk_buf b = { 0 };

        mc_byte(&b, kinds[i].how);
        if (kinds[i].how & 64) {
            mc_byte(&b, 40);
            mc_byte(&b, 5);
        }
        zk_buf_append(&b, content.data, content.len);
        mc_put("snapshot", kinds[i].name, &b);
        zk_buf_fini(&b);
    }
    zk_buf_fini(&txn);
    zk_buf_fini(&content);
    txn_script_fini(&s);
}

/* ---- request bodies ----------------------------------------------------- */

static void
mc_create_body(struct zk_buf *b, int32_t op, const char *path, int32_t flags)
{
    output_archive_slice(b, zk_slice_str(path));
    output_archive_slice(b, ZK_SLICE_LIT("data"));
    acl_raw_append(b, acl_raw_open);
    output_archive_int(b, flags);
    if (op == OP_CREATE_TTL) {
        output_archive_long(b, 60000);
    }
}

static void
mc_multi_header(struct zk_buf *b, int32_t type, bool done)
{
    struct jute_multi_header h = { .type = type, .done = done, .err = -1 };

    jute_multi_header_encode(b, &h);
}

static void
mc_path_int(struct zk_buf *b, const char *path, int32_t version)
{
    output_archive_slice(b, zk_slice_str(path));
    output_archive_int(b, version);
}

static void
mc_set_data_body(struct zk_buf *b, const char *path, int32_t version)
{
    output_archive_slice(b, zk_slice_str(path));
    output_archive_slice(b, ZK_SLICE_LIT("other"));
    output_archive_int(b, version);
}

/* A multi of everything; 'version' wrong makes it fail in the middle. */
static void
mc_multi_body(struct zk_buf *b, int32_t version)
{
    static const struct { int32_t op, flags; const char *path; } creates[] = {
        { OP_CREATE, CREATE_PERSISTENT, "/m" },
        { OP_CREATE2, CREATE_PERSISTENT_SEQUENTIAL, "/m/s" },
        { OP_CREATE, CREATE_EPHEMERAL, "/m/e" },
        { OP_CREATE_CONTAINER, CREATE_CONTAINER, "/m/c" },
        { OP_CREATE_TTL, CREATE_PERSISTENT_WITH_TTL, "/m/t" },
    };

    for (size_t i = 0; i < sizeof creates / sizeof creates[0]; i++) {
        mc_multi_header(b, creates[i].op, false);
        mc_create_body(b, creates[i].op, creates[i].path, creates[i].flags);
    }
    mc_multi_header(b, OP_CHECK, false);
    mc_path_int(b, "/m", 0);
    mc_multi_header(b, OP_SET_DATA, false);
    mc_set_data_body(b, "/m", version);
    mc_multi_header(b, OP_DELETE, false);
    mc_path_int(b, "/m/t", -1);
    mc_multi_header(b, -1, true);
}

static void
mc_multi_read_body(struct zk_buf *b)
{
    mc_multi_header(b, OP_GET_DATA, false);
    output_archive_slice(b, ZK_SLICE_LIT("/m"));
    output_archive_bool(b, false);
    mc_multi_header(b, OP_GET_CHILDREN, false);
    output_archive_slice(b, ZK_SLICE_LIT("/"));
    output_archive_bool(b, false);
    mc_multi_header(b, -1, true);
}

static void
mc_acl_list(struct zk_buf *b)
{
    size_t at = acl_encode_begin(b);

    acl_encode_add(b, at, ACL_PERM_READ, ZK_SLICE_LIT("world"),
                   ZK_SLICE_LIT("anyone"));
    acl_encode_add(b, at, ACL_PERM_ALL, ZK_SLICE_LIT("auth"),
                   ZK_SLICE_LIT(""));
    acl_encode_add(b, at, ACL_PERM_WRITE, ZK_SLICE_LIT("ip"),
                   ZK_SLICE_LIT("192.168.0.0/16"));
    acl_encode_add(b, at, ACL_PERM_WRITE, ZK_SLICE_LIT("ip"),
                   ZK_SLICE_LIT("fe80::1/10"));
    acl_encode_add(b, at, ACL_PERM_CREATE, ZK_SLICE_LIT("digest"),
                   ZK_SLICE_LIT("u:D/InIHSb7yEEbrWz8b9l71RjZJU="));
    acl_encode_add(b, at, ACL_PERM_ADMIN, ZK_SLICE_LIT("x509"),
                   ZK_SLICE_LIT("CN=a, OU=b\\, c, O=\"d e\""));
    acl_encode_add(b, at, ACL_PERM_ADMIN, ZK_SLICE_LIT("sasl"),
                   ZK_SLICE_LIT("user@REALM"));
}

static void
mc_bodies(void)
{
    struct zk_buf b = { 0 };

    mc_byte(&b, 0);
    mc_multi_body(&b, 0);
    mc_put("multi_request", "multi", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 1);
    mc_multi_read_body(&b);
    mc_put("multi_request", "multi-read", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 2);
    mc_create_body(&b, OP_CREATE, "/a", CREATE_EPHEMERAL_SEQUENTIAL);
    mc_put("multi_request", "create", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 5);
    mc_create_body(&b, OP_CREATE_TTL, "/a", CREATE_PERSISTENT_WITH_TTL);
    mc_put("multi_request", "create-ttl", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 6);
    output_archive_slice(&b, ZK_SLICE_LIT("/a"));
    mc_acl_list(&b);
    output_archive_int(&b, -1);
    mc_put("multi_request", "set-acl", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 7);
    mc_acl_list(&b);
    mc_put("multi_request", "acl", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 8);
    zk_buf_printf(&b, "/a/.../..b/\xc3\xa9\xe4\xb8\xad");
    mc_put("multi_request", "path", &b);
    zk_buf_clear(&b);
    mc_byte(&b, 9);
    quorum_packet_encode(&b, QP_FOLLOWERINFO, 1, ZK_SLICE_LIT("\0\0\0\1"));
    mc_put("multi_request", "packet", &b);
    zk_buf_fini(&b);
}

static void
mc_acls(void)
{
    static const struct { const char *name; uint8_t opts; } kinds[] = {
        { "plain", 0 }, { "super", 2 }, { "all", 4 | 8 | 16 | 32 },
        { "nobody", 128 }, { "sha256", 64 },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct zk_buf b = { 0 };

        mc_byte(&b, kinds[i].opts);
        mc_byte(&b, 4);
        mc_piece_str(&b, "digest");
        mc_piece_str(&b, "u:p");
        mc_piece_str(&b, "digest");
        mc_piece_str(&b, "super:test");
        mc_piece_str(&b, "ensemble");
        mc_piece_str(&b, "two");
        mc_piece_str(&b, "x509");
        mc_piece_str(&b, "CN=root");
        mc_acl_list(&b);
        mc_put("acl", kinds[i].name, &b);
        zk_buf_fini(&b);
    }
}

/* ---- the request path --------------------------------------------------- */

/* One frame on connection 'conn'; the body is taken and emptied. */
static void
mc_frame(struct zk_buf *b, unsigned conn, int32_t op, struct zk_buf *body)
{
    struct zk_buf frame = { 0 };

    output_archive_int(&frame, op == OP_PING ? XID_PING : 7);
    output_archive_int(&frame, op);
    zk_buf_append(&frame, body->data, body->len);
    mc_byte(b, conn | STEP_FRAME);
    mc_piece(b, frame.data, frame.len);
    zk_buf_fini(&frame);
    zk_buf_clear(body);
}

static void
mc_path_watch(struct zk_buf *body, const char *path)
{
    output_archive_slice(body, zk_slice_str(path));
    output_archive_bool(body, true);
}

static void
mc_intake_reads(struct zk_buf *b, unsigned conn, const char *path)
{
    static const int32_t watching[] = {
        OP_EXISTS, OP_GET_DATA, OP_GET_CHILDREN, OP_GET_CHILDREN2,
    };
    static const int32_t plain[] = {
        OP_GET_ACL, OP_GET_EPHEMERALS, OP_GET_ALL_CHILDREN_NUMBER, OP_SYNC,
    };
    struct zk_buf body = { 0 };

    for (size_t i = 0; i < 4; i++) {
        mc_path_watch(&body, path);
        mc_frame(b, conn, watching[i], &body);
        output_archive_slice(&body, zk_slice_str(path));
        mc_frame(b, conn, plain[i], &body);
    }
    mc_frame(b, conn, OP_WHO_AM_I, &body);
    mc_frame(b, conn, OP_PING, &body);
    mc_multi_read_body(&body);
    mc_frame(b, conn, OP_MULTI_READ, &body);
    zk_buf_fini(&body);
}

static void
mc_intake_watches(struct zk_buf *b, unsigned conn)
{
    struct zk_slice paths[] = { ZK_SLICE_LIT("/a"), ZK_SLICE_LIT("/none") };
    struct jute_vec_slice both = { .v = paths, .n = 2 };
    struct jute_set_watches2 sw = {
        .data_watches = both, .exist_watches = both, .child_watches = both,
        .persistent_watches = both, .persistent_recursive_watches = both,
    };
    struct zk_buf body = { 0 };

    mc_path_int(&body, "/a", 0);
    mc_frame(b, conn, OP_ADD_WATCH, &body);
    mc_path_int(&body, "/", 1);
    mc_frame(b, conn, OP_ADD_WATCH, &body);
    jute_set_watches2_encode(&body, &sw);
    mc_frame(b, conn, OP_SET_WATCHES2, &body);
    mc_path_int(&body, "/a", 3);
    mc_frame(b, conn, OP_CHECK_WATCHES, &body);
    mc_path_int(&body, "/a", 3);
    mc_frame(b, conn, OP_REMOVE_WATCHES, &body);
    zk_buf_fini(&body);
}

static void
mc_intake_writes(struct zk_buf *b, unsigned conn)
{
    struct zk_buf body = { 0 };

    mc_create_body(&body, OP_CREATE, "/a", CREATE_PERSISTENT);
    mc_frame(b, conn, OP_CREATE, &body);
    mc_create_body(&body, OP_CREATE2, "/a/e", CREATE_EPHEMERAL_SEQUENTIAL);
    mc_frame(b, conn, OP_CREATE2, &body);
    mc_create_body(&body, OP_CREATE_CONTAINER, "/c", CREATE_CONTAINER);
    mc_frame(b, conn, OP_CREATE_CONTAINER, &body);
    mc_create_body(&body, OP_CREATE_TTL, "/t", CREATE_PERSISTENT_WITH_TTL);
    mc_frame(b, conn, OP_CREATE_TTL, &body);
    mc_set_data_body(&body, "/a", 0);
    mc_frame(b, conn, OP_SET_DATA, &body);
    output_archive_slice(&body, ZK_SLICE_LIT("/c"));
    mc_acl_list(&body);
    output_archive_int(&body, -1);
    mc_frame(b, conn, OP_SET_ACL, &body);
    mc_multi_body(&body, 0);
    mc_frame(b, conn, OP_MULTI, &body);
    mc_multi_body(&body, 99);
    mc_frame(b, conn, OP_MULTI, &body);
    mc_path_int(&body, "/t", -1);
    mc_frame(b, conn, OP_DELETE, &body);
    mc_path_int(&body, "/a", -1);
    mc_frame(b, conn, OP_DELETE, &body);
    zk_buf_fini(&body);
}

static void
mc_connect(struct zk_buf *b, unsigned conn, unsigned kind)
{
    mc_byte(b, conn | STEP_CONNECT);
    mc_byte(b, kind);
}

static void
mc_intake_quota(struct zk_buf *b)
{
    static const char *const paths[] = {
        "/zookeeper/quota/a", "/zookeeper/quota/a/zookeeper_limits",
        "/zookeeper/quota/a/zookeeper_stats",
    };
    struct zk_buf body = { 0 };

    for (size_t i = 0; i < 3; i++) {
        output_archive_slice(&body, zk_slice_str(paths[i]));
        output_archive_slice(&body,
                             ZK_SLICE_LIT("count=2,bytes=20=;"
                                          "byteHardLimit=30;"
                                          "countHardLimit=4"));
        acl_raw_append(&body, acl_raw_open);
        output_archive_int(&body, 0);
        mc_frame(b, 0, OP_CREATE, &body);
    }
    zk_buf_fini(&body);
}

static void
mc_intake(void)
{
    struct zk_buf body = { 0 };
    struct zk_buf b = { 0 };

    mc_byte(&b, 0);
    mc_connect(&b, 0, CONNECT_NEW);
    mc_intake_reads(&b, 0, "/");
    mc_intake_writes(&b, 0);
    mc_byte(&b, STEP_DRAIN);
    mc_intake_reads(&b, 0, "/a");
    mc_frame(&b, 0, OP_CLOSE_SESSION, &body);
    mc_put("intake", "one-session", &b);

    zk_buf_clear(&b);
    mc_byte(&b, 2);             /* Snapshots meanwhile. */
    mc_connect(&b, 0, CONNECT_NEW);
    mc_connect(&b, 1, CONNECT_NEW);
    mc_byte(&b, STEP_DRAIN);
    mc_intake_reads(&b, 1, "/a");
    mc_intake_watches(&b, 1);
    mc_intake_writes(&b, 0);
    mc_byte(&b, STEP_BATCH);
    mc_intake_reads(&b, 1, "/a");
    mc_byte(&b, STEP_REAP);
    mc_byte(&b, STEP_DROP | 0);
    mc_connect(&b, 2, CONNECT_RENEW);
    mc_intake_writes(&b, 2);
    mc_frame(&b, 1, OP_CLOSE_SESSION, &body);
    mc_byte(&b, STEP_EXPIRE | 2);
    mc_put("intake", "watches", &b);

    zk_buf_clear(&b);
    mc_byte(&b, 1);             /* Quotas are enforced. */
    mc_connect(&b, 0, CONNECT_NEW);
    mc_intake_quota(&b);
    mc_intake_writes(&b, 0);
    mc_intake_writes(&b, 0);
    mc_put("intake", "quota", &b);

    zk_buf_clear(&b);
    mc_byte(&b, 8);             /* Who has not authenticated, may not. */
    mc_connect(&b, 0, CONNECT_NEW);
    output_archive_int(&body, 0);
    output_archive_slice(&body, ZK_SLICE_LIT("digest"));
    output_archive_slice(&body, ZK_SLICE_LIT("super:test"));
    mc_frame(&b, 0, OP_AUTH, &body);
    mc_intake_writes(&b, 0);
    mc_intake_reads(&b, 0, "/a");
    mc_put("intake", "auth", &b);
    zk_buf_fini(&b);
    zk_buf_fini(&body);
}

/* ---- packets of learners ------------------------------------------------ */

static void
mc_request(struct zk_buf *b, int32_t type, int32_t n_ids,
           const struct zk_buf *body)
{
    struct jute_id ids[] = {
        { ZK_SLICE_LIT("ip"), ZK_SLICE_LIT("127.0.0.1") },
        { ZK_SLICE_LIT("digest"), ZK_SLICE_LIT("user:hash=") },
    };
    struct zk_buf data = { 0 };
    struct jute_quorum_packet qp = {
        .type = QP_REQUEST, .zxid = -1, .authinfo = { n_ids, ids },
    };

    output_archive_long(&data, 0x200000000000001);
    output_archive_int(&data, 7);
    output_archive_int(&data, type);
    if (body != NULL) {
        zk_buf_append(&data, body->data, body->len);
    }
    qp.data = zk_slice(data.data, (int32_t) data.len);
    jute_quorum_packet_encode(b, &qp);
    zk_buf_fini(&data);
}

/* What a follower sends from its first packet on. */
static void
mc_quorum_packets(void)
{
    struct zk_buf b = { 0 }, body = { 0 };

    output_archive_long(&body, 1);
    output_archive_int(&body, 0x10000);
    output_archive_long(&body, 0);
    quorum_packet_encode(&b, QP_FOLLOWERINFO, 0,
                         zk_slice(body.data, (int32_t) body.len));
    quorum_packet_encode(&b, QP_ACKEPOCH, 0, zk_slice("\0\0\0\1", 4));
    quorum_packet_encode(&b, QP_ACK, (int64_t) 1 << 32, ZK_SLICE_NULL);
    mc_put("quorum_packet", "join", &b);

    zk_buf_clear(&b);
    quorum_packet_encode(&b, QP_PING, 5, zk_slice("\2\0\0\0\0\0\0\1"
                                                  "\0\0\47\20", 12));
    quorum_packet_encode(&b, QP_REVALIDATE, -1,
                         zk_slice("\2\0\0\0\0\0\0\1\0\0\47\20", 12));
    mc_put("quorum_packet", "sessions", &b);

    zk_buf_clear(&b);
    zk_buf_clear(&body);
    output_archive_int(&body, 10000);
    mc_request(&b, OP_CREATE_SESSION, -1, &body);
    zk_buf_clear(&body);
    mc_create_body(&body, OP_CREATE, "/a", CREATE_PERSISTENT);
    mc_request(&b, OP_CREATE, 2, &body);
    mc_request(&b, OP_CREATE, 0, &body);
    mc_request(&b, OP_RECONFIG, 1, &body);
    mc_request(&b, OP_CLOSE_SESSION, -1, NULL);
    mc_put("quorum_packet", "requests", &b);
    zk_buf_fini(&body);
    zk_buf_fini(&b);
}

/* ---- what a client is told ----------------------------------------------- */

/* One step; 'server' is what the server says, and is emptied. */
static void
mc_server(struct zk_buf *b, struct zk_buf *server)
{
    mc_byte(b, CLIENT_STEP_BYTES);
    mc_piece(b, server->data, server->len);
    zk_buf_clear(server);
}

static void
mc_client_session(struct zk_buf *b, bool read_only)
{
    const struct jute_connect_response cr = {
        .time_out = 6000,
        .session_id = 0x100,
        .passwd = ZK_SLICE_LIT("0123456789abcdef"),
    };
    struct zk_buf server = { 0 };
    size_t at = output_archive_frame_begin(&server);

    mc_byte(b, CLIENT_STEP_LATER | 3 << 4);
    mc_byte(b, CLIENT_STEP_DO);
    jute_connect_response_encode(&server, &cr);
    output_archive_bool(&server, read_only);
    output_archive_frame_end(&server, at);
    mc_server(b, &server);
    zk_buf_fini(&server);
}

/* fuzz_client's op 'which', and its answer. */
static void
mc_client_ask(struct zk_buf *b, unsigned which, int32_t xid,
              const struct zk_buf *body)
{
    struct zk_buf server = { 0 };
    size_t at = frame_reply_begin(&server, xid, 0x55, 0);

    mc_byte(b, CLIENT_STEP_ASK);
    mc_byte(b, which);
    zk_buf_append(&server, body->data, body->len);
    frame_reply_end(&server, at);
    mc_server(b, &server);
    zk_buf_fini(&server);
}

static void
mc_client_event(struct zk_buf *b, int32_t type, const char *path)
{
    struct zk_buf server = { 0 };

    frame_watch_event(&server, 0x56, type, 3, zk_slice_str(path));
    mc_server(b, &server);
    zk_buf_fini(&server);
}

/* The body of an answer to each of fuzz_client's ops. */
static void
mc_client_body(struct zk_buf *body, unsigned which)
{
    const struct jute_stat stat = { .version = 1 };

    zk_buf_clear(body);
    switch (which) {
    case 0: case 10:            /* A path. */
        output_archive_slice(body, ZK_SLICE_LIT("/a/a"));
        break;
    case 1: case 2:             /* A path and a Stat. */
        output_archive_slice(body, ZK_SLICE_LIT("/a/a"));
        jute_stat_encode(body, &stat);
        break;
    case 4: case 6: case 9:     /* A Stat. */
        jute_stat_encode(body, &stat);
        break;
    case 5: case 22: case 23:   /* Data. */
        output_archive_slice(body, ZK_SLICE_LIT("data"));
        jute_stat_encode(body, &stat);
        break;
    case 7:                     /* Names. */
        output_archive_int(body, 2);
        output_archive_slice(body, ZK_SLICE_LIT("a"));
        output_archive_slice(body, ZK_SLICE_LIT("b"));
        jute_stat_encode(body, &stat);
        break;
    case 8:
        mc_acl_list(body);
        jute_stat_encode(body, &stat);
        break;
    case 11:
        multi_result_create(body, ZK_SLICE_LIT("/a/x"));
        multi_result_create2(body, ZK_SLICE_LIT("/a/y"), &stat);
        multi_result_set_data(body, &stat);
        multi_result_check(body);
        multi_result_delete(body);
        multi_result_error(body, -101);
        multi_result_end(body);
        break;
    case 12:
        multi_result_get_data(body, ZK_SLICE_LIT("data"), &stat);
        multi_result_get_children(body);
        output_archive_int(body, 1);
        output_archive_slice(body, ZK_SLICE_LIT("a"));
        multi_result_end(body);
        break;
    case 19:
        output_archive_int(body, 1);
        output_archive_slice(body, ZK_SLICE_LIT("/a/e"));
        break;
    case 14: case 15: case 20:  /* A number. */
        output_archive_int(body, 0);
        break;
    case 21:
        output_archive_int(body, 1);
        output_archive_slice(body, ZK_SLICE_LIT("ip"));
        output_archive_slice(body, ZK_SLICE_LIT("::1"));
        break;
    default:                    /* Nothing. */
        break;
    }
}

static void
mc_client(void)
{
    static const struct { const char *name; uint8_t opts; } kinds[] = {
        { "plain", 0 },
        { "chroot", CLIENT_OPT_CHROOT | CLIENT_OPT_RESUME },
        { "read-only", CLIENT_OPT_READ_ONLY },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool read_only = kinds[i].opts & CLIENT_OPT_READ_ONLY;
        struct zk_buf b = { 0 };
        struct zk_buf body = { 0 };
        int32_t xid = 1;

        mc_byte(&b, kinds[i].opts);
        mc_client_session(&b, read_only);
        for (unsigned which = 0; which < 24; which++) {
            mc_client_body(&body, which);
            mc_client_ask(&b, which, which == 13 ? XID_AUTH : xid, &body);
            xid += which == 13 ? 0 : 1;
            mc_byte(&b, CLIENT_STEP_DO);
        }
        mc_client_event(&b, 3, "/a/a/b");
        mc_client_event(&b, 1, "/a");
        mc_client_event(&b, 2, "/");
        mc_byte(&b, CLIENT_STEP_LATER | 2 << 4);
        mc_byte(&b, CLIENT_STEP_DO);
        mc_byte(&b, CLIENT_STEP_LOSE);
        mc_byte(&b, CLIENT_STEP_DO);
        mc_client_session(&b, false);
        mc_byte(&b, CLIENT_STEP_SERVERS);
        mc_piece_str(&b, kinds[i].opts & CLIENT_OPT_CHROOT
                             ? "a:1,[::1]:3/a" : "a:1,[::1]:3");
        mc_byte(&b, CLIENT_STEP_CLOSE);
        zk_buf_clear(&body);
        frame_reply(&body, xid, 0x57, 0);
        mc_server(&b, &body);
        mc_put("client", kinds[i].name, &b);
        zk_buf_fini(&b);
        zk_buf_fini(&body);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_corpus DIR\n");
        return 2;
    }
    base = argv[1];
    mc_records();
    mc_txns();
    mc_txns_quota();
    mc_snapshots();
    mc_bodies();
    mc_acls();
    mc_intake();
    mc_quorum_packets();
    mc_client();
    return 0;
}
