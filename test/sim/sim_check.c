/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "zab/leader_core.h"

void
sim_check_init(struct sim_world *w)
{
    memset(&w->check, 0, sizeof w->check);
}

/* ---- what is committed ------------------------------------------------- */

/* Of one session no write is committed behind a later one.  What was refused
 * wrote nothing: a request that was long on its way may come when its client
 * has moved, or its session ended. */
static void
chk_client_order(struct sim_world *w, const struct sim_txn *t)
{
    int32_t *last =
        &w->check.last_cxid[t->client][sim_session_n(t->session)];

    if (t->type != OP_SET_DATA || t->err != KE_OK) {
        return;
    }
    if (t->cxid <= *last) {
        sim_fail(w, "writes of a client are committed in its order",
                 "client %d: cxid %d (zxid 0x%lx) behind %d", t->client,
                 (int) t->cxid, (long) t->zxid, (int) *last);
    }
    *last = t->cxid;
}

static void
chk_extend(struct sim_world *w, const struct sim_state *state)
{
    struct sim_histories *h = &w->hist;

    if (h->n_committed == h->cap_committed) {
        h->cap_committed *= 2;
        h->committed = zk_xrealloc(h->committed, h->cap_committed
                                                     * sizeof h->committed[0]);
    }
    h->committed[h->n_committed++] = state;
    w->dirty = true;
    chk_client_order(w, state->txn);
}

/* All up to 'state' is committed, which goes on from what was. */
static void
chk_extend_to(struct sim_world *w, const struct sim_state *state)
{
    if (state != sim_committed(w)) {
        chk_extend_to(w, state->parent);
        chk_extend(w, state);
    }
}

static void
chk_one_leader(const struct sim_node *n)
{
    struct sim_world *w = n->w;
    int64_t epoch = n->leader.epoch;
    int64_t *leader;

    if (epoch >= SIM_EPOCHS) {
        return;                 /* Seeds that come so far are few. */
    }
    leader = &w->check.leaders[epoch];
    if (*leader != 0 && *leader != n->sid) {
        sim_fail(w, "an epoch has one leader", "servers %ld and %ld, epoch "
                 "%ld", (long) *leader, (long) n->sid, (long) epoch);
    }
    *leader = n->sid;
}

void
sim_check_established(struct sim_node *n)
{
    struct sim_world *w = n->w;
    int64_t epoch = n->leader.epoch;

    w->leaders++;
    chk_one_leader(n);
    if (epoch < w->check.epoch) {
        /* The acks came late: others have a later epoch already.  It can
         * commit nothing, but what it has is committed all the same. */
        if (!sim_is_committed(w, n->tree)) {
            sim_fail(w, "all agree on what is committed",
                     "server %ld of epoch %ld has 0x%lx at %u",
                     (long) n->sid, (long) epoch, (long) n->tree->zxid,
                     n->tree->depth);
        }
        return;
    }
    w->check.epoch = epoch;
    if (n->fuzzy_upto != 0
        || !sim_state_leads_to(sim_committed(w), n->tree)) {
        sim_fail(w, "leaders have what is committed",
                 "server %ld of epoch %ld, at 0x%lx, lacks 0x%lx",
                 (long) n->sid, (long) epoch, (long) n->tree->zxid,
                 (long) sim_committed(w)->zxid);
        return;
    }
    chk_extend_to(w, n->tree);
}

void
sim_check_commit(struct sim_node *n, const struct sim_state *state)
{
    struct sim_world *w = n->w;

    if (n->dying || sim_is_committed(w, state)) {
        return;
    }
    if (state->parent != sim_committed(w)) {
        sim_fail(w, "all agree on what is committed",
                 "server %ld commits 0x%lx at %u, where 0x%lx is",
                 (long) n->sid, (long) state->zxid, state->depth,
                 (long) sim_committed(w)->zxid);
        return;
    }
    chk_extend(w, state);
}

/* ---- what would be left ------------------------------------------------ */

/* With which epoch it would vote if it started now. */
static int64_t
chk_epoch(const struct sim_disk *d)
{
    int64_t epoch = zxid_epoch(d->durable.zxid);

    return d->current > epoch ? d->current : epoch;
}

/* Could 'a' win an election against 'b'?  (Ids decide between equals, so each
 * of them can.) */
static bool
chk_beats(const struct sim_node *a, const struct sim_node *b)
{
    int64_t ea = chk_epoch(&a->disk), eb = chk_epoch(&b->disk);

    return ea > eb
           || (ea == eb && a->disk.durable.zxid >= b->disk.durable.zxid);
}

/* If all lost power now: could somebody be elected who lacks what is
 * committed? */
