/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_point.h: named places where a test makes the process die.
 *
 * Built in by --enable-crash-points, empty otherwise.  The environment
 * variable ZKD_CRASH_POINT="name[:n]" arms one point: the n-th time (default
 * the first) a thread passes it, the process kills itself with SIGKILL.
 * Names stand in include/zookeeper/tbl/crash_points.h.
 */
#ifndef UTIL_CRASH_POINT_H
#define UTIL_CRASH_POINT_H

enum crash_point {
#define CRASH_POINT(name, where) CRASH_##name,
#include "zookeeper/tbl/crash_points.h"
#undef CRASH_POINT
    CRASH_POINTS
};

#ifdef ZK_CRASH_POINTS
/* Reads the environment; an unknown name panics.  Call before threads. */
void crash_point_arm(void);
void crash_point_pass(enum crash_point point);
#else
static inline void
crash_point_arm(void)
{
}

static inline void
crash_point_pass(enum crash_point point)
{
    (void) point;
}
#endif

#define CRASH_HERE(name) crash_point_pass(CRASH_##name)

#endif
