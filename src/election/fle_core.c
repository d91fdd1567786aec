/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/fle_core.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

#define FLE_CORE_MAGIC 0x466c6543

/* Somebody who could not load any history says so with this zxid: it wants to
 * learn who leads, but has no vote. */
#define FLE_NO_HISTORY (-1)

/* What the member of the same index said last. */
struct fle_ballot {
    bool cast;
    struct vote vote;
    /* While it looked in this round: never less than what it has itself.
     * Kept when it settles on somebody. */
    bool spoke;
    struct vote said;
};

struct fle_core {
    unsigned magic;
    struct fle_env env;
    int64_t my_sid;
    const struct quorum_verifier *qv;
    const struct quorum_member *members;
    size_t n;
    bool voter;

    struct fle_timings timings;

    bool started;
    enum peer_state state;
    int64_t round;
    struct vote own;            /* What we bring to this election. */
    struct vote vote;           /* While LOOKING what we propose; then the
                                 * vote that won. */
    struct fle_ballot *inside;  /* Votes of this round, ours among them. */
    struct fle_ballot *outside; /* What settled servers say, of any round. */
    int64_t *sids;              /* Room for n. */
    bool told_holding;          /* holds_back was called in this election. */

    int64_t poll_ms;            /* How long from one resending to the next. */
    int64_t poll_at_ms;
    bool agreed;                /* A quorum wants what we propose: */
    int64_t agreed_ms;          /* since when, */
    int64_t final_ms;           /* and when it is final. */
};

struct fle_core *
fle_core_create(const struct fle_env *env, int64_t my_sid,
                const struct quorum_verifier *qv)
{
    struct fle_core *fc = zk_xcalloc(1, sizeof *fc);

    fc->magic = FLE_CORE_MAGIC;
    fc->env = *env;
    fc->my_sid = my_sid;
    fc->qv = qv;
    fc->n = quorum_verifier_members(qv, &fc->members);
    fc->voter = quorum_verifier_is_voter(qv, my_sid);
    fc->state = PEER_LOOKING;
    fc->vote.leader = VOTE_NOBODY;
    fc->timings = (struct fle_timings) { FLE_MIN_POLL_MS, FLE_MAX_POLL_MS };
    fc->inside = zk_xcalloc(fc->n + 1, sizeof fc->inside[0]);
    fc->outside = zk_xcalloc(fc->n + 1, sizeof fc->outside[0]);
    fc->sids = zk_xcalloc(fc->n + 1, sizeof fc->sids[0]);
    return fc;
}

void
fle_core_destroy(struct fle_core *fc)
{
    if (fc == NULL) {
        return;
    }
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    fc->magic = 0;
    free(fc->inside);
    free(fc->outside);
    free(fc->sids);
    free(fc);
}

void
fle_core_set_timings(struct fle_core *fc, const struct fle_timings *t)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    zk_assert(!fc->started && t->min_poll_ms > 0
              && t->min_poll_ms <= t->max_poll_ms
              && t->max_poll_ms <= INT_MAX);
    fc->timings = *t;
}

/* --- sending --- */

static void
fc_send_vote(struct fle_core *fc, int64_t to, const struct vote *v)
{
    struct fle_notification n = {
        .sid = fc->my_sid, .vote = *v, .config = ZK_SLICE_NULL,
    };

    fc->env.send(fc->env.self, to, &n);
}

static void
fc_send_all(struct fle_core *fc, int64_t now_ms)
{
    fc->poll_at_ms = now_ms + fc->poll_ms;
    for (size_t i = 0; i < fc->n; i++) {
        if (fc->members[i].voter && fc->members[i].sid != fc->my_sid) {
            fc_send_vote(fc, fc->members[i].sid, &fc->vote);
        }
    }
}

/* --- counting --- */

static struct fle_ballot *
fc_ballot(struct fle_core *fc, struct fle_ballot *set, int64_t sid)
{
    for (size_t i = 0; i < fc->n; i++) {
        if (fc->members[i].sid == sid) {
            return &set[i];
        }
    }
    return NULL;
}

