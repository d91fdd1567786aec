/* SPDX-License-Identifier: Apache-2.0 */
/* leader_discovery.c: from the first voter that calls to the epoch that a
 * quorum has made its own (Zab: phases 1 and 2; protocol: sections 6.2 and
 * 6.5).  Handlers bring what their learners say; the QuorumPeer thread alone
 * writes the epochs, without the lock, and then lets the handlers go on. */
#include <config.h>

#include "zab/leader_internal.h"

#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/learner_handler.h"

/* How often it is looked whether the older of two links is alive. */
#define LDI_ALIVE_POLL_MS 20
/* Learners that are in no configuration. */
#define LDI_MAX_UNLISTED 255

/* ---- for handlers ------------------------------------------------------ */

/* The link of a server so far; those without a name may have many. */
static struct learner_handler *
ldi_find_locked(struct leader *l, int64_t sid) ZK_REQUIRES(l->lock)
{
    struct learner_handler *h = sid >= 0 ? l->learners : NULL;

    while (h != NULL && (!h->introduced || h->replaced || h->sid != sid)) {
        h = h->next;
    }
    return h;
}

/* Of two links of one server the newer one counts, since the older one is
 * what a crash of the server left: unless the older one still answers pings.
 * Then the newer one is of a server with a wrong myid, or of nobody. */
static int
ldi_replace_locked(struct leader *l, const struct learner_handler *newer,
                   int64_t sid, struct zk_errmsg *em) ZK_REQUIRES(l->lock)
{
    /* A ping each half tick: one answer comes between the two. */
    int64_t alive_ms = zk_time_mono_ms() + l->opts.tick_ms / 2;
    int64_t deadline_ms = alive_ms + 3 * l->opts.tick_ms / 2;
    struct learner_handler *h;

    while (!l->closing && !newer->replaced
           && (h = ldi_find_locked(l, sid)) != NULL && h->up_to_date
           && zk_time_mono_ms() < deadline_ms) {
        if (atomic_load(&h->heard_ms) > alive_ms) {
            return zk_fail(em, ZK_EMARSHAL, "it says that it is server %ld, "
                           "which is alive and connected from %s",
                           (long) sid, net_stream_peer(h->stream));
        }
        (void) zk_cond_wait_until(&l->changed, &l->lock,
                                  zk_time_mono_ms() + LDI_ALIVE_POLL_MS);
    }
    while ((h = ldi_find_locked(l, sid)) != NULL) {
        leader_note(l, leader, ZK_LOG_INFO, "server %ld has connected anew: "
                    "its link from %s is closed", (long) sid,
                    net_stream_peer(h->stream));
        h->replaced = true;
        leader_core_forget(l->core, sid);
        learner_handler_close(h);
    }
    return ZK_OK;
}

/* Servers that are in no configuration may have the data (Java's may, too);
 * but not so many that others find no descriptors. */
static int
ldi_check_unlisted_locked(struct leader *l, int64_t sid,
                          struct zk_errmsg *em) ZK_REQUIRES(l->lock)
{
    size_t n = 0;

    if (quorum_verifier_is_member(l->peer->qv, sid)) {
        return ZK_OK;
    }
    for (const struct learner_handler *h = l->learners; h != NULL;
         h = h->next) {
        n += h->introduced
             && !quorum_verifier_is_member(l->peer->qv, h->sid);
    }
    if (n < LDI_MAX_UNLISTED) {
        return ZK_OK;
    }
    return zk_fail(em, ZK_ETOOBIG, "server %ld is in no configuration, and "
                   "%d such are connected", (long) sid, LDI_MAX_UNLISTED);
}

static int
ldi_check(const struct leader *l, const struct learner_info *li,
          struct zk_errmsg *em)
{
    int64_t ours = quorum_verifier_version(l->peer->qv);

    if (li->sid == l->peer->sid) {
        return zk_fail(em, ZK_EMARSHAL, "it says that it is server %ld, "
                       "which is this one", (long) li->sid);
    }
    if (li->has_config_version && li->config_version > ours) {
        return zk_fail(em, ZK_EMARSHAL, "server %ld has a later "
                       "configuration: version 0x%lx, ours is 0x%lx",
                       (long) li->sid, (long) li->config_version,
                       (long) ours);
    }
    return ZK_OK;
}

