/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader_join.c: a learner gets this leader's history and joins the broadcast
 * (Java: LearnerHandler.syncFollower, Leader.startForwarding).
 *
 * One step under the leader's lock fixes what the learner lacks, queues
 * NEWLEADER and the open proposals, and lets it join: nothing is missed,
 * nothing comes twice, and no open proposal stands before NEWLEADER
 * (ZOOKEEPER-4394).  What it lacks is then written by the handler itself,
 * from shared bytes, while the queue grows behind it.
 */
#include <config.h>

#include "zab/leader_internal.h"

#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/learner_handler.h"

/* A write has this size, unless one transaction is larger. */
#define LJ_WRITE_SIZE (256 * 1024)
/* History read from the log files is held in memory: more than this is not
 * worth it. */
#define LJ_MAX_DISK_BYTES (INT64_C(256) << 20)
/* The log grows while it is read: after so many rounds a snapshot is
 * faster. */
#define LJ_MAX_DISK_ROUNDS 5
/* How often it is looked whether the snapshot in the way has ended. */
#define LJ_SNAPSHOT_POLL_MS 20
/* A learner that takes less than LJ_WRITE_SIZE of its snapshot in one of so
 * many parts of initLimit leaves it to one that waits, which has time for two.
 * Who takes more has a slow link and would gain nothing by another try. */
#define LJ_PATIENCE_PARTS 3

struct txn_list {
    struct txn_bytes **v;
    size_t n, cap;
};

struct join {
    struct leader *l;
    struct learner_handler *h;
    int64_t peer;               /* The learner's last zxid. */
    struct sync_choice choice;
    bool force_snapshot;
    struct txn_list disk;       /* From the log files, up to disk_upto. */
    int64_t disk_upto;          /* -1: nothing was read. */
    unsigned disk_rounds;
    struct txn_list history;    /* What goes out. */
    struct zk_database_stream *stream;

    /* Whose snapshot is in the way, and how far it had come when. */
    const struct learner_handler *ahead;
    unsigned ahead_blocks;
    int64_t ahead_ms;
};

enum join_step {
    JOIN_DONE,
    JOIN_READ_LOG,              /* ... up to disk_upto, then again. */
    JOIN_WAIT,                  /* Another snapshot is under way. */
    JOIN_REFUSED,
};

/* ---- lists ------------------------------------------------------------- */

static void
lj_add(struct txn_list *list, struct txn_bytes *t)
{
    if (list->n == list->cap) {
        list->cap = list->cap == 0 ? 64 : list->cap * 2;
        list->v = zk_xrealloc(list->v, list->cap * sizeof list->v[0]);
    }
    list->v[list->n++] = txn_bytes_ref(t);
}

static void
lj_add_txn(void *arg, struct txn_bytes *t)
{
    lj_add(arg, t);
}

static void
lj_clear(struct txn_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        txn_bytes_unref(list->v[i]);
    }
    free(list->v);
    *list = (struct txn_list) { 0 };
}

static void
lj_add_above(struct txn_list *to, const struct txn_list *from, int64_t after)
{
    for (size_t i = 0; i < from->n; i++) {
        if (from->v[i]->zxid > after
            && (to->n == 0 || from->v[i]->zxid > to->v[to->n - 1]->zxid)) {
            lj_add(to, from->v[i]);
        }
    }
}

/* Inside an epoch nothing may be missing (ZOOKEEPER-4925). */
static bool
lj_has_gap(const struct txn_list *list)
{
    for (size_t i = 1; i < list->n; i++) {
        int64_t z = list->v[i]->zxid;

        if (z != list->v[i - 1]->zxid + 1
            && zxid_epoch(z) == zxid_epoch(list->v[i - 1]->zxid)) {
            return true;
        }
    }
    return false;
}

/* ---- the choice, under the lock ---------------------------------------- */

/* All that is committed: the committed log, and what the tree has not applied
 * yet. */
static void
lj_committed_locked(struct leader *l, struct txn_list *out)
    ZK_REQUIRES(l->lock)
{
    committed_log_each(l->peer->db->committed, -1, lj_add_txn, out);
    for (size_t i = 0; i < l->proposals.committed; i++) {
        struct txn_bytes *t = leader_proposals_at(&l->proposals, i)->txn;

        if (out->n == 0 || t->zxid > out->v[out->n - 1]->zxid) {
            lj_add(out, t);
        }
    }
}

