/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "test/persist/txn_script.h"

#include <stdlib.h>

#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "tree/data_tree_snapshot.h"

#define SCRIPT_SESSION 0x100000d80a80000
#define SCRIPT_TIMEOUT 600000
#define SCRIPT_KINDS 16

/* Java's largest default; tests of small limits set their own. */
#define SCRIPT_MAX_RECORD (2 * JUTE_MAX_BUFFER_DEFAULT)

void
txn_script_init(struct txn_script *s)
{
    struct data_tree_options opts = {
        .digest_enabled = true, .extended_types_enabled = true,
    };

    *s = (struct txn_script) { .time = 1700000000000 };
    s->tree = data_tree_create(&opts);
}

void
txn_script_fini(struct txn_script *s)
{
    data_tree_destroy(s->tree);
}

void
txn_script_epoch(struct txn_script *s, int64_t epoch)
{
    s->zxid = epoch << 32;
}

/* What a create says of its parent: cversion + 1. */
static int32_t
script_parent_cversion(const struct txn_script *s, const char *parent)
{
    struct jute_stat_persisted st;
    const struct data_node *node;

    node = data_tree_find(s->tree, zk_slice_str(parent));
    zk_assert(node != NULL);
    data_node_stat(node, &st);
    return st.cversion + 1;
}

static struct zk_slice
script_path(char *text, size_t size, const char *kind, unsigned n)
{
    snprintf(text, size, "/p/%s%u", kind, n);
    return zk_slice_str(text);
}

static void
script_create(const struct txn_script *s, struct zk_buf *out,
              struct zk_slice path, struct zk_slice data, bool ephemeral)
{
    txn_encode_create(out, path, data, acl_raw_open, ephemeral,
                      script_parent_cversion(s, "/p"));
}

static void
script_multi(const struct txn_script *s, struct zk_buf *out, unsigned n,
             bool fails)
{
    char text[64];
    size_t at = txn_encode_multi_begin(out);
    size_t sub;

    sub = txn_encode_multi_add_begin(out, at, OP_CREATE);
    script_create(s, out, script_path(text, sizeof text, "multi", n),
                  ZK_SLICE_LIT("m"), false);
    txn_encode_multi_add_end(out, sub);
    for (int i = 0; i < 2; i++) {
        sub = txn_encode_multi_add_begin(out, at,
                                         fails ? OP_ERROR : OP_SET_DATA);
        if (fails) {
            txn_encode_error(out, i == 0 ? KE_BAD_VERSION
                                         : KE_RUNTIME_INCONSISTENCY);
        } else {
            txn_encode_set_data(out, zk_slice_str(text),
                                ZK_SLICE_LIT("again"), i + 1);
        }
        txn_encode_multi_add_end(out, sub);
    }
}

static void
script_acl(struct zk_buf *raw, unsigned n)
{
    char id[32];
    size_t at = acl_encode_begin(raw);

    snprintf(id, sizeof id, "user%u:abc=", n % 5);
    acl_encode_add(raw, at, ACL_PERM_ALL, ZK_SLICE_LIT("digest"),
                   zk_slice_str(id));
    acl_encode_add(raw, at, ACL_PERM_READ, ZK_SLICE_LIT("world"),
                   ZK_SLICE_LIT("anyone"));
}

static int32_t
script_type(unsigned kind)
{
    static const int32_t types[SCRIPT_KINDS] = {
        OP_CREATE, OP_CREATE2, OP_SET_DATA, OP_SET_ACL, OP_CREATE_CONTAINER,
        OP_CREATE_TTL, OP_CREATE, OP_DELETE, OP_ERROR, OP_MULTI, OP_MULTI,
        OP_CREATE_SESSION, OP_CREATE, OP_CLOSE_SESSION, OP_CREATE, OP_CREATE,
    };

    return types[kind];
}