static int
ldi_enter_locked(struct leader *l, struct learner_handler *h, bool observer,
                 const struct learner_info *li, struct zk_errmsg *em)
    ZK_REQUIRES(l->lock)
{
    int rv = ldi_check_unlisted_locked(l, li->sid, em);

    if (rv == ZK_OK) {
        rv = ldi_replace_locked(l, h, li->sid, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    h->sid = li->sid >= 0 ? li->sid : l->next_nameless--;
    h->observer = observer;
    h->old = !li->has_config_version;
    /* Not for a stranger that says so: what prep refuses meanwhile is every
     * client's loss. */
    h->holds_back = h->old && quorum_verifier_is_member(l->peer->qv, h->sid);
    h->introduced = true;
    if (h->holds_back) {
        atomic_fetch_add(&l->old_learners, 1);
    }
    return ZK_OK;
}

/* Waits for '*flag' to be set, under the lock. */
static int
ldi_wait_locked(struct leader *l, const struct learner_handler *h,
                bool (*done)(const struct leader *l), const char *what,
                struct zk_errmsg *em) ZK_REQUIRES(l->lock)
{
    int64_t deadline_ms = zk_time_mono_ms() + l->opts.init_ms;

    while (!l->closing && !h->replaced && !done(l)) {
        if (!zk_cond_wait_until(&l->changed, &l->lock, deadline_ms)) {
            return zk_fail(em, ZK_ETORN, "no quorum %s within %ld ms", what,
                           (long) l->opts.init_ms);
        }
    }
    if (!done(l) || l->closing || h->replaced) {
        return zk_fail(em, ZK_ESTOPPED, "the link is not wanted any more");
    }
    return ZK_OK;
}

static bool
ldi_has_epoch(const struct leader *l)
{
    return l->epoch >= 0;
}

static bool
ldi_may_sync(const struct leader *l)
{
    return l->may_sync;
}

int
leader_introduced(struct leader *l, struct learner_handler *h, bool observer,
                  const struct learner_info *li, int64_t accepted_epoch,
                  int64_t *epoch, struct zk_errmsg *em)
{
    int rv = ldi_check(l, li, em);

    if (rv != ZK_OK) {
        return rv;
    }
    zk_lock(&l->lock);
    rv = ldi_enter_locked(l, h, observer, li, em);
    if (rv == ZK_OK) {
        (void) leader_core_accepted_epoch(l->core, h->sid, accepted_epoch);
        zk_cond_broadcast(&l->changed);
        rv = ldi_wait_locked(l, h, ldi_has_epoch, "has called", em);
    }
    *epoch = l->epoch;
    zk_unlock(&l->lock);
    return rv;
}

int
leader_epoch_acked(struct leader *l, struct learner_handler *h,
                   int64_t current_epoch, int64_t last_zxid,
                   struct zk_errmsg *em)
{
    int rv;

    zk_lock(&l->lock);
    if (!leader_core_epoch_ack(l->core, h->sid, current_epoch, last_zxid)) {
        zk_unlock(&l->lock);
        return zk_fail(em, ZK_EMARSHAL, "it is ahead of this leader: epoch "
                       "%ld, zxid 0x%lx", (long) current_epoch,
                       (long) last_zxid);
    }
    zk_cond_broadcast(&l->changed);
    rv = ldi_wait_locked(l, h, ldi_may_sync, "has taken the epoch", em);
    zk_unlock(&l->lock);
    return rv;
}

void
leader_up_to_date_locked(struct leader *l, struct learner_handler *h)
{
    zk_assert_held(&l->lock);
    if (h->acked && !h->up_to_date) {
        h->up_to_date = true;
        if (!h->observer && !h->replaced) {
            leader_core_up_to_date(l->core, h->sid);
        }
        learner_sender_begin_timing(&h->sender);
        learner_sender_queue_once(&h->sender,
                                  packet_block_one(QP_UPTODATE, -1,
                                                   ZK_SLICE_NULL));
    }
}

void
leader_new_leader_acked(struct leader *l, struct learner_handler *h)
{
    zk_lock(&l->lock);
    if (!h->acked && h->joined) {
        h->acked = true;
        l->n_snaps -= h->load == LOAD_SNAP;
        l->n_diffs -= h->load == LOAD_DIFF;
        h->load = LOAD_NONE;
        if (!h->observer && !h->replaced) {
            (void) leader_core_new_leader_ack(l->core, h->sid);
            zk_cond_broadcast(&l->changed);
        }
    }
    if (l->serving_since_ms >= 0) {
        leader_up_to_date_locked(l, h);
    }
    zk_unlock(&l->lock);
}

/* ---- for the QuorumPeer thread ----------------------------------------- */

static bool
ldi_core_has_epoch(const struct leader *l)
{
    return leader_core_epoch(l->core) >= 0;
}

static bool
ldi_core_is_acked(const struct leader *l)
{
    return leader_core_epoch_is_acked(l->core);
}

static bool
ldi_core_is_established(const struct leader *l)
{
    return leader_core_is_established(l->core);
}

/* Waits for a quorum; learners that are ahead of the others are pinged, for
 * they wait no longer than syncLimit. */
static int
ldi_gather_locked(struct leader *l, bool (*done)(const struct leader *l),
                  const char *what, struct zk_errmsg *em)
    ZK_REQUIRES(l->lock)
{
    int64_t now_ms = zk_time_mono_ms();
    int64_t deadline_ms = now_ms + l->opts.init_ms;
    int64_t ping_ms = now_ms + l->opts.tick_ms / 2;

    while (!l->stopped && !l->deserted && !done(l)) {
        now_ms = zk_time_mono_ms();
        if (now_ms >= deadline_ms) {
            return zk_fail(em, ZK_ENOTFOUND, "no quorum %s within %ld ms",
                           what, (long) l->opts.init_ms);
        }
        if (now_ms >= ping_ms) {
            leader_ping_learners_locked(l);
            ping_ms += l->opts.tick_ms / 2;
        }
        (void) zk_cond_wait_until(&l->changed, &l->lock,
                                  ping_ms < deadline_ms ? ping_ms
                                                        : deadline_ms);
    }
    if (l->stopped) {
        return zk_fail(em, ZK_ESTOPPED, "%s", l->why);
    }
    if (!done(l)) {
        return zk_fail(em, ZK_ENOTFOUND, "no quorum %s, and server %ld, "
                       "which voted for this one, looks for another leader",
                       what, (long) l->deserter);
    }
    return ZK_OK;
}

static int
ldi_propose_epoch(struct leader *l, struct zk_errmsg *em)
{
    struct zab_epochs *epochs = l->peer->epochs;
    int64_t epoch;
    int rv;

    zk_lock(&l->lock);
    (void) leader_core_accepted_epoch(l->core, l->peer->sid,
                                      epochs->accepted);
    l->calling_since_ms = zk_time_mono_ms();
    rv = ldi_gather_locked(l, ldi_core_has_epoch, "has called", em);
    l->calling_since_ms = -1;
    l->deserted = false;
    epoch = leader_core_epoch(l->core);
    zk_unlock(&l->lock);
    if (rv == ZK_OK && zab_epochs_accept(epochs, epoch, em) != ZK_OK) {
        rv = ZK_EIO;
    }
    if (rv == ZK_OK) {
        zk_lock(&l->lock);
        l->epoch = epoch;
        zk_cond_broadcast(&l->changed);
        zk_unlock(&l->lock);
        zk_info(leader, "the new epoch is %ld", (long) epoch);
    }
    return rv;
}

static int
ldi_take_epoch(struct leader *l, struct zk_errmsg *em)
{
    int rv;

    zk_lock(&l->lock);
    rv = ldi_gather_locked(l, ldi_core_is_acked, "has taken the epoch", em);
    zk_unlock(&l->lock);
    if (rv == ZK_OK
        && zab_epochs_establish(l->peer->epochs, l->epoch, em) != ZK_OK) {
        rv = ZK_EIO;
    }
    return rv;
}

int
leader_establish(struct leader *l, struct zk_errmsg *em)
{
    int rv = ldi_propose_epoch(l, em);

    if (rv == ZK_OK) {
        rv = ldi_take_epoch(l, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    zk_lock(&l->lock);
    l->may_sync = true;
    (void) leader_core_new_leader_ack(l->core, l->peer->sid);
    zk_cond_broadcast(&l->changed);
    rv = ldi_gather_locked(l, ldi_core_is_established,
                           "has this leader's history", em);
    zk_unlock(&l->lock);
    return rv;
}
