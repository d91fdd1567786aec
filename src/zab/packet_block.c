/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/packet_block.h"

#include <stdlib.h>

struct packet_block *
packet_block_take(struct zk_buf *b, int64_t last_proposal)
{
    struct packet_block *pb = zk_xmalloc(sizeof *pb);

    atomic_init(&pb->refs, 1);
    pb->last_proposal = last_proposal;
    pb->bytes = *b;
    *b = (struct zk_buf) { 0 };
    return pb;
}

struct packet_block *
packet_block_one(int32_t type, int64_t zxid, struct zk_slice data)
{
    struct zk_buf b = { 0 };

    quorum_packet_encode(&b, type, zxid, data);
    return packet_block_take(&b, 0);
}

struct packet_block *
packet_block_ref(struct packet_block *pb)
{
    atomic_fetch_add_explicit(&pb->refs, 1, memory_order_relaxed);
    return pb;
}

void
packet_block_unref(struct packet_block *pb)
{
    if (pb != NULL
        && atomic_fetch_sub_explicit(&pb->refs, 1, memory_order_acq_rel)
               == 1) {
        zk_buf_fini(&pb->bytes);
        free(pb);
    }
}
