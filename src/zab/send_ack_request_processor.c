/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/send_ack_request_processor.h"

#include <stdlib.h>

#include "server/commit_processor.h"
#include "util/zk_time.h"
#include "zab/txn_latency.h"

struct send_ack_request_processor {
    struct request_processor base;
    unsigned magic;
#define SEND_ACK_REQUEST_PROCESSOR_MAGIC 0x53656e41

    struct send_ack_env env;    /* Set at create, never changed. */
    struct zk_buf acks;         /* Of the SyncThread. */
};

static struct send_ack_request_processor *
sap_of(struct request_processor *base)
{
    struct send_ack_request_processor *sap =
        ZK_CONTAINER_OF(base, struct send_ack_request_processor, base);

    ZK_CHECK(sap, SEND_ACK_REQUEST_PROCESSOR_MAGIC);
    return sap;
}

static void
sap_submit(struct request_processor *base, struct bq_list *requests)
{
    struct send_ack_request_processor *sap = sap_of(base);
    struct bq_node *node;
    int64_t last = 0, bytes = 0, now_ms = zk_time_wall_ms();

    while ((node = bq_list_pop(requests)) != NULL) {
        struct request *r = request_of(node);

        /* One without a txn: a proposal that came twice is in the log once,
         * but is acked twice. */
        quorum_packet_encode(&sap->acks, QP_ACK, r->zxid, ZK_SLICE_NULL);
        if (r->txn != NULL) {
            bytes += (int64_t) r->txn->len;
            txn_latency_add(METRIC_proposal_ack_creation_latency, r->txn,
                            now_ms);
        }
        last = r->zxid;
        request_free(r);
    }
    if (sap->env.link != NULL && sap->acks.len > 0) {
        learner_link_append(sap->env.link, sap->acks.data, sap->acks.len);
    }
    zk_buf_clear(&sap->acks);
    commit_processor_durable(sap->env.commit, last);
    sap->env.logged(sap->env.self, bytes);
}

static void
sap_shutdown(struct request_processor *base)
{
    (void) sap_of(base);        /* Nothing is kept here. */
}

static void
sap_destroy(struct request_processor *base)
{
    struct send_ack_request_processor *sap = sap_of(base);

    zk_buf_fini(&sap->acks);
    sap->magic = 0;
    free(sap);
}

struct request_processor *
send_ack_request_processor_create(const struct send_ack_env *env)
{
    struct send_ack_request_processor *sap = zk_xcalloc(1, sizeof *sap);

    sap->magic = SEND_ACK_REQUEST_PROCESSOR_MAGIC;
    sap->base.name = "SendAckRequestProcessor";
    sap->base.submit = sap_submit;
    sap->base.shutdown = sap_shutdown;
    sap->base.destroy = sap_destroy;
    sap->env = *env;
    return &sap->base;
}
