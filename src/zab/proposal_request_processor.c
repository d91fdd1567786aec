/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/proposal_request_processor.h"

#include <stdlib.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "zab/leader_internal.h"

/* The counter of a zxid that is never given out: what would follow belongs to
 * the next epoch (ZOOKEEPER-1277). */
#define PROP_LAST_COUNTER INT64_C(0xffffffff)

struct proposal_request_processor {
    struct request_processor base;
    unsigned magic;
#define PROPOSAL_REQUEST_PROCESSOR_MAGIC 0x50726f70

    /* Set at create, never changed. */
    struct leader *leader;
    struct request_processor *commit, *sync;

    /* Of whoever submits (one at a time). */
    bool ended;                 /* The leader takes no more. */
    struct bq_list to_commit, to_log;
    struct txn_bytes **txns;    /* Those of to_log. */
    size_t cap;
};

static struct proposal_request_processor *
prop_of(struct request_processor *base)
{
    struct proposal_request_processor *prop =
        ZK_CONTAINER_OF(base, struct proposal_request_processor, base);

    ZK_CHECK(prop, PROPOSAL_REQUEST_PROCESSOR_MAGIC);
    return prop;
}

static void
prop_drop(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        request_free(request_of(node));
    }
}

/* What the log needs of a transaction. */
static void
prop_note_txn(struct proposal_request_processor *prop,
              const struct request *r)
{
    struct request *log = request_create(r->type, r->session_id, r->cxid,
                                         ZK_SLICE_NULL, NULL, NULL);

    log->zxid = r->zxid;
    log->received_us = r->received_us;
    log->txn = txn_bytes_ref(r->txn);
    if (prop->to_log.n == prop->cap) {
        prop->cap = prop->cap == 0 ? 64 : prop->cap * 2;
        prop->txns = zk_xrealloc(prop->txns,
                                 prop->cap * sizeof prop->txns[0]);
    }
    prop->txns[prop->to_log.n] = r->txn;
    bq_list_append(&prop->to_log, &log->link);
}

/* Hands on what was gathered.  A commit cannot come before its request is
 * known, nor an own ack before the proposal. */
static void
prop_flush(struct proposal_request_processor *prop)
{
    if (prop->to_commit.n > 0) {
        /* The transactions live on in to_log. */
        prop->commit->submit(prop->commit, &prop->to_commit);
    }
    if (prop->to_log.n == 0) {
        return;
    }
    if (!leader_propose(prop->leader, prop->txns, prop->to_log.n)) {
        prop->ended = true;
        prop_drop(&prop->to_log);
        return;
    }
    prop->sync->submit(prop->sync, &prop->to_log);
}

/* It is answered behind what was proposed before it, by a leader that was one
 * when it came: a learner's over its link, and here it goes on only to be
 * counted as done; a client's by Final, once the commit stage lets it pass. */
static void
prop_sync(struct proposal_request_processor *prop, struct request *r)
{
    bool own = r->sink != NULL, refused = r->err != KE_OK;
    const void *owner = r->owner;

    bq_list_append(&prop->to_commit, &r->link);
    if (own && refused) {
        return;
    }
    prop_flush(prop);
    if (own) {
        leader_sync_own(prop->leader);
    } else {
        leader_sync(prop->leader, owner);
    }
}

static void
prop_one(struct proposal_request_processor *prop, struct request *r)
{
    if (r->txn != NULL
        && zxid_counter(r->txn->zxid) == PROP_LAST_COUNTER) {
        prop_flush(prop);
        leader_roll_over(prop->leader);
        prop->ended = true;
    }
    if (prop->ended) {
        request_free(r);        /* Its connection goes with the role. */
        return;
    }
    if (r->type == OP_SYNC) {
        prop_sync(prop, r);
        return;
    }
    if (r->txn != NULL) {
        prop_note_txn(prop, r);
    }
    bq_list_append(&prop->to_commit, &r->link);
}

static void
prop_submit(struct request_processor *base, struct bq_list *list)
{
    struct proposal_request_processor *prop = prop_of(base);
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        prop_one(prop, request_of(node));
    }
    prop_flush(prop);
}

static void
prop_shutdown(struct request_processor *base)
{
    struct proposal_request_processor *prop = prop_of(base);

    prop->sync->shutdown(prop->sync);
    prop->commit->shutdown(prop->commit);
}

static void
prop_destroy(struct request_processor *base)
{
    struct proposal_request_processor *prop = prop_of(base);

    free(prop->txns);
    prop->magic = 0;
    free(prop);
}

struct request_processor *
proposal_request_processor_create(struct leader *l,
                                  struct request_processor *commit,
                                  struct request_processor *sync)
{
    struct proposal_request_processor *prop = zk_xcalloc(1, sizeof *prop);

    prop->magic = PROPOSAL_REQUEST_PROCESSOR_MAGIC;
    prop->base.name = "ProposalRequestProcessor";
    prop->base.submit = prop_submit;
    prop->base.shutdown = prop_shutdown;
    prop->base.destroy = prop_destroy;
    prop->leader = l;
    prop->commit = commit;
    prop->sync = sync;
    return &prop->base;
}
