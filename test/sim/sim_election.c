/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

/* A connection that nobody answers is given up after so long. */
#define ELE_CONNECT_US (5 * SIM_SECOND)
/* Who is refused knows soon. */
#define ELE_REFUSED_US (2 * SIM_MS)

static void ele_after(struct sim_node *n);

/* ---- links ------------------------------------------------------------- */

static bool
ele_is_cut(const struct sim_node *n, const struct sim_node *to)
{
    return !to->up || sim_network_is_cut(n->w, n->index, to->index);
}

/* The first message to 'arg' arrives, or is held back. */
static void
ele_tick(struct sim_world *w, void *obj, uint64_t arg)
{
    struct sim_node *n = obj;
    struct sim_node *to = &w->nodes[arg];
    struct sim_votes *q = &n->election.to[arg];
    struct sim_vote *v = q->first;

    if (v == NULL || v->due_us > sim_now(w)) {
        return;
    }
    q->first = v->next;
    if (q->first == NULL) {
        q->last = NULL;
    }
    if (ele_is_cut(n, to)) {
        q->held_is = true;
        q->held = v->n;
        return;
    }
    fle_core_receive(to->election.core, sim_ms(sim_now(w)), &v->n);
    ele_after(to);
}

static void
ele_queue(struct sim_node *n, size_t to, const struct fle_notification *m)
{
    struct sim_world *w = n->w;
    struct sim_votes *q = &n->election.to[to];
    struct sim_vote *v = sim_alloc(w, sizeof *v);
    int64_t now_us = sim_now(w);

    v->n = *m;
    v->due_us = now_us + sim_network_delay(w, n, &w->nodes[to]);
    if (v->due_us < q->last_due_us) {
        v->due_us = q->last_due_us;
    }
    q->last_due_us = v->due_us;
    if (q->last == NULL) {
        q->first = v;
    } else {
        q->last->next = v;
    }
    q->last = v;
    q->held_is = false;
    sim_after(w, v->due_us - now_us, ele_tick, n, to);
}

static void
ele_send_held(struct sim_node *n, struct sim_node *to)
{
    struct sim_votes *q = &n->election.to[to->index];

    if (n->up && q->held_is && !ele_is_cut(n, to)) {
        ele_queue(n, to->index, &q->held);
    }
}

static void
ele_reconnect(struct sim_world *w, void *obj, uint64_t arg)
{
    ele_send_held(obj, &w->nodes[arg]);
}

void
sim_election_reachable(struct sim_node *n, struct sim_node *to)
{
    sim_after(n->w, sim_between(n->w, SIM_MS, 50 * SIM_MS), ele_reconnect, n,
              to->index);
}

/* ---- what the core asks for -------------------------------------------- */

static void
ele_send(void *self, int64_t sid, const struct fle_notification *m)
{
    struct sim_node *n = self;

    for (size_t i = 0; i < n->w->n; i++) {
        if (n->w->nodes[i].sid == sid && sim_node_acts(n)) {
            ele_queue(n, i, m);
        }
    }
}

static bool
ele_delivered(void *self)
{
    const struct sim_node *n = self;

    for (size_t i = 0; i < n->w->n; i++) {
        if (i != n->index && !n->election.to[i].held_is) {
            return true;
        }
    }
    return false;
}

static void
ele_connect_all(void *self)
{
    struct sim_node *n = self;

    for (size_t i = 0; i < n->w->n; i++) {
        ele_send_held(n, &n->w->nodes[i]);
    }
}

static bool
ele_unreachable(void *self, int64_t sid)
{
    const struct sim_node *n = self;
    const struct sim_world *w = n->w;
    int64_t since_us = -1, patience_us = ELE_CONNECT_US;

    for (size_t i = 0; i < w->n; i++) {
        const struct sim_node *to = &w->nodes[i];

        if (to->sid != sid) {
            continue;
        }
        if (!to->up) {
            since_us = to->down_since_us;
            patience_us = to->dies_by_power ? ELE_CONNECT_US
                                            : ELE_REFUSED_US;
        }
        if (w->net.cut[n->index][i]) {
            since_us = w->net.cut_since_us[n->index][i];
            patience_us = ELE_CONNECT_US;
        }
    }
    if (since_us < n->election.began_us) {
        since_us = since_us < 0 ? since_us : n->election.began_us;
    }
    return since_us >= 0 && sim_now(w) - since_us >= patience_us;
}

/* ---- time and outcome -------------------------------------------------- */

static void
ele_timer(struct sim_world *w, void *obj, uint64_t life)
{
    struct sim_node *n = obj;

    if (!n->up || n->life != life || n->election.timer_us > sim_now(w)) {
        return;
    }
    n->election.timer_us = 0;
    fle_core_timer(n->election.core, sim_ms(sim_now(w)));
    ele_after(n);
}

/* The core may have decided, or wait for another moment. */
static void
ele_after(struct sim_node *n)
{
    struct sim_world *w = n->w;
    int64_t at_ms = fle_core_deadline(n->election.core);
    struct vote v;

    if (n->role == SIM_LOOKING
        && fle_core_state(n->election.core, &v) != PEER_LOOKING) {
        sim_node_elected(n, &v);
        return;
    }
    if (at_ms != INT64_MAX) {
        int64_t at_us = at_ms * SIM_MS;

        if (at_us < sim_now(w)) {
            at_us = sim_now(w);
        }
        if (n->election.timer_us == 0 || at_us != n->election.timer_us) {
            n->election.timer_us = at_us;
            sim_after(w, at_us - sim_now(w), ele_timer, n, n->life);
        }
    }
}

/* Somebody's process has ended: those who look may need no more of it. */
static void
ele_links_changed(struct sim_world *w, void *obj, uint64_t life)
{
    struct sim_node *n = obj;

    if (n->up && n->life == life) {
        fle_core_links_changed(n->election.core, sim_ms(sim_now(w)));
        ele_after(n);
    }
}

void
sim_election_boot(struct sim_node *n)
{
    const struct fle_env env = {
        .self = n,
        .send = ele_send,
        .delivered = ele_delivered,
        .connect_all = ele_connect_all,
        .unreachable = ele_unreachable,
    };

    memset(&n->election, 0, sizeof n->election);
    n->election.core = fle_core_create(&env, n->sid, n->w->qv);
    for (size_t i = 0; i < n->w->n; i++) {
        if (i != n->index) {
            sim_election_reachable(&n->w->nodes[i], n);
        }
    }
}

void
sim_election_gone(struct sim_node *n)
{
    struct sim_world *w = n->w;

    fle_core_destroy(n->election.core);
    n->election.core = NULL;
    for (size_t i = 0; i < w->n; i++) {
        struct sim_node *other = &w->nodes[i];

        n->election.to[i].first = n->election.to[i].last = NULL;
        n->election.to[i].held_is = false;
        if (i != n->index && other->up) {
            sim_after(w, ELE_REFUSED_US, ele_links_changed, other,
                      other->life);
        }
    }
}

void
sim_election_look(struct sim_node *n)
{
    n->election.began_us = sim_now(n->w);
    n->election.timer_us = 0;
    fle_core_start(n->election.core, sim_ms(sim_now(n->w)), n->last_zxid,
                   n->disk.current);
    ele_after(n);
}

void
sim_election_set_epoch(struct sim_node *n, int64_t epoch)
{
    fle_core_set_epoch(n->election.core, epoch);
}
