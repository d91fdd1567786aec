/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/* Small helpers of zkbench: end with a message, allocate, read the clock. */

#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H 1

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_SEC UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

enum {
    EXIT_WRONG = 1,             /* A wrong answer, or none. */
    EXIT_USAGE = 2
};

/* Prints "zkbench: " and the message, and ends the process with EXIT_WRONG.
 * May be called from any thread. */
void fail(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* calloc that ends the process when memory is short. */
void *xcalloc(size_t count, size_t size);

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * NS_PER_SEC + (uint64_t) ts.tv_nsec;
}

#endif
