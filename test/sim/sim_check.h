/* SPDX-License-Identifier: Apache-2.0 */
/* sim_check.h: what must hold, whatever breaks.  Each of them says so by
 * sim_fail when it does not. */
#ifndef TEST_SIM_SIM_CHECK_H
#define TEST_SIM_SIM_CHECK_H

#include "sim_history.h"

struct sim_node;
struct sim_link;

void sim_check_init(struct sim_world *w);

/* After every step: epochs, trees and logs of all servers; and that a loss of
 * power at this moment would lose nothing that is committed. */
void sim_check_step(struct sim_world *w);

/* 'n' is about to vote. */
void sim_check_vote(struct sim_node *n);
/* 'n' leads: its history is committed by that. */
void sim_check_established(struct sim_node *n);
/* A leader takes 'state' for committed. */
void sim_check_commit(struct sim_node *n, const struct sim_state *state);
/* A learner sends an ack. */
void sim_check_ack(struct sim_node *n, struct sim_link *k, int64_t zxid);
/* A leader answers a sync; 'committed' was when it came, were it by another
 * leader. */
void sim_check_sync(struct sim_node *n, const struct sim_state *committed);
/* Somebody is told that a session has ended. */
void sim_check_gone(struct sim_world *w, int64_t session);
/* A leader was not established in time. */
void sim_check_gave_up(struct sim_node *n);

/* Nothing is left to be done: one leader, all others follow, all have the
 * same, clients are content.  Else 'why' is what is missing. */
bool sim_check_rest(struct sim_world *w, const char **why);

#endif
