/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "wire.h"

#include "common.h"

/* A cursor that only counts when 'at' is NULL. */
struct out {
    uint8_t *at;
    size_t length;
};

static void
out_int(struct out *o, int32_t v)
{
    if (o->at) {
        wire_put32(o->at + o->length, (uint32_t) v);
    }
    o->length += 4;
}

static void
out_bytes(struct out *o, const void *p, size_t n)
{
    out_int(o, (int32_t) n);
    if (o->at) {
        memcpy(o->at + o->length, p, n);
    }
    o->length += n;
}

static void
out_data(struct out *o, size_t n)
{
    out_int(o, (int32_t) n);
    if (o->at) {
        wire_data(o->at + o->length, n);
    }
    o->length += n;
}

/* One ACL entry: all permissions for world:anyone. */
static void
out_open_acl(struct out *o)
{
    out_int(o, 1);
    out_int(o, 31);
    out_bytes(o, "world", 5);
    out_bytes(o, "anyone", 6);
}

static void
out_request(struct out *o, enum wire_op op, const char *path, size_t data)
{
    out_int(o, 0);              /* Frame length, known at the end. */
    out_int(o, 0);              /* xid, set at each sending. */
    out_int(o, op);
    if (op == WIRE_PING || op == WIRE_CLOSE) {
        return;
    }
    out_bytes(o, path, strlen(path));
    switch (op) {
    case WIRE_CREATE:
        out_data(o, data);
        out_open_acl(o);
        out_int(o, 0);          /* Persistent. */
        break;
    case WIRE_DELETE:
        out_int(o, -1);         /* Any version. */
        break;
    case WIRE_SET_DATA:
        out_data(o, data);
        out_int(o, -1);
        break;
    case WIRE_EXISTS:
    case WIRE_GET_DATA:
        if (o->at) {
            o->at[o->length] = 0;       /* No watch. */
        }
        o->length += 1;
        break;
    case WIRE_SYNC:
    case WIRE_PING:
    case WIRE_CLOSE:
        break;
    }
}

static size_t
reply_length(enum wire_op op, const char *path, size_t data)
{
    switch (op) {
    case WIRE_CREATE:
    case WIRE_SYNC:
        return WIRE_REPLY_HEADER + 4 + strlen(path);
    case WIRE_GET_DATA:
        return WIRE_REPLY_HEADER + 4 + data + WIRE_STAT;
    case WIRE_EXISTS:
    case WIRE_SET_DATA:
        return WIRE_REPLY_HEADER + WIRE_STAT;
    case WIRE_DELETE:
    case WIRE_PING:
    case WIRE_CLOSE:
        break;
    }
    return WIRE_REPLY_HEADER;
}

void
wire_request_init(struct wire_request *r, enum wire_op op, const char *path,
                  size_t data_length)
{
    struct out o = { NULL, 0 };

    out_request(&o, op, path, data_length);
    r->length = o.length;
    r->bytes = xcalloc(1, o.length);
    o.at = r->bytes;
    o.length = 0;
    out_request(&o, op, path, data_length);
    wire_put32(r->bytes, (uint32_t) (r->length - 4));
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

const char *
wire_op_name(enum wire_op op)
{
    switch (op) {
    case WIRE_CREATE:
        return "create";
    case WIRE_DELETE:
        return "delete";
    case WIRE_EXISTS:
        return "exists";
    case WIRE_GET_DATA:
        return "getData";
    case WIRE_SET_DATA:
        return "setData";
    case WIRE_SYNC:
        return "sync";
    case WIRE_PING:
        return "ping";
    case WIRE_CLOSE:
        return "closeSession";
    }
    return "unknown";
}
