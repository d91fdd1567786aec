/* SPDX-License-Identifier: Apache-2.0 */
/* leader_broadcast.c: proposals out, acks in, commits out (Java:
 * Leader.propose, processAck, tryToCommit; protocol: section 6.6). */
#include <config.h>

#include "zab/leader_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "server/commit_processor.h"
#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/learner_handler.h"

/* ---- to many learners -------------------------------------------------- */

static bool
lb_has_locked(struct leader *l, bool observer) ZK_REQUIRES(l->lock)
{
    for (const struct learner_handler *h = l->learners; h != NULL;
         h = h->next) {
        if (h->joined && h->observer == observer) {
            return true;
        }
    }
    return false;
}

/* Takes the bytes over. */
static void
lb_queue_locked(struct leader *l, bool observer, struct zk_buf *b,
                int64_t last_proposal) ZK_REQUIRES(l->lock)
{
    struct packet_block *pb = packet_block_take(b, last_proposal);

    for (struct learner_handler *h = l->learners; h != NULL; h = h->next) {
        if (h->joined && h->observer == observer) {
            learner_sender_queue(&h->sender, pb);
        }
    }
    packet_block_unref(pb);
}

/* ---- proposals --------------------------------------------------------- */

static void
lb_count_size_locked(struct leader *l, int64_t size) ZK_REQUIRES(l->lock)
{
    l->last_size = size;
    if (l->min_size < 0 || size < l->min_size) {
        l->min_size = size;
    }
    if (size > l->max_size) {
        l->max_size = size;
    }
}

/* What the tree has applied stands in the committed log. */
static void
lb_drop_applied_locked(struct leader *l) ZK_REQUIRES(l->lock)
{
    int64_t min, max;

    if (l->proposals.committed > 0) {
        committed_log_bounds(l->peer->db->committed, &min, &max);
        leader_proposals_applied(&l->proposals, max);
    }
}

bool
leader_propose(struct leader *l, struct txn_bytes *const *txns, size_t n)
{
    int64_t now_ms = zk_time_mono_ms();
    struct zk_buf b = { 0 };
    bool encode;

    zk_lock(&l->lock);
    if (l->closing || l->rolled_over) {
        zk_unlock(&l->lock);
        return false;
    }
    lb_drop_applied_locked(l);
    encode = lb_has_locked(l, false);
    for (size_t i = 0; i < n; i++) {
        leader_core_propose(l->core, txns[i]->zxid);
        leader_proposals_add(&l->proposals, txns[i], now_ms);
        lb_count_size_locked(l, txns[i]->len);
        if (encode) {
            packet_put_txn(&b, QP_PROPOSAL, txns[i]);
        }
    }
    if (encode) {
        lb_queue_locked(l, false, &b, txns[n - 1]->zxid);
    }
    zk_unlock(&l->lock);
    server_metrics_add_n(METRIC_proposal_count, n);
    return true;
}

void
leader_roll_over(struct leader *l)
{
    zk_lock(&l->lock);
    if (!l->rolled_over) {
        zk_info(leader, "the zxids of epoch %ld are used up: a new epoch "
                "begins once all is committed", (long) l->epoch);
        l->rolled_over = true;
        zk_cond_broadcast(&l->changed);
    }
    zk_unlock(&l->lock);
}

/* ---- acks and commits -------------------------------------------------- */

/* Of the proposals from..to-1: COMMIT to those that hold them, INFORM to
 * observers; to each of them one block. */
static void
lb_tell_locked(struct leader *l, size_t from, size_t to)
    ZK_REQUIRES(l->lock)
{
    bool participants = lb_has_locked(l, false);
    bool observers = lb_has_locked(l, true);
    struct zk_buf commits = { 0 }, informs = { 0 };

    for (size_t i = from; i < to; i++) {
        const struct txn_bytes *t = leader_proposals_at(&l->proposals,
                                                        i)->txn;

        if (participants) {
            quorum_packet_encode(&commits, QP_COMMIT, t->zxid,
                                 ZK_SLICE_NULL);
        }
        if (observers) {
            packet_put_txn(&informs, QP_INFORM, t);
        }
    }
    if (participants) {
        lb_queue_locked(l, false, &commits, 0);
    }
    if (observers) {
        lb_queue_locked(l, true, &informs, 0);
    }
}

