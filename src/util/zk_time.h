/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_time.h: the two clocks.  Timers, expiry and latency use the monotonic
 * one; transaction times, session ids and TTL the wall clock.
 */
#ifndef UTIL_ZK_TIME_H
#define UTIL_ZK_TIME_H

#include <stdint.h>

int64_t zk_time_mono_ms(void);
int64_t zk_time_mono_us(void);
int64_t zk_time_wall_ms(void);

#endif
