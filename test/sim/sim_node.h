/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_node.h: one server: its disk, its tree, its role, and the cores that
 * decide (what QuorumPeer and the database do).
 *
 * It may die at each act that others can see: a write to its disk, a packet
 * sent (sim_node_acts).  From then on nothing it does has an effect, until it
 * is taken down at the end of the step.
 */
#ifndef TEST_SIM_SIM_NODE_H
#define TEST_SIM_SIM_NODE_H

#include "sim_disk.h"
#include "sim_election.h"
#include "sim_leader.h"
#include "sim_learner.h"
#include "sim_server.h"

#define SIM_COMMITTED_LOG 32

enum sim_role {
    SIM_NO_ROLE,                /* Down, or between two roles. */
    SIM_LOOKING,
    SIM_LEADING,
    SIM_LEARNING,
};

struct sim_node {
    struct sim_world *w;
    size_t index;
    int64_t sid;
    bool voter;
    bool force_snapshot;        /* zookeeper.forceSnapshotSync */

    bool up;
    unsigned life;              /* Counts starts. */
    bool dying;
    bool dies_by_power;
    int dies_in;                /* Acts; 0: not set. */
    int64_t down_since_us;
    int64_t busy_until_us;      /* It takes no packets before. */
    int64_t slow_sync_us;       /* On top of each fsync. */
    struct sim_disk disk;

    /* The highest epochs that were seen on its disk. */
    int64_t seen_accepted, seen_current;

    /* ---- lost by a crash ---- */

    /* The database. */
    const struct sim_state *tree;
    int64_t last_zxid;          /* tree->zxid, or <e,0> above it. */
    int64_t fuzzy_upto;
    const struct sim_state *committed[SIM_COMMITTED_LOG];
    size_t n_committed;
    int64_t continuous_from;
    bool unsaved;
    bool need_snapshot;
    int64_t since_snapshot;     /* Txns logged. */

    enum sim_role role;
    unsigned role_no;           /* Counts roles of this life. */
    unsigned unserved_roles;
    int64_t role_since_us;

    struct sim_election election;
    struct sim_server server;
    struct sim_leader leader;
    struct sim_learner learner;
};

void sim_node_init(struct sim_world *w, size_t index, bool voter);
void sim_node_fini(struct sim_node *n);

/* May it act (and has so), or does it die at this moment? */
bool sim_node_acts(struct sim_node *n);
/* Starts it; it looks for a leader. */
void sim_node_boot(struct sim_node *n);
/* At once; without power what was not synced is gone. */
void sim_node_crash(struct sim_node *n, bool power);
/* It dies at one of its next acts. */
void sim_node_doom(struct sim_node *n, int acts, bool power);

/* The election has ended: 'v' is to be played. */
void sim_node_elected(struct sim_node *n, const struct vote *v);
/* The role ends; it will look for a leader. */
void sim_node_end_role(struct sim_node *n, const char *why);
/* What a callback of this role (or life) was made with is over when the
 * number has changed. */
uint64_t sim_node_role_id(const struct sim_node *n);

/* ---- the database ------------------------------------------------------ */

/* A txn that follows; those that are in the tree already are left out. */
void sim_node_apply(struct sim_node *n, const struct sim_txn *t,
                    bool remember);
void sim_node_use_tree(struct sim_node *n, const struct sim_snapshot *s);
/* The tree, as a snapshot. */
struct sim_snapshot sim_node_tree(const struct sim_node *n);
/* Throws the tree away and loads that of the disk. */
void sim_node_reload(struct sim_node *n);

#endif
