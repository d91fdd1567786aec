/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_core.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto/txn_codec.h"
#include "util/blocking_queue.h"
#include "util/zk_log.h"
#include "zab/leader_core.h"

/* Leaders of 3.4 and later; the ones before know no LEADERINFO. */
#define LRN_PROTOCOL 0x10000

/* A long DIFF is logged and applied in pieces of about this many bytes. */
#define LRN_CHUNK_BYTES (4 << 20)

#define PRIZXID "0x%" PRIx64

enum lrn_phase {
    LRN_NEW,
    LRN_DISCOVERY,              /* Until LEADERINFO. */
    LRN_OPENING,                /* Until DIFF, TRUNC or SNAP. */
    LRN_HISTORY,                /* Until NEWLEADER. */
    LRN_SYNCED,                 /* Until UPTODATE. */
    LRN_BROADCAST,
    LRN_FAILED,
};

/* A proposal that was received.  In broadcast the env has its bytes. */
struct lrn_txn {
    struct bq_node link;
    int64_t zxid;
    int32_t len;
    uint8_t data[];
};

struct learner_core {
    unsigned magic;
#define LEARNER_CORE_MAGIC 0x4c726e43

    /* Set at create, never changed. */
    struct learner_env env;
    struct learner_core_options o;

    enum lrn_phase phase;
    int64_t epoch;              /* -1: not told yet. */
    bool snap;                  /* The tree came as a whole, and is on disk
                                 * only once it is saved. */
    bool leader_is_old;

    /* The end of what is here or was received, and of what is committed of
     * it: last_committed <= last. */
    int64_t last;
    int64_t last_committed;
    /* In order: those that are committed and not yet handed on, then those
     * whose commit has not come.  A proposal leaves 'open' by its commit and
     * by nothing else, NEWLEADER least of all (ZOOKEEPER-4394). */
    struct bq_list committed;
    struct bq_list open;
    size_t committed_bytes;
};

static const char *
lrn_phase_name(enum lrn_phase phase)
{
    static const char *const names[] = {
        [LRN_NEW] = "the beginning",
        [LRN_DISCOVERY] = "the leader's epoch",
        [LRN_OPENING] = "DIFF, TRUNC or SNAP",
        [LRN_HISTORY] = "history and NEWLEADER",
        [LRN_SYNCED] = "UPTODATE",
        [LRN_BROADCAST] = "broadcast",
        [LRN_FAILED] = "nothing",
    };

    return names[phase];
}

struct learner_core *
learner_core_create(const struct learner_env *env,
                    const struct learner_core_options *o)
{
    struct learner_core *lc = zk_xcalloc(1, sizeof *lc);

    lc->magic = LEARNER_CORE_MAGIC;
    lc->env = *env;
    lc->o = *o;
    lc->phase = LRN_NEW;
    lc->epoch = -1;
    lc->last = lc->last_committed = o->last_zxid;
    return lc;
}

static struct lrn_txn *
lrn_txn_of(struct bq_node *node)
{
    return ZK_CONTAINER_OF(node, struct lrn_txn, link);
}

static struct zk_slice
lrn_bytes(const struct lrn_txn *t)
{
    return zk_slice(t->data, t->len);
}

static void
lrn_free_all(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        free(lrn_txn_of(node));
    }
}

void
learner_core_destroy(struct learner_core *lc)
{
    if (lc == NULL) {
        return;
    }
    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    lrn_free_all(&lc->committed);
    lrn_free_all(&lc->open);
    lc->magic = 0;
    free(lc);
}

int
learner_core_start(struct learner_core *lc, struct zk_errmsg *em)
{
    const struct jute_learner_info info = {
        .serverid = lc->o.sid,
        .protocol_version = LRN_PROTOCOL,
        .config_version = lc->o.config_version,
    };
    struct zk_buf b = { 0 };
    int rv;

    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    zk_assert(lc->phase == LRN_NEW);
    jute_learner_info_encode(&b, &info);
    rv = lc->env.send(lc->env.self,
                      lc->o.observer ? QP_OBSERVERINFO : QP_FOLLOWERINFO,
                      zxid_make(lc->o.accepted_epoch, 0),
                      zk_slice(b.data, (int32_t) b.len), em);
    zk_buf_fini(&b);
    lc->phase = rv == ZK_OK ? LRN_DISCOVERY : LRN_FAILED;
    return rv;
}

/* ---- discovery --------------------------------------------------------- */

static int
lrn_ack_epoch(struct learner_core *lc, int64_t current_epoch,
              struct zk_errmsg *em)
{
    uint8_t data[4];

