/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * The load engine: drives requests over open sessions in a closed loop (each
 * connection keeps a fixed number of requests outstanding), checks every
 * reply, and measures.
 *
 * What keeps it cheap, since it usually shares the machine with the server:
 * requests are encoded once and only xid and the digits of the name are
 * patched in; one recv takes all replies that are there, one send carries all
 * requests they make room for, one clock reading dates both; all connections
 * of a thread share one receive buffer; a thread with a single connection
 * does without epoll.
 *
 * Each reply must carry the next expected xid, err 0, exactly the length that
 * the operation's result has, and a zxid not below the one before it on the
 * same connection.  Anything else ends the process with a message.
 *
 * Latency is counted from the moment the request was handed to the kernel
 * (in a batch: just before) to the moment its reply was read.
 */

#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H 1

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "wire.h"

/* Digits of a znode's number in its name; numbers are below 10^10. */
#define LOAD_DIGITS 10

/* Where the digits of a numbered path start, counted from its first
 * character; 'group_at' is 0 when nodes are not grouped. */
struct numbering {
    size_t at;
    size_t group_at;
    uint64_t per_group;         /* Nodes with the same group number. */
};

enum load_pick {
    LOAD_PICK_NONE,             /* The path is fixed (ping). */
    LOAD_PICK_RANDOM,           /* Any of 'keys' numbers, evenly. */
    LOAD_PICK_NEXT              /* Each number once; see load_phase. */
};

/* One stretch of load on all connections. */
struct load_phase {
    /* kind[0] is sent, or kind[1] in (100 - percent0) of 100 cases. */
    int32_t op[2];
    const struct wire_request *request[2];
    unsigned percent0;

    enum load_pick pick;
    struct numbering numbering;
    uint64_t keys;              /* For LOAD_PICK_RANDOM. */

    unsigned window;            /* Requests outstanding per connection. */
    uint64_t warm_ns;           /* Not measured; only with duration_ns. */
    uint64_t duration_ns;       /* 0: run until 'quota' is done. */

    /* In all, when duration_ns is 0: connection i of n sends the numbers
     * i, i+n, i+2n... below it.  With 'resume', instead exactly as many per
     * connection as the previous phase sent: how what a timed create made is
     * deleted again. */
    uint64_t quota;
    bool resume;

    bool check_data;            /* Compare getData's bytes, too. */
    bool spin;                  /* Busy-poll instead of sleeping. */
    unsigned stall_s;           /* Fail when nothing arrives for so long. */
};

/* What was measured.  kind[1] is used only when two kinds were sent. */
struct load_result {
    struct histogram kind[2];
    double seconds;
    double client_cpu_seconds;  /* Of the whole process, same stretch. */
    double longest_gap_s;       /* Longest time without any reply. */
};

struct load;

/* Takes over 'count' blocking sockets (not copied, must outlive the load),
 * spread over 'threads' threads. */
struct load *load_create(const int *fds, unsigned count, unsigned threads);

/* Makes the sockets blocking again and frees 'load'. */
void load_destroy(struct load *load);

/* Runs one phase to its end, all replies read, and fills 'result' (which is
 * large: keep it off the stack).  'at_start' and 'at_end', if not NULL, are
 * called with 'arg' when measuring starts and ends. */
void load_run(struct load *load, const struct load_phase *phase,
              struct load_result *result, void (*at_start)(void *arg),
              void (*at_end)(void *arg), void *arg);

#endif
