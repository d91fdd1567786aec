/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <stdlib.h>
#include <string.h>

/* ---- time -------------------------------------------------------------- */

int64_t
sim_now(const struct sim_world *w)
{
    return w->clock.now_us;
}

static bool
clk_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us < b->at_us
           || (a->at_us == b->at_us && a->order < b->order);
}

static void
clk_up(struct sim_clock *c, size_t i)
{
    struct sim_event e = c->heap[i];

    while (i > 0 && clk_before(&e, &c->heap[(i - 1) / 2])) {
        c->heap[i] = c->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    c->heap[i] = e;
}

static void
clk_down(struct sim_clock *c, size_t i)
{
    struct sim_event e = c->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < c->n
            && clk_before(&c->heap[child + 1], &c->heap[child])) {
            child++;
        }
        if (child >= c->n || !clk_before(&c->heap[child], &e)) {
            break;
        }
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = e;
}

void
sim_after(struct sim_world *w, int64_t delay_us,
          void (*run)(struct sim_world *w, void *obj, uint64_t arg),
          void *obj, uint64_t arg)
{
    struct sim_clock *c = &w->clock;

    zk_assert(delay_us >= 0);
    if (c->n == c->cap) {
        c->cap = c->cap == 0 ? 256 : c->cap * 2;
        c->heap = zk_xrealloc(c->heap, c->cap * sizeof c->heap[0]);
    }
    c->heap[c->n] = (struct sim_event) {
        c->now_us + delay_us, c->order++, run, obj, arg,
    };
    clk_up(c, c->n++);
}

bool
sim_clock_step(struct sim_world *w)
{
    struct sim_clock *c = &w->clock;
    struct sim_event e;

    if (c->n == 0) {
        return false;
    }
    e = c->heap[0];
    c->heap[0] = c->heap[--c->n];
    if (c->n > 0) {
        clk_down(c, 0);
    }
    c->now_us = e.at_us;
    c->steps++;
    e.run(w, e.obj, e.arg);
    return true;
}

/* ---- chance ------------------------------------------------------------ */

uint64_t
sim_random(struct sim_world *w, uint64_t n)
{
    uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint64_t) (((unsigned __int128) z * n) >> 64);
}

int64_t
sim_between(struct sim_world *w, int64_t lo, int64_t hi)
{
    return lo + (int64_t) sim_random(w, (uint64_t) (hi - lo + 1));
}

bool
sim_chance(struct sim_world *w, unsigned per_mille)
{
    return sim_random(w, 1000) < per_mille;
}

/* ---- memory ------------------------------------------------------------ */

struct sim_arena_block {
    struct sim_arena_block *next;
    _Alignas(16) uint8_t data[SIM_ARENA_BLOCK];
};

void *
sim_alloc(struct sim_world *w, size_t size)
{
    struct sim_arena *a = &w->arena;
    struct sim_arena_block **next;
    void *p;

    size = (size + 15) & ~(size_t) 15;
    zk_assert(size <= SIM_ARENA_BLOCK);
    if (a->current == NULL || a->used + size > SIM_ARENA_BLOCK) {
        next = a->current == NULL ? &a->first : &a->current->next;
        if (*next == NULL) {
            *next = zk_xmalloc(sizeof **next);
            (*next)->next = NULL;
        }
        a->current = *next;
        a->used = 0;
    }
    p = a->current->data + a->used;
    a->used += size;
    return memset(p, 0, size);
}

void
sim_arena_reset(struct sim_arena *a)
{
    a->current = a->first;
    a->used = 0;
}

void
sim_arena_fini(struct sim_arena *a)
{
    struct sim_arena_block *b;

    while ((b = a->first) != NULL) {
        a->first = b->next;
        free(b);
    }
    a->current = NULL;
}
