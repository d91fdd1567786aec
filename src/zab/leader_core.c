/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/leader_core.h"

#include <stdlib.h>

#include "util/zk_obj.h"

/* What is known of one voter.  Others have no say, so nothing of them is
 * kept. */
struct lc_voter {
    int64_t sid;
    bool spoke;                 /* Said which epoch it had accepted. */
    bool took_epoch;            /* Acked LEADERINFO. */
    bool in_sync;               /* Acked NEWLEADER. */
    int64_t acked;              /* Proposals up to this one; 0: none. */
    bool answers;               /* It was sent UPTODATE. */
    uint64_t round;             /* ... and answered PINGs of its link up to
                                 * this one, or was not sent them. */
    uint64_t answered;          /* It has answered this one, or a later. */
};

struct leader_core {
    unsigned magic;
#define LEADER_CORE_MAGIC 0x4c644372

    /* Set at create, never changed. */
    const struct quorum_verifier *qv;
    int64_t my_sid;
    int64_t my_current_epoch;
    int64_t my_last_zxid;

    struct lc_voter *voters;
    size_t n_voters;
    int64_t *sids;              /* A set in the making; n_voters places. */

    int64_t max_accepted;
    int64_t epoch;              /* -1: not known yet. */
    bool epoch_acked;
    bool established;

    /* last_committed <= last_proposed, own_acked <= last_proposed. */
    int64_t last_proposed;
    int64_t last_committed;
    int64_t own_acked;

    /* PINGs are counted: confirmed <= round, wanted <= round + 1. */
    uint64_t round;             /* The last one. */
    uint64_t confirmed;         /* The last one that a quorum has answered. */
    uint64_t wanted;            /* The last one that a sync waits for. */
};

static struct lc_voter *
lc_voter(struct leader_core *lc, int64_t sid)
{
    for (size_t i = 0; i < lc->n_voters; i++) {
        if (lc->voters[i].sid == sid) {
            return &lc->voters[i];
        }
    }
    return NULL;
}

static bool
lc_spoke(const struct lc_voter *v, int64_t arg)
{
    (void) arg;
    return v->spoke;
}

static bool
lc_took_epoch(const struct lc_voter *v, int64_t arg)
{
    (void) arg;
    return v->took_epoch;
}

static bool
lc_in_sync(const struct lc_voter *v, int64_t arg)
{
    (void) arg;
    return v->in_sync;
}

static bool
lc_acked(const struct lc_voter *v, int64_t zxid)
{
    return v->acked >= zxid;
}

static bool
lc_answered(const struct lc_voter *v, int64_t round)
{
    return v->answered >= (uint64_t) round;
}

/* Are the voters of whom 'is(voter, arg)' holds a quorum? */
static bool
lc_quorum(const struct leader_core *lc,
          bool (*is)(const struct lc_voter *v, int64_t arg), int64_t arg)
{
    size_t n = 0;

    for (size_t i = 0; i < lc->n_voters; i++) {
        if (is(&lc->voters[i], arg)) {
            lc->sids[n++] = lc->voters[i].sid;
        }
    }
    return quorum_verifier_contains_quorum(lc->qv, lc->sids, n);
}

static void
lc_add_voters(struct leader_core *lc)
{
    const struct quorum_member *members;
    size_t n = quorum_verifier_members(lc->qv, &members);

    lc->voters = zk_xcalloc(n + 1, sizeof lc->voters[0]);
    lc->sids = zk_xcalloc(n + 1, sizeof lc->sids[0]);
    for (size_t i = 0; i < n; i++) {
        if (members[i].voter) {
            lc->voters[lc->n_voters++].sid = members[i].sid;
        }
    }
}

