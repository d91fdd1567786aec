/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_env.c: what the core decides, done: on the QuorumPeer thread, with
 * the disk, the tree and the stages of this server.
 */
#include <config.h>

#include <inttypes.h>

#include "zab/learner_internal.h"

#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "server/commit_processor.h"
#include "server/zk_database_sync.h"
#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/txn_latency.h"

/* A failure of the own disk: nobody knows what is on it now, so this server
 * takes part no more (ZOOKEEPER-3701). */
static int
le_disk(struct learner *l, int rv)
{
    if (rv != ZK_OK && l->fault == ZK_OK) {
        l->fault = rv == ZK_ENOSPC ? ZK_ENOSPC : ZK_ECORRUPT;
    }
    return rv;
}

/* ---- epochs and packets ------------------------------------------------ */

static int
le_set_accepted_epoch(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct learner *l = self;

    return le_disk(l, zab_epochs_accept(l->peer->epochs, epoch, em));
}

static int
le_set_current_epoch(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct learner *l = self;

    return le_disk(l, zab_epochs_establish(l->peer->epochs, epoch, em));
}

static int
le_send(void *self, int32_t type, int64_t zxid, struct zk_slice data,
        struct zk_errmsg *em)
{
    struct learner *l = self;

    (void) em;
    learner_link_send(&l->link, type, zxid, data);
    return ZK_OK;
}

/* ---- history ----------------------------------------------------------- */

static int
le_more(void *self, struct zk_buf *out, struct zk_errmsg *em)
{
    struct learner *l = self;

    return learner_link_more(&l->link, out, l->init_ms, em);
}

static int
le_load_snapshot(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct learner *l = self;
    const struct stream_reader from = { l, le_more };

    return zk_database_take_stream(l->peer->db, zxid,
                                   learner_link_raw(&l->link), &from, em);
}

static int
le_save_snapshot(void *self, struct zk_errmsg *em)
{
    struct learner *l = self;
    int rv = le_disk(l, zk_database_save_taken(l->peer->db, em));

    if (rv == ZK_OK) {
        l->peer->need_snapshot = false;
    }
    return rv;
}

static int
le_truncate(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct learner *l = self;
    int rv = zk_database_truncate(l->peer->db, zxid, em);

    if (rv != ZK_ENOTFOUND) {
        return le_disk(l, rv);
    }
    zk_warn(learner, "cannot go back to 0x%" PRIx64 " (%s): a whole snapshot "
            "will be asked for", (uint64_t) zxid, em->text);
    l->peer->need_snapshot = true;
    return rv;
}

static int
le_apply(void *self, struct zk_slice txn, struct zk_errmsg *em)
{
    struct learner *l = self;

    return zk_database_apply_one(l->peer->db, txn, em);
}

static int
le_log_append(void *self, struct zk_slice txn, struct zk_errmsg *em)
{
    struct learner *l = self;

    return le_disk(l, zk_database_log(l->peer->db, txn, false, em));
}

static int
le_log_sync(void *self, struct zk_errmsg *em)
{
    struct learner *l = self;

    return le_disk(l, zk_database_log(l->peer->db, ZK_SLICE_NULL, true, em));
}

static int
le_serve(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct learner *l = self;
    int64_t ms = zk_time_mono_ms() - l->created_ms;

    (void) em;
    learner_start_server(l);
    atomic_store(&l->sync_time_ms, ms);
    zk_info(learner, "%s server %" PRId64 " in epoch 0x%" PRIx64 " after %"
            PRId64 " ms", l->observer ? "observing" : "following",
            l->leader_sid, (uint64_t) epoch, ms);
    l->peer->set_vote_epoch(l->peer->self, epoch);
    l->peer->set_server(l->peer->self, l->zks);
    return ZK_OK;
}

/* ---- broadcast --------------------------------------------------------- */

static struct request *
le_request(struct txn_bytes *t)
{
    struct request *r = request_create(OP_ERROR, 0, 0, ZK_SLICE_NULL, NULL,
                                       NULL);

    r->zxid = t->zxid;
    r->txn = txn_bytes_ref(t);
    return r;
}

