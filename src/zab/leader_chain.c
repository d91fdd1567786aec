/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader_chain.c: the stages of a leader's server (Java:
 * LeaderZooKeeperServer.setupRequestProcessors):
 *
 *   intake, learners -> Prep -> Proposal -> Commit -> Final
 *                                   `-----> Sync -> Ack
 */
#include <config.h>

#include "zab/leader_internal.h"

#include <stdlib.h>

#include "server/commit_processor.h"
#include "server/prep_request_processor.h"
#include "server/sync_request_processor.h"
#include "zab/ack_request_processor.h"
#include "zab/proposal_request_processor.h"

struct leader_chain {
    struct request_processor base;
    unsigned magic;
#define LEADER_CHAIN_MAGIC 0x4c436861
    struct leader *leader;
    struct request_processor *prep, *proposal, *commit, *sync, *ack;
};

static struct leader_chain *
lc_of(struct request_processor *base)
{
    struct leader_chain *lc = ZK_CONTAINER_OF(base, struct leader_chain,
                                              base);

    ZK_CHECK(lc, LEADER_CHAIN_MAGIC);
    return lc;
}

static void
lc_submit(struct request_processor *base, struct bq_list *list)
{
    struct leader_chain *lc = lc_of(base);

    lc->prep->submit(lc->prep, list);
}

static void
lc_shutdown(struct request_processor *base)
{
    struct leader_chain *lc = lc_of(base);

    lc->prep->shutdown(lc->prep);
}

static void
lc_destroy(struct request_processor *base)
{
    struct leader_chain *lc = lc_of(base);

    lc->prep->destroy(lc->prep);
    lc->proposal->destroy(lc->proposal);
    lc->sync->destroy(lc->sync);
    lc->ack->destroy(lc->ack);
    lc->commit->destroy(lc->commit);
    lc->magic = 0;
    free(lc);
}

static void
lc_wire(struct leader_chain *lc, struct zookeeper_server *zks,
        struct request_processor *final)
{
    struct leader *l = lc->leader;
    int64_t first = zxid_make(l->epoch, l->opts.initial_counter);
    struct prep_env pe;
    struct sync_env se;

    zookeeper_server_prep_env(zks, &pe);
    pe.old_learners = &l->old_learners;
    zookeeper_server_sync_env(zks, &se);
    lc->commit = commit_processor_create(false, zxid_make(l->epoch, 0),
                                         final);
    lc->ack = ack_request_processor_create(l);
    lc->sync = sync_request_processor_create(&se, lc->ack);
    lc->proposal = proposal_request_processor_create(l, lc->commit,
                                                     lc->sync);
    lc->prep = prep_request_processor_create(&pe, first, lc->proposal);
}

struct request_processor *
leader_chain_build(void *self, struct zookeeper_server *zks,
                   struct request_processor *final)
{
    struct leader_chain *lc = zk_xcalloc(1, sizeof *lc);

    lc->magic = LEADER_CHAIN_MAGIC;
    lc->base.name = "LeaderChain";
    lc->base.submit = lc_submit;
    lc->base.shutdown = lc_shutdown;
    lc->base.destroy = lc_destroy;
    lc->leader = self;
    lc_wire(lc, zks, final);
    zk_lock(&lc->leader->lock);
    lc->leader->commit = lc->commit;
    zk_unlock(&lc->leader->lock);
    return &lc->base;
}