struct leader_core *
leader_core_create(const struct quorum_verifier *qv, int64_t my_sid,
                   int64_t accepted_epoch, int64_t current_epoch,
                   int64_t last_zxid)
{
    struct leader_core *lc = zk_xcalloc(1, sizeof *lc);

    lc->magic = LEADER_CORE_MAGIC;
    lc->qv = qv;
    lc->my_sid = my_sid;
    lc->my_current_epoch = current_epoch;
    lc->my_last_zxid = last_zxid;
    lc->max_accepted = accepted_epoch;
    lc->epoch = -1;
    lc->last_proposed = lc->last_committed = lc->own_acked = last_zxid;
    lc_add_voters(lc);
    leader_core_accepted_epoch(lc, my_sid, accepted_epoch);
    leader_core_epoch_ack(lc, my_sid, current_epoch, last_zxid);
    return lc;
}

void
leader_core_destroy(struct leader_core *lc)
{
    if (lc == NULL) {
        return;
    }
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    free(lc->voters);
    free(lc->sids);
    lc->magic = 0;
    free(lc);
}

/* ---- discovery --------------------------------------------------------- */

int64_t
leader_core_accepted_epoch(struct leader_core *lc, int64_t sid,
                           int64_t accepted_epoch)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    if (lc->epoch >= 0 || accepted_epoch < 0
        || accepted_epoch >= ZXID_MAX_EPOCH) {
        return lc->epoch;       /* Settled; or no epoch could follow. */
    }
    /* Observers raise the epoch too: what they accepted binds them.  Not who
     * is in no configuration: one such could use up all epochs at once. */
    if (accepted_epoch > lc->max_accepted
        && quorum_verifier_is_member(lc->qv, sid)) {
        lc->max_accepted = accepted_epoch;
    }
    v = lc_voter(lc, sid);
    if (v != NULL) {
        v->spoke = true;
    }
    if (lc_quorum(lc, lc_spoke, 0)) {
        lc->epoch = lc->max_accepted + 1;
        lc->epoch_acked = lc_quorum(lc, lc_took_epoch, 0);
    }
    return lc->epoch;
}

int64_t
leader_core_epoch(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->epoch;
}

bool
leader_core_epoch_ack(struct leader_core *lc, int64_t sid,
                      int64_t current_epoch, int64_t last_zxid)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    if (lc->epoch_acked || current_epoch == -1) {
        return true;
    }
    if (current_epoch > lc->my_current_epoch
        || (current_epoch == lc->my_current_epoch
            && last_zxid > lc->my_last_zxid)) {
        return false;
    }
    v = lc_voter(lc, sid);
    if (v != NULL && last_zxid != -1) {
        v->took_epoch = true;
        lc->epoch_acked =
            lc->epoch >= 0 && lc_quorum(lc, lc_took_epoch, 0);
    }
    return true;
}

bool
leader_core_epoch_is_acked(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->epoch_acked;
}

/* ---- synchronization --------------------------------------------------- */

bool
leader_core_new_leader_ack(struct leader_core *lc, int64_t sid)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    v = lc_voter(lc, sid);
    if (v == NULL || !lc->epoch_acked) {
        return false;           /* Nobody was asked before that. */
    }
    v->in_sync = true;
    if (lc->established || !lc_quorum(lc, lc_in_sync, 0)) {
        return false;
    }
    lc->established = true;
    lc->last_proposed = lc->last_committed = lc->own_acked =
        zxid_make(lc->epoch, 0);
    return true;
}

bool
leader_core_is_established(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->established;
}

/* ---- broadcast --------------------------------------------------------- */

void
leader_core_propose(struct leader_core *lc, int64_t zxid)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    zk_assert(lc->established);
    /* One behind the other (the first of an epoch may have any counter), and
     * the counter must not run over into the next epoch: the owner looks at
     * zxid_counter and steps down before. */
    zk_assert(zxid == lc->last_proposed + 1
              || (zxid_counter(lc->last_proposed) == 0
                  && zxid > lc->last_proposed));
    zk_assert(zxid_epoch(zxid) == lc->epoch);
    lc->last_proposed = zxid;
}

/* The highest zxid up to which a quorum has acked, or last_committed.  It is
 * always one that some voter acked last. */
