/* SPDX-License-Identifier: Apache-2.0 */
/* sim_bugs.h: mistakes that can be put back, to see whether the simulator
 * finds them.  Most were made by Apache's server. */
#ifndef TEST_SIM_SIM_BUGS_H
#define TEST_SIM_SIM_BUGS_H

#include <stdio.h>

enum sim_bug {
    SIM_BUG_NONE,
#define SIM_BUG(id, name, what) SIM_BUG_##id,
#include "sim_bugs.tbl"
#undef SIM_BUG
    SIM_BUGS
};

/* SIM_BUGS: there is none of this name. */
enum sim_bug sim_bug_of(const char *name);
const char *sim_bug_name(enum sim_bug bug);
void sim_bugs_list(FILE *out);

#endif