    zk_put_be32(data, (uint32_t) current_epoch);
    return lc->env.send(lc->env.self, QP_ACKEPOCH, lc->o.last_zxid,
                        zk_slice(data, sizeof data), em);
}

static int
lrn_leader_info(struct learner_core *lc, const struct jute_quorum_packet *qp,
                struct zk_errmsg *em)
{
    int64_t epoch = zxid_epoch(qp->zxid);
    int rv;

    if (qp->data.len < 4
        || (int32_t) zk_get_be32(qp->data.p) < LRN_PROTOCOL) {
        return zk_fail(em, ZK_EMARSHAL,
                       "the leader is of a version before 3.4");
    }
    if (epoch < lc->o.accepted_epoch || epoch > ZXID_MAX_EPOCH) {
        return zk_fail(em, ZK_ECORRUPT,
                       "the leader's epoch is 0x%" PRIx64
                       ", but 0x%" PRIx64 " was accepted before",
                       epoch, lc->o.accepted_epoch);
    }
    lc->epoch = epoch;
    lc->phase = LRN_OPENING;
    if (epoch == lc->o.accepted_epoch) {
        /* Perhaps it was acked before, perhaps to another leader: this ack
         * must not count towards the epoch. */
        return lrn_ack_epoch(lc, -1, em);
    }
    rv = lc->env.set_accepted_epoch(lc->env.self, epoch, em);
    return rv == ZK_OK ? lrn_ack_epoch(lc, lc->o.current_epoch, em) : rv;
}

/* ---- history ----------------------------------------------------------- */

/* Can it be, that this server's history is to end there? */
static int
lrn_check_end(const struct learner_core *lc,
              const struct jute_quorum_packet *qp, struct zk_errmsg *em)
{
    if (qp->zxid < 0 || zxid_epoch(qp->zxid) > lc->epoch) {
        return zk_fail(em, ZK_ECORRUPT,
                       "%s " PRIZXID " from a leader of epoch 0x%" PRIx64,
                       quorum_packet_name(qp->type), qp->zxid, lc->epoch);
    }
    if (qp->type == QP_TRUNC && qp->zxid > lc->last) {
        return zk_fail(em, ZK_ECORRUPT,
                       "TRUNC " PRIZXID " of a history that ends at "
                       PRIZXID, qp->zxid, lc->last);
    }
    return ZK_OK;
}

static int
lrn_opening(struct learner_core *lc, const struct jute_quorum_packet *qp,
            struct zk_errmsg *em)
{
    int rv = qp->type == QP_DIFF ? ZK_OK : lrn_check_end(lc, qp, em);

    if (rv != ZK_OK) {
        return rv;
    }
    zk_info(learner, "%s " PRIZXID " from the leader, own history ends at "
            PRIZXID, quorum_packet_name(qp->type), qp->zxid, lc->last);
    lc->phase = LRN_HISTORY;
    if (qp->type == QP_SNAP) {
        lc->snap = true;
        rv = lc->env.load_snapshot(lc->env.self, qp->zxid, em);
    } else if (qp->type == QP_TRUNC) {
        /* Whatever fails here ends the link: a tail that stays would be taken
         * for history (ZOOKEEPER-3701). */
        rv = lc->env.truncate(lc->env.self, qp->zxid, em);
    }
    if (rv == ZK_OK && qp->type != QP_DIFF) {
        /* The zxid of DIFF says nothing of what is here (ZOOKEEPER-2355). */
        lc->last = lc->last_committed = qp->zxid;
    }
    return rv;
}

/* What is committed gets durable, then into the tree.  The disk has it before
 * the tree, and both before the next step of the caller (ZOOKEEPER-3911,
 * -4646, -3023). */
static int
lrn_log_committed(struct learner_core *lc, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    if (lc->committed.n == 0) {
        return ZK_OK;
    }
    for (struct bq_node *node = lc->committed.first;
         node != NULL && rv == ZK_OK; node = node->next) {
        rv = lc->env.log_append(lc->env.self, lrn_bytes(lrn_txn_of(node)),
                                em);
    }
    if (rv == ZK_OK) {
        rv = lc->env.log_sync(lc->env.self, em);
    }
    for (struct bq_node *node = lc->committed.first;
         node != NULL && rv == ZK_OK; node = node->next) {
        rv = lc->env.apply(lc->env.self, lrn_bytes(lrn_txn_of(node)), em);
    }
    lrn_free_all(&lc->committed);
    lc->committed_bytes = 0;
    return rv;
}

static int
lrn_new_leader(struct learner_core *lc, const struct jute_quorum_packet *qp,
               struct zk_errmsg *em)
{
    int rv;

