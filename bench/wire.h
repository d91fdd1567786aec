/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * As much of ZooKeeper's client protocol as a load generator needs: frames
 * are a 4-byte big-endian length and a body; a request body is xid, type and
 * arguments, a reply body is xid, zxid, err and result.
 *
 * Nothing here is shared with the server's own codec on purpose: a mistake
 * made in one place should not be confirmed by the other.
 */

#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H 1

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum wire_op {
    WIRE_CREATE = 1,
    WIRE_DELETE = 2,
    WIRE_EXISTS = 3,
    WIRE_GET_DATA = 4,
    WIRE_SET_DATA = 5,
    WIRE_SYNC = 9,
    WIRE_PING = 11,
    WIRE_CLOSE = -11
};

enum {
    WIRE_XID_PING = -2,         /* A ping is answered with this xid. */

    WIRE_REPLY_HEADER = 16,     /* xid, zxid, err. */
    WIRE_STAT = 68,
    WIRE_XID_AT = 4,            /* Offset of the xid in a request frame. */
    WIRE_PATH_AT = 16,          /* Offset of the path's first character. */

    WIRE_ERR_NONODE = -101,
    WIRE_ERR_NODEEXISTS = -110
};

static inline void
wire_put32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof v);
}

static inline uint32_t
wire_get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static inline uint64_t
wire_get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

/* A whole request frame, made once and sent many times with a fresh xid. */
struct wire_request {
    uint8_t *bytes;             /* Owned. */
    size_t length;              /* Frame length word included. */
    size_t reply_length;        /* Of the reply body when err is 0. */
};

/* Builds the frame of 'op' on 'path' ("" for a ping or close) with
 * 'data_length' bytes of wire_data() for create and setData.  The caller ends
 * with wire_request_fini(). */
void wire_request_init(struct wire_request *r, enum wire_op op,
                       const char *path, size_t data_length);
void wire_request_fini(struct wire_request *r);

/* Fills 'out' with 'length' bytes of the pattern that every znode made here
 * holds. */
void wire_data(uint8_t *out, size_t length);

/* Printable name of an operation. */
const char *wire_op_name(enum wire_op op);

#endif
