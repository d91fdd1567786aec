/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/leader_proposals.h"

#include <stdlib.h>

#define LP_FIRST_CAP 256

void
leader_proposals_fini(struct leader_proposals *lp)
{
    for (size_t i = 0; i < lp->n; i++) {
        txn_bytes_unref(leader_proposals_at(lp, i)->txn);
    }
    free(lp->ring);
    *lp = (struct leader_proposals) { 0 };
}

static void
lp_grow(struct leader_proposals *lp)
{
    size_t cap = lp->cap == 0 ? LP_FIRST_CAP : lp->cap * 2;
    struct leader_proposal *ring = zk_xcalloc(cap, sizeof *ring);

    for (size_t i = 0; i < lp->n; i++) {
        ring[i] = *leader_proposals_at(lp, i);
    }
    free(lp->ring);
    lp->ring = ring;
    lp->cap = cap;
    lp->first = 0;
}

void
leader_proposals_add(struct leader_proposals *lp, struct txn_bytes *txn,
                     int64_t now_ms)
{
    struct leader_proposal *p;

    zk_assert(lp->n == 0
              || leader_proposals_at(lp, lp->n - 1)->txn->zxid < txn->zxid);
    if (lp->n == lp->cap) {
        lp_grow(lp);
    }
    p = &lp->ring[(lp->first + lp->n++) & (lp->cap - 1)];
    p->txn = txn_bytes_ref(txn);
    p->proposed_ms = now_ms;
}

void
leader_proposals_commit(struct leader_proposals *lp, int64_t zxid)
{
    while (lp->committed < lp->n
           && leader_proposals_at(lp, lp->committed)->txn->zxid <= zxid) {
        lp->committed++;
    }
}

void
leader_proposals_applied(struct leader_proposals *lp, int64_t zxid)
{
    while (lp->committed > 0
           && leader_proposals_at(lp, 0)->txn->zxid <= zxid) {
        txn_bytes_unref(leader_proposals_at(lp, 0)->txn);
        lp->first = (lp->first + 1) & (lp->cap - 1);
        lp->n--;
        lp->committed--;
    }
}
