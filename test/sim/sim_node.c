/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "zab/leader_core.h"

/* As quorum_peer paces roles that end before they serve. */
#define NODE_PACE_FIRST_MS 10
#define NODE_PACE_MAX_MS 250
#define NODE_OBSERVER_DELAY_MS 200

/* ---- life -------------------------------------------------------------- */

void
sim_node_init(struct sim_world *w, size_t index, bool voter)
{
    struct sim_node *n = &w->nodes[index];
    struct sim_disk disk = n->disk;

    memset(n, 0, sizeof *n);
    n->disk = disk;
    n->w = w;
    n->index = index;
    n->sid = (int64_t) index + 1;
    n->voter = voter;
    n->force_snapshot = sim_chance(w, 200);
    sim_disk_init(&n->disk, n);
}

void
sim_node_fini(struct sim_node *n)
{
    if (n->up) {
        sim_node_crash(n, false);
    }
}

bool
sim_node_acts(struct sim_node *n)
{
    if (n->dies_in > 0 && --n->dies_in == 0) {
        n->dying = true;
        sim_trace(n->w, n, "dies here");
    }
    return n->up && !n->dying;
}

void
sim_node_doom(struct sim_node *n, int acts, bool power)
{
    if (n->up && n->dies_in == 0) {
        n->dies_in = acts;
        n->dies_by_power = power;
    }
}

void
sim_node_crash(struct sim_node *n, bool power)
{
    if (!n->up) {
        return;
    }
    sim_trace(n->w, n, "%s", power ? "POWER LOST" : "KILLED");
    sim_network_host_gone(n, power);
    sim_leader_free(n);
    sim_learner_free(n);
    sim_server_free(n);
    n->up = false;
    n->dying = false;
    n->dies_in = 0;
    n->dies_by_power = power;
    n->role = SIM_NO_ROLE;
    n->down_since_us = sim_now(n->w);
    sim_election_gone(n);
    if (power) {
        sim_disk_lose_power(&n->disk);
    }
}

/* As zab_epochs_load. */
static void
node_load_epochs(struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    int64_t history_epoch = zxid_epoch(n->last_zxid);

    if (d->current > d->accepted || history_epoch > d->accepted) {
        sim_fail(n->w, "epochs are in order", "server %ld: accepted %ld, "
                 "current %ld, history ends at 0x%lx", (long) n->sid,
                 (long) d->accepted, (long) d->current, (long) n->last_zxid);
    } else if (history_epoch > d->current) {
        (void) !sim_disk_establish(d, history_epoch);
    }
}

static void
node_look(struct sim_node *n)
{
    n->role = SIM_LOOKING;
    n->role_no++;
    n->role_since_us = sim_now(n->w);
    sim_trace(n->w, n, "LOOKING with 0x%lx, epoch %ld", (long) n->last_zxid,
              (long) n->disk.current);
    sim_check_vote(n);
    sim_election_look(n);
}

void
sim_node_boot(struct sim_node *n)
{
    if (n->up) {
        return;
    }
    n->up = true;
    n->life++;
    n->unserved_roles = 0;
    n->busy_until_us = 0;
    n->unsaved = n->need_snapshot = false;
    n->since_snapshot = 0;
    memset(&n->server, 0, sizeof n->server);
    memset(&n->leader, 0, sizeof n->leader);
    memset(&n->learner, 0, sizeof n->learner);
    sim_trace(n->w, n, "BOOT");
    sim_node_reload(n);
    node_load_epochs(n);
    sim_network_host_up(n);
    sim_election_boot(n);
    node_look(n);
}

/* ---- roles ------------------------------------------------------------- */

uint64_t
sim_node_role_id(const struct sim_node *n)
{
    return (uint64_t) n->life << 32 | n->role_no;
}

static void
node_play(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct vote v;

    if (!n->up || sim_node_role_id(n) != id) {
        return;
    }
    fle_core_state(n->election.core, &v);
    sim_trace(w, n, "%s of server %ld (0x%lx, round %ld, epoch %ld)",
              peer_state_name(v.state), (long) v.leader, (long) v.zxid,
              (long) v.round, (long) v.peer_epoch);
    n->role_since_us = sim_now(w);
    n->unserved_roles++;
    if (v.state == PEER_LEADING) {
        n->role = SIM_LEADING;
        sim_leader_start(n);
    } else {
        n->role = SIM_LEARNING;
        sim_learner_start(n, v.leader);
    }
}

