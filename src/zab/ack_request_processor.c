/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/ack_request_processor.h"

#include <stdlib.h>

#include "util/zk_time.h"
#include "zab/leader_internal.h"
#include "zab/txn_latency.h"

struct ack_request_processor {
    struct request_processor base;
    unsigned magic;
#define ACK_REQUEST_PROCESSOR_MAGIC 0x41636b52
    struct leader *leader;
};

static struct ack_request_processor *
arp_of(struct request_processor *base)
{
    struct ack_request_processor *arp =
        ZK_CONTAINER_OF(base, struct ack_request_processor, base);

    ZK_CHECK(arp, ACK_REQUEST_PROCESSOR_MAGIC);
    return arp;
}

static void
arp_submit(struct request_processor *base, struct bq_list *list)
{
    struct ack_request_processor *arp = arp_of(base);
    struct bq_node *node;
    int64_t last = 0, now_ms = zk_time_wall_ms();

    while ((node = bq_list_pop(list)) != NULL) {
        struct txn_bytes *t = request_of(node)->txn;

        last = t->zxid;
        txn_latency_add(METRIC_proposal_ack_creation_latency, t, now_ms);
        request_free(request_of(node));
    }
    if (last != 0) {
        leader_logged(arp->leader, last);
    }
}

static void
arp_shutdown(struct request_processor *base)
{
    (void) arp_of(base);        /* The last of its branch. */
}

static void
arp_destroy(struct request_processor *base)
{
    struct ack_request_processor *arp = arp_of(base);

    arp->magic = 0;
    free(arp);
}

struct request_processor *
ack_request_processor_create(struct leader *l)
{
    struct ack_request_processor *arp = zk_xcalloc(1, sizeof *arp);

    arp->magic = ACK_REQUEST_PROCESSOR_MAGIC;
    arp->base.name = "AckRequestProcessor";
    arp->base.submit = arp_submit;
    arp->base.shutdown = arp_shutdown;
    arp->base.destroy = arp_destroy;
    arp->leader = l;
    return &arp->base;
}
