/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/fle_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

#define FW_TENTH_MS 100

uint64_t
fle_world_random(struct fle_world *w, uint64_t n)
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (w->random * 0x2545F4914F6CDD1DULL >> 33) % n;
}

void
fle_world_init(struct fle_world *w, size_t voters, size_t observers,
               uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->voters = voters;
    w->n = voters + observers;
    w->random = seed * 0x9e3779b97f4a7c15ULL + 1;
    w->now_ms = 1;
    w->max_delay_ms = 1;
    w->qv = quorum_verifier_create(0, false);
    for (size_t i = 0; i < w->n; i++) {
        struct quorum_member m = {
            .sid = (int64_t) i + 1, .voter = i < voters, .weight = 1,
            .group = -1,
        };

        quorum_verifier_add(w->qv, &m);
        w->hosts[i].world = w;
        w->hosts[i].index = i;
        w->hosts[i].epoch = (int64_t) fle_world_random(w, 3);
        w->hosts[i].zxid = (int64_t) fle_world_random(w, 5);
    }
}

void
fle_world_fill(struct fle_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        w->hosts[i].epoch++;
    }
}

static bool
fw_is_empty(const struct fw_host *h)
{
    return h->epoch == 0 && h->zxid == 0;
}

bool
fle_world_wipe(struct fle_world *w, size_t i)
{
    bool kept = false;

    zk_assert(w->hosts[i].fc == NULL);
    for (size_t k = 0; k < w->voters; k++) {
        const struct fw_host *h = &w->hosts[k];

        if (k != i && fw_is_empty(h)) {
            return false;
        }
        kept = kept || (k != i && h->epoch == w->committed_epoch
                        && h->zxid >= w->committed_zxid);
    }
    if (kept) {
        w->hosts[i].epoch = w->hosts[i].zxid = 0;
    }
    return kept;
}

void
fle_world_fini(struct fle_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        fle_core_destroy(w->hosts[i].fc);
    }
    quorum_verifier_destroy(w->qv);
    free(w->messages);
}

/* --- the network --- */

static void
fw_post(struct fle_world *w, size_t from, size_t to,
        const struct fle_notification *n)
{
    struct fw_message *m;
    int64_t at = w->now_ms + 1
                 + (int64_t) fle_world_random(w, (uint64_t) w->max_delay_ms);

    if (!w->reorder && at < w->busy_until[from][to]) {
        at = w->busy_until[from][to];
    }
    w->busy_until[from][to] = at;
    if (w->n_messages == w->cap) {
        w->cap = w->cap * 2 + 64;
        w->messages = zk_xrealloc(w->messages,
                                  w->cap * sizeof w->messages[0]);
    }
    m = &w->messages[w->n_messages++];
    *m = (struct fw_message) { at, w->sent++, from, to, *n };
}

static void
fw_send(void *self, int64_t to, const struct fle_notification *n)
{
    struct fw_host *h = self;
    struct fle_world *w = h->world;
    size_t target = (size_t) (to - 1);

    zk_assert(target < w->n && target != h->index);
    if (w->hosts[target].fc == NULL) {
        w->held[h->index][target] = (struct fw_held) { true, *n };
    } else if (fle_world_random(w, 100) >= w->loss) {
        fw_post(w, h->index, target, n);
    }
}

static bool
fw_delivered(void *self)
{
    struct fw_host *h = self;

    return h->world->loss == 0 || fle_world_random(h->world, 2) == 0;
}

static void
fw_connect_all(void *self)
{
    (void) self;
}

static bool
fw_unreachable(void *self, int64_t sid)
{
    struct fw_host *h = self;

    return h->world->notice_down && h->world->hosts[sid - 1].fc == NULL;
}

/* The message whose time comes first. */
static struct fw_message *
fw_first(struct fle_world *w)
{
    struct fw_message *first = NULL;

    for (size_t i = 0; i < w->n_messages; i++) {
        struct fw_message *m = &w->messages[i];

        if (first == NULL || m->at_ms < first->at_ms
            || (m->at_ms == first->at_ms && m->order < first->order)) {
            first = m;
        }
    }
    return first;
}

/* --- hosts --- */

static void
fw_notice(struct fw_host *h)
{
    enum peer_state now = fle_core_state(h->fc, NULL);

    if (now != h->seen) {
        h->seen = now;
        h->settled_ms = h->world->now_ms;
    }
}

static void
fw_links_changed(struct fle_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->hosts[i].fc != NULL) {
            fle_core_links_changed(w->hosts[i].fc, w->now_ms);
            fw_notice(&w->hosts[i]);
        }
    }
}

void
fle_world_look(struct fle_world *w, size_t i)
{
    struct fw_host *h = &w->hosts[i];

    h->seen = PEER_LOOKING;
    h->serves = 0;
    fle_core_start(h->fc, w->now_ms, h->zxid, h->epoch);
    fw_notice(h);
}