/* The log goes by queue and thread; what it has not written yet is bounded by
 * learner.c. */
static void
le_log(struct learner *l, struct request *r)
{
    if (!l->logs) {
        request_free(r);
        return;
    }
    zk_lock(&l->lock);
    l->log_bytes += r->txn != NULL ? (int64_t) r->txn->len : 0;
    zk_unlock(&l->lock);
    bq_list_append(&l->to_log, &r->link);
}

/* No txn: it is in the log already, but wants another ack. */
static int
le_propose(void *self, int64_t zxid, struct zk_slice txn,
           struct zk_errmsg *em)
{
    struct learner *l = self;
    struct txn_bytes *t;
    struct request *r;

    (void) em;
    if (zk_slice_is_null(txn)) {
        r = request_create(OP_ERROR, 0, 0, ZK_SLICE_NULL, NULL, NULL);
        r->zxid = zxid;
        le_log(l, r);
        return ZK_OK;
    }
    t = txn_bytes_create(zxid, txn.p, (size_t) txn.len);
    if (!l->observer) {
        server_metrics_inc(METRIC_learner_proposal_received_count);
        txn_latency_add(METRIC_proposal_latency, t, zk_time_wall_ms());
    }
    le_log(l, le_request(t));
    bq_list_append(&l->open, &le_request(t)->link);
    txn_bytes_unref(t);
    return ZK_OK;
}

static int
le_commit(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct learner *l = self;
    struct bq_node *node = bq_list_pop(&l->open);

    (void) em;
    zk_assert(node != NULL && request_of(node)->zxid == zxid);
    if (!l->observer) {
        server_metrics_inc(METRIC_learner_commit_received_count);
    }
    txn_latency_add(METRIC_commit_propagation_latency,
                    request_of(node)->txn, zk_time_wall_ms());
    bq_list_append(&l->to_commit, node);
    return ZK_OK;
}

static int
le_ping(void *self, int64_t zxid, struct zk_errmsg *em)
{
    (void) em;
    learner_answer_ping(self, zxid);
    return ZK_OK;
}

static int
le_revalidated(void *self, struct zk_slice data, struct zk_errmsg *em)
{
    return learner_revalidated(self, data, em);
}

static int
le_synced(void *self, struct zk_errmsg *em)
{
    struct learner *l = self;
    struct request *r = request_create(OP_SYNC, 0, 0, ZK_SLICE_NULL, NULL,
                                       NULL);

    (void) em;
    bq_list_append(&l->to_commit, &r->link);
    return ZK_OK;
}

/* ---- for learner.c ----------------------------------------------------- */

struct learner_env
learner_env_of(struct learner *l)
{
    return (struct learner_env) {
        .self = l,
        .set_accepted_epoch = le_set_accepted_epoch,
        .set_current_epoch = le_set_current_epoch,
        .send = le_send,
        .load_snapshot = le_load_snapshot,
        .save_snapshot = le_save_snapshot,
        .truncate = le_truncate,
        .apply = le_apply,
        .log_append = le_log_append,
        .log_sync = le_log_sync,
        .serve = le_serve,
        .propose = le_propose,
        .commit = le_commit,
        .ping = le_ping,
        .revalidated = le_revalidated,
        .synced = le_synced,
    };
}

void
learner_hand_on(struct learner *l)
{
    if (l->to_log.n > 0) {
        l->sync->submit(l->sync, &l->to_log);
    }
    if (l->to_commit.n > 0) {
        commit_processor_deliver(l->commit, &l->to_commit);
    }
}

int
learner_apply_open(struct learner *l, struct zk_errmsg *em)
{
    struct file_txn_log *log = file_txn_snap_log_log(l->peer->db->files);
    int64_t durable = file_txn_log_last_synced(log);
    struct bq_node *node;
    int rv = ZK_OK;

    while ((node = bq_list_pop(&l->open)) != NULL) {
        struct request *r = request_of(node);

        if (rv == ZK_OK && l->logs && r->zxid <= durable) {
            rv = zk_database_apply_one(l->peer->db,
                                       zk_slice(r->txn->data,
                                                (int32_t) r->txn->len), em);
        }
        request_free(r);
    }
    return rv;
}