static int64_t
lc_quorum_acked(const struct leader_core *lc)
{
    int64_t best = lc->last_committed;

    for (size_t i = 0; i < lc->n_voters; i++) {
        int64_t zxid = lc->voters[i].acked;

        if (zxid > best && lc_quorum(lc, lc_acked, zxid)) {
            best = zxid;
        }
    }
    return best;
}

int64_t
leader_core_ack(struct leader_core *lc, int64_t sid, int64_t zxid)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    if (!lc->established || zxid > lc->last_proposed) {
        return lc->last_committed;
    }
    if (sid == lc->my_sid && zxid > lc->own_acked) {
        lc->own_acked = zxid;   /* Committed before or not. */
    }
    v = lc_voter(lc, sid);
    if (v != NULL && zxid > v->acked && zxid > lc->last_committed) {
        int64_t committed;

        v->acked = zxid;
        committed = lc_quorum_acked(lc);
        zk_assert(committed >= lc->last_committed);
        lc->last_committed = committed;
    }
    return lc->last_committed;
}

void
leader_core_forget(struct leader_core *lc, int64_t sid)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    /* Its epoch and NEWLEADER acks stay: they are promises on its disk. */
    v = lc_voter(lc, sid);
    if (v != NULL) {
        v->acked = 0;
        v->answers = false;
    }
}

int64_t
leader_core_last_proposed(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->last_proposed;
}

int64_t
leader_core_last_committed(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->last_committed;
}

int64_t
leader_core_own_acked(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->own_acked;
}

/* ---- syncs ------------------------------------------------------------- */

struct leader_sync_point
leader_core_sync_point(struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    /* What is on its way already says nothing of this moment. */
    lc->wanted = lc->round + 1;
    return (struct leader_sync_point) {
        .zxid = lc->last_proposed,
        .round = lc->wanted,
    };
}

struct leader_sync_point
leader_core_later_point(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return (struct leader_sync_point) {
        .zxid = lc->last_proposed,
        .round = lc->round + 1,
    };
}

bool
leader_core_is_synced(const struct leader_core *lc,
                      const struct leader_sync_point *sp)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->last_committed > sp->zxid
           || (lc->last_committed == sp->zxid && lc->confirmed >= sp->round);
}

bool
leader_core_needs_ping(const struct leader_core *lc)
{
    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    return lc->wanted > lc->round && lc->confirmed == lc->round;
}

static void
lc_answer(struct leader_core *lc, struct lc_voter *answering, uint64_t round)
{
    answering->answered = round;
    for (size_t i = 0; i < lc->n_voters; i++) {
        uint64_t answered = lc->voters[i].answered;

        if (answered > lc->confirmed
            && lc_quorum(lc, lc_answered, (int64_t) answered)) {
            lc->confirmed = answered;
        }
    }
}

void
leader_core_pinged(struct leader_core *lc)
{
    struct lc_voter *me;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    lc->round++;
    me = lc_voter(lc, lc->my_sid);
    if (me != NULL) {
        lc_answer(lc, me, lc->round);
    }
}

void
leader_core_up_to_date(struct leader_core *lc, int64_t sid)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    v = lc_voter(lc, sid);
    if (v != NULL) {
        v->answers = true;
        v->round = lc->round;
    }
}

void
leader_core_ping_answered(struct leader_core *lc, int64_t sid)
{
    struct lc_voter *v;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    v = lc_voter(lc, sid);
    if (v != NULL && v->answers && v->round < lc->round) {
        lc_answer(lc, v, ++v->round);
    }
}

bool
leader_core_has_quorum(const struct leader_core *lc, const int64_t *sids,
                       size_t n)
{
    size_t kept = 0;

    ZK_CHECK(lc, LEADER_CORE_MAGIC);
    for (size_t i = 0; i < lc->n_voters; i++) {
        bool in = lc->voters[i].sid == lc->my_sid;

        for (size_t k = 0; k < n && !in; k++) {
            in = lc->voters[i].sid == sids[k];
        }
        if (in) {
            lc->sids[kept++] = lc->voters[i].sid;
        }
    }
    return quorum_verifier_contains_quorum(lc->qv, lc->sids, kept);
}
