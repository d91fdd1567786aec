/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim_bugs.h"

#include <string.h>

static const struct {
    const char *name, *what;
} bugs[] = {
    { "none", "nothing wrong" },
#define SIM_BUG(id, name, what) { name, what },
#include "sim_bugs.tbl"
#undef SIM_BUG
};

enum sim_bug
sim_bug_of(const char *name)
{
    int bug = SIM_BUG_NONE;

    while (bug < SIM_BUGS && strcmp(bugs[bug].name, name) != 0) {
        bug++;
    }
    return (enum sim_bug) bug;
}

const char *
sim_bug_name(enum sim_bug bug)
{
    return bugs[bug].name;
}

void
sim_bugs_list(FILE *out)
{
    for (int i = SIM_BUG_NONE + 1; i < SIM_BUGS; i++) {
        fprintf(out, "%-8s a server that %s\n", bugs[i].name, bugs[i].what);
    }
}