void
sim_node_elected(struct sim_node *n, const struct vote *v)
{
    int64_t pace_ms = 0;

    (void) v;
    n->role = SIM_NO_ROLE;
    n->role_no++;
    if (n->unserved_roles > 0) {
        pace_ms = n->unserved_roles < 6
                      ? NODE_PACE_FIRST_MS << (n->unserved_roles - 1)
                      : NODE_PACE_MAX_MS;
    }
    sim_after(n->w, pace_ms * SIM_MS + sim_between(n->w, 10, SIM_MS),
              node_play, n, sim_node_role_id(n));
}

static void
node_look_again(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;

    (void) w;
    if (n->up && sim_node_role_id(n) == id) {
        node_look(n);
    }
}

/* A leader's tree is at <epoch,0> before the epoch's first txn. */
static bool
node_agrees(int64_t tree, int64_t disk)
{
    return tree == disk || (tree > disk && zxid_counter(tree) == 0);
}

/* These bugs leave the tree as it is, whatever stands in the log. */
static bool
node_believes_tree(const struct sim_node *n)
{
    switch (n->w->o->bug) {
    case SIM_BUG_2355:
    case SIM_BUG_2845:
    case SIM_BUG_3701:
    case SIM_BUG_4712:
        return true;
    default:
        return false;
    }
}

/* Tree and log agree before the next vote (ZOOKEEPER-2845, -3642). */
static void
node_role_ended(struct sim_node *n)
{
    bool agrees = node_believes_tree(n)
                  || node_agrees(n->last_zxid, sim_disk_end(&n->disk).zxid);

    if (n->unsaved ? !sim_bug_is(n->w, SIM_BUG_3642) : !agrees) {
        sim_node_reload(n);
    }
}

void
sim_node_end_role(struct sim_node *n, const char *why)
{
    int64_t delay_us = sim_between(n->w, 20, SIM_MS);

    if (n->role != SIM_LEADING && n->role != SIM_LEARNING) {
        return;
    }
    sim_trace(n->w, n, "%s ends: %s",
              n->role == SIM_LEADING ? "LEADING" : "LEARNING", why);
    if (n->server.running) {
        n->unserved_roles = 0;
    }
    n->role = SIM_NO_ROLE;
    n->role_no++;
    sim_leader_stop(n);
    sim_learner_stop(n);
    sim_server_stop(n);
    if (!n->dying) {
        node_role_ended(n);
    }
    if (!n->voter) {
        delay_us += sim_between(n->w, 0, NODE_OBSERVER_DELAY_MS * SIM_MS);
    }
    sim_after(n->w, delay_us, node_look_again, n, sim_node_role_id(n));
}

/* ---- the database ------------------------------------------------------ */

struct sim_snapshot
sim_node_tree(const struct sim_node *n)
{
    return (struct sim_snapshot) { n->tree, n->last_zxid, n->fuzzy_upto };
}

void
sim_node_use_tree(struct sim_node *n, const struct sim_snapshot *s)
{
    n->tree = s->state;
    n->last_zxid = s->zxid;
    n->fuzzy_upto = s->fuzzy_upto;
    n->n_committed = 0;
}

static void
node_remember(struct sim_node *n)
{
    size_t max = n->w->committed_log_count;

    if (n->n_committed == max) {
        memmove(&n->committed[0], &n->committed[1],
                (max - 1) * sizeof n->committed[0]);
        n->n_committed--;
    }
    n->committed[n->n_committed++] = n->tree;
}

void
sim_node_reload(struct sim_node *n)
{
    struct sim_loaded loaded;
    const struct sim_state *s;
    size_t keep;

    sim_disk_load(&n->disk, &loaded);
    sim_node_use_tree(n, &loaded.end);
    n->continuous_from = loaded.snapshot_zxid;
    n->unsaved = false;
    keep = loaded.replayed;
    if (keep > n->w->committed_log_count) {
        keep = n->w->committed_log_count;
    }
    n->n_committed = keep;
    for (s = n->tree; keep > 0; s = s->parent) {
        n->committed[--keep] = s;
    }
    sim_trace(n->w, n, "loaded: 0x%lx, depth %u", (long) n->last_zxid,
              n->tree->depth);
}

void
sim_node_apply(struct sim_node *n, const struct sim_txn *t, bool remember)
{
    if (t->zxid <= n->last_zxid) {
        return;
    }
    if (t->zxid != n->last_zxid + 1
        && zxid_epoch(t->zxid) == zxid_epoch(n->last_zxid)) {
        sim_fail(n->w, "txns are applied without gaps",
                 "server %ld: 0x%lx on a tree at 0x%lx", (long) n->sid,
                 (long) t->zxid, (long) n->last_zxid);
    }
    n->tree = sim_state_after(n->w, n->tree, t);
    n->last_zxid = t->zxid;
    if (n->last_zxid >= n->fuzzy_upto) {
        n->fuzzy_upto = 0;
    }
    if (remember) {
        node_remember(n);
    }
}
