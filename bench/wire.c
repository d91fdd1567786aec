/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "wire.h"

#include "common.h"

static struct zk_op
op_of(int32_t op, const char *path, struct zk_slice data)
{
    switch (op) {
    case OP_CREATE:
        return zk_op_create(path, data, acl_raw_open, CREATE_PERSISTENT, 0);
    case OP_DELETE:
        return zk_op_delete(path, -1);
    case OP_EXISTS:
        return zk_op_exists(path, false);
    case OP_GET_DATA:
        return zk_op_get_data(path, false);
    case OP_SET_DATA:
        return zk_op_set_data(path, data, -1);
    case OP_SYNC:
        return zk_op_sync(path);
    default:
        return (struct zk_op) { .op = op };
    }
}

static size_t
reply_length(int32_t op, const char *path, size_t data)
{
    switch (op) {
    case OP_CREATE:
    case OP_SYNC:
        return JUTE_REPLY_HEADER_LEN + 4 + strlen(path);
    case OP_GET_DATA:
        return JUTE_REPLY_HEADER_LEN + 4 + data + JUTE_STAT_LEN;
    case OP_EXISTS:
    case OP_SET_DATA:
        return JUTE_REPLY_HEADER_LEN + JUTE_STAT_LEN;
    default:
        return JUTE_REPLY_HEADER_LEN;
    }
}

void
wire_request_init(struct wire_request *r, int32_t op, const char *path,
                  size_t data_length)
{
    uint8_t *data = xcalloc(1, data_length + 1);
    struct zk_buf frame = { 0 };
    struct zk_op o = op_of(op, path,
                           zk_slice(data, (int32_t) data_length));

    wire_data(data, data_length);
    if (client_encode_op(&frame, 0, &o, "") != KE_OK) {
        fail("%s is no request", op_code_name(op));
    }
    free(data);
    r->bytes = frame.data;
    r->length = frame.len;
    r->reply_length = reply_length(op, path, data_length);
}

void
wire_request_fini(struct wire_request *r)
{
    free(r->bytes);
    r->bytes = NULL;
}

void
wire_data(uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        out[i] = (uint8_t) ('a' + i % 26);
    }
}