static void
fc_cast(struct fle_core *fc, struct fle_ballot *set, int64_t sid,
        const struct vote *v)
{
    struct fle_ballot *b = fc_ballot(fc, set, sid);

    zk_assert(b != NULL);
    b->cast = true;
    b->vote = *v;
}

/* Do those who voted like 'v' make a quorum? */
static bool
fc_quorum_for(struct fle_core *fc, const struct fle_ballot *set,
              const struct vote *v)
{
    size_t n = 0;

    for (size_t i = 0; i < fc->n; i++) {
        if (set[i].cast && vote_same(v, &set[i].vote)) {
            fc->sids[n++] = fc->members[i].sid;
        }
    }
    return quorum_verifier_contains_quorum(fc->qv, fc->sids, n);
}

/* Nobody is left who could bring a better vote than what we propose. */
static bool
fc_all_heard(struct fle_core *fc)
{
    for (size_t i = 0; i < fc->n; i++) {
        int64_t sid = fc->members[i].sid;
        bool same = fc->inside[i].cast
                    && vote_same(&fc->vote, &fc->inside[i].vote);

        if (fc->members[i].voter && !same
            && (sid == fc->my_sid
                || !fc->env.unreachable(fc->env.self, sid))) {
            return false;
        }
    }
    return true;
}

/* The leader itself must have said that it leads; without that, followers of
 * a dead one quote each other for ever.  About ourselves we believe it only
 * for the round we are in and with the history we bring to it: what was before
 * our restart is over, and rounds begin at 1 again. */
static bool
fc_leader_leads(struct fle_core *fc, struct fle_ballot *set,
                const struct vote *v)
{
    const struct fle_ballot *b = fc_ballot(fc, set, v->leader);

    if (v->leader == fc->my_sid) {
        return v->round == fc->round && v->zxid == fc->own.zxid
               && v->peer_epoch == fc->own.peer_epoch;
    }
    return b != NULL && b->cast && b->vote.state == PEER_LEADING;
}

/* --- empty servers --- */

static bool
fc_has_history(const struct vote *v)
{
    return v->zxid > 0 || v->peer_epoch > 0;
}

/* Are we one that may have lost what it acknowledged? */
static bool
fc_is_empty(const struct fle_core *fc)
{
    return fc->voter && fc->own.zxid == 0 && fc->own.peer_epoch == 0;
}

/* Lists in 'sids' the voters that have not spoken in this round. */
static size_t
fc_unheard(struct fle_core *fc)
{
    size_t n = 0;

    for (size_t i = 0; i < fc->n; i++) {
        const struct quorum_member *m = &fc->members[i];

        if (m->voter && m->sid != fc->my_sid && !fc->inside[i].spoke
            && quorum_verifier_weight(fc->qv, m->sid) > 0) {
            fc->sids[n++] = m->sid;
        }
    }
    return n;
}

static bool
fc_history_is_heard(const struct fle_core *fc)
{
    for (size_t i = 0; i < fc->n; i++) {
        const struct fle_ballot *in = &fc->inside[i], *out = &fc->outside[i];

        if ((in->cast && fc_has_history(&in->vote))
            || (in->spoke && fc_has_history(&in->said))
            || (out->cast && fc_has_history(&out->vote))) {
            return true;
        }
    }
    return false;
}

/* There are histories, and we do not know them all: 'sids' has *n voters that
 * may have a better one. */
static bool
fc_holds_back(struct fle_core *fc, size_t *n)
{
    *n = 0;
    if (!fc_is_empty(fc) || !fc_history_is_heard(fc)) {
        return false;
    }
    *n = fc_unheard(fc);
    return *n > 0;
}

