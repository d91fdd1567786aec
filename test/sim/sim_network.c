/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <stdlib.h>
#include <string.h>

void
sim_network_init(struct sim_world *w)
{
    struct sim_link **links = w->net.links;
    size_t cap = w->net.cap;

    memset(&w->net, 0, sizeof w->net);
    w->net.links = links;
    w->net.cap = cap;
    w->net.delay_us = sim_between(w, 100, 3000);
}

void
sim_network_fini(struct sim_world *w)
{
    free(w->net.links);
}

/* ---- how long and whether --------------------------------------------- */

bool
sim_network_is_cut(const struct sim_world *w, size_t from, size_t to)
{
    return w->net.cut[from][to];
}

int64_t
sim_network_delay(struct sim_world *w, const struct sim_node *from,
                  const struct sim_node *to)
{
    int64_t us = sim_between(w, 20, w->net.delay_us);

    if (from != NULL) {
        us += w->net.slow_us[from->index];
    }
    if (to != NULL) {
        us += w->net.slow_us[to->index];
    }
    return us;
}

static bool
net_is_cut(const struct sim_link *k, int i)
{
    const struct sim_node *from = k->end[i].node;
    const struct sim_node *to = k->end[1 - i].node;

    return from != NULL && to != NULL
           && k->w->net.cut[from->index][to->index];
}

/* ---- messages ---------------------------------------------------------- */

static struct sim_msg *
net_pop(struct sim_dir *d)
{
    struct sim_msg *m = d->first;

    d->first = m->next;
    if (d->first == NULL) {
        d->last = NULL;
    }
    return m;
}

static void net_tick(struct sim_world *w, void *obj, uint64_t i);

static void
net_queue(struct sim_link *k, int i, const struct sim_msg *m)
{
    struct sim_world *w = k->w;
    struct sim_dir *d = &k->dir[i];
    struct sim_msg *copy = w->net.free;
    int64_t now_us = sim_now(w);
    int64_t due_us;

    if (copy != NULL) {
        w->net.free = copy->next;
    } else {
        copy = sim_alloc(w, sizeof *copy);
    }
    *copy = *m;
    copy->next = NULL;
    due_us = now_us
             + sim_network_delay(w, k->end[i].node, k->end[1 - i].node);
    if (due_us < d->last_due_us) {
        due_us = d->last_due_us;
    }
    copy->due_us = d->last_due_us = due_us;
    if (d->last == NULL) {
        d->first = copy;
    } else {
        d->last->next = copy;
    }
    d->last = copy;
    sim_after(w, due_us - now_us, net_tick, k, (uint64_t) i);
}

static void
net_queue_fin(struct sim_link *k, int i)
{
    const struct sim_msg fin = { .fin = true };

    if (!k->dir[i].fin) {
        k->dir[i].fin = true;
        net_queue(k, i, &fin);
    }
}

/* The next message of direction 'i' arrives, if it may. */
static void
net_tick(struct sim_world *w, void *obj, uint64_t i)
{
    struct sim_link *k = obj;
    struct sim_dir *d = &k->dir[i];
    struct sim_end *to = &k->end[1 - i];
    struct sim_msg *m = d->first;

    if (m == NULL || m->due_us > sim_now(w) || net_is_cut(k, (int) i)) {
        return;
    }
    if (to->node != NULL && to->node->up
        && to->node->busy_until_us > sim_now(w)) {
        sim_after(w, to->node->busy_until_us - sim_now(w), net_tick, k, i);
        return;
    }
    net_pop(d);
    if (!to->open) {
        /* Answered by a reset, if there is anybody to answer. */
        if (!m->fin && k->end[i].open && (to->node == NULL || to->node->up)) {
            net_queue_fin(k, 1 - (int) i);
        }
    } else if (m->fin) {
        to->open = false;
        to->closed(to->owner, k);
    } else {
        d->last_received_us = sim_now(w);
        to->receive(to->owner, k, m);
    }
    m->next = w->net.free;
    w->net.free = m;
}

/* ---- links ------------------------------------------------------------- */

/* Forgets those of which both ends are closed. */
static void
net_compact(struct sim_network *net)
{
    size_t kept = 0;

    for (size_t i = 0; i < net->n; i++) {
        if (net->links[i]->end[0].open || net->links[i]->end[1].open) {
            net->links[kept++] = net->links[i];
        }
    }
    net->n = kept;
}

