/* SPDX-License-Identifier: Apache-2.0 */
/* leader_learners.c: who is connected to the leader, from the accepted
 * descriptor to the joined thread. */
#include <config.h>

#include "zab/leader_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "net/net_crowd.h"
#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/learner_handler.h"

/* Connections that have not said who they are: a port scanner gets no more
 * threads than these, and does not keep others out. */
#define LL_MAX_STRANGERS 64
/* How often it is looked whether the senders are done. */
#define LL_DRAIN_POLL_MS 1

/* ---- coming ------------------------------------------------------------ */

/* Of too many that have not said who they are one goes for the newcomer. */
static void
ll_make_room_locked(struct leader *l, const struct learner_handler *newcomer)
    ZK_REQUIRES(l->lock)
{
    struct learner_handler *strangers[LL_MAX_STRANGERS], *goes;
    struct net_crowd_one crowd[LL_MAX_STRANGERS];
    size_t n = 0;

    /* The newest one is the first. */
    for (struct learner_handler *h = l->learners;
         h != NULL && n < LL_MAX_STRANGERS; h = h->next) {
        if (!h->introduced && !h->replaced) {
            strangers[n] = h;
            crowd[n] = (struct net_crowd_one) {
                net_stream_peer(h->stream), LL_MAX_STRANGERS - n,
            };
            n++;
        }
    }
    if (n == LL_MAX_STRANGERS) {
        goes = strangers[net_crowd_choose(crowd, n,
                                          net_stream_peer(newcomer->stream))];
        leader_note(l, leader, ZK_LOG_WARN, "More than %d connections have "
                    "not said who they are: that from %s is closed",
                    LL_MAX_STRANGERS, net_stream_peer(goes->stream));
        goes->replaced = true;
        learner_handler_close(goes);
        zk_cond_broadcast(&l->changed);
    }
}

static bool
ll_let_in(struct leader *l, struct learner_handler *h)
{
    bool in;

    zk_lock(&l->lock);
    in = !l->closing;
    if (in) {
        ll_make_room_locked(l, h);
        h->next = l->learners;
        l->learners = h;
    }
    zk_unlock(&l->lock);
    return in;
}

void
leader_connected(struct leader *l, int fd)
{
    struct learner_handler *h = learner_handler_create(l, fd);

    leader_reap(l);
    if (!ll_let_in(l, h)) {
        leader_note(l, leader, ZK_LOG_INFO, "closing the connection from "
                    "%s: the leader ends", net_stream_peer(h->stream));
        learner_handler_join(h);
        learner_handler_free(h);
    } else if (!learner_handler_start(h)) {
        leader_note(l, leader, ZK_LOG_ERROR, "closing the connection from "
                    "%s: no thread for it", net_stream_peer(h->stream));
        leader_left(l, h);
    }
}

/* ---- going ------------------------------------------------------------- */

static void
ll_unlink_locked(struct leader *l, struct learner_handler *h)
    ZK_REQUIRES(l->lock)
{
    struct learner_handler **p = &l->learners;

    while (*p != h) {
        zk_assert(*p != NULL);
        p = &(*p)->next;
    }
    *p = h->next;
}

static void
ll_end_load_locked(struct leader *l, struct learner_handler *h)
    ZK_REQUIRES(l->lock)
{
    l->n_snaps -= h->load == LOAD_SNAP;
    l->n_diffs -= h->load == LOAD_DIFF;
    h->load = LOAD_NONE;
}

void
leader_left(struct leader *l, struct learner_handler *h)
{
    learner_handler_close(h);
    zk_lock(&l->lock);
    ll_unlink_locked(l, h);
    ll_end_load_locked(l, h);
    leader_forget_syncs_locked(l, h);
    if (h->introduced && !h->replaced) {
        leader_core_forget(l->core, h->sid);
    }
    if (h->introduced && h->holds_back) {
        atomic_fetch_sub(&l->old_learners, 1);
    }
    h->next = l->ended;
    l->ended = h;
    zk_cond_broadcast(&l->changed);
    zk_unlock(&l->lock);
}

