/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "zab/leader_core.h"

static void dsk_note(struct sim_disk *d);

void
sim_disk_init(struct sim_disk *d, struct sim_node *n)
{
    const struct sim_txn **log = d->log;
    size_t cap = d->cap;

    *d = (struct sim_disk) { .node = n, .log = log, .cap = cap };
    d->snapshots[d->n_snapshots++].state = n->w->hist.empty;
    dsk_note(d);
}

void
sim_disk_fini(struct sim_disk *d)
{
    free(d->log);
}

/* ---- reading ----------------------------------------------------------- */

static bool
dsk_follows(int64_t last, int64_t zxid)
{
    return zxid == last + 1
           || (zxid > last && zxid_epoch(zxid) != zxid_epoch(last));
}

/* The newest snapshot, and the first 'n' records behind it. */
static struct sim_snapshot
dsk_replay(const struct sim_disk *d, size_t n, struct sim_loaded *out)
{
    struct sim_world *w = d->node->w;
    struct sim_snapshot s = d->snapshots[d->n_snapshots - 1];

    if (out != NULL) {
        out->snapshot_zxid = s.zxid;
        out->replayed = 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (d->log[i]->zxid <= s.zxid) {
            continue;
        }
        if (!dsk_follows(s.zxid, d->log[i]->zxid)) {
            sim_fail(w, "logs have no gaps", "server %ld: 0x%lx follows "
                     "0x%lx", (long) d->node->sid, (long) d->log[i]->zxid,
                     (long) s.zxid);
        }
        s.state = sim_state_after(w, s.state, d->log[i]);
        s.zxid = s.state->zxid;
        if (out != NULL) {
            out->replayed++;
        }
    }
    if (s.zxid >= s.fuzzy_upto) {
        s.fuzzy_upto = 0;
    }
    return s;
}

struct sim_snapshot
sim_disk_end(const struct sim_disk *d)
{
    return dsk_replay(d, d->n, NULL);
}

void
sim_disk_load(struct sim_disk *d, struct sim_loaded *out)
{
    d->n_durable = d->n;
    out->end = dsk_replay(d, d->n, out);
    dsk_note(d);
}

bool
sim_disk_find(const struct sim_disk *d, int64_t zxid, int64_t *at)
{
    size_t i = 0;

    while (i < d->n && d->log[i]->zxid < zxid) {
        i++;
    }
    *at = (int64_t) i;
    if (i < d->n && d->log[i]->zxid == zxid) {
        return true;
    }
    --*at;
    return zxid_counter(zxid) == 0 && i < d->n && d->log[i]->zxid == zxid + 1;
}

bool
sim_disk_can_truncate(const struct sim_disk *d, int64_t zxid)
{
    size_t below = d->n_snapshots;
    int64_t at;

    while (below > 0 && d->snapshots[below - 1].zxid > zxid) {
        below--;
    }
    if (below == 0) {
        return false;
    }
    return d->snapshots[below - 1].zxid == zxid
           || (sim_disk_find(d, zxid, &at) && zxid_counter(zxid) != 0);
}

/* ---- writing ----------------------------------------------------------- */

/* What would be there without power has changed. */
static void
dsk_note(struct sim_disk *d)
{
    d->durable = dsk_replay(d, d->n_durable, NULL);
    d->node->w->dirty = true;
}

void
sim_disk_lose_power(struct sim_disk *d)
{
    struct sim_world *w = d->node->w;

    d->n = d->n_durable + sim_random(w, d->n - d->n_durable + 1);
}

bool
sim_disk_accept(struct sim_disk *d, int64_t epoch)
{
    if (!sim_node_acts(d->node)) {
        return false;
    }
    zk_assert(epoch >= d->accepted);
    d->accepted = epoch;
    return true;
}

bool
sim_disk_establish(struct sim_disk *d, int64_t epoch)
{
    if (!sim_node_acts(d->node)) {
        return false;
    }
    zk_assert(epoch >= d->current && epoch <= d->accepted);
    d->current = epoch;
    dsk_note(d);
    return true;
}

