/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h: whole ensembles of the server's own cores on virtual time, all from
 * one seed.
 *
 * The cores (election, leader, learner, sync choice, commit stage) are those
 * of the server; what its threads do around them is plain code here: network
 * and disks that fail, clients that write, read and sync.  Nothing depends on
 * real time, addresses or threads: a seed gives the same run for ever.
 *
 * A world is used by one thread.  Memory comes from an arena that the next
 * seed uses again.
 */
#ifndef TEST_SIM_SIM_H
#define TEST_SIM_SIM_H

#include "sim_bugs.h"
#include "sim_clock.h"
#include "sim_check.h"
#include "sim_client.h"
#include "sim_history.h"
#include "sim_network.h"
#include "sim_node.h"

#define SIM_SERVERS 7
#define SIM_EPOCHS 256

enum sim_phase {
    SIM_FAULTS,                 /* Things break. */
    SIM_QUIET,                  /* All is healed: it must come to rest. */
};

struct sim_options {
    size_t voters;              /* 0: by the seed */
    int observers;              /* -1: by the seed */
    int64_t max_steps;          /* 0: no limit */
    enum sim_bug bug;
    bool verbose;
    bool outcomes_only;         /* Servers are not looked into. */
};

struct sim_world {
    const struct sim_options *o;
    uint64_t seed;
    uint64_t random;
    struct sim_arena arena;

    struct sim_clock clock;
    struct sim_network net;
    struct sim_histories hist;

    /* The ensemble. */
    struct quorum_verifier *qv;
    size_t n, voters;
    struct sim_node nodes[SIM_SERVERS];
    size_t n_clients;
    struct sim_client clients[SIM_CLIENTS];

    /* What the seed chose. */
    int64_t tick_us, init_us, sync_us;
    size_t committed_log_count;
    int64_t snap_count;         /* Txns between two snapshots. */
    int64_t last_counter;       /* Of an epoch's zxids. */
    int64_t think_us;           /* Of clients. */
    int64_t session_us;         /* Their sessions' timeout. */

    /* The scenario. */
    enum sim_phase phase;
    int64_t clients_pause_until_us;
    unsigned round, rounds;
    int64_t phase_ends_us;
    int64_t quiet_since_us;
    int64_t slowest_quiet_us;   /* From healing to rest. */
    bool done;

    bool dirty;                 /* Disks or commits have changed. */

    uint32_t acked;             /* Depth of what clients were told. */
    struct {
        int64_t epoch;          /* The last that was established. */
        int64_t leaders[SIM_EPOCHS];    /* By epoch; 0: none */
        int32_t last_cxid[SIM_CLIENTS][SIM_SESSIONS];
    } check;

    /* What happened. */
    uint64_t leaders;           /* Established. */
    uint64_t left_out;          /* Servers that could not follow in the end,
                                 * having accepted a later epoch. */

    /* What went wrong first; "" while nothing has. */
    const char *invariant;
    char failure[512];
};

/* One seed, from nothing to rest or to the first failure.  False: it failed,
 * and the world says how. */
bool sim_run(struct sim_world *w, uint64_t seed, const struct sim_options *o);
/* Frees what seeds left. */
void sim_world_fini(struct sim_world *w);

/* The first failure counts. */
void sim_fail(struct sim_world *w, const char *invariant, const char *fmt,
              ...) ZK_PRINTF(3, 4);

/* A line of the trace; 'n' may be NULL. */
void sim_trace_line(struct sim_world *w, const struct sim_node *n,
                    const char *fmt, ...) ZK_PRINTF(3, 4);
#define sim_trace(w, n, ...)                                              \
    do {                                                                  \
        if ((w)->o->verbose) {                                            \
            sim_trace_line(w, n, __VA_ARGS__);                            \
        }                                                                 \
    } while (0)

static inline bool
sim_bug_is(const struct sim_world *w, enum sim_bug bug)
{
    return w->o->bug == bug;
}

#endif
