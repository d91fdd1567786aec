/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/txn_codec.h"

#include <inttypes.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"
#include "proto/op_code.h"

/* type and the length of a buffer. */
#define SUB_TXN_MIN_LEN 8

/* Offsets in the header. */
#define HEADER_ZXID 12
#define HEADER_TIME 20
#define HEADER_TYPE 28

static void clear_body(struct txn_view *v);
static void decode_header(struct input_archive *ia, struct txn_view *v);
static void decode_body(struct input_archive *ia, struct txn_view *v);
static void decode_create(struct input_archive *ia, struct txn_view *v);
static void decode_close_session(struct input_archive *ia,
                                 struct txn_view *v);
static void decode_multi(struct input_archive *ia, struct txn_view *v);
static void decode_digest(struct input_archive *ia, struct txn_view *v);

int
txn_view_decode(struct txn_view *v, const void *p, size_t len,
                int32_t max_len, struct zk_errmsg *em)
{
    struct input_archive ia;

    clear_body(v);
    if (len > INT32_MAX) {      /* So that any part of it fits a slice. */
        return zk_fail(em, ZK_ETOOBIG, "transaction of %zu bytes", len);
    }
    input_archive_init(&ia, p, len, max_len);
    decode_header(&ia, v);
    if (ia.err != ZK_OK) {
        return zk_fail(em, ia.err, "transaction of %zu bytes has no header",
                       len);
    }
    if (v->type == OP_CHECK) {  /* Java cannot read one by itself either. */
        input_archive_fail(&ia, ZK_EMARSHAL);
    } else if (v->type == OP_MULTI) {
        decode_multi(&ia, v);
    } else {
        decode_body(&ia, v);
    }
    if (ia.err != ZK_OK) {
        return zk_fail(em, ia.err, "transaction 0x%" PRIx64 " of type %"
                       PRId32 " (%s), %zu bytes: %s", (uint64_t) v->zxid,
                       v->type, op_code_name(v->type), len,
                       ia.err == ZK_ETOOBIG ? "a length in it is over the "
                       "limit" : "its body does not decode");
    }
    decode_digest(&ia, v);
    return ZK_OK;
}

int
txn_view_decode_header(struct txn_view *v, const void *p, size_t len)
{
    struct input_archive ia;

    input_archive_init(&ia, p, len, 0);
    clear_body(v);
    decode_header(&ia, v);
    return ia.err;
}

static void
clear_body(struct txn_view *v)
{
    v->path = ZK_SLICE_NULL;
    v->data = ZK_SLICE_NULL;
    v->acl = ZK_SLICE_NULL;
    v->ephemeral = false;
    v->parent_cversion = -1;
    v->ttl = 0;
    v->version = 0;
    v->err = 0;
    v->timeout = 0;
    v->paths = ZK_SLICE_NULL;
    v->multi = ZK_SLICE_NULL;
    v->has_digest = false;
    v->digest_version = 0;
    v->digest = 0;
}

static void
decode_header(struct input_archive *ia, struct txn_view *v)
{
    v->client_id = input_archive_long(ia);
    v->cxid = input_archive_int(ia);
    v->zxid = input_archive_long(ia);
    v->time = input_archive_long(ia);
    v->type = input_archive_int(ia);
}

/* A path that a txn cannot do without. */
static void
decode_path(struct input_archive *ia, struct txn_view *v)
{
    v->path = input_archive_slice(ia);
    if (zk_slice_is_null(v->path)) {
        input_archive_fail(ia, ZK_EMARSHAL);
    }
}

/* All but multi. */
static void
decode_body(struct input_archive *ia, struct txn_view *v)
{
    switch (v->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        decode_create(ia, v);
        break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        decode_path(ia, v);
        break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        decode_path(ia, v);
        v->data = input_archive_slice(ia);
        v->version = input_archive_int(ia);
        break;
    case OP_SET_ACL:
        decode_path(ia, v);
        (void) acl_raw_read(ia, &v->acl);
        v->version = input_archive_int(ia);
        break;
    case OP_CHECK:
        decode_path(ia, v);
        v->version = input_archive_int(ia);
        break;
    case OP_ERROR:
        v->err = input_archive_int(ia);
        break;
    case OP_CREATE_SESSION:
        v->timeout = input_archive_int(ia);
        break;
    case OP_CLOSE_SESSION:
        decode_close_session(ia, v);
        break;
    default:
        input_archive_fail(ia, ZK_EMARSHAL);
        break;
    }
}

static void
decode_create(struct input_archive *ia, struct txn_view *v)
{
    decode_path(ia, v);
    v->data = input_archive_slice(ia);
    (void) acl_raw_read(ia, &v->acl);
    if (v->type == OP_CREATE || v->type == OP_CREATE2) {
        v->ephemeral = input_archive_bool(ia);
        if (v->type == OP_CREATE && input_archive_left(ia) < 4) {
            /* From before 3.3; what is left is no field of its. */
            return;
        }
    }
    v->parent_cversion = input_archive_int(ia);
    if (v->type == OP_CREATE_TTL) {
        v->ttl = input_archive_long(ia);
    }
}