static int64_t
lj_tree_zxid(struct leader *l)
{
    int64_t zxid;

    zk_read_lock(&l->peer->db->lock);
    zxid = data_tree_last_zxid(l->peer->db->tree);
    zk_read_unlock(&l->peer->db->lock);
    return zxid;
}

static struct sync_choice
lj_choose(const struct join *j, const struct txn_list *committed,
          int64_t last)
{
    struct sync_choice snap = { .kind = SYNC_SNAP };
    const struct leader_options *o = &j->l->opts;
    struct sync_history h = {
        .n = committed->n,
        .last = last,
        .disk_from = o->snapshot_size_factor >= 0
                         ? j->l->peer->db->continuous_from
                         : INT64_MAX,
        .force_snapshot = o->force_snapshot,
    };
    int64_t *zxids;

    if (j->force_snapshot) {
        return snap;
    }
    zxids = zk_xcalloc(committed->n + 1, sizeof *zxids);
    for (size_t i = 0; i < committed->n; i++) {
        zxids[i] = committed->v[i]->zxid;
    }
    h.zxids = zxids;
    snap = learner_sync_choose(&h, j->peer);
    free(zxids);
    return snap;
}

/* Observers wait when many are being brought up to date; participants do
 * not, but count. */
static bool
lj_take_load_locked(struct leader *l, struct learner_handler *h, bool snap)
    ZK_REQUIRES(l->lock)
{
    int64_t *n = snap ? &l->n_snaps : &l->n_diffs;
    int64_t max = snap ? l->opts.max_snaps : l->opts.max_diffs;

    if (h->observer && *n >= max) {
        return false;
    }
    ++*n;
    h->load = snap ? LOAD_SNAP : LOAD_DIFF;
    server_metrics_inc(snap ? METRIC_snap_count : METRIC_diff_count);
    server_metrics_add(snap ? METRIC_inflight_snap_count
                            : METRIC_inflight_diff_count, *n);
    return true;
}

/* What the learner lacks into j->history; JOIN_DONE when it is all there. */
static enum join_step
lj_history_locked(struct leader *l, struct join *j,
                  const struct txn_list *committed, int64_t last)
    ZK_REQUIRES(l->lock)
{
    if (j->choice.kind == SYNC_SNAP) {
        j->stream = zk_database_stream_begin(l->peer->db, &j->choice.zxid);
        if (j->stream == NULL) {
            return JOIN_WAIT;
        }
        l->streaming = j->h;
        j->choice.after = j->choice.zxid;
    } else if (j->choice.from_disk) {
        int64_t need = committed->n > 0 ? committed->v[0]->zxid : last;

        if (j->disk_upto < need) {
            return JOIN_READ_LOG;
        }
        lj_add_above(&j->history, &j->disk, j->choice.after);
    }
    lj_add_above(&j->history, committed, j->choice.after);
    if (lj_has_gap(&j->history)) {
        zk_error(leader, "the history behind zxid 0x%lx has a gap: server "
                 "%ld gets a snapshot", (long) j->choice.after,
                 (long) j->h->sid);
        lj_clear(&j->history);
        zk_assert(j->stream == NULL);
        j->force_snapshot = true;
        return JOIN_READ_LOG;
    }
    return JOIN_DONE;
}

/* From here on everything goes through the learner's queue. */
static void
lj_join_locked(struct leader *l, struct learner_handler *h)
    ZK_REQUIRES(l->lock)
{
    struct zk_buf b = { 0 };
    int64_t last = 0;

    quorum_packet_encode(&b, QP_NEWLEADER, zxid_make(l->epoch, 0),
                         h->old ? ZK_SLICE_NULL
                                : zk_slice_str(l->peer->membership));
    for (size_t i = l->proposals.committed;
         i < l->proposals.n && !h->observer; i++) {
        const struct txn_bytes *t = leader_proposals_at(&l->proposals,
                                                        i)->txn;

        packet_put_txn(&b, QP_PROPOSAL, t);
        last = t->zxid;
    }
    learner_sender_queue_once(&h->sender, packet_block_take(&b, last));
    h->joined = true;
}