    if (qp->zxid != zxid_make(lc->epoch, 0)) {
        return zk_fail(em, ZK_ECORRUPT,
                       "NEWLEADER " PRIZXID " in epoch 0x%" PRIx64,
                       qp->zxid, lc->epoch);
    }
    lc->leader_is_old = zk_slice_is_null(qp->data);
    /* After a SNAP the tree is the only copy, so it becomes the snapshot.
     * After DIFF and TRUNC tree and log agree: what was added is logged, which
     * costs no snapshot. */
    rv = lc->snap ? lc->env.save_snapshot(lc->env.self, em)
                  : lrn_log_committed(lc, em);
    if (rv == ZK_OK) {
        /* Not before the history is complete (ZOOKEEPER-4643, -4785). */
        rv = lc->env.set_current_epoch(lc->env.self, lc->epoch, em);
    }
    if (rv == ZK_OK) {
        /* The first ack that goes out: no open proposal has been logged yet
         * (ZOOKEEPER-4685). */
        rv = lc->env.send(lc->env.self, QP_ACK, qp->zxid, ZK_SLICE_NULL, em);
    }
    lc->phase = LRN_SYNCED;
    return rv;
}

/* What came behind NEWLEADER goes the way of broadcast, now that the stages
 * run. */
static int
lrn_up_to_date(struct learner_core *lc, struct zk_errmsg *em)
{
    struct bq_list *const lists[] = { &lc->committed, &lc->open };
    struct learner_env *env = &lc->env;
    struct bq_node *node;
    int rv = env->send(env->self, QP_ACK, zxid_make(lc->epoch, 0),
                       ZK_SLICE_NULL, em);

    if (rv == ZK_OK) {
        rv = env->serve(env->self, lc->epoch, em);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(lists); i++) {
        for (node = lists[i]->first; node != NULL && rv == ZK_OK;
             node = node->next) {
            struct lrn_txn *t = lrn_txn_of(node);

            rv = env->propose(env->self, t->zxid, lrn_bytes(t), em);
        }
    }
    for (node = lc->committed.first; node != NULL && rv == ZK_OK;
         node = node->next) {
        rv = env->commit(env->self, lrn_txn_of(node)->zxid, em);
    }
    lrn_free_all(&lc->committed);
    lc->phase = LRN_BROADCAST;
    return rv;
}

/* ---- transactions ------------------------------------------------------ */

/* Is it a txn that can follow what is here?  Zxids are gapless in an epoch; an
 * epoch may begin anywhere. */
static int
lrn_check(const struct learner_core *lc, int64_t zxid, struct zk_slice txn,
          struct zk_errmsg *em)
{
    int64_t next = (int64_t) ((uint64_t) lc->last + 1);
    struct zk_errmsg why = { "" };
    struct txn_view v;

    if (txn.len < 0
        || txn_view_decode(&v, txn.p, (size_t) txn.len, lc->o.max_len, &why)
               != ZK_OK) {
        return zk_fail(em, ZK_EMARSHAL,
                       "the txn " PRIZXID " does not decode: %s", zxid,
                       txn.len < 0 ? "it is null" : why.text);
    }
    if (v.zxid != zxid) {
        return zk_fail(em, ZK_ECORRUPT,
                       "the proposal " PRIZXID " holds the txn " PRIZXID,
                       zxid, v.zxid);
    }
    if (zxid != lc->last && zxid != next
        && (zxid < lc->last || zxid_epoch(zxid) == zxid_epoch(lc->last))) {
        return zk_fail(em, ZK_ECORRUPT,
                       "the proposal " PRIZXID " came where " PRIZXID
                       " was expected", zxid, next);
    }
    if (zxid_epoch(zxid) > lc->epoch) {
        return zk_fail(em, ZK_ECORRUPT,
                       "the proposal " PRIZXID " is of a later epoch than "
                       "its leader, 0x%" PRIx64, zxid, lc->epoch);
    }
    return ZK_OK;
}

static int
lrn_proposal(struct learner_core *lc, int64_t zxid, struct zk_slice txn,
             struct zk_errmsg *em)
{
    bool broadcast = lc->phase == LRN_BROADCAST;
    int32_t len = broadcast ? 0 : txn.len;
    struct lrn_txn *t;

    t = zk_xmalloc(sizeof *t + (size_t) len);
    t->zxid = zxid;
    t->len = len;
    if (len > 0) {
        memcpy(t->data, txn.p, (size_t) len);
    }
    bq_list_append(&lc->open, &t->link);
    lc->last = zxid;
    return broadcast ? lc->env.propose(lc->env.self, zxid, txn, em) : ZK_OK;
}

