/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/crash_point.h"

#ifdef ZK_CRASH_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/zk_obj.h"

static const char *const crash_point_names[CRASH_POINTS] = {
#define CRASH_POINT(name, where) #name,
#include "zookeeper/tbl/crash_points.h"
#undef CRASH_POINT
};

/* How often the point may still be passed, the fatal time included; 0: not
 * armed. */
static _Atomic unsigned long crash_point_left[CRASH_POINTS];

static void
cp_arm_one(const char *name, size_t len, unsigned long nth)
{
    for (size_t i = 0; i < CRASH_POINTS; i++) {
        if (strlen(crash_point_names[i]) == len
            && memcmp(crash_point_names[i], name, len) == 0) {
            atomic_store(&crash_point_left[i], nth);
            return;
        }
    }
    zk_panic("ZKD_CRASH_POINT: there is no crash point '%.*s'", (int) len,
             name);
}

void
crash_point_arm(void)
{
    const char *spec = getenv("ZKD_CRASH_POINT");
    const char *colon;
    unsigned long nth = 1;
    char *end;

    if (spec == NULL || spec[0] == '\0') {
        return;
    }
    colon = strchr(spec, ':');
    if (colon != NULL) {
        nth = strtoul(colon + 1, &end, 10);
        if (nth == 0 || *end != '\0') {
            zk_panic("ZKD_CRASH_POINT: '%s' is not name[:n], n from 1",
                     spec);
        }
    }
    cp_arm_one(spec, colon != NULL ? (size_t) (colon - spec) : strlen(spec),
               nth);
}

void
crash_point_pass(enum crash_point point)
{
    zk_assert((unsigned) point < CRASH_POINTS);
    if (atomic_load_explicit(&crash_point_left[point], memory_order_relaxed)
            > 0
        && atomic_fetch_sub(&crash_point_left[point], 1) == 1) {
        kill(getpid(), SIGKILL);
    }
}

#endif
