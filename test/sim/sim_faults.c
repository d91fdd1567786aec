/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"
#include "sim_faults.h"

/* Everything must have come to rest so long after the last fault: a few
 * elections whose leader fails to gather a quorum, and some more. */
#define FLT_REST_LIMITS 6

static void flt_next(struct sim_world *w, void *obj, uint64_t round);

/* ---- servers ----------------------------------------------------------- */

static void
flt_boot(struct sim_world *w, void *obj, uint64_t life)
{
    struct sim_node *n = obj;

    (void) w;
    if (n->life == life) {
        sim_node_boot(n);
    }
}

static void
flt_crash(struct sim_node *n)
{
    struct sim_world *w = n->w;
    bool power = sim_chance(w, 600);

    if (!n->up) {
        return;
    }
    if (sim_chance(w, 500)) {
        sim_node_doom(n, (int) sim_between(w, 1, 30), power);
    } else {
        sim_node_crash(n, power);
    }
    sim_after(w, sim_between(w, 5 * SIM_MS, 4 * SIM_SECOND), flt_boot, n,
              n->life);
}

static struct sim_node *
flt_some(struct sim_world *w)
{
    return &w->nodes[sim_random(w, w->n)];
}

/* The one that leads, or any. */
static struct sim_node *
flt_leader(struct sim_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].role == SIM_LEADING) {
            return &w->nodes[i];
        }
    }
    return flt_some(w);
}

static void
flt_crash_many(struct sim_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (sim_chance(w, 600)) {
            flt_crash(&w->nodes[i]);
        }
    }
}

static void
flt_power_off(struct sim_world *w)
{
    sim_trace(w, NULL, "no power anywhere");
    for (size_t i = 0; i < w->n; i++) {
        sim_node_crash(&w->nodes[i], true);
        sim_after(w, sim_between(w, 5 * SIM_MS, SIM_SECOND), flt_boot,
                  &w->nodes[i], w->nodes[i].life);
    }
}

static void
flt_slow_disk(struct sim_world *w)
{
    struct sim_node *n = flt_some(w);

    n->slow_sync_us = sim_between(w, 5 * SIM_MS, SIM_SECOND);
    sim_trace(w, n, "slow disk");
}

/* ---- links ------------------------------------------------------------- */

static void
flt_cut_both(struct sim_world *w, size_t a, size_t b)
{
    sim_network_cut(w, a, b);
    sim_network_cut(w, b, a);
}

static void
flt_isolate(struct sim_world *w, const struct sim_node *n)
{
    sim_trace(w, n, "cut off");
    for (size_t i = 0; i < w->n; i++) {
        if (i != n->index) {
            flt_cut_both(w, i, n->index);
        }
    }
}

static void
flt_pause_clients(struct sim_world *w, void *obj, uint64_t round)
{
    (void) obj;
    (void) round;
    w->clients_pause_until_us = sim_now(w)
                                + sim_between(w, SIM_SECOND / 2,
                                              4 * SIM_SECOND);
}

/* A leader that has proposed what nobody else has, and another one that has
 * proposed nothing yet when it comes back: that is when TRUNC is sent. */
static void
flt_isolate_leader(struct sim_world *w)
{
    flt_isolate(w, flt_leader(w));
    if (sim_chance(w, 600)) {
        sim_after(w, sim_between(w, 5 * SIM_MS, 200 * SIM_MS),
                  flt_pause_clients, NULL, 0);
    }
}

/* The others restart while the leader hears nothing of it: they may elect
 * another before the first has any doubt. */
static void
flt_coup(struct sim_world *w)
{
    struct sim_node *leader = flt_leader(w);

    flt_isolate(w, leader);
    for (size_t i = 0; i < w->n; i++) {
        struct sim_node *n = &w->nodes[i];

        if (n != leader && n->up) {
            sim_node_crash(n, false);
            sim_after(w, sim_between(w, 5 * SIM_MS, 300 * SIM_MS), flt_boot,
                      n, n->life);
        }
    }
}

/* Two halves; with a bridge one server reaches both. */
static void
flt_partition(struct sim_world *w, bool bridge)
{
    size_t bridge_at = bridge ? sim_random(w, w->n) : SIM_SERVERS;
    uint64_t side = sim_random(w, 1u << w->n);

    sim_trace(w, NULL, "partition 0x%lx, bridge %zu", (long) side,
              bridge_at);
    for (size_t i = 0; i < w->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (i != bridge_at && k != bridge_at
                && ((side >> i ^ side >> k) & 1) != 0) {
                flt_cut_both(w, i, k);
            }
        }
    }
}

static void
flt_one_way(struct sim_world *w)
{
    size_t from = sim_random(w, w->n), to = sim_random(w, w->n);

    if (from != to) {
        sim_trace(w, &w->nodes[from], "nothing gets to server %zu", to + 1);
        sim_network_cut(w, from, to);
    }
}