/* The proposal came before.  Java's leaders of 3.9 give a write that they
 * cannot decode the zxid of the one before; what they commit is the first
 * txn, but they wait for an ack of each. */
static int
lrn_proposal_again(struct learner_core *lc, int64_t zxid,
                   struct zk_errmsg *em)
{
    zk_warn(learner, "the proposal " PRIZXID " came twice", zxid);
    if (lc->phase != LRN_BROADCAST || lc->o.observer) {
        return ZK_OK;
    }
    return lc->env.propose(lc->env.self, zxid, ZK_SLICE_NULL, em);
}

/* The first open proposal is committed. */
static int
lrn_commit_first(struct learner_core *lc, struct zk_errmsg *em)
{
    struct lrn_txn *t = lrn_txn_of(bq_list_pop(&lc->open));
    int rv = ZK_OK;

    lc->last_committed = t->zxid;
    if (lc->phase == LRN_HISTORY && lc->snap) {
        rv = lc->env.apply(lc->env.self, lrn_bytes(t), em);
    } else if (lc->phase == LRN_BROADCAST) {
        rv = lc->env.commit(lc->env.self, t->zxid, em);
    } else {
        bq_list_append(&lc->committed, &t->link);
        lc->committed_bytes += (size_t) t->len;
        if (lc->phase == LRN_HISTORY
            && lc->committed_bytes >= LRN_CHUNK_BYTES) {
            rv = lrn_log_committed(lc, em);
        }
        return rv;
    }
    free(t);
    return rv;
}

static int
lrn_commit(struct learner_core *lc, int64_t zxid, struct zk_errmsg *em)
{
    int64_t first;

    if (lc->open.n == 0 || zxid == lc->last_committed) {
        zk_warn(learner, "nothing waits for COMMIT " PRIZXID, zxid);
        return ZK_OK;
    }
    first = lrn_txn_of(lc->open.first)->zxid;
    if (zxid != first) {
        return zk_fail(em, ZK_ECORRUPT,
                       "COMMIT " PRIZXID " came where " PRIZXID
                       " is the first to be committed", zxid, first);
    }
    return lrn_commit_first(lc, em);
}

/* A proposal and its commit in one. */
static int
lrn_inform(struct learner_core *lc, int64_t zxid, struct zk_slice txn,
           struct zk_errmsg *em)
{
    int rv;

    if (!lc->o.observer) {
        return zk_fail(em, ZK_EMARSHAL,
                       "INFORM " PRIZXID " is for observers", zxid);
    }
    if (lc->open.n > 0) {
        return zk_fail(em, ZK_ECORRUPT,
                       "INFORM " PRIZXID " came where " PRIZXID
                       " is the first to be committed", zxid,
                       lrn_txn_of(lc->open.first)->zxid);
    }
    rv = lrn_proposal(lc, zxid, txn, em);
    return rv == ZK_OK ? lrn_commit_first(lc, em) : rv;
}

/* PROPOSAL and INFORM. */
static int
lrn_receive(struct learner_core *lc, int32_t type, int64_t zxid,
            struct zk_slice txn, struct zk_errmsg *em)
{
    int rv = lrn_check(lc, zxid, txn, em);

    if (rv != ZK_OK) {
        return rv;
    }
    if (zxid == lc->last) {
        return lrn_proposal_again(lc, zxid, em);
    }
    return type == QP_PROPOSAL ? lrn_proposal(lc, zxid, txn, em)
                               : lrn_inform(lc, zxid, txn, em);
}

/* The txn of INFORMANDACTIVATE stands behind the leader that is to be. */
static int
lrn_inform_and_activate(struct learner_core *lc,
                        const struct jute_quorum_packet *qp,
                        struct zk_errmsg *em)
{
    if (qp->data.len < 8) {
        return zk_fail(em, ZK_EMARSHAL,
                       "INFORMANDACTIVATE " PRIZXID " is too short",
                       qp->zxid);
    }
    return lrn_receive(lc, qp->type, qp->zxid,
                       zk_slice(qp->data.p + 8, qp->data.len - 8), em);
}

/* ---- packets ----------------------------------------------------------- */

static int
lrn_unexpected(const struct learner_core *lc,
               const struct jute_quorum_packet *qp, struct zk_errmsg *em)
{
    return zk_fail(em, ZK_EMARSHAL, "%s " PRIZXID " came where %s should be",
                   quorum_packet_name(qp->type), qp->zxid,
                   lrn_phase_name(lc->phase));
}