void
fle_world_boot(struct fle_world *w, size_t i)
{
    struct fw_host *h = &w->hosts[i];
    struct fle_env env = {
        h, fw_send, fw_delivered, fw_connect_all, fw_unreachable, NULL, NULL,
    };

    zk_assert(h->fc == NULL);
    h->fc = fle_core_create(&env, (int64_t) i + 1, w->qv);
    fle_world_look(w, i);
    for (size_t from = 0; from < w->n; from++) {
        if (w->held[from][i].is && w->hosts[from].fc != NULL) {
            fw_post(w, from, i, &w->held[from][i].n);
        }
        w->held[from][i].is = false;
    }
}

void
fle_world_crash(struct fle_world *w, size_t i)
{
    fle_core_destroy(w->hosts[i].fc);
    w->hosts[i].fc = NULL;
    for (size_t k = 0; k < w->n_messages;) {
        if (w->messages[k].to == i) {
            w->messages[k] = w->messages[--w->n_messages];
        } else {
            k++;
        }
    }
    fw_links_changed(w);
}

bool
fle_world_step(struct fle_world *w)
{
    struct fw_message *first = fw_first(w), m;

    if (first == NULL) {
        return false;
    }
    m = *first;
    *first = w->messages[--w->n_messages];
    if (m.at_ms / FW_TENTH_MS != w->now_ms / FW_TENTH_MS) {
        w->recent = 0;
    }
    if (++w->recent > w->most_recent) {
        w->most_recent = w->recent;
    }
    w->now_ms = m.at_ms;
    w->delivered++;
    fle_core_receive(w->hosts[m.to].fc, w->now_ms, &m.n);
    fw_notice(&w->hosts[m.to]);
    return true;
}

/* --- roles --- */

static int64_t
fw_leader_of(const struct fle_world *w, size_t i)
{
    struct vote v;

    if (w->hosts[i].fc == NULL
        || fle_core_state(w->hosts[i].fc, &v) == PEER_LOOKING) {
        return VOTE_NOBODY;
    }
    return v.leader;
}

static bool
fw_leads(const struct fle_world *w, int64_t sid)
{
    const struct fw_host *h = &w->hosts[sid - 1];

    return h->fc != NULL && fle_core_state(h->fc, NULL) == PEER_LEADING;
}

static bool
fw_has_followers(const struct fle_world *w, int64_t sid)
{
    int64_t sids[FW_HOSTS];
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (fw_leader_of(w, i) == sid) {
            sids[n++] = (int64_t) i + 1;
        }
    }
    return quorum_verifier_contains_quorum(w->qv, sids, n);
}

/* Is the history of 'a' longer than that of 'b'? */
static bool
fw_longer(const struct fw_host *a, const struct fw_host *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->zxid > b->zxid;
}

/* Host 'i' takes over the leader's history; those that know more do not
 * follow. */
static bool
fw_synced(struct fle_world *w, size_t i, struct fw_host *leader)
{
    struct fw_host *h = &w->hosts[i];

    if (fw_leader_of(w, i) != (int64_t) leader->index + 1) {
        return false;
    }
    if (fw_longer(h, leader)) {
        fle_world_look(w, i);
        return false;
    }
    if (h->epoch < leader->serves) {
        h->epoch = leader->serves;
        h->zxid = leader->zxid;
        fle_core_set_epoch(h->fc, h->epoch);
    }
    return true;
}

static bool
fw_quorum_has(const struct fle_world *w, int64_t epoch, int64_t zxid)
{
    int64_t sids[FW_HOSTS];
    size_t n = 0;

    for (size_t i = 0; i < w->voters; i++) {
        if (w->hosts[i].epoch == epoch && w->hosts[i].zxid >= zxid) {
            sids[n++] = (int64_t) i + 1;
        }
    }
    return quorum_verifier_contains_quorum(w->qv, sids, n);
}

/* The leader establishes its epoch with those who may follow, or writes one
 * more txn, which not all of them get. */
static void
fw_serve(struct fle_world *w, struct fw_host *leader)
{
    int64_t sids[FW_HOSTS];
    size_t n = 0;

    for (size_t i = 0; i < w->voters; i++) {
        if (fw_leader_of(w, i) == (int64_t) leader->index + 1
            && !fw_longer(&w->hosts[i], leader)) {
            sids[n++] = (int64_t) i + 1;
        }
    }
    if (!quorum_verifier_contains_quorum(w->qv, sids, n)) {
        return;
    }
    if (leader->serves == 0) {
        leader->serves = ++w->last_epoch;
        leader->epoch = leader->serves;
        fle_core_set_epoch(leader->fc, leader->epoch);
    } else {
        leader->zxid++;
    }
    for (size_t i = 0; i < w->n; i++) {
        if (fw_synced(w, i, leader) && fle_world_random(w, 4) > 0) {
            w->hosts[i].zxid = leader->zxid;
        }
    }
    if (fw_quorum_has(w, leader->epoch, leader->zxid)) {
        zk_assert(leader->epoch >= w->committed_epoch
                  && leader->zxid >= w->committed_zxid);
        w->committed_epoch = leader->epoch;
        w->committed_zxid = leader->zxid;
    }
}

