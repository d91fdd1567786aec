/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_time.h: the two clocks.  Timers, expiry and latency use the monotonic
 * one; transaction times, session ids and TTL the wall clock.
 */
#ifndef UTIL_ZK_TIME_H
#define UTIL_ZK_TIME_H

#include <stdint.h>

/* Milliseconds and microseconds since some moment before the start of the
 * process; never go back. */
int64_t zk_time_mono_ms(void);
int64_t zk_time_mono_us(void);
/* Milliseconds since 1970, as the system has it: may jump. */
int64_t zk_time_wall_ms(void);
/* Does nothing for about so long: for background work that must not take the
 * machine from those who are waited for.  No lock may be held. */
void zk_time_pause_us(int64_t us);

#endif
