/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_faults.h: what breaks, and when: rounds of a phase in which things
 * break and a quiet one, at the end of which all must have come to rest.
 */
#ifndef TEST_SIM_SIM_FAULTS_H
#define TEST_SIM_SIM_FAULTS_H

struct sim_world;

/* The servers start, and the first round begins. */
void sim_faults_begin(struct sim_world *w);

#endif
