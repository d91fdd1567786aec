/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_multi_request: bodies of requests that are read without records:
 * multi, multiRead, the creates, setACL, lists of ACLs, paths, and the sizes
 * of quorum packets.  The first byte chooses.
 */
#include <config.h>

#include <stdlib.h>

#include "proto/acl_codec.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"
#include "proto/path_utils.h"
#include "proto/quorum_packet.h"
#include "proto/request_codec.h"
#include "test/fuzz/fuzz.h"

/* A list that was let through: counts agree, and what is built from its
 * entries is the list again. */
static void
fm_acl(struct zk_slice raw)
{
    struct zk_buf b = { 0 };
    struct acl_entry e;
    struct acl_iter it;
    int32_t n = 0;
    size_t at;

    zk_assert(acl_raw_valid(raw));
    at = acl_encode_begin(&b);
    acl_iter_init(&it, raw);
    while (acl_iter_next(&it, &e)) {
        acl_encode_add(&b, at, e.perms, e.scheme, e.id);
        n++;
    }
    if (acl_raw_count(raw) >= 0) {
        zk_assert(acl_raw_count(raw) == n);
        zk_assert(zk_slice_eq(raw, zk_slice(b.data, (int32_t) b.len)));
    } else {
        zk_assert(n == 0 && raw.len == 4);
    }
    zk_buf_fini(&b);
}

/* A create says the same alone and inside a multi. */
static void
fm_same_create(const struct multi_op *mo, const uint8_t *p, size_t len)
{
    static const int32_t ops[] = {
        OP_CREATE, OP_CREATE2, OP_CREATE_CONTAINER, OP_CREATE_TTL,
    };
    struct input_archive ia;
    struct create_view v;

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        input_archive_init(&ia, p, len, FUZZ_MAX_LEN);
        if (create_view_decode(&v, ops[i], &ia) == ZK_OK
            && zk_slice_eq(v.path, mo->path)) {
            zk_assert(zk_slice_eq(v.data, mo->data));
            zk_assert(zk_slice_eq(v.acl, mo->acl));
            zk_assert(v.flags == mo->flags);
        }
    }
}

static void
fm_op(int32_t op, const struct multi_op *mo)
{
    bool read = mo->type == OP_GET_DATA || mo->type == OP_GET_CHILDREN;

    zk_assert(op_code_is_known(mo->type));
    zk_assert(read == (op == OP_MULTI_READ));
    zk_assert(read || !zk_slice_is_null(mo->path));
    zk_assert(mo->flags == 0 || create_flags_valid(mo->flags));
    zk_assert(mo->type != OP_CREATE_TTL || create_flags_ttl(mo->flags));
    zk_assert(mo->flags != CREATE_CONTAINER
              || mo->type == OP_CREATE_CONTAINER);
    if (!zk_slice_is_null(mo->acl)) {
        fm_acl(mo->acl);
    }
}

static void
fm_multi(int32_t op, const uint8_t *p, size_t len)
{
    int32_t count = multi_request_count(op, p, len, FUZZ_MAX_LEN);
    struct multi_request mr;
    struct multi_op mo;
    int32_t n = 0;
    int rv;

    multi_request_init(&mr, op, p, len, FUZZ_MAX_LEN);
    for (;;) {
        const uint8_t *body = mr.ia.p + JUTE_MULTI_HEADER_LEN;

        rv = multi_request_next(&mr, &mo);
        if (rv != 1) {
            break;
        }
        fm_op(op, &mo);
        if (mo.flags != 0) {
            fm_same_create(&mo, body, (size_t) (p + len - body));
        }
        n++;
    }
    zk_assert(rv == 0 ? count == n : count == rv);
    zk_assert(multi_request_next(&mr, &mo) == rv);
}

static void
fm_create(int32_t op, const uint8_t *p, size_t len)
{
    struct input_archive ia;
    struct create_view v;

    input_archive_init(&ia, p, len, FUZZ_MAX_LEN);
    if (create_view_decode(&v, op, &ia) == ZK_OK) {
        fm_acl(v.acl);
        zk_assert(op == OP_CREATE_TTL || v.ttl == -1);
        (void) (path_validate(v.path) == NULL && path_has_nul(v.path));
    }
}

static void
fm_set_acl(const uint8_t *p, size_t len)
{
    struct input_archive ia;
    struct set_acl_view v;

    input_archive_init(&ia, p, len, FUZZ_MAX_LEN);
    if (set_acl_view_decode(&v, &ia) == ZK_OK) {
        fm_acl(v.acl);
    }
}

static void
fm_raw_acl(const uint8_t *p, size_t len)
{
    struct input_archive ia;
    struct zk_slice raw;
    bool valid = acl_raw_valid(zk_slice(p, (int32_t) len));
    int rv;

    input_archive_init(&ia, p, len, INT32_MAX);
    rv = acl_raw_read(&ia, &raw);
    fm_acl(raw);
    zk_assert(valid == (rv == ZK_OK && input_archive_left(&ia) == 0));
}

/* A path that is fine has none of what a znode's name may not have. */
static void
fm_path(const uint8_t *p, size_t len)
{
    struct zk_slice path = zk_slice(p, (int32_t) len);

    if (path_validate(path) != NULL) {
        return;
    }
    zk_assert(len > 0 && p[0] == '/');
    zk_assert(!path_has_nul(path));
    zk_assert(len == 1 || p[len - 1] != '/');
    for (size_t i = 0; i < len; i++) {
        zk_assert(p[i] >= 0x20 && p[i] != 0x7f);
        zk_assert(i == 0 || p[i] != '/' || p[i - 1] != '/');
    }
}

/* A size that is known does not change when more bytes come. */
static void
fm_packet(const uint8_t *p, size_t len)
{
    size_t known = 0;

    for (size_t have = 0; have <= len; have++) {
        size_t size = 0;
        int rv = quorum_packet_size(p, have, FUZZ_MAX_LEN, &size);

        zk_assert(rv != ZK_ETORN || (size > have && known == 0));
        zk_assert(known == 0 || (rv == ZK_OK && size == known));
        if (rv == ZK_OK) {
            known = size;
        }
        if (rv == ZK_ETOOBIG || rv == ZK_EMARSHAL) {
            return;
        }
    }
    if (known > 0 && known <= len) {
        struct input_archive ia;
        struct jute_quorum_packet qp;
        struct learner_info li;

        input_archive_init(&ia, p, len, FUZZ_MAX_LEN);
        zk_assert(jute_quorum_packet_decode(&ia, &qp) == ZK_OK);
        zk_assert(len - input_archive_left(&ia) == known);
        learner_info_decode(&li, qp.data);
        jute_quorum_packet_fini(&qp);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int32_t creates[] = {
        OP_CREATE, OP_CREATE2, OP_CREATE_CONTAINER, OP_CREATE_TTL,
    };
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t choice = fuzz_u8(&in) % 10;
    uint8_t *p = fuzz_copy(zk_slice(in.p, (int32_t) in.left));

    switch (choice) {
    case 0:
        fm_multi(OP_MULTI, p, in.left);
        break;
    case 1:
        fm_multi(OP_MULTI_READ, p, in.left);
        break;
    case 6:
        fm_set_acl(p, in.left);
        break;
    case 7:
        fm_raw_acl(p, in.left);
        break;
    case 8:
        fm_path(p, in.left);
        break;
    case 9:
        fm_packet(p, in.left);
        break;
    default:
        fm_create(creates[choice - 2], p, in.left);
        break;
    }
    free(p);
    return 0;
}