/* Those that end a phase. */
static int
lrn_turn(struct learner_core *lc, const struct jute_quorum_packet *qp,
         struct zk_errmsg *em)
{
    if (qp->type == QP_LEADERINFO && lc->phase == LRN_DISCOVERY) {
        return lrn_leader_info(lc, qp, em);
    }
    if (qp->type == QP_NEWLEADER && lc->phase == LRN_HISTORY) {
        return lrn_new_leader(lc, qp, em);
    }
    if (qp->type == QP_UPTODATE && lc->phase == LRN_SYNCED) {
        return lrn_up_to_date(lc, em);
    }
    if (qp->type == QP_UPTODATE && lc->phase == LRN_BROADCAST) {
        zk_warn(learner, "UPTODATE came again");
        return ZK_OK;
    }
    if ((qp->type == QP_DIFF || qp->type == QP_TRUNC || qp->type == QP_SNAP)
        && lc->phase == LRN_OPENING) {
        return lrn_opening(lc, qp, em);
    }
    return lrn_unexpected(lc, qp, em);
}

static int
lrn_txn_packet(struct learner_core *lc, const struct jute_quorum_packet *qp,
               struct zk_errmsg *em)
{
    if (lc->phase < LRN_HISTORY) {
        return lrn_unexpected(lc, qp, em);
    }
    if (qp->type == QP_COMMITANDACTIVATE
        || qp->type == QP_INFORMANDACTIVATE) {
        zk_warn(learner, "the reconfig " PRIZXID
                " goes into the tree, this server's own configuration stays",
                qp->zxid);
    }
    switch (qp->type) {
    case QP_PROPOSAL:
    case QP_INFORM:
        return lrn_receive(lc, qp->type, qp->zxid, qp->data, em);
    case QP_INFORMANDACTIVATE:
        return lrn_inform_and_activate(lc, qp, em);
    default:
        return lrn_commit(lc, qp->zxid, em);
    }
}

/* Those that belong to no history.  Before UPTODATE there is nobody whom they
 * could be about, and leaders want no echo of a PING yet. */
static int
lrn_broadcast_packet(struct learner_core *lc,
                     const struct jute_quorum_packet *qp,
                     struct zk_errmsg *em)
{
    if (lc->phase != LRN_BROADCAST) {
        return ZK_OK;
    }
    switch (qp->type) {
    case QP_PING:
        return lc->env.ping(lc->env.self, qp->zxid, em);
    case QP_REVALIDATE:
        return lc->env.revalidated(lc->env.self, qp->data, em);
    default:
        return lc->env.synced(lc->env.self, em);
    }
}

static int
lrn_packet(struct learner_core *lc, const struct jute_quorum_packet *qp,
           struct zk_errmsg *em)
{
    switch (qp->type) {
    case QP_PROPOSAL:
    case QP_COMMIT:
    case QP_COMMITANDACTIVATE:
    case QP_INFORM:
    case QP_INFORMANDACTIVATE:
        return lrn_txn_packet(lc, qp, em);
    case QP_PING:
    case QP_REVALIDATE:
    case QP_SYNC:
        return lrn_broadcast_packet(lc, qp, em);
    case QP_LEADERINFO:
    case QP_DIFF:
    case QP_TRUNC:
    case QP_SNAP:
    case QP_NEWLEADER:
    case QP_UPTODATE:
        return lrn_turn(lc, qp, em);
    default:
        zk_warn(learner, "a packet of type %" PRId32 " (%s) is ignored",
                qp->type, quorum_packet_name(qp->type));
        return ZK_OK;
    }
}

int
learner_core_packet(struct learner_core *lc,
                    const struct jute_quorum_packet *qp,
                    struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    zk_assert(lc->phase != LRN_NEW);
    if (lc->phase == LRN_FAILED) {
        return zk_fail(em, ZK_ESTOPPED,
                       "nothing is taken from this leader any more");
    }
    rv = lrn_packet(lc, qp, em);
    if (rv != ZK_OK) {
        lc->phase = LRN_FAILED;
    }
    return rv;
}

bool
learner_core_is_synced(const struct learner_core *lc)
{
    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    return lc->phase == LRN_SYNCED || lc->phase == LRN_BROADCAST;
}

bool
learner_core_is_serving(const struct learner_core *lc)
{
    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    return lc->phase == LRN_BROADCAST;
}

int64_t
learner_core_epoch(const struct learner_core *lc)
{
    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    return lc->epoch;
}

bool
learner_core_leader_is_old(const struct learner_core *lc)
{
    ZK_CHECK(lc, LEARNER_CORE_MAGIC);
    return lc->leader_is_old;
}
