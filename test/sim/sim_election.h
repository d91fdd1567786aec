/* SPDX-License-Identifier: Apache-2.0 */
/* sim_election.h: the election core of a server, its timer, and the links on
 * the election port: of what cannot be sent, the last message is kept. */
#ifndef TEST_SIM_SIM_ELECTION_H
#define TEST_SIM_SIM_ELECTION_H

#include "election/fle_core.h"

struct sim_node;

struct sim_vote {
    struct sim_vote *next;
    int64_t due_us;
    struct fle_notification n;
};

/* To one peer. */
struct sim_votes {
    struct sim_vote *first, *last;
    int64_t last_due_us;
    bool held_is;               /* It could not be sent. */
    struct fle_notification held;
};

struct sim_election {
    struct fle_core *core;
    int64_t began_us;
    int64_t timer_us;           /* The event that is set; 0: none. */
    struct sim_votes to[8];     /* By index. */
};

void sim_election_boot(struct sim_node *n);
void sim_election_gone(struct sim_node *n);
void sim_election_look(struct sim_node *n);
void sim_election_set_epoch(struct sim_node *n, int64_t epoch);
/* 'n' can get through to 'to' again. */
void sim_election_reachable(struct sim_node *n, struct sim_node *to);

#endif
