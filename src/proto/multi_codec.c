/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/multi_codec.h"

#include "proto/op_code.h"
#include "proto/request_codec.h"

static void decode_op(struct input_archive *ia, struct multi_op *mo);
static void decode_create(struct input_archive *ia, struct multi_op *mo);
static void append_header(struct zk_buf *b, int32_t type, bool done,
                          int32_t err);

void
multi_request_init(struct multi_request *mr, int32_t op, const void *p,
                   size_t len, int32_t max_len)
{
    zk_assert(op == OP_MULTI || op == OP_MULTI_READ);
    input_archive_init(&mr->ia, p, len, max_len);
    mr->op = op;
    mr->done = false;
}

static bool
is_read(int32_t type)
{
    return type == OP_GET_DATA || type == OP_GET_CHILDREN;
}

int
multi_request_next(struct multi_request *mr, struct multi_op *mo)
{
    struct jute_multi_header h;

    if (mr->done) {
        return 0;
    }
    if (jute_multi_header_decode(&mr->ia, &h) != ZK_OK) {
        return mr->ia.err;
    }
    if (h.done) {               /* Whatever its type is. */
        mr->done = true;
        return 0;
    }
    *mo = (struct multi_op) {
        .type = h.type,
        .path = ZK_SLICE_NULL,
        .data = ZK_SLICE_NULL,
        .acl = ZK_SLICE_NULL,
        .ttl = -1,
    };
    if (is_read(h.type) != (mr->op == OP_MULTI_READ)) {
        input_archive_fail(&mr->ia, ZK_EMARSHAL);
    }
    decode_op(&mr->ia, mo);
    return mr->ia.err == ZK_OK ? 1 : mr->ia.err;
}

int32_t
multi_request_count(int32_t op, const void *p, size_t len, int32_t max_len)
{
    struct multi_request mr;
    struct multi_op mo;
    int32_t n = 0;
    int rv;

    multi_request_init(&mr, op, p, len, max_len);
    while ((rv = multi_request_next(&mr, &mo)) == 1) {
        n++;
    }
    return rv == 0 ? n : rv;
}

static void
decode_op(struct input_archive *ia, struct multi_op *mo)
{
    switch (mo->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        decode_create(ia, mo);
        break;
    case OP_DELETE:
    case OP_CHECK:
        mo->path = input_archive_slice(ia);
        mo->version = input_archive_int(ia);
        break;
    case OP_SET_DATA:
        mo->path = input_archive_slice(ia);
        mo->data = input_archive_slice(ia);
        mo->version = input_archive_int(ia);
        break;
    case OP_GET_DATA:
    case OP_GET_CHILDREN:
        mo->path = input_archive_slice(ia);
        (void) input_archive_bool(ia);  /* watch: has no effect here. */
        return;
    default:
        input_archive_fail(ia, ZK_EMARSHAL);
        break;
    }
    if (zk_slice_is_null(mo->path)) {
        input_archive_fail(ia, ZK_EMARSHAL);
    }
}

static void
decode_create(struct input_archive *ia, struct multi_op *mo)
{
    struct create_view v;

    (void) create_view_decode(&v, mo->type, ia);
    mo->path = v.path;
    mo->data = v.data;
    mo->acl = v.acl;
    mo->flags = v.flags;
    if (!create_flags_valid(v.flags)) {
        input_archive_fail(ia, ZK_EMARSHAL);
    } else if (mo->type == OP_CREATE_TTL && create_flags_ttl(v.flags)) {
        mo->ttl = v.ttl;
    } else if (v.flags == CREATE_CONTAINER) {
        mo->type = OP_CREATE_CONTAINER;
    } else if (mo->type == OP_CREATE_TTL) {
        mo->type = OP_CREATE;
    }
}

void
multi_result_create(struct zk_buf *b, struct zk_slice path)
{
    append_header(b, OP_CREATE, false, 0);
    output_archive_slice(b, path);
}

void
multi_result_create2(struct zk_buf *b, struct zk_slice path,
                     const struct jute_stat *stat)
{
    append_header(b, OP_CREATE2, false, 0);
    output_archive_slice(b, path);
    jute_stat_encode(b, stat);
}

void
multi_result_delete(struct zk_buf *b)
{
    append_header(b, OP_DELETE, false, 0);
}

void
multi_result_check(struct zk_buf *b)
{
    append_header(b, OP_CHECK, false, 0);
}

void
multi_result_set_data(struct zk_buf *b, const struct jute_stat *stat)
{
    append_header(b, OP_SET_DATA, false, 0);
    jute_stat_encode(b, stat);
}

void
multi_result_get_data(struct zk_buf *b, struct zk_slice data,
                      const struct jute_stat *stat)
{
    append_header(b, OP_GET_DATA, false, 0);
    output_archive_slice(b, data);
    jute_stat_encode(b, stat);
}

void
multi_result_get_children(struct zk_buf *b)
{
    append_header(b, OP_GET_CHILDREN, false, 0);
}

void
multi_result_error(struct zk_buf *b, int32_t err)
{
    append_header(b, OP_ERROR, false, err);
    output_archive_int(b, err);
}

void
multi_result_end(struct zk_buf *b)
{
    append_header(b, -1, true, -1);
}

static void
append_header(struct zk_buf *b, int32_t type, bool done, int32_t err)
{
    struct jute_multi_header h = { .type = type, .done = done, .err = err };

    jute_multi_header_encode(b, &h);
}