/* The bodies of kinds 0..15 of round 'n'. */
static void
script_body(const struct txn_script *s, struct zk_buf *out, unsigned kind,
            unsigned n)
{
    static char large[3000];
    struct zk_buf acl = { 0 };
    struct zk_slice path;
    char text[64];

    switch (kind) {
    case 0:
        script_create(s, out, script_path(text, sizeof text, "node", n),
                      ZK_SLICE_LIT("some data"), false);
        break;
    case 1:
        script_create(s, out, script_path(text, sizeof text, "eph", n),
                      ZK_SLICE_LIT(""), true);
        break;
    case 2:
        txn_encode_set_data(out, script_path(text, sizeof text, "node", n),
                            ZK_SLICE_LIT("other data"), 1);
        break;
    case 3:
        script_acl(&acl, n);
        txn_encode_set_acl(out, script_path(text, sizeof text, "node", n),
                           zk_slice(acl.data, (int32_t) acl.len), 1);
        zk_buf_fini(&acl);
        break;
    case 4:
        txn_encode_create_container(out, script_path(text, sizeof text,
                                                     "cont", n),
                                    ZK_SLICE_LIT("c"), acl_raw_open,
                                    script_parent_cversion(s, "/p"));
        break;
    case 5:
        txn_encode_create_ttl(out, script_path(text, sizeof text, "ttl", n),
                              ZK_SLICE_LIT("t"), acl_raw_open,
                              script_parent_cversion(s, "/p"),
                              INT64_C(1000000000));
        break;
    case 6:
    case 12:
        script_create(s, out, script_path(text, sizeof text, "gone", n),
                      ZK_SLICE_LIT("x"), kind == 12);
        break;
    case 7:
        txn_encode_delete(out, script_path(text, sizeof text, "gone", n));
        break;
    case 8:
        txn_encode_error(out, KE_NODE_EXISTS);
        break;
    case 9:
    case 10:
        script_multi(s, out, n, kind == 10);
        break;
    case 11:
        txn_encode_create_session(out, SCRIPT_TIMEOUT);
        break;
    case 13: {
        size_t at = txn_encode_close_session_begin(out);

        txn_encode_close_session_add(out, at,
                                     script_path(text, sizeof text, "gone",
                                                 n));
        break;
    }
    case 14:
        path = script_path(text, sizeof text, "null", n);
        script_create(s, out, path, ZK_SLICE_NULL, false);
        break;
    default:
        memset(large, 'l', sizeof large);
        /* A stretch of zeros longer than a sector, to puzzle the reader. */
        memset(large + 500, 0, 1400);
        script_create(s, out, script_path(text, sizeof text, "large", n),
                      zk_slice(large, sizeof large), false);
        break;
    }
}

void
txn_script_next(struct txn_script *s, struct zk_buf *out)
{
    unsigned kind = s->step % SCRIPT_KINDS;
    unsigned n = s->step / SCRIPT_KINDS;
    int64_t session = SCRIPT_SESSION;
    struct txn_view txn;
    int32_t type;

    zk_buf_clear(out);
    s->zxid++;
    s->time += 7;
    if (kind >= 11 && kind <= 13) {
        session += 1 + n;
    }
    if (data_tree_session_count(s->tree) == 0) {
        /* The very first two: the session, and /p. */
        txn_encode_header(out, session, 0, s->zxid, s->time,
                          OP_CREATE_SESSION);
        txn_encode_create_session(out, SCRIPT_TIMEOUT);
    } else if (data_tree_find(s->tree, ZK_SLICE_LIT("/p")) == NULL) {
        txn_encode_header(out, session, 1, s->zxid, s->time, OP_CREATE);
        txn_encode_create(out, ZK_SLICE_LIT("/p"), ZK_SLICE_LIT("parent"),
                          acl_raw_open, false,
                          script_parent_cversion(s, "/"));
    } else {
        type = script_type(kind);
        txn_encode_header(out, session, (int32_t) s->step, s->zxid, s->time,
                          type);
        script_body(s, out, kind, n);
        s->step++;
    }
    if (txn_view_decode(&txn, out->data, out->len, SCRIPT_MAX_RECORD, NULL)
        != ZK_OK) {
        zk_panic("the script made a transaction that does not decode");
    }
    data_tree_apply(s->tree, &txn, NULL);
    if (txn.type != OP_ERROR) {
        txn_encode_digest(out, TXN_DIGEST_VERSION,
                          data_tree_digest(s->tree));
    }
}

static bool
script_pull(void *self, struct zk_buf *out)
{
    return data_tree_snapshot_next(self, out, 65536);
}

void
txn_script_snapshot(struct data_tree *tree, const char *dir,
                    enum snap_compression comp)
{
    struct data_tree_snapshot *snap = data_tree_snapshot_begin(tree);
    struct snap_source src = { .self = snap, .pull = script_pull };
    struct zk_errmsg em;

    src.zxid = data_tree_snapshot_zxid(snap);
    src.has_digest = data_tree_options(tree)->digest_enabled;
    src.digest = data_tree_snapshot_digest(snap);
    if (file_snap_write(dir, &src, comp, NULL, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
    data_tree_snapshot_end(snap);
}

struct file_txn_snap_log_options
txn_script_options(const char *dir)
{
    struct file_txn_snap_log_options o = {
        .data_log_dir = dir, .data_dir = dir,
        .autocreate_dirs = true, .autocreate_db = true,
        .max_record = SCRIPT_MAX_RECORD,
        .log = {
            .preallocate = 65536, .force_sync = true, .size_limit = -1,
            .max_record = SCRIPT_MAX_RECORD,
        },
    };

    return o;
}
