/* SPDX-License-Identifier: Apache-2.0 */
/* A learner gets the leader's history, and joins the broadcast in the same
 * step (zab/leader_join.c). */
#include <config.h>

#include "sim.h"

#include "zab/learner_sync.h"

struct join {
    struct sim_node *n;
    struct sim_handler *h;
    struct sim_queue committed; /* The committed log, and behind it what the
                                 * tree has not applied yet. */
    struct sim_queue history;   /* What the learner lacks. */
};

void
sim_leader_send(struct sim_handler *h, int32_t type, int64_t zxid,
                const struct sim_txn *t)
{
    const struct sim_msg m = {
        .type = type, .zxid = zxid, .txn = t, .len = t == NULL ? -1 : 0,
    };

    sim_link_send(h->link, 1, &m);
}

static const struct sim_txn *
join_proposal(const struct join *j, size_t i)
{
    const struct txn_bytes *b =
        leader_proposals_at(&j->n->leader.proposals, i)->txn;

    return sim_txn_find(j->n->w, zk_slice(b->data, (int32_t) b->len));
}

static void
join_add(struct join *j, struct sim_queue *to, const struct sim_txn *t,
         int64_t after)
{
    if (t->zxid > after
        && (to->n == 0 || t->zxid > to->v[to->first + to->n - 1]->zxid)) {
        sim_queue_put(j->n->w, to, t);
    }
}

static void
join_find_committed(struct join *j)
{
    struct sim_node *n = j->n;

    for (size_t i = 0; i < n->n_committed; i++) {
        join_add(j, &j->committed, n->committed[i]->txn, -1);
    }
    for (size_t i = 0; i < n->leader.proposals.committed; i++) {
        join_add(j, &j->committed, join_proposal(j, i), -1);
    }
}

static int64_t
join_last(const struct join *j)
{
    const struct sim_queue *q = &j->committed;
    int64_t last = j->n->last_zxid;

    if (q->n > 0 && q->v[q->first + q->n - 1]->zxid > last) {
        last = q->v[q->first + q->n - 1]->zxid;
    }
    return last;
}

static struct sync_choice
join_choose(struct join *j)
{
    struct sim_world *w = j->n->w;
    int64_t *zxids = sim_alloc(w, (j->committed.n + 1) * sizeof *zxids);
    const struct sync_history h = {
        .zxids = zxids,
        .n = j->committed.n,
        .last = join_last(j),
        .disk_from = j->n->continuous_from,
        .force_snapshot = j->n->force_snapshot,
    };

    for (size_t i = 0; i < j->committed.n; i++) {
        zxids[i] = j->committed.v[j->committed.first + i]->zxid;
    }
    return learner_sync_choose(&h, j->h->peer);
}

static bool
join_has_gap(const struct sim_queue *q)
{
    for (size_t i = 1; i < q->n; i++) {
        int64_t before = q->v[q->first + i - 1]->zxid;
        int64_t zxid = q->v[q->first + i]->zxid;

        if (zxid != before + 1 && zxid_epoch(zxid) == zxid_epoch(before)) {
            return true;
        }
    }
    return false;
}

/* As zk_database_each_logged.  False: it cannot be had. */
static bool
join_read_log(struct join *j, int64_t after)
{
    const struct sim_disk *d = &j->n->disk;
    int64_t need = j->committed.n > 0
                       ? j->committed.v[j->committed.first]->zxid
                       : join_last(j);
    int64_t at;

    if (j->n->last_zxid < need || !sim_disk_find(d, after, &at)) {
        return false;
    }
    for (size_t i = (size_t) (at + 1); i < d->n; i++) {
        if (d->log[i]->zxid <= j->n->last_zxid) {
            join_add(j, &j->history, d->log[i], after);
        }
    }
    return true;
}

/* What the learner lacks behind c->after.  False: it must be a SNAP. */
static bool
join_gather(struct join *j, const struct sync_choice *c)
{
    if (c->kind != SYNC_SNAP && c->from_disk
        && !join_read_log(j, c->after)) {
        return false;
    }
    for (size_t i = 0; i < j->committed.n; i++) {
        join_add(j, &j->history, j->committed.v[j->committed.first + i],
                 c->after);
    }
    return !join_has_gap(&j->history);
}

static void
join_send_opening(struct join *j, const struct sync_choice *c)
{
    static const int32_t types[] = {
        [SYNC_DIFF] = QP_DIFF, [SYNC_TRUNC] = QP_TRUNC, [SYNC_SNAP] = QP_SNAP,
    };
    struct sim_msg m = {
        .type = types[c->kind], .zxid = c->zxid, .len = -1,
    };

    if (c->kind == SYNC_SNAP) {
        m.state = j->n->tree;
        m.fuzzy_upto = j->n->fuzzy_upto;
        if (sim_bug_is(j->n->w, SIM_BUG_3104)) {
            m.fuzzy_upto = leader_core_last_proposed(j->n->leader.core);
        }
    }
    sim_trace(j->n->w, j->n, "sends server %ld at 0x%lx: %s 0x%lx and %zu "
              "txns", (long) j->h->sid, (long) j->h->peer,
              quorum_packet_name(m.type), (long) m.zxid, j->history.n);
    sim_link_send(j->h->link, 1, &m);
}

static void
join_send_history(struct join *j)
{
    const struct sim_txn *t;

    while ((t = sim_queue_take(&j->history)) != NULL) {
        if (j->h->observer) {
            sim_leader_send(j->h, QP_INFORM, t->zxid, t);
        } else {
            sim_leader_send(j->h, QP_PROPOSAL, t->zxid, t);
            sim_leader_send(j->h, QP_COMMIT, t->zxid, NULL);
        }
    }
}

static void
join_send_new_leader(struct join *j)
{
    struct sim_msg m = {
        .type = QP_NEWLEADER,
        .zxid = zxid_make(j->n->leader.epoch, 0),
        .len = 1,
    };

    sim_link_send(j->h->link, 1, &m);
}

static void
join_send_open(struct join *j)
{
    const struct leader_proposals *lp = &j->n->leader.proposals;

    for (size_t i = lp->committed; i < lp->n && !j->h->observer; i++) {
        const struct sim_txn *t = join_proposal(j, i);

        sim_leader_send(j->h, QP_PROPOSAL, t->zxid, t);
    }
}

static void
join_send(struct join *j, const struct sync_choice *c)
{
    join_send_opening(j, c);
    if (sim_bug_is(j->n->w, SIM_BUG_3104) && c->kind == SYNC_SNAP) {
        join_send_new_leader(j);
        join_send_history(j);
        join_send_open(j);
        return;
    }
    join_send_history(j);
    if (sim_bug_is(j->n->w, SIM_BUG_4394)) {
        join_send_open(j);
        join_send_new_leader(j);
        return;
    }
    join_send_new_leader(j);
    join_send_open(j);
}

void
sim_leader_join(struct sim_node *n, struct sim_handler *h)
{
    struct join j = { .n = n, .h = h };
    struct sync_choice c;

    join_find_committed(&j);
    c = join_choose(&j);
    if (c.kind != SYNC_SNAP && !join_gather(&j, &c)) {
        c.kind = SYNC_SNAP;
        j.history.n = 0;
    }
    if (c.kind == SYNC_SNAP) {
        c.zxid = c.after = n->last_zxid;
        if (!join_gather(&j, &c)) {
            sim_fail(n->w, "what is committed has no gaps",
                     "server %ld, behind 0x%lx", (long) n->sid,
                     (long) c.zxid);
        }
    }
    join_send(&j, &c);
    h->state = SIM_H_JOINED;
}
