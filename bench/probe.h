/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/* What is learnt about a server from outside: memory and processor time of
 * its process, and when it first answers after being started. */

#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H 1

#include <stdint.h>
#include <sys/types.h>

#include "session.h"

struct process_memory {
    uint64_t rss_kb;            /* VmRSS: resident now. */
    uint64_t hwm_kb;            /* VmHWM: the most ever resident. */
};

/* Reads /proc/PID/status.  Ends the process if there is no such pid. */
void process_memory_get(pid_t pid, struct process_memory *m);

/* Processor time of all threads of 'pid' so far, user and system, in seconds
 * (resolution: 10 ms).  Ends the process if there is no such pid. */
double process_cpu_get(pid_t pid);

/* Connects again and again until a session is granted and exists('path')
 * answers with err 0.  A new attempt starts 'pause_us' after the one before
 * failed, and also while earlier ones hang: a server may leave a connection
 * that came too early without an answer for ever, and that must not hide that
 * it answers others.  Returns that moment in nanoseconds of CLOCK_MONOTONIC
 * and counts the failed attempts before it; ends the process after
 * 'timeout_s'. */
uint64_t first_answer(const struct address *a, const char *path,
                      unsigned pause_us, unsigned timeout_s,
                      uint64_t *attempts);

#endif