static void
chk_survival(struct sim_world *w)
{
    const struct sim_state *committed = sim_committed(w);
    int64_t sids[SIM_SERVERS];

    for (size_t i = 0; i < w->n; i++) {
        const struct sim_node *n = &w->nodes[i];
        size_t count = 0;

        if (!n->voter
            || (n->disk.durable.fuzzy_upto == 0
                && n->disk.durable.state->depth >= committed->depth
                && sim_state_leads_to(committed, n->disk.durable.state))) {
            continue;
        }
        for (size_t k = 0; k < w->n; k++) {
            if (w->nodes[k].voter && chk_beats(n, &w->nodes[k])) {
                sids[count++] = w->nodes[k].sid;
            }
        }
        if (quorum_verifier_contains_quorum(w->qv, sids, count)) {
            sim_fail(w, "what is committed outlives a loss of power",
                     "server %ld with epoch %ld and 0x%lx could be elected "
                     "and lacks 0x%lx", (long) n->sid,
                     (long) chk_epoch(&n->disk), (long) n->disk.durable.zxid,
                     (long) committed->zxid);
        }
    }
}

/* ---- each server ------------------------------------------------------- */

static void
chk_epochs(struct sim_node *n)
{
    const struct sim_disk *d = &n->disk;

    if (d->accepted < n->seen_accepted || d->current < n->seen_current) {
        sim_fail(n->w, "epochs never go back", "server %ld: %ld and %ld, "
                 "they were %ld and %ld", (long) n->sid, (long) d->accepted,
                 (long) d->current, (long) n->seen_accepted,
                 (long) n->seen_current);
    }
    n->seen_accepted = d->accepted;
    n->seen_current = d->current;
    if (d->current > d->accepted
        || zxid_epoch(d->durable.zxid) > d->accepted) {
        sim_fail(n->w, "epochs are in order", "server %ld: accepted %ld, "
                 "current %ld, history ends at 0x%lx", (long) n->sid,
                 (long) d->accepted, (long) d->current,
                 (long) d->durable.zxid);
    }
    if (n->server.running && zxid_epoch(d->durable.zxid) > d->current) {
        sim_fail(n->w, "epochs are in order", "server %ld serves in epoch "
                 "%ld with 0x%lx in its log", (long) n->sid,
                 (long) d->current, (long) d->durable.zxid);
    }
}

static void
chk_served(struct sim_node *n)
{
    if (n->server.running && !sim_is_committed(n->w, n->tree)) {
        sim_fail(n->w, "what is served is committed",
                 "server %ld serves 0x%lx at %u", (long) n->sid,
                 (long) n->tree->zxid, n->tree->depth);
    }
}

static void
chk_tree(struct sim_node *n)
{
    if (!n->unsaved && n->tree->zxid > n->disk.durable.zxid) {
        sim_fail(n->w, "trees are not ahead of logs",
                 "server %ld: the tree is at 0x%lx, the log at 0x%lx",
                 (long) n->sid, (long) n->tree->zxid,
                 (long) n->disk.durable.zxid);
    }
    if (n->tree->zxid != n->last_zxid
        && (zxid_counter(n->last_zxid) != 0
            || n->last_zxid < n->tree->zxid)) {
        sim_fail(n->w, "a tree is what its zxid says",
                 "server %ld: 0x%lx, its last txn is 0x%lx", (long) n->sid,
                 (long) n->last_zxid, (long) n->tree->zxid);
    }
    if (n->n_committed > 0
        && n->committed[n->n_committed - 1] != n->tree) {
        sim_fail(n->w, "the committed log has all that is applied",
                 "server %ld: it ends at 0x%lx, the tree at 0x%lx",
                 (long) n->sid,
                 (long) n->committed[n->n_committed - 1]->zxid,
                 (long) n->tree->zxid);
    }
}

/* The committed log has no hole (ZOOKEEPER-4925). */
static void
chk_committed_log(struct sim_node *n)
{
    for (size_t i = 1; i < n->n_committed; i++) {
        if (n->committed[i]->parent != n->committed[i - 1]) {
            sim_fail(n->w, "the committed log has all that is applied",
                     "server %ld: a hole before 0x%lx", (long) n->sid,
                     (long) n->committed[i]->zxid);
        }
    }
}

void
sim_check_step(struct sim_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].up) {
            chk_served(&w->nodes[i]);
            if (!w->o->outcomes_only) {
                chk_epochs(&w->nodes[i]);
                chk_tree(&w->nodes[i]);
            }
        }
    }
    if (w->dirty && !w->o->outcomes_only) {
        w->dirty = false;
        chk_survival(w);
    }
}

/* ---- single moments ---------------------------------------------------- */

