/* SPDX-License-Identifier: Apache-2.0 */
/* sim_clock.h: virtual time, what is to happen at which moment of it, chance,
 * and memory that lasts for one seed. */
#ifndef TEST_SIM_SIM_CLOCK_H
#define TEST_SIM_SIM_CLOCK_H

#include "util/zk_obj.h"

#define SIM_MS INT64_C(1000)
#define SIM_SECOND (1000 * SIM_MS)

struct sim_world;

struct sim_event {
    int64_t at_us;
    uint64_t order;             /* Of two at one moment the older first. */
    void (*run)(struct sim_world *w, void *obj, uint64_t arg);
    void *obj;
    uint64_t arg;
};

struct sim_clock {
    int64_t now_us;
    uint64_t steps;             /* Events that were run. */
    struct sim_event *heap;
    size_t n, cap;
    uint64_t order;
};

/* Calls run(w, obj, arg) 'delay_us' from now.  There is no way to cancel it:
 * 'arg' tells which life of 'obj' was meant. */
void sim_after(struct sim_world *w, int64_t delay_us,
               void (*run)(struct sim_world *w, void *obj, uint64_t arg),
               void *obj, uint64_t arg);
/* Runs the next event; false: there is none. */
bool sim_clock_step(struct sim_world *w);
int64_t sim_now(const struct sim_world *w);
static inline int64_t
sim_ms(int64_t us)
{
    return us / SIM_MS;
}

/* 0 to n - 1. */
uint64_t sim_random(struct sim_world *w, uint64_t n);
/* lo to hi, both included. */
int64_t sim_between(struct sim_world *w, int64_t lo, int64_t hi);
/* True so many times of a thousand. */
bool sim_chance(struct sim_world *w, unsigned per_mille);

/* Zeroed memory until the next seed begins. */
#define SIM_ARENA_BLOCK ((size_t) 1 << 18)
struct sim_arena {
    struct sim_arena_block *first, *current;
    size_t used;                /* Of the current one. */
};
void *sim_alloc(struct sim_world *w, size_t size);
void sim_arena_reset(struct sim_arena *a);
void sim_arena_fini(struct sim_arena *a);

#endif
