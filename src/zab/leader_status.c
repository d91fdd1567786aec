/* SPDX-License-Identifier: Apache-2.0 */
/* leader_status.c: what status words say of a leader (Java:
 * LeaderZooKeeperServer.registerMetrics, Leader's bean). */
#include <config.h>

#include "zab/leader_internal.h"

#include <inttypes.h>

#include "util/zk_time.h"
#include "zab/learner_handler.h"

/* How many of whom. */
struct ls_counts {
    size_t learners, followers, observers;
    size_t synced_followers, synced_others, synced_observers;
};

static void
ls_count_one(const struct leader *l, const struct learner_handler *h,
             struct ls_counts *n)
{
    if (!h->introduced) {
        return;
    }
    n->learners++;
    if (h->observer) {
        n->observers++;
        n->synced_observers += h->joined;
        return;
    }
    n->followers++;
    if (quorum_verifier_is_voter(l->peer->qv, h->sid)) {
        n->synced_followers += h->joined;
    } else {
        n->synced_others += h->joined;
    }
}

static void
ls_count_locked(struct leader *l, struct ls_counts *n) ZK_REQUIRES(l->lock)
{
    *n = (struct ls_counts) { 0 };
    for (const struct learner_handler *h = l->learners; h != NULL;
         h = h->next) {
        ls_count_one(l, h, n);
    }
}

void
leader_get_status(struct leader *l, struct leader_status *out)
{
    struct ls_counts n;

    ZK_CHECK(l, LEADER_MAGIC);
    zk_lock(&l->lock);
    ls_count_locked(l, &n);
    *out = (struct leader_status) {
        .learners = n.learners,
        .followers = n.followers,
        .synced_followers = n.synced_followers,
        .observers = n.observers,
        .synced_observers = n.synced_observers,
        .pending_syncs = l->n_syncs,
        .sync_time_ms = l->serving_since_ms < 0
                            ? -1
                            : l->serving_since_ms - l->created_ms,
    };
    if (l->core != NULL) {
        out->last_proposed = leader_core_last_proposed(l->core);
        out->last_committed = leader_core_last_committed(l->core);
    }
    zk_unlock(&l->lock);
}

static void
ls_line(struct zk_buf *out, const char *key, int64_t value)
{
    zk_buf_printf(out, "zk_%s\t%" PRId64 "\n", key, value);
}

void
leader_mntr(void *self, struct zk_buf *out)
{
    struct leader *l = self;
    struct ls_counts n;
    int64_t last, min, max, syncs, since_ms;

    ZK_CHECK(l, LEADER_MAGIC);
    zk_lock(&l->lock);
    ls_count_locked(l, &n);
    last = l->last_size;
    min = l->min_size;
    max = l->max_size;
    syncs = (int64_t) l->n_syncs;
    since_ms = l->serving_since_ms;
    zk_unlock(&l->lock);
    ls_line(out, "leader_uptime",
            since_ms < 0 ? 0 : zk_time_mono_ms() - since_ms);
    ls_line(out, "learners", (int64_t) n.learners);
    ls_line(out, "synced_followers", (int64_t) n.synced_followers);
    ls_line(out, "synced_non_voting_followers", (int64_t) n.synced_others);
    ls_line(out, "synced_observers", (int64_t) n.synced_observers);
    ls_line(out, "pending_syncs", syncs);
    ls_line(out, "last_proposal_size", last);
    ls_line(out, "max_proposal_size", max);
    ls_line(out, "min_proposal_size", min);
}

void
leader_srvr(void *self, struct zk_buf *out)
{
    struct leader *l = self;
    int64_t last, min, max;

    ZK_CHECK(l, LEADER_MAGIC);
    zk_lock(&l->lock);
    last = l->last_size;
    min = l->min_size;
    max = l->max_size;
    zk_unlock(&l->lock);
    zk_buf_printf(out, "Proposal sizes last/min/max: %" PRId64 "/%" PRId64
                  "/%" PRId64 "\n", last, min, max);
}