static int64_t
lb_zxid(const struct leader *l, size_t i)
{
    return leader_proposals_at(&l->proposals, i)->txn->zxid;
}

/* Tells what is committed from 'from' on, with the answers to syncs in their
 * places: nobody gets a commit ahead of the answer to an earlier sync of his,
 * since the commit stage of a learner is one queue and would wait for ever.
 * None of those syncs has to wait for a PING any more: what is committed behind
 * them was acked behind them. */
static void
lb_tell_all_locked(struct leader *l, size_t from) ZK_REQUIRES(l->lock)
{
    while (from < l->proposals.committed) {
        size_t to = from + 1;

        leader_answer_syncs_locked(l, lb_zxid(l, from) - 1);
        zk_assert(l->syncs == NULL
                  || l->syncs->point.zxid >= lb_zxid(l, from));
        while (to < l->proposals.committed
               && (l->syncs == NULL
                   || l->syncs->point.zxid >= lb_zxid(l, to))) {
            to++;
        }
        lb_tell_locked(l, from, to);
        from = to;
    }
    leader_answer_syncs_locked(l, leader_core_last_committed(l->core));
}

static void
lb_count_commits_locked(struct leader *l, size_t from) ZK_REQUIRES(l->lock)
{
    int64_t now_ms = zk_time_mono_ms();

    server_metrics_add_n(METRIC_commit_count, l->proposals.committed - from);
    for (size_t i = from; i < l->proposals.committed; i++) {
        server_metrics_add(METRIC_quorum_ack_latency,
                           now_ms - leader_proposals_at(&l->proposals,
                                                        i)->proposed_ms);
    }
}

/* All up to 'zxid' is committed; true when that is news. */
static bool
lb_commit_locked(struct leader *l, int64_t zxid) ZK_REQUIRES(l->lock)
{
    size_t from = l->proposals.committed;

    leader_proposals_commit(&l->proposals, zxid);
    if (l->proposals.committed == from) {
        return false;
    }
    lb_tell_all_locked(l, from);
    lb_count_commits_locked(l, from);
    if (l->rolled_over && leader_proposals_open(&l->proposals) == 0) {
        zk_cond_broadcast(&l->changed);
    }
    return true;
}

/* The acks of some proposals are timed; of those that are committed already
 * nobody knows any more when they were proposed. */
static void
lb_time_ack_locked(struct leader *l, int64_t sid, int64_t before,
                   int64_t zxid) ZK_REQUIRES(l->lock)
{
    int64_t every = l->opts.ack_logging;
    int64_t timed = every > 0 ? zxid - zxid % every : 0;
    char key[24];

    if (timed <= before || timed <= 0) {
        return;
    }
    for (size_t i = l->proposals.committed; i < l->proposals.n; i++) {
        if (lb_zxid(l, i) == timed) {
            snprintf(key, sizeof key, "%ld", (long) sid);
            server_metrics_set_add(METRIC_ack_latency, zk_slice_str(key),
                                   zk_time_mono_ms()
                                   - leader_proposals_at(&l->proposals, i)
                                         ->proposed_ms);
            return;
        }
    }
}

void
leader_acked(struct leader *l, struct learner_handler *h, int64_t zxid)
{
    struct leader_news news = { 0 };
    int64_t committed;

    learner_sender_acked(&h->sender, zxid);
    zk_lock(&l->lock);
    if (h->joined && !h->observer && !h->replaced && !l->closing) {
        lb_time_ack_locked(l, h->sid, h->acked_zxid, zxid);
        h->acked_zxid = zxid;
        committed = leader_core_ack(l->core, h->sid, zxid);
        news = leader_news_locked(l, lb_commit_locked(l, committed));
    }
    zk_unlock(&l->lock);
    leader_pass_on(&news);
}

void
leader_logged(struct leader *l, int64_t zxid)
{
    struct leader_news news;
    int64_t committed;

    zk_lock(&l->lock);
    lb_time_ack_locked(l, l->peer->sid, leader_core_own_acked(l->core), zxid);
    committed = leader_core_ack(l->core, l->peer->sid, zxid);
    news = leader_news_locked(l, lb_commit_locked(l, committed));
    zk_unlock(&l->lock);
    commit_processor_durable(l->commit, zxid);
    leader_pass_on(&news);
}