static enum join_step
lj_try_locked(struct leader *l, struct join *j, struct zk_errmsg *em)
    ZK_REQUIRES(l->lock)
{
    struct txn_list committed = { 0 };
    enum join_step step;
    int64_t last;

    if (l->closing || j->h->replaced) {
        (void) zk_fail(em, ZK_ESTOPPED, "the link is not wanted any more");
        return JOIN_REFUSED;
    }
    lj_committed_locked(l, &committed);
    last = lj_tree_zxid(l);
    if (committed.n > 0 && committed.v[committed.n - 1]->zxid > last) {
        last = committed.v[committed.n - 1]->zxid;
    }
    j->choice = lj_choose(j, &committed, last);
    step = lj_history_locked(l, j, &committed, last);
    lj_clear(&committed);
    if (step == JOIN_DONE) {
        if (!lj_take_load_locked(l, j->h, j->choice.kind == SYNC_SNAP)) {
            (void) zk_fail(em, ZK_ESTOPPED, "too many learners are being "
                           "brought up to date: the observer must wait");
            return JOIN_REFUSED;
        }
        lj_join_locked(l, j->h);
    }
    return step;
}

/* ---- the log files, outside of the lock -------------------------------- */

static int64_t
lj_max_disk_bytes(struct leader *l)
{
    double limit = l->opts.snapshot_size_factor
                   * (double) zk_database_snapshot_size(l->peer->db);

    if (limit <= 0 || limit > (double) LJ_MAX_DISK_BYTES) {
        return LJ_MAX_DISK_BYTES;
    }
    return (int64_t) limit;
}

/* Reads on where the last round ended; what cannot be had makes it a
 * snapshot. */
static void
lj_read_log(struct join *j)
{
    int64_t upto = lj_tree_zxid(j->l);
    int64_t after = j->disk.n > 0 ? j->disk.v[j->disk.n - 1]->zxid : j->peer;
    struct zk_errmsg em;
    int rv;

    if (j->force_snapshot) {
        return;
    }
    if (j->disk_rounds++ == LJ_MAX_DISK_ROUNDS) {
        j->force_snapshot = true;
        return;
    }
    rv = zk_database_each_logged(j->l->peer->db, after, upto,
                                 lj_max_disk_bytes(j->l), lj_add_txn,
                                 &j->disk, &em);
    if (rv != ZK_OK) {
        leader_note(j->l, leader, ZK_LOG_INFO, "server %ld at zxid 0x%lx gets "
                    "a snapshot, not the log: %s", (long) j->h->sid,
                    (long) j->peer, em.text);
        lj_clear(&j->disk);
        j->force_snapshot = true;
        return;
    }
    j->disk_upto = upto;
}

/* Another's snapshot is in the way, or one that is written to disk: who takes
 * next to nothing of it does not keep it for itself. */
static void
lj_look_ahead_locked(struct leader *l, struct join *j) ZK_REQUIRES(l->lock)
{
    int64_t patience_ms = l->opts.init_ms / LJ_PATIENCE_PARTS;
    struct learner_handler *h = l->streaming;
    int64_t now_ms = zk_time_mono_ms();
    unsigned blocks = h != NULL ? atomic_load(&h->blocks_taken) : 0;

    if (h != j->ahead || blocks != j->ahead_blocks) {
        j->ahead = h;
        j->ahead_blocks = blocks;
        j->ahead_ms = now_ms;
    } else if (h != NULL && now_ms - j->ahead_ms > patience_ms) {
        zk_warn(leader, "closing the link of server %ld at %s: it has taken "
                "next to nothing of its snapshot for %ld ms, and server %ld "
                "waits for one", (long) h->sid, net_stream_peer(h->stream),
                (long) (now_ms - j->ahead_ms), (long) j->h->sid);
        learner_handler_close(h);
        j->ahead_ms = now_ms;
    }
}

static int
lj_prepare(struct join *j, struct zk_errmsg *em)
{
    int64_t deadline_ms = zk_time_mono_ms() + j->l->opts.init_ms;
    struct leader *l = j->l;

    for (;;) {
        enum join_step step;

        zk_lock(&l->lock);
        step = lj_try_locked(l, j, em);
        if (step == JOIN_WAIT) {
            lj_look_ahead_locked(l, j);
            (void) zk_cond_wait_until(&l->changed, &l->lock,
                                      zk_time_mono_ms()
                                          + LJ_SNAPSHOT_POLL_MS);
        }
        zk_unlock(&l->lock);
        if (step == JOIN_DONE) {
            return ZK_OK;
        }
        if (step == JOIN_REFUSED) {
            return ZK_ESTOPPED;
        }
        if (zk_time_mono_ms() >= deadline_ms) {
            return zk_fail(em, ZK_ETORN, "no snapshot could be begun within "
                           "%ld ms: others are under way",
                           (long) l->opts.init_ms);
        }
        if (step == JOIN_READ_LOG) {
            lj_read_log(j);
        }
    }
}