void
sim_check_vote(struct sim_node *n)
{
    struct sim_snapshot end = sim_disk_end(&n->disk);

    if (n->w->o->outcomes_only) {
        return;
    }
    if (n->fuzzy_upto != 0) {
        sim_fail(n->w, "who votes has a history",
                 "server %ld: its tree has some of what follows 0x%lx",
                 (long) n->sid, (long) n->last_zxid);
    }
    if (end.state != n->tree || n->disk.durable.state != end.state
        || (n->last_zxid != end.zxid && zxid_counter(n->last_zxid) != 0)) {
        sim_fail(n->w, "who votes has one history",
                 "server %ld: the tree is at 0x%lx (%u txns), the disk at "
                 "0x%lx (%u), durable 0x%lx", (long) n->sid,
                 (long) n->last_zxid, n->tree->depth, (long) end.zxid,
                 end.state->depth, (long) n->disk.durable.zxid);
    }
    chk_committed_log(n);
}

void
sim_check_ack(struct sim_node *n, struct sim_link *k, int64_t zxid)
{
    const struct sim_disk *d = &n->disk;

    if (n->w->o->outcomes_only) {
        return;
    }
    if (!k->history_acked) {
        k->history_acked = true;
        if (zxid_counter(zxid) != 0) {
            sim_fail(n->w, "the ack of NEWLEADER is the first",
                     "server %ld acks 0x%lx before", (long) n->sid,
                     (long) zxid);
        } else if (d->current != zxid_epoch(zxid)
                   || d->durable.state != n->tree) {
            sim_fail(n->w, "what is acked is durable",
                     "server %ld acks epoch %ld: it has 0x%lx, and on disk "
                     "epoch %ld and 0x%lx", (long) n->sid,
                     (long) zxid_epoch(zxid), (long) n->tree->zxid,
                     (long) d->current, (long) d->durable.zxid);
        }
    }
    if (zxid_counter(zxid) != 0 && d->durable.zxid < zxid) {
        sim_fail(n->w, "what is acked is durable",
                 "server %ld acks 0x%lx, its log is durable up to 0x%lx",
                 (long) n->sid, (long) zxid, (long) d->durable.zxid);
    }
}

void
sim_check_sync(struct sim_node *n, const struct sim_state *committed)
{
    if (!sim_state_leads_to(committed, n->leader.committed)) {
        sim_fail(n->w, "a sync brings all that was committed before it",
                 "server %ld of epoch %ld, at 0x%lx, lacks 0x%lx",
                 (long) n->sid, (long) n->leader.epoch,
                 (long) n->leader.committed->zxid, (long) committed->zxid);
    }
}

/* Whoever is told does not come back with it. */
void
sim_check_gone(struct sim_world *w, int64_t session)
{
    if (sim_state_has_session(sim_committed(w), session)) {
        sim_fail(w, "no session is said to have ended that lives",
                 "client %d, its session %d", sim_session_client(session),
                 sim_session_n(session));
    }
}

/* When nothing breaks a leader that was elected gets its quorum. */
void
sim_check_gave_up(struct sim_node *n)
{
    struct sim_world *w = n->w;

    if (w->phase == SIM_QUIET
        && n->role_since_us > w->quiet_since_us + w->init_us + w->sync_us) {
        sim_fail(w, "leaders are established when nothing breaks",
                 "server %ld was not", (long) n->sid);
    }
}

/* ---- rest -------------------------------------------------------------- */

static const char *
chk_server_rests(const struct sim_world *w, const struct sim_node *n,
                 const struct sim_node *leader)
{
    const struct sim_state *tip = sim_committed(w);

    if (n->disk.accepted > leader->leader.epoch) {
        return NULL;            /* It follows again from the next epoch on. */
    }
    if (!n->server.running) {
        return "a server does not serve";
    }
    if (n != leader
        && (n->role != SIM_LEARNING || n->learner.leader != leader->sid)) {
        return "a server follows another";
    }
    if (n->tree != tip || n->disk.durable.state != tip) {
        return "a server has not all that is committed";
    }
    return NULL;
}

bool
sim_check_rest(struct sim_world *w, const char **why)
{
    const struct sim_node *leader = NULL;

    *why = "nobody leads";
    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].up && w->nodes[i].role == SIM_LEADING
            && w->nodes[i].leader.serving) {
            leader = &w->nodes[i];
        }
    }
    if (leader == NULL) {
        return false;
    }
    for (size_t i = 0; i < w->n; i++) {
        *why = chk_server_rests(w, &w->nodes[i], leader);
        if (*why != NULL) {
            return false;
        }
    }
    *why = "a client waits";
    for (size_t i = 0; i < w->n_clients; i++) {
        if (!sim_client_rests(&w->clients[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < w->n; i++) {
        w->left_out += w->nodes[i].disk.accepted > leader->leader.epoch;
    }
    return true;
}