void
leader_reap(struct leader *l)
{
    struct learner_handler *h, *next;

    zk_lock(&l->lock);
    h = l->ended;
    l->ended = NULL;
    zk_unlock(&l->lock);
    for (; h != NULL; h = next) {
        next = h->next;
        learner_handler_join(h);
        if (!h->joined) {       /* It never owned a session. */
            learner_handler_free(h);
            continue;
        }
        zk_lock(&l->lock);
        h->next = l->retired;
        l->retired = h;
        zk_unlock(&l->lock);
    }
}

static bool
ll_is_drained_locked(struct leader *l) ZK_REQUIRES(l->lock)
{
    for (struct learner_handler *h = l->learners; h != NULL; h = h->next) {
        if (h->sending && !learner_sender_is_drained(&h->sender)) {
            return false;
        }
    }
    return true;
}

void
leader_drain_learners(struct leader *l, int64_t limit_ms)
{
    int64_t deadline_ms = zk_time_mono_ms() + limit_ms;

    zk_lock(&l->lock);
    l->closing = true;
    while (!ll_is_drained_locked(l) && zk_time_mono_ms() < deadline_ms) {
        (void) zk_cond_wait_until(&l->changed, &l->lock,
                                  zk_time_mono_ms() + LL_DRAIN_POLL_MS);
    }
    zk_unlock(&l->lock);
}

void
leader_close_learners(struct leader *l)
{
    zk_lock(&l->lock);
    l->closing = true;
    for (struct learner_handler *h = l->learners; h != NULL; h = h->next) {
        learner_handler_close(h);
    }
    zk_cond_broadcast(&l->changed);
    zk_unlock(&l->lock);
}

void
leader_join_learners(struct leader *l)
{
    zk_lock(&l->lock);
    while (l->learners != NULL) {
        zk_cond_wait(&l->changed, &l->lock);
    }
    zk_unlock(&l->lock);
    leader_reap(l);
}

void
leader_free_learners(struct leader *l)
{
    struct learner_handler *h;

    zk_assert(l->learners == NULL && l->ended == NULL);
    while ((h = l->retired) != NULL) {
        l->retired = h->next;
        learner_handler_free(h);
    }
}

/* ---- staying ----------------------------------------------------------- */

static bool
ll_is_in_sync(const struct learner_handler *h, int64_t now_ms)
{
    return now_ms <= atomic_load(&h->in_sync_until_ms);
}

/* Observers and strangers in the set do not count. */
bool
leader_has_quorum_locked(struct leader *l)
{
    int64_t now_ms = zk_time_mono_ms();
    struct learner_handler *h;
    int64_t *sids;
    size_t n = 0;
    bool has;

    for (h = l->learners; h != NULL; h = h->next) {
        n++;
    }
    sids = zk_xcalloc(n + 1, sizeof *sids);
    n = 0;
    for (h = l->learners; h != NULL; h = h->next) {
        if (h->introduced && !h->replaced && ll_is_in_sync(h, now_ms)) {
            sids[n++] = h->sid;
        }
    }
    has = leader_core_has_quorum(l->core, sids, n);
    free(sids);
    return has;
}

void
leader_ping_learners_locked(struct leader *l)
{
    struct packet_block *ping =
        packet_block_one(QP_PING, leader_core_last_proposed(l->core),
                         ZK_SLICE_NULL);

    leader_core_pinged(l->core);
    for (struct learner_handler *h = l->learners; h != NULL; h = h->next) {
        if (!h->sending) {
            continue;           /* A PING inside a snapshot would spoil it. */
        }
        if (learner_sender_is_late(&h->sender, l->opts.sync_ms)) {
            zk_warn(leader, "closing the link of server %ld at %s: it has "
                    "not acked a proposal for %ld ms", (long) h->sid,
                    net_stream_peer(h->stream), (long) l->opts.sync_ms);
            learner_handler_close(h);
        } else {
            learner_sender_queue(&h->sender, ping);
        }
    }
    packet_block_unref(ping);
}