struct sim_link *
sim_link_open(struct sim_world *w, const struct sim_end *a,
              const struct sim_end *b)
{
    struct sim_link *k = sim_alloc(w, sizeof *k);
    struct sim_network *net = &w->net;

    k->id = net->next_id++;
    k->w = w;
    k->end[0] = *a;
    k->end[1] = *b;
    k->end[0].open = k->end[1].open = true;
    k->dir[0].last_received_us = k->dir[1].last_received_us = -1;
    net_compact(net);
    if (net->n == net->cap) {
        net->cap = net->cap == 0 ? 32 : net->cap * 2;
        net->links = zk_xrealloc(net->links,
                                 net->cap * sizeof net->links[0]);
    }
    net->links[net->n++] = k;
    return k;
}

void
sim_link_send(struct sim_link *k, int i, const struct sim_msg *m)
{
    struct sim_node *n = k->end[i].node;

    if (n != NULL && !sim_node_acts(n)) {
        return;
    }
    if (k->end[i].open && !k->broken && !k->dir[i].fin) {
        net_queue(k, i, m);
    }
}

void
sim_link_close(struct sim_link *k, int i)
{
    if (k->end[i].open) {
        k->end[i].open = false;
        net_queue_fin(k, i);
    }
}

/* Of what is under way in direction 'i' only the first few get through. */
static void
net_lose_some(struct sim_link *k, int i)
{
    struct sim_dir *d = &k->dir[i];
    struct sim_msg **m = &d->first;
    struct sim_msg *kept = NULL;
    size_t n = 0;

    for (const struct sim_msg *p = d->first; p != NULL; p = p->next) {
        n++;
    }
    n = sim_random(k->w, n + 1);
    while (n-- > 0) {
        kept = *m;
        m = &(*m)->next;
    }
    *m = NULL;
    d->last = kept;
    d->fin = false;
}

void
sim_link_break(struct sim_link *k)
{
    if (!k->broken) {
        k->broken = true;
        for (int i = 0; i < 2; i++) {
            net_lose_some(k, i);
            net_queue_fin(k, i);
        }
    }
}

void
sim_network_host_gone(struct sim_node *n, bool power)
{
    struct sim_network *net = &n->w->net;

    for (size_t i = 0; i < net->n; i++) {
        struct sim_link *k = net->links[i];

        for (int e = 0; e < 2; e++) {
            if (k->end[e].node == n && k->end[e].open) {
                k->end[e].open = false;
                if (power) {
                    net_lose_some(k, e);
                } else {
                    net_queue_fin(k, e);
                }
            }
        }
    }
}

void
sim_network_host_up(struct sim_node *n)
{
    struct sim_network *net = &n->w->net;

    for (size_t i = 0; i < net->n; i++) {
        struct sim_link *k = net->links[i];

        for (int e = 0; e < 2; e++) {
            if (k->end[e].node == n && !k->end[e].open
                && k->end[1 - e].open) {
                net_queue_fin(k, e);
            }
        }
    }
}

/* ---- cuts -------------------------------------------------------------- */

void
sim_network_cut(struct sim_world *w, size_t from, size_t to)
{
    if (!w->net.cut[from][to]) {
        w->net.cut[from][to] = true;
        w->net.cut_since_us[from][to] = sim_now(w);
    }
}

/* What was held back comes now. */
static void
net_release(struct sim_world *w, struct sim_link *k, int i)
{
    int64_t delay_us = sim_between(w, 100, 200 * SIM_MS);

    for (const struct sim_msg *m = k->dir[i].first;
         m != NULL && m->due_us <= sim_now(w); m = m->next) {
        sim_after(w, delay_us, net_tick, k, (uint64_t) i);
    }
}

void
sim_network_heal_one(struct sim_world *w, size_t from, size_t to)
{
    struct sim_network *net = &w->net;

    if (!net->cut[from][to]) {
        return;
    }
    net->cut[from][to] = false;
    for (size_t i = 0; i < net->n; i++) {
        struct sim_link *k = net->links[i];

        for (int e = 0; e < 2; e++) {
            if (k->end[e].node == &w->nodes[from]
                && k->end[1 - e].node == &w->nodes[to]) {
                net_release(w, k, e);
            }
        }
    }
    sim_election_reachable(&w->nodes[from], &w->nodes[to]);
}

void
sim_network_heal(struct sim_world *w)
{
    memset(w->net.slow_us, 0, sizeof w->net.slow_us);
    for (size_t i = 0; i < w->n; i++) {
        for (size_t j = 0; j < w->n; j++) {
            sim_network_heal_one(w, i, j);
        }
    }
}