/* The best that was said in this round, or what we propose already. */
static const struct vote *
fc_best(const struct fle_core *fc)
{
    const struct vote *best = &fc->vote;

    for (size_t i = 0; i < fc->n; i++) {
        const struct fle_ballot *b = &fc->inside[i];

        if (b->spoke && vote_beats(fc->qv, &b->said, best)) {
            best = &b->said;
        }
    }
    return best;
}

/* --- deciding --- */

static void
fc_decide(struct fle_core *fc, const struct vote *v)
{
    fc->state = v->leader == fc->my_sid ? PEER_LEADING
                : fc->voter             ? PEER_FOLLOWING
                                        : PEER_OBSERVING;
    fc->vote = *v;
    fc->vote.version = FLE_VERSION;
    fc->vote.state = fc->state;
    fc->agreed = false;
}

/* Proposes 'v' in the present round and tells everybody. */
static void
fc_propose(struct fle_core *fc, int64_t now_ms, const struct vote *v)
{
    fc->vote = *v;
    fc->vote.round = fc->round;
    fc->vote.version = FLE_VERSION;
    fc->vote.state = PEER_LOOKING;
    fc->agreed = false;
    if (fc->voter && fc->own.zxid != FLE_NO_HISTORY) {
        fc_cast(fc, fc->inside, fc->my_sid, &fc->vote);
    }
    fc_send_all(fc, now_ms);
}

/* Every voter has spoken: an empty server may follow the best of them. */
static void
fc_catch_up(struct fle_core *fc, int64_t now_ms)
{
    const struct vote *best = fc_best(fc);

    if (best != &fc->vote && fc_unheard(fc) == 0) {
        fc_propose(fc, now_ms, best);
    }
}

/* Looks at what this round has brought. */
static void
fc_judge(struct fle_core *fc, int64_t now_ms)
{
    size_t unheard;

    if (fc_is_empty(fc)) {
        fc_catch_up(fc, now_ms);
    }
    if (fc_holds_back(fc, &unheard)
        || !fc_quorum_for(fc, fc->inside, &fc->vote)) {
        fc->agreed = false;
    } else if (fc_all_heard(fc)
               || quorum_verifier_contains_quorum(fc->qv, &fc->my_sid, 1)) {
        /* (Who alone is a quorum has all that was ever committed.) */
        fc_decide(fc, &fc->vote);
    } else if (!fc->agreed) {
        fc->agreed = true;
        fc->agreed_ms = now_ms;
        fc->final_ms = now_ms + FLE_FINALIZE_WAIT_MS;
    }
}

/* A message came while we wait for silence. */
static void
fc_wait_on(struct fle_core *fc, int64_t now_ms)
{
    int64_t last = fc->agreed_ms + FLE_MAX_FINALIZE_MS;

    fc->final_ms = now_ms + FLE_FINALIZE_WAIT_MS;
    if (fc->final_ms > last) {
        fc->final_ms = last;
    }
}

void
fle_core_start(struct fle_core *fc, int64_t now_ms, int64_t last_zxid,
               int64_t current_epoch)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    fc->started = true;
    fc->state = PEER_LOOKING;
    if (fc->round < INT64_MAX) {        /* Peers can raise it to anything. */
        fc->round++;
    }
    fc->own = (struct vote) {
        .leader = fc->voter ? fc->my_sid : VOTE_NOBODY,
        .zxid = fc->voter ? last_zxid : INT64_MIN,
        .peer_epoch = fc->voter ? current_epoch : INT64_MIN,
    };
    memset(fc->inside, 0, fc->n * sizeof fc->inside[0]);
    memset(fc->outside, 0, fc->n * sizeof fc->outside[0]);
    fc->poll_ms = fc->timings.min_poll_ms;
    fc->told_holding = false;
    fc_propose(fc, now_ms, &fc->own);
    fc_judge(fc, now_ms);
}

/* --- receiving --- */

/* Those who do not vote stand outside of the loop: they get an answer to each
 * question, and to nothing else, or two servers would answer each other for
 * ever.  Nor must the answer be of an older round than the question: Java's
 * observers reply to that at once, as often as it comes. */