bool
sim_disk_append(struct sim_disk *d, const struct sim_txn *t)
{
    if (!sim_node_acts(d->node)) {
        return false;
    }
    if (d->n > 0 && t->zxid <= d->log[d->n - 1]->zxid) {
        sim_fail(d->node->w, "log records rise",
                 "server %ld: 0x%lx behind 0x%lx", (long) d->node->sid,
                 (long) t->zxid, (long) d->log[d->n - 1]->zxid);
    }
    if (d->n == d->cap) {
        d->cap = d->cap == 0 ? 256 : d->cap * 2;
        d->log = zk_xrealloc(d->log, d->cap * sizeof d->log[0]);
    }
    d->log[d->n++] = t;
    return true;
}

/* Goes on from where 'durable' stands; as dsk_note, but cheaper. */
bool
sim_disk_sync(struct sim_disk *d, int64_t upto)
{
    struct sim_world *w = d->node->w;

    if (!sim_node_acts(d->node)) {
        return false;
    }
    for (; d->n_durable < d->n; d->n_durable++) {
        const struct sim_txn *t = d->log[d->n_durable];

        if (t->zxid > upto) {
            break;
        }
        if (t->zxid > d->durable.zxid) {
            d->durable.state = sim_state_after(w, d->durable.state, t);
            d->durable.zxid = t->zxid;
        }
    }
    if (d->durable.zxid >= d->durable.fuzzy_upto) {
        d->durable.fuzzy_upto = 0;
    }
    w->dirty = true;
    return true;
}

bool
sim_disk_cut_log(struct sim_disk *d, int64_t above)
{
    if (!sim_node_acts(d->node)) {
        return false;
    }
    while (d->n > 0 && d->log[d->n - 1]->zxid > above) {
        d->n--;
    }
    d->n_durable = d->n;
    dsk_note(d);
    return true;
}

bool
sim_disk_drop_snapshots(struct sim_disk *d, int64_t above)
{
    if (!sim_node_acts(d->node)) {
        return false;
    }
    while (d->n_snapshots > 1
           && d->snapshots[d->n_snapshots - 1].zxid > above) {
        d->n_snapshots--;
    }
    dsk_note(d);
    return true;
}

/* The oldest, and log records that no other needs. */
static void
dsk_purge(struct sim_disk *d)
{
    size_t gone = 0;

    memmove(&d->snapshots[0], &d->snapshots[1],
            (d->n_snapshots - 1) * sizeof d->snapshots[0]);
    d->n_snapshots--;
    while (gone < d->n_durable
           && d->log[gone]->zxid <= d->snapshots[0].zxid) {
        gone++;
    }
    memmove(&d->log[0], &d->log[gone], (d->n - gone) * sizeof d->log[0]);
    d->n -= gone;
    d->n_durable -= gone;
}

bool
sim_disk_add_snapshot(struct sim_disk *d, const struct sim_snapshot *s)
{
    size_t i;

    if (!sim_node_acts(d->node)) {
        return false;
    }
    if (d->n_snapshots == SIM_SNAPSHOTS) {
        dsk_purge(d);
    }
    i = d->n_snapshots;
    while (i > 0 && d->snapshots[i - 1].zxid >= s->zxid) {
        i--;
    }
    if (i == d->n_snapshots || d->snapshots[i].zxid != s->zxid) {
        memmove(&d->snapshots[i + 1], &d->snapshots[i],
                (d->n_snapshots - i) * sizeof d->snapshots[0]);
        d->n_snapshots++;
    }
    d->snapshots[i] = *s;
    dsk_note(d);
    return true;
}

bool
sim_disk_snapshot(struct sim_disk *d, const struct sim_snapshot *s)
{
    if (!sim_disk_add_snapshot(d, s)) {
        return false;
    }
    if (d->n_snapshots > 3 && sim_chance(d->node->w, 500)) {
        dsk_purge(d);
    }
    return true;
}
