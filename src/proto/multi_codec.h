/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multi_codec.h: the bodies of multi and multiRead requests, and the results
 * in their replies.
 *
 * The rules are those of 3.9 (ZOOKEEPER-4026): creates keep their operation
 * code, but for container flags, which make any of them createContainer, and
 * createTTL without TTL flags, which is create.  Flags that are no mode make
 * the whole request undecodable; TTL flags without a ttl on the wire are
 * refused when the op is prepared.  (3.8 took the kind from the flags alone.)
 * A multi takes writes only, a multiRead reads only.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef PROTO_MULTI_CODEC_H
#define PROTO_MULTI_CODEC_H

#include "jute/zookeeper_records.h"
#include "jute/input_archive.h"

/* One op of a request; slices are borrowed from the body. */
struct multi_op {
    int32_t type;               /* enum op_code, converted as said above. */
    struct zk_slice path;       /* Never null for writes. */
    struct zk_slice data;       /* create*, setData. */
    struct zk_slice acl;        /* create*: raw, see acl_codec.h. */
    int32_t flags;              /* create*: one of enum create_flags. */
    int64_t ttl;                /* createTTL; else -1. */
    int32_t version;            /* delete, setData, check. */
};

struct multi_request {
    struct input_archive ia;
    int32_t op;                 /* OP_MULTI or OP_MULTI_READ. */
    bool done;
};

/* Starts reading the body of operation 'op' (OP_MULTI or OP_MULTI_READ). */
void multi_request_init(struct multi_request *mr, int32_t op, const void *p,
                        size_t len, int32_t max_len);

/* 1: 'mo' is the next op; 0: that was the last; ZK_EMARSHAL or ZK_ETOOBIG:
 * the request does not decode (and will not any more). */
int multi_request_next(struct multi_request *mr, struct multi_op *mo)
    ZK_WARN_UNUSED;

/* Reads the whole body: the number of its ops, or the error.  A multi is
 * refused whole, before any op of it is prepared. */
int32_t multi_request_count(int32_t op, const void *p, size_t len,
                            int32_t max_len) ZK_WARN_UNUSED;

/* Results, appended in the order of the ops and ended by multi_result_end. */
void multi_result_create(struct zk_buf *b, struct zk_slice path);
/* createContainer and createTTL: path and Stat, under type create2. */
void multi_result_create2(struct zk_buf *b, struct zk_slice path,
                          const struct jute_stat *stat);
void multi_result_delete(struct zk_buf *b);
void multi_result_check(struct zk_buf *b);
void multi_result_set_data(struct zk_buf *b, const struct jute_stat *stat);
void multi_result_get_data(struct zk_buf *b, struct zk_slice data,
                           const struct jute_stat *stat);
/* The header alone: the caller appends the vector<string>. */
void multi_result_get_children(struct zk_buf *b);
/* 'err' may be KE_OK: what an op before the one that failed reports. */
void multi_result_error(struct zk_buf *b, int32_t err);
void multi_result_end(struct zk_buf *b);

#endif