/* Before 3.6 there is no body, and with zookeeper.closeSessionTxn.enabled
 * off there is none but maybe a digest: its version would be a count of two
 * paths in eight bytes, both empty, which no list has. */
static void
decode_close_session(struct input_archive *ia, struct txn_view *v)
{
    const uint8_t *start = ia->p;
    size_t left = input_archive_left(ia);
    int32_t n;

    if (left < 4
        || (left == TXN_DIGEST_LEN
            && zk_get_be32(start) == TXN_DIGEST_VERSION)) {
        return;
    }
    n = input_archive_count(ia, 4);
    for (int32_t i = 0; i < n && ia->err == ZK_OK; i++) {
        (void) input_archive_slice(ia);
    }
    if (ia->err == ZK_EMARSHAL) {
        /* Bytes that end too early are no list (as Java has it), and what
         * stands behind one cannot be told. */
        ia->err = ZK_OK;
        return;
    }
    if (ia->err == ZK_OK) {
        v->paths = zk_slice(start, (int32_t) (ia->p - start));
    }
}

/* Reads what stands before the body of a txn in a multi, and leaves 'sub' an
 * archive over that body. */
static void
decode_sub_start(struct input_archive *ia, struct txn_view *v,
                 struct input_archive *sub)
{
    struct zk_slice body;

    v->type = input_archive_int(ia);
    body = input_archive_slice(ia);
    if (zk_slice_is_null(body)) {
        input_archive_fail(ia, ZK_EMARSHAL);
        body = ZK_SLICE_LIT("");
    }
    input_archive_init(sub, body.p, (size_t) body.len, ia->max_len);
}

/* What Java knows how to apply inside a multi. */
static bool
allowed_in_multi(int32_t type)
{
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
    case OP_SET_DATA:
    case OP_CHECK:
    case OP_ERROR:
        return true;
    default:
        return false;
    }
}

static void
decode_multi(struct input_archive *ia, struct txn_view *v)
{
    const uint8_t *start = ia->p;
    int32_t n = input_archive_count(ia, SUB_TXN_MIN_LEN);
    struct txn_view sub_view;
    struct input_archive sub;

    for (int32_t i = 0; i < n && ia->err == ZK_OK; i++) {
        clear_body(&sub_view);
        decode_sub_start(ia, &sub_view, &sub);
        if (!allowed_in_multi(sub_view.type)) {
            input_archive_fail(ia, ZK_EMARSHAL);
            break;
        }
        decode_body(&sub, &sub_view);
        if (sub.err != ZK_OK) {
            input_archive_fail(ia, sub.err);
        }
    }
    if (ia->err == ZK_OK) {
        v->multi = zk_slice(start, (int32_t) (ia->p - start));
    }
}

static void
decode_digest(struct input_archive *ia, struct txn_view *v)
{
    if (input_archive_left(ia) >= TXN_DIGEST_LEN) {
        v->has_digest = true;
        v->digest_version = input_archive_int(ia);
        v->digest = input_archive_long(ia);
    }
}

int32_t
txn_multi_begin(struct txn_multi_iter *it, const struct txn_view *multi)
{
    zk_assert(multi->type == OP_MULTI);
    zk_assert(!zk_slice_is_null(multi->multi));
    it->header = *multi;
    clear_body(&it->header);
    input_archive_init(&it->ia, multi->multi.p, (size_t) multi->multi.len,
                       INT32_MAX);
    it->left = input_archive_count(&it->ia, SUB_TXN_MIN_LEN);
    if (it->left < 0) {
        it->left = 0;
    }
    return it->left;
}

bool
txn_multi_next(struct txn_multi_iter *it, struct txn_view *sub)
{
    struct input_archive ia;

    if (it->left == 0) {
        return false;
    }
    it->left--;
    *sub = it->header;
    decode_sub_start(&it->ia, sub, &ia);
    decode_body(&ia, sub);
    zk_assert(it->ia.err == ZK_OK && ia.err == ZK_OK);
    return true;
}

int32_t
txn_paths_begin(struct txn_paths_iter *it, struct zk_slice raw)
{
    size_t len = raw.len > 0 ? (size_t) raw.len : 0;

    input_archive_init(&it->ia, raw.p, len, INT32_MAX);
    it->left = len > 0 ? input_archive_count(&it->ia, 4) : 0;
    zk_assert(it->ia.err == ZK_OK);
    if (it->left < 0) {
        it->left = 0;
    }
    return it->left;
}

bool
txn_paths_next(struct txn_paths_iter *it, struct zk_slice *path)
{
    while (it->left > 0) {
        it->left--;
        *path = input_archive_slice(&it->ia);
        zk_assert(it->ia.err == ZK_OK);
        if (!zk_slice_is_null(*path)) {
            return true;
        }
    }
    return false;
}