static void
fc_answer_stranger(struct fle_core *fc, const struct fle_notification *n)
{
    struct vote v = fc->vote;

    if (!fc->voter || n->vote.state != PEER_LOOKING) {
        return;
    }
    if (fc->state == PEER_LOOKING && n->vote.round > v.round) {
        v.round = n->vote.round;
    }
    fc_send_vote(fc, n->sid, &v);
}

static void
fc_note_said(struct fle_core *fc, int64_t sid, const struct vote *v)
{
    struct fle_ballot *b = fc_ballot(fc, fc->inside, sid);

    zk_assert(b != NULL);
    b->spoke = true;
    b->said = *v;
}

/* Whoever has no history has no vote; but then we know that there is none,
 * whatever its round. */
static void
fc_hear_abstention(struct fle_core *fc, int64_t now_ms, int64_t sid)
{
    const struct vote nobody = { .leader = VOTE_NOBODY };

    if (fc_is_empty(fc)) {
        fc_note_said(fc, sid, &nobody);
        fc_judge(fc, now_ms);
    }
}

/* A server that looks may change what we propose. */
static void
fc_weigh(struct fle_core *fc, int64_t now_ms,
         const struct fle_notification *n)
{
    const struct vote *v = &n->vote;
    bool may = !fc_is_empty(fc) || !fc_has_history(v);

    if (v->round > fc->round) {
        fc->round = v->round;
        memset(fc->inside, 0, fc->n * sizeof fc->inside[0]);
        fc_propose(fc, now_ms,
                   may && vote_beats(fc->qv, v, &fc->own) ? v : &fc->own);
    } else if (may && vote_beats(fc->qv, v, &fc->vote)) {
        fc_propose(fc, now_ms, v);
    } else if (fc->voter && vote_beats(fc->qv, &fc->vote, v)) {
        /* It may have been settled still when we told everybody; without this
         * it would have to wait until we say it again. */
        fc_send_vote(fc, n->sid, &fc->vote);
    }
}

/* A voter looks, and so do we. */
static void
fc_hear_looking(struct fle_core *fc, int64_t now_ms,
                const struct fle_notification *n)
{
    const struct vote *v = &n->vote;
    struct vote counted = *v;

    if (v->round < fc->round && fc->voter) {
        fc_send_vote(fc, n->sid, &fc->vote);
    }
    if (v->zxid == FLE_NO_HISTORY) {
        fc_hear_abstention(fc, now_ms, n->sid);
        return;
    }
    if (v->round < fc->round || fc->own.zxid == FLE_NO_HISTORY
        || !quorum_verifier_is_voter(fc->qv, v->leader)) {
        return;
    }
    fc_weigh(fc, now_ms, n);
    counted.version = 0;
    fc_cast(fc, fc->inside, n->sid, &counted);
    fc_note_said(fc, n->sid, &counted);
    fc_judge(fc, now_ms);
}

/* A voter follows or leads already. */
static void
fc_hear_settled(struct fle_core *fc, int64_t now_ms,
                const struct fle_notification *n)
{
    const struct vote *v = &n->vote;
    struct vote counted = *v;

    if (!quorum_verifier_is_voter(fc->qv, v->leader)) {
        return;
    }
    if (v->round == fc->round) {
        counted.version = 0;
        fc_cast(fc, fc->inside, n->sid, &counted);
        if (fc_quorum_for(fc, fc->inside, v)
            && fc_leader_leads(fc, fc->inside, v)) {
            fc_decide(fc, v);
            return;
        }
    }
    fc_cast(fc, fc->outside, n->sid, v);
    if (fc_quorum_for(fc, fc->outside, v)
        && fc_leader_leads(fc, fc->outside, v)) {
        if (v->round > fc->round) {
            fc->round = v->round;
        }
        fc_decide(fc, v);
        return;
    }
    fc_judge(fc, now_ms);
}