/* ---- writing ----------------------------------------------------------- */

static int
lj_write(struct join *j, struct zk_buf *b, size_t at_least,
         struct zk_errmsg *em)
{
    int rv = ZK_OK;

    if (b->len >= at_least && b->len > 0) {
        rv = net_stream_write(j->h->stream, b->data, b->len,
                              j->l->opts.init_ms, em);
        zk_buf_clear(b);
    }
    return rv;
}

static void
lj_end_stream(struct join *j)
{
    struct leader *l = j->l;

    if (j->stream != NULL) {
        /* Before the tree can give the next one, which is another's. */
        zk_lock(&l->lock);
        zk_assert(l->streaming == j->h);
        l->streaming = NULL;
        zk_unlock(&l->lock);
        zk_database_stream_end(j->stream);
        j->stream = NULL;
        zk_lock(&l->lock);
        zk_cond_broadcast(&l->changed);
        zk_unlock(&l->lock);
    }
}

static int
lj_write_stream(struct join *j, struct zk_buf *b, struct zk_errmsg *em)
{
    bool more = true;
    int rv = ZK_OK;

    while (more && rv == ZK_OK) {
        more = zk_database_stream_next(j->stream, b);
        if (b->len >= LJ_WRITE_SIZE) {
            rv = lj_write(j, b, LJ_WRITE_SIZE, em);
            atomic_fetch_add(&j->h->blocks_taken, 1);
        }
    }
    lj_end_stream(j);
    return rv;
}

static int
lj_write_history(struct join *j, struct zk_buf *b, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    for (size_t i = 0; i < j->history.n && rv == ZK_OK; i++) {
        const struct txn_bytes *t = j->history.v[i];

        if (j->h->observer) {
            packet_put_txn(b, QP_INFORM, t);
        } else {
            packet_put_txn(b, QP_PROPOSAL, t);
            quorum_packet_encode(b, QP_COMMIT, t->zxid, ZK_SLICE_NULL);
        }
        rv = lj_write(j, b, LJ_WRITE_SIZE, em);
    }
    return rv;
}

static int
lj_write_all(struct join *j, struct zk_errmsg *em)
{
    static const int32_t openings[] = {
        [SYNC_DIFF] = QP_DIFF,
        [SYNC_TRUNC] = QP_TRUNC,
        [SYNC_SNAP] = QP_SNAP,
    };
    int32_t opening = openings[j->choice.kind];
    struct zk_buf b = { 0 };
    int rv = ZK_OK;

    leader_note(j->l, leader, ZK_LOG_INFO, "server %ld at zxid 0x%lx gets %s "
                "0x%lx and %zu transactions", (long) j->h->sid,
                (long) j->peer, quorum_packet_name(opening),
                (long) j->choice.zxid, j->history.n);
    quorum_packet_encode(&b, opening, j->choice.zxid, ZK_SLICE_NULL);
    if (j->stream != NULL) {
        rv = lj_write_stream(j, &b, em);
    }
    if (rv == ZK_OK) {
        rv = lj_write_history(j, &b, em);
    }
    if (rv == ZK_OK) {
        rv = lj_write(j, &b, 0, em);
    }
    zk_buf_fini(&b);
    return rv;
}

int
leader_bring_up_to_date(struct leader *l, struct learner_handler *h,
                        int64_t last_zxid, struct zk_errmsg *em)
{
    struct join j = {
        .l = l, .h = h, .peer = last_zxid, .disk_upto = -1,
    };
    int rv = lj_prepare(&j, em);

    if (rv == ZK_OK) {
        rv = lj_write_all(&j, em);
    }
    lj_end_stream(&j);
    lj_clear(&j.disk);
    lj_clear(&j.history);
    if (rv == ZK_OK && !learner_sender_start(&h->sender, h->sid)) {
        rv = zk_fail(em, ZK_EIO, "no thread for its sender");
    }
    if (rv == ZK_OK) {
        zk_lock(&l->lock);
        h->sending = true;
        zk_unlock(&l->lock);
    }
    return rv;
}