void
txn_encode_header(struct zk_buf *b, int64_t client_id, int32_t cxid,
                  int64_t zxid, int64_t time, int32_t type)
{
    uint8_t *p = zk_buf_reserve(b, TXN_HEADER_LEN);

    zk_put_be64(p, (uint64_t) client_id);
    zk_put_be32(p + 8, (uint32_t) cxid);
    zk_put_be64(p + HEADER_ZXID, (uint64_t) zxid);
    zk_put_be64(p + HEADER_TIME, (uint64_t) time);
    zk_put_be32(p + HEADER_TYPE, (uint32_t) type);
    b->len += TXN_HEADER_LEN;
}

void
txn_encode_create(struct zk_buf *b, struct zk_slice path,
                  struct zk_slice data, struct zk_slice acl, bool ephemeral,
                  int32_t parent_cversion)
{
    output_archive_slice(b, path);
    output_archive_slice(b, data);
    acl_raw_append(b, acl);
    output_archive_bool(b, ephemeral);
    output_archive_int(b, parent_cversion);
}

void
txn_encode_create_container(struct zk_buf *b, struct zk_slice path,
                            struct zk_slice data, struct zk_slice acl,
                            int32_t parent_cversion)
{
    output_archive_slice(b, path);
    output_archive_slice(b, data);
    acl_raw_append(b, acl);
    output_archive_int(b, parent_cversion);
}

void
txn_encode_create_ttl(struct zk_buf *b, struct zk_slice path,
                      struct zk_slice data, struct zk_slice acl,
                      int32_t parent_cversion, int64_t ttl)
{
    txn_encode_create_container(b, path, data, acl, parent_cversion);
    output_archive_long(b, ttl);
}

void
txn_encode_delete(struct zk_buf *b, struct zk_slice path)
{
    output_archive_slice(b, path);
}

void
txn_encode_set_data(struct zk_buf *b, struct zk_slice path,
                    struct zk_slice data, int32_t version)
{
    output_archive_slice(b, path);
    output_archive_slice(b, data);
    output_archive_int(b, version);
}

void
txn_encode_set_acl(struct zk_buf *b, struct zk_slice path,
                   struct zk_slice acl, int32_t version)
{
    output_archive_slice(b, path);
    acl_raw_append(b, acl);
    output_archive_int(b, version);
}

void
txn_encode_check(struct zk_buf *b, struct zk_slice path, int32_t version)
{
    output_archive_slice(b, path);
    output_archive_int(b, version);
}

void
txn_encode_error(struct zk_buf *b, int32_t err)
{
    output_archive_int(b, err);
}

void
txn_encode_create_session(struct zk_buf *b, int32_t timeout)
{
    output_archive_int(b, timeout);
}

/* Adds one to the count at offset 'at'. */
static void
count_up(struct zk_buf *b, size_t at)
{
    zk_assert(at + 4 <= b->len);
    output_archive_patch_int(b, at, (int32_t) zk_get_be32(b->data + at) + 1);
}

size_t
txn_encode_close_session_begin(struct zk_buf *b)
{
    size_t at = b->len;

    output_archive_int(b, 0);
    return at;
}

void
txn_encode_close_session_add(struct zk_buf *b, size_t at,
                             struct zk_slice path)
{
    zk_assert(path.len > 0);    /* See decode_close_session. */
    count_up(b, at);
    output_archive_slice(b, path);
}

size_t
txn_encode_multi_begin(struct zk_buf *b)
{
    size_t at = b->len;

    output_archive_int(b, 0);
    return at;
}

size_t
txn_encode_multi_add_begin(struct zk_buf *b, size_t at, int32_t type)
{
    zk_assert(allowed_in_multi(type));
    count_up(b, at);
    output_archive_int(b, type);
    return output_archive_frame_begin(b);
}

void
txn_encode_multi_add_end(struct zk_buf *b, size_t sub_at)
{
    output_archive_frame_end(b, sub_at);
}

void
txn_encode_digest(struct zk_buf *b, int32_t version, int64_t digest)
{
    output_archive_int(b, version);
    output_archive_long(b, digest);
}

void
txn_patch_zxid(struct zk_buf *b, size_t at, int64_t zxid, int64_t time)
{
    zk_assert(at + TXN_HEADER_LEN <= b->len);
    zk_put_be64(b->data + at + HEADER_ZXID, (uint64_t) zxid);
    zk_put_be64(b->data + at + HEADER_TIME, (uint64_t) time);
}

void
txn_patch_type(struct zk_buf *b, size_t at, int32_t type)
{
    zk_assert(at + TXN_HEADER_LEN <= b->len);
    zk_put_be32(b->data + at + HEADER_TYPE, (uint32_t) type);
}
