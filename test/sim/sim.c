/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_faults.h"

void
sim_fail(struct sim_world *w, const char *invariant, const char *fmt, ...)
{
    va_list ap;

    if (w->invariant != NULL) {
        return;
    }
    w->invariant = invariant;
    va_start(ap, fmt);
    vsnprintf(w->failure, sizeof w->failure, fmt, ap);
    va_end(ap);
    sim_trace(w, NULL, "BROKEN: %s: %s", invariant, w->failure);
}

void
sim_trace_line(struct sim_world *w, const struct sim_node *n,
               const char *fmt, ...)
{
    va_list ap;

    printf("%6ld.%03ld ", (long) sim_ms(sim_now(w)),
           (long) (sim_now(w) % SIM_MS));
    if (n != NULL) {
        printf("%*sserver %ld: ", (int) n->index * 2, "", (long) n->sid);
    }
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

/* ---- the ensemble ------------------------------------------------------ */

static void
sim_choose(struct sim_world *w)
{
    static const int64_t ticks_ms[] = { 200, 500, 1000 };
    const struct sim_options *o = w->o;
    size_t observers;

    w->voters = sim_chance(w, 700) ? 3 : 5;
    observers = sim_chance(w, 700) ? 0 : 1;
    if (o->voters != 0) {
        w->voters = o->voters;
    }
    if (o->observers >= 0) {
        observers = (size_t) o->observers;
    }
    w->n = w->voters + observers;
    w->tick_us = ticks_ms[sim_random(w, 3)] * SIM_MS;
    w->init_us = 5 * w->tick_us;
    w->sync_us = sim_between(w, 2, 5) * w->tick_us;
    w->committed_log_count = (size_t) sim_between(w, 2, SIM_COMMITTED_LOG);
    w->snap_count = sim_between(w, 5, 60);
    w->think_us = sim_between(w, 5, 300) * SIM_MS;
    w->session_us = sim_between(w, 2, 8) * w->tick_us;
    w->n_clients = (size_t) sim_between(w, 1, SIM_CLIENTS);
    /* Epochs that soon have no zxid left (ZOOKEEPER-1277). */
    w->last_counter = sim_chance(w, 100) ? sim_between(w, 5, 40)
                                         : INT64_C(0xffffffff);
}

static void
sim_build(struct sim_world *w)
{
    w->qv = quorum_verifier_create(0, false);
    for (size_t i = 0; i < w->n; i++) {
        const struct quorum_member m = {
            .sid = (int64_t) i + 1,
            .voter = i < w->voters,
            .weight = 1,
            .group = -1,
        };

        quorum_verifier_add(w->qv, &m);
    }
    for (size_t i = 0; i < w->n; i++) {
        sim_node_init(w, i, i < w->voters);
    }
    for (size_t i = 0; i < w->n_clients; i++) {
        sim_client_init(w, (int) i);
    }
}

static void
sim_begin(struct sim_world *w, uint64_t seed, const struct sim_options *o)
{
    sim_arena_reset(&w->arena);
    w->o = o;
    w->seed = seed;
    w->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    w->clock.now_us = SIM_SECOND;
    w->clock.steps = w->clock.order = 0;
    w->clock.n = 0;
    w->round = 0;
    w->clients_pause_until_us = 0;
    w->done = w->dirty = false;
    w->acked = 0;
    w->slowest_quiet_us = 0;
    w->leaders = w->left_out = 0;
    w->invariant = NULL;
    w->failure[0] = '\0';
    sim_choose(w);
    sim_history_init(w);
    sim_network_init(w);
    sim_check_init(w);
    sim_build(w);
    sim_faults_begin(w);
}

static void
sim_end(struct sim_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        sim_node_fini(&w->nodes[i]);
    }
    quorum_verifier_destroy(w->qv);
    w->qv = NULL;
    w->hist.n_txns = 0;
}

/* Those that died inside of the step are taken down. */
static void
sim_bury(struct sim_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].dying) {
            sim_node_crash(&w->nodes[i], w->nodes[i].dies_by_power);
        }
    }
}

bool
sim_run(struct sim_world *w, uint64_t seed, const struct sim_options *o)
{
    sim_begin(w, seed, o);
    while (!w->done && w->invariant == NULL && sim_clock_step(w)
           && (o->max_steps == 0
               || w->clock.steps < (uint64_t) o->max_steps)) {
        sim_bury(w);
        sim_check_step(w);
    }
    sim_end(w);
    return w->invariant == NULL;
}

void
sim_world_fini(struct sim_world *w)
{
    for (size_t i = 0; i < SIM_SERVERS; i++) {
        sim_disk_fini(&w->nodes[i].disk);
    }
    sim_history_fini(w);
    sim_network_fini(w);
    sim_arena_fini(&w->arena);
    free(w->clock.heap);
}
