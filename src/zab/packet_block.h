/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet_block.h: encoded quorum packets, written once and shared by the
 * queues of all learners that get them.
 *
 * Thread-safety: references are atomic; the rest never changes.
 */
#ifndef ZAB_PACKET_BLOCK_H
#define ZAB_PACKET_BLOCK_H

#include <stdatomic.h>

#include "proto/quorum_packet.h"
#include "server/request.h"

struct packet_block {
    atomic_uint refs;
    int64_t last_proposal;      /* Of the PROPOSALs in it; 0: none. */
    struct zk_buf bytes;
};

/* Takes the bytes over and leaves 'b' empty.  One reference, the caller's. */
struct packet_block *packet_block_take(struct zk_buf *b,
                                       int64_t last_proposal);
/* One packet. */
struct packet_block *packet_block_one(int32_t type, int64_t zxid,
                                      struct zk_slice data);
struct packet_block *packet_block_ref(struct packet_block *pb);
/* NULL is fine. */
void packet_block_unref(struct packet_block *pb);

/* Appends PROPOSAL or INFORM of a transaction. */
static inline void
packet_put_txn(struct zk_buf *b, int32_t type, const struct txn_bytes *t)
{
    quorum_packet_encode(b, type, t->zxid,
                         zk_slice(t->data, (int32_t) t->len));
}

#endif