static void
fw_roles(struct fle_world *w)
{
    for (size_t i = 0; i < w->n && w->serve; i++) {
        if (fw_leads(w, (int64_t) i + 1)) {
            fw_serve(w, &w->hosts[i]);
        }
    }
    for (size_t i = 0; i < w->n; i++) {
        struct fw_host *h = &w->hosts[i];
        int64_t leader = fw_leader_of(w, i);

        if (leader == VOTE_NOBODY
            || w->now_ms - h->settled_ms < FW_PATIENCE_MS) {
            continue;
        }
        if (!fw_leads(w, leader) || !fw_has_followers(w, leader)) {
            fle_world_look(w, i);
        }
    }
}

static void
fw_timers(struct fle_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct fw_host *h = &w->hosts[i];

        if (h->fc != NULL && fle_core_deadline(h->fc) <= w->now_ms) {
            w->timers++;
            fle_core_timer(h->fc, w->now_ms);
            fw_notice(h);
        }
    }
}

static int64_t
fw_next_timer(const struct fle_world *w)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < w->n; i++) {
        if (w->hosts[i].fc != NULL
            && fle_core_deadline(w->hosts[i].fc) < next) {
            next = fle_core_deadline(w->hosts[i].fc);
        }
    }
    return next;
}

void
fle_world_run(struct fle_world *w, int64_t until_ms)
{
    while (w->now_ms < until_ms) {
        struct fw_message *m = fw_first(w);
        int64_t at = (w->now_ms / FW_TENTH_MS + 1) * FW_TENTH_MS;
        int64_t timer = fw_next_timer(w);

        if (m != NULL && m->at_ms <= at && m->at_ms <= timer
            && m->at_ms <= until_ms) {
            fle_world_step(w);
            continue;
        }
        if (timer < at) {
            at = timer > w->now_ms ? timer : w->now_ms;
        }
        w->now_ms = at < until_ms ? at : until_ms;
        fw_timers(w);
        if (w->now_ms % FW_TENTH_MS == 0) {
            fw_roles(w);
        }
    }
}

/* --- what holds --- */

bool
fle_world_agrees(const struct fle_world *w)
{
    int64_t leader = VOTE_NOBODY;

    for (size_t i = 0; i < w->n; i++) {
        if (w->hosts[i].fc == NULL) {
            continue;
        }
        if (leader == VOTE_NOBODY) {
            leader = fw_leader_of(w, i);
        }
        if (leader == VOTE_NOBODY || fw_leader_of(w, i) != leader) {
            return false;
        }
    }
    return leader != VOTE_NOBODY && fw_leads(w, leader)
           && fw_has_followers(w, leader);
}

bool
fle_world_nothing_lost(const struct fle_world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct fw_host *h = &w->hosts[i];

        if (fw_leads(w, (int64_t) i + 1)
            && (h->epoch < w->committed_epoch
                || h->zxid < w->committed_zxid)) {
            return false;
        }
    }
    return true;
}

bool
fle_world_leaders_know_enough(const struct fle_world *w)
{
    for (size_t l = 0; l < w->n; l++) {
        int64_t sids[FW_HOSTS];
        size_t n = 0;

        if (!fw_leads(w, (int64_t) l + 1)) {
            continue;
        }
        for (size_t i = 0; i < w->n; i++) {
            if (!fw_longer(&w->hosts[i], &w->hosts[l])) {
                sids[n++] = (int64_t) i + 1;
            }
        }
        if (!quorum_verifier_contains_quorum(w->qv, sids, n)) {
            return false;
        }
    }
    return true;
}

void
fle_world_print(const struct fle_world *w)
{
    fprintf(stderr, "\n%lld ms, %zu messages under way\n",
            (long long) w->now_ms, w->n_messages);
    for (size_t i = 0; i < w->n; i++) {
        const struct fw_host *h = &w->hosts[i];
        struct vote v;

        if (h->fc == NULL) {
            fprintf(stderr, "%zu down\n", i + 1);
            continue;
        }
        fle_core_state(h->fc, &v);
        fprintf(stderr,
                "%zu (zxid %lld, epoch %lld, round %lld) %s: leader %lld, "
                "zxid %lld, round %lld, epoch %lld; deadline %lld\n", i + 1,
                (long long) h->zxid, (long long) h->epoch,
                (long long) fle_core_round(h->fc), peer_state_name(v.state),
                (long long) v.leader, (long long) v.zxid,
                (long long) v.round, (long long) v.peer_epoch,
                (long long) fle_core_deadline(h->fc));
    }
}
