/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/* What zkbench prints, for people or as one JSON object (--json).
 * Latencies are microseconds in both. */

#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H 1

#include <stdint.h>

#include "load.h"
#include "options.h"
#include "probe.h"

struct report {
    const struct options *o;
    struct load_result load;
    struct process_memory memory;       /* Of --pid, at the end. */
    double server_cpu_seconds;          /* Of --pid, while measuring. */
};

/* Throughput, latencies and, with --pid, the server's use of the machine. */
void report_load(const struct report *r);

/* Memory of --pid. */
void report_memory(const struct options *o, const struct process_memory *m);

/* When the server answered: 'at_ns' of CLOCK_MONOTONIC, and counted from
 * 'start_ns', the start of zkbench itself. */
void report_first_answer(const struct options *o, uint64_t start_ns,
                         uint64_t at_ns, uint64_t attempts);

#endif