/* Has it voted for this server in the election that this one won? */
static bool
fc_voted_for_me(struct fle_core *fc, int64_t sid)
{
    const struct fle_ballot *in = fc_ballot(fc, fc->inside, sid);
    const struct fle_ballot *out = fc_ballot(fc, fc->outside, sid);

    return (in->cast && in->vote.leader == fc->my_sid)
           || (out->cast && out->vote.leader == fc->my_sid);
}

/* A voter looks, and this server is settled. */
static void
fc_answer_looking(struct fle_core *fc, const struct fle_notification *n)
{
    fc_send_vote(fc, n->sid, &fc->vote);
    if (fc->state == PEER_LEADING && fc->env.voter_looks != NULL
        && fc_voted_for_me(fc, n->sid)) {
        fc->env.voter_looks(fc->env.self, n->sid);
    }
}

void
fle_core_receive(struct fle_core *fc, int64_t now_ms,
                 const struct fle_notification *n)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    if (!fc->started || n->sid == fc->my_sid) {
        return;
    }
    if (!quorum_verifier_is_voter(fc->qv, n->sid)) {
        fc_answer_stranger(fc, n);
        return;
    }
    if (fc->state != PEER_LOOKING) {
        if (fc->voter && n->vote.state == PEER_LOOKING) {
            fc_answer_looking(fc, n);
        }
        return;
    }
    if (fc->agreed) {
        fc_wait_on(fc, now_ms);
    }
    switch (n->vote.state) {
    case PEER_LOOKING:
        fc_hear_looking(fc, now_ms, n);
        break;
    case PEER_FOLLOWING:
    case PEER_LEADING:
        fc_hear_settled(fc, now_ms, n);
        break;
    case PEER_OBSERVING:
        break;
    }
}

/* --- time and links --- */

static bool
fc_looking(const struct fle_core *fc)
{
    return fc->started && fc->state == PEER_LOOKING;
}

/* Not at once: those that are up are heard within milliseconds. */
static void
fc_tell_holding(struct fle_core *fc)
{
    size_t n;

    if (fc->env.holds_back != NULL && !fc->told_holding
        && fc_holds_back(fc, &n)) {
        fc->told_holding = true;
        fc->env.holds_back(fc->env.self, fc->sids, n);
    }
}

int64_t
fle_core_deadline(const struct fle_core *fc)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    if (!fc_looking(fc)) {
        return INT64_MAX;
    }
    return fc->agreed ? fc->final_ms : fc->poll_at_ms;
}

void
fle_core_timer(struct fle_core *fc, int64_t now_ms)
{
    if (!fc_looking(fc) || now_ms < fle_core_deadline(fc)) {
        return;
    }
    if (fc->agreed) {
        fc_decide(fc, &fc->vote);
        return;
    }
    fc->poll_ms = fc->poll_ms < fc->timings.max_poll_ms / 2
                  ? fc->poll_ms * 2 : fc->timings.max_poll_ms;
    fc_tell_holding(fc);
    if (fc->env.delivered(fc->env.self)) {
        fc_send_all(fc, now_ms);
    } else {
        fc->poll_at_ms = now_ms + fc->poll_ms;
        fc->env.connect_all(fc->env.self);
    }
}

void
fle_core_links_changed(struct fle_core *fc, int64_t now_ms)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    if (fc_looking(fc) && fc->agreed) {
        fc_judge(fc, now_ms);
    }
}

/* --- the outcome --- */

enum peer_state
fle_core_state(const struct fle_core *fc, struct vote *out)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    if (out != NULL) {
        *out = fc->vote;
    }
    return fc->state;
}

void
fle_core_set_epoch(struct fle_core *fc, int64_t epoch)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    zk_assert(fc->state != PEER_LOOKING);
    fc->vote.peer_epoch = epoch;
}

int64_t
fle_core_round(const struct fle_core *fc)
{
    ZK_CHECK(fc, FLE_CORE_MAGIC);
    return fc->round;
}