static void
flt_break(struct sim_world *w)
{
    struct sim_link *k;

    if (w->net.n > 0) {
        k = w->net.links[sim_random(w, w->net.n)];
        sim_trace(w, k->end[0].node, "link %u breaks", k->id);
        sim_link_break(k);
    }
}

static void
flt_slow_link(struct sim_world *w)
{
    w->net.slow_us[sim_random(w, w->n)] =
        sim_between(w, SIM_MS, 400 * SIM_MS);
}

static void
flt_heal_some(struct sim_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        for (size_t k = 0; k < w->n; k++) {
            if (sim_chance(w, 700)) {
                sim_network_heal_one(w, i, k);
            }
        }
        w->net.slow_us[i] = 0;
        w->nodes[i].slow_sync_us = 0;
    }
}

/* ---- phases ------------------------------------------------------------ */

static void
flt_break_something(struct sim_world *w)
{
    switch (sim_random(w, 16)) {
    case 0:
        flt_coup(w);
        break;
    case 1:
    case 2:
        flt_crash(flt_some(w));
        break;
    case 3:
    case 4:
        flt_crash(flt_leader(w));
        break;
    case 5:
        flt_crash_many(w);
        break;
    case 6:
        flt_isolate_leader(w);
        break;
    case 7:
        flt_isolate(w, flt_some(w));
        break;
    case 8:
        flt_partition(w, sim_chance(w, 300));
        break;
    case 9:
        flt_one_way(w);
        break;
    case 10:
    case 11:
        flt_break(w);
        break;
    case 12:
        flt_slow_disk(w);
        break;
    case 13:
        flt_slow_link(w);
        break;
    default:
        flt_heal_some(w);
        break;
    }
}

/* Everything works again; those that are down come back. */
static void
flt_quiet(struct sim_world *w)
{
    sim_trace(w, NULL, "QUIET");
    w->phase = SIM_QUIET;
    w->clients_pause_until_us = 0;
    w->quiet_since_us = sim_now(w);
    w->phase_ends_us = sim_now(w)
                       + FLT_REST_LIMITS * (w->init_us + w->sync_us);
    for (size_t i = 0; i < w->n; i++) {
        w->nodes[i].slow_sync_us = 0;
        w->nodes[i].dies_in = 0;
        sim_after(w, sim_between(w, SIM_MS, SIM_SECOND), flt_boot,
                  &w->nodes[i], w->nodes[i].life);
    }
    sim_network_heal(w);
    for (size_t i = 0; i < w->n_clients; i++) {
        w->clients[i].answered = 0;
    }
}

static void
flt_faults(struct sim_world *w)
{
    sim_trace(w, NULL, "FAULTS, round %u of %u", w->round + 1, w->rounds);
    w->phase = SIM_FAULTS;
    w->phase_ends_us = sim_now(w)
                       + sim_between(w, SIM_SECOND, 8 * SIM_SECOND);
    if (w->round > 0 && sim_chance(w, 300)) {
        flt_power_off(w);
    }
}

static void
flt_look_for_rest(struct sim_world *w)
{
    int64_t took_us = sim_now(w) - w->quiet_since_us;
    const char *why;

    if (sim_check_rest(w, &why)) {
        sim_trace(w, NULL, "REST after %ld ms", (long) sim_ms(took_us));
        if (took_us > w->slowest_quiet_us) {
            w->slowest_quiet_us = took_us;
        }
        if (++w->round == w->rounds) {
            w->done = true;
        } else {
            flt_faults(w);
        }
    } else if (sim_now(w) > w->phase_ends_us) {
        sim_fail(w, "it comes to rest when nothing breaks",
                 "after %ld ms: %s", (long) sim_ms(took_us), why);
    }
}

static void
flt_next(struct sim_world *w, void *obj, uint64_t arg)
{
    (void) obj;
    (void) arg;
    if (w->phase == SIM_QUIET) {
        flt_look_for_rest(w);
        sim_after(w, 20 * SIM_MS, flt_next, NULL, 0);
        return;
    }
    if (sim_now(w) >= w->phase_ends_us) {
        flt_quiet(w);
    } else {
        flt_break_something(w);
    }
    sim_after(w, sim_between(w, 5 * SIM_MS, 1200 * SIM_MS), flt_next, NULL,
              0);
}

void
sim_faults_begin(struct sim_world *w)
{
    w->rounds = (unsigned) sim_between(w, 1, 3);
    for (size_t i = 0; i < w->n; i++) {
        sim_after(w, sim_between(w, SIM_MS, 300 * SIM_MS), flt_boot,
                  &w->nodes[i], 0);
    }
    flt_faults(w);
    /* The first leader comes about in peace. */
    sim_after(w, sim_between(w, SIM_MS, 2 * SIM_SECOND), flt_next, NULL, 0);
}
